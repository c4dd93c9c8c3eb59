//! Times as WooCommerce writes them: GMT or the shop's own, both without a zone, whole seconds.

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

/// Seconds by which the shop's own time is ahead of GMT, from one moment in both; 0 where either cannot be read.
pub(crate) fn ahead(local: &str, gmt: &str) -> i64 {
    seconds(local).zip(seconds(gmt)).map_or(0, |(local, gmt)| local - gmt)
}

/// The day of a time in a shop that is so many seconds `ahead` of GMT, as `2026-11-21`.
pub(crate) fn day(at: Timestamp, ahead: i64) -> String {
    gmt(at.as_secs().saturating_add(ahead)).chars().take(10).collect()
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
        assert_eq!(day(Timestamp::from_secs(1_795_255_200), 0), "2026-11-21");
    }

    #[test]
    fn a_day_is_the_shops_own() {
        let late = Timestamp::from_secs(1_795_255_200 + 6 * 3600);
        assert_eq!(day(late, ahead("2026-11-22T01:00:00", "2026-11-21T16:00:00")), "2026-11-22");
        assert_eq!(day(late, ahead("2026-11-21T11:00:00", "2026-11-21T16:00:00")), "2026-11-21");
        assert_eq!(ahead("", "2026-11-21T16:00:00"), 0);
    }
}
