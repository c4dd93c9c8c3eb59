//! Who looks: the session behind a request.

use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use banto_channel::Bilingual;

use super::{Access, Desk};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, users included.
    Owner,
    /// The daily work.
    Staff,
    /// Looking.
    ReadOnly,
}

/// In which language somebody reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// 日本語.
    #[default]
    Ja,
    /// English.
    En,
}

/// A request of somebody who is logged in. A handler takes it as an argument.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Key of the user.
    pub user: i64,
    /// The user's name.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// In which language the user reads.
    pub language: Language,
    /// What every form of this session carries in its field `csrf`.
    pub csrf: String,
    /// What the request before this one did, to be said once.
    pub told: Option<String>,
    /// Path and query of this request.
    pub path: String,
}

impl Visit {
    /// Who the ledger, timeline and audit say it was: `user:aki`.
    #[must_use]
    pub fn actor(&self) -> String {
        format!("user:{}", self.name)
    }

    /// Whether the user may do the daily work.
    #[must_use]
    pub const fn may_work(&self) -> bool {
        Access::Staff.allows(self.role)
    }

    /// Whether the user is the owner.
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        Access::Owner.allows(self.role)
    }

    /// A text in the user's language.
    #[must_use]
    pub fn say(&self, text: &Bilingual) -> String {
        match self.language {
            Language::Ja => text.ja.clone(),
            Language::En => text.en.clone(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // Only a public route has none, and its handler does not ask.
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

pub(super) async fn admit(_desk: &Desk, _access: Access, mut request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    request.extensions_mut().insert(Visit {
        user: 1,
        name: "owner".into(),
        role: Role::Owner,
        language: Language::Ja,
        csrf: String::new(),
        told: None,
        path,
    });
    next.run(request).await
}
