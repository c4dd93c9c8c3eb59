//! One call to Yahoo!: address, proof, answer, and what a refusal means.

use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Doing, Error, ErrorKind, Method, Quota, Request, Response, Result, Secret, both,
};

use crate::Yahoo;
use crate::xml::Node;

/// One of the APIs. Its name is the last part of its address and its quota group: Yahoo! counts calls by address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    name: &'static str,
    /// Whether it is one of the order APIs, which want the public-key header.
    signed: bool,
}

const fn order_api(name: &'static str) -> Api {
    Api { name, signed: true }
}

const fn item_api(name: &'static str) -> Api {
    Api { name, signed: false }
}

pub(crate) const ORDER_LIST: Api = order_api("orderList");
pub(crate) const ORDER_INFO: Api = order_api("orderInfo");
pub(crate) const ORDER_STATUS: Api = order_api("orderStatusChange");
pub(crate) const PAY_STATUS: Api = order_api("orderPayStatusChange");
pub(crate) const SHIP_STATUS: Api = order_api("orderShipStatusChange");
pub(crate) const GET_STOCK: Api = item_api("getStock");
pub(crate) const SET_STOCK: Api = item_api("setStock");
pub(crate) const ITEM_LIST: Api = item_api("myItemList");
pub(crate) const GET_ITEM: Api = item_api("getItem");
/// The group of the token endpoint, for which no allowance is documented.
pub(crate) const TOKEN: &str = "token";

/// 1クエリー/秒 for each address (developer.yahoo.co.jp/webapi/shopping/order), and the daily limit over all of them.
pub(crate) const QUOTAS: &[Quota] = &[
    DAILY,
    each_second(ORDER_LIST),
    each_second(ORDER_INFO),
    each_second(ORDER_STATUS),
    each_second(PAY_STATUS),
    each_second(SHIP_STATUS),
    each_second(GET_STOCK),
    each_second(SET_STOCK),
    each_second(ITEM_LIST),
    each_second(GET_ITEM),
];

/// 50,000 calls a day for an application, over all addresses (developer.yahoo.co.jp/webapi/shopping/faq.html). When its
/// day begins is not told, so the burst and what comes back in a day are 50,000 together: no 24 hours hold more.
const DAILY: Quota =
    Quota { group: Quota::EVERY_GROUP, calls: 40_000, per: Duration::from_secs(24 * 3_600), burst: 10_000 };

const fn each_second(api: Api) -> Quota {
    Quota { group: api.name, calls: 1, per: Duration::from_secs(1), burst: 1 }
}

/// What a call carries.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// An XML document.
    Xml(String),
    /// A form.
    Form(Vec<u8>),
    /// A query; the call is a `GET`.
    Query(Vec<(&'static str, String)>),
}

/// An answer that was understood and is no refusal.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) root: Node,
    /// Why `root` is empty: the document came whole and is not well-formed.
    flaw: Option<String>,
    /// The document as it came.
    pub(crate) text: String,
    /// Whether Yahoo! accepted the public-key header; it says so by a header of its own, also beside a 200.
    pub(crate) key_accepted: bool,
}

impl Answer {
    /// The order that it describes.
    ///
    /// Errors: what is wrong with the document, in plain words.
    pub(crate) fn order(&self) -> Result<&Node, Bilingual> {
        match &self.flaw {
            Some(why) => {
                Err(both!("the answer cannot be read: {why}", "Yahoo!からの応答を読み取れません: {why}"))
            }
            None => Ok(self.root.at("Result").at("OrderInfo")),
        }
    }
}

