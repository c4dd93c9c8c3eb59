//! An HTTP client and an OAuth signer of the test's own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use banto_channel::Clock;
use banto_sim::SimClock;
use banto_woocommerce::fake::FakeConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, whole or torn.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The ids of a list.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let list = self.json();
        list.as_array().unwrap().iter().map(|o| o["id"].as_u64().unwrap()).collect()
    }
}

pub(crate) struct Client {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) sha256: bool,
    pub(crate) clock: Arc<SimClock>,
    url: String,
    nonces: AtomicU64,
}

pub(crate) fn percent(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The parameters of one signed call.
pub(crate) type Signed = Vec<(String, String)>;

impl Client {
    pub(crate) fn new(config: &FakeConfig, clock: Arc<SimClock>) -> Self {
        Self {
            key: config.consumer_key.clone(),
            secret: config.consumer_secret.clone(),
            sha256: true,
            clock,
            url: String::new(),
            nonces: AtomicU64::new(0),
        }
    }

    pub(crate) fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// OAuth parameters for `method` on `path`, whose own parameters are `query`.
    pub(crate) fn sign(&self, method: &str, path: &str, query: &[(String, String)], now: i64) -> Signed {
        let nonce = self.nonces.fetch_add(1, Ordering::Relaxed);
        let algorithm = if self.sha256 { "HMAC-SHA256" } else { "HMAC-SHA1" };
        let mut params = query.to_vec();
        for (name, value) in [
            ("oauth_consumer_key", self.key.clone()),
            ("oauth_nonce", format!("nonce{nonce}")),
            ("oauth_signature_method", algorithm.to_owned()),
            ("oauth_timestamp", now.to_string()),
        ] {
            params.push((name.to_owned(), value));
        }
        let mut sorted: Vec<String> =
            params.iter().map(|(n, v)| format!("{}={}", percent(n), percent(v))).collect();
        sorted.sort();
        let base = format!(
            "{method}&{}&{}",
            percent(&format!("{}/wp-json{path}", self.url)),
            percent(&sorted.join("&"))
        );
        let key = format!("{}&", self.secret);
        let signature = if self.sha256 {
            let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
            STANDARD.encode(mac.chain_update(base).finalize().into_bytes())
        } else {
            let mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
            STANDARD.encode(mac.chain_update(base).finalize().into_bytes())
        };
        params.push(("oauth_signature".to_owned(), signature));
        params
    }

    /// Splits `/path?a=b` and adds the signature.
    fn signed(&self, method: &str, target: &str) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let own: Signed = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        let params = self.sign(method, path, &own, self.clock.now().as_secs());
        with_query(path, &params)
    }

    pub(crate) async fn get(&self, target: &str) -> io::Result<Answer> {
        self.raw("GET", &self.signed("GET", target), &[], "").await
    }

    pub(crate) async fn send(&self, method: &str, target: &str, body: &Value) -> io::Result<Answer> {
        let json = [("Content-Type", "application/json")];
        self.raw(method, &self.signed(method, target), &json, &body.to_string()).await
    }

    /// One request on a connection of its own; `target` stands below `/wp-json`.
    pub(crate) async fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await?;
        let mut text = format!("{method} /wp-json{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(text.as_bytes()).await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        parse(&all)
    }
}

pub(crate) fn with_query(path: &str, params: &[(String, String)]) -> String {
    let query: Vec<String> = params.iter().map(|(n, v)| format!("{}={}", percent(n), percent(v))).collect();
    format!("{path}?{}", query.join("&"))
}

fn parse(all: &[u8]) -> io::Result<Answer> {
    let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer");
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1)?.parse().ok()).ok_or_else(broken)?;
    let headers =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
    Ok(Answer { status, headers, body: all[end + 4..].to_vec() })
}
