//! The suite can fail: each connector here has one fault of the kind that real ones have, and the check that is
//! named beside it must find it.

#![expect(clippy::panic, reason = "tests, and a connector that panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Bilingual, Capabilities, Connector, Cursor, Cx, Error, ErrorKind, Fulfilment, IdempotencyKey, ListingId,
    Money, Notice, NoticeKind, Outcome, Page, ProbeReport, Read, Receipt, RemoteOffer, RemoteOrderId, Result,
    StockBasis, StockItem, Webhook, both,
};
use banto_conformance::Fixture;
use banto_sim::{SimClock, SimConnector, SimMarket, SimSetup};

/// What is wrong with a connector, and the check that must say so.
const BUGS: &[(Bug, &str)] = &[
    (Bug::SkipsAnOrder, "every_order_placed_is_returned"),
    (Bug::SkipsAnOrder, "pages_chain_to_the_end_and_repeat_safely"),
    (Bug::InventsOrders, "every_order_placed_is_returned"),
    (Bug::NeverEnds, "every_order_placed_is_returned"),
    (Bug::NeverEnds, "a_walk_ends_although_orders_keep_changing"),
    (Bug::ForgetsPages, "pages_chain_to_the_end_and_repeat_safely"),
    (Bug::ReadsEachOrderOnce, "an_order_changed_while_paging_is_seen"),
    (Bug::ReadsEachOrderOnce, "a_payment_is_seen"),
    (Bug::CursorIsOurTime, "orders_placed_between_pulls_all_arrive"),
    (Bug::StampsOrders, "nothing_changed_is_nothing_new"),
    (Bug::BeginsAnewWhenInDoubt, "a_cursor_from_the_future_yields_nothing"),
    (Bug::FailsOnUnreadable, "odd_orders_never_stop_a_page"),
    (Bug::DropsUnreadable, "odd_orders_never_stop_a_page"),
    (Bug::RoundsMoney, "totals_add_up"),
    (Bug::RoundsMoney, "orders_say_what_was_bought"),
    (Bug::BreaksText, "buyers_and_addresses_come_whole"),
    (Bug::ForgetsReturns, "a_refund_after_shipping_returns_units"),
    (Bug::TakesCancelledOut, "a_refund_before_shipping_cancels_units"),
    (Bug::ProbesNothing, "bad_credentials_fail_the_probe_with_auth"),
    (Bug::SpeaksEnglishAlone, "what_a_probe_finds_is_told_in_japanese_too"),
    (Bug::WarnsInEnglishAlone, "what_a_probe_finds_is_told_in_japanese_too"),
    (Bug::AuthIsUnreachable, "credentials_refused_in_mid_run_are_auth_and_then_it_goes_on"),
    (Bug::PanicsOnTorn, "a_torn_answer_is_malformed_and_loses_nothing"),
    (Bug::PanicsOnTorn, "a_huge_answer_is_malformed_and_loses_nothing"),
    (Bug::MalformedIsRefused, "a_web_page_is_malformed_and_loses_nothing"),
    (Bug::ForgetsRetryAfter, "too_many_requests_is_waited_out_or_says_how_long"),
    (Bug::FailuresAreFinal, "a_server_that_fails_is_a_passing_error"),
    (Bug::EverythingIsRateLimited, "a_refused_call_is_an_error_of_its_kind"),
    (Bug::MovesOnAfterAnError, "bad_weather_loses_nothing"),
    (Bug::IgnoresBadItems, "a_bad_item_is_refused_alone"),
    (Bug::IgnoresBadItems, "an_unknown_listing_is_refused"),
    (Bug::FailsTheBatch, "a_bad_item_is_refused_alone"),
    (Bug::TurnsOutcomesRound, "a_bad_item_is_refused_alone"),
    (Bug::AddsToStock, "the_same_push_again_is_harmless"),
    (Bug::AddsToStock, "a_lost_answer_and_a_second_push_leave_the_right_number"),
    (Bug::PushesOneItemOnly, "more_than_one_batch_is_applied"),
    (Bug::ClaimsTheOtherBasis, "the_basis_is_the_claimed_one"),
    (Bug::ShowsNoZero, "an_absolute_quantity_is_shown"),
    (Bug::TellsWithNewKeys, "a_shipment_is_told_once"),
    (Bug::TellsWithNewKeys, "a_shipment_whose_answer_was_lost_is_told_once"),
    (Bug::TellsWithNewKeys, "a_note_is_told_once"),
    (Bug::CompletesEveryParcel, "a_partial_shipment_keeps_the_order_open"),
    (Bug::SecondCancelFails, "a_cancel_is_told_once"),
    (Bug::AcceptsEveryHook, "a_forged_webhook_is_refused"),
    (Bug::RefusesEveryHook, "a_signed_webhook_is_accepted"),
    (Bug::MendsHooksForEver, "webhooks_are_made_sure_of_once"),
    (Bug::ListsOffersTwice, "every_offer_is_listed_once_with_its_number"),
    (Bug::ReadsStockFromMemory, "stock_reads_back_as_it_stands"),
    (Bug::ClaimsMoreThanItDoes, "what_is_claimed_is_supported"),
    (Bug::DoesMoreThanItClaims, "what_is_not_claimed_is_unsupported"),
    (Bug::LeaksInErrors, "no_secret_is_shown"),
    (Bug::LeaksInDebug, "no_secret_is_shown"),
    (Bug::AllowsNothing, "capabilities_make_sense"),
    (Bug::SeesNoShipments, "a_shipment_by_the_staff_is_seen"),
    (Bug::SeesNoCancels, "a_cancelled_order_is_seen"),
    (Bug::RereadsTheFirst, "a_reread_brings_the_order_as_it_is_now"),
    (Bug::RepeatsTheLastPush, "a_newer_number_wins"),
    (Bug::NeverDecides, "receipts_are_decided"),
    (Bug::TellsNothing, "a_payment_is_told_once"),
    (Bug::TellsNothing, "a_confirmation_is_told_once"),
    (Bug::TellsNothing, "a_notice_about_an_unknown_order_is_refused"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bug {
    SkipsAnOrder,
    InventsOrders,
    NeverEnds,
    ForgetsPages,
    ReadsEachOrderOnce,
    CursorIsOurTime,
    StampsOrders,
    BeginsAnewWhenInDoubt,
    FailsOnUnreadable,
    DropsUnreadable,
    RoundsMoney,
    BreaksText,
    ForgetsReturns,
    TakesCancelledOut,
    ProbesNothing,
    SpeaksEnglishAlone,
    WarnsInEnglishAlone,
    AuthIsUnreachable,
    PanicsOnTorn,
    MalformedIsRefused,
    ForgetsRetryAfter,
    FailuresAreFinal,
    EverythingIsRateLimited,
    MovesOnAfterAnError,
    IgnoresBadItems,
    FailsTheBatch,
    TurnsOutcomesRound,
    AddsToStock,
    PushesOneItemOnly,
    ClaimsTheOtherBasis,
    ShowsNoZero,
    TellsWithNewKeys,
    CompletesEveryParcel,
    SecondCancelFails,
    AcceptsEveryHook,
    RefusesEveryHook,
    MendsHooksForEver,
    ListsOffersTwice,
    ReadsStockFromMemory,
    ClaimsMoreThanItDoes,
    DoesMoreThanItClaims,
    LeaksInErrors,
    LeaksInDebug,
    AllowsNothing,
    SeesNoShipments,
    SeesNoCancels,
    RereadsTheFirst,
    RepeatsTheLastPush,
    NeverDecides,
    TellsNothing,
}

/// A right connector with one thing done wrong.
struct Broken {
    right: SimConnector,
    bug: Bug,
    capabilities: Capabilities,
    calls: AtomicU64,
    pulled: Mutex<BTreeSet<RemoteOrderId>>,
    pushed: Mutex<BTreeMap<ListingId, i64>>,
    last: Mutex<Vec<StockItem>>,
}

impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let setup = self.right.market().setup();
        match self.bug {
            Bug::LeaksInDebug => write!(f, "Broken {{ token: {} }}", setup.token.expose()),
            bug => write!(f, "Broken({bug:?})"),
        }
    }
}

