//! Shopify's GraphQL Admin API, version 2026-10: one shop as a banto channel.
//!
//! What is supported, how to get the credentials, and what the documents leave open stands in the README beside this
//! file.

mod address;
mod auth;
mod calls;
mod config;
mod cost;
mod cursor;
pub mod documents;
pub mod fake;
mod id;
mod lines;
mod model;
mod notify;
mod offers;
mod parse;
mod probe;
mod pull;
mod read;
mod ship;
mod stock;
mod time;
mod totals;
mod webhook;

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, IdempotencyKey, ListingId, MailOwner, MailPolicy, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Quota, Read, RemoteOffer, RemoteOrderId, Result, Secret,
    StockBasis, StockItem, Timestamp, Webhook,
};

use config::Settings;

/// The connector's name in config files.
pub const KIND: &str = "shopify";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// The version of the Admin API that every document is written for.
pub const API_VERSION: &str = "2026-10";

/// Shopify mails the buyer on its own, about a payment that comes later too.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Channel,
    paid: MailOwner::Channel,
    shipped: MailOwner::Channel,
    cancelled: MailOwner::Channel,
    may_widen: true,
    source: "https://help.shopify.com/manual/orders/notifications",
};

/// 100 points a second on the standard plan, 10 points a mutation. Dearer calls are held back by what the answers say of
/// the bucket ([`cost::rest`]).
const QUOTAS: &[Quota] = &[Quota { group: calls::GROUP, calls: 10, per: Duration::from_secs(1), burst: 20 }];

/// Builds the connector from its `[connector]` table. `secret` fetches a credential by the file or name in the table.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(Shopify::new(Settings::read(config, secret)?)))
}

/// One shop.
#[derive(Debug)]
struct Shopify {
    settings: Settings,
    capabilities: Capabilities,
}

impl Shopify {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "Shopify", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(249);
        // `available` is what may still be sold: Shopify lowers it at checkout.
        capabilities.stock_basis = StockBasis::Sellable;
        capabilities.lists_offers = true;
        capabilities.reads_stock_back = true;
        capabilities.reread_batch_max = 30;
        // A deleted order leaves no trace in the search, and how late its index may be is not documented.
        capabilities.needs_open_order_rereads = true;
        capabilities.webhooks = settings.client_secret.is_some();
        capabilities.notices =
            &[NoticeKind::Shipped, NoticeKind::Cancelled, NoticeKind::Paid, NoticeKind::Note];
        capabilities.pull_interval_min = Duration::from_secs(10);
        capabilities.quotas = QUOTAS;
        Self { settings, capabilities }
    }
}

#[async_trait]
impl Connector for Shopify {
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

    async fn ensure_webhooks(&self, cx: &Cx, url: &str) -> Result<u32> {
        self.ensure(cx, url).await
    }

    fn verify_webhook(&self, hook: &Webhook<'_>) -> Result<()> {
        self.verify(hook)
    }
}
