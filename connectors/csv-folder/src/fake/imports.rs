//! Files that the tool reads: stock, parcels, cancelled orders.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use banto_channel::{ListingId, Timestamp};
use banto_sim::market::{MarketParcel, Seen};
use encoding_rs::SHIFT_JIS;

use super::books::Books;
use super::{FakeEncoding, FakeFolder, FakeStock};

/// A row by the titles of its columns.
type Row = BTreeMap<String, String>;

impl FakeFolder {
    pub(super) fn import(&self, books: &mut Books) -> io::Result<()> {
        let now = self.config.clock.now();
        match self.config.stock {
            FakeStock::Full => self.import_full_stock(books, now)?,
            FakeStock::Changes => {
                for path in files(&self.config.folder.join("stock"))? {
                    self.import_stock(books, &path, now)?;
                    fs::remove_file(path)?;
                }
            }
        }
        for path in files(&self.config.folder.join("shipments"))? {
            self.import_parcel(books, &path, now)?;
            fs::remove_file(path)?;
        }
        for path in files(&self.config.folder.join("cancels"))? {
            for row in self.rows(&path)? {
                books.cancel(cell(&row, "注文番号"), now);
            }
            books.seen.push(Seen { call: "IMPORT cancels".to_owned(), stock: Vec::new(), at: now });
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// The full file stays where it is; it is imported when another one was put in its place.
    fn import_full_stock(&self, books: &mut Books, now: Timestamp) -> io::Result<()> {
        let path = self.config.folder.join("stock/stock.csv");
        let Ok(meta) = fs::metadata(&path) else { return Ok(()) };
        let found = Some((meta.modified()?, fs::read(&path)?));
        if books.imported != found {
            self.import_stock(books, &path, now)?;
            books.imported = found;
        }
        Ok(())
    }

    fn import_stock(&self, books: &mut Books, path: &Path, now: Timestamp) -> io::Result<()> {
        let mut seen = Seen { call: "IMPORT stock".to_owned(), stock: Vec::new(), at: now };
        for row in self.rows(path)? {
            let listing = ListingId::from(cell(&row, "商品番号"));
            if let (Ok(quantity), "上書き") = (cell(&row, "在庫数").parse(), cell(&row, "処理")) {
                books.set(&listing, quantity);
                seen.stock.push((listing, quantity));
            }
        }
        books.seen.push(seen);
        Ok(())
    }

    fn import_parcel(&self, books: &mut Books, path: &Path, now: Timestamp) -> io::Result<()> {
        let rows = self.rows(path)?;
        let Some(first) = rows.first() else { return Ok(()) };
        let carrier = match cell(first, "配送会社コード") {
            "1001" => "ヤマト運輸",
            "1002" => "佐川急便",
            "1003" => "日本郵便",
            other => other,
        };
        let parcel =
            MarketParcel { carrier: carrier.to_owned(), tracking: cell(first, "送り状番号").to_owned() };
        let lines: Vec<(String, i64)> = rows
            .iter()
            .filter(|row| !cell(row, "明細番号").is_empty())
            .map(|row| (cell(row, "明細番号").to_owned(), cell(row, "出荷数").parse().unwrap_or(0)))
            .collect();
        books.ship(cell(first, "注文番号"), parcel, &lines, now);
        books.seen.push(Seen { call: "IMPORT shipments".to_owned(), stock: Vec::new(), at: now });
        Ok(())
    }

    /// A file's rows. No cell of these files has a comma or a quote in it, and this tool does not know of any.
    fn rows(&self, path: &Path) -> io::Result<Vec<Row>> {
        let bytes = fs::read(path)?;
        let text = match self.config.encoding {
            FakeEncoding::Utf8 => String::from_utf8_lossy(&bytes).into_owned(),
            FakeEncoding::Cp932 => SHIFT_JIS.decode(&bytes).0.into_owned(),
        };
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let header = lines.next().unwrap_or_default();
        Ok(lines.map(|cells| header.iter().cloned().zip(cells).collect()).collect())
    }
}

fn cell<'a>(row: &'a Row, title: &str) -> &'a str {
    row.get(title).map_or("", String::as_str)
}

/// Finished files in a folder by name; none if it is not there.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let found = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut paths = Vec::new();
    for entry in found {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && !name.starts_with('.') && name.ends_with(".csv") && name != "stock.csv" {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
