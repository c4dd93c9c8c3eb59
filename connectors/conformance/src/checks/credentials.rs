//! Credentials that are refused.

use banto_channel::{ErrorKind, has_japanese};
use banto_sim::Fault;

use crate::push::items;
use crate::{Finding, Fixture, ensure};

pub(crate) async fn bad_credentials_fail_the_probe_with_auth(fx: Fixture) -> Finding {
    let good = fx.connector.probe(&fx.cx).await;
    ensure!(good.is_ok(), "the probe fails with good credentials: {good:?}");
    fx.market.accept_credentials(false);
    match fx.connector.probe(&fx.cx).await {
        Ok(report) => Err(format!("the probe is content with refused credentials: {report:?}")),
        Err(e) if e.kind == ErrorKind::Auth && e.retry_after.is_none() => Ok(()),
        Err(e) => Err(format!("refused credentials make the probe say {e:?} and not Auth")),
    }
}

/// Whoever reads what a probe found may read no English. A warning has both texts by its type, an error only where
/// [`banto_channel::Error::told`] made it.
pub(crate) async fn what_a_probe_finds_is_told_in_japanese_too(fx: Fixture) -> Finding {
    probe_speaks(&fx, "with good credentials").await?;
    for code in [401, 403, 404] {
        // A connector may ask again with a new token before it gives up.
        for _ in 0..4 {
            fx.market.faults().play(Fault::Status { code, retry_after: None });
        }
        probe_speaks(&fx, &format!("that meets {code}")).await?;
        fx.market.faults().clear();
    }
    fx.market.faults().play(Fault::Html);
    probe_speaks(&fx, "that meets a web page").await?;
    fx.market.faults().clear();
    fx.market.accept_credentials(false);
    probe_speaks(&fx, "with refused credentials").await
}

async fn probe_speaks(fx: &Fixture, which: &str) -> Finding {
    let told = match fx.connector.probe(&fx.cx).await {
        Ok(report) => report.warnings.into_iter().map(|warning| (warning.en, Some(warning.ja))).collect(),
        Err(e) => vec![(e.message, e.japanese)],
    };
    for (en, ja) in told {
        ensure!(ja.is_some_and(|ja| has_japanese(&ja)), "a probe {which} says in English alone: {en:?}");
    }
    Ok(())
}

pub(crate) async fn credentials_refused_in_mid_run_are_auth_and_then_it_goes_on(fx: Fixture) -> Finding {
    let placed = fx.shopper()?.buy_many(fx.fills_pages, true)?;
    fx.settle();
    let listing = fx.stocked()?.remove(0);
    let first = fx.page(None).await?;
    fx.market.accept_credentials(false);
    let pulled = fx.connector.pull_orders(&fx.cx, Some(&first.next)).await.map(|page| page.items.len());
    ensure!(
        pulled.as_ref().is_err_and(|e| e.kind == ErrorKind::Auth),
        "refused credentials make pull_orders say {pulled:?} and not Auth"
    );
    let pushed = fx.connector.push_stock(&fx.cx, &items(&[(listing.clone(), 3)], 1)).await;
    ensure!(
        pushed.as_ref().is_err_and(|e| e.kind == ErrorKind::Auth),
        "refused credentials make push_stock say {pushed:?} and not Auth"
    );
    fx.ensure_shown(&listing, 500, "after a push that was refused")?;
    fx.market.accept_credentials(true);
    let mut rest = fx.walk(Some(first.next)).await?;
    rest.reads.extend(first.items);
    rest.ensure_has(&placed)?;
    fx.set(&[(listing.clone(), 3)], 1).await?;
    fx.ensure_told(&[(listing, 3)], "after the credentials were accepted again")
}
