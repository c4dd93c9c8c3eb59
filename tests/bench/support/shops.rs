//! Fake shops, and a config folder that names them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use banto::clock::SystemClock;
use banto::config::Config;
use banto_channel::{Buyer, Clock, ListingId};
use banto_sim::market::{BasketLine, Market, Purchase};
use banto_woocommerce::fake::{FakeConfig, FakeProduct, FakeShop};
use serde_json::json;

use crate::raw::Raw;

/// Units of everything at the start, in the house and in every shop.
pub const OPENING: i64 = 100_000;

/// How a shop is reached.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Door {
    /// Its address.
    pub url: String,
    /// `ck_…`.
    pub key: String,
    /// `cs_…`.
    pub secret: String,
}

/// The system's clock.
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(Duration::ZERO))
}

/// The code of an item, counted from 0.
pub fn code(item: i64) -> String {
    format!("SKU-{item:06}")
}

/// Opens a shop without faults that sells the first `products` items.
pub async fn open(seed: u64, products: i64) -> (Arc<FakeShop>, Door) {
    let products = (0..products).map(|n| FakeProduct {
        name: format!("京焼 湯呑 {n} 番"),
        sku: code(n),
        price: 1_100,
        stock: Some(OPENING),
        ..FakeProduct::default()
    });
    let config = FakeConfig { products: products.collect(), ..FakeConfig::new(seed, clock()) };
    let (key, secret) = (config.consumer_key.clone(), config.consumer_secret.clone());
    let shop = FakeShop::start(config).await.unwrap();
    let door = Door { url: shop.url().to_owned(), key, secret };
    (Arc::new(shop), door)
}

/// A checkout, paid at once.
pub fn purchase(n: usize, listings: &[&ListingId]) -> Purchase {
    let lines = listings.iter().map(|l| BasketLine { listing: (*l).clone(), quantity: 1 });
    Purchase {
        lines: lines.collect(),
        buyer: Buyer {
            name: "髙﨑 久美子".to_owned(),
            email: format!("buyer{n}@example.com"),
            ..Buyer::default()
        },
        paid: true,
        ..Purchase::default()
    }
}

/// A shop in a process of its own, so that its CPU time is not counted as ours.
pub struct Neighbour {
    /// How to reach it.
    pub door: Door,
    child: Child,
}

impl Neighbour {
    /// Starts this program again as a shop that has already sold `orders` baskets of three lines.
    pub fn start(products: i64, orders: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env("BENCH_SHOP", format!("{products} {orders}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { door: serde_json::from_str(&line).unwrap(), child }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // The shop closes when its standard input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Is a shop until standard input closes, if that is what this process was started for.
pub async fn was_one() -> bool {
    let Ok(asked) = std::env::var("BENCH_SHOP") else { return false };
    let (products, orders) = asked.split_once(' ').unwrap();
    let (shop, door) = open(1, products.parse().unwrap()).await;
    let offers = shop.offers();
    for n in 0..orders.parse().unwrap() {
        let listings: Vec<&ListingId> =
            (0..3).map(|at| &offers[(n * 31 + at * 7) % offers.len()].id).collect();
        shop.buy(&purchase(n, &listings)).unwrap();
    }
    println!("{}", serde_json::to_string(&door).unwrap());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    true
}

/// Writes a config folder with a channel for each shop, named `shop0`, `shop1` …, on the store at `url`, and loads it.
pub fn config(dir: &Path, url: &str, mode: &str, port: u16, doors: &[Door]) -> Config {
    for folder in ["channels", "secrets"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let mut house = format!("[store]\nurl = \"{url}\"\n[shop]\nname = \"番頭商店\"\n");
    write!(house, "[web]\nlisten = \"127.0.0.1:{port}\"\n[log]\nlevel = \"warn\"\n").unwrap();
    house.push_str("[mail]\nfrom = \"shop@example.test\"\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n");
    std::fs::write(dir.join("banto.toml"), house).unwrap();
    for (n, door) in doors.iter().enumerate() {
        secret(&dir.join(format!("secrets/shop{n}.key")), &door.key);
        secret(&dir.join(format!("secrets/shop{n}.secret")), &door.secret);
        let text = format!(
            "kind = \"woocommerce\"\nmode = \"{mode}\"\n[connector]\nurl = \"{}\"\n\
             consumer_key_file = \"secrets/shop{n}.key\"\nconsumer_secret_file = \"secrets/shop{n}.secret\"\n\
             [orders]\npoll_seconds = 3600\n\
             [mail]\nreceived = \"us\"\npaid = \"us\"\nshipped = \"us\"\ncancelled = \"us\"\n",
            door.url
        );
        std::fs::write(dir.join(format!("channels/shop{n}.toml")), text).unwrap();
    }
    Config::load(dir).unwrap()
}

fn secret(path: &Path, text: &str) {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Puts the first `items` items with their opening stock into a migrated store without any.
pub async fn stock(url: &str, items: i64) {
    let mut raw = Raw::open(url).await;
    let first = raw.number("SELECT next FROM counter WHERE name = 'id'".to_owned()).await;
    raw.script(format!("INSERT INTO location (id, code, name) VALUES ({first}, 'main', '')")).await;
    let (item, entry) = (first + 1, first + 1 + items);
    let each = |row: &dyn Fn(i64) -> serde_json::Value| (0..items).map(row).collect::<Vec<_>>();
    let rows = [
        (
            "item",
            each(&|n| {
                json!([item + n, code(n), format!("京焼 湯呑 {n} 番"), null, 1100, "JPY", 1000, false, 0, 0])
            }),
        ),
        (
            "entry",
            each(&|n| {
                json!([
                    entry + n,
                    0,
                    item + n,
                    first,
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
        ("level", each(&|n| json!([item + n, first, OPENING, 0, 0, entry + n]))),
    ];
    for (name, rows) in rows {
        let insert = raw.table(name).await.insert("");
        raw.prepared(insert, &serde_json::to_string(&rows).unwrap()).await;
    }
    raw.script(format!("UPDATE counter SET next = {} WHERE name = 'id'", entry + items)).await;
}
