//! A month of polling on the standard plan. Its bucket is full again after twenty seconds, and 260,000 pulls would take
//! minutes, so the full pace is kept for the last four hours.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::Secret;
use banto_conformance::month::{Month, RuntimeClock};
use banto_shopify::fake::{FakeConfig, FakeShop, Points};

#[tokio::test(start_paused = true)]
async fn a_month_of_polling_stays_inside_the_bucket() {
    let clock = RuntimeClock::usual();
    let config =
        FakeConfig { points: Some(Points::STANDARD), ..FakeConfig::new(7, clock.clone()).with_offers(30) };
    let secret = config.client_secret.clone();
    let lag = config.search_lag;
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table = toml::from_str(&shop.connector_table("secret")).unwrap();
    let connector = banto_shopify::build(&table, &|_: &str| Ok(Secret::new(&secret))).unwrap();
    let told = Month::new(connector, Arc::<FakeShop>::clone(&shop), clock)
        .thinned(120, Duration::from_secs(4 * 3_600))
        .live()
        .await;
    assert_eq!(shop.throttled(), 0, "calls refused for their rate");
    told.assert_kept(None, lag + Duration::from_secs(1));
}
