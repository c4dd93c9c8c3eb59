//! The orders of a simulated marketplace: by key, and by changed-at for its search.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use banto_channel::{Money, RemoteOrderId, Timestamp, Totals};

use super::order::{Line, Oddity, Order};
use super::shelf::Shelf;
use crate::config::SimSetup;
use crate::market::Purchase;

/// Every order, oldest first, with the index that the search walks.
#[derive(Debug)]
pub(crate) struct Book {
    name: String,
    seed: u64,
    currency: String,
    tax_rate_bp: i64,
    tax_on_top: bool,
    search_lag: Duration,
    orders: Vec<Order>,
    by_id: HashMap<RemoteOrderId, usize>,
    by_change: BTreeSet<(Timestamp, u64)>,
}

/// Orders on one page of the search: changed-at and sequence, and the order's text.
pub(crate) type Found = Vec<((Timestamp, u64), String)>;

impl Book {
    pub(crate) fn new(setup: &SimSetup) -> Self {
        Self {
            name: setup.name.clone(),
            seed: setup.seed,
            currency: setup.currency.clone(),
            tax_rate_bp: setup.tax_rate_bp,
            tax_on_top: setup.tax_on_top,
            search_lag: setup.search_lag,
            orders: Vec::new(),
            by_id: HashMap::new(),
            by_change: BTreeSet::new(),
        }
    }

    pub(crate) fn all(&self) -> &[Order] {
        &self.orders
    }

    pub(crate) fn get(&self, id: &RemoteOrderId) -> Option<&Order> {
        self.by_id.get(id).and_then(|&at| self.orders.get(at))
    }

    /// Writes an order down. The shelf tells codes, titles and prices; taking from it is the caller's.
    pub(crate) fn place(
        &mut self,
        purchase: &Purchase,
        odd: Option<Oddity>,
        shelf: &Shelf,
        now: Timestamp,
    ) -> RemoteOrderId {
        let seq = self.orders.len() as u64;
        let id = RemoteOrderId(format!("{}-{:06}", self.name, seq + 1));
        let lines: Vec<Line> = (1..)
            .zip(&purchase.lines)
            .map(|(n, wanted)| {
                let offer = shelf.offer(&wanted.listing);
                Line {
                    id: format!("{n}"),
                    listing: wanted.listing.clone(),
                    code: offer.and_then(|o| o.code.clone()),
                    title: offer.map(|o| o.title.clone()).unwrap_or_default(),
                    unit_price: offer.and_then(|o| o.price.as_ref()).map_or(Money(0), |(price, _)| *price),
                    quantity: wanted.quantity.max(0),
                    cancelled: 0,
                    returned: 0,
                    shipped: 0,
                }
            })
            .collect();
        let order = Order {
            seq,
            id: id.clone(),
            placed_at: now,
            changed_at: now,
            visible_at: now.plus(self.lag(seq, now)),
            paid_at: purchase.paid.then_some(now),
            cancelled: false,
            complete: false,
            currency: self.currency.clone(),
            tax_rate_bp: self.tax_rate_bp,
            totals: self.totals(seq, &lines),
            buyer: purchase.buyer.clone(),
            ship_to: purchase.ship_to.clone(),
            note: purchase.note.clone(),
            lines,
            parcels: Vec::new(),
            refunds: Vec::new(),
            notes: Vec::new(),
            confirmed: false,
            odd,
        };
        self.by_id.insert(id.clone(), self.orders.len());
        self.by_change.insert((now, seq));
        self.orders.push(order);
        id
    }

    /// Some orders have a coupon, some a fee, some no shipping, so that every part of the totals is met.
    fn totals(&self, seq: u64, lines: &[Line]) -> Totals {
        let items: i64 = lines.iter().map(|l| l.unit_price.0.saturating_mul(l.quantity)).sum();
        let discount = if seq % 7 == 3 { items / 10 } else { 0 };
        let shipping = if items > 10_000 { 0 } else { 600 };
        let fees = if seq % 11 == 5 { 330 } else { 0 };
        let before_tax = items - discount + shipping + fees;
        let (tax_on_top, tax) = if self.tax_on_top {
            let tax = before_tax * self.tax_rate_bp / 10_000;
            (tax, tax)
        } else {
            (0, before_tax * self.tax_rate_bp / (10_000 + self.tax_rate_bp))
        };
        Totals {
            items: Money(items),
            discount: Money(discount),
            shipping: Money(shipping),
            fees: Money(fees),
            tax_on_top: Money(tax_on_top),
            tax: Money(tax),
            grand: Money(before_tax + tax_on_top),
            refunded: Money(0),
        }
    }

