//! The suite that every connector runs, against the fake shop over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx, Read, RemoteLine, Secret};
use banto_conformance::{Fixture, SignedHook};
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};
use banto_woocommerce::fake::{FakeConfig, FakeProduct, FakeShop, FakeVariation, OddOrder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const HOOK_SECRET: &str = "a-secret-of-the-shop-and-of-banto";

fn products() -> Vec<FakeProduct> {
    let simple = |n: usize| FakeProduct {
        name: format!("煎茶 &amp; 茶筒 {n}"),
        sku: format!("TEA-{n}"),
        gtin: format!("49{n:011}"),
        price: 540 * i64::try_from(n).unwrap(),
        stock: Some(50),
        reduced_tax: n.is_multiple_of(2),
        ..FakeProduct::default()
    };
    let variation = |option: &str| FakeVariation {
        option: option.to_owned(),
        sku: format!("SHIRT-{option}"),
        gtin: String::new(),
        price: 2_200,
        stock: Some(20),
    };
    let shirt = FakeProduct {
        name: "Shirt".to_owned(),
        sku: "SHIRT".to_owned(),
        attribute: "Colour".to_owned(),
        variations: ["Red", "Blue", "Green"].map(variation).into(),
        ..FakeProduct::default()
    };
    (1..=6).map(simple).chain([shirt]).collect()
}

/// A signature as WooCommerce makes it, written out once more.
fn sample_hook() -> SignedHook {
    let body = "{\"id\":11,\"status\":\"processing\",\"customer_note\":\"髙﨑①\"}".as_bytes().to_vec();
    let mac = Hmac::<Sha256>::new_from_slice(HOOK_SECRET.as_bytes()).unwrap().chain_update(&body);
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = [("x-wc-webhook-topic", "order.updated"), ("x-wc-webhook-signature", &signature)];
    (headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), body)
}

/// A running shop and all that a connector to it needs.
struct Opened {
    shop: Arc<FakeShop>,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
    secrets: Vec<String>,
}

/// Opens a shop of the version and storage given, behind a wire that does not wait long.
async fn open(change: fn(&mut FakeConfig), extra: &str) -> Opened {
    let clock = SimClock::usual();
    let mut config = FakeConfig { products: products(), ..FakeConfig::new(7, clock.clone()) };
    change(&mut config);
    let (key, secret) = (config.consumer_key.clone(), config.consumer_secret.clone());
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table = format!(
        "url = \"{}\"\nconsumer_key_file = \"key\"\nconsumer_secret_file = \"secret\"\nwebhook_secret_file = \"hook\"\n\
         orders_per_page = 10\n{extra}",
        shop.url()
    );
    let credential = |name: &str| {
        Ok(Secret::new(match name {
            "key" => &key,
            "secret" => &secret,
            _ => HOOK_SECRET,
        }))
    };
    let connector = banto_woocommerce::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 2_000_000,
        ..WireConfig::new("tea", connector.capabilities().quotas)
    };
    let wire = Wire::new(wire, clock.clone()).unwrap();
    let cx = Cx { http: Arc::new(wire), clock: clock.clone() };
    Opened { shop, connector, cx, clock, secrets: vec![key, secret, HOOK_SECRET.to_owned()] }
}

async fn fixture(change: fn(&mut FakeConfig), extra: &str) -> Fixture {
    let Opened { shop, connector, cx, clock, secrets } = open(change, extra).await;
    let odd = Arc::clone(&shop);
    Fixture {
        secrets,
        hook: Some(Box::new(sample_hook)),
        odd: Some(Box::new(move || {
            // What lies in the bin before the first pull is not asked for, and a checkout that is still being filled
            // in is no order.
            let shown = |odd: &OddOrder| odd.listed && odd.name != "a checkout left half-way";
            odd.place_odd_orders().into_iter().filter(shown).map(|odd| odd.id).collect()
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
    let sound = match order.totals.sum() == Some(order.totals.grand) {
        true => "adds up",
        false => "does not add up",
    };
    let unknowns: String = order.unknowns.iter().map(|why| format!("; {why}")).collect();
    format!(
        "{:?} {:?}, {} lines of {} units, {} cancelled, {} returned, {} {} {sound}, {} refunded{unknowns}",
        order.payment,
        order.fulfilment,
        order.lines.len(),
        count(|line| line.quantity),
        count(|line| line.cancelled),
        count(|line| line.returned),
        order.totals.grand.to_decimal(&order.currency),
        order.currency,
        order.totals.refunded.0,
    )
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { shop, connector, cx, clock, .. } = open(|_| (), "").await;
    let placed = shop.place_odd_orders();
    clock.advance(Duration::from_secs(5));
    let mut lines = Vec::new();
    for OddOrder { name, id, .. } in placed {
        // By id, so that the bin is looked into as well.
        let read = connector.reread_orders(&cx, &[id]).await.unwrap();
        lines.push(format!("{name}: {}", read.first().map_or("no order".to_owned(), told)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_shop_of_today() {
    banto_conformance::run(async || fixture(|_| (), "").await).await.assert_ok();
}

#[tokio::test]
async fn an_older_shop_elsewhere_with_tax_on_top_and_the_tracking_extension() {
    let change = |config: &mut FakeConfig| {
        config.wc_version = banto_woocommerce::fake::WcVersion(7, 9, 0);
        config.hpos = false;
        config.currency = "USD".to_owned();
        config.prices_include_tax = false;
        config.utc_offset_minutes = -8 * 60;
        config.shipment_tracking = true;
        config.batch_max = 40;
    };
    let report =
        banto_conformance::run(async || fixture(change, "tracking = \"shipment_tracking\"").await).await;
    report.assert_ok();
}

#[tokio::test]
async fn a_shop_with_woocommerces_own_fulfilments() {
    let change = |config: &mut FakeConfig| config.fulfilments = true;
    banto_conformance::run(async || fixture(change, "tracking = \"fulfillments\"").await).await.assert_ok();
}
