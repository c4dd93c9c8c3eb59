//! Buyers and staff who do something at random, on any [`Market`], from a seed.
//!
//! The demo, the simulation and the load tests trade with the same [`Trade`]: over HTTP fakes or in memory it makes
//! no difference, since it acts inside the marketplace and the daemon learns of it through the connector.

use std::sync::Arc;

use banto_channel::{Fulfilment, ListingId, Payment, RemoteOrderId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::market::{BasketLine, Market, MarketOrder, Purchase};
use crate::people::People;

/// How often each deed is tried, relative to the others; 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRates {
    /// A checkout.
    pub buy: u32,
    /// A waiting order is paid.
    pub pay: u32,
    /// An order that has not left is cancelled.
    pub cancel: u32,
    /// Money for some units is given back, before or after shipping.
    pub refund: u32,
    /// The staff ships in the marketplace's own screen, past banto.
    pub ship: u32,
    /// The staff types another number, past banto.
    pub edit: u32,
    /// An order's changed-at moves and nothing else.
    pub touch: u32,
    /// Checkouts that are paid at once, in percent.
    pub paid_at_once: u32,
    /// Checkouts that ask for more than is shown, in percent; the shop refuses those.
    pub too_much: u32,
    /// Checkouts that the shop takes although it shows too little, in percent: a sale that began before the last
    /// unit went elsewhere.
    pub oversell: u32,
}

impl TradeRates {
    /// The mix of the demo: mostly sales, some of everything, no oversale by decree.
    #[must_use]
    pub const fn usual() -> Self {
        Self {
            buy: 70,
            pay: 12,
            cancel: 5,
            refund: 5,
            ship: 2,
            edit: 2,
            touch: 4,
            paid_at_once: 70,
            too_much: 3,
            oversell: 0,
        }
    }

    /// Nothing but paid checkouts of what is there, for load tests.
    #[must_use]
    pub const fn sales_only() -> Self {
        Self {
            buy: 1,
            pay: 0,
            cancel: 0,
            refund: 0,
            ship: 0,
            edit: 0,
            touch: 0,
            paid_at_once: 100,
            too_much: 0,
            oversell: 0,
        }
    }

    fn weights(&self) -> [(u32, Act); 7] {
        [
            (self.buy, Act::Buy),
            (self.pay, Act::Pay),
            (self.cancel, Act::Cancel),
            (self.refund, Act::Refund),
            (self.ship, Act::Ship),
            (self.edit, Act::Edit),
            (self.touch, Act::Touch),
        ]
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Buy,
    Pay,
    Cancel,
    Refund,
    Ship,
    Edit,
    Touch,
}

/// Something that happened. `market` is the index in the list that [`Trade::new`] was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// An order was placed.
    Placed {
        /// Where.
        market: usize,
        /// Its key.
        order: RemoteOrderId,
        /// What was asked for.
        lines: Vec<BasketLine>,
        /// Whether it was paid at once.
        paid: bool,
    },
    /// A checkout was refused.
    SoldOut {
        /// Where.
        market: usize,
        /// The offer that shows too little.
        listing: ListingId,
    },
    /// A waiting order was paid.
    Paid(usize, RemoteOrderId),
    /// An order was cancelled.
    Cancelled(usize, RemoteOrderId),
    /// Units were taken out before shipping: line id and quantity.
    Refunded(usize, RemoteOrderId, Vec<(String, i64)>),
    /// Units came back after shipping: line id and quantity.
    Returned(usize, RemoteOrderId, Vec<(String, i64)>),
    /// The staff shipped by hand.
    Shipped(usize, RemoteOrderId),
    /// The staff typed a number.
    Edited(usize, ListingId, i64),
    /// An order's changed-at moved.
    Touched(usize, RemoteOrderId),
}

/// How much of what happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Orders placed.
    pub placed: u64,
    /// Units in them.
    pub units: u64,
    /// Orders paid, at once or later.
    pub paid: u64,
    /// Orders cancelled whole.
    pub cancelled: u64,
    /// Partial refunds before shipping.
    pub refunded: u64,
    /// Returns after shipping.
    pub returned: u64,
    /// Orders the staff shipped by hand.
    pub shipped: u64,
    /// Checkouts refused because too little was shown.
    pub sold_out: u64,
    /// Numbers the staff typed.
    pub edited: u64,
    /// Orders touched.
    pub touched: u64,
}

