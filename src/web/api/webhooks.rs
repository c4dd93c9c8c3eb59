//! Where programs are told what happened.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json as Answer};
use banto_channel::Bilingual;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::extract::{Json, Named};
use super::once::Unkept;
use super::shapes::time;
use super::table::{Scope, Table, words};
use super::{Api, Problem, target};
use crate::queue::webhook_lane::{reach, shown_secret};
use crate::store::{WEBHOOK_EVENTS, WebhookRow, salt_start};

/// Endpoints that a house may have.
const ENDPOINTS_MAX: usize = 20;

pub(super) fn routes(table: Table) -> Table {
    use Scope::Webhooks;
    table
        .get("/webhooks", Webhooks, list, words("listWebhooks", "Where programs are told").answers::<WebhookList>())
        .post(
            "/webhooks",
            Webhooks,
            add,
            words("addWebhook", "Be told at an address what happens")
                .more("The answer holds the secret with which messages are signed (Standard Webhooks 1.0: the headers \
                       `webhook-id`, `webhook-timestamp`, `webhook-signature`); it is not shown again, and the house keeps it \
                       nowhere: it is derived from the house's key. While that is missing, messages wait. A message is \
                       taken when it is answered with 2xx within 15 seconds; others are sent again for more than \
                       three days, and an address that takes nothing for three days is switched off. A message may \
                       come twice, and not in order: compare `version`, and remember `webhook-id`.")
                .takes::<NewWebhook>()
                .creates::<MadeWebhook>(),
        )
        .post(
            "/webhooks/{id}/ping",
            Webhooks,
            ping,
            words("pingWebhook", "Send an address a message for a try").answers::<Webhook>(),
        )
        .post(
            "/webhooks/{id}/activate",
            Webhooks,
            activate,
            words("activateWebhook", "Switch an address on again").answers::<Webhook>(),
        )
        .delete(
            "/webhooks/{id}",
            Webhooks,
            remove,
            words("removeWebhook", "Tell an address nothing more"),
        )
}

/// An address to be told at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// `https://…` at a public address. One of this machine (then also `http://`) or of a private network is taken only
    /// where the house's config says `[web] webhooks_private = true`; it is judged again with each message.
    #[schema(example = "https://warehouse.example/banto", max_length = 500, pattern = "^https?://[!-~]+$")]
    url: String,
    /// What to be told.
    #[schema(example = json!(["order.created", "order.updated"]), min_items = 1, max_items = 9)]
    events: Vec<Event>,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
enum Event {
    #[serde(rename = "order.created")]
    OrderCreated,
    #[serde(rename = "order.updated")]
    OrderUpdated,
    #[serde(rename = "order.paid")]
    OrderPaid,
    #[serde(rename = "order.held")]
    OrderHeld,
    #[serde(rename = "order.released")]
    OrderReleased,
    #[serde(rename = "order.shipped")]
    OrderShipped,
    #[serde(rename = "order.cancelled")]
    OrderCancelled,
    #[serde(rename = "order.returned")]
    OrderReturned,
    #[serde(rename = "stock.changed")]
    StockChanged,
}

impl Event {
    const fn name(self) -> &'static str {
        match self {
            Self::OrderCreated => "order.created",
            Self::OrderUpdated => "order.updated",
            Self::OrderPaid => "order.paid",
            Self::OrderHeld => "order.held",
            Self::OrderReleased => "order.released",
            Self::OrderShipped => "order.shipped",
            Self::OrderCancelled => "order.cancelled",
            Self::OrderReturned => "order.returned",
            Self::StockChanged => "stock.changed",
        }
    }
}

/// An address that is told.
#[derive(Debug, Serialize, ToSchema)]
struct Webhook {
    id: i64,
    url: String,
    events: Vec<String>,
    /// Whether it is told.
    active: bool,
    /// Why not.
    stopped: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it took a message last.
    #[schema(format = DateTime)]
    delivered_at: Option<String>,
    /// Since when it takes none.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    last_error: Option<String>,
}

