//! Orders of every kind, from the shop's text to banto's remote order.

use banto_channel::{
    Connector as _, Fulfilment, Money, Payment, Read, RemoteOrder, Response, Result, Timestamp,
};
use serde_json::{Value, json};

use super::bodies::{line, order, refund, refund_summary};
use super::script::{NOW, answer, path, shop, stage};

/// Pulls a page that holds one body, from a shop that knows these refunds and fulfilments.
async fn pull_text(extra: &str, body: String, refunds: Value, fulfillments: Value) -> Vec<Read> {
    let (cx, _, _) = stage(move |request| -> Result<Response> {
        match path(request) {
            "orders" => answer(200, body.clone()),
            p if p.ends_with("/refunds") => answer(200, refunds.to_string()),
            p if p.ends_with("/fulfillments") => answer(200, fulfillments.to_string()),
            p => panic!("asked for {p}"),
        }
    });
    shop(extra).pull_orders(&cx, None).await.unwrap().items
}

async fn read_with(extra: &str, body: Value, refunds: Value) -> RemoteOrder {
    let mut items = pull_text(extra, json!([body]).to_string(), refunds, json!([])).await;
    assert_eq!(items.len(), 1);
    match items.remove(0) {
        Read::Order(order) => *order,
        Read::Unreadable { reason, .. } => panic!("unreadable: {reason}"),
    }
}

async fn read(body: Value) -> RemoteOrder {
    read_with("", body, json!([])).await
}

