//! Sales by day, shop and item: kept beside the order book by what each order counts for now, so that any report is a few
//! look-ups; a change takes the order's old share off and puts the new one on.

use std::collections::BTreeMap;

use banto_channel::{Fulfilment, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::db::args;
use super::sql::texts;
use super::tables::{self, HouseFactRow, SaleRow};
use super::{Result, Store, StoreError, Write, customers, keys};
use crate::domain::order::Order;
use crate::domain::{ChannelId, ItemId};

texts! {
    SALES_KNOWN = "SELECT * FROM sale WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
    SALES_DAY_ADD = "INSERT INTO sales_day (day, channel_id, currency, orders, cancelled, units, total, refunded) \
        SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), value ->> 2, CAST(value ->> 3 AS BIGINT), \
        CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS BIGINT) \
        FROM jsonb_each($1) WHERE true ON CONFLICT (day, channel_id, currency) DO UPDATE SET \
        orders = sales_day.orders + excluded.orders, cancelled = sales_day.cancelled + excluded.cancelled, \
        units = sales_day.units + excluded.units, total = sales_day.total + excluded.total, \
        refunded = sales_day.refunded + excluded.refunded";
    SALES_ITEM_DAY_ADD = "INSERT INTO sales_item_day (day, channel_id, item_id, currency, units, total) \
        SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT), value ->> 3, \
        CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT) FROM jsonb_each($1) WHERE true \
        ON CONFLICT (day, channel_id, item_id, currency) DO UPDATE SET units = sales_item_day.units + excluded.units, \
        total = sales_item_day.total + excluded.total";
    SALES_ITEM_MONTH_ADD = "INSERT INTO sales_item_month (month, channel_id, item_id, currency, units, total) \
        SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT), value ->> 3, \
        CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT) FROM jsonb_each($1) WHERE true \
        ON CONFLICT (month, channel_id, item_id, currency) DO UPDATE SET units = sales_item_month.units + excluded.units, \
        total = sales_item_month.total + excluded.total";
    SALES_RECENT_ADD = "INSERT INTO sales_item_recent (item_id, day, units) SELECT CAST(value ->> 0 AS BIGINT), \
        CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT) FROM jsonb_each($1) WHERE true \
        ON CONFLICT (item_id, day) DO UPDATE SET units = sales_item_recent.units + excluded.units";
    SALES_RECENT_OLD = "SELECT item_id FROM sales_item_recent WHERE day < $1 LIMIT 1";
    SALES_RECENT_FORGET = "DELETE FROM sales_item_recent WHERE day < $1";
    SALES_DAYS = "SELECT * FROM sales_day WHERE day >= $1 AND day < $2 AND orders > 0 ORDER BY day, channel_id, currency";
    SALES_ITEMS_OF_DAYS = "SELECT item_id, units, total FROM (SELECT item_id, CAST(SUM(units) AS BIGINT) AS units, \
        CAST(SUM(total) AS BIGINT) AS total FROM sales_item_day WHERE day >= $1 AND day < $2 \
        AND ($3 = 0 OR channel_id = $3) AND currency = $4 GROUP BY item_id) sums \
        WHERE (units <> 0 OR total <> 0) AND (total, item_id) < ($5, $6) ORDER BY total DESC, item_id DESC LIMIT $7";
    SALES_ITEMS_OF_MONTH = "SELECT item_id, units, total FROM sales_item_month WHERE month = $1 AND channel_id = $2 \
        AND currency = $3 AND (total, item_id) < ($4, $5) AND (units <> 0 OR total <> 0) \
        ORDER BY total DESC, item_id DESC LIMIT $6";
    SALES_OF_ITEMS_IN_DAYS = "SELECT item_id, CAST(SUM(units) AS BIGINT) AS units, CAST(SUM(total) AS BIGINT) AS total \
        FROM sales_item_day WHERE day >= $1 AND day < $2 AND ($3 = 0 OR channel_id = $3) AND currency = $4 \
        AND item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($5)) GROUP BY item_id ORDER BY item_id";
    SALES_OF_ITEMS_IN_MONTH = "SELECT item_id, units, total FROM sales_item_month WHERE month = $1 AND channel_id = $2 \
        AND currency = $3 AND item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($4)) ORDER BY item_id";
    ON_HAND_OF = "SELECT item_id, CAST(SUM(available + reserved) AS BIGINT) FROM level \
        WHERE item_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1)) GROUP BY item_id ORDER BY item_id";
    ON_HAND = "SELECT CAST(COALESCE(SUM(available + reserved), 0) AS BIGINT) FROM level";
    SALES_DROP = "DELETE FROM sale";
    SALES_DROP_DAYS = "DELETE FROM sales_day";
    SALES_DROP_ITEM_DAYS = "DELETE FROM sales_item_day";
    SALES_DROP_ITEM_MONTHS = "DELETE FROM sales_item_month";
    SALES_DROP_RECENT = "DELETE FROM sales_item_recent";
    SALES_TOUCH_ALL = "INSERT INTO order_touched (order_id) SELECT id FROM orders WHERE true \
        ON CONFLICT (order_id) DO NOTHING";
    SALES_LEFT = "SELECT order_id FROM order_touched LIMIT 1";
}

/// Where the zone of the reports is remembered.
const ZONE: &str = "report_zone";
/// Where the units in the house are remembered.
const STOCK: &str = "units_on_hand";
/// Stands for all channels together in the months of items.
const ALL_CHANNELS: ChannelId = 0;
/// Days for which an item's sales are kept by item: those that tell how fast it sells, and a week for clocks and zones
/// that differ.
const RECENT_DAYS: i64 = 35;
/// A quadrillion minor units: more than anybody sells.
const SANE: i64 = 1_000_000_000_000_000;

/// What was sold on a day in a shop, in one currency; minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct DaySales {
    /// Days since 1970-01-01, in the zone of the reports.
    pub day: i64,
    /// The shop.
    pub channel_id: ChannelId,
    /// ISO 4217.
    pub currency: String,
    /// Orders placed, those that were cancelled since among them.
    pub orders: i64,
    /// Cancelled ones.
    pub cancelled: i64,
    /// Units of items in the others.
    pub units: i64,
    /// What the others come to.
    pub total: i64,
    /// What was given back of it.
    pub refunded: i64,
}

