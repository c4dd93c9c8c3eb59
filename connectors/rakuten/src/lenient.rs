//! Reading what RMS writes: numbers that may come as text, lists and models that may come as null.

use banto_channel::{Bilingual, Money};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::JPY;

/// What RMS writes for an amount that nobody has fixed yet.
const UNFIXED: &str = "-9999";

/// A scalar as the characters that came, whatever its type; empty for null and for what is no scalar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// An amount of yen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yen {
    Fixed(Money),
    /// The shop or Rakuten has still to say it.
    Unfixed,
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let raw = raw.get();
        Ok(Self(match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw).map_err(D::Error::custom)?,
            Some(b'{' | b'[' | b'n') | None => String::new(),
            Some(_) => raw.to_owned(),
        }))
    }
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        self.0.trim()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }

    /// The text, unless it is empty.
    pub(crate) fn some(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.as_str().to_owned())
    }

    /// A whole number; `None` for anything else.
    pub(crate) fn whole(&self) -> Option<i64> {
        self.as_str().parse().ok()
    }

    /// Whether a flag is set: RMS writes 1 (orders) or true (items).
    pub(crate) fn is_set(&self) -> bool {
        matches!(self.as_str(), "1" | "true")
    }

    /// An amount of yen; nothing where nothing stands.
    ///
    /// `Err` holds in plain words what stands there instead.
    pub(crate) fn yen(&self) -> Result<Yen, Bilingual> {
        match self.as_str() {
            "" => Ok(Yen::Fixed(Money(0))),
            UNFIXED => Ok(Yen::Unfixed),
            text => Money::parse(text, JPY).map(Yen::Fixed).map_err(|e| e.words()),
        }
    }

    /// A tax rate such as `0.08` in hundredths of a percent.
    pub(crate) fn basis_points(&self) -> Option<i64> {
        let (whole, fraction) = self.as_str().split_once('.').unwrap_or((self.as_str(), ""));
        if whole.is_empty() || fraction.len() > 4 {
            return None;
        }
        format!("{whole}{fraction:0<4}").parse().ok().filter(|rate| *rate >= 0)
    }
}

impl Yen {
    /// The amount, nothing while it is not fixed.
    pub(crate) const fn known(self) -> Money {
        match self {
            Self::Fixed(amount) => amount,
            Self::Unfixed => Money(0),
        }
    }
}

/// For `deserialize_with`: null is the same as nothing.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn text(json: &str) -> Text {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn scalars_come_in_any_dress() {
        assert_eq!(text("\"\\u9ad9 \""), Text("髙 ".to_owned()));
        assert_eq!(text("12").whole(), Some(12));
        assert_eq!(text("\"12\"").whole(), Some(12));
        assert!(text("null").is_empty() && text("{}").is_empty() && text("[1]").is_empty());
        assert!(text("1").is_set() && text("true").is_set() && !text("0").is_set() && !text("null").is_set());
    }

    #[test]
    fn amounts_are_yen_or_not_fixed_yet() {
        assert_eq!(text("1080").yen(), Ok(Yen::Fixed(Money(1080))));
        assert_eq!(text("\"-9999\"").yen(), Ok(Yen::Unfixed));
        assert_eq!(text("-9998").yen(), Ok(Yen::Fixed(Money(-9998))));
        assert_eq!(text("null").yen(), Ok(Yen::Fixed(Money(0))));
        assert!(text("12.5").yen().is_err());
    }

    #[test]
    fn rates_are_exact() {
        assert_eq!(text("0.08").basis_points(), Some(800));
        assert_eq!(text("0.1").basis_points(), Some(1000));
        assert_eq!(text("0").basis_points(), Some(0));
        assert_eq!(text("0.08001").basis_points(), None);
        assert_eq!(text("null").basis_points(), None);
    }
}
