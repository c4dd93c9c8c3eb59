//! Yahoo!'s times: Japanese, with and without their offset.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// Japan's offset; it has had no summer time since 1951.
const JAPAN: Offset = Offset::constant(9);

/// Seconds since 1970 of a time as an answer gives it: `2026-04-01T09:00:00+09:00`, the same without its offset or with
/// a blank for the `T`, or a day alone, which begins at midnight. `None` for anything else.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_second());
    }
    let local = match text.len() {
        10 => text.parse::<Date>().ok()?.at(0, 0, 0, 0),
        19 => text.replacen(' ', "T", 1).parse::<DateTime>().ok()?,
        _ => return None,
    };
    Some(JAPAN.to_timestamp(local).ok()?.as_second())
}

/// A time as a search condition wants it: `YYYYMMDDHHMMSS`, Japanese.
pub(crate) fn stamp(seconds: i64) -> String {
    local(seconds).strftime("%Y%m%d%H%M%S").to_string()
}

/// A day as an update wants it: `YYYYMMDD`, Japanese.
pub(crate) fn day(seconds: i64) -> String {
    local(seconds).strftime("%Y%m%d").to_string()
}

fn local(seconds: i64) -> DateTime {
    let instant = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    TimeZone::fixed(JAPAN).to_datetime(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-04-01T09:00:00+09:00
    const MORNING: i64 = 1_775_001_600;

    #[test]
    fn times_are_read_in_every_spelling() {
        for text in [
            "2026-04-01T09:00:00+09:00",
            "2026-04-01T00:00:00Z",
            " 2026-04-01T09:00:00 ",
            "2026-04-01 09:00:00",
        ] {
            assert_eq!(seconds(text), Some(MORNING), "{text}");
        }
        assert_eq!(seconds("2026-04-01"), Some(MORNING - 9 * 3600));
        for nothing in ["", "2026-04-31", "20260401090000", "soon", "2026/04/01"] {
            assert_eq!(seconds(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn times_are_written_in_japanese_time() {
        assert_eq!(stamp(MORNING), "20260401090000");
        assert_eq!(day(MORNING - 9 * 3600 - 1), "20260331");
    }
}
