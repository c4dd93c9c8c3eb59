//! Orders as they are read: the parts that no fake shows.

use banto_channel::{Fulfilment, Money, Payment, Read, RemoteOrder};
use serde_json::{Value, json};

use super::script::amazon;
use crate::parse;

fn order(value: &Value) -> RemoteOrder {
    match parse::current(&value.to_string(), &amazon("").settings) {
        Read::Order(order) => *order,
        Read::Unreadable { reason, .. } => panic!("{reason}"),
    }
}

fn plain() -> Value {
    json!({
        "orderId": "250-1234567-1234567", "createdTime": "2026-11-21T10:00:00Z",
        "lastUpdatedTime": "2026-11-21T10:05:00Z", "salesChannel": { "channelName": "AMAZON" },
        "fulfillment": { "fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT" },
        "orderItems": [{ "orderItemId": "1", "quantityOrdered": 2, "product": { "sellerSku": "A" } }],
    })
}

#[test]
fn a_pending_order_reserves_without_prices() {
    let mut value = plain();
    value["fulfillment"]["fulfillmentStatus"] = json!("PENDING");
    let order = order(&value);
    assert_eq!((order.payment, order.fulfilment), (Payment::Awaiting, Fulfilment::Open));
    assert_eq!((order.lines[0].quantity, order.lines[0].cancelled), (2, 0));
    assert_eq!((order.currency.as_str(), order.totals.grand), ("JPY", Money(0)));
    assert!(order.unknowns.is_empty() && order.moves_own_stock);
}

#[test]
fn goods_that_amazon_ships_move_nothing_of_ours() {
    let mut value = plain();
    value["fulfillment"]["fulfilledBy"] = json!("AMAZON");
    assert!(!order(&value).moves_own_stock);
}

#[test]
fn cash_on_delivery_is_paid_when_it_left() {
    let mut value = plain();
    value["payment"] = json!({ "paymentExecutions": [{ "paymentMethod": "CashOnDelivery" }] });
    assert_eq!(order(&value).payment, Payment::Awaiting);
    value["fulfillment"]["fulfillmentStatus"] = json!("SHIPPED");
    assert_eq!(order(&value).payment, Payment::Paid);
}

#[test]
fn a_payment_method_can_be_made_known() {
    let mut value = plain();
    value["payment"] = json!({ "paymentExecutions": [{ "paymentMethod": "PayPay" }] });
    assert_eq!(order(&value).unknowns.len(), 1);
    let settings = amazon("payment_methods = [\"PayPay\"]").settings;
    match parse::current(&value.to_string(), &settings) {
        Read::Order(order) => assert!(order.unknowns.is_empty()),
        Read::Unreadable { reason, .. } => panic!("{reason}"),
    }
}

#[test]
fn v0_is_read_into_the_same_order() {
    let head = json!({
        "AmazonOrderId": "250-1234567-1234567", "PurchaseDate": "2026-11-21T10:00:00Z",
        "LastUpdateDate": "2026-11-21T10:05:00Z", "OrderStatus": "PartiallyShipped", "FulfillmentChannel": "MFN",
        "OrderTotal": { "CurrencyCode": "JPY", "Amount": "2230" }, "PaymentMethod": "COD",
        "PaymentMethodDetails": ["COD"],
    });
    let items = [json!({
        "ASIN": "B0", "OrderItemId": "1", "SellerSKU": "A", "QuantityOrdered": 3, "QuantityShipped": 1,
        "ItemPrice": { "CurrencyCode": "JPY", "Amount": "1500" }, "CODFee": { "CurrencyCode": "JPY", "Amount": "330" },
        "ShippingPrice": { "CurrencyCode": "JPY", "Amount": "500" },
        "PromotionDiscount": { "CurrencyCode": "JPY", "Amount": "100" },
        "BuyerRequestedCancel": { "IsBuyerRequestedCancel": "true", "BuyerCancelReason": "x" },
    })];
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    let Read::Order(order) = parse::of_v0(&head.to_string(), &items, &amazon("").settings) else {
        panic!("unreadable");
    };
    assert_eq!((order.payment, order.fulfilment), (Payment::Awaiting, Fulfilment::Partial));
    assert_eq!(order.payment_method, "CashOnDelivery");
    assert_eq!(order.totals.sum(), Some(Money(2230)));
    assert_eq!((order.totals.fees, order.totals.discount), (Money(330), Money(100)));
    let line = &order.lines[0];
    assert_eq!(
        (line.unit_price, line.total, line.shipped, line.cancelled),
        (Money(500), Money(1500), Some(1), 0)
    );
    assert!(order.wait.unwrap().en.contains("asks to cancel"));
    assert!(serde_json::from_str::<Value>(&order.raw).is_ok());
}
