//! One order, and how the Admin API shows it.

use serde_json::{Value, json};

use super::state::Shop;

/// Units of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) line: u64,
    pub(super) quantity: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) variant: u64,
    pub(super) quantity: i64,
    /// `orderPlacedQuantity`.
    pub(super) placed: i64,
    /// Of one unit, with tax.
    pub(super) price: i64,
    /// Percent.
    pub(super) tax: i64,
    /// What promotions of the line take off all of it.
    pub(super) discount: i64,
    /// The line's part of what promotions of the order take off.
    pub(super) distributed: i64,
    pub(super) updated: i64,
}

impl Line {
    /// A part of what was taken off the line as it was placed.
    fn share(&self, whole: i64, quantity: i64) -> i64 {
        let over = self.placed.max(self.quantity);
        if over == 0 { 0 } else { (whole * quantity * 2 + over) / (over * 2) }
    }

    fn discounted(&self) -> i64 {
        self.price * self.quantity - self.share(self.discount, self.quantity)
    }

    fn prorated(&self) -> i64 {
        self.discounted() - self.share(self.distributed, self.quantity)
    }

    /// Without units there is nothing to take off.
    fn discounted_unit(&self) -> i64 {
        if self.quantity == 0 { self.price } else { self.price - self.share(self.discount, 1) }
    }

    fn tax_in(&self) -> i64 {
        self.prorated() * self.tax / (100 + self.tax)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) amount: i64,
    pub(super) method: String,
    pub(super) transaction: String,
    pub(super) updated: i64,
    pub(super) refunds: Vec<Refund>,
}

#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) total: i64,
    pub(super) reason: String,
    pub(super) lines: Vec<Units>,
    pub(super) made: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) id: u64,
    pub(super) state: String,
    pub(super) method: String,
    pub(super) tracking: String,
    pub(super) lines: Vec<Units>,
    pub(super) updated: i64,
}

/// An order; times are milliseconds since 1970, amounts in the shop's decimals and with tax.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) code: String,
    pub(super) state: String,
    pub(super) placed: i64,
    pub(super) updated: i64,
    pub(super) customer: Value,
    pub(super) ship_to: Value,
    pub(super) bill_to: Value,
    pub(super) note: String,
    pub(super) lines: Vec<Line>,
    pub(super) shipping: i64,
    pub(super) shipping_cancelled: bool,
    pub(super) payments: Vec<Payment>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) notes: Vec<String>,
    /// What an odd order shows instead.
    pub(super) patch: Option<fn(&mut Value)>,
    /// A field within it cannot be resolved.
    pub(super) spoilt: bool,
}

impl Order {
    pub(super) fn line(&self, id: u64) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// Units of a line in fulfilments that were not cancelled.
    pub(super) fn fulfilled(&self, line: u64) -> i64 {
        let counted = self.parcels.iter().filter(|p| p.state != "Cancelled").flat_map(|p| &p.lines);
        counted.filter(|u| u.line == line).map(|u| u.quantity).sum()
    }

    /// Units of a line that refunds name.
    pub(super) fn refunded(&self, line: u64) -> i64 {
        let refunds = self.payments.iter().flat_map(|p| &p.refunds).flat_map(|r| &r.lines);
        refunds.filter(|u| u.line == line).map(|u| u.quantity).sum()
    }

    pub(super) fn total(&self) -> i64 {
        self.lines.iter().map(Line::prorated).sum::<i64>() + self.shipping()
    }

    /// The price of some units of a line, with all that was taken off.
    pub(super) fn price_of(&self, units: Units) -> i64 {
        let Some(line) = self.line(units.line) else {
            return 0;
        };
        (line.price * units.quantity) - line.share(line.discount + line.distributed, units.quantity)
    }

    pub(super) fn settled(&self) -> i64 {
        self.payments.iter().filter(|p| p.state == "Settled").map(|p| p.amount).sum()
    }

    fn shipping(&self) -> i64 {
        if self.shipping_cancelled { 0 } else { self.shipping }
    }

