//! The suite that every connector runs, against the fake over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_amazon::fake::{FakeAmazon, FakeConfig, OddOrder};
use banto_channel::{Bilingual, Connector, Cx, ListingId, Read, RemoteLine, Secret};
use banto_conformance::Fixture;
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};

/// A running marketplace and all that a connector to it needs.
struct Opened {
    fake: Arc<FakeAmazon>,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
}

/// Opens a marketplace behind a wire that keeps to no quotas and does not wait long.
async fn open(extra: &str) -> Opened {
    let clock = SimClock::usual();
    let fake = Arc::new(FakeAmazon::start(FakeConfig::new(7, clock.clone()).with_offers(400)).await.unwrap());
    let table = toml::from_str(&format!("{}orders_per_page = 10\n{extra}", fake.table())).unwrap();
    let credential = |name: &str| Ok(Secret::new(&fake.credential(name)));
    let connector = banto_amazon::build(&table, &credential).unwrap();
    let wire = WireConfig {
        delay_first: Duration::from_millis(5),
        delay_max: Duration::from_millis(50),
        body_max: 2_000_000,
        ..WireConfig::new("amazon", &[])
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock: clock.clone() };
    Opened { fake, connector, cx, clock }
}

async fn fixture(extra: &str, skip: &'static [(&'static str, &'static str)]) -> Fixture {
    let Opened { fake, connector, cx, clock } = open(extra).await;
    let odd = Arc::clone(&fake);
    Fixture {
        secrets: fake.secrets(),
        skip,
        // Amazon shows a change after two minutes.
        settle: Duration::from_secs(180),
        unknown_listing: ListingId::from("NO-SUCH-SKU"),
        odd: Some(Box::new(move || odd.place_odd_orders().into_iter().map(|odd| odd.id).collect())),
        ..Fixture::new(connector, fake, cx, move |by| clock.advance(by))
    }
}

const NO_REFUNDS: &str = "the Orders API tells of no refund; they are in the Finances API and in reports";
const SKIP: &[(&str, &str)] = &[
    ("a_refund_before_shipping_cancels_units", NO_REFUNDS),
    ("a_refund_after_shipping_returns_units", NO_REFUNDS),
];
const SKIP_ONE_BY_ONE: &[(&str, &str)] = &[
    ("a_refund_before_shipping_cancels_units", NO_REFUNDS),
    ("a_refund_after_shipping_returns_units", NO_REFUNDS),
    (
        "receipts_are_decided",
        "two listings go one by one, which Amazon answers at once; feeds are run beside this",
    ),
];
const SKIP_V0: &[(&str, &str)] = &[
    ("a_refund_before_shipping_cancels_units", NO_REFUNDS),
    ("a_refund_after_shipping_returns_units", NO_REFUNDS),
    (
        "receipts_are_decided",
        "two listings go one by one, which Amazon answers at once; feeds are run beside this",
    ),
    ("buyers_and_addresses_come_whole", "v0 tells no names and streets without a restricted token"),
];

#[tokio::test]
async fn a_seller_whose_stock_goes_one_by_one() {
    banto_conformance::run(async || fixture("", SKIP_ONE_BY_ONE).await).await.assert_ok();
}

#[tokio::test]
async fn a_seller_whose_stock_goes_by_feed() {
    banto_conformance::run(async || fixture("patch_up_to = 0", SKIP).await).await.assert_ok();
}

#[tokio::test]
async fn a_seller_who_stays_with_v0() {
    banto_conformance::run(async || fixture("orders_api = \"v0\"", SKIP_V0).await).await.assert_ok();
}

/// What became of an odd order, in one line.
fn told(read: &Read) -> String {
    let order = match read {
        Read::Unreadable { id, reason, .. } => {
            let named = if id.is_some() { "" } else { " and nameless" };
            return format!("unreadable{named}: {reason}");
        }
        Read::Order(order) => order,
    };
    let count = |of: fn(&RemoteLine) -> i64| order.lines.iter().map(of).sum::<i64>();
    let sound = match order.totals.sum() == Some(order.totals.grand) {
        true => "adds up",
        false => "does not add up",
    };
    let mut words = format!(
        "{:?} {:?}, {} lines of {} units, {} cancelled, {} {} {sound}",
        order.payment,
        order.fulfilment,
        order.lines.len(),
        count(|line| line.quantity),
        count(|line| line.cancelled),
        order.totals.grand.to_decimal(&order.currency),
        order.currency,
    );
    if !order.moves_own_stock {
        words.push_str("; not our stock");
    }
    for (what, text) in [("wait", order.wait.clone()), ("unknown", Bilingual::list(order.unknowns.clone()))] {
        if let Some(text) = text {
            words.push_str(&format!("; {what}: {text}"));
        }
    }
    words
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { fake, connector, cx, clock } = open("").await;
    let placed = fake.place_odd_orders();
    assert!(placed.len() >= 50, "{} odd orders", placed.len());
    clock.advance(Duration::from_secs(180));
    let mut lines = Vec::new();
    for OddOrder { name, id } in placed {
        let read = connector.reread_orders(&cx, &[id]).await.unwrap();
        lines.push(format!("{name}: {}", read.first().map_or("no order".to_owned(), told)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
