//! Walking through a list of orders that changes while it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use banto_channel::{Connector as _, Cursor, Cx, ErrorKind, Page, Read, Request, Response};

use super::script::{NOW, Script, Still, answer, query, shop, stage};
use crate::WooCommerce;
use crate::time;

/// A list of orders that searches as WooCommerce does: exclusive bounds in whole seconds, sorted by change or by id.
#[derive(Debug, Default)]
struct Orders {
    /// Second of the last change, a counter that tells states apart, whether it is in the bin.
    rows: BTreeMap<i64, (i64, u32, bool)>,
    /// Done before each answer.
    meanwhile: Vec<(i64, i64)>,
}

impl Orders {
    fn touch(&mut self, id: i64, second: i64) {
        let row = self.rows.entry(id).or_default();
        *row = (second, row.1 + 1, row.2);
    }

    fn answer(&mut self, request: &Request) -> Response {
        if let Some((id, second)) = self.meanwhile.pop() {
            self.touch(id, second);
        }
        let bound = |name| query(request, name).and_then(time::seconds);
        let after = bound("modified_after").unwrap_or(i64::MIN);
        let before = bound("modified_before").unwrap_or(i64::MAX);
        let trash = query(request, "status") == Some("trash");
        let mut found: Vec<(i64, i64, u32)> = self
            .rows
            .iter()
            .filter(|(_, row)| row.0 > after && row.0 < before && row.2 == trash)
            .map(|(id, row)| (*id, row.0, row.1))
            .collect();
        if query(request, "orderby") == Some("modified") {
            // Ties in no useful order, as a database is free to give them.
            found.sort_by_key(|(id, second, _)| (*second, id % 7, -id));
        }
        let number = |name| query(request, name).and_then(|n| n.parse::<usize>().ok()).unwrap();
        let (size, page) = (number("per_page"), number("page"));
        let rows: Vec<String> = found
            .iter()
            .skip(size * (page - 1))
            .take(size)
            .map(|(id, second, version)| row(*id, *second, *version))
            .collect();
        Response {
            status: 200,
            headers: vec![
                ("x-wp-total".to_owned(), found.len().to_string()),
                ("x-wp-totalpages".to_owned(), found.len().div_ceil(size).to_string()),
            ],
            body: format!("[{}]", rows.join(",")).into_bytes(),
        }
    }
}

fn row(id: i64, second: i64, version: u32) -> String {
    let at = time::gmt(second);
    format!(
        r#"{{"id":{id},"status":"processing","currency":"JPY","total":"0","date_created_gmt":"{at}","date_modified_gmt":"{at}","customer_note":"{version}"}}"#
    )
}

/// Nothing is missing.
const NONE: [i64; 0] = [];

struct Stage {
    cx: Cx,
    script: Arc<Script>,
    clock: Arc<Still>,
    orders: Arc<Mutex<Orders>>,
    shop: WooCommerce,
}

impl Stage {
    fn new(per_page: usize) -> Self {
        let orders = Arc::new(Mutex::new(Orders::default()));
        let behind = orders.clone();
        let (cx, script, clock) = stage(move |request| Ok(behind.lock().unwrap().answer(request)));
        Self { cx, script, clock, orders, shop: shop(&format!("orders_per_page = {per_page}")) }
    }

    fn touch(&self, id: i64, second: i64) {
        self.orders.lock().unwrap().touch(id, second);
    }

    async fn pull(&self, after: Option<&Cursor>) -> Page<Read> {
        self.shop.pull_orders(&self.cx, after).await.unwrap()
    }

    /// Pulls to the end; the states seen, by order, in the order in which they came.
    async fn drain(&self, after: Option<&Cursor>) -> (Vec<(i64, u32)>, Cursor) {
        let mut seen = Vec::new();
        let mut cursor = after.cloned();
        for _ in 0..2000 {
            let page = self.pull(cursor.as_ref()).await;
            for item in &page.items {
                let Read::Order(order) = item else { panic!("{item:?}") };
                seen.push((order.id.as_str().parse().unwrap(), order.note.parse().unwrap()));
            }
            cursor = Some(page.next);
            if !page.more {
                return (seen, cursor.unwrap());
            }
        }
        panic!("the pull does not end");
    }

