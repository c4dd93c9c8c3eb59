//! What each listing should show, which listings are out of date, and in which order to push them.

use std::cmp::Reverse;

use banto_channel::{StockBasis, Timestamp};
use serde::{Deserialize, Serialize};

use super::ItemId;

/// How a channel, or one listing of it, turns what is there into what it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRule {
    /// Percent of what is there that the channel may show; applied first.
    pub share_percent: Option<i64>,
    /// Units held back; applied second.
    pub buffer: i64,
    /// Most that the channel may show; applied third.
    pub cap: Option<i64>,
    /// Always this, whatever is there.
    pub fixed: Option<i64>,
    /// Nothing is pushed.
    pub paused: bool,
}

/// One item that a listing draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Supply {
    /// The item.
    pub item: ItemId,
    /// Units of it in one unit of the listing.
    pub units: i64,
    /// Free units at the channel's locations.
    pub available: i64,
    /// Units in the channel's own open orders of this listing; a channel that takes the physical count subtracts them
    /// itself.
    pub held_by_channel: i64,
}

/// One step of the way to a number, for people who ask why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What was done, in plain words.
    pub what: String,
    /// The same, for those who have words of their own.
    #[serde(skip)]
    pub why: Why,
    /// The number after it.
    pub gives: i64,
}

/// What is done in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The rule fixes the number.
    Fixed,
    /// So much is there of an item, of which one unit of the listing takes some.
    There(Supply),
    /// No item is mapped.
    NoItem,
    /// The scarcest component decides.
    Scarcest,
    /// Percent of it for this channel.
    Share(i64),
    /// Units held back.
    HeldBack(i64),
    /// At most so many.
    AtMost(i64),
    /// Units in the channel's own orders, which it subtracts itself.
    OwnOrders(i64),
    /// The rule pauses pushes.
    Paused,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed => f.write_str("the rule fixes the number"),
            Self::There(Supply { item, units: 1, available, .. }) => {
                write!(f, "item {item}: {available} available")
            }
            Self::There(supply) => {
                write!(f, "item {}: {} available ÷ {} each", supply.item, supply.available, supply.units)
            }
            Self::NoItem => f.write_str("no item is mapped"),
            Self::Scarcest => f.write_str("the scarcest component decides"),
            Self::Share(percent) => write!(f, "{percent} % of it for this channel"),
            Self::HeldBack(units) => write!(f, "{units} held back"),
            Self::AtMost(cap) => write!(f, "at most {cap}"),
            Self::OwnOrders(own) => {
                write!(f, "{own} more that the channel's own orders hold, which it subtracts itself")
            }
            Self::Paused => f.write_str("the rule pauses pushes"),
        }
    }
}

/// What a listing should show, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The number; `None` when the rule says that nothing is pushed.
    pub quantity: Option<i64>,
    /// The way to it.
    pub steps: Vec<Step>,
}

/// Computes what a listing should show.
#[must_use]
pub fn wanted(supplies: &[Supply], rule: &StockRule, basis: StockBasis) -> Wanted {
    let mut steps = Vec::new();
    let mut step = |why: Why, gives: i64| {
        steps.push(Step { what: why.to_string(), why, gives });
        gives
    };
    if let Some(fixed) = rule.fixed {
        let quantity = step(Why::Fixed, fixed.max(0));
        return Wanted { quantity: (!rule.paused).then_some(quantity), steps };
    }
    let mut can = i64::MAX;
    for supply in supplies {
        let n = supply.available / supply.units.max(1);
        step(Why::There(*supply), n);
        can = can.min(n);
    }
    let mut quantity = if supplies.is_empty() { step(Why::NoItem, 0) } else { can.max(0) };
    if supplies.len() > 1 {
        quantity = step(Why::Scarcest, quantity);
    }
    if let Some(share) = rule.share_percent {
        let cut = i64::try_from(i128::from(quantity) * i128::from(share.clamp(0, 100)) / 100).unwrap_or(0);
        quantity = step(Why::Share(share), cut);
    }
    if rule.buffer > 0 {
        quantity = step(Why::HeldBack(rule.buffer), (quantity - rule.buffer).max(0));
    }
    if let Some(cap) = rule.cap {
        quantity = step(Why::AtMost(cap), quantity.min(cap.max(0)));
    }
    if basis == StockBasis::Physical {
        let own = supplies.iter().map(|s| s.held_by_channel / s.units.max(1)).max().unwrap_or(0);
        quantity = step(Why::OwnOrders(own), quantity + own);
    }
    if rule.paused {
        step(Why::Paused, quantity);
    }
    Wanted { quantity: (!rule.paused).then_some(quantity), steps }
}

/// A listing as the plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Key.
    pub listing: i64,
    /// The channel's key.
    pub remote_id: String,
    /// What the channel shows as far as we know; `None` when we never heard.
    pub shown: Option<i64>,
    /// The version that `shown` was computed from.
    pub shown_version: i64,
    /// Newest version of the items it draws on.
    pub version: i64,
    /// What it should show; `None` when paused.
    pub wanted: Option<i64>,
    /// The channel may have changed its number by itself since (it sold, or we start and do not know).
    pub unsure: bool,
    /// The last push failed or its answer was lost: the channel shows the number before it, or the one in it.
    pub failed: bool,
    /// Not to be tried before.
    pub retry_at: Option<Timestamp>,
}

