//! Reports: whatever happened to the orders, the sums are those of the orders.

use std::collections::BTreeMap;
use std::time::Duration;

use banto::domain::people::Role;
use banto::store::{SalesOf, SalesSpan, SalesWindow, Store, date_of, day_number, month_number};
use banto_channel::{Fulfilment, Money, RemoteOrder, RemoteRefund, Timestamp};

use super::site::each_site;
use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

const DAY: Duration = Duration::from_secs(86_400);

async fn follow(store: &Store, now: Timestamp) {
    while store.project(7, now).await.unwrap() > 0 {}
}

/// A small generator, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// The sums of the tables, and those of the orders themselves: equal.
async fn proves(fresh: &Fresh, store: &Store) {
    let same = async |what: &str, kept: &str, direct: &str| {
        let (kept, direct) = (fresh.number(kept).await, fresh.number(direct).await);
        assert_eq!(kept, direct, "{what}");
        kept
    };
    let sum = |of: &str, from: &str| format!("SELECT CAST(COALESCE(SUM({of}), 0) AS BIGINT) FROM {from}");
    let live = "orders WHERE fulfilment <> 'cancelled'";
    same("orders", &sum("orders", "sales_day"), &sum("1", "orders")).await;
    same("cancelled", &sum("cancelled", "sales_day"), &sum("1", "orders WHERE fulfilment = 'cancelled'"))
        .await;
    same("refunded", &sum("refunded", "sales_day"), &sum("refunded_total", live)).await;
    let total = same("total", &sum("total", "sales_day"), &sum("grand_total", live)).await;
    assert!(total > 0);
    let lines = "order_line l JOIN orders o ON o.id = l.order_id WHERE o.fulfilment <> 'cancelled'";
    let units = "(l.quantity - l.cancelled) * l.per";
    same("units", &sum("units", "sales_day"), &sum(units, lines)).await;
    let matched = format!("{lines} AND l.item_id IS NOT NULL");
    let part = "l.total * (l.quantity - l.cancelled) / l.quantity";
    for table in
        ["sales_item_day", "sales_item_month WHERE channel_id = 0", "sales_item_month WHERE channel_id > 0"]
    {
        same(table, &sum("units", table), &sum(units, &matched)).await;
        same(table, &sum("total", table), &sum(part, &matched)).await;
    }
    let recent = ["units", "units * day", "units * item_id"];
    for of in recent {
        same("recent", &sum(of, "sales_item_recent"), &sum(of, "sales_item_day")).await;
    }
    // By day and shop, in the zone of the reports.
    let zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    let mut direct: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
    for row in store.orders(banto::store::OrderFilter::All, None, i64::MAX, 1000).await.unwrap() {
        let placed = jiff::Timestamp::from_microsecond(row.placed_at).unwrap().to_zoned(zone.clone());
        let day = direct.entry((day_number(placed.date()), row.channel_id)).or_default();
        day.0 += 1;
        day.1 += if row.fulfilment == "cancelled" { 0 } else { row.grand_total };
    }
    let kept = store.sales(0, i64::MAX).await.unwrap();
    let kept: BTreeMap<(i64, i64), (i64, i64)> =
        kept.iter().map(|d| ((d.day, d.channel_id), (d.orders, d.total))).collect();
    assert_eq!(kept, direct);
}

