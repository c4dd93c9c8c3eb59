//! What the channel is told about an order, once.

use banto_channel::{
    ErrorKind, Fulfilment, IdempotencyKey, Notice, NoticeKind, Outcome, Parcel, Payment, RemoteOrderId,
    Result,
};
use banto_sim::{Fault, MarketOrder};

use crate::{Finding, Fixture, ensure};

/// A parcel with a carrier that the channel knows; `lines` empty is everything.
pub(crate) fn parcel(fx: &Fixture, number: u32, lines: Vec<(String, i64)>, completes: bool) -> Parcel {
    Parcel {
        carrier: fx.can().carriers.first().map_or("ヤマト運輸", |known| known.code).to_owned(),
        tracking: format!("4212-3456-{number:04}"),
        tracking_url: Some(format!("https://tracking.example/4212-3456-{number:04}")),
        shipped_at: fx.cx.clock.now(),
        lines,
        completes,
    }
}

/// One notice of the kind, that fits a fresh paid (or, for `Paid`, unpaid) order.
pub(crate) fn notice(fx: &Fixture, kind: NoticeKind) -> Notice {
    match kind {
        NoticeKind::Shipped => Notice::Shipped(parcel(fx, 1, Vec::new(), true)),
        NoticeKind::Cancelled => Notice::Cancelled { reason: "在庫切れ".to_owned() },
        NoticeKind::Paid => Notice::Paid { at: fx.cx.clock.now() },
        NoticeKind::Note => Notice::Note { text: "倉庫で確認済み ①".to_owned() },
        NoticeKind::Confirmed => Notice::Confirmed,
    }
}

async fn tell(fx: &Fixture, id: &RemoteOrderId, notice: &Notice, key: &str) -> Result<Outcome> {
    fx.connector.notify_order(&fx.cx, id, notice, &IdempotencyKey::from(key)).await
}

/// Tells it and fails unless the channel took it.
async fn told(fx: &Fixture, id: &RemoteOrderId, notice: &Notice, key: &str) -> Finding {
    let answer = tell(fx, id, notice, key).await;
    fx.settle();
    match answer {
        Ok(Outcome::Applied | Outcome::Pending(_)) => Ok(()),
        other => Err(format!("{:?} came to {other:?}", notice.kind())),
    }
}

fn truth(fx: &Fixture, id: &RemoteOrderId) -> std::result::Result<MarketOrder, String> {
    fx.market.order(id).ok_or_else(|| format!("the market forgot {id}"))
}

fn ensure_one_parcel(fx: &Fixture, id: &RemoteOrderId, when: &str) -> Finding {
    let parcels = truth(fx, id)?.parcels;
    ensure!(parcels.len() == 1, "{when} the market has {} parcels: {parcels:?}", parcels.len());
    ensure!(
        parcels[0].tracking == "4212-3456-0001",
        "{when} the tracking number is {:?}",
        parcels[0].tracking
    );
    Ok(())
}

pub(crate) async fn a_shipment_is_told_once(fx: Fixture) -> Finding {
    let id = fx.one_order(2)?;
    let shipped = notice(&fx, NoticeKind::Shipped);
    for time in ["first", "second", "third"] {
        told(&fx, &id, &shipped, "01JC0SHIP").await?;
        ensure_one_parcel(&fx, &id, &format!("told the {time} time,"))?;
    }
    let order = fx.order_now(&id).await?;
    ensure!(order.fulfilment == Fulfilment::Shipped, "the shipped order is {:?}", order.fulfilment);
    Ok(())
}

pub(crate) async fn a_shipment_whose_answer_was_lost_is_told_once(fx: Fixture) -> Finding {
    let id = fx.one_order(2)?;
    let shipped = notice(&fx, NoticeKind::Shipped);
    // A connector may read before it writes, so the answer of each of its calls is lost once.
    for calls in 0..4 {
        fx.market.faults().play_after(calls, Fault::LostAnswer);
        let answer = tell(&fx, &id, &shipped, "01JC0LOST").await;
        fx.market.faults().clear();
        fx.settle();
        if let Err(e) = answer {
            ensure!(e.kind.is_temporary(), "a lost answer is told as {e:?}");
        }
    }
    told(&fx, &id, &shipped, "01JC0LOST").await?;
    ensure_one_parcel(&fx, &id, "after lost answers and another try")
}

