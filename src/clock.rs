//! The one caller of the system clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use banto_channel::{Clock, Timestamp};

/// The machine's clock, made to never run backwards.
///
/// After a step back it stands still until the machine has caught up, so that no later event carries an earlier
/// time; [`SystemClock::stepped_back`] says so meanwhile, for those who must stop rather than wait.
#[derive(Debug)]
pub struct SystemClock {
    machine: fn() -> Timestamp,
    tolerance: Duration,
    /// The latest time given out, in microseconds since 1970.
    latest: AtomicI64,
}

impl SystemClock {
    /// The machine's clock; a step back of up to `tolerance` (a correction by NTP) is not reported.
    #[must_use]
    pub fn new(tolerance: Duration) -> Self {
        Self::reading(machine_time, tolerance)
    }

    fn reading(machine: fn() -> Timestamp, tolerance: Duration) -> Self {
        Self { machine, tolerance, latest: AtomicI64::new(i64::MIN) }
    }

    /// How far the machine's clock is behind what it already said; `None` if by no more than the tolerance.
    #[must_use]
    pub fn stepped_back(&self) -> Option<Duration> {
        let machine = (self.machine)();
        let latest = Timestamp(self.latest.load(Ordering::Relaxed));
        let behind = latest.since(machine);
        (behind > self.tolerance).then_some(behind)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let machine = (self.machine)();
        let before = self.latest.fetch_max(machine.0, Ordering::Relaxed);
        Timestamp(before.max(machine.0))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
fn machine_time() -> Timestamp {
    // A machine that believes to be before 1970 is as wrong as one that says 1970.
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since_1970)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// What the machine says in this test's thread.
        static MACHINE: Cell<i64> = const { Cell::new(0) };
    }

    fn clock_that_says(seconds: i64) -> SystemClock {
        set(seconds);
        SystemClock::reading(|| Timestamp::from_secs(MACHINE.get()), Duration::from_secs(5))
    }

    fn set(seconds: i64) {
        MACHINE.set(seconds);
    }

    #[test]
    fn time_goes_on_or_stands_still() {
        let clock = clock_that_says(1000);
        let mut given = vec![clock.now()];
        for machine in [1010, 400, 1009, 1011] {
            set(machine);
            given.push(clock.now());
        }
        assert_eq!(given.iter().map(|t| t.as_secs()).collect::<Vec<_>>(), [1000, 1010, 1010, 1010, 1011]);
    }

    #[test]
    fn a_step_back_is_told_until_the_machine_has_caught_up() {
        let clock = clock_that_says(1000);
        assert_eq!(clock.stepped_back(), None, "nothing was said yet");
        clock.now();
        for (machine, behind) in [(996, None), (995, None), (994, Some(6)), (400, Some(600)), (999, None)] {
            set(machine);
            clock.now();
            assert_eq!(clock.stepped_back(), behind.map(Duration::from_secs), "{machine}");
        }
    }

    #[test]
    fn the_machines_own_clock_is_read() {
        let clock = SystemClock::new(Duration::from_secs(5));
        let (first, second) = (clock.now(), clock.now());
        assert!(first.as_secs() > 1_700_000_000 && first <= second, "{first:?} {second:?}");
    }
}