impl Yahoo {
    /// Sends one call, with a new access token if the one at hand is refused.
    ///
    /// Errors: what the status and Yahoo!'s own code mean, with the remedy; `doing` says what was tried.
    pub(crate) async fn send<'a>(
        &self,
        cx: &Cx,
        api: Api,
        body: Body,
        doing: impl Into<Doing<'a>>,
    ) -> Result<Answer> {
        let doing = doing.into();
        let answer = self.send_loosely(cx, api, body, doing).await?;
        match &answer.flaw {
            Some(why) => Err(not_xml(&answer.text, doing, why)),
            None => Ok(answer),
        }
    }

    /// The same, for an answer about one thing: where its text cannot be read, that concerns this thing alone.
    pub(crate) async fn send_loosely<'a>(
        &self,
        cx: &Cx,
        api: Api,
        body: Body,
        doing: impl Into<Doing<'a>>,
    ) -> Result<Answer> {
        let doing = doing.into();
        let mut response = self.send_with(cx, api, &body, self.token(cx, false).await?).await?;
        if response.status == 401 {
            response = self.send_with(cx, api, &body, self.token(cx, true).await?).await?;
        }
        if !response.is_success() {
            return Err(self.refusal(&response, doing));
        }
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let (root, flaw) = match Node::parse(&text) {
            Ok(root) if root.name == "Error" => return Err(self.refusal(&response, doing)),
            Ok(root) => (root, None),
            Err(why) if text.trim_end().ends_with("</ResultSet>") => (Node::default(), Some(why)),
            Err(why) => return Err(not_xml(&text, doing, &why)),
        };
        let key_accepted =
            response.header("x-sws-authorize-status").is_some_and(|s| s.trim() == "authorized");
        Ok(Answer { status: response.status, root, flaw, text, key_accepted })
    }

    async fn send_with(&self, cx: &Cx, api: Api, body: &Body, token: Secret) -> Result<Response> {
        let url = format!("{}/ShoppingWebService/V1/{}", self.settings.url, api.name);
        let method = if matches!(body, Body::Query(_)) { Method::Get } else { Method::Post };
        // Reads, absolute quantities and states that are set: none does more when it is sent twice.
        let mut request = Request::new(method, url)
            .secret_header("authorization", Secret::new(&format!("Bearer {}", token.expose())))
            .group(api.name)
            .idempotent();
        match body {
            Body::Xml(document) => {
                request = request.header("content-type", "application/xml; charset=utf-8");
                request.body = document.clone().into_bytes();
            }
            Body::Form(form) => {
                request = request.header("content-type", "application/x-www-form-urlencoded");
                request.body = form.clone();
            }
            Body::Query(pairs) => {
                request = pairs.iter().fold(request, |r, (name, value)| r.query(*name, value.as_str()));
            }
        }
        cx.http.send(if api.signed { self.signed(cx, request)? } else { request }).await
    }

    /// What a refusal means.
    fn refusal(&self, response: &Response, doing: Doing<'_>) -> Error {
        let told = Told::of(response);
        let (kind, remedy) = self.meaning(response, &told);
        let how = Bilingual::quoted(told.said(response.status)).then(remedy);
        let error = Error::told(kind, doing.ended(&how));
        match retry_after(response).or_else(|| (kind == ErrorKind::RateLimited).then_some(FORBIDDEN_FOR)) {
            Some(delay) => error.after(delay),
            None => error,
        }
    }

    fn meaning(&self, response: &Response, told: &Told) -> (ErrorKind, Bilingual) {
        if told.code == "px-04102" {
            return (ErrorKind::Auth, session_ended(self.settings.public_key.is_some()));
        }
        if let Some(known) = by_code(&told.code).or_else(|| by_words(&told.message)) {
            return known;
        }
        match response.status {
            401 => (
                ErrorKind::Auth,
                both!(
                    "Yahoo! refuses the token that it has just given. Consent anew",
                    "発行されたばかりのアクセストークンが拒否されました。もう一度同意（認可）の操作を行ってください"
                ),
            ),
            _ if response.is_success() => (ErrorKind::Refused, Bilingual::default()),
            _ => (response.error("").kind, Bilingual::default()),
        }
    }
}

/// Why the order APIs stopped twelve hours after the consent (px-04102).
fn session_ended(with_key: bool) -> Bilingual {
    match with_key {
        true => both!(
            "Yahoo! does not count our public key, so the session ended twelve hours after the consent. See \
             ストアクリエイターPro > 設定 > 暗号鍵管理: the key must be 有効 and not older than a year, and public_key_version must be \
             its version. Then consent anew and put the new refresh token into refresh_token_file",
            "公開鍵が認証されないため、同意から12時間でセッションが切れました。ストアクリエイターPro > 設定 > 暗号鍵管理 で、\
             公開鍵が「有効」で発行から1年以内であること、public_key_version がその鍵のバージョンであることを確認してください。\
             その後もう一度同意し、新しいリフレッシュトークンを refresh_token_file に保存してください"
        ),
        false => both!(
            "without a public key the order APIs stop twelve hours after the consent. Issue one under \
             ストアクリエイターPro > 設定 > 暗号鍵管理, set public_key_file and public_key_version, and consent anew: that lasts for \
             four weeks",
            "公開鍵がないと、注文APIは同意から12時間で使えなくなります。ストアクリエイターPro > 設定 > 暗号鍵管理 で公開鍵を\
             発行し、public_key_file と public_key_version を設定して、もう一度同意してください（4週間有効になります）"
        ),
    }
}

