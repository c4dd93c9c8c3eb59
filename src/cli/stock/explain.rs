//! `banto stock show` and `banto stock explain`: why an item's numbers are what they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use banto_channel::Clock;
use serde::Serialize;

use super::super::{Exit, Failure, House, Outcome, Text, left, right, utc};
use super::{Numbers, whole_sets};
use crate::app::App;
use crate::channels::offer::Standing;
use crate::channels::{self, Channel};
use crate::clock::SystemClock;
use crate::domain::plan::{Step, Why};
use crate::domain::{ItemId, LocationId, OrderId};
use crate::store::{EntryRow, Holding, ItemRow};

/// Movements that `show` prints.
const SHOWN: i64 = 8;

/// One movement.
#[derive(Debug, Serialize)]
struct Movement {
    id: i64,
    at: String,
    location: String,
    from: String,
    to: String,
    quantity: i64,
    available_after: i64,
    reserved_after: i64,
    short_after: i64,
    reason: String,
    order: Option<String>,
    actor: String,
    #[serde(skip)]
    micros: i64,
}

#[derive(Debug, Serialize)]
struct Shelf {
    location: String,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Debug, Serialize)]
struct Hold {
    order: String,
    id: OrderId,
    line: i64,
    location: String,
    reserved: i64,
    short: i64,
}

/// What one channel shows of the item through one listing, and why.
#[derive(Debug, Serialize)]
struct Offer {
    channel: String,
    listing: String,
    title: String,
    wanted: Option<i64>,
    why: Vec<Step>,
    shows: Option<i64>,
    sent: Option<i64>,
    sent_at: Option<String>,
    answered: Option<i64>,
    answered_at: Option<String>,
    receipt: Option<String>,
    error: Option<String>,
    next_try: Option<String>,
    /// `right`, `behind`, `waits for its receipt`, `failed`, `paused`, `only observed`.
    state: &'static str,
    #[serde(skip)]
    times: [Option<i64>; 3],
}

/// One item, or each part of a set, with its shelves, holders and movements.
#[derive(Debug, Serialize)]
struct Goods {
    code: String,
    name: String,
    /// Units of it in the item that was asked about; 1 for itself.
    units: i64,
    shelves: Vec<Shelf>,
    orders: Vec<Hold>,
    movements: Vec<Movement>,
}

#[derive(Debug, Serialize)]
struct Explanation {
    code: String,
    name: String,
    set: bool,
    available: i64,
    goods: Vec<Goods>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offers: Option<Vec<Offer>>,
}

/// An item's levels, who holds it, and its newest movements.
pub(super) async fn show(house: &House, code: &str) -> Outcome {
    let explanation = gather(house, code, SHOWN).await?.0;
    house.out.answer(&explanation, |text| tell_goods(text, &explanation))?;
    Ok(Exit::Ok)
}

/// The same with more movements, and what every channel shows of it.
pub(super) async fn explain(house: &House, code: &str, only: Option<&str>, limit: i64) -> Outcome {
    let (mut explanation, item) = gather(house, code, limit).await?;
    let mut offers = Vec::new();
    for config in house.config.enabled_channels().filter(|c| only.is_none_or(|name| name == c.name)) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
        let running = App::channel(&house.config, &house.store, &clock, config).await?;
        offers.extend(offers_of(house, &running.channel, &item).await?);
    }
    if let Some(name) = only.filter(|name| house.config.channel(name).is_none()) {
        return Err(Failure::not_found(format!(
            "no channel is called {name:?}; `banto channel list` shows them"
        )));
    }
    explanation.offers = Some(offers);
    house.out.answer(&explanation, |text| {
        tell_goods(text, &explanation);
        for offer in explanation.offers.iter().flatten() {
            tell_offer(text, offer);
        }
        if explanation.offers.as_ref().is_some_and(Vec::is_empty) {
            text.line("");
            text.line("no channel offers it");
        }
    })?;
    Ok(Exit::Ok)
}

