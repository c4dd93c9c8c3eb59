//! HTTP as a connector sees it. `banto-wire` is the implementation; tests bring their own.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Doing, Error, ErrorKind, Result, Secret, both};

/// The verbs that marketplaces use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or does.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// As it stands in a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One request. Headers and query parts that carry credentials go into the `secret_` lists, so that no log,
/// error or recording can show them.
#[derive(Clone)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// Absolute address without credentials in it.
    pub url: String,
    /// Query pairs, percent-encoded by the implementation and appended to `url` in this order.
    pub query: Vec<(String, String)>,
    /// Query pairs that hold secrets or signatures, appended after `query`.
    pub secret_query: Vec<(String, Secret)>,
    /// Plain headers.
    pub headers: Vec<(&'static str, String)>,
    /// Headers that hold credentials.
    pub secret_headers: Vec<(&'static str, Secret)>,
    /// The body; its content type is a header.
    pub body: Vec<u8>,
    /// The quota group this call is counted in ([`crate::Quota::group`]); `""` is the channel's own group.
    pub group: &'static str,
    /// Credentials that stand in the body, to be masked like those of the `secret_` lists.
    pub secret_body: Vec<Secret>,
    /// Reads from an answer how long the group must rest, for a marketplace that says so in the body (Shopify's cost).
    pub rest: Option<fn(&Response) -> Option<Duration>>,
    /// Whether sending it twice does no more than sending it once. Only such calls are retried after an answer
    /// was lost; a call that never reached the other side may always be retried.
    pub idempotent: bool,
}

impl Request {
    /// A request with nothing in it but verb and address. `GET`, `PUT` and `DELETE` are idempotent by RFC 9110 §9.2.2.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            query: Vec::new(),
            secret_query: Vec::new(),
            headers: Vec::new(),
            secret_headers: Vec::new(),
            body: Vec::new(),
            group: "",
            secret_body: Vec::new(),
            rest: None,
            idempotent: matches!(method, Method::Get | Method::Put | Method::Delete),
        }
    }

    /// Adds a query pair.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a plain header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header that holds credentials.
    #[must_use]
    pub fn secret_header(mut self, name: &'static str, value: Secret) -> Self {
        self.secret_headers.push((name, value));
        self
    }

    /// Sets a JSON body and its content type.
    ///
    /// Errors: [`ErrorKind::Unexpected`] if the value cannot be written as JSON.
    pub fn json<T: serde::Serialize>(mut self, value: &T) -> Result<Self> {
        self.body = serde_json::to_vec(value).map_err(|e| {
            Error::new(ErrorKind::Unexpected, format!("cannot write the request as JSON: {e}"))
        })?;
        self.headers.push(("content-type", "application/json".to_owned()));
        Ok(self)
    }

    /// Counts the call in a quota group.
    #[must_use]
    pub fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    /// Names a credential that stands in the body.
    #[must_use]
    pub fn secret_body(mut self, secret: Secret) -> Self {
        self.secret_body.push(secret);
        self
    }

    /// Sets how the answer says that the group must rest. `wire` obeys it like a header.
    #[must_use]
    pub fn rest(mut self, read: fn(&Response) -> Option<Duration>) -> Self {
        self.rest = Some(read);
        self
    }

    /// Marks the call as safe to send twice.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} body bytes)", self.method.as_str(), self.url, self.body.len())
    }
}

/// An answer of any status. `wire` turns only transport faults into errors; what a status means is the
/// connector's knowledge, but [`Response::error`] has the meaning that most share.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed, never above the implementation's limit.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Reads the body as JSON.
    ///
    /// Errors: [`ErrorKind::Malformed`] that says what came instead (HTML, a torn body, another shape).
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| {
            let (status, bytes) = (self.status, self.body.len());
            let what = match self.body.iter().find(|b| !b.is_ascii_whitespace()) {
                None => both!("HTTP {status}: got an empty answer", "HTTP {status}: 応答が空です"),
                Some(b'<') => both!(
                    "HTTP {status}: got a web page (HTML) where JSON was expected; a maintenance page, a security plugin \
                     or a wrong address",
                    "HTTP {status}: JSONのはずの応答がWebページ（HTML）です。メンテナンス中、セキュリティプラグイン、\
                     またはアドレスの誤りが考えられます"
                ),
                Some(_) if e.is_eof() => both!(
                    "HTTP {status}: got JSON that breaks off after {bytes} bytes",
                    "HTTP {status}: 応答のJSONが{bytes}バイトで途切れています"
                ),
                Some(_) => both!(
                    "HTTP {status}: got JSON that does not fit: {e}",
                    "HTTP {status}: 応答のJSONが想定と異なります: {e}"
                ),
            };
            Error::told(ErrorKind::Malformed, what)
        })
    }

    /// The error that a status means at most marketplaces, with the start of the body as its explanation.
    #[must_use]
    pub fn error<'a>(&self, doing: impl Into<Doing<'a>>) -> Error {
        let kind = match self.status {
            401 | 403 => ErrorKind::Auth,
            404 | 410 => ErrorKind::NotFound,
            429 => ErrorKind::RateLimited,
            408 | 425 | 500.. => ErrorKind::Unreachable,
            400..=499 => ErrorKind::Refused,
            _ => ErrorKind::Malformed,
        };
        let text = String::from_utf8_lossy(&self.body);
        let start: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        let how = both!("HTTP {status}: {start}", "HTTP {status} の応答: {start}", status = self.status);
        Error::told(kind, doing.into().ended(&how))
    }
}

/// The way out. Implemented by `banto-wire` with pacing, retries, limits and redaction.
#[async_trait]
pub trait Http: fmt::Debug + Send + Sync + 'static {
    /// Sends one request and reads the whole answer. An answer that is not 2xx comes with our credentials masked,
    /// should the server have echoed them.
    ///
    /// Errors: [`ErrorKind::Unreachable`] for connection faults and time-outs after the last retry,
    /// [`ErrorKind::RateLimited`] when the allowance will not come back soon, [`ErrorKind::Malformed`] for a body
    /// above the limit or torn.
    async fn send(&self, request: Request) -> Result<Response>;
}
