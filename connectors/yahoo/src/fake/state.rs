//! What the store knows: products, orders, tokens, and the calls that it saw.

use std::collections::BTreeMap;
use std::time::Duration;

use banto_channel::{ListingId, Timestamp};
use banto_sim::Seen;

use super::http::Call;
use super::order::{Order, get, set};
use super::{FakeConfig, FakeItem, FakeSub, auth};

const HOUR: Duration = Duration::from_secs(3_600);
const CONSENT_LIVES: i64 = 28 * 86_400;
/// Calls of a second apart may meet the fake a little closer.
const NEARLY_A_SECOND: i64 = 900_000;

pub(super) fn usual_items() -> Vec<FakeItem> {
    let simple = |n: i64| FakeItem {
        code: format!("tea-{n}"),
        name: format!("煎茶 & 茶筒 <{n}>号"),
        price: 540 * n,
        stock: Some(50),
        reduced_tax: n % 2 == 0,
        subs: Vec::new(),
    };
    let sub = |code: &str| FakeSub { code: code.to_owned(), option: code.to_uppercase(), stock: Some(20) };
    let shirt = FakeItem {
        code: "Shirt-01".to_owned(),
        name: "Tシャツ 髙﨑".to_owned(),
        price: 2_200,
        subs: ["s", "m", "l"].map(sub).into(),
        ..FakeItem::default()
    };
    (1..=6).map(simple).chain([shirt]).collect()
}

pub(super) fn many_items(count: usize) -> Vec<FakeItem> {
    let simple = |n: usize| FakeItem {
        code: format!("item-{n:06}"),
        name: format!("商品 {n}"),
        price: 1_000,
        stock: Some(500),
        ..FakeItem::default()
    };
    (1..=count).map(simple).collect()
}

#[derive(Debug)]
pub(super) struct Store {
    config: FakeConfig,
    items: BTreeMap<String, FakeItem>,
    /// Records by code; `None` is without limit.
    stock: BTreeMap<String, Option<i64>>,
    orders: BTreeMap<u64, Order>,
    seen: Vec<Seen>,
    /// Access tokens and when they end.
    tokens: BTreeMap<String, Timestamp>,
    granted: u64,
    refresh_token: String,
    consented: i64,
    key_version: String,
    accepts: bool,
    refused_orders: Option<&'static str>,
    last_call: BTreeMap<String, Timestamp>,
    today: (i64, u64),
    limited: u64,
}

impl Store {
    pub(super) fn new(config: FakeConfig) -> Self {
        let mut stock = BTreeMap::new();
        for item in &config.items {
            if item.subs.is_empty() {
                stock.insert(item.code.clone(), item.stock);
            }
            stock.extend(item.subs.iter().map(|sub| (format!("{}:{}", item.code, sub.code), sub.stock)));
        }
        Self {
            items: config.items.iter().map(|item| (item.code.clone(), item.clone())).collect(),
            stock,
            orders: BTreeMap::new(),
            seen: Vec::new(),
            tokens: BTreeMap::new(),
            granted: 0,
            refresh_token: config.refresh_token.clone(),
            consented: config.clock.now().as_secs(),
            key_version: config.key_version.clone(),
            accepts: true,
            refused_orders: None,
            last_call: BTreeMap::new(),
            today: (0, 0),
            limited: 0,
            config,
        }
    }

    pub(super) fn config(&self) -> &FakeConfig {
        &self.config
    }

    pub(super) fn clock(&self) -> Timestamp {
        self.config.clock.now()
    }

    pub(super) fn now(&self) -> i64 {
        self.clock().as_secs()
    }

    // Calls.

    pub(super) fn saw(&mut self, call: &Call, stock: Vec<(ListingId, i64)>) {
        let at = self.clock();
        self.seen.push(Seen { call: format!("{} {}", call.method, call.path), stock, at });
    }

    pub(super) fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    pub(super) fn limited(&self) -> u64 {
        self.limited
    }

    /// Whether one more call of this API may be made.
    pub(super) fn has_allowance(&mut self, api: &str) -> bool {
        if !self.config.limits {
            return true;
        }
        let now = self.clock();
        let day = now.as_secs().div_euclid(86_400);
        self.today = if self.today.0 == day { (day, self.today.1 + 1) } else { (day, 1) };
        let last = self.last_call.insert(api.to_owned(), now);
        let fits =
            self.today.1 <= self.config.daily && last.is_none_or(|last| now.0 - last.0 >= NEARLY_A_SECOND);
        self.limited += u64::from(!fits);
        fits
    }

    // Credentials.

    pub(super) fn accept(&mut self, accept: bool) {
        self.accepts = accept;
    }

    pub(super) fn consent(&mut self, refresh_token: &str) {
        refresh_token.clone_into(&mut self.refresh_token);
        self.consented = self.now();
        self.tokens.clear();
    }

    pub(super) fn consent_again(&mut self) {
        self.consented = self.now();
    }

    pub(super) fn consented(&self) -> i64 {
        self.consented
    }

    pub(super) fn issue_key(&mut self, version: &str) {
        version.clone_into(&mut self.key_version);
    }

    pub(super) fn key_version(&self) -> &str {
        &self.key_version
    }

    pub(super) fn accepts_refresh(&self, token: &str) -> bool {
        self.accepts && token == self.refresh_token && self.now() - self.consented < CONSENT_LIVES
    }

    pub(super) fn grant(&mut self) -> String {
        self.granted += 1;
        let token = auth::access_token(&self.config, self.granted);
        self.tokens.insert(token.clone(), self.clock().plus(HOUR));
        token
    }

