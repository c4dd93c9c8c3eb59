//! banto, the head clerk of a shop that sells in many places: one stock ledger, one order book, one outgoing queue.
//!
//! The way of an order through these modules is told in the README: [`channels`] brings it in through a connector,
//! [`domain`] says what follows, [`store`] commits it, [`channels`] pushes the new stock numbers, and [`queue`] sends
//! mails and notices.

#![cfg_attr(test, expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic"))]

pub mod app;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod keys;
pub mod lifecycle;
pub mod log;
pub mod mail;
pub mod queue;
pub mod sheet;
pub mod store;
pub mod watch;
pub mod web;

/// What is freed goes back to the system within seconds, however it lies; the C library's own keeps most of what a busy
/// hour has asked for. SQLite allocates here, too. Its options stand in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
