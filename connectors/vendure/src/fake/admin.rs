//! The Admin API's fields at the top.

use std::collections::HashSet;

use banto_channel::ListingId;
use banto_sim::faults::Faults;
use serde_json::{Value, json};

use super::graphql::Field;
use super::order::{Order, Payment, Units, show_parcel, show_payment};
use super::state::{Shop, Variant};

/// One of GraphQL's `errors`.
#[derive(Debug)]
pub(super) struct Bad {
    message: String,
    code: &'static str,
    /// Below the field at the top, last step first.
    path: Vec<Value>,
}

type Answer = Result<Value, Bad>;

impl Bad {
    pub(super) fn new(message: impl Into<String>, code: &'static str) -> Self {
        Self { message: message.into(), code, path: Vec::new() }
    }

    /// A relation that leads to nothing.
    pub(super) fn unresolved(path: Vec<Value>) -> Self {
        let message = "Cannot return null for non-nullable field OrderLine.productVariant.".to_owned();
        Self { message, code: "INTERNAL_SERVER_ERROR", path }
    }

    pub(super) fn forbidden() -> Self {
        Self::new("You are not currently authorized to perform this action", "FORBIDDEN")
    }

    fn not_found(what: &str, id: &str) -> Self {
        // An id that is no number is decoded as -1.
        let id = if id.parse::<f64>().is_ok() { id } else { "-1" };
        Self::new(format!("No {what} with the id \"{id}\" could be found"), "ENTITY_NOT_FOUND")
    }

    pub(super) fn show(&self, field: &str) -> Value {
        let path: Vec<Value> = std::iter::once(json!(field)).chain(self.path.iter().rev().cloned()).collect();
        let extensions = if self.code.is_empty() { json!({}) } else { json!({ "code": self.code }) };
        json!({ "message": self.message, "path": path, "extensions": extensions })
    }
}

