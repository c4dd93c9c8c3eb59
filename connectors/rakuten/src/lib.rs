//! 楽天市場 through RMS WEB SERVICE: one shop as a banto channel.
//!
//! What is supported, how to get the credentials, and what is not known stands in the README beside this file.

mod calls;
mod carriers;
mod config;
mod cursor;
pub mod fake;
mod keys;
mod lenient;
mod model;
mod money;
mod notify;
mod offers;
mod parse;
mod payment;
mod people;
mod probe;
mod progress;
mod pull;
mod shipping;
mod stock;
mod time;
mod words;

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, IdempotencyKey, ListingId, MailOwner, MailPolicy, MailRelay, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Quota, Read, RemoteOffer, RemoteOrderId, Result, Secret,
    StockBasis, StockItem, Timestamp,
};

use config::Settings;

/// The connector's name in config files.
pub const KIND: &str = "rakuten";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// The only currency of Rakuten Ichiba; RMS does not name it.
const JPY: &str = "JPY";

/// The shop mails its buyers itself, through Rakuten's relay and no other way.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Us,
    paid: MailOwner::Us,
    shipped: MailOwner::Us,
    cancelled: MailOwner::Us,
    may_widen: false,
    source: RELAY_SOURCE,
};

const RELAY_SOURCE: &str = "楽天あんしんメルアドサービス (R-Login > あんしんメルアドサービスメニュー > メールサーバ設定情報), as described in \
                            https://manual.next-engine.net/main/orders/ord_mail/mail_settei/14733";

const RELAY: MailRelay =
    MailRelay { domain: "fw.rakuten.ne.jp", host: "sub.fw.rakuten.ne.jp", port: 587, source: RELAY_SOURCE };

/// So many calls a second, evenly: "秒間最大リクエスト数" of the documents allows no burst beyond it.
const fn a_second(group: &'static str, calls: u32) -> Quota {
    Quota { group, calls, per: Duration::from_secs(1), burst: 1 }
}

/// None is documented for the order API.
const QUOTAS: &[Quota] = &[
    a_second(calls::READ_STOCK, 5),
    a_second(calls::WRITE_STOCK, 1),
    a_second(calls::ITEMS, 5),
    a_second(calls::ITEM_SETTINGS, 1),
];

/// Builds the connector from its `[connector]` table. `secret` fetches a credential by the file or name in the table.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(Rakuten::new(Settings::read(config, secret)?)))
}

/// One shop.
#[derive(Debug)]
struct Rakuten {
    settings: Settings,
    capabilities: Capabilities,
}

impl Rakuten {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "楽天市場", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(stock::WRITE_MAX - 1);
        // RMS lowers the number itself when somebody buys, so it is told what may still be sold.
        capabilities.stock_basis = StockBasis::Sellable;
        capabilities.lists_offers = true;
        capabilities.reads_stock_back = true;
        capabilities.reread_batch_max = 100;
        // There is no search by last change.
        capabilities.needs_open_order_rereads = true;
        capabilities.notices = &[NoticeKind::Confirmed, NoticeKind::Shipped, NoticeKind::Cancelled];
        capabilities.pull_interval_min = Duration::from_secs(60);
        capabilities.quotas = QUOTAS;
        capabilities.carriers = carriers::CARRIERS;
        capabilities.mail_relay = Some(RELAY);
        Self { settings, capabilities }
    }
}

#[async_trait]
impl Connector for Rakuten {
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