/// What was sold of an item, minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ItemSales {
    /// The item or set.
    pub item_id: ItemId,
    /// Units.
    pub units: i64,
    /// What they brought.
    pub total: i64,
}

/// The time that a report of items is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SalesSpan {
    /// Days from the first to before the second; meant for a week at most.
    Days(i64, i64),
    /// A month, by [`month_number`].
    Month(i64),
}

/// Which sales of items are asked for.
#[derive(Clone, Copy, Debug)]
pub struct SalesOf<'a> {
    /// When.
    pub span: SalesSpan,
    /// Where; `None` is everywhere.
    pub channel: Option<ChannelId>,
    /// In which currency.
    pub currency: &'a str,
}

/// The number of a day: days since 1970-01-01.
#[must_use]
pub fn day_number(date: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    (date - epoch).get_days().into()
}

/// The day of a number.
#[must_use]
pub fn date_of(day: i64) -> Option<Date> {
    let span = jiff::Span::new().try_days(day).ok()?;
    jiff::civil::date(1970, 1, 1).checked_add(span).ok()
}

/// The number of a month: year × 12 + month − 1.
#[must_use]
pub fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

impl Store {
    /// Sales of the days from `from` to before `to`, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn sales(&self, from: i64, to: i64) -> Result<Vec<DaySales>> {
        self.db.all(SALES_DAYS, args![from, to]).await
    }

    /// The items that brought most, most first, from below `after` on (what the last one brought, and its key).
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn sales_by_item(
        &self,
        what: &SalesOf<'_>,
        after: Option<(i64, ItemId)>,
        limit: i64,
    ) -> Result<Vec<ItemSales>> {
        let (total, item) = after.unwrap_or((i64::MAX, i64::MAX));
        let channel = what.channel.unwrap_or(ALL_CHANNELS);
        match what.span {
            SalesSpan::Days(from, to) => {
                let args = args![from, to, channel, what.currency, total, item, limit];
                self.db.all(SALES_ITEMS_OF_DAYS, args).await
            }
            SalesSpan::Month(month) => {
                let args = args![month, channel, what.currency, total, item, limit];
                self.db.all(SALES_ITEMS_OF_MONTH, args).await
            }
        }
    }

    /// What these items brought; those that were not sold are left out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn sales_of_items(
        &self,
        what: &SalesOf<'_>,
        items: &[ItemId],
    ) -> Result<BTreeMap<ItemId, ItemSales>> {
        let (channel, items) = (what.channel.unwrap_or(ALL_CHANNELS), keys(items)?);
        let rows: Vec<ItemSales> = match what.span {
            SalesSpan::Days(from, to) => {
                self.db.all(SALES_OF_ITEMS_IN_DAYS, args![from, to, channel, what.currency, &items]).await?
            }
            SalesSpan::Month(month) => {
                self.db.all(SALES_OF_ITEMS_IN_MONTH, args![month, channel, what.currency, &items]).await?
            }
        };
        Ok(rows.into_iter().map(|row| (row.item_id, row)).collect())
    }

    /// Units of these items in the house now, reserved ones among them. Sets have none of their own.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn on_hand_of(&self, items: &[ItemId]) -> Result<BTreeMap<ItemId, i64>> {
        let rows: Vec<(ItemId, i64)> = self.db.all(ON_HAND_OF, args![&keys(items)?]).await?;
        Ok(rows.into_iter().collect())
    }

    /// Units in the house when they were last counted, reserved ones among them; 0 before that.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn on_hand_counted(&self) -> Result<i64> {
        Ok(self.house_fact(STOCK).await?.and_then(|units| units.parse().ok()).unwrap_or(0))
    }

    /// Counts the units in the house, for the turns that reports tell; it looks at every level, so no page does.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn count_on_hand(&self) -> Result<()> {
        let units = self.db.first::<(i64,)>(ON_HAND, args![]).await?.map_or(0, |row| row.0);
        if self.on_hand_counted().await? == units {
            return Ok(());
        }
        let mut write = self.write().await?;
        let fact = HouseFactRow { name: STOCK.to_owned(), value: units.to_string() };
        tables::upsert(&mut write.tx, &[fact]).await?;
        write.commit().await
    }

    /// Forgets by item what was sold so long ago that it says nothing of how fast an item sells now.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn forget_recent_sales(&self, now: Timestamp) -> Result<()> {
        let from = recent_from(now, &zone_of(self.house_fact(ZONE).await?));
        if self.db.first::<(ItemId,)>(SALES_RECENT_OLD, args![from]).await?.is_none() {
            return Ok(());
        }
        let mut write = self.write().await?;
        write.tx.run(SALES_RECENT_FORGET, args![from]).await?;
        write.commit().await
    }

    /// Whether the reports still follow orders that were written, or a change of zone.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn reports_behind(&self) -> Result<bool> {
        Ok(self.db.first::<(i64,)>(SALES_LEFT, args![]).await?.is_some())
    }

    /// Has the reports count days in a zone. Where they counted in another, they begin anew; the projection then goes
    /// through all orders again. Whether they do.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn count_days_in(&self, zone: &str) -> Result<bool> {
        if self.house_fact(ZONE).await?.as_deref() == Some(zone) {
            return Ok(false);
        }
        self.begin_reports_anew(zone).await?;
        Ok(true)
    }

    /// Throws all sums away and has them made again from the orders, in a zone.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`]; nothing was thrown away then.
    pub async fn begin_reports_anew(&self, zone: &str) -> Result<()> {
        let mut write = self.write().await?;
        let drops =
            [SALES_DROP, SALES_DROP_DAYS, SALES_DROP_ITEM_DAYS, SALES_DROP_ITEM_MONTHS, SALES_DROP_RECENT];
        for text in drops {
            write.tx.run(text, args![]).await?;
        }
        write.tx.run(SALES_TOUCH_ALL, args![]).await?;
        let fact = HouseFactRow { name: ZONE.to_owned(), value: zone.to_owned() };
        tables::upsert(&mut write.tx, &[fact]).await?;
        write.commit().await
    }
}

