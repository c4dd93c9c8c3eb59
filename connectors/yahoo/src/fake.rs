//! A store of Yahoo!ショッピング in memory: an HTTP server that behaves as the documents of ストアクリエイターPro API say.
//!
//! It shares no code with the connector, so that the two check each other. What it does as the real one:
//!
//! - YConnect v2 gives access tokens of an hour for a refresh token that lives for four weeks and is never exchanged.
//! - The order APIs want a registered address and, beyond twelve hours after the consent, the public-key header; whether
//!   that was accepted is told by `X-SWS-Authorize-Status`, also beside a 200.
//! - The order list has conditions by OrderTime and PublicationTime and none by change; it hides what the buyer may still
//!   cancel unless ReadOnlyMode says otherwise, and what is held for fraud until it is published.
//! - `setStock` is all or nothing, makes a record for any code, and names the bad rows in a 207. `getStock` says which
//!   codes have a record.
//! - An order has two parcel numbers, one carrier, and no lines that are shipped or cancelled by themselves.
//! - A second call to one address within a second is refused, if [`FakeConfig::limits`] is set. How Yahoo! words that is
//!   not documented; the fake uses its refusal of too many calls in a day.
//!
//! What it does not do: consent pages, categories, the search by name, and every API that the connector does not use.

mod api;
mod auth;
mod http;
mod items_api;
mod market;
mod odd;
mod order;
mod orders_api;
mod state;
mod updates_api;
mod write;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::Clock;
use banto_sim::Faults;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use odd::OddOrder;

/// One sub code of a [`FakeItem`].
#[derive(Clone, Debug, Default)]
pub struct FakeSub {
    /// The sub code.
    pub code: String,
    /// What is chosen with it (`"M"`).
    pub option: String,
    /// Stock; `None` where it is not counted.
    pub stock: Option<i64>,
}

/// One product that the store starts with.
#[derive(Clone, Debug, Default)]
pub struct FakeItem {
    /// The item code.
    pub code: String,
    /// Title.
    pub name: String,
    /// Price in yen, with tax.
    pub price: i64,
    /// Stock; `None` where it is not counted, or where the sub codes have it.
    pub stock: Option<i64>,
    /// Taxed at 8 %.
    pub reduced_tax: bool,
    /// Sub codes; empty for a simple product.
    pub subs: Vec<FakeSub>,
}

/// How the store is set up. Start from [`FakeConfig::new`].
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// Seed of the faults, and part of every credential.
    pub seed: u64,
    /// The store's clock.
    pub clock: Arc<dyn Clock>,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What it sells.
    pub items: Vec<FakeItem>,
    /// ストアアカウント.
    pub seller_id: String,
    /// Client ID of the application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The refresh token that was given at the consent, which is when the store starts.
    pub refresh_token: String,
    /// Version of the public key.
    pub key_version: String,
    /// Most rows of one answer of the order list; 2,000 in reality.
    pub rows_max: usize,
    /// For so long the buyer may cancel an order; ten minutes in reality.
    pub read_only: Duration,
    /// So long after it was placed an order shows in the list.
    pub lag: Duration,
    /// Whether a second call to one address within a second is refused, and the calls of a day beyond [`Self::daily`].
    pub limits: bool,
    /// Calls a day.
    pub daily: u64,
    /// Whether `setStock` names the bad rows, as documented; otherwise it refuses the call and says no more.
    pub names_bad_rows: bool,
}

impl FakeConfig {
    /// A store with six simple products and one with sub codes, whose buyers cannot cancel and whose limits are off.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            seed,
            clock,
            port: 0,
            items: state::usual_items(),
            seller_id: "banto-store".to_owned(),
            client_id: format!("dj00aiZpPUJhbnRv{seed:08x}-"),
            client_secret: format!("client-secret-{seed:024x}"),
            refresh_token: format!("refresh-token-{seed:024x}"),
            key_version: "3".to_owned(),
            rows_max: 2_000,
            read_only: Duration::ZERO,
            lag: Duration::ZERO,
            limits: false,
            daily: 50_000,
            names_bad_rows: true,
        }
    }

    /// The same with so many simple products instead, each with a stock of 500.
    #[must_use]
    pub fn with_items(mut self, count: usize) -> Self {
        self.items = state::many_items(count);
        self
    }
}

