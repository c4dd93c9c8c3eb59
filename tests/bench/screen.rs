//! What the screen and the API cost in a house with a million orders and a hundred thousand items: server time of every
//! page, list, search and call against a house with ten thousand orders, how soon an open page hears of a change, and what
//! twenty people paging cost the intake.
//!
//! `cargo bench --bench screen`, or one part of it: `cargo bench --bench screen -- pages|live|users`. The two houses take
//! turns in the same run; each page is asked of the daemon's own router over one open connection on loopback, packed as
//! browsers ask for it, from the request's first byte to the body's last. `BENCH_QUICK=1` takes a thousand and ten
//! thousand orders and two thousand items.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/counter.rs"]
mod counter;
#[path = "support/hearing.rs"]
mod hearing;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/measure.rs"]
mod measure;
#[path = "support/people.rs"]
mod people;
#[path = "support/programs.rs"]
mod programs;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/raw.rs"]
mod raw;
#[expect(dead_code, reason = "others need more of it")]
#[path = "support/shops.rs"]
mod shops;
#[path = "support/sights.rs"]
mod sights;
#[path = "support/trade.rs"]
mod trade;
#[path = "support/year.rs"]
mod year;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use browser::Browser;
use counter::{Counter, Still};
use hearing::Page;
use measure::{Spread, quick};
use sights::{Known, Sight, sights};
use year::{Size, Year};

/// Goal: server time of 95 of 100 requests in the large house, ms.
const GOAL_MS: f64 = 50.0;
/// Goal: median in the large house over median in the small one.
const GOAL_GROWTH: f64 = 3.0;
/// What is quicker than this, ms, has no growth worth a number: the connection is most of it.
const FLOOR_MS: f64 = 1.0;
/// Goal: 95 of 100 events of what the daemon itself did come after this, ms.
const GOAL_HEARD_MS: f64 = 100.0;
/// Goal: the last event of what another process did comes after this, ms; the daemon looks for that every second.
const GOAL_ELSEWHERE_MS: f64 = 1_200.0;
/// Goal: the intake's rate with people paging over its rate without.
const GOAL_INTAKE: f64 = 0.95;
/// Rounds in which each house is asked for each page once, and rounds of a quick run.
const ROUNDS: (usize, usize) = (60, 5);
/// How many people look at the screen.
const USERS: usize = 20;
/// How long each looks at a page before the next.
const LOOKS: Duration = Duration::from_secs(1);
/// Orders of an intake page.
const PAGE: usize = 100;

#[tokio::main]
async fn main() {
    let (small, large, items) = if quick() { (1_000, 10_000, 2_000) } else { (10_000, 1_000_000, 100_000) };
    let parts: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|one| one == part);
    let size = |orders, open| Size { orders, open, seed: small, items };
    let mut large_house = Year::open(size(large, large / if quick() { 10 } else { 50 })).await;
    if wanted("pages") {
        // Nearly all of its orders are open, so that its lists of open work fill their pages as the large house's do: the
        // ratio is to tell what stored orders cost, not what a line on a page does.
        let mut small_house = Year::open(size(small, small / 10 * 9)).await;
        pages(&mut small_house, &mut large_house).await;
        small_house.store.close().await;
    }
    if wanted("live") {
        live(&mut large_house).await;
    }
    if wanted("users") {
        users(&mut large_house).await;
    }
    large_house.store.close().await;
}

/// One house with its screen and what is looked at there.
struct Side {
    browser: Browser,
    sights: Vec<Sight>,
    /// Server times of each sight, ms.
    times: Vec<Vec<f64>>,
    /// The largest body of each sight, packed, bytes.
    largest: Vec<usize>,
    unknown: Vec<&'static str>,
    counter: Counter,
    _dir: tempfile::TempDir,
}

impl Side {
    async fn open(house: &mut Year) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let counter = Counter::open(house, dir.path()).await;
        let mut browser = Browser::open(counter.at, &counter.headers).await;
        let known = Known::of(house).await;
        let (mut sights, mut unknown) = sights(&known, &counter.routes, &mut browser).await;
        let (calls, unasked) = programs::calls(house, &known).await;
        sights.extend(calls);
        unknown.extend(unasked);
        let mut side = Self {
            times: vec![Vec::new(); sights.len()],
            largest: vec![0; sights.len()],
            browser,
            sights,
            unknown,
            counter,
            _dir: dir,
        };
        side.prove().await;
        side
    }

    /// Every address answers, and what was searched for stands on the page. It warms the caches, too.
    async fn prove(&mut self) {
        for sight in &self.sights {
            self.browser.carry(&sight.headers);
            for (path, says) in sight.paths.iter().zip(&sight.says) {
                let text = self.browser.text(path).await;
                let found = says.as_ref().is_none_or(|says| text.contains(says.as_str()));
                assert!(found, "{}: {path} does not show {says:?}", sight.name);
            }
        }
    }

    async fn look(&mut self, at: usize, round: usize) {
        let sight = &self.sights[at];
        self.browser.carry(&sight.headers);
        let answer = self.browser.get(&sight.paths[round % sight.paths.len()]).await;
        // A number that one order has leads to it.
        assert!(matches!(answer.status, 200 | 303), "{}: {}", sight.name, answer.status);
        self.times[at].push(answer.took.as_secs_f64() * 1e3);
        self.largest[at] = self.largest[at].max(answer.body.len());
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.sights.iter().position(|sight| sight.name == name)
    }
}

