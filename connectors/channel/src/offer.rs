//! Offers and the stock that is pushed to them.

use crate::{IdempotencyKey, ListingId, Money};

/// One offer as a channel lists it. A product with variations is one offer per variation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RemoteOffer {
    /// What `push_stock` needs.
    pub id: ListingId,
    /// The seller's code there (SKU), if set.
    pub code: Option<String>,
    /// JAN/GTIN, if set.
    pub gtin: Option<String>,
    /// Title, with the variation's words.
    pub title: String,
    /// Its quantity now, in the kind of number that `push_stock` takes; `None` if it is not tracked.
    pub quantity: Option<i64>,
    /// The price it shows, with its currency, if known.
    pub price: Option<(Money, String)>,
    /// Whether buyers can see it.
    pub active: bool,
}

/// One quantity to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockItem {
    /// Which offer.
    pub listing: ListingId,
    /// The absolute quantity to show, never negative.
    pub quantity: i64,
    /// What the channel was last known to show, for marketplaces with compare-and-set.
    pub was: Option<i64>,
    /// Version of the item that the quantity was computed from.
    pub version: i64,
    /// hash(channel, listing, version).
    pub key: IdempotencyKey,
}
