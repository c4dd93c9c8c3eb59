//! Webhooks at a receiver that counts, checks signatures, and refuses when it is told to.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use banto::config::WebConfig;
use banto::domain::people::Role;
use banto::queue::webhook_lane::{Switchboard, WebhookLane, reach};
use banto::queue::{QueueCx, lane_once};
use banto::store::{JobFilter, StockAct, WebhookRow};
use banto_channel::Clock as _;
use banto_wire::{Reach, Wire, WireConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use super::super::site::Site;
use super::{House, Program, detail, read};
use crate::stores::{Fresh, each_store};

/// What came: the id of the message, and what it says.
type Got = Vec<(String, Value)>;

#[derive(Clone, Default)]
struct Receiver {
    secret: Arc<Mutex<Vec<u8>>>,
    will: Arc<Mutex<VecDeque<u16>>>,
    got: Arc<Mutex<Got>>,
    tries: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let router = Router::new().route("/hook", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        at
    }

    fn will(&self, statuses: &[u16]) {
        self.will.lock().unwrap().extend(statuses);
    }

    fn kinds(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(_, message)| message["type"].as_str().unwrap().to_owned()).collect()
    }

    /// What came since the last time, by kind: nobody promises an order of what one deed has to tell.
    fn news(&self, seen: usize) -> Got {
        let mut news = self.got.lock().unwrap()[seen..].to_vec();
        news.sort_by_key(|(_, message)| message["type"].to_string());
        news
    }

    fn learn(&self, shown: &str) {
        *self.secret.lock().unwrap() = STANDARD.decode(shown.strip_prefix("whsec_").unwrap()).unwrap();
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&receiver.secret.lock().unwrap()).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(&body);
    let signed = STANDARD.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    if mac.verify_slice(&signed).is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    receiver.tries.lock().unwrap().push(id.clone());
    let will = receiver.will.lock().unwrap().pop_front();
    match will {
        Some(307) => Redirect::temporary("/hook").into_response(),
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
        None => {
            receiver.got.lock().unwrap().push((id, serde_json::from_slice(&body).unwrap()));
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

fn kinds_of(got: &[(String, Value)]) -> Vec<&str> {
    got.iter().map(|(_, message)| message["type"].as_str().unwrap()).collect()
}

fn switchboard(house: &House, reach: Reach) -> Switchboard {
    Switchboard { cx: house.trading.cx(), reach, key: house.site.app.key.clone() }
}

struct Ears<'a> {
    house: &'a House,
    receiver: Receiver,
    webhook: i64,
    lane: WebhookLane,
}

impl<'a> Ears<'a> {
    /// A program has registered itself for everything, by the API.
    async fn open(house: &'a House, events: &[&str]) -> Self {
        let receiver = Receiver::default();
        let at = receiver.start().await;
        let program = house.all_powerful().await;
        let body = json!({ "url": format!("http://{at}/hook"), "events": events });
        let made = read(&program.post("/webhooks", "w", &body).await.expect(201));
        receiver.learn(made["secret"].as_str().unwrap());
        let webhook = made["webhook"]["id"].as_i64().unwrap();
        let config =
            WireConfig { attempts_max: 1, retry_time_max: Duration::ZERO, ..WireConfig::new("webhook", &[]) };
        let wire = Wire::new(config, Arc::clone(&house.trading.clock) as _).unwrap();
        let lane = WebhookLane::new(webhook, Arc::new(wire), house.site.app.key.clone());
        Self { house, receiver, webhook, lane }
    }

    async fn run(&self) {
        while lane_once(&self.lane, &self.cx(), &CancellationToken::new()).await.unwrap() > 0 {}
    }

    /// Longer than an address may take nothing before it is switched off.
    async fn wait_for_days(&self) {
        for _ in 0..40 {
            self.run().await;
            self.house.trading.pass(Duration::from_secs(3 * 3600));
        }
    }

    fn cx(&self) -> QueueCx {
        self.house.trading.cx()
    }

    async fn row(&self) -> WebhookRow {
        self.house.site.store.webhook(self.webhook).await.unwrap()
    }

    async fn waiting(&self) -> usize {
        let lane = format!("webhook:{}", self.webhook);
        self.house.site.store.waiting_jobs(&lane, 100).await.unwrap().len()
    }

    async fn receive_one(&self) {
        let store = &self.house.site.store;
        let location = store.locations().await.unwrap().remove(0);
        let now = self.house.trading.now();
        let act = StockAct { code: "CUP", location: &location, actor: "test", note: "", now };
        store.receive_stock(&act, 1, false).await.unwrap();
    }
}

#[tokio::test]
async fn a_program_hears_what_it_asked_for_signed_and_once() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let ears = Ears::open(&house, &["order.created", "order.shipped", "stock.changed"]).await;
        let order = house.trading.order(house.trading.remote("1", &[("CUP", 2)])).await;
        ears.run().await;
        let first = ears.receiver.news(0);
        assert_eq!(kinds_of(&first), ["order.created", "stock.changed"]);
        let program = house.program("other", &banto::web::api::Scope::ALL).await;
        let path = format!("/orders/{order}/ship");
        program.post(&path, "s", &json!({ "carrier": "ヤマト運輸" })).await.expect(200);
        ears.run().await;
        let second = ears.receiver.news(2);
        assert_eq!(kinds_of(&second), ["order.shipped", "stock.changed"]);
        let data = &second[0].1["data"];
        assert_eq!(
            (&data["id"], &data["channel"], &data["fulfilment"]),
            (&json!(order), &json!("honten"), &json!("shipped"))
        );
        assert_eq!(second[1].1["data"]["code"], "CUP");
        assert_eq!(second[1].1["data"]["on_hand"], 3);
        let ids: BTreeSet<_> = first.iter().chain(&second).map(|(id, _)| id).collect();
        assert_eq!((ids.len(), ears.waiting().await), (4, 0));
        assert!(ears.row().await.delivered_at.is_some());
        assert_eq!(house.trading.jobs().await.iter().filter(|j| j.lane.starts_with("webhook")).count(), 0);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_told_of_what_did_not_happen_and_nobody_pays_for_nobody() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        house.trading.order(house.trading.remote("1", &[("CUP", 1)])).await;
        assert!(house.trading.jobs().await.iter().all(|j| !j.lane.starts_with("webhook")));
        let ears = Ears::open(&house, &["order.created", "order.updated", "stock.changed"]).await;
        let before = house.trading.jobs().await.len();
        let mut broken = house.trading.remote("2", &[("CUP", 1)]);
        broken.number = "N-2".to_owned();
        // The whole transaction is rolled back: the write is dropped before it is committed.
        let page = [banto_channel::Read::Order(Box::new(broken))];
        let mut write = house.site.store.write().await.unwrap();
        write.take_page(&house.trading.facts, &page, house.trading.now()).await.unwrap();
        drop(write);
        assert_eq!(house.trading.jobs().await.len(), before);
        ears.run().await;
        assert_eq!(ears.receiver.kinds(), [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_sent_again_later() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let ears = Ears::open(&house, &["order.created"]).await;
        house.trading.order(house.trading.remote("1", &[("CUP", 1)])).await;
        house.trading.order(house.trading.remote("2", &[("CUP", 1)])).await;
        ears.receiver.will(&[500, 307]);
        ears.run().await;
        assert_eq!(ears.receiver.tries.lock().unwrap().len(), 1);
        assert_eq!(ears.waiting().await, 2, "the other waits too");
        let row = ears.row().await;
        assert!(row.failing_since.is_some() && row.last_error.unwrap().contains("HTTP 500"));
        ears.run().await;
        assert_eq!(ears.receiver.tries.lock().unwrap().len(), 1, "not at once");
        house.trading.pass(Duration::from_secs(10));
        ears.run().await;
        assert_eq!(ears.receiver.kinds(), [] as [&str; 0], "no redirect is followed");
        house.trading.pass(Duration::from_secs(60));
        ears.run().await;
        assert_eq!(ears.receiver.kinds(), ["order.created", "order.created"]);
        let tries = ears.receiver.tries.lock().unwrap().clone();
        assert_eq!((tries[0] == tries[1], tries.len()), (true, 4), "the same id again: {tries:?}");
        assert_eq!((ears.row().await.failing_since, ears.waiting().await), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn without_the_houses_key_nothing_is_told_until_it_is_back() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let ears = Ears::open(&house, &["order.created"]).await;
        house.trading.order(house.trading.remote("1", &[("CUP", 1)])).await;
        let (key, away) = (fresh.state().join("house.key"), fresh.state().join("away"));
        std::fs::rename(&key, &away).unwrap();
        ears.wait_for_days().await;
        let row = ears.row().await;
        let said = row.last_error.unwrap();
        assert!(said.contains("the house's key is missing") && row.active, "{said}");
        assert_eq!(row.failing_since, None, "it is no fault of the address");
        assert_eq!((ears.waiting().await, ears.receiver.tries.lock().unwrap().len()), (1, 0));
        let owner = house.site.log_in(Role::Owner).await;
        let page = owner.page("/tokens").await;
        assert!(page.contains("key is missing"), "{page}");
        std::fs::rename(&away, &key).unwrap();
        house.trading.pass(Duration::from_secs(60));
        ears.run().await;
        assert_eq!(ears.receiver.kinds(), ["order.created"], "signed as ever");
        assert_eq!(ears.row().await.last_error, None);
    })
    .await;
}

#[tokio::test]
async fn what_our_own_store_fails_at_does_not_count_against_the_address() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 0)]).await;
        let ears = Ears::open(&house, &["stock.changed"]).await;
        ears.receive_one().await;
        fresh.run("ALTER TABLE location RENAME TO location_away").await;
        ears.wait_for_days().await;
        fresh.run("ALTER TABLE location_away RENAME TO location").await;
        let row = ears.row().await;
        assert_eq!((row.active, row.failing_since), (true, None), "{row:?}");
        assert!(row.last_error.unwrap().contains("The store does not answer"));
        let waiting = house.site.store.waiting_jobs(&format!("webhook:{}", ears.webhook), 100).await.unwrap();
        assert_eq!(waiting.iter().map(|job| job.attempts).collect::<Vec<_>>(), [0], "no try counted");
        ears.run().await;
        assert_eq!(
            (ears.receiver.kinds(), ears.row().await.last_error),
            (vec!["stock.changed".into()], None)
        );
    })
    .await;
}

