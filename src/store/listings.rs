//! Listings: which item each one offers, and what waits until somebody says so.

use std::collections::{BTreeMap, BTreeSet};

use banto_channel::{Timestamp, both};

use super::db::args;
use super::tables::{ChannelRow, ItemRow, LineRow, ListingRow};
use super::{Result, Store, StoreError, Write, keys, sql};
use crate::domain::counted::counted;
use crate::domain::mapping::{Proposal, Rule};
use crate::domain::{ChannelId, ItemId, OrderId};

/// A listing with what it is mapped to, or may be.
#[derive(Clone, Debug)]
pub struct ListingView {
    /// The listing.
    pub row: ListingRow,
    /// Its channel's name.
    pub channel: String,
    /// The code of its item.
    pub code: Option<String>,
    /// What it could be mapped to.
    pub proposal: Option<Proposal>,
}

/// Order lines of one offer that wait for an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The channel's name.
    pub channel: String,
    /// The channel's key of the offer, if the lines have one.
    pub listing: Option<String>,
    /// The code on the lines.
    pub code: Option<String>,
    /// What buyers saw.
    pub title: String,
    /// Units that still have to leave.
    pub units: i64,
    /// The orders, as people call them.
    pub orders: Vec<String>,
}

/// What a mapping did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Listings that have an item now: channel, key there, the item's code.
    pub listings: Vec<(String, String, String)>,
    /// Order lines that waited for them and have it, too.
    pub matched: usize,
}

/// Waiting lines looked at; more than this many is a catalogue that nobody has imported yet.
const LINES_LOOKED_AT: i64 = 50_000;
/// Listings read at once.
const PAGE: i64 = 1000;

