//! Single orders: their shape, what moves them, notes and refunds.

use std::time::Duration;

use banto_channel::{Clock, Fulfilment, ListingId, Money, Payment, RemoteOrderId};
use banto_sim::market::Market;
use banto_woocommerce::fake::WcVersion;
use serde_json::{Value, json};

use crate::{MUG, SHIRT_BLUE, SHIRT_RED, Stage, basket};

async fn put(stage: &Stage, id: &RemoteOrderId, body: Value) -> Value {
    let answer = stage.client.send("PUT", &format!("/wc/v3/orders/{id}"), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn an_order_has_the_documented_shape() {
    let stage = Stage::open().await;
    let id = stage.shop.buy(&basket(&[(MUG, 2), (SHIRT_RED, 1)], true)).unwrap();
    let answer = stage.client.get(&format!("/wc/v3/orders/{id}")).await.unwrap();
    assert!(answer.body.is_ascii(), "everything else is escaped");
    assert!(answer.text().contains(r"http:\/\/127.0.0.1"), "so are slashes");
    let order = answer.json();
    let whole = [
        "id parent_id number order_key created_via version status currency date_created date_created_gmt",
        "date_modified date_modified_gmt discount_total discount_tax shipping_total shipping_tax cart_tax total",
        "total_tax prices_include_tax customer_id customer_ip_address customer_user_agent customer_note billing",
        "shipping payment_method payment_method_title transaction_id date_paid date_paid_gmt date_completed",
        "date_completed_gmt cart_hash meta_data line_items tax_lines shipping_lines fee_lines coupon_lines refunds",
        "payment_url is_editable needs_payment needs_processing currency_symbol _links",
    ];
    let mut names: Vec<&str> = whole.iter().flat_map(|line| line.split(' ')).collect();
    names.sort_unstable();
    let shown: Vec<&str> = order.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, names);
    // 2 × 1,080 with 8 %, 2,200 with 10 %, 550 of shipping with 10 %; yen have no decimals.
    assert_eq!(order["total"], "4910");
    assert_eq!(order["cart_tax"], "360");
    assert_eq!((&order["shipping_total"], &order["shipping_tax"]), (&json!("500"), &json!("50")));
    assert_eq!(order["total_tax"], "410");
    assert_eq!(order["date_completed"], Value::Null);
    assert_eq!(order["needs_payment"], false);
    assert_eq!(order["billing"]["last_name"], "山田");
    assert_eq!(order["shipping"]["first_name"], "花子");
    assert_eq!(order["shipping"]["state"], "JP13");
    assert!(order["shipping"].get("email").is_none());
    let rates: Vec<_> = order["tax_lines"].as_array().unwrap().iter().map(|t| &t["rate_percent"]).collect();
    assert_eq!(rates, [&json!(10), &json!(8)]);
    let shirt = &order["line_items"][1];
    assert_eq!((&shirt["product_id"], &shirt["variation_id"]), (&json!(12), &json!(13)));
    assert_eq!((&shirt["sku"], &shirt["price"]), (&json!("SHIRT-R"), &json!(2000)));
    assert_eq!((&shirt["total"], &shirt["parent_name"]), (&json!("2000"), &json!("Shirt")));
    assert_eq!(shirt["image"], json!({"id": "", "src": ""}));
    assert_eq!(
        (&shirt["meta_data"][0]["key"], &shirt["meta_data"][0]["value"]),
        (&json!("Color"), &json!("Red"))
    );
    assert_eq!(shirt["meta_data"][1]["key"], "_reduced_stock");
    assert_eq!(shirt["meta_data"][1]["value"], "1");
}

#[tokio::test]
async fn a_price_is_a_number_with_more_decimals_than_the_currency() {
    let stage = Stage::with(|config| config.products[0].price = 500).await;
    let id = stage.buy(MUG, 1);
    let line = stage.order(&id).await["line_items"][0].clone();
    assert_eq!((&line["total"], &line["total_tax"]), (&json!("463"), &json!("37")));
    assert_eq!(line["price"], json!(462.962_963));
    assert_eq!(line["taxes"][0]["total"], "37.037037");
    let two = stage.client.get(&format!("/wc/v3/orders/{id}?dp=2")).await.unwrap().json();
    assert_eq!(two["line_items"][0]["total"], "463.00");

    let euro = Stage::with(|config| {
        config.currency = "EUR".to_owned();
        config.prices_include_tax = false;
        config.products[0].price = 1_999;
    })
    .await;
    let order = euro.order(&euro.buy(MUG, 3)).await;
    let line = &order["line_items"][0];
    assert_eq!((&line["total"], &line["total_tax"]), (&json!("59.97"), &json!("4.80")));
    assert_eq!((&line["price"], &order["prices_include_tax"]), (&json!(19.99), &json!(false)));
}

#[tokio::test]
async fn order_lines_show_the_sku_of_today() {
    let stage = Stage::open().await;
    let id = stage.buy(MUG, 1);
    assert_eq!(stage.order(&id).await["line_items"][0]["sku"], "MUG");
    let mug = ListingId(MUG.to_owned());
    stage.shop.rename_sku(&mug, "MUG-2");
    assert_eq!(stage.order(&id).await["line_items"][0]["sku"], "MUG-2");
    stage.shop.delete_product(&mug);
    let line = stage.order(&id).await["line_items"][0].clone();
    assert_eq!((&line["sku"], &line["product_id"]), (&Value::Null, &json!(0)));
    assert_eq!(line["image"]["id"], 0);
    let known = stage.shop.orders();
    assert_eq!(known[0].lines[0].1, None);
}

#[tokio::test]
async fn a_line_whose_variation_is_gone_looks_like_one_of_its_product() {
    let stage = Stage::open().await;
    let id = stage.buy(SHIRT_RED, 1);
    stage.shop.delete_product(&ListingId(SHIRT_RED.to_owned()));
    let line = stage.order(&id).await["line_items"][0].clone();
    assert_eq!((&line["product_id"], &line["variation_id"]), (&json!(12), &json!(0)));
    assert_eq!((&line["sku"], &line["parent_name"]), (&json!("SHIRT"), &Value::Null));
    assert_eq!(line["meta_data"][0]["key"], "Color");
}

#[tokio::test]
async fn a_variation_without_a_sku_shows_its_products() {
    let stage = Stage::open().await;
    stage.shop.rename_sku(&ListingId(SHIRT_BLUE.to_owned()), "");
    let shown = stage.client.get("/wc/v3/products/12/variations/14").await.unwrap().json();
    assert_eq!(shown["sku"], "SHIRT");
    let id = stage.buy(SHIRT_BLUE, 1);
    assert_eq!(stage.order(&id).await["line_items"][0]["sku"], "SHIRT");
    assert_eq!(stage.shop.offers()[2].code, None);
}

#[tokio::test]
async fn statuses_date_themselves() {
    let stage = Stage::open().await;
    let id = stage.shop.buy(&basket(&[(MUG, 1)], false)).unwrap();
    let order = stage.order(&id).await;
    assert_eq!((&order["status"], &order["date_paid_gmt"]), (&json!("on-hold"), &Value::Null));
    assert_eq!(stage.shop.orders()[0].payment, Payment::Awaiting);
    // `set_paid` asks `needs_payment`, and an order on hold says no.
    let order = put(&stage, &id, json!({"set_paid": true})).await;
    assert_eq!((&order["status"], &order["date_paid_gmt"]), (&json!("on-hold"), &Value::Null));
    stage.clock.advance(Duration::from_secs(60));
    let order = put(&stage, &id, json!({"status": "processing"})).await;
    assert_eq!(order["date_paid_gmt"], order["date_modified_gmt"]);
    assert_eq!(stage.shop.orders()[0].payment, Payment::Paid);
    stage.clock.advance(Duration::from_secs(60));
    let order = put(&stage, &id, json!({"status": "completed"})).await;
    assert_eq!(order["date_completed_gmt"], order["date_modified_gmt"]);
    assert_ne!(order["date_paid_gmt"], order["date_modified_gmt"]);
    assert_eq!(stage.shop.orders()[0].fulfilment, Fulfilment::Shipped);

    let pending = stage.buy(MUG, 1);
    stage.shop.set_status(&pending, "pending");
    let order = put(&stage, &pending, json!({"set_paid": true, "transaction_id": "t1"})).await;
    assert_eq!((&order["status"], &order["transaction_id"]), (&json!("processing"), &json!("t1")));
}

#[tokio::test]
async fn what_moves_the_date_of_modification() {
    for (version, meta_moves) in [(WcVersion(7, 9, 0), false), (WcVersion(10, 0, 2), true)] {
        let stage = Stage::with(|config| config.wc_version = version).await;
        let id = stage.buy(MUG, 2);
        let moved = || {
            let now = stage.clock.now().as_secs();
            stage.clock.advance(Duration::from_secs(10));
            stage.shop.modified(&id) == Some(now)
        };
        assert!(moved());
        let note = json!({"note": "packed"});
        stage.client.send("POST", &format!("/wc/v3/orders/{id}/notes"), &note).await.unwrap();
        assert!(!moved(), "a note never does");
        put(&stage, &id, json!({"meta_data": [{"key": "_x", "value": "1"}]})).await;
        assert_eq!(moved(), meta_moves, "{version}");
        put(&stage, &id, json!({"status": "processing"})).await;
        assert!(!moved(), "the status it has already");
        let line = stage.shop.orders()[0].lines[0].0.clone();
        stage.shop.refund(&id, &[(line, 1)]);
        assert!(moved(), "a partial refund");
        put(&stage, &id, json!({"status": "completed"})).await;
        assert!(moved(), "a status");
    }
}

#[tokio::test]
async fn changes_that_cannot_be_are_refused() {
    let stage = Stage::open().await;
    let id = stage.buy(MUG, 1);
    for (target, status, code) in [
        ("/wc/v3/orders/999999", 404, "woocommerce_rest_shop_order_invalid_id"),
        ("/wc/v3/orders/999999/notes", 404, "woocommerce_rest_shop_order_invalid_id"),
    ] {
        let answer = stage.client.get(target).await.unwrap();
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{target}");
    }
    for (target, body, status, code) in [
        ("999999", json!({"status": "completed"}), 400, "woocommerce_rest_shop_order_invalid_id"),
        (id.as_str(), json!({"status": "sold"}), 400, "rest_invalid_param"),
        (id.as_str(), json!({"line_items": []}), 501, "fake_not_implemented"),
    ] {
        let answer = stage.client.send("PUT", &format!("/wc/v3/orders/{target}"), &body).await.unwrap();
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{body}");
    }
    let json = [("Content-Type", "application/json")];
    let signed = stage.client.sign("PUT", "/wc/v3/orders/1", &[], stage.clock.now().as_secs());
    let target = crate::client::with_query("/wc/v3/orders/1", &signed);
    let answer = stage.client.raw("PUT", &target, &json, "{\"status\":").await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("rest_invalid_json")));
    let empty = stage.client.send("POST", &format!("/wc/v3/orders/{id}/notes"), &json!({})).await.unwrap();
    assert_eq!((empty.status, empty.json()["code"].as_str()), (400, Some("rest_missing_callback_param")));
}

