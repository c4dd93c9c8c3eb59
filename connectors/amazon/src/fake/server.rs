//! The HTTP side: faults, tokens, usage plans, routes.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use banto_sim::faults::{Fault, Faults};
use serde_json::{Value, json};

use super::door::Line;
use super::state::Shop;
use super::{Inner, feeds_api, listings_api, login, orders_api, ship_api, v0_api};

/// The largest body that is read; feeds may have 10 MiB.
const BODY_MAX: usize = 12 * 1024 * 1024;

pub(super) fn app(
    inner: Arc<Inner>,
) -> axum::extract::connect_info::IntoMakeServiceWithConnectInfo<Router, Line> {
    Router::new().fallback(call).with_state(inner).into_make_service_with_connect_info::<Line>()
}

/// One call, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) token: Option<String>,
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

impl Call {
    /// A query parameter; none if it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// A list with commas between its members.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).map(|text| text.split(',').collect()).unwrap_or_default()
    }

    /// The JSON body.
    pub(super) fn json(&self) -> Result<Value, SpError> {
        let value = serde_json::from_slice::<Value>(&self.body).ok();
        value
            .filter(Value::is_object)
            .ok_or_else(|| SpError::input("Request has missing or invalid parameters and cannot be parsed."))
    }
}

/// What a call is answered with.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

/// What a route makes of a call.
pub(super) type Answer = Result<Reply, SpError>;

impl Reply {
    pub(super) fn json(status: u16, value: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: Bytes::from(value.to_string()) }
    }

    pub(super) const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }
}

/// An error in Amazon's envelope.
#[derive(Debug)]
pub(super) struct SpError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) details: &'static str,
}

impl SpError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: "" }
    }

    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "NOT_FOUND", message)
    }

    fn denied(details: &'static str) -> Self {
        let message = "Access to requested resource is denied.".to_owned();
        Self { status: 403, code: "Unauthorized", message, details }
    }
}

