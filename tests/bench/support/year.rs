//! A house with a year of trade of four channels behind it, as the screen shows it: most orders long shipped, the
//! newest open, a few of those short, held or unmatched.
//!
//! A hundredth of a large one is taken through the store as it comes in and is shipped, then copied with other ids, buyers and parcels;
//! the open orders are all taken through the store. It is kept under `target/bench-data`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use banto::clock::SystemClock;
use banto::domain::intake::ChannelFacts;
use banto::store::Store;
use banto_channel::{Clock as _, Cursor, Read, Timestamp, both};
use serde_json::{Value, json};

use crate::people::person;
use crate::raw::{Raw, Table};
use crate::trade::{Range, Stage, code, facts, listing, title};

/// Raise it when the trade changes that a house is filled with.
const VERSION: u32 = 2;
/// The channels, by name. The first two sell everything, the others every second item.
pub const CHANNELS: [&str; 4] = ["honten", "rakuten", "yahoo", "amazon"];
/// Orders of a page.
const PAGE: usize = 100;
/// Units of each item while the orders are copied; afterwards it is what has been sold and a small rest.
const OPENING: i64 = 1_000_000_000;
/// What is left of an item on the shelf.
const REST: &str = "(CASE WHEN item_id % 211 = 0 THEN 1 ELSE 3 + item_id * 7919 % 200 END)";
/// Rows of one statement.
const BATCH: i64 = 10_000;

/// How large a house is.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Size {
    /// Orders in all.
    pub orders: i64,
    /// The newest of them, which are open.
    pub open: i64,
    /// Orders of the smaller house, which are there that many times.
    pub seed: i64,
    /// Items.
    pub items: i64,
}

impl Size {
    fn people(&self) -> i64 {
        self.orders / 4
    }

    /// How many orders are copied each time: whole pages.
    const fn base(&self) -> i64 {
        let page = PAGE as i64;
        (self.orders - self.open) / self.times() / page * page
    }

    const fn times(&self) -> i64 {
        self.orders / self.seed
    }
}

/// A filled house.
pub struct Year {
    /// Its store.
    pub store: Store,
    /// A bare connection to the same database.
    pub raw: Raw,
    /// Where it is.
    pub url: String,
    /// Its channels, as intake sees them.
    pub facts: Vec<ChannelFacts>,
    /// What its orders are about.
    pub range: Range,
    /// The number of the next order.
    pub next: i64,
    /// The number of the first order that was taken since and has not left.
    open: i64,
}

impl Year {
    /// The house of that size on SQLite, filled if it is not there.
    pub async fn open(size: Size) -> Self {
        let path = file(size);
        if !path.exists() {
            let unfinished = path.with_extension("filling");
            remove(&unfinished);
            fill(&format!("sqlite:{}", unfinished.display()), size).await;
            std::fs::rename(&unfinished, &path).unwrap();
        }
        let house = Self::at(format!("sqlite:{}", path.display()), size).await;
        if house.next < size.orders + size.orders / 4 + size.seed {
            return house;
        }
        // Earlier runs have added too much to it.
        house.store.close().await;
        drop(house);
        remove(&path);
        Box::pin(Self::open(size)).await
    }

    async fn at(url: String, size: Size) -> Self {
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let mut raw = Raw::open(&url).await;
        let location = store.locations().await.unwrap()[0].id;
        let mut all = Vec::new();
        for name in CHANNELS {
            all.push(facts(name, store.channel(name).await.unwrap().id, location));
        }
        let newest = "SELECT CAST(number AS BIGINT) FROM orders ORDER BY id DESC LIMIT 1".to_owned();
        let next = raw.number(newest).await + 1;
        let began = raw.number("SELECT placed_at FROM orders WHERE number = '0'".to_owned()).await;
        let range = Range { items: size.items, people: size.people(), began: Timestamp(began) };
        Self { store, raw, url, facts: all, range, next, open: next }
    }

    /// When its newest order came in.
    pub fn now(&self) -> Timestamp {
        self.range.placed(self.next)
    }

    /// The next id that a row gets.
    pub async fn next_id(&mut self) -> i64 {
        next_id(&mut self.raw).await
    }

