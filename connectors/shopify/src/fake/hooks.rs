//! Webhooks: who asked for what, and the task that delivers them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use banto_sim::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Inner;
use super::node::{Node, object};
use super::show::gid;
use super::state::Shop;

/// Failures in a row that end a subscription.
const FAILURES: u32 = 8;

/// How long a delivery may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Hook {
    pub(super) id: u64,
    pub(super) topic: String,
    pub(super) uri: String,
    pub(super) failures: u32,
}

impl Hook {
    pub(super) fn node(&self) -> Node {
        object(
            "WebhookSubscription",
            [
                ("id", gid("WebhookSubscription", self.id)),
                ("topic", self.topic.clone().into()),
                ("uri", self.uri.clone().into()),
            ],
        )
    }
}

/// A webhook that waits: the subscription, and the order.
pub(super) type Delivery = (u64, u64);

impl Shop {
    /// Queues a webhook for everybody who asked for the topic.
    pub(super) fn emit(&mut self, topic: &str, order: u64) {
        for hook in self.hooks.values().filter(|hook| hook.topic == topic) {
            let delivery = (hook.id, order);
            if !self.outbox.contains(&delivery) {
                self.outbox.push_back(delivery);
                self.outbox_filled.notify_one();
            }
        }
    }

    /// What a webhook says, signed with the app's secret. Without an order it is about the newest.
    pub(super) fn payload(&self, topic: &str, uri: &str, order: Option<u64>) -> Post {
        let order = order.and_then(|id| self.orders.get(&id)).or_else(|| self.orders.values().next_back());
        let body = order.map_or_else(
            || json!({ "id": 0 }),
            |order| json!({ "id": order.id, "name": order.name, "note": order.note, "updated_at": order.updated }),
        );
        let body = body.to_string().into_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(self.config.client_secret.as_bytes());
        let signature = mac.map(|mac| STANDARD.encode(mac.chain_update(&body).finalize().into_bytes()));
        let topic = topic.to_lowercase().replacen('_', "/", 1);
        let headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("X-Shopify-Topic", topic),
            ("X-Shopify-Shop-Domain", "fake.myshopify.com".to_owned()),
            ("X-Shopify-API-Version", self.config.served_version.clone()),
            ("X-Shopify-Hmac-SHA256", signature.unwrap_or_default()),
        ];
        Post { url: uri.to_owned(), headers, body }
    }

    /// Counts a delivery; the eighth failure in a row ends the subscription.
    fn count(&mut self, hook: u64, success: bool) {
        let Some(found) = self.hooks.get_mut(&hook) else {
            return;
        };
        found.failures = if success { 0 } else { found.failures + 1 };
        if found.failures >= FAILURES {
            self.hooks.remove(&hook);
        }
    }
}

/// Delivers what lies in the outbox until the shop closes.
pub(super) async fn postman(inner: Arc<Inner>) {
    let filled = Arc::clone(&inner.shop().outbox_filled);
    let mut held: Option<(u64, Post)> = None;
    loop {
        let next = inner.shop().outbox.front().copied();
        let Some((hook, order)) = next else {
            filled.notified().await;
            continue;
        };
        tokio::time::sleep(inner.hook_delay).await;
        let post = {
            let mut shop = inner.shop();
            shop.outbox.pop_front();
            let found = shop.hooks.get(&hook).cloned();
            found.map(|hook| shop.payload(&hook.topic, &hook.uri, Some(order)))
        };
        let Some(post) = post else {
            continue;
        };
        match inner.faults.for_hook() {
            Some(Fault::HookLate) if held.is_none() => {
                held = Some((hook, post));
                continue;
            }
            Some(Fault::HookTwice) => {
                deliver(&inner, hook, &post).await;
                deliver(&inner, hook, &post).await;
            }
            _ => deliver(&inner, hook, &post).await,
        }
        if let Some((hook, post)) = held.take() {
            deliver(&inner, hook, &post).await;
        }
    }
}

async fn deliver(inner: &Inner, hook: u64, post: &Post) {
    let status = tokio::time::timeout(TIMEOUT, post.send()).await;
    let success = matches!(status, Ok(Ok(200..=299)));
    inner.shop().count(hook, success);
}

/// One POST. Everything that a webhook needs of HTTP: no TLS, no redirect, no second connection.
#[derive(Debug)]
pub(super) struct Post {
    url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Post {
    async fn send(&self) -> io::Result<u16> {
        let unfit = || io::Error::new(io::ErrorKind::InvalidInput, "not an http:// address");
        let rest = self.url.strip_prefix("http://").ok_or_else(unfit)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let mut text = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(text.as_bytes()).await?;
        stream.write_all(&self.body).await?;
        let mut answer = Vec::with_capacity(512);
        stream.take(64 * 1024).read_to_end(&mut answer).await?;
        let status = answer.get(9..12).and_then(|s| std::str::from_utf8(s).ok()?.parse().ok());
        status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
    }
}
