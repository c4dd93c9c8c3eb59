//! The lane of one endpoint: the merchant's own program is told what happened, each message until it has it, signed as
//! Standard Webhooks 1.0 says (standardwebhooks.com).
//!
//! Endpoints come and go while the daemon runs: [`Switchboard`] keeps a lane for each that is switched on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Bilingual, Http, Method, Request, Timestamp, both};
use banto_wire::{Reach, Wire, WireConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::patience::{JobFailure, Patience, Rest};
use super::{Lane, QueueCx, insist, run_lane};
use crate::channels::words::own_words;
use crate::config::WebConfig;
use crate::keys::house::{HouseKey, KeyFile};
use crate::store::{
    About, JobEnd, JobRow, OrderTold, Result, StockTold, StoreError, WebhookRow, overtaken, webhook_lane,
};

/// From 5 seconds to 6 hours: the last try is three and a half days or more after the first. However short the delays
/// come out, a message lives longer than an endpoint that takes nothing, so that such a one is switched off, and said
/// to be, also where there was only one message for it.
const PATIENCE: Patience =
    Patience { first: Duration::from_secs(5), longest: Duration::from_secs(6 * 3600), tries: 32 };
/// An endpoint that took nothing for so long is switched off.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(3 * 86_400);
/// Messages claimed at once: with each taking its longest, less than a claim lasts when it is lengthened.
const BATCH: i64 = 20;
/// Messages that are searched for newer numbers of the same shelf.
const LOOKED_AT: i64 = 1000;
/// How long an endpoint may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How often it is looked which endpoints there are.
const LOOK: Duration = Duration::from_secs(1);
/// How often answers of the API that were kept long enough are forgotten.
const SWEEP: Duration = Duration::from_secs(3600);

/// Where messages may go: whoever may register an endpoint, and nothing else, must not have this machine ask what only
/// it can reach.
#[must_use]
pub const fn reach(web: &WebConfig) -> Reach {
    if web.webhooks_private {
        Reach::House
    } else {
        Reach::Public { unless: "[web] webhooks_private = true" }
    }
}

/// The lane of one endpoint.
#[derive(Debug)]
pub struct WebhookLane {
    id: i64,
    name: String,
    http: Arc<dyn Http>,
    key: KeyFile,
    rest: Rest,
}

/// Why a message is not told, by whose fault it is.
enum Untold {
    /// The endpoint did not take it.
    NotTaken(Failed),
    /// The house cannot say it now: its store or its key fails.
    NotNow(Bilingual),
    /// There is nothing to say any more: what the message names is gone, or cannot be read.
    Never(Bilingual),
}

/// Why an endpoint did not take a message.
struct Failed {
    why: Bilingual,
    after: Option<Duration>,
    gone: bool,
}

impl From<StoreError> for Untold {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Json(why) => Self::Never(both!(
                "the message cannot be read any more: {why}",
                "通知の内容を読み取れません: {why}"
            )),
            StoreError::NotFound(why) => Self::Never(why),
            error => Self::NotNow(error.words()),
        }
    }
}

#[async_trait]
impl Lane for WebhookLane {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch(&self) -> i64 {
        BATCH
    }

    async fn resting(&self, _: &QueueCx) -> Result<Option<Timestamp>> {
        Ok(self.rest.until())
    }

    async fn work(&self, cx: &QueueCx, jobs: &[JobRow], stop: &CancellationToken) -> Result<()> {
        let endpoint = cx.store.webhook(self.id).await?;
        let old = overtaken(&cx.store.waiting_jobs(&self.name, LOOKED_AT).await?);
        for (at, job) in jobs.iter().enumerate() {
            if stop.is_cancelled() {
                return self.give_back(cx, &jobs[at..], cx.now()).await;
            }
            if old.contains(&job.id) {
                cx.store.end_jobs(&[(job.clone(), JobEnd::Done)]).await?;
                continue;
            }
            match self.tell(cx, &endpoint, job).await {
                Ok(()) => {}
                Err(Untold::NotTaken(failed)) => {
                    return self.failed(cx, &endpoint, &jobs[at..], failed).await;
                }
                Err(Untold::NotNow(why)) => return self.not_now(cx, &jobs[at..], &why).await,
                Err(Untold::Never(why)) => {
                    tracing::error!(webhook = self.id, job = job.id, why = %why, "a webhook's message is given up");
                    let ends = [(job.clone(), JobEnd::Dead { why: why.packed() })];
                    cx.store.settle_notice(&ends, None, cx.now()).await?;
                    continue;
                }
            }
            self.rest.end();
            let (ends, now) = ([(job.clone(), JobEnd::Done)], cx.now());
            insist("what a webhook was told", stop, || cx.store.webhook_delivered(self.id, &ends, now))
                .await?;
        }
        Ok(())
    }
}

