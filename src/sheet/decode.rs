//! Bytes to text: UTF-8 with or without its mark, UTF-16 with its mark (Excel's "Unicode text"), else CP932.

use std::borrow::Cow;

use banto_channel::both;
use encoding_rs::{SHIFT_JIS, UTF_16BE, UTF_16LE};
use serde::Serialize;

use crate::domain::catalogue::Remark;

/// How a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "UTF-8")]
    Utf8,
    /// UTF-16 with a byte order mark.
    #[serde(rename = "UTF-16")]
    Utf16,
    /// Windows code page 932, which Japanese Excel calls Shift_JIS.
    #[serde(rename = "CP932")]
    Cp932,
}

impl Encoding {
    /// Its usual name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Cp932 => "CP932",
        }
    }
}

/// Finds out the encoding and decodes.
///
/// Errors: the line from which on the bytes are text in none of them.
pub(super) fn decode(bytes: &[u8]) -> Result<(Encoding, Cow<'_, str>), Remark> {
    if let [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] = bytes {
        let order = if bytes[0] == 0xff { UTF_16LE } else { UTF_16BE };
        let (text, torn) = order.decode_without_bom_handling(rest);
        return match torn {
            false => Ok((Encoding::Utf16, text)),
            true => Err(Remark::new(
                line_of(&text, '\u{fffd}'),
                both!(
                    "the UTF-16 text is damaged; export the file again",
                    "UTF-16の文字が壊れています。ファイルを書き出し直してください"
                ),
            )),
        };
    }
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let error = match std::str::from_utf8(plain) {
        Ok(text) => return Ok((Encoding::Utf8, Cow::Borrowed(text))),
        Err(error) => error,
    };
    let (text, torn) = SHIFT_JIS.decode_without_bom_handling(bytes);
    if !torn && plain.len() == bytes.len() {
        return Ok((Encoding::Cp932, text));
    }
    // The encoding in which more of the file makes sense is the one that was meant.
    let sound = &plain[..error.valid_up_to()];
    let utf8_line = 1 + sound.iter().filter(|b| **b == b'\n').count() as u64;
    let cp932_line = line_of(&text, '\u{fffd}');
    let (line, name) = if utf8_line >= cp932_line { (utf8_line, "UTF-8") } else { (cp932_line, "CP932") };
    let what = both!(
        "here the file stops being {name} text; save it again as \"CSV UTF-8\"",
        "この行から{name}として読み取れません。「CSV UTF-8」で保存し直してください"
    );
    Err(Remark::new(line, what))
}

fn line_of(text: &str, what: char) -> u64 {
    let before = text.split(what).next().unwrap_or_default();
    1 + before.matches('\n').count() as u64
}
