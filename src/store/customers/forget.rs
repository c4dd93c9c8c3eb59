//! Taking out of the store what tells of a person, when they ask for it or when it has been kept long enough. The books
//! stay: numbers, amounts, goods, parcels.

use std::collections::BTreeSet;

use banto_channel::{Timestamp, both};

use super::super::db::args;
use super::super::tables::{self, CustomerOrderRow, CustomerRow, HouseFactRow, MailRow, OrderRow};
use super::super::{Result, Store, StoreError, Write, keys, search, sql};
use super::project::lines;
use super::{
    CUSTOMER_KEYS_DROP, CUSTOMER_OPEN_ORDER, CUSTOMERS_BY_IDS, CustomerAct, FORGET_ALERTS, FORGET_AUDIT,
    FORGET_AUDIT_HITS, FORGET_DUE, FORGET_HOMES, FORGET_JOBS, FORGET_MAIL_ON_ITS_WAY, FORGET_MAILS,
    FORGET_MAILS_UNDECIDED, FORGET_NOTES, FORGET_OLD_QUARANTINE, FORGET_PAYLOADS, FORGET_QUARANTINE,
    FORGET_REQUESTS, FORGET_TIMELINE, PAYLOADS_AFTER, PAYLOADS_EMPTY,
};
use crate::domain::ChannelId;
use crate::domain::counted::counted;
use crate::domain::customer::{CustomerId, forget};
use crate::domain::deeds::mail_in_words;
use crate::domain::mail_policy::MailKind;
use crate::domain::order::{Event, Order};

/// Up to which payload the bodies were emptied.
const EMPTIED: &str = "payloads_emptied";
/// A text shorter than this is in everything.
const NEEDLE_MIN: usize = 3;

/// How long what tells of a buyer is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Raw answers that came before this are emptied.
    pub payloads_before: Timestamp,
    /// By channel: orders that were done with before this forget their buyers.
    pub persons_before: Vec<(ChannelId, Timestamp)>,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Orders that do not tell of their buyers any more.
    pub orders: usize,
    /// Raw answers that were looked at and are empty now.
    pub payloads: usize,
}

