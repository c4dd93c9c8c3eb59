//! JAN and its relatives (GS1 General Specifications, 7.9: check digit).

use std::fmt;

use banto_channel::{Bilingual, both};

/// Why a text is not a JAN/GTIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GtinError {
    /// It holds something else than digits.
    NotDigits,
    /// It has so many digits.
    Length(usize),
    /// Its last digit does not fit the others.
    CheckDigit {
        /// The digit that stands there.
        found: u32,
        /// The digit that would fit.
        right: u32,
    },
}

impl GtinError {
    /// What to tell whoever wrote it.
    #[must_use]
    pub fn words(&self) -> Bilingual {
        match self {
            Self::NotDigits => both!("a JAN/GTIN has digits only", "JANコードは数字だけです"),
            Self::Length(n) => both!(
                "a JAN/GTIN has 8, 12, 13 or 14 digits, this has {n}",
                "JANコードは8・12・13・14桁ですが、{n}桁です"
            ),
            Self::CheckDigit { found, right } => both!(
                "the check digit is {found} and should be {right}",
                "チェックデジットが{found}ですが、正しくは{right}です"
            ),
        }
    }
}

impl fmt::Display for GtinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for GtinError {}

/// Reads a JAN/GTIN; spaces and hyphens are dropped, leading zeros stay.
///
/// Errors: see [`GtinError`].
pub fn parse(text: &str) -> Result<String, GtinError> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let values: Vec<u32> = digits.chars().map_while(|c| c.to_digit(10)).collect();
    if values.len() != digits.chars().count() {
        return Err(GtinError::NotDigits);
    }
    if !matches!(values.len(), 8 | 12 | 13 | 14) {
        return Err(GtinError::Length(values.len()));
    }
    let Some((found, others)) = values.split_last() else { return Err(GtinError::Length(0)) };
    // From the right, the digits count three times and once in turn.
    let sum: u32 =
        others.iter().rev().zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    let right = (10 - sum % 10) % 10;
    if *found == right { Ok(digits) } else { Err(GtinError::CheckDigit { found: *found, right }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_decides() {
        for right in ["4901234567894", "49123456", "036000291452", "14901234567891"] {
            assert_eq!(parse(right).as_deref(), Ok(right));
        }
        assert_eq!(parse("4901-234 567894").as_deref(), Ok("4901234567894"));
        assert_eq!(parse("4901234567890"), Err(GtinError::CheckDigit { found: 0, right: 4 }));
        assert_eq!(parse("490123456789"), Err(GtinError::CheckDigit { found: 9, right: 3 }));
        assert_eq!(parse("490123"), Err(GtinError::Length(6)));
        assert_eq!(parse("49012345678९4"), Err(GtinError::NotDigits));
        assert_eq!(parse(""), Err(GtinError::Length(0)));
    }
}
