//! Order lines that waited for an item: found by their listing or code, given the item, and their goods reserved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use banto_channel::Timestamp;

use super::db::args;
use super::tables::{LineRow, ListingRow, OrderRow};
use super::{Result, StoreError, Write, keys, sql};
use crate::domain::intake::Catalogue;
use crate::domain::rematch::{Match, Matching, rematch};
use crate::domain::{ChannelId, ItemId, LocationId, OrderId};

impl Write {
    /// Gives waiting lines of open orders the item that their listing is mapped to, and reserves its goods now.
    /// Returns how many lines.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub(super) async fn rematch_listings(
        &mut self,
        listings: &[ListingRow],
        actor: &str,
        now: Timestamp,
    ) -> Result<usize> {
        if listings.is_empty() {
            return Ok(0);
        }
        let mut matches: BTreeMap<OrderId, Vec<Match>> = BTreeMap::new();
        let codes = self.codes_of(listings.iter().filter_map(|l| l.item_id)).await?;
        let channels: BTreeSet<ChannelId> = listings.iter().map(|l| l.channel_id).collect();
        for channel in channels {
            let mapped: BTreeMap<&str, (ItemId, i64)> = listings
                .iter()
                .filter(|l| l.channel_id == channel)
                .filter_map(|l| Some((l.remote_id.as_str(), (l.item_id?, l.per))))
                .collect();
            let remote = keys(mapped.keys())?;
            let args = args![channel, &remote];
            let lines: Vec<LineRow> = self.tx.all(sql::LINES_UNMATCHED_OF_LISTINGS, args).await?;
            for line in lines {
                let Some((item, per)) = line.listing.as_deref().and_then(|l| mapped.get(l)) else { continue };
                let code = codes.get(item).cloned().unwrap_or_default();
                let found = Match { line: line.line_no, item: *item, code, per: *per };
                matches.entry(line.order_id).or_default().push(found);
            }
        }
        self.rematch(matches, actor, now).await
    }

    /// Gives waiting lines of open orders the item that has their code, as intake would have done.
    ///
    /// Errors: [`StoreError::Sql`], [`StoreError::Stock`].
    pub(super) async fn rematch_codes(
        &mut self,
        codes: &BTreeSet<&str>,
        actor: &str,
        now: Timestamp,
    ) -> Result<usize> {
        if codes.is_empty() {
            return Ok(0);
        }
        let codes = keys(codes)?;
        let lines: Vec<LineRow> = self.tx.all(sql::LINES_UNMATCHED_OF_CODES, args![&codes]).await?;
        if lines.is_empty() {
            return Ok(0);
        }
        let items: Vec<super::ItemRow> = self.tx.all(sql::ITEMS_BY_CODES, args![&codes]).await?;
        let items: HashMap<String, ItemId> = items.into_iter().map(|i| (i.code, i.id)).collect();
        let mut matches: BTreeMap<OrderId, Vec<Match>> = BTreeMap::new();
        for line in lines {
            let Some((code, item)) =
                line.code.and_then(|code| Some((items.get(&code).copied()?, code))).map(|(i, c)| (c, i))
            else {
                continue;
            };
            matches.entry(line.order_id).or_default().push(Match { line: line.line_no, item, code, per: 1 });
        }
        self.rematch(matches, actor, now).await
    }

    /// Oldest order first, so that who ordered first gets what is there.
    async fn rematch(
        &mut self,
        matches: BTreeMap<OrderId, Vec<Match>>,
        actor: &str,
        now: Timestamp,
    ) -> Result<usize> {
        if matches.is_empty() {
            return Ok(0);
        }
        let ids: Vec<OrderId> = matches.keys().copied().collect();
        let rows: Vec<OrderRow> = self.tx.all(sql::ORDERS_BY_IDS, args![&keys(&ids)?]).await?;
        let places: Vec<(OrderId, String)> =
            self.tx.all(sql::CHANNEL_LOCATIONS_OF_ORDERS, args![&keys(&ids)?]).await?;
        let places: HashMap<OrderId, String> = places.into_iter().collect();
        let items: BTreeSet<ItemId> = matches.values().flatten().map(|m| m.item).collect();
        let mut catalogue = Catalogue::default();
        let mut book = self.load_book(&mut catalogue.components, &items, &ids).await?;
        let mut matched = 0;
        for mut order in self.whole_orders(rows).await? {
            let locations: Vec<LocationId> = match places.get(&order.id) {
                Some(json) => serde_json::from_str(json).map_err(StoreError::Json)?,
                None => continue,
            };
            let matching = Matching { locations: &locations, catalogue: &catalogue, actor, now };
            let wanted = matches.get(&order.id).map(Vec::as_slice).unwrap_or_default();
            let events = rematch(&matching, &mut book, &mut self.ids, &mut order, wanted)?;
            matched += events.len();
            self.write_order(&order, events, &[], now).await?;
        }
        self.write_book(book).await?;
        Ok(matched)
    }

    pub(super) async fn codes_of(
        &mut self,
        ids: impl IntoIterator<Item = ItemId>,
    ) -> Result<HashMap<ItemId, String>> {
        let ids: BTreeSet<ItemId> = ids.into_iter().collect();
        let rows: Vec<super::ItemRow> = self.tx.all(sql::ITEMS_BY_IDS, args![&keys(&ids)?]).await?;
        Ok(rows.into_iter().map(|r| (r.id, r.code)).collect())
    }
}
