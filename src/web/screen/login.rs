//! Logging in and out.

use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Form, Query, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use banto_channel::{Bilingual, Timestamp, both};
use serde::Deserialize;

use super::access::Routes;
use super::visit::{self, SessionKey};
use super::{Access, Desk, Fault, Language, Visit, html};
use crate::domain::people::PersonFault;
use crate::keys::{self, OneTime, Token};
use crate::store::{Login, PersonRow, StoreError};

/// What a page without menu shows around its form. A template knows it as `b`.
#[derive(Clone, Debug)]
pub(super) struct Bare {
    pub(super) language: Language,
    pub(super) title: String,
    pub(super) shop: String,
    pub(super) error: Option<String>,
}

impl Bare {
    /// In the language that the browser asks for.
    pub(super) fn new(
        desk: &Desk,
        headers: &HeaderMap,
        title: &Bilingual,
        error: Option<&Bilingual>,
    ) -> Self {
        let app = desk.app();
        let language = language(headers, &app.config.shop.language);
        Self {
            language,
            title: language.say(title),
            shop: app.config.shop.name.clone(),
            error: error.map(|error| language.say(error)),
        }
    }

    pub(super) fn t<'a>(&self, en: &'a str, ja: &'a str) -> &'a str {
        match self.language {
            Language::Ja => ja,
            Language::En => en,
        }
    }
}

/// The first of our languages in `Accept-Language`, else the shop's.
pub(super) fn language(headers: &HeaderMap, shop: &str) -> Language {
    let asked =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut tags = asked.split(',').map(|tag| tag.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
    tags.find_map(|tag| Language::from_tag(&tag)).or_else(|| Language::from_tag(shop)).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "login.html", config = "src/web/askama.toml")]
struct LoginPage {
    b: Bare,
    name: String,
    next: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/login", Access::Public, show).post("/login", Access::Public, log_in).post(
        "/logout",
        Access::Read,
        log_out,
    )
}

#[derive(Deserialize)]
struct Asked {
    next: Option<String>,
}

async fn show(
    State(desk): State<Desk>,
    visit: Option<Extension<Visit>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let next = visit::local(asked.next.as_deref());
    if visit.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    if !desk.store().has_people().await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    html(&page(&desk, &headers, None, (String::new(), next)))
}

fn page(
    desk: &Desk,
    headers: &HeaderMap,
    error: Option<&Bilingual>,
    (name, next): (String, String),
) -> LoginPage {
    LoginPage { b: Bare::new(desk, headers, &both!("Log in", "ログイン"), error), name, next }
}

#[derive(Deserialize)]
struct LoginForm {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
    next: Option<String>,
}

/// A request as a login knows it: what it brings, and from where.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) headers: HeaderMap,
    pub(super) address: String,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let extensions: &Extensions = &parts.extensions;
        Ok(Self { address: visit::address(&parts.headers, extensions), headers: parts.headers.clone() })
    }
}

async fn log_in(
    State(desk): State<Desk>,
    caller: Caller,
    Form(form): Form<LoginForm>,
) -> Result<Response, Fault> {
    let next = visit::local(form.next.as_deref());
    let again = |status: StatusCode, why: &Bilingual| -> Result<Response, Fault> {
        let mut answer = html(&page(&desk, &caller.headers, Some(why), (form.name.clone(), next.clone())))?;
        *answer.status_mut() = status;
        Ok(answer)
    };
    let name = crate::domain::people::login_name(&form.name).unwrap_or_else(|_| form.name.clone());
    let now = desk.now();
    if let Err(wait) = desk.limit.begin(&name, &caller.address, now) {
        return Ok(retry_after(again(StatusCode::TOO_MANY_REQUESTS, &too_many(wait))?, wait));
    }
    let begun = match known(&desk, &form, now).await? {
        Some((person, step)) => begin(&desk, &caller, &person, step, now).await?,
        None => None,
    };
    match begun {
        Some(token) => {
            desk.limit.succeeded(&name, &caller.address, now);
            let mut answer = Redirect::to(&next).into_response();
            visit::set_token(&desk, &mut answer, Some(&token.0));
            Ok(answer)
        }
        None => {
            tracing::info!(name, address = caller.address, "a login was refused");
            again(
                StatusCode::UNAUTHORIZED,
                &both!(
                    "Name, password or one-time code is wrong",
                    "ログイン名・パスワード・確認コードのいずれかが違います"
                ),
            )
        }
    }
}

