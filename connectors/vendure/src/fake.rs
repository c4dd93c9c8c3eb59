//! A Vendure server in memory: an HTTP server whose Admin API behaves as Vendure 3.7 does.
//!
//! It is written from the schema, from Vendure's source and from what a real server did, and shares no type with the
//! connector, so that the two check each other.
//!
//! What a real server does to those who talk to it, and this one does too:
//!
//! - An order's `updatedAt` moves when it is cancelled, and neither when it is paid nor when it is shipped.
//! - Only the first field of `sort` counts that the schema knows, and `id` comes before `orderPlacedAt`.
//! - GraphQL's errors come with the status 200; a document that does not fit the schema with 400.
//! - A session that is not known is told by an empty `vendure-auth-token` and by `FORBIDDEN`.
//! - One bad id rolls the whole of `updateProductVariants` back, and the message names it; an id that is no number is
//!   named `-1`.
//! - Cancelling lowers the quantity of lines and the order's total; `orderPlacedQuantity` stays.
//! - A fulfilment takes goods off the shelf as soon as it is made, and is refused where the shelf holds less.
//! - An API key may do what its roles say, and is refused `me`.
//! - `addManualPaymentToOrder` fails without metadata, which the schema lets be left out.
//! - A fulfilment takes its tracking code as often as it is told.
//!
//! What it does not do: the Shop API, promotions, draft orders, customers, changing orders (only their traces are
//! there, as odd orders), permissions other than all or some.

mod admin;
mod door;
mod graphql;
mod market;
mod odd;
mod order;
mod server;
mod state;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use banto_channel::Clock;
use banto_sim::faults::Faults;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use odd::OddOrder;

/// A product variant that the shop starts with.
#[derive(Clone, Debug, Default)]
pub struct FakeVariant {
    /// Title.
    pub name: String,
    /// SKU; empty for none.
    pub sku: String,
    /// Price with tax in the shop's own decimals.
    pub price: i64,
    /// Units on the shelf.
    pub stock: i64,
    /// Taxed at 8 % and not at 10 %.
    pub reduced_tax: bool,
    /// Whether the shop counts it; `None` leaves that to the global setting.
    pub tracked: Option<bool>,
}

/// How the shop is set up. Start from [`FakeConfig::new`].
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// Seed of ids, tokens and faults.
    pub seed: u64,
    /// The shop's clock.
    pub clock: Arc<dyn Clock>,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// What it sells.
    pub variants: Vec<FakeVariant>,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimals of every stored amount (`MoneyStrategy.precision`).
    pub precision: u32,
    /// The administrator's name.
    pub username: String,
    /// The administrator's password.
    pub password: String,
    /// An API key that opens the same doors.
    pub api_key: String,
    /// Permissions that the administrator's role lacks.
    pub lacking: Vec<String>,
    /// Token of the channel; `vendure-token` must be this or missing.
    pub channel_token: String,
    /// Name of the custom field of Order with the buyer's words.
    pub note_field: String,
    /// Whether the shop counts stock where a variant does not say.
    pub track_inventory: bool,
    /// Names of the stock locations; the first holds everything. Their ids count from 1.
    pub locations: Vec<String>,
    /// Most items of a list (`adminListQueryLimit`).
    pub list_limit: usize,
}

impl FakeConfig {
    /// A Japanese shop with Vendure's own settings and nothing to sell.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            seed,
            clock,
            port: 0,
            variants: Vec::new(),
            currency: "JPY".to_owned(),
            precision: 2,
            username: "banto@shop.example".to_owned(),
            password: format!("pw-{seed:032x}"),
            api_key: format!("key-{seed:032x}"),
            lacking: Vec::new(),
            channel_token: format!("channel-{seed}"),
            note_field: "customerNote".to_owned(),
            track_inventory: true,
            locations: vec!["Default Stock Location".to_owned()],
            list_limit: 1000,
        }
    }

    /// The same with so many variants (`V-1`, `V-2` …) of 100 units each.
    #[must_use]
    pub fn with_variants(mut self, count: usize) -> Self {
        let variant = |n: usize| FakeVariant {
            name: format!("品 {n}"),
            sku: format!("V-{n}"),
            price: 98_000,
            stock: 100,
            ..FakeVariant::default()
        };
        self.variants = (1..=count).map(variant).collect();
        self
    }
}

/// What server and staff share.
#[derive(Debug)]
struct Inner {
    shop: Mutex<state::Shop>,
    faults: Faults,
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
    server: JoinHandle<()>,
}

impl FakeShop {
    /// Opens the shop on 127.0.0.1.
    ///
    /// Errors: the port is taken.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let url = format!("http://{}/admin-api", listener.local_addr()?);
        let faults = Faults::calm(config.seed);
        let inner = Arc::new(Inner { faults, shop: Mutex::new(state::Shop::new(config)) });
        let app = server::app(Arc::clone(&inner));
        let server = tokio::spawn(async move {
            // The only errors of `serve` are those of a listener that cannot be asked for its address.
            let _ = axum::serve(door::Door(listener), app).await;
        });
        Ok(Self { inner, url, server })
    }

    /// The address of the Admin API.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every session, as a restart without a session store or a long silence does.
    pub fn end_sessions(&self) {
        self.shop().sessions.clear();
    }

    /// From now on a plugin of the shop refuses every number for this variant, and its words name nobody.
    pub fn refuse_always(&self, listing: &banto_channel::ListingId) {
        let mut shop = self.shop();
        let found = shop.listing(listing).map(|variant| variant.id);
        shop.stubborn.extend(found);
    }

    /// How many sessions were opened so far.
    #[must_use]
    pub fn logins(&self) -> u64 {
        self.shop().logins
    }

    /// The administrator gets another password; sessions that are open stay so.
    pub fn set_password(&self, password: &str) {
        password.clone_into(&mut self.shop().config.password);
    }

    /// The token of the session that was opened as the nth, counted from 1.
    #[must_use]
    pub fn token(&self, nth: u64) -> String {
        state::token(self.shop().config.seed, nth)
    }

    /// An order's state is set by hand, as a plugin or a custom process does.
    pub fn set_state(&self, order: &banto_channel::RemoteOrderId, state: &str) {
        let mut shop = self.shop();
        if let Some(order) = order.as_str().parse().ok().and_then(|id: u64| shop.orders.get_mut(&id)) {
            state.clone_into(&mut order.state);
        }
    }

    fn shop(&self) -> MutexGuard<'_, state::Shop> {
        self.inner.shop()
    }
}

impl Drop for FakeShop {
    fn drop(&mut self) {
        self.server.abort();
    }
}
