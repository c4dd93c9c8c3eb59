//! Counters of one wire.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a wire did since it was made. Every number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireStats {
    /// Calls that connectors made.
    pub calls: u64,
    /// Tries beyond the first one of a call.
    pub retries: u64,
    /// Times that a call had to wait for its turn: its own bucket was empty, or the server asked for a pause.
    pub rate_limit_waits: u64,
    /// All of those waits together, in milliseconds.
    pub rate_limit_wait_ms: u64,
    /// Calls that ended without an answer. An answer of any status is none.
    pub failures: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    calls: AtomicU64,
    retries: AtomicU64,
    waits: AtomicU64,
    wait_ms: AtomicU64,
    failures: AtomicU64,
}

impl Counters {
    pub fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub fn waited(&self, time: Duration) {
        if time >= Duration::from_millis(1) {
            self.waits.fetch_add(1, Ordering::Relaxed);
            self.wait_ms.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    pub fn snapshot(&self) -> WireStats {
        WireStats {
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            rate_limit_waits: self.waits.load(Ordering::Relaxed),
            rate_limit_wait_ms: self.wait_ms.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
