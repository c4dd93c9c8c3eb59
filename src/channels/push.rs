//! Stock out: what moved since the last look is planned, guarded, and pushed batch by batch, the most urgent first.
//!
//! A listing whose shown number is out of date *is* the queue; this keeps only its order of urgency in memory. After
//! each batch the ledger is looked at again, so a zero never waits behind a long list of others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use banto_channel::{
    Bilingual, Error, ErrorKind, IdempotencyKey, ListingId, Outcome, StockItem, Timestamp, both,
};
use sha2::{Digest, Sha256};

use super::pull::PullError;
use super::{Channel, Patience};
use crate::domain::ItemId;
use crate::domain::guard::{guard, reason_in_words};
use crate::domain::plan::{Candidate, Push, plan};
use crate::store::{
    Alert, ChannelRow, ListingRow, PlanRules, PushOutcome, Scope, Stocked, Store, StoreError,
};
use crate::web::metric_names as names;

/// Most movements read at one look.
const CHANGES_MAX: i64 = 10_000;
/// Listings read at once while looking at all of them.
const SCAN_PAGE: i64 = 1_000;
/// Least time between two pushes of one listing that does not fall to zero: a burst of changes costs a handful of
/// pushes, and none waits longer than this.
const LISTING_GAP: Duration = Duration::from_millis(80);

/// Where a push stands in the line: zeros, then small numbers.
type Urgency = (bool, i64, i64);

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Listings that the channel took.
    pub applied: usize,
    /// Listings that it refused or that failed.
    pub failed: usize,
    /// Calls made.
    pub calls: usize,
    /// From the commit of each movement to the request that carried it.
    pub lags: Vec<Duration>,
    /// Work is left that could be done right now.
    pub more: bool,
    /// When the next waiting listing may be tried.
    pub next: Option<Timestamp>,
}

/// The pushing side of one channel. Loses nothing when it is dropped: a new one starts with a look at all listings.
#[derive(Debug)]
pub struct Pusher {
    seen_entry: Option<i64>,
    /// The channel's count of mappings by hand at the last look.
    mapped: Option<i64>,
    /// The channel's count of pushes asked for by hand at the last look.
    asked: Option<i64>,
    scan: bool,
    /// The next look at all does not wait for listings that rest after a failure.
    hurry: bool,
    line: BTreeMap<Urgency, Push>,
    place: HashMap<i64, Urgency>,
    moved_at: HashMap<i64, i64>,
    pushed_at: HashMap<i64, Timestamp>,
    /// Listings whose number the channel may have changed by itself since our last push.
    unsure: HashSet<i64>,
    retry: BTreeSet<(Timestamp, i64)>,
    /// What the channel said and the store has not noted yet, and when it was asked.
    unnoted: Option<(Timestamp, Vec<PushOutcome>)>,
    pause_until: Timestamp,
    patience: Patience,
}

impl Default for Pusher {
    fn default() -> Self {
        Self {
            seen_entry: None,
            mapped: None,
            asked: None,
            scan: true,
            hurry: false,
            line: BTreeMap::new(),
            place: HashMap::new(),
            moved_at: HashMap::new(),
            pushed_at: HashMap::new(),
            unsure: HashSet::new(),
            retry: BTreeSet::new(),
            unnoted: None,
            pause_until: Timestamp(i64::MIN),
            patience: Patience::default(),
        }
    }
}

impl Pusher {
    /// Has the next step look at every listing: after a change of rules, an approval, a fresh list of offers.
    pub fn look_at_all(&mut self) {
        self.scan = true;
    }

    /// Has the next step look at every listing and try also those that rest after a failure: a person wants it now.
    pub fn push_now(&mut self) {
        (self.scan, self.hurry) = (true, true);
        self.pause_until = Timestamp(i64::MIN);
    }

    /// Looks at what moved and pushes at most one batch.
    ///
    /// Errors: only the store's; what the channel answers is in the outcomes of its listings. What it answered and could
    /// not be noted is noted by the next step, before anything else is pushed.
    pub async fn step(
        &mut self,
        channel: &Channel,
        store: &Store,
        row: &ChannelRow,
    ) -> Result<Step, PullError> {
        let step = self.try_step(channel, store, row).await;
        // Movements that were read and not planned are in no list any more.
        self.scan |= step.is_err();
        step
    }

