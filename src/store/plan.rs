//! What the planner reads, and what became of its pushes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::{Outcome, RemoteOffer, StockBasis, Timestamp, both};

use super::db::args;
use super::tables::{self, ChannelRow, ComponentRow, LevelRow, ListingRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::plan::{Candidate, Push, StockRule, Supply, wanted};
use crate::domain::{ChannelId, ItemId, LocationId};

/// Where and how a channel sells, as its config says.
pub struct PlanRules<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// Where it sells from.
    pub locations: &'a [LocationId],
    /// What kind of number it takes.
    pub basis: StockBasis,
}

/// Which listings to look at.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Those that draw on these items, directly or as part of a set.
    Items(&'a BTreeSet<ItemId>),
    /// A page of all of them: keys after the first number, at most the second.
    Page(i64, i64),
    /// Those with these keys; another channel's are left out.
    Listings(&'a [i64]),
}

/// A listing with what it draws on.
#[derive(Clone, Debug)]
pub struct Stocked {
    /// The listing.
    pub row: ListingRow,
    /// What it draws on; empty when it is not mapped.
    pub supplies: Vec<Supply>,
    /// Newest movement of anything it draws on.
    pub version: i64,
}

/// What became of one push.
#[derive(Clone, Debug)]
pub struct PushOutcome {
    /// The push.
    pub push: Push,
    /// What the channel said.
    pub outcome: Outcome,
}

/// What a channel shows through a listing as far as we know: its own word if that is newer than our last push.
#[must_use]
pub const fn shown(row: &ListingRow) -> Option<i64> {
    match (row.shown, row.shown_at, row.answered, row.answered_at) {
        (Some(_), Some(pushed), Some(answered), Some(read)) if read > pushed => Some(answered),
        (None, _, answered, _) => answered,
        (shown, ..) => shown,
    }
}

impl Stocked {
    /// What the channel shows as far as we know.
    #[must_use]
    pub const fn shown(&self) -> Option<i64> {
        shown(&self.row)
    }

    /// The planner's view of it.
    #[must_use]
    pub fn candidate(&self, rule: &StockRule, basis: StockBasis, unsure: bool) -> Candidate {
        let idle = self.row.ignored || self.supplies.is_empty() || self.row.receipt.is_some();
        Candidate {
            listing: self.row.id,
            remote_id: self.row.remote_id.clone(),
            shown: self.shown(),
            shown_version: self.row.shown_version,
            version: self.version,
            wanted: if idle { None } else { wanted(&self.supplies, rule, basis).quantity },
            unsure,
            failed: self.row.error.is_some(),
            retry_at: self.row.retry_at.map(Timestamp),
        }
    }
}

impl Store {
    /// Listings of a channel with what they draw on.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn stocked(&self, rules: &PlanRules<'_>, scope: Scope<'_>) -> Result<Vec<Stocked>> {
        let rows: Vec<ListingRow> = match scope {
            Scope::Page(after, limit) => {
                self.db.all(sql::LISTINGS_OF_CHANNEL, args![rules.channel, after, limit]).await?
            }
            Scope::Listings(ids) => {
                let mut rows: Vec<ListingRow> = self.db.all(sql::LISTINGS_BY_IDS, args![&keys(ids)?]).await?;
                rows.retain(|row| row.channel_id == rules.channel);
                rows
            }
            Scope::Items(items) => {
                let sets: Vec<ComponentRow> = self.db.all(sql::SETS_WITH, args![&keys(items)?]).await?;
                let all: BTreeSet<ItemId> =
                    items.iter().copied().chain(sets.iter().map(|c| c.set_id)).collect();
                self.db.all(sql::LISTINGS_OF_CHANNEL_ITEMS, args![rules.channel, &keys(all)?]).await?
            }
        };
        self.with_supplies(rules, rows).await
    }

    /// What these listings of a channel draw on.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn with_supplies(&self, rules: &PlanRules<'_>, rows: Vec<ListingRow>) -> Result<Vec<Stocked>> {
        let items: BTreeSet<ItemId> = rows.iter().filter_map(|r| r.item_id).collect();
        if items.is_empty() {
            return Ok(rows
                .into_iter()
                .map(|row| Stocked { row, supplies: Vec::new(), version: 0 })
                .collect());
        }
        let mut components: HashMap<ItemId, Vec<(ItemId, i64)>> = HashMap::new();
        for row in self.db.all::<ComponentRow>(sql::COMPONENTS_OF, args![&keys(&items)?]).await? {
            components.entry(row.set_id).or_default().push((row.item_id, row.quantity));
        }
        let mut parts = items;
        parts.extend(components.values().flatten().map(|(item, _)| *item));
        let parts = keys(parts)?;
        let mut levels: HashMap<ItemId, (i64, i64)> = HashMap::new();
        for level in self.db.all::<LevelRow>(sql::LEVELS_OF, args![&parts]).await? {
            let sum = levels.entry(level.item_id).or_default();
            if rules.locations.contains(&level.location_id) {
                sum.0 += level.available;
            }
            sum.1 = sum.1.max(level.last_entry);
        }
        let open = self.open_by_listing(rules, &rows).await?;
        let stocked = |row: ListingRow| {
            let own = row.item_id.map(|item| (item, 1));
            let parts = row.item_id.and_then(|item| components.get(&item).cloned());
            let sold = open.get(&row.remote_id).copied().unwrap_or(0);
            let supplies: Vec<Supply> = parts
                .unwrap_or_else(|| own.into_iter().collect())
                .into_iter()
                .map(|(item, units)| Supply {
                    item,
                    units: units * row.per,
                    available: levels.get(&item).map_or(0, |l| l.0),
                    held_by_channel: sold * units * row.per,
                })
                .collect();
            let version = supplies.iter().filter_map(|s| levels.get(&s.item)).map(|l| l.1).max().unwrap_or(0);
            Stocked { row, supplies, version }
        };
        Ok(rows.into_iter().map(stocked).collect())
    }

    /// Units of each listing in the channel's open orders, where the channel subtracts them by itself. It knows nothing
    /// of items: an order of a set lowers the set's listing and not those of its components.
    async fn open_by_listing(
        &self,
        rules: &PlanRules<'_>,
        rows: &[ListingRow],
    ) -> Result<HashMap<String, i64>> {
        if rules.basis != StockBasis::Physical {
            return Ok(HashMap::new());
        }
        let listings = keys(rows.iter().map(|r| r.remote_id.as_str()))?;
        let rows: Vec<(String, i64)> =
            self.db.all(sql::OPEN_BY_LISTING, args![rules.channel, &listings]).await?;
        Ok(rows.into_iter().collect())
    }

    /// How many of a channel's listings show more than zero, by our last push or, before the first, by the channel's own
    /// word; the guard's measure.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings_on_sale(&self, channel: ChannelId) -> Result<i64> {
        Ok(self.db.first::<(i64,)>(sql::LISTINGS_ON_SALE, args![channel]).await?.map_or(0, |r| r.0))
    }

    /// Units that are ordered and not there.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn shortfall_units(&self) -> Result<i64> {
        Ok(self.db.first::<(i64,)>(sql::SHORTFALL_UNITS, args![]).await?.map_or(0, |r| r.0))
    }

    /// Listings by the channel's keys.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings_by_remote(&self, channel: ChannelId, remote: &[&str]) -> Result<Vec<ListingRow>> {
        self.db.all(sql::LISTINGS_BY_REMOTE, args![channel, &keys(remote)?]).await
    }

    /// Listings whose push was taken with a receipt and not yet decided.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings_pending(&self, channel: ChannelId, limit: i64) -> Result<Vec<ListingRow>> {
        self.db.all(sql::LISTINGS_WITH_RECEIPT, args![channel, limit]).await
    }

    /// Commits what became of a batch of pushes. A refusal or failure is tried again later with growing delays; a
    /// number older than the one the channel took meanwhile changes nothing.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn settle_pushes(
        &self,
        outcomes: &[PushOutcome],
        settled: &[(i64, i64)],
        sent_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        if outcomes.is_empty() && settled.is_empty() {
            return Ok(());
        }
        let mut write = self.write().await?;
        for PushOutcome { push, outcome } in outcomes {
            let (id, quantity, version) = (push.listing, push.quantity, push.version);
            match outcome {
                Outcome::Applied => {
                    let args = args![id, quantity, version, sent_at.0, now.0];
                    write.tx.run(sql::LISTING_APPLIED, args).await?;
                }
                Outcome::Pending(receipt) => {
                    let args = args![id, quantity, version, sent_at.0, receipt.as_str()];
                    write.tx.run(sql::LISTING_PENDING, args).await?;
                }
                Outcome::Refused { reason } => write.push_failed(push, &reason.packed(), None, now).await?,
                Outcome::Retry { after, reason } => {
                    write.push_failed(push, &reason.packed(), Some(now.plus(*after)), now).await?;
                }
            }
        }
        if !settled.is_empty() {
            let json = serde_json::to_string(settled).map_err(StoreError::Json)?;
            write.tx.run(sql::LISTINGS_SETTLED, args![&json]).await?;
        }
        write.commit().await
    }

    /// Puts listings that the channel offers into the store and maps those whose code is an item's code to the letter.
    /// Returns the listings as they are now. The others wait for [`Store::propose_mappings`]. The numbers are as old as the
    /// question: `asked` is the moment before it was put.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub async fn take_offers(
        &self,
        channel: ChannelId,
        offers: &[RemoteOffer],
        asked: Timestamp,
    ) -> Result<Vec<ListingRow>> {
        let mut write = self.write().await?;
        let ids = keys(offers.iter().map(|o| o.id.as_str()))?;
        let known: Vec<ListingRow> = write.tx.all(sql::LISTINGS_BY_REMOTE, args![channel, &ids]).await?;
        let mut known: BTreeMap<String, ListingRow> =
            known.into_iter().map(|r| (r.remote_id.clone(), r)).collect();
        let codes = keys(offers.iter().filter_map(|o| o.code.as_deref()))?;
        let items: Vec<(String, ItemId)> = write.tx.all(sql::ITEM_IDS_BY_CODES, args![&codes]).await?;
        let items: HashMap<String, ItemId> = items.into_iter().collect();
        let mut rows = Vec::with_capacity(offers.len());
        let mut mapped: Vec<ListingRow> = Vec::new();
        for offer in offers {
            let row = match known.remove(offer.id.as_str()) {
                Some(row) => row,
                None => blank_listing(write.id(), channel, offer),
            };
            let had_item = row.item_id.is_some();
            let row = refreshed(row, offer, &items, asked);
            mapped.extend((!had_item && row.item_id.is_some()).then(|| row.clone()));
            rows.push(row);
        }
        tables::upsert(&mut write.tx, &rows).await?;
        // Orders may have come before the offer's code was known.
        write.rematch_listings(&mapped, "daemon", asked).await?;
        write.commit().await?;
        Ok(rows)
    }

    /// The channel of a key.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn channel_of(&self, id: ChannelId) -> Result<ChannelRow> {
        let all = self.channels().await?;
        all.into_iter().find(|c| c.id == id).ok_or_else(|| {
            StoreError::NotFound(both!("no channel has the key {id}", "チャネル #{id} はありません"))
        })
    }
}