/// All addresses.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookList {
    webhooks: Vec<Webhook>,
}

/// A new address.
#[derive(Debug, Serialize, ToSchema)]
struct MadeWebhook {
    webhook: Webhook,
    /// Signs the messages; it is shown this once.
    #[schema(example = "whsec_…")]
    secret: String,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        let english = |why: String| Bilingual::unpacked(&why).en;
        Self {
            id: row.id,
            events: row.events.split(' ').map(str::to_owned).collect(),
            active: row.active,
            stopped: row.stopped.map(english),
            created_at: time(row.created_at),
            delivered_at: row.delivered_at.map(time),
            failing_since: row.failing_since.map(time),
            last_error: row.last_error.map(english),
            url: row.url,
        }
    }
}

async fn list(State(api): State<Api>) -> Result<Answer<WebhookList>, Problem> {
    let rows = api.desk.store().webhooks().await?;
    Ok(Answer(WebhookList { webhooks: rows.into_iter().map(Into::into).collect() }))
}

async fn add(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewWebhook>,
) -> Result<Response, Problem> {
    let checked = target::check(&body.url, reach(&api.desk.app().config.web)).await;
    checked.map_err(|why| Problem::invalid(format!("`url`: {}", why.en)))?;
    let names: Vec<&str> = body.events.iter().map(|e| e.name()).collect();
    let events: Vec<&str> = WEBHOOK_EVENTS.into_iter().filter(|e| names.contains(e)).collect();
    if events.is_empty() {
        return Err(Problem::invalid("`events` is empty"));
    }
    let actor = caller.actor();
    let known = api.desk.store().webhooks().await?;
    if known.len() >= ENDPOINTS_MAX && !caller.done_before {
        return Err(Problem::conflict(format!("there are {ENDPOINTS_MAX} webhooks already; remove one")));
    }
    let key = api.desk.app().key.read_or_make(api.desk.store()).await?;
    let store = caller.store(&api);
    let made = caller.once(store.add_webhook(&body.url, &events, &actor, api.desk.now())).await?;
    // Where the first answer was lost, it is what the same request made.
    let own = caller.request.map(salt_start);
    let is_own =
        |w: &WebhookRow| own.as_ref().zip(w.salt.as_ref()).is_some_and(|(own, salt)| salt.starts_with(own));
    let made = made.or_else(|| known.into_iter().find(is_own));
    let row = made
        .ok_or_else(|| Problem::not_found("the webhook that this request made is no more: add it again"))?;
    let secret = shown_secret(&key, &row).map_err(|why| Problem::conflict(why.en))?;
    let answer = Answer(MadeWebhook { webhook: row.into(), secret });
    Ok((StatusCode::CREATED, Extension(Unkept), answer).into_response())
}

async fn ping(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<i64>,
) -> Result<Answer<Webhook>, Problem> {
    let (store, actor) = (caller.store(&api), caller.actor());
    caller.once(store.ping_webhook(id, &actor, api.desk.now())).await?;
    Ok(Answer(api.desk.store().webhook(id).await?.into()))
}

async fn activate(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<i64>,
) -> Result<Answer<Webhook>, Problem> {
    let (store, actor) = (caller.store(&api), caller.actor());
    caller.once(store.switch_webhook(id, true, &actor, api.desk.now())).await?;
    Ok(Answer(api.desk.store().webhook(id).await?.into()))
}

async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<i64>,
) -> Result<StatusCode, Problem> {
    let (store, actor) = (caller.store(&api), caller.actor());
    caller.once(store.remove_webhook(id, &actor, api.desk.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_word() {
        let of = |word: &str| serde_json::from_value::<Event>(word.into()).map(Event::name).ok();
        for word in WEBHOOK_EVENTS {
            assert_eq!(of(word), Some(word));
        }
    }
}
