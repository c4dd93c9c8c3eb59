//! A house to test: a config folder as a merchant writes it, shops that speak real HTTP, a mail server that keeps
//! what it gets.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use banto::clock::SystemClock;
use banto::mail::{SinkRates, SmtpSink};
use banto::store::Store;
use banto_sim::FaultRates;
use banto_woocommerce::fake::{FakeConfig, FakeShop};
use serde_json::Value;
use tempfile::TempDir;

use super::goods;
use super::process::{Daemon, banto};
use crate::stores::Fresh;

/// Words that must never be seen outside the secret files.
const HOOK_SECRET: &str = "hook-secret-never-to-be-seen";
const SMTP_PASSWORD: &str = "smtp-password-never-to-be-seen";

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Its answer as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }

    /// Insists on success.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// How a house is to be.
pub struct Plan {
    /// Name and mode of each shop.
    pub shops: &'static [(&'static str, &'static str)],
    /// Seeds the shops and the mail server.
    pub seed: u64,
    /// On PostgreSQL, if there is one.
    pub postgres: bool,
    /// Seconds between two looks for orders.
    pub poll: u32,
    /// More of `banto.toml`.
    pub more: &'static str,
    /// More of each channel's file.
    pub channel_more: &'static str,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            shops: &[("honten", "live"), ("kyoto", "live")],
            seed: 1,
            postgres: false,
            poll: 1,
            more: "",
            channel_more: "",
        }
    }
}

/// See the module.
pub struct House {
    pub shops: BTreeMap<String, Arc<FakeShop>>,
    pub sink: SmtpSink,
    pub port: u16,
    pub dir: TempDir,
    database: Option<Fresh>,
    store_url: String,
}

