//! Bodies of the scripted shop, written for these tests after the fields of the REST reference.

use serde_json::{Value, json};

/// A plain paid order of two lines in yen, prices with tax.
pub fn order(id: i64) -> Value {
    json!({
        "id": id,
        "number": id.to_string(),
        "status": "processing",
        "currency": "JPY",
        "version": "10.0.2",
        "prices_include_tax": true,
        "date_created": "2026-11-21T17:30:00",
        "date_created_gmt": "2026-11-21T08:30:00",
        "date_modified": "2026-11-21T17:31:00",
        "date_modified_gmt": "2026-11-21T08:31:00",
        "date_paid_gmt": "2026-11-21T08:31:00",
        "date_completed_gmt": null,
        "discount_total": "0",
        "shipping_total": "500",
        "shipping_tax": "50",
        "total": "3610",
        "total_tax": "295",
        "customer_note": "",
        "billing": {
            "first_name": "陽子", "last_name": "髙﨑", "company": "", "address_1": "青葉1-2-3", "address_2": "①棟 204号",
            "city": "千代田区", "state": "JP13", "postcode": "100-0001", "country": "JP",
            "email": "yoko@example.jp", "phone": "03-1234-5678"
        },
        "shipping": [],
        "payment_method": "stripe",
        "payment_method_title": "クレジットカード",
        "line_items": [
            line(11, 101, 0, 2, "1815", "145", "TEA-1", "煎茶 &amp; 茶筒", 1),
            line(12, 102, 205, 1, "1000", "100", "CUP-R", "湯呑 – 赤", 2)
        ],
        "tax_lines": [
            {"id": 31, "rate_id": 1, "rate_percent": 8, "compound": false, "tax_total": "145"},
            {"id": 32, "rate_id": 2, "rate_percent": 10, "compound": false, "tax_total": "150"}
        ],
        "shipping_lines": [{"id": 41, "method_title": "宅配便", "total": "500"}],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [],
        "meta_data": []
    })
}

/// A line with one tax rate.
#[expect(clippy::too_many_arguments, reason = "one per field of the line")]
pub fn line(
    id: i64,
    product: i64,
    variation: i64,
    quantity: i64,
    total: &str,
    tax: &str,
    sku: &str,
    name: &str,
    rate: i64,
) -> Value {
    json!({
        "id": id, "name": name, "product_id": product, "variation_id": variation, "quantity": quantity,
        "tax_class": "", "subtotal": total, "subtotal_tax": tax, "total": total, "total_tax": tax,
        "taxes": [{"id": rate, "total": tax, "subtotal": tax}], "meta_data": [], "sku": sku, "price": 907.5
    })
}

/// A refund of `quantity` units of one line.
pub fn refund(id: i64, line: i64, quantity: i64, amount: &str, at: &str) -> Value {
    json!({
        "id": id, "date_created_gmt": at, "amount": amount, "reason": "damaged",
        "line_items": [{
            "id": id + 1000, "quantity": -quantity, "total": format!("-{amount}"),
            "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": line.to_string()}]
        }]
    })
}

/// How the order mentions it.
pub fn refund_summary(id: i64, amount: &str) -> Value {
    json!({"id": id, "reason": "damaged", "total": format!("-{amount}")})
}
