//! One call to RMS: address, proof, answer, and what a refusal means.

use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, Secret, both,
};
use serde::{Deserialize, Serialize};

use crate::Rakuten;
use crate::lenient::{Text, or_default};
use crate::model::Message;

/// InventoryAPI: bulk-get and its range.
pub(crate) const READ_STOCK: &str = "inventory-read";
/// InventoryAPI: bulk-upsert.
pub(crate) const WRITE_STOCK: &str = "inventory-write";
/// ItemAPI: items.search.
pub(crate) const ITEMS: &str = "items";
/// ItemAPI: items.inventory-related-settings.get.
pub(crate) const ITEM_SETTINGS: &str = "item-settings";
/// The order API, for which no rate is documented.
const ORDERS: &str = "orders";

/// Bytes of a refusal at most; longer answers are what was asked for.
const REFUSAL_MAX: usize = 4096;
/// How soon a conflict with another process (409) may be tried again; no time is documented.
const CONFLICT: Duration = Duration::from_secs(5);

impl Rakuten {
    /// A call of the order API. Its `Content-Type` must name the charset, or it is answered with 415.
    pub(crate) fn order_call(&self, name: &str, body: &impl Serialize) -> Result<Request> {
        let request = self.post(&format!("/es/2.0/order/{name}/"), body)?;
        Ok(request.group(ORDERS))
    }

    pub(crate) fn post(&self, path: &str, body: &impl Serialize) -> Result<Request> {
        let mut request = Request::new(Method::Post, format!("{}{path}", self.settings.url))
            .header("accept", "application/json")
            .header("content-type", "application/json; charset=utf-8");
        request.body = serde_json::to_vec(body).map_err(|e| {
            Error::new(ErrorKind::Unexpected, format!("cannot write the request as JSON: {e}"))
        })?;
        Ok(request)
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(Method::Get, format!("{}{path}", self.settings.url)).header("accept", "application/json")
    }

    /// Proves, sends, and returns the answer whatever its status.
    ///
    /// A key that is refused is followed by the other one, if there is one. A refusal did nothing, so the call may be
    /// made again whatever it is.
    pub(crate) async fn send_any(&self, cx: &Cx, request: Request) -> Result<Response> {
        let keys = &self.settings.keys;
        let first = keys.active();
        let response = self.send_with(cx, request.clone(), first).await?;
        let Some(other) = keys.other(first).filter(|_| refuses_key(&response)) else {
            return Ok(response);
        };
        let second = self.send_with(cx, request, other).await?;
        if refuses_key(&second) {
            return Ok(response);
        }
        keys.prefer(other);
        Ok(second)
    }

    /// The same with one key and no other.
    pub(crate) async fn send_with(&self, cx: &Cx, request: Request, key: usize) -> Result<Response> {
        let request = request.secret_header("authorization", self.settings.keys.authorization(key));
        cx.http.send(request).await.map_err(|e| self.redacted(e))
    }

    /// Asks when a licence key runs out, with that very key.
    pub(crate) async fn ask_expiry(&self, cx: &Cx, at: usize, key: &Secret) -> Result<Response> {
        let mut request = self.get("/es/1.0/license-management/license-key/expiry-date");
        request.secret_query.push(("licenseKey".to_owned(), key.clone()));
        self.send_with(cx, request, at).await
    }

    /// Proves, sends, and returns a 2xx answer.
    ///
    /// Errors: what the status and RMS's own code mean, with the remedy; `doing` says what was tried.
    pub(crate) async fn send<'a>(
        &self,
        cx: &Cx,
        request: Request,
        doing: impl Into<Doing<'a>>,
    ) -> Result<Response> {
        let doing = doing.into();
        let response = self.send_any(cx, request).await?;
        // The gateway's own refusal is one, whatever status it comes with.
        match response.is_success() && !refuses_key(&response) {
            true => Ok(response),
            false => Err(self.refusal(&response, doing)),
        }
    }

    fn redacted(&self, error: Error) -> Error {
        error.redacted(|text| self.settings.keys.redact(text))
    }

    /// What an answer other than the one hoped for means.
    pub(crate) fn refusal<'a>(&self, response: &Response, doing: impl Into<Doing<'a>>) -> Error {
        let told = Told::of(response);
        let kind = told.kind(response);
        let said = Bilingual::quoted(told.words(response.status));
        let how = said.then(told.remedy(kind).unwrap_or_default());
        let error = Error::told(kind, doing.into().ended(&how));
        let error = match (retry_after(response), response.status) {
            (Some(delay), _) => error.after(delay),
            (None, 409) => error.after(CONFLICT),
            (None, _) => error,
        };
        self.redacted(error)
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// Whether an answer says that the credentials, or the right to this function, are not good. The gateway may say so
/// with any status, but never at length.
fn refuses_key(response: &Response) -> bool {
    matches!(response.status, 401 | 403)
        || (response.body.len() < REFUSAL_MAX && Told::of(response).is_about_the_key())
}

/// The three envelopes in which RMS words a refusal: the gateway's, the order API's, and that of the newer APIs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    #[serde(rename = "Results", deserialize_with = "or_default")]
    gateway: Gateway,
    #[serde(rename = "MessageModelList", deserialize_with = "or_default")]
    messages: Vec<Message>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) errors: Vec<ApiError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Gateway {
    error_code: Text,
    message: Text,
}

