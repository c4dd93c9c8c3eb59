//! A house with a year of trade behind it: ten thousand orders taken through the store, most of them shipped, and
//! then copied with other ids until there are as many as asked for. It is kept under `target/bench-data`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use banto::domain::intake::ChannelFacts;
use banto::store::Store;
use banto_channel::{Cursor, Timestamp};
use serde_json::json;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::pages::{ITEMS, code, facts, listing, page, placed, shipped};
use crate::raw::{Raw, Row, Table};

/// Raise it when the trade changes that a house is filled with.
const VERSION: u32 = 1;
/// Orders taken through the store; the rest are copies of them.
const BASE: i64 = 10_000;
/// Orders of a page.
const PAGE: usize = 100;
/// Of a hundred pages so many are still open.
const OPEN_PAGES: usize = 3;
/// Units of each item before the first order.
const OPENING: i64 = 1_000_000_000;

/// A filled house.
pub struct House {
    /// Its store.
    pub store: Store,
    /// A bare connection to the same database.
    pub raw: Raw,
    /// The only channel.
    pub facts: ChannelFacts,
    /// The number of the next order.
    pub next: i64,
}

/// Where a house stands on SQLite.
pub fn file(orders: i64) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-data");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{}.db", name(orders)))
}

fn name(orders: i64) -> String {
    let mut hash = DefaultHasher::new();
    VERSION.hash(&mut hash);
    for engine in ["sqlite", "postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let mut schema: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
        schema.sort();
        schema.iter().for_each(|file| std::fs::read(file).unwrap().hash(&mut hash));
    }
    format!("house_{orders}_{:08x}", hash.finish() as u32)
}

impl House {
    /// The house with about that many orders on SQLite, filled if it is not there.
    pub async fn sqlite(orders: i64) -> Self {
        let path = file(orders);
        let url = format!("sqlite:{}", path.display());
        if path.exists() {
            let house = Self::open(&url).await;
            if house.next < orders + orders / 4 + BASE {
                return house;
            }
            // Earlier runs have added too much to it.
            house.store.close().await;
            remove(&path);
        }
        let unfinished = path.with_extension("filling");
        remove(&unfinished);
        fill(&format!("sqlite:{}", unfinished.display()), orders).await;
        std::fs::rename(&unfinished, &path).unwrap();
        Self::open(&url).await
    }

    /// The same on a PostgreSQL server, in a database of its own.
    pub async fn postgres(server: &str, orders: i64) -> Self {
        let options = PgConnectOptions::from_str(server).unwrap();
        let (done, filling) = (name(orders), format!("{}_filling", name(orders)));
        let url = |name: &str| options.clone().database(name).to_url_lossy().to_string();
        let mut raw = Raw::open(server).await;
        let there = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM pg_database WHERE datname = '{done}'");
        if raw.number(there).await == 0 {
            raw.script(format!("DROP DATABASE IF EXISTS {filling}")).await;
            raw.script(format!("CREATE DATABASE {filling}")).await;
            fill(&url(&filling), orders).await;
            raw.script(format!("ALTER DATABASE {filling} RENAME TO {done}")).await;
        }
        Self::open(&url(&done)).await
    }

    async fn open(url: &str) -> Self {
        let store = Store::open(url).await.unwrap();
        let mut raw = Raw::open(url).await;
        let channel = store.channel("honten").await.unwrap().id;
        let location = store.locations().await.unwrap()[0].id;
        let newest = "SELECT CAST(number AS BIGINT) FROM orders ORDER BY id DESC LIMIT 1".to_owned();
        let next = raw.number(newest).await + 1;
        Self { facts: facts(channel, location), store, raw, next }
    }
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // It need not be there.
        let _ = std::fs::remove_file(name);
    }
}

async fn fill(url: &str, orders: i64) {
    let began = Instant::now();
    eprint!("filling a house with {orders} orders … ");
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let mut write = store.write().await.unwrap();
    let location = write.ensure_locations(&[("main".to_owned(), "本店".to_owned())]).await.unwrap()[0].id;
    let channel =
        write.ensure_channel("honten", "woocommerce", true, &[location], Timestamp(0)).await.unwrap().id;
    write.commit().await.unwrap();
    let mut raw = Raw::open(url).await;
    raw.hurry().await;
    goods(&mut raw, channel, location).await;
    let first = next_id(&mut raw).await;
    trade(&store, &facts(channel, location)).await;
    store.close().await;
    raw.script(format!(
        "DELETE FROM job; UPDATE mail SET state = 'sent', attempts = 1, answer = '250 2.0.0 Ok: queued as 4bX', \
         message_id = '<' || kind || '.' || order_id || '@shop.example.jp>', sent_at = {0}, updated_at = {0}",
        placed(BASE).0
    ))
    .await;
    copies(&mut raw, first, orders / BASE).await;
    raw.checkpoint().await;
    eprintln!("{:.0} s", began.elapsed().as_secs_f64());
}

async fn next_id(raw: &mut Raw) -> i64 {
    raw.number("SELECT next FROM counter WHERE name = 'id'".to_owned()).await
}

