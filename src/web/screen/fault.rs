//! What went wrong, as a page that says so.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use banto_channel::{Bilingual, both};

use crate::domain::people::PersonFault;
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
        match error {
            StoreError::NotFound(why) => Self::not_found(Bilingual::quoted(why)),
            StoreError::Refused(why) => Self::refused(Bilingual::quoted(why)),
            StoreError::Stock(why) => Self::refused(Bilingual::quoted(why.to_string())),
            StoreError::Person(PersonFault::Nobody) => Self::not_found(PersonFault::Nobody.words()),
            StoreError::Person(why) => Self::refused(why.words()),
            other => {
                tracing::error!(error = %other, "a page could not be made");
                let why = both!(
                    "The store does not answer: {other}. Nothing was changed; try again",
                    "データベースが応答しません（{other}）。何も変更されていません。もう一度お試しください"
                );
                Self { status: StatusCode::SERVICE_UNAVAILABLE, why }
            }
        }
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
