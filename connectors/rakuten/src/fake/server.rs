//! The HTTP side: faults, rates, credentials, routes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use banto_sim::faults::{Fault, Faults};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Inner;
use super::reply::{Reply, broken};
use super::state::Shop;
use super::{order, orders_api, stock_api};

/// The largest body that is read.
const BODY_MAX: usize = 8 * 1024 * 1024;
/// What clocks and networks may shorten a second by.
const TOLERANCE: Duration = Duration::from_millis(50);

pub(super) fn app(inner: Arc<Inner>) -> Router {
    Router::new().fallback(call).with_state(inner)
}

/// One call, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    query: Vec<(String, String)>,
    authorization: String,
    content_type: String,
    body: Bytes,
}

impl Call {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The calls of the last second, by what the documents count together.
#[derive(Debug, Default)]
pub(super) struct Limits(BTreeMap<&'static str, VecDeque<Instant>>);

impl Limits {
    /// Whether the call still fits into its rate.
    fn takes(&mut self, call: &Call) -> bool {
        let Some((group, a_second)) = rate(call) else {
            return true;
        };
        let now = Instant::now();
        let calls = self.0.entry(group).or_default();
        calls.retain(|at| now.duration_since(*at) < Duration::from_secs(1) - TOLERANCE);
        if calls.len() >= a_second {
            return false;
        }
        calls.push_back(now);
        true
    }
}

/// Group and calls a second; the order API has no documented rate.
fn rate(call: &Call) -> Option<(&'static str, usize)> {
    let path = call.path.as_str();
    if path.contains("/inventories/bulk-get") {
        return Some(("read", 5));
    }
    if path.contains("/inventories/") {
        return Some(("write", 1));
    }
    if path.contains("/items/inventory-related-settings/") {
        return Some(("settings", 1));
    }
    path.contains("/items/").then_some(("items", 5))
}

async fn call(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let fault = inner.faults.for_call();
    if inner.down.load(Ordering::Acquire) || fault == Some(Fault::Reset) {
        return broken(Bytes::new(), 1);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return Reply::page(413, "Payload Too Large", None).into_response();
    };
    let text = |name| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: pairs(parts.uri.query().unwrap_or_default()),
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
        body,
    };
    let answered = || answer(&inner, &call);
    match fault {
        Some(Fault::Status { code, retry_after }) => {
            inner.shop().saw(&call, Vec::new());
            Reply::page(code, "Error", retry_after).into_response()
        }
        Some(Fault::Html) => {
            inner.shop().saw(&call, Vec::new());
            Reply::page(200, "ただいまメンテナンス中です", None).into_response()
        }
        Some(Fault::LostAnswer) => {
            answered();
            broken(Bytes::new(), 1)
        }
        Some(Fault::Torn) => match answered() {
            reply if reply.body.len() < 2 => reply.into_response(),
            reply => broken(reply.body.slice(..reply.body.len() / 2), reply.body.len()),
        },
        Some(Fault::Huge(bytes)) => {
            let mut reply = answered();
            let mut body = vec![b' '; bytes];
            body.iter_mut().zip(b"{\"").for_each(|(to, from)| *to = *from);
            reply.body = Bytes::from(body);
            reply.into_response()
        }
        _ => answered().into_response(),
    }
}

fn answer(inner: &Inner, call: &Call) -> Reply {
    if let Some(limits) = &inner.limits {
        let mut limits = limits.lock().unwrap_or_else(PoisonError::into_inner);
        if !limits.takes(call) {
            inner.too_many.fetch_add(1, Ordering::AcqRel);
            return Reply::error(429, "GE0429", "Too many requests.");
        }
    }
    let mut shop = inner.shop();
    shop.settle();
    let stock = stock_api::numbers_of(call);
    shop.saw(call, stock);
    if !shop.accepts || !knows(&shop, &call.authorization) {
        return Reply::error(401, "GA0001", "Un-Authorised");
    }
    route(&mut shop, &inner.faults, call)
}

/// `ESA` and base64 of `serviceSecret:licenseKey`.
fn knows(shop: &Shop, authorization: &str) -> bool {
    let Some(token) = authorization.strip_prefix("ESA ") else {
        return false;
    };
    let plain = STANDARD.decode(token).ok().and_then(|plain| String::from_utf8(plain).ok());
    plain.as_deref().and_then(|plain| plain.split_once(':')).is_some_and(|(secret, key)| {
        secret == shop.config.service_secret
            && shop
                .config
                .licence_keys
                .iter()
                .any(|known| known.key == key && shop.clock.now() < known.expires)
    })
}

fn route(shop: &mut Shop, faults: &Faults, call: &Call) -> Reply {
    let Some(path) = call.path.strip_prefix("/es/") else {
        return Reply::page(404, "Not Found", None);
    };
    if let Some(name) = path.strip_prefix("2.0/order/").and_then(|rest| rest.strip_suffix('/')) {
        return order_route(shop, call, name);
    }
    match (call.method.as_str(), path) {
        ("GET", "1.0/license-management/license-key/expiry-date") => expiry(shop, call),
        ("POST", "2.0/inventories/bulk-get") => stock_api::bulk_get(shop, call),
        ("GET", "2.0/inventories/bulk-get/range") => stock_api::range(shop, call),
        ("POST", "2.0/inventories/bulk-upsert") => stock_api::bulk_upsert(shop, faults, call),
        ("GET", "2.0/items/search") => stock_api::search(shop, call),
        ("GET", path) if path.starts_with("2.0/items/inventory-related-settings/manage-numbers/") => {
            stock_api::settings(shop, path.rsplit('/').next().unwrap_or_default())
        }
        _ => Reply::error(404, "GE0007", "Requested path doesn't exist"),
    }
}

fn order_route(shop: &mut Shop, call: &Call, name: &str) -> Reply {
    if call.method != "POST" {
        return Reply::page(405, "Method Not Allowed", None);
    }
    let content_type = call.content_type.replace(' ', "").to_ascii_lowercase();
    if content_type != "application/json;charset=utf-8" {
        return Reply::gateway(415, "ES04-03", "Unsupported Media Type");
    }
    let body = call.json();
    match name {
        "searchOrder" => super::search::search(shop, &body),
        "getOrder" => orders_api::get(shop, &body),
        "confirmOrder" => orders_api::confirm(shop, &body),
        "updateOrderShipping" => orders_api::ship(shop, &body),
        "cancelOrder" => orders_api::cancel(shop, &body, false),
        "cancelOrderAfterShipping" => orders_api::cancel(shop, &body, true),
        "getPayment" => orders_api::payment(shop, &body),
        _ => Reply::page(404, "Not Found", None),
    }
}

/// Japan's time without saying so, as was seen of the real one.
fn expiry(shop: &Shop, call: &Call) -> Reply {
    let asked = call.query("licenseKey").unwrap_or_default();
    match shop.config.licence_keys.iter().find(|known| known.key == asked) {
        None => Reply::error(404, "GE0014", "Not found for inputs; identifier=licenseKey"),
        Some(known) => {
            let stamp = order::stamp(known.expires.as_secs());
            Reply::json(200, &json!({ "expiryDate": stamp.trim_end_matches("+0900") }))
        }
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
