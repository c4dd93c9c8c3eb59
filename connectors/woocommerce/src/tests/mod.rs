//! Tests that run the connector against a scripted shop.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bodies;
mod config;
mod errors;
mod notify;
mod offers;
mod orders;
mod pull;
mod script;
mod stock;
mod webhook;
