//! The HTTP API over real HTTP: who gets in, that a request is done once whatever happens to it, and what webhooks tell.

pub mod keys;
mod listings;
mod webhooks;

use std::time::Duration;

use axum::http::Method;
use banto::domain::people::Role;
use banto::store::{NewToken, Reserved, StockAct, StoreError};
use banto::web::api::{self, Scope};
use banto_channel::{Clock as _, Payment};
use banto_sim::SimClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::site::{Answer, Plan, Site};
use crate::stores::{Fresh, each_store};
use crate::trading::{Trading, raw};

/// A house with one live channel, and its orders.
pub struct House {
    pub site: Site,
    pub trading: Trading,
    _secrets: TempDir,
}

impl House {
    pub async fn open(fresh: &Fresh) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("key"), "key").unwrap();
        let key = secrets.path().join("key").display().to_string();
        let honten = format!(
            "kind = \"woocommerce\"\nmode = \"live\"\n\n[connector]\nurl = \"https://shop.example\"\n\
             consumer_key_file = \"{key}\"\nconsumer_secret_file = \"{key}\"\n"
        );
        // Its programs hear of things on this machine.
        let house = "[shop]\nname = \"茶屋 <本店>\"\n[web]\nwebhooks_private = true\n";
        let plan = Plan { house, channels: &[("honten", &honten)] };
        let trading = Trading::open(fresh, "honten", true).await;
        let site = Site::planned(fresh, plan, SimClock::usual()).await;
        Self { site, trading, _secrets: secrets }
    }

    /// A program with a token for these scopes.
    pub async fn program(&self, name: &str, scopes: &[Scope]) -> Program<'_> {
        let scopes = scopes.iter().map(|s| s.name()).collect::<Vec<_>>().join(" ");
        let now = self.site.clock.now();
        let new = NewToken { name, scopes: &scopes, expires_at: None, actor: "test", now };
        let token = self.site.store.add_token(&new).await.unwrap().1;
        Program { site: &self.site, token }
    }

    pub async fn all_powerful(&self) -> Program<'_> {
        self.program("warehouse", &Scope::ALL).await
    }

    /// An order of one item that is not paid.
    async fn unpaid(&self, id: &str) -> i64 {
        let mut order = self.trading.remote(id, &[("CUP", 2)]);
        order.payment = Payment::Awaiting;
        self.trading.order(raw(order)).await
    }
}

/// A program with its token.
pub struct Program<'a> {
    site: &'a Site,
    pub token: String,
}

impl Program<'_> {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.site.stranger().ask(method, &format!("{}{path}", api::BASE), &all, body.as_bytes()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        let headers = [("idempotency-key", key), ("content-type", "application/json")];
        self.ask("POST", path, &headers, &body.to_string()).await
    }
}

fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// What is said of a refusal.
fn detail(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = read(answer);
    assert_eq!((&problem["status"], &problem["type"]), (&json!(status), &json!("about:blank")));
    problem["detail"].as_str().unwrap().to_owned()
}

fn filled(path: &str) -> String {
    path.replace("{id}", "1").replace("{code}", "CUP").replace("{name}", "honten")
}

