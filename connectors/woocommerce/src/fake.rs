//! A WooCommerce shop in memory: an HTTP server that behaves as WooCommerce was seen and is documented to.
//!
//! It is written from the REST API's own documents, from WooCommerce's source and from what real servers of
//! versions 7.9, 9.4 and 10.0 did, and shares no type with the connector, so that the two check each other.
//!
//! What a real shop does to those who talk to it, and this one does too:
//!
//! - Over plain HTTP only OAuth 1.0a signatures are looked at; a nonce is refused the second time, and that
//!   goes for a call that is repeated because its answer was lost.
//! - `modified_after` is exclusive and knows whole seconds only. Without `dates_are_gmt=true` it is compared
//!   with the shop's local time. A date *with* a zone is first turned into local time, whichever it is then
//!   compared with.
//! - A note never moves an order's date of modification; a change of meta data does from version 10 on.
//! - Unknown parameters are ignored, known ones are checked.
//! - A batch answers 200 with one error object for each item that failed.
//! - Lists leave out the trash, so that an order thrown away simply stops to appear.
//! - Order lines show the SKU that the product has *now*; `null` after it was deleted.
//! - JSON is escaped as PHP does it: `\/`, `\u` with four digits, whole floats as integers, empty objects as `[]`.
//! - `set_paid` does nothing to an order that is on hold.
//! - A webhook is tried once. After six failures in a row the seventh switches it off.
//!
//! What it does not do: create products, orders and coupons over HTTP, edit the lines of an order
//! (such a `PUT` is answered with 501), gateways that ask for money back, users and their rights, HTML pages.
//! The shape of a fulfilment's JSON is taken from the documentation's table and was not seen on a real server.

mod auth;
mod door;
mod flow;
mod hooks;
mod hooks_api;
mod market;
mod odd;
mod order;
mod order_json;
mod orders_api;
mod orders_list;
mod php;
mod product;
mod products_api;
mod query;
mod server;
mod ship_api;
mod staff;
mod state;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::Clock;
use banto_sim::faults::Faults;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use odd::OddOrder;

/// A version of WooCommerce, and with it the set of its quirks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WcVersion(
    /// Major.
    pub u16,
    /// Minor.
    pub u16,
    /// Patch.
    pub u16,
);

impl WcVersion {
    /// Whether a change of an order's meta data moves its date of modification: seen to in 10.0.2, seen not to
    /// in 7.9.0.
    #[must_use]
    pub const fn meta_moves_orders(self) -> bool {
        self.0 >= 10
    }
}

impl fmt::Display for WcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One variation of a [`FakeProduct`].
#[derive(Clone, Debug, Default)]
pub struct FakeVariation {
    /// The attribute's value (`"Red"`), shown after the product's name.
    pub option: String,
    /// SKU; empty for none.
    pub sku: String,
    /// JAN/GTIN; empty for none. Shown from version 9.2 on.
    pub gtin: String,
    /// Price in minor units.
    pub price: i64,
    /// Stock of its own; `None` to sell from the product's stock, or uncounted where that has none.
    pub stock: Option<i64>,
}

/// One product that the shop starts with.
#[derive(Clone, Debug, Default)]
pub struct FakeProduct {
    /// Title.
    pub name: String,
    /// SKU; empty for none.
    pub sku: String,
    /// JAN/GTIN; empty for none. Shown from version 9.2 on.
    pub gtin: String,
    /// Price in minor units; of no meaning where there are variations.
    pub price: i64,
    /// Stock; `None` where it is not counted.
    pub stock: Option<i64>,
    /// Taxed at the reduced rate.
    pub reduced_tax: bool,
    /// The name of the attribute that the variations differ in.
    pub attribute: String,
    /// Variations; empty for a simple product.
    pub variations: Vec<FakeVariation>,
}

/// How the shop is set up. Start from [`FakeConfig::new`].
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// Seed of gaps between ids and of the faults.
    pub seed: u64,
    /// The shop's clock.
    pub clock: Arc<dyn Clock>,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What it sells.
    pub products: Vec<FakeProduct>,
    /// ISO 4217 code; decides the decimals of every amount.
    pub currency: String,
    /// Whether the products' prices include tax. Order lines never do.
    pub prices_include_tax: bool,
    /// Standard and reduced tax in hundredths of a percent.
    pub tax_bp: (i64, i64),
    /// The shop's zone as minutes east of UTC.
    pub utc_offset_minutes: i64,
    /// `ck_…`.
    pub consumer_key: String,
    /// `cs_…`.
    pub consumer_secret: String,
    /// The key may read and not write.
    pub read_only_key: bool,
    /// Take Basic credentials as a shop behind TLS does. A real one refuses them on plain HTTP.
    pub accept_basic_on_http: bool,
    /// High-performance order storage; shown by `system_status`.
    pub hpos: bool,
    /// Version and quirks.
    pub wc_version: WcVersion,
    /// Most items that one page may ask for; 100 in WooCommerce.
    pub per_page_max: u16,
    /// Most items of one batch; 100 unless a plugin changes it.
    pub batch_max: usize,
    /// The Shipment Tracking extension is installed.
    pub shipment_tracking: bool,
    /// The order fulfilments feature is switched on (version 10 and later).
    pub fulfilments: bool,
    /// Statuses that plugins have added.
    pub custom_statuses: Vec<String>,
    /// Staff ticks "restock refunded items" in [`banto_sim::market::Market::refund`].
    pub refunds_restock: bool,
    /// How long a webhook waits before it goes out.
    pub hook_delay: Duration,
}

impl FakeConfig {
    /// A Japanese shop of WooCommerce 10.0.2 with prices that include tax.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            seed,
            clock,
            port: 0,
            products: Vec::new(),
            currency: "JPY".to_owned(),
            prices_include_tax: true,
            tax_bp: (1000, 800),
            utc_offset_minutes: 9 * 60,
            consumer_key: format!("ck_{seed:040x}"),
            consumer_secret: format!("cs_{seed:040x}"),
            read_only_key: false,
            accept_basic_on_http: false,
            hpos: true,
            wc_version: WcVersion(10, 0, 2),
            per_page_max: 100,
            batch_max: 100,
            shipment_tracking: false,
            fulfilments: false,
            custom_statuses: Vec::new(),
            refunds_restock: true,
            hook_delay: Duration::from_millis(3),
        }
    }

    pub(crate) fn utc_offset_secs(&self) -> i64 {
        self.utc_offset_minutes * 60
    }

    fn tax_rates(&self) -> Vec<order::TaxRate> {
        let rate = |id, bp, class| order::TaxRate { id, bp, class };
        vec![rate(1, self.tax_bp.0, ""), rate(2, self.tax_bp.1, "reduced-rate")]
    }
}

/// What server, webhooks and staff share.
#[derive(Debug)]
struct Inner {
    shop: Mutex<state::Shop>,
    faults: Faults,
    hook_delay: Duration,
    hook_timeout: Duration,
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
        let url = format!("http://{addr}");
        let shut = Arc::new(AtomicBool::new(false));
        let inner = Arc::new(Inner {
            faults: Faults::calm(config.seed),
            hook_delay: config.hook_delay,
            hook_timeout: hooks::HOOK_TIMEOUT,
            shut: Arc::clone(&shut),
            shop: Mutex::new(state::Shop::new(config, url.clone())),
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
            url,
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

    /// Closes the shop: answers what it has begun, then takes no more calls. What it knows can still be asked
    /// through [`banto_sim::market::Market`].
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

    /// An outage: while `down`, every connection is closed before anything is done. Nothing is forgotten, and
    /// no webhook is lost.
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
