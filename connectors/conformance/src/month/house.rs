//! The house's side of a month: its tasks, each at its own pace, as the daemon runs them for a channel.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use banto_channel::{
    Connector, Cursor, Cx, Error, ErrorKind, Fulfilment, IdempotencyKey, ListingId, Notice, NoticeKind,
    Outcome, Parcel, Payment, Read, Receipt, RemoteOrder, RemoteOrderId, Result, StockItem,
};
use banto_sim::{Deed, Market};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::{Cadence, Day, Stretch};
use crate::push::items;

/// What the house has of each listing, whatever is sold.
pub(super) const SHELF: i64 = 500;
/// From an order's arrival to its parcel.
const PACKED_AFTER: Duration = Duration::from_secs(20 * 3_600);
/// Findings kept; the first ones say what is wrong.
const FINDINGS_MAX: usize = 10;

/// How soon an order is looked at again that cannot leave yet.
const LOOK_AGAIN: Duration = Duration::from_secs(6 * 3_600);
/// Between two looks at what is to be told.
const TELL_EVERY: Duration = Duration::from_secs(60);

pub(super) struct House {
    connector: Arc<dyn Connector>,
    market: Arc<dyn Market>,
    cx: Cx,
    end: Instant,
    /// Before this moment what is read is read so many times less often.
    thinned: (u32, Instant),
    pull_now: Notify,
    push_now: Notify,
    /// Orders as they were read last, without those that are over.
    open: RefCell<BTreeMap<RemoteOrderId, RemoteOrder>>,
    /// Orders that are placed and not here yet, with the moment.
    awaited: RefCell<BTreeMap<RemoteOrderId, Instant>>,
    to_push: RefCell<BTreeSet<ListingId>>,
    /// When, about which order, and what.
    to_tell: RefCell<BTreeSet<(Instant, RemoteOrderId, bool)>>,
    day: RefCell<Day>,
    full: RefCell<Stretch>,
    findings: RefCell<Vec<String>>,
}

impl House {
    pub(super) fn new(
        (connector, market, cx): (Arc<dyn Connector>, Arc<dyn Market>, Cx),
        thinned: (u32, Instant),
        end: Instant,
    ) -> Self {
        Self {
            connector,
            market,
            cx,
            end,
            thinned,
            pull_now: Notify::new(),
            push_now: Notify::new(),
            open: RefCell::default(),
            awaited: RefCell::default(),
            to_push: RefCell::default(),
            to_tell: RefCell::default(),
            day: RefCell::default(),
            full: RefCell::default(),
            findings: RefCell::default(),
        }
    }

    /// What happened at the marketplace.
    pub(super) fn saw(&self, deeds: &[Deed]) {
        for deed in deeds {
            if let Deed::Placed { order, .. } = deed {
                self.awaited.borrow_mut().insert(order.clone(), Instant::now());
            }
        }
    }

    /// The night's stocktake: every listing is out of date.
    pub(super) fn count_stock(&self) {
        let counted =
            self.market.offers().into_iter().filter(|offer| offer.active && offer.quantity.is_some());
        self.to_push.borrow_mut().extend(counted.map(|offer| offer.id));
        self.push_now.notify_one();
    }

    /// What the day came to.
    pub(super) fn day(&self, calls: BTreeMap<&'static str, u64>) -> Day {
        Day { calls, ..self.day.take() }
    }

    /// What came of the stretch at full pace, and what failed.
    pub(super) fn end(self) -> (Stretch, Vec<String>) {
        (self.full.into_inner(), self.findings.into_inner())
    }

    fn is_full(&self, at: Instant) -> bool {
        at >= self.thinned.1
    }

    /// Waits until what is read every so often is read again.
    async fn rest_between(&self, time: Duration) {
        let now = Instant::now();
        match self.is_full(now) {
            true => self.rest(time).await,
            false => self.rest((time * self.thinned.0).min(self.thinned.1 - now)).await,
        }
    }

    fn over(&self) -> bool {
        Instant::now() >= self.end || self.findings.borrow().len() >= FINDINGS_MAX
    }

    /// Waits, but not beyond the end of the month.
    async fn rest(&self, time: Duration) {
        sleep_until((Instant::now() + time).min(self.end)).await;
    }

    fn found(&self, finding: String) {
        self.findings.borrow_mut().push(finding);
    }

    /// How long to wait after a failure. Our own pace is waited for, as the daemon does; all else is a finding.
    fn went(&self, what: &str, error: &Error) -> Duration {
        if error.kind != ErrorKind::RateLimited {
            self.found(format!("{what}: {error}"));
        }
        error.retry_after.unwrap_or(Duration::from_secs(1))
    }