fn set(mut body: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_usual_order() {
    let read = read(order(7)).await;
    assert_eq!(read.totals.sum(), Some(read.totals.grand));
    assert_eq!(read.raw, serde_json::to_string(&order(7)).unwrap());
    let read = RemoteOrder { raw: String::new(), ..read };
    insta::assert_debug_snapshot!(read);
}

#[tokio::test]
async fn the_text_of_an_order_is_kept_to_the_byte() {
    let odd = "{ \"id\" : 9,\n\t\"status\":\"processing\",\"currency\":\"JPY\",\"total\":\"0\", \
               \"date_created_gmt\":\"2026-11-21T08:30:00\",\"extra\":\"\\u9ad9\\ud83d\\ude00\" }";
    let items = pull_text("", format!("[ {odd} ]"), json!([]), json!([])).await;
    let [Read::Order(read)] = &items[..] else { panic!("{items:?}") };
    assert_eq!(read.raw, odd);
}

#[tokio::test]
async fn tax_on_top_is_told_apart_from_tax_within() {
    let body = set(
        order(8),
        json!({
            "currency": "USD", "prices_include_tax": false, "shipping_total": "5.00", "shipping_tax": "0.40",
            "line_items": [line(1, 5, 0, 3, "30.00", "2.40", "A", "A", 1)],
            "fee_lines": [{"id": 2, "name": "Wrapping", "total": "2.50", "total_tax": "0.20"}],
            "total_tax": "3.00", "total": "40.50",
        }),
    );
    let read = read(body).await;
    assert_eq!(read.totals.items, Money(3000));
    assert_eq!(read.totals.fees, Money(250));
    assert_eq!(read.totals.shipping, Money(500));
    assert_eq!(read.totals.tax_on_top, Money(300));
    assert_eq!(read.totals.sum(), Some(Money(4050)));
    assert_eq!(read.lines[0].unit_price, Money(1000));
    assert_eq!(read.lines[0].tax_rate_bp, Some(800));
}

#[tokio::test]
async fn coupons_are_in_the_lines_and_negative_fees_are_discounts() {
    let mut body = set(
        order(8),
        json!({
            "currency": "EUR", "discount_total": "8.40", "shipping_total": "0.00", "shipping_tax": "0.00",
            "coupon_lines": [{"id": 3, "code": "autumn", "discount": "8.40"}],
            "fee_lines": [{"id": 2, "name": "Loyalty", "total": "-1.00", "total_tax": "-0.19"}],
            "total": "38.81",
        }),
    );
    body["line_items"] = json!([line(1, 5, 0, 4, "33.613445", "6.386555", "A", "A", 1)]);
    body["line_items"][0]["subtotal"] = json!("42.016807");
    let read = read(body).await;
    assert_eq!(read.totals.discount, Money(0));
    assert_eq!(read.totals.items, Money(4000));
    assert_eq!(read.totals.fees, Money(-119));
    assert_eq!(read.totals.sum(), Some(Money(3881)));
    assert_eq!(read.lines[0].unit_price, Money(1000));
}

#[tokio::test]
async fn rounding_is_absorbed_and_real_differences_are_not() {
    // Two lines and a shipping row may leave three yen open; a fourth is something else.
    for (total, sound) in [("3609", true), ("3612", true), ("3613", true), ("3614", false), ("3000", false)] {
        let read = read(set(order(7), json!({ "total": total }))).await;
        assert_eq!(read.totals.sum() == Some(read.totals.grand), sound, "{total}");
        assert_eq!(read.totals.grand.0.to_string(), total);
        assert!(read.unknowns.is_empty());
    }
}

#[tokio::test]
async fn statuses_become_axes() {
    use Fulfilment::{Cancelled, Open, Shipped};
    use Payment::{Awaiting, Failed, Paid, Refunded};
    let paid = json!("2026-11-21T08:31:00");
    let done = json!("2026-11-21T09:00:00");
    for (status, paid_at, completed, method, payment, fulfilment) in [
        ("pending", json!(null), json!(null), "stripe", Awaiting, Open),
        ("on-hold", json!(null), json!(null), "bacs", Awaiting, Open),
        ("on-hold", paid.clone(), json!(null), "bacs", Paid, Open),
        ("processing", paid.clone(), json!(null), "stripe", Paid, Open),
        ("processing", json!(null), json!(null), "stripe", Paid, Open),
        ("processing", json!(null), json!(null), "cod", Awaiting, Open),
        // Set back from "completed" by mistake: the date stays.
        ("processing", paid.clone(), done.clone(), "stripe", Paid, Open),
        ("completed", paid.clone(), done.clone(), "cod", Paid, Shipped),
        ("failed", json!(null), json!(null), "stripe", Failed, Open),
        ("cancelled", json!(null), json!(null), "bacs", Awaiting, Cancelled),
        ("cancelled", paid.clone(), json!(null), "stripe", Paid, Cancelled),
        ("trash", json!(null), json!(null), "bacs", Awaiting, Cancelled),
        ("refunded", paid.clone(), json!(null), "stripe", Refunded, Cancelled),
        ("refunded", paid.clone(), done.clone(), "stripe", Refunded, Shipped),
    ] {
        let body = json!({"status": status, "date_paid_gmt": paid_at, "date_completed_gmt": completed,
                          "payment_method": method});
        let read = read(set(order(7), body)).await;
        assert_eq!((read.payment, read.fulfilment), (payment, fulfilment), "{status} {method}");
        let out: i64 = read.lines.iter().map(|l| l.cancelled + l.returned).sum();
        let ended = matches!(status, "cancelled" | "trash" | "refunded");
        assert_eq!(out, if ended { 3 } else { 0 }, "{status}");
        assert!(read.unknowns.is_empty(), "{status} {:?}", read.unknowns);
    }
}

#[tokio::test]
async fn an_order_cancelled_after_it_left_waits_for_a_person() {
    let body = json!({"status": "cancelled", "date_completed_gmt": "2026-11-21T09:00:00"});
    let read = read(set(order(7), body)).await;
    assert_eq!(read.fulfilment, Fulfilment::Shipped);
    assert_eq!(read.lines[0].returned, 2);
    assert_eq!(read.unknowns.len(), 1);
}

#[tokio::test]
async fn a_status_of_a_plugin_is_mapped_or_held() {
    let body = set(order(7), json!({"status": "packing"}));
    let held = read(body.clone()).await;
    assert_eq!((held.payment, held.fulfilment), (Payment::Paid, Fulfilment::Open));
    assert!(held.unknowns[0].en.contains("packing") && held.unknowns[0].ja.contains("status_map"));
    let mapped = read_with("[status_map]\npacking = \"partially_shipped\"", body, json!([])).await;
    assert_eq!(mapped.fulfilment, Fulfilment::Partial);
    assert!(mapped.unknowns.is_empty());
}

#[tokio::test]
async fn a_checkout_that_is_still_being_filled_in_is_no_order() {
    let body = json!([set(order(7), json!({"status": "checkout-draft"}))]);
    assert!(pull_text("", body.to_string(), json!([]), json!([])).await.is_empty());
}

#[tokio::test]
async fn a_refund_before_shipping_cancels_and_one_after_it_returns() {
    let refunds = json!([
        refund(91, 11, 1, "980", "2026-11-21T08:40:00"),
        refund(92, 11, 1, "980", "2026-11-22T08:40:00"),
        {"id": 93, "date_created_gmt": "2026-11-23T00:00:00", "amount": "100", "reason": "", "line_items": []}
    ]);
    let body = set(
        order(7),
        json!({
            "status": "completed", "date_completed_gmt": "2026-11-21T12:00:00",
            "refunds": [refund_summary(93, "100"), refund_summary(92, "980"), refund_summary(91, "980")]
        }),
    );
    let read = read_with("", body, refunds).await;
    assert_eq!(read.payment, Payment::PartlyRefunded);
    assert_eq!(read.totals.refunded, Money(2060));
    assert_eq!((read.lines[0].cancelled, read.lines[0].returned), (1, 1));
    assert_eq!((read.lines[1].cancelled, read.lines[1].returned), (0, 0));
    let summary: Vec<_> = read.refunds.iter().map(|r| (r.id.as_str(), r.amount.0, r.lines.len())).collect();
    assert_eq!(summary, [("93", 100, 0), ("92", 980, 1), ("91", 980, 1)]);
    assert_eq!(read.refunds[0].reason, "damaged", "falls back to what the order says");
    assert!(read.unknowns.is_empty());
}

#[tokio::test]
async fn all_given_back_is_refunded_and_more_than_ordered_is_not_counted() {
    let body = set(order(7), json!({"refunds": [refund_summary(91, "3610")]}));
    let read = read_with("", body, json!([refund(91, 12, 5, "3610", "2026-11-21T09:00:00")])).await;
    assert_eq!(read.payment, Payment::Refunded);
    assert_eq!(read.lines[1].cancelled, 1);
}

#[tokio::test]
async fn a_refund_whose_lines_cannot_be_read_holds_the_order() {
    let (cx, _, _) = stage(|request| match path(request) {
        "orders" => {
            answer(200, json!([set(order(7), json!({"refunds": [refund_summary(91, "10")]}))]).to_string())
        }
        _ => answer(404, r#"{"code":"woocommerce_rest_invalid_order_id","message":"Invalid order ID."}"#),
    });
    let page = shop("").pull_orders(&cx, None).await.unwrap();
    let [Read::Order(read)] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!(read.refunds[0].amount, Money(10));
    assert!(read.unknowns[0].en.contains("91"), "{:?}", read.unknowns);
}

#[tokio::test]
async fn a_currency_that_is_not_known_keeps_the_goods_and_holds_the_order() {
    let read = read(set(order(7), json!({"currency": "XBT"}))).await;
    assert!(read.unknowns[0].en.contains("XBT"), "{:?}", read.unknowns);
    assert_eq!(read.totals, banto_channel::Totals::default());
    assert_eq!(read.lines.iter().map(|l| l.quantity).sum::<i64>(), 3);
}

#[tokio::test]
async fn what_php_writes_for_nothing_is_nothing() {
    let body = json!({
        "id": "15", "number": "", "status": "pending", "currency": "EUR", "prices_include_tax": "no",
        "date_created_gmt": "2026-11-21T08:30:00", "date_modified_gmt": null, "date_paid_gmt": "",
        "date_completed_gmt": "0000-00-00T00:00:00", "shipping_total": "", "shipping_tax": null, "total": 12.5, "total_tax": "0",
        "customer_note": null, "billing": [], "shipping": null, "payment_method": "", "payment_method_title": false,
        "line_items": {"3": {"id": "1", "name": 5, "product_id": 0, "variation_id": "", "quantity": "1",
                             "total": "12.5", "total_tax": "", "taxes": {"4": {"id": 9, "total": ""}}, "sku": null}},
        "tax_lines": [], "shipping_lines": "", "fee_lines": {}, "refunds": null, "meta_data": false
    });
    let read = read(body).await;
    assert_eq!(read.id.as_str(), "15");
    assert_eq!(read.number, "15");
    assert_eq!(read.totals.grand, Money(1250));
    assert_eq!(read.totals.sum(), Some(Money(1250)));
    assert_eq!(read.lines[0].listing, None);
    assert_eq!(read.lines[0].code, None);
    assert_eq!(read.lines[0].tax_rate_bp, None);
    assert_eq!(read.changed_at, None);
    assert_eq!(read.payment, Payment::Awaiting);
    assert_eq!(read.buyer, banto_channel::Buyer::default());
}

#[tokio::test]
async fn orders_without_lines_and_with_very_many_are_read() {
    let empty = read(set(
        order(7),
        json!({"line_items": [], "total": "0", "shipping_total": "0", "shipping_tax": "0"}),
    ))
    .await;
    assert!(empty.lines.is_empty());
    let many: Vec<Value> = (1..=500).map(|n| line(n, 1000 + n, 0, n, "100", "8", "S", "品", 1)).collect();
    let body = json!({"line_items": many, "total": "54550"});
    let read = read(set(order(8), body)).await;
    assert_eq!(read.lines.len(), 500);
    assert_eq!(read.lines[499].quantity, 500);
    assert_eq!(read.totals.sum(), Some(Money(54_550)));
}

#[tokio::test]
async fn any_character_passes_through() {
    let note = "髙﨑①様 🎁 \"quoted\" \\ \u{2028}次の行\n終わり";
    let body = set(order(7), json!({"customer_note": note}));
    assert_eq!(read(body).await.note, note);
}

#[tokio::test]
async fn pieces_of_a_unit_are_rounded_up_and_held() {
    let mut body = order(7);
    body["line_items"][0]["quantity"] = json!(1.5);
    body["line_items"][1]["quantity"] = json!("-1");
    let read = read(body).await;
    assert_eq!((read.lines[0].quantity, read.lines[1].quantity), (2, 0));
    assert_eq!(read.unknowns.len(), 2, "{:?}", read.unknowns);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_does_not_stop_the_others() {
    let bad_total = set(order(21), json!({"total": "twelve"}));
    let no_date = set(order(22), json!({"date_created_gmt": null, "date_modified_gmt": null}));
    let body =
        format!("[{bad_total},{{\"id\":23,\"number\":\"\\ud83d\"}},{no_date},\"nonsense\",{}]", order(24));
    let items = pull_text("", body, json!([]), json!([])).await;
    let told: Vec<_> = items
        .iter()
        .map(|item| match item {
            Read::Order(order) => (order.id.as_str(), String::new()),
            Read::Unreadable { id, reason, raw } => {
                assert!(!raw.is_empty());
                (id.as_ref().map_or("", |id| id.as_str()), reason.en.clone())
            }
        })
        .collect();
    assert_eq!(told.iter().map(|t| t.0).collect::<Vec<_>>(), ["21", "23", "22", "", "24"]);
    assert!(told[0].1.contains("twelve"));
    assert!(told[2].1.contains("date"));
}

#[tokio::test]
async fn names_follow_the_country_and_readings_the_plugin() {
    let body = set(
        order(7),
        json!({
            "shipping": {"first_name": "Ada", "last_name": "Byron", "address_1": "12 Hill St", "city": "London",
                         "state": "", "postcode": "W1", "country": "GB"},
            "meta_data": [
                {"id": 1, "key": "_billing_yomigana_last_name", "value": "タカサキ"},
                {"id": 2, "key": "_billing_yomigana_first_name", "value": "ヨウコ"},
                {"id": 3, "key": "_something", "value": {"a": [1, 2]}}
            ]
        }),
    );
    let read = read(body).await;
    assert_eq!(read.bill_to.name, "髙﨑 陽子");
    assert_eq!(read.bill_to.name_kana, "タカサキ ヨウコ");
    assert_eq!(read.bill_to.region, "東京都");
    assert_eq!(read.ship_to.name, "Ada Byron");
    assert_eq!(read.ship_to.phone, "03-1234-5678");
    assert_eq!(read.ship_to.name_kana, "");
}

#[tokio::test]
async fn parcels_of_the_tracking_extension_are_read() {
    let body = set(
        order(7),
        json!({"meta_data": [{"id": 1, "key": "_wc_shipment_tracking_items", "value": [
            {"tracking_provider": "", "custom_tracking_provider": "ヤマト運輸", "tracking_number": "1234-5678-9012",
             "custom_tracking_link": "https://track.example/?n=%1$s", "date_shipped": "1795219200", "tracking_id": "ab12"},
            {"tracking_provider": "DHL", "tracking_number": "JD1", "date_shipped": ""}
        ]}]}),
    );
    let read = read(body).await;
    insta::assert_debug_snapshot!(read.shipments);
}

#[tokio::test]
async fn fulfilments_of_woocommerce_say_what_left() {
    let body = set(
        order(7),
        json!({"meta_data": [{"id": 1, "key": "_fulfillment_status", "value": "partially_fulfilled"}],
               "date_modified": "2026-11-21T19:00:00", "date_modified_gmt": "2026-11-21T10:00:00"}),
    );
    let parcel = |id: i64, deleted: Value, items: Value| {
        json!({"id": id, "status": "fulfilled", "is_fulfilled": true, "date_deleted": deleted, "meta_data": [
            {"id": 1, "key": "_items", "value": items}, {"id": 2, "key": "_tracking_number", "value": "T1"},
            {"id": 3, "key": "_shipment_provider", "value": "ups"},
            {"id": 4, "key": "_date_fulfilled", "value": "2026-11-21 18:30:00"}]})
    };
    let some = json!([
        parcel(1, json!(null), json!([{"item_id": 11, "qty": 2}])),
        parcel(2, json!("2026-11-21T08:00:00"), json!([{"item_id": 12, "qty": 1}]))
    ]);
    let extra = "tracking = \"fulfillments\"";
    let text = json!([body]).to_string();
    let items = pull_text(extra, text.clone(), json!([]), some).await;
    let [Read::Order(read)] = &items[..] else { panic!("{items:?}") };
    assert_eq!(read.fulfilment, Fulfilment::Partial);
    assert_eq!(read.lines.iter().map(|l| l.shipped).collect::<Vec<_>>(), [Some(2), Some(0)]);
    assert_eq!(read.shipments[0].lines, [("11".to_owned(), 2)]);
    assert_eq!(read.shipments[0].carrier, "ups");
    let shipped_at = read.shipments[0].shipped_at.unwrap();
    assert_eq!(shipped_at, Timestamp::from_secs(NOW - 1800), "its date is the shop's own time");

    let all = json!([parcel(1, json!(null), json!([{"item_id": 11, "qty": 2}, {"item_id": 12, "qty": 1}]))]);
    let items = pull_text(extra, text, json!([]), all).await;
    let [Read::Order(read)] = &items[..] else { panic!("{items:?}") };
    assert_eq!(read.fulfilment, Fulfilment::Shipped);
}

#[tokio::test]
async fn what_the_shop_has_taken_off_its_numbers_is_told() {
    let meta = |value: Value| json!([{"id": 1, "key": "_reduced_stock", "value": value}]);
    let mut one = line(1, 5, 0, 3, "300", "0", "A", "A", 1);
    one["meta_data"] = meta(json!("3"));
    let mut two = line(2, 6, 0, 2, "200", "0", "B", "B", 1);
    for (value, taken) in [(json!("1"), 4), (json!("1.5"), 5), (json!("?"), 3), (json!([]), 3)] {
        two["meta_data"] = meta(value);
        let read = read(set(order(7), json!({"line_items": [one.clone(), two.clone()]}))).await;
        assert_eq!(read.stock_taken, Some(taken));
    }
    assert_eq!(read(order(7)).await.stock_taken, Some(0), "so far nothing");
}

#[tokio::test]
async fn a_line_whose_variation_is_gone_is_no_other_offer() {
    let with = |id: i64, product: i64, variation: i64, key: &str| {
        let mut line = line(id, product, variation, 1, "100", "0", "SHIRT", "Shirt - Red", 1);
        line["meta_data"] = json!([{"id": 1, "key": key, "value": "Red"}]);
        line
    };
    let lines = [
        with(1, 5, 0, "colour"),
        with(2, 6, 0, "engraving"),
        with(3, 5, 51, "colour"),
        with(4, 8, 0, "_reduced_stock"),
    ];
    let body =
        json!([set(order(7), json!({"line_items": lines})), set(order(8), json!({"line_items": lines}))]);
    let (cx, script, _) = stage(move |request| match path(request) {
        "orders" => answer(200, body.to_string()),
        "products" => answer(200, r#"[{"id":5,"type":"variable"},{"id":6,"type":"simple"}]"#),
        p => panic!("asked for {p}"),
    });
    let items = shop("").pull_orders(&cx, None).await.unwrap().items;
    for item in &items {
        let Read::Order(read) = item else { panic!("{item:?}") };
        let told: Vec<_> =
            read.lines.iter().map(|l| (l.listing.as_ref().map(|l| l.as_str()), l.code.as_deref())).collect();
        let known = |listing: &'static str| (Some(listing), Some("SHIRT"));
        assert_eq!(told, [(None, None), known("6"), known("5:51"), known("8")]);
    }
    let asked: Vec<String> =
        script.take().into_iter().filter(|line| line.starts_with("GET products")).collect();
    assert_eq!(asked, ["GET products?include=5,6&per_page=100&_fields=id,type"], "once for both orders");
}
