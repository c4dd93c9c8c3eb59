//! `/orders`: lists of open work, every order by key, and what a search found.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use banto_channel::both;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::bulk;
use super::words::{self, Chip};
use crate::domain::order::payment_from;
use crate::domain::search::{self, fold};
use crate::domain::timeline::hold_in_words;
use crate::domain::{ChannelId, OrderId};
use crate::store::{Alongside, ChannelRow, Counted, ListedLine, ListedOrder, OrderPage, OrderTab};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, done, format, html};

/// Rows of a page.
pub(super) const PAGE: usize = 50;
/// Orders of a search that are looked at in one go, while some of them are filtered out.
const CHUNK: usize = 60;
/// Longest name of a list, characters.
const NAME_MAX: usize = 60;

/// What stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct ListQuery {
    pub(super) q: String,
    pub(super) tab: String,
    pub(super) channel: String,
    pub(super) payment: String,
    pub(super) before: Option<OrderId>,
}

impl ListQuery {
    /// The address of this list, from the order before which it goes on.
    fn address(&self, before: Option<OrderId>) -> String {
        let query = self.query(before);
        if query.is_empty() { "/orders".to_owned() } else { format!("/orders?{query}") }
    }

    fn query(&self, before: Option<OrderId>) -> String {
        let before = before.map(|id| id.to_string()).unwrap_or_default();
        let fields = [
            ("q", self.q.as_str()),
            ("tab", &self.tab),
            ("channel", &self.channel),
            ("payment", &self.payment),
            ("before", &before),
        ];
        let pair =
            |(name, value): (&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        fields.into_iter().filter(|(_, value)| !value.is_empty()).map(pair).collect::<Vec<_>>().join("&")
    }

    fn tab(&self) -> OrderTab {
        OrderTab::from_name(&self.tab).unwrap_or_default()
    }
}

/// One order in a list.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: OrderId,
    /// `ID:VERSION`: what a bulk action is asked to act on.
    pub(super) seen: String,
    pub(super) channel: String,
    pub(super) number: String,
    pub(super) placed_at: i64,
    pub(super) buyer: String,
    pub(super) summary: String,
    pub(super) more: i64,
    pub(super) unmatched: bool,
    pub(super) total: i64,
    pub(super) currency: String,
    pub(super) payment: Chip,
    pub(super) fulfilment: Chip,
    pub(super) hold: Option<String>,
    pub(super) short: i64,
    pub(super) ship_by: Option<i64>,
    pub(super) late: bool,
}

pub(super) struct Tab {
    pub(super) href: String,
    pub(super) name: String,
    /// How many orders stand there, or nothing.
    pub(super) count: String,
    pub(super) here: bool,
}

pub(super) struct Saved {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) href: String,
}

