//! How soon every other shop hears of a sale: five fake shops, the full tasks of five channels, one SQLite store.
//!
//! `cargo bench --bench propagation`. Measured from outside the daemon: from the moment that the store's watchers are
//! told of a commit to the moment that a shop gets the request with the new number. Beside it, in the same run, the
//! time of one loopback push as the unit. `BENCH_QUICK=1` takes fewer orders.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

#[expect(dead_code, reason = "others need more of it")]
#[path = "support/measure.rs"]
mod measure;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/raw.rs"]
mod raw;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/shops.rs"]
mod shops;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use banto::app::App;
use banto::lifecycle::Lifecycle;
use banto::store::{PlanRules, Scope, Store};
use banto_channel::{Clock, IdempotencyKey, ListingId, Outcome, StockItem, Timestamp};
use banto_sim::market::{Market, Seen};
use banto_woocommerce::fake::FakeShop;
use measure::quick;
use tokio_util::sync::CancellationToken;

const SHOPS: usize = 5;
const ITEMS: i64 = 200;
/// Goal: 99 of 100 pushes are on their way after this.
const GOAL: Duration = Duration::from_millis(100);
/// Changes of one item in the burst.
const BURST: usize = 1_000;
/// Which item the burst is of.
const BURST_ITEM: usize = 3;
/// Goal: pushes of that item to each other shop.
const GOAL_PUSHES: usize = 20;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Five shops and the daemon's tasks for them.
struct Trade {
    app: App,
    clock: Arc<dyn Clock>,
    shops: Vec<Arc<FakeShop>>,
    /// For each shop its offers, by the item's number.
    offers: Vec<Vec<ListingId>>,
    life: Lifecycle,
    dir: tempfile::TempDir,
}

