//! The first run: nobody is there yet, and whoever has the code from the daemon's log becomes the owner.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use banto_channel::{Bilingual, Timestamp, both};
use serde::Deserialize;

use super::access::Routes;
use super::login::{self, Bare, Caller};
use super::visit;
use super::{Access, Desk, Fault, Language, Role, html};
use crate::domain::people::{PersonFault, fit_password, full_name, login_name};
use crate::keys;
use crate::store::{NewPerson, Store, StoreError};

#[derive(Template)]
#[template(path = "setup.html", config = "src/web/askama.toml")]
struct SetupPage {
    b: Bare,
    form: SetupForm,
}

/// What the page asks for. What it shows again after a mistake has no password in it.
#[derive(Clone, Deserialize)]
struct SetupForm {
    code: String,
    name: String,
    full_name: String,
    password: String,
    again: String,
    language: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/setup", Access::Public, show).post("/setup", Access::Public, make)
}

/// Makes a code for the set-up and says in the log where to use it; nothing once there is somebody.
///
/// Errors: the store's.
pub async fn announce(store: &Store, address: SocketAddr, now: Timestamp) -> crate::store::Result<()> {
    if store.has_people().await? {
        return Ok(());
    }
    let code = keys::readable_code();
    match store.add_setup_code(&keys::digest(&code), now).await {
        Ok(()) => {
            tracing::info!(
                "nobody uses the screen yet; make the owner at http://{address}/setup?code={code}"
            );
            Ok(())
        }
        // Somebody was quicker.
        Err(StoreError::Person(PersonFault::SetUpAlready)) => Ok(()),
        Err(error) => Err(error),
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    code: String,
}

async fn show(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    if desk.store().has_people().await? {
        return Ok(Redirect::to("/login").into_response());
    }
    let language = login::language(&headers, &desk.app().config.shop.language).tag().to_owned();
    let blank = String::new;
    let form = SetupForm {
        code: asked.code,
        name: blank(),
        full_name: blank(),
        password: blank(),
        again: blank(),
        language,
    };
    html(&SetupPage { b: bare(&desk, &headers, None), form })
}

fn bare(desk: &Desk, headers: &HeaderMap, error: Option<&Bilingual>) -> Bare {
    Bare::new(desk, headers, &both!("Set up", "初期設定"), error)
}

async fn make(
    State(desk): State<Desk>,
    caller: Caller,
    Form(form): Form<SetupForm>,
) -> Result<Response, Fault> {
    let now = desk.now();
    if let Err(wait) = desk.limit.begin("/setup", &caller.address, now) {
        let why = login::too_many(wait);
        let answer = Fault { status: StatusCode::TOO_MANY_REQUESTS, why }.into_response();
        return Ok(login::retry_after(answer, wait));
    }
    let owner = match set_up(&desk, &form, now).await {
        Ok(owner) => owner,
        Err(Trouble::Typed(why)) => {
            let b = bare(&desk, &caller.headers, Some(&why));
            let mut answer = html(&SetupPage { b, form })?;
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(answer);
        }
        Err(Trouble::Fault(fault)) => return Err(fault),
    };
    desk.limit.succeeded("/setup", &caller.address, now);
    let mut answer = Redirect::to("/").into_response();
    if let Some(token) = login::begin(&desk, &caller, &owner, None, now).await? {
        visit::set_token(&desk, &mut answer, Some(&token.0));
    }
    Ok(answer)
}

/// Why there is no owner now.
enum Trouble {
    /// Something to be typed again.
    Typed(Bilingual),
    Fault(Fault),
}

impl From<PersonFault> for Trouble {
    fn from(fault: PersonFault) -> Self {
        Self::Typed(fault.words())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Person(PersonFault::SetUpAlready) => {
                Self::Fault(Fault::refused(PersonFault::SetUpAlready.words()))
            }
            StoreError::Person(fault) => fault.into(),
            other => Self::Fault(other.into()),
        }
    }
}

async fn set_up(desk: &Desk, form: &SetupForm, now: Timestamp) -> Result<crate::store::PersonRow, Trouble> {
    // Looked at before the password is hashed: a house that is set up does no such work for strangers.
    if desk.store().has_people().await? {
        return Err(StoreError::Person(PersonFault::SetUpAlready).into());
    }
    let name = login_name(&form.name)?;
    full_name(&form.full_name)?;
    fit_password(&form.password, &name)?;
    if form.password != form.again {
        return Err(Trouble::Typed(both!("The two passwords differ", "パスワードが一致しません")));
    }
    let hash = keys::hash_password(form.password.clone()).await;
    let hash = hash.map_err(|error| Trouble::Fault(Fault::from_trouble(error)))?;
    let owner = NewPerson {
        name: &name,
        full_name: &form.full_name,
        password: &hash,
        role: Role::Owner,
        language: Language::from_tag(&form.language).unwrap_or_default(),
    };
    let code = form.code.trim().to_ascii_lowercase();
    Ok(desk.store().set_up(&owner, &keys::digest(&code), now).await?)
}
