//! `banto channel add KIND`: a commented channel file, and a walk through the credentials that it needs.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use banto_channel::both;
use clap::Args;
use serde::Serialize;

use crate::channels::registry::{KINDS, Kind};
use crate::cli::words::local;
use crate::cli::{Exit, Failure, Globals, Out, Outcome};

/// What every channel file has, with its comments; the part of the kind comes from its connector.
const USUAL: &str = include_str!("../../../config/channels/woocommerce.toml");

/// Write a commented config file for a new channel and ask for its credentials
#[derive(Args, Debug)]
pub(super) struct Add {
    /// The kind of marketplace
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(KINDS.iter().map(|kind| kind.name)))]
    kind: String,
    /// The channel's name in commands and metrics [default: the kind]
    #[arg(long)]
    name: Option<String>,
}

/// A key of the connector's table that a person has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    key: String,
    /// The sample's comment on it.
    help: String,
    sample: String,
}

impl Question {
    fn is_secret(&self) -> bool {
        self.key.ends_with("_file")
    }
}

#[derive(Debug, Serialize)]
struct Added {
    file: PathBuf,
    /// Secret files that are still to be written.
    missing: Vec<PathBuf>,
}

impl Add {
    pub(super) fn run(&self, globals: &Globals) -> Outcome {
        let Some(kind) = KINDS.iter().find(|kind| kind.name == self.kind) else {
            return Err(Failure::new(Exit::Usage, format!("{:?} is no kind of channel", self.kind)));
        };
        let usual = kind.name.replace('_', "-");
        let name = self.name.as_deref().unwrap_or(&usual);
        let dir = globals.config_dir();
        let file = dir.join("channels").join(format!("{name}.toml"));
        if file.exists() {
            let why = format!("{} is there already; give the new channel another --name", file.display());
            return Err(Failure::new(Exit::Refused, why));
        }
        let mut text = channel_file(kind, name);
        let mut missing = Vec::new();
        let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        for question in questions(kind.sample) {
            if question.is_secret() {
                let path = secret_path(name, &question.key);
                let given = if asks { ask_secret(&question)? } else { String::new() };
                if given.is_empty() {
                    missing.push(PathBuf::from(&path));
                } else {
                    write_secret(&dir.join(&path), &given)?;
                }
            } else if asks && let Some(given) = ask(&question)? {
                text = with_value(&text, &question.key, &given);
            }
        }
        fs::create_dir_all(dir.join("channels"))?;
        fs::write(&file, text)?;
        tell(&file, &dir, missing)
    }
}

fn tell(file: &Path, dir: &Path, missing: Vec<PathBuf>) -> Outcome {
    let out = Out::new(false, jiff::tz::TimeZone::UTC);
    let added = Added { file: file.to_owned(), missing };
    out.answer(&added, |text| {
        text.line(format!("{} {}", local(both!("written:", "作成しました:")), added.file.display()));
        for secret in &added.missing {
            let path = dir.join(secret);
            let todo = local(both!("still needs its secret", "に認証情報を書き込んでください"));
            text.line(format!("{} {todo}:  install -m 600 /dev/stdin {0}", path.display()));
        }
        text.line(local(both!(
            "next: look through the file, set enabled = true, and run banto check",
            "次に: ファイルを確認し enabled = true にして、banto check を実行してください"
        )));
    })?;
    Ok(Exit::Ok)
}

