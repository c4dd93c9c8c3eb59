//! Stock: all or nothing, and who is to blame.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use banto_channel::{Clock, Cx, ErrorKind, IdempotencyKey, ListingId, Outcome, StockItem, Timestamp};
use banto_sim::{Fault, Market};
use banto_wire::{Wire, WireConfig};
use banto_yahoo::fake::FakeConfig;

use crate::opened::{Opened, open};

fn item(code: &str, quantity: i64) -> StockItem {
    StockItem {
        listing: code.into(),
        quantity,
        was: None,
        version: 1,
        key: IdempotencyKey::from(format!("{code}/{quantity}")),
    }
}

fn thousand(_: &Opened, quantity: i64) -> Vec<StockItem> {
    (1..=1000).map(|n| item(&format!("item-{n:06}"), quantity)).collect()
}

fn many(config: &mut FakeConfig) {
    *config = config.clone().with_items(1_000);
}

fn refused(outcomes: &[Outcome]) -> Vec<usize> {
    let is = |outcome: &Outcome| matches!(outcome, Outcome::Refused { .. });
    (0..outcomes.len()).filter(|&at| is(&outcomes[at])).collect()
}

fn pushes(opened: &Opened) -> usize {
    opened.store.take_seen().iter().filter(|seen| seen.call.ends_with("/setStock")).count()
}

#[tokio::test]
async fn bad_rows_are_named_and_the_rest_goes_in_a_second_call() {
    let opened = open(many, "").await;
    for n in [17, 500, 1000] {
        opened.store.faults().play(Fault::RefuseItem(ListingId(format!("item-{n:06}"))));
    }
    let outcomes = opened.connector.push_stock(&opened.cx, &thousand(&opened, 7)).await.unwrap();
    assert_eq!(refused(&outcomes), [16, 499, 999]);
    assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Applied).count(), 997);
    assert_eq!(pushes(&opened), 2);
    assert_eq!(opened.store.shown(&"item-000018".into()), Some(7));
    assert_eq!(opened.store.shown(&"item-000017".into()), Some(500));
    assert!(
        matches!(&outcomes[16], Outcome::Refused { reason } if reason.ja.contains("st-02104")),
        "{:?}",
        outcomes[16]
    );
}

#[tokio::test]
async fn a_bad_row_that_nobody_names_is_found_by_halves() {
    let change = |config: &mut FakeConfig| {
        many(config);
        config.names_bad_rows = false;
    };
    let opened = open(change, "").await;
    // The store forgets a fault once it was played, so it is played for each call that may hold the row.
    for _ in 0..11 {
        opened.store.faults().play(Fault::RefuseItem("item-000300".into()));
    }
    let outcomes = opened.connector.push_stock(&opened.cx, &thousand(&opened, 8)).await.unwrap();
    assert_eq!(refused(&outcomes), [299]);
    let calls = pushes(&opened);
    assert!(calls <= 21, "{calls} calls");
    assert_eq!(opened.store.shown(&"item-000301".into()), Some(8));
}

#[tokio::test]
async fn a_store_that_refuses_everything_is_not_asked_for_ever() {
    let change = |config: &mut FakeConfig| {
        many(config);
        config.names_bad_rows = false;
    };
    let opened = open(change, "").await;
    for n in 1..=1000 {
        (0..12)
            .for_each(|_| opened.store.faults().play(Fault::RefuseItem(ListingId(format!("item-{n:06}")))));
    }
    let outcomes = opened.connector.push_stock(&opened.cx, &thousand(&opened, 9)).await.unwrap();
    assert!(outcomes.iter().all(|o| *o != Outcome::Applied));
    assert!(outcomes.iter().any(|o| matches!(o, Outcome::Retry { .. })));
    assert_eq!(pushes(&opened), 40);
}

#[tokio::test]
async fn an_error_in_the_middle_leaves_what_was_set_and_puts_off_the_rest() {
    let opened = open(|_| (), "").await;
    // Two calls, since one code stands twice; the second one fails for longer than it is tried.
    let items = [item("tea-1", 3), item("tea-2", 4), item("tea-1", 5)];
    opened.connector.push_stock(&opened.cx, &[item("tea-1", 1), item("tea-2", 1)]).await.unwrap();
    for calls in [1, 0, 0, 0] {
        opened.store.faults().play_after(calls, Fault::Status { code: 503, retry_after: None });
    }
    let outcomes = opened.connector.push_stock(&opened.cx, &items).await.unwrap();
    opened.store.faults().clear();
    assert!(
        matches!(&outcomes[..], [Outcome::Applied, Outcome::Applied, Outcome::Retry { .. }]),
        "{outcomes:?}"
    );
    assert_eq!(opened.store.shown(&"tea-1".into()), Some(3));
}

