//! The order book as people and deadlines use it: finding orders and seeing them whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Timestamp, both};

use super::db::args;
use super::jobs::{NoticeJob, job_keys};
use super::tables::{
    ChannelRow, ItemRow, JobRow, MailRow, OrderRow, ParcelRow, QuarantineRow, ReservationRow, TimelineRow,
};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::counted::counted;
use crate::domain::deadline::{Due, UnpaidRule, Waiting, due};
use crate::domain::deeds::mail_wanted;
use crate::domain::intake::ChannelFacts;
use crate::domain::mail_policy::MailKind;
use crate::domain::order::Order;
use crate::domain::{ChannelId, ItemId, OrderId};

/// Which orders to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderFilter<'a> {
    /// All.
    #[default]
    All,
    /// Those of which something may still leave.
    Open,
    /// Those on hold.
    Held,
    /// Open ones whose money has not arrived.
    Unpaid,
    /// Those that lack goods.
    Short,
    /// Those with this number, the channel's id, the buyer's address, or a part of the buyer's name.
    Find(&'a str),
}

/// An order with everything that there is to see of it.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Its channel.
    pub channel: ChannelRow,
    /// The items of its lines and their components.
    pub items: BTreeMap<ItemId, ItemRow>,
    /// What its lines hold, and what they lack.
    pub reservations: Vec<ReservationRow>,
    /// Its mails, oldest first.
    pub mails: Vec<MailRow>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineRow>,
    /// What is still to be done for it, and what was given up.
    pub jobs: Vec<JobRow>,
}

/// What a retry set going.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Jobs that had been given up.
    pub jobs: usize,
    /// Mails that had been refused.
    pub mails: usize,
}

impl Store {
    /// The order that a person means: `CHANNEL/NUMBER`, `#ID` (ours), or a number that only one order has.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] if several orders have that number.
    pub async fn find_order(&self, selector: &str) -> Result<OrderRow> {
        let none = || {
            StoreError::NotFound(both!(
                "no order is called {selector:?}; `banto orders list` shows them",
                "「{selector}」という受注はありません"
            ))
        };
        if let Some(id) = selector.strip_prefix('#') {
            let id: OrderId = id.parse().map_err(|_| none())?;
            let row = self.db.first(sql::ORDERS_BY_IDS, args![&keys([id])?]).await?;
            return row.ok_or_else(none);
        }
        let named = match selector.split_once('/') {
            Some((channel, number)) => self.channel(channel).await.ok().map(|c| (c.id, number)),
            None => None,
        };
        let rows: Vec<OrderRow> = match named {
            Some((channel, number)) => {
                self.db.all(sql::ORDERS_OF_CHANNEL_BY_NUMBER, args![channel, number]).await?
            }
            None => self.db.all(sql::ORDERS_BY_NUMBER, args![selector]).await?,
        };
        let several: Vec<String> = rows.iter().map(|r| format!("#{}", r.id)).collect();
        match <[OrderRow; 1]>::try_from(rows) {
            Ok([row]) => Ok(row),
            Err(rows) if rows.is_empty() => Err(none()),
            Err(_) => Err(StoreError::Refused(both!(
                "several orders are called {selector:?}: {several}; say CHANNEL/NUMBER or one of these",
                "「{selector}」という受注は複数あります（{several}）。「チャネル/受注番号」か、このいずれかで指定してください",
                several = several.join(", ")
            ))),
        }
    }

