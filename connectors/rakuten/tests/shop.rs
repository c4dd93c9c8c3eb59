//! What happens between the connector and a shop over real HTTP, beyond the suite.
#![expect(clippy::unwrap_used, reason = "tests")]

mod stage;

use std::time::{Duration, Instant};

use banto_channel::{
    Clock, Cursor, ErrorKind, Fulfilment, IdempotencyKey, ListingId, MailOwner, Notice, Outcome, Parcel,
    Payment, Read, RemoteOrder, RemoteOrderId, StockItem,
};
use banto_rakuten::fake::{FakeItem, FakeVariant, LicenceKey};
use banto_sim::{BasketLine, Fault, Market, Purchase};
use stage::{Opened, open};

const DAY: Duration = Duration::from_secs(86_400);

fn purchase(listings: &[&str], paid: bool) -> Purchase {
    let line = |listing: &&str| BasketLine { listing: ListingId::from(*listing), quantity: 2 };
    Purchase { lines: listings.iter().map(line).collect(), paid, ..Purchase::default() }
}

fn item(listing: &str, quantity: i64) -> StockItem {
    StockItem {
        listing: ListingId::from(listing),
        quantity,
        was: None,
        version: 1,
        key: IdempotencyKey::from("k"),
    }
}

impl Opened {
    fn buy(&self, paid: bool) -> RemoteOrderId {
        let order = self.shop.buy(&purchase(&["tea-1/tea-1", "shirt/R01"], paid)).unwrap();
        self.clock.advance(Duration::from_secs(5));
        order
    }

    async fn tell(&self, order: &RemoteOrderId, notice: &Notice) -> Outcome {
        self.connector.notify_order(&self.cx, order, notice, &IdempotencyKey::from("k")).await.unwrap()
    }

    async fn read(&self, order: &RemoteOrderId) -> RemoteOrder {
        let reads = self.connector.reread_orders(&self.cx, std::slice::from_ref(order)).await.unwrap();
        let order = reads.into_iter().find_map(|read| match read {
            Read::Order(order) => Some(*order),
            Read::Unreadable { .. } => None,
        });
        order.unwrap()
    }

    fn parcel(&self, tracking: &str, completes: bool) -> Notice {
        Notice::Shipped(Parcel {
            carrier: "佐川急便".to_owned(),
            tracking: tracking.to_owned(),
            tracking_url: None,
            shipped_at: self.clock.now(),
            lines: Vec::new(),
            completes,
        })
    }

    /// The calls of the order API since the last look.
    fn order_calls(&self) -> Vec<String> {
        let seen = self.shop.take_seen().into_iter();
        seen.filter_map(|seen| Some(seen.call.strip_prefix("POST /es/2.0/order/")?.to_owned())).collect()
    }
}

/// A shop with a key that runs out in a day and one for the time after.
async fn two_keys() -> Opened {
    let change = |config: &mut banto_rakuten::fake::FakeConfig| {
        let now = config.clock.now();
        config.licence_keys = vec![
            LicenceKey { key: "SL-old-0123456789".to_owned(), expires: now.plus(DAY) },
            LicenceKey { key: "SL-new-9876543210".to_owned(), expires: now.plus(90 * DAY) },
        ];
    };
    open(change, "license_key_next_file = \"next\"", &[]).await
}

