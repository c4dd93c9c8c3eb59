//! What people and deadlines do to orders, and that the channel's next word neither undoes nor repeats it.

mod cli;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use banto::domain::deadline::UnpaidRule;
use banto::domain::deeds::{Seller, Shipment};
use banto::domain::timeline::hold_in_words;
use banto::queue::deadlines::{Deadlines, confirm_once, deadlines_once};
use banto::store::{Act, OrderFilter, StoreError};
use banto_channel::{Bilingual, Fulfilment, NoticeKind, Payment, RemoteShipment};

use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

fn parcel(tracking: &str, lines: &[(i64, i64)]) -> Shipment {
    Shipment {
        carrier: "ヤマト運輸".to_owned(),
        tracking: tracking.to_owned(),
        tracking_url: None,
        lines: lines.to_vec(),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused(why)) => why.en,
        other => panic!("not refused: {other:?}"),
    }
}

async fn kinds(trading: &Trading, order: i64) -> Vec<(String, i64, String)> {
    let mails = trading.store.mails_of(order).await.unwrap();
    let mut kinds: Vec<_> = mails.into_iter().map(|m| (m.kind, m.revision, m.state)).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn an_order_leaves_in_two_parcels_and_no_third() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 5), ("TEA", 1)]).await;
        let order = trading.order(trading.remote("1", &[("CUP", 3), ("TEA", 1)])).await;
        assert_eq!(trading.level("CUP").await, (2, 3, 0));
        let store = &trading.store;
        let done = store.ship_order(&trading.act(order), &parcel("1111", &[(1, 2)])).await.unwrap();
        assert_eq!((done.order.fulfilment, done.order.lines[0].shipped), (Fulfilment::Partial, 2));
        assert_eq!(trading.level("CUP").await, (2, 1, 0));
        let why = refused(store.ship_order(&trading.act(order), &parcel("1111", &[(1, 1)])).await);
        assert!(why.contains("has the number 1111 already"), "{why}");
        let why = refused(store.ship_order(&trading.act(order), &parcel("2222", &[(1, 2)])).await);
        assert!(why.contains("1 of line 1"), "{why}");
        let done = store.ship_order(&trading.act(order), &parcel("2222", &[])).await.unwrap();
        assert_eq!(done.order.fulfilment, Fulfilment::Shipped);
        assert_eq!(done.order.parcels[1].lines, [(1, 1), (2, 1)]);
        assert_eq!((trading.level("CUP").await, trading.level("TEA").await), ((2, 0, 0), (0, 0, 0)));
        let why = refused(store.ship_order(&trading.act(order), &parcel("3333", &[])).await);
        assert!(why.contains("has left already"), "{why}");
        assert_eq!(trading.jobs().await.iter().filter(|j| j.kind == "ship").count(), 2);
        let shipped: Vec<_> = kinds(&trading, order).await.into_iter().filter(|k| k.0 == "shipped").collect();
        assert_eq!(shipped.iter().map(|k| k.1).collect::<Vec<_>>(), [1, 2]);
        let audit = trading.view(order).await.timeline.into_iter().filter(|e| e.kind == "shipped");
        assert!(audit.into_iter().all(|e| e.actor == "cli:hanako"));
    })
    .await;
}