/// A port of our own, outside the range from which the system gives out ports by itself, so that nobody takes it
/// while the daemon is down.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 12_000 + u16::try_from(std::process::id() % 300).unwrap() * 64;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 1000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl House {
    /// Opens shops and mail server and writes the config. `None` if it is to stand on PostgreSQL and there is none.
    pub async fn open(plan: Plan) -> Option<Self> {
        let database = if plan.postgres { Some(Fresh::empty_postgres().await?) } else { None };
        let dir = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite:{}", dir.path().join("state/banto.db").display());
        fs::create_dir(dir.path().join("state")).unwrap();
        let mut house = Self {
            shops: BTreeMap::new(),
            sink: SmtpSink::start(plan.seed, SinkRates::default()).await.unwrap(),
            port: port(),
            store_url: database.as_ref().map_or(sqlite, |d| d.url.clone()),
            dir,
            database,
        };
        for folder in ["channels", "secrets", "mails"] {
            fs::create_dir(house.dir.path().join(folder)).unwrap();
        }
        house.write_house(plan.more);
        for (at, (name, mode)) in plan.shops.iter().enumerate() {
            house.open_shop((name, mode), plan.seed * 100 + at as u64, (plan.poll, plan.channel_more)).await;
        }
        Some(house)
    }

    /// A house on SQLite.
    pub async fn on_sqlite(plan: Plan) -> Self {
        Self::open(plan).await.unwrap()
    }

    async fn open_shop(&mut self, (name, mode): (&str, &str), seed: u64, more: (u32, &str)) {
        let clock = Arc::new(SystemClock::new(Duration::ZERO));
        let config = FakeConfig {
            products: goods::products(),
            consumer_key: format!("ck_never_to_be_seen_{seed:020}"),
            consumer_secret: format!("cs_never_to_be_seen_{seed:020}"),
            ..FakeConfig::new(seed, clock)
        };
        self.secret(&format!("{name}.key"), &config.consumer_key);
        self.secret(&format!("{name}.secret"), &config.consumer_secret);
        self.secret(&format!("{name}.hooks"), HOOK_SECRET);
        let shop = FakeShop::start(config).await.unwrap();
        self.write_channel((name, mode), shop.url(), more);
        self.shops.insert(name.to_owned(), Arc::new(shop));
    }

    /// Writes the file of a channel.
    pub fn write_channel(&self, (name, mode): (&str, &str), url: &str, (poll, more): (u32, &str)) {
        let text = format!(
            r#"kind = "woocommerce"
mode = "{mode}"

[connector]
url = "{url}"
consumer_key_file = "secrets/{name}.key"
consumer_secret_file = "secrets/{name}.secret"
webhook_secret_file = "secrets/{name}.hooks"

[orders]
poll_seconds = {poll}

[mail]
received = "us"
paid = "us"
shipped = "us"
cancelled = "us"

[guard]
zeros_min = 8

{more}"#
        );
        fs::write(self.dir.path().join(format!("channels/{name}.toml")), text).unwrap();
    }

    fn write_house(&self, more: &str) {
        self.secret("store.url", &self.store_url);
        self.secret("smtp.password", SMTP_PASSWORD);
        let (port, smtp) = (self.port, self.sink.addr.port());
        let text = format!(
            r#"[store]
url_file = "secrets/store.url"

[shop]
name = "番頭商店"

[web]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"

[mail]
from = "shop@example.test"
host = "127.0.0.1"
port = {smtp}
tls = "none"
username = "shop"
password_file = "secrets/smtp.password"

{more}"#
        );
        fs::write(self.dir.path().join("banto.toml"), text).unwrap();
    }

    /// Writes a file that only banto may read.
    pub fn secret(&self, name: &str, text: &str) {
        let path = self.dir.path().join("secrets").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The secret that webhooks are signed with.
    pub const fn hook_secret() -> &'static str {
        HOOK_SECRET
    }

    /// One shop.
    pub fn shop(&self, name: &str) -> &Arc<FakeShop> {
        &self.shops[name]
    }

    /// Switches the usual faults of shops and mail server on or off.
    pub fn set_faults(&self, on: bool) {
        for shop in self.shops.values() {
            use banto_sim::Market as _;
            shop.faults().set_rates(if on { FaultRates::usual() } else { FaultRates::default() });
        }
        self.sink.set_rates(if on { SinkRates::usual() } else { SinkRates::default() });
    }

    /// Runs a command and waits for it.
    pub async fn banto(&self, words: &[&str]) -> Said {
        let run = banto(self.dir.path()).args(words).output();
        let run = tokio::time::timeout(Duration::from_secs(60), run).await;
        let output = run.unwrap_or_else(|_| panic!("{words:?} does not end")).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = Said {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        self.no_secret_in(&format!("{words:?}"), &format!("{}{}", said.out, said.err));
        said
    }

    /// Makes the schema and brings the catalogue in.
    pub async fn stock_up(&self) {
        self.banto(&["migrate"]).await.ok();
        let file = self.dir.path().join("goods.csv");
        fs::write(&file, goods::catalogue()).unwrap();
        self.banto(&["items", "import", &file.display().to_string()]).await.ok();
    }

    /// Starts the daemon and waits until it is ready.
    pub async fn start(&self) -> Daemon {
        let mut daemon = self.spawn();
        daemon.ready().await;
        daemon
    }

    /// Starts the daemon and does not wait.
    pub fn spawn(&self) -> Daemon {
        Daemon::spawn(self.dir.path(), self.port, &self.log_path())
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("daemon.log")
    }

    /// All that the daemon said so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The store, opened beside the daemon.
    pub async fn store(&self) -> Store {
        Store::open(&self.store_url).await.unwrap()
    }

    /// `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        if self.database.is_some() { "postgres" } else { "sqlite" }
    }

    /// Insists that no secret stands in a text.
    pub fn no_secret_in(&self, what: &str, text: &str) {
        let found = text.find("never-to-be-seen").or_else(|| text.find("never_to_be_seen"));
        if let Some(at) = found {
            let from = text[..at].char_indices().rev().nth(120).map_or(0, |(i, _)| i);
            panic!("{what} shows a secret: …{}", &text[from..at + 16]);
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let log = self.log();
        if std::thread::panicking() {
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("the daemon's last words:");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        } else {
            self.no_secret_in("the daemon's log", &log);
        }
    }
}

/// Waits until it is so; the test fails when that takes too long.
pub async fn eventually(what: &str, most: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(most, waiting).await.is_ok(), "not within {most:?}: {what}");
}

/// Longest that things may stand still while something is wrong: what was claimed is free again and what failed is due
/// within this.
const STILL_MAX: Duration = Duration::from_secs(150);
/// Longest that things may move without coming to rest.
const MOVING_MAX: Duration = Duration::from_secs(900);

/// Waits until nothing is wrong any more. How long that takes is the machine's affair: the test fails when what is wrong
/// stays the same, or changes for ever.
pub async fn settled(mut wrong: impl AsyncFnMut() -> Vec<String>) {
    let began = Instant::now();
    let (mut last, mut moved) = (Vec::new(), began);
    loop {
        let Ok(now) = tokio::time::timeout(STILL_MAX, wrong()).await else {
            panic!("what is wrong cannot be asked");
        };
        if now.is_empty() {
            return;
        }
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        assert!(
            moved.elapsed() < STILL_MAX && began.elapsed() < MOVING_MAX,
            "after {:?}, {:?} without a change, {} things are wrong, the first of them:\n{}",
            began.elapsed(),
            moved.elapsed(),
            last.len(),
            last[..last.len().min(10)].join("\n")
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
