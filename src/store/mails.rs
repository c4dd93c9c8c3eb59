//! Mails to buyers: one row per (order, kind, revision), from the wish to the server's answer.
//!
//! A row goes `queued` → `sending` (with the exact text, in a transaction of its own) → `sent`, `refused`, back to
//! `queued`, or `uncertain`. It is `sending` only between our mark and our note of the answer: a row that is still
//! `sending` when its job's lease has run out was cut off there, and nobody knows whether the server took it.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Bilingual, Timestamp, both};

use super::db::args;
use super::intake::mail_job;
use super::jobs::JobEnd;
use super::tables::{self, ChannelRow, JobRow, MailRow, OrderRow, TimelineRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::OrderId;
use crate::domain::counted::counted;
use crate::domain::deeds::{mail_in_words, mail_wanted};
use crate::domain::intake::ChannelFacts;
use crate::domain::mail_policy::{MailKind, mail_state_in_words};
use crate::domain::order::{Event, Order};
use crate::domain::timeline::hold_in_words;

/// The name of one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailKey {
    /// The order.
    pub order: OrderId,
    /// The kind.
    pub kind: MailKind,
    /// The parcel's number for `Shipped`, else 1.
    pub revision: i64,
}

impl MailKey {
    fn of(order: OrderId, kind: &str, revision: i64) -> Option<Self> {
        let kind = MailKind::from_name(kind)?;
        Some(Self { order, kind, revision })
    }

    /// The unique key of its job.
    fn job(&self) -> String {
        format!("mail:{}:{}:{}", self.order, self.kind.name(), self.revision)
    }
}

impl std::fmt::Display for MailKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{} {} {}", self.order, self.kind.name(), self.revision)
    }
}

impl MailRow {
    /// Its name; `None` for a kind that this version does not know.
    #[must_use]
    pub fn key(&self) -> Option<MailKey> {
        MailKey::of(self.order_id, &self.kind, self.revision)
    }
}

impl JobRow {
    /// The mail that this job sends.
    #[must_use]
    pub fn mail(&self) -> Option<MailKey> {
        let (order, kind, revision): (i64, String, i64) = serde_json::from_str(&self.payload).ok()?;
        MailKey::of(order, &kind, revision).filter(|_| self.kind == "mail")
    }
}

/// A mail with everything that it is made from.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its row.
    pub mail: MailRow,
    /// Its order.
    pub order: Order,
    /// The order's channel.
    pub channel: ChannelRow,
}

/// The exact text of a mail, before its first way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// With its angle brackets; the same for ever.
    pub message_id: String,
    /// One line.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part; empty for a mail that has none.
    pub html: String,
}

/// What became of one mail that was `sending`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailEnd {
    /// Which.
    pub key: MailKey,
    /// Its try, as [`Store::begin_sending`] counted it.
    pub attempts: i64,
    /// `sent`, `queued`, `refused`, `uncertain` or `dropped`.
    pub state: &'static str,
    /// The server's words, or ours.
    pub answer: String,
    /// The timeline's word for it; `None` if the timeline is not to say anything.
    pub event: Option<&'static str>,
}

/// A person's word about one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailAct {
    /// Sends one that waits for a person, or that is held.
    Send,
    /// Sends one again that was sent, refused or dropped, or whose fate is uncertain: the same text under the same
    /// Message-ID.
    Resend,
    /// As `Resend`, written anew from the order and the templates as they are now.
    Rewrite,
    /// Keeps one from going out.
    Hold,
    /// Gives one up that did not go out, or whose fate is uncertain.
    Drop,
    /// Says that an uncertain one arrived.
    Arrived,
}

