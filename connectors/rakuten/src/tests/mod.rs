//! Tests of the connector against answers that a closure gives.
#![expect(clippy::unwrap_used, reason = "tests")]

mod config;
mod errors;
mod orders;
mod pull;
mod script;
mod shipping;
mod stock;
