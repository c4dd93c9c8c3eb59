use banto_channel::{Parcel, Timestamp};
use serde_json::{Value, json};

use super::script::NOW;
use crate::model::Order;
use crate::shipping::plan;

/// Two destinations, the first with the rows given.
fn order(rows: Value) -> Order {
    let order = json!({ "PackageModelList": [
        { "basketId": 1, "ItemModelList": [{ "itemDetailId": 11 }, { "itemDetailId": 12 }], "ShippingModelList": rows },
        { "basketId": 2, "ItemModelList": [{ "itemDetailId": 21 }], "ShippingModelList": null },
    ] });
    serde_json::from_value(order).unwrap()
}

fn parcel(tracking: &str, lines: &[&str], completes: bool) -> Parcel {
    Parcel {
        carrier: "ヤマト運輸".to_owned(),
        tracking: tracking.to_owned(),
        tracking_url: None,
        shipped_at: Timestamp::from_secs(NOW),
        lines: lines.iter().map(|line| ((*line).to_owned(), 1)).collect(),
        completes,
    }
}

fn planned(order: &Order, parcel: &Parcel) -> Value {
    serde_json::to_value(plan(order, parcel).unwrap()).unwrap()
}

#[test]
fn a_part_goes_to_the_destination_of_its_lines_and_has_no_day_yet() {
    assert_eq!(
        planned(&order(json!([])), &parcel("A1", &["12"], false)),
        json!([{ "basketId": 1, "ShippingModelList": [{ "deliveryCompany": "1001", "shippingNumber": "A1" }] }])
    );
}

#[test]
fn the_parcel_that_completes_reaches_every_destination_and_dates_what_went_before() {
    let before = json!([{ "shippingDetailId": 7, "shippingNumber": "A1", "deliveryCompany": "1002" }]);
    assert_eq!(
        planned(&order(before), &parcel("A2", &["21"], true)),
        json!([
            { "basketId": 1, "ShippingModelList": [
                { "shippingDetailId": 7, "deliveryCompany": "1002", "shippingDate": "2026-11-21" },
            ] },
            { "basketId": 2, "ShippingModelList": [
                { "deliveryCompany": "1001", "shippingNumber": "A2", "shippingDate": "2026-11-21" },
            ] },
        ])
    );
}

#[test]
fn what_rms_knows_is_not_told_again() {
    let known = json!([{ "shippingDetailId": 7, "shippingNumber": "A1", "deliveryCompany": 1001, "shippingDate": "2026-11-20" }]);
    assert_eq!(planned(&order(known.clone()), &parcel("A1", &["11"], false)), json!([]));
    assert_eq!(planned(&order(known.clone()), &parcel("A1", &["11", "12"], false)), json!([]));
    let other = planned(&order(known), &parcel("A9", &["11"], false));
    assert_eq!(other[0]["ShippingModelList"][0]["shippingNumber"], "A9");
}

#[test]
fn a_blank_row_is_filled_and_not_left_beside_another() {
    let blank = json!([{ "shippingDetailId": 7, "shippingNumber": null, "deliveryCompany": "1003", "shippingDate": null }]);
    assert_eq!(
        planned(&order(blank), &parcel("A1", &["11"], true))[0],
        json!({ "basketId": 1, "ShippingModelList": [
            { "shippingDetailId": 7, "deliveryCompany": "1001", "shippingNumber": "A1", "shippingDate": "2026-11-21" },
        ] })
    );
}

#[test]
fn a_parcel_without_a_number_is_told_without_one_and_once() {
    let sent = planned(&order(json!([])), &parcel(" ", &["11"], false));
    assert_eq!(sent[0]["ShippingModelList"], json!([{ "deliveryCompany": "1001" }]));
    let known = json!([{ "shippingDetailId": 7, "shippingNumber": null, "deliveryCompany": "1001" }]);
    assert_eq!(planned(&order(known), &parcel("", &["11"], false)), json!([]));
}

#[test]
fn what_cannot_be_told_is_said_in_plain_words() {
    let why = |parcel: &Parcel| plan(&order(json!([])), parcel).unwrap_err();
    assert!(why(&parcel("A1", &["99"], false)).en.contains("\"99\""));
    assert!(why(&parcel(&"1".repeat(121), &["11"], false)).en.contains("120"));
    let full: Vec<Value> = (0..20)
        .map(|n| json!({ "shippingDetailId": n, "shippingNumber": n, "deliveryCompany": "1001", "shippingDate": "2026-11-20" }))
        .collect();
    assert!(plan(&order(json!(full)), &parcel("A1", &["11"], false)).unwrap_err().en.contains("20 parcels"));
    let nowhere: Order = serde_json::from_value(json!({})).unwrap();
    assert!(plan(&nowhere, &parcel("A1", &[], true)).unwrap_err().en.contains("no destination"));
}
