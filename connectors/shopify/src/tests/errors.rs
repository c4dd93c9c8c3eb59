//! What goes wrong between here and Shopify, and what the merchant reads of it.

use std::sync::Mutex;
use std::time::Duration;

use banto_channel::{Connector as _, Error, ErrorKind, Response, Result};
use serde_json::json;

use super::script::{answer, data, fault, shop, stage};

/// The error that an answer to every call makes.
async fn error(response: Result<Response>) -> Error {
    let (cx, _) = stage(move |_| response.clone());
    shop("").pull_orders(&cx, None).await.unwrap_err()
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let said = |status, words: &str| answer(status, json!({ "errors": words }).to_string());
    let mut all = Vec::new();
    for (kind, response) in [
        (
            ErrorKind::Auth,
            said(401, "[API] Invalid API key or access token (unrecognized login or wrong password)"),
        ),
        (ErrorKind::Auth, said(402, "Unavailable Shop")),
        (ErrorKind::Auth, said(403, "[API] This action requires merchant approval for read_orders scope.")),
        (ErrorKind::Config, said(404, "Not Found")),
        (ErrorKind::Refused, said(423, "Locked")),
        (ErrorKind::RateLimited, answer(430, "")),
        (
            ErrorKind::Refused,
            answer(400, "{\"errors\":{\"query\":\"Required parameter missing or invalid\"}}"),
        ),
        (ErrorKind::Unreachable, answer(503, "<html>Something went wrong</html>")),
        (ErrorKind::Malformed, answer(200, "<html>Opening soon</html>")),
        (ErrorKind::Malformed, answer(200, "{\"data\":{\"ord")),
        (ErrorKind::Malformed, answer(200, "{}")),
        (ErrorKind::Malformed, answer(200, "{\"data\":{\"orders\":7}}")),
        (
            ErrorKind::Auth,
            fault(
                "ACCESS_DENIED",
                "Access denied for orders field. Required access: `read_orders` access scope.",
            ),
        ),
        (ErrorKind::Unexpected, fault("undefinedField", "Field 'x' doesn't exist on type 'Order'")),
        (ErrorKind::Unexpected, fault("MAX_COST_EXCEEDED", "Query cost is 1200")),
        (ErrorKind::Unreachable, fault("INTERNAL_SERVER_ERROR", "Internal error. Request ID: 1")),
        (ErrorKind::Auth, fault("SHOP_INACTIVE", "The shop is inactive")),
    ] {
        let error = error(response).await;
        assert_eq!(error.kind, kind, "{error}");
        all.push(error.message);
    }
    insta::assert_snapshot!(all.join("\n"));
}

fn throttled() -> Result<Response> {
    let body = json!({
        "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }],
        "extensions": { "cost": {
            "requestedQueryCost": 700, "actualQueryCost": null,
            "throttleStatus": { "maximumAvailable": 2000.0, "currentlyAvailable": 400, "restoreRate": 100.0 },
        } },
    });
    answer(200, body.to_string())
}

#[tokio::test]
async fn a_throttled_call_is_sent_again_and_says_how_long_in_the_end() {
    let left = Mutex::new(2);
    let (cx, script) = stage(move |asked| {
        let mut left = left.lock().unwrap();
        match (*left, asked.name.as_str()) {
            (0, _) => data(&json!({ "orders": { "nodes": [], "pageInfo": { "hasNextPage": false } } })),
            _ => {
                *left -= 1;
                throttled()
            }
        }
    });
    shop("").pull_orders(&cx, None).await.unwrap();
    let asked = script.take();
    assert_eq!(asked.iter().filter(|asked| asked.name == "SearchOrders").count(), 3);
    let rest = asked[0].request.rest.unwrap();
    assert_eq!(rest(&throttled().unwrap()), Some(Duration::from_secs(6)));

    let error = error(throttled()).await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(6))));
}

#[tokio::test]
async fn no_error_shows_a_credential() {
    let body = json!({ "errors": "bad token shpat_0123456789" }).to_string();
    assert!(!error(answer(401, body)).await.message.contains("shpat_0"));
    let lost = Err(Error::new(ErrorKind::Unreachable, "sent shpat_0123456789 to nobody"));
    assert!(!error(lost).await.message.contains("shpat_0"));
}

#[tokio::test]
async fn questions_may_be_sent_twice_and_deeds_may_not() {
    for document in crate::documents::ALL {
        let deed = document.text.starts_with("mutation");
        let absolute = ["SetStock", "SetNote"].contains(&document.name);
        assert_eq!(document.idempotent, !deed || absolute, "{}", document.name);
    }
}
