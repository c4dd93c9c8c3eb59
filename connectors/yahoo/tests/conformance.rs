//! The suite that every connector runs, against the fake store over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Connector, Cx, Read, RemoteLine, Secret};
use banto_conformance::Fixture;
use banto_sim::SimClock;
use banto_wire::{Wire, WireConfig};
use banto_yahoo::fake::{FakeConfig, FakeStore, OddOrder};

/// A running store and all that a connector to it needs.
struct Opened {
    store: Arc<FakeStore>,
    connector: Arc<dyn Connector>,
    cx: Cx,
    clock: Arc<SimClock>,
    secrets: Vec<String>,
}

/// Opens a store behind a wire that does not pace and does not wait long; the pace has a test of its own.
async fn open(change: fn(&mut FakeConfig), extra: &str) -> Opened {
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

const SIGNED: &str =
    "public_key_file = \"key\"\npublic_key_version = \"3\"\npublic_key_issued = \"2026-03-01\"\n";

async fn fixture(change: fn(&mut FakeConfig), extra: &str) -> Fixture {
    let Opened { store, connector, cx, clock, secrets } = open(change, extra).await;
    let (odd, time) = (Arc::clone(&store), Arc::clone(&store));
    let advance = move |by: Duration| {
        clock.advance(by);
        // Nobody waits longer than a consent lasts: a person gives it anew.
        if by > Duration::from_secs(6 * 3600) {
            time.consent_again();
        }
    };
    Fixture {
        secrets,
        odd: Some(Box::new(move || odd.place_odd_orders().into_iter().map(|odd| odd.id).collect())),
        skip: &[
            (
                "a_refund_before_shipping_cancels_units",
                "the store's tool lowers a line's number, and the API tells the new number without a trace of the old one",
            ),
            (
                "a_refund_after_shipping_returns_units",
                "a return shows as 調整額 of the order or as its cancel; there are no returned units",
            ),
        ],
        ..Fixture::new(connector, store, cx, advance)
    }
}

/// What became of an odd order, in one line.
fn told(read: &Read) -> String {
    let order = match read {
        Read::Unreadable { reason, .. } => return format!("unreadable: {reason}"),
        Read::Order(order) => order,
    };
    let count = |of: fn(&RemoteLine) -> i64| order.lines.iter().map(of).fold(0, i64::saturating_add);
    let sound = match order.totals.sum() == Some(order.totals.grand) {
        true => "adds up",
        false => "does not add up",
    };
    let mut told = format!(
        "{}: {:?} {:?}, {} lines of {} units, {} {} {sound}",
        order.status,
        order.payment,
        order.fulfilment,
        order.lines.len(),
        count(|line| line.quantity),
        order.totals.grand.to_decimal(&order.currency),
        order.currency,
    );
    let parcels: Vec<String> =
        order.shipments.iter().map(|s| format!("{} {}", s.carrier, s.tracking)).collect();
    for (what, values) in [("parcels", parcels), ("unknown", order.unknowns.clone())] {
        if !values.is_empty() {
            told.push_str(&format!("; {what}: {}", values.join(", ")));
        }
    }
    if let Some(wait) = &order.wait {
        told.push_str(&format!("; wait: {wait}"));
    }
    if !order.note.is_empty() {
        told.push_str(&format!("; note: {:?}", order.note));
    }
    if order.buyer.email.is_empty() {
        told.push_str("; no mail address");
    }
    if !order.moves_own_stock {
        told.push_str("; not from our shelf");
    }
    told
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { store, connector, cx, clock, .. } = open(|_| (), "").await;
    let placed = store.place_odd_orders();
    clock.advance(Duration::from_secs(5));
    let mut lines = Vec::new();
    for OddOrder { name, id } in placed {
        let read = connector.reread_orders(&cx, &[id]).await.unwrap();
        lines.push(format!("{name}: {}", read.first().map_or("no order".to_owned(), told)));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_store_with_a_public_key() {
    banto_conformance::run(async || fixture(|_| (), SIGNED).await).await.assert_ok();
}

#[tokio::test]
async fn a_store_whose_list_lags_and_gives_few_rows() {
    let change = |config: &mut FakeConfig| {
        config.lag = Duration::from_secs(2);
        config.rows_max = 30;
    };
    banto_conformance::run(async || fixture(change, "create_stock = false").await).await.assert_ok();
}
