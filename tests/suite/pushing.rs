//! Stock on its way out while the store, a person or another daemon comes in between.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banto::app::App;
use banto::channels::Channel;
use banto::channels::push::{Pusher, Step};
use banto::config::{Config, Surroundings};
use banto::lifecycle::Lifecycle;
use banto::store::{ListingRow, StockAct};
use banto_channel::{Clock, Connector, Fulfilment, ListingId, Payment, RemoteOffer, RemoteOrder};
use banto_sim::{Fault, Market, NoHttp, SimClock, SimConnector, SimMarket, SimSetup};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

const HOUSE: &str = "[shop]\nname = \"茶屋\"\nlocations = [{ code = \"main\" }]\n";

/// A channel that sells some items, and whoever pushes to it.
struct Stall<'a> {
    t: &'a Trading,
    market: Arc<SimMarket>,
    channel: Channel,
    pusher: Pusher,
}

impl<'a> Stall<'a> {
    /// Of each item so many lie on the shelf; the channel shows 99 of each, under the keys 1, 2, ….
    async fn open(t: &'a Trading, setup: SimSetup, items: &[(&str, i64)]) -> Self {
        t.stock(items).await;
        let file = [("honten", "kind = \"woocommerce\"\nmode = \"live\"\n")];
        let config =
            Config::from_texts(Path::new("/nowhere"), &Surroundings::default(), HOUSE, &file).unwrap();
        let offer = |(at, (code, _)): (usize, &(&str, i64))| RemoteOffer {
            id: ListingId((at + 1).to_string()),
            code: Some((*code).to_owned()),
            gtin: None,
            title: (*code).to_owned(),
            quantity: Some(99),
            price: None,
            active: true,
        };
        let offers: Vec<RemoteOffer> = items.iter().enumerate().map(offer).collect();
        let clock: Arc<dyn Clock> = Arc::clone(&t.clock) as Arc<SimClock>;
        let market = SimMarket::open(SimSetup { offers: offers.clone(), ..setup }, Arc::clone(&clock));
        let connector: Arc<dyn Connector> = Arc::new(SimConnector::new(Arc::clone(&market)));
        let parts = (connector, Arc::new(NoHttp) as _, clock);
        let channel =
            Channel::open(&t.store, &config, config.channel("honten").unwrap(), parts).await.unwrap();
        t.store.take_offers(channel.id, &offers, t.now()).await.unwrap();
        Self { t, market, channel, pusher: Pusher::default() }
    }

    async fn step(&mut self) -> Option<Step> {
        self.t.pass(Duration::from_secs(1));
        let row = self.t.store.channel("honten").await.unwrap();
        self.pusher.step(&self.channel, &self.t.store, &row).await.ok()
    }

    async fn applied(&mut self) -> usize {
        self.step().await.unwrap().applied
    }

    async fn count(&self, code: &str, units: i64) {
        let places = self.t.store.locations().await.unwrap();
        let act = StockAct { code, location: &places[0], actor: "cli:hanako", note: "", now: self.t.now() };
        self.t.store.set_stock(&act, units).await.unwrap();
    }

    fn shown(&self, listing: &str) -> Option<i64> {
        self.market.shown(&ListingId::from(listing))
    }

