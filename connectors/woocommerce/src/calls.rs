//! One call to the shop: address, proof, answer, and what a refusal means.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use banto_channel::{Cx, Error, ErrorKind, Method, Request, Response, Result, Timestamp};
use serde::Deserialize;

use crate::WooCommerce;
use crate::lenient::Text;

/// The REST namespace of WooCommerce that everything but parcels goes to.
pub(crate) const V3: &str = "wc/v3";

impl WooCommerce {
    /// A request to a route below `/wp-json/`.
    pub(crate) fn request(&self, method: Method, route: &str) -> Request {
        Request::new(method, format!("{}/wp-json/{route}", self.settings.url))
            .header("accept", "application/json")
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::Get, &format!("{V3}/{path}"))
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        self.request(Method::Post, &format!("{V3}/{path}"))
    }

    pub(crate) fn put(&self, path: &str) -> Request {
        self.request(Method::Put, &format!("{V3}/{path}"))
    }

    pub(crate) fn delete(&self, path: &str) -> Request {
        self.request(Method::Delete, &format!("{V3}/{path}"))
    }

    /// Proves, sends, and returns the answer whatever its status.
    ///
    /// A signed request whose answer was lost and that was sent again carries a nonce the shop has seen, which it
    /// refuses like a wrong key. The refusal itself did nothing, so a fresh signature decides what it was.
    pub(crate) async fn send_any(&self, cx: &Cx, request: Request) -> Result<Response> {
        let proved = self.proved(cx, request.clone())?;
        let response = cx.http.send(proved).await.map_err(|e| self.redacted(e))?;
        if response.status != 401 || !self.settings.credentials.single_use() {
            return Ok(response);
        }
        let proved = self.proved(cx, request)?;
        cx.http.send(proved).await.map_err(|e| self.redacted(e))
    }

    /// Proves, sends, and returns a 2xx answer.
    ///
    /// Errors: what the status and WooCommerce's own code mean, with the remedy; `doing` says what was tried.
    pub(crate) async fn send(&self, cx: &Cx, request: Request, doing: &str) -> Result<Response> {
        let response = self.send_any(cx, request).await?;
        match response.is_success() {
            true => Ok(response),
            false => Err(self.refusal(&response, doing)),
        }
    }

    fn proved(&self, cx: &Cx, request: Request) -> Result<Request> {
        let now = cx.clock.now();
        self.settings.credentials.prove(request, now, &nonce(now))
    }

    fn redacted(&self, mut error: Error) -> Error {
        error.message = self.settings.credentials.redact(&error.message);
        error
    }

    /// What an answer other than 2xx means.
    pub(crate) fn refusal(&self, response: &Response, doing: &str) -> Error {
        let told = Refusal::of(response);
        let error =
            Error::new(self.kind(response, &told), format!("{doing}: {}", self.words(response, &told)));
        let error = match retry_after(response) {
            Some(delay) => error.after(delay),
            None => error,
        };
        self.redacted(error)
    }

    fn kind(&self, response: &Response, told: &Refusal) -> ErrorKind {
        match response.status {
            300..=399 => ErrorKind::Config,
            404 if told.code == "rest_no_route" || told.code.is_empty() => ErrorKind::Config,
            404 | 410 => ErrorKind::NotFound,
            _ if told.code.ends_with("_invalid_id") => ErrorKind::NotFound,
            _ => response.error("").kind,
        }
    }

    fn words(&self, response: &Response, told: &Refusal) -> String {
        let status = response.status;
        let said = told.said(status);
        match (status, told.code.as_str()) {
            (300..=399, _) => {
                let to = response.header("location").unwrap_or("another address");
                format!("the shop answers with a redirect to {to}; write the final address into url")
            }
            (401, "woocommerce_rest_authentication_error") => format!(
                "{said}. Check both files of the key, that its permissions are Read/Write, and this machine's clock; make \
                 a new key under WooCommerce > Settings > Advanced > REST API if in doubt"
            ),
            (401, _) => format!(
                "{said}. The shop saw no valid key: either it was revoked (make a new one under WooCommerce > Settings > \
                 Advanced > REST API), or the web server drops the Authorization header (Apache: CGIPassAuth On; or set \
                 auth_in_query = true)"
            ),
            (403, "") => {
                format!("{said}. A firewall or security plugin refuses; let this machine's address through")
            }
            (403, _) => format!(
                "{said}. The user that the key belongs to may not do this; make the key for an administrator or shop \
                 manager"
            ),
            (404, "rest_no_route") => format!(
                "{said}. The shop has no such route: is WooCommerce switched on and at least 5.8, and the feature or \
                 extension that the config asks for?"
            ),
            (404, "") => format!(
                "{said}. {}/wp-json is not there: check url, and that Settings > Permalinks is not \"Plain\"",
                self.settings.url
            ),
            (429, _) => format!("{said}. Too many calls"),
            (500.., _) => format!("{said}. The shop itself failed"),
            _ => said,
        }
    }
}

/// A text used once; WooCommerce remembers it for 15 minutes. It has to be unique, not secret: who cannot sign cannot
/// use it.
fn nonce(now: Timestamp) -> String {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let sent = SENT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{:08x}{sent:08x}", now.0, std::process::id())
}

/// The seconds of a `Retry-After` header.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// How WordPress words a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pub(crate) code: Text,
    pub(crate) message: Text,
}

struct Refusal {
    /// Empty if the body is not WordPress' own.
    code: String,
    message: String,
}

impl Refusal {
    fn of(response: &Response) -> Self {
        let told: Told = serde_json::from_slice(&response.body).unwrap_or_default();
        Self { code: told.code.0, message: crate::address::plain(&told.message.0) }
    }

    fn said(&self, status: u16) -> String {
        let message: String = self.message.chars().filter(|c| !c.is_control()).take(200).collect();
        match (self.code.as_str(), message.trim_end_matches('.')) {
            ("", _) => format!("HTTP {status}"),
            (code, "") => format!("HTTP {status}, {code}"),
            (code, message) => format!("HTTP {status}, {code}: {message}"),
        }
    }
}

/// The text of a body. PHP never writes broken UTF-8 into JSON on purpose; where a plugin does, one order suffers
/// instead of the page.
pub(crate) fn text(response: &Response) -> std::borrow::Cow<'_, str> {
    let text = String::from_utf8_lossy(&response.body);
    match text.strip_prefix('\u{feff}') {
        Some(rest) => std::borrow::Cow::Owned(rest.to_owned()),
        None => text,
    }
}

/// Reads a body as JSON, forgiving a byte order mark.
///
/// Errors: [`ErrorKind::Malformed`] that says what came instead.
pub(crate) fn json<'a, T: Deserialize<'a>>(response: &Response, text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| match response.json::<serde::de::IgnoredAny>() {
        // The response knows how to describe HTML and torn bodies.
        Err(described) => described,
        Ok(_) => Error::new(
            ErrorKind::Malformed,
            format!("HTTP {}: got JSON that does not fit: {e}", response.status),
        ),
    })
}
