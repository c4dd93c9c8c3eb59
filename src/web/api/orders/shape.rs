//! Orders as answers show them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::order::{Line, ParcelRecord, fulfilment_name, payment_name};
use crate::domain::timeline::{detail_in_words, hold_in_words};
use crate::store::{ChannelRow, OrderRow, OrderView, TimelineRow};
use crate::web::api::shapes::{Amount, time};

/// An order as it stands in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Orders {
    /// Our key of it; grows with each new order.
    #[schema(example = 4711)]
    id: i64,
    /// Name of its channel.
    #[schema(example = "honten")]
    channel: String,
    /// The number that buyers and staff know.
    #[schema(example = "1001")]
    number: String,
    /// Grows with each change.
    version: i64,
    /// When the buyer placed it.
    #[schema(format = DateTime)]
    placed_at: String,
    /// When it changed here last.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it must leave.
    #[schema(format = DateTime)]
    ship_by: Option<String>,
    /// `awaiting`, `partial`, `paid`, `failed`, `partly_refunded` or `refunded`.
    #[schema(example = "paid")]
    payment: String,
    /// `open`, `partial`, `shipped` or `cancelled`.
    #[schema(example = "open")]
    fulfilment: String,
    /// Why it is on hold.
    hold: Option<String>,
    /// Whether something of it may still leave.
    open: bool,
    total: Amount,
    buyer_name: String,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderList {
    orders: Vec<Orders>,
    /// `before` of the next page; nothing when this is the last, or with `after`.
    next_before: Option<i64>,
}

impl OrderList {
    pub(super) fn of(rows: &[OrderRow], channels: &[ChannelRow], next_before: Option<i64>) -> Self {
        let names: BTreeMap<i64, &str> = channels.iter().map(|c| (c.id, c.name.as_str())).collect();
        let listed = |row: &OrderRow| Orders {
            id: row.id,
            channel: names.get(&row.channel_id).copied().unwrap_or_default().to_owned(),
            number: row.number.clone(),
            version: row.version,
            placed_at: time(row.placed_at),
            updated_at: time(row.updated_at),
            ship_by: row.ship_by.map(time),
            payment: row.payment.clone(),
            fulfilment: row.fulfilment.clone(),
            hold: row.hold.as_deref().map(|why| hold_in_words(why).en),
            open: row.open,
            total: Amount::new(row.grand_total, &row.currency),
            buyer_name: row.buyer_name.clone(),
        };
        Self { orders: rows.iter().map(listed).collect(), next_before }
    }
}

/// Who bought.
#[derive(Debug, Serialize, ToSchema)]
struct Buyer {
    name: String,
    /// Empty where the channel gives none.
    email: String,
    phone: String,
    /// BCP 47; empty if unknown.
    language: String,
}

impl From<&banto_channel::Buyer> for Buyer {
    fn from(buyer: &banto_channel::Buyer) -> Self {
        let banto_channel::Buyer { name, email, phone, language } = buyer.clone();
        Self { name, email, phone, language }
    }
}

/// Where something goes.
#[derive(Debug, Serialize, ToSchema)]
struct Address {
    name: String,
    /// Reading of the name (フリガナ).
    name_kana: String,
    company: String,
    /// ISO 3166-1 alpha-2.
    country: String,
    postcode: String,
    /// Prefecture or state.
    region: String,
    city: String,
    line1: String,
    line2: String,
    phone: String,
}

impl From<&banto_channel::Address> for Address {
    fn from(a: &banto_channel::Address) -> Self {
        let a = a.clone();
        Self {
            name: a.name,
            name_kana: a.name_kana,
            company: a.company,
            country: a.country,
            postcode: a.postcode,
            region: a.region,
            city: a.city,
            line1: a.line1,
            line2: a.line2,
            phone: a.phone,
        }
    }
}

