//! A marketplace in memory, with seeded faults and virtual time.

pub mod faults;
pub mod market;