impl Store {
    /// Takes out everything that tells of a customer, in all shops; what the house noted of them too. It cannot be
    /// undone, and the shop itself still has it. The audit log says that it was done, and not of whom.
    ///
    /// Errors: [`StoreError::Refused`] while an order is open or a mail on its way, or when somebody else was faster;
    /// [`StoreError::NotFound`].
    pub async fn erase_customer(&self, act: &CustomerAct<'_>) -> Result<Erased> {
        let mut write = self.write().await?;
        let row = write.customer_as_seen(act).await?;
        let open: Option<OrderRow> = write.tx.first(CUSTOMER_OPEN_ORDER, args![row.id]).await?;
        if let Some(order) = open {
            return Err(StoreError::Refused(both!(
                "order {number} is still open: its goods need the address. Ship or cancel it first",
                "受注 {number} が未完了で、届け先がまだ必要です。先に出荷するかキャンセルしてください",
                number = order.number
            )));
        }
        let (mut after, mut count) = (0, 0);
        let mut needles: BTreeSet<String> =
            [&row.name, &row.email, &row.phone].into_iter().flat_map(|text| spellings(text)).collect();
        loop {
            let page = write.orders_of_customer(row.id, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let on_its_way: Option<MailRow> =
                write.tx.first(FORGET_MAIL_ON_ITS_WAY, args![&keys(page.iter().map(|o| o.id))?]).await?;
            if let Some(mail) = on_its_way {
                let ja = MailKind::from_name(&mail.kind).map(|kind| mail_in_words(kind).ja);
                return Err(StoreError::Refused(both!(
                    "a mail ({kind}) is on its way; wait until it is sent, or drop it",
                    "メール（{ja}）を送信中です。送信を待つか、取りやめてください",
                    kind = mail.kind,
                    ja = ja.unwrap_or_default()
                )));
            }
            needles.extend(page.iter().flat_map(needles_of));
            count += page.len();
            write.forget_orders(page, &needles, act.actor, act.now).await?;
        }
        for needle in needles.iter().map(|needle| escaped(needle)) {
            write.forget_text(&needle).await?;
        }
        write.tx.run(FORGET_NOTES, args![row.id]).await?;
        write.blank(row, act.now).await?;
        write.customer_note(act, "erased", "").await?;
        let subject = act.subject();
        write
            .audit(act.actor, "customer_erase", &subject, &counted(count, "order", "orders"), act.now)
            .await?;
        write.commit().await?;
        Ok(Erased { orders: count, payloads: 0 })
    }

    /// Forgets what has been kept long enough, at most `limit` orders a channel and `limit` raw answers; called again as
    /// long as it finds some.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::DiskFull`].
    pub async fn forget_old(&self, keep: &Keep, limit: i64, now: Timestamp) -> Result<Erased> {
        let mut erased =
            Erased { orders: 0, payloads: self.empty_payloads(keep.payloads_before, limit).await? };
        for (channel, before) in &keep.persons_before {
            erased.orders += self.forget_channel(*channel, *before, limit, now).await?;
        }
        Ok(erased)
    }

    async fn forget_channel(
        &self,
        channel: ChannelId,
        before: Timestamp,
        limit: i64,
        now: Timestamp,
    ) -> Result<usize> {
        // Asked of a reader: mostly there is nothing to do.
        if self.db.first::<CustomerOrderRow>(FORGET_DUE, args![channel, before.0, 1]).await?.is_none() {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let due: Vec<CustomerOrderRow> = write.tx.all(FORGET_DUE, args![channel, before.0, limit]).await?;
        let ids = keys(due.iter().map(|row| row.order_id))?;
        let rows: Vec<OrderRow> = write.tx.all(sql::ORDERS_BY_IDS, args![&ids]).await?;
        let mut orders = write.whole_orders(rows).await?;
        orders.retain(|order| !order.is_open() && order.details.house.forgotten_at.is_none());
        let needles = orders.iter().flat_map(needles_of).collect();
        write.forget_orders(orders, &needles, "daemon", now).await?;
        write.tx.run(FORGET_HOMES, args![&ids]).await?;
        let customers: BTreeSet<CustomerId> = due.iter().map(|row| row.customer_id).collect();
        let rows: Vec<CustomerRow> = write.tx.all(CUSTOMERS_BY_IDS, args![&keys(customers)?]).await?;
        for row in rows {
            write.work_out(row).await?;
        }
        write.commit().await?;
        Ok(due.len())
    }

    async fn empty_payloads(&self, before: Timestamp, limit: i64) -> Result<usize> {
        let done = self.house_fact(EMPTIED).await?.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        let rows: Vec<(i64, i64)> = self.db.all(PAYLOADS_AFTER, args![done, limit]).await?;
        let old: Vec<i64> = rows.into_iter().take_while(|row| row.1 < before.0).map(|row| row.0).collect();
        let Some(last) = old.last().copied() else { return Ok(0) };
        let mut write = self.write().await?;
        write.tx.run(PAYLOADS_EMPTY, args![done, last]).await?;
        write.tx.run(FORGET_OLD_QUARANTINE, args![before.0]).await?;
        let fact = HouseFactRow { name: EMPTIED.to_owned(), value: last.to_string() };
        tables::upsert(&mut write.tx, &[fact]).await?;
        write.commit().await?;
        Ok(old.len())
    }
}

impl Write {
    /// Takes everything that tells of the buyers out of orders, their payloads and their mails.
    async fn forget_orders(
        &mut self,
        orders: Vec<Order>,
        needles: &BTreeSet<String>,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        if orders.is_empty() {
            return Ok(());
        }
        let ids = keys(orders.iter().map(|order| order.id))?;
        self.tx.run(FORGET_PAYLOADS, args![&ids]).await?;
        self.tx.run(FORGET_MAILS_UNDECIDED, args![&ids, now.0]).await?;
        self.tx.run(FORGET_MAILS, args![&ids]).await?;
        self.tx.run(FORGET_QUARANTINE, args![&ids]).await?;
        for needle in needles {
            self.tx.run(FORGET_TIMELINE, args![&ids, &escaped(needle)]).await?;
        }
        let mut forgotten = Vec::with_capacity(orders.len());
        for mut order in orders {
            forget(&mut order.details, now);
            order.version += 1;
            let event = Event { kind: "forgotten", detail: String::new(), actor: actor.to_owned() };
            self.write_order(&order, vec![event], &[], now).await?;
            forgotten.push(order);
        }
        // The words they are found by go now, not when the projection gets to them.
        search::project(self, &forgotten).await?;
        self.tx.run(FORGET_HOMES, args![&ids]).await.map(drop)
    }

    /// Takes a text out of what does not belong to one order: jobs that were given up, old problems, the audit log.
    async fn forget_text(&mut self, needle: &str) -> Result<()> {
        self.tx.run(FORGET_JOBS, args![needle]).await?;
        self.tx.run(FORGET_ALERTS, args![needle]).await?;
        self.tx.run(FORGET_REQUESTS, args![needle]).await?;
        let hits: Vec<(i64,)> = self.tx.all(FORGET_AUDIT_HITS, args![needle]).await?;
        if hits.is_empty() {
            return Ok(());
        }
        let hits = keys(hits.into_iter().map(|hit| hit.0))?;
        self.tx.run(FORGET_AUDIT, args![&hits]).await.map(drop)
    }

    /// Leaves of a customer no more than that there was one.
    async fn blank(&mut self, row: CustomerRow, now: Timestamp) -> Result<()> {
        let terms = lines(&row.terms).map(|term| (term.to_owned(), row.id)).collect();
        self.drop_terms(&terms).await?;
        self.tx.run(CUSTOMER_KEYS_DROP, args![row.id]).await?;
        let blank = CustomerRow {
            name: String::new(),
            email: String::new(),
            phone: String::new(),
            terms: String::new(),
            blocked_at: None,
            blocked_reason: None,
            erased_at: Some(now.0),
            ..row
        };
        self.customer_changed(blank).await
    }
}

/// Texts by which a buyer could be found in free text elsewhere.
fn needles_of(order: &Order) -> Vec<String> {
    let d = &order.details;
    let texts = [
        &d.buyer.name,
        &d.buyer.email,
        &d.buyer.phone,
        &d.bill_to.name,
        &d.bill_to.name_kana,
        &d.bill_to.phone,
        &d.ship_to.name,
        &d.ship_to.name_kana,
        &d.ship_to.phone,
    ];
    texts.into_iter().flat_map(|text| spellings(text)).collect()
}

fn spellings(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.chars().count() < NEEDLE_MIN {
        return Vec::new();
    }
    vec![text.to_owned(), text.to_lowercase()]
}

/// A text as LIKE takes it to the letter.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
