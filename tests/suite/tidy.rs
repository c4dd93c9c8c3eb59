//! The rules that a machine can check. A broken one names the file, the line and the way out.

mod links;
mod manifest;
mod source;
mod tree;

use std::collections::BTreeSet;

use source::Source;
use tree::{File, files, files_in, names, shipped};

const FUNCTION_LINES_MAX: usize = 60;
const FILE_LINES_MAX: usize = 600;

/// Everything that may stand at the top, besides dot files.
const TOP: [&str; 11] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "config",
    "connectors",
    "deploy",
    "migrations",
    "src",
    "tests",
];

/// Fails with every violation at once, under the rule's sentence.
#[track_caller]
fn none(rule: &str, violations: Vec<String>) {
    assert!(violations.is_empty(), "{rule}\n  {}\n", violations.join("\n  "));
}

/// `path:line: words` for each of the words that stands in the code of a file.
fn named(file: &File, source: &Source, words: &[&str]) -> Vec<String> {
    let mut found: Vec<_> =
        words.iter().flat_map(|w| source.lines_with(w).into_iter().map(move |l| (l, *w))).collect();
    found.sort_unstable();
    found.into_iter().map(|(line, word)| format!("{}:{line}: {word}", file.path)).collect()
}

fn long_functions(file: &File) -> Vec<String> {
    Source::without_tests(&file.text)
        .functions()
        .into_iter()
        .filter(|f| f.lines > FUNCTION_LINES_MAX)
        .map(|f| format!("{}:{}: fn {} has {} lines", file.path, f.line, f.name, f.lines))
        .collect()
}

#[test]
fn functions_fit_on_a_screen() {
    none(
        &format!("A function has at most {FUNCTION_LINES_MAX} lines: give a part of it a name."),
        shipped().iter().flat_map(long_functions).collect(),
    );
}

#[test]
fn files_can_be_read_in_one_go() {
    none(
        &format!(
            "A file has at most {FILE_LINES_MAX} lines besides its tests: split it by what it is about."
        ),
        shipped()
            .iter()
            .map(|f| (f, Source::lines_without_tests(&f.text)))
            .filter(|(_, lines)| *lines > FILE_LINES_MAX)
            .map(|(f, lines)| format!("{}: {lines} lines", f.path))
            .collect(),
    );
}

#[test]
fn the_domain_is_pure() {
    let reached = [
        "tokio",
        "sqlx",
        "reqwest",
        "axum",
        "lettre",
        "banto_wire",
        "async",
        "await",
        "SystemTime",
        "Instant",
        "std::fs",
        "std::net",
        "std::env",
        "std::thread",
        "std::process",
        "println",
        "eprintln",
        "crate::store",
        "crate::config",
        "crate::clock",
    ];
    none(
        "src/domain does no I/O, reads no clock and waits for nothing: take what it needs as a parameter.",
        files_in(&["src/domain"], ".rs")
            .iter()
            .flat_map(|f| named(f, &Source::without_tests(&f.text), &reached))
            .collect(),
    );
}

#[test]
fn sql_stands_in_the_store_only() {
    none(
        "The store is the only one that speaks SQL: add a function there.",
        shipped()
            .iter()
            .filter(|f| !f.path.starts_with("src/store"))
            .flat_map(|f| named(f, &Source::new(&f.text), &["sqlx"]))
            .collect(),
    );
}

#[test]
fn http_and_pacing_are_wires() {
    none(
        "Only connectors/wire speaks HTTP and paces it: take `banto_channel::Http`.",
        shipped()
            .iter()
            .filter(|f| !f.path.starts_with("connectors/wire/"))
            .flat_map(|f| named(f, &Source::new(&f.text), &["reqwest::", "governor::"]))
            .collect(),
    );
}

#[test]
fn backoff_stays_in_one_file() {
    none(
        "backoff is unmaintained, and replacing it stays a one-file change: connectors/wire/src/retry.rs.",
        shipped()
            .iter()
            .filter(|f| f.path != "connectors/wire/src/retry.rs")
            .flat_map(|f| named(f, &Source::new(&f.text), &["backoff::"]))
            .collect(),
    );
}

