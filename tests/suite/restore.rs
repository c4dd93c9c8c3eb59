//! Backups: made while others write, whole or not at all, and read back into an empty store of either engine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use banto::doctor::{State, examine, worst};
use banto::store::{Store, StoreError, TableRows};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::lived::live_in;
use crate::stores::{Fresh, each_store, stores};
use crate::trading::Trading;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

async fn backup(store: &Store, file: &Path) -> Vec<TableRows> {
    let mut told = 0;
    let backup = store.backup(file, &mut |_, rows| told += rows).await.unwrap();
    assert_eq!(backup.bytes, std::fs::metadata(file).unwrap().len());
    assert_eq!(told, backup.tables.iter().map(|t| t.rows).sum::<u64>(), "progress is told of every row");
    backup.tables
}

async fn restore(store: &Store, file: &Path) -> Result<Vec<TableRows>, StoreError> {
    store.restore(file, &mut |_, _| ()).await
}

/// Rows that stand in one of two SQLite files and not in the other.
async fn different_rows(one: &Path, other: &Path, tables: &[TableRows]) -> i64 {
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", one.display())).await.unwrap();
    sqlx::query("ATTACH $1 AS other").bind(other.to_str().unwrap()).execute(&mut db).await.unwrap();
    let mut count = 0;
    for TableRows { table, .. } in tables {
        for (a, b) in [("main", "other"), ("other", "main")] {
            let query =
                format!("SELECT COUNT(*) FROM (SELECT * FROM {a}.{table} EXCEPT SELECT * FROM {b}.{table})");
            let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut db).await.unwrap();
            count += rows;
        }
    }
    count
}

#[tokio::test]
async fn a_store_comes_back_row_by_row_on_either_engine() {
    for source in stores().await {
        let trading = live_in(&source).await;
        let folder = Folder::new();
        let tables = backup(&source.store, &folder.file("one.backup")).await;
        let empty: Vec<_> = tables.iter().filter(|t| t.rows == 0).collect();
        assert!(empty.is_empty() && tables.len() > 15, "every table is tried: {empty:?}");
        for target in stores().await {
            let way = format!("{} to {}", source.engine(), target.engine());
            assert_eq!(restore(&target.store, &folder.file("one.backup")).await.unwrap(), tables, "{way}");
            let again = folder.file(&format!("from-{}.backup", target.engine()));
            assert_eq!(backup(&target.store, &again).await, tables, "{way}");
            assert_eq!(different_rows(&folder.file("one.backup"), &again, &tables).await, 0, "{way}");
            goes_on(&target, &trading).await;
        }
    }
}

