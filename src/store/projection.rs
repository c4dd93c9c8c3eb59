//! What the screen keeps of every order beside the order book: the words it is found by, its customer, its place in the
//! reports. Whoever writes an order notes it; this follows, in batches, behind the writers' backs.

use std::collections::HashMap;

use banto_channel::Timestamp;

use super::db::args;
use super::sql::{self, texts};
use super::tables::{LineRow, OrderRow, ParcelRow};
use super::{Result, Store, StoreError, Write, customers, keys, reports, search};
use crate::domain::OrderId;
use crate::domain::order::Order;

texts! {
    TOUCH = "INSERT INTO order_touched (order_id) SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1) \
        WHERE true ON CONFLICT (order_id) DO NOTHING";
    TOUCHED = "SELECT order_id FROM order_touched ORDER BY order_id DESC LIMIT $1";
    UNTOUCH = "DELETE FROM order_touched WHERE order_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM jsonb_each($1))";
}

impl Store {
    /// Brings what is kept beside the order book up to date for at most `limit` orders, newest first. Returns how many
    /// there were; 0 when nothing is left to do.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`]; they are done again then.
    pub async fn project(&self, limit: i64, now: Timestamp) -> Result<usize> {
        // Asked of a reader: a house in which nothing happens takes nobody's turn.
        if self.db.first::<(OrderId,)>(TOUCHED, args![1]).await?.is_none() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let touched: Vec<(OrderId,)> = write.tx.all(TOUCHED, args![limit]).await?;
        let ids = keys(touched.iter().map(|row| row.0))?;
        let orders = write.readable_orders(&ids).await?;
        write.project(&orders, now).await?;
        write.tx.run(UNTOUCH, args![&ids]).await?;
        write.commit().await?;
        Ok(touched.len())
    }
}

impl Write {
    /// Has what is kept beside the order book follow these orders, with this transaction's other changes or soon after
    /// them.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn touch_orders(&mut self, orders: impl IntoIterator<Item = OrderId>) -> Result<()> {
        let ids = keys(orders)?;
        if ids == "[]" {
            return Ok(());
        }
        self.tx.run(TOUCH, args![&ids]).await.map(drop)
    }

    /// Every projection of the order book, in turn. Each takes the orders as they are now, however often they changed.
    async fn project(&mut self, orders: &[Order], now: Timestamp) -> Result<()> {
        search::project(self, orders).await?;
        customers::project(self, orders, now).await?;
        reports::project(self, orders, now).await
    }

    /// Orders with lines and parcels. One whose stored words cannot be read is left out and said, or it would keep all
    /// others waiting for ever.
    async fn readable_orders(&mut self, ids: &str) -> Result<Vec<Order>> {
        let rows: Vec<OrderRow> = self.tx.all(sql::ORDERS_BY_IDS, args![ids]).await?;
        let lines: Vec<LineRow> = self.tx.all(sql::LINES_OF, args![ids]).await?;
        let parcels: Vec<ParcelRow> = self.tx.all(sql::PARCELS_OF, args![ids]).await?;
        let (mut lines, mut parcels) = (grouped(lines, |l| l.order_id), grouped(parcels, |p| p.order_id));
        let mut orders = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id;
            let lines = lines.remove(&id).unwrap_or_default();
            match row.into_order(lines, parcels.remove(&id).unwrap_or_default()) {
                Ok(order) => orders.push(order),
                Err(error @ (StoreError::Json(_) | StoreError::Refused(_))) => {
                    tracing::error!(order = id, error = %error, "the order cannot be read and is not searched for");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(orders)
    }
}

fn grouped<T>(rows: Vec<T>, order: impl Fn(&T) -> OrderId) -> HashMap<OrderId, Vec<T>> {
    let mut by_order: HashMap<OrderId, Vec<T>> = HashMap::new();
    for row in rows {
        by_order.entry(order(&row)).or_default().push(row);
    }
    by_order
}
