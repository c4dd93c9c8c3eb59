//! Everything the shop knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use axum::body::Bytes;
use banto_channel::{Clock, ListingId, Timestamp, minor_digits};
use banto_sim::market::Seen;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::sync::Notify;

use super::auth::ApiKey;
use super::hooks::{Delivery, Hook};
use super::order::{Meta, Note, Order, TaxRate};
use super::order_json::OrderView;
use super::php;
use super::product::{Product, View, listing_id};
use super::{FakeConfig, FakeProduct};

/// The most order texts that are kept; above it all are dropped and made again.
const TEXTS_KEPT: usize = 20_000;

/// The shop.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) config: FakeConfig,
    pub(super) clock: Arc<dyn Clock>,
    /// Site address without a slash at its end.
    pub(super) site: String,
    pub(super) digits: u32,
    pub(super) rates: Vec<TaxRate>,
    pub(super) key: ApiKey,
    pub(super) orders: BTreeMap<u64, Order>,
    pub(super) by_created: BTreeSet<(i64, u64)>,
    pub(super) by_modified: BTreeSet<(i64, u64)>,
    /// Orders that lists leave out unless their status is asked for.
    pub(super) hidden: BTreeSet<u64>,
    pub(super) products: BTreeMap<u64, Product>,
    pub(super) hooks: BTreeMap<u64, Hook>,
    pub(super) outbox: VecDeque<Delivery>,
    /// A webhook is on its way.
    pub(super) delivering: bool,
    /// What lies in the outbox.
    pub(super) waiting: HashSet<Delivery>,
    pub(super) outbox_filled: Arc<Notify>,
    pub(super) seen: Vec<Seen>,
    pub(super) rng: StdRng,
    last_post: u64,
    last_item: u64,
    /// Order texts by id, with the order's version and the product epoch that they were made from.
    texts: HashMap<u64, (u64, u64, Bytes)>,
    /// Goes up when a SKU or a name changes, because order lines show them live.
    product_epoch: u64,
}

impl Shop {
    pub(super) fn new(config: FakeConfig, site: String) -> Self {
        let mut shop = Self {
            clock: Arc::clone(&config.clock),
            site,
            digits: minor_digits(&config.currency).unwrap_or(2),
            rates: config.tax_rates(),
            key: ApiKey::new(
                config.consumer_key.clone(),
                config.consumer_secret.clone(),
                config.accept_basic_on_http,
            ),
            orders: BTreeMap::new(),
            by_created: BTreeSet::new(),
            by_modified: BTreeSet::new(),
            hidden: BTreeSet::new(),
            products: BTreeMap::new(),
            hooks: BTreeMap::new(),
            outbox: VecDeque::new(),
            waiting: HashSet::new(),
            delivering: false,
            outbox_filled: Arc::new(Notify::new()),
            seen: Vec::new(),
            rng: StdRng::seed_from_u64(config.seed),
            // A fresh WordPress has used some ids for its own pages.
            last_post: 10,
            last_item: 0,
            texts: HashMap::new(),
            product_epoch: 0,
            config,
        };
        let products = std::mem::take(&mut shop.config.products);
        for product in products {
            shop.add_product(product);
        }
        shop
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    /// An id from the row that products, orders and refunds share, so that orders have gaps between them.
    pub(super) fn post_id(&mut self) -> u64 {
        self.last_post += 1;
        self.last_post
    }

    /// An id from the row of order items, notes and meta data.
    pub(super) fn item_id(&mut self) -> u64 {
        self.last_item += 1;
        self.last_item
    }

    fn add_product(&mut self, product: FakeProduct) {
        let now = self.now();
        let id = self.post_id();
        let option_list: Vec<&str> = product.variations.iter().map(|v| v.option.as_str()).collect();
        let option_list = option_list.join(" | ");
        let mut row = Product {
            id,
            parent: 0,
            children: Vec::new(),
            name: product.name.clone(),
            attribute: (!product.variations.is_empty()).then(|| (product.attribute.clone(), option_list)),
            sku: product.sku,
            gtin: product.gtin,
            price: product.variations.is_empty().then_some(product.price),
            reduced_tax: product.reduced_tax,
            stock: product.stock,
            manage_stock: product.stock.is_some(),
            stock_status: "instock".to_owned(),
            backorders: "no".to_owned(),
            status: "publish".to_owned(),
            created: now,
            modified: now,
            meta: Vec::new(),
        };
        row.align_stock();
        for variation in product.variations {
            let child = Product {
                id: self.post_id(),
                parent: id,
                children: Vec::new(),
                name: format!("{} - {}", product.name, variation.option),
                attribute: Some((product.attribute.clone(), variation.option)),
                sku: variation.sku,
                gtin: variation.gtin,
                price: Some(variation.price),
                stock: variation.stock,
                manage_stock: variation.stock.is_some(),
                ..row.clone()
            };
            row.children.push(child.id);
            self.products.insert(child.id, child);
            if let Some(child) = self.products.get_mut(&self.last_post) {
                child.align_stock();
            }
        }
        self.products.insert(id, row);
    }

    /// The row that counts the stock of `id`: itself, or its variable product.
    pub(super) fn stock_row(&self, id: u64) -> Option<&Product> {
        let row = self.products.get(&id)?;
        if row.manage_stock {
            return Some(row);
        }
        self.products.get(&row.parent).filter(|parent| parent.manage_stock)
    }

    /// Takes `by` units off (negative: puts them back), wherever the stock of `id` is counted.
    pub(super) fn move_stock(&mut self, id: u64, by: i64) -> bool {
        let Some(counted) = self.stock_row(id).map(|p| p.id) else {
            return false;
        };
        let now = self.now();
        if let Some(row) = self.products.get_mut(&counted) {
            row.stock = Some(row.stock.unwrap_or(0) - by);
            row.modified = now;
            row.align_stock();
        }
        self.emit("product.updated", counted);
        true
    }

    /// Call after a SKU or name changed or a product went.
    pub(super) fn product_names_changed(&mut self) {
        self.product_epoch += 1;
    }

    pub(super) fn product_view(&self, parent: u64) -> View<'_> {
        View {
            config: &self.config,
            site: &self.site,
            digits: self.digits,
            parent: self.products.get(&parent),
        }
    }

