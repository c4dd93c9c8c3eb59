//! Who looks: the session behind a request, and whether it may do what it asks.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, FromRequest, FromRequestParts, Multipart, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar};
use banto_channel::{Bilingual, Timestamp, both};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;

use super::page::TOLD;
use super::{Access, Desk, Fault, fault};
use crate::domain::people::SESSION_LONGEST;
use crate::keys;
use crate::store::Visitor;

pub use crate::domain::people::{Language, Role};

/// Largest form that is read: photographs of a catalogue come by file, not by form.
pub(super) const FORM_MAX: usize = 8 * 1024 * 1024;

/// A session's last use is written at most this often.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Longest text that one page has the next one say.
const TOLD_MAX: usize = 1000;

/// A request of somebody who is logged in. A handler takes it as an argument.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Key of the user.
    pub user: i64,
    /// The user's name.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// In which language the user reads.
    pub language: Language,
    /// What every form of this session carries in its field `csrf`.
    pub csrf: String,
    /// What the request before this one did, to be said once.
    pub told: Option<String>,
    /// Path and query of this request.
    pub path: String,
}

impl Visit {
    /// Who the ledger, timeline and audit say it was: `user:aki`.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("user:{}", self.name)
    }

    /// Whether the user may do the daily work.
    #[must_use]
    pub const fn may_work(&self) -> bool {
        Access::Staff.allows(self.role)
    }

    /// Whether the user is the owner.
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        Access::Owner.allows(self.role)
    }

    /// A text in the user's language.
    #[must_use]
    pub fn say(&self, text: &Bilingual) -> String {
        self.language.say(text)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // Only a public route has none, and its handler does not ask.
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Key of the session behind a request, for pages that show or end sessions.
#[derive(Clone, Debug)]
pub(super) struct SessionKey(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for SessionKey {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Lets a request through to its handler, or says why not.
pub(super) async fn admit(desk: &Desk, access: Access, request: Request, next: Next) -> Response {
    let mut response = match enter(desk, access, request).await {
        Ok(request) => {
            let visit = request.extensions().get::<Visit>().cloned();
            let back = came_from(request.headers());
            let mut response = next.run(request).await;
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                response = only_by_form().into_response();
            }
            if let Some(visit) = &visit {
                response = fault::for_visitor(desk, visit, back, response);
            }
            if visit.is_some_and(|visit| visit.told.is_some()) {
                add_cookie(&mut response, &format!("{TOLD}=; Path=/; Max-Age=0"));
            }
            response
        }
        Err(refusal) => *refusal,
    };
    // With `no-referrer` a browser would send `Origin: null` with our own forms (Fetch Standard, "append a request
    // `Origin` header"), and they could not be told from strangers'.
    response.headers_mut().entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    response
}

/// The address of a form, typed or reloaded as if it were a page.
fn only_by_form() -> Fault {
    let why = both!(
        "This is where a form is sent, not a page; open the page again",
        "フォームの送信先のため、直接開くことはできません。画面を開き直してください"
    );
    Fault { status: StatusCode::METHOD_NOT_ALLOWED, why }
}

/// The page of ours that the visitor came from, else the first one.
fn came_from(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let page = text(header::REFERER).and_then(|page| page.split_once("://")?.1.split_once('/'));
    let page = page.filter(|(host, _)| text(header::HOST) == Some(*host));
    local(page.map(|(_, path)| format!("/{path}")).as_deref())
}

/// The request with its [`Visit`], or the answer that refuses it.
async fn enter(desk: &Desk, access: Access, mut request: Request) -> Result<Request, Box<Response>> {
    let is_post = request.method() != Method::GET && request.method() != Method::HEAD;
    if is_post && is_foreign(desk, request.headers()) {
        return Err(refused(
            StatusCode::FORBIDDEN,
            both!(
                "This was sent by another site; nothing was changed",
                "他のサイトからの送信のため受け付けませんでした。何も変更されていません"
            ),
        ));
    }
    if request.uri().path().starts_with("/assets/") {
        return Ok(request);
    }
    let (token, wanted) = (token(desk, request.headers()), wanted_page(&request));
    let visitor = match token {
        Some(token) => find(desk, &token).await.map_err(|fault| Box::new(fault.into_response()))?,
        None => None,
    };
    let Some(visitor) = visitor else {
        return if access == Access::Public {
            Ok(request)
        } else {
            Err(Box::new(nobody(desk, wanted).await))
        };
    };
    let visit = visit(&request, &visitor);
    let back = came_from(request.headers());
    if !access.allows(visit.role) {
        let why = both!("Your role does not allow this", "この操作を行う権限がありません");
        let refusal = refused(StatusCode::FORBIDDEN, why);
        return Err(Box::new(fault::for_visitor(desk, &visit, back, *refusal)));
    }
    if is_post && access != Access::Public {
        DefaultBodyLimit::max(FORM_MAX).apply(&mut request);
        let marked = with_token(request, &visit.csrf).await;
        let in_frame = |refusal: Box<Response>| Box::new(fault::for_visitor(desk, &visit, back, *refusal));
        request = marked.map_err(in_frame)?;
    }
    request.extensions_mut().insert(SessionKey(visitor.session));
    request.extensions_mut().insert(visit);
    Ok(request)
}

fn refused(status: StatusCode, why: Bilingual) -> Box<Response> {
    Box::new(Fault { status, why }.into_response())
}

/// The session of a token. Its last use is noted beside the request, which does not wait for the store's writer.
async fn find(desk: &Desk, token: &str) -> Result<Option<Visitor>, Fault> {
    let now = desk.now();
    let visitor = desk.store().visitor(&keys::digest(token), now).await?;
    if let Some(visitor) = visitor.as_ref().filter(|v| now.since(Timestamp(v.seen_at)) >= SEEN_EVERY) {
        let (store, session) = (desk.store().clone(), visitor.session.clone());
        tokio::spawn(async move {
            if let Err(error) = store.seen(&session, now).await {
                tracing::debug!(error = %error, "a session's last use was not noted");
            }
        });
    }
    Ok(visitor)
}

fn visit(request: &Request, visitor: &Visitor) -> Visit {
    // A region that is fetched again must not say what the next page is to say.
    let is_page = request.method() == Method::GET && is_navigation(request.headers());
    let told =
        if is_page { CookieJar::from_headers(request.headers()).get(TOLD).and_then(told) } else { None };
    Visit {
        user: visitor.person_id,
        name: visitor.name.clone(),
        role: visitor.role(),
        language: visitor.language(),
        csrf: visitor.csrf.clone(),
        told,
        path: path(request),
    }
}

fn told(cookie: &Cookie<'_>) -> Option<String> {
    let text = percent_decode_str(cookie.value()).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.chars().take(TOLD_MAX).collect())
}

fn path(request: &Request) -> String {
    request.uri().path_and_query().map_or_else(String::new, ToString::to_string)
}

/// Whether a browser goes to a page, rather than a script or a picture asking for something.
fn is_navigation(headers: &HeaderMap) -> bool {
    let mode = headers.get("sec-fetch-mode").map(|mode| mode.as_bytes() == b"navigate");
    !headers.contains_key("x-live") && mode.unwrap_or(true)
}

/// The path of the page that a browser goes to; `None` for what a script or a form asks.
fn wanted_page(request: &Request) -> Option<String> {
    (request.method() == Method::GET && is_navigation(request.headers())).then(|| path(request))
}

/// The answer to somebody who is not logged in.
async fn nobody(desk: &Desk, wanted: Option<String>) -> Response {
    let Some(wanted) = wanted else {
        let why = both!(
            "Your login has ended; log in again",
            "ログインの有効期限が切れました。再度ログインしてください"
        );
        return Fault { status: StatusCode::UNAUTHORIZED, why }.into_response();
    };
    match desk.store().has_people().await {
        Ok(false) => Redirect::to("/setup").into_response(),
        Ok(true) if wanted == "/" => Redirect::to("/login").into_response(),
        Ok(true) => {
            let next = utf8_percent_encode(&wanted, NON_ALPHANUMERIC);
            Redirect::to(&format!("/login?next={next}")).into_response()
        }
        Err(error) => Fault::from(error).into_response(),
    }
}

/// Whether another site had the browser send this. Browsers say so themselves (`Sec-Fetch-Site`; over plain HTTP from
/// another machine only `Origin`); a program that sends neither is not driven by another site.
fn is_foreign(desk: &Desk, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return false };
    let config = &desk.app().config;
    let public = config.web.public_url.as_deref().map(|url| url.trim_end_matches('/'));
    let host = origin.split_once("://").map(|(_, host)| host);
    !(public == Some(origin) || (host.is_some() && host == text("host")))
}

