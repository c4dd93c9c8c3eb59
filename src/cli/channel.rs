//! `banto channel`: the state of each channel, and what a person does about it.

mod add;
mod push;

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Bilingual, Clock, both};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::words::{accepted, lifetime, local};
use super::{Exit, Failure, Globals, House, Outcome, left, right, utc};
use crate::app::App;
use crate::channels::Channel;
use crate::channels::diff::{Action, Difference as Looked, PAGE, differences, survey};
use crate::channels::pull::{PullError, pull_round};
use crate::clock::SystemClock;
use crate::domain::counted::counted;
use crate::domain::plan::Step as Why;
use crate::store::{ChannelRow, Scope};

/// Look at channels and drive them by hand
#[derive(Args, Debug)]
pub struct ChannelCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a commented config file for a new channel and ask for its credentials
    Add(add::Add),
    #[command(flatten)]
    Known(Known),
}

/// What is done with a channel that has its file.
#[derive(Debug, Subcommand)]
enum Known {
    /// All channels and how they do
    List,
    /// Prove the credentials of a channel with its cheapest calls
    Probe(Name),
    /// Pull its orders and offers now
    Pull {
        /// The channel
        name: String,
        /// Forget where the last pull stood and read from the beginning; no order is taken twice
        #[arg(long)]
        from_start: bool,
    },
    /// Show, listing by listing, what would be pushed and why; writes nothing
    Diff {
        /// The channel
        name: String,
        /// Also listings that show the right number
        #[arg(long)]
        all: bool,
    },
    /// Push its stock now, or let go what the guard stopped; where a daemon runs, it does it
    Push {
        /// The channel
        name: String,
        /// Let the push go that the guard stopped
        #[arg(long)]
        yes: bool,
    },
    /// Write nothing to the channel until it is resumed; orders still come in
    Pause(Name),
    /// Write to the channel again
    Resume(Name),
}

#[derive(Args, Debug)]
struct Name {
    /// The channel
    name: String,
}

impl ChannelCommand {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        match self.what {
            What::Add(add) => add.run(globals),
            What::Known(known) => known.run(&globals.house().await?).await,
        }
    }
}

impl Known {
    async fn run(self, house: &House) -> Outcome {
        match self {
            Known::List => list(house).await,
            Known::Probe(Name { name }) => probe(house, &name).await,
            Known::Pull { name, from_start } => pull(house, &name, from_start).await,
            Known::Diff { name, all } => diff(house, &name, all).await,
            Known::Push { name, yes } => push::push(house, &name, yes).await,
            Known::Pause(Name { name }) => pause(house, &name, true).await,
            Known::Resume(Name { name }) => pause(house, &name, false).await,
        }
    }
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Channel(e) => e.into(),
            PullError::Store(e) => e.into(),
        }
    }
}

#[derive(Debug, Serialize)]
struct State {
    name: String,
    kind: String,
    mode: String,
    state: String,
    pulled_at: Option<String>,
    last_order_at: Option<String>,
    error: Option<String>,
    credentials_expire: Option<String>,
}

fn state(house: &House, row: &ChannelRow) -> State {
    let enabled = house.config.channel(&row.name).is_some_and(|c| c.enabled);
    let state = match (&row.stopped, &row.pull_error) {
        _ if !enabled => "not enabled",
        _ if row.paused => "paused",
        (Some(_), _) => "stopped by the guard",
        (None, Some(_)) => "failing",
        (None, None) if row.pulled_at.is_none() => "never pulled",
        (None, None) => "ok",
    };
    let time = |t: Option<i64>| t.map(utc);
    State {
        name: row.name.clone(),
        kind: row.kind.clone(),
        mode: row.mode.clone(),
        state: state.to_owned(),
        pulled_at: time(row.pulled_at),
        last_order_at: time(row.last_order_at),
        error: row.stopped.clone().or_else(|| Some(Bilingual::unpacked(row.pull_error.as_ref()?).en)),
        credentials_expire: time(row.credentials_expire),
    }
}