#[tokio::test]
async fn every_route_wants_a_token_with_its_scope_and_no_cookie() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let owner = house.site.log_in(Role::Owner).await;
        let routes = api::routes();
        assert!(routes.len() >= 25, "{routes:?}");
        for (n, route) in routes.iter().enumerate() {
            let name = format!("{} {}", route.method, route.path);
            let path = filled(route.path);
            let at = format!("{}{path}", api::BASE);
            // Each from an address of its own: one that shows many wrong tokens is told to wait.
            let from = format!("192.0.2.{n}");
            let key = [("idempotency-key", "k"), ("x-forwarded-for", from.as_str())];
            let stranger = house.site.stranger().ask(route.method.as_str(), &at, &key, b"{}").await;
            assert_eq!(stranger.status, 401, "{name} without a token");
            assert!(stranger.header("www-authenticate").is_some_and(|v| v.starts_with("Bearer")));
            let by_cookie = owner.ask(route.method.as_str(), &at, &key, b"{}").await;
            assert_eq!(by_cookie.status, 401, "{name} with the owner's cookie");
            let wrong = Program { site: &house.site, token: format!("banto_{}", "x".repeat(43)) };
            assert_eq!(wrong.ask(route.method.as_str(), &path, &key, "{}").await.status, 401, "{name}");
            let others: Vec<Scope> = Scope::ALL.into_iter().filter(|s| *s != route.scope).collect();
            let other = house.program(&format!("o{}", name.len()), &others).await;
            let told = detail(&other.ask(route.method.as_str(), &path, &key, "{}").await, 403);
            assert!(told.contains(route.scope.name()), "{name}: {told}");
            house
                .site
                .store
                .revoke_token(&format!("o{}", name.len()), "test", house.site.clock.now())
                .await
                .unwrap();
            let gone = other.ask(route.method.as_str(), &path, &key, "{}").await;
            assert_eq!(gone.status, 401, "{name} with a revoked token");
            fresh.run("DELETE FROM api_token").await;
        }
        let read_only = house.program("reader", &[Scope::OrdersRead]).await;
        read_only.get("/orders").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn wrong_tokens_are_slowed_and_right_ones_never() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    let right = house.program("reader", &[Scope::OrdersRead]).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let here = from("192.0.2.66");
    let show = async |authorization: &str, address: &'static str| {
        let headers = [from(address)[0], ("authorization", authorization)];
        house.site.stranger().ask("GET", "/api/v1/orders", &headers, b"").await
    };
    let wrong = format!("Bearer banto_{}", "x".repeat(43));
    for n in 0..21 {
        let shown = if n % 2 == 0 { wrong.as_str() } else { "Basic YTpi" };
        assert_eq!(show(shown, "192.0.2.66").await.status, 401, "{n}");
    }
    let held = show(&wrong, "192.0.2.66").await;
    assert_eq!(held.header("retry-after"), Some("3"), "{:?}", held.headers);
    let told = detail(&held, 429);
    assert!(told.contains("192.0.2.66") && read(&held)["retry_after"] == 3, "{told}");
    right.ask("GET", "/orders", &here, "").await.expect(200);
    assert_eq!(show(&wrong, "192.0.2.67").await.status, 401, "another address has its own tries");
    let none = house.site.stranger().ask("GET", "/api/v1/orders", &here, b"").await;
    assert_eq!(none.status, 401, "who shows nothing has guessed nothing");
    house.site.clock.advance(Duration::from_secs(2));
    assert_eq!(show(&wrong, "192.0.2.66").await.status, 401);
    let longer = show(&wrong, "192.0.2.66").await;
    assert_eq!((longer.status, longer.header("retry-after")), (429, Some("5")));
    right.ask("GET", "/orders", &here, "").await.expect(200);
}

#[tokio::test]
async fn a_token_ends_and_tells_when_it_was_used() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let now = house.site.clock.now();
        let end = now.plus(Duration::from_secs(3600));
        let new = NewToken { name: "till", scopes: "orders:read", expires_at: Some(end), actor: "test", now };
        let token = house.site.store.add_token(&new).await.unwrap().1;
        assert!(matches!(house.site.store.add_token(&new).await, Err(StoreError::Refused(_))), "twice");
        let till = Program { site: &house.site, token };
        till.get("/orders").await.expect(200);
        let row = house.site.store.tokens().await.unwrap().pop().unwrap();
        assert_eq!(row.used_at, Some(now.0));
        assert!(!row.digest.contains(&till.token[6..]));
        house.site.clock.advance(Duration::from_secs(3600));
        till.get("/orders").await.expect(401);
        let dump = fresh.number("SELECT COUNT(*) FROM audit WHERE detail LIKE '%banto_%'").await;
        assert_eq!(dump, 0, "no token stands in the audit");
    })
    .await;
}

