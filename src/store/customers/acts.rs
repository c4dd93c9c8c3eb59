//! What people decide about customers: notes, blocks, that two are one, that one is two.

use std::collections::BTreeSet;

use banto_channel::{Timestamp, both};
use serde_json::json;

use super::super::db::args;
use super::super::tables::{
    self, CustomerApartRow, CustomerKeyRow, CustomerNoteRow, CustomerRow, CustomerTermRow, MailRow, OrderRow,
    PayloadRow, TimelineRow,
};
use super::super::{Result, Store, StoreError, Write, keys, sql};
use super::project::{absorb, lines, wear};
use super::{
    CUSTOMER_KEYS_DROP, CUSTOMER_ORDER_IDS, CUSTOMER_ORDERS_SPLIT, CUSTOMERS_BY_IDS, SHOWN, no_customer, note,
};
use crate::domain::OrderId;
use crate::domain::counted::counted;
use crate::domain::customer::{CustomerId, Face};
use crate::domain::order::{Details, Order};
use crate::domain::timeline::{detail_in_words, hold_in_words};

/// Orders read at once of a customer who is worked out anew.
const PAGE: i64 = 500;

/// Something that somebody does to a customer.
#[derive(Clone, Copy, Debug)]
pub struct CustomerAct<'a> {
    /// Which customer.
    pub customer: CustomerId,
    /// The version that was looked at.
    pub version: i64,
    /// Who.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

impl CustomerAct<'_> {
    pub(super) fn subject(&self) -> String {
        format!("customer #{}", self.customer)
    }
}

impl Store {
    /// Adds a note. Notes do not contradict each other, so the version is not looked at.
    ///
    /// Errors: [`StoreError::Refused`] for an empty one; [`StoreError::NotFound`].
    pub async fn note_customer(&self, act: &CustomerAct<'_>, text: &str) -> Result<()> {
        if text.trim().is_empty() {
            return Err(StoreError::Refused(both!("the note is empty", "メモを入力してください")));
        }
        let mut write = self.write().await?;
        write.living_customer(act.customer).await?;
        write.customer_note(act, "note", text.trim()).await?;
        // What a note says may be personal: the audit log, which is kept for ever, knows that there is one.
        write.audit(act.actor, "customer_note", &act.subject(), "", act.now).await?;
        write.commit().await
    }

