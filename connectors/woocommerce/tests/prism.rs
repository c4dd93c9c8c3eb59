//! The connector's requests, held by Prism against the parameters that WooCommerce's own controllers declare.
//!
//! `BANTO_PRISM_WOO` names a `prism mock --errors` server of that specification (`tests/prism/run` starts one). Each
//! request goes there, must be accepted, and then goes to the fake shop, whose answer leads the connector on. Routes
//! that the specification leaves out go to the shop alone and are listed. Without the variable nothing is tested, and
//! that is said.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Clock, Connector, Cx, Http, IdempotencyKey, ListingId, Method, Notice, Outcome, Parcel, RemoteOrderId,
    Request, Response, Result, Secret, StockItem,
};
use banto_sim::{BasketLine, Market, Purchase, SimClock};
use banto_wire::{Wire, WireConfig};
use banto_woocommerce::fake::{FakeConfig, FakeProduct, FakeShop, FakeVariation};
use serde_json::Value;

/// What the connector is told; https, so that it shows its key as it does to a real shop.
const SHOP: &str = "https://shop.example";

/// All that the connector asks of routes in the specification: values where they name another kind of question, the
/// keys of a body in braces.
const HELD: [&str; 28] = [
    "DELETE wc/v3/webhooks/*?force=true",
    "GET wc/v3/orders/*/notes",
    "GET wc/v3/orders/*/refunds?per_page",
    "GET wc/v3/orders/*?_fields",
    "GET wc/v3/orders?per_page&_fields",
    "GET wc/v3/orders?status=any&include&per_page",
    "GET wc/v3/orders?status=any&orderby=id&order&dates_are_gmt&modified_after&modified_before&per_page&page=1",
    "GET wc/v3/orders?status=any&orderby=id&order&dates_are_gmt&modified_after&modified_before&per_page&page=2",
    "GET wc/v3/orders?status=any&orderby=id&order&dates_are_gmt&modified_after&modified_before&per_page&page=3",
    "GET wc/v3/orders?status=any&orderby=modified&order&dates_are_gmt&modified_after&per_page&page=1",
    "GET wc/v3/orders?status=trash&include&per_page",
    "GET wc/v3/orders?status=trash&orderby=modified&order&dates_are_gmt&modified_after&per_page&page=1",
    "GET wc/v3/products/*/variations?include&per_page&_fields",
    "GET wc/v3/products/*/variations?orderby=id&order&per_page&page=1&_fields",
    "GET wc/v3/products?include&per_page&_fields",
    "GET wc/v3/products?orderby=id&order&per_page&page=1&_fields",
    "GET wc/v3/products?orderby=id&order&per_page&page=2&_fields",
    "GET wc/v3/products?per_page&_fields",
    "GET wc/v3/webhooks?per_page&page=1",
    "GET wc/v3/webhooks?per_page&page=1&status=disabled",
    "POST wc/v3/orders/*/notes {customer_note, note}",
    "POST wc/v3/products/*/variations/batch {update}",
    "POST wc/v3/products/batch {update}",
    "POST wc/v3/webhooks {delivery_url, name, secret, status, topic}",
    "PUT wc/v3/orders/*?_fields {set_paid}",
    "PUT wc/v3/orders/*?_fields {status}",
    "PUT wc/v3/products/* {manage_stock, stock_quantity}",
    "PUT wc/v3/products/*/variations/* {manage_stock, stock_quantity}",
];

/// What it asks of routes that are not in it: WordPress' own, settings and status, parcels.
const BESIDE: [&str; 10] = [
    "GET ?_fields",
    "GET wc-shipment-tracking/v3/orders/*/shipment-trackings",
    "GET wc-shipment-tracking/v3/shipment-trackings/providers",
    "GET wc/v3/orders/*/fulfillments",
    "GET wc/v3/orders/*/fulfillments?per_page",
    "GET wc/v3/settings/general/woocommerce_currency",
    "GET wc/v3/system_status?_fields",
    "POST wc-shipment-tracking/v3/orders/*/shipment-trackings {custom_tracking_link, custom_tracking_provider, date_shipped, tracking_number}",
    "POST wc-shipment-tracking/v3/orders/*/shipment-trackings {date_shipped, tracking_number, tracking_provider}",
    "POST wc/v3/orders/*/fulfillments?notify_customer {is_fulfilled, meta_data, status}",
];

