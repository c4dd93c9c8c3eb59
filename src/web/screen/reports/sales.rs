//! Sales over time and by shop.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use banto_channel::{Money, both};
use jiff::civil::Date;
use serde::Deserialize;

use super::csv::{self, Cell, Letters};
use super::times::{Against, Period, Step, date_from};
use super::{Change, Sum, change, channels, currencies, query_of, today, turns};
use crate::domain::ChannelId;
use crate::store::DaySales;
use crate::web::screen::plot::{self, Bars};
use crate::web::screen::{Desk, Fault, Page, Section, Visit, html};

/// What the report is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SalesQuery {
    span: String,
    until: String,
    against: String,
    currency: String,
    shop: String,
    encoding: String,
}

/// A line of a table: some time, or a shop.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub name: String,
    pub now: Sum,
    /// What it is compared with.
    pub before: Sum,
    pub change: Change,
    /// Its share of the sales, percent.
    pub share: String,
    pub turns: Option<String>,
}

#[derive(Template)]
#[template(path = "reports.html", config = "src/web/askama.toml")]
pub(super) struct SalesPage {
    pub p: Page,
    pub step: &'static str,
    pub against: &'static str,
    pub until: String,
    pub currency: String,
    pub currencies: Vec<String>,
    pub shop: String,
    pub shops: Vec<String>,
    pub all: Row,
    pub orders_change: Change,
    pub average_change: Change,
    pub plot: String,
    pub plot_orders: String,
    pub periods: Vec<Row>,
    pub by_shop: Vec<Row>,
    pub behind: bool,
    /// The query of this page, for links to the same.
    pub here: String,
}

/// Everything that a report says, before it is written down.
pub(super) struct Sales {
    step: Step,
    against: Against,
    until: Date,
    currency: String,
    currencies: Vec<String>,
    shop: String,
    shops: Vec<String>,
    all: Row,
    periods: Vec<(Period, Row)>,
    by_shop: Vec<Row>,
}

/// What a report is made of.
pub(super) struct Asked<'a> {
    pub step: Step,
    pub against: Against,
    pub until: Date,
    pub today: Date,
    pub currency: &'a str,
    pub shop: &'a str,
    pub channels: &'a [(ChannelId, String)],
    pub on_hand: i64,
}

impl Sales {
    /// The days from the first that is needed to the last.
    pub(super) fn range(asked: &Asked<'_>) -> [(i64, i64); 2] {
        let periods = asked.step.up_to(asked.until);
        let many = asked.step.many();
        let whole = |periods: Vec<Period>| {
            let first = periods.first().map_or(0, |p| p.days().0);
            (first, periods.last().map_or(first, |p| p.days().1))
        };
        let before = periods.iter().map(|p| asked.step.compared(*p, asked.against, many)).collect();
        [whole(periods), whole(before)]
    }

    /// Adds up days; `now` and `before` are those of [`Sales::range`].
    pub(super) fn of(asked: &Asked<'_>, now: &[DaySales], before: &[DaySales]) -> Self {
        let names: BTreeMap<ChannelId, &str> =
            asked.channels.iter().map(|(id, n)| (*id, n.as_str())).collect();
        let name = |day: &DaySales| names.get(&day.channel_id).copied().unwrap_or("?");
        let currencies = currencies(now.iter().chain(before));
        let wanted = currencies.iter().find(|c| *c == asked.currency).or_else(|| currencies.first());
        let currency = wanted.cloned().unwrap_or_default();
        let counts =
            |day: &&DaySales| day.currency == currency && (asked.shop.is_empty() || name(day) == asked.shop);
        let now: Vec<&DaySales> = now.iter().filter(counts).collect();
        let before: Vec<&DaySales> = before.iter().filter(counts).collect();
        let sum = |days: &[&DaySales], within: &dyn Fn(&DaySales) -> bool| {
            let mut sum = Sum::default();
            days.iter().filter(|day| within(day)).for_each(|day| sum.add(day));
            sum
        };
        let [(first, end), _] = Self::range(asked);
        let passed = (crate::store::day_number(asked.today) + 1).clamp(first, end) - first;
        let total = sum(&now, &|_| true).total;
        let row = |name: String, now: Sum, before: Sum| Row {
            name,
            change: change(now.total, before.total),
            share: super::percent(now.total, total).map(|t| super::tenth(t) + " %").unwrap_or_default(),
            turns: turns(now.units, passed, asked.on_hand),
            now,
            before,
        };
        let many = asked.step.many();
        let periods = asked.step.up_to(asked.until).into_iter().map(|period| {
            let other = asked.step.compared(period, asked.against, many);
            let in_period = |p: Period| move |d: &DaySales| (p.days().0..p.days().1).contains(&d.day);
            let line =
                row(asked.step.label(period), sum(&now, &in_period(period)), sum(&before, &in_period(other)));
            (period, line)
        });
        let mut by_shop: Vec<Row> = names
            .iter()
            .map(|(id, name)| {
                let of = |d: &DaySales| d.channel_id == *id;
                row((*name).to_owned(), sum(&now, &of), sum(&before, &of))
            })
            .filter(|row| row.now != Sum::default() || row.before != Sum::default())
            .collect();
        by_shop.sort_by_key(|row| std::cmp::Reverse(row.now.total));
        Self {
            all: row(String::new(), sum(&now, &|_| true), sum(&before, &|_| true)),
            periods: periods.collect(),
            by_shop,
            step: asked.step,
            against: asked.against,
            until: asked.until,
            currency,
            currencies,
            shop: asked.shop.to_owned(),
            shops: asked.channels.iter().map(|(_, name)| name.clone()).collect(),
        }
    }