    /// A page of orders, newest first: keys below `before`, at most `limit`, of one channel or of all.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn orders(
        &self,
        filter: OrderFilter<'_>,
        channel: Option<ChannelId>,
        before: OrderId,
        limit: i64,
    ) -> Result<Vec<OrderRow>> {
        let text = match filter {
            OrderFilter::All => sql::ORDERS_PAGE,
            OrderFilter::Open => sql::ORDERS_PAGE_OPEN,
            OrderFilter::Held => sql::ORDERS_PAGE_HELD,
            OrderFilter::Unpaid => sql::ORDERS_PAGE_UNPAID,
            OrderFilter::Short => sql::ORDERS_PAGE_SHORT,
            OrderFilter::Find(text) => {
                let args = args![before, channel.unwrap_or(0), limit, text];
                return self.db.all(sql::ORDERS_FIND, args).await;
            }
        };
        self.db.all(text, args![before, channel.unwrap_or(0), limit]).await
    }

    /// Everything about one order.
    ///
    /// Errors: [`StoreError::NotFound`], [`StoreError::Json`].
    pub async fn order_view(&self, id: OrderId) -> Result<OrderView> {
        let ids = keys([id])?;
        let rows: Vec<OrderRow> = self.db.all(sql::ORDERS_BY_IDS, args![&ids]).await?;
        let lines = self.db.all(sql::LINES_OF, args![&ids]).await?;
        let parcels: Vec<ParcelRow> = self.db.all(sql::PARCELS_OF, args![&ids]).await?;
        let order = super::intake::assemble(rows, lines, parcels)?.into_iter().next();
        let order = order.ok_or_else(|| no_order(id))?;
        let reservations: Vec<ReservationRow> = self.db.all(sql::RESERVATIONS_OF_ORDERS, args![&ids]).await?;
        let mut items: BTreeSet<ItemId> = order.lines.iter().filter_map(|l| l.item).collect();
        items.extend(reservations.iter().map(|r| r.item_id));
        let items: Vec<ItemRow> = self.db.all(sql::ITEMS_BY_IDS, args![&keys(items)?]).await?;
        let channel = self.channel_of(order.channel).await?;
        Ok(OrderView {
            mails: self.mails_of(id).await?,
            timeline: self.db.all(sql::TIMELINE_OF, args![id]).await?,
            items: items.into_iter().map(|i| (i.id, i)).collect(),
            order,
            channel,
            reservations,
            jobs: self.jobs_of_order(id).await?,
        })
    }

    /// Sets everything of an order going again that was given up: jobs, and mails that were refused.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn retry_order(&self, id: OrderId, actor: &str, now: Timestamp) -> Result<Retried> {
        let mut write = self.write().await?;
        let order = write.whole_order(id).await?;
        let mut jobs: Vec<JobRow> = Vec::new();
        for (from, to) in job_keys(id) {
            jobs.extend(write.tx.all::<JobRow>(sql::JOBS_BY_KEY_START, args![&from, &to]).await?);
        }
        let mut retried = Retried::default();
        for job in jobs.iter().filter(|job| job.state == "dead") {
            write.tx.run(sql::JOB_REVIVE, args![job.id, now.0]).await?;
            write.clear(&super::jobs::dead_key(job), now).await?;
            write.made_jobs = true;
            retried.jobs += 1;
        }
        retried.mails = write.retry_mails(&order, now).await?;
        let (jobs, mails) = (counted(retried.jobs, "job", "jobs"), counted(retried.mails, "mail", "mails"));
        let detail = format!("{jobs}, {mails}");
        write.audit(actor, "order_retry", &format!("order #{id}"), &detail, now).await?;
        write.commit().await?;
        Ok(retried)
    }

    /// Orders of a channel for which something is due because their money does not come, with what. Rules stand by
    /// the channel's name of the payment method. Nothing is ever due for orders placed before the channel went
    /// live, and nothing on a channel that is only observed.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn unpaid_due(
        &self,
        facts: &ChannelFacts,
        rules: &BTreeMap<String, UnpaidRule>,
        now: Timestamp,
    ) -> Result<Vec<(OrderRow, Due)>> {
        let (Some(earliest), Some(since)) =
            (rules.values().filter_map(UnpaidRule::earliest).min(), facts.live_since)
        else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let mut after = 0;
        loop {
            let args = args![facts.id, after, since.0, now.minus(earliest).0, OPEN_PAGE];
            let rows: Vec<OrderRow> = self.db.all(sql::ORDERS_WAITING_FOR_MONEY, args).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            let mails: Vec<MailRow> =
                self.db.all(sql::MAILS_OF_ORDERS, args![&keys(rows.iter().map(|r| r.id))?]).await?;
            let reminded: HashMap<OrderId, i64> = mails
                .iter()
                .filter(|m| m.kind == MailKind::Reminder.name())
                .map(|m| (m.order_id, m.created_at))
                .collect();
            for row in rows {
                let Some(rule) = rules.get(&row.payment_method) else { continue };
                let order = row.clone().into_order(Vec::new(), Vec::new())?;
                let waiting = Waiting {
                    placed_at: order.placed_at,
                    reminded_at: reminded.get(&row.id).copied().map(Timestamp),
                    can_remind: mail_wanted(facts, &order, MailKind::Reminder).is_ok(),
                };
                found.extend(due(rule, &waiting, now).map(|what| (row, what)));
            }
        }
        Ok(found)
    }

    /// Open orders of a channel that it has not been told we take, oldest first, without those on hold and those placed
    /// before it went live.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`].
    pub async fn to_confirm(&self, facts: &ChannelFacts) -> Result<Vec<OrderRow>> {
        let mut found = Vec::new();
        let mut after = 0;
        loop {
            let args = args![facts.id, after, OPEN_PAGE];
            let rows: Vec<OrderRow> = self.db.all(sql::ORDERS_OPEN_OF_CHANNEL, args).await?;
            let Some(last) = rows.last() else { return Ok(found) };
            after = last.id;
            for row in rows.into_iter().filter(|row| row.hold.is_none()) {
                let order = row.clone().into_order(Vec::new(), Vec::new())?;
                let untold = order.details.house.confirmed_at.is_none();
                found.extend((untold && facts.was_live_at(order.placed_at)).then_some(row));
            }
        }
    }

    /// Orders that could not be understood and wait for a person, oldest first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn quarantined(&self, limit: i64) -> Result<Vec<QuarantineRow>> {
        self.db.all(sql::QUARANTINE_OPEN, args![limit]).await
    }

    /// One order that could not be understood.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn quarantine_row(&self, id: i64) -> Result<QuarantineRow> {
        let row = self.db.first(sql::QUARANTINE_ROW, args![id]).await?;
        row.ok_or_else(|| no_quarantine(id))
    }

    /// Notes that a person dealt with an order that could not be understood.
    ///
    /// Errors: [`StoreError::NotFound`] if it does not wait any more.
    pub async fn close_quarantine(&self, id: i64, why: &str, actor: &str, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        if write.tx.run(sql::QUARANTINE_CLOSE, args![id, now.0]).await? == 0 {
            return Err(no_quarantine(id));
        }
        write.audit(actor, "quarantine_close", &format!("quarantine {id}"), why, now).await?;
        write.commit().await
    }
}