/// The restored house is in order, and its next id is one that was never used.
async fn goes_on(target: &Fresh, trading: &Trading) {
    let findings = examine(&target.store, None, trading.now(), &mut |_| ()).await.unwrap();
    assert_ne!(worst(&findings), State::Broken, "{findings:?}");
    let mut write = target.store.write().await.unwrap();
    let id = write.id();
    assert!(id > target.number("SELECT CAST(MAX(id) AS BIGINT) FROM payload").await);
    assert!(id > target.number("SELECT CAST(MAX(id) AS BIGINT) FROM entry").await);
    drop(write);
    let page = [banto_channel::Read::Order(Box::new(trading.remote("later", &[("tea", 1)])))];
    let report = target.store.take_page(&trading.facts, &page, None, trading.now()).await.unwrap();
    assert_eq!(report.new.len(), 1);
    assert_eq!(target.store.verify_ledger().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_made_while_others_write_is_of_one_moment() {
    each_store(async |fresh| {
        let trading = live_in(fresh).await;
        let done = Arc::new(AtomicBool::new(false));
        let pages: Vec<_> = (0..2_000)
            .map(|n| banto_channel::Read::Order(Box::new(trading.remote(&format!("w{n}"), &[("tea", 1)]))))
            .collect();
        let (store, facts, now, stop) =
            (fresh.store.clone(), trading.facts.clone(), trading.now(), Arc::clone(&done));
        let writer = tokio::spawn(async move {
            let mut taken = 0;
            for page in pages.chunks(2) {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                store.take_page(&facts, page, None, now).await.unwrap();
                taken += 2;
            }
            taken
        });
        let folder = Folder::new();
        let mut sizes = Vec::new();
        for n in 0..3 {
            let file = folder.file(&format!("{n}.backup"));
            // As the command does: with a connection of its own, beside the daemon's.
            let beside = Store::open(&fresh.url).await.unwrap();
            backup(&beside, &file).await;
            beside.close().await;
            let copy = Fresh::sqlite().await;
            restore(&copy.store, &file).await.unwrap();
            let findings = examine(&copy.store, None, trading.now(), &mut |_| ()).await.unwrap();
            assert_ne!(worst(&findings), State::Broken, "{findings:?}");
            let orders = copy.number("SELECT COUNT(*) FROM orders").await;
            let lines = copy.number("SELECT COUNT(DISTINCT order_id) FROM order_line").await;
            assert_eq!(orders, lines, "an order without its lines");
            assert_eq!((orders - 3) % 2, 0, "half of a page");
            sizes.push(orders);
        }
        done.store(true, Ordering::SeqCst);
        let taken = writer.await.unwrap();
        assert!(sizes.is_sorted() && sizes[2] > sizes[0], "it was written meanwhile: {sizes:?} of {taken}");
    })
    .await;
}

#[tokio::test]
async fn a_backup_is_the_owners_alone_and_replaces_nothing() {
    each_store(async |fresh| {
        let folder = Folder::new();
        let file = folder.file("a.backup");
        // What a backup that was cut off left behind.
        std::fs::write(folder.file("a.backup.partial"), "half of it").unwrap();
        backup(&fresh.store, &file).await;
        assert_eq!(folder.names(), ["a.backup"]);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read(&file).unwrap();
        let error = fresh.store.backup(&file, &mut |_, _| ()).await.unwrap_err().to_string();
        assert!(error.contains("there already"), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
        let nowhere = folder.file("no/such/folder.backup");
        let error = fresh.store.backup(&nowhere, &mut |_, _| ()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused(why) if why.en.contains("folder.backup")), "{error}");
        assert_eq!(folder.names(), ["a.backup"]);
    })
    .await;
}

#[tokio::test]
async fn only_an_empty_store_is_filled() {
    each_store(async |fresh| {
        live_in(fresh).await;
        let folder = Folder::new();
        backup(&fresh.store, &folder.file("a.backup")).await;
        let orders = "SELECT CAST(COUNT(*) AS BIGINT) FROM orders";
        let before = fresh.number(orders).await;
        let error = restore(&fresh.store, &folder.file("a.backup")).await.unwrap_err().to_string();
        assert!(error.contains("not empty") && error.contains("banto migrate"), "{error}");
        assert_eq!(fresh.number(orders).await, before);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_and_leaves_the_store_empty() {
    let source = Fresh::sqlite().await;
    live_in(&source).await;
    let folder = Folder::new();
    let good = folder.file("good.backup");
    backup(&source.store, &good).await;
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(folder.file("cut"), &bytes[..bytes.len() / 2]).unwrap();
    let mut scratched = bytes.clone();
    scratched[bytes.len() / 2..bytes.len() / 2 + 4096].fill(0x5a);
    std::fs::write(folder.file("scratched"), scratched).unwrap();
    std::fs::write(folder.file("text"), "code,name\n".repeat(1000)).unwrap();
    std::fs::write(folder.file("empty"), "").unwrap();
    std::fs::copy(&good, folder.file("newer")).unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9000, 'to come', true, x'00', 0)";
    change(&folder.file("newer"), newer).await;
    std::fs::copy(&good, folder.file("orphans")).unwrap();
    change(&folder.file("orphans"), "PRAGMA foreign_keys = OFF; DELETE FROM item WHERE code = 'tea'").await;
    for target in stores().await {
        for (name, word) in [
            ("cut", "cannot be read"),
            ("scratched", ""),
            ("text", "cannot be read as a backup"),
            ("empty", "none of banto"),
            ("newer", "a newer banto made it"),
            ("orphans", "name what is not there"),
        ] {
            let error = restore(&target.store, &folder.file(name)).await.unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(name), "{name}: {error}");
        }
        let error = restore(&target.store, &folder.file("nowhere")).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound(_)), "{error}");
        restore(&target.store, &good).await.unwrap();
    }
    assert_eq!(std::fs::read(&good).unwrap(), bytes, "a restore leaves the backup as it was");
    assert!(
        !folder.names().iter().any(|n| n.ends_with("-wal") || n.ends_with("-shm")),
        "{:?}",
        folder.names()
    );
}

async fn change(file: &Path, statements: &str) {
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut db).await.unwrap();
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}
