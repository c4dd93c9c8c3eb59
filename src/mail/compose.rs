//! From a rendered text to the octets that go over the wire.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use banto_channel::Timestamp;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as WireMailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::MailKind;
use super::templates::Rendered;

const SUBJECT_CHARS_MAX: usize = 250;
const NAME_CHARS_MAX: usize = 120;
const HEADER_OCTETS_MAX: usize = 800;

/// A name and an address. The name may be empty and may hold any character; it is encoded, never trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mailbox {
    /// Shown name; may be empty.
    pub name: String,
    /// `local@domain`.
    pub address: String,
}

/// What stands around a mail's text.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Who sends; also the address that the server tells of a mail it could not deliver.
    pub from: Mailbox,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<Mailbox>,
    /// The one recipient.
    pub to: Mailbox,
    /// With its angle brackets, as [`message_id`] makes it. The same on each resend.
    pub message_id: String,
    /// The `Date` header; years 1970 to 9999.
    pub date: Timestamp,
    /// BCP 47 tag for `Content-Language`; left out if empty.
    pub language: String,
    /// More headers: names of letters, digits and hyphens, values of one line.
    pub extra: Vec<(String, String)>,
}

/// A mail ready to be handed to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipient.
    pub to: String,
    /// Headers and body with CRLF line ends, no line longer than 998 octets, not yet dot-stuffed.
    pub bytes: Vec<u8>,
}

/// Why a mail cannot be made. All are permanent: trying again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// An address is not one.
    #[error("{role} address {address:?} is not valid: {reason}")]
    Address {
        /// `from`, `reply-to` or `to`.
        role: &'static str,
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The Message-ID is not `<left@right>` of printable ASCII.
    #[error("{0:?} is not a Message-ID")]
    MessageId(String),
    /// A header's name or value cannot stand in a mail.
    #[error(
        "{0:?} cannot be a header: its name must be letters, digits and hyphens, its value one line of at most 800 octets"
    )]
    Header(String),
    /// The date is before 1970 or after 9999.
    #[error("{} µs since 1970 is no date for a mail", .0.0)]
    Date(Timestamp),
    /// The mail library refused the parts.
    #[error("the mail cannot be put together: {0}")]
    Library(String),
}

/// The stable name of a mail: `<kind.order.revision.hash@domain>`. The same arguments give the same name, so
/// that a copy of a mail can be recognised; characters that a Message-ID cannot hold are told apart by the hash.
#[must_use]
pub fn message_id(kind: MailKind, order: &str, revision: i64, domain: &str) -> String {
    let mut hash = Sha256::new();
    for part in [kind.name(), order, &revision.to_string(), domain] {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    let order: String =
        order.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect();
    let domain: String =
        domain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).collect();
    let domain = if domain.is_empty() { "banto.invalid" } else { &domain };
    format!("<{}.{order}.{revision}.{}@{domain}>", kind.name(), hex(&hash.finalize()[..8]))
}

/// Puts a mail together: `multipart/alternative` in UTF-8, or plain text if there is no HTML.
///
/// The same arguments give the same octets. Nothing in a name, subject, value or text can add a header or end
/// the message early.
///
/// Errors: see [`ComposeError`]; each is permanent.
pub fn message(rendered: &Rendered, envelope: &Envelope) -> Result<Outgoing, ComposeError> {
    let id = checked_id(&envelope.message_id)?;
    let mut builder = Message::builder()
        .from(mailbox("from", &envelope.from)?)
        .to(mailbox("to", &envelope.to)?)
        .date(date(envelope.date)?)
        .message_id(Some(id.to_owned()))
        .subject(subject(&rendered.subject))
        .raw_header(fixed("Auto-Submitted", "auto-generated"))
        .raw_header(fixed("X-Auto-Response-Suppress", "OOF, AutoReply"));
    if let Some(reply_to) = &envelope.reply_to {
        builder = builder.reply_to(mailbox("reply-to", reply_to)?);
    }
    if !envelope.language.is_empty() {
        builder = builder.raw_header(header("Content-Language", &envelope.language)?);
    }
    for (name, value) in &envelope.extra {
        builder = builder.raw_header(header(name, value)?);
    }
    let plain = SinglePart::plain(clean_text(&rendered.text));
    let message = if rendered.html.is_empty() {
        builder.singlepart(plain)
    } else {
        let html = SinglePart::html(clean_text(&rendered.html));
        let parts = MultiPart::alternative().boundary(boundary(id));
        builder.multipart(parts.singlepart(plain).singlepart(html))
    }
    .map_err(|e| ComposeError::Library(e.to_string()))?;
    Ok(Outgoing {
        from: envelope.from.address.clone(),
        to: envelope.to.address.clone(),
        bytes: message.formatted(),
    })
}

