//! Times as RMS writes them: Japan Standard Time, whole seconds, `+0900` without a colon in orders.

use banto_channel::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// Japan keeps one time all year.
const JST: Offset = Offset::constant(9);

/// A time with a zone (`+0900`, `+09:00`), without one (then it is Japan's), or a day alone (its first second).
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let at = match jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text) {
        Ok(at) => at,
        Err(_) => match text.parse::<jiff::Timestamp>() {
            Ok(at) => at,
            Err(_) => JST.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
        },
    };
    Some(Timestamp::from_secs(at.as_second()))
}

/// Writes a second for `searchOrder`, which refuses `+09:00` and `Z`.
pub(crate) fn stamp(second: i64) -> String {
    civil(second).strftime("%Y-%m-%dT%H:%M:%S+0900").to_string()
}

/// The day in Japan, as `2026-11-21`.
pub(crate) fn day(at: Timestamp) -> String {
    civil(at.as_secs()).date().to_string()
}

/// The first second of a day in Japan.
pub(crate) fn first_second(day: &str) -> Option<i64> {
    let day: Date = day.trim().parse().ok()?;
    JST.to_timestamp(day.at(0, 0, 0, 0)).ok().map(jiff::Timestamp::as_second)
}

fn civil(second: i64) -> DateTime {
    JST.to_datetime(jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: i64 = 1_795_255_200; // 2026-11-21T10:00:00Z

    #[test]
    fn every_spelling_of_a_time_is_read() {
        let ten = Some(Timestamp::from_secs(TEN));
        for text in ["2026-11-21T19:00:00+0900", "2026-11-21T19:00:00+09:00", "2026-11-21T19:00:00"] {
            assert_eq!(timestamp(text), ten, "{text}");
        }
        assert_eq!(timestamp("2026-11-21"), Some(Timestamp::from_secs(TEN - 19 * 3600)));
        assert_eq!(timestamp("").or(timestamp("soon")), None);
    }

    #[test]
    fn times_are_written_as_orders_want_them() {
        assert_eq!(stamp(TEN), "2026-11-21T19:00:00+0900");
        assert_eq!(day(Timestamp::from_secs(TEN + 5 * 3600)), "2026-11-22");
        assert_eq!(first_second("2026-11-21"), Some(TEN - 19 * 3600));
        assert_eq!(first_second("yesterday"), None);
    }
}
