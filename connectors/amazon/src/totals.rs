//! The money of an order: Amazon's breakdowns sorted into banto's parts.

use banto_channel::{Bilingual, Money, RemoteLine, Totals, both};

use crate::model::{Amount, Breakdown, Item, Order};

/// The order's currency: that of its total, or of its first price, or of the store for an order without any (pending).
pub(crate) fn currency(order: &Order, of_store: &str, unknowns: &mut Vec<Bilingual>) -> String {
    let mut found: Vec<&str> = amounts(order).map(|amount| amount.currency_code.trim()).collect();
    found.retain(|code| !code.is_empty());
    let code = found.first().copied().unwrap_or(of_store);
    if let Some(other) = found.iter().find(|other| **other != code) {
        unknowns.push(both!(
            "amounts in two currencies, {code} and {other}",
            "金額の通貨が2種類（{code}・{other}）あります"
        ));
    }
    code.to_owned()
}

fn amounts(order: &Order) -> impl Iterator<Item = &Amount> {
    let whole = order.proceeds.grand_total.iter();
    let parts = order.proceeds.breakdowns.iter().filter_map(|b| b.subtotal.as_ref());
    let items = order.order_items.iter().flat_map(|item| {
        let price = item.product.price.unit_price.iter().chain(&item.proceeds.proceeds_total);
        price.chain(item.proceeds.breakdowns.iter().filter_map(|b| b.subtotal.as_ref()))
    });
    whole.chain(parts).chain(items)
}

/// Price of one, and the total of a line: what Amazon calls `ITEM`, before discounts.
pub(crate) fn line(item: &Item, currency: &str) -> Result<(Money, Money), Bilingual> {
    let price = item.product.price.unit_price.as_ref().map(|amount| money(amount, currency)).transpose()?;
    let proceeds = &item.proceeds;
    let total = match part(&proceeds.breakdowns, &["ITEM"], currency)? {
        Some(total) => total,
        None => match (&proceeds.proceeds_total, price) {
            (Some(total), _) => money(total, currency)?,
            (None, price) => Money(price.unwrap_or_default().0.saturating_mul(item.quantity_ordered)),
        },
    };
    let one = || Money(total.0.checked_div(item.quantity_ordered).unwrap_or(0));
    Ok((price.unwrap_or_else(one), total))
}

/// The totals. Prices include tax in some stores and not in others, and Amazon does not say which: the tax stands on
/// top unless the parts make the total without it.
pub(crate) fn totals(order: &Order, lines: &[RemoteLine], currency: &str) -> Result<Totals, Bilingual> {
    let Some(grand) = &order.proceeds.grand_total else {
        // Before the payment is authorized there are no prices; with prices but no total, what is there is passed on.
        let items = Money(lines.iter().map(|line| line.total.0).sum());
        return Ok(Totals { items, grand: items, ..Totals::default() });
    };
    let grand = money(grand, currency)?;
    let items = Money(lines.iter().map(|line| line.total.0).sum());
    let shipping = of_order(order, &["SHIPPING"], currency)?;
    let fees = of_order(order, &["COD_FEE", "GIFT_WRAP", "DELIVERY_TIP", "OTHER"], currency)?;
    let tax = of_order(order, &["TAX"], currency)?;
    // Whether a discount is told with a minus is not documented; it is one either way.
    let discount = Money(of_order(order, &["DISCOUNT"], currency)?.0.saturating_abs());
    let included =
        Totals { items, discount, shipping, fees, tax_on_top: Money(0), tax, grand, refunded: Money(0) };
    match included.sum() == Some(grand) {
        true => Ok(included),
        false => Ok(Totals { tax_on_top: tax, ..included }),
    }
}

/// A part as the order tells it, or as its lines do.
fn of_order(order: &Order, kinds: &[&str], currency: &str) -> Result<Money, Bilingual> {
    if !order.proceeds.breakdowns.is_empty() {
        return Ok(part(&order.proceeds.breakdowns, kinds, currency)?.unwrap_or_default());
    }
    let mut sum = Money(0);
    for item in &order.order_items {
        sum.0 += part(&item.proceeds.breakdowns, kinds, currency)?.unwrap_or_default().0;
    }
    Ok(sum)
}

fn part(breakdowns: &[Breakdown], kinds: &[&str], currency: &str) -> Result<Option<Money>, Bilingual> {
    let mut sum = None;
    for breakdown in breakdowns.iter().filter(|b| kinds.contains(&b.r#type.as_str())) {
        if let Some(subtotal) = &breakdown.subtotal {
            let so_far: Money = sum.unwrap_or_default();
            sum = Some(Money(so_far.0.saturating_add(money(subtotal, currency)?.0)));
        }
    }
    Ok(sum)
}

fn money(amount: &Amount, currency: &str) -> Result<Money, Bilingual> {
    Money::parse(&amount.amount, currency).map_err(|e| e.words())
}
