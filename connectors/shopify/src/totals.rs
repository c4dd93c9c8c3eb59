//! The order's money.

use banto_channel::{Bilingual, Money, RemoteLine, Totals, both, minor_digits};

use crate::model::{MoneyBag, Order};

/// Reads an amount in the shop's currency. Computed amounts may have more decimals than the currency; they are rounded.
///
/// `Err` holds in plain words what could not be understood.
pub(crate) fn money(bag: &MoneyBag) -> Result<Money, Bilingual> {
    let told = &bag.shop_money;
    Money::parse_rounded(&told.amount, told.currency_code.trim()).map_err(|e| e.words())
}

/// The same for an amount that may be missing, which is nothing.
fn optional(bag: &Option<MoneyBag>) -> Result<Money, Bilingual> {
    bag.as_ref().map_or(Ok(Money(0)), money)
}

/// The shop's totals.
///
/// Discounts on goods are in the lines already. Whether the price of shipping has its own discount taken off is not
/// documented: it goes into `discount` if the parts add up with it and not without it. What was taken out of an order
/// without money being given back (an unpaid line that was removed) makes it cheaper, and is a discount here, because the
/// lines keep what was ordered.
pub(crate) fn totals(
    order: &Order,
    lines: &[RemoteLine],
    allocated: Money,
    unknowns: &mut Vec<Bilingual>,
) -> Result<Totals, Bilingual> {
    let currency = order.currency_code.trim();
    if minor_digits(currency).is_none() {
        unknowns.push(both!(
            "currency {currency:?} is not known; the order's totals are left empty",
            "不明な通貨「{currency}」です。受注の金額は空欄のまま取り込みました"
        ));
        return Ok(Totals::default());
    }
    let told =
        |bag: &Option<MoneyBag>| bag.as_ref().is_some_and(|bag| bag.shop_money.currency_code != currency);
    if told(&order.total_price_set) {
        unknowns.push(both!(
            "the order is in {currency}, and its total is not",
            "受注の通貨は {currency} ですが、合計は別の通貨です"
        ));
        return Ok(Totals::default());
    }
    let before = optional(&order.total_price_set)?;
    let current = optional(&order.current_total_price_set)?;
    let refunded = optional(&order.total_refunded_set)?;
    let tax = optional(&order.total_tax_set)?;
    // Cancelling takes everything out; what the order was about stays what it was.
    let removed = match order.cancelled_at.is_some() {
        true => Money(0),
        false => Money((before.0 - current.0 - refunded.0).max(0)),
    };
    let fees = [
        &order.total_tip_received_set,
        &order.original_total_duties_set,
        &order.original_total_additional_fees_set,
    ];
    let fees: Vec<Money> = fees.into_iter().map(optional).collect::<Result<_, _>>()?;
    let parts = Totals {
        items: Money(lines.iter().map(|line| line.total.0).sum()),
        discount: removed,
        shipping: optional(&order.total_shipping_price_set)?,
        fees: Money(fees.iter().map(|fee| fee.0).sum()),
        tax_on_top: if order.taxes_included { Money(0) } else { tax },
        tax,
        grand: Money(before.0 - removed.0),
        refunded,
    };
    let off_shipping = (optional(&order.total_discounts_set)?.0 - allocated.0).max(0);
    let with = Totals { discount: Money(removed.0 + off_shipping), ..parts };
    Ok(match with.sum() == Some(with.grand) {
        true => with,
        false => parts,
    })
}
