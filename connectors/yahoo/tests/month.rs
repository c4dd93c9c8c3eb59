//! A month of polling, with 1クエリー/秒 and 50,000 calls a day in force. The full pace is kept for the last day, on which open
//! and old orders are as many as a month leaves behind.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::Secret;
use banto_conformance::month::{Month, RuntimeClock};
use banto_yahoo::fake::{FakeConfig, FakeStore};

#[tokio::test(start_paused = true)]
async fn a_month_of_polling_stays_inside_the_limits() {
    let clock = RuntimeClock::usual();
    let config = FakeConfig { limits: true, ..FakeConfig::new(7, clock.clone()) };
    let (secret, refresh) = (config.client_secret.clone(), config.refresh_token.clone());
    let table = format!(
        "seller_id = \"{}\"\nclient_id = \"{}\"\nclient_secret_file = \"secret\"\nrefresh_token_file = \"refresh\"\n",
        config.seller_id, config.client_id
    );
    let daily = usize::try_from(config.daily).unwrap();
    let store = Arc::new(FakeStore::start(config).await.unwrap());
    let table = format!("{table}url = \"{0}\"\nauth_url = \"{0}\"\n", store.url());
    let credential = |name: &str| Ok(Secret::new(if name == "secret" { &secret } else { &refresh }));
    let connector = banto_yahoo::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let person = Arc::clone(&store);
    let told = Month::new(connector, Arc::<FakeStore>::clone(&store), clock)
        // For twelve hours after a consent no public key is asked for, whose RSA would take minutes in a month of calls.
        .meanwhile(move || person.consent_again())
        .thinned(120, Duration::from_secs(86_400))
        .live()
        .await;
    assert_eq!(store.limited(), 0, "calls refused for their rate");
    told.assert_kept(Some(daily), Duration::ZERO);
}