/// The usual channel file with this kind's `[connector]` table.
fn channel_file(kind: &Kind, name: &str) -> String {
    let (head, rest) = USUAL.split_once("# What the connector itself needs").unwrap_or((USUAL, ""));
    let (_, tail) = rest.split_once("\n[orders]").unwrap_or(("", ""));
    let head =
        head.split_once("\nkind = ").map_or(head, |(_, after)| after.split_once('\n').map_or("", |(_, h)| h));
    let folder = kind.name.replace('_', "-");
    let sample: String = kind.sample.lines().map(|line| own_secret(line, name) + "\n").collect();
    // Tables of the connector's own are part of [connector].
    let sample = sample
        .lines()
        .map(|line| match (line.strip_prefix("[["), line.strip_prefix('['), line.strip_prefix("# [")) {
            (Some(rest), ..) => format!("[[connector.{rest}\n"),
            (_, Some(rest), _) => format!("[connector.{rest}\n"),
            (.., Some(rest)) if !rest.contains('"') => format!("# [connector.{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect::<String>();
    format!(
        "# {name}: a channel of the kind {}. connectors/{folder}/README.md tells how to get its credentials and lists every key.\n\
         # A line that begins with \"#\" and a key shows that key with an example or its default.\n\n\
         kind = \"{}\"\n{head}\n[connector]\n{sample}\n[orders]{tail}",
        kind.name, kind.name
    )
}

/// The line with the secret's file named after the channel, so that two channels of one kind do not share one.
fn own_secret(line: &str, name: &str) -> String {
    let bare = line.trim_start_matches("# ");
    match bare.split_once(" = \"") {
        Some((key, _))
            if key.ends_with("_file") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_') =>
        {
            let mark = if bare.len() < line.len() { "# " } else { "" };
            format!("{mark}{key} = \"{}\"", secret_path(name, key))
        }
        _ => line.to_owned(),
    }
}

fn secret_path(name: &str, key: &str) -> String {
    let what = key.trim_end_matches("_file").replace('_', "-");
    format!("secrets/{name}-{what}")
}

/// What a person has to know: the keys that are set in the sample, with the comments above them.
fn questions(sample: &str) -> Vec<Question> {
    let (mut found, mut help) = (Vec::new(), String::new());
    for line in sample.lines().take_while(|line| !line.starts_with('[')) {
        if let Some(comment) = line.strip_prefix('#') {
            help.push_str(comment.trim());
            help.push('\n');
        } else if let Some((key, value)) = line.split_once(" = ") {
            // Two keys under one comment are asked with the same help.
            found.push(Question { key: key.to_owned(), help: help.clone(), sample: value.to_owned() });
        } else {
            help.clear();
        }
    }
    found
}

/// The text with another value for a key of the connector's table.
fn with_value(text: &str, key: &str, value: &str) -> String {
    let start = format!("{key} = ");
    let mut done = false;
    let line = |line: &str| {
        if done || !line.starts_with(&start) {
            return format!("{line}\n");
        }
        done = true;
        format!("{start}{value}\n")
    };
    text.lines().map(line).collect()
}

/// The answer as TOML, or nothing to keep the sample's value.
fn ask(question: &Question) -> std::io::Result<Option<String>> {
    eprint!("\n{}{} [{}]: ", question.help, question.key, question.sample);
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let answer = answer.trim();
    let is_text = question.sample.starts_with('"');
    Ok(match answer {
        "" => None,
        text if is_text => Some(toml::Value::from(text).to_string()),
        other => Some(other.to_owned()),
    })
}

fn ask_secret(question: &Question) -> std::io::Result<String> {
    eprint!("\n{}", question.help);
    let later = local(both!(
        "(not shown while you type; Enter to do it later)",
        "（入力は表示されません。後で設定する場合は Enter）"
    ));
    Ok(rpassword::prompt_password(format!("{} {later}: ", question.key.trim_end_matches("_file")))?
        .trim()
        .to_owned())
}

fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::{Config, Surroundings};

    #[test]
    fn every_kinds_file_is_a_channel_that_is_not_enabled_yet() {
        for kind in KINDS {
            let text = channel_file(kind, "second");
            let directory = tempfile::tempdir().unwrap();
            let house = "[shop]\nname = \"x\"\n";
            let config =
                Config::from_texts(directory.path(), &Surroundings::default(), house, &[("second", &text)])
                    .unwrap_or_else(|errors| panic!("{}: {errors:?}\n{text}", kind.name));
            let channel = config.channel("second").unwrap();
            assert_eq!((channel.kind.as_str(), channel.enabled), (kind.name, false), "{text}");
            let secret = |_: &str| Ok(banto_channel::Secret::new("0123456789abcdef0123456789abcdef"));
            let built = crate::channels::registry::build(kind.name, &channel.connector, &secret);
            if let Err(error) = built {
                // A sample may name what only the merchant has: a key that must be well-formed, a folder.
                assert_eq!(error.kind, banto_channel::ErrorKind::Config, "{}: {error}", kind.name);
            }
        }
    }

    #[test]
    fn secrets_of_two_channels_of_a_kind_have_files_of_their_own() {
        let kind = KINDS.iter().find(|kind| kind.name == "rakuten").unwrap();
        let text = channel_file(kind, "second");
        assert!(text.contains("license_key_file = \"secrets/second-license-key\""), "{text}");
        assert!(!text.contains("\"rakuten-license-key\""), "{text}");
    }

    #[test]
    fn what_is_asked_comes_with_the_samples_own_words() {
        let asked =
            questions("# The store.\nshop = \"a\"\n\n# A key.\n# See there.\nkey_file = \"k\"\n# x = 1\n");
        let plain: Vec<_> = asked.iter().map(|q| (q.key.as_str(), q.help.as_str(), q.is_secret())).collect();
        assert_eq!(plain, [("shop", "The store.\n", false), ("key_file", "A key.\nSee there.\n", true)]);
        assert_eq!(with_value("a = 1\nshop = \"a\"\n", "shop", "\"b\""), "a = 1\nshop = \"b\"\n");
    }
}