#[tokio::test]
async fn the_channels_echo_of_a_shipment_repeats_nothing() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 5)]).await;
        let mut remote = trading.remote("1", &[("CUP", 3)]);
        let order = trading.order(remote.clone()).await;
        trading.store.ship_order(&trading.act(order), &parcel("1111-2222", &[(1, 2)])).await.unwrap();
        trading.store.ship_order(&trading.act(order), &parcel("", &[(1, 1)])).await.unwrap();
        let mails = kinds(&trading, order).await;
        // First a page that does not know of it yet, then one that does and writes the number in its own way.
        trading.pass(Duration::from_secs(1));
        remote.note = "早めに".to_owned();
        trading.take(vec![raw(remote.clone())]).await;
        assert_eq!(trading.row(order).await.fulfilment, "shipped");
        let shipment = |id: &str, tracking: &str, units: i64| RemoteShipment {
            id: id.to_owned(),
            carrier: "yamato".to_owned(),
            tracking: tracking.to_owned(),
            tracking_url: None,
            shipped_at: None,
            lines: vec![("L1".to_owned(), units)],
        };
        remote.shipments = vec![shipment("s1", "11112222", 2), shipment("s2", "", 1)];
        remote.fulfilment = Fulfilment::Shipped;
        trading.take(vec![raw(remote.clone())]).await;
        remote.status = "completed".to_owned();
        trading.take(vec![raw(remote)]).await;
        let view = trading.view(order).await;
        let ids: Vec<_> = view.order.parcels.iter().map(|p| (p.remote_id.as_str(), p.ours)).collect();
        assert_eq!(ids, [("s1", true), ("s2", true)]);
        assert_eq!(kinds(&trading, order).await, mails);
        assert_eq!(trading.level("CUP").await, (2, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_orders_goods_go_to_who_waits_for_them() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 3)]).await;
        let first = trading.order(trading.remote("1", &[("CUP", 3)])).await;
        let second = trading.order(trading.remote("2", &[("CUP", 2)])).await;
        assert_eq!(trading.level("CUP").await, (0, 3, 2));
        let short = trading.store.orders(OrderFilter::Short, None, i64::MAX, 10).await.unwrap();
        assert_eq!(short.iter().map(|o| o.id).collect::<Vec<_>>(), [second]);
        let done = trading.store.cancel_order(&trading.act(first), "sold out", "在庫切れ").await.unwrap();
        assert_eq!(done.order.fulfilment, Fulfilment::Cancelled);
        assert_eq!(trading.level("CUP").await, (1, 2, 0));
        assert_eq!(trading.store.orders(OrderFilter::Short, None, i64::MAX, 10).await.unwrap(), []);
        let states = kinds(&trading, first).await;
        let states: Vec<_> = states.iter().map(|(k, _, s)| (k.as_str(), s.as_str())).collect();
        assert_eq!(states, [("cancelled", "queued"), ("paid", "dropped"), ("received", "dropped")]);
        let why = refused(trading.store.cancel_order(&trading.act(first), "", "").await);
        assert!(why.contains("cancelled already"), "{why}");
        let why = refused(trading.store.ship_order(&trading.act(first), &parcel("1", &[])).await);
        assert!(why.contains("nothing of it may leave"), "{why}");
    })
    .await;
}

#[tokio::test]
async fn a_cancellation_stands_until_the_channel_has_followed() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 3)]).await;
        let mut remote = trading.remote("1", &[("CUP", 3)]);
        let order = trading.order(remote.clone()).await;
        trading.store.cancel_order(&trading.act(order), "sold out", "在庫切れ").await.unwrap();
        let mails = kinds(&trading, order).await;
        // The channel does not know it yet, and something else changes there.
        remote.note = "早めに".to_owned();
        trading.take(vec![raw(remote.clone())]).await;
        assert_eq!(trading.row(order).await.fulfilment, "cancelled");
        assert_eq!(trading.level("CUP").await, (3, 0, 0));
        remote.fulfilment = Fulfilment::Cancelled;
        remote.status = "cancelled".to_owned();
        trading.take(vec![raw(remote.clone())]).await;
        assert_eq!(kinds(&trading, order).await, mails, "no second mail");
        let house = trading.view(order).await.order.details.house;
        assert_eq!(house.cancelled.unwrap().reason, "在庫切れ");
        // Afterwards its word decides again: the staff there brings the order back to life.
        remote.fulfilment = Fulfilment::Open;
        remote.status = "processing".to_owned();
        trading.take(vec![raw(remote)]).await;
        assert_eq!(trading.row(order).await.fulfilment, "open");
        assert_eq!(trading.level("CUP").await, (0, 3, 0));
    })
    .await;
}