/// Reads an address for SMTP. Stricter than RFC 5321 where leniency could end a command early.
///
/// Errors: what is wrong, in plain words.
pub(super) fn wire_address(text: &str) -> Result<lettre::Address, String> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>')) {
        return Err("it holds a blank, a control character or an angle bracket".to_owned());
    }
    if text.len() > 254 {
        return Err("it is longer than 254 octets".to_owned());
    }
    text.parse().map_err(|e: AddressError| {
        match e {
            AddressError::MissingParts => "it needs a part before and a part after the @",
            AddressError::InvalidUser => "the part before the @ cannot be a mailbox",
            AddressError::InvalidDomain => "the part after the @ cannot be a domain",
            _ => "it cannot be read",
        }
        .to_owned()
    })
}

fn mailbox(role: &'static str, mailbox: &Mailbox) -> Result<WireMailbox, ComposeError> {
    let address = wire_address(&mailbox.address).map_err(|reason| ComposeError::Address {
        role,
        address: mailbox.address.clone(),
        reason,
    })?;
    let name = single_line(&mailbox.name, NAME_CHARS_MAX);
    Ok(WireMailbox::new((!name.is_empty()).then_some(name), address))
}

fn checked_id(id: &str) -> Result<&str, ComposeError> {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    let (left, right) = inner.and_then(|inner| inner.split_once('@')).unwrap_or(("", ""));
    let printable = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'@'))
    };
    if id.len() <= 250 && printable(left) && printable(right) {
        Ok(id)
    } else {
        Err(ComposeError::MessageId(id.to_owned()))
    }
}

fn date(at: Timestamp) -> Result<SystemTime, ComposeError> {
    const YEAR_10000: u64 = 253_402_300_800;
    u64::try_from(at.as_secs())
        .ok()
        .filter(|secs| *secs < YEAR_10000)
        .map(|secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs))
        .ok_or(ComposeError::Date(at))
}

/// lettre leaves words in ASCII as they are, also those that a reader would take for encoded ones.
fn subject(text: &str) -> String {
    single_line(text, SUBJECT_CHARS_MAX).replace("=?", "= ?")
}

fn fixed(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn header(name: &str, value: &str) -> Result<HeaderValue, ComposeError> {
    let refused = || ComposeError::Header(name.to_owned());
    let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !named || value.len() > HEADER_OCTETS_MAX || value.chars().any(char::is_control) {
        return Err(refused());
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| refused())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}

/// Line breaks and other control characters become blanks, and what no reader would show is cut off: a header
/// line without a blank cannot be folded, and 998 octets are all that it may have.
fn single_line(text: &str, chars_max: usize) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let blank: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).take(chars_max).collect();
    blank.trim().to_owned()
}

/// A lone CR or another control character in a body is read differently by different servers, which is how
/// mails are smuggled; only tabs and line ends stay. Those are made CRLF here, because lettre's own conversion
/// takes time with the square of the length.
fn clean_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut after_cr = false;
    for c in text.chars() {
        match c {
            '\n' if after_cr => {}
            '\r' | '\n' => out.push_str("\r\n"),
            c if c.is_control() && c != '\t' => {}
            c => out.push(c),
        }
        after_cr = c == '\r';
    }
    out
}

/// Made from the Message-ID, so that the same mail has the same octets. `=_` cannot occur in quoted-printable
/// nor in base64, and hardly in plain text.
fn boundary(id: &str) -> String {
    format!("=_banto_{}", hex(&Sha256::digest(id.as_bytes())[..16]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests;
