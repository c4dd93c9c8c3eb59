//! Words for a merchant, in English and Japanese side by side.

use std::fmt;

/// One text in both languages. A person whose locale is Japanese reads `ja`; logs and everybody else get `en`, which is
/// also what `Display` shows. [`both!`](crate::both) makes one, and the store keeps it [packed](Self::packed).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bilingual {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: String,
}

/// Between the two languages of a packed text (RECORD SEPARATOR): no marketplace sends it and no keyboard writes it.
const BETWEEN: char = '\u{1e}';

impl Bilingual {
    /// Both languages in one text, as the store keeps them; the text alone where they do not differ.
    #[must_use]
    pub fn packed(&self) -> String {
        let plain = |text: &str| text.replace(BETWEEN, " ");
        match self.en == self.ja {
            true => plain(&self.en),
            false => format!("{}{BETWEEN}{}", plain(&self.en), plain(&self.ja)),
        }
    }

    /// What was [packed](Self::packed). A text of one language, such as a person's own or one that was stored before
    /// there were two, stands for both.
    #[must_use]
    pub fn unpacked(text: &str) -> Self {
        match text.split_once(BETWEEN) {
            Some((en, ja)) => Self { en: en.to_owned(), ja: ja.to_owned() },
            None => Self::quoted(text),
        }
    }

    /// Several reasons as one text, with a semicolon between them; `None` where there is no reason.
    #[must_use]
    pub fn list(reasons: impl IntoIterator<Item = Self>) -> Option<Self> {
        let next = |all: Self, one: Self| Self {
            en: format!("{}; {}", all.en, one.en),
            ja: format!("{}; {}", all.ja, one.ja),
        };
        reasons.into_iter().reduce(next)
    }

    /// The same text in both languages, for what the other side itself said.
    #[must_use]
    pub fn quoted(text: impl Into<String>) -> Self {
        let en = text.into();
        Self { ja: en.clone(), en }
    }

    /// A second sentence behind this one; nothing changes where it is empty.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        if next.en.is_empty() {
            return self;
        }
        let en = format!("{}. {}", self.en.trim_end_matches('.'), next.en);
        let ja = format!("{}。{}", self.ja.trim_end_matches(['。', '.']), next.ja);
        Self { en, ja }
    }

    /// This text, a colon, and what follows from it.
    #[must_use]
    pub fn with(self, why: &Self) -> Self {
        Self { en: format!("{}: {}", self.en, why.en), ja: format!("{}: {}", self.ja, why.ja) }
    }
}

impl fmt::Display for Bilingual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// A [`Bilingual`] of two texts: English, then Japanese. Both may name variables, as `format!` does; a value that has no
/// name yet gets one behind them.
///
/// A second text without a Japanese character does not compile:
///
/// ```compile_fail
/// banto_channel::both!("the key runs out", "the key runs out");
/// ```
///
/// ```
/// # use banto_channel::both;
/// let expires = 3;
/// let told = both!("the key runs out in {left} days", "キーの有効期限はあと{left}日です", left = expires - 1);
/// assert_eq!((told.en.as_str(), told.ja.as_str()), ("the key runs out in 2 days", "キーの有効期限はあと2日です"));
/// ```
#[macro_export]
macro_rules! both {
    ($en:literal, $ja:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        const _: () = assert!($crate::has_japanese($ja), "the second text of both! is the Japanese one");
        $(let $name = &$value;)*
        $crate::Bilingual { en: ::std::format!($en), ja: ::std::format!($ja) }
    }};
}

/// Whether a text has a kana or a kanji in it.
#[must_use]
pub const fn has_japanese(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        // In UTF-8 the characters from U+3000 to U+9FFF, and no others, begin so.
        if matches!(first, 0xE3..=0xE9) {
            return true;
        }
        bytes = rest;
    }
    false
}

/// What a call was for: the beginning of its error's message. A call that a probe makes says it in both languages,
/// `("reading orders", "注文の取得")`; any other may say it in English alone.
#[derive(Clone, Copy, Debug)]
pub struct Doing<'a> {
    en: &'a str,
    ja: &'a str,
}

impl<'a> From<&'a str> for Doing<'a> {
    fn from(en: &'a str) -> Self {
        Self { en, ja: "" }
    }
}

impl<'a> From<&'a String> for Doing<'a> {
    fn from(en: &'a String) -> Self {
        Self { en, ja: "" }
    }
}

impl<'a> From<(&'a str, &'a str)> for Doing<'a> {
    fn from((en, ja): (&'a str, &'a str)) -> Self {
        Self { en, ja }
    }
}

impl Doing<'_> {
    /// What it was for in Japanese, if anybody wrote that.
    pub(crate) fn in_japanese(&self) -> Option<&str> {
        (!self.ja.is_empty()).then_some(self.ja)
    }

    /// What became of it.
    #[must_use]
    pub fn ended(self, how: &Bilingual) -> Bilingual {
        let ja = match self.ja {
            "" => how.ja.clone(),
            doing => format!("{doing}: {}", how.ja),
        };
        Bilingual { en: format!("{}: {}", self.en, how.en), ja }
    }
}

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.en)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_is_known_by_its_characters() {
        for text in ["キー", "x か", "期限", "〆"] {
            assert!(has_japanese(text), "{text}");
        }
        for text in ["", "key", "clé", "…", "→ 😀", "ÿ"] {
            assert!(!has_japanese(text), "{text}");
        }
    }

    #[test]
    fn both_languages_come_back_from_one_text() {
        for told in [both!("no", "不可"), Bilingual::quoted("on-hold"), Bilingual::default()] {
            assert_eq!(Bilingual::unpacked(&told.packed()), told);
        }
        assert_eq!(Bilingual::quoted("on-hold").packed(), "on-hold");
        let odd = Bilingual { en: "a\u{1e}b".to_owned(), ja: "あ\u{1e}い".to_owned() };
        let told = Bilingual::unpacked(&odd.packed());
        assert_eq!((told.en.as_str(), told.ja.as_str()), ("a b", "あ い"));
    }

    #[test]
    fn reasons_stand_in_one_list() {
        let list = Bilingual::list([both!("no", "不可"), both!("late", "遅延")]);
        assert_eq!(list, Some(Bilingual { en: "no; late".to_owned(), ja: "不可; 遅延".to_owned() }));
        assert_eq!(Bilingual::list([]), None);
    }

    #[test]
    fn sentences_follow_each_other_in_both_languages() {
        let said = Bilingual::quoted("HTTP 403");
        let told = Doing::from(("reading", "取得")).ended(&said.then(both!("Renew it", "更新してください")));
        assert_eq!(told.to_string(), "reading: HTTP 403. Renew it");
        assert_eq!(told.ja, "取得: HTTP 403。更新してください");
        let plain = Doing::from("reading").ended(&Bilingual::quoted("HTTP 403").then(Bilingual::default()));
        assert_eq!((plain.en.as_str(), plain.ja.as_str()), ("reading: HTTP 403", "HTTP 403"));
        assert_eq!(both!("no", "不可").with(&told).ja, "不可: 取得: HTTP 403。更新してください");
    }
}
