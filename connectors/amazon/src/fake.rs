//! Amazon in memory: an HTTP server that behaves as the Selling Partner API and Login with Amazon are documented to.
//!
//! It is written from the API's models and guides and shares no type with the connector, so that the two check each
//! other. What Amazon does to those who talk to it, and this one does too:
//!
//! - Access tokens live for an hour; an expired or revoked one is answered with 403 and words about the token.
//! - Each operation has a usage plan: a bucket that fills at its rate. Above it is 429 `QuotaExceeded`; the rate stands in
//!   `x-amzn-RateLimit-Limit`, never a time.
//! - Orders show two minutes after they changed, whatever is asked for; data sets come only if they are named.
//! - Page tokens live for 24 hours and want the other parameters repeated.
//! - A pending order has no prices.
//! - Many quantities go through a document at a signed address, which takes no token of ours, and a feed that is worked
//!   off later; its report names the messages that were refused.
//! - A parcel with a known reference is a correction; a new one for an order with nothing open is refused.
//!
//! What is not documented and was decided here: what an unknown SKU is called (404 and issue 13013), that page tokens
//! hold the list that was found first, that `quantityOrdered` stays when units are cancelled.

mod door;
mod feeds_api;
mod limits;
mod listings_api;
mod login;
mod market;
mod odd;
mod order;
mod orders_api;
mod server;
mod ship_api;
mod state;
mod v0_api;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use banto_channel::Clock;
use banto_sim::faults::Faults;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use odd::OddOrder;

/// One listing that the seller starts with.
#[derive(Clone, Debug)]
pub struct FakeOffer {
    /// SKU, which is the listing's key.
    pub sku: String,
    /// Title.
    pub title: String,
    /// Price in minor units.
    pub price: i64,
    /// Quantity in the seller's own warehouse; `None` where none was ever told.
    pub stock: Option<i64>,
    /// Amazon ships it (FBA); such a listing takes no quantity.
    pub fba: bool,
}

/// How the seller's account is set up. Start from [`FakeConfig::new`].
#[derive(Clone, Debug)]
pub struct FakeConfig {
    /// Seed of order numbers and of the faults.
    pub seed: u64,
    /// Amazon's clock.
    pub clock: Arc<dyn Clock>,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Listings.
    pub offers: Vec<FakeOffer>,
    /// The store as the connector's config names it.
    pub marketplace: String,
    /// The store's id, which belongs to `marketplace`.
    pub marketplace_id: String,
    /// ISO 4217 code; decides the decimals of every amount.
    pub currency: String,
    /// Merchant token.
    pub seller_id: String,
    /// LWA client id.
    pub client_id: String,
    /// LWA client secret.
    pub client_secret: String,
    /// LWA refresh token.
    pub refresh_token: String,
    /// How long an access token is good.
    pub token_life: Duration,
    /// Keep to the documented usage plans, by tokio's clock; [`FakeAmazon::throttled`] counts refusals.
    pub limits: bool,
    /// From a feed's submission until it is done.
    pub feed_time: Duration,
    /// Orders show so long after they changed; in whole seconds.
    pub order_lag: Duration,
    /// Send reports compressed.
    pub gzip_reports: bool,
    /// The app has the restricted roles, so buyers and addresses are told.
    pub personal_data: bool,
    /// Tell Amazon's relay address instead of the one that the buyer gave.
    pub relay_mail: bool,
}

impl FakeConfig {
    /// A seller of some thirty listings in Japan, without limits.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            seed,
            clock,
            port: 0,
            offers: Vec::new(),
            marketplace: "JP".to_owned(),
            marketplace_id: "A1VC38T7YXB528".to_owned(),
            currency: "JPY".to_owned(),
            seller_id: format!("A{seed:013}"),
            client_id: format!("amzn1.application-oa2-client.{seed:032x}"),
            client_secret: format!("amzn1.oa2-cs.v1.{seed:064x}"),
            refresh_token: format!("Atzr|IwEBI{seed:032x}"),
            token_life: Duration::from_secs(3600),
            limits: false,
            feed_time: Duration::from_secs(90),
            order_lag: Duration::from_secs(120),
            gzip_reports: true,
            personal_data: true,
            relay_mail: false,
        }
        .with_offers(30)
    }

    /// The same with so many listings, each with 50 in stock.
    #[must_use]
    pub fn with_offers(mut self, count: usize) -> Self {
        let offer = |n: usize| FakeOffer {
            sku: format!("TEA-{n:05}"),
            title: format!("煎茶 & 茶筒 {n}"),
            price: 540 + 10 * i64::try_from(n % 400).unwrap_or(0),
            stock: Some(50),
            fba: false,
        };
        self.offers = (1..=count).map(offer).collect();
        self
    }
}

