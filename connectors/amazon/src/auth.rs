//! Login with Amazon: the refresh token of the seller buys access tokens of an hour.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{Cx, Error, ErrorKind, Method, Request, Response, Result, Secret, Timestamp, both};
use serde::Deserialize;

use crate::Amazon;
use crate::calls::percent;

/// A token is not used in its last minutes: a call may wait for its turn before it goes.
const MARGIN: Duration = Duration::from_secs(180);

/// The access token in use. A restart only costs a call.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Option<Token>>);

#[derive(Clone, Debug)]
struct Token {
    access: Secret,
    until: Timestamp,
}

impl Cache {
    fn token(&self) -> MutexGuard<'_, Option<Token>> {
        // What a panic elsewhere leaves behind is a token or none, and either is sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, now: Timestamp) -> Option<Secret> {
        self.token().as_ref().filter(|t| t.until > now).map(|t| t.access.clone())
    }

    /// Drops the token that was refused, unless another call has replaced it already.
    fn forget(&self, refused: &Secret) {
        let mut token = self.token();
        if token.as_ref().is_some_and(|t| t.access == *refused) {
            *token = None;
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

/// How Login with Amazon refuses (RFC 6749 §5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl Amazon {
    /// Sends a call with the access token; one that was refused is replaced once.
    pub(crate) async fn send_any(&self, cx: &Cx, request: Request) -> Result<Response> {
        let token = self.access(cx).await?;
        let response = cx.http.send(signed(request.clone(), &token)).await?;
        if !token_refused(&response) {
            return Ok(response);
        }
        self.tokens.forget(&token);
        let token = self.access(cx).await?;
        cx.http.send(signed(request, &token)).await
    }

    async fn access(&self, cx: &Cx) -> Result<Secret> {
        if let Some(token) = self.tokens.get(cx.clock.now()) {
            return Ok(token);
        }
        let response = cx.http.send(self.token_request()).await?;
        if !response.is_success() {
            return Err(no_token(&response));
        }
        let granted: Granted = response.json()?;
        let access = Secret::new(&granted.access_token);
        if access.is_empty() {
            let what = both!(
                "Login with Amazon answered without a token",
                "Login with Amazonの応答にトークンがありません"
            );
            return Err(Error::told(ErrorKind::Malformed, what));
        }
        let until = cx.clock.now().plus(Duration::from_secs(granted.expires_in).saturating_sub(MARGIN));
        *self.tokens.token() = Some(Token { access: access.clone(), until });
        Ok(access)
    }

    fn token_request(&self) -> Request {
        let settings = &self.settings;
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", settings.refresh_token.expose()),
            ("client_id", settings.client_id.as_str()),
            ("client_secret", settings.client_secret.expose()),
        ];
        let form: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", percent(value))).into();
        let mut request = Request::new(Method::Post, settings.token_url.as_str())
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded;charset=UTF-8")
            .secret_body(settings.refresh_token.clone())
            .secret_body(settings.client_secret.clone())
            // Asking twice gives two tokens, and the first is forgotten.
            .idempotent();
        request.body = form.join("&").into_bytes();
        request
    }
}

fn signed(request: Request, token: &Secret) -> Request {
    request.secret_header("x-amz-access-token", token.clone())
}

/// Whether the answer is about the token itself (expired, revoked, malformed) and not about a missing role.
fn token_refused(response: &Response) -> bool {
    match response.status {
        401 => true,
        403 => String::from_utf8_lossy(&response.body).to_lowercase().contains("access token"),
        _ => false,
    }
}

fn no_token(response: &Response) -> Error {
    let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
    let remedy = match refused.error.as_str() {
        "" => {
            return response.error((
                "asking Login with Amazon for a token",
                "アクセストークンの取得（Login with Amazon）",
            ));
        }
        "invalid_grant" => both!(
            "the refresh token is wrong, or the authorization was withdrawn or ran out; authorize the app anew in Seller \
             Central and put the new refresh token into refresh_token_file",
            "リフレッシュトークンが違うか、認証が取り消されたか、期限が切れています。セラーセントラル > アプリとサービス > アプリの開発 で\
             アプリを再認証し、新しいリフレッシュトークンを refresh_token_file に保存してください"
        ),
        "invalid_client" => both!(
            "client_id and client_secret_file do not fit, or the secret was rotated (it must be every 180 days); put the \
             new one from Developer Central into client_secret_file",
            "client_id（クライアントID）と client_secret_file（クライアントシークレット）の組み合わせが違うか、シークレットが\
             更新されています（180日ごとの更新が必須です）。デベロッパーセントラルの新しいシークレットを \
             client_secret_file に保存してください"
        ),
        "unauthorized_client" => both!(
            "client_id and refresh_token_file belong to different apps",
            "client_id と refresh_token_file が別々のアプリのものです"
        ),
        _ => both!(
            "check client_id, client_secret_file and refresh_token_file",
            "client_id、client_secret_file、refresh_token_file を確認してください"
        ),
    };
    let said: String = refused.error_description.chars().filter(|c| !c.is_control()).take(200).collect();
    let found = both!(
        "Login with Amazon refuses ({code}: {said})",
        "Login with Amazonに拒否されました（{code}: {said}）",
        code = refused.error
    );
    let words = found.with(&remedy);
    let kind = match response.status {
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Unreachable,
        _ => ErrorKind::Auth,
    };
    Error::told(kind, words)
}
