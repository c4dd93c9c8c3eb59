//! Orders in: `pull_orders`. Searches bring ids and dates; what is news is read whole.

use std::collections::BTreeMap;

use banto_channel::{Cursor, Cx, Page, Read, Result};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Shopify;
use crate::calls::Connection;
use crate::cursor::{Row, Search, State};
use crate::documents::{SEARCH_FULFILLMENT_ORDERS, SEARCH_ORDERS};
use crate::{id, time};

/// Searches that one pull may make while the answers hold nothing new.
const SEARCHES: usize = 10;

/// How far the first pull reaches back unless the config says otherwise.
const FIRST_PULL: i64 = 30 * 86_400;

/// A row of either search.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    id: String,
    updated_at: String,
    /// Of a fulfillment order, its order.
    order_id: Option<String>,
}

impl Found {
    fn row(&self) -> Option<Row> {
        Some((id::number(&self.id)?, time::seconds(&self.updated_at)?))
    }
}

#[derive(Deserialize)]
struct FoundOrders {
    orders: Connection<Found>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundWork {
    fulfillment_orders: Connection<Found>,
}

impl Shopify {
    pub(crate) async fn pull(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        let now = cx.clock.now().as_secs();
        let overlap = self.settings.overlap;
        let mut state = match after {
            Some(cursor) => State::read(cursor)?,
            None => State::first(self.settings.since.unwrap_or(now - FIRST_PULL), now, overlap),
        };
        let mut items = Vec::new();
        let mut more = true;
        for _ in 0..SEARCHES {
            let (search, from, after) = state.ask(now, overlap);
            let found = self.search(cx, search, from, after).await?;
            let rows: Vec<Row> = found.nodes.iter().filter_map(Found::row).collect();
            self.take(cx, search, &found.nodes, &mut state, &mut items).await?;
            more = state.advance(search, &rows, &found.page_info, overlap)?;
            if !more || !items.is_empty() {
                break;
            }
        }
        Ok(Page { items, next: state.write()?, more })
    }

    async fn search(
        &self,
        cx: &Cx,
        search: Search,
        from: i64,
        after: Option<&str>,
    ) -> Result<Connection<Found>> {
        let first = self.settings.orders_per_page;
        let since = format!("updated_at:>='{}'", time::written(from));
        match search {
            // Without a status the search leaves out what is closed or cancelled.
            Search::Orders => {
                let variables =
                    json!({ "query": format!("{since} AND status:any"), "first": first, "after": after });
                let told = self.ask(cx, SEARCH_ORDERS, &variables, "searching for changed orders").await?;
                Ok(told.data::<FoundOrders>()?.orders)
            }
            Search::Work => {
                let variables = json!({ "query": since, "first": first, "after": after });
                let doing = "searching for changed fulfillment orders";
                let told = self.ask(cx, SEARCH_FULFILLMENT_ORDERS, &variables, doing).await?;
                Ok(told.data::<FoundWork>()?.fulfillment_orders)
            }
        }
    }

    /// Reads the orders of the rows that are news, and hands on those that look different from the last time.
    async fn take(
        &self,
        cx: &Cx,
        search: Search,
        found: &[Found],
        state: &mut State,
        items: &mut Vec<Read>,
    ) -> Result<()> {
        let now = cx.clock.now().as_secs();
        let mut wanted: Vec<String> = Vec::new();
        let mut dates: BTreeMap<u64, i64> = BTreeMap::new();
        for one in found {
            let Some(row) = one.row() else { continue };
            if !state.is_news(search, row) {
                continue;
            }
            let order = one.order_id.as_ref().unwrap_or(&one.id);
            if let (Search::Orders, Some(number)) = (search, id::number(order)) {
                dates.insert(number, row.1);
            }
            if !wanted.contains(order) {
                wanted.push(order.clone());
            }
        }
        for (number, read) in self.read_orders(cx, &wanted).await? {
            let (text, changed) = match &read {
                Read::Order(order) => (&order.raw, order.changed_at.map(|at| at.as_secs())),
                Read::Unreadable { raw, .. } => (raw, None),
            };
            let date = dates.get(&number).copied().or(changed).unwrap_or(now);
            if state.saw_order((number, date), now, fingerprint(text)) {
                items.push(read);
            }
        }
        if search == Search::Work {
            found.iter().filter_map(Found::row).for_each(|row| state.saw_work(row, now));
        }
        Ok(())
    }
}

/// 53 bits of a hash, which a JSON number holds exactly wherever the cursor is looked at.
fn fingerprint(raw: &str) -> u64 {
    let hash = Sha256::digest(raw.as_bytes());
    hash.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)) >> 11
}
