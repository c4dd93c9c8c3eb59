//! Pages hear of changes, whoever made them, and only as long as they may.

use std::time::Duration;

use banto::domain::people::Role;
use banto::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Shop;
use crate::screen::site::Browser;
use crate::stores::{Fresh, each_store};

/// Longest wait for what must come; a stream that nobody ends goes on for five minutes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open stream of events.
struct Listening {
    stream: TcpStream,
    heard: String,
}

impl Listening {
    async fn open(shop: &Shop, browser: &Browser) -> Self {
        let mut stream = TcpStream::connect(shop.site.at).await.unwrap();
        let session = browser.cookie("banto_session").unwrap();
        let head = format!(
            "GET /live HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: banto_session={session}\r\n\r\n",
            shop.site.at
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut listening = Self { stream, heard: String::new() };
        listening.until("\r\n\r\n", PATIENCE).await;
        listening
    }

    /// Reads until this was said; what was said until then.
    async fn until(&mut self, what: &str, limit: Duration) -> String {
        let reading = async {
            loop {
                if let Some((before, after)) = self.heard.split_once(what) {
                    let (before, after) = (before.to_owned(), after.to_owned());
                    self.heard = after;
                    return before;
                }
                let mut bytes = [0; 4096];
                let n = self.stream.read(&mut bytes).await.unwrap();
                assert!(n > 0, "the stream ended before {what:?}: {}", self.heard);
                self.heard.push_str(&String::from_utf8_lossy(&bytes[..n]));
            }
        };
        timeout(limit, reading).await.unwrap_or_else(|_| panic!("{what:?} was not heard within {limit:?}"))
    }

    /// The topics of the next event.
    async fn event(&mut self, limit: Duration) -> String {
        self.until("event: changed", limit).await;
        self.until("data: ", limit).await;
        self.until("\n", limit).await
    }

    /// Waits for the end of the stream.
    async fn end(mut self, limit: Duration) {
        let reading = async { while self.stream.read(&mut [0; 1024]).await.unwrap_or(0) > 0 {} };
        timeout(limit, reading).await.unwrap_or_else(|_| panic!("the stream goes on after {limit:?}"));
    }
}

#[tokio::test]
async fn a_page_hears_of_what_changed_here_and_of_what_others_did() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let browser = shop.browser(Role::ReadOnly).await;
        let mut listening = Listening::open(&shop, &browser).await;
        shop.trading.stock(&[("CUP", 3)]).await;
        assert!(listening.event(PATIENCE).await.contains("stock"));
        shop.trading.order(shop.trading.remote("1", &[("CUP", 1)])).await;
        let mut topics = String::new();
        while !(topics.contains("orders") && topics.contains("stock") && topics.contains("mails")) {
            topics.push_str(&listening.event(PATIENCE).await);
        }
        // Another process: nothing here wakes anybody.
        let other = Store::open(&fresh.url).await.unwrap();
        let row = other.channel("honten").await.unwrap();
        let mut write = other.write().await.unwrap();
        write.pause_channel(row.id, true).await.unwrap();
        write.commit().await.unwrap();
        assert!(listening.event(PATIENCE).await.contains("channels"));
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_daemon() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let browser = shop.browser(Role::Staff).await;
    let listening = Listening::open(&shop, &browser).await;
    let owner = shop.browser(Role::Owner).await;
    let last = Listening::open(&shop, &owner).await;
    browser.post("/logout", &[]).await;
    listening.end(PATIENCE).await;
    drop(shop);
    last.end(PATIENCE).await;
}

#[tokio::test]
async fn there_is_a_most_of_listeners() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let browser = shop.browser(Role::Staff).await;
    let mut listening = Vec::new();
    for _ in 0..200 {
        listening.push(Listening::open(&shop, &browser).await);
    }
    browser.get("/live").await.expect(503);
    // A place that is given up is free again.
    listening.pop();
    let again = async {
        for n in 1_u32.. {
            let answer = timeout(Duration::from_millis(300), browser.get("/live")).await;
            if answer.is_err() {
                return;
            }
            // The server sees that a browser has left when it next writes to it.
            shop.trading.order(shop.trading.remote(&n.to_string(), &[("CUP", 1)])).await;
        }
    };
    timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn nobody_hears_without_a_login() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    shop.browser(Role::Owner).await;
    let answer = shop.site.stranger().with("sec-fetch-mode", "cors").get("/live").await;
    assert_eq!(answer.status, 401);
}
