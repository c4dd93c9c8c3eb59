//! A house with two shops: a channel of the real Vendure, and a WooCommerce shop that sells the same goods.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banto::clock::SystemClock;
use banto_channel::{Cx, ListingId, Timestamp};
use banto_wire::{Wire, WireConfig};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::shop::Shop;
use crate::e2e::goods::GOODS;
use crate::e2e::house::{House, Plan};

/// Name of the channel at the real server.
pub const REAL: &str = "honten";
/// Name of the other.
pub const OTHER: &str = "kyoto";
/// What both sell: code, name, price, opening stock.
pub const SOLD: &[(&str, &str, i64, i64)] = GOODS.split_at(3).0;

const PASSWORD: &str = "vendure-password-never-to-be-seen";

/// An order at the real shop, and what was done about it.
#[derive(Clone, Debug, Default)]
pub struct Bought {
    /// Code and units.
    pub basket: Vec<(&'static str, i64)>,
    /// The money comes by bank transfer, and has not come until `paid`.
    pub by_transfer: bool,
    /// The house noted that the money came.
    pub paid: bool,
    pub cancelled: bool,
    /// Tracking number and units of each parcel.
    pub parcels: Vec<(String, i64)>,
}

impl Bought {
    pub fn units(&self) -> i64 {
        self.basket.iter().map(|(_, units)| units).sum()
    }

    pub fn shipped(&self) -> i64 {
        self.parcels.iter().map(|(_, units)| units).sum()
    }

    pub fn untouched(&self) -> bool {
        !self.paid && !self.cancelled && self.parcels.is_empty()
    }
}

/// Where buyers pay at the real shop; it remembers what was bought, by the shop's id of the order.
#[derive(Clone)]
pub struct Till {
    pub shop: Shop,
    variants: Vec<ListingId>,
    sales: Arc<Mutex<BTreeMap<String, Bought>>>,
}

impl Till {
    /// Somebody buys a little of this and that; one in four pays by bank transfer.
    pub async fn sell(&self, rng: &mut StdRng) -> String {
        let first = rng.random_range(0..SOLD.len());
        let mut basket = vec![(first, rng.random_range(1..=3))];
        if rng.random_bool(0.5) {
            basket.push(((first + 1) % SOLD.len(), 1));
        }
        let by_transfer = rng.random_ratio(1, 4);
        let lines: Vec<_> = basket.iter().map(|(at, units)| (&self.variants[*at], *units)).collect();
        let order = self.shop.buy(&lines, if by_transfer { "bank-transfer" } else { "card" }).await;
        let basket = basket.iter().map(|(at, units)| (SOLD[*at].0, *units)).collect();
        let bought = Bought { basket, by_transfer, ..Bought::default() };
        let known = self.sales.lock().unwrap().insert(order.0.clone(), bought);
        assert!(known.is_none(), "the shop gave {order} twice");
        order.0
    }

    pub fn sales(&self) -> BTreeMap<String, Bought> {
        self.sales.lock().unwrap().clone()
    }