#[tokio::test]
async fn sums_are_those_of_the_orders_whatever_happened_to_them() {
    each_store(async |fresh: &Fresh| {
        let shops = [Trading::live(fresh).await, Trading::open(fresh, "rakuten", true).await];
        shops[0].stock(&[("CUP", 500), ("TEA", 500)]).await;
        let store = &shops[0].store;
        store.count_days_in("Asia/Tokyo").await.unwrap();
        let mut dice = Dice(7);
        let mut orders: Vec<(usize, RemoteOrder)> = Vec::new();
        for n in 0..60 {
            let shop = dice.roll(2) as usize;
            shops[shop].pass(Duration::from_secs(dice.roll(40_000)));
            let code = ["CUP", "TEA", "UNKNOWN"][dice.roll(3) as usize];
            let lines = [(code, 1 + dice.roll(4) as i64), ("CUP", 1)];
            orders.push((shop, shops[shop].remote(&format!("{shop}-{n}"), &lines)));
            let (shop, order) = orders.last().unwrap();
            shops[*shop].take(vec![raw(order.clone())]).await;
            if dice.roll(2) == 0 {
                let at = dice.roll(orders.len() as u64) as usize;
                change(&shops, &mut orders[at], &mut dice).await;
            }
            if dice.roll(9) == 0 {
                follow(store, shops[0].now()).await;
            }
        }
        follow(store, shops[0].now()).await;
        proves(fresh, store).await;
        // The same again, and everything anew.
        fresh.run("INSERT INTO order_touched (order_id) SELECT id FROM orders").await;
        follow(store, shops[0].now()).await;
        proves(fresh, store).await;
        assert!(!store.count_days_in("Asia/Tokyo").await.unwrap());
        assert!(store.count_days_in("America/Los_Angeles").await.unwrap());
        assert!(store.reports_behind().await.unwrap());
        follow(store, shops[0].now()).await;
        let far: Vec<_> = store.sales(0, i64::MAX).await.unwrap();
        store.count_days_in("Asia/Tokyo").await.unwrap();
        follow(store, shops[0].now()).await;
        proves(fresh, store).await;
        assert_ne!(far, store.sales(0, i64::MAX).await.unwrap(), "days begin elsewhere");
    })
    .await;
}

/// Something happens to an order that the shop tells of.
async fn change(shops: &[Trading], (shop, order): &mut (usize, RemoteOrder), dice: &mut Dice) {
    shops[*shop].pass(Duration::from_secs(1));
    order.changed_at = Some(shops[*shop].now());
    match dice.roll(4) {
        0 => {
            order.fulfilment = Fulfilment::Cancelled;
            order.lines.iter_mut().for_each(|line| line.cancelled = line.quantity);
        }
        1 => {
            let amount = Money(1 + dice.roll(50) as i64);
            order.totals.refunded = Money(order.totals.refunded.0 + amount.0);
            order.refunds.push(RemoteRefund {
                id: format!("r{}", order.refunds.len()),
                amount,
                at: None,
                reason: String::new(),
                lines: Vec::new(),
            });
        }
        2 => {
            order.lines[0].quantity += 1;
            order.lines[0].total.0 += 100;
            order.totals.items.0 += 100;
            order.totals.grand.0 += 100;
        }
        _ => order.lines[0].cancelled = 1.min(order.lines[0].quantity),
    }
    shops[*shop].take(vec![raw(order.clone())]).await;
}

#[tokio::test]
async fn items_come_by_what_they_brought() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 50), ("TEA", 50), ("POT", 50)]).await;
        let store = &trading.store;
        for (n, (code, units)) in [("CUP", 3), ("TEA", 5), ("POT", 1), ("CUP", 1)].into_iter().enumerate() {
            trading.take(vec![trading.remote(&n.to_string(), &[(code, units)])]).await;
        }
        trading.pass(DAY * 40);
        trading.take(vec![trading.remote("later", &[("POT", 9)])]).await;
        follow(store, trading.now()).await;
        let day = store.sales(0, i64::MAX).await.unwrap()[0].day;
        let month = month_number(date_of(day).unwrap());
        for (span, channel) in [
            (SalesSpan::Days(day, day + 1), None),
            (SalesSpan::Days(day - 3, day + 4), Some(trading.facts.id)),
            (SalesSpan::Month(month), None),
            (SalesSpan::Month(month), Some(trading.facts.id)),
        ] {
            let what = SalesOf { span, channel, currency: "JPY" };
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = store.sales_by_item(&what, after, 2).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some((last.total, last.item_id));
                seen.extend(page.iter().map(|s| (s.units, s.total)));
            }
            assert_eq!(seen, [(5, 500), (4, 400), (1, 100)], "{span:?}");
            let cup = store.item("CUP").await.unwrap().id;
            assert_eq!(store.sales_of_items(&what, &[cup]).await.unwrap()[&cup].units, 4);
            assert!(
                store
                    .sales_by_item(&SalesOf { channel: Some(999), ..what }, None, 9)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        store.count_on_hand().await.unwrap();
        assert_eq!(store.on_hand_counted().await.unwrap(), 150);
    })
    .await;
}

