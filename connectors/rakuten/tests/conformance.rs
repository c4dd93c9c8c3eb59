//! The suite that every connector runs, against the fake shop over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

mod stage;

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Bilingual, ListingId, Read, RemoteLine};
use banto_conformance::Fixture;
use banto_rakuten::fake::{FakeConfig, OddOrder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stage::{Opened, open};

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

async fn fixture(change: fn(&mut FakeConfig)) -> Fixture {
    let opened = open(
        |config| {
            // The suite compares addresses; that they are masked is tested elsewhere.
            config.masks_mail = false;
            change(config);
        },
        "",
        &[],
    );
    let Opened { shop, connector, cx, clock, service_secret, licence_keys } = opened.await;
    let token = STANDARD.encode(format!("{service_secret}:{}", licence_keys[0]));
    let odd = Arc::clone(&shop);
    Fixture {
        secrets: licence_keys.into_iter().chain([service_secret, token]).collect(),
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
        ("waits", order.wait.clone().unwrap_or_default().en),
        ("unknown", Bilingual::list(order.unknowns.clone()).unwrap_or_default().en),
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
    let Opened { shop, connector, cx, clock, .. } = open(|_| (), "", &[]).await;
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
