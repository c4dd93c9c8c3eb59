//! `banto channel push`: stock out now. Where a daemon runs, it is asked and does it: there is never a second pusher.

use std::collections::BTreeSet;
use std::time::Duration;

use banto_channel::{Bilingual, Timestamp};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{Exit, Failure, House, Outcome, left, open, right};
use crate::app;
use crate::channels::Channel;
use crate::channels::diff::candidates;
use crate::channels::push::Pusher;
use crate::domain::counted::counted;
use crate::domain::guard::guard;
use crate::domain::plan::{Push, plan};
use crate::store::ListingRow;

/// How long the daemon may do nothing before we stop waiting for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often we look what it has done.
const LOOK: Duration = Duration::from_millis(200);
/// Listings looked at in one query.
const PAGE: usize = 1_000;

/// A listing that is out of date, as it was when the command began.
struct Due {
    push: Push,
    before: ListingRow,
    /// The guard keeps it back until a person lets it go.
    stopped: bool,
}

/// What became of one listing.
#[derive(Debug, Serialize)]
struct Fate {
    listing: String,
    code: Option<String>,
    quantity: i64,
    outcome: &'static str,
    reason: Option<String>,
}

impl Due {
    fn fate(&self, row: &ListingRow) -> Fate {
        let outcome = match (row.sent_at != self.before.sent_at, &row.error, &row.receipt) {
            (true, Some(_), _) => "failed",
            (true, None, Some(_)) => "the channel decides later",
            (true, None, None) => "pushed",
            (false, ..) if self.stopped => "stopped by the guard",
            (false, ..) => WAITS,
        };
        Fate {
            listing: row.remote_id.clone(),
            code: row.code.clone(),
            quantity: row.sent.filter(|_| outcome == "pushed").unwrap_or(self.push.quantity),
            outcome,
            reason: row
                .error
                .as_deref()
                .filter(|_| outcome == "failed")
                .map(|why| Bilingual::unpacked(why).en),
        }
    }
}

const WAITS: &str = "waits";

pub(super) async fn push(house: &House, name: &str, yes: bool) -> Outcome {
    let channel = open(house, name).await?;
    if !channel.live {
        return Err(Failure::refused(format!(
            "{name} is in mode \"observe\"; set mode = \"live\" in its config first"
        )));
    }
    refuse_paused(house, name).await?;
    let approved = yes && house.store.channel(name).await?.stopped.is_some();
    let due = due(house, &channel, approved).await?;
    ask(house, &channel, approved).await?;
    let by = if push_alone(house, &channel).await? {
        "this command"
    } else {
        wait_for_daemon(house, &channel, &due).await?;
        "the daemon"
    };
    let fates = fates(house, &channel, &due).await?;
    tell(house, name, by, &fates).await
}

async fn refuse_paused(house: &House, name: &str) -> Result<(), Failure> {
    match house.store.channel(name).await?.paused {
        true => Err(Failure::refused(format!("{name} is paused; `banto channel resume {name}`"))),
        false => Ok(()),
    }
}

/// What is to be pushed, whatever rests after a failure included.
async fn due(house: &House, channel: &Channel, approved: bool) -> Result<Vec<Due>, Failure> {
    let (stocked, candidates) = candidates(channel, &house.store, true).await?;
    let pushes = plan(&candidates, Timestamp(i64::MAX)).pushes;
    let on_sale = house.store.listings_on_sale(channel.id).await?;
    let guarded = guard(pushes, on_sale, &channel.limits);
    let going = guarded.go.into_iter().map(|push| (push, false));
    let kept = guarded.stopped.into_iter().map(|push| (push, !approved));
    let due = going.chain(kept).filter_map(|(push, stopped)| {
        let before = stocked.iter().find(|s| s.row.id == push.listing)?.row.clone();
        Some(Due { push, before, stopped })
    });
    Ok(due.collect())
}