#[tokio::test]
async fn a_message_that_nobody_can_read_any_more_is_given_up_alone() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let ears = Ears::open(&house, &["order.created"]).await;
        house.trading.order(house.trading.remote("1", &[("CUP", 1)])).await;
        fresh.run("UPDATE job SET payload = '{}' WHERE kind = 'order.created'").await;
        house.trading.order(house.trading.remote("2", &[("CUP", 1)])).await;
        ears.run().await;
        assert_eq!(ears.receiver.kinds(), ["order.created"]);
        let row = ears.row().await;
        assert_eq!((row.active, row.failing_since, row.last_error), (true, None, None));
        let dead = house.site.store.jobs(JobFilter { lane: None, dead: true }, 0, 10).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert!(dead[0].last_error.as_ref().unwrap().contains("cannot be read any more"), "{dead:?}");
    })
    .await;
}

#[tokio::test]
async fn of_one_shelf_only_the_newest_number_is_told() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 0)]).await;
        let ears = Ears::open(&house, &["stock.changed"]).await;
        for _ in 0..5 {
            ears.receive_one().await;
        }
        assert_eq!(ears.waiting().await, 5);
        ears.run().await;
        let got = ears.receiver.got.lock().unwrap().clone();
        assert_eq!(got.iter().map(|g| g.1["data"]["available"].as_i64()).collect::<Vec<_>>(), [Some(5)]);
        assert_eq!(ears.waiting().await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_takes_nothing_is_switched_off_and_may_be_switched_on_again() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let ears = Ears::open(&house, &["order.created"]).await;
        house.trading.order(house.trading.remote("1", &[("CUP", 1)])).await;
        ears.receiver.will(&[503; 40]);
        for _ in 0..40 {
            ears.run().await;
            house.trading.pass(Duration::from_secs(3 * 3600));
        }
        let row = ears.row().await;
        assert!(!row.active && row.stopped.unwrap().contains("3 days"));
        let owner = house.site.log_in(Role::Owner).await;
        let program = house.program("other", &banto::web::api::Scope::ALL).await;
        let shown = read(&program.get("/webhooks").await.expect(200))["webhooks"][0].clone();
        assert_eq!(shown["stopped"], "it took nothing for 3 days; last: it answered HTTP 503");
        assert_eq!(shown["last_error"], "it answered HTTP 503");
        for path in ["/tokens", "/queue?tab=dead"] {
            let page = owner.page(path).await;
            assert!(page.contains("last: it answered HTTP 503") && !page.contains("応答がHTTP"), "{page}");
        }
        owner.post("/me/language", &[("language", "ja")]).await.expect(303);
        for path in ["/tokens", "/queue?tab=dead"] {
            let page = owner.page(path).await;
            let said = "3日間、1件も届きませんでした。最後の結果: 応答がHTTP 503でした";
            assert!(page.contains(said) && !page.contains("it answered"), "{page}");
        }
        let store = &house.site.store;
        let dead = store.jobs(JobFilter { lane: None, dead: true }, 0, 10).await.unwrap();
        assert_eq!(dead.iter().map(|j| j.kind.as_str()).collect::<Vec<_>>(), ["order.created"]);
        assert!(store.alerts().await.unwrap().iter().any(|a| a.kind == "webhook_stopped"));
        house.trading.order(house.trading.remote("2", &[("CUP", 1)])).await;
        assert_eq!(ears.waiting().await, 0, "nothing new is kept for it");
        ears.receiver.will.lock().unwrap().clear();
        program.post(&format!("/webhooks/{}/activate", ears.webhook), "a", &Value::Null).await.expect(200);
        store.revive_job(dead[0].id, "test", house.trading.now()).await.unwrap();
        house.trading.pass(Duration::from_secs(6 * 3600));
        ears.run().await;
        assert_eq!(ears.receiver.kinds(), ["order.created"]);
        assert!(store.alerts().await.unwrap().iter().all(|a| !a.kind.starts_with("webhook")));
    })
    .await;
}