/// What server and staff share.
#[derive(Debug)]
struct Inner {
    store: Mutex<state::Store>,
    faults: Faults,
}

impl Inner {
    fn store(&self) -> MutexGuard<'_, state::Store> {
        // Nothing panics while it holds the lock half-way through a change; a test that fails elsewhere may.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running store. Dropping it closes it.
#[derive(Debug)]
pub struct FakeStore {
    inner: Arc<Inner>,
    addr: SocketAddr,
    server: JoinHandle<()>,
}

impl FakeStore {
    /// Opens the store on 127.0.0.1.
    ///
    /// Errors: the port is taken.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let addr = listener.local_addr()?;
        let faults = Faults::calm(config.seed);
        let inner = Arc::new(Inner { faults, store: Mutex::new(state::Store::new(config)) });
        let server = tokio::spawn(http::serve(listener, Arc::clone(&inner)));
        Ok(Self { inner, addr, server })
    }

    /// The address for both `url` and `auth_url`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// The store's public key, as 暗号鍵管理 copies it.
    #[must_use]
    pub fn public_key(&self) -> String {
        auth::public_key()
    }

    /// Every credential in every form in which it travels.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        auth::secrets(self.inner.store().config())
    }

    /// How many calls were refused because they came too soon or too often.
    #[must_use]
    pub fn limited(&self) -> u64 {
        self.inner.store().limited()
    }

    /// Ends every access token, an hour early.
    pub fn expire_tokens(&self) {
        self.inner.store().expire_tokens();
    }

    /// From now on only this refresh token is good, as after a new consent.
    pub fn consent(&self, refresh_token: &str) {
        self.inner.store().consent(refresh_token);
    }

    /// The same person consents again, and the refresh token happens to be the same.
    pub fn consent_again(&self) {
        self.inner.store().consent_again();
    }

    /// From now on only this version of the public key is good, as after a new one was issued.
    pub fn issue_key(&self, version: &str) {
        self.inner.store().issue_key(version);
    }

    /// Refuses the order APIs with this code from now on (`px-04306` is a foreign address); `None` ends it.
    pub fn refuse_orders(&self, code: Option<&'static str>) {
        self.inner.store().refuse_orders(code);
    }

    /// Holds an order for fraud, so that no list shows it until [`Self::publish`].
    pub fn hold_for_fraud(&self, order: &banto_channel::RemoteOrderId) {
        self.inner.store().hold(order.as_str());
    }

    /// Ends a fraud check: the order shows from now on.
    pub fn publish(&self, order: &banto_channel::RemoteOrderId) {
        self.inner.store().publish(order.as_str());
    }

    /// Sets one field of an order, as the mall might; `group` is `""`, `"Pay"`, `"Ship"` or `"Detail"`.
    pub fn set_field(
        &self,
        order: &banto_channel::RemoteOrderId,
        group: &str,
        name: &'static str,
        value: &str,
    ) {
        self.inner.store().set_field(order.as_str(), group, name, value);
    }

    /// One field of an order as it stands.
    #[must_use]
    pub fn field(&self, order: &banto_channel::RemoteOrderId, group: &str, name: &str) -> String {
        self.inner.store().field(order.as_str(), group, name)
    }

    /// Places orders that break programs.
    pub fn place_odd_orders(&self) -> Vec<OddOrder> {
        odd::place(&mut self.inner.store())
    }
}

impl Drop for FakeStore {
    fn drop(&mut self) {
        self.server.abort();
    }
}