/// Shows every request to Prism, writes down what that said, and lets the fake shop answer.
struct Contract {
    wire: Wire,
    prism: String,
    shop: String,
    refused: Mutex<Vec<String>>,
    held: Mutex<BTreeSet<String>>,
    beside: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contract")
    }
}

/// "GET orders/*?status=any&per_page" or "PUT orders/* {status}".
fn kind(request: &Request, route: &str) -> String {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = route.split('/').map(|part| if number(part) { "*" } else { part }).collect();
    let mut kind = format!("{} {}", request.method.as_str(), parts.join("/"));
    let query = |(name, value): &(String, String)| match name.as_str() {
        "status" | "orderby" | "page" | "force" => format!("{name}={value}"),
        _ => name.clone(),
    };
    if !request.query.is_empty() {
        kind.push('?');
        kind.push_str(&request.query.iter().map(query).collect::<Vec<_>>().join("&"));
    }
    if let Ok(Value::Object(body)) = serde_json::from_slice(&request.body) {
        kind.push_str(&format!(" {{{}}}", body.keys().cloned().collect::<Vec<_>>().join(", ")));
    }
    kind
}

/// The first row of a batch as the call of its own that WooCommerce makes of it: the specification says nothing of what
/// stands in a batch.
fn first_row(request: &Request, route: &str) -> Option<(Request, String)> {
    let route = route.strip_suffix("/batch")?;
    let mut batch: Value = serde_json::from_slice(&request.body).unwrap();
    let mut row = batch["update"][0].take();
    let id = row.as_object_mut().unwrap().remove("id").unwrap();
    let request = Request { method: Method::Put, body: row.to_string().into_bytes(), ..request.clone() };
    Some((request, format!("{route}/{id}")))
}

impl Contract {
    /// Whether the specification knows the route. A refusal is written down.
    async fn show(&self, request: &Request, route: &str, kind: &str) -> bool {
        let Some(route) = route.strip_prefix("wc/v3/") else { return false };
        let request = Request { url: format!("{}/{route}", self.prism), ..request.clone() };
        let fault = match self.wire.send(request).await {
            Err(e) => e.message,
            Ok(answer) => {
                let body = String::from_utf8_lossy(&answer.body);
                if answer.status == 404 && body.contains("NO_PATH_MATCHED_ERROR") {
                    return false;
                }
                match (answer.is_success(), answer.header("sl-violations")) {
                    (true, None) => return true,
                    (_, violations) => {
                        let said = violations.unwrap_or_default();
                        format!(
                            "HTTP {}: {said} {}",
                            answer.status,
                            body.chars().take(600).collect::<String>()
                        )
                    }
                }
            }
        };
        self.refused.lock().unwrap().push(format!("{kind}: {fault}"));
        true
    }

    fn expect_all(&self) {
        let refused = self.refused.lock().unwrap();
        assert!(refused.is_empty(), "{}", refused.join("\n"));
        let list = |set: &Mutex<BTreeSet<String>>| set.lock().unwrap().iter().cloned().collect::<Vec<_>>();
        assert_eq!(list(&self.held), HELD);
        assert_eq!(list(&self.beside), BESIDE);
    }
}

#[async_trait]
impl Http for Contract {
    async fn send(&self, request: Request) -> Result<Response> {
        let route = request.url.strip_prefix(SHOP).unwrap().strip_prefix("/wp-json/").unwrap().to_owned();
        for (request, route) in
            [(request.clone(), route.clone())].into_iter().chain(first_row(&request, &route))
        {
            let kind = kind(&request, &route);
            let asked = if self.show(&request, &route, &kind).await { &self.held } else { &self.beside };
            asked.lock().unwrap().insert(kind);
        }
        self.wire.send(Request { url: format!("{}/wp-json/{route}", self.shop), ..request }).await
    }
}

