//! Webhooks: checking one that came in, and keeping ours alive in the shop.
//!
//! WooCommerce sends each event once, late or several times, and switches a webhook off after more than five failures
//! in a row. So a webhook only makes the next pull come sooner, and ours are looked after.

use banto_channel::{Cx, Error, ErrorKind, Result, Secret, Webhook};
use serde::{Deserialize, Serialize};

use crate::WooCommerce;
use crate::auth;
use crate::calls::{json, text};
use crate::lenient::{Text, Whole};

/// Changes of products are left out: banto's own stock pushes would ring with every call.
const TOPICS: [&str; 4] = ["order.created", "order.updated", "order.deleted", "order.restored"];
const SIGNATURE: &str = "x-wc-webhook-signature";
/// Pages of webhooks that are looked through.
const PAGES: u32 = 20;
const PER_PAGE: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Hook {
    pub(crate) id: Whole,
    pub(crate) name: Text,
    pub(crate) status: Text,
    topic: Text,
    delivery_url: Text,
}

#[derive(Serialize)]
struct NewHook<'a> {
    name: String,
    topic: &'a str,
    delivery_url: &'a str,
    secret: &'a str,
    status: &'static str,
}

impl WooCommerce {
    pub(crate) fn webhook_secret(&self, call: &str) -> Result<&Secret> {
        self.settings.webhook_secret.as_ref().ok_or_else(|| {
            let mut error = Error::unsupported(call);
            error.message.push_str(": set webhook_secret_file in its config");
            error
        })
    }

    pub(crate) fn verify(&self, hook: &Webhook<'_>) -> Result<()> {
        let secret = self.webhook_secret("verify_webhook")?;
        let signature = hook.headers.iter().find(|(name, _)| name == SIGNATURE);
        match signature {
            Some((_, signature)) if auth::is_signed(secret, hook.body, signature)? => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::Auth,
                "a webhook's signature is wrong: the shop signs with another secret than webhook_secret_file holds",
            )),
            // The ping that WooCommerce sends when a webhook is made is not signed. It says nothing but its number.
            None if is_ping(hook.body) => Ok(()),
            None => Err(Error::new(ErrorKind::Auth, "a webhook came without a signature")),
        }
    }

    pub(crate) async fn ensure(&self, cx: &Cx, url: &str) -> Result<u32> {
        let secret = self.webhook_secret("ensure_webhooks")?.expose();
        let ours: Vec<Hook> = self
            .hooks(cx, None)
            .await?
            .into_iter()
            .filter(|hook| hook.delivery_url.0.trim_end_matches('/') == url.trim_end_matches('/'))
            .collect();
        let mut mended = 0;
        for topic in TOPICS {
            let (alive, dead): (Vec<&Hook>, Vec<&Hook>) =
                ours.iter().filter(|hook| hook.topic.0 == topic).partition(|hook| hook.status.0 == "active");
            // A webhook that was switched off keeps its count of failures and falls at the next one: a new one starts
            // at 0, with the secret of today.
            let superfluous = alive.iter().skip(1).chain(&dead);
            if alive.is_empty() {
                self.create_hook(cx, topic, url, secret).await?;
                mended += 1;
            } else if alive.len() + dead.len() > 1 {
                mended += 1;
            }
            for hook in superfluous {
                self.remove_hook(cx, hook.id.0).await?;
            }
        }
        Ok(mended)
    }

    /// The shop's webhooks, ours and others'.
    pub(crate) async fn hooks(&self, cx: &Cx, status: Option<&str>) -> Result<Vec<Hook>> {
        let mut hooks = Vec::new();
        for page in 1..=PAGES {
            let request =
                self.get("webhooks").query("per_page", PER_PAGE.to_string()).query("page", page.to_string());
            let request = match status {
                Some(status) => request.query("status", status),
                None => request,
            };
            let response = self.send(cx, request, ("reading webhooks", "Webhookの取得")).await?;
            let body = text(&response);
            let rows: Vec<Hook> = json(&response, &body)?;
            let last = rows.len() < PER_PAGE;
            hooks.extend(rows);
            if last {
                break;
            }
        }
        Ok(hooks)
    }

    async fn create_hook(&self, cx: &Cx, topic: &str, url: &str, secret: &str) -> Result<()> {
        let hook =
            NewHook { name: format!("banto {topic}"), topic, delivery_url: url, secret, status: "active" };
        let request = self.post("webhooks").json(&hook)?;
        self.send(cx, request, "making a webhook").await.map(drop)
    }

    async fn remove_hook(&self, cx: &Cx, id: i64) -> Result<()> {
        let request = self.delete(&format!("webhooks/{id}")).query("force", "true");
        match self.send(cx, request, "removing a webhook").await {
            Err(e) if e.kind == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}

fn is_ping(body: &[u8]) -> bool {
    body.strip_prefix(b"webhook_id=")
        .is_some_and(|id| (1..=20).contains(&id.len()) && id.iter().all(u8::is_ascii_digit))
}