#[tokio::test]
async fn codes_and_numbers_that_cannot_be_sent_are_refused_here() {
    let opened = open(|_| (), "").await;
    let items = [
        item("tea-1,tea-2", 1),
        item("煎茶", 1),
        item("", 1),
        item("tea-1", -1),
        item("tea-1", 1 << 40),
        item("tea-2", 4),
    ];
    let outcomes = opened.connector.push_stock(&opened.cx, &items).await.unwrap();
    assert_eq!(refused(&outcomes), [0, 1, 2, 3, 4]);
    assert_eq!(outcomes[5], Outcome::Applied);
}

#[tokio::test]
async fn one_code_twice_ends_with_the_later_number() {
    let opened = open(|_| (), "").await;
    let items = [item("tea-1", 3), item("tea-2", 4), item("tea-1", 5)];
    let outcomes = opened.connector.push_stock(&opened.cx, &items).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied, Outcome::Applied]);
    assert_eq!(opened.store.shown(&"tea-1".into()), Some(5));
}

#[tokio::test]
async fn a_code_without_a_record_is_only_sent_when_the_config_says_so() {
    let opened = open(|_| (), "").await;
    let outcomes = opened.connector.push_stock(&opened.cx, &[item("new-1", 3)]).await.unwrap();
    assert!(
        matches!(&outcomes[..], [Outcome::Refused { reason }] if reason.ja.contains("create_stock")),
        "{outcomes:?}"
    );
    let opened = open(|_| (), "create_stock = true").await;
    let outcomes = opened.connector.push_stock(&opened.cx, &[item("new-1", 3)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Applied]);
    assert_eq!(
        opened.connector.read_stock(&opened.cx, &["new-1".into()]).await,
        Ok(vec![("new-1".into(), 3)])
    );
}

#[tokio::test]
async fn a_known_code_is_looked_up_once() {
    let opened = open(|_| (), "").await;
    for quantity in 1..=3 {
        opened.connector.push_stock(&opened.cx, &[item("tea-1", quantity)]).await.unwrap();
    }
    let seen = opened.store.take_seen();
    let count = |api: &str| seen.iter().filter(|s| s.call.ends_with(api)).count();
    assert_eq!((count("/getStock"), count("/setStock")), (1, 3));
}

#[derive(Debug)]
struct RealClock;

#[expect(clippy::disallowed_methods, reason = "the pace is kept in real time")]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::default().plus(since)
    }
}

#[tokio::test]
async fn the_documented_pace_is_kept_and_the_mall_refuses_nothing() {
    let change = |config: &mut FakeConfig| {
        many(config);
        config.clock = Arc::new(RealClock);
        config.limits = true;
    };
    let opened = open(change, "").await;
    let wire = WireConfig::new("yahoo", opened.connector.capabilities().quotas);
    let clock: Arc<dyn Clock> = Arc::new(RealClock);
    let cx = Cx { http: Arc::new(Wire::new(wire, clock.clone()).unwrap()), clock };
    let begun = RealClock.now();
    for quantity in 1..=4 {
        let outcomes = opened.connector.push_stock(&cx, &thousand(&opened, quantity)).await.unwrap();
        assert_eq!(refused(&outcomes), Vec::<usize>::new());
    }
    let took = RealClock.now().since(begun);
    assert!(took >= Duration::from_millis(2_900), "4 calls a second apart took {took:?}");
    assert_eq!(opened.store.limited(), 0);
}

#[tokio::test]
async fn an_answer_that_is_no_result_is_malformed() {
    let opened = open(|_| (), "").await;
    opened.store.faults().play_after(1, Fault::Html);
    let error = opened.connector.push_stock(&opened.cx, &[item("tea-1", 3)]).await.unwrap_err();
    assert!(error.kind == ErrorKind::Malformed && error.message.contains("web page"), "{error}");
}
