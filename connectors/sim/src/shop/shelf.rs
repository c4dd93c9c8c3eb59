//! The stock of a simulated marketplace, and the feeds that change it later.

use std::collections::BTreeMap;

use banto_channel::{ListingId, RemoteOffer, StockBasis, Timestamp};

use crate::config::Decides;
use crate::faults::Faults;

/// What became of one quantity: done, or why not.
pub(crate) type Verdict = Result<(), String>;

#[derive(Debug)]
struct Place {
    /// `quantity` in it is the number that was set, less what was sold (sellable) or shipped (physical).
    offer: RemoteOffer,
    /// Ordered and neither shipped nor cancelled; counted by physical channels only.
    open: i64,
}

#[derive(Debug)]
struct Feed {
    items: Vec<(ListingId, i64)>,
    taken_at: Timestamp,
    polls: u32,
    verdicts: Option<Vec<(ListingId, Verdict)>>,
}

/// What is on offer, how much of it, and what was promised to be changed.
#[derive(Debug)]
pub(crate) struct Shelf {
    basis: StockBasis,
    decides: Decides,
    places: BTreeMap<ListingId, Place>,
    feeds: Vec<Feed>,
    /// Feeds before this one are decided.
    decided: usize,
}

impl Shelf {
    pub(crate) fn new(basis: StockBasis, decides: Decides, offers: Vec<RemoteOffer>) -> Self {
        let mut shelf = Self { basis, decides, places: BTreeMap::new(), feeds: Vec::new(), decided: 0 };
        for offer in offers {
            shelf.put(offer);
        }
        shelf
    }

    /// Adds an offer, or replaces it.
    pub(crate) fn put(&mut self, offer: RemoteOffer) {
        let open = self.places.get(&offer.id).map_or(0, |p| p.open);
        self.places.insert(offer.id.clone(), Place { offer, open });
    }

    pub(crate) fn offer(&self, listing: &ListingId) -> Option<&RemoteOffer> {
        self.places.get(listing).map(|p| &p.offer)
    }

    /// Every offer by id, with a number of the kind that is set: what buyers see, or what lies on the shelf.
    pub(crate) fn offers(&self) -> impl Iterator<Item = &RemoteOffer> {
        self.places.values().map(|place| &place.offer)
    }

    /// What buyers see. Below zero after an oversale.
    pub(crate) fn shown(&self, listing: &ListingId) -> Option<i64> {
        let place = self.places.get(listing)?;
        Some(place.offer.quantity? - place.open)
    }

    pub(crate) fn set(&mut self, listing: &ListingId, quantity: i64) -> Verdict {
        let Some(place) = self.places.get_mut(listing) else {
            return Err(format!("no offer {listing} here"));
        };
        if quantity < 0 {
            return Err(format!("{quantity} is below zero"));
        }
        place.offer.quantity = Some(quantity);
        Ok(())
    }

    fn change(&mut self, listing: &ListingId, on_shelf: i64, open: i64) {
        if let Some(place) = self.places.get_mut(listing) {
            place.offer.quantity = place.offer.quantity.map(|q| q + on_shelf);
            place.open += open;
        }
    }

    /// Units were ordered (or, with a negative number, cancelled).
    pub(crate) fn ordered(&mut self, listing: &ListingId, units: i64) {
        match self.basis {
            StockBasis::Sellable => self.change(listing, -units, 0),
            StockBasis::Physical => self.change(listing, 0, units),
        }
    }

    /// Units left the house.
    pub(crate) fn shipped(&mut self, listing: &ListingId, units: i64) {
        if self.basis == StockBasis::Physical {
            self.change(listing, -units, -units);
        }
    }

    /// Takes a feed and answers with its number.
    pub(crate) fn take_feed(&mut self, items: Vec<(ListingId, i64)>, now: Timestamp) -> usize {
        self.feeds.push(Feed { items, taken_at: now, polls: 0, verdicts: None });
        self.feeds.len() - 1
    }

    /// Decides the feeds whose time has come.
    pub(crate) fn pass_time(&mut self, now: Timestamp, faults: &Faults) {
        if let Decides::After(wait) = self.decides {
            while self.feeds.get(self.decided).is_some_and(|f| now.since(f.taken_at) >= wait) {
                self.decide_next(faults);
            }
        }
    }

