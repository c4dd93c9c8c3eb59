//! Webhooks: signed, doubled, late, switched off.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use banto_sim::faults::Fault;
use banto_sim::market::Market;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{MUG, Stage};

/// What a receiver got: head in lower case, body.
type Got = Vec<(String, String)>;

/// A receiver that answers with the status set in it.
struct Receiver {
    url: String,
    got: Arc<Mutex<Got>>,
    status: Arc<Mutex<u16>>,
}

impl Receiver {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?shop=1", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Got::new()));
        let status = Arc::new(Mutex::new(200));
        let (to, answer) = (got.clone(), status.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = Vec::new();
                loop {
                    stream.read_buf(&mut text).await.unwrap();
                    let whole = String::from_utf8_lossy(&text).into_owned();
                    let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
                    let head = head.to_lowercase();
                    let length: usize = field(&head, "content-length").unwrap().parse().unwrap();
                    if body.len() >= length {
                        to.lock().unwrap().push((whole[..head.len()].to_owned(), body.to_owned()));
                        break;
                    }
                }
                let status = *answer.lock().unwrap();
                let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        });
        Self { url, got, status }
    }

    fn take(&self) -> Got {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (n, value) = line.split_once(": ")?;
        n.eq_ignore_ascii_case(name).then_some(value)
    })
}

async fn settle(stage: &Stage) {
    assert!(stage.shop.webhooks_delivered(Duration::from_secs(5)).await);
}

async fn register(stage: &Stage, receiver: &Receiver, topic: &str) -> u64 {
    let body = json!({"topic": topic, "delivery_url": receiver.url, "secret": "s3cret", "name": "banto"});
    let answer = stage.client.send("POST", "/wc/v3/webhooks", &body).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(!answer.text().contains("s3cret"), "a secret is never shown");
    settle(stage).await;
    answer.json()["id"].as_u64().unwrap()
}

#[tokio::test]
async fn a_delivery_is_signed_and_names_itself() {
    let (stage, receiver) = (Stage::open().await, Receiver::open().await);
    let hook = register(&stage, &receiver, "order.created").await;
    let ping = receiver.take();
    assert_eq!(ping.len(), 1);
    assert_eq!(ping[0].1, format!("webhook_id={hook}"));
    assert_eq!(field(&ping[0].0, "x-wc-webhook-signature"), None);

    let order = stage.buy(MUG, 1);
    settle(&stage).await;
    let got = receiver.take();
    assert_eq!(got.len(), 1);
    let (head, body) = &got[0];
    assert!(head.starts_with("POST /hooks?shop=1 HTTP/1.1"), "{head}");
    for (name, value) in [
        ("x-wc-webhook-topic", "order.created"),
        ("x-wc-webhook-resource", "order"),
        ("x-wc-webhook-event", "created"),
        ("x-wc-webhook-id", &hook.to_string()),
        ("x-wc-webhook-source", &format!("{}/", stage.shop.url())),
        ("content-type", "application/json"),
    ] {
        assert_eq!(field(head, name), Some(value), "{name}");
    }
    assert!(field(head, "x-wc-webhook-delivery-id").is_some_and(|id| id.len() >= 32));
    let mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
    let right = STANDARD.encode(mac.chain_update(body.as_bytes()).finalize().into_bytes());
    assert_eq!(field(head, "x-wc-webhook-signature"), Some(right.as_str()));
    let (sample, sample_body) = stage.shop.signed_webhook("s3cret");
    assert!(sample.contains(&("x-wc-webhook-signature".to_owned(), right)), "{sample:?}");
    assert_eq!(sample_body, body.as_bytes());
    let payload: Value = serde_json::from_str(body).unwrap();
    assert_eq!(payload, stage.order(&order).await);
}

#[tokio::test]
async fn changes_of_one_object_that_wait_are_one_delivery() {
    let (stage, receiver) = (Stage::open().await, Receiver::open().await);
    register(&stage, &receiver, "order.updated").await;
    register(&stage, &receiver, "product.updated").await;
    receiver.take();
    let order = stage.buy(MUG, 1);
    stage.shop.ship(&order);
    stage.shop.touch(&order);
    settle(&stage).await;
    let topics: Vec<String> = receiver
        .take()
        .iter()
        .map(|(head, _)| field(head, "x-wc-webhook-topic").unwrap().to_owned())
        .collect();
    assert_eq!(topics.iter().filter(|t| *t == "order.updated").count(), 1, "{topics:?}");
    assert_eq!(topics.iter().filter(|t| *t == "product.updated").count(), 1, "{topics:?}");
}

