//! A month of polling, with the usage plans in force.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_amazon::fake::{FakeAmazon, FakeConfig};
use banto_channel::Secret;
use banto_conformance::month::{Month, RuntimeClock};

/// The bucket of `searchOrders` takes an hour to fill, and one that fills a little too slowly takes days to run dry, so
/// every poll of the month is made.
#[tokio::test(start_paused = true)]
async fn a_month_of_polling_stays_inside_the_usage_plans() {
    let clock = RuntimeClock::usual();
    let config = FakeConfig { limits: true, ..FakeConfig::new(7, clock.clone()) };
    let lag = config.order_lag;
    let fake = Arc::new(FakeAmazon::start(config).await.unwrap());
    let credential = |name: &str| Ok(Secret::new(&fake.credential(name)));
    let connector = banto_amazon::build(&toml::from_str(&fake.table()).unwrap(), &credential).unwrap();
    let told = Month::new(connector, Arc::<FakeAmazon>::clone(&fake), clock).live().await;
    assert_eq!(fake.throttled(), 0, "calls refused for their rate");
    told.assert_kept(None, lag + Duration::from_secs(1));
}
