//! One call: the document, the token, the answer, and what a refusal means.

use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, Secret, both,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::documents::Document;
use crate::{API_VERSION, Shopify, cost};

/// The quota group of all GraphQL calls: one bucket for each app and shop.
pub(crate) const GROUP: &str = "admin";

/// Times that a throttled call is sent. Nothing was done by it, and the way out holds it back until the bucket is full
/// enough.
const TRIES: u32 = 3;

/// The wait when Shopify throttles and does not say how full the bucket is.
const THROTTLED: Duration = Duration::from_secs(5);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a, V> {
    operation_name: &'a str,
    query: &'a str,
    variables: &'a V,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    errors: Option<Vec<Fault>>,
}

/// An error of GraphQL's own list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fault {
    message: String,
    path: Option<Vec<serde_json::Value>>,
    extensions: Option<Extensions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extensions {
    code: Option<String>,
}

impl Fault {
    fn code(&self) -> &str {
        self.extensions.as_ref().and_then(|e| e.code.as_deref()).unwrap_or_default()
    }

    /// Whether only a field somewhere inside an object is withheld, and the object itself is there.
    fn is_gap(&self) -> bool {
        self.code() == "ACCESS_DENIED" && self.path.as_ref().is_some_and(|path| path.len() > 2)
    }
}

/// What a mutation says of its input.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserError {
    pub(crate) code: Option<String>,
    pub(crate) field: Option<Vec<String>>,
    pub(crate) message: String,
}

/// All of them in one sentence.
pub(crate) fn words(errors: &[UserError]) -> Bilingual {
    let each: Vec<&str> = errors.iter().map(|e| e.message.trim()).collect();
    both!("{said}", "Shopifyの応答: {said}", said = each.join("; "))
}

/// A page of a connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<T> {
    pub(crate) nodes: Vec<T>,
    pub(crate) page_info: PageInfo,
}

impl<T> Connection<T> {
    /// A page that holds nothing yet and has everything before it.
    pub(crate) fn unread() -> Self {
        Self { nodes: Vec::new(), page_info: PageInfo { has_next_page: true, end_cursor: None } }
    }

    /// Takes the next page in.
    ///
    /// Errors: [`ErrorKind::Malformed`] for a page that would be read for ever.
    pub(crate) fn extend(&mut self, next: Self) -> Result<()> {
        if next.page_info.has_next_page && next.page_info.end_cursor == self.page_info.end_cursor {
            let what =
                both!("Shopify hands out the same page again", "Shopifyから同じページが繰り返し返りました");
            return Err(Error::told(ErrorKind::Malformed, what));
        }
        self.nodes.extend(next.nodes);
        self.page_info = next.page_info;
        Ok(())
    }
}

impl<T> Default for Connection<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), page_info: PageInfo::default() }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PageInfo {
    pub(crate) has_next_page: bool,
    pub(crate) end_cursor: Option<String>,
}

/// An answer without errors, or with nothing worse than withheld fields.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) response: Response,
    /// Where something is withheld: the path, and Shopify's words.
    pub(crate) gaps: Vec<(Vec<serde_json::Value>, String)>,
}

impl Told {
    /// What stands under `data`.
    ///
    /// Errors: [`ErrorKind::Malformed`] if it does not fit.
    pub(crate) fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        let envelope: Envelope<'a> = self.response.json()?;
        let data = envelope.data.map_or("null", RawValue::get);
        serde_json::from_str(data).map_err(|e| {
            let what = both!(
                "Shopify sends JSON that does not fit: {e}",
                "Shopifyの応答のJSONが想定と異なります: {e}"
            );
            Error::told(ErrorKind::Malformed, what)
        })
    }
}

enum Verdict {
    Good(Vec<(Vec<serde_json::Value>, String)>),
    Throttled,
    Bad(Error),
}