/// Whose name, password and code these are. An unknown name takes as long as a known one.
async fn known(
    desk: &Desk,
    form: &LoginForm,
    now: Timestamp,
) -> Result<Option<(PersonRow, Option<i64>)>, Fault> {
    let person = desk.store().person_called(&form.name).await?.filter(|p| p.disabled_at.is_none());
    let stored = person.as_ref().map(|p| p.password.clone());
    if !keys::is_password(form.password.clone(), stored).await {
        return Ok(None);
    }
    let Some(person) = person else { return Ok(None) };
    let step = match person.totp {
        None => None,
        Some(_) => match codes_of(desk, &person).await?.step(&form.code, now) {
            None => return Ok(None),
            step => step,
        },
    };
    Ok(Some((person, step)))
}

/// The one-time codes of somebody who is asked for them. Where they cannot be known any more, nobody comes in without
/// them, and whose password was right is told the way.
async fn codes_of(desk: &Desk, person: &PersonRow) -> Result<OneTime, Fault> {
    let name = &person.name;
    let lost = || Fault {
        status: StatusCode::SERVICE_UNAVAILABLE,
        why: both!(
            "One-time codes cannot be checked: the house's key, or what they were made with, is lost. `banto doctor` says \
             more. An owner lets you in without a code, on your page among the users or with `banto users reset-totp {name}`",
            "確認コードを照合できません。店舗キー、またはコードの元になる情報が失われています。詳しくは `banto doctor` で\
             確認できます。管理者が利用者画面または `banto users reset-totp {name}` で2段階認証を解除すれば、ログインできます"
        ),
    };
    let salt = person.totp_salt.as_deref().ok_or_else(lost)?;
    let key = desk.app().key.read(desk.store()).await.map_err(|fault| {
        tracing::error!(name, error = %fault, "a one-time code cannot be checked");
        lost()
    })?;
    OneTime::new(key.codes(person.id, salt), "", name).map_err(Fault::from_trouble)
}

/// Begins a session and ends the one that the browser had; `None` when the person may not, or the code was used.
pub(super) async fn begin(
    desk: &Desk,
    caller: &Caller,
    person: &PersonRow,
    totp_step: Option<i64>,
    now: Timestamp,
) -> Result<Option<Token>, Fault> {
    let (token, csrf) = (Token::new(), Token::new());
    let agent =
        caller.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let login = Login {
        person: person.id,
        totp_step,
        session: &token.digest(),
        csrf: &csrf.0,
        agent,
        address: &caller.address,
    };
    match desk.store().log_in(&login, now).await {
        Ok(_) => {}
        Err(StoreError::Person(PersonFault::Disabled | PersonFault::Nobody | PersonFault::OneTimeCode)) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(old) = visit::token(desk, &caller.headers) {
        let old = keys::digest(&old);
        if let Some(visitor) = desk.store().visitor(&old, now).await? {
            let actor = format!("user:{}", visitor.name);
            desk.store().end_session((visitor.person_id, &visitor.name), &old, &actor, now).await?;
        }
    }
    Ok(Some(token))
}

pub(super) fn too_many(wait: Duration) -> Bilingual {
    let seconds = wait.as_secs().max(1);
    both!(
        "Too many tries; try again in {seconds} seconds",
        "試行回数が多すぎます。{seconds}秒後にもう一度お試しください"
    )
}

pub(super) fn retry_after(mut answer: Response, wait: Duration) -> Response {
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    answer
}

async fn log_out(
    State(desk): State<Desk>,
    visit: Visit,
    SessionKey(session): SessionKey,
) -> Result<Response, Fault> {
    desk.store().end_session((visit.user, &visit.name), &session, &visit.actor(), desk.now()).await?;
    let mut answer = Redirect::to("/login").into_response();
    visit::set_token(&desk, &mut answer, None);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_that_we_speak() {
        for (asked, shop, spoken) in [
            ("en-US,en;q=0.9,ja;q=0.8", "ja", Language::En),
            ("fr,ja;q=0.5", "en", Language::Ja),
            ("fr", "en", Language::En),
            ("", "ja", Language::Ja),
            ("日本語", "", Language::Ja),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(asked.as_bytes()) {
                headers.insert(header::ACCEPT_LANGUAGE, value);
            }
            assert_eq!(language(&headers, shop), spoken, "{asked}");
        }
    }

    #[test]
    fn what_was_typed_comes_back_as_text() {
        let b = Bare { language: Language::En, title: "Log in".into(), shop: "<b>".into(), error: None };
        let page = LoginPage { b, name: "\"><script>alert(1)</script>".into(), next: "/?q=\"<".into() };
        let text = page.render().unwrap();
        assert!(!text.contains("<script>") && !text.contains("<b>"), "{text}");
        assert!(text.contains("&#60;script&#62;"), "{text}");
    }
}