    /// Notes what was done about an order.
    pub fn note(&self, order: &str, done: impl FnOnce(&mut Bought)) {
        done(self.sales.lock().unwrap().get_mut(order).unwrap());
    }
}

/// See the module.
pub struct Stage {
    pub house: House,
    pub till: Till,
}

impl Stage {
    /// `None` where no real server is to be used.
    pub async fn open(seed: u64) -> Option<Self> {
        let server = std::env::var("BANTO_TEST_VENDURE").ok()?;
        let clock = Arc::new(SystemClock::new(Duration::ZERO));
        let wire = Wire::new(WireConfig::new("staff", &[]), clock.clone()).unwrap();
        let cx = Cx { http: Arc::new(wire), clock };
        let mut shop = Shop::open(&cx, &server).await;
        let token = open_channel(&mut shop, cx.clock.now()).await;
        let goods: Vec<(String, i64)> =
            SOLD.iter().map(|(code, _, yen, _)| ((*code).to_owned(), *yen)).collect();
        let variants = shop.product("お茶とうつわ", &goods, 3).await;

        let plan = Plan { shops: &[(OTHER, "live")], seed, ..Plan::default() };
        let house = House::on_sqlite(plan).await;
        house.secret("vendure.password", PASSWORD);
        let text = format!(
            r#"kind = "vendure"
mode = "live"

[connector]
url = "{}/admin-api"
username = "{}"
password_file = "secrets/vendure.password"
channel_token = "{token}"
note_custom_field = "customerNote"

[orders]
poll_seconds = 1

[mail]
received = "us"
paid = "us"
shipped = "us"
cancelled = "us"
"#,
            shop.server,
            mail_of(&token)
        );
        fs::write(house.dir.path().join(format!("channels/{REAL}.toml")), text).unwrap();
        Some(Self { house, till: Till { shop, variants, sales: Arc::default() } })
    }
}

/// The address of a channel's administrator.
fn mail_of(channel: &str) -> String {
    format!("{channel}@shop.example")
}

/// Opens a channel that no other test sells through, makes an administrator of it as the connector's README says,
/// and goes there; the channel's token.
async fn open_channel(shop: &mut Shop, now: Timestamp) -> String {
    let token = format!("channel-{}", now.0);
    let there = "{ activeChannel { defaultLanguageCode defaultTaxZone { id } defaultShippingZone { id } }
        shippingMethods { items { id } } paymentMethods { items { id } } stockLocations { items { id } } }";
    let there = shop.admin.ask(there, Value::Null).await;
    let like = &there["activeChannel"];
    let query = "mutation ($i: CreateChannelInput!) { createChannel(input: $i) {
        ... on Channel { id } ... on ErrorResult { errorCode message } } }";
    let channel = json!({"code": token, "token": token, "defaultLanguageCode": like["defaultLanguageCode"],
        "defaultCurrencyCode": "JPY", "pricesIncludeTax": true, "defaultTaxZoneId": like["defaultTaxZone"]["id"],
        "defaultShippingZoneId": like["defaultShippingZone"]["id"]});
    let channel = shop.admin.act(query, json!({"i": channel})).await["id"].clone();
    for (query, kind, ids) in [
        (
            "mutation ($i: AssignShippingMethodsToChannelInput!) { assignShippingMethodsToChannel(input: $i) { id } }",
            "shippingMethods",
            "shippingMethodIds",
        ),
        (
            "mutation ($i: AssignPaymentMethodsToChannelInput!) { assignPaymentMethodsToChannel(input: $i) { id } }",
            "paymentMethods",
            "paymentMethodIds",
        ),
        (
            "mutation ($i: AssignStockLocationsToChannelInput!) { assignStockLocationsToChannel(input: $i) { id } }",
            "stockLocations",
            "stockLocationIds",
        ),
    ] {
        let all: Vec<&Value> = there[kind]["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        shop.admin.act(query, json!({"i": {"channelId": channel, ids: all}})).await;
    }
    let query = "mutation ($i: CreateRoleInput!) { createRole(input: $i) { id } }";
    let permissions = ["ReadOrder", "UpdateOrder", "ReadCatalog", "UpdateCatalog"];
    let role =
        json!({"code": token, "description": "banto", "permissions": permissions, "channelIds": [channel]});
    let role = shop.admin.act(query, json!({"i": role})).await["id"].clone();
    let query = "mutation ($i: CreateAdministratorInput!) { createAdministrator(input: $i) { id } }";
    let administrator = json!({"firstName": "banto", "lastName": "-", "emailAddress": mail_of(&token),
        "password": PASSWORD, "roleIds": [role]});
    shop.admin.act(query, json!({"i": administrator})).await;
    shop.admin.channel = Some(token.clone());
    token
}
