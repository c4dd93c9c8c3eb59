//! How orders are found by what people type: names, numbers, phones and codes brought to one form, so that the width of a
//! letter, the kind of a hyphen or the kind of kana does not matter.
//!
//! A term is what stands in the index; a query's word finds every term that begins with it.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use super::ItemId;
use super::order::Order;

/// Characters of a term or a word that count; the rest of a longer one is cut off on both sides alike.
const LONGEST: usize = 40;
/// Terms of one order: what comes after the names, numbers and addresses of an order with hundreds of lines is left out.
const MOST_TERMS: usize = 80;
/// Words of a query that are looked at.
pub const MOST_WORDS: usize = 6;
/// Names up to so many characters without a space are also found by their later part, the given name.
const UNSPACED_NAME: usize = 8;

/// What somebody looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Each must begin a term.
    pub words: Vec<String>,
    /// All of it as one word, where several were typed: a phone or a name written with spaces. Finds as well.
    pub whole: Option<String>,
}

impl Query {
    /// Reads what was typed. Without a word there is nothing to look for.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let parts = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '、' | '，'));
        let mut words: Vec<String> = Vec::new();
        let mut joined = String::new();
        for part in parts.filter(|part| !part.is_empty()) {
            joined.push_str(part);
            let word = word(part);
            if !word.is_empty() && !words.contains(&word) && words.len() < MOST_WORDS {
                words.push(word);
            }
        }
        let whole = Some(word(&joined)).filter(|whole| words.len() > 1 && !words.contains(whole));
        Self { words, whole }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether terms (one a line) satisfy it.
    #[must_use]
    pub fn matches(&self, terms: &str) -> bool {
        let has = |word: &String| terms.split('\n').any(|term| term.starts_with(word.as_str()));
        self.words.iter().all(has) || self.whole.as_ref().is_some_and(has)
    }
}

/// Everything that an order is found by, each in its one form. `codes` are the codes of its items.
#[must_use]
pub fn terms(order: &Order, codes: &BTreeMap<ItemId, String>) -> BTreeSet<String> {
    let mut terms = Terms::default();
    terms.number(&order.number);
    terms.number(&order.remote_id);
    let details = &order.details;
    for name in [&details.buyer.name, &details.ship_to.name, &details.bill_to.name] {
        terms.name(name);
    }
    for kana in [&details.ship_to.name_kana, &details.bill_to.name_kana] {
        terms.name(kana);
    }
    for company in [&details.ship_to.company, &details.bill_to.company] {
        terms.add(fold(company));
    }
    terms.add(fold(&details.buyer.email));
    for phone in [&details.buyer.phone, &details.ship_to.phone, &details.bill_to.phone] {
        terms.add(phone_digits(phone));
    }
    for parcel in &order.parcels {
        terms.add(fold(&parcel.tracking));
    }
    for line in &order.lines {
        let item = line.item.and_then(|item| codes.get(&item));
        for code in [line.code.as_ref(), line.listing.as_ref(), item].into_iter().flatten() {
            terms.add(fold(code));
        }
    }
    terms.0
}

#[derive(Default)]
struct Terms(BTreeSet<String>);

impl Terms {
    fn add(&mut self, term: String) {
        if !term.is_empty() && self.0.len() < MOST_TERMS {
            self.0.insert(term);
        }
    }

    /// A number, also without the letters and zeros before it, and its last part alone: people leave them out.
    fn number(&mut self, number: &str) {
        let whole = fold(number);
        let bare = whole.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        self.add(bare.to_owned());
        let significant = bare.trim_start_matches('0');
        if bare.len() != significant.len() && significant.starts_with(|c: char| c.is_ascii_digit()) {
            self.add(significant.to_owned());
        }
        let last = number.rsplit(['-', '/', '_', ':']).next().map(fold).unwrap_or_default();
        if last.len() >= 4 && last.len() < whole.len() && last.bytes().all(|b| b.is_ascii_digit()) {
            self.add(last.trim_start_matches('0').to_owned());
        }
        self.add(whole);
    }