/// What Yahoo!'s codes mean.
fn by_code(code: &str) -> Option<(ErrorKind, Bilingual)> {
    let auth = |words| Some((ErrorKind::Auth, words));
    match code {
        "px-04306" => auth(both!(
            "this machine's address is not registered for the order APIs. Register the fixed IP address with which it \
             goes out (注文API利用申請, リクエスト元IPの変更・追加)",
            "このサーバーのIPアドレスが注文APIに登録されていません。外部への通信に使う固定IPアドレスを、注文API利用申請\
             （リクエスト元IPの変更・追加）で登録してください"
        )),
        "px-04303" => auth(both!(
            "the application has no approval for the order APIs. Apply with 注文API利用申請フォーム and this client_id",
            "このアプリケーションは注文APIの利用が承認されていません。このアプリケーションID（client_id）で\
             注文API利用申請フォームから申請してください"
        )),
        "px-04307" => auth(both!(
            "the consent was withdrawn or never given. Consent anew",
            "同意が取り消されたか、まだ同意されていません。もう一度同意（認可）の操作を行ってください"
        )),
        "px-14303" => auth(both!(
            "the Yahoo! JAPAN ID that consented belongs to no business ID. Register it under ストアクリエイターPro > 設定 > \
             権限管理設定",
            "同意したYahoo! JAPAN IDがビジネスIDに連携されていません。ストアクリエイターPro > 設定 > 権限管理設定 で登録してください"
        )),
        "px-14304" | "ed-00004" => auth(both!(
            "the ID that consented has no rights to this store. Check seller_id, and 権限管理設定 of the store",
            "同意したIDにこのストアの権限がありません。seller_id（ストアアカウント）と、ストアの権限管理設定を確認してください"
        )),
        "px-04001" | "ed-00003" | "ed-00005" => Some((
            ErrorKind::Config,
            both!(
                "Yahoo! does not accept seller_id",
                "seller_id（ストアアカウント）が受け付けられません。設定を確認してください"
            ),
        )),
        "ed-00001" | "ed-00006" | "st-02000" | "st-02999" | "od91001" | "503" => Some((
            ErrorKind::Unreachable,
            both!("Yahoo! itself failed or is under maintenance", "Yahoo!側の障害またはメンテナンス中です"),
        )),
        _ => None,
    }
}

/// What refusals without a code of their own mean.
fn by_words(message: &str) -> Option<(ErrorKind, Bilingual)> {
    if message.contains("反映またはアップロード中") {
        let words = both!(
            "the store is being published, and takes no numbers meanwhile",
            "ストアの反映処理中のため、その間は在庫を更新できません"
        );
        return Some((ErrorKind::Unreachable, words));
    }
    if message.contains("insufficient_scope") {
        let words = both!(
            "the application lacks the scope ストア向け操作関連の機能. Make a new one for Yahoo!ショッピング and use its \
             client_id",
            "アプリケーションにスコープ「ストア向け操作関連の機能」がありません。Yahoo!ショッピング用のアプリケーションを\
             新しく登録し、そのアプリケーションIDを client_id に設定してください"
        );
        return Some((ErrorKind::Auth, words));
    }
    message.contains("Your Request was Forbidden").then(|| {
        let words = both!(
            "either the application's 50,000 calls of today are used up, or Yahoo! does not know this client_id",
            "アプリケーションIDごとの1日50,000回の上限に達したか、アプリケーションID（client_id）が正しくありません"
        );
        (ErrorKind::RateLimited, words)
    })
}

/// How long to stay away after "Your Request was Forbidden", which says nothing about it.
const FORBIDDEN_FOR: Duration = Duration::from_secs(600);

/// Yahoo!'s own code and words of a refusal.
struct Told {
    code: String,
    message: String,
}

impl Told {
    fn of(response: &Response) -> Self {
        let text = String::from_utf8_lossy(&response.body);
        let root = Node::parse(&text).unwrap_or_default();
        // `<Error>` alone, or inside the result that an order API answers with.
        let error = match root.name.as_str() {
            "Error" => &root,
            _ => {
                Some(root.at("Result").at("Error")).filter(|e| !e.name.is_empty()).unwrap_or(root.at("Error"))
            }
        };
        let message = [error.text("Message"), error.text("Detail")].join(" ");
        Self { code: error.text("Code").to_owned(), message: message.trim().to_owned() }
    }

    fn said(&self, status: u16) -> String {
        let message: String = self.message.chars().filter(|c| !c.is_control()).take(200).collect();
        match (self.code.as_str(), message.trim_end_matches(['.', '。'])) {
            ("", "") => format!("HTTP {status}"),
            ("", message) => format!("HTTP {status}: {message}"),
            (code, "") => format!("HTTP {status}, {code}"),
            (code, message) => format!("HTTP {status}, {code}: {message}"),
        }
    }
}

fn not_xml(text: &str, doing: Doing<'_>, why: &str) -> Error {
    let start: String = text.trim_start().chars().filter(|c| !c.is_control()).take(60).collect();
    let what = match start.get(..5).map(str::to_ascii_lowercase).as_deref() {
        Some("<!doc" | "<html") => both!(
            "a web page came instead of an answer; Yahoo! may be under maintenance",
            "応答の代わりにWebページが返りました。Yahoo!がメンテナンス中の可能性があります"
        ),
        _ => both!("the answer cannot be read: {why} ({start:?})", "応答を読み取れません: {why} ({start:?})"),
    };
    Error::told(ErrorKind::Malformed, doing.ended(&what))
}

/// The seconds of a `Retry-After` header.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// A form as the WHATWG describes it, with every other byte than letters, digits and `-._` escaped.
pub(crate) fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped() {
        let body = form(&[("item_code", "a-1:b,c"), ("quantity", "5,+6")]);
        assert_eq!(String::from_utf8_lossy(&body), "item_code=a-1%3Ab%2Cc&quantity=5%2C%2B6");
    }
}
