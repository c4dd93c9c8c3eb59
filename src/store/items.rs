//! Items and sets: imported from sheets, shown with everything that hangs on them.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Timestamp, both};

use super::db::args;
use super::tables::{self, ComponentRow, ItemRow, LevelRow, ListingRow, LocationRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::catalogue::{Draft, ImportPlan, Known, KnownItem, plan_import};
use crate::domain::stock::{Account, Book, Cause};
use crate::domain::{ItemId, LocationId, OrderId};

/// How a sheet is imported.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// ISO 4217 code of its prices.
    pub currency: &'a str,
    /// Where opening stock lies when a line does not say.
    pub location: LocationId,
    /// Take the good lines although others have faults; the caller knows of faults of the file itself.
    pub skip_bad: bool,
    /// Only say what would change.
    pub dry_run: bool,
    /// What the audit calls the sheet.
    pub source: &'a str,
    /// Who imports.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What changed, or would.
    pub plan: ImportPlan,
    /// Whether anything was written.
    pub written: bool,
    /// Listings that found their item by its code.
    pub mapped: usize,
    /// Order lines that waited for one of the items and have it now.
    pub matched: usize,
}

/// What an order line holds of an item.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Holding {
    /// Key of the order.
    pub order_id: OrderId,
    /// Its channel's name.
    pub channel: String,
    /// Its number, as people know it.
    pub number: String,
    /// The line.
    pub line_no: i64,
    /// The item.
    pub item_id: ItemId,
    /// Where.
    pub location_id: LocationId,
    /// Reserved units.
    pub reserved: i64,
    /// Units that are missing.
    pub short: i64,
}

/// An item with everything that hangs on it.
#[derive(Clone, Debug)]
pub struct ItemView {
    /// The item.
    pub item: ItemRow,
    /// What it is made of, if it is a set.
    pub parts: Vec<(ItemRow, i64)>,
    /// Sets that it is in, with how many of it.
    pub sets: Vec<(ItemRow, i64)>,
    /// Its levels; a set has none of its own.
    pub levels: Vec<LevelRow>,
    /// Its listings and those of the sets it is in, with the channel's name.
    pub listings: Vec<(String, ListingRow)>,
    /// Orders that hold or wait for it.
    pub holdings: Vec<Holding>,
}

/// Rows written in one statement.
const BATCH: usize = 2000;

