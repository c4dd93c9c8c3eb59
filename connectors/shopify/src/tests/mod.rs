//! Tests that run the connector against a scripted shop.
#![expect(clippy::unwrap_used, reason = "tests")]

mod config;
mod errors;
mod orders;
mod script;
mod stock;