#[tokio::test]
async fn a_request_is_done_once_and_gets_its_first_answer_again() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let warehouse = house.all_powerful().await;
        let body = json!({ "quantity": 3, "note": "delivery 7" });
        let first = warehouse.post("/items/CUP/receive", "d7", &body).await.expect(200);
        assert_eq!(read(&first)["after"]["available"], 8);
        let again = warehouse.post("/items/CUP/receive", "d7", &body).await.expect(200);
        assert_eq!((&again.body, again.header("idempotent-replayed")), (&first.body, Some("true")));
        assert_eq!(house.trading.level("CUP").await, (8, 0, 0));
        let other = json!({ "quantity": 4, "note": "delivery 7" });
        detail(&warehouse.post("/items/CUP/receive", "d7", &other).await, 422);
        detail(&warehouse.post("/items/CUP/set", "d7", &body).await, 422);
        let none = warehouse.ask("POST", "/items/CUP/receive", &[], "{}").await;
        assert!(detail(&none, 400).contains("Idempotency-Key"));
        // The same key of another program is another request.
        let second = house.program("second", &Scope::ALL).await;
        second.post("/items/CUP/receive", "d7", &body).await.expect(200);
        assert_eq!(house.trading.level("CUP").await, (11, 0, 0));
        let audit = house.site.store.audit_page(Default::default(), i64::MAX, 9).await.unwrap().rows;
        assert!(audit.iter().any(|row| row.actor == "api:warehouse" && row.action == "stock_received"));
        // What was refused leaves its key free.
        let order = house.unpaid("1").await;
        let path = format!("/orders/{order}/release");
        detail(&warehouse.post(&path, "r", &Value::Null).await, 409);
        let path = format!("/orders/{order}/pay");
        warehouse.post(&path, "r", &Value::Null).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn twins_that_come_together_do_it_once() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 0)]).await;
        let warehouse = house.all_powerful().await;
        let body = json!({ "quantity": 1 });
        let twins = (0..12).map(|_| warehouse.post("/items/CUP/receive", "twin", &body));
        let answers = futures_util::future::join_all(twins).await;
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 409), "{}", answer.body);
        }
        assert!(answers.iter().any(|a| a.status == 200 && a.header("idempotent-replayed").is_none()));
        assert_eq!(house.trading.level("CUP").await, (1, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_deed_and_answer_neither_repeats_nor_loses_it() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let warehouse = house.all_powerful().await;
        let body = json!({ "quantity": 3 });
        let post = || warehouse.post("/items/CUP/receive", "k", &body);
        post().await.expect(200);
        // The deed was done, the answer was not kept, and the try is over.
        fresh.run("UPDATE api_request SET status = NULL, body = NULL, claimed_until = 0").await;
        let now = post().await.expect(200);
        assert_eq!(read(&now)["after"]["available"], 8, "how things stand");
        assert_eq!(house.trading.level("CUP").await, (8, 0, 0));
        // While the first try may still run, nobody else begins.
        let (start, store) = (house.site.clock.now(), &house.site.store);
        let token = store.tokens().await.unwrap()[0].id;
        let Reserved::Fresh(first) = store.reserve_request(token, "q", "d", start).await.unwrap() else {
            panic!("not fresh");
        };
        assert_eq!(store.reserve_request(token, "q", "d", start).await.unwrap(), Reserved::Running);
        let later = start.plus(Duration::from_secs(20));
        let Reserved::Fresh(second) = store.reserve_request(token, "q", "d", later).await.unwrap() else {
            panic!("the first try did nothing, so the second is fresh");
        };
        // The first try wakes up after all: its deed is refused as a whole.
        let location = store.locations().await.unwrap().remove(0);
        let act = StockAct { code: "CUP", location: &location, actor: "api:x", note: "", now: later };
        let late = store.once(first).receive_stock(&act, 1, false).await;
        assert!(matches!(late, Err(StoreError::Refused(_))), "{late:?}");
        assert_eq!(house.trading.level("CUP").await, (8, 0, 0));
        store.once(second).receive_stock(&act, 1, false).await.unwrap();
        let twice = store.once(second).receive_stock(&act, 1, false).await;
        assert!(matches!(twice, Err(StoreError::Refused(_))), "{twice:?}");
        assert_eq!(house.trading.level("CUP").await, (9, 0, 0));
        let days = later.plus(banto::store::REQUEST_KEPT).plus(Duration::from_secs(60));
        assert_eq!(store.forget_requests(later).await.unwrap(), 0);
        assert_eq!(store.forget_requests(days).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_order_goes_from_open_to_shipped() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 5)]).await;
        let order = house.unpaid("1").await;
        let (program, key) = (house.all_powerful().await, [("content-type", "application/json")]);
        let list = read(&program.get("/orders?only=unpaid&channel=honten").await.expect(200));
        assert_eq!(list["orders"][0]["id"], order);
        assert_eq!(list["orders"][0]["total"], json!({ "amount": "200", "currency": "JPY" }));
        let seen = program.get(&format!("/orders/{order}")).await.expect(200);
        let etag = seen.header("etag").unwrap().to_owned();
        assert_eq!(read(&seen)["lines"][0]["reserved"], 2);
        let path = format!("/orders/{order}/pay");
        let paid = program.post(&path, "pay", &Value::Null).await.expect(200);
        assert_eq!(read(&paid)["order"]["payment"], "paid");
        let old = [key[0], ("idempotency-key", "ship"), ("if-match", etag.as_str())];
        let ship =
            json!({ "carrier": "ヤマト運輸", "tracking": "1234", "lines": [{ "line": 1, "quantity": 2 }] });
        let path = format!("/orders/{order}/ship");
        detail(&program.ask("POST", &path, &old, &ship.to_string()).await, 412);
        let new = paid.header("etag").unwrap();
        let headers = [key[0], ("idempotency-key", "ship"), ("if-match", new)];
        let shipped = program.ask("POST", &path, &headers, &ship.to_string()).await.expect(200);
        let shipped = read(&shipped);
        assert_eq!(shipped["order"]["fulfilment"], "shipped");
        assert_eq!(shipped["order"]["parcels"][0]["lines"], json!([{ "line": 1, "quantity": 2 }]));
        let story = shipped["order"]["timeline"].as_array().unwrap();
        assert!(story.iter().any(|e| e["kind"] == "shipped" && e["actor"] == "api:warehouse"));
        let goods = json!({ "line": 1, "quantity": 1, "restock": true });
        program.post(&format!("/orders/{order}/return"), "back", &goods).await.expect(200);
        assert_eq!(house.trading.level("CUP").await, (4, 0, 0));
        program.post(&format!("/orders/{order}/note"), "n", &json!({ "text": "梱包済み" })).await.expect(200);
        let explained = read(&program.get("/items/CUP/explain").await.expect(200));
        assert!(explained["goods"][0]["movements"].as_array().unwrap().iter().any(|m| m["to"] == "shipped"));
        let item = read(&program.get("/items/CUP").await.expect(200));
        assert_eq!(item["stock"]["on_hand"], 4);
        assert_eq!(read(&program.get("/channels/honten").await.expect(200))["mode"], "live");
    })
    .await;
}

