//! The listings page: one tab at a time, page by page, and what a search finds among all of them.

use std::collections::BTreeSet;

use super::db::args;
use super::sql::{self, texts};
use super::tables::ListingRow;
use super::{ListingView, Result, ShelfFilter, Store, keys};
use crate::domain::mapping::Rule;
use crate::domain::{ChannelId, naming};

texts! {
    // One channel as a range of them: SQLite takes the small index of the tab then, and not the one of all listings, along
    // which it would walk the whole channel for the few.
    LISTED_UNMATCHED = "SELECT * FROM listing WHERE item_id IS NULL AND NOT ignored \
        AND channel_id >= $1 AND channel_id <= $1 AND id > $2 ORDER BY channel_id, id LIMIT $3";
    LISTED_PROPOSED = "SELECT * FROM listing WHERE proposal IS NOT NULL \
        AND channel_id >= $1 AND channel_id <= $1 AND id > $2 ORDER BY channel_id, id LIMIT $3";
    LISTED_MAPPED = "SELECT * FROM listing WHERE item_id IS NOT NULL AND channel_id = $1 AND id > $2 \
        ORDER BY id LIMIT $3";
    LISTED_IGNORED = "SELECT * FROM listing WHERE ignored AND channel_id >= $1 AND channel_id <= $1 AND id > $2 \
        ORDER BY channel_id, id LIMIT $3";
    LISTED_FAILED = "SELECT * FROM listing WHERE error IS NOT NULL AND channel_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    LISTED_COUNTS = "SELECT CAST((SELECT COUNT(*) FROM (SELECT id FROM listing \
            WHERE item_id IS NULL AND NOT ignored AND channel_id > 0 LIMIT $1) a) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT id FROM listing WHERE proposal IS NOT NULL AND channel_id > 0 LIMIT $1) b) \
            AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT id FROM listing WHERE ignored AND channel_id > 0 LIMIT $1) c) AS BIGINT), \
        CAST((SELECT COUNT(*) FROM (SELECT id FROM listing WHERE error IS NOT NULL AND channel_id > 0 LIMIT $1) d) \
            AS BIGINT)";
}

/// Counting stops here; a person has enough to do.
pub const COUNTED_MAX: i64 = 1_000;
/// Listings and items that a search shows.
const FOUND: i64 = 50;

/// A tab of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingTab {
    /// Without an item, and not ignored.
    Unmatched,
    /// Without an item, with a proposal.
    Proposed,
    /// With an item.
    Mapped,
    /// Said to have no stock behind them.
    Ignored,
    /// The last push failed.
    Failed,
}

impl ListingTab {
    const fn text(self) -> &'static str {
        match self {
            Self::Unmatched => LISTED_UNMATCHED,
            Self::Proposed => LISTED_PROPOSED,
            Self::Mapped => LISTED_MAPPED,
            Self::Ignored => LISTED_IGNORED,
            Self::Failed => LISTED_FAILED,
        }
    }
}

/// How many there are in the tabs that ask for something; at most [`COUNTED_MAX`] each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListingCounts {
    /// Without an item.
    pub unmatched: i64,
    /// Of those, with a proposal.
    pub proposed: i64,
    /// Ignored.
    pub ignored: i64,
    /// Failed.
    pub failed: i64,
}

/// A page of listings, by channel and key.
#[derive(Clone, Debug, Default)]
pub struct ListingPage {
    /// The listings.
    pub views: Vec<ListingView>,
    /// Go on after this one; `None` at the end.
    pub next: Option<(ChannelId, i64)>,
}

impl Store {
    /// A page of a tab: the listings after `after`, of one channel or of all.
    ///
    /// Errors: [`super::StoreError::Sql`], [`super::StoreError::Json`].
    pub async fn listing_page(
        &self,
        tab: ListingTab,
        channel: Option<ChannelId>,
        after: (ChannelId, i64),
        limit: i64,
    ) -> Result<ListingPage> {
        let mut channels = self.channels().await?;
        channels.sort_by_key(|c| c.id);
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows: Vec<ListingRow> = Vec::new();
        for one in channels.iter().filter(|c| c.id >= after.0 && channel.is_none_or(|id| id == c.id)) {
            let from = if one.id == after.0 { after.1 } else { 0 };
            let left = limit + 1 - i64::try_from(rows.len()).unwrap_or(limit);
            rows.extend(self.db.all::<ListingRow>(tab.text(), args![one.id, from, left]).await?);
            if rows.len() > most {
                break;
            }
        }
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(|r| (r.channel_id, r.id));
        Ok(ListingPage { views: self.views(rows, &channels).await?, next })
    }

    /// How many listings ask for something.
    ///
    /// Errors: [`super::StoreError::Sql`].
    pub async fn listing_counts(&self) -> Result<ListingCounts> {
        let row: Option<(i64, i64, i64, i64)> = self.db.first(LISTED_COUNTS, args![COUNTED_MAX]).await?;
        let (unmatched, proposed, ignored, failed) = row.unwrap_or_default();
        Ok(ListingCounts { unmatched, proposed, ignored, failed })
    }

    /// Listings with this key at their channel, and those of items that a search finds; of one channel or of all.
    ///
    /// Errors: [`super::StoreError::Sql`], [`super::StoreError::Json`].
    pub async fn find_listings(&self, query: &str, channel: Option<ChannelId>) -> Result<Vec<ListingView>> {
        let channels = self.channels().await?;
        let mut rows: Vec<ListingRow> = Vec::new();
        for one in &channels {
            rows.extend(self.listings_by_remote(one.id, &[query.trim()]).await?);
        }
        let found = self.shelf(ShelfFilter::All, &naming::words(query), "", FOUND).await?;
        let items = keys(found.items.iter().map(|i| i.id))?;
        rows.extend(self.db.all::<ListingRow>(sql::LISTINGS_OF_ITEMS, args![&items]).await?);
        rows.retain(|r| channel.is_none_or(|id| id == r.channel_id));
        let mut seen = BTreeSet::new();
        rows.retain(|r| seen.insert(r.id));
        rows.truncate(usize::try_from(FOUND).unwrap_or(usize::MAX));
        self.views(rows, &channels).await
    }

    /// A page of listings whose proposal was found by one of these rules: those among the next `limit` proposals. The page
    /// may be empty and yet another one follow.
    ///
    /// Errors: [`super::StoreError::Sql`], [`super::StoreError::Json`].
    pub async fn proposals(
        &self,
        rules: &[Rule],
        channel: Option<ChannelId>,
        after: (ChannelId, i64),
        limit: i64,
    ) -> Result<ListingPage> {
        let mut page = self.listing_page(ListingTab::Proposed, channel, after, limit).await?;
        page.views.retain(|view| view.proposal.as_ref().is_some_and(|found| rules.contains(&found.rule)));
        Ok(page)
    }
}
