//! The shop's things as the graph shows them.

use std::collections::BTreeMap;

use banto_channel::Money;
use serde_json::{Value, json};

use super::goods::Variant;
use super::node::{NULL, Node, object};
use super::order::{Contact, Line, Order, Parcel, Refund, Work};
use super::state::Shop;

pub(super) fn gid(kind: &str, id: u64) -> Node {
    format!("gid://shopify/{kind}/{id}").into()
}

pub(super) fn date(second: i64) -> Node {
    jiff::Timestamp::from_second(second)
        .map_or(NULL, |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
}

fn optional_date(second: Option<i64>) -> Node {
    second.map_or(NULL, date)
}

/// Text, or null for none.
fn text(text: &str) -> Node {
    if text.is_empty() { NULL } else { text.into() }
}

fn money(amount: i64, currency: &str) -> Node {
    let digits = banto_channel::minor_digits(currency);
    // An unknown currency is an odd order's; its amounts still have to look like some.
    let written = match digits {
        Some(0) => format!("{}.0", Money(amount).to_decimal(currency)),
        Some(_) => Money(amount).to_decimal(currency),
        None => format!("{amount}.0"),
    };
    let amount =
        || object("MoneyV2", [("amount", written.clone().into()), ("currencyCode", currency.into())]);
    object("MoneyBag", [("shopMoney", amount()), ("presentmentMoney", amount())])
}

impl Shop {
    /// The shop itself.
    pub(super) fn show_shop(&self) -> Node {
        let plan = object("ShopPlan", [("publicDisplayName", "Basic".into()), ("shopifyPlus", false.into())]);
        object(
            "Shop",
            [
                ("id", gid("Shop", 1)),
                ("name", "茶と器 見本堂".into()),
                ("myshopifyDomain", "fake.myshopify.com".into()),
                ("currencyCode", self.config.currency.clone().into()),
                ("plan", plan),
            ],
        )
    }

    pub(super) fn show_location(&self, id: u64) -> Node {
        object(
            "Location",
            [
                ("id", gid("Location", id)),
                ("name", format!("倉庫 {id}").into()),
                ("isActive", true.into()),
                ("fulfillsOnlineOrders", true.into()),
            ],
        )
    }

    pub(super) fn show_variant(&self, variant: &Variant) -> Node {
        let product = object(
            "Product",
            [
                ("id", gid("Product", variant.product)),
                ("title", variant.title.clone().into()),
                ("status", "ACTIVE".into()),
            ],
        );
        let title = if variant.option.is_empty() { "Default Title" } else { &variant.option };
        let price = match banto_channel::minor_digits(&self.config.currency) {
            Some(0) => format!("{}.00", variant.price),
            _ => Money(variant.price).to_decimal(&self.config.currency),
        };
        object(
            "ProductVariant",
            [
                ("id", gid("ProductVariant", variant.id)),
                ("sku", text(&variant.sku)),
                ("barcode", text(&variant.barcode)),
                ("title", title.into()),
                ("displayName", format!("{} - {title}", variant.title).into()),
                ("price", price.into()),
                ("product", product),
                ("inventoryItem", self.show_item(variant)),
            ],
        )
    }

    pub(super) fn show_item(&self, variant: &Variant) -> Node {
        let level = |(location, units): (&u64, &i64)| {
            let quantity = |name: &str, units: i64| {
                object("InventoryQuantity", [("name", name.into()), ("quantity", units.into())])
            };
            let quantities = BTreeMap::from([(
                json!(["available"]).to_string(),
                Node::List(vec![quantity("available", *units)]),
            )]);
            let level = object(
                "InventoryLevel",
                [
                    (
                        "id",
                        format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={}", variant.item)
                            .into(),
                    ),
                    ("quantities", Node::By("names", quantities)),
                ],
            );
            (format!("gid://shopify/Location/{location}"), level)
        };
        object(
            "InventoryItem",
            [
                ("id", gid("InventoryItem", variant.item)),
                ("sku", text(&variant.sku)),
                ("tracked", variant.tracked.into()),
                ("inventoryLevel", Node::By("locationId", variant.stock.iter().map(level).collect())),
            ],
        )
    }

    /// Everything of an order.
    pub(super) fn show_order(&self, order: &Order) -> Node {
        let bag = |amount: i64| money(amount, &order.currency);
        let some_bag = |amount: i64| if amount == 0 { NULL } else { bag(amount) };
        let guarded = |node: Node, what: &'static str| match self.config.protected_data {
            true => node,
            false => Node::Withheld(what),
        };
        let names: Vec<Value> =
            if order.gateway_title.is_empty() { vec![] } else { vec![json!(order.gateway_title)] };
        object(
            "Order",
            [
                ("id", gid("Order", order.id)),
                ("name", order.name.clone().into()),
                ("createdAt", date(order.created)),
                ("processedAt", date(order.created)),
                ("updatedAt", date(order.updated)),
                ("cancelledAt", optional_date(order.cancelled)),
                ("displayFinancialStatus", text(&order.financial)),
                ("displayFulfillmentStatus", order.shown_fulfillment().into()),
                ("canMarkAsPaid", order.can_be_marked_paid().into()),
                ("currencyCode", order.currency.clone().into()),
                ("taxesIncluded", order.taxes_included.into()),
                ("requiresShipping", order.lines.iter().any(|line| line.location != 0).into()),
                ("test", order.test.into()),
                ("customerLocale", text(&order.locale)),
                ("email", guarded(text(&order.email), "email")),
                ("phone", guarded(text(&order.phone), "phone")),
                ("note", text(&order.note)),
                ("paymentGatewayNames", Node::Leaf(Value::Array(names))),
                ("billingAddress", guarded(address(order.billing.as_ref()), "billingAddress")),
                ("shippingAddress", guarded(address(order.shipping.as_ref()), "shippingAddress")),
                ("totalPriceSet", bag(order.total())),
                ("currentTotalPriceSet", bag(order.total() - order.refunded() - order.removed)),
                ("totalTaxSet", bag(order.tax())),
                ("totalShippingPriceSet", bag(order.shipping_price)),
                ("totalDiscountsSet", bag(order.discounts())),
                ("totalRefundedSet", bag(order.refunded())),
                ("totalTipReceivedSet", bag(order.tip)),
                ("originalTotalDutiesSet", some_bag(order.duties)),
                ("originalTotalAdditionalFeesSet", some_bag(order.fees)),
                ("transactions", Node::List(order.payments.iter().map(|p| payment(order, p)).collect())),
                (
                    "lineItems",
                    Node::Pages(order.lines.iter().map(|line| self.show_line(order, line)).collect()),
                ),
                ("fulfillments", Node::List(order.parcels.iter().map(parcel).collect())),
                ("refunds", Node::List(order.refunds.iter().map(|one| refund(order, one)).collect())),
                (
                    "fulfillmentOrders",
                    Node::Pages(order.work.iter().map(|w| self.show_work(order, w)).collect()),
                ),
            ],
        )
    }

    fn show_line(&self, order: &Order, line: &Line) -> Node {
        let variant = line.variant.and_then(|id| self.variants.get(&id));
        let discounts = match line.discount {
            0 => Vec::new(),
            off => vec![object("DiscountAllocation", [("allocatedAmountSet", money(off, &order.currency))])],
        };
        let tax = |rate: &i64| {
            let percent = *rate as f64 / 100.0;
            object("TaxLine", [("title", "消費税".into()), ("ratePercentage", percent.into())])
        };
        object(
            "LineItem",
            [
                ("id", gid("LineItem", line.id)),
                ("name", line.name.clone().into()),
                ("sku", text(&line.sku)),
                ("quantity", line.quantity.into()),
                ("currentQuantity", (line.quantity - line.gone).into()),
                ("unfulfilledQuantity", line.open.into()),
                ("requiresShipping", (line.location != 0).into()),
                ("variant", variant.map_or(NULL, |variant| self.show_variant(variant))),
                ("originalUnitPriceSet", money(line.unit, &order.currency)),
                ("discountAllocations", Node::List(discounts)),
                ("taxLines", Node::List(line.rates.iter().map(tax).collect())),
            ],
        )
    }

    /// One location's work.
    pub(super) fn show_work(&self, order: &Order, work: &Work) -> Node {
        let action = |action: &str| object("FulfillmentOrderSupportedAction", [("action", action.into())]);
        let line = |(id, line): &(u64, u64)| {
            let open = order.lines.iter().find(|l| l.id == *line).map_or(0, |line| line.open);
            let remaining = if work.is_open() { open } else { 0 };
            object(
                "FulfillmentOrderLineItem",
                [
                    ("id", gid("FulfillmentOrderLineItem", *id)),
                    ("remainingQuantity", remaining.into()),
                    ("lineItem", line_id(*line)),
                ],
            )
        };
        let holds =
            work.hold.iter().map(|why| object("FulfillmentHold", [("displayReason", why.clone().into())]));
        let location = match work.location {
            0 => NULL,
            id => self.show_location(id),
        };
        object(
            "FulfillmentOrder",
            [
                ("id", gid("FulfillmentOrder", work.id)),
                ("orderId", gid("Order", order.id)),
                ("status", work.status.clone().into()),
                ("updatedAt", date(work.updated)),
                ("fulfillAt", optional_date(work.fulfill_at)),
                ("fulfillBy", optional_date(work.fulfill_by)),
                ("supportedActions", Node::List(work.actions().into_iter().map(action).collect())),
                ("assignedLocation", object("FulfillmentOrderAssignedLocation", [("location", location)])),
                ("fulfillmentHolds", Node::List(holds.collect())),
                ("lineItems", Node::Pages(work.lines.iter().map(line).collect())),
            ],
        )
    }
}

