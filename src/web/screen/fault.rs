//! What went wrong, as a page that says so.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use banto_channel::{Bilingual, both};

use super::page::Section;
use super::{Desk, Page, Visit};
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
        let mut response = match askama::Template::render(&page) {
            Ok(text) => (self.status, Html(text)).into_response(),
            Err(_) => (self.status, self.why.to_string()).into_response(),
        };
        response.extensions_mut().insert(Refusal(self.why));
        response
    }
}

/// Why a response refuses, for the guard: it knows who asked.
#[derive(Clone, Debug)]
struct Refusal(Bilingual);

#[derive(askama::Template)]
#[template(path = "refused.html", config = "src/web/askama.toml")]
struct RefusedPage {
    p: Page,
    why: String,
    /// The page that the visitor came from.
    back: String,
}

/// A refusal as a page of the visitor's own: under the menu, in one language, with the way back to where they were.
/// Every other response stays as it is.
pub(super) fn for_visitor(desk: &Desk, visit: &Visit, back: String, response: Response) -> Response {
    let status = response.status();
    let Some(Refusal(why)) = response.extensions().get::<Refusal>() else { return response };
    let title = match status {
        StatusCode::NOT_FOUND => both!("Not found", "見つかりません"),
        status if status.is_server_error() => both!("Something went wrong", "エラーが発生しました"),
        _ => both!("This was not done", "操作できませんでした"),
    };
    let p = desk.page(visit, Section::House, &title);
    let page = RefusedPage { why: p.say(why), back, p };
    askama::Template::render(&page).map_or(response, |text| (status, Html(text)).into_response())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

    use askama::Template;

    use super::super::visit::{Language, sample_page};
    use super::*;

    #[test]
    fn a_refusal_says_why_and_leads_back() {
        for (language, words) in [(Language::En, "Back"), (Language::Ja, "戻る")] {
            let (why, back) = ("<script>alert(1)</script>".to_owned(), "/listings?tab=unmatched".to_owned());
            let page = RefusedPage { p: sample_page(language), why, back }.render().unwrap();
            assert!(!page.contains("<script>alert") && page.contains("&#60;script&#62;"), "{page}");
            assert!(page.contains("href=\"/listings?tab=unmatched\"") && page.contains(words), "{page}");
        }
    }
}
