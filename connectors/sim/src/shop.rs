//! The simulated marketplace: orders, stock, parcels, refunds, webhooks, all in memory and all from one seed.

mod api;
mod book;
mod hooks;
mod order;
mod shelf;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use banto_channel::{Clock, IdempotencyKey, ListingId, Parcel, RemoteOffer, RemoteOrderId, Timestamp};

pub(crate) use api::{NoticeAnswer, StockAnswer, Trouble, hook_is_signed};
pub use hooks::Hook;

use crate::config::SimSetup;
use crate::faults::Faults;
use crate::market::{BasketLine, Market, MarketOrder, Purchase, Seen, SoldOut};
use crate::people::People;
use book::Book;
use hooks::Hooks;
use order::Oddity;
use shelf::Shelf;

/// Calls beyond so many are forgotten, oldest first, if nobody takes them.
const SEEN_MAX: usize = 100_000;

/// A whole marketplace in memory. The inside of it is [`Market`]; [`crate::SimConnector`] comes in by its API.
pub struct SimMarket {
    setup: SimSetup,
    clock: Arc<dyn Clock>,
    faults: Faults,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    book: Book,
    shelf: Shelf,
    hooks: Hooks,
    /// Intents that were carried out, where the marketplace keeps their keys.
    keys: HashSet<IdempotencyKey>,
    seen: VecDeque<Seen>,
    accepts: bool,
}

impl fmt::Debug for SimMarket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimMarket({})", self.setup.name)
    }
}

impl SimMarket {
    /// Opens a marketplace that lives by this clock.
    #[must_use]
    pub fn open(setup: SimSetup, clock: Arc<dyn Clock>) -> Arc<Self> {
        let inner = Inner {
            book: Book::new(&setup),
            shelf: Shelf::new(setup.capabilities.stock_basis, setup.decides, setup.offers.clone()),
            hooks: Hooks::default(),
            keys: HashSet::new(),
            seen: VecDeque::new(),
            accepts: true,
        };
        Arc::new(Self { faults: Faults::calm(setup.seed), inner: Mutex::new(inner), clock, setup })
    }

    /// What it was opened with.
    #[must_use]
    pub fn setup(&self) -> &SimSetup {
        &self.setup
    }

    /// Puts another offer on sale, or replaces one.
    pub fn put_offer(&self, offer: RemoteOffer) {
        self.inner().shelf.put(offer);
    }

    /// Orders that strain a connector, one of each kind: without lines, with 500 lines, with an unknown state or
    /// currency, with totals that do not add up, with money in words, a quantity below zero, without a key, with a
    /// torn text. Answers with their true keys.
    pub fn place_odd_orders(&self) -> Vec<RemoteOrderId> {
        let mut people = People::new(self.setup.seed);
        let mut inner = self.inner();
        let now = self.clock.now();
        let listing = inner.shelf.offers().map(|o| o.id.clone()).next();
        let lines = |count: usize| {
            let line = listing.clone().map(|listing| BasketLine { listing, quantity: 1 });
            line.into_iter().cycle().take(count).collect()
        };
        let baskets = [(lines(0), None), (lines(500), None)];
        let odd = Oddity::ALL.map(|odd| (lines(2), Some(odd)));
        let mut ids = Vec::new();
        for (lines, odd) in baskets.into_iter().chain(odd) {
            let person = people.meet();
            let purchase = Purchase {
                lines,
                buyer: person.buyer,
                ship_to: person.home,
                paid: true,
                note: person.note,
                oversell: true,
            };
            ids.push(inner.place(&purchase, odd, now));
        }
        ids
    }

    /// Webhooks that went out since the last call, in the order in which they arrive.
    pub fn take_hooks(&self) -> Vec<Hook> {
        self.inner().hooks.take()
    }

    /// Switches the webhooks off, as marketplaces do after failed deliveries.
    pub fn switch_hooks_off(&self) {
        self.inner().hooks.switch_off();
    }