impl Store {
    /// Listings of a channel, or of all.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings(&self, channel: Option<ChannelId>) -> Result<Vec<ListingView>> {
        let mut rows: Vec<ListingRow> = Vec::new();
        let channels = self.channels().await?;
        for one in channels.iter().filter(|c| channel.is_none_or(|id| id == c.id)) {
            let mut after = 0;
            loop {
                let page: Vec<ListingRow> =
                    self.db.all(sql::LISTINGS_OF_CHANNEL, args![one.id, after, PAGE]).await?;
                let Some(last) = page.last() else { break };
                after = last.id;
                rows.extend(page);
            }
        }
        self.views(rows, &channels).await
    }

    /// Listings that have no item and are not ignored, by channel.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn listings_unmapped(&self) -> Result<Vec<ListingView>> {
        let rows: Vec<ListingRow> = self.db.all(sql::LISTINGS_UNMAPPED, args![i64::MAX]).await?;
        self.views(rows, &self.channels().await?).await
    }

    pub(super) async fn views(
        &self,
        rows: Vec<ListingRow>,
        channels: &[ChannelRow],
    ) -> Result<Vec<ListingView>> {
        let items = self.items_of(&rows.iter().filter_map(|r| r.item_id).collect()).await?;
        let names: BTreeMap<ChannelId, &str> = channels.iter().map(|c| (c.id, c.name.as_str())).collect();
        let view = |row: ListingRow| {
            let proposal =
                row.proposal.as_deref().map(serde_json::from_str).transpose().map_err(StoreError::Json)?;
            Ok(ListingView {
                channel: names.get(&row.channel_id).copied().unwrap_or_default().to_owned(),
                code: row.item_id.and_then(|id| items.get(&id)).map(|i| i.code.clone()),
                proposal,
                row,
            })
        };
        rows.into_iter().map(view).collect()
    }

    /// Order lines that wait for an item, by offer, the longest waiting first.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn lines_waiting(&self) -> Result<Vec<Waiting>> {
        self.first_lines_waiting(LINES_LOOKED_AT).await
    }

    /// The same for the oldest lines only, however many wait.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn first_lines_waiting(&self, most: i64) -> Result<Vec<Waiting>> {
        let lines: Vec<LineRow> = self.db.all(sql::LINES_UNMATCHED, args![most]).await?;
        let names = self.order_names(&lines.iter().map(|l| l.order_id).collect()).await?;
        let mut places: BTreeMap<(String, Option<String>, Option<String>), usize> = BTreeMap::new();
        let mut waiting: Vec<Waiting> = Vec::new();
        for line in lines {
            let Some((channel, number)) = names.get(&line.order_id) else { continue };
            // One offer is one place: lines without a key there are told apart by their code.
            let code = line.listing.is_none().then(|| line.code.clone()).flatten();
            let at = *places.entry((channel.clone(), line.listing.clone(), code)).or_insert_with(|| {
                waiting.push(Waiting { channel: channel.clone(), ..Waiting::default() });
                waiting.len() - 1
            });
            let place = &mut waiting[at];
            let order = format!("{channel}/{number}");
            if place.orders.last() != Some(&order) {
                place.orders.push(order);
            }
            place.units += line.quantity - line.cancelled - line.shipped;
            (place.listing, place.code, place.title) = (line.listing, line.code, line.title);
        }
        Ok(waiting)
    }

    /// Channel and number of orders.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn order_names(&self, ids: &BTreeSet<OrderId>) -> Result<BTreeMap<OrderId, (String, String)>> {
        let rows: Vec<(OrderId, String, String)> = self.db.all(sql::ORDER_NAMES, args![&keys(ids)?]).await?;
        Ok(rows.into_iter().map(|(id, channel, number)| (id, (channel, number))).collect())
    }

    /// Maps a listing to units of an item, and gives the item to order lines that waited for it.
    ///
    /// Errors: [`StoreError::NotFound`] for an unknown channel, listing or code; [`StoreError::Refused`] when a unit
    /// is not at least one.
    pub async fn map_listing(
        &self,
        (channel, remote_id): (&str, &str),
        (code, per): (&str, i64),
        actor: &str,
        now: Timestamp,
    ) -> Result<Mapped> {
        if !(1..=1_000_000).contains(&per) {
            return Err(StoreError::Refused(both!(
                "one listing cannot be {per} of an item",
                "出品1点に商品{per}点を割り当てることはできません"
            )));
        }
        let mut write = self.write().await?;
        let (channel, listing) = write.listing(channel, remote_id).await?;
        let item: Option<ItemRow> = write.tx.first(sql::ITEM_BY_CODE, args![code]).await?;
        let item = item.ok_or_else(|| super::items::no_item(code))?;
        let matched = write.take_mapped(&[listing.mapped(item.id, per)], actor, now).await?;
        let lines = counted(matched, "waiting line", "waiting lines");
        let detail = format!("{per} × {code}, {lines}");
        write.audit(actor, "listing_map", &format!("{}/{remote_id}", channel.name), &detail, now).await?;
        write.commit().await?;
        Ok(Mapped { listings: vec![(channel.name, remote_id.to_owned(), code.to_owned())], matched })
    }

    /// Maps every unmapped listing whose proposal was found by one of these rules.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub async fn accept_proposals(
        &self,
        rules: &[Rule],
        channel: Option<ChannelId>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Mapped> {
        let names = self.channel_names().await?;
        let mut write = self.write().await?;
        let mut rows: Vec<ListingRow> = write.tx.all(sql::LISTINGS_UNMAPPED, args![i64::MAX]).await?;
        rows.retain(|row| channel.is_none_or(|id| id == row.channel_id));
        let done = write.accept(rows, &names, |_, found| rules.contains(&found.rule), (actor, now)).await?;
        write.commit().await?;
        Ok(done)
    }

    /// Maps these listings to the items that were proposed for them when somebody looked: key of the listing, and the
    /// item's. One that has been mapped since, or for which another item is proposed now, is left as it is.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub async fn accept_shown(
        &self,
        shown: &BTreeMap<i64, ItemId>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Mapped> {
        let names = self.channel_names().await?;
        let mut write = self.write().await?;
        let mut rows: Vec<ListingRow> =
            write.tx.all(sql::LISTINGS_BY_IDS, args![&keys(shown.keys())?]).await?;
        rows.retain(|row| row.item_id.is_none() && !row.ignored);
        let same = |id: i64, found: &Proposal| shown.get(&id) == Some(&found.item);
        let done = write.accept(rows, &names, same, (actor, now)).await?;
        write.commit().await?;
        Ok(done)
    }

    async fn channel_names(&self) -> Result<BTreeMap<ChannelId, String>> {
        Ok(self.channels().await?.into_iter().map(|c| (c.id, c.name)).collect())
    }

    /// Says that no stock stands behind a listing (a service, a gift wrap): nothing is pushed to it, and its order
    /// lines wait for nothing.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn ignore_listing(
        &self,
        channel: &str,
        remote_id: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.unlink(channel, remote_id, true, actor, now).await
    }

    /// Takes a listing's mapping away; it waits for another. Orders that are there keep their item.
    ///
    /// Errors: [`StoreError::NotFound`].
    pub async fn unmap_listing(
        &self,
        channel: &str,
        remote_id: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.unlink(channel, remote_id, false, actor, now).await
    }

    /// Forgets what the listings of an order show, so that it is said again. What was read or sent before `now` and comes
    /// to an end later says nothing about it either.
    ///
    /// Errors: [`StoreError::Sql`].
    pub async fn doubt_listings(&self, order: OrderId, now: Timestamp) -> Result<()> {
        let mut write = self.write().await?;
        write.doubt_listings(order, now).await?;
        write.commit().await
    }

    async fn unlink(
        &self,
        channel: &str,
        remote_id: &str,
        ignore: bool,
        actor: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut write = self.write().await?;
        let (channel, listing) = write.listing(channel, remote_id).await?;
        write.tx.run(sql::LISTING_MAP, args![listing.id, None::<i64>, 1, ignore]).await?;
        // Whoever pushes may have it in the line.
        write.tx.run(sql::CHANNEL_MAPPED, args![channel.id]).await?;
        // Lines without an item have `per` 0 where nobody waits for one.
        write.tx.run(sql::LINES_SET_PER, args![channel.id, remote_id, i64::from(!ignore)]).await?;
        let action = if ignore { "listing_ignore" } else { "listing_unmap" };
        let before = listing
            .item_id
            .map_or_else(|| "no item".to_owned(), |id| format!("was {} × item #{id}", listing.per));
        write.audit(actor, action, &format!("{}/{remote_id}", channel.name), &before, now).await?;
        write.commit().await
    }
}

