//! Tests that look inside the connector.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod config;
mod contract;
mod errors;
mod orders;
mod script;
