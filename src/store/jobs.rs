//! What must happen once per event: jobs in lanes, claimed with a lease, ended in the transaction that notes what
//! they did.
//!
//! `attempts` grows with each claim, and with `owner` it is the claim's name: an end that comes after the lease ran out
//! and somebody else claimed the job finds another name and changes nothing.

use std::time::Duration;

use banto_channel::{Notice, NoticeKind, RemoteOrderId, Timestamp, both};
use serde::{Deserialize, Serialize};

use super::db::args;
use super::tables::{self, JobRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::OrderId;
use crate::domain::order::Event;
use crate::domain::timeline::answer_in_words;

/// How a claimed job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It is done; its row goes.
    Done,
    /// It failed and is tried again at `at`.
    Retry {
        /// When.
        at: Timestamp,
        /// Why, for a person.
        why: String,
    },
    /// It was not its fault, or it was not tried: again at `at`, and the try does not count.
    Postpone {
        /// When.
        at: Timestamp,
        /// Why, for a person.
        why: String,
    },
    /// Given up; a person sees it and decides.
    Dead {
        /// Why, for a person.
        why: String,
    },
}

/// What a channel is to be told of an order: the payload of a job in the channel's lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeJob {
    /// Our key of the order.
    pub order: OrderId,
    /// The channel's key of it.
    pub remote: RemoteOrderId,
    /// What to tell.
    pub notice: Notice,
}

/// The lane in which a channel is told.
#[must_use]
pub fn channel_lane(channel: &str) -> String {
    format!("channel:{channel}")
}

impl NoticeJob {
    /// The job that tells `channel`. `name` is unique for the order, and with it the job's key, which is also the
    /// key under which the channel recognises a repetition.
    ///
    /// Errors: [`StoreError::Json`].
    pub fn job(&self, id: i64, channel: &str, name: &str, now: Timestamp) -> Result<JobRow> {
        let kind = match self.notice.kind() {
            NoticeKind::Shipped => "ship",
            NoticeKind::Cancelled => "cancel",
            NoticeKind::Paid => "paid",
            NoticeKind::Note => "note",
            NoticeKind::Confirmed => "confirm",
        };
        let key = format!("notice:{}:{name}", self.order);
        let payload = serde_json::to_string(self).map_err(StoreError::Json)?;
        Ok(JobRow::new(id, &channel_lane(channel), kind, key, payload, now))
    }
}

/// Which jobs to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct JobFilter<'a> {
    /// Only this lane.
    pub lane: Option<&'a str>,
    /// Only those that were given up.
    pub dead: bool,
}

/// How many jobs of a lane are in a state.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct JobCount {
    /// The lane.
    pub lane: String,
    /// `ready`, `running` or `dead`.
    pub state: String,
    /// How many.
    pub jobs: i64,
    /// When the oldest of them was made, microseconds since 1970.
    pub oldest: i64,
}

impl Store {
    /// Claims due jobs of a lane for `owner`, oldest first, until `now + lease`; each job is claimed by one caller only.
    /// A job whose claim ran out is due again.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn claim(
        &self,
        lane: &str,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<JobRow>> {
        let mut tx = self.db.begin_queue().await?;
        let text = if tx.is_postgres() { sql::PG_CLAIM } else { sql::SQLITE_CLAIM };
        let mut jobs: Vec<JobRow> = tx.all(text, args![lane, now.0, now.plus(lease).0, limit, owner]).await?;
        tx.commit().await?;
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }

