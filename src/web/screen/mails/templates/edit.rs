//! A text while somebody edits it: read from its form, tried on an order, sent as a test.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Bilingual, both};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::super::super::{Desk, Fault, Visit};
use super::{files, refused};
use crate::config::Config;
use crate::domain::timeline::answer_in_words;
use crate::mail::{Edit, MailKind, TemplateError, Templates, Verdict, sample};
use crate::queue::compose::{self, MailRoom};
use crate::queue::mail_lane::Composer;
use crate::store::{Letter, MailText};

/// How long a test mail may take; the queue is more patient.
const TEST_LIMIT: Duration = Duration::from_secs(8);

/// What the form's button wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Looks at it; nothing is stored.
    Preview,
    /// Writes it to the config folder.
    Save,
    /// Sends it to an address.
    Test,
    /// Back to the text before the house's own.
    Reset,
}

/// The text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// `received.html`.
    pub(super) file: String,
    /// What stands behind the dot.
    pub(super) ending: String,
    /// As it is being edited.
    pub(super) text: String,
}

/// A mail's text, or that of a part of mails, as it is being edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// The set; empty for the house's own.
    pub(super) set: String,
    /// The language's folder.
    pub(super) language: String,
    /// A kind of mail, or a part's name.
    pub(super) stem: String,
    /// Its files.
    pub(super) parts: Vec<Part>,
    /// The order that it is tried on, as typed.
    pub(super) order: String,
    /// The kind that a part is tried with.
    pub(super) kind: String,
    /// Where a test goes.
    pub(super) address: String,
    /// Digest of the text that the editing began from.
    pub(super) base: String,
    /// What was done.
    pub(super) told: Option<String>,
}

/// A mail that was written from an edited text, with what it takes to send it.
pub(super) struct Written {
    pub(super) text: MailText,
    letter: Option<Letter>,
    room: MailRoom,
}

impl Draft {
    /// The text as it is now; `None` if there is none.
    pub(super) fn open(templates: &Templates, set: String, language: String, stem: String) -> Option<Self> {
        let names = files::of(templates, &set, &language, &stem);
        let part = |file: &&str| {
            let (text, _) = templates.source(&set, &language, file)?;
            let ending = file.rsplit('.').next()?.to_owned();
            Some(Part { file: (*file).to_owned(), ending, text: text.to_owned() })
        };
        let mut parts =
            names.iter().map(part).collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty())?;
        // As a mail is read: subject, text, HTML.
        parts.sort_by_key(|part| ["subject", "txt", "html"].iter().position(|e| *e == part.ending));
        let kind = if stem.starts_with('_') { MailKind::Received.name().to_owned() } else { stem.clone() };
        let base = digest(&parts);
        let (order, address) = (String::new(), String::new());
        Some(Self { set, language, stem, parts, order, kind, address, base, told: None })
    }

    /// Whether the form names what there is.
    pub(super) fn check(&mut self, templates: &Templates) -> Option<()> {
        let now = Self::open(templates, self.set.clone(), self.language.clone(), self.stem.clone())?;
        let names = |draft: &Self| draft.parts.iter().map(|p| p.file.clone()).collect::<Vec<_>>();
        (names(&now) == names(self)).then_some(())
    }

    pub(super) fn edits(&self) -> Vec<Edit> {
        let edit = |part: &Part| Edit {
            set: self.set.clone(),
            language: self.language.clone(),
            file: part.file.clone(),
            text: part.text.clone(),
        };
        self.parts.iter().map(edit).collect()
    }

    /// Where it is edited.
    pub(super) fn path(&self) -> String {
        let Self { set, language, stem, .. } = self;
        format!("/mails/templates/edit?set={set}&language={language}&stem={stem}")
    }

    /// Whether it is a part of mails.
    pub(super) fn is_part(&self) -> bool {
        self.stem.starts_with('_')
    }
}

/// What the form says.
pub(super) fn read(form: &[(String, String)]) -> Option<(Wish, Draft)> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let wish = match field("act")?.as_str() {
        "preview" => Wish::Preview,
        "save" => Wish::Save,
        "test" => Wish::Test,
        "reset" => Wish::Reset,
        _ => return None,
    };
    let stem = field("stem")?;
    let part = |(key, text): &(String, String)| {
        let ending = key.strip_prefix("text_")?.to_owned();
        // Browsers end lines with CR LF.
        Some(Part { file: format!("{stem}.{ending}"), ending, text: text.replace("\r\n", "\n") })
    };
    let parts = form.iter().filter_map(part).collect();
    let text = |name: &str| field(name).unwrap_or_default().trim().to_owned();
    let draft = Draft {
        set: field("set")?,
        language: field("language")?,
        parts,
        order: text("order"),
        kind: text("kind"),
        address: text("address"),
        base: text("base"),
        told: None,
        stem,
    };
    Some((wish, draft))
}