    /// Whether each order's present state was among what was seen.
    fn missing(&self, seen: &[(i64, u32)]) -> Vec<i64> {
        let seen: BTreeSet<(i64, u32)> = seen.iter().copied().collect();
        let orders = self.orders.lock().unwrap();
        let unseen = |(id, row): (&i64, &(i64, u32, bool))| (!seen.contains(&(*id, row.1))).then_some(*id);
        orders.rows.iter().filter_map(unseen).collect()
    }
}

#[tokio::test]
async fn the_first_question_is_the_documented_one() {
    let stage = Stage::new(100);
    let (_, cursor) = stage.drain(None).await;
    assert_eq!(
        stage.script.take(),
        ["GET orders?status=any&orderby=modified&order=asc&dates_are_gmt=true\
          &modified_after=2026-10-22T09:59:59&per_page=100&page=1"]
    );
    stage.clock.pass(1);
    stage.drain(Some(&cursor)).await;
    assert_eq!(stage.script.take().len(), 1);
    // Once in a while the look reaches further back and into the bin.
    stage.clock.pass(60);
    stage.drain(Some(&cursor)).await;
    let asked = stage.script.take();
    assert!(asked[1].contains("status=trash"), "{asked:?}");
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn every_order_is_seen_once_and_then_there_is_nothing_new() {
    let stage = Stage::new(10);
    for id in 1..=95 {
        stage.touch(id, NOW - 1000 + id * 3);
    }
    let (seen, cursor) = stage.drain(None).await;
    assert_eq!(seen.len(), 95, "none twice");
    assert_eq!(stage.missing(&seen), NONE);
    let page = stage.pull(Some(&cursor)).await;
    assert!(page.items.is_empty() && !page.more);
    stage.clock.pass(100);
    let (again, _) = stage.drain(Some(&cursor)).await;
    assert_eq!(again, [], "a thorough look finds the same orders and hands none on");
}

#[tokio::test]
async fn a_change_in_the_last_second_is_seen_even_if_the_second_stays() {
    let stage = Stage::new(10);
    stage.touch(1, NOW);
    let (_, cursor) = stage.drain(None).await;
    stage.touch(2, NOW);
    stage.touch(1, NOW);
    let (seen, _) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), [(1, 2), (2, 1)].into());
}

#[tokio::test]
async fn an_order_that_becomes_visible_late_is_found_by_the_thorough_look() {
    let stage = Stage::new(10);
    stage.touch(1, NOW);
    let (_, cursor) = stage.drain(None).await;
    stage.touch(2, NOW - 200);
    let (seen, cursor) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen, []);
    stage.clock.pass(60);
    let (seen, _) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen, [(2, 1)]);
}

#[tokio::test]
async fn orders_that_move_away_hide_none() {
    for crowd in [1, 12, 40] {
        let stage = Stage::new(10);
        for id in 1..=40 {
            stage.touch(id, NOW - 500 + id / crowd);
        }
        // Before each answer one of the first orders moves to the end.
        stage.orders.lock().unwrap().meanwhile = (1..=12).map(|n| (n, NOW - n)).collect();
        let (mut seen, cursor) = stage.drain(None).await;
        let (rest, _) = stage.drain(Some(&cursor)).await;
        seen.extend(rest);
        assert_eq!(stage.missing(&seen), NONE, "crowds of {crowd}");
    }
}

#[tokio::test]
async fn a_second_with_very_many_orders_is_read_to_its_end_and_not_again() {
    let stage = Stage::new(10);
    for id in 1..=730 {
        stage.touch(id, NOW - 400);
    }
    let (seen, cursor) = stage.drain(None).await;
    assert_eq!(stage.missing(&seen), NONE);
    stage.clock.pass(300);
    let (again, cursor) = stage.drain(Some(&cursor)).await;
    assert_eq!(again, []);
    stage.touch(731, NOW + 200);
    let (seen, _) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen, [(731, 1)]);
}

