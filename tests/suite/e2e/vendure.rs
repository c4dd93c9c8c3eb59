//! The program beside a real Vendure (`tests/vendure/run`) and a shop that sells the same goods: killed again and
//! again while buyers buy and staff ship, it has every order once, tells every buyer once, makes every parcel once at
//! the shop, and the numbers of both shops are right.

mod ends;
#[path = "../../vendure/shop.rs"]
mod shop;
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use banto::store::{OrderRow, Store};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::first_day::buy;
use super::house::{eventually, settled};
use super::kills::{Struck, seed};
use super::process::Daemon;
use super::truth::orders_of;
use ends::Shelf;
use stage::{Bought, OTHER, REAL, SOLD, Stage};

const KILLS: u64 = 12;
const SOON: Duration = Duration::from_secs(30);
/// What a delivery brings of everything that both shops sell.
const DELIVERY: i64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn killed_beside_a_real_vendure() {
    let seed = seed();
    let Some(stage) = Stage::open(seed).await else {
        eprintln!("SKIP: BANTO_TEST_VENDURE is not set");
        return;
    };
    let house = &stage.house;
    house.banto(&["migrate"]).await.ok();
    house.banto(&["check"]).await.ok();
    house.stock_up().await;
    let daemon = house.start().await;
    let opening: Vec<i64> = SOLD.iter().map(|good| good.3).collect();
    eventually("the real shop shows the house's numbers", SOON, async || {
        let shelves = stage.shelves().await;
        SOLD.iter().map(|good| shelves[good.0].on_hand).eq(opening.iter().copied())
    })
    .await;
    // Buyers of orders from before the channel went live get no mail; the other shop knows whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let open = Arc::new(AtomicBool::new(true));
    let buyers = tokio::spawn(buyers(&stage, seed, Arc::clone(&open)));
    let store = house.store().await;
    let (mut daemon, struck, deliveries) = kill_again_and_again(&stage, &store, daemon, seed).await;
    open.store(false, Ordering::SeqCst);
    buyers.await.unwrap();
    daemon.ready().await;
    stage.till.sell(&mut StdRng::seed_from_u64(seed ^ 2)).await;
    settled(async || stage.wrong(&store, deliveries * DELIVERY).await).await;
    daemon.stop().await;

    stage.insist_on_mails(&store).await;
    house.banto(&["stock", "verify"]).await.ok();
    house.banto(&["doctor"]).await.ok();
    let uncertain = store.mails(Some("uncertain"), 10_000).await.unwrap().len();
    let (sales, mails) = (stage.till.sales(), house.sink.count());
    let parcels: usize = sales.values().map(|b| b.parcels.len()).sum();
    let drift: Vec<i64> = stage.shelves().await.values().map(Shelf::drift).collect();
    eprintln!(
        "{KILLS} kills, {} orders at the real shop, {parcels} parcels, {mails} mails, {uncertain} more uncertain; \
         {struck:?}; the shop's own counts of allocated units are off by {drift:?}",
        sales.len()
    );
    let lives = house.log().matches("banto is up").count() as u64;
    assert_eq!(lives, KILLS + 1, "every kill hit a daemon at its work");
    assert!(struck.claims > KILLS / 4, "hardly any kill left a claim behind: {struck:?}");
    assert!(sales.len() as u64 > 2 * KILLS, "hardly any trade: {} orders", sales.len());
    store.close().await;
}

/// Kills the daemon in the middle of its work, [`KILLS`] times; the one that was started
/// last, what was hit, and how many deliveries came in.
async fn kill_again_and_again(
    stage: &Stage,
    store: &Store,
    mut daemon: Daemon,
    seed: u64,
) -> (Daemon, Struck, i64) {
    let staff = Staff { stage, store };
    let mut rng = StdRng::seed_from_u64(seed ^ 1);
    let (mut struck, mut deliveries) = (Struck::default(), 0);
    for round in 0..KILLS {
        daemon.ready().await;
        struck.working += 1;
        let order = staff.wait_for(to_ship).await;
        let tracking = staff.ship_one(&order).await;
        deliveries += staff.second_deed(round).await;
        if round % 3 == 0 {
            // The worst moment: the shop has the parcel, and banto has perhaps not noted that.
            let told = async || stage.has_parcel(&order, &tracking).await;
            eventually("the shop has the parcel", SOON, told).await;
        } else {
            tokio::time::sleep(Duration::from_millis(rng.random_range(50..1500))).await;
        }
        daemon.kill().await;
        struck.look(store).await;
        // Somebody buys, and a parcel leaves the house, while it is dead.
        stage.till.sell(&mut rng).await;
        if let Some(order) = staff.pick(to_ship).await.filter(|_| round % 4 == 1) {
            staff.ship_one(&order).await;
        }
        daemon = stage.house.spawn();
    }
    (daemon, struck, deliveries)
}