impl Counts {
    fn add(&mut self, deed: &Deed) {
        match deed {
            Deed::Placed { lines, paid, .. } => {
                self.placed += 1;
                self.units += lines.iter().map(|l| l.quantity.unsigned_abs()).sum::<u64>();
                self.paid += u64::from(*paid);
            }
            Deed::SoldOut { .. } => self.sold_out += 1,
            Deed::Paid(..) => self.paid += 1,
            Deed::Cancelled(..) => self.cancelled += 1,
            Deed::Refunded(..) => self.refunded += 1,
            Deed::Returned(..) => self.returned += 1,
            Deed::Shipped(..) => self.shipped += 1,
            Deed::Edited(..) => self.edited += 1,
            Deed::Touched(..) => self.touched += 1,
        }
    }
}

/// A marketplace with what the trade remembers of it.
#[derive(Debug)]
struct Stall {
    market: Arc<dyn Market>,
    listings: Vec<ListingId>,
    /// Orders that something may still happen to, at most [`REMEMBERED`].
    live: Vec<RemoteOrderId>,
}

/// Beyond so many an order placed earlier is left in peace, so that a step costs the same after a million.
const REMEMBERED: usize = 512;

/// The offers of a marketplace are looked at again after so many steps.
const LOOK_AGAIN: u64 = 1000;

/// Random buyers and staff on one or several marketplaces.
#[derive(Debug)]
pub struct Trade {
    rng: StdRng,
    people: People,
    stalls: Vec<Stall>,
    rates: TradeRates,
    counts: Counts,
    steps: u64,
}

