//! Orders: listed, shown, and what a program does to them.

mod shape;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::extract::{IfMatch, Json, Named, Query};
use super::shapes::{PAGE, PAGE_MAX, QUANTITY_MAX};
use super::table::{Scope, Table, words};
use super::{Api, Problem};
use crate::domain::deeds::Shipment;
use crate::domain::{ChannelId, OrderId, search};
use crate::store::{Act, Denied, OrderFilter, Wish};

use shape::{Order, OrderChanged, OrderList};

pub(super) fn routes(table: Table) -> Table {
    let table = table
        .get(
            "/orders",
            Scope::OrdersRead,
            list,
            words("listOrders", "Orders, newest first")
                .more("Follow `next_before` for the next page. With `after`, oldest first: to read what has come in \
                       since the last look, keep the largest id and ask for those after it.")
                .query::<OrdersQuery>()
                .answers::<OrderList>(),
        )
        .get(
            "/orders/{id}",
            Scope::OrdersRead,
            show,
            words("getOrder", "One order with its lines, parcels and history")
                .more("Its `ETag` is the order's version; send it back as `If-Match` with a change.")
                .answers::<Order>(),
        );
    deeds(table)
}

fn deeds(table: Table) -> Table {
    use Scope::OrdersWrite;
    let deed = |id, summary| words(id, summary).versioned().answers::<OrderChanged>();
    table
        .post(
            "/orders/{id}/hold",
            OrdersWrite,
            hold,
            deed("holdOrder", "Stop an order and its mails").takes::<Hold>(),
        )
        .post(
            "/orders/{id}/release",
            OrdersWrite,
            release,
            deed("releaseOrder", "Let an order on hold go on"),
        )
        .post(
            "/orders/{id}/confirm",
            OrdersWrite,
            confirm,
            deed("confirmOrder", "Tell the marketplace that the order is taken"),
        )
        .post(
            "/orders/{id}/cancel",
            OrdersWrite,
            cancel,
            deed("cancelOrder", "Cancel what has not left; its goods are free again").takes::<Cancel>(),
        )
        .post(
            "/orders/{id}/pay",
            OrdersWrite,
            pay,
            deed("payOrder", "Note that the money arrived outside the channel"),
        )
        .post(
            "/orders/{id}/ship",
            OrdersWrite,
            ship,
            deed("shipOrder", "Send a parcel off: stock leaves, the channel is told, the buyer gets a mail")
                .takes::<Ship>(),
        )
        .post(
            "/orders/{id}/return",
            OrdersWrite,
            take_back,
            deed("returnGoods", "Take goods of a line back").takes::<Return>(),
        )
        .post(
            "/orders/{id}/note",
            OrdersWrite,
            note,
            words("noteOrder", "Add a note to an order's history").takes::<Note>().answers::<OrderChanged>(),
        )
}

/// Which orders.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrdersQuery {
    /// Only those of this channel.
    channel: Option<String>,
    /// Only those of one kind.
    #[param(inline)]
    only: Option<Only>,
    /// Only those in which every word is found: number, name, mail address, phone, item, tracking number.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Only those with an id below this one.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// Only those with an id above this one, oldest first; not together with `only`, `q` and `before`.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// At most this many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// A kind of orders.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Only {
    /// Something may still leave.
    Open,
    /// On hold.
    Held,
    /// Open, and the money has not arrived.
    Unpaid,
    /// Goods are missing.
    Short,
}

/// Why an order stops.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Hold {
    /// Why, for whoever finds it.
    #[schema(example = "住所を確認中", min_length = 1, max_length = 500)]
    reason: String,
}

/// Why an order is cancelled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// Why, for the record and the channel.
    #[schema(example = "在庫切れ", min_length = 1, max_length = 500)]
    reason: String,
    /// Why, for the mail to the buyer; nothing is said without it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    to_buyer: String,
}

/// A parcel that leaves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ship {
    /// Carrier, by the channel's code where it has codes.
    #[schema(example = "ヤマト運輸", min_length = 1, max_length = 100)]
    carrier: String,
    /// Tracking number; empty for post without one.
    #[serde(default)]
    #[schema(example = "1234-5678-9012", max_length = 100)]
    tracking: String,
    /// Where the buyer can follow it.
    #[schema(max_length = 500)]
    tracking_url: Option<String>,
    /// What is in it; everything that is left if it names nothing.
    #[serde(default)]
    #[schema(max_items = 500)]
    lines: Vec<ShippedLine>,
}

/// Units of a line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShippedLine {
    /// Number of the line.
    #[schema(minimum = 1, example = 1)]
    line: i64,
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 2)]
    quantity: i64,
}