/// A digest of texts, to see whether somebody else changed them.
pub(super) fn digest(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.file.as_bytes());
        hash.update([0]);
        hash.update(part.text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is wrong with a template, with the column where it is known.
pub(super) fn located(error: &TemplateError) -> String {
    match error {
        TemplateError::Broken { file, line, column: Some(column), problem, remedy } => {
            format!("{file}:{line}:{column}: {problem}; {remedy}")
        }
        other => other.to_string(),
    }
}

/// Writes the mail of an edited text: of the order that is named, else of a made-up one.
///
/// Errors: what is wrong, where, as a person reads it.
pub(super) async fn write(desk: &Desk, dir: &Path, draft: &Draft) -> Result<Written, String> {
    let templates = files::load(dir, &draft.edits()).map_err(|error| located(&error))?;
    let kind = MailKind::from_name(&draft.kind).unwrap_or(MailKind::Received);
    let config = Arc::new(in_set(&desk.app().config, &draft.set));
    if draft.order.is_empty() {
        let order = sample::full(kind, &draft.language);
        let set = Some(draft.set.as_str());
        let mail = templates.render(set, &draft.language, kind, &order).map_err(|error| located(&error))?;
        let text =
            MailText { message_id: String::new(), subject: mail.subject, text: mail.text, html: mail.html };
        return Ok(Written { text, letter: None, room: MailRoom::new(config, Arc::new(templates)) });
    }
    let found = desk.store().find_order(&draft.order).await.map_err(|error| error.to_string())?;
    let view = desk.store().order_view(found.id).await.map_err(|error| error.to_string())?;
    let mut letter = compose::draft(view, kind, 1, desk.now());
    letter.order.details.buyer.language.clone_from(&draft.language);
    let room = MailRoom::new(config, Arc::new(templates));
    let text = room.write(&letter).map_err(|error| error.to_string())?;
    Ok(Written { text, letter: Some(letter), room })
}

/// The config as if every channel used this set of templates.
fn in_set(config: &Config, set: &str) -> Config {
    let mut config = config.clone();
    for channel in &mut config.channels {
        channel.mail.templates = (!set.is_empty()).then(|| set.to_owned());
    }
    config
}

/// Sends what was written to the address of the form, past the queue.
///
/// Errors: there is no server, no order, no address; the server's own words.
pub(super) async fn send_test(
    desk: &Desk,
    visit: &Visit,
    draft: &Draft,
    written: &Written,
) -> Result<Bilingual, Fault> {
    let (app, now) = (desk.app(), desk.now());
    let server = || {
        both!(
            "banto.toml has no [mail], so no mail can go out",
            "banto.toml に [mail] がないため送信できません"
        )
    };
    let smtp = app.smtp.as_ref().ok_or_else(|| refused(server()))?;
    let order = || both!("Name an order to write the test of", "テスト送信には受注番号を指定してください");
    let letter = written.letter.as_ref().ok_or_else(|| Fault::bad_input(order()))?;
    let address = || both!("Write the address that the test goes to", "テストの送信先を入力してください");
    if draft.address.is_empty() {
        return Err(Fault::bad_input(address()));
    }
    let mut letter = letter.clone();
    letter.mail.recipient.clone_from(&draft.address);
    let domain = written.text.message_id.rsplit('@').next().unwrap_or("localhost>");
    // Never the name of the buyer's own mail: a test must not be taken for a copy of it.
    let message_id = format!("<test.{}@{domain}", now.0);
    let text =
        MailText { message_id, subject: format!("[TEST] {}", written.text.subject), ..written.text.clone() };
    let mail =
        written.room.seal(&letter, &text, now).map_err(|e| refused(answer_in_words(&e.to_string())))?;
    let verdict = timeout(TEST_LIMIT, smtp.send(&mail)).await;
    let mut write = desk.store().write().await?;
    write.audit(&visit.actor(), "mail_test", &draft.path(), &draft.address, now).await?;
    write.commit().await?;
    match verdict {
        Ok(Verdict::Accepted { answer }) => {
            Ok(both!("The server took it: {answer}", "サーバーが受け付けました: {answer}"))
        }
        Ok(other) => {
            let why = answer_in_words(&other.to_string());
            Err(refused(both!("The server did not take it", "送信できませんでした").with(&why)))
        }
        Err(_) => Err(refused(both!(
            "The server has not answered yet; the test may still arrive",
            "サーバーの応答がありません。テストが届く可能性はあります"
        ))),
    }
}
