//! `orders/{id}` with its notes and refunds.

use std::sync::Arc;

use serde_json::{Value, json};

use super::flow::RefundAsked;
use super::order::{Contact, RefundLine};
use super::orders_list::{self, STATUSES};
use super::php;
use super::query::{Checked, WpError};
use super::server::{Answer, Call, Reply, id, paged};
use super::ship_api;
use super::state::Shop;

pub(super) fn route(shop: &mut Shop, call: &Call, parts: &[&str], params: &Value) -> Answer {
    match (call.method.as_str(), parts) {
        ("GET", []) => orders_list::list(shop, call),
        ("GET", [order]) => {
            let order = known(shop, id(order)?, 404)?;
            show(shop, call, order)
        }
        ("PUT" | "POST" | "PATCH", [order]) => update(shop, call, id(order)?, params),
        ("GET", [order, "notes"]) => notes(shop, call, id(order)?),
        ("POST", [order, "notes"]) => add_note(shop, call, id(order)?, params),
        ("GET", [order, "refunds"]) => refunds(shop, call, id(order)?),
        ("GET", [order, "refunds", one]) => refund(shop, call, id(order)?, id(one)?),
        ("POST", [order, "refunds"]) => create_refund(shop, call, id(order)?, params),
        (_, [order, "fulfillments", rest @ ..]) => {
            ship_api::fulfilments(shop, call, id(order)?, rest, params)
        }
        _ => Err(WpError::no_route()),
    }
}

/// The id, if there is such an order. Reading an unknown one is a 404, changing it a 400.
pub(super) fn known(shop: &Shop, order: u64, status: u16) -> Result<u64, WpError> {
    if shop.orders.contains_key(&order) {
        Ok(order)
    } else {
        Err(WpError::new(status, "woocommerce_rest_shop_order_invalid_id", "Invalid ID."))
    }
}

fn show(shop: &mut Shop, call: &Call, order: u64) -> Answer {
    let mut args = Checked::new(&call.query, 0);
    let dp = call.query.text("dp").map(|_| args.int("dp", 2, 0, Some(10)));
    args.done()?;
    if dp.is_none() && !call.query.0.contains_key("_fields") {
        return Ok(Reply {
            status: 200,
            headers: Vec::new(),
            body: shop.order_text(order).unwrap_or_default(),
        });
    }
    let dp = dp.and_then(|dp| u32::try_from(dp).ok());
    let shown = shop.orders.get(&order).map(|o| shop.with_order_view(dp, |view| view.order(o)));
    Ok(Reply::one(call, 200, shown.unwrap_or_default()))
}

/// Fields of a `PUT` that the fake does not carry out.
const UNDONE: [&str; 4] = ["line_items", "shipping_lines", "fee_lines", "coupon_lines"];

fn update(shop: &mut Shop, call: &Call, order: u64, params: &Value) -> Answer {
    check_update(shop, params)?;
    known(shop, order, 400)?;
    if let Some(field) = UNDONE.iter().find(|f| params.get(**f).is_some()) {
        let message = format!("The fake shop does not edit {field}.");
        return Err(WpError::new(501, "fake_not_implemented", &message));
    }
    let changed = edit_fields(shop, order, params);
    if let Some(entries) = params["meta_data"].as_array() {
        for entry in entries {
            if let Some(key) = entry["key"].as_str() {
                shop.set_meta(order, key, entry["value"].clone());
            }
        }
    }
    if let Some(status) = params["status"].as_str().filter(|s| !s.is_empty()) {
        let status = status.strip_prefix("wc-").unwrap_or(status);
        shop.set_status(order, status);
    }
    // `set_paid` looks at `needs_payment`, which is false for an order on hold.
    if params["set_paid"] == true && shop.orders.get(&order).is_some_and(|o| o.needs_payment()) {
        shop.payment_complete(order, params["transaction_id"].as_str());
    }
    if changed {
        shop.emit("order.updated", order);
    }
    show(shop, call, order)
}

