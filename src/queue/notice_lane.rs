//! The lane of one channel: it is told what happened to its orders, once each and in the order in which it happened.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Connector, Cx, Error, ErrorKind, IdempotencyKey, NoticeKind, Outcome, Timestamp};
use tokio_util::sync::CancellationToken;

use super::backoff::{JobFailure, Patience, Rest};
use super::{Lane, QueueCx, insist};
use crate::domain::order::Event;
use crate::store::{Alert, JobEnd, JobRow, NoticeJob, Result, channel_lane};

const PATIENCE: Patience =
    Patience { first: Duration::from_secs(5), longest: Duration::from_secs(3600), tries: 12 };
/// Notices claimed at once.
const BATCH: i64 = 10;
/// Jobs of the lane that are searched for older ones of the same order.
const LOOKED_AT: i64 = 1000;
/// How long until a notice is asked after that the channel took without an answer.
const PENDING_WAIT: Duration = Duration::from_secs(60);
/// How long the lane rests when the channel refuses our credentials.
const AUTH_WAIT: Duration = Duration::from_secs(120);
/// How soon a paused lane looks again.
const PAUSED_WAIT: Duration = Duration::from_secs(1);
/// Failures of the channel in a row before somebody is told.
const FAILURES_BEFORE_ALERT: i64 = 4;

/// The lane of one channel.
#[derive(Debug)]
pub struct NoticeLane {
    name: String,
    channel: String,
    connector: Arc<dyn Connector>,
    cx: Cx,
    rest: Rest,
}

/// What one try came to.
enum Told {
    /// The channel said yes.
    Applied,
    /// It did not work out for this notice.
    Failed(JobFailure),
    /// The channel as a whole cannot be told anything now.
    Away(Error),
}

#[async_trait]
impl Lane for NoticeLane {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch(&self) -> i64 {
        BATCH
    }

    async fn resting(&self, cx: &QueueCx) -> Result<Option<Timestamp>> {
        let row = cx.store.channel(&self.channel).await?;
        let silent = row.paused || row.mode != "live";
        Ok(if silent { Some(cx.now().plus(PAUSED_WAIT)) } else { self.rest.until() })
    }

    async fn work(&self, cx: &QueueCx, jobs: &[JobRow], stop: &CancellationToken) -> Result<()> {
        let mut older = cx.store.waiting_jobs(&self.name, LOOKED_AT).await?;
        for (at, job) in jobs.iter().enumerate() {
            if stop.is_cancelled() {
                return self.give_back(cx, &jobs[at..], cx.now()).await;
            }
            let before = |o: &&JobRow| o.id < job.id && o.order() == job.order();
            if let Some(first) = older.iter().find(before) {
                let until = Timestamp(first.run_at).max(cx.now().plus(PAUSED_WAIT));
                self.give_back(cx, std::slice::from_ref(job), until).await?;
                continue;
            }
            let (end, event, away) = self.tell(cx, job).await;
            let done = matches!(end, JobEnd::Done | JobEnd::Dead { .. });
            self.note(cx, job, (end, event), stop).await?;
            if done {
                older.retain(|o| o.id != job.id);
            }
            if let Some(until) = away {
                return self.give_back(cx, &jobs[at + 1..], until).await;
            }
        }
        Ok(())
    }
}

impl NoticeLane {
    /// The lane in which `connector` is told, on the channel of that name.
    #[must_use]
    pub fn new(channel: &str, connector: Arc<dyn Connector>, cx: Cx) -> Self {
        Self {
            name: channel_lane(channel),
            channel: channel.to_owned(),
            connector,
            cx,
            rest: Rest::default(),
        }
    }

    /// Tells the channel one thing. Returns how the job ends, what the timeline says, and until when the lane rests if
    /// the channel is away.
    async fn tell(&self, cx: &QueueCx, job: &JobRow) -> (JobEnd, Option<Event>, Option<Timestamp>) {
        let notice = match job.notice() {
            Ok(notice) => notice,
            Err(error) => return (JobEnd::Dead { why: error.to_string() }, None, None),
        };
        let key = IdempotencyKey(job.key.clone());
        let answer = self.connector.notify_order(&self.cx, &notice.remote, &notice.notice, &key).await;
        let now = cx.now();
        match told(answer, now) {
            Told::Applied => {
                self.answered(cx, now).await;
                (JobEnd::Done, Some(self.event("told", subject(&notice))), None)
            }
            Told::Failed(failure) => {
                self.answered(cx, now).await;
                let end = PATIENCE.end(job, failure, now);
                let event = match &end {
                    JobEnd::Dead { why } => {
                        Some(self.event("told_refused", format!("{}: {why}", subject(&notice))))
                    }
                    _ => None,
                };
                tracing::warn!(channel = self.channel, order = notice.order, end = ?end, "the channel was not told");
                (end, event, None)
            }
            Told::Away(error) => {
                let first = self.rest.failures() == 0;
                let until = self.away(cx, &error, now).await;
                // Of failures in a row the first counts against the notice at hand: one that always fails while others
                // get through is given up in the end, and an outage gives up none.
                let failure = match error.kind {
                    ErrorKind::Unreachable if first => {
                        JobFailure::Retry { after: Some(until.since(now)), why: error.to_string() }
                    }
                    _ => JobFailure::Postpone { until, why: error.to_string() },
                };
                (PATIENCE.end(job, failure, now), None, Some(until))
            }
        }
    }

