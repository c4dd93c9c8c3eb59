//! The whole way of an order: from a fake shop over loopback HTTP, through connector, `wire` and intake, into a fresh
//! SQLite store; against the intake of the same orders alone.
//!
//! `cargo bench --bench path`. The shop is another process, so that CPU time is the daemon's only. `BENCH_QUICK=1`
//! takes fewer orders.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

#[expect(dead_code, reason = "others need more of it")]
#[path = "support/measure.rs"]
mod measure;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/raw.rs"]
mod raw;
#[path = "support/shops.rs"]
mod shops;

use std::path::Path;

use banto::app::{App, Running};
use banto::channels::pull::pull_round;
use banto::channels::task::read_offers;
use banto::store::Store;
use banto_channel::{Cursor, Page, Read};

use measure::{Meter, Spent, Spread, quick};
use shops::{Door, Neighbour};

const ITEMS: i64 = 1_000;
/// Goal: the way over HTTP costs at most half of it.
const GOAL: f64 = 0.5;

/// A fresh store with a catalogue, and the shop as its channel.
struct Fresh {
    store: Store,
    running: Running,
    _dir: tempfile::TempDir,
}

impl Fresh {
    async fn new(door: &Door) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let url = format!("sqlite:{}", dir.path().join("banto.db").display());
        let config = config(dir.path(), &url, door);
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        shops::stock(&url, ITEMS).await;
        let app = App::build(config, store.clone(), shops::clock()).await.unwrap();
        let running = app.channels[0].clone();
        let offers = read_offers(&running.channel, &store).await.unwrap();
        assert_eq!((offers.offers, offers.unmapped), (usize::try_from(ITEMS).unwrap(), 0));
        Self { store, running, _dir: dir }
    }

    /// Every page that the shop has.
    async fn pages(&self) -> Vec<Page<Read>> {
        let channel = &self.running.channel;
        let (mut pages, mut after): (Vec<Page<Read>>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let page = channel.connector.pull_orders(&channel.cx, after.as_ref()).await.unwrap();
            let more = page.more;
            after = Some(page.next.clone());
            pages.push(page);
            if !more {
                return pages;
            }
        }
    }
}

fn config(dir: &Path, url: &str, door: &Door) -> banto::config::Config {
    shops::config(dir, url, "live", 0, std::slice::from_ref(door))
}

#[tokio::main]
async fn main() {
    if shops::was_one().await {
        return;
    }
    let (orders, rounds) = if quick() { (1_000, 3) } else { (5_000, 7) };
    let shop = Neighbour::start(ITEMS, orders);
    let pages = Fresh::new(&shop.door).await.pages().await;
    let (mut whole, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        whole.push(whole_way(&shop.door, orders).await);
        alone.push(intake_alone(&shop.door, &pages, orders).await);
    }
    println!(
        "\npath over loopback HTTP, {orders} orders of three lines in {} pages, {rounds} rounds in turns",
        pages.len()
    );
    let rate = |all: &[Spent]| Spread::of(all.iter().map(|s| orders as f64 / s.wall.as_secs_f64()));
    let cpu = |all: &[Spent]| Spread::of(all.iter().map(|s| s.cpu.as_secs_f64() * 1e6 / orders as f64));
    for (name, all) in [("whole path", &whole), ("intake alone", &alone)] {
        println!("  {name:<13} orders/s {}", rate(all));
        println!("  {:<13} CPU µs an order {}", "", cpu(all));
    }
    let ratio = rate(&whole).median / rate(&alone).median;
    let word = if ratio >= GOAL { "met" } else { "MISSED" };
    println!("  ratio {ratio:.2} (goal {GOAL}: {word})");
}

async fn whole_way(door: &Door, orders: usize) -> Spent {
    let fresh = Fresh::new(door).await;
    let meter = Meter::start();
    let mut new = 0;
    loop {
        let pulled = pull_round(&fresh.running.channel, &fresh.store).await.unwrap();
        new += pulled.new;
        if !pulled.more {
            break;
        }
    }
    let spent = meter.stop();
    assert_eq!(new, orders);
    fresh.store.close().await;
    spent
}

async fn intake_alone(door: &Door, pages: &[Page<Read>], orders: usize) -> Spent {
    let fresh = Fresh::new(door).await;
    let channel = &fresh.running.channel;
    let meter = Meter::start();
    let mut new = 0;
    for page in pages {
        let report = fresh
            .store
            .take_page(&channel.facts, &page.items, Some(&page.next), channel.now())
            .await
            .unwrap();
        new += report.new.len();
    }
    let spent = meter.stop();
    assert_eq!(new, orders);
    fresh.store.close().await;
    spent
}
