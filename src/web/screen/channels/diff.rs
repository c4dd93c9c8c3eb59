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
use crate::channels::Channel;
use crate::channels::diff::{Action, Difference, Mark, Survey, differences};
use crate::domain::ItemId;
use crate::domain::guard::{Verdict, reason_in_words};
use crate::domain::plan::{Step, Why};
use crate::store::{Scope, Store};

/// Lines of a page.
const LINES: usize = 100;

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
    /// Not everything was looked at yet.
    counting: bool,
    all: bool,
    /// The one action that is looked at; empty: all.
    only: &'static str,
    lines: Vec<Line>,
    /// It is not the first page.
    turned: bool,
    /// Where the next page begins.
    next: Option<String>,
}

/// How many listings would be treated in which way.
pub(super) struct Counts {
    pub(super) listings: i64,
    pub(super) push: i64,
    pub(super) stopped: i64,
    pub(super) no_item: i64,
    pub(super) paused: i64,
    pub(super) right: i64,
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
#[serde(default)]
struct DiffQuery {
    /// Also listings that show the right number.
    all: Option<String>,
    /// Listings of one action alone.
    only: String,
    /// The last one of the page before: its key, behind its action where only those that differ are shown.
    after: String,
}

/// Actions that a page can be asked for, and their words in addresses.
const ASKED: [(Action, &str); 4] = [
    (Action::Stopped, "stopped"),
    (Action::Push, "push"),
    (Action::NoItem, "no_item"),
    (Action::Paused, "paused"),
];

fn asked(word: &str) -> Option<(Action, &'static str)> {
    ASKED.into_iter().find(|(_, name)| *name == word)
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
    let turned = !query.after.is_empty();
    let found = desk.survey(channel, turned).await?;
    let survey = found.survey.as_ref();
    let p =
        desk.page(&visit, Section::Channels, &both!("What would be pushed to {name}", "{name}への送信内容"));
    let only = asked(&query.only);
    let all = query.all.is_some();
    let (shown, next) = if all {
        every(channel, store, &survey.verdict, query.after.parse().unwrap_or(0)).await?
    } else {
        unsettled(channel, store, survey, only.map(|(action, _)| action), &query.after).await?
    };
    let lines = lines(&p, store, shown).await?;
    html(&DiffPage {
        live: channel.live,
        paused: row.paused,
        waits: row.stopped.filter(|_| !row.approved),
        stopped: survey.verdict.reason.as_deref().map(|why| p.say(&reason_in_words(why))),
        counts: Counts::of(survey),
        counting: !survey.is_whole(),
        only: only.map_or("", |(_, word)| word),
        name,
        all,
        lines,
        turned,
        next,
        p,
    })
}

/// A page, and where the next one begins.
type Turned = (Vec<Difference>, Option<String>);

/// The next of all listings, by key.
async fn every(channel: &Channel, store: &Store, verdict: &Verdict, after: i64) -> Result<Turned, Fault> {
    let most = i64::try_from(LINES).unwrap_or(i64::MAX);
    let mut shown = differences(channel, store, Scope::Page(after, most.saturating_add(1)), verdict).await?;
    let more = shown.len() > LINES;
    shown.truncate(LINES);
    let next = shown.last().filter(|_| more).map(|d| d.row.id.to_string());
    Ok((shown, next))
}

/// The next listings that are not settled, the most pressing first. They are read as they are now.
async fn unsettled(
    channel: &Channel,
    store: &Store,
    survey: &Survey,
    only: Option<Action>,
    after: &str,
) -> Result<Turned, Fault> {
    let behind = mark(after).or_else(|| only.map(|action| (action, 0)));
    let mut marks = survey.marks(only, behind, LINES + 1);
    let more = marks.len() > LINES;
    marks.truncate(LINES);
    let word = |action: Action| ASKED.iter().find(|(one, _)| *one == action).map_or("", |(_, word)| word);
    let next = marks.last().filter(|_| more && survey.is_whole());
    let next = next.map(|(action, id)| format!("{}-{id}", word(*action)));
    let ids: Vec<i64> = marks.iter().map(|(_, id)| *id).collect();
    let mut shown = differences(channel, store, Scope::Listings(&ids), &survey.verdict).await?;
    let place = |d: &Difference| ids.iter().position(|id| *id == d.row.id);
    shown.sort_by_cached_key(place);
    Ok((shown, next))
}

fn mark(text: &str) -> Option<Mark> {
    let (word, id) = text.split_once('-')?;
    Some((asked(word)?.0, id.parse().ok()?))
}

async fn lines(p: &Page, store: &Store, shown: Vec<Difference>) -> Result<Vec<Line>, Fault> {
    let items = shown.iter().flat_map(|d| d.why.iter()).filter_map(|step| match step.why {
        Why::There(supply) => Some(supply.item),
        _ => None,
    });
    let items = store.items_of(&items.collect::<BTreeSet<ItemId>>()).await?;
    let why = |step: &Step| format!("{} → {}", p.say(&step_words(&step.why, &items)), p.number(&step.gives));
    let line = |d: Difference| {
        let (tone, action) = words(p, d.action);
        Line {
            why: d.why.iter().map(why).collect(),
            remote_id: d.row.remote_id,
            code: d.row.code.unwrap_or_default(),
            title: d.row.title,
            shows: d.shows,
            wanted: d.wanted,
            tone,
            action,
            error: p.kept(d.row.error.as_deref().unwrap_or_default()),
        }
    };
    Ok(shown.into_iter().map(line).collect())
}

impl Counts {
    pub(super) fn of(survey: &Survey) -> Self {
        Self {
            listings: survey.listings,
            push: survey.count(Action::Push),
            stopped: survey.count(Action::Stopped),
            no_item: survey.count(Action::NoItem),
            paused: survey.count(Action::Paused),
            right: survey.right,
        }
    }
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, page};
    use super::*;
    use crate::web::screen::Language;

