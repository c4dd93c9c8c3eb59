//! Webhooks: checking one that came in, and keeping ours alive in the shop.
//!
//! Shopify promises neither that each comes nor their order, tries eight times in four hours, and then removes the
//! subscription. So a webhook only makes the next pull come sooner, and ours are made again.

use banto_channel::{Cx, Error, ErrorKind, Result, Webhook};
use serde::Deserialize;
use serde_json::json;

use crate::calls::{Connection, UserError, words};
use crate::documents::{CREATE_HOOK, LIST_HOOKS};
use crate::{Shopify, auth};

/// What changes an order. Changes of stock are left out: banto's own pushes would ring with every call.
const TOPICS: [&str; 7] = [
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_DELETE",
    "REFUNDS_CREATE",
    "FULFILLMENT_ORDERS_PLACED_ON_HOLD",
    "FULFILLMENT_ORDERS_HOLD_RELEASED",
    "FULFILLMENT_ORDERS_MOVED",
];

const SIGNATURE: &str = "x-shopify-hmac-sha256";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer {
    webhook_subscriptions: Connection<Hook>,
}

#[derive(Deserialize)]
struct Hook {
    topic: String,
    uri: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateAnswer {
    webhook_subscription_create: Option<Created>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    user_errors: Vec<UserError>,
}

impl Shopify {
    pub(crate) fn verify(&self, hook: &Webhook<'_>) -> Result<()> {
        let Some(secret) = &self.settings.client_secret else {
            return Err(no_secret("verify_webhook"));
        };
        let Some((_, signature)) = hook.headers.iter().find(|(name, _)| name == SIGNATURE) else {
            return Err(Error::new(ErrorKind::Auth, "a webhook came without a signature"));
        };
        // For an hour after a rotation the old secret may still be the one.
        let mut secrets = [Some(secret), self.settings.old_client_secret.as_ref()].into_iter().flatten();
        match secrets.any(|secret| auth::is_signed(secret, hook.body, signature)) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Auth,
                "a webhook's signature is wrong: it was not made with the secret in client_secret_file",
            )),
        }
    }

    pub(crate) async fn ensure(&self, cx: &Cx, url: &str) -> Result<u32> {
        if self.settings.client_secret.is_none() {
            return Err(no_secret("ensure_webhooks"));
        }
        let mut hooks: Connection<Hook> = Connection::unread();
        while hooks.page_info.has_next_page {
            let variables = json!({ "after": hooks.page_info.end_cursor });
            let told = self.ask(cx, LIST_HOOKS, &variables, "reading webhooks").await?;
            hooks.extend(told.data::<ListAnswer>()?.webhook_subscriptions)?;
        }
        let mut mended = 0;
        for topic in TOPICS {
            if !hooks.nodes.iter().any(|hook| hook.topic == topic && hook.uri == url) {
                self.create_hook(cx, topic, url).await?;
                mended += 1;
            }
        }
        Ok(mended)
    }

    async fn create_hook(&self, cx: &Cx, topic: &str, url: &str) -> Result<()> {
        let variables = json!({ "topic": topic, "hook": { "uri": url, "format": "JSON" } });
        let told = self.ask(cx, CREATE_HOOK, &variables, "making a webhook").await?;
        let created = told.data::<CreateAnswer>()?.webhook_subscription_create;
        let errors = created.map(|created| created.user_errors).unwrap_or_default();
        // Made meanwhile, or by a call whose answer was lost.
        let there = |error: &UserError| error.message.contains("already been taken");
        match errors.iter().all(there) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Refused,
                format!("making a webhook for {topic}: Shopify says: {}", words(&errors)),
            )),
        }
    }
}

fn no_secret(call: &str) -> Error {
    let mut error = Error::unsupported(call);
    error.message.push_str(": set client_secret_file in its config");
    error
}
