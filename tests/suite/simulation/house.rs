//! The house that is simulated: its marketplaces, its daemon's parts, and how they are begun and cut off.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use banto::channels::Channel;
use banto::channels::push::Pusher;
use banto::config::{Config, Surroundings};
use banto::domain::catalogue::Draft;
use banto::mail::Templates;
use banto::queue::QueueCx;
use banto::queue::compose::MailRoom;
use banto::queue::mail_lane::{MailLane, Post};
use banto::queue::notice_lane::NoticeLane;
use banto::store::{Import, Store};
use banto_channel::{Clock, Connector, Cx, ListingId, Money, RemoteOffer, StockBasis};
use banto_sim::{
    FaultRates, Market, NoHttp, SimClock, SimConnector, SimMarket, SimSetup, Trade, TradeRates, catalogue,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

use super::post::Letterbox;
use crate::stores::Fresh;

/// Goods in the house's catalogue; each marketplace sells all of them.
const GOODS: usize = 12;
/// Pieces of each at the start, at each location.
const OPENING: i64 = 120;
/// A set: two of the first and one of the second.
pub const SET: &str = "SET-01";
/// Three of the third good under a code that the house does not know.
pub const BUNDLE: &str = "BT3-PACK";
/// Where webhooks go.
pub const HOOK_URL: &str = "https://banto.invalid/hooks";

const HOUSE: &str = r#"
[shop]
name = "番頭商店"
locations = [{ code = "tokyo" }, { code = "osaka" }]

[mail]
from = "shop@example.test"
host = "mail.invalid"

[guard]
zeros_min = 1000
raise_factor = 1000000
"#;

/// Name and file of each channel; the connector is put in by hand.
const CHANNELS: [(&str, &str); 4] = [
    (
        "honten",
        "kind = \"woocommerce\"\nmode = \"live\"\n[orders.unpaid.sim]\nremind_days = 1\ncancel_days = 3\n",
    ),
    ("kyoto", "kind = \"woocommerce\"\nmode = \"live\"\n[stock]\nlocations = [\"osaka\"]\nbuffer = 2\n"),
    ("feed", "kind = \"woocommerce\"\nmode = \"live\"\n"),
    ("shelf", "kind = \"woocommerce\"\nmode = \"live\"\n[orders]\nreturns = \"restock\"\n"),
];

/// Worse than usual, and mostly of the kind that does what was asked and does not say so.
const WEATHER: FaultRates = FaultRates {
    html: 15,
    torn: 60,
    lost_answer: 60,
    reset: 45,
    too_many: 45,
    server_error: 45,
    ..FaultRates::usual()
};

/// A marketplace and its channel.
pub struct Stall {
    pub market: Arc<SimMarket>,
    pub connector: Arc<dyn Connector>,
    pub channel: Arc<Channel>,
    pub pusher: Pusher,
    pub notices: NoticeLane,
}

/// See the module.
pub struct House {
    pub rng: StdRng,
    pub clock: Arc<SimClock>,
    pub store: Store,
    pub stalls: Vec<Stall>,
    pub mails: MailLane,
    pub post: Arc<Letterbox>,
    /// Buyers and staff where banto can read numbers back, and where it cannot.
    pub trades: [Trade; 2],
    pub counts: BTreeMap<&'static str, u64>,
    pub seen_entry: i64,
    pub stop: CancellationToken,
    diary: VecDeque<String>,
    config: Arc<Config>,
    url: String,
    cx: Cx,
}

/// One that can be read back, one that cannot, one that answers later, one that counts what lies on the shelf.
fn setups() -> [SimSetup; 4] {
    let direct = |name: &str, seed| SimSetup { seed, offers: offers("JPY"), ..SimSetup::direct(name) };
    let mut shelf = direct("SHELF", 5);
    shelf.capabilities.stock_basis = StockBasis::Physical;
    let mut kyoto = direct("KYOTO", 4);
    (kyoto.capabilities.lists_offers, kyoto.capabilities.reads_stock_back) = (false, false);
    let feed = SimSetup { offers: offers("USD"), ..SimSetup::by_feed("FEED") };
    [direct("HONTEN", 3), kyoto, feed, shelf]
}

/// What every marketplace sells: the goods, the set, and the bundle that nobody has explained yet.
fn offers(currency: &str) -> Vec<RemoteOffer> {
    let mut offers = catalogue(1, GOODS, currency);
    let price = Some((Money(4000), currency.to_owned()));
    let offer = |id: &str, code: &str, title: &str| RemoteOffer {
        id: ListingId(id.to_owned()),
        code: Some(code.to_owned()),
        gtin: None,
        title: title.to_owned(),
        quantity: Some(5),
        price: price.clone(),
        active: true,
    };
    offers.push(offer("2001", SET, "お茶セット"));
    offers.push(offer("2002", BUNDLE, "三本組"));
    offers
}

impl House {
    /// Opens marketplaces and house.
    pub async fn open(fresh: &Fresh, seed: u64) -> Self {
        let clock = SimClock::usual();
        let config = Config::from_texts(Path::new("/nowhere"), &Surroundings::default(), HOUSE, &CHANNELS);
        let config = Arc::new(config.unwrap());
        let store = Store::open(&fresh.url).await.unwrap();
        let cx = Cx { http: Arc::new(NoHttp), clock: Arc::clone(&clock) as Arc<dyn Clock> };
        let markets =
            setups().map(|s| SimMarket::open(SimSetup { seed: seed ^ s.seed, ..s }, cx.clock.clone()));
        let post = Arc::new(Letterbox::new(seed));
        let mut stalls = Vec::new();
        for (market, (name, _)) in markets.into_iter().zip(CHANNELS) {
            market.faults().set_rates(WEATHER);
            let connector: Arc<dyn Connector> = Arc::new(SimConnector::new(Arc::clone(&market)));
            let channel = open_channel(&store, &config, name, &connector, &cx).await;
            let notices = NoticeLane::new(name, Arc::clone(&connector), cx.clone());
            stalls.push(Stall { market, connector, channel, pusher: Pusher::default(), notices });
        }
        let market = |at: usize| Arc::clone(&stalls[at].market) as Arc<dyn Market>;
        let rates = TradeRates { oversell: 2, ship: 6, ..TradeRates::usual() };
        let readable = Trade::new(seed, vec![market(0), market(3)], rates);
        // A number that somebody types where nothing can be read back is beyond anybody's knowledge.
        let blind = Trade::new(seed + 1, vec![market(1), market(2)], TradeRates { edit: 0, ..rates });
        let mut house = Self {
            rng: StdRng::seed_from_u64(seed),
            mails: mail_lane(&config, &post),
            trades: [readable, blind],
            counts: BTreeMap::new(),
            seen_entry: 0,
            stop: CancellationToken::new(),
            diary: VecDeque::new(),
            url: fresh.url.clone(),
            clock,
            store,
            stalls,
            post,
            config,
            cx,
        };
        house.stock_up().await;
        house
    }

    /// Brings the catalogue in, and the offers of marketplaces that do not list them by themselves.
    async fn stock_up(&mut self) {
        let mut drafts: Vec<Draft> = Vec::new();
        for (at, offer) in catalogue(1, GOODS, "JPY").into_iter().enumerate() {
            drafts.push(Draft {
                line: at as u64,
                code: offer.code.unwrap(),
                name: Some(offer.title),
                stock: Some(OPENING),
                ..Draft::default()
            });
        }
        let parts = BTreeMap::from([("BT-0001".to_owned(), 2), ("BT-0002".to_owned(), 1)]);
        drafts.push(Draft {
            line: 99,
            code: SET.to_owned(),
            name: Some("お茶セット".to_owned()),
            parts: Some(parts),
            ..Draft::default()
        });
        let tokyo = self.location("tokyo").await;
        let import = Import {
            currency: "JPY",
            location: tokyo.id,
            skip_bad: false,
            dry_run: false,
            source: "goods.csv",
            actor: "cli:test",
            now: self.clock.now(),
        };
        let done = self.store.import_items(&drafts, &import).await.unwrap();
        assert!(done.written, "{done:?}");
        for good in 1..=GOODS {
            self.receive(&format!("BT-{good:04}"), "osaka", OPENING).await;
        }
        for stall in self.stalls.iter().filter(|s| !s.connector.capabilities().lists_offers) {
            let unread = |o: RemoteOffer| RemoteOffer { quantity: None, ..o };
            let offers: Vec<RemoteOffer> = stall.market.offers().into_iter().map(unread).collect();
            self.store.take_offers(stall.channel.id, &offers, self.clock.now()).await.unwrap();
        }
    }

    /// What lanes share.
    pub fn queue_cx(&self) -> QueueCx {
        QueueCx { store: self.store.clone(), clock: Arc::clone(&self.cx.clock), owner: "daemon".into() }
    }

    /// The power has been cut: everything in memory is gone, and is begun again from the store.
    pub async fn begin_again(&mut self) {
        self.store = Store::open(&self.url).await.unwrap();
        for stall in &mut self.stalls {
            let name = stall.channel.name.clone();
            stall.channel = open_channel(&self.store, &self.config, &name, &stall.connector, &self.cx).await;
            stall.pusher = Pusher::default();
            stall.notices = NoticeLane::new(&name, Arc::clone(&stall.connector), self.cx.clone());
        }
        self.mails = mail_lane(&self.config, &self.post);
        // On the same machine what was left behind is taken over; another machine has to wait until it runs out.
        if self.rng.random_range(0..2_u32) == 0 {
            self.store.release_claims(|_| true, self.clock.now()).await.unwrap();
        }
    }

    /// Notes what is done, for whoever has to find out why a run failed.
    pub fn note(&mut self, what: &'static str, detail: impl FnOnce() -> String) {
        *self.counts.entry(what).or_default() += 1;
        if self.diary.len() == 60 {
            self.diary.pop_front();
        }
        self.diary.push_back(format!("{} {what} {}", self.clock.now().as_secs(), detail()));
    }

    /// The last things that were done.
    pub fn diary(&self) -> String {
        let mut text = String::new();
        for line in &self.diary {
            let _ = write!(text, "\n  {line}");
        }
        text
    }

    /// What was done, in numbers.
    pub fn summary(&self) -> String {
        let [readable, blind] = self.trades.each_ref().map(Trade::counts);
        let placed = readable.placed + blind.placed;
        let mails = self.post.kept().len();
        format!("{placed} orders, {mails} mails, {} faults; {:?}", self.faults(), self.counts)
    }

    /// Faults that were played.
    pub fn faults(&self) -> u64 {
        let markets: u64 = self.stalls.iter().map(|s| s.market.faults().played()).sum();
        markets + self.post.played()
    }
}

async fn open_channel(
    store: &Store,
    config: &Config,
    name: &str,
    connector: &Arc<dyn Connector>,
    cx: &Cx,
) -> Arc<Channel> {
    let parts = (Arc::clone(connector), Arc::clone(&cx.http), Arc::clone(&cx.clock));
    let file = config.channel(name).unwrap();
    Arc::new(Channel::open(store, config, file, parts).await.unwrap())
}

fn mail_lane(config: &Arc<Config>, post: &Arc<Letterbox>) -> MailLane {
    let templates = Arc::new(Templates::load(None).unwrap());
    let room = Arc::new(MailRoom::new(Arc::clone(config), templates));
    MailLane::new(room, Arc::clone(post) as Arc<dyn Post>)
}
