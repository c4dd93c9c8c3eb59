//! The parts of WooCommerce's answers that banto reads, by their own names.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::lenient::{Amount, Flag, List, Record, Text, Whole};

/// An order of `GET orders`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Order<'a> {
    pub(crate) id: Whole,
    pub(crate) number: Text,
    pub(crate) status: Text,
    pub(crate) currency: Text,
    pub(crate) prices_include_tax: Flag,
    pub(crate) date_created_gmt: Text,
    pub(crate) date_modified: Text,
    pub(crate) date_modified_gmt: Text,
    pub(crate) date_paid_gmt: Text,
    pub(crate) date_completed_gmt: Text,
    pub(crate) shipping_total: Amount,
    pub(crate) shipping_tax: Amount,
    pub(crate) total: Amount,
    pub(crate) total_tax: Amount,
    pub(crate) customer_note: Text,
    pub(crate) billing: Record<Contact>,
    pub(crate) shipping: Record<Contact>,
    pub(crate) payment_method: Text,
    pub(crate) payment_method_title: Text,
    #[serde(borrow)]
    pub(crate) line_items: List<Item<'a>>,
    pub(crate) tax_lines: List<TaxLine>,
    pub(crate) shipping_lines: List<IgnoredAny>,
    pub(crate) fee_lines: List<Fee>,
    pub(crate) refunds: List<RefundSummary>,
    #[serde(borrow)]
    pub(crate) meta_data: List<Meta<'a>>,
}

impl Order<'_> {
    /// The value of a meta key that holds text.
    pub(crate) fn meta_text(&self, key: &str) -> Option<String> {
        self.meta_data.0.iter().find(|m| m.key.0 == key).and_then(Meta::text).filter(|text| !text.is_empty())
    }
}

/// Just enough of an order to find its place in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    pub(crate) id: Whole,
    pub(crate) date_modified_gmt: Text,
}

/// A billing or shipping address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Contact {
    pub(crate) first_name: Text,
    pub(crate) last_name: Text,
    pub(crate) company: Text,
    pub(crate) address_1: Text,
    pub(crate) address_2: Text,
    pub(crate) city: Text,
    pub(crate) state: Text,
    pub(crate) postcode: Text,
    pub(crate) country: Text,
    pub(crate) email: Text,
    pub(crate) phone: Text,
}

/// A line of an order.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Item<'a> {
    pub(crate) id: Whole,
    pub(crate) name: Text,
    pub(crate) product_id: Whole,
    pub(crate) variation_id: Whole,
    pub(crate) quantity: Amount,
    pub(crate) total: Amount,
    pub(crate) total_tax: Amount,
    pub(crate) taxes: List<Tax>,
    pub(crate) sku: Text,
    #[serde(borrow)]
    pub(crate) meta_data: List<Meta<'a>>,
}

/// The part of one rate in a line's tax.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tax {
    pub(crate) id: Whole,
    pub(crate) total: Amount,
}

/// One rate of the order.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TaxLine {
    pub(crate) rate_id: Whole,
    pub(crate) rate_percent: Amount,
    pub(crate) compound: Flag,
}

/// A fee, or with a negative total a discount.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fee {
    pub(crate) total: Amount,
    pub(crate) total_tax: Amount,
}

/// A refund as an order mentions it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RefundSummary {
    pub(crate) id: Whole,
    pub(crate) reason: Text,
    pub(crate) total: Amount,
}

/// A refund of `GET orders/{id}/refunds`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Refund<'a> {
    pub(crate) id: Whole,
    pub(crate) date_created_gmt: Text,
    pub(crate) amount: Amount,
    pub(crate) reason: Text,
    #[serde(borrow)]
    pub(crate) line_items: List<RefundItem<'a>>,
}

/// A line of a refund: a copy of the order's line with negative numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct RefundItem<'a> {
    pub(crate) quantity: Amount,
    #[serde(borrow)]
    pub(crate) meta_data: List<Meta<'a>>,
}

impl RefundItem<'_> {
    /// The id of the order's line that it gives back.
    pub(crate) fn refunded_item(&self) -> Option<String> {
        self.meta_data.0.iter().find(|m| m.key.0 == "_refunded_item_id").and_then(Meta::text)
    }
}

/// A meta entry; its value may be anything.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Meta<'a> {
    pub(crate) key: Text,
    #[serde(borrow)]
    pub(crate) value: Option<&'a RawValue>,
}

impl Meta<'_> {
    /// The value as text, if it is a scalar.
    pub(crate) fn text(&self) -> Option<String> {
        let Text(text) = serde_json::from_str(self.value?.get()).ok()?;
        Some(text)
    }
}

/// A parcel that the Shipment Tracking extension keeps in the order's meta `_wc_shipment_tracking_items`, or that its
/// own endpoint lists.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TrackingItem {
    pub(crate) tracking_id: Text,
    pub(crate) tracking_provider: Text,
    pub(crate) custom_tracking_provider: Text,
    pub(crate) custom_tracking_link: Text,
    pub(crate) tracking_link: Text,
    pub(crate) tracking_number: Text,
    pub(crate) date_shipped: Text,
}

/// A parcel of `GET orders/{id}/fulfillments`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Fulfillment<'a> {
    pub(crate) id: Whole,
    pub(crate) status: Text,
    pub(crate) is_fulfilled: Flag,
    pub(crate) date_deleted: Text,
    #[serde(borrow)]
    pub(crate) meta_data: List<Meta<'a>>,
}

/// What a fulfilment holds of one line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FulfillmentItem {
    pub(crate) item_id: Whole,
    pub(crate) qty: Amount,
}

impl Fulfillment<'_> {
    /// Whether the goods left.
    pub(crate) fn left(&self) -> bool {
        self.date_deleted.0.is_empty() && (self.is_fulfilled.0 || self.status.0 == "fulfilled")
    }

    pub(crate) fn meta(&self, key: &str) -> Option<String> {
        self.meta_data.0.iter().find(|m| m.key.0 == key).and_then(Meta::text).filter(|text| !text.is_empty())
    }

    /// Its lines, if they can be read.
    pub(crate) fn items(&self) -> Vec<FulfillmentItem> {
        self.meta_data
            .0
            .iter()
            .find(|m| m.key.0 == "_items")
            .and_then(|m| m.value)
            .and_then(|value| serde_json::from_str::<List<FulfillmentItem>>(value.get()).ok())
            .map(|List(items)| items)
            .unwrap_or_default()
    }
}