impl From<SpError> for Reply {
    fn from(error: SpError) -> Self {
        let row = json!({ "code": error.code, "message": error.message, "details": error.details });
        Self::json(error.status, &json!({ "errors": [row] }))
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

async fn call(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let fault = inner.faults.for_call();
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: pairs(parts.uri.query().unwrap_or_default()),
        token: text("x-amz-access-token"),
        content_type: text("content-type").unwrap_or_default(),
        body,
    };
    match fault {
        Some(Fault::Reset) => lost(&line),
        Some(Fault::Status { code, retry_after }) => status_page(code, retry_after),
        Some(Fault::Html) => html(StatusCode::OK, "Service temporarily unavailable"),
        Some(Fault::LostAnswer) => {
            answer(&inner, &call);
            lost(&line)
        }
        Some(Fault::Torn) => torn(answer(&inner, &call)),
        Some(Fault::Huge(bytes)) => {
            let mut reply = answer(&inner, &call);
            let mut body = vec![b' '; bytes];
            body.iter_mut().zip(b"{\"").for_each(|(to, from)| *to = *from);
            reply.body = Bytes::from(body);
            reply.into_response()
        }
        _ => answer(&inner, &call).into_response(),
    }
}

/// The connection closes; what is returned never goes out.
fn lost(line: &Line) -> Response {
    line.cut();
    ().into_response()
}

/// Half of the body, then the connection breaks.
fn torn(reply: Reply) -> Response {
    let half = reply.body.slice(..reply.body.len() / 2);
    let broken = Err(io::Error::from(io::ErrorKind::ConnectionAborted));
    let body = Body::from_stream(futures_util::stream::iter([Ok(half), broken]));
    let mut response = Reply { body: Bytes::new(), ..reply }.into_response();
    *response.body_mut() = body;
    response
}

fn status_page(code: u16, retry_after: Option<u32>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = html(status, status.canonical_reason().unwrap_or("Error"));
    if let Some(value) = retry_after.and_then(|secs| secs.to_string().parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn html(status: StatusCode, text: &str) -> Response {
    let page = format!("<!DOCTYPE html><html><head><title>{text}</title></head><body>{text}</body></html>");
    (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
}

fn answer(inner: &Inner, call: &Call) -> Reply {
    let mut shop = inner.shop();
    shop.saw(call);
    let parts: Vec<String> = call.path.split('/').skip(1).map(unpercent).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["auth", "o2", "token"] if call.method == "POST" => login::token(&mut shop, call),
        ["storage", document] => feeds_api::storage(&mut shop, call, document),
        parts => api(inner, &mut shop, call, parts),
    }
}

/// A call to the API proper: token, usage plan, route.
fn api(inner: &Inner, shop: &mut Shop, call: &Call, parts: &[&str]) -> Reply {
    let Some(operation) = operation(&call.method, parts) else {
        return SpError::missing("Resource not found at specified location.").into();
    };
    let mut reply = match admit(shop, call).and_then(|()| {
        inner.buckets.take(operation).map_err(|()| {
            SpError::new(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
        })
    }) {
        Ok(rate) => {
            let mut reply = route(shop, &inner.faults, call, operation, parts).unwrap_or_else(Reply::from);
            reply.headers.extend(rate.map(|rate| ("x-amzn-RateLimit-Limit", rate.to_string())));
            reply
        }
        Err(refused) => refused.into(),
    };
    shop.requests += 1;
    reply.headers.push(("x-amzn-RequestId", format!("{:032x}", shop.requests)));
    reply
}

fn admit(shop: &Shop, call: &Call) -> Result<(), SpError> {
    let Some(token) = &call.token else {
        return Err(SpError::denied("Access token is missing in the request header."));
    };
    match shop.tokens.get(token) {
        Some(until) if *until > shop.clock.now() && shop.accepting => Ok(()),
        Some(_) if shop.accepting => Err(SpError::denied("The access token you provided has expired.")),
        _ => Err(SpError::denied("The access token you provided is revoked, malformed or invalid.")),
    }
}

fn operation(method: &str, parts: &[&str]) -> Option<&'static str> {
    Some(match (method, parts) {
        ("GET", ["orders", "2026-01-01", "orders"]) => "searchOrders",
        ("GET", ["orders", "2026-01-01", "orders", _]) => "getOrder",
        ("GET", ["orders", "v0", "orders"]) => "getOrdersV0",
        ("GET", ["orders", "v0", "orders", _]) => "getOrderV0",
        ("GET", ["orders", "v0", "orders", _, "orderItems"]) => "getOrderItemsV0",
        ("POST", ["orders", "v0", "orders", _, "shipmentConfirmation"]) => "confirmShipment",
        ("GET", ["listings", "2021-08-01", "items", _]) => "searchListingsItems",
        ("GET", ["listings", "2021-08-01", "items", _, _]) => "getListingsItem",
        ("PATCH", ["listings", "2021-08-01", "items", _, _]) => "patchListingsItem",
        ("POST", ["feeds", "2021-06-30", "documents"]) => "createFeedDocument",
        ("GET", ["feeds", "2021-06-30", "documents", _]) => "getFeedDocument",
        ("POST", ["feeds", "2021-06-30", "feeds"]) => "createFeed",
        ("GET", ["feeds", "2021-06-30", "feeds", _]) => "getFeed",
        _ => return None,
    })
}

fn route(shop: &mut Shop, faults: &Faults, call: &Call, operation: &str, parts: &[&str]) -> Answer {
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    match operation {
        "searchOrders" => orders_api::search(shop, call),
        "getOrder" => orders_api::get(shop, call, part(3)),
        "getOrdersV0" => v0_api::search(shop, call),
        "getOrderV0" => v0_api::get(shop, part(3)),
        "getOrderItemsV0" => v0_api::items(shop, part(3)),
        "confirmShipment" => ship_api::confirm(shop, call, part(3)),
        "createFeedDocument" => feeds_api::create_document(shop, call),
        "getFeedDocument" => feeds_api::get_document(shop, call, part(3)),
        "createFeed" => feeds_api::create(shop, call),
        "getFeed" => feeds_api::get(shop, part(3)),
        _ => listings_api::route(shop, faults, call, part(3), parts.get(4).copied()),
    }
}

/// Name and value pairs of a query or a form, decoded.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| unpercent(&text.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn unpercent(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut out = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(piece.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                out.push(b'%');
                out.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
