//! Whether the daemon lives, and whether it is of use.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;

use super::WebState;

/// A part that does not answer within this is not ready.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A part without which the daemon is of no use.
#[async_trait]
pub trait Readiness: Debug + Send + Sync + 'static {
    /// What people call it (`store`).
    fn name(&self) -> &str;

    /// Whether it works now.
    ///
    /// Errors: why not, in plain words and without secrets.
    async fn ready(&self) -> Result<(), String>;
}

/// What `/readyz` says.
#[derive(Serialize)]
pub(super) struct Report {
    ready: bool,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    part: String,
    reason: String,
}

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(state): State<WebState>) -> (StatusCode, Json<Report>) {
    let asked = state.checks.iter().map(|check| async move {
        let answer = timeout(ANSWER_LIMIT, check.ready()).await;
        let reason = answer.unwrap_or_else(|_| Err("does not answer".into())).err()?;
        let part = check.name().to_owned();
        Some(Reason { part, reason })
    });
    let reasons: Vec<Reason> = join_all(asked).await.into_iter().flatten().collect();
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Report { ready, reasons }))
}
