//! Shipments, cancels and payments as Yahoo! takes them.

use std::time::Duration;

use banto_channel::{ErrorKind, Notice, Outcome, Parcel, RemoteOrderId, Result};
use banto_sim::Market;
use banto_yahoo::fake::FakeConfig;

use crate::opened::{Opened, open};
use crate::{buy, calls};

async fn tell(opened: &Opened, id: &RemoteOrderId, notice: Notice) -> Result<Outcome> {
    opened.connector.notify_order(&opened.cx, id, &notice, &"01JC0KEY".into()).await
}

fn parcel(opened: &Opened, carrier: &str, tracking: &str, completes: bool) -> Notice {
    Notice::Shipped(Parcel {
        carrier: carrier.to_owned(),
        tracking: tracking.to_owned(),
        tracking_url: None,
        shipped_at: opened.cx.clock.now(),
        lines: Vec::new(),
        completes,
    })
}

fn shipping(opened: &Opened, id: &RemoteOrderId) -> Vec<String> {
    let names = [
        "ShipStatus",
        "ShipCompanyCode",
        "ShipInvoiceNumber1",
        "ShipInvoiceNumber2",
        "ShipInvoiceNumberEmptyReason",
    ];
    names.iter().map(|name| opened.store.field(id, "Ship", name)).collect()
}

#[tokio::test]
async fn two_parcels_have_their_places_and_a_third_only_ends_the_order() {
    let opened = open(|_| (), "").await;
    let id = buy(&opened, "tea-1", 3, true);
    for (tracking, completes) in [("4212-3456-0001", false), ("4212-3456-0002", false)] {
        let notice = parcel(&opened, "ヤマト運輸", tracking, completes);
        assert_eq!(tell(&opened, &id, notice).await, Ok(Outcome::Applied));
    }
    assert_eq!(shipping(&opened, &id), ["2", "1001", "4212-3456-0001", "4212-3456-0002", ""]);
    let third = parcel(&opened, "ヤマト運輸", "4212-3456-0003", false);
    assert!(
        matches!(tell(&opened, &id, third).await, Ok(Outcome::Refused { reason }) if reason.en.contains("two parcel numbers"))
    );
    let last = parcel(&opened, "ヤマト運輸", "4212-3456-0003", true);
    assert_eq!(tell(&opened, &id, last).await, Ok(Outcome::Applied));
    assert_eq!(shipping(&opened, &id)[0], "3");
    assert_eq!(opened.store.field(&id, "Ship", "ShipDate"), "2026-04-01");
}

#[tokio::test]
async fn a_number_is_compared_without_its_hyphens() {
    let opened = open(|_| (), "").await;
    let id = buy(&opened, "tea-1", 1, true);
    for tracking in ["421234560001", "4212-3456-0001"] {
        let notice = parcel(&opened, "1001", tracking, true);
        assert_eq!(tell(&opened, &id, notice).await, Ok(Outcome::Applied));
    }
    assert_eq!(calls(&opened, "/orderShipStatusChange"), 1);
}

#[tokio::test]
async fn post_without_a_number_says_why_there_is_none() {
    let opened = open(|_| (), "").await;
    let id = buy(&opened, "tea-1", 1, true);
    let notice = parcel(&opened, "ゆうパケット", "", true);
    assert_eq!(tell(&opened, &id, notice.clone()).await, Ok(Outcome::Applied));
    assert_eq!(shipping(&opened, &id), ["3", "1003", "", "", "105"]);
    assert_eq!(tell(&opened, &id, notice).await, Ok(Outcome::Applied));
    assert_eq!(calls(&opened, "/orderShipStatusChange"), 1);
}

