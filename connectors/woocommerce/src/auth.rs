//! How a request proves who sends it: HTTP Basic over https, OAuth 1.0a (RFC 5849, one-legged, HMAC-SHA256) over http.

use std::fmt::Write as _;

use banto_channel::{Error, ErrorKind, Request, Result, Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Basic,
    Query,
    OAuth,
}

/// The two halves of a REST key and the way they are sent.
#[derive(Debug)]
pub(crate) struct Credentials {
    key: Secret,
    secret: Secret,
    way: Way,
}

impl Credentials {
    /// WooCommerce refuses Basic over plain http, so `plain` signs each request instead.
    pub(crate) fn new(key: Secret, secret: Secret, plain: bool, in_query: bool) -> Self {
        let way = match (plain, in_query) {
            (true, _) => Way::OAuth,
            (false, true) => Way::Query,
            (false, false) => Way::Basic,
        };
        Self { key, secret, way }
    }

    /// Whether a request may be sent only once, because the shop refuses a nonce it has seen.
    pub(crate) fn single_use(&self) -> bool {
        self.way == Way::OAuth
    }

    /// Adds the proof to a request that is otherwise complete.
    pub(crate) fn prove(&self, request: Request, now: Timestamp, nonce: &str) -> Result<Request> {
        let mut request = request;
        match self.way {
            Way::Basic => {
                let pair = format!("{}:{}", self.key.expose(), self.secret.expose());
                let header = Secret::new(&format!("Basic {}", STANDARD.encode(pair)));
                Ok(request.secret_header("authorization", header))
            }
            Way::Query => {
                request.secret_query.push(("consumer_key".to_owned(), self.key.clone()));
                request.secret_query.push(("consumer_secret".to_owned(), self.secret.clone()));
                Ok(request)
            }
            Way::OAuth => self.sign(request, now, nonce),
        }
    }

    fn sign(&self, mut request: Request, now: Timestamp, nonce: &str) -> Result<Request> {
        let mut oauth = vec![
            ("oauth_consumer_key".to_owned(), self.key.expose().to_owned()),
            ("oauth_nonce".to_owned(), nonce.to_owned()),
            ("oauth_signature_method".to_owned(), "HMAC-SHA256".to_owned()),
            ("oauth_timestamp".to_owned(), now.as_secs().to_string()),
        ];
        let signed = request.query.iter().chain(&oauth);
        let base = base_string(request.method.as_str(), &request.url, signed);
        let key = format!("{}&", encode(self.secret.expose()));
        let signature = STANDARD.encode(hmac_sha256(key.as_bytes(), base.as_bytes())?);
        oauth.push(("oauth_signature".to_owned(), signature));
        request.secret_query.extend(oauth.into_iter().map(|(name, value)| (name, Secret::new(&value))));
        Ok(request)
    }

    /// Takes both halves of the key out of a text that the other side wrote.
    pub(crate) fn redact(&self, text: &str) -> String {
        [&self.key, &self.secret]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "…"))
    }
}

/// The signature base string of RFC 5849 §3.4.1.
fn base_string<'a>(verb: &str, url: &str, query: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut pairs: Vec<(String, String)> = query.map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    let joined: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{verb}&{}&{}", encode(&base_url(url)), encode(&joined.join("&")))
}

/// The address without the port that its scheme implies (RFC 5849 §3.4.1.2).
fn base_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let implied = if scheme == "http" { ":80" } else { ":443" };
    format!("{scheme}://{}{path}", host.strip_suffix(implied).unwrap_or(host))
}

/// Percent-encoding with RFC 3986's unreserved set (RFC 5849 §3.6).
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(key).map_err(|e| Error::new(ErrorKind::Unexpected, format!("cannot sign: {e}")))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    Ok(mac(key)?.chain_update(message).finalize().into_bytes().to_vec())
}

/// Whether `signature` (base64) is the HMAC-SHA256 of `message`, compared in constant time.
pub(crate) fn is_signed(secret: &Secret, message: &[u8], signature: &str) -> Result<bool> {
    let Ok(claimed) = STANDARD.decode(signature.trim()) else {
        return Ok(false);
    };
    let mac = mac(secret.expose().as_bytes())?.chain_update(message);
    Ok(mac.verify_slice(&claimed).is_ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use banto_channel::Method;

    use super::*;

    #[test]
    fn the_base_string_is_that_of_rfc_5849() {
        // The example of §3.4.1.1, without the parts that only a form body and a token bring.
        let pairs = [
            ("b5", "=%3D"),
            ("a3", "a"),
            ("c@", ""),
            ("a2", "r b"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(
            base_string("POST", "http://example.com:80/request", pairs.iter()),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
             %26c%2540%3D%26c2%3D%26oauth_nonce%3D7d8f3e4a"
        );
    }

    #[test]
    fn a_signed_request_carries_the_proof_out_of_sight() {
        let way = Credentials::new(Secret::new("ck_1"), Secret::new("cs_1"), true, false);
        let request =
            Request::new(Method::Get, "http://127.0.0.1:8080/wp-json/wc/v3/orders").query("page", "1");
        let request = way.prove(request, Timestamp::from_secs(1_795_255_200), "n1").unwrap();
        assert_eq!(request.query.len(), 1);
        let names: Vec<&str> = request.secret_query.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            [
                "oauth_consumer_key",
                "oauth_nonce",
                "oauth_signature_method",
                "oauth_timestamp",
                "oauth_signature"
            ]
        );
        // Made with `openssl dgst -sha256 -hmac 'cs_1&' -binary | base64` over the base string.
        assert_eq!(request.secret_query[4].1.expose(), EXPECTED);
        assert!(!format!("{request:?}").contains("ck_1"));
    }

    const EXPECTED: &str = "kTKPbo9PLV1UscY+GXSsKg1ZEMMkpF7AZtFJMBKW1QQ=";

    #[test]
    fn over_tls_the_key_goes_into_a_header_or_the_query() {
        let ask = || Request::new(Method::Get, "https://shop.example/wp-json/");
        let basic = Credentials::new(Secret::new("ck"), Secret::new("cs"), false, false);
        let request = basic.prove(ask(), Timestamp(0), "").unwrap();
        assert_eq!(request.secret_headers[0].1.expose(), "Basic Y2s6Y3M=");
        let query = Credentials::new(Secret::new("ck"), Secret::new("cs"), false, true);
        let request = query.prove(ask(), Timestamp(0), "").unwrap();
        assert_eq!(request.secret_query[1].1.expose(), "cs");
        assert_eq!(basic.redact("sent ck and cs"), "sent … and …");
    }

    #[test]
    fn a_webhook_is_known_by_its_signature() {
        let secret = Secret::new("Jefe");
        // RFC 4231, test case 2.
        let good = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert!(is_signed(&secret, b"what do ya want for nothing?", good).unwrap());
        assert!(!is_signed(&secret, b"what do ya want for nothing!", good).unwrap());
        assert!(!is_signed(&secret, b"x", "not base64 at all").unwrap());
        assert!(!is_signed(&secret, b"x", "").unwrap());
    }
}