    async fn note(
        &self,
        cx: &QueueCx,
        job: &JobRow,
        (end, event): (JobEnd, Option<Event>),
        stop: &CancellationToken,
    ) -> Result<()> {
        let now = cx.now();
        let ends = [(job.clone(), end)];
        let event = job.order().zip(event);
        insist("what a channel was told", stop, || cx.store.settle_notice(&ends, event.clone(), now)).await
    }

    async fn give_back(&self, cx: &QueueCx, jobs: &[JobRow], until: Timestamp) -> Result<()> {
        let back = |job: &JobRow| {
            let why = job.last_error.clone().unwrap_or_default();
            (job.clone(), JobEnd::Postpone { at: until, why })
        };
        let ends: Vec<_> = jobs.iter().map(back).collect();
        cx.store.end_jobs(&ends).await
    }

    fn alert_key(&self) -> String {
        format!("notices:{}", self.channel)
    }

    async fn answered(&self, cx: &QueueCx, now: Timestamp) {
        if self.rest.end()
            && let Err(error) = cx.store.clear(&self.alert_key(), now).await
        {
            tracing::error!(error = %error, "the alert could not be cleared");
        }
    }

    /// The lane rests, and somebody is told if that lasts.
    async fn away(&self, cx: &QueueCx, error: &Error, now: Timestamp) -> Timestamp {
        let ours = matches!(error.kind, ErrorKind::Auth | ErrorKind::Config);
        let until = self.rest.begin(error.retry_after.or(ours.then_some(AUTH_WAIT)), now);
        tracing::warn!(channel = self.channel, error = %error, "the channel cannot be told anything now");
        if ours || self.rest.failures() >= FAILURES_BEFORE_ALERT {
            let channel = &self.channel;
            let detail = format!(
                "{channel} is not told of shipments and cancellations: {error}. They wait and none is lost"
            );
            let alert =
                Alert { key: &self.alert_key(), channel: None, kind: "notices_stopped", detail: &detail };
            if let Err(error) = cx.store.raise(&alert, now).await {
                tracing::error!(error = %error, "the alert could not be raised");
            }
        }
        until
    }

    fn event(&self, kind: &'static str, detail: String) -> Event {
        Event { kind, detail, actor: format!("channel:{}", self.channel) }
    }
}

fn told(answer: banto_channel::Result<Outcome>, now: Timestamp) -> Told {
    match answer {
        Ok(Outcome::Applied) => Told::Applied,
        // The same call with the same key asks after it: a repetition changes nothing.
        Ok(Outcome::Pending(receipt)) => Told::Failed(JobFailure::Postpone {
            until: now.plus(PENDING_WAIT),
            why: format!("the channel took it and will answer later ({receipt})"),
        }),
        Ok(Outcome::Refused { reason }) => Told::Failed(JobFailure::Fail { why: reason }),
        Ok(Outcome::Retry { after, reason }) => {
            Told::Failed(JobFailure::Retry { after: Some(after), why: reason })
        }
        Err(error) => match error.kind {
            ErrorKind::Unreachable | ErrorKind::RateLimited | ErrorKind::Auth | ErrorKind::Config => {
                Told::Away(error)
            }
            ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::Unsupported => {
                Told::Failed(JobFailure::Fail { why: error.to_string() })
            }
            _ => Told::Failed(JobFailure::Retry { after: error.retry_after, why: error.to_string() }),
        },
    }
}

fn subject(job: &NoticeJob) -> String {
    match job.notice.kind() {
        NoticeKind::Shipped => "shipped",
        NoticeKind::Cancelled => "cancelled",
        NoticeKind::Paid => "paid",
        NoticeKind::Note => "note",
    }
    .to_owned()
}