impl Broken {
    fn new(right: SimConnector, bug: Bug) -> Self {
        let mut capabilities = right.capabilities().clone();
        match bug {
            Bug::ClaimsTheOtherBasis => capabilities.stock_basis = StockBasis::Physical,
            Bug::ClaimsMoreThanItDoes => capabilities.stock_answers_later = true,
            Bug::DoesMoreThanItClaims => capabilities.notices = &[NoticeKind::Shipped],
            Bug::AllowsNothing => capabilities.pull_interval_min = Duration::ZERO,
            _ => {}
        }
        Self {
            right,
            bug,
            capabilities,
            calls: AtomicU64::new(0),
            pulled: Mutex::default(),
            pushed: Mutex::default(),
            last: Mutex::default(),
        }
    }

    fn spoil_error(&self, error: Error) -> Error {
        let to = |kind| Error::new(kind, error.message.clone());
        match (self.bug, error.kind) {
            (Bug::SpeaksEnglishAlone, ErrorKind::Auth) => to(ErrorKind::Auth),
            (Bug::AuthIsUnreachable, ErrorKind::Auth) => to(ErrorKind::Unreachable),
            (Bug::PanicsOnTorn, ErrorKind::Malformed) if !error.message.contains("page") => panic!("{error}"),
            (Bug::MalformedIsRefused, ErrorKind::Malformed) => to(ErrorKind::Refused),
            (Bug::ForgetsRetryAfter, ErrorKind::RateLimited) => to(ErrorKind::RateLimited),
            (Bug::FailuresAreFinal, ErrorKind::Unreachable) => to(ErrorKind::Unexpected),
            (Bug::EverythingIsRateLimited, _) => to(ErrorKind::RateLimited),
            (Bug::LeaksInErrors, ErrorKind::Malformed) => {
                let token = self.right.market().setup().token.expose();
                Error::new(error.kind, format!("{} (token={token})", error.message))
            }
            _ => error,
        }
    }