async fn gather(house: &House, code: &str, limit: i64) -> Result<(Explanation, ItemRow), Failure> {
    let item = house.store.item(code).await?;
    let own = BTreeSet::from([item.id]);
    let parts = house.store.components_of(&own).await?;
    let pieces: Vec<(ItemId, i64)> = match parts.is_empty() {
        true => vec![(item.id, 1)],
        false => parts.iter().map(|c| (c.item_id, c.quantity)).collect(),
    };
    let ids: BTreeSet<ItemId> = pieces.iter().map(|(id, _)| *id).collect();
    let rows = house.store.items_of(&ids).await?;
    let places: BTreeMap<LocationId, String> =
        house.store.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
    let mut goods = Vec::new();
    let mut free: BTreeMap<ItemId, i64> = BTreeMap::new();
    for (id, units) in &pieces {
        let Some(row) = rows.get(id) else { continue };
        let one = goods_of(house, row, *units, &places, limit).await?;
        free.insert(*id, one.shelves.iter().map(|s| s.numbers.available).sum());
        goods.push(one);
    }
    let available = whole_sets(&pieces, |id| free.get(&id).copied().unwrap_or(0));
    let explanation = Explanation {
        code: item.code.clone(),
        name: item.name.clone(),
        set: !parts.is_empty(),
        available,
        goods,
        offers: None,
    };
    Ok((explanation, item))
}

async fn goods_of(
    house: &House,
    item: &ItemRow,
    units: i64,
    places: &BTreeMap<LocationId, String>,
    limit: i64,
) -> Result<Goods, Failure> {
    let own = BTreeSet::from([item.id]);
    let place = |id: LocationId| places.get(&id).cloned().unwrap_or_else(|| format!("#{id}"));
    let mut shelves = Vec::new();
    let mut entries: Vec<EntryRow> = Vec::new();
    for level in house.store.levels_of(&own).await? {
        shelves.push(Shelf { location: place(level.location_id), numbers: level.level().into() });
        entries.extend(house.store.entry_chain(level.last_entry, limit).await?);
    }
    entries.sort_by_key(|e| std::cmp::Reverse(e.id));
    let names = house.store.order_names(&entries.iter().filter_map(|e| e.order_id).collect()).await?;
    let order = |id: OrderId| match names.get(&id) {
        Some((channel, number)) => format!("{channel}/{number}"),
        None => format!("#{id}"),
    };
    let movement = |e: EntryRow| Movement {
        id: e.id,
        at: utc(e.at),
        location: place(e.location_id),
        from: e.source,
        to: e.target,
        quantity: e.quantity,
        available_after: e.available_after,
        reserved_after: e.reserved_after,
        short_after: e.short_after,
        reason: e.reason,
        order: e.order_id.map(order),
        actor: e.actor,
        micros: e.at,
    };
    let hold = |h: Holding| Hold {
        order: format!("{}/{}", h.channel, h.number),
        id: h.order_id,
        line: h.line_no,
        location: place(h.location_id),
        reserved: h.reserved,
        short: h.short,
    };
    Ok(Goods {
        code: item.code.clone(),
        name: item.name.clone(),
        units,
        shelves,
        orders: house.store.holdings_of(&own).await?.into_iter().map(hold).collect(),
        movements: entries.into_iter().map(movement).collect(),
    })
}

/// The channel's listings that draw on the item: its own, those of sets it is in, and for a set its own.
async fn offers_of(house: &House, channel: &Channel, item: &ItemRow) -> Result<Vec<Offer>, Failure> {
    let offers = channel.offers_of(&house.store, &BTreeSet::from([item.id])).await?;
    let drawn = offers.iter().flat_map(|o| &o.way).filter_map(|step| match step.why {
        Why::There(supply) => Some(supply.item),
        _ => None,
    });
    let codes = house.store.items_of(&drawn.collect()).await?;
    let offer = |mut one: channels::offer::Offer| {
        // The rules know items by key; people know them by code.
        for step in &mut one.way {
            for item in codes.values() {
                step.what = step.what.replace(&format!("item {}:", item.id), &format!("{}:", item.code));
            }
        }
        let row = one.row;
        Offer {
            channel: channel.name.clone(),
            wanted: one.wanted,
            why: one.way,
            shows: one.shows,
            sent: row.sent,
            sent_at: row.sent_at.map(utc),
            answered: row.answered,
            answered_at: row.answered_at.map(utc),
            receipt: row.receipt,
            error: row.error,
            next_try: row.retry_at.map(utc),
            state: match one.standing {
                Standing::Observed => "only observed",
                Standing::Awaits => "waits for its receipt",
                Standing::Paused => "paused",
                Standing::Failed => "failed",
                Standing::Right => "right",
                Standing::Drift | Standing::Behind => "behind",
            },
            times: [row.sent_at, row.answered_at, row.retry_at],
            listing: row.remote_id,
            title: row.title,
        }
    };
    Ok(offers.into_iter().map(offer).collect())
}

