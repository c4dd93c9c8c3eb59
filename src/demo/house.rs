//! The demo's house: a catalogue with variations and sets, the shops that sell it, and a config folder as a merchant
//! would write it.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use banto_channel::Clock;
use banto_sim::market::Market;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::task::JoinHandle;

use super::Demo;
use super::shops::{self, Good, SHOPS, Shop};
use crate::config::Config;
use crate::daemon::{Current, Daemon};
use crate::domain::people::{Language, Role};
use crate::keys;
use crate::lifecycle::{ExitReason, Lifecycle};
use crate::mail::{SinkRates, SmtpSink};
use crate::sheet;
use crate::store::{Import, NewPerson, PersonAt, PersonChange, Store};
use crate::web::Metrics;
use crate::web::screen::Desk;

/// Simple goods: code, name, JAN, price in yen, reduced tax, opening stock.
const GOODS: [(&str, &str, &str, i64, bool, i64); 8] = [
    ("TEA-01", "煎茶 100g", "4901234567894", 1080, true, 4000),
    ("TEA-02", "ほうじ茶 100g", "4901234567900", 864, true, 3000),
    ("TEA-03", "玄米茶 200g", "4901234567917", 972, true, 120),
    ("CUP-01", "湯呑 青", "4901234567924", 2200, false, 1500),
    ("CUP-02", "湯呑 白", "4901234567931", 2200, false, 60),
    ("POT-01", "急須 常滑焼", "4901234567948", 6600, false, 400),
    ("CLOTH-01", "ふきん 髙島縮 ①", "4901234567955", 550, false, 2200),
    ("BOX-01", "桐箱", "4901234567962", 1320, false, 900),
];

/// Colours of the one product with variations; each is an item of its own.
const SHIRTS: [(&str, &str, i64); 3] =
    [("NOREN-R", "紅", 600), ("NOREN-B", "藍", 600), ("NOREN-G", "緑", 30)];

/// Sets: code, name, price, components as the catalogue file writes them.
const SETS: [(&str, &str, i64, &str); 2] =
    [("SET-01", "お茶セット", 4180, "TEA-01*2+CUP-01*1"), ("SET-02", "夫婦湯呑", 4400, "CUP-01*1+CUP-02*1")];

/// The offer that is three of an item under a code of its own, which a person has to map.
const BUNDLE: (&str, &str, i64) = ("TEA01-3P", "煎茶 3本組", 3000);

/// How often the tool of a marketplace that is a folder imports and exports.
const TOOL_EVERY: Duration = Duration::from_millis(500);

/// The house of the demo: shops of every kind, a mail server that keeps what it gets, and the daemon. Those who trade
/// in it themselves, rather than let [`Demo::run`] do it, open and start one.
pub struct House {
    pub(super) shops: Vec<Shop>,
    pub(super) sink: SmtpSink,
    pub(super) store: Store,
    pub(super) current: Current,
    pub(super) life: Lifecycle,
    address: SocketAddr,
    daemon: Option<Daemon>,
}

impl House {
    /// Starts shops and mail server, writes the config, imports the catalogue, and builds the daemon. Nothing plays a
    /// fault yet.
    ///
    /// Errors: whatever keeps a part from starting.
    pub async fn open(demo: &Demo, dir: &Path, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let sink = SmtpSink::start(demo.seed, SinkRates::default()).await?;
        fs::create_dir_all(dir.join("channels"))?;
        fs::create_dir_all(dir.join("secrets"))?;
        let (goods, mut shops) = (goods(), Vec::new());
        for (n, plan) in SHOPS.iter().enumerate() {
            let seed = demo.seed.wrapping_mul(31).wrapping_add(n as u64);
            shops.push(shops::open(plan, seed, clock, &goods, dir).await?);
        }
        write_house(dir, sink.addr.port())?;
        let config = Config::load(dir).map_err(|errors| {
            anyhow::anyhow!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })?;
        let store = Store::open(config.store_url()?.expose()).await?;
        store.migrate().await?;
        import(&store, &config, clock.as_ref()).await?;
        let life = Lifecycle::new();
        // A recorder of its own: another demo in the same process must not be in the way.
        let metrics = Metrics::of(PrometheusBuilder::new().build_recorder().handle());
        let daemon = Daemon::start(config, store.clone(), life.clone(), metrics).await?;
        let (current, address) = (daemon.current().clone(), daemon.address());
        for running in &current.app().channels {
            running.signals.keep_propagation();
        }
        Ok(Self { shops, sink, store, current, life, address, daemon: Some(daemon) })
    }

