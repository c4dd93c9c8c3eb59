//! `banto stock`: what lies where, what people do to it, and why each number is what it is.

mod count;
mod explain;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::items::{all_items, parts_by_set};
use super::{Exit, Failure, Globals, House, Outcome, Text, counted, left, right};
use crate::channels::explain::{Numbers, whole_sets};
use crate::domain::{ItemId, LocationId};
use crate::store::{ItemRow, LocationRow, Moved, StockAct, WriteOff};

/// See, change, count, explain and prove stock
#[derive(Args, Debug)]
pub struct Stock {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what is on hand, held, free and missing
    List {
        /// Only this location
        #[arg(long, value_name = "CODE")]
        location: Option<String>,
        /// Only items that orders lack
        #[arg(long)]
        short: bool,
        /// Only items whose code or name contains this
        #[arg(long, value_name = "TEXT")]
        find: Option<String>,
    },
    /// Show an item's levels, who holds it, and its newest movements
    Show {
        /// Code of the item
        code: String,
    },
    /// Say how many lie on a shelf, those held for orders included
    Set(Change),
    /// Take a delivery in; orders that wait get theirs first
    Receive {
        #[command(flatten)]
        change: Change,
        /// The goods are returned ones that were set aside, and are sold again
        #[arg(long)]
        returned: bool,
    },
    /// Take broken or lost goods off a shelf
    WriteOff {
        #[command(flatten)]
        change: Change,
        /// Take goods that orders hold, too; the newest orders then wait
        #[arg(long, conflicts_with = "returned")]
        even_reserved: bool,
        /// The goods are returned ones that were set aside
        #[arg(long)]
        returned: bool,
    },
    /// Explain a number: movements, orders, and what each channel shows and why
    Explain {
        /// Code of the item
        code: String,
        /// Only this channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        /// Movements to show for each location
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
    },
    /// Prove that entries, levels and reservations agree; exit 1 if they do not
    Verify,
    /// Put a stocktake (CSV: code or JAN, quantity, location) beside the ledger, and with --commit into it
    ///
    /// The file's columns are code (商品コード) or JAN, counted (実棚, 数量) and location (倉庫), in any order. Without
    /// --commit nothing is written. A shelf that moved meanwhile is refused; nothing is written then.
    Count {
        /// The file; - reads standard input
        file: PathBuf,
        /// Where lines without a location were counted
        #[arg(long, value_name = "CODE")]
        location: Option<String>,
        /// Make the ledger say what was counted
        #[arg(long)]
        commit: bool,
        /// Refuse shelves that moved after this entry, which a count without --commit prints
        #[arg(long, value_name = "ENTRY", requires = "commit")]
        as_of: Option<i64>,
        /// Add up lines of the same shelf, as handheld scanners write them
        #[arg(long)]
        sum: bool,
    },
}

/// One change of one shelf.
#[derive(Args, Debug)]
struct Change {
    /// Code of the item
    code: String,
    /// How many
    #[arg(value_parser = clap::value_parser!(i64).range(0..=crate::domain::stock::QUANTITY_MAX))]
    quantity: i64,
    /// Where [default: the first location of the config]
    #[arg(long, value_name = "CODE")]
    location: Option<String>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

impl Stock {
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let house = &globals.house().await?;
        match self.what {
            What::List { location, short, find } => {
                list(house, location.as_deref(), short, find.as_deref()).await
            }
            What::Show { code } => explain::show(house, &code).await,
            What::Set(change) => {
                let location = house.location(change.location.as_deref()).await?;
                let moved = house.store.set_stock(&change.act(house, &location), change.quantity).await?;
                tell_moved(house, &location, &moved)
            }
            What::Receive { change, returned } => {
                let location = house.location(change.location.as_deref()).await?;
                let act = change.act(house, &location);
                let moved = house.store.receive_stock(&act, change.quantity, returned).await?;
                tell_moved(house, &location, &moved)
            }
            What::WriteOff { change, even_reserved, returned } => {
                let what = match (even_reserved, returned) {
                    (_, true) => WriteOff::Returned,
                    (true, _) => WriteOff::EvenReserved,
                    (false, false) => WriteOff::Free,
                };
                let location = house.location(change.location.as_deref()).await?;
                let act = change.act(house, &location);
                let moved = house.store.write_off_stock(&act, change.quantity, what).await?;
                tell_moved(house, &location, &moved)
            }
            What::Explain { code, channel, limit } => {
                explain::explain(house, &code, channel.as_deref(), limit).await
            }
            What::Verify => verify(house).await,
            What::Count { file, location, commit, as_of, sum } => {
                let how = count::How { commit, as_of, sum };
                count::count(house, &file, location.as_deref(), &how).await
            }
        }
    }
}

