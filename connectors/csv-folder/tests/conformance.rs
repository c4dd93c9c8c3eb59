//! The suite that every connector runs, against the fake marketplace and its folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Capabilities, Connector, Cursor, Cx, Error, ErrorKind, IdempotencyKey, ListingId, Notice, Outcome, Page,
    ProbeReport, Read, RemoteLine, RemoteOffer, RemoteOrder, RemoteOrderId, Result, StockItem, Timestamp,
};
use banto_conformance::Fixture;
use banto_csv_folder::fake::{FakeConfig, FakeEncoding, FakeFolder, FakeStock};
use banto_sim::{Fault, FaultRates, Market, SimClock, Trade, TradeRates};
use tempfile::TempDir;

/// What a folder of files has no counterpart for.
const SKIP: &[(&str, &str)] = &[
    (
        "bad_credentials_fail_the_probe_with_auth",
        "a folder has no credentials; that missing rights are told as Auth is tested beside the calls",
    ),
    (
        "credentials_refused_in_mid_run_are_auth_and_then_it_goes_on",
        "a folder has no credentials; rights cannot be taken from a test that runs as root",
    ),
    ("no_secret_is_shown", "the connector has no secret"),
    ("too_many_requests_is_waited_out_or_says_how_long", "files know no rate limit"),
    ("a_refused_call_is_an_error_of_its_kind", "files have no status codes"),
    (
        "a_notice_about_an_unknown_order_is_refused",
        "whoever imports the file answers nothing; the daemon tells only of orders that came from here",
    ),
];

/// The same, where files are CP932.
const SKIP_CP932: &[(&str, &str)] = &{
    let [a, b, c, d, e, f] = [SKIP[0], SKIP[1], SKIP[2], SKIP[3], SKIP[4], SKIP[5]];
    [
        a,
        b,
        c,
        d,
        e,
        f,
        (
            "buyers_and_addresses_come_whole",
            "CP932 cannot hold some of these names, and the tool writes ? for them",
        ),
    ]
};

/// The connector on a machine with troubles: each fault strikes the call that is being made.
///
/// `Reset` and 5xx: the share is away for that call. `LostAnswer`: the daemon crashes before it has the answer. `Torn`,
/// `Html` and `Huge`: a broken file came in just before.
#[derive(Debug)]
struct Troubled {
    inner: Arc<dyn Connector>,
    fake: Arc<FakeFolder>,
}

impl Troubled {
    async fn strike<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.fake.faults().for_call() {
            Some(Fault::Reset | Fault::Status { code: 500.., .. }) => {
                self.fake.unmount().unwrap();
                let answer = call.await;
                self.fake.mount().unwrap();
                answer
            }
            Some(Fault::LostAnswer) => {
                let lost = Error::new(ErrorKind::Unreachable, "the daemon crashed before it had the answer");
                call.await.and(Err(lost))
            }
            Some(fault @ (Fault::Torn | Fault::Html | Fault::Huge(_))) => {
                self.fake.leave_broken(&fault).unwrap();
                call.await
            }
            _ => call.await,
        }
    }
}

#[async_trait]
impl Connector for Troubled {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self, cx: &Cx) -> Result<ProbeReport> {
        self.strike(self.inner.probe(cx)).await
    }

    async fn pull_orders(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<Read>> {
        self.strike(self.inner.pull_orders(cx, after)).await
    }

    fn cursor_made_at(&self, cursor: &Cursor) -> Option<Timestamp> {
        self.inner.cursor_made_at(cursor)
    }

    async fn push_stock(&self, cx: &Cx, items: &[StockItem]) -> Result<Vec<Outcome>> {
        // What a marketplace would refuse is an offer that it no longer has.
        let gone: Vec<ListingId> = items.iter().map(|item| item.listing.clone()).collect();
        let gone: Vec<ListingId> = gone.into_iter().filter(|l| self.fake.faults().refuses(l)).collect();
        gone.iter().for_each(|listing| self.fake.withdraw(listing, true).unwrap());
        let answer = self.strike(self.inner.push_stock(cx, items)).await;
        gone.iter().for_each(|listing| self.fake.withdraw(listing, false).unwrap());
        answer
    }

    async fn notify_order(
        &self,
        cx: &Cx,
        order: &RemoteOrderId,
        notice: &Notice,
        key: &IdempotencyKey,
    ) -> Result<Outcome> {
        self.strike(self.inner.notify_order(cx, order, notice, key)).await
    }

    async fn list_offers(&self, cx: &Cx, after: Option<&Cursor>) -> Result<Page<RemoteOffer>> {
        self.strike(self.inner.list_offers(cx, after)).await
    }

    async fn read_stock(&self, cx: &Cx, listings: &[ListingId]) -> Result<Vec<(ListingId, i64)>> {
        self.strike(self.inner.read_stock(cx, listings)).await
    }
}

struct Opened {
    fake: Arc<FakeFolder>,
    connector: Arc<dyn Connector>,
    clock: Arc<SimClock>,
    dir: TempDir,
}

fn open(change: fn(&mut FakeConfig)) -> Opened {
    let (clock, dir) = (SimClock::usual(), TempDir::new().unwrap());
    let folder = dir.path().join("shop");
    std::fs::create_dir(&folder).unwrap();
    let mut config = FakeConfig::new(&folder, clock.clone());
    change(&mut config);
    let fake = FakeFolder::open(config).unwrap();
    let table = toml::from_str(&fake.connector_table()).unwrap();
    let none = |_: &str| Err(Error::new(ErrorKind::Config, "there are no secrets"));
    let connector = banto_csv_folder::build(&table, &none).unwrap();
    Opened { fake, connector, clock, dir }
}

