//! One call to the shop: address, proof, answer, and what a refusal means.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, Timestamp, both,
};
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
    pub(crate) async fn send<'a>(
        &self,
        cx: &Cx,
        request: Request,
        doing: impl Into<Doing<'a>>,
    ) -> Result<Response> {
        let doing = doing.into();
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

    fn redacted(&self, error: Error) -> Error {
        error.redacted(|text| self.settings.credentials.redact(text))
    }

    /// What an answer other than 2xx means.
    pub(crate) fn refusal<'a>(&self, response: &Response, doing: impl Into<Doing<'a>>) -> Error {
        let told = Refusal::of(response);
        let words = doing.into().ended(&self.words(response, &told));
        let error = Error::told(self.kind(response, &told), words);
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

    fn words(&self, response: &Response, told: &Refusal) -> Bilingual {
        let status = response.status;
        if let 300..=399 = status {
            return both!(
                "the shop answers with a redirect to {to}; write the final address into url",
                "{to} へのリダイレクトが返りました。最終的なアドレスを url に設定してください",
                to = response.header("location").unwrap_or("…")
            );
        }
        let remedy = match (status, told.code.as_str()) {
            (404, "") => both!(
                "{url}/wp-json is not there: check url, and that Settings > Permalinks is not \"Plain\"",
                "{url}/wp-json がありません。url と、設定 > パーマリンク が「基本」以外であることを確認してください",
                url = self.settings.url
            ),
            (_, code) => remedy(status, code),
        };
        Bilingual::quoted(told.said(status)).then(remedy)
    }
}

/// What to do about a refusal; nothing where that is not known.
fn remedy(status: u16, code: &str) -> Bilingual {
    match (status, code) {
        (401, "woocommerce_rest_authentication_error") => both!(
            "Check both files of the key, that its permissions are Read/Write, and this machine's clock; make \
             a new key under WooCommerce > Settings > Advanced > REST API if in doubt",
            "キーの2つのファイル、権限が「読み込み / 書き込み」であること、このサーバーの時計を確認してください。解決しない場合は \
             WooCommerce > 設定 > 詳細 > REST API で新しいキーを作成してください"
        ),
        (401, _) => both!(
            "The shop saw no valid key: either it was revoked (make a new one under WooCommerce > Settings > \
             Advanced > REST API), or the web server drops the Authorization header (Apache: CGIPassAuth On; or set \
             auth_in_query = true)",
            "有効なキーが届いていません。キーが取り消されたか（WooCommerce > 設定 > 詳細 > REST API で作り直してください）、\
             WebサーバーがAuthorizationヘッダーを取り除いています（Apacheでは CGIPassAuth On、または auth_in_query = true）"
        ),
        (403, "") => both!(
            "A firewall or security plugin refuses; let this machine's address through",
            "ファイアウォールまたはセキュリティプラグインに拒否されました。このサーバーのIPアドレスを許可してください"
        ),
        (403, _) => both!(
            "The user that the key belongs to may not do this; make the key for an administrator or shop manager",
            "キーのユーザーにこの操作の権限がありません。管理者またはショップ運営者のユーザーでキーを作成してください"
        ),
        (404, "rest_no_route") => both!(
            "The shop has no such route: is WooCommerce switched on and at least 5.8, and the feature or extension \
             that the config asks for?",
            "ショップにこのAPIがありません。WooCommerceが有効で5.8以降であること、設定で使う機能や拡張が有効であることを\
             確認してください"
        ),
        (429, _) => both!("Too many calls", "呼び出しが多すぎます"),
        (500.., _) => both!("The shop itself failed", "ショップ側の障害です"),
        _ => Bilingual::default(),
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
        Ok(_) => Error::told(
            ErrorKind::Malformed,
            both!(
                "HTTP {status}: got JSON that does not fit: {e}",
                "HTTP {status}: 応答のJSONが想定と異なります: {e}",
                status = response.status
            ),
        ),
    })
}
