//! The HTTP server: one address, faults, and who may come in.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use banto_sim::faults::{Fault, Faults};
use banto_sim::market::Seen;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Inner;
use super::admin::{self, Bad};
use super::door::Line;
use super::graphql::{Cut, Document};
use super::state::Shop;

/// Some bytes of an answer's head, so that a torn one breaks within its body.
const HEAD: usize = 200;

pub(super) fn app(inner: Arc<Inner>) -> IntoMakeServiceWithConnectInfo<Router, Line> {
    let router = Router::new().route("/admin-api", post(call)).with_state(inner);
    router.into_make_service_with_connect_info::<Line>()
}

/// What a handler says before it is written down.
struct Reply {
    status: u16,
    /// `vendure-auth-token`.
    token: Option<String>,
    body: Value,
}

impl Reply {
    fn response(&self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = format!("{}\n", self.body);
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response();
        if let Some(token) = self.token.as_ref().and_then(|token| token.parse().ok()) {
            response.headers_mut().insert("vendure-auth-token", token);
        }
        response
    }
}

#[derive(Deserialize)]
struct Posted {
    query: String,
    #[serde(default)]
    variables: Value,
}

async fn call(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = inner.faults.for_call();
    match fault {
        Some(Fault::Reset) => {
            line.cut();
            ().into_response()
        }
        Some(Fault::Status { code, retry_after }) => page(code, retry_after),
        Some(Fault::Html) => page(200, None),
        Some(Fault::LostAnswer) => {
            answer(&inner, &headers, &body);
            line.cut();
            ().into_response()
        }
        Some(Fault::Torn) => {
            let reply = answer(&inner, &headers, &body);
            let half = reply.body.to_string().len() / 2;
            line.cut_after(HEAD + half);
            // Long enough for the half to end within it.
            padded(&reply, half + 2 * HEAD)
        }
        Some(Fault::Huge(bytes)) => {
            let reply = answer(&inner, &headers, &body);
            padded(&reply, bytes)
        }
        _ => answer(&inner, &headers, &body).response(),
    }
}

/// The answer with blanks before it.
fn padded(reply: &Reply, blanks: usize) -> Response {
    let body = format!("{}{}", " ".repeat(blanks), reply.body);
    let mut response = reply.response();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
}

fn page(code: u16, retry_after: Option<u32>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = status.canonical_reason().unwrap_or("Error");
    let html = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>");
    let mut response = (status, [(header::CONTENT_TYPE, "text/html")], html).into_response();
    if let Some(value) = retry_after.and_then(|secs| secs.to_string().parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn answer(inner: &Inner, headers: &HeaderMap, body: &[u8]) -> Reply {
    let refused = |message: &str| Reply {
        status: 400,
        token: None,
        body: json!({ "errors": [{ "message": message, "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }] }),
    };
    let Ok(posted) = serde_json::from_slice::<Posted>(body) else {
        return refused("POST body missing, invalid Content-Type, or JSON object has no keys.");
    };
    let document = match Document::parse(&posted.query, &posted.variables) {
        Ok(document) => document,
        Err(message) => return refused(&message),
    };
    run(&mut inner.shop(), &inner.faults, headers, &document).unwrap_or_else(|message| refused(&message))
}

/// Runs every field at the top.
///
/// `Err` is what does not fit the schema.
fn run(shop: &mut Shop, faults: &Faults, headers: &HeaderMap, document: &Document) -> Result<Reply, String> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let bearer = text("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let by_key = text("vendure-api-key") == shop.config.api_key;
    let known = !shop.closed && (shop.sessions.contains(bearer) || by_key);
    let mut token = (!bearer.is_empty() && !known).then(String::new);
    let channel = text("vendure-token");
    let mut data = Map::new();
    for field in document.roots() {
        let call = format!("POST /admin-api {}", field.name);
        let seen = Seen { call, stock: admin::stock_of(field), at: shop.config.clock.now() };
        let resolved = if !channel.is_empty() && channel != shop.config.channel_token {
            let message = format!("No Channel with the token \"{channel}\" could be found");
            Err(Bad::new(message, "CHANNEL_NOT_FOUND"))
        } else if field.name == "login" {
            admin::login(shop, field).inspect(|told| {
                if told["__typename"] == "CurrentUser" {
                    token = Some(shop.open_session());
                }
            })
        } else if known && !(by_key && field.name == "me") {
            admin::resolve(shop, faults, field)
        } else {
            Err(Bad::forbidden())
        };
        let put = match resolved {
            Ok(value) => document.put(field, value, &mut data),
            Err(bad) => return Ok(failed(shop, seen, token, &bad, &field.name)),
        };
        match put {
            Ok(()) => shop.seen.push(seen),
            Err(Cut::NoField(message)) => return Err(message),
            Err(Cut::Unresolved(path)) => {
                return Ok(failed(shop, seen, token, &Bad::unresolved(path), &field.name));
            }
        }
    }
    Ok(Reply { status: 200, token, body: json!({ "data": data }) })
}

/// GraphQL's own kind of error: status 200, and nothing but errors. Nothing was set.
fn failed(shop: &mut Shop, seen: Seen, token: Option<String>, bad: &Bad, field: &str) -> Reply {
    shop.seen.push(Seen { stock: Vec::new(), ..seen });
    Reply { status: 200, token, body: json!({ "errors": [bad.show(field)], "data": null }) }
}
