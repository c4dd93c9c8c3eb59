//! What a call is answered with, and the three envelopes of a refusal.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    content_type: &'static str,
    pub(super) body: Bytes,
    retry_after: Option<u32>,
}

impl Reply {
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            content_type: "application/json;charset=utf-8",
            body: Bytes::from(value.to_string()),
            retry_after: None,
        }
    }

    /// Done, and nothing to say (204).
    pub(super) fn nothing() -> Self {
        Self { status: 204, content_type: "", body: Bytes::new(), retry_after: None }
    }

    pub(super) fn page(status: u16, text: &str, retry_after: Option<u32>) -> Self {
        let body =
            format!("<!DOCTYPE html><html><head><title>{text}</title></head><body>{text}</body></html>");
        Self { status, content_type: "text/html; charset=UTF-8", body: Bytes::from(body), retry_after }
    }

    /// The gateway's refusal.
    pub(super) fn gateway(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({ "Results": { "errorCode": code, "message": message } }))
    }

    /// A refusal of the order API, of the call as a whole.
    pub(super) fn order_error(status: u16, code: &str, text: &str) -> Self {
        Self::json(status, &json!({ "MessageModelList": [message("ERROR", code, text)] }))
    }

    /// A refusal of the inventory and item APIs.
    pub(super) fn error(status: u16, code: &str, text: &str) -> Self {
        Self::json(status, &json!({ "errors": [{ "code": code, "message": text }] }))
    }
}

/// One row of a `MessageModelList`.
pub(super) fn message(kind: &str, code: &str, text: &str) -> Value {
    json!({ "messageType": kind, "messageCode": format!("ORDER_EXT_API_{code}"), "message": text })
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An answer of `length` bytes that breaks off after `part`; after nothing, not even its head goes out.
pub(super) fn broken(part: Bytes, length: usize) -> Response {
    let parts = stream::unfold(Some(part), |part| async move {
        let part = part?;
        if !part.is_empty() {
            return Some((Ok(part), Some(Bytes::new())));
        }
        // What went out before is to arrive before the end does.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        Some((Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)), None))
    });
    let mut response = Response::new(Body::from_stream(parts));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