#[tokio::test]
async fn pages_hang_together_and_search_finds() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        house.trading.stock(&[("CUP", 0), ("POT", 1), ("TEA", 2)]).await;
        let mut ids = Vec::new();
        for n in 1..=7 {
            ids.push(house.trading.order(house.trading.remote(&n.to_string(), &[("CUP", 1)])).await);
        }
        house.trading.store.project(500, house.trading.now()).await.unwrap();
        let program = house.all_powerful().await;
        let (mut seen, mut path) = (Vec::new(), "/orders?limit=3".to_owned());
        loop {
            let page = read(&program.get(&path).await.expect(200));
            seen.extend(page["orders"].as_array().unwrap().iter().map(|o| o["id"].as_i64().unwrap()));
            let Some(next) = page["next_before"].as_i64() else { break };
            path = format!("/orders?limit=3&before={next}");
        }
        seen.reverse();
        assert_eq!(seen, ids);
        let after = read(&program.get(&format!("/orders?after={}", ids[4])).await.expect(200));
        let after: Vec<_> =
            after["orders"].as_array().unwrap().iter().map(|o| o["id"].as_i64().unwrap()).collect();
        assert_eq!(after, ids[5..]);
        let found = read(&program.get("/orders?q=N-3").await.expect(200));
        assert_eq!(found["orders"][0]["id"], ids[2], "{found}");
        let items = read(&program.get("/items?limit=2").await.expect(200));
        assert_eq!((&items["items"][1]["code"], &items["next_after"]), (&json!("POT"), &json!("POT")));
        let short = read(&program.get("/shortfalls").await.expect(200));
        let all = short["shortfalls"].as_array().unwrap();
        assert_eq!((all.len(), &short["next_after"]), (7, &json!(null)));
        let (mut lacking, mut path) = (Vec::new(), "/shortfalls?limit=3".to_owned());
        loop {
            let page = read(&program.get(&path).await.expect(200));
            lacking.extend(page["shortfalls"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next_after"].as_i64() else { break };
            path = format!("/shortfalls?limit=3&after={next}");
        }
        assert_eq!(&lacking, all, "each once, those that wait longest first");
        program.get("/channels/honten/listings").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    house.trading.stock(&[("CUP", 1)]).await;
    let program = house.all_powerful().await;
    let receive = "/items/CUP/receive";
    let told = detail(&program.post(receive, "1", &json!({ "quantity": 1, "qty": 2 })).await, 422);
    assert!(told.contains("`qty`"), "{told}");
    let told = detail(&program.get("/orders?limt=3").await, 422);
    assert!(told.contains("`limt`"), "{told}");
    detail(&program.post(receive, "1", &json!({ "quantity": -1 })).await, 422);
    detail(&program.post(receive, "1", &json!({ "quantity": 1, "location": "moon" })).await, 422);
    detail(&program.post(receive, "1", &json!({ "quantity": 1, "note": "a\u{0}b" })).await, 422);
    detail(&program.post("/items/NONE/receive", "1", &json!({ "quantity": 1 })).await, 404);
    detail(&program.get("/orders/x").await, 422);
    detail(&program.get("/orders/9999999").await, 404);
    detail(&program.get("/orders?limit=201").await, 422);
    detail(&program.get("/items/a%00b").await, 422);
    detail(&program.get("/nothing").await, 404);
    let other_method = program.ask("PATCH", "/orders", &[], "").await;
    detail(&other_method, 405);
    assert_eq!(other_method.header("allow"), Some("GET,HEAD"), "RFC 9110 §15.5.6");
    let plain = [("idempotency-key", "1"), ("content-type", "text/plain")];
    detail(&program.ask("POST", receive, &plain, "{}").await, 415);
    let json_type = [("idempotency-key", "1"), ("content-type", "application/json")];
    detail(&program.ask("POST", receive, &json_type, "{").await, 400);
    detail(&program.ask("POST", receive, &json_type, &" ".repeat(300_000)).await, 413);
    let long = "k".repeat(129);
    detail(&program.post(receive, &long, &json!({ "quantity": 1 })).await, 400);
    assert_eq!(house.trading.level("CUP").await, (1, 0, 0));
}

#[tokio::test]
async fn who_asks_too_often_is_told_to_wait() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    let program = house.all_powerful().await;
    let mut status = 200;
    for _ in 0..=200 {
        let answer = program.get("/channels").await;
        status = answer.status;
        if status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            break;
        }
    }
    assert_eq!(status, 429);
    let other = house.program("other", &Scope::ALL).await;
    other.get("/channels").await.expect(200);
    house.site.clock.advance(Duration::from_secs(2));
    program.get("/channels").await.expect(200);
}