fn tell_goods(text: &mut Text, explanation: &Explanation) {
    text.line(format!("{}  {}", explanation.code, explanation.name));
    if explanation.set {
        text.line(format!("a set; {} can be made of what is free", explanation.available));
    }
    for goods in &explanation.goods {
        if explanation.set {
            text.line("");
            text.line(format!("{} × {}  {}", goods.units, goods.code, goods.name));
        }
        let shelf = |s: &Shelf| {
            let n = s.numbers;
            let numbers = [n.on_hand, n.reserved, n.available, n.short].map(|n| n.to_string());
            let [on_hand, reserved, free, short] = numbers;
            [s.location.clone(), on_hand, reserved, free, short]
        };
        let heads = [left("LOCATION"), right("ON HAND"), right("RESERVED"), right("FREE"), right("SHORT")];
        text.table(heads, &goods.shelves.iter().map(shelf).collect::<Vec<_>>());
        if !goods.orders.is_empty() {
            text.line("");
            let row = |h: &Hold| {
                [
                    h.order.clone(),
                    h.line.to_string(),
                    h.location.clone(),
                    h.reserved.to_string(),
                    h.short.to_string(),
                ]
            };
            let heads = [left("ORDER"), right("LINE"), left("LOCATION"), right("HOLDS"), right("LACKS")];
            text.table(heads, &goods.orders.iter().map(row).collect::<Vec<_>>());
        }
        tell_movements(text, &goods.movements);
    }
}

fn tell_movements(text: &mut Text, movements: &[Movement]) {
    if movements.is_empty() {
        return;
    }
    text.line("");
    let row = |m: &Movement| {
        [
            text.time(m.micros),
            m.location.clone(),
            format!("{} → {}", m.from, m.to),
            m.quantity.to_string(),
            m.available_after.to_string(),
            m.reserved_after.to_string(),
            m.short_after.to_string(),
            m.reason.clone(),
            m.order.clone().unwrap_or_default(),
            m.actor.clone(),
        ]
    };
    let rows: Vec<_> = movements.iter().map(row).collect();
    let heads = [
        left("WHEN"),
        left("LOCATION"),
        left("MOVEMENT"),
        right("UNITS"),
        right("FREE"),
        right("RESERVED"),
        right("SHORT"),
        left("WHY"),
        left("ORDER"),
        left("BY"),
    ];
    text.table(heads, &rows);
}

fn tell_offer(text: &mut Text, offer: &Offer) {
    let number = |n: Option<i64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    text.line("");
    text.line(format!("{}/{}  {}: {}", offer.channel, offer.listing, offer.title, offer.state));
    for step in &offer.why {
        text.line(format!("  {} → {}", step.what, step.gives));
    }
    text.line(format!(
        "  wanted {}, shows {}",
        offer.wanted.map_or_else(|| "nothing".to_owned(), |n| n.to_string()),
        number(offer.shows)
    ));
    let [sent_at, answered_at, next_try] = offer.times;
    let time = |at: Option<i64>| text.time_or(at, "never");
    let mut lines = vec![
        match offer.sent {
            Some(n) => format!("  sent {n} ({})", time(sent_at)),
            None => "  nothing was sent to it yet".to_owned(),
        },
        match offer.answered {
            Some(n) => format!("  it last told us {n} ({})", time(answered_at)),
            None => "  it never told us its number".to_owned(),
        },
    ];
    lines.extend(offer.receipt.as_ref().map(|receipt| format!("  its answer is awaited under {receipt}")));
    lines
        .extend(offer.error.as_ref().map(|error| format!("  it said: {error}; next try {}", time(next_try))));
    for line in lines {
        text.line(line);
    }
}