impl Store {
    /// The item of a code.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn item(&self, code: &str) -> Result<ItemRow> {
        let row = self.db.first(sql::ITEM_BY_CODE, args![code]).await?;
        row.ok_or_else(|| no_item(code))
    }

    /// A page of items by code: those after `after`, at most `limit`.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn items(&self, after: &str, limit: i64) -> Result<Vec<ItemRow>> {
        self.db.all(sql::ITEMS_PAGE, args![after, limit]).await
    }

    /// Items by key.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn items_of(&self, ids: &BTreeSet<ItemId>) -> Result<BTreeMap<ItemId, ItemRow>> {
        let rows: Vec<ItemRow> = self.db.all(sql::ITEMS_BY_IDS, args![&keys(ids)?]).await?;
        Ok(rows.into_iter().map(|r| (r.id, r)).collect())
    }

    /// What these sets are made of.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn components_of(&self, sets: &BTreeSet<ItemId>) -> Result<Vec<ComponentRow>> {
        self.db.all(sql::COMPONENTS_OF, args![&keys(sets)?]).await
    }

    /// Levels of these items, by item and location.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn levels_of(&self, items: &BTreeSet<ItemId>) -> Result<Vec<LevelRow>> {
        self.db.all(sql::LEVELS_OF, args![&keys(items)?]).await
    }

    /// Orders that hold or wait for these items, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn holdings_of(&self, items: &BTreeSet<ItemId>) -> Result<Vec<Holding>> {
        self.db.all(sql::HOLDINGS_OF_ITEMS, args![&keys(items)?]).await
    }

    /// An item with everything that hangs on it.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn item_view(&self, code: &str) -> Result<ItemView> {
        let item = self.item(code).await?;
        let own = BTreeSet::from([item.id]);
        let parts = self.components_of(&own).await?;
        let sets: Vec<ComponentRow> = self.db.all(sql::SETS_WITH, args![&keys([item.id])?]).await?;
        let ids = parts.iter().map(|c| c.item_id).chain(sets.iter().map(|c| c.set_id)).collect();
        let rows = self.items_of(&ids).await?;
        let named = |id: ItemId, n: i64| Some((rows.get(&id)?.clone(), n));
        let selling: BTreeSet<ItemId> = sets.iter().map(|c| c.set_id).chain([item.id]).collect();
        let listings: Vec<ListingRow> = self.db.all(sql::LISTINGS_OF_ITEMS, args![&keys(&selling)?]).await?;
        let channels: BTreeMap<i64, String> =
            self.channels().await?.into_iter().map(|c| (c.id, c.name)).collect();
        let named_listing =
            |row: ListingRow| (channels.get(&row.channel_id).cloned().unwrap_or_default(), row);
        Ok(ItemView {
            parts: parts.iter().filter_map(|c| named(c.item_id, c.quantity)).collect(),
            sets: sets.iter().filter_map(|c| named(c.set_id, c.quantity)).collect(),
            levels: self.levels_of(&own).await?,
            listings: listings.into_iter().map(named_listing).collect(),
            holdings: self.holdings_of(&own).await?,
            item,
        })
    }

    /// Makes and changes items as a sheet says. All or nothing, unless bad lines are to be skipped; opening stock is
    /// taken for new items only. Listings and order lines that waited for a new code get their item.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`]; nothing was written then.
    pub async fn import_items(&self, drafts: &[Draft], import: &Import<'_>) -> Result<Imported> {
        let mut write = self.write().await?;
        let known = write.known_items(drafts, import).await?;
        let mut done = Imported { plan: plan_import(drafts, &known), ..Imported::default() };
        let plan = &done.plan;
        let idle = plan.create.is_empty() && plan.update.is_empty();
        if import.dry_run || idle || !(plan.faults.is_empty() || import.skip_bad) {
            return Ok(done);
        }
        write.write_items(plan, &known, import).await?;
        let codes: BTreeSet<&str> = plan.create.iter().map(|d| d.code.as_str()).collect();
        (done.mapped, done.matched) = write.propose_again(import.actor, import.now).await?;
        done.matched += write.rematch_codes(&codes, import.actor, import.now).await?;
        let detail = format!(
            "{} made, {} changed, {} as they were",
            plan.create.len(),
            plan.update.len(),
            plan.unchanged
        );
        write.audit(import.actor, "items_import", import.source, &detail, import.now).await?;
        write.commit().await?;
        done.written = true;
        Ok(done)
    }
}

/// The answer to a code that no item has.
pub(super) fn no_item(code: &str) -> StoreError {
    StoreError::NotFound(both!(
        "no item has the code {code:?}; `banto items list` shows them",
        "商品コード「{code}」の商品はありません"
    ))
}

impl Write {
    async fn known_items(&mut self, drafts: &[Draft], import: &Import<'_>) -> Result<Known> {
        let rows: Vec<ItemRow> = self.tx.all(sql::ITEMS_ALL, args![]).await?;
        let parts: Vec<ComponentRow> = self.tx.all(sql::COMPONENTS_ALL, args![]).await?;
        let locations: Vec<LocationRow> = self.tx.all(sql::LOCATIONS, args![]).await?;
        let codes: BTreeMap<ItemId, String> = rows.iter().map(|r| (r.id, r.code.clone())).collect();
        let mut items: BTreeMap<String, KnownItem> =
            rows.into_iter().map(|r| (r.code.clone(), known_item(r))).collect();
        for part in parts {
            let (Some(set), Some(code)) = (codes.get(&part.set_id), codes.get(&part.item_id)) else {
                continue;
            };
            if let Some(set) = items.get_mut(set) {
                set.parts.insert(code.clone(), part.quantity);
            }
        }
        let in_sheet = |d: &Draft| Some(items.get(&d.code).filter(|_| d.parts.is_some())?.id);
        let sets: BTreeSet<ItemId> = drafts.iter().filter_map(in_sheet).collect();
        if !sets.is_empty() {
            let sets = keys(&sets)?;
            let levels: Vec<LevelRow> = self.tx.all(sql::LEVELS_OF, args![&sets]).await?;
            for level in levels.iter().filter(|l| l.available + l.reserved + l.short > 0) {
                if let Some(item) = codes.get(&level.item_id).and_then(|code| items.get_mut(code)) {
                    item.moved = true;
                }
            }
            let orders: Vec<(ItemId, String)> = self.tx.all(sql::ORDERS_HOLDING_SETS, args![&sets]).await?;
            for (set, order) in orders {
                if let Some(item) = codes.get(&set).and_then(|code| items.get_mut(code)) {
                    item.ordered.push(order);
                }
            }
        }
        let locations = locations.into_iter().map(|l| (l.code, l.id)).collect();
        Ok(Known { items, locations, default_location: import.location })
    }

