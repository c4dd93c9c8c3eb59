//! Times as WooCommerce writes them: GMT without a zone, whole seconds.

use banto_channel::Timestamp;

/// Seconds since 1970 of a `*_gmt` text; `None` for empty, null and MySQL's zero date.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
        return Some(zoned.as_second());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    jiff::tz::Offset::UTC.to_timestamp(civil).ok().map(jiff::Timestamp::as_second)
}

/// The same as a timestamp.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    seconds(text).map(Timestamp::from_secs)
}

/// Writes a second for `modified_after`. No `Z`: WordPress would turn a zoned time into the shop's own zone and then
/// compare that with the GMT column.
pub(crate) fn gmt(second: i64) -> String {
    jiff::Timestamp::from_second(second)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%S")
        .to_string()
}

/// The day of a time in UTC, as `2026-11-21`.
pub(crate) fn day(at: Timestamp) -> String {
    gmt(at.as_secs()).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gmt_texts_are_read_and_written() {
        assert_eq!(seconds("2026-11-21T10:00:00"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21 10:00:00"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21T19:00:00+09:00"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21"), Some(1_795_219_200));
        assert_eq!(seconds("0000-00-00T00:00:00"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(gmt(1_795_255_200), "2026-11-21T10:00:00");
        assert_eq!(day(Timestamp::from_secs(1_795_255_200)), "2026-11-21");
    }
}
