//! Items and their stock.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::{Json, Named, Query};
use super::orders::{not_longer, page_size, some};
use super::shapes::{Amount, Numbers, QUANTITY_MAX};
use super::table::{Scope, Table, words};
use super::{Api, Problem};
use crate::channels::explain::whole_sets;
use crate::domain::{ItemId, LocationId, OrderId};
use crate::store::{self, ItemRow, LevelRow, LocationRow, Moved, StockAct, Store, WriteOff};

pub(super) fn routes(table: Table) -> Table {
    use Scope::{StockRead, StockWrite};
    let deed = |id, summary| words(id, summary).answers::<StockMoved>();
    table
        .get(
            "/items",
            StockRead,
            list,
            words("listItems", "Items and sets by code, with their stock")
                .query::<ItemsQuery>()
                .answers::<ItemList>(),
        )
        .get("/items/{code}", StockRead, show, words("getItem", "One item with its stock").answers::<Item>())
        .get(
            "/shortfalls",
            StockRead,
            shortfalls,
            words("listShortfalls", "What orders lack, those that wait longest first")
                .query::<ShortfallsQuery>()
                .answers::<Shortfalls>(),
        )
        .post(
            "/items/{code}/receive",
            StockWrite,
            receive,
            deed("receiveStock", "Take a delivery in; orders that wait get theirs first").takes::<Receive>(),
        )
        .post(
            "/items/{code}/set",
            StockWrite,
            set,
            deed("setStock", "Say how many lie on a shelf, those held for orders included").takes::<Set>(),
        )
        .post(
            "/items/{code}/write-off",
            StockWrite,
            write_off,
            deed("writeOffStock", "Take broken or lost goods off a shelf").takes::<Lost>(),
        )
}

/// Lines of waiting orders that a repeated request is told.
const WAITING: i64 = 500;

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ItemsQuery {
    /// Only those with a code after this one: `next_after` of the page before.
    after: Option<String>,
    /// At most this many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// An item or a set, with its stock.
#[derive(Debug, Serialize, ToSchema)]
struct Item {
    #[schema(example = "TEA-01")]
    code: String,
    #[schema(example = "煎茶 100g")]
    name: String,
    /// JAN/GTIN.
    gtin: Option<String>,
    price: Option<Amount>,
    /// Whether it is made of other items; its stock is what can be made of what is free.
    set: bool,
    /// What it is made of.
    parts: Vec<Part>,
    /// All locations together.
    stock: Numbers,
    /// By code of the location; none of a set.
    locations: BTreeMap<String, Numbers>,
}

/// An item in a set.
#[derive(Debug, Serialize, ToSchema)]
struct Part {
    code: String,
    quantity: i64,
}

/// A page of items.
#[derive(Debug, Serialize, ToSchema)]
struct ItemList {
    items: Vec<Item>,
    /// `after` of the next page; nothing when this is the last.
    next_after: Option<String>,
}

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShortfallsQuery {
    /// Only orders after this one: `next_after` of the page before.
    after: Option<i64>,
    /// At most so many orders, each with all that it lacks.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// What orders lack.
#[derive(Debug, Serialize, ToSchema)]
struct Shortfalls {
    shortfalls: Vec<Shortfall>,
    /// `after` of the next page; nothing when this is the last.
    next_after: Option<i64>,
}

/// Units of an item that an order's line lacks.
#[derive(Debug, Serialize, ToSchema)]
struct Shortfall {
    order: i64,
    channel: String,
    number: String,
    line: i64,
    item: String,
    reserved: i64,
    short: i64,
}

/// A delivery.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receive {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 24)]
    quantity: i64,
    /// Code of the place; the first location without it.
    #[schema(max_length = 100)]
    location: Option<String>,
    /// Why, for the audit.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
    /// The goods are returned ones that were set aside, and are sold again.
    #[serde(default)]
    returned: bool,
}

/// What lies on a shelf.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    /// How many there are.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 120)]
    quantity: i64,
    /// Code of the place; the first location without it.
    #[schema(max_length = 100)]
    location: Option<String>,
    /// Why, for the audit.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

/// Goods that are no more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Lost {
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 1)]
    quantity: i64,
    /// Code of the place; the first location without it.
    #[schema(max_length = 100)]
    location: Option<String>,
    /// Why, for the audit.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
    /// Which goods.
    #[serde(default)]
    from: LostFrom,
}

/// Which goods are written off.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LostFrom {
    /// Free ones.
    #[default]
    Free,
    /// Also those held for orders: the newest orders then wait.
    EvenReserved,
    /// Returned ones that were set aside.
    Returned,
}

