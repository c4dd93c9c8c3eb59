//! How the real shop and the house must stand in the end, by what buyers and staff did.

use std::collections::BTreeMap;

use banto::store::Store;
use banto_channel::ListingId;
use banto_sim::Market;
use serde_json::{Value, json};

use super::stage::{Bought, OTHER, REAL, SOLD, Stage};
use crate::e2e::first_day::shown;
use crate::e2e::truth::{Side, disagreements, ended_mails, insist_on_mails, orders_of};

const ORDERS: &str = "query ($skip: Int!) { orders(options: {skip: $skip, take: 100,
    filter: {active: {eq: false}}, sort: {id: ASC}}) { items {
        id state payments { state } fulfillments { state trackingCode lines { quantity } } } } }";
const STOCK: &str =
    "query ($codes: [String!]!) { productVariants(options: {filter: {sku: {in: $codes}}}) { items {
    id sku stockLevels { stockOnHand stockAllocated } } } }";
const MOVEMENTS: &str = "query ($id: ID!, $skip: Int!) { productVariant(id: $id) {
    stockMovements(options: {skip: $skip, take: 100}) { items {
        ... on StockMovement { type quantity } } } } }";

/// What the real shop counts of a variant. Two changes at the same moment can make its `allocated` wrong (it reads,
/// adds and writes without a lock); the movements, a row each, tell what was done.
#[derive(Debug, Default)]
pub struct Shelf {
    pub on_hand: i64,
    pub allocated: i64,
    /// Units allocated to orders and not released by a cancellation.
    taken: i64,
    /// Units in fulfilments.
    left: i64,
}

impl Shelf {
    fn take(&mut self, movement: &Value) {
        let quantity = movement["quantity"].as_i64().unwrap();
        match movement["type"].as_str().unwrap() {
            "ALLOCATION" => self.taken += quantity,
            "RELEASE" => self.taken -= quantity,
            "SALE" => self.left -= quantity,
            "ADJUSTMENT" => {}
            other => panic!("nobody did that: {other} of {quantity}"),
        }
    }

    /// By how much the shop's own count of allocated units is off.
    pub fn drift(&self) -> i64 {
        self.allocated - (self.taken - self.left)
    }
}

/// What the real shop says of an order.
#[derive(Debug, PartialEq, Eq)]
struct Stand {
    state: String,
    payments: Vec<String>,
    /// Tracking number, units and state.
    parcels: Vec<(String, i64, String)>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Stand {
    fn read(order: &Value) -> Self {
        let parcel = |f: &Value| {
            let units = rows(&f["lines"]).map(|line| line["quantity"].as_i64().unwrap()).sum();
            (text(&f["trackingCode"]), units, text(&f["state"]))
        };
        let mut parcels: Vec<_> = rows(&order["fulfillments"]).map(parcel).collect();
        parcels.sort();
        let payments = rows(&order["payments"]).map(|p| text(&p["state"])).collect();
        Self { state: text(&order["state"]), payments, parcels }
    }

    /// What it must say: every parcel once, the money once.
    fn due(bought: &Bought) -> Self {
        let has_money = bought.paid || !bought.by_transfer;
        let state = match (bought.cancelled, bought.shipped()) {
            (true, _) => "Cancelled",
            (false, 0) if has_money => "PaymentSettled",
            (false, 0) => "PaymentAuthorized",
            (false, gone) if gone < bought.units() => "PartiallyShipped",
            (false, _) => "Shipped",
        };
        let payment = if has_money { "Settled" } else { "Authorized" };
        let parcel = |(tracking, units): &(String, i64)| (tracking.clone(), *units, "Shipped".to_owned());
        Self {
            state: state.to_owned(),
            payments: vec![payment.to_owned()],
            parcels: bought.parcels.iter().map(parcel).collect(),
        }
    }
}

/// Payment and fulfilment in the book.
fn booked(bought: &Bought) -> (&'static str, &'static str) {
    let fulfilment = match (bought.cancelled, bought.shipped()) {
        (true, _) => "cancelled",
        (false, 0) => "open",
        (false, gone) if gone < bought.units() => "partial",
        (false, _) => "shipped",
    };
    (if bought.paid || !bought.by_transfer { "paid" } else { "awaiting" }, fulfilment)
}

impl Stage {
    /// Every order that the real shop has.
    async fn stands(&self) -> BTreeMap<String, Stand> {
        let (mut admin, mut found) = (self.till.shop.admin.clone(), BTreeMap::new());
        loop {
            let page = admin.ask(ORDERS, json!({"skip": found.len()})).await;
            let before = found.len();
            found.extend(rows(&page["orders"]["items"]).map(|o| (text(&o["id"]), Stand::read(o))));
            if found.len() == before {
                return found;
            }
        }
    }

    /// Whether the real shop knows the parcel.
    pub async fn has_parcel(&self, order: &str, tracking: &str) -> bool {
        let query = "query ($id: ID!) { order(id: $id) { fulfillments { trackingCode } } }";
        let answer = self.till.shop.admin.clone().ask(query, json!({"id": order})).await;
        rows(&answer["order"]["fulfillments"]).any(|f| f["trackingCode"] == tracking)
    }