    /// One product or variation as `products/{id}` shows it.
    pub(super) fn product_json(&self, id: u64) -> Option<Value> {
        let row = self.products.get(&id)?;
        Some(self.product_view(row.parent).product(row))
    }

    /// Runs `f` with what the JSON of orders depends on.
    pub(super) fn with_order_view<T>(&self, dp: Option<u32>, f: impl FnOnce(&OrderView<'_>) -> T) -> T {
        f(&OrderView {
            config: &self.config,
            site: &self.site,
            digits: self.digits,
            dp: dp.unwrap_or(self.digits),
            rates: &self.rates,
            sku: &|id| {
                let product = self.products.get(&id)?;
                Some(product.sku_shown(self.products.get(&product.parent)).to_owned())
            },
            name: &|id| self.products.get(&id).map(|p| p.name.clone()),
        })
    }

    /// The text of an order as the API sends it, made once for each version of the order.
    pub(super) fn order_text(&mut self, id: u64) -> Option<Bytes> {
        let order = self.orders.get(&id)?;
        let stamp = (order.version, self.product_epoch);
        if let Some((version, epoch, text)) = self.texts.get(&id)
            && (*version, *epoch) == stamp
        {
            return Some(text.clone());
        }
        let text = Bytes::from(self.with_order_view(None, |view| php::json(&view.order(order))));
        if self.texts.len() >= TEXTS_KEPT {
            self.texts.clear();
        }
        self.texts.insert(id, (stamp.0, stamp.1, text.clone()));
        Some(text)
    }

    /// Takes a finished order in.
    pub(super) fn insert_order(&mut self, order: Order) {
        self.by_created.insert((order.created, order.id));
        self.by_modified.insert((order.modified, order.id));
        if order.hidden() {
            self.hidden.insert(order.id);
        }
        let id = order.id;
        self.orders.insert(id, order);
        self.emit("order.created", id);
    }

    /// Changes an order. `moves` says whether its date of modification moves with it.
    pub(super) fn edit_order<T>(
        &mut self,
        id: u64,
        moves: bool,
        f: impl FnOnce(&mut Order) -> T,
    ) -> Option<T> {
        let now = self.now();
        let order = self.orders.get_mut(&id)?;
        let result = f(order);
        order.version += 1;
        if moves && order.modified != now {
            self.by_modified.remove(&(order.modified, id));
            order.modified = now;
            self.by_modified.insert((now, id));
        }
        if order.hidden() {
            self.hidden.insert(id);
        } else {
            self.hidden.remove(&id);
        }
        Some(result)
    }

    /// Adds a note. It moves no date, and it is not part of the order's JSON.
    pub(super) fn add_note(
        &mut self,
        order: u64,
        author: &str,
        text: &str,
        for_customer: bool,
    ) -> Option<u64> {
        let note = Note {
            id: self.item_id(),
            created: self.now(),
            author: author.to_owned(),
            text: text.to_owned(),
            for_customer,
            automatic: false,
        };
        let id = note.id;
        self.orders.get_mut(&order)?.notes.push(note);
        Some(id)
    }

    /// A note that the shop writes itself.
    pub(super) fn note_event(&mut self, order: u64, text: &str) {
        self.add_note(order, "system", text, false);
        if let Some(note) = self.orders.get_mut(&order).and_then(|o| o.notes.last_mut()) {
            note.automatic = true;
        }
    }

    /// Sets the first meta entry of that key, or adds one.
    pub(super) fn set_meta(&mut self, order: u64, key: &str, value: Value) {
        let id = self.item_id();
        let moves = self.config.wc_version.meta_moves_orders();
        self.edit_order(order, moves, |order| match order.meta.iter_mut().find(|m| m.key == key) {
            Some(entry) => entry.value = value,
            None => order.meta.push(Meta { id, key: key.to_owned(), value }),
        });
        self.emit("order.updated", order);
    }

    /// Queues a webhook for everybody who asked for this topic. While one for the same object waits, there is
    /// no second one: the payload is made when it goes out.
    pub(super) fn emit(&mut self, topic: &'static str, object: u64) {
        for hook in self.hooks.values().filter(|h| h.status == "active" && h.topic == topic) {
            let delivery = Delivery { hook: hook.id, object };
            if self.waiting.insert(delivery) {
                self.outbox.push_back(delivery);
                self.outbox_filled.notify_one();
            }
        }
    }

    /// Remembers that a call came in; returns where its stock numbers go.
    pub(super) fn saw(&mut self, method: &str, path: &str, at: Timestamp) {
        self.seen.push(Seen { call: format!("{method} {path}"), stock: Vec::new(), at });
    }

    /// Adds a stock number to the call that is being answered.
    pub(super) fn saw_stock(&mut self, id: u64, parent: u64, quantity: i64) {
        if let Some(seen) = self.seen.last_mut() {
            seen.stock.push((listing_id(id, parent), quantity));
        }
    }

    /// The row that a listing names, if the listing is right about its parent.
    pub(super) fn row(&self, listing: &ListingId) -> Option<&Product> {
        let row = self.products.get(&super::product::row_of(listing)?)?;
        (row.listing() == *listing).then_some(row)
    }

    /// A number for gaps and choices.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.rng.random_range(0..below.max(1))
    }
}
