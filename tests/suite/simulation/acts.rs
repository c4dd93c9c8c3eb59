//! What may happen next: a deed of buyers, staff or the house's people, or a hop of the daemon.

use std::time::Duration;

use banto::channels::pull::{PullError, pull_round, reread_round};
use banto::channels::task::{read_offers, unpaid_rules};
use banto::domain::deeds::Shipment;
use banto::domain::order::{fulfilment_name, payment_name};
use banto::queue::deadlines::deadlines_once;
use banto::queue::lane_once;
use banto::store::{Act, LocationRow, OrderFilter, StockAct, StoreError};
use banto_channel::{Clock, Fulfilment, NoticeKind, Payment, Webhook};
use rand::RngExt;

use super::cut::CutOff;
use super::house::{BUNDLE, HOOK_URL, House};

/// One of the daemon's hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    Pull,
    Push,
    Receipts,
    Notices,
    Offers,
    Reread,
    Deadlines,
    Mails,
    Hooks,
}

/// Each hop with its share.
const HOPS: [(u32, Hop); 9] = [
    (26, Hop::Pull),
    (34, Hop::Push),
    (8, Hop::Receipts),
    (10, Hop::Notices),
    (3, Hop::Offers),
    (3, Hop::Reread),
    (2, Hop::Deadlines),
    (10, Hop::Mails),
    (4, Hop::Hooks),
];

/// The store's faults are faults of the test; a marketplace's are weather.
fn weather(outcome: Result<(), PullError>) {
    if let Err(PullError::Store(error)) = outcome {
        panic!("{error}");
    }
}

