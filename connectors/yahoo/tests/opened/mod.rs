//! A running store and a connector to it.

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx, Secret};
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};
use banto_yahoo::fake::{FakeConfig, FakeStore};

/// The part of the config that names the public key.
pub const SIGNED: &str =
    "public_key_file = \"key\"\npublic_key_version = \"3\"\npublic_key_issued = \"2026-03-01\"\n";

pub struct Opened {
    pub store: Arc<FakeStore>,
    pub connector: Arc<dyn Connector>,
    pub cx: Cx,
    pub clock: Arc<SimClock>,
    pub secrets: Vec<String>,
}

/// Opens a store on the morning of 1 April 2026, behind a wire that does not pace and does not wait long; the pace has a
/// test of its own.
pub async fn open(change: fn(&mut FakeConfig), extra: &str) -> Opened {
    let clock = SimClock::usual();
    let mut config = FakeConfig::new(7, clock.clone());
    change(&mut config);
    let (secret, refresh) = (config.client_secret.clone(), config.refresh_token.clone());
    let (seller, client) = (config.seller_id.clone(), config.client_id.clone());
    let store = Arc::new(FakeStore::start(config).await.unwrap());
    let url = store.url();
    let table = format!(
        "seller_id = \"{seller}\"\nclient_id = \"{client}\"\nclient_secret_file = \"secret\"\n\
         refresh_token_file = \"refresh\"\nconsented_at = 2026-04-01\nurl = \"{url}\"\nauth_url = \"{url}\"\n\
         orders_per_page = 10\n{extra}"
    );
    let key = store.public_key();
    let credential = |name: &str| {
        Ok(Secret::new(match name {
            "secret" => &secret,
            "refresh" => &refresh,
            _ => &key,
        }))
    };
    let connector = banto_yahoo::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 2_000_000,
        ..WireConfig::new("yahoo", &[])
    };
    let wire = Wire::new(wire, clock.clone()).unwrap();
    let cx = Cx { http: Arc::new(wire), clock: clock.clone() };
    let secrets = store.secrets();
    Opened { store, connector, cx, clock, secrets }
}
