//! Mails to buyers: from an order's facts to the server's answer.
//!
//! ```text
//! Facts ─ view ─▶ MailOrder ─ templates ─▶ Rendered ─ compose ─▶ Outgoing ─ transport ─▶ Verdict
//! ```
//!
//! Nothing here stores, retries or reads a clock. The caller keeps one row per (order, kind, revision) with
//! the exact text, hands it over once, and acts on the [`Verdict`]: above all, [`Verdict::Unknown`] says that
//! the server may have taken the mail, so that only a person (or the channel's setting) may repeat it.

pub mod compose;
pub mod format;
pub mod sample;
pub mod sink;
pub mod templates;
pub mod transport;
pub mod view;

pub use crate::domain::mail_policy::MailKind;
pub use compose::{ComposeError, Envelope, Mailbox, Outgoing, message, message_id};
pub use sink::{Received, SinkRates, SmtpSink};
pub use templates::{Edit, Rendered, TemplateError, Templates};
pub use transport::{Smtp, SmtpConfig, SmtpConfigError, Stage, TlsMode, Verdict};
pub use view::{Facts, FactsLine, MailOrder, Shop};
