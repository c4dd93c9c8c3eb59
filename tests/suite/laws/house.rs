//! A house in memory that takes news and moves goods through the crate's pure rules, loading no more of the ledger
//! for each than the store does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto::domain::deeds::{Deed, Effects, Seller, Shipment};
use banto::domain::intake::{Catalogue, Change, ChannelFacts, Mapping, intake};
use banto::domain::mail_policy::{MailIntent, MailKind, MailRule, MailRules};
use banto::domain::order::Order;
use banto::domain::stock::{Account, Book, Cause, Entry, Held, HoldKey, Level};
use banto::domain::{Ids, ItemId, LineNo, LocationId, OrderId};
use banto_channel::{MailOwner, RemoteOrder, Timestamp};

use super::trade::{GIFT_WRAP, ITEMS, LOCATIONS, OFFERS, OPENED, SETS, SHOPS};

/// Ids in the order in which they are asked for.
#[derive(Debug, Default)]
pub struct Count(i64);

impl Ids for Count {
    fn next_id(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

/// Everything that the store would hold.
#[derive(Debug)]
pub struct House {
    ids: Count,
    pub levels: BTreeMap<(ItemId, LocationId), Level>,
    pub holds: BTreeMap<HoldKey, Held>,
    pub entries: Vec<Entry>,
    /// By shop and the shop's id.
    pub orders: BTreeMap<(usize, String), Order>,
    pub shops: Vec<ChannelFacts>,
    pub catalogue: Catalogue,
    /// Mails asked for, with how often.
    pub mails: BTreeMap<(OrderId, MailKind, i64), usize>,
    pub now: Timestamp,
}

/// The id of an item or set by its code; they start at 1.
pub fn item_of(code: &str) -> ItemId {
    let at = ITEMS.iter().copied().chain(SETS.map(|s| s.0)).position(|c| c == code);
    at.unwrap() as ItemId + 1
}

fn line_item(key: &HoldKey) -> (OrderId, LineNo, ItemId) {
    (key.order, key.line, key.item)
}

/// The id of a location by number.
pub fn location_of(number: usize) -> LocationId {
    number as LocationId + 101
}

fn facts(shop: usize) -> ChannelFacts {
    let us = MailRule { owner: MailOwner::Us, by_hand: false };
    ChannelFacts {
        id: shop as i64 + 201,
        name: SHOPS[shop].0.to_owned(),
        locations: SHOPS[shop].1.iter().map(|l| location_of(*l)).collect(),
        created_at: OPENED,
        live_since: Some(OPENED),
        restock_returns: shop == 0,
        mails: MailRules { received: us, paid: us, shipped: us, cancelled: us },
    }
}

fn catalogue() -> Catalogue {
    let offers = OFFERS.map(|(key, code, per)| (key.to_owned(), Mapping::Item { item: item_of(code), per }));
    let mut listings = HashMap::from(offers);
    listings.insert(GIFT_WRAP.to_owned(), Mapping::Ignored);
    let parts = |parts: &[(&str, i64)]| parts.iter().map(|(code, n)| (item_of(code), *n)).collect();
    let components = SETS.map(|(set, inside)| (item_of(set), parts(inside)));
    Catalogue { listings, codes: HashMap::new(), components: HashMap::from(components) }
}

impl Default for House {
    fn default() -> Self {
        Self {
            ids: Count(1000),
            levels: BTreeMap::new(),
            holds: BTreeMap::new(),
            entries: Vec::new(),
            orders: BTreeMap::new(),
            shops: (0..SHOPS.len()).map(facts).collect(),
            catalogue: catalogue(),
            mails: BTreeMap::new(),
            now: OPENED,
        }
    }
}

impl House {
    /// What the store loads for an operation on these items and orders: the levels, the orders' holds, and all holds
    /// of lines that wait for one of the items; with `all_holds` (a count needs them) those that do not wait, too.
    fn book(&self, items: &BTreeSet<ItemId>, orders: &[OrderId], all_holds: bool) -> Book {
        let mut book = Book::default();
        for item in items {
            for ((item, location), level) in self.levels.range((*item, i64::MIN)..=(*item, i64::MAX)) {
                book.load_level(*item, *location, *level);
            }
        }
        let waits: BTreeSet<_> =
            self.holds.iter().filter(|(_, h)| h.short > 0).map(|(k, _)| line_item(k)).collect();
        for (key, held) in &self.holds {
            let waits = items.contains(&key.item) && (all_holds || waits.contains(&line_item(key)));
            if waits {
                book.allow(key.order, &self.shops[self.shop_of(key.order)].locations);
            }
            if waits || orders.contains(&key.order) {
                book.load_hold(*key, *held);
            }
        }
        book
    }

    /// The shop that an order came from.
    pub fn shop_of(&self, order: OrderId) -> usize {
        let found = self.orders.iter().find(|(_, o)| o.id == order);
        found.map(|(key, _)| key.0).unwrap()
    }

    fn keep(&mut self, book: Book) {
        self.levels.extend(book.changed_levels());
        for (key, held) in book.touched() {
            if held == Held::default() {
                self.holds.remove(&key);
            } else {
                self.holds.insert(key, held);
            }
        }
        self.entries.extend(book.entries);
    }

    fn parts_of(&self, items: impl IntoIterator<Item = ItemId>) -> BTreeSet<ItemId> {
        let parts = items.into_iter().flat_map(|i| self.catalogue.explode(i, 1));
        parts.map(|(part, _)| part).collect()
    }

    fn cause(&self, reason: &'static str) -> Cause {
        Cause { at: self.now, actor: "test".to_owned(), reason }
    }

    fn ask(&mut self, order: OrderId, mails: &[MailIntent]) {
        for mail in mails {
            *self.mails.entry((order, mail.kind, mail.revision)).or_default() += 1;
        }
    }

    /// Takes the news of one order; whether they were news.
    pub fn take(&mut self, shop: usize, remote: &RemoteOrder) -> bool {
        let key = (shop, remote.id.0.clone());
        let known = self.orders.get(&key).cloned();
        let ours: Vec<OrderId> = known.iter().map(|o| o.id).collect();
        let facts = self.shops[shop].clone();
        let old_items = known.iter().flat_map(|o| &o.lines).filter_map(|l| l.item);
        let parts = self.parts_of(self.catalogue.items().into_iter().chain(old_items));
        let mut book = self.book(&parts, &ours, false);
        let told = (remote.raw.as_str(), self.now);
        let change = intake(&facts, &self.catalogue, &mut book, &mut self.ids, known, remote, told).unwrap();
        let Change::Write { order, mails, .. } = change else {
            assert!(book.entries.is_empty() && book.touched().is_empty(), "no news, and yet something moved");
            return false;
        };
        self.ask(order.id, &mails);
        self.orders.insert(key, *order);
        self.keep(book);
        true
    }

    /// Does a deed to a known order; what is refused must have changed nothing.
    fn deed(&mut self, key: &(usize, String), act: impl FnOnce(&mut Deed<'_>, &mut Order) -> bool) {
        let Some(mut order) = self.orders.get(key).cloned() else {
            return;
        };
        let facts = self.shops[key.0].clone();
        let parts = self.parts_of(order.lines.iter().filter_map(|l| l.item).collect::<Vec<_>>());
        let mut book = self.book(&parts, &[order.id], false);
        book.allow(order.id, &facts.locations);
        let mut deed = Deed {
            seller: Seller { facts: &facts, notices: &[], carriers: &[] },
            catalogue: &self.catalogue,
            book: &mut book,
            ids: &mut self.ids,
            actor: "test",
            now: self.now,
            effects: Effects::default(),
        };
        let done = act(&mut deed, &mut order);
        let mails = deed.effects.mails;
        if done {
            order.version += 1;
            self.ask(order.id, &mails);
            self.orders.insert(key.clone(), order);
            self.keep(book);
        }
    }

    /// Sends some units of a line off, if they are there to be sent.
    pub fn ship(&mut self, key: &(usize, String), line: usize, units: i64) {
        self.deed(key, |deed, order| {
            let lines: Vec<_> = order.lines.iter().filter(|l| l.to_ship() > 0).collect();
            let Some(line) = lines.get(line % lines.len().max(1)) else {
                return false;
            };
            let lines = vec![(line.no, units.min(line.to_ship()))];
            deed.ship(order, &Shipment { carrier: "yamato".to_owned(), lines, ..Shipment::default() }).is_ok()
        });
    }

    /// Cancels what has not left.
    pub fn cancel(&mut self, key: &(usize, String)) {
        self.deed(key, |deed, order| deed.cancel(order, "test", "").is_ok());
    }

    /// Takes a delivery in.
    pub fn receive(&mut self, item: ItemId, location: LocationId, units: i64) {
        let mut book = self.book(&BTreeSet::from([item]), &[], false);
        let cause = self.cause("received");
        book.take_in(&mut self.ids, &cause, Account::Supplier, (item, location), units, None).unwrap();
        self.keep(book);
    }

    /// Sets a shelf to what was counted.
    pub fn count(&mut self, item: ItemId, location: LocationId, counted: i64) {
        let mut book = self.book(&BTreeSet::from([item]), &[], true);
        let cause = self.cause("counted");
        book.count(&mut self.ids, &cause, (item, location), counted).unwrap();
        self.keep(book);
    }

    /// All locations.
    pub fn locations() -> impl Iterator<Item = LocationId> {
        (0..LOCATIONS).map(location_of)
    }
}
