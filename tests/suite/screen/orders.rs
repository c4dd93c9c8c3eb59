//! Lists of orders, and what people do to many of them or two people to one.

use std::collections::BTreeSet;
use std::time::Duration;

use banto::domain::deeds::Shipment;
use banto::domain::people::Role;
use banto::store::{Denied, JobEnd, JobRow, OrderPage, OrderTab, Wish};
use banto_channel::{Address, Bilingual, Payment, RemoteLine, Timestamp};
use banto_sim::SimClock;
use tempfile::TempDir;

use super::site::{Browser, Plan, Site};
use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

const NASTY: &str = "<script>alert('x')</script>";

async fn listed(trading: &Trading, tab: OrderTab) -> Vec<i64> {
    let page =
        OrderPage { tab, channel: None, payment: None, before: i64::MAX, limit: 50, now: trading.now() };
    trading.store.order_page(&page).await.unwrap()
}

#[tokio::test]
async fn each_list_has_its_orders() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 3)]).await;
        let good = trading.order(trading.remote("1", &[("CUP", 2)])).await;
        let mut unpaid = trading.remote("2", &[("CUP", 1)]);
        unpaid.payment = Payment::Awaiting;
        let unpaid = trading.order(raw(unpaid)).await;
        let short = trading.order(trading.remote("3", &[("CUP", 1)])).await;
        let unmatched = trading.order(trading.remote("4", &[("NEVER-SEEN", 1)])).await;
        let mut late = trading.remote("5", &[("NEVER-SEEN", 1)]);
        late.ship_by = Some(Timestamp(trading.now().0 - 1));
        let late = trading.order(raw(late)).await;
        let mut door = trading.remote("6", &[]);
        (door.payment, door.payment_title) = (Payment::Awaiting, "代金引換".to_owned());
        door.lines = vec![RemoteLine { code: Some("NEVER-SEEN".to_owned()), ..late_line(&trading) }];
        let door = trading.order(raw(door)).await;
        let held = trading.order(trading.remote("7", &[("NEVER-SEEN", 1)])).await;
        trading.store.hold_order(&trading.act(held), "ask the buyer").await.unwrap();
        let gone = trading.order(trading.remote("8", &[("NEVER-SEEN", 1)])).await;
        trading.store.cancel_order(&trading.act(gone), "sold out", "").await.unwrap();
        let all = [gone, held, door, late, unmatched, short, unpaid, good];
        assert_eq!(listed(&trading, OrderTab::All).await, all);
        assert_eq!(listed(&trading, OrderTab::Open).await, all[1..]);
        assert_eq!(listed(&trading, OrderTab::ToShip).await, [door, late, unmatched, good]);
        assert_eq!(listed(&trading, OrderTab::Unpaid).await, [door, unpaid]);
        assert_eq!(listed(&trading, OrderTab::Held).await, [held]);
        assert_eq!(listed(&trading, OrderTab::Short).await, [short]);
        assert_eq!(listed(&trading, OrderTab::Unmatched).await, [held, door, late, unmatched]);
        assert_eq!(listed(&trading, OrderTab::Late).await, [late]);
        assert_eq!(listed(&trading, OrderTab::Uncertain).await, Vec::<i64>::new());
        // By key, by channel, by payment.
        let page = |tab, before, channel, payment| OrderPage {
            tab,
            channel,
            payment,
            before,
            limit: 2,
            now: trading.now(),
        };
        let ids = async |page: OrderPage<'_>| trading.store.order_page(&page).await.unwrap();
        let channel = Some(trading.facts.id);
        assert_eq!(ids(page(OrderTab::All, held, channel, None)).await, [door, late]);
        assert_eq!(ids(page(OrderTab::All, held, Some(-1), None)).await, Vec::<i64>::new());
        assert_eq!(ids(page(OrderTab::All, i64::MAX, channel, Some("awaiting"))).await, [door, unpaid]);
        assert_eq!(ids(page(OrderTab::Open, unpaid, channel, Some("paid"))).await, [good]);
        assert_eq!(ids(page(OrderTab::Open, i64::MAX, None, Some("awaiting"))).await, [door, unpaid]);
        assert_eq!(ids(page(OrderTab::Open, i64::MAX, channel, Some("failed"))).await, Vec::<i64>::new());
        assert_eq!(ids(page(OrderTab::Late, i64::MAX, channel, Some("paid"))).await, [late]);
        assert_eq!(ids(page(OrderTab::Late, late, None, None)).await, Vec::<i64>::new());
        // From one line that is no item to the next, however many orders stand between.
        assert_eq!(ids(page(OrderTab::Unmatched, i64::MAX, None, None)).await, [held, door]);
        assert_eq!(ids(page(OrderTab::Unmatched, door, channel, None)).await, [late, unmatched]);
        assert_eq!(ids(page(OrderTab::Unmatched, late, None, Some("paid"))).await, [unmatched]);
        assert_eq!(ids(page(OrderTab::Unmatched, unmatched, None, None)).await, Vec::<i64>::new());
        assert_eq!(ids(page(OrderTab::Unmatched, i64::MAX, None, Some("awaiting"))).await, [door]);
        assert_eq!(ids(page(OrderTab::Unmatched, i64::MAX, Some(-1), None)).await, Vec::<i64>::new());
    })
    .await;
}

