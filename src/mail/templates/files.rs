//! Where template files come from: those shipped with banto, and over them those of the merchant.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::shipped::SHIPPED;
use super::{Edit, TemplateError};
use crate::mail::MailKind;

/// No sensible mail is larger, and whatever is was put there by mistake.
const MAX_BYTES: u64 = 256 * 1024;

/// The three parts of a mail, by the ending of their files.
pub(super) const PARTS: [&str; 3] = ["subject", "txt", "html"];

/// A template's text and where it was read.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) origin: String,
    pub(super) text: String,
}

/// The files of one language, by name.
pub(super) type Folder = BTreeMap<String, File>;

/// Folders by language.
pub(super) type Languages = BTreeMap<String, Folder>;

/// All template files: the house's own, and the sets that channels may choose, each completed by the house's.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) house: Languages,
    pub(super) sets: BTreeMap<String, Languages>,
}

impl Tree {
    /// Reads `dir` over the shipped files. A folder that holds folders is a set; the others are languages.
    pub(super) fn read(dir: Option<&Path>) -> Result<Self, TemplateError> {
        let mut house = shipped();
        let mut own_sets = BTreeMap::new();
        for (name, path) in dir.map(entries).transpose()?.unwrap_or_default() {
            if !path.is_dir() {
                return Err(misplaced(
                    &path,
                    "lies outside a language folder",
                    "move it into a folder such as ja/ or en/",
                ));
            }
            let inside = entries(&path)?;
            if inside.iter().any(|(_, path)| path.is_dir()) {
                own_sets.insert(name, languages(inside)?);
            } else {
                house.entry(name).or_default().extend(folder(inside)?);
            }
        }
        let sets = own_sets.into_iter().map(|(set, own)| (set, laid_over(own, &house))).collect();
        Ok(Self { house, sets })
    }
}

impl Tree {
    /// The same with these texts in place of their files'. A change to the house's own reaches the sets as well.
    pub(super) fn with(mut self, edits: &[Edit]) -> Self {
        for edit in edits {
            let origin = match edit.set.as_str() {
                "" => format!("{}/{}", edit.language, edit.file),
                set => format!("{set}/{}/{}", edit.language, edit.file),
            };
            let file = File { origin, text: edit.text.replace("\r\n", "\n") };
            let old = self.house.get(&edit.language).and_then(|folder| folder.get(&edit.file)).cloned();
            let put = |languages: &mut Languages| {
                languages.entry(edit.language.clone()).or_default().insert(edit.file.clone(), file.clone());
            };
            if !edit.set.is_empty() {
                self.sets.get_mut(&edit.set).into_iter().for_each(put);
                continue;
            }
            put(&mut self.house);
            let inherits = |own: &Languages| {
                let theirs = own.get(&edit.language).and_then(|folder| folder.get(&edit.file));
                theirs.map(|f| &f.origin) == old.as_ref().map(|f| &f.origin)
            };
            self.sets.values_mut().filter(|own| inherits(own)).for_each(put);
        }
        self
    }
}

fn shipped() -> Languages {
    let mut languages = Languages::new();
    for (language, name, text) in SHIPPED {
        let file =
            File { origin: format!("config/mails/{language}/{name} (as shipped)"), text: (*text).to_owned() };
        languages.entry((*language).to_owned()).or_default().insert((*name).to_owned(), file);
    }
    languages
}

fn laid_over(own: Languages, house: &Languages) -> Languages {
    let mut merged = house.clone();
    for (language, files) in own {
        merged.entry(language).or_default().extend(files);
    }
    merged
}

fn languages(inside: Vec<(String, PathBuf)>) -> Result<Languages, TemplateError> {
    let mut languages = Languages::new();
    for (name, path) in inside {
        if !path.is_dir() {
            return Err(misplaced(
                &path,
                "lies in a set, outside its language folders",
                "move it into a folder such as ja/ or en/",
            ));
        }
        languages.insert(name, folder(entries(&path)?)?);
    }
    Ok(languages)
}

fn folder(inside: Vec<(String, PathBuf)>) -> Result<Folder, TemplateError> {
    let mut files = Folder::new();
    for (name, path) in inside {
        if !known(&name) {
            return Err(misplaced(
                &path,
                "is not the name of a template",
                "name it received, paid, shipped, cancelled or reminder with .subject, .txt or .html; a part that others include begins with _",
            ));
        }
        let text = read_text(&path)?;
        let origin = path.display().to_string();
        files.insert(name, File { origin, text });
    }
    Ok(files)
}

/// Whether a file of this name is a template or a part of one, and nothing but a plain name.
#[must_use]
pub fn is_template(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    known(name) && name.chars().all(plain)
}

fn known(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else {
        return false;
    };
    PARTS.contains(&ending) && (stem.starts_with('_') || MailKind::from_name(stem).is_some())
}

/// What is in a folder, by name, without what editors and people leave beside templates.
fn entries(dir: &Path) -> Result<Vec<(String, PathBuf)>, TemplateError> {
    let unreadable = |source| TemplateError::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(misplaced(&path, "has a name that is not UTF-8", "rename it"));
        };
        if !(name.starts_with('.') || name.ends_with('~') || name.starts_with("README")) {
            found.push((name.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

fn read_text(path: &Path) -> Result<String, TemplateError> {
    let unreadable = |source| TemplateError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        return Err(misplaced(
            path,
            "is larger than 256 kB",
            "a mail's template is a few kB; is this the right file?",
        ));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n")),
        Err(e) => {
            let line =
                1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
            Err(TemplateError::Broken {
                file: path.display().to_string(),
                line,
                column: None,
                problem: "the text is not UTF-8".to_owned(),
                remedy: "save the file as UTF-8",
            })
        }
    }
}

fn misplaced(path: &Path, problem: &'static str, remedy: &'static str) -> TemplateError {
    TemplateError::Misplaced { path: path.to_owned(), problem, remedy }
}