/// Median, 95th of a hundred, and highest.
fn tail(times: &[f64]) -> (f64, f64, f64) {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[(times.len() * 95).div_ceil(100) - 1], times[times.len() - 1])
}

async fn pages(small: &mut Year, large: &mut Year) {
    let (stored, more) = (small.next, large.next);
    let (mut small, mut large) = (Side::open(small).await, Side::open(large).await);
    let rounds = if quick() { ROUNDS.1 } else { ROUNDS.0 };
    for round in 0..rounds {
        for at in 0..large.sights.len() {
            let twin = small.named(&large.sights[at].name);
            // Each goes first every second time.
            if round % 2 == 0 {
                large.look(at, round).await;
            }
            if let Some(twin) = twin {
                small.look(twin, round).await;
            }
            if round % 2 == 1 {
                large.look(at, round).await;
            }
        }
    }
    println!(
        "\nserver time of every page and call, ms: median, 95th of a hundred, highest; {rounds} rounds in turns"
    );
    println!("  {:<42} {stored:>9} orders stored     {more:>9} orders stored   ratio  kB packed", "");
    let mut missed = Vec::new();
    for (at, sight) in large.sights.iter().enumerate() {
        let (median, high, most) = tail(&large.times[at]);
        let before = small.named(&sight.name).map(|twin| tail(&small.times[twin]));
        let ratio = before.map(|(before, ..)| median.max(FLOOR_MS) / before.max(FLOOR_MS));
        // A file is a download: it has as many lines as it has.
        let page = !sight.name.contains(".csv");
        let verdict = match (page && high > GOAL_MS, page && ratio.is_some_and(|ratio| ratio > GOAL_GROWTH)) {
            (false, false) => "",
            (true, false) => "  MISSED: time",
            (false, true) => "  MISSED: growth",
            (true, true) => "  MISSED: time and growth",
        };
        let before = before.map_or_else(String::new, |(a, b, c)| format!("{a:>7.2} {b:>7.2} {c:>7.2}"));
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let kb = large.largest[at] as f64 / 1e3;
        println!(
            "  {:<42} {before:<23}  {median:>7.2} {high:>7.2} {most:>7.2}  {ratio:>5}  {kb:>6.1}{verdict}",
            sight.name
        );
        if !verdict.is_empty() {
            missed.push(sight.name.clone());
        }
    }
    let word = |met: bool| if met { "met" } else { "MISSED" };
    println!(
        "  95th of a hundred <= {GOAL_MS} ms, median <= {GOAL_GROWTH} x the small house's: {}",
        word(missed.is_empty())
    );
    if !large.unknown.is_empty() {
        println!("  MISSED: nothing is known to look at for {}", large.unknown.join(", "));
    }
}

async fn live(house: &mut Year) {
    let (orders, elsewhere) = if quick() { (5, 4) } else { (60, 20) };
    let first = house.next_id().await;
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let counter = Counter::open(house, dir.path()).await;
    let mut page = Page::open(counter.at, &counter.headers).await;
    let (unit, ..) = tail(&hearing::bare(200).await);
    let (median, high, most) = tail(&page.orders(house, orders).await);
    let (median_there, _, most_there) = tail(&page.elsewhere(house, elsewhere).await);
    house.settle(first).await;
    let word = |met: bool| if met { "met" } else { "MISSED" };
    println!(
        "\nan open page hears of a change, ms from the commit; {orders} orders, {elsewhere} changes elsewhere"
    );
    println!("  an event over bare loopback (the unit): median {unit:.3}");
    println!(
        "  the daemon's own: median {median:.2} ({:.1} units), 95th of a hundred {high:.2}, highest {most:.2} \
         (goal {GOAL_HEARD_MS}: {})",
        median / unit,
        word(high <= GOAL_HEARD_MS)
    );
    println!(
        "  another process's: median {median_there:.0}, highest {most_there:.0} (goal {GOAL_ELSEWHERE_MS}: {})",
        word(most_there <= GOAL_ELSEWHERE_MS)
    );
}

