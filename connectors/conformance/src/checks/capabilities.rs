//! The capabilities are true both ways.

use banto_channel::{Error, ErrorKind, ListingId, NoticeKind, Receipt, RemoteOrderId, Webhook};

use super::notices::notice;
use crate::{Finding, Fixture, ensure};

pub(crate) async fn capabilities_make_sense(fx: Fixture) -> Finding {
    let can = fx.can();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    ensure!(
        !can.kind.is_empty() && can.kind.chars().all(plain),
        "{:?} is no kind for a config file",
        can.kind
    );
    ensure!(!can.title.trim().is_empty(), "there is no title");
    ensure!(!can.mail_policy.source.trim().is_empty(), "the mail policy names no source");
    ensure!(!can.pull_interval_min.is_zero(), "pull_interval_min is nothing");
    for quota in can.quotas {
        let sound = quota.calls > 0 && quota.burst > 0 && !quota.per.is_zero();
        ensure!(sound, "quota {quota:?} allows nothing");
        let same = can.quotas.iter().filter(|other| other.group == quota.group).count();
        ensure!(same == 1, "{same} quotas for the group {:?}", quota.group);
    }
    let twice = can.notices.iter().find(|kind| can.notices.iter().filter(|k| k == kind).count() > 1);
    ensure!(twice.is_none(), "{twice:?} is claimed twice");
    ensure!(
        !can.needs_open_order_rereads || can.reread_batch_max > 0,
        "open orders must be read again, and reread_orders is not claimed"
    );
    Ok(())
}

pub(crate) async fn what_is_claimed_is_supported(fx: Fixture) -> Finding {
    for (call, claimed, error) in optional_calls(&fx).await? {
        let unsupported = error.is_some_and(|e| e.kind == ErrorKind::Unsupported);
        ensure!(!claimed || !unsupported, "{call} is claimed and answers Unsupported");
    }
    Ok(())
}

pub(crate) async fn what_is_not_claimed_is_unsupported(fx: Fixture) -> Finding {
    for (call, claimed, error) in optional_calls(&fx).await? {
        let kind = error.map(|e| e.kind);
        ensure!(
            claimed || kind == Some(ErrorKind::Unsupported),
            "{call} is not claimed and answers {kind:?}"
        );
    }
    Ok(())
}

/// Each optional call: its name, whether it is claimed, and the error it answered with.
async fn optional_calls(fx: &Fixture) -> Result<Vec<(String, bool, Option<Error>)>, String> {
    let (can, connector, cx) = (fx.can(), &fx.connector, &fx.cx);
    let listing: Vec<ListingId> = fx.stocked()?.into_iter().take(1).collect();
    let receipt = Receipt::from("999999999");
    let hook = Webhook { headers: &[], body: b"{}" };
    let unknown = [RemoteOrderId::from("999999999")];
    let mut calls = vec![
        ("poll_receipt", can.stock_answers_later, connector.poll_receipt(cx, &receipt).await.err()),
        ("reread_orders", can.reread_batch_max > 0, connector.reread_orders(cx, &unknown).await.err()),
        ("list_offers", can.lists_offers, connector.list_offers(cx, None).await.err()),
        ("read_stock", can.reads_stock_back, connector.read_stock(cx, &listing).await.err()),
        (
            "ensure_webhooks",
            can.webhooks,
            connector.ensure_webhooks(cx, "https://banto.example/hook").await.err(),
        ),
        ("verify_webhook", can.webhooks, connector.verify_webhook(&hook).err()),
    ]
    .into_iter()
    .map(|(call, claimed, error)| (call.to_owned(), claimed, error))
    .collect::<Vec<_>>();
    for kind in NoticeKind::ALL {
        let order = fx.shopper()?.buy(kind != NoticeKind::Paid)?;
        fx.settle();
        let key = format!("01JC0{kind:?}").to_uppercase().into();
        let told = connector.notify_order(cx, &order, &notice(fx, kind), &key).await;
        calls.push((format!("notify_order({kind:?})"), can.can_notify(kind), told.err()));
    }
    Ok(calls)
}
