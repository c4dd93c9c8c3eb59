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
    /// A marketplace that refuses a call for its rate has to be asked itself; with the refusal the call fails, too.
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
        assert!(full.latest > Duration::ZERO, "no order was timed");
        assert!(full.latest <= poll * 2 + shows_after, "an order waited {:?}", full.latest);
    }
}