    /// Where the screen is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store, open beside the daemon's own use of it.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The mail server.
    #[must_use]
    pub const fn sink(&self) -> &SmtpSink {
        &self.sink
    }

    /// The side of a shop that its buyers and its own staff see.
    #[must_use]
    pub fn market(&self, shop: &str) -> Option<&dyn Market> {
        self.shops.iter().find(|s| s.name == shop).map(|s| s.market.as_ref())
    }

    /// Every shop, from the same side.
    #[must_use]
    pub fn markets(&self) -> Vec<Arc<dyn Market>> {
        self.shops.iter().map(|shop| Arc::clone(&shop.market)).collect()
    }

    /// What the screen's pages have at hand.
    #[must_use]
    pub fn desk(&self) -> Desk {
        Desk::new(Arc::new(self.current.clone()), self.life.soft())
    }

    /// Has the daemon stop; the handle that [`House::start`] gave tells when it has.
    pub fn stop(&self) {
        self.life.stop("the house closes");
    }

    /// Makes the owner, who may look at the screen; gives name and password. The password is of this run alone, since
    /// others on the machine reach the screen, too. One that an earlier run has left in a folder that is kept gets it as
    /// well.
    ///
    /// Errors: the store's.
    pub async fn make_owner(&self) -> anyhow::Result<(&'static str, String)> {
        let (store, now) = (&self.store, self.current.app().clock.now());
        let password = keys::readable_code();
        let hash = keys::hash_password(password.clone()).await?;
        if let Some(there) = store.person_called(OWNER).await? {
            let who = PersonAt { id: there.id, version: None };
            let change = PersonChange::Password { hash: &hash, keep: None };
            store.change_person(who, &change, "demo", now).await?;
            return Ok((OWNER, password));
        }
        let (full_name, language) = ("番頭デモ", Language::default());
        let new = NewPerson { name: OWNER, full_name, password: &hash, role: Role::Owner, language };
        store.add_person(&new, "demo", now).await?;
        Ok((OWNER, password))
    }

    /// Lets the daemon run, and the tools of marketplaces that are folders.
    pub fn start(&mut self, dir: &Path) -> JoinHandle<Option<ExitReason>> {
        for tool in self.shops.iter().filter_map(|shop| shop.tool.clone()) {
            let stop = self.life.soft();
            tokio::spawn(async move {
                while !stop.is_cancelled() {
                    if let Err(error) = tool.tick() {
                        tracing::warn!(error = %error, "the demo's folder");
                    }
                    tokio::time::sleep(TOOL_EVERY).await;
                }
            });
        }
        let (daemon, dir) = (self.daemon.take(), dir.to_owned());
        tokio::spawn(async move {
            match daemon {
                Some(daemon) => Some(daemon.run(&dir, None).await),
                None => None,
            }
        })
    }

