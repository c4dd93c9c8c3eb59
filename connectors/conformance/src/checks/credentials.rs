//! Credentials that are refused.

use banto_channel::ErrorKind;

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