#[tokio::test]
async fn the_rest_of_an_order_can_be_cancelled() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 3)]).await;
        let mut remote = trading.remote("1", &[("CUP", 3)]);
        let order = trading.order(remote.clone()).await;
        trading.store.ship_order(&trading.act(order), &parcel("1111", &[(1, 1)])).await.unwrap();
        let done = trading.store.cancel_order(&trading.act(order), "broken", "").await.unwrap();
        assert_eq!((done.order.fulfilment, done.order.lines[0].cancelled), (Fulfilment::Shipped, 2));
        assert_eq!(trading.level("CUP").await, (2, 0, 0));
        assert!(kinds(&trading, order).await.iter().all(|k| k.0 != "cancelled"), "part of it is on its way");
        assert_eq!(
            trading.jobs().await.iter().map(|j| j.kind.as_str()).filter(|k| *k != "mail").collect::<Vec<_>>(),
            ["ship", "note"]
        );
        remote.note = "早めに".to_owned();
        trading.take(vec![raw(remote)]).await;
        assert_eq!(trading.level("CUP").await, (2, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn money_that_came_another_way_stays_noted() {
    each_store(async |fresh: &Fresh| {
        let mut trading = Trading::live(fresh).await;
        trading.notices.clear();
        let mut remote = trading.remote("1", &[("CUP", 1)]);
        remote.payment = Payment::Awaiting;
        let order = trading.order(raw(remote.clone())).await;
        let done = trading.store.pay_order(&trading.act(order), trading.now()).await.unwrap();
        assert!(done.remarks[0].en.contains("cannot be told of payments"), "{:?}", done.remarks);
        assert!(
            refused(trading.store.pay_order(&trading.act(order), trading.now()).await)
                .contains("paid already")
        );
        remote.note = "早めに".to_owned();
        trading.take(vec![raw(remote.clone())]).await;
        assert_eq!(trading.row(order).await.payment, "paid");
        remote.payment = Payment::Paid;
        trading.take(vec![raw(remote.clone())]).await;
        assert_eq!(kinds(&trading, order).await.iter().filter(|k| k.0 == "paid").count(), 1);
        remote.payment = Payment::Refunded;
        trading.take(vec![raw(remote)]).await;
        assert_eq!(trading.row(order).await.payment, "refunded", "later words count");
    })
    .await;
}

#[tokio::test]
async fn what_is_on_hold_neither_leaves_nor_mails() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 1)]).await;
        let order = trading.order(trading.remote("1", &[("CUP", 1)])).await;
        let store = &trading.store;
        store.hold_order(&trading.act(order), "address?").await.unwrap();
        assert!(refused(store.hold_order(&trading.act(order), "again").await).contains("address?"));
        assert!(
            refused(store.ship_order(&trading.act(order), &parcel("1", &[])).await)
                .contains("on hold: address?")
        );
        assert!(kinds(&trading, order).await.iter().all(|k| k.2 == "held"));
        assert_eq!(trading.jobs().await, []);
        let held = store.orders(OrderFilter::Held, Some(trading.facts.id), i64::MAX, 10).await.unwrap();
        assert_eq!(held.len(), 1);
        store.release_order(&trading.act(order)).await.unwrap();
        assert!(kinds(&trading, order).await.iter().all(|k| k.2 == "queued"));
        assert_eq!(trading.jobs().await.len(), 2);
        assert!(refused(store.release_order(&trading.act(order)).await).contains("not on hold"));
        store.ship_order(&trading.act(order), &parcel("1", &[])).await.unwrap();
        assert_eq!(trading.story(order).await, ["imported", "paid", "held", "released", "shipped"]);
    })
    .await;
}

