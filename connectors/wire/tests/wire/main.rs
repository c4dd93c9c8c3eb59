//! The wire against servers that misbehave, over loopback.

#![expect(clippy::unwrap_used, reason = "tests")]

mod secrets;
mod server;
mod tls;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use banto_channel::{Clock, ErrorKind, Http, Method, Quota, Request, Timestamp};
use banto_wire::{Reach, Wire, WireConfig, WireStats};
use server::{Reply, Server, reply, torn};
use tokio::net::TcpListener;

/// A clock that stands at 2026-11-21T12:00:00Z: it is only there to read a server's moments by.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_262_400)
    }
}

/// Limits small enough for a test: 3 tries, 10 ms apart, 5 s of waiting.
fn config() -> WireConfig {
    WireConfig {
        timeout: Duration::from_secs(10),
        attempts_max: 3,
        retry_time_max: Duration::from_secs(5),
        delay_first: Duration::from_millis(10),
        ..WireConfig::new("shop", &[])
    }
}

fn wire(config: WireConfig) -> Wire {
    Wire::new(config, Arc::new(Noon)).unwrap()
}

fn get(server: &Server) -> Request {
    Request::new(Method::Get, format!("{}/orders", server.url))
}

fn post(server: &Server) -> Request {
    let mut request = Request::new(Method::Post, format!("{}/orders", server.url));
    request.body = b"{\"paid\":true}".to_vec();
    request
}

fn ok() -> Reply {
    reply(200, &[], b"done")
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn a_429_with_retry_after_waits_and_goes_on_even_for_a_post() {
    let server = Server::start(vec![reply(429, &["retry-after: 1"], b"slow down"), ok()]).await;
    let wire = wire(config());
    let begun = Instant::now();
    let answer = wire.send(post(&server)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"done".as_slice()));
    assert!(begun.elapsed() >= Duration::from_millis(995), "{:?}", begun.elapsed());
    let stats = wire.stats();
    assert!(stats.rate_limit_wait_ms >= 990, "{stats:?}");
    let counted = WireStats { rate_limit_wait_ms: 0, ..stats };
    let expected = WireStats { calls: 1, retries: 1, rate_limit_waits: 1, ..WireStats::default() };
    assert_eq!(counted, expected);
    let bodies = server.seen();
    assert!(bodies.iter().all(|b| b.ends_with("{\"paid\":true}")), "the body went out twice: {bodies:?}");
}

#[tokio::test]
async fn a_429_without_a_header_is_tried_again_more_often_than_a_failure() {
    let limited = || reply(429, &[], b"");
    let server = Server::start(vec![limited(), limited(), limited(), limited(), limited(), ok()]).await;
    let answer = wire(config()).send(get(&server)).await.unwrap();
    assert_eq!((answer.status, server.calls()), (200, 6));
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_an_error_at_once_and_holds_its_group_only() {
    let server = Server::start(vec![reply(429, &["retry-after: 120"], b"daily limit"), ok()]).await;
    let wire = wire(config());
    let begun = Instant::now();
    let error = wire.send(get(&server).group("orders")).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(seconds(120))));
    assert!(error.message.contains("2 min") || error.message.contains("120 s"), "{error}");
    assert!(error.message.contains("daily limit"), "{error}");

    let error = wire.send(get(&server).group("orders")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert!(error.retry_after.is_some_and(|d| d > seconds(110) && d <= seconds(120)), "{error:?}");
    assert_eq!(server.calls(), 1, "a held group is not asked again");
    assert!(wire.group_wait("orders") > seconds(110));

    assert_eq!(wire.group_wait("stock"), Duration::ZERO);
    assert_eq!(wire.send(get(&server).group("stock")).await.unwrap().status, 200);
    assert!(begun.elapsed() < seconds(5));
}

#[tokio::test]
async fn the_last_call_of_an_allowance_holds_the_next_one() {
    let last = reply(200, &["x-ratelimit-remaining: 0", "x-ratelimit-reset: 1795262401"], b"");
    let server = Server::start(vec![last, ok()]).await;
    let wire = wire(config());
    wire.send(get(&server)).await.unwrap();
    let begun = Instant::now();
    wire.send(get(&server)).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(950), "{:?}", begun.elapsed());
    assert_eq!(wire.stats().retries, 0);
}

#[tokio::test]
async fn a_burst_goes_at_once_and_the_next_call_does_not() {
    // One in ten seconds: twice what a call may wait here.
    static QUOTAS: [Quota; 1] = [Quota { group: "", calls: 6, per: Duration::from_secs(60), burst: 5 }];
    let server = Server::start((0..6).map(|_| ok()).collect()).await;
    let wire = wire(WireConfig { quotas: &QUOTAS, ..config() });
    for _ in 0..5 {
        wire.send(get(&server)).await.unwrap();
    }
    assert_eq!(wire.stats().rate_limit_waits, 0, "not spaced");
    let wait = wire.group_wait("");
    assert!(wait > seconds(5) && wait <= seconds(10), "{wait:?}");
    let error = wire.send(get(&server)).await.unwrap_err();
    assert_eq!((error.kind, server.calls()), (ErrorKind::RateLimited, 5));
    assert!(error.retry_after.is_some_and(|d| d > seconds(5) && d <= wait), "{error:?}");
    assert!(error.message.contains("the documented allowance is used up"), "{error}");
    assert!(error.words().ja.contains("上限に達したため、送信していません"), "{error:?}");
}

