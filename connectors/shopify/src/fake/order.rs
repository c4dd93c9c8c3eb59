//! An order and its parts, as the shop keeps them.

/// An address; everything may be empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) company: String,
    pub(super) line1: String,
    pub(super) line2: String,
    pub(super) city: String,
    pub(super) province: String,
    pub(super) province_code: String,
    pub(super) zip: String,
    pub(super) country: String,
    pub(super) phone: String,
}

/// A line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) variant: Option<u64>,
    pub(super) name: String,
    pub(super) sku: String,
    /// Ordered, with what was taken out later.
    pub(super) quantity: i64,
    /// Taken out or given back.
    pub(super) gone: i64,
    /// Still to be shipped.
    pub(super) open: i64,
    pub(super) unit: i64,
    /// Discount on all its units.
    pub(super) discount: i64,
    /// Hundredths of a percent; several for several taxes.
    pub(super) rates: Vec<i64>,
    /// Where it ships from.
    pub(super) location: u64,
}

impl Line {
    pub(super) fn total(&self) -> i64 {
        self.unit * self.quantity - self.discount
    }
}

/// A parcel.
#[derive(Clone, Debug, Default)]
pub(super) struct Parcel {
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) location: u64,
    pub(super) company: String,
    pub(super) number: String,
    pub(super) url: String,
    /// Line and units.
    pub(super) lines: Vec<(u64, i64)>,
    pub(super) cancelled: bool,
}

/// A refund.
#[derive(Clone, Debug, Default)]
pub(super) struct Refund {
    pub(super) id: u64,
    pub(super) created: i64,
    pub(super) note: String,
    pub(super) amount: i64,
    /// Line and units.
    pub(super) lines: Vec<(u64, i64)>,
}

/// One location's work on an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) id: u64,
    pub(super) status: String,
    pub(super) updated: i64,
    pub(super) location: u64,
    /// Why it is held.
    pub(super) hold: Option<String>,
    pub(super) fulfill_at: Option<i64>,
    pub(super) fulfill_by: Option<i64>,
    /// Somebody else ships it.
    pub(super) elsewhere: bool,
    /// Its own line id, the order's line id.
    pub(super) lines: Vec<(u64, u64)>,
}

impl Work {
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.status.as_str(), "CLOSED" | "CANCELLED")
    }

    /// What may be done with it.
    pub(super) fn actions(&self) -> Vec<&'static str> {
        match self.status.as_str() {
            _ if self.elsewhere => vec!["REQUEST_FULFILLMENT"],
            "OPEN" | "IN_PROGRESS" => vec!["CREATE_FULFILLMENT", "MOVE", "HOLD"],
            "ON_HOLD" => vec!["RELEASE_HOLD", "HOLD"],
            "SCHEDULED" => vec!["MARK_AS_OPEN"],
            _ => Vec::new(),
        }
    }
}

/// A step of the payment.
#[derive(Clone, Debug, Default)]
pub(super) struct Payment {
    pub(super) id: u64,
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) at: i64,
}

/// An order.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) cancelled: Option<i64>,
    /// A job is about to cancel it.
    pub(super) cancelling: bool,
    pub(super) staff_note: String,
    pub(super) currency: String,
    pub(super) taxes_included: bool,
    pub(super) test: bool,
    pub(super) locale: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) note: String,
    pub(super) billing: Option<Contact>,
    pub(super) shipping: Option<Contact>,
    /// `displayFinancialStatus`; empty for null.
    pub(super) financial: String,
    /// `displayFulfillmentStatus` by decree, for odd orders.
    pub(super) fulfillment: Option<String>,
    /// `manual` may be marked as paid; others are their provider's.
    pub(super) gateway: String,
    pub(super) gateway_title: String,
    pub(super) lines: Vec<Line>,
    pub(super) shipping_price: i64,
    pub(super) shipping_discount: i64,
    pub(super) tip: i64,
    pub(super) duties: i64,
    pub(super) fees: i64,
    /// The total by decree, for odd orders.
    pub(super) total_override: Option<i64>,
    /// Value of what was taken out without money being given back.
    pub(super) removed: i64,
    pub(super) payments: Vec<Payment>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) refunds: Vec<Refund>,
    pub(super) work: Vec<Work>,
}

/// Tax in `gross`, or on top of it.
pub(super) fn tax_of(amount: i64, rate: i64, included: bool) -> i64 {
    let (whole, part) = if included { (10_000 + rate, amount * rate) } else { (10_000, amount * rate) };
    (2 * part + whole) / (2 * whole)
}

impl Order {
    /// The tax of one line in all.
    pub(super) fn line_tax(&self, line: &Line) -> i64 {
        line.rates.iter().map(|rate| tax_of(line.total(), *rate, self.taxes_included)).sum()
    }

    pub(super) fn tax(&self) -> i64 {
        let goods: i64 = self.lines.iter().map(|line| self.line_tax(line)).sum();
        goods + tax_of(self.shipping_price - self.shipping_discount, 1000, self.taxes_included)
    }

    pub(super) fn total(&self) -> i64 {
        let goods: i64 = self.lines.iter().map(Line::total).sum();
        let on_top = if self.taxes_included { 0 } else { self.tax() };
        let shipping = self.shipping_price - self.shipping_discount;
        self.total_override.unwrap_or(goods + shipping + self.tip + self.duties + self.fees + on_top)
    }

    pub(super) fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    pub(super) fn discounts(&self) -> i64 {
        self.shipping_discount + self.lines.iter().map(|line| line.discount).sum::<i64>()
    }

    /// `displayFulfillmentStatus`.
    pub(super) fn shown_fulfillment(&self) -> String {
        if let Some(word) = &self.fulfillment {
            return word.clone();
        }
        let shipped = self.parcels.iter().any(|parcel| !parcel.cancelled);
        let open: i64 = self.lines.iter().map(|line| line.open).sum();
        let word = match (shipped, open) {
            (true, 0) => "FULFILLED",
            (true, _) => "PARTIALLY_FULFILLED",
            (false, _) if self.work.iter().any(|work| work.status == "ON_HOLD") => "ON_HOLD",
            (false, _) if self.work.iter().any(|work| work.status == "SCHEDULED") => "SCHEDULED",
            (false, _) => "UNFULFILLED",
        };
        word.to_owned()
    }

    pub(super) fn is_paid(&self) -> bool {
        matches!(self.financial.as_str(), "PAID" | "PARTIALLY_REFUNDED" | "REFUNDED")
    }

    pub(super) fn can_be_marked_paid(&self) -> bool {
        self.cancelled.is_none() && !self.is_paid() && self.gateway == "manual" && self.total() > 0
    }
}
