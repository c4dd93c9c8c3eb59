//! Requests that change something, each done once.
//!
//! The request is reserved under its `Idempotency-Key` before its deed, and the deed's own transaction marks it as done
//! (`store/api.rs`). So a repetition gets the first answer; one that overlaps with it is told to wait; after a crash a
//! request that was not done is done, and one that was done and whose answer was lost is answered with how things stand
//! now. Nothing is kept of a request that was refused: nothing was done, and the key is free.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::caller::Caller;
use super::{Api, BODY_MAX, Problem};
use crate::store::{RequestTry, Reserved};

/// The header with the request's key.
pub(super) const KEY: &str = "idempotency-key";
/// Longest key.
pub(super) const KEY_MAX: usize = 128;
/// Says that an answer is that of an earlier request.
const REPLAYED: &str = "idempotent-replayed";

/// Has a request done once.
pub(super) async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    match run(&api, request, next).await {
        Ok(answer) => answer,
        Err(problem) => problem.into_response(),
    }
}

async fn run(api: &Api, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let body = to_bytes(body, BODY_MAX).await.map_err(|_| {
        let detail = format!("the body is torn, or larger than {BODY_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    let path = parts.uri.path_and_query().map_or("", |p| p.as_str());
    let said = digest(&[parts.method.as_str(), path], parts.headers.get(header::IF_MATCH), &body);
    let mut caller = parts
        .extensions
        .get::<Caller>()
        .cloned()
        .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "no token"))?;
    let store = api.desk.store();
    let this = match store.reserve_request(caller.token, &key, &said, api.desk.now()).await? {
        Reserved::Fresh(this) => this,
        Reserved::Done(this) => {
            caller.done_before = true;
            this
        }
        Reserved::Answered { status, body } => return Ok(replay(status, body)),
        Reserved::Running => {
            let detail = "a request with this Idempotency-Key is being worked on";
            return Err(Problem::conflict(detail).after(1));
        }
        Reserved::Other => {
            let detail = "this Idempotency-Key belongs to another request";
            return Err(Problem::invalid(detail));
        }
    };
    caller.request = Some(this);
    parts.extensions.insert(caller);
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(api, this, answer).await
}

/// An answer that holds a secret: the store does not keep it. A repetition of the request is answered with how things
/// stand then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unkept;

/// Keeps the answer. Should that fail, the deed stays done and marked, and the caller gets its answer all the same.
async fn keep(api: &Api, this: RequestTry, answer: Response) -> Result<Response, Problem> {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let store = api.desk.store();
    // What went wrong after the deed was done may have passed when the request is repeated.
    let passing = !parts.status.is_success() || parts.extensions.get::<Unkept>().is_some();
    let kept = match passing {
        true => store.leave_request(this).await,
        false => store.end_request(this, parts.status.as_u16(), &text).await,
    };
    if let Err(error) = kept {
        tracing::error!(error = %error, "the answer of a request could not be kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut answer = if body.is_empty() {
        status.into_response()
    } else {
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    };
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    answer
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || {
        let detail = "a request that changes something needs the header Idempotency-Key: a text of its own, by which \
                      a repetition is recognised";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    };
    let key = headers.get(KEY).ok_or_else(missing)?.to_str().unwrap_or_default();
    let fits = !key.is_empty() && key.len() <= KEY_MAX && key.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(key.to_owned()) } else { Err(missing()) }
}

fn digest(parts: &[&str], version: Option<&HeaderValue>, body: &Bytes) -> String {
    let mut hash = Sha256::new();
    for part in parts.iter().map(|p| p.as_bytes()).chain([version.map_or(&b""[..], HeaderValue::as_bytes)]) {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(body);
    URL_SAFE_NO_PAD.encode(hash.finalize())
}