/// First delay after a failed push; doubles with each failure.
const RETRY_FIRST_SECS: i64 = 10;
/// Longest delay between two tries of one listing.
const RETRY_MAX_SECS: i64 = 3600;

impl Write {
    async fn push_failed(
        &mut self,
        push: &Push,
        reason: &str,
        at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        let ids = keys([push.listing])?;
        let rows: Vec<ListingRow> = self.tx.all(sql::LISTINGS_BY_IDS, args![&ids]).await?;
        let tries = rows.first().map_or(0, |r| r.tries).clamp(0, 20);
        let delay = RETRY_FIRST_SECS.saturating_mul(1 << tries).min(RETRY_MAX_SECS);
        let own = Timestamp(now.0 + delay * 1_000_000);
        let retry_at = at.map_or(own, |at| at.max(now));
        let args = args![push.listing, push.quantity, push.version, now.0, reason, retry_at.0];
        self.tx.run(sql::LISTING_FAILED, args).await.map(drop)
    }
}

fn blank_listing(id: i64, channel: ChannelId, offer: &RemoteOffer) -> ListingRow {
    ListingRow {
        id,
        channel_id: channel,
        remote_id: offer.id.0.clone(),
        code: None,
        gtin: None,
        title: String::new(),
        active: true,
        item_id: None,
        per: 1,
        ignored: false,
        proposal: None,
        answered: None,
        answered_at: None,
        sent: None,
        sent_version: 0,
        sent_at: None,
        shown: None,
        shown_version: 0,
        shown_at: None,
        receipt: None,
        error: None,
        error_at: None,
        retry_at: None,
        tries: 0,
    }
}

fn refreshed(
    row: ListingRow,
    offer: &RemoteOffer,
    items: &HashMap<String, ItemId>,
    asked: Timestamp,
) -> ListingRow {
    // A doubt that came up while the answer was on its way is younger than the answer.
    let (answered, answered_at) = match row.answered_at {
        Some(at) if at > asked.0 => (row.answered, row.answered_at),
        _ => (offer.quantity, Some(asked.0)),
    };
    let mut row = ListingRow {
        code: offer.code.clone(),
        gtin: offer.gtin.clone(),
        title: offer.title.clone(),
        active: offer.active,
        answered,
        answered_at,
        ..row
    };
    if row.item_id.is_none() && !row.ignored {
        row.item_id = offer.code.as_ref().and_then(|code| items.get(code)).copied();
        row.proposal = row.proposal.filter(|_| row.item_id.is_none());
    }
    row
}