/// One more than fit into a page.
fn products() -> Vec<FakeProduct> {
    let tea = |n: i64| FakeProduct {
        name: format!("煎茶 {n}"),
        sku: format!("TEA-{n}"),
        price: 540 * n,
        stock: Some(500),
        ..FakeProduct::default()
    };
    let variation = |option: &str| FakeVariation {
        option: option.to_owned(),
        sku: format!("SHIRT-{option}"),
        price: 2_200,
        stock: Some(500),
        ..FakeVariation::default()
    };
    let shirt = FakeProduct {
        name: "Shirt".to_owned(),
        attribute: "Colour".to_owned(),
        variations: ["Red", "Blue"].map(variation).into(),
        ..FakeProduct::default()
    };
    (1..=100).map(tea).chain([shirt]).collect()
}

/// A shop with everything switched on, and a connector to it.
struct Stage {
    shop: FakeShop,
    clock: Arc<SimClock>,
    cx: Cx,
    contract: Arc<Contract>,
}

impl Stage {
    async fn open(prism: &str) -> Self {
        let clock = SimClock::usual();
        let config = FakeConfig {
            products: products(),
            accept_basic_on_http: true,
            shipment_tracking: true,
            fulfilments: true,
            ..FakeConfig::new(3, clock.clone())
        };
        let shop = FakeShop::start(config).await.unwrap();
        let contract = Arc::new(Contract {
            wire: Wire::new(WireConfig::new("prism", &[]), clock.clone()).unwrap(),
            prism: prism.trim_end_matches('/').to_owned(),
            shop: shop.url().to_owned(),
            refused: Mutex::default(),
            held: Mutex::default(),
            beside: Mutex::default(),
        });
        let cx = Cx { http: contract.clone(), clock: clock.clone() };
        Self { shop, clock, cx, contract }
    }

    fn connector(&self, tracking: &str) -> Arc<dyn Connector> {
        let table = format!(
            "url = \"{SHOP}\"\nconsumer_key_file = \"ck\"\nconsumer_secret_file = \"cs\"\nwebhook_secret_file = \"hook\"\n\
             orders_per_page = 2\ntracking = \"{tracking}\""
        );
        let secret = |name: &str| {
            Ok(Secret::new(&match name {
                "hook" => "a-secret-of-the-shop-and-of-banto".to_owned(),
                half => format!("{half}_{:040x}", 3),
            }))
        };
        banto_woocommerce::build(&toml::from_str(&table).unwrap(), &secret).unwrap()
    }

    fn listings(&self) -> Vec<ListingId> {
        self.shop.offers().into_iter().map(|offer| offer.id).collect()
    }

    /// Six orders of one second, which are more than fit into a page; the last one waits for money, and the one before
    /// it for a bank transfer.
    fn orders(&self) -> [RemoteOrderId; 6] {
        let listings = self.listings().into_iter().rev().take(3);
        let lines: Vec<BasketLine> = listings.map(|listing| BasketLine { listing, quantity: 2 }).collect();
        let orders = std::array::from_fn(|n| {
            let purchase =
                Purchase { lines: lines.clone(), paid: n < 4, oversell: true, ..Purchase::default() };
            self.shop.buy(&purchase).unwrap()
        });
        self.shop.set_status(&orders[5], "pending");
        let line = self.shop.order(&orders[0]).unwrap().lines[0].0.clone();
        self.shop.refund(&orders[0], &[(line, 1)]);
        orders
    }

    /// Often enough for a thorough look and one into the bin.
    async fn pull(&self, connector: &dyn Connector) {
        let mut cursor = None;
        for _ in 0..12 {
            self.clock.advance(Duration::from_secs(60));
            loop {
                let page = connector.pull_orders(&self.cx, cursor.as_ref()).await.unwrap();
                cursor = Some(page.next);
                if !page.more {
                    break;
                }
            }
        }
    }

