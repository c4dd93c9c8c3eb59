//! Tokens, consents, keys, addresses.

use std::time::Duration;

use banto_channel::{ErrorKind, Timestamp};
use banto_sim::Market;

use crate::opened::{Opened, SIGNED, open};
use crate::{buy, calls};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// 2026-04-01T00:00:00+09:00, the day that the config calls `consented_at`.
const CONSENTED: Timestamp = Timestamp::from_secs(1_774_969_200);

#[tokio::test]
async fn a_token_serves_for_its_hour_and_is_then_renewed() {
    let opened = open(|_| (), "").await;
    let Opened { connector, cx, clock, .. } = &opened;
    for _ in 0..3 {
        connector.pull_orders(cx, None).await.unwrap();
    }
    assert_eq!(calls(&opened, "/token"), 1);
    clock.advance(HOUR - Duration::from_secs(30));
    connector.pull_orders(cx, None).await.unwrap();
    assert_eq!(calls(&opened, "/token"), 1, "a token is not used in its last minute");
}

#[tokio::test]
async fn a_token_that_is_refused_in_mid_run_is_renewed_once() {
    let opened = open(|_| (), "").await;
    let Opened { store, connector, cx, .. } = &opened;
    let order = buy(&opened, "tea-1", 1, true);
    connector.probe(cx).await.unwrap();
    store.expire_tokens();
    store.take_seen();
    let reads = connector.reread_orders(cx, &[order]).await.unwrap();
    assert_eq!(reads.len(), 1);
    let seen: Vec<String> = store.take_seen().into_iter().map(|seen| seen.call).collect();
    let names: Vec<&str> = seen.iter().map(|call| call.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["orderInfo", "token", "orderInfo"]);
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_says_how_to_consent_anew() {
    let Opened { store, connector, cx, secrets, .. } = open(|_| (), "").await;
    store.consent("the-token-of-a-new-consent");
    let error = connector.probe(&cx).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(
        error.message.contains("Consent anew") && error.message.contains("refresh_token_file"),
        "{error}"
    );
    assert!(secrets.iter().all(|secret| !error.to_string().contains(secret)), "{error}");
}

#[tokio::test]
async fn without_a_key_the_orders_stop_after_twelve_hours_and_stock_goes_on() {
    let Opened { store: _open, connector, cx, clock, .. } = open(|_| (), "").await;
    let report = connector.probe(&cx).await.unwrap();
    assert_eq!(report.credentials_expire, Some(CONSENTED.plus(DAY / 2)));
    assert!(report.warnings.iter().any(|w| w.en.contains("no public key")), "{:?}", report.warnings);
    clock.advance(13 * HOUR);
    let error = connector.pull_orders(&cx, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains("px-04102") && error.message.contains("public_key_file"), "{error}");
    connector.read_stock(&cx, &["tea-1".into()]).await.unwrap();
}

#[tokio::test]
async fn with_a_key_a_consent_lasts_for_four_weeks() {
    let Opened { store: _open, connector, cx, clock, .. } = open(|_| (), SIGNED).await;
    let report = connector.probe(&cx).await.unwrap();
    assert_eq!(report.credentials_expire, Some(CONSENTED.plus(28 * DAY)));
    assert_eq!(report.warnings, []);
    clock.advance(22 * DAY);
    let report = connector.probe(&cx).await.unwrap();
    assert!(
        matches!(&report.warnings[..], [w] if w.en.contains("consent ends in 5 days")),
        "{:?}",
        report.warnings
    );
    clock.advance(6 * DAY);
    assert!(connector.probe(&cx).await.is_err_and(|e| e.kind == ErrorKind::Auth));
}

#[tokio::test]
async fn a_key_of_another_version_is_warned_of_before_it_stops_anything() {
    let Opened { store, connector, cx, clock, .. } = open(|_| (), SIGNED).await;
    store.issue_key("4");
    let report = connector.probe(&cx).await.unwrap();
    assert!(
        report.warnings.iter().any(|w| w.en.contains("does not accept the public key")),
        "{:?}",
        report.warnings
    );
    clock.advance(13 * HOUR);
    let error = connector.pull_orders(&cx, None).await.unwrap_err();
    assert!(error.kind == ErrorKind::Auth && error.message.contains("public_key_version"), "{error}");
}

#[tokio::test]
async fn a_key_near_its_end_is_warned_of() {
    let Opened { store, connector, cx, clock, .. } = open(|_| (), SIGNED).await;
    clock.advance(340 * DAY);
    store.consent_again();
    let report = connector.probe(&cx).await.unwrap();
    assert!(report.warnings.iter().any(|w| w.en.contains("public key ends in")), "{:?}", report.warnings);
}

#[tokio::test]
async fn refusals_of_the_order_apis_say_what_is_missing() {
    let Opened { store, connector, cx, .. } = open(|_| (), SIGNED).await;
    for (code, remedy) in [
        ("px-04306", "address is not registered"),
        ("px-04303", "no approval for the order APIs"),
        ("px-04307", "consent was withdrawn"),
        ("px-14303", "business ID"),
        ("px-14304", "no rights to this store"),
    ] {
        store.refuse_orders(Some(code));
        let error = connector.probe(&cx).await.unwrap_err();
        assert!(error.kind == ErrorKind::Auth && error.message.contains(remedy), "{code}: {error}");
    }
}

#[tokio::test]
async fn too_many_calls_in_a_day_are_waited_out_and_explained_to_a_person() {
    let change = |config: &mut banto_yahoo::fake::FakeConfig| {
        config.limits = true;
        config.daily = 2;
    };
    let Opened { store: _open, connector, cx, clock, .. } = open(change, "").await;
    connector.probe(&cx).await.unwrap();
    clock.advance(HOUR);
    let error = connector.pull_orders(&cx, None).await.unwrap_err();
    assert!(error.kind == ErrorKind::RateLimited && error.retry_after.is_some(), "{error:?}");
    let error = connector.probe(&cx).await.unwrap_err();
    assert!(error.kind == ErrorKind::Auth && error.message.contains("client_id"), "{error:?}");
}
