//! What each item brought in a day, a week or a month.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::Response;
use banto_channel::{Money, both};
use futures_util::stream;
use serde::Deserialize;

use super::csv::{self, Cell, Letters};
use super::times::{Against, Period, Step, date_from};
use super::{Change, change, channels, currencies, query_of, today, turns};
use crate::domain::{ChannelId, ItemId};
use crate::store::{ItemRow, ItemSales, SalesOf, SalesSpan, Store, StoreError, day_number, month_number};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// Items on one page, and in one piece of a CSV file.
const PAGE: i64 = 50;
const PIECE: i64 = 500;

/// What the report is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemsQuery {
    span: String,
    at: String,
    against: String,
    currency: String,
    shop: String,
    after: String,
    encoding: String,
}

/// An item.
#[derive(Clone, Debug)]
pub(super) struct ItemCell {
    pub code: String,
    pub name: String,
    pub units: i64,
    pub total: i64,
    pub units_before: i64,
    pub total_before: i64,
    pub change: Change,
    /// Units in the house; a set has none of its own.
    pub on_hand: Option<i64>,
    /// How often a year they would be sold at this pace.
    pub turns: Option<String>,
}

#[derive(Template)]
#[template(path = "report_items.html", config = "src/web/askama.toml")]
pub(super) struct ItemsPage {
    pub p: Page,
    pub step: &'static str,
    pub against: &'static str,
    pub at: String,
    pub label: String,
    pub compared: String,
    pub currency: String,
    pub currencies: Vec<String>,
    pub shop: String,
    pub shops: Vec<String>,
    pub rows: Vec<ItemCell>,
    pub earlier: String,
    pub later: Option<String>,
    pub next: Option<String>,
    pub behind: bool,
    pub here: String,
}

/// What is asked for, understood.
#[derive(Clone, Debug)]
struct Wanted {
    step: Step,
    against: Against,
    period: Period,
    compared: Period,
    /// Days of the period that have begun.
    passed: i64,
    channel: Option<ChannelId>,
    currency: String,
    currencies: Vec<String>,
    shops: Vec<String>,
    shop: String,
}

impl Wanted {
    async fn of(desk: &Desk, p: &Page, query: &ItemsQuery) -> Result<Self, Fault> {
        let (step, against) = (Step::from_name(&query.span), Against::from_name(&query.against));
        let today = today(p);
        let period = step.around(date_from(&query.at).unwrap_or(today));
        let shops = channels(desk).await?;
        let shop = query.shop.trim().to_owned();
        let channel = shops.iter().find(|(_, name)| *name == shop).map(|(id, _)| *id);
        if channel.is_none() && !shop.is_empty() {
            return Err(Fault::not_found(both!(
                "There is no channel {shop:?}",
                "チャネル「{shop}」はありません"
            )));
        }
        let (first, end) = period.days();
        let currencies = currencies(desk.store().sales(first, end).await?.iter());
        let currency = currencies.iter().find(|c| **c == query.currency).or_else(|| currencies.first());
        Ok(Self {
            compared: step.compared(period, against, 1),
            passed: (day_number(today) + 1).clamp(first, end) - first,
            currency: currency.cloned().unwrap_or_default(),
            shops: shops.into_iter().map(|(_, name)| name).collect(),
            step,
            against,
            period,
            channel,
            currencies,
            shop,
        })
    }

    fn sales(&self, period: Period) -> SalesOf<'_> {
        let span = match self.step {
            Step::Month => SalesSpan::Month(month_number(period.first)),
            Step::Day | Step::Week => SalesSpan::Days(period.days().0, period.days().1),
        };
        SalesOf { span, channel: self.channel, currency: &self.currency }
    }

    /// A piece of the list, and where the next begins.
    async fn piece(
        &self,
        store: &Store,
        after: Option<(i64, ItemId)>,
        limit: i64,
    ) -> Result<(Vec<ItemCell>, Option<(i64, ItemId)>), StoreError> {
        let sold = store.sales_by_item(&self.sales(self.period), after, limit).await?;
        let ids: Vec<ItemId> = sold.iter().map(|s| s.item_id).collect();
        let before = store.sales_of_items(&self.sales(self.compared), &ids).await?;
        let items = store.items_of(&ids.iter().copied().collect()).await?;
        let on_hand = store.on_hand_of(&ids).await?;
        let next = sold.last().filter(|_| i64::try_from(sold.len()).is_ok_and(|n| n == limit));
        let next = next.map(|s| (s.total, s.item_id));
        Ok((sold.iter().map(|s| self.cell(s, &before, &items, &on_hand)).collect(), next))
    }

    fn cell(
        &self,
        sold: &ItemSales,
        before: &BTreeMap<ItemId, ItemSales>,
        items: &BTreeMap<ItemId, ItemRow>,
        on_hand: &BTreeMap<ItemId, i64>,
    ) -> ItemCell {
        let before = before.get(&sold.item_id).copied().unwrap_or_default();
        let item = items.get(&sold.item_id);
        let on_hand = on_hand.get(&sold.item_id).copied().filter(|_| item.is_none_or(|i| !i.is_set));
        ItemCell {
            code: item.map(|i| i.code.clone()).unwrap_or_default(),
            name: item.map(|i| i.name.clone()).unwrap_or_default(),
            units: sold.units,
            total: sold.total,
            units_before: before.units,
            total_before: before.total,
            change: change(sold.total, before.total),
            turns: on_hand.and_then(|stock| turns(sold.units, self.passed, stock)),
            on_hand,
        }
    }

    fn query(&self, at: &str, after: &str) -> String {
        query_of(&[
            ("span", self.step.name()),
            ("at", at),
            ("against", self.against.name()),
            ("currency", &self.currency),
            ("shop", &self.shop),
            ("after", after),
        ])
    }
}