#[tokio::test]
async fn whoever_looked_at_an_older_version_must_look_again() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let order = trading.order(trading.remote("1", &[("CUP", 1)])).await;
        let seen = trading.row(order).await.version;
        trading.store.hold_order(&trading.act(order), "wait").await.unwrap();
        let late = banto::store::Act { version: Some(seen), ..trading.act(order) };
        assert!(refused(trading.store.release_order(&late).await).contains("look again"));
        let now = banto::store::Act { version: Some(seen + 1), ..trading.act(order) };
        trading.store.release_order(&now).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn goods_that_come_back_are_counted_once() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 4)]).await;
        let mut remote = trading.remote("1", &[("CUP", 3)]);
        let order = trading.order(remote.clone()).await;
        let (store, place) = (&trading.store, trading.facts.locations[0]);
        let early = store.return_goods(&trading.act(order), (1, 1), place, true).await;
        assert!(refused(early).contains("0 of line 1"));
        store.ship_order(&trading.act(order), &parcel("1", &[])).await.unwrap();
        store.return_goods(&trading.act(order), (1, 1), place, true).await.unwrap();
        store.return_goods(&trading.act(order), (1, 1), place, false).await.unwrap();
        assert_eq!(trading.level("CUP").await, (2, 0, 0), "one is set aside");
        assert!(
            refused(store.return_goods(&trading.act(order), (1, 2), place, true).await)
                .contains("1 of line 1")
        );
        // The channel tells of the same two.
        remote.fulfilment = Fulfilment::Shipped;
        remote.lines[0].returned = 2;
        trading.take(vec![raw(remote)]).await;
        assert_eq!(trading.level("CUP").await, (2, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn unpaid_orders_are_reminded_then_cancelled_where_the_config_says_so() {
    each_store(async |fresh: &Fresh| {
        const DAY: Duration = Duration::from_secs(86_400);
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 2)]).await;
        let mut remote = trading.remote("1", &[("CUP", 2)]);
        remote.payment = Payment::Awaiting;
        let order = trading.order(raw(remote)).await;
        let seller = Seller { facts: &trading.facts, notices: &trading.notices, carriers: &[] };
        let run = async |rules: &BTreeMap<String, UnpaidRule>| {
            deadlines_once(&trading.store, seller, rules, trading.now()).await.unwrap()
        };
        let rules = BTreeMap::from([("bacs".to_owned(), UnpaidRule::from_days(Some(3), Some(7)))]);
        trading.pass(DAY * 4);
        assert_eq!(run(&BTreeMap::new()).await, Deadlines::default(), "off unless the config says so");
        let other = BTreeMap::from([("cod".to_owned(), UnpaidRule::from_days(Some(1), Some(2)))]);
        assert_eq!(run(&other).await, Deadlines::default(), "another way of paying");
        assert_eq!(run(&rules).await, Deadlines { reminded: 1, cancelled: 0 });
        assert_eq!(run(&rules).await, Deadlines::default(), "once");
        trading.pass(DAY * 4);
        assert_eq!(run(&rules).await, Deadlines { reminded: 0, cancelled: 1 });
        assert_eq!(trading.row(order).await.fulfilment, "cancelled");
        assert_eq!(trading.level("CUP").await, (2, 0, 0));
        assert_eq!(trading.jobs().await.iter().filter(|j| j.kind == "cancel").count(), 1);
        assert_eq!(kinds(&trading, order).await.iter().filter(|k| k.0 == "cancelled").count(), 1);
        trading.pass(DAY * 4);
        assert_eq!(run(&rules).await, Deadlines::default());
    })
    .await;
}

