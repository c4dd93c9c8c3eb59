//! The tests that need the whole crate: its store on both engines, its rules, its servers, its own source text.
//!
//! Stores come from [`stores`]: SQLite always, PostgreSQL too where `BANTO_TEST_POSTGRES` names a server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod browser;
mod cli;
mod concurrency;
mod docs;
mod e2e;
mod items;
mod language;
mod laws;
mod lived;
mod orders;
mod parity;
mod pushing;
mod queue;
mod restore;
mod screen;
mod simulation;
mod smtp;
mod stock;
mod store;
mod stores;
mod tidy;
mod trading;
