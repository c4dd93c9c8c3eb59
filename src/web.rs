//! The HTTP side of the daemon: the screen, health, metrics and webhooks.
//!
//! Health, metrics and webhooks need no login, so they show no order and no buyer; everything else does. It listens on
//! loopback; a reverse proxy in front of it speaks TLS.

pub mod api;
mod health;
mod hooks;
pub mod metric_names;
mod metrics;
pub mod screen;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::select;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::{info, warn};

pub use health::Readiness;
pub use hooks::{HookAnswer, HookSink};
pub use metrics::Metrics;

/// Largest body that is read. It is read for its signature only, so one that does not fit loses nothing: the pull finds
/// the order.
const BODY_MAX: usize = 1024 * 1024;

/// No request takes longer, reading its body included.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// How long open requests have after the stop was asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// Scripts and styles come from here alone, none stands in a page, and nothing goes elsewhere.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer that does not say otherwise: not to be framed, guessed at or kept.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY)),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// What the pages ask.
#[derive(Clone, Debug)]
pub struct WebState {
    /// What must work for the daemon to be of use.
    pub checks: Vec<Arc<dyn Readiness>>,
    /// Where webhooks go.
    pub hooks: Arc<dyn HookSink>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// The screen, if there is a house behind it.
    pub desk: Option<screen::Desk>,
}

/// `GET /healthz`, `/readyz`, `/metrics`, `POST /hooks/{channel}`, and the screen.
pub fn router(state: WebState) -> Router {
    let screen = state.desk.as_ref().map(|desk| screen::routes(desk).0).unwrap_or_default();
    let api = state.desk.as_ref().map(api::router).unwrap_or_default();
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::page))
        .route("/hooks/{channel}", post(hooks::receive).layer(DefaultBodyLimit::max(BODY_MAX)))
        .with_state(state)
        .merge(screen)
        .merge(api)
        // A page is packed for one person, once: harder packing would save 2 kB of a list of orders.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_LIMIT))
        .layer(middleware::map_response(secured))
}

async fn secured(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Takes the address that `web.listen` names; with port 0 the system chooses one.
///
/// Errors: the address is in use or not this machine's, with the address in the message.
pub async fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .map_err(|e| io::Error::new(e.kind(), format!("web.listen: cannot listen on {listen}: {e}")))
}

/// Answers requests until `stop` is cancelled; open requests then have five seconds.
///
/// Errors: the listener fails for good.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    info!(listen = %listener.local_addr()?, "web is up");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned()).into_future();
    let too_long = async {
        stop.cancelled().await;
        sleep(DRAIN_LIMIT).await;
    };
    select! {
        served = serving => served,
        () = too_long => {
            warn!("web requests were still open at the stop");
            Ok(())
        }
    }
}
