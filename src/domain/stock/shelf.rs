//! What people do at the shelf: take goods in, count them, write them off.

use super::{Account, Book, Cause, Held, HoldKey, StockError};
use crate::domain::{Ids, ItemId, LineNo, LocationId, OrderId};

impl Book {
    /// Takes goods in from outside the shelves: a delivery (`Supplier`), goods found (`Counted`), returned goods put
    /// back on sale (`Returned`), a buyer's return that is sold again at once (`Shipped`). Fills shortfalls first.
    ///
    /// Errors: [`StockError::NotPositive`], [`StockError::TooLarge`].
    pub fn take_in(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        source: Account,
        at: (ItemId, LocationId),
        quantity: i64,
        line: Option<(OrderId, LineNo)>,
    ) -> Result<(), StockError> {
        self.post(ids, cause, at, source, Account::Available, quantity, line)?;
        self.fill(ids, cause, at.0, at.1)
    }

    /// Notes that a buyer sent goods back that are not put on sale yet.
    ///
    /// Errors: [`StockError::NotPositive`].
    pub fn set_aside_return(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        at: (ItemId, LocationId),
        quantity: i64,
        line: (OrderId, LineNo),
    ) -> Result<(), StockError> {
        self.post(ids, cause, at, Account::Shipped, Account::Returned, quantity, Some(line))
    }

    /// Sets what lies on the shelf to what was counted. Missing goods come out of the free ones first; if those do
    /// not suffice, the newest orders lose their reservation and become shortfalls, as far as no other shelf of theirs
    /// has the goods.
    ///
    /// Errors: [`StockError::NotPositive`] for a negative count, [`StockError::TooLarge`].
    pub fn count(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        (item, location): (ItemId, LocationId),
        counted: i64,
    ) -> Result<(), StockError> {
        if counted < 0 {
            return Err(StockError::NotPositive(counted));
        }
        let level = self.level(item, location);
        let difference = counted - level.on_hand();
        if difference >= 0 {
            return self.take_in(ids, cause, Account::Counted, (item, location), difference, None);
        }
        let missing = -difference;
        self.unreserve_newest(ids, cause, (item, location), missing - level.available, None)?;
        self.post(ids, cause, (item, location), Account::Available, Account::Counted, missing, None)?;
        self.serve_from_all_shelves(ids, cause, item)
    }

    /// Gives what is free anywhere to those that wait and may have it from there.
    fn serve_from_all_shelves(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        item: ItemId,
    ) -> Result<(), StockError> {
        let of_item = self.levels.range((item, i64::MIN)..=(item, i64::MAX));
        let with_goods: Vec<LocationId> =
            of_item.filter(|(_, l)| l.available > 0).map(|(k, _)| k.1).collect();
        with_goods.into_iter().try_for_each(|location| self.fill(ids, cause, item, location))
    }

    /// Ships units that a line had no reservation for, from the shelf where it waited for them.
    pub(super) fn ship_unreserved(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        line: (OrderId, LineNo),
        at: (ItemId, LocationId),
        quantity: i64,
    ) -> Result<(), StockError> {
        let taken = Cause { reason: "shipped_to_another", ..cause.clone() };
        let missing = quantity - self.level(at.0, at.1).available;
        self.unreserve_newest(ids, &taken, at, missing, Some(line.0))?;
        let from_shelf = quantity.min(self.level(at.0, at.1).available);
        self.post(ids, cause, at, Account::Available, Account::Shipped, from_shelf, Some(line))?;
        let found = Cause { reason: "shipped_beyond_ledger", ..cause.clone() };
        let beyond = quantity - from_shelf;
        self.post(ids, &found, at, Account::Counted, Account::Shipped, beyond, Some(line))?;
        self.serve_from_all_shelves(ids, cause, at.0)
    }

    /// Takes reservations at a shelf away, those of the newest orders first and none of the order `except`.
    fn unreserve_newest(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        at: (ItemId, LocationId),
        quantity: i64,
        except: Option<OrderId>,
    ) -> Result<(), StockError> {
        let mut left = quantity;
        let newest_first: Vec<(HoldKey, Held)> = self
            .holds
            .iter()
            .rev()
            .filter(|(k, _)| (k.item, k.location) == at && Some(k.order) != except)
            .map(|(k, h)| (*k, *h))
            .collect();
        for (key, held) in newest_first {
            let take = left.min(held.reserved);
            if take <= 0 {
                continue;
            }
            let line = Some((key.order, key.line));
            self.post(ids, cause, at, Account::Reserved, Account::Available, take, line)?;
            self.post(ids, cause, at, Account::Owed, Account::Short, take, line)?;
            self.hold(key, |h| {
                h.reserved -= take;
                h.short += take;
            });
            left -= take;
        }
        Ok(())
    }

