//! Orders that the list shows late, or never tells as changed.

use std::time::Duration;

use banto_channel::{Cursor, Fulfilment, Payment, Read, RemoteOrder, RemoteOrderId};
use banto_sim::Market;
use banto_yahoo::fake::FakeConfig;

use crate::opened::{Opened, open};
use crate::{buy, calls};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Everything from `after` to the end, and the next cursor.
async fn pull(opened: &Opened, after: Option<Cursor>) -> (Vec<RemoteOrder>, Cursor) {
    let (mut cursor, mut orders) = (after, Vec::new());
    loop {
        let page = opened.connector.pull_orders(&opened.cx, cursor.as_ref()).await.unwrap();
        orders.extend(page.items.into_iter().filter_map(|read| match read {
            Read::Order(order) => Some(*order),
            Read::Unreadable { .. } => None,
        }));
        if !page.more {
            return (orders, page.next);
        }
        cursor = Some(page.next);
    }
}

async fn reread(opened: &Opened, id: &RemoteOrderId) -> RemoteOrder {
    let mut reads = opened.connector.reread_orders(&opened.cx, std::slice::from_ref(id)).await.unwrap();
    match reads.pop() {
        Some(Read::Order(order)) => *order,
        other => unreachable!("{id} was read as {other:?}"),
    }
}

#[tokio::test]
async fn an_order_that_was_held_for_fraud_comes_when_it_is_published() {
    let opened = open(|_| (), "").await;
    let held = buy(&opened, "tea-1", 1, true);
    opened.store.hold_for_fraud(&held);
    let (orders, mut cursor) = pull(&opened, None).await;
    assert_eq!(orders.len(), 0);
    // Hours later another order has moved the mark on; the held one tells an old OrderTime and LastUpdateTime.
    for _ in 0..6 {
        opened.clock.advance(60 * MINUTE);
        buy(&opened, "tea-2", 1, true);
        cursor = pull(&opened, Some(cursor)).await.1;
    }
    opened.store.publish(&held);
    opened.clock.advance(MINUTE);
    let (orders, _) = pull(&opened, Some(cursor)).await;
    assert!(orders.iter().any(|order| order.id == held));
}

#[tokio::test]
async fn an_order_that_was_published_during_an_outage_comes_with_the_thorough_look_after_it() {
    let opened = open(|_| (), "").await;
    let held = buy(&opened, "tea-1", 1, true);
    opened.store.hold_for_fraud(&held);
    let mut cursor = None;
    for _ in 0..4 {
        opened.clock.advance(60 * MINUTE);
        buy(&opened, "tea-2", 1, true);
        cursor = Some(pull(&opened, cursor).await.1);
    }
    opened.clock.advance(MINUTE);
    opened.store.publish(&held);
    // Both lists have it now, and that of the orders placed tells times that are long past.
    opened.clock.advance(6 * 60 * MINUTE);
    buy(&opened, "tea-2", 1, true);
    let (orders, cursor) = pull(&opened, cursor).await;
    assert!(orders.iter().any(|order| order.id == held));
    assert_eq!(pull(&opened, Some(cursor)).await.0.len(), 0, "and once is enough");
}

#[tokio::test]
async fn what_the_buyer_may_still_cancel_is_there_and_waits() {
    let ten_minutes = |config: &mut FakeConfig| config.read_only = Duration::from_secs(600);
    let opened = open(ten_minutes, "").await;
    let id = buy(&opened, "tea-1", 1, true);
    let (orders, cursor) = pull(&opened, None).await;
    assert!(
        orders[0].wait.as_ref().is_some_and(|why| why.en.contains("may still cancel")),
        "{:?}",
        orders[0].wait
    );
    opened.clock.advance(11 * MINUTE);
    // Its LastUpdateTime has not moved; its row has.
    let (orders, _) = pull(&opened, Some(cursor)).await;
    assert_eq!(orders.iter().map(|o| (&o.id, &o.wait)).collect::<Vec<_>>(), [(&id, &None)]);
}

