//! What the conformance suite does not ask: Yahoo!'s own rules, against the fake store over real HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../opened/mod.rs"]
mod opened;

mod credentials;
mod notices;
mod orders;
mod stock;

use banto_channel::{ListingId, RemoteOrderId};
use banto_sim::{BasketLine, Market, Purchase};

use opened::Opened;

/// An order of some units of one offer.
fn buy(opened: &Opened, code: &str, quantity: i64, paid: bool) -> RemoteOrderId {
    let lines = vec![BasketLine { listing: ListingId::from(code), quantity }];
    opened.store.buy(&Purchase { lines, paid, ..Purchase::default() }).unwrap()
}

/// How many calls of this API were made since the last question.
fn calls(opened: &Opened, api: &str) -> usize {
    opened.store.take_seen().iter().filter(|seen| seen.call.ends_with(api)).count()
}
