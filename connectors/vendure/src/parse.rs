//! One order of Vendure as banto's remote order. Pure.

use banto_channel::{
    Address, Bilingual, Buyer, Fulfilment, Money, Payment, RemoteOrder, RemoteOrderId, RemoteRefund,
    RemoteShipment, Timestamp, Totals, both,
};

use crate::config::{ParcelState, Settings, State};
use crate::lines::{self, Gone};
use crate::model::{self, Order};
use crate::money::Scale;
use crate::time;

/// Where a staff's cancelling takes the shipping charge off, Vendure writes a discount of this source.
const CANCELLED_SHIPPING: &str = "CANCEL_ORDER";

/// Puts an order together. `Ok(None)` is what is no order: a cart, or the sum of the sellers' orders of a marketplace,
/// which stand beside it.
///
/// `Err` holds in plain words what could not be understood.
pub(crate) fn order(
    order: &Order,
    raw: &str,
    precision: u32,
    settings: &Settings,
) -> Result<Option<RemoteOrder>, Bilingual> {
    let state = settings.state(&order.state);
    if state == Some(State::Ignore) || order.r#type == "Aggregate" {
        return Ok(None);
    }
    let placed = order.order_placed_at.as_deref().and_then(time::moment);
    let placed_at = placed.ok_or_else(|| both!("the order has no date", "注文日時がありません"))?;
    let mut unknowns = Vec::new();
    if state.is_none() {
        unknowns.push(unknown_state(&order.state));
    }
    let left = parcels_that_left(order, settings, &mut unknowns);
    let gone: Vec<Gone> = order.lines.iter().map(|line| lines::gone(order, line, &left)).collect();
    let scale = Scale::new(settings.money_precision.unwrap_or(precision), order.currency_code.trim());
    if scale.is_none() {
        unknowns.push(both!(
            "unknown currency {code:?}; the order's amounts are left empty",
            "不明な通貨「{code}」です。受注の金額は空欄のまま取り込みました",
            code = order.currency_code
        ));
    }
    let money = |amount: i64| scale.map_or(Money(0), |scale| scale.money(amount));
    let refunds = refunds(order, &money, &mut unknowns);
    let grand = grand(order, &mut unknowns);
    let totals = scale.map_or_else(Totals::default, |scale| totals(order, grand, scale, &refunds));
    Ok(Some(RemoteOrder {
        id: RemoteOrderId(order.id.clone()),
        number: order.code.clone(),
        placed_at,
        changed_at: changed_at(order),
        payment: payment(order, state, &mut unknowns),
        paid_at: paid_at(order),
        fulfilment: fulfilment(state, &gone),
        status: order.state.clone(),
        currency: order.currency_code.trim().to_owned(),
        totals,
        moves_own_stock: true,
        stock_taken: None,
        buyer: buyer(order),
        bill_to: billed(order),
        ship_to: order.shipping_address.as_ref().map(address).unwrap_or_default(),
        payment_method: method(order),
        payment_title: method(order),
        note: order.custom_fields.as_ref().and_then(|f| f.note.clone()).unwrap_or_default(),
        ship_by: None,
        lines: order.lines.iter().zip(&gone).map(|(line, gone)| lines::line(line, gone, &money)).collect(),
        shipments: left.iter().map(|parcel| shipment(parcel)).collect(),
        refunds,
        unknowns,
        wait: wait(order),
        raw: raw.to_owned(),
    }))
}

fn unknown_state(word: &str) -> Bilingual {
    both!(
        "state {word:?} is not known; add it to state_map in the channel's config",
        "不明なステータス「{word}」です。チャネルの設定の state_map に追加してください"
    )
}

