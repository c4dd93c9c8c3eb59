//! `/quarantine`: what a marketplace sent and nobody could understand. One that is understood when it is read again
//! leaves by itself.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::payload::pretty;
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, html};

/// Rows of the page; a house with more has a broken connector.
const SHOWN: i64 = 200;

pub(super) struct Row {
    pub(super) id: i64,
    pub(super) channel: String,
    pub(super) remote_id: Option<String>,
    pub(super) at: i64,
    pub(super) reason: String,
}

#[derive(Template)]
#[template(path = "orders_quarantine.html", config = "src/web/askama.toml")]
pub(super) struct QuarantinePage {
    pub(super) p: Page,
    pub(super) rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "orders_quarantined.html", config = "src/web/askama.toml")]
pub(super) struct QuarantinedPage {
    pub(super) p: Page,
    pub(super) row: Row,
    pub(super) is_resolved: bool,
    pub(super) body: String,
}

pub(super) async fn list(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let channels: BTreeMap<i64, String> =
        desk.store().channels().await?.into_iter().map(|c| (c.id, c.name)).collect();
    let rows = desk.store().quarantined(SHOWN).await?.into_iter().map(|row| Row {
        id: row.id,
        channel: channels.get(&row.channel_id).cloned().unwrap_or_default(),
        remote_id: row.remote_id,
        at: row.at,
        reason: visit.say(&Bilingual::unpacked(&row.reason)),
    });
    let title = both!("Orders that were not understood", "取り込めなかった受注");
    html(&QuarantinePage { p: desk.page(&visit, Section::Orders, &title), rows: rows.collect() })
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let row = desk.store().quarantine_row(id).await?;
    let channel = desk.store().channel_of(row.channel_id).await?.name;
    let title = both!("An order that was not understood", "取り込めなかった受注の内容");
    html(&QuarantinedPage {
        p: desk.page(&visit, Section::Orders, &title),
        body: pretty(&row.body),
        is_resolved: row.resolved_at.is_some(),
        row: Row {
            id,
            channel,
            remote_id: row.remote_id,
            at: row.at,
            reason: visit.say(&Bilingual::unpacked(&row.reason)),
        },
    })
}

/// What was done about it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CloseForm {
    reason: String,
}

pub(super) async fn close(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<CloseForm>,
) -> Result<Response, Fault> {
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Err(Fault::bad_input(both!("Say what was done about it", "対応の内容を入力してください")));
    }
    desk.store().close_quarantine(id, reason, &visit.actor(), desk.now()).await?;
    Ok(done(&visit, "/quarantine", &both!("Noted as dealt with", "対応済みにしました")))
}
