//! The suite that every connector runs, against the fake shop over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx, ListingId, Read, RemoteLine, Secret};
use banto_conformance::Fixture;
use banto_shopify::fake::{FakeConfig, FakeShop, FakeVariant, OddOrder};
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
struct Opened {
    shop: Arc<FakeShop>,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
    secrets: Vec<String>,
}

/// Opens a shop without a bucket of points, behind a wire that does not wait long.
async fn open(change: fn(&mut FakeConfig), extra: &str, lasting: bool) -> Opened {
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
        ..WireConfig::new("tea", &[])
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    Opened { shop, connector, cx, clock, secrets: vec![secret, token, prefix] }
}

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
    let unknowns =
        if order.unknowns.is_empty() { String::new() } else { format!("; {}", order.unknowns.join("; ")) };
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
