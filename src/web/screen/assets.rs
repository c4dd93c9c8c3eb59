//! Style and script, part of the program. Their addresses carry a digest, so a browser keeps them until they change.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Access;
use super::access::Routes;

const STYLE: &str = include_str!("../assets/screen.css");
const SCRIPT: &str = include_str!("../assets/screen.js");
const ICON: &str = include_str!("../assets/icon.svg");

const KEPT: &str = "public, max-age=31536000, immutable";

/// What stands behind `?` in the addresses of style and script.
static DIGEST: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new().chain_update(STYLE).chain_update(SCRIPT).finalize();
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

/// What stands behind `?` in the addresses of style and script.
pub(crate) fn digest() -> &'static str {
    &DIGEST
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/assets/screen.css", Access::Public, async || kept("text/css; charset=utf-8", STYLE))
        .get("/assets/screen.js", Access::Public, async || kept("text/javascript; charset=utf-8", SCRIPT))
        .get("/assets/icon.svg", Access::Public, async || kept("image/svg+xml", ICON))
}

fn kept(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEPT)], text).into_response()
}