#[tokio::main]
async fn main() {
    let orders = if quick() { 50 } else { 400 };
    let trade = Trade::open().await;
    let unit = trade.one_push(200).await;
    trade.start().await;
    let mut lags = trade.sales(orders).await;
    lags.sort_unstable();
    let (p50, p99) = (lags[lags.len() / 2], lags[lags.len() * 99 / 100]);
    println!("\npropagation, {SHOPS} shops, {orders} sales one after another, {} pushes", lags.len());
    println!("  committed to requested p50 {:.1} ms, p99 {:.1} ms", ms(p50), ms(p99));
    println!(
        "  one loopback push by itself (the unit) {:.1} ms; p50 is {:.1} of it",
        ms(unit),
        ms(p50) / ms(unit)
    );
    verdict("p99 over the goal of 100 ms", ms(p99) / ms(GOAL), p99 <= GOAL);
    let (commits, took, pushes) =
        trade.burst((0..orders).filter(|n| n * 7 % ITEMS as usize == BURST_ITEM).count()).await;
    println!(
        "\nburst, {BURST} sales of one item in one shop, {commits} commits in {:.0} ms: pushes to the others {pushes:?}",
        ms(took)
    );
    let most = pushes.iter().max().copied().unwrap_or_default();
    verdict("pushes for each change", most as f64 / BURST as f64, most <= GOAL_PUSHES);
    trade.life.stop("the benchmark is over");
    let _ = trade.life.wait().await;
    drop(trade.dir);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn verdict(what: &str, value: f64, met: bool) {
    println!("  {what} {value:.3} ({})", if met { "goal met" } else { "goal MISSED" });
}

impl Trade {
    async fn open() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (mut shops, mut doors) = (Vec::new(), Vec::new());
        for n in 0..SHOPS {
            let (shop, door) = shops::open(n as u64, ITEMS).await;
            shops.push(shop);
            doors.push(door);
        }
        let url = format!("sqlite:{}", dir.path().join("banto.db").display());
        let config = shops::config(dir.path(), &url, "live", 0, &doors);
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        shops::stock(&url, ITEMS).await;
        let clock = shops::clock();
        let app = App::build(config, store, Arc::clone(&clock)).await.unwrap();
        let offers = shops.iter().map(|shop| in_order(shop)).collect();
        Self { app, clock, shops, offers, life: Lifecycle::new(), dir }
    }

    /// Median time of one push of one listing, connector and HTTP only.
    async fn one_push(&self, times: usize) -> Duration {
        let channel = &self.app.channels[0].channel;
        let mut all = Vec::with_capacity(times);
        for n in 0..times {
            let item = StockItem {
                listing: self.offers[0][n % self.offers[0].len()].clone(),
                quantity: shops::OPENING,
                was: None,
                version: 1,
                key: IdempotencyKey(n.to_string()),
            };
            let began = Instant::now();
            let outcome = channel.connector.push_stock(&channel.cx, &[item]).await.unwrap();
            all.push(began.elapsed());
            assert_eq!(outcome, [Outcome::Applied]);
        }
        all.sort_unstable();
        all[times / 2]
    }

    /// Starts the tasks and waits until every shop's offers are known and show the right number.
    async fn start(&self) {
        self.app.start_channels(&self.life, &CancellationToken::new());
        for running in &self.app.channels {
            let channel = &running.channel;
            let rules = PlanRules {
                channel: channel.id,
                locations: &channel.facts.locations,
                basis: channel.connector.capabilities().stock_basis,
            };
            until(async || {
                let known = self.app.store.stocked(&rules, Scope::Page(0, 10_000)).await.unwrap();
                known.len() == self.offers[0].len()
                    && known.iter().all(|s| s.row.shown == Some(shops::OPENING))
            })
            .await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Sells one thing after the other, each in another shop, and waits until all others have heard of it.
    async fn sales(&self, orders: usize) -> Vec<Duration> {
        let mut lags = Vec::new();
        for n in 0..orders {
            let (at, item) = (n % SHOPS, n * 7 % self.offers[0].len());
            self.shops.iter().for_each(|shop| drop(shop.take_seen()));
            let committed = self.sell(at, item, n).await;
            let others: Vec<usize> = (0..SHOPS).filter(|other| *other != at).collect();
            let mut heard: HashMap<usize, Timestamp> = HashMap::new();
            until(async || {
                for other in &others {
                    let seen = self.shops[*other].take_seen();
                    if let Some(push) = seen.iter().find(|s| sets(s, &self.offers[*other][item])) {
                        heard.entry(*other).or_insert(push.at);
                    }
                }
                heard.len() == others.len()
            })
            .await;
            lags.extend(heard.values().map(|at| at.since(committed)));
        }
        lags
    }

    /// One sale, until it is committed; when that was.
    async fn sell(&self, at: usize, item: usize, n: usize) -> Timestamp {
        let mut stock = self.app.store.watch_stock();
        let (clock, entries) = (Arc::clone(&self.clock), self.app.store.newest_entry().await.unwrap());
        self.shops[at].buy(&shops::purchase(n, &[&self.offers[at][item]])).unwrap();
        self.app.channels[at].signals.pull_now();
        loop {
            stock.changed().await.unwrap();
            let now = clock.now();
            if self.app.store.newest_entry().await.unwrap() > entries {
                return now;
            }
        }
    }

    /// A thousand sales of one item in the first shop, a hundred pulls; `before` of it were sold. Commits with movements, the time, and pushes of
    /// that item to each other shop.
    async fn burst(&self, before: usize) -> (usize, Duration, Vec<usize>) {
        let (item, began) = (BURST_ITEM, Instant::now());
        self.shops.iter().for_each(|shop| drop(shop.take_seen()));
        let mut stock = self.app.store.watch_stock();
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let counting = tokio::spawn({
            let stop = stop.clone();
            async move {
                let mut commits = 0;
                while tokio::select! { changed = stock.changed() => changed.is_ok(), () = stop.cancelled() => false }
                {
                    commits += 1;
                }
                commits
            }
        });
        for n in 0..BURST {
            self.shops[0].buy(&shops::purchase(n, &[&self.offers[0][item]])).unwrap();
            if n % 10 == 9 {
                self.app.channels[0].signals.pull_now();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        // The selling shop may be told a number that is older than its newest sales; what counts is where all end.
        let left = shops::OPENING - i64::try_from(BURST + before).unwrap();
        let mut pushes = vec![0; SHOPS];
        until(async || {
            self.app.channels[0].signals.pull_now();
            for (at, shop) in self.shops.iter().enumerate() {
                pushes[at] += shop.take_seen().iter().filter(|s| sets(s, &self.offers[at][item])).count();
            }
            self.shops.iter().enumerate().all(|(at, shop)| shop.shown(&self.offers[at][item]) == Some(left))
        })
        .await;
        let took = began.elapsed();
        stop.cancel();
        stopped.cancel();
        (counting.await.unwrap(), took, pushes.split_off(1))
    }
}

fn in_order(shop: &FakeShop) -> Vec<ListingId> {
    let mut offers = shop.offers();
    offers.sort_by(|a, b| a.code.cmp(&b.code));
    offers.into_iter().map(|offer| offer.id).collect()
}

fn sets(seen: &Seen, listing: &ListingId) -> bool {
    seen.stock.iter().any(|(id, _)| id == listing)
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let all = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}
