//! `/orders/{id}/payload`: what the marketplace sent, word for word.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use banto_channel::both;
use serde::Deserialize;

use crate::domain::OrderId;
use crate::store::PayloadVersion;
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// Versions that are listed.
const VERSIONS: i64 = 50;

#[derive(Template)]
#[template(path = "order_payload.html", config = "src/web/askama.toml")]
pub(super) struct PayloadPage {
    pub(super) p: Page,
    pub(super) order: OrderId,
    pub(super) number: String,
    pub(super) version: i64,
    pub(super) at: i64,
    /// Empty when the retention rule has taken it out.
    pub(super) body: String,
    pub(super) versions: Vec<PayloadVersion>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    version: Option<i64>,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<OrderId>,
    Query(which): Query<Which>,
) -> Result<Response, Fault> {
    let none = || Fault::not_found(both!("There is no such order", "その注文はありません"));
    let row = desk.store().orders_with(&[id]).await?.pop().ok_or_else(none)?;
    let payload = desk.store().payload(which.version.unwrap_or(row.payload_id)).await?;
    if (payload.channel_id, &payload.remote_id) != (row.channel_id, &row.remote_id) {
        return Err(none());
    }
    let title = both!("{n}: as the channel sent it", "{n}：チャネルから届いた内容", n = row.number);
    html(&PayloadPage {
        p: desk.page(&visit, Section::Orders, &title),
        order: id,
        number: row.number,
        version: payload.id,
        at: payload.at,
        body: pretty(&payload.body),
        versions: desk.store().payload_versions(row.payload_id, VERSIONS).await?,
    })
}

/// JSON with its lines apart; any other text as it is.
pub(super) fn pretty(text: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}
