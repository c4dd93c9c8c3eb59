//! What an order says.

use banto_channel::{
    Bilingual, Fulfilment, Money, Payment, Read, RemoteOrder, RemoteOrderId, has_japanese, minor_digits,
};

use crate::pull::understood;
use crate::{Finding, Fixture, ensure};

/// What a person reads about an order: why it cannot be read, what was not known in it, why it waits.
fn reasons(read: &Read) -> Vec<&Bilingual> {
    match read {
        Read::Unreadable { reason, .. } => vec![reason],
        Read::Order(order) => order.unknowns.iter().chain(&order.wait).collect(),
    }
}

pub(crate) async fn orders_say_what_was_bought(fx: Fixture) -> Finding {
    let before = fx.cx.clock.now();
    fx.shopper()?.buy_many(12, true)?;
    fx.settle();
    let orders = fx.orders_now().await?;
    for truth in fx.market.orders() {
        let id = &truth.id;
        let order = orders.get(id).ok_or_else(|| format!("order {id} never came"))?;
        let told: Vec<_> =
            order.lines.iter().map(|l| (l.id.clone(), l.listing.clone(), l.quantity)).collect();
        let bought: Vec<_> =
            truth.lines.iter().map(|(line, listing, n, _)| (line.clone(), listing.clone(), *n)).collect();
        ensure!(told == bought, "order {id}: the buyer bought {bought:?}, the connector says {told:?}");
        ensure!(
            order.totals.grand == truth.grand,
            "order {id}: {:?} is not {:?}",
            order.totals.grand,
            truth.grand
        );
        ensure!(!order.number.is_empty(), "order {id} has no number for people");
        ensure!(minor_digits(&order.currency).is_some(), "order {id}: currency {:?}", order.currency);
        ensure!(order.unknowns.is_empty(), "an ordinary order has unknowns: {:?}", order.unknowns);
        ensure!(!order.raw.is_empty(), "order {id} comes without the marketplace's own text");
        let off =
            before.minus(fx.settle).since(order.placed_at) + order.placed_at.since(before.plus(fx.settle));
        ensure!(
            off.is_zero(),
            "order {id} was placed at {before:?}, the connector says {:?}",
            order.placed_at
        );
    }
    Ok(())
}

pub(crate) async fn totals_add_up(fx: Fixture) -> Finding {
    fx.shopper()?.buy_many(24, true)?;
    fx.settle();
    for (id, order) in fx.orders_now().await? {
        let totals = order.totals;
        ensure!(
            totals.sum() == Some(totals.grand),
            "order {id}: the parts are {:?} in all: {totals:?}",
            totals.sum()
        );
        let lines = Money(order.lines.iter().map(|l| l.total.0).sum());
        ensure!(lines == totals.items, "order {id}: its lines make {lines:?}, its items {:?}", totals.items);
    }
    Ok(())
}

pub(crate) async fn buyers_and_addresses_come_whole(fx: Fixture) -> Finding {
    let mut shopper = fx.shopper()?;
    let mut bought = Vec::new();
    for _ in 0..40 {
        let (purchase, id) = shopper.purchase(&[1], true);
        bought.push((id?, purchase));
    }
    fx.settle();
    let orders = fx.orders_now().await?;
    for (id, purchase) in bought {
        let order = orders.get(&id).ok_or_else(|| format!("order {id} never came"))?;
        let (buyer, home) = (&purchase.buyer, &purchase.ship_to);
        ensure!(
            order.buyer.email == buyer.email,
            "order {id}: {:?} is not {:?}",
            order.buyer.email,
            buyer.email
        );
        ensure!(
            letters(&order.ship_to.name) == letters(&home.name),
            "order {id}: it goes to {:?} and not to {:?}",
            order.ship_to.name,
            home.name
        );
        for part in [&home.postcode, &home.city, &home.line1, &home.line2] {
            let whole = address(order);
            ensure!(whole.contains(part.as_str()), "order {id}: {part:?} is not in the address {whole:?}");
        }
        let wanted = purchase.note.replace("\r\n", "\n");
        ensure!(
            order.note.replace("\r\n", "\n").trim() == wanted.trim(),
            "order {id}: the note is {:?}",
            order.note
        );
    }
    Ok(())
}

/// The characters of a name whatever their order: some marketplaces keep family and given name apart.
fn letters(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.chars().filter(|c| !c.is_whitespace()).collect();
    letters.sort_unstable();
    letters
}

fn address(order: &RemoteOrder) -> String {
    let a = &order.ship_to;
    [&a.postcode, &a.region, &a.city, &a.line1, &a.line2, &a.company].map(String::as_str).join(" ")
}

pub(crate) async fn a_payment_is_seen(fx: Fixture) -> Finding {
    let id = fx.shopper()?.buy(false)?;
    fx.settle();
    let before = fx.order_now(&id).await?.payment;
    ensure!(before == Payment::Awaiting, "an unpaid order is {before:?}");
    fx.market.pay(&id);
    fx.settle();
    let after = fx.order_now(&id).await?.payment;
    ensure!(after == Payment::Paid, "a paid order is {after:?}");
    Ok(())
}