async fn list(house: &House) -> Outcome {
    let rows = house.store.channels().await?;
    let mut states: Vec<State> = rows.iter().map(|row| state(house, row)).collect();
    for channel in &house.config.channels {
        if !rows.iter().any(|r| r.name == channel.name) {
            states.push(State {
                name: channel.name.clone(),
                kind: channel.kind.clone(),
                mode: format!("{:?}", channel.mode).to_lowercase(),
                state: if channel.enabled { "never started" } else { "not enabled" }.to_owned(),
                pulled_at: None,
                last_order_at: None,
                error: None,
                credentials_expire: None,
            });
        }
    }
    house.out.answer(&states, |text| {
        let times = |name: &str| rows.iter().find(|r| r.name == name).map(|r| (r.pulled_at, r.last_order_at));
        let table: Vec<[String; 7]> = states
            .iter()
            .map(|s| {
                let (pulled, order) = times(&s.name).unwrap_or_default();
                let (pulled, order) = (text.time_or(pulled, "never"), text.time_or(order, "none"));
                let failed = rows.iter().find(|r| r.name == s.name && r.stopped.is_none());
                let failed = failed.and_then(|r| Some(local(Bilingual::unpacked(r.pull_error.as_ref()?))));
                let error = failed.or_else(|| s.error.clone()).unwrap_or_default();
                [s.name.clone(), s.kind.clone(), s.mode.clone(), s.state.clone(), pulled, order, error]
            })
            .collect();
        text.table(["CHANNEL", "KIND", "MODE", "STATE", "PULLED", "LAST ORDER", "ERROR"].map(left), &table);
    })?;
    Ok(Exit::Ok)
}

/// Builds one channel of the config, as the daemon does.
pub(super) async fn open(house: &House, name: &str) -> Result<Arc<Channel>, Failure> {
    let config = house.config.channel(name).ok_or_else(|| {
        Failure::not_found(format!(
            "no channel is called {name:?} in {}/channels",
            house.config.dir.display()
        ))
    })?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
    let running = App::channel(&house.config, &house.store, &clock, config).await?;
    Ok(running.channel)
}

async fn probe(house: &House, name: &str) -> Outcome {
    let channel = open(house, name).await?;
    let report = channel.connector.probe(&channel.cx).await?;
    let texts = |text: fn(&Bilingual) -> &String| report.warnings.iter().map(text).collect::<Vec<_>>();
    let answer = serde_json::json!({
        "channel": name,
        "server": report.server,
        "credentials_expire": report.credentials_expire.map(|t| utc(t.0)),
        "warnings": texts(|warning| &warning.en),
        "warnings_ja": texts(|warning| &warning.ja),
    });
    house.out.answer(&answer, |text| {
        text.line(format!("{name}: {}", local(accepted(&report.server))));
        if let Some(expires) = report.credentials_expire {
            text.line(format!("  {}", local(lifetime(expires, house.now(), &house.config.zone))));
        }
        let look = both!("look at this", "確認してください");
        for warning in &report.warnings {
            text.line(format!("  {}", local(look.clone().with(warning))));
        }
    })?;
    Ok(Exit::Ok)
}

async fn pull(house: &House, name: &str, from_start: bool) -> Outcome {
    let channel = open(house, name).await?;
    if from_start {
        let mut write = house.store.write().await?;
        write.set_cursor(channel.id, None).await?;
        write.audit(&house.actor, "pull_from_start", name, "", house.now()).await?;
        write.commit().await?;
    }
    let pulled = pull_round(&channel, &house.store).await?;
    let offers = if channel.connector.capabilities().lists_offers {
        Some(super::listings::read(house, &channel).await?)
    } else {
        None
    };
    let answer = serde_json::json!({
        "channel": name,
        "pages": pulled.pages,
        "orders_new": pulled.new,
        "orders_changed": pulled.changed,
        "orders_quarantined": pulled.quarantined,
        "listings": offers.as_ref().map(|o| o.offers),
        "listings_unmapped": offers.as_ref().map(|o| o.unmatched()),
    });
    house.out.answer(&answer, |text| {
        text.line(format!(
            "{name}: {}, {} changed, {} quarantined ({})",
            counted(pulled.new, "new order", "new orders"),
            pulled.changed,
            pulled.quarantined,
            counted(pulled.pages, "page", "pages")
        ));
        if let Some(offers) = &offers {
            let listings = counted(offers.offers, "listing", "listings");
            text.line(format!("{listings}, {} of them without an item", offers.unmatched()));
        }
        if offers.is_some_and(|o| o.unmatched() > 0) {
            text.line("`banto listings unmatched` shows them");
        }
    })?;
    Ok(Exit::Ok)
}

