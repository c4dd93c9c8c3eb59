//! The list of the checks, and how they are run.

use std::pin::Pin;
use std::time::Duration;

use banto_channel::{Capabilities, NoticeKind};

use crate::Finding;
use crate::checks::{
    capabilities, credentials, faults, notices, offers, orders, pages, secrets, stock, webhooks,
};
use crate::fixture::Fixture;
use crate::report::{Failure, Report, Skip};

/// Longer than any check needs, retries of `wire` included.
const CHECK_MAX: Duration = Duration::from_secs(60);

type Doing = Pin<Box<dyn Future<Output = Finding> + Send>>;

enum How {
    /// With one fixture.
    One(fn(Fixture) -> Doing),
    /// With two of the same kind that know nothing of each other.
    Two(fn(Fixture, Fixture) -> Doing),
}

struct Check {
    name: &'static str,
    /// Which capability it is about, and whether that is claimed.
    needs: (&'static str, fn(&Capabilities) -> bool),
    how: How,
}

const ANY: (&str, fn(&Capabilities) -> bool) = ("", |_| true);
const LATER: (&str, fn(&Capabilities) -> bool) = ("stock_answers_later", |c| c.stock_answers_later);
const REREADS: (&str, fn(&Capabilities) -> bool) = ("reread_batch_max", |c| c.reread_batch_max > 0);
const HOOKS: (&str, fn(&Capabilities) -> bool) = ("webhooks", |c| c.webhooks);
const OFFERS: (&str, fn(&Capabilities) -> bool) = ("lists_offers", |c| c.lists_offers);
const READS_BACK: (&str, fn(&Capabilities) -> bool) = ("reads_stock_back", |c| c.reads_stock_back);
const SHIPPED: (&str, fn(&Capabilities) -> bool) =
    ("notices: Shipped", |c| c.can_notify(NoticeKind::Shipped));
const CANCELLED: (&str, fn(&Capabilities) -> bool) =
    ("notices: Cancelled", |c| c.can_notify(NoticeKind::Cancelled));
const PAID: (&str, fn(&Capabilities) -> bool) = ("notices: Paid", |c| c.can_notify(NoticeKind::Paid));
const NOTE: (&str, fn(&Capabilities) -> bool) = ("notices: Note", |c| c.can_notify(NoticeKind::Note));
const CONFIRMED: (&str, fn(&Capabilities) -> bool) =
    ("notices: Confirmed", |c| c.can_notify(NoticeKind::Confirmed));
const SOME_NOTICE: (&str, fn(&Capabilities) -> bool) = ("notices", |c| !c.notices.is_empty());

macro_rules! one {
    ($module:ident :: $name:ident, $needs:expr) => {
        Check {
            name: stringify!($name),
            needs: $needs,
            how: How::One(|fixture| Box::pin($module::$name(fixture))),
        }
    };
}

macro_rules! two {
    ($module:ident :: $name:ident, $needs:expr) => {
        Check {
            name: stringify!($name),
            needs: $needs,
            how: How::Two(|fixture, other| Box::pin($module::$name(fixture, other))),
        }
    };
}

const SUITE: &[Check] = &[
    one!(capabilities::capabilities_make_sense, ANY),
    one!(capabilities::what_is_claimed_is_supported, ANY),
    one!(capabilities::what_is_not_claimed_is_unsupported, ANY),
    one!(credentials::bad_credentials_fail_the_probe_with_auth, ANY),
    one!(credentials::what_a_probe_finds_is_told_in_japanese_too, ANY),
    one!(credentials::credentials_refused_in_mid_run_are_auth_and_then_it_goes_on, ANY),
    one!(secrets::no_secret_is_shown, ANY),
    one!(pages::every_order_placed_is_returned, ANY),
    one!(pages::pages_chain_to_the_end_and_repeat_safely, ANY),
    one!(pages::orders_placed_between_pulls_all_arrive, ANY),
    one!(pages::an_order_changed_while_paging_is_seen, ANY),
    one!(pages::nothing_changed_is_nothing_new, ANY),
    two!(pages::a_cursor_from_the_future_yields_nothing, ANY),
    one!(pages::a_walk_ends_although_orders_keep_changing, ANY),
    one!(orders::orders_say_what_was_bought, ANY),
    one!(orders::totals_add_up, ANY),
    one!(orders::buyers_and_addresses_come_whole, ANY),
    one!(orders::a_payment_is_seen, ANY),
    one!(orders::a_shipment_by_the_staff_is_seen, ANY),
    one!(orders::a_cancelled_order_is_seen, ANY),
    one!(orders::a_refund_before_shipping_cancels_units, ANY),
    one!(orders::a_refund_after_shipping_returns_units, ANY),
    one!(orders::odd_orders_never_stop_a_page, ANY),
    one!(orders::a_reread_brings_the_order_as_it_is_now, REREADS),
    one!(faults::a_torn_answer_is_malformed_and_loses_nothing, ANY),
    one!(faults::a_web_page_is_malformed_and_loses_nothing, ANY),
    one!(faults::a_huge_answer_is_malformed_and_loses_nothing, ANY),
    one!(faults::too_many_requests_is_waited_out_or_says_how_long, ANY),
    one!(faults::a_server_that_fails_is_a_passing_error, ANY),
    one!(faults::a_refused_call_is_an_error_of_its_kind, ANY),
    one!(faults::bad_weather_loses_nothing, ANY),
    one!(stock::an_absolute_quantity_is_shown, ANY),
    one!(stock::the_basis_is_the_claimed_one, ANY),
    one!(stock::the_same_push_again_is_harmless, ANY),
    one!(stock::a_newer_number_wins, ANY),
    one!(stock::a_bad_item_is_refused_alone, ANY),
    one!(stock::an_unknown_listing_is_refused, ANY),
    one!(stock::a_lost_answer_and_a_second_push_leave_the_right_number, ANY),
    one!(stock::more_than_one_batch_is_applied, ANY),
    one!(stock::receipts_are_decided, LATER),
    one!(notices::a_shipment_is_told_once, SHIPPED),
    one!(notices::a_shipment_whose_answer_was_lost_is_told_once, SHIPPED),
    one!(notices::a_partial_shipment_keeps_the_order_open, SHIPPED),
    one!(notices::a_cancel_is_told_once, CANCELLED),
    one!(notices::a_payment_is_told_once, PAID),
    one!(notices::a_note_is_told_once, NOTE),
    one!(notices::a_confirmation_is_told_once, CONFIRMED),
    one!(notices::a_notice_about_an_unknown_order_is_refused, SOME_NOTICE),
    one!(webhooks::a_signed_webhook_is_accepted, HOOKS),
    one!(webhooks::a_forged_webhook_is_refused, HOOKS),
    one!(webhooks::webhooks_are_made_sure_of_once, HOOKS),
    one!(offers::every_offer_is_listed_once_with_its_number, OFFERS),
    one!(offers::stock_reads_back_as_it_stands, READS_BACK),
];

/// The names of all checks, in the order in which they run.
pub fn names() -> impl Iterator<Item = &'static str> {
    SUITE.iter().map(|check| check.name)
}

