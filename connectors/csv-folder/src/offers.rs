//! Offers in, from the newest export, and the numbers that were said last.

use std::collections::{BTreeMap, HashSet};

use banto_channel::{
    Bilingual, Cursor, Cx, Error, ErrorKind, ListingId, Money, Page, RemoteOffer, Result, Timestamp, both,
};

use crate::CsvFolder;
use crate::calls::{Content, Entry};
use crate::columns::{Columns, Layout, OfferField};
use crate::parse::{Sheet, read_sheet};
use crate::stock::Told;
use crate::table::Row;
use crate::value::{money, units};

/// Where exports of the offers come in.
pub(crate) const OFFERS: &str = "offers";

/// Words for "no" in a column that says whether buyers can see an offer.
const NO: [&str; 11] = ["0", "no", "false", "off", "n", "非公開", "非表示", "停止", "販売停止", "無効", "×"];

/// What an export says.
pub(crate) struct Export {
    /// When it was written, by the file system's clock.
    at: Timestamp,
    pub(crate) name: String,
    pub(crate) offers: Vec<RemoteOffer>,
    /// It has a column of numbers.
    counts: bool,
    /// Its last row cannot be read, so more may be missing behind it.
    torn: bool,
    /// Rows that could not be read, each with the reason.
    pub(crate) faults: Vec<Bilingual>,
}

impl CsvFolder {
    /// The newest export that is no longer being written; `None` if there is none. Two clocks take part, so a file from
    /// the future counts as finished too.
    fn newest_offers(&self, now: Timestamp) -> Result<Option<Entry>> {
        let mut files = self.folder.list(OFFERS)?;
        let still =
            |file: &Entry| (now.since(file.modified) + file.modified.since(now)) >= self.settings.settle;
        files.retain(|file| file.is_table() && file.size > 0 && still(file));
        files.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        Ok(files.pop())
    }

    /// The newest export.
    ///
    /// Errors: [`ErrorKind::Malformed`] if nothing of it can be read.
    pub(crate) fn export(&self, cx: &Cx, columns: &Columns<OfferField>) -> Result<Option<Export>> {
        let Some(file) = self.newest_offers(cx.clock.now())? else { return Ok(None) };
        let name = file.shown();
        let malformed = |why: Bilingual| {
            let words = Bilingual { en: format!("offers/{}", why.en), ja: format!("offers/{}", why.ja) };
            Error::told(ErrorKind::Malformed, words)
        };
        let bytes = match self.folder.read(&file.path, self.settings.file_max)? {
            Content::Bytes { bytes, .. } => bytes,
            Content::TooLarge { size } => {
                return Err(malformed(both!(
                    "{name}: {size} bytes are more than max_file_mb allows",
                    "{name}: ファイルの大きさ（{size}バイト）が max_file_mb の上限を超えています"
                )));
            }
        };
        let sheet = read_sheet(&name, &bytes, self.settings.encoding, self.settings.delimiter, columns)
            .map_err(|unusable| malformed(unusable.why))?;
        let (offers, faults) = read_offers(&sheet, &self.settings.orders.currency);
        let counts = sheet.layout.has(OfferField::Quantity);
        let torn = sheet.rows.last().is_some_and(|row| row.fault.is_some());
        Ok(Some(Export { at: file.modified, name, offers, counts, torn, faults }))
    }

    /// What is on offer, if a file says so. A file that is not sound keeps no number from going out: it then says
    /// nothing of what is there.
    pub(crate) fn offered(&self, cx: &Cx) -> Result<Option<BTreeMap<ListingId, RemoteOffer>>> {
        let Some(columns) = &self.settings.offers else { return Ok(None) };
        let export = match self.export(cx, columns) {
            Err(error) if error.kind == ErrorKind::Malformed => None,
            other => other?.filter(|export| !export.torn),
        };
        Ok(export.map(|export| export.offers.into_iter().map(|offer| (offer.id.clone(), offer)).collect()))
    }