    /// A name as one word, each of its words, and where nobody wrote a space, its later parts.
    fn name(&mut self, name: &str) {
        let whole = fold(name);
        let words: Vec<String> =
            name.split(|c: char| c.is_whitespace() || matches!(c, '・' | '･')).map(fold).collect();
        if words.iter().filter(|w| !w.is_empty()).count() > 1 {
            words.into_iter().for_each(|word| self.add(word));
        } else if !whole.is_ascii() && whole.chars().count() <= UNSPACED_NAME {
            let starts = whole.char_indices().map(|(at, _)| at).skip(1);
            let parts = starts.filter_map(|at| whole.get(at..)).filter(|part| part.chars().count() > 1);
            parts.map(str::to_owned).for_each(|part| self.add(part));
        }
        self.add(whole);
    }
}

/// One word of a query in its one form: what begins like a phone with its country is read as one.
fn word(text: &str) -> String {
    let plain: String = text.nfkc().collect();
    let abroad = plain.starts_with('+') || plain.starts_with("0081");
    if abroad && !plain.contains(char::is_alphabetic) { phone_digits(&plain) } else { fold(&plain) }
}

/// A text in its one form: full and half width, case, hiragana and katakana, common variants of kanji and everything
/// between letters and digits make no difference. Spaces go too.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut length = 0;
    for c in text.nfkc().flat_map(char::to_lowercase).map(one_form) {
        // On a Japanese keyboard the key of the long vowel is the hyphen's: between digits it is one.
        let hyphen = c == 'ー' && folded.ends_with(|c: char| c.is_ascii_alphanumeric());
        if (c.is_alphanumeric() && !hyphen) || matches!(c, '@' | '.' | '_') {
            folded.push(c);
            length += 1;
            if length == LONGEST {
                break;
            }
        }
    }
    folded
}

/// The digits of a phone number, as it is dialled within Japan if it is one of Japan's.
#[must_use]
pub fn phone_digits(phone: &str) -> String {
    let plain: String = phone.nfkc().collect();
    let digits: String = plain.chars().filter(char::is_ascii_digit).take(LONGEST).collect();
    let national = match plain.trim_start().starts_with('+') {
        true => digits.strip_prefix("81"),
        false => digits.strip_prefix("0081"),
    };
    // "+81 (0)3 …" is written too.
    national.map_or(digits.clone(), |rest| format!("0{}", rest.trim_start_matches('0')))
}

/// Katakana for hiragana, large kana for small, the common form of a kanji of which names have several.
const fn one_form(c: char) -> char {
    match c {
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => large_kana(shift(c)),
        'ァ'..='ヶ' => large_kana(c),
        _ => common_kanji(c),
    }
}

/// Hiragana stand 0x60 below katakana.
const fn shift(hiragana: char) -> char {
    match char::from_u32(hiragana as u32 + 0x60) {
        Some(katakana) => katakana,
        None => hiragana,
    }
}

/// Banks and carriers print readings without small kana.
const fn large_kana(c: char) -> char {
    match c {
        'ァ' => 'ア',
        'ィ' => 'イ',
        'ゥ' => 'ウ',
        'ェ' => 'エ',
        'ォ' => 'オ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヮ' => 'ワ',
        other => other,
    }
}

