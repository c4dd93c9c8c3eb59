//! One exchange by reqwest: request out, whole answer in, limits kept.

use std::sync::OnceLock;
use std::time::Duration;

use banto_channel::{Bilingual, Error, ErrorKind, Method, Request, Response, Result, both};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::config::WireConfig;
use crate::fault::{Cause, Fault};
use crate::reach::{Reach, Resolver};
use crate::redact::{Scrub, percent};

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter than what shops' servers keep (Apache and Node: 5 s): a connection that the other side closes while a
/// call is under way costs a lost answer, and a new one only a handshake.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

const REDIRECTS_MAX: u32 = 5;

/// A request that reqwest takes, and its name for messages.
#[derive(Debug)]
pub(crate) struct Prepared {
    request: reqwest::Request,
    /// Host and port, as far as the address names one.
    pub host: String,
    pub path: String,
}

#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    body_max: usize,
    reach: Reach,
}

impl Client {
    /// Errors: [`ErrorKind::Unexpected`] if there is no TLS to be had at all.
    pub fn new(config: &WireConfig) -> Result<Self> {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        PROVIDER.get_or_init(|| {
            // An error means that somebody else installed one, which is as good.
            _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = builder(config).build().or_else(|e| {
            // Without a single CA certificate here, shops on http:// can still be served.
            let channel = config.channel.as_str();
            tracing::warn!(channel, error = %e, "https will not work: install the package ca-certificates");
            builder(config).tls_certs_only([]).build()
        });
        match http {
            Ok(http) => Ok(Self { http, body_max: config.body_max, reach: config.reach }),
            Err(e) => Err(Error::new(ErrorKind::Unexpected, format!("no HTTP client: {}", e.without_url()))),
        }
    }

    /// Sends the request and reads its answer. A `GET` is redirected as long as it stays on its host; anything
    /// else that a redirect could turn into another request is left to the connector.
    pub async fn exchange(&self, prepared: &Prepared) -> Result<Response, Fault> {
        let mut request = copy(&prepared.request)?;
        for _ in 0..=REDIRECTS_MAX {
            let from = request.url().clone();
            // A host that is written as an address is connected to without asking the resolver.
            let near = self.reach.check_literal(from.host_str().unwrap_or_default());
            near.map_err(|why| Fault::new(Cause::OutOfReach(why), ""))?;
            let sent = self.http.execute(request).await;
            let answer = sent.map_err(|e| Fault::of_send(&e.without_url()))?;
            let next = redirect(&from, &answer).filter(|_| prepared.request.method() == reqwest::Method::GET);
            let Some(next) = next else {
                return self.read(answer).await;
            };
            request = copy(&prepared.request)?;
            *request.url_mut() = next;
        }
        Err(Fault::new(Cause::Redirects, format!("more than {REDIRECTS_MAX} times")))
    }

    async fn read(&self, mut answer: reqwest::Response) -> Result<Response, Fault> {
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let too_large = || Fault::new(Cause::TooLarge, bytes(self.body_max));
        if answer.content_length().is_some_and(|n| usize::try_from(n).map_or(true, |n| n > self.body_max)) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(None) => {
                    return Ok(Response { status, headers, body });
                }
                Ok(Some(chunk)) if chunk.len() > self.body_max - body.len() => return Err(too_large()),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                // What a 429 says is all in its head.
                Err(_) if status == 429 => {
                    return Ok(Response { status, headers, body });
                }
                Err(e) => return Err(Fault::of_body(&e.without_url(), status, body.len())),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one client")]
fn builder(config: &WireConfig) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("banto/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(config.timeout)
        .pool_idle_timeout(IDLE_TIMEOUT);
    match config.reach {
        Reach::Anywhere => builder,
        reach => builder.dns_resolver(Resolver(reach)),
    }
}

impl Prepared {
    /// Errors: [`ErrorKind::Config`] for an address or a credential that cannot be sent, without showing it.
    pub fn new(request: &Request) -> Result<Self> {
        let url = address(request)?;
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = Scrub::of(request).text(url.path());
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut out = reqwest::Request::new(method, url);
        *out.headers_mut() = headers(request)?;
        if !request.body.is_empty() || matches!(request.method, Method::Post | Method::Put | Method::Patch) {
            *out.body_mut() = Some(request.body.clone().into());
        }
        Ok(Self { request: out, host, path })
    }
}

fn address(request: &Request) -> Result<Url> {
    let config = |words: Bilingual| Error::told(ErrorKind::Config, words);
    // A user name and password may stand in front of an `@`.
    let shown = request.url.split(['?', '#']).next().filter(|u| !u.contains('@')).unwrap_or("(not shown)");
    let mut url = Url::parse(&request.url).map_err(|e| {
        config(both!(
            "the address {shown} cannot be used: {e}. It should look like https://shop.example",
            "アドレス {shown} は使えません（{e}）。https://shop.example のような形で指定してください"
        ))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(config(both!(
            "the address {shown} begins with neither https:// nor http://",
            "アドレス {shown} が https:// でも http:// でも始まっていません"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config(both!(
            "the address holds a user name or a password; credentials belong into their own settings",
            "アドレスにユーザー名またはパスワードが含まれています。認証情報は専用の設定項目に入力してください"
        )));
    }
    let plain = request.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let secret = request.secret_query.iter().map(|(name, value)| (name.as_str(), value.expose()));
    let mut query = url.query().unwrap_or_default().to_owned();
    for (name, value) in plain.chain(secret) {
        if !query.is_empty() {
            query.push('&');
        }
        query += &format!("{}={}", percent(name), percent(value));
    }
    url.set_query(Some(query.as_str()).filter(|q| !q.is_empty()));
    Ok(url)
}

fn headers(request: &Request) -> Result<HeaderMap> {
    let cannot = |name: &str| {
        let words = both!(
            "the header {name} cannot be sent: its value holds a line break or another control character",
            "ヘッダー {name} を送信できません。値に改行などの制御文字が含まれています"
        );
        Error::told(ErrorKind::Config, words)
    };
    let plain = request.headers.iter().map(|(name, value)| (*name, value.as_str(), false));
    let secret = request.secret_headers.iter().map(|(name, value)| (*name, value.expose(), true));
    let mut map = HeaderMap::new();
    for (name, value, sensitive) in plain.chain(secret) {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| cannot(name))?;
        let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| cannot(name))?;
        value.set_sensitive(sensitive);
        map.append(key, value);
    }
    Ok(map)
}

fn copy(request: &reqwest::Request) -> Result<reqwest::Request, Fault> {
    let none = || Fault::new(Cause::NoConnection, "the body of the request cannot be sent again");
    request.try_clone().ok_or_else(none)
}

/// Where an answer points, if that is the same host, and no less secure than before.
fn redirect(from: &Url, answer: &reqwest::Response) -> Option<Url> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = answer.headers().get("location")?.to_str().ok()?;
    from.join(location).ok().filter(|to| stays(from, to))
}

fn stays(from: &Url, to: &Url) -> bool {
    let same_port =
        from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
    let upgraded = from.scheme() == "http" && to.scheme() == "https";
    from.host_str() == to.host_str() && (same_port || upgraded)
}

/// A size as people say it.
fn bytes(n: usize) -> String {
    match n {
        0..1_000 => format!("{n} bytes"),
        1_000..1_000_000 => format!("{} kB", n / 1_000),
        _ => format!("{} MB", n / 1_000_000),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use banto_channel::Secret;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn query_pairs_are_appended_in_order_and_fully_encoded() {
        let mut request = Request::new(Method::Get, "https://shop.example/api?rest_route=/wc/v3")
            .query("after", "2026-11-21T09:00:00+09:00")
            .query("search", "お茶 & 菓子");
        request.secret_query.push(("key".to_owned(), Secret::new("a+b/c")));
        assert_eq!(
            address(&request).unwrap().as_str(),
            "https://shop.example/api?rest_route=/wc/v3&after=2026-11-21T09%3A00%3A00%2B09%3A00\
             &search=%E3%81%8A%E8%8C%B6%20%26%20%E8%8F%93%E5%AD%90&key=a%2Bb%2Fc"
        );
    }

    #[test]
    fn an_address_that_cannot_be_used_is_a_config_error_without_credentials() {
        for bad in ["shop.example", "ftp://shop.example", "https://me:hunter22@shop.example/", "https://"] {
            let error = address(&Request::new(Method::Get, bad)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config, "{bad}");
            assert!(!error.message.contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn a_credential_with_a_line_break_is_named_but_not_shown() {
        let request = Request::new(Method::Get, "https://shop.example")
            .secret_header("authorization", Secret::new("Bearer tok\n_123"));
        let error = headers(&request).unwrap_err();
        assert!(error.message.contains("authorization") && !error.message.contains("_123"), "{error}");
    }

    #[test]
    fn redirects_stay_on_the_host_and_never_become_less_secure() {
        let from = url("http://shop.example/a");
        assert!(stays(&from, &url("http://shop.example/b")));
        assert!(stays(&from, &url("http://shop.example:80/b")));
        assert!(stays(&from, &url("https://shop.example/a")));
        assert!(!stays(&from, &url("http://www.shop.example/a")));
        assert!(!stays(&from, &url("http://shop.example:8080/a")));
        assert!(!stays(&url("https://shop.example/a"), &from));
    }
}
