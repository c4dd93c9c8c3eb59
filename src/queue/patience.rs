//! When to try again, as arithmetic: doubling delays with a jitter that is the same whenever it is computed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banto_channel::{Bilingual, Timestamp, both};

use crate::store::{JobEnd, JobRow};

/// Why a job did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobFailure {
    /// It may succeed later; the try counts.
    Retry {
        /// When the other side asked to be called again.
        after: Option<Duration>,
        /// Why, for a person.
        why: String,
    },
    /// It will never succeed as it is.
    Fail {
        /// Why, for a person.
        why: String,
    },
    /// It was not its fault, or it was not tried; the try does not count.
    Postpone {
        /// Until when.
        until: Timestamp,
        /// Why, for a person.
        why: String,
    },
}

/// How patient a lane is with one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Delay after the first failure; it doubles with each.
    pub first: Duration,
    /// Longest delay.
    pub longest: Duration,
    /// Tries before a job is given up.
    pub tries: i64,
}

impl Patience {
    /// The delay before the next try after `failures` failures of the job `id`: between three quarters and all of
    /// the doubled delay, so that jobs that failed together do not come back together.
    #[must_use]
    pub fn delay(&self, failures: i64, id: i64) -> Duration {
        let doublings = u32::try_from(failures.saturating_sub(1).clamp(0, 30)).unwrap_or(30);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        whole - whole.mul_f64(0.25 * share(id, failures))
    }

    /// How a job ends that failed now. A delay that the other side asked for is kept, and never cut short.
    #[must_use]
    pub fn end(&self, job: &JobRow, failure: JobFailure, now: Timestamp) -> JobEnd {
        match failure {
            JobFailure::Fail { why } => JobEnd::Dead { why },
            JobFailure::Postpone { until, why } => JobEnd::Postpone { at: until, why },
            JobFailure::Retry { why, .. } if job.attempts >= self.tries => {
                JobEnd::Dead { why: given_up(&why, job.attempts, self.tries) }
            }
            JobFailure::Retry { after, why } => {
                let own = self.delay(job.attempts, job.id);
                JobEnd::Retry { at: now.plus(after.unwrap_or_default().max(own)), why }
            }
        }
    }
}

/// Why a job is given up after so many tries; in both languages where the reason is.
fn given_up(why: &str, tries: i64, most: i64) -> String {
    let Bilingual { en, ja } = Bilingual::unpacked(why);
    let told = both!("{en} (try {tries} of {most})", "{ja}（{tries}回目、上限{most}回）");
    if en == ja { told.en } else { told.packed() }
}

/// A number from 0 to below 1 that looks like chance and is a function of its arguments (splitmix64's finaliser).
fn share(id: i64, failures: i64) -> f64 {
    let mut z =
        id.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ failures.unsigned_abs().rotate_left(32);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let unit = (z >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}

/// The rest of a whole lane after the other side as a whole failed: nobody's mail is to blame that the mail server
/// is away, and no job may be given up for it.
#[derive(Debug, Default)]
pub struct Rest(Mutex<Resting>);

#[derive(Clone, Copy, Debug, Default)]
struct Resting {
    failures: i64,
    until: Option<Timestamp>,
}

/// Longest rest of a lane.
const REST: Patience =
    Patience { first: Duration::from_secs(2), longest: Duration::from_secs(300), tries: i64::MAX };

impl Rest {
    /// Until when the lane rests.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.get().until
    }

    /// The other side failed as a whole: the lane rests for longer each time. Returns until when.
    pub fn begin(&self, after: Option<Duration>, now: Timestamp) -> Timestamp {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rest.failures += 1;
        let until = now.plus(REST.delay(rest.failures, 0).max(after.unwrap_or_default()));
        rest.until = Some(until);
        until
    }

    /// The other side answered. Returns whether it had failed before.
    pub fn end(&self) -> bool {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rest).failures > 0
    }

    /// How often in a row the other side failed.
    #[must_use]
    pub fn failures(&self) -> i64 {
        self.get().failures
    }

    fn get(&self) -> Resting {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { first: Duration::from_secs(5), longest: Duration::from_secs(3600), tries: 12 };

    fn job(id: i64, attempts: i64) -> JobRow {
        JobRow {
            attempts,
            ..JobRow::new(id, "mail", "mail", format!("k{id}"), "[]".to_owned(), Timestamp(0))
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_are_the_same_again() {
        for failures in 1..=40 {
            let whole = Duration::from_secs(5 << (failures - 1).min(20)).min(PATIENCE.longest);
            for id in [1, 7, 99, i64::MAX] {
                let delay = PATIENCE.delay(failures, id);
                assert!(
                    delay <= whole && delay >= whole.mul_f64(0.75),
                    "{failures} {id}: {delay:?} of {whole:?}"
                );
                assert_eq!(delay, PATIENCE.delay(failures, id));
            }
        }
    }

    #[test]
    fn jobs_that_failed_together_do_not_come_back_together() {
        let mut delays: Vec<_> = (0..1000).map(|id| PATIENCE.delay(10, id).as_secs()).collect();
        delays.sort_unstable();
        delays.dedup();
        assert!(delays.len() > 400, "{}", delays.len());
    }

    #[test]
    fn the_last_try_buries_and_a_wish_of_the_other_side_is_kept() {
        let retry = |after| JobFailure::Retry { after, why: "busy".to_owned() };
        let now = Timestamp::from_secs(1000);
        let day = Duration::from_secs(86_400);
        assert!(matches!(PATIENCE.end(&job(1, 11), retry(None), now), JobEnd::Retry { .. }));
        assert!(matches!(PATIENCE.end(&job(1, 12), retry(None), now), JobEnd::Dead { .. }));
        let end = PATIENCE.end(&job(1, 1), retry(Some(day)), now);
        assert_eq!(end, JobEnd::Retry { at: now.plus(day), why: "busy".to_owned() });
    }

    #[test]
    fn a_lane_rests_longer_each_time_and_starts_afresh_after_a_success() {
        let rest = Rest::default();
        let now = Timestamp::from_secs(1000);
        let first = rest.begin(None, now).since(now);
        let third = (rest.begin(None, now), rest.begin(None, now)).1.since(now);
        assert!(third > first * 2, "{first:?} {third:?}");
        assert!(rest.end());
        assert!(!rest.end());
        assert_eq!(rest.until(), None);
        assert_eq!(rest.begin(None, now).since(now), first);
    }
}
