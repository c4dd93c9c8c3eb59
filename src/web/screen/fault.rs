//! What went wrong, as a page that says so.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use banto_channel::{Bilingual, both};

use crate::domain::people::PersonFault;
use crate::keys::house::KeyFault;
use crate::store::StoreError;

/// Why a page cannot be shown or a wish not be granted.
#[derive(Debug)]
pub struct Fault {
    /// The HTTP status.
    pub status: StatusCode,
    /// For the person who asked.
    pub why: Bilingual,
}

impl Fault {
    /// There is no such thing.
    #[must_use]
    pub const fn not_found(why: Bilingual) -> Self {
        Self { status: StatusCode::NOT_FOUND, why }
    }

    /// It cannot be done as things stand.
    #[must_use]
    pub const fn refused(why: Bilingual) -> Self {
        Self { status: StatusCode::CONFLICT, why }
    }

    /// What was typed cannot be understood.
    #[must_use]
    pub const fn bad_input(why: Bilingual) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, why }
    }
}

impl Fault {
    /// Something inside went wrong that nobody who looks at the screen can mend.
    pub(super) fn from_trouble(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a request failed");
        let why = both!(
            "Something went wrong; the daemon's log has more",
            "内部エラーが発生しました。ログを確認してください"
        );
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, why }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let why = error.words();
        match error {
            StoreError::NotFound(_) | StoreError::Person(PersonFault::Nobody) => Self::not_found(why),
            StoreError::Refused(_) | StoreError::Stock(_) | StoreError::Person(_) => Self::refused(why),
            other => {
                tracing::error!(error = %other, "a page could not be made");
                Self { status: StatusCode::SERVICE_UNAVAILABLE, why }
            }
        }
    }
}

impl From<KeyFault> for Fault {
    fn from(fault: KeyFault) -> Self {
        tracing::error!(error = %fault, "a secret could not be derived");
        Self { status: StatusCode::SERVICE_UNAVAILABLE, why: fault.words() }
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        tracing::error!(error = %error, "a page could not be rendered");
        let why = both!("The page could not be made", "画面を作成できませんでした");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, why }
    }
}

#[derive(askama::Template)]
#[template(path = "fault.html", config = "src/web/askama.toml")]
struct FaultPage<'a> {
    status: u16,
    why: &'a Bilingual,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let page = FaultPage { status: self.status.as_u16(), why: &self.why };
        match askama::Template::render(&page) {
            Ok(text) => (self.status, Html(text)).into_response(),
            Err(_) => (self.status, self.why.to_string()).into_response(),
        }
    }
}
