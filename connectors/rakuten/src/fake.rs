//! A Rakuten shop in memory: an HTTP server that behaves as RMS WEB SERVICE is documented to.
//!
//! It is written from the documents of the APIs and shares no type with the connector, so that the two check each
//! other. What RMS does to those who talk to it, and this one does too:
//!
//! - A licence key works until its last second; after that everything is 401 `GA0001`, as was seen of the real one.
//! - Order calls without a charset are refused with the gateway's own envelope (415 `ES04-03`).
//! - `searchOrder` takes `+0900` and nothing else, at most 63 days, two years back; hits beyond 15,000 cannot be read,
//!   zero hits have null where the counts stand, and what was just ordered shows a moment later.
//! - An order is shipped when every destination has a row and every row has carrier, day and, beside others, a number.
//! - A cancellation is first asked for (800) and settled an hour later (900).
//! - `bulk-upsert` takes SKUs that do not exist without a word; it takes a call whole or not at all.
//! - The documented rates are kept: 1 write, 5 reads, 5 searches a second.
//!
//! What it does not do: change an order's items or amounts over HTTP, refunds of a part (RMS has none), subscriptions,
//! the asynchronous shipping calls, `RELATIVE` stock. The HTTP status and words of a rate limit are not documented; it
//! answers 429.

mod market;
mod odd;
mod order;
mod order_json;
mod orders_api;
mod reply;
mod search;
mod server;
mod state;
mod stock_api;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::{Clock, Timestamp};
use banto_sim::faults::Faults;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use odd::OddOrder;

/// One SKU of a [`FakeItem`].
#[derive(Clone, Debug, Default)]
pub struct FakeVariant {
    /// SKU管理番号.
    pub id: String,
    /// システム連携用SKU番号; empty for none.
    pub code: String,
    /// カタログID (JAN); empty for none.
    pub jan: String,
    /// The option's value that buyers choose; empty for an item of one SKU.
    pub option: String,
    /// Price with tax in yen.
    pub price: i64,
    /// Its number; `None` where none was ever written.
    pub stock: Option<i64>,
}

/// One item that the shop starts with.
#[derive(Clone, Debug, Default)]
pub struct FakeItem {
    /// 商品管理番号, in lower case.
    pub manage_number: String,
    /// 商品名.
    pub title: String,
    /// Taxed at 8 %.
    pub reduced_tax: bool,
    /// In the warehouse (倉庫指定), so that buyers do not see it.
    pub hidden: bool,
    /// Its SKUs; at least one.
    pub variants: Vec<FakeVariant>,
}

/// A licence key and when it runs out.
#[derive(Clone, Debug)]
pub struct LicenceKey {
    /// The key.
    pub key: String,
    /// The first moment at which it is refused.
    pub expires: Timestamp,
}

/// How the shop is set up. Start from [`FakeConfig::new`].
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// Seed of gaps between numbers and of the faults.
    pub seed: u64,
    /// The shop's clock.
    pub clock: Arc<dyn Clock>,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The number that order numbers begin with.
    pub shop: u32,
    /// What it sells.
    pub items: Vec<FakeItem>,
    /// serviceSecret (`SP…`).
    pub service_secret: String,
    /// licenseKeys (`SL…`) that were issued.
    pub licence_keys: Vec<LicenceKey>,
    /// Whether the documented rates are kept, in real seconds.
    pub limits: bool,
    /// How long a new order stays out of `searchOrder`.
    pub search_lag: Duration,
    /// Give masked mail addresses, as Rakuten always does; off, the buyer's own shows.
    pub masks_mail: bool,
    /// Take every order by itself (a setting of RMS), so that none waits for 注文確認.
    pub auto_confirm: bool,
    /// How long Rakuten checks a card (200) before the order is ready (300).
    pub processing: Duration,
}

impl FakeConfig {
    /// A shop with one key of 90 days that checks cards at once.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        let expires = clock.now().plus(Duration::from_secs(90 * 86_400));
        Self {
            seed,
            clock,
            port: 0,
            shop: 123_456,
            items: Vec::new(),
            service_secret: format!("SP123456_{seed:016x}"),
            licence_keys: vec![LicenceKey { key: format!("SL123456_{seed:016x}"), expires }],
            limits: true,
            search_lag: Duration::from_secs(1),
            masks_mail: true,
            auto_confirm: false,
            processing: Duration::ZERO,
        }
    }

    /// The same shop with `count` items of one SKU each, 50 in stock, `item-00001/sku` and so on.
    #[must_use]
    pub fn with_offers(mut self, count: usize) -> Self {
        self.items = (1..=count)
            .map(|n| FakeItem {
                manage_number: format!("item-{n:05}"),
                title: format!("商品 {n}"),
                reduced_tax: n % 3 == 0,
                variants: vec![FakeVariant {
                    id: "sku".to_owned(),
                    code: format!("CODE-{n:05}"),
                    price: 500 + 10 * i64::try_from(n % 500).unwrap_or(0),
                    stock: Some(50),
                    ..FakeVariant::default()
                }],
                ..FakeItem::default()
            })
            .collect();
        self
    }
}

/// What server and staff share.
#[derive(Debug)]
struct Inner {
    shop: Mutex<state::Shop>,
    faults: Faults,
    down: AtomicBool,
    too_many: AtomicU64,
    limits: Option<Mutex<server::Limits>>,
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
    addr: SocketAddr,
    closing: watch::Sender<bool>,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl FakeShop {
    /// Opens the shop on a loopback port.
    ///
    /// Errors: those of binding the port.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let addr = listener.local_addr()?;
        let inner = Arc::new(Inner {
            faults: Faults::calm(config.seed),
            down: AtomicBool::new(false),
            too_many: AtomicU64::new(0),
            limits: config.limits.then(|| Mutex::new(server::Limits::default())),
            shop: Mutex::new(state::Shop::new(config)),
        });
        let (closing, mut closed) = watch::channel(false);
        let serve =
            axum::serve(listener, server::app(Arc::clone(&inner))).with_graceful_shutdown(async move {
                // A sender that is gone closes the shop too.
                let _ = closed.wait_for(|closing| *closing).await;
            });
        let server = tokio::spawn(async move {
            // The only errors of `serve` are those of a listener that cannot be asked for its address.
            let _ = serve.await;
        });
        Ok(Self { inner, addr, closing, server: Mutex::new(Some(server)) })
    }

    /// The address for the config's `url`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Closes the shop: answers what it has begun, then takes no more calls. What it knows can still be asked through
    /// [`banto_sim::market::Market`].
    pub async fn stop(&self) {
        self.closing.send_replace(true);
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            let abort = server.abort_handle();
            // A caller that holds its connection open does not keep the shop open.
            if tokio::time::timeout(Duration::from_secs(2), server).await.is_err() {
                abort.abort();
            }
        }
    }

    /// An outage: while `down`, every call is cut off before anything is done.
    pub fn set_down(&self, down: bool) {
        self.inner.down.store(down, Ordering::Release);
    }

    /// How many calls were refused because a documented rate was not kept.
    #[must_use]
    pub fn too_many(&self) -> u64 {
        self.inner.too_many.load(Ordering::Acquire)
    }

    /// Withdraws a licence key, as a merchant does in RMS.
    pub fn revoke(&self, key: &str) {
        self.shop().config.licence_keys.retain(|known| known.key != key);
    }

    fn shop(&self) -> MutexGuard<'_, state::Shop> {
        let mut shop = self.inner.shop();
        shop.settle();
        shop
    }
}

impl Drop for FakeShop {
    fn drop(&mut self) {
        self.closing.send_replace(true);
    }
}
