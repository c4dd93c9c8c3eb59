//! Stock: what sells, what comes back, and how it is set.

use banto_channel::{ListingId, Timestamp};
use banto_sim::faults::Fault;
use banto_sim::market::{Market, SoldOut};
use serde_json::{Value, json};

use crate::{MUG, SHIRT, SHIRT_BLUE, SHIRT_RED, Stage, basket};

async fn product(stage: &Stage, path: &str) -> Value {
    let answer = stage.client.get(&format!("/wc/v3/products/{path}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn orders_take_stock_once_and_cancelling_puts_it_back() {
    let stage = Stage::open().await;
    let paid = stage.buy(MUG, 5);
    assert_eq!(stage.shown(MUG), Some(45));
    let unpaid = stage.shop.buy(&basket(&[(MUG, 2)], false)).unwrap();
    assert_eq!(stage.shown(MUG), Some(43), "an order on hold takes its stock too");
    stage.shop.pay(&unpaid);
    stage.shop.ship(&paid);
    assert_eq!(stage.shown(MUG), Some(43), "and takes it only once");
    stage.shop.cancel(&unpaid);
    assert_eq!(stage.shown(MUG), Some(45));
    stage.shop.cancel(&unpaid);
    assert_eq!(stage.shown(MUG), Some(45));
    stage.shop.pay(&unpaid);
    assert_eq!(stage.shown(MUG), Some(43), "a cancelled order may still be paid");
    stage.shop.set_status(&unpaid, "pending");
    assert_eq!(stage.shown(MUG), Some(45), "pending gives it back");
}

#[tokio::test]
async fn more_than_there_is_is_sold_only_to_those_who_began_earlier() {
    let stage = Stage::open().await;
    let too_much = basket(&[(SHIRT_RED, 2), (SHIRT_RED, 2)], true);
    let refused = stage.shop.buy(&too_much);
    assert_eq!(refused, Err(SoldOut(ListingId(SHIRT_RED.to_owned()))));
    assert_eq!(stage.shown(SHIRT_RED), Some(3));
    let mut late = too_much;
    late.oversell = true;
    stage.shop.buy(&late).unwrap();
    assert_eq!(stage.shown(SHIRT_RED), Some(-1));
    let shown = product(&stage, "12/variations/13").await;
    assert_eq!((&shown["stock_quantity"], &shown["stock_status"]), (&json!(-1), &json!("outofstock")));
}

#[tokio::test]
async fn a_variation_without_stock_of_its_own_sells_from_its_product() {
    let stage = Stage::open().await;
    let blue = product(&stage, "12/variations/14").await;
    assert_eq!((&blue["manage_stock"], &blue["stock_quantity"]), (&json!("parent"), &json!(7)));
    stage.buy(SHIRT_BLUE, 2);
    assert_eq!((stage.shown(SHIRT_BLUE), stage.shown(SHIRT_RED)), (Some(5), Some(3)));
    assert_eq!(product(&stage, SHIRT).await["stock_quantity"], 5);
    // A number alone goes nowhere; with its own stock switched on it stays.
    let target = "/wc/v3/products/12/variations/14";
    stage.client.send("PUT", target, &json!({"stock_quantity": 9})).await.unwrap();
    assert_eq!(stage.shown(SHIRT_BLUE), Some(5));
    let own = json!({"manage_stock": true, "stock_quantity": 9});
    let shown = stage.client.send("PUT", target, &own).await.unwrap().json();
    assert_eq!((&shown["manage_stock"], &shown["stock_quantity"]), (&json!(true), &json!(9)));
    assert_eq!(product(&stage, SHIRT).await["stock_quantity"], 5);
}

#[tokio::test]
async fn stock_is_shown_counted_and_cleared() {
    let stage = Stage::open().await;
    let target = "/wc/v3/products/11";
    let put = async |body: Value| stage.client.send("PUT", target, &body).await.unwrap().json();
    let shown = put(json!({"stock_quantity": "0"})).await;
    assert_eq!((&shown["stock_quantity"], &shown["stock_status"]), (&json!(0), &json!("outofstock")));
    let shown = put(json!({"stock_quantity": 4})).await;
    assert_eq!((&shown["stock_quantity"], &shown["stock_status"]), (&json!(4), &json!("instock")));
    let shown = put(json!({"manage_stock": false, "stock_quantity": 4})).await;
    assert_eq!((&shown["manage_stock"], &shown["stock_quantity"]), (&json!(false), &Value::Null));
    assert_eq!(stage.shown(MUG), None);
    let shown = put(json!({"manage_stock": true, "stock_quantity": 6})).await;
    assert_eq!(shown["stock_quantity"], 6);
    let answer = stage.client.send("PUT", target, &json!({"stock_quantity": "many"})).await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("rest_invalid_param")));
}

