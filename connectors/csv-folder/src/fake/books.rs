//! What the marketplace knows: offers and orders.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use banto_channel::{Fulfilment, ListingId, Money, Payment, RemoteOffer, RemoteOrderId, Timestamp};
use banto_sim::market::{MarketOrder, MarketParcel, Purchase, SoldOut};

use super::FakeOffer;

/// Below this price of the goods shipping costs [`SHIPPING`].
const FREE_SHIPPING_FROM: i64 = 5_000;
const SHIPPING: i64 = 550;

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) listing: ListingId,
    pub(super) code: String,
    pub(super) title: String,
    pub(super) price: i64,
    pub(super) quantity: i64,
    pub(super) cancelled: i64,
    pub(super) returned: i64,
    pub(super) shipped: i64,
}

impl Line {
    /// Units that have still to leave.
    fn open(&self) -> i64 {
        self.quantity - self.cancelled - self.shipped
    }
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) purchase: Purchase,
    pub(super) lines: Vec<Line>,
    pub(super) placed: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) paid: Option<Timestamp>,
    pub(super) cancelled: bool,
    pub(super) refunded: i64,
    pub(super) parcels: Vec<MarketParcel>,
}

impl Order {
    pub(super) fn goods(&self) -> i64 {
        self.lines.iter().map(|line| line.price * line.quantity).sum()
    }

    pub(super) fn shipping(&self) -> i64 {
        if self.lines.is_empty() || self.goods() >= FREE_SHIPPING_FROM { 0 } else { SHIPPING }
    }

    pub(super) fn grand(&self) -> i64 {
        self.goods() + self.shipping()
    }

    pub(super) fn fulfilment(&self) -> Fulfilment {
        let (open, shipped) =
            self.lines.iter().fold((0, 0), |(o, s), line| (o + line.open(), s + line.shipped));
        match (self.cancelled, open, shipped) {
            (true, ..) => Fulfilment::Cancelled,
            (_, 0, 1..) => Fulfilment::Shipped,
            (_, _, 1..) => Fulfilment::Partial,
            _ => Fulfilment::Open,
        }
    }

    fn payment(&self) -> Payment {
        match (self.paid, self.refunded) {
            (None, _) => Payment::Awaiting,
            (_, 0) => Payment::Paid,
            (_, n) if n >= self.grand() => Payment::Refunded,
            _ => Payment::PartlyRefunded,
        }
    }

    pub(super) fn truth(&self) -> MarketOrder {
        let line = |line: &Line| (line.id.clone(), Some(line.listing.clone()), line.quantity, line.cancelled);
        MarketOrder {
            id: RemoteOrderId(self.id.clone()),
            lines: self.lines.iter().map(line).collect(),
            payment: self.payment(),
            fulfilment: self.fulfilment(),
            grand: Money(self.grand()),
            parcels: self.parcels.clone(),
            notes: Vec::new(),
            confirmed: true,
        }
    }
}

/// Everything, and what the tool has still to do.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) offers: BTreeMap<ListingId, RemoteOffer>,
    pub(super) orders: BTreeMap<String, Order>,
    /// Offers that the export leaves out.
    pub(super) withdrawn: BTreeSet<ListingId>,
    /// Orders to export.
    pub(super) changed: BTreeSet<String>,
    pub(super) offers_changed: bool,
    /// Number of the next order file.
    pub(super) next_file: u32,
    /// The last export met a fault.
    pub(super) failed: bool,
    /// The full stock file that was imported last: its time and content.
    pub(super) imported: Option<(SystemTime, Vec<u8>)>,
    /// Calls that reached it: files that it imported.
    pub(super) seen: Vec<banto_sim::market::Seen>,
}

impl Books {
    pub(super) fn new(offers: &[FakeOffer]) -> Self {
        let offer = |(n, offer): (usize, &FakeOffer)| {
            let id = ListingId(format!("{}", 1001 + n));
            let offer = RemoteOffer {
                id: id.clone(),
                code: Some(offer.code.clone()),
                gtin: (!offer.jan.is_empty()).then(|| offer.jan.clone()),
                title: offer.title.clone(),
                quantity: Some(offer.stock),
                price: Some((Money(offer.price), "JPY".to_owned())),
                active: true,
            };
            (id, offer)
        };
        Self {
            offers: offers.iter().enumerate().map(offer).collect(),
            orders: BTreeMap::new(),
            withdrawn: BTreeSet::new(),
            changed: BTreeSet::new(),
            offers_changed: true,
            next_file: 1,
            failed: false,
            imported: None,
            seen: Vec::new(),
        }
    }