fn check_update(shop: &Shop, params: &Value) -> Result<(), WpError> {
    let mut wrong = Vec::new();
    if let Some(status) = params["status"].as_str() {
        let known = STATUSES.contains(&status) || shop.config.custom_statuses.iter().any(|s| s == status);
        if !known && !status.is_empty() {
            wrong.push(("status", format!("status is not one of {}.", STATUSES.join(", "))));
        }
    } else if !params["status"].is_null() {
        wrong.push(("status", "status is not of type string.".to_owned()));
    }
    if !(params["set_paid"].is_null() || params["set_paid"].is_boolean()) {
        wrong.push(("set_paid", "set_paid is not of type boolean.".to_owned()));
    }
    if !(params["meta_data"].is_null() || params["meta_data"].is_array()) {
        wrong.push(("meta_data", "meta_data is not of type array.".to_owned()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = wrong.iter().map(|(name, _)| *name).collect();
    let sentences: Value = wrong
        .iter()
        .map(|(name, message)| ((*name).to_owned(), json!(message)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    Err(WpError {
        status: 400,
        code: "rest_invalid_param".to_owned(),
        message: format!("Invalid parameter(s): {}", names.join(", ")),
        data: json!({ "status": 400, "params": sentences }),
    })
}

/// Plain fields; says whether there were any.
fn edit_fields(shop: &mut Shop, order: u64, params: &Value) -> bool {
    let text = |name: &str| params[name].as_str().map(ToOwned::to_owned);
    let fields =
        ["customer_note", "payment_method", "payment_method_title", "transaction_id", "billing", "shipping"];
    if !fields.iter().any(|f| !params[*f].is_null()) {
        return false;
    }
    shop.edit_order(order, true, |o| {
        for (to, name) in [
            (&mut o.customer_note, "customer_note"),
            (&mut o.payment_method, "payment_method"),
            (&mut o.payment_title, "payment_method_title"),
            (&mut o.transaction_id, "transaction_id"),
        ] {
            if let Some(value) = text(name) {
                *to = value;
            }
        }
        edit_contact(&mut o.billing, &params["billing"]);
        edit_contact(&mut o.shipping, &params["shipping"]);
    });
    true
}

fn edit_contact(contact: &mut Arc<Contact>, posted: &Value) {
    if !posted.is_object() {
        return;
    }
    let c = Arc::make_mut(contact);
    for (to, name) in [
        (&mut c.first_name, "first_name"),
        (&mut c.last_name, "last_name"),
        (&mut c.company, "company"),
        (&mut c.address_1, "address_1"),
        (&mut c.address_2, "address_2"),
        (&mut c.city, "city"),
        (&mut c.state, "state"),
        (&mut c.postcode, "postcode"),
        (&mut c.country, "country"),
        (&mut c.email, "email"),
        (&mut c.phone, "phone"),
    ] {
        if let Some(value) = posted[name].as_str() {
            value.clone_into(to);
        }
    }
}

fn invalid_order(status: u16) -> WpError {
    WpError::new(status, "woocommerce_rest_shop_order_invalid_id", "Invalid order ID.")
}

/// All notes, newest first; this list has no pages.
fn notes(shop: &Shop, call: &Call, order: u64) -> Answer {
    let mut args = Checked::new(&call.query, 0);
    let kind = args.one_of("type", "any", &["any", "customer", "internal"]);
    args.done()?;
    let found = shop.orders.get(&order).ok_or_else(|| invalid_order(404))?;
    let shown: Vec<Value> = shop.with_order_view(None, |view| {
        found
            .notes
            .iter()
            .rev()
            .filter(|n| match kind.as_str() {
                "customer" => n.for_customer,
                "internal" => !n.for_customer,
                _ => true,
            })
            .map(|n| view.note(order, n))
            .collect()
    });
    Ok(Reply::json(200, &Value::from(shown)))
}

fn add_note(shop: &mut Shop, call: &Call, order: u64, params: &Value) -> Answer {
    let Some(text) = params["note"].as_str() else {
        return Err(WpError {
            status: 400,
            code: "rest_missing_callback_param".to_owned(),
            message: "Missing parameter(s): note".to_owned(),
            data: json!({ "status": 400, "params": ["note"] }),
        });
    };
    let for_customer = params["customer_note"].as_bool().unwrap_or(false);
    let author = if params["added_by_user"] == true { "admin" } else { "system" };
    shop.add_note(order, author, text, for_customer).ok_or_else(|| invalid_order(404))?;
    let note = shop.orders.get(&order).and_then(|o| o.notes.last());
    let shown = note.map(|n| shop.with_order_view(None, |view| view.note(order, n)));
    Ok(Reply::one(call, 201, shown.unwrap_or_default()))
}

/// The refunds of an order, newest first. An unknown order simply has none.
fn refunds(shop: &Shop, call: &Call, order: u64) -> Answer {
    let mut args = Checked::new(&call.query, 0);
    let page = args.int("page", 1, 1, None);
    let per_page = args.int("per_page", 10, 1, Some(i64::from(shop.config.per_page_max)));
    args.done()?;
    let shown: Vec<Value> = shop.orders.get(&order).map_or_else(Vec::new, |o| {
        shop.with_order_view(None, |view| o.refunds.iter().rev().map(|r| view.refund(o, r)).collect())
    });
    let total = shown.len();
    let take = usize::try_from(per_page).unwrap_or(1);
    let skip = usize::try_from(page - 1).unwrap_or(0).saturating_mul(take);
    let page_shown: Vec<Value> = shown.into_iter().skip(skip).take(take).collect();
    let reply = Reply::json(200, &Value::from(page_shown));
    Ok(paged(reply, shop, call, page, per_page, total))
}

fn refund(shop: &Shop, call: &Call, order: u64, refund: u64) -> Answer {
    let found = shop.orders.get(&order).and_then(|o| Some((o, o.refunds.iter().find(|r| r.id == refund)?)));
    let Some((o, r)) = found else {
        // WooCommerce hands the number over where an array belongs, so that a 500 says 404.
        return Err(WpError {
            status: 500,
            code: "woocommerce_rest_invalid_order_refund_id".to_owned(),
            message: "Invalid order refund ID.".to_owned(),
            data: json!(404),
        });
    };
    let shown = shop.with_order_view(None, |view| view.refund(o, r));
    Ok(Reply::one(call, 200, shown))
}

fn create_refund(shop: &mut Shop, call: &Call, order: u64, params: &Value) -> Answer {
    let odd = |code: &str, message: &str, data: u16| WpError {
        status: 500,
        code: code.to_owned(),
        message: message.to_owned(),
        data: json!(data),
    };
    if !shop.orders.contains_key(&order) {
        return Err(odd("woocommerce_rest_invalid_order_id", "Invalid order ID.", 404));
    }
    let refused = |message: &str| odd("woocommerce_rest_cannot_create_order_refund", message, 500);
    let digits = shop.digits;
    let amount = |value: &Value| php::minor(value, digits).unwrap_or(0);
    let mut lines = Vec::new();
    for line in params["line_items"].as_array().into_iter().flatten() {
        let taxes: Vec<(u64, i64)> = line["refund_tax"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tax| Some((tax["id"].as_u64()?, amount(&tax["refund_total"]))))
            .collect();
        let quantity = line["quantity"].as_i64().or_else(|| line["qty"].as_i64()).unwrap_or(0);
        if let Some(id) = line["id"].as_u64() {
            lines.push(RefundLine { id: 0, of: id, quantity, total: amount(&line["refund_total"]), taxes });
        }
    }
    let from_lines: i64 =
        lines.iter().map(|l| l.total + l.taxes.iter().map(|(_, tax)| tax).sum::<i64>()).sum();
    let asked = RefundAsked {
        amount: php::minor(&params["amount"], digits).unwrap_or(from_lines),
        reason: params["reason"].as_str().unwrap_or_default().to_owned(),
        lines,
        by_gateway: params["api_refund"].as_bool().unwrap_or(true),
        restock: params["api_restock"].as_bool().unwrap_or(true),
    };
    let id = shop.create_refund(order, asked).map_err(refused)?;
    let mut reply = refund(shop, call, order, id)?;
    reply.status = 201;
    Ok(reply)
}
