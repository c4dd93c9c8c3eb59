//! What people do to stock: receive, set, count, write off. Each change is an entry in the ledger and a line in the
//! audit, and the orders that wait are served in the same transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Bilingual, Timestamp, both};

use super::db::args;
use super::tables::{EntryRow, ItemRow, LevelRow, LocationRow, ReservationRow};
use super::{Holding, Result, Store, StoreError, Write, keys, sql};
use crate::domain::catalogue::{CountLine, Remark};
use crate::domain::stock::{Account, Book, Cause, Held, HoldKey, Level, StockError};
use crate::domain::{Ids, ItemId, LocationId, OrderId};

/// A change of stock by a person.
#[derive(Clone, Copy, Debug)]
pub struct StockAct<'a> {
    /// Code of the item.
    pub code: &'a str,
    /// Where.
    pub location: &'a LocationRow,
    /// Who.
    pub actor: &'a str,
    /// Why, in the person's own words; may be empty.
    pub note: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The item.
    pub item: ItemRow,
    /// The shelf before.
    pub before: Level,
    /// The shelf after.
    pub after: Level,
    /// Orders that lack units of the item now.
    pub waiting: Vec<Holding>,
    /// Orders that waited and got all they lacked.
    pub served: Vec<String>,
}

/// What a write-off may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOff {
    /// Free goods only.
    Free,
    /// Goods held for orders, too: the newest orders then wait.
    EvenReserved,
    /// Goods that buyers sent back and that were set aside.
    Returned,
}

/// One shelf of a stocktake.
#[derive(Clone, Debug)]
pub struct CountRow {
    /// The line of the sheet.
    pub line: u64,
    /// The item.
    pub item: ItemRow,
    /// Where.
    pub location: LocationRow,
    /// The shelf as the ledger has it; `last_entry` tells whether it moved since.
    pub level: Level,
    /// What was counted.
    pub counted: i64,
}

/// A stocktake beside the ledger.
#[derive(Clone, Debug, Default)]
pub struct CountPlan {
    /// Newest movement when the ledger was read.
    pub as_of: i64,
    /// What was counted.
    pub rows: Vec<CountRow>,
    /// Lines that cannot be taken, and why.
    pub faults: Vec<Remark>,
    /// Codes of items that lie at a counted location and are not in the sheet.
    pub uncounted: Vec<String>,
}

impl CountRow {
    /// Counted less expected.
    #[must_use]
    pub const fn difference(&self) -> i64 {
        self.counted - self.level.on_hand()
    }

    /// The difference at the item's price, minor units; `None` without a price.
    #[must_use]
    pub fn value(&self) -> Option<i64> {
        self.item.price?.checked_mul(self.difference())
    }
}

impl Store {
    /// Takes goods in: a delivery, or with `returned` goods that were set aside and are sold again. Orders that wait
    /// get theirs first.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] for a set, or when fewer were set aside.
    pub async fn receive_stock(&self, act: &StockAct<'_>, quantity: i64, returned: bool) -> Result<Moved> {
        let (source, reason) = if returned {
            (Account::Returned, "returned_restocked")
        } else {
            (Account::Supplier, "received")
        };
        let mut write = self.write().await?;
        let item = write.sold_item(act.code).await?;
        if returned {
            write.enough_returned(&item, quantity).await?;
        }
        let done = write.move_stock(act, item, (reason, quantity), |book, ids, cause, at| match quantity {
            1.. => book.take_in(ids, cause, source, at, quantity, None),
            _ => Err(StockError::NotPositive(quantity)),
        });
        let done = done.await?;
        write.commit().await?;
        Ok(done)
    }

    /// Says how many lie on the shelf, reserved ones included.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] for a set; [`StoreError::Stock`].
    pub async fn set_stock(&self, act: &StockAct<'_>, counted: i64) -> Result<Moved> {
        let mut write = self.write().await?;
        let item = write.sold_item(act.code).await?;
        let done = write.move_stock(act, item, ("set", counted), |book, ids, cause, at| {
            book.count(ids, cause, at, counted)
        });
        let done = done.await?;
        write.commit().await?;
        Ok(done)
    }

