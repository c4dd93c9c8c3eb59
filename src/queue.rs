//! What must happen once per event: mails to buyers, and what a channel is told about its orders.
//!
//! Jobs stand in lanes, one for all mails and one a channel. A lane claims a batch for a while, works on it outside
//! any transaction, and ends it in the transaction that notes what it did; a lane that dies loses nothing but its
//! claim, which runs out. Nothing is repeated blindly: what a lane may do after a crash is its own knowledge.

pub mod compose;
pub mod deadlines;
pub mod mail_lane;
pub mod notice_lane;
pub mod patience;
pub mod webhook_lane;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::store::{JobRow, Result, Store};

/// How long a claim lasts unless it is lengthened.
pub const LEASE: Duration = Duration::from_secs(60);
/// How often claims are lengthened while a batch is being worked on.
const RENEWAL: Duration = Duration::from_secs(20);
/// Longest sleep of a lane: jobs of other processes are found no later.
const POLL: Duration = Duration::from_secs(1);

/// What lanes share.
#[derive(Clone, Debug)]
pub struct QueueCx {
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who claims.
    pub owner: Arc<str>,
}

impl QueueCx {
    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What works on the jobs of one lane.
#[async_trait]
pub trait Lane: Debug + Send + Sync {
    /// The lane's name in the store.
    fn name(&self) -> &str;

    /// Most jobs claimed at once.
    fn batch(&self) -> i64;

    /// Until when the lane rests, if it does: paused, or after the other side as a whole failed.
    ///
    /// Errors: the store's.
    async fn resting(&self, cx: &QueueCx) -> Result<Option<Timestamp>>;

    /// Works on claimed jobs and ends each of them in the store. When `stop` is cancelled, what was not begun is
    /// given back.
    ///
    /// Errors: the store's; the claims then run out by themselves.
    async fn work(&self, cx: &QueueCx, jobs: &[JobRow], stop: &CancellationToken) -> Result<()>;
}

/// Claims what is due in a lane and works on it, once. Returns how many jobs that were.
///
/// Errors: the store's.
pub async fn lane_once(lane: &dyn Lane, cx: &QueueCx, stop: &CancellationToken) -> Result<usize> {
    let now = cx.now();
    if stop.is_cancelled() || lane.resting(cx).await?.is_some_and(|until| until > now) {
        return Ok(0);
    }
    if cx.store.next_run(lane.name()).await?.is_none_or(|at| at > now) {
        return Ok(0);
    }
    let jobs = cx.store.claim(lane.name(), &cx.owner, now, LEASE, lane.batch()).await?;
    if jobs.is_empty() {
        return Ok(0);
    }
    // Told to end rather than dropped, which could cut a transaction off.
    let ended = CancellationToken::new();
    let keep = async {
        while ended.run_until_cancelled(tokio::time::sleep(RENEWAL)).await.is_some() {
            if let Err(error) = cx.store.extend_leases(&jobs, cx.now().plus(LEASE)).await {
                tracing::warn!(lane = lane.name(), error = %error, "the claims could not be lengthened");
            }
        }
    };
    let work = async {
        let done = lane.work(cx, &jobs, stop).await;
        ended.cancel();
        done
    };
    let (done, ()) = tokio::join!(work, keep);
    done.map(|()| jobs.len())
}

/// Runs a lane until it is stopped.
pub async fn run_lane(lane: Arc<dyn Lane>, cx: QueueCx, stop: CancellationToken) {
    let mut wakes = cx.store.watch_jobs();
    while !stop.is_cancelled() {
        let pause = match lane_once(lane.as_ref(), &cx, &stop).await {
            Ok(0) => until_next(lane.as_ref(), &cx).await,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::error!(lane = lane.name(), error = %error, "the lane could not use the store; it tries again");
                POLL
            }
        };
        if pause.is_zero() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = wakes.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How long a lane without work may sleep.
async fn until_next(lane: &dyn Lane, cx: &QueueCx) -> Duration {
    let least = Duration::from_millis(1);
    match cx.store.next_run(lane.name()).await {
        Ok(Some(at)) => {
            let wait = at.since(cx.now());
            // A job that is due and was not claimed belongs to a lane that rests.
            if wait.is_zero() { POLL } else { wait.clamp(least, POLL) }
        }
        _ => POLL,
    }
}

/// Writes an outcome to the store until it is written: what has happened outside cannot be undone, and an outcome
/// that is not noted may happen again. Gives up when the claim has run out, or shortly after `stop`.
///
/// Errors: the store's last word.
pub(crate) async fn insist<F, Fut>(what: &str, stop: &CancellationToken, mut write: F) -> Result<()>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<()>> + Send,
{
    const TRIES: u32 = 60;
    const TRIES_WHEN_STOPPED: u32 = 5;
    let mut tries = 0;
    loop {
        let error = match write().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        tries += 1;
        if tries >= if stop.is_cancelled() { TRIES_WHEN_STOPPED } else { TRIES } {
            return Err(error);
        }
        tracing::error!(what, error = %error, "an outcome could not be noted; trying again");
        tokio::time::sleep(POLL).await;
    }
}
