//! Times as Vendure writes them: RFC 3339 with milliseconds, in UTC.

use banto_channel::Timestamp;

/// Reads a moment; `None` for what is none.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp(at.as_microsecond()))
}

/// Reads a moment as milliseconds since 1970.
pub(crate) fn millis(text: &str) -> Option<i64> {
    moment(text).map(|at| at.0.div_euclid(1000))
}

/// Writes milliseconds since 1970.
pub(crate) fn write(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

/// The first moment of a day in UTC, or the moment itself if it is one.
pub(crate) fn day(text: &str) -> Option<Timestamp> {
    moment(text).or_else(|| moment(&format!("{}T00:00:00Z", text.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        assert_eq!(moment("2026-11-21T10:00:00.540Z"), Some(Timestamp(1_795_255_200_540_000)));
        assert_eq!(millis("2026-11-21T19:00:00+09:00"), Some(1_795_255_200_000));
        assert_eq!(moment("yesterday"), None);
        assert_eq!(write(1_795_255_200_540), "2026-11-21T10:00:00.540Z");
        assert_eq!(day("2026-11-21"), Some(Timestamp::from_secs(1_795_219_200)));
        assert_eq!(day("21.11.2026"), None);
    }
}