    async fn write_items(&mut self, plan: &ImportPlan, known: &Known, import: &Import<'_>) -> Result<()> {
        let mut ids: BTreeMap<&str, ItemId> = known.items.iter().map(|(c, i)| (c.as_str(), i.id)).collect();
        let mut made = Vec::with_capacity(plan.create.len());
        for draft in &plan.create {
            let id = self.id();
            ids.insert(&draft.code, id);
            made.push((id, draft));
        }
        let changed = plan.update.iter().map(|(id, draft, _)| (*id, draft));
        let all: Vec<(ItemId, &Draft)> = made.iter().copied().chain(changed).collect();
        for batch in all.chunks(BATCH) {
            let there: Vec<ItemRow> =
                self.tx.all(sql::ITEMS_BY_IDS, args![&keys(batch.iter().map(|(id, _)| id))?]).await?;
            let there: BTreeMap<ItemId, ItemRow> = there.into_iter().map(|r| (r.id, r)).collect();
            let rows: Vec<ItemRow> =
                batch.iter().map(|(id, draft)| item_row(there.get(id), *id, draft, import)).collect();
            tables::upsert(&mut self.tx, &rows).await?;
            self.name_items(&rows).await?;
        }
        let sets: Vec<(ItemId, &BTreeMap<String, i64>)> = all
            .iter()
            .filter_map(|(id, d)| Some((*id, d.parts.as_ref().filter(|p| !p.is_empty())?)))
            .collect();
        if !sets.is_empty() {
            self.tx.run(sql::COMPONENTS_DROP, args![&keys(sets.iter().map(|(id, _)| id))?]).await?;
        }
        let component = |set: ItemId, (code, n): (&String, &i64)| {
            Some(ComponentRow { set_id: set, item_id: *ids.get(code.as_str())?, quantity: *n })
        };
        let rows: Vec<ComponentRow> =
            sets.iter().flat_map(|(set, parts)| parts.iter().filter_map(|p| component(*set, p))).collect();
        for batch in rows.chunks(BATCH) {
            tables::insert(&mut self.tx, batch).await?;
        }
        self.open_stock(&made, known, import).await
    }

    /// Puts the opening stock of new items on their shelves: it is found there, not delivered.
    async fn open_stock(
        &mut self,
        made: &[(ItemId, &Draft)],
        known: &Known,
        import: &Import<'_>,
    ) -> Result<()> {
        let cause = Cause { at: import.now, actor: import.actor.to_owned(), reason: "opening_stock" };
        for batch in made.chunks(BATCH) {
            let mut book = Book::default();
            for (item, draft) in batch {
                let code = draft.location.as_deref();
                let location =
                    code.and_then(|c| known.locations.get(c)).copied().unwrap_or(known.default_location);
                let stock = draft.stock.unwrap_or(0);
                book.take_in(&mut self.ids, &cause, Account::Counted, (*item, location), stock, None)?;
            }
            self.write_book(book).await?;
        }
        Ok(())
    }
}

fn known_item(row: ItemRow) -> KnownItem {
    KnownItem {
        id: row.id,
        name: row.name,
        gtin: row.gtin,
        price: row.price,
        tax_rate_bp: row.tax_rate_bp,
        ..KnownItem::default()
    }
}

fn item_row(there: Option<&ItemRow>, id: ItemId, draft: &Draft, import: &Import<'_>) -> ItemRow {
    let made_now = || ItemRow {
        id,
        code: draft.code.clone(),
        name: String::new(),
        gtin: None,
        price: None,
        currency: import.currency.to_owned(),
        tax_rate_bp: None,
        is_set: false,
        created_at: import.now.0,
        updated_at: import.now.0,
    };
    let before = there.cloned().unwrap_or_else(made_now);
    ItemRow {
        name: draft.name.clone().unwrap_or(before.name),
        gtin: draft.gtin.clone().or(before.gtin),
        currency: if draft.price.is_some() { import.currency.to_owned() } else { before.currency },
        price: draft.price.or(before.price),
        tax_rate_bp: draft.tax_rate_bp.or(before.tax_rate_bp),
        is_set: before.is_set || draft.parts.as_ref().is_some_and(|p| !p.is_empty()),
        updated_at: import.now.0,
        ..before
    }
}
