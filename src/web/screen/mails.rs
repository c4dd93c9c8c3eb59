//! Mails to buyers: what waits, what went out, and what a person decides about them.

mod letter;
mod templates;
mod words;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::access::Routes;
use super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use crate::domain::counted::{by_number, counted};
use crate::domain::timeline::answer_in_words;
use crate::mail::MailKind;
use crate::store::{COUNT_MAX, MailAct, MailHead, MailKey, MailPlace};

/// Mails on one page.
const PAGE: i64 = 50;
/// Mails of one bulk act: as many as a page shows.
const AT_ONCE: usize = 50;

/// The tabs: the state of their mails, and their names.
const TABS: [(&str, &str, &str); 6] = [
    ("uncertain", "Uncertain", "到達不明"),
    ("refused", "Refused", "拒否"),
    ("by_hand", "By hand", "手動送信待ち"),
    ("held", "Held", "保留"),
    ("queued", "Queue", "送信待ち"),
    ("sent", "Sent", "送信済み"),
];

#[derive(Template)]
#[template(path = "mails.html", config = "src/web/askama.toml")]
struct MailsPage {
    p: Page,
    tab: &'static str,
    tabs: Vec<Tab>,
    mails: Vec<Line>,
    acts: Vec<Button>,
    /// Where the next page begins.
    next: Option<String>,
    /// This is not the first page.
    turned: bool,
    /// No server is configured, so nothing goes out.
    no_server: bool,
}

struct Tab {
    state: &'static str,
    name: String,
    count: Option<i64>,
}

/// One line of the list.
struct Line {
    head: MailHead,
    kind: String,
    /// When it was sent, or last changed.
    at: i64,
    /// What its select box says.
    name: String,
}

/// What may be done to the mails of a tab.
pub(super) struct Button {
    act: &'static str,
    label: String,
    /// Asked before it is done.
    ask: String,
    class: &'static str,
}

#[derive(Debug, Default, Deserialize)]
struct ListQuery {
    #[serde(default)]
    tab: String,
    /// Where the page begins: place, order, kind, revision.
    #[serde(default)]
    after: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes.page("/mails", list).post("/mails/act", Access::Staff, act);
    templates::routes(letter::routes(routes))
}

async fn list(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Mails, &both!("Mails", "メール"));
    let counts = desk.store().mail_states(&TABS.map(|(state, ..)| state), COUNT_MAX).await?;
    let count = |state: &str| counts.iter().find(|c| c.0 == state).map(|c| c.1);
    // Without a wish: the first tab that has something to decide, else what went out.
    let asked = TABS.iter().find(|(state, ..)| *state == query.tab);
    let full = TABS.iter().find(|(state, ..)| count(state).is_some());
    let tab = asked.or(full).or_else(|| TABS.last()).map_or("sent", |(state, ..)| *state);
    let from = place(&query.after);
    let turned = from.is_some();
    let after = from.unwrap_or_else(MailPlace::start);
    let mut heads = desk.store().mail_heads(tab, &after, PAGE + 1).await?;
    let more = heads.len() > usize::try_from(PAGE).unwrap_or_default();
    heads.truncate(usize::try_from(PAGE).unwrap_or_default());
    let next = heads.last().filter(|_| more).map(|last| place_text(&MailPlace::from(last)));
    let tabs = TABS
        .iter()
        .map(|(state, en, ja)| Tab { state, name: p.t(en, ja).to_owned(), count: count(state) })
        .collect();
    let acts = if visit.may_work() { buttons(&p, tab) } else { Vec::new() };
    let mails = heads.into_iter().map(|head| line(&p, head)).collect();
    let no_server = desk.app().smtp.is_none();
    html(&MailsPage { p, tab, tabs, mails, acts, next, turned, no_server })
}

fn line(p: &Page, mut head: MailHead) -> Line {
    head.answer = head.answer.map(|answer| p.say(&answer_in_words(&answer)));
    let kind = p.say(&words::kind(&head.kind));
    let at = if head.place > 0 { head.place } else { head.updated_at };
    Line { name: format!("{}/{}/{}", head.order_id, head.kind, head.revision), kind, at, head }
}

fn place(text: &str) -> Option<MailPlace> {
    let mut parts = text.split('.');
    let mut next = || parts.next();
    let (place, order, kind, revision) = (next()?, next()?, next()?, next()?);
    Some(MailPlace {
        place: place.parse().ok()?,
        order: order.parse().ok()?,
        kind: MailKind::from_name(kind)?.name().to_owned(),
        revision: revision.parse().ok()?,
    })
}

fn place_text(place: &MailPlace) -> String {
    format!("{}.{}.{}.{}", place.place, place.order, place.kind, place.revision)
}

