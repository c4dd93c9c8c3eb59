//! The HTTP side: faults, tokens, points.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use banto_sim::{Fault, Faults};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Inner;
use super::door::Line;
use super::graphql;
use super::node::{self, objects};
use super::state::Shop;

/// The largest body that is read.
const BODY_MAX: usize = 8 * 1024 * 1024;

/// Points above which a document never runs.
const COST_MAX: i64 = 1000;

/// The server, ready for [`axum::serve()`].
pub(super) fn app(
    inner: Arc<Inner>,
) -> axum::extract::connect_info::IntoMakeServiceWithConnectInfo<Router, Line> {
    Router::new().fallback(call).with_state(inner).into_make_service_with_connect_info::<Line>()
}

/// One call, read whole.
struct Call {
    path: String,
    token: String,
    body: Bytes,
}

/// What a call is answered with.
struct Reply {
    status: u16,
    version: Option<String>,
    body: Bytes,
}

impl Reply {
    fn json(status: u16, value: &Value) -> Self {
        Self { status, version: None, body: Bytes::from(value.to_string()) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let named = [
            ("content-type", Some("application/json; charset=utf-8".to_owned())),
            ("x-shopify-api-version", self.version),
        ];
        for (name, value) in named {
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                response.headers_mut().insert(name, value);
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
    if inner.shut.load(Ordering::Acquire) || fault == Some(Fault::Reset) {
        return lost(&line);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let token = parts.headers.get("x-shopify-access-token").and_then(|value| value.to_str().ok());
    let call = Call { path: parts.uri.path().to_owned(), token: token.unwrap_or_default().to_owned(), body };
    match fault {
        Some(Fault::Status { code, retry_after }) => {
            remember(&inner, &call);
            status_page(code, retry_after)
        }
        Some(Fault::Html) => {
            remember(&inner, &call);
            html(StatusCode::OK, "Something went wrong")
        }
        Some(Fault::LostAnswer) => {
            answer(&inner, &call);
            lost(&line)
        }
        Some(Fault::Torn) => {
            let reply = answer(&inner, &call);
            line.cut_after(reply.body.len() / 2);
            reply.into_response()
        }
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

fn remember(inner: &Inner, call: &Call) {
    inner.shop().saw(format!("POST {}", call.path));
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

fn answer(inner: &Inner, call: &Call) -> Reply {
    let mut shop = inner.shop();
    shop.settle();
    if call.path == "/admin/oauth/access_token" {
        shop.saw(format!("POST {}", call.path));
        return shop.grant(&call.body);
    }
    let version = call.path.strip_prefix("/admin/api/").and_then(|rest| rest.strip_suffix("/graphql.json"));
    if version.is_none() {
        return Reply::json(404, &json!({ "errors": "Not Found" }));
    }
    if !shop.knows(&call.token) {
        shop.saw(format!("POST {}", call.path));
        let words = "[API] Invalid API key or access token (unrecognized login or wrong password)";
        return Reply::json(401, &json!({ "errors": words }));
    }
    let mut reply = shop.graphql(&call.body, &inner.faults);
    reply.version = Some(shop.config.served_version.clone());
    reply
}

impl Shop {
    /// Whether a token is good.
    fn knows(&self, token: &str) -> bool {
        let now = self.now();
        let fetched = self.tokens.get(token).is_some_and(|until| now < *until);
        self.accepts && (token == self.config.lasting_token || fetched)
    }

    /// The client credentials grant.
    fn grant(&mut self, body: &[u8]) -> Reply {
        let form = String::from_utf8_lossy(body);
        let field = |name: &str| {
            form.split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1)
        };
        let good = self.accepts
            && field("client_id") == Some(&self.config.client_id)
            && field("client_secret") == Some(&self.config.client_secret);
        if field("grant_type") != Some("client_credentials") {
            return Reply::json(400, &json!({ "error": "unsupported_grant_type" }));
        }
        if !good {
            let words = "The client_id or client_secret is not valid";
            return Reply::json(401, &json!({ "error": "invalid_client", "error_description": words }));
        }
        let life = self.config.token_life.as_secs();
        let token = format!("{}{:06}", self.config.token_prefix(), self.id());
        let until = self.now().saturating_add(i64::try_from(life).unwrap_or(i64::MAX));
        self.tokens.insert(token.clone(), until);
        let scope = self.config.scopes.join(",");
        Reply::json(200, &json!({ "access_token": token, "scope": scope, "expires_in": life }))
    }

    fn graphql(&mut self, body: &[u8], faults: &Faults) -> Reply {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let name = text("operationName");
        self.saw(format!("POST {name}"));
        let refused = |fault: &node::Fault| Reply::json(200, &json!({ "errors": [fault.json()] }));
        let request = match graphql::Request::read(&text("query"), &name, asked["variables"].clone()) {
            Ok(request) => request,
            Err(message) => return refused(&node::Fault::new("undefinedField", message)),
        };
        let requested = request.cost();
        if requested > COST_MAX {
            let message =
                format!("Query cost is {requested}, which exceeds the single query max cost limit (1000).");
            return refused(&node::Fault::new("MAX_COST_EXCEEDED", message));
        }
        if !self.can_pay(requested) {
            self.throttled += 1;
            let fault = node::Fault::new("THROTTLED", "Throttled");
            let extensions = self.cost(requested, None);
            return Reply::json(200, &json!({ "errors": [fault.json()], "extensions": extensions }));
        }
        match self.run(&request, faults) {
            Err(fault) => refused(&fault),
            Ok((data, withheld)) => {
                let actual = if request.operation.mutation { 10 } else { objects(&data).min(requested) };
                self.bucket.0 -= actual as f64;
                let mut whole = json!({ "data": data, "extensions": self.cost(requested, Some(actual)) });
                if !withheld.is_empty() {
                    whole["errors"] = withheld.iter().map(node::Fault::json).collect();
                }
                Reply::json(200, &whole)
            }
        }
    }

    /// Lets points come back; whether so many are there.
    fn can_pay(&mut self, points: i64) -> bool {
        let Some(limit) = self.config.points else {
            return true;
        };
        let (left, at) = self.bucket;
        let now = Instant::now();
        let back = now.duration_since(at).as_secs_f64() * limit.rate;
        self.bucket = ((left + back).min(limit.bucket), now);
        self.bucket.0 >= points as f64
    }

    fn cost(&self, requested: i64, actual: Option<i64>) -> Value {
        let limit = self.config.points.unwrap_or(super::Points::STANDARD);
        let left = if self.config.points.is_some() { self.bucket.0.floor() } else { limit.bucket };
        json!({ "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": limit.bucket,
                "currentlyAvailable": left,
                "restoreRate": limit.rate,
            },
        } })
    }
}
