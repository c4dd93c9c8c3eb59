//! What the channel offers, and what it shows.

use std::collections::BTreeMap;

use banto_channel::{ListingId, RemoteOffer};

use crate::{Finding, Fixture, ensure};

pub(crate) async fn every_offer_is_listed_once_with_its_number(fx: Fixture) -> Finding {
    for (number, listing) in (30..).zip(fx.stocked()?) {
        fx.market.set_shown(&listing, number);
    }
    fx.settle();
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
        ensure!(
            offer.quantity == fx.market.shown(id),
            "offer {id}: {:?} is not what is shown",
            offer.quantity
        );
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

pub(crate) async fn stock_reads_back_as_it_is_shown(fx: Fixture) -> Finding {
    let listings = fx.stocked()?;
    for (number, listing) in (0..).zip(&listings) {
        fx.market.set_shown(listing, number);
    }
    fx.settle();
    let mut asked = listings.clone();
    asked.insert(1, fx.unknown_listing.clone());
    let read = fx.connector.read_stock(&fx.cx, &asked).await;
    let read: BTreeMap<_, _> =
        read.map_err(|e| format!("read_stock failed without a fault: {e}"))?.into_iter().collect();
    let expected: BTreeMap<_, _> = listings.into_iter().zip(0..).collect();
    ensure!(read == expected, "shown is {expected:?}, read back was {read:?}");
    Ok(())
}
