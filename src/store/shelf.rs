//! What the stock pages read: items by what is asked for, page by page and with bounded work; an item's history; how long
//! its goods last. And the two things a stockroom does there: book a slip, and correct a number that somebody saw.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Timestamp, both};

use super::db::args;
use super::sql::{self, texts};
use super::tables::{self, ComponentRow, EntryRow, ItemRow, ItemTermRow, LevelRow, ListingRow};
use super::{Holding, Moved, Result, SalesWindow, StockAct, Store, StoreError, Write, keys};
use crate::domain::stock::{Account, Level, StockError};
use crate::domain::{ItemId, LocationId, OrderId, naming};

texts! {
    SHELF_TERMS = "SELECT CAST(COUNT(*) AS BIGINT) FROM (\
        SELECT item_id FROM item_term WHERE term >= $1 AND term < $2 LIMIT $3) t";
    // CROSS JOIN has SQLite go from the few to their items, and not along all items by code.
    SHELF_FOUND_FEW = "SELECT i.* FROM (SELECT DISTINCT item_id FROM item_term WHERE term >= $1 AND term < $2) f \
        CROSS JOIN item i WHERE i.id = f.item_id AND i.code > $7 \
        AND EXISTS (SELECT 1 FROM item_term t WHERE t.item_id = i.id AND t.term >= $3 AND t.term < $4) \
        AND EXISTS (SELECT 1 FROM item_term t WHERE t.item_id = i.id AND t.term >= $5 AND t.term < $6) \
        ORDER BY i.code LIMIT $8";
    SHELF_FOUND_MANY = "SELECT i.* FROM item i WHERE i.code > $7 AND i.code <= $9 \
        AND EXISTS (SELECT 1 FROM item_term t WHERE t.item_id = i.id AND t.term >= $1 AND t.term < $2) \
        AND EXISTS (SELECT 1 FROM item_term t WHERE t.item_id = i.id AND t.term >= $3 AND t.term < $4) \
        AND EXISTS (SELECT 1 FROM item_term t WHERE t.item_id = i.id AND t.term >= $5 AND t.term < $6) \
        ORDER BY i.code LIMIT $8";
    SHELF_UNLISTED = "SELECT i.* FROM item i WHERE i.code > $1 AND i.code <= $3 \
        AND NOT EXISTS (SELECT 1 FROM listing l WHERE l.item_id = i.id) ORDER BY i.code LIMIT $2";
    SHELF_WINDOW = "SELECT MAX(code), CAST(COUNT(*) AS BIGINT) FROM (\
        SELECT code FROM item WHERE code > $1 ORDER BY code LIMIT $2) w";
    SHELF_OF_IDS = "SELECT i.* FROM jsonb_each($1) k CROSS JOIN item i WHERE i.id = CAST(k.value ->> 0 AS BIGINT) \
        AND i.code > $2 ORDER BY i.code LIMIT $3";
    // `item_id > 0` and `channel_id > 0` keep SQLite on the small indexes of those that are short, that failed, that drift.
    SHELF_SHORT = "SELECT i.* FROM (SELECT DISTINCT item_id FROM reservation WHERE short > 0 AND item_id > 0 \
        ORDER BY item_id LIMIT $1) f CROSS JOIN item i WHERE i.id = f.item_id AND i.code > $2 ORDER BY i.code LIMIT $3";
    SHELF_FAILED = "SELECT i.* FROM (SELECT DISTINCT item_id FROM (SELECT item_id FROM listing \
        WHERE error IS NOT NULL AND channel_id > 0 LIMIT $1) l) f CROSS JOIN item i \
        WHERE i.id = f.item_id AND i.code > $2 ORDER BY i.code LIMIT $3";
    SHELF_DRIFT = "SELECT i.* FROM (SELECT DISTINCT item_id FROM (SELECT item_id FROM listing \
        WHERE answered <> shown AND answered_at > shown_at AND channel_id > 0 LIMIT $1) l) f CROSS JOIN item i \
        WHERE i.id = f.item_id AND i.code > $2 ORDER BY i.code LIMIT $3";
    SHELF_BEST = "SELECT item_id FROM sales_item_month WHERE month = $1 AND channel_id = 0 AND currency = $2 \
        ORDER BY total DESC LIMIT $3";
    SHELF_GTINS = "SELECT * FROM item WHERE gtin IN (SELECT value ->> 0 FROM jsonb_each($1)) ORDER BY code LIMIT 10";
    SHELF_TERM_ITEMS = "SELECT i.* FROM item_term t CROSS JOIN item i WHERE t.term = $1 AND i.id = t.item_id \
        ORDER BY i.code LIMIT 10";
    SHELF_LACKING = "SELECT DISTINCT order_id FROM reservation WHERE short > 0 AND item_id = $1 ORDER BY order_id LIMIT $2";
    // CROSS JOIN has SQLite go from the orders to their reservations. There is no way from an item to its reservations:
    // an index by item would cost each order that comes in more than all else that is written of its reservation.
    SHELF_HOLDINGS = "SELECT r.order_id, c.name AS channel, o.number, r.line_no, r.item_id, r.location_id, \
        r.reserved, r.short FROM jsonb_each($2) k CROSS JOIN reservation r JOIN orders o ON o.id = r.order_id \
        JOIN channel c ON c.id = o.channel_id WHERE r.order_id = CAST(k.value ->> 0 AS BIGINT) AND r.item_id = $1 \
        ORDER BY r.order_id, r.line_no, r.location_id LIMIT $3";
    // The ledger of one shelf, from an entry back, as far as it is asked for.
    SHELF_HOLDERS = "WITH RECURSIVE past (n, prev_id, order_id, units) AS (\
        SELECT CAST(1 AS BIGINT), prev_id, order_id, CASE WHEN target = 'reserved' THEN quantity ELSE 0 END \
            - CASE WHEN source = 'reserved' THEN quantity ELSE 0 END FROM entry WHERE id = $1 UNION ALL \
        SELECT p.n + 1, e.prev_id, e.order_id, CASE WHEN e.target = 'reserved' THEN e.quantity ELSE 0 END \
            - CASE WHEN e.source = 'reserved' THEN e.quantity ELSE 0 END \
            FROM past p CROSS JOIN entry e WHERE e.id = p.prev_id AND p.n < $2) \
        SELECT order_id, CAST(SUM(units) AS BIGINT) FROM past WHERE order_id IS NOT NULL \
        GROUP BY order_id HAVING SUM(units) > 0 ORDER BY order_id";
    SHELF_PAST = "WITH RECURSIVE past (n, id, prev_id, at, location_id, available, reserved) AS (\
        SELECT CAST(1 AS BIGINT), id, prev_id, at, location_id, available_after, reserved_after FROM entry WHERE id = $1 \
        UNION ALL SELECT p.n + 1, e.id, e.prev_id, e.at, e.location_id, e.available_after, e.reserved_after \
            FROM past p CROSS JOIN entry e WHERE e.id = p.prev_id AND p.n < $2 AND p.at >= $3) \
        SELECT id, at, location_id, available, reserved FROM past ORDER BY id";
    SHELF_UNNAMED = "SELECT * FROM item i WHERE id > $1 \
        AND NOT EXISTS (SELECT 1 FROM item_term t WHERE t.item_id = i.id) ORDER BY id LIMIT $2";
    SHELF_UNNAME = "DELETE FROM item_term WHERE item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
}

