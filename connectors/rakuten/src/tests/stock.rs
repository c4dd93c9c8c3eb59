use banto_channel::{
    Connector as _, Error, ErrorKind, IdempotencyKey, ListingId, Outcome, Request, Response, Result,
    StockItem,
};
use serde_json::{Value, json};

use super::script::{answer, body, call, shop, stage};

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

fn rows(request: &Request) -> Vec<Value> {
    body(request)["inventories"].as_array().unwrap().clone()
}

/// Every SKU asked for has a number.
fn counted(request: &Request) -> Result<Response> {
    let all: Vec<Value> = rows(request)
        .into_iter()
        .map(|mut row| {
            row["quantity"] = json!(5);
            row
        })
        .collect();
    answer(200, json!({ "inventories": all }))
}

fn is_applied(outcomes: &[Outcome]) -> Vec<bool> {
    outcomes.iter().map(|outcome| *outcome == Outcome::Applied).collect()
}

#[tokio::test]
async fn the_same_sku_twice_is_sent_once_with_the_later_number() {
    let (cx, script) = stage(|request| match call(request) {
        "bulk-get" => counted(request),
        _ => answer(204, ""),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["A/v", "b/v", "a/v", "a/V"])).await.unwrap();
    assert_eq!(is_applied(&outcomes), [true; 4]);
    let sent = rows(&script.requests()[1]);
    assert_eq!(
        sent,
        [
            json!({ "manageNumber": "a", "variantId": "v", "mode": "ABSOLUTE", "quantity": 2 }),
            json!({ "manageNumber": "b", "variantId": "v", "mode": "ABSOLUTE", "quantity": 1 }),
            json!({ "manageNumber": "a", "variantId": "V", "mode": "ABSOLUTE", "quantity": 3 }),
        ]
    );
    assert!(script.requests().iter().all(|request| request.idempotent));
    let groups: Vec<&str> = script.requests().iter().map(|request| request.group).collect();
    assert_eq!(groups, ["inventory-read", "inventory-write"]);
}

#[tokio::test]
async fn rows_that_rms_names_are_refused_and_the_rest_is_sent_again() {
    let (cx, script) = stage(|request| match call(request) {
        "bulk-get" => counted(request),
        _ => match rows(request).iter().position(|row| row["manageNumber"] == "bad") {
            Some(at) => answer(
                400,
                json!({ "errors": [{ "code": "IE0003", "message": "quantity must be between 0 and 99999.", "metadata": { "propertyPath": format!("inventories[{at}].quantity") } }] }),
            ),
            None => answer(204, ""),
        },
    });
    let outcomes = shop("").push_stock(&cx, &items(&["a/v", "bad/v", "c/v"])).await.unwrap();
    assert_eq!(is_applied(&outcomes), [true, false, true]);
    assert!(matches!(&outcomes[1], Outcome::Refused { reason } if reason.ja.contains("IE0003")));
    assert_eq!(script.calls(), ["bulk-get", "bulk-upsert", "bulk-upsert"]);
}

#[tokio::test]
async fn a_culprit_that_rms_does_not_name_is_found_by_halving() {
    let (cx, _) = stage(|request| match call(request) {
        "bulk-get" => counted(request),
        _ if rows(request).iter().any(|row| row["manageNumber"] == "bad") => answer(
            400,
            json!({ "errors": [{ "code": "IE0121", "message": "the size has reached the limit" }] }),
        ),
        _ => answer(204, ""),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["a/v", "b/v", "bad/v", "d/v", "e/v"])).await.unwrap();
    assert_eq!(is_applied(&outcomes), [true, true, false, true, true]);
}

#[tokio::test]
async fn what_a_failure_left_behind_is_told_as_to_be_tried_again() {
    let (cx, _) = stage(|request| match call(request) {
        "bulk-get" => counted(request),
        _ if rows(request).len() > 2 => answer(400, json!({ "errors": [{ "code": "IE0121" }] })),
        _ if rows(request)[0]["manageNumber"] == "a" => answer(204, ""),
        _ => Err(Error::new(ErrorKind::Unreachable, "gone")),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["a/v", "b/v", "c/v", "d/v"])).await.unwrap();
    assert_eq!(is_applied(&outcomes), [true, true, false, false]);
    assert!(outcomes[2..].iter().all(|outcome| matches!(outcome, Outcome::Retry { .. })));
}

