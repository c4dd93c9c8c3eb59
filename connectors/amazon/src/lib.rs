//! Amazon's Selling Partner API: one seller in one store as a banto channel.
//!
//! What is supported, how to get the credentials, and what is not known stands in the README beside this file.

mod auth;
mod calls;
mod config;
mod cursor;
pub mod fake;
mod feed;
mod limits;
mod model;
mod notify;
mod offers;
mod parse;
mod probe;
mod pull;
mod stock;
mod stores;
mod time;
mod totals;
mod v0;

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, IdempotencyKey, ListingId, MailOwner, MailPolicy, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Read, Receipt, RemoteOffer, RemoteOrderId, Result, Secret,
    StockBasis, StockItem, Timestamp,
};

use config::{OrdersApi, Settings};

/// The connector's name in config files.
pub const KIND: &str = "amazon";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// Amazon mails the buyer about orders and shipments, and forbids sellers to do the same.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Nobody,
    paid: MailOwner::Nobody,
    shipped: MailOwner::Nobody,
    cancelled: MailOwner::Nobody,
    may_widen: false,
    source: "https://sellercentral.amazon.com/gp/help/external/201901640 (Amazon sends all order and shipping-related \
             communications), https://sellercentral.amazon.co.jp/gp/help/external/G1701 (Communication Guidelines)",
};

/// Listings in one push. A feed holds 25,000; this keeps it near 2 MB of the 10 MiB that Amazon advises.
const BATCH: u16 = 10_000;

/// Builds the connector from its `[connector]` table. `secret` fetches a credential by the file or name in the table.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(Amazon::new(Settings::read(config, secret)?)))
}

/// One seller in one store.
#[derive(Debug)]
struct Amazon {
    settings: Settings,
    capabilities: Capabilities,
    tokens: auth::Cache,
    verdicts: feed::Verdicts,
}

impl Amazon {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "Amazon", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(BATCH - 1);
        // Amazon lowers the number itself at checkout, so it is told what may still be sold.
        capabilities.stock_basis = StockBasis::Sellable;
        capabilities.stock_answers_later = true;
        capabilities.lists_offers = true;
        capabilities.reads_stock_back = true;
        capabilities.reread_batch_max = 20;
        capabilities.notices = &[NoticeKind::Shipped];
        // What one search every so often leaves of its allowance is for second pages.
        capabilities.pull_interval_min = match settings.orders_api {
            OrdersApi::Current => Duration::from_secs(200),
            OrdersApi::V0 => Duration::from_secs(70),
        };
        capabilities.quotas = limits::QUOTAS;
        Self { settings, capabilities, tokens: auth::Cache::default(), verdicts: feed::Verdicts::default() }
    }
}

#[async_trait]
impl Connector for Amazon {
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

    async fn poll_receipt(&self, cx: &Cx, receipt: &Receipt) -> Result<Vec<(ListingId, Outcome)>> {
        self.poll(cx, receipt).await
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
