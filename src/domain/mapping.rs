//! Proposes which item a listing offers: by code, then by JAN, then by title. A person or the same code decides.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::ItemId;

/// How a proposal was found, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The listing's code is the item's code to the letter.
    Code,
    /// The codes are equal but for case, width, spaces and hyphens.
    SimilarCode,
    /// JAN/GTIN are equal.
    Gtin,
    /// Titles are equal but for case, width and punctuation.
    Title,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The item.
    pub item: ItemId,
    /// Its code, for people.
    pub code: String,
    /// Why.
    pub rule: Rule,
}

/// What a listing says of itself, as far as it tells which item it offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Its code.
    pub code: Option<&'a str>,
    /// Its JAN/GTIN.
    pub gtin: Option<&'a str>,
    /// Its title.
    pub title: &'a str,
}

/// Which items have a key.
#[derive(Clone, Debug, Default)]
enum Holders {
    #[default]
    None,
    One(ItemId, String),
    /// Two items share the key, which makes it useless.
    Many,
}

/// The keys of listings that want an item. The items stream past it, so that it holds no more than was asked for: a
/// house has many items and few unmatched listings.
#[derive(Debug, Default)]
pub struct Search {
    keys: HashMap<(Rule, String), Holders>,
}

/// Lower case, full-width forms narrowed, everything but letters and digits dropped.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            other => other,
        })
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
        .collect()
}

/// A GTIN without leading zeros, so that a 12-digit UPC equals its 13-digit form.
fn fold_gtin(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}

/// The keys by which a listing is matched, the surest first.
fn keys_of(wanted: Wanted<'_>) -> impl Iterator<Item = (Rule, String)> {
    let code = wanted.code.unwrap_or_default();
    [
        (Rule::Code, code.to_owned()),
        (Rule::SimilarCode, fold(code)),
        (Rule::Gtin, fold_gtin(wanted.gtin.unwrap_or_default())),
        (Rule::Title, fold(wanted.title)),
    ]
    .into_iter()
    .filter(|(_, key)| !key.is_empty())
}

impl Search {
    /// Prepares for these listings.
    pub fn of<'a>(listings: impl IntoIterator<Item = Wanted<'a>>) -> Self {
        let keys = listings.into_iter().flat_map(keys_of).map(|key| (key, Holders::None));
        Self { keys: keys.collect() }
    }

    /// Shows it an item.
    pub fn see(&mut self, item: ItemId, code: &str, gtin: Option<&str>, name: &str) {
        for key in keys_of(Wanted { code: Some(code), gtin, title: name }) {
            if let Some(holders) = self.keys.get_mut(&key) {
                *holders = match holders {
                    Holders::None => Holders::One(item, code.to_owned()),
                    Holders::One(..) | Holders::Many => Holders::Many,
                };
            }
        }
    }

    /// The best proposal for a listing among the items seen, if any rule finds exactly one.
    #[must_use]
    pub fn propose(&self, wanted: Wanted<'_>) -> Option<Proposal> {
        keys_of(wanted).find_map(|key| match self.keys.get(&key)? {
            Holders::One(item, code) => Some(Proposal { item: *item, code: code.clone(), rule: key.0 }),
            Holders::None | Holders::Many => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_beats_jan_beats_title_and_doubt_proposes_nothing() {
        let wanted = [
            Wanted { code: Some("TEA-01"), gtin: Some("4901234567900"), title: "" },
            Wanted { code: Some("ｔｅａ０２"), ..Wanted::default() },
            Wanted { gtin: Some("04901234567894"), ..Wanted::default() },
            Wanted { title: "煎茶　１００ｇ", ..Wanted::default() },
            Wanted { code: Some("x"), title: "ほうじ茶", ..Wanted::default() },
        ];
        let mut search = Search::of(wanted);
        search.see(1, "TEA-01", Some("4901234567894"), "煎茶 100g");
        search.see(2, "TEA-02", Some("4901234567900"), "ほうじ茶");
        search.see(3, "TEA-03", None, "ほうじ茶");
        let found = wanted.map(|w| search.propose(w).map(|p| (p.item, p.rule)));
        let expected = [
            Some((1, Rule::Code)),
            Some((2, Rule::SimilarCode)),
            Some((1, Rule::Gtin)),
            Some((1, Rule::Title)),
            None,
        ];
        assert_eq!(found, expected);
    }
}
