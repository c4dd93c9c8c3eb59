//! The ledger's working set: loaded for a transaction, changed by the domain, written back.

use std::collections::{BTreeSet, HashMap};

use super::db::args;
use super::tables::{self, ComponentRow, EntryRow, LevelRow, ReservationRow};
use super::{Result, StoreError, Write, keys, sql};
use crate::domain::stock::{Book, Held, HoldKey};
use crate::domain::{ItemId, OrderId};

impl Write {
    /// Writes what a book changed: entries, levels, reservations.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn write_book(&mut self, book: Book) -> Result<()> {
        let levels: Vec<LevelRow> = book
            .changed_levels()
            .into_iter()
            .map(|((item, location), level)| LevelRow {
                item_id: item,
                location_id: location,
                available: level.available,
                reserved: level.reserved,
                short: level.short,
                last_entry: level.last_entry,
            })
            .collect();
        let (gone, kept): (Vec<_>, Vec<_>) =
            book.touched().into_iter().partition(|(_, h)| *h == Held::default());
        let kept: Vec<ReservationRow> =
            kept.into_iter().map(|(key, held)| reservation_row(key, held)).collect();
        let entries: Vec<EntryRow> = book.entries.into_iter().map(EntryRow::from).collect();
        tables::insert(&mut self.tx, &entries).await?;
        tables::upsert(&mut self.tx, &levels).await?;
        self.tell_of_stock(&levels, &entries).await?;
        tables::upsert(&mut self.tx, &kept).await?;
        for (key, _) in gone {
            let args = args![key.order, key.line, key.item, key.location];
            self.tx.run(sql::RESERVATION_DROP, args).await?;
        }
        Ok(())
    }

    /// Loads what an operation on these items and orders may touch: components of sets, levels, the orders' own
    /// holds, every hold that waits for one of the items, with the locations its channel sells from, and where one of
    /// the orders itself waits, the holds that its parcel could be packed from.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`].
    pub(super) async fn load_book(
        &mut self,
        components: &mut HashMap<ItemId, Vec<(ItemId, i64)>>,
        items: &BTreeSet<ItemId>,
        orders: &[OrderId],
    ) -> Result<Book> {
        let mut book = Book::default();
        if items.is_empty() {
            return Ok(book);
        }
        let rows: Vec<ComponentRow> = self.tx.all(sql::COMPONENTS_OF, args![&keys(items)?]).await?;
        for row in rows {
            components.entry(row.set_id).or_default().push((row.item_id, row.quantity));
        }
        let mut parts = items.clone();
        parts.extend(components.values().flatten().map(|(item, _)| *item));
        let parts = keys(&parts)?;
        let levels: Vec<LevelRow> = self.tx.all(sql::LEVELS_OF, args![&parts]).await?;
        for row in levels {
            book.load_level(row.item_id, row.location_id, row.level());
        }
        let mut holds: Vec<ReservationRow> = self.tx.all(sql::SHORTFALLS_OF_ITEMS, args![&parts]).await?;
        let mut waiting: BTreeSet<OrderId> = holds.iter().map(|r| r.order_id).collect();
        if !orders.is_empty() {
            let own: Vec<ReservationRow> =
                self.tx.all(sql::RESERVATIONS_OF_ORDERS, args![&keys(orders)?]).await?;
            let lacking: BTreeSet<ItemId> = own.iter().filter(|r| r.short > 0).map(|r| r.item_id).collect();
            if !lacking.is_empty() {
                let others: Vec<ReservationRow> =
                    self.tx.all(sql::RESERVATIONS_OF_ITEMS, args![&keys(lacking)?]).await?;
                waiting.extend(others.iter().map(|r| r.order_id));
                holds.extend(others);
            }
            holds.extend(own);
        }
        for row in holds {
            let key = HoldKey {
                order: row.order_id,
                line: row.line_no,
                item: row.item_id,
                location: row.location_id,
            };
            book.load_hold(key, Held { reserved: row.reserved, short: row.short });
        }
        self.allow_where_sold(&mut book, waiting).await?;
        Ok(book)
    }

    /// Tells the book from which locations the channels of these orders sell, so that what they lack can be taken
    /// from there.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`].
    pub(super) async fn allow_where_sold(
        &mut self,
        book: &mut Book,
        orders: BTreeSet<OrderId>,
    ) -> Result<()> {
        if orders.is_empty() {
            return Ok(());
        }
        let args = keys(orders)?;
        let rows: Vec<(i64, String)> = self.tx.all(sql::CHANNEL_LOCATIONS_OF_ORDERS, args![&args]).await?;
        for (order, locations) in rows {
            let locations: Vec<i64> = serde_json::from_str(&locations).map_err(StoreError::Json)?;
            book.allow(order, &locations);
        }
        Ok(())
    }
}

fn reservation_row(key: HoldKey, held: Held) -> ReservationRow {
    ReservationRow {
        order_id: key.order,
        line_no: key.line,
        item_id: key.item,
        location_id: key.location,
        reserved: held.reserved,
        short: held.short,
    }
}