/// A paid order of several units, of which one may leave.
fn to_ship(row: &OrderRow, bought: &Bought) -> bool {
    bought.untouched() && bought.units() > 1 && row.payment == "paid"
}

/// Buyers at both shops, until these are closed.
fn buyers(stage: &Stage, seed: u64, open: Arc<AtomicBool>) -> impl Future<Output = ()> + use<> {
    let (till, other) = (stage.till.clone(), Arc::clone(stage.house.shop(OTHER)));
    let mut rng = StdRng::seed_from_u64(seed);
    async move {
        while open.load(Ordering::SeqCst) {
            till.sell(&mut rng).await;
            buy(&other, SOLD[rng.random_range(0..SOLD.len())].0, 1, true);
        }
    }
}

/// The people of the house, who type commands, and those of the real shop.
struct Staff<'a> {
    stage: &'a Stage,
    store: &'a Store,
}

impl Staff<'_> {
    /// The oldest order in the book that fits.
    async fn pick(&self, fits: impl Fn(&OrderRow, &Bought) -> bool) -> Option<String> {
        let sales = self.stage.till.sales();
        let mut rows: Vec<_> = orders_of(self.store, REAL).await.into_values().collect();
        rows.sort_by_key(|row| row.id);
        let fitting = |row: &OrderRow| sales.get(&row.remote_id).is_some_and(|bought| fits(row, bought));
        Some(rows.into_iter().find(fitting)?.remote_id)
    }

    /// The same, once somebody has bought such a thing and the daemon knows.
    async fn wait_for(&self, fits: impl Fn(&OrderRow, &Bought) -> bool + Copy) -> String {
        let mut found = None;
        eventually("an order that fits is in the book", SOON, async || {
            found = self.pick(fits).await;
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    async fn say(&self, order: &str, deed: &str, more: &[&str]) {
        let order = format!("{REAL}/{order}");
        let words: Vec<&str> = ["orders", deed, &order].into_iter().chain(more.iter().copied()).collect();
        self.stage.house.banto(&words).await.ok();
    }

    /// One unit of the first line leaves the house; the tracking number.
    async fn ship_one(&self, order: &str) -> String {
        self.ship(order, 1, &["--line", "1=1"]).await
    }

    async fn ship(&self, order: &str, units: i64, more: &[&str]) -> String {
        let parcels = self.stage.till.sales()[order].parcels.len();
        let tracking = format!("4212-{order}-{}", parcels + 1);
        let words = ["--carrier", "ヤマト運輸", "--tracking", &tracking];
        self.say(order, "ship", &[&words[..], more].concat()).await;
        self.stage.till.note(order, |b| b.parcels.push((tracking.clone(), units)));
        tracking
    }

    /// Whatever else there is to do; how many deliveries came in.
    async fn second_deed(&self, round: u64) -> i64 {
        match round % 5 {
            0 => self.cancel().await,
            1 => self.ship_the_rest().await,
            2 => self.take_money().await,
            3 => self.cancel_at_the_shop().await,
            _ => return self.take_delivery().await,
        }
        0
    }

    async fn cancel(&self) {
        let order = self.wait_for(|_, b| b.untouched()).await;
        self.say(&order, "cancel", &["--reason", "お客様のご都合"]).await;
        self.stage.till.note(&order, |b| b.cancelled = true);
    }

    async fn ship_the_rest(&self) {
        let order = self.wait_for(|_, b| b.parcels.len() == 1).await;
        let bought = &self.stage.till.sales()[&order];
        self.ship(&order, bought.units() - bought.shipped(), &[]).await;
    }

    async fn take_money(&self) {
        let order = self.wait_for(|_, b| b.untouched() && b.by_transfer).await;
        self.say(&order, "pay", &[]).await;
        self.stage.till.note(&order, |b| b.paid = true);
    }

    async fn cancel_at_the_shop(&self) {
        let order = self.wait_for(|_, b| b.untouched()).await;
        let query = "mutation ($i: CancelOrderInput!) { cancelOrder(input: $i) {
            ... on ErrorResult { errorCode message } } }";
        let input = json!({"i": {"orderId": order, "cancelShipping": true}});
        self.stage.till.shop.admin.clone().act(query, input).await;
        self.stage.till.note(&order, |b| b.cancelled = true);
    }

    async fn take_delivery(&self) -> i64 {
        let quantity = DELIVERY.to_string();
        for (code, ..) in SOLD {
            self.stage.house.banto(&["stock", "receive", code, &quantity]).await.ok();
        }
        1
    }
}
