//! One order inside the simulated marketplace, and how its API writes it.

use banto_channel::{
    Address, Buyer, Fulfilment, ListingId, Money, Parcel, Payment, RemoteOrderId, Timestamp, Totals,
};
use serde_json::{Value, json};

use crate::market::{MarketOrder, MarketParcel};

/// Something about an order's text that a connector may stumble over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    UnknownState,
    UnknownCurrency,
    TotalsThatDoNotAddUp,
    MoneyInWords,
    QuantityBelowZero,
    NoId,
    TornText,
}

impl Oddity {
    pub(crate) const ALL: [Self; 7] = [
        Self::UnknownState,
        Self::UnknownCurrency,
        Self::TotalsThatDoNotAddUp,
        Self::MoneyInWords,
        Self::QuantityBelowZero,
        Self::NoId,
        Self::TornText,
    ];
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) listing: ListingId,
    pub(crate) code: Option<String>,
    pub(crate) title: String,
    pub(crate) unit_price: Money,
    pub(crate) quantity: i64,
    pub(crate) cancelled: i64,
    pub(crate) returned: i64,
    pub(crate) shipped: i64,
}

impl Line {
    /// Units that still have to leave.
    pub(crate) const fn open(&self) -> i64 {
        self.quantity - self.cancelled - self.shipped
    }

    /// Units that can still be given back, before or after shipping.
    const fn refundable(&self) -> i64 {
        self.quantity - self.cancelled - self.returned
    }
}

/// Money given back with the units it was for.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    amount: Money,
    at: Timestamp,
    reason: String,
    lines: Vec<(String, i64)>,
}

/// The truth about one order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) seq: u64,
    pub(crate) id: RemoteOrderId,
    pub(crate) placed_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    /// When the search shows the last change.
    pub(crate) visible_at: Timestamp,
    pub(crate) paid_at: Option<Timestamp>,
    pub(crate) cancelled: bool,
    pub(crate) complete: bool,
    pub(crate) currency: String,
    pub(crate) tax_rate_bp: i64,
    pub(crate) totals: Totals,
    pub(crate) buyer: Buyer,
    pub(crate) ship_to: Address,
    pub(crate) note: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) parcels: Vec<Parcel>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) notes: Vec<String>,
    /// The house has taken it.
    pub(crate) confirmed: bool,
    pub(crate) odd: Option<Oddity>,
}

impl Order {
    fn refunded(&self) -> Money {
        Money(self.refunds.iter().map(|r| r.amount.0).sum())
    }

    pub(crate) fn payment(&self) -> Payment {
        match (self.paid_at, self.refunded()) {
            (None, _) => Payment::Awaiting,
            (Some(_), Money(0)) => Payment::Paid,
            (Some(_), back) if back >= self.totals.grand => Payment::Refunded,
            _ => Payment::PartlyRefunded,
        }
    }

    pub(crate) fn fulfilment(&self) -> Fulfilment {
        let sum = |count: fn(&Line) -> i64| self.lines.iter().map(count).sum::<i64>();
        let shipped = sum(|l| l.shipped);
        if self.cancelled {
            Fulfilment::Cancelled
        } else if self.complete || (shipped > 0 && sum(Line::open) == 0) {
            Fulfilment::Shipped
        } else if shipped > 0 || !self.parcels.is_empty() {
            Fulfilment::Partial
        } else {
            Fulfilment::Open
        }
    }

    pub(crate) fn is_unshipped(&self) -> bool {
        self.fulfilment() == Fulfilment::Open
    }

