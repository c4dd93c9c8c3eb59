//! The format of a recording: what a line holds, and what is masked in it.

use std::time::Duration;

use banto_channel::{Error, ErrorKind, Request, Response, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::redact::{MASK, Scrub};

/// Names, without `_` and `-`, of JSON and form fields that hold credentials: what a token call sends and returns
/// is a secret before any request carries it as one.
const SECRET_FIELDS: [&str; 14] = [
    "accesstoken",
    "apikey",
    "apisecret",
    "authtoken",
    "clientsecret",
    "consumerkey",
    "consumersecret",
    "idtoken",
    "password",
    "refreshtoken",
    "restricteddatatoken",
    "secret",
    "sessiontoken",
    "tokensecret",
];

/// Headers of an answer that hold credentials.
const SECRET_HEADERS: [&str; 3] = ["set-cookie", "authorization", "www-authenticate"];

/// One line of a recording.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names of the query pairs and headers that were secret.
    secrets: Vec<String>,
    sent: Body,
    pub answer: Answer,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Response { status: u16, headers: Vec<(String, String)>, body: Body },
    Error { kind: String, message: String, retry_after_ms: Option<u64> },
}

/// Text where it is text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Body {
    Text(String),
    Base64(String),
}

impl Line {
    pub fn new(request: &Request, result: &Result<Response>, scrub: &Scrub) -> Self {
        let (path, query) = target(request);
        let secret_query = request.secret_query.iter().map(|(name, _)| name.clone());
        let secret_headers = request.secret_headers.iter().map(|(name, _)| (*name).to_owned());
        let answer = match result {
            Ok(answer) => Answer::Response {
                status: answer.status,
                headers: answer.headers.iter().map(|(name, value)| header(name, value, scrub)).collect(),
                body: Body::new(&answer.body, scrub),
            },
            Err(error) => Answer::Error {
                kind: error.kind.name().to_owned(),
                message: scrub.text(&error.message),
                retry_after_ms: error.retry_after.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            },
        };
        Self {
            method: request.method.as_str().to_owned(),
            path: scrub.text(&path),
            query: query.into_iter().map(|(name, value)| header(&name, &value, scrub)).collect(),
            secrets: secret_query.chain(secret_headers).collect(),
            sent: Body::new(&request.body, scrub),
            answer,
        }
    }
}

/// Path and plain query pairs of a request, those in its address first.
pub(crate) fn target(request: &Request) -> (String, Vec<(String, String)>) {
    let url = Url::parse(&request.url).ok();
    let path = url.as_ref().map_or_else(|| request.url.clone(), |u| u.path().to_owned());
    let mut query: Vec<_> =
        url.iter().flat_map(Url::query_pairs).map(|(n, v)| (n.into(), v.into())).collect();
    query.extend(request.query.iter().cloned());
    (path, query)
}

fn is_secret(name: &str) -> bool {
    let name = name.replace(['_', '-'], "").to_ascii_lowercase();
    SECRET_FIELDS.contains(&name.as_str())
}

/// A header or query pair as it is recorded.
pub(crate) fn header(name: &str, value: &str, scrub: &Scrub) -> (String, String) {
    let secret = is_secret(name) || SECRET_HEADERS.contains(&name);
    (name.to_owned(), if secret { MASK.to_owned() } else { scrub.text(value) })
}

impl Body {
    fn new(bytes: &[u8], scrub: &Scrub) -> Self {
        let bytes = scrub.bytes(without_fields(bytes));
        String::from_utf8(bytes).map_or_else(|e| Self::Base64(STANDARD.encode(e.as_bytes())), Self::Text)
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }
}

/// A JSON or form body with the values of secret fields masked; one without such fields byte for byte.
fn without_fields(bytes: &[u8]) -> Vec<u8> {
    if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
        let masked = mask(&mut value);
        return if masked { value.to_string().into_bytes() } else { bytes.to_vec() };
    }
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => text.split('&').map(pair).collect::<Vec<_>>().join("&").into_bytes(),
        Err(_) => bytes.to_vec(),
    }
}

fn mask(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |masked, item| mask(item) | masked),
        Value::Object(fields) => fields.iter_mut().fold(false, |masked, (name, value)| {
            if is_secret(name) && value.is_string() {
                *value = MASK.into();
                true
            } else {
                mask(value) | masked
            }
        }),
        _ => false,
    }
}

impl Answer {
    pub fn into_result(self) -> Result<Response> {
        match self {
            Self::Response { status, headers, body } => Ok(Response { status, headers, body: body.bytes() }),
            Self::Error { kind, message, retry_after_ms } => {
                let error = Error::new(kind_named(&kind), message);
                Err(match retry_after_ms {
                    Some(ms) => error.after(Duration::from_millis(ms)),
                    None => error,
                })
            }
        }
    }
}

fn kind_named(name: &str) -> ErrorKind {
    let kinds = [
        ErrorKind::Config,
        ErrorKind::Auth,
        ErrorKind::RateLimited,
        ErrorKind::Unreachable,
        ErrorKind::Malformed,
        ErrorKind::Refused,
        ErrorKind::NotFound,
        ErrorKind::Unsupported,
    ];
    kinds.into_iter().find(|kind| kind.name() == name).unwrap_or(ErrorKind::Unexpected)
}

/// A call as it is compared and named in errors.
pub(crate) fn told(method: &str, path: &str, query: &[(String, String)]) -> String {
    let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if pairs.is_empty() { "" } else { "?" };
    format!("{method} {path}{mark}{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_secret_fields_is_kept_byte_for_byte() {
        let body = br#"{ "total": 1.10, "b": 1, "a": 2, "x&y=z": "c" }"#;
        assert_eq!(without_fields(body), body);
        assert_eq!(without_fields(b"<html>a&b</html>"), b"<html>a&b</html>");
    }
}
