//! `webhooks`: register, read, switch on again, delete.

use serde_json::Value;

use super::hooks::{Delivery, Hook, TOPICS};
use super::query::{Checked, WpError};
use super::server::{Answer, Call, Reply, id, paged};
use super::state::Shop;

pub(super) fn route(shop: &mut Shop, call: &Call, parts: &[&str], params: &Value) -> Answer {
    match (call.method.as_str(), parts) {
        ("GET", []) => list(shop, call),
        ("POST", []) => create(shop, call, params),
        ("GET", [hook]) => {
            let hook = known(shop, id(hook)?, 400)?;
            Ok(Reply::one(call, 200, shop.hook_json(hook)))
        }
        ("PUT" | "POST" | "PATCH", [hook]) => update(shop, call, id(hook)?, params),
        ("DELETE", [hook]) => delete(shop, call, id(hook)?, params),
        _ => Err(WpError::no_route()),
    }
}

fn known(shop: &Shop, id: u64, status: u16) -> Result<&Hook, WpError> {
    let message = if status == 404 { "Invalid ID." } else { "ID is invalid." };
    shop.hooks
        .get(&id)
        .ok_or_else(|| WpError::new(status, "woocommerce_rest_shop_webhook_invalid_id", message))
}

fn list(shop: &Shop, call: &Call) -> Answer {
    let mut args = Checked::new(&call.query, shop.config.utc_offset_secs());
    let page = args.int("page", 1, 1, None);
    let per_page = args.int("per_page", 10, 1, Some(i64::from(shop.config.per_page_max)));
    let status = args.one_of("status", "all", &["all", "active", "paused", "disabled"]);
    let descending = args.one_of("order", "desc", &["asc", "desc"]) == "desc";
    args.done()?;
    let mut found: Vec<&Hook> =
        shop.hooks.values().filter(|h| status == "all" || h.status == status).collect();
    if descending {
        found.reverse();
    }
    let total = found.len();
    let take = usize::try_from(per_page).unwrap_or(1);
    let skip = usize::try_from(page - 1).unwrap_or(0).saturating_mul(take);
    let shown: Vec<Value> = found.into_iter().skip(skip).take(take).map(|h| shop.hook_json(h)).collect();
    Ok(paged(Reply::json(200, &Value::from(shown)), shop, call, page, per_page, total))
}

fn invalid(what: &str, message: &str) -> WpError {
    let code = format!("woocommerce_rest_shop_webhook_invalid_{what}");
    WpError::new(400, &code, message)
}

fn topic(params: &Value) -> Option<String> {
    let topic = params["topic"].as_str()?.to_lowercase();
    let other = ["coupon.", "customer.", "action."].iter().any(|r| topic.starts_with(r));
    (TOPICS.contains(&topic.as_str()) || other).then_some(topic)
}

fn delivery_url(params: &Value) -> Option<String> {
    let url = params["delivery_url"].as_str()?;
    (url.starts_with("http://") || url.starts_with("https://")).then(|| url.to_owned())
}

/// A new webhook is active whatever status is posted, and is pinged.
fn create(shop: &mut Shop, call: &Call, params: &Value) -> Answer {
    let topic =
        topic(params).ok_or_else(|| invalid("topic", "Webhook topic is required and must be valid."))?;
    let url = delivery_url(params).ok_or_else(|| {
        let message = "Webhook delivery URL must be a valid URL starting with http:// or https://.";
        invalid("delivery_url", message)
    })?;
    let id = shop.hooks.keys().next_back().map_or(1, |last| last + 1);
    let now = shop.now();
    let secret = match params["secret"].as_str().filter(|s| !s.is_empty()) {
        Some(secret) => secret.to_owned(),
        None => format!("{:016x}{:016x}", shop.roll(u64::MAX), shop.roll(u64::MAX)),
    };
    let hook = Hook {
        id,
        name: params["name"]
            .as_str()
            .map_or_else(|| format!("Webhook created on {}", super::php::date(now)), ToOwned::to_owned),
        status: "active".to_owned(),
        topic,
        url,
        secret,
        created: now,
        modified: now,
        failures: 0,
    };
    let shown = shop.hook_json(&hook);
    shop.hooks.insert(id, hook);
    let ping = Delivery { hook: id, object: 0 };
    shop.waiting.insert(ping);
    shop.outbox.push_back(ping);
    shop.outbox_filled.notify_one();
    Ok(Reply::one(call, 201, shown))
}

fn update(shop: &mut Shop, call: &Call, id: u64, params: &Value) -> Answer {
    known(shop, id, 400)?;
    let given = |name: &str| params[name].as_str().filter(|v| !v.is_empty()).map(ToOwned::to_owned);
    let new_topic = match given("topic") {
        Some(_) => Some(topic(params).ok_or_else(|| invalid("topic", "Webhook topic must be valid."))?),
        None => None,
    };
    let status = given("status").map(|s| s.to_lowercase());
    if let Some(status) = &status
        && !["active", "paused", "disabled"].contains(&status.as_str())
    {
        return Err(invalid("status", "Webhook status must be valid."));
    }
    let now = shop.now();
    if let Some(hook) = shop.hooks.get_mut(&id) {
        for (to, value) in [
            (&mut hook.topic, new_topic),
            (&mut hook.url, delivery_url(params)),
            (&mut hook.secret, given("secret")),
            (&mut hook.name, given("name")),
        ] {
            if let Some(value) = value {
                *to = value;
            }
        }
        if let Some(status) = status {
            // Switching one on again forgives what it failed before.
            if status == "active" && hook.status != "active" {
                hook.failures = 0;
            }
            hook.status = status;
        }
        hook.modified = now;
    }
    let shown = shop.hook_json(known(shop, id, 400)?);
    Ok(Reply::one(call, 200, shown))
}

/// Needs `force=true`: webhooks know no trash.
fn delete(shop: &mut Shop, call: &Call, id: u64, params: &Value) -> Answer {
    let force = matches!(call.query.text("force"), Some("true" | "1")) || params["force"] == true;
    if !force {
        return Err(WpError::new(
            501,
            "woocommerce_rest_trash_not_supported",
            "Webhooks do not support trashing.",
        ));
    }
    let shown = shop.hook_json(known(shop, id, 404)?);
    shop.hooks.remove(&id);
    Ok(Reply::one(call, 200, shown))
}
