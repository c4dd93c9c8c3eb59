//! One question to the Admin API: session, sending, and what a failure means.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banto_channel::{
    Bilingual, Cx, Doing, Error, ErrorKind, Method, Request, Response, Result, Secret, both,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Vendure;
use crate::config::Credentials;
use crate::documents;
use crate::model::Told;

/// The header in which a login answers with the session's token.
const TOKEN_HEADER: &str = "vendure-auth-token";
/// Characters of the server's words that are passed on.
const WORDS: usize = 300;

/// The token of the session that is open, if any. Lost in a restart, which costs one login.
#[derive(Debug, Default)]
pub(crate) struct Session(Mutex<Option<Secret>>);

impl Session {
    fn token(&self) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, token: Secret) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}

/// A document to send, and what may be done with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) document: &'a str,
    /// What it is for, in words that follow "while".
    pub(crate) doing: Doing<'static>,
    /// Whether sending it twice does no more than sending it once.
    pub(crate) idempotent: bool,
}

impl<'a> Question<'a> {
    /// A question that changes nothing, or sets what is absolute.
    pub(crate) fn safe(document: &'a str, doing: impl Into<Doing<'static>>) -> Self {
        Self { document, doing: doing.into(), idempotent: true }
    }

    /// An order to do something.
    pub(crate) fn once(document: &'a str, doing: impl Into<Doing<'static>>) -> Self {
        Self { document, doing: doing.into(), idempotent: false }
    }
}

#[derive(Serialize)]
struct Body<'a, V> {
    query: &'a str,
    variables: &'a V,
}

/// One of the `errors` of an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) path: Vec<Value>,
    extensions: Extensions,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Extensions {
    code: String,
}

#[derive(Debug, Deserialize)]
struct Envelope<T> {
    data: Option<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Faults {
    errors: Vec<Fault>,
}

/// An answer in GraphQL's form, with data, errors or both.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
    faults: Vec<Fault>,
    doing: Doing<'static>,
}

impl Answer {
    fn of(response: Response, doing: Doing<'static>) -> Result<Self> {
        let faults: Faults = match response.is_success() || response.status == 400 {
            true => match response.json() {
                Err(e) if response.is_success() => return Err(e),
                read => read.unwrap_or_default(),
            },
            false => Faults::default(),
        };
        if !response.is_success() && faults.errors.is_empty() {
            let error = response.error(doing);
            return Err(match retry_after(&response) {
                Some(delay) => error.after(delay),
                None => error,
            });
        }
        Ok(Self { response, faults: faults.errors, doing })
    }

    /// The first error, if there is one.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.faults.first()
    }

    /// The text of the errors as they came.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.response.body).into_owned()
    }

    fn is_forbidden(&self) -> bool {
        self.forbidden().is_err()
    }

    /// Errors: [`ErrorKind::Auth`] if that is what is wrong.
    pub(crate) fn forbidden(&self) -> Result<()> {
        let fault = self.faults.iter().find(|fault| fault.kind() == ErrorKind::Auth);
        fault.map_or(Ok(()), |fault| Err(fault.error(self.doing)))
    }

    /// The data, if nothing failed.
    ///
    /// Errors: what the first error means; [`ErrorKind::Malformed`] for data of another shape.
    pub(crate) fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        if let Some(fault) = self.fault() {
            return Err(fault.error(self.doing));
        }
        let envelope: Envelope<T> = self.response.json()?;
        envelope.data.ok_or_else(|| {
            let what = both!("an answer without data and without errors", "応答にデータもエラーもありません");
            Error::told(ErrorKind::Malformed, self.doing.ended(&what))
        })
    }
}

impl Fault {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.extensions.code.as_str() {
            "FORBIDDEN" | "UNAUTHORIZED" | "UNAUTHENTICATED" => ErrorKind::Auth,
            "CHANNEL_NOT_FOUND" | "GRAPHQL_VALIDATION_FAILED" => ErrorKind::Config,
            "ENTITY_NOT_FOUND" => ErrorKind::NotFound,
            "USER_INPUT_ERROR" | "BAD_USER_INPUT" | "ILLEGAL_OPERATION" => ErrorKind::Refused,
            _ => ErrorKind::Unreachable,
        }
    }

    /// The server's own words.
    pub(crate) fn words(&self) -> String {
        let plain: String = self.message.chars().filter(|c| !c.is_control()).take(WORDS).collect();
        match self.extensions.code.as_str() {
            "" => plain,
            code => format!("{plain} ({code})"),
        }
    }

    /// The error for whoever called.
    pub(crate) fn error<'a>(&self, doing: impl Into<Doing<'a>>) -> Error {
        let remedy = match self.extensions.code.as_str() {
            "FORBIDDEN" => both!(
                "The role of banto's administrator or API key lacks a permission: it needs ReadOrder, UpdateOrder, ReadCatalog \
                 and UpdateCatalog in this channel",
                "banto用の管理者またはAPIキーのロールに権限がありません。このチャネルでの ReadOrder、UpdateOrder、ReadCatalog、\
                 UpdateCatalog が必要です"
            ),
            "CHANNEL_NOT_FOUND" => both!(
                "Copy channel_token again from Settings > Channels",
                "channel_token を Settings > Channels からコピーし直してください"
            ),
            "GRAPHQL_VALIDATION_FAILED" => both!(
                "This server's schema differs from Vendure 3's: update it, or look at note_custom_field",
                "サーバーのスキーマがVendure 3と異なります。更新するか、note_custom_field を確認してください"
            ),
            _ if self.kind() == ErrorKind::Unreachable => {
                both!("The shop itself failed", "ショップ側の障害です")
            }
            _ => Bilingual::default(),
        };
        let said = match self.kind() {
            ErrorKind::Auth => both!("{said}", "サーバーの応答: {said}", said = self.words()),
            _ => Bilingual::quoted(self.words()),
        };
        Error::told(self.kind(), doing.into().ended(&said.then(remedy)))
    }
}

