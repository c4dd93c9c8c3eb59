//! What would be pushed to a channel, listing by listing, and why. Reads; writes nothing.

use std::collections::BTreeSet;

use banto_channel::Timestamp;

use super::Channel;
use crate::domain::guard::guard;
use crate::domain::plan::{Candidate, Step, plan, wanted};
use crate::store::{ListingRow, PlanRules, Result, Scope, Stocked, Store};

/// Listings looked at in one query.
const PAGE: i64 = 1_000;

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

/// What a diff found.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Every listing of the channel, in the order of their keys.
    pub listings: Vec<Difference>,
    /// Why the guard stops some of them.
    pub stopped: Option<String>,
}

impl Diff {
    /// How many listings would be treated so.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.listings.iter().filter(|d| d.action == action).count()
    }
}

/// Compares every listing of a channel with what it should show.
///
/// Errors: [`crate::store::StoreError::Sql`].
pub async fn diff(channel: &Channel, store: &Store) -> Result<Diff> {
    let (stocked, candidates) = candidates(channel, store, false).await?;
    let pushes = plan(&candidates, Timestamp(i64::MAX)).pushes;
    let on_sale = store.listings_on_sale(channel.id).await?;
    let guarded = guard(pushes, on_sale, &channel.limits);
    let stopped: BTreeSet<i64> = guarded.stopped.iter().map(|p| p.listing).collect();
    let going: BTreeSet<i64> = guarded.go.iter().map(|p| p.listing).collect();
    let basis = channel.connector.capabilities().stock_basis;
    let difference = |(one, candidate): (Stocked, Candidate)| {
        let action = match one.row.id {
            id if stopped.contains(&id) => Action::Stopped,
            id if going.contains(&id) => Action::Push,
            _ if one.row.ignored => Action::Ignored,
            _ if one.row.item_id.is_none() => Action::NoItem,
            _ if candidate.wanted.is_none() => Action::Paused,
            _ => Action::Right,
        };
        let why = wanted(&one.supplies, &channel.rule(&one.row), basis).steps;
        let Candidate { shown: shows, wanted, .. } = candidate;
        Difference { row: one.row, shows, wanted, action, why }
    };
    let listings = stocked.into_iter().zip(candidates).map(difference).collect();
    Ok(Diff { listings, stopped: guarded.reason })
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
    let rules = PlanRules { channel: channel.id, locations: &channel.facts.locations, basis };
    let (mut stocked, mut after) = (Vec::new(), 0);
    loop {
        let page = store.stocked(&rules, Scope::Page(after, PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = last.row.id;
        stocked.extend(page);
    }
    let candidates =
        stocked.iter().map(|s: &Stocked| s.candidate(&channel.rule(&s.row), basis, unsure)).collect();
    Ok((stocked, candidates))
}