/// Has the reports count these orders as they are now.
///
/// Errors: [`StoreError::Sql`], [`StoreError::Json`].
pub(super) async fn project(write: &mut Write, orders: &[Order], now: Timestamp) -> Result<()> {
    let zone: Option<(String,)> = write.tx.first(customers::HOUSE_FACT, args![ZONE]).await?;
    let zone = zone_of(zone.map(|row| row.0));
    let recent_from = recent_from(now, &zone);
    let ids = keys(orders.iter().map(|order| order.id))?;
    let known: Vec<SaleRow> = write.tx.all(SALES_KNOWN, args![&ids]).await?;
    let sales = orders.iter().map(|order| share(order, &zone)).collect::<Result<Vec<SaleRow>>>()?;
    let mut sums = Sums::default();
    for sale in &known {
        sums.add(sale, -1)?;
    }
    for sale in &sales {
        sums.add(sale, 1)?;
    }
    sums.write(write, recent_from).await?;
    let news: Vec<SaleRow> = sales.into_iter().filter(|sale| !known.contains(sale)).collect();
    tables::upsert(&mut write.tx, &news).await
}

fn zone_of(name: Option<String>) -> TimeZone {
    name.and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC)
}

/// The first day whose sales are kept by item. It only moves on, so that what was never added is never taken off.
fn recent_from(now: Timestamp, zone: &TimeZone) -> i64 {
    day_at(now, zone) - RECENT_DAYS
}

