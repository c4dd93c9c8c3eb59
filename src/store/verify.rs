//! Proves the ledger: every level and reservation is derived again from the entries, one row at a time, and the two
//! are compared.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::db::args;
use super::tables::{EntryRow, LevelRow};
use super::{Result, Store, sql};
use crate::domain::stock::Level;
use crate::domain::{ItemId, LocationId};

/// A place where the ledger and what was derived from it part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discrepancy {
    /// Code of the item.
    pub item: String,
    /// Code of the location.
    pub location: String,
    /// The entry from which on it parts, if it is one entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// What does not agree, in plain words.
    pub what: String,
}

impl std::fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.item, self.location)?;
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        write!(f, ": {}", self.what)
    }
}

type Shelf = (ItemId, LocationId);

/// Faults kept of one run: who has more has one cause, not thousands.
const FAULTS_MAX: usize = 1000;

impl Store {
    /// Derives every level from the entries again and compares it with the level kept beside them and with the
    /// reservations; follows the chain of entries of each item and location. Empty means that all is well. Reads one
    /// state of the store, while others write; at most 1000 discrepancies are told.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn verify_ledger(&self) -> Result<Vec<Discrepancy>> {
        let mut tx = self.db.begin_snapshot().await?;
        let mut proof = Proof::default();
        tx.for_each(sql::ENTRIES_ALL, args![], |entry: EntryRow| proof.entry(&entry)).await?;
        let mut levels: BTreeMap<Shelf, Level> = BTreeMap::new();
        tx.for_each(sql::LEVELS_ALL, args![], |row: LevelRow| {
            levels.insert((row.item_id, row.location_id), row.level());
        })
        .await?;
        let mut held: BTreeMap<Shelf, (i64, i64)> = BTreeMap::new();
        tx.for_each(sql::RESERVATION_SUMS, args![], |row: LevelRow| {
            held.insert((row.item_id, row.location_id), (row.reserved, row.short));
        })
        .await?;
        tx.commit().await?;
        proof.compare(&levels, &held);
        self.named(proof.faults).await
    }

    async fn named(&self, faults: Vec<Fault>) -> Result<Vec<Discrepancy>> {
        if faults.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.items_of(&faults.iter().map(|f| f.shelf.0).collect::<BTreeSet<_>>()).await?;
        let locations: BTreeMap<LocationId, String> =
            self.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
        let named = |fault: Fault| {
            let (item, location) = fault.shelf;
            Discrepancy {
                item: items.get(&item).map_or_else(|| format!("item #{item}"), |i| i.code.clone()),
                location: locations
                    .get(&location)
                    .cloned()
                    .unwrap_or_else(|| format!("location #{location}")),
                entry: fault.entry,
                what: fault.what,
            }
        };
        Ok(faults.into_iter().map(named).collect())
    }
}

struct Fault {
    shelf: Shelf,
    entry: Option<i64>,
    what: String,
}

/// The levels that the entries seen so far amount to, and where an entry did not follow from those before.
#[derive(Default)]
struct Proof {
    levels: BTreeMap<Shelf, Level>,
    faults: Vec<Fault>,
}

impl Proof {
    fn fault(&mut self, shelf: Shelf, entry: Option<i64>, what: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { shelf, entry, what });
        }
    }

    fn entry(&mut self, entry: &EntryRow) {
        let shelf = (entry.item_id, entry.location_id);
        let before = self.levels.get(&shelf).copied().unwrap_or_default();
        if entry.prev_id != before.last_entry {
            let (says, is) = (entry.prev_id, before.last_entry);
            self.fault(
                shelf,
                Some(entry.id),
                format!("it follows entry {says}, but the one before it is {is}"),
            );
        }
        let mut level = before;
        for (account, sign) in [(&entry.source, -1), (&entry.target, 1)] {
            match account.as_str() {
                "available" => level.available += sign * entry.quantity,
                "reserved" => level.reserved += sign * entry.quantity,
                "short" => level.short += sign * entry.quantity,
                _ => {}
            }
        }
        level.last_entry = entry.id;
        for (account, is, says) in [
            ("available", level.available, entry.available_after),
            ("reserved", level.reserved, entry.reserved_after),
            ("short", level.short, entry.short_after),
        ] {
            if is != says {
                self.fault(
                    shelf,
                    Some(entry.id),
                    format!("{account} is {is} after it, the entry says {says}"),
                );
            }
            if is < 0 {
                self.fault(shelf, Some(entry.id), format!("{account} is {is} after it, less than nothing"));
            }
        }
        self.levels.insert(shelf, level);
    }

    fn compare(&mut self, kept: &BTreeMap<Shelf, Level>, held: &BTreeMap<Shelf, (i64, i64)>) {
        let shelves: BTreeSet<Shelf> =
            self.levels.keys().chain(kept.keys()).chain(held.keys()).copied().collect();
        for shelf in shelves {
            let derived = self.levels.get(&shelf).copied().unwrap_or_default();
            let kept = kept.get(&shelf).copied().unwrap_or_default();
            for (account, ledger, level) in [
                ("available", derived.available, kept.available),
                ("reserved", derived.reserved, kept.reserved),
                ("short", derived.short, kept.short),
                ("the newest entry", derived.last_entry, kept.last_entry),
            ] {
                if ledger != level {
                    self.fault(
                        shelf,
                        None,
                        format!("{account} is {ledger} by the ledger, the level says {level}"),
                    );
                }
            }
            let (reserved, short) = held.get(&shelf).copied().unwrap_or_default();
            for (account, level, orders) in
                [("reserved", kept.reserved, reserved), ("short", kept.short, short)]
            {
                if level != orders {
                    self.fault(
                        shelf,
                        None,
                        format!("{account} is {level} by the level, orders hold {orders}"),
                    );
                }
            }
        }
    }
}