/// What a change of stock did.
#[derive(Debug, Serialize, ToSchema)]
struct StockMoved {
    #[schema(example = "TEA-01")]
    item: String,
    #[schema(example = "main")]
    location: String,
    /// The shelf before; as it is now where the first answer was lost.
    before: Numbers,
    after: Numbers,
    /// Orders that waited and got all they lacked, as CHANNEL/NUMBER.
    served: Vec<String>,
    /// Orders that lack units of the item now, as CHANNEL/NUMBER.
    waiting: Vec<String>,
}

async fn list(State(api): State<Api>, Query(q): Query<ItemsQuery>) -> Result<Answer<ItemList>, Problem> {
    let limit = page_size(q.limit)?;
    let store = api.desk.store();
    let rows = store.items(q.after.as_deref().unwrap_or(""), limit).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|n| n == limit);
    let next_after = rows.last().filter(|_| full).map(|row| row.code.clone());
    Ok(Answer(ItemList { items: with_stock(store, rows).await?, next_after }))
}

async fn show(State(api): State<Api>, Named(code): Named<String>) -> Result<Answer<Item>, Problem> {
    let store = api.desk.store();
    let row = store.item(&code).await?;
    let item = with_stock(store, vec![row]).await?.pop();
    item.map(Answer).ok_or_else(|| Problem::not_found(format!("no item has the code {code:?}")))
}

/// Items with their stock; of a set what can be made of what is free.
async fn with_stock(store: &Store, rows: Vec<ItemRow>) -> store::Result<Vec<Item>> {
    let sets: BTreeSet<ItemId> = rows.iter().filter(|i| i.is_set).map(|i| i.id).collect();
    let components = if sets.is_empty() { Vec::new() } else { store.components_of(&sets).await? };
    let parts: BTreeSet<ItemId> = components.iter().map(|c| c.item_id).collect();
    let names = if parts.is_empty() { BTreeMap::new() } else { store.items_of(&parts).await? };
    let all: BTreeSet<ItemId> = rows.iter().map(|i| i.id).chain(parts).collect();
    let mut levels: BTreeMap<ItemId, Vec<LevelRow>> = BTreeMap::new();
    for level in store.levels_of(&all).await? {
        levels.entry(level.item_id).or_default().push(level);
    }
    let places: BTreeMap<LocationId, String> =
        store.locations().await?.into_iter().map(|l| (l.id, l.code)).collect();
    let total = |item: ItemId| {
        let own = levels.get(&item).into_iter().flatten();
        own.fold(Numbers::default(), |sum, level| sum.add(level.level().into()))
    };
    let one = |row: ItemRow| {
        let own: Vec<_> = components.iter().filter(|c| c.set_id == row.id).collect();
        let pieces: Vec<(ItemId, i64)> = own.iter().map(|c| (c.item_id, c.quantity)).collect();
        let made = || whole_sets(&pieces, |part| total(part).available);
        let at = |level: &LevelRow| {
            (places.get(&level.location_id).cloned().unwrap_or_default(), Numbers::from(level.level()))
        };
        let part = |c: &&store::ComponentRow| Part {
            code: names.get(&c.item_id).map(|i| i.code.clone()).unwrap_or_default(),
            quantity: c.quantity,
        };
        Item {
            stock: if row.is_set {
                Numbers { available: made(), ..Numbers::default() }
            } else {
                total(row.id)
            },
            parts: own.iter().map(part).collect(),
            locations: levels.get(&row.id).into_iter().flatten().map(at).collect(),
            price: row.price.map(|minor| Amount::new(minor, &row.currency)),
            set: row.is_set,
            code: row.code,
            name: row.name,
            gtin: row.gtin,
        }
    };
    Ok(rows.into_iter().map(one).collect())
}

async fn shortfalls(
    State(api): State<Api>,
    Query(q): Query<ShortfallsQuery>,
) -> Result<Answer<Shortfalls>, Problem> {
    let limit = page_size(q.limit)?;
    let store = api.desk.store();
    let rows = store.shortfalls(q.after.unwrap_or(0), limit).await?;
    let orders: BTreeSet<OrderId> = rows.iter().map(|r| r.order_id).collect();
    let full = i64::try_from(orders.len()).is_ok_and(|n| n == limit);
    let next_after = orders.last().copied().filter(|_| full);
    let items = store.items_of(&rows.iter().map(|r| r.item_id).collect()).await?;
    let names = store.order_names(&orders).await?;
    let short = |row: store::ReservationRow| {
        let (channel, number) = names.get(&row.order_id).cloned().unwrap_or_default();
        Shortfall {
            order: row.order_id,
            channel,
            number,
            line: row.line_no,
            item: items.get(&row.item_id).map(|i| i.code.clone()).unwrap_or_default(),
            reserved: row.reserved,
            short: row.short,
        }
    };
    Ok(Answer(Shortfalls { shortfalls: rows.into_iter().map(short).collect(), next_after }))
}

