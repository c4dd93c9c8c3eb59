//! Who we are: YConnect v2's access token, and the public-key header of the order APIs.

use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, Secret, Timestamp, both,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::rand_core::OsRng;
use rsa::{Pkcs1v15Encrypt, RsaPublicKey};
use serde::Deserialize;

use crate::Yahoo;
use crate::calls::{TOKEN, form, retry_after};

/// A token is not used in the last minute of its life, so that it does not die on the way.
const RESERVE: Duration = Duration::from_secs(60);

/// An access token and when it ends.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    token: Secret,
    ends: Timestamp,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Lifetime,
}

/// Seconds; JSON has them as a number, older answers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lifetime {
    Number(u64),
    Text(String),
}

impl Lifetime {
    fn seconds(&self) -> u64 {
        match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.trim().parse().unwrap_or(0),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Denied {
    error: String,
    error_description: String,
}

impl Yahoo {
    /// An access token: the one at hand, or a new one if it ends soon or was refused.
    pub(crate) async fn token(&self, cx: &Cx, refused: bool) -> Result<Secret> {
        let now = cx.clock.now();
        if !refused && let Some(token) = self.token_at_hand(now) {
            return Ok(token);
        }
        let fresh = self.refresh(cx, now).await?;
        let token = fresh.token.clone();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(token)
    }

    fn token_at_hand(&self, now: Timestamp) -> Option<Secret> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        token.as_ref().filter(|t| now.plus(RESERVE) < t.ends).map(|t| t.token.clone())
    }

    /// Refreshing gives a new access token and leaves the refresh token as it is, so two at once do no harm.
    async fn refresh(&self, cx: &Cx, now: Timestamp) -> Result<AccessToken> {
        let s = &self.settings;
        let refresh = s.refresh_token.expose();
        let basic = STANDARD.encode(format!("{}:{}", s.client_id, s.client_secret.expose()));
        let mut request = Request::new(Method::Post, format!("{}/yconnect/v2/token", s.auth_url))
            .header("content-type", "application/x-www-form-urlencoded")
            .secret_header("authorization", Secret::new(&format!("Basic {basic}")))
            .secret_body(s.refresh_token.clone())
            .secret_body(s.client_secret.clone())
            .group(TOKEN)
            .idempotent();
        request.body = form(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]);
        let answer = cx.http.send(request).await?;
        if !answer.is_success() {
            return Err(denied(&answer));
        }
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| {
            let what = both!(
                "Yahoo!'s token endpoint answered with something else than a token; it may be under maintenance",
                "トークンの発行元から想定外の応答がありました。Yahoo!がメンテナンス中の可能性があります"
            );
            Error::told(ErrorKind::Malformed, what)
        })?;
        let token = Secret::new(&granted.access_token);
        match token.is_empty() {
            true => {
                let what = both!(
                    "Yahoo!'s token endpoint answered with an empty token",
                    "トークンの発行元から空のトークンが返りました"
                );
                Err(Error::told(ErrorKind::Malformed, what))
            }
            false => {
                let lives = Duration::from_secs(granted.expires_in.seconds());
                Ok(AccessToken { token, ends: now.plus(lives) })
            }
        }
    }

    /// The proof that an order API wants beside the token.
    pub(crate) fn signed(&self, cx: &Cx, request: Request) -> Result<Request> {
        let Some(key) = &self.settings.public_key else { return Ok(request) };
        let proof = format!("{}:{}", self.settings.seller_id, cx.clock.now().as_secs());
        Ok(request
            .secret_header("x-sws-signature", key.seal(&proof)?)
            .header("x-sws-signature-version", key.version.clone()))
    }
}

/// What a refused refresh means. The body is not shown: it is JSON whose words are known.
fn denied(answer: &Response) -> Error {
    let told: Denied = serde_json::from_slice(&answer.body).unwrap_or_default();
    let (kind, why) = match told.error.as_str() {
        "invalid_grant" => (
            ErrorKind::Auth,
            both!(
                "the refresh token is no longer valid: four weeks are over, the password was changed or the consent was \
                 withdrawn. Consent anew (see the connector's README), put the new token into refresh_token_file and \
                 the day into consented_at",
                "リフレッシュトークンが無効です。4週間の期限切れ、パスワードの変更、または同意の取り消しが考えられます。\
                 もう一度同意し（手順はコネクタのREADME）、新しいトークンを refresh_token_file に、同意した日を consented_at に\
                 設定してください"
            ),
        ),
        "invalid_client" => (
            ErrorKind::Auth,
            both!(
                "client_id and client_secret_file do not belong together; compare them with the application's page",
                "client_id（アプリケーションID）と client_secret_file（シークレット）の組み合わせが違います。\
                 アプリケーションの管理ページと照らし合わせてください"
            ),
        ),
        "" => (answer.error("").kind, Bilingual::quoted(format!("HTTP {}", answer.status))),
        other => (ErrorKind::Auth, Bilingual::quoted(format!("{other} {}", told.error_description))),
    };
    let doing = Doing::from(("asking Yahoo! for an access token", "アクセストークンの取得"));
    let error = Error::told(kind, doing.ended(&why));
    match retry_after(answer) {
        Some(delay) => error.after(delay),
        None => error,
    }
}

/// The store's public key (公開鍵認証).
pub(crate) struct PublicKey {
    key: RsaPublicKey,
    version: String,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("version", &self.version).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Reads a key with or without the lines around it, as SubjectPublicKeyInfo or PKCS #1.
    pub(crate) fn read(text: &str, version: &str) -> Option<Self> {
        let bare: String = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let der = STANDARD.decode(bare).ok()?;
        let key = RsaPublicKey::from_public_key_der(&der).ok();
        let key = key.or_else(|| RsaPublicKey::from_pkcs1_der(&der).ok())?;
        Some(Self { key, version: version.to_owned() })
    }

    /// `X-sws-signature` is an encryption, by RSA with PKCS #1 v1.5, which needs chance; no test depends on it.
    fn seal(&self, proof: &str) -> Result<Secret> {
        let sealed = self.key.encrypt(&mut OsRng, Pkcs1v15Encrypt, proof.as_bytes()).map_err(|e| {
            let what = both!(
                "public_key_file: the key cannot encrypt: {e}",
                "public_key_file の公開鍵で暗号化できません: {e}"
            );
            Error::told(ErrorKind::Config, what)
        })?;
        Ok(Secret::new(&STANDARD.encode(sealed)))
    }
}
