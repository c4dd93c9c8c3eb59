use std::time::Duration;

use banto_channel::{Connector as _, Error, ErrorKind, Request, Response, Result};
use serde_json::json;

use super::script::{answer, shop, stage};

async fn pulled(answer: impl Fn(&Request) -> Result<Response> + Send + Sync + 'static) -> Error {
    let (cx, _) = stage(answer);
    shop("").pull_orders(&cx, None).await.unwrap_err()
}

#[tokio::test]
async fn the_gateways_envelope_is_read_whatever_the_status() {
    for status in [200, 400, 403] {
        let body = json!({ "Results": { "errorCode": "ES04-01", "message": "Un-Authorised" } });
        let refused = pulled(move |_| answer(status, &body)).await;
        assert_eq!(refused.kind, ErrorKind::Auth);
        assert!(refused.message.contains("ES04-01") && refused.message.contains("利用機能編集"), "{refused}");
    }
}

#[tokio::test]
async fn the_order_apis_envelope_keeps_its_codes() {
    let body = json!({ "MessageModelList": [
        { "messageType": "ERROR", "messageCode": "ORDER_EXT_API_SEARCH_ORDER_ERROR_009", "message": "dateTypeの項目を指定して下さい。" },
        { "messageType": "ERROR", "messageCode": "ORDER_EXT_API_SEARCH_ORDER_ERROR_011", "message": "startDatetimeの書式が不正です。" },
    ] });
    let refused = pulled(move |_| answer(400, &body)).await;
    assert_eq!(refused.kind, ErrorKind::Refused);
    assert_eq!(
        refused.message,
        "searching orders: HTTP 400, dateTypeの項目を指定して下さい (ORDER_EXT_API_SEARCH_ORDER_ERROR_009); \
         startDatetimeの書式が不正です (ORDER_EXT_API_SEARCH_ORDER_ERROR_011)"
    );
}

#[tokio::test]
async fn a_version_that_is_gone_asks_for_a_newer_banto() {
    let refused = pulled(|request| match request.url.contains("getOrder") {
        true => answer(
            400,
            json!({ "MessageModelList": [{ "messageType": "ERROR", "messageCode": "ORDER_EXT_API_GET_ORDER_ERROR_009" }] }),
        ),
        false => answer(200, json!({ "orderNumberList": ["1-20261121-1"] })),
    })
    .await;
    assert!(refused.message.contains("newer banto"), "{refused}");
}

#[tokio::test]
async fn errors_of_the_newer_apis_say_what_helps() {
    let error = |code: &'static str, status: u16| {
        pulled(move |_| answer(status, json!({ "errors": [{ "code": code, "message": "words" }] })))
    };
    let conflict = error("CE0001", 409).await;
    assert_eq!((conflict.kind, conflict.retry_after), (ErrorKind::Unreachable, Some(Duration::from_secs(5))));
    assert_eq!(error("X0000", 500).await.kind, ErrorKind::Unreachable);
    assert_eq!(error("GE0019", 500).await.kind, ErrorKind::Unreachable);
    let not_moved = error("IE1105", 400).await;
    assert_eq!(not_moved.kind, ErrorKind::Config);
    assert!(not_moved.message.contains("SKU"), "{not_moved}");
    assert_eq!(error("GA0001", 401).await.kind, ErrorKind::Auth);
}

#[tokio::test]
async fn a_charset_that_is_missing_is_our_own_fault() {
    let body = json!({ "Results": { "errorCode": "ES04-03", "message": "Unsupported Media Type" } });
    assert_eq!(pulled(move |_| answer(415, &body)).await.kind, ErrorKind::Unexpected);
    let (cx, script) = stage(|_| answer(200, json!({ "orderNumberList": [] })));
    shop("").pull_orders(&cx, None).await.unwrap();
    let content_type = script.requests()[0].headers.iter().find(|(name, _)| *name == "content-type").cloned();
    assert_eq!(content_type.unwrap().1, "application/json; charset=utf-8");
}

#[tokio::test]
async fn credentials_that_are_echoed_are_hidden() {
    let echo = "bad key SL000000_bbbbbbbb of SP000000_aaaaaaaa";
    let refused =
        pulled(move |_| answer(401, json!({ "errors": [{ "code": "GA0001", "message": echo }] }))).await;
    assert!(refused.message.contains("bad key … of …"), "{refused}");
}

#[tokio::test]
async fn the_licence_key_of_a_question_is_a_secret_of_the_request() {
    let (cx, script) = stage(|request| match request.url.contains("expiry-date") {
        true => answer(200, json!({ "expiryDate": "2026-11-28T23:59:59" })),
        false => answer(200, json!({})),
    });
    let report = shop("").probe(&cx).await.unwrap();
    // Japan's time, though nothing says so.
    assert_eq!(report.credentials_expire.unwrap().as_secs(), 1_795_877_999);
    assert!(report.warnings[0].en.contains("2026-11-28"), "{:?}", report.warnings);
    for request in script.requests() {
        let plain = format!("{:?} {:?} {:?}", request.url, request.query, request.headers);
        assert!(!plain.contains("bbbbbbbb"), "{plain}");
    }
}

#[tokio::test]
async fn a_probe_is_content_when_there_are_too_many_numbers_and_warns_without_items() {
    let (cx, _) = stage(|request| match request.url.rsplit('/').next().unwrap() {
        "range" => {
            answer(400, json!({ "errors": [{ "code": "IE0116", "message": "Too many search results" }] }))
        }
        "search" => answer(403, json!({ "Results": { "errorCode": "ES04-01" } })),
        "expiry-date" => answer(404, "nothing"),
        _ => answer(200, json!({})),
    });
    let report = shop("").probe(&cx).await.unwrap();
    assert_eq!(report.credentials_expire, None);
    assert!(report.warnings[0].en.contains("offers cannot be listed"), "{:?}", report.warnings);
    assert!(report.warnings[1].en.contains("a week before"), "{:?}", report.warnings);
}
