//! The interface between banto and a marketplace.
//!
//! A [`Connector`] translates: it turns calls into a marketplace's requests and answers into the types
//! below. It never sleeps, retries, spawns, stores or logs. Pacing and retries of one HTTP call are
//! `banto-wire`'s, behind [`Http`]; everything that lasts longer than one call is the daemon's.
//!
//! What a marketplace can do is data ([`Capabilities`]), and `banto-conformance` holds every connector to
//! it both ways: what is claimed works, what is not claimed answers [`ErrorKind::Unsupported`].

mod capability;
mod error;
mod http;
mod money;
mod offer;
mod order;
mod outcome;
mod secret;
mod time;
mod words;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

pub use capability::{
    Capabilities, Carrier, MailOwner, MailPolicy, MailRelay, NoticeKind, Quota, StockBasis,
};
pub use error::{Error, ErrorKind, Result};
pub use http::{Http, Method, Request, Response};
pub use money::{Money, MoneyError, minor_digits};
pub use offer::{RemoteOffer, StockItem};
pub use order::{
    Address, Buyer, Fulfilment, Payment, Read, RemoteLine, RemoteOrder, RemoteRefund, RemoteShipment, Totals,
};
pub use outcome::{
    Cursor, IdempotencyKey, ListingId, Notice, Outcome, Page, Parcel, ProbeReport, Receipt, RemoteOrderId,
    Webhook,
};
pub use secret::Secret;
pub use time::{Clock, Timestamp};
pub use words::{Bilingual, Doing, has_japanese};

/// What a connector is handed for one call: the way out, and the time.
#[derive(Clone, Debug)]
pub struct Cx {
    /// HTTP that is paced, retried where that is safe, redacted and traced.
    pub http: Arc<dyn Http>,
    /// The only clock a connector may read.
    pub clock: Arc<dyn Clock>,
}

/// One account at one marketplace or shop.
///
/// Holds no state that the daemon would miss after a restart. Optional calls answer
/// [`ErrorKind::Unsupported`] unless the connector overrides them, and [`Capabilities`] says so beforehand.
#[async_trait]
pub trait Connector: Debug + Send + Sync + 'static {
    /// What this channel can do and how much at once. Constant for the life of the value.
    fn capabilities(&self) -> &Capabilities;

    /// The cheapest calls that prove the credentials work for everything the channel needs.
    ///
    /// What it finds is for a person, in both languages: warnings by [`both!`], errors by [`Error::told`].
    ///
    /// Errors: [`ErrorKind::Auth`] with the remedy in plain words when the credentials are refused.
    async fn probe(&self, cx: &Cx) -> Result<ProbeReport>;

    /// One page of orders that are new or changed since `after`; `None` asks for the first page ever.
    ///
    /// May return an order again, never skips one. `next` of the page is stored in the same transaction as
    /// its orders, and differs from every earlier cursor of the walk while `more` is true. An order that cannot be understood is [`Read::Unreadable`], never an error of the page.
    async fn pull_orders(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>>;

    /// When a cursor was made, by our clock, if it says so. The daemon stops a channel whose cursor comes from the
    /// future, because it would skip what happens until then.
    fn cursor_made_at(&self, _cursor: &Cursor) -> Option<Timestamp> {
        None
    }

    /// Reads the named orders again, for marketplaces whose search does not show every change.
    ///
    /// At most [`Capabilities::reread_batch_max`] ids. An order the marketplace no longer knows is left out.
    async fn reread_orders(&self, _cx: &Cx, _ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        Err(Error::unsupported("reread_orders"))
    }

    /// Sets absolute quantities; at most [`Capabilities::stock_batch_max`] items.
    ///
    /// One outcome per item, in the order given. `Err` means that of none is it known that it was applied.
    async fn push_stock(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>>;

    /// Asks after a receipt given by [`Outcome::Pending`]. Items still undecided are left out.
    async fn poll_receipt(&self, _cx: &Cx, _receipt: &Receipt) -> Result<Vec<(ListingId, Outcome)>> {
        Err(Error::unsupported("poll_receipt"))
    }

    /// Tells the marketplace something about an order: confirmed, shipped, cancelled, paid, noted.
    ///
    /// `key` is stored before the first try and the same on each resend. Where the marketplace keeps no keys
    /// the connector reads what is there first, so that a resend changes nothing.
    async fn notify_order(
        &self,
        _cx: &Cx,
        _order: &RemoteOrderId,
        _notice: &Notice,
        _key: &IdempotencyKey,
    ) -> Result<Outcome> {
        Err(Error::unsupported("notify_order"))
    }

    /// One page of what the channel offers, with its quantity in the kind of number that `push_stock` takes. `None`
    /// asks for the first page.
    async fn list_offers(&self, _cx: &Cx, _after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        Err(Error::unsupported("list_offers"))
    }

    /// Reads back the quantities of some listings, in the kind of number that `push_stock` takes. Listings it does not
    /// know are left out.
    async fn read_stock(&self, _cx: &Cx, _listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        Err(Error::unsupported("read_stock"))
    }

    /// Makes sure that webhooks to `url` exist and are switched on; returns how many it had to mend.
    async fn ensure_webhooks(&self, _cx: &Cx, _url: &str) -> Result<u32> {
        Err(Error::unsupported("ensure_webhooks"))
    }

    /// Checks a webhook's signature. It brings no data in: it only makes the next pull come sooner.
    fn verify_webhook(&self, _hook: &Webhook<'_>) -> Result<()> {
        Err(Error::unsupported("verify_webhook"))
    }
}
