//! Times as Amazon writes them: ISO 8601 with a zone.

use banto_channel::Timestamp;

/// Seconds since 1970 of an ISO 8601 text, fractions cut off; `None` if it is none.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let time = text.trim().parse::<jiff::Timestamp>().ok()?;
    Some(Timestamp(time.as_microsecond()).as_secs())
}

/// The same as a timestamp.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|time| Timestamp(time.as_microsecond()))
}

/// The first second of a day (`2026-11-21`, UTC) or of a time.
pub(crate) fn day(text: &str) -> Option<i64> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

/// Writes a second for a query.
pub(crate) fn iso(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        assert_eq!(seconds("2026-11-21T10:00:00Z"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21T10:00:00.987Z"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21T19:00:00+09:00"), Some(1_795_255_200));
        assert_eq!(seconds("1.569521782042E9"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(day("2026-11-21"), Some(1_795_219_200));
        assert_eq!(iso(1_795_255_200), "2026-11-21T10:00:00Z");
    }
}