impl Trade {
    /// The trade of this seed on these marketplaces.
    #[must_use]
    pub fn new(seed: u64, markets: Vec<Arc<dyn Market>>, rates: TradeRates) -> Self {
        let stall = |market| Stall { market, listings: Vec::new(), live: Vec::new() };
        Self {
            rng: StdRng::seed_from_u64(seed),
            people: People::new(seed),
            stalls: markets.into_iter().map(stall).collect(),
            rates,
            counts: Counts::default(),
            steps: 0,
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Goes on with other rates.
    pub fn set_rates(&mut self, rates: TradeRates) {
        self.rates = rates;
    }

    /// One random deed at one marketplace. Empty when there was nothing to do it to (no order waits for payment).
    pub fn step(&mut self) -> Vec<Deed> {
        if self.stalls.is_empty() {
            return Vec::new();
        }
        if self.steps.is_multiple_of(LOOK_AGAIN) {
            for stall in &mut self.stalls {
                let offers = stall.market.offers();
                stall.listings = offers.into_iter().filter(|o| o.active).map(|o| o.id).collect();
            }
        }
        self.steps += 1;
        let at = self.rng.random_range(0..self.stalls.len());
        let deed = match self.pick() {
            Some(Act::Buy) => self.buy(at),
            Some(Act::Pay) => self.pay(at),
            Some(Act::Cancel) => self.cancel(at),
            Some(Act::Refund) => self.refund(at),
            Some(Act::Ship) => self.ship(at),
            Some(Act::Edit) => self.edit(at),
            Some(Act::Touch) => self.touch(at),
            None => None,
        };
        deed.inspect(|deed| self.counts.add(deed)).into_iter().collect()
    }

    fn pick(&mut self) -> Option<Act> {
        let weights = self.rates.weights();
        let total: u32 = weights.iter().map(|(weight, _)| weight).sum();
        if total == 0 {
            return None;
        }
        let mut roll = self.rng.random_range(0..total);
        for (weight, act) in weights {
            if roll < weight {
                return Some(act);
            }
            roll -= weight;
        }
        None
    }

    fn percent(&mut self, chance: u32) -> bool {
        self.rng.random_range(0..100_u32) < chance
    }

    fn some_listing(&mut self, at: usize) -> Option<ListingId> {
        let all = &self.stalls[at].listings;
        (!all.is_empty()).then(|| all[self.rng.random_range(0..all.len())].clone())
    }

    fn buy(&mut self, at: usize) -> Option<Deed> {
        let oversell = self.percent(self.rates.oversell);
        let too_much = !oversell && self.percent(self.rates.too_much);
        let lines = self.basket(at, oversell, too_much);
        if lines.is_empty() {
            return None;
        }
        let person = self.people.meet();
        let paid = self.percent(self.rates.paid_at_once);
        let purchase =
            Purchase { lines, buyer: person.buyer, ship_to: person.home, paid, note: person.note, oversell };
        let stall = &mut self.stalls[at];
        Some(match stall.market.buy(&purchase) {
            Ok(order) => {
                if stall.live.len() == REMEMBERED {
                    stall.live.remove(0);
                }
                stall.live.push(order.clone());
                Deed::Placed { market: at, order, lines: purchase.lines, paid }
            }
            Err(sold_out) => Deed::SoldOut { market: at, listing: sold_out.0 },
        })
    }

    /// One to four different offers, of each one to three units and no more than is shown, unless asked to.
    fn basket(&mut self, at: usize, oversell: bool, too_much: bool) -> Vec<BasketLine> {
        let wanted = self.rng.random_range(1..=4_usize);
        let mut lines: Vec<BasketLine> = Vec::with_capacity(wanted);
        // Mostly sold-out shelves must not make a step search for ever.
        for _ in 0..wanted * 4 {
            let Some(listing) = self.some_listing(at) else {
                break;
            };
            if lines.len() == wanted {
                break;
            }
            if lines.iter().any(|l| l.listing == listing) {
                continue;
            }
            let asked = self.rng.random_range(1..=3_i64);
            let shown = self.stalls[at].market.shown(&listing);
            let quantity = match shown {
                Some(shown) if too_much => shown.max(0) + asked,
                Some(shown) if !oversell => asked.min(shown),
                _ => asked,
            };
            if quantity > 0 {
                lines.push(BasketLine { listing, quantity });
            }
        }
        lines
    }

    /// A remembered order that the deed fits; those that are over are forgotten on the way.
    fn some_order(&mut self, at: usize, fits: impl Fn(&MarketOrder) -> bool) -> Option<MarketOrder> {
        for _ in 0..8 {
            let count = self.stalls[at].live.len();
            if count == 0 {
                return None;
            }
            let which = self.rng.random_range(0..count);
            let stall = &mut self.stalls[at];
            match stall.market.order(&stall.live[which]) {
                Some(order) if is_over(&order) => drop(stall.live.swap_remove(which)),
                Some(order) if fits(&order) => return Some(order),
                Some(_) => {}
                None => drop(stall.live.swap_remove(which)),
            }
        }
        None
    }

    fn pay(&mut self, at: usize) -> Option<Deed> {
        let order = self.some_order(at, |o| o.payment == Payment::Awaiting)?.id;
        self.stalls[at].market.pay(&order);
        Some(Deed::Paid(at, order))
    }

    fn cancel(&mut self, at: usize) -> Option<Deed> {
        let order = self.some_order(at, |o| o.fulfilment == Fulfilment::Open)?.id;
        self.stalls[at].market.cancel(&order);
        Some(Deed::Cancelled(at, order))
    }

    fn refund(&mut self, at: usize) -> Option<Deed> {
        let settled = |o: &MarketOrder| {
            matches!(o.payment, Payment::Paid | Payment::PartlyRefunded)
                && matches!(o.fulfilment, Fulfilment::Open | Fulfilment::Shipped)
                && o.lines.iter().any(|(_, _, ordered, gone)| gone < ordered)
        };
        let order = self.some_order(at, settled)?;
        let left: Vec<(String, i64)> = order
            .lines
            .iter()
            .filter(|(_, _, ordered, gone)| gone < ordered)
            .map(|(id, _, ordered, gone)| (id.clone(), ordered - gone))
            .collect();
        let (line, most) = left[self.rng.random_range(0..left.len())].clone();
        let back = vec![(line, self.rng.random_range(1..=most))];
        self.stalls[at].market.refund(&order.id, &back);
        Some(if order.fulfilment == Fulfilment::Open {
            Deed::Refunded(at, order.id, back)
        } else {
            Deed::Returned(at, order.id, back)
        })
    }

    fn ship(&mut self, at: usize) -> Option<Deed> {
        let ready = |o: &MarketOrder| {
            matches!(o.payment, Payment::Paid | Payment::PartlyRefunded)
                && matches!(o.fulfilment, Fulfilment::Open | Fulfilment::Partial)
        };
        let order = self.some_order(at, ready)?.id;
        self.stalls[at].market.ship(&order);
        Some(Deed::Shipped(at, order))
    }

    fn edit(&mut self, at: usize) -> Option<Deed> {
        let listing = self.some_listing(at)?;
        let market = &self.stalls[at].market;
        let quantity = (market.shown(&listing)? + self.rng.random_range(-5..=5_i64)).max(0);
        market.set_shown(&listing, quantity);
        Some(Deed::Edited(at, listing, quantity))
    }

    fn touch(&mut self, at: usize) -> Option<Deed> {
        let order = self.some_order(at, |_| true)?.id;
        self.stalls[at].market.touch(&order);
        Some(Deed::Touched(at, order))
    }
}

/// Nothing more can happen to it.
fn is_over(order: &MarketOrder) -> bool {
    order.fulfilment == Fulfilment::Cancelled || order.payment == Payment::Refunded
}

#[cfg(test)]
mod tests;
