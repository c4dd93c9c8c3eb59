//! What banto knows about trade, without any input or output: no async, no clock, no database.
//!
//! Everything here is a function of its arguments, so that the rules of the ledger and the order book can be
//! tested over arbitrary histories.

pub mod catalogue;
pub mod counted;
pub mod customer;
pub mod deadline;
pub mod deeds;
pub mod gtin;
pub mod guard;
pub mod intake;
pub mod mail_policy;
pub mod mapping;
pub mod naming;
pub mod order;
pub mod people;
pub mod plan;
pub mod rematch;
pub mod search;
pub mod stock;
pub mod timeline;

/// Key of an item (SKU), made by the store.
pub type ItemId = i64;
/// Key of a stock location.
pub type LocationId = i64;
/// Key of an order.
pub type OrderId = i64;
/// Key of a channel.
pub type ChannelId = i64;
/// Number of a line within its order, from 1.
pub type LineNo = i64;

/// Where new ids come from: the store's counter inside a write transaction, or a plain count in tests.
pub trait Ids: Send {
    /// An id greater than every id handed out before.
    fn next_id(&mut self) -> i64;
}
