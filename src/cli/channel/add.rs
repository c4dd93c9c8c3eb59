//! `banto channel add KIND`: a commented channel file, and a walk through the credentials that it needs.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use banto_channel::both;
use clap::Args;
use serde::Serialize;

use crate::channels::registry::KINDS;
use crate::cli::words::local;
use crate::cli::{Exit, Failure, Globals, Out, Outcome};
use crate::config::new_channel::{
    Question, channel_file, is_channel_name, questions, secret_path, with_value,
};

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
        if !is_channel_name(name) {
            return Err(Failure::new(Exit::Usage, format!("{name:?} is no name for a channel")));
        }
        let dir = globals.config_dir();
        let file = dir.join("channels").join(format!("{name}.toml"));
        if file.exists() {
            let why = format!("{} is there already; give the new channel another --name", file.display());
            return Err(Failure::new(Exit::Refused, why));
        }
        let mut text = channel_file(kind.name, kind.sample, name);
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

/// The answer as TOML, or nothing to keep the sample's value.
fn ask(question: &Question) -> std::io::Result<Option<String>> {
    loop {
        eprint!("\n{}{} [{}]: ", local(question.help.clone()), question.key, question.sample);
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if answer.trim().is_empty() {
            return Ok(None);
        }
        if let Some(literal) = question.literal(&answer) {
            return Ok(Some(literal));
        }
        eprintln!("{}", local(both!("that is no value of this key", "このキーの値として読み取れません")));
    }
}

fn ask_secret(question: &Question) -> std::io::Result<String> {
    eprint!("\n{}", local(question.help.clone()));
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