/// One line of a diff.
#[derive(Debug, Serialize)]
struct Difference {
    listing: String,
    code: Option<String>,
    title: String,
    shows: Option<i64>,
    wanted: Option<i64>,
    action: &'static str,
    why: Vec<Why>,
    error: Option<String>,
}

async fn diff(house: &House, name: &str, all: bool) -> Outcome {
    let channel = open(house, name).await?;
    let survey = survey(&channel, &house.store).await?;
    let mut shown: Vec<Difference> = Vec::new();
    let mut after = 0;
    loop {
        let scope = Scope::Page(after, PAGE);
        let page = differences(&channel, &house.store, scope, &survey.verdict).await?;
        let Some(last) = page.last() else { break };
        after = last.row.id;
        shown.extend(page.into_iter().filter(|d| all || !d.action.is_settled()).map(Difference::from));
    }
    let (listings, going) = (survey.listings, survey.count(Action::Push));
    let found = Found { name, listings, going, stopped: survey.verdict.reason, differences: shown };
    found.answer(house, channel.live)
}

impl From<Looked> for Difference {
    fn from(looked: Looked) -> Self {
        Self {
            listing: looked.row.remote_id,
            code: looked.row.code,
            title: looked.row.title,
            shows: looked.shows,
            wanted: looked.wanted,
            action: looked.action.name(),
            why: looked.why,
            error: looked.row.error.map(|why| Bilingual::unpacked(&why).en),
        }
    }
}

/// What a diff found.
struct Found<'a> {
    name: &'a str,
    listings: i64,
    going: i64,
    stopped: Option<String>,
    differences: Vec<Difference>,
}

impl Found<'_> {
    fn answer(&self, house: &House, live: bool) -> Outcome {
        let answer = serde_json::json!({
            "channel": self.name,
            "listings": self.listings,
            "to_push": self.going,
            "stopped": self.stopped,
            "differences": self.differences,
        });
        house.out.answer(&answer, |text| {
            let number = |n: Option<i64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let row = |d: &Difference| {
                let code = d.code.clone().unwrap_or_default();
                let why: Vec<String> = d.why.iter().map(|s| format!("{} → {}", s.what, s.gives)).collect();
                let (shows, wanted) = (number(d.shows), number(d.wanted));
                [d.listing.clone(), code, shows, wanted, d.action.to_owned(), why.join("; "), d.title.clone()]
            };
            let heads = [
                left("LISTING"),
                left("CODE"),
                right("SHOWS"),
                right("WANTED"),
                left("ACTION"),
                left("WHY"),
                left("TITLE"),
            ];
            text.table(heads, &self.differences.iter().map(row).collect::<Vec<_>>());
            let listings = counted(self.listings, "listing", "listings");
            text.line(format!("{listings}, {} to push", self.going));
            if let Some(reason) = &self.stopped {
                text.line(format!("the guard stops the others: {reason}"));
            }
            if !live {
                text.line(
                    "the channel is in mode \"observe\": nothing is pushed until its config says mode = \"live\"",
                );
            }
        })?;
        Ok(Exit::Ok)
    }
}

async fn pause(house: &House, name: &str, paused: bool) -> Outcome {
    house.store.pause_channel(name, paused, &house.actor, house.now()).await?;
    let answer = serde_json::json!({ "channel": name, "paused": paused });
    house.out.answer(&answer, |text| {
        text.line(if paused {
            format!("{name} is paused: orders come in, nothing is written to it")
        } else {
            format!("{name} goes on: every listing is compared and pushed where it differs")
        });
    })?;
    Ok(Exit::Ok)
}
