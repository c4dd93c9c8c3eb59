//! How long ten thousand changed listings take to reach each marketplace, its documented limits in force on both sides:
//! the daemon's own pusher against the connector's fake. The bound is what the documents allow: calls needed ÷ rate.
//!
//! `cargo bench --bench limits`. `BENCH_QUICK=1` takes a thousand listings.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

#[expect(dead_code, reason = "others need more of it")]
#[path = "support/measure.rs"]
mod measure;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use banto::app::App;
use banto::channels::push::Pusher;
use banto::channels::task::read_offers;
use banto::clock::SystemClock;
use banto::config::{Config, Surroundings};
use banto::sheet;
use banto::store::{Import, Store};
use banto_channel::Clock;
use banto_sim::market::Market;
use futures_util::future::join_all;
use tempfile::TempDir;

use measure::quick;

/// Most that the run may take beyond what the documents allow.
const GOAL: f64 = 1.1;

/// A shop of many listings that keeps its marketplace's limits.
struct Shop {
    kind: &'static str,
    table: String,
    secrets: Vec<(&'static str, String)>,
    market: Arc<dyn Market>,
    /// How often it refused a call for its rate.
    refused: Box<dyn Fn() -> u64>,
    /// The quota group in which quantities are written.
    group: &'static str,
}

#[tokio::main]
async fn main() {
    let listings = if quick() { 1_000 } else { 10_000 };
    println!("{listings} changed listings, every tenth to zero, limits in force on both sides");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
    let shops = [
        rakuten(listings, &clock).await,
        yahoo(listings, &clock).await,
        amazon(listings, &clock).await,
        shopify(listings, &clock).await,
    ];
    // Reading ten thousand offers takes its own minutes at each marketplace's pace.
    for ready in join_all(shops.into_iter().map(|shop| Ready::open(shop, &clock))).await {
        ready.converge().await;
    }
}

async fn rakuten(listings: usize, clock: &Arc<dyn Clock>) -> Shop {
    use banto_rakuten::fake::{FakeConfig, FakeShop};
    let config = FakeConfig { limits: true, ..FakeConfig::new(1, Arc::clone(clock)).with_offers(listings) };
    let secrets =
        vec![("secret", config.service_secret.clone()), ("key", config.licence_keys[0].key.clone())];
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let table =
        format!("url = \"{}\"\nservice_secret_file = \"secret\"\nlicense_key_file = \"key\"\n", shop.url());
    let counted = Arc::clone(&shop);
    let refused = Box::new(move || counted.too_many());
    Shop { kind: "rakuten", table, secrets, market: shop, refused, group: "inventory-write" }
}

async fn yahoo(listings: usize, clock: &Arc<dyn Clock>) -> Shop {
    use banto_yahoo::fake::{FakeConfig, FakeStore};
    let config = FakeConfig { limits: true, ..FakeConfig::new(1, Arc::clone(clock)).with_items(listings) };
    let secrets = vec![("secret", config.client_secret.clone()), ("refresh", config.refresh_token.clone())];
    let (seller, client) = (config.seller_id.clone(), config.client_id.clone());
    let shop = Arc::new(FakeStore::start(config).await.unwrap());
    let table = format!(
        "seller_id = \"{seller}\"\nclient_id = \"{client}\"\nclient_secret_file = \"secret\"\n\
         refresh_token_file = \"refresh\"\nurl = \"{0}\"\nauth_url = \"{0}\"\n",
        shop.url()
    );
    let counted = Arc::clone(&shop);
    let refused = Box::new(move || counted.limited());
    Shop { kind: "yahoo", table, secrets, market: shop, refused, group: "setStock" }
}

async fn amazon(listings: usize, clock: &Arc<dyn Clock>) -> Shop {
    use banto_amazon::fake::{FakeAmazon, FakeConfig};
    // What Amazon takes for a feed is its own time.
    let config = FakeConfig {
        limits: true,
        feed_time: Duration::ZERO,
        ..FakeConfig::new(1, Arc::clone(clock)).with_offers(listings)
    };
    let shop = Arc::new(FakeAmazon::start(config).await.unwrap());
    let secrets = vec![
        ("client-secret", shop.credential("client-secret")),
        ("refresh-token", shop.credential("refresh-token")),
    ];
    let (table, counted) = (shop.table(), Arc::clone(&shop));
    let refused = Box::new(move || counted.throttled());
    Shop { kind: "amazon", table, secrets, market: shop, refused, group: "createFeed" }
}

async fn shopify(listings: usize, clock: &Arc<dyn Clock>) -> Shop {
    use banto_shopify::fake::{FakeConfig, FakeShop};
    let config = FakeConfig::new(1, Arc::clone(clock)).with_offers(listings);
    let secrets = vec![("secret", config.client_secret.clone())];
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let (table, counted) = (shop.connector_table("secret"), Arc::clone(&shop));
    let refused = Box::new(move || counted.throttled());
    Shop { kind: "shopify", table, secrets, market: shop, refused, group: "" }
}

/// A house that knows all offers of a shop and has pushed none of its numbers.
struct Ready {
    shop: Shop,
    app: App,
    store: Store,
    /// The config names files in it.
    _dir: TempDir,
}

impl Ready {
    async fn open(shop: Shop, clock: &Arc<dyn Clock>) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let config = config(dir.path(), &shop);
        let store = Store::open(config.store_url().unwrap().expose()).await.unwrap();
        store.migrate().await.unwrap();
        let app = App::build(config, store.clone(), Arc::clone(clock)).await.unwrap();
        import(&store, &shop, clock.as_ref()).await;
        let read = read_offers(&app.channels[0].channel, &store).await.unwrap();
        assert_eq!(read.unmapped, 0, "every offer has the code of an item");
        shop.market.take_seen();
        Self { shop, app, store, _dir: dir }
    }