#[tokio::test]
async fn the_switchboard_keeps_a_lane_for_whoever_is_registered() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    let stop = CancellationToken::new();
    let reach = reach(&house.site.app.config.web);
    let board = tokio::spawn(switchboard(&house, reach).run(stop.clone()));
    let ears = Ears::open(&house, &["order.created"]).await;
    let store = &house.site.store;
    store.ping_webhook(ears.webhook, "test", house.site.clock.now()).await.unwrap();
    let heard = async {
        while ears.receiver.kinds() != ["ping"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
    store.remove_webhook(ears.webhook, "test", house.site.clock.now()).await.unwrap();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), board).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_in_the_house_is_not_taken_unless_the_config_says_so() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    let strict = Site::on(&fresh).await;
    let owner = strict.log_in(Role::Owner).await;
    let program = Program { site: &strict, token: house.all_powerful().await.token };
    for (n, (inside, address)) in [
        ("http://127.0.0.1:9000/x", "127.0.0.1"),
        ("https://127.0.0.1/x", "127.0.0.1"),
        ("http://[::1]:9000/x", "::1"),
        ("https://10.1.2.3/x", "10.1.2.3"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("https://[fd00::1]/x", "fd00::1"),
        ("https://[::ffff:192.168.1.5]/x", "::ffff:192.168.1.5"),
        ("https://localhost/x", "localhost"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "url": inside, "events": ["order.created"] });
        let told = detail(&program.post("/webhooks", &format!("k{n}"), &body).await, 422);
        let form = [("url", inside), ("event", "order.created")];
        let page = owner.post("/tokens/webhooks", &form).await.expect(422).body;
        for said in [&told, &page] {
            let helps = !address.starts_with("169.254");
            assert!(said.contains(address), "{said}");
            assert_eq!(said.contains("[web] webhooks_private = true"), helps, "{said}");
        }
    }
    assert_eq!(strict.store.webhooks().await.unwrap(), []);
    let body = json!({ "url": "https://93.184.215.14/hook", "events": ["order.created"] });
    program.post("/webhooks", "public", &body).await.expect(201);
    let program = house.program("inside", &[banto::web::api::Scope::Webhooks]).await;
    let body = json!({ "url": "https://10.1.2.3/x", "events": ["order.created"] });
    program.post("/webhooks", "private", &body).await.expect(201);
}

#[tokio::test]
async fn where_a_message_goes_is_judged_again_when_it_is_sent() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    let ears = Ears::open(&house, &["order.created"]).await;
    let store = &house.site.store;
    // It was registered while the config said so, or by a name that led elsewhere then.
    let stop = CancellationToken::new();
    let reach = reach(&WebConfig::default());
    let board = tokio::spawn(switchboard(&house, reach).run(stop.clone()));
    store.ping_webhook(ears.webhook, "test", house.site.clock.now()).await.unwrap();
    let told = async {
        loop {
            if let Some(error) = ears.row().await.last_error {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    assert!(told.contains("127.0.0.1") && told.contains("[web] webhooks_private = true"), "{told}");
    assert_eq!(ears.waiting().await, 1, "it is tried again, should the config change");
    assert_eq!(ears.receiver.tries.lock().unwrap().len(), 0, "nothing went there");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), board).await.unwrap().unwrap();
}
