//! The root of queries.

use serde_json::{Map, Value, json};

use super::graphql::{Field, Request};
use super::node::{Cutter, Fault, NULL, Node, no_field, object};
use super::show::{self, date, gid};
use super::state::Shop;

/// What an answer says: the data, and the list of errors.
pub(super) type Answer = (Value, Vec<Fault>);

/// The scope that a root field wants.
fn scope(field: &str) -> Option<&'static str> {
    Some(match field {
        "orders" | "order" => "read_orders",
        "orderCancel" | "orderMarkAsPaid" | "orderUpdate" => "write_orders",
        "fulfillmentOrders" | "fulfillmentOrder" => "read_merchant_managed_fulfillment_orders",
        "fulfillmentCreate" => "write_merchant_managed_fulfillment_orders",
        "productVariants" => "read_products",
        "locations" => "read_locations",
        "inventorySetQuantities" => "write_inventory",
        _ => return None,
    })
}

/// The number in a global id of that kind.
pub(super) fn number(id: &Value, kind: &str) -> Option<u64> {
    id.as_str()?.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?.parse().ok()
}

impl Shop {
    /// Runs an operation.
    ///
    /// Errors: what makes the whole of it fail.
    pub(super) fn run(&mut self, request: &Request, faults: &banto_sim::Faults) -> Result<Answer, Fault> {
        let root = if request.operation.mutation { "Mutation" } else { "QueryRoot" };
        let mut data = Map::new();
        let mut cutter = Cutter::new(request);
        for field in request.fields(&request.operation.selection, root) {
            if let Some(scope) = scope(&field.name)
                && !self.may(scope)
            {
                let message = format!(
                    "Access denied for {} field. Required access: `{scope}` access scope.",
                    field.name
                );
                let mut fault = Fault::new("ACCESS_DENIED", message);
                fault.path.push(json!(field.key()));
                cutter.withheld.push(fault);
                data.insert(field.key().to_owned(), Value::Null);
                continue;
            }
            let node = match request.operation.mutation {
                true => self.mutate(request, field, faults)?,
                false => self.query(request, field)?,
            };
            let value = cutter.cut(field, &node)?;
            data.insert(field.key().to_owned(), value);
        }
        let data =
            match cutter.withheld.iter().any(|fault| fault.path.len() == 1) && !request.operation.mutation {
                // Root fields of queries are never null, so a denied one takes everything with it.
                true => Value::Null,
                false => Value::Object(data),
            };
        Ok((data, cutter.withheld))
    }

    fn may(&self, scope: &str) -> bool {
        let write = scope.replacen("read_", "write_", 1);
        self.config.scopes.iter().any(|given| given == scope || *given == write)
    }

    fn query(&mut self, request: &Request, field: &Field) -> Result<Node, Fault> {
        let arg = |name: &str| request.arg(field, name);
        Ok(match field.name.as_str() {
            "shop" => self.show_shop(),
            "currentAppInstallation" => self.installation(),
            "publicApiVersions" => versions(&self.config.served_version),
            "locations" => {
                let places = [Some(self.config.location), self.config.second_location];
                Node::Pages(places.into_iter().flatten().map(|id| self.show_location(id)).collect())
            }
            "orders" => self.orders_page(request, field)?,
            "fulfillmentOrders" => self.work_page(request, field)?,
            "order" => number(&arg("id"), "Order")
                .and_then(|id| self.orders.get(&id))
                .map_or(NULL, |order| self.show_order(order)),
            "fulfillmentOrder" => {
                number(&arg("id"), "FulfillmentOrder").map_or(NULL, |id| self.work_node(id))
            }
            "node" => self.node(&arg("id")),
            "nodes" => {
                let ids = arg("ids").as_array().cloned().unwrap_or_default();
                if ids.len() > 250 {
                    return Err(Fault::new("MAX_INPUT_SIZE_EXCEEDED", "The input array size exceeds 250"));
                }
                Node::List(ids.iter().map(|id| self.node(id)).collect())
            }
            "productVariants" => self.variants_page(request, field)?,
            "webhookSubscriptions" => {
                Node::Pages(self.hooks.values().map(super::hooks::Hook::node).collect())
            }
            other => return Err(no_field(other, "QueryRoot")),
        })
    }

    fn installation(&self) -> Node {
        let scope = |scope: &String| object("AccessScope", [("handle", scope.clone().into())]);
        object(
            "AppInstallation",
            [("accessScopes", Node::List(self.config.scopes.iter().map(scope).collect()))],
        )
    }

    fn node(&self, id: &Value) -> Node {
        if let Some(order) = number(id, "Order").and_then(|id| self.orders.get(&id)) {
            return self.show_order(order);
        }
        if let Some(variant) = number(id, "InventoryItem").and_then(|id| self.by_item.get(&id)) {
            return self.variants.get(variant).map_or(NULL, |variant| self.show_item(variant));
        }
        let parts = self.orders.values().rev();
        if let Some(id) = number(id, "Fulfillment") {
            let found = parts.flat_map(|order| &order.parcels).find(|parcel| parcel.id == id);
            return found.map_or(NULL, show::parcel);
        }
        if let Some(id) = number(id, "Refund") {
            let mut all = parts.flat_map(|order| order.refunds.iter().map(move |refund| (order, refund)));
            return all
                .find(|(_, refund)| refund.id == id)
                .map_or(NULL, |(order, one)| show::refund(order, one));
        }
        NULL
    }