    pub(super) fn accepts_token(&self, token: &str) -> bool {
        self.accepts && self.tokens.get(token).is_some_and(|ends| self.clock() < *ends)
    }

    pub(super) fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn refuse_orders(&mut self, code: Option<&'static str>) {
        self.refused_orders = code;
    }

    pub(super) fn refused_orders(&self) -> Option<&'static str> {
        self.refused_orders
    }

    // Products.

    pub(super) fn items(&self) -> impl Iterator<Item = &FakeItem> {
        self.items.values()
    }

    /// The product of a code, with or without a sub code.
    pub(super) fn item(&self, code: &str) -> Option<&FakeItem> {
        self.items.get(code.split(':').next().unwrap_or_default())
    }

    pub(super) fn stock(&self, code: &str) -> Option<Option<i64>> {
        self.stock.get(code).copied()
    }

    pub(super) fn set_stock(&mut self, code: &str, number: i64) {
        self.stock.insert(code.to_owned(), Some(number));
    }

    pub(super) fn move_stock(&mut self, code: &str, by: i64) {
        if let Some(Some(number)) = self.stock.get_mut(code) {
            *number += by;
        }
    }

    // Orders.

    pub(super) fn next_id(&self) -> (u64, String) {
        let number = self.orders.keys().next_back().map_or(10_000_001, |last| last + 1);
        (number, format!("{}-{number}", self.config.seller_id))
    }

    pub(super) fn add(&mut self, number: u64, order: Order) {
        self.orders.insert(number, order);
    }

    pub(super) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    fn number(&self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.config.seller_id)?.strip_prefix('-')?.parse().ok()
    }

    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(&self.number(id)?)
    }

    pub(super) fn order_mut(&mut self, id: &str) -> Option<&mut Order> {
        self.orders.get_mut(&self.number(id)?)
    }

    /// What a list may show.
    pub(super) fn visible(&self) -> impl Iterator<Item = &Order> {
        let now = self.clock();
        self.orders().filter(move |order| !order.held && order.placed.plus(self.config.lag) <= now)
    }

    pub(super) fn is_read_only(&self, order: &Order) -> bool {
        self.clock() < order.placed.plus(self.config.read_only)
    }

    pub(super) fn order_time(&self, order: &Order) -> String {
        self.told(order, "OrderTime").unwrap_or_default()
    }

    pub(super) fn published(&self, order: &Order) -> String {
        self.told(order, "PublicationTime").unwrap_or_default()
    }

    /// A field of an order, computed unless it was set; `None` for one that the mall does not have.
    pub(super) fn told(&self, order: &Order, name: &str) -> Option<String> {
        let groups = [&order.top, &order.pay, &order.ship, &order.detail];
        let set = groups.into_iter().find_map(|group| group.iter().find(|(key, _)| *key == name));
        if let Some((_, value)) = set {
            return Some(value.clone());
        }
        Some(match name {
            "OrderId" => order.id.clone(),
            "OrderTime" => japanese(order.placed),
            "LastUpdateTime" => japanese(order.updated),
            "PublicationTime" => japanese(order.published.unwrap_or(order.placed)),
            "IsReadOnly" => u8::from(self.is_read_only(order)).to_string(),
            _ => return None,
        })
    }

    pub(super) fn field(&self, id: &str, group: &str, name: &str) -> String {
        self.order(id).map(|order| get(order.group(group), name).to_owned()).unwrap_or_default()
    }

    /// Sets a field without a trace.
    pub(super) fn set_field(&mut self, id: &str, group: &str, name: &'static str, value: &str) {
        if let Some(order) = self.order_mut(id) {
            set(order.group_mut(group), name, value);
        }
    }

    /// Sets fields, which moves LastUpdateTime.
    pub(super) fn change(&mut self, id: &str, fields: &[(&str, &'static str, &str)]) {
        let now = self.clock();
        if let Some(order) = self.order_mut(id) {
            for (group, name, value) in fields {
                set(order.group_mut(group), name, value);
            }
            order.updated = now;
        }
    }

    /// Cancels an order and puts its goods back.
    pub(super) fn cancel(&mut self, id: &str, reason: &str, detail: &str) {
        let Some(order) = self.order(id) else { return };
        let back: Vec<(String, i64)> = order
            .lines
            .iter()
            .filter_map(|line| Some((line.listing.as_ref()?.as_str().to_owned(), Order::quantity(line))))
            .collect();
        let settled = if get(&order.pay, "PayStatus") == "1" { "7" } else { "6" };
        if get(&order.top, "OrderStatus") == "4" {
            return;
        }
        back.iter().for_each(|(code, number)| self.move_stock(code, *number));
        self.change(
            id,
            &[
                ("", "OrderStatus", "4"),
                ("", "CancelReason", reason),
                ("", "CancelReasonDetail", detail),
                ("Pay", "SettleStatus", settled),
            ],
        );
    }

    pub(super) fn hold(&mut self, id: &str) {
        self.change(id, &[("", "FraudHoldStatus", "1")]);
        if let Some(order) = self.order_mut(id) {
            order.held = true;
        }
    }

    /// A fraud check moves nothing but the time of publication.
    pub(super) fn publish(&mut self, id: &str) {
        let now = self.clock();
        if let Some(order) = self.order_mut(id) {
            order.held = false;
            order.published = Some(now);
            set(&mut order.top, "FraudHoldStatus", "2");
        }
    }
}

/// A time as answers have it.
fn japanese(time: Timestamp) -> String {
    let instant = jiff::Timestamp::from_second(time.as_secs()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)));
    local.strftime("%Y-%m-%dT%H:%M:%S+09:00").to_string()
}