/// An order's page tells what waits for that order and was given up of it, whatever waits for others.
#[tokio::test]
async fn an_order_has_its_own_jobs() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 40)]).await;
        let mut ids = Vec::new();
        for n in 0..20 {
            let id = trading.order(trading.remote(&n.to_string(), &[("CUP", 1)])).await;
            let parcel = Shipment { carrier: "yamato".to_owned(), ..Shipment::default() };
            trading.store.ship_order(&trading.act(id), &parcel).await.unwrap();
            ids.push(id);
        }
        let mails: Vec<_> = trading.jobs().await.into_iter().filter(|job| job.lane == "mail").collect();
        let given_up = mails.iter().find(|job| job.order() == Some(ids[3])).unwrap();
        let (now, lease) = (trading.now(), Duration::from_secs(60));
        let claimed = trading.store.claim("mail", "test", now, lease, 1_000).await.unwrap();
        let claimed = claimed.into_iter().find(|job| job.id == given_up.id).unwrap();
        let end = JobEnd::Dead { why: "no such mailbox".to_owned() };
        trading.store.end_jobs(&[(claimed, end)]).await.unwrap();
        let all = trading.jobs().await;
        for id in ids {
            let own = |job: &&JobRow| job.order() == Some(id) && (job.lane != "mail" || job.state == "dead");
            let own: BTreeSet<i64> = all.iter().filter(own).map(|job| job.id).collect();
            let view = trading.store.order_view(id).await.unwrap();
            assert!(!own.is_empty(), "order {id} waits to be told of");
            assert_eq!(view.jobs.iter().map(|job| job.id).collect::<BTreeSet<_>>(), own, "order {id}");
            assert_eq!(view.jobs.iter().any(|job| job.state == "dead"), id == given_up.order().unwrap());
        }
    })
    .await;
}

fn late_line(trading: &Trading) -> RemoteLine {
    trading.remote("x", &[("NEVER-SEEN", 1)]).lines.remove(0)
}