/// Terms that one word may bring before items are looked through by code instead.
const FEW: i64 = 2_000;
/// Items looked through by code for one page; the next page goes on there.
const WINDOW: i64 = 4_000;
/// Items of a filter that are looked at: short, failed, drifting.
const FILTERED: i64 = 3_000;
/// Best sellers of this month and of the last that are asked how long they last.
pub const BEST_SELLERS: i64 = 300;
/// Movements of an item that are followed back for the orders that hold it: at first, and at most.
const HOLDS_FIRST: i64 = 80;
const HOLDS_LOOKED: i64 = 1_200;
/// Items named in one statement.
const BATCH: i64 = 2_000;
/// The last text of all.
const END: &str = "\u{10ffff}";

/// Which items to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShelfFilter<'a> {
    /// All.
    All,
    /// Orders lack units of them.
    Short,
    /// The last push of one of their listings failed.
    Failed,
    /// A channel says another number than it was told last.
    Drift,
    /// No channel offers them.
    Unlisted,
    /// At the pace of their sales they last less than so many days; best sellers in this currency.
    RunningOut {
        /// Days.
        days: i64,
        /// How sales are measured.
        window: SalesWindow,
        /// ISO 4217.
        currency: &'a str,
    },
}

/// A page of items by code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShelfPage {
    /// The items.
    pub items: Vec<ItemRow>,
    /// Go on after this code; `None` at the end.
    pub next: Option<String>,
    /// There is more than the items, yet only so many were looked through.
    pub looked_through: Option<i64>,
}

