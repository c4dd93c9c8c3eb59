//! Lines, parcels and refunds of an order.

use std::collections::BTreeMap;

use banto_channel::{Bilingual, Money, RemoteLine, RemoteRefund, RemoteShipment, both, minor_digits};

use crate::id::{Place, short};
use crate::model::{Fulfillment, LineItem, Order, PartLine, Refund, TaxLine};
use crate::time;
use crate::totals::money;

/// Reads the lines, and with them how much discount they carry in all.
pub(crate) fn lines(order: &Order) -> Result<(Vec<RemoteLine>, Money), Bilingual> {
    let shipped =
        units(order.fulfillments.iter().filter(|f| f.left()).map(|f| &f.fulfillment_line_items.nodes));
    let mut allocated = 0;
    let mut lines = Vec::with_capacity(order.line_items.nodes.len());
    for item in &order.line_items.nodes {
        let discount = discount(order, item)?;
        allocated += discount.0;
        lines.push(line(order, item, shipped.get(&item.id).copied().unwrap_or(0), discount)?);
    }
    Ok((lines, Money(allocated)))
}

fn line(order: &Order, item: &LineItem, shipped: i64, discount: Money) -> Result<RemoteLine, Bilingual> {
    let quantity = item.quantity.max(0);
    let shipped = shipped.clamp(0, quantity);
    let removed = (quantity - item.current_quantity).clamp(0, quantity);
    // A unit is shipped, still to be shipped, or was taken out before; what is gone and was shipped came back.
    let least = (removed - shipped).max(0);
    let cancelled =
        (quantity - shipped - item.unfulfilled_quantity).clamp(least, removed.min(quantity - shipped));
    let unit = known(order, item, money(&item.original_unit_price_set))?;
    let total = unit.0.checked_mul(quantity).and_then(|whole| whole.checked_sub(discount.0));
    Ok(RemoteLine {
        id: short(&item.id),
        listing: item.variant.as_ref().and_then(|variant| {
            Some(Place::named(&variant.id, &variant.inventory_item.as_ref()?.id)?.listing())
        }),
        code: item.sku.as_deref().map(str::trim).filter(|code| !code.is_empty()).map(ToOwned::to_owned),
        title: item.name.trim().to_owned(),
        quantity,
        cancelled,
        returned: removed - cancelled,
        shipped: Some(shipped),
        unit_price: unit,
        total: Money(total.ok_or_else(|| too_large(item))?),
        tax_rate_bp: tax_rate(&item.tax_lines),
    })
}

fn too_large(item: &LineItem) -> Bilingual {
    both!("line {id}: an amount is too large", "明細 {id}: 金額が大きすぎます", id = short(&item.id))
}

fn discount(order: &Order, item: &LineItem) -> Result<Money, Bilingual> {
    let parts = item.discount_allocations.iter().map(|a| known(order, item, money(&a.allocated_amount_set)));
    let parts: Vec<Money> = parts.collect::<Result<_, _>>()?;
    Ok(Money(parts.iter().map(|part| part.0).sum()))
}

/// Where the currency is unknown the order is held anyway, and its goods still have to be set aside.
fn known(order: &Order, item: &LineItem, read: Result<Money, Bilingual>) -> Result<Money, Bilingual> {
    match read {
        Err(_) if minor_digits(order.currency_code.trim()).is_none() => Ok(Money(0)),
        other => other.map_err(|reason| both!("line {id}", "明細 {id}", id = short(&item.id)).with(&reason)),
    }
}

/// Units by line, of parcels or refunds.
fn units<'a>(parts: impl Iterator<Item = &'a Vec<PartLine>>) -> BTreeMap<String, i64> {
    let mut units = BTreeMap::new();
    for part in parts.flatten() {
        *units.entry(part.line_item.id.clone()).or_default() += part.quantity.unwrap_or(0).max(0);
    }
    units
}

/// The rate in hundredths of a percent, if every tax on the line says its own and it has no more decimals.
fn tax_rate(taxes: &[TaxLine]) -> Option<i64> {
    let rates = taxes.iter().map(|tax| hundredths(&tax.rate_percentage.as_ref()?.to_string()));
    let rates: Vec<i64> = rates.collect::<Option<_>>()?;
    (!rates.is_empty()).then(|| rates.iter().sum())
}

fn hundredths(percent: &str) -> Option<i64> {
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
    let (kept, beyond) = fraction.split_at(fraction.len().min(2));
    if beyond.bytes().any(|b| b != b'0') {
        return None;
    }
    format!("{whole}{kept:0<2}").parse().ok()
}

fn part_lines(lines: &[PartLine]) -> Vec<(String, i64)> {
    let line = |part: &PartLine| (short(&part.line_item.id), part.quantity.unwrap_or(0));
    lines.iter().map(line).filter(|(_, quantity)| *quantity > 0).collect()
}

/// Parcels that left.
pub(crate) fn parcels(order: &Order) -> Vec<RemoteShipment> {
    order.fulfillments.iter().filter(|f| f.left()).map(parcel).collect()
}

fn parcel(fulfillment: &Fulfillment) -> RemoteShipment {
    let info = fulfillment.tracking_info.first();
    let text = |field: Option<&Option<String>>| {
        field.and_then(Option::as_deref).unwrap_or_default().trim().to_owned()
    };
    RemoteShipment {
        id: short(&fulfillment.id),
        carrier: text(info.map(|info| &info.company)),
        tracking: text(info.map(|info| &info.number)),
        tracking_url: info.and_then(|info| info.url.clone()).filter(|url| !url.is_empty()),
        shipped_at: fulfillment.created_at.as_deref().and_then(time::timestamp),
        lines: part_lines(&fulfillment.fulfillment_line_items.nodes),
    }
}

/// Refunds that gave money back. Others only take lines out, which the lines themselves say.
pub(crate) fn refunds(order: &Order) -> Result<Vec<RemoteRefund>, Bilingual> {
    let refunds = order.refunds.iter().map(|refund| refund_of(order, refund));
    let refunds: Vec<RemoteRefund> = refunds.collect::<Result<_, _>>()?;
    Ok(refunds.into_iter().filter(|refund| refund.amount.0 != 0).collect())
}

fn refund_of(order: &Order, refund: &Refund) -> Result<RemoteRefund, Bilingual> {
    let amount = match money(&refund.total_refunded_set) {
        Err(_) if minor_digits(order.currency_code.trim()).is_none() => Money(0),
        other => {
            other.map_err(|reason| both!("refund {id}", "返金 {id}", id = short(&refund.id)).with(&reason))?
        }
    };
    Ok(RemoteRefund {
        id: short(&refund.id),
        amount,
        at: refund.created_at.as_deref().and_then(time::timestamp),
        reason: refund.note.as_deref().unwrap_or_default().trim().to_owned(),
        lines: part_lines(&refund.refund_line_items.nodes),
    })
}

/// Marks what never left as cancelled, for an order that ended.
pub(crate) fn close(lines: &mut [RemoteLine]) {
    for line in lines {
        line.cancelled = line.quantity - line.shipped.unwrap_or(0);
        line.returned = line.returned.min(line.quantity - line.cancelled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact_or_not_told() {
        assert_eq!(hundredths("8.0"), Some(800));
        assert_eq!(hundredths("10"), Some(1000));
        assert_eq!(hundredths("7.25"), Some(725));
        assert_eq!(hundredths("8.875"), None);
        assert_eq!(hundredths("1e-7"), None);
    }
}
