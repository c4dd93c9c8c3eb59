//! An order of the Orders API 2026-01-01, as far as banto reads it, and how Amazon's JSON is read. Every field may be
//! missing or null.

use banto_channel::{Bilingual, Error, ErrorKind, Response, Result, both};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

macro_rules! shape {
    ($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub(crate) struct $name {
            $($(#[$attr])* pub(crate) $field: $kind,)*
        }
    };
}

shape! {
    /// One order.
    Order {
        order_id: String,
        created_time: String,
        last_updated_time: String,
        buyer: Buyer,
        recipient: Recipient,
        proceeds: Proceeds,
        payment: PaymentInfo,
        fulfillment: OrderFulfillment,
        order_items: Vec<Item>,
        packages: Vec<Package>,
    }
}

shape! {
    /// Who bought, as far as the app may know.
    Buyer { buyer_name: String, buyer_email: String }
}

shape! {
    /// Where it goes.
    Recipient { delivery_address: CustomerAddress, delivery_preference: DeliveryPreference }
}

shape! {
    /// A postal address.
    CustomerAddress {
        name: String,
        company_name: String,
        address_line1: String,
        address_line2: String,
        address_line3: String,
        city: String,
        district_or_county: String,
        state_or_region: String,
        municipality: String,
        postal_code: String,
        country_code: String,
        phone: String,
    }
}

shape! {
    /// What the buyer says about the delivery.
    DeliveryPreference { drop_off_location: String, address_instruction: String }
}

shape! {
    /// An amount.
    Amount { amount: String, currency_code: String }
}

shape! {
    /// The money of an order.
    Proceeds { grand_total: Option<Amount>, breakdowns: Vec<Breakdown> }
}

shape! {
    /// One kind of money: `ITEM`, `SHIPPING`, `TAX` …
    Breakdown { r#type: String, subtotal: Option<Amount> }
}

shape! {
    /// How it is paid.
    PaymentInfo { payment_executions: Vec<PaymentExecution> }
}

shape! {
    /// One means of payment.
    PaymentExecution { payment_method: String }
}

shape! {
    /// How far it is.
    OrderFulfillment { fulfillment_status: String, fulfilled_by: String, ship_by_window: Window }
}

shape! {
    /// A span of time.
    Window { latest_date_time: String }
}

shape! {
    /// One line.
    Item {
        order_item_id: String,
        quantity_ordered: i64,
        product: Product,
        proceeds: ItemProceeds,
        cancellation: Cancellation,
        fulfillment: ItemFulfillment,
    }
}

shape! {
    /// What was bought.
    Product { title: String, seller_sku: String, price: Price }
}

shape! {
    /// Its price.
    Price { unit_price: Option<Amount> }
}

shape! {
    /// The money of a line.
    ItemProceeds { proceeds_total: Option<Amount>, breakdowns: Vec<Breakdown> }
}

shape! {
    /// Who asked for a cancellation, and who carried one out.
    Cancellation { cancellation_request: Option<Request>, cancellation_execution: Option<Execution> }
}

shape! {
    /// A wish to cancel.
    Request { cancel_reason: String }
}

shape! {
    /// A cancellation, of which only that there is one counts.
    Execution {}
}

shape! {
    /// How far a line is.
    ItemFulfillment {
        quantity_fulfilled: Option<i64>,
        quantity_unfulfilled: Option<i64>,
        packing: Packing,
        shipping: ItemShipping,
    }
}

shape! {
    /// How it is packed.
    Packing { gift_option: GiftOption }
}

shape! {
    /// A present.
    GiftOption { gift_message: String, gift_wrap_level: String }
}

shape! {
    /// What the delivery must keep to.
    ItemShipping { shipping_constraints: Constraints }
}

shape! {
    /// Each is `MANDATORY` or missing.
    Constraints { cash_on_delivery: String }
}

shape! {
    /// A parcel.
    Package {
        package_reference_id: String,
        carrier: String,
        ship_time: String,
        tracking_number: String,
        package_items: Vec<PackageItem>,
    }
}

shape! {
    /// What is in a parcel.
    PackageItem { order_item_id: String, quantity: i64 }
}

/// Reads a shape from its own text. JSON's null counts as missing, at any depth.
///
/// `Err` says in plain words what does not fit.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Bilingual> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|e| both!("it is no JSON: {e}", "JSONではありません: {e}"))?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|e| {
        both!("its shape is not the documented one: {e}", "Amazonの仕様書と形式が異なります: {e}")
    })
}

/// Reads an answer the same way.
///
/// Errors: [`ErrorKind::Malformed`] that says what came instead.
pub(crate) fn answer<T: DeserializeOwned>(response: &Response) -> Result<T> {
    let mut value: Value = response.json()?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|e| {
        let words = both!(
            "HTTP {status}: got JSON that does not fit: {e}",
            "HTTP {status}: 応答のJSONの形式が異なります: {e}",
            status = response.status
        );
        Error::told(ErrorKind::Malformed, words)
    })
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, inner| !inner.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(rows) => {
            rows.retain(|row| !row.is_null());
            rows.iter_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}