/// The newest of all the dates in an order: its own moves neither when it is paid nor when it is shipped.
fn changed_at(order: &Order) -> Option<Timestamp> {
    let lines = order.lines.iter().map(|l| &l.updated_at);
    let payments =
        order.payments().iter().flat_map(|p| p.refunds.iter().map(|r| &r.updated_at).chain([&p.updated_at]));
    let parcels = order.fulfillments().iter().map(|f| &f.updated_at);
    let all = lines.chain(payments).chain(parcels).chain([&order.updated_at]).chain(&order.order_placed_at);
    all.filter_map(|text| time::moment(text)).max()
}

/// Staff are at work on it, or the buyer still has to pay for what they changed.
fn wait(order: &Order) -> Option<Bilingual> {
    match order.state.as_str() {
        "Modifying" => Some(both!(
            "the shop's staff are changing this order (state Modifying)",
            "ショップの管理画面で変更中の注文です（Modifying）"
        )),
        "ArrangingAdditionalPayment" => Some(both!(
            "the order was changed and waits for the rest of its money (state ArrangingAdditionalPayment)",
            "注文が変更され、差額の入金待ちです（ArrangingAdditionalPayment）"
        )),
        _ => None,
    }
}

fn parcels_that_left<'a>(
    order: &'a Order,
    settings: &Settings,
    unknowns: &mut Vec<Bilingual>,
) -> Vec<&'a model::Fulfillment> {
    let mut left = Vec::new();
    for parcel in order.fulfillments() {
        match settings.parcel_state(&parcel.state) {
            Some(ParcelState::Shipped) => left.push(parcel),
            Some(ParcelState::Pending | ParcelState::Cancelled) => {}
            None => unknowns.push(both!(
                "fulfilment {id} is in the state {word:?}, which is not known; add it to fulfillment_state_map in the \
                 channel's config",
                "出荷 {id} のステータス「{word}」は不明です。チャネルの設定の fulfillment_state_map に追加してください",
                id = parcel.id,
                word = parcel.state
            )),
        }
    }
    left
}

fn shipment(parcel: &model::Fulfillment) -> RemoteShipment {
    RemoteShipment {
        id: parcel.id.clone(),
        carrier: parcel.method.trim().to_owned(),
        tracking: tidy(parcel.tracking_code.as_ref()),
        tracking_url: None,
        // After `Delivered` the date is that of the delivery.
        shipped_at: time::moment(&parcel.updated_at).filter(|_| parcel.state == "Shipped"),
        lines: parcel.lines.iter().map(|u| (u.order_line_id.clone(), u.quantity)).collect(),
    }
}

/// Money that went back. One that is `Pending` is still to go, one that `Failed` never will.
fn refunds(order: &Order, money: &dyn Fn(i64) -> Money, unknowns: &mut Vec<Bilingual>) -> Vec<RemoteRefund> {
    let mut out = Vec::new();
    for refund in order.payments().iter().flat_map(|p| &p.refunds) {
        match refund.state.as_str() {
            "Settled" => out.push(RemoteRefund {
                id: refund.id.clone(),
                amount: money(refund.total),
                at: time::moment(&refund.created_at),
                reason: tidy(refund.reason.as_ref()),
                lines: refund.lines.iter().map(|u| (u.order_line_id.clone(), u.quantity)).collect(),
            }),
            "Pending" | "Failed" => {}
            other => {
                unknowns.push(both!(
                    "refund {id} is in the state {other:?}, which is not known",
                    "返金 {id} のステータス「{other}」は不明です",
                    id = refund.id
                ));
            }
        }
    }
    out
}

/// What payments in these states add up to.
fn paid(order: &Order, states: &[&str]) -> i64 {
    let counted = order.payments().iter().filter(|p| states.contains(&p.state.as_str()));
    counted.fold(0, |sum, p| sum.saturating_add(p.amount))
}

