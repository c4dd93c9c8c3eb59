//! What Shopify may say to numbers, beyond what the fake does.

use std::sync::Mutex;

use banto_channel::{Connector as _, ErrorKind, IdempotencyKey, ListingId, Outcome, StockItem, both};
use serde_json::{Value, json};

use super::script::{answer, data, shop, stage};

fn items(count: u64) -> Vec<StockItem> {
    let item = |n: u64| StockItem {
        listing: ListingId(format!("1{n}:{n}")),
        quantity: 5,
        was: None,
        version: 1,
        key: IdempotencyKey::from("k"),
    };
    (1..=count).map(item).collect()
}

fn errors(errors: Value) -> Value {
    json!({ "inventorySetQuantities": { "inventoryAdjustmentGroup": null, "userErrors": errors } })
}

#[tokio::test]
async fn a_key_whose_first_try_failed_is_replaced() {
    let first = Mutex::new(true);
    let (cx, script) = stage(move |_| match std::mem::replace(&mut *first.lock().unwrap(), false) {
        true => data(&errors(json!([
            { "code": "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "field": ["input"], "message": "Retry with a new key." }
        ]))),
        false => data(&errors(json!([]))),
    });
    assert_eq!(shop("").push_stock(&cx, &items(1)).await, Ok(vec![Outcome::Applied]));
    let keys: Vec<Value> = script.take().into_iter().map(|asked| asked.variables["key"].clone()).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn null_is_said_where_nothing_is_compared() {
    let (cx, script) = stage(|_| data(&errors(json!([]))));
    let mut two = items(2);
    two[1].was = Some(9);
    shop("").push_stock(&cx, &two).await.unwrap();
    let asked = script.take().remove(0);
    let rows = &asked.variables["input"]["quantities"];
    assert_eq!(
        *rows,
        json!([
            { "inventoryItemId": "gid://shopify/InventoryItem/1", "locationId": "gid://shopify/Location/1",
              "quantity": 5, "changeFromQuantity": null },
            { "inventoryItemId": "gid://shopify/InventoryItem/2", "locationId": "gid://shopify/Location/1",
              "quantity": 5, "changeFromQuantity": 9 },
        ])
    );
    assert!(asked.request.idempotent);
}

#[tokio::test]
async fn what_is_being_done_at_this_moment_is_tried_again_later() {
    let (cx, _) = stage(|_| {
        data(&errors(json!([
            { "code": "IDEMPOTENCY_CONCURRENT_REQUEST", "field": ["input"], "message": "It is being processed." }
        ])))
    });
    let outcomes = shop("").push_stock(&cx, &items(2)).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Retry { .. })), "{outcomes:?}");
}

#[tokio::test]
async fn an_error_without_a_place_is_everybodys() {
    let (cx, _) = stage(|_| {
        data(&errors(
            json!([{ "code": "INVALID_REASON", "field": ["input", "reason"], "message": "Not a reason." }]),
        ))
    });
    let outcomes = shop("").push_stock(&cx, &items(2)).await.unwrap();
    assert_eq!(
        outcomes,
        vec![Outcome::Refused { reason: both!("Not a reason.", "Shopifyの応答: Not a reason.") }; 2]
    );
}

#[tokio::test]
async fn numbers_that_keep_changing_are_given_up_for_now() {
    let (cx, script) = stage(|asked| match asked.name.as_str() {
        "SetStock" => data(&errors(json!([
            { "code": "CHANGE_FROM_QUANTITY_STALE", "field": ["input", "quantities", "0", "changeFromQuantity"],
              "message": "No longer matches." }
        ]))),
        _ => data(&json!({ "nodes": [{ "id": "gid://shopify/InventoryItem/1", "tracked": true,
                                       "inventoryLevel": { "quantities": [{ "quantity": 8 }] } }] })),
    });
    let outcomes = shop("").push_stock(&cx, &items(1)).await.unwrap();
    assert!(matches!(&outcomes[0], Outcome::Retry { .. }), "{outcomes:?}");
    assert_eq!(script.take().len(), 24);
}

#[tokio::test]
async fn a_failure_behind_a_known_refusal_leaves_the_rest_to_be_done() {
    let calls = Mutex::new(0);
    let (cx, _) = stage(move |_| {
        *calls.lock().unwrap() += 1;
        match *calls.lock().unwrap() {
            1 => data(&errors(json!([
                { "code": "INVALID_INVENTORY_ITEM", "field": ["input", "quantities", "0", "inventoryItemId"],
                  "message": "Not found." }
            ]))),
            _ => answer(503, ""),
        }
    });
    let outcomes = shop("").push_stock(&cx, &items(2)).await.unwrap();
    assert!(matches!(&outcomes[..], [Outcome::Refused { .. }, Outcome::Retry { .. }]), "{outcomes:?}");

    let (cx, _) = stage(|_| answer(503, ""));
    let failed = shop("").push_stock(&cx, &items(2)).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Unreachable);
}
