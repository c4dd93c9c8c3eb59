//! What would be pushed to a channel, listing by listing, and why. Reads; writes nothing.
//!
//! Whether the guard would stop a push is known only when all listings were looked at. A [`Survey`] looks at them page
//! by page and keeps a few bytes of those that differ; their rows are read again where somebody wants to see them.

use std::collections::HashMap;

use banto_channel::Timestamp;

use super::Channel;
use crate::domain::guard::{Harm, Tally, Verdict};
use crate::domain::plan::{Candidate, Push, Step, plan, wanted};
use crate::store::{ListingRow, Result, Scope, Stocked, Store};

/// Listings looked at in one query.
pub const PAGE: i64 = 1_000;

/// What the next push would do with a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The guard keeps it back until a person lets it go.
    Stopped,
    /// It is pushed.
    Push,
    /// Nobody has said which item it is.
    NoItem,
    /// Its rule says that nothing is pushed.
    Paused,
    /// A person said that it is none of ours.
    Ignored,
    /// It shows the right number.
    Right,
}

impl Action {
    /// In plain words, for commands and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped by the guard",
            Self::Push => "push",
            Self::NoItem => "no item is mapped",
            Self::Paused => "paused",
            Self::Ignored => "ignored",
            Self::Right => "right",
        }
    }

    /// Whether nobody needs to look at it.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Right | Self::Ignored)
    }
}

/// One listing of a diff.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The listing.
    pub row: ListingRow,
    /// What it shows as far as we know.
    pub shows: Option<i64>,
    /// What it should show; `None` when nothing is pushed to it.
    pub wanted: Option<i64>,
    /// What would be done.
    pub action: Action,
    /// The way to the number.
    pub why: Vec<Step>,
}

/// A listing to look at, and what would be done with it.
pub type Mark = (Action, i64);

/// What the next push would do with all listings of a channel.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Listings that were looked at.
    pub listings: i64,
    /// Those that show the right number.
    pub right: i64,
    /// What the guard says of all pushes together; nothing, while not everything was looked at.
    pub verdict: Verdict,
    /// Those that are not settled: as they come, then by what would be done, the most pressing first.
    marks: Vec<Mark>,
    /// Marks that the guard may stop, with the reason; needed until its verdict is known.
    harms: HashMap<i64, Harm>,
    tally: Tally,
    on_sale: i64,
    after: i64,
    whole: bool,
}

impl Survey {
    /// Looks at the next page of listings. Returns whether there may be more.
    ///
    /// Errors: [`crate::store::StoreError::Sql`]; the same page is looked at again then.
    pub async fn go_on(&mut self, channel: &Channel, store: &Store) -> Result<bool> {
        let page = store.stocked(&channel.plan_rules(), Scope::Page(self.after, PAGE)).await?;
        let Some(last) = page.last() else {
            self.conclude(channel);
            return Ok(false);
        };
        self.after = last.row.id;
        page.iter().for_each(|one| self.add(channel, one));
        Ok(true)
    }

    fn add(&mut self, channel: &Channel, one: &Stocked) {
        self.listings += 1;
        // As the store counts them for the push itself.
        self.on_sale += i64::from(one.row.shown.or(one.row.answered).is_some_and(|n| n > 0));
        let (candidate, push) = candidate(channel, one);
        let action = action(one, &candidate, push.is_some());
        self.right += i64::from(action == Action::Right);
        if action.is_settled() {
            return;
        }
        self.marks.push((action, one.row.id));
        if let Some(harm) = push.and_then(|push| Harm::of(&push, &channel.limits)) {
            self.tally.add(Some(harm));
            self.harms.insert(one.row.id, harm);
        }
    }

    fn conclude(&mut self, channel: &Channel) {
        self.verdict = self.tally.verdict(self.on_sale, &channel.limits);
        let harms = std::mem::take(&mut self.harms);
        for (action, id) in &mut self.marks {
            if self.verdict.stops(harms.get(id).copied()) {
                *action = Action::Stopped;
            }
        }
        self.marks.sort_unstable();
        self.marks.shrink_to_fit();
        self.whole = true;
    }