#[tokio::test]
async fn the_next_key_takes_over_in_mid_run_when_the_old_one_runs_out() {
    let opened = two_keys().await;
    let probed = opened.connector.probe(&opened.cx).await.unwrap();
    assert_eq!(
        probed.credentials_expire.map(|at| at.as_secs()),
        Some(opened.clock.now().plus(90 * DAY).as_secs())
    );
    assert!(probed.warnings.is_empty(), "{:?}", probed.warnings);
    let order = opened.buy(true);
    opened.clock.advance(2 * DAY);
    assert_eq!(opened.read(&order).await.id, order);
    let before = opened.shop.take_seen().len();
    assert_eq!(opened.read(&order).await.id, order);
    assert_eq!(opened.shop.take_seen().len(), 1, "the key that works is remembered ({before} calls before)");
    let probed = opened.connector.probe(&opened.cx).await.unwrap();
    assert!(probed.warnings[0].en.contains("license_key_file is refused"), "{:?}", probed.warnings);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_and_no_other_is_auth_with_the_remedy() {
    let opened = two_keys().await;
    opened.shop.revoke(&opened.licence_keys[0]);
    assert!(opened.connector.pull_orders(&opened.cx, None).await.is_ok());
    opened.shop.revoke(&opened.licence_keys[1]);
    let refused = opened.connector.pull_orders(&opened.cx, None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Auth);
    assert!(refused.message.contains("GA0001") && refused.message.contains("3 months"), "{refused}");
    let secrets = [&opened.service_secret, &opened.licence_keys[0], &opened.licence_keys[1]];
    assert!(secrets.iter().all(|secret| !refused.message.contains(secret.as_str())), "{refused}");
}

#[tokio::test]
async fn a_key_that_runs_out_soon_is_a_warning() {
    let opened =
        open(|config| config.licence_keys[0].expires = config.clock.now().plus(9 * DAY), "", &[]).await;
    let probed = opened.connector.probe(&opened.cx).await.unwrap();
    assert!(probed.warnings[0].en.contains("license_key_next_file"), "{:?}", probed.warnings);
}

#[tokio::test]
async fn an_order_that_waits_for_confirmation_is_confirmed_before_it_is_shipped() {
    let opened = open(|_| (), "", &[]).await;
    let order = opened.buy(true);
    opened.shop.take_seen();
    assert_eq!(opened.tell(&order, &opened.parcel("1234-5678", true)).await, Outcome::Applied);
    assert_eq!(opened.order_calls(), ["getOrder/", "confirmOrder/", "getOrder/", "updateOrderShipping/"]);
    let told = opened.read(&order).await;
    assert_eq!((told.fulfilment, told.payment), (Fulfilment::Shipped, Payment::Paid));
    assert_eq!(
        (told.shipments[0].carrier.as_str(), told.shipments[0].tracking.as_str()),
        ("佐川急便", "1234-5678")
    );
    assert_eq!(told.shipments[0].lines.len(), 2);
    assert_eq!(opened.tell(&order, &opened.parcel("1234-5678", true)).await, Outcome::Applied);
    assert_eq!(opened.read(&order).await.shipments.len(), 1);
}

#[tokio::test]
async fn an_order_in_rakutens_hands_is_shipped_later() {
    let opened = open(|config| config.processing = Duration::from_secs(600), "", &[]).await;
    let order = opened.buy(true);
    let later = opened.tell(&order, &opened.parcel("1", true)).await;
    assert!(matches!(&later, Outcome::Retry { reason, .. } if reason.ja.contains("楽天処理中")), "{later:?}");
    assert!(opened.read(&order).await.wait.unwrap().ja.contains("楽天処理中"));
    opened.clock.advance(Duration::from_secs(601));
    assert_eq!(opened.read(&order).await.wait, None);
    assert_eq!(opened.tell(&order, &opened.parcel("1", true)).await, Outcome::Applied);
}

#[tokio::test]
async fn a_part_leaves_the_order_open_until_the_last_parcel_brings_the_day() {
    let opened = open(|_| (), "", &[]).await;
    let order = opened.buy(true);
    for _ in 0..2 {
        assert_eq!(opened.tell(&order, &opened.parcel("1111", false)).await, Outcome::Applied);
        assert_eq!(opened.read(&order).await.fulfilment, Fulfilment::Partial);
    }
    opened.tell(&order, &opened.parcel("2222", true)).await;
    let told = opened.read(&order).await;
    assert_eq!(told.fulfilment, Fulfilment::Shipped);
    assert_eq!(told.shipments.len(), 2);
    assert!(told.shipments.iter().all(|parcel| parcel.shipped_at.is_some()));
}

#[tokio::test]
async fn a_carrier_that_rakuten_does_not_know_is_refused_before_it_is_sent() {
    let opened = open(|_| (), "", &[]).await;
    let order = opened.buy(true);
    let mut notice = opened.parcel("1", true);
    if let Notice::Shipped(parcel) = &mut notice {
        parcel.carrier = "伝書鳩".to_owned();
    }
    let refused = opened.tell(&order, &notice).await;
    assert!(matches!(&refused, Outcome::Refused { reason } if reason.ja.contains("伝書鳩")), "{refused:?}");
    assert!(!opened.order_calls().contains(&"updateOrderShipping/".to_owned()));
}

#[tokio::test]
async fn what_was_cancelled_is_neither_confirmed_nor_shipped() {
    let opened = open(|_| (), "", &[]).await;
    let order = opened.buy(true);
    opened.shop.cancel(&order);
    for notice in [Notice::Confirmed, opened.parcel("1", true)] {
        let refused = opened.tell(&order, &notice).await;
        assert!(
            matches!(&refused, Outcome::Refused { reason } if reason.en.contains("キャンセル")),
            "{refused:?}"
        );
    }
    let cancelled = opened.read(&order).await;
    assert_eq!((cancelled.fulfilment, cancelled.payment), (Fulfilment::Cancelled, Payment::Awaiting));
    assert_eq!(cancelled.lines.iter().map(|line| line.cancelled).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn a_shipped_order_is_cancelled_only_if_the_config_allows_it() {
    let cancel = Notice::Cancelled { reason: "返品".to_owned() };
    let opened = open(|_| (), "", &[]).await;
    let order = opened.buy(true);
    opened.shop.ship(&order);
    let refused = opened.tell(&order, &cancel).await;
    assert!(
        matches!(&refused, Outcome::Refused { reason } if reason.ja.contains("cancel_shipped_orders")),
        "{refused:?}"
    );

    let opened = open(|_| (), "cancel_shipped_orders = true\ncancel_reason = 15", &[]).await;
    let order = opened.buy(true);
    opened.shop.ship(&order);
    assert_eq!(opened.tell(&order, &cancel).await, Outcome::Applied);
    let back = opened.read(&order).await;
    assert_eq!((back.fulfilment, back.payment), (Fulfilment::Shipped, Payment::Refunded));
    assert_eq!(back.totals.refunded, back.totals.grand);
    assert_eq!(back.refunds[0].reason, "返品(破損・品間違い)");
    assert_eq!(back.lines.iter().map(|line| line.returned).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn the_day_of_a_prepayment_is_read_if_the_config_asks() {
    for (extra, read) in [("", false), ("read_payment_dates = true", true)] {
        let opened = open(|_| (), extra, &[]).await;
        let order = opened.buy(false);
        assert_eq!(opened.read(&order).await.paid_at, None);
        opened.shop.pay(&order);
        let paid = opened.read(&order).await;
        assert_eq!((paid.payment, paid.payment_method.as_str()), (Payment::Paid, "9"));
        assert_eq!(paid.paid_at.is_some(), read);
    }
}

#[tokio::test]
async fn masked_addresses_are_of_the_relays_domain() {
    let opened = open(|_| (), "", &[]).await;
    let mut purchase = purchase(&["tea-1/tea-1"], true);
    purchase.buyer.email = "somebody@example.test".to_owned();
    let order = opened.shop.buy(&purchase).unwrap();
    let can = opened.connector.capabilities();
    let relay = can.mail_relay.unwrap();
    let mail = opened.read(&order).await.buyer.email;
    assert!(mail.ends_with(&format!(".{}", relay.domain)), "{mail}");
    assert_eq!(can.mail_policy.shipped, MailOwner::Us);
}

#[tokio::test]
async fn a_sku_without_a_number_is_told_from_one_that_is_not_there() {
    let change = |config: &mut banto_rakuten::fake::FakeConfig| {
        let fresh = FakeVariant { id: "fresh".to_owned(), price: 100, ..FakeVariant::default() };
        config.items.push(FakeItem {
            manage_number: "new".to_owned(),
            variants: vec![fresh],
            ..FakeItem::default()
        });
    };
    let opened = open(change, "", &[]).await;
    let pushed = [
        item("new/fresh", 7),
        item("new/stale", 7),
        item("gone/x", 7),
        item("tea-1/tea-1", 8),
        item("TEA-2/tea-2", 120_000),
    ];
    let outcomes = opened.connector.push_stock(&opened.cx, &pushed).await.unwrap();
    let applied: Vec<bool> = outcomes.iter().map(|outcome| *outcome == Outcome::Applied).collect();
    assert_eq!(applied, [true, false, false, true, true], "{outcomes:?}");
    assert!(outcomes[1..3].iter().all(|outcome| matches!(outcome, Outcome::Refused { .. })));
    let shown = |listing: &str| opened.shop.shown(&ListingId::from(listing));
    assert_eq!((shown("new/fresh"), shown("tea-2/tea-2")), (Some(7), Some(99_999)));
    let written: usize = opened.shop.take_seen().iter().map(|seen| seen.stock.len()).sum();
    assert_eq!(written, 3, "what does not exist is not sent, since Rakuten would take it");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_sent_again() {
    let opened = open(|_| (), "", &[]).await;
    opened.shop.faults().play_after(1, Fault::LostAnswer);
    let outcomes = opened.connector.push_stock(&opened.cx, &[item("tea-1/tea-1", 3)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied]);
    assert_eq!(opened.shop.shown(&ListingId::from("tea-1/tea-1")), Some(3));
}

#[tokio::test]
async fn documented_rates_are_kept_and_nobody_is_told_that_it_was_too_many() {
    let quotas = open(|_| (), "", &[]).await.connector.capabilities().quotas;
    let opened = open(|config| config.limits = true, "", quotas).await;
    let begun = Instant::now();
    for quantity in 1..=4 {
        opened.connector.push_stock(&opened.cx, &[item("tea-1/tea-1", quantity)]).await.unwrap();
    }
    let took = begun.elapsed();
    assert_eq!(opened.shop.too_many(), 0);
    assert!(took >= Duration::from_millis(2_900), "four writes at one a second took {took:?}");
}

#[tokio::test]
async fn a_caller_who_does_not_pace_itself_is_told_so() {
    let opened = open(|config| config.limits = true, "", &[]).await;
    let push = || opened.connector.push_stock(&opened.cx, &[]);
    push().await.unwrap();
    for _ in 0..3 {
        let _ = opened.connector.push_stock(&opened.cx, &[item("tea-1/tea-1", 1)]).await;
    }
    assert!(opened.shop.too_many() > 0);
}

/// Everything from `cursor` to the end, and where that is.
async fn walk(opened: &Opened, mut cursor: Option<Cursor>) -> (Vec<RemoteOrder>, Option<Cursor>) {
    let mut orders = Vec::new();
    loop {
        let page = opened.connector.pull_orders(&opened.cx, cursor.as_ref()).await.unwrap();
        orders.extend(page.items.into_iter().filter_map(|read| match read {
            Read::Order(order) => Some(*order),
            Read::Unreadable { .. } => None,
        }));
        cursor = Some(page.next);
        if !page.more {
            return (orders, cursor);
        }
    }
}

#[tokio::test]
async fn a_long_history_is_read_whole_and_an_old_order_is_found_by_its_payment() {
    let opened = open(|_| (), "since = \"2026-03-01\"", &[]).await;
    let mut placed = Vec::new();
    for _ in 0..45 {
        placed.push(opened.shop.buy(&purchase(&["tea-1/tea-1"], false)).unwrap());
        opened.shop.set_shown(&ListingId::from("tea-1/tea-1"), 50);
        opened.clock.advance(3 * DAY);
    }
    let (orders, cursor) = walk(&opened, None).await;
    assert!(placed.iter().all(|id| orders.iter().any(|order| order.id == *id)));
    assert_eq!(orders.len(), placed.len(), "none came twice");
    // Months after it was placed; its own date is far outside the window by now.
    opened.shop.pay(&placed[0]);
    opened.clock.advance(Duration::from_secs(30));
    let (orders, _) = walk(&opened, cursor).await;
    assert!(orders.iter().any(|order| order.id == placed[0] && order.payment == Payment::Paid));
}
