//! Webhooks: who sent them, and that they are there.

use banto_channel::{ErrorKind, Result, Webhook};

use crate::fixture::SignedHook;
use crate::{Finding, Fixture, ensure};

fn sample(fx: &Fixture) -> std::result::Result<SignedHook, String> {
    let make = fx.hook.as_ref().ok_or("webhooks are claimed, and Fixture::hook is missing")?;
    Ok(make())
}

fn verify(fx: &Fixture, headers: &[(String, String)], body: &[u8]) -> Result<()> {
    fx.connector.verify_webhook(&Webhook { headers, body })
}

pub(crate) async fn a_signed_webhook_is_accepted(fx: Fixture) -> Finding {
    let (headers, body) = sample(&fx)?;
    verify(&fx, &headers, &body).map_err(|e| format!("the marketplace's own webhook is refused: {e}"))
}

pub(crate) async fn a_forged_webhook_is_refused(fx: Fixture) -> Finding {
    let (headers, body) = sample(&fx)?;
    let longer = [&body[..], b" "].concat();
    let mut forgeries = vec![
        ("a body with one more byte", headers.clone(), longer),
        ("a body of nothing", headers.clone(), Vec::new()),
        ("no header at all", Vec::new(), body.clone()),
    ];
    let rewritten = |value: fn(&str) -> String| {
        headers.iter().map(|(name, old)| (name.clone(), value(old))).collect::<Vec<_>>()
    };
    forgeries.push(("headers of nothing", rewritten(|_| String::new()), body.clone()));
    forgeries.push(("headers of rubbish", rewritten(|_| "✓=\u{7f}".to_owned()), body.clone()));
    forgeries.push(("headers cut short", rewritten(|old| old.chars().take(old.len() / 2).collect()), body));
    for (what, headers, body) in forgeries {
        match verify(&fx, &headers, &body) {
            Ok(()) => return Err(format!("a webhook with {what} is accepted")),
            Err(e) => ensure!(e.kind != ErrorKind::Unsupported, "a webhook with {what} is told as {e:?}"),
        }
    }
    Ok(())
}

pub(crate) async fn webhooks_are_made_sure_of_once(fx: Fixture) -> Finding {
    let ensure_hooks = async || fx.connector.ensure_webhooks(&fx.cx, "https://banto.example/hook/shop").await;
    let first = ensure_hooks().await;
    ensure!(matches!(first, Ok(1..)), "in a shop without webhooks ensure_webhooks says {first:?}");
    let second = ensure_hooks().await;
    ensure!(second == Ok(0), "right afterwards it says {second:?} and not that there is nothing to mend");
    Ok(())
}
