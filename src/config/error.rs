//! What is wrong in a config file, said so that it can be mended without asking anybody.

use std::fmt;
use std::path::PathBuf;

/// One problem of the config. Its texts hold no secret: a value is repeated only where its key was understood and is
/// no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The file to change.
    pub file: PathBuf,
    /// The line to look at, counted from 1, where one can be named.
    pub line: Option<usize>,
    /// The key's path (`stock.buffer`); empty if the file as a whole is meant.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty if the message says it.
    pub remedy: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The candidate that `typed` was probably meant to be, if one is near enough.
pub(super) fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (typed.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (distance(&typed.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// `did you mean "…"?`, or else the list of what would be right.
pub(super) fn suggest(typed: &str, candidates: &[&str]) -> String {
    match nearest(typed, candidates.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("use one of {}", candidates.join(", ")),
    }
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each counting one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(a[i - 1] != b[j - 1]);
                let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_recognised() {
        let keys = ["buffer", "cap", "share_percent", "paused"];
        for (typed, meant) in [
            ("bufer", Some("buffer")),
            ("bufefr", Some("buffer")),
            ("Buffer", Some("buffer")),
            ("share_procent", Some("share_percent")),
            ("cpa", Some("cap")),
            ("price", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, keys), meant, "{typed}");
        }
    }

    #[test]
    fn a_problem_reads_like_a_compiler_message() {
        let mut problem = ConfigError {
            file: "config/channels/honten.toml".into(),
            line: Some(12),
            key: "stock.bufer".into(),
            message: "unknown key".into(),
            remedy: suggest("bufer", &["buffer", "cap"]),
        };
        assert_eq!(
            problem.to_string(),
            r#"config/channels/honten.toml:12: stock.bufer: unknown key; did you mean "buffer"?"#
        );
        problem = ConfigError { line: None, key: String::new(), remedy: String::new(), ..problem };
        assert_eq!(problem.to_string(), "config/channels/honten.toml: unknown key");
    }
}