    /// Takes goods that are broken, lost or given away off the shelf, free ones first. With `even_reserved` the
    /// newest orders lose their reservation and become shortfalls where the free ones do not suffice, as far as no
    /// other shelf of theirs has the goods.
    ///
    /// Errors: [`StockError::NotPositive`]; [`StockError::NotEnough`] when less than that is there.
    pub fn write_off(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        at: (ItemId, LocationId),
        quantity: i64,
        even_reserved: bool,
    ) -> Result<(), StockError> {
        if quantity <= 0 {
            return Err(StockError::NotPositive(quantity));
        }
        let level = self.level(at.0, at.1);
        if even_reserved && level.on_hand() >= quantity {
            self.unreserve_newest(ids, cause, at, quantity - level.available, None)?;
        }
        self.post(ids, cause, at, Account::Available, Account::WrittenOff, quantity, None)?;
        self.serve_from_all_shelves(ids, cause, at.0)
    }

    /// Throws away goods that came back and were set aside; the caller knows that so many are there.
    ///
    /// Errors: [`StockError::NotPositive`].
    pub fn write_off_returned(
        &mut self,
        ids: &mut dyn Ids,
        cause: &Cause,
        at: (ItemId, LocationId),
        quantity: i64,
    ) -> Result<(), StockError> {
        if quantity <= 0 {
            return Err(StockError::NotPositive(quantity));
        }
        self.post(ids, cause, at, Account::Returned, Account::WrittenOff, quantity, None)
    }
}

#[cfg(test)]
mod tests {
    use banto_channel::Timestamp;

    use super::super::Level;
    use super::*;

    struct Count(i64);

    impl Ids for Count {
        fn next_id(&mut self) -> i64 {
            self.0 += 1;
            self.0
        }
    }

    const SHELF: (ItemId, LocationId) = (1, 9);

    fn book(available: i64, holds: &[(OrderId, i64)]) -> (Book, Count, Cause) {
        let mut book = Book::default();
        let reserved = holds.iter().map(|h| h.1).sum();
        book.load_level(SHELF.0, SHELF.1, Level { available, reserved, short: 0, last_entry: 7 });
        for (order, reserved) in holds {
            let key = HoldKey { order: *order, line: 1, item: SHELF.0, location: SHELF.1 };
            book.load_hold(key, Held { reserved: *reserved, short: 0 });
        }
        let cause = Cause { at: Timestamp(1), actor: "cli:hanako".into(), reason: "written_off" };
        (book, Count(100), cause)
    }

    #[test]
    fn only_free_goods_are_written_off_unless_told_otherwise() {
        let (mut book, mut ids, cause) = book(2, &[(10, 1), (11, 3)]);
        let refused = book.write_off(&mut ids, &cause, SHELF, 3, false);
        assert_eq!(refused, Err(StockError::NotEnough { account: Account::Available, there: 2, wanted: 3 }));
        assert!(book.entries.is_empty() && book.touched().is_empty());
        book.write_off(&mut ids, &cause, SHELF, 4, true).unwrap();
        let level = book.level(SHELF.0, SHELF.1);
        assert_eq!((level.available, level.reserved, level.short), (0, 2, 2));
        assert_eq!(book.holds_of(11, None)[0].1, Held { reserved: 1, short: 2 }, "the newest order waits");
        assert_eq!(book.holds_of(10, None)[0].1, Held { reserved: 1, short: 0 });
        assert_eq!(level.last_entry, book.entries.last().unwrap().id);
    }

    #[test]
    fn a_parcel_without_a_reservation_is_packed_from_what_the_newest_others_hold() {
        let (mut book, mut ids, cause) = book(0, &[(10, 1), (11, 2)]);
        book.reserve(&mut ids, &cause, (12, 1), SHELF.0, 4, &[SHELF.1]).unwrap();
        book.ship(&mut ids, &cause, (12, 1), SHELF.0, 2).unwrap();
        assert_eq!(book.holds_of(12, None)[0].1, Held { reserved: 0, short: 2 });
        assert_eq!(
            book.holds_of(11, None)[0].1,
            Held { reserved: 0, short: 2 },
            "the newest other order waits"
        );
        assert_eq!(book.holds_of(10, None)[0].1, Held { reserved: 1, short: 0 });
        assert_eq!(book.level(SHELF.0, SHELF.1).on_hand(), 1, "three lay there, two have left");
        book.ship(&mut ids, &cause, (12, 1), SHELF.0, 2).unwrap();
        let level = book.level(SHELF.0, SHELF.1);
        assert_eq!((level.on_hand(), level.short), (0, 3));
        let found: i64 =
            book.entries.iter().filter(|e| e.reason == "shipped_beyond_ledger").map(|e| e.quantity).sum();
        assert_eq!(found, 1, "what no shelf had was there all the same");
    }

    #[test]
    fn nobody_writes_off_more_than_there_is() {
        let (mut book, mut ids, cause) = book(2, &[(10, 1)]);
        let error = book.write_off(&mut ids, &cause, SHELF, 4, true);
        assert_eq!(error, Err(StockError::NotEnough { account: Account::Available, there: 2, wanted: 4 }));
        assert!(book.entries.is_empty());
        for quantity in [0, -1] {
            assert_eq!(
                book.write_off(&mut ids, &cause, SHELF, quantity, true),
                Err(StockError::NotPositive(quantity))
            );
        }
    }
}