    fn spoil_order(&self, read: Read) -> Option<Result<Read>> {
        let mut order = match read {
            Read::Unreadable { .. } if self.bug == Bug::DropsUnreadable => return None,
            Read::Unreadable { reason, .. } if self.bug == Bug::FailsOnUnreadable => {
                return Some(Err(Error::told(ErrorKind::Malformed, reason)));
            }
            Read::Order(order) => order,
            unreadable => return Some(Ok(unreadable)),
        };
        match self.bug {
            Bug::SkipsAnOrder if order.id.as_str().ends_with('7') => return None,
            Bug::ReadsEachOrderOnce => {
                let mut pulled = self.pulled.lock().unwrap_or_else(PoisonError::into_inner);
                if !pulled.insert(order.id.clone()) {
                    return None;
                }
            }
            Bug::InventsOrders => order.id = RemoteOrderId(format!("{}/1", order.id)),
            Bug::StampsOrders => order.note += &self.calls.load(Ordering::Relaxed).to_string(),
            Bug::RoundsMoney => order.totals.grand = Money(order.totals.grand.0 / 100 * 100),
            Bug::BreaksText => {
                let narrow = |c: char| if c > '\u{ffff}' { '?' } else { c };
                order.ship_to.name = order.ship_to.name.chars().map(narrow).collect();
            }
            Bug::SeesNoShipments if order.fulfilment == Fulfilment::Shipped => {
                order.fulfilment = Fulfilment::Open
            }
            Bug::SeesNoCancels if order.fulfilment == Fulfilment::Cancelled => {
                order.fulfilment = Fulfilment::Open
            }
            Bug::ForgetsReturns => order.lines.iter_mut().for_each(|l| l.returned = 0),
            Bug::TakesCancelledOut => order.lines.iter_mut().for_each(|l| l.quantity -= l.cancelled),
            _ => {}
        }
        Some(Ok(Read::Order(order)))
    }

    fn spoil_outcomes(&self, mut outcomes: Vec<Outcome>) -> Result<Vec<Outcome>> {
        let refused = outcomes.iter().any(|o| matches!(o, Outcome::Refused { .. }));
        match self.bug {
            Bug::IgnoresBadItems => outcomes.fill(Outcome::Applied),
            Bug::FailsTheBatch if refused => return Err(Error::new(ErrorKind::Refused, "the batch failed")),
            Bug::TurnsOutcomesRound => outcomes.rotate_left(1),
            _ => {}
        }
        Ok(outcomes)
    }

    fn spoil_items(&self, items: &[StockItem]) -> Vec<StockItem> {
        let mut items = items.to_vec();
        match self.bug {
            Bug::AddsToStock => {
                let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
                for item in &mut items {
                    item.quantity += pushed.insert(item.listing.clone(), item.quantity).map_or(0, |_| 1);
                }
            }
            Bug::ShowsNoZero => items.iter_mut().for_each(|i| i.quantity = i.quantity.max(1)),
            Bug::PushesOneItemOnly => items.truncate(1),
            _ => {}
        }
        items
    }
}

