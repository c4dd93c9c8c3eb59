//! Orders a second from parsed pages to committed, against the raw limit: the very rows that the store wrote,
//! with other ids, written by a bare loop that reads nothing, decides nothing and has every row ready as text.
//!
//! `cargo bench --bench intake`. Both sides take turns on one database with a million orders in it, commit the same
//! pages with the same settings, and pay for their own checkpoint. PostgreSQL: the server that `BANTO_TEST_POSTGRES`
//! names, else a throwaway one by `pg_virtualenv`. `BENCH_QUICK=1` takes fifty thousand orders and few rounds.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

#[path = "support/house.rs"]
mod house;
#[path = "support/measure.rs"]
mod measure;
#[path = "support/pages.rs"]
mod pages;
#[path = "support/raw.rs"]
mod raw;

use std::process::Command;

use banto_channel::{Cursor, Read};

use house::House;
use measure::{Meter, Spent, Spread, quick};
use raw::{Raw, Row, Table};

/// Goal: banto's rate over the raw limit's.
const GOAL: f64 = 0.5;
/// Goal on SQLite at batch 64: kB written to disk for an order.
const GOAL_KB: f64 = 16.0;

/// How much is done.
struct Plan {
    stored: i64,
    rounds: usize,
    /// Pages of one round on each side.
    pages: usize,
}

#[tokio::main]
async fn main() {
    let plan = if quick() {
        Plan { stored: 50_000, rounds: 3, pages: 10 }
    } else {
        Plan { stored: 1_000_000, rounds: 7, pages: 40 }
    };
    let only = std::env::var("BENCH_ENGINE").unwrap_or_default();
    if only != "postgres" {
        let mut house = House::sqlite(plan.stored).await;
        for batch in [100, 64] {
            compare(&mut house, &plan, batch).await;
        }
        house.store.close().await;
    }
    if only != "sqlite" {
        match std::env::var("BANTO_TEST_POSTGRES") {
            Ok(server) => compare(&mut House::postgres(&server, plan.stored).await, &plan, 100).await,
            Err(_) => on_throwaway_server(),
        }
    }
}

