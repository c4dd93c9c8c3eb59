//! WooCommerce REST API v3: one shop as a banto channel.
//!
//! What is supported, how to make the key, and what was seen of real shops stands in the README beside this file.

mod address;
mod auth;
mod calls;
mod config;
mod cursor;
pub mod fake;
mod gone;
mod lenient;
mod lines;
mod model;
mod money;
mod notify;
mod offers;
mod parse;
mod probe;
mod pull;
mod stock;
mod time;
mod tracking;
mod webhook;

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, IdempotencyKey, ListingId, MailOwner, MailPolicy, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Read, RemoteOffer, RemoteOrderId, Result, Secret, StockBasis,
    StockItem, Timestamp, Webhook,
};

use config::Settings;

/// The connector's name in config files.
pub const KIND: &str = "woocommerce";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// WooCommerce mails the buyer on its own as an order changes status; a customer's cancellation mail exists in newer
/// versions but is off unless the shop switches it on.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Channel,
    paid: MailOwner::Channel,
    shipped: MailOwner::Channel,
    cancelled: MailOwner::Nobody,
    may_widen: true,
    source: "https://woocommerce.com/document/email-settings/",
};

/// Builds the connector from its `[connector]` table. `secret` fetches a credential by the file or name in the table.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(WooCommerce::new(Settings::read(config, secret)?)))
}

/// One shop.
#[derive(Debug)]
struct WooCommerce {
    settings: Settings,
    capabilities: Capabilities,
}

impl WooCommerce {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "WooCommerce", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(99);
        // The shop lowers the number itself at checkout, so it is told what may still be sold.
        capabilities.stock_basis = StockBasis::Sellable;
        capabilities.lists_offers = true;
        capabilities.reads_stock_back = true;
        capabilities.reread_batch_max = 100;
        // An order deleted for good leaves no trace in the search, and shops older than WooCommerce 10 show a change of
        // meta data alone (a tracking number) only on a second look.
        capabilities.needs_open_order_rereads = true;
        capabilities.webhooks = settings.webhook_secret.is_some();
        capabilities.notices =
            &[NoticeKind::Shipped, NoticeKind::Cancelled, NoticeKind::Paid, NoticeKind::Note];
        capabilities.pull_interval_min = Duration::from_secs(10);
        Self { settings, capabilities }
    }
}

#[async_trait]
impl Connector for WooCommerce {
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
