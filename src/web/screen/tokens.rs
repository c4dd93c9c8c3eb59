//! The merchant's own programs, for the owner: their tokens, and where they are told what happens. And the API's page.

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use banto_channel::both;
use serde::Deserialize;

use super::access::Routes;
use super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use crate::queue::webhook_lane::{reach, shown_secret};
use crate::store::{NewToken, TokenRow, WEBHOOK_EVENTS, WebhookRow};
use crate::web::api::{self, Listed, Scope};

/// A day, microseconds.
const DAY: i64 = 86_400_000_000;
/// Longest life of a token that ends by itself, days.
const DAYS_MAX: i64 = 3650;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/tokens", Access::Owner, list)
        .post("/tokens", Access::Owner, add)
        .post("/tokens/revoke", Access::Owner, revoke)
        .post("/tokens/webhooks", Access::Owner, add_webhook)
        .post("/tokens/webhooks/{id}/ping", Access::Owner, ping)
        .post("/tokens/webhooks/{id}/switch", Access::Owner, switch)
        .post("/tokens/webhooks/{id}/remove", Access::Owner, remove)
        .page("/api/docs", docs)
}

#[derive(Template)]
#[template(path = "tokens.html", config = "src/web/askama.toml")]
struct TokensPage {
    p: Page,
    tokens: Vec<TokenLine>,
    webhooks: Vec<WebhookLine>,
    scopes: Vec<(&'static str, String)>,
    /// What was made just now: its name, and the secret that is shown this once.
    fresh: Option<(String, String)>,
}

struct TokenLine {
    row: TokenRow,
    state: Standing,
}

/// How a token stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Valid,
    Expired,
    Revoked,
}

impl TokenLine {
    fn is_valid(&self) -> bool {
        self.state == Standing::Valid
    }

    fn is_revoked(&self) -> bool {
        self.state == Standing::Revoked
    }
}

struct WebhookLine {
    row: WebhookRow,
    events: Vec<String>,
}

#[derive(Template)]
#[template(path = "api_docs.html", config = "src/web/askama.toml")]
struct DocsPage {
    p: Page,
    routes: Vec<Listed>,
}

async fn list(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    show(&desk, &visit, None).await
}

async fn show(desk: &Desk, visit: &Visit, fresh: Option<(String, String)>) -> Result<Response, Fault> {
    let p = desk.page(visit, Section::House, &both!("API tokens", "APIトークン"));
    let now = desk.now();
    let line = |row: TokenRow| {
        let state = match (&row.revoked_at, row.is_valid(now)) {
            (Some(_), _) => Standing::Revoked,
            (None, false) => Standing::Expired,
            (None, true) => Standing::Valid,
        };
        TokenLine { row, state }
    };
    let mut tokens: Vec<TokenLine> = desk.store().tokens().await?.into_iter().map(line).collect();
    tokens.sort_by_key(|token| (!token.is_valid(), std::cmp::Reverse(token.row.id)));
    let webhook = |row: WebhookRow| {
        let events = row.events.split(' ').map(str::to_owned).collect();
        WebhookLine { row, events }
    };
    let webhooks = desk.store().webhooks().await?.into_iter().map(webhook).collect();
    let scopes = Scope::ALL.map(|scope| (scope.name(), visit.say(&scope.title()))).into();
    html(&TokensPage { p, tokens, webhooks, scopes, fresh })
}

/// Fields of a form of which one may stand several times.
type Fields = Form<Vec<(String, String)>>;

fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.trim())
}

fn ticked<'a>(form: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    form.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
}

async fn add(State(desk): State<Desk>, visit: Visit, Form(form): Fields) -> Result<Response, Fault> {
    let scopes: Vec<&str> =
        ticked(&form, "scope").filter_map(|word| Some(Scope::named(word)?.name())).collect();
    if scopes.is_empty() {
        return Err(Fault::bad_input(both!(
            "Choose what the program may do",
            "プログラムに許可する操作を選んでください"
        )));
    }
    let now = desk.now();
    let days = match field(&form, "days") {
        "" => None,
        text => {
            Some(text.parse::<i64>().ok().filter(|days| (1..=DAYS_MAX).contains(days)).ok_or_else(|| {
                Fault::bad_input(both!(
                    "The days are a number from 1 to {DAYS_MAX}",
                    "有効日数は1から{DAYS_MAX}までの数字で入力してください"
                ))
            })?)
        }
    };
    let new = NewToken {
        name: field(&form, "name"),
        scopes: &scopes.join(" "),
        expires_at: days.map(|days| banto_channel::Timestamp(now.0 + days * DAY)),
        actor: &visit.actor(),
        now,
    };
    let (row, text) = desk.store().add_token(&new).await?;
    // Not by way of a redirect: the token is in no address, cookie or store.
    show(&desk, &visit, Some((row.name, text))).await
}

#[derive(Deserialize)]
struct RevokeForm {
    name: String,
}