    async fn tell(&self, connector: &dyn Connector, orders: &[RemoteOrderId; 6], tracking: &str) {
        let parcel = |carrier: &str, completes: bool| {
            let line = self.shop.order(&orders[1]).unwrap().lines[0].0.clone();
            Notice::Shipped(Parcel {
                carrier: carrier.to_owned(),
                tracking: format!("4880-{carrier}"),
                tracking_url: Some("https://parcel.example/4880".to_owned()),
                shipped_at: self.clock.now(),
                lines: if completes { Vec::new() } else { vec![(line, 1)] },
                completes,
            })
        };
        let notices = [
            (1, parcel("ヤマト運輸", false)),
            (1, parcel("Japan Post", true)),
            (2, Notice::Note { text: "髙﨑①".to_owned() }),
            (4, Notice::Paid { at: self.clock.now() }),
            (5, Notice::Paid { at: self.clock.now() }),
            (5, Notice::Cancelled { reason: "sold out".to_owned() }),
        ];
        for (n, (order, notice)) in notices.iter().enumerate() {
            let key = IdempotencyKey(format!("{tracking}-{n}"));
            let outcome = connector.notify_order(&self.cx, &orders[*order], notice, &key).await;
            assert_eq!(outcome.unwrap(), Outcome::Applied, "{tracking}: {notice:?}");
        }
    }

    async fn count(&self, connector: &dyn Connector) {
        let listings = self.listings();
        let item = |listing: &ListingId| StockItem {
            listing: listing.clone(),
            quantity: 400,
            was: None,
            version: 1,
            key: IdempotencyKey::from("k"),
        };
        let items: Vec<StockItem> = listings.iter().map(item).collect();
        let outcomes = connector.push_stock(&self.cx, &items).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
        assert_eq!(connector.read_stock(&self.cx, &listings).await.unwrap().len(), listings.len());

        let mut page = connector.list_offers(&self.cx, None).await.unwrap();
        while page.more {
            page = connector.list_offers(&self.cx, Some(&page.next)).await.unwrap();
        }
    }

    /// Makes webhooks to where nobody listens until the shop switches one off, and has it replaced.
    async fn ring(&self, connector: &dyn Connector, order: &RemoteOrderId) {
        let nobody = "http://127.0.0.1:1/hook";
        assert_eq!(connector.ensure_webhooks(&self.cx, nobody).await.unwrap(), 4);
        for _ in 0..8 {
            self.shop.touch(order);
            assert!(self.shop.webhooks_delivered(Duration::from_secs(20)).await);
        }
        connector.probe(&self.cx).await.unwrap();
        assert_eq!(connector.ensure_webhooks(&self.cx, nobody).await.unwrap(), 1);
    }
}

/// A server that lets everything through would prove nothing.
async fn assert_strict(contract: &Contract) {
    let request = Request::new(Method::Get, format!("{}/orders", contract.prism))
        .query("per_page", "1000")
        .secret_header("authorization", Secret::new("Basic Y2s6Y3M="));
    let answer = contract.wire.send(request).await.unwrap();
    let violations = answer.header("sl-violations").unwrap_or_default();
    assert!(answer.status == 400 && violations.contains("per_page"), "HTTP {}: {violations}", answer.status);
}

#[tokio::test]
async fn woocommerces_own_parameters_take_every_request() {
    let Ok(prism) = std::env::var("BANTO_PRISM_WOO") else {
        println!("not run: BANTO_PRISM_WOO is not set");
        return;
    };
    let stage = Stage::open(&prism).await;
    assert_strict(&stage.contract).await;
    for tracking in ["order_note", "shipment_tracking", "fulfillments"] {
        let connector = stage.connector(tracking);
        connector.probe(&stage.cx).await.unwrap();
        let orders = stage.orders();
        stage.tell(&*connector, &orders, tracking).await;
        stage.shop.set_status(&orders[3], "trash");
        stage.shop.set_meta(&orders[1], "_fulfillment_status", "fulfilled".into());
        stage.pull(&*connector).await;
        assert_eq!(connector.reread_orders(&stage.cx, &orders).await.unwrap().len(), orders.len());
        stage.count(&*connector).await;
    }
    let orders = stage.orders();
    stage.ring(&*stage.connector("order_note"), &orders[0]).await;
    stage.contract.expect_all();
}
