//! Webhooks: a marketplace's word that something happened. It is believed only as far as looking sooner.

use std::fmt::Debug;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use banto_channel::Webhook;
use tracing::{debug, warn};

use super::{WebState, metric_names};

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// Its signature is right; the channel's next pull comes now.
    Accepted,
    /// A greeting that carries nothing and is not signed (WooCommerce's ping, which insists on 200).
    Ignored,
    /// Its signature is missing or wrong.
    Forged,
    /// There is no channel of that name, or it takes no webhooks.
    UnknownChannel,
}

impl HookAnswer {
    const fn status(self) -> StatusCode {
        match self {
            Self::Accepted => StatusCode::ACCEPTED,
            Self::Ignored => StatusCode::OK,
            Self::Forged => StatusCode::UNAUTHORIZED,
            Self::UnknownChannel => StatusCode::NOT_FOUND,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Forged => "forged",
            Self::UnknownChannel => "unknown_channel",
        }
    }
}

/// Who checks webhooks and wakes channels.
#[async_trait]
pub trait HookSink: Debug + Send + Sync + 'static {
    /// Checks the signature and wakes the channel. No order is read from the body: the pull is the truth.
    async fn receive(&self, channel: &str, hook: &Webhook<'_>) -> HookAnswer;
}

pub(super) async fn receive(
    State(state): State<WebState>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    // Header names are in lower case already: HTTP's own type keeps them so.
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let hook = Webhook { headers: &headers, body: &body };
    let answer = state.hooks.receive(&channel, &hook).await;
    // Whoever invents names of channels must not make a metric of each.
    let known = if answer == HookAnswer::UnknownChannel { String::new() } else { channel.clone() };
    ::metrics::counter!(metric_names::WEBHOOKS, "channel" => known, "outcome" => answer.name()).increment(1);
    if answer == HookAnswer::Forged {
        warn!(channel, "a webhook with a wrong signature was refused");
    } else {
        debug!(channel, outcome = answer.name(), "webhook");
    }
    answer.status()
}