    /// Has the orders that were taken since leave and the mails of orders from `first` on be sent, so that a house in which
    /// much was measured is like a new one.
    pub async fn settle(&mut self, first: i64) {
        let page = i64::try_from(PAGE).unwrap();
        while self.open < self.next {
            let orders = (page - self.open % page).min(self.next - self.open);
            let shipped = self.range.page(self.open, usize::try_from(orders).unwrap(), Stage::Shipped);
            take(&self.store, self.channel_of(self.open), &shipped, self.now()).await;
            self.open += orders;
        }
        self.project().await;
        sent(&mut self.raw, first, i64::MAX).await;
    }

    /// Has search, customers and reports follow the orders to the last one.
    pub async fn project(&self) {
        project(&self.store, self.now()).await;
    }

    /// Takes a page of new orders of one channel, as the daemon does.
    pub async fn take(&mut self, orders: usize) {
        let page = self.range.page(self.next, orders, Stage::Paid);
        let facts = self.channel_of(self.next).clone();
        self.next += i64::try_from(orders).unwrap();
        take(&self.store, &facts, &page, self.now()).await;
    }

    fn channel_of(&self, number: i64) -> &ChannelFacts {
        &self.facts[usize::try_from(number).unwrap() / PAGE % CHANNELS.len()]
    }
}

fn file(size: Size) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("bench-data");
    std::fs::create_dir_all(&folder).unwrap();
    let mut hash = DefaultHasher::new();
    (VERSION, size).hash(&mut hash);
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut schema: Vec<PathBuf> =
        std::fs::read_dir(migrations).unwrap().map(|f| f.unwrap().path()).collect();
    schema.sort();
    schema.iter().for_each(|file| std::fs::read(file).unwrap().hash(&mut hash));
    folder.join(format!("year_{}_{:08x}.db", size.orders, hash.finish() as u32))
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // It need not be there.
        let _ = std::fs::remove_file(name);
    }
}

async fn fill(url: &str, size: Size) {
    let clock = Instant::now();
    eprint!("filling a house with {} orders and {} items … ", size.orders, size.items);
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let (location, channels) = places(&store).await;
    let all: Vec<_> = CHANNELS.iter().zip(&channels).map(|(name, id)| facts(name, *id, location)).collect();
    let mut raw = Raw::open(url).await;
    raw.hurry().await;
    goods(&mut raw, &channels, location, size.items).await;
    let now = SystemClock::new(Duration::ZERO).now().0;
    let whole = Range { items: size.items, people: size.people(), began: Timestamp(0) };
    let range = Range { began: Timestamp(now - whole.placed(size.orders).0), ..whole };

    let first = next_id(&mut raw).await;
    let pages = usize::try_from(size.base()).unwrap() / PAGE;
    for at in 0..pages {
        let number = i64::try_from(at * PAGE).unwrap();
        let facts = &all[at % all.len()];
        for (stage, days) in [(Stage::Paid, 0), (Stage::Shipped, 1)] {
            let page = range.page(number, PAGE, stage);
            take(&store, facts, &page, range.placed(number + 2_880 * days)).await;
        }
    }
    sent(&mut raw, 0, i64::MAX).await;
    copies(&mut raw, first, size, range).await;
    open_orders(&store, &mut raw, &all, size, range).await;
    eprintln!("{:.0} s", clock.elapsed().as_secs_f64());
    let clock = Instant::now();
    let orders = project(&store, range.placed(size.orders)).await;
    let rate = orders as f64 / clock.elapsed().as_secs_f64();
    eprintln!("  search words, customers and reports of {orders} orders: {rate:.0} orders/s");
    store.close().await;
    raw.checkpoint().await;
}

/// Has the screen's own tables follow the order book, as the daemon does behind the intake; how many orders it were.
async fn project(store: &Store, now: Timestamp) -> usize {
    let mut orders = 0;
    loop {
        match store.project(500, now).await.unwrap() {
            0 => return orders,
            some => orders += some,
        }
    }
}

async fn take(store: &Store, facts: &ChannelFacts, page: &[Read], now: Timestamp) {
    let report = store.take_page(facts, page, Some(&Cursor(now.0.to_string())), now).await.unwrap();
    assert_eq!(report.new.len() + report.changed.len() + report.quarantined.len(), page.len(), "{report:?}");
}

async fn next_id(raw: &mut Raw) -> i64 {
    raw.number("SELECT next FROM counter WHERE name = 'id'".to_owned()).await
}

