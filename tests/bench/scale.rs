//! What growth costs: an order's intake with ten thousand and with a million orders stored, the time until the daemon
//! is ready with a million orders, and its memory with a hundred thousand items.
//!
//! `cargo bench --bench scale`, or one part of it: `cargo bench --bench scale -- growth|start|memory`. Everything is
//! compared with a small house in the same run. `BENCH_QUICK=1` takes fifty thousand orders for the million and ten
//! thousand items; `BANTO_BINARY` names another build of the daemon, as the packaged one.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

#[expect(dead_code, reason = "others need more of it")]
#[path = "support/house.rs"]
mod house;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/measure.rs"]
mod measure;
#[path = "support/pages.rs"]
mod pages;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/raw.rs"]
mod raw;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/shops.rs"]
mod shops;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use banto_channel::Cursor;

use house::House;
use measure::{Meter, Spent, Spread, quick};
use shops::{Door, Neighbour};

const SMALL: i64 = 10_000;
const GOAL_GROWTH: f64 = 1.2;
const GOAL_READY: f64 = 1.0;
const GOAL_MB: f64 = 25.0;
const PAGE: usize = 100;
const PAGES: usize = 10;
/// A daemon is at rest, and its memory is read, after so long a time with next to no work.
const IDLE: Duration = Duration::from_secs(20);
/// The time that a daemon spends on nothing, in hundredths of a second: what looks every second whether there is work.
const NEXT_TO_NONE: u64 = 30;

#[tokio::main]
async fn main() {
    if shops::was_one().await {
        return;
    }
    let (large, rounds, items) = if quick() { (50_000, 3, 10_000) } else { (1_000_000, 9, 100_000) };
    let parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    if wanted("growth") {
        growth(large, rounds).await;
    }
    if wanted("start") {
        let shop = Neighbour::start(100, 0);
        start(large, &shop.door).await;
    }
    if wanted("memory") {
        memory(items).await;
    }
}

/// The daemon's program.
fn program() -> OsString {
    std::env::var_os("BANTO_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_banto").into())
}

fn verdict(what: &str, value: f64, goal: f64) {
    println!("  {what} {value:.2} (goal {goal}: {})", if value <= goal { "met" } else { "MISSED" });
}

async fn growth(large: i64, rounds: usize) {
    let mut houses = [House::sqlite(SMALL).await, House::sqlite(large).await];
    let mut spent: [Vec<Spent>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (house, spent) in houses.iter_mut().zip(&mut spent) {
            spent.push(take(house).await);
        }
    }
    let orders = (PAGE * PAGES) as f64;
    let wall = |all: &[Spent]| Spread::of(all.iter().map(|s| s.wall.as_secs_f64() * 1e6 / orders));
    let cpu = |all: &[Spent]| Spread::of(all.iter().map(|s| s.cpu.as_secs_f64() * 1e6 / orders));
    println!("\nintake with growth, {rounds} rounds of {orders} orders in turns");
    for (stored, spent) in [SMALL, large].iter().zip(&spent) {
        println!("  {stored:>9} orders stored: µs an order {}", wall(spent));
        println!("  {:>9}                CPU µs an order {}", "", cpu(spent));
    }
    verdict("time ratio", wall(&spent[1]).median / wall(&spent[0]).median, GOAL_GROWTH);
    verdict("CPU ratio", cpu(&spent[1]).median / cpu(&spent[0]).median, GOAL_GROWTH);
    for house in houses {
        house.store.close().await;
    }
}

async fn take(house: &mut House) -> Spent {
    let step = i64::try_from(PAGE).unwrap();
    let all: Vec<_> =
        (0..=PAGES).map(|at| pages::page(house.next + i64::try_from(at).unwrap() * step, PAGE)).collect();
    house.next += step * i64::try_from(PAGES + 1).unwrap();
    house.raw.checkpoint().await;
    let mut meter = Meter::start();
    for (at, page) in all.iter().enumerate() {
        if at == 1 {
            // The first page warms the caches.
            meter = Meter::start();
        }
        let now = pages::placed(house.next);
        house.store.take_page(&house.facts, page, Some(&Cursor(now.0.to_string())), now).await.unwrap();
    }
    house.raw.checkpoint().await;
    meter.stop()
}