/// Something to remember.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// What.
    #[schema(example = "倉庫で梱包済み", min_length = 1, max_length = 2000)]
    text: String,
}

/// Goods that came back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Return {
    /// Number of the line.
    #[schema(minimum = 1, example = 1)]
    line: i64,
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 1)]
    quantity: i64,
    /// Put them on sale again; otherwise they are set aside.
    #[serde(default)]
    restock: bool,
    /// Code of the place where they lie; the first location without it.
    #[schema(max_length = 100)]
    location: Option<String>,
}

async fn list(State(api): State<Api>, Query(q): Query<OrdersQuery>) -> Result<Answer<OrderList>, Problem> {
    let store = api.desk.store();
    let limit = page_size(q.limit)?;
    let channels = store.channels().await?;
    let channel = match &q.channel {
        Some(name) => Some(
            channels
                .iter()
                .find(|c| c.name == *name)
                .ok_or_else(|| Problem::invalid(format!("no channel is called {name:?}")))?
                .id,
        ),
        None => None,
    };
    if q.before.is_some_and(|id| id < 1) || q.after.is_some_and(|id| id < 0) {
        return Err(Problem::invalid("`before` and `after` are ids of orders"));
    }
    let alone = q.only.is_none() && q.q.is_none() && q.before.is_none();
    if let Some(after) = q.after {
        if !alone {
            return Err(Problem::invalid("`after` does not go together with `only`, `q` and `before`"));
        }
        let rows = store.orders_after(channel, after, limit).await?;
        return Ok(Answer(OrderList::of(&rows, &channels, None)));
    }
    let before = q.before.unwrap_or(OrderId::MAX);
    let filter = match (q.only, q.q) {
        (Some(_), Some(_)) => return Err(Problem::invalid("`only` and `q` do not go together")),
        (None, Some(text)) => return search(&api, &text, (channel, before), limit).await,
        (Some(Only::Open), None) => OrderFilter::Open,
        (Some(Only::Held), None) => OrderFilter::Held,
        (Some(Only::Unpaid), None) => OrderFilter::Unpaid,
        (Some(Only::Short), None) => OrderFilter::Short,
        (None, None) => OrderFilter::All,
    };
    let rows = store.orders(filter, channel, before, limit).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|n| n == limit);
    let next = rows.last().filter(|_| full).map(|row| row.id);
    Ok(Answer(OrderList::of(&rows, &channels, next)))
}

/// The screen's search, a page at a time by key. A page may hold fewer than asked for, and others follow.
async fn search(
    api: &Api,
    text: &str,
    (channel, before): (Option<ChannelId>, OrderId),
    limit: i64,
) -> Result<Answer<OrderList>, Problem> {
    not_longer("q", text, 200)?;
    let store = api.desk.store();
    let found = store.search_orders(&search::Query::parse(text), before).await?;
    let mut ids = found.orders;
    // Whole words are found however old, what begins with them only so far down: the next page goes on there.
    ids.retain(|id| found.looked_down_to.is_none_or(|to| *id >= to));
    ids.sort_unstable_by(|a, b| b.cmp(a));
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = if ids.len() > page { ids.get(page - 1).copied() } else { found.looked_down_to };
    ids.truncate(page);
    let mut rows = store.orders_with(&ids).await?;
    rows.retain(|row| channel.is_none_or(|id| id == row.channel_id));
    Ok(Answer(OrderList::of(&rows, &store.channels().await?, next)))
}

pub(super) fn page_size(limit: Option<i64>) -> Result<i64, Problem> {
    match limit {
        None => Ok(PAGE),
        Some(limit @ 1..=PAGE_MAX) => Ok(limit),
        Some(_) => Err(Problem::invalid(format!("`limit` is from 1 to {PAGE_MAX}"))),
    }
}

async fn show(State(api): State<Api>, Named(id): Named<OrderId>) -> Result<Response, Problem> {
    let order = Order::from(&api.desk.store().order_view(id).await?);
    Ok((etag(order.version()), Answer(order)).into_response())
}

