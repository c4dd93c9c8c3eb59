//! The suite that every connector runs, against the fake shop over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx, Read, RemoteLine, Secret};
use banto_conformance::Fixture;
use banto_sim::SimClock;
use banto_vendure::fake::{FakeConfig, FakeShop, FakeVariant, OddOrder};
use banto_wire::{Wire, WireConfig};

fn variants() -> Vec<FakeVariant> {
    let variant = |n: i64| FakeVariant {
        name: format!("煎茶 {n}号 100g"),
        sku: format!("TEA-{n}"),
        price: 54_000 * n,
        stock: 50,
        reduced_tax: n % 2 == 0,
        tracked: None,
    };
    (1..=8).map(variant).collect()
}

/// A running shop and all that a connector to it needs.
struct Opened {
    shop: Arc<FakeShop>,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
    secrets: Vec<String>,
}

const PASSWORD: &str = "username = \"banto@shop.example\"\npassword_file = \"password\"\n";

async fn open(change: fn(&mut FakeConfig), extra: &str) -> Opened {
    let clock = SimClock::usual();
    let mut config = FakeConfig { variants: variants(), ..FakeConfig::new(7, clock.clone()) };
    change(&mut config);
    let (password, key) = (config.password.clone(), config.api_key.clone());
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table = format!(
        "url = \"{}\"\norders_per_page = 10\nnote_custom_field = \"customerNote\"\n{extra}",
        shop.url()
    );
    let credential = |name: &str| Ok(Secret::new(if name == "key" { &key } else { &password }));
    let connector = banto_vendure::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 2_000_000,
        ..WireConfig::new("tea", connector.capabilities().quotas)
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    let secrets = vec![password, key, shop.token(1), shop.token(2), shop.token(3)];
    Opened { shop, connector, cx, clock, secrets }
}

async fn fixture(change: fn(&mut FakeConfig), extra: &str) -> Fixture {
    let Opened { shop, connector, cx, clock, secrets } = open(change, extra).await;
    let odd = Arc::clone(&shop);
    Fixture {
        secrets,
        odd: Some(Box::new(move || {
            odd.place_odd_orders().into_iter().filter(|odd| odd.listed).map(|odd| odd.id).collect()
        })),
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
    let sound = if order.totals.sum() == Some(order.totals.grand) { "adds up" } else { "does not add up" };
    let more: String = order.unknowns.iter().chain(&order.wait).map(|why| format!("; {why}")).collect();
    format!(
        "{:?} {:?}, {} lines of {} units, {} shipped, {} cancelled, {} returned, {} {} {sound}, {} refunded{more}",
        order.payment,
        order.fulfilment,
        order.lines.len(),
        count(|line| line.quantity),
        count(|line| line.shipped.unwrap_or(0)),
        count(|line| line.cancelled),
        count(|line| line.returned),
        order.totals.grand.to_decimal(&order.currency),
        order.currency,
        order.totals.refunded.0,
    )
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { shop, connector, cx, .. } = open(|_| (), PASSWORD).await;
    let mut lines = Vec::new();
    for OddOrder { name, id, listed } in shop.place_odd_orders() {
        let read = connector.reread_orders(&cx, &[id]).await.unwrap();
        assert_eq!(listed, !read.is_empty(), "{name}");
        lines.push(format!("{name}: {}", read.first().map_or("no order".to_owned(), told)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_japanese_shop_with_a_password() {
    banto_conformance::run(async || fixture(|_| (), PASSWORD).await).await.assert_ok();
}

#[tokio::test]
async fn a_shop_elsewhere_with_an_api_key_and_several_warehouses() {
    let change = |config: &mut FakeConfig| {
        config.currency = "EUR".to_owned();
        config.channel_token = "b2c".to_owned();
        config.locations = vec!["Hamburg".to_owned(), "München".to_owned()];
    };
    let extra = "api_key_file = \"key\"\nchannel_token = \"b2c\"\nstock_location = \"Hamburg\"\n";
    banto_conformance::run(async || fixture(change, extra).await).await.assert_ok();
}

#[tokio::test]
async fn a_shop_that_keeps_whole_yen() {
    let change = |config: &mut FakeConfig| config.precision = 0;
    banto_conformance::run(async || fixture(change, PASSWORD).await).await.assert_ok();
}