#[async_trait]
impl Connector for Broken {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self, cx: &Cx) -> Result<ProbeReport> {
        if self.bug == Bug::ProbesNothing {
            return Ok(ProbeReport::default());
        }
        let mut report = self.right.probe(cx).await.map_err(|e| self.spoil_error(e))?;
        if self.bug == Bug::WarnsInEnglishAlone {
            report.warnings.push(Bilingual::quoted("the key runs out"));
        }
        Ok(report)
    }

    async fn pull_orders(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        // Without the overlap: what the search shows late is lost.
        let ours = Cursor(format!("rest.{}", cx.clock.now().plus(self.right.market().setup().overlap).0));
        let lies_ahead = after.is_some_and(|c| *c > ours);
        let after = if self.bug == Bug::BeginsAnewWhenInDoubt && lies_ahead { None } else { after };
        let mut page = match self.right.pull_orders(cx, after).await {
            Err(e) if self.bug == Bug::MovesOnAfterAnError && e.kind == ErrorKind::Malformed => {
                Page { items: Vec::new(), next: ours.clone(), more: false }
            }
            other => other.map_err(|e| self.spoil_error(e))?,
        };
        match self.bug {
            Bug::NeverEnds => page.more = true,
            Bug::ForgetsPages => page.more = false,
            Bug::CursorIsOurTime => page.next = ours,
            _ => {}
        }
        let items = page.items.into_iter().filter_map(|read| self.spoil_order(read));
        Ok(Page { items: items.collect::<Result<_>>()?, ..page })
    }

    async fn push_stock(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        let spoilt = self.spoil_items(items);
        let outcomes = self.right.push_stock(cx, &spoilt).await.map_err(|e| self.spoil_error(e))?;
        let mut outcomes = self.spoil_outcomes(outcomes)?;
        if self.bug == Bug::RepeatsTheLastPush {
            let last =
                std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), spoilt);
            self.right.push_stock(cx, &last).await?;
        }
        outcomes.resize(items.len(), Outcome::Applied);
        Ok(outcomes)
    }

    async fn reread_orders(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        let most = if self.bug == Bug::RereadsTheFirst { 1 } else { ids.len() };
        self.right.reread_orders(cx, &ids[..most]).await
    }

    async fn poll_receipt(&self, cx: &Cx, receipt: &Receipt) -> Result<Vec<(ListingId, Outcome)>> {
        if self.bug == Bug::NeverDecides {
            return Ok(Vec::new());
        }
        self.right.poll_receipt(cx, receipt).await
    }

    async fn notify_order(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut notice = notice.clone();
        match (self.bug, &mut notice) {
            // Each try is a parcel and a note of its own.
            (Bug::TellsWithNewKeys, Notice::Shipped(parcel)) => {
                parcel.completes = false;
                parcel.shipped_at = cx.clock.now().plus(Duration::from_secs(call));
                parcel.lines = vec![("1".to_owned(), 1)];
            }
            (Bug::TellsWithNewKeys, Notice::Note { text }) => {
                text.push_str(&" ".repeat(usize::try_from(call).unwrap_or(0)))
            }
            (Bug::TellsNothing, _) => return Ok(Outcome::Applied),
            (Bug::CompletesEveryParcel, Notice::Shipped(parcel)) => parcel.completes = true,
            (Bug::SecondCancelFails, Notice::Cancelled { .. }) if call > 0 => {
                return Ok(Outcome::Refused {
                    reason: both!("already cancelled", "キャンセル済みです")
                });
            }
            _ => {}
        }
        self.right.notify_order(cx, order, &notice, key).await.map_err(|e| self.spoil_error(e))
    }

    async fn list_offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let mut page = self.right.list_offers(cx, after).await?;
        if self.bug == Bug::ListsOffersTwice {
            page.items.extend(page.items.first().cloned());
        }
        Ok(page)
    }

    async fn read_stock(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        if self.bug == Bug::ReadsStockFromMemory {
            return Ok(listings.iter().map(|l| (l.clone(), 0)).collect());
        }
        self.right.read_stock(cx, listings).await
    }

    async fn ensure_webhooks(&self, cx: &Cx, url: &str) -> Result<u32> {
        let mended = self.right.ensure_webhooks(cx, url).await?;
        Ok(if self.bug == Bug::MendsHooksForEver { 1 } else { mended })
    }

    fn verify_webhook(&self, hook: &Webhook<'_>) -> Result<()> {
        match self.bug {
            Bug::AcceptsEveryHook => Ok(()),
            Bug::RefusesEveryHook => Err(Error::new(ErrorKind::Auth, "no")),
            _ => self.right.verify_webhook(hook),
        }
    }
}

