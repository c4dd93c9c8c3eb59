//! Everything the account knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use axum::body::Bytes;
use banto_channel::{Clock, ListingId, Money, Timestamp, minor_digits};
use banto_sim::faults::Faults;
use banto_sim::market::Seen;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::FakeConfig;
use super::feeds_api::{Document, Feed};
use super::order::Order;
use super::server::Call;

/// A listing.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) title: String,
    pub(super) price: i64,
    pub(super) stock: Option<i64>,
    pub(super) fba: bool,
    /// Seconds since 1970.
    pub(super) created: i64,
}

/// A search under way, which its page tokens name.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) found: Vec<u64>,
    pub(super) size: usize,
    pub(super) issued: i64,
    pub(super) until: i64,
    /// The other parameters, which must be repeated.
    pub(super) asked: String,
}

/// The account.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) config: FakeConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) url: String,
    pub(super) accepting: bool,
    pub(super) tokens: HashMap<String, Timestamp>,
    pub(super) tokens_given: u64,
    pub(super) requests: u64,
    pub(super) offers: BTreeMap<String, Offer>,
    /// SKUs, oldest listing first.
    pub(super) by_age: Vec<String>,
    pub(super) orders: BTreeMap<u64, Order>,
    pub(super) by_id: HashMap<String, u64>,
    pub(super) by_updated: BTreeSet<(i64, u64)>,
    pub(super) walks: BTreeMap<u64, Walk>,
    pub(super) walks_begun: u64,
    pub(super) documents: HashMap<String, Document>,
    pub(super) feeds: BTreeMap<u64, Feed>,
    /// Feeds that are not worked off, oldest first.
    pub(super) queue: Vec<u64>,
    pub(super) next_feed: Option<&'static str>,
    pub(super) seen: Vec<Seen>,
    pub(super) rng: StdRng,
}

impl Shop {
    pub(super) fn new(mut config: FakeConfig, url: String) -> Self {
        let offers = std::mem::take(&mut config.offers);
        let clock = Arc::clone(&config.clock);
        // Listed a second apart, the last of them a day ago.
        let first = clock.now().as_secs() - 86_400 - i64::try_from(offers.len()).unwrap_or(0);
        let by_age: Vec<String> = offers.iter().map(|offer| offer.sku.clone()).collect();
        let offer = |(age, offer): (i64, super::FakeOffer)| {
            let super::FakeOffer { sku, title, price, stock, fba } = offer;
            (sku, Offer { title, price, stock, fba, created: first + age })
        };
        Self {
            offers: (0..).zip(offers).map(offer).collect(),
            by_age,
            rng: StdRng::seed_from_u64(config.seed),
            clock,
            url,
            accepting: true,
            tokens: HashMap::new(),
            tokens_given: 0,
            requests: 0,
            orders: BTreeMap::new(),
            by_id: HashMap::new(),
            by_updated: BTreeSet::new(),
            walks: BTreeMap::new(),
            walks_begun: 0,
            documents: HashMap::new(),
            feeds: BTreeMap::new(),
            queue: Vec::new(),
            next_feed: None,
            seen: Vec::new(),
            config,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    /// Remembers that a call came in.
    pub(super) fn saw(&mut self, call: &Call) {
        let at = self.clock.now();
        self.seen.push(Seen { call: format!("{} {}", call.method, call.path), stock: Vec::new(), at });
    }

    /// Sets a quantity for the call that was seen last. `Err` holds why that cannot be.
    pub(super) fn set_quantity(&mut self, sku: &str, quantity: i64) -> Result<(), &'static str> {
        let Some(offer) = self.offers.get_mut(sku) else {
            return Err("This SKU does not exist in the Amazon catalog.");
        };
        if offer.fba {
            return Err("The SKU is fulfilled by Amazon and takes no quantity.");
        }
        if quantity < 0 {
            return Err("The quantity is below the minimum of 0.");
        }
        offer.stock = Some(quantity);
        if let Some(seen) = self.seen.last_mut() {
            seen.stock.push((ListingId::from(sku), quantity));
        }
        Ok(())
    }

    /// A new order's place and number, in Amazon's 3-7-7 form.
    pub(super) fn next_order(&mut self) -> (u64, String) {
        let place = self.orders.last_key_value().map_or(1, |(last, _)| last + 1);
        let tail: u32 = self.rng.random_range(0..10_000_000);
        (place, format!("250-{place:07}-{tail:07}"))
    }

    pub(super) fn insert(&mut self, order: Order) {
        self.by_id.insert(order.id.clone(), order.place);
        self.by_updated.insert((order.updated, order.place));
        self.orders.insert(order.place, order);
    }

    /// Changes an order, which moves its date.
    pub(super) fn edit<T>(&mut self, id: &str, change: impl FnOnce(&mut Order) -> T) -> Option<T> {
        let now = self.now();
        let order = self.orders.get_mut(self.by_id.get(id)?)?;
        self.by_updated.remove(&(order.updated, order.place));
        let result = change(order);
        order.updated = now;
        self.by_updated.insert((now, order.place));
        Some(result)
    }

    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(self.by_id.get(id)?)
    }

    /// Moves the stock of a SKU by what was sold (negative) or came back.
    pub(super) fn move_stock(&mut self, sku: &str, by: i64) {
        if let Some(stock) = self.offers.get_mut(sku).and_then(|offer| offer.stock.as_mut()) {
            // An oversold listing shows none, and never fewer.
            *stock = (*stock + by).max(0);
        }
    }

    /// An amount as the APIs write it.
    pub(super) fn amount(&self, minor: i64) -> Value {
        let currency = &self.config.currency;
        json!({ "amount": Money(minor).to_decimal(currency), "currencyCode": currency })
    }

    /// The currency's main unit in minor ones.
    pub(super) fn unit(&self) -> i64 {
        10_i64.pow(minor_digits(&self.config.currency).unwrap_or(2))
    }

    /// Works off every feed whose time has come.
    pub(super) fn work_off_feeds(&mut self, faults: &Faults) {
        let now = self.clock.now();
        while let Some(&id) = self.queue.first() {
            let due = self.feeds.get(&id).is_none_or(|feed| feed.due <= now);
            if !due {
                return;
            }
            self.queue.remove(0);
            self.work_off(id, faults);
        }
    }

    /// Keeps a document; returns nothing, since its id is known.
    pub(super) fn keep(&mut self, id: &str, document: Document) {
        self.documents.insert(id.to_owned(), document);
    }
}

/// A time as the APIs write it.
pub(super) fn iso(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Reads a time of a query or a body.
pub(super) fn second(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// Bytes of a JSON value.
pub(super) fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