impl WebhookLane {
    /// The lane of an endpoint.
    #[must_use]
    pub fn new(id: i64, http: Arc<dyn Http>, key: KeyFile) -> Self {
        Self { id, name: webhook_lane(id), http, key, rest: Rest::default() }
    }

    async fn tell(&self, cx: &QueueCx, endpoint: &WebhookRow, job: &JobRow) -> Result<(), Untold> {
        let at = cx.now().0 / 1_000_000;
        let id = format!("msg_{}", job.id);
        // Without its key nothing is told: it waits until the key is back.
        let key = self.key.read(&cx.store).await.map_err(|fault| Untold::NotNow(fault.words()))?;
        // Only its owner mends that, so that it ends as one that takes nothing does.
        let lost = |why: Bilingual| Untold::NotTaken(Failed { why, after: None, gone: false });
        let secret = secret(&key, endpoint).map_err(lost)?;
        let body = body(cx, job).await?;
        let request = Request {
            body: body.into_bytes(),
            ..Request::new(Method::Post, &endpoint.url)
                .header("content-type", "application/json")
                .header("webhook-id", &id)
                .header("webhook-timestamp", at.to_string())
        };
        let signature = signature(&secret, &id, at, &request.body);
        let failed = match self.http.send(request.header("webhook-signature", signature)).await {
            Ok(answer) if answer.is_success() => return Ok(()),
            // What it says beside its status is not shown: whoever registered it may not be who may read it.
            Ok(answer) => Failed {
                why: both!("it answered HTTP {status}", "応答がHTTP {status}でした", status = answer.status),
                after: answer
                    .header("retry-after")
                    .and_then(|s| s.parse().ok())
                    .map(|s| Duration::from_secs(s).min(PATIENCE.longest)),
                gone: answer.status == 410,
            },
            Err(error) => Failed { why: own_words(&error), after: error.retry_after, gone: false },
        };
        Err(Untold::NotTaken(failed))
    }

    /// None of `jobs` can be told now, which is no fault of the endpoint: no try counts, and neither does the time.
    async fn not_now(&self, cx: &QueueCx, jobs: &[JobRow], why: &Bilingual) -> Result<()> {
        tracing::error!(webhook = self.id, why = %why, "a webhook cannot be told anything now; its messages wait");
        let now = cx.now();
        let at = self.rest.begin(None, now);
        let wait = |job: &JobRow| (job.clone(), JobEnd::Postpone { at, why: why.packed() });
        let ends: Vec<_> = jobs.iter().map(wait).collect();
        cx.store.webhook_waits(self.id, why, &ends, now).await
    }

    /// The first of `jobs` was tried in vain: its try counts, the others wait as long as the endpoint rests.
    async fn failed(
        &self,
        cx: &QueueCx,
        endpoint: &WebhookRow,
        jobs: &[JobRow],
        failed: Failed,
    ) -> Result<()> {
        let now = cx.now();
        tracing::warn!(webhook = self.id, why = %failed.why, "a webhook was not taken");
        let until = self.rest.begin(failed.after, now);
        let Some((tried, untried)) = jobs.split_first() else { return Ok(()) };
        let failure = JobFailure::Retry { after: failed.after, why: failed.why.packed() };
        let mut ends = vec![(tried.clone(), PATIENCE.end(tried, failure, now))];
        ends.extend(untried.iter().map(|job| (job.clone(), postponed(job, until))));
        let since = cx.store.webhook_failed(self.id, &failed.why, &ends, now).await?;
        if failed.gone {
            let why =
                both!("it said that it is gone for good (HTTP 410)", "送信先が廃止されています（HTTP 410）");
            return cx.store.stop_webhook(endpoint, &why, now).await;
        }
        if now.since(since) > GIVEN_UP_AFTER {
            let days = GIVEN_UP_AFTER.as_secs() / 86_400;
            let why = both!(
                "it took nothing for {days} days; last: {why}",
                "{days}日間、1件も届きませんでした。最後の結果: {ja}",
                why = failed.why,
                ja = failed.why.ja
            );
            return cx.store.stop_webhook(endpoint, &why, now).await;
        }
        Ok(())
    }

    async fn give_back(&self, cx: &QueueCx, jobs: &[JobRow], until: Timestamp) -> Result<()> {
        let ends: Vec<_> = jobs.iter().map(|job| (job.clone(), postponed(job, until))).collect();
        cx.store.end_jobs(&ends).await
    }
}

fn postponed(job: &JobRow, until: Timestamp) -> JobEnd {
    JobEnd::Postpone { at: until, why: job.last_error.clone().unwrap_or_default() }
}

