//! One order: its fields as text, so that it can hold anything that the mall might say.

use banto_channel::{Fulfilment, ListingId, Money, Payment, RemoteOrderId, Timestamp};
use banto_sim::{MarketOrder, MarketParcel};

use super::write::written;

/// Fields of one group, in their order.
pub(super) type Fields = Vec<(&'static str, String)>;

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) fields: Fields,
    pub(super) listing: Option<ListingId>,
    /// As it was ordered; the field `Quantity` may have been lowered since.
    pub(super) ordered: i64,
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) placed: Timestamp,
    pub(super) updated: Timestamp,
    /// When a fraud check ended.
    pub(super) published: Option<Timestamp>,
    pub(super) held: bool,
    pub(super) top: Fields,
    pub(super) pay: Fields,
    pub(super) ship: Fields,
    pub(super) detail: Fields,
    pub(super) lines: Vec<Line>,
    /// A whole answer instead of the order.
    pub(super) broken: Option<String>,
}

/// Fields that are computed and stand before the others.
const HEAD: [&str; 5] = ["OrderId", "OrderTime", "LastUpdateTime", "IsReadOnly", "PublicationTime"];
/// Fields whose value is XML already.
const NESTED: [&str; 2] = ["ItemOption", "Inscription"];

pub(super) fn get<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

pub(super) fn set(fields: &mut Fields, name: &'static str, value: &str) {
    match fields.iter_mut().find(|(key, _)| *key == name) {
        Some((_, old)) => value.clone_into(old),
        None => fields.push((name, value.to_owned())),
    }
}

impl Order {
    pub(super) fn group(&self, group: &str) -> &Fields {
        match group {
            "Pay" => &self.pay,
            "Ship" => &self.ship,
            "Detail" => &self.detail,
            _ => &self.top,
        }
    }

    pub(super) fn group_mut(&mut self, group: &str) -> &mut Fields {
        match group {
            "Pay" => &mut self.pay,
            "Ship" => &mut self.ship,
            "Detail" => &mut self.detail,
            _ => &mut self.top,
        }
    }

    /// A number of the details; empty is nothing.
    pub(super) fn amount(&self, name: &str) -> i64 {
        get(&self.detail, name).parse().unwrap_or(0)
    }

    /// The line's number as it stands.
    pub(super) fn quantity(line: &Line) -> i64 {
        get(&line.fields, "Quantity").parse().unwrap_or(0)
    }

    /// TotalPrice from its parts. UsePoint holds the vouchers too, as the documents say of it.
    pub(super) fn recount(&mut self) {
        let price = |line: &Line| get(&line.fields, "UnitPrice").parse().unwrap_or(0) * Self::quantity(line);
        let items: i64 = self.lines.iter().map(price).sum();
        let plus: i64 =
            ["PayCharge", "ShipCharge", "GiftWrapCharge", "Adjustments"].iter().map(|n| self.amount(n)).sum();
        let minus: i64 =
            ["Discount", "UsePoint", "TotalMallCouponDiscount"].iter().map(|n| self.amount(n)).sum();
        let total = (items + plus - minus).to_string();
        set(&mut self.detail, "TotalPrice", &total);
        set(&mut self.detail, "SettleAmount", &total);
    }

    /// The order as `orderInfo` writes it, with the fields that are wanted. `told` gives the computed ones.
    pub(super) fn xml(&self, wanted: &[&str], told: impl Fn(&str) -> Option<String>) -> String {
        let group = |fields: &Fields| -> String {
            let chosen = fields.iter().filter(|(name, _)| wanted.contains(name) && !HEAD.contains(name));
            chosen.map(|(name, value)| field(name, value)).collect()
        };
        let head: String = HEAD
            .iter()
            .filter(|name| wanted.contains(name))
            .filter_map(|name| Some(written(name, &told(name)?)))
            .collect();
        let lines: String =
            self.lines.iter().map(|line| format!("<Item>{}</Item>\n", group(&line.fields))).collect();
        format!(
            "<OrderInfo>{head}{}\n<Pay>{}</Pay>\n<Ship>{}</Ship>\n{lines}<Detail>{}</Detail>\n</OrderInfo>\n",
            group(&self.top),
            group(&self.pay),
            group(&self.ship),
            group(&self.detail)
        )
    }

    pub(super) fn truth(&self) -> MarketOrder {
        let slots = ["ShipInvoiceNumber1", "ShipInvoiceNumber2"].map(|slot| get(&self.ship, slot));
        let carrier = get(&self.ship, "ShipCompanyCode").to_owned();
        let parcel =
            |tracking: &str| MarketParcel { carrier: carrier.clone(), tracking: tracking.to_owned() };
        let line = |line: &Line| {
            let id = get(&line.fields, "LineId").to_owned();
            (id, line.listing.clone(), line.ordered, line.ordered - Self::quantity(line))
        };
        MarketOrder {
            id: RemoteOrderId::from(self.id.as_str()),
            lines: self.lines.iter().map(line).collect(),
            payment: match (get(&self.pay, "PayStatus"), get(&self.pay, "SettleStatus")) {
                (_, "7") => Payment::Refunded,
                ("1", _) => Payment::Paid,
                _ => Payment::Awaiting,
            },
            fulfilment: match (get(&self.top, "OrderStatus"), get(&self.ship, "ShipStatus")) {
                ("4", _) => Fulfilment::Cancelled,
                (_, "3" | "4") => Fulfilment::Shipped,
                (_, "2") if !slots[0].is_empty() => Fulfilment::Partial,
                _ => Fulfilment::Open,
            },
            grand: Money(self.amount("TotalPrice")),
            parcels: slots.into_iter().filter(|number| !number.is_empty()).map(parcel).collect(),
            notes: Vec::new(),
            confirmed: true,
        }
    }
}

fn field(name: &str, value: &str) -> String {
    match NESTED.contains(&name) && !value.is_empty() {
        true => value.to_owned(),
        false => written(name, value),
    }
}
