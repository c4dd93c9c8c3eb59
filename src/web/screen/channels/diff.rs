//! What would be pushed to a channel, listing by listing, and why.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use banto_channel::both;
use serde::Deserialize;

use super::super::access::Routes;
use super::super::stock::cells::step_words;
use super::super::{Desk, Fault, Page, Section, Visit, html};
use super::unknown;
use crate::channels::diff::{Action, Diff, Difference, diff};
use crate::domain::plan::Why;

/// Lines that the page shows; the counts above them are of all.
const LINES: usize = 200;

#[derive(Template)]
#[template(path = "channel_diff.html", config = "src/web/askama.toml")]
struct DiffPage {
    p: Page,
    name: String,
    live: bool,
    paused: bool,
    /// Why pushes stand still now, while nobody has let them go.
    waits: Option<String>,
    /// Why the guard would stop some.
    stopped: Option<String>,
    counts: Counts,
    all: bool,
    lines: Vec<Line>,
    /// Lines that are not shown.
    left_off: i64,
}

/// How many listings would be treated in which way.
struct Counts {
    listings: i64,
    push: i64,
    stopped: i64,
    no_item: i64,
    right: i64,
}

/// One listing.
struct Line {
    remote_id: String,
    code: String,
    title: String,
    shows: Option<i64>,
    wanted: Option<i64>,
    tone: &'static str,
    action: String,
    why: Vec<String>,
    error: String,
}

#[derive(Debug, Default, Deserialize)]
struct DiffQuery {
    /// Also listings that show the right number.
    #[serde(default)]
    all: Option<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.page("/channels/{name}/diff", show)
}

async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Path(name): Path<String>,
    Query(query): Query<DiffQuery>,
) -> Result<Response, Fault> {
    let app = desk.app();
    let running = app.running(&name).ok_or_else(unknown)?;
    let (store, channel) = (desk.store(), &running.channel);
    let row = store.channel(&name).await?;
    let found = diff(channel, store).await?;
    let p =
        desk.page(&visit, Section::Channels, &both!("What would be pushed to {name}", "{name}への送信内容"));
    let all = query.all.is_some();
    let counts = Counts::of(&found);
    let mut shown: Vec<&Difference> =
        found.listings.iter().filter(|d| all || !d.action.is_settled()).collect();
    shown.sort_by_key(|d| d.action);
    let left_off = whole(shown.len().saturating_sub(LINES));
    shown.truncate(LINES);
    let items = shown.iter().flat_map(|d| d.why.iter()).filter_map(|step| match step.why {
        Why::There(supply) => Some(supply.item),
        _ => None,
    });
    let items = store.items_of(&items.collect::<BTreeSet<_>>()).await?;
    let line = |d: &&Difference| {
        let why = |step: &crate::domain::plan::Step| {
            format!("{} → {}", p.say(&step_words(&step.why, &items)), p.number(&step.gives))
        };
        let (tone, action) = words(&p, d.action);
        Line {
            remote_id: d.row.remote_id.clone(),
            code: d.row.code.clone().unwrap_or_default(),
            title: d.row.title.clone(),
            shows: d.shows,
            wanted: d.wanted,
            tone,
            action,
            why: d.why.iter().map(why).collect(),
            error: d.row.error.clone().unwrap_or_default(),
        }
    };
    html(&DiffPage {
        lines: shown.iter().map(line).collect(),
        live: channel.live,
        paused: row.paused,
        waits: row.stopped.filter(|_| !row.approved),
        stopped: found.stopped.clone(),
        name,
        counts,
        all,
        left_off,
        p,
    })
}

impl Counts {
    fn of(found: &Diff) -> Self {
        Self {
            listings: whole(found.listings.len()),
            push: whole(found.count(Action::Push)),
            stopped: whole(found.count(Action::Stopped)),
            no_item: whole(found.count(Action::NoItem)),
            right: whole(found.count(Action::Right)),
        }
    }
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn words(p: &Page, action: Action) -> (&'static str, String) {
    let (tone, words) = match action {
        Action::Stopped => ("bad", both!("waits for your word", "確認待ち")),
        Action::Push => ("info", both!("is sent", "送信")),
        Action::NoItem => ("warn", both!("no item", "商品未紐付け")),
        Action::Paused => ("quiet", both!("paused", "停止中")),
        Action::Ignored => ("quiet", both!("ignored", "対象外")),
        Action::Right => ("ok", both!("right", "一致")),
    };
    (tone, p.say(&words))
}
