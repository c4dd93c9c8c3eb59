//! The texts of mails: files that the merchant edits, over those that banto brings along.
//!
//! `<language>/<kind>.{subject,txt,html}` is the house's own text, `<set>/<language>/…` the text of the
//! channels that name that set. What a file is missing is taken from the next wider place, so that a set may
//! consist of one changed footer. Every template is tried on sample orders when it is loaded: what goes wrong
//! with a real order would have gone wrong at start.

mod files;
mod shipped;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::{Deserialize, Serialize};

pub use self::files::is_template;
use self::files::{File, Languages, PARTS, Tree};
use super::view::MailOrder;
use super::{MailKind, format, sample};

/// Why templates cannot be used. Every text says where, what, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file or folder cannot be read.
    #[error("{}: {source}; let the user that banto runs as read it", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not where or what a template is.
    #[error("{}: {problem}; {remedy}", path.display())]
    Misplaced {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A template cannot be read or written out.
    #[error("{file}:{line}: {problem}; {remedy}")]
    Broken {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, where it is known.
        column: Option<usize>,
        /// What is wrong there.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A mail's file is missing beside its others.
    #[error("{present} has no {missing} beside it; a mail is made of .subject, .txt and .html")]
    Incomplete {
        /// A file of the same mail that is there.
        present: String,
        /// The file that is not.
        missing: String,
    },
    /// There is no template of this kind in this language.
    #[error(
        "there is no {kind} mail in {language:?}; add {language}/{kind}.subject, .txt and .html, or choose another language"
    )]
    Missing {
        /// The language asked for.
        language: String,
        /// The kind asked for.
        kind: &'static str,
    },
}

/// A text that somebody is editing, in place of its file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The set; empty for the house's own.
    pub set: String,
    /// The folder of the language.
    pub language: String,
    /// The file's name: `received.html`.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// A mail's text, as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part; empty for a mail that has none.
    pub html: String,
}

/// All templates, tried.
#[derive(Debug)]
pub struct Templates {
    env: Environment<'static>,
    /// The file behind each of the environment's names.
    origins: BTreeMap<String, String>,
    /// The text behind each of the environment's names.
    texts: Arc<BTreeMap<String, String>>,
    /// The mails that can be written, by set (empty for the house's own) and language.
    mails: BTreeMap<String, BTreeMap<String, BTreeSet<MailKind>>>,
}

impl Templates {
    /// Loads the shipped templates and over them those of `dir`, and tries each on sample orders.
    ///
    /// Errors: the first file that cannot be read, parsed or written out, with its line and a remedy.
    pub fn load(dir: Option<&Path>) -> Result<Self, TemplateError> {
        Self::load_with(dir, &[])
    }

    /// As [`Templates::load`], with texts that somebody is editing in place of those of their files.
    ///
    /// Errors: as [`Templates::load`].
    pub fn load_with(dir: Option<&Path>, edits: &[Edit]) -> Result<Self, TemplateError> {
        let tree = Tree::read(dir)?.with(edits);
        let mut templates = Self {
            env: environment(),
            origins: BTreeMap::new(),
            texts: Arc::default(),
            mails: BTreeMap::new(),
        };
        templates.add("", tree.house)?;
        for (set, languages) in tree.sets {
            templates.add(&set, languages)?;
        }
        templates.try_all()?;
        templates.rest();
        Ok(templates)
    }

    /// The text of a file of a set (empty: the house's own) in a language, and where it was read.
    #[must_use]
    pub fn source(&self, set: &str, language: &str, file: &str) -> Option<(&str, &str)> {
        let name = name_of(set, language, file);
        Some((self.texts.get(&name)?.as_str(), self.origins.get(&name)?.as_str()))
    }

