//! The screen, as people see it: the demo's house, the daemon, and a real browser before it.
//!
//! It runs where `BANTO_TEST_BROWSER` names a chromedriver and `BANTO_TEST_AXE` a copy of axe-core: `tests/run browser`.
//! Pictures of what was seen are kept in `target/test-screenshots`.

mod axe;
mod day;
mod driver;
mod hands;
mod login;
mod pages;
mod people;
mod stage;