    pub(super) fn withdraw(&mut self, listing: &ListingId, withdrawn: bool) {
        match withdrawn {
            true => self.withdrawn.insert(listing.clone()),
            false => self.withdrawn.remove(listing),
        };
        self.offers_changed = true;
    }

    pub(super) fn set(&mut self, listing: &ListingId, quantity: i64) {
        if let Some(offer) = self.offers.get_mut(listing) {
            offer.quantity = Some(quantity.max(0));
            self.offers_changed = true;
        }
    }

    fn add(&mut self, listing: &ListingId, units: i64) {
        if let Some(shown) = self.offers.get(listing).and_then(|offer| offer.quantity) {
            self.set(listing, shown + units);
        }
    }

    pub(super) fn buy(&mut self, purchase: &Purchase, now: Timestamp) -> Result<RemoteOrderId, SoldOut> {
        let mut asked: BTreeMap<&ListingId, i64> = BTreeMap::new();
        for line in &purchase.lines {
            *asked.entry(&line.listing).or_default() += line.quantity;
        }
        for (listing, units) in asked {
            let shown = self.offers.get(listing).and_then(|offer| offer.quantity).unwrap_or(0);
            if !self.offers.contains_key(listing) || (shown < units && !purchase.oversell) {
                return Err(SoldOut(listing.clone()));
            }
        }
        let id = format!("R26-{:06}", 100_001 + self.orders.len());
        let lines = purchase.lines.iter().enumerate().filter_map(|(at, line)| {
            let offer = self.offers.get(&line.listing)?;
            Some(Line {
                id: (at + 1).to_string(),
                listing: line.listing.clone(),
                code: offer.code.clone().unwrap_or_default(),
                title: offer.title.clone(),
                price: offer.price.as_ref().map_or(0, |(price, _)| price.0),
                quantity: line.quantity,
                cancelled: 0,
                returned: 0,
                shipped: 0,
            })
        });
        let order = Order {
            id: id.clone(),
            lines: lines.collect(),
            purchase: purchase.clone(),
            placed: now,
            changed: now,
            paid: purchase.paid.then_some(now),
            cancelled: false,
            refunded: 0,
            parcels: Vec::new(),
        };
        for line in &purchase.lines {
            self.add(&line.listing, -line.quantity);
        }
        self.changed.insert(id.clone());
        self.orders.insert(id.clone(), order);
        Ok(RemoteOrderId(id))
    }

    /// Changes an order and has it exported again.
    pub(super) fn change(&mut self, id: &str, now: Timestamp, act: impl FnOnce(&mut Order)) {
        if let Some(order) = self.orders.get_mut(id) {
            act(order);
            order.changed = now;
            self.changed.insert(id.to_owned());
        }
    }

    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) {
        let Some(order) = self.orders.get(id).filter(|order| order.fulfilment() == Fulfilment::Open) else {
            return;
        };
        let freed: Vec<_> = order.lines.iter().map(|line| (line.listing.clone(), line.open())).collect();
        self.change(id, now, |order| order.cancelled = true);
        for (listing, units) in freed {
            self.add(&listing, units);
        }
    }

    pub(super) fn refund(&mut self, id: &str, lines: &[(String, i64)], now: Timestamp) {
        let mut freed = Vec::new();
        self.change(id, now, |order| {
            for (id, units) in lines {
                let Some(line) = order.lines.iter_mut().find(|line| line.id == *id) else { continue };
                if line.shipped == 0 {
                    let units = (*units).min(line.open());
                    line.cancelled += units;
                    order.refunded += units * line.price;
                    freed.push((line.listing.clone(), units));
                } else {
                    let units = (*units).min(line.shipped - line.returned);
                    line.returned += units;
                    order.refunded += units * line.price;
                }
            }
            order.cancelled |= order.lines.iter().all(|line| line.cancelled == line.quantity);
        });
        for (listing, units) in freed {
            self.add(&listing, units);
        }
    }

    /// A parcel leaves: these lines, or everything that is open.
    pub(super) fn ship(&mut self, id: &str, parcel: MarketParcel, lines: &[(String, i64)], now: Timestamp) {
        self.change(id, now, |order| {
            for line in &mut order.lines {
                let named = lines.iter().find(|(id, _)| *id == line.id).map(|(_, units)| *units);
                let units = if lines.is_empty() { line.open() } else { named.unwrap_or(0) };
                line.shipped += units.clamp(0, line.open());
            }
            order.parcels.push(parcel);
        });
    }
}