/// `webhook-signature`: of id, time and body, by the bytes that the shown secret stands for.
#[must_use]
pub fn signature(key: &[u8], id: &str, at: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What signs the messages to an endpoint.
fn secret(key: &HouseKey, endpoint: &WebhookRow) -> Result<[u8; 32], Bilingual> {
    let salt = endpoint.salt.as_deref().ok_or_else(|| {
        both!(
            "its secret is gone; remove the webhook and add it again, and it gets another one",
            "署名の鍵が失われています。Webhookを削除して追加し直すと、新しい鍵が発行されます"
        )
    })?;
    Ok(key.webhook(endpoint.id, salt))
}

/// An endpoint's secret as its owner enters it into a library for Standard Webhooks.
///
/// Errors: it has none any more, and what to do.
pub fn shown_secret(key: &HouseKey, endpoint: &WebhookRow) -> Result<String, Bilingual> {
    Ok(format!("whsec_{}", STANDARD.encode(secret(key, endpoint)?)))
}

/// The message: what happened, when, and how things stood right after it.
async fn body(cx: &QueueCx, job: &JobRow) -> Result<String> {
    let told = job.told()?;
    let data = match &told.about {
        About::Order(order) => order_data(cx, order).await?,
        About::Stock(stock) => stock_data(cx, stock).await?,
        About::Nothing => json!({}),
    };
    let at = crate::cli::utc(told.at);
    Ok(json!({ "type": told.event, "timestamp": at, "data": data }).to_string())
}

async fn order_data(cx: &QueueCx, order: &OrderTold) -> Result<Value> {
    let channel = cx.store.channel_of(order.channel).await?.name;
    Ok(json!({
        "id": order.id,
        "channel": channel,
        "number": order.number,
        "version": order.version,
        "payment": order.payment,
        "fulfilment": order.fulfilment,
        "hold": order.hold,
    }))
}

async fn stock_data(cx: &QueueCx, stock: &StockTold) -> Result<Value> {
    let items = cx.store.items_of(&BTreeSet::from([stock.item])).await?;
    let locations = cx.store.locations().await?;
    Ok(json!({
        "code": items.get(&stock.item).map(|item| &item.code),
        "location": locations.iter().find(|l| l.id == stock.location).map(|l| &l.code),
        "on_hand": stock.available + stock.reserved,
        "reserved": stock.reserved,
        "available": stock.available,
        "short": stock.short,
    }))
}

/// Keeps a lane for each endpoint that is switched on, until it is stopped.
#[derive(Clone, Debug)]
pub struct Switchboard {
    /// What lanes share.
    pub cx: QueueCx,
    /// Where messages may go: [`reach`].
    pub reach: Reach,
    /// What their signatures come from.
    pub key: KeyFile,
}

impl Switchboard {
    /// Runs until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut running: BTreeMap<i64, CancellationToken> = BTreeMap::new();
        let mut lanes = JoinSet::new();
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            match self.cx.store.webhooks().await {
                Ok(all) => {
                    let on: BTreeSet<i64> = all.iter().filter(|w| w.active).map(|w| w.id).collect();
                    running.retain(|id, stop| {
                        on.contains(id) || {
                            stop.cancel();
                            false
                        }
                    });
                    for id in on {
                        if running.contains_key(&id) {
                            continue;
                        }
                        let Some(http) = self.way_out(id) else { continue };
                        let stop = stop.child_token();
                        let lane = Arc::new(WebhookLane::new(id, http, self.key.clone()));
                        lanes.spawn(run_lane(lane, self.cx.clone(), stop.clone()));
                        running.insert(id, stop);
                    }
                }
                Err(error) => tracing::warn!(error = %error, "the webhooks cannot be read"),
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
                _ = sweep.tick() => self.forget_requests().await,
                Some(ended) = lanes.join_next() => if let Err(error) = ended {
                    // Whose lane it was is not told: all of them begin anew.
                    tracing::error!(error = %error, "the lane of a webhook broke off");
                    std::mem::take(&mut running).into_values().for_each(|stop| stop.cancel());
                }
            }
        }
        while lanes.join_next().await.is_some() {}
    }

    /// An endpoint's own way out: a pause that one asks for is no other's. The lane repeats, so the wire does not.
    fn way_out(&self, id: i64) -> Option<Arc<dyn Http>> {
        let config = WireConfig {
            timeout: ANSWER_LIMIT,
            attempts_max: 1,
            retry_time_max: Duration::ZERO,
            body_max: 1_000_000,
            reach: self.reach,
            ..WireConfig::new(webhook_lane(id), &[])
        };
        match Wire::new(config, Arc::clone(&self.cx.clock)) {
            Ok(wire) => Some(Arc::new(wire)),
            Err(error) => {
                tracing::error!(webhook = id, error = %error, "a webhook cannot be told anything");
                None
            }
        }
    }

    async fn forget_requests(&self) {
        if let Err(error) = self.cx.store.forget_requests(self.cx.now()).await {
            tracing::warn!(error = %error, "old answers of the API stay for now");
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example in the tests of the Standard Webhooks libraries.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let ours = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(ours, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
