//! The tasks of one channel: wait → pull → intake → wait, and beside it wait → plan → push → wait.
//!
//! A timer decides when; a verified webhook or a movement of stock only shortens the wait. The steps themselves
//! are in `pull` and `push` and know nothing of waiting, so that the simulation can drive them in virtual time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use banto_channel::{Cursor, ErrorKind, NoticeKind, Timestamp, both};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::pull::{PullError, Pulled, pull_round, reread_round};
use super::push::Pusher;
use super::{Channel, Patience};
use crate::config::Confirm;
use crate::domain::counted::counted;
use crate::domain::deadline::UnpaidRule;
use crate::queue::deadlines::{confirm_once, deadlines_once};
use crate::store::{Alert, Store, StoreError};
use crate::web::metric_names as names;

/// How often the ledger is looked at for movements that another process made.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often every listing is compared with what it should show, as a repair.
const SCAN_EVERY: Duration = Duration::from_secs(600);
/// How often the channel's offers are read, to find new listings and drift.
const OFFERS_EVERY: Duration = Duration::from_secs(3600);
/// How often webhooks are checked; a shop may have switched them off.
const HOOKS_EVERY: Duration = Duration::from_secs(3600);
/// How often the credentials are proved.
const PROBE_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How soon an order is confirmed that its marketplace waits for.
const CONFIRM_EVERY: Duration = Duration::from_secs(10);
/// How often orders are looked at whose money does not come.
const DEADLINES_EVERY: Duration = Duration::from_secs(900);
/// How often the upkeep task looks at its list.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for the orders that explain a fresh list of offers.
const PULL_AWAITED: Duration = Duration::from_secs(60);
/// How soon an upkeep that failed is tried again.
const UPKEEP_RETRY: Duration = Duration::from_secs(300);

/// What wakes a channel's tasks from outside.
#[derive(Debug, Default)]
pub struct Signals {
    pull: Notify,
    push: Notify,
    upkeep: Notify,
    look_at_all: AtomicBool,
    read_offers: AtomicBool,
    /// When the newest round of pulls that came to its end began.
    pulled: watch::Sender<Timestamp>,
    propagation: Mutex<Option<Vec<Duration>>>,
    /// Why nothing can be taken in, where that is the store's fault.
    stands_still: Mutex<Option<String>>,
    /// Whoever holds it pushes; of the generations of a channel no two do at once.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The channel has a next generation.
    followed: AtomicBool,
}

impl Signals {
    /// The signals of the channel's next generation, which pushes when this one has ended: an older number that is still
    /// on its way would overtake a newer one.
    #[must_use]
    pub fn next(&self) -> Self {
        self.followed.store(true, Ordering::SeqCst);
        Self { turn: Arc::clone(&self.turn), ..Self::default() }
    }

