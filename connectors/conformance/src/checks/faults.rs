//! What goes wrong on the way, and that nothing is lost by it.

use std::time::Duration;

use banto_channel::{Error, ErrorKind, RemoteOrderId};
use banto_sim::{Fault, FaultRates};

use crate::push::items;
use crate::{Finding, Fixture, ensure};

pub(crate) async fn a_torn_answer_is_malformed_and_loses_nothing(fx: Fixture) -> Finding {
    survives(&fx, &Fault::Torn, |e| e.kind == ErrorKind::Malformed).await
}

pub(crate) async fn a_web_page_is_malformed_and_loses_nothing(fx: Fixture) -> Finding {
    survives(&fx, &Fault::Html, |e| e.kind == ErrorKind::Malformed).await
}

pub(crate) async fn a_huge_answer_is_malformed_and_loses_nothing(fx: Fixture) -> Finding {
    survives(&fx, &Fault::Huge(50_000_000), |e| e.kind == ErrorKind::Malformed).await
}

pub(crate) async fn too_many_requests_is_waited_out_or_says_how_long(fx: Fixture) -> Finding {
    let fault = Fault::Status { code: 429, retry_after: Some(1) };
    survives(&fx, &fault, |e| {
        e.kind == ErrorKind::RateLimited && e.retry_after >= Some(Duration::from_secs(1))
    })
    .await
}

pub(crate) async fn a_server_that_fails_is_a_passing_error(fx: Fixture) -> Finding {
    let status = |code| Fault::Status { code, retry_after: None };
    for fault in [status(500), status(502), status(503), Fault::Reset, Fault::LostAnswer] {
        survives(&fx, &fault, |e| e.kind.is_temporary()).await?;
    }
    Ok(())
}

/// With this fault in the way each call succeeds all the same or fails with an error that `fits`; afterwards every
/// order comes and every number is right.
async fn survives(fx: &Fixture, fault: &Fault, fits: fn(&Error) -> bool) -> Finding {
    let play = || fx.market.faults().play(fault.clone());
    let judge = |call: &str, error: Option<Error>| match error {
        Some(e) if !fits(&e) => Err(format!("{fault:?} made {call} say {e:?}")),
        _ => Ok(()),
    };
    let placed = fx.shopper()?.buy_many(3, true)?;
    fx.settle();
    for calls in 0..3 {
        fx.market.faults().play_after(calls, fault.clone());
        judge("pull_orders", fx.connector.pull_orders(&fx.cx, None).await.err())?;
        fx.market.faults().clear();
    }
    play();
    judge("probe", fx.connector.probe(&fx.cx).await.err())?;
    if fx.can().lists_offers {
        play();
        judge("list_offers", fx.connector.list_offers(&fx.cx, None).await.err())?;
    }
    let listing = fx.stocked()?.remove(0);
    let wanted = [(listing, 17)];
    play();
    judge("push_stock", fx.connector.push_stock(&fx.cx, &items(&wanted, 1)).await.err())?;
    // A connector may have needed fewer calls than were spoilt.
    fx.market.faults().clear();
    fx.walk(None).await?.ensure_has(&placed)?;
    fx.set(&wanted, 1).await?;
    fx.ensure_told(&wanted, &format!("after {fault:?} and a second push"))
}

pub(crate) async fn a_refused_call_is_an_error_of_its_kind(fx: Fixture) -> Finding {
    let placed = fx.shopper()?.buy_many(2, true)?;
    fx.settle();
    let listing = fx.stocked()?.remove(0);
    for code in [400, 401, 403, 404, 409, 422] {
        let fault = Fault::Status { code, retry_after: None };
        fx.market.faults().play(fault.clone());
        let pulled = fx.connector.pull_orders(&fx.cx, None).await.err();
        fx.market.faults().play(fault);
        let pushed =
            fx.connector.push_stock(&fx.cx, &items(&[(listing.clone(), 4)], code.into())).await.err();
        fx.market.faults().clear();
        for e in [pulled, pushed].into_iter().flatten() {
            let fits = match code {
                401 => e.kind == ErrorKind::Auth,
                403 => matches!(e.kind, ErrorKind::Auth | ErrorKind::Refused),
                // A conflict or an unknown resource may be worth another try; a rate limit it is not.
                _ => e.kind != ErrorKind::RateLimited && e.kind != ErrorKind::Unsupported,
            };
            ensure!(fits, "HTTP {code} is told as {e:?}");
        }
    }
    fx.walk(None).await?.ensure_has(&placed)
}

pub(crate) async fn bad_weather_loses_nothing(fx: Fixture) -> Finding {
    let usual = FaultRates::usual();
    fx.market.faults().set_rates(FaultRates {
        too_many: usual.too_many,
        server_error: 3 * usual.server_error,
        html: 5 * usual.html,
        torn: 5 * usual.torn,
        lost_answer: 5 * usual.lost_answer,
        reset: 5 * usual.reset,
        ..usual
    });
    let listings = fx.stocked()?;
    let (mut placed, mut cursor) = (Vec::<RemoteOrderId>::new(), None);
    let mut seen = fx.walk_through(None).await?;
    for round in 1..=15_i64 {
        placed.extend(fx.shopper()?.buy_many(2, true)?);
        (fx.advance)(Duration::from_millis(700));
        let walk = fx.walk_through(cursor).await?;
        seen.reads.extend(walk.reads);
        cursor = Some(walk.next);
        let wanted: Vec<_> = listings.iter().take(3).map(|l| (l.clone(), 100 + round)).collect();
        fx.set(&wanted, round).await?;
        fx.ensure_told(&wanted, &format!("in bad weather, after push {round}"))?;
    }
    fx.settle();
    seen.reads.extend(fx.walk_through(cursor).await?.reads);
    seen.ensure_has(&placed)
}
