//! Users, for the owner: who may come in, and as what.

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::access::Routes;
use super::me::SessionRow;
use super::{Access, Desk, Fault, Language, Page, Role, Section, Visit, done, html};
use crate::domain::people::{PersonFault, fit_password, login_name};
use crate::keys;
use crate::store::{NewPerson, PersonAt, PersonChange, PersonRow};

#[derive(Template)]
#[template(path = "users.html", config = "src/web/askama.toml")]
struct UsersPage {
    p: Page,
    people: Vec<PersonRow>,
}

#[derive(Template)]
#[template(path = "user.html", config = "src/web/askama.toml")]
struct UserPage {
    p: Page,
    person: PersonRow,
    sessions: Vec<SessionRow>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/users", Access::Owner, list)
        .post("/users", Access::Owner, add)
        .get("/users/{id}", Access::Owner, show)
        .post("/users/{id}/change", Access::Owner, change)
        .post("/users/{id}/password", Access::Owner, password)
        .post("/users/{id}/reset-totp", Access::Owner, reset_totp)
        .post("/users/{id}/end-sessions", Access::Owner, end_sessions)
        .post("/users/{id}/disable", Access::Owner, disable)
        .post("/users/{id}/enable", Access::Owner, enable)
}

async fn list(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let people = desk.store().people().await?;
    let p = desk.page(&visit, Section::House, &both!("Users", "利用者"));
    html(&UsersPage { p, people })
}

async fn show(State(desk): State<Desk>, visit: Visit, Path(id): Path<i64>) -> Result<Response, Fault> {
    let person = desk.store().person(id).await?;
    let sessions = desk.store().sessions_of(id, desk.now()).await?;
    let sessions = sessions.into_iter().map(|view| SessionRow::new(view, "")).collect();
    let p = desk.page(&visit, Section::House, &Bilingual::quoted(&person.full_name));
    html(&UserPage { p, person, sessions })
}

#[derive(Deserialize)]
struct AddForm {
    name: String,
    full_name: String,
    password: String,
    role: String,
    language: String,
}

fn role(name: &str) -> Result<Role, Fault> {
    Role::from_name(name)
        .ok_or_else(|| Fault::bad_input(both!("There is no such role", "その権限は存在しません")))
}

fn typed(fault: PersonFault) -> Fault {
    Fault::bad_input(fault.words())
}

async fn add(State(desk): State<Desk>, visit: Visit, Form(form): Form<AddForm>) -> Result<Response, Fault> {
    let name = login_name(&form.name).map_err(typed)?;
    fit_password(&form.password, &name).map_err(typed)?;
    let role = role(&form.role)?;
    let hash = keys::hash_password(form.password).await.map_err(Fault::from_trouble)?;
    let new = NewPerson {
        name: &name,
        full_name: &form.full_name,
        password: &hash,
        role,
        language: Language::from_tag(&form.language).unwrap_or_default(),
    };
    let person = desk.store().add_person(&new, &visit.actor(), desk.now()).await?;
    let name = person.full_name;
    Ok(done(&visit, "/users", &both!("{name} can log in now", "{name}さんを追加しました")))
}

/// What every form about a person carries: the version that its page showed.
#[derive(Deserialize)]
struct AtForm {
    version: i64,
}

#[derive(Deserialize)]
struct ChangeForm {
    version: i64,
    full_name: String,
    role: String,
}

/// Makes a change and goes back to the person's page.
async fn apply(
    desk: &Desk,
    visit: &Visit,
    (id, version): (i64, i64),
    change: &PersonChange<'_>,
    said: &Bilingual,
) -> Result<Response, Fault> {
    let who = PersonAt { id, version: Some(version) };
    desk.store().change_person(who, change, &visit.actor(), desk.now()).await?;
    Ok(done(visit, &format!("/users/{id}"), said))
}

async fn change(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<ChangeForm>,
) -> Result<Response, Fault> {
    let change = PersonChange::Profile { full_name: &form.full_name, role: role(&form.role)? };
    apply(&desk, &visit, (id, form.version), &change, &both!("Changed", "変更しました")).await
}

#[derive(Deserialize)]
struct PasswordForm {
    version: i64,
    password: String,
}

async fn password(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Fault> {
    let person = desk.store().person(id).await?;
    fit_password(&form.password, &person.name).map_err(typed)?;
    let hash = keys::hash_password(form.password).await.map_err(Fault::from_trouble)?;
    let change = PersonChange::Password { hash: &hash, keep: None };
    let said = both!(
        "The password is changed, and every browser logged out",
        "パスワードを変更し、すべての端末をログアウトしました"
    );
    apply(&desk, &visit, (id, form.version), &change, &said).await
}

async fn reset_totp(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<AtForm>,
) -> Result<Response, Fault> {
    let said = both!("A login asks for no code any more", "2段階認証を解除しました");
    apply(&desk, &visit, (id, form.version), &PersonChange::OneTimeCodes(None), &said).await
}

async fn disable(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<AtForm>,
) -> Result<Response, Fault> {
    let said = both!("This user can log in no more", "この利用者を無効にしました");
    apply(&desk, &visit, (id, form.version), &PersonChange::Disable, &said).await
}

async fn enable(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<AtForm>,
) -> Result<Response, Fault> {
    let said = both!("This user can log in again", "この利用者を有効にしました");
    apply(&desk, &visit, (id, form.version), &PersonChange::Enable, &said).await
}

async fn end_sessions(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let person = desk.store().person(id).await?;
    let ended = desk.store().end_sessions((id, &person.name), None, &visit.actor(), desk.now()).await?;
    let said = both!("{ended} logins have ended", "{ended}件のログインを終了しました");
    Ok(done(&visit, &format!("/users/{id}"), &said))
}

#[cfg(test)]
mod tests {
    use super::super::visit::sample_page;
    use super::*;

    #[test]
    fn names_come_out_as_text() {
        let nasty = "<script>alert(1)</script>\"'";
        let person = PersonRow {
            id: 7,
            name: nasty.into(),
            full_name: nasty.into(),
            password: "secret-hash".into(),
            role: nasty.into(),
            language: nasty.into(),
            totp: Some(String::new()),
            totp_step: None,
            totp_salt: Some("SALT".into()),
            created_at: 0,
            disabled_at: Some(1),
            last_login_at: Some(2),
            version: 3,
        };
        for language in [Language::Ja, Language::En] {
            let list = UsersPage { p: sample_page(language), people: vec![person.clone()] }.render().unwrap();
            let one = UserPage { p: sample_page(language), person: person.clone(), sessions: Vec::new() };
            for text in [list, one.render().unwrap()] {
                assert!(!text.contains("<script>alert"), "{text}");
                assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
                assert!(!text.contains("secret-hash") && !text.contains("SALT"), "{text}");
            }
        }
    }
}