impl Change {
    fn act<'a>(&'a self, house: &'a House, location: &'a LocationRow) -> StockAct<'a> {
        StockAct { code: &self.code, location, actor: &house.actor, note: &self.note, now: house.now() }
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    code: String,
    name: String,
    set: bool,
    #[serde(flatten)]
    total: Numbers,
    locations: BTreeMap<String, Numbers>,
}

async fn list(house: &House, location: Option<&str>, short: bool, find: Option<&str>) -> Outcome {
    let only = match location {
        Some(code) => Some(house.location(Some(code)).await?.id),
        None => None,
    };
    let listed = listed(house, only).await?;
    let wanted = find.map(str::to_lowercase);
    let holds = |text: &str| wanted.as_ref().is_none_or(|w| text.to_lowercase().contains(w));
    let listed: Vec<Listed> = listed
        .into_iter()
        .filter(|l| (l.total.short > 0 || !short) && (holds(&l.code) || holds(&l.name)))
        .collect();
    house.out.answer(&listed, |text| {
        let row = |l: &Listed| {
            // A set lies on no shelf; what is free of it follows from its parts.
            let own = |n: i64| if l.set { String::new() } else { n.to_string() };
            let t = l.total;
            [
                l.code.clone(),
                own(t.on_hand),
                own(t.reserved),
                t.available.to_string(),
                own(t.short),
                l.name.clone(),
            ]
        };
        let heads =
            [left("CODE"), right("ON HAND"), right("RESERVED"), right("FREE"), right("SHORT"), left("NAME")];
        text.table(heads, &listed.iter().map(row).collect::<Vec<_>>());
    })?;
    Ok(Exit::Ok)
}

async fn listed(house: &House, only: Option<LocationId>) -> Result<Vec<Listed>, Failure> {
    let items = all_items(house).await?;
    let locations: BTreeMap<LocationId, String> =
        house.store.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
    let ids: BTreeSet<ItemId> = items.iter().map(|i| i.id).collect();
    let mut levels: BTreeMap<ItemId, BTreeMap<LocationId, Numbers>> = BTreeMap::new();
    for row in house.store.levels_of(&ids).await? {
        if only.is_none_or(|id| id == row.location_id) {
            levels.entry(row.item_id).or_default().insert(row.location_id, row.level().into());
        }
    }
    let parts = parts_by_set(house, &items).await?;
    let total = |item: ItemId| {
        let own = levels.get(&item).into_iter().flat_map(BTreeMap::values);
        own.fold(Numbers::default(), |sum, level| sum.add(*level))
    };
    let one = |item: ItemRow| {
        let own = levels.get(&item.id).into_iter().flatten();
        let named = |(id, n): (&LocationId, &Numbers)| (locations.get(id).cloned().unwrap_or_default(), *n);
        let parts = parts.get(&item.id);
        let total = match parts {
            Some(parts) => {
                Numbers { available: whole_sets(parts, |part| total(part).available), ..Numbers::default() }
            }
            None => total(item.id),
        };
        Listed {
            locations: own.map(named).collect(),
            total,
            set: parts.is_some(),
            code: item.code,
            name: item.name,
        }
    };
    Ok(items.into_iter().map(one).collect())
}

fn tell_moved(house: &House, location: &LocationRow, moved: &Moved) -> Outcome {
    let waiting: Vec<_> = moved
        .waiting
        .iter()
        .map(|h| serde_json::json!({ "order": format!("{}/{}", h.channel, h.number), "short": h.short }))
        .collect();
    let json = serde_json::json!({
        "item": moved.item.code, "location": location.code, "before": Numbers::from(moved.before),
        "after": Numbers::from(moved.after), "served": moved.served, "waiting": waiting,
    });
    house.out.answer(&json, |text| {
        let (before, after) = (moved.before, moved.after);
        text.line(format!(
            "{} at {}: on hand {} → {}, reserved {} → {}, free {} → {}",
            moved.item.code,
            location.code,
            before.on_hand(),
            after.on_hand(),
            before.reserved,
            after.reserved,
            before.available,
            after.available
        ));
        if !moved.served.is_empty() {
            text.line(format!("got what they waited for: {}", moved.served.join(", ")));
        }
        for holding in &moved.waiting {
            text.line(format!("{}/{} lacks {}", holding.channel, holding.number, holding.short));
        }
    })?;
    Ok(Exit::Ok)
}

async fn verify(house: &House) -> Outcome {
    let found = house.store.verify_ledger().await?;
    let json = serde_json::json!({ "ok": found.is_empty(), "discrepancies": found });
    house.out.answer(&json, |text: &mut Text| {
        for one in &found {
            text.line(one);
        }
        match found.len() {
            0 => text.line("the ledger is sound: entries, levels and reservations agree"),
            n => text.line(format!(
                "{}; `banto doctor` says what to do",
                counted(n, "discrepancy", "discrepancies")
            )),
        }
    })?;
    Ok(if found.is_empty() { Exit::Ok } else { Exit::Failed })
}
