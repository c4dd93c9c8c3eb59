//! The screen: what a merchant's staff look at all day. Every page is one query set, one view struct, one template; it
//! works without script, and script only makes it live and quick to the keyboard.

pub mod access;
mod assets;
mod audit;
mod channels;
mod customers;
mod fault;
mod format;
mod limit;
mod listings;
mod live;
mod login;
mod mails;
mod me;
mod orders;
mod page;
mod plot;
mod reports;
mod safe_file;
mod setup;
mod stock;
mod today;
mod tokens;
mod users;
mod visit;

use std::fmt::Debug;
use std::sync::Arc;

use axum::Router;
use banto_channel::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store::Store;

pub use access::{Access, Route};
pub use fault::Fault;
pub use page::{Page, Section, done, html};
pub use setup::announce;
pub use visit::{Language, Role, Visit};

pub(super) use limit::Limit;
pub(super) use visit::address;

use access::Routes;

/// The menu: section, path, and its name in English and Japanese.
pub(crate) const MENU: &[(Section, &str, &str, &str)] = &[
    (Section::Today, "/", "Today", "今日"),
    (Section::Orders, "/orders", "Orders", "受注"),
    (Section::Stock, "/stock", "Stock", "在庫"),
    (Section::Listings, "/listings", "Listings", "出品"),
    (Section::Mails, "/mails", "Mails", "メール"),
    (Section::Channels, "/channels", "Channels", "チャネル"),
    (Section::Customers, "/customers", "Customers", "顧客"),
    (Section::Reports, "/reports", "Reports", "レポート"),
];

pub(crate) use assets::digest as assets_digest;

/// Where the house stands: a reload of the config puts another [`App`] there.
pub trait House: Debug + Send + Sync + 'static {
    /// Everything that runs now.
    fn app(&self) -> App;

    /// Has the config be read again, as SIGHUP does. A house without a daemon has nothing to read again.
    fn reload(&self) {}
}

/// What every page has at hand.
#[derive(Clone, Debug)]
pub struct Desk {
    house: Arc<dyn House>,
    store: Store,
    stop: CancellationToken,
    limit: Arc<limit::Limit>,
    surveys: Arc<channels::survey::Surveys>,
}

impl Desk {
    /// The desk of a house; live connections end with `stop`.
    #[must_use]
    pub fn new(house: Arc<dyn House>, stop: CancellationToken) -> Self {
        let store = house.app().store;
        Self { house, store, stop, limit: Arc::default(), surveys: Arc::default() }
    }

    /// Everything that runs now.
    #[must_use]
    pub fn app(&self) -> App {
        self.house.app()
    }

    /// Has the config be read again: what was written to its folder takes effect in a moment.
    pub fn reload(&self) {
        self.house.reload();
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.house.app().clock.now()
    }

    /// Cancelled when the daemon stops.
    #[must_use]
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }
}

/// Every page, and what each demands of its visitor.
pub fn routes(desk: &Desk) -> (Router, Vec<Route>) {
    let routes = Routes::new(desk.clone());
    let routes = assets::routes(routes);
    let routes = login::routes(routes);
    let routes = setup::routes(routes);
    let routes = me::routes(routes);
    let routes = users::routes(routes);
    let routes = audit::routes(routes);
    let routes = today::routes(routes);
    let routes = orders::routes(routes);
    let routes = live::routes(routes);
    let routes = customers::routes(routes);
    let routes = reports::routes(routes);
    let routes = mails::routes(routes);
    let routes = channels::routes(routes);
    let routes = stock::routes(routes);
    let routes = listings::routes(routes);
    let routes = tokens::routes(routes);
    routes.finish()
}
