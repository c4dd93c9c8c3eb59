//! The folder of the house's own templates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use banto_channel::both;
use serde_json::{Map, Value};

use super::super::super::{Desk, Fault, Visit};
use super::edit::{Draft, digest};
use super::refused;
use crate::mail::{Edit, MailKind, TemplateError, Templates};
use crate::web::screen::safe_file;

/// Where the house's own templates are.
pub(super) fn dir(desk: &Desk) -> PathBuf {
    desk.app().config.dir.join("mails")
}

/// The templates as they are in the folder, with these texts in place of their files'.
///
/// Errors: [`TemplateError`].
pub(super) fn load(dir: &Path, edits: &[Edit]) -> Result<Templates, TemplateError> {
    Templates::load_with(dir.is_dir().then_some(dir), edits)
}

/// The folder of one language of a set.
pub(super) fn folder(dir: &Path, set: &str, language: &str) -> PathBuf {
    if set.is_empty() { dir.join(language) } else { dir.join(set).join(language) }
}

/// The files of one mail or part.
pub(super) fn of<'a>(templates: &'a Templates, set: &str, language: &str, stem: &str) -> Vec<&'a str> {
    let own = |file: &&str| file.rsplit_once('.').is_some_and(|(name, _)| name == stem);
    templates.files(set, language).filter(own).collect()
}

/// Mails in the order in which a buyer gets them, then parts.
pub(super) fn stems(templates: &Templates, set: &str, language: &str) -> Vec<String> {
    let files = templates.files(set, language).filter_map(|file| file.rsplit_once('.'));
    let stems: BTreeSet<&str> = files.map(|(stem, _)| stem).collect();
    let mails = MailKind::ALL.iter().map(|kind| kind.name()).filter(|kind| stems.contains(kind));
    let parts = stems.iter().filter(|stem| stem.starts_with('_')).map(|stem| (*stem).to_owned());
    mails.map(str::to_owned).chain(parts).collect()
}

/// Whether the folder has files of its own for this mail or part.
pub(super) fn own(dir: &Path, set: &str, language: &str, stem: &str) -> bool {
    let folder = folder(dir, set, language);
    ["subject", "txt", "html"].iter().any(|ending| folder.join(format!("{stem}.{ending}")).is_file())
}

/// The parts of a draft as JSON: file, text.
fn state<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let map: Map<String, Value> = parts.map(|(file, text)| (file.to_owned(), text.into())).collect();
    Value::Object(map).to_string()
}

/// Writes what is new of a draft into the folder, and has the daemon read it.
///
/// Errors: somebody else changed it meanwhile; the folder cannot be written, with the remedy.
pub(super) async fn save(
    desk: &Desk,
    visit: &Visit,
    draft: &Draft,
    current: &Templates,
) -> Result<(), Fault> {
    let Draft { set, language, stem, .. } = draft;
    let now = Draft::open(current, set.clone(), language.clone(), stem.clone()).ok_or_else(super::unknown)?;
    if digest(&now.parts) != draft.base {
        return Err(refused(both!(
            "Somebody else changed this text meanwhile. Open it again; yours was not saved",
            "他の人がこのテンプレートを変更しました。開き直してください（保存されていません）"
        )));
    }
    let old = |file: &str| now.parts.iter().find(|p| p.file == file).map_or("", |p| p.text.as_str());
    let new: Vec<_> = draft.parts.iter().filter(|p| p.text != old(&p.file)).collect();
    if new.is_empty() {
        return Err(refused(both!("Nothing was changed", "変更がありません")));
    }
    let before = state(new.iter().map(|p| (p.file.as_str(), old(&p.file))));
    let after = state(new.iter().map(|p| (p.file.as_str(), p.text.as_str())));
    let folder = folder(&dir(desk), set, language);
    let mut write = desk.store().write().await?;
    let subject = subject(draft);
    write.audit_change(&visit.actor(), "template_save", &subject, "", (&before, &after), desk.now()).await?;
    for part in new {
        let path = folder.join(&part.file);
        safe_file::replace(&path, part.text.as_bytes(), 0o644).map_err(|e| safe_file::fault(&path, &e))?;
    }
    write.commit().await?;
    desk.reload();
    Ok(())
}

/// Takes the folder's own files of a mail or part away.
///
/// Errors: there are none; the folder cannot be written, with the remedy.
pub(super) async fn reset(
    desk: &Desk,
    visit: &Visit,
    draft: &Draft,
    current: &Templates,
) -> Result<(), Fault> {
    let folder = folder(&dir(desk), &draft.set, &draft.language);
    let named = |part: &super::edit::Part| (part.file.clone(), folder.join(&part.file));
    let own: Vec<(String, PathBuf)> =
        draft.parts.iter().map(named).filter(|(_, path)| path.is_file()).collect();
    if own.is_empty() {
        return Err(refused(both!("There is no text of your own here", "独自のテキストはありません")));
    }
    let text = |file: &str| current.source(&draft.set, &draft.language, file).map_or("", |(text, _)| text);
    let before = state(own.iter().map(|(file, _)| (file.as_str(), text(file))));
    let mut write = desk.store().write().await?;
    let subject = subject(draft);
    write.audit_change(&visit.actor(), "template_reset", &subject, "", (&before, ""), desk.now()).await?;
    for (_, path) in &own {
        std::fs::remove_file(path).map_err(|e| safe_file::fault(path, &e))?;
    }
    write.commit().await?;
    desk.reload();
    Ok(())
}

/// How the audit calls a text.
fn subject(draft: &Draft) -> String {
    match draft.set.as_str() {
        "" => format!("mails/{}/{}", draft.language, draft.stem),
        set => format!("mails/{set}/{}/{}", draft.language, draft.stem),
    }
}