fn fixture(change: fn(&mut FakeConfig), skip: &'static [(&'static str, &'static str)]) -> Fixture {
    let Opened { fake, connector, clock, dir } = open(change);
    let (odd, tool) = (Arc::clone(&fake), Arc::clone(&fake));
    let troubled = Troubled { inner: connector, fake: Arc::clone(&fake) };
    let basket = "a basket that is no order";
    Fixture {
        skip,
        odd: Some(Box::new(move || {
            let placed = odd.place_odd_orders().unwrap().into_iter();
            placed.filter(|odd| odd.name != basket).map(|odd| odd.id).collect()
        })),
        hold: Some(Box::new(dir)),
        ..Fixture::new(Arc::new(troubled), fake, clock.cx(), move |by| {
            clock.advance(by);
            tool.tick().unwrap();
        })
    }
}

/// What became of an odd order, in one line.
fn told(read: &Read) -> String {
    let order = match read {
        Read::Unreadable { reason, .. } => return format!("unreadable: {reason}"),
        Read::Order(order) => order,
    };
    let count = |of: fn(&RemoteLine) -> i64| order.lines.iter().map(of).sum::<i64>();
    let sound = match order.totals.sum() == Some(order.totals.grand) {
        true => "adds up",
        false => "does not add up",
    };
    let wait = order.wait.as_ref().map(|why| format!("; wait: {why}")).unwrap_or_default();
    let unknowns: String = order.unknowns.iter().map(|why| format!("; {why}")).collect();
    format!(
        "{:?} {:?}, {} lines of {} units, {} cancelled, {} returned, {} {} {sound}, {} refunded, {} parcels{wait}{unknowns}",
        order.payment,
        order.fulfilment,
        order.lines.len(),
        count(|line| line.quantity),
        count(|line| line.cancelled),
        count(|line| line.returned),
        order.totals.grand.to_decimal(&order.currency),
        order.currency,
        order.totals.refunded.0,
        order.shipments.len(),
    )
}

#[tokio::test]
async fn odd_orders_are_told_as_what_they_are() {
    let Opened { fake, connector, clock, dir: _dir } = open(|_| ());
    let placed = fake.place_odd_orders().unwrap();
    let (mut reads, mut cursor) = (Vec::new(), None);
    loop {
        let page = connector.pull_orders(&clock.cx(), cursor.as_ref()).await.unwrap();
        reads.extend(page.items);
        cursor = Some(page.next);
        if !page.more {
            break;
        }
    }
    let id = |read: &Read| match read {
        Read::Order(order) => Some(order.id.clone()),
        Read::Unreadable { id, .. } => id.clone(),
    };
    let mut lines: Vec<String> = Vec::new();
    for odd in placed {
        let found = reads.iter().position(|read| id(read).as_ref() == Some(&odd.id));
        let told =
            found.map_or_else(|| "not there under its number".to_owned(), |at| told(&reads.remove(at)));
        lines.push(format!("{}: {told}", odd.name));
    }
    lines.extend(reads.iter().map(|read| format!("besides, {:?}: {}", id(read), told(read))));
    insta::assert_snapshot!(lines.join("\n"));
}

/// Buyers and staff trade for an hour while the tool writes in place and every fault happens; in the end every order is
/// known as it is.
#[tokio::test]
async fn an_hour_with_a_tool_that_writes_in_place() {
    let Opened { fake, connector, clock, dir: _dir } =
        open(|config| *config = FakeConfig { in_place: true, ..config.clone() }.with_offers(60));
    let market: Arc<dyn Market> = fake.clone();
    let mut trade = Trade::new(11, vec![market], TradeRates::usual());
    fake.faults().set_rates(FaultRates { torn: 150, lost_answer: 150, html: 50, ..FaultRates::usual() });
    let (mut cursor, mut known): (Option<Cursor>, BTreeMap<RemoteOrderId, RemoteOrder>) = Default::default();
    for round in 0..720 {
        if round < 600 {
            trade.step();
        }
        clock.advance(Duration::from_secs(5));
        if round % 3 == 0 {
            fake.tick().unwrap();
        }
        let page = connector.pull_orders(&clock.cx(), cursor.as_ref()).await.unwrap();
        cursor = Some(page.next);
        for read in page.items {
            if let Read::Order(order) = read {
                known.insert(order.id.clone(), *order);
            }
        }
    }
    let orders = fake.orders();
    assert!(orders.len() > 100, "{}", orders.len());
    for truth in orders {
        let told = known.get(&truth.id).unwrap();
        assert_eq!((told.fulfilment, told.totals.grand), (truth.fulfilment, truth.grand), "{}", truth.id);
    }
    assert_eq!(std::fs::read_dir(fake.folder().join("orders/reading")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_tool_that_renames_and_reads_full_files() {
    banto_conformance::run(async || fixture(|_| (), SKIP)).await.assert_ok();
}

#[tokio::test]
async fn a_tool_of_cp932_with_lines_above_the_header_that_takes_changes_away() {
    let change = |config: &mut FakeConfig| {
        config.encoding = FakeEncoding::Cp932;
        config.stock = FakeStock::Changes;
        config.preamble =
            ["受注データ一覧", "", "出力日時,2026/04/01 09:00", "件数,3件"].map(str::to_owned).to_vec();
    };
    banto_conformance::run(async || fixture(change, SKIP_CP932)).await.assert_ok();
}
