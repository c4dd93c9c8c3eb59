//! A fake shop, a connector to it, and what went over the wire.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use banto_channel::{
    Connector, Cx, Http, IdempotencyKey, ListingId, Notice, Outcome, Parcel, Read, RemoteOrder,
    RemoteOrderId, Request, Response, Result, Secret, StockItem,
};
use banto_sim::{BasketLine, Market, Purchase, SimClock};
use banto_wire::{Wire, WireConfig};
use serde_json::Value;

use crate::fake::{FakeConfig, FakeShop};

/// A way out that keeps what went through it.
pub struct Tap {
    wire: Wire,
    log: Mutex<Vec<(Value, Option<Value>)>>,
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

#[async_trait]
impl Http for Tap {
    async fn send(&self, request: Request) -> Result<Response> {
        let asked = serde_json::from_slice(&request.body).unwrap();
        let answer = self.wire.send(request).await;
        let told = answer.as_ref().ok().and_then(|a| serde_json::from_slice(&a.body).ok());
        self.log.lock().unwrap().push((asked, told));
        answer
    }
}

impl Tap {
    /// Questions and answers since the last call.
    pub fn take(&self) -> Vec<(Value, Option<Value>)> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// The names of the operations since the last call.
    pub fn names(&self) -> Vec<String> {
        let name = |(asked, _): (Value, Option<Value>)| {
            let head = asked["query"].as_str().unwrap().split(['(', '{']).next().unwrap().to_owned();
            head.split_whitespace().nth(1).unwrap_or_default().to_owned()
        };
        self.take().into_iter().map(name).collect()
    }
}

/// Everything a test needs.
pub struct Stage {
    pub shop: Arc<FakeShop>,
    pub connector: Arc<dyn Connector>,
    pub tap: Arc<Tap>,
    pub cx: Cx,
    pub clock: Arc<SimClock>,
}

pub const PASSWORD: &str = "username = \"banto@shop.example\"\npassword_file = \"password\"\n";

/// A shop with twenty variants of 100 units, and a connector with a password.
pub async fn stage() -> Stage {
    stage_with(|_| (), PASSWORD).await
}

pub async fn stage_with(change: impl FnOnce(&mut FakeConfig), extra: &str) -> Stage {
    let clock = SimClock::usual();
    let mut config = FakeConfig::new(3, clock.clone()).with_variants(20);
    change(&mut config);
    let (password, key) = (config.password.clone(), config.api_key.clone());
    let shop = Arc::new(FakeShop::start(config).await.unwrap());
    let text = format!("url = \"{}\"\nnote_custom_field = \"customerNote\"\n{extra}", shop.url());
    let secret = |name: &str| Ok(Secret::new(if name == "key" { &key } else { &password }));
    let connector = crate::build(&toml::from_str(&text).unwrap(), &secret).unwrap();
    let wire = WireConfig { delay_first: Duration::from_millis(1), ..WireConfig::new("test", &[]) };
    let tap = Arc::new(Tap { wire: Wire::new(wire, clock.clone()).unwrap(), log: Mutex::default() });
    let cx = Cx { http: tap.clone(), clock: clock.clone() };
    Stage { shop, connector, tap, cx, clock }
}

impl Stage {
    /// An order of so many units of each variant, from the first on.
    pub fn buy(&self, units: &[i64], paid: bool) -> RemoteOrderId {
        let line = |(n, quantity): (usize, &i64)| BasketLine {
            listing: ListingId(n.to_string()),
            quantity: *quantity,
        };
        let lines = (1..).zip(units).map(line).collect();
        self.shop.buy(&Purchase { lines, paid, ..Purchase::default() }).unwrap()
    }

    pub async fn order(&self, id: &RemoteOrderId) -> RemoteOrder {
        let reads = self.connector.reread_orders(&self.cx, std::slice::from_ref(id)).await.unwrap();
        match reads.into_iter().next() {
            Some(Read::Order(order)) => *order,
            other => panic!("{other:?}"),
        }
    }

    pub async fn tell(&self, id: &RemoteOrderId, notice: &Notice) -> Result<Outcome> {
        self.connector.notify_order(&self.cx, id, notice, &IdempotencyKey::from("k-1")).await
    }

    pub async fn push(&self, numbers: &[(&str, i64)]) -> Result<Vec<Outcome>> {
        let item = |(listing, quantity): &(&str, i64)| StockItem {
            listing: ListingId::from(*listing),
            quantity: *quantity,
            was: None,
            version: 1,
            key: IdempotencyKey::from("k"),
        };
        let items: Vec<StockItem> = numbers.iter().map(item).collect();
        self.connector.push_stock(&self.cx, &items).await
    }

    pub fn parcel(&self, tracking: &str, lines: &[(&str, i64)]) -> Notice {
        Notice::Shipped(Parcel {
            carrier: "ヤマト運輸".to_owned(),
            tracking: tracking.to_owned(),
            tracking_url: None,
            shipped_at: self.cx.clock.now(),
            lines: lines.iter().map(|(line, n)| ((*line).to_owned(), *n)).collect(),
            completes: lines.is_empty(),
        })
    }
}
