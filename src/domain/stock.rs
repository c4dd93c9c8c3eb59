//! The stock ledger: every change is an entry that moves a quantity of one item from one account to another.
//!
//! A location's goods lie in two accounts, `available` (free to sell) and `reserved` (held for an order); what is
//! on hand is their sum. Demand beyond what is there moves from `owed` to `short` and back, so that the whole
//! ledger always sums to zero and a shortfall is as visible as a unit on the shelf.

use std::collections::BTreeMap;
use std::fmt;

use banto_channel::{Bilingual, Timestamp, both};

use super::{Ids, ItemId, LineNo, LocationId, OrderId};

mod shelf;

/// An account of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Where goods come from.
    Supplier,
    /// On hand at a location and free to sell.
    Available,
    /// On hand at a location and held for an order.
    Reserved,
    /// The other side of `short`: what the house owes buyers.
    Owed,
    /// Ordered, and not there to be reserved.
    Short,
    /// Gone to buyers.
    Shipped,
    /// Come back from buyers and not yet put back on sale.
    Returned,
    /// Broken, lost, thrown away.
    WrittenOff,
    /// What a stocktake found or missed.
    Counted,
}

impl Account {
    /// The word that stands in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Supplier => "supplier",
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Owed => "owed",
            Self::Short => "short",
            Self::Shipped => "shipped",
            Self::Returned => "returned",
            Self::WrittenOff => "written_off",
            Self::Counted => "counted",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn in_words(self) -> Bilingual {
        match self {
            Self::Supplier => both!("supplier", "仕入先"),
            Self::Available => both!("free to sell", "販売可能"),
            Self::Reserved => both!("reserved", "引当"),
            Self::Owed => both!("owed", "未引当の解消"),
            Self::Short => both!("short", "在庫不足"),
            Self::Shipped => both!("shipped", "出荷"),
            Self::Returned => both!("set aside", "返品保管"),
            Self::WrittenOff => both!("written off", "除却"),
            Self::Counted => both!("counted", "棚卸"),
        }
    }
}

/// One item at one location, derived from its entries and kept beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Free to sell.
    pub available: i64,
    /// Held for orders.
    pub reserved: i64,
    /// Ordered and missing.
    pub short: i64,
    /// Newest entry of this item and location; 0 before the first. It is the level's version.
    pub last_entry: i64,
}

impl Level {
    /// What lies on the shelf.
    #[must_use]
    pub const fn on_hand(&self) -> i64 {
        self.available + self.reserved
    }

    fn account(&mut self, account: Account) -> Option<&mut i64> {
        match account {
            Account::Available => Some(&mut self.available),
            Account::Reserved => Some(&mut self.reserved),
            Account::Short => Some(&mut self.short),
            _ => None,
        }
    }
}

/// One movement, as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id; ids of one item and location grow.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Which item.
    pub item: ItemId,
    /// Where.
    pub location: LocationId,
    /// From which account.
    pub source: Account,
    /// To which account.
    pub target: Account,
    /// How many, always positive.
    pub quantity: i64,
    /// The level after it.
    pub after: Level,
    /// The entry before it for the same item and location; 0 for the first.
    pub prev: i64,
    /// The order line that caused it, if one did.
    pub cause: Option<(OrderId, LineNo)>,
    /// Why, as a stable word.
    pub reason: &'static str,
    /// Who: `channel:honten`, `cli:root`, `daemon`.
    pub actor: String,
}

/// Why an operation on the ledger is refused. Nothing of it has happened then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockError {
    /// Quantities are zero or more; a movement is one or more.
    NotPositive(i64),
    /// The account holds less than was to be taken from it.
    NotEnough {
        /// The account.
        account: Account,
        /// What it holds.
        there: i64,
        /// What was asked for.
        wanted: i64,
    },
    /// A number beyond what the ledger holds.
    TooLarge,
}