impl Shopify {
    /// Sends a document; `doing` says in an error what was tried.
    ///
    /// Errors: what the status and Shopify's codes mean, with the remedy.
    pub(crate) async fn ask<'a>(
        &self,
        cx: &Cx,
        document: Document,
        variables: &impl Serialize,
        doing: impl Into<Doing<'a>>,
    ) -> Result<Told> {
        let doing = doing.into();
        let told = self.ask_with_gaps(cx, document, variables, doing).await?;
        match told.gaps.first() {
            Some((_, message)) => Err(self.redacted(denied(doing, message))),
            None => Ok(told),
        }
    }

    /// The same, where fields that Shopify withholds are no reason to stop.
    pub(crate) async fn ask_with_gaps<'a>(
        &self,
        cx: &Cx,
        document: Document,
        variables: &impl Serialize,
        doing: impl Into<Doing<'a>>,
    ) -> Result<Told> {
        let doing = doing.into();
        let request = self.request(document, variables)?;
        let mut pause = THROTTLED;
        for _ in 0..TRIES {
            let response = self.send(cx, &request).await?;
            if !response.is_success() {
                return Err(self.redacted(self.http_error(&response, doing)));
            }
            match judge(&response, doing) {
                Ok(Verdict::Good(gaps)) => return Ok(Told { response, gaps }),
                Ok(Verdict::Throttled) => pause = cost::rest(&response).unwrap_or(THROTTLED),
                Ok(Verdict::Bad(error)) | Err(error) => return Err(self.redacted(error)),
            }
        }
        let why = both!(
            "Shopify throttles: the app's points for this shop are used up",
            "Shopifyの呼び出し制限です。このショップでのアプリのポイントを使い切りました"
        );
        Err(Error::told(ErrorKind::RateLimited, doing.ended(&why)).after(pause))
    }

    fn request(&self, document: Document, variables: &impl Serialize) -> Result<Request> {
        let url = format!("{}/admin/api/{API_VERSION}/graphql.json", self.settings.url);
        let body = Body { operation_name: document.name, query: document.text, variables };
        let request = Request::new(Method::Post, url)
            .header("accept", "application/json")
            .json(&body)?
            .group(GROUP)
            .rest(cost::rest);
        Ok(match document.idempotent {
            true => request.idempotent(),
            false => request,
        })
    }

    /// Sends with the token; once more with a new one if Shopify refuses it, because a token may be ended early.
    async fn send(&self, cx: &Cx, request: &Request) -> Result<Response> {
        let token = self.token(cx).await?;
        let response = self.send_with(cx, request, &token).await?;
        if response.status != 401 || !self.settings.credentials.renews() {
            return Ok(response);
        }
        self.settings.credentials.forget(&token);
        let token = self.token(cx).await?;
        self.send_with(cx, request, &token).await
    }

    async fn send_with(&self, cx: &Cx, request: &Request, token: &Secret) -> Result<Response> {
        let proved = request.clone().secret_header("x-shopify-access-token", token.clone());
        cx.http.send(proved).await.map_err(|e| self.redacted(e))
    }

    pub(crate) fn redacted(&self, error: Error) -> Error {
        error.redacted(|text| self.settings.credentials.redact(text))
    }

    /// What an answer other than 2xx means.
    pub(crate) fn http_error(&self, response: &Response, doing: Doing<'_>) -> Error {
        let (kind, remedy) = meaning(response);
        let said = Bilingual::quoted(format!("HTTP {}{}", response.status, said(response)));
        let error = Error::told(kind, doing.ended(&said.then(remedy)));
        match response.header("retry-after").and_then(|text| text.trim().parse::<f64>().ok()) {
            Some(secs) => Duration::try_from_secs_f64(secs).map_or(error.clone(), |delay| error.after(delay)),
            None => error,
        }
    }
}