impl ShelfPage {
    /// Where the page ends because only a window of the items was looked through, the next one goes on behind it.
    fn within(self, window: Window) -> Self {
        if self.next.is_some() || !window.more {
            return self;
        }
        Self { next: Some(window.end), looked_through: Some(WINDOW), ..self }
    }
}

/// Items that are looked through for one page.
struct Window {
    /// The last one's code.
    end: String,
    /// There are others behind it.
    more: bool,
}

/// What lay on a shelf after a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct PastLevel {
    /// The movement.
    pub id: i64,
    /// When, microseconds since 1970.
    pub at: i64,
    /// The location.
    pub location_id: LocationId,
    /// Units that were free.
    pub available: i64,
    /// Units that were held for orders.
    pub reserved: i64,
}

/// What a scanner's text stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// This item.
    One(Box<ItemRow>),
    /// Several items have this JAN.
    Several(Vec<ItemRow>),
    /// Nothing known.
    Unknown,
}

/// Levels of items: their own, and for a set what its parts make.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    own: HashMap<ItemId, Vec<LevelRow>>,
    parts: HashMap<ItemId, Vec<(ItemId, i64)>>,
}

impl Levels {
    /// The sum of all locations, or of one. A set has whole sets available, and nothing of its own.
    #[must_use]
    pub fn of(&self, item: ItemId, location: Option<LocationId>) -> Level {
        let Some(parts) = self.parts.get(&item) else { return self.sum(item, location) };
        let whole = |(part, n): &(ItemId, i64)| self.sum(*part, location).available / (*n).max(1);
        Level { available: parts.iter().map(whole).min().unwrap_or(0), ..Level::default() }
    }

    /// What a set is made of.
    #[must_use]
    pub fn parts(&self, item: ItemId) -> &[(ItemId, i64)] {
        self.parts.get(&item).map_or(&[], Vec::as_slice)
    }

    fn sum(&self, item: ItemId, location: Option<LocationId>) -> Level {
        let rows = self.own.get(&item).into_iter().flatten();
        rows.filter(|l| location.is_none_or(|at| at == l.location_id)).fold(Level::default(), |sum, l| {
            Level {
                available: sum.available + l.available,
                reserved: sum.reserved + l.reserved,
                short: sum.short + l.short,
                last_entry: sum.last_entry.max(l.last_entry),
            }
        })
    }
}