/// A result of a mutation that is an `ErrorResult`.
fn error_result(name: &str, code: &str, message: &str, more: Value) -> Value {
    let mut out = json!({ "__typename": name, "errorCode": code, "message": message });
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.extend(more);
    }
    out
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn id_of(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

pub(super) fn login(shop: &Shop, field: &Field) -> Answer {
    let given = |name: &str| field.args.get(name).and_then(Value::as_str).unwrap_or_default();
    let right = given("username") == shop.config.username && given("password") == shop.config.password;
    Ok(match right && !shop.closed {
        true => json!({ "__typename": "CurrentUser", "id": "1", "identifier": shop.config.username }),
        false => error_result(
            "InvalidCredentialsError",
            "INVALID_CREDENTIALS_ERROR",
            "The provided credentials are invalid",
            json!({ "authenticationError": "" }),
        ),
    })
}

/// The quantities that a call sets.
pub(super) fn stock_of(field: &Field) -> Vec<(ListingId, i64)> {
    if field.name != "updateProductVariants" {
        return Vec::new();
    }
    inputs(field)
        .iter()
        .filter_map(|input| {
            Some((ListingId::from(text(input, "id")), input["stockLevels"][0]["stockOnHand"].as_i64()?))
        })
        .collect()
}

fn inputs(field: &Field) -> &[Value] {
    field.args.get("input").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn resolve(shop: &mut Shop, faults: &Faults, field: &Field) -> Answer {
    let options = field.args.get("options").unwrap_or(&Value::Null);
    let input = field.args.get("input").unwrap_or(&Value::Null);
    let id = field.args.get("id").and_then(Value::as_str).unwrap_or_default();
    let state = field.args.get("state").and_then(Value::as_str).unwrap_or_default();
    if permission(&field.name).is_some_and(|needed| shop.config.lacking.iter().any(|l| l == needed)) {
        return Err(Bad::forbidden());
    }
    match field.name.as_str() {
        "me" => Ok(me(shop)),
        "activeChannel" => {
            Ok(json!({ "code": "__default_channel__", "defaultCurrencyCode": shop.config.currency }))
        }
        "globalSettings" => Ok(json!({
            "trackInventory": shop.config.track_inventory, "outOfStockThreshold": 0,
            "serverConfig": { "moneyStrategyPrecision": shop.config.precision },
        })),
        "fulfillmentHandlers" => Ok(json!([{ "code": "manual-fulfillment" }])),
        "stockLocations" => Ok(locations(shop)),
        "orders" => orders(shop, options),
        "order" => Ok(shop.orders.get(&id_of(id)).map_or(Value::Null, |order| order.show(shop))),
        "productVariants" => variants(shop, options),
        "updateProductVariants" => update_variants(shop, faults, inputs(field)),
        "addFulfillmentToOrder" => fulfil(shop, input),
        "transitionFulfillmentToState" => move_fulfilment(shop, id, state),
        "cancelOrder" => cancel(shop, input),
        "settlePayment" => settle(shop, id),
        "addManualPaymentToOrder" => pay(shop, input),
        "transitionOrderToState" => move_order(shop, id, state),
        "addNoteToOrder" => note(shop, input),
        other => Err(Bad::new(format!("this shop does not have {other}"), "GRAPHQL_VALIDATION_FAILED")),
    }
}

/// The permission that a field asks for.
fn permission(field: &str) -> Option<&'static str> {
    Some(match field {
        "orders" | "order" => "ReadOrder",
        "productVariants" => "ReadCatalog",
        "updateProductVariants" => "UpdateCatalog",
        "me" | "activeChannel" | "globalSettings" | "stockLocations" | "fulfillmentHandlers" => return None,
        _ => "UpdateOrder",
    })
}

fn me(shop: &Shop) -> Value {
    let all = ["Authenticated", "ReadOrder", "UpdateOrder", "ReadCatalog", "UpdateCatalog"];
    let held: Vec<_> = all.iter().filter(|p| !shop.config.lacking.iter().any(|l| l == *p)).collect();
    json!({
        "identifier": shop.config.username,
        "channels": [{ "code": "__default_channel__", "permissions": held }],
    })
}

fn locations(shop: &Shop) -> Value {
    let location = |(id, name): (usize, &String)| json!({ "id": id.to_string(), "name": name });
    json!({ "items": (1..).zip(&shop.config.locations).map(location).collect::<Vec<_>>() })
}

/// `skip` and `take` of a list.
fn window(shop: &Shop, options: &Value) -> Result<(usize, usize), Bad> {
    let number = |name: &str| options[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let take = number("take").unwrap_or(shop.config.list_limit);
    if take > shop.config.list_limit {
        let message = format!("Cannot take more than {} results from a list query", shop.config.list_limit);
        return Err(Bad::new(message, "USER_INPUT_ERROR"));
    }
    Ok((number("skip").unwrap_or(0), take))
}

/// `in` and `notIn` of a filter by id.
struct Ids<'a> {
    only: Option<HashSet<&'a str>>,
    without: HashSet<&'a str>,
}

impl<'a> Ids<'a> {
    fn of(operators: &'a Value) -> Self {
        let set =
            |name: &str| operators[name].as_array().map(|ids| ids.iter().filter_map(Value::as_str).collect());
        Self { only: set("in"), without: set("notIn").unwrap_or_default() }
    }

    fn let_pass(&self, id: u64) -> bool {
        let id = id.to_string();
        self.only.as_ref().is_none_or(|only| only.contains(id.as_str()))
            && !self.without.contains(id.as_str())
    }
}

fn orders(shop: &Shop, options: &Value) -> Answer {
    let (skip, take) = window(shop, options)?;
    let filter = &options["filter"];
    let ids = Ids::of(&filter["id"]);
    let after = filter["orderPlacedAt"]["after"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
    let mut found: Vec<&Order> = shop
        .orders
        .values()
        .filter(|o| after.is_none_or(|after| o.placed > after.as_millisecond()) && ids.let_pass(o.id))
        .collect();
    if options["sort"]["id"].is_null() && !options["sort"]["orderPlacedAt"].is_null() {
        // Nothing is promised about the order of equal dates.
        found.sort_by_key(|o| (o.placed, std::cmp::Reverse(o.id)));
    }
    let rows: Vec<&Order> = found.iter().skip(skip).take(take).copied().collect();
    let items: Vec<Value> = rows.iter().map(|order| order.show(shop)).collect();
    Ok(json!({ "totalItems": found.len(), "items": items }))
}

fn variants(shop: &Shop, options: &Value) -> Answer {
    let (skip, take) = window(shop, options)?;
    let ids = Ids::of(&options["filter"]["id"]);
    let found: Vec<&Variant> = shop.variants.iter().filter(|v| ids.let_pass(v.id)).collect();
    let items: Vec<Value> = found.iter().skip(skip).take(take).map(|v| variant(shop, v)).collect();
    Ok(json!({ "totalItems": found.len(), "items": items }))
}

fn variant(shop: &Shop, variant: &Variant) -> Value {
    let tracked = match variant.tracked {
        Some(true) => "TRUE",
        Some(false) => "FALSE",
        None => "INHERIT",
    };
    json!({
        "id": variant.id.to_string(), "sku": variant.sku, "name": variant.name, "enabled": true,
        "trackInventory": tracked, "priceWithTax": variant.price, "currencyCode": shop.config.currency,
        "product": { "enabled": true },
        "stockLevels": [{ "stockLocationId": "1", "stockOnHand": variant.on_hand }],
    })
}

/// All of it or nothing.
fn update_variants(shop: &mut Shop, faults: &Faults, inputs: &[Value]) -> Answer {
    let mut numbers = Vec::with_capacity(inputs.len());
    for input in inputs {
        let id = text(input, "id");
        let found =
            shop.variant(id_of(id)).map(|v| v.id).ok_or_else(|| Bad::not_found("ProductVariant", id))?;
        if faults.refuses(&ListingId::from(id)) {
            return Err(Bad::not_found("ProductVariant", id));
        }
        if shop.stubborn.contains(&found) {
            return Err(Bad::new("a plugin of the shop does not allow that", "USER_INPUT_ERROR"));
        }
        for level in input["stockLevels"].as_array().into_iter().flatten() {
            if text(level, "stockLocationId") != "1" {
                return Err(Bad::new("FOREIGN KEY constraint failed", ""));
            }
            numbers.push((found, level["stockOnHand"].as_i64().unwrap_or(0)));
        }
    }
    for (id, number) in numbers {
        if let Some(variant) = shop.variant_mut(id) {
            variant.on_hand = number;
        }
    }
    Ok(inputs.iter().map(|input| json!({ "id": input["id"] })).collect())
}

fn units(value: &Value) -> Vec<Units> {
    let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let unit = |row: &Value| Units {
        line: id_of(text(row, "orderLineId")),
        quantity: row["quantity"].as_i64().unwrap_or(0),
    };
    rows.iter().map(unit).collect()
}

fn fulfil(shop: &mut Shop, input: &Value) -> Answer {
    let lines = units(&input["lines"]);
    if lines.iter().map(|u| u.quantity).sum::<i64>() == 0 {
        return Ok(empty_selection());
    }
    let argument = |name: &str| {
        let all = input["handler"]["arguments"].as_array().into_iter().flatten();
        all.filter(|a| a["name"] == name).map(|a| text(a, "value").to_owned()).next().unwrap_or_default()
    };
    let Some(order) = shop.orders.values().find(|o| lines.iter().any(|u| o.line(u.line).is_some())) else {
        return Err(Bad::not_found("OrderLine", &lines[0].line.to_string()));
    };
    let id = order.id;
    for u in &lines {
        let Some(line) = order.line(u.line) else {
            return Err(Bad::not_found("OrderLine", &u.line.to_string()));
        };
        if order.fulfilled(u.line) + u.quantity > line.quantity {
            let message = "One or more OrderItems are already part of a Fulfillment";
            return Ok(error_result(
                "ItemsAlreadyFulfilledError",
                "ITEMS_ALREADY_FULFILLED_ERROR",
                message,
                json!({}),
            ));
        }
    }
    for u in &lines {
        let variant = order.line(u.line).and_then(|line| shop.variant(line.variant));
        if let Some(short) = variant.filter(|v| shop.counts(v) && v.on_hand < u.quantity) {
            let message = format!(
                "Cannot create a Fulfillment as \"{}\" has insufficient stockOnHand ({})",
                short.name, short.on_hand
            );
            let more = json!({ "productVariantId": short.id.to_string(), "stockOnHand": short.on_hand });
            return Ok(error_result(
                "InsufficientStockOnHandError",
                "INSUFFICIENT_STOCK_ON_HAND_ERROR",
                &message,
                more,
            ));
        }
    }
    let made = shop.fulfil(id, &argument("method"), &argument("trackingCode"), lines);
    let parcel = shop.orders.get(&id).and_then(|o| o.parcels.iter().find(|p| p.id == made));
    Ok(parcel.map_or(Value::Null, show_parcel))
}

fn empty_selection() -> Value {
    let message = "At least one OrderLine must be specified";
    error_result("EmptyOrderLineSelectionError", "EMPTY_ORDER_LINE_SELECTION_ERROR", message, json!({}))
}

fn move_fulfilment(shop: &mut Shop, id: &str, state: &str) -> Answer {
    let at =
        |order: &Order| order.parcels.iter().find(|p| p.id == id_of(id)).map(|p| (order.id, p.state.clone()));
    let (order, from) = shop.orders.values().find_map(at).ok_or_else(|| Bad::not_found("Fulfillment", id))?;
    let allowed = match from.as_str() {
        "Pending" => ["Shipped", "Delivered", "Cancelled"].contains(&state),
        "Shipped" => ["Delivered", "Cancelled"].contains(&state),
        _ => false,
    };
    if !allowed {
        let why = format!("Cannot transition Fulfillment from \"{from}\" to \"{state}\"");
        let message = format!("Cannot transition Fulfillment from \"{from}\" to \"{state}\"");
        let more = json!({ "transitionError": why });
        return Ok(error_result(
            "FulfillmentStateTransitionError",
            "FULFILLMENT_STATE_TRANSITION_ERROR",
            &message,
            more,
        ));
    }
    shop.move_parcel(order, id_of(id), state);
    let parcel = shop.orders.get(&order).and_then(|o| o.parcels.iter().find(|p| p.id == id_of(id)));
    Ok(parcel.map_or(Value::Null, show_parcel))
}

fn cancel(shop: &mut Shop, input: &Value) -> Answer {
    let id = text(input, "orderId");
    let order = shop.orders.get(&id_of(id)).ok_or_else(|| Bad::not_found("Order", id))?;
    let (number, from) = (order.id, order.state.clone());
    if order.lines.iter().all(|line| line.quantity == 0) {
        return Ok(empty_selection());
    }
    if !order.next_states().contains(&"Cancelled") {
        return Ok(stuck(&from, "Cancelled"));
    }
    shop.cancel(number, input["cancelShipping"] == true);
    Ok(shop.orders.get(&number).map_or(Value::Null, |order| order.show(shop)))
}

fn stuck(from: &str, to: &str) -> Value {
    let message = format!("Cannot transition Order from \"{from}\" to \"{to}\"");
    let more = json!({ "transitionError": message });
    error_result("OrderStateTransitionError", "ORDER_STATE_TRANSITION_ERROR", &message, more)
}

fn settle(shop: &mut Shop, id: &str) -> Answer {
    let at = |order: &Order| order.payments.iter().any(|p| p.id == id_of(id)).then_some(order.id);
    let order = shop.orders.values().find_map(at).ok_or_else(|| Bad::not_found("Payment", id))?;
    shop.settle(order, id_of(id));
    let payment = shop.orders.get(&order).and_then(|o| o.payments.iter().find(|p| p.id == id_of(id)));
    Ok(payment.map_or(Value::Null, show_payment))
}

/// A payment over what is still owed.
fn pay(shop: &mut Shop, input: &Value) -> Answer {
    let id = text(input, "orderId");
    let (payment, now) = (shop.new_id(), shop.now());
    let order = shop.orders.get_mut(&id_of(id)).ok_or_else(|| Bad::not_found("Order", id))?;
    if input["metadata"].is_null() {
        return Err(Bad::new("NOT NULL constraint failed: payment.metadata", ""));
    }
    if order.state != "ArrangingAdditionalPayment" {
        let message = "A manual payment can only be added to an Order in the ArrangingPayment or ArrangingAdditionalPayment state";
        return Ok(error_result("ManualPaymentStateError", "MANUAL_PAYMENT_STATE_ERROR", message, json!({})));
    }
    order.payments.push(Payment {
        id: payment,
        state: "Settled".to_owned(),
        amount: order.total() - order.settled(),
        method: text(input, "method").to_owned(),
        transaction: text(input, "transactionId").to_owned(),
        updated: now,
        refunds: Vec::new(),
    });
    let number = order.id;
    Ok(shop.orders.get(&number).map_or(Value::Null, |order| order.show(shop)))
}

fn move_order(shop: &mut Shop, id: &str, state: &str) -> Answer {
    let order = shop.orders.get_mut(&id_of(id)).ok_or_else(|| Bad::not_found("Order", id))?;
    if !order.next_states().contains(&state) {
        return Ok(stuck(&order.state, state));
    }
    state.clone_into(&mut order.state);
    let number = order.id;
    Ok(shop.orders.get(&number).map_or(Value::Null, |order| order.show(shop)))
}

fn note(shop: &mut Shop, input: &Value) -> Answer {
    let id = text(input, "id");
    let order = shop.orders.get_mut(&id_of(id)).ok_or_else(|| Bad::not_found("Order", id))?;
    order.notes.push(text(input, "note").to_owned());
    let number = order.id;
    Ok(shop.orders.get(&number).map_or(Value::Null, |order| order.show(shop)))
}
