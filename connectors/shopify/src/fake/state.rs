//! Everything the shop knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use banto_channel::Timestamp;
use banto_sim::Seen;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::FakeConfig;
use super::goods::Variant;
use super::hooks::{Delivery, Hook};
use super::order::Order;

/// What a search believes, sorted as it answers: second of change, id.
#[derive(Debug, Default)]
pub(super) struct Index {
    rows: BTreeSet<(i64, u64)>,
    at: HashMap<u64, i64>,
    /// When a change becomes visible, and what it is.
    coming: VecDeque<(i64, u64, i64)>,
}

impl Index {
    /// Notes a change that shows from `visible` (microseconds) on.
    pub(super) fn note(&mut self, id: u64, updated: i64, visible: i64) {
        self.coming.push_back((visible, id, updated));
    }

    /// Takes in what became visible.
    pub(super) fn settle(&mut self, now: i64) {
        while self.coming.front().is_some_and(|(visible, ..)| *visible <= now) {
            if let Some((_, id, updated)) = self.coming.pop_front() {
                if let Some(before) = self.at.insert(id, updated) {
                    self.rows.remove(&(before, id));
                }
                self.rows.insert((updated, id));
            }
        }
    }

    /// Rows from a second on, behind a place.
    pub(super) fn from(
        &self,
        since: i64,
        after: Option<(i64, u64)>,
    ) -> impl Iterator<Item = (i64, u64)> + '_ {
        let begin = after.filter(|after| after.0 >= since).unwrap_or((since, 0));
        self.rows.range(begin..).copied().filter(move |row| Some(*row) != after)
    }
}

/// The shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) config: FakeConfig,
    next_id: u64,
    next_name: u64,
    pub(super) variants: BTreeMap<u64, Variant>,
    /// Variant by inventory item.
    pub(super) by_item: HashMap<u64, u64>,
    pub(super) orders: BTreeMap<u64, Order>,
    /// Order by fulfillment order.
    pub(super) by_work: HashMap<u64, u64>,
    pub(super) order_index: Index,
    pub(super) work_index: Index,
    /// Cancellations under way: when they are through, and of what.
    pub(super) jobs: Vec<(i64, u64)>,
    /// Tokens given out, with their ends in seconds.
    pub(super) tokens: HashMap<String, i64>,
    pub(super) accepts: bool,
    pub(super) seen: Vec<Seen>,
    /// Idempotency keys: the variables, and the answer if the try went well.
    pub(super) keys: HashMap<String, (Value, Option<Value>)>,
    /// Points in the bucket, and when that was.
    pub(super) bucket: (f64, Instant),
    pub(super) throttled: u64,
    pub(super) hooks: BTreeMap<u64, Hook>,
    pub(super) outbox: VecDeque<Delivery>,
    pub(super) outbox_filled: Arc<Notify>,
}

impl Shop {
    pub(super) fn new(config: FakeConfig) -> Self {
        let points = config.points.map_or(0.0, |points| points.bucket);
        let mut shop = Self {
            config,
            next_id: 5_000_000,
            next_name: 1000,
            variants: BTreeMap::new(),
            by_item: HashMap::new(),
            orders: BTreeMap::new(),
            by_work: HashMap::new(),
            order_index: Index::default(),
            work_index: Index::default(),
            jobs: Vec::new(),
            tokens: HashMap::new(),
            accepts: true,
            seen: Vec::new(),
            keys: HashMap::new(),
            bucket: (points, Instant::now()),
            throttled: 0,
            hooks: BTreeMap::new(),
            outbox: VecDeque::new(),
            outbox_filled: Arc::new(Notify::new()),
        };
        shop.stock_up();
        shop
    }

    /// The next id; other shops use some in between.
    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 7;
        self.next_id
    }

    pub(super) fn name(&mut self) -> String {
        self.next_name += 1;
        format!("#{}", self.next_name)
    }

    pub(super) fn time(&self) -> Timestamp {
        self.config.clock.now()
    }

    /// The second now; dates know no fractions.
    pub(super) fn now(&self) -> i64 {
        self.time().as_secs()
    }

    /// Jobs that are due, and changes that became visible.
    pub(super) fn settle(&mut self) {
        let now = self.time();
        let (due, later): (Vec<_>, Vec<_>) = self.jobs.drain(..).partition(|(at, _)| *at <= now.as_secs());
        self.jobs = later;
        due.into_iter().for_each(|(_, order)| self.cancel(order));
        self.order_index.settle(now.0);
        self.work_index.settle(now.0);
    }

    fn visible(&self) -> i64 {
        self.time().plus(self.config.search_lag).0
    }

    /// Takes a finished order in.
    pub(super) fn insert_order(&mut self, order: Order) {
        let (id, visible) = (order.id, self.visible());
        self.order_index.note(id, order.updated, visible);
        for work in &order.work {
            self.by_work.insert(work.id, id);
            self.work_index.note(work.id, work.updated, visible);
        }
        self.orders.insert(id, order);
        self.emit("ORDERS_CREATE", id);
    }

    /// Changes an order, and with it its date.
    pub(super) fn edit_order<T>(&mut self, id: u64, change: impl FnOnce(&mut Order) -> T) -> Option<T> {
        let (now, visible) = (self.now(), self.visible());
        let order = self.orders.get_mut(&id)?;
        let result = change(order);
        order.updated = now;
        self.order_index.note(id, now, visible);
        self.emit("ORDERS_UPDATED", id);
        Some(result)
    }

    /// Changes the fulfillment orders of an order; the order's own date stays.
    pub(super) fn edit_work(&mut self, id: u64, change: impl Fn(&mut super::order::Work)) {
        let (now, visible) = (self.now(), self.visible());
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        for work in &mut order.work {
            change(work);
            work.updated = now;
            self.work_index.note(work.id, now, visible);
        }
    }

    /// Puts what is open on hold, or takes the hold away.
    pub(super) fn hold(&mut self, id: u64, held: bool) {
        self.edit_work(id, |work| {
            if work.is_open() {
                work.status = if held { "ON_HOLD" } else { "OPEN" }.to_owned();
                work.hold = held.then(|| "Awaiting payment".to_owned());
            }
        });
    }

    /// Remembers that a call came in.
    pub(super) fn saw(&mut self, call: String) {
        let at = self.time();
        self.seen.push(Seen { call, stock: Vec::new(), at });
    }
}