/// What an order counts for.
fn share(order: &Order, zone: &TimeZone) -> Result<SaleRow> {
    let placed = jiff::Timestamp::from_microsecond(order.placed_at.0).unwrap_or_default();
    let cancelled = order.fulfilment == Fulfilment::Cancelled;
    let mut items: BTreeMap<ItemId, (i64, i64)> = BTreeMap::new();
    let mut units = 0;
    for line in order.lines.iter().filter(|_| !cancelled) {
        let kept = (line.quantity - line.cancelled).max(0);
        let sold_units = sane(kept.saturating_mul(line.per));
        units += sold_units;
        if let Some(item) = line.item {
            let sold = items.entry(item).or_default();
            sold.0 += sold_units;
            sold.1 += sane(part(line.total, kept, line.quantity));
        }
    }
    let items: Vec<(ItemId, i64, i64)> =
        items.into_iter().map(|(item, (n, total))| (item, n, total)).collect();
    Ok(SaleRow {
        order_id: order.id,
        day: day_number(placed.to_zoned(zone.clone()).date()),
        channel_id: order.channel,
        currency: order.currency.clone(),
        cancelled: i64::from(cancelled),
        units,
        total: if cancelled { 0 } else { sane(order.totals.grand.0) },
        refunded: if cancelled { 0 } else { sane(order.totals.refunded.0) },
        items: serde_json::to_string(&items).map_err(StoreError::Json)?,
    })
}

/// An amount of which thousands can be added up; one beyond it is a fault of the channel, and the order is on hold.
fn sane(amount: i64) -> i64 {
    amount.clamp(-SANE, SANE)
}

/// What `kept` of `all` units come to, of a line's total.
fn part(total: i64, kept: i64, all: i64) -> i64 {
    if kept == all || all == 0 {
        return total;
    }
    let part = i128::from(total) * i128::from(kept) / i128::from(all);
    i64::try_from(part).unwrap_or(total)
}

type ItemKey = (i64, ChannelId, ItemId, String);

/// What is added to the sums, by their keys.
#[derive(Default)]
struct Sums {
    days: BTreeMap<(i64, ChannelId, String), [i64; 5]>,
    item_days: BTreeMap<ItemKey, [i64; 2]>,
    item_months: BTreeMap<ItemKey, [i64; 2]>,
}