#[derive(Deserialize)]
struct Marked {
    csrf: String,
}

/// The request again, once it was found to carry the session's token.
async fn with_token(request: Request, csrf: &str) -> Result<Request, Box<Response>> {
    if let Some(token) = request.headers().get("x-csrf-token") {
        return if token.to_str().is_ok_and(|token| keys::is_same(token, csrf)) {
            Ok(request)
        } else {
            Err(stale())
        };
    }
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, FORM_MAX).await.map_err(|_| {
        refused(StatusCode::PAYLOAD_TOO_LARGE, both!("The form is too large", "送信データが大きすぎます"))
    })?;
    let found = field(&parts, bytes.clone()).await;
    if found.is_some_and(|found| keys::is_same(&found, csrf)) {
        return Ok(Request::from_parts(parts, Body::from(bytes)));
    }
    Err(stale())
}

fn stale() -> Box<Response> {
    refused(
        StatusCode::FORBIDDEN,
        both!(
            "This form is not of your present login; open the page again. Nothing was changed",
            "フォームの有効期限が切れています。画面を開き直してください。何も変更されていません"
        ),
    )
}

/// The form's field `csrf`.
async fn field(parts: &Parts, bytes: Bytes) -> Option<String> {
    let kind = parts.headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut again = Request::new(Body::from(bytes));
    *again.method_mut() = Method::POST;
    again.headers_mut().insert(header::CONTENT_TYPE, parts.headers.get(header::CONTENT_TYPE)?.clone());
    DefaultBodyLimit::max(FORM_MAX).apply(&mut again);
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Form::<Marked>::from_request(again, &()).await.ok().map(|Form(marked)| marked.csrf);
    }
    if !kind.starts_with("multipart/form-data") {
        return None;
    }
    let mut form = Multipart::from_request(again, &()).await.ok()?;
    while let Some(field) = form.next_field().await.ok()? {
        if field.name() == Some("csrf") {
            return field.text().await.ok();
        }
    }
    None
}

