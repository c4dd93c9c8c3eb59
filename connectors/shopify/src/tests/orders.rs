//! Orders put together by hand: what Shopify may say, and what is made of it.

use banto_channel::{Connector as _, Fulfilment, Payment, Read, RemoteOrder, RemoteOrderId};
use serde_json::{Value, json};

use super::script::{data, shop, stage};

fn bag(amount: &str) -> Value {
    json!({ "shopMoney": { "amount": amount, "currencyCode": "JPY" } })
}

fn line(id: u64, [quantity, current, unfulfilled]: [i64; 3]) -> Value {
    json!({
        "id": format!("gid://shopify/LineItem/{id}"), "name": "湯呑み - 藍", "sku": "BT-1",
        "quantity": quantity, "currentQuantity": current, "unfulfilledQuantity": unfulfilled,
        "variant": { "id": "gid://shopify/ProductVariant/7", "inventoryItem": { "id": "gid://shopify/InventoryItem/9" } },
        "originalUnitPriceSet": bag("500.0"), "discountAllocations": [],
        "taxLines": [{ "ratePercentage": 8.0 }],
    })
}

fn whole(nodes: Value) -> Value {
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } })
}

fn parcel(units: i64) -> Value {
    json!({
        "id": "gid://shopify/Fulfillment/3", "status": "SUCCESS", "createdAt": "2026-11-21T10:00:00Z",
        "location": { "id": "gid://shopify/Location/1" },
        "trackingInfo": [{ "company": "Yamato (JA)", "number": "4212", "url": null }],
        "fulfillmentLineItems": whole(json!([{ "quantity": units, "lineItem": { "id": "gid://shopify/LineItem/1" } }])),
    })
}

/// A paid order of these lines, changed.
fn order(lines: Value, change: impl Fn(&mut Value)) -> Value {
    let mut order = json!({
        "id": "gid://shopify/Order/1", "name": "#1001",
        "createdAt": "2026-11-21T10:00:00Z", "processedAt": "2026-11-21T09:59:59Z",
        "updatedAt": "2026-11-21T10:05:00Z", "cancelledAt": null,
        "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED",
        "currencyCode": "JPY", "taxesIncluded": true, "requiresShipping": false, "test": false,
        "customerLocale": "ja", "email": "a@example.test", "phone": null, "note": null,
        "paymentGatewayNames": ["コンビニ決済"], "billingAddress": null, "shippingAddress": null,
        "totalPriceSet": bag("1500.0"), "currentTotalPriceSet": bag("1500.0"), "totalTaxSet": bag("111.0"),
        "totalShippingPriceSet": bag("0.0"), "totalDiscountsSet": bag("0.0"), "totalRefundedSet": bag("0.0"),
        "totalTipReceivedSet": bag("0.0"), "originalTotalDutiesSet": null, "originalTotalAdditionalFeesSet": null,
        "transactions": [], "lineItems": whole(lines), "fulfillments": [], "refunds": [],
        "fulfillmentOrders": { "nodes": [] },
    });
    change(&mut order);
    order
}

async fn read(order: Value) -> RemoteOrder {
    let (cx, _) = stage(move |_| data(&json!({ "nodes": [order] })));
    let reads = shop("").reread_orders(&cx, &[RemoteOrderId::from("1")]).await.unwrap();
    let order = reads.into_iter().find_map(|read| match read {
        Read::Order(order) => Some(*order),
        Read::Unreadable { .. } => None,
    });
    order.unwrap()
}

