//! Webhooks: who asked for what, and the task that delivers them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use banto_sim::faults::Fault;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Inner;
use super::auth::webhook_signature;
use super::php::{self, date};
use super::state::Shop;

/// Failures in a row after which the next one switches a webhook off.
const FAILURES_BORNE: u32 = 5;

/// Topics of the resources that the fake has.
pub(super) const TOPICS: [&str; 8] = [
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "product.created",
    "product.updated",
    "product.deleted",
    "product.restored",
];

/// One registered webhook.
#[derive(Clone, Debug, Default)]
pub(super) struct Hook {
    pub(super) id: u64,
    pub(super) name: String,
    /// `active`, `paused`, `disabled`.
    pub(super) status: String,
    pub(super) topic: String,
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) failures: u32,
}

/// One webhook to be delivered; an object of 0 is the ping that follows registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Delivery {
    pub(super) hook: u64,
    pub(super) object: u64,
}

impl Shop {
    /// A webhook as the API shows it; the secret is never shown.
    pub(super) fn hook_json(&self, hook: &Hook) -> Value {
        let offset = self.config.utc_offset_secs();
        let (resource, event) = hook.topic.split_once('.').unwrap_or((&hook.topic, ""));
        let base = format!("{}/wp-json/wc/v3/webhooks", self.site);
        json!({
            "id": hook.id, "name": hook.name, "status": hook.status, "topic": hook.topic,
            "resource": resource, "event": event, "hooks": [format!("woocommerce_{event}_{resource}")],
            "delivery_url": hook.url,
            "date_created": date(hook.created + offset), "date_created_gmt": date(hook.created),
            "date_modified": date(hook.modified + offset), "date_modified_gmt": date(hook.modified),
            "_links": {
                "self": [{ "href": format!("{base}/{}", hook.id) }],
                "collection": [{ "href": base }],
            },
        })
    }

    /// Head and body of a delivery as they are now; `None` if the webhook or its object is gone.
    fn payload(&mut self, delivery: Delivery) -> Option<Post> {
        let hook = self.hooks.get(&delivery.hook)?.clone();
        if delivery.object != 0 {
            return self.signed(&hook, delivery.object);
        }
        let body = format!("webhook_id={}", hook.id).into_bytes();
        let form = "application/x-www-form-urlencoded".to_owned();
        Some(Post {
            headers: vec![("User-Agent", self.agent()), ("Content-Type", form)],
            url: hook.url,
            body,
        })
    }

    fn agent(&self) -> String {
        format!("WooCommerce/{} Hookshot (WordPress/6.7.1)", self.config.wc_version)
    }

    /// What `hook` tells about an object, signed with its secret.
    pub(super) fn signed(&mut self, hook: &Hook, object: u64) -> Option<Post> {
        let (resource, event) = hook.topic.split_once('.')?;
        let body = match (resource, event) {
            (_, "deleted") => php::json(&json!({ "id": object })),
            ("order", _) => self.order_text(object)?.to_vec(),
            _ => php::json(&self.product_json(object)?),
        };
        let delivery_id = format!("{:032x}", u128::from(self.roll(u64::MAX)) << 32 | u128::from(hook.id));
        let headers = vec![
            ("User-Agent", self.agent()),
            ("Content-Type", "application/json".to_owned()),
            ("X-WC-Webhook-Source", format!("{}/", self.site)),
            ("X-WC-Webhook-Topic", hook.topic.clone()),
            ("X-WC-Webhook-Resource", resource.to_owned()),
            ("X-WC-Webhook-Event", event.to_owned()),
            ("X-WC-Webhook-Signature", webhook_signature(&hook.secret, &body)),
            ("X-WC-Webhook-ID", hook.id.to_string()),
            ("X-WC-Webhook-Delivery-ID", delivery_id),
        ];
        Some(Post { url: hook.url.clone(), headers, body })
    }

    /// Counts a delivery; the seventh failure in a row switches the webhook off.
    fn count_delivery(&mut self, hook: u64, success: bool) {
        let Some(hook) = self.hooks.get_mut(&hook) else {
            return;
        };
        if success {
            hook.failures = 0;
        } else if hook.failures > FAILURES_BORNE {
            "disabled".clone_into(&mut hook.status);
        } else {
            hook.failures += 1;
        }
    }
}

/// Delivers what lies in the outbox until the shop closes. Nothing is ever tried a second time.
pub(super) async fn postman(inner: Arc<Inner>) {
    let filled = Arc::clone(&inner.shop().outbox_filled);
    let mut held: Option<(Delivery, Post)> = None;
    loop {
        let next = {
            let mut shop = inner.shop();
            shop.delivering = false;
            shop.outbox.front().copied()
        };
        let Some(delivery) = next else {
            filled.notified().await;
            continue;
        };
        tokio::time::sleep(inner.hook_delay).await;
        let post = {
            let mut shop = inner.shop();
            // Only now a further change of the same object makes a further webhook.
            shop.outbox.pop_front();
            shop.waiting.remove(&delivery);
            shop.delivering = true;
            let active = shop.hooks.get(&delivery.hook).is_some_and(|h| h.status == "active");
            active.then(|| shop.payload(delivery)).flatten()
        };
        let Some(post) = post else {
            continue;
        };
        let fault = if delivery.object == 0 { None } else { inner.faults.for_hook() };
        match fault {
            Some(Fault::HookLate) if held.is_none() => {
                held = Some((delivery, post));
                continue;
            }
            Some(Fault::HookTwice) => {
                send(&inner, delivery, &post).await;
                send(&inner, delivery, &post).await;
            }
            _ => send(&inner, delivery, &post).await,
        }
        if let Some((delivery, post)) = held.take() {
            send(&inner, delivery, &post).await;
        }
    }
}

async fn send(inner: &Inner, delivery: Delivery, post: &Post) {
    let status = tokio::time::timeout(inner.hook_timeout, post.send()).await;
    if delivery.object != 0 {
        // 301 and 302 count as a success and are not followed.
        let success = matches!(status, Ok(Ok(200..=302)));
        inner.shop().count_delivery(delivery.hook, success);
    }
}

/// One POST. Everything that a webhook needs of HTTP: no TLS, no redirect, no second connection.
#[derive(Debug)]
pub(super) struct Post {
    url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Post {
    /// Sends it and reads the status.
    async fn send(&self) -> io::Result<u16> {
        let unfit = || io::Error::new(io::ErrorKind::InvalidInput, "not an http:// address");
        let rest = self.url.strip_prefix("http://").ok_or_else(unfit)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let slash = if path.starts_with('/') { "" } else { "/" };
        let host = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let mut stream = TcpStream::connect(host).await?;
        let mut text = format!(
            "POST {slash}{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.body.len()
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut whole = text.into_bytes();
        whole.extend_from_slice(&self.body);
        stream.write_all(&whole).await?;
        let mut answer = Vec::with_capacity(512);
        while answer.len() < 12 && stream.read_buf(&mut answer).await? > 0 {}
        let status = answer.get(9..12).and_then(|s| std::str::from_utf8(s).ok()?.parse().ok());
        // Reading on lets the receiver finish its answer instead of meeting a closed connection.
        let mut rest = Vec::new();
        stream.take(64 * 1024).read_to_end(&mut rest).await?;
        status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
    }
}

/// How long a delivery may take unless the config says otherwise.
pub(super) const HOOK_TIMEOUT: Duration = Duration::from_secs(5);
