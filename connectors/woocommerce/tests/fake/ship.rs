//! Parcels: notes, the tracking extension, fulfilments.

use banto_channel::Fulfilment;
use banto_sim::market::{Market, MarketParcel};
use banto_woocommerce::fake::WcVersion;
use serde_json::json;

use crate::{MUG, Stage};

fn parcel(carrier: &str, tracking: &str) -> MarketParcel {
    MarketParcel { carrier: carrier.to_owned(), tracking: tracking.to_owned() }
}

#[tokio::test]
async fn a_parcel_in_a_note_is_found() {
    let stage = Stage::open().await;
    let id = stage.buy(MUG, 1);
    stage.shop.add_note(&id, "called the buyer about 2026-11-21, 0312345678");
    assert!(stage.shop.orders()[0].parcels.is_empty());
    stage.shop.add_note(
        &id,
        "Shipped on 2026-11-21 with ヤマト運輸, tracking number 1234-5678-9012, https://x.test/1\n[k]",
    );
    stage.shop.add_note(&id, "Shipped on 2026-11-22 with Japan Post");
    let found = &stage.shop.orders()[0].parcels;
    assert_eq!(*found, [parcel("ヤマト運輸", "1234-5678-9012"), parcel("Japan Post", "")]);
}

#[tokio::test]
async fn the_tracking_extension_keeps_parcels_and_shows_them_in_the_meta_data() {
    let closed = Stage::open().await;
    let id = closed.buy(MUG, 1);
    let path = format!("/wc-shipment-tracking/v3/orders/{id}/shipment-trackings");
    assert_eq!(closed.client.get(&path).await.unwrap().status, 404);

    let stage = Stage::with(|config| config.shipment_tracking = true).await;
    let id = stage.buy(MUG, 1);
    let providers = "/wc-shipment-tracking/v3/shipment-trackings/providers";
    let known = stage.client.raw("GET", providers, &[], "").await.unwrap().json();
    assert!(known["Japan"]["Japan Post"].is_string(), "open to everybody: {known}");
    let body = json!({
        "custom_tracking_provider": "ヤマト運輸", "custom_tracking_link": "https://x.test/%1$s",
        "tracking_number": "1234", "date_shipped": "2026-11-21",
    });
    let path = format!("/wc-shipment-tracking/v3/orders/{id}/shipment-trackings");
    let answer = stage.client.send("POST", &path, &body).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["tracking_link"], "https://x.test/1234");
    let listed = stage.client.get(&path).await.unwrap().json();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["tracking_provider"]),
        (1, &json!("ヤマト運輸"))
    );
    let order = stage.order(&id).await;
    assert_eq!(order["meta_data"][0]["key"], "_wc_shipment_tracking_items");
    assert_eq!(order["meta_data"][0]["value"][0]["tracking_number"], "1234");
    assert_eq!(stage.shop.orders()[0].parcels, [parcel("ヤマト運輸", "1234")]);
}

#[tokio::test]
async fn fulfilments_exist_only_where_the_feature_does() {
    for (version, flag, status) in
        [(WcVersion(10, 0, 2), false, 404), (WcVersion(9, 4, 3), true, 404), (WcVersion(10, 0, 2), true, 201)]
    {
        let stage = Stage::with(|config| {
            config.fulfilments = flag;
            config.wc_version = version;
        })
        .await;
        let id = stage.buy(MUG, 1);
        let body = json!({"status": "fulfilled", "is_fulfilled": true, "meta_data": [
            {"id": 0, "key": "_tracking_number", "value": "77"},
            {"id": 0, "key": "_shipment_provider", "value": "sagawa"},
            {"id": 0, "key": "_items", "value": [{"item_id": 1, "qty": 1}]},
        ]});
        let path = format!("/wc/v3/orders/{id}/fulfillments");
        let answer = stage.client.send("POST", &path, &body).await.unwrap();
        assert_eq!(answer.status, status, "{version} {flag}");
        if status == 201 {
            assert_eq!(answer.json()["entity_type"], "WC_Order");
            assert_eq!(stage.client.get(&path).await.unwrap().json().as_array().unwrap().len(), 1);
            let truth = stage.shop.orders();
            assert_eq!(
                (truth[0].parcels.as_slice(), truth[0].fulfilment),
                (&[parcel("sagawa", "77")][..], Fulfilment::Partial)
            );
        }
    }
}

#[tokio::test]
async fn a_fulfilment_whose_entries_have_no_id_has_no_items() {
    let stage = Stage::with(|config| config.fulfilments = true).await;
    let id = stage.buy(MUG, 2);
    let order = stage.order(&id).await;
    let path = format!("/wc/v3/orders/{id}/fulfillments");
    let body =
        |entry: serde_json::Value| json!({"status": "fulfilled", "is_fulfilled": true, "meta_data": [entry]});
    let item = |qty: i64| json!([{"item_id": order["line_items"][0]["id"], "qty": qty}]);
    let without = body(json!({"key": "_items", "value": item(1)}));
    let answer = stage.client.send("POST", &path, &without).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({"code": 0, "message": "The fulfillment should contain at least one item.", "data": {"status": 400}})
    );
    let none = body(json!({"id": 0, "key": "_items", "value": item(0)}));
    assert_eq!(stage.client.send("POST", &path, &none).await.unwrap().json()["message"], "Invalid item.");
    for status in ["partially_fulfilled", "fulfilled"] {
        let one = body(json!({"id": 0, "key": "_items", "value": item(1)}));
        let answer = stage.client.send("POST", &path, &one).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["meta_data"][1]["key"], "_date_fulfilled");
        let order = stage.order(&id).await;
        assert_eq!(order["meta_data"][0]["key"], "_fulfillment_status");
        assert_eq!(order["meta_data"][0]["value"], status);
    }
}
