//! One error at the seam: what kind it is, when to try again, what a person should do.

use std::fmt;
use std::time::Duration;

use crate::{Bilingual, Doing, both};

/// `Result` with the seam's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error means for whoever called.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The channel's config cannot work; a person must change it.
    Config,
    /// Credentials are missing, wrong, expired or lack a scope; a person must act.
    Auth,
    /// Too many calls; wait for [`Error::retry_after`].
    RateLimited,
    /// The other side cannot be reached or failed on its own (connection, time-out, 5xx).
    Unreachable,
    /// The answer is not what the documents promise (HTML for JSON, torn body, too large).
    Malformed,
    /// The request was understood and refused (4xx other than the above).
    Refused,
    /// What was asked for does not exist there.
    NotFound,
    /// The connector does not offer this call.
    Unsupported,
    /// A fault of the connector itself.
    Unexpected,
}

impl ErrorKind {
    /// A stable word for logs, metrics and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Auth => "auth",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Unsupported => "unsupported",
            Self::Unexpected => "unexpected",
        }
    }

    /// Whether the same call may work later without anybody changing anything.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unreachable | Self::Malformed)
    }
}

/// An error of a connector. Its message is written for the merchant and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What it means for the caller.
    pub kind: ErrorKind,
    /// When the other side asked to be called again.
    pub retry_after: Option<Duration>,
    /// What happened and what to do about it, in plain words, redacted. In English, for logs.
    pub message: String,
    /// The same in Japanese, where a merchant may come upon it: a probe, a push, a notice. Who reads Japanese is shown
    /// this one.
    pub japanese: Option<String>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, retry_after: None, message: message.into(), japanese: None }
    }

    /// An error of `kind` for a person: what a merchant may come upon is told in both languages.
    #[must_use]
    pub fn told(kind: ErrorKind, words: Bilingual) -> Self {
        Self { japanese: Some(words.ja), ..Self::new(kind, words.en) }
    }

    /// The answer of a call that a connector does not offer. What a merchant may come to ask for, `call` says in both
    /// languages.
    #[must_use]
    pub fn unsupported<'a>(call: impl Into<Doing<'a>>) -> Self {
        let call = call.into();
        let words = match call.in_japanese() {
            Some(ja) => both!("this channel does not support {call}", "このチャネルは{ja}に対応していません"),
            None => both!("this channel does not support {call}", "このチャネルはこの操作に対応していません"),
        };
        Self::told(ErrorKind::Unsupported, words)
    }

    /// The same error with the delay that the other side asked for.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The message in both languages; in English twice where nobody wrote the Japanese.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        let en = self.message.clone();
        Bilingual { ja: self.japanese.clone().unwrap_or_else(|| en.clone()), en }
    }

    /// The same error with other words, made of its own.
    #[must_use]
    pub fn reworded(self, words: impl FnOnce(Bilingual) -> Bilingual) -> Self {
        let words = words(self.words());
        Self { retry_after: self.retry_after, ..Self::told(self.kind, words) }
    }

    /// The same error with `hide` applied to all of its text.
    #[must_use]
    pub fn redacted(mut self, hide: impl Fn(&str) -> String) -> Self {
        self.message = hide(&self.message);
        self.japanese = self.japanese.as_deref().map(hide);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.kind.name())
    }
}

impl std::error::Error for Error {}
