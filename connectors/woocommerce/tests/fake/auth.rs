//! Who is let in.

use std::time::Duration;

use banto_channel::Clock;
use banto_sim::market::Market;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Stage;
use crate::client::with_query;

const ORDERS: &str = "/wc/v3/orders";

#[tokio::test]
async fn both_signature_methods_are_taken_and_parameters_are_signed() {
    let mut stage = Stage::open().await;
    for sha256 in [true, false] {
        stage.client.sha256 = sha256;
        let target = "/wc/v3/orders?status=any&search=髙 &&modified_after=2026-01-01T00:00:00";
        let answer = stage.client.get(target).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // PHP makes an array of it, and signs it with its index.
    let own = [("status[0]".to_owned(), "pending".to_owned())];
    let signed = stage.client.sign("GET", ORDERS, &own, stage.clock.now().as_secs());
    let answer = stage.client.raw("GET", &with_query(ORDERS, &signed), &[], "").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_signature_counts_once() {
    let stage = Stage::open().await;
    let signed = stage.client.sign("GET", ORDERS, &[], stage.clock.now().as_secs());
    let target = with_query(ORDERS, &signed);
    assert_eq!(stage.client.raw("GET", &target, &[], "").await.unwrap().status, 200);
    let again = stage.client.raw("GET", &target, &[], "").await.unwrap();
    assert_eq!(again.status, 401);
    assert_eq!(again.json()["code"], "woocommerce_rest_authentication_error");
    assert_eq!(again.json()["message"], "Invalid nonce - nonce has already been used.");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_in_woocommerces_words() {
    let mut stage = Stage::open().await;
    let now = stage.clock.now().as_secs();
    let says = async |stage: &Stage, method: &str, target: &str| {
        let answer = stage.client.raw(method, target, &[], "").await.unwrap();
        assert_eq!(answer.status, 401, "{}", answer.text());
        answer.json()["message"].as_str().unwrap().to_owned()
    };
    for (when, message) in [(now - 901, "Invalid timestamp."), (now + 901, "Invalid timestamp.")] {
        let signed = stage.client.sign("GET", ORDERS, &[], when);
        assert_eq!(says(&stage, "GET", &with_query(ORDERS, &signed)).await, message);
    }
    let mismatch = "Invalid signature - provided signature does not match.";
    let signed = stage.client.sign("GET", ORDERS, &[], now);
    assert_eq!(says(&stage, "POST", &with_query(ORDERS, &signed)).await, mismatch);
    let mut signed = stage.client.sign("GET", ORDERS, &[], now);
    signed.push(("per_page".to_owned(), "5".to_owned()));
    assert_eq!(says(&stage, "GET", &with_query(ORDERS, &signed)).await, mismatch);
    let mut signed = stage.client.sign("GET", ORDERS, &[], now);
    signed.retain(|(name, _)| name != "oauth_nonce");
    let target = with_query(ORDERS, &signed);
    assert_eq!(says(&stage, "GET", &target).await, "Missing OAuth parameter oauth_nonce");
    stage.client.secret = "cs_wrong".to_owned();
    assert_eq!(stage.client.get(ORDERS).await.unwrap().json()["message"], mismatch);
    stage.client.key = "ck_wrong".to_owned();
    let answer = stage.client.get(ORDERS).await.unwrap();
    assert_eq!(answer.json()["message"], "Consumer key is invalid.");
}

#[tokio::test]
async fn a_timestamp_may_be_fifteen_minutes_off() {
    let stage = Stage::open().await;
    let signed = stage.client.sign("GET", ORDERS, &[], stage.clock.now().as_secs());
    stage.clock.advance(Duration::from_secs(900));
    let answer = stage.client.raw("GET", &with_query(ORDERS, &signed), &[], "").await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn basic_is_not_looked_at_on_plain_http() {
    let header = |stage: &Stage, secret: &str| {
        let pair = format!("{}:{secret}", stage.client.key);
        format!("Basic {}", STANDARD.encode(pair))
    };
    let stage = Stage::open().await;
    let basic = header(&stage, &stage.client.secret);
    let answer = stage.client.raw("GET", ORDERS, &[("Authorization", &basic)], "").await.unwrap();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["code"], "woocommerce_rest_cannot_view");
    assert_eq!(answer.json()["message"], "Sorry, you cannot list resources.");
    assert_eq!(answer.json()["data"]["status"], 401);

    let stage = Stage::with(|config| config.accept_basic_on_http = true).await;
    let basic = header(&stage, &stage.client.secret);
    let answer = stage.client.raw("GET", ORDERS, &[("Authorization", &basic)], "").await.unwrap();
    assert_eq!(answer.status, 200);
    let basic = header(&stage, "cs_wrong");
    let answer = stage.client.raw("GET", ORDERS, &[("Authorization", &basic)], "").await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["message"].as_str()),
        (401, Some("Consumer secret is invalid."))
    );
}

#[tokio::test]
async fn keys_are_revoked_given_back_and_limited_to_reading() {
    let stage = Stage::with(|config| config.read_only_key = true).await;
    stage.shop.accept_credentials(false);
    assert_eq!(stage.client.get(ORDERS).await.unwrap().status, 401);
    stage.shop.accept_credentials(true);
    assert_eq!(stage.client.get(ORDERS).await.unwrap().status, 200);
    let body = json!({"stock_quantity": 1});
    let answer = stage.client.send("PUT", "/wc/v3/products/11", &body).await.unwrap();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["message"], "The API key provided does not have write permissions.");
    assert_eq!(stage.shown(crate::MUG), Some(50));
}

#[tokio::test]
async fn the_index_is_open_and_routes_are_not_guessed() {
    let stage = Stage::open().await;
    let index = stage.client.raw("GET", "/", &[], "").await.unwrap().json();
    assert!(index["namespaces"].as_array().unwrap().contains(&json!("wc/v3")));
    for target in ["/wc/v3/nothing", "/wc/v3/orders/x", "/wc/v4/orders", "/wp/v2/posts"] {
        let answer = stage.client.get(target).await.unwrap();
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("rest_no_route")), "{target}");
    }
    let answer = stage.client.get("/wc/v3/settings/general/woocommerce_currency").await.unwrap();
    assert_eq!(answer.json()["value"], "JPY");
    let status = stage.client.get("/wc/v3/system_status").await.unwrap().json();
    assert_eq!(status["environment"]["version"], "10.0.2");
    assert_eq!(status["settings"]["HPOS_enabled"], true);
}
