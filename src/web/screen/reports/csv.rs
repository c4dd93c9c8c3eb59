//! CSV for spreadsheets: no cell is taken for a formula, and Excel reads the letters right.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use encoding_rs::{EncoderResult, SHIFT_JIS};

/// How the letters are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Letters {
    /// UTF-8 with the mark by which Excel knows it.
    #[default]
    Utf8,
    /// Windows-31J (CP932), for older programs.
    Cp932,
}

impl Letters {
    pub(super) fn from_name(name: &str) -> Self {
        if name == "cp932" { Self::Cp932 } else { Self::Utf8 }
    }

    const fn charset(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Cp932 => "Shift_JIS",
        }
    }

    /// What stands before the first line.
    pub(super) const fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Cp932 => b"",
        }
    }
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// What people or shops wrote.
    Text(String),
    /// A number that we made.
    Number(String),
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Self::Number(n.to_string())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One line.
pub(super) fn line(cells: &[Cell], letters: Letters) -> Vec<u8> {
    let text: Vec<String> = cells
        .iter()
        .map(|cell| match cell {
            Cell::Text(text) => quoted(&harmless(text)),
            Cell::Number(number) => number.clone(),
        })
        .collect();
    let line = text.join(",") + "\r\n";
    match letters {
        Letters::Utf8 => line.into_bytes(),
        Letters::Cp932 => cp932(&line),
    }
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    let formula = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.starts_with(formula) { format!("'{text}") } else { text.to_owned() }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// CP932; a character that it lacks becomes `?`.
fn cp932(text: &str) -> Vec<u8> {
    // Unicode knows these twice; CP932 has the second ones.
    let text: String = text
        .chars()
        .map(|c| match c {
            '〜' => '～',
            '—' => '―',
            '‖' => '∥',
            '−' => '－',
            other => other,
        })
        .collect();
    let mut encoder = SHIFT_JIS.new_encoder();
    let (mut out, mut rest) = (Vec::with_capacity(text.len() + 16), text.as_str());
    loop {
        let room =
            encoder.max_buffer_length_from_utf8_without_replacement(rest.len()).unwrap_or(rest.len() * 3);
        let mut buffer = vec![0; room + 4];
        let (result, read, written) = encoder.encode_from_utf8_without_replacement(rest, &mut buffer, true);
        out.extend(buffer.iter().take(written));
        rest = rest.get(read..).unwrap_or_default();
        match result {
            EncoderResult::Unmappable(_) => out.push(b'?'),
            EncoderResult::InputEmpty | EncoderResult::OutputFull => return out,
        }
    }
}

/// A file to keep.
pub(super) fn file(name: &str, letters: Letters, body: Body) -> Response {
    let kind = format!("text/csv; charset={}", letters.charset());
    let keep = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, keep)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cell: &str) -> String {
        String::from_utf8_lossy(&line(&[cell.into()], Letters::Utf8)).trim_end_matches("\r\n").to_owned()
    }

    #[test]
    fn no_cell_is_a_formula() {
        for bad in ["=1+1", "+81 3", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋", "－1", "＠x"] {
            let cell = text(bad);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{bad:?} is {cell:?}");
        }
        assert_eq!(text("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
        assert_eq!((text("茶碗 3-4").as_str(), text("a,b").as_str()), ("茶碗 3-4", "\"a,b\""));
        // A number of ours is one, also below zero.
        assert_eq!(line(&[(-5).into(), 7.into()], Letters::Utf8), b"-5,7\r\n");
    }

    #[test]
    fn cp932_has_what_japanese_windows_has() {
        let bytes = line(&["髙﨑〜茶①".into()], Letters::Cp932);
        let (back, _, bad) = SHIFT_JIS.decode(&bytes);
        assert!(!bad);
        assert_eq!(back, "髙﨑～茶①\r\n");
        assert_eq!(line(&["a😀b😀".into()], Letters::Cp932), b"a?b?\r\n");
        assert_eq!((Letters::Cp932.mark().len(), Letters::Utf8.mark()), (0, "\u{feff}".as_bytes()));
    }
}
