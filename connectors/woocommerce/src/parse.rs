//! One order of WooCommerce as banto's remote order. Pure.

use banto_channel::{
    Bilingual, Fulfilment, Money, Payment, RemoteLine, RemoteOrder, RemoteOrderId, Timestamp, Totals, both,
};

use crate::address::{self, Which};
use crate::config::{Settings, State};
use crate::lines;
use crate::model::{Fulfillment, Order, Refund};
use crate::money::Exact;
use crate::time;

/// Puts an order together from its own text, its refunds and its fulfilments.
///
/// `Err` holds in plain words what could not be understood.
pub(crate) fn order(
    order: &Order<'_>,
    raw: &str,
    refunds: &[Refund<'_>],
    fulfillments: &[Fulfillment<'_>],
    settings: &Settings,
) -> Result<RemoteOrder, Bilingual> {
    if order.id.0 <= 0 {
        return Err(both!("the order has no id", "注文IDがありません"));
    }
    let id = RemoteOrderId(order.id.0.to_string());
    let changed_at = time::timestamp(&order.date_modified_gmt.0);
    let placed_at = time::timestamp(&order.date_created_gmt.0)
        .or(changed_at)
        .ok_or_else(|| both!("the order has no date", "注文日時がありません"))?;
    let mut unknowns = Vec::new();
    let paid_at = time::timestamp(&order.date_paid_gmt.0);
    let state = settings.state(&order.status.0);
    if state.is_none() {
        unknowns.push(unknown_status(&order.status.0));
    }
    let left_at = left_at(order, state);
    let (remote_refunds, given) = lines::refunds(order, refunds, left_at, &mut unknowns)?;
    let mut lines = lines::lines(order, &given, &mut unknowns)?;
    let totals = totals(order, &mut unknowns)?;
    let mut shipments = lines::tracked(order);
    let ahead = time::ahead(&order.date_modified.0, &order.date_modified_gmt.0);
    shipments.extend(lines::fulfilled(fulfillments, &mut lines, ahead));

    let fulfilment = fulfilment(state, left_at, !fulfillments.is_empty(), &mut lines, &mut unknowns);
    let on_delivery = settings.pay_on_delivery.contains(&order.payment_method.0);
    Ok(RemoteOrder {
        id,
        number: number(order),
        placed_at,
        changed_at,
        payment: payment(state, paid_at, on_delivery, &totals),
        paid_at,
        fulfilment,
        status: order.status.0.clone(),
        currency: order.currency.0.trim().to_owned(),
        totals,
        moves_own_stock: true,
        stock_taken: Some(lines::stock_taken(order)),
        buyer: address::buyer(order),
        bill_to: address::address(order, Which::Billing),
        ship_to: address::ship_to(order),
        payment_method: order.payment_method.0.clone(),
        payment_title: address::plain(&order.payment_method_title.0),
        note: order.customer_note.0.clone(),
        ship_by: None,
        lines,
        shipments,
        refunds: remote_refunds,
        unknowns,
        wait: None,
        raw: raw.to_owned(),
    })
}

fn unknown_status(word: &str) -> Bilingual {
    both!(
        "status {word:?} is not known; add it to status_map in the channel's config",
        "不明なステータス「{word}」です。チャネルの設定の status_map に追加してください"
    )
}

/// The number that people use; plugins may make it differ from the id.
fn number(order: &Order<'_>) -> String {
    match order.number.0.trim() {
        "" => order.id.0.to_string(),
        number => number.to_owned(),
    }
}

/// When the goods left, for orders that say they did. `date_completed` outlives a step back to "processing", so it
/// counts only for orders that are shipped or ended.
fn left_at(order: &Order<'_>, state: Option<State>) -> Option<Timestamp> {
    let completed = time::timestamp(&order.date_completed_gmt.0);
    match state {
        Some(State::Shipped) => Some(completed.unwrap_or(Timestamp(i64::MIN))),
        Some(State::Cancelled | State::Refunded) => completed,
        _ => None,
    }
}

fn payment(state: Option<State>, paid_at: Option<Timestamp>, on_delivery: bool, totals: &Totals) -> Payment {
    let paid = match state {
        Some(State::Failed) => return Payment::Failed,
        Some(State::Refunded) => return Payment::Refunded,
        Some(State::Paid | State::PartiallyShipped | State::Shipped) => paid_at.is_some() || !on_delivery,
        _ => paid_at.is_some(),
    };
    match (paid, totals.refunded.0) {
        (false, _) => Payment::Awaiting,
        (true, 0) => Payment::Paid,
        (true, refunded) if refunded >= totals.grand.0 => Payment::Refunded,
        (true, _) => Payment::PartlyRefunded,
    }
}

fn fulfilment(
    state: Option<State>,
    left_at: Option<Timestamp>,
    by_line: bool,
    lines: &mut [RemoteLine],
    unknowns: &mut Vec<Bilingual>,
) -> Fulfilment {
    let ended = matches!(state, Some(State::Cancelled | State::Refunded));
    if ended {
        lines::close(lines, left_at.is_some());
    }
    match state {
        Some(State::Shipped) => Fulfilment::Shipped,
        Some(State::PartiallyShipped) => Fulfilment::Partial,
        Some(State::Refunded) if left_at.is_some() => Fulfilment::Shipped,
        Some(State::Cancelled) if left_at.is_some() => {
            unknowns.push(both!(
                "cancelled after it was completed: did the goods come back?",
                "完了後にキャンセルされました。商品が返品されたか確認してください"
            ));
            Fulfilment::Shipped
        }
        _ if ended => Fulfilment::Cancelled,
        _ if by_line && lines::all_shipped(lines) => Fulfilment::Shipped,
        _ if by_line && lines.iter().any(|line| line.shipped.is_some_and(|n| n > 0)) => Fulfilment::Partial,
        _ => Fulfilment::Open,
    }
}

/// The shop's totals. Coupons are already taken off the lines, so `discount` stays 0; with prices that include tax each
/// part is given with its tax, otherwise the tax stands in `tax_on_top`.
///
/// WooCommerce rounds each row by itself and the order's total by itself. What that leaves open, at most one minor
/// unit a row, goes into `items`, so that the parts of a sound order add up to `grand` and those of an unsound one do
/// not.
fn totals(order: &Order<'_>, unknowns: &mut Vec<Bilingual>) -> Result<Totals, Bilingual> {
    let currency = order.currency.0.trim();
    let items = lines::total(
        order.line_items.0.iter().map(|item| lines::gross(order, &item.total.0, &item.total_tax.0)),
    )?;
    let fees = lines::total(
        order.fee_lines.0.iter().map(|fee| lines::gross(order, &fee.total.0, &fee.total_tax.0)),
    )?;
    let shipping = lines::gross(order, &order.shipping_total.0, &order.shipping_tax.0)?;
    let tax = Exact::parse(&order.total_tax.0)?;
    let grand = Exact::parse(&order.total.0)?;
    let refunded = lines::refunded(order)?;
    if let Err(reason) = grand.money(currency) {
        unknowns.extend(Bilingual::list([
            reason,
            both!("the order's totals are left empty", "受注の金額は空欄のまま取り込みました"),
        ]));
        return Ok(Totals::default());
    }
    let mut totals = Totals {
        items: items.money(currency)?,
        discount: Money(0),
        shipping: shipping.money(currency)?,
        fees: fees.money(currency)?,
        tax_on_top: match order.prices_include_tax.0 {
            true => Money(0),
            false => tax.money(currency)?,
        },
        tax: tax.money(currency)?,
        grand: grand.money(currency)?,
        refunded: refunded.money(currency)?,
    };
    let rows = order.line_items.0.len() + order.fee_lines.0.len() + order.shipping_lines.0.len();
    if let Some(sum) = totals.sum() {
        let open = totals.grand.0.saturating_sub(sum.0);
        if open.unsigned_abs() <= rows as u64 {
            totals.items.0 += open;
        }
    }
    Ok(totals)
}
