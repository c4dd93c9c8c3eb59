//! What goes wrong between here and the shop, and what the merchant reads of it; the probe.

use std::sync::Mutex;
use std::time::Duration;

use banto_channel::{Connector as _, Error, ErrorKind, Response, Result};

use super::script::{answer, path, shop, stage, wp_error};

/// The error that an answer to `GET orders` makes.
async fn fault(response: Result<Response>) -> Error {
    let response = Mutex::new(Some(response));
    let (cx, _, _) = stage(move |_| response.lock().unwrap().take().unwrap());
    shop("").pull_orders(&cx, None).await.unwrap_err()
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let told = |status, code, message| fault(wp_error(status, code, message));
    let mut all = Vec::new();
    for (kind, error) in [
        (
            ErrorKind::Auth,
            told(401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.").await,
        ),
        (
            ErrorKind::Auth,
            told(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.").await,
        ),
        (
            ErrorKind::Auth,
            told(403, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.").await,
        ),
        (ErrorKind::Auth, fault(answer(403, "<html>Access denied</html>")).await),
        (ErrorKind::Config, told(404, "rest_no_route", "No route was found.").await),
        (ErrorKind::Config, fault(answer(404, "<html>Not found</html>")).await),
        (ErrorKind::Refused, told(400, "rest_invalid_param", "Invalid parameter(s): orderby").await),
        (
            ErrorKind::Unreachable,
            told(500, "internal_server_error", "There has been a critical error.").await,
        ),
        (ErrorKind::Unreachable, fault(answer(503, "<html>maintenance</html>")).await),
        (ErrorKind::Malformed, fault(answer(200, "<html>maintenance</html>")).await),
        (ErrorKind::Malformed, fault(answer(200, "[{\"id\":1")).await),
        (ErrorKind::Malformed, fault(answer(200, "")).await),
        (ErrorKind::Malformed, fault(answer(200, "{\"id\":1}")).await),
    ] {
        assert_eq!(error.kind, kind, "{error}");
        all.push(error.message);
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[tokio::test]
async fn delays_and_redirects_are_passed_on() {
    let with = |status: u16, name: &str, value: &str| {
        Ok(Response { status, headers: vec![(name.to_owned(), value.to_owned())], body: Vec::new() })
    };
    let error = fault(with(429, "retry-after", "12")).await;
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(12))));
    let error = fault(with(301, "location", "https://www.shop.example/wp-json/wc/v3/orders")).await;
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("www.shop.example"));
}

#[tokio::test]
async fn no_error_shows_the_key() {
    let body = "{\"code\":\"x\",\"message\":\"bad key ck_0123456789abcdef cs_fedcba9876543210\"}";
    let error = fault(answer(401, body)).await;
    assert!(!error.message.contains("ck_0") && !error.message.contains("cs_f"), "{error}");
    let error =
        fault(Err(Error::new(ErrorKind::Unreachable, "no route to ?consumer_key=ck_0123456789abcdef"))).await;
    assert!(!error.message.contains("ck_0"), "{error}");
}

#[tokio::test]
async fn a_byte_order_mark_or_broken_characters_do_not_stop_a_page() {
    let (cx, _, _) = stage(|_| {
        let mut body =
            b"\xef\xbb\xbf[{\"id\":1,\"date_created_gmt\":\"2026-11-21T08:30:00\",\"currency\":\"JPY\","
                .to_vec();
        body.extend(b"\"total\":\"1\",\"status\":\"pending\",\"customer_note\":\"\xff\"}]");
        Ok(Response { status: 200, headers: Vec::new(), body })
    });
    let page = shop("").pull_orders(&cx, None).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn a_signed_request_that_was_sent_twice_by_the_wire_is_signed_anew() {
    let plain = || {
        let text =
            "url = \"http://127.0.0.1:9\"\nconsumer_key_file = \"key\"\nconsumer_secret_file = \"secret\"";
        let table = toml::from_str(text).unwrap();
        crate::build(&table, &super::script::secrets).unwrap()
    };
    let refused = Mutex::new(1);
    let (cx, script, _) = stage(move |_| {
        let mut left = refused.lock().unwrap();
        *left -= 1;
        match *left {
            0 => wp_error(
                401,
                "woocommerce_rest_authentication_error",
                "Invalid nonce - nonce has already been used.",
            ),
            _ => answer(200, "[]"),
        }
    });
    plain().pull_orders(&cx, None).await.unwrap();
    let nonce = |at: usize| script.requests()[at].secret_query[1].1.expose().to_owned();
    assert_ne!(nonce(0), nonce(1));

    let (cx, script, _) =
        stage(|_| wp_error(401, "woocommerce_rest_authentication_error", "Consumer key is invalid."));
    assert_eq!(plain().pull_orders(&cx, None).await.unwrap_err().kind, ErrorKind::Auth);
    assert_eq!(script.take().len(), 2, "a wrong key is asked about twice, not for ever");
}

#[tokio::test]
async fn a_probe_of_a_healthy_shop_has_nothing_to_say() {
    let (cx, script, _) = stage(|request| match path(request) {
        "orders" => Ok(Response {
            status: 200,
            headers: vec![
                ("date".to_owned(), "Sat, 21 Nov 2026 10:00:30 GMT".to_owned()),
                ("allow".to_owned(), "GET, POST".to_owned()),
            ],
            body: b"[{\"id\":7,\"version\":\"9.4.3\"}]".to_vec(),
        }),
        "products" | "webhooks" => answer(200, "[]"),
        "system_status" => answer(200, "{\"environment\":{\"version\":\"10.0.2\"}}"),
        "" => answer(200, "{\"name\":\"Tea &amp; Cups\"}"),
        _ => answer(200, "{}"),
    });
    let report = shop("webhook_secret_file = \"hook\"").probe(&cx).await.unwrap();
    assert_eq!(report.server, "WooCommerce 10.0.2, Tea & Cups");
    assert_eq!(report.warnings, []);
    assert_eq!(
        script.take(),
        [
            "GET orders?per_page=1&_fields=id,version",
            "GET products?per_page=1&_fields=id",
            "GET system_status?_fields=environment.version",
            "GET ?_fields=name",
            "GET webhooks?per_page=100&page=1&status=disabled",
        ]
    );
}

#[tokio::test]
async fn a_probe_says_what_should_be_looked_at() {
    let (cx, _, _) = stage(|request| match path(request) {
        "orders" => Ok(Response {
            status: 200,
            headers: vec![("date".to_owned(), "Sat, 21 Nov 2026 10:10:00 GMT".to_owned())],
            body: b"[{\"id\":7,\"version\":\"9.4.3\"}]".to_vec(),
        }),
        "products" => Ok(Response {
            status: 200,
            headers: vec![("allow".to_owned(), "GET".to_owned())],
            body: b"[]".to_vec(),
        }),
        "webhooks" => answer(200, "[{\"id\":1,\"name\":\"banto order.created\",\"status\":\"disabled\"}]"),
        _ => wp_error(403, "woocommerce_rest_cannot_view", "Sorry."),
    });
    let report = shop("webhook_secret_file = \"hook\"").probe(&cx).await.unwrap();
    assert_eq!(report.server, "WooCommerce 9.4.3");
    let told: Vec<String> = report.warnings.iter().map(|w| format!("{}\n{}", w.en, w.ja)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_probe_with_a_wrong_key_fails() {
    let (cx, _, _) = stage(|_| wp_error(401, "woocommerce_rest_cannot_view", "Sorry."));
    assert_eq!(shop("").probe(&cx).await.unwrap_err().kind, ErrorKind::Auth);
}