    /// Has every new order of a customer wait on hold until somebody has looked at it.
    ///
    /// Errors: [`StoreError::Refused`] if they are blocked already, without a reason, or when somebody else was faster.
    pub async fn block_customer(&self, act: &CustomerAct<'_>, reason: &str) -> Result<()> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(StoreError::Refused(both!(
                "a block needs a reason; it stands on every order it holds",
                "取引停止の理由を入力してください。保留になる受注に表示されます"
            )));
        }
        let mut write = self.write().await?;
        let mut row = write.customer_as_seen(act).await?;
        if row.blocked_at.is_some() {
            return Err(StoreError::Refused(both!(
                "customer #{id} is blocked already",
                "顧客 #{id} はすでに取引停止です",
                id = row.id
            )));
        }
        row.blocked_at = Some(act.now.0);
        row.blocked_reason = Some(reason.to_owned());
        write.customer_changed(row).await?;
        write.customer_note(act, "blocked", reason).await?;
        let states = (r#"{"blocked":false}"#, r#"{"blocked":true}"#);
        write.audit_change(act.actor, "customer_block", &act.subject(), "", states, act.now).await?;
        write.commit().await
    }

    /// Lets a customer's orders go as everybody's. Those that wait go on waiting until somebody releases them.
    ///
    /// Errors: [`StoreError::Refused`] if they are not blocked, or when somebody else was faster.
    pub async fn unblock_customer(&self, act: &CustomerAct<'_>) -> Result<()> {
        let mut write = self.write().await?;
        let mut row = write.customer_as_seen(act).await?;
        if row.blocked_at.take().is_none() {
            return Err(StoreError::Refused(both!(
                "customer #{id} is not blocked",
                "顧客 #{id} は取引停止ではありません",
                id = row.id
            )));
        }
        let reason = row.blocked_reason.take().unwrap_or_default();
        write.customer_changed(row).await?;
        write.customer_note(act, "unblocked", &reason).await?;
        let states = (r#"{"blocked":true}"#, r#"{"blocked":false}"#);
        write.audit_change(act.actor, "customer_unblock", &act.subject(), "", states, act.now).await?;
        write.commit().await
    }

    /// Says that another customer is the same person. The other's orders, keys and notes are this one's from now on,
    /// also where somebody had said before that the two are not one.
    ///
    /// Errors: [`StoreError::Refused`] for the same customer or when somebody else was faster; [`StoreError::NotFound`].
    pub async fn merge_customers(&self, act: &CustomerAct<'_>, other: (CustomerId, i64)) -> Result<()> {
        if act.customer == other.0 {
            return Err(StoreError::Refused(both!("that is the same customer", "同じ顧客です")));
        }
        let mut write = self.write().await?;
        let mut row = write.customer_as_seen(act).await?;
        let seen = CustomerAct { customer: other.0, version: other.1, ..*act };
        let mut gone = write.customer_as_seen(&seen).await?;
        let dropped: BTreeSet<_> = lines(&gone.terms).map(|term| (term.to_owned(), gone.id)).collect();
        let detail = json!({ "orders": [row.orders, gone.orders] }).to_string();
        absorb(&mut row, &mut gone);
        gone.terms.clear();
        write.drop_terms(&dropped).await?;
        write.move_customer(gone.id, row.id).await?;
        write.customer_terms(&row).await?;
        let text = format!("#{}", gone.id);
        write.customer_changed(gone).await?;
        write.customer_changed(row).await?;
        write.customer_note(act, "merged", &text).await?;
        let subject = format!("{} {text}", act.subject());
        write.audit(act.actor, "customer_merge", &subject, &detail, act.now).await?;
        write.commit().await
    }

    /// Says that some of a customer's orders are somebody else's. The two are never joined again by the machine; nor is
    /// the new one with those whom the first was told apart from. Returns the new customer's key.
    ///
    /// Errors: [`StoreError::Refused`] for none or all of the orders, for one that is not the customer's, or when somebody
    /// else was faster; [`StoreError::NotFound`].
    pub async fn split_customer(
        &self,
        act: &CustomerAct<'_>,
        orders: &BTreeSet<OrderId>,
    ) -> Result<CustomerId> {
        if orders.is_empty() {
            return Err(StoreError::Refused(both!("no order is chosen", "受注を選択してください")));
        }
        let mut write = self.write().await?;
        let row = write.customer_as_seen(act).await?;
        let new = write.id();
        let ids = keys(orders)?;
        let moved = write.tx.run(CUSTOMER_ORDERS_SPLIT, args![row.id, new, &ids]).await?;
        let wanted = u64::try_from(orders.len()).unwrap_or(u64::MAX);
        let all = u64::try_from(row.orders).unwrap_or(0);
        if moved != wanted {
            return Err(StoreError::Refused(both!(
                "not all of these orders are customer #{id}'s",
                "顧客 #{id} のものではない受注が含まれています",
                id = row.id
            )));
        }
        if moved >= all {
            return Err(StoreError::Refused(both!(
                "all orders are chosen; nothing would be left to tell apart",
                "すべての受注が選択されています。分割するには一部だけを選択してください"
            )));
        }
        let others: Vec<CustomerApartRow> =
            write.tx.all(super::CUSTOMER_APART_FROM, args![&keys([row.id])?]).await?;
        let pair = |a, b| [apart(a, b), apart(b, a)];
        let mut rows: Vec<CustomerApartRow> = others.iter().flat_map(|o| pair(new, o.other_id)).collect();
        rows.extend(pair(new, row.id));
        tables::upsert(&mut write.tx, &rows).await?;
        let blank = CustomerRow { id: new, version: 0, ..row.clone() };
        write.work_out(CustomerRow { terms: String::new(), ..blank }).await?;
        write.work_out(row).await?;
        let count = orders.len();
        write.customer_note(act, "split", &format!("#{new}")).await?;
        let from = CustomerAct { customer: new, ..*act };
        write.customer_note(&from, "split", &format!("#{}", act.customer)).await?;
        let subject = format!("{} #{new}", act.subject());
        write
            .audit(act.actor, "customer_split", &subject, &counted(count, "order", "orders"), act.now)
            .await?;
        write.commit().await?;
        Ok(new)
    }

    /// Everything that is known of a customer, for a request under GDPR article 15 or APPI article 33: the house's own
    /// notes, every order with what the shop told, and the mails that were sent. Notes that it was given out.
    ///
    /// Errors: [`StoreError::NotFound`], [`StoreError::Json`].
    pub async fn export_customer(&self, act: &CustomerAct<'_>) -> Result<serde_json::Value> {
        let mut write = self.write().await?;
        let row = write.living_customer(act.customer).await?;
        let mut orders = Vec::new();
        let mut after = 0;
        loop {
            let page = write.orders_of_customer(row.id, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for order in page {
                orders.push(write.export_order(&order).await?);
            }
        }
        let notes: Vec<CustomerNoteRow> =
            write.tx.all(super::CUSTOMER_NOTES, args![row.id, i64::MAX]).await?;
        let notes: Vec<_> = notes
            .into_iter()
            .map(|n| json!({ "at": iso(n.at), "kind": n.kind, "text": n.text, "by": n.actor }))
            .collect();
        write.customer_note(act, "exported", "").await?;
        write.audit(act.actor, "customer_export", &act.subject(), "", act.now).await?;
        write.commit().await?;
        Ok(json!({
            "customer": row.id, "name": row.name, "email": row.email, "phone": row.phone,
            "first_order_at": iso(row.first_order_at), "last_order_at": iso(row.last_order_at),
            "blocked": row.blocked_reason, "exported_at": iso(act.now.0), "notes": notes, "orders": orders,
        }))
    }
}

fn apart(customer_id: CustomerId, other_id: CustomerId) -> CustomerApartRow {
    CustomerApartRow { customer_id, other_id }
}

fn iso(at: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(at).ok().map(|at| at.to_string())
}

impl Write {
    /// A customer who has not become another one.
    pub(super) async fn living_customer(&mut self, id: CustomerId) -> Result<CustomerRow> {
        let row: Option<CustomerRow> = self.tx.first(CUSTOMERS_BY_IDS, args![&keys([id])?]).await?;
        let row = row.ok_or_else(|| no_customer(id))?;
        match row.merged_into {
            Some(home) => Err(StoreError::Refused(both!(
                "customer #{id} is customer #{home} by now",
                "顧客 #{id} は顧客 #{home} に統合されています"
            ))),
            None => Ok(row),
        }
    }

    /// The customer as the person saw who acts.
    pub(super) async fn customer_as_seen(&mut self, act: &CustomerAct<'_>) -> Result<CustomerRow> {
        let row = self.living_customer(act.customer).await?;
        if row.version != act.version {
            return Err(StoreError::Refused(both!(
                "somebody has changed customer #{id} since you looked; look again",
                "顧客 #{id} は表示した後に変更されました。最新の内容を確認してください",
                id = row.id
            )));
        }
        Ok(row)
    }

    /// Writes a customer whom a person changed.
    pub(super) async fn customer_changed(&mut self, row: CustomerRow) -> Result<()> {
        tables::upsert(&mut self.tx, &[CustomerRow { version: row.version + 1, ..row }]).await
    }

    pub(super) async fn customer_note(
        &mut self,
        act: &CustomerAct<'_>,
        kind: &str,
        text: &str,
    ) -> Result<()> {
        let row = note(self.id(), act.customer, kind, text, act.actor, act.now);
        tables::insert(&mut self.tx, &[row]).await
    }

    async fn customer_terms(&mut self, row: &CustomerRow) -> Result<()> {
        let term = |term: &str| CustomerTermRow { term: term.to_owned(), customer_id: row.id };
        let rows: Vec<CustomerTermRow> = lines(&row.terms).map(term).collect();
        tables::upsert(&mut self.tx, &rows).await
    }

    /// Works out from the orders what a customer looks like, and by what they are known.
    pub(super) async fn work_out(&mut self, row: CustomerRow) -> Result<CustomerRow> {
        let dropped: BTreeSet<_> = lines(&row.terms).map(|term| (term.to_owned(), row.id)).collect();
        let mut anew = CustomerRow {
            name: String::new(),
            email: String::new(),
            phone: String::new(),
            terms: String::new(),
            orders: 0,
            first_order_at: i64::MAX,
            last_order_at: i64::MIN,
            version: row.version + 1,
            ..row
        };
        let mut known: BTreeSet<(String, String)> = BTreeSet::new();
        let mut after = 0;
        loop {
            let page = self.orders_of_customer(row.id, after).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for order in page {
                let face = Face::of(&order.details);
                anew.orders += 1;
                wear(&mut anew, &face, order.placed_at.0);
                known.extend(face.keys.into_iter().map(|key| (key.text, key.name)));
            }
        }
        if anew.orders == 0 {
            (anew.first_order_at, anew.last_order_at) = (row.first_order_at, row.last_order_at);
        }
        self.drop_terms(&dropped).await?;
        self.tx.run(CUSTOMER_KEYS_DROP, args![row.id]).await?;
        let keys: Vec<CustomerKeyRow> =
            known.into_iter().map(|(key, name)| CustomerKeyRow { key, customer_id: row.id, name }).collect();
        tables::upsert(&mut self.tx, &keys).await?;
        self.customer_terms(&anew).await?;
        tables::upsert(&mut self.tx, std::slice::from_ref(&anew)).await?;
        Ok(anew)
    }

    /// A page of a customer's orders, oldest first.
    pub(super) async fn orders_of_customer(&mut self, id: CustomerId, after: OrderId) -> Result<Vec<Order>> {
        let ids: Vec<(OrderId,)> = self.tx.all(CUSTOMER_ORDER_IDS, args![id, after, PAGE]).await?;
        let ids = keys(ids.into_iter().map(|row| row.0))?;
        let rows: Vec<OrderRow> = self.tx.all(sql::ORDERS_BY_IDS, args![&ids]).await?;
        self.whole_orders(rows).await
    }

    async fn export_order(&mut self, order: &Order) -> Result<serde_json::Value> {
        let wait = order.details.wait.as_deref().map(|why| hold_in_words(why).en);
        let details = Details { wait, ..order.details.clone() };
        let details = serde_json::to_value(&details).map_err(StoreError::Json)?;
        let mails: Vec<MailRow> = self.tx.all(sql::MAILS_OF_ORDER, args![order.id]).await?;
        let payload: Option<PayloadRow> = self.tx.first(sql::PAYLOAD, args![order.payload_id]).await?;
        let timeline: Vec<TimelineRow> = self.tx.all(sql::TIMELINE_OF, args![order.id]).await?;
        let mails: Vec<_> = mails
            .into_iter()
            .map(|m| json!({ "kind": m.kind, "to": m.recipient, "sent_at": m.sent_at.and_then(iso), "subject": m.subject, "text": m.body_text }))
            .collect();
        let lines: Vec<_> = order
            .lines
            .iter()
            .map(|l| json!({ "title": l.title, "code": l.code, "quantity": l.quantity, "total": l.total }))
            .collect();
        let parcels: Vec<_> = order
            .parcels
            .iter()
            .map(|p| json!({ "carrier": p.carrier, "tracking": p.tracking, "shipped_at": iso(p.shipped_at.0) }))
            .collect();
        let events: Vec<_> = timeline
            .into_iter()
            .map(|e| (iso(e.at), detail_in_words(&e.kind, &e.detail).en, e.kind))
            .map(|(at, detail, kind)| json!({ "at": at, "kind": kind, "detail": detail }))
            .collect();
        Ok(json!({
            "number": order.number, "placed_at": iso(order.placed_at.0), "currency": order.currency,
            "total": order.totals.grand.0, "details": details, "lines": lines, "parcels": parcels,
            "mails": mails, "events": events, "as_told_by_the_shop": payload.map(|p| p.body),
        }))
    }
}

/// Orders that a split offers at once.
pub const SPLIT_OFFERS: i64 = SHOWN;
