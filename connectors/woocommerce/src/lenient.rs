//! Reading what PHP writes: numbers as strings, empty lists for empty objects, lists with holes as objects.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Text, whatever JSON type it came as; null, `false` and containers are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// A decimal number as the digits that came, as a JSON number or as a string. Never a float.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) String);

/// A whole number as a JSON number or as a string; 0 for null, "" and the like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) i64);

/// true, "yes", "1", 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// A list, or an object with the list's positions as keys, or nothing.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

/// An object, or what PHP writes for an empty one (`[]`), or nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record<T>(pub(crate) T);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The text of a scalar; `None` for what is not one. Strings are unescaped, numbers stay as they were written.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?.get();
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).map(Some).map_err(D::Error::custom),
        Some(b'-' | b'0'..=b'9') => Ok(Some(raw.to_owned())),
        Some(b't') => Ok(Some("true".to_owned())),
        _ => Ok(None),
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(scalar(deserializer)?.unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(scalar(deserializer)?.unwrap_or_default().trim().to_owned()))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?.unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(0));
        }
        let whole = text.split_once('.').map_or(text, |(whole, fraction)| {
            match fraction.bytes().all(|b| b == b'0') {
                true => whole,
                false => text,
            }
        });
        whole.parse().map(Self).map_err(|_| D::Error::custom(format!("{text:?} is not a whole number")))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = scalar(deserializer)?.unwrap_or_default();
        Ok(Self(matches!(text.as_str(), "true" | "yes" | "1")))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element()? {
            rows.push(row);
        }
        Ok(List(rows))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<List<T>, A::Error> {
        let mut rows = Vec::new();
        while let Some((_, row)) = map.next_entry::<IgnoredAny, T>()? {
            rows.push(row);
        }
        Ok(List(rows))
    }

    fn visit_unit<E>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<List<T>, E> {
        Ok(List::default())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<List<T>, E> {
        match text.is_empty() {
            true => Ok(List::default()),
            false => Err(E::custom(format!("{text:?} is not a list"))),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct RecordVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for RecordVisitor<T> {
    type Value = Record<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Record<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Record)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Record<T>, A::Error> {
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(Record::default()),
            Some(_) => Err(A::Error::custom("a list where an object was expected")),
        }
    }

    fn visit_unit<E>(self) -> Result<Record<T>, E> {
        Ok(Record::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Record<T>, E> {
        Ok(Record::default())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Record<T>, E> {
        match text.is_empty() {
            true => Ok(Record::default()),
            false => Err(E::custom(format!("{text:?} is not an object"))),
        }
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecordVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read<'a, T: Deserialize<'a>>(json: &'a str) -> T {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn scalars_come_in_any_dress() {
        assert_eq!(read::<Text>("\"\\u9ad9\\ud83d\\ude00\"").0, "髙😀");
        assert_eq!(read::<Text>("12").0, "12");
        for nothing in ["null", "[]", "{}", "false", "\"\""] {
            assert_eq!(read::<Text>(nothing).0, "", "{nothing}");
            assert_eq!(read::<Whole>(nothing).0, 0, "{nothing}");
            assert!(!read::<Flag>(nothing).0, "{nothing}");
        }
        assert_eq!(read::<Amount>("33.333333333333336").0, "33.333333333333336");
        assert_eq!(read::<Amount>("\" 12.50\"").0, "12.50");
        assert_eq!(read::<Whole>("\"12\"").0, 12);
        assert_eq!(read::<Whole>("2.0").0, 2);
        assert!(serde_json::from_str::<Whole>("1.5").is_err());
        assert!(serde_json::from_str::<Whole>("\"x\"").is_err());
        assert!(read::<Flag>("\"yes\"").0);
    }

    #[test]
    fn lists_with_holes_and_empty_objects_are_read() {
        assert_eq!(read::<List<Whole>>("{\"1\":5,\"3\":7}").0, [Whole(5), Whole(7)]);
        assert!(read::<List<Whole>>("\"\"").0.is_empty());
        assert!(read::<List<Whole>>("null").0.is_empty());
        assert_eq!(read::<Record<Text2>>("[]").0.a.0, "");
        assert_eq!(read::<Record<Text2>>("{\"a\":1}").0.a.0, "1");
        assert!(serde_json::from_str::<Record<Text2>>("[1]").is_err());
        assert!(serde_json::from_str::<List<Whole>>("\"x\"").is_err());
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Text2 {
        a: Text,
    }
}