/// What a status means, and the remedy.
fn meaning(response: &Response) -> (ErrorKind, Bilingual) {
    match response.status {
        401 => (
            ErrorKind::Auth,
            both!(
                "Shopify does not know the access token: it was revoked, or the app was uninstalled. Install the app \
                 again, or put the new token into the file",
                "アクセストークンが無効です。取り消されたか、アプリがアンインストールされています。アプリを再インストールするか、\
                 新しいトークンをファイルに保存してください"
            ),
        ),
        402 => (
            ErrorKind::Auth,
            both!(
                "The shop is frozen: its owner has to settle Shopify's invoice",
                "ストアが凍結されています。ストアオーナーがShopifyの請求を支払う必要があります"
            ),
        ),
        403 => (
            ErrorKind::Auth,
            both!(
                "The app may not do this: check its access scopes and its approval for protected customer data",
                "アプリにこの操作の権限がありません。アクセススコープと、保護された顧客データへのアクセスの承認を確認してください"
            ),
        ),
        404 => (
            ErrorKind::Config,
            both!(
                "There is no shop at this address: check shop in the config",
                "このアドレスにストアがありません。設定の shop を確認してください"
            ),
        ),
        423 => (
            ErrorKind::Refused,
            both!(
                "The shop is locked: its owner has to ask Shopify's support",
                "ストアがロックされています。ストアオーナーがShopifyサポートに問い合わせる必要があります"
            ),
        ),
        430 => (
            ErrorKind::RateLimited,
            both!(
                "Shopify takes the calls for an attack and refuses them for a while",
                "Shopifyが攻撃とみなし、しばらく呼び出しを拒否しています"
            ),
        ),
        429 => (ErrorKind::RateLimited, both!("Too many calls", "呼び出しが多すぎます")),
        500.. => (ErrorKind::Unreachable, both!("Shopify itself failed", "Shopify側の障害です")),
        _ => {
            (response.error("").kind, both!("Shopify refuses the call", "Shopifyに呼び出しを拒否されました"))
        }
    }
}

/// Shopify's own words in the body of a refusal, which are a text or a list.
fn said(response: &Response) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        errors: serde_json::Value,
    }
    let Ok(refusal) = serde_json::from_slice::<Refusal>(&response.body) else {
        return String::new();
    };
    let text = match refusal.errors {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    format!(", {}", text.trim_end_matches('.'))
}

fn denied(doing: Doing<'_>, message: &str) -> Error {
    let how = both!(
        "Shopify denies it: {message} Give the app the scope (Dev Dashboard > app > Versions), release the version, and \
         accept it in the shop; names and addresses also need access to protected customer data",
        "Shopifyに拒否されました: {message} アプリにアクセススコープを追加し（Dev Dashboard > アプリ > バージョン）、\
         バージョンをリリースして、ストアで承認してください。氏名と住所には、保護された顧客データへのアクセスも必要です"
    );
    Error::told(ErrorKind::Auth, doing.ended(&how))
}

/// What the list of errors means for the whole answer.
fn judge(response: &Response, doing: Doing<'_>) -> Result<Verdict> {
    let envelope: Envelope<'_> = response.json().map_err(|e| e.reworded(|words| doing.ended(&words)))?;
    let faults = envelope.errors.unwrap_or_default();
    let nothing = envelope.data.is_none_or(|data| data.get() == "null");
    let has = |code: &str| faults.iter().find(|fault| fault.code() == code);
    if has("THROTTLED").is_some() {
        return Ok(Verdict::Throttled);
    }
    if !nothing && faults.iter().all(Fault::is_gap) {
        let gaps = faults.into_iter().map(|f| (f.path.unwrap_or_default(), f.message)).collect();
        return Ok(Verdict::Good(gaps));
    }
    if let Some(fault) = has("ACCESS_DENIED") {
        return Ok(Verdict::Bad(denied(doing, &fault.message)));
    }
    let Some(fault) = faults.first() else {
        let what = both!("Shopify answers without data", "Shopifyの応答にデータがありません");
        return Err(Error::told(ErrorKind::Malformed, doing.ended(&what)));
    };
    let kind = match fault.code() {
        "SHOP_INACTIVE" => ErrorKind::Auth,
        "INTERNAL_SERVER_ERROR" | "SERVICE_UNAVAILABLE" | "TIMEOUT" => ErrorKind::Unreachable,
        "RESOURCE_NOT_FOUND" => ErrorKind::NotFound,
        // A document that it does not understand, or one too dear: neither is the merchant's fault.
        _ => ErrorKind::Unexpected,
    };
    let code = match fault.code() {
        "" => String::new(),
        code => format!(" ({code})"),
    };
    let what =
        both!("Shopify says: {message}{code}", "Shopifyの応答: {message}{code}", message = fault.message);
    Ok(Verdict::Bad(Error::told(kind, doing.ended(&what))))
}
