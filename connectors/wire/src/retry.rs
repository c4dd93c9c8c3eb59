//! What is tried again, and after how long. The only file that names `backoff`.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::exponential::{ExponentialBackoff, ExponentialBackoffBuilder};

use crate::fault::Cause;

/// Whether another try could help without doing harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The other side did nothing.
    Always,
    /// The other side may have done it.
    IfIdempotent,
    /// The same would come back.
    Never,
}

impl Again {
    pub fn allows(self, idempotent: bool) -> bool {
        match self {
            Self::Always => true,
            Self::IfIdempotent => idempotent,
            Self::Never => false,
        }
    }

    /// After an answer of this status.
    pub const fn after_status(status: u16) -> Self {
        match status {
            429 => Self::Always,
            500 | 502 | 503 | 504 => Self::IfIdempotent,
            _ => Self::Never,
        }
    }

    /// After a try that brought no answer.
    pub const fn after_fault(cause: Cause) -> Self {
        match cause {
            Cause::Dns | Cause::Refused | Cause::ConnectTimeout | Cause::Tls | Cause::NoConnection => {
                Self::Always
            }
            Cause::Timeout | Cause::Closed | Cause::Torn => Self::IfIdempotent,
            // A certificate does not mend itself within a minute; the others come back the same.
            Cause::Certificate | Cause::TooLarge | Cause::Redirects | Cause::OutOfReach(_) => Self::Never,
        }
    }
}

/// The delays of one call: doubling from `first` to `max`.
#[derive(Debug)]
pub(crate) struct Delays(ExponentialBackoff<backoff::SystemClock>);

impl Delays {
    pub fn new(first: Duration, max: Duration) -> Self {
        // Without a randomization factor and an end its clock and its chance have no part in the result.
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(first)
                .with_max_interval(max)
                .with_multiplier(2.0)
                .with_randomization_factor(0.0)
                .with_max_elapsed_time(None)
                .build(),
        )
    }

    /// The next delay. `chance` (0 to 1) puts it between half and the whole of the step, so that channels that
    /// failed together do not come back together.
    pub fn next(&mut self, chance: f64) -> Duration {
        let step = self.0.next_backoff().unwrap_or(self.0.max_interval);
        step.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_the_maximum_and_stay_there() {
        let mut delays = Delays::new(Duration::from_millis(500), Duration::from_secs(3));
        let whole: Vec<_> = (0..5).map(|_| delays.next(1.0).as_millis()).collect();
        assert_eq!(whole, [500, 1000, 2000, 3000, 3000]);
    }

    #[test]
    fn chance_spreads_a_delay_over_its_upper_half() {
        let at =
            |chance| Delays::new(Duration::from_secs(1), Duration::from_secs(9)).next(chance).as_millis();
        assert_eq!([at(0.0), at(0.5), at(1.0), at(7.0), at(-7.0)], [500, 750, 1000, 1000, 500]);
    }

    #[test]
    fn what_may_have_been_done_is_repeated_only_if_that_is_safe() {
        for cause in [Cause::Timeout, Cause::Closed, Cause::Torn] {
            assert!(Again::after_fault(cause).allows(true), "{cause:?}");
            assert!(!Again::after_fault(cause).allows(false), "{cause:?}");
        }
        for cause in [Cause::Dns, Cause::Refused, Cause::ConnectTimeout, Cause::NoConnection] {
            assert!(Again::after_fault(cause).allows(false), "{cause:?}");
        }
        for status in [500, 502, 503, 504] {
            assert!(Again::after_status(status).allows(true) && !Again::after_status(status).allows(false));
        }
        assert!(Again::after_status(429).allows(false));
        for status in [200, 301, 400, 401, 403, 404, 408, 409, 422, 501, 505] {
            assert!(!Again::after_status(status).allows(true), "{status}");
        }
    }
}
