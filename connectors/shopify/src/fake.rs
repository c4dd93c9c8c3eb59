//! A Shopify shop in memory: an HTTP server that speaks as much of the GraphQL Admin API 2026-10 as is needed.
//!
//! It is written from Shopify's schema and documents and shares no type with the connector, so that the two check each
//! other. It reads any document: what is asked for is cut out of what the shop could tell, and a field that the schema
//! does not have is refused as Shopify refuses it. `tests/documents.rs` holds its answers to the schema.
//!
//! What a real shop does to those who talk to it, and this one does too:
//!
//! - Calls are paid in points from a bucket. What a document could cost at most must be there, what it did cost is
//!   taken; a call that comes too early is told THROTTLED with HTTP 200, one above 1,000 points never runs.
//! - A token of the client credentials grant lasts a day.
//! - `inventorySetQuantities` does all or nothing, names bad items by their place, compares where it is told to, and
//!   wants an idempotency key: a repeated one is answered from memory, one with other variables is refused, and so is one
//!   whose first try failed.
//! - Dates are whole seconds. A search shows a change when its index does, but always the order of today.
//! - A fulfillment order that is held, scheduled or somebody else's takes no parcel.
//! - A cancelled order is cancelled by a job.
//! - Withheld data comes as null with an ACCESS_DENIED beside it.
//! - A version that has ended is answered by another one, which a header names.
//! - A webhook that failed eight times in a row ends its subscription.
//!
//! What it does not do: bulk operations, order editing, returns with their reverse deliveries, several currencies in one
//! order, bundles, and the rules of Shopify Plus. The words of its user errors are its own.

mod door;
mod flow;
mod goods;
mod graphql;
mod hooks;
mod market;
mod mutate;
mod node;
mod odd;
mod order;
mod query;
mod server;
mod show;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::Clock;
use banto_sim::{Faults, catalogue};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use odd::OddOrder;

/// One variant that the shop starts with; a product with options is several of the same product.
#[derive(Clone, Debug, Default)]
pub struct FakeVariant {
    /// The product's title; variants of equal titles that follow each other are one product.
    pub product: String,
    /// The option's value; empty for a product without options.
    pub option: String,
    /// SKU; empty for none.
    pub sku: String,
    /// Barcode; empty for none.
    pub barcode: String,
    /// Price in minor units.
    pub price: i64,
    /// Stock at the main location; `None` where it is not tracked.
    pub stock: Option<i64>,
    /// Taxed at the reduced rate.
    pub reduced_tax: bool,
}

/// The bucket that calls are paid from.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    /// Points in a full bucket.
    pub bucket: f64,
    /// Points that come back each second of real time.
    pub rate: f64,
}

impl Points {
    /// The standard plan: 100 points a second, and 20 seconds' worth of them at once.
    pub const STANDARD: Self = Self { bucket: 2000.0, rate: 100.0 };
}

/// How the shop is set up. Start from [`FakeConfig::new`].
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// Seed of the faults, and part of the credentials.
    pub seed: u64,
    /// The shop's clock.
    pub clock: Arc<dyn Clock>,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What it sells.
    pub variants: Vec<FakeVariant>,
    /// ISO 4217 code of the shop.
    pub currency: String,
    /// Whether prices include tax.
    pub taxes_included: bool,
    /// Standard and reduced tax in hundredths of a percent.
    pub tax_bp: (i64, i64),
    /// The app's client ID.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: String,
    /// A custom app's lasting token, accepted beside those that the client credentials fetch.
    pub lasting_token: String,
    /// How long a fetched token lasts.
    pub token_life: Duration,
    /// What the app may do.
    pub scopes: Vec<String>,
    /// Whether the app may read buyers' data.
    pub protected_data: bool,
    /// The bucket; `None` to let every call through.
    pub points: Option<Points>,
    /// The version that answers, whichever is asked.
    pub served_version: String,
    /// The main location; lines ship from it.
    pub location: u64,
    /// A second location that every other line of an order ships from.
    pub second_location: Option<u64>,
    /// How long the job takes that cancels an order.
    pub cancel_takes: Duration,
    /// How much later a change shows in searches.
    pub search_lag: Duration,
    /// Whether staff restocks what it refunds.
    pub refunds_restock: bool,
    /// How long a webhook waits before it goes out.
    pub hook_delay: Duration,
}

impl FakeConfig {
    /// A Japanese shop with prices that include tax, an app that may do everything, and the standard plan's bucket.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        let scopes = [
            "write_orders",
            "read_all_orders",
            "read_products",
            "write_inventory",
            "read_locations",
            "write_merchant_managed_fulfillment_orders",
        ];
        Self {
            seed,
            clock,
            port: 0,
            variants: Vec::new(),
            currency: "JPY".to_owned(),
            taxes_included: true,
            tax_bp: (1000, 800),
            client_id: format!("{seed:032x}"),
            client_secret: format!("shpss_{seed:032x}"),
            lasting_token: format!("shpat_{seed:016x}lasting"),
            token_life: Duration::from_secs(86_399),
            scopes: scopes.map(ToOwned::to_owned).into(),
            protected_data: true,
            points: Some(Points::STANDARD),
            served_version: crate::API_VERSION.to_owned(),
            location: 90_001,
            second_location: None,
            cancel_takes: Duration::ZERO,
            search_lag: Duration::ZERO,
            refunds_restock: true,
            hook_delay: Duration::from_millis(3),
        }
    }

    /// The same shop with so many variants, equal for equal seeds.
    #[must_use]
    pub fn with_offers(mut self, count: usize) -> Self {
        let offers = catalogue(self.seed, count, &self.currency);
        let variant = |(at, offer): (usize, banto_channel::RemoteOffer)| FakeVariant {
            product: offer.title,
            option: String::new(),
            sku: offer.code.unwrap_or_default(),
            barcode: offer.gtin.unwrap_or_default(),
            price: offer.price.map_or(0, |(price, _)| price.0),
            stock: offer.quantity,
            reduced_tax: at.is_multiple_of(2),
        };
        self.variants = offers.into_iter().enumerate().map(variant).collect();
        self
    }

    /// What every token begins with that the client credentials fetch.
    #[must_use]
    pub fn token_prefix(&self) -> String {
        format!("shpat_{:016x}day", self.seed)
    }
}