fn line_id(id: u64) -> Node {
    object("LineItem", [("id", gid("LineItem", id))])
}

fn address(contact: Option<&Contact>) -> Node {
    let Some(contact) = contact else {
        return NULL;
    };
    let name = format!("{} {}", contact.first, contact.last);
    object(
        "MailingAddress",
        [
            ("firstName", text(&contact.first)),
            ("lastName", text(&contact.last)),
            ("name", text(name.trim())),
            ("company", text(&contact.company)),
            ("address1", text(&contact.line1)),
            ("address2", text(&contact.line2)),
            ("city", text(&contact.city)),
            ("province", text(&contact.province)),
            ("provinceCode", text(&contact.province_code)),
            ("zip", text(&contact.zip)),
            ("countryCodeV2", text(&contact.country)),
            ("phone", text(&contact.phone)),
        ],
    )
}

fn payment(order: &Order, payment: &super::order::Payment) -> Node {
    object(
        "OrderTransaction",
        [
            ("id", gid("OrderTransaction", payment.id)),
            ("kind", payment.kind.into()),
            ("status", payment.status.into()),
            ("processedAt", date(payment.at)),
            ("gateway", text(&order.gateway)),
            ("formattedGateway", text(&order.gateway_title)),
        ],
    )
}

fn part_line((line, units): &(u64, i64), kind: &'static str) -> Node {
    object(kind, [("quantity", (*units).into()), ("lineItem", line_id(*line))])
}

