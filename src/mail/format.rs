//! How money, dates and addresses are written for a buyer.

use banto_channel::{Address, Money, Timestamp};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// What stands before an amount, for the currencies that have an unmistakable sign.
const SIGNS: &[(&str, &str)] = &[
    ("AUD", "A$"),
    ("CAD", "CA$"),
    ("CNY", "CN¥"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("NZD", "NZ$"),
    ("PHP", "₱"),
    ("SGD", "S$"),
    ("THB", "฿"),
    ("TWD", "NT$"),
    ("USD", "$"),
    ("VND", "₫"),
];

/// Writes an amount with its currency and grouped thousands: `¥1,234`, `-$12.34`, `CHF 1,234.50`.
#[must_use]
pub fn money(amount: Money, currency: &str) -> String {
    let decimal = amount.to_decimal(currency);
    let (minus, unsigned) = match decimal.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", decimal.as_str()),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut number = grouped(whole);
    if !fraction.is_empty() {
        number.push('.');
        number.push_str(fraction);
    }
    match SIGNS.iter().find(|(code, _)| *code == currency) {
        Some((_, sign)) => format!("{minus}{sign}{number}"),
        None => format!("{minus}{currency} {number}"),
    }
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The primary language of a BCP 47 tag, in lower case: `ja` of `ja-JP`.
#[must_use]
pub fn primary_language(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or("").to_ascii_lowercase()
}

/// Writes a moment in the shop's zone: `2026年11月22日（日）7:10`, `22 November 2026, 07:10 JST`.
#[must_use]
pub fn date_time(at: Timestamp, zone: &TimeZone, language: &str) -> String {
    let local = local(at, zone);
    match primary_language(language).as_str() {
        "ja" => format!("{}{}", date(at, zone, language), local.strftime("%-H:%M")),
        "en" => local.strftime("%-d %B %Y, %H:%M %Z").to_string(),
        _ => local.strftime("%Y-%m-%d %H:%M %Z").to_string(),
    }
}

/// Writes the day of a moment in the shop's zone: `2026年11月22日（日）`, `22 November 2026`.
#[must_use]
pub fn date(at: Timestamp, zone: &TimeZone, language: &str) -> String {
    let local = local(at, zone);
    match primary_language(language).as_str() {
        "ja" => format!("{}（{}）", local.strftime("%Y年%-m月%-d日"), weekday_ja(local.weekday())),
        "en" => local.strftime("%-d %B %Y").to_string(),
        _ => local.strftime("%Y-%m-%d").to_string(),
    }
}

/// Moments beyond jiff's years (±9999) are shown as its first or last one.
fn local(at: Timestamp, zone: &TimeZone) -> jiff::Zoned {
    let beyond = if at.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(at.0).unwrap_or(beyond).to_zoned(zone.clone())
}

const fn weekday_ja(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "月",
        Weekday::Tuesday => "火",
        Weekday::Wednesday => "水",
        Weekday::Thursday => "木",
        Weekday::Friday => "金",
        Weekday::Saturday => "土",
        Weekday::Sunday => "日",
    }
}

/// The lines of an address below the name, in the order of the country: postcode first in Japan, last in the
/// west. An address in Japan is written the western way for a reader of another language.
#[must_use]
pub fn address_lines(address: &Address, language: &str) -> Vec<String> {
    let domestic = matches!(address.country.as_str(), "JP" | "") && primary_language(language) == "ja";
    let lines = if domestic {
        let postcode = postcode_jp(&address.postcode);
        vec![
            if postcode.is_empty() { postcode } else { format!("〒{postcode}") },
            format!("{}{}{}", address.region, address.city, address.line1),
            address.line2.clone(),
            address.company.clone(),
        ]
    } else {
        vec![
            address.company.clone(),
            address.line1.clone(),
            address.line2.clone(),
            joined(&[&address.city, &joined(&[&address.region, &address.postcode], " ")], ", "),
            address.country.clone(),
        ]
    };
    lines.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// `1500001` is written `150-0001`; anything else stays as given.
fn postcode_jp(postcode: &str) -> String {
    let postcode = postcode.trim();
    match (postcode.len(), postcode.bytes().all(|b| b.is_ascii_digit()), postcode.split_at_checked(3)) {
        (7, true, Some((area, rest))) => format!("{area}-{rest}"),
        _ => postcode.to_owned(),
    }
}

fn joined(parts: &[&str], separator: &str) -> String {
    let filled: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    filled.join(separator)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn money_is_grouped_and_signed_by_currency() {
        for (minor, currency, text) in [
            (0, "JPY", "¥0"),
            (980, "JPY", "¥980"),
            (1_234, "JPY", "¥1,234"),
            (12_345_678, "JPY", "¥12,345,678"),
            (1_234, "USD", "$12.34"),
            (5, "USD", "$0.05"),
            (-123_456, "EUR", "-€1,234.56"),
            (123_450, "CHF", "CHF 1,234.50"),
            (76_874, "KWD", "KWD 76.874"),
            (i64::MIN, "JPY", "-¥9,223,372,036,854,775,808"),
        ] {
            assert_eq!(money(Money(minor), currency), text);
        }
    }

    #[test]
    fn dates_follow_the_zone_and_the_language() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = Timestamp::from_secs(1_795_299_000);
        assert_eq!(date_time(at, &tokyo, "ja"), "2026年11月22日（日）7:10");
        assert_eq!(date_time(at, &tokyo, "ja-JP"), "2026年11月22日（日）7:10");
        assert_eq!(date_time(at, &berlin, "en-GB"), "21 November 2026, 23:10 CET");
        assert_eq!(date(at, &berlin, "en"), "21 November 2026");
        assert_eq!(date_time(at, &berlin, "de"), "2026-11-21 23:10 CET");
        assert!(date_time(Timestamp(i64::MAX), &tokyo, "en").contains("9999"));
    }

    #[test]
    fn addresses_follow_the_country_and_the_reader() {
        let tokyo = Address {
            country: "JP".to_owned(),
            postcode: "1500001".to_owned(),
            region: "東京都".to_owned(),
            city: "渋谷区".to_owned(),
            line1: "神宮前1-2-3".to_owned(),
            line2: "コーポ①201".to_owned(),
            ..Address::default()
        };
        assert_eq!(address_lines(&tokyo, "ja"), ["〒150-0001", "東京都渋谷区神宮前1-2-3", "コーポ①201"]);
        assert_eq!(
            address_lines(&tokyo, "en"),
            ["神宮前1-2-3", "コーポ①201", "渋谷区, 東京都 1500001", "JP"]
        );
        let portland = Address {
            company: "Acme".to_owned(),
            country: "US".to_owned(),
            postcode: "97201".to_owned(),
            region: "OR".to_owned(),
            city: "Portland".to_owned(),
            line1: "1 Main St".to_owned(),
            ..Address::default()
        };
        assert_eq!(address_lines(&portland, "ja"), ["Acme", "1 Main St", "Portland, OR 97201", "US"]);
        assert!(address_lines(&Address::default(), "ja").is_empty());
    }
}
