//! The inside of the marketplace.
//!
//! Its tool runs when time passes ([`FakeFolder::tick`]) and when somebody asks for its orders; questions after stock
//! make it import first.

use banto_channel::{ListingId, RemoteOffer, RemoteOrderId};
use banto_sim::faults::Faults;
use banto_sim::market::{Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};

use super::FakeFolder;
use super::books::{Books, Order};

impl FakeFolder {
    /// Acts on the books after the imports, as far as the folder is there.
    fn after_import<T>(&self, act: impl FnOnce(&mut Books) -> T) -> T {
        let mut books = self.books();
        // A share that is away keeps the tool from its files and nobody from buying.
        let _ = self.import(&mut books);
        act(&mut books)
    }
}

impl Market for FakeFolder {
    fn offers(&self) -> Vec<RemoteOffer> {
        self.after_import(|books| books.offers.values().cloned().collect())
    }

    fn shown(&self, listing: &ListingId) -> Option<i64> {
        self.after_import(|books| books.offers.get(listing)?.quantity)
    }

    fn set_shown(&self, listing: &ListingId, quantity: i64) {
        self.after_import(|books| books.set(listing, quantity));
    }

    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut> {
        let now = self.config.clock.now();
        self.after_import(|books| books.buy(purchase, now))
    }

    fn pay(&self, order: &RemoteOrderId) {
        let now = self.config.clock.now();
        self.after_import(|books| {
            if books.orders.get(order.as_str()).is_some_and(|o| o.paid.is_none() && !o.cancelled) {
                books.change(order.as_str(), now, |o| o.paid = Some(now));
            }
        });
    }

    fn cancel(&self, order: &RemoteOrderId) {
        let now = self.config.clock.now();
        self.after_import(|books| books.cancel(order.as_str(), now));
    }

    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]) {
        let now = self.config.clock.now();
        self.after_import(|books| books.refund(order.as_str(), lines, now));
    }

    fn ship(&self, order: &RemoteOrderId) {
        let (now, id) = (self.config.clock.now(), order.as_str());
        let parcel = MarketParcel { carrier: "ヤマト運輸".to_owned(), tracking: format!("HAND-{id}") };
        self.after_import(|books| {
            if books.orders.get(id).is_some_and(|o| !o.cancelled) {
                books.ship(id, parcel, &[], now);
            }
        });
    }

    fn touch(&self, order: &RemoteOrderId) {
        let now = self.config.clock.now();
        self.after_import(|books| books.change(order.as_str(), now, |_| ()));
    }

    fn orders(&self) -> Vec<MarketOrder> {
        // As above: a share that is away hinders nobody here.
        let _ = self.tick();
        self.books().orders.values().map(Order::truth).collect()
    }

    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        self.after_import(|books| books.orders.get(id.as_str()).map(Order::truth))
    }

    fn take_seen(&self) -> Vec<Seen> {
        self.after_import(|books| std::mem::take(&mut books.seen))
    }

    /// A folder has no credentials; the rights to it are the system's.
    fn accept_credentials(&self, _accept: bool) {}

    fn faults(&self) -> &Faults {
        &self.faults
    }
}
