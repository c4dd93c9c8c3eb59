//! The program itself, as a merchant runs it: a config folder, shops on loopback, a mail server, and commands typed
//! while it runs. What is asked is what shops, buyers and the command line see.
//!
//! PostgreSQL is used where `BANTO_TEST_POSTGRES` names a server, a real Vendure where `BANTO_TEST_VENDURE` does;
//! `BANTO_TEST_QUICK` makes long tests short.

mod bad_config;
mod disk_full;
mod first_day;
mod goods;
mod house;
mod http;
mod kills;
mod left_behind;
mod outside;
mod process;
mod push;
mod signals;
pub mod truth;
mod vendure;
mod weather;

pub use house::{eventually, settled};
pub use kills::from_env;
pub use process::banto;