/// Runs every check, each with fixtures of its own.
///
/// A check that panics or takes longer than a minute has failed like any other. Needs a tokio runtime with time.
pub async fn run(make: impl AsyncFn() -> Fixture) -> Report {
    run_some(|_| true, make).await
}

/// Runs the checks whose names are wanted, for the hour in which one of them fails.
pub async fn run_some(wanted: impl Fn(&str) -> bool, make: impl AsyncFn() -> Fixture) -> Report {
    let mut report = Report::default();
    let first = make().await;
    for (name, reason) in first.skip {
        let known = names().find(|known| known == name);
        if known.is_none() || reason.trim().is_empty() {
            let why = format!(
                "Fixture::skip has ({name:?}, {reason:?}): it needs the name of a check, and a reason"
            );
            report.failed.push(Failure { name: known.unwrap_or("skip"), why });
        }
    }
    let (skips, can) = (first.skip, first.can().clone());
    drop(first);
    for check in SUITE.iter().filter(|check| wanted(check.name)) {
        let asked = skips.iter().find(|(name, _)| *name == check.name).map(|(_, why)| (*why).to_owned());
        let unclaimed = || (!(check.needs.1)(&can)).then(|| format!("{} is not claimed", check.needs.0));
        if let Some(reason) = asked.or_else(unclaimed) {
            let name = check.name;
            report.skipped.push(Skip { name, reason });
            continue;
        }
        let fixture = make().await;
        fixture.calm();
        let doing = match check.how {
            How::One(run) => run(fixture),
            How::Two(run) => run(fixture, make().await),
        };
        match guarded(doing, CHECK_MAX).await {
            Ok(()) => report.passed.push(check.name),
            Err(why) => report.failed.push(Failure { name: check.name, why }),
        }
    }
    report
}

/// Turns a panic and an endless wait into findings.
async fn guarded(doing: Doing, longest: Duration) -> Finding {
    let mut task = tokio::spawn(doing);
    let Ok(joined) = tokio::time::timeout(longest, &mut task).await else {
        task.abort();
        return Err(format!("no end after {longest:?}"));
    };
    joined.unwrap_or_else(|e| {
        let said = e.try_into_panic().map_or_else(
            |_| "the task was cancelled".to_owned(),
            |payload| match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
                (Some(text), _) => (*text).to_owned(),
                (_, Some(text)) => text.clone(),
                _ => "something that is no text".to_owned(),
            },
        );
        Err(format!("panicked: {said}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), SUITE.len());
    }

    #[tokio::test]
    async fn a_panic_is_a_finding() {
        let nothing: Vec<String> = Vec::new();
        let found = guarded(Box::pin(async move { Err(nothing[0].clone()) }), CHECK_MAX).await;
        assert!(found.is_err_and(|why| why.starts_with("panicked: index out of bounds")));
    }

    #[tokio::test]
    async fn an_endless_check_is_a_finding() {
        let found = guarded(Box::pin(std::future::pending()), Duration::from_millis(5)).await;
        assert_eq!(found, Err("no end after 5ms".to_owned()));
    }
}