#[test]
fn connectors_translate_and_do_nothing_else() {
    let reached = [
        "tokio",
        "axum",
        "banto_sim",
        "banto_wire",
        "tracing",
        "SystemTime",
        "Instant",
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "std::thread",
        "println",
        "eprintln",
    ];
    none(
        "A connector never sleeps, spawns, stores or logs: only its fake may reach for these.",
        manifest::marketplaces()
            .iter()
            .flat_map(|name| files_in(&[&format!("connectors/{name}/src/")], ".rs"))
            .filter(|f| !f.path.contains("/src/fake") && !f.path.contains("/src/tests"))
            .flat_map(|f| named(&f, &Source::without_tests(&f.text), &reached))
            // Where the marketplace is a folder, files are its calls.
            .filter(|found| {
                !(found.starts_with("connectors/csv-folder/src/calls.rs:") && found.ends_with("std::fs"))
            })
            .collect(),
    );
}

#[test]
fn probes_speak_both_languages() {
    let english_alone = ["Error::new", "Bilingual::quoted"];
    none(
        "A person reads what a probe finds: say it with both!, as a warning or by Error::told.",
        manifest::marketplaces()
            .iter()
            .flat_map(|name| files_in(&[&format!("connectors/{name}/src/probe")], ".rs"))
            .flat_map(|f| named(&f, &Source::without_tests(&f.text), &english_alone))
            .collect(),
    );
}

#[test]
fn refusals_speak_both_languages() {
    none(
        "A page shows what the store refuses and what is the matter with a sheet: say it with both!.",
        files_in(&["src/store/", "src/sheet/"], ".rs")
            .into_iter()
            .flat_map(|f| named(&f, &Source::without_tests(&f.text), &["Bilingual::quoted"]))
            // Backups are made and read at the command line; a cell is its own name.
            .filter(|found| !found.starts_with("src/store/backup.rs:"))
            .filter(|found| !found.starts_with("src/sheet/items.rs:"))
            .collect(),
    );
}

#[test]
fn each_connector_has_the_same_parts() {
    let parts = [
        "Cargo.toml",
        "README.md",
        "src/lib.rs",
        "src/config.rs",
        "src/calls.rs",
        "src/parse.rs",
        "src/fake.rs",
        "tests/conformance.rs",
    ];
    let is_there = |path: &String| {
        tree::root().join(path).is_file() || tree::root().join(path.replace(".rs", "/mod.rs")).is_file()
    };
    none(
        "Every connector has the parts that connectors/README.md names.",
        manifest::marketplaces()
            .iter()
            .flat_map(|name| parts.map(|part| format!("connectors/{name}/{part}")))
            .filter(|path| !is_there(path))
            .map(|path| format!("{path} is missing"))
            .collect(),
    );
}

#[test]
fn nothing_is_left_for_later() {
    let ignored = concat!("#[", "ignore");
    let unfinished = ["todo!", "unimplemented!", "dbg!", ignored, "#[allow(", "#![allow("];
    none(
        "What is in the tree is done: no todo!, unimplemented!, dbg!, ignored tests; and #[expect] in place of #[allow].",
        files_in(&[""], ".rs").iter().flat_map(|f| named(f, &Source::new(&f.text), &unfinished)).collect(),
    );
}

#[test]
fn exceptions_to_a_lint_say_why() {
    let silent = |file: &File| -> Vec<String> {
        let source = Source::new(&file.text);
        let lines: Vec<_> = file.text.lines().collect();
        ["#[expect(", "#![expect(", "expect(clippy"]
            .iter()
            .flat_map(|start| source.lines_with(start))
            .filter(|line| !lines[line - 1..].iter().take(6).any(|l| l.contains("reason = ")))
            .map(|line| format!("{}:{line}", file.path))
            .collect()
    };
    none("#[expect(…)] carries a reason.", files_in(&[""], ".rs").iter().flat_map(silent).collect());
}