    async fn converge(&self) {
        let (shop, store, channel) = (&self.shop, &self.store, &self.app.channels[0].channel);
        let (mut pusher, began, mut asked) = (Pusher::default(), Instant::now(), Instant::now());
        let (mut pushed, mut calls) = (0, 0);
        let answers_later = channel.connector.capabilities().stock_answers_later;
        while wrong(shop) > 0 {
            let row = store.channel(&channel.name).await.unwrap();
            assert_eq!(row.stopped, None, "the guard must not stop a change that the config allows");
            let step = pusher.step(channel, store, &row).await.unwrap();
            pushed += step.applied;
            calls += step.calls;
            if answers_later && asked.elapsed() > Duration::from_secs(1) {
                pusher.ask_receipts(channel, store).await.unwrap();
                asked = Instant::now();
            }
            if !step.more {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        tell(shop, channel.connector.capabilities(), began.elapsed(), (pushed, calls));
    }
}

fn tell(shop: &Shop, can: &banto_channel::Capabilities, took: Duration, (pushed, calls): (usize, usize)) {
    let seen: Vec<i64> =
        shop.market.take_seen().iter().flat_map(|call| &call.stock).map(|(_, quantity)| *quantity).collect();
    let zeros = seen.iter().take_while(|quantity| **quantity == 0).count();
    let listings = shop.market.offers().len();
    let quota = can.quotas.iter().find(|quota| quota.group == shop.group && !shop.group.is_empty());
    print!(
        "{:<8} {:.1} s, {pushed} listings in {calls} pushes, {} calls refused for their rate",
        shop.kind,
        took.as_secs_f64(),
        (shop.refused)()
    );
    let first = zeros.min(listings / 10);
    print!(", {first} of {} zeros before anything else", listings / 10);
    match quota {
        Some(quota) => {
            let batches = listings.div_ceil(usize::from(can.stock_batch_max.get()));
            let bound = quota.per.as_secs_f64() / f64::from(quota.calls) * batches as f64;
            let ratio = took.as_secs_f64() / bound;
            let verdict = if ratio <= GOAL { "met" } else { "MISSED" };
            println!(
                "\n         bound {bound:.1} s ({batches} calls): ratio {ratio:.2} (goal {GOAL}: {verdict})"
            );
        }
        None => println!(
            "\n         no rate in calls is documented; the cost of each call is read from its answer"
        ),
    }
}

/// Listings whose number is not yet what it should be.
fn wrong(shop: &Shop) -> usize {
    let offers = shop.market.offers();
    offers.iter().enumerate().filter(|(n, offer)| offer.quantity != Some(target(*n))).count()
}

/// What the house has of the n-th offer.
fn target(n: usize) -> i64 {
    if n.is_multiple_of(10) { 0 } else { 37 }
}

async fn import(store: &Store, shop: &Shop, clock: &dyn Clock) {
    let mut csv = String::from("code,name,price,tax_rate,stock\n");
    for (n, offer) in shop.market.offers().iter().enumerate() {
        let code = offer.code.as_deref().unwrap();
        writeln!(csv, "{code},品 {n},1000,10,{}", target(n)).unwrap();
    }
    let mut write = store.write().await.unwrap();
    let location = write.ensure_locations(&[("main".to_owned(), String::new())]).await.unwrap()[0].id;
    write.commit().await.unwrap();
    let sheet = sheet::items(csv.as_bytes(), "JPY").unwrap();
    let import = Import {
        currency: "JPY",
        location,
        skip_bad: false,
        dry_run: false,
        source: "benchmark",
        actor: "benchmark",
        now: clock.now(),
    };
    assert!(store.import_items(&sheet.lines, &import).await.unwrap().written);
}

fn config(dir: &Path, shop: &Shop) -> Config {
    use std::os::unix::fs::OpenOptionsExt;
    for (name, text) in &shop.secrets {
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(dir.join(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }
    let house = format!(
        "[store]\nurl = \"sqlite:{}\"\n[shop]\nname = \"番頭商店\"\n",
        dir.join("banto.db").display()
    );
    let channel = format!(
        "kind = \"{}\"\nmode = \"live\"\n[connector]\n{}\n[guard]\nzeros_percent = 100\n",
        shop.kind, shop.table
    );
    Config::from_texts(dir, &Surroundings::default(), &house, &[("shop", &channel)]).unwrap()
}