    /// Lets `act` change an order and moves its changed-at. `None` if there is no such order.
    pub(crate) fn change<T>(
        &mut self,
        id: &RemoteOrderId,
        now: Timestamp,
        act: impl FnOnce(&mut Order) -> T,
    ) -> Option<T> {
        let at = *self.by_id.get(id)?;
        let visible_at = now.plus(self.lag(at as u64, now));
        let order = self.orders.get_mut(at)?;
        let out = act(order);
        self.by_change.remove(&(order.changed_at, order.seq));
        self.by_change.insert((now, order.seq));
        order.changed_at = now;
        order.visible_at = visible_at;
        Some(out)
    }

    /// The same without moving changed-at, as marketplaces do whose search misses some changes.
    pub(crate) fn change_silently(&mut self, id: &RemoteOrderId, act: impl FnOnce(&mut Order)) {
        if let Some(order) = self.by_id.get(id).and_then(|&at| self.orders.get_mut(at)) {
            act(order);
        }
    }

    /// A time between nothing and the search's lag, of its own for every change.
    fn lag(&self, seq: u64, now: Timestamp) -> Duration {
        let most = u64::try_from(self.search_lag.as_micros()).unwrap_or(u64::MAX);
        let mixed =
            (self.seed ^ seq.rotate_left(32) ^ now.0.unsigned_abs()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Duration::from_micros((mixed >> 16).checked_rem(most).unwrap_or(0))
    }

    /// Orders that changed at `from` or later and come behind it, oldest change first, and whether there are more.
    pub(crate) fn search(&self, from: (Timestamp, u64), most: usize, now: Timestamp) -> (Found, bool) {
        let mut hits = self
            .by_change
            .range(from..)
            .filter_map(|&(changed, seq)| {
                let order = self.orders.get(usize::try_from(seq).ok()?)?;
                (order.visible_at <= now).then_some(((changed, seq), order))
            })
            .take(most + 1);
        let page: Found = hits.by_ref().take(most).map(|(at, order)| (at, order.text())).collect();
        let more = hits.next().is_some();
        (page, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SimSetup;

    fn book(lag: Duration) -> (Book, Shelf) {
        let setup = SimSetup { search_lag: lag, ..SimSetup::direct("T") };
        let shelf = Shelf::new(setup.capabilities.stock_basis, setup.decides, setup.offers.clone());
        (Book::new(&setup), shelf)
    }

    #[test]
    fn a_changed_order_moves_behind_the_others() {
        let (mut book, shelf) = book(Duration::ZERO);
        let ids: Vec<_> =
            (1..=3).map(|at| book.place(&Purchase::default(), None, &shelf, Timestamp(at))).collect();
        book.change(&ids[0], Timestamp(9), |_| ());
        let (found, more) = book.search((Timestamp(0), 0), 2, Timestamp(9));
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [(Timestamp(2), 1), (Timestamp(3), 2)]);
        assert!(more);
        let (found, more) = book.search((Timestamp(3), 3), 2, Timestamp(9));
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [(Timestamp(9), 0)]);
        assert!(!more);
    }

    #[test]
    fn the_search_lags_and_catches_up() {
        let lag = Duration::from_secs(1);
        let (mut book, shelf) = book(lag);
        let start = Timestamp::from_secs(5);
        for n in 0..50 {
            book.place(&Purchase::default(), None, &shelf, Timestamp(start.0 + n));
        }
        let (at_once, _) = book.search((Timestamp(0), 0), 100, Timestamp(start.0 + 50));
        let (later, _) = book.search((Timestamp(0), 0), 100, start.plus(2 * lag));
        assert!(at_once.len() < 50, "nothing lagged");
        assert_eq!(later.len(), 50);
    }
}
