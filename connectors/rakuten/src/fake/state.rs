//! Everything the shop knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banto_channel::{Clock, ListingId};
use banto_sim::market::Seen;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::order::{Change, Order, When, day};
use super::server::Call;
use super::{FakeConfig, FakeItem, FakeVariant};

/// How long a cancellation waits to be settled (800 to 900).
const CANCEL_SETTLES: i64 = 3600;

/// manageNumber and variantId.
pub(super) type Sku = (String, String);

/// The shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) config: FakeConfig,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether credentials are looked at; off, all are refused.
    pub(super) accepts: bool,
    pub(super) items: BTreeMap<String, FakeItem>,
    /// Numbers by SKU, those of SKUs that do not exist among them.
    pub(super) stock: BTreeMap<Sku, i64>,
    pub(super) orders: BTreeMap<String, Order>,
    /// Second and number of each order, for each date that can be searched.
    pub(super) by_date: BTreeMap<When, BTreeSet<(i64, String)>>,
    /// Orders in a state that passes by itself.
    passing: BTreeSet<(i64, String)>,
    pub(super) seen: Vec<Seen>,
    rng: StdRng,
    last_id: i64,
    last_order: u64,
}

impl Shop {
    pub(super) fn new(config: FakeConfig) -> Self {
        let items: BTreeMap<String, FakeItem> =
            config.items.iter().map(|item| (item.manage_number.clone(), item.clone())).collect();
        let number = |item: &FakeItem, variant: &FakeVariant| {
            Some(((item.manage_number.clone(), variant.id.clone()), variant.stock?))
        };
        let stock = items
            .values()
            .flat_map(|item| item.variants.iter().filter_map(|variant| number(item, variant)))
            .collect();
        Self {
            clock: Arc::clone(&config.clock),
            accepts: true,
            items,
            stock,
            orders: BTreeMap::new(),
            by_date: BTreeMap::new(),
            passing: BTreeSet::new(),
            seen: Vec::new(),
            rng: StdRng::seed_from_u64(config.seed),
            last_id: 10_000_000,
            last_order: 0,
            config,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    /// A new id; other shops use some as well.
    pub(super) fn id(&mut self) -> i64 {
        self.last_id += self.rng.random_range(1..5);
        self.last_id
    }

    /// `123456-20261121-0000000123`.
    pub(super) fn order_number(&mut self) -> String {
        self.last_order += self.rng.random_range(1..4);
        let today = day(self.now()).replace('-', "");
        format!("{}-{today}-{:010}", self.config.shop, self.last_order)
    }

    pub(super) fn saw(&mut self, call: &Call, stock: Vec<(ListingId, i64)>) {
        let at = self.clock.now();
        self.seen.push(Seen { call: format!("{} {}", call.method, call.path), stock, at });
    }

    /// The SKU that a listing names, if the item has it.
    pub(super) fn variant(&self, sku: &Sku) -> Option<(&FakeItem, &FakeVariant)> {
        let item = self.items.get(&sku.0)?;
        Some((item, item.variants.iter().find(|variant| variant.id == sku.1)?))
    }

    pub(super) fn insert(&mut self, order: Order) {
        for (when, at) in &order.dates {
            self.by_date.entry(*when).or_default().insert((*at, order.number.clone()));
        }
        self.orders.insert(order.number.clone(), order);
    }

    /// Notes when something happened to an order.
    pub(super) fn date(&mut self, number: &str, when: When, at: i64) {
        let Some(order) = self.orders.get_mut(number) else {
            return;
        };
        let dates = self.by_date.entry(when).or_default();
        if let Some(before) = order.dates.insert(when, at) {
            dates.remove(&(before, number.to_owned()));
        }
        dates.insert((at, number.to_owned()));
    }

    /// 注文確認: a card is checked next, a prepayment is waited for.
    pub(super) fn confirm(&mut self, number: &str) {
        let now = self.now();
        self.date(number, When::Confirmed, now);
        let processing = i64::try_from(self.config.processing.as_secs()).unwrap_or(0);
        let Some(order) = self.orders.get_mut(number) else {
            return;
        };
        order.progress = 200;
        if !order.method.prepaid {
            order.passes_at = Some(now + processing);
            self.passing.insert((now + processing, number.to_owned()));
        }
        self.settle();
    }

    /// The order is fixed: paid or guaranteed.
    pub(super) fn fix(&mut self, number: &str, at: i64) {
        self.date(number, When::Fixed, at);
        if self.orders.get(number).is_some_and(|order| order.method.prepaid) {
            self.date(number, When::Paid, at);
        }
        if let Some(order) = self.orders.get_mut(number) {
            (order.progress, order.passes_at) = (300, None);
        }
    }

    /// Moves an order to 発送済 once everything stands there.
    pub(super) fn report(&mut self, number: &str) {
        let now = self.now();
        let ready = self.orders.get(number).is_some_and(|order| order.progress == 300 && order.is_reported());
        if ready {
            self.date(number, When::Shipped, now);
            self.date(number, When::Reported, now);
            if let Some(order) = self.orders.get_mut(number) {
                order.progress = 500;
            }
        }
    }

    /// Cancels: asked for, or settled at once. Puts the number back up if it is to.
    pub(super) fn cancel(&mut self, number: &str, detail: i64, at_once: bool, restock: bool) {
        let (now, id) = (self.now(), self.id());
        let Some(order) = self.orders.get_mut(number) else {
            return;
        };
        let before = order.progress;
        order.progress = if at_once { 900 } else { 800 };
        order.passes_at = (!at_once).then_some(now + CANCEL_SETTLES);
        order.changes.push(Change { id, kind: i64::from(at_once), detail, at: now });
        let lines = if restock && before < 800 { order.lines.clone() } else { Vec::new() };
        self.passing.extend((!at_once).then(|| (now + CANCEL_SETTLES, number.to_owned())));
        for line in lines {
            if let Some(stock) = self.stock.get_mut(&(line.manage_number, line.variant_id)) {
                *stock += line.units;
            }
        }
    }

    /// Lets the states pass that pass by themselves.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        while let Some((at, number)) = self.passing.first().filter(|(at, _)| *at <= now).cloned() {
            self.passing.remove(&(at, number.clone()));
            let state = self.orders.get(&number).filter(|o| o.passes_at == Some(at)).map(|o| o.progress);
            match state {
                Some(200) => self.fix(&number, at),
                Some(800) => {
                    if let Some(order) = self.orders.get_mut(&number) {
                        (order.progress, order.passes_at) = (900, None);
                    }
                }
                _ => {}
            }
        }
    }
}
