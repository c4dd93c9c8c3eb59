//! Tests that run the connector on folders made by hand.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod config;
mod files;
mod notify;
mod offers;
mod orders;
mod place;
mod probe;
mod pull;
mod samples;
mod stock;