fn etag(version: i64) -> [(header::HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(&format!("\"{version}\""));
    [(header::ETAG, value.unwrap_or(HeaderValue::from_static("\"0\"")))]
}

async fn hold(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
    Json(body): Json<Hold>,
) -> Result<Response, Problem> {
    said("reason", &body.reason, 500)?;
    act(&api, &caller, (id, version), Wish::Hold { reason: body.reason }).await
}

async fn release(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
) -> Result<Response, Problem> {
    act(&api, &caller, (id, version), Wish::Release).await
}

async fn confirm(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
) -> Result<Response, Problem> {
    act(&api, &caller, (id, version), Wish::Confirm).await
}

async fn cancel(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
    Json(body): Json<Cancel>,
) -> Result<Response, Problem> {
    said("reason", &body.reason, 500)?;
    not_longer("to_buyer", &body.to_buyer, 2000)?;
    act(&api, &caller, (id, version), Wish::Cancel { reason: body.reason, to_buyer: body.to_buyer }).await
}

async fn pay(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
) -> Result<Response, Problem> {
    act(&api, &caller, (id, version), Wish::Pay { at: api.desk.now() }).await
}

async fn ship(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
    Json(body): Json<Ship>,
) -> Result<Response, Problem> {
    said("carrier", &body.carrier, 100)?;
    not_longer("tracking", &body.tracking, 100)?;
    let url = body.tracking_url.filter(|url| !url.is_empty());
    if let Some(url) = &url {
        not_longer("tracking_url", url, 500)?;
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(Problem::invalid("`tracking_url` is an address of the web: https://…"));
        }
    }
    let lines: Vec<(i64, i64)> = body.lines.iter().map(|l| (l.line, l.quantity)).collect();
    lines.iter().try_for_each(|(_, quantity)| some(*quantity))?;
    let shipment = Shipment { carrier: body.carrier, tracking: body.tracking, tracking_url: url, lines };
    act(&api, &caller, (id, version), Wish::Ship(shipment)).await
}

async fn take_back(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    version: IfMatch,
    Json(body): Json<Return>,
) -> Result<Response, Problem> {
    some(body.quantity)?;
    let location = super::stock::place(&api, body.location.as_deref()).await?.id;
    let wish = Wish::Return { goods: (body.line, body.quantity), location, restock: body.restock };
    act(&api, &caller, (id, version), wish).await
}

async fn note(
    State(api): State<Api>,
    caller: Caller,
    Named(id): Named<OrderId>,
    Json(body): Json<Note>,
) -> Result<Response, Problem> {
    said("text", &body.text, 2000)?;
    let (store, actor) = (caller.store(&api), caller.actor());
    caller.once(store.note_order(id, &body.text, &actor, api.desk.now())).await?;
    changed(&api, id, Vec::new()).await
}

/// Grants a wish, and answers with the order as it is then.
async fn act(
    api: &Api,
    caller: &Caller,
    (id, IfMatch(version)): (OrderId, IfMatch),
    wish: Wish,
) -> Result<Response, Problem> {
    let store = api.desk.store();
    let row = store.find_order(&format!("#{id}")).await.map_err(|_| no_order(id))?;
    if caller.done_before {
        return changed(api, id, Vec::new()).await;
    }
    let name = store.channel_of(row.channel_id).await?.name;
    let app = api.desk.app();
    let running = app.running(&name).ok_or_else(|| {
        Problem::conflict(format!(
            "the order's channel {name} does not run, so nobody knows who mails its buyers"
        ))
    })?;
    let (actor, now) = (caller.actor(), api.desk.now());
    let act = Act { order: id, version, seller: running.channel.seller(), actor: &actor, now };
    let done = caller.store(api).grant(&act, &wish).await.map_err(denied)?;
    changed(api, id, done.remarks.into_iter().map(|remark| remark.en).collect()).await
}

fn denied(denied: Denied) -> Problem {
    match denied {
        Denied::Changed { .. } => Problem::new(StatusCode::PRECONDITION_FAILED, denied.to_string()),
        Denied::Refused(why) => Problem::conflict(why.en),
        Denied::Store(error) => error.into(),
    }
}

async fn changed(api: &Api, id: OrderId, remarks: Vec<String>) -> Result<Response, Problem> {
    let order = Order::from(&api.desk.store().order_view(id).await?);
    Ok((etag(order.version()), Answer(OrderChanged { order, remarks })).into_response())
}

fn no_order(id: OrderId) -> Problem {
    Problem::not_found(format!("there is no order {id}"))
}

/// A text that must say something.
pub(super) fn said(name: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid(format!("`{name}` is empty")));
    }
    not_longer(name, text, max)
}

pub(super) fn not_longer(name: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.chars().count() <= max {
        return Ok(());
    }
    Err(Problem::invalid(format!("`{name}` has more than {max} characters")))
}

/// A number of units that is one.
pub(super) fn some(quantity: i64) -> Result<(), Problem> {
    if (1..=QUANTITY_MAX).contains(&quantity) {
        return Ok(());
    }
    Err(Problem::invalid(format!("`quantity` is from 1 to {QUANTITY_MAX}")))
}