impl Vendure {
    /// Asks, opening a session first where that is needed, and once more where it has ended.
    ///
    /// Errors: those of the way there. What GraphQL calls errors stands in the answer.
    pub(crate) async fn ask<V: Serialize>(
        &self,
        cx: &Cx,
        question: Question<'_>,
        variables: &V,
    ) -> Result<Answer> {
        let Credentials::Login { .. } = &self.settings.credentials else {
            return Answer::of(self.send(cx, question, variables, None).await?, question.doing);
        };
        let token = match self.session.token() {
            Some(token) => token,
            None => self.login(cx).await?,
        };
        let response = self.send(cx, question, variables, Some(&token)).await?;
        let refused = matches!(response.status, 401 | 403);
        let answer = Answer::of(response, question.doing);
        if !refused && !answer.as_ref().is_ok_and(Answer::is_forbidden) {
            return answer;
        }
        // What was refused was not done. Another call may have opened a session meanwhile.
        let newer = self.session.token().filter(|now| *now != token);
        let token = match newer {
            Some(token) => token,
            None => self.login(cx).await?,
        };
        Answer::of(self.send(cx, question, variables, Some(&token)).await?, question.doing)
    }

    /// Asks and reads the data.
    pub(crate) async fn told<V: Serialize, T: for<'a> Deserialize<'a>>(
        &self,
        cx: &Cx,
        question: Question<'_>,
        variables: &V,
    ) -> Result<T> {
        self.ask(cx, question, variables).await?.data()
    }

    async fn send<V: Serialize>(
        &self,
        cx: &Cx,
        question: Question<'_>,
        variables: &V,
        token: Option<&Secret>,
    ) -> Result<Response> {
        let mut request = self.request(question.document, variables)?;
        request.idempotent = question.idempotent;
        if let Some(token) = token {
            let bearer = Secret::new(&format!("Bearer {}", token.expose()));
            request = request.secret_header("authorization", bearer);
        } else if let Credentials::ApiKey(key) = &self.settings.credentials {
            request = request.secret_header("vendure-api-key", key.clone());
        }
        cx.http.send(request).await
    }

    fn request<V: Serialize>(&self, document: &str, variables: &V) -> Result<Request> {
        let request = Request::new(Method::Post, &self.settings.url)
            .header("accept", "application/json")
            .json(&Body { query: document, variables })?;
        Ok(match &self.settings.channel_token {
            Some(channel) => request.header("vendure-token", channel),
            None => request,
        })
    }

    /// Opens a session.
    ///
    /// Errors: [`ErrorKind::Auth`] when name and password are refused; [`ErrorKind::Config`] for a server that keeps
    /// its sessions in cookies alone.
    async fn login(&self, cx: &Cx) -> Result<Secret> {
        let doing = Doing::from(("logging in", "ログイン"));
        let Credentials::Login { username, password } = &self.settings.credentials else {
            return Err(Error::new(ErrorKind::Unexpected, "an API key needs no session"));
        };
        #[derive(Serialize)]
        struct Variables<'a> {
            username: &'a str,
            password: &'a str,
        }
        #[derive(Deserialize)]
        struct Data {
            login: Told,
        }
        let variables = Variables { username, password: password.expose() };
        let mut request = self.request(documents::LOGIN, &variables)?.secret_body(password.clone());
        // A second session does no harm.
        request.idempotent = true;
        let answer = Answer::of(cx.http.send(request).await?, doing)?;
        let Data { login } = answer.data()?;
        if login.error_code.is_some() {
            return Err(Error::told(
                ErrorKind::Auth,
                both!(
                    "logging in as {username:?}: {said}. Check username and the file that password_file names; the \
                     administrator may have been deleted or got another password",
                    "{username:?} としてのログイン: {said}。username と password_file のファイルを確認してください。管理者が\
                     削除されたか、パスワードが変更された可能性があります",
                    said = login.words()
                ),
            ));
        }
        let token = answer.response.header(TOKEN_HEADER).map(Secret::new).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            Error::told(
                ErrorKind::Config,
                both!(
                    "the login was accepted, but no vendure-auth-token came back: add \"bearer\" to \
                     authOptions.tokenMethod in the server's config, or let the proxy pass that header",
                    "ログインは成功しましたが vendure-auth-token が返りません。サーバー設定の authOptions.tokenMethod に \
                     \"bearer\" を加えるか、プロキシがこのヘッダーを通すようにしてください"
                ),
            )
        })?;
        self.session.set(token.clone());
        Ok(token)
    }
}

/// The seconds of a `Retry-After` header.
fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}
