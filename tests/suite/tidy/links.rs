//! Links of Markdown documents.

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::tree::root;

/// `document:line: target` for each relative link that leads nowhere.
pub fn broken(document: &str, text: &str) -> Vec<String> {
    targets(text)
        .into_iter()
        .filter(|(_, target)| !target.contains("://") && !target.starts_with("mailto:"))
        .filter(|(_, target)| !leads_somewhere(document, text, target))
        .map(|(line, target)| format!("{document}:{line}: {target}"))
        .collect()
}

fn leads_somewhere(document: &str, text: &str, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return anchors(text).contains(&anchor.to_owned());
    }
    let folder = Path::new(document).parent().unwrap_or(Path::new(""));
    let Some(inside) = normal(&folder.join(path)) else {
        return false;
    };
    let file = root().join(inside);
    if anchor.is_empty() || !path.ends_with(".md") {
        return file.exists();
    }
    fs::read_to_string(file).is_ok_and(|text| anchors(&text).contains(&anchor.to_owned()))
}

/// Without `..`; `None` if the path leaves the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out)
}

/// Lines outside code blocks, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            code = !code;
            return None;
        }
        (!code).then_some((at + 1, line))
    })
}

/// `[text](target)` and `[name]: target`, with the line each stands on.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            if let Some(end) = rest.find(')') {
                let target = rest[..end].split_whitespace().next().unwrap_or_default();
                found.push((number, target.trim_matches(['<', '>']).to_owned()));
            }
        }
        if let Some((_, target)) = line.split_once("]: ").filter(|(name, _)| name.starts_with('[')) {
            found.push((number, target.split_whitespace().next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// The line with its `code` blanked.
fn without_code(line: &str) -> String {
    line.split('`')
        .enumerate()
        .map(|(at, part)| if at % 2 == 0 { part.to_owned() } else { "x".into() })
        .collect()
}

/// The anchors that a document's headings get: lower case, spaces to hyphens, punctuation dropped, a number when
/// a heading comes again.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let slug: String = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            let times = seen.entry(slug.clone()).or_default();
            *times += 1;
            if *times == 1 { slug } else { format!("{slug}-{}", *times - 1) }
        })
        .collect()
}

#[test]
fn broken_links_are_seen() {
    let text = "# One: `two` (3)\n[a](Cargo.toml) [b](none.md \"title\") `[c](none)`\n```\n[d](none)\n```\n\
                [e]: src/none.rs\n[f](#one-two-3) [g](#none) [h](https://a.example/x) [i](../../up)\n# One\n# One\n[j](#one-1)";
    assert_eq!(
        broken("README.md", text),
        ["README.md:2: none.md", "README.md:6: src/none.rs", "README.md:7: #none", "README.md:7: ../../up"]
    );
    assert!(broken("src/x.md", "[up](../Cargo.toml)").is_empty());
}