async fn revoke(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Fault> {
    let name = &form.name;
    desk.store().revoke_token(name, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, "/tokens", &both!("{name} can do nothing any more", "{name}を無効にしました")))
}

async fn add_webhook(State(desk): State<Desk>, visit: Visit, Form(form): Fields) -> Result<Response, Fault> {
    let url = field(&form, "url");
    let reach = reach(&desk.app().config.web);
    api::check_target(url, reach).await.map_err(Fault::bad_input)?;
    let events: Vec<&str> = ticked(&form, "event").filter(|e| WEBHOOK_EVENTS.contains(e)).collect();
    if events.is_empty() {
        return Err(Fault::bad_input(both!("Choose what is told", "通知する内容を選んでください")));
    }
    let key = desk.app().key.read_or_make(desk.store()).await?;
    let row = desk.store().add_webhook(url, &events, &visit.actor(), desk.now()).await?;
    let secret = shown_secret(&key, &row).map_err(Fault::refused)?;
    show(&desk, &visit, Some((row.url, secret))).await
}

async fn ping(State(desk): State<Desk>, visit: Visit, Path(id): Path<i64>) -> Result<Response, Fault> {
    desk.store().ping_webhook(id, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, "/tokens", &both!("A test message is on its way", "テスト通知を送信しています")))
}

#[derive(Deserialize)]
struct SwitchForm {
    on: bool,
}

async fn switch(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<SwitchForm>,
) -> Result<Response, Fault> {
    desk.store().switch_webhook(id, form.on, &visit.actor(), desk.now()).await?;
    let said = if form.on {
        both!("It is told again", "通知を再開しました")
    } else {
        both!("It is told nothing any more", "通知を停止しました")
    };
    Ok(done(&visit, "/tokens", &said))
}

async fn remove(State(desk): State<Desk>, visit: Visit, Path(id): Path<i64>) -> Result<Response, Fault> {
    desk.store().remove_webhook(id, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, "/tokens", &both!("Removed", "削除しました")))
}

async fn docs(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::House, &both!("HTTP API", "HTTP API の使い方"));
    html(&DocsPage { p, routes: api::listed() })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use banto_channel::Timestamp;
    use jiff::tz::TimeZone;

    use super::super::{Language, Role};
    use super::*;

    const NASTY: &str = "<script>alert(1)</script>";

    fn page(language: Language) -> Page {
        let visit = Visit {
            user: 1,
            name: NASTY.to_owned(),
            role: Role::Owner,
            language,
            csrf: "c".to_owned(),
            told: None,
            path: "/tokens".to_owned(),
        };
        Page {
            visit,
            section: Section::House,
            title: "t".to_owned(),
            shop: NASTY.to_owned(),
            zone: TimeZone::UTC,
            now: Timestamp(1_795_311_000_000_000),
        }
    }

    fn tokens(language: Language) -> String {
        let row = TokenRow {
            id: 1,
            name: NASTY.to_owned(),
            digest: "never-shown".to_owned(),
            scopes: "orders:read".to_owned(),
            created_by: NASTY.to_owned(),
            created_at: 1,
            expires_at: Some(2),
            used_at: None,
            revoked_at: None,
        };
        let webhook = WebhookRow {
            id: 7,
            url: NASTY.to_owned(),
            events: String::new(),
            secret: String::new(),
            salt: Some("never-shown".to_owned()),
            active: false,
            stopped: Some(NASTY.to_owned()),
            created_by: NASTY.to_owned(),
            created_at: 1,
            delivered_at: None,
            failing_since: Some(3),
            last_error: Some(NASTY.to_owned()),
        };
        let page = TokensPage {
            p: page(language),
            tokens: vec![TokenLine { row, state: Standing::Valid }],
            webhooks: vec![WebhookLine { row: webhook, events: vec![NASTY.to_owned()] }],
            scopes: vec![("orders:read", NASTY.to_owned())],
            fresh: Some((NASTY.to_owned(), "banto_secret".to_owned())),
        };
        page.render().unwrap()
    }

    #[test]
    fn what_others_wrote_shows_as_text_and_secrets_do_not_show() {
        for (language, word) in [(Language::Ja, "トークン"), (Language::En, "Make a token")] {
            let text = tokens(language);
            assert!(!text.contains(NASTY) && text.contains("&#60;script&#62;"), "{text}");
            assert!(text.contains(word) && text.contains("banto_secret") && !text.contains("never-shown"));
        }
    }

    #[test]
    fn every_route_is_on_the_page_of_the_api() {
        for language in [Language::Ja, Language::En] {
            let text = DocsPage { p: page(language), routes: api::listed() }.render().unwrap();
            assert!(!text.contains(NASTY));
            for route in api::routes() {
                assert!(text.contains(&format!("{}{}", api::BASE, route.path)), "{}", route.path);
            }
        }
    }
}