/// People who page through the screen while they are told to.
struct Crowd {
    looks: Arc<AtomicBool>,
    goes: CancellationToken,
    people: Vec<tokio::task::JoinHandle<()>>,
    times: Arc<Mutex<Vec<f64>>>,
}

impl Crowd {
    /// They come, spread over the time between two pages, and look at nothing yet.
    async fn begin(counter: &Counter, paths: &Arc<Vec<String>>) -> Self {
        let (looks, times) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<f64>>>::default());
        let (goes, mut people) = (CancellationToken::new(), Vec::new());
        for person in 0..USERS {
            let mut browser = Browser::open(counter.at, &counter.headers).await;
            let (looks, times, paths) = (Arc::clone(&looks), Arc::clone(&times), Arc::clone(paths));
            let goes = goes.clone();
            people.push(tokio::spawn(async move {
                let wait = LOOKS * u32::try_from(person).unwrap() / u32::try_from(USERS).unwrap();
                let mut clock = tokio::time::interval_at(tokio::time::Instant::now() + wait, LOOKS);
                for turn in 0.. {
                    if goes.run_until_cancelled(clock.tick()).await.is_none() {
                        return;
                    }
                    if !looks.load(Ordering::Relaxed) {
                        continue;
                    }
                    let answer = browser.get(&paths[(person * 31 + turn * 7) % paths.len()]).await;
                    assert!(matches!(answer.status, 200 | 303), "{}", answer.status);
                    times.lock().unwrap().push(answer.took.as_secs_f64() * 1e3);
                }
            }));
        }
        Self { looks, goes, people, times }
    }

    /// Sends them home; the times they waited for pages, ms.
    async fn end(self) -> Vec<f64> {
        self.goes.cancel();
        for person in self.people {
            person.await.unwrap();
        }
        std::mem::take(&mut self.times.lock().unwrap())
    }
}

/// Orders a second.
async fn intake(house: &mut Year, pages: usize) -> f64 {
    house.raw.checkpoint().await;
    house.take(PAGE).await;
    let began = Instant::now();
    for _ in 0..pages {
        house.take(PAGE).await;
    }
    (pages * PAGE) as f64 / began.elapsed().as_secs_f64()
}

/// Orders a second while search, customers and reports follow the orders, as in the daemon. They begin level with the
/// order book each time: how far behind they are decides how often the intake waits for them.
async fn followed_intake(house: &mut Year, pages: usize) -> f64 {
    let (stop, clock) = (CancellationToken::new(), Arc::new(Still(house.now())));
    let following = tokio::spawn(banto::app::follow_orders(house.store.clone(), clock, stop.clone()));
    let rate = intake(house, pages).await;
    stop.cancel();
    following.await.unwrap();
    house.project().await;
    rate
}

async fn users(house: &mut Year) {
    // Many short rounds: a disk and a host that others use are not the same from one second to the next.
    let (rounds, pages) = if quick() { (4, 10) } else { (21, 20) };
    let side = Side::open(house).await;
    // Programs are no people.
    let looked_at = side.sights.iter().filter(|sight| sight.headers.is_empty());
    let paths: Vec<String> = looked_at.flat_map(|sight| sight.paths.iter().take(4).cloned()).collect();
    let paths = Arc::new(paths);
    let first = house.next_id().await;
    let crowd = Crowd::begin(&side.counter, &paths).await;
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for looks in [round % 2 == 1, round % 2 == 0] {
            crowd.looks.store(looks, Ordering::Relaxed);
            let rate = followed_intake(house, pages).await;
            if looks { &mut watched } else { &mut alone }.push(rate);
        }
    }
    let waited = crowd.end().await;
    house.settle(first).await;
    let ratios = Spread::of(watched.iter().zip(&alone).map(|(watched, alone)| watched / alone));
    let (alone, watched) = (Spread::of(alone), Spread::of(watched));
    let (median, high, most) = tail(&waited);
    println!(
        "\nintake while {USERS} people look at a page a second each, {rounds} rounds of {} orders in turns",
        pages * PAGE
    );
    println!("  orders/s without them {alone}");
    println!("  orders/s with them    {watched}");
    println!("  their pages, ms: median {median:.2}, 95th of a hundred {high:.2}, highest {most:.2}");
    let word = if ratios.median >= GOAL_INTAKE { "met" } else { "MISSED" };
    println!("  ratio of neighbouring rounds {ratios} (goal {GOAL_INTAKE}: {word})");
}