/// What server, webhooks and staff share.
#[derive(Debug)]
struct Inner {
    shop: Mutex<state::Shop>,
    faults: Faults,
    hook_delay: Duration,
    shut: Arc<AtomicBool>,
}

impl Inner {
    fn shop(&self) -> MutexGuard<'_, state::Shop> {
        // Nothing panics while it holds the lock half-way through a change; a test that fails elsewhere may.
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running shop. Dropping it closes it.
#[derive(Debug)]
pub struct FakeShop {
    inner: Arc<Inner>,
    url: String,
    addr: SocketAddr,
    closing: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<()>>>,
    postman: JoinHandle<()>,
}

impl FakeShop {
    /// Opens the shop on 127.0.0.1.
    ///
    /// Errors: the port is taken.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let addr = listener.local_addr()?;
        let shut = Arc::new(AtomicBool::new(false));
        let inner = Arc::new(Inner {
            faults: Faults::calm(config.seed),
            hook_delay: config.hook_delay,
            shut: Arc::clone(&shut),
            shop: Mutex::new(state::Shop::new(config)),
        });
        let (closing, mut closed) = watch::channel(false);
        let app = server::app(Arc::clone(&inner));
        let server = axum::serve(door::Door { listener, shut }, app).with_graceful_shutdown(async move {
            // A sender that is gone closes the shop too.
            let _ = closed.wait_for(|closing| *closing).await;
        });
        Ok(Self {
            postman: tokio::spawn(hooks::postman(Arc::clone(&inner))),
            inner,
            url: format!("http://{addr}"),
            addr,
            closing,
            server: Mutex::new(Some(tokio::spawn(async move {
                // The only errors of `serve` are those of a listener that cannot be asked for its address.
                let _ = server.await;
            }))),
        })
    }

    /// The shop's address, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The `[connector]` table for this shop; `secret_file` names the file with the client secret.
    #[must_use]
    pub fn connector_table(&self, secret_file: &str) -> String {
        let shop = self.shop();
        format!(
            "shop = \"fake.myshopify.com\"\nurl = \"{}\"\nclient_id = \"{}\"\nclient_secret_file = \"{secret_file}\"\n\
             location_ids = [{}]\n",
            self.url, shop.config.client_id, shop.config.location
        )
    }

    /// From now on no token that was given out is accepted; new ones may be fetched.
    pub fn end_tokens(&self) {
        self.shop().tokens.clear();
    }

    /// The app's secret is another one from now on; tokens and webhooks alike.
    pub fn rotate_secret(&self, secret: &str) {
        secret.clone_into(&mut self.shop().config.client_secret);
    }

    /// A webhook about the newest order, as it would go out: headers with names in lower case, and the body.
    #[must_use]
    pub fn signed_hook(&self) -> (Vec<(String, String)>, Vec<u8>) {
        let post = self.shop().payload("ORDERS_UPDATED", "http://127.0.0.1/", None);
        let lower = |(name, value): &(&'static str, String)| (name.to_ascii_lowercase(), value.clone());
        (post.headers.iter().map(lower).collect(), post.body)
    }

    /// Puts what is open of an order on hold, or takes the hold away. The order's own date does not move.
    pub fn hold(&self, order: &banto_channel::RemoteOrderId, held: bool) {
        let id = order.as_str().parse().unwrap_or(0);
        self.shop().hold(id, held);
    }

    /// The payment of an order expires, as Shopify has it three days after a konbini slip was printed.
    pub fn expire(&self, order: &banto_channel::RemoteOrderId) {
        let id = order.as_str().parse().unwrap_or(0);
        self.shop().edit_order(id, |order| "EXPIRED".clone_into(&mut order.financial));
    }

    /// How many calls were told THROTTLED.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.shop().throttled
    }

    /// Closes the shop: answers what it has begun, then takes no more calls.
    pub async fn stop(&self) {
        self.closing.send_replace(true);
        self.postman.abort();
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            let abort = server.abort_handle();
            // A caller that holds its connection open does not keep the shop open.
            if tokio::time::timeout(Duration::from_secs(2), server).await.is_err() {
                abort.abort();
            }
        }
    }

    /// An outage: while `down`, every connection is closed before anything is done.
    pub fn set_down(&self, down: bool) {
        self.inner.shut.store(down, Ordering::Release);
    }

    fn shop(&self) -> MutexGuard<'_, state::Shop> {
        self.inner.shop()
    }
}

impl Drop for FakeShop {
    fn drop(&mut self) {
        self.closing.send_replace(true);
        self.postman.abort();
    }
}
