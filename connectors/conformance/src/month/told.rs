//! What a month came to.

use std::collections::BTreeMap;
use std::time::Duration;

/// Least share of the pulls that their interval allows, in percent; the rest is what pulls take themselves.
const PULLS_LEAST: u128 = 95;

/// One day.
#[derive(Clone, Debug, Default)]
pub struct Day {
    /// Calls that reached the marketplace.
    pub seen: usize,
    /// Calls that were sent, by quota group.
    pub calls: BTreeMap<&'static str, u64>,
    /// Orders that came in.
    pub orders: u32,
}

/// What pulling came to while it went at full pace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stretch {
    /// Rounds of pulls.
    pub pulls: u32,
    /// Longest time from the beginning of a round to that of the next.
    pub longest_gap: Duration,
    /// Orders that came in.
    pub orders: u32,
    /// Longest time from an order's placing until it was here.
    pub latest: Duration,
}

/// The month.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its days.
    pub days: Vec<Day>,
    /// The stretch at full pace.
    pub full: Stretch,
    /// What failed; empty if all went well.
    pub findings: Vec<String>,
    pub(super) poll: Duration,
    pub(super) full_for: Duration,
}

impl Told {
    /// Fails unless every call went well, no day needed more calls than `daily`, pulls came as often as they should, and
    /// no order waited longer than for two of them after `shows_after`, when the marketplace shows it.
    ///
    /// Whether the marketplace refused a call for its rate has to be asked there, and first: what is refused is tried
    /// again here, and shows as pulls that are missing.
    #[track_caller]
    pub fn assert_kept(&self, daily: Option<usize>, shows_after: Duration) {
        assert!(self.findings.is_empty(), "{}", self.findings.join("\n"));
        assert_eq!(self.days.len(), super::DAYS as usize, "the month broke off");
        for (n, day) in self.days.iter().enumerate() {
            assert!(day.orders > 0, "nothing was sold on day {n}");
            assert!(daily.is_none_or(|most| day.seen <= most), "day {n} took {} calls: {day:?}", day.seen);
        }
        let (full, poll) = (self.full, self.poll);
        let due = self.full_for.as_millis() / poll.as_millis();
        assert!(u128::from(full.pulls) * 100 >= due * PULLS_LEAST, "{} of {due} pulls", full.pulls);
        assert!(full.longest_gap <= poll * 2, "{:?} passed without a pull", full.longest_gap);
        assert!(full.orders > 0, "no order was timed");
        assert!(full.latest <= poll * 2 + shows_after, "an order waited {:?}", full.latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn well() -> Told {
        let day = Day { seen: 4_000, calls: BTreeMap::new(), orders: 8 };
        let full = Stretch { pulls: 58, longest_gap: MINUTE, orders: 2, latest: MINUTE };
        Told { days: vec![day; 30], full, findings: Vec::new(), poll: MINUTE, full_for: HOUR }
    }

    fn kept(told: &Told) {
        told.assert_kept(Some(4_000), Duration::ZERO);
    }

    #[test]
    fn a_month_that_went_well_passes() {
        kept(&well());
    }

    #[test]
    #[should_panic(expected = "day 7 took 4001 calls")]
    fn a_day_with_a_call_too_many_fails() {
        let mut told = well();
        told.days[7].seen = 4_001;
        kept(&told);
    }

    #[test]
    #[should_panic(expected = "56 of 60 pulls")]
    fn pulls_that_had_to_wait_fail() {
        kept(&Told { full: Stretch { pulls: 56, ..well().full }, ..well() });
    }

    #[test]
    #[should_panic(expected = "without a pull")]
    fn a_gap_between_pulls_fails() {
        kept(&Told { full: Stretch { longest_gap: MINUTE * 3, ..well().full }, ..well() });
    }

    #[test]
    #[should_panic(expected = "an order waited 121s")]
    fn an_order_that_comes_late_fails() {
        kept(&Told { full: Stretch { latest: Duration::from_secs(121), ..well().full }, ..well() });
    }

    #[test]
    #[should_panic(expected = "pull_orders: Refused")]
    fn a_call_that_failed_fails() {
        kept(&Told { findings: vec!["pull_orders: Refused".to_owned()], ..well() });
    }
}