fn direct() -> SimSetup {
    let mut setup = SimSetup::direct("B");
    setup.search_lag = Duration::from_secs(1);
    setup.capabilities.reread_batch_max = 5;
    setup
}

/// The right marketplace for showing a bug.
fn setup(bug: Bug) -> SimSetup {
    let mut setup = direct();
    setup.capabilities.stock_answers_later = bug == Bug::NeverDecides;
    setup.capabilities.notices = &NoticeKind::ALL;
    setup
}

fn fixture(setup: SimSetup, wrap: impl Fn(SimConnector) -> Arc<dyn Connector>) -> Fixture {
    let clock = SimClock::usual();
    let market = SimMarket::open(setup, clock.clone());
    let (odd, hooks) = (Arc::clone(&market), Arc::clone(&market));
    let sample = move || {
        let hook = hooks.sample_hook();
        (hook.headers, hook.body)
    };
    let cx = clock.cx();
    Fixture {
        secrets: vec![market.setup().token.expose().to_owned()],
        odd: Some(Box::new(move || odd.place_odd_orders())),
        hook: Some(Box::new(sample)),
        ..Fixture::new(wrap(SimConnector::new(Arc::clone(&market))), market, cx, move |by| clock.advance(by))
    }
}

#[tokio::test]
async fn the_right_connector_has_nothing_wrong_with_it() {
    banto_conformance::run(async || fixture(direct(), |right| Arc::new(right))).await.assert_ok();
}

#[tokio::test]
async fn each_bug_is_found_by_the_check_that_is_for_it() {
    let bugs: BTreeSet<Bug> = BUGS.iter().map(|(bug, _)| *bug).collect();
    let mut missed = Vec::new();
    for bug in bugs {
        let checks: Vec<&str> = BUGS.iter().filter(|(b, _)| *b == bug).map(|(_, check)| *check).collect();
        let make = async || fixture(setup(bug), |right| Arc::new(Broken::new(right, bug)));
        let report = banto_conformance::run_some(|name| checks.contains(&name), make).await;
        let passed = checks.iter().filter(|check| !report.has_failed(check));
        missed.extend(passed.map(|check| format!("{bug:?} passes {check}")));
    }
    assert!(missed.is_empty(), "the suite is blind:\n{}", missed.join("\n"));
}

#[test]
fn every_check_has_a_bug_that_it_finds() {
    let covered: BTreeSet<&str> = BUGS.iter().map(|(_, check)| *check).collect();
    let all: BTreeSet<&str> = banto_conformance::names().collect();
    assert_eq!(covered, all);
}

#[tokio::test]
async fn a_skip_needs_a_known_name_and_a_reason() {
    let with = async |skip: &'static [(&'static str, &'static str)]| {
        let make = async || Fixture { skip, ..fixture(direct(), |right| Arc::new(right)) };
        banto_conformance::run(make).await
    };
    let good = with(&[("totals_add_up", "its totals leave the fees out")]).await;
    assert!(good.failed.is_empty());
    assert!(good.skipped.iter().any(|s| s.name == "totals_add_up" && s.reason.contains("fees")));
    assert!(with(&[("totals_add_up", " ")]).await.has_failed("totals_add_up"));
    assert!(with(&[("totals_ad_up", "a slip of the pen")]).await.has_failed("skip"));
}

#[tokio::test]
async fn what_a_fixture_lacks_is_found() {
    let make = async || Fixture {
        secrets: Vec::new(),
        hook: None,
        odd: None,
        fills_pages: 2,
        ..fixture(direct(), |right| Arc::new(right))
    };
    let report = banto_conformance::run(make).await;
    for check in [
        "no_secret_is_shown",
        "a_signed_webhook_is_accepted",
        "odd_orders_never_stop_a_page",
        "pages_chain_to_the_end_and_repeat_safely",
    ] {
        assert!(report.has_failed(check), "{check}");
    }
}