    fn work_node(&self, id: u64) -> Node {
        let order = self.by_work.get(&id).and_then(|order| self.orders.get(order));
        let found = order.and_then(|order| Some((order, order.work.iter().find(|work| work.id == id)?)));
        found.map_or(NULL, |(order, work)| self.show_work(order, work))
    }

    fn orders_page(&mut self, request: &Request, field: &Field) -> Result<Node, Fault> {
        let first = first(request, field)?;
        if request.arg(field, "reverse") == json!(true) {
            let newest = self.orders.values().rev().take(first).map(|order| self.show_order(order));
            return Ok(Node::Page(newest.collect(), None));
        }
        let search = Search::read(request, field)?;
        let found = self.order_index.from(search.since, search.after);
        let shown =
            |id: &u64| search.any || self.orders.get(id).is_some_and(|order| order.cancelled.is_none());
        let rows: Vec<(i64, u64)> = found.filter(|(_, id)| shown(id)).take(first + 1).collect();
        let node = |id: u64| self.orders.get(&id).map(|order| self.show_order(order));
        Ok(page(rows, first, node))
    }

    fn work_page(&mut self, request: &Request, field: &Field) -> Result<Node, Fault> {
        let first = first(request, field)?;
        let search = Search::read(request, field)?;
        let closed = request.arg(field, "includeClosed") == json!(true);
        let rows: Vec<(i64, u64)> =
            self.work_index.from(search.since, search.after).take(first + 1).collect();
        let node = |id: u64| {
            let order = self.orders.get(self.by_work.get(&id)?)?;
            let work = order.work.iter().find(|work| work.id == id && (closed || work.is_open()))?;
            Some(self.show_work(order, work))
        };
        Ok(page(rows, first, node))
    }

    fn variants_page(&self, request: &Request, field: &Field) -> Result<Node, Fault> {
        let first = first(request, field)?;
        let after = request.arg(field, "after");
        let after = after.as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let mut rows: Vec<_> = self.variants.range(after + 1..).take(first + 1).collect();
        let more = rows.len() > first;
        rows.truncate(first);
        let next = rows.last().filter(|_| more).map(|(id, _)| id.to_string());
        Ok(Node::Page(rows.into_iter().map(|(_, variant)| self.show_variant(variant)).collect(), next))
    }
}

/// The rows of a page, one of which only says that there are more.
fn page(mut rows: Vec<(i64, u64)>, first: usize, node: impl Fn(u64) -> Option<Node>) -> Node {
    let more = rows.len() > first;
    rows.truncate(first);
    let next = rows.last().filter(|_| more).map(|(at, id)| format!("{at}:{id}"));
    Node::Page(rows.into_iter().filter_map(|(_, id)| node(id)).collect(), next)
}

fn first(request: &Request, field: &Field) -> Result<usize, Fault> {
    match request.arg(field, "first").as_u64() {
        Some(first @ 1..=250) => Ok(usize::try_from(first).unwrap_or(250)),
        Some(_) => Err(Fault::new("BAD_REQUEST", "first must be between 1 and 250")),
        None => {
            Err(Fault::new("BAD_REQUEST", format!("you must provide one of first or last on {}", field.name)))
        }
    }
}

/// A search by date of change.
struct Search {
    since: i64,
    after: Option<(i64, u64)>,
    any: bool,
}

impl Search {
    fn read(request: &Request, field: &Field) -> Result<Self, Fault> {
        if request.arg(field, "sortKey") != json!("UPDATED_AT") {
            return Err(Fault::new("BAD_REQUEST", "this fake sorts searches by UPDATED_AT alone"));
        }
        let query = request.arg(field, "query");
        let query = query.as_str().unwrap_or_default();
        let since = query
            .split_once("updated_at:>='")
            .and_then(|(_, rest)| rest.split_once('\''))
            .and_then(|(at, _)| at.parse::<jiff::Timestamp>().ok())
            .map_or(i64::MIN, jiff::Timestamp::as_second);
        let after =
            match request.arg(field, "after") {
                Value::Null => None,
                cursor => Some(place(&cursor).ok_or_else(|| {
                    Fault::new("BAD_REQUEST", "Invalid cursor for current pagination sort.")
                })?),
            };
        Ok(Self { since, after, any: query.contains("status:any") })
    }
}

fn place(cursor: &Value) -> Option<(i64, u64)> {
    let (at, id) = cursor.as_str()?.split_once(':')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

/// The versions that live: the one that is served, and a later one.
fn versions(served: &str) -> Node {
    let version = |handle: &str, supported: bool| {
        object(
            "ApiVersion",
            [("handle", handle.into()), ("displayName", handle.into()), ("supported", supported.into())],
        )
    };
    Node::List(vec![version(served, true), version("unstable", false)])
}

/// The id and the second of an order, for answers of mutations.
pub(super) fn stub(kind: &'static str, id: u64, second: i64) -> Node {
    object(kind, [("id", gid(kind, id)), ("createdAt", date(second))])
}
