//! Files that the tool writes.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use banto_channel::{Fulfilment, RemoteOffer, Timestamp};
use banto_sim::faults::Fault;
use encoding_rs::SHIFT_JIS;
use jiff::tz::TimeZone;

use super::books::{Books, Line, Order};
use super::odd::{self, OddOrder};
use super::{FakeConfig, FakeEncoding, FakeFolder};

/// Titles of an order file.
pub(super) const ORDER_COLUMNS: [&str; 41] = [
    "注文番号",
    "明細番号",
    "注文日時",
    "更新日時",
    "状態",
    "入金日時",
    "支払方法",
    "商品番号",
    "商品コード",
    "商品名",
    "数量",
    "取消数",
    "返品数",
    "出荷数",
    "単価",
    "小計",
    "税率",
    "クーポン",
    "ポイント",
    "送料",
    "代引手数料",
    "合計金額",
    "返金額",
    "通貨",
    "注文者氏名",
    "注文者メール",
    "注文者電話",
    "届け先氏名",
    "届け先フリガナ",
    "届け先会社",
    "届け先国",
    "届け先郵便番号",
    "届け先都道府県",
    "届け先市区町村",
    "届け先番地",
    "届け先建物",
    "届け先電話",
    "備考",
    "発送期限",
    "配送会社",
    "送り状番号",
];

const LOG_IN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>ログイン</title></head><body><form>ID, パスワード</form></body></html>\n";