#[tokio::test]
async fn deliveries_are_doubled_and_held_back_on_demand() {
    let (stage, receiver) = (Stage::open().await, Receiver::open().await);
    register(&stage, &receiver, "order.created").await;
    receiver.take();
    let ids = |got: Got| -> Vec<String> {
        let id = |body: &String| serde_json::from_str::<Value>(body).unwrap()["id"].to_string();
        got.iter().map(|(_, body)| id(body)).collect()
    };
    stage.shop.faults().play(Fault::HookTwice);
    let first = stage.buy(MUG, 1).0;
    settle(&stage).await;
    assert_eq!(ids(receiver.take()), [first.clone(), first]);
    stage.shop.faults().play(Fault::HookLate);
    let late = stage.buy(MUG, 1).0;
    settle(&stage).await;
    assert!(receiver.take().is_empty());
    let overtaking = stage.buy(MUG, 1).0;
    settle(&stage).await;
    assert_eq!(ids(receiver.take()), [overtaking, late]);
}

#[tokio::test]
async fn the_seventh_failure_in_a_row_switches_a_webhook_off() {
    let (stage, receiver) = (Stage::open().await, Receiver::open().await);
    let hook = register(&stage, &receiver, "order.created").await;
    receiver.take();
    let status = |stage: &Stage| stage.shop.webhooks()[0].2.clone();
    let sell = async |stage: &Stage| {
        stage.buy(MUG, 1);
        settle(stage).await;
    };
    *receiver.status.lock().unwrap() = 500;
    for _ in 0..5 {
        sell(&stage).await;
    }
    *receiver.status.lock().unwrap() = 302;
    sell(&stage).await;
    *receiver.status.lock().unwrap() = 503;
    for _ in 0..6 {
        sell(&stage).await;
        assert_eq!(status(&stage), "active", "a success between them starts the count anew");
    }
    sell(&stage).await;
    assert_eq!(status(&stage), "disabled");
    assert_eq!(receiver.take().len(), 13, "each was tried once");
    sell(&stage).await;
    assert!(receiver.take().is_empty());

    let target = format!("/wc/v3/webhooks/{hook}");
    let answer = stage.client.send("PUT", &target, &json!({"status": "active"})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("active")));
    *receiver.status.lock().unwrap() = 200;
    sell(&stage).await;
    assert_eq!(receiver.take().len(), 1);
}

#[tokio::test]
async fn webhooks_are_listed_changed_and_deleted() {
    let (stage, receiver) = (Stage::open().await, Receiver::open().await);
    let hook = register(&stage, &receiver, "order.updated").await;
    let list = stage.client.get("/wc/v3/webhooks?status=active&per_page=100").await.unwrap();
    assert_eq!((list.ids(), list.header("x-wp-total")), (vec![hook], Some("1")));
    assert_eq!(list.json()[0]["delivery_url"], receiver.url);
    let refused = async |body: Value| {
        let answer = stage.client.send("POST", "/wc/v3/webhooks", &body).await.unwrap();
        (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
    };
    let code = |what: &str| (400, format!("woocommerce_rest_shop_webhook_invalid_{what}"));
    assert_eq!(refused(json!({"topic": "order.sold", "delivery_url": "http://x"})).await, code("topic"));
    assert_eq!(
        refused(json!({"topic": "order.created", "delivery_url": "ftp://x"})).await,
        code("delivery_url")
    );
    let target = format!("/wc/v3/webhooks/{hook}");
    let without_force = stage.client.send("DELETE", &target, &json!({})).await.unwrap();
    assert_eq!(without_force.status, 501);
    let deleted = stage.client.send("DELETE", &format!("{target}?force=true"), &json!({})).await.unwrap();
    assert_eq!(deleted.status, 200);
    assert!(stage.shop.webhooks().is_empty());
    assert_eq!(stage.client.get(&target).await.unwrap().status, 400);
}