#[test]
fn migrations_come_in_pairs() {
    let (sqlite, postgres) = (names("migrations/sqlite"), names("migrations/postgres"));
    let sqlite: BTreeSet<_> = sqlite.iter().collect();
    let postgres: BTreeSet<_> = postgres.iter().collect();
    assert!(!sqlite.is_empty(), "migrations/sqlite is empty");
    let mut found: Vec<_> = sqlite
        .symmetric_difference(&postgres)
        .map(|name| format!("{name} stands on one side only"))
        .collect();
    found.extend(
        sqlite
            .iter()
            .filter(|n| !is_migration(n))
            .map(|n| format!("{n} is not named like 0001_what_it_does.sql")),
    );
    none("migrations/sqlite and migrations/postgres hold files of equal names.", found);
}

fn is_migration(name: &str) -> bool {
    name.split_once('_').is_some_and(|(number, rest)| {
        number.len() == 4
            && number.bytes().all(|b| b.is_ascii_digit())
            && rest.strip_suffix(".sql").is_some_and(|what| {
                !what.is_empty()
                    && what.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            })
    })
}

#[test]
fn the_top_of_the_tree_stays_small() {
    none(
        "Nothing new at the top of the tree: put it into the folder it belongs to.",
        names("")
            .into_iter()
            .filter(|n| !n.starts_with('.') && !tree::ignored(n) && !TOP.contains(&n.as_str()))
            .collect(),
    );
}

#[test]
fn no_path_of_one_machine_is_left_in() {
    // In two parts, so that this file does not name them itself.
    let machines =
        [("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/"), ("/wo", "rk/")].map(|(a, b)| format!("{a}{b}"));
    let inside = |file: &File| -> Vec<String> {
        file.text
            .lines()
            .enumerate()
            .filter(|(_, text)| machines.iter().any(|m| stands_alone(text, m)))
            .map(|(at, text)| format!("{}:{}: {}", file.path, at + 1, text.trim()))
            .collect()
    };
    none("A path of one machine works on no other.", files().iter().flat_map(inside).collect());
}

/// Whether `path` begins a path in `text`, rather than going on one (`https://shop.example/work/`).
fn stands_alone(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "./-_}~".contains(c))
    })
}

#[test]
fn links_in_documents_lead_somewhere() {
    let documents = files_in(&[""], ".md");
    assert!(!documents.is_empty(), "no documents found");
    none(
        "Every relative link of a document leads to a file, and its #anchor to a heading.",
        documents.iter().flat_map(|d| links::broken(&d.path, &d.text)).collect(),
    );
}

#[test]
fn scripts_stop_at_the_first_error() {
    let is_script = |f: &&File| f.text.starts_with("#!/bin/sh") || f.text.starts_with("#!/bin/bash");
    let strict = |text: &str| text.lines().any(|l| matches!(l, "set -e" | "set -eu" | "set -euo pipefail"));
    none(
        "A shell script says `set -e` (Debian's maintainer scripts), `set -eu` or `set -euo pipefail`.",
        files().iter().filter(is_script).filter(|f| !strict(&f.text)).map(|f| f.path.clone()).collect(),
    );
}

#[test]
fn the_rules_see_what_they_look_for() {
    let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(FUNCTION_LINES_MAX));
    let file = File { path: "a.rs".into(), text: long };
    assert_eq!(long_functions(&file), ["a.rs:1: fn long has 62 lines"]);
    let source = Source::new(concat!("fn a() {\n    todo!()\n}\n#[ign", "ore]\nfn b() { x.await }"));
    let file = File { path: "b.rs".into(), text: String::new() };
    assert_eq!(
        named(&file, &source, &["todo!", concat!("#[ign", "ore"), "await"]),
        ["b.rs:2: todo!", concat!("b.rs:4: #[ign", "ore"), "b.rs:5: await"]
    );
    assert!(is_migration("0001_first.sql"));
    assert!(
        !is_migration("1_first.sql")
            && !is_migration("0001_First.sql")
            && !is_migration("0001_first.up.sql.bak")
    );
    assert!(stands_alone("cd /x/y", "/x/") && !stands_alone("https://a.example/x/y", "/x/"));
}