#[tokio::test]
async fn the_pace_is_that_of_the_last_28_days() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        trading.stock(&[("CUP", 100), ("TEA", 100)]).await;
        let store = &trading.store;
        store.count_days_in("Asia/Tokyo").await.unwrap();
        let day = || {
            let now = jiff::Timestamp::from_microsecond(trading.now().0).unwrap();
            now.to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap()).date()
        };
        let pace = async |code: &str| {
            let item = store.item(code).await.unwrap().id;
            let pace = store.pace(&[item].into(), SalesWindow::up_to(day())).await.unwrap()[&item];
            (pace.units, pace.days)
        };
        trading.take(vec![trading.remote("old", &[("CUP", 30)])]).await;
        follow(store, trading.now()).await;
        assert_eq!(pace("CUP").await, (30, 1), "a shop that is a day old has sold for a day");
        trading.pass(DAY * 27);
        trading.take(vec![trading.remote("new", &[("CUP", 5), ("TEA", 1)])]).await;
        follow(store, trading.now()).await;
        assert_eq!((pace("CUP").await, pace("TEA").await), ((35, 28), (1, 28)));
        trading.pass(DAY);
        assert_eq!(pace("CUP").await, (5, 28), "what was sold 28 days ago is over");
        // What is over is forgotten, and an order of that time that changes now does no harm.
        trading.pass(DAY * 10);
        store.forget_recent_sales(trading.now()).await.unwrap();
        assert_eq!(fresh.number("SELECT CAST(SUM(units) AS BIGINT) FROM sales_item_recent").await, 6);
        fresh.run("INSERT INTO order_touched (order_id) SELECT id FROM orders").await;
        follow(store, trading.now()).await;
        assert_eq!((pace("CUP").await, pace("TEA").await), ((5, 28), (1, 28)));
    })
    .await;
}

#[tokio::test]
async fn the_pages_answer_and_their_files_are_safe() {
    each_site(async |site| {
        let browser = site.log_in(Role::ReadOnly).await;
        for path in [
            "/reports",
            "/reports?span=week&until=2026-02-29&against=year&currency=%3Cscript%3E&shop=%3Cscript%3E",
            "/reports?span=month&until=9000-12-31&against=year",
            "/reports?until=1970-01-01",
            "/reports/items",
            "/reports/items?span=month&at=x&after=..",
            "/reports/items?span=week&after=9223372036854775807.1",
            "/customers",
            "/customers?q=%25&after=x",
            "/customers?show=blocked&after=x",
        ] {
            let page = browser.page(path).await;
            assert!(!page.contains("<script>"), "{path}");
        }
        browser.get("/reports/items?shop=nowhere").await.expect(404);
        browser.get("/customers/999").await.expect(404);
        browser.post("/customers/999/note", &[("version", "1"), ("text", "x")]).await.expect(403);
        for (path, kind) in [
            ("/reports/sales.csv", "text/csv; charset=utf-8"),
            ("/reports/items.csv?encoding=cp932", "text/csv; charset=Shift_JIS"),
        ] {
            let answer = browser.get(path).await.expect(200);
            assert_eq!(answer.header("content-type"), Some(kind));
            assert!(answer.header("content-disposition").unwrap().starts_with("attachment"));
        }
    })
    .await;
}