impl MailAct {
    const fn name(self) -> &'static str {
        match self {
            Self::Send => "mail_send",
            Self::Resend => "mail_resend",
            Self::Rewrite => "mail_rewrite",
            Self::Hold => "mail_hold",
            Self::Drop => "mail_drop",
            Self::Arrived => "mail_arrived",
        }
    }

    /// The state that follows, or why it cannot be.
    fn after(self, state: &str) -> Result<&'static str, Bilingual> {
        let now = mail_state_in_words(state).ja;
        match (self, state) {
            (_, "sending") => Err(both!(
                "it is being sent right now; try again in a minute",
                "送信中です。1分ほど待ってからもう一度お試しください"
            )),
            (Self::Send, "by_hand" | "held") => Ok("queued"),
            (Self::Send | Self::Resend | Self::Rewrite, "queued") => Err(both!(
                "it waits to be sent already; `banto queue list --lane mail` says when",
                "すでに送信待ちです"
            )),
            (Self::Send, _) => Err(both!(
                "it is {state}; `banto mail resend` sends it again",
                "現在の状態は「{now}」です。もう一度送る場合は「再送する」を選んでください"
            )),
            (Self::Resend | Self::Rewrite, "sent" | "refused" | "uncertain" | "dropped") => Ok("queued"),
            (Self::Resend | Self::Rewrite, _) => Err(both!(
                "it is {state}; `banto mail send` sends it",
                "現在の状態は「{now}」です。まだ送信していないため「送信する」を選んでください"
            )),
            (Self::Hold, "queued" | "by_hand") => Ok("held"),
            (Self::Drop, "queued" | "by_hand" | "held" | "refused" | "uncertain") => Ok("dropped"),
            (Self::Arrived, "uncertain") => Ok("sent"),
            (Self::Hold | Self::Drop | Self::Arrived, _) => {
                Err(both!("it is {state}", "現在の状態は「{now}」のため、この操作はできません"))
            }
        }
    }
}