#[tokio::test]
async fn server_errors_of_a_get_are_tried_again_and_the_last_one_is_the_answer() {
    let server = Server::start(vec![reply(502, &[], b""), reply(503, &[], b""), ok()]).await;
    assert_eq!(wire(config()).send(get(&server)).await.unwrap().status, 200);
    assert_eq!(server.calls(), 3);

    let server = Server::start((0..5).map(|_| reply(500, &[], b"broken")).collect()).await;
    let answer = wire(config()).send(get(&server)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (500, b"broken".as_slice()));
    assert_eq!(server.calls(), 3, "attempts_max");
}

#[tokio::test]
async fn a_503_with_retry_after_is_waited_for() {
    let server = Server::start(vec![reply(503, &["retry-after: 1"], b""), ok()]).await;
    let begun = Instant::now();
    assert_eq!(wire(config()).send(get(&server)).await.unwrap().status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(995), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_post_is_not_repeated_after_a_server_error_unless_it_is_idempotent() {
    let server = Server::start(vec![reply(503, &[], b""), ok()]).await;
    assert_eq!(wire(config()).send(post(&server)).await.unwrap().status, 503);
    assert_eq!(server.calls(), 1);
    let server = Server::start(vec![reply(503, &[], b""), ok()]).await;
    assert_eq!(wire(config()).send(post(&server).idempotent()).await.unwrap().status, 200);
    assert_eq!(server.calls(), 2);
}

#[tokio::test]
async fn other_statuses_and_web_pages_pass_through_untouched() {
    let page = b"<html><body>We will be back soon</body></html>";
    let server =
        Server::start(vec![reply(200, &["content-type: text/html"], page), reply(404, &[], b"")]).await;
    let wire = wire(config());
    let answer = wire.send(get(&server)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, page.as_slice()));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(wire.send(get(&server)).await.unwrap().status, 404);
    assert_eq!((server.calls(), wire.stats().retries), (2, 0));
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_whatever_the_call_and_told_in_plain_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wire = wire(config());
    let error = wire.send(Request::new(Method::Post, format!("http://{address}/orders"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    let told = format!("POST {address}/orders: {address} refused the connection.");
    assert!(error.message.starts_with(&told), "{error}");
    assert!(error.message.contains("Tried 3 times in "), "{error}");
    assert!(!error.message.contains("not known"), "nothing was sent: {error}");
    assert_eq!(wire.stats(), WireStats { calls: 1, retries: 2, failures: 1, ..WireStats::default() });
}

#[tokio::test]
async fn an_unknown_name_is_told_as_such() {
    // A label of 64 letters: the resolver refuses it without asking anybody.
    let host = format!("{}.example", "a".repeat(64));
    let error = wire(config()).send(Request::new(Method::Get, format!("http://{host}/"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable);
    assert!(error.message.contains(&format!("no address is known for {host} (DNS")), "{error}");
}

#[tokio::test]
async fn a_body_above_the_limit_is_given_up_early() {
    let server = Server::start(vec![Reply::Endless(50_000_000), torn(200, &[], b"", 50_000_000)]).await;
    let wire = wire(WireConfig { body_max: 1_000_000, ..config() });
    for _ in 0..2 {
        let error = wire.send(get(&server)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed);
        assert!(error.message.contains("size limit of 1 MB"), "{error}");
    }
    assert_eq!(server.calls(), 2, "asking again would bring the same");
    // What is not in our limit is in the buffers of two sockets.
    let written = server.written.load(Ordering::SeqCst);
    assert!(written < 25_000_000, "{written} bytes went out");
}

#[tokio::test]
async fn a_torn_body_is_tried_again_only_if_that_is_safe() {
    let broken = || torn(200, &[], b"[{\"id\":1},{\"i", 5000);
    let server = Server::start(vec![broken(), ok()]).await;
    assert_eq!(wire(config()).send(get(&server)).await.unwrap().body, b"done");

    let server = Server::start(vec![broken(), broken(), broken(), ok()]).await;
    let error = wire(config()).send(get(&server)).await.unwrap_err();
    assert_eq!((error.kind, server.calls()), (ErrorKind::Malformed, 3));
    assert!(error.message.contains("broke off (HTTP 200, after 13 bytes)"), "{error}");

    let server = Server::start(vec![broken(), ok()]).await;
    let error = wire(config()).send(post(&server)).await.unwrap_err();
    assert_eq!((error.kind, server.calls()), (ErrorKind::Malformed, 1));
    assert!(error.message.contains("not known whether it was carried out"), "{error}");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_only_if_that_is_safe() {
    let server = Server::start(vec![Reply::Close, ok()]).await;
    assert_eq!(wire(config()).send(get(&server)).await.unwrap().status, 200);

    let server = Server::start(vec![Reply::Close, ok()]).await;
    let error = wire(config()).send(post(&server)).await.unwrap_err();
    assert_eq!((error.kind, server.calls()), (ErrorKind::Unreachable, 1));
    assert!(error.message.contains("closed the connection before it answered"), "{error}");
    assert!(error.message.contains("not known whether it was carried out"), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_the_time_out() {
    let server = Server::start(vec![Reply::Hang, ok()]).await;
    let wire = wire(WireConfig { timeout: Duration::from_millis(500), ..config() });
    let error = wire.send(post(&server)).await.unwrap_err();
    assert_eq!((error.kind, server.calls()), (ErrorKind::Unreachable, 1));
    assert!(error.message.contains("gave no complete answer within 0.5 s"), "{error}");
    let server = Server::start(vec![Reply::Hang, ok()]).await;
    assert_eq!(wire.send(get(&server)).await.unwrap().status, 200);
}

#[tokio::test]
async fn gzip_is_unpacked_and_counted_unpacked() {
    // 51 bytes of JSON.
    const SMALL: [u8; 34] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 75, 204, 77, 85, 178, 82, 74, 36, 18, 40, 213, 2, 0,
        160, 46, 157, 34, 51, 0, 0, 0,
    ];
    // 100,000 zeros: this head, 97 bytes of nothing, this tail.
    const HEAD: [u8; 27] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 74, 235, 159, 206, 26, 30, 64, 1,
    ];
    const TAIL: [u8; 9] = [6, 133, 194, 77, 197, 160, 134, 1, 0];
    let bomb = [HEAD.as_slice(), &[0; 96], &[175], &TAIL].concat();
    let packed = ["content-encoding: gzip"];
    let server = Server::start(vec![reply(200, &packed, &SMALL), reply(200, &packed, &bomb)]).await;
    let wire = wire(WireConfig { body_max: 50_000, ..config() });
    let answer = wire.send(get(&server)).await.unwrap();
    assert_eq!(answer.body, format!("{{\"name\":\"{}\"}}", "a".repeat(40)).as_bytes());
    assert!(server.seen()[0].contains("accept-encoding: gzip"));
    let error = wire.send(get(&server)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Malformed);
    assert!(error.message.contains("size limit of 50 kB"), "{error}");
}

#[tokio::test]
async fn a_get_follows_redirects_on_its_host_and_nothing_else_does() {
    let moved = ["location: /v2/orders?page=1"];
    let server = Server::start(vec![reply(301, &moved, b""), ok(), reply(308, &moved, b"")]).await;
    let wire = wire(config());
    let call = get(&server).secret_header("authorization", banto_channel::Secret::new("Bearer tok_123"));
    assert_eq!(wire.send(call).await.unwrap().status, 200);
    let second = &server.seen()[1];
    assert!(second.starts_with("GET /v2/orders?page=1 ") && second.contains("Bearer tok_123"), "{second}");
    assert_eq!(wire.send(post(&server)).await.unwrap().status, 308);
    assert_eq!(server.calls(), 3);

    let away = ["location: http://127.0.0.2/orders"];
    let server = Server::start(vec![reply(302, &away, b"")]).await;
    assert_eq!(wire.send(get(&server)).await.unwrap().status, 302);

    let server = Server::start((0..10).map(|_| reply(302, &["location: /orders"], b"")).collect()).await;
    let error = wire.send(get(&server)).await.unwrap_err();
    assert_eq!((error.kind, server.calls()), (ErrorKind::Malformed, 6));
    assert!(error.message.contains("redirects without end"), "{error}");
}

#[tokio::test]
async fn nothing_goes_where_the_wire_must_not_reach() {
    let server = Server::start(vec![ok(), ok()]).await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let public = wire(WireConfig { reach: Reach::Public { unless: "inside = true" }, ..config() });
    // As an address, written as few would, and by a name that is looked up.
    let mapped = "[::ffff:127.0.0.1]";
    for host in ["127.0.0.1", "0x7f.1", "2130706433", mapped, "[::1]", "[fd00::1]", "10.0.0.1", "localhost"] {
        let request = Request::new(Method::Post, format!("http://{host}:{port}/orders"));
        let error = public.send(request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{host}: {error}");
        assert!(error.message.contains("inside = true") && !error.message.contains("Tried"), "{error}");
    }
    let house = wire(WireConfig { reach: Reach::House, ..config() });
    let error = house.send(Request::new(Method::Get, "http://169.254.169.254/latest")).await.unwrap_err();
    assert!(error.message.contains("169.254.169.254, a link-local"), "{error}");
    assert_eq!(server.calls(), 0);
    assert_eq!(house.send(get(&server)).await.unwrap().status, 200);
    let named = Request::new(Method::Get, format!("http://localhost:{port}/orders"));
    assert_eq!(house.send(named).await.unwrap().status, 200, "the resolver of our own finds names");
}
