//! The suite that every connector runs, against the fake shop over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Clock, Connector, Cx, ListingId, Read, RemoteLine, Secret};
use banto_conformance::Fixture;
use banto_rakuten::fake::{FakeConfig, FakeItem, FakeShop, FakeVariant, OddOrder};
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What RMS does not have, so that there is nothing to check.
const SKIPPED: &[(&str, &str)] = &[
    (
        "a_refund_before_shipping_cancels_units",
        "RMS has no refund by line: a part is given back by changing the order's own lines and amounts",
    ),
    (
        "a_refund_after_shipping_returns_units",
        "RMS has no refund by line: after shipping a whole order is cancelled, or its amounts are changed",
    ),
];

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

/// A running shop and all that a connector to it needs.
struct Opened {
    shop: Arc<FakeShop>,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
    secrets: Vec<String>,
}

/// Opens a shop, behind a wire that does not wait long and whose pacing is left out: both sides would keep real seconds.
async fn open(change: fn(&mut FakeConfig)) -> Opened {
    let clock = SimClock::usual();
    let mut config = FakeConfig {
        items: items(),
        limits: false,
        // The suite compares addresses; that they are masked is tested elsewhere.
        masks_mail: false,
        ..FakeConfig::new(7, clock.clone())
    };
    // One check lives ten years later, and a key would have run out by then.
    config.licence_keys[0].expires = clock.now().plus(Duration::from_secs(20 * 365 * 86_400));
    change(&mut config);
    let (secret, key) = (config.service_secret.clone(), config.licence_keys[0].key.clone());
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table = format!(
        "url = \"{}\"\nservice_secret_file = \"secret\"\nlicense_key_file = \"key\"\norders_per_page = 10",
        shop.url()
    );
    let credential = |name: &str| Ok(Secret::new(if name == "secret" { &secret } else { &key }));
    let connector = banto_rakuten::build(&toml::from_str(&table).unwrap(), &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 4_000_000,
        ..WireConfig::new("rakuten", &[])
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    let token = STANDARD.encode(format!("{secret}:{key}"));
    Opened { shop, connector, cx, clock, secrets: vec![secret, key, token] }
}

async fn fixture(change: fn(&mut FakeConfig)) -> Fixture {
    let Opened { shop, connector, cx, clock, secrets } = open(change).await;
    let odd = Arc::clone(&shop);
    Fixture {
        secrets,
        skip: SKIPPED,
        unknown_listing: ListingId::from("tea-1/no-such-sku"),
        odd: Some(Box::new(move || odd.place_odd_orders().into_iter().map(|odd| odd.id).collect())),
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
    let note: String = order.note.replace('\n', " | ").chars().take(70).collect();
    let extra = [
        ("note", note),
        ("waits", order.wait.clone().unwrap_or_default()),
        ("unknown", order.unknowns.join("; ")),
    ];
    let extra: Vec<String> = extra
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(what, text)| format!("; {what}: {text}"))
        .collect();
    format!(
        "{:?} {:?}, {}, {} lines of {} units, {} cancelled, {} returned, {} {sound}, {} refunded{}",
        order.payment,
        order.fulfilment,
        order.status,
        order.lines.len(),
        count(|line| line.quantity),
        count(|line| line.cancelled),
        count(|line| line.returned),
        order.totals.grand.to_decimal(&order.currency),
        order.totals.refunded.0,
        extra.concat(),
    )
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { shop, connector, cx, clock, .. } = open(|_| ()).await;
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
async fn a_shop_that_confirms_by_hand() {
    banto_conformance::run(async || fixture(|_| ()).await).await.assert_ok();
}

#[tokio::test]
async fn a_shop_whose_orders_confirm_themselves() {
    banto_conformance::run(async || fixture(|config| config.auto_confirm = true).await).await.assert_ok();
}
