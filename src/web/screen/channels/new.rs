//! A new channel: its kind, its name and what its connector has to know make a file, which is shown before it is written.
//! Secrets are asked for on the page of its credentials, and stand in files of their own.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path as FilePath, PathBuf};

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::super::access::Routes;
use super::super::{Access, Desk, Fault, Page, Section, Visit, done, html, safe_file};
use super::mode::reloaded;
use crate::channels::registry::{KINDS, Kind};
use crate::config::Config;
use crate::config::new_channel::{
    Question, channel_file, is_channel_name, questions, secret_path, with_value,
};

/// Longest value of a key, bytes.
const VALUE_MAX: usize = 2_000;

#[derive(Template)]
#[template(path = "channel_new.html", config = "src/web/askama.toml")]
struct NewPage {
    p: Page,
    /// Each kind, and whether it is the chosen one.
    kinds: Vec<(&'static str, bool)>,
    /// What the chosen kind needs.
    draft: Option<Drafted>,
    /// Why it was not written.
    refused: String,
}

/// A file that is not written yet, as the page shows it.
struct Drafted {
    kind: &'static str,
    name: String,
    fields: Vec<Field>,
    /// Files of secrets that the channel will read.
    secrets: Vec<String>,
    file: String,
    text: String,
}

/// A key of the connector's table.
struct Field {
    key: String,
    help: String,
    value: String,
    /// The value is the sample's, not one that somebody typed.
    is_example: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct KindQuery {
    kind: String,
}

/// What somebody has said of the new channel so far.
struct Draft {
    kind: &'static Kind,
    name: String,
    /// What was typed, by key.
    typed: BTreeMap<String, String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/channels/new", Access::Owner, show).post("/channels/new", Access::Owner, make)
}

fn kind_named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

async fn show(
    State(desk): State<Desk>,
    visit: Visit,
    Query(query): Query<KindQuery>,
) -> Result<Response, Fault> {
    let draft = kind_named(&query.kind).map(|kind| Draft {
        kind,
        name: free_name(&desk.app().config, &kind.name.replace('_', "-")),
        typed: BTreeMap::new(),
    });
    html(&page(&desk, &visit, draft.as_ref(), String::new()))
}

/// The name itself, or the first with a number behind it that no channel has.
fn free_name(config: &Config, name: &str) -> String {
    let taken = |name: &str| config.channel(name).is_some() || file(config, name).exists();
    let numbered = (2..1_000).map(|n| format!("{name}-{n}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

fn file(config: &Config, name: &str) -> PathBuf {
    config.dir.join("channels").join(format!("{name}.toml"))
}

fn page(desk: &Desk, visit: &Visit, draft: Option<&Draft>, refused: String) -> NewPage {
    let p = desk.page(visit, Section::Channels, &both!("Add a channel", "チャネルの追加"));
    let chosen = |kind: &Kind| draft.is_some_and(|draft| draft.kind.name == kind.name);
    NewPage {
        kinds: KINDS.iter().map(|kind| (kind.name, chosen(kind))).collect(),
        draft: draft.map(|draft| draft.drafted(&desk.app().config, &p)),
        refused,
        p,
    }
}

impl Draft {
    fn of(form: &[(String, String)]) -> Option<Self> {
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        let kind = kind_named(field("kind")?)?;
        let typed = form.iter().filter_map(|(key, value)| Some((key.strip_prefix("key.")?, value.trim())));
        let typed = typed.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Some(Self { kind, name: field("name").unwrap_or_default().to_owned(), typed })
    }

    /// What a person has to say; secrets are asked for elsewhere.
    fn questions(&self) -> impl Iterator<Item = Question> {
        questions(self.kind.sample).into_iter().filter(|question| !question.is_secret())
    }

    /// What was typed for a key, unless it is what the sample says anyway.
    fn typed(&self, question: &Question) -> Option<&str> {
        let typed = self.typed.get(&question.key)?.as_str();
        Some(typed).filter(|typed| !typed.is_empty() && *typed != question.example())
    }

    /// The file's text.
    ///
    /// Errors: a value that is none of its key.
    fn text(&self) -> Result<String, Bilingual> {
        let mut text = channel_file(self.kind.name, self.kind.sample, &self.name);
        for question in self.questions() {
            let Some(typed) = self.typed(&question) else { continue };
            let literal = question.literal(typed).filter(|_| typed.len() <= VALUE_MAX).ok_or_else(|| {
                let (key, example) = (&question.key, &question.sample);
                both!(
                    "{key} is written like this: {example}. Nothing was written",
                    "{key}は次の形式で入力してください: {example}。ファイルは作成していません"
                )
            })?;
            text = with_value(&text, &question.key, &literal);
        }
        Ok(text)
    }

    fn drafted(&self, config: &Config, p: &Page) -> Drafted {
        let field = |question: Question| Field {
            value: self.typed(&question).map_or_else(|| question.example(), str::to_owned),
            is_example: self.typed(&question).is_none(),
            help: p.say(&question.help),
            key: question.key,
        };
        let secrets = questions(self.kind.sample).into_iter().filter(Question::is_secret);
        let named = is_channel_name(&self.name);
        Drafted {
            kind: self.kind.name,
            fields: self.questions().map(field).collect(),
            secrets: secrets.map(|question| secret_path(&self.name, &question.key)).collect(),
            file: if named { file(config, &self.name).display().to_string() } else { String::new() },
            text: self.text().ok().filter(|_| named).unwrap_or_default(),
            name: self.name.clone(),
        }
    }

    /// Why it cannot be called so.
    fn name_taken(&self, config: &Config) -> Option<Bilingual> {
        let name = &self.name;
        if !is_channel_name(name) || name == "new" {
            return Some(both!(
                "{name:?} is no name for a channel: a to z, 0 to 9, - and _, at most 40 of them, a letter or digit first. \
                 Nothing was written",
                "「{name}」は使えません。a〜z・0〜9・-・_ を40文字以内（先頭は英数字）で入力してください。ファイルは作成していません"
            ));
        }
        (config.channel(name).is_some() || file(config, name).exists()).then(|| there_already(name))
    }
}

fn there_already(name: &str) -> Bilingual {
    both!(
        "There is a channel {name} already; give the new one another name. Nothing was written",
        "チャネル「{name}」はすでにあります。別の名前を入力してください。ファイルは作成していません"
    )
}

async fn make(
    State(desk): State<Desk>,
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let draft = Draft::of(&form).ok_or_else(|| {
        Fault::bad_input(both!("Choose the kind of the channel", "チャネルの種類を選択してください"))
    })?;
    let app = desk.app();
    let text = match draft.name_taken(&app.config).map_or_else(|| draft.text(), Err) {
        Ok(text) => text,
        Err(why) => return refused(&desk, &visit, &draft, &why),
    };
    if form.iter().any(|(key, value)| key == "do" && value == "show") {
        return html(&page(&desk, &visit, Some(&draft), String::new()));
    }
    let name = &draft.name;
    let mut write = desk.store().write().await?;
    write.audit(&visit.actor(), "channel_add", name, draft.kind.name, desk.now()).await?;
    let path = file(&app.config, name);
    if let Err(why) = put(&app.config, &path, name, &text) {
        return refused(&desk, &visit, &draft, &why);
    }
    if let Err(error) = write.commit().await {
        let _ = std::fs::remove_file(&path);
        return Err(error.into());
    }
    desk.reload();
    if reloaded(&desk, |config| config.channel(name).is_some()).await {
        let told = both!(
            "{name} has its file. Give it its credentials, then switch it on",
            "{name}の設定ファイルを作成しました。認証情報を入力してから有効にしてください"
        );
        return Ok(done(&visit, &format!("/channels/{name}/credentials"), &told));
    }
    let told = both!(
        "{name} has its file, and stands in this list as soon as the config has been read again",
        "{name}の設定ファイルを作成しました。設定の再読み込みが終わると、この一覧に表示されます"
    );
    Ok(done(&visit, "/channels", &told))
}

/// The form as it was filled in, with why it was not taken.
fn refused(desk: &Desk, visit: &Visit, draft: &Draft, why: &Bilingual) -> Result<Response, Fault> {
    let mut answer = html(&page(desk, visit, Some(draft), visit.say(why)))?;
    *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(answer)
}

/// Writes the file, and takes it away again if the config would not load with it.
fn put(config: &Config, path: &FilePath, name: &str, text: &str) -> Result<(), Bilingual> {
    safe_file::create(path, text.as_bytes(), 0o640).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => there_already(name),
        _ => safe_file::fault(path, &error).why,
    })?;
    Config::load(&config.dir).map(drop).map_err(|errors| {
        let _ = std::fs::remove_file(path);
        let why: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let why = why.join("\n");
        both!(
            "The config cannot be read with it, and nothing was written: {why}",
            "この内容では設定を読み込めないため、ファイルは作成していません: {why}"
        )
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]
mod tests {
    use super::super::tests::{NASTY, page as frame};
    use super::*;
    use crate::web::screen::Language;

    fn draft(name: &str, url: &str) -> Draft {
        let form = [("kind", "woocommerce"), ("name", name), ("key.url", url), ("key.other", "x = 1")];
        Draft::of(&form.map(|(key, value)| (key.to_owned(), value.to_owned()))).unwrap()
    }

    #[test]
    fn what_was_typed_stands_in_its_key_and_nowhere_else() {
        let text = draft("second", "https://a\"b.example").text().unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["connector"]["url"].as_str(), Some("https://a\"b.example"));
        assert_eq!(table["enabled"].as_bool(), Some(false));
        assert_eq!(table["mode"].as_str(), Some("observe"));
        assert!(table["connector"].get("other").is_none(), "the connector has not asked for it: {text}");
        assert!(draft("second", "https://a\nenabled = true").text().is_err());
    }

    #[test]
    fn the_page_shows_the_file_and_no_field_for_a_secret() {
        for (language, words, help) in [
            (Language::En, "Write the file", "as a browser shows it"),
            (Language::Ja, "ファイルを作成", "ブラウザーに表示されるショップのアドレス"),
        ] {
            let config = Config::from_texts(
                FilePath::new("/etc/banto"),
                &crate::config::Surroundings::default(),
                "[shop]\nname = \"x\"\n",
                &[],
            );
            let config = config.unwrap();
            let p = frame(language);
            let drafted = draft("second", NASTY).drafted(&config, &p);
            let page = NewPage {
                p,
                kinds: vec![("woocommerce", true)],
                draft: Some(drafted),
                refused: NASTY.to_owned(),
            };
            let text = page.render().unwrap();
            assert!(!text.contains("<script>alert") && text.contains(words), "{text}");
            let other = if language == Language::Ja { "as a browser shows it" } else { "ブラウザーに" };
            assert!(
                text.contains(help) && text.split("<pre>").next().is_some_and(|form| !form.contains(other)),
                "{text}"
            );
            assert!(text.contains("/etc/banto/channels/second.toml"), "{text}");
            assert!(text.contains("secrets/second-consumer-key") && !text.contains("key.consumer_key_file"));
            assert!(draft("second", "").name_taken(&config).is_none());
            for bad in ["", "new", "../x", "Honten", "a b"] {
                assert!(draft(bad, "").name_taken(&config).is_some(), "{bad}");
            }
        }
    }
}
