//! Parcels: the Shipment Tracking extension and the fulfilments of core.

use serde_json::{Value, json};

use super::order::{FulfilmentRow, Meta, Order, Tracking};
use super::order_json;
use super::orders_api::known;
use super::php::{date, parse_date, sql_date};
use super::query::WpError;
use super::server::{Answer, Call, Reply, id};
use super::state::Shop;

/// A few carriers of the extension's long list: region, name, page to follow a parcel.
const PROVIDERS: [(&str, &str, &str); 4] = [
    ("Global", "DHL", "https://www.dhl.example/track?id=%1$s"),
    ("Japan", "Japan Post", "https://post.example/track?no=%1$s"),
    ("Japan", "Sagawa Express", "https://sagawa.example/track?no=%1$s"),
    ("United States", "USPS", "https://usps.example/track/%1$s"),
];

/// `wc-shipment-tracking/v3/shipment-trackings/providers`, which is open to everybody.
pub(super) fn providers(shop: &Shop) -> Answer {
    if !shop.config.shipment_tracking {
        return Err(WpError::no_route());
    }
    let mut shown = json!({});
    for (region, name, url) in PROVIDERS {
        shown[region][name] = json!(url);
    }
    Ok(Reply::json(200, &shown))
}

/// `wc-shipment-tracking/v3/orders/{id}/shipment-trackings`.
pub(super) fn trackings(shop: &mut Shop, call: &Call, parts: &[&str], params: &Value) -> Answer {
    let [order, "shipment-trackings", rest @ ..] = parts else {
        return Err(WpError::no_route());
    };
    if !shop.config.shipment_tracking {
        return Err(WpError::no_route());
    }
    let order = known(shop, id(order)?, 404)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let all = shop.orders.get(&order).map_or(&[] as &[Tracking], |o| o.trackings.as_slice());
            let shown: Value = all.iter().map(order_json::tracking).collect();
            Ok(Reply::json(200, &shown))
        }
        ("POST", []) => add_tracking(shop, call, order, params),
        ("DELETE", [tracking]) => {
            let found = shop
                .orders
                .get(&order)
                .and_then(|o| o.trackings.iter().find(|t| t.id == *tracking))
                .map(order_json::tracking);
            let shown = found.ok_or_else(|| {
                let code = "woocommerce_rest_order_shipment_tracking_invalid_id";
                WpError::new(404, code, "Invalid shipment tracking ID.")
            })?;
            shop.edit_order(order, false, |o| o.trackings.retain(|t| t.id != *tracking));
            keep_in_meta(shop, order);
            Ok(Reply::one(call, 200, shown))
        }
        _ => Err(WpError::no_route()),
    }
}

fn add_tracking(shop: &mut Shop, call: &Call, order: u64, params: &Value) -> Answer {
    let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
    let custom = text("custom_tracking_provider");
    let provider = if custom.is_empty() { text("tracking_provider") } else { custom };
    let number = text("tracking_number");
    if number.is_empty() {
        return Err(WpError {
            status: 400,
            code: "rest_missing_callback_param".to_owned(),
            message: "Missing parameter(s): tracking_number".to_owned(),
            data: json!({ "status": 400, "params": ["tracking_number"] }),
        });
    }
    let mut shipped = text("date_shipped");
    if shipped.is_empty() {
        let today = date(shop.now() + shop.config.utc_offset_secs());
        today.get(..10).unwrap_or_default().clone_into(&mut shipped);
    }
    // A carrier from the list brings its own link.
    let listed = PROVIDERS.iter().find(|(_, name, _)| *name == provider);
    let link = listed.map_or_else(|| text("custom_tracking_link"), |(_, _, url)| (*url).to_owned());
    let tracking = Tracking {
        id: format!("{:032x}", u128::from(shop.roll(u64::MAX)) << 64 | u128::from(order)),
        provider,
        link: link.replace("%1$s", &number),
        number,
        date_shipped: shipped,
    };
    let shown = order_json::tracking(&tracking);
    shop.edit_order(order, false, |o| o.trackings.push(tracking));
    keep_in_meta(shop, order);
    Ok(Reply::one(call, 201, shown))
}

