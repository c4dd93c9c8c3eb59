//! The channels.

pub(super) mod state;