    /// Makes jobs due at once whose claims were left behind: `is_gone` judges who claimed them (`None`: a version of
    /// banto that did not note it). A try that was cut off with its whole daemon does not count. Returns how many.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn release_claims(
        &self,
        is_gone: impl Fn(Option<&str>) -> bool + Send,
        now: Timestamp,
    ) -> Result<u64> {
        let owners: Vec<(Option<String>,)> = self.db.all(sql::JOB_OWNERS, args![]).await?;
        let gone = owners.into_iter().map(|row| row.0).filter(|owner| is_gone(owner.as_deref()));
        let gone: Vec<String> = gone.map(Option::unwrap_or_default).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        // A write waits for the one before, also for one whose process has ended and whose commit is on its way: the
        // mark of a mail that may have gone out is there before anybody looks for it.
        let mut write = self.write().await?;
        let released = write.tx.run(sql::JOBS_RELEASE, args![now.0, &keys(gone)?]).await?;
        write.made_jobs = true;
        write.commit().await?;
        Ok(released)
    }

    /// Lengthens the claims of jobs that are still being worked on.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn extend_leases(&self, jobs: &[JobRow], until: Timestamp) -> Result<()> {
        let claims: Vec<_> = jobs.iter().map(|j| (j.id, j.attempts, &j.owner)).collect();
        let mut tx = self.db.begin_queue().await?;
        tx.run(sql::JOBS_EXTEND, args![until.0, &json(&claims)?]).await?;
        tx.commit().await
    }

    /// Ends claimed jobs that left no other trace.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn end_jobs(&self, ends: &[(JobRow, JobEnd)]) -> Result<()> {
        let mut tx = self.db.begin_queue().await?;
        end_jobs(&mut tx, ends).await?;
        tx.commit().await
    }

    /// Ends a claimed job together with what the order's timeline says of it.
    ///
    /// Errors: [`StoreError::Sql`]; nothing was noted then.
    pub async fn settle_notice(
        &self,
        ends: &[(JobRow, JobEnd)],
        event: Option<(OrderId, Event)>,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        if let Some((order, event)) = event {
            write.add_events(order, vec![event], now).await?;
        }
        write.end_jobs(ends, now).await?;
        write.commit().await
    }

    /// When the next job of a lane is due; `None` when nothing waits.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn next_run(&self, lane: &str) -> Result<Option<Timestamp>> {
        let row: Option<(i64,)> = self.db.first(sql::JOB_NEXT, args![lane]).await?;
        Ok(row.map(|r| Timestamp(r.0)))
    }

    /// Jobs with keys above `after`, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn jobs(&self, filter: JobFilter<'_>, after: i64, limit: i64) -> Result<Vec<JobRow>> {
        let text = if filter.dead { sql::JOBS_DEAD } else { sql::JOBS };
        self.db.all(text, args![after, filter.lane.unwrap_or_default(), limit]).await
    }

    /// How many jobs of a lane wait or run; counting ends at `most`.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn jobs_in_lane(&self, lane: &str, most: i64) -> Result<i64> {
        let row: Option<(i64,)> = self.db.first(sql::JOBS_IN_LANE, args![lane, most]).await?;
        Ok(row.map_or(0, |row| row.0))
    }

    /// Jobs of a lane that wait or run, in the order they were made.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn waiting_jobs(&self, lane: &str, limit: i64) -> Result<Vec<JobRow>> {
        self.db.all(sql::JOBS_WAITING, args![lane, limit]).await
    }

    /// One job.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn job(&self, id: i64) -> Result<JobRow> {
        let row = self.db.first(sql::JOB, args![id]).await?;
        row.ok_or_else(|| no_job(id))
    }

    /// How many jobs there are, by lane and state.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn job_counts(&self) -> Result<Vec<JobCount>> {
        self.db.all(sql::JOB_COUNTS, args![]).await
    }

    /// Makes a job that waits or was given up due at once, with all its tries before it.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] while it is being worked on.
    pub async fn revive_job(&self, id: i64, actor: &str, now: Timestamp) -> Result<JobRow> {
        let mut write = self.write().await?;
        let job = write.idle_job(id).await?;
        write.tx.run(sql::JOB_REVIVE, args![id, now.0]).await?;
        write.made_jobs = true;
        write.clear(&dead_key(&job), now).await?;
        write.audit(actor, "job_retry", &job.key, &format!("{} in {}", job.kind, job.lane), now).await?;
        write.commit().await?;
        Ok(job)
    }

    /// Removes a job for good. A mail that it would have sent is dropped with it.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] while it is being worked on.
    pub async fn drop_job(&self, id: i64, actor: &str, now: Timestamp) -> Result<JobRow> {
        let mut write = self.write().await?;
        let job = write.idle_job(id).await?;
        write.tx.run(sql::JOB_DROP, args![id]).await?;
        if let Some(mail) = job.mail() {
            write.drop_queued_mail(&mail, now).await?;
        }
        write.clear(&dead_key(&job), now).await?;
        let detail = format!("{} in {}: {}", job.kind, job.lane, job.payload);
        write.audit(actor, "job_drop", &job.key, &detail, now).await?;
        write.commit().await?;
        Ok(job)
    }
}

