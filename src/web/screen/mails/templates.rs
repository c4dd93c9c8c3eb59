//! The texts of mails: where each comes from, tried on a real order while it is edited, and written to the config folder.

mod edit;
mod files;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use banto_channel::{Bilingual, both};
use serde::Deserialize;

use super::super::access::Routes;
use super::super::{Access, Desk, Fault, Page, Section, Visit, done, html};
use super::words;
use crate::keys::Token;
use crate::mail::{MailKind, Templates};
use edit::{Draft, Wish};

/// Previews that are kept: a browser fetches its own at once.
const PREVIEWS: usize = 32;

#[derive(Template)]
#[template(path = "mail_templates.html", config = "src/web/askama.toml")]
struct TemplatesPage {
    p: Page,
    folders: Vec<Folder>,
    broken: Option<String>,
    dir: String,
}

/// One language of one set.
struct Folder {
    set: String,
    language: String,
    texts: Vec<Entry>,
}

/// One mail, or one part that mails include.
struct Entry {
    stem: String,
    label: String,
    /// Whether the config folder has files of its own for it.
    own: bool,
    files: String,
}

#[derive(Template)]
#[template(path = "mail_template.html", config = "src/web/askama.toml")]
struct EditPage {
    p: Page,
    draft: Draft,
    label: String,
    kinds: Vec<(&'static str, String)>,
    own: bool,
    /// Where saving writes to.
    path: String,
    /// How a template is written.
    help: &'static str,
    /// What is wrong with the text, where.
    broken: Option<String>,
    shown: Option<Shown>,
}

/// A preview.
struct Shown {
    subject: String,
    text: String,
    /// Where its HTML is for a moment.
    frame: Option<String>,
}

/// What a frame fetches a moment after its page: the token, whose it is, the HTML.
#[derive(Debug, Default)]
struct Previews(Mutex<VecDeque<(String, i64, String)>>);

impl Previews {
    fn keep(&self, user: i64, html: String) -> String {
        let token = Token::new().0;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(PREVIEWS - 1);
        kept.push_front((token.clone(), user, html));
        token
    }

    fn find(&self, user: i64, token: &str) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(t, u, _)| t == token && *u == user).map(|(.., html)| html.clone())
    }
}

#[derive(Debug, Deserialize)]
struct Which {
    #[serde(default)]
    set: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    stem: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let kept = Arc::<Previews>::default();
    let ours = Arc::clone(&kept);
    let change = move |State(desk): State<Desk>, visit: Visit, Form(form): Form<Vec<(String, String)>>| async move {
        change(&ours, &desk, visit, form).await
    };
    let frame = move |visit: Visit, Path(token): Path<String>| async move {
        let gone = || {
            Fault::not_found(both!("The preview is gone; make it again", "プレビューの有効期限が切れました"))
        };
        kept.find(visit.user, &token).map(super::letter::boxed).ok_or_else(gone)
    };
    routes
        .page("/mails/templates", list)
        .get("/mails/templates/edit", Access::Staff, open)
        .post("/mails/templates/edit", Access::Staff, change)
        .get("/mails/templates/preview/{token}", Access::Staff, frame)
}

async fn list(State(desk): State<Desk>, visit: Visit) -> Result<Response, Fault> {
    let p = desk.page(&visit, Section::Mails, &both!("Mail templates", "メールのテンプレート"));
    let dir = files::dir(&desk);
    let (templates, broken) = match files::load(&dir, &[]) {
        Ok(templates) => (Some(templates), None),
        // What is in the folder does not work: the daemon goes on with what it had, and that is what is shown.
        Err(error) => (None, Some(edit::located(&error))),
    };
    let app = desk.app();
    let templates = templates.as_ref().unwrap_or(&app.templates);
    let folders = folders(&p, templates, &dir);
    html(&TemplatesPage { folders, broken, dir: dir.display().to_string(), p })
}

fn folders(p: &Page, templates: &Templates, dir: &std::path::Path) -> Vec<Folder> {
    let mut folders = Vec::new();
    for (set, languages) in templates.mails() {
        for language in languages.keys() {
            let entry = |stem: String| {
                let own = files::own(dir, set, language, &stem);
                let names: Vec<&str> = files::of(templates, set, language, &stem);
                Entry { label: label(p, &stem), own, files: names.join(", "), stem }
            };
            let texts = files::stems(templates, set, language).into_iter().map(entry).collect();
            folders.push(Folder { set: set.clone(), language: language.clone(), texts });
        }
    }
    folders
}