impl Store {
    /// One mail.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn mail(&self, key: &MailKey) -> Result<MailRow> {
        let row = self.db.first(sql::MAIL, args![key.order, key.kind.name(), key.revision]).await?;
        row.ok_or_else(|| no_mail(key))
    }

    /// Mails, those of the newest orders first: in one state, all that are not done with (`pending`), or all.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn mails(&self, state: Option<&str>, limit: i64) -> Result<Vec<MailRow>> {
        match state {
            None => self.db.all(sql::MAILS_RECENT, args![limit]).await,
            Some("pending") => self.db.all(sql::MAILS_PENDING, args![limit]).await,
            Some(state @ ("sent" | "dropped")) => self.db.all(sql::MAILS_IN_STATE, args![state, limit]).await,
            Some(state) => self.db.all(sql::MAILS_PENDING_IN_STATE, args![state, limit]).await,
        }
    }

    /// Mails of an order, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn mails_of(&self, order: OrderId) -> Result<Vec<MailRow>> {
        self.db.all(sql::MAILS_OF_ORDER, args![order]).await
    }

    /// How many mails there are, by kind and state. Reads every mail: for reports, not for a metric.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn mail_counts(&self) -> Result<Vec<(String, String, i64)>> {
        self.db.all(sql::MAIL_COUNTS, args![]).await
    }

    /// How many mails are not done with, by state.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn mails_pending(&self) -> Result<Vec<(String, i64)>> {
        self.db.all(sql::MAIL_PENDING_COUNTS, args![]).await
    }

    /// Mails with their orders and channels; those that are not there are left out.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`].
    pub async fn letters(&self, names: &[MailKey]) -> Result<Vec<Letter>> {
        let ids: BTreeSet<OrderId> = names.iter().map(|k| k.order).collect();
        let ids = keys(ids)?;
        let rows: Vec<OrderRow> = self.db.all(sql::ORDERS_BY_IDS, args![&ids]).await?;
        let lines = self.db.all(sql::LINES_OF, args![&ids]).await?;
        let parcels = self.db.all(sql::PARCELS_OF, args![&ids]).await?;
        let orders: BTreeMap<OrderId, Order> =
            super::intake::assemble(rows, lines, parcels)?.into_iter().map(|o| (o.id, o)).collect();
        let channels: BTreeMap<i64, ChannelRow> =
            self.channels().await?.into_iter().map(|c| (c.id, c)).collect();
        let mails: Vec<MailRow> = self.db.all(sql::MAILS_OF_ORDERS, args![&ids]).await?;
        let mut mails: BTreeMap<MailKey, MailRow> =
            mails.into_iter().filter_map(|m| Some((m.key()?, m))).collect();
        let letter = |key: &MailKey| {
            let order = orders.get(&key.order)?.clone();
            let channel = channels.get(&order.channel)?.clone();
            let mail = mails.remove(key)?;
            Some(Letter { mail, order, channel })
        };
        Ok(names.iter().filter_map(letter).collect())
    }

    /// Marks queued mails as `sending` with their exact text, counts the try, and returns them as they are now.
    /// Mails that are not queued any more are left out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn begin_sending(&self, texts: &[(MailKey, MailText)], now: Timestamp) -> Result<Vec<MailRow>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.write().await?;
        let orders: BTreeSet<OrderId> = texts.iter().map(|(key, _)| key.order).collect();
        let there: Vec<MailRow> = write.tx.all(sql::MAILS_OF_ORDERS, args![&keys(orders)?]).await?;
        let mut marked = Vec::with_capacity(texts.len());
        for (key, text) in texts {
            let Some(row) = there.iter().find(|r| r.key() == Some(*key) && r.state == "queued") else {
                continue;
            };
            marked.push(MailRow {
                state: "sending".to_owned(),
                message_id: text.message_id.clone(),
                subject: Some(text.subject.clone()),
                body_text: Some(text.text.clone()),
                body_html: Some(text.html.clone()),
                attempts: row.attempts + 1,
                updated_at: now.0,
                ..row.clone()
            });
        }
        tables::upsert(&mut write.tx, &marked).await?;
        write.commit().await?;
        Ok(marked)
    }

    /// Notes what became of mails, and ends their jobs, in one transaction. A mail that another try has taken over
    /// is left as it is. Of the `skipped` jobs, whose mails were not queued when they were to be sent, those stay
    /// whose mails are queued again meanwhile.
    ///
    /// Errors: [`StoreError::Sql`]; nothing was noted then.
    pub async fn settle_mails(
        &self,
        mails: &[MailEnd],
        jobs: &[(JobRow, JobEnd)],
        skipped: &[JobRow],
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        let mut orders: BTreeSet<OrderId> = mails.iter().map(|m| m.key.order).collect();
        orders.extend(skipped.iter().filter_map(|j| Some(j.mail()?.order)));
        let there: Vec<(i64, String, i64, String, i64)> =
            write.tx.all(sql::MAIL_STATES, args![&keys(orders)?]).await?;
        let current = |end: &&MailEnd| {
            there.iter().any(|(order, kind, revision, state, attempts)| {
                MailKey::of(*order, kind, *revision) == Some(end.key)
                    && *attempts == end.attempts
                    && matches!(state.as_str(), "sending" | "uncertain" | "queued")
            })
        };
        let ends: Vec<&MailEnd> = mails.iter().filter(current).collect();
        let sent_at = |end: &MailEnd| (end.state == "sent").then_some(now.0);
        let rows: Vec<_> = ends
            .iter()
            .map(|e| (e.key.order, e.key.kind.name(), e.key.revision, e.state, &e.answer, sent_at(e)))
            .collect();
        let rows = serde_json::to_string(&rows).map_err(StoreError::Json)?;
        write.tx.run(sql::MAILS_SETTLE, args![now.0, &rows]).await?;
        let events = ends.iter().filter_map(|e| Some((e.key, e.event?, e.answer.clone())));
        write.mail_events(events, "daemon", now).await?;
        if ends.iter().any(|e| e.state == UNCERTAIN) {
            write.tell_uncertain(now).await?;
        }
        let again = |job: &JobRow| {
            let queued = there.iter().filter(|row| row.3 == "queued");
            job.mail().is_some_and(|key| queued.clone().any(|r| MailKey::of(r.0, &r.1, r.2) == Some(key)))
        };
        let skipped = skipped.iter().map(|job| {
            let at = now;
            let why = String::new();
            (job.clone(), if again(job) { JobEnd::Postpone { at, why } } else { JobEnd::Done })
        });
        let jobs: Vec<_> = jobs.iter().cloned().chain(skipped).collect();
        write.end_jobs(&jobs, now).await?;
        write.commit().await
    }

    /// Does a person's word to one mail.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] where that makes no sense in its state, or while
    /// its order is on hold.
    pub async fn act_on_mail(
        &self,
        key: &MailKey,
        act: MailAct,
        actor: &str,
        now: Timestamp,
    ) -> Result<MailRow> {
        let mut write = self.write().await?;
        let row = write.act_on_mail(key, act, actor, now).await?;
        write.commit().await?;
        Ok(row)
    }
}