pub(crate) async fn a_partial_shipment_keeps_the_order_open(fx: Fixture) -> Finding {
    let id = fx.one_order(3)?;
    let line = truth(&fx, &id)?.lines.remove(0).0;
    let first = Notice::Shipped(parcel(&fx, 1, vec![(line.clone(), 1)], false));
    told(&fx, &id, &first, "01JC0PART1").await?;
    let open = fx.order_now(&id).await?.fulfilment;
    ensure!(matches!(open, Fulfilment::Open | Fulfilment::Partial), "1 of 3 left, and the order is {open:?}");
    let last = Notice::Shipped(parcel(&fx, 2, vec![(line, 2)], true));
    told(&fx, &id, &last, "01JC0PART2").await?;
    let closed = fx.order_now(&id).await?.fulfilment;
    ensure!(closed == Fulfilment::Shipped, "all of 3 left, and the order is {closed:?}");
    let parcels = truth(&fx, &id)?.parcels.len();
    ensure!(parcels == 2, "two parcels left, and the market has {parcels}");
    Ok(())
}

pub(crate) async fn a_cancel_is_told_once(fx: Fixture) -> Finding {
    let listing = fx.stocked()?.remove(0);
    let id = fx.one_order(2)?;
    let cancel = notice(&fx, NoticeKind::Cancelled);
    for time in ["first", "second"] {
        told(&fx, &id, &cancel, "01JC0CANCEL").await?;
        let state = truth(&fx, &id)?.fulfilment;
        ensure!(state == Fulfilment::Cancelled, "told the {time} time, the order is {state:?}");
        let shown = fx.market.shown(&listing);
        ensure!(shown == Some(500), "told the {time} time, the market shows {shown:?} and not 500 again");
    }
    Ok(())
}

pub(crate) async fn a_payment_is_told_once(fx: Fixture) -> Finding {
    let id = fx.shopper()?.buy(false)?;
    fx.settle();
    let paid = notice(&fx, NoticeKind::Paid);
    for time in ["first", "second"] {
        told(&fx, &id, &paid, "01JC0PAID").await?;
        let state = truth(&fx, &id)?.payment;
        ensure!(state == Payment::Paid, "told the {time} time, the order is {state:?}");
    }
    Ok(())
}

pub(crate) async fn a_note_is_told_once(fx: Fixture) -> Finding {
    let id = fx.one_order(1)?;
    let note = notice(&fx, NoticeKind::Note);
    for time in ["first", "second"] {
        told(&fx, &id, &note, "01JC0NOTE").await?;
        let notes = truth(&fx, &id)?.notes;
        let count = notes.iter().filter(|n| n.contains("倉庫で確認済み ①")).count();
        ensure!(count == 1, "told the {time} time, the market has the note {count} times: {notes:?}");
    }
    Ok(())
}

pub(crate) async fn a_confirmation_is_told_once(fx: Fixture) -> Finding {
    let id = fx.one_order(1)?;
    for time in ["first", "second"] {
        told(&fx, &id, &Notice::Confirmed, "01JC0CONFIRM").await?;
        let truth = truth(&fx, &id)?;
        ensure!(truth.confirmed, "told the {time} time, the market does not know that the order is taken");
        ensure!(truth.fulfilment == Fulfilment::Open, "confirming it made it {:?}", truth.fulfilment);
    }
    Ok(())
}

pub(crate) async fn a_notice_about_an_unknown_order_is_refused(fx: Fixture) -> Finding {
    for &kind in fx.can().notices {
        let answer = tell(&fx, &RemoteOrderId::from("999999999"), &notice(&fx, kind), "01JC0NONE").await;
        let fits = match &answer {
            Ok(Outcome::Refused { reason }) => !reason.en.is_empty() && !reason.ja.is_empty(),
            Err(e) => matches!(e.kind, ErrorKind::NotFound | ErrorKind::Refused),
            Ok(_) => false,
        };
        ensure!(fits, "{kind:?} about an order that is not there came to {answer:?}");
    }
    Ok(())
}