    /// Whether every listing was looked at.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// How many listings would be treated so, of those that are not settled.
    #[must_use]
    pub fn count(&self, action: Action) -> i64 {
        i64::try_from(self.marks.iter().filter(|mark| mark.0 == action).count()).unwrap_or(i64::MAX)
    }

    /// The next listings to look at, of one action or of all, the most pressing first: at most so many, from behind a
    /// mark on. While not everything was looked at, the first ones found.
    #[must_use]
    pub fn marks(&self, only: Option<Action>, behind: Option<Mark>, most: usize) -> Vec<Mark> {
        let begin = match behind {
            Some(mark) if self.whole => self.marks.partition_point(|one| *one <= mark),
            _ => 0,
        };
        let rest = self.marks.get(begin..).unwrap_or_default().iter();
        rest.filter(|mark| only.is_none_or(|action| mark.0 == action)).take(most).copied().collect()
    }
}

/// Looks at every listing of a channel.
///
/// Errors: [`crate::store::StoreError::Sql`].
pub async fn survey(channel: &Channel, store: &Store) -> Result<Survey> {
    let mut survey = Survey::default();
    while survey.go_on(channel, store).await? {}
    Ok(survey)
}

/// Some listings of a channel beside what they should show now, and what the next push would do if the guard says this
/// of it.
///
/// Errors: [`crate::store::StoreError::Sql`].
pub async fn differences(
    channel: &Channel,
    store: &Store,
    scope: Scope<'_>,
    verdict: &Verdict,
) -> Result<Vec<Difference>> {
    let basis = channel.connector.capabilities().stock_basis;
    let difference = |one: Stocked| {
        let (candidate, push) = candidate(channel, &one);
        let harm = push.as_ref().and_then(|push| Harm::of(push, &channel.limits));
        let action =
            if verdict.stops(harm) { Action::Stopped } else { action(&one, &candidate, push.is_some()) };
        let why = wanted(&one.supplies, &channel.rule(&one.row), basis).steps;
        Difference { row: one.row, shows: candidate.shown, wanted: candidate.wanted, action, why }
    };
    let stocked = store.stocked(&channel.plan_rules(), scope).await?;
    Ok(stocked.into_iter().map(difference).collect())
}

/// The planner's view of a listing, and its push, if it needs one.
fn candidate(channel: &Channel, one: &Stocked) -> (Candidate, Option<Push>) {
    let basis = channel.connector.capabilities().stock_basis;
    let candidate = one.candidate(&channel.rule(&one.row), basis, false);
    let push = plan(std::slice::from_ref(&candidate), Timestamp(i64::MAX)).pushes.pop();
    (candidate, push)
}

/// What is done with a listing that the guard does not stop.
const fn action(one: &Stocked, candidate: &Candidate, pushed: bool) -> Action {
    if pushed {
        Action::Push
    } else if one.row.ignored {
        Action::Ignored
    } else if one.row.item_id.is_none() {
        Action::NoItem
    } else if candidate.wanted.is_none() {
        Action::Paused
    } else {
        Action::Right
    }
}

/// Every listing with what it should show; `unsure`: the channel may have changed its numbers by itself.
///
/// Errors: [`crate::store::StoreError::Sql`].
pub async fn candidates(
    channel: &Channel,
    store: &Store,
    unsure: bool,
) -> Result<(Vec<Stocked>, Vec<Candidate>)> {
    let basis = channel.connector.capabilities().stock_basis;
    let (mut stocked, mut after) = (Vec::new(), 0);
    loop {
        let page = store.stocked(&channel.plan_rules(), Scope::Page(after, PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = last.row.id;
        stocked.extend(page);
    }
    let candidates =
        stocked.iter().map(|s: &Stocked| s.candidate(&channel.rule(&s.row), basis, unsure)).collect();
    Ok((stocked, candidates))
}