impl Store {
    /// A page of items: those after the code `after` that a filter and the words of a search leave, at most `limit`.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn shelf(
        &self,
        filter: ShelfFilter<'_>,
        words: &[String],
        after: &str,
        limit: i64,
    ) -> Result<ShelfPage> {
        let most = if words.is_empty() { limit + 1 } else { i64::MAX };
        let text = match filter {
            ShelfFilter::All if words.is_empty() => {
                return Ok(cut(self.items(after, limit + 1).await?, limit));
            }
            ShelfFilter::All => return self.found(words, after, limit).await,
            ShelfFilter::Unlisted => return self.unlisted(words, after, limit).await,
            ShelfFilter::Short => SHELF_SHORT,
            ShelfFilter::Failed => SHELF_FAILED,
            ShelfFilter::Drift => SHELF_DRIFT,
            ShelfFilter::RunningOut { days, window, currency } => {
                let ids = keys(self.running_out(days, window, currency).await?)?;
                let rows: Vec<ItemRow> = self.db.all(SHELF_OF_IDS, args![&ids, after, most]).await?;
                return Ok(cut(named(rows, words), limit));
            }
        };
        let rows: Vec<ItemRow> = self.db.all(text, args![FILTERED, after, most]).await?;
        Ok(cut(named(rows, words), limit))
    }

    async fn found(&self, words: &[String], after: &str, limit: i64) -> Result<ShelfPage> {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let ends: [String; 3] = std::array::from_fn(|at| format!("{}{END}", word(at)));
        let count: Option<(i64,)> = self.db.first(SHELF_TERMS, args![word(0), &ends[0], FEW]).await?;
        let few = count.is_none_or(|row| row.0 < FEW);
        let range = args![word(0), &ends[0], word(1), &ends[1], word(2), &ends[2], after, limit + 1];
        if few {
            return Ok(cut(self.db.all(SHELF_FOUND_FEW, range).await?, limit));
        }
        let Some(window) = self.window(after).await? else { return Ok(ShelfPage::default()) };
        let range: Vec<_> = range.iter().copied().chain(args![&window.end].iter().copied()).collect();
        let page = cut(self.db.all(SHELF_FOUND_MANY, &range).await?, limit);
        Ok(page.within(window))
    }

    async fn unlisted(&self, words: &[String], after: &str, limit: i64) -> Result<ShelfPage> {
        let most = if words.is_empty() { limit + 1 } else { WINDOW };
        let Some(window) = self.window(after).await? else { return Ok(ShelfPage::default()) };
        let rows: Vec<ItemRow> = self.db.all(SHELF_UNLISTED, args![after, most, &window.end]).await?;
        Ok(cut(named(rows, words), limit).within(window))
    }

    /// The items that are looked through for one page; `None` where there are none left.
    async fn window(&self, after: &str) -> Result<Option<Window>> {
        let end: Option<(Option<String>, i64)> = self.db.first(SHELF_WINDOW, args![after, WINDOW]).await?;
        Ok(end.and_then(|(end, n)| Some(Window { end: end?, more: n == WINDOW })))
    }

    async fn running_out(&self, days: i64, window: SalesWindow, currency: &str) -> Result<BTreeSet<ItemId>> {
        let mut items: BTreeSet<ItemId> = BTreeSet::new();
        for month in [window.month - 1, window.month] {
            let rows: Vec<(ItemId,)> = self.db.all(SHELF_BEST, args![month, currency, BEST_SELLERS]).await?;
            items.extend(rows.into_iter().map(|row| row.0));
        }
        let levels = self.levels(&items).await?;
        // What sells as a set runs out where its parts do.
        let goods: BTreeSet<ItemId> = items
            .iter()
            .flat_map(|item| match levels.parts(*item) {
                [] => vec![*item],
                parts => parts.iter().map(|(part, _)| *part).collect(),
            })
            .collect();
        let pace = self.pace(&goods, window).await?;
        let lasts = |item: &ItemId| pace.get(item)?.lasts(levels.of(*item, None).available);
        Ok(goods.into_iter().filter(|item| lasts(item).is_some_and(|n| n < days)).collect())
    }

    /// Levels of these items and, for sets, of their parts.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn levels(&self, items: &BTreeSet<ItemId>) -> Result<Levels> {
        let mut levels = Levels::default();
        for row in self.components_of(items).await? {
            levels.parts.entry(row.set_id).or_default().push((row.item_id, row.quantity));
        }
        let mut all = items.clone();
        all.extend(levels.parts.values().flatten().map(|(part, _)| *part));
        for row in self.levels_of(&all).await? {
            levels.own.entry(row.item_id).or_default().push(row);
        }
        Ok(levels)
    }

    /// What an item is made of, and the sets that it is in, with how many of it.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn made_of(&self, item: ItemId) -> Result<(Vec<(ItemRow, i64)>, Vec<(ItemRow, i64)>)> {
        let parts = self.components_of(&BTreeSet::from([item])).await?;
        let sets: Vec<ComponentRow> = self.db.all(sql::SETS_WITH, args![&keys([item])?]).await?;
        let ids = parts.iter().map(|c| c.item_id).chain(sets.iter().map(|c| c.set_id)).collect();
        let rows = self.items_of(&ids).await?;
        let named = |id: ItemId, n: i64| Some((rows.get(&id)?.clone(), n));
        let parts = parts.iter().filter_map(|c| named(c.item_id, c.quantity)).collect();
        Ok((parts, sets.iter().filter_map(|c| named(c.set_id, c.quantity)).collect()))
    }

    /// Listings of these items themselves, by key.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings_of(&self, items: &BTreeSet<ItemId>) -> Result<Vec<ListingRow>> {
        self.db.all(sql::LISTINGS_OF_ITEMS, args![&keys(items)?]).await
    }

    /// Items by code; those that are not there are left out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn items_by_code(&self, codes: &[&str]) -> Result<BTreeMap<String, ItemRow>> {
        let rows: Vec<ItemRow> = self.db.all(sql::ITEMS_BY_CODES, args![&keys(codes)?]).await?;
        Ok(rows.into_iter().map(|r| (r.code.clone(), r)).collect())
    }

    /// What a scanner or a person typed at the shelf: a code, or a JAN with or without leading zeros.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn scanned(&self, text: &str) -> Result<Scanned> {
        let text = text.trim();
        let exact: Option<ItemRow> = self.db.first(sql::ITEM_BY_CODE, args![text]).await?;
        if let Some(item) = exact {
            return Ok(Scanned::One(Box::new(item)));
        }
        let mut rows: Vec<ItemRow> = self.db.all(SHELF_GTINS, args![&keys(gtins(text))?]).await?;
        if rows.is_empty() {
            let folded = crate::domain::mapping::fold(text);
            let term =
                naming::words(&text.replace(char::is_whitespace, "")).into_iter().next().unwrap_or_default();
            rows = self.db.all(SHELF_TERM_ITEMS, args![&term]).await?;
            rows.retain(|row| !folded.is_empty() && crate::domain::mapping::fold(&row.code) == folded);
        }
        Ok(match rows.len() {
            0 => Scanned::Unknown,
            1 => rows.pop().map_or(Scanned::Unknown, |row| Scanned::One(Box::new(row))),
            _ => Scanned::Several(rows),
        })
    }

    /// Orders that hold or wait for an item, oldest first, at most `limit` lines. Where more than a thousand movements lie
    /// behind the oldest hold, those of the newest 1,200 movements at each location.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn first_holdings(&self, item: ItemId, limit: i64) -> Result<Vec<Holding>> {
        let lacking: Vec<(OrderId,)> = self.db.all(SHELF_LACKING, args![item, limit]).await?;
        let mut orders: BTreeSet<OrderId> = lacking.into_iter().map(|row| row.0).collect();
        for level in self.levels_of(&BTreeSet::from([item])).await? {
            orders.extend(self.reserved_by(&level).await?);
        }
        self.db.all(SHELF_HOLDINGS, args![item, &keys(orders)?, limit]).await
    }

    /// Lines that lack units of an item, oldest order first, at most `limit`.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn waiting_for(&self, item: ItemId, limit: i64) -> Result<Vec<Holding>> {
        let lacking: Vec<(OrderId,)> = self.db.all(SHELF_LACKING, args![item, limit]).await?;
        let orders = keys(lacking.into_iter().map(|row| row.0))?;
        let mut lines: Vec<Holding> = self.db.all(SHELF_HOLDINGS, args![item, &orders, limit]).await?;
        lines.retain(|line| line.short > 0);
        Ok(lines)
    }

    /// The orders that hold units of a level: every unit came there by a movement, and whoever follows these back until
    /// all reserved units are found has seen all orders.
    async fn reserved_by(&self, level: &LevelRow) -> Result<BTreeSet<OrderId>> {
        if level.reserved == 0 {
            return Ok(BTreeSet::new());
        }
        let mut held: Vec<(OrderId, i64)> = Vec::new();
        for most in [HOLDS_FIRST, HOLDS_LOOKED] {
            held = self.db.all(SHELF_HOLDERS, args![level.last_entry, most]).await?;
            if held.iter().map(|(_, units)| units).sum::<i64>() >= level.reserved {
                break;
            }
        }
        Ok(held.into_iter().map(|(order, _)| order).collect())
    }

    /// What lay on the shelves that these entries head, after each movement since a time and after the one before it; of
    /// each shelf the newest `most` movements. Oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn past_levels(&self, heads: &[i64], since: Timestamp, most: i64) -> Result<Vec<PastLevel>> {
        let mut all: Vec<PastLevel> = Vec::new();
        for head in heads {
            all.extend(self.db.all::<PastLevel>(SHELF_PAST, args![*head, most, since.0]).await?);
        }
        all.sort_by_key(|level| level.id);
        Ok(all)
    }

    /// An item's movements from these entries of its locations back, newest first, at most `limit`; and the entries from
    /// which to go on, none at the end.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn history(
        &self,
        item: ItemId,
        heads: &[i64],
        limit: usize,
    ) -> Result<(Vec<EntryRow>, Vec<i64>)> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut all: Vec<EntryRow> = Vec::new();
        for head in heads {
            all.extend(self.entry_chain(*head, most).await?.into_iter().filter(|e| e.item_id == item));
        }
        all.sort_by_key(|e| std::cmp::Reverse(e.id));
        let rest = all.split_off(all.len().min(limit));
        let mut next: BTreeMap<LocationId, i64> = BTreeMap::new();
        for entry in &all {
            next.insert(entry.location_id, entry.prev_id);
        }
        // A location of which nothing fitted begins where it would have begun here.
        for entry in rest {
            next.entry(entry.location_id).or_insert(entry.id);
        }
        Ok((all, next.into_values().filter(|id| *id > 0).collect()))
    }

    /// Takes a slip of goods in, all of it or nothing: code and quantity of each line. With `returned` they are goods that
    /// were set aside. `act.code` is not looked at.
    ///
    /// Errors: as [`Store::receive_stock`]; nothing was written then.
    pub async fn receive_slip(
        &self,
        lines: &[(String, i64)],
        act: &StockAct<'_>,
        returned: bool,
    ) -> Result<Vec<Moved>> {
        let source = if returned { Account::Returned } else { Account::Supplier };
        let reason = if returned { "returned_restocked" } else { "received" };
        let mut write = self.write().await?;
        let mut done = Vec::with_capacity(lines.len());
        for (code, quantity) in lines {
            let act = StockAct { code, ..*act };
            let item = write.sold_item(code).await?;
            if returned {
                write.enough_returned(&item, *quantity).await?;
            }
            let moved =
                write.move_stock(&act, item, (reason, *quantity), |book, ids, cause, at| match *quantity {
                    1.. => book.take_in(ids, cause, source, at, *quantity, None),
                    _ => Err(StockError::NotPositive(*quantity)),
                });
            done.push(moved.await?);
        }
        write.commit().await?;
        Ok(done)
    }

    /// As [`Store::set_stock`], for somebody who saw the shelf as it was after the entry `seen`.
    ///
    /// Errors: [`StoreError::Refused`] when it has moved since.
    pub async fn set_stock_seen(&self, act: &StockAct<'_>, counted: i64, seen: i64) -> Result<Moved> {
        let mut write = self.write().await?;
        let item = write.sold_item(act.code).await?;
        let levels: Vec<LevelRow> = write.tx.all(sql::LEVELS_OF, args![&keys([item.id])?]).await?;
        let level =
            levels.iter().find(|l| l.location_id == act.location.id).map(LevelRow::level).unwrap_or_default();
        if level.last_entry != seen {
            return Err(StoreError::Refused(both!(
                "{code} at {place} has moved since you looked: {there} are on hand now; look again and correct that \
                 number",
                "{code}（{place}）は表示した後に動きました。現在の実在庫は{there}点です。確認して入力し直してください",
                code = item.code,
                place = act.location.code,
                there = level.on_hand()
            )));
        }
        let done = write.move_stock(act, item, ("set", counted), |book, ids, cause, at| {
            book.count(ids, cause, at, counted)
        });
        let done = done.await?;
        write.commit().await?;
        Ok(done)
    }

    /// Gives items that have no terms theirs: those that were made before there were terms.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`].
    pub(super) async fn name_items(&self) -> Result<()> {
        let mut after = 0;
        loop {
            // At nearly every start there are none, which only going through all tells.
            let rows: Vec<ItemRow> = self.db.all_through(SHELF_UNNAMED, args![after, BATCH]).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            let mut write = self.write().await?;
            write.name_items(&rows).await?;
            write.commit().await?;
        }
    }
}

