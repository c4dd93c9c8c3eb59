//! What a channel shows through one listing, what it should show, and why.

use std::collections::BTreeSet;

use super::Channel;
use crate::domain::ItemId;
use crate::domain::plan::{Step, StockRule, wanted};
use crate::store::{ListingRow, PlanRules, Result, Scope, Stocked, Store};

/// How a listing's number stands to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It shows our number.
    Right,
    /// The rule says that nothing is pushed.
    Paused,
    /// The channel is read and never written.
    Observed,
    /// Our number is on its way.
    Behind,
    /// The channel took it, and says later whether it shows it.
    Awaits,
    /// The channel changed the number by itself; ours is on its way.
    Drift,
    /// The last push failed.
    Failed,
}

/// One listing's numbers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The listing.
    pub row: ListingRow,
    /// The rule that makes its number.
    pub rule: StockRule,
    /// What it should show; `None` when nothing is pushed to it.
    pub wanted: Option<i64>,
    /// The way to that number.
    pub way: Vec<Step>,
    /// What it shows as far as we know.
    pub shows: Option<i64>,
    /// How the two stand to each other.
    pub standing: Standing,
}

impl Channel {
    /// The channel's listings that draw on these items: their own, and those of sets they are in.
    ///
    /// Errors: [`crate::store::StoreError::Sql`].
    pub async fn offers_of(&self, store: &Store, items: &BTreeSet<ItemId>) -> Result<Vec<Offer>> {
        let stocked = store.stocked(&self.plan_rules(), Scope::Items(items)).await?;
        Ok(stocked.into_iter().map(|one| self.offer(one)).collect())
    }

    /// The same for listings that were read already.
    ///
    /// Errors: [`crate::store::StoreError::Sql`].
    pub async fn offers(&self, store: &Store, rows: Vec<ListingRow>) -> Result<Vec<Offer>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let stocked = store.with_supplies(&self.plan_rules(), rows).await?;
        Ok(stocked.into_iter().map(|one| self.offer(one)).collect())
    }

    /// Where and how it sells.
    pub(super) fn plan_rules(&self) -> PlanRules<'_> {
        let basis = self.connector.capabilities().stock_basis;
        PlanRules { channel: self.id, locations: &self.facts.locations, basis }
    }

    fn offer(&self, one: Stocked) -> Offer {
        let (rule, basis) = (self.rule(&one.row), self.connector.capabilities().stock_basis);
        let way = wanted(&one.supplies, &rule, basis).steps;
        let (wanted, shows) = (one.candidate(&rule, basis, false).wanted, one.shown());
        let row = one.row;
        // Its own word is younger than our push, and another.
        let changed_by_itself = row.shown.is_some_and(|ours| Some(ours) != shows);
        let standing = match wanted {
            _ if !self.live => Standing::Observed,
            _ if row.receipt.is_some() => Standing::Awaits,
            None => Standing::Paused,
            _ if row.error.is_some() => Standing::Failed,
            wanted if wanted == shows => Standing::Right,
            _ if changed_by_itself => Standing::Drift,
            _ => Standing::Behind,
        };
        Offer { row, rule, wanted, way, shows, standing }
    }
}