#[tokio::test]
async fn units_that_are_gone_were_cancelled_or_came_back() {
    // Ordered, current, unfulfilled; shipped; what is told: cancelled, returned.
    for ([ordered, current, open], shipped, told) in [
        ([3, 3, 3], 0, (0, 0)),
        ([3, 2, 2], 0, (1, 0)),
        ([3, 0, 0], 0, (3, 0)),
        ([3, 3, 0], 3, (0, 0)),
        ([3, 1, 0], 3, (0, 2)),
        ([3, 2, 1], 1, (1, 0)),
        ([3, 2, 2], 1, (0, 1)),
        ([3, 0, 0], 1, (2, 1)),
        // A count of what is open that still holds what is gone cannot make a unit come back that never left.
        ([3, 2, 3], 0, (1, 0)),
    ] {
        let read = read(order(json!([line(1, [ordered, current, open])]), |order| {
            if shipped > 0 {
                order["fulfillments"] = json!([parcel(shipped)]);
            }
        }));
        let line = read.await.lines.remove(0);
        assert_eq!((line.quantity, line.shipped), (ordered, Some(shipped)));
        assert_eq!((line.cancelled, line.returned), told, "{ordered} {current} {open}, {shipped} shipped");
    }
}

#[tokio::test]
async fn payments_are_read_as_what_they_are() {
    for (word, payment) in [
        ("PENDING", Payment::Awaiting),
        ("EXPIRED", Payment::Awaiting),
        ("AUTHORIZED", Payment::Awaiting),
        ("PARTIALLY_PAID", Payment::Partial),
        ("PAID", Payment::Paid),
        ("PARTIALLY_REFUNDED", Payment::PartlyRefunded),
        ("REFUNDED", Payment::Refunded),
        ("VOIDED", Payment::Failed),
    ] {
        let read =
            read(order(json!([line(1, [3, 3, 3])]), |o| o["displayFinancialStatus"] = json!(word))).await;
        assert_eq!((read.payment, read.fulfilment), (payment, Fulfilment::Open), "{word}");
        assert_eq!(read.unknowns, [], "{word}");
    }
}

#[tokio::test]
async fn an_ordinary_order_comes_whole() {
    let read = read(order(json!([line(1, [3, 3, 1])]), |order| {
        order["fulfillments"] = json!([parcel(2)]);
        order["displayFulfillmentStatus"] = json!("PARTIALLY_FULFILLED");
        order["note"] = json!("お届けは午前\n\n[banto:k1] 倉庫で確認済み");
        order["shippingAddress"] = json!({
            "firstName": "花子", "lastName": "山田", "name": "花子 山田", "company": null, "address1": "千代田1-1",
            "address2": null, "city": "千代田区", "province": "Tōkyō", "provinceCode": "JP-13", "zip": "100-0001",
            "countryCodeV2": "JP", "phone": "+81300000000",
        });
        order["transactions"] = json!([
            { "kind": "AUTHORIZATION", "status": "SUCCESS", "processedAt": "2026-11-21T10:00:00Z", "gateway": "komoju",
              "formattedGateway": "KOMOJU" },
            { "kind": "CAPTURE", "status": "SUCCESS", "processedAt": "2026-11-21T10:02:00Z", "gateway": "komoju",
              "formattedGateway": "KOMOJU" },
        ]);
    }));
    let mut read = read.await;
    assert!(read.raw.starts_with('{'));
    read.raw.clear();
    insta::assert_debug_snapshot!(read);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_does_not_stop_the_others() {
    let good = order(json!([line(1, [3, 3, 3])]), |_| ());
    let bad = order(json!([line(1, [3, 3, 3])]), |order| {
        order["id"] = json!("gid://shopify/Order/2");
        order["totalPriceSet"] = bag("many");
    });
    let torn = json!({ "id": "gid://shopify/Order/3", "lineItems": 7 });
    let (cx, _) = stage(move |_| data(&json!({ "nodes": [bad, null, torn, {}, good] })));
    let ids = ["2", "8", "3", "9", "1"].map(RemoteOrderId::from);
    let reads = shop("").reread_orders(&cx, &ids[..3]).await.unwrap();
    let told: Vec<String> = reads
        .iter()
        .map(|read| match read {
            Read::Order(order) => order.id.to_string(),
            Read::Unreadable { id, reason, .. } => format!("{}: {reason}", id.as_ref().unwrap()),
        })
        .collect();
    assert_eq!(told[0], "2: \"many\" is not an amount");
    assert!(told[1].starts_with("3: the order does not fit"), "{told:?}");
    assert_eq!(told[2], "1");
}