/// One error of the newer APIs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ApiError {
    pub(crate) code: Text,
    pub(crate) message: Text,
    #[serde(deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    property_path: Text,
}

impl ApiError {
    pub(crate) fn words(&self) -> String {
        words(&self.code, &self.message)
    }

    /// The place that `inventories[3].quantity` names.
    pub(crate) fn row(&self) -> Option<usize> {
        let (_, rest) = self.metadata.property_path.as_str().split_once('[')?;
        rest.split_once(']')?.0.parse().ok()
    }
}

impl Told {
    /// Nothing where the body is none of RMS's own.
    pub(crate) fn of(response: &Response) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        let messages = self.messages.iter().filter(|m| m.is_error()).map(|m| m.code.as_str());
        let errors = self.errors.iter().map(|e| e.code.as_str());
        messages
            .chain(errors)
            .chain(self.gateway.error_code.some().is_some().then(|| self.gateway.error_code.as_str()))
    }

    fn is_about_the_key(&self) -> bool {
        self.codes().any(|code| matches!(code, "ES04-01" | "GA0001"))
    }

    fn kind(&self, response: &Response) -> ErrorKind {
        if self.is_about_the_key() {
            return ErrorKind::Auth;
        }
        for code in self.codes() {
            match code {
                "CE0001" | "GE0019" | "X0000" => return ErrorKind::Unreachable,
                "IE1105" => return ErrorKind::Config,
                "ES04-03" => return ErrorKind::Unexpected,
                _ => {}
            }
        }
        match response.status {
            409 => ErrorKind::Unreachable,
            300..=399 => ErrorKind::Config,
            200..=299 => ErrorKind::Refused,
            _ => response.error("").kind,
        }
    }

    /// RMS's own words with their codes, at most three of them.
    fn words(&self, status: u16) -> String {
        let messages = self.messages.iter().filter(|m| m.is_error()).map(Message::words);
        let errors = self.errors.iter().map(ApiError::words);
        let gateway =
            self.gateway.error_code.some().map(|_| words(&self.gateway.error_code, &self.gateway.message));
        let said: Vec<String> = messages.chain(errors).chain(gateway).take(3).collect();
        match said.is_empty() {
            true => format!("HTTP {status}"),
            false => format!("HTTP {status}, {}", said.join("; ")),
        }
    }

    fn remedy(&self, kind: ErrorKind) -> Option<Bilingual> {
        let has = |wanted: &str| self.codes().any(|code| code == wanted);
        if has("ES04-01") {
            return Some(both!(
                "Switch the function on under RMS > WEB APIサービス > 利用機能編集, and check serviceSecret and \
                 licenseKey there",
                "RMS > 拡張サービス一覧 > WEB APIサービス > 利用機能編集 でこの機能を「利用する」にし、利用設定の\
                 serviceSecretとlicenseKey（ライセンスキー）も確認してください"
            ));
        }
        if has("ORDER_EXT_API_GET_ORDER_ERROR_009") {
            return Some(both!(
                "RMS no longer takes this version of getOrder; a newer banto is needed",
                "RMSはこのバージョンのgetOrderの提供を終了しています。bantoを更新してください"
            ));
        }
        match kind {
            ErrorKind::Auth => Some(both!(
                "The licenseKey has run out (it lives for 3 months), was issued less than 30 minutes ago, or is not \
                 of this serviceSecret; RMS > WEB APIサービス > 利用設定 shows and renews it",
                "licenseKey（ライセンスキー）の有効期限（3か月）が切れているか、発行から30分たっていないか、\
                 serviceSecretと組み合わせが違います。RMS > 拡張サービス一覧 > WEB APIサービス > 利用設定 で確認・\
                 再発行してください"
            )),
            ErrorKind::Config if has("IE1105") => Some(both!(
                "The shop was not moved to SKU items yet; finish that in RMS first",
                "店舗のSKU移行が済んでいません。先にRMSでSKU移行を完了してください"
            )),
            _ => None,
        }
    }
}

/// "message (CODE)", short and without control characters.
pub(crate) fn words(code: &Text, message: &Text) -> String {
    let message: String = message.as_str().chars().filter(|c| !c.is_control()).take(200).collect();
    match (message.trim_end_matches('。'), code.as_str()) {
        ("", code) => code.to_owned(),
        (message, "") => message.to_owned(),
        (message, code) => format!("{message} ({code})"),
    }
}
