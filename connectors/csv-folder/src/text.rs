//! Encodings, and the many ways in which the same character is written.

use encoding_rs::{SHIFT_JIS, UTF_16BE, UTF_16LE};
use serde::Deserialize;

/// How files that come in are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Reading {
    /// UTF-8 or UTF-16 by its mark, UTF-8 if it is that throughout, CP932 otherwise.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "cp932")]
    Cp932,
    #[serde(rename = "utf-8")]
    Utf8,
}

/// How files that go out are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Writing {
    #[default]
    #[serde(rename = "cp932")]
    Cp932,
    #[serde(rename = "utf-8")]
    Utf8,
    /// With a mark at the beginning, without which Excel takes it for CP932.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
}

/// A file's text.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// Some bytes were no characters; [`DAMAGE`] stands in their place.
    pub(crate) damaged: bool,
    /// The encoding it was read in, for people.
    pub(crate) encoding: &'static str,
}

/// What stands where bytes were no character.
pub(crate) const DAMAGE: char = '\u{fffd}';

/// Reads a file's bytes. Never fails: what is no character is marked as damage.
pub(crate) fn decode(bytes: &[u8], reading: Reading) -> Decoded {
    let (encoding, name) = match reading {
        Reading::Utf8 => (encoding_rs::UTF_8, "UTF-8"),
        Reading::Cp932 => (SHIFT_JIS, "CP932"),
        Reading::Auto if bytes.starts_with(&[0xff, 0xfe]) => (UTF_16LE, "UTF-16"),
        Reading::Auto if bytes.starts_with(&[0xfe, 0xff]) => (UTF_16BE, "UTF-16"),
        Reading::Auto if std::str::from_utf8(bytes).is_ok() => (encoding_rs::UTF_8, "UTF-8"),
        Reading::Auto if bytes.starts_with(&[0xef, 0xbb, 0xbf]) => (encoding_rs::UTF_8, "UTF-8"),
        Reading::Auto => (SHIFT_JIS, "CP932"),
    };
    let (text, damaged) = encoding.decode_with_bom_removal(bytes);
    // A NUL means nothing in a table, and PostgreSQL takes no text that holds one.
    Decoded { text: text.replace('\0', ""), damaged, encoding: name }
}

/// The characters of `text` that would not come back as themselves.
pub(crate) fn unwritable(text: &str, writing: Writing) -> Vec<char> {
    if writing != Writing::Cp932 {
        return Vec::new();
    }
    let survives = |text: &str| {
        let (bytes, _, lost) = SHIFT_JIS.encode(text);
        // The encoder turns a few look-alikes into one another (− and －), which would make another code of a code.
        !lost && SHIFT_JIS.decode_without_bom_handling(&bytes).0 == text
    };
    if survives(text) {
        return Vec::new();
    }
    let mut lost: Vec<char> = text.chars().filter(|c| !survives(&c.to_string())).collect();
    lost.sort_unstable();
    lost.dedup();
    lost
}

/// Writes a text whose characters were looked at with [`unwritable`].
pub(crate) fn encode(text: &str, writing: Writing) -> Vec<u8> {
    match writing {
        Writing::Cp932 => SHIFT_JIS.encode(text).0.into_owned(),
        Writing::Utf8 => text.as_bytes().to_vec(),
        Writing::Utf8Bom => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
    }
}

/// The same text with ASCII's wide forms made narrow and the blanks around it taken off.
pub(crate) fn narrow(text: &str) -> String {
    let one = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        _ => c,
    };
    text.chars().map(one).collect::<String>().trim().to_owned()
}

/// A column's title as it is compared: narrow and without any blanks.
pub(crate) fn title_key(title: &str) -> String {
    narrow(title).chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_in_the_encoding_it_is_in() {
        let text = "髙﨑①,〜,ｶﾅ";
        let cp932 = SHIFT_JIS.encode("髙﨑①,～,ｶﾅ").0.into_owned();
        for (bytes, reading, encoding, expected) in [
            (text.as_bytes().to_vec(), Reading::Auto, "UTF-8", text),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Reading::Auto, "UTF-8", text),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Reading::Utf8, "UTF-8", text),
            (cp932.clone(), Reading::Auto, "CP932", "髙﨑①,～,ｶﾅ"),
            (cp932, Reading::Cp932, "CP932", "髙﨑①,～,ｶﾅ"),
            (vec![0xff, 0xfe, 0x42, 0x30], Reading::Auto, "UTF-16", "あ"),
        ] {
            let read = decode(&bytes, reading);
            assert_eq!((read.text.as_str(), read.damaged, read.encoding), (expected, false, encoding));
        }
        assert!(decode(b"\x83", Reading::Cp932).damaged);
        assert!(decode("日本".as_bytes().get(..4).unwrap(), Reading::Utf8).damaged);
    }

    #[test]
    fn what_cp932_cannot_hold_is_named_before_it_is_written() {
        assert_eq!(unwritable("TEA-髙﨑①～", Writing::Cp932), []);
        assert_eq!(unwritable("𠮷🎁A𠮷", Writing::Cp932), ['🎁', '𠮷']);
        assert_eq!(unwritable("A−1 〜", Writing::Cp932), ['−', '〜']);
        assert_eq!(unwritable("𠮷🎁", Writing::Utf8), []);
        assert_eq!(encode("ア", Writing::Cp932), [0x83, 0x41]);
        assert_eq!(encode("A", Writing::Utf8Bom), b"\xef\xbb\xbfA");
    }

    #[test]
    fn wide_and_narrow_titles_are_the_same() {
        assert_eq!(narrow("　１２，３４５　"), "12,345");
        assert_eq!(title_key("ＪＡＮ　コード "), title_key("janコード"));
    }
}
