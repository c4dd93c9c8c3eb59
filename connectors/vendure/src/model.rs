//! The parts of Vendure's answers that banto reads, by their own names.

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

/// An order of `orders`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) code: String,
    pub(crate) r#type: String,
    pub(crate) state: String,
    pub(crate) order_placed_at: Option<String>,
    pub(crate) updated_at: String,
    pub(crate) currency_code: String,
    pub(crate) total_with_tax: i64,
    pub(crate) shipping_with_tax: i64,
    pub(crate) custom_fields: Option<CustomFields>,
    pub(crate) customer: Option<Customer>,
    pub(crate) shipping_address: Option<Address>,
    pub(crate) billing_address: Option<Address>,
    pub(crate) lines: Vec<Line>,
    pub(crate) surcharges: Vec<Surcharge>,
    pub(crate) discounts: Vec<Discount>,
    pub(crate) tax_summary: Vec<Tax>,
    pub(crate) payments: Option<Vec<Payment>>,
    pub(crate) fulfillments: Option<Vec<Fulfillment>>,
}

impl Order {
    pub(crate) fn payments(&self) -> &[Payment] {
        self.payments.as_deref().unwrap_or_default()
    }

    pub(crate) fn fulfillments(&self) -> &[Fulfillment] {
        self.fulfillments.as_deref().unwrap_or_default()
    }
}

/// Just enough of an order to find its place in a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) id: String,
    pub(crate) order_placed_at: Option<String>,
}

/// The field that the config asks for, under the name that the document gives it.
#[derive(Debug, Deserialize)]
pub(crate) struct CustomFields {
    pub(crate) note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email_address: String,
    pub(crate) phone_number: Option<String>,
}

/// An address as it was when the order was placed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Address {
    pub(crate) full_name: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) street_line1: Option<String>,
    pub(crate) street_line2: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) province: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) country_code: Option<String>,
    pub(crate) phone_number: Option<String>,
}

/// A line. `quantity` falls when units are cancelled; `order_placed_quantity` is 0 for a line that staff added later.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) updated_at: String,
    pub(crate) quantity: i64,
    pub(crate) order_placed_quantity: i64,
    pub(crate) tax_rate: Number,
    pub(crate) discounted_unit_price_with_tax: i64,
    pub(crate) discounted_line_price_with_tax: i64,
    pub(crate) prorated_line_price_with_tax: i64,
    pub(crate) product_variant: LineVariant,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LineVariant {
    pub(crate) id: String,
    pub(crate) sku: String,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Surcharge {
    pub(crate) price_with_tax: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Discount {
    pub(crate) adjustment_source: String,
    pub(crate) amount_with_tax: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tax {
    pub(crate) tax_total: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    pub(crate) updated_at: String,
    pub(crate) state: String,
    pub(crate) amount: i64,
    pub(crate) method: String,
    pub(crate) refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) state: String,
    pub(crate) total: i64,
    pub(crate) reason: Option<String>,
    pub(crate) lines: Vec<Units>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fulfillment {
    pub(crate) id: String,
    pub(crate) updated_at: String,
    pub(crate) state: String,
    pub(crate) method: String,
    pub(crate) tracking_code: Option<String>,
    pub(crate) lines: Vec<Units>,
}

/// Units of a line, in a parcel or a refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Units {
    pub(crate) order_line_id: String,
    pub(crate) quantity: i64,
}

/// Units of one line in a list.
pub(crate) fn units_of<'a>(line: &str, all: impl IntoIterator<Item = &'a Units>) -> i64 {
    all.into_iter().filter(|u| u.order_line_id == line).map(|u| u.quantity.max(0)).sum()
}

/// A list of something that is read one by one, so that a bad one spoils nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    #[serde(default)]
    pub(crate) total_items: usize,
    pub(crate) items: Vec<T>,
}

/// The answer to a question for orders.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Orders<'a> {
    pub(crate) global_settings: GlobalSettings,
    #[serde(borrow)]
    pub(crate) orders: List<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Heads {
    pub(crate) orders: List<Head>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GlobalSettings {
    pub(crate) track_inventory: bool,
    pub(crate) out_of_stock_threshold: i64,
    pub(crate) server_config: ServerConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServerConfig {
    pub(crate) money_strategy_precision: u32,
}

/// A variant of `productVariants`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variant {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) sku: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) enabled: bool,
    pub(crate) track_inventory: String,
    #[serde(default)]
    pub(crate) price_with_tax: i64,
    #[serde(default)]
    pub(crate) currency_code: String,
    pub(crate) product: Option<Product>,
    pub(crate) stock_levels: Vec<Level>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Product {
    pub(crate) enabled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Level {
    pub(crate) stock_location_id: String,
    pub(crate) stock_on_hand: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variants {
    pub(crate) global_settings: GlobalSettings,
    pub(crate) product_variants: List<Variant>,
}

/// One of the places where stock lies.
#[derive(Debug, Deserialize)]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Locations {
    pub(crate) stock_locations: List<Location>,
}

/// How an order stands before it is told anything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stand {
    pub(crate) state: String,
    pub(crate) next_states: Vec<String>,
    pub(crate) total_with_tax: i64,
    pub(crate) lines: Vec<StandLine>,
    pub(crate) payments: Option<Vec<StandPayment>>,
    pub(crate) fulfillments: Option<Vec<StandParcel>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StandLine {
    pub(crate) id: String,
    pub(crate) quantity: i64,
    pub(crate) product_variant: StandVariant,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StandVariant {
    pub(crate) id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StandPayment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: i64,
    pub(crate) transaction_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StandParcel {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) method: String,
    pub(crate) tracking_code: Option<String>,
    pub(crate) lines: Vec<Units>,
}

/// The answer of a mutation whose result is a union: what was wanted, or an `ErrorResult` with its own words.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) error_code: Option<String>,
    pub(crate) message: String,
    pub(crate) product_variant_id: String,
    pub(crate) stock_on_hand: i64,
    transition_error: Option<String>,
    payment_error_message: Option<String>,
    fulfillment_handler_error: Option<String>,
    authentication_error: Option<String>,
}

impl Told {
    /// Vendure's own words for why not, the most telling first.
    pub(crate) fn words(&self) -> String {
        let details = [
            &self.transition_error,
            &self.payment_error_message,
            &self.fulfillment_handler_error,
            &self.authentication_error,
        ];
        let detail = details.into_iter().flatten().map(|d| d.trim()).find(|d| !d.is_empty());
        let code = self.error_code.as_deref().unwrap_or("no error");
        match detail {
            Some(detail) if detail != self.message => format!("{} {detail} ({code})", self.message),
            _ => format!("{} ({code})", self.message),
        }
    }
}
