//! The tests that need the whole crate: its store on both engines, its rules, its servers, its own source text.
//!
//! Stores come from [`stores`]: SQLite always, PostgreSQL too where `BANTO_TEST_POSTGRES` names a server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod laws;
mod parity;
mod smtp;
mod stores;
mod tidy;
