//! What happens *inside* a marketplace: the side of it that buyers and the shop's staff see.
//!
//! Every fake, and the simulated market itself, implements [`Market`], so that one set of buyers (the
//! demo, the simulation, the conformance suite) can trade on all of them.

use std::fmt::Debug;

use banto_channel::{Address, Buyer, Fulfilment, ListingId, Money, Payment, RemoteOffer, RemoteOrderId};

use crate::faults::Faults;

/// What a buyer puts in the basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasketLine {
    /// The offer.
    pub listing: ListingId,
    /// How many.
    pub quantity: i64,
}

/// One checkout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purchase {
    /// The basket; may be empty, for the odd order without lines.
    pub lines: Vec<BasketLine>,
    /// Who buys.
    pub buyer: Buyer,
    /// Where it goes; also the billing address.
    pub ship_to: Address,
    /// Paid at once; otherwise the order waits for payment.
    pub paid: bool,
    /// The buyer's note.
    pub note: String,
    /// Take the order even if the shop shows less than is asked for (a checkout that began earlier).
    pub oversell: bool,
}

/// The shop shows less than the basket asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoldOut(pub ListingId);

/// A parcel as the marketplace got to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketParcel {
    /// Carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking: String,
}

/// The truth about one order at the marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketOrder {
    /// Its key.
    pub id: RemoteOrderId,
    /// Line id, offer (if it still exists), ordered, cancelled or refunded.
    pub lines: Vec<(String, Option<ListingId>, i64, i64)>,
    /// Payment axis.
    pub payment: Payment,
    /// Fulfilment axis.
    pub fulfilment: Fulfilment,
    /// What the buyer pays.
    pub grand: Money,
    /// Parcels it was told of.
    pub parcels: Vec<MarketParcel>,
    /// Notes it was told of.
    pub notes: Vec<String>,
    /// Whether the house has taken it; true where the marketplace does not wait for that word.
    pub confirmed: bool,
}

/// One call that reached the marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Verb and path, without the query.
    pub call: String,
    /// The quantities it set: offer and number.
    pub stock: Vec<(ListingId, i64)>,
    /// When, by the market's clock.
    pub at: banto_channel::Timestamp,
}

/// The inside of a marketplace. All calls act at once; the daemon learns of them through the connector.
pub trait Market: Debug + Send + Sync + 'static {
    /// Everything on offer, with numbers of the kind that the channel takes.
    fn offers(&self) -> Vec<RemoteOffer>;
    /// What one offer shows to buyers, so what they may still buy; `None` if it is unknown or not counted. Where the
    /// channel takes the number on the shelf this is that number less the channel's open orders.
    fn shown(&self, listing: &ListingId) -> Option<i64>;
    /// A member of the staff types another number, of the kind that the channel takes.
    fn set_shown(&self, listing: &ListingId, quantity: i64);
    /// A checkout. The marketplace lowers its own number by what was sold, as real ones do.
    ///
    /// Errors: [`SoldOut`] when an offer shows too little and `oversell` is not set.
    fn buy(&self, purchase: &Purchase) -> Result<RemoteOrderId, SoldOut>;
    /// The buyer pays.
    fn pay(&self, order: &RemoteOrderId);
    /// The order is cancelled before shipping; the marketplace puts its own number back up.
    fn cancel(&self, order: &RemoteOrderId);
    /// Money for some units is given back: before shipping that cancels them, afterwards it is a return.
    fn refund(&self, order: &RemoteOrderId, lines: &[(String, i64)]);
    /// The staff ships everything by hand in the marketplace's own screen.
    fn ship(&self, order: &RemoteOrderId);
    /// Something changes that moves the order's changed-at and nothing else.
    fn touch(&self, order: &RemoteOrderId);
    /// Every order, oldest first.
    fn orders(&self) -> Vec<MarketOrder>;
    /// One order; fakes with many orders answer without a walk through all of them.
    fn order(&self, id: &RemoteOrderId) -> Option<MarketOrder> {
        self.orders().into_iter().find(|order| order.id == *id)
    }
    /// Calls since the last `take_seen`, oldest first.
    fn take_seen(&self) -> Vec<Seen>;
    /// From now on credentials are refused (`false`) or accepted again (`true`).
    fn accept_credentials(&self, accept: bool);
    /// The faults it plays.
    fn faults(&self) -> &Faults;
}