impl StockError {
    /// What to tell whoever asked.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        match self {
            Self::NotPositive(n) => both!(
                "{n} is not a quantity; it must be positive",
                "{n}は数量として使えません。1以上の数を入力してください"
            ),
            Self::NotEnough { account, there, wanted } => both!(
                "{name} holds {there}, which is less than {wanted}",
                "「{ja}」は{there}点しかなく、{wanted}点には足りません",
                name = account.name(),
                ja = account.in_words().ja
            ),
            Self::TooLarge => {
                both!("the quantity is too large for the ledger", "数量が大きすぎて登録できません")
            }
        }
    }
}

impl fmt::Display for StockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for StockError {}

/// Largest quantity of one movement and of one account: far above any shop, far below overflow.
pub const QUANTITY_MAX: i64 = 1_000_000_000_000;

/// What one order line holds of one item at one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldKey {
    /// The order.
    pub order: OrderId,
    /// Its line.
    pub line: LineNo,
    /// The item; a set's line holds its components.
    pub item: ItemId,
    /// Where.
    pub location: LocationId,
}

/// How much a hold has and lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Reserved units.
    pub reserved: i64,
    /// Units that were not there.
    pub short: i64,
}

/// What all entries of one operation share.
#[derive(Clone, Debug)]
pub struct Cause {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Why, as a stable word.
    pub reason: &'static str,
}

/// The part of the ledger that one transaction works on: levels and holds as loaded, changed by the operations
/// below, with the entries they made. The store writes back what [`Book::touched`] names.
#[derive(Clone, Debug, Default)]
pub struct Book {
    levels: BTreeMap<(ItemId, LocationId), Level>,
    holds: BTreeMap<HoldKey, Held>,
    /// Entries made since loading, in order.
    pub entries: Vec<Entry>,
    touched_holds: BTreeMap<HoldKey, ()>,
    allowed: BTreeMap<OrderId, Vec<LocationId>>,
}

impl Book {
    /// Puts in a level as it stands in the store.
    pub fn load_level(&mut self, item: ItemId, location: LocationId, level: Level) {
        self.levels.insert((item, location), level);
    }

    /// Puts in a hold as it stands in the store.
    pub fn load_hold(&mut self, key: HoldKey, held: Held) {
        self.holds.insert(key, held);
    }

    /// Says at which locations an order's channel sells, in order of preference; shortfalls are only filled there.
    pub fn allow(&mut self, order: OrderId, locations: &[LocationId]) {
        self.allowed.insert(order, locations.to_vec());
    }

    /// The level of an item at a location; empty if nothing was ever there.
    #[must_use]
    pub fn level(&self, item: ItemId, location: LocationId) -> Level {
        self.levels.get(&(item, location)).copied().unwrap_or_default()
    }

    /// Units of an item that are free at these locations.
    #[must_use]
    pub fn available(&self, item: ItemId, locations: &[LocationId]) -> i64 {
        locations.iter().map(|l| self.level(item, *l).available).sum()
    }

    /// The holds of an order's line, or of the whole order when `line` is `None`.
    #[must_use]
    pub fn holds_of(&self, order: OrderId, line: Option<LineNo>) -> Vec<(HoldKey, Held)> {
        let from = HoldKey { order, line: line.unwrap_or(i64::MIN), item: i64::MIN, location: i64::MIN };
        let to = HoldKey { order, line: line.unwrap_or(i64::MAX), item: i64::MAX, location: i64::MAX };
        self.holds.range(from..=to).map(|(k, h)| (*k, *h)).collect()
    }

    /// Every hold that changed since loading, with its new state; both numbers 0 means that it is gone.
    #[must_use]
    pub fn touched(&self) -> Vec<(HoldKey, Held)> {
        self.touched_holds.keys().map(|k| (*k, self.holds.get(k).copied().unwrap_or_default())).collect()
    }

