//! One mail: exactly as it went out, or as it would go out now.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use banto_channel::both;

use super::super::access::Routes;
use super::super::{Access, Desk, Fault, Page, Section, Visit, html};
use super::{Button, buttons, words};
use crate::domain::timeline::{answer_in_words, hold_in_words};
use crate::mail::MailKind;
use crate::queue::compose::MailRoom;
use crate::queue::mail_lane::Composer;
use crate::store::{Letter, MailKey, MailRow, MailText};

#[derive(Template)]
#[template(path = "mail.html", config = "src/web/askama.toml")]
struct MailPage {
    p: Page,
    mail: MailRow,
    name: String,
    kind: String,
    tone: &'static str,
    state: String,
    channel: String,
    number: String,
    hold: Option<String>,
    subject: String,
    text: String,
    has_html: bool,
    /// It was not written yet: this is what it would say now.
    is_draft: bool,
    /// Why it cannot be written.
    broken: Option<String>,
    acts: Vec<Button>,
}

type Named = Path<(i64, String, i64)>;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.page("/mails/{order}/{kind}/{revision}", show).get(
        "/mails/{order}/{kind}/{revision}/html",
        Access::Read,
        body,
    )
}

fn key(Path((order, kind, revision)): Named) -> Result<MailKey, Fault> {
    let none = || Fault::not_found(both!("There is no such mail", "このメールはありません"));
    Ok(MailKey { order, kind: MailKind::from_name(&kind).ok_or_else(none)?, revision })
}

async fn letter(desk: &Desk, key: &MailKey) -> Result<Letter, Fault> {
    let found = desk.store().letters(std::slice::from_ref(key)).await?.pop();
    found.ok_or_else(|| Fault::not_found(both!("There is no such mail", "このメールはありません")))
}

/// The text of a mail, and whether it was written by now: as it is stored, or as it would be.
fn text(desk: &Desk, letter: &Letter) -> (Result<MailText, String>, bool) {
    let mail = &letter.mail;
    if let (Some(subject), Some(text)) = (&mail.subject, &mail.body_text) {
        let html = mail.body_html.clone().unwrap_or_default();
        let message_id = mail.message_id.clone();
        return (Ok(MailText { message_id, subject: subject.clone(), text: text.clone(), html }), true);
    }
    let app = desk.app();
    let room = MailRoom::new(Arc::clone(&app.config), Arc::clone(&app.templates));
    (room.write(letter).map_err(|error| error.to_string()), false)
}

async fn show(State(desk): State<Desk>, visit: Visit, named: Named) -> Result<Response, Fault> {
    let letter = letter(&desk, &key(named)?).await?;
    let p = desk.page(&visit, Section::Mails, &words::kind(&letter.mail.kind));
    let (text, written) = text(&desk, &letter);
    let mut mail = letter.mail;
    mail.answer = mail.answer.map(|answer| p.say(&answer_in_words(&answer)));
    let (tone, state) = words::state(&mail.state);
    let (text, broken) = match text {
        Ok(text) => (text, None),
        Err(why) => {
            let nothing = String::new();
            (
                MailText {
                    message_id: nothing.clone(),
                    subject: nothing.clone(),
                    text: nothing.clone(),
                    html: nothing,
                },
                Some(p.say(&answer_in_words(&why))),
            )
        }
    };
    html(&MailPage {
        name: format!("{}/{}/{}", mail.order_id, mail.kind, mail.revision),
        kind: p.say(&words::kind(&mail.kind)),
        tone,
        state: p.say(&state),
        channel: letter.channel.name,
        number: letter.order.number,
        hold: letter.order.hold.map(|why| p.say(&hold_in_words(&why))),
        subject: text.subject,
        text: text.text,
        has_html: !text.html.is_empty(),
        is_draft: !written,
        broken,
        acts: if visit.may_work() { buttons(&p, &mail.state) } else { Vec::new() },
        mail,
        p,
    })
}

async fn body(State(desk): State<Desk>, named: Named) -> Result<Response, Fault> {
    let letter = letter(&desk, &key(named)?).await?;
    let (text, _) = text(&desk, &letter);
    let text = text.map_err(|why| Fault::refused(answer_in_words(&why)))?;
    Ok(boxed(text.html))
}

/// A mail's HTML may carry whatever a buyer typed or an editor broke: it runs nothing and reaches nothing, and only our
/// own page shows it.
const MAIL_POLICY: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

/// A mail's HTML as an answer for a frame.
pub(super) fn boxed(html: String) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    ];
    (headers, Html(html)).into_response()
}
