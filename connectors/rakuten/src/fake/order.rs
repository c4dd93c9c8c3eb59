//! One order as the shop keeps it.

use std::collections::BTreeMap;

use banto_channel::{Address, Buyer};
use serde_json::Value;

/// When something happened to an order, by the dates that `searchOrder` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum When {
    Placed = 1,
    Confirmed = 2,
    Fixed = 3,
    Shipped = 4,
    Reported = 5,
    Paid = 6,
}

/// A way to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Method {
    pub(super) code: i64,
    pub(super) name: &'static str,
    /// Money that has to arrive before the order is fixed.
    pub(super) prepaid: bool,
}

pub(super) const CARD: Method = Method { code: 1, name: "クレジットカード", prepaid: false };
pub(super) const BANK: Method = Method { code: 9, name: "銀行振込", prepaid: true };

/// A receiver or a buyer, in the parts that RMS keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    pub(super) zip: (String, String),
    pub(super) prefecture: String,
    pub(super) city: String,
    pub(super) sub_address: String,
    pub(super) name: (String, String),
    pub(super) kana: (String, String),
    pub(super) phone: String,
    pub(super) mail: String,
}

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: i64,
    pub(super) manage_number: String,
    pub(super) variant_id: String,
    pub(super) code: String,
    pub(super) title: String,
    pub(super) option: String,
    pub(super) price: i64,
    pub(super) units: i64,
    pub(super) reduced_tax: bool,
}

/// One row of 発送情報.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) carrier: String,
    pub(super) number: String,
    pub(super) day: String,
}

impl Row {
    /// A row beside others needs its number, too.
    pub(super) fn is_complete(&self, alone: bool) -> bool {
        !self.carrier.is_empty() && !self.day.is_empty() && (alone || !self.number.is_empty())
    }
}

/// What was done about an order, for its history.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) id: i64,
    pub(super) kind: i64,
    pub(super) detail: i64,
    pub(super) at: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) number: String,
    pub(super) progress: i64,
    pub(super) dates: BTreeMap<When, i64>,
    /// When a state that passes by itself ends (200 of a card, 800).
    pub(super) passes_at: Option<i64>,
    pub(super) method: Method,
    pub(super) orderer: Contact,
    pub(super) receiver: Contact,
    pub(super) basket: i64,
    pub(super) lines: Vec<Line>,
    pub(super) rows: Vec<Row>,
    pub(super) postage: i64,
    pub(super) points: i64,
    pub(super) note: String,
    pub(super) memo: String,
    pub(super) changes: Vec<Change>,
    /// What makes an odd order odd, done to the text that is handed out.
    pub(super) odd: Option<fn(&mut Value)>,
}

impl Order {
    pub(super) fn goods(&self) -> i64 {
        self.lines.iter().map(|line| line.price * line.units).sum()
    }

    /// 請求金額.
    pub(super) fn asked(&self) -> i64 {
        self.goods() + self.postage - self.points
    }

    pub(super) fn at(&self, when: When) -> Option<i64> {
        self.dates.get(&when).copied()
    }

    /// Whether everything stands there that makes it shipped.
    pub(super) fn is_reported(&self) -> bool {
        let alone = self.rows.len() == 1;
        !self.rows.is_empty() && self.rows.iter().all(|row| row.is_complete(alone))
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.progress >= 800
    }
}

/// Family and given name: the first blank parts them.
fn split_name(name: &str) -> (String, String) {
    let (family, first) = name.split_once([' ', '\u{3000}']).unwrap_or((name, ""));
    (family.to_owned(), first.to_owned())
}

pub(super) fn contact(buyer: &Buyer, to: &Address, is_buyer: bool) -> Contact {
    let (zip1, zip2) = to.postcode.split_once('-').unwrap_or((&to.postcode, ""));
    let (name, phone) = match is_buyer {
        true if !buyer.name.is_empty() => (&buyer.name, &buyer.phone),
        _ => (&to.name, &to.phone),
    };
    Contact {
        zip: (zip1.to_owned(), zip2.to_owned()),
        prefecture: to.region.clone(),
        city: to.city.clone(),
        sub_address: format!("{} {}", to.line1, to.line2).trim().to_owned(),
        name: split_name(name),
        kana: split_name(&to.name_kana),
        phone: phone.clone(),
        mail: buyer.email.clone(),
    }
}

/// `2026-11-21T19:00:00+0900`.
pub(super) fn stamp(second: i64) -> String {
    let (year, month, day) = civil(second);
    let of_day = (second + 9 * 3600).rem_euclid(86_400);
    let (hour, minute, sec) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{sec:02}+0900")
}

/// `2026-11-21` in Japan.
pub(super) fn day(second: i64) -> String {
    stamp(second).chars().take(10).collect()
}

/// Year, month and day of a second in Japan (Howard Hinnant's `civil_from_days`).
fn civil(second: i64) -> (i64, i64, i64) {
    let days = (second + 9 * 3600).div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// The second of `YYYY-MM-DDThh:mm:ss+0900`, exactly so; the inverse of [`stamp`].
pub(super) fn second(text: &str) -> Option<i64> {
    let plain = text.strip_suffix("+0900")?;
    if plain.len() != 19 || !plain.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| plain.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let shifted = (month + 9) % 12;
    let year_from_march = year - i64::from(month <= 2);
    let era = year_from_march.div_euclid(400);
    let of_era = year_from_march.rem_euclid(400);
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let at = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)? - 9 * 3600;
    // A 31st of February is not a time.
    (stamp(at) == text).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_go_both_ways_and_nothing_else_is_one() {
        for (at, text) in [
            (1_795_255_200, "2026-11-21T19:00:00+0900"),
            (951_749_999, "2000-02-28T23:59:59+0900"),
            (0, "1970-01-01T09:00:00+0900"),
        ] {
            assert_eq!(stamp(at), text);
            assert_eq!(second(text), Some(at));
        }
        for strange in
            ["2026-11-21T19:00:00+09:00", "2026-11-21T10:00:00Z", "2026-02-31T00:00:00+0900", "2026-11-21"]
        {
            assert_eq!(second(strange), None, "{strange}");
        }
    }
}