/// The cookie's name: with `__Host-` a browser takes it only over TLS, for this host, for every path.
fn cookie_name(desk: &Desk) -> &'static str {
    if is_public_https(desk) { "__Host-banto_session" } else { "banto_session" }
}

fn is_public_https(desk: &Desk) -> bool {
    desk.app().config.web.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
}

/// The token that a request brings.
pub(super) fn token(desk: &Desk, headers: &HeaderMap) -> Option<String> {
    Some(CookieJar::from_headers(headers).get(cookie_name(desk))?.value().to_owned())
}

/// Gives the browser its token; with none, takes it away.
pub(super) fn set_token(desk: &Desk, response: &mut Response, token: Option<&str>) {
    let lasts = if token.is_some() { SESSION_LONGEST.as_secs() } else { 0 };
    let secure = if is_public_https(desk) { "; Secure" } else { "" };
    let (name, value) = (cookie_name(desk), token.unwrap_or_default());
    add_cookie(response, &format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts}{secure}"));
}

fn add_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = cookie.parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// From where a request comes. Behind a proxy on this machine, what the proxy says it saw; nobody else is believed.
pub(in crate::web) fn address(headers: &HeaderMap, extensions: &Extensions) -> String {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let Some(peer) = peer else { return "?".to_owned() };
    // Proxies append: the last one is our proxy's own word, those before it may be the visitor's.
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    let seen =
        forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    seen.filter(|_| peer.is_loopback()).unwrap_or(peer).to_string()
}

/// A path of our own to go on to; what leads elsewhere leads to the first page.
pub(super) fn local(next: Option<&str>) -> String {
    let is_ours = |next: &&str| {
        next.starts_with('/')
            && !next.starts_with("//")
            && !next.contains(['\\', '\r', '\n', '\t'])
            && !["/login", "/logout", "/setup"].iter().any(|path| next.starts_with(path))
    };
    next.filter(is_ours).unwrap_or("/").to_owned()
}

/// The frame of a page for tests, looked at by a member of staff.
#[cfg(test)]
pub(super) fn sample_page(language: Language) -> super::Page {
    let visit = Visit {
        user: 1,
        name: "aki".into(),
        role: Role::Owner,
        language,
        csrf: "token".into(),
        told: None,
        path: "/".into(),
    };
    super::Page {
        visit,
        section: super::Section::House,
        title: "title".into(),
        shop: "茶屋".into(),
        zone: jiff::tz::TimeZone::UTC,
        now: Timestamp(1_795_311_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_paths_are_gone_on_to() {
        for (next, goes) in [
            ("/orders?q=1", "/orders?q=1"),
            ("/", "/"),
            ("", "/"),
            ("https://evil.test/", "/"),
            ("//evil.test", "/"),
            ("/\\evil.test", "/"),
            ("/\t/evil.test", "/"),
            ("javascript:alert(1)", "/"),
            ("/login?next=/", "/"),
            ("/logout", "/"),
        ] {
            assert_eq!(local(Some(next)), goes, "{next}");
        }
        assert_eq!(local(None), "/");
    }

    #[test]
    fn only_our_own_proxy_is_believed() {
        let at = |peer: &str, forwarded: &[&'static str]| {
            let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
            for value in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_static(value));
            }
            extensions.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
            address(&headers, &extensions)
        };
        assert_eq!(at("127.0.0.1:5", &[]), "127.0.0.1");
        assert_eq!(at("127.0.0.1:5", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(at("[::1]:5", &["6.6.6.6, 192.0.2.7"]), "192.0.2.7", "the proxy appends");
        assert_eq!(at("127.0.0.1:5", &["6.6.6.6", "192.0.2.7"]), "192.0.2.7");
        assert_eq!(at("198.51.100.1:5", &["192.0.2.7"]), "198.51.100.1", "anybody can say so");
        assert_eq!(at("127.0.0.1:5", &["nonsense"]), "127.0.0.1");
        assert_eq!(address(&HeaderMap::new(), &Extensions::new()), "?");
    }

    #[test]
    fn a_script_is_no_visitor_of_a_page() {
        let with = |name: &'static str, value| {
            is_navigation(&HeaderMap::from_iter([(
                axum::http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]))
        };
        assert!(is_navigation(&HeaderMap::new()));
        assert!(with("sec-fetch-mode", "navigate"));
        assert!(!with("sec-fetch-mode", "cors"));
        assert!(!with("x-live", "1"));
    }
}
