//! Lines: what was ordered, what left, what was taken out again and what came back.

use banto_channel::{ListingId, Money, RemoteLine};
use serde_json::Number;

use crate::model::{Fulfillment, Line, Order, units_of};

/// The units of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) ordered: i64,
    pub(crate) shipped: i64,
    pub(crate) cancelled: i64,
    pub(crate) returned: i64,
}

/// Counts a line's units. Vendure lowers `quantity` when units are cancelled, and a refund names its units besides; staff
/// mostly do both at once, so the greater number counts. Of what is gone the units that never left go first.
pub(crate) fn gone(order: &Order, line: &Line, left: &[&Fulfillment]) -> Gone {
    let ordered = ordered(line);
    let refunds = order.payments().iter().flat_map(|p| &p.refunds).filter(|r| r.state != "Failed");
    let refunded = units_of(&line.id, refunds.flat_map(|r| &r.lines));
    let gone = (ordered - line.quantity.max(0)).max(refunded).clamp(0, ordered);
    let shipped = units_of(&line.id, left.iter().flat_map(|f| &f.lines)).min(ordered);
    let cancelled = gone.min(ordered - shipped);
    Gone { ordered, shipped, cancelled, returned: gone - cancelled }
}

/// Staff may raise a line's quantity after the order was placed, or add a line.
fn ordered(line: &Line) -> i64 {
    line.order_placed_quantity.max(line.quantity).max(0)
}

/// A line's price with the units that were cancelled since, after the line's own discounts.
pub(crate) fn whole(line: &Line) -> i64 {
    let missing = ordered(line) - line.quantity.max(0);
    let price = line.discounted_unit_price_with_tax.saturating_mul(missing);
    line.discounted_line_price_with_tax.saturating_add(price)
}

/// One line, with amounts turned by `money`.
pub(crate) fn line(line: &Line, gone: &Gone, money: &dyn Fn(i64) -> Money) -> RemoteLine {
    let variant = &line.product_variant;
    RemoteLine {
        id: line.id.clone(),
        listing: Some(ListingId(variant.id.clone())),
        code: Some(variant.sku.trim().to_owned()).filter(|sku| !sku.is_empty()),
        title: variant.name.trim().to_owned(),
        quantity: gone.ordered,
        cancelled: gone.cancelled,
        returned: gone.returned,
        shipped: Some(gone.shipped),
        unit_price: money(line.discounted_unit_price_with_tax),
        total: money(whole(line)),
        tax_rate_bp: basis_points(&line.tax_rate),
    }
}

/// A percentage in hundredths, from its digits; `None` where it has more than two decimals.
fn basis_points(percent: &Number) -> Option<i64> {
    let text = percent.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 2 {
        return None;
    }
    format!("{whole}{fraction:0<2}").parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn percentages_are_read_by_their_digits() {
        for (text, points) in
            [("10", Some(1000)), ("8", Some(800)), ("7.7", Some(770)), ("5.50", Some(550)), ("0", Some(0))]
        {
            assert_eq!(basis_points(&serde_json::from_str(text).unwrap()), points, "{text}");
        }
        assert_eq!(basis_points(&serde_json::from_str("6.125").unwrap()), None);
        assert_eq!(basis_points(&serde_json::from_str("1e-7").unwrap()), None);
    }
}