    async fn try_step(
        &mut self,
        channel: &Channel,
        store: &Store,
        row: &ChannelRow,
    ) -> Result<Step, PullError> {
        self.note(channel, store).await?;
        let now = channel.now();
        if !channel.live || row.paused {
            // Whatever moves meanwhile is found by looking at all listings when it goes on.
            self.forget();
            return Ok(Step::default());
        }
        self.look(channel, store, row, now).await?;
        if now < self.pause_until {
            return Ok(Step { next: Some(self.pause_until), ..Step::default() });
        }
        let batch = self.next_batch(channel, now);
        if batch.is_empty() {
            return Ok(Step { next: self.next_wake(now), ..Step::default() });
        }
        let mut step = self.push(channel, store, batch, now).await?;
        step.next = self.next_wake(channel.now());
        step.more = !self.line.is_empty() && step.next.is_none_or(|at| at <= channel.now());
        Ok(step)
    }

    fn forget(&mut self) {
        *self = Self { patience: self.patience, ..Self::default() };
    }

    /// Takes up what a person has said since the last look.
    fn hear(&mut self, row: &ChannelRow) {
        if self.asked.replace(row.push_asked).is_some_and(|seen| seen != row.push_asked) {
            self.push_now();
        }
        if row.approved || self.mapped.replace(row.mapped).is_some_and(|seen| seen != row.mapped) {
            self.scan = true;
        }
    }

    /// Brings the line up to date with the ledger.
    async fn look(
        &mut self,
        channel: &Channel,
        store: &Store,
        row: &ChannelRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.hear(row);
        if self.scan {
            // Read the mark first: what moves during the look is then looked at again.
            self.seen_entry = Some(store.newest_entry().await?);
            let all = self.scan_all(channel, store, now).await?;
            // What still stands in the line was asked for by how things were: a listing may be another item's now.
            self.line.clear();
            self.place.clear();
            self.enter(channel, store, row, &all, now).await?;
            (self.scan, self.hurry) = (false, false);
            return Ok(());
        }
        let mut items: BTreeSet<ItemId> = BTreeSet::new();
        let mut own: BTreeSet<ItemId> = BTreeSet::new();
        let actor = format!("channel:{}", channel.name);
        let changes = store.stock_changes(self.seen_entry.unwrap_or(0), CHANGES_MAX).await?;
        let mut moved: HashMap<ItemId, i64> = HashMap::new();
        for change in &changes {
            items.insert(change.item_id);
            moved.entry(change.item_id).or_insert(change.at);
            // The channel lowered its own number when it sold.
            if change.actor == actor {
                own.insert(change.item_id);
            }
            self.seen_entry = Some(change.id);
        }
        let due: Vec<(Timestamp, i64)> = self.retry.range(..=(now, i64::MAX)).copied().collect();
        for key in due {
            self.retry.remove(&key);
            items.insert(key.1);
        }
        if items.is_empty() {
            return Ok(());
        }
        let stocked = store.stocked(&rules(channel), Scope::Items(&items)).await?;
        for one in &stocked {
            if one.supplies.iter().any(|s| own.contains(&s.item)) {
                self.unsure.insert(one.row.id);
            }
            if let Some(at) = one.supplies.iter().filter_map(|s| moved.get(&s.item)).min() {
                self.moved_at.entry(one.row.id).or_insert(*at);
            }
        }
        let candidates: Vec<Candidate> = stocked
            .iter()
            .map(|s| {
                let unsure = self.unsure.contains(&s.row.id);
                s.candidate(&channel.rule(&s.row), channel.connector.capabilities().stock_basis, unsure)
            })
            .collect();
        self.note_items(&stocked, now);
        self.enter(channel, store, row, &candidates, now).await
    }

