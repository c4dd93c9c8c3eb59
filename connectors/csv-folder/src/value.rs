//! Cells to numbers, amounts and times.

use banto_channel::{Bilingual, Money, Timestamp, both};
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use crate::text::narrow;

/// A plain decimal text of what people write as a number: wide digits, thousands separators, 円 and ¥, △ for minus.
fn number(written: &str) -> String {
    let narrow = narrow(written);
    let (mut digits, mut negative) = (String::new(), false);
    for c in narrow.chars() {
        match c {
            ',' | '\u{3001}' | ' ' | '¥' | '￥' | '\\' | '円' | '$' | '€' => {}
            '△' | '▲' | '−' | '－' => negative = true,
            _ => digits.push(c),
        }
    }
    if negative { format!("-{digits}") } else { digits }
}

/// An amount. Decimals beyond those of the currency must be zero.
pub(crate) fn money(written: &str, currency: &str) -> Result<Money, Bilingual> {
    Money::parse(&number(written), currency).map_err(|_| {
        both!("{written:?} is not an amount in {currency}", "「{written}」は{currency}の金額ではありません")
    })
}

/// A number of units: whole and not negative.
pub(crate) fn units(written: &str) -> Result<i64, Bilingual> {
    let plain = number(written);
    let whole = match plain.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        _ => &plain,
    };
    match whole.parse::<i64>() {
        Ok(units @ 0..) => Ok(units),
        _ => Err(both!(
            "{written:?} is not a number of units (0, 1, 2 …)",
            "「{written}」は個数（0、1、2…）ではありません"
        )),
    }
}

/// A tax rate in hundredths of a percent: `8`, `10%`, `0.08`, `軽減8％`.
pub(crate) fn rate_bp(written: &str) -> Option<i64> {
    let plain = number(written);
    let digits: String = plain.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    // Two decimals are what EUR has: "8" reads as 800 of its cents, which is the rate in hundredths of a percent.
    let parsed = |text: &str| Money::parse(text, "EUR").ok().map(|money| money.0);
    match digits.strip_prefix("0.") {
        Some(fraction) => format!("{fraction:0<4}").parse().ok().filter(|bp| *bp < 10_000),
        None => parsed(&digits),
    }
}

/// How times are written.
#[derive(Clone, Debug)]
pub(crate) struct Dates {
    /// Patterns of strftime, tried in this order.
    pub(crate) formats: Vec<String>,
    /// Where a time without an offset is read.
    pub(crate) zone: TimeZone,
}

impl Dates {
    pub(crate) fn read(&self, written: &str) -> Result<Timestamp, Bilingual> {
        let text = narrow(written);
        let found = self.formats.iter().find_map(|format| self.parse(format, &text));
        found.ok_or_else(|| {
            both!(
                "{written:?} is not written like any of date_formats ({formats})",
                "「{written}」は date_formats（{formats}）のどの書式とも一致しません",
                formats = self.formats.join(", ")
            )
        })
    }

    fn parse(&self, format: &str, text: &str) -> Option<Timestamp> {
        let parts = BrokenDownTime::parse(format, text).ok()?;
        let civil: DateTime = parts.to_datetime().ok()?;
        let at = match parts.offset() {
            Some(offset) => offset.to_timestamp(civil).ok()?,
            None => self.zone.to_ambiguous_zoned(civil).compatible().ok()?.timestamp(),
        };
        Some(Timestamp(at.as_microsecond()))
    }

    /// A time of ours, in the zone and a pattern.
    pub(crate) fn write(&self, at: Timestamp, format: &str) -> String {
        let stamp = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
        stamp.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_write_them() {
        for (written, yen) in [
            ("1,234", 1234),
            ("￥１，２３４", 1234),
            ("1234円", 1234),
            ("-500", -500),
            ("△500", -500),
            ("980.00", 980),
            ("\\980", 980),
        ] {
            assert_eq!(money(written, "JPY"), Ok(Money(yen)), "{written}");
        }
        for written in ["", "-", "free", "1e3", "9.80", "12-3"] {
            assert!(money(written, "JPY").is_err(), "{written}");
        }
        assert_eq!(money("1,234.5", "USD"), Ok(Money(123_450)));
    }

    #[test]
    fn units_are_whole_and_not_negative() {
        assert_eq!(units("１２"), Ok(12));
        assert_eq!(units("2.00"), Ok(2));
        for written in ["", "-1", "1.5", "two", "99999999999999999999"] {
            assert!(units(written).is_err(), "{written}");
        }
    }

    #[test]
    fn rates_of_tax() {
        for (written, bp) in [
            ("8", Some(800)),
            ("10%", Some(1000)),
            ("0.08", Some(800)),
            ("軽減８％", Some(800)),
            ("0.1", Some(1000)),
        ] {
            assert_eq!(rate_bp(written), bp, "{written}");
        }
        assert_eq!(rate_bp("標準"), None);
    }

    #[test]
    fn times_are_read_in_the_zone_unless_they_bring_their_own() {
        let formats =
            ["%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M:%S%:z", "%Y年%m月%d日", "%Y%m%d"];
        let dates = Dates {
            formats: formats.map(str::to_owned).to_vec(),
            zone: TimeZone::get("Asia/Tokyo").unwrap(),
        };
        let noon = Timestamp::from_secs(1_775_012_400);
        assert_eq!(dates.read("2026/04/01 12:00:00"), Ok(noon));
        assert_eq!(dates.read("2026/4/1 12:00"), Ok(noon));
        assert_eq!(dates.read("　２０２６／０４／０１ １２：００ "), Ok(noon));
        assert_eq!(dates.read("2026-04-01T03:00:00+00:00"), Ok(noon));
        let midnight = noon.minus(std::time::Duration::from_secs(12 * 3600));
        assert_eq!(dates.read("2026年04月01日"), Ok(midnight));
        assert_eq!(dates.read("20260401"), Ok(midnight));
        assert!(dates.read("46113").unwrap_err().en.contains("date_formats"));
        assert!(dates.read("2026/13/01 12:00").is_err());
        assert_eq!(dates.write(noon, "%Y/%m/%d %H:%M"), "2026/04/01 12:00");
    }
}
