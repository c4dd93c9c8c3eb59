//! The access token: a lasting one, or one of a day that the app's own id and secret fetch (RFC 6749 §4.4).

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{
    Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, Secret, Timestamp, both,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::Shopify;

/// A token is fetched anew this long before it runs out.
const EARLY: Duration = Duration::from_secs(300);

/// What proves who calls.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// A custom app's token, which lasts until somebody revokes it.
    Lasting(Secret),
    /// An app's id and secret, and the token that they fetched last.
    Grant { client_id: String, secret: Secret, kept: Mutex<Option<Kept>> },
}

/// A token, and when it runs out.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    token: Secret,
    until: Timestamp,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

impl Credentials {
    pub(crate) fn token(token: Secret) -> Self {
        Self::Lasting(token)
    }

    pub(crate) fn grant(client_id: &str, secret: Secret) -> Self {
        Self::Grant { client_id: client_id.to_owned(), secret, kept: Mutex::new(None) }
    }

    /// Whether another token may be had when one is refused.
    pub(crate) const fn renews(&self) -> bool {
        matches!(self, Self::Grant { .. })
    }

    /// Forgets a token that was refused, unless another one took its place already.
    pub(crate) fn forget(&self, refused: &Secret) {
        if let Self::Grant { kept, .. } = self {
            let mut kept = lock(kept);
            if kept.as_ref().is_some_and(|kept| kept.token == *refused) {
                *kept = None;
            }
        }
    }

    /// Takes every credential out of a text that the other side wrote.
    pub(crate) fn redact(&self, text: &str) -> String {
        let known = match self {
            Self::Lasting(token) => vec![token.clone()],
            Self::Grant { secret, kept, .. } => {
                let token = lock(kept).as_ref().map(|kept| kept.token.clone());
                [Some(secret.clone()), token].into_iter().flatten().collect()
            }
        };
        known
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "…"))
    }
}

impl Shopify {
    /// The token to call with.
    ///
    /// Errors: those of fetching one; [`ErrorKind::Auth`] when the app's id or secret is refused.
    pub(crate) async fn token(&self, cx: &Cx) -> Result<Secret> {
        let (client_id, secret, kept) = match &self.settings.credentials {
            Credentials::Lasting(token) => return Ok(token.clone()),
            Credentials::Grant { client_id, secret, kept } => (client_id, secret, kept),
        };
        let now = cx.clock.now();
        let good = lock(kept).clone().filter(|kept| now.plus(EARLY) < kept.until);
        if let Some(kept) = good {
            return Ok(kept.token);
        }
        let response = cx.http.send(self.grant(client_id, secret)).await.map_err(|e| self.redacted(e))?;
        let granted = self.granted(&response)?;
        let token = Secret::new(&granted.access_token);
        let until = now.plus(Duration::from_secs(granted.expires_in));
        *lock(kept) = Some(Kept { token: token.clone(), until });
        Ok(token)
    }

    fn grant(&self, client_id: &str, secret: &Secret) -> Request {
        let mut request =
            Request::new(Method::Post, format!("{}/admin/oauth/access_token", self.settings.url))
                .header("accept", "application/json")
                .header("content-type", "application/x-www-form-urlencoded")
                .group("token")
                .secret_body(secret.clone())
                // Another token does not end the one before.
                .idempotent();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret.expose()),
        ];
        let pairs: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        request.body = pairs.join("&").into_bytes();
        request
    }

    fn granted(&self, response: &Response) -> Result<Granted> {
        let doing = Doing::from(("fetching an access token", "アクセストークンの取得"));
        match response.status {
            200..=299 => response.json().map_err(|e| e.reworded(|words| doing.ended(&words))),
            status @ (400 | 401 | 403) => {
                let how = both!(
                    "HTTP {status}. Check client_id and client_secret_file (Dev Dashboard > app > Settings; a rotated \
                     secret is another one), that the app is installed in {shop}, and that app and shop belong to the \
                     same organization",
                    "HTTP {status}。client_id と client_secret_file（Dev Dashboard > アプリ > 設定。ローテーション後は別の値に\
                     なります）、アプリが {shop} にインストールされていること、アプリとストアが同じ組織に属していることを\
                     確認してください",
                    shop = self.settings.shop
                );
                Err(Error::told(ErrorKind::Auth, doing.ended(&how)))
            }
            _ => Err(self.redacted(self.http_error(response, doing))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept is replaced whole, so a panic elsewhere leaves nothing half-done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Percent-encoding with RFC 3986's unreserved set.
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

/// Whether `signature` (base64) is the HMAC-SHA256 of `message`, compared in constant time.
pub(crate) fn is_signed(secret: &Secret, message: &[u8], signature: &str) -> bool {
    let Ok(claimed) = STANDARD.decode(signature.trim()) else {
        return false;
    };
    Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .is_ok_and(|mac| mac.chain_update(message).verify_slice(&claimed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_known_by_its_signature() {
        let secret = Secret::new("Jefe");
        // RFC 4231, test case 2.
        let good = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert!(is_signed(&secret, b"what do ya want for nothing?", good));
        assert!(!is_signed(&secret, b"what do ya want for nothing!", good));
        assert!(!is_signed(&secret, b"x", "not base64 at all"));
        assert!(!is_signed(&secret, b"x", ""));
    }

    #[test]
    fn a_refused_token_is_forgotten_and_no_other() {
        let credentials = Credentials::grant("id", Secret::new("hush"));
        let keep = |token: &str| Kept { token: Secret::new(token), until: Timestamp(i64::MAX) };
        if let Credentials::Grant { kept, .. } = &credentials {
            *lock(kept) = Some(keep("new"));
        }
        credentials.forget(&Secret::new("old"));
        assert_eq!(credentials.redact("hush, said new"), "…, said …");
        credentials.forget(&Secret::new("new"));
        assert_eq!(credentials.redact("hush, said new"), "…, said new");
        assert_eq!(encode("a b&髙"), "a%20b%26%E9%AB%99");
    }
}
