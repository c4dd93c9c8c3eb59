//! Reading a received mail's headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The unfolded text of the first header of that name, encoded words and all; none if there is no such header.
#[must_use]
pub fn header_value(mail: &[u8], name: &str) -> Option<String> {
    let head = mail.windows(4).position(|four| four == b"\r\n\r\n").map_or(mail, |end| &mail[..end]);
    let text = String::from_utf8_lossy(head);
    let mut value: Option<String> = None;
    for line in text.split("\r\n").take_while(|line| !line.is_empty()) {
        match &mut value {
            Some(value) if line.starts_with([' ', '\t']) => value.push_str(line),
            Some(_) => break,
            None => {
                value = line
                    .split_once(':')
                    .filter(|(this, _)| this.eq_ignore_ascii_case(name))
                    .map(|(_, rest)| rest.trim_start().to_owned());
            }
        }
    }
    value
}

/// Reads the encoded words of a header (RFC 2047, UTF-8 only); anything else stays as it is.
///
/// Blanks between two encoded words are not part of the text.
#[must_use]
pub fn decode_words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        let Some((decoded, length)) = decode_word(word) else {
            let (kept, next) = rest.split_at(start + 2);
            out.push_str(kept);
            rest = next;
            after_word = false;
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&decoded);
        rest = &word[length..];
        after_word = true;
    }
    out.push_str(rest);
    out
}

/// The text and length of the encoded word that `text` begins with.
fn decode_word(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix("=?")?;
    let (charset, inner_rest) = inner.split_once('?')?;
    let (encoding, inner_rest) = inner_rest.split_once('?')?;
    let (payload, _) = inner_rest.split_once("?=")?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let bytes = match encoding {
        "b" | "B" => BASE64.decode(payload).ok()?,
        "q" | "Q" => decode_q(payload)?,
        _ => return None,
    };
    let length = "=????=".len() + charset.len() + encoding.len() + payload.len();
    Some((String::from_utf8(bytes).ok()?, length))
}

fn decode_q(payload: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = payload.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'_' => b' ',
            b'=' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            plain => plain,
        });
    }
    Some(out)
}
