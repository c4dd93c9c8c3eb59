//! An order as the shop keeps it, and its arithmetic. Amounts are minor units of the shop's currency.

use std::sync::Arc;

use serde_json::Value;

/// One tax rate of the shop.
#[derive(Clone, Debug)]
pub(super) struct TaxRate {
    pub(super) id: u64,
    /// Hundredths of a percent.
    pub(super) bp: i64,
    /// `""` is the standard class.
    pub(super) class: &'static str,
}

/// `meta_data` of anything.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) id: u64,
    pub(super) key: String,
    pub(super) value: Value,
}

/// Billing or shipping; the mail address is on billing only.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) company: String,
    pub(super) address_1: String,
    pub(super) address_2: String,
    pub(super) city: String,
    pub(super) state: String,
    pub(super) postcode: String,
    pub(super) country: String,
    pub(super) email: String,
    pub(super) phone: String,
}

/// A product line. Totals are without tax, whatever the shop's prices are.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) product_id: u64,
    pub(super) variation_id: u64,
    pub(super) quantity: i64,
    pub(super) tax_class: String,
    /// Before coupons.
    pub(super) subtotal: i64,
    pub(super) subtotal_tax: i64,
    /// After coupons.
    pub(super) total: i64,
    /// Rate id and tax.
    pub(super) taxes: Vec<(u64, i64)>,
    pub(super) meta: Vec<Meta>,
    /// What this line took from the stock so far; `_reduced_stock` in the meta.
    pub(super) reduced_stock: Option<i64>,
}

impl Line {
    pub(super) fn total_tax(&self) -> i64 {
        self.taxes.iter().map(|(_, tax)| tax).sum()
    }
}

/// Shipping.
#[derive(Clone, Debug)]
pub(super) struct ShippingLine {
    pub(super) id: u64,
    pub(super) title: String,
    pub(super) method: String,
    pub(super) total: i64,
    pub(super) taxes: Vec<(u64, i64)>,
}

/// A fee, or a discount by hand when negative.
#[derive(Clone, Debug)]
pub(super) struct Fee {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) total: i64,
    pub(super) taxes: Vec<(u64, i64)>,
}

/// A coupon; its discount is in the lines already.
#[derive(Clone, Debug)]
pub(super) struct Coupon {
    pub(super) id: u64,
    pub(super) code: String,
    pub(super) discount: i64,
    pub(super) discount_tax: i64,
}

/// One line of a refund.
#[derive(Clone, Debug)]
pub(super) struct RefundLine {
    pub(super) id: u64,
    /// The order line it refers to.
    pub(super) of: u64,
    pub(super) quantity: i64,
    pub(super) total: i64,
    pub(super) taxes: Vec<(u64, i64)>,
}

/// A refund, an object of its own with an id from the same row as orders.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) amount: i64,
    pub(super) reason: String,
    /// Whether the gateway gave the money back.
    pub(super) by_gateway: bool,
    pub(super) lines: Vec<RefundLine>,
}

/// An order note.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) author: String,
    pub(super) text: String,
    /// Shown and mailed to the buyer.
    pub(super) for_customer: bool,
    /// Written by the shop itself when something happened.
    pub(super) automatic: bool,
}

/// An entry of the Shipment Tracking extension.
#[derive(Clone, Debug)]
pub(super) struct Tracking {
    pub(super) id: String,
    pub(super) provider: String,
    pub(super) link: String,
    pub(super) number: String,
    pub(super) date_shipped: String,
}

/// A fulfilment of the core feature.
#[derive(Clone, Debug)]
pub(super) struct FulfilmentRow {
    pub(super) id: u64,
    pub(super) updated: i64,
    pub(super) status: String,
    pub(super) is_fulfilled: bool,
    pub(super) meta: Vec<Meta>,
}

/// The sums of an order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) discount: i64,
    pub(super) discount_tax: i64,
    pub(super) shipping: i64,
    pub(super) shipping_tax: i64,
    pub(super) cart_tax: i64,
    pub(super) total: i64,
}

