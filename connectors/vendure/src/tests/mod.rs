//! Tests of the connector against the fake shop over HTTP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod config;
mod errors;
mod notify;
mod orders;
mod schema;
mod session;
mod shop;
mod stock;
