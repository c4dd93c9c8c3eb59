//! The HTTP side: faults, credentials, routes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use banto_sim::faults::{Fault, Faults};
use serde_json::{Value, json};

use super::Inner;
use super::auth::Asked;
use super::door::Line;
use super::php;
use super::query::{Query, WpError};
use super::state::Shop;

/// The largest body that is read.
const BODY_MAX: usize = 8 * 1024 * 1024;

/// The server, ready for [`axum::serve()`].
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
    pub(super) query: Query,
    pub(super) authorization: Option<String>,
    pub(super) body: Bytes,
}

/// What a call is answered with.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// `X-WP-Total`, `X-WP-TotalPages`, `Link`, `Location`.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

/// What a route makes of a call.
pub(super) type Answer = Result<Reply, WpError>;

impl Reply {
    /// JSON.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::from(php::json(value)) }
    }

    /// One thing, cut down to the fields asked for.
    pub(super) fn one(call: &Call, status: u16, value: Value) -> Self {
        Self::json(status, &only_fields(value, call.query.list("_fields").as_deref()))
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<WpError> for Reply {
    fn from(error: WpError) -> Self {
        Self::json(error.status, &error.body())
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let fixed = [
            ("content-type", "application/json; charset=UTF-8".to_owned()),
            ("x-robots-tag", "noindex".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        for (name, value) in fixed.into_iter().chain(self.headers) {
            if let Ok(value) = value.parse() {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

impl Call {
    /// The parameters of a `POST` or `PUT`: a JSON object or a form.
    pub(super) fn params(&self, content_type: &str) -> Result<Value, WpError> {
        if self.body.is_empty() || !content_type.starts_with("application/json") {
            return Ok(json!({}));
        }
        serde_json::from_slice::<Value>(&self.body).ok().filter(|v| v.is_object() || v.is_array()).ok_or_else(
            || WpError {
                status: 400,
                code: "rest_invalid_json".to_owned(),
                message: "Invalid JSON body passed.".to_owned(),
                data: json!({ "status": 400, "json_error_code": 4, "json_error_message": "Syntax error" }),
            },
        )
    }
}

async fn call(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    if inner.shut.load(Ordering::Acquire) {
        return lost(&line);
    }
    let fault = inner.faults.for_call();
    if fault == Some(Fault::Reset) {
        return lost(&line);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |name| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        authorization: text(header::AUTHORIZATION).map(ToOwned::to_owned),
        body,
    };
    match fault {
        Some(Fault::Status { code, retry_after }) => {
            remember(&inner, &call);
            status_page(code, retry_after)
        }
        Some(Fault::Html) => {
            remember(&inner, &call);
            html(StatusCode::OK, "Briefly unavailable for scheduled maintenance. Check back in a minute.")
        }
        Some(Fault::LostAnswer) => {
            answer(&inner, &call, &content_type);
            lost(&line)
        }
        Some(Fault::Torn) => {
            let reply = answer(&inner, &call, &content_type);
            line.cut_after(reply.body.len() / 2);
            reply.into_response()
        }
        Some(Fault::Huge(bytes)) => {
            let mut reply = answer(&inner, &call, &content_type);
            let mut body = vec![b' '; bytes];
            body.iter_mut().zip(b"[\"").for_each(|(to, from)| *to = *from);
            reply.body = Bytes::from(body);
            reply.into_response()
        }
        _ => answer(&inner, &call, &content_type).into_response(),
    }
}

/// The connection closes; what is returned never goes out.
fn lost(line: &Line) -> Response {
    line.cut();
    ().into_response()
}

fn remember(inner: &Inner, call: &Call) {
    let mut shop = inner.shop();
    let now = shop.clock.now();
    shop.saw(&call.method, &call.path, now);
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
    let page =
        format!("<!DOCTYPE html><html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>");
    (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
}

fn answer(inner: &Inner, call: &Call, content_type: &str) -> Reply {
    let mut shop = inner.shop();
    let now = shop.clock.now();
    shop.saw(&call.method, &call.path, now);
    route(&mut shop, &inner.faults, call, content_type).unwrap_or_else(Reply::from)
}

fn route(shop: &mut Shop, faults: &Faults, call: &Call, content_type: &str) -> Answer {
    let method = call.method.as_str();
    let Some(rest) = call.path.trim_end_matches('/').strip_prefix("/wp-json") else {
        return Err(WpError::no_route());
    };
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    match parts.as_slice() {
        [] if method == "GET" => return Ok(Reply::one(call, 200, index(shop))),
        ["wc", ..] | ["wc-shipment-tracking", ..] => {}
        _ => return Err(WpError::no_route()),
    }
    let url = format!("{}{}", shop.site, call.path);
    let now = shop.now();
    let known = shop.key.check(Asked {
        method,
        url: &url,
        query: &call.query,
        authorization: call.authorization.as_deref(),
        now,
    })?;
    if known && shop.config.read_only_key && method != "GET" {
        return Err(WpError::new(
            401,
            "woocommerce_rest_authentication_error",
            "The API key provided does not have write permissions.",
        ));
    }
    if let ["wc", "v3"] = parts.as_slice() {
        return Ok(Reply::one(call, 200, json!({ "namespace": "wc/v3", "routes": [] })));
    }
    if parts == ["wc-shipment-tracking", "v3", "shipment-trackings", "providers"] {
        return super::ship_api::providers(shop);
    }
    if !known {
        return Err(stranger(method, &parts));
    }
    let params = call.params(content_type)?;
    match parts.as_slice() {
        ["wc", "v3", "orders", rest @ ..] => super::orders_api::route(shop, call, rest, &params),
        ["wc", "v3", "products", rest @ ..] => super::products_api::route(shop, faults, call, rest, &params),
        ["wc", "v3", "webhooks", rest @ ..] => super::hooks_api::route(shop, call, rest, &params),
        ["wc", "v3", "settings", "general", name] if method == "GET" => setting(shop, call, name),
        ["wc", "v3", "system_status"] if method == "GET" => Ok(Reply::one(call, 200, system_status(shop))),
        ["wc-shipment-tracking", "v3", "orders", rest @ ..] => {
            super::ship_api::trackings(shop, call, rest, &params)
        }
        _ => Err(WpError::no_route()),
    }
}

/// What a caller without credentials is told; the words differ by what was asked.
fn stranger(method: &str, parts: &[&str]) -> WpError {
    let one = parts.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let (code, message) = match (method, one) {
        _ if parts.last() == Some(&"batch") => {
            ("woocommerce_rest_cannot_batch", "Sorry, you are not allowed to batch manipulate this resource.")
        }
        ("GET", true) => ("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource."),
        ("GET", false) => ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
        ("DELETE", _) => {
            ("woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource.")
        }
        (_, true) => ("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."),
        (_, false) => ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."),
    };
    WpError::new(401, code, message)
}

fn index(shop: &Shop) -> Value {
    let mut namespaces =
        vec!["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc-analytics", "wc/store/v1", "wp/v2"];
    if shop.config.shipment_tracking {
        namespaces.push("wc-shipment-tracking/v3");
    }
    json!({
        "name": "Fake shop", "description": "", "url": shop.site, "home": shop.site,
        "gmt_offset": php::number(shop.config.utc_offset_minutes as f64 / 60.0), "timezone_string": "",
        "namespaces": namespaces, "authentication": [], "routes": [], "_links": {},
    })
}

fn system_status(shop: &Shop) -> Value {
    json!({
        "environment": {
            "home_url": shop.site, "site_url": shop.site, "version": shop.config.wc_version.to_string(),
            "wp_version": "6.7.1", "secure_connection": false,
        },
        "settings": {
            "api_enabled": false, "currency": shop.config.currency, "number_of_decimals": shop.digits,
            "HPOS_enabled": shop.config.hpos, "HPOS_sync_enabled": false,
        },
    })
}

fn setting(shop: &Shop, call: &Call, name: &str) -> Answer {
    let (label, value) = match name {
        "woocommerce_currency" => ("Currency", shop.config.currency.clone()),
        "woocommerce_price_num_decimals" => ("Number of decimals", shop.digits.to_string()),
        "woocommerce_calc_taxes" => ("Enable taxes", "yes".to_owned()),
        _ => {
            return Err(WpError::new(404, "rest_setting_setting_invalid", "Invalid setting."));
        }
    };
    let shown = json!({
        "id": name, "label": label, "description": "", "type": "select", "default": "USD", "options": {},
        "tip": "", "value": value, "group_id": "general",
        "_links": { "self": [{ "href": format!("{}/wp-json/wc/v3/settings/general/{name}", shop.site) }] },
    });
    Ok(Reply::one(call, 200, shown))
}

/// `_fields`: only the fields named, `a.b` for one inside another. Links go unless they are named.
pub(super) fn only_fields(value: Value, fields: Option<&[String]>) -> Value {
    let (Value::Object(whole), Some(fields)) = (&value, fields.filter(|f| !f.is_empty())) else {
        return value;
    };
    let mut kept = serde_json::Map::new();
    for field in fields {
        let (name, inner) = field.split_once('.').unwrap_or((field, ""));
        let Some(found) = whole.get(name) else {
            continue;
        };
        if inner.is_empty() {
            kept.insert(name.to_owned(), found.clone());
            continue;
        }
        let part = only_fields(found.clone(), Some(&[inner.to_owned()]));
        match (kept.get_mut(name), part) {
            (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
            (_, part) => {
                kept.insert(name.to_owned(), part);
            }
        }
    }
    Value::Object(kept)
}

/// The paging of a list: totals and links.
pub(super) fn paged(reply: Reply, shop: &Shop, call: &Call, page: i64, per_page: i64, total: usize) -> Reply {
    let per_page = usize::try_from(per_page).unwrap_or(1).max(1);
    let pages = total.div_ceil(per_page) as u64;
    let page = page.unsigned_abs();
    let base = format!("{}{}", shop.site, call.path);
    let link = |page: u64, rel: &str| format!("<{base}?{}>; rel=\"{rel}\"", call.query.with_page(page));
    let mut links = Vec::new();
    if page > 1 {
        links.push(link((page - 1).min(pages), "prev"));
    }
    if pages > page {
        links.push(link(page + 1, "next"));
    }
    let mut reply = reply
        .header("allow", "GET, POST".to_owned())
        .header("x-wp-total", total.to_string())
        .header("x-wp-totalpages", pages.to_string());
    if !links.is_empty() {
        reply = reply.header("link", links.join(", "));
    }
    reply
}

/// The id in a path.
pub(super) fn id(text: &str) -> Result<u64, WpError> {
    text.parse().map_err(|_| WpError::no_route())
}
