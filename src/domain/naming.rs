//! What an item is found by: the beginnings of the words of its name, its code and parts of it, its JAN, each in the one
//! form of [`super::search::fold`]. A word of a query finds every item with a term that begins with it.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::search::fold;

/// Characters of a term or a query's word that count.
const LONGEST: usize = 24;
/// Terms of one name: marketplaces' names can be a hundred words.
const MOST: usize = 40;
/// Words of a query that are looked at.
pub const WORDS: usize = 3;

/// What kind of letter begins a word where no space is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Each may begin a word.
    Han,
    Kana,
    Digit,
    Other,
}

/// The terms of an item; never none.
#[must_use]
pub fn terms(code: &str, gtin: Option<&str>, name: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for start in starts(name).into_iter().take(MOST) {
        add(&mut terms, &start);
    }
    let code_starts = code.char_indices().filter(|(at, _)| {
        let before = code.get(..*at).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric())
    });
    for (at, _) in code_starts.take(MOST) {
        add(&mut terms, code.get(at..).unwrap_or_default());
    }
    if let Some(gtin) = gtin {
        add(&mut terms, gtin);
        add(&mut terms, gtin.trim_start_matches('0'));
    }
    if terms.is_empty() {
        // A code of signs alone is found by itself.
        terms.insert(code.to_lowercase());
    }
    terms
}

/// The words of a query, longest first: the longest finds the fewest.
#[must_use]
pub fn words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = query.split_whitespace().map(cut).filter(|w| !w.is_empty()).collect();
    if words.is_empty() && !query.trim().is_empty() {
        words.push(query.trim().to_lowercase());
    }
    words.sort_by_key(|w| std::cmp::Reverse(w.chars().count()));
    words.dedup();
    words.truncate(WORDS);
    words
}

/// Whether an item has a term for each of the words.
#[must_use]
pub fn has_all(terms: &BTreeSet<String>, words: &[String]) -> bool {
    words.iter().all(|word| terms.range(word.clone()..).next().is_some_and(|t| t.starts_with(word)))
}

fn add(terms: &mut BTreeSet<String>, text: &str) {
    let term = cut(text);
    if !term.is_empty() {
        terms.insert(term);
    }
}

fn cut(text: &str) -> String {
    fold(text).chars().take(LONGEST).collect()
}

/// Where words of a name begin, each with all that follows it up to a space or a sign.
fn starts(name: &str) -> Vec<String> {
    let plain: String = name.nfkc().collect();
    let mut found = Vec::new();
    for run in plain.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let mut before = None;
        for (at, c) in run.char_indices() {
            let script = script(c);
            if script == Script::Han || before != Some(script) {
                let rest = run.get(at..).unwrap_or_default();
                found.push(rest.chars().take(LONGEST).collect());
            }
            before = Some(script);
        }
    }
    found
}

fn script(c: char) -> Script {
    match c {
        '\u{3005}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
            Script::Han
        }
        '\u{3040}'..='\u{30ff}' => Script::Kana,
        c if c.is_numeric() => Script::Digit,
        _ => Script::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str) -> bool {
        let terms = terms(
            "TEA-01_Red",
            Some("0490123456789"),
            "【送料無料】静岡産 深蒸し煎茶100g Ｇｒｅｅｎ Ｔｅａ ギフト",
        );
        has_all(&terms, &words(query))
    }

    #[test]
    fn an_item_is_found_by_what_people_type() {
        for query in [
            "静岡",
            "煎茶",
            "煎茶 静岡",
            "ぎふと",
            "ギフ",
            "green",
            "ＧＲＥＥＮ tea",
            "100g",
            "蒸し煎茶",
            "tea-01",
            "TEA01",
            "01",
            "red",
            "490123",
            "0490123456789",
            "TEA-01_Red",
        ] {
            assert!(finds(query), "{query}");
        }
        for query in ["ほうじ茶", "reen", "煎茶 green 湯のみ", "90123456789"] {
            assert!(!finds(query), "{query}");
        }
    }

    #[test]
    fn there_is_always_a_term_and_never_too_many() {
        assert_eq!(terms("--", None, "！！"), BTreeSet::from(["--".to_owned()]));
        assert_eq!(words(" -- "), ["--"]);
        assert_eq!(words("  "), [""; 0]);
        assert!(terms("A", None, &"漢字の".repeat(400)).len() <= MOST + 1);
        let long = "x".repeat(90);
        assert!(has_all(&terms("A", None, &long), &words(&long)), "a long word is cut on both sides alike");
        assert_eq!(words("a bbb cc dddd").iter().map(String::len).collect::<Vec<_>>(), [4, 3, 2]);
    }
}