    /// Does what a merchant does once: says that the offer of three is three of an item.
    ///
    /// Errors: the store's; a shop's offers did not come in within `most`.
    pub async fn map_bundles(&self, most: Duration) -> anyhow::Result<()> {
        let waiting = async {
            for running in &self.current.app().channels {
                let name = running.channel.name.as_str();
                let listing = loop {
                    let unmapped = self.store.listings_unmapped().await?;
                    let found = unmapped.iter().find(|l| l.channel == name && l.row.title == BUNDLE.1);
                    if let Some(listing) = found {
                        break listing.row.remote_id.clone();
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                };
                let three_of = (GOODS[0].0, 3);
                self.store.map_listing((name, &listing), three_of, "demo", running.channel.now()).await?;
                running.signals.look_at_all();
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(most, waiting).await.context("a shop's offers did not come in")?
    }

    /// Has every shop's numbers be read back and compared.
    pub(super) fn recheck(&self) {
        for running in &self.current.app().channels {
            running.signals.read_offers_now();
        }
    }

    /// Waits until nothing is left to do; says what is when that takes too long.
    ///
    /// Errors: the store's.
    pub async fn at_rest(&self, most: Duration, look: Duration) -> anyhow::Result<Option<String>> {
        let began = tokio::time::Instant::now();
        loop {
            let unfinished = super::report::unfinished(self).await?;
            if unfinished.is_none() || began.elapsed() > most {
                return Ok(unfinished);
            }
            tokio::time::sleep(look).await;
        }
    }
}

/// Who looks at the demo's screen.
const OWNER: &str = "demo";

/// What every shop sells.
fn goods() -> Vec<Good> {
    let simple = |code: &str, title: &str, jan: &str, yen: i64, reduced_tax: bool, stock: i64| Good {
        code: code.to_owned(),
        title: title.to_owned(),
        variation: None,
        jan: jan.to_owned(),
        yen,
        reduced_tax,
        stock,
    };
    let plain = GOODS
        .iter()
        .map(|(code, name, jan, yen, reduced, stock)| simple(code, name, jan, *yen, *reduced, *stock));
    let noren = SHIRTS.iter().map(|(code, colour, stock)| Good {
        variation: Some(("のれん".to_owned(), (*colour).to_owned())),
        ..simple(code, &format!("のれん {colour}"), "", 3300, false, *stock)
    });
    let sets = SETS.iter().map(|(code, name, yen, _)| simple(code, name, "", *yen, false, 1));
    let bundle = simple(BUNDLE.0, BUNDLE.1, "", BUNDLE.2, true, 1);
    plain.chain(noren).chain(sets).chain([bundle]).collect()
}

fn write_house(dir: &Path, smtp_port: u16) -> anyhow::Result<()> {
    // Webhooks need the address before anything listens on it: take a free port and let go of it.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let text = format!(
        r#"[store]
url = "sqlite:{}"

[shop]
name = "番頭商店"

[web]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
webhooks_private = true

[mail]
from = "shop@example.test"
host = "127.0.0.1"
port = {smtp_port}
tls = "none"
alert_to = "owner@example.test"
"#,
        dir.join("banto.db").display()
    );
    fs::write(dir.join("banto.toml"), text)?;
    Ok(())
}

/// The catalogue as a file, through the same door as a merchant's.
fn catalogue() -> String {
    let mut csv = String::from("code,name,jan,price,tax_rate,stock,components\n");
    for (code, name, jan, yen, reduced, stock) in GOODS {
        let tax = if reduced { 8 } else { 10 };
        let _ = writeln!(csv, "{code},{name},{jan},{yen},{tax},{stock},");
    }
    for (code, colour, stock) in SHIRTS {
        let _ = writeln!(csv, "{code},のれん {colour},,3300,10,{stock},");
    }
    for (code, name, yen, parts) in SETS {
        let _ = writeln!(csv, "{code},{name},,{yen},10,,{parts}");
    }
    csv
}

async fn import(store: &Store, config: &Config, clock: &dyn Clock) -> anyhow::Result<()> {
    let now = clock.now();
    let locations: Vec<(String, String)> =
        config.shop.locations.iter().map(|l| (l.code.clone(), l.name.clone())).collect();
    let mut write = store.write().await?;
    let location = write.ensure_locations(&locations).await?.first().context("the demo has a location")?.id;
    write.commit().await?;
    let sheet = sheet::items(catalogue().as_bytes(), &config.shop.currency)
        .map_err(|remark| anyhow::anyhow!("the demo's catalogue: {remark:?}"))?;
    let import = Import {
        currency: &config.shop.currency,
        location,
        skip_bad: false,
        dry_run: false,
        source: "the demo's catalogue",
        actor: "demo",
        now,
    };
    let imported = store.import_items(&sheet.lines, &import).await?;
    if !imported.written {
        bail!("the demo's catalogue was not taken: {:?} {:?}", sheet.faults, imported.plan.faults);
    }
    Ok(())
}