#[tokio::test]
async fn strange_listings_are_refused_without_a_call_for_them() {
    let (cx, script) = stage(|_| answer(200, json!({ "inventories": [] })));
    let long = format!("{}/v", "a".repeat(41));
    let outcomes =
        shop("").push_stock(&cx, &items(&["a", "a/", "/v", "a/v/w", "髙/v", "a b/v", &long])).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused { .. })), "{outcomes:?}");
    assert!(script.requests().is_empty());
}

#[tokio::test]
async fn only_a_few_unknown_items_are_asked_after_at_once() {
    let (cx, script) = stage(|request| match call(request) {
        "bulk-get" => answer(200, json!({ "inventories": [] })),
        _ => answer(404, json!({ "errors": [{ "code": "GE0014", "message": "Not found" }] })),
    });
    let listings: Vec<String> = (0..8).map(|n| format!("item-{n}/v")).collect();
    let listings: Vec<&str> = listings.iter().map(String::as_str).collect();
    let outcomes = shop("").push_stock(&cx, &items(&listings)).await.unwrap();
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Refused { .. })).count();
    let later = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Retry { .. })).count();
    assert_eq!((refused, later, script.requests().len()), (5, 3, 6));
}

#[tokio::test]
async fn what_rms_will_not_say_about_one_item_holds_up_no_other() {
    let (cx, script) = stage(|request| match call(request) {
        "bulk-get" => {
            let known = rows(request).into_iter().filter(|row| row["manageNumber"] != "new");
            let known: Vec<Value> = known
                .map(|mut row| {
                    row["quantity"] = json!(5);
                    row
                })
                .collect();
            answer(200, json!({ "inventories": known }))
        }
        "bulk-upsert" => answer(204, ""),
        // ItemAPI is not switched on under 利用機能編集.
        _ => answer(403, json!({ "Results": { "errorCode": "ES04-01", "message": "access denied" } })),
    });
    let outcomes = shop("").push_stock(&cx, &items(&["a/v", "new/v", "c/v"])).await.unwrap();
    assert_eq!(is_applied(&outcomes), [true, false, true]);
    assert!(
        matches!(&outcomes[1], Outcome::Refused { reason } if reason.ja.contains("ES04-01")),
        "{outcomes:?}"
    );
    assert_eq!(script.calls(), ["bulk-get", "new", "bulk-upsert"]);
}

#[tokio::test]
async fn more_than_a_thousand_numbers_are_read_in_several_calls() {
    let (cx, script) = stage(counted);
    let listings: Vec<ListingId> = (0..2500).map(|n| ListingId(format!("item-{n}/v"))).collect();
    let read = shop("").read_stock(&cx, &listings).await.unwrap();
    assert_eq!((read.len(), script.requests().len()), (2500, 3));
}

#[tokio::test]
async fn offers_come_with_their_numbers_and_end_where_the_mark_stays() {
    let (cx, script) = stage(|request| match call(request) {
        "bulk-get" => answer(
            200,
            json!({ "inventories": [{ "manageNumber": "tee", "variantId": "R", "quantity": 4 }] }),
        ),
        _ if request.query[1].1 == "*" => answer(
            200,
            json!({ "nextCursorMark": "AoE=", "results": [
                { "item": { "manageNumber": "deleted" } },
                { "item": {
                    "manageNumber": "tee", "title": "Tシャツ", "hideItem": false, "unlimitedInventoryFlag": false,
                    "variants": {
                        "R": { "merchantDefinedSkuId": "TEE-R", "standardPrice": "2200", "selectorValues": { "色": "赤" }, "articleNumber": { "value": "4900000000001" }, "hidden": false },
                        "B": { "standardPrice": null, "hidden": true },
                    },
                } },
            ] }),
        ),
        _ => answer(200, json!({ "nextCursorMark": "AoE=", "results": [] })),
    });
    let connector = shop("");
    let first = connector.list_offers(&cx, None).await.unwrap();
    assert!(first.more);
    insta::assert_debug_snapshot!(first.items);
    let last = connector.list_offers(&cx, Some(&first.next)).await.unwrap();
    assert!(last.items.is_empty() && !last.more);
    assert_eq!(script.calls(), ["search", "bulk-get", "search"]);
    let strange = connector.list_offers(&cx, Some(&"{}".into())).await.unwrap_err();
    assert_eq!(strange.kind, ErrorKind::Unexpected);
}