    async fn scan_all(
        &mut self,
        channel: &Channel,
        store: &Store,
        now: Timestamp,
    ) -> Result<Vec<Candidate>, StoreError> {
        let (mut all, mut after) = (Vec::new(), 0);
        let basis = channel.connector.capabilities().stock_basis;
        loop {
            let page = store.stocked(&rules(channel), Scope::Page(after, SCAN_PAGE)).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.row.id;
            self.note_items(&page, now);
            let hurry = self.hurry;
            let rested = |c: Candidate| if hurry { Candidate { retry_at: None, ..c } } else { c };
            let out_of_date = |c: &Candidate| c.shown != c.wanted || c.version > c.shown_version || c.failed;
            // What the channel did to its numbers while nobody looked is not known.
            all.extend(
                page.iter()
                    .map(|s| rested(s.candidate(&channel.rule(&s.row), basis, true)))
                    .filter(|c| c.wanted.is_some() && out_of_date(c)),
            );
        }
    }

    /// Remembers which listings have to be looked at again at a later time.
    fn note_items(&mut self, stocked: &[Stocked], now: Timestamp) {
        for one in stocked {
            if let (Some(at), Some(item)) = (one.row.retry_at.filter(|at| *at > now.0), one.row.item_id) {
                self.retry.insert((Timestamp(at), item));
            }
        }
    }

    async fn enter(
        &mut self,
        channel: &Channel,
        store: &Store,
        row: &ChannelRow,
        candidates: &[Candidate],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let planned = plan(candidates, now);
        for candidate in candidates {
            self.leave(candidate.listing);
        }
        store.settle_pushes(&[], &planned.settled, now, now).await?;
        let on_sale = store.listings_on_sale(channel.id).await?;
        let guarded = guard(planned.pushes, on_sale, &channel.limits);
        let calm_again = row.stopped.is_some() && self.scan && guarded.reason.is_none();
        let mut pushes = guarded.go;
        if row.approved {
            pushes.extend(guarded.stopped);
        } else if let Some(reason) = guarded.reason {
            stop_and_ask(channel, store, &reason, now).await?;
        }
        if row.approved || calm_again {
            go_on(channel, store, now).await?;
        }
        let going: BTreeSet<i64> = pushes.iter().map(|p| p.listing).collect();
        for candidate in candidates.iter().filter(|c| !going.contains(&c.listing)) {
            self.moved_at.remove(&candidate.listing);
        }
        for push in pushes {
            let urgency = (push.quantity > 0, push.quantity, push.listing);
            self.place.insert(push.listing, urgency);
            self.line.insert(urgency, push);
        }
        Ok(())
    }

    fn leave(&mut self, listing: i64) {
        if let Some(urgency) = self.place.remove(&listing) {
            self.line.remove(&urgency);
        }
    }

    fn may_go(&self, push: &Push, now: Timestamp) -> bool {
        push.quantity == 0 || self.pushed_at.get(&push.listing).is_none_or(|at| at.plus(LISTING_GAP) <= now)
    }

    fn next_batch(&mut self, channel: &Channel, now: Timestamp) -> Vec<Push> {
        let most = usize::from(channel.connector.capabilities().stock_batch_max.get());
        self.pushed_at.retain(|_, at| at.plus(LISTING_GAP) > now);
        let batch: Vec<Push> =
            self.line.values().filter(|p| self.may_go(p, now)).take(most).cloned().collect();
        for push in &batch {
            self.leave(push.listing);
        }
        batch
    }

    fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let gap = self.line.values().take(1_000).map(|p| {
            let last = self.pushed_at.get(&p.listing).filter(|_| p.quantity > 0);
            last.map_or(now, |at| at.plus(LISTING_GAP))
        });
        gap.chain(self.retry.first().map(|(at, _)| *at)).min()
    }

    async fn push(
        &mut self,
        channel: &Channel,
        store: &Store,
        batch: Vec<Push>,
        now: Timestamp,
    ) -> Result<Step, PullError> {
        let items: Vec<StockItem> = batch.iter().map(|p| stock_item(channel, p)).collect();
        let answer = channel.connector.push_stock(&channel.cx, &items).await;
        let (outcomes, error) = match answer {
            Ok(outcomes) if outcomes.len() == batch.len() => {
                self.patience.worked();
                (outcomes, None)
            }
            Ok(outcomes) => {
                let what = both!(
                    "{answers} answers for {listings} listings",
                    "{listings}件の出品に対して{answers}件の応答がありました",
                    answers = outcomes.len(),
                    listings = batch.len()
                );
                self.give_way(channel, Error::told(ErrorKind::Unexpected, what), batch.len())
            }
            Err(error) => self.give_way(channel, error, batch.len()),
        };
        let done =
            batch.into_iter().zip(outcomes).map(|(push, outcome)| PushOutcome { push, outcome }).collect();
        self.unnoted = Some((now, done));
        let step = self.note(channel, store).await?;
        if let Some(error) = error {
            self.tell(channel, store, &error).await?;
        }
        Ok(Step { calls: 1, ..step })
    }

    /// Commits what the channel said to the last batch, if that is not done yet.
    async fn note(&mut self, channel: &Channel, store: &Store) -> Result<Step, StoreError> {
        let mut step = Step::default();
        let Some((sent_at, done)) = self.unnoted.take() else { return Ok(step) };
        if let Err(error) = store.settle_pushes(&done, &[], sent_at, channel.now()).await {
            self.unnoted = Some((sent_at, done));
            return Err(error);
        }
        if self.patience.failures() == 0 {
            store.clear(&format!("push:{}", channel.name), sent_at).await?;
        }
        for one in &done {
            self.after(channel, one, sent_at, &mut step);
        }
        if step.failed > 0 {
            // Their items are looked at again when the time that the store noted has come.
            self.note_failed(channel, store, &done).await?;
        }
        Ok(step)
    }

    fn after(&mut self, channel: &Channel, one: &PushOutcome, now: Timestamp, step: &mut Step) {
        let (name, push) = (channel.name.as_str(), &one.push);
        self.pushed_at.insert(push.listing, now);
        let moved = self.moved_at.remove(&push.listing);
        let word = match &one.outcome {
            Outcome::Applied | Outcome::Pending(_) => {
                step.applied += 1;
                self.unsure.remove(&push.listing);
                if let Some(at) = moved {
                    let lag = now.since(Timestamp(at));
                    step.lags.push(lag);
                    metrics::histogram!(names::PROPAGATION, "channel" => channel.name.clone())
                        .record(lag.as_secs_f64());
                    metrics::gauge!(names::PUSH_LAG, "channel" => channel.name.clone())
                        .set(lag.as_secs_f64());
                }
                tracing::info!(
                    channel = name,
                    listing = push.listing,
                    remote = push.remote_id,
                    quantity = push.quantity,
                    was = push.was,
                    version = push.version,
                    "stock pushed"
                );
                "applied"
            }
            Outcome::Refused { reason } | Outcome::Retry { reason, .. } => {
                step.failed += 1;
                tracing::warn!(
                    channel = name,
                    listing = push.listing,
                    remote = push.remote_id,
                    quantity = push.quantity,
                    %reason,
                    "stock not taken"
                );
                "failed"
            }
        };
        metrics::counter!(names::STOCK_PUSHES, "channel" => channel.name.clone(), "outcome" => word)
            .increment(1);
    }

    async fn note_failed(
        &mut self,
        channel: &Channel,
        store: &Store,
        done: &[PushOutcome],
    ) -> Result<(), StoreError> {
        let failed =
            done.iter().filter(|o| matches!(o.outcome, Outcome::Refused { .. } | Outcome::Retry { .. }));
        let remotes: Vec<&str> = failed.map(|o| o.push.remote_id.as_str()).collect();
        for row in store.listings_by_remote(channel.id, &remotes).await? {
            if let (Some(at), Some(item)) = (row.retry_at, row.item_id) {
                self.retry.insert((Timestamp(at), item));
            }
        }
        Ok(())
    }

    /// A whole batch failed: the channel's pushes pause.
    fn give_way(&mut self, channel: &Channel, error: Error, count: usize) -> (Vec<Outcome>, Option<Error>) {
        let pause = self.patience.failed(&error);
        self.pause_until = channel.now().plus(pause);
        tracing::warn!(channel = channel.name, error = %error, pause_s = pause.as_secs(), "push failed");
        let retry = Outcome::Retry { after: pause, reason: error.words() };
        (vec![retry; count], Some(error))
    }

    /// Tells the merchant of a failure that lasts.
    async fn tell(&self, channel: &Channel, store: &Store, error: &Error) -> Result<(), StoreError> {
        if self.patience.failures() < 3 && error.kind.is_temporary() {
            return Ok(());
        }
        let alert = Alert {
            key: &format!("push:{}", channel.name),
            channel: Some(channel.id),
            kind: "push_failed",
            detail: &both!(
                "stock cannot be sent to {name}",
                "{name}へ在庫を送信できません",
                name = channel.name
            )
            .with(&error.words()),
        };
        store.raise(&alert, channel.now()).await
    }

    /// Asks after pushes that the channel took with a receipt.
    ///
    /// Errors: [`PullError`].
    pub async fn ask_receipts(&mut self, channel: &Channel, store: &Store) -> Result<usize, PullError> {
        let waiting = store.listings_pending(channel.id, SCAN_PAGE).await?;
        let mut receipts: BTreeMap<String, Vec<ListingRow>> = BTreeMap::new();
        for row in waiting {
            receipts.entry(row.receipt.clone().unwrap_or_default()).or_default().push(row);
        }
        let (mut decided, mut failed) = (0, None);
        for (receipt, rows) in receipts {
            let answers = match channel.connector.poll_receipt(&channel.cx, &receipt.into()).await {
                Ok(answers) => answers,
                // The channel has forgotten it: what came of it is not known, so it is said again.
                Err(error) if error.kind == ErrorKind::NotFound => {
                    let again = Outcome::Retry { after: Duration::ZERO, reason: error.words() };
                    rows.iter().map(|r| (ListingId(r.remote_id.clone()), again.clone())).collect()
                }
                Err(error) if error.kind.is_temporary() => return Err(error.into()),
                // One receipt that the channel does not like holds up no other.
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            let answers: HashMap<ListingId, Outcome> = answers.into_iter().collect();
            let done: Vec<PushOutcome> = rows
                .iter()
                .filter_map(|row| Some((row, answers.get(&ListingId(row.remote_id.clone()))?)))
                .map(|(row, outcome)| PushOutcome { push: sent(row), outcome: outcome.clone() })
                .collect();
            // They went out together, and what came to be doubted since is still in doubt.
            let (now, sent_at) = (channel.now(), rows.iter().filter_map(|row| row.sent_at).min());
            store.settle_pushes(&done, &[], sent_at.map_or(now, Timestamp), now).await?;
            decided += done.len();
        }
        self.scan |= decided > 0;
        failed.map_or(Ok(decided), |error| Err(error.into()))
    }
}

