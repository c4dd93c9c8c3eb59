//! The HTTP API, version 1: what the merchant's own programs (warehouse, accounting) do with the house, by the same
//! store functions as the screen and the command line.
//!
//! A program shows a token (`Authorization: Bearer banto_…`) and may do what the token's scopes say; a session's cookie
//! opens nothing here. Every route stands in one table with what it demands and how it is documented, so that neither
//! the guard nor the document can forget one. A request that changes something carries an `Idempotency-Key` and is done
//! once (`once.rs`).

mod caller;
mod channels;
mod document;
mod explain;
mod extract;
mod limit;
mod once;
mod orders;
mod problem;
mod shapes;
mod stock;
mod table;
mod target;
mod webhooks;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::screen::{Desk, Limit};

pub use document::{Listed, document, listed};
pub use problem::Problem;
pub use table::{Route, Scope};
pub(super) use target::check as check_target;

use table::Table;

/// Where the API stands.
pub const BASE: &str = "/api/v1";

/// Largest request body, bytes.
const BODY_MAX: usize = 256 * 1024;

/// What every route has at hand.
#[derive(Clone, Debug)]
struct Api {
    desk: Desk,
    limits: Arc<limit::Limits>,
    /// Of those whose tokens are wrong; apart from the people's, so that neither fills the other's memory.
    wrong: Arc<Limit>,
}

/// Every route.
fn table() -> Table {
    let table = Table::default();
    let table = orders::routes(table);
    let table = stock::routes(table);
    let table = explain::routes(table);
    let table = channels::routes(table);
    webhooks::routes(table)
}

/// What each route demands, for those who enumerate them.
#[must_use]
pub fn routes() -> Vec<Route> {
    table().finish(None).1.into_iter().map(|documented| documented.route).collect()
}

/// The API of a house.
pub(crate) fn router(desk: &Desk) -> Router {
    let api = Api { desk: desk.clone(), limits: Arc::default(), wrong: Arc::default() };
    let (router, _) = table().finish(Some(&api));
    let router = router
        .route("/openapi.json", get(openapi))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path knows other methods; see Allow")
        })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api);
    Router::new().nest(BASE, router)
}

/// The document, which is the same for everybody and tells nothing of the house.
async fn openapi() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=300")], TEXT.as_str())
        .into_response()
}
