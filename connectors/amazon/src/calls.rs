//! One call to the Selling Partner API: address, answer, and what a refusal means.

use std::time::Duration;

use banto_channel::{Bilingual, Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, both};
use serde::Deserialize;

use crate::Amazon;

impl Amazon {
    /// A request to a path of the API, which begins with a slash and is percent-encoded already.
    pub(crate) fn request(&self, method: Method, path: &str, group: &'static str) -> Request {
        Request::new(method, format!("{}{path}", self.settings.endpoint))
            .header("accept", "application/json")
            .group(group)
    }

    /// Sends, and returns a 2xx answer.
    ///
    /// Errors: what status and Amazon's own code mean, with the remedy; `doing` says what was tried.
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
            false => Err(refusal(&response, doing)),
        }
    }
}

/// Amazon's error envelope.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Envelope {
    pub(crate) errors: Vec<Told>,
}

/// One error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: String,
}

impl Told {
    fn words(&self) -> String {
        let parts = [&self.code, &self.message, &self.details].map(|part| part.trim().trim_end_matches('.'));
        let mut words = Vec::new();
        for part in parts {
            if !part.is_empty() && !words.contains(&part) {
                words.push(part);
            }
        }
        words.join(": ").chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

/// What an answer other than 2xx means.
pub(crate) fn refusal<'a>(response: &Response, doing: impl Into<Doing<'a>>) -> Error {
    let doing = doing.into();
    let envelope: Envelope = serde_json::from_slice(&response.body).unwrap_or_default();
    let plain = response.error(doing);
    let status = response.status;
    if envelope.errors.is_empty() {
        let page = both!("HTTP {status} with a web page", "HTTP {status}で、応答がWebページです");
        return match response.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            true => Error::told(plain.kind, doing.ended(&page)),
            false => plain,
        };
    }
    let said: Vec<String> = envelope.errors.iter().map(Told::words).collect();
    // Data that the app has no role for is refused as wrong input ("… does not have access to …").
    let no_role = envelope.errors.iter().any(|e| e.message.contains("not have access to"));
    let kind = if no_role { ErrorKind::Auth } else { plain.kind };
    let remedy = match kind {
        ErrorKind::Auth => remedy(&envelope),
        ErrorKind::RateLimited => both!(
            "Another program may be using the same allowance.",
            "同じ呼び出し枠を別のプログラムが使っている可能性があります。"
        ),
        _ => Bilingual::default(),
    };
    let how = Bilingual::quoted(format!("HTTP {status}: {}.", said.join("; "))).then(remedy);
    let words = doing.ended(&how);
    match kind {
        // Amazon names no time; a minute gives every plan but the slowest a call back.
        ErrorKind::RateLimited => Error::told(kind, words).after(Duration::from_secs(60)),
        _ => Error::told(kind, words),
    }
}

fn remedy(envelope: &Envelope) -> Bilingual {
    let about_token = envelope.errors.iter().any(|e| e.details.contains("access token"));
    match about_token {
        true => both!(
            "A fresh token was refused too: authorize the app anew in Seller Central, and check that endpoint and \
             marketplace are of the region in which the seller is authorized.",
            "取得し直したトークンも拒否されました。セラーセントラル > アプリとサービス > アプリの開発 でアプリを再認証し、エンドポイントと\
             マーケットプレイスが出品者の認証した地域のものか確認してください。"
        ),
        false => both!(
            "The app lacks a role for this call, or the seller has not authorized it since the role was added: see \
             the roles in the README, then authorize the app anew.",
            "この呼び出しに必要なロールがアプリにないか、ロールの追加後に再認証していません。コネクタのREADMEでロールを確認し、\
             セラーセントラル > アプリとサービス > アプリの開発 でアプリを再認証してください。"
        ),
    }
}

/// Whether the answer says that there is no such thing.
pub(crate) fn is_missing(error: &Error) -> bool {
    error.kind == ErrorKind::NotFound
}

/// Percent-encoding with nothing but RFC 3986's unreserved characters left, for path segments and forms.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Undoes percent-encoding; what is not encoded soundly stays as it is.
pub(crate) fn unpercent(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.filter(|_| byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sku_survives_a_path() {
        for sku in ["A-1", "髙／見本 50%", "a/b?c#d+e", "100% ✓", "%41"] {
            let encoded = percent(sku);
            assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{encoded}");
            assert_eq!(unpercent(&encoded), sku);
        }
        assert_eq!(unpercent("50%"), "50%");
    }
}
