//! One's own account: password, language, one-time codes, and where one is logged in.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use banto_channel::{Bilingual, both};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use super::access::Routes;
use super::login::{self, Caller};
use super::visit::SessionKey;
use super::{Access, Desk, Fault, Language, Page, Section, Visit, done, html};
use crate::domain::people::{PASSWORD_MIN, PersonFault, fit_password};
use crate::keys::{self, OneTime, Token};
use crate::store::{NewCodes, PersonAt, PersonChange, PersonRow, SessionView};

/// Longest salt that a form may send.
const SALT_MAX: usize = 64;

#[derive(Template)]
#[template(path = "me.html", config = "src/web/askama.toml")]
struct MePage {
    p: Page,
    person: PersonRow,
    sessions: Vec<SessionRow>,
}

/// One login, as the page and the list of users show it.
pub(super) struct SessionRow {
    pub(super) view: SessionView,
    /// The browser in a word or two.
    pub(super) browser: String,
    pub(super) is_this: bool,
}

impl SessionRow {
    pub(super) fn new(view: SessionView, this: &str) -> Self {
        Self { browser: browser(&view.agent), is_this: view.id == this, view }
    }
}

#[derive(Template)]
#[template(path = "me_totp.html", config = "src/web/askama.toml")]
struct TotpPage {
    p: Page,
    /// What the secret is derived with, for the form: the secret itself is shown to the app alone.
    salt: String,
    spaced: String,
    /// Made by us from an address whose characters are percent-encoded.
    qr: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    // One's own account is not the shop's work: whoever only looks may change their password.
    routes
        .page("/me", show)
        .post("/me/password", Access::Read, password)
        .post("/me/language", Access::Read, language)
        .page("/me/totp", totp)
        .post("/me/totp", Access::Read, totp_on)
        .post("/me/totp/off", Access::Read, totp_off)
        .post("/me/sessions/end", Access::Read, end)
        .post("/me/sessions/end-others", Access::Read, end_others)
}

async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    SessionKey(this): SessionKey,
) -> Result<Response, Fault> {
    let person = desk.store().person(visit.user).await?;
    let sessions = desk.store().sessions_of(visit.user, desk.now()).await?;
    let sessions = sessions.into_iter().map(|view| SessionRow::new(view, &this)).collect();
    let p = desk.page(&visit, Section::House, &both!("My account", "アカウント"));
    html(&MePage { p, person, sessions })
}

#[derive(Deserialize)]
struct PasswordForm {
    old: String,
    new: String,
    again: String,
}

/// The password that the person has, before anything about how to log in is changed: whoever finds a browser open must
/// not take the account over. Tries are counted with those of the login.
async fn must_know(
    desk: &Desk,
    visit: &Visit,
    caller: &Caller,
    password: String,
) -> Result<PersonRow, Fault> {
    let now = desk.now();
    desk.limit
        .begin(&visit.name, &caller.address, now)
        .map_err(|wait| Fault { status: StatusCode::TOO_MANY_REQUESTS, why: login::too_many(wait) })?;
    let person = desk.store().person(visit.user).await?;
    if !keys::is_password(password, Some(person.password.clone())).await {
        return Err(Fault::bad_input(both!("The present password is wrong", "現在のパスワードが違います")));
    }
    desk.limit.succeeded(&visit.name, &caller.address, now);
    Ok(person)
}

