//! Outgoing webhooks: where the merchant's own programs are told what happened, and the jobs that tell them, made in the
//! transaction of what happened.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use banto_channel::{Bilingual, Timestamp, both};
use serde::{Deserialize, Serialize};

use super::db::args;
use super::sql::texts;
use super::tables::{self, EntryRow, JobRow, LevelRow, OrderRow, TimelineRow, WebhookRow};
use super::{Alert, JobEnd, RequestTry, Result, Store, StoreError, Write};
use crate::domain::timeline::hold_in_words;
use crate::domain::{ChannelId, ItemId, LocationId, OrderId};
use crate::keys;

texts! {
    WEBHOOKS = "SELECT * FROM webhook ORDER BY id";
    WEBHOOKS_ACTIVE = "SELECT * FROM webhook WHERE active ORDER BY id";
    WEBHOOK = "SELECT * FROM webhook WHERE id = $1";
    WEBHOOK_DROP = "DELETE FROM webhook WHERE id = $1";
    WEBHOOK_SWITCH = "UPDATE webhook SET active = $2, stopped = $3, failing_since = NULL WHERE id = $1";
    WEBHOOK_DELIVERED = "UPDATE webhook SET delivered_at = $2, failing_since = NULL, last_error = NULL WHERE id = $1";
    WEBHOOK_FAILED = "UPDATE webhook SET failing_since = COALESCE(failing_since, $2), last_error = $3 WHERE id = $1";
    WEBHOOK_WAITS = "UPDATE webhook SET failing_since = NULL, last_error = $2 WHERE id = $1";
    LANE_DROP = "DELETE FROM job WHERE lane = $1";
    LANE_BURY = "UPDATE job SET state = 'dead', last_error = $2, lease_until = 0 WHERE lane = $1 AND state <> 'dead'";
}

/// What can be told, by its stable word.
pub const WEBHOOK_EVENTS: [&str; 9] = [
    "order.created",
    "order.updated",
    "order.paid",
    "order.held",
    "order.released",
    "order.shipped",
    "order.cancelled",
    "order.returned",
    "stock.changed",
];

/// What an endpoint hears when somebody tries it out.
pub const WEBHOOK_PING: &str = "ping";

/// How long the endpoints are believed to be those that were read: one that another process registers hears nothing of
/// what happens before.
const BELIEVED: Duration = Duration::from_secs(5);

/// The lane of an endpoint.
#[must_use]
pub fn webhook_lane(webhook: i64) -> String {
    format!("webhook:{webhook}")
}

/// What a job tells an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The event's word.
    pub event: String,
    /// When it happened, microseconds since 1970.
    pub at: i64,
    /// What happened to what.
    pub about: About,
}

/// What an event is about, as it was right after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// An order.
    Order(OrderTold),
    /// A shelf.
    Stock(StockTold),
    /// Nothing: it is a try.
    Nothing,
}

/// An order as an event tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns of the order")]
pub struct OrderTold {
    pub id: OrderId,
    pub channel: ChannelId,
    pub number: String,
    pub version: i64,
    pub payment: String,
    pub fulfilment: String,
    pub hold: Option<String>,
}

/// A shelf as an event tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns of the level")]
pub struct StockTold {
    pub item: ItemId,
    pub location: LocationId,
    pub available: i64,
    pub reserved: i64,
    pub short: i64,
}

/// The endpoints as a store has read them last.
#[derive(Debug, Default)]
pub(super) struct Endpoints(Mutex<Option<(Instant, Arc<[WebhookRow]>)>>);

impl Endpoints {
    fn known(&self) -> Option<Arc<[WebhookRow]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(read, _)| read.elapsed() < BELIEVED).map(|(_, all)| Arc::clone(all))
    }

    fn learn(&self, all: Vec<WebhookRow>) -> Arc<[WebhookRow]> {
        let all: Arc<[WebhookRow]> = all.into();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&all)));
        all
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl WebhookRow {
    /// Whether the endpoint wants to hear of such an event.
    #[must_use]
    pub fn wants(&self, event: &str) -> bool {
        event == WEBHOOK_PING || self.events.split(' ').any(|wanted| wanted == event)
    }
}

impl JobRow {
    /// What this job tells an endpoint.
    ///
    /// Errors: the payload is not a webhook's.
    pub fn told(&self) -> Result<Told> {
        serde_json::from_str(&self.payload).map_err(StoreError::Json)
    }
}

/// How the salt of an endpoint begins that this request made: whoever repeats the request finds it by that.
#[must_use]
pub fn salt_start(request: RequestTry) -> String {
    format!("{}.", request.id())
}