/// A fulfillment.
pub(super) fn parcel(parcel: &Parcel) -> Node {
    let tracking = object(
        "FulfillmentTrackingInfo",
        [("company", text(&parcel.company)), ("number", text(&parcel.number)), ("url", text(&parcel.url))],
    );
    let told = !(parcel.company.is_empty() && parcel.number.is_empty() && parcel.url.is_empty());
    let lines = parcel.lines.iter().map(|line| part_line(line, "FulfillmentLineItem"));
    object(
        "Fulfillment",
        [
            ("id", gid("Fulfillment", parcel.id)),
            ("status", if parcel.cancelled { "CANCELLED" } else { "SUCCESS" }.into()),
            ("createdAt", date(parcel.created)),
            ("location", object("Location", [("id", gid("Location", parcel.location))])),
            ("trackingInfo", Node::List(told.then_some(tracking).into_iter().collect())),
            ("fulfillmentLineItems", Node::Pages(lines.collect())),
        ],
    )
}

pub(super) fn refund(order: &Order, refund: &Refund) -> Node {
    let lines = refund.lines.iter().map(|line| part_line(line, "RefundLineItem"));
    object(
        "Refund",
        [
            ("id", gid("Refund", refund.id)),
            ("createdAt", date(refund.created)),
            ("note", text(&refund.note)),
            ("totalRefundedSet", money(refund.amount, &order.currency)),
            ("refundLineItems", Node::Pages(lines.collect())),
        ],
    )
}