async fn places(store: &Store) -> (i64, Vec<i64>) {
    // As the daemon does at its start; later the reports would begin anew.
    store.count_days_in("Asia/Tokyo").await.unwrap();
    let mut write = store.write().await.unwrap();
    let location = write.ensure_locations(&[("main".to_owned(), "本店".to_owned())]).await.unwrap()[0].id;
    let mut channels = Vec::new();
    for name in CHANNELS {
        let row = write.ensure_channel(name, "woocommerce", true, &[location], Timestamp(0)).await.unwrap();
        channels.push(row.id);
    }
    write.commit().await.unwrap();
    (location, channels)
}

/// Rows of a table by the numbers `0..count`, with the columns that are named.
async fn rows(
    raw: &mut Raw,
    name: &'static str,
    columns: &[(&str, &str)],
    count: i64,
    row: &dyn Fn(i64) -> Value,
) {
    let columns = columns.iter().map(|(column, kind)| ((*column).to_owned(), (*kind).to_owned())).collect();
    let insert = Table { name, columns }.insert("");
    for first in (0..count).step_by(usize::try_from(BATCH).unwrap()) {
        let batch: Vec<Value> = (first..count.min(first + BATCH)).map(row).collect();
        raw.prepared(insert, &serde_json::to_string(&batch).unwrap()).await;
    }
}

const ITEM: [(&str, &str); 10] = [
    ("id", "BIGINT"),
    ("code", "TEXT"),
    ("name", "TEXT"),
    ("gtin", "TEXT"),
    ("price", "BIGINT"),
    ("currency", "TEXT"),
    ("tax_rate_bp", "BIGINT"),
    ("is_set", "BOOLEAN"),
    ("created_at", "BIGINT"),
    ("updated_at", "BIGINT"),
];
const ENTRY: [(&str, &str); 13] = [
    ("id", "BIGINT"),
    ("at", "BIGINT"),
    ("item_id", "BIGINT"),
    ("location_id", "BIGINT"),
    ("source", "TEXT"),
    ("target", "TEXT"),
    ("quantity", "BIGINT"),
    ("available_after", "BIGINT"),
    ("reserved_after", "BIGINT"),
    ("short_after", "BIGINT"),
    ("prev_id", "BIGINT"),
    ("reason", "TEXT"),
    ("actor", "TEXT"),
];
const LEVEL: [(&str, &str); 6] = [
    ("item_id", "BIGINT"),
    ("location_id", "BIGINT"),
    ("available", "BIGINT"),
    ("reserved", "BIGINT"),
    ("short", "BIGINT"),
    ("last_entry", "BIGINT"),
];
const LISTING: [(&str, &str); 18] = [
    ("id", "BIGINT"),
    ("channel_id", "BIGINT"),
    ("remote_id", "TEXT"),
    ("code", "TEXT"),
    ("title", "TEXT"),
    ("active", "BOOLEAN"),
    ("item_id", "BIGINT"),
    ("per", "BIGINT"),
    ("ignored", "BOOLEAN"),
    ("answered", "BIGINT"),
    ("answered_at", "BIGINT"),
    ("sent", "BIGINT"),
    ("sent_version", "BIGINT"),
    ("sent_at", "BIGINT"),
    ("shown", "BIGINT"),
    ("shown_version", "BIGINT"),
    ("shown_at", "BIGINT"),
    ("tries", "BIGINT"),
];

/// Items, their opening stock, and their offers, of which some wait for an item.
async fn goods(raw: &mut Raw, channels: &[i64], location: i64, items: i64) {
    let item = next_id(raw).await;
    let (entry, offer) = (item + items, item + 2 * items);
    raw.script("BEGIN".to_owned()).await;
    rows(raw, "item", &ITEM, items, &|n| {
        json!([item + n, code(n), title(n), jan(n), (n % 87 + 3) * 110, "JPY", 1000, false, 0, 0])
    })
    .await;
    rows(raw, "entry", &ENTRY, items, &|n| {
        let (new, supplier) = (OPENING, "supplier");
        json!([
            entry + n,
            0,
            item + n,
            location,
            supplier,
            "available",
            new,
            new,
            0,
            0,
            0,
            "opening",
            "cli:root"
        ])
    })
    .await;
    rows(raw, "level", &LEVEL, items, &|n| json!([item + n, location, OPENING, 0, 0, entry + n])).await;
    let mut next = offer;
    for (at, channel) in channels.iter().enumerate() {
        let every = if at < 2 { 1 } else { 2 };
        let (known, new) = (items / every, items / 200);
        rows(raw, "listing", &LISTING, known + new, &|n| {
            let of = n % known * every;
            // What is new has sold nothing yet, or its orders would all be unmatched.
            let (mapped, key, its) = match n < known {
                true => (Some(item + of), listing(of), code(of)),
                false => (None, format!("n{of}"), format!("{}-N", code(of))),
            };
            json!([next + n, channel, key, its, title(of), true, mapped, 1, false, 9, 0, 9, 1, 0, 9, 1, 0, 0])
        })
        .await;
        next += known + new;
    }
    raw.script(format!("UPDATE counter SET next = {next} WHERE name = 'id'; COMMIT")).await;
}

