//! The suite that every connector runs, against the fake store over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "opened/mod.rs"]
mod opened;

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Read, RemoteLine};
use banto_conformance::Fixture;
use banto_yahoo::fake::{FakeConfig, OddOrder};

use opened::{Opened, SIGNED, open};

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
    for (what, values) in
        [("parcels", parcels), ("unknown", order.unknowns.iter().map(ToString::to_string).collect())]
    {
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

/// What a slow list could break; everything else is the same as above.
#[tokio::test]
async fn a_store_whose_list_lags_and_gives_few_rows() {
    let change = |config: &mut FakeConfig| {
        config.lag = Duration::from_secs(2);
        config.rows_max = 30;
    };
    let about_the_list =
        |name: &str| ["page", "pulls", "nothing_new", "keep_changing"].iter().any(|n| name.contains(n));
    banto_conformance::run_some(about_the_list, async || fixture(change, "").await).await.assert_ok();
}
