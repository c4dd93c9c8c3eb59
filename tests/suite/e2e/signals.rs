//! Stop, reload, and two of a kind.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use banto::store::JobFilter;
use banto_sim::{Market, Trade, TradeRates};

use super::first_day::{buy, shown, shows};
use super::house::{House, Plan, eventually};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_ends_in_time_and_leaves_nothing_half_done() {
    let house = House::on_sqlite(Plan { seed: 5, ..Plan::default() }).await;
    house.stock_up().await;
    house.set_faults(true);
    let daemon = house.start().await;
    let markets: Vec<Arc<dyn Market>> =
        house.shops.values().map(|s| Arc::clone(s) as Arc<dyn Market>).collect();
    let mut trade = Trade::new(5, markets, TradeRates::usual());
    for _ in 0..150 {
        trade.step();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = Instant::now();
    daemon.signal("TERM").await;
    assert_eq!(daemon.ended(Duration::from_secs(12)).await, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(11), "{:?}", asked.elapsed());
    let store = house.store().await;
    for job in store.jobs(JobFilter::default(), 0, 10_000).await.unwrap() {
        assert_ne!(job.state, "running", "a claim was left behind: {job:?}");
    }
    for mail in store.mails(None, 10_000).await.unwrap() {
        assert_ne!(mail.state, "sending", "a mail was left half-sent: {mail:?}");
    }
    store.close().await;
    house.banto(&["stock", "verify"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_takes_the_new_config_and_says_what_changed() {
    let house = House::on_sqlite(Plan { seed: 6, ..Plan::default() }).await;
    house.stock_up().await;
    let mut daemon = house.start().await;
    let honten = house.shop("honten");
    shows(honten, "POT-01", 400).await;
    let file = house.dir.path().join("channels/honten.toml");
    let old = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{old}\n[stock]\nbuffer = 25\n")).unwrap();
    daemon.signal("HUP").await;
    shows(honten, "POT-01", 375).await;
    assert_eq!(shown(house.shop("kyoto"), "POT-01"), 400, "the other shop's file is as it was");
    assert!(house.log().contains("buffer"), "the log says what changed");

    fs::write(&file, format!("{old}\n[stock]\nbufer = 30\n")).unwrap();
    daemon.signal("HUP").await;
    eventually("the refusal is told", SOON, async || house.log().contains("the old one stays in force"))
        .await;
    let log = house.log();
    let told = log.lines().find(|l| l.contains("the old one stays in force")).unwrap();
    assert!(told.contains("honten.toml") && told.contains("bufer"), "{told}");
    buy(house.shop("kyoto"), "POT-01", 10, true);
    shows(honten, "POT-01", 365).await;
    assert!(daemon.lives());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_file_is_refused() {
    let house = House::on_sqlite(Plan { seed: 7, ..Plan::default() }).await;
    house.stock_up().await;
    let mut daemon = house.start().await;
    let said = house.banto(&["run"]).await;
    assert_ne!(said.code, 0, "{said:?}");
    let why = format!("{}{}", said.err, house.log());
    assert!(why.contains("another banto daemon runs on"), "{why}");
    assert!(daemon.lives());
    daemon.stop().await;
    house.start().await.stop().await;
}
