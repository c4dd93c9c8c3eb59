//! A marketplace in memory, with seeded faults and virtual time, and the connector that speaks to it.
//!
//! It is three things at once. [`SimConnector`] is the reference connector: `connectors/README.md` walks through
//! it. [`SimMarket`] and [`SimClock`] let the daemon run weeks of trade in seconds, without a socket or a sleep,
//! and the same again from the same seed. [`Market`], [`Faults`] and [`Trade`] are what every fake shares: the
//! inside of a marketplace, what goes wrong there, and who buys.

pub mod faults;
pub mod market;

mod clock;
mod config;
mod connector;
mod cursor;
mod parse;
mod people;
mod shop;
mod trade;

pub use clock::{NoHttp, SimClock};
pub use config::{Decides, SimSetup, catalogue};
pub use connector::SimConnector;
pub use faults::{Fault, FaultRates, Faults};
pub use market::{BasketLine, Market, MarketOrder, MarketParcel, Purchase, Seen, SoldOut};
pub use people::{People, Person};
pub use shop::{Hook, SimMarket};
pub use trade::{Counts, Deed, Trade, TradeRates};
