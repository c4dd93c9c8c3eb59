//! No credential shows anywhere.

use std::fmt::Debug;

use banto_channel::{ErrorKind, Result};
use banto_sim::Fault;

use crate::push::items;
use crate::{Finding, Fixture, ensure};

pub(crate) async fn no_secret_is_shown(fx: Fixture) -> Finding {
    ensure!(!fx.secrets.is_empty(), "Fixture::secrets is empty, so nothing can be looked for");
    if let Some(short) = fx.secrets.iter().find(|s| s.len() < 6) {
        return Err(format!("a secret of {} bytes is too short to be looked for", short.len()));
    }
    let mut shown = vec![
        ("Debug of the connector", format!("{:?} {:#?}", fx.connector, fx.connector)),
        ("Debug of the context", format!("{:?}", fx.cx)),
    ];
    fx.shopper()?.buy_many(2, true)?;
    fx.settle();
    say_everything(&fx, &mut shown).await?;
    let status = |code| Fault::Status { code, retry_after: None };
    let faults = [400, 401, 403, 404, 409, 500].map(status);
    for fault in faults.into_iter().chain([Fault::Html, Fault::Torn, Fault::Reset, Fault::LostAnswer]) {
        for _ in 0..4 {
            fx.market.faults().play(fault.clone());
        }
        say_everything(&fx, &mut shown).await?;
        fx.market.faults().clear();
    }
    fx.market.accept_credentials(false);
    say_everything(&fx, &mut shown).await?;
    for (what, text) in shown {
        let leaked = fx.secrets.iter().position(|secret| text.contains(secret.as_str()));
        ensure!(leaked.is_none(), "{what} shows Fixture::secrets[{}]", leaked.unwrap_or_default());
    }
    Ok(())
}

/// Every call's answer or error, as a log would show it.
async fn say_everything(fx: &Fixture, shown: &mut Vec<(&'static str, String)>) -> Finding {
    let listing = fx.market.offers().first().map(|o| o.id.clone()).ok_or("the market has no offers")?;
    let (connector, cx) = (&fx.connector, &fx.cx);
    say(shown, "probe", connector.probe(cx).await);
    say(shown, "pull_orders", connector.pull_orders(cx, None).await);
    say(shown, "push_stock", connector.push_stock(cx, &items(&[(listing.clone(), 8)], 1)).await);
    say(shown, "list_offers", connector.list_offers(cx, None).await);
    say(shown, "read_stock", connector.read_stock(cx, &[listing]).await);
    say(shown, "ensure_webhooks", connector.ensure_webhooks(cx, "https://banto.example/hook").await);
    Ok(())
}

fn say<T: Debug>(shown: &mut Vec<(&'static str, String)>, call: &'static str, answer: Result<T>) {
    match answer {
        Ok(value) => shown.push((call, format!("{value:?}"))),
        Err(e) if e.kind == ErrorKind::Unsupported => {}
        Err(e) => shown.push((call, format!("{e} {e:?} {e:#?}"))),
    }
}