    // Orders in.

    pub(super) async fn pulls(&self) {
        let poll = self.connector.capabilities().pull_interval_min;
        let (mut cursor, mut before) = (None, Instant::now());
        while !self.over() {
            let began = Instant::now();
            if self.is_full(before) {
                let mut full = self.full.borrow_mut();
                full.pulls += 1;
                full.longest_gap = full.longest_gap.max(began - before);
            }
            before = began;
            match self.pull_round(&mut cursor).await {
                Ok(()) => tokio::select! {
                    () = self.rest_between(poll) => {}
                    () = self.pull_now.notified() => {}
                },
                Err(e) => self.rest(self.went("pull_orders", &e)).await,
            }
        }
    }

    async fn pull_round(&self, cursor: &mut Option<Cursor>) -> Result<()> {
        loop {
            let page = self.connector.pull_orders(&self.cx, cursor.as_ref()).await?;
            self.take(page.items);
            *cursor = Some(page.next);
            if !page.more {
                return Ok(());
            }
        }
    }

    fn take(&self, reads: Vec<Read>) {
        for read in reads {
            match read {
                Read::Order(order) => self.take_order(*order),
                Read::Unreadable { reason, .. } => self.found(format!("an order cannot be read: {reason}")),
            }
        }
    }

    fn take_order(&self, order: RemoteOrder) {
        let id = order.id.clone();
        if let Some(placed) = self.awaited.borrow_mut().remove(&id) {
            self.day.borrow_mut().orders += 1;
            if self.is_full(placed) {
                let mut full = self.full.borrow_mut();
                full.orders += 1;
                full.latest = full.latest.max(placed.elapsed());
            }
            self.to_push.borrow_mut().extend(order.lines.iter().filter_map(|line| line.listing.clone()));
            self.push_now.notify_one();
            let can = self.connector.capabilities();
            let mut to_tell = self.to_tell.borrow_mut();
            if can.can_notify(NoticeKind::Confirmed) {
                to_tell.insert((Instant::now(), id.clone(), false));
            }
            if can.can_notify(NoticeKind::Shipped) {
                to_tell.insert((Instant::now() + PACKED_AFTER, id.clone(), true));
            }
        }
        match order.fulfilment {
            Fulfilment::Open | Fulfilment::Partial => drop(self.open.borrow_mut().insert(id, order)),
            _ => drop(self.open.borrow_mut().remove(&id)),
        }
    }

    // Stock out.

    pub(super) async fn pushes(&self) {
        let batch = usize::from(self.connector.capabilities().stock_batch_max.get());
        let mut receipts: BTreeSet<Receipt> = BTreeSet::new();
        let mut version = 0;
        while !self.over() {
            let mut wait = if receipts.is_empty() { super::DAY } else { Cadence::DAEMON.receipts };
            let due: Vec<(ListingId, i64)> =
                self.to_push.borrow().iter().take(batch).map(|listing| (listing.clone(), SHELF)).collect();
            if !due.is_empty() {
                version += 1;
                wait = self.push(&items(&due, version), &mut receipts).await;
            }
            if let Err(e) = self.ask(&mut receipts).await {
                wait = wait.max(self.went("poll_receipt", &e));
            }
            tokio::select! {
                () = self.rest(wait) => {}
                () = self.push_now.notified() => {}
            }
        }
    }

    /// Pushes a batch; how long the next one waits.
    async fn push(&self, batch: &[StockItem], receipts: &mut BTreeSet<Receipt>) -> Duration {
        for item in batch {
            self.to_push.borrow_mut().remove(&item.listing);
        }
        let outcomes = match self.connector.push_stock(&self.cx, batch).await {
            Ok(outcomes) => outcomes,
            Err(e) => {
                self.to_push.borrow_mut().extend(batch.iter().map(|item| item.listing.clone()));
                return self.went("push_stock", &e);
            }
        };
        let mut wait = Duration::ZERO;
        for (item, outcome) in batch.iter().zip(outcomes) {
            match outcome {
                Outcome::Applied => {}
                Outcome::Pending(receipt) => drop(receipts.insert(receipt)),
                Outcome::Retry { after, .. } => {
                    self.to_push.borrow_mut().insert(item.listing.clone());
                    wait = wait.max(after);
                }
                Outcome::Refused { reason } => self.found(format!("{} was refused: {reason}", item.listing)),
            }
        }
        wait
    }