pub(crate) async fn a_shipment_by_the_staff_is_seen(fx: Fixture) -> Finding {
    let id = fx.one_order(2)?;
    let before = fx.order_now(&id).await?.fulfilment;
    ensure!(before == Fulfilment::Open, "an order that nobody touched is {before:?}");
    fx.market.ship(&id);
    fx.settle();
    let after = fx.order_now(&id).await?.fulfilment;
    ensure!(after == Fulfilment::Shipped, "an order that the staff shipped is {after:?}");
    Ok(())
}

pub(crate) async fn a_cancelled_order_is_seen(fx: Fixture) -> Finding {
    let id = fx.one_order(2)?;
    fx.market.cancel(&id);
    fx.settle();
    let order = fx.order_now(&id).await?;
    ensure!(order.fulfilment == Fulfilment::Cancelled, "a cancelled order is {:?}", order.fulfilment);
    let ordered: Vec<i64> = order.lines.iter().map(|l| l.quantity).collect();
    ensure!(ordered == [2], "what was cancelled must stay in the ordered quantity: {ordered:?}");
    Ok(())
}

pub(crate) async fn a_refund_before_shipping_cancels_units(fx: Fixture) -> Finding {
    let id = fx.one_order(3)?;
    let order = refunded(&fx, &id, 1).await?;
    let units: Vec<_> = order.lines.iter().map(|l| (l.quantity, l.cancelled, l.returned)).collect();
    ensure!(
        units == [(3, 1, 0)],
        "1 of 3 was refunded before shipping; (ordered, cancelled, returned) is {units:?}"
    );
    ensure!(order.fulfilment == Fulfilment::Open, "2 of 3 are still to be shipped: {:?}", order.fulfilment);
    Ok(())
}

pub(crate) async fn a_refund_after_shipping_returns_units(fx: Fixture) -> Finding {
    let id = fx.one_order(3)?;
    fx.market.ship(&id);
    fx.settle();
    let order = refunded(&fx, &id, 2).await?;
    let units: Vec<_> = order.lines.iter().map(|l| (l.quantity, l.cancelled, l.returned)).collect();
    ensure!(
        units == [(3, 0, 2)],
        "2 of 3 came back after shipping; (ordered, cancelled, returned) is {units:?}"
    );
    Ok(())
}

/// The order after so many units of its first line were refunded; fails unless the money shows.
async fn refunded(fx: &Fixture, id: &RemoteOrderId, units: i64) -> Result<RemoteOrder, String> {
    let truth = fx.market.order(id).ok_or_else(|| format!("the market forgot {id}"))?;
    let line = truth.lines.first().ok_or_else(|| format!("order {id} has no lines"))?.0.clone();
    fx.market.refund(id, &[(line, units)]);
    fx.settle();
    let order = fx.order_now(id).await?;
    let (total, sum) = (order.totals.refunded, Money(order.refunds.iter().map(|r| r.amount.0).sum()));
    ensure!(total > Money(0) && total == sum, "refunded {total:?} in the totals, {sum:?} in the refunds");
    ensure!(order.payment == Payment::PartlyRefunded, "partly refunded is told as {:?}", order.payment);
    ensure!(order.totals.grand == truth.grand, "a refund changed what the order cost");
    Ok(order)
}

pub(crate) async fn odd_orders_never_stop_a_page(fx: Fixture) -> Finding {
    let Some(place_odd) = &fx.odd else {
        return Err("Fixture::odd is missing; if the fake cannot make odd orders, skip this with the reason"
            .to_owned());
    };
    let mut ordinary = vec![fx.shopper()?.buy(true)?];
    let odd = place_odd();
    ordinary.push(fx.shopper()?.buy(true)?);
    fx.settle();
    let walk = fx.walk(None).await?;
    walk.ensure_has(&ordinary)?;
    for reason in walk.reads.iter().flat_map(reasons) {
        ensure!(has_japanese(&reason.ja), "a reason to look at an order is told in English alone: {reason}");
    }
    let mut nameless = 0;
    let mut named: Vec<&RemoteOrderId> = understood(&walk.reads).map(|o| &o.id).collect();
    for read in &walk.reads {
        match read {
            Read::Unreadable { reason, raw, .. } if reason.en.is_empty() || raw.is_empty() => {
                return Err("an unreadable order without a reason or without its text".to_owned());
            }
            Read::Unreadable { id: Some(id), .. } => named.push(id),
            Read::Unreadable { id: None, .. } => nameless += 1,
            Read::Order(_) => {}
        }
    }
    let missing: Vec<_> = odd.iter().filter(|id| !named.contains(id)).collect();
    ensure!(
        missing.len() <= nameless,
        "{} odd orders came neither as orders nor as unreadable: among {missing:?}",
        missing.len() - nameless
    );
    Ok(())
}

pub(crate) async fn a_reread_brings_the_order_as_it_is_now(fx: Fixture) -> Finding {
    let placed = fx.shopper()?.buy_many(usize::from(fx.can().reread_batch_max).min(20), false)?;
    fx.settle();
    placed.iter().for_each(|id| fx.market.pay(id));
    let again = fx.reread(&placed).await?;
    let paid = understood(&again).filter(|o| o.payment == Payment::Paid && placed.contains(&o.id)).count();
    ensure!(paid == placed.len(), "{} orders were paid, {paid} were read as paid", placed.len());
    let gone = fx.connector.reread_orders(&fx.cx, &[RemoteOrderId::from("999999999")]).await;
    ensure!(
        gone.as_ref().is_ok_and(Vec::is_empty),
        "an order that is not there should be left out: {gone:?}"
    );
    Ok(())
}
