//! An order as Amazon keeps it, and as the Orders API 2026-01-01 tells it.

use banto_channel::{Address, Buyer, Fulfilment, Payment};
use serde_json::{Map, Value, json};

use super::odd::Change;
use super::state::{Shop, iso};

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Unshipped,
    Partial,
    Shipped,
    Cancelled,
}

impl Status {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Unshipped => "UNSHIPPED",
            Self::Partial => "PARTIALLY_SHIPPED",
            Self::Shipped => "SHIPPED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) price: i64,
    pub(super) ordered: i64,
    pub(super) cancelled: i64,
    pub(super) shipped: i64,
}

impl Line {
    pub(super) const fn open(&self) -> i64 {
        self.ordered - self.cancelled - self.shipped
    }
}

/// A parcel.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) reference: String,
    pub(super) carrier: String,
    pub(super) tracking: String,
    pub(super) shipped: i64,
    pub(super) items: Vec<(String, i64)>,
}

/// One order. Times are seconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) place: u64,
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) status: Status,
    pub(super) cash: bool,
    pub(super) lines: Vec<Line>,
    pub(super) shipping: i64,
    pub(super) cod_fee: i64,
    pub(super) buyer: Buyer,
    pub(super) to: Address,
    pub(super) note: String,
    pub(super) parcels: Vec<Parcel>,
    /// What makes it an odd one.
    pub(super) odd: Option<Change>,
}

impl Order {
    pub(super) fn goods(&self) -> i64 {
        self.lines.iter().map(|line| line.price * line.ordered).sum()
    }

    pub(super) fn total(&self) -> i64 {
        self.goods() + self.shipping + self.cod_fee
    }

    pub(super) const fn payment(&self) -> Payment {
        match self.status {
            Status::Pending | Status::Cancelled => Payment::Awaiting,
            _ => Payment::Paid,
        }
    }

    pub(super) const fn fulfilment(&self) -> Fulfilment {
        match self.status {
            Status::Pending | Status::Unshipped => Fulfilment::Open,
            Status::Partial => Fulfilment::Partial,
            Status::Shipped => Fulfilment::Shipped,
            Status::Cancelled => Fulfilment::Cancelled,
        }
    }

    /// The status that the lines amount to, for an order that is not cancelled.
    pub(super) fn settle(&mut self) {
        let shipped: i64 = self.lines.iter().map(|line| line.shipped).sum();
        let open: i64 = self.lines.iter().map(Line::open).sum();
        self.status = match (shipped, open) {
            (0, 0) => Status::Cancelled,
            (0, _) => Status::Unshipped,
            (_, 0) => Status::Shipped,
            _ => Status::Partial,
        };
    }
}

impl Shop {
    /// An order with the data sets that were asked for.
    pub(super) fn order_json(&self, order: &Order, data: &[&str]) -> Value {
        let wants = |set: &str| data.contains(&set);
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
        put("orderId", json!(order.id));
        put("createdTime", json!(iso(order.created)));
        put("lastUpdatedTime", json!(iso(order.updated)));
        put("salesChannel", json!({ "channelName": "AMAZON", "marketplaceId": self.config.marketplace_id }));
        if wants("BUYER") && self.config.personal_data {
            put("buyer", self.buyer_json(order));
        }
        if wants("RECIPIENT") && self.config.personal_data {
            put("recipient", recipient(order));
        }
        let priced = wants("PROCEEDS") && order.status != Status::Pending;
        if priced {
            put("proceeds", self.proceeds(order));
        }
        if wants("PAYMENT") && order.status != Status::Pending {
            let method = if order.cash { "CashOnDelivery" } else { "CreditCard" };
            let execution = json!({ "paymentMethod": method, "paymentAmount": self.amount(order.total()) });
            put("payment", json!({ "paymentExecutions": [execution] }));
        }
        if wants("FULFILLMENT") {
            put(
                "fulfillment",
                json!({
                    "fulfillmentStatus": order.status.word(), "fulfilledBy": "MERCHANT",
                    "fulfillmentServiceLevel": "STANDARD",
                    "shipByWindow": {
                        "earliestDateTime": iso(order.created), "latestDateTime": iso(order.created + 2 * 86_400),
                    },
                }),
            );
        }
        let lines = order.lines.iter().enumerate();
        put("orderItems", lines.map(|(at, line)| self.item_json(order, at, line, data, priced)).collect());
        if wants("PACKAGES") {
            put("packages", order.parcels.iter().map(package).collect());
        }
        let mut value = Value::Object(out);
        if let Some(change) = order.odd {
            change(&mut value);
        }
        value
    }