    /// Whether something of it may still leave.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.fulfilment(), Fulfilment::Open | Fulfilment::Partial)
    }

    /// Gives money back for some units: before they ship that cancels them, afterwards they come back. Answers with
    /// the units cancelled by it.
    pub(crate) fn refund(
        &mut self,
        wanted: &[(String, i64)],
        reason: &str,
        now: Timestamp,
    ) -> Vec<(ListingId, i64)> {
        let mut back = Vec::new();
        let mut freed = Vec::new();
        let mut amount = 0_i64;
        for (id, units) in wanted {
            let Some(line) = self.lines.iter_mut().find(|l| l.id == *id) else {
                continue;
            };
            let units = (*units).clamp(0, line.refundable());
            let unshipped = units.min(line.open());
            line.cancelled += unshipped;
            line.returned += units - unshipped;
            amount = amount.saturating_add(line.unit_price.0.saturating_mul(units));
            back.push((id.clone(), units));
            freed.push((line.listing.clone(), unshipped));
        }
        let nothing_left = self.lines.iter().all(|l| l.refundable() == 0);
        if nothing_left && self.lines.iter().all(|l| l.shipped == 0) {
            self.cancelled = true;
        }
        let rest = self.totals.grand.0 - self.refunded().0;
        let amount = if nothing_left { rest } else { amount.min(rest) };
        if self.paid_at.is_some() && amount > 0 {
            self.refunds.push(Refund {
                amount: Money(amount),
                at: now,
                reason: reason.to_owned(),
                lines: back,
            });
        }
        freed
    }

    /// A parcel leaves; answers with the units in it.
    pub(crate) fn ship(&mut self, parcel: &Parcel) -> Vec<(ListingId, i64)> {
        let everything = parcel.completes || parcel.lines.is_empty();
        let mut left = Vec::new();
        for line in &mut self.lines {
            let wanted = parcel.lines.iter().filter(|(id, _)| *id == line.id).map(|(_, units)| *units);
            let units = if everything { line.open() } else { wanted.sum::<i64>().clamp(0, line.open()) };
            line.shipped += units;
            left.push((line.listing.clone(), units));
        }
        self.complete |= everything;
        self.parcels.push(parcel.clone());
        left
    }

    /// As the inside of the marketplace sees it.
    pub(crate) fn truth(&self) -> MarketOrder {
        let parcel = |p: &Parcel| MarketParcel { carrier: p.carrier.clone(), tracking: p.tracking.clone() };
        let line = |l: &Line| (l.id.clone(), Some(l.listing.clone()), l.quantity, l.cancelled + l.returned);
        MarketOrder {
            id: self.id.clone(),
            lines: self.lines.iter().map(line).collect(),
            payment: self.payment(),
            fulfilment: self.fulfilment(),
            grand: self.totals.grand,
            parcels: self.parcels.iter().map(parcel).collect(),
            notes: self.notes.clone(),
            confirmed: self.confirmed,
        }
    }

    /// As the API writes it. Money is decimal text, times are microseconds, words are the marketplace's own.
    pub(crate) fn text(&self) -> String {
        let mut value = self.plain();
        match self.odd {
            None => {}
            Some(Oddity::UnknownState) => value["state"] = json!("in_customs"),
            Some(Oddity::UnknownCurrency) => value["currency"] = json!("XXQ"),
            Some(Oddity::TotalsThatDoNotAddUp) => {
                value["totals"]["grand"] = json!(Money(self.totals.grand.0 + 1).to_decimal(&self.currency));
            }
            Some(Oddity::MoneyInWords) => value["totals"]["grand"] = json!("free of charge"),
            Some(Oddity::QuantityBelowZero) => value["lines"][0]["quantity"] = json!(-1),
            Some(Oddity::NoId) => value["id"] = Value::Null,
            Some(Oddity::TornText) => {
                let mut whole = value.to_string();
                let half = whole.floor_char_boundary(whole.len() / 2);
                whole.truncate(half);
                return whole;
            }
        }
        value.to_string()
    }

    fn plain(&self) -> Value {
        let money = |m: Money| m.to_decimal(&self.currency);
        let t = &self.totals;
        json!({
            "id": self.id,
            "number": format!("#{}", self.id),
            "placed_at": self.placed_at,
            "changed_at": self.changed_at,
            "state": self.state_word(),
            "payment": self.payment_word(),
            "paid_at": self.paid_at,
            "currency": self.currency,
            "totals": {
                "items": money(t.items), "discount": money(t.discount), "shipping": money(t.shipping),
                "fees": money(t.fees), "tax_on_top": money(t.tax_on_top), "tax": money(t.tax),
                "grand": money(t.grand), "refunded": money(self.refunded()),
            },
            "buyer": self.buyer,
            "ship_to": self.ship_to,
            "note": self.note,
            "lines": self.lines.iter().map(|l| json!({
                "id": l.id, "offer": l.listing, "code": l.code, "title": l.title,
                "quantity": l.quantity, "cancelled": l.cancelled, "returned": l.returned, "shipped": l.shipped,
                "unit_price": money(l.unit_price), "total": money(Money(l.unit_price.0 * l.quantity)),
                "tax_rate_bp": self.tax_rate_bp,
            })).collect::<Vec<_>>(),
            "parcels": self.parcels,
            "refunds": self.refunds.iter().map(|r| json!({
                "amount": money(r.amount), "at": r.at, "reason": r.reason, "lines": r.lines,
            })).collect::<Vec<_>>(),
        })
    }

    fn state_word(&self) -> &'static str {
        match self.fulfilment() {
            Fulfilment::Open if self.paid_at.is_none() => "awaiting_payment",
            Fulfilment::Open => "to_ship",
            Fulfilment::Partial => "part_shipped",
            Fulfilment::Shipped => "shipped",
            Fulfilment::Cancelled => "cancelled",
        }
    }

    fn payment_word(&self) -> &'static str {
        match self.payment() {
            Payment::Awaiting | Payment::Partial | Payment::Failed => "unpaid",
            Payment::Paid => "paid",
            Payment::PartlyRefunded => "part_refunded",
            Payment::Refunded => "refunded",
        }
    }
}
