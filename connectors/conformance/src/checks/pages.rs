//! Pages, cursors, and that no order gets lost between them.

use std::collections::BTreeMap;
use std::time::Duration;

use banto_channel::{Payment, Read, RemoteOrder, RemoteOrderId};

use crate::pull::understood;
use crate::{Finding, Fixture, ensure};

pub(crate) async fn every_order_placed_is_returned(fx: Fixture) -> Finding {
    let mut shopper = fx.shopper()?;
    let mut placed = shopper.buy_many(12, true)?;
    placed.extend(shopper.buy_many(5, false)?);
    fx.settle();
    let walk = fx.walk(None).await?;
    walk.ensure_has(&placed)?;
    let invented: Vec<_> = walk.orders().into_keys().filter(|id| !placed.contains(id)).collect();
    ensure!(invented.is_empty(), "orders that nobody placed: {invented:?}");
    Ok(())
}

pub(crate) async fn pages_chain_to_the_end_and_repeat_safely(fx: Fixture) -> Finding {
    let placed = fx.shopper()?.buy_many(fx.fills_pages, true)?;
    fx.settle();
    let (mut cursor, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = fx.page(cursor.as_ref()).await?;
        let again = fx.page(cursor.as_ref()).await?;
        let (ids, ids_again) = (ids(&page.items), ids(&again.items));
        ensure!(
            ids.iter().all(|id| ids_again.contains(id)),
            "one cursor, two answers: {ids:?}, then {ids_again:?}"
        );
        pages += 1;
        ensure!(pages <= fx.most_pages(), "after {pages} pages it still says that there are more");
        seen.extend(page.items);
        if !page.more {
            break;
        }
        cursor = Some(page.next);
    }
    ensure!(
        pages > 1,
        "{} orders came on one page, so this shows nothing: raise Fixture::fills_pages or lower the page size",
        placed.len()
    );
    let seen = ids(&seen);
    let missing: Vec<_> = placed.iter().filter(|id| !seen.contains(id)).collect();
    ensure!(missing.is_empty(), "lost between pages: {missing:?}");
    Ok(())
}

fn ids(reads: &[Read]) -> Vec<RemoteOrderId> {
    understood(reads).map(|order| order.id.clone()).collect()
}

/// Pulls and sales in turn, at times that fall before, on and behind whole seconds.
pub(crate) async fn orders_placed_between_pulls_all_arrive(fx: Fixture) -> Finding {
    let mut shopper = fx.shopper()?;
    let (mut placed, mut cursor) = (Vec::new(), None);
    let mut seen: BTreeMap<RemoteOrderId, RemoteOrder> = BTreeMap::new();
    for pause in [0, 300, 700, 999, 1, 0, 1500, 20, 400, 580, 1000, 0] {
        placed.push(shopper.buy(true)?);
        (fx.advance)(Duration::from_millis(pause));
        let walk = fx.walk(cursor).await?;
        seen.extend(walk.orders());
        cursor = Some(walk.next);
    }
    fx.settle();
    seen.extend(fx.walk(cursor).await?.orders());
    let missing: Vec<_> = placed.iter().filter(|id| !seen.contains_key(id)).collect();
    ensure!(missing.is_empty(), "placed between two pulls and never returned: {missing:?}");
    Ok(())
}

pub(crate) async fn an_order_changed_while_paging_is_seen(fx: Fixture) -> Finding {
    let placed = fx.shopper()?.buy_many(fx.fills_pages, false)?;
    fx.settle();
    let first = fx.page(None).await?;
    let early = ids(&first.items);
    let late = placed.iter().find(|id| !early.contains(id));
    let changed: Vec<RemoteOrderId> = early.first().into_iter().chain(late).cloned().collect();
    ensure!(
        changed.len() == 2,
        "page one held {} of {} orders: raise Fixture::fills_pages",
        early.len(),
        placed.len()
    );
    changed.iter().for_each(|id| fx.market.pay(id));
    let rest = fx.walk(Some(first.next)).await?;
    fx.settle();
    let after = fx.walk(Some(rest.next.clone())).await?;
    let mut newest = rest.orders();
    newest.extend(after.orders());
    if fx.can().needs_open_order_rereads {
        let again = fx.reread(&changed).await?;
        newest.extend(understood(&again).map(|o| (o.id.clone(), o.clone())));
    }
    for id in &changed {
        let seen = newest.get(id).map(|o| o.payment);
        ensure!(
            seen == Some(Payment::Paid),
            "{id} was paid while the pages were read, and was last seen as {seen:?}"
        );
    }
    Ok(())
}

pub(crate) async fn nothing_changed_is_nothing_new(fx: Fixture) -> Finding {
    fx.shopper()?.buy_many(7, true)?;
    fx.settle();
    let walk = fx.walk(None).await?;
    let known = walk.orders();
    let mut cursor = walk.next;
    for round in 1..=3 {
        (fx.advance)(Duration::from_secs(3600));
        let again = fx.walk(Some(cursor)).await?;
        for order in understood(&again.reads) {
            // An overlap may bring the last orders again, but nothing may look as if it had changed.
            ensure!(
                known.get(&order.id) == Some(order),
                "nothing happened, and in round {round} order {} came changed",
                order.id
            );
        }
        cursor = again.next;
    }
    Ok(())
}

/// `other` lives ten years later; its cursor is handed to a connector whose orders are all older.
pub(crate) async fn a_cursor_from_the_future_yields_nothing(fx: Fixture, other: Fixture) -> Finding {
    const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
    (other.advance)(TEN_YEARS);
    other.shopper()?.buy_many(3, true)?;
    other.settle();
    let future = other.walk(None).await?.next;
    fx.shopper()?.buy_many(3, true)?;
    fx.settle();
    let page = fx.page(Some(&future)).await?;
    ensure!(page.items.is_empty() && !page.more, "{} orders from before the cursor's time", page.items.len());
    let again = fx.page(Some(&page.next)).await?;
    ensure!(again.items.is_empty() && !again.more, "its next cursor brings {} orders", again.items.len());
    Ok(())
}

pub(crate) async fn a_walk_ends_although_orders_keep_changing(fx: Fixture) -> Finding {
    let empty = fx.walk(None).await?;
    ensure!(empty.pages <= 2, "{} pages of an empty shop", empty.pages);
    let placed = fx.shopper()?.buy_many(fx.fills_pages, true)?;
    fx.settle();
    let mut turn = placed.iter();
    let touch = || {
        if let Some(id) = turn.next() {
            fx.market.touch(id);
            fx.settle();
        }
    };
    fx.walk_and(None, touch).await?.ensure_has(&placed)
}
