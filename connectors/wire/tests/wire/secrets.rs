//! Credentials go out in requests and nowhere else.

use std::io::Write;
use std::sync::{Arc, Mutex};

use banto_channel::{Http, Request, Secret};
use banto_wire::{Recorder, redact};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::server::{Reply, Server, reply, torn};
use crate::{config, get, post, wire};

const SECRETS: [&str; 3] = ["tok_header_77", "cs_query/77", "cs_query%2F77"];

/// Everything that is logged or recorded.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Has `subscriber` hear this thread until the guard is dropped.
///
/// With no other subscriber in the process, tracing asks only the default of the thread that first passes a log
/// statement whether anybody listens to it, and keeps that answer: a test beside this one, on a thread where nobody
/// listens, would silence the statement here too (`tracing_core::callsite`, `Rebuilder::JustOne`). So the whole process
/// gets one first, which takes nothing and whose answer is never kept.
fn heard_by(
    subscriber: impl tracing::Subscriber + Send + Sync + 'static,
) -> tracing::subscriber::DefaultGuard {
    let nobody =
        tracing_subscriber::registry().with(tracing_subscriber::filter::dynamic_filter_fn(|_, _| false));
    // Refused from the second time on.
    _ = tracing::subscriber::set_global_default(nobody);
    tracing::subscriber::set_default(subscriber)
}

fn with_secrets(request: Request) -> Request {
    let mut request =
        request.query("page", "1").secret_header("authorization", Secret::new("Bearer tok_header_77"));
    request.secret_query.push(("consumer_secret".to_owned(), Secret::new("cs_query/77")));
    request
}

fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in {what}:\n{text}");
    }
}

#[tokio::test]
async fn no_secret_is_in_an_error_a_debug_text_a_log_or_a_recording() {
    let echo = br#"{"message":"tok_header_77 and cs_query\/77 are not known; see /x?consumer_secret=cs_query%2F77"}"#;
    let says = |status| reply(status, &["retry-after: 300", "x-echo: tok_header_77"], echo);
    let server = Server::start(vec![
        says(401),
        torn(200, &[], echo, 5000),
        Reply::Close,
        reply(302, &["location: http://127.0.0.2/?consumer_secret=cs_query%2F77"], b""),
        says(500),
        says(429),
    ])
    .await;
    let log = Memory::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let guard = heard_by(subscriber.finish());

    let recording = Memory::default();
    let wire = Arc::new(wire(config()));
    let recorder = Recorder::new(Arc::clone(&wire) as Arc<dyn Http>, Box::new(recording.clone()), Vec::new());
    let mut told = String::new();
    for _ in 0..6 {
        let call = with_secrets(post(&server));
        told += &format!("{call:?}\n");
        match recorder.send(call).await {
            Ok(answer) => {
                told += &format!(
                    "{answer:?} {} {}\n",
                    answer.error("pull"),
                    String::from_utf8_lossy(&answer.body)
                )
            }
            Err(error) => told += &format!("{error} {error:?}\n"),
        }
    }
    told += &format!("{wire:?} {recorder:?}");
    drop(guard);

    assert_eq!(server.calls(), 6);
    let sent = server.seen().join("\n");
    assert!(
        sent.contains("authorization: Bearer tok_header_77") && sent.contains("=cs_query%2F77"),
        "{sent}"
    );
    assert_clean("errors and debug texts", &told);
    assert_clean("the log", &log.text());
    assert_clean("the recording", &recording.text());
    assert!(told.contains("[secret] and [secret] are not known"), "the rest of the text is kept:\n{told}");
    assert_eq!(recording.text().lines().count(), 6);
    assert!(log.text().contains("gave up"), "{}", log.text());
}

#[tokio::test]
async fn an_answer_that_succeeded_is_left_as_it_is() {
    let server = Server::start(vec![reply(200, &[], b"your token is tok_header_77")]).await;
    let answer = wire(config()).send(with_secrets(get(&server))).await.unwrap();
    assert_eq!(answer.body, b"your token is tok_header_77");
    assert_eq!(redact("tok_header_77!", &[Secret::new("tok_header_77")]), "[secret]!");
}

#[tokio::test]
async fn one_event_tells_each_call_without_its_query() {
    let server = Server::start(vec![reply(503, &[], b""), reply(200, &[], b"")]).await;
    let log = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = heard_by(subscriber);
    wire(config()).send(get(&server).query("buyer", "Sato").group("orders")).await.unwrap();
    drop(guard);
    let text = log.text();
    let calls: Vec<_> = text.lines().filter(|l| l.contains("DEBUG banto_wire")).collect();
    assert_eq!(calls.len(), 1, "{text}");
    for part in [
        "channel=\"shop\"",
        "group=\"orders\"",
        "method=\"GET\"",
        "path=\"/orders\"",
        "status=200",
        "attempt=2",
    ] {
        assert!(calls[0].contains(part), "{part} is not in {}", calls[0]);
    }
    assert!(text.contains(" WARN banto_wire") && text.contains("trying again"), "{text}");
    assert!(!text.contains("Sato"), "{text}");
}
