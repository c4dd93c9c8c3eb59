//! The root of mutations.

use banto_sim::Faults;
use serde_json::{Value, json};

use super::flow::Asked;
use super::graphql::{Field, Request};
use super::hooks::Hook;
use super::node::{Fault, NULL, Node, no_field, object};
use super::query::{number, stub};
use super::show::gid;
use super::state::Shop;

/// A user error: the code, where there is one, the path, the words.
struct Wrong(Option<&'static str>, Vec<String>, String);

impl Wrong {
    fn at(field: &[&str], message: impl Into<String>) -> Self {
        Self(None, field.iter().map(|part| (*part).to_owned()).collect(), message.into())
    }

    fn coded(code: &'static str, field: &[&str], message: impl Into<String>) -> Self {
        Self(Some(code), field.iter().map(|part| (*part).to_owned()).collect(), message.into())
    }
}

fn wrongs(kind: &'static str, wrongs: &[Wrong]) -> Node {
    let each = |Wrong(code, field, message): &Wrong| {
        let mut fields = vec![("field", Node::Leaf(json!(field))), ("message", message.clone().into())];
        fields.extend(code.map(|code| ("code", code.into())));
        Node::Object(kind, fields)
    };
    Node::List(wrongs.iter().map(each).collect())
}

impl Shop {
    /// Runs one field of a mutation.
    pub(super) fn mutate(
        &mut self,
        request: &Request,
        field: &Field,
        faults: &Faults,
    ) -> Result<Node, Fault> {
        let arg = |name: &str| request.arg(field, name);
        Ok(match field.name.as_str() {
            "inventorySetQuantities" => {
                let key = request.directive(field, "idempotent", "key");
                let Some(key) = key.as_ref().and_then(Value::as_str) else {
                    let message =
                        "The @idempotent directive is required for this mutation but was not provided.";
                    return Err(Fault::new("BAD_REQUEST", message));
                };
                self.set_stock_once(&arg("input"), key, faults)?
            }
            "fulfillmentCreate" => self.create_fulfillment(&arg("fulfillment")),
            "orderCancel" => self.cancel_order(&arg("orderId"), &arg("staffNote")),
            "orderMarkAsPaid" => self.mark_paid(&arg("input")["id"]),
            "orderUpdate" => self.update_order(&arg("input")),
            "webhookSubscriptionCreate" => self.create_hook(&arg("topic"), &arg("webhookSubscription")),
            other => return Err(no_field(other, "Mutation")),
        })
    }

    /// The same key with the same variables is answered from memory; with others, or after a failure, it is refused.
    fn set_stock_once(&mut self, input: &Value, key: &str, faults: &Faults) -> Result<Node, Fault> {
        let refused = |code, words: &str| Ok(stock_payload(vec![Wrong::coded(code, &["input"], words)]));
        match self.keys.get(key) {
            Some((before, _)) if before != input => refused(
                "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
                "The same idempotency key cannot be used with different operation parameters.",
            ),
            Some((_, Some(_))) => Ok(stock_payload(Vec::new())),
            Some((_, None)) => refused(
                "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
                "A previous request with this idempotency key failed. Retry with a new idempotency key.",
            ),
            None => {
                let wrong = self.set_stock(input, faults)?;
                let kept = wrong.is_empty().then(|| json!({}));
                self.keys.insert(key.to_owned(), (input.clone(), kept));
                Ok(stock_payload(wrong))
            }
        }
    }

    /// All or nothing.
    fn set_stock(&mut self, input: &Value, faults: &Faults) -> Result<Vec<Wrong>, Fault> {
        let rows = input["quantities"].as_array().cloned().unwrap_or_default();
        if rows.len() > 250 {
            return Err(Fault::new("MAX_INPUT_SIZE_EXCEEDED", "The input array size exceeds 250"));
        }
        if input["name"] != "available" {
            return Ok(vec![Wrong::coded(
                "INVALID_NAME",
                &["input", "name"],
                "The quantity name is invalid.",
            )]);
        }
        let (mut wrong, mut sets, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            match self.checked(row, faults) {
                Ok(set) if named.contains(&set.0) => wrong.push(place(
                    at,
                    "inventoryItemId",
                    (
                        "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
                        "The combination of inventoryItemId and groupId must be unique.",
                    ),
                )),
                Ok(set) => {
                    named.push(set.0);
                    sets.push(set);
                }
                Err((field, code, words)) => wrong.push(place(at, field, (code, words))),
            }
        }
        if wrong.is_empty() {
            for (variant, location, quantity) in sets {
                let listing = self.variants.get(&variant).map(super::goods::Variant::listing);
                if let (Some(seen), Some(listing)) = (self.seen.last_mut(), listing) {
                    seen.stock.push((listing, quantity));
                }
                if let Some(variant) = self.variants.get_mut(&variant) {
                    variant.stock.insert(location, quantity);
                }
            }
        }
        Ok(wrong)
    }

    /// Variant, location and number of a row that can be set.
    fn checked(
        &self,
        row: &Value,
        faults: &Faults,
    ) -> Result<(u64, u64, i64), (&'static str, &'static str, &'static str)> {
        let variant = number(&row["inventoryItemId"], "InventoryItem")
            .and_then(|item| self.variants.get(self.by_item.get(&item)?))
            .ok_or((
                "inventoryItemId",
                "INVALID_INVENTORY_ITEM",
                "The specified inventory item could not be found.",
            ))?;
        let location = number(&row["locationId"], "Location")
            .filter(|location| variant.stock.contains_key(location))
            .ok_or(("locationId", "INVALID_LOCATION", "The specified location could not be found."))?;
        let quantity = row["quantity"].as_i64().unwrap_or(-1);
        if quantity < 0 {
            return Err(("quantity", "INVALID_QUANTITY_NEGATIVE", "The quantity can't be negative."));
        }
        if quantity > 1_000_000_000 {
            return Err((
                "quantity",
                "INVALID_QUANTITY_TOO_HIGH",
                "The quantity can't be higher than 1,000,000,000.",
            ));
        }
        if row.get("changeFromQuantity").is_none() {
            return Err((
                "changeFromQuantity",
                "CHANGE_FROM_QUANTITY_STALE",
                "changeFromQuantity must be given.",
            ));
        }
        if faults.refuses(&variant.listing()) {
            return Err((
                "inventoryItemId",
                "NON_MUTABLE_INVENTORY_ITEM",
                "The inventory item can't be adjusted.",
            ));
        }
        match row["changeFromQuantity"].as_i64() {
            Some(from) if variant.stock.get(&location) != Some(&from) => Err((
                "changeFromQuantity",
                "CHANGE_FROM_QUANTITY_STALE",
                "The changeFromQuantity argument no longer matches the persisted quantity.",
            )),
            _ => Ok((variant.id, location, quantity)),
        }
    }

    fn create_fulfillment(&mut self, input: &Value) -> Node {
        let (node, wrong) = match self.asked(input) {
            Ok((order, asked)) => {
                let parcel = self.ship(order, asked);
                (stub("Fulfillment", parcel, self.now()), Vec::new())
            }
            Err(words) => (NULL, vec![Wrong::at(&["fulfillment"], words)]),
        };
        object(
            "FulfillmentCreatePayload",
            [("fulfillment", node), ("userErrors", wrongs("UserError", &wrong))],
        )
    }

    /// The order and the parcel that an input asks for.
    fn asked(&self, input: &Value) -> Result<(u64, Asked), String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let tracking = &input["trackingInfo"];
        let mut asked = Asked {
            company: text(&tracking["company"]),
            number: text(&tracking["number"]),
            url: text(&tracking["url"]),
            ..Asked::default()
        };
        let mut of = None;
        for group in input["lineItemsByFulfillmentOrder"].as_array().into_iter().flatten() {
            let id = number(&group["fulfillmentOrderId"], "FulfillmentOrder").unwrap_or(0);
            let order = self.by_work.get(&id).and_then(|order| self.orders.get(order));
            let found = order.and_then(|order| Some((order, order.work.iter().find(|work| work.id == id)?)));
            let (order, work) = found.ok_or_else(|| "Fulfillment order does not exist.".to_owned())?;
            if *of.get_or_insert(order.id) != order.id || (asked.location | work.location) != work.location {
                return Err("All fulfillment orders must belong to the same order and location.".to_owned());
            }
            asked.location = work.location;
            if !work.actions().contains(&"CREATE_FULFILLMENT") {
                let words = format!(
                    "Fulfillment order {id} has an unfulfillable status= {}.",
                    work.status.to_lowercase()
                );
                return Err(words);
            }
            let open = |line: u64| order.lines.iter().find(|l| l.id == line).map_or(0, |line| line.open);
            let rows = group["fulfillmentOrderLineItems"].as_array().filter(|rows| !rows.is_empty());
            let Some(rows) = rows else {
                asked.lines.extend(work.lines.iter().map(|(_, line)| (*line, open(*line))));
                continue;
            };
            for row in rows {
                let line = number(&row["id"], "FulfillmentOrderLineItem")
                    .and_then(|id| work.lines.iter().find(|line| line.0 == id))
                    .ok_or("Invalid fulfillment order line item.")?
                    .1;
                let units = row["quantity"].as_i64().unwrap_or(0);
                if units < 1 || units > open(line) {
                    return Err("Invalid fulfillment order line item quantity requested.".to_owned());
                }
                asked.lines.push((line, units));
            }
        }
        asked.lines.retain(|(_, units)| *units > 0);
        match of {
            Some(order) if !asked.lines.is_empty() => Ok((order, asked)),
            _ => Err("There is nothing to fulfill.".to_owned()),
        }
    }

    fn cancel_order(&mut self, id: &Value, note: &Value) -> Node {
        let id = number(id, "Order").unwrap_or(0);
        let at = self.now().saturating_add(i64::try_from(self.config.cancel_takes.as_secs()).unwrap_or(0));
        let wrong = match self.orders.get(&id) {
            None => Some(Wrong::coded("NOT_FOUND", &["orderId"], "Order does not exist.")),
            Some(order) if order.cancelled.is_some() || order.cancelling => {
                Some(Wrong::coded("INVALID", &["orderId"], "Order has already been canceled."))
            }
            Some(order) if order.lines.iter().any(|line| line.open < line.quantity - line.gone) => {
                Some(Wrong::coded(
                    "INVALID",
                    &["orderId"],
                    "Cannot cancel an order with outstanding fulfillments.",
                ))
            }
            Some(_) => None,
        };
        let job = match &wrong {
            Some(_) => NULL,
            None => {
                let text = note.as_str().unwrap_or_default().to_owned();
                if let Some(order) = self.orders.get_mut(&id) {
                    order.cancelling = true;
                    order.staff_note = text;
                }
                self.jobs.push((at, id));
                let done = self.config.cancel_takes.is_zero();
                self.settle();
                object("Job", [("id", gid("Job", id)), ("done", done.into())])
            }
        };
        let wrong: Vec<Wrong> = wrong.into_iter().collect();
        object(
            "OrderCancelPayload",
            [("job", job), ("orderCancelUserErrors", wrongs("OrderCancelUserError", &wrong))],
        )
    }

    fn mark_paid(&mut self, id: &Value) -> Node {
        let id = number(id, "Order").unwrap_or(0);
        let wrong = match self.orders.get(&id) {
            None => vec![Wrong::at(&["id"], "Order does not exist.")],
            Some(order) if !order.can_be_marked_paid() => {
                vec![Wrong::at(&["id"], "Order cannot be marked as paid.")]
            }
            Some(_) => Vec::new(),
        };
        if wrong.is_empty() {
            self.pay(id);
        }
        let order = self.orders.get(&id).map_or(NULL, |order| self.show_order(order));
        object("OrderMarkAsPaidPayload", [("order", order), ("userErrors", wrongs("UserError", &wrong))])
    }

    fn update_order(&mut self, input: &Value) -> Node {
        let id = number(&input["id"], "Order").unwrap_or(0);
        let note = input["note"].as_str().unwrap_or_default().to_owned();
        let wrong = match self.orders.contains_key(&id) {
            false => vec![Wrong::at(&["id"], "Order does not exist.")],
            true if note.chars().count() > 5000 => {
                vec![Wrong::at(&["note"], "Note is too long (maximum is 5000 characters)")]
            }
            true => Vec::new(),
        };
        if wrong.is_empty() {
            self.edit_order(id, |order| order.note = note);
        }
        let order = self.orders.get(&id).map_or(NULL, |order| self.show_order(order));
        object("OrderUpdatePayload", [("order", order), ("userErrors", wrongs("UserError", &wrong))])
    }

    fn create_hook(&mut self, topic: &Value, input: &Value) -> Node {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let hook = Hook { id: self.id(), topic: text(topic), uri: text(&input["uri"]), failures: 0 };
        let taken = self.hooks.values().any(|other| (&other.topic, &other.uri) == (&hook.topic, &hook.uri));
        let field = ["webhookSubscription", "callbackUrl"];
        let wrong = match () {
            () if taken => vec![Wrong::at(&field, "Address for this topic has already been taken")],
            () if !hook.uri.starts_with("https://") && !hook.uri.starts_with("http://127.0.0.1") => {
                vec![Wrong::at(&field, "Address protocol http:// is not supported")]
            }
            () => Vec::new(),
        };
        let node = if wrong.is_empty() { hook.node() } else { NULL };
        if wrong.is_empty() {
            self.hooks.insert(hook.id, hook);
        }
        object(
            "WebhookSubscriptionCreatePayload",
            [("webhookSubscription", node), ("userErrors", wrongs("UserError", &wrong))],
        )
    }
}

fn place(at: usize, field: &str, (code, words): (&'static str, &'static str)) -> Wrong {
    Wrong::coded(code, &["input", "quantities", &at.to_string(), field], words)
}

fn stock_payload(wrong: Vec<Wrong>) -> Node {
    let group = match wrong.is_empty() {
        true => object("InventoryAdjustmentGroup", [("id", gid("InventoryAdjustmentGroup", 1))]),
        false => NULL,
    };
    object(
        "InventorySetQuantitiesPayload",
        [
            ("inventoryAdjustmentGroup", group),
            ("userErrors", wrongs("InventorySetQuantitiesUserError", &wrong)),
        ],
    )
}
