//! Orders of v0, put into the shape of today's API. They come without items, and without buyers and addresses: those
//! would need another kind of token for each order.

use banto_channel::Bilingual;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{
    self, Amount, Breakdown, Cancellation, CustomerAddress, Item, ItemFulfillment, ItemProceeds, Order,
    OrderFulfillment, PaymentExecution, PaymentInfo, Price, Proceeds, Product, Request, Window,
};

/// An order's own fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Head {
    amazon_order_id: String,
    purchase_date: String,
    last_update_date: String,
    order_status: String,
    fulfillment_channel: String,
    order_total: Option<OldAmount>,
    payment_execution_detail: Vec<OldExecution>,
    payment_method: String,
    payment_method_details: Vec<String>,
    latest_ship_date: String,
    shipping_address: OldAddress,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldAmount {
    amount: String,
    currency_code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldExecution {
    payment_method: String,
}

/// What v0 tells of an address without a restricted token: town, region, postcode, country.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldAddress {
    name: String,
    address_line1: String,
    address_line2: String,
    address_line3: String,
    city: String,
    county: String,
    district: String,
    state_or_region: String,
    municipality: String,
    postal_code: String,
    country_code: String,
    phone: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OldItem {
    #[serde(rename = "OrderItemId")]
    id: String,
    #[serde(rename = "SellerSKU")]
    sku: String,
    #[serde(rename = "Title")]
    title: String,
    #[serde(rename = "QuantityOrdered")]
    ordered: i64,
    #[serde(rename = "QuantityShipped")]
    shipped: Option<i64>,
    #[serde(rename = "ItemPrice")]
    price: Option<OldAmount>,
    #[serde(rename = "ShippingPrice")]
    shipping: Option<OldAmount>,
    #[serde(rename = "ItemTax")]
    tax: Option<OldAmount>,
    #[serde(rename = "ShippingTax")]
    shipping_tax: Option<OldAmount>,
    #[serde(rename = "PromotionDiscount")]
    discount: Option<OldAmount>,
    #[serde(rename = "ShippingDiscount")]
    shipping_discount: Option<OldAmount>,
    #[serde(rename = "CODFee")]
    cod_fee: Option<OldAmount>,
    #[serde(rename = "CODFeeDiscount")]
    cod_discount: Option<OldAmount>,
    #[serde(rename = "BuyerRequestedCancel")]
    cancel: OldCancel,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldCancel {
    /// "true" or "false"; some answers hold a JSON boolean.
    is_buyer_requested_cancel: Value,
    buyer_cancel_reason: String,
}

/// Puts an order and its items into today's shape. `Err` says in plain words what does not fit.
pub(crate) fn order(head: &str, items: &[String]) -> Result<Order, Bilingual> {
    let head: Head = model::read(head)?;
    let status = status(&head.order_status);
    let pending = status.starts_with("PENDING");
    let items: Vec<OldItem> = items.iter().map(|text| model::read(text)).collect::<Result<_, _>>()?;
    Ok(Order {
        payment: PaymentInfo { payment_executions: methods(&head) },
        order_id: head.amazon_order_id,
        created_time: head.purchase_date,
        last_updated_time: head.last_update_date,
        proceeds: Proceeds { grand_total: head.order_total.map(amount), breakdowns: Vec::new() },
        fulfillment: OrderFulfillment {
            fulfillment_status: status,
            fulfilled_by: by(&head.fulfillment_channel),
            ship_by_window: Window { latest_date_time: head.latest_ship_date },
        },
        recipient: model::Recipient {
            delivery_address: address(head.shipping_address),
            delivery_preference: model::DeliveryPreference::default(),
        },
        order_items: items.into_iter().map(|old| item(old, pending)).collect(),
        ..Order::default()
    })
}

fn status(old: &str) -> String {
    match old {
        "Pending" => "PENDING",
        "PendingAvailability" => "PENDING_AVAILABILITY",
        "Unshipped" => "UNSHIPPED",
        "PartiallyShipped" => "PARTIALLY_SHIPPED",
        // Brazil: everything left, and the invoice is still to be confirmed.
        "Shipped" | "InvoiceUnconfirmed" => "SHIPPED",
        "Canceled" => "CANCELLED",
        "Unfulfillable" => "UNFULFILLABLE",
        other => other,
    }
    .to_owned()
}

fn by(channel: &str) -> String {
    match channel {
        "AFN" => "AMAZON",
        "MFN" => "MERCHANT",
        other => other,
    }
    .to_owned()
}

fn methods(head: &Head) -> Vec<PaymentExecution> {
    let execution = |method: &String| PaymentExecution { payment_method: method.clone() };
    let parts = head.payment_execution_detail.iter().map(|detail| &detail.payment_method);
    match (head.payment_method.as_str(), head.payment_method_details.is_empty()) {
        ("COD", _) => std::iter::once(&head.payment_method).chain(parts).map(execution).collect(),
        (_, false) => head.payment_method_details.iter().map(execution).collect(),
        ("", true) => parts.map(execution).collect(),
        (_, true) => vec![execution(&head.payment_method)],
    }
}

fn amount(old: OldAmount) -> Amount {
    Amount { amount: old.amount, currency_code: old.currency_code }
}

fn address(old: OldAddress) -> CustomerAddress {
    CustomerAddress {
        name: old.name,
        company_name: String::new(),
        address_line1: old.address_line1,
        address_line2: old.address_line2,
        address_line3: old.address_line3,
        city: old.city,
        district_or_county: if old.district.is_empty() { old.county } else { old.district },
        state_or_region: old.state_or_region,
        municipality: old.municipality,
        postal_code: old.postal_code,
        country_code: old.country_code,
        phone: old.phone,
    }
}

/// v0's `ItemPrice` is that of all units of the line, and discounts are positive.
fn item(old: OldItem, pending: bool) -> Item {
    let asked = match &old.cancel.is_buyer_requested_cancel {
        Value::String(word) => word.eq_ignore_ascii_case("true"),
        other => *other == Value::Bool(true),
    };
    let parts = [
        ("ITEM", old.price),
        ("SHIPPING", old.shipping),
        ("TAX", old.tax),
        ("TAX", old.shipping_tax),
        ("DISCOUNT", old.discount),
        ("DISCOUNT", old.shipping_discount),
        ("DISCOUNT", old.cod_discount),
        ("COD_FEE", old.cod_fee),
    ];
    let breakdowns = parts
        .into_iter()
        .filter_map(|(kind, old)| Some(Breakdown { r#type: kind.to_owned(), subtotal: Some(amount(old?)) }));
    let request = Request { cancel_reason: old.cancel.buyer_cancel_reason };
    Item {
        order_item_id: old.id,
        quantity_ordered: old.ordered,
        product: Product { title: old.title, seller_sku: old.sku, price: Price::default() },
        proceeds: ItemProceeds { proceeds_total: None, breakdowns: breakdowns.collect() },
        cancellation: Cancellation {
            cancellation_request: asked.then_some(request),
            cancellation_execution: None,
        },
        fulfillment: ItemFulfillment {
            quantity_fulfilled: old.shipped,
            quantity_unfulfilled: old.shipped.filter(|_| !pending).map(|shipped| old.ordered - shipped),
            ..ItemFulfillment::default()
        },
    }
}