#[tokio::test]
async fn an_order_is_confirmed_once_and_not_while_it_is_on_hold() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let free = trading.order(trading.remote("1", &[("CUP", 1)])).await;
        let held = trading.order(trading.remote("2", &[("CUP", 1)])).await;
        trading.store.hold_order(&trading.act(held), "look at it").await.unwrap();
        let seller = Seller { facts: &trading.facts, notices: &NoticeKind::ALL, carriers: &[] };
        let run = async || confirm_once(&trading.store, seller, trading.now()).await.unwrap();
        assert_eq!((run().await, run().await), (1, 0));
        let told: Vec<Option<i64>> =
            trading.jobs().await.iter().filter(|j| j.kind == "confirm").map(|j| j.order()).collect();
        assert_eq!(told, [Some(free)]);
        trading.store.release_order(&trading.act(held)).await.unwrap();
        assert_eq!(run().await, 1);
        let again = Act { seller, ..trading.act(free) };
        let why = refused(trading.store.confirm_order(&again).await);
        assert!(why.contains("confirmed already"), "{why}");
        let deaf = Seller { notices: &[], ..seller };
        let why = refused(trading.store.confirm_order(&Act { seller: deaf, ..trading.act(free) }).await);
        assert!(why.contains("does not wait"), "{why}");
    })
    .await;
}

#[tokio::test]
async fn a_marketplaces_not_yet_holds_an_order_for_as_long_as_it_says_so() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let told = |version: u32, wait: Option<&str>| {
            let mut remote = trading.remote("1", &[("CUP", 1)]);
            remote.status = format!("state {version}");
            remote.wait = wait.map(|why| Bilingual { en: why.to_owned(), ja: format!("保留: {why}") });
            raw(remote)
        };
        let order = trading.order(told(1, Some("the fraud check is not done"))).await;
        let hold = hold_in_words(&trading.row(order).await.hold.unwrap());
        assert_eq!(hold.en, "the fraud check is not done");
        assert_eq!(hold.ja, "保留: the fraud check is not done");
        let states = async || kinds(&trading, order).await.into_iter().map(|k| k.2).collect::<BTreeSet<_>>();
        assert_eq!(states().await, BTreeSet::from(["held".to_owned()]));
        trading.order(told(2, Some("the fraud check is not done"))).await;
        trading.order(told(3, None)).await;
        assert_eq!(trading.row(order).await.hold, None, "it ends by itself");
        assert_eq!(states().await, BTreeSet::from(["queued".to_owned()]), "and its mails go");
        // What a person holds stays, whatever the marketplace says.
        trading.store.hold_order(&trading.act(order), "the buyer called").await.unwrap();
        trading.order(told(4, Some("gift address is missing"))).await;
        trading.order(told(5, None)).await;
        assert_eq!(trading.row(order).await.hold.as_deref(), Some("the buyer called"));
    })
    .await;
}

#[tokio::test]
async fn an_order_is_found_by_the_names_that_people_use() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let other = Trading::open(fresh, "annex", true).await;
        let one = trading.order(trading.remote("1", &[("CUP", 1)])).await;
        let two = other.order(other.remote("1", &[("CUP", 1)])).await;
        let store = &trading.store;
        for (name, id) in
            [("honten/1", one), ("honten/N-1", one), ("annex/N-1", two), (format!("#{two}").as_str(), two)]
        {
            assert_eq!(store.find_order(name).await.unwrap().id, id, "{name}");
        }
        let why = refused(store.find_order("N-1").await);
        assert!(why.contains(&format!("#{one}")) && why.contains(&format!("#{two}")), "{why}");
        for name in ["N-2", "#0", "#x", "nowhere/1", ""] {
            assert!(matches!(store.find_order(name).await, Err(StoreError::NotFound(_))), "{name}");
        }
        let found = store.orders(OrderFilter::Find("BUYER-1@example.jp"), None, i64::MAX, 10).await.unwrap();
        assert_eq!(found.iter().map(|o| o.id).collect::<Vec<_>>(), [two, one], "newest first");
        let found =
            store.orders(OrderFilter::Find("花子"), Some(other.facts.id), i64::MAX, 10).await.unwrap();
        assert_eq!(found.len(), 1);
        let page = store.orders(OrderFilter::All, None, two, 10).await.unwrap();
        assert_eq!(page.iter().map(|o| o.id).collect::<Vec<_>>(), [one]);
    })
    .await;
}