/// An order. Times are seconds since 1970, the resolution that WooCommerce keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) id: u64,
    /// What people call it, where a plugin numbers orders on its own.
    pub(super) number: Option<String>,
    /// Without the `wc-` in front.
    pub(super) status: String,
    pub(super) currency: String,
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) paid: Option<i64>,
    pub(super) completed: Option<i64>,
    pub(super) customer_note: String,
    pub(super) billing: Arc<Contact>,
    pub(super) shipping: Arc<Contact>,
    pub(super) payment_method: String,
    pub(super) payment_title: String,
    pub(super) transaction_id: String,
    pub(super) prices_include_tax: bool,
    pub(super) lines: Vec<Line>,
    pub(super) shipping_lines: Vec<ShippingLine>,
    pub(super) fees: Vec<Fee>,
    pub(super) coupons: Vec<Coupon>,
    pub(super) refunds: Vec<Refund>,
    pub(super) notes: Vec<Note>,
    pub(super) meta: Vec<Meta>,
    pub(super) trackings: Vec<Tracking>,
    pub(super) fulfilments: Vec<FulfilmentRow>,
    /// Whether its stock was taken off.
    pub(super) stock_reduced: bool,
    /// A total that some plugin wrote over the sum.
    pub(super) total_override: Option<i64>,
    /// Goes up with every change of what the order's JSON shows.
    pub(super) version: u64,
}

impl Order {
    pub(super) fn sums(&self) -> Sums {
        let tax_of = |taxes: &[(u64, i64)]| taxes.iter().map(|(_, tax)| tax).sum::<i64>();
        let goods: i64 = self.lines.iter().map(|l| l.total).sum();
        let fees: i64 = self.fees.iter().map(|f| f.total).sum();
        let fee_tax: i64 = self.fees.iter().map(|f| tax_of(&f.taxes)).sum();
        let shipping = self.shipping_lines.iter().map(|s| s.total).sum();
        let shipping_tax = self.shipping_lines.iter().map(|s| tax_of(&s.taxes)).sum();
        let cart_tax = self.lines.iter().map(Line::total_tax).sum::<i64>() + fee_tax;
        Sums {
            discount: self.lines.iter().map(|l| l.subtotal - l.total).sum(),
            discount_tax: self.lines.iter().map(|l| l.subtotal_tax - l.total_tax()).sum(),
            shipping,
            shipping_tax,
            cart_tax,
            total: self.total_override.unwrap_or(goods + fees + shipping + cart_tax + shipping_tax),
        }
    }

    pub(super) fn refunded(&self) -> i64 {
        self.refunds.iter().map(|r| r.amount).sum()
    }

    /// Units of one line that were given back.
    pub(super) fn refunded_units(&self, line: u64) -> i64 {
        self.refunds.iter().flat_map(|r| &r.lines).filter(|l| l.of == line).map(|l| l.quantity).sum()
    }

    /// `needs_payment`: a price, and a status that waits for money. `on-hold` is not one of them.
    pub(super) fn needs_payment(&self) -> bool {
        matches!(self.status.as_str(), "pending" | "failed") && self.sums().total > 0
    }

    /// `needs_processing`: there is something to send.
    pub(super) fn needs_processing(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Whether lists without a status leave it out.
    pub(super) fn hidden(&self) -> bool {
        matches!(self.status.as_str(), "trash" | "auto-draft")
    }
}

/// `amount`, a price of `quantity` units, as the pair (without tax, tax). Rounds half up, per line.
pub(super) fn split_tax(amount: i64, bp: i64, includes_tax: bool) -> (i64, i64) {
    if includes_tax {
        let net = round_div(amount * 10_000, 10_000 + bp);
        (net, amount - net)
    } else {
        (amount, round_div(amount * bp, 10_000))
    }
}

/// Division that rounds half away from zero.
pub(super) fn round_div(a: i64, b: i64) -> i64 {
    let half = if a < 0 { -b / 2 } else { b / 2 };
    (a + half) / b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_splits_to_the_yen() {
        assert_eq!(split_tax(500, 1000, true), (455, 45));
        assert_eq!(split_tax(1080, 800, true), (1000, 80));
        assert_eq!(split_tax(455, 1000, false), (455, 46));
        assert_eq!(split_tax(-500, 1000, true), (-455, -45));
        for price in 1..5000 {
            let (net, tax) = split_tax(price, 800, true);
            assert_eq!(net + tax, price);
        }
    }

    #[test]
    fn sums_add_up_and_an_override_wins() {
        let mut order = Order {
            lines: vec![Line {
                quantity: 2,
                subtotal: 1000,
                subtotal_tax: 100,
                total: 900,
                taxes: vec![(1, 90)],
                ..Line::default()
            }],
            fees: vec![Fee {
                id: 1, name: "代引き手数料".to_owned(), total: 300, taxes: vec![(1, 30)]
            }],
            ..Order::default()
        };
        let sums = order.sums();
        assert_eq!((sums.discount, sums.discount_tax, sums.cart_tax, sums.total), (100, 10, 120, 1320));
        order.total_override = Some(1);
        assert_eq!(order.sums().total, 1);
    }
}
