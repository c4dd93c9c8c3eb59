//! Numbers, money and times as people read them.

use banto_channel::{Money, Timestamp};
use jiff::tz::TimeZone;

use super::Language;

/// `12,345`.
pub(super) fn number(n: i64) -> String {
    grouped(&n.to_string())
}

/// Minor units with their currency: yen and the common ones by their sign, others by their code.
pub(super) fn money(amount: i64, currency: &str) -> String {
    let (sign, digits) = match Money(amount).to_decimal(currency) {
        text if amount < 0 => ("−", text.trim_start_matches('-').to_owned()),
        text => ("", text),
    };
    let digits = match digits.split_once('.') {
        Some((whole, cents)) => format!("{}.{cents}", grouped(whole)),
        None => grouped(&digits),
    };
    match currency {
        "JPY" => format!("{sign}¥{digits}"),
        "USD" => format!("{sign}${digits}"),
        "EUR" => format!("{sign}€{digits}"),
        "GBP" => format!("{sign}£{digits}"),
        code => format!("{sign}{digits} {code}"),
    }
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", digits),
    };
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time as short as can be told apart: today `14:05`, this year `11/22 14:05`, else `2025/11/22`.
pub(super) fn time(at: i64, now: Timestamp, zone: &TimeZone) -> String {
    let (Some(at), Some(now)) = (zoned(at, zone), zoned(now.0, zone)) else { return "–".to_owned() };
    let shape = match (at.date() == now.date(), at.year() == now.year()) {
        (true, _) => "%H:%M",
        (_, true) => "%m/%d %H:%M",
        _ => "%Y/%m/%d",
    };
    at.strftime(shape).to_string()
}

/// `2026-11-22 14:05:09 +09:00`.
pub(super) fn time_full(at: i64, zone: &TimeZone) -> String {
    zoned(at, zone).map_or_else(|| "–".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
}

/// How long ago, or how soon, in the largest unit that fits.
pub(super) fn ago(at: i64, now: Timestamp, language: Language) -> String {
    let seconds = (now.0 - at) / 1_000_000;
    let (n, en, ja) = match seconds.abs() {
        s @ 0..60 => (s, "s", "秒"),
        s @ 60..3600 => (s / 60, "min", "分"),
        s @ 3600..86_400 => (s / 3600, "h", "時間"),
        s => (s / 86_400, "d", "日"),
    };
    match (language, seconds >= 0) {
        (Language::Ja, true) => format!("{n}{ja}前"),
        (Language::Ja, false) => format!("あと{n}{ja}"),
        (Language::En, true) => format!("{n} {en} ago"),
        (Language::En, false) => format!("in {n} {en}"),
    }
}

fn zoned(at: i64, zone: &TimeZone) -> Option<jiff::Zoned> {
    Some(jiff::Timestamp::from_microsecond(at).ok()?.to_zoned(zone.clone()))
}

/// How many, as far as it is counted for a tab.
pub(super) fn count(n: i64) -> String {
    if n > 999 { "999+".to_owned() } else { n.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_as_people_write_it() {
        for (amount, currency, text) in [
            (0, "JPY", "¥0"),
            (999, "JPY", "¥999"),
            (1080, "JPY", "¥1,080"),
            (-1_234_567, "JPY", "−¥1,234,567"),
            (123_450, "USD", "$1,234.50"),
            (-5, "USD", "−$0.05"),
            (100_000, "CHF", "1,000.00 CHF"),
        ] {
            assert_eq!(money(amount, currency), text);
        }
        assert_eq!(number(-1000), "−1,000");
    }

    #[test]
    fn a_time_is_as_short_as_can_be_told_apart() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let now = Timestamp(1_795_311_000_000_000);
        assert_eq!(time_full(now.0, &zone), "2026-11-22 10:30:00 +09:00");
        assert_eq!(time(now.0 - 60_000_000, now, &zone), "10:29");
        assert_eq!(time(now.0 - 86_400_000_000, now, &zone), "11/21 10:30");
        assert_eq!(time(now.0 - 400 * 86_400_000_000, now, &zone), "2025/10/18");
        assert_eq!(time(i64::MAX, now, &zone), "–");
    }

    #[test]
    fn how_long_ago() {
        let now = Timestamp(1_000_000_000_000);
        let told = |seconds: i64, language| ago(now.0 - seconds * 1_000_000, now, language);
        assert_eq!(told(5, Language::Ja), "5秒前");
        assert_eq!(told(300, Language::En), "5 min ago");
        assert_eq!(told(-7200, Language::Ja), "あと2時間");
        assert_eq!(told(200_000, Language::En), "2 d ago");
    }
}
