//! A running fake shop, and a connector to it.

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Clock, Connector, Cx, Quota, Secret};
use banto_rakuten::fake::{FakeConfig, FakeItem, FakeShop, FakeVariant};
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};

/// Six items of one SKU and one of two.
fn items() -> Vec<FakeItem> {
    let single = |n: usize| FakeItem {
        manage_number: format!("tea-{n}"),
        title: format!("煎茶 & 茶筒 {n}"),
        reduced_tax: n.is_multiple_of(2),
        variants: vec![FakeVariant {
            id: format!("tea-{n}"),
            code: format!("TEA-{n}"),
            jan: format!("49{n:011}"),
            price: 540 * i64::try_from(n).unwrap(),
            stock: Some(50),
            ..FakeVariant::default()
        }],
        ..FakeItem::default()
    };
    let colour = |id: &str, option: &str| FakeVariant {
        id: id.to_owned(),
        option: option.to_owned(),
        price: 2_200,
        stock: Some(20),
        ..FakeVariant::default()
    };
    let shirt = FakeItem {
        manage_number: "shirt".to_owned(),
        title: "Tシャツ".to_owned(),
        variants: vec![colour("R01", "赤"), colour("B01", "青")],
        ..FakeItem::default()
    };
    (1..=6).map(single).chain([shirt]).collect()
}

/// What a test needs of a shop and its connector.
pub struct Opened {
    pub shop: Arc<FakeShop>,
    pub connector: Arc<dyn Connector>,
    pub cx: Cx,
    pub clock: Arc<SimClock>,
    pub service_secret: String,
    pub licence_keys: Vec<String>,
}

/// Opens a shop behind a wire that does not wait long. Without `quotas` and [`FakeConfig::limits`] neither side keeps to
/// real seconds.
pub async fn open(change: impl FnOnce(&mut FakeConfig), extra: &str, quotas: &'static [Quota]) -> Opened {
    let clock = SimClock::usual();
    let mut config = FakeConfig { items: items(), limits: false, ..FakeConfig::new(7, clock.clone()) };
    // One check of the suite lives ten years later, and a key would have run out by then.
    config.licence_keys[0].expires = clock.now().plus(Duration::from_secs(20 * 365 * 86_400));
    change(&mut config);
    let service_secret = config.service_secret.clone();
    let licence_keys: Vec<String> = config.licence_keys.iter().map(|known| known.key.clone()).collect();
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table = format!(
        "url = \"{}\"\nservice_secret_file = \"secret\"\nlicense_key_file = \"key\"\norders_per_page = 10\n{extra}",
        shop.url()
    );
    let credential = |name: &str| {
        Ok(Secret::new(match name {
            "secret" => &service_secret,
            "key" => &licence_keys[0],
            _ => licence_keys.last().unwrap(),
        }))
    };
    let connector = banto_rakuten::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 4_000_000,
        ..WireConfig::new("rakuten", quotas)
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    Opened { shop, connector, cx, clock, service_secret, licence_keys }
}
