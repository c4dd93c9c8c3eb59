//! What PHP and WordPress do to data on its way out: JSON as `wp_json_encode` writes it, dates, decimals.

use std::io;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// `wp_json_encode` with its default options: slashes and everything outside ASCII are escaped.
struct PhpFormatter;

impl Formatter for PhpFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices() {
            if c.is_ascii() && c != '/' {
                continue;
            }
            writer.write_all(&fragment.as_bytes()[written..at])?;
            if c == '/' {
                writer.write_all(b"\\/")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            written = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

/// JSON text as WordPress sends it.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::with_capacity(4096);
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, PhpFormatter));
    debug_assert!(written.is_ok(), "values of the fake have string keys only");
    text
}

/// A PHP number: a float without a fraction is written like an integer.
pub(super) fn number(x: f64) -> Value {
    // Whole numbers above 2^53 do not occur: the amounts of an order are far below.
    if x.fract() == 0.0 && x.abs() < 9e15 { Value::from(x as i64) } else { Value::from(x) }
}

/// `wc_format_decimal`: `minor` units of a currency with `digits` decimals, written with `dp` of them.
pub(super) fn decimal(minor: i64, digits: u32, dp: u32) -> String {
    let (value, dp) = if dp >= digits {
        (i128::from(minor) * 10_i128.pow((dp - digits).min(20)), dp as usize)
    } else {
        let step = 10_i128.pow(digits - dp);
        let half = if minor < 0 { -step / 2 } else { step / 2 };
        ((i128::from(minor) + half) / step, dp as usize)
    };
    let sign = if value < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", value.unsigned_abs(), width = dp + 1);
    let (whole, fraction) = text.split_at(text.len() - dp);
    if dp == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Reads a posted amount (`"12.5"`, `12.5`, `12`) into minor units; `None` if it is not numeric.
pub(super) fn minor(value: &Value, digits: u32) -> Option<i64> {
    let number = match value {
        Value::Number(n) => n.as_f64()?,
        Value::String(s) => s.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    Some((number * 10_f64.powi(digits.cast_signed())).round() as i64)
}

/// The clock face `secs` after 1970 reads, without a zone: `2026-11-21T10:00:00`.
pub(super) fn date(secs: i64) -> String {
    jiff::Timestamp::from_second(secs).map_or_else(
        |_| String::new(),
        |t| t.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
    )
}

/// The same as the database writes it, with a space.
pub(super) fn sql_date(secs: i64) -> String {
    date(secs).replace('T', " ")
}

/// A date parameter as `WP_Date_Query` understands it: the seconds that a clock without a zone would show.
///
/// A text without a zone is taken as it stands. One *with* a zone is first converted to the shop's local
/// time, and that is then compared with whichever column is asked for, so that `…Z` together with
/// `dates_are_gmt=true` is wrong by the shop's offset.
pub(super) fn parse_date(text: &str, utc_offset_secs: i64) -> Option<i64> {
    let clock_end = 19;
    let (clock, rest) = (text.get(..clock_end)?, text.get(clock_end..)?);
    let clock = clock.replacen(' ', "T", 1);
    let face: DateTime = clock.parse().ok()?;
    let secs = face.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    if zone.is_empty() {
        return Some(secs);
    }
    let zone_secs = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, digits) = match zone.split_at_checked(1)? {
                ("+", d) => (1, d.replace(':', "")),
                ("-", d) => (-1, d.replace(':', "")),
                _ => return None,
            };
            let hhmm: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
            sign * (hhmm / 100 * 3600 + hhmm % 100 * 60)
        }
    };
    Some(secs - zone_secs + utc_offset_secs)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_as_php_does() {
        let text = json(&serde_json::json!({"a": "髙/😀\n\"", "b": []}));
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"a":"\u9ad9\/\ud83d\ude00\n\"","b":[]}"#);
    }

    #[test]
    fn decimals_follow_dp() {
        assert_eq!(decimal(1080, 0, 0), "1080");
        assert_eq!(decimal(1080, 0, 2), "1080.00");
        assert_eq!(decimal(-5, 2, 2), "-0.05");
        assert_eq!(decimal(1995, 2, 0), "20");
        assert_eq!(decimal(-1995, 2, 1), "-20.0");
        assert_eq!(minor(&Value::from("19.95"), 2), Some(1995));
        assert_eq!(minor(&Value::from("x"), 2), None);
        assert_eq!(number(100.0).to_string(), "100");
        assert_eq!(number(227.272_727_5).to_string(), "227.2727275");
    }

    #[test]
    fn a_date_with_a_zone_is_turned_into_local_time() {
        let naive = parse_date("2026-11-21T10:00:00", 9 * 3600).unwrap();
        assert_eq!(date(naive), "2026-11-21T10:00:00");
        assert_eq!(parse_date("2026-11-21T10:00:00Z", 9 * 3600), Some(naive + 9 * 3600));
        assert_eq!(parse_date("2026-11-21T10:00:00+09:00", 9 * 3600), Some(naive));
        assert_eq!(parse_date("2026-11-21 10:00:00.250", 0), Some(naive));
        for wrong in ["", "yesterday", "2026-11-21", "2026-13-21T10:00:00", "2026-11-21T10:00:00+9"] {
            assert_eq!(parse_date(wrong, 0), None, "{wrong}");
        }
    }
}
