//! Pushing stock the way the daemon does: in batches, with retries and receipts.

use std::collections::BTreeMap;
use std::time::Duration;

use banto_channel::{IdempotencyKey, ListingId, Outcome, Receipt, StockItem};

use crate::fixture::Fixture;

/// Between two questions after a receipt.
const BETWEEN_POLLS: Duration = Duration::from_secs(60);

/// Questions after a receipt before it counts as never decided.
const POLLS_MAX: usize = 60;

/// Tries of one batch before it counts as impossible.
const TRIES_MAX: usize = 10;

/// The push of these numbers that the daemon would make for this version.
pub(crate) fn items(wanted: &[(ListingId, i64)], version: i64) -> Vec<StockItem> {
    let item = |(listing, quantity): &(ListingId, i64)| StockItem {
        listing: listing.clone(),
        quantity: *quantity,
        was: None,
        version,
        key: key(listing, version),
    };
    wanted.iter().map(item).collect()
}

/// A name for the intent that a marketplace can take: 16 hexadecimal digits (FNV-1a).
fn key(listing: &ListingId, version: i64) -> IdempotencyKey {
    let text = format!("{listing}/{version}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    IdempotencyKey(format!("{hash:016x}"))
}

impl Fixture {
    /// Pushes until every item is applied or refused; answers with one final outcome an item, in order.
    pub(crate) async fn push(&self, items: &[StockItem]) -> Result<Vec<Outcome>, String> {
        let mut outcomes = Vec::with_capacity(items.len());
        for batch in items.chunks(usize::from(self.can().stock_batch_max.get())) {
            outcomes.extend(self.push_batch(batch).await?);
        }
        Ok(outcomes)
    }

    /// Pushes these numbers and fails unless each is applied.
    pub(crate) async fn set(&self, wanted: &[(ListingId, i64)], version: i64) -> Result<(), String> {
        let outcomes = self.push(&items(wanted, version)).await?;
        for ((listing, quantity), outcome) in wanted.iter().zip(outcomes) {
            if outcome != Outcome::Applied {
                return Err(format!("setting {listing} to {quantity} came to {outcome:?}"));
            }
        }
        Ok(())
    }

    /// Fails unless the marketplace shows what it must after it was told these numbers.
    pub(crate) fn ensure_told(&self, wanted: &[(ListingId, i64)], when: &str) -> Result<(), String> {
        wanted
            .iter()
            .try_for_each(|(listing, told)| self.ensure_shown(listing, told - self.held_back(listing), when))
    }

    /// Fails unless the marketplace shows this number.
    pub(crate) fn ensure_shown(&self, listing: &ListingId, quantity: i64, when: &str) -> Result<(), String> {
        let shown = self.market.shown(listing);
        if shown == Some(quantity) {
            return Ok(());
        }
        Err(format!("{when}, {listing} shows {shown:?} and not {quantity}"))
    }

    async fn push_batch(&self, batch: &[StockItem]) -> Result<Vec<Outcome>, String> {
        let mut done: Vec<Option<Outcome>> = vec![None; batch.len()];
        for _ in 0..TRIES_MAX {
            let open: Vec<usize> = (0..batch.len()).filter(|&at| done[at].is_none()).collect();
            let again: Vec<StockItem> = open.iter().map(|&at| batch[at].clone()).collect();
            let wait = match self.connector.push_stock(&self.cx, &again).await {
                Ok(outcomes) if outcomes.len() != again.len() => {
                    return Err(format!("{} outcomes for {} items", outcomes.len(), again.len()));
                }
                Ok(outcomes) => {
                    let mut wait = Duration::ZERO;
                    let decided = self.follow(&again, outcomes).await?;
                    for (at, outcome) in open.into_iter().zip(decided) {
                        match outcome {
                            Outcome::Retry { after, .. } => wait = wait.max(after),
                            last => done[at] = Some(last),
                        }
                    }
                    wait
                }
                Err(e) if e.kind.is_temporary() => e.retry_after.unwrap_or(Duration::from_secs(1)),
                Err(e) => return Err(format!("push_stock failed: {e}")),
            };
            if done.iter().all(Option::is_some) {
                return Ok(done.into_iter().flatten().collect());
            }
            (self.advance)(wait);
        }
        Err(format!("after {TRIES_MAX} tries a batch of {} is neither applied nor refused", batch.len()))
    }

    /// Replaces each `Pending` by what came of it.
    pub(crate) async fn follow(
        &self,
        items: &[StockItem],
        outcomes: Vec<Outcome>,
    ) -> Result<Vec<Outcome>, String> {
        let mut waiting: BTreeMap<Receipt, Vec<usize>> = BTreeMap::new();
        let mut out = outcomes;
        for (at, outcome) in out.iter().enumerate() {
            if let Outcome::Pending(receipt) = outcome {
                waiting.entry(receipt.clone()).or_default().push(at);
            }
        }
        for (receipt, places) in waiting {
            let verdicts = self.decided(&receipt, places.len()).await?;
            for at in places {
                let verdict = verdicts.get(&items[at].listing);
                out[at] = verdict.cloned().ok_or_else(|| {
                    format!("receipt {receipt} was decided without a word on {}", items[at].listing)
                })?;
            }
        }
        Ok(out)
    }

    /// Asks after a receipt until so many items are decided.
    pub(crate) async fn decided(
        &self,
        receipt: &Receipt,
        count: usize,
    ) -> Result<BTreeMap<ListingId, Outcome>, String> {
        let mut verdicts = BTreeMap::new();
        for _ in 0..POLLS_MAX {
            (self.advance)(BETWEEN_POLLS);
            match self.connector.poll_receipt(&self.cx, receipt).await {
                Ok(told) => verdicts.extend(told),
                Err(e) if e.kind.is_temporary() => {}
                Err(e) => return Err(format!("poll_receipt failed: {e}")),
            }
            if verdicts.len() >= count {
                return Ok(verdicts);
            }
        }
        Err(format!("receipt {receipt} is undecided after {POLLS_MAX} questions, one a minute"))
    }
}