impl FakeFolder {
    /// Writes a file as the tool does, with the marketplace's time.
    pub(super) fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let write_to = if self.config.in_place { path.to_owned() } else { path.with_extension("csv.part") };
        let mut file = File::create(&write_to)?;
        file.write_all(bytes)?;
        let micros = u64::try_from(self.config.clock.now().0).unwrap_or(0);
        file.set_times(FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_micros(micros)))?;
        drop(file);
        if write_to != path {
            fs::rename(write_to, path)?;
        }
        Ok(())
    }

    pub(super) fn export(&self, books: &mut Books) -> io::Result<()> {
        if books.offers_changed {
            let offers = books.offers.values().filter(|offer| !books.withdrawn.contains(&offer.id));
            let text = offer_text(offers);
            self.put(&self.config.folder.join("offers/offers.csv"), &encode(&text, self.config.encoding))?;
            books.offers_changed = false;
        }
        if books.changed.is_empty() {
            return Ok(());
        }
        let rows: Vec<Vec<String>> =
            books.changed.iter().filter_map(|id| books.orders.get(id)).flat_map(order_rows).collect();
        let bytes = order_file(&self.config, &rows.iter().map(|row| line(row)).collect::<String>());
        let path = self.config.folder.join(format!("orders/orders-{:06}.csv", books.next_file));
        // A run after one that failed is left in peace, so that everything comes in the end.
        let fault = if books.failed { None } else { self.faults.for_call() };
        books.failed = fault.is_some();
        match fault {
            None => {
                self.put(&path, &bytes)?;
                books.changed.clear();
                books.next_file += 1;
            }
            // Half of it stays under its name, until the next run replaces it.
            Some(Fault::Torn) => self.put(&path, bytes.get(..bytes.len() / 2).unwrap_or_default())?,
            Some(Fault::LostAnswer) => {
                self.put(&path, &bytes)?;
                books.next_file += 1;
            }
            Some(Fault::Html) => {
                self.put(&path, LOG_IN_PAGE.as_bytes())?;
                books.next_file += 1;
            }
            Some(Fault::Huge(size)) => {
                File::create(&path)?.set_len(size as u64)?;
                books.next_file += 1;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// One more file, of an exporter that is not well.
    ///
    /// Errors: those of the file system.
    pub fn leave_broken(&self, fault: &Fault) -> io::Result<()> {
        let mut books = self.books();
        let name = format!("orders/orders-{:06}.csv", books.next_file);
        let path = self.config.folder.join(name);
        books.next_file += 1;
        match fault {
            Fault::Html => self.put(&path, LOG_IN_PAGE.as_bytes()),
            Fault::Huge(size) => File::create(&path)?.set_len(*size as u64),
            _ => {
                let rows = books.orders.values().next_back().map(order_rows).unwrap_or_default();
                let text: String = rows.iter().map(|row| line(row)).collect();
                let bytes = order_file(&self.config, &text);
                self.put(&path, bytes.get(..bytes.len() - bytes.len() / 7).unwrap_or_default())
            }
        }
    }

    pub(super) fn export_odd(&self, books: &mut Books) -> io::Result<Vec<OddOrder>> {
        let (text, odd) = odd::orders(self.config.clock.now(), &books.offers);
        let path = self.config.folder.join(format!("orders/orders-{:06}.csv", books.next_file));
        books.next_file += 1;
        self.put(&path, &order_file(&self.config, &text))?;
        Ok(odd)
    }
}

/// A file with these rows; some tools write a title and a count above the header.
fn order_file(config: &FakeConfig, rows: &str) -> Vec<u8> {
    let header = line(&ORDER_COLUMNS.map(str::to_owned));
    let preamble: String = config.preamble.iter().map(|line| format!("{line}\r\n")).collect();
    encode(&format!("{preamble}{header}{rows}"), config.encoding)
}

/// A row with each cell in quotes, as most of these tools write it.
pub(super) fn line(cells: &[String]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    quoted.join(",") + "\r\n"
}

fn encode(text: &str, encoding: FakeEncoding) -> Vec<u8> {
    if encoding == FakeEncoding::Utf8 {
        return text.as_bytes().to_vec();
    }
    let one = |c: char| {
        let alone = c.to_string();
        let (bytes, _, lost) = SHIFT_JIS.encode(&alone);
        if lost { b"?".to_vec() } else { bytes.into_owned() }
    };
    text.chars().flat_map(one).collect()
}

pub(super) fn time(at: Timestamp) -> String {
    let stamp = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    let zone = TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC);
    stamp.to_zoned(zone).strftime("%Y/%m/%d %H:%M:%S").to_string()
}

/// An amount as people like to read it.
pub(super) fn yen(amount: i64) -> String {
    let digits = amount.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn status(order: &Order) -> &'static str {
    match (order.fulfilment(), order.paid) {
        (Fulfilment::Cancelled, _) => "キャンセル",
        (Fulfilment::Shipped, _) => "発送済み",
        (Fulfilment::Partial, _) => "一部発送",
        (Fulfilment::Open, Some(_)) => "入金済み",
        (Fulfilment::Open, None) => "新規受付",
    }
}

/// One row for each line; what concerns the whole order is repeated.
pub(super) fn order_rows(order: &Order) -> Vec<Vec<String>> {
    order.lines.iter().map(|line| order_row(order, line)).collect()
}

fn order_row(order: &Order, line: &Line) -> Vec<String> {
    let (buyer, home) = (&order.purchase.buyer, &order.purchase.ship_to);
    let parcel = order.parcels.last();
    [
        order.id.clone(),
        line.id.clone(),
        time(order.placed),
        time(order.changed),
        status(order).to_owned(),
        order.paid.map(time).unwrap_or_default(),
        "クレジットカード".to_owned(),
        line.listing.0.clone(),
        line.code.clone(),
        line.title.clone(),
        line.quantity.to_string(),
        line.cancelled.to_string(),
        line.returned.to_string(),
        line.shipped.to_string(),
        yen(line.price),
        yen(line.price * line.quantity),
        "8%".to_owned(),
        "0".to_owned(),
        String::new(),
        yen(order.shipping()),
        "0".to_owned(),
        yen(order.grand()),
        yen(order.refunded),
        "JPY".to_owned(),
        buyer.name.clone(),
        buyer.email.clone(),
        buyer.phone.clone(),
        home.name.clone(),
        home.name_kana.clone(),
        home.company.clone(),
        home.country.clone(),
        home.postcode.clone(),
        home.region.clone(),
        home.city.clone(),
        home.line1.clone(),
        home.line2.clone(),
        home.phone.clone(),
        order.purchase.note.clone(),
        String::new(),
        parcel.map(|p| p.carrier.clone()).unwrap_or_default(),
        parcel.map(|p| p.tracking.clone()).unwrap_or_default(),
    ]
    .to_vec()
}

fn offer_text<'a>(offers: impl Iterator<Item = &'a RemoteOffer>) -> String {
    let titles = ["商品番号", "商品コード", "商品名", "JANコード", "在庫数", "販売価格", "公開"];
    let mut text = line(&titles.map(str::to_owned));
    for offer in offers {
        let price = offer.price.as_ref().map_or(0, |(price, _)| price.0);
        text += &line(&[
            offer.id.0.clone(),
            offer.code.clone().unwrap_or_default(),
            offer.title.clone(),
            offer.gtin.clone().unwrap_or_default(),
            offer.quantity.map(|n| n.to_string()).unwrap_or_default(),
            yen(price),
            if offer.active { "公開" } else { "非公開" }.to_owned(),
        ]);
    }
    text
}
