//! Exact sums of decimal texts, rounded once at the end.

use banto_channel::{Bilingual, Money, both, minor_digits};

/// Decimals that are kept while adding; WooCommerce stores at most eight.
const SCALE: u32 = 12;

/// A decimal number without a currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exact(i128);

impl Exact {
    /// Reads a plain decimal text; an empty one is nothing, which is 0. Digits beyond the twelfth are dropped.
    ///
    /// `Err` holds the reason in plain words.
    pub(crate) fn parse(text: &str) -> Result<Self, Bilingual> {
        let bad = || both!("{text:?} is not an amount", "「{text}」は金額ではありません");
        let trimmed = text.trim();
        let (sign, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, trimmed),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) || whole.len() > 18 {
            return Err(bad());
        }
        if whole.is_empty() && fraction.is_empty() {
            return if trimmed.is_empty() { Ok(Self(0)) } else { Err(bad()) };
        }
        let kept: String = fraction.chars().take(SCALE as usize).collect();
        let number = format!("{whole}{kept:0<width$}", width = SCALE as usize);
        number.parse::<i128>().map(|n| Self(sign * n)).map_err(|_| bad())
    }

    /// In the minor units of a currency that `minor_digits` knows, rounded half away from zero.
    ///
    /// `Err` holds the reason in plain words.
    pub(crate) fn money(self, currency: &str) -> Result<Money, Bilingual> {
        let digits = minor_digits(currency)
            .ok_or_else(|| both!("currency {currency:?} is not known", "不明な通貨「{currency}」です"))?;
        let unit = 10_i128.pow(SCALE.saturating_sub(digits));
        let half = if self.0 < 0 { -unit / 2 } else { unit / 2 };
        i64::try_from((self.0 + half) / unit)
            .map(Money)
            .map_err(|_| both!("an amount is too large", "金額が大きすぎます"))
    }

    /// Split evenly; 0 stays 0 for a count of 0.
    pub(crate) fn divided(self, count: i64) -> Self {
        match count {
            0 => Self(0),
            n => Self(self.0 / i128::from(n)),
        }
    }

    /// Without its sign.
    pub(crate) fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// The whole number it is, if it is one.
    pub(crate) fn whole(self) -> Option<i64> {
        let unit = 10_i128.pow(SCALE);
        (self.0 % unit == 0).then(|| i64::try_from(self.0 / unit).ok()).flatten()
    }

    /// The next whole number upwards.
    pub(crate) fn ceil(self) -> i64 {
        let unit = 10_i128.pow(SCALE);
        i64::try_from(self.0.div_euclid(unit) + i128::from(self.0.rem_euclid(unit) != 0)).unwrap_or(i64::MAX)
    }

    /// In hundredths (a percentage as basis points), if it has no more than two decimals.
    pub(crate) fn hundredths(self) -> Option<i64> {
        let unit = 10_i128.pow(SCALE - 2);
        (self.0 % unit == 0).then(|| i64::try_from(self.0 / unit).ok()).flatten()
    }
}

impl std::ops::Add for Exact {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), std::ops::Add::add)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).unwrap()
    }

    #[test]
    fn sums_are_exact_and_rounded_once() {
        let thirds: Exact = ["33.333333", "33.333333", "33.333334"].into_iter().map(exact).sum();
        assert_eq!(thirds.money("USD"), Ok(Money(10_000)));
        assert_eq!(exact("907.407407").money("JPY"), Ok(Money(907)));
        assert_eq!(exact("-0.5").money("JPY"), Ok(Money(-1)));
        assert_eq!(exact("0.1234567890123").money("KWD"), Ok(Money(123)));
        assert_eq!(exact("").money("JPY"), Ok(Money(0)));
        assert_eq!(exact("100").divided(3).money("USD"), Ok(Money(3333)));
        assert_eq!(exact("1").divided(0), exact("0"));
    }

    #[test]
    fn what_is_no_amount_says_so() {
        for text in ["abc", "1,5", "-", "1.2.3", "1e3", "1234567890123456789"] {
            assert!(Exact::parse(text).is_err(), "{text}");
        }
        assert!(exact("1").money("ABC").unwrap_err().en.contains("ABC"));
        assert!(exact("999999999999999999").money("USD").is_err());
    }

    #[test]
    fn counts_and_rates_are_read() {
        assert_eq!(exact("3.000").whole(), Some(3));
        assert_eq!(exact("1.5").whole(), None);
        assert_eq!(exact("1.5").ceil(), 2);
        assert_eq!(exact("-1.5").ceil(), -1);
        assert_eq!(exact("8.25").hundredths(), Some(825));
        assert_eq!(exact("8.125").hundredths(), None);
    }
}