#[derive(Template)]
#[template(path = "orders.html", config = "src/web/askama.toml")]
pub(super) struct OrdersPage {
    pub(super) p: Page,
    pub(super) query: ListQuery,
    pub(super) tabs: Vec<Tab>,
    pub(super) channels: Vec<(String, bool)>,
    pub(super) payments: Vec<(&'static str, String, bool)>,
    pub(super) saved: Vec<Saved>,
    /// What can be done to many orders at once.
    pub(super) actions: Vec<(&'static str, String)>,
    pub(super) rows: Vec<Row>,
    /// Where the list goes on.
    pub(super) next: Option<String>,
    /// The search was so broad that only the newest orders were looked through; further back is here.
    pub(super) further: Option<String>,
    /// This list without its page, to be kept.
    pub(super) here: String,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<ListQuery>,
) -> Result<Response, Fault> {
    let channels = desk.store().channels().await?;
    let found = find(&desk, &channels, &query).await?;
    if let Some(id) = only_one(&query, &found) {
        return Ok(Redirect::to(&format!("/orders/{id}")).into_response());
    }
    let p = desk.page(&visit, Section::Orders, &both!("Orders", "受注"));
    let ids: Vec<OrderId> = found.rows.iter().map(|row| row.id).collect();
    let beside = desk.store().alongside(&ids).await?;
    let saved = desk.store().saved_filters(visit.user).await?;
    // What is counted is all orders of a list, not those of a channel or a payment.
    let counts = if query.channel.is_empty() && query.payment.is_empty() {
        desk.store().order_counts(desk.now()).await?
    } else {
        Vec::new()
    };
    let names: BTreeMap<ChannelId, &str> = channels.iter().map(|c| (c.id, c.name.as_str())).collect();
    let page = OrdersPage {
        rows: found.rows.iter().map(|row| view(&p, row, &names, &beside)).collect(),
        tabs: tabs(&visit, &query, &counts),
        channels: channels.iter().map(|c| (c.name.clone(), c.name == query.channel)).collect(),
        payments: payments(&visit, &query),
        actions: bulk::actions(&visit),
        saved: saved
            .into_iter()
            .map(|row| Saved { id: row.id, name: row.name, href: format!("/orders?{}", row.query) })
            .collect(),
        next: found.next.map(|id| query.address(Some(id))),
        further: found.further.map(|id| query.address(Some(id))),
        here: query.query(None),
        query,
        p,
    };
    html(&page)
}

/// What a list or a search came to.
#[derive(Default)]
struct Found {
    rows: Vec<ListedOrder>,
    next: Option<OrderId>,
    further: Option<OrderId>,
}

async fn find(desk: &Desk, channels: &[ChannelRow], query: &ListQuery) -> Result<Found, Fault> {
    let channel = match query.channel.as_str() {
        "" => None,
        name => match channels.iter().find(|c| c.name == name) {
            Some(row) => Some(row.id),
            None => return Ok(Found::default()),
        },
    };
    let payment = Some(query.payment.as_str()).filter(|name| payment_from(name).is_some());
    if !query.q.trim().is_empty() {
        return search(desk, query, channel, payment).await;
    }
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let before = query.before.unwrap_or(OrderId::MAX);
    let page = OrderPage { tab: query.tab(), channel, payment, before, limit, now: desk.now() };
    let mut ids = desk.store().order_page(&page).await?;
    let more = ids.len() > PAGE;
    ids.truncate(PAGE);
    let next = ids.last().copied().filter(|_| more);
    Ok(Found { rows: desk.store().listed(&ids).await?, next, further: None })
}

async fn search(
    desk: &Desk,
    query: &ListQuery,
    channel: Option<ChannelId>,
    payment: Option<&str>,
) -> Result<Found, Fault> {
    let words = search::Query::parse(&query.q);
    let hits = desk.store().search_orders(&words, query.before.unwrap_or(OrderId::MAX)).await?;
    let mut found = Found { further: hits.looked_down_to, ..Found::default() };
    for ids in hits.orders.chunks(CHUNK) {
        let rows = desk.store().listed(ids).await?;
        found.rows.extend(rows.into_iter().filter(|row| {
            channel.is_none_or(|id| row.channel_id == id) && payment.is_none_or(|name| row.payment == name)
        }));
        if found.rows.len() > PAGE {
            found.rows.truncate(PAGE);
            // Whole words are found however old, what begins with them only so far down: the next page goes on there.
            found.next = found.rows.last().map(|row| row.id.max(hits.looked_down_to.unwrap_or(row.id)));
            found.further = None;
            break;
        }
    }
    Ok(found)
}

/// The one order whose whole number was typed: it is what somebody wants to see, not a list of one.
fn only_one(query: &ListQuery, found: &Found) -> Option<OrderId> {
    let [row] = found.rows.as_slice() else { return None };
    let typed = fold(&query.q);
    let named = !typed.is_empty() && (fold(&row.number) == typed || fold(&row.remote_id) == typed);
    (named && query.before.is_none()).then_some(row.id)
}

fn view(p: &Page, row: &ListedOrder, channels: &BTreeMap<ChannelId, &str>, beside: &Alongside) -> Row {
    let lines = beside.lines.get(&row.id).map(Vec::as_slice).unwrap_or_default();
    let summary = |line: &ListedLine| {
        let times = if line.quantity == 1 { String::new() } else { format!(" × {}", line.quantity) };
        format!("{}{times}", line.title)
    };
    Row {
        id: row.id,
        seen: format!("{}:{}", row.id, row.version),
        channel: channels.get(&row.channel_id).copied().unwrap_or_default().to_owned(),
        number: row.number.clone(),
        placed_at: row.placed_at,
        buyer: row.buyer_name.clone(),
        summary: lines.first().map(summary).unwrap_or_default(),
        more: i64::try_from(lines.len().saturating_sub(1)).unwrap_or(0),
        unmatched: row.open
            && row.moves_stock
            && lines.iter().any(|l| l.item_id.is_none() && l.per > 0 && l.quantity > l.cancelled),
        total: row.grand_total,
        currency: row.currency.clone(),
        payment: words::payment(&p.visit, &row.payment),
        fulfilment: words::fulfilment(&p.visit, &row.fulfilment),
        hold: row.hold.as_deref().map(|why| p.say(&hold_in_words(why))),
        short: beside.short.get(&row.id).copied().unwrap_or(0),
        ship_by: row.ship_by.filter(|_| row.open),
        late: row.open && row.ship_by.is_some_and(|at| at < p.now.0),
    }
}

fn tabs(visit: &Visit, query: &ListQuery, counts: &[(OrderTab, Counted)]) -> Vec<Tab> {
    let count = |tab: OrderTab| match counts.iter().find(|(one, _)| *one == tab) {
        None | Some((_, Counted { n: 0, more: false })) => String::new(),
        Some((_, Counted { n, more: true })) if *n < 1_000 => format!("{n}+"),
        Some((_, counted)) => format::count(counted.n),
    };
    let tab = |tab: OrderTab| {
        let name = if tab == OrderTab::default() { String::new() } else { tab.name().to_owned() };
        let list = ListQuery { tab: name, q: String::new(), before: None, ..query.clone() };
        let here = query.q.trim().is_empty() && query.tab() == tab;
        Tab { href: list.address(None), name: visit.say(&words::tab(tab)), count: count(tab), here }
    };
    OrderTab::EVERY.into_iter().map(tab).collect()
}

fn payments(visit: &Visit, query: &ListQuery) -> Vec<(&'static str, String, bool)> {
    ["awaiting", "partial", "paid", "failed", "partly_refunded", "refunded"]
        .into_iter()
        .map(|name| (name, words::payment(visit, name).text, name == query.payment))
        .collect()
}

/// A list under a name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SaveForm {
    name: String,
    q: String,
    tab: String,
    channel: String,
    payment: String,
}

pub(super) async fn save_filter(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<SaveForm>,
) -> Result<Response, Fault> {
    let name: String = form.name.trim().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        return Err(Fault::bad_input(both!(
            "A list needs a name of at most {NAME_MAX} characters",
            "一覧の名前を{NAME_MAX}文字以内で入力してください"
        )));
    }
    let SaveForm { q, tab, channel, payment, .. } = &form;
    let list = ListQuery {
        q: q.clone(),
        tab: tab.clone(),
        channel: channel.clone(),
        payment: payment.clone(),
        before: None,
    };
    desk.store().save_filter(visit.user, &name, &list.query(None)).await?;
    Ok(done(
        &visit,
        &list.address(None),
        &both!("The list is kept as \"{name}\"", "一覧を「{name}」として保存しました"),
    ))
}

pub(super) async fn drop_filter(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    desk.store().drop_filter(visit.user, id).await?;
    Ok(done(&visit, "/orders", &both!("The list is forgotten", "保存した一覧を削除しました")))
}
