//! Stock out: what was told so far, and the files that say it.
//!
//! `stock/.told.csv` is the connector's own note of what it told last, whatever the tool does with the files made for
//! it. It is written last: a push that broke off before is sent again by the daemon and writes all of them again.

use std::collections::BTreeMap;

use banto_channel::{
    Bilingual, Cx, Error, ErrorKind, ListingId, Outcome, RemoteOffer, Result, StockItem, Timestamp, both,
};

use crate::CsvFolder;
use crate::config::StockFiles;
use crate::outgoing::StockValue;
use crate::table::{Rows, write_row};

pub(crate) const STOCK: &str = "stock";
const FULL: &str = "stock.csv";
const TOLD: &str = ".told.csv";

/// A number that went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) quantity: i64,
    pub(crate) at: Timestamp,
}

impl CsvFolder {
    /// What was told so far of each listing.
    ///
    /// Errors: [`ErrorKind::Malformed`] if somebody edited the note; a listing left out would vanish from the full file.
    pub(crate) fn told(&self) -> Result<BTreeMap<ListingId, Told>> {
        let bytes = self.folder.read_own(STOCK, TOLD)?.unwrap_or_default();
        let spoilt = || {
            Error::told(
                ErrorKind::Malformed,
                both!(
                    "stock/.told.csv is not as banto wrote it; move it away, and push all listings anew",
                    "stock/.told.csv がbantoの書き込んだ内容と異なります。別の場所へ移し、すべての出品の在庫を送信し直して\
                     ください"
                ),
            )
        };
        let text = String::from_utf8(bytes).map_err(|_| spoilt())?;
        let told = |row: crate::table::Row| {
            let told = Told { quantity: row.cell(1).parse().ok()?, at: Timestamp(row.cell(2).parse().ok()?) };
            Some((ListingId::from(row.cell(0)), told))
        };
        Rows::new(&text, ',').map(|row| told(row).ok_or_else(spoilt)).collect()
    }

    pub(crate) fn push(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        self.folder.is_there()?;
        let offers = self.offered(cx)?;
        let from_offers = [StockValue::Code, StockValue::Title, StockValue::Jan];
        if offers.is_none() && from_offers.iter().any(|value| self.settings.stock.have(*value)) {
            return Err(Error::told(
                ErrorKind::Unreachable,
                both!(
                    "the stock file has columns out of the offers, and offers/ has no sound export; export the offers anew",
                    "在庫ファイルに出品データの列がありますが、offers/ に正しいファイルがありません。出品データをもう一度\
                     書き出してください"
                ),
            ));
        }
        let mut told = self.told()?;
        let (mut outcomes, mut changed) = (Vec::new(), BTreeMap::new());
        for item in items {
            outcomes.push(match self.stock_row(&item.listing, item.quantity, offers.as_ref()) {
                Ok(row) => {
                    changed.insert(item.listing.clone(), row);
                    told.insert(item.listing.clone(), Told { quantity: item.quantity, at: cx.clock.now() });
                    Outcome::Applied
                }
                Err(reason) => Outcome::Refused { reason },
            });
        }
        if changed.is_empty() {
            return Ok(outcomes);
        }
        let (delimiter, files) = (self.settings.delimiter, self.settings.stock_files);
        if files != StockFiles::Full {
            let name = self.changes_name(cx.clock.now())?;
            self.folder.put(STOCK, &name, &self.settings.stock.file(changed.values(), delimiter))?;
        }
        if files != StockFiles::Changes {
            // A listing that is no longer offered has no row; its number stays known.
            let rows: Vec<Vec<String>> = told
                .iter()
                .filter_map(|(listing, told)| self.stock_row(listing, told.quantity, offers.as_ref()).ok())
                .collect();
            self.folder.put(STOCK, FULL, &self.settings.stock.file(&rows, delimiter))?;
        }
        let note: String = told
            .iter()
            .map(|(listing, told)| {
                write_row([listing.as_str(), &told.quantity.to_string(), &told.at.0.to_string()], ',')
            })
            .collect();
        self.folder.put(STOCK, TOLD, note.as_bytes())?;
        Ok(outcomes)
    }

    fn stock_row(
        &self,
        listing: &ListingId,
        quantity: i64,
        offers: Option<&BTreeMap<ListingId, RemoteOffer>>,
    ) -> std::result::Result<Vec<String>, Bilingual> {
        let offer = offers.and_then(|offers| offers.get(listing));
        if offers.is_some() && offer.is_none() {
            return Err(both!(
                "{listing} is not in the newest file of offers/; export the offers anew if it is there by now",
                "{listing} は offers/ の最新のファイルにありません。出品済みの場合は、出品データをもう一度書き出してください"
            ));
        }
        self.settings.stock.row(|value| match value {
            StockValue::Listing => listing.0.clone(),
            StockValue::Quantity => quantity.to_string(),
            StockValue::Code => offer.and_then(|offer| offer.code.clone()).unwrap_or_default(),
            StockValue::Title => offer.map(|offer| offer.title.clone()).unwrap_or_default(),
            StockValue::Jan => offer.and_then(|offer| offer.gtin.clone()).unwrap_or_default(),
        })
    }

    /// A name that sorts behind the others of the same second.
    fn changes_name(&self, now: Timestamp) -> Result<String> {
        let prefix = format!("changes-{}-", self.settings.orders.dates.write(now, "%Y%m%dT%H%M%S"));
        let number = |name: String| name.strip_prefix(&prefix)?.strip_suffix(".csv")?.parse::<u32>().ok();
        let taken = self.folder.list(STOCK)?.into_iter().filter_map(|entry| number(entry.shown())).max();
        Ok(format!("{prefix}{:04}.csv", taken.map_or(1, |n| n + 1)))
    }
}
