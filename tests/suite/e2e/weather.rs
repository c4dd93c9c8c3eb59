//! Bad input over the wire, and shops that are away: the one that has it is told of, the other goes on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use banto::clock::SystemClock;
use banto::store::{OrderFilter, Store};
use banto_channel::Clock;
use banto_sim::{Fault, Market};
use banto_woocommerce::fake::OddOrder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::first_day::{buy, shown, shows};
use super::house::{House, Plan, eventually, settled};
use super::http;
use super::process::Daemon;
use super::truth::{Side, compare_stock, disagreements, orders_of};

const SOON: Duration = Duration::from_secs(30);

async fn opened(seed: u64, poll: u32) -> (House, Daemon) {
    let house = House::on_sqlite(Plan { seed, poll, ..Plan::default() }).await;
    house.stock_up().await;
    let daemon = house.start().await;
    for shop in house.shops.values() {
        shows(shop, "POT-01", 400).await;
    }
    (house, daemon)
}

/// Everything is in, out and shown.
async fn at_rest(house: &House, store: &Store) {
    let sides: Vec<Side<'_>> =
        house.shops.iter().map(|(name, shop)| Side::new(name, shop.as_ref())).collect();
    settled(async || disagreements(store, &sides).await).await;
}

async fn alert(store: &Store, key: &str) -> Option<String> {
    store.alerts().await.unwrap().into_iter().find(|a| a.key == key).map(|a| a.detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_answer_is_outlived() {
    let (house, daemon) = opened(20, 1).await;
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    let status = |code, retry_after| Fault::Status { code, retry_after };
    let faults = [
        status(404, None),
        status(409, None),
        status(429, Some(1)),
        status(500, None),
        status(503, Some(1)),
        Fault::Html,
        Fault::Torn,
        Fault::Huge(50 << 20),
        Fault::LostAnswer,
        Fault::Reset,
    ];
    let mut sold = 0;
    for fault in faults {
        honten.faults().play(fault.clone());
        honten.faults().play_after(1, fault);
        sold += 2;
        buy(honten, "TEA-02", 1, true);
        buy(kyoto, "TEA-02", 1, true);
        // The shop in good weather hears of its neighbour's sales as soon as those can be read.
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    shows(kyoto, "TEA-02", 900 - sold).await;
    shows(honten, "TEA-02", 900 - sold).await;
    let store = house.store().await;
    at_rest(&house, &store).await;
    assert_eq!(house.sink.duplicates(), 0);
    store.close().await;
    daemon.stop().await;
    house.banto(&["doctor"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_stop_one_shop_and_are_told() {
    let (house, daemon) = opened(21, 1).await;
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    honten.accept_credentials(false);
    let store = house.store().await;
    eventually("an alert", SOON, async || alert(&store, "pull:honten").await.is_some()).await;
    assert!(alert(&store, "pull:kyoto").await.is_none());
    buy(honten, "TEA-02", 1, true);
    buy(kyoto, "CUP-01", 1, true);
    eventually("the other goes on", SOON, async || orders_of(&store, "kyoto").await.len() == 1).await;
    let failing = house.banto(&["channel", "list", "--json"]).await.ok();
    assert!(failing.out.contains("failing"), "{failing:?}");
    assert_eq!(house.banto(&["channel", "probe", "honten"]).await.code, 7);
    kyoto.faults().play(Fault::Status { code: 403, retry_after: None });
    kyoto.faults().play_after(0, Fault::Status { code: 403, retry_after: None });
    honten.accept_credentials(true);
    // Whoever was refused does not hammer: a restart is the quick way for those who have mended it.
    daemon.stop().await;
    let daemon = house.start().await;
    shows(kyoto, "TEA-02", 899).await;
    eventually("the alert is over", SOON, async || alert(&store, "pull:honten").await.is_none()).await;
    // What was refused is tried again in its own time.
    shows(honten, "CUP-01", 699).await;
    store.close().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_orders_are_kept_and_stop_nobody() {
    let (house, daemon) = opened(22, 1).await;
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    let odd = honten.place_odd_orders();
    // What is no order yet is none of ours.
    let draft = |o: &&OddOrder| honten.status(&o.id).is_some_and(|status| status.contains("draft"));
    let listed = odd.iter().filter(|o| o.listed && !draft(o)).count();
    let plain = buy(honten, "POT-01", 2, true);
    let store = house.store().await;
    let id = store.channel("honten").await.unwrap().id;
    let mut kept = BTreeSet::new();
    eventually("the plain one is there", SOON, async || {
        let orders = store.orders(OrderFilter::All, Some(id), i64::MAX, 10_000).await.unwrap();
        let quarantined = store.quarantined(10_000).await.unwrap();
        kept.extend(orders.into_iter().map(|o| o.remote_id));
        kept.extend(quarantined.into_iter().filter_map(|q| q.remote_id));
        kept.contains(plain.as_str())
    })
    .await;
    let lost: Vec<_> =
        odd.iter().filter(|o| o.listed && !draft(o) && !kept.contains(o.id.as_str())).collect();
    assert_eq!(lost, Vec::<&OddOrder>::new());
    assert!(listed > 20 && kept.len() == listed + 1, "{kept:?}");
    let kyotos = Side::new("kyoto", kyoto.as_ref());
    eventually("the other shop shows what is left", SOON, async || {
        let mut wrong = Vec::new();
        compare_stock(&store, &kyotos, &mut wrong).await;
        wrong.is_empty()
    })
    .await;
    let held = store.orders(OrderFilter::Held, Some(id), i64::MAX, 100).await.unwrap();
    assert!(held.iter().any(|o| o.hold.as_deref().unwrap_or_default().contains("add up")), "{held:?}");
    let quarantine = house.banto(&["orders", "quarantine", "--json"]).await.ok().json();
    assert!(quarantine.is_array() || quarantine.is_object(), "{quarantine}");
    store.close().await;
    daemon.stop().await;
    house.banto(&["stock", "verify"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_was_away_is_told_of_and_catches_up() {
    let (house, daemon) = opened(23, 1).await;
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    honten.set_down(true);
    buy(honten, "TEA-01", 4, true);
    buy(kyoto, "CUP-01", 3, true);
    let store = house.store().await;
    eventually("an alert", SOON, async || alert(&store, "pull:honten").await.is_some()).await;
    assert_eq!((shown(kyoto, "TEA-01"), shown(honten, "CUP-01")), (900, 700));
    honten.set_down(false);
    shows(kyoto, "TEA-01", 896).await;
    shows(honten, "CUP-01", 697).await;
    at_rest(&house, &store).await;
    assert!(alert(&store, "pull:honten").await.is_none());
    store.close().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_shortens_the_wait_and_a_forged_one_is_refused() {
    let (house, daemon) = opened(24, 3000).await;
    let (honten, kyoto) = (house.shop("honten"), house.shop("kyoto"));
    eventually("webhooks are made", SOON, async || !honten.webhooks().is_empty()).await;
    buy(honten, "TEA-01", 1, true);
    shows(kyoto, "TEA-01", 899).await;
    let (headers, body) = honten.signed_webhook("not the secret");
    let path = "/hooks/honten";
    assert_eq!(http::post(house.port, path, &headers, &body).await, Some(401));
    assert_eq!(http::post(house.port, path, &[], &body).await, Some(401));
    let (headers, body) = honten.signed_webhook(House::hook_secret());
    assert_eq!(http::post(house.port, path, &headers, &body).await, Some(202));
    assert_eq!(http::post(house.port, "/hooks/nobody", &headers, &body).await, Some(404));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_of_zeros_waits_for_a_persons_word() {
    let (house, daemon) = opened(25, 1).await;
    let honten = house.shop("honten");
    let codes = ["TEA-01", "TEA-02", "CUP-01", "CUP-02", "POT-01", "CLOTH-01", "NOREN-R", "NOREN-B"];
    let rows: String = codes.iter().map(|code| format!("{code},0\n")).collect();
    let file = house.dir.path().join("count.csv");
    std::fs::write(&file, format!("code,counted\n{rows}")).unwrap();
    house.banto(&["stock", "count", &file.display().to_string(), "--commit"]).await.ok();
    let store = house.store().await;
    eventually("an alert", SOON, async || alert(&store, "guard:honten").await.is_some()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((shown(honten, "TEA-01"), shown(honten, "POT-01")), (900, 400), "nothing went out");
    assert!(house.banto(&["channel", "list", "--json"]).await.out.contains("stopped by the guard"));
    assert_eq!(house.banto(&["channel", "push", "honten"]).await.code, 5);
    assert_eq!(shown(honten, "TEA-01"), 900);
    house.banto(&["channel", "push", "honten", "--yes"]).await.ok();
    for code in codes {
        shows(honten, code, 0).await;
    }
    eventually("the alert is over", SOON, async || alert(&store, "guard:honten").await.is_none()).await;
    assert!(alert(&store, "guard:kyoto").await.is_some(), "the other shop was not asked about");
    assert_eq!(shown(house.shop("kyoto"), "TEA-01"), 900);
    store.close().await;
    daemon.stop().await;
}

/// A shop whose list of orders has the same page for every question, and always a next one.
async fn endless_shop(calls: Arc<AtomicU64>) -> String {
    let now = jiff::Timestamp::from_microsecond(SystemClock::new(Duration::ZERO).now().0).unwrap();
    let order = ENDLESS_ORDER.replace("WHEN", &now.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let (calls, order) = (Arc::clone(&calls), order.clone());
            tokio::spawn(async move {
                let mut question = vec![0; 16 << 10];
                let read = tcp.read(&mut question).await.unwrap_or_default();
                let orders = String::from_utf8_lossy(&question[..read]).contains("/orders");
                calls.fetch_add(u64::from(orders), Ordering::SeqCst);
                let body = if orders { format!("[{order}]") } else { "[]".to_owned() };
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-wp-total: 99999999\r\n\
                     x-wp-totalpages: 9999999\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = tcp.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    url
}

const ENDLESS_ORDER: &str = r#"{"id":7,"number":"7","status":"processing","currency":"JPY","version":"10.0.2",
"prices_include_tax":true,"date_created_gmt":"WHEN","date_modified_gmt":"WHEN","date_paid_gmt":"WHEN","discount_total":"0","discount_tax":"0","shipping_total":"0",
"shipping_tax":"0","cart_tax":"98","total":"1080","total_tax":"98","payment_method":"cod",
"payment_method_title":"代引き","customer_note":"","billing":{"first_name":"太郎","last_name":"山田",
"email":"taro@example.test"},"shipping":{},"meta_data":[],"tax_lines":[],"shipping_lines":[],"fee_lines":[],
"coupon_lines":[],"refunds":[],"line_items":[{"id":1,"name":"煎茶 100g","product_id":11,"variation_id":0,
"quantity":1,"subtotal":"982","subtotal_tax":"98","total":"982","total_tax":"98","taxes":[],"meta_data":[],
"sku":"TEA-01","price":982}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_ends_is_left() {
    let house = House::on_sqlite(Plan { seed: 26, ..Plan::default() }).await;
    let calls = Arc::new(AtomicU64::new(0));
    let url = endless_shop(Arc::clone(&calls)).await;
    house.write_channel(("kyoto", "live"), &url, (1, ""));
    house.stock_up().await;
    let daemon = house.start().await;
    let honten = house.shop("honten");
    // The order of the endless page is taken once, and the other shop does its work.
    shows(honten, "TEA-01", 899).await;
    // Buyers of orders from before the channel went live get no mail; shops know whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    buy(honten, "TEA-01", 1, true);
    eventually("its buyer is written to", SOON, async || house.sink.count() >= 2).await;
    let before = calls.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let asked = calls.load(Ordering::SeqCst) - before;
    assert!(asked < 120, "the endless shop is asked {asked} times in three seconds");
    let store = house.store().await;
    eventually("somebody is told", SOON, async || alert(&store, "pull:kyoto").await.is_some()).await;
    let kyoto = store.channel("kyoto").await.unwrap().id;
    assert_eq!(store.orders(OrderFilter::All, Some(kyoto), i64::MAX, 10).await.unwrap().len(), 1);
    store.close().await;
    daemon.stop().await;
    house.banto(&["stock", "verify"]).await.ok();
}
