//! The parts of Shopify's answers that banto reads, by their own names.

use serde::Deserialize;

use crate::calls::Connection;

/// An order of [`crate::documents::READ_ORDERS`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_at: String,
    pub(crate) processed_at: Option<String>,
    pub(crate) updated_at: String,
    pub(crate) cancelled_at: Option<String>,
    pub(crate) display_financial_status: Option<String>,
    pub(crate) display_fulfillment_status: Option<String>,
    pub(crate) currency_code: String,
    pub(crate) taxes_included: bool,
    pub(crate) requires_shipping: bool,
    pub(crate) test: bool,
    pub(crate) customer_locale: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) payment_gateway_names: Vec<String>,
    pub(crate) billing_address: Option<MailingAddress>,
    pub(crate) shipping_address: Option<MailingAddress>,
    pub(crate) total_price_set: Option<MoneyBag>,
    pub(crate) current_total_price_set: Option<MoneyBag>,
    pub(crate) total_tax_set: Option<MoneyBag>,
    pub(crate) total_shipping_price_set: Option<MoneyBag>,
    pub(crate) total_discounts_set: Option<MoneyBag>,
    pub(crate) total_refunded_set: Option<MoneyBag>,
    pub(crate) total_tip_received_set: Option<MoneyBag>,
    pub(crate) original_total_duties_set: Option<MoneyBag>,
    pub(crate) original_total_additional_fees_set: Option<MoneyBag>,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) line_items: Connection<LineItem>,
    pub(crate) fulfillments: Vec<Fulfillment>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) fulfillment_orders: Nodes<FulfillmentOrder>,
}

/// Just enough of an order to name it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    pub(crate) id: String,
}

/// A connection of which one page is all that is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Nodes<T> {
    pub(crate) nodes: Vec<T>,
}

impl<T> Default for Nodes<T> {
    fn default() -> Self {
        Self { nodes: Vec::new() }
    }
}

/// An amount in the shop's currency and, not asked for, in the buyer's.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoneyBag {
    pub(crate) shop_money: Amount,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Amount {
    pub(crate) amount: String,
    pub(crate) currency_code: String,
}

/// A postal address; every field may be withheld.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MailingAddress {
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) address1: Option<String>,
    pub(crate) address2: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) province: Option<String>,
    pub(crate) province_code: Option<String>,
    pub(crate) zip: Option<String>,
    pub(crate) country_code_v2: Option<String>,
    pub(crate) phone: Option<String>,
}

/// A step of a payment.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Transaction {
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) processed_at: Option<String>,
    pub(crate) gateway: Option<String>,
    pub(crate) formatted_gateway: Option<String>,
}

/// A line of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LineItem {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) sku: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) current_quantity: i64,
    pub(crate) unfulfilled_quantity: i64,
    pub(crate) variant: Option<Variant>,
    pub(crate) original_unit_price_set: MoneyBag,
    #[serde(default)]
    pub(crate) discount_allocations: Vec<Allocation>,
    #[serde(default)]
    pub(crate) tax_lines: Vec<TaxLine>,
}

/// A variant on a line; null after it was deleted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variant {
    pub(crate) id: String,
    pub(crate) inventory_item: Option<Head>,
}

/// The part of a discount that falls to one line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allocation {
    pub(crate) allocated_amount_set: MoneyBag,
}

/// A tax on a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TaxLine {
    /// Percent; a number with a point in it, read as it is written.
    pub(crate) rate_percentage: Option<serde_json::Number>,
}

/// A parcel.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fulfillment {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) created_at: Option<String>,
    pub(crate) location: Option<Head>,
    #[serde(default)]
    pub(crate) tracking_info: Vec<Tracking>,
    #[serde(default = "Connection::unread")]
    pub(crate) fulfillment_line_items: Connection<PartLine>,
}

impl Fulfillment {
    /// Whether the goods left and did not come back to the shelf by a cancelled parcel.
    pub(crate) fn left(&self) -> bool {
        !matches!(self.status.as_str(), "CANCELLED" | "ERROR" | "FAILURE")
    }
}

/// What a carrier calls a parcel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tracking {
    pub(crate) company: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) url: Option<String>,
}

/// Money, goods, or both given back.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created_at: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) total_refunded_set: MoneyBag,
    #[serde(default = "Connection::unread")]
    pub(crate) refund_line_items: Connection<PartLine>,
}

/// So many units of a line, in a parcel or a refund.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartLine {
    pub(crate) quantity: Option<i64>,
    pub(crate) line_item: Head,
}

/// The work of one location on an order.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FulfillmentOrder {
    pub(crate) status: String,
    pub(crate) fulfill_at: Option<String>,
    pub(crate) fulfill_by: Option<String>,
    pub(crate) assigned_location: Assigned,
    pub(crate) fulfillment_holds: Vec<Hold>,
}

impl FulfillmentOrder {
    /// Whether something of it is still to be done.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.status.as_str(), "CLOSED" | "CANCELLED" | "INCOMPLETE")
    }
}

/// Where the goods leave from; the location is null once it was deleted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Assigned {
    pub(crate) location: Option<Head>,
}

/// Why a fulfillment order must wait.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Hold {
    pub(crate) display_reason: String,
}
