//! The inside of the shop: buyers and staff.

use banto_channel::{
    Address, Buyer, Fulfilment, ListingId, Money, Payment, RemoteOffer, RemoteOrderId, minor_digits,
};
use banto_sim::faults::Faults;
use banto_sim::market::{Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};
use serde_json::{Value, json};

use super::FakeShop;
use super::order::{self, Order, Refund, Units};
use super::state::{Shop, Variant};

/// Shipping in whole units of the currency.
const SHIPPING: i64 = 550;

/// (first, last). In Japan the family name is written first.
fn names<'a>(name: &'a str, country: &str) -> (&'a str, &'a str) {
    match country {
        "JP" => name.split_once([' ', '\u{3000}']).map_or(("", name), |(last, first)| (first, last)),
        _ => name.rsplit_once(' ').unwrap_or((name, "")),
    }
}

fn customer(buyer: &Buyer, country: &str) -> Value {
    let (first, last) = names(&buyer.name, country);
    json!({ "firstName": first, "lastName": last, "emailAddress": buyer.email, "phoneNumber": buyer.phone })
}

fn address(to: &Address) -> Value {
    json!({
        "fullName": to.name, "company": to.company, "streetLine1": to.line1, "streetLine2": to.line2,
        "city": to.city, "province": to.region, "postalCode": to.postcode, "countryCode": to.country,
        "phoneNumber": to.phone,
    })
}

impl Shop {
    /// In the currency's own minor units.
    fn minor(&self, amount: i64) -> i64 {
        let digits = minor_digits(&self.config.currency).unwrap_or(2);
        let (up, down) =
            (digits.saturating_sub(self.config.precision), self.config.precision.saturating_sub(digits));
        amount * 10_i64.pow(up) / 10_i64.pow(down)
    }

    pub(super) fn buy(&mut self, purchase: &Purchase) -> Result<u64, SoldOut> {
        let mut wanted = Vec::new();
        for line in &purchase.lines {
            let variant = self.listing(&line.listing).ok_or_else(|| SoldOut(line.listing.clone()))?;
            let asked: i64 =
                purchase.lines.iter().filter(|l| l.listing == line.listing).map(|l| l.quantity).sum();
            if !purchase.oversell && self.counts(variant) && variant.on_hand - variant.allocated < asked {
                return Err(SoldOut(line.listing.clone()));
            }
            wanted.push((variant.id, line.quantity));
        }
        let mut lines = Vec::new();
        for (variant, quantity) in wanted {
            lines.extend(self.line_of(variant, quantity));
            self.shift(variant, 0, quantity);
        }
        Ok(self.place(purchase, lines))
    }

    /// The checkout of what lies in a cart.
    pub(super) fn place(&mut self, purchase: &Purchase, lines: Vec<order::Line>) -> u64 {
        let now = self.now();
        let (id, payment) = (self.new_id(), self.new_id());
        let state = if purchase.paid { "PaymentSettled" } else { "PaymentAuthorized" };
        let mut order = Order {
            id,
            code: self.new_code(),
            state: state.to_owned(),
            placed: now,
            updated: now,
            customer: customer(&purchase.buyer, &purchase.ship_to.country),
            ship_to: address(&purchase.ship_to),
            bill_to: Value::Null,
            note: purchase.note.clone(),
            shipping: if lines.is_empty() { 0 } else { SHIPPING * 10_i64.pow(self.config.precision) },
            lines,
            ..Order::default()
        };
        order.payments.push(order::Payment {
            id: payment,
            state: if purchase.paid { "Settled" } else { "Authorized" }.to_owned(),
            amount: order.total(),
            method: if purchase.paid { "card" } else { "bank-transfer" }.to_owned(),
            transaction: format!("t-{payment}"),
            updated: now,
            refunds: Vec::new(),
        });
        self.orders.insert(id, order);
        id
    }

    /// What staff do: before shipping the units are cancelled and refunded, afterwards refunded alone.
    fn refund(&mut self, id: u64, units: &[Units]) {
        let (refund, now) = (self.new_id(), self.now());
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        let total = units.iter().map(|u| order.price_of(*u)).sum();
        let open = units.iter().all(|u| {
            order.line(u.line).is_some_and(|line| line.quantity - order.fulfilled(u.line) >= u.quantity)
        });
        if open {
            self.cancel_units(id, units);
        }
        let made = Refund {
            id: refund,
            state: "Settled".to_owned(),
            total,
            reason: "返金".to_owned(),
            lines: units.to_vec(),
            made: now,
        };
        if let Some(payment) = self.orders.get_mut(&id).and_then(|o| o.payments.last_mut()) {
            payment.refunds.push(made);
        }
    }

