//! The reference connector conforms, whatever its marketplace claims.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use banto_channel::{NoticeKind, StockBasis};
use banto_conformance::{Fixture, Report};
use banto_sim::{Decides, SimClock, SimConnector, SimMarket, SimSetup};

fn fixture(setup: SimSetup) -> Fixture {
    let clock = SimClock::usual();
    let secrets = vec![setup.token.expose().to_owned(), setup.hook_secret.expose().to_owned()];
    let market = SimMarket::open(setup, clock.clone());
    let (odd, hooks) = (Arc::clone(&market), Arc::clone(&market));
    let sample = move || {
        let hook = hooks.sample_hook();
        (hook.headers, hook.body)
    };
    let cx = clock.cx();
    Fixture {
        secrets,
        odd: Some(Box::new(move || odd.place_odd_orders())),
        hook: Some(Box::new(sample)),
        ..Fixture::new(Arc::new(SimConnector::new(Arc::clone(&market))), market, cx, move |by| {
            clock.advance(by)
        })
    }
}

async fn conforms(setup: SimSetup) -> Report {
    let report = banto_conformance::run(async || fixture(setup.clone())).await;
    report.assert_ok();
    report
}

#[tokio::test]
async fn a_direct_shop() {
    conforms(SimSetup::direct("D")).await;
}

#[tokio::test]
async fn a_marketplace_by_feed() {
    conforms(SimSetup::by_feed("F")).await;
}

#[tokio::test]
async fn the_least_there_can_be() {
    conforms(SimSetup::bare("B")).await;
}

/// Between them the two characters and their opposites make every check at least once.
#[tokio::test]
async fn every_check_is_made() {
    let mut direct = SimSetup::direct("D");
    direct.capabilities.stock_basis = StockBasis::Physical;
    direct.capabilities.keeps_idempotency_keys = true;
    direct.capabilities.reread_batch_max = 3;
    direct.capabilities.stock_answers_later = true;
    direct.capabilities.notices = &NoticeKind::ALL;
    direct.decides = Decides::After(Duration::from_secs(150));
    direct.search_lag = Duration::from_secs(2);
    let report = conforms(direct).await;
    assert_eq!(report.skipped, []);
    assert_eq!(report.passed.len(), banto_conformance::names().count());
}

#[tokio::test]
async fn a_feed_that_is_sellable_and_reads_first() {
    let mut feed = SimSetup::by_feed("F");
    feed.capabilities.stock_basis = StockBasis::Sellable;
    feed.capabilities.keeps_idempotency_keys = false;
    feed.capabilities.lists_offers = true;
    feed.capabilities.reads_stock_back = true;
    feed.capabilities.stock_batch_max = NonZeroU16::MIN;
    feed.page_size = 1;
    conforms(feed).await;
}
