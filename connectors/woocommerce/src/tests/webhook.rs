use std::sync::{Arc, Mutex};

use banto_channel::{Connector as _, ErrorKind, Request, Response, Result, Webhook};
use serde_json::{Value, json};

use super::script::{answer, path, query, shop, stage};

const URL: &str = "https://banto.example/hooks/tea";

fn with_secret() -> crate::WooCommerce {
    shop("webhook_secret_file = \"hook\"")
}

#[test]
fn only_the_shops_signature_is_accepted() {
    let shop = with_secret();
    let body = "{\"id\":7,\"note\":\"髙\"}".as_bytes();
    // Made with `openssl dgst -sha256 -hmac <secret> -binary | base64`.
    let good = "qriT7voa5vHTs4Veg34UPEBSOAcK6C+JkXwAC1RzHXw=";
    let check = |signature: Option<&str>, body: &[u8]| {
        let mut headers = vec![("x-wc-webhook-topic".to_owned(), "order.updated".to_owned())];
        headers.extend(signature.map(|s| ("x-wc-webhook-signature".to_owned(), s.to_owned())));
        let hook = Webhook { headers: &headers, body };
        shop.verify_webhook(&hook).map_err(|e| e.kind)
    };
    assert_eq!(check(Some(good), body), Ok(()));
    assert_eq!(check(Some(good), b"{\"id\":8}"), Err(ErrorKind::Auth));
    assert_eq!(check(Some("AAAA"), body), Err(ErrorKind::Auth));
    assert_eq!(check(None, body), Err(ErrorKind::Auth));
    assert_eq!(check(None, b"webhook_id=12"), Ok(()), "the ping is not signed");
    assert_eq!(check(Some("AAAA"), b"webhook_id=12"), Err(ErrorKind::Auth));
    assert_eq!(check(None, b"webhook_id="), Err(ErrorKind::Auth));
    assert_eq!(check(None, b"webhook_id=1&x=2"), Err(ErrorKind::Auth));
}

/// The shop's table of webhooks.
type Hooks = Arc<Mutex<Vec<Value>>>;

fn table(hooks: Vec<Value>) -> (Hooks, impl Fn(&Request) -> Result<Response> + Send + Sync) {
    let hooks = Arc::new(Mutex::new(hooks));
    let behind = hooks.clone();
    let act = move |request: &Request| {
        let mut hooks = behind.lock().unwrap();
        match request.method.as_str() {
            "GET" => {
                let page: usize = query(request, "page").unwrap().parse().unwrap();
                let rows: Vec<&Value> = hooks.iter().skip((page - 1) * 100).take(100).collect();
                answer(200, json!(rows).to_string())
            }
            "POST" => {
                let mut hook: Value = serde_json::from_slice(&request.body).unwrap();
                hook["id"] = json!(1000 + hooks.len());
                hooks.push(hook.clone());
                answer(201, hook.to_string())
            }
            _ => {
                assert_eq!(query(request, "force"), Some("true"));
                let id: i64 = path(request).rsplit('/').next().unwrap().parse().unwrap();
                hooks.retain(|hook| hook["id"] != json!(id));
                answer(200, "{}")
            }
        }
    };
    (hooks, act)
}

fn hook(id: i64, topic: &str, status: &str, url: &str) -> Value {
    json!({"id": id, "name": format!("banto {topic}"), "topic": topic, "status": status, "delivery_url": url})
}

#[tokio::test]
async fn webhooks_are_made_once() {
    let (hooks, act) = table(vec![]);
    let (cx, script, _) = stage(act);
    assert_eq!(with_secret().ensure_webhooks(&cx, URL).await.unwrap(), 4);
    assert_eq!(hooks.lock().unwrap()[0]["secret"], json!("0123456789abcdef0123456789abcdef"));
    script.take();
    assert_eq!(with_secret().ensure_webhooks(&cx, URL).await.unwrap(), 0);
    assert_eq!(script.take(), ["GET webhooks?per_page=100&page=1"]);
}

#[tokio::test]
async fn what_was_switched_off_is_made_anew_and_doubles_go() {
    let mut all: Vec<Value> =
        (1..=120).map(|n| hook(n, "order.created", "active", "https://other.example/")).collect();
    all.extend([
        hook(201, "order.created", "disabled", URL),
        hook(202, "order.updated", "active", URL),
        hook(203, "order.updated", "active", URL),
        hook(204, "order.deleted", "paused", URL),
        hook(205, "order.deleted", "active", URL),
        hook(206, "order.restored", "active", URL),
        hook(207, "product.updated", "disabled", URL),
    ]);
    let (hooks, act) = table(all);
    let (cx, _, _) = stage(act);
    assert_eq!(with_secret().ensure_webhooks(&cx, URL).await.unwrap(), 3);
    let hooks = hooks.lock().unwrap();
    let ours: Vec<(&str, &str)> = hooks
        .iter()
        .filter(|hook| hook["delivery_url"] == json!(URL))
        .map(|hook| (hook["topic"].as_str().unwrap(), hook["status"].as_str().unwrap()))
        .collect();
    assert_eq!(
        ours,
        [
            ("order.updated", "active"),
            ("order.deleted", "active"),
            ("order.restored", "active"),
            ("product.updated", "disabled"),
            ("order.created", "active"),
        ],
        "others' webhooks and other topics are left alone"
    );
    assert_eq!(hooks.len(), 125);
}

#[tokio::test]
async fn without_a_secret_there_are_no_webhooks() {
    let (cx, script, _) = stage(|_| answer(200, "[]"));
    let error = shop("").ensure_webhooks(&cx, URL).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("webhook_secret_file"));
    let hook = Webhook { headers: &[], body: b"webhook_id=1" };
    assert_eq!(shop("").verify_webhook(&hook).unwrap_err().kind, ErrorKind::Unsupported);
    assert!(script.take().is_empty());
}