#[tokio::test]
async fn random_traffic_loses_nothing() {
    let mut dice = 20_261_121_u64;
    let mut roll = move |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((dice >> 33) % sides).unwrap()
    };
    for round in 0..30 {
        let stage = Stage::new(usize::try_from(1 + roll(9)).unwrap());
        let mut cursor: Option<Cursor> = None;
        let mut seen = Vec::new();
        let mut now = NOW;
        for _ in 0..25 {
            for _ in 0..roll(8) {
                stage.touch(1 + roll(60), now - roll(2));
            }
            let moves = (0..roll(4)).map(|_| (1 + roll(60), now)).collect();
            stage.orders.lock().unwrap().meanwhile = moves;
            let (new, next) = stage.drain(cursor.as_ref()).await;
            seen.extend(new);
            cursor = Some(next);
            let pause = roll(4);
            now += pause;
            stage.clock.pass(pause);
        }
        stage.orders.lock().unwrap().meanwhile.clear();
        seen.extend(stage.drain(cursor.as_ref()).await.0);
        assert_eq!(stage.missing(&seen), NONE, "round {round}");
    }
}

#[tokio::test]
async fn an_order_put_into_the_bin_is_cancelled() {
    let stage = Stage::new(10);
    stage.touch(1, NOW - 10);
    let (_, cursor) = stage.drain(None).await;
    stage.touch(1, NOW + 30);
    stage.orders.lock().unwrap().rows.get_mut(&1).unwrap().2 = true;
    stage.clock.pass(60);
    let (seen, cursor) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen, [(1, 2)]);
    stage.clock.pass(60);
    let (seen, _) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen, []);
}

#[tokio::test]
async fn a_shop_whose_clock_is_ahead_does_not_carry_the_cursor_away() {
    let stage = Stage::new(10);
    stage.touch(1, NOW + 86_400);
    let (seen, cursor) = stage.drain(None).await;
    assert_eq!(seen, [(1, 1)]);
    stage.touch(2, NOW + 1);
    stage.clock.pass(2);
    let (seen, _) = stage.drain(Some(&cursor)).await;
    assert_eq!(seen, [(2, 1)]);
}