    /// Asks after each receipt.
    async fn ask(&self, receipts: &mut BTreeSet<Receipt>) -> Result<()> {
        for receipt in receipts.clone() {
            let verdicts = self.connector.poll_receipt(&self.cx, &receipt).await?;
            let refused = verdicts.iter().find(|(_, outcome)| matches!(outcome, Outcome::Refused { .. }));
            if let Some((listing, outcome)) = refused {
                self.found(format!("{listing} came to {outcome:?}"));
            }
            // What is decided is decided for all of the receipt's listings.
            if !verdicts.is_empty() {
                receipts.remove(&receipt);
            }
        }
        Ok(())
    }

    // Upkeep.

    pub(super) async fn upkeep(&self) {
        let can = self.connector.capabilities();
        let Cadence { rereads, offers, hooks, probe, .. } = Cadence::DAEMON;
        tokio::join!(
            self.every(probe, true, "probe", async || self.connector.probe(&self.cx).await.map(drop)),
            self.every(offers, can.lists_offers, "list_offers", async || self.read_offers().await),
            self.every(hooks, can.webhooks, "ensure_webhooks", async || {
                self.connector.ensure_webhooks(&self.cx, "https://banto.example/hook").await.map(drop)
            }),
            self.every(rereads, can.needs_open_order_rereads, "reread_orders", async || self.reread().await),
        );
    }

    async fn every(&self, time: Duration, wanted: bool, what: &str, doing: impl AsyncFn() -> Result<()>) {
        while wanted && !self.over() {
            match doing().await {
                Ok(()) => self.rest_between(time).await,
                Err(e) => self.rest(self.went(what, &e)).await,
            }
        }
    }

    async fn read_offers(&self) -> Result<()> {
        let mut cursor = None;
        loop {
            let page = self.connector.list_offers(&self.cx, cursor.as_ref()).await?;
            if !page.more {
                break;
            }
            cursor = Some(page.next);
        }
        // The daemon wants the orders that explain the numbers.
        self.pull_now.notify_one();
        Ok(())
    }

    async fn reread(&self) -> Result<()> {
        let ids: Vec<RemoteOrderId> = self.open.borrow().keys().cloned().collect();
        for some in ids.chunks(usize::from(self.connector.capabilities().reread_batch_max).max(1)) {
            let reads = self.connector.reread_orders(&self.cx, some).await?;
            self.take(reads);
        }
        Ok(())
    }

    // Orders out.

    pub(super) async fn parcels(&self) {
        while !self.over() {
            let due = self.to_tell.borrow().first().filter(|(at, ..)| *at <= Instant::now()).cloned();
            let Some((at, id, parcel)) = due else {
                self.rest(TELL_EVERY).await;
                continue;
            };
            self.to_tell.borrow_mut().remove(&(at, id.clone(), parcel));
            let again = match parcel {
                true => self.ship(&id).await,
                false => self.tell(&id, &Notice::Confirmed).await,
            };
            if let Some(after) = again {
                self.to_tell.borrow_mut().insert((Instant::now() + after, id, parcel));
            }
        }
    }

    /// Sends an order off; when to try again if it cannot leave yet.
    async fn ship(&self, id: &RemoteOrderId) -> Option<Duration> {
        let ready = |order: &RemoteOrder| order.payment == Payment::Paid && order.wait.is_none();
        let is_ready = self.open.borrow().get(id).map(ready)?;
        if !is_ready {
            return Some(LOOK_AGAIN);
        }
        let parcel = Parcel {
            carrier: self
                .connector
                .capabilities()
                .carriers
                .first()
                .map_or("ヤマト運輸", |c| c.code)
                .to_owned(),
            tracking: "4212-3456-7890".to_owned(),
            tracking_url: None,
            shipped_at: self.cx.clock.now(),
            lines: Vec::new(),
            completes: true,
        };
        self.tell(id, &Notice::Shipped(parcel)).await
    }

    /// Tells it; when to try again.
    async fn tell(&self, id: &RemoteOrderId, notice: &Notice) -> Option<Duration> {
        let key = IdempotencyKey(format!("{id}-{}", notice.kind().name()));
        match self.connector.notify_order(&self.cx, id, notice, &key).await {
            Ok(Outcome::Retry { after, .. }) => Some(after),
            // An order that was cancelled or shipped meanwhile takes no parcel; what became of it comes with a pull.
            Ok(_) => None,
            Err(e) if e.kind == ErrorKind::Refused => None,
            Err(e) => Some(self.went("notify_order", &e)),
        }
    }
}