impl Sums {
    fn add(&mut self, sale: &SaleRow, sign: i64) -> Result<()> {
        let day = self.days.entry((sale.day, sale.channel_id, sale.currency.clone())).or_default();
        let share = [1, sale.cancelled, sale.units, sale.total, sale.refunded];
        for (sum, n) in day.iter_mut().zip(share) {
            *sum += sign * n;
        }
        let month = date_of(sale.day).map_or(0, month_number);
        let items: Vec<(ItemId, i64, i64)> = serde_json::from_str(&sale.items).map_err(StoreError::Json)?;
        for (item, units, total) in items {
            let key = |when, channel| (when, channel, item, sale.currency.clone());
            for sum in [
                self.item_days.entry(key(sale.day, sale.channel_id)).or_default(),
                self.item_months.entry(key(month, sale.channel_id)).or_default(),
            ] {
                sum[0] += sign * units;
                sum[1] += sign * total;
            }
            let all = self.item_months.entry(key(month, ALL_CHANNELS)).or_default();
            all[0] += sign * units;
            all[1] += sign * total;
        }
        Ok(())
    }

    async fn write(self, write: &mut Write, recent_from: i64) -> Result<()> {
        let days: Vec<_> = self
            .days
            .into_iter()
            .filter(|(_, sum)| *sum != [0; 5])
            .map(|((day, channel, currency), [n, c, u, t, r])| (day, channel, currency, n, c, u, t, r))
            .collect();
        add(write, SALES_DAY_ADD, &days).await?;
        let mut recent: BTreeMap<(ItemId, i64), i64> = BTreeMap::new();
        for ((day, _, item, _), [units, _]) in &self.item_days {
            if *day >= recent_from {
                *recent.entry((*item, *day)).or_default() += units;
            }
        }
        let recent = recent.into_iter().filter(|(_, units)| *units != 0);
        let recent: Vec<_> = recent.map(|((item, day), units)| (item, day, units)).collect();
        add(write, SALES_RECENT_ADD, &recent).await?;
        let items = |sums: BTreeMap<ItemKey, [i64; 2]>| -> Vec<_> {
            let moved = sums.into_iter().filter(|(_, sum)| *sum != [0; 2]);
            moved
                .map(|((when, channel, item, currency), [u, t])| (when, channel, item, currency, u, t))
                .collect()
        };
        add(write, SALES_ITEM_DAY_ADD, &items(self.item_days)).await?;
        add(write, SALES_ITEM_MONTH_ADD, &items(self.item_months)).await
    }
}

async fn add<T: serde::Serialize>(write: &mut Write, text: &'static str, rows: &[T]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(rows).map_err(StoreError::Json)?;
    write.tx.run(text, args![&rows]).await.map(drop)
}

/// The day that a moment falls on, in a zone.
#[must_use]
pub fn day_at(at: Timestamp, zone: &TimeZone) -> i64 {
    let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    day_number(at.to_zoned(zone.clone()).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_numbered() {
        let date = |y, m, d| jiff::civil::date(y, m, d);
        assert_eq!((day_number(date(1970, 1, 1)), day_number(date(1969, 12, 31))), (0, -1));
        assert_eq!(day_number(date(2026, 11, 22)), 20_779);
        assert_eq!(date_of(20_779), Some(date(2026, 11, 22)));
        assert_eq!(date_of(i64::MAX), None);
        assert_eq!(month_number(date(2026, 12, 31)) + 1, month_number(date(2027, 1, 1)));
        let tokyo = TimeZone::get("Asia/Tokyo").ok();
        let evening = Timestamp(20_779 * 86_400_000_000 + 15 * 3_600_000_000);
        assert_eq!(day_at(evening, &TimeZone::UTC), 20_779);
        assert_eq!(tokyo.map(|zone| day_at(evening, &zone)), Some(20_780));
    }

    #[test]
    fn a_line_taken_out_in_part_brings_its_part() {
        assert_eq!((part(300, 3, 3), part(300, 1, 3), part(300, 0, 3), part(300, 0, 0)), (300, 100, 0, 300));
        assert_eq!(part(-300, 1, 3), -100);
        assert_eq!(sane(part(i64::MAX, 1, 2)), SANE);
    }
}