#[tokio::test]
async fn a_cursor_from_the_future_gives_nothing_and_stays() {
    let stage = Stage::new(10);
    stage.touch(1, NOW - 5);
    let (_, cursor) = stage.drain(None).await;
    let future = Cursor(cursor.as_str().replace(&(NOW - 5).to_string(), &(NOW + 99_999).to_string()));
    assert_ne!(future, cursor);
    let page = stage.pull(Some(&future)).await;
    assert!(page.items.is_empty() && !page.more);
    assert!(page.next.as_str().contains(&(NOW + 99_999).to_string()));
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_refused() {
    let stage = Stage::new(10);
    for text in ["", "7", "{\"v\":2}", "null"] {
        let error = stage.shop.pull_orders(&stage.cx, Some(&Cursor(text.to_owned()))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unexpected, "{text}");
    }
}

/// Pulls until the end or an error, at most `limit` times.
async fn exhaust(shop: &WooCommerce, cx: &Cx, limit: usize) -> Option<ErrorKind> {
    let mut cursor = None;
    for _ in 0..limit {
        match shop.pull_orders(cx, cursor.as_ref()).await {
            Err(e) => return Some(e.kind),
            Ok(page) if !page.more => return None,
            Ok(page) => cursor = Some(page.next),
        }
    }
    panic!("the pull does not end");
}

#[tokio::test]
async fn a_shop_that_repeats_a_page_for_ever_is_found_out() {
    for (spread, pages) in [(1, None), (0, None), (0, Some("3")), (1, Some("3")), (0, Some("99999999"))] {
        let rows: Vec<String> = (1..=10).map(|n| row(n, NOW - 100 + n * spread, 1)).collect();
        let body = format!("[{}]", rows.join(","));
        let (cx, _, _) = stage(move |_| {
            let headers = pages.map(|p: &str| ("x-wp-totalpages".to_owned(), p.to_owned()));
            Ok(Response {
                status: 200,
                headers: headers.into_iter().collect(),
                body: body.clone().into_bytes(),
            })
        });
        let end = exhaust(&shop("orders_per_page = 10"), &cx, 50).await;
        assert_eq!(end, Some(ErrorKind::Malformed), "{spread} {pages:?}");
    }
}

#[tokio::test]
async fn a_shop_that_does_not_sort_is_found_out() {
    let rows: Vec<String> = (1..=10).map(|n| row(n, NOW - n * 10, 1)).collect();
    let body = format!("[{}]", rows.join(","));
    let (cx, _, _) = stage(move |_| answer(200, body.clone()));
    assert_eq!(exhaust(&shop("orders_per_page = 10"), &cx, 5).await, Some(ErrorKind::Malformed));
}

#[tokio::test]
async fn an_order_that_changed_between_search_and_answer_does_not_carry_the_cursor_away() {
    // The last row of the first page shows a time far after its place in the list.
    let (cx, script, _) = stage(|request| {
        let first = query(request, "modified_after") == Some("2026-10-22T09:59:59");
        let rows: Vec<String> = match first {
            true => (1..=10).map(|n| row(n, if n == 10 { NOW } else { NOW - 1000 + n * 10 }, 1)).collect(),
            false => vec![row(11, NOW - 800, 1)],
        };
        answer(200, format!("[{}]", rows.join(",")))
    });
    assert_eq!(exhaust(&shop("orders_per_page = 10"), &cx, 5).await, None);
    let after = time::gmt(NOW - 1000 + 90 - 1);
    assert!(script.take()[1].contains(&after), "asks on from before the jump");
}

#[tokio::test]
async fn a_host_that_gives_smaller_pages_than_asked_for_hides_nothing() {
    let (cx, script, _) = stage(|request| {
        let after = query(request, "modified_after").and_then(time::seconds).unwrap();
        let left: Vec<i64> = (1..=6).filter(|n| NOW - 1000 + n * 10 > after).collect();
        let rows: Vec<String> = left.iter().take(3).map(|n| row(*n, NOW - 1000 + n * 10, 1)).collect();
        Ok(Response {
            status: 200,
            headers: vec![("x-wp-total".to_owned(), left.len().to_string())],
            body: format!("[{}]", rows.join(",")).into_bytes(),
        })
    });
    assert_eq!(exhaust(&shop(""), &cx, 20).await, None);
    let last = script.take().pop().unwrap();
    assert!(last.contains(&time::gmt(NOW - 1000 + 39)), "{last}");
}

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_ones() {
    // Four orders to a page fit; in the middle stands a second with more than that.
    let stage = Stage::new(32);
    for id in 1..=60 {
        stage.touch(id, NOW - 500 + if (20..40).contains(&id) { 20 } else { id });
    }
    let behind = stage.orders.clone();
    let (cx, script, _) =
        super::script::stage(move |request| match query(request, "per_page").and_then(|n| n.parse().ok()) {
            Some(0..=4) => Ok(behind.lock().unwrap().answer(request)),
            _ => Err(banto_channel::Error::new(ErrorKind::Malformed, "an answer of more than 20 MB")),
        });
    let stage = Stage { cx, script, ..stage };
    let (seen, _) = stage.drain(None).await;
    assert_eq!(stage.missing(&seen), NONE);
}

#[tokio::test]
async fn named_orders_are_read_again_wherever_they_are() {
    let (cx, script, _) = stage(|request| match query(request, "status") {
        Some("trash") => answer(200, format!("[{}]", row(5, NOW, 2).replace("processing", "trash"))),
        _ => answer(200, format!("[{}]", row(7, NOW, 1))),
    });
    let ids = ["5", "7", "9", "x"].map(banto_channel::RemoteOrderId::from);
    let read = shop("").reread_orders(&cx, &ids).await.unwrap();
    let statuses: Vec<_> = read
        .iter()
        .map(|item| match item {
            Read::Order(order) => (order.id.as_str(), order.status.as_str()),
            Read::Unreadable { .. } => panic!("{item:?}"),
        })
        .collect();
    assert_eq!(statuses, [("7", "processing"), ("5", "trash")]);
    assert_eq!(
        script.take(),
        [
            "GET orders?status=any&include=5,7,9&per_page=100",
            "GET orders?status=trash&include=5,9&per_page=100"
        ]
    );
}