fn label(p: &Page, stem: &str) -> String {
    let words = match stem {
        "_addresses" => both!("Part: addresses", "部品: 住所"),
        "_footer" => both!("Part: footer", "部品: 署名"),
        "_greeting" => both!("Part: greeting", "部品: あいさつ"),
        "_layout" => both!("Part: layout", "部品: レイアウト"),
        "_order" => both!("Part: the order", "部品: 注文内容"),
        "_payment" => both!("Part: payment", "部品: お支払い"),
        other => words::kind(other),
    };
    p.say(&words)
}

fn unknown() -> Fault {
    Fault::not_found(both!("There is no such template", "このテンプレートはありません"))
}

async fn open(State(desk): State<Desk>, visit: Visit, Query(which): Query<Which>) -> Result<Response, Fault> {
    if which.stem.is_empty() {
        return Ok(Redirect::to("/mails/templates").into_response());
    }
    let app = desk.app();
    let dir = files::dir(&desk);
    let loaded = files::load(&dir, &[]).ok();
    let templates = loaded.as_ref().unwrap_or(&app.templates);
    let draft = Draft::open(templates, which.set, which.language, which.stem).ok_or_else(unknown)?;
    page(&desk, &visit, draft, None, None)
}

fn page(
    desk: &Desk,
    visit: &Visit,
    draft: Draft,
    broken: Option<String>,
    shown: Option<Shown>,
) -> Result<Response, Fault> {
    let p = desk.page(visit, Section::Mails, &both!("Edit a template", "テンプレートの編集"));
    let dir = files::dir(desk);
    let kinds =
        MailKind::ALL.into_iter().map(|kind| (kind.name(), p.say(&words::kind(kind.name())))).collect();
    html(&EditPage {
        label: label(&p, &draft.stem),
        help: p.t(
            "{{ name }} writes a value, {% if … %} decides; config/mails/README.md lists the values.",
            "{{ 名前 }} で値を、{% if … %} で条件を書きます。使える値は config/mails/README.md にあります。",
        ),
        kinds,
        own: files::own(&dir, &draft.set, &draft.language, &draft.stem),
        path: files::folder(&dir, &draft.set, &draft.language).display().to_string(),
        p,
        draft,
        broken,
        shown,
    })
}

/// Preview, save, test or back to what was before the house's own.
async fn change(
    kept: &Previews,
    desk: &Desk,
    visit: Visit,
    form: Vec<(String, String)>,
) -> Result<Response, Fault> {
    let (wish, mut draft) = edit::read(&form).ok_or_else(unknown)?;
    let dir = files::dir(desk);
    let current = files::load(&dir, &[]).ok();
    let app = desk.app();
    let current = current.as_ref().unwrap_or(&app.templates);
    draft.check(current).ok_or_else(unknown)?;
    if wish == Wish::Reset {
        files::reset(desk, &visit, &draft, current).await?;
        let told = both!("Back to the text before yours", "元のテキストに戻しました");
        return Ok(done(&visit, "/mails/templates", &told));
    }
    let written = match edit::write(desk, &dir, &draft).await {
        Ok(written) => written,
        Err(why) => {
            let page = page(desk, &visit, draft, Some(why), None)?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    match wish {
        Wish::Save => {
            files::save(desk, &visit, &draft, current).await?;
            let told = both!("Saved; mails use it from now on", "保存しました。以後のメールに反映されます");
            Ok(done(&visit, &draft.path(), &told))
        }
        Wish::Test => {
            let told = edit::send_test(desk, &visit, &draft, &written).await?;
            let shown = Shown::of(kept, &visit, written.text);
            draft.told = Some(visit.say(&told));
            page(desk, &visit, draft, None, Some(shown))
        }
        Wish::Preview | Wish::Reset => {
            let shown = Shown::of(kept, &visit, written.text);
            page(desk, &visit, draft, None, Some(shown))
        }
    }
}

impl Shown {
    fn of(kept: &Previews, visit: &Visit, text: crate::store::MailText) -> Self {
        let frame = (!text.html.is_empty()).then(|| kept.keep(visit.user, text.html));
        Self { subject: text.subject, text: text.text, frame }
    }
}

/// What cannot be done, with its remedy.
fn refused(why: Bilingual) -> Fault {
    Fault::refused(why)
}
