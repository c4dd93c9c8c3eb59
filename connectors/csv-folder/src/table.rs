//! The text of a CSV file to rows, and back.
//!
//! Written here rather than taken from a library because of what happens when a file is not sound: a quote that is
//! never closed must cost its own line and not the rest of the file, and each row must know the lines it came from.

use banto_channel::{Bilingual, both};

/// A row as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The line on which it begins, counted from 1.
    pub(crate) line: usize,
    pub(crate) cells: Vec<String>,
    /// Its text, without the line's end.
    pub(crate) raw: String,
    /// Why it cannot be trusted, in plain words.
    pub(crate) fault: Option<Bilingual>,
}

impl Row {
    /// A cell, empty where the row has none.
    pub(crate) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }

    fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// Reads rows one after the other. Blank rows are left out.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    rest: &'a str,
    line: usize,
    delimiter: char,
    /// Cells of the header, once it is known.
    width: Option<usize>,
}

impl<'a> Rows<'a> {
    pub(crate) const fn new(text: &'a str, delimiter: char) -> Self {
        Self { rest: text, line: 1, delimiter, width: None }
    }

    /// From here on rows are compared with a header of so many cells.
    pub(crate) const fn set_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    fn take(&mut self) -> Row {
        let parsed = record(self.rest, self.delimiter);
        let fault = self.fault(&parsed);
        // Within a row that spans lines and is not sound a stray quote has swallowed other rows: they are given back.
        let swallowed = fault.is_some() && self.rest[..parsed.length].trim_end().contains(['\n', '\r']);
        let length = if swallowed { line_length(self.rest) } else { parsed.length };
        let (own, rest) = self.rest.split_at(length);
        let row = Row { line: self.line, cells: parsed.cells, raw: own.trim_end().to_owned(), fault };
        self.line += own.matches('\n').count().max(own.matches('\r').count());
        self.rest = rest;
        row
    }

    fn fault(&self, parsed: &Record) -> Option<Bilingual> {
        if !parsed.closed {
            return Some(both!(
                "a quote (\") is opened and never closed",
                "引用符（\"）が閉じられていません"
            ));
        }
        let width = self.width?;
        let beyond = parsed.cells.iter().skip(width).find(|cell| !cell.trim().is_empty());
        if let Some(cell) = beyond {
            let count = parsed.cells.len();
            return Some(both!(
                "the row has {count} cells and the header {width} (the first too many is {cell:?}); \
                 a text with a delimiter in it must stand in quotes",
                "この行は{count}列あり、見出しの{width}列より多くなっています（最初の余分な値は「{cell}」）。\
                 区切り文字を含む値は引用符で囲んでください"
            ));
        }
        let whole_row = |line: &str| line.matches(self.delimiter).count() + 1 >= width.max(3);
        let swallows = |cell: &String| cell.contains('\n') && cell.lines().skip(1).any(whole_row);
        if parsed.cells.iter().any(swallows) {
            return Some(both!(
                "a cell holds whole rows: a quote (\") stands where none belongs",
                "1つのセルに複数の行が入っています。余分な引用符（\"）を確認してください"
            ));
        }
        let torn = !parsed.ended && parsed.cells.len() < width;
        torn.then(|| {
            both!(
                "the file breaks off in this row, after {cells} of {width} cells",
                "ファイルがこの行で途切れています（{width}列のうち{cells}列）",
                cells = parsed.cells.len()
            )
        })
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while !self.rest.is_empty() {
            let row = self.take();
            if !row.is_blank() {
                return Some(row);
            }
        }
        None
    }
}

struct Record {
    cells: Vec<String>,
    /// In bytes, with the line's end.
    length: usize,
    /// Every quote was closed.
    closed: bool,
    /// A line's end follows it.
    ended: bool,
}

fn line_length(text: &str) -> usize {
    match text.find(['\n', '\r']) {
        Some(at) if text[at..].starts_with("\r\n") => at + 2,
        Some(at) => at + 1,
        None => text.len(),
    }
}

