//! Why an item's numbers are what they are: its shelves, who holds it, its movements, and what each channel shows of
//! it. One shape for the command line's `--json` and the HTTP API.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::Bilingual;
use serde::Serialize;
use utoipa::ToSchema;

use super::Channel;
use super::offer::{Offer as Shown, Standing};
use crate::cli::utc;
use crate::domain::plan::{self, Why};
use crate::domain::stock::Level;
use crate::domain::{ItemId, LocationId, OrderId};
use crate::store::{EntryRow, Holding, ItemRow, Result, Store};

/// Lines of orders that hold or lack an item that are told.
const HOLDS: i64 = 500;

/// Units of an item at a place, or of all places together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Numbers {
    /// On the shelf: reserved and available ones.
    pub on_hand: i64,
    /// Held for orders.
    pub reserved: i64,
    /// Free to be sold.
    pub available: i64,
    /// Missing: orders wait for them.
    pub short: i64,
}

impl From<Level> for Numbers {
    fn from(level: Level) -> Self {
        Self {
            on_hand: level.on_hand(),
            reserved: level.reserved,
            available: level.available,
            short: level.short,
        }
    }
}

impl Numbers {
    /// Both together.
    #[must_use]
    pub const fn add(self, other: Self) -> Self {
        Self {
            on_hand: self.on_hand + other.on_hand,
            reserved: self.reserved + other.reserved,
            available: self.available + other.available,
            short: self.short + other.short,
        }
    }
}

/// An item, or the parts of a set, and what channels show of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// The item's code.
    pub code: String,
    /// The item's name.
    pub name: String,
    /// Whether it is made of other items.
    pub set: bool,
    /// Free to be sold; of a set what can be made of what is free.
    pub available: i64,
    /// Itself, or what it is made of.
    pub goods: Vec<Goods>,
    /// What channels show of it, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offers: Option<Vec<Offer>>,
}

/// An item with its shelves, holders and movements.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Goods {
    /// The item's code.
    pub code: String,
    /// The item's name.
    pub name: String,
    /// Units of it in the item that was asked about; 1 for itself.
    pub units: i64,
    /// Its shelves, by code of the location.
    pub locations: BTreeMap<String, Numbers>,
    /// Lines of orders that hold or lack units of it, oldest first, at most 500.
    #[schema(max_items = 500)]
    pub orders: Vec<Hold>,
    /// Its movements, newest first.
    pub movements: Vec<Movement>,
}

/// Units that an order's line holds or lacks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Hold {
    /// Key of the order.
    pub order: OrderId,
    /// Name of the order's channel.
    pub channel: String,
    /// The order's number there.
    pub number: String,
    /// The order's line, from 1.
    pub line: i64,
    /// Code of the location.
    pub location: String,
    /// Units held.
    pub reserved: i64,
    /// Units lacking.
    pub short: i64,
}

/// An entry of the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Movement {
    /// Key of the entry.
    pub id: i64,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The same in microseconds since 1970.
    #[serde(skip)]
    pub micros: i64,
    /// Code of the location.
    pub location: String,
    /// `supplier`, `available`, `reserved`, `short`, `shipped`, `returned`, `written_off`, `counted`.
    pub from: String,
    /// One of the same words.
    pub to: String,
    /// Units.
    pub quantity: i64,
    /// Free ones after it.
    pub available_after: i64,
    /// Held ones after it.
    pub reserved_after: i64,
    /// Lacking ones after it.
    pub short_after: i64,
    /// Why.
    pub reason: String,
    /// Key of the order that it was for.
    pub order: Option<OrderId>,
    /// That order as CHANNEL/NUMBER.
    #[schema(example = "honten/1001")]
    pub order_name: Option<String>,
    /// Who did it.
    pub actor: String,
}

/// What a channel shows through one listing, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Offer {
    /// Name of the channel.
    pub channel: String,
    /// The listing's id there.
    pub listing: String,
    /// The listing's title there.
    pub title: String,
    /// What it should show; nothing when nothing is pushed to it.
    pub wanted: Option<i64>,
    /// The way to that number.
    pub why: Vec<Step>,
    /// What it shows as far as we know.
    pub shows: Option<i64>,
    /// What was sent last.
    pub sent: Option<i64>,
    /// When.
    #[schema(format = DateTime)]
    pub sent_at: Option<String>,
    /// What the channel told last.
    pub answered: Option<i64>,
    /// When.
    #[schema(format = DateTime)]
    pub answered_at: Option<String>,
    /// Under what the channel's word on what was sent is awaited.
    pub receipt: Option<String>,
    /// What the channel said when it refused.
    pub error: Option<String>,
    /// When it is tried again.
    #[schema(format = DateTime)]
    pub next_try: Option<String>,
    /// `right`, `behind`, `awaits`, `drift`, `failed`, `paused` or `observed`.
    #[schema(example = "right")]
    pub state: &'static str,
    /// The same.
    #[serde(skip)]
    pub standing: Standing,
    /// When it was sent, answered, and is tried again, microseconds since 1970.
    #[serde(skip)]
    pub times: [Option<i64>; 3],
}

/// One step of the way to a number.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Step {
    /// What was done, in plain words.
    pub what: String,
    /// The number after it.
    pub gives: i64,
}