    fn offer(&self, variant: &Variant) -> RemoteOffer {
        RemoteOffer {
            id: ListingId(variant.id.to_string()),
            code: (!variant.sku.is_empty()).then(|| variant.sku.clone()),
            gtin: None,
            title: variant.name.clone(),
            quantity: self.counts(variant).then_some(variant.on_hand),
            price: Some((Money(self.minor(variant.price)), self.config.currency.clone())),
            active: true,
        }
    }

    fn market_order(&self, order: &Order) -> MarketOrder {
        let line = |l: &order::Line| {
            let gone = (l.placed - l.quantity).max(order.refunded(l.id));
            (l.id.to_string(), Some(ListingId(l.variant.to_string())), l.placed, gone)
        };
        let parcel =
            |p: &order::Parcel| MarketParcel { carrier: p.method.clone(), tracking: p.tracking.clone() };
        let paid: i64 = order.payments.iter().map(|p| p.amount).sum();
        MarketOrder {
            id: RemoteOrderId(order.id.to_string()),
            lines: order.lines.iter().map(line).collect(),
            payment: payment(order),
            fulfilment: fulfilment(order),
            grand: Money(self.minor(order.total().max(paid))),
            parcels: order.parcels.iter().filter(|p| p.state != "Cancelled").map(parcel).collect(),
            notes: order.notes.clone(),
            confirmed: true,
        }
    }
}

fn payment(order: &Order) -> Payment {
    let back: i64 = order.payments.iter().flat_map(|p| &p.refunds).map(|r| r.total).sum();
    match order.settled() {
        0 if order.total() > 0 => Payment::Awaiting,
        paid if back > 0 && back >= paid => Payment::Refunded,
        _ if back > 0 => Payment::PartlyRefunded,
        _ => Payment::Paid,
    }
}

fn fulfilment(order: &Order) -> Fulfilment {
    match order.state.as_str() {
        "Cancelled" => Fulfilment::Cancelled,
        "Shipped" | "Delivered" => Fulfilment::Shipped,
        "PartiallyShipped" | "PartiallyDelivered" => Fulfilment::Partial,
        _ => Fulfilment::Open,
    }
}

fn number(order: &RemoteOrderId) -> u64 {
    order.as_str().parse().unwrap_or(0)
}

impl Market for FakeShop {
    fn offers(&self) -> Vec<RemoteOffer> {
        let shop = self.shop();
        shop.variants.iter().map(|variant| shop.offer(variant)).collect()
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        let shop = self.shop();
        shop.listing(listing).filter(|v| shop.counts(v)).map(|v| v.on_hand - v.allocated)
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        let mut shop = self.shop();
        let found = shop.listing(listing).map(|v| v.id);
        if let Some(variant) = found.and_then(|id| shop.variant_mut(id)) {
            variant.on_hand = quantity;
        }
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        self.shop().buy(purchase).map(|id| RemoteOrderId(id.to_string()))
    }

    fn pay(&self, order: &RemoteOrderId) {
        let mut shop = self.shop();
        let waiting: Vec<u64> = shop.orders.get(&number(order)).map_or_else(Vec::new, |o| {
            o.payments.iter().filter(|p| p.state == "Authorized").map(|p| p.id).collect()
        });
        waiting.into_iter().for_each(|payment| shop.settle(number(order), payment));
    }

    fn cancel(&self, order: &RemoteOrderId) {
        self.shop().cancel(number(order), true);
    }

    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        let units: Vec<Units> = lines
            .iter()
            .filter_map(|(line, quantity)| Some(Units { line: line.parse().ok()?, quantity: *quantity }))
            .collect();
        self.shop().refund(number(order), &units);
    }

    fn ship(&self, order: &RemoteOrderId) {
        let mut shop = self.shop();
        let id = number(order);
        let open: Vec<Units> = shop.orders.get(&id).map_or_else(Vec::new, |o| {
            let left = |l: &order::Line| Units { line: l.id, quantity: l.quantity - o.fulfilled(l.id) };
            o.lines.iter().map(left).filter(|u| u.quantity > 0).collect()
        });
        if !open.is_empty() {
            let parcel = shop.fulfil(id, "手渡し", "", open);
            shop.move_parcel(id, parcel, "Shipped");
        }
    }

    fn touch(&self, order: &RemoteOrderId) {
        let mut shop = self.shop();
        let now = shop.now();
        if let Some(order) = shop.orders.get_mut(&number(order)) {
            order.updated = now;
        }
    }

    fn orders(&self) -> Vec<MarketOrder> {
        let shop = self.shop();
        shop.orders.values().map(|order| shop.market_order(order)).collect()
    }

    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        let shop = self.shop();
        shop.orders.get(&number(id)).map(|order| shop.market_order(order))
    }

    fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shop().seen)
    }

    fn accept_credentials(&self, accept: bool) {
        self.shop().closed = !accept;
    }

    fn faults(&self) -> &Faults {
        &self.inner.faults
    }
}
