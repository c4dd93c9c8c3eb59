//! What a page counts or looks up in bounded work is what the whole would have given.

use std::collections::BTreeSet;
use std::time::Duration;

use banto::domain::ItemId;
use banto::domain::people::Role;
use banto::store::{Counted, OrderPage, OrderTab, PastLevel, Store};
use banto_channel::{Payment, Timestamp};
use banto_sim::SimClock;

use super::site::{Plan, Site};
use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

/// How many orders a list shows when it is read to its end.
async fn listed(store: &Store, tab: OrderTab, now: Timestamp) -> i64 {
    let page = OrderPage { tab, channel: None, payment: None, before: i64::MAX, limit: 1_000, now };
    i64::try_from(store.order_page(&page).await.unwrap().len()).unwrap()
}

#[tokio::test]
async fn tabs_count_what_stands_in_them() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let (store, now) = (&trading.store, trading.now());
        trading.stock(&[("CUP", 5)]).await;
        for n in 0..12 {
            let code = if n % 4 == 3 { "UNKNOWN" } else { "CUP" };
            let mut order = trading.remote(&n.to_string(), &[(code, 1)]);
            if n % 3 == 0 {
                order.payment = Payment::Awaiting;
            }
            if n % 5 == 0 {
                order.ship_by = Some(Timestamp(now.0 - 1));
            }
            let id = trading.order(raw(order)).await;
            if n == 7 {
                store.hold_order(&trading.act(id), "a look").await.unwrap();
            }
        }
        let counts = store.order_counts(now).await.unwrap();
        assert_eq!(counts.len(), OrderTab::EVERY.len() - 1, "all orders are never counted");
        for (tab, counted) in counts {
            let n = listed(store, tab, now).await;
            assert_eq!(counted, Counted { n, more: false }, "{tab:?}");
            assert!(n > 0 || tab == OrderTab::Uncertain, "{tab:?} has none to count");
        }
        let site = Site::planned(fresh, Plan::default(), SimClock::usual()).await;
        let page = site.log_in(Role::ReadOnly).await.page("/orders").await;
        assert!(page.contains("<span class=\"count\">12</span>"), "{page}");
    })
    .await;
}

/// What lay on an item's shelves is what its ledger says, as far back as was asked.
async fn past_levels(store: &Store, item: ItemId) {
    let levels = store.levels_of(&BTreeSet::from([item])).await.unwrap();
    let heads: Vec<i64> = levels.iter().map(|level| level.last_entry).collect();
    let mut ledger = Vec::new();
    for head in &heads {
        ledger.extend(store.entry_chain(*head, 10_000).await.unwrap());
    }
    ledger.sort_by_key(|entry| entry.id);
    let ledger: Vec<PastLevel> = ledger
        .into_iter()
        .map(|e| PastLevel {
            id: e.id,
            at: e.at,
            location_id: e.location_id,
            available: e.available_after,
            reserved: e.reserved_after,
        })
        .collect();
    let all = store.past_levels(&heads, Timestamp(0), 10_000).await.unwrap();
    assert_eq!(all, ledger);
    let newest = store.past_levels(&heads, Timestamp(0), 3).await.unwrap();
    assert_eq!(newest, ledger[ledger.len() - 3..], "of the one shelf");
    let middle = ledger[ledger.len() / 2].at;
    let since = store.past_levels(&heads, Timestamp(middle), 10_000).await.unwrap();
    let before = ledger.iter().rposition(|level| level.at < middle).unwrap();
    assert_eq!(since, ledger[before..], "and what lay there when the time began");
}

#[tokio::test]
async fn whoever_holds_an_item_is_found_by_its_movements() {
    each_store(async |fresh: &Fresh| {
        let trading = Trading::live(fresh).await;
        let store = &trading.store;
        trading.stock(&[("CUP", 120), ("TEA", 9)]).await;
        let mut orders = Vec::new();
        for n in 0..160_usize {
            trading.pass(Duration::from_secs(1));
            let lines: &[(&str, i64)] = if n < 4 { &[("CUP", 1), ("TEA", 1)] } else { &[("CUP", 1)] };
            orders.push(trading.order(trading.remote(&n.to_string(), lines)).await);
            if n % 7 == 0 {
                store.cancel_order(&trading.act(orders[n / 2]), "x", "").await.unwrap();
            }
        }
        for code in ["CUP", "TEA"] {
            let item = store.item(code).await.unwrap().id;
            let mut all = store.holdings_of(&BTreeSet::from([item])).await.unwrap();
            all.retain(|hold| hold.reserved + hold.short > 0);
            assert!(all.len() > 1, "{code}");
            assert_eq!(store.first_holdings(item, 1_000).await.unwrap(), all, "{code}");
            assert_eq!(store.first_holdings(item, 2).await.unwrap(), all[..2], "{code}");
            past_levels(store, item).await;
        }
    })
    .await;
}