    /// Writes goods off.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] for a set, or when less is there than that.
    pub async fn write_off_stock(&self, act: &StockAct<'_>, quantity: i64, what: WriteOff) -> Result<Moved> {
        let mut write = self.write().await?;
        let item = write.sold_item(act.code).await?;
        if what == WriteOff::Returned {
            write.enough_returned(&item, quantity).await?;
        }
        let done =
            write.move_stock(act, item, ("written_off", quantity), |book, ids, cause, at| match what {
                WriteOff::Free => book.write_off(ids, cause, at, quantity, false),
                WriteOff::EvenReserved => book.write_off(ids, cause, at, quantity, true),
                WriteOff::Returned => book.write_off_returned(ids, cause, at, quantity),
            });
        let done = done.await?;
        write.commit().await?;
        Ok(done)
    }

    /// Puts a stocktake beside the ledger; changes nothing. With `sum`, lines of one shelf are added up, otherwise a
    /// second one is a fault.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn plan_count(
        &self,
        lines: &[CountLine],
        default: &LocationRow,
        sum: bool,
    ) -> Result<CountPlan> {
        // Read first: what moves from here on is found when the count is committed.
        let as_of = self.newest_entry().await?;
        let names = Names::of(self.db.all(sql::ITEMS_ALL, args![]).await?);
        let locations = self.locations().await?;
        let mut plan = CountPlan { as_of, ..CountPlan::default() };
        let mut shelves: BTreeMap<(ItemId, LocationId), usize> = BTreeMap::new();
        for line in lines {
            let found = names.find(line).and_then(|item| Ok((item, shelf(line, &locations, default)?)));
            let (item, location) = match found {
                Ok(found) => found,
                Err(why) => {
                    plan.faults.push(Remark::new(line.line, why));
                    continue;
                }
            };
            match shelves.get(&(item.id, location.id)) {
                Some(at) if sum => plan.rows[*at].counted += line.counted,
                Some(at) => {
                    let first = plan.rows[*at].line;
                    let what = both!(
                        "{code} stands in line {first} already",
                        "{code}はすでに{first}行目にあります",
                        code = item.code
                    );
                    plan.faults.push(Remark::new(line.line, what));
                }
                None => {
                    shelves.insert((item.id, location.id), plan.rows.len());
                    let row = CountRow {
                        line: line.line,
                        item,
                        location,
                        level: Level::default(),
                        counted: line.counted,
                    };
                    plan.rows.push(row);
                }
            }
        }
        let levels: Vec<LevelRow> = self.db.all(sql::LEVELS_ALL, args![]).await?;
        let counted_at: BTreeSet<LocationId> = plan.rows.iter().map(|r| r.location.id).collect();
        for level in levels {
            match shelves.get(&(level.item_id, level.location_id)) {
                Some(at) => plan.rows[*at].level = level.level(),
                None if counted_at.contains(&level.location_id) && level.level().on_hand() > 0 => {
                    plan.uncounted.extend(names.code(level.item_id));
                }
                None => {}
            }
        }
        plan.uncounted.dedup();
        Ok(plan)
    }

    /// Makes the ledger say what was counted, all of it or nothing. Returns the places in `rows` of shelves that
    /// moved since `rows` (or, if given, since the movement `as_of`); nothing was written then.
    ///
    /// Errors: [`StoreError::Stock`], [`StoreError::Sql`]; nothing was written then.
    pub async fn commit_count(
        &self,
        rows: &[CountRow],
        as_of: Option<i64>,
        (actor, source): (&str, &str),
        now: Timestamp,
    ) -> Result<Vec<usize>> {
        let mut write = self.write().await?;
        let mut book = write.shelves(&rows.iter().map(|r| r.item.id).collect()).await?;
        let has_moved = |row: &CountRow| {
            let last = book.level(row.item.id, row.location.id).last_entry;
            last != row.level.last_entry || as_of.is_some_and(|as_of| last > as_of)
        };
        let moved: Vec<usize> = (0..rows.len()).filter(|at| has_moved(&rows[*at])).collect();
        if !moved.is_empty() {
            return Ok(moved);
        }
        let cause = Cause { at: now, actor: actor.to_owned(), reason: "counted" };
        for row in rows {
            book.count(&mut write.ids, &cause, (row.item.id, row.location.id), row.counted)?;
        }
        write.write_book(book).await?;
        let differ = rows.iter().filter(|r| r.difference() != 0).count();
        let detail = format!("{} shelves counted, {differ} differed", rows.len());
        let states = (&*on_hand(rows, |row| row.level.on_hand()), &*on_hand(rows, |row| row.counted));
        write.audit_change(actor, "stock_count", source, &detail, states, now).await?;
        write.commit().await?;
        Ok(Vec::new())
    }

    /// The newest movements of one item at one location, newest first, from the level's `last_entry` back.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn entry_chain(&self, last_entry: i64, limit: i64) -> Result<Vec<EntryRow>> {
        self.db.all(sql::ENTRY_CHAIN, args![last_entry, limit]).await
    }
}

