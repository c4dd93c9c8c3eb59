//! What the channel offers, and the numbers it answers with.
//!
//! They are of the kind that `push_stock` takes, since the daemon compares them with what it would push: where the
//! basis is physical, an open order does not lower them.

use std::collections::BTreeMap;

use banto_channel::{ListingId, RemoteOffer};

use crate::{Finding, Fixture, ensure};

/// Each offer with a number of its own, one of them zero, two of them in an open order; answers with what is to be
/// told of them.
fn numbered(fx: &Fixture) -> Result<BTreeMap<ListingId, i64>, String> {
    let listings = fx.stocked()?;
    for (number, listing) in (30..).zip(&listings) {
        fx.market.set_shown(listing, number);
    }
    fx.market.set_shown(&listings[2], 0);
    fx.shopper_of(listings.clone()).buy_units(&[3, 2], true)?;
    fx.settle();
    let number = |listing: ListingId| {
        let shown = fx.market.shown(&listing).ok_or_else(|| format!("the market forgot {listing}"))?;
        let number = shown + fx.held_back(&listing);
        Ok((listing, number))
    };
    listings.into_iter().map(number).collect()
}

pub(crate) async fn every_offer_is_listed_once_with_its_number(fx: Fixture) -> Finding {
    let numbers = numbered(&fx)?;
    let mut listed: BTreeMap<ListingId, RemoteOffer> = BTreeMap::new();
    let mut cursor = None;
    let most = 20 + fx.market.offers().len();
    for pages in 1.. {
        let page = fx.connector.list_offers(&fx.cx, cursor.as_ref()).await;
        let page = page.map_err(|e| format!("list_offers failed without a fault: {e}"))?;
        for offer in page.items {
            let id = offer.id.clone();
            ensure!(listed.insert(id.clone(), offer).is_none(), "offer {id} is listed twice");
        }
        if !page.more {
            break;
        }
        ensure!(pages < most, "after {most} pages it still says that there are more");
        cursor = Some(page.next);
    }
    for truth in fx.market.offers() {
        let id = &truth.id;
        let offer = listed.remove(id).ok_or_else(|| format!("offer {id} is not listed"))?;
        if let Some(number) = numbers.get(id) {
            ensure!(
                offer.quantity == Some(*number),
                "offer {id} has {number}, and is listed with {:?}",
                offer.quantity
            );
        }
        ensure!(
            offer.code == truth.code,
            "offer {id}: the code is {:?} and not {:?}",
            offer.code,
            truth.code
        );
    }
    ensure!(listed.is_empty(), "offers that are not there: {:?}", listed.keys());
    Ok(())
}

pub(crate) async fn stock_reads_back_as_it_stands(fx: Fixture) -> Finding {
    let numbers = numbered(&fx)?;
    let mut asked: Vec<ListingId> = numbers.keys().cloned().collect();
    asked.insert(1, fx.unknown_listing.clone());
    let read = fx.connector.read_stock(&fx.cx, &asked).await;
    let read: BTreeMap<_, _> =
        read.map_err(|e| format!("read_stock failed without a fault: {e}"))?.into_iter().collect();
    ensure!(read == numbers, "the numbers are {numbers:?}, read back was {read:?}");
    Ok(())
}