    fn buyer_json(&self, order: &Order) -> Value {
        let mail = match self.config.relay_mail {
            true => format!("{}@marketplace.amazon.co.jp", order.id.replace('-', "")),
            false => order.buyer.email.clone(),
        };
        json!({ "buyerName": order.buyer.name, "buyerEmail": mail })
    }

    fn proceeds(&self, order: &Order) -> Value {
        let part = |kind: &str, minor: i64| {
            (minor != 0).then(|| json!({ "type": kind, "subtotal": self.amount(minor) }))
        };
        let parts: Vec<Value> =
            [part("ITEM", order.goods()), part("SHIPPING", order.shipping), part("COD_FEE", order.cod_fee)]
                .into_iter()
                .flatten()
                .collect();
        json!({ "grandTotal": self.amount(order.total()), "breakdowns": parts })
    }

    fn item_json(&self, order: &Order, at: usize, line: &Line, data: &[&str], priced: bool) -> Value {
        let mut item = json!({
            "orderItemId": line.id, "quantityOrdered": line.ordered,
            "product": { "asin": format!("B0{:08}", at + 1), "title": line.title, "sellerSku": line.sku },
        });
        if priced {
            item["product"]["price"] = json!({ "unitPrice": self.amount(line.price) });
            // Shipping and the fee stand with the first line.
            let (shipping, fee) = if at == 0 { (order.shipping, order.cod_fee) } else { (0, 0) };
            let goods = line.price * line.ordered;
            let parts = [("ITEM", goods), ("SHIPPING", shipping), ("COD_FEE", fee)];
            let rows: Vec<Value> = parts
                .into_iter()
                .filter(|(_, minor)| *minor != 0)
                .map(|(kind, minor)| json!({ "type": kind, "subtotal": self.amount(minor) }))
                .collect();
            item["proceeds"] =
                json!({ "proceedsTotal": self.amount(goods + shipping + fee), "breakdowns": rows });
        }
        if data.contains(&"FULFILLMENT") {
            let pending = order.status == Status::Pending;
            item["fulfillment"] = json!({
                "quantityFulfilled": line.shipped, "quantityUnfulfilled": if pending { 0 } else { line.open() },
            });
            if order.cash {
                item["fulfillment"]["shipping"] =
                    json!({ "shippingConstraints": { "cashOnDelivery": "MANDATORY" } });
            }
        }
        if data.contains(&"CANCELLATION") && line.cancelled > 0 {
            item["cancellation"] = json!({
                "cancellationExecution": { "cancelledBy": "MERCHANT", "cancelReason": "No inventory" },
            });
        }
        item
    }
}

fn recipient(order: &Order) -> Value {
    let to = &order.to;
    json!({
        "deliveryAddress": {
            "name": to.name, "companyName": to.company, "addressLine1": to.line1, "addressLine2": to.line2,
            "city": to.city, "stateOrRegion": to.region, "postalCode": to.postcode, "countryCode": to.country,
            "phone": to.phone, "addressType": "RESIDENTIAL",
        },
        "deliveryPreference": { "addressInstruction": order.note },
    })
}

fn package(parcel: &Parcel) -> Value {
    let items = parcel.items.iter();
    json!({
        "packageReferenceId": parcel.reference, "createdTime": iso(parcel.shipped),
        "packageStatus": { "status": "SHIPPED" }, "carrier": parcel.carrier, "shipTime": iso(parcel.shipped),
        "trackingNumber": parcel.tracking,
        "packageItems": items.map(|(id, n)| json!({ "orderItemId": id, "quantity": n })).collect::<Value>(),
    })
}