impl Write {
    /// An item that has stock of its own.
    pub(super) async fn sold_item(&mut self, code: &str) -> Result<ItemRow> {
        let item: Option<ItemRow> = self.tx.first(sql::ITEM_BY_CODE, args![code]).await?;
        let item = item.ok_or_else(|| super::items::no_item(code))?;
        if item.is_set {
            return Err(StoreError::Refused(both!(
                "{code} is a set; its stock is that of its parts",
                "{code}はセット商品です。在庫は構成品から計算されます"
            )));
        }
        Ok(item)
    }

    pub(super) async fn enough_returned(&mut self, item: &ItemRow, quantity: i64) -> Result<()> {
        let row: Option<(i64,)> = self.tx.first(sql::RETURNED_OF_ITEM, args![item.id]).await?;
        let there = row.map_or(0, |r| r.0);
        if there < quantity {
            let code = &item.code;
            return Err(StoreError::Refused(both!(
                "{there} returned units of {code} are set aside, not {quantity}",
                "{code}の返品保管は{there}点です。{quantity}点はありません"
            )));
        }
        Ok(())
    }

    /// The levels of these items with every hold on them, so that a hold can be taken away.
    async fn shelves(&mut self, items: &BTreeSet<ItemId>) -> Result<Book> {
        let mut book = self.load_book(&mut HashMap::new(), items, &[]).await?;
        let holds: Vec<ReservationRow> =
            self.tx.all(sql::RESERVATIONS_OF_ITEMS, args![&keys(items)?]).await?;
        let orders: BTreeSet<OrderId> = holds.iter().map(|row| row.order_id).collect();
        for row in holds {
            let key = HoldKey {
                order: row.order_id,
                line: row.line_no,
                item: row.item_id,
                location: row.location_id,
            };
            book.load_hold(key, Held { reserved: row.reserved, short: row.short });
        }
        // Whoever loses a reservation on this shelf may get the goods from another.
        self.allow_where_sold(&mut book, orders).await?;
        Ok(book)
    }