#[tokio::test]
async fn notes_come_newest_first_and_the_shop_writes_its_own() {
    let stage = Stage::open().await;
    let id = stage.buy(MUG, 1);
    let target = format!("/wc/v3/orders/{id}/notes");
    let posted =
        stage.client.send("POST", &target, &json!({"note": "一", "customer_note": true})).await.unwrap();
    assert_eq!((posted.status, &posted.json()["customer_note"]), (201, &json!(true)));
    stage.client.send("POST", &target, &json!({"note": "二"})).await.unwrap();
    let notes = stage.client.get(&target).await.unwrap().json();
    let texts: Vec<&str> = notes.as_array().unwrap().iter().map(|n| n["note"].as_str().unwrap()).collect();
    assert_eq!(texts[..2], ["二", "一"]);
    assert!(texts[2].starts_with("Order status changed"), "{texts:?}");
    let private = stage.client.get(&format!("{target}?type=customer")).await.unwrap().json();
    assert_eq!(private.as_array().unwrap().len(), 1);
    assert_eq!(stage.shop.orders()[0].notes, ["一", "二"], "only what it was told");
}

#[tokio::test]
async fn refunds_show_negative_lines_and_end_in_a_refunded_order() {
    let stage = Stage::open().await;
    let id = stage.buy(MUG, 3);
    let line = stage.shop.orders()[0].lines[0].0.clone();
    stage.shop.refund(&id, &[(line.clone(), 1)]);
    let order = stage.order(&id).await;
    assert_eq!(order["refunds"][0]["total"], "-1080");
    assert_eq!(order["status"], "processing");
    let target = format!("/wc/v3/orders/{id}/refunds");
    let refunds = stage.client.get(&target).await.unwrap().json();
    let back = &refunds[0]["line_items"][0];
    assert_eq!((&refunds[0]["amount"], &back["quantity"]), (&json!("1080"), &json!(-1)));
    assert_eq!((&back["total"], &back["total_tax"]), (&json!("-1000"), &json!("-80")));
    assert_eq!(back["meta_data"][0]["value"], line);
    let truth = stage.shop.orders();
    assert_eq!((truth[0].payment, truth[0].lines[0].3), (Payment::PartlyRefunded, 1));
    assert_eq!(truth[0].grand, Money(3 * 1080 + 550));

    let too_much = json!({"amount": "9999", "api_refund": false});
    let answer = stage.client.send("POST", &target, &too_much).await.unwrap();
    assert_eq!((answer.status, &answer.json()["message"]), (500, &json!("Invalid refund amount.")));
    let rest = json!({"amount": "2710", "reason": "lost", "api_refund": false});
    let answer = stage.client.send("POST", &target, &rest).await.unwrap();
    assert_eq!((answer.status, &answer.json()["reason"]), (201, &json!("lost")));
    assert_eq!(stage.order(&id).await["status"], "refunded");
    let newest = stage.client.get(&format!("{target}?per_page=1")).await.unwrap();
    assert_eq!((newest.header("x-wp-total"), &newest.json()[0]["amount"]), (Some("2"), &json!("2710")));

    let unknown = stage.client.send("POST", "/wc/v3/orders/999999/refunds", &rest).await.unwrap();
    assert_eq!((unknown.status, &unknown.json()["data"]), (500, &json!(404)), "a slip of WooCommerce's own");
}
