//! Answers: tables whose columns line up in a terminal, Japanese included, or one JSON document.

use std::fmt::Display;
use std::io::{self, Write};

use banto_channel::Money;
use jiff::tz::TimeZone;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::Failure;

/// Where a command's answer goes.
#[derive(Clone, Debug)]
pub struct Out {
    json: bool,
    zone: TimeZone,
}

impl Out {
    /// Answers in JSON or as text with times in the shop's zone.
    #[must_use]
    pub const fn new(json: bool, zone: TimeZone) -> Self {
        Self { json, zone }
    }

    /// Whether it answers in JSON.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints an answer on standard output: `value` as JSON, or what `text` makes of it.
    ///
    /// Errors: standard output cannot be written. A reader that went away (`| head`) is no error.
    pub fn answer<T: Serialize + ?Sized>(
        &self,
        value: &T,
        text: impl FnOnce(&mut Text),
    ) -> Result<(), Failure> {
        let answer = if self.json {
            serde_json::to_string_pretty(value)? + "\n"
        } else {
            let mut page = Text { zone: self.zone.clone(), text: String::new() };
            text(&mut page);
            page.text
        };
        print(answer.as_bytes())
    }
}

/// Prints bytes as they are.
pub(super) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A column's head and on which side its cells stand.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    head: &'static str,
    right: bool,
}

/// A column of words.
#[must_use]
pub const fn left(head: &'static str) -> Column {
    Column { head, right: false }
}

/// A column of numbers.
#[must_use]
pub const fn right(head: &'static str) -> Column {
    Column { head, right: true }
}

/// An answer for people.
#[derive(Clone, Debug)]
pub struct Text {
    zone: TimeZone,
    text: String,
}

impl Text {
    /// An empty page with times in this zone.
    #[must_use]
    pub const fn new(zone: TimeZone) -> Self {
        Self { zone, text: String::new() }
    }

    /// What stands on it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A line.
    pub fn line(&mut self, line: impl Display) {
        self.text.push_str(clean(&line.to_string()).trim_end());
        self.text.push('\n');
    }

    /// Names and what belongs to them, the names in one column.
    pub fn pairs<V: Display>(&mut self, pairs: impl IntoIterator<Item = (&'static str, V)>) {
        let rows: Vec<[String; 2]> =
            pairs.into_iter().map(|(name, v)| [name.to_owned(), v.to_string()]).collect();
        self.rows(&[left(""), left("")], &rows);
    }

    /// A table with a head; nothing but the head when there are no rows.
    pub fn table<const N: usize>(&mut self, columns: [Column; N], rows: &[[String; N]]) {
        let heads = columns.map(|c| c.head.to_owned());
        let all: Vec<[String; N]> = std::iter::once(heads).chain(rows.iter().cloned()).collect();
        self.rows(&columns, &all);
    }

    fn rows<const N: usize>(&mut self, columns: &[Column; N], rows: &[[String; N]]) {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|c| clean(c)).collect()).collect();
        let widths: Vec<usize> =
            (0..N).map(|at| rows.iter().map(|row| row[at].width()).max().unwrap_or(0)).collect();
        for row in &rows {
            let mut line = String::new();
            for ((column, cell), width) in columns.iter().zip(row).zip(&widths) {
                let space = " ".repeat(width - cell.width());
                let (before, after) =
                    if column.right { (space, String::new()) } else { (String::new(), space) };
                line.extend([before.as_str(), cell, &after, "  "]);
            }
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    /// A time (microseconds since 1970) in the shop's zone.
    #[must_use]
    pub fn time(&self, micros: i64) -> String {
        match jiff::Timestamp::from_microsecond(micros) {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => micros.to_string(),
        }
    }

    /// A time that may not have come yet.
    #[must_use]
    pub fn time_or(&self, micros: Option<i64>, otherwise: &str) -> String {
        micros.map_or_else(|| otherwise.to_owned(), |at| self.time(at))
    }
}

/// One line without control characters: a marketplace's title must not steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A time (microseconds since 1970) as JSON has it: RFC 3339, UTC.
#[must_use]
pub fn utc(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |at| at.to_string())
}

/// Money as JSON has it: a decimal text and its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    amount: String,
    currency: String,
}

impl Amount {
    /// From minor units.
    #[must_use]
    pub fn new(minor: i64, currency: &str) -> Self {
        Self { amount: Money(minor).to_decimal(currency), currency: currency.to_owned() }
    }
}

impl Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_the_width_that_a_terminal_gives() {
        let mut text = Text::new(TimeZone::UTC);
        let row = |code: &str, name: &str, n: i64| [code.to_owned(), name.to_owned(), n.to_string()];
        let rows = [row("TEA-01", "煎茶 100g", 7), row("CUP", "cup\n\u{1b}[31m", 12345), row("あ", "", 0)];
        text.table([left("CODE"), left("NAME"), right("FREE")], &rows);
        let expected = [
            "CODE    NAME        FREE",
            "TEA-01  煎茶 100g      7",
            "CUP     cup  [31m  12345",
            "あ                     0",
        ];
        assert_eq!(text.as_str().lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn times_stand_in_the_shops_zone_and_in_utc_for_machines() {
        let text = Text::new(TimeZone::fixed(jiff::tz::offset(9)));
        let at = 1_763_735_400_000_000;
        assert_eq!(text.time(at), "2025-11-21 23:30:00");
        assert_eq!(text.time_or(None, "never"), "never");
        assert_eq!(utc(at), "2025-11-21T14:30:00Z");
    }

    #[test]
    fn money_is_a_decimal_text() {
        let json = |minor, currency| serde_json::to_string(&Amount::new(minor, currency)).unwrap();
        assert_eq!(json(1234, "JPY"), r#"{"amount":"1234","currency":"JPY"}"#);
        assert_eq!(json(-1205, "EUR"), r#"{"amount":"-12.05","currency":"EUR"}"#);
    }
}
