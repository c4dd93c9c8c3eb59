//! A folder with a connector to it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use banto_channel::{Clock as _, Connector as _, Cursor, Cx, Error, ErrorKind, Page, Read, RemoteOrder};
use banto_sim::SimClock;
use tempfile::TempDir;

use crate::CsvFolder;
use crate::config::Settings;

pub(super) const HEADER: &str = "注文番号,注文日時,ステータス,商品コード,個数,単価";

pub(super) const LEAST: &str = r#"
[orders.columns]
order_id = "注文番号"
placed_at = "注文日時"
status = "ステータス"
code = "商品コード"
quantity = "個数"
unit_price = "単価"

[orders.status]
"新規" = "open_unpaid"
"入金済み" = "open_paid"
"発送済み" = "shipped"
"キャンセル" = "cancelled"

[stock]
columns = [{ title = "商品コード", value = "listing" }, { title = "在庫数", value = "quantity" }]
"#;

/// Keys of the table's first level; the tables come behind.
pub(super) const AT_ONCE: &str = "settle_seconds = 0\n";

pub(super) struct Place {
    pub(super) connector: CsvFolder,
    pub(super) clock: Arc<SimClock>,
    pub(super) cx: Cx,
    pub(super) dir: TempDir,
}

pub(super) fn settings(keys: &str, tables: &str, folder: &str) -> Result<Settings, Error> {
    let table = format!("folder = {folder:?}\n{keys}{LEAST}{tables}");
    Settings::read(&toml::from_str(&table).unwrap())
}

pub(super) fn place(keys: &str, tables: &str) -> Place {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("orders")).unwrap();
    let settings = settings(keys, tables, &dir.path().to_string_lossy()).unwrap();
    let clock = SimClock::usual();
    Place { connector: CsvFolder::new(settings), cx: clock.cx(), clock, dir }
}

/// One row of one unit.
pub(super) fn row(order: &str, status: &str) -> String {
    format!("{order},2026/04/01 10:00:00,{status},TEA-1,1,540\r\n")
}

pub(super) fn file(rows: &[String]) -> String {
    format!("{HEADER}\r\n{}", rows.concat())
}

impl Place {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file with the time of the clock, which is later than that of the file before.
    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.clock.advance(Duration::from_millis(1));
        let at = UNIX_EPOCH + Duration::from_micros(u64::try_from(self.clock.now().0).unwrap());
        fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Names in a subfolder, sorted, without those of subfolders.
    pub(super) fn names(&self, subfolder: &str) -> Vec<String> {
        let Ok(found) = fs::read_dir(self.path(subfolder)) else { return Vec::new() };
        let files = found.map(|e| e.unwrap()).filter(|e| e.file_type().unwrap().is_file());
        let mut names: Vec<String> = files.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(super) fn text(&self, name: &str) -> String {
        encoding_rs::SHIFT_JIS.decode(&fs::read(self.path(name)).unwrap()).0.into_owned()
    }

    pub(super) async fn page(&self, after: Option<&Cursor>) -> Page<Read> {
        self.connector.pull_orders(&self.cx, after).await.unwrap()
    }

    /// Everything from a cursor to the end, with the last cursor.
    pub(super) async fn walk(&self, after: Option<&Cursor>) -> (Vec<Read>, Cursor) {
        let (mut reads, mut cursor) = (Vec::new(), after.cloned());
        loop {
            let page = self.page(cursor.as_ref()).await;
            reads.extend(page.items);
            if !page.more {
                return (reads, page.next);
            }
            cursor = Some(page.next);
        }
    }

    /// The connector after a restart: all that it held in memory is gone.
    pub(super) fn restart(self) -> Self {
        let keys = format!("settle_seconds = {}\n", self.connector.settings.settle.as_secs());
        let settings = settings(&keys, "", &self.dir.path().to_string_lossy()).unwrap();
        Self { connector: CsvFolder::new(settings), ..self }
    }

    pub(super) async fn fault(&self, after: Option<&Cursor>) -> (ErrorKind, String) {
        let error = self.connector.pull_orders(&self.cx, after).await.unwrap_err();
        (error.kind, error.message)
    }
}

/// Keys and statuses of what was understood, `?` and the reason of what was not.
pub(super) fn told(reads: &[Read]) -> Vec<String> {
    let one = |read: &Read| match read {
        Read::Order(order) => format!("{} {}", order.id, order.status),
        Read::Unreadable { id, reason, .. } => {
            format!("?{} {reason}", id.as_ref().map_or("", |id| id.as_str()))
        }
    };
    reads.iter().map(one).collect()
}

pub(super) fn only_order(reads: &[Read]) -> &RemoteOrder {
    match reads {
        [Read::Order(order)] => order,
        other => panic!("not one order: {other:?}"),
    }
}
