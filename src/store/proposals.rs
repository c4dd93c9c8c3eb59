//! Which items unmapped listings may be: an equal code maps, anything else is proposed to a person.

use std::collections::BTreeSet;

use banto_channel::Timestamp;

use super::db::{Tx, args};
use super::tables::{self, ListingRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::mapping::{Rule, Search, Wanted};
use crate::domain::{ChannelId, ItemId};

/// Unmapped listings that are compared with all items at once.
const PROPOSE_PAGE: i64 = 5000;

/// What comparing listings with all items has found.
#[derive(Default)]
struct Found {
    /// Rows with the item whose code they have.
    mapped: Vec<ListingRow>,
    /// Rows with another proposal than before.
    proposed: Vec<ListingRow>,
}

impl Found {
    fn among(rows: Vec<ListingRow>, search: &Search) -> Result<Self> {
        let mut found = Self::default();
        for row in rows {
            let proposal = search.propose(row.wanted());
            if let Some(exact) = proposal.as_ref().filter(|p| p.rule == Rule::Code) {
                found.mapped.push(row.mapped(exact.item, 1));
                continue;
            }
            let proposal =
                proposal.map(|p| serde_json::to_string(&p)).transpose().map_err(StoreError::Json)?;
            if proposal != row.proposal {
                found.proposed.push(ListingRow { proposal, ..row });
            }
        }
        Ok(found)
    }

    fn listings(&self) -> impl Iterator<Item = i64> {
        self.mapped.iter().chain(&self.proposed).map(|row| row.id)
    }
}

impl Store {
    /// Proposes an item for every listing without one: by code, then by JAN, then by title. Other writes wait for one page
    /// of it at most, and not while all items are gone through.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Json`], [`StoreError::Stock`].
    pub async fn propose_mappings(&self, now: Timestamp) -> Result<()> {
        let mut after = 0;
        loop {
            let mut read = self.db.begin_snapshot().await?;
            let rows = unmapped(&mut read, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            let search = items_for(&mut read, &rows).await?;
            read.commit().await?;
            let found = Found::among(rows, &search)?;
            let ids: BTreeSet<i64> = found.listings().collect();
            if ids.is_empty() {
                continue;
            }
            let mut write = self.write().await?;
            // As they are now: a person may have mapped one, and whoever pushes has written to others.
            let mut rows: Vec<ListingRow> = write.tx.all(sql::LISTINGS_BY_IDS, args![&keys(ids)?]).await?;
            rows.retain(|row| row.item_id.is_none() && !row.ignored);
            write.take_found(Found::among(rows, &search)?, "daemon", now).await?;
            write.commit().await?;
        }
    }
}

impl ListingRow {
    fn wanted(&self) -> Wanted<'_> {
        Wanted { code: self.code.as_deref(), gtin: self.gtin.as_deref(), title: &self.title }
    }

    /// The same with an item, and with nothing left of what was sent for another.
    pub(super) fn mapped(self, item: ItemId, per: i64) -> Self {
        Self {
            item_id: Some(item),
            per,
            ignored: false,
            proposal: None,
            shown_version: 0,
            error: None,
            error_at: None,
            retry_at: None,
            tries: 0,
            ..self
        }
    }
}

impl Write {
    /// [`Store::propose_mappings`] as part of a longer write, which has changed items or listings. Returns how many
    /// listings were mapped, and how many order lines waited for them.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub(super) async fn propose_again(&mut self, actor: &str, now: Timestamp) -> Result<(usize, usize)> {
        let (mut done, mut after) = ((0, 0), 0);
        loop {
            let rows = unmapped(&mut self.tx, after).await?;
            let Some(last) = rows.last() else { return Ok(done) };
            after = last.id;
            let search = items_for(&mut self.tx, &rows).await?;
            let (mapped, matched) = self.take_found(Found::among(rows, &search)?, actor, now).await?;
            done.0 += mapped;
            done.1 += matched;
        }
    }

    async fn take_found(&mut self, found: Found, actor: &str, now: Timestamp) -> Result<(usize, usize)> {
        tables::upsert(&mut self.tx, &found.proposed).await?;
        let matched = self.take_mapped(&found.mapped, actor, now).await?;
        Ok((found.mapped.len(), matched))
    }

    /// Keeps what listings are mapped to now, has it pushed, and gives the items to order lines that waited for them;
    /// returns how many those are.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub(super) async fn take_mapped(
        &mut self,
        mapped: &[ListingRow],
        actor: &str,
        now: Timestamp,
    ) -> Result<usize> {
        tables::upsert(&mut self.tx, mapped).await?;
        let channels: BTreeSet<ChannelId> = mapped.iter().map(|row| row.channel_id).collect();
        for channel in channels {
            self.tx.run(sql::CHANNEL_MAPPED, args![channel]).await?;
        }
        self.rematch_listings(mapped, actor, now).await
    }
}

async fn unmapped(tx: &mut Tx, after: i64) -> Result<Vec<ListingRow>> {
    tx.all(sql::LISTINGS_UNMAPPED_PAGE, args![after, PROPOSE_PAGE]).await
}

/// Shows all items to a search for what these listings want.
async fn items_for(tx: &mut Tx, rows: &[ListingRow]) -> Result<Search> {
    let mut search = Search::of(rows.iter().map(ListingRow::wanted));
    let see = |(id, code, gtin, name): (ItemId, String, Option<String>, String)| {
        search.see(id, &code, gtin.as_deref(), &name);
    };
    tx.for_each(sql::ITEM_KEYS, args![], see).await?;
    Ok(search)
}