    /// The files of a set (empty: the house's own) in a language, by name.
    pub fn files<'a>(&'a self, set: &str, language: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let folder = name_of(set, language, "");
        let name = move |name: &'a String| name.strip_prefix(folder.as_str());
        self.texts.keys().filter_map(name).filter(|file| !file.contains('/'))
    }

    /// What can be written: each set (empty: the house's own) with its languages and their kinds.
    #[must_use]
    pub const fn mails(&self) -> &BTreeMap<String, BTreeMap<String, BTreeSet<MailKind>>> {
        &self.mails
    }

    /// Whether both write the same mails.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.texts == other.texts
    }

    /// Whether `set` names a folder of templates.
    #[must_use]
    pub fn has_set(&self, set: &str) -> bool {
        !set.is_empty() && self.mails.contains_key(set)
    }

    /// The first language of `wanted` (the order's, the channel's, the shop's) in which this mail can be
    /// written: by its whole tag, else by its primary language, so that `ja-JP` is answered by `ja`.
    #[must_use]
    pub fn language(&self, set: Option<&str>, kind: MailKind, wanted: &[&str]) -> Option<&str> {
        let languages = self.mails.get(self.known_set(set))?;
        let having = |tag: &str| {
            languages
                .iter()
                .find(|(language, kinds)| language.eq_ignore_ascii_case(tag) && kinds.contains(&kind))
                .map(|(language, _)| language.as_str())
        };
        wanted
            .iter()
            .find_map(|tag| having(&tag.replace('_', "-")).or_else(|| having(&format::primary_language(tag))))
    }

    /// Writes a mail. A set that has no folder is answered by the house's own templates.
    ///
    /// Errors: [`TemplateError::Missing`] for a language without this mail; [`TemplateError::Broken`] if the
    /// template meets a case in this order that no sample has.
    pub fn render(
        &self,
        set: Option<&str>,
        language: &str,
        kind: MailKind,
        order: &MailOrder,
    ) -> Result<Rendered, TemplateError> {
        let set = self.known_set(set);
        let known = self.mails.get(set).and_then(|languages| languages.get(language));
        if !known.is_some_and(|kinds| kinds.contains(&kind)) {
            return Err(TemplateError::Missing { language: language.to_owned(), kind: kind.name() });
        }
        let part = |ending: &str| self.render_one(&name_of(set, language, &file_name(kind, ending)), order);
        Ok(Rendered { subject: one_line(&part("subject")?), text: part("txt")?, html: part("html")? })
    }

    fn known_set<'a>(&self, set: Option<&'a str>) -> &'a str {
        set.filter(|set| self.has_set(set)).unwrap_or("")
    }

    fn add(&mut self, set: &str, languages: Languages) -> Result<(), TemplateError> {
        for (language, folder) in languages {
            let mut kinds = BTreeSet::new();
            for kind in MailKind::ALL {
                if complete(kind, &folder)? {
                    kinds.insert(kind);
                }
            }
            for (file, File { origin, text }) in folder {
                let name = name_of(set, &language, &file);
                self.origins.insert(name.clone(), origin);
                Arc::make_mut(&mut self.texts).insert(name.clone(), text.clone());
                self.env.add_template_owned(name, text).map_err(|e| self.broken(&e))?;
            }
            self.mails.entry(set.to_owned()).or_default().insert(language, kinds);
        }
        Ok(())
    }

    /// Has each parsed again when a mail wants it first: all of them ready take most of a megabyte, and a shop uses a few.
    fn rest(&mut self) {
        self.env.clear_templates();
        let texts = Arc::clone(&self.texts);
        self.env.set_loader(move |name| Ok(texts.get(name).cloned()));
    }

    fn try_all(&self) -> Result<(), TemplateError> {
        for (set, languages) in &self.mails {
            for (language, kinds) in languages {
                for kind in kinds {
                    for order in [sample::full(*kind, language), sample::bare(*kind, language)] {
                        let mail = self.render(Some(set), language, *kind, &order)?;
                        if mail.subject.is_empty() {
                            let name = name_of(set, language, &file_name(*kind, "subject"));
                            return Err(TemplateError::Broken {
                                file: self.file(&name),
                                line: 1,
                                column: None,
                                problem: "the subject is empty".to_owned(),
                                remedy: "write a line of text",
                            });
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn render_one(&self, name: &str, order: &MailOrder) -> Result<String, TemplateError> {
        self.env
            .get_template(name)
            .and_then(|template| template.render(Serde(order)))
            .map_err(|e| self.broken(&e))
    }

    /// An error in an included part is reported by its own file and line.
    fn broken(&self, error: &minijinja::Error) -> TemplateError {
        let mut innermost = error;
        while let Some(inner) = innermost.source().and_then(|e| e.downcast_ref::<minijinja::Error>()) {
            innermost = inner;
        }
        let problem = match innermost.detail() {
            Some(detail) => format!("{}: {detail}", innermost.kind()),
            None => innermost.kind().to_string(),
        };
        let name = innermost.name().or(error.name()).unwrap_or_default();
        let column = innermost.range().and_then(|range| column(self.texts.get(name)?, range.start));
        TemplateError::Broken {
            column,
            file: self.file(name),
            line: innermost.line().or(error.line()).unwrap_or(1),
            problem,
            remedy: remedy(innermost.kind()),
        }
    }

    fn file(&self, name: &str) -> String {
        self.origins.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }
}

/// The column of an octet of a text, in characters, from 1.
fn column(text: &str, at: usize) -> Option<usize> {
    Some(text.get(..at)?.rsplit('\n').next()?.chars().count() + 1)
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // Errors then name the value that is not there.
    env.set_debug(true);
    // A statement on a line of its own leaves no line behind. Cannot fail: no delimiter is changed.
    let syntax =
        SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
    env.set_syntax(syntax.unwrap_or_default());
    env.set_auto_escape_callback(
        |name| {
            if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
        },
    );
    env.set_path_join_callback(beside);
    env
}

/// A part is looked for beside the file that includes it, within the same set and language.
fn beside<'a>(name: &'a str, parent: &str) -> Cow<'a, str> {
    if parent.ends_with(".html") && !name.ends_with(".html") {
        // It would be written without escaping. No file has this name.
        return format!("{name} into .html").into();
    }
    match parent.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}").into(),
        None => name.into(),
    }
}

fn name_of(set: &str, language: &str, file: &str) -> String {
    if set.is_empty() { format!("{language}/{file}") } else { format!("{set}/{language}/{file}") }
}

fn file_name(kind: MailKind, ending: &str) -> String {
    format!("{}.{ending}", kind.name())
}

/// Whether all three files of a mail are there; an error if only some are.
fn complete(kind: MailKind, folder: &BTreeMap<String, File>) -> Result<bool, TemplateError> {
    let names = PARTS.map(|part| file_name(kind, part));
    let present = names.iter().find_map(|name| folder.get(name));
    let missing = names.iter().find(|name| !folder.contains_key(*name));
    match (present, missing) {
        (Some(file), Some(missing)) => {
            Err(TemplateError::Incomplete { present: file.origin.clone(), missing: missing.clone() })
        }
        (present, _) => Ok(present.is_some()),
    }
}

/// A subject is one line whatever the template and the order put into it.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_control() || matches!(c, ' ' | '\u{2028}' | '\u{2029}'))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

const fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UndefinedError => "the values that exist are listed in config/mails/README.md",
        ErrorKind::TemplateNotFound => {
            "put the part into the same folder, or correct its name; into .html only parts named .html can be included"
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownFunction | ErrorKind::UnknownTest => {
            "use a filter that minijinja has, or write the text out"
        }
        _ => "correct that line: {{ … }} writes a value, {% … %} is a statement, {# … #} a remark",
    }
}

#[cfg(test)]
mod tests;