/// What the buyer paid or has to pay. When something is taken out of an order Vendure lowers `totalWithTax` and lists the
/// refund besides; what was paid stays, so that a refund is not taken off twice.
fn grand(order: &Order, unknowns: &mut Vec<Bilingual>) -> i64 {
    let paid = paid(order, &["Authorized", "Settled"]);
    let lowered = order.lines.iter().any(|line| line.quantity < line.order_placed_quantity)
        || order.discounts.iter().any(|d| d.adjustment_source == CANCELLED_SHIPPING)
        || order.payments().iter().any(|p| !p.refunds.is_empty());
    if paid > order.total_with_tax && !lowered {
        unknowns.push(both!(
            "more was paid than the order costs, and nothing was taken out of it",
            "入金額が注文の合計を超えていますが、取り消された商品がありません"
        ));
        return order.total_with_tax;
    }
    paid.max(order.total_with_tax)
}

/// All amounts with tax.
fn totals(order: &Order, grand: i64, scale: Scale, refunds: &[RemoteRefund]) -> Totals {
    let sum = |amounts: &mut dyn Iterator<Item = i64>| amounts.fold(0_i64, i64::saturating_add);
    let items = sum(&mut order.lines.iter().map(lines::whole));
    let distributed = sum(&mut order
        .lines
        .iter()
        .map(|l| l.discounted_line_price_with_tax.saturating_sub(l.prorated_line_price_with_tax)));
    let fees = sum(&mut order.surcharges.iter().map(|s| s.price_with_tax.max(0)));
    let rebates = sum(&mut order.surcharges.iter().map(|s| s.price_with_tax.min(0).saturating_neg()));
    let taken_off = order.discounts.iter().filter(|d| d.adjustment_source == CANCELLED_SHIPPING);
    let shipping = order.shipping_with_tax.saturating_sub(sum(&mut taken_off.map(|d| d.amount_with_tax)));
    let refunded = refunds.iter().fold(0_i64, |sum, r| sum.saturating_add(r.amount.0));
    let mut totals = Totals {
        items: scale.money(items),
        discount: scale.money(distributed.saturating_add(rebates)),
        shipping: scale.money(shipping),
        fees: scale.money(fees),
        tax_on_top: Money(0),
        tax: scale.money(sum(&mut order.tax_summary.iter().map(|t| t.tax_total))),
        grand: scale.money(grand),
        refunded: Money(refunded),
    };
    let open = totals.sum().map_or(0, |sum| totals.grand.0.saturating_sub(sum.0));
    let rows = order.lines.len() + order.surcharges.len() + 1;
    if open.unsigned_abs() <= rows as u64 {
        // Rows are rounded one by one, and the total by itself.
        totals.items.0 = totals.items.0.saturating_add(open);
    } else if grand > order.total_with_tax {
        // Units that are no longer in the order came with discounts that are no longer told.
        totals.discount.0 = totals.discount.0.saturating_add(open.min(0).saturating_neg());
        totals.fees.0 = totals.fees.0.saturating_add(open.max(0));
    }
    totals
}

fn payment(order: &Order, state: Option<State>, unknowns: &mut Vec<Bilingual>) -> Payment {
    const KNOWN: [&str; 6] = ["Created", "Authorized", "Settled", "Declined", "Error", "Cancelled"];
    let strange = order.payments().iter().filter(|p| !KNOWN.contains(&p.state.as_str()));
    unknowns.extend(strange.map(|p| {
        both!(
            "a payment is in the state {word:?}, which is not known",
            "決済のステータス「{word}」は不明です",
            word = p.state
        )
    }));
    let settled = paid(order, &["Settled"]);
    let settled_refunds = order.payments().iter().flat_map(|p| &p.refunds).filter(|r| r.state == "Settled");
    let back = settled_refunds.fold(0_i64, |sum, r| sum.saturating_add(r.total));
    if back > 0 && settled > 0 {
        return if back >= settled { Payment::Refunded } else { Payment::PartlyRefunded };
    }
    // An order that costs nothing has no payment at all.
    let free = order.total_with_tax == 0 && state == Some(State::Open);
    match settled {
        paid if (paid > 0 || free) && paid >= order.total_with_tax => Payment::Paid,
        paid if paid > 0 => Payment::Partial,
        _ if order.payments().iter().any(|p| p.state == "Authorized") => Payment::Awaiting,
        _ if order.payments().iter().any(|p| matches!(p.state.as_str(), "Declined" | "Error")) => {
            Payment::Failed
        }
        _ => Payment::Awaiting,
    }
}