/// A place by its code; without one, the first of the config.
pub(super) async fn place(api: &Api, code: Option<&str>) -> Result<LocationRow, Problem> {
    let config = &api.desk.app().config;
    let first = config.shop.locations.first().map(|l| l.code.as_str());
    let code = code.or(first).unwrap_or_default();
    let all = api.desk.store().locations().await?;
    let known: Vec<&str> = all.iter().map(|l| l.code.as_str()).collect();
    let unknown = format!("no location is called {code:?}; there is {}", known.join(", "));
    all.iter().find(|l| l.code == code).cloned().ok_or_else(|| Problem::invalid(unknown))
}

/// A change of one shelf, asked for by a program.
struct Change<'a> {
    code: &'a str,
    location: Option<&'a str>,
    note: &'a str,
    what: What,
}

/// What is done to the shelf.
enum What {
    Receive { units: i64, returned: bool },
    Set(i64),
    WriteOff(i64, WriteOff),
}

impl Change<'_> {
    async fn make(&self, api: &Api, caller: &Caller) -> Result<Answer<StockMoved>, Problem> {
        not_longer("note", self.note, 500)?;
        let (location, actor) = (place(api, self.location).await?, caller.actor());
        let act = StockAct {
            code: self.code,
            location: &location,
            actor: &actor,
            note: self.note,
            now: api.desk.now(),
        };
        let store = caller.store(api);
        let moved = caller.once(self.what.act(&store, &act)).await?;
        told(api, self.code, &location, moved).await
    }
}

impl What {
    async fn act(&self, store: &Store, act: &StockAct<'_>) -> store::Result<Moved> {
        match *self {
            Self::Receive { units, returned } => store.receive_stock(act, units, returned).await,
            Self::Set(units) => store.set_stock(act, units).await,
            Self::WriteOff(units, what) => store.write_off_stock(act, units, what).await,
        }
    }
}

async fn receive(
    State(api): State<Api>,
    caller: Caller,
    Named(code): Named<String>,
    Json(body): Json<Receive>,
) -> Result<Answer<StockMoved>, Problem> {
    some(body.quantity)?;
    let what = What::Receive { units: body.quantity, returned: body.returned };
    let location = body.location.as_deref();
    Change { code: &code, location, note: &body.note, what }.make(&api, &caller).await
}

async fn set(
    State(api): State<Api>,
    caller: Caller,
    Named(code): Named<String>,
    Json(body): Json<Set>,
) -> Result<Answer<StockMoved>, Problem> {
    if !(0..=QUANTITY_MAX).contains(&body.quantity) {
        return Err(Problem::invalid(format!("`quantity` is from 0 to {QUANTITY_MAX}")));
    }
    let (location, what) = (body.location.as_deref(), What::Set(body.quantity));
    Change { code: &code, location, note: &body.note, what }.make(&api, &caller).await
}

async fn write_off(
    State(api): State<Api>,
    caller: Caller,
    Named(code): Named<String>,
    Json(body): Json<Lost>,
) -> Result<Answer<StockMoved>, Problem> {
    some(body.quantity)?;
    let from = match body.from {
        LostFrom::Free => WriteOff::Free,
        LostFrom::EvenReserved => WriteOff::EvenReserved,
        LostFrom::Returned => WriteOff::Returned,
    };
    let (location, what) = (body.location.as_deref(), What::WriteOff(body.quantity, from));
    Change { code: &code, location, note: &body.note, what }.make(&api, &caller).await
}

/// What a change did; where its answer was lost, how things stand now.
async fn told(
    api: &Api,
    code: &str,
    location: &LocationRow,
    moved: Option<Moved>,
) -> Result<Answer<StockMoved>, Problem> {
    let names = |of: &[store::Holding]| of.iter().map(|h| format!("{}/{}", h.channel, h.number)).collect();
    let (item, location_code) = (code.to_owned(), location.code.clone());
    if let Some(moved) = moved {
        return Ok(Answer(StockMoved {
            item,
            location: location_code,
            before: moved.before.into(),
            after: moved.after.into(),
            served: moved.served,
            waiting: names(&moved.waiting),
        }));
    }
    let store = api.desk.store();
    let item_id = store.item(code).await?.id;
    let level =
        store.levels_of(&BTreeSet::from([item_id])).await?.into_iter().find(|l| l.location_id == location.id);
    let now: Numbers = level.map(|l| l.level().into()).unwrap_or_default();
    let waiting = store.waiting_for(item_id, WAITING).await?;
    let waiting = names(&waiting);
    Ok(Answer(StockMoved {
        item,
        location: location_code,
        before: now,
        after: now,
        served: Vec::new(),
        waiting,
    }))
}
