use banto_channel::{ErrorKind, Fulfilment, ListingId, Notice, Outcome, Payment};
use banto_sim::{Fault, Market as _};

use super::shop::stage;

fn refused(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused { reason } => reason.en,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_parcel_that_was_made_and_not_moved_on_is_moved_on() {
    let stage = stage().await;
    let order = stage.buy(&[2], true);
    let parcel = stage.parcel("T-1", &[]);
    // The order is looked at, the parcel made; the third call fails as often as it is tried.
    stage.order(&order).await;
    stage.tap.take();
    stage.shop.faults().play_after(2, Fault::LostAnswer);
    let first = stage.tell(&order, &parcel).await;
    assert_eq!(first.unwrap_err().kind, ErrorKind::Unreachable);
    assert_eq!(stage.tap.names(), ["Stand", "Fulfil", "MoveFulfilment"]);
    assert_eq!(stage.tell(&order, &parcel).await.unwrap(), Outcome::Applied);
    assert_eq!(stage.tap.names(), ["Stand"], "it was moved on although the answer was lost");

    let other = stage.buy(&[1], true);
    stage.shop.faults().play_after(2, Fault::Reset);
    assert!(stage.tell(&other, &parcel).await.is_err());
    assert_eq!(stage.order(&other).await.fulfilment, Fulfilment::Open, "what is packed is still there");
    assert_eq!(stage.tell(&other, &parcel).await.unwrap(), Outcome::Applied);
    assert_eq!(stage.order(&other).await.fulfilment, Fulfilment::Shipped);
    assert_eq!(stage.shop.order(&other).unwrap().parcels.len(), 1);
}

#[tokio::test]
async fn parcels_without_a_number_are_known_by_what_is_in_them() {
    let stage = stage().await;
    let order = stage.buy(&[3, 1], true);
    let lines: Vec<String> = stage.order(&order).await.lines.into_iter().map(|l| l.id).collect();
    let (one, two) =
        (stage.parcel("", &[(&lines[0], 1)]), stage.parcel("", &[(&lines[0], 2), (&lines[1], 1)]));
    for parcel in [&one, &one, &two, &two, &one] {
        assert_eq!(stage.tell(&order, parcel).await.unwrap(), Outcome::Applied);
    }
    assert_eq!(stage.shop.order(&order).unwrap().parcels.len(), 2);
    assert_eq!(stage.order(&order).await.fulfilment, Fulfilment::Shipped);
    // Two parts of one consignment share its number.
    let order = stage.buy(&[1, 1], true);
    let lines: Vec<String> = stage.order(&order).await.lines.into_iter().map(|l| l.id).collect();
    for line in &lines {
        assert_eq!(stage.tell(&order, &stage.parcel("T-5", &[(line, 1)])).await.unwrap(), Outcome::Applied);
    }
    assert_eq!(stage.shop.order(&order).unwrap().parcels.len(), 2);
}

#[tokio::test]
async fn goods_that_left_are_told_although_the_shop_counts_too_few() {
    let stage = stage().await;
    let order = stage.buy(&[5, 2], true);
    stage.push(&[("1", 2), ("2", 0)]).await.unwrap();
    assert_eq!(stage.tell(&order, &stage.parcel("T-1", &[])).await.unwrap(), Outcome::Applied);
    assert_eq!(stage.shop.shown(&ListingId::from("1")), Some(0));
    assert_eq!(stage.shop.shown(&ListingId::from("2")), Some(0));
}

#[tokio::test]
async fn what_is_shipped_already_is_refused_with_the_reason() {
    let stage = stage().await;
    let order = stage.buy(&[2], true);
    stage.shop.ship(&order);
    let again = stage.tell(&order, &stage.parcel("T-1", &[])).await.unwrap();
    assert_eq!(refused(again), "nothing of the order is left to be shipped (state Shipped)");
    let line = stage.order(&order).await.lines[0].id.clone();
    let part = stage.tell(&order, &stage.parcel("T-1", &[(&line, 1)])).await.unwrap();
    assert_eq!(
        refused(part),
        "One or more OrderItems are already part of a Fulfillment (ITEMS_ALREADY_FULFILLED_ERROR)"
    );
    let cancel = Notice::Cancelled { reason: String::new() };
    assert!(
        refused(stage.tell(&order, &cancel).await.unwrap()).starts_with("parts of the order are fulfilled")
    );
}

#[tokio::test]
async fn while_staff_change_an_order_it_waits() {
    let stage = stage().await;
    let order = stage.buy(&[2], true);
    stage.shop.set_state(&order, "Modifying");
    let cancel = Notice::Cancelled { reason: String::new() };
    for notice in [&stage.parcel("T-1", &[]), &cancel] {
        let outcome = stage.tell(&order, notice).await.unwrap();
        assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    }
    assert!(stage.order(&order).await.wait.is_some());
    stage.shop.set_state(&order, "ReadyForPickup");
    assert_eq!(
        refused(stage.tell(&order, &cancel).await.unwrap()),
        "an order in the state ReadyForPickup cannot be cancelled"
    );
}

#[tokio::test]
async fn the_rest_of_a_raised_price_is_booked_once() {
    let stage = stage().await;
    let odd = stage.shop.place_odd_orders();
    let raised = &odd.iter().find(|o| o.name == "changed, and more is to be paid").unwrap().id;
    assert_eq!(stage.order(raised).await.payment, Payment::Partial);
    let paid = Notice::Paid { at: stage.cx.clock.now() };
    stage.tap.take();
    // The order is looked at and paid; moving it on fails at first.
    stage.shop.faults().play_after(2, Fault::Reset);
    assert!(stage.tell(raised, &paid).await.is_err());
    assert_eq!(stage.tell(raised, &paid).await.unwrap(), Outcome::Applied);
    assert_eq!(stage.tap.names(), ["Stand", "Pay", "MoveOrder", "Stand", "MoveOrder"]);
    let order = stage.order(raised).await;
    assert_eq!((order.payment, order.status.as_str()), (Payment::Paid, "PaymentSettled"));
    assert_eq!(order.payment_method, "bank-transfer");
    assert_eq!(stage.tell(raised, &paid).await.unwrap(), Outcome::Applied);
}

#[tokio::test]
async fn a_payment_that_nobody_waits_for_is_refused() {
    let stage = stage().await;
    let odd = stage.shop.place_odd_orders();
    let declined = &odd.iter().find(|o| o.name == "nothing but declined payments").unwrap().id;
    let paid = Notice::Paid { at: stage.cx.clock.now() };
    let outcome = stage.tell(declined, &paid).await.unwrap();
    assert_eq!(refused(outcome), "an order in the state PaymentSettled waits for no payment");
}

#[tokio::test]
async fn a_cancelled_order_frees_what_was_allocated_and_its_shipping() {
    let stage = stage().await;
    let order = stage.buy(&[4], true);
    assert_eq!(stage.shop.shown(&ListingId::from("1")), Some(96));
    let cancel = Notice::Cancelled { reason: "在庫切れ".to_owned() };
    for _ in 0..2 {
        assert_eq!(stage.tell(&order, &cancel).await.unwrap(), Outcome::Applied);
    }
    assert_eq!(stage.shop.shown(&ListingId::from("1")), Some(100));
    let told = stage.order(&order).await;
    assert_eq!((told.totals.shipping.0, told.totals.grand.0), (550, 4 * 980 + 550));
    assert_eq!(told.totals.sum(), Some(told.totals.grand));
}