/// The channel's own totals.
#[derive(Debug, Serialize, ToSchema)]
struct Totals {
    items: Amount,
    discount: Amount,
    shipping: Amount,
    fees: Amount,
    tax_on_top: Amount,
    grand: Amount,
    tax: Amount,
    refunded: Amount,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
struct OrderLine {
    /// Its number within the order.
    line: i64,
    /// Code of our item; nothing waits for somebody to say which it is.
    item: Option<String>,
    /// Units of the item in one unit of the line.
    units: i64,
    /// The channel's key of the offer.
    listing: Option<String>,
    /// The code on the line.
    code: Option<String>,
    title: String,
    quantity: i64,
    shipped: i64,
    cancelled: i64,
    returned: i64,
    /// Units of the item that are held for it.
    reserved: i64,
    /// Units of the item that are missing.
    short: i64,
    unit_price: Amount,
    total: Amount,
}

/// A parcel.
#[derive(Debug, Serialize, ToSchema)]
struct Parcel {
    /// Its number within the order.
    parcel: i64,
    carrier: String,
    tracking: String,
    tracking_url: Option<String>,
    #[schema(format = DateTime)]
    shipped_at: String,
    /// What is in it; empty if the channel does not say.
    lines: Vec<ParcelLine>,
    /// Whether it was made here; otherwise the channel told of it.
    ours: bool,
}

/// Units of a line in a parcel.
#[derive(Debug, Serialize, ToSchema)]
struct ParcelLine {
    line: i64,
    quantity: i64,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
struct OrderEvent {
    #[schema(format = DateTime)]
    at: String,
    /// `imported`, `paid`, `held`, `released`, `shipped`, `cancelled` …
    kind: String,
    detail: String,
    /// Who: `channel:honten`, `user:aki`, `api:warehouse`.
    actor: String,
}

/// One order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Order {
    #[schema(example = 4711)]
    id: i64,
    #[schema(example = "honten")]
    channel: String,
    #[schema(example = "1001")]
    number: String,
    /// The channel's key of it.
    remote_id: String,
    version: i64,
    /// The channel's own word for its state.
    status: String,
    #[schema(example = "paid")]
    payment: String,
    payment_method: String,
    #[schema(format = DateTime)]
    paid_at: Option<String>,
    #[schema(example = "open")]
    fulfilment: String,
    hold: Option<String>,
    #[schema(format = DateTime)]
    placed_at: String,
    #[schema(format = DateTime)]
    imported_at: String,
    #[schema(format = DateTime)]
    ship_by: Option<String>,
    buyer: Buyer,
    ship_to: Address,
    bill_to: Address,
    /// The buyer's.
    note: String,
    totals: Totals,
    lines: Vec<OrderLine>,
    parcels: Vec<Parcel>,
    timeline: Vec<OrderEvent>,
}

/// An order after a change.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderChanged {
    pub(super) order: Order,
    /// What a person should know: who is not told, and why.
    pub(super) remarks: Vec<String>,
}

impl Order {
    pub(super) const fn version(&self) -> i64 {
        self.version
    }
}

impl From<&OrderView> for Order {
    fn from(view: &OrderView) -> Self {
        let order = &view.order;
        let time_of = |at: Option<banto_channel::Timestamp>| at.map(|t| time(t.0));
        Self {
            id: order.id,
            channel: view.channel.name.clone(),
            number: order.number.clone(),
            remote_id: order.remote_id.clone(),
            version: order.version,
            status: order.status.clone(),
            payment: payment_name(order.payment).to_owned(),
            payment_method: order.payment_title.clone(),
            paid_at: time_of(order.paid_at),
            fulfilment: fulfilment_name(order.fulfilment).to_owned(),
            hold: order.hold.as_deref().map(|why| hold_in_words(why).en),
            placed_at: time(order.placed_at.0),
            imported_at: time(order.imported_at.0),
            ship_by: time_of(order.ship_by),
            buyer: (&order.details.buyer).into(),
            ship_to: (&order.details.ship_to).into(),
            bill_to: (&order.details.bill_to).into(),
            note: order.details.note.clone(),
            totals: totals(view),
            lines: order.lines.iter().map(|l| line(view, l)).collect(),
            parcels: order.parcels.iter().map(parcel).collect(),
            timeline: view.timeline.iter().map(event).collect(),
        }
    }
}

fn totals(view: &OrderView) -> Totals {
    let t = &view.order.totals;
    let money = |minor| Amount::new(minor, &view.order.currency);
    Totals {
        items: money(t.items.0),
        discount: money(t.discount.0),
        shipping: money(t.shipping.0),
        fees: money(t.fees.0),
        tax_on_top: money(t.tax_on_top.0),
        grand: money(t.grand.0),
        tax: money(t.tax.0),
        refunded: money(t.refunded.0),
    }
}

fn line(view: &OrderView, line: &Line) -> OrderLine {
    let held = || view.reservations.iter().filter(|r| r.line_no == line.no);
    OrderLine {
        line: line.no,
        item: line.item.and_then(|item| Some(view.items.get(&item)?.code.clone())),
        units: line.per,
        listing: line.listing.clone(),
        code: line.code.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        shipped: line.shipped,
        cancelled: line.cancelled,
        returned: line.returned,
        reserved: held().map(|r| r.reserved).sum(),
        short: held().map(|r| r.short).sum(),
        unit_price: Amount::new(line.unit_price, &view.order.currency),
        total: Amount::new(line.total, &view.order.currency),
    }
}

fn parcel(p: &ParcelRecord) -> Parcel {
    Parcel {
        parcel: p.seq,
        carrier: p.carrier.clone(),
        tracking: p.tracking.clone(),
        tracking_url: p.tracking_url.clone(),
        shipped_at: time(p.shipped_at.0),
        lines: p.lines.iter().map(|&(line, quantity)| ParcelLine { line, quantity }).collect(),
        ours: p.ours,
    }
}

fn event(event: &TimelineRow) -> OrderEvent {
    OrderEvent {
        at: time(event.at),
        kind: event.kind.clone(),
        detail: detail_in_words(&event.kind, &event.detail).en,
        actor: event.actor.clone(),
    }
}
