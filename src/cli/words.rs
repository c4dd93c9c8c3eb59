//! The language in which a person is told what to do: Japanese where the terminal's locale says so, else English.

use banto_channel::Bilingual;

pub(super) use crate::channels::words::{accepted, lifetime, trouble};

/// Whether the locale of the terminal is Japanese (POSIX: `LC_ALL` before `LC_MESSAGES` before `LANG`).
pub(super) fn japanese() -> bool {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.starts_with("ja"))
}

/// The text in the language of the terminal.
pub(super) fn local(words: Bilingual) -> String {
    if japanese() { words.ja } else { words.en }
}