#[tokio::test]
async fn carriers_and_numbers_that_yahoo_does_not_take_are_refused_here() {
    let opened = open(|_| (), "").await;
    let id = buy(&opened, "tea-1", 1, true);
    for (carrier, tracking, why) in [
        ("Rakuten EXPRESS", "123", "none of Yahoo!'s"),
        ("ヤマト運輸", "AB-123", "digits and hyphens"),
        ("ヤマト運輸", "123456789012345", "14 at most"),
        ("日本郵便", "1234", "11 to 13"),
        ("佐川急便", "１２３４", "ASCII"),
    ] {
        let answer = tell(&opened, &id, parcel(&opened, carrier, tracking, true)).await;
        assert!(
            matches!(&answer, Ok(Outcome::Refused { reason }) if reason.en.contains(why)),
            "{carrier}: {answer:?}"
        );
    }
    assert_eq!(calls(&opened, "/orderShipStatusChange"), 0);
    // Too long with its hyphens, and right without them.
    let notice = parcel(&opened, "ヤマト運輸", "4212-3456-0001-22", true);
    assert_eq!(tell(&opened, &id, notice).await, Ok(Outcome::Applied));
    assert_eq!(opened.store.field(&id, "Ship", "ShipInvoiceNumber1"), "42123456000122");
}

#[tokio::test]
async fn nothing_is_written_while_the_buyer_may_cancel() {
    let ten_minutes = |config: &mut FakeConfig| config.read_only = Duration::from_secs(600);
    let opened = open(ten_minutes, "").await;
    let id = buy(&opened, "tea-1", 1, true);
    opened.clock.advance(Duration::from_secs(240));
    let cancel = Notice::Cancelled { reason: "在庫切れ".to_owned() };
    let answer = tell(&opened, &id, cancel.clone()).await;
    assert!(
        matches!(answer, Ok(Outcome::Retry { after, .. }) if after == Duration::from_secs(360)),
        "{answer:?}"
    );
    assert_eq!(calls(&opened, "/orderStatusChange"), 0);
    opened.clock.advance(Duration::from_secs(360));
    assert_eq!(tell(&opened, &id, cancel).await, Ok(Outcome::Applied));
}

#[tokio::test]
async fn a_cancel_tells_its_reason() {
    let opened = open(|_| (), "").await;
    let id = buy(&opened, "tea-1", 1, true);
    assert_eq!(
        tell(&opened, &id, Notice::Cancelled { reason: "欠品".to_owned() }).await,
        Ok(Outcome::Applied)
    );
    assert_eq!(opened.store.field(&id, "", "CancelReason"), "230");
    assert_eq!(opened.store.field(&id, "", "CancelReasonDetail"), "ストアの都合によるキャンセルです。欠品");
    let opened = open(|_| (), "cancel_reason = 210").await;
    let id = buy(&opened, "tea-1", 1, true);
    assert_eq!(
        tell(&opened, &id, Notice::Cancelled { reason: "欠品".repeat(300) }).await,
        Ok(Outcome::Applied)
    );
    assert_eq!(opened.store.field(&id, "", "CancelReason"), "210");
}

#[tokio::test]
async fn only_what_the_store_collects_itself_can_be_told_as_paid() {
    let opened = open(|_| (), "").await;
    let at = opened.cx.clock.now();
    let id = buy(&opened, "tea-1", 1, false);
    opened.store.set_field(&id, "Pay", "PayMethod", "payment_a6");
    let answer = tell(&opened, &id, Notice::Paid { at }).await;
    assert!(
        matches!(&answer, Ok(Outcome::Refused { reason }) if reason.ja.contains("od91106")),
        "{answer:?}"
    );
    opened.store.set_field(&id, "Pay", "PayMethod", "payment_b2");
    assert_eq!(tell(&opened, &id, Notice::Paid { at }).await, Ok(Outcome::Applied));
    assert_eq!(opened.store.field(&id, "Pay", "PayDate"), "2026-04-01");
}

#[tokio::test]
async fn an_order_that_nobody_knows_is_not_found() {
    let opened = open(|_| (), "").await;
    for id in ["banto-store-99999999", "<Req>", ""] {
        let answer = tell(&opened, &id.into(), Notice::Cancelled { reason: String::new() }).await;
        assert!(answer.as_ref().is_err_and(|e| e.kind == ErrorKind::NotFound), "{id}: {answer:?}");
    }
    assert_eq!(opened.store.orders().len(), 0);
}