/// A daemon of its own, from the program that is shipped.
struct Daemon {
    child: Child,
    ready: Duration,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    fn start(dir: &Path, url: &str, door: &Door) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        shops::config(dir, url, "observe", port, std::slice::from_ref(door));
        let began = Instant::now();
        let mut child =
            Command::new(program()).args(["run", "--config"]).arg(dir).stdout(Stdio::null()).spawn().unwrap();
        while !is_ready(SocketAddr::from(([127, 0, 0, 1], port))) {
            assert!(child.try_wait().unwrap().is_none(), "the daemon ended");
            assert!(began.elapsed() < Duration::from_secs(60), "the daemon is not ready after a minute");
            std::thread::sleep(Duration::from_millis(2));
        }
        Self { ready: began.elapsed(), child }
    }

    /// Waits until all offers are read and what came of it is done.
    fn rest(&self) {
        let began = Instant::now();
        let mut spent = self.ticks();
        loop {
            std::thread::sleep(IDLE);
            let now = self.ticks();
            if now - spent <= NEXT_TO_NONE {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(300), "the daemon does not come to rest");
            spent = now;
        }
    }

    /// Processor time so far, in hundredths of a second (proc_pid_stat(5), utime and stime).
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, after_name) = stat.rsplit_once(')').unwrap();
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    /// Resident memory now and at its highest, MB.
    fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1e3
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

async fn start(large: i64, door: &Door) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let empty = format!("sqlite:{}", dir.path().join("empty.db").display());
    let full = format!("sqlite:{}", house::file(large).display());
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        without.push(Daemon::start(dir.path(), &empty, door).ready.as_secs_f64());
        with.push(Daemon::start(dir.path(), &full, door).ready.as_secs_f64());
    }
    let (with, without) = (Spread::of(with), Spread::of(without));
    println!("\nfrom exec to ready, 5 starts in turns");
    println!("  s with an empty store {without}, with {large} orders {with}");
    println!("  ratio {:.2}", with.median / without.median);
    verdict("s with all orders", with.median, GOAL_READY);
}

/// Makes a house with so many items as a merchant does, from a file. What is derived of them (the words that a search
/// finds) is there before the daemon starts, and its making stays out of the daemon's memory.
fn import(dir: &Path, url: &str, door: &Door, items: i64) {
    shops::config(dir, url, "observe", 1, std::slice::from_ref(door));
    let file = dir.join("items.csv");
    let mut text = String::from("code,name,price,stock\n");
    for n in 0..items {
        writeln!(text, "{},京焼 湯呑 {n} 番,1100,100", pages::code(n)).unwrap();
    }
    std::fs::write(&file, text).unwrap();
    for args in [&["migrate"][..], &["items", "import", file.to_str().unwrap()]] {
        let mut banto = Command::new(program());
        let status = banto.arg("--config").arg(dir).args(args).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{args:?}: {status}");
    }
}

async fn memory(items: i64) {
    println!(
        "\nresident memory after all was read and {} s without work, one channel in observe mode",
        IDLE.as_secs()
    );
    let mut medians = Vec::new();
    for (items, offers) in [(100, 100), (items, 100), (items, items)] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let url = format!("sqlite:{}", dir.path().join("banto.db").display());
        let shop = Neighbour::start(offers, 0);
        import(dir.path(), &url, &shop.door, items);
        let daemon = Daemon::start(dir.path(), &url, &shop.door);
        daemon.rest();
        let (now, most) = daemon.memory();
        println!("  {items:>7} items, {offers:>7} offers: {now:.1} MB, at its highest {most:.1} MB");
        medians.push(now);
    }
    println!("  ratio {:.2}", medians[2] / medians[0]);
    verdict("MB with all items and offers", medians[2], GOAL_MB);
}