/// What is rehearsed is what comes, sentence for sentence, and nothing of a rehearsal stays.
#[tokio::test]
async fn a_rehearsal_tells_what_the_deed_then_does() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 3)]).await;
        let first = trading.order(trading.remote("1", &[("CUP", 3)])).await;
        let second = trading.order(trading.remote("2", &[("CUP", 2)])).await;
        let cancel = Wish::Cancel { reason: "sold out".to_owned(), to_buyer: String::new() };
        let ship =
            Wish::Ship(Shipment { carrier: "ヤマト".into(), tracking: "1".into(), ..Shipment::default() });
        let wishes = [
            (trading.act(first), cancel.clone()),
            (trading.act(first), cancel.clone()),
            (trading.act(second), ship.clone()),
            (trading.act(second), Wish::Release),
        ];
        let before = (trading.view(first).await.order, trading.jobs().await, trading.level("CUP").await);
        let rehearsed = trading.store.rehearse(&wishes).await.unwrap();
        let after = (trading.view(first).await.order, trading.jobs().await, trading.level("CUP").await);
        assert_eq!(before, after, "nothing of it stays");
        assert!(!trading.story(second).await.contains(&"shipped".to_owned()), "nor in the timeline");
        let mut done = Vec::new();
        for (act, wish) in &wishes {
            done.push(trading.store.grant(act, wish).await);
        }
        for (at, (rehearsed, done)) in rehearsed.iter().zip(&done).enumerate() {
            match (rehearsed, done) {
                (Ok(a), Ok(b)) => {
                    assert_eq!(a.order, b.order, "{at}");
                    assert_eq!(
                        (&a.notices, &a.moves, &a.remarks),
                        (&b.notices, &b.moves, &b.remarks),
                        "{at}"
                    );
                    assert_eq!(a.mails, b.mails, "{at}");
                }
                (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string(), "{at}"),
                _ => panic!("{at}: {rehearsed:?} {done:?}"),
            }
        }
        assert!(done[0].is_ok() && done[2].is_ok());
        assert!(done[1].is_err() && done[3].is_err());
        let cancelled = done[0].as_ref().unwrap();
        assert!(cancelled.moves.iter().any(|m| m.order == Some(second)), "what is free goes to who waits");
        assert!(cancelled.mails.iter().any(|m| m.mail.kind == "cancelled" && m.before.is_none()));
        let why = done[3].as_ref().unwrap_err().why();
        assert!(why.ja.contains("保留中ではありません"), "{why:?}");
    })
    .await;
}

#[tokio::test]
async fn the_second_of_two_people_is_told_and_nothing_is_done_twice() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let order = trading.order(trading.remote("1", &[("TEA", 1)])).await;
        let mut act = trading.act(order);
        act.version = Some(trading.row(order).await.version);
        trading.store.grant(&act, &Wish::Hold { reason: "a".to_owned() }).await.unwrap();
        let denied = trading.store.grant(&act, &Wish::Release).await.unwrap_err();
        assert!(matches!(denied, Denied::Changed { .. }), "{denied:?}");
        assert_eq!(trading.row(order).await.hold.as_deref(), Some("a"));
        trading.store.note_order(order, "電話した", "user:aki", trading.now()).await.unwrap();
        let note = trading.view(order).await.timeline.pop().unwrap();
        assert_eq!(
            (note.kind.as_str(), note.detail.as_str(), note.actor.as_str()),
            ("note", "電話した", "user:aki")
        );
    })
    .await;
}

#[tokio::test]
async fn lists_are_kept_by_name_for_their_person() {
    each_store(async |fresh: &Fresh| {
        let store = &fresh.store;
        store.save_filter(1, "急ぎ", "tab=late").await.unwrap();
        store.save_filter(1, "急ぎ", "tab=short").await.unwrap();
        store.save_filter(2, "急ぎ", "tab=all").await.unwrap();
        let mine = store.saved_filters(1).await.unwrap();
        assert_eq!(mine.iter().map(|row| row.query.as_str()).collect::<Vec<_>>(), ["tab=short"]);
        assert!(store.drop_filter(2, mine[0].id).await.is_err(), "not theirs");
        store.drop_filter(1, mine[0].id).await.unwrap();
        assert_eq!(store.saved_filters(1).await.unwrap(), []);
    })
    .await;
}

/// A site with one live channel, and its orders.
struct Shop {
    site: Site,
    trading: Trading,
    _secrets: TempDir,
}

impl Shop {
    async fn open(fresh: &Fresh) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("key"), "key").unwrap();
        let key = secrets.path().join("key").display().to_string();
        let honten = format!(
            "kind = \"woocommerce\"\nmode = \"live\"\n\n[connector]\nurl = \"https://shop.example\"\n\
             consumer_key_file = \"{key}\"\nconsumer_secret_file = \"{key}\"\n\n[mail]\nshipped = \"us\"\npaid = \"us\"\n"
        );
        let house = "[shop]\nname = \"茶屋\"\n\n[mail]\nfrom = \"shop@example.jp\"\nhost = \"127.0.0.1\"\nport = 1\n\
            tls = \"none\"\n";
        let plan = Plan { house, channels: &[("honten", &honten)] };
        let trading = Trading::open(fresh, "honten", true).await;
        let site = Site::planned(fresh, plan, SimClock::usual()).await;
        Self { site, trading, _secrets: secrets }
    }

    async fn version(&self, order: i64) -> String {
        self.trading.row(order).await.version.to_string()
    }
}

