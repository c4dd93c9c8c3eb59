//! What the marketplaces know, held against what banto's book says. Used by the simulation too.

use std::collections::{BTreeMap, BTreeSet};

use banto::domain::order::{fulfilment_name, payment_name};
use banto::store::{JobFilter, JobRow, MailRow, OrderFilter, OrderRow, PlanRules, Scope, Store};
use banto_channel::{Fulfilment, Payment, StockBasis};
use banto_sim::{Market, MarketOrder};

/// A channel and the marketplace behind it.
pub struct Side<'a> {
    /// The channel's name.
    pub name: &'a str,
    /// The inside of the marketplace.
    pub market: &'a dyn Market,
    /// Which number it takes.
    pub basis: StockBasis,
    /// Units that the channel's config holds back.
    pub buffer: i64,
    /// Whether banto may write to it.
    pub live: bool,
}

impl<'a> Side<'a> {
    /// A live channel that takes the sellable number.
    pub fn new(name: &'a str, market: &'a dyn Market) -> Self {
        Self { name, market, basis: StockBasis::Sellable, buffer: 0, live: true }
    }
}

/// Everything in which house and marketplaces disagree or that is still to be done; empty when all is well.
pub async fn disagreements(store: &Store, sides: &[Side<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (given_up, jobs): (Vec<JobRow>, Vec<JobRow>) = store
        .jobs(JobFilter::default(), 0, 100_000)
        .await
        .unwrap()
        .into_iter()
        .partition(|j| j.state == "dead");
    // House and marketplace did different things to an order at the same time: that is a person's to settle.
    let contested: BTreeSet<i64> = given_up.iter().filter_map(JobRow::order).collect();
    for side in sides {
        let orders = orders_of(store, side.name).await;
        compare_orders(side, &orders, &contested, &mut wrong);
        compare_stock(store, side, &mut wrong).await;
    }
    for job in jobs {
        let why = job.last_error.unwrap_or_default();
        wrong.push(format!(
            "a job waits in {}: {} {} after {} tries: {why}",
            job.lane, job.state, job.key, job.attempts
        ));
    }
    wrong
}

/// The orders of a channel, by the marketplace's key.
pub async fn orders_of(store: &Store, name: &str) -> BTreeMap<String, OrderRow> {
    let channel = store.channel(name).await.unwrap().id;
    let (mut orders, mut before) = (BTreeMap::new(), i64::MAX);
    loop {
        let page = store.orders(OrderFilter::All, Some(channel), before, 1000).await.unwrap();
        let Some(last) = page.last() else { return orders };
        before = last.id;
        for row in page {
            let twice = orders.insert(row.remote_id.clone(), row);
            assert!(twice.is_none(), "{name} has an order twice: {twice:?}");
        }
    }
}

fn compare_orders(
    side: &Side<'_>,
    ours: &BTreeMap<String, OrderRow>,
    contested: &BTreeSet<i64>,
    wrong: &mut Vec<String>,
) {
    let name = side.name;
    let truth = side.market.orders();
    if truth.len() != ours.len() {
        wrong.push(format!("{name} took {} orders, the house has {}", truth.len(), ours.len()));
    }
    for order in truth {
        let Some(row) = ours.get(order.id.as_str()) else {
            wrong.push(format!("{name}: order {} was never imported", order.id));
            continue;
        };
        let ends = ends_of(&order);
        let same = row.payment == payment_name(order.payment) && ends.contains(&row.fulfilment.as_str());
        if !same && !contested.contains(&row.id) {
            wrong.push(format!(
                "{name}: order {} is {:?} and {ends:?}, the house says {row:?}",
                order.id, order.payment
            ));
        }
    }
}

/// What the house may call it. An order of which nothing is left to ship has ended, whatever its marketplace still
/// calls it.
fn ends_of(order: &MarketOrder) -> Vec<&'static str> {
    let all_gone = order.lines.iter().all(|(_, _, ordered, gone)| gone >= ordered);
    match order.fulfilment {
        Fulfilment::Open if all_gone => vec![fulfilment_name(Fulfilment::Cancelled)],
        told if all_gone => vec![fulfilment_name(told), fulfilment_name(Fulfilment::Cancelled)],
        told => vec![fulfilment_name(told)],
    }
}