/// The state of a mail of which nobody knows whether it arrived.
const UNCERTAIN: &str = "uncertain";

impl Write {
    /// Does a person's word to one mail, within this transaction.
    ///
    /// Errors: as [`Store::act_on_mail`].
    pub(super) async fn act_on_mail(
        &mut self,
        key: &MailKey,
        act: MailAct,
        actor: &str,
        now: Timestamp,
    ) -> Result<MailRow> {
        let args = args![key.order, key.kind.name(), key.revision];
        let row: Option<MailRow> = self.tx.first(sql::MAIL, args).await?;
        let mut row = row.ok_or_else(|| no_mail(key))?;
        let refused = |why: Bilingual| {
            let kind = mail_in_words(key.kind).ja;
            let (en, ja) =
                (format!("mail {key}: {why}"), format!("受注 #{} のメール「{kind}」: {}", key.order, why.ja));
            StoreError::Refused(Bilingual { en, ja })
        };
        let state = act.after(&row.state).map_err(refused)?;
        self.drop_jobs(&[key.job()]).await?;
        if state == "queued" {
            let order: Option<OrderRow> =
                self.tx.first(sql::ORDERS_BY_IDS, args![&keys([key.order])?]).await?;
            let order = order.ok_or_else(|| no_mail(key))?;
            if let Some(why) = order.hold.as_deref().map(hold_in_words) {
                return Err(StoreError::Refused(both!(
                    "order #{id} is on hold: {en}; `banto orders release #{id}`",
                    "受注 #{id} は保留中です（{ja}）。先に保留を解除してください",
                    id = order.id,
                    en = why.en,
                    ja = why.ja
                )));
            }
            row.recipient = order.buyer_email;
            let job = mail_job(self.id(), &row, now);
            self.add_jobs(&[job]).await?;
        }
        if act == MailAct::Rewrite {
            (row.subject, row.body_text, row.body_html) = (None, None, None);
        }
        if act == MailAct::Arrived {
            row.sent_at = Some(row.updated_at);
        }
        let before = std::mem::replace(&mut row.state, state.to_owned());
        row.updated_at = now.0;
        tables::upsert(&mut self.tx, std::slice::from_ref(&row)).await?;
        self.mail_events([(*key, act.name(), row.recipient.clone())].into_iter(), actor, now).await?;
        self.audit(actor, act.name(), &key.job(), &row.recipient, now).await?;
        if before == UNCERTAIN {
            self.tell_uncertain(now).await?;
        }
        Ok(row)
    }

    /// Keeps the alert of uncertain mails at what there is.
    async fn tell_uncertain(&mut self, now: Timestamp) -> Result<()> {
        const KEY: &str = "mail:uncertain";
        let counts: Vec<(String, i64)> = self.tx.all(sql::MAIL_PENDING_COUNTS, args![]).await?;
        let Some((_, count)) = counts.into_iter().find(|(state, _)| state == UNCERTAIN) else {
            return self.clear(KEY, now).await;
        };
        let detail = both!(
            "nobody knows whether {mails} arrived: `banto mail list --state uncertain`, then `banto mail decide`",
            "届いたか不明なメールが{count}件あります。メールの画面で届いたかどうかを決めてください",
            mails = counted(count, "mail", "mails")
        );
        self.raise(&super::Alert { key: KEY, channel: None, kind: "mail_uncertain", detail: &detail }, now)
            .await
    }

