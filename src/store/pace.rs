//! How fast things sell now, and so how long they last: units sold in the last four weeks, kept by item and day beside the
//! order book as the other sums of the reports are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::db::args;
use super::sql::{self, texts};
use super::tables::ComponentRow;
use super::{Result, Store, day_number, keys, month_number};
use crate::domain::ItemId;

texts! {
    PACE_SOLD = "SELECT s.item_id, CAST(SUM(s.units) AS BIGINT) FROM jsonb_each($1) k CROSS JOIN sales_item_recent s \
        WHERE s.item_id = CAST(k.value ->> 0 AS BIGINT) AND s.day >= $2 AND s.day <= $3 \
        GROUP BY s.item_id ORDER BY s.item_id";
    PACE_FIRST_SALE = "SELECT MIN(day) FROM sales_day";
}

/// Days whose sales tell how fast an item sells, today among them.
pub const PACE_DAYS: i64 = 28;

/// The days whose sales tell how fast an item sells now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SalesWindow {
    /// This month, as numbered by the reports; what sold best in it and in the last one is asked how long it lasts.
    pub month: i64,
    /// Days since 1970-01-01 of today.
    pub today: i64,
    /// The same of the first day.
    pub first_day: i64,
}

impl SalesWindow {
    /// The last [`PACE_DAYS`] days.
    #[must_use]
    pub fn up_to(today: Date) -> Self {
        let day = day_number(today);
        Self { month: month_number(today), today: day, first_day: day - PACE_DAYS + 1 }
    }
}

/// How fast an item sells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SellingPace {
    /// Units sold, also as part of sets.
    pub units: i64,
    /// In so many days.
    pub days: i64,
}

impl SellingPace {
    /// For how many days `available` units last; `None` when nothing sells.
    #[must_use]
    pub fn lasts(self, available: i64) -> Option<i64> {
        let lasts = i128::from(available.max(0)) * i128::from(self.days) / i128::from(self.units.max(1));
        (self.units > 0).then(|| i64::try_from(lasts).unwrap_or(i64::MAX))
    }
}

impl Store {
    /// How fast these items sell.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn pace(
        &self,
        items: &BTreeSet<ItemId>,
        window: SalesWindow,
    ) -> Result<BTreeMap<ItemId, SellingPace>> {
        let sets: Vec<ComponentRow> = self.db.all(sql::SETS_WITH, args![&keys(items)?]).await?;
        let selling: BTreeSet<ItemId> = items.iter().copied().chain(sets.iter().map(|c| c.set_id)).collect();
        let selling = keys(selling)?;
        let args = args![&selling, window.first_day, window.today];
        let sold: Vec<(ItemId, i64)> = self.db.all(PACE_SOLD, args).await?;
        let sold: HashMap<ItemId, i64> = sold.into_iter().collect();
        let first: Option<(Option<i64>,)> = self.db.first(PACE_FIRST_SALE, args![]).await?;
        let first = first.and_then(|row| row.0).unwrap_or(window.today).max(window.first_day);
        let days = (window.today - first + 1).max(1);
        let mut pace: BTreeMap<ItemId, SellingPace> = BTreeMap::new();
        let own = items.iter().map(|item| (*item, *item, 1));
        for (item, sells, n) in own.chain(sets.iter().map(|c| (c.item_id, c.set_id, c.quantity))) {
            let one = pace.entry(item).or_insert(SellingPace { units: 0, days });
            one.units += sold.get(&sells).copied().unwrap_or(0) * n;
        }
        Ok(pace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_weeks_end_today() {
        let window = SalesWindow::up_to(jiff::civil::date(2027, 1, 10));
        assert_eq!(window.today - window.first_day, 27);
        let begins = crate::store::date_of(window.first_day);
        assert_eq!(begins, Some(jiff::civil::date(2026, 12, 14)), "in the month before at the earliest");
        assert_eq!(window.month, 2027 * 12);
    }

    #[test]
    fn how_long_goods_last() {
        assert_eq!(SellingPace { units: 60, days: 30 }.lasts(7), Some(3));
        assert_eq!(SellingPace { units: 0, days: 30 }.lasts(7), None);
        assert_eq!(SellingPace { units: 1, days: 60 }.lasts(-4), Some(0));
    }
}