impl Store {
    /// Registers an endpoint, with a salt for a secret of its own.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn add_webhook(
        &self,
        url: &str,
        events: &[&str],
        actor: &str,
        now: Timestamp,
    ) -> Result<WebhookRow> {
        let mut write = self.write().await?;
        let row = WebhookRow {
            id: write.id(),
            url: url.to_owned(),
            events: events.join(" "),
            secret: String::new(),
            salt: Some(format!(
                "{}{}",
                self.request.map(salt_start).unwrap_or_default(),
                keys::Token::new().0
            )),
            active: true,
            stopped: None,
            created_by: actor.to_owned(),
            created_at: now.0,
            delivered_at: None,
            failing_since: None,
            last_error: None,
        };
        tables::insert(&mut write.tx, std::slice::from_ref(&row)).await?;
        write.audit(actor, "webhook_add", &format!("webhook {} {url}", row.id), &row.events, now).await?;
        write.commit().await?;
        self.hub.endpoints.forget();
        Ok(row)
    }

    /// All endpoints, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn webhooks(&self) -> Result<Vec<WebhookRow>> {
        self.db.all(WEBHOOKS, args![]).await
    }

    /// One endpoint.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn webhook(&self, id: i64) -> Result<WebhookRow> {
        self.db.first(WEBHOOK, args![id]).await?.ok_or_else(|| no_webhook(id))
    }

    /// Switches an endpoint on or off. What it did not hear while it was off is not told later.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn switch_webhook(&self, id: i64, on: bool, actor: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let stopped = (!on).then(|| both!("switched off by {actor}", "{actor} による停止").packed());
        if write.tx.run(WEBHOOK_SWITCH, args![id, on, stopped.as_deref()]).await? == 0 {
            return Err(no_webhook(id));
        }
        if !on {
            write.tx.run(LANE_DROP, args![&webhook_lane(id)]).await?;
        }
        write.clear(&alert_key(id), now).await?;
        let action = if on { "webhook_on" } else { "webhook_off" };
        write.audit(actor, action, &format!("webhook {id}"), "", now).await?;
        write.commit().await?;
        self.hub.endpoints.forget();
        Ok(())
    }

    /// Removes an endpoint with all that it was still to be told.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn remove_webhook(&self, id: i64, actor: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let row: Option<WebhookRow> = write.tx.first(WEBHOOK, args![id]).await?;
        let row = row.ok_or_else(|| no_webhook(id))?;
        write.tx.run(LANE_DROP, args![&webhook_lane(id)]).await?;
        write.tx.run(WEBHOOK_DROP, args![id]).await?;
        write.clear(&alert_key(id), now).await?;
        write.audit(actor, "webhook_remove", &format!("webhook {id} {}", row.url), "", now).await?;
        write.commit().await?;
        self.hub.endpoints.forget();
        Ok(())
    }

    /// Tells an endpoint something for a try.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] when it is switched off.
    pub async fn ping_webhook(&self, id: i64, actor: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let row: Option<WebhookRow> = write.tx.first(WEBHOOK, args![id]).await?;
        let row = row.ok_or_else(|| no_webhook(id))?;
        if !row.active {
            return Err(StoreError::Refused(both!(
                "webhook {id} is switched off",
                "Webhook {id} は無効になっています"
            )));
        }
        let told = Told { event: WEBHOOK_PING.to_owned(), at: now.0, about: About::Nothing };
        write.tell(&[row], &[told]).await?;
        write.audit(actor, "webhook_ping", &format!("webhook {id}"), "", now).await?;
        write.commit().await
    }

    /// Ends jobs of an endpoint that answered well.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn webhook_delivered(&self, id: i64, ends: &[(JobRow, JobEnd)], now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        write.tx.run(WEBHOOK_DELIVERED, args![id, now.0]).await?;
        write.clear(&alert_key(id), now).await?;
        write.end_jobs(ends, now).await?;
        write.commit().await
    }

    /// Ends jobs of an endpoint that did not. Returns since when it has not.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Sql`].
    pub async fn webhook_failed(
        &self,
        id: i64,
        why: &Bilingual,
        ends: &[(JobRow, JobEnd)],
        now: Timestamp,
    ) -> Result<Timestamp> {
        let mut write = self.write().await?;
        write.tx.run(WEBHOOK_FAILED, args![id, now.0, why.packed().as_str()]).await?;
        write.end_jobs(ends, now).await?;
        let row: Option<WebhookRow> = write.tx.first(WEBHOOK, args![id]).await?;
        let since = row.ok_or_else(|| no_webhook(id))?.failing_since.unwrap_or(now.0);
        write.commit().await?;
        Ok(Timestamp(since))
    }

    /// Ends jobs of an endpoint that the house itself could not tell. Since when the endpoint takes nothing is then counted
    /// afresh: in the meantime nobody asked it.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn webhook_waits(
        &self,
        id: i64,
        why: &Bilingual,
        ends: &[(JobRow, JobEnd)],
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        write.tx.run(WEBHOOK_WAITS, args![id, why.packed().as_str()]).await?;
        write.end_jobs(ends, now).await?;
        write.commit().await
    }

    /// Switches an endpoint off that failed for too long, gives up what it was still to be told, and says so.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn stop_webhook(&self, row: &WebhookRow, why: &Bilingual, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        let kept = why.packed();
        write.tx.run(WEBHOOK_SWITCH, args![row.id, false, kept.as_str()]).await?;
        let given_up = write.tx.run(LANE_BURY, args![&webhook_lane(row.id), kept.as_str()]).await?;
        let detail = both!(
            "{url} is not told anything any more: {why}. {given_up} messages were given up; `banto queue retry` repeats \
             them after the webhook was switched on again",
            "{url} への通知を停止しました: {ja}。{given_up}件の通知を打ち切りました。Webhookを有効に戻した後、キューの画面で\
             再試行できます",
            url = row.url,
            ja = why.ja
        );
        let alert =
            Alert { key: &alert_key(row.id), channel: None, kind: "webhook_stopped", detail: &detail };
        write.raise(&alert, now).await?;
        write.commit().await?;
        self.hub.endpoints.forget();
        Ok(())
    }
}

