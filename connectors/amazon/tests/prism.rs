//! The connector's requests, and the fake's answers, held against Amazon's own models by Prism.
//!
//! `prism mock` servers of the four models are named by `BANTO_PRISM_AMAZON_ORDERS` (2026-01-01), `_ORDERS_V0`,
//! `_LISTINGS` and `_FEEDS`: each request that the connector makes is sent to them and must be accepted. With
//! `BANTO_PRISM_AMAZON_FAKE_PORT` the fake listens on that port, and the same four names with `PROXY` for `AMAZON`
//! (`BANTO_PRISM_PROXY_ORDERS` …) are `prism proxy` servers before it: what goes through them must fit in both
//! directions. Without these variables nothing is tested, and that is said.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use banto_amazon::fake::{FakeAmazon, FakeConfig};
use banto_channel::{
    Clock, Connector, Cursor, Cx, Http, IdempotencyKey, ListingId, Notice, Outcome, Parcel, Receipt,
    RemoteOrderId, Request, Response, Result, Secret, StockItem,
};
use banto_sim::{BasketLine, Market, Purchase, SimClock};
use banto_wire::{Wire, WireConfig};
use serde_json::{Value, json};

/// Where the parts of the API are found, by the beginning of their paths.
type Routes = Vec<(&'static str, String)>;

/// Answers in the place of a server, where a model's example would lead the connector nowhere.
type Instead = fn(&Request) -> Option<Value>;

/// Sends every call to the server of its model and writes down what that said.
struct Contract {
    wire: Wire,
    routes: Routes,
    instead: Instead,
    log: Mutex<Vec<String>>,
    sent: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contract")
    }
}

/// "GET /orders/…" with the ids of a path left out.
fn kind(request: &Request) -> String {
    let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
    let versions = ["2026-01-01", "2021-08-01", "2021-06-30", "v0", "orderItems", "shipmentConfirmation"];
    let known = |part: &&str| part.bytes().all(|b| b.is_ascii_lowercase()) || versions.contains(part);
    let parts: Vec<&str> = path.split('/').map(|part| if known(&part) { part } else { "*" }).collect();
    format!("{} /{}", request.method.as_str(), parts.join("/"))
}

#[async_trait]
impl Http for Contract {
    async fn send(&self, mut request: Request) -> Result<Response> {
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        let instead = (self.instead)(&request).map(|body| Response {
            status: 200,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        });
        let Some((_, base)) = self.routes.iter().find(|(prefix, _)| path.starts_with(prefix)) else {
            return match instead {
                Some(answer) => Ok(answer),
                None => self.wire.send(request).await,
            };
        };
        request.url = format!("{base}/{path}");
        let name = kind(&request);
        let answer = self.wire.send(request).await?;
        let violations = answer.header("sl-violations").unwrap_or_default();
        if !answer.is_success() || !violations.is_empty() {
            let body = String::from_utf8_lossy(&answer.body).chars().take(600).collect::<String>();
            self.log.lock().unwrap().push(format!("{name}: HTTP {}: {violations} {body}", answer.status));
        }
        self.sent.lock().unwrap().insert(name);
        Ok(instead.unwrap_or(answer))
    }
}

/// The servers that the environment names; `None`, said aloud, if one is missing.
fn routes(of: &str) -> Option<Routes> {
    let parts =
        [("orders/2026", "ORDERS"), ("orders/v0", "ORDERS_V0"), ("listings", "LISTINGS"), ("feeds", "FEEDS")];
    let mut routes = Vec::new();
    for (prefix, name) in parts {
        let name = format!("BANTO_PRISM_{of}_{name}");
        match std::env::var(&name) {
            Ok(base) => routes.push((prefix, base.trim_end_matches('/').to_owned())),
            Err(_) => {
                println!("not run: {name} is not set");
                return None;
            }
        }
    }
    Some(routes)
}

fn contract(routes: Routes, instead: Instead, clock: Arc<SimClock>) -> (Arc<Contract>, Cx) {
    let wire = Wire::new(WireConfig::new("prism", &[]), clock.clone()).unwrap();
    let contract =
        Arc::new(Contract { wire, routes, instead, log: Mutex::default(), sent: Mutex::default() });
    (contract.clone(), Cx { http: contract, clock })
}

fn items(skus: &[&str]) -> Vec<StockItem> {
    let item = |sku: &&str| StockItem {
        listing: ListingId::from(*sku),
        quantity: 7,
        was: None,
        version: 1,
        key: IdempotencyKey::from("k"),
    };
    skus.iter().map(item).collect()
}

fn parcel(clock: &SimClock) -> Notice {
    Notice::Shipped(Parcel {
        carrier: "ヤマト運輸".to_owned(),
        tracking: "4880-0000-0001".to_owned(),
        tracking_url: None,
        shipped_at: clock.now(),
        lines: Vec::new(),
        completes: true,
    })
}

