//! Lists of orders: filters by date, pages, checks.

use std::time::{Duration, Instant};

use banto_channel::{Clock, RemoteOrderId};
use banto_sim::market::Market;

use crate::{MUG, Stage};

fn number(id: &RemoteOrderId) -> u64 {
    id.as_str().parse().unwrap()
}

fn clock_face(secs: i64) -> String {
    let time = jiff::Timestamp::from_second(secs).unwrap();
    time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

async fn ids(stage: &Stage, query: &str) -> Vec<u64> {
    let answer = stage.client.get(&format!("/wc/v3/orders?{query}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.ids()
}

#[tokio::test]
async fn modified_after_is_exclusive_and_knows_whole_seconds() {
    let stage = Stage::open().await;
    let first = stage.buy(MUG, 1);
    stage.clock.advance(Duration::from_millis(400));
    let same_second = stage.buy(MUG, 1);
    let seen = stage.clock.now().as_secs();
    stage.clock.advance(Duration::from_millis(600));
    let later = stage.buy(MUG, 1);
    let query = |secs| {
        let date = clock_face(secs);
        format!("modified_after={date}&dates_are_gmt=true&orderby=modified&order=asc&per_page=100")
    };
    assert_eq!(ids(&stage, &query(seen)).await, [number(&later)]);
    let all = [number(&first), number(&same_second), number(&later)];
    assert_eq!(ids(&stage, &query(seen - 1)).await, all);
    // What happens later within a second that a poller has seen already stays invisible to its cursor.
    stage.shop.touch(&first);
    assert_eq!(ids(&stage, &query(seen)).await, [number(&first), number(&later)]);
    let seen = stage.clock.now().as_secs();
    stage.shop.touch(&same_second);
    assert_eq!(ids(&stage, &query(seen)).await, [] as [u64; 0]);
}

#[tokio::test]
async fn dates_are_the_shops_own_unless_said_otherwise() {
    let stage = Stage::with(|config| config.utc_offset_minutes = 9 * 60).await;
    let id = number(&stage.buy(MUG, 1));
    let now = stage.clock.now().as_secs();
    let nine = 9 * 3600;
    let order = stage.order(&RemoteOrderId(id.to_string())).await;
    assert_eq!(order["date_modified_gmt"], clock_face(now));
    assert_eq!(order["date_modified"], clock_face(now + nine));
    for (query, found) in [
        (format!("modified_after={}&dates_are_gmt=true", clock_face(now - 1)), true),
        (format!("modified_after={}&dates_are_gmt=true", clock_face(now)), false),
        // Without the flag the same text means nine hours earlier.
        (format!("modified_after={}", clock_face(now)), true),
        (format!("modified_after={}", clock_face(now + nine - 1)), true),
        (format!("modified_after={}", clock_face(now + nine)), false),
        // A zone in the text turns it into local time first, and then it is compared with UTC.
        (format!("modified_after={}Z&dates_are_gmt=true", clock_face(now - nine - 1)), true),
        (format!("modified_after={}Z&dates_are_gmt=true", clock_face(now - nine)), false),
        (format!("modified_after={}Z", clock_face(now - 1)), true),
        (format!("modified_after={}Z", clock_face(now)), false),
        (format!("after={}&before={}", clock_face(now + nine - 1), clock_face(now + nine + 1)), true),
        (format!("before={}&dates_are_gmt=true", clock_face(now)), false),
        (format!("modified_before={}&dates_are_gmt=1", clock_face(now + 1)), true),
    ] {
        assert_eq!(!ids(&stage, &query).await.is_empty(), found, "{query}");
    }
}

#[tokio::test]
async fn pages_say_how_many_there_are_and_where_the_next_is() {
    let stage = Stage::open().await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(number(&stage.buy(MUG, 1)));
        stage.clock.advance(Duration::from_secs(1));
    }
    assert!(placed.windows(2).all(|w| w[0] < w[1]));
    assert!(placed[4] - placed[0] > 4, "ids have gaps: {placed:?}");
    let page = async |page: u32| {
        let target = format!("/wc/v3/orders?orderby=modified&order=asc&per_page=2&page={page}");
        stage.client.get(&target).await.unwrap()
    };
    let first = page(1).await;
    assert_eq!(first.ids(), placed[..2]);
    assert_eq!((first.header("x-wp-total"), first.header("x-wp-totalpages")), (Some("5"), Some("3")));
    let link = first.header("link").unwrap();
    assert!(link.contains("page=2>; rel=\"next\"") && !link.contains("prev"), "{link}");
    let last = page(3).await;
    assert_eq!(last.ids(), placed[4..]);
    let link = last.header("link").unwrap();
    assert!(link.contains("page=2>; rel=\"prev\"") && !link.contains("next"), "{link}");
    let beyond = page(4).await;
    assert_eq!((beyond.status, beyond.ids().len(), beyond.header("x-wp-total")), (200, 0, Some("5")));
    // Newest first unless asked otherwise, and ten to a page.
    assert_eq!(ids(&stage, "").await, placed.iter().rev().copied().collect::<Vec<_>>());
    let included = format!("include={},{}&orderby=id&order=asc", placed[3], placed[1]);
    assert_eq!(ids(&stage, &included).await, [placed[1], placed[3]]);
    assert_eq!(ids(&stage, "order=asc&offset=4").await, placed[4..]);
}

#[tokio::test]
async fn wrong_parameters_are_named_and_unknown_ones_ignored() {
    let stage = Stage::open().await;
    stage.buy(MUG, 1);
    for wrong in [
        "per_page=0",
        "per_page=101",
        "per_page=x",
        "page=0",
        "orderby=total",
        "order=up",
        "status=gone",
        "modified_after=1",
    ] {
        let answer = stage.client.get(&format!("/wc/v3/orders?{wrong}")).await.unwrap();
        let name = wrong.split('=').next().unwrap();
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.json()["code"], "rest_invalid_param");
        assert_eq!(answer.json()["message"], format!("Invalid parameter(s): {name}"));
        assert!(answer.json()["data"]["params"][name].is_string(), "{}", answer.text());
    }
    // A search by meta data is no parameter of WooCommerce: everything comes back.
    assert_eq!(ids(&stage, "meta_key=_mine&meta_value=1").await.len(), 1);
}

#[tokio::test]
async fn statuses_select_and_the_trash_is_left_out() {
    let stage = Stage::with(|config| config.custom_statuses.push("awaiting-pickup".to_owned())).await;
    let [open, done, gone, own] = [1, 1, 1, 1].map(|n| stage.buy(MUG, n));
    stage.shop.set_status(&done, "completed");
    stage.shop.set_status(&gone, "trash");
    stage.shop.set_status(&own, "awaiting-pickup");
    let listed = ids(&stage, "order=asc&orderby=id").await;
    assert_eq!(listed, [&open, &done, &own].map(number));
    assert_eq!(ids(&stage, "status=completed").await, [number(&done)]);
    assert_eq!(ids(&stage, "status=trash").await, [number(&gone)]);
    assert_eq!(ids(&stage, "status=awaiting-pickup,completed&order=asc").await, [&done, &own].map(number));
    let modified = "orderby=modified&order=asc&modified_after=2000-01-01T00:00:00";
    assert!(!ids(&stage, modified).await.contains(&number(&gone)));
    assert_eq!(stage.order(&gone).await["status"], "trash");
}

#[tokio::test]
async fn fields_are_cut_down_to_those_asked_for() {
    let stage = Stage::open().await;
    let id = stage.buy(MUG, 1);
    let target = format!("/wc/v3/orders/{id}?_fields=status,billing.email,billing.last_name");
    let order = stage.client.get(&target).await.unwrap().json();
    let wanted = serde_json::json!({
        "status": "processing",
        "billing": {"email": "taro@example.test", "last_name": "山田"},
    });
    assert_eq!(order, wanted);
    let list = stage.client.get("/wc/v3/orders?_fields=id").await.unwrap().json();
    assert_eq!(list, serde_json::json!([{"id": number(&id)}]));
}

#[tokio::test]
async fn ten_thousand_products_are_listed_to_the_end() {
    let stage = Stage::with(|config| {
        let one = config.products[0].clone();
        config.products = vec![one; 10_000];
    })
    .await;
    let page = stage.client.get("/wc/v3/products?per_page=100&page=100&orderby=id&order=asc").await.unwrap();
    assert_eq!((page.ids().len(), page.header("x-wp-total")), (100, Some("10000")));
    assert_eq!(page.ids().last(), Some(&10_010));
}

#[tokio::test]
async fn a_poll_does_not_walk_over_all_orders() {
    let stage = Stage::with(|config| config.products[0].stock = None).await;
    for _ in 0..40_000 {
        stage.buy(MUG, 1);
    }
    let start = stage.clock.now().as_secs();
    stage.clock.advance(Duration::from_secs(60));
    let last = stage.buy(MUG, 1);
    let poll = async |after: i64| {
        let after = clock_face(after);
        let query =
            format!("modified_after={after}&dates_are_gmt=true&orderby=modified&order=desc&per_page=1");
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(ids(&stage, &query).await, [number(&last)]);
        }
        began.elapsed()
    };
    let (all, new) = (poll(start - 1).await, poll(start).await);
    assert!(new * 3 < all, "{new:?} for one new order, {all:?} where all are counted");
    let page = stage.client.get("/wc/v3/orders?per_page=100&page=400").await.unwrap();
    assert_eq!((page.ids().len(), page.header("x-wp-total")), (100, Some("40001")));
}