    async fn row(&self, listing: &str) -> ListingRow {
        self.t.store.listings_by_remote(self.channel.id, &[listing]).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn a_movement_that_was_read_while_the_store_failed_is_pushed_when_it_is_back() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let mut stall = Stall::open(&t, SimSetup::direct("HONTEN"), &[("TEA", 5)]).await;
        assert_eq!((stall.applied().await, stall.shown("1")), (1, Some(5)));
        stall.count("TEA", 3).await;
        fresh.run("ALTER TABLE listing RENAME TO listing_away").await;
        assert!(stall.step().await.is_none(), "the ledger can be read and the listings cannot");
        fresh.run("ALTER TABLE listing_away RENAME TO listing").await;
        assert_eq!((stall.applied().await, stall.shown("1")), (1, Some(3)));
        assert_eq!(stall.applied().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_could_not_be_noted_is_noted_before_anything_else_goes_out() {
    let fresh = Fresh::sqlite().await;
    let t = Trading::live(&fresh).await;
    let mut stall = Stall::open(&t, SimSetup::direct("HONTEN"), &[("TEA", 5), ("CUP", 8)]).await;
    assert_eq!(stall.applied().await, 2);
    stall.count("TEA", 3).await;
    fresh
        .run("CREATE TRIGGER no_room BEFORE UPDATE ON listing BEGIN SELECT RAISE(ABORT, 'no room'); END")
        .await;
    assert!(stall.step().await.is_none());
    assert_eq!(stall.shown("1"), Some(3), "the channel has it");
    stall.market.take_seen();
    stall.count("CUP", 7).await;
    assert!(stall.step().await.is_none());
    assert_eq!(stall.market.take_seen().len(), 0, "nothing goes out whose answer could not be noted");
    fresh.run("DROP TRIGGER no_room").await;
    stall.applied().await;
    assert_eq!((stall.shown("1"), stall.shown("2")), (Some(3), Some(7)));
    let row = stall.row("1").await;
    assert_eq!((row.shown, row.error), (Some(3), None));
    let pushed: Vec<_> = stall.market.take_seen().into_iter().flat_map(|seen| seen.stock).collect();
    assert_eq!(pushed, [(ListingId::from("2"), 7)], "the first was not sent again");
}

#[tokio::test]
async fn what_waits_in_the_line_is_not_pushed_to_a_listing_that_was_taken_out_meanwhile() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let codes: Vec<String> = (1..=12).map(|n| format!("ITEM-{n}")).collect();
        let items: Vec<(&str, i64)> = codes.iter().map(String::as_str).zip(1..).collect();
        let mut stall = Stall::open(&t, SimSetup::direct("HONTEN"), &items).await;
        // Ten go at once; the smallest numbers come first, so two stay behind.
        stall.market.faults().play(Fault::Status { code: 503, retry_after: None });
        assert_eq!(stall.applied().await, 0);
        t.store.ignore_listing("honten", "12", "cli:hanako", t.now()).await.unwrap();
        for _ in 0..5 {
            stall.step().await.unwrap();
            t.pass(Duration::from_secs(30));
        }
        assert_eq!((stall.shown("1"), stall.shown("11")), (Some(1), Some(11)));
        assert_eq!(stall.shown("12"), Some(99), "no stock stands behind it any more");
    })
    .await;
}

#[tokio::test]
async fn a_doubt_that_came_up_before_the_receipt_was_decided_stays() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let mut stall = Stall::open(&t, SimSetup::by_feed("HONTEN"), &[("TEA", 5)]).await;
        let mut order = t.remote("9", &[("TEA", 1)]);
        order.lines[0].listing = Some(ListingId::from("1"));
        let order = t.order(raw(order)).await;
        assert_eq!(stall.applied().await, 1);
        let pushed = stall.row("1").await;
        assert!(pushed.receipt.is_some());
        t.pass(Duration::from_secs(1));
        t.store.doubt_listings(order, t.now()).await.unwrap();
        let mut decided = 0;
        for _ in 0..5 {
            t.pass(Duration::from_secs(1));
            decided += stall.pusher.ask_receipts(&stall.channel, &t.store).await.unwrap();
        }
        assert_eq!(decided, 1);
        let row = stall.row("1").await;
        assert_eq!((row.receipt, row.shown, row.sent_at), (None, None, pushed.sent_at));
        assert_eq!(stall.applied().await, 1, "so it is said again");
    })
    .await;
}