    /// Whether the channel has a next generation, which needs the channel's lease.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.followed.load(Ordering::SeqCst)
    }

    /// Has the next pull come now.
    pub fn pull_now(&self) {
        self.pull.notify_one();
    }

    /// Has the next push look at every listing, now.
    pub fn look_at_all(&self) {
        self.look_at_all.store(true, Ordering::SeqCst);
        self.push.notify_one();
    }

    /// Has the channel's offers be read and compared, now.
    pub fn read_offers_now(&self) {
        self.read_offers.store(true, Ordering::SeqCst);
        self.upkeep.notify_one();
    }

    /// From now on keeps how long each movement of stock took to its push, for a report.
    pub fn keep_propagation(&self) {
        self.propagation.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default();
    }

    /// What was kept since.
    #[must_use]
    pub fn propagation(&self) -> Vec<Duration> {
        self.propagation.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Why no order can be taken in, while the store cannot take any: a full disk, a database that is away.
    #[must_use]
    pub fn stands_still(&self) -> Option<String> {
        self.stands_still.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stand_still(&self, why: Option<String>) {
        *self.stands_still.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn propagated(&self, lags: &[Duration]) {
        if let Some(kept) = self.propagation.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            kept.extend_from_slice(lags);
        }
    }
}

/// A channel's running parts.
#[derive(Clone, Debug)]
pub struct Task {
    /// The channel.
    pub channel: Arc<Channel>,
    /// The store.
    pub store: Store,
    /// What wakes it.
    pub signals: Arc<Signals>,
    /// Ends it.
    pub stop: CancellationToken,
}

impl Task {
    /// Waits; `false` when it is time to stop.
    async fn rest(&self, time: Duration, sooner: &Notify) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = sooner.notified() => true,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Brings orders in until stopped.
    pub async fn run_pull(self) {
        let mut patience = Patience::default();
        loop {
            let wait = match self.pull_once().await {
                Ok(pulled) => {
                    patience.worked();
                    if pulled.more { Duration::ZERO } else { self.channel.poll }
                }
                Err(error) => self.pull_failed(&error, &mut patience).await,
            };
            if !self.rest(wait, &self.signals.pull).await {
                return;
            }
        }
    }

    async fn pull_once(&self) -> Result<Pulled, PullError> {
        let (channel, store) = (&self.channel, &self.store);
        let began = channel.now();
        let pulled = pull_round(channel, store).await?;
        if !pulled.more {
            self.signals.pulled.send_replace(began);
        }
        self.signals.stand_still(None);
        let now = channel.now();
        store.clear(&format!("pull:{}", channel.name), now).await?;
        if pulled.quarantined > 0 {
            let detail = both!(
                "{orders} of {name} could not be understood, and kept as sent: `banto orders quarantine`",
                "{name}の注文{n}件を取り込めませんでした。内容は保管してあります。「取り込めなかった注文」の画面で確認してください",
                orders = counted(pulled.quarantined, "order", "orders"),
                n = pulled.quarantined,
                name = channel.name
            );
            let key = format!("quarantine:{}", channel.name);
            let alert = Alert { key: &key, channel: Some(channel.id), kind: "quarantine", detail: &detail };
            store.raise(&alert, now).await?;
        }
        metrics::gauge!(names::CHANNEL_UP, "channel" => channel.name.clone()).set(1.0);
        Ok(pulled)
    }

    async fn pull_failed(&self, error: &PullError, patience: &mut Patience) -> Duration {
        let (channel, now) = (&self.channel, self.channel.now());
        let (wait, urgent) = match error {
            PullError::Channel(e) => (patience.failed(e), !e.kind.is_temporary()),
            // The store comes back (disk space, PostgreSQL restarted): intake stands still and goes on by itself.
            PullError::Store(e) => {
                self.signals.stand_still(Some(e.to_string()));
                (Duration::from_secs(2), true)
            }
        };
        tracing::warn!(channel = channel.name, error = %error, wait_s = wait.as_secs(), "pull failed");
        metrics::gauge!(names::CHANNEL_UP, "channel" => channel.name.clone()).set(0.0);
        let noted = self.note_failure(error, urgent || patience.failures() >= 3, now).await;
        match (noted, error) {
            (Err(e), _) => {
                tracing::error!(channel = channel.name, error = %e, "the failure could not be noted in the store");
            }
            // The store takes what it is given: what is away now is the channel alone.
            (Ok(()), PullError::Channel(_)) => self.signals.stand_still(None),
            (Ok(()), PullError::Store(_)) => {}
        }
        wait
    }

    async fn note_failure(&self, error: &PullError, alert: bool, now: Timestamp) -> Result<(), StoreError> {
        let (channel, told) = (&self.channel, error.words());
        let mut write = self.store.write().await?;
        write.pull_failed(channel.id, &told.packed(), now).await?;
        if alert {
            let key = format!("pull:{}", channel.name);
            let detail =
                both!("orders of {name} cannot be read", "{name}の受注を取得できません", name = channel.name)
                    .with(&told);
            let alert = Alert { key: &key, channel: Some(channel.id), kind: "pull_failed", detail: &detail };
            write.raise(&alert, now).await?;
        }
        write.commit().await
    }

    /// Sends stock out until stopped.
    pub async fn run_push(self) {
        let Some(_turn) = self.stop.run_until_cancelled(self.signals.turn.lock()).await else { return };
        let mut pusher = Pusher::default();
        let mut stock = self.store.watch_stock();
        let mut scanned = self.channel.now();
        let mut asked = self.channel.now();
        loop {
            if self.signals.look_at_all.swap(false, Ordering::SeqCst) {
                pusher.look_at_all();
            }
            let now = self.channel.now();
            if now.since(scanned) >= SCAN_EVERY {
                pusher.look_at_all();
                scanned = now;
            }
            let wait = match self.push_once(&mut pusher, &mut asked).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(channel = self.channel.name, error = %error, "push stands still");
                    Duration::from_secs(2)
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                _ = stock.changed(), if wait > Duration::ZERO => {}
                () = self.signals.push.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn push_once(&self, pusher: &mut Pusher, asked: &mut Timestamp) -> Result<Duration, PullError> {
        let row = self.store.channel(&self.channel.name).await?;
        let step = pusher.step(&self.channel, &self.store, &row).await?;
        self.signals.propagated(&step.lags);
        let now = self.channel.now();
        if self.channel.connector.capabilities().stock_answers_later && now.since(*asked) >= LOOK_EVERY {
            *asked = now;
            pusher.ask_receipts(&self.channel, &self.store).await?;
        }
        if step.more {
            return Ok(Duration::ZERO);
        }
        Ok(step.next.map_or(LOOK_EVERY, |at| at.since(now)).min(LOOK_EVERY))
    }

    /// Does what is due from time to time, until stopped.
    pub async fn run_upkeep(self) {
        let capabilities = self.channel.connector.capabilities().clone();
        let reread = Duration::from_secs(u64::from(self.channel.config.orders.reread_minutes.max(1)) * 60);
        let mut offers = Due::now(OFFERS_EVERY, capabilities.lists_offers);
        let mut hooks = Due::now(HOOKS_EVERY, capabilities.webhooks && self.channel.live);
        let mut probe = Due::now(PROBE_EVERY, true);
        let unpaid = unpaid_rules(&self.channel);
        let mut deadlines = Due::now(DEADLINES_EVERY, self.channel.live && !unpaid.is_empty());
        let confirms = self.channel.config.orders.confirm == Confirm::Auto
            && capabilities.can_notify(NoticeKind::Confirmed)
            && self.channel.live;
        let mut confirm = Due::now(CONFIRM_EVERY, confirms);
        let mut rereads = Due::now(reread, capabilities.needs_open_order_rereads);
        loop {
            let now = self.channel.now();
            if probe.is(now) {
                probe.done(now, self.told("probe", self.probe().await));
            }
            if offers.is(now) || self.signals.read_offers.swap(false, Ordering::SeqCst) {
                offers.done(now, self.told("offers", self.read_offers().await));
            }
            if hooks.is(now) {
                hooks.done(now, self.told("webhooks", self.mend_hooks().await));
            }
            if rereads.is(now) {
                let round = reread_round(&self.channel, &self.store).await.map(drop);
                rereads.done(now, self.told("open orders", round));
            }
            if confirm.is(now) {
                let round = confirm_once(&self.store, self.channel.seller(), now).await;
                confirm.done(now, self.told("confirmations", round.map(drop).map_err(PullError::from)));
            }
            if deadlines.is(now) {
                let round = deadlines_once(&self.store, self.channel.seller(), &unpaid, now).await;
                deadlines.done(now, self.told("deadlines", round.map(drop).map_err(PullError::from)));
            }
            if !self.rest(UPKEEP_EVERY, &self.signals.upkeep).await {
                return;
            }
        }
    }

    fn told(&self, what: &str, outcome: Result<(), PullError>) -> bool {
        if let Err(error) = &outcome {
            tracing::warn!(channel = self.channel.name, what, error = %error, "upkeep failed");
        }
        outcome.is_ok()
    }

    async fn probe(&self) -> Result<(), PullError> {
        let (channel, now) = (&self.channel, self.channel.now());
        let key = format!("credentials:{}", channel.name);
        match channel.connector.probe(&channel.cx).await {
            Ok(report) => {
                for warning in &report.warnings {
                    tracing::warn!(channel = channel.name, %warning, "probe");
                }
                let mut write = self.store.write().await?;
                write.credentials_expire(channel.id, report.credentials_expire).await?;
                write.clear(&key, now).await?;
                write.commit().await?;
                Ok(())
            }
            Err(error) => {
                if matches!(error.kind, ErrorKind::Auth | ErrorKind::Config) {
                    let detail = both!(
                        "{name} refuses our credentials",
                        "{name}の認証情報が拒否されました",
                        name = channel.name
                    )
                    .with(&error.words());
                    let alert =
                        Alert { key: &key, channel: Some(channel.id), kind: "credentials", detail: &detail };
                    self.store.raise(&alert, now).await?;
                }
                Err(error.into())
            }
        }
    }

    async fn read_offers(&self) -> Result<(), PullError> {
        let read = read_offers(&self.channel, &self.store).await?;
        tracing::info!(
            channel = self.channel.name,
            offers = read.offers,
            unmapped = read.unmapped,
            "offers read"
        );
        // What the channel sold until now explains its numbers; only what remains after those orders is drift.
        let (read_at, mut pulled) = (self.channel.now(), self.signals.pulled.subscribe());
        self.signals.pull_now();
        tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            _ = tokio::time::timeout(PULL_AWAITED, pulled.wait_for(|began| *began >= read_at)) => {}
        }
        self.signals.look_at_all();
        Ok(())
    }

    async fn mend_hooks(&self) -> Result<(), PullError> {
        let Some(url) = &self.channel.hook_url else { return Ok(()) };
        let mended = self.channel.connector.ensure_webhooks(&self.channel.cx, url).await?;
        if mended > 0 {
            tracing::info!(channel = self.channel.name, mended, "webhooks made or switched on again");
        }
        Ok(())
    }
}

/// The deadlines of unpaid orders by payment method, as the channel's config sets them.
#[must_use]
pub fn unpaid_rules(channel: &Channel) -> BTreeMap<String, UnpaidRule> {
    let days = |n: Option<u32>| n.map(|n| Duration::from_secs(u64::from(n) * 24 * 3600));
    let rule = |rule: &crate::config::UnpaidRule| UnpaidRule {
        remind_after: days(rule.remind_days),
        cancel_after: days(rule.cancel_days),
    };
    channel.config.orders.unpaid.iter().map(|(method, r)| (method.clone(), rule(r))).collect()
}

/// What reading a channel's offers found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffersRead {
    /// Offers there.
    pub offers: usize,
    /// Of them without an item.
    pub unmapped: usize,
}

/// Most pages of offers.
const OFFER_PAGES_MAX: usize = 10_000;

/// Reads every offer of a channel into the store's listings.
///
/// Errors: [`PullError`].
pub async fn read_offers(channel: &Channel, store: &Store) -> Result<OffersRead, PullError> {
    let mut cursor: Option<Cursor> = None;
    let mut read = OffersRead::default();
    for _ in 0..OFFER_PAGES_MAX {
        let asked = channel.now();
        let page = channel.connector.list_offers(&channel.cx, cursor.as_ref()).await?;
        let rows = store.take_offers(channel.id, &page.items, asked).await?;
        read.offers += rows.len();
        read.unmapped += rows.iter().filter(|r| r.item_id.is_none() && !r.ignored).count();
        if !page.more || cursor.as_ref() == Some(&page.next) {
            break;
        }
        cursor = Some(page.next);
    }
    if read.unmapped > 0 {
        store.propose_mappings(channel.now()).await?;
    }
    Ok(read)
}

/// Something that is due from time to time.
struct Due {
    next: Option<Timestamp>,
    every: Duration,
}

impl Due {
    fn now(every: Duration, wanted: bool) -> Self {
        Self { next: wanted.then_some(Timestamp(i64::MIN)), every }
    }

    fn is(&self, now: Timestamp) -> bool {
        self.next.is_some_and(|at| at <= now)
    }

    fn done(&mut self, now: Timestamp, well: bool) {
        self.next = Some(now.plus(if well { self.every } else { UPKEEP_RETRY.min(self.every) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_generation_pushes_when_the_one_before_has_ended() {
        let old = Signals::default();
        let turn = old.turn.lock().await;
        let new = old.next();
        assert!(new.turn.try_lock().is_err(), "an older number may still be on its way");
        assert!(Signals::default().turn.try_lock().is_ok(), "another channel has its own turn");
        drop(turn);
        assert!(new.next().turn.try_lock().is_ok());
    }
}