/// A JAN with its check digit.
fn jan(item: i64) -> String {
    let body = format!("4900{item:08}");
    let sum: u32 =
        body.bytes().enumerate().map(|(at, d)| u32::from(d - b'0') * if at % 2 == 0 { 1 } else { 3 }).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// Has the mails of orders from `first` to `before` been sent, and leaves no job of them.
async fn sent(raw: &mut Raw, first: i64, before: i64) {
    raw.script(format!(
        "DELETE FROM job WHERE id >= {first} AND id < {before}; UPDATE mail SET state = 'sent', attempts = 1, sent_at = created_at, \
         answer = '250 2.0.0 Ok: queued as 4bX', subject = 'ご注文ありがとうございます', \
         body_text = 'この度はご注文いただき誠にありがとうございます。', \
         message_id = '<' || kind || '.' || order_id || '@shop.example.jp>' \
         WHERE order_id >= {first} AND order_id < {before} AND state = 'queued'"
    ))
    .await;
}

/// The newest orders: open, and those of the last page with mails still to be sent.
async fn open_orders(store: &Store, raw: &mut Raw, all: &[ChannelFacts], size: Size, range: Range) {
    let (first, pages) = (size.times() * size.base(), (size.orders - size.times() * size.base()) / 100);
    for at in 0..pages {
        if at + 1 == pages {
            let next = next_id(raw).await;
            sent(raw, 0, next).await;
        }
        let number = first + at * 100;
        let mut page = range.page(number, PAGE, Stage::Open);
        if at + 1 == pages {
            page.extend((0..3).map(|n| Read::Unreadable {
                id: Some(format!("q{n}").into()),
                reason: both!("lines[0].price is not a number", "lines[0].priceが数値ではありません"),
                raw: format!("{{\"id\":\"q{n}\"}}"),
            }));
        }
        take(store, &all[usize::try_from(at).unwrap() % all.len()], &page, range.placed(number + 100)).await;
    }
    raw.script(
        "UPDATE mail SET state = 'uncertain' WHERE kind = 'paid' AND state = 'queued' \
         AND order_id IN (SELECT id FROM orders ORDER BY id DESC LIMIT 4)"
            .to_owned(),
    )
    .await;
}

/// Copies the orders with everything that hangs on them, gives each a buyer of its own, and leaves a ledger that adds up.
async fn copies(raw: &mut Raw, first: i64, size: Size, range: Range) {
    let span = next_id(raw).await - first;
    people(raw, size.people()).await;
    let keyed = [
        ("payload", "id"),
        ("orders", "id"),
        ("order_line", "order_id"),
        ("parcel", "order_id"),
        ("entry", "id"),
        ("timeline", "order_id"),
        ("mail", "order_id"),
    ];
    let mut tables = Vec::new();
    for (name, key) in keyed {
        tables.push((raw.table(name).await, key));
    }
    let times = size.times();
    for k in 1..times {
        let copy = Copy { k, shift: k * span, span, first, size, range };
        raw.script("BEGIN".to_owned()).await;
        for (table, key) in &tables {
            raw.script(copy.statement(table, key)).await;
        }
        raw.script("COMMIT".to_owned()).await;
    }
    raw.script(format!(
        "BEGIN; UPDATE level SET available = {OPENING} - {times} * ({OPENING} - available), \
         last_entry = CASE WHEN last_entry < {first} THEN last_entry ELSE last_entry + {} END; \
         UPDATE counter SET next = {} WHERE name = 'id'; \
         UPDATE entry SET available_after = available_after - \
         (SELECT l.available - {REST} FROM level l WHERE l.item_id = entry.item_id); \
         UPDATE entry SET quantity = available_after WHERE id < {first}; \
         UPDATE level SET available = {REST}; DROP TABLE temp.person; \
         INSERT INTO order_touched (order_id) SELECT id FROM orders WHERE true ON CONFLICT (order_id) DO NOTHING; COMMIT",
        (times - 1) * span,
        first + times * span
    ))
    .await;
}

/// The people as a table that is gone with the connection.
async fn people(raw: &mut Raw, count: i64) {
    let columns = "p_n INTEGER PRIMARY KEY, p_name TEXT, p_email TEXT, p_buyer TEXT, p_home TEXT";
    raw.script(format!("CREATE TEMP TABLE person ({columns})")).await;
    let columns =
        [("p_n", "BIGINT"), ("p_name", "TEXT"), ("p_email", "TEXT"), ("p_buyer", "TEXT"), ("p_home", "TEXT")];
    rows(raw, "person", &columns, count, &|n| {
        let who = person(n);
        let buyer = serde_json::to_string(&who.buyer).unwrap();
        json!([n, who.buyer.name, who.buyer.email, buyer, serde_json::to_string(&who.home).unwrap()])
    })
    .await;
}

/// One copy of the orders.
struct Copy {
    k: i64,
    shift: i64,
    span: i64,
    first: i64,
    size: Size,
    range: Range,
}

impl Copy {
    fn statement(&self, table: &Table, key: &str) -> String {
        let values: Vec<String> =
            table.columns.iter().map(|(column, _)| self.value(table.name, column)).collect();
        let (name, names, values) = (table.name, table.names(), values.join(", "));
        let (first, last) = (self.first, self.first + self.span);
        let people = match name {
            "orders" | "mail" => {
                let (shift, people) = (self.shift, self.size.people());
                format!("JOIN person ON p_n = (({key} + {shift}) * 7919 + 13) % {people}")
            }
            _ => String::new(),
        };
        format!(
            "INSERT INTO {name} ({names}) SELECT {values} FROM {name} {people} \
             WHERE {key} >= {first} AND {key} < {last} ORDER BY {key}"
        )
    }

    /// What stands in a column.
    fn value(&self, table: &str, column: &str) -> String {
        let Self { k, shift, span, first, .. } = self;
        let numbers = k * self.size.base();
        let level =
            |column: &str| format!("(SELECT l.{column} FROM level l WHERE l.item_id = {table}.item_id)");
        let tracking = format!("printf('4%011d', CAST(substr(tracking, 2) AS BIGINT) + {numbers})");
        match (table, column) {
            ("entry", "prev_id") => {
                let (last, before) = (level("last_entry"), shift - span);
                format!("CASE WHEN prev_id < {first} THEN {last} + {before} ELSE prev_id + {shift} END")
            }
            ("entry", "available_after") => {
                format!("available_after - {k} * ({OPENING} - {})", level("available"))
            }
            ("payload", "prev_id") => format!("CASE WHEN prev_id = 0 THEN 0 ELSE prev_id + {shift} END"),
            ("payload" | "orders", "remote_id") | ("orders", "number") => {
                format!("CAST(CAST({column} AS BIGINT) + {numbers} AS TEXT)")
            }
            ("orders", "buyer_name") => "p_name".to_owned(),
            ("orders", "buyer_email") | ("mail", "recipient") => "p_email".to_owned(),
            ("orders", "details") => {
                "json_set(details, '$.buyer', json(p_buyer), '$.bill_to', json(p_home), \
                '$.ship_to', json(p_home))"
                    .to_owned()
            }
            ("parcel", "tracking") => tracking,
            ("parcel", "tracking_url") => format!("replace(tracking_url, tracking, {tracking})"),
            (_, "id" | "order_id" | "payload_id") => format!("{column} + {shift}"),
            (
                _,
                "at" | "placed_at" | "changed_at" | "imported_at" | "updated_at" | "paid_at" | "shipped_at"
                | "created_at" | "sent_at" | "ship_by",
            ) => {
                let later = self.range.placed(numbers).0 - self.range.placed(0).0;
                format!("{column} + {later}")
            }
            _ => column.to_owned(),
        }
    }
}