/// The value of a hidden field of a page.
fn field(html: &str, name: &str) -> String {
    let at = html.find(&format!("name=\"{name}\" value=\"")).unwrap() + name.len() + 15;
    html[at..].split('"').next().unwrap().to_owned()
}

async fn staff(shop: &Shop) -> Browser {
    shop.site.log_in(Role::Staff).await
}

#[tokio::test]
async fn an_orders_texts_stay_texts_on_every_page() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let mut remote = shop.trading.remote("1", &[("TEA", 1)]);
        let address = Address {
            name: NASTY.to_owned(),
            name_kana: NASTY.to_owned(),
            company: NASTY.to_owned(),
            country: NASTY.to_owned(),
            postcode: NASTY.to_owned(),
            region: NASTY.to_owned(),
            city: NASTY.to_owned(),
            line1: NASTY.to_owned(),
            line2: NASTY.to_owned(),
            phone: NASTY.to_owned(),
        };
        (remote.ship_to, remote.bill_to) =
            (address.clone(), Address { line2: "other".to_owned(), ..address });
        (remote.number, remote.status, remote.note) = (NASTY.to_owned(), NASTY.to_owned(), NASTY.to_owned());
        (remote.payment_title, remote.payment_method) = (NASTY.to_owned(), NASTY.to_owned());
        (remote.buyer.name, remote.buyer.phone) = (NASTY.to_owned(), NASTY.to_owned());
        (remote.lines[0].title, remote.lines[0].code) = (NASTY.to_owned(), Some(NASTY.to_owned()));
        remote.wait = Some(Bilingual::quoted(NASTY));
        let order = shop.trading.order(raw(remote)).await;
        shop.trading.store.note_order(order, NASTY, "user:<b>", shop.trading.now()).await.unwrap();
        shop.trading.store.project(500, shop.trading.now()).await.unwrap();
        let browser = staff(&shop).await;
        for path in [
            "/orders?tab=all".to_owned(),
            format!("/orders/{order}"),
            format!("/orders/{order}/payload"),
            "/orders?q=%3Cscript%3Ealert&tab=%3Cscript%3E&channel=%3Cscript%3E".to_owned(),
            "/quarantine".to_owned(),
        ] {
            let html = browser.page(&path).await;
            assert!(!html.contains("<script>alert"), "{path}");
            assert!(!html.contains(" style="), "{path}");
        }
        assert!(browser.page(&format!("/orders/{order}")).await.contains("&#60;script&#62;alert"));
        browser.get("/orders/999999").await.expect(404);
        browser.get("/orders/999999/payload").await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn many_orders_are_shipped_after_a_look_at_what_comes() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    shop.trading.stock(&[("TEA", 9)]).await;
    let first = shop.trading.order(shop.trading.remote("1", &[("TEA", 1)])).await;
    let second = shop.trading.order(shop.trading.remote("2", &[("TEA", 1)])).await;
    let held = shop.trading.order(shop.trading.remote("3", &[("TEA", 1)])).await;
    shop.trading.store.hold_order(&shop.trading.act(held), "ask first").await.unwrap();
    let browser = staff(&shop).await;
    let mut seen = Vec::new();
    for id in [second, first, held] {
        seen.push(format!("{id}:{}", shop.version(id).await));
    }
    let mut form = vec![("action", "ship"), ("carrier", "ヤマト運輸"), ("column", "1111\n2222\n3333")];
    form.extend(seen.iter().map(|order| ("order", order.as_str())));
    let html = browser.post("/orders/bulk/preview", &form).await.expect(200).body;
    assert!(html.contains("not shipped → shipped"), "{html}");
    assert!(html.contains("value=\"1111\""), "the column is spread over the orders");
    assert!(html.contains("is on hold: ask first"), "a refusal stands beside its order");
    assert_eq!(shop.trading.row(first).await.fulfilment, "open", "a preview ships nothing");
    // What was not previewed is previewed, not done.
    let html = browser.post("/orders/bulk", &form).await.expect(200).body;
    assert!(html.contains("nothing has been done yet"));
    let (digest, numbers) =
        (field(&html, "rehearsed"), [second, first, held].map(|id| format!("tracking-{id}")));
    let mut form = vec![("action", "ship"), ("carrier", "ヤマト運輸"), ("rehearsed", digest.as_str())];
    form.extend(seen.iter().map(|order| ("order", order.as_str())));
    form.extend(numbers.iter().map(String::as_str).zip(["1111", "2222", "3333"]));
    let html = browser.post("/orders/bulk", &form).await.expect(200).body;
    assert!(html.contains("2 / 3"), "{html}");
    for (id, tracking) in [(second, "1111"), (first, "2222")] {
        let view = shop.trading.view(id).await;
        assert_eq!(view.order.parcels[0].tracking, tracking);
        assert_eq!(view.timeline.iter().find(|e| e.kind == "shipped").unwrap().actor, "user:staff");
    }
    assert_eq!(shop.trading.row(held).await.fulfilment, "open");
    // The same form again finds other versions, and does nothing.
    let html = browser.post("/orders/bulk", &form).await.expect(200).body;
    assert!(html.contains("0 / 3"), "{html}");
    browser.post("/orders/bulk/preview", &[("action", "ship")]).await.expect(422);
    let guest = shop.site.log_in(Role::ReadOnly).await;
    guest.post("/orders/bulk", &form).await.expect(403);
}

