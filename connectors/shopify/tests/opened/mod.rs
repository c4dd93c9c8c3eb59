//! A running shop and a connector to it, for the tests that speak HTTP.

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx, Quota, Secret};
use banto_shopify::fake::{FakeConfig, FakeShop, FakeVariant};
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};

fn variants() -> Vec<FakeVariant> {
    let simple = |n: usize| FakeVariant {
        product: format!("煎茶 & 茶筒 {n}"),
        sku: format!("TEA-{n}"),
        barcode: format!("49{n:011}"),
        price: 540 * i64::try_from(n).unwrap(),
        stock: Some(50),
        reduced_tax: n.is_multiple_of(2),
        ..FakeVariant::default()
    };
    let shirt = |option: &str| FakeVariant {
        product: "Shirt".to_owned(),
        option: option.to_owned(),
        sku: format!("SHIRT-{option}"),
        price: 2_200,
        stock: Some(20),
        ..FakeVariant::default()
    };
    let untracked =
        FakeVariant { product: "ギフト券".to_owned(), price: 1_000, ..FakeVariant::default() };
    (1..=6).map(simple).chain(["Red", "Blue", "Green"].map(shirt)).chain([untracked]).collect()
}

/// A running shop and all that a connector to it needs.
pub struct Opened {
    pub shop: Arc<FakeShop>,
    pub connector: Arc<dyn Connector>,
    pub cx: Cx,
    pub clock: Arc<SimClock>,
    pub secrets: Vec<String>,
}

/// Opens a shop without a bucket of points, behind a wire that does not wait long. `lasting` takes the custom app's token
/// instead of the client credentials.
pub async fn open(change: fn(&mut FakeConfig), extra: &str, lasting: bool) -> Opened {
    open_paced(change, extra, lasting, &[]).await
}

/// The same behind a wire that keeps to these quotas.
pub async fn open_paced(
    change: fn(&mut FakeConfig),
    extra: &str,
    lasting: bool,
    quotas: &'static [Quota],
) -> Opened {
    let clock = SimClock::usual();
    let mut config = FakeConfig { variants: variants(), points: None, ..FakeConfig::new(7, clock.clone()) };
    change(&mut config);
    let (secret, token, prefix) =
        (config.client_secret.clone(), config.lasting_token.clone(), config.token_prefix());
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table = shop.connector_table("secret") + "orders_per_page = 10\n" + extra;
    let mut table: toml::Table = toml::from_str(&table).unwrap();
    if lasting {
        table.remove("client_id");
        table.insert("access_token_file".to_owned(), "token".into());
    }
    let credential = |name: &str| Ok(Secret::new(if name == "token" { &token } else { &secret }));
    let connector = banto_shopify::build(&table, &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 2_000_000,
        ..WireConfig::new("tea", quotas)
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    Opened { shop, connector, cx, clock, secrets: vec![secret, token, prefix] }
}