/// Items, their offers, and their opening stock.
async fn goods(raw: &mut Raw, channel: i64, location: i64) {
    let (item, offer, entry) = (1_000, 1_000 + ITEMS, 1_000 + 2 * ITEMS);
    let each = |row: &dyn Fn(i64) -> serde_json::Value| (0..ITEMS).map(row).collect::<Vec<_>>();
    let rows = [
        (
            "item",
            each(&|n| {
                json!([item + n, code(n), format!("京焼 湯呑 {n} 番"), null, 1100, "JPY", 1000, false, 0, 0])
            }),
        ),
        (
            "listing",
            each(&|n| {
                let title = format!("京焼 湯呑 {n} 番");
                json!([
                    offer + n,
                    channel,
                    listing(n),
                    code(n),
                    null,
                    title,
                    true,
                    item + n,
                    1,
                    false,
                    null,
                    9,
                    0,
                    9,
                    1,
                    0,
                    9,
                    1,
                    0,
                    null,
                    null,
                    null,
                    null,
                    0
                ])
            }),
        ),
        (
            "entry",
            each(&|n| {
                json!([
                    entry + n,
                    0,
                    item + n,
                    location,
                    "supplier",
                    "available",
                    OPENING,
                    OPENING,
                    0,
                    0,
                    0,
                    null,
                    null,
                    "opening",
                    "cli:root"
                ])
            }),
        ),
        ("level", each(&|n| json!([item + n, location, OPENING, 0, 0, entry + n]))),
    ];
    for (name, rows) in rows {
        let insert = raw.table(name).await.insert("");
        raw.prepared(insert, &serde_json::to_string(&rows).unwrap()).await;
    }
    raw.script(format!("UPDATE counter SET next = {} WHERE name = 'id'", entry + ITEMS)).await;
}

/// The orders that are copied: taken through the store as they come in, and again when they are shipped.
async fn trade(store: &Store, facts: &ChannelFacts) {
    let pages = usize::try_from(BASE).unwrap() / PAGE;
    for at in 0..pages {
        let first = i64::try_from(at * PAGE).unwrap();
        let orders = page(first, PAGE);
        let cursor = Cursor(format!("{at}"));
        let report = store.take_page(facts, &orders, Some(&cursor), placed(first)).await.unwrap();
        assert_eq!((report.new.len(), report.held.len()), (PAGE, 0), "{report:?}");
        if at >= OPEN_PAGES {
            let report =
                store.take_page(facts, &shipped(&orders), None, placed(first + 2_880)).await.unwrap();
            assert_eq!(report.changed.len(), PAGE);
        }
    }
}

/// Copies the orders with everything that hangs on them, and leaves a ledger that adds up.
async fn copies(raw: &mut Raw, first: i64, times: i64) {
    let span = next_id(raw).await - first;
    let keyed = [
        ("payload", "id"),
        ("orders", "id"),
        ("order_line", "order_id"),
        ("parcel", "order_id"),
        ("entry", "id"),
        ("reservation", "order_id"),
        ("timeline", "order_id"),
        ("mail", "order_id"),
    ];
    let mut tables = Vec::new();
    for (name, key) in keyed {
        tables.push((raw.table(name).await, key));
    }
    for k in 1..times {
        raw.script("BEGIN".to_owned()).await;
        for (table, key) in &tables {
            let values: Vec<String> =
                table.columns.iter().map(|(column, _)| copied(table, column, k, span, first)).collect();
            let (name, names, values) = (table.name, table.names(), values.join(", "));
            let last = first + span;
            raw.script(format!(
                "INSERT INTO {name} ({names}) SELECT {values} FROM {name} WHERE {key} >= {first} AND {key} < {last} \
                 ORDER BY {key}"
            ))
            .await;
        }
        raw.script("COMMIT".to_owned()).await;
    }
    raw.script(format!(
        "UPDATE level SET available = {OPENING} - {times} * ({OPENING} - available), reserved = {times} * reserved, \
         last_entry = CASE WHEN last_entry < {first} THEN last_entry ELSE last_entry + {} END; \
         UPDATE counter SET next = {} WHERE name = 'id'",
        (times - 1) * span,
        first + times * span
    ))
    .await;
    if let Raw::Postgres(_) = raw {
        raw.script("VACUUM ANALYZE".to_owned()).await;
    }
}

/// What stands in a column of the copy number `k`.
fn copied(table: &Table, column: &str, k: i64, span: i64, first: i64) -> String {
    let shift = k * span;
    let level =
        |column: &str| format!("(SELECT l.{column} FROM level l WHERE l.item_id = {}.item_id)", table.name);
    match (table.name, column) {
        ("entry", "prev_id") => {
            let (last, before) = (level("last_entry"), shift - span);
            format!("CASE WHEN prev_id < {first} THEN {last} + {before} ELSE prev_id + {shift} END")
        }
        ("entry", "available_after") => {
            format!("available_after - {k} * ({OPENING} - {})", level("available"))
        }
        ("entry", "reserved_after") => format!("reserved_after + {k} * {}", level("reserved")),
        ("payload", "prev_id") => format!("CASE WHEN prev_id = 0 THEN 0 ELSE prev_id + {shift} END"),
        ("payload" | "orders", "remote_id") | ("orders", "number") => {
            format!("CAST(CAST({column} AS BIGINT) + {} AS TEXT)", k * BASE)
        }
        (_, "id" | "order_id" | "payload_id") => format!("{column} + {shift}"),
        (
            _,
            "at" | "placed_at" | "changed_at" | "imported_at" | "updated_at" | "paid_at" | "shipped_at"
            | "created_at" | "sent_at",
        ) => {
            format!("{column} + {}", placed(k * BASE).since(placed(0)).as_micros())
        }
        _ => column.to_owned(),
    }
}

/// Rows as the argument of [`Table::insert`].
pub fn text(rows: &[Row]) -> String {
    serde_json::to_string(rows).unwrap()
}