/// Buyers must see what is free at the channel's locations, whichever number the marketplace takes.
pub async fn compare_stock(store: &Store, side: &Side<'_>, wrong: &mut Vec<String>) {
    let row = store.channel(side.name).await.unwrap();
    let locations: Vec<i64> = serde_json::from_str(&row.locations).unwrap();
    let rules = PlanRules { channel: row.id, locations: &locations, basis: side.basis };
    let stocked = store.stocked(&rules, Scope::Page(0, 10_000)).await.unwrap();
    if stocked.is_empty() {
        wrong.push(format!("{}: no listing is known", side.name));
    }
    for one in stocked.iter().filter(|s| side.live && !s.supplies.is_empty() && !s.row.ignored) {
        let free = one.supplies.iter().map(|s| s.available / s.units).min().unwrap_or(0);
        let should = Some((free - side.buffer).max(0));
        let shown = side.market.shown(&one.row.remote_id.clone().into());
        if shown != should {
            wrong.push(format!(
                "{}: {} shows {shown:?}, should show {should:?}: {one:?}",
                side.name, one.row.title
            ));
        }
    }
}

/// The mails of each order. Each must have come to its end, in which a server got it as often as its row says.
pub async fn ended_mails(store: &Store, got: &BTreeMap<String, usize>) -> BTreeMap<i64, Vec<MailRow>> {
    let mut rows: BTreeMap<i64, Vec<MailRow>> = BTreeMap::new();
    for mail in store.mails(None, 1_000_000).await.unwrap() {
        let copies = got.get(&mail.message_id).copied().unwrap_or(0);
        match mail.state.as_str() {
            "sent" => assert_eq!(copies, 1, "copies of {mail:?}"),
            "uncertain" => assert!(copies <= 1, "{copies} copies of {mail:?}"),
            "dropped" => assert_eq!(copies, 0, "{mail:?}"),
            _ => panic!("no end: {mail:?}"),
        }
        rows.entry(mail.order_id).or_default().push(mail);
    }
    rows
}

/// Insists that every buyer was told what happened, once: that each mail which the facts ask for has its row, and
/// that every row came to its end.
pub async fn insist_on_mails(store: &Store, sides: &[Side<'_>], got: &BTreeMap<String, usize>) {
    let rows = ended_mails(store, got).await;
    for side in sides.iter().filter(|s| s.live) {
        let ours = orders_of(store, side.name).await;
        for order in side.market.orders() {
            let row = &ours[order.id.as_str()];
            insist_on_kinds(side.name, &order, row, rows.get(&row.id).map_or(&[], Vec::as_slice));
        }
    }
}

fn insist_on_kinds(name: &str, order: &MarketOrder, row: &OrderRow, mails: &[MailRow]) {
    let count = |kind: &str| mails.iter().filter(|m| m.kind == kind).count();
    let cancelled = ends_of(order).contains(&fulfilment_name(Fulfilment::Cancelled));
    // What left the house before the shop heard that it was cancelled is a person's to settle.
    let ended = row.fulfilment == fulfilment_name(Fulfilment::Cancelled);
    let at = || format!("{name} {row:?}\n{order:?}\n{mails:?}");
    // One that was cancelled before we saw it is told of as nothing at all.
    assert!(count("received") == 1 || cancelled, "{}", at());
    assert!(count("received") <= 1 && count("paid") <= 1 && count("cancelled") <= 1, "{}", at());
    assert!(count("paid") == 1 || order.payment != Payment::Paid || cancelled, "{}", at());
    assert!(count("cancelled") == 1 || !ended || count("received") == 0, "{}", at());
    assert!(count("shipped") >= order.parcels.len(), "{}", at());
    let mut revisions: Vec<i64> = mails.iter().filter(|m| m.kind == "shipped").map(|m| m.revision).collect();
    revisions.dedup();
    assert_eq!(revisions.len(), count("shipped"), "{}", at());
}