    /// The newest export with the newest numbers, all on one page: the file's size is bounded.
    ///
    /// Errors: [`ErrorKind::Unreachable`] while there is none, [`ErrorKind::Malformed`] if it breaks off: offers that are
    /// missing would look as if they were gone.
    pub(crate) fn offers(&self, cx: &Cx, columns: &Columns<OfferField>) -> Result<Page<RemoteOffer>> {
        self.folder.is_there()?;
        let Some(export) = self.export(cx, columns)? else {
            return Err(Error::told(
                ErrorKind::Unreachable,
                both!(
                    "there is no finished file in offers/ yet; export the offers into it",
                    "offers/ に書き込みの終わったファイルがまだありません。出品データを書き出してください"
                ),
            ));
        };
        if export.torn {
            let last = export.faults.last().cloned().unwrap_or_default();
            let why = both!(
                "offers/{name} is not whole: {en}; export the offers anew",
                "offers/{name} が途中で切れています: {ja}。出品データをもう一度書き出してください",
                name = export.name,
                en = last.en,
                ja = last.ja
            );
            return Err(Error::told(ErrorKind::Malformed, why));
        }
        let told = self.told()?;
        let mut items = export.offers;
        for offer in &mut items {
            let said = told.get(&offer.id);
            offer.quantity = if export.counts {
                offer.quantity.map(|shown| newest(shown, export.at, said))
            } else {
                said.map(|told| told.quantity)
            };
        }
        Ok(Page { items, next: Cursor(export.name), more: false })
    }

    /// The number that was said last, by the export or by us.
    pub(crate) fn read_back(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        self.folder.is_there()?;
        let told = self.told()?;
        let export = match &self.settings.offers {
            Some(columns) => self.export(cx, columns)?,
            None => None,
        };
        let Some(export) = export.filter(|export| export.counts) else {
            let known = |l: &ListingId| told.get(l).map(|told| (l.clone(), told.quantity));
            return Ok(listings.iter().filter_map(known).collect());
        };
        let exported: BTreeMap<_, _> =
            export.offers.iter().filter_map(|offer| Some((&offer.id, offer.quantity?))).collect();
        let now = |listing: &ListingId| {
            let shown = exported.get(listing)?;
            Some((listing.clone(), newest(*shown, export.at, told.get(listing))))
        };
        Ok(listings.iter().filter_map(now).collect())
    }
}

/// What we told after the export was made is newer than what it says.
fn newest(shown: i64, exported_at: Timestamp, told: Option<&Told>) -> i64 {
    told.filter(|told| told.at > exported_at).map_or(shown, |told| told.quantity)
}

/// Offers and the rows that are none. Of two rows for one listing the first counts.
fn read_offers(sheet: &Sheet<OfferField>, currency: &str) -> (Vec<RemoteOffer>, Vec<Bilingual>) {
    let (mut offers, mut faults, mut met) = (Vec::new(), Vec::new(), HashSet::new());
    for row in &sheet.rows {
        match read_offer(&sheet.layout, row, currency) {
            Ok(offer) if met.insert(offer.id.clone()) => offers.push(offer),
            Ok(offer) => faults.push(both!(
                "line {line}: {id} was there before",
                "{line}行目: {id} は前の行にもあります",
                line = row.line,
                id = offer.id
            )),
            Err(why) => faults.push(both!("line {line}", "{line}行目", line = row.line).with(&why)),
        }
    }
    (offers, faults)
}

fn read_offer(
    layout: &Layout<OfferField>,
    row: &Row,
    currency: &str,
) -> std::result::Result<RemoteOffer, Bilingual> {
    use OfferField as F;
    if let Some(fault) = &row.fault {
        return Err(fault.clone());
    }
    let text = |field| Some(layout.text(row, field)).filter(|text| !text.is_empty());
    let code = text(F::Code);
    let listing = if layout.has(F::Listing) { text(F::Listing) } else { code.clone() };
    let id = listing.ok_or_else(|| both!("there is no code", "商品コードがありません"))?;
    let quantity = text(F::Quantity).map(|written| units(&written)).transpose()?;
    let price = text(F::Price).map(|written| money(&written, currency)).transpose()?;
    let active = text(F::Active).is_none_or(|word| !NO.contains(&word.to_lowercase().as_str()));
    Ok(RemoteOffer {
        id: ListingId(id),
        code,
        gtin: text(F::Jan),
        title: text(F::Title).unwrap_or_default(),
        quantity,
        price: price.map(|price: Money| (price, currency.to_owned())),
        active,
    })
}
