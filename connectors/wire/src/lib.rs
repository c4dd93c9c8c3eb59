//! HTTP for connectors: the one implementation of [`banto_channel::Http`].
//!
//! A [`Wire`] belongs to one channel. It keeps to the marketplace's allowances, waits when it is told to, repeats
//! what may be repeated, bounds what it reads, and shows no credential to anybody. [`Recorder`] and [`Replay`]
//! keep a conversation for later.

mod allowance;
mod client;
mod config;
mod fault;
mod pacing;
mod reach;
mod record;
mod recording;
mod redact;
mod retry;
mod stats;
mod wire;

pub use config::WireConfig;
pub use reach::{OutOfReach, Reach};
pub use record::{Recorder, Replay};
pub use redact::redact;
pub use stats::WireStats;
pub use wire::Wire;