/// One push to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Key of the listing.
    pub listing: i64,
    /// The channel's key.
    pub remote_id: String,
    /// The number to show.
    pub quantity: i64,
    /// What it shows as far as we know.
    pub was: Option<i64>,
    /// The version it was computed from.
    pub version: i64,
}

/// What to do about a set of listings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To push, the most urgent first.
    pub pushes: Vec<Push>,
    /// Listings that show the right number although their items moved, with the version they are good for.
    pub settled: Vec<(i64, i64)>,
    /// When the first listing that has to wait may be tried again.
    pub next_try: Option<Timestamp>,
}

/// Says which listings are out of date. What would sell what is not there goes first: zeros before small numbers
/// before the rest, lowered before raised.
#[must_use]
pub fn plan(candidates: &[Candidate], now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for c in candidates {
        let Some(quantity) = c.wanted else { continue };
        let moved = c.version > c.shown_version;
        if c.shown == Some(quantity) && !(moved && c.unsure) && !c.failed {
            if moved {
                plan.settled.push((c.listing, c.version));
            }
            continue;
        }
        if let Some(at) = c.retry_at.filter(|at| *at > now) {
            plan.next_try = Some(plan.next_try.map_or(at, |t| t.min(at)));
            continue;
        }
        plan.pushes.push(Push {
            listing: c.listing,
            remote_id: c.remote_id.clone(),
            quantity,
            was: c.shown,
            version: c.version,
        });
    }
    plan.pushes.sort_by_key(|p| {
        let lowered = p.was.is_none_or(|was| p.quantity < was);
        (p.quantity > 0, !lowered, p.quantity, Reverse(p.version), p.listing)
    });
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supply(units: i64, available: i64) -> Supply {
        Supply { item: 1, units, available, held_by_channel: 0 }
    }

    #[test]
    fn the_scarcest_component_decides_and_rules_apply_in_order() {
        let rule = StockRule { share_percent: Some(50), buffer: 1, cap: Some(3), ..StockRule::default() };
        let got = wanted(&[supply(2, 21), supply(1, 40)], &rule, StockBasis::Sellable);
        assert_eq!(got.quantity, Some(3));
        assert_eq!(got.steps.iter().map(|s| s.gives).collect::<Vec<_>>(), [10, 40, 10, 5, 4, 3]);
    }

    #[test]
    fn never_below_zero_and_never_more_than_is_there() {
        let rule = StockRule { buffer: 9, ..StockRule::default() };
        assert_eq!(wanted(&[supply(1, 4)], &rule, StockBasis::Sellable).quantity, Some(0));
        assert_eq!(wanted(&[], &StockRule::default(), StockBasis::Sellable).quantity, Some(0));
        let paused = StockRule { paused: true, ..StockRule::default() };
        assert_eq!(wanted(&[supply(1, 4)], &paused, StockBasis::Sellable).quantity, None);
    }

    #[test]
    fn a_channel_that_takes_the_physical_count_gets_its_own_orders_on_top() {
        let supply = Supply { item: 1, units: 1, available: 7, held_by_channel: 3 };
        assert_eq!(wanted(&[supply], &StockRule::default(), StockBasis::Physical).quantity, Some(10));
    }

    fn candidate(listing: i64, shown: Option<i64>, wanted: i64) -> Candidate {
        Candidate {
            listing,
            remote_id: listing.to_string(),
            shown,
            shown_version: 1,
            version: 2,
            wanted: Some(wanted),
            unsure: false,
            failed: false,
            retry_at: None,
        }
    }

    #[test]
    fn zeros_go_first_then_what_falls_then_what_rises() {
        let all = [
            candidate(1, Some(1), 90),
            candidate(2, Some(9), 4),
            candidate(3, Some(5), 0),
            candidate(4, Some(9), 2),
        ];
        let order: Vec<i64> = plan(&all, Timestamp(0)).pushes.iter().map(|p| p.listing).collect();
        assert_eq!(order, [3, 4, 2, 1]);
    }

    #[test]
    fn the_same_number_is_only_pushed_again_when_the_channel_may_have_changed_it() {
        let same = candidate(1, Some(5), 5);
        assert_eq!(plan(std::slice::from_ref(&same), Timestamp(0)).settled, [(1, 2)]);
        let unsure = Candidate { unsure: true, ..same.clone() };
        assert_eq!(plan(&[unsure], Timestamp(0)).pushes.len(), 1);
        let failed = Candidate { failed: true, version: same.shown_version, ..same };
        assert_eq!(plan(&[failed], Timestamp(0)).pushes.len(), 1);
    }

    #[test]
    fn a_listing_that_must_wait_says_until_when() {
        let later = Candidate { retry_at: Some(Timestamp(50)), ..candidate(1, Some(5), 4) };
        let plan = plan(&[later], Timestamp(10));
        assert_eq!((plan.pushes.len(), plan.next_try), (0, Some(Timestamp(50))));
    }
}