/// When the last of the money arrived: the date that a payment got with its settling.
fn paid_at(order: &Order) -> Option<Timestamp> {
    let settled = order.payments().iter().filter(|p| p.state == "Settled");
    settled.filter_map(|p| time::moment(&p.updated_at)).max()
}

/// The way of the newest payment that did not fail.
fn method(order: &Order) -> String {
    let failed = |p: &&model::Payment| matches!(p.state.as_str(), "Declined" | "Error" | "Cancelled");
    let last = order.payments().iter().rev().find(|p| !failed(p)).or_else(|| order.payments().last());
    last.map(|p| p.method.clone()).unwrap_or_default()
}

fn fulfilment(state: Option<State>, gone: &[Gone]) -> Fulfilment {
    let left: i64 = gone.iter().map(|g| g.shipped).sum();
    let open: i64 = gone.iter().map(|g| g.ordered - g.cancelled - g.shipped).sum();
    let all_cancelled = gone.iter().any(|g| g.ordered > 0) && gone.iter().all(|g| g.cancelled == g.ordered);
    match state {
        Some(State::Cancelled) if left == 0 => Fulfilment::Cancelled,
        Some(State::Shipped | State::Cancelled) => Fulfilment::Shipped,
        _ if all_cancelled => Fulfilment::Cancelled,
        _ if left > 0 && open <= 0 => Fulfilment::Shipped,
        _ if left > 0 => Fulfilment::Partial,
        _ => Fulfilment::Open,
    }
}

fn buyer(order: &Order) -> Buyer {
    let Some(customer) = &order.customer else {
        return Buyer::default();
    };
    let (first, last) = (customer.first_name.trim(), customer.last_name.trim());
    let country = order.shipping_address.as_ref().and_then(|a| a.country_code.as_deref()).unwrap_or_default();
    // Where the family name is written first.
    let (one, two) =
        if ["JP", "CN", "KR", "TW", "HU", "VN"].contains(&country) { (last, first) } else { (first, last) };
    let phone = match tidy(customer.phone_number.as_ref()) {
        none if none.is_empty() => {
            order.shipping_address.as_ref().map(|a| tidy(a.phone_number.as_ref())).unwrap_or_default()
        }
        phone => phone,
    };
    Buyer {
        name: format!("{one} {two}").trim().to_owned(),
        email: customer.email_address.trim().to_owned(),
        phone,
        language: String::new(),
    }
}

/// A billing address is optional at the checkout; the shipping address counts for both then.
fn billed(order: &Order) -> Address {
    let own =
        order.billing_address.as_ref().map(address).filter(|a| !a.line1.is_empty() || !a.name.is_empty());
    own.or_else(|| order.shipping_address.as_ref().map(address)).unwrap_or_default()
}

fn address(address: &model::Address) -> Address {
    Address {
        name: tidy(address.full_name.as_ref()),
        name_kana: String::new(),
        company: tidy(address.company.as_ref()),
        country: tidy(address.country_code.as_ref()),
        postcode: tidy(address.postal_code.as_ref()),
        region: tidy(address.province.as_ref()),
        city: tidy(address.city.as_ref()),
        line1: tidy(address.street_line1.as_ref()),
        line2: tidy(address.street_line2.as_ref()),
        phone: tidy(address.phone_number.as_ref()),
    }
}

fn tidy(text: Option<&String>) -> String {
    text.map(|t| t.trim().to_owned()).unwrap_or_default()
}