    async fn mail_events(
        &mut self,
        events: impl Iterator<Item = (MailKey, &'static str, String)>,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut rows = Vec::new();
        for (key, kind, detail) in events {
            rows.push(TimelineRow {
                order_id: key.order,
                id: self.id(),
                at: now.0,
                kind: kind.to_owned(),
                detail: format!("{} {}: {detail}", key.kind.name(), key.revision),
                actor: actor.to_owned(),
            });
        }
        tables::insert(&mut self.tx, &rows).await
    }

    /// Adds to an order's timeline.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn add_events(
        &mut self,
        order: OrderId,
        events: Vec<Event>,
        now: Timestamp,
    ) -> Result<()> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            rows.push(TimelineRow {
                order_id: order,
                id: self.id(),
                at: now.0,
                kind: event.kind.to_owned(),
                detail: event.detail,
                actor: event.actor,
            });
        }
        tables::insert(&mut self.tx, &rows).await
    }

    /// Changes those mails of an order for which `change` names a new state. Jobs follow: one for each mail that
    /// is queued now, none for the others. Returns how many changed.
    ///
    /// Errors: [`StoreError::Sql`].
    async fn change_mails(
        &mut self,
        order: OrderId,
        now: Timestamp,
        change: impl Fn(&MailRow, MailKey) -> Option<&'static str>,
    ) -> Result<usize> {
        let rows: Vec<MailRow> = self.tx.all(sql::MAILS_OF_ORDER, args![order]).await?;
        let (mut changed, mut jobs, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let Some((key, state)) = row.key().and_then(|key| Some((key, change(&row, key)?))) else {
                continue;
            };
            let row = MailRow { state: state.to_owned(), updated_at: now.0, ..row };
            gone.push(key.job());
            if state == "queued" {
                jobs.push(mail_job(self.id(), &row, now));
            }
            changed.push(row);
        }
        self.drop_jobs(&gone).await?;
        tables::upsert(&mut self.tx, &changed).await?;
        self.add_jobs(&jobs).await?;
        Ok(changed.len())
    }

    /// Keeps an order's waiting mails from going out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn hold_mails(&mut self, order: OrderId, now: Timestamp) -> Result<usize> {
        self.change_mails(order, now, |row, _| (row.state == "queued").then_some("held")).await
    }

    /// Lets an order's held mails go, as far as they are ours to send without a person's word.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn release_mails(
        &mut self,
        facts: &ChannelFacts,
        order: &Order,
        now: Timestamp,
    ) -> Result<usize> {
        self.change_mails(order.id, now, |row, key| {
            if row.state != "held" {
                return None;
            }
            Some(match mail_wanted(facts, order, key.kind) {
                Ok(true) => "by_hand",
                Ok(false) => "queued",
                Err(_) => "dropped",
            })
        })
        .await
    }

    /// Drops an order's mails of these kinds that have not gone out.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn drop_mails(
        &mut self,
        order: OrderId,
        kinds: &[MailKind],
        now: Timestamp,
    ) -> Result<usize> {
        let waits = |state: &str| matches!(state, "queued" | "held" | "by_hand");
        self.change_mails(order, now, |row, key| {
            (waits(&row.state) && kinds.contains(&key.kind)).then_some("dropped")
        })
        .await
    }

    /// Queues an order's refused mails again, to the address that the order has now.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn retry_mails(&mut self, order: &Order, now: Timestamp) -> Result<usize> {
        let refused: Vec<MailRow> = self.tx.all(sql::MAILS_OF_ORDER, args![order.id]).await?;
        let mended: Vec<MailRow> = refused
            .into_iter()
            .filter(|m| m.state == "refused")
            .map(|m| MailRow { recipient: order.details.buyer.email.clone(), ..m })
            .collect();
        tables::upsert(&mut self.tx, &mended).await?;
        self.change_mails(order.id, now, |row, _| (row.state == "refused").then_some("queued")).await
    }

    /// Drops a mail whose job was dropped, if it still waits.
    ///
    /// Errors: [`StoreError::Sql`].
    pub(super) async fn drop_queued_mail(&mut self, key: &MailKey, now: Timestamp) -> Result<()> {
        self.change_mails(key.order, now, |row, k| (k == *key && row.state == "queued").then_some("dropped"))
            .await
            .map(drop)
    }
}

fn no_mail(key: &MailKey) -> StoreError {
    StoreError::NotFound(both!(
        "there is no mail {key}; `banto mail list` shows them",
        "受注 #{order} にそのメール（{kind} {revision}）はありません",
        order = key.order,
        kind = mail_in_words(key.kind).ja,
        revision = key.revision
    ))
}
