//! Vendure's Admin API: one channel of a server as a banto channel.
//!
//! What is supported, how to make the credentials, and what was seen of a real server stands in the README beside this
//! file.

mod calls;
mod config;
mod cursor;
mod documents;
pub mod fake;
mod lines;
mod model;
mod money;
mod notify;
mod offers;
mod parse;
mod probe;
mod pull;
mod ship;
mod stock;
mod time;

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, IdempotencyKey, ListingId, MailOwner, MailPolicy, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Read, RemoteOffer, RemoteOrderId, Result, Secret, StockBasis,
    StockItem, Timestamp,
};

use config::Settings;

/// The connector's name in config files.
pub const KIND: &str = "vendure";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// Vendure's email plugin confirms orders, and shops add handlers of their own for the rest; nothing in the API tells
/// which are on.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Channel,
    paid: MailOwner::Channel,
    shipped: MailOwner::Channel,
    cancelled: MailOwner::Channel,
    may_widen: true,
    source: "https://docs.vendure.io/reference/core-plugins/email-plugin/",
};

/// Builds the connector from its `[connector]` table. `secret` fetches a credential by the file or name in the table.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(Vendure::new(Settings::read(config, secret)?)))
}

/// One channel of a server.
#[derive(Debug)]
struct Vendure {
    settings: Settings,
    capabilities: Capabilities,
    session: calls::Session,
    place: stock::Place,
}

impl Vendure {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "Vendure", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(stock::BATCH - 1);
        // Open orders are allocated, and the shop sells what lies there less what is allocated.
        capabilities.stock_basis = StockBasis::Physical;
        capabilities.lists_offers = true;
        capabilities.reads_stock_back = true;
        capabilities.reread_batch_max = pull::REREAD;
        // `updatedAt` moves neither when an order is paid nor when it is shipped.
        capabilities.needs_open_order_rereads = true;
        capabilities.notices =
            &[NoticeKind::Shipped, NoticeKind::Cancelled, NoticeKind::Paid, NoticeKind::Note];
        capabilities.pull_interval_min = Duration::from_secs(10);
        Self { settings, capabilities, session: calls::Session::default(), place: stock::Place::default() }
    }
}

#[async_trait]
impl Connector for Vendure {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self, cx: &Cx) -> Result<ProbeReport> {
        self.look(cx).await
    }

    async fn pull_orders(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        self.pull(cx, after).await
    }

    fn cursor_made_at(&self, cursor: &Cursor) -> Option<Timestamp> {
        cursor::State::read(cursor).ok().map(|state| state.made_at())
    }

    async fn reread_orders(&self, cx: &Cx, ids: &[RemoteOrderId]) -> Result<Vec<Read>> {
        self.reread(cx, ids).await
    }

    async fn push_stock(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        self.push(cx, items).await
    }

    async fn notify_order(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        self.notify(cx, order, notice, key).await
    }

    async fn list_offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        self.offers(cx, after).await
    }

    async fn read_stock(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        self.read_back(cx, listings).await
    }
}
