//! Money: integer minor units and an ISO 4217 code. Never a float.

use std::fmt;

use crate::{Bilingual, both};

/// An amount in the minor units of its currency (cents; yen, which has none below).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Money(pub i64);

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// The currency code is not one that [`minor_digits`] knows.
    UnknownCurrency(String),
    /// The text is not a decimal number.
    NotANumber(String),
    /// The text has more digits after the point than the currency has, and they are not zero.
    TooPrecise(String),
    /// The number does not fit.
    TooLarge(String),
}

impl MoneyError {
    /// What is wrong, for the merchant.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        match self {
            Self::UnknownCurrency(c) => both!("unknown currency {c:?}", "不明な通貨「{c}」です"),
            Self::NotANumber(t) => both!("{t:?} is not an amount", "「{t}」は金額ではありません"),
            Self::TooPrecise(t) => {
                both!("{t:?} has more decimals than its currency", "「{t}」は通貨の小数桁数を超えています")
            }
            Self::TooLarge(t) => both!("{t:?} is too large an amount", "「{t}」は金額が大きすぎます"),
        }
    }
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for MoneyError {}

/// Digits after the point of a currency (ISO 4217, list one); `None` if the code is not known here.
#[must_use]
pub fn minor_digits(currency: &str) -> Option<u32> {
    Some(match currency {
        "JPY" | "KRW" | "VND" | "CLP" | "ISK" | "PYG" | "UGX" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "AED" | "ARS" | "AUD" | "BDT" | "BGN" | "BRL" | "CAD" | "CHF" | "CNY" | "COP" | "CRC" | "CZK"
        | "DKK" | "EGP" | "EUR" | "GBP" | "GEL" | "GHS" | "HKD" | "HUF" | "IDR" | "ILS" | "INR" | "KES"
        | "KZT" | "LKR" | "MAD" | "MXN" | "MYR" | "NGN" | "NOK" | "NZD" | "PEN" | "PHP" | "PKR" | "PLN"
        | "QAR" | "RON" | "RSD" | "RUB" | "SAR" | "SEK" | "SGD" | "THB" | "TRY" | "TWD" | "UAH" | "USD"
        | "UYU" | "ZAR" => 2,
        _ => return None,
    })
}

impl Money {
    /// Reads a plain decimal text (`"1234.50"`, `"-3"`). Zeros beyond the currency's decimals are dropped.
    ///
    /// Errors: see [`MoneyError`].
    pub fn parse(text: &str, currency: &str) -> Result<Self, MoneyError> {
        let digits =
            minor_digits(currency).ok_or_else(|| MoneyError::UnknownCurrency(currency.to_owned()))? as usize;
        let trimmed = text.trim();
        let (negative, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::NotANumber(text.to_owned()));
        }
        let (kept, beyond) = fraction.split_at(fraction.len().min(digits));
        if beyond.bytes().any(|b| b != b'0') {
            return Err(MoneyError::TooPrecise(text.to_owned()));
        }
        let number = format!("{whole}{kept:0<digits$}");
        let minor: i64 = if number.is_empty() {
            0
        } else {
            number.parse().map_err(|_| MoneyError::TooLarge(text.to_owned()))?
        };
        Ok(Self(if negative { -minor } else { minor }))
    }

    /// Reads a decimal text that may carry more decimals than the currency has (a computed line price), and
    /// rounds half away from zero.
    ///
    /// Errors: see [`MoneyError`]; never [`MoneyError::TooPrecise`].
    pub fn parse_rounded(text: &str, currency: &str) -> Result<Self, MoneyError> {
        match Self::parse(text, currency) {
            Err(MoneyError::TooPrecise(_)) => {
                let digits = minor_digits(currency).unwrap_or(0) as usize;
                let trimmed = text.trim();
                let point = trimmed.find('.').unwrap_or(trimmed.len());
                let cut = trimmed.get(..point + if digits == 0 { 0 } else { digits + 1 }).unwrap_or(trimmed);
                let next = trimmed.as_bytes().get(point + 1 + digits).copied().unwrap_or(b'0');
                let base = Self::parse(cut, currency)?;
                let step = i64::from(next >= b'5');
                Ok(Self(if trimmed.starts_with('-') { base.0 - step } else { base.0 + step }))
            }
            other => other,
        }
    }

    /// Writes the amount as plain decimal text without the currency (`"1234.50"`).
    #[must_use]
    pub fn to_decimal(self, currency: &str) -> String {
        let digits = minor_digits(currency).unwrap_or(0) as usize;
        let sign = if self.0 < 0 { "-" } else { "" };
        let number = format!("{:0>width$}", self.0.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = number.split_at(number.len() - digits);
        if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_goes_both_ways() {
        for (text, currency, minor) in [
            ("1234.50", "USD", 123_450),
            ("1234", "JPY", 1234),
            ("1234.00", "JPY", 1234),
            ("-0.05", "EUR", -5),
            (".5", "EUR", 50),
            ("76.874", "KWD", 76_874),
        ] {
            assert_eq!(Money::parse(text, currency), Ok(Money(minor)), "{text} {currency}");
        }
        assert_eq!(Money(-5).to_decimal("EUR"), "-0.05");
        assert_eq!(Money(123_450).to_decimal("USD"), "1234.50");
        assert_eq!(Money(980).to_decimal("JPY"), "980");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        assert!(matches!(Money::parse("", "JPY"), Err(MoneyError::NotANumber(_))));
        assert!(matches!(Money::parse("1e3", "JPY"), Err(MoneyError::NotANumber(_))));
        assert!(matches!(Money::parse("12.34", "JPY"), Err(MoneyError::TooPrecise(_))));
        assert!(matches!(Money::parse("1", "ABC"), Err(MoneyError::UnknownCurrency(_))));
        assert!(matches!(Money::parse("99999999999999999999", "JPY"), Err(MoneyError::TooLarge(_))));
    }

    #[test]
    fn computed_prices_round_half_away_from_zero() {
        assert_eq!(Money::parse_rounded("33.333333", "USD"), Ok(Money(3333)));
        assert_eq!(Money::parse_rounded("33.335", "USD"), Ok(Money(3334)));
        assert_eq!(Money::parse_rounded("-0.5", "JPY"), Ok(Money(-1)));
        assert_eq!(Money::parse_rounded("0.4", "JPY"), Ok(Money(0)));
    }
}
