//! `banto queue`: what is still to be done once per event, and what was given up.

use banto_channel::Bilingual;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::words::local;
use super::{Exit, Failure, Globals, House, Outcome, left, right, utc};
use crate::domain::timeline::answer_in_words;
use crate::store::{JobFilter, JobRow};

/// Look at what waits to be done, and at what was given up
#[derive(Args, Debug)]
pub struct QueueCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Jobs, oldest first
    List {
        /// Only those of this lane: `mail`, or `channel:NAME`
        #[arg(long)]
        lane: Option<String>,
        /// Only those that were given up
        #[arg(long)]
        dead: bool,
        /// At most this many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: i64,
    },
    /// Try a job at once, with all its tries before it
    Retry {
        /// Its number in the list
        #[arg(required_unless_present = "dead", conflicts_with = "dead")]
        job: Option<i64>,
        /// Every job that was given up
        #[arg(long)]
        dead: bool,
    },
    /// Remove a job for good; a mail that it would have sent is dropped with it
    Drop {
        /// Its number in the list
        job: i64,
    },
}

#[derive(Debug, Serialize)]
struct Listed {
    id: i64,
    lane: String,
    kind: String,
    key: String,
    state: String,
    order: Option<i64>,
    attempts: i64,
    created_at: String,
    run_at: Option<String>,
    last_error: Option<String>,
}

fn listed(job: &JobRow) -> Listed {
    Listed {
        id: job.id,
        lane: job.lane.clone(),
        kind: job.kind.clone(),
        key: job.key.clone(),
        state: job.state.clone(),
        order: job.order(),
        attempts: job.attempts,
        created_at: utc(job.created_at),
        run_at: (job.state == "ready").then(|| utc(job.run_at)),
        last_error: job.last_error.as_deref().map(|why| Bilingual::unpacked(why).en),
    }
}

impl QueueCommand {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = globals.house().await?;
        match self.what {
            What::List { lane, dead, limit } => {
                list(&house, JobFilter { lane: lane.as_deref(), dead }, limit.max(1)).await
            }
            What::Retry { job, .. } => retry(&house, job).await,
            What::Drop { job } => {
                let job = house.store.drop_job(job, &house.actor, house.now()).await?;
                told(&house, &[job], "dropped")
            }
        }
    }
}

async fn list(house: &House, filter: JobFilter<'_>, limit: i64) -> Outcome {
    let jobs = house.store.jobs(filter, 0, limit).await?;
    let all: Vec<Listed> = jobs.iter().map(listed).collect();
    house.out.answer(&all, |text| {
        let row = |j: &JobRow| {
            let order = j.order().map(|id| format!("#{id}")).unwrap_or_default();
            let next = if j.state == "ready" { text.time(j.run_at) } else { String::new() };
            let (id, tries) = (j.id.to_string(), j.attempts.to_string());
            let error = local(answer_in_words(j.last_error.as_deref().unwrap_or_default()));
            [id, j.lane.clone(), j.kind.clone(), order, j.state.clone(), next, tries, error]
        };
        let table: Vec<[String; 8]> = jobs.iter().map(row).collect();
        let heads = [
            right("job"),
            left("lane"),
            left("kind"),
            left("order"),
            left("state"),
            left("next try"),
            right("tries"),
            left("last error"),
        ];
        text.table(heads, &table);
    })?;
    Ok(Exit::Ok)
}

/// Given-up jobs that one command sets going again.
const AT_ONCE: i64 = 1000;

async fn retry(house: &House, job: Option<i64>) -> Outcome {
    let ids = match job {
        Some(id) => vec![id],
        None => {
            let dead = house.store.jobs(JobFilter { lane: None, dead: true }, 0, AT_ONCE).await?;
            dead.iter().map(|j| j.id).collect()
        }
    };
    let mut revived = Vec::with_capacity(ids.len());
    for id in ids {
        revived.push(house.store.revive_job(id, &house.actor, house.now()).await?);
    }
    told(house, &revived, "tried again")
}

fn told(house: &House, jobs: &[JobRow], what: &str) -> Result<Exit, Failure> {
    let all: Vec<Listed> = jobs.iter().map(listed).collect();
    house.out.answer(&all, |text| {
        for job in jobs {
            text.line(format!("{} {} ({}): {what}", job.id, job.kind, job.key));
        }
        if jobs.is_empty() {
            text.line("nothing had been given up");
        }
    })?;
    Ok(Exit::Ok)
}
