//! Times as Shopify writes them: RFC 3339 in UTC, whole seconds.

use banto_channel::Timestamp;

/// The seconds since 1970 of a date and time, or of a day (its first second).
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
        return Some(zoned.as_second());
    }
    let civil: jiff::civil::Date = text.parse().ok()?;
    jiff::tz::Offset::UTC.to_timestamp(civil.at(0, 0, 0, 0)).ok().map(jiff::Timestamp::as_second)
}

/// A date and time, with whatever fractions it has.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_microsecond()))
}

/// Writes a second for a search.
pub(crate) fn written(second: i64) -> String {
    jiff::Timestamp::from_second(second)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(seconds("2026-11-21T10:00:00Z"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21T19:00:00+09:00"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21"), Some(1_795_219_200));
        assert_eq!(seconds("yesterday"), None);
        assert_eq!(timestamp("2026-11-21T10:00:00.5Z"), Some(Timestamp(1_795_255_200_500_000)));
        assert_eq!(written(1_795_255_200), "2026-11-21T10:00:00Z");
    }
}