    /// A webhook about nothing, correctly signed.
    #[must_use]
    pub fn sample_hook(&self) -> Hook {
        hooks::signed("http://shop.invalid/hook", br#"{"topic":"ping"}"#, &self.setup.hook_secret)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves plain data behind, which is as good as before.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.shelf.pass_time(self.clock.now(), &self.faults);
        inner
    }

    /// Changes an order from the inside and tells the webhooks.
    fn change<T>(&self, order: &RemoteOrderId, act: impl FnOnce(&mut Inner, Timestamp) -> Option<T>) {
        let now = self.clock.now();
        let mut inner = self.inner();
        if act(&mut inner, now).is_some() {
            inner.hooks.order_changed(order, &self.setup.hook_secret, &self.faults);
        }
    }
}

impl Inner {
    /// Writes an order down and takes its goods from the shelf.
    fn place(&mut self, purchase: &Purchase, odd: Option<Oddity>, now: Timestamp) -> RemoteOrderId {
        let id = self.book.place(purchase, odd, &self.shelf, now);
        for line in &purchase.lines {
            self.shelf.ordered(&line.listing, line.quantity.max(0));
        }
        id
    }

    fn cancel(&mut self, id: &RemoteOrderId, reason: &str, now: Timestamp) -> Option<()> {
        if !self.book.get(id)?.is_unshipped() {
            return None;
        }
        let freed = self.book.change(id, now, |order| {
            let all: Vec<(String, i64)> = order.lines.iter().map(|l| (l.id.clone(), l.open())).collect();
            let freed = order.refund(&all, reason, now);
            order.cancelled = true;
            freed
        })?;
        self.release(&freed);
        Some(())
    }

    fn ship(&mut self, id: &RemoteOrderId, parcel: &Parcel, now: Timestamp) -> Option<()> {
        let left = self.book.change(id, now, |order| order.ship(parcel))?;
        for (listing, units) in &left {
            self.shelf.shipped(listing, *units);
        }
        Some(())
    }

    fn release(&mut self, freed: &[(ListingId, i64)]) {
        for (listing, units) in freed {
            self.shelf.ordered(listing, -units);
        }
    }

    fn saw(&mut self, seen: Seen) {
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }
}

impl Market for SimMarket {
    fn offers(&self) -> Vec<RemoteOffer> {
        self.inner().shelf.offers().cloned().collect()
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        self.inner().shelf.shown(listing)
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        // What the staff cannot type (an unknown offer, less than nothing) changes nothing.
        let _ = self.inner().shelf.set(listing, quantity);
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        let mut inner = self.inner();
        if !purchase.oversell {
            let mut asked: BTreeMap<&ListingId, i64> = BTreeMap::new();
            for line in &purchase.lines {
                *asked.entry(&line.listing).or_default() += line.quantity;
            }
            for (listing, units) in asked {
                let uncounted = inner.shelf.offer(listing).is_some_and(|o| o.quantity.is_none());
                if !uncounted && inner.shelf.shown(listing).unwrap_or(0) < units {
                    return Err(SoldOut(listing.clone()));
                }
            }
        }
        let id = inner.place(purchase, None, self.clock.now());
        inner.hooks.order_changed(&id, &self.setup.hook_secret, &self.faults);
        Ok(id)
    }

    fn pay(&self, order: &RemoteOrderId) {
        let silently = self.setup.capabilities.needs_open_order_rereads;
        self.change(order, |inner, now| {
            let found = inner.book.get(order)?;
            if found.paid_at.is_some() || found.cancelled {
                return None;
            }
            if silently {
                inner.book.change_silently(order, |o| o.paid_at = Some(now));
                return Some(());
            }
            inner.book.change(order, now, |o| o.paid_at = Some(now))
        });
    }

    fn cancel(&self, order: &RemoteOrderId) {
        self.change(order, |inner, now| inner.cancel(order, "cancelled by the buyer", now));
    }

    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        self.change(order, |inner, now| {
            let freed = inner.book.change(order, now, |o| o.refund(lines, "returned", now))?;
            inner.release(&freed);
            Some(())
        });
    }

    fn ship(&self, order: &RemoteOrderId) {
        self.change(order, |inner, now| {
            if !inner.book.get(order).is_some_and(order::Order::is_under_way) {
                return None;
            }
            let by_hand = Parcel {
                carrier: "by hand".to_owned(),
                tracking: format!("HAND-{order}"),
                tracking_url: None,
                shipped_at: now,
                lines: Vec::new(),
                completes: true,
            };
            inner.ship(order, &by_hand, now)
        });
    }

    fn touch(&self, order: &RemoteOrderId) {
        self.change(order, |inner, now| inner.book.change(order, now, |_| ()));
    }

    fn orders(&self) -> Vec<MarketOrder> {
        self.inner().book.all().iter().map(order::Order::truth).collect()
    }

    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        self.inner().book.get(id).map(order::Order::truth)
    }

    fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.inner().seen).into()
    }

    fn accept_credentials(&self, accept: bool) {
        self.inner().accepts = accept;
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

#[cfg(test)]
mod tests;