    /// Items and locations whose level changed, with the new level.
    #[must_use]
    pub fn changed_levels(&self) -> Vec<((ItemId, LocationId), Level)> {
        let mut keys: Vec<_> = self.entries.iter().map(|e| (e.item, e.location)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(|key| (key, self.level(key.0, key.1))).collect()
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one movement has this many parts, and only this file makes one"
    )]
    fn post(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        (item, location): (ItemId, LocationId),
        source: Account,
        target: Account,
        quantity: i64,
        line: Option<(OrderId, LineNo)>,
    ) -> Result<(), StockError> {
        if quantity == 0 {
            return Ok(());
        }
        if quantity < 0 {
            return Err(StockError::NotPositive(quantity));
        }
        let mut level = self.level(item, location);
        if let Some(from) = level.account(source) {
            if *from < quantity {
                return Err(StockError::NotEnough { account: source, there: *from, wanted: quantity });
            }
            *from -= quantity;
        }
        if let Some(to) = level.account(target) {
            *to = to.checked_add(quantity).filter(|n| *n <= QUANTITY_MAX).ok_or(StockError::TooLarge)?;
        }
        let (id, prev) = (ids.next_id(), level.last_entry);
        level.last_entry = id;
        self.levels.insert((item, location), level);
        self.entries.push(Entry {
            id,
            at: cause.at,
            item,
            location,
            source,
            target,
            quantity,
            after: level,
            prev,
            cause: line,
            reason: cause.reason,
            actor: cause.actor.clone(),
        });
        Ok(())
    }

    fn hold(&mut self, key: HoldKey, change: impl FnOnce(&mut Held)) {
        let held = self.holds.entry(key).or_default();
        change(held);
        if *held == Held::default() {
            self.holds.remove(&key);
        }
        self.touched_holds.insert(key, ());
    }

    /// Reserves units for an order's line at `locations`, in order of preference: from one location if one has all
    /// of it, else from several. What is not there becomes a shortfall at the first location.
    ///
    /// Errors: [`StockError::NotPositive`] for a negative quantity, [`StockError::TooLarge`].
    pub fn reserve(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        (order, line): (OrderId, LineNo),
        item: ItemId,
        quantity: i64,
        locations: &[LocationId],
    ) -> Result<(), StockError> {
        if quantity < 0 {
            return Err(StockError::NotPositive(quantity));
        }
        let whole = locations.iter().find(|l| self.level(item, **l).available >= quantity);
        let order_of_use: Vec<LocationId> = match whole {
            Some(location) => vec![*location],
            None => locations.to_vec(),
        };
        let mut left = quantity;
        for location in order_of_use {
            let take = left.min(self.level(item, location).available);
            if take > 0 {
                let at = (item, location);
                self.post(ids, cause, at, Account::Available, Account::Reserved, take, Some((order, line)))?;
                self.hold(HoldKey { order, line, item, location }, |h| h.reserved += take);
                left -= take;
            }
        }
        if let (true, Some(first)) = (left > 0, locations.first()) {
            let at = (item, *first);
            self.post(ids, cause, at, Account::Owed, Account::Short, left, Some((order, line)))?;
            self.hold(HoldKey { order, line, item, location: *first }, |h| h.short += left);
        }
        Ok(())
    }

    /// Gives up units that an order's line holds: what is missing first, then what is reserved, which others that
    /// wait for it then get.
    ///
    /// Errors: [`StockError::NotEnough`] when the line holds less than that.
    pub fn release(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        (order, line): (OrderId, LineNo),
        item: ItemId,
        quantity: i64,
    ) -> Result<(), StockError> {
        let mut left = quantity;
        let holds: Vec<_> =
            self.holds_of(order, Some(line)).into_iter().filter(|(k, _)| k.item == item).collect();
        let there: i64 = holds.iter().map(|(_, h)| h.reserved + h.short).sum();
        if there < quantity {
            return Err(StockError::NotEnough { account: Account::Reserved, there, wanted: quantity });
        }
        for (key, held) in &holds {
            let take = left.min(held.short);
            self.drop_short(ids, cause, *key, take)?;
            left -= take;
        }
        for (key, held) in &holds {
            let take = left.min(held.reserved);
            if take > 0 {
                let at = (item, key.location);
                self.post(ids, cause, at, Account::Reserved, Account::Available, take, Some((order, line)))?;
                self.hold(*key, |h| h.reserved -= take);
                left -= take;
                self.fill(ids, cause, item, key.location)?;
            }
        }
        Ok(())
    }

