//! `/metrics`: Prometheus' text format.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::{WebState, metric_names};

/// The media type of the text format (prometheus.io/docs/instrumenting/exposition_formats).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What has been counted in this process.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Takes every count of this process from now on and knows every name of [`metric_names::ALL`].
    ///
    /// Errors: somebody counts already.
    pub fn install() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new().install_recorder()?;
        metric_names::describe();
        Ok(Self(handle))
    }

    /// Shows what another recorder counts; for tests and for a process that has one already.
    #[must_use]
    pub fn of(handle: PrometheusHandle) -> Self {
        Self(handle)
    }

    /// Everything counted so far as text.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

pub(super) async fn page(State(state): State<WebState>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], state.metrics.render())
}