#[tokio::test]
async fn what_was_typed_outlives_somebody_quicker() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let order = shop.trading.order(shop.trading.remote("1", &[("TEA", 2)])).await;
    let (aki, ben) = (staff(&shop).await, shop.site.log_in_as("ben", Role::Staff).await);
    let path = format!("/orders/{order}");
    let page = aki.page(&path).await;
    let (version, seen) = (field(&page, "version"), field(&page, "seen"));
    let bens = [("version", version.as_str()), ("seen", seen.as_str()), ("reason", "address unclear")];
    let answer = ben.post(&format!("{path}/hold"), &bens).await.expect(303);
    assert_eq!(answer.location(), path);
    let akis = [
        ("version", version.as_str()),
        ("seen", seen.as_str()),
        ("reason", "customs papers"),
        ("to_buyer", "書類の不備"),
    ];
    let html = aki.post(&format!("{path}/cancel"), &akis).await.expect(409).body;
    assert!(html.contains("address unclear") && html.contains("(ben)"), "what happened meanwhile");
    assert!(html.contains("customs papers") && html.contains("書類の不備"), "what was typed");
    assert_eq!(shop.trading.row(order).await.fulfilment, "open");
    // With the version that it has now it is done.
    let now = shop.version(order).await;
    let again = [("version", now.as_str()), ("reason", "customs papers")];
    aki.post(&format!("{path}/cancel"), &again).await.expect(303);
    assert_eq!(shop.trading.row(order).await.fulfilment, "cancelled");
    aki.post(&format!("{path}/burn"), &again).await.expect(404);
    aki.post(&format!("{path}/hold"), &[("version", "1"), ("reason", " ")]).await.expect(422);
    aki.post(&format!("{path}/note"), &[("note", "折り返し電話")]).await.expect(303);
    assert!(aki.page(&path).await.contains("折り返し電話"));
}

#[tokio::test]
async fn a_typed_number_leads_to_its_order() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let order = shop.trading.order(shop.trading.remote("77", &[("TEA", 1)])).await;
    shop.trading.store.project(500, shop.trading.now()).await.unwrap();
    let browser = staff(&shop).await;
    let answer = browser.get("/orders?q=n-77").await.expect(303);
    assert_eq!(answer.location(), format!("/orders/{order}"));
    let html = browser.page("/orders?q=%E9%AB%98%E5%B4%8E").await;
    assert!(html.contains("N-77"), "a name gives a list");
    let kept = browser.post("/orders/filters", &[("name", "高崎様"), ("q", "高崎")]).await.expect(303);
    assert!(browser.page(kept.location()).await.contains("高崎様"));
}