/// Runs this program again beside a PostgreSQL that lives as long as it does.
fn on_throwaway_server() {
    let script = r#"export BANTO_TEST_POSTGRES="postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE"; exec "$0""#;
    let settings = ["shared_buffers=512MB", "max_wal_size=4GB"];
    let mut command = Command::new("pg_virtualenv");
    for setting in settings {
        command.args(["-o", setting]);
    }
    let run = command
        .args(["sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("BENCH_ENGINE", "postgres")
        .status();
    if !run.as_ref().is_ok_and(std::process::ExitStatus::success) {
        println!(
            "intake on PostgreSQL: not run ({run:?}); name a server in BANTO_TEST_POSTGRES or install it"
        );
    }
}

/// One side's cost of a round.
struct Cost {
    orders: usize,
    spent: Spent,
}

impl Cost {
    fn rate(&self) -> f64 {
        self.orders as f64 / self.spent.wall.as_secs_f64()
    }

    fn cpu_us(&self) -> f64 {
        self.spent.cpu.as_secs_f64() * 1e6 / self.orders as f64
    }

    fn kb(&self) -> f64 {
        self.spent.written as f64 / 1e3 / self.orders as f64
    }
}

async fn compare(house: &mut House, plan: &Plan, batch: usize) {
    let engine = house.store.engine();
    let replay = Replay::of(&mut house.raw).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let (cost, written) = take(house, plan.pages, batch).await;
        ours.push(cost);
        let ready = replay.again(&mut house.raw, written, house.next).await;
        house.next += i64::try_from(plan.pages * batch).unwrap();
        theirs.push(bare_loop(&mut house.raw, &replay, &ready, batch).await);
    }
    let of = |costs: &[Cost], value: fn(&Cost) -> f64| Spread::of(costs.iter().map(value));
    println!(
        "\nintake on {engine}, {} orders stored, pages of {batch}, {} rounds of {} orders in turns",
        plan.stored,
        plan.rounds,
        plan.pages * batch
    );
    for (name, costs) in [("banto", &ours), ("raw limit", &theirs)] {
        println!("  {name:<10} orders/s {}", of(costs, Cost::rate));
        if engine == "sqlite" {
            println!("  {:<10} CPU µs an order {}", "", of(costs, Cost::cpu_us));
            println!("  {:<10} kB written an order {}", "", of(costs, Cost::kb));
        }
    }
    let ratio = of(&ours, Cost::rate).median / of(&theirs, Cost::rate).median;
    verdict("ratio", ratio, GOAL, ratio >= GOAL);
    if engine == "sqlite" && batch == 64 {
        let kb = of(&ours, Cost::kb).median;
        verdict("kB written an order", kb, GOAL_KB, kb <= GOAL_KB);
    }
}

fn verdict(what: &str, value: f64, goal: f64, met: bool) {
    let word = if met { "met" } else { "MISSED" };
    println!("  {what} {value:.2} (goal {goal}: {word})");
}

/// Ids that a round took: the first, and the first of each page.
struct Written {
    pages: Vec<i64>,
    end: i64,
    orders: i64,
}

/// Takes pages through the store, after one that is not counted.
async fn take(house: &mut House, pages: usize, batch: usize) -> (Cost, Written) {
    let step = i64::try_from(batch).unwrap();
    let all: Vec<Vec<Read>> =
        (0..=pages).map(|at| pages::page(house.next + i64::try_from(at).unwrap() * step, batch)).collect();
    house.raw.checkpoint().await;
    one(house, &all[0]).await;
    house.next += step;
    let mut firsts = Vec::with_capacity(pages);
    let meter = Meter::start();
    for page in &all[1..] {
        firsts.push(one(house, page).await);
        house.next += step;
    }
    house.raw.checkpoint().await;
    let cost = Cost { orders: pages * batch, spent: meter.stop() };
    let end = house.raw.number("SELECT next FROM counter WHERE name = 'id'".to_owned()).await;
    (cost, Written { pages: firsts, end, orders: i64::try_from(pages).unwrap() * step })
}

async fn one(house: &House, page: &[Read]) -> i64 {
    let now = pages::placed(house.next + i64::try_from(page.len()).unwrap());
    let report =
        house.store.take_page(&house.facts, page, Some(&Cursor(now.0.to_string())), now).await.unwrap();
    assert_eq!((report.new.len(), report.mails), (page.len(), 2 * page.len()));
    report.new[0]
}

/// How the rows of a page are written again under other ids.
struct Replay {
    tables: Vec<(Table, &'static str, &'static str)>,
}

/// What the bare loop writes: for each page the text of each table's rows, and the next id.
type Ready = Vec<(Vec<String>, i64)>;

impl Replay {
    async fn of(raw: &mut Raw) -> Self {
        let keyed = [
            ("payload", "id"),
            ("orders", "id"),
            ("order_line", "order_id"),
            ("timeline", "order_id"),
            ("mail", "order_id"),
            ("job", "id"),
            ("entry", "id"),
            ("reservation", "order_id"),
        ];
        let mut tables = Vec::new();
        for (name, key) in keyed {
            let table = raw.table(name).await;
            let insert = table.insert("");
            tables.push((table, key, insert));
        }
        let level = raw.table("level").await;
        // Levels are there already. SQLite needs the WHERE to tell this ON from a join's.
        let insert = level.insert(
            "WHERE true ON CONFLICT (item_id, location_id) DO UPDATE SET available = excluded.available, \
             reserved = excluded.reserved, short = excluded.short, last_entry = excluded.last_entry",
        );
        tables.push((level, "", insert));
        Self { tables }
    }

    /// The rows that a round wrote, for orders numbered from `next`.
    async fn again(&self, raw: &mut Raw, written: Written, next: i64) -> Ready {
        let newest =
            raw.number("SELECT CAST(number AS BIGINT) FROM orders ORDER BY id DESC LIMIT 1".to_owned()).await;
        let shift = Shift {
            from: written.pages[0],
            ids: written.end - written.pages[0],
            numbers: next - (newest + 1 - written.orders),
        };
        let mut ready = Vec::with_capacity(written.pages.len());
        for (at, first) in written.pages.iter().enumerate() {
            let end = written.pages.get(at + 1).copied().unwrap_or(written.end);
            let mut texts = Vec::with_capacity(self.tables.len());
            for (table, key, _) in &self.tables {
                let mut rows = match *key {
                    "" => levels(raw, *first, end).await,
                    key => raw.rows(table, &format!("{key} >= {first} AND {key} < {end}")).await,
                };
                rows.iter_mut().for_each(|row| shift.row(table, row));
                texts.push(house::text(&rows));
            }
            ready.push((texts, end + shift.ids));
        }
        ready
    }
}

/// The levels as they were after the entries of one page.
async fn levels(raw: &mut Raw, first: i64, end: i64) -> Vec<Row> {
    let table = Table {
        name: "entry",
        columns: ["item_id", "location_id", "available_after", "reserved_after", "short_after", "id"]
            .map(|c| (c.to_owned(), String::new()))
            .to_vec(),
    };
    let last = format!(
        "id IN (SELECT MAX(id) FROM entry WHERE id >= {first} AND id < {end} GROUP BY item_id, location_id)"
    );
    raw.rows(&table, &last).await
}

struct Shift {
    from: i64,
    ids: i64,
    numbers: i64,
}

impl Shift {
    fn row(&self, table: &Table, row: &mut Row) {
        let name = table.name;
        for (column, _) in &table.columns {
            let value = &mut row[table.at(column).unwrap()];
            match (name, column.as_str()) {
                ("level", "last_entry") | (_, "id" | "order_id" | "payload_id" | "prev_id") => {
                    if let Some(id) = value.as_i64().filter(|id| *id >= self.from) {
                        *value = (id + self.ids).into();
                    }
                }
                ("orders" | "payload", "remote_id") | ("orders", "number") => {
                    let number: i64 = value.as_str().unwrap().parse().unwrap();
                    *value = (number + self.numbers).to_string().into();
                }
                ("job", "key" | "payload") => *value = self.name(value.as_str().unwrap()).into(),
                _ => {}
            }
        }
    }

    /// `mail:123:paid:1` or `[123,"paid",1]` with the order's new id.
    fn name(&self, text: &str) -> String {
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        let id: i64 = digits.parse().unwrap();
        text.replacen(&digits, &(id + self.ids).to_string(), 1)
    }
}

async fn bare_loop(raw: &mut Raw, replay: &Replay, ready: &Ready, batch: usize) -> Cost {
    // Here too the first page is not counted.
    raw.checkpoint().await;
    write_page(raw, replay, &ready[0]).await;
    let meter = Meter::start();
    for page in &ready[1..] {
        write_page(raw, replay, page).await;
    }
    raw.checkpoint().await;
    Cost { orders: (ready.len() - 1) * batch, spent: meter.stop() }
}

async fn write_page(raw: &mut Raw, replay: &Replay, (texts, next): &(Vec<String>, i64)) {
    let begin = if let Raw::Sqlite(_) = raw { "BEGIN IMMEDIATE" } else { "BEGIN" };
    raw.script(begin.to_owned()).await;
    for ((_, _, insert), text) in replay.tables.iter().zip(texts) {
        raw.prepared(insert, text).await;
    }
    raw.script(format!("UPDATE counter SET next = {next} WHERE name = 'id'")).await;
    raw.script(format!("UPDATE channel SET cursor = '{next}', pulled_at = {next} WHERE name = 'honten'"))
        .await;
    raw.script("COMMIT".to_owned()).await;
}