    /// Where it can go from here (`defaultOrderProcess`).
    pub(super) fn next_states(&self) -> &'static [&'static str] {
        match self.state.as_str() {
            "PaymentAuthorized" => {
                &["PaymentSettled", "Cancelled", "Modifying", "ArrangingAdditionalPayment"]
            }
            "PaymentSettled" => &[
                "PartiallyDelivered",
                "Delivered",
                "PartiallyShipped",
                "Shipped",
                "Cancelled",
                "Modifying",
                "ArrangingAdditionalPayment",
            ],
            "PartiallyShipped" => &["Shipped", "PartiallyDelivered", "Cancelled", "Modifying"],
            "Shipped" => &["PartiallyDelivered", "Delivered", "Cancelled", "Modifying"],
            "PartiallyDelivered" => &["Delivered", "Cancelled", "Modifying"],
            "Delivered" => &["Cancelled"],
            "Modifying" => &[
                "PaymentAuthorized",
                "PaymentSettled",
                "PartiallyShipped",
                "Shipped",
                "PartiallyDelivered",
                "ArrangingAdditionalPayment",
            ],
            "ArrangingAdditionalPayment" => &[
                "PaymentAuthorized",
                "PaymentSettled",
                "PartiallyShipped",
                "Shipped",
                "PartiallyDelivered",
                "Cancelled",
            ],
            _ => &[],
        }
    }

    /// All that may be selected of it.
    pub(super) fn show(&self, shop: &Shop) -> Value {
        let cancelled = json!([{ "adjustmentSource": "CANCEL_ORDER", "amountWithTax": -self.shipping }]);
        let history =
            self.notes.iter().rev().map(|note| json!({ "isPublic": false, "data": { "note": note } }));
        let mut shown = json!({
            "__typename": "Order",
            "id": self.id.to_string(), "code": self.code, "type": "Regular", "state": self.state,
            "orderPlacedAt": date(self.placed), "updatedAt": date(self.updated),
            "currencyCode": shop.config.currency, "totalWithTax": self.total(), "shippingWithTax": self.shipping(),
            "customFields": { shop.config.note_field.clone(): self.note },
            "customer": self.customer, "shippingAddress": self.ship_to, "billingAddress": self.bill_to,
            "lines": self.lines.iter().map(|line| show_line(line, shop)).collect::<Vec<_>>(),
            "surcharges": [],
            "discounts": if self.shipping_cancelled { cancelled } else { json!([]) },
            "taxSummary": [{ "taxTotal": self.lines.iter().map(Line::tax_in).sum::<i64>() }],
            "payments": self.payments.iter().map(show_payment).collect::<Vec<_>>(),
            "fulfillments": self.parcels.iter().map(show_parcel).collect::<Vec<_>>(),
            "nextStates": self.next_states(),
            "history": { "items": history.collect::<Vec<_>>() },
        });
        if let Some(patch) = self.patch {
            patch(&mut shown);
        }
        if self.spoilt {
            shown["lines"][0]["productVariant"] = json!("gone");
        }
        shown
    }
}

/// As JavaScript writes a date.
pub(super) fn date(millis: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn show_line(line: &Line, shop: &Shop) -> Value {
    let variant = shop.variant(line.variant);
    json!({
        "__typename": "OrderLine",
        "id": line.id.to_string(), "updatedAt": date(line.updated),
        "quantity": line.quantity, "orderPlacedQuantity": line.placed, "taxRate": line.tax,
        "discountedUnitPriceWithTax": line.discounted_unit(),
        "discountedLinePriceWithTax": line.discounted(),
        "proratedLinePriceWithTax": line.prorated(),
        "productVariant": {
            "id": line.variant.to_string(),
            "sku": variant.map_or("", |v| v.sku.as_str()),
            "name": variant.map_or("", |v| v.name.as_str()),
        },
    })
}

fn show_units(units: &[Units]) -> Vec<Value> {
    units.iter().map(|u| json!({ "orderLineId": u.line.to_string(), "quantity": u.quantity })).collect()
}

pub(super) fn show_payment(payment: &Payment) -> Value {
    let refund = |r: &Refund| {
        json!({
            "__typename": "Refund", "id": r.id.to_string(), "createdAt": date(r.made), "updatedAt": date(r.made),
            "state": r.state, "total": r.total, "reason": r.reason, "lines": show_units(&r.lines),
        })
    };
    json!({
        "__typename": "Payment", "id": payment.id.to_string(), "updatedAt": date(payment.updated),
        "state": payment.state, "amount": payment.amount, "method": payment.method,
        "transactionId": payment.transaction, "refunds": payment.refunds.iter().map(refund).collect::<Vec<_>>(),
    })
}

pub(super) fn show_parcel(parcel: &Parcel) -> Value {
    json!({
        "__typename": "Fulfillment", "id": parcel.id.to_string(), "updatedAt": date(parcel.updated),
        "state": parcel.state, "method": parcel.method, "trackingCode": parcel.tracking,
        "lines": show_units(&parcel.lines),
    })
}
