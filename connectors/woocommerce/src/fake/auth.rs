//! Who is calling: OAuth 1.0a in the query (plain HTTP) or Basic (TLS), as `WC_REST_Authentication` checks them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::query::{Param, Query, WpError, decode, encode};

/// How far a timestamp may be off, in seconds.
const WINDOW: i64 = 15 * 60;

const PARAMETERS: [&str; 5] =
    ["oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method"];

/// What the check needs of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Site address and path, without the query.
    pub(super) url: &'a str,
    pub(super) query: &'a Query,
    pub(super) authorization: Option<&'a str>,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// One API key and what the shop remembers of its use.
#[derive(Debug)]
pub(super) struct ApiKey {
    pub(super) key: String,
    pub(super) secret: String,
    /// Whether Basic is looked at, as a shop behind TLS does.
    pub(super) basic: bool,
    /// A revoked key is an unknown one.
    pub(super) revoked: bool,
    /// Used nonces by timestamp. One for each second, as WooCommerce keeps them.
    nonces: BTreeMap<i64, String>,
}

fn refused(message: &str) -> WpError {
    WpError::new(401, "woocommerce_rest_authentication_error", message)
}

impl ApiKey {
    pub(super) fn new(key: String, secret: String, basic: bool) -> Self {
        Self { key, secret, basic, revoked: false, nonces: BTreeMap::new() }
    }

    fn knows(&self, key: &str) -> bool {
        !self.revoked && key == self.key
    }

    /// `Ok(true)` for the key's owner, `Ok(false)` for a caller who shows no credentials that are looked at.
    pub(super) fn check(&mut self, asked: Asked<'_>) -> Result<bool, WpError> {
        if self.basic
            && let Some((key, secret)) = basic_credentials(asked)
            && self.knows(&key)
        {
            return if secret == self.secret {
                Ok(true)
            } else {
                Err(refused("Consumer secret is invalid."))
            };
        }
        self.check_oauth(asked)
    }

    fn check_oauth(&mut self, asked: Asked<'_>) -> Result<bool, WpError> {
        let mut params = asked.query.0.clone();
        params.extend(header_params(asked.authorization.unwrap_or_default()));
        let given = |name: &str| match params.get(name) {
            Some(Param::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        let missing: Vec<&str> = PARAMETERS.into_iter().filter(|p| given(p).is_none()).collect();
        if missing.len() == PARAMETERS.len() {
            return Ok(false);
        }
        let [Some(key), Some(timestamp), Some(nonce), Some(signature), Some(method)] = PARAMETERS.map(given)
        else {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let message = format!("Missing OAuth parameter{plural} {}", missing.join(", "));
            return Err(WpError::new(401, "woocommerce_rest_authentication_missing_parameter", &message));
        };
        if !self.knows(&key) {
            return Err(refused("Consumer key is invalid."));
        }
        params.remove("oauth_signature");
        let text = string_to_sign(asked, &params);
        let right = sign(&method, &self.secret, &text)
            .ok_or_else(|| refused("Invalid signature - signature method is invalid."))?;
        if right != signature.replace(' ', "+") {
            return Err(refused("Invalid signature - provided signature does not match."));
        }
        self.use_nonce(&timestamp, nonce, asked.now)?;
        Ok(true)
    }

    fn use_nonce(&mut self, timestamp: &str, nonce: String, now: i64) -> Result<(), WpError> {
        let timestamp = timestamp.parse::<i64>().unwrap_or(0);
        if (now - timestamp).abs() > WINDOW {
            return Err(refused("Invalid timestamp."));
        }
        if self.nonces.values().any(|used| *used == nonce) {
            return Err(refused("Invalid nonce - nonce has already been used."));
        }
        self.nonces.insert(timestamp, nonce);
        self.nonces = self.nonces.split_off(&(now - WINDOW));
        Ok(())
    }
}

fn basic_credentials(asked: Asked<'_>) -> Option<(String, String)> {
    if let (Some(key), Some(secret)) = (asked.query.text("consumer_key"), asked.query.text("consumer_secret"))
    {
        return Some((key.to_owned(), secret.to_owned()));
    }
    let coded = asked.authorization?.strip_prefix("Basic ")?;
    let plain = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
    let (key, secret) = plain.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}

/// `Authorization: OAuth oauth_nonce="…", …`.
fn header_params(header: &str) -> BTreeMap<String, Param> {
    let Some(list) = header.strip_prefix("OAuth ") else {
        return BTreeMap::new();
    };
    list.split(',')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(name, _)| name.starts_with("oauth_"))
        .map(|(name, value)| (name.to_owned(), Param::Text(decode(value.trim_matches('"')))))
        .collect()
}

/// RFC 5849 §3.4.1 without body parameters; PHP's arrays are joined as `name[key]`.
fn string_to_sign(asked: Asked<'_>, params: &BTreeMap<String, Param>) -> String {
    let mut pairs = Vec::new();
    for (name, param) in params {
        match param {
            Param::Text(value) => pairs.push(format!("{}={}", encode(name), encode(value))),
            Param::Array(items) => {
                for (key, value) in items {
                    pairs.push(format!("{}%5B{}%5D={}", encode(name), encode(key), encode(value)));
                }
            }
        }
    }
    format!("{}&{}&{}", asked.method, encode(asked.url), encode(&pairs.join("&")))
}

/// The signature that a method asks for; `None` if it is not one of the two known.
fn sign(method: &str, secret: &str, text: &str) -> Option<String> {
    let key = format!("{secret}&");
    let bytes = match method {
        "HMAC-SHA1" => mac::<Hmac<Sha1>>(key.as_bytes(), text.as_bytes()),
        "HMAC-SHA256" => mac::<Hmac<Sha256>>(key.as_bytes(), text.as_bytes()),
        _ => return None,
    };
    Some(bytes)
}

fn mac<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> String {
    // HMAC takes keys of any length, so there is no error to meet.
    <M as KeyInit>::new_from_slice(key)
        .map_or_else(|_| String::new(), |mac| STANDARD.encode(mac.chain_update(text).finalize().into_bytes()))
}

/// The signature of a webhook: base64 of HMAC-SHA256 over the body.
pub(super) fn webhook_signature(secret: &str, body: &[u8]) -> String {
    mac::<Hmac<Sha256>>(secret.as_bytes(), body)
}
