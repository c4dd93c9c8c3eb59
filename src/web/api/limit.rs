//! How much a token may ask: a bucket that fills by itself, and the minute in which its use was noted last.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banto_channel::Timestamp;

/// Requests a second, in the long run.
const RATE: i64 = 50;
/// Requests at once.
const BURST: i64 = 200;
/// How often it is noted that a token is used.
const NOTED: Duration = Duration::from_secs(60);

/// The buckets of the tokens that were used since the start.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<i64, Bucket>>);

#[derive(Debug)]
struct Bucket {
    /// When it would be full again: a bucket that is full has this in the past.
    full_at: i64,
    noted_at: i64,
}

/// Microseconds that one request takes out of the bucket.
const EACH: i64 = 1_000_000 / RATE;

impl Limits {
    /// Takes one request of a token. Returns whether its use is to be noted now.
    ///
    /// Errors: how long until there is room for it.
    pub(super) fn take(&self, token: i64, now: Timestamp) -> Result<bool, Duration> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = all.entry(token).or_insert(Bucket { full_at: i64::MIN, noted_at: i64::MIN });
        let full_at = bucket.full_at.max(now.0) + EACH;
        let over = full_at - now.0 - BURST * EACH;
        if over > 0 {
            return Err(Duration::from_micros(over.unsigned_abs()));
        }
        bucket.full_at = full_at;
        let note = Timestamp(bucket.noted_at.max(0)).plus(NOTED) <= now;
        if note {
            bucket.noted_at = now.0;
        }
        Ok(note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let limits = Limits::default();
        let start = Timestamp::from_secs(1_000);
        assert_eq!(limits.take(1, start), Ok(true));
        let more = (1..BURST).filter(|_| limits.take(1, start) == Ok(false)).count();
        assert_eq!(more as i64, BURST - 1);
        assert_eq!(limits.take(1, start), Err(Duration::from_micros(EACH.unsigned_abs())));
        assert_eq!(limits.take(2, start), Ok(true), "another token has its own");
        let later = start.plus(Duration::from_secs(1));
        assert_eq!((0..100).filter(|_| limits.take(1, later).is_ok()).count() as i64, RATE);
        assert_eq!(limits.take(1, start.plus(Duration::from_secs(60))), Ok(true));
    }
}