    /// The page.
    pub(super) fn page(self, p: Page, behind: bool) -> SalesPage {
        let here = query_of(&[
            ("span", self.step.name()),
            ("until", &self.until.to_string()),
            ("against", self.against.name()),
            ("currency", &self.currency),
            ("shop", &self.shop),
        ]);
        let labels: Vec<String> = self.periods.iter().map(|(period, _)| self.step.short(*period)).collect();
        let values =
            |of: &dyn Fn(&Row) -> i64| self.periods.iter().map(|(_, row)| of(row)).collect::<Vec<_>>();
        let names = (
            p.t("This time", "今期"),
            if self.against == Against::LastYear {
                p.t("A year earlier", "前年")
            } else {
                p.t("Before", "前期")
            },
        );
        let drawn = |title: &str, now: &[i64], before: &[i64], value: &dyn Fn(i64) -> String| {
            let series = [Bars { name: names.0, values: now }, Bars { name: names.1, values: before }];
            plot::bars(title, &labels, &series, value)
        };
        let money = |n: i64| p.money(&n, &self.currency);
        let (sales, sales_before) = (values(&|r| r.now.total), values(&|r| r.before.total));
        let (orders, orders_before) = (values(&|r| r.now.orders), values(&|r| r.before.orders));
        SalesPage {
            plot: drawn(p.t("Sales", "売上"), &sales, &sales_before, &money),
            plot_orders: drawn(p.t("Orders", "受注数"), &orders, &orders_before, &plot::plain),
            step: self.step.name(),
            against: self.against.name(),
            until: self.until.to_string(),
            orders_change: change(self.all.now.orders, self.all.before.orders),
            average_change: change(
                self.all.now.average().unwrap_or(0),
                self.all.before.average().unwrap_or(0),
            ),
            periods: self.periods.into_iter().rev().map(|(_, row)| row).collect(),
            currency: self.currency,
            currencies: self.currencies,
            shop: self.shop,
            shops: self.shops,
            all: self.all,
            by_shop: self.by_shop,
            behind,
            here,
            p,
        }
    }

    /// The tables as CSV: the periods, then the shops.
    fn csv(&self, p: &Page, letters: Letters) -> Vec<u8> {
        let heads = [
            p.t("Period or shop", "期間・店舗"),
            p.t("Currency", "通貨"),
            p.t("Orders", "受注数"),
            p.t("Cancelled", "キャンセル数"),
            p.t("Units", "販売点数"),
            p.t("Sales", "売上"),
            p.t("Refunded", "返金"),
            p.t("Average order", "平均単価"),
            p.t("Orders compared", "比較受注数"),
            p.t("Sales compared", "比較売上"),
        ];
        let amount = |n: i64| Cell::Number(Money(n).to_decimal(&self.currency));
        let cells = |row: &Row| {
            vec![
                Cell::from(row.name.as_str()),
                Cell::from(self.currency.as_str()),
                row.now.orders.into(),
                row.now.cancelled.into(),
                row.now.units.into(),
                amount(row.now.total),
                amount(row.now.refunded),
                row.now.average().map_or_else(|| Cell::from(""), amount),
                row.before.orders.into(),
                amount(row.before.total),
            ]
        };
        let mut out = letters.mark().to_vec();
        out.extend(csv::line(&heads.map(Cell::from), letters));
        for row in self.periods.iter().map(|(_, row)| row).chain(&self.by_shop) {
            out.extend(csv::line(&cells(row), letters));
        }
        out
    }
}

async fn gather(desk: &Desk, p: &Page, query: &SalesQuery) -> Result<Sales, Fault> {
    let today = today(p);
    let channels = channels(desk).await?;
    let asked = Asked {
        step: Step::from_name(&query.span),
        against: Against::from_name(&query.against),
        until: date_from(&query.until).unwrap_or(today),
        today,
        currency: &query.currency,
        shop: query.shop.trim(),
        channels: &channels,
        on_hand: desk.store().on_hand_counted().await?,
    };
    let [now, before] = Sales::range(&asked);
    let store = desk.store();
    Ok(Sales::of(&asked, &store.sales(now.0, now.1).await?, &store.sales(before.0, before.1).await?))
}

pub(super) async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<SalesQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Reports, &both!("Reports", "レポート"));
    let sales = gather(&desk, &p, &query).await?;
    let behind = desk.store().reports_behind().await?;
    html(&sales.page(p, behind))
}

pub(super) async fn csv(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<SalesQuery>,
) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Reports, &both!("Reports", "レポート"));
    let letters = Letters::from_name(&query.encoding);
    let sales = gather(&desk, &p, &query).await?;
    let name = format!("sales-{}.csv", sales.until);
    Ok(csv::file(&name, letters, Body::from(sales.csv(&p, letters))))
}
