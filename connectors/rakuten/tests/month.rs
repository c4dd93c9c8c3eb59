//! A month of polling, with the documented rates in force. Each of them forgets within a second, and four searches a
//! minute would take minutes for a month, so the full pace is kept for the last hours.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::Secret;
use banto_conformance::month::{Month, RuntimeClock};
use banto_rakuten::fake::{FakeConfig, FakeShop};

#[tokio::test(start_paused = true)]
async fn a_month_of_polling_stays_inside_the_limits() {
    let clock = RuntimeClock::usual();
    let config = FakeConfig { limits: true, ..FakeConfig::new(7, clock.clone()).with_offers(30) };
    let (secret, key) = (config.service_secret.clone(), config.licence_keys[0].key.clone());
    let lag = config.search_lag;
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table =
        format!("url = \"{}\"\nservice_secret_file = \"secret\"\nlicense_key_file = \"key\"\n", shop.url());
    let credential = |name: &str| Ok(Secret::new(if name == "secret" { &secret } else { &key }));
    let connector = banto_rakuten::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let told = Month::new(connector, Arc::<FakeShop>::clone(&shop), clock)
        .thinned(120, Duration::from_secs(6 * 3_600))
        .live()
        .await;
    assert_eq!(shop.too_many(), 0, "calls refused for their rate");
    told.assert_kept(None, lag + Duration::from_secs(1));
}