    pub(super) async fn move_stock(
        &mut self,
        act: &StockAct<'_>,
        item: ItemRow,
        (reason, quantity): (&'static str, i64),
        what: impl FnOnce(&mut Book, &mut dyn Ids, &Cause, (ItemId, LocationId)) -> Result<(), StockError>,
    ) -> Result<Moved> {
        let at = (item.id, act.location.id);
        let mut book = self.shelves(&BTreeSet::from([item.id])).await?;
        let before = book.level(at.0, at.1);
        let cause = Cause { at: act.now, actor: act.actor.to_owned(), reason };
        what(&mut book, &mut self.ids, &cause, at).map_err(|error| too_few(error, &item.code, before))?;
        let after = book.level(at.0, at.1);
        let touched: BTreeSet<OrderId> = book.touched().iter().map(|(key, _)| key.order).collect();
        self.write_book(book).await?;
        let holdings: Vec<Holding> = self.tx.all(sql::HOLDINGS_OF_ITEMS, args![&keys([item.id])?]).await?;
        let (waiting, had): (Vec<Holding>, Vec<Holding>) = holdings.into_iter().partition(|h| h.short > 0);
        let waits = |order: OrderId| waiting.iter().any(|h| h.order_id == order);
        let served: BTreeSet<String> = had
            .into_iter()
            .filter(|h| touched.contains(&h.order_id) && !waits(h.order_id))
            .map(|h| format!("{}/{}", h.channel, h.number))
            .collect();
        let subject = format!("{} at {}", item.code, act.location.code);
        let detail =
            format!("{reason} {quantity}: on hand {} → {}. {}", before.on_hand(), after.on_hand(), act.note);
        let action = format!("stock_{reason}");
        let states = (&*state(before), &*state(after));
        self.audit_change(act.actor, &action, &subject, detail.trim_end(), states, act.now).await?;
        Ok(Moved { item, before, after, waiting, served: served.into_iter().collect() })
    }
}

/// Shelves of which the audit of one stocktake shows the numbers; the ledger has those of all.
const AUDITED: usize = 200;

/// What the audit shows of a stocktake, on one side of it: the shelves that differed.
fn on_hand(rows: &[CountRow], units: impl Fn(&CountRow) -> i64) -> String {
    let differ = rows.iter().filter(|row| row.difference() != 0).take(AUDITED);
    let shelves =
        differ.map(|row| (format!("{} at {}", row.item.code, row.location.code), units(row).into()));
    let shelves: serde_json::Map<String, serde_json::Value> = shelves.collect();
    if shelves.is_empty() { String::new() } else { serde_json::Value::Object(shelves).to_string() }
}

/// What the audit shows of a level before and after a movement.
fn state(level: Level) -> String {
    serde_json::json!({ "available": level.available, "reserved": level.reserved, "short": level.short })
        .to_string()
}

/// Says what is there when more was asked for.
fn too_few(error: StockError, code: &str, level: Level) -> StoreError {
    match error {
        StockError::NotEnough { wanted, .. } => StoreError::Refused(both!(
            "{wanted} of {code} cannot go: {free} are free and {held} are held for orders",
            "{code}を{wanted}点減らせません。販売可能は{free}点、受注への引当は{held}点です",
            free = level.available,
            held = level.reserved,
        )),
        other => StoreError::Stock(other),
    }
}

fn shelf(
    line: &CountLine,
    locations: &[LocationRow],
    default: &LocationRow,
) -> Result<LocationRow, Bilingual> {
    let Some(code) = &line.location else { return Ok(default.clone()) };
    let found = locations.iter().find(|l| l.code == *code).cloned();
    found.ok_or_else(|| both!("there is no location {code:?}", "ロケーション「{code}」はありません"))
}

/// Items by what a stocktake's sheet calls them.
struct Names {
    items: BTreeMap<ItemId, ItemRow>,
    codes: HashMap<String, ItemId>,
    gtins: HashMap<String, Vec<ItemId>>,
}

impl Names {
    fn of(rows: Vec<ItemRow>) -> Self {
        let mut gtins: HashMap<String, Vec<ItemId>> = HashMap::new();
        for row in &rows {
            if let Some(gtin) = &row.gtin {
                gtins.entry(unpadded(gtin)).or_default().push(row.id);
            }
        }
        Self {
            codes: rows.iter().map(|r| (r.code.clone(), r.id)).collect(),
            items: rows.into_iter().map(|r| (r.id, r)).collect(),
            gtins,
        }
    }

    fn code(&self, id: ItemId) -> Option<String> {
        Some(self.items.get(&id)?.code.clone())
    }

    /// The item of a line: by its code, else by what may be a JAN in either column.
    fn find(&self, line: &CountLine) -> Result<ItemRow, Bilingual> {
        let by_code = line.code.as_ref().and_then(|code| self.codes.get(code));
        let gtin = line.gtin.as_ref().or(line.code.as_ref());
        let name = line.code.as_ref().or(line.gtin.as_ref()).map_or("", String::as_str);
        let by_gtin = || match self.gtins.get(&unpadded(gtin?)).map(Vec::as_slice) {
            Some([one]) => Some(Ok(one)),
            Some(several) => Some(Err(both!(
                "{name} is the JAN/GTIN of {count} items; write the code",
                "{name}は{count}件の商品のJANコードです。商品コードを入力してください",
                count = several.len()
            ))),
            None => None,
        };
        let unknown = || {
            both!(
                "no item has the code or JAN/GTIN {name}",
                "商品コードまたはJANコードが{name}の商品はありません"
            )
        };
        let id = match by_code {
            Some(id) => id,
            None => by_gtin().unwrap_or_else(|| Err(unknown()))?,
        };
        let item = self.items.get(id).cloned().ok_or_else(unknown)?;
        if item.is_set {
            return Err(both!(
                "{code} is a set; count what it is made of",
                "{code}はセット商品です。構成品を数えてください",
                code = item.code
            ));
        }
        Ok(item)
    }
}

/// A GTIN as a scanner may give it: with or without leading zeros.
fn unpadded(gtin: &str) -> String {
    gtin.trim_start_matches('0').to_owned()
}