impl Write {
    /// See [`Store::doubt_listings`]; has whoever pushes look at all of the channel's listings.
    pub(super) async fn doubt_listings(&mut self, order: OrderId, now: Timestamp) -> Result<()> {
        self.tx.run(sql::LISTINGS_DOUBT, args![now.0, order]).await?;
        self.tx.run(sql::CHANNEL_OF_ORDER_MAPPED, args![order]).await.map(drop)
    }

    async fn listing(&mut self, channel: &str, remote_id: &str) -> Result<(ChannelRow, ListingRow)> {
        let row: Option<ChannelRow> = self.tx.first(sql::CHANNEL_BY_NAME, args![channel]).await?;
        let row = row.ok_or_else(|| {
            StoreError::NotFound(both!(
                "no channel is called {channel:?}",
                "「{channel}」というチャネルはありません"
            ))
        })?;
        let listing = self.tx.first(sql::LISTINGS_BY_REMOTE, args![row.id, &keys([remote_id])?]).await?;
        let listing = listing.ok_or_else(|| {
            StoreError::NotFound(both!(
                "{channel} has no listing {remote_id:?}; `banto listings list --channel {channel}` shows them",
                "{channel}に出品「{remote_id}」はありません"
            ))
        })?;
        Ok((row, listing))
    }

    /// Maps those of these listings whose proposal is wanted, and serves the order lines that waited for them.
    async fn accept(
        &mut self,
        rows: Vec<ListingRow>,
        names: &BTreeMap<ChannelId, String>,
        wanted: impl Fn(i64, &Proposal) -> bool,
        (actor, now): (&str, Timestamp),
    ) -> Result<Mapped> {
        let (mut done, mut mapped) = (Mapped::default(), Vec::new());
        for row in rows {
            let Some(json) = &row.proposal else { continue };
            let proposal: Proposal = serde_json::from_str(json).map_err(StoreError::Json)?;
            if !wanted(row.id, &proposal) {
                continue;
            }
            let name = names.get(&row.channel_id).cloned().unwrap_or_default();
            let subject = format!("{name}/{}", row.remote_id);
            let detail = format!("1 × {} (proposed)", proposal.code);
            self.audit(actor, "listing_map", &subject, &detail, now).await?;
            done.listings.push((name, row.remote_id.clone(), proposal.code));
            mapped.push(row.mapped(proposal.item, 1));
        }
        done.matched = self.take_mapped(&mapped, actor, now).await?;
        Ok(done)
    }
}
