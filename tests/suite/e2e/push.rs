//! `banto channel push` and `banto listings pull`, beside a daemon and without one.

use std::time::Duration;

use banto_sim::{Fault, Market};
use serde_json::{Value, json};

use super::first_day::{buy, offer, shown, shows};
use super::house::{House, Plan, eventually};

const SOON: Duration = Duration::from_secs(20);

/// A shop refuses a number, and the listing rests.
async fn refused_once(house: &House, code: &str) {
    let honten = house.shop("honten");
    honten.faults().play(Fault::RefuseItem(offer(honten, code)));
    let store = house.store().await;
    house.banto(&["stock", "receive", code, "10"]).await.ok();
    eventually("the refusal is noted", SOON, async || {
        let said =
            house.banto(&["listings", "list", "--channel", "honten", "--failed", "--json"]).await.json();
        said[0]["code"] == json!(code)
    })
    .await;
    store.close().await;
}

/// How often honten took a number of this offer, by the daemon's log; the other shop's pushes come when they come.
fn pushes(house: &House, code: &str) -> usize {
    let remote = offer(house.shop("honten"), code);
    let log = house.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_it = |l: &Value| l["channel"] == "honten" && l["remote"] == remote.as_str();
    lines.filter(|l| l["message"] == "stock pushed" && of_it(l)).count()
}

/// The answer about this code's listing.
fn of<'a>(said: &'a Value, code: &str) -> &'a Value {
    let all = said["listings"].as_array().unwrap();
    all.iter().find(|l| l["code"] == json!(code)).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_by_hand_beside_a_daemon_is_the_daemons() {
    for postgres in [false, true] {
        let Some(house) = House::open(Plan { postgres, seed: 32, ..Plan::default() }).await else { continue };
        house.stock_up().await;
        let daemon = house.start().await;
        shows(house.shop("honten"), "POT-01", 400).await;
        shows(house.shop("kyoto"), "POT-01", 400).await;
        refused_once(&house, "POT-01").await;
        assert_eq!(shown(house.shop("honten"), "POT-01"), 400);
        // The listing rests for ten seconds; a person does not wait for that.
        let before = pushes(&house, "POT-01");
        assert!(before > 0, "{}", house.log());
        let said = house.banto(&["channel", "push", "honten", "--json"]).await.ok().json();
        assert_eq!(
            (&said["by"], &said["pushed"], &said["failed"]),
            (&json!("the daemon"), &json!(1), &json!(0))
        );
        assert_eq!(of(&said, "POT-01")["outcome"], json!("pushed"), "{said}");
        assert_eq!(shown(house.shop("honten"), "POT-01"), 410);
        assert_eq!(pushes(&house, "POT-01"), before + 1, "the daemon pushed it, and once");
        let said = house.banto(&["channel", "push", "honten", "--json"]).await.ok().json();
        assert_eq!(said["listings"], json!([]), "nothing is out of date");
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_the_command_pushes_itself() {
    for postgres in [false, true] {
        let Some(house) = House::open(Plan { postgres, seed: 33, ..Plan::default() }).await else { continue };
        house.stock_up().await;
        let daemon = house.start().await;
        let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
        shows(honten, "POT-01", 400).await;
        shows(kyoto, "POT-01", 400).await;
        // Killed, not stopped: what it held is nobody's now.
        daemon.kill().await;
        house.banto(&["stock", "receive", "POT-01", "10"]).await.ok();
        honten.faults().play(Fault::RefuseItem(offer(honten, "POT-01")));
        let said = house.banto(&["channel", "push", "honten", "--json"]).await;
        assert_eq!(said.code, 7, "{said:?}");
        let said = said.json();
        assert_eq!((&said["by"], &said["failed"]), (&json!("this command"), &json!(1)), "{said}");
        assert_eq!(of(&said, "POT-01")["outcome"], json!("failed"));
        assert!(of(&said, "POT-01")["reason"].is_string(), "{said}");
        let said = house.banto(&["channel", "push", "honten", "--json"]).await.ok().json();
        assert_eq!(of(&said, "POT-01")["outcome"], json!("pushed"), "it does not rest: {said}");
        assert_eq!(shown(honten, "POT-01"), 410);
        // The turn was given back: a daemon starts at once and goes on.
        let daemon = house.start().await;
        buy(kyoto, "POT-01", 10, true);
        shows(honten, "POT-01", 400).await;
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_read_without_orders() {
    let house = House::on_sqlite(Plan { seed: 34, ..Plan::default() }).await;
    house.stock_up().await;
    let honten = house.shop("honten");
    buy(honten, "TEA-01", 1, true);
    honten.take_seen();
    let said = house.banto(&["listings", "pull", "honten", "--json"]).await.ok().json();
    let (all, new) = (said["offers"].as_u64().unwrap(), said["new"].as_array().unwrap());
    assert!(all > 0 && new.len() as u64 == all, "{said}");
    let tea = new.iter().find(|l| l["code"] == json!("TEA-01")).unwrap();
    assert_eq!(tea["item"], json!("TEA-01"), "its code is an item's");
    let unmatched: Vec<&Value> = said["unmatched"].as_array().unwrap().iter().map(|l| &l["code"]).collect();
    assert_eq!(unmatched, [&json!(super::goods::BUNDLE.0)]);
    let seen = honten.take_seen();
    assert!(seen.iter().all(|s| s.call.starts_with("GET ") && !s.call.contains("orders")), "{seen:?}");
    assert_eq!(house.banto(&["orders", "list", "--json"]).await.ok().json(), json!([]), "no order was read");
    let again = house.banto(&["listings", "pull", "honten", "--json"]).await.ok().json();
    assert_eq!((&again["new"], again["unmatched"].as_array().unwrap().len()), (&json!([]), 1));
    let text = house.banto(&["listings", "pull", "honten"]).await.ok().out;
    assert!(text.contains("0 of them new, 1 without an item"), "{text}");
    assert_eq!(house.banto(&["listings", "pull", "nowhere"]).await.code, 4);
}
