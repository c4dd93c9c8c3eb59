//! What is due for an order whose money does not come: first a reminder, then the end.

use std::time::Duration;

use banto_channel::Timestamp;

/// What a channel's config says about one payment method; nothing happens by itself unless it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpaidRule {
    /// Time after the order at which the buyer is reminded.
    pub remind_after: Option<Duration>,
    /// Time after the order at which it is cancelled.
    pub cancel_after: Option<Duration>,
}

impl UnpaidRule {
    /// The rule of a config that counts days after the order.
    #[must_use]
    pub fn from_days(remind: Option<u32>, cancel: Option<u32>) -> Self {
        let days = |n: u32| Duration::from_secs(u64::from(n) * 86_400);
        Self { remind_after: remind.map(days), cancel_after: cancel.map(days) }
    }

    /// The day that the buyer is told of: the money must be there by then.
    #[must_use]
    pub fn pay_by(&self, placed_at: Timestamp) -> Option<Timestamp> {
        self.cancel_after.map(|after| placed_at.plus(after))
    }

    /// How long after an order anything can be due at all; `None` when nothing ever is.
    #[must_use]
    pub fn earliest(&self) -> Option<Duration> {
        self.remind_after.into_iter().chain(self.cancel_after).min()
    }
}

/// What is known of an order that waits for its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// When the buyer placed it.
    pub placed_at: Timestamp,
    /// When the reminder was written, if it was.
    pub reminded_at: Option<Timestamp>,
    /// Whether a reminder can reach the buyer at all (an address, and mails that are ours to send).
    pub can_remind: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The buyer is to be reminded.
    Reminder,
    /// The order is to be cancelled and its goods are for sale again.
    Cancel,
}

/// Says what is due now.
///
/// A buyer who is to be reminded is not cancelled without the time to answer that the rule gives, even if the
/// daemon was off when the reminder was due.
#[must_use]
pub fn due(rule: &UnpaidRule, order: &Waiting, now: Timestamp) -> Option<Due> {
    let passed = |after: Duration| now >= order.placed_at.plus(after);
    let remind_after = rule.remind_after.filter(|_| order.can_remind);
    match (remind_after, order.reminded_at) {
        (Some(remind), None) if passed(remind) => return Some(Due::Reminder),
        _ => {}
    }
    let cancel_after = rule.cancel_after?;
    let answered_by = match (remind_after, order.reminded_at) {
        (Some(remind), Some(at)) => at.plus(cancel_after.saturating_sub(remind)),
        _ => order.placed_at,
    };
    (passed(cancel_after) && now >= answered_by).then_some(Due::Cancel)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_secs(days * DAY)
    }

    fn order(reminded: Option<i64>, can_remind: bool) -> Waiting {
        Waiting { placed_at: at(0), reminded_at: reminded.map(at), can_remind }
    }

    #[test]
    fn nothing_is_due_unless_the_config_says_so() {
        assert_eq!(due(&UnpaidRule::default(), &order(None, true), at(1000)), None);
        assert_eq!(UnpaidRule::default().earliest(), None);
    }

    #[test]
    fn a_reminder_then_the_end() {
        let rule = UnpaidRule::from_days(Some(3), Some(7));
        for (day, reminded, expected) in [
            (2, None, None),
            (3, None, Some(Due::Reminder)),
            (3, Some(3), None),
            (6, Some(3), None),
            (7, Some(3), Some(Due::Cancel)),
        ] {
            assert_eq!(
                due(&rule, &order(reminded, true), at(day)),
                expected,
                "day {day}, reminded {reminded:?}"
            );
        }
        assert_eq!(rule.pay_by(at(0)), Some(at(7)));
    }

    #[test]
    fn after_an_outage_the_buyer_still_has_the_promised_time() {
        let rule = UnpaidRule::from_days(Some(3), Some(7));
        assert_eq!(due(&rule, &order(None, true), at(20)), Some(Due::Reminder));
        assert_eq!(due(&rule, &order(Some(20), true), at(23)), None);
        assert_eq!(due(&rule, &order(Some(20), true), at(24)), Some(Due::Cancel));
    }

    #[test]
    fn who_cannot_be_reminded_is_cancelled_on_the_day() {
        let rule = UnpaidRule::from_days(Some(3), Some(7));
        assert_eq!(due(&rule, &order(None, false), at(6)), None);
        assert_eq!(due(&rule, &order(None, false), at(7)), Some(Due::Cancel));
    }

    #[test]
    fn a_reminder_alone_never_cancels() {
        let rule = UnpaidRule::from_days(Some(3), None);
        assert_eq!(due(&rule, &order(Some(3), true), at(400)), None);
    }
}
