//! Login with Amazon.

use std::time::Duration;

use serde_json::json;

use super::server::{Call, Reply, pairs};
use super::state::Shop;

/// The so-many-th access token.
pub(super) fn access_token(seed: u64, number: u64) -> String {
    format!("Atza|IwEBIF{seed:016x}{number:08x}x")
}

/// `POST /auth/o2/token`.
pub(super) fn token(shop: &mut Shop, call: &Call) -> Reply {
    let body = String::from_utf8_lossy(&call.body);
    let form = pairs(&body);
    let value =
        |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).unwrap_or_default();
    let refused = |status, error: &str, description: &str| {
        Reply::json(status, &json!({ "error": error, "error_description": description }))
    };
    if !call.content_type.starts_with("application/x-www-form-urlencoded") {
        return refused(400, "invalid_request", "The request is missing a required parameter");
    }
    if value("grant_type") != "refresh_token" {
        return refused(400, "unsupported_grant_type", "The authorization grant type is not supported");
    }
    if value("client_id") != shop.config.client_id || value("client_secret") != shop.config.client_secret {
        return refused(401, "invalid_client", "Client authentication failed");
    }
    if value("refresh_token") != shop.config.refresh_token || !shop.accepting {
        return refused(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token");
    }
    let token = access_token(shop.config.seed, shop.tokens_given);
    shop.tokens_given += 1;
    let life = shop.config.token_life;
    shop.tokens.insert(token.clone(), shop.clock.now().plus(life));
    Reply::json(
        200,
        &json!({
            "access_token": token, "refresh_token": shop.config.refresh_token, "token_type": "bearer",
            "expires_in": life.max(Duration::from_secs(1)).as_secs(),
        }),
    )
}