    /// Feeds are worked off in the order they came, or an old number would overwrite a newer one.
    fn decide_next(&mut self, faults: &Faults) {
        let items = self.feeds[self.decided].items.clone();
        let verdicts = items
            .into_iter()
            .map(|(listing, quantity)| {
                let verdict = self.set_unless_refused(&listing, quantity, faults);
                (listing, verdict)
            })
            .collect();
        self.feeds[self.decided].verdicts = Some(verdicts);
        self.decided += 1;
    }

    pub(crate) fn set_unless_refused(
        &mut self,
        listing: &ListingId,
        quantity: i64,
        faults: &Faults,
    ) -> Verdict {
        if faults.refuses(listing) {
            return Err(format!("offer {listing} is locked"));
        }
        self.set(listing, quantity)
    }

    /// A question after a feed: `None` if there is none of that number, empty while it is undecided.
    pub(crate) fn ask_feed(&mut self, number: usize, faults: &Faults) -> Option<Vec<(ListingId, Verdict)>> {
        let feed = self.feeds.get_mut(number)?;
        feed.polls += 1;
        if matches!(self.decides, Decides::AfterPolls(polls) if feed.polls >= polls) {
            while self.decided <= number {
                self.decide_next(faults);
            }
        }
        Some(self.feeds[number].verdicts.clone().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::catalogue;

    fn shelf(basis: StockBasis, decides: Decides) -> (Shelf, ListingId) {
        let mut offers = catalogue(1, 2, "JPY");
        offers[0].quantity = Some(10);
        let id = offers[0].id.clone();
        (Shelf::new(basis, decides, offers), id)
    }

    #[test]
    fn a_sellable_number_falls_with_the_order_and_a_physical_one_with_the_parcel() {
        let (mut sellable, id) = shelf(StockBasis::Sellable, Decides::AfterPolls(1));
        let (mut physical, _) = shelf(StockBasis::Physical, Decides::AfterPolls(1));
        for shelf in [&mut sellable, &mut physical] {
            shelf.ordered(&id, 3);
            assert_eq!(shelf.shown(&id), Some(7));
            shelf.ordered(&id, -1);
            shelf.shipped(&id, 2);
            assert_eq!(shelf.shown(&id), Some(8));
        }
        // The next order shows where they differ: told 8 again, only one of them still knows of open orders.
        for shelf in [&mut sellable, &mut physical] {
            shelf.ordered(&id, 5);
            assert_eq!(shelf.set(&id, 8), Ok(()));
        }
        assert_eq!((sellable.shown(&id), physical.shown(&id)), (Some(8), Some(3)));
    }

    #[test]
    fn feeds_are_decided_in_order_whichever_is_asked_for() {
        let (mut shelf, id) = shelf(StockBasis::Sellable, Decides::AfterPolls(2));
        let calm = Faults::calm(0);
        let old = shelf.take_feed(vec![(id.clone(), 4)], Timestamp(0));
        let new = shelf.take_feed(vec![(id.clone(), 6), (ListingId::from("none"), 1)], Timestamp(0));
        assert_eq!(shelf.ask_feed(new, &calm), Some(vec![]));
        assert_eq!(shelf.shown(&id), Some(10));
        let verdicts = shelf.ask_feed(new, &calm).unwrap_or_default();
        assert_eq!(verdicts[0], (id.clone(), Ok(())));
        assert!(verdicts[1].1.is_err());
        assert_eq!(shelf.ask_feed(old, &calm).map(|v| v.len()), Some(1));
        assert_eq!(shelf.shown(&id), Some(6));
        assert_eq!(shelf.ask_feed(9, &calm), None);
    }

    #[test]
    fn feeds_may_take_time_instead_of_questions() {
        let (mut shelf, id) = shelf(StockBasis::Sellable, Decides::After(Duration::from_secs(60)));
        let calm = Faults::calm(0);
        shelf.take_feed(vec![(id.clone(), 4)], Timestamp::from_secs(100));
        shelf.pass_time(Timestamp::from_secs(159), &calm);
        assert_eq!(shelf.shown(&id), Some(10));
        shelf.pass_time(Timestamp::from_secs(160), &calm);
        assert_eq!(shelf.shown(&id), Some(4));
    }
}