/// An item with `movements` of each location, and without offers. Also returns its key.
///
/// Errors: [`crate::store::StoreError::NotFound`].
pub async fn explain(store: &Store, code: &str, movements: i64) -> Result<(Explanation, ItemId)> {
    let item = store.item(code).await?;
    let parts = store.components_of(&BTreeSet::from([item.id])).await?;
    let pieces: Vec<(ItemId, i64)> = match parts.is_empty() {
        true => vec![(item.id, 1)],
        false => parts.iter().map(|c| (c.item_id, c.quantity)).collect(),
    };
    let rows = store.items_of(&pieces.iter().map(|(id, _)| *id).collect()).await?;
    let places: BTreeMap<LocationId, String> =
        store.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
    let mut goods = Vec::new();
    let mut free: BTreeMap<ItemId, i64> = BTreeMap::new();
    for (id, units) in &pieces {
        let Some(row) = rows.get(id) else { continue };
        let one = goods_of(store, row, *units, &places, movements).await?;
        free.insert(*id, one.locations.values().map(|n| n.available).sum());
        goods.push(one);
    }
    let explanation = Explanation {
        available: whole_sets(&pieces, |id| free.get(&id).copied().unwrap_or(0)),
        code: item.code,
        name: item.name,
        set: item.is_set,
        goods,
        offers: None,
    };
    Ok((explanation, item.id))
}

/// How many whole sets the parts make.
pub fn whole_sets(parts: &[(ItemId, i64)], available: impl Fn(ItemId) -> i64) -> i64 {
    parts.iter().map(|(part, n)| available(*part) / (*n).max(1)).min().unwrap_or(0)
}

async fn goods_of(
    store: &Store,
    item: &ItemRow,
    units: i64,
    places: &BTreeMap<LocationId, String>,
    limit: i64,
) -> Result<Goods> {
    let own = BTreeSet::from([item.id]);
    let place = |id: LocationId| places.get(&id).cloned().unwrap_or_else(|| format!("#{id}"));
    let mut entries: Vec<EntryRow> = Vec::new();
    let mut locations = BTreeMap::new();
    for level in store.levels_of(&own).await? {
        locations.insert(place(level.location_id), level.level().into());
        entries.extend(store.entry_chain(level.last_entry, limit).await?);
    }
    entries.sort_by_key(|e| std::cmp::Reverse(e.id));
    let names = store.order_names(&entries.iter().filter_map(|e| e.order_id).collect()).await?;
    let name = |id: OrderId| names.get(&id).map(|(channel, number)| format!("{channel}/{number}"));
    let hold = |h: Holding| Hold {
        order: h.order_id,
        channel: h.channel,
        number: h.number,
        line: h.line_no,
        location: place(h.location_id),
        reserved: h.reserved,
        short: h.short,
    };
    let movement = |e: EntryRow| Movement {
        id: e.id,
        at: utc(e.at),
        micros: e.at,
        location: place(e.location_id),
        from: e.source,
        to: e.target,
        quantity: e.quantity,
        available_after: e.available_after,
        reserved_after: e.reserved_after,
        short_after: e.short_after,
        reason: e.reason,
        order_name: e.order_id.and_then(name),
        order: e.order_id,
        actor: e.actor,
    };
    Ok(Goods {
        code: item.code.clone(),
        name: item.name.clone(),
        units,
        locations,
        orders: store.first_holdings(item.id, HOLDS).await?.into_iter().map(hold).collect(),
        movements: entries.into_iter().map(movement).collect(),
    })
}

/// The channel's listings that draw on the item: its own, those of sets it is in, and for a set its own.
///
/// Errors: [`crate::store::StoreError::Sql`].
pub async fn offers(store: &Store, channel: &Channel, item: ItemId) -> Result<Vec<Offer>> {
    let shown = channel.offers_of(store, &BTreeSet::from([item])).await?;
    let drawn = shown.iter().flat_map(|one| &one.way).filter_map(|step| match step.why {
        Why::There(supply) => Some(supply.item),
        _ => None,
    });
    let items = store.items_of(&drawn.collect()).await?;
    Ok(shown.into_iter().map(|one| offer(&channel.name, one, &items)).collect())
}

/// The rules know items by key; people know them by code.
fn step(step: &plan::Step, items: &BTreeMap<ItemId, ItemRow>) -> Step {
    let what = match step.why {
        Why::There(supply) => {
            let code = items.get(&supply.item).map_or("", |item| item.code.as_str());
            step.what.replace(&format!("item {}:", supply.item), &format!("{code}:"))
        }
        _ => step.what.clone(),
    };
    Step { what, gives: step.gives }
}

fn offer(channel: &str, shown: Shown, items: &BTreeMap<ItemId, ItemRow>) -> Offer {
    let row = shown.row;
    Offer {
        channel: channel.to_owned(),
        listing: row.remote_id,
        title: row.title,
        wanted: shown.wanted,
        why: shown.way.iter().map(|one| step(one, items)).collect(),
        shows: shown.shows,
        sent: row.sent,
        sent_at: row.sent_at.map(utc),
        answered: row.answered,
        answered_at: row.answered_at.map(utc),
        receipt: row.receipt,
        error: row.error.map(|why| Bilingual::unpacked(&why).en),
        next_try: row.retry_at.map(utc),
        state: match shown.standing {
            Standing::Right => "right",
            Standing::Paused => "paused",
            Standing::Observed => "observed",
            Standing::Behind => "behind",
            Standing::Awaits => "awaits",
            Standing::Drift => "drift",
            Standing::Failed => "failed",
        },
        standing: shown.standing,
        times: [row.sent_at, row.answered_at, row.retry_at],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_part_says_how_many_sets_there_are() {
        let free = |item: ItemId| if item == 1 { 7 } else { 2 };
        assert_eq!(whole_sets(&[(1, 3), (2, 1)], free), 2);
        assert_eq!(whole_sets(&[(1, 4), (2, 1)], free), 1);
        assert_eq!(whole_sets(&[], free), 0);
    }
}
