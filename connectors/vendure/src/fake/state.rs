//! Everything the shop knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::ListingId;
use banto_sim::market::Seen;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::FakeConfig;
use super::order::{Line, Order, Parcel, Units};

/// A product variant and its stock at the first location.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) sku: String,
    pub(super) price: i64,
    pub(super) on_hand: i64,
    pub(super) allocated: i64,
    /// Percent.
    pub(super) tax: i64,
    pub(super) tracked: Option<bool>,
}

/// The shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) config: FakeConfig,
    pub(super) variants: Vec<Variant>,
    pub(super) orders: BTreeMap<u64, Order>,
    pub(super) sessions: BTreeSet<String>,
    pub(super) logins: u64,
    /// Variants that refuse every number, without saying who.
    pub(super) stubborn: BTreeSet<u64>,
    /// Nobody is let in.
    pub(super) closed: bool,
    pub(super) seen: Vec<Seen>,
    rng: StdRng,
    last_id: u64,
}

/// The token of the nth session.
pub(super) fn token(seed: u64, nth: u64) -> String {
    format!("session-{seed:016x}-{nth:08x}")
}

impl Shop {
    pub(super) fn new(config: FakeConfig) -> Self {
        let variant = |(id, v): (u64, &super::FakeVariant)| Variant {
            id,
            name: v.name.clone(),
            sku: v.sku.clone(),
            price: v.price,
            on_hand: v.stock,
            allocated: 0,
            tax: if v.reduced_tax { 8 } else { 10 },
            tracked: v.tracked,
        };
        Self {
            variants: (1..).zip(&config.variants).map(variant).collect(),
            orders: BTreeMap::new(),
            sessions: BTreeSet::new(),
            logins: 0,
            stubborn: BTreeSet::new(),
            closed: false,
            seen: Vec::new(),
            rng: StdRng::seed_from_u64(config.seed),
            last_id: 0,
            config,
        }
    }

    /// Milliseconds since 1970, as JavaScript counts.
    pub(super) fn now(&self) -> i64 {
        self.config.clock.now().0.div_euclid(1000)
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Sixteen characters, like those of Vendure's own codes.
    pub(super) fn new_code(&mut self) -> String {
        const LETTERS: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
        (0..16).map(|_| char::from(LETTERS[self.rng.random_range(0..LETTERS.len())])).collect()
    }

    pub(super) fn open_session(&mut self) -> String {
        self.logins += 1;
        let token = token(self.config.seed, self.logins);
        self.sessions.insert(token.clone());
        token
    }

    pub(super) fn variant(&self, id: u64) -> Option<&Variant> {
        self.variants.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    pub(super) fn variant_mut(&mut self, id: u64) -> Option<&mut Variant> {
        self.variants.get_mut(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    pub(super) fn listing(&self, listing: &ListingId) -> Option<&Variant> {
        self.variant(listing.as_str().parse().ok()?)
    }

    pub(super) fn counts(&self, variant: &Variant) -> bool {
        variant.tracked.unwrap_or(self.config.track_inventory)
    }

    /// Moves a variant's two numbers, if the shop counts it.
    pub(super) fn shift(&mut self, variant: u64, on_hand: i64, allocated: i64) {
        let Some(found) = self.variant(variant).filter(|v| self.counts(v)).map(|v| v.id) else {
            return;
        };
        if let Some(variant) = self.variant_mut(found) {
            variant.on_hand += on_hand;
            variant.allocated += allocated;
        }
    }

    /// A line over so many units at today's price.
    pub(super) fn line_of(&mut self, variant: u64, quantity: i64) -> Option<Line> {
        let (price, tax) = self.variant(variant).map(|v| (v.price, v.tax))?;
        Some(Line {
            id: self.new_id(),
            variant,
            quantity,
            placed: quantity,
            price,
            tax,
            discount: 0,
            distributed: 0,
            updated: self.now(),
        })
    }

    /// `addFulfillmentToOrder`, after all its checks: the goods leave the shelf at once.
    pub(super) fn fulfil(&mut self, order: u64, method: &str, tracking: &str, lines: Vec<Units>) -> u64 {
        let (id, now) = (self.new_id(), self.now());
        let parcel = Parcel {
            id,
            state: "Pending".to_owned(),
            method: method.to_owned(),
            tracking: tracking.to_owned(),
            lines: lines.clone(),
            updated: now,
        };
        let Some(found) = self.orders.get_mut(&order) else {
            return id;
        };
        found.parcels.push(parcel);
        let sold: Vec<(u64, i64)> =
            lines.iter().filter_map(|u| Some((found.line(u.line)?.variant, u.quantity))).collect();
        for (variant, quantity) in sold {
            self.shift(variant, -quantity, -quantity);
        }
        id
    }

    /// Takes units out of lines: of what was fulfilled first goods come back to the shelf, allocations are released.
    pub(super) fn cancel_units(&mut self, order: u64, units: &[Units]) {
        let now = self.now();
        let mut moves = Vec::new();
        if let Some(order) = self.orders.get_mut(&order) {
            for u in units {
                let fulfilled = order.fulfilled(u.line);
                let Some(line) = order.lines.iter_mut().find(|line| line.id == u.line) else {
                    continue;
                };
                let allocated = (line.quantity - fulfilled).clamp(0, u.quantity);
                moves.push((line.variant, u.quantity - allocated, -allocated));
                line.quantity -= u.quantity;
                line.updated = now;
            }
            order.updated = now;
        }
        for (variant, on_hand, allocated) in moves {
            self.shift(variant, on_hand, allocated);
        }
    }

    /// `cancelOrder` without lines.
    pub(super) fn cancel(&mut self, id: u64, shipping_too: bool) {
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        let all: Vec<Units> =
            order.lines.iter().map(|line| Units { line: line.id, quantity: line.quantity }).collect();
        self.cancel_units(id, &all);
        if let Some(order) = self.orders.get_mut(&id) {
            order.shipping_cancelled |= shipping_too;
            "Cancelled".clone_into(&mut order.state);
        }
    }

    /// `settlePayment`: the order follows when all of it is paid. No date of the order moves.
    pub(super) fn settle(&mut self, id: u64, payment: u64) {
        let now = self.now();
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        if let Some(payment) = order.payments.iter_mut().find(|p| p.id == payment) {
            "Settled".clone_into(&mut payment.state);
            payment.updated = now;
        }
        if order.state == "PaymentAuthorized" && order.settled() >= order.total() {
            "PaymentSettled".clone_into(&mut order.state);
        }
    }

    /// Moves a fulfilment on, and its order after it. No date of the order moves.
    pub(super) fn move_parcel(&mut self, id: u64, parcel: u64, state: &str) {
        let now = self.now();
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        if let Some(parcel) = order.parcels.iter_mut().find(|p| p.id == parcel) {
            state.clone_into(&mut parcel.state);
            parcel.updated = now;
        }
        let follows = ["PaymentSettled", "PartiallyShipped"].contains(&order.state.as_str());
        if state == "Shipped" && follows {
            let all = order.lines.iter().all(|line| order.fulfilled(line.id) >= line.quantity);
            let left = order.parcels.iter().all(|p| p.state != "Pending");
            order.state = if all && left { "Shipped" } else { "PartiallyShipped" }.to_owned();
        }
    }
}