/// Leaves word in the store, for whoever pushes.
async fn ask(house: &House, channel: &Channel, approved: bool) -> Result<(), Failure> {
    let (name, now) = (channel.name.as_str(), house.now());
    let stopped = house.store.channel(name).await?.stopped.unwrap_or_default();
    let mut write = house.store.write().await?;
    if approved {
        write.approve_push(channel.id).await?;
        write.audit(&house.actor, "approve_push", name, &stopped, now).await?;
    }
    write.ask_push(channel.id).await?;
    write.audit(&house.actor, "push", name, "", now).await?;
    Ok(write.commit().await?)
}

/// Pushes until nothing is left that could go now; `false` when a daemon runs, or has started meanwhile.
async fn push_alone(house: &House, channel: &Channel) -> Result<bool, Failure> {
    let (store, name) = (&house.store, channel.name.as_str());
    let mut pusher = Pusher::default();
    pusher.push_now();
    loop {
        refuse_paused(house, name).await?;
        let row = store.channel(name).await?;
        let step = pusher.step(channel, store, &row);
        let Some(step) = app::alone(&house.config, store, name, house.now(), step).await? else {
            return Ok(false);
        };
        let step = step?;
        if step.calls == 0 && !step.more {
            return Ok(true);
        }
    }
}

/// Waits until the daemon has tried each listing, or does nothing for a while.
async fn wait_for_daemon(house: &House, channel: &Channel, due: &[Due]) -> Result<(), Failure> {
    let (mut waiting, mut until) = (usize::MAX, Instant::now() + PATIENCE);
    loop {
        let left = fates(house, channel, due).await?.iter().filter(|f| f.outcome == WAITS).count();
        if left < waiting {
            (waiting, until) = (left, Instant::now() + PATIENCE);
        }
        if waiting == 0 || Instant::now() >= until {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

async fn fates(house: &House, channel: &Channel, due: &[Due]) -> Result<Vec<Fate>, Failure> {
    let mut fates = Vec::with_capacity(due.len());
    for page in due.chunks(PAGE) {
        let remotes: Vec<&str> = page.iter().map(|d| d.push.remote_id.as_str()).collect();
        let rows = house.store.listings_by_remote(channel.id, &remotes).await?;
        let fate = |due: &Due| Some(due.fate(rows.iter().find(|r| r.id == due.push.listing)?));
        fates.extend(page.iter().filter_map(fate));
    }
    Ok(fates)
}

async fn tell(house: &House, name: &str, by: &str, fates: &[Fate]) -> Outcome {
    let stopped = house.store.channel(name).await?.stopped;
    let count = |outcome: &str| fates.iter().filter(|f| f.outcome == outcome).count();
    let (failed, waiting) = (count("failed"), count(WAITS));
    let kept = count("stopped by the guard");
    let pushed = fates.len() - failed - waiting - kept;
    let answer = serde_json::json!({
        "channel": name, "by": by, "pushed": pushed, "failed": failed, "waiting": waiting, "stopped": stopped,
        "listings": fates,
    });
    house.out.answer(&answer, |text| {
        let row = |f: &Fate| {
            let (code, reason) = (f.code.clone().unwrap_or_default(), f.reason.clone().unwrap_or_default());
            [f.listing.clone(), code, f.quantity.to_string(), f.outcome.to_owned(), reason]
        };
        if !fates.is_empty() {
            let heads = [left("LISTING"), left("CODE"), right("STOCK"), left("OUTCOME"), left("REASON")];
            text.table(heads, &fates.iter().map(row).collect::<Vec<_>>());
        }
        let listings = counted(pushed, "listing", "listings");
        text.line(format!("{name}: {listings} pushed by {by}, {failed} failed"));
        if waiting > 0 {
            let secs = PATIENCE.as_secs();
            text.line(format!("{waiting} still wait: nothing was done for {secs} s; `banto channel list`"));
        }
        if let Some(reason) = &stopped {
            text.line(format!(
                "the guard stopped the rest: {reason}; `banto channel push {name} --yes` lets it go"
            ));
        }
    })?;
    let outcomes: BTreeSet<&str> = fates.iter().map(|f| f.outcome).collect();
    Ok(match stopped {
        Some(_) => Exit::Refused,
        None if outcomes.contains("failed") => Exit::Network,
        None if outcomes.contains(WAITS) => Exit::Failed,
        None => Exit::Ok,
    })
}