/// The first record of a text (RFC 4180, and what Excel makes of it: `="0123"` is the text 0123).
fn record(text: &str, delimiter: char) -> Record {
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let (mut quoted, mut fresh) = (false, true);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match c {
            '"' if quoted && next == Some('"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            _ if quoted => cell.push(c),
            '"' if fresh => (quoted, fresh) = (true, false),
            '=' if fresh && next == Some('"') => {}
            '\r' | '\n' => {
                cells.push(without_formula(cell));
                let length = at + if c == '\r' && next == Some('\n') { 2 } else { 1 };
                return Record { cells, length, closed: true, ended: true };
            }
            _ if c == delimiter => {
                cells.push(without_formula(std::mem::take(&mut cell)));
                fresh = true;
            }
            _ => {
                cell.push(c);
                fresh = false;
            }
        }
    }
    cells.push(without_formula(cell));
    Record { cells, length: text.len(), closed: !quoted, ended: false }
}

/// `"=""0123"""` is the text 0123 too.
fn without_formula(cell: String) -> String {
    match cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.to_owned(),
        None => cell,
    }
}

/// One row with its line's end (CRLF, which every tool reads). Cells are quoted where they must be.
pub(crate) fn write_row<'a>(cells: impl IntoIterator<Item = &'a str>, delimiter: char) -> String {
    let mut row = String::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            row.push(delimiter);
        }
        if cell.contains(['"', '\r', '\n', delimiter]) || cell != cell.trim() {
            row.push('"');
            row.push_str(&cell.replace('"', "\"\""));
            row.push('"');
        } else {
            row.push_str(cell);
        }
    }
    row.push_str("\r\n");
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        Rows::new(text, ',').map(|row| row.cells).collect()
    }

    fn read(text: &str, width: usize) -> Vec<(usize, Vec<String>, Option<Bilingual>)> {
        let mut rows = Rows::new(text, ',');
        rows.set_width(width);
        rows.map(|row| (row.line, row.cells, row.fault)).collect()
    }

    #[test]
    fn every_way_of_writing_a_cell_is_read() {
        assert_eq!(cells("a,b\r\nc,d"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells("a,b\rc,d\r"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells("\"a,1\",\"say \"\"no\"\"\"\n"), [["a,1", "say \"no\""]]);
        assert_eq!(cells("\"two\nlines\",x\n"), [["two\nlines", "x"]]);
        assert_eq!(cells("=\"0123\",\"=\"\"0,45\"\"\",=\"1,2\"\n"), [["0123", "0,45", "1,2"]]);
        assert_eq!(cells("5\" disk,=A1\n"), [["5\" disk", "=A1"]]);
        assert_eq!(cells("\n ,\n\r\na,\n"), [["a", ""]]);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let row = ["a", "b,c", "say \"no\"", "two\nlines", " x", ""];
        assert_eq!(cells(&write_row(row, ',')), [row]);
    }

    #[test]
    fn rows_know_their_lines() {
        let lines: Vec<_> =
            Rows::new("h\r\n\r\n\"a\r\nb\"\r\nc\n", ',').map(|row| (row.line, row.raw)).collect();
        assert_eq!(lines, [(1, "h".to_owned()), (3, "\"a\r\nb\"".to_owned()), (5, "c".to_owned())]);
    }

    #[test]
    fn a_stray_quote_costs_its_own_line() {
        let rows = read("1,\"x,3\n2,y,4\n3,z,5\n", 3);
        let found: Vec<_> = rows.iter().map(|(line, _, fault)| (*line, fault.is_some())).collect();
        assert_eq!(found, [(1, true), (2, false), (3, false)]);
        // Closed by a later quote, it makes a row that holds other rows.
        let rows = read("1,\"x,3\n2,y,4\n3,\"z\",5\n", 3);
        let found: Vec<_> = rows.iter().map(|(line, _, fault)| (*line, fault.is_some())).collect();
        assert_eq!(found, [(1, true), (2, false), (3, false)]);
    }

    #[test]
    fn too_many_cells_and_a_torn_end_are_faults_and_trailing_commas_are_none() {
        let faulty = |text| read(text, 3).into_iter().map(|(.., fault)| fault.is_some()).collect::<Vec<_>>();
        assert_eq!(faulty("1,2,3,,,\n1,2,3,4\n1,2\n1,2"), [false, true, false, true]);
        assert_eq!(faulty("1,2,\"a note\nof two lines\"\n1,2,3"), [false, false]);
    }
}
