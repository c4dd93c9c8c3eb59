use banto_channel::{Connector as _, Cursor, Cx, ErrorKind, Money, RemoteOffer, Response};
use serde_json::{Value, json};

use super::script::{answer, path, query, shop, stage, wp_error};
use crate::WooCommerce;

fn product(id: i64, kind: &str) -> Value {
    json!({"id": id, "name": format!("Tea &amp; {id}"), "type": kind, "status": "publish", "sku": format!("S{id}"),
           "global_unique_id": "4901234567894", "price": "12.50", "manage_stock": true, "stock_quantity": 3})
}

fn page(rows: &[Value], pages: u32) -> banto_channel::Result<Response> {
    Ok(Response {
        status: 200,
        headers: vec![("x-wp-totalpages".to_owned(), pages.to_string())],
        body: json!(rows).to_string().into_bytes(),
    })
}

async fn drain(shop: &WooCommerce, cx: &Cx) -> banto_channel::Result<Vec<RemoteOffer>> {
    let mut offers = Vec::new();
    let mut cursor: Option<Cursor> = None;
    for _ in 0..200 {
        let page = shop.list_offers(cx, cursor.as_ref()).await?;
        offers.extend(page.items);
        cursor = Some(page.next);
        if !page.more {
            let end = shop.list_offers(cx, cursor.as_ref()).await?;
            assert!(end.items.is_empty() && !end.more);
            return Ok(offers);
        }
    }
    panic!("the list does not end");
}

#[tokio::test]
async fn products_and_variations_are_offers() {
    let (cx, script, _) = stage(|request| match path(request) {
        "settings/general/woocommerce_currency" => {
            answer(200, r#"{"id":"woocommerce_currency","value":"EUR"}"#)
        }
        "products" => page(
            &[
                product(1, "simple"),
                product(2, "variable"),
                product(3, "grouped"),
                product(4, "external"),
                json!({"id": 5, "name": "Old", "type": "subscription", "status": "private", "sku": "",
                       "global_unique_id": "", "price": "", "manage_stock": false, "stock_quantity": null,
                       "meta_data": [{"key": "_ean", "value": 4_909_876_543_216_i64}]}),
            ],
            1,
        ),
        "products/2/variations" => page(
            &[
                json!({"id": 21, "status": "publish", "sku": "V", "price": "9", "manage_stock": "parent", "stock_quantity": 3,
                       "attributes": [{"name": "Colour", "option": "Red"}, {"name": "Size", "option": "L"}]}),
                json!({"id": 22, "status": "private", "sku": null, "price": "9", "manage_stock": true, "stock_quantity": 0,
                       "attributes": []}),
                json!({"id": 23, "status": "publish", "sku": "S2", "price": "9", "manage_stock": "parent", "stock_quantity": 3,
                       "attributes": [{"name": "Colour", "option": "Blue"}]}),
            ],
            1,
        ),
        p => panic!("asked for {p}"),
    });
    let offers = drain(&shop("ean_meta_key = \"_ean\""), &cx).await.unwrap();
    let told: Vec<_> = offers
        .iter()
        .map(|o| {
            (o.id.as_str(), o.title.as_str(), o.quantity, o.active, o.code.as_deref(), o.gtin.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("1", "Tea & 1", Some(3), true, Some("S1"), Some("4901234567894")),
            ("5", "Old", None, false, None, Some("4909876543216")),
            ("2:21", "Tea & 2 – Red, L", Some(3), true, Some("V"), None),
            ("2:22", "Tea & 2", Some(0), false, None, None),
            // The SKU is its product's, which it shares with every variation that has none.
            ("2:23", "Tea & 2 – Blue", Some(3), true, None, None),
        ]
    );
    assert_eq!(offers[0].price, Some((Money(1250), "EUR".to_owned())));
    assert_eq!(offers[1].price, None);
    let asked = script.take();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1].ends_with("stock_quantity,meta_data"));
}

#[tokio::test]
async fn ten_thousand_products_come_page_by_page() {
    let (cx, script, _) = stage(|request| match path(request) {
        "products" => {
            let page_number: i64 = query(request, "page").unwrap().parse().unwrap();
            let rows: Vec<Value> =
                (1..=100).map(|n| product((page_number - 1) * 100 + n, "simple")).collect();
            page(&rows, 100)
        }
        _ => wp_error(403, "woocommerce_rest_cannot_view", "Sorry, you cannot view this resource."),
    });
    let offers = drain(&shop(""), &cx).await.unwrap();
    assert_eq!(offers.len(), 10_000);
    assert_eq!(offers[9_999].id.as_str(), "10000");
    assert_eq!(offers[0].price, None, "without a currency a price is no price");
    assert_eq!(script.take().len(), 101);
}

#[tokio::test]
async fn many_products_with_variations_are_read_a_few_a_call() {
    let (cx, script, _) = stage(|request| match path(request) {
        "products" => page(&(1..=25).map(|n| product(n, "variable")).collect::<Vec<_>>(), 1),
        "products/13/variations" => wp_error(404, "woocommerce_rest_product_invalid_id", "Invalid ID."),
        p if p.ends_with("/variations") => page(&[json!({"id": 1000, "status": "publish"})], 1),
        _ => answer(200, r#"{"value":"JPY"}"#),
    });
    let shop = shop("");
    let mut cursor = None;
    let mut calls = Vec::new();
    loop {
        let page = shop.list_offers(&cx, cursor.as_ref()).await.unwrap();
        calls.push((script.take().len(), page.items.len()));
        cursor = Some(page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!(calls, [(2, 0), (10, 10), (10, 9), (5, 5)]);
}

#[tokio::test]
async fn a_list_that_repeats_itself_is_found_out() {
    let (cx, _, _) = stage(|request| match path(request) {
        "products" => page(&(1..=100).map(|n| product(n, "simple")).collect::<Vec<_>>(), 9),
        _ => answer(200, r#"{"value":"JPY"}"#),
    });
    assert_eq!(drain(&shop(""), &cx).await.unwrap_err().kind, ErrorKind::Malformed);
    let (cx, _, _) = stage(|request| match path(request) {
        "products" => page(&[product(1, "variable")], 1),
        p if p.ends_with("/variations") => page(&[json!({"id": 5})], u32::MAX),
        _ => answer(200, r#"{"value":"JPY"}"#),
    });
    assert_eq!(drain(&shop(""), &cx).await.unwrap_err().kind, ErrorKind::Malformed);
}
