//! `banto listings pull`: a channel's offers into the store, and what a person should look at.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::channel::open;
use super::{Exit, Failure, House, Listed, Outcome, counted, left};
use crate::channels::Channel;
use crate::channels::task::read_offers;

/// What reading a channel's offers found.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Read {
    channel: String,
    /// Offers there.
    pub(in crate::cli) offers: usize,
    new: Vec<Listed>,
    unmatched: Vec<Listed>,
}

impl Read {
    /// How many have no item.
    pub(in crate::cli) fn unmatched(&self) -> usize {
        self.unmatched.len()
    }
}

/// Reads every offer of a channel. Where one got its item, whoever pushes is told to look.
///
/// Errors: the channel's, the store's.
pub(in crate::cli) async fn read(house: &House, channel: &Channel) -> Result<Read, Failure> {
    let known = house.store.listings(Some(channel.id)).await?;
    let served: BTreeSet<i64> = known.iter().filter(|l| l.code.is_some()).map(|l| l.row.id).collect();
    let known: BTreeSet<i64> = known.into_iter().map(|l| l.row.id).collect();
    let offers = read_offers(channel, &house.store).await?.offers;
    let now = house.store.listings(Some(channel.id)).await?;
    if now.iter().any(|l| l.code.is_some() && !served.contains(&l.row.id)) {
        let mut write = house.store.write().await?;
        write.ask_push(channel.id).await?;
        write.commit().await?;
    }
    let mut read = Read { channel: channel.name.clone(), offers, new: Vec::new(), unmatched: Vec::new() };
    for view in now {
        if view.code.is_none() && !view.row.ignored {
            read.unmatched.push(Listed::from(view.clone()));
        }
        if !known.contains(&view.row.id) {
            read.new.push(Listed::from(view));
        }
    }
    Ok(read)
}

pub(super) async fn pull(house: &House, name: &str) -> Outcome {
    let channel = open(house, name).await?;
    if !channel.connector.capabilities().lists_offers {
        return Err(Failure::refused(format!(
            "{name} does not list its offers; each is known from the first order that names it"
        )));
    }
    let read = read(house, &channel).await?;
    house.out.answer(&read, |text| {
        let row = |l: &Listed| {
            let (code, gtin) = (l.code.clone().unwrap_or_default(), l.gtin.clone().unwrap_or_default());
            [l.listing.clone(), code, gtin, l.item_text(), l.proposal_text(), l.title.clone()]
        };
        let heads = ["LISTING", "CODE", "JAN", "ITEM", "PROPOSAL", "TITLE"].map(left);
        let mut section = |what: &str, listed: &[Listed]| {
            if !listed.is_empty() {
                text.line(format!("{what}:"));
                text.table(heads, &listed.iter().map(row).collect::<Vec<_>>());
                text.line("");
            }
        };
        section("new", &read.new);
        section("without an item", &read.unmatched);
        let (all, new) = (counted(read.offers, "offer", "offers"), read.new.len());
        let unmatched = read.unmatched.len();
        text.line(format!("{name}: {all} read, {new} of them new, {unmatched} without an item"));
        if unmatched > 0 {
            text.line("`banto listings map` says which item each is");
        }
    })?;
    Ok(Exit::Ok)
}
