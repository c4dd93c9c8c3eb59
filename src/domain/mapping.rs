//! Proposes which item a listing offers: by code, then by JAN, then by title. A person or the same code decides.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::ItemId;

/// How a proposal was found, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// One key's item; `None` where two items share the key, which makes it useless.
type Only = Option<(ItemId, String)>;

/// Items prepared for look-ups.
#[derive(Debug, Default)]
pub struct Index {
    code: HashMap<String, (ItemId, String)>,
    similar: HashMap<String, Only>,
    gtin: HashMap<String, Only>,
    title: HashMap<String, Only>,
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

fn put(map: &mut HashMap<String, Only>, key: String, entry: &(ItemId, String)) {
    if !key.is_empty() {
        map.entry(key).and_modify(|only| *only = None).or_insert_with(|| Some(entry.clone()));
    }
}

impl Index {
    /// Adds an item.
    pub fn add(&mut self, item: ItemId, code: &str, gtin: Option<&str>, name: &str) {
        let entry = (item, code.to_owned());
        self.code.insert(code.to_owned(), entry.clone());
        put(&mut self.similar, fold(code), &entry);
        put(&mut self.gtin, fold_gtin(gtin.unwrap_or_default()), &entry);
        put(&mut self.title, fold(name), &entry);
    }

    /// The best proposal for a listing, if any rule finds exactly one item.
    #[must_use]
    pub fn propose(&self, code: Option<&str>, gtin: Option<&str>, title: &str) -> Option<Proposal> {
        let exact = code.and_then(|c| self.code.get(c)).map(|e| (e, Rule::Code));
        let find = |map: &'_ HashMap<String, Only>, key: String| {
            map.get(&key).cloned().flatten().filter(|_| !key.is_empty())
        };
        if let Some(((item, code), rule)) = exact {
            return Some(Proposal { item: *item, code: code.clone(), rule });
        }
        let tries = [
            (&self.similar, fold(code.unwrap_or_default()), Rule::SimilarCode),
            (&self.gtin, fold_gtin(gtin.unwrap_or_default()), Rule::Gtin),
            (&self.title, fold(title), Rule::Title),
        ];
        tries
            .into_iter()
            .find_map(|(map, key, rule)| find(map, key).map(|(item, code)| Proposal { item, code, rule }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_beats_jan_beats_title_and_doubt_proposes_nothing() {
        let mut index = Index::default();
        index.add(1, "TEA-01", Some("4901234567894"), "煎茶 100g");
        index.add(2, "TEA-02", Some("4901234567900"), "ほうじ茶");
        index.add(3, "TEA-03", None, "ほうじ茶");
        let rule = |p: Option<Proposal>| p.map(|p| (p.item, p.rule));
        assert_eq!(rule(index.propose(Some("TEA-01"), Some("4901234567900"), "")), Some((1, Rule::Code)));
        assert_eq!(rule(index.propose(Some("ｔｅａ０２"), None, "")), Some((2, Rule::SimilarCode)));
        assert_eq!(rule(index.propose(None, Some("04901234567894"), "")), Some((1, Rule::Gtin)));
        assert_eq!(rule(index.propose(None, None, "煎茶　１００ｇ")), Some((1, Rule::Title)));
        assert_eq!(index.propose(Some("x"), None, "ほうじ茶"), None);
    }
}