impl Write {
    /// Adds jobs and wakes their lanes on commit. A job whose key is there already is not added again.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn add_jobs(&mut self, jobs: &[JobRow]) -> Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        let asked = keys(jobs.iter().map(|j| j.key.as_str()))?;
        let there: Vec<JobRow> = self.tx.all(sql::JOBS_BY_KEYS, args![&asked]).await?;
        let new: Vec<JobRow> =
            jobs.iter().filter(|j| there.iter().all(|t| t.key != j.key)).cloned().collect();
        tables::insert(&mut self.tx, &new).await?;
        self.made_jobs |= !new.is_empty();
        Ok(())
    }

    /// Ends claimed jobs together with what they did; those given up are an alert.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn end_jobs(&mut self, ends: &[(JobRow, JobEnd)], now: Timestamp) -> Result<()> {
        for (job, end) in ends {
            if let JobEnd::Dead { why } = end {
                let said = answer_in_words(why);
                let detail = both!(
                    "{kind} ({key}) was given up: {en}. `banto queue retry {id}`",
                    "処理 {key} の再試行を打ち切りました: {ja}。キューの画面で再試行または破棄してください",
                    kind = job.kind,
                    key = job.key,
                    id = job.id,
                    ja = said.ja,
                    en = said.en
                );
                let alert =
                    super::Alert { key: &dead_key(job), channel: None, kind: "job_dead", detail: &detail };
                self.raise(&alert, now).await?;
            }
        }
        end_jobs(&mut self.tx, ends).await
    }

    /// Removes jobs that nobody works on.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn drop_jobs(&mut self, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.tx.run(sql::JOBS_DROP_KEYS, args![&keys(names)?]).await.map(drop)
    }

    async fn idle_job(&mut self, id: i64) -> Result<JobRow> {
        let job: Option<JobRow> = self.tx.first(sql::JOB, args![id]).await?;
        let job = job.ok_or_else(|| no_job(id))?;
        if job.state == "running" {
            return Err(StoreError::Refused(both!(
                "job {id} is being worked on; try again in a minute",
                "ジョブ {id} は処理中です。1分ほど待ってからもう一度お試しください"
            )));
        }
        Ok(job)
    }
}

impl JobRow {
    /// A job that is due at once. `key` names the event: the same key is never queued twice.
    #[must_use]
    pub fn new(id: i64, lane: &str, kind: &str, key: String, payload: String, now: Timestamp) -> Self {
        Self {
            id,
            lane: lane.to_owned(),
            kind: kind.to_owned(),
            key,
            payload,
            state: "ready".to_owned(),
            run_at: now.0,
            attempts: 0,
            lease_until: 0,
            last_error: None,
            created_at: now.0,
            owner: None,
        }
    }
}

impl JobRow {
    /// What this job tells a channel.
    ///
    /// Errors: the payload is not a notice's.
    pub fn notice(&self) -> Result<NoticeJob> {
        serde_json::from_str(&self.payload).map_err(StoreError::Json)
    }

    /// The order that this job is about.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        self.mail().map(|mail| mail.order).or_else(|| Some(self.notice().ok()?.order))
    }
}

/// Between which two keys the jobs of an order stand: those that tell its channel, and those that send its mails.
pub(super) fn job_keys(order: OrderId) -> [(String, String); 2] {
    // `;` comes after `:`.
    ["notice", "mail"].map(|what| (format!("{what}:{order}:"), format!("{what}:{order};")))
}

async fn end_jobs(tx: &mut super::db::Tx, ends: &[(JobRow, JobEnd)]) -> Result<()> {
    let (mut done, mut again, mut dead) = (Vec::new(), Vec::new(), Vec::new());
    for (job, end) in ends {
        match end {
            JobEnd::Done => done.push(job.id),
            JobEnd::Retry { at, why } => again.push((job.id, job.attempts, at.0, 0, why, &job.owner)),
            JobEnd::Postpone { at, why } => again.push((job.id, job.attempts, at.0, 1, why, &job.owner)),
            JobEnd::Dead { why } => dead.push((job.id, job.attempts, why, &job.owner)),
        }
    }
    if !done.is_empty() {
        tx.run(sql::JOBS_SETTLE, args![&keys(done)?]).await?;
    }
    if !again.is_empty() {
        tx.run(sql::JOBS_AGAIN, args![&json(&again)?]).await?;
    }
    if !dead.is_empty() {
        tx.run(sql::JOBS_BURY, args![&json(&dead)?]).await?;
    }
    Ok(())
}

fn json<T: Serialize>(rows: &[T]) -> Result<String> {
    serde_json::to_string(rows).map_err(StoreError::Json)
}

fn no_job(id: i64) -> StoreError {
    StoreError::NotFound(both!(
        "there is no job {id}; `banto queue list` shows them",
        "ジョブ {id} はありません"
    ))
}

/// The alert of a job that was given up.
pub(super) fn dead_key(job: &JobRow) -> String {
    format!("job:{}", job.key)
}