    /// What the real shop counts of each code.
    pub async fn shelves(&self) -> BTreeMap<String, Shelf> {
        let codes: Vec<&str> = SOLD.iter().map(|(code, ..)| *code).collect();
        let mut admin = self.till.shop.admin.clone();
        let answer = admin.ask(STOCK, json!({"codes": codes})).await;
        let mut shelves = BTreeMap::new();
        for variant in rows(&answer["productVariants"]["items"]) {
            let level = |name: &str| variant["stockLevels"][0][name].as_i64().unwrap();
            let mut shelf = Shelf {
                on_hand: level("stockOnHand"),
                allocated: level("stockAllocated"),
                ..Shelf::default()
            };
            let mut skip = 0;
            loop {
                let answer = admin.ask(MOVEMENTS, json!({"id": variant["id"], "skip": skip})).await;
                let page = answer["productVariant"]["stockMovements"]["items"].as_array().unwrap();
                page.iter().for_each(|movement| shelf.take(movement));
                skip += page.len();
                if page.is_empty() {
                    break;
                }
            }
            shelves.insert(text(&variant["sku"]), shelf);
        }
        shelves
    }

    /// Units of this code that the other shop's orders took.
    fn sold_elsewhere(&self, code: &str) -> i64 {
        let other = self.house.shop(OTHER);
        let offers = other.offers();
        let is_it = |listing: &Option<ListingId>| {
            offers.iter().any(|o| Some(&o.id) == listing.as_ref() && o.code.as_deref() == Some(code))
        };
        let orders = other.orders();
        let lines = orders.iter().flat_map(|o| &o.lines).filter(|(_, listing, ..)| is_it(listing));
        lines.map(|(_, _, ordered, gone)| ordered - gone).sum()
    }

    /// All that is not yet as it must be. `received` are the units of each code that came in on the way.
    pub async fn wrong(&self, store: &Store, received: i64) -> Vec<String> {
        let other = Side::new(OTHER, self.house.shop(OTHER).as_ref());
        let mut wrong = disagreements(store, &[other]).await;
        let (sales, stands, book) = (self.till.sales(), self.stands().await, orders_of(store, REAL).await);
        if !stands.keys().eq(sales.keys()) || !book.keys().eq(sales.keys()) {
            wrong.push(format!(
                "{} were bought, {} are there, {} booked",
                sales.len(),
                stands.len(),
                book.len()
            ));
        }
        for (id, bought) in &sales {
            let due = Stand::due(bought);
            if stands.get(id) != Some(&due) {
                wrong.push(format!("order {id} is {:?}, should be {due:?}", stands.get(id)));
            }
            let row = book.get(id);
            let is = row.map(|r| (r.payment.as_str(), r.fulfilment.as_str(), r.hold.as_deref()));
            let due = booked(bought);
            if is != Some((due.0, due.1, None)) {
                wrong.push(format!("order {id} is booked as {is:?}, should be {due:?}"));
            }
        }
        self.compare_shelves(&sales, received, &mut wrong).await;
        wrong
    }

    /// At the real shop lies what the house has, but for what is promised elsewhere; the other offers what is free.
    async fn compare_shelves(
        &self,
        sales: &BTreeMap<String, Bought>,
        received: i64,
        wrong: &mut Vec<String>,
    ) {
        let shelves = self.shelves().await;
        for (code, _, _, opening) in SOLD {
            let baskets = sales.values().filter(|b| !b.cancelled).flat_map(|b| &b.basket);
            let sold: i64 = baskets.filter(|(which, _)| which == code).map(|(_, units)| units).sum();
            let elsewhere = self.sold_elsewhere(code);
            let shelf = &shelves[*code];
            let lies_there = opening + received - elsewhere - shelf.left;
            if shelf.taken != sold || shelf.on_hand != lies_there {
                wrong.push(format!(
                    "{code}: {sold} sold and {lies_there} on the shelf, but {REAL} has {shelf:?}"
                ));
            }
            let (free, offered) =
                (opening + received - elsewhere - sold, shown(self.house.shop(OTHER), code));
            if offered != free {
                wrong.push(format!("{OTHER} offers {offered} of {code}, should offer {free}"));
            }
        }
    }

    /// Every buyer of the real shop was told what happened, once.
    pub async fn insist_on_mails(&self, store: &Store) {
        let got: BTreeMap<String, usize> = self.house.sink.by_message_id().into_iter().collect();
        let other = Side::new(OTHER, self.house.shop(OTHER).as_ref());
        insist_on_mails(store, &[other], &got).await;
        let mails = ended_mails(store, &got).await;
        let book = orders_of(store, REAL).await;
        for (id, bought) in self.till.sales() {
            let mut told: Vec<(&str, i64)> = mails
                .get(&book[&id].id)
                .into_iter()
                .flatten()
                .map(|m| (m.kind.as_str(), m.revision))
                .collect();
            told.sort_unstable();
            let mut due = vec![("received", 1)];
            due.extend((bought.paid || !bought.by_transfer).then_some(("paid", 1)));
            due.extend(bought.cancelled.then_some(("cancelled", 1)));
            due.extend((1..).zip(&bought.parcels).map(|(n, _)| ("shipped", n)));
            due.sort_unstable();
            assert_eq!(told, due, "mails about order {id}: {bought:?}");
        }
    }
}
