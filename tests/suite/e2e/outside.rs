//! What a service manager, a monitoring system and a reader of the log see.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::first_day::{buy, shows};
use super::house::{House, Plan, eventually};
use super::http;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn health_metrics_and_log_tell_of_an_order() {
    let house = House::on_sqlite(Plan { seed: 8, ..Plan::default() }).await;
    house.stock_up().await;
    let daemon = house.start().await;
    shows(house.shop("kyoto"), "TEA-01", 900).await;
    // Buyers of orders from before the channel went live get no mail; shops know whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let order = buy(house.shop("honten"), "TEA-01", 1, true);
    shows(house.shop("kyoto"), "TEA-01", 899).await;
    eventually("the mails are out", SOON, async || house.sink.count() == 2).await;
    assert_eq!(http::get(house.port, "/healthz").await.unwrap().0, 200);
    assert_eq!(http::get(house.port, "/readyz").await.unwrap().0, 200);
    assert_eq!(http::get(house.port, "/nothing").await.unwrap().0, 404);
    let (status, metrics) = http::get(house.port, "/metrics").await.unwrap();
    assert_eq!(status, 200);
    for name in
        ["banto_orders_imported_total{channel=\"honten\"} 1", "banto_stock_pushes_total", "banto_channel_up"]
    {
        assert!(metrics.contains(name), "no {name} in\n{metrics}");
    }
    house.no_secret_in("the metrics", &metrics);
    let backup = house.dir.path().join("backup.db");
    house.banto(&["backup", &backup.display().to_string()]).await.ok();
    house.no_secret_in("the backup", &String::from_utf8_lossy(&fs::read(&backup).unwrap()));
    daemon.stop().await;
    the_log_is_json_and_names_the_order(&house, order.as_str()).await;
}

async fn the_log_is_json_and_names_the_order(house: &House, remote: &str) {
    let store = house.store().await;
    let row = store.find_order(&format!("honten/{remote}")).await.unwrap();
    let mut told = Vec::new();
    for line in house.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?} is no JSON: {e}"));
        if line.to_string().contains(&format!("\"order\":{}", row.id)) {
            told.push(line.to_string());
        }
    }
    assert!(told.iter().any(|l| l.contains("order imported")), "{told:?}");
    assert!(told.iter().any(|l| l.contains("accepted")), "the mail's fate: {told:?}");
}
