//! The lane of one channel: it is told what happened to its orders, once each and in the order in which it happened.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Connector, Cx, Error, ErrorKind, IdempotencyKey, Notice, Outcome, StockBasis, Timestamp, both,
};
use tokio_util::sync::CancellationToken;

use super::patience::{JobFailure, Patience, Rest};
use super::{Lane, QueueCx, insist};
use crate::channels::task::Signals;
use crate::channels::words::own_words;
use crate::domain::order::Event;
use crate::domain::timeline::told_refused;
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
    signals: Option<Arc<Signals>>,
}

/// What one try came to.
enum Told {
    /// The channel answered: how the job ends, and what the timeline says.
    Answered(JobEnd, Option<Event>),
    /// It did not, or it will hear nothing from us now.
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
        // A failure of the other side of which it is not known yet whether the channel is away or fails on this alone.
        let mut doubtful: Option<(&JobRow, Error)> = None;
        for (at, job) in jobs.iter().enumerate() {
            if stop.is_cancelled() {
                let undone = doubtful.iter().map(|(job, _)| *job).chain(&jobs[at..]);
                return self.give_back(cx, undone, None, cx.now()).await;
            }
            let before = |o: &&JobRow| o.id < job.id && o.order() == job.order();
            if let Some(first) = older.iter().find(before) {
                let until = Timestamp(first.run_at).max(cx.now().plus(PAUSED_WAIT));
                self.give_back(cx, [job], None, until).await?;
                continue;
            }
            match self.tell(cx, job).await {
                Told::Away(error) if error.kind == ErrorKind::Unreachable && doubtful.is_none() => {
                    doubtful = Some((job, error));
                }
                Told::Away(error) => {
                    let untold = doubtful.iter().map(|(job, _)| *job).chain(&jobs[at..]);
                    return self.rest(cx, untold, &error).await;
                }
                Told::Answered(end, event) => {
                    if matches!(end, JobEnd::Done | JobEnd::Dead { .. }) {
                        older.retain(|o| o.id != job.id);
                    }
                    self.note(cx, job, (end, event), stop).await?;
                    if let Some((alone, error)) = doubtful.take() {
                        let failure = JobFailure::Retry { after: error.retry_after, why: kept(&error) };
                        let told = self.failed(alone, failure, cx.now());
                        self.note(cx, alone, told, stop).await?;
                    }
                }
            }
        }
        match doubtful {
            Some((job, error)) => self.rest(cx, [job], &error).await,
            None => Ok(()),
        }
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
            signals: None,
        }
    }

    /// The same lane, which wakes the channel's own tasks when it is told something that moves its numbers.
    #[must_use]
    pub fn waking(mut self, signals: Arc<Signals>) -> Self {
        self.signals = Some(signals);
        self
    }

    /// A shop that hears of a cancelled order puts the goods back on its own number, and one that counts the shelf takes
    /// a parcel's goods off. Our number may have reached it before: what it shows now is not known, so it is said again.
    async fn doubt(&self, cx: &QueueCx, told: &NoticeJob) {
        let moved = match told.notice {
            Notice::Cancelled { .. } => true,
            Notice::Shipped(_) => self.connector.capabilities().stock_basis == StockBasis::Physical,
            _ => false,
        };
        if !moved {
            return;
        }
        match cx.store.doubt_listings(told.order, cx.now()).await {
            Ok(()) => {
                if let Some(signals) = &self.signals {
                    signals.look_at_all();
                }
            }
            Err(error) => {
                tracing::error!(error = %error, "what a parcel did to the channel's numbers is not looked at")
            }
        }
    }

    /// Tells the channel one thing.
    async fn tell(&self, cx: &QueueCx, job: &JobRow) -> Told {
        let notice = match job.notice() {
            Ok(notice) => notice,
            Err(error) => {
                let why = both!("{error}", "保存された通知の内容を読み取れません: {error}").packed();
                return Told::Answered(JobEnd::Dead { why }, None);
            }
        };
        let key = IdempotencyKey(job.key.clone());
        let answer = self.connector.notify_order(&self.cx, &notice.remote, &notice.notice, &key).await;
        let now = cx.now();
        let failure = match answer {
            Err(error) if is_away(&error) => return Told::Away(error),
            answer => failure(answer, now),
        };
        self.answered(cx, now).await;
        match failure {
            None => {
                self.doubt(cx, &notice).await;
                Told::Answered(JobEnd::Done, Some(self.event("told", subject(&notice))))
            }
            Some(failure) => {
                let (end, event) = self.failed(job, failure, now);
                Told::Answered(end, event)
            }
        }
    }

    /// How a job ends that failed on its own, and what the timeline says if that is the end of it.
    fn failed(&self, job: &JobRow, failure: JobFailure, now: Timestamp) -> (JobEnd, Option<Event>) {
        let end = PATIENCE.end(job, failure, now);
        let what = job.notice().map(|n| subject(&n)).unwrap_or_default();
        let event = match &end {
            JobEnd::Dead { why } => Some(self.event("told_refused", told_refused(&what, why))),
            JobEnd::Done | JobEnd::Retry { .. } | JobEnd::Postpone { .. } => None,
        };
        tracing::warn!(channel = self.channel, order = job.order(), end = ?end, "the channel was not told");
        (end, event)
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

    /// The channel as a whole is away: it is left alone for a while, and no try counts.
    async fn rest(
        &self,
        cx: &QueueCx,
        jobs: impl IntoIterator<Item = &JobRow> + Send,
        error: &Error,
    ) -> Result<()> {
        let until = self.away(cx, error, cx.now()).await;
        self.give_back(cx, jobs, Some(error), until).await
    }

    async fn give_back(
        &self,
        cx: &QueueCx,
        jobs: impl IntoIterator<Item = &JobRow> + Send,
        error: Option<&Error>,
        until: Timestamp,
    ) -> Result<()> {
        let back = |job: &JobRow| {
            let why = error.map(kept).or_else(|| job.last_error.clone()).unwrap_or_default();
            (job.clone(), JobEnd::Postpone { at: until, why })
        };
        let ends: Vec<_> = jobs.into_iter().map(back).collect();
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
            let detail = both!(
                "{channel} is not told of shipments and cancellations: {error}. They wait and none is lost",
                "{channel}へ出荷・キャンセルを通知できません: {ja}。通知は失われずに待機しています",
                ja = error.words().ja
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

/// Whether the error is about the channel, and not about what it was told.
fn is_away(error: &Error) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unreachable | ErrorKind::RateLimited | ErrorKind::Auth | ErrorKind::Config
    )
}

/// Why an answer is not the end of it; `None` when the channel did what it was told.
fn failure(answer: banto_channel::Result<Outcome>, now: Timestamp) -> Option<JobFailure> {
    Some(match answer {
        Ok(Outcome::Applied) => return None,
        // The same call with the same key asks after it: a repetition changes nothing.
        Ok(Outcome::Pending(receipt)) => JobFailure::Postpone {
            until: now.plus(PENDING_WAIT),
            why: both!(
                "the channel took it and will answer later ({receipt})",
                "チャネルが受け付けました。結果の応答待ちです（{receipt}）"
            )
            .packed(),
        },
        Ok(Outcome::Refused { reason }) => JobFailure::Fail { why: reason.packed() },
        Ok(Outcome::Retry { after, reason }) => {
            JobFailure::Retry { after: Some(after), why: reason.packed() }
        }
        Err(error) => match error.kind {
            ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::Unsupported => {
                JobFailure::Fail { why: kept(&error) }
            }
            _ => JobFailure::Retry { after: error.retry_after, why: kept(&error) },
        },
    })
}

/// The error as a job keeps it.
fn kept(error: &Error) -> String {
    own_words(error).packed()
}

fn subject(job: &NoticeJob) -> String {
    job.notice.kind().name().to_owned()
}
