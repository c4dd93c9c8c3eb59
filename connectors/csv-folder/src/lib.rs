//! A folder of CSV files as a banto channel, for every marketplace that has no connector of its own.
//!
//! The marketplace's tool writes order files into the folder and fetches stock and shipment files from it. How to set
//! that up, and what is done with files that are not sound, stands in the README beside this file.

mod calls;
mod columns;
mod config;
mod cursor;
pub mod fake;
mod notify;
mod offers;
mod outgoing;
mod parse;
mod probe;
mod pull;
mod slip;
mod status;
mod stock;
mod table;
mod text;
mod value;

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, Error, IdempotencyKey, ListingId, MailOwner, MailPolicy, Notice,
    NoticeKind, Outcome, Page, ProbeReport, Read, RemoteOffer, RemoteOrderId, Result, Secret, StockBasis,
    StockItem, Timestamp,
};

use calls::Folder;
use config::Settings;
use pull::{Opened, Watch};

/// The connector's name in config files.
pub const KIND: &str = "csv_folder";

/// A `[connector]` table with every key and what it means; the keys that may be left out are commented out.
pub const SAMPLE: &str = include_str!("sample.toml");

/// It is not known which marketplace stands behind the folder, so its rules are not known either: nobody mails until
/// the config says who does.
const MAILS: MailPolicy = MailPolicy {
    received: MailOwner::Nobody,
    paid: MailOwner::Nobody,
    shipped: MailOwner::Nobody,
    cancelled: MailOwner::Nobody,
    may_widen: true,
    source: "the rules of the marketplace behind the folder, which banto cannot know: read them before you widen this",
};

/// Listings in one push. The whole of them goes into one file, so few large pushes are better than many small ones.
const STOCK_BATCH: u16 = 1_000;

/// Builds the connector from its `[connector]` table. There are no credentials: rights to the folder are the system's.
///
/// Errors: [`banto_channel::ErrorKind::Config`] that names the key and the remedy.
pub fn build(config: &toml::Table, _secret: &dyn Fn(&str) -> Result<Secret>) -> Result<Arc<dyn Connector>> {
    Ok(Arc::new(CsvFolder::new(Settings::read(config)?)))
}

/// One folder.
#[derive(Debug)]
struct CsvFolder {
    settings: Settings,
    folder: Folder,
    watch: Watch,
    opened: Opened,
    capabilities: Capabilities,
}

impl CsvFolder {
    fn new(settings: Settings) -> Self {
        let mut capabilities = Capabilities::least(KIND, "CSV folder", MAILS);
        capabilities.stock_batch_max = NonZeroU16::MIN.saturating_add(STOCK_BATCH - 1);
        capabilities.stock_basis = StockBasis::Sellable;
        capabilities.lists_offers = settings.offers.is_some();
        capabilities.reads_stock_back = true;
        capabilities.notices = match (settings.shipments.is_some(), settings.cancels.is_some()) {
            (true, true) => &[NoticeKind::Shipped, NoticeKind::Cancelled],
            (true, false) => &[NoticeKind::Shipped],
            (false, true) => &[NoticeKind::Cancelled],
            (false, false) => &[],
        };
        capabilities.pull_interval_min = Duration::from_secs(5);
        let folder = Folder::new(settings.folder.clone());
        Self { settings, folder, watch: Watch::default(), opened: Opened::default(), capabilities }
    }
}

#[async_trait]
impl Connector for CsvFolder {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn probe(&self, cx: &Cx) -> Result<ProbeReport> {
        self.look(cx)
    }

    async fn pull_orders(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        self.pull(cx, after)
    }

    fn cursor_made_at(&self, cursor: &Cursor) -> Option<Timestamp> {
        cursor::State::read(cursor).ok().map(|state| state.made_at())
    }

    async fn push_stock(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        self.push(cx, items)
    }

    async fn notify_order(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        self.notify(cx, order, notice, key)
    }

    async fn list_offers(&self, cx: &Cx, _after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        let columns = self.settings.offers.as_ref().ok_or_else(|| Error::unsupported("list_offers"))?;
        self.offers(cx, columns)
    }

    async fn read_stock(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        self.read_back(cx, listings)
    }
}