    fn diff_page(language: Language, counting: bool, next: Option<&str>) -> DiffPage {
        let nasty = || NASTY.to_owned();
        let line = Line {
            remote_id: nasty(),
            code: nasty(),
            title: nasty(),
            shows: None,
            wanted: Some(3),
            tone: "info",
            action: nasty(),
            why: vec![nasty()],
            error: nasty(),
        };
        DiffPage {
            p: page(language),
            name: nasty(),
            live: true,
            paused: false,
            waits: Some(nasty()),
            stopped: Some(nasty()),
            counts: Counts { listings: 100_000, push: 70_000, stopped: 1, no_item: 2, paused: 3, right: 4 },
            counting,
            all: false,
            only: "push",
            lines: vec![line],
            turned: true,
            next: next.map(str::to_owned),
        }
    }

    #[test]
    fn what_shops_wrote_stays_text_and_a_page_says_while_it_is_counted() {
        for (language, so_far) in [(Language::En, "looked at so far"), (Language::Ja, "照合中")] {
            let whole = diff_page(language, false, Some("push-7")).render().unwrap();
            assert!(!whole.contains("<script>alert") && whole.contains("70,000"), "{whole}");
            assert!(whole.contains("after=push-7") && whole.contains("only=push"), "{whole}");
            assert!(!whole.contains("data-again") && !whole.contains(so_far), "{whole}");
            let counting = diff_page(language, true, None).render().unwrap();
            assert!(counting.contains("data-again") && counting.contains(so_far), "{counting}");
            // Nobody lets a push go of which they have not seen the whole.
            assert!(whole.contains("value=\"approve\"") && !counting.contains("value=\"approve\""));
        }
    }

    #[test]
    fn a_place_in_the_list_is_read_back() {
        assert_eq!(mark("no_item-12"), Some((Action::NoItem, 12)));
        for nonsense in ["", "12", "right-1", "push-", "push-x"] {
            assert_eq!(mark(nonsense), None, "{nonsense}");
        }
    }
}