/// The extension keeps its entries in the order's meta data.
fn keep_in_meta(shop: &mut Shop, order: u64) {
    let offset = shop.config.utc_offset_secs();
    let entry = |t: &Tracking| {
        let midnight =
            parse_date(&format!("{}T00:00:00", t.date_shipped), 0).map(|s| (s - offset).to_string());
        json!({
            "tracking_provider": "", "custom_tracking_provider": t.provider, "custom_tracking_link": t.link,
            "tracking_number": t.number, "date_shipped": midnight.unwrap_or_default(), "tracking_id": t.id,
        })
    };
    let entries: Option<Value> = shop.orders.get(&order).map(|o| o.trackings.iter().map(entry).collect());
    shop.set_meta(order, "_wc_shipment_tracking_items", entries.unwrap_or_default());
}

/// `orders/{id}/fulfillments`.
pub(super) fn fulfilments(shop: &mut Shop, call: &Call, order: u64, rest: &[&str], params: &Value) -> Answer {
    if !shop.config.fulfilments || shop.config.wc_version.0 < 10 {
        return Err(WpError::no_route());
    }
    let order = known(shop, order, 404)?;
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let shown: Vec<Value> = shop.orders.get(&order).map_or_else(Vec::new, |o| {
                let all = o.fulfilments.iter();
                shop.with_order_view(None, |view| all.map(|f| view.fulfilment(order, f)).collect())
            });
            Ok(Reply::json(200, &Value::from(shown)))
        }
        ("POST", []) => add_fulfilment(shop, call, order, params),
        _ => Err(WpError::no_route()),
    }
}

fn add_fulfilment(shop: &mut Shop, call: &Call, order: u64, params: &Value) -> Answer {
    // `WC_Data::set_meta_data` passes over what has no id.
    let whole = |entry: &&Value| ["id", "key", "value"].iter().all(|field| !entry[*field].is_null());
    let mut meta = Vec::new();
    for entry in params["meta_data"].as_array().into_iter().flatten().filter(whole) {
        meta.push(Meta {
            id: shop.item_id(),
            key: entry["key"].as_str().unwrap_or_default().to_owned(),
            value: entry["value"].clone(),
        });
    }
    if let Err(message) = fulfilment_items(&meta) {
        // Exceptions without a code of their own show PHP's.
        return Ok(Reply::json(400, &json!({ "code": 0, "message": message, "data": { "status": 400 } })));
    }
    let is_fulfilled = params["is_fulfilled"].as_bool().unwrap_or(false);
    if is_fulfilled {
        let now = sql_date(shop.now() + shop.config.utc_offset_secs());
        meta.push(Meta { id: shop.item_id(), key: "_date_fulfilled".to_owned(), value: json!(now) });
    }
    let row = FulfilmentRow {
        id: shop.item_id(),
        updated: shop.now(),
        status: params["status"].as_str().unwrap_or("unfulfilled").to_owned(),
        is_fulfilled,
        meta,
    };
    let shown = shop.with_order_view(None, |view| view.fulfilment(order, &row));
    shop.edit_order(order, false, |o| o.fulfilments.push(row));
    let stand = shop.orders.get(&order).map_or("no_fulfillments", fulfilment_status);
    shop.set_meta(order, "_fulfillment_status", json!(stand));
    Ok(Reply::one(call, 201, shown))
}

/// What a fulfilment holds, as `validate_items` wants it; whether the order has as much of it is not looked at.
fn fulfilment_items(meta: &[Meta]) -> Result<(), &'static str> {
    let items = meta.iter().find(|m| m.key == "_items").and_then(|m| m.value.as_array());
    let items =
        items.filter(|items| !items.is_empty()).ok_or("The fulfillment should contain at least one item.")?;
    let sound = |item: &Value| item["item_id"].as_i64() > Some(0) && item["qty"].as_f64() > Some(0.0);
    if items.iter().all(sound) { Ok(()) } else { Err("Invalid item.") }
}

/// The order's `_fulfillment_status`.
fn fulfilment_status(order: &Order) -> &'static str {
    let left = |line: u64| -> i64 {
        let items = order.fulfilments.iter().filter(|f| f.is_fulfilled).flat_map(|f| &f.meta);
        let items = items.filter(|m| m.key == "_items").filter_map(|m| m.value.as_array()).flatten();
        items
            .filter(|item| item["item_id"].as_u64() == Some(line))
            .filter_map(|item| item["qty"].as_i64())
            .sum()
    };
    let gone: Vec<bool> = order.lines.iter().map(|line| left(line.id) >= line.quantity).collect();
    match (order.fulfilments.iter().any(|f| f.is_fulfilled), gone.iter().all(|gone| *gone)) {
        (true, true) => "fulfilled",
        (true, false) => "partially_fulfilled",
        _ => "unfulfilled",
    }
}