/// Makes every call once; what comes of it is of no matter here.
async fn say_everything(connector: &dyn Connector, cx: &Cx, clock: &SimClock, order: &RemoteOrderId) {
    let skus = ["TEA-00001", "TEA-00002", "TEA-00003", "TEA-00004", "TEA-00005", "TEA/6 髙"];
    let listings: Vec<ListingId> = skus.iter().map(|sku| ListingId::from(*sku)).collect();
    let _ = connector.probe(cx).await;
    let mut cursor: Option<Cursor> = None;
    for _ in 0..3 {
        match connector.pull_orders(cx, cursor.as_ref()).await {
            Ok(page) if page.more => cursor = Some(page.next),
            _ => break,
        }
    }
    let _ = connector.reread_orders(cx, std::slice::from_ref(order)).await;
    let offers = connector.list_offers(cx, None).await;
    if let Ok(page) = offers.as_ref() {
        let _ = connector.list_offers(cx, Some(&page.next)).await;
    }
    let _ = connector.read_stock(cx, &listings[..2]).await;
    let _ = connector.read_stock(cx, &listings).await;
    let _ = connector.push_stock(cx, &items(&skus[..1])).await;
    let fed = connector.push_stock(cx, &items(&skus)).await;
    clock.advance(Duration::from_secs(600));
    if let Some(Outcome::Pending(Receipt(receipt))) =
        fed.ok().and_then(|outcomes| outcomes.into_iter().next())
    {
        let _ = connector.poll_receipt(cx, &Receipt(receipt)).await;
    }
    let _ = connector.notify_order(cx, order, &parcel(clock), &"01JC0PRISM".into()).await;
}

fn expect_all(contract: &Contract) {
    let log = contract.log.lock().unwrap();
    assert!(log.is_empty(), "{}", log.join("\n"));
    let sent: Vec<String> = contract.sent.lock().unwrap().iter().cloned().collect();
    insta::assert_snapshot!("requests", sent.join("\n"));
}

/// What Prism's examples have not: a token, an order that may be shipped, a feed that is done.
fn instead(request: &Request) -> Option<Value> {
    let item = json!({ "orderItemId": "1", "quantityOrdered": 1, "product": { "sellerSku": "A" } });
    let order = json!({
        "orderId": "250-1234567-1234567", "createdTime": "2026-03-01T00:00:00Z",
        "lastUpdatedTime": "2026-03-01T00:00:00Z", "salesChannel": { "channelName": "AMAZON" },
        "fulfillment": { "fulfillmentStatus": "UNSHIPPED" }, "orderItems": [item],
        "payment": { "paymentExecutions": [{ "paymentMethod": "CashOnDelivery" }] },
    });
    let document =
        json!({ "feedDocumentId": "D1", "url": "https://store.example/D1?X-Amz-Signature=0123456789" });
    Some(match kind(request).as_str() {
        "POST /auth/*/token" => json!({ "access_token": "Atza|0123456789", "expires_in": 3600 }),
        "GET /orders/2026-01-01/orders/*" => json!({ "order": order }),
        "POST /feeds/2021-06-30/documents" | "GET /feeds/2021-06-30/documents/*" => document,
        "POST /feeds/2021-06-30/feeds" => json!({ "feedId": "50" }),
        "GET /feeds/2021-06-30/feeds/*" => {
            json!({ "processingStatus": "DONE", "resultFeedDocumentId": "D1" })
        }
        "PUT /*" | "GET /*" => json!({ "issues": [] }),
        _ => return None,
    })
}

#[tokio::test]
async fn amazons_models_accept_every_request() {
    let Some(routes) = routes("AMAZON") else { return };
    let clock = SimClock::usual();
    let (contract, cx) = contract(routes, instead, clock.clone());
    for api in ["2026-01-01", "v0"] {
        let table = format!(
            "marketplace = \"JP\"\nseller_id = \"A1EXAMPLE\"\nclient_id = \"c\"\nclient_secret_file = \"s\"\n\
             refresh_token_file = \"r\"\npatch_up_to = 2\nfba_orders = false\norders_api = \"{api}\"\n\
             endpoint = \"https://api.example\"\ntoken_url = \"https://api.example/auth/o2/token\""
        );
        let secret = |name: &str| Ok(Secret::new(&name.repeat(12)));
        let connector = banto_amazon::build(&toml::from_str(&table).unwrap(), &secret).unwrap();
        say_everything(&*connector, &cx, &clock, &"250-1234567-1234567".into()).await;
    }
    expect_all(&contract);
}

#[tokio::test]
async fn the_fake_answers_as_amazons_models_say() {
    let Ok(port) = std::env::var("BANTO_PRISM_AMAZON_FAKE_PORT") else {
        println!("not run: BANTO_PRISM_AMAZON_FAKE_PORT is not set");
        return;
    };
    let Some(routes) = routes("PROXY") else { return };
    let clock = SimClock::usual();
    let config = FakeConfig { port: port.parse().unwrap(), ..FakeConfig::new(3, clock.clone()) };
    let fake = FakeAmazon::start(config).await.unwrap();
    let (contract, cx) = contract(routes, |_| None, clock.clone());
    for api in ["2026-01-01", "v0"] {
        let lines = vec![BasketLine { listing: ListingId::from("TEA-00003"), quantity: 2 }];
        let orders: Vec<RemoteOrderId> = (0..12)
            .map(|n| {
                let purchase =
                    Purchase { lines: lines.clone(), paid: n % 3 > 0, oversell: true, ..Purchase::default() };
                fake.buy(&purchase).unwrap()
            })
            .collect();
        fake.make_cash_on_delivery(&orders[1]);
        fake.ship(&orders[2]);
        fake.cancel(&orders[4]);
        clock.advance(Duration::from_secs(300));
        let table = format!("{}patch_up_to = 2\norders_per_page = 5\norders_api = \"{api}\"", fake.table());
        let secret = |name: &str| Ok(Secret::new(&fake.credential(name)));
        let connector = banto_amazon::build(&toml::from_str(&table).unwrap(), &secret).unwrap();
        say_everything(&*connector, &cx, &clock, &orders[1]).await;
        assert_eq!(fake.order(&orders[1]).unwrap().parcels.len(), 1);
    }
    expect_all(&contract);
}
