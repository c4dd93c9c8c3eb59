//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    pub text: String,
}

/// Where the repository stands.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the repository, in order of its path; not what git ignores (see `.gitignore`).
pub fn files() -> Vec<File> {
    let mut paths = Vec::new();
    collect(root(), &mut paths);
    paths.sort();
    paths
        .into_iter()
        // What is not UTF-8 (a test's CP932 file) has no rule to follow.
        .filter_map(|path| Some(File { text: fs::read_to_string(&path).ok()?, path: relative(&path) }))
        .collect()
}

/// The files whose path begins with one of `starts` and ends with `end`.
pub fn files_in(starts: &[&str], end: &str) -> Vec<File> {
    let mut files = files();
    files.retain(|f| f.path.ends_with(end) && starts.iter().any(|s| f.path.starts_with(s)));
    files
}

/// The Rust files that are shipped: not tests, not benches.
pub fn shipped() -> Vec<File> {
    let mut files = files_in(&["src/", "connectors/"], ".rs");
    files.retain(|f| !f.path.contains("/tests/") && !f.path.ends_with("/tests.rs"));
    files
}

/// Names directly inside a folder, in order.
pub fn names(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else {
        return Vec::new();
    };
    let mut names: Vec<_> =
        entries.filter_map(Result::ok).map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if ignored(&relative(&path)) {
            continue;
        }
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// As `.gitignore` says.
pub fn ignored(path: &str) -> bool {
    matches!(path, ".git" | "target" | "data") || path.ends_with(".pending-snap")
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}
