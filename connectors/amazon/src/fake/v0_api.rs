//! `getOrders`, `getOrder` and `getOrderItems` of v0, without a restricted token: no buyers, no names, no streets.

use serde_json::{Value, json};

use super::order::{Order, Status};
use super::orders_api::{Names, find};
use super::server::{Answer, Call, Reply, SpError};
use super::state::{Shop, iso};

const NAMES: Names = Names {
    marketplaces: "MarketplaceIds",
    created_after: "CreatedAfter",
    updated_after: "LastUpdatedAfter",
    updated_before: "LastUpdatedBefore",
    size: "MaxResultsPerPage",
    token: "NextToken",
    token_alone: true,
};

pub(super) fn search(shop: &mut Shop, call: &Call) -> Answer {
    let found = find(shop, call, &NAMES)?;
    let orders = found.places.iter().filter_map(|place| shop.orders.get(place));
    let orders: Vec<Value> = orders.map(|order| head(shop, order)).collect();
    let mut payload = json!({ "Orders": orders, "LastUpdatedBefore": iso(found.until) });
    if let Some(next) = found.next {
        payload["NextToken"] = json!(next);
    }
    Ok(Reply::json(200, &json!({ "payload": payload })))
}

pub(super) fn get(shop: &Shop, id: &str) -> Answer {
    let order = shop.order(id).ok_or_else(|| unknown(id))?;
    Ok(Reply::json(200, &json!({ "payload": head(shop, order) })))
}

pub(super) fn items(shop: &Shop, id: &str) -> Answer {
    let order = shop.order(id).ok_or_else(|| unknown(id))?;
    let amount = |minor: i64| amount(shop, minor);
    let item = |(at, line): (usize, &super::order::Line)| {
        let mut item = json!({
            "ASIN": format!("B0{:08}", at + 1), "SellerSKU": line.sku, "OrderItemId": line.id, "Title": line.title,
            "QuantityOrdered": line.ordered, "QuantityShipped": line.shipped, "IsGift": "false",
        });
        if order.status != Status::Pending {
            item["ItemPrice"] = amount(line.price * line.ordered);
            if at == 0 {
                item["ShippingPrice"] = amount(order.shipping);
                item["CODFee"] = amount(order.cod_fee);
            }
        }
        item
    };
    let items: Vec<Value> = order.lines.iter().enumerate().map(item).collect();
    Ok(Reply::json(200, &json!({ "payload": { "AmazonOrderId": id, "OrderItems": items } })))
}

fn unknown(id: &str) -> SpError {
    SpError::missing(format!("Order {id} is not found."))
}

fn amount(shop: &Shop, minor: i64) -> Value {
    let amount = shop.amount(minor);
    json!({ "CurrencyCode": amount["currencyCode"], "Amount": amount["amount"] })
}

fn head(shop: &Shop, order: &Order) -> Value {
    let status = match order.status {
        Status::Pending => "Pending",
        Status::Unshipped => "Unshipped",
        Status::Partial => "PartiallyShipped",
        Status::Shipped => "Shipped",
        Status::Cancelled => "Canceled",
    };
    let pending = order.status == Status::Pending;
    let sum = |of: fn(&super::order::Line) -> i64| order.lines.iter().map(of).sum::<i64>();
    let mut head = json!({
        "AmazonOrderId": order.id, "PurchaseDate": iso(order.created), "LastUpdateDate": iso(order.updated),
        "OrderStatus": status, "FulfillmentChannel": "MFN", "MarketplaceId": shop.config.marketplace_id,
        "NumberOfItemsShipped": sum(|line| line.shipped),
        "NumberOfItemsUnshipped": if pending { 0 } else { sum(super::order::Line::open) },
        "PaymentMethod": if order.cash { "COD" } else { "Other" },
        "PaymentMethodDetails": [if order.cash { "COD" } else { "CreditCard" }],
        "LatestShipDate": iso(order.created + 2 * 86_400), "OrderType": "StandardOrder",
    });
    if !pending {
        head["OrderTotal"] = amount(shop, order.total());
        head["ShippingAddress"] = json!({
            "City": order.to.city, "StateOrRegion": order.to.region, "PostalCode": order.to.postcode,
            "CountryCode": order.to.country,
        });
    }
    head
}
