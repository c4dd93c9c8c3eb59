//! Exit codes, and how an error becomes one.

use std::fmt;
use std::fmt::Write as _;
use std::process::ExitCode;

use banto_channel::{Bilingual, ErrorKind};

use super::words::{local, trouble};
use crate::config::ConfigError;
use crate::mail::TemplateError;
use crate::store::StoreError;

/// How a command ended. The numbers are part of the interface: scripts read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something went wrong, or an invariant is broken.
    Failed = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// The config is wrong.
    Config = 3,
    /// What was named does not exist.
    NotFound = 4,
    /// It cannot be done as things stand.
    Refused = 5,
    /// The store cannot be reached or written, or its schema is not this program's.
    Store = 6,
    /// A marketplace or the network failed.
    Network = 7,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Config,
        Self::NotFound,
        Self::Refused,
        Self::Store,
        Self::Network,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it tells, for help and manual.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failed => "something went wrong, or a check found an invariant broken",
            Self::Usage => "the command line cannot be understood",
            Self::Config => "the config is wrong",
            Self::NotFound => "what was named does not exist",
            Self::Refused => "cannot be done as things stand (a guard, a conflict, bad lines in a file)",
            Self::Store => {
                "the store cannot be reached or written, or its schema does not fit (`banto migrate`)"
            }
            Self::Network => "a marketplace or the network failed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The exit codes as the end of the help.
pub(super) fn table() -> String {
    Exit::ALL.into_iter().fold("Exit status:".to_owned(), |mut text, exit| {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {}  {}", exit.code(), exit.meaning());
        text
    })
}

/// Why a command could not do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure of this kind that says `message`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// What was named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// It cannot be done as things stand.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// The arguments do not fit together.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells the person, and gives the code to the shell.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        eprintln!("banto: {self}");
        self.exit.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NotFound(_) => Exit::NotFound,
            StoreError::Refused(_) | StoreError::Stock(_) | StoreError::Person(_) => Exit::Refused,
            StoreError::Url(_) => Exit::Config,
            StoreError::Sql(_) | StoreError::DiskFull | StoreError::OldSqlite(_) | StoreError::Migrate(_) => {
                Exit::Store
            }
            StoreError::Json(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        let lines = errors.iter().fold(String::new(), |text, e| format!("{text}\n  {e}"));
        Self::new(Exit::Config, format!("the config is wrong:{lines}"))
    }
}

impl From<banto_channel::Error> for Failure {
    fn from(error: banto_channel::Error) -> Self {
        let exit = match error.kind {
            ErrorKind::Config => Exit::Config,
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::Refused | ErrorKind::Unsupported => Exit::Refused,
            ErrorKind::Unexpected => Exit::Failed,
            // Credentials, limits, connections, torn answers, and what later connectors may name.
            _ => Exit::Network,
        };
        let words = Bilingual { en: error.to_string(), ..trouble(&error) };
        Self::new(exit, local(words))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let context = format!("{error:#}");
        let known = error.downcast::<Self>().or_else(|e| e.downcast::<StoreError>().map(Self::from));
        let known = known.or_else(|e| e.downcast::<ConfigError>().map(Self::from));
        let wrong = |e: TemplateError| Self::new(Exit::Config, e.to_string());
        let known = known.or_else(|e| e.downcast::<TemplateError>().map(wrong));
        let exit = known
            .or_else(|e| e.downcast::<banto_channel::Error>().map(Self::from))
            .map_or(Exit::Failed, |f| f.exit);
        Self::new(exit, context)
    }
}

#[cfg(test)]
mod tests {
    use banto_channel::both;

    use super::*;

    #[test]
    fn what_is_wrong_in_a_file_is_a_wrong_config_however_it_was_found() {
        let place = TemplateError::Incomplete { present: "paid.txt".into(), missing: "paid.html".into() };
        let told = Failure::from(anyhow::Error::new(place).context("mail templates"));
        assert_eq!(told.exit(), Exit::Config);
    }

    #[test]
    fn the_numbers_are_those_that_scripts_know() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 6, 7]);
        let (found, full) =
            (StoreError::NotFound(both!("no item", "商品がありません")), StoreError::DiskFull);
        assert_eq!(Failure::from(found), Failure::not_found("no item"));
        assert_eq!(Failure::from(full).exit(), Exit::Store);
        let away = banto_channel::Error::new(ErrorKind::Unreachable, "no route");
        assert_eq!(Failure::from(away.clone()).exit(), Exit::Network);
        let told = Failure::from(anyhow::Error::new(away).context("honten: pull"));
        assert_eq!(told, Failure::new(Exit::Network, "honten: pull: no route (unreachable)"));
    }
}
