use std::time::Duration;

use banto_channel::{
    Connector as _, ErrorKind, IdempotencyKey, ListingId, Outcome, Request, Response, StockItem,
};
use serde_json::{Value, json};

use super::script::{answer, line, path, shop, stage, wp_error};

fn items(listings: &[&str]) -> Vec<StockItem> {
    let item = |(at, listing): (usize, &&str)| StockItem {
        listing: ListingId::from(*listing),
        quantity: i64::try_from(at).unwrap(),
        was: None,
        version: 1,
        key: IdempotencyKey::from("k"),
    };
    listings.iter().enumerate().map(item).collect()
}

/// Answers a batch as the shop does; products of `refused` do not exist.
fn batch(request: &Request, refused: &[i64]) -> banto_channel::Result<Response> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let rows: Vec<Value> = body["update"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| match refused.contains(&item["id"].as_i64().unwrap()) {
            true => json!({"id": item["id"], "error": {"code": "woocommerce_rest_product_invalid_id",
                           "message": "Invalid ID.", "data": {"status": 400}}}),
            false => {
                json!({"id": item["id"], "manage_stock": true, "stock_quantity": item["stock_quantity"]})
            }
        })
        .collect();
    answer(200, json!({ "update": rows }).to_string())
}

#[tokio::test]
async fn products_and_variations_go_in_batches_of_their_own() {
    let (cx, script, _) = stage(|request| batch(request, &[3, 22]));
    let listings = ["1", "2:21", "3", "2:22", "x", "4:41", "0", "2:"];
    let outcomes = shop("").push_stock(&cx, &items(&listings)).await.unwrap();
    let words: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Applied => "applied",
            Outcome::Refused { reason } if reason.ja.contains("Invalid ID.") => "unknown",
            Outcome::Refused { .. } => "strange",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        words,
        ["applied", "applied", "unknown", "unknown", "strange", "applied", "strange", "strange"]
    );
    assert_eq!(
        script.take(),
        [
            r#"POST products/batch {"update":[{"id":1,"manage_stock":true,"stock_quantity":0},{"id":3,"manage_stock":true,"stock_quantity":2}]}"#,
            r#"POST products/2/variations/batch {"update":[{"id":21,"manage_stock":true,"stock_quantity":1},{"id":22,"manage_stock":true,"stock_quantity":3}]}"#,
            r#"POST products/4/variations/batch {"update":[{"id":41,"manage_stock":true,"stock_quantity":5}]}"#,
        ]
    );
}

#[tokio::test]
async fn a_push_may_be_sent_twice() {
    let (cx, script, _) = stage(|request| batch(request, &[]));
    shop("").push_stock(&cx, &items(&["1"])).await.unwrap();
    assert!(script.requests()[0].idempotent);
}

#[tokio::test]
async fn a_batch_that_the_shop_finds_too_large_is_halved() {
    let (cx, script, _) = stage(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        match body["update"].as_array().unwrap().len() {
            0..=2 => batch(request, &[]),
            _ => wp_error(
                413,
                "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 2 items",
            ),
        }
    });
    let outcomes = shop("").push_stock(&cx, &items(&["1", "2", "3", "4", "5"])).await.unwrap();
    assert_eq!(outcomes, vec![Outcome::Applied; 5]);
    let sizes: Vec<usize> = script.take().iter().map(|call| call.matches("\"id\"").count()).collect();
    assert_eq!(sizes, [5, 2, 3, 1, 2]);
}

#[tokio::test]
async fn one_item_that_spoils_a_call_is_found_and_refused_alone() {
    let (cx, _, _) = stage(|request| match line(request).contains("\"id\":3,") {
        true => wp_error(400, "rest_invalid_param", "Invalid parameter(s): update"),
        false => batch(request, &[]),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["1", "2", "3", "4", "5"])).await.unwrap();
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Applied).count(), 4);
    assert!(matches!(&outcomes[2], Outcome::Refused { reason } if reason.ja.contains("rest_invalid_param")));
}

#[tokio::test]
async fn what_a_later_failure_leaves_undone_is_to_be_tried_again() {
    let (cx, _, _) = stage(|request| match path(request) {
        "products/batch" => batch(request, &[]),
        _ => Ok(Response {
            status: 429,
            headers: vec![("retry-after".to_owned(), "7".to_owned())],
            body: Vec::new(),
        }),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["1", "2:21", "3:31"])).await.unwrap();
    assert_eq!(outcomes[0], Outcome::Applied);
    for outcome in &outcomes[1..] {
        assert!(
            matches!(outcome, Outcome::Retry { after, .. } if *after == Duration::from_secs(7)),
            "{outcome:?}"
        );
    }
    let error = shop("").push_stock(&cx, &items(&["2:21", "1"])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_product_without_its_parent_or_without_counting_is_refused() {
    let (cx, _, _) = stage(|request| match path(request) {
        "products/batch" => answer(
            200,
            r#"{"update":[{"id":1,"manage_stock":false},{"id":2,"error":{"code":"x","message":"later","data":{"status":500}}},{"id":9}]}"#,
        ),
        _ => wp_error(404, "woocommerce_rest_product_invalid_id", "Invalid ID."),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["1", "2", "3", "7:71"])).await.unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Refused { reason } if reason.en.contains("Enable stock management"))
    );
    assert!(matches!(&outcomes[1], Outcome::Retry { .. }));
    assert!(matches!(&outcomes[2], Outcome::Retry { reason, .. } if reason.en.contains("nothing about it")));
    assert!(matches!(&outcomes[3], Outcome::Refused { reason } if reason.ja.contains("Invalid ID")));
}

#[tokio::test]
async fn a_torn_answer_leaves_everything_open() {
    let (cx, _, _) = stage(|_| answer(200, r#"{"update":[{"id":1"#));
    let error = shop("").push_stock(&cx, &items(&["1"])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
}

#[tokio::test]
async fn two_hundred_and_fifty_items_are_three_calls() {
    let (cx, script, _) = stage(|request| batch(request, &[]));
    let names: Vec<String> = (1..=250).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(shop("").push_stock(&cx, &items(&names)).await.unwrap(), vec![Outcome::Applied; 250]);
    assert_eq!(script.take().len(), 3);
}

#[tokio::test]
async fn stock_is_read_back_by_page_and_parent() {
    let (cx, script, _) = stage(|request| match path(request) {
        "products" => answer(
            200,
            r#"[{"id":1,"manage_stock":true,"stock_quantity":5},{"id":2,"manage_stock":false,"stock_quantity":null}]"#,
        ),
        "products/3/variations" => answer(200, r#"[{"id":31,"manage_stock":"parent","stock_quantity":-2}]"#),
        _ => wp_error(404, "woocommerce_rest_product_invalid_id", "Invalid ID."),
    });
    let listings = ["1", "2", "3:31", "9:91", "8", "odd"].map(ListingId::from);
    let known = shop("").read_stock(&cx, &listings).await.unwrap();
    assert_eq!(known, [(ListingId::from("1"), 5), (ListingId::from("3:31"), -2)]);
    assert_eq!(
        script.take()[0],
        "GET products?include=1,2,8&per_page=100&_fields=id,manage_stock,stock_quantity"
    );
}