/// What cannot be done as things stand is left.
fn allowed<T>(outcome: Result<T, StoreError>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(StoreError::Refused(_) | StoreError::NotFound(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

impl House {
    /// One step, and some time.
    pub async fn step(&mut self) {
        match self.rng.random_range(0..100_u32) {
            0..38 => self.somebody_deals(),
            38..42 => self.ship().await,
            42..44 => self.goods_come().await,
            44..45 => self.somebody_counts().await,
            45..46 => self.people_decide().await,
            _ => self.daemon_works().await,
        }
        let time = match self.rng.random_range(0..100_u32) {
            0..70 => self.rng.random_range(0..20_000),
            70..95 => self.rng.random_range(20_000..600_000),
            _ => self.rng.random_range(600_000..18_000_000_u64),
        };
        self.clock.advance(Duration::from_millis(time));
    }

    fn somebody_deals(&mut self) {
        // Two in three deal where numbers can be read back: there more can happen.
        let which = usize::from(self.rng.random_range(0..3_u32) == 0);
        let deeds = self.trades[which].step();
        self.note("deed", || format!("{deeds:?}"));
    }

    async fn daemon_works(&mut self) {
        let total: u32 = HOPS.iter().map(|(share, _)| share).sum();
        let mut roll = self.rng.random_range(0..total);
        let mut hop = Hop::Pull;
        for (share, one) in HOPS {
            if roll < share {
                hop = one;
                break;
            }
            roll -= share;
        }
        let at = self.rng.random_range(0..self.stalls.len());
        if self.rng.random_range(0..60_u32) > 0 {
            self.note("hop", || format!("{hop:?} {at}"));
            self.hop(hop, at).await;
            return;
        }
        let wakes = self.rng.random_range(0..40);
        let done = CutOff::after(wakes, self.hop(hop, at)).await.is_some();
        let what = if done { "power cut after a hop" } else { "power cut in a hop" };
        self.note(what, || format!("{hop:?} {at} after {wakes} wakes"));
        self.begin_again().await;
    }

    /// Does one hop of one channel.
    pub async fn hop(&mut self, hop: Hop, at: usize) {
        let (store, cx) = (self.store.clone(), self.queue_cx());
        let stall = &mut self.stalls[at];
        let (channel, now) = (stall.channel.clone(), stall.channel.now());
        let capabilities = stall.connector.capabilities();
        match hop {
            Hop::Pull => weather(pull_round(&channel, &store).await.map(drop)),
            Hop::Push => {
                let row = store.channel(&channel.name).await.unwrap();
                weather(stall.pusher.step(&channel, &store, &row).await.map(drop));
            }
            Hop::Receipts if capabilities.stock_answers_later => {
                weather(stall.pusher.ask_receipts(&channel, &store).await.map(drop));
            }
            Hop::Offers if capabilities.lists_offers => {
                // As the daemon does: the orders that explain the numbers come in before those are judged.
                let read = read_offers(&channel, &store).await.map(drop);
                if read.is_ok() && pull_round(&channel, &store).await.is_ok() {
                    stall.pusher.look_at_all();
                }
                weather(read);
            }
            Hop::Reread if capabilities.needs_open_order_rereads => {
                weather(reread_round(&channel, &store).await.map(drop));
            }
            Hop::Deadlines => {
                let rules = unpaid_rules(&channel);
                deadlines_once(&store, channel.seller(), &rules, now).await.unwrap();
            }
            Hop::Notices => drop(lane_once(&stall.notices, &cx, &self.stop).await.unwrap()),
            Hop::Mails => drop(lane_once(&self.mails, &cx, &self.stop).await.unwrap()),
            Hop::Hooks if capabilities.webhooks => self.webhooks(at).await,
            _ => {}
        }
    }

    /// Webhooks arrive, late and twice as they may; each only has the channel looked at. The desk may have switched
    /// them off.
    async fn webhooks(&mut self, at: usize) {
        let stall = &self.stalls[at];
        let (connector, channel) = (stall.connector.clone(), stall.channel.clone());
        // What it answers badly now it answers well later.
        let _ = connector.ensure_webhooks(&channel.cx, HOOK_URL).await;
        let hooks = stall.market.take_hooks();
        for hook in &hooks {
            let webhook = Webhook { headers: &hook.headers, body: &hook.body };
            connector.verify_webhook(&webhook).unwrap();
        }
        if !hooks.is_empty() {
            weather(pull_round(&channel, &self.store).await.map(drop));
        }
        if self.rng.random_range(0..20_u32) == 0 {
            self.stalls[at].market.switch_hooks_off();
        }
    }

    /// The house's people ship something that is paid.
    async fn ship(&mut self) {
        let at = self.rng.random_range(0..self.stalls.len());
        let channel = self.stalls[at].channel.clone();
        let open = self.store.orders(OrderFilter::Open, Some(channel.id), i64::MAX, 200).await.unwrap();
        let (paid, unshipped) = (payment_name(Payment::Paid), fulfilment_name(Fulfilment::Open));
        let ready: Vec<_> = open
            .iter()
            .filter(|o| o.payment == paid && o.fulfilment == unshipped && o.hold.is_none())
            .collect();
        for _ in 0..self.rng.random_range(1..4_u32) {
            if ready.is_empty() {
                return;
            }
            let order = ready[self.rng.random_range(0..ready.len())].id;
            let carrier =
                channel.seller().carriers.first().map_or("ヤマト運輸", |known| known.code).to_owned();
            let parcel = Shipment { carrier, tracking: format!("T{order}"), ..Shipment::default() };
            let act = Act {
                order,
                version: None,
                seller: channel.seller(),
                actor: "cli:test",
                now: self.clock.now(),
            };
            let done = allowed(self.store.ship_order(&act, &parcel).await);
            self.note("shipped", || format!("{} #{order}: {done}", channel.name));
        }
    }

    fn some_code(&mut self) -> (String, &'static str) {
        let code = format!("BT-{:04}", self.rng.random_range(1..=12_u32));
        (code, if self.rng.random_range(0..2_u32) == 0 { "tokyo" } else { "osaka" })
    }

    async fn goods_come(&mut self) {
        let (code, location) = self.some_code();
        let quantity = self.rng.random_range(1..60);
        self.note("received", || format!("{code} {location} {quantity}"));
        self.receive(&code, location, quantity).await;
    }

    /// The location of this code.
    pub async fn location(&self, code: &str) -> LocationRow {
        self.store.locations().await.unwrap().into_iter().find(|l| l.code == code).unwrap()
    }

    /// A delivery.
    pub async fn receive(&mut self, code: &str, location: &str, quantity: i64) {
        let location = self.location(location).await;
        let now = self.clock.now();
        let act = StockAct { code, location: &location, actor: "cli:test", note: "", now };
        self.store.receive_stock(&act, quantity, false).await.unwrap();
    }

    /// Somebody finds more or fewer pieces than the ledger says.
    async fn somebody_counts(&mut self) {
        let (code, location) = self.some_code();
        let item = self.store.item_view(&code).await.unwrap();
        let place = self.location(location).await;
        let level = item.levels.iter().find(|l| l.location_id == place.id);
        let on_hand = level.map_or(0, |l| l.available + l.reserved);
        let counted = (on_hand + self.rng.random_range(-4..=3_i64)).max(0);
        self.note("counted", || format!("{code} {location} {on_hand} -> {counted}"));
        let now = self.clock.now();
        let act = StockAct { code: &code, location: &place, actor: "cli:test", note: "", now };
        self.store.set_stock(&act, counted).await.unwrap();
    }

    /// People pause and resume, hold and release, cancel, and say what an unknown offer is.
    async fn people_decide(&mut self) {
        let at = self.rng.random_range(0..self.stalls.len());
        let channel = self.stalls[at].channel.clone();
        let now = self.clock.now();
        let open = self.store.orders(OrderFilter::Open, Some(channel.id), i64::MAX, 50).await.unwrap();
        let order = open.first().map_or(0, |o| o.id);
        let act = Act { order, version: None, seller: channel.seller(), actor: "cli:test", now };
        let what = self.rng.random_range(0..6_u32);
        let done = match what {
            0 => allowed(self.store.hold_order(&act, "somebody wants to look at it").await),
            1 | 2 => {
                let held = self.store.orders(OrderFilter::Held, Some(channel.id), i64::MAX, 5).await.unwrap();
                let order = held.first().map_or(0, |o| o.id);
                allowed(self.store.release_order(&Act { order, ..act }).await)
            }
            // Where the marketplace cannot be told, a person has to cancel there too.
            3 if channel.seller().notices.contains(&NoticeKind::Cancelled) => {
                allowed(self.store.cancel_order(&act, "no longer made", "").await)
            }
            _ => self.map_bundle(at).await,
        };
        self.note("decided", || format!("{} {what}: {done}", channel.name));
    }

    /// Says that the bundle is three of the third good, where it is known and was not said yet.
    pub async fn map_bundle(&mut self, at: usize) -> bool {
        let channel = self.stalls[at].channel.clone();
        let listed = self.store.listings(Some(channel.id)).await.unwrap();
        let bundle =
            listed.into_iter().find(|l| l.row.code.as_deref() == Some(BUNDLE) && l.row.item_id.is_none());
        let Some(bundle) = bundle else { return false };
        let listing = (channel.name.as_str(), bundle.row.remote_id.as_str());
        self.store.map_listing(listing, ("BT-0003", 3), "cli:test", self.clock.now()).await.unwrap();
        // The daemon that another process's words concern looks at all listings from time to time.
        self.stalls[at].pusher.look_at_all();
        true
    }
}