fn rules(channel: &Channel) -> PlanRules<'_> {
    PlanRules {
        channel: channel.id,
        locations: &channel.facts.locations,
        basis: channel.connector.capabilities().stock_basis,
    }
}

fn sent(row: &ListingRow) -> Push {
    Push {
        listing: row.id,
        remote_id: row.remote_id.clone(),
        quantity: row.sent.unwrap_or(0),
        was: row.shown,
        version: row.sent_version,
    }
}

fn stock_item(channel: &Channel, push: &Push) -> StockItem {
    let name = format!("{}\n{}\n{}\n{}", channel.name, push.remote_id, push.version, push.quantity);
    let hash = Sha256::digest(name.as_bytes());
    let key: String = hash[..16].iter().map(|b| format!("{b:02x}")).collect();
    StockItem {
        listing: ListingId(push.remote_id.clone()),
        quantity: push.quantity,
        was: push.was,
        version: push.version,
        key: IdempotencyKey(key),
    }
}

async fn stop_and_ask(
    channel: &Channel,
    store: &Store,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (name, detail) = (channel.name.as_str(), stopped_text(&channel.name, reason));
    tracing::error!(channel = name, reason, "push stopped: a person must look at it");
    let mut write = store.write().await?;
    write.stop_channel(channel.id, Some(reason)).await?;
    let key = format!("guard:{name}");
    write.raise(&Alert { key: &key, channel: Some(channel.id), kind: "guard", detail: &detail }, now).await?;
    write.commit().await
}

async fn go_on(channel: &Channel, store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    write.stop_channel(channel.id, None).await?;
    write.clear(&format!("guard:{}", channel.name), now).await?;
    write.commit().await
}

fn stopped_text(name: &str, reason: &str) -> Bilingual {
    both!(
        "pushes to {name} wait for your word: {reason}. Look with `banto channel diff {name}`; if it is right, \
             `banto channel push {name} --yes`",
        "{name}への在庫送信が確認待ちです: {ja}。チャネルの画面で内容を確認し、問題がなければ送信してください",
        ja = reason_in_words(reason).ja
    )
}
