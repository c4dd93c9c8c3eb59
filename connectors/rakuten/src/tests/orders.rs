use banto_channel::{Fulfilment, Money, Payment, RemoteOrder};
use serde_json::{Value, json};

use crate::model::Order;
use crate::parse;

/// A sound order with every part that an ordinary one has.
fn sound() -> Value {
    serde_json::from_str(include_str!("order.json")).unwrap()
}

fn read(order: &Value) -> RemoteOrder {
    let raw = order.to_string();
    let read: Order = serde_json::from_str(&raw).unwrap();
    parse::order(&read, &raw, None).unwrap()
}

#[test]
fn a_sound_order_is_told_whole() {
    let mut order = read(&sound());
    assert!(order.raw.contains("0123s1@pc.fw.rakuten.ne.jp"));
    order.raw.clear();
    insta::assert_debug_snapshot!(order);
}

#[test]
fn the_total_is_what_the_buyer_is_asked_for_after_coupons_and_points() {
    let totals = read(&sound()).totals;
    assert_eq!((totals.items, totals.discount, totals.shipping), (Money(3480), Money(1000), Money(550)));
    assert_eq!((totals.grand, totals.tax), (Money(3030), Money(325)));
    assert_eq!(totals.sum(), Some(totals.grand));
}

#[test]
fn every_state_has_its_place_on_both_axes() {
    use Fulfilment::{Cancelled, Open, Shipped};
    use Payment::{Awaiting, Paid, Refunded};
    for (progress, payment, fulfilment, waits) in [
        (100, Awaiting, Open, false),
        (200, Awaiting, Open, true),
        (300, Paid, Open, false),
        (400, Paid, Open, true),
        (500, Paid, Shipped, false),
        (600, Paid, Shipped, false),
        (700, Paid, Shipped, false),
        (800, Paid, Cancelled, false),
        (900, Refunded, Cancelled, false),
    ] {
        let mut order = sound();
        order["orderProgress"] = json!(progress);
        let order = read(&order);
        assert_eq!(
            (order.payment, order.fulfilment, order.wait.is_some()),
            (payment, fulfilment, waits),
            "{progress}"
        );
        assert!(order.unknowns.is_empty());
    }
}

#[test]
fn money_that_the_shop_collects_itself_counts_when_all_is_settled() {
    for (flag, code, progress, payment) in [
        (json!(0), 2, 300, Payment::Awaiting),
        (json!(0), 2, 500, Payment::Awaiting),
        (json!(0), 2, 700, Payment::Paid),
        (json!(null), 2, 300, Payment::Awaiting),
        (json!(null), 9, 300, Payment::Paid),
        (json!(1), 21, 300, Payment::Paid),
    ] {
        let mut order = sound();
        order["orderProgress"] = json!(progress);
        order["SettlementModel"]["settlementMethodCode"] = json!(code);
        order["SettlementModel"]["rpaySettlementFlag"] = flag;
        assert_eq!(read(&order).payment, payment, "{code} {progress}");
    }
}

#[test]
fn one_that_never_paid_is_cancelled_without_a_refund() {
    let mut order = sound();
    order["orderProgress"] = json!(900);
    order["orderFixDatetime"] = Value::Null;
    let order = read(&order);
    assert_eq!((order.payment, order.totals.refunded, order.refunds.len()), (Payment::Awaiting, Money(0), 0));
}

#[test]
fn a_dummy_address_is_no_address() {
    let mut order = sound();
    order["PackageModelList"][0]["SenderModel"]["prefecture"] = json!("入力待ち");
    let order = read(&order);
    assert_eq!(order.ship_to, banto_channel::Address::default());
    assert!(order.wait.unwrap().en.contains("social gift"));
}
