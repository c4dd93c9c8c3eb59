//! The token endpoint, bearer tokens, and the public-key header.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::{BigUint, Pkcs1v15Encrypt, RsaPrivateKey};
use serde_json::json;

use super::FakeConfig;
use super::http::{Call, Reply};
use super::state::Store;
use super::write::value;

/// The primes of a key that protects nothing: 512 bits are enough for a fake, and the calls of a test stay quick.
const PRIMES: [&[u8]; 2] = [
    b"c2d034f9c2286ebdc1f2f867a95729074924adb4107dee817b491034bb30dcdf",
    b"d8772a1cab8666a8d16bb43e6bd7ac573d5f43d9dcff3375baa47c742c62907b",
];

/// How far a signature's time may be off; not documented.
const SKEW: i64 = 3_600;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn private_key() -> Option<&'static RsaPrivateKey> {
    static KEY: LazyLock<Option<RsaPrivateKey>> = LazyLock::new(|| {
        let number = |hex| BigUint::parse_bytes(hex, 16);
        RsaPrivateKey::from_p_q(number(PRIMES[0])?, number(PRIMES[1])?, BigUint::from(65_537_u32)).ok()
    });
    KEY.as_ref()
}

/// The key in the lines that 暗号鍵管理 copies.
pub(super) fn public_key() -> String {
    let der = private_key().and_then(|key| key.to_public_key().to_public_key_der().ok());
    let text = der.map(|der| STANDARD.encode(der.as_bytes())).unwrap_or_default();
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

/// The access token of this number.
pub(super) fn access_token(config: &FakeConfig, number: u64) -> String {
    format!("access-token-{:x}-{number:06}", config.seed)
}

pub(super) fn secrets(config: &FakeConfig) -> Vec<String> {
    let basic = STANDARD.encode(format!("{}:{}", config.client_id, config.client_secret));
    let prefix = format!("access-token-{:x}-", config.seed);
    vec![config.client_secret.clone(), config.refresh_token.clone(), basic, prefix]
}

/// `POST /yconnect/v2/token`.
pub(super) fn token(store: &mut Store, call: &Call) -> Reply {
    let config = store.config();
    let basic = STANDARD.encode(format!("{}:{}", config.client_id, config.client_secret));
    if call.header("authorization") != format!("Basic {basic}") {
        return denied(401, "invalid_client", "client authentication failed");
    }
    let form = call.text();
    if value(&form, "grant_type") != "refresh_token" {
        return denied(400, "unsupported_grant_type", "unsupported grant type");
    }
    if !store.accepts_refresh(&value(&form, "refresh_token")) {
        return denied(400, "invalid_grant", "refresh token is expired");
    }
    let token = store.grant();
    Reply::json(200, &json!({"access_token": token, "token_type": "Bearer", "expires_in": HOUR}).to_string())
}

fn denied(status: u16, error: &str, description: &str) -> Reply {
    let body = json!({"error": error, "error_description": description, "error_code": 1100});
    Reply::json(status, &body.to_string())
}

/// Checks a call's token, and the key of an order API. Answers with the value of `X-SWS-Authorize-Status`.
///
/// Errors: the refusal.
pub(super) fn check(store: &Store, call: &Call, is_order_api: bool) -> Result<Option<&'static str>, Reply> {
    let token = call.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    if !store.accepts_token(token) {
        return Err(no_token());
    }
    if !is_order_api {
        return Ok(None);
    }
    if let Some(code) = store.refused_orders() {
        return Err(Reply::xml(403, &super::write::error(code, "Use of API is not permitted.")));
    }
    let signed = is_signed(store, call);
    if !signed && store.now() - store.consented() > DAY / 2 {
        let message = "AccessToken has been expired. This API session is shorter than another API.";
        return Err(Reply::xml(401, &super::write::error("px-04102", message)));
    }
    Ok(match (call.header("x-sws-signature"), signed) {
        ("", _) => None,
        (_, true) => Some("authorized"),
        (_, false) => Some("unauthorized"),
    })
}

/// As a real one was seen to answer.
fn no_token() -> Reply {
    let told = "Bearer realm=\"yahooapis.jp\", error=\"invalid_token\", error_description=\"expired token\"";
    let body = format!("<Error><Message>Please provide valid credentials. {told}</Message></Error>");
    let mut reply = Reply::xml(401, &body);
    reply.headers.push(("www-authenticate", told.to_owned()));
    reply
}

fn is_signed(store: &Store, call: &Call) -> bool {
    let sealed = STANDARD.decode(call.header("x-sws-signature")).unwrap_or_default();
    if sealed.is_empty() {
        return false;
    }
    let opened = private_key().and_then(|key| key.decrypt(Pkcs1v15Encrypt, &sealed).ok());
    let proof = opened.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let Some((seller, time)) = proof.split_once(':') else { return false };
    let off = time.parse::<i64>().map_or(i64::MAX, |time| (store.now() - time).abs());
    seller == store.config().seller_id
        && off <= SKEW
        && call.header("x-sws-signature-version") == store.key_version()
}
