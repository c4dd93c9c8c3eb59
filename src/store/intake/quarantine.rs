//! Orders that cannot be taken: kept as they came, once each, until the marketplace tells them so that they can.

use std::collections::BTreeSet;

use banto_channel::{Bilingual, Read, RemoteOrder, Timestamp};

use super::{IntakeReport, QuarantineReason, digest};
use crate::domain::intake::{ChannelFacts, unacceptable};
use crate::store::db::args;
use crate::store::tables::{self, QuarantineRow};
use crate::store::{Result, Write, keys, sql};

/// Orders and unreadable ones; of an order that stands twice on a page both stay, in order.
pub(super) fn part(page: &[Read]) -> (Vec<&RemoteOrder>, Vec<Unreadable>) {
    let mut orders = Vec::with_capacity(page.len());
    let mut unreadable = Vec::new();
    for read in page {
        match read {
            Read::Order(order) => match unacceptable(order) {
                None => orders.push(order.as_ref()),
                Some(reason) => {
                    unreadable.push(Unreadable {
                        id: Some(order.id.0.clone()),
                        reason,
                        raw: order.raw.clone(),
                    });
                }
            },
            Read::Unreadable { id, reason, raw } => unreadable.push(Unreadable {
                id: id.as_ref().map(|id| id.0.clone()),
                reason: reason.clone(),
                raw: raw.clone(),
            }),
        }
    }
    (orders, unreadable)
}

pub(super) struct Unreadable {
    id: Option<String>,
    reason: Bilingual,
    raw: String,
}

impl Write {
    pub(super) async fn quarantine(
        &mut self,
        facts: &ChannelFacts,
        unreadable: &[Unreadable],
        now: Timestamp,
        report: &mut IntakeReport,
    ) -> Result<()> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let digests = keys(unreadable.iter().map(|u| digest(&u.raw)))?;
        let known: Vec<QuarantineRow> = self.tx.all(sql::QUARANTINE_KNOWN, args![facts.id, &digests]).await?;
        let mut seen: BTreeSet<String> = known.into_iter().map(|row| row.digest).collect();
        let mut rows = Vec::new();
        for one in unreadable {
            let digest = digest(&one.raw);
            if !seen.insert(digest.clone()) {
                report.unchanged += 1;
                continue;
            }
            rows.push(QuarantineRow {
                id: self.id(),
                channel_id: facts.id,
                remote_id: one.id.clone(),
                digest,
                at: now.0,
                reason: one.reason.packed(),
                body: one.raw.clone(),
                resolved_at: None,
            });
            report
                .quarantined
                .push(QuarantineReason { remote_id: one.id.clone(), reason: one.reason.en.clone() });
        }
        tables::insert(&mut self.tx, &rows).await
    }

    /// An order that is understood now has no business in quarantine any more.
    pub(super) async fn resolve_quarantine(
        &mut self,
        facts: &ChannelFacts,
        orders: &[&RemoteOrder],
        now: Timestamp,
    ) -> Result<()> {
        if orders.is_empty()
            || self.tx.first::<QuarantineRow>(sql::QUARANTINE_ANY, args![facts.id]).await?.is_none()
        {
            return Ok(());
        }
        let ids = keys(orders.iter().map(|o| o.id.as_str()))?;
        self.tx.run(sql::QUARANTINE_RESOLVE, args![facts.id, &ids, now.0]).await.map(drop)
    }
}