impl Write {
    async fn endpoints(&mut self) -> Result<Arc<[WebhookRow]>> {
        match self.hub.endpoints.known() {
            Some(known) => Ok(known),
            None => Ok(self.hub.endpoints.learn(self.tx.all(WEBHOOKS_ACTIVE, args![]).await?)),
        }
    }

    /// Makes jobs that tell what happened to orders; `timeline` is what was written of it.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn tell_of_orders(
        &mut self,
        orders: &[OrderRow],
        new: &BTreeSet<OrderId>,
        timeline: &[TimelineRow],
    ) -> Result<()> {
        let endpoints = self.endpoints().await?;
        if endpoints.is_empty() {
            return Ok(());
        }
        let mut events: Vec<Told> = Vec::new();
        for order in orders {
            let about = About::Order(OrderTold::from(order));
            let told =
                |event: &str| Told { event: event.to_owned(), at: order.updated_at, about: about.clone() };
            events.push(told(if new.contains(&order.id) { "order.created" } else { "order.updated" }));
            let kinds: BTreeSet<&str> =
                timeline.iter().filter(|t| t.order_id == order.id).map(|t| t.kind.as_str()).collect();
            let named = kinds.into_iter().map(|kind| format!("order.{kind}"));
            events.extend(named.filter(|e| WEBHOOK_EVENTS.contains(&e.as_str())).map(|e| told(&e)));
        }
        self.tell(&endpoints, &events).await
    }

    /// Makes jobs that tell what became of shelves.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn tell_of_stock(&mut self, levels: &[LevelRow], entries: &[EntryRow]) -> Result<()> {
        let Some(at) = entries.last().map(|entry| entry.at) else { return Ok(()) };
        let endpoints = self.endpoints().await?;
        if endpoints.is_empty() {
            return Ok(());
        }
        let told = |level: &LevelRow| Told {
            event: "stock.changed".to_owned(),
            at,
            about: About::Stock(StockTold {
                item: level.item_id,
                location: level.location_id,
                available: level.available,
                reserved: level.reserved,
                short: level.short,
            }),
        };
        let events: Vec<Told> = levels.iter().map(told).collect();
        self.tell(&endpoints, &events).await
    }

    async fn tell(&mut self, endpoints: &[WebhookRow], events: &[Told]) -> Result<()> {
        let mut jobs = Vec::new();
        for endpoint in endpoints {
            let lane = webhook_lane(endpoint.id);
            for told in events.iter().filter(|told| endpoint.wants(&told.event)) {
                let id = self.id();
                let payload = serde_json::to_string(told).map_err(StoreError::Json)?;
                let key = format!("{lane}:{id}");
                jobs.push(JobRow::new(id, &lane, &told.event, key, payload, Timestamp(told.at)));
            }
        }
        self.made_jobs |= !jobs.is_empty();
        tables::insert(&mut self.tx, &jobs).await
    }
}

impl From<&OrderRow> for OrderTold {
    fn from(row: &OrderRow) -> Self {
        Self {
            id: row.id,
            channel: row.channel_id,
            number: row.number.clone(),
            version: row.version,
            payment: row.payment.clone(),
            fulfilment: row.fulfilment.clone(),
            hold: row.hold.as_deref().map(|why| hold_in_words(why).en),
        }
    }
}

/// Jobs whose numbers newer ones of the same shelf have overtaken: only the newest is told.
#[must_use]
pub fn overtaken(waiting: &[JobRow]) -> BTreeSet<i64> {
    let mut newest: HashMap<(ItemId, LocationId), i64> = HashMap::new();
    let mut old = BTreeSet::new();
    for job in waiting {
        if let Ok(Told { about: About::Stock(stock), .. }) = job.told() {
            old.extend(newest.insert((stock.item, stock.location), job.id));
        }
    }
    old
}

fn alert_key(webhook: i64) -> String {
    format!("webhook:{webhook}")
}

fn no_webhook(id: i64) -> StoreError {
    StoreError::NotFound(both!("there is no webhook {id}", "Webhook {id} はありません"))
}
