//! The suite that every connector runs, against the fake shop over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

mod opened;

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{IdempotencyKey, ListingId, Outcome, Read, RemoteLine, StockItem};
use banto_conformance::Fixture;
use banto_shopify::fake::{FakeConfig, OddOrder};
use banto_sim::Market as _;
use opened::{Opened, open, open_paced};

async fn fixture(change: fn(&mut FakeConfig), extra: &str, lasting: bool) -> Fixture {
    let Opened { shop, connector, cx, clock, secrets } = open(change, extra, lasting).await;
    let (odd, hooks) = (Arc::clone(&shop), Arc::clone(&shop));
    Fixture {
        secrets,
        hook: Some(Box::new(move || hooks.signed_hook())),
        odd: Some(Box::new(move || odd.place_odd_orders().into_iter().map(|odd| odd.id).collect())),
        unknown_listing: ListingId::from("999999998:999999999"),
        ..Fixture::new(connector, shop, cx, move |by| clock.advance(by))
    }
}

/// What became of an odd order, in one line.
fn told(read: &Read) -> String {
    let order = match read {
        Read::Unreadable { reason, .. } => return format!("unreadable: {reason}"),
        Read::Order(order) => order,
    };
    let count = |of: fn(&RemoteLine) -> i64| order.lines.iter().map(of).sum::<i64>();
    let sound = match order.totals.sum() == Some(order.totals.grand) {
        true => "adds up",
        false => "does not add up",
    };
    let unknowns: String = order.unknowns.iter().map(|why| format!("; {why}")).collect();
    let wait = order.wait.as_ref().map(|why| format!("; waits: {why}")).unwrap_or_default();
    let own = if order.moves_own_stock { "" } else { ", not our stock" };
    format!(
        "{:?} {:?}{own}, {} lines of {} units, {} cancelled, {} returned, {} shipped in {} parcels, {} {} {sound}, {} \
         refunded{unknowns}{wait}",
        order.payment,
        order.fulfilment,
        order.lines.len(),
        count(|line| line.quantity),
        count(|line| line.cancelled),
        count(|line| line.returned),
        count(|line| line.shipped.unwrap_or(0)),
        order.shipments.len(),
        order.totals.grand.to_decimal(&order.currency),
        order.currency,
        order.totals.refunded.0,
    )
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { shop, connector, cx, clock, .. } = open(|_| (), "", false).await;
    let placed = shop.place_odd_orders();
    assert!(placed.len() >= 50);
    clock.advance(Duration::from_secs(5));
    let mut lines = Vec::new();
    for OddOrder { name, id } in placed {
        let read = connector.reread_orders(&cx, &[id]).await.unwrap();
        lines.push(format!("{name}: {}", read.first().map_or("no order".to_owned(), told)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_japanese_shop() {
    banto_conformance::run(async || fixture(|_| (), "", false).await).await.assert_ok();
}

#[tokio::test]
async fn a_shop_abroad_with_tax_on_top_a_lasting_token_and_a_search_that_lags() {
    let change = |config: &mut FakeConfig| {
        config.currency = "USD".to_owned();
        config.taxes_included = false;
        config.tax_bp = (725, 0);
        config.search_lag = Duration::from_secs(2);
    };
    banto_conformance::run(async || fixture(change, "notify_customer = false", true).await).await.assert_ok();
}

fn item(listing: ListingId, quantity: i64) -> StockItem {
    let key = IdempotencyKey(format!("k-{listing}"));
    StockItem { listing, quantity, was: None, version: 1, key }
}

/// The bucket of the standard plan, and the connector's own quotas: no call is told THROTTLED.
#[tokio::test]
async fn the_standard_plans_points_last() {
    let change = |config: &mut FakeConfig| {
        config.points = Some(banto_shopify::fake::Points::STANDARD);
        *config = config.clone().with_offers(10_000);
    };
    let quotas = open(|_| (), "", false).await.connector.capabilities().quotas;
    let Opened { shop, connector, cx, .. } = open_paced(change, "", false, quotas).await;
    let batch = usize::from(connector.capabilities().stock_batch_max.get());
    let items: Vec<StockItem> = shop.offers().into_iter().map(|offer| item(offer.id, 3)).collect();
    shop.take_seen();
    for some in items.chunks(batch) {
        let outcomes = connector.push_stock(&cx, some).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied));
    }
    let calls = shop.take_seen().iter().filter(|seen| seen.call == "POST SetStock").count();
    assert_eq!(calls, 40);
    assert!(shop.offers().iter().all(|offer| offer.quantity == Some(3)));
    assert_eq!(shop.throttled(), 0);
}