/// Orders without money looked at in one query.
const OPEN_PAGE: i64 = 500;

impl Write {
    pub(super) async fn whole_order(&mut self, id: OrderId) -> Result<Order> {
        let rows: Vec<OrderRow> = self.tx.all(sql::ORDERS_BY_IDS, args![&keys([id])?]).await?;
        let order = self.whole_orders(rows).await?.into_iter().next();
        order.ok_or_else(|| no_order(id))
    }

    pub(super) async fn tell_channel(
        &mut self,
        order: &Order,
        channel: &str,
        notices: Vec<(String, banto_channel::Notice)>,
        now: Timestamp,
    ) -> Result<()> {
        let mut jobs = Vec::with_capacity(notices.len());
        for (name, notice) in notices {
            let told = NoticeJob { order: order.id, remote: order.remote_id.as_str().into(), notice };
            jobs.push(told.job(self.id(), channel, &name, now)?);
        }
        self.add_jobs(&jobs).await
    }
}

fn no_order(id: OrderId) -> StoreError {
    StoreError::NotFound(both!(
        "there is no order #{id}; `banto orders list` shows them",
        "受注 #{id} はありません"
    ))
}

fn no_quarantine(id: i64) -> StoreError {
    StoreError::NotFound(both!(
        "nothing with the key {id} waits in quarantine; `banto orders quarantine` lists it",
        "取り込めなかった注文 {id} はありません"
    ))
}