/// What may be done to a mail in this state.
fn buttons(p: &Page, state: &str) -> Vec<Button> {
    let button = |act: &'static str, class: &'static str, label: Bilingual, ask: Option<Bilingual>| Button {
        act,
        class,
        label: p.say(&label),
        ask: ask.map(|ask| p.say(&ask)).unwrap_or_default(),
    };
    let twice = || {
        both!(
            "The buyer may get it twice. Send it again?",
            "お客様に二重に届く可能性があります。再送しますか？"
        )
    };
    let drop = || {
        let ask = both!(
            "It is given up and will not be sent. Go on?",
            "このメールは送信されなくなります。破棄しますか？"
        );
        button("drop", "danger", both!("Drop", "破棄"), Some(ask))
    };
    match state {
        "uncertain" => vec![
            button("arrived", "primary", both!("It arrived", "届いていた"), None),
            button("resend", "", both!("Send again", "再送する"), Some(twice())),
            drop(),
        ],
        "refused" => vec![
            button("resend", "primary", both!("Send again", "再送する"), None),
            button("rewrite", "", both!("Write anew and send", "作り直して送る"), None),
            drop(),
        ],
        "by_hand" => vec![
            button("send", "primary", both!("Send", "送信する"), None),
            button("hold", "", both!("Hold", "保留にする"), None),
            drop(),
        ],
        "held" => vec![button("send", "primary", both!("Send", "送信する"), None), drop()],
        "queued" => vec![button("hold", "primary", both!("Hold", "保留にする"), None), drop()],
        "sent" | "dropped" => vec![
            button("resend", "", both!("Send again", "再送する"), Some(twice())),
            button("rewrite", "", both!("Write anew and send", "作り直して送る"), Some(twice())),
        ],
        _ => Vec::new(),
    }
}

/// A mail's name in forms and paths: order, kind, revision.
fn key(name: &str) -> Option<MailKey> {
    let mut parts = name.split('/');
    let (order, kind, revision) = (parts.next()?, parts.next()?, parts.next()?);
    Some(MailKey {
        order: order.parse().ok()?,
        kind: MailKind::from_name(kind)?,
        revision: revision.parse().ok()?,
    })
}

fn act_named(name: &str) -> Option<MailAct> {
    Some(match name {
        "send" => MailAct::Send,
        "resend" => MailAct::Resend,
        "rewrite" => MailAct::Rewrite,
        "hold" => MailAct::Hold,
        "drop" => MailAct::Drop,
        "arrived" => MailAct::Arrived,
        _ => return None,
    })
}

/// One act on one mail or on several; those that cannot be are counted, with the first reason.
async fn act(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let nonsense = || Fault::bad_input(both!("Choose at least one mail", "メールを選択してください"));
    let act = field("act").and_then(act_named).ok_or_else(nonsense)?;
    let names = form.iter().filter(|(key, _)| key == "mail").map(|(_, value)| key(value));
    let keys: Vec<MailKey> = names.collect::<Option<_>>().ok_or_else(nonsense)?;
    if keys.is_empty() || keys.len() > AT_ONCE {
        return Err(nonsense());
    }
    let (mut worked, mut refused) = (0, Vec::new());
    for key in &keys {
        match desk.store().act_on_mail(key, act, &visit.actor(), desk.now()).await {
            Ok(_) => worked += 1,
            Err(error) => refused.push(Fault::from(error)),
        }
    }
    if worked == 0
        && let Some(first) = refused.pop()
    {
        return Err(first);
    }
    let mails = counted(worked, "mail", "mails");
    let mut told = match act {
        MailAct::Send | MailAct::Resend | MailAct::Rewrite => {
            both!(
                "{mails} {go} out now",
                "{worked}件のメールを送信します",
                go = by_number(worked, "goes", "go")
            )
        }
        MailAct::Hold => both!("{mails} put on hold", "{worked}件のメールを保留にしました"),
        MailAct::Drop => both!("{mails} dropped", "{worked}件のメールを破棄しました"),
        MailAct::Arrived => {
            both!("{mails} marked as arrived", "{worked}件のメールを到達済みにしました")
        }
    };
    if let Some(first) = refused.first() {
        let (n, why) = (refused.len(), &first.why);
        let why_ja = &why.ja;
        told = told.then(both!("{n} could not be: {why}", "{n}件は処理できませんでした: {why_ja}"));
    }
    let back = match (field("back"), keys.as_slice()) {
        (Some("mail"), [one]) => format!("/mails/{}/{}/{}", one.order, one.kind.name(), one.revision),
        (Some(tab), _) if TABS.iter().any(|(state, ..)| *state == tab) => format!("/mails?tab={tab}"),
        _ => "/mails".to_owned(),
    };
    Ok(done(&visit, &back, &told))
}

#[cfg(test)]
mod tests;
