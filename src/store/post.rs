//! Mails as the screen lists them: by state, a page at a time, without their texts.

use super::db::args;
use super::sql::texts;
use super::{Result, Store, keys};

texts! {
    // The keys come from the index of what is not done with: in SQLite it goes on by the table's key, and so in the order of
    // the list, however many wait.
    POST_PENDING = "SELECT m.order_id, m.kind, m.revision, m.state, m.recipient, m.subject, m.attempts, m.answer, \
        m.updated_at, CAST(0 AS BIGINT) AS place, c.name AS channel, o.number, o.buyer_name, o.hold FROM \
        (SELECT order_id, kind, revision FROM mail WHERE state = $1 AND state NOT IN ('sent', 'dropped') \
        AND (order_id, kind, revision) < ($2, $3, $4) ORDER BY order_id DESC, kind DESC, revision DESC LIMIT $5) k \
        JOIN mail m ON m.order_id = k.order_id AND m.kind = k.kind AND m.revision = k.revision \
        JOIN orders o ON o.id = m.order_id JOIN channel c ON c.id = m.channel_id \
        ORDER BY m.order_id DESC, m.kind DESC, m.revision DESC";
    POST_SENT = "SELECT m.order_id, m.kind, m.revision, m.state, m.recipient, m.subject, m.attempts, m.answer, \
        m.updated_at, k.sent_at AS place, c.name AS channel, o.number, o.buyer_name, o.hold FROM \
        (SELECT sent_at, order_id, kind, revision FROM mail WHERE sent_at IS NOT NULL AND state = 'sent' \
        AND (sent_at, order_id, kind, revision) < ($1, $2, $3, $4) \
        ORDER BY sent_at DESC, order_id DESC, kind DESC, revision DESC LIMIT $5) k \
        JOIN mail m ON m.order_id = k.order_id AND m.kind = k.kind AND m.revision = k.revision \
        JOIN orders o ON o.id = m.order_id JOIN channel c ON c.id = m.channel_id \
        ORDER BY k.sent_at DESC, m.order_id DESC, m.kind DESC, m.revision DESC";
    POST_COUNTS = "SELECT t.state, t.mails FROM (SELECT k.value ->> 0 AS state, CAST((SELECT COUNT(*) FROM \
        (SELECT m.order_id FROM mail m WHERE m.state = k.value ->> 0 AND m.state NOT IN ('sent', 'dropped') LIMIT $2) c) \
        AS BIGINT) AS mails FROM jsonb_each($1) k) t WHERE t.mails > 0 ORDER BY t.state";
}

/// One mail in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MailHead {
    /// The order.
    pub order_id: i64,
    /// `received`, `reminder`, `paid`, `shipped` or `cancelled`.
    pub kind: String,
    /// The parcel's number for `shipped`, else 1.
    pub revision: i64,
    /// Its state.
    pub state: String,
    /// To whom.
    pub recipient: String,
    /// Its subject, once it was written.
    pub subject: Option<String>,
    /// Tries.
    pub attempts: i64,
    /// The server's words, or ours.
    pub answer: Option<String>,
    /// When it last changed, microseconds since 1970.
    pub updated_at: i64,
    /// Where it stands in the list of those sent: when it was sent, microseconds since 1970. 0 in the others.
    pub place: i64,
    /// The channel's name.
    pub channel: String,
    /// The order's number.
    pub number: String,
    /// The buyer's name.
    pub buyer_name: String,
    /// Why the order is on hold.
    pub hold: Option<String>,
}

/// A place in a list of mails: the page after it begins there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPlace {
    /// [`MailHead::place`].
    pub place: i64,
    /// The order.
    pub order: i64,
    /// The kind.
    pub kind: String,
    /// The parcel's number, else 1.
    pub revision: i64,
}

impl MailPlace {
    /// Before the first.
    #[must_use]
    pub fn start() -> Self {
        Self { place: i64::MAX, order: i64::MAX, kind: String::new(), revision: 0 }
    }
}

impl From<&MailHead> for MailPlace {
    fn from(mail: &MailHead) -> Self {
        Self { place: mail.place, order: mail.order_id, kind: mail.kind.clone(), revision: mail.revision }
    }
}

impl Store {
    /// Mails in a state after a place, newest first: `sent` by when they went out, the others by their orders.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn mail_heads(&self, state: &str, after: &MailPlace, limit: i64) -> Result<Vec<MailHead>> {
        let (order, kind, revision) = (after.order, after.kind.as_str(), after.revision);
        if state == "sent" {
            return self.db.all(POST_SENT, args![after.place, order, kind, revision, limit]).await;
        }
        self.db.all(POST_PENDING, args![state, order, kind, revision, limit]).await
    }

    /// How many mails stand in each of these states of which they are not done with; counting ends at `most`.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn mail_states(&self, states: &[&str], most: i64) -> Result<Vec<(String, i64)>> {
        self.db.all(POST_COUNTS, args![&keys(states)?, most]).await
    }
}