fn cursor(text: &str) -> Option<(i64, ItemId)> {
    let (total, item) = text.split_once('.')?;
    Some((total.parse().ok()?, item.parse().ok()?))
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<ItemsQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Reports, &both!("Items sold", "商品別レポート"));
    let wanted = Wanted::of(&desk, &p, &query).await?;
    let (rows, next) = wanted.piece(desk.store(), cursor(&query.after), PAGE).await?;
    let at = wanted.period.first.to_string();
    let beside = |n| wanted.step.shifted(wanted.period, n).first;
    let later = beside(1);
    html(&ItemsPage {
        step: wanted.step.name(),
        against: wanted.against.name(),
        label: wanted.step.label(wanted.period),
        compared: wanted.step.label(wanted.compared),
        earlier: wanted.query(&beside(-1).to_string(), ""),
        later: (later <= today(&p)).then(|| wanted.query(&later.to_string(), "")),
        next: next.map(|(total, item)| wanted.query(&at, &format!("{total}.{item}"))),
        here: wanted.query(&at, ""),
        behind: desk.store().reports_behind().await?,
        at,
        currency: wanted.currency,
        currencies: wanted.currencies,
        shop: wanted.shop,
        shops: wanted.shops,
        rows,
        p,
    })
}

pub(super) async fn csv(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<ItemsQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Reports, &both!("Items sold", "商品別レポート"));
    let letters = Letters::from_name(&query.encoding);
    let wanted = Wanted::of(&desk, &p, &query).await?;
    let name = format!("items-{}.csv", wanted.period.first);
    let heads = [
        p.t("Code", "商品コード"),
        p.t("Name", "商品名"),
        p.t("Currency", "通貨"),
        p.t("Units", "販売点数"),
        p.t("Sales", "売上"),
        p.t("Units compared", "比較点数"),
        p.t("Sales compared", "比較売上"),
        p.t("On hand", "在庫数"),
        p.t("Stock turns a year", "在庫回転率（年）"),
    ];
    let mut first = letters.mark().to_vec();
    first.extend(csv::line(&heads.map(Cell::from), letters));
    let begin = Some((Some(first), None));
    // Each piece is read when the one before was taken: a long list needs no memory.
    let pieces =
        stream::try_unfold((begin, desk.store().clone(), wanted), move |(at, store, wanted)| async move {
            let Some((head, after)) = at else { return Ok::<_, std::io::Error>(None) };
            let (rows, next) = wanted.piece(&store, after, PIECE).await.map_err(std::io::Error::other)?;
            let mut out = head.unwrap_or_default();
            for row in &rows {
                out.extend(csv::line(&cells(row, &wanted.currency), letters));
            }
            let then = next.map(|next| (None, Some(next)));
            Ok(Some((Bytes::from(out), (then, store, wanted))))
        });
    Ok(csv::file(&name, letters, Body::from_stream(pieces)))
}

fn cells(row: &ItemCell, currency: &str) -> Vec<Cell> {
    let amount = |n: i64| Cell::Number(Money(n).to_decimal(currency));
    vec![
        Cell::from(row.code.as_str()),
        Cell::from(row.name.as_str()),
        Cell::from(currency),
        row.units.into(),
        amount(row.total),
        row.units_before.into(),
        amount(row.total_before),
        row.on_hand.map_or_else(|| Cell::from(""), Cell::from),
        row.turns.clone().map_or_else(|| Cell::from(""), Cell::Number),
    ]
}
