//! Reports: sales, orders, cancellations, averages and stock turns by time, shop and item, beside the time before or last
//! year, as plots and CSV.

mod csv;
mod items;
mod sales;
mod times;

use std::collections::BTreeMap;

use jiff::civil::Date;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::Routes;
use super::{Desk, Fault, Page};
use crate::domain::ChannelId;
use crate::store::DaySales;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .page("/reports", sales::show)
        .page("/reports/sales.csv", sales::csv)
        .page("/reports/items", items::show)
        .page("/reports/items.csv", items::csv)
}

/// What was sold in some time, minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub orders: i64,
    pub cancelled: i64,
    pub units: i64,
    pub total: i64,
    pub refunded: i64,
}

impl Sum {
    fn add(&mut self, day: &DaySales) {
        self.orders += day.orders;
        self.cancelled += day.cancelled;
        self.units += day.units;
        self.total += day.total;
        self.refunded += day.refunded;
    }

    /// What an order that was not cancelled came to; `None` without one.
    pub fn average(&self) -> Option<i64> {
        let kept = self.orders - self.cancelled;
        (kept > 0).then(|| self.total / kept)
    }

    /// Share of the orders that were cancelled: `3.4 %`.
    pub fn cancel_rate(&self) -> String {
        percent(self.cancelled, self.orders).map_or_else(|| "–".to_owned(), |tenths| tenth(tenths) + " %")
    }
}

/// `part` of `whole` in tenths of a percent.
fn percent(part: i64, whole: i64) -> Option<i64> {
    let tenths = i128::from(part) * 1000 / i128::from((whole != 0).then_some(whole)?);
    i64::try_from(tenths).ok()
}

fn tenth(tenths: i64) -> String {
    let sign = if tenths < 0 { "−" } else { "" };
    format!("{sign}{}.{}", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10)
}

/// A change as people write it, and its chip's class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub text: String,
    pub class: &'static str,
}

/// How far `now` is from `before`.
fn change(now: i64, before: i64) -> Change {
    match percent(now - before, before) {
        None => Change { text: "–".to_owned(), class: "none" },
        Some(0) => Change { text: "±0.0 %".to_owned(), class: "quiet" },
        Some(tenths) if tenths > 0 => Change { text: format!("+{} %", tenth(tenths)), class: "ok" },
        Some(tenths) => Change { text: format!("{} %", tenth(tenths)), class: "bad" },
    }
}

/// How often a year the stock would be sold at this pace: units sold in `days`, against units in the house now.
fn turns(units: i64, days: i64, on_hand: i64) -> Option<String> {
    if on_hand <= 0 || days <= 0 {
        return None;
    }
    let tenths = i128::from(units.max(0)) * 3650 / (i128::from(days) * i128::from(on_hand));
    i64::try_from(tenths).ok().map(tenth)
}

/// Currencies by their orders, most first.
fn currencies<'a>(days: impl Iterator<Item = &'a DaySales>) -> Vec<String> {
    let mut orders: BTreeMap<&str, i64> = BTreeMap::new();
    for day in days {
        *orders.entry(&day.currency).or_default() += day.orders;
    }
    let mut all: Vec<(&str, i64)> = orders.into_iter().collect();
    all.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    all.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// The date of today in the shop.
fn today(p: &Page) -> Date {
    let now = jiff::Timestamp::from_microsecond(p.now.0).unwrap_or_default();
    now.to_zoned(p.zone.clone()).date()
}

/// The channels by name.
async fn channels(desk: &Desk) -> Result<Vec<(ChannelId, String)>, Fault> {
    Ok(desk.store().channels().await?.into_iter().map(|c| (c.id, c.name)).collect())
}

/// A link's query from its parts; empty ones are left out.
fn query_of(parts: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = parts.iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests;