impl Write {
    /// Brings the terms of these items up to date.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn name_items(&mut self, rows: &[ItemRow]) -> Result<()> {
        self.tx.run(SHELF_UNNAME, args![&keys(rows.iter().map(|r| r.id))?]).await?;
        let terms = |row: &ItemRow| {
            let terms = naming::terms(&row.code, row.gtin.as_deref(), &row.name);
            terms.into_iter().map(|term| ItemTermRow { item_id: row.id, term }).collect::<Vec<_>>()
        };
        let terms: Vec<ItemTermRow> = rows.iter().flat_map(terms).collect();
        for batch in terms.chunks(10_000) {
            tables::insert(&mut self.tx, batch).await?;
        }
        Ok(())
    }
}

/// Cuts rows to a page; one more than fits says that there is another.
fn cut(mut items: Vec<ItemRow>, limit: i64) -> ShelfPage {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|i| i.code.clone());
    ShelfPage { items, next, looked_through: None }
}

fn named(mut items: Vec<ItemRow>, words: &[String]) -> Vec<ItemRow> {
    if !words.is_empty() {
        items.retain(|i| naming::has_all(&naming::terms(&i.code, i.gtin.as_deref(), &i.name), words));
    }
    items
}

/// The forms in which a scanned JAN may stand in the store: as it is, and filled up with zeros or without them.
fn gtins(text: &str) -> BTreeSet<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 6 || digits.len() > 14 || text.chars().any(char::is_alphabetic) {
        return BTreeSet::from([text.to_owned()]);
    }
    let bare = digits.trim_start_matches('0');
    [8, 12, 13, 14]
        .map(|n| format!("{bare:0>n$}"))
        .into_iter()
        .chain([digits.clone(), bare.to_owned()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jan_is_known_in_every_length() {
        assert!(gtins("036000291452").contains("0036000291452"), "a UPC is a JAN with a zero before it");
        assert!(gtins("04901234567894").contains("4901234567894"));
        assert_eq!(gtins("TEA-490123"), BTreeSet::from(["TEA-490123".to_owned()]));
    }
}