#[tokio::test]
async fn a_change_of_an_old_order_is_found_by_a_thorough_look() {
    let opened = open(|_| (), "").await;
    let old = buy(&opened, "tea-1", 2, true);
    let (_, mut cursor) = pull(&opened, None).await;
    opened.clock.advance(9 * 60 * MINUTE);
    buy(&opened, "tea-2", 1, true);
    cursor = pull(&opened, Some(cursor)).await.1;
    opened.store.cancel(&old);
    opened.clock.advance(40 * MINUTE);
    let (orders, cursor) = pull(&opened, Some(cursor)).await;
    let told = orders.iter().find(|order| order.id == old).map(|o| (o.fulfilment, o.payment));
    assert_eq!(told, Some((Fulfilment::Cancelled, Payment::Refunded)));
    assert_eq!(pull(&opened, Some(cursor)).await.0.len(), 0, "and once is enough");
}

#[tokio::test]
async fn nothing_new_costs_two_calls() {
    let opened = open(|_| (), "").await;
    (0..25).for_each(|_| drop(buy(&opened, "tea-1", 1, true)));
    let (orders, cursor) = pull(&opened, None).await;
    assert_eq!(orders.len(), 25);
    assert_eq!(calls(&opened, "/orderList"), 2, "three pages of one look list once");
    opened.clock.advance(MINUTE);
    opened.store.take_seen();
    pull(&opened, Some(cursor)).await;
    let seen = opened.store.take_seen();
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[tokio::test]
async fn a_long_rest_loses_nothing() {
    let opened = open(|_| (), "look_back_days = 5").await;
    let (_, cursor) = pull(&opened, None).await;
    let early = buy(&opened, "tea-1", 1, true);
    opened.clock.advance(20 * DAY);
    opened.store.consent_again();
    // No key: after twelve hours the orders would stop.
    let (orders, _) = pull(&opened, Some(cursor)).await;
    assert_eq!(orders.iter().map(|o| &o.id).collect::<Vec<_>>(), [&early]);
}

#[tokio::test]
async fn a_foreign_cursor_is_an_error_and_a_gone_order_is_left_out() {
    let opened = open(|_| (), "").await;
    let foreign = Cursor::from("{\"v\":9}");
    assert!(opened.connector.pull_orders(&opened.cx, Some(&foreign)).await.is_err());
    let ids = ["banto-store-99999999", "no/order", ""].map(RemoteOrderId::from);
    assert_eq!(opened.connector.reread_orders(&opened.cx, &ids).await, Ok(Vec::new()));
    assert_eq!(calls(&opened, "/orderInfo"), 1, "what cannot be an order number is not asked for");
}

#[tokio::test]
async fn the_details_of_an_order_are_where_they_belong() {
    let opened = open(|_| (), "").await;
    let id = buy(&opened, "Shirt-01:m", 2, true);
    let store = &opened.store;
    for (group, name, value) in [
        ("Detail", "ShipCharge", "550"),
        ("Detail", "PayCharge", "330"),
        ("Detail", "GiftWrapCharge", "200"),
        ("Detail", "UsePoint", "120"),
        ("Detail", "TotalMallCouponDiscount", "80"),
        ("Detail", "GiftCardDiscount", "0"),
        ("Detail", "TotalPrice", "5280"),
        ("Pay", "BillLastName", "矢風"),
        ("Pay", "PayActionTime", "2026-04-01T09:01:00+09:00"),
        ("Ship", "ShippingDeadline", "2026-04-03T23:59:59+09:00"),
    ] {
        store.set_field(&id, group, name, value);
    }
    let order = reread(&opened, &id).await;
    let line = &order.lines[0];
    assert_eq!(line.listing.as_ref().map(|l| l.as_str()), Some("Shirt-01:m"));
    assert_eq!((line.code.as_deref(), line.tax_rate_bp), (Some("m"), Some(1000)));
    assert_eq!(line.title, "Tシャツ 髙﨑 M");
    let t = order.totals;
    assert_eq!((t.items.0, t.discount.0, t.shipping.0, t.fees.0, t.grand.0), (4400, 200, 550, 530, 5280));
    assert_eq!(t.sum(), Some(t.grand));
    assert_eq!(order.payment_method, "payment_a17");
    assert_eq!(order.buyer.name, "矢風");
    assert_eq!(order.ship_by.map(|at| at.as_secs()), Some(1_775_228_399));
    assert_eq!(order.paid_at.map(|at| at.as_secs()), Some(1_775_001_660));
}