#[tokio::test]
async fn a_shop_that_takes_goods_when_they_are_paid_is_told_its_number_again() {
    each_store(async |fresh| {
        let t = Trading::live(fresh).await;
        let mut stall = Stall::open(&t, SimSetup::direct("HONTEN"), &[("TEA", 5)]).await;
        assert_eq!((stall.applied().await, stall.shown("1")), (1, Some(5)));
        let mut order = t.remote("9", &[("TEA", 2)]);
        order.lines[0].listing = Some(ListingId::from("1"));
        (order.payment, order.stock_taken) = (Payment::Awaiting, Some(0));
        t.order(raw(order.clone())).await;
        assert_eq!((stall.applied().await, stall.shown("1")), (1, Some(3)));
        let mut changes = async |change: fn(&mut RemoteOrder)| {
            t.pass(Duration::from_secs(60));
            order.changed_at = Some(t.now());
            change(&mut order);
            t.order(raw(order.clone())).await;
            (stall.row("1").await.shown, stall.applied().await)
        };
        let paid = changes(|o| (o.payment, o.stock_taken) = (Payment::Paid, Some(2))).await;
        assert_eq!(paid, (None, 1), "the shop stands at one, and the ledger has not moved");
        assert_eq!(changes(|o| o.note = "by noon".to_owned()).await, (Some(3), 0));
        let less = |o: &mut RemoteOrder| (o.lines[0].cancelled, o.stock_taken) = (1, Some(1));
        assert_eq!(changes(less).await, (Some(3), 1), "both put one back, and the ledger tells the shop");
        let gone = |o: &mut RemoteOrder| o.fulfilment = Fulfilment::Shipped;
        assert_eq!(
            changes(gone).await,
            (Some(4), 1),
            "its own order moved: the shop may have changed its number"
        );
        let back = |o: &mut RemoteOrder| (o.lines[0].returned, o.stock_taken) = (1, Some(0));
        assert_eq!(changes(back).await, (None, 1), "what came back there is looked at here first");
        assert_eq!(stall.shown("1"), Some(4));
    })
    .await;
}

/// A channel's file that works, and the folder with its keys.
fn honten() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "key").unwrap();
    let key = key.display();
    let file = format!(
        "kind = \"woocommerce\"\nmode = \"live\"\n\n[connector]\nurl = \"http://127.0.0.1:9\"\n\
         consumer_key_file = \"{key}\"\nconsumer_secret_file = \"{key}\"\n"
    );
    (folder, file)
}

async fn app(fresh: &Fresh, dir: &Path, channels: &[(&str, &str)]) -> anyhow::Result<App> {
    let config = Config::from_texts(dir, &Surroundings::default(), HOUSE, channels).unwrap();
    App::build(config, fresh.store.clone(), SimClock::usual() as Arc<dyn Clock>).await
}

#[tokio::test]
async fn a_config_that_cannot_work_changes_no_channel() {
    each_store(async |fresh| {
        let (folder, good) = honten();
        let bad = "kind = \"woocommerce\"\nmode = \"live\"\n";
        assert!(app(fresh, folder.path(), &[("honten", &good), ("shiten", bad)]).await.is_err());
        assert_eq!(fresh.store.channels().await.unwrap(), []);
        app(fresh, folder.path(), &[("honten", &good)]).await.unwrap();
        assert_eq!(fresh.store.channels().await.unwrap().len(), 1);
    })
    .await;
}

/// What the daemon logs, for what it says nowhere else.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Returns when the daemon has said it.
    async fn says(&self, words: &str) {
        while !String::from_utf8_lossy(&self.0.lock().unwrap()).contains(words) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_channel_that_another_daemon_took_over_is_taken_back_when_that_has_ended() {
    let Some(fresh) = Fresh::postgres().await else { return };
    let log = Log::default();
    let lines = log.clone();
    // All of the test runs on this thread.
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone());
    let _logged = tracing::subscriber::set_default(lines.finish());
    let (folder, good) = honten();
    let app = app(&fresh, folder.path(), &[("honten", &good)]).await.unwrap();
    let (life, stop) = (Lifecycle::new(), CancellationToken::new());
    app.start_channels(&life, &stop);
    let ours = async || {
        let owner = async || fresh.store.channel("honten").await.unwrap().owner;
        while owner().await.as_deref() != Some(app.owner.as_str()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, ours()).await.unwrap();
    fresh.run("UPDATE channel SET owner = 'elsewhere:1:1:x', lease_until = 9000000000000000000").await;
    tokio::time::timeout(limit, log.says("another daemon took this channel over")).await.unwrap();
    fresh.run("UPDATE channel SET owner = NULL, lease_until = NULL").await;
    tokio::time::timeout(limit, ours()).await.unwrap();
    stop.cancel();
    life.stop("the test is over");
    let _ = life.wait().await;
}