    fn drop_short(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        key: HoldKey,
        take: i64,
    ) -> Result<(), StockError> {
        let line = Some((key.order, key.line));
        self.post(ids, cause, (key.item, key.location), Account::Short, Account::Owed, take, line)?;
        if take > 0 {
            self.hold(key, |h| h.short -= take);
        }
        Ok(())
    }

    /// Gives free units at a location to those that wait for them, oldest order first.
    fn fill(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        item: ItemId,
        location: LocationId,
    ) -> Result<(), StockError> {
        let waiting: Vec<HoldKey> = self
            .holds
            .iter()
            .filter(|(k, h)| k.item == item && h.short > 0)
            .filter(|(k, _)| {
                k.location == location || self.allowed.get(&k.order).is_some_and(|a| a.contains(&location))
            })
            .map(|(k, _)| *k)
            .collect();
        for key in waiting {
            let short = self.holds.get(&key).map_or(0, |h| h.short);
            let take = short.min(self.level(item, location).available);
            if take == 0 {
                continue;
            }
            let filled = Cause { reason: "shortfall_filled", ..cause.clone() };
            self.drop_short(ids, &filled, key, take)?;
            let line = Some((key.order, key.line));
            self.post(ids, &filled, (item, location), Account::Available, Account::Reserved, take, line)?;
            self.hold(HoldKey { location, ..key }, |h| h.reserved += take);
        }
        Ok(())
    }

    /// Ships units of an order's line. What the line lacked has left all the same: it came off the shelf, so the newest
    /// other orders lose what was held for them there, and only what no shelf had appears as found by counting.
    ///
    /// Errors: [`StockError::NotEnough`] when the line holds less than that.
    pub fn ship(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        (order, line): (OrderId, LineNo),
        item: ItemId,
        quantity: i64,
    ) -> Result<(), StockError> {
        let mut left = quantity;
        let holds: Vec<_> =
            self.holds_of(order, Some(line)).into_iter().filter(|(k, _)| k.item == item).collect();
        let there: i64 = holds.iter().map(|(_, h)| h.reserved + h.short).sum();
        if there < quantity {
            return Err(StockError::NotEnough { account: Account::Reserved, there, wanted: quantity });
        }
        for (key, held) in &holds {
            let take = left.min(held.reserved);
            let at = (item, key.location);
            self.post(ids, cause, at, Account::Reserved, Account::Shipped, take, Some((order, line)))?;
            if take > 0 {
                self.hold(*key, |h| h.reserved -= take);
            }
            left -= take;
        }
        for (key, held) in &holds {
            let take = left.min(held.short);
            if take > 0 {
                self.drop_short(ids, cause, *key, take)?;
                self.ship_unreserved(ids, cause, (order, line), (item, key.location), take)?;
                left -= take;
            }
        }
        Ok(())
    }

    /// Ships units that no order line holds (an order that was first seen when it had already left).
    ///
    /// Errors: [`StockError::NotPositive`].
    pub fn ship_unheld(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        line: (OrderId, LineNo),
        item: ItemId,
        quantity: i64,
        locations: &[LocationId],
    ) -> Result<(), StockError> {
        self.reserve(ids, cause, line, item, quantity, locations)?;
        self.ship(ids, cause, line, item, quantity)
    }
}