const fn common_kanji(c: char) -> char {
    match c {
        '髙' => '高',
        '﨑' | '嵜' | '㟢' => '崎',
        '邊' | '邉' => '辺',
        '齋' | '齊' | '斉' => '斎',
        '澤' => '沢',
        '濱' | '濵' => '浜',
        '廣' => '広',
        '櫻' => '桜',
        '國' => '国',
        '惠' => '恵',
        '眞' => '真',
        '嶋' | '嶌' => '島',
        '冨' => '富',
        '瀨' => '瀬',
        '德' => '徳',
        '黑' => '黒',
        '𠮷' => '吉',
        '槇' => '槙',
        '龍' => '竜',
        '渕' => '淵',
        '萬' => '万',
        '條' => '条',
        '淺' => '浅',
        '榮' => '栄',
        '豐' => '豊',
        '藏' => '蔵',
        '曾' => '曽',
        '關' => '関',
        '晄' => '晃',
        '桒' => '桑',
        '兒' => '児',
        '壽' => '寿',
        '禮' => '礼',
        '與' => '与',
        '來' => '来',
        '遙' => '遥',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_case_kana_and_hyphens_make_no_difference() {
        for (one, other) in [
            ("ＡＢＣ－１２３", "abc-123"),
            ("ﾀｶﾊｼ ﾊﾅｺ", "たかはし　はなこ"),
            ("ｷｮｳｺ", "キヨウコ"),
            ("髙﨑", "高崎"),
            ("渡邊", "渡邉"),
            ("cup‐blue", "CUP−BLUE"),
            ("2411ー0001", "2411-0001"),
            ("O'Brien", "OBRIEN"),
            ("ガ", "ｶﾞ"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_eq!(fold("コーヒー"), "コーヒー", "a long vowel in a word stays");
        assert_ne!(fold("コーヒー"), fold("コヒ"));
        assert_eq!(fold("Hanako.S_1@Example.JP"), "hanako.s_1@example.jp");
        assert_eq!(fold(&"x".repeat(100)).len(), LONGEST);
        assert_eq!(fold(" -- "), "");
    }

    #[test]
    fn a_phone_is_what_is_dialled_here() {
        for phone in [
            "090-1234-5678",
            "０９０（１２３４）５６７８",
            "+81 90 1234 5678",
            "+81-(0)90-1234-5678",
            "0081-90-1234-5678",
            "090ー1234ー5678",
        ] {
            assert_eq!(phone_digits(phone), "09012345678", "{phone}");
        }
        assert_eq!(phone_digits("+1 (415) 555-0100"), "14155550100");
        assert_eq!(phone_digits("8112345678"), "8112345678", "only a plus makes it a country's");
        assert_eq!(phone_digits(""), "");
    }

    #[test]
    fn a_query_is_words_and_all_of_them_as_one() {
        let query = |text| {
            let q = Query::parse(text);
            (q.words, q.whole)
        };
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(query("髙﨑　花子"), (words(&["高崎", "花子"]), Some("高崎花子".to_owned())));
        assert_eq!(query("090 1234 5678").1.as_deref(), Some("09012345678"));
        assert_eq!(query("+81 90-1234").1.as_deref(), Some("0901234"));
        assert_eq!(query("+81901234"), (words(&["0901234"]), None));
        assert_eq!(query("#1001"), (words(&["1001"]), None));
        assert_eq!(query("cup cup"), (words(&["cup"]), None));
        assert!(Query::parse("  -  ").is_empty());
        assert_eq!(query("a b c d e f g h").0.len(), MOST_WORDS);
    }

    #[test]
    fn numbers_are_found_without_what_people_leave_out() {
        let of = |number: &str| {
            let mut terms = Terms::default();
            terms.number(number);
            terms.0.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of("N-000123"), ["000123", "123", "n000123"]);
        assert_eq!(of("123456-20261122-0000012345"), ["12345", "123456202611220000012345"]);
        assert_eq!(of("#1001"), ["1001"]);
        assert_eq!(of("gid://shopify/Order/4501"), ["4501", "gidshopifyorder4501"]);
        assert_eq!(of("ABC"), ["abc"]);
        assert_eq!(of("A-000"), ["000", "a000"]);
    }

    #[test]
    fn a_name_is_found_by_each_of_its_parts() {
        let of = |name: &str| {
            let mut terms = Terms::default();
            terms.name(name);
            terms.0.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of("Hanako Sato"), ["hanako", "hanakosato", "sato"]);
        assert_eq!(of("髙﨑　花子"), ["花子", "高崎", "高崎花子"]);
        assert_eq!(of("高橋花子"), ["橋花子", "花子", "高橋花子"]);
        assert_eq!(of("アンナ・ミュラー"), ["アンナ", "アンナミユラー", "ミユラー"]);
        assert_eq!(of("Cher"), ["cher"]);
        assert_eq!(of(""), Vec::<String>::new());
    }

    #[test]
    fn every_word_must_begin_a_term() {
        let terms = "09012345678\n花子\n高崎\n高崎花子";
        for (text, found) in [
            ("高崎", true),
            ("花子 高", true),
            ("090-1234", true),
            ("090 1234 5678", true),
            ("崎", false),
            ("花子 佐藤", false),
        ] {
            assert_eq!(Query::parse(text).matches(terms), found, "{text}");
        }
    }
}