#[tokio::test]
async fn the_document_is_for_everybody_and_has_every_route() {
    let fresh = Fresh::sqlite().await;
    let house = House::open(&fresh).await;
    let answer = house.site.stranger().get("/api/v1/openapi.json").await.expect(200);
    let document = read(&answer);
    for route in api::routes() {
        let method = route.method.as_str().to_lowercase();
        let operation = &document["paths"][format!("{}{}", api::BASE, route.path)][&method];
        assert_eq!(operation["security"][0]["token"][0], route.scope.name(), "{method} {}", route.path);
        let names: Vec<_> =
            operation["parameters"].as_array().into_iter().flatten().map(|p| &p["name"]).collect();
        assert_eq!(names.contains(&&json!("Idempotency-Key")), route.method != Method::GET, "{}", route.path);
    }
    let owner = house.site.log_in(Role::Owner).await;
    assert!(owner.page("/api/docs").await.contains("/api/v1/orders/{id}/ship"));
}

#[tokio::test]
async fn the_owner_makes_and_revokes_tokens_on_the_screen() {
    each_store(async |fresh: &Fresh| {
        let house = House::open(fresh).await;
        let owner = house.site.log_in(Role::Owner).await;
        let form = [("name", "till"), ("scope", "orders:read"), ("scope", "stock:read"), ("days", "30")];
        let page = owner.post("/tokens", &form).await.expect(200).body;
        let at = page.find("banto_").unwrap();
        let token: String = page[at..].chars().take_while(|c| *c != '"').collect();
        assert!(!owner.page("/tokens").await.contains(&token), "it is shown once");
        let till = Program { site: &house.site, token };
        till.get("/items").await.expect(200);
        till.get("/channels").await.expect(403);
        owner.post("/tokens/revoke", &[("name", "till")]).await.expect(303);
        till.get("/items").await.expect(401);
        let form = [("url", "http://127.0.0.1:1/x"), ("event", "order.created")];
        assert!(owner.post("/tokens/webhooks", &form).await.expect(200).body.contains("whsec_"));
        let form = [("url", "http://evil.example/x"), ("event", "order.created")];
        owner.post("/tokens/webhooks", &form).await.expect(422);
    })
    .await;
}
