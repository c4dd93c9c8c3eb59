//! Parcels and cancelled orders out.

use std::fs;

use banto_channel::{
    Clock as _, Connector as _, ErrorKind, IdempotencyKey, Notice, Outcome, Parcel, RemoteOrderId,
};

use super::place::{AT_ONCE, Place, place};

const FILES: &str = r#"
[shipments]
columns = [
  { title = "注文番号", value = "order_id" },
  { title = "会社", value = "carrier" },
  { title = "番号", value = "tracking" },
  { title = "日", value = "shipped_at" },
  { title = "完了", value = "completes" },
]
[shipments.carriers]
"ヤマト運輸" = "1001"
[cancels]
columns = [{ title = "注文番号", value = "order_id" }, { title = "理由", value = "reason" }, { title = "区分", fixed = "9" }]
"#;

fn parcel(place: &Place, carrier: &str, lines: &[(&str, i64)], completes: bool) -> Notice {
    Notice::Shipped(Parcel {
        carrier: carrier.to_owned(),
        tracking: "4212-3456-0001".to_owned(),
        tracking_url: None,
        shipped_at: place.clock.now(),
        lines: lines.iter().map(|(line, units)| ((*line).to_owned(), *units)).collect(),
        completes,
    })
}

async fn tell(place: &Place, notice: &Notice, key: &str) -> Outcome {
    let order = RemoteOrderId::from("A/1 髙");
    place.connector.notify_order(&place.cx, &order, notice, &IdempotencyKey::from(key)).await.unwrap()
}

fn only(place: &Place, subfolder: &str) -> String {
    let names = place.names(subfolder);
    assert_eq!(names.len(), 1, "{names:?}");
    format!("{subfolder}/{}", names[0])
}

#[tokio::test]
async fn a_parcel_is_one_file_and_is_written_once() {
    let place = place(AT_ONCE, FILES);
    let shipped = parcel(&place, "ヤマト 運輸", &[], true);
    for _ in 0..3 {
        assert_eq!(tell(&place, &shipped, "k1").await, Outcome::Applied);
        place.pass(1);
    }
    let name = only(&place, "shipments");
    assert!(name.starts_with("shipments/20260401T090000-A_1__-"), "{name}");
    assert_eq!(
        place.text(&name),
        "注文番号,会社,番号,日,完了\r\nA/1 髙,1001,4212-3456-0001,2026/04/01,1\r\n"
    );
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_not_written_again() {
    let place = place(AT_ONCE, FILES);
    let shipped = parcel(&place, "1001", &[], true);
    tell(&place, &shipped, "k1").await;
    fs::remove_file(place.path(&only(&place, "shipments"))).unwrap();
    assert_eq!(tell(&place, &shipped, "k1").await, Outcome::Applied);
    assert!(place.names("shipments").is_empty());
    tell(&place, &shipped, "k2").await;
    only(&place, "shipments");
}

#[tokio::test]
async fn a_crash_between_the_file_and_its_mark_writes_no_second_file() {
    let place = place(AT_ONCE, FILES);
    let shipped = parcel(&place, "1001", &[], true);
    tell(&place, &shipped, "k1").await;
    fs::remove_dir_all(place.path("shipments/.told")).unwrap();
    place.pass(5);
    assert_eq!(tell(&place, &shipped, "k1").await, Outcome::Applied);
    only(&place, "shipments");
}

#[tokio::test]
async fn an_unmapped_carrier_is_refused_before_anything_is_written() {
    let place = place(AT_ONCE, FILES);
    let outcome = tell(&place, &parcel(&place, "ドローン便", &[], true), "k1").await;
    assert!(
        matches!(&outcome, Outcome::Refused { reason } if reason.ja.contains("connector.shipments.carriers"))
    );
    assert!(place.names("shipments").is_empty());
}

#[tokio::test]
async fn parts_are_told_where_the_file_can_say_so() {
    let place = place(AT_ONCE, FILES);
    tell(&place, &parcel(&place, "1001", &[("1", 1)], false), "k1").await;
    assert!(place.text(&only(&place, "shipments")).ends_with(",0\r\n"));

    let by_line = "[shipments]\ncolumns = [{ title = \"o\", value = \"order_id\" }, { title = \"l\", value = \"line_id\" }, \
                   { title = \"q\", value = \"quantity\" }]\n";
    let place = super::place::place(AT_ONCE, by_line);
    tell(&place, &parcel(&place, "any", &[("1", 1), ("2", 3)], false), "k1").await;
    assert_eq!(place.text(&only(&place, "shipments")), "o,l,q\r\nA/1 髙,1,1\r\nA/1 髙,2,3\r\n");

    let whole = "[shipments]\ncolumns = [{ title = \"o\", value = \"order_id\" }]\n";
    let place = super::place::place(AT_ONCE, whole);
    let outcome = tell(&place, &parcel(&place, "any", &[("1", 1)], false), "k1").await;
    assert!(matches!(&outcome, Outcome::Refused { reason } if reason.ja.contains("line_id")), "{outcome:?}");
    assert_eq!(tell(&place, &parcel(&place, "any", &[("1", 1)], true), "k2").await, Outcome::Applied);
}

#[tokio::test]
async fn a_cancelled_order_is_a_file_of_its_own() {
    let place = place(AT_ONCE, FILES);
    let cancel = Notice::Cancelled { reason: "在庫切れ\r\nお詫び".to_owned() };
    tell(&place, &cancel, "k1").await;
    tell(&place, &cancel, "k1").await;
    assert_eq!(place.text(&only(&place, "cancels")), "注文番号,理由,区分\r\nA/1 髙,在庫切れ  お詫び,9\r\n");
    let gift = Notice::Cancelled { reason: "🎁".to_owned() };
    assert!(matches!(tell(&place, &gift, "k2").await, Outcome::Refused { .. }));
}

#[tokio::test]
async fn what_is_not_configured_is_unsupported() {
    let place = place(AT_ONCE, "");
    let order = RemoteOrderId::from("A-1");
    for notice in [parcel(&place, "1001", &[], true), Notice::Confirmed] {
        let told = place.connector.notify_order(&place.cx, &order, &notice, &IdempotencyKey::from("k")).await;
        assert!(told.is_err_and(|e| e.kind == ErrorKind::Unsupported));
    }
    assert!(place.connector.capabilities().notices.is_empty());
}