#[tokio::test]
async fn a_batch_answers_for_each_item() {
    let stage = Stage::open().await;
    stage.shop.faults().play(Fault::RefuseItem(ListingId(SHIRT_RED.to_owned())));
    let body = json!({"update": [
        {"id": 11, "stock_quantity": 30},
        {"id": 999_999, "stock_quantity": 1},
        {"id": 13, "stock_quantity": 1},
    ]});
    let answer = stage.client.send("POST", "/wc/v3/products/batch", &body).await.unwrap();
    assert_eq!(answer.status, 200);
    let update = answer.json()["update"].clone();
    assert_eq!((&update[0]["id"], &update[0]["stock_quantity"]), (&json!(11), &json!(30)));
    let error = json!({
        "id": 999_999,
        "error": {
            "code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 400},
        },
    });
    assert_eq!(update[1], error);
    assert_eq!(update[2]["error"]["code"], "woocommerce_rest_invalid_product_id");

    let body = json!({"update": [{"id": 13, "stock_quantity": 1}, {"id": 14, "manage_stock": true, "stock_quantity": 2}]});
    let target = "/wc/v3/products/12/variations/batch";
    let update = stage.client.send("POST", target, &body).await.unwrap().json()["update"].clone();
    assert_eq!(update[0]["error"]["code"], "woocommerce_rest_product_variation_not_created");
    assert_eq!(update[1]["stock_quantity"], 2);
    assert_eq!((stage.shown(SHIRT_RED), stage.shown(SHIRT_BLUE)), (Some(3), Some(2)));
    let update = stage.client.send("POST", target, &body).await.unwrap().json()["update"].clone();
    assert_eq!(update[0]["stock_quantity"], 1, "the fault is used up");

    let wrong_parent = "/wc/v3/products/11/variations/batch";
    let update = stage.client.send("POST", wrong_parent, &body).await.unwrap().json()["update"].clone();
    assert_eq!(update[0]["error"]["code"], "woocommerce_rest_product_variation_invalid_id");
}

#[tokio::test]
async fn a_batch_of_more_than_a_hundred_is_refused_whole() {
    let stage = Stage::open().await;
    let items = vec![json!({"id": 11, "stock_quantity": 1}); 101];
    let answer = stage.client.send("POST", "/wc/v3/products/batch", &json!({"update": items})).await.unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["code"], "woocommerce_rest_request_entity_too_large");
    assert_eq!(stage.shown(MUG), Some(50));
}

#[tokio::test]
async fn refunds_put_units_back_if_staff_ticks_the_box() {
    for restock in [true, false] {
        let stage = Stage::with(|config| config.refunds_restock = restock).await;
        let id = stage.buy(MUG, 3);
        let line = stage.shop.orders()[0].lines[0].0.clone();
        stage.shop.refund(&id, &[(line, 2)]);
        assert_eq!(stage.shown(MUG), Some(if restock { 49 } else { 47 }));
        // Cancelling afterwards puts back only what is still out.
        stage.shop.cancel(&id);
        assert_eq!(stage.shown(MUG), Some(50));
    }
}

#[tokio::test]
async fn calls_are_remembered_with_the_numbers_they_set() {
    let stage = Stage::open().await;
    stage.buy(MUG, 1);
    let body = json!({"update": [{"id": 13, "stock_quantity": 2}, {"id": 7, "stock_quantity": 1}]});
    stage.client.send("POST", "/wc/v3/products/12/variations/batch", &body).await.unwrap();
    stage.client.get("/wc/v3/products").await.unwrap();
    let seen = stage.shop.take_seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].call, "POST /wp-json/wc/v3/products/12/variations/batch");
    assert_eq!(seen[0].stock, [(ListingId(SHIRT_RED.to_owned()), 2)]);
    assert_eq!(seen[0].at, Timestamp::from_secs(1_775_001_600));
    assert!(stage.shop.take_seen().is_empty());
}

#[tokio::test]
async fn offers_and_lists_of_products_agree() {
    let stage = Stage::open().await;
    let offers = stage.shop.offers();
    let ids: Vec<&str> = offers.iter().map(|o| o.id.as_str()).collect();
    assert_eq!(ids, [MUG, SHIRT_RED, SHIRT_BLUE]);
    assert_eq!(offers[1].title, "Shirt - Red");
    assert_eq!(offers[0].gtin.as_deref(), Some("4900000000016"));
    let list = stage.client.get("/wc/v3/products?orderby=id&order=asc").await.unwrap().json();
    assert_eq!((&list[0]["type"], &list[0]["sku"]), (&json!("simple"), &json!("MUG")));
    assert_eq!((&list[0]["price"], &list[0]["global_unique_id"]), (&json!("1080"), &json!("4900000000016")));
    assert_eq!((&list[1]["type"], &list[1]["variations"]), (&json!("variable"), &json!([13, 14])));
    assert_eq!(list[1]["attributes"][0]["options"], json!(["Red", "Blue"]));
    let variations = stage.client.get("/wc/v3/products/12/variations").await.unwrap();
    assert_eq!(variations.header("x-wp-total"), Some("2"));
    assert_eq!(variations.ids(), [14, 13]);
    let by_sku = stage.client.get("/wc/v3/products?sku=SHIRT-R").await.unwrap().json();
    assert_eq!((&by_sku[0]["id"], &by_sku[0]["type"]), (&json!(13), &json!("variation")));
    let missing = stage.client.get("/wc/v3/products/11/variations/13").await.unwrap();
    assert_eq!(
        (missing.status, missing.json()["code"].as_str()),
        (404, Some("woocommerce_rest_product_variation_invalid_id"))
    );
    stage.shop.set_shown(&ListingId(MUG.to_owned()), 12);
    assert_eq!(product(&stage, MUG).await["stock_quantity"], 12);
}
