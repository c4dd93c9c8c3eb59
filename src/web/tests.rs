//! The pages over real HTTP on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::sync::Mutex;

use async_trait::async_trait;
use banto_channel::Webhook;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;

/// Accepts what carries the right signature for `honten`, and keeps what it saw.
#[derive(Debug, Default)]
struct Sink(Mutex<Vec<(String, Vec<u8>)>>);

#[async_trait]
impl HookSink for Sink {
    async fn receive(&self, channel: &str, hook: &Webhook<'_>) -> HookAnswer {
        if channel != "honten" {
            return HookAnswer::UnknownChannel;
        }
        if hook.body.starts_with(b"webhook_id=") {
            return HookAnswer::Ignored;
        }
        if !hook.headers.contains(&("x-wc-webhook-signature".into(), "right".into())) {
            return HookAnswer::Forged;
        }
        self.0.lock().unwrap().push((channel.to_owned(), hook.body.to_vec()));
        HookAnswer::Accepted
    }
}

/// A part that works, fails or hangs.
#[derive(Clone, Copy, Debug)]
enum Part {
    Works,
    Fails,
    Hangs,
}

#[async_trait]
impl Readiness for Part {
    fn name(&self) -> &str {
        match self {
            Self::Works => "queue",
            Self::Fails => "store",
            Self::Hangs => "channel:honten",
        }
    }

    async fn ready(&self) -> Result<(), String> {
        match self {
            Self::Works => Ok(()),
            Self::Fails => Err("disk full".into()),
            Self::Hangs => std::future::pending().await,
        }
    }
}

struct Site {
    at: SocketAddr,
    sink: Arc<Sink>,
    stop: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

async fn site(parts: &[Part]) -> Site {
    let sink = Arc::<Sink>::default();
    let state = WebState {
        checks: parts.iter().map(|p| Arc::new(*p) as Arc<dyn Readiness>).collect(),
        hooks: Arc::clone(&sink) as Arc<dyn HookSink>,
        metrics: Metrics::of(PrometheusBuilder::new().build_recorder().handle()),
        desk: None,
    };
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving = tokio::spawn(serve(listener, router(state), stop.clone()));
    Site { at, sink, stop, serving }
}

impl Site {
    /// Status, head and body of one request.
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }
}

#[tokio::test]
async fn a_living_daemon_says_so_whatever_is_broken() {
    let site = site(&[Part::Fails]).await;
    let (status, _, body) = site.ask("GET", "/healthz", "", b"").await;
    assert_eq!((status, body.as_str()), (200, "ok\n"));
}

#[tokio::test]
async fn readiness_names_every_reason() {
    let works = site(&[Part::Works]).await;
    let (status, _, body) = works.ask("GET", "/readyz", "", b"").await;
    assert_eq!((status, body.as_str()), (200, r#"{"ready":true,"reasons":[]}"#));

    let fails = site(&[Part::Fails, Part::Works]).await;
    let (status, _, body) = fails.ask("GET", "/readyz", "", b"").await;
    assert_eq!(status, 503);
    assert_eq!(body, r#"{"ready":false,"reasons":[{"part":"store","reason":"disk full"}]}"#);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_hangs_is_not_ready() {
    let site = site(&[Part::Hangs]).await;
    let (status, _, body) = site.ask("GET", "/readyz", "", b"").await;
    assert_eq!(status, 503);
    assert!(body.contains(r#"{"part":"channel:honten","reason":"does not answer"}"#), "{body}");
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        metric_names::describe();
        ::metrics::gauge!(metric_names::IMPORT_LAG, "channel" => "honten").set(2.5);
    });
    let page = Metrics::of(recorder.handle()).render();
    assert!(page.contains("banto_import_lag_seconds{channel=\"honten\"} 2.5"), "{page}");

    let site = site(&[]).await;
    let (status, head, _) = site.ask("GET", "/metrics", "", b"").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
}

#[tokio::test]
async fn a_webhook_is_believed_by_its_signature() {
    let site = site(&[]).await;
    let signed = "X-WC-Webhook-Signature: right\r\n";
    for (path, headers, body, expected) in [
        ("/hooks/honten", signed, &b"{\"id\":1}"[..], 202),
        ("/hooks/honten", "X-WC-Webhook-Signature: wrong\r\n", b"{\"id\":2}", 401),
        ("/hooks/honten", "", b"{\"id\":3}", 401),
        ("/hooks/honten", "", b"webhook_id=7", 200),
        ("/hooks/shiten", signed, b"{\"id\":4}", 404),
        ("/hooks/", signed, b"", 404),
        ("/hooks/honten/x", signed, b"", 404),
    ] {
        let (status, _, answer) = site.ask("POST", path, headers, body).await;
        assert_eq!((status, answer.as_str()), (expected, ""), "{path} {headers}");
    }
    let (status, head, _) = site.ask("GET", "/hooks/honten", signed, b"").await;
    assert_eq!((status, head.contains("\r\nallow: post")), (405, true), "{head}");
    assert_eq!(*site.sink.0.lock().unwrap(), [("honten".to_owned(), b"{\"id\":1}".to_vec())]);
}

#[tokio::test]
async fn a_body_that_is_too_large_never_reaches_the_channel() {
    let site = site(&[]).await;
    let signed = "X-WC-Webhook-Signature: right\r\n";
    let (status, ..) = site.ask("POST", "/hooks/honten", signed, &vec![b'x'; BODY_MAX]).await;
    assert_eq!(status, 202);
    let (status, ..) = site.ask("POST", "/hooks/honten", signed, &vec![b'x'; BODY_MAX + 1]).await;
    assert_eq!(status, 413);
    assert_eq!(site.sink.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = site(&[]).await;
    for path in ["/healthz", "/metrics", "/nothing"] {
        let (_, head, _) = site.ask("GET", path, "", b"").await;
        for line in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'",
            "cache-control: no-store",
        ] {
            assert!(head.contains(line), "{path}: {line}\n{head}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_ended() {
    let site = site(&[]).await;
    let mut stream = TcpStream::connect(site.at).await.unwrap();
    let half = b"POST /hooks/honten HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf";
    stream.write_all(half).await.unwrap();
    let mut answer = [0; 64];
    let len = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..len]);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let site = site(&[]).await;
    let idle = TcpStream::connect(site.at).await.unwrap();
    let (status, ..) = site.ask("GET", "/healthz", "", b"").await;
    assert_eq!(status, 200);
    let began = std::time::Instant::now();
    site.stop.cancel();
    site.serving.await.unwrap().unwrap();
    assert!(began.elapsed() < DRAIN_LIMIT, "{:?}", began.elapsed());
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_does_not_hold_up_a_stop() {
    let site = site(&[Part::Hangs, Part::Hangs]).await;
    let mut stream = TcpStream::connect(site.at).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let began = tokio::time::Instant::now();
    site.stop.cancel();
    site.serving.await.unwrap().unwrap();
    assert!(began.elapsed() <= DRAIN_LIMIT + Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let site = site(&[]).await;
    let said = bind(site.at).await.unwrap_err().to_string();
    assert!(said.starts_with(&format!("web.listen: cannot listen on {}", site.at)), "{said}");
}
