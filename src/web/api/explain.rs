//! Why an item's numbers are what they are: movements, orders, and what each channel shows and why.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Named, Query};
use super::shapes::{Numbers, time};
use super::table::{Scope, Table, words};
use super::{Api, Problem};
use crate::channels::offer::{Offer as Shown, Standing};
use crate::domain::plan::Why;
use crate::domain::{self, ItemId, LocationId};
use crate::store::{EntryRow, Holding, ItemRow, Store};

/// Movements for each location that nobody asked a number of.
const MOVEMENTS: i64 = 20;
/// Most movements for each location.
const MOVEMENTS_MAX: i64 = 200;

pub(super) fn routes(table: Table) -> Table {
    table.get(
        "/items/{code}/explain",
        Scope::StockRead,
        explain,
        words("explainItem", "Why an item's numbers are what they are, on the shelf and on each channel")
            .query::<ExplainQuery>()
            .answers::<Explanation>(),
    )
}

/// How much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExplainQuery {
    /// Only this channel.
    channel: Option<String>,
    /// Movements of each location, newest first.
    #[param(minimum = 1, maximum = 200, default = 20)]
    movements: Option<i64>,
}

/// An item, or the parts of a set, and what channels show of it.
#[derive(Debug, Serialize, ToSchema)]
struct Explanation {
    code: String,
    name: String,
    set: bool,
    /// Itself, or what it is made of.
    goods: Vec<Goods>,
    offers: Vec<Offer>,
}

/// An item with its shelves, holders and movements.
#[derive(Debug, Serialize, ToSchema)]
struct Goods {
    code: String,
    name: String,
    /// Units of it in the item that was asked about.
    units: i64,
    locations: BTreeMap<String, Numbers>,
    orders: Vec<Hold>,
    movements: Vec<Movement>,
}

/// Units that an order's line holds or lacks.
#[derive(Debug, Serialize, ToSchema)]
struct Hold {
    order: i64,
    channel: String,
    number: String,
    line: i64,
    location: String,
    reserved: i64,
    short: i64,
}

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
struct Movement {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    location: String,
    /// `supplier`, `available`, `reserved`, `short`, `shipped`, `returned`, `written_off`, `counted`.
    from: String,
    to: String,
    quantity: i64,
    available_after: i64,
    reserved_after: i64,
    short_after: i64,
    reason: String,
    order: Option<i64>,
    actor: String,
}

/// What a channel shows through one listing, and why.
#[derive(Debug, Serialize, ToSchema)]
struct Offer {
    channel: String,
    listing: String,
    title: String,
    /// What it should show; nothing when nothing is pushed to it.
    wanted: Option<i64>,
    /// The way to that number.
    why: Vec<Step>,
    /// What it shows as far as we know.
    shows: Option<i64>,
    sent: Option<i64>,
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    answered: Option<i64>,
    #[schema(format = DateTime)]
    answered_at: Option<String>,
    error: Option<String>,
    #[schema(format = DateTime)]
    next_try: Option<String>,
    /// `right`, `behind`, `awaits`, `drift`, `failed`, `paused` or `observed`.
    #[schema(example = "right")]
    state: &'static str,
}

/// One step of the way to a number.
#[derive(Debug, Serialize, ToSchema)]
struct Step {
    what: String,
    gives: i64,
}

async fn explain(
    State(api): State<Api>,
    Named(code): Named<String>,
    Query(q): Query<ExplainQuery>,
) -> Result<Answer<Explanation>, Problem> {
    let limit = q.movements.unwrap_or(MOVEMENTS);
    if !(1..=MOVEMENTS_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("`movements` is from 1 to {MOVEMENTS_MAX}")));
    }
    let store = api.desk.store();
    let item = store.item(&code).await?;
    let own = BTreeSet::from([item.id]);
    let parts = store.components_of(&own).await?;
    let pieces: Vec<(ItemId, i64)> = match parts.is_empty() {
        true => vec![(item.id, 1)],
        false => parts.iter().map(|c| (c.item_id, c.quantity)).collect(),
    };
    let rows = store.items_of(&pieces.iter().map(|(id, _)| *id).collect()).await?;
    let places: BTreeMap<LocationId, String> =
        store.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
    let mut goods = Vec::new();
    for (id, units) in pieces {
        let Some(row) = rows.get(&id) else { continue };
        goods.push(goods_of(store, row, units, &places, limit).await?);
    }
    let offers = offers(&api, &own, q.channel.as_deref()).await?;
    Ok(Answer(Explanation { code: item.code, name: item.name, set: item.is_set, goods, offers }))
}

async fn goods_of(
    store: &Store,
    item: &ItemRow,
    units: i64,
    places: &BTreeMap<LocationId, String>,
    limit: i64,
) -> Result<Goods, Problem> {
    let own = BTreeSet::from([item.id]);
    let place = |id: LocationId| places.get(&id).cloned().unwrap_or_default();
    let mut entries: Vec<EntryRow> = Vec::new();
    let mut locations = BTreeMap::new();
    for level in store.levels_of(&own).await? {
        locations.insert(place(level.location_id), level.level().into());
        entries.extend(store.entry_chain(level.last_entry, limit).await?);
    }
    entries.sort_by_key(|e| std::cmp::Reverse(e.id));
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
        at: time(e.at),
        location: place(e.location_id),
        from: e.source,
        to: e.target,
        quantity: e.quantity,
        available_after: e.available_after,
        reserved_after: e.reserved_after,
        short_after: e.short_after,
        reason: e.reason,
        order: e.order_id,
        actor: e.actor,
    };
    Ok(Goods {
        code: item.code.clone(),
        name: item.name.clone(),
        units,
        locations,
        orders: store.holdings_of(&own).await?.into_iter().map(hold).collect(),
        movements: entries.into_iter().map(movement).collect(),
    })
}

async fn offers(api: &Api, own: &BTreeSet<ItemId>, only: Option<&str>) -> Result<Vec<Offer>, Problem> {
    let app = api.desk.app();
    if let Some(name) = only.filter(|name| app.running(name).is_none()) {
        return Err(Problem::invalid(format!("no channel is called {name:?}")));
    }
    let mut offers = Vec::new();
    for running in app.channels.iter().filter(|r| only.is_none_or(|name| name == r.channel.name)) {
        let channel = &running.channel;
        let shown = channel.offers_of(&app.store, own).await?;
        let steps = shown.iter().flat_map(|one| &one.way);
        let drawn = steps.filter_map(|step| match step.why {
            Why::There(supply) => Some(supply.item),
            _ => None,
        });
        let items = app.store.items_of(&drawn.collect()).await?;
        offers.extend(shown.into_iter().map(|one| offer(&channel.name, one, &items)));
    }
    Ok(offers)
}

/// The rules know items by key; people know them by code.
fn step(step: &domain::plan::Step, items: &BTreeMap<ItemId, ItemRow>) -> Step {
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
        sent_at: row.sent_at.map(time),
        answered: row.answered,
        answered_at: row.answered_at.map(time),
        error: row.error,
        next_try: row.retry_at.map(time),
        state: match shown.standing {
            Standing::Right => "right",
            Standing::Paused => "paused",
            Standing::Observed => "observed",
            Standing::Behind => "behind",
            Standing::Awaits => "awaits",
            Standing::Drift => "drift",
            Standing::Failed => "failed",
        },
    }
}
