//! A CSV file as rows whose cells are known by name.

use std::collections::BTreeMap;

use banto_channel::{Bilingual, both};

use super::cells::{narrow, plain, spoilt};
use super::decode::{Encoding, decode};
use crate::domain::catalogue::Remark;
use crate::domain::mapping::fold;

/// A column that a sheet may have.
pub(super) struct Field {
    /// What the program calls it.
    pub key: &'static str,
    /// What people call it; the first stands in messages. Case, width, spaces and punctuation do not matter.
    pub names: &'static [&'static str],
}

/// A file's rows.
pub(super) struct Table {
    pub encoding: Encoding,
    pub rows: Vec<Row>,
    pub faults: Vec<Remark>,
    pub warnings: Vec<Remark>,
    columns: BTreeMap<&'static str, Column>,
}

struct Column {
    at: usize,
    head: String,
}

/// One record.
pub(super) struct Row {
    /// Its first line in the file, from 1.
    pub line: u64,
    cells: Vec<String>,
}

impl Table {
    /// Reads a file whose first record names the columns.
    ///
    /// Errors: what keeps the whole file from being read.
    pub(super) fn read(bytes: &[u8], fields: &[Field]) -> Result<Self, Remark> {
        let (encoding, text) = decode(bytes)?;
        let mut records = records(&text)?.into_iter();
        let Some((head_line, heads)) = records.next() else {
            return Err(Remark::new(1, both!("the file is empty", "ファイルが空です")));
        };
        let mut table = Self {
            encoding,
            rows: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            columns: BTreeMap::new(),
        };
        table.name_columns(&heads, head_line, fields)?;
        for (line, cells) in records {
            if let Some(extra) = cells.iter().skip(heads.len()).find(|c| !c.trim().is_empty()) {
                let what = both!(
                    "there are more cells than columns; {extra:?} belongs to none (a stray separator?)",
                    "列より多くのセルがあります。「{extra}」に対応する列がありません（余分な区切り文字？）"
                );
                table.faults.push(Remark::new(line, what));
                continue;
            }
            table.rows.push(Row { line, cells });
        }
        Ok(table)
    }

    fn name_columns(&mut self, heads: &[String], line: u64, fields: &[Field]) -> Result<(), Remark> {
        let mut unknown = Vec::new();
        for (at, head) in heads.iter().enumerate() {
            let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
            let folded = fold(&head);
            let known = fields.iter().find(|f| f.names.iter().any(|name| fold(name) == folded));
            match known {
                Some(field) => {
                    let column = Column { at, head };
                    if let Some(other) = self.columns.get(field.key) {
                        let what = both!(
                            "{one:?} and {two:?} are both the {name}",
                            "「{one}」と「{two}」はどちらも {name} の列です",
                            one = other.head,
                            two = column.head,
                            name = field.names[0]
                        );
                        return Err(Remark::new(line, what));
                    }
                    self.columns.insert(field.key, column);
                }
                None if folded.is_empty() => {}
                None => unknown.push(head),
            }
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            let what = both!("not used: {unknown}", "使わない列: {unknown}");
            self.warnings.push(Remark::new(line, what));
        }
        Ok(())
    }

    /// Whether the file has a column.
    pub(super) fn has(&self, key: &str) -> bool {
        self.columns.contains_key(key)
    }

    /// Refuses a file without a column.
    ///
    /// Errors: which one is missing, and what it may be called.
    pub(super) fn need(&self, key: &str, fields: &[Field]) -> Result<(), Remark> {
        if self.has(key) {
            return Ok(());
        }
        let names = fields.iter().find(|f| f.key == key).map_or(&[][..], |f| f.names);
        let names = names.iter().take(6).copied().collect::<Vec<_>>().join(", ");
        let what = both!(
            "no column is called {names}; the first line must name the columns",
            "{names} のいずれかの列がありません。1行目に列名を入れてください"
        );
        Err(Remark::new(1, what))
    }

    /// A cell without surrounding spaces and Excel's `="…"`; `None` when it is empty or the column is not there.
    pub(super) fn cell<'a>(&self, row: &'a Row, key: &str) -> Option<&'a str> {
        let column = self.columns.get(key)?;
        Some(plain(row.cells.get(column.at)?)).filter(|c| !c.trim().is_empty())
    }

    /// A cell, read by `read`; `None` when it is empty. A fault is noted and leaves `bad` set.
    pub(super) fn read_cell<T>(
        &mut self,
        row: &Row,
        key: &'static str,
        bad: &mut bool,
        read: impl FnOnce(&str) -> Result<T, Bilingual>,
    ) -> Option<T> {
        let cell = self.cell(row, key)?;
        match spoilt(&narrow(cell)).map_or_else(|| read(cell), Err) {
            Ok(value) => Some(value),
            Err(what) => {
                let column = self.columns.get(key).map(|c| c.head.clone());
                self.faults.push(Remark { line: row.line, column, what });
                *bad = true;
                None
            }
        }
    }
}

/// The records of a text with the line on which each begins; those without any content are left out.
fn records(text: &str) -> Result<Vec<(u64, Vec<String>)>, Remark> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let (mut found, mut counted, mut line) = (Vec::new(), 0, 1);
    let mut record = csv::StringRecord::new();
    loop {
        let before = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX).min(text.len());
        let broken =
            |error: csv::Error| Remark::new(line, both!("{error}", "CSVとして読み取れません: {error}"));
        let more = reader.read_record(&mut record).map_err(broken)?;
        if !more {
            return Ok(found);
        }
        // The reader skips empty lines in front of a record.
        let blank = text[before..].bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        line += text[counted..before + blank].matches('\n').count() as u64;
        counted = before + blank;
        let after = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX).min(text.len());
        let raw = &text[counted..after];
        if after == text.len() && raw.trim_end().contains('\n') && raw.matches('"').count() % 2 == 1 {
            let what = both!(
                "a quote (\") that begins here is never closed; the rest of the file is lost in it",
                "この行の引用符（\"）が閉じられていないため、残りの行を読み取れません"
            );
            return Err(Remark::new(line, what));
        }
        if record.iter().any(|cell| !cell.trim().is_empty()) {
            found.push((line, record.iter().map(str::to_owned).collect()));
        }
    }
}

/// The separator that the first line holds most of.
fn separator(text: &str) -> u8 {
    let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
    let count = |separator: u8| first.bytes().filter(|b| *b == separator).count();
    let most = [b';', b'\t', b','].into_iter().max_by_key(|s| count(*s));
    most.filter(|s| count(*s) > 0).unwrap_or(b',')
}
