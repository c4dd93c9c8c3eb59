//! What a request says, read strictly: an unknown field is refused with its name, and every refusal is a [`Problem`].

use axum::extract::{FromRequest, FromRequestParts, Path, RawQuery, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::Problem;

/// The JSON body of a request.
#[derive(Clone, Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        if !kind.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/json") {
            let detail = "send the body as application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let body = axum::body::Bytes::from_request(request, state).await.map_err(|e| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body cannot be read: {e}"))
        })?;
        let read: serde_json::Result<T> = serde_json::from_slice(&body);
        let value = read.map_err(|e| match e.classify() {
            serde_json::error::Category::Data => Problem::invalid(format!("the body does not fit: {e}")),
            _ => Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {e}")),
        })?;
        // No text of the store may hold one (PostgreSQL).
        if body.windows(6).any(|six| six == b"\\u0000") {
            return Err(Problem::invalid("the body holds a NUL character"));
        }
        Ok(Self(value))
    }
}

/// The query of a request.
#[derive(Clone, Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let RawQuery(text) = RawQuery::from_request_parts(parts, state).await.unwrap_or(RawQuery(None));
        let uri = format!("/?{}", text.unwrap_or_default());
        let uri = uri.parse().map_err(|_| Problem::invalid("the query cannot be read"))?;
        let read = axum::extract::Query::<T>::try_from_uri(&uri);
        read.map(|query| Self(query.0)).map_err(|e| Problem::invalid(format!("the query does not fit: {e}")))
    }
}

/// The names in a request's path.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0)).map_err(|e| Problem::invalid(format!("the path does not fit: {e}")))
    }
}

/// The version that the caller looked at: `If-Match: "3"`. Without it, whatever there is is changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct IfMatch(pub(super) Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let version = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
        match version {
            Some(version) => Ok(Self(Some(version))),
            None => Err(Problem::invalid("`If-Match` is an order's version in quotation marks: \"3\"")),
        }
    }
}
