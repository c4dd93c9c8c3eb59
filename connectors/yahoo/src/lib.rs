//! Yahoo!ショッピング (ストアクリエイターPro API): one store as a banto channel.
//!
//! What is supported, how to get the credentials, and what the documents leave open stands in the README beside this
//! file.

mod auth;
mod calls;
mod codes;
mod config;
mod cursor;
pub mod fake;
mod lines;
mod notify;
mod offers;
mod parse;
mod probe;
mod pull;
mod stock;
mod time;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, IdempotencyKey, ListingId, MailOwner, MailPolicy, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Read, RemoteOffer, RemoteOrderId, Result, Secret, StockBasis,
    StockItem, Timestamp,
};

use config::Settings;

/// The connector's name in config files.
pub const KIND: &str = "yahoo";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// Yahoo! mails 注文確認 when an order comes in and the cancel notice when its status becomes 4. Mails about payment and
/// shipment are the store's own to send, and the stored documents do not say what may stand in them, so they are off
/// until the config hands them to banto.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Channel,
    paid: MailOwner::Nobody,
    shipped: MailOwner::Nobody,
    cancelled: MailOwner::Channel,
    may_widen: true,
    source: "https://developer.yahoo.co.jp/webapi/shopping/orderStatusChange.html",
};

/// Builds the connector from its `[connector]` table. `secret` fetches a credential by the file or name in the table.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(Yahoo::new(Settings::read(config, secret)?)))
}

/// One store.
#[derive(Debug)]
struct Yahoo {
    settings: Settings,
    capabilities: Capabilities,
    /// The access token, for as long as it lives (an hour).
    token: Mutex<Option<auth::AccessToken>>,
    /// The order list, while a look at it takes more than one page.
    listed: Mutex<Option<pull::Listed>>,
    /// Codes that have a stock record at Yahoo!, so that they need not be looked up again.
    known: Mutex<BTreeSet<String>>,
}

impl Yahoo {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "Yahoo!ショッピング", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(999);
        // The mall lowers its number itself when an order comes in, so it is told what may still be sold.
        capabilities.stock_basis = StockBasis::Sellable;
        capabilities.lists_offers = true;
        capabilities.reads_stock_back = true;
        // One order a call and a call a second: 20 of them are done in 20 seconds.
        capabilities.reread_batch_max = 20;
        capabilities.needs_open_order_rereads = true;
        capabilities.notices = &[NoticeKind::Shipped, NoticeKind::Cancelled, NoticeKind::Paid];
        capabilities.pull_interval_min = Duration::from_secs(60);
        capabilities.quotas = calls::QUOTAS;
        capabilities.carriers = codes::CARRIERS;
        Self {
            settings,
            capabilities,
            token: Mutex::new(None),
            listed: Mutex::new(None),
            known: Mutex::new(BTreeSet::new()),
        }
    }
}

#[async_trait]
impl Connector for Yahoo {
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
        _key: &IdempotencyKey,
    ) -> Result<Outcome> {
        self.notify(cx, order, notice).await
    }

    async fn list_offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        self.offers(cx, after).await
    }

    async fn read_stock(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        self.read_back(cx, listings).await
    }
}
