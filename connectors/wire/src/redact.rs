//! Taking credentials out of texts.

use banto_channel::{Request, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What stands where a credential was.
pub(crate) const MASK: &str = "[secret]";

/// Shorter values are no credentials, and taking them out would only garble the text.
const SECRET_MIN: usize = 4;

/// `text` without the secrets, in whichever form they may have come back: as they are, percent-encoded, escaped
/// for JSON, without their scheme (`Bearer …`), or decoded (`Basic …`). Secrets of fewer than four bytes stay.
#[must_use]
pub fn redact(text: &str, secrets: &[Secret]) -> String {
    Scrub::new(secrets).text(text)
}

/// The texts that must not come through.
#[derive(Clone, Default)]
pub(crate) struct Scrub {
    /// Longest first, so that no part of a longer one is left over.
    needles: Vec<String>,
}

impl Scrub {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            for form in parts(secret.expose()) {
                needles.extend(encodings(&form));
            }
        }
        needles.retain(|n| n.len() >= SECRET_MIN);
        needles.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Self { needles }
    }

    /// With every secret that the request carries.
    pub fn of(request: &Request) -> Self {
        let query = request.secret_query.iter().map(|(_, secret)| secret);
        let headers = request.secret_headers.iter().map(|(_, secret)| secret);
        Self::new(query.chain(headers).chain(&request.secret_body))
    }

    pub fn text(&self, text: &str) -> String {
        self.needles.iter().fold(text.to_owned(), |text, needle| {
            if text.contains(needle.as_str()) { text.replace(needle.as_str(), MASK) } else { text }
        })
    }

    /// The same for bytes of any encoding.
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(bytes) {
            Ok(text) => self.text(&text).into_bytes(),
            Err(other) => self.needles.iter().fold(other.into_bytes(), |b, n| replace(b, n.as_bytes())),
        }
    }
}

/// The value itself, and what is left of an `Authorization` value without its scheme.
fn parts(value: &str) -> Vec<String> {
    let mut parts = vec![value.to_owned()];
    if let Some((scheme, rest)) = value.split_once(' ') {
        let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((user, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':'))
            && scheme.eq_ignore_ascii_case("basic")
        {
            parts.extend([user.to_owned(), password.to_owned(), format!("{user}:{password}")]);
        }
        parts.push(rest.trim().to_owned());
    }
    parts
}

fn encodings(value: &str) -> [String; 4] {
    let json = serde_json::Value::from(value).to_string();
    let json = json.trim_matches('"').to_owned();
    [value.to_owned(), percent(value), json.replace('/', "\\/"), json]
}

/// Percent-encoding with nothing but RFC 3986's unreserved characters left: a space is `%20`, never `+`, which
/// servers read in two ways.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

fn replace(bytes: Vec<u8>, needle: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some(at) = rest.windows(needle.len()).position(|w| w == needle) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(MASK.as_bytes());
        rest = &rest[at + needle.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str, secret: &str) -> String {
        redact(text, &[Secret::new(secret)])
    }

    #[test]
    fn a_secret_goes_in_each_form_in_which_it_may_come_back() {
        let secret = "p/ss w\"rd";
        assert_eq!(redacted("you sent p/ss w\"rd!", secret), "you sent [secret]!");
        assert_eq!(redacted("/x?key=p%2Fss%20w%22rd&a=1", secret), "/x?key=[secret]&a=1");
        assert_eq!(redacted(r#"{"sent":"p/ss w\"rd"}"#, secret), r#"{"sent":"[secret]"}"#);
        assert_eq!(redacted(r#"{"sent":"p\/ss w\"rd"}"#, secret), r#"{"sent":"[secret]"}"#);
    }

    #[test]
    fn an_authorization_value_goes_in_parts_too() {
        assert_eq!(redacted("token tok_123 is unknown", "Bearer tok_123"), "token [secret] is unknown");
        // "Basic " + base64("ck_user:cs_pass")
        let basic = "Basic Y2tfdXNlcjpjc19wYXNz";
        let text = "ck_user with cs_pass, or Y2tfdXNlcjpjc19wYXNz, or ck_user:cs_pass";
        assert_eq!(redacted(text, basic), "[secret] with [secret], or [secret], or [secret]");
    }

    #[test]
    fn the_longer_secret_goes_first() {
        let secrets = [Secret::new("abcd"), Secret::new("abcdefgh")];
        assert_eq!(redact("abcdefgh abcd", &secrets), "[secret] [secret]");
    }

    #[test]
    fn short_and_empty_values_stay() {
        assert_eq!(redact("version 1.0", &[Secret::new("1.0"), Secret::new("")]), "version 1.0");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_redacted_and_else_kept() {
        let scrub = Scrub::new(&[Secret::new("tok_123")]);
        assert_eq!(scrub.bytes(b"\x93\xfa tok_123 \x96\x7b".to_vec()), b"\x93\xfa [secret] \x96\x7b");
    }

    #[test]
    fn percent_encoding_leaves_only_unreserved_characters() {
        assert_eq!(percent("a-b_c.d~e f+g&h=/é"), "a-b_c.d~e%20f%2Bg%26h%3D%2F%C3%A9");
    }
}