/// What the server and the inside share.
#[derive(Debug)]
struct Inner {
    shop: Mutex<state::Shop>,
    faults: Faults,
    buckets: limits::Buckets,
}

impl Inner {
    /// The seller's account, with every feed worked off that is due.
    fn shop(&self) -> MutexGuard<'_, state::Shop> {
        // Nothing panics while it holds the lock half-way through a change; a test that fails elsewhere may.
        let mut shop = self.shop.lock().unwrap_or_else(PoisonError::into_inner);
        shop.work_off_feeds(&self.faults);
        shop
    }
}

/// A running marketplace. Dropping it closes it.
#[derive(Debug)]
pub struct FakeAmazon {
    inner: Arc<Inner>,
    config: FakeConfig,
    addr: SocketAddr,
    server: JoinHandle<()>,
}

impl FakeAmazon {
    /// Opens it on 127.0.0.1.
    ///
    /// Errors: the port is taken.
    pub async fn start(config: FakeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let addr = listener.local_addr()?;
        let inner = Arc::new(Inner {
            faults: Faults::calm(config.seed),
            buckets: limits::Buckets::new(config.limits),
            shop: Mutex::new(state::Shop::new(config.clone(), format!("http://{addr}"))),
        });
        let app = server::app(Arc::clone(&inner));
        let server = tokio::spawn(async move {
            // The only errors of `serve` are those of a listener that cannot be asked for its address.
            let _ = axum::serve(door::Door(listener), app).await;
        });
        Ok(Self { inner, config, addr, server })
    }

    /// The API's address, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The address of Login with Amazon.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/auth/o2/token", self.url())
    }

    /// A `[connector]` table that reaches it. The credentials are asked for under the names `client-secret` and
    /// `refresh-token`; [`FakeAmazon::credential`] knows them.
    #[must_use]
    pub fn table(&self) -> String {
        let FakeConfig { marketplace, seller_id, client_id, .. } = &self.config;
        format!(
            "marketplace = \"{marketplace}\"\nseller_id = \"{seller_id}\"\nclient_id = \"{client_id}\"\n\
             client_secret_file = \"client-secret\"\nrefresh_token_file = \"refresh-token\"\n\
             endpoint = \"{}\"\ntoken_url = \"{}\"\n",
            self.url(),
            self.token_url()
        )
    }

    /// The credential of a name in [`FakeAmazon::table`]; empty for any other name.
    #[must_use]
    pub fn credential(&self, name: &str) -> String {
        match name {
            "client-secret" => self.config.client_secret.clone(),
            "refresh-token" => self.config.refresh_token.clone(),
            _ => String::new(),
        }
    }

    /// Everything that must never be shown, the next access tokens among them.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let tokens = (0..40).map(|n| login::access_token(self.config.seed, n));
        let own = [self.config.client_secret.clone(), self.config.refresh_token.clone()];
        own.into_iter().chain(tokens).collect()
    }

    /// Every access token that was handed out runs out now.
    pub fn expire_tokens(&self) {
        self.inner.shop().tokens.clear();
    }

    /// The client secret is rotated: the old one is refused from now on.
    pub fn rotate_client_secret(&self, secret: &str) {
        let mut shop = self.inner.shop();
        secret.clone_into(&mut shop.config.client_secret);
    }

    /// How many calls were refused because they came too often.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.inner.buckets.refused()
    }

    /// The next feed ends in this state (`CANCELLED`, `FATAL`) instead of being worked off.
    pub fn fail_next_feed(&self, status: &'static str) {
        self.inner.shop().next_feed = Some(status);
    }
}

impl Drop for FakeAmazon {
    fn drop(&mut self) {
        self.server.abort();
    }
}
