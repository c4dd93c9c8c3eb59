//! What the merchant must know: one row a problem, however often it is seen, until it is over.

use banto_channel::{Bilingual, Timestamp};

use super::db::args;
use super::tables::{self, AlertRow, AuditRow};
use super::{Result, Store, Write, sql};

/// A problem, as it is raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert<'a> {
    /// Names the problem; the same key again only refreshes it (`pull:honten`).
    pub key: &'a str,
    /// The channel it concerns.
    pub channel: Option<i64>,
    /// A stable word: `pull_failed`, `guard`, `credentials`, `silent`, `job_dead`, `quarantine`, `drift`, `clock`,
    /// `disk_full`, `mail_stopped`.
    pub kind: &'a str,
    /// What happened and what to do, in plain words; kept in both languages.
    pub detail: &'a Bilingual,
}

impl Store {
    /// Problems that are not over, oldest first.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn alerts(&self) -> Result<Vec<AlertRow>> {
        self.db.all(sql::ALERTS_OPEN, args![]).await
    }

    /// Raises a problem in a transaction of its own.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn raise(&self, alert: &Alert<'_>, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        write.raise(alert, now).await?;
        write.commit().await
    }

    /// Ends a problem in a transaction of its own, if it was there.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn clear(&self, key: &str, now: Timestamp) -> Result<()> {
        let found: Option<AlertRow> = self.db.first(sql::ALERT_BY_KEY, args![key]).await?;
        if found.is_none_or(|a| a.cleared_at.is_some()) {
            return Ok(());
        }
        let mut write = self.write().await?;
        write.clear(key, now).await?;
        write.commit().await
    }

    /// Notes that the merchant was mailed about these problems.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn alerts_mailed(&self, ids: &[i64], now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        for id in ids {
            write.tx.run(sql::ALERT_MAILED, args![*id, now.0]).await?;
        }
        write.commit().await
    }
}

impl Write {
    /// Raises a problem, or refreshes it if it is there.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn raise(&mut self, alert: &Alert<'_>, now: Timestamp) -> Result<()> {
        let found: Option<AlertRow> = self.tx.first(sql::ALERT_BY_KEY, args![alert.key]).await?;
        if found.is_some() {
            let detail = alert.detail.packed();
            return self.tx.run(sql::ALERT_SEEN, args![alert.key, &detail, now.0]).await.map(drop);
        }
        let row = AlertRow {
            id: self.id(),
            key: alert.key.to_owned(),
            channel_id: alert.channel,
            kind: alert.kind.to_owned(),
            detail: alert.detail.packed(),
            since: now.0,
            last_at: now.0,
            mailed_at: None,
            cleared_at: None,
        };
        tables::insert(&mut self.tx, &[row]).await
    }

    /// Ends a problem.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn clear(&mut self, key: &str, now: Timestamp) -> Result<()> {
        self.tx.run(sql::ALERT_CLEAR, args![key, now.0]).await.map(drop)
    }

    /// Notes a change that a person made.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn audit(
        &mut self,
        actor: &str,
        action: &str,
        subject: &str,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.audit_change(actor, action, subject, detail, ("", ""), now).await
    }

    /// Notes a change that a person made, with what it was from and to as JSON objects; an empty one says nothing.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn audit_change(
        &mut self,
        actor: &str,
        action: &str,
        subject: &str,
        detail: &str,
        (before, after): (&str, &str),
        now: Timestamp,
    ) -> Result<()> {
        let state = |json: &str| (!json.is_empty()).then(|| json.to_owned());
        let row = AuditRow {
            id: self.id(),
            at: now.0,
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_owned(),
            before_state: state(before),
            after_state: state(after),
        };
        tables::insert(&mut self.tx, &[row]).await
    }
}