async fn password(
    State(desk): State<Desk>,
    visit: Visit,
    SessionKey(this): SessionKey,
    caller: Caller,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Fault> {
    if form.new != form.again {
        return Err(Fault::bad_input(both!(
            "The two new passwords differ",
            "新しいパスワードが一致しません"
        )));
    }
    fit_password(&form.new, &visit.name).map_err(|why| Fault::bad_input(why.words()))?;
    let person = must_know(&desk, &visit, &caller, form.old).await?;
    let hash = keys::hash_password(form.new).await.map_err(Fault::from_trouble)?;
    let change = PersonChange::Password { hash: &hash, keep: Some(&this) };
    let who = PersonAt { id: person.id, version: Some(person.version) };
    desk.store().change_person(who, &change, &visit.actor(), desk.now()).await?;
    Ok(done(
        &visit,
        "/me",
        &both!(
            "The password is changed; other browsers are logged out",
            "パスワードを変更しました。他の端末はログアウトしました"
        ),
    ))
}

#[derive(Deserialize)]
struct LanguageForm {
    language: String,
}

async fn language(
    State(desk): State<Desk>,
    mut visit: Visit,
    Form(form): Form<LanguageForm>,
) -> Result<Response, Fault> {
    let language = Language::from_tag(&form.language).ok_or_else(|| {
        Fault::bad_input(both!("There is no such language", "その言語には対応していません"))
    })?;
    let who = PersonAt { id: visit.user, version: None };
    let change = PersonChange::Language(language);
    desk.store().change_person(who, &change, &visit.actor(), desk.now()).await?;
    visit.language = language;
    Ok(done(&visit, "/me", &both!("The language is changed", "表示言語を変更しました")))
}

async fn totp(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    if desk.store().person(visit.user).await?.totp.is_some() {
        return Ok(Redirect::to("/me").into_response());
    }
    let p = desk.page(&visit, Section::House, &both!("One-time codes", "2段階認証"));
    let salt = Token::new().0;
    let codes = codes(&desk, &visit, &salt, &p.shop).await?;
    let letters: Vec<char> = codes.secret().chars().collect();
    let spaced = letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ");
    let qr = picture(&codes.address().map_err(Fault::from_trouble)?)?;
    html(&TotpPage { p, salt, spaced, qr })
}

/// The codes that a salt stands for, of whoever visits.
async fn codes(desk: &Desk, visit: &Visit, salt: &str, shop: &str) -> Result<OneTime, Fault> {
    let key = desk.app().key.read_or_make(desk.store()).await?;
    OneTime::new(key.codes(visit.user, salt), shop, &visit.name).map_err(Fault::from_trouble)
}

/// A QR code that an HTML page can hold.
fn picture(text: &str) -> Result<String, Fault> {
    let code = QrCode::new(text).map_err(|error| Fault::from_trouble(error.into()))?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    // Without the declaration, which stands for a file of its own.
    Ok(svg.find("<svg").and_then(|at| svg.get(at..)).unwrap_or_default().to_owned())
}

#[derive(Deserialize)]
struct TotpForm {
    salt: String,
    code: String,
    password: String,
}

async fn totp_on(
    State(desk): State<Desk>,
    visit: Visit,
    caller: Caller,
    Form(form): Form<TotpForm>,
) -> Result<Response, Fault> {
    let person = must_know(&desk, &visit, &caller, form.password).await?;
    if !(1..=SALT_MAX).contains(&form.salt.len()) {
        return Err(Fault::bad_input(both!("Open the page again", "画面を開き直してください")));
    }
    let codes = codes(&desk, &visit, &form.salt, "").await?;
    let step = codes.step(&form.code, desk.now());
    let step = step.ok_or_else(|| Fault::bad_input(PersonFault::OneTimeCode.words()))?;
    let who = PersonAt { id: person.id, version: Some(person.version) };
    let change = PersonChange::OneTimeCodes(Some(NewCodes { salt: &form.salt, step }));
    desk.store().change_person(who, &change, &visit.actor(), desk.now()).await?;
    Ok(done(
        &visit,
        "/me",
        &both!("From now on a login asks for a code", "次回のログインから確認コードが必要になります"),
    ))
}

#[derive(Deserialize)]
struct ProofForm {
    password: String,
}

async fn totp_off(
    State(desk): State<Desk>,
    visit: Visit,
    caller: Caller,
    Form(form): Form<ProofForm>,
) -> Result<Response, Fault> {
    let person = must_know(&desk, &visit, &caller, form.password).await?;
    let who = PersonAt { id: person.id, version: Some(person.version) };
    let change = PersonChange::OneTimeCodes(None);
    desk.store().change_person(who, &change, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, "/me", &both!("A login asks for no code any more", "2段階認証を解除しました")))
}

#[derive(Deserialize)]
struct EndForm {
    session: String,
}

async fn end(State(desk): State<Desk>, visit: Visit, Form(form): Form<EndForm>) -> Result<Response, Fault> {
    let whose = (visit.user, visit.name.as_str());
    desk.store().end_session(whose, &form.session, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, "/me", &both!("That login has ended", "その端末をログアウトしました")))
}

async fn end_others(
    State(desk): State<Desk>,
    visit: Visit,
    SessionKey(this): SessionKey,
) -> Result<Response, Fault> {
    let whose = (visit.user, visit.name.as_str());
    let ended = desk.store().end_sessions(whose, Some(&this), &visit.actor(), desk.now()).await?;
    Ok(done(
        &visit,
        "/me",
        &both!("{ended} other logins have ended", "他の端末（{ended}件）をログアウトしました"),
    ))
}

/// What a browser's name for itself means to people: `Firefox · Linux`.
fn browser(agent: &str) -> String {
    // The order matters: most claim to be Safari, and Edge claims to be Chrome.
    let find =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|n| n.1);
    let program = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (None, None) => agent.chars().take(40).collect(),
        (program, system) => [program, system].into_iter().flatten().collect::<Vec<_>>().join(" · "),
    }
}

/// What a page says about passwords.
pub(super) fn password_hint() -> Bilingual {
    both!("At least {PASSWORD_MIN} characters", "{PASSWORD_MIN}文字以上")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_short_names() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        for (agent, name) in [
            (chrome, "Chrome · Linux"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            ("curl/8.14", "curl/8.14"),
            ("", ""),
        ] {
            assert_eq!(browser(agent), name, "{agent}");
        }
    }

    #[test]
    fn a_qr_code_stands_in_a_page() {
        let svg = picture("otpauth://totp/banto:aki?secret=ABC").unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("style"), "{svg}");
    }

    #[test]
    fn no_two_regions_of_a_page_are_named_by_the_same_heading() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/templates");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let mut names: Vec<&str> =
                text.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            seen += names.len();
            names.sort_unstable();
            assert!(names.windows(2).all(|two| two[0] != two[1]), "{}: {names:?}", path.display());
        }
        assert!(seen > 10, "{seen}");
    }
}
