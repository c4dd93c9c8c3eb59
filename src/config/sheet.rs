//! One TOML file: read into a type, with every problem found in one go and a line for every key.
//!
//! serde stops at the first error. Here the entry that caused it is taken out of the document and reading starts
//! again, until the rest is sound: a file with five slips gives five messages.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::de::{DeArray, DeTable, DeValue};

use super::error::{ConfigError, nearest, suggest};

/// More problems than this in one file are not looked for: it is the wrong file.
const PROBLEMS_MAX: usize = 100;

/// Where a file is and on which line each of its keys stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) path: PathBuf,
    lines: BTreeMap<String, usize>,
}

impl Sheet {
    /// A problem of `key` with the line of the key, or of the nearest section around it that is in the file.
    pub(super) fn problem(
        &self,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            file: self.path.clone(),
            line: self.line(key),
            key: key.to_owned(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    fn line(&self, key: &str) -> Option<usize> {
        let mut rest = key;
        loop {
            if let Some(line) = self.lines.get(rest) {
                return Some(*line);
            }
            rest = &rest[..rest.rfind(['.', '['])?];
        }
    }

    /// Whether the key stands in the file itself (not only by its default).
    pub(super) fn has(&self, key: &str) -> bool {
        self.lines.contains_key(key)
    }
}

/// Reads `text` as `T`. What is wrong is pushed to `problems` and left out of the value, so that what depends on
/// several keys is worth checking only where nothing was pushed; `None` if nothing usable is left.
pub(super) fn parse<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    problems: &mut Vec<ConfigError>,
) -> (Sheet, Option<T>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut document, syntax) = DeTable::parse_recoverable(text);
    let entries = Entries::of(document.get_ref(), text);
    let sheet = Sheet { path: path.to_owned(), lines: entries.lines() };
    if !syntax.is_empty() {
        problems.extend(syntax.iter().map(|e| ConfigError {
            line: e.span().map(|s| line_at(text, s.start)),
            ..sheet.problem("", e.message(), "see https://toml.io for how a line is written")
        }));
        return (sheet, None);
    }
    for _ in 0..PROBLEMS_MAX {
        let error = match T::deserialize(toml::Deserializer::from(document.clone())) {
            Ok(value) => return (sheet, Some(value)),
            Err(error) => error,
        };
        let entry = error.span().and_then(|s| entries.at(&s));
        let fault = explain(error.message(), entry.map_or(&[], |e| &e.path));
        problems.push(sheet.problem(&fault.key, fault.message, fault.remedy));
        if !entry.is_some_and(|e| take_out(document.get_mut(), &e.path)) {
            break;
        }
    }
    (sheet, None)
}

/// The line, counted from 1, of a byte position.
pub(super) fn line_at(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|b| *b == b'\n').count() + 1
}

/// One step into a document: a key, or a place in a list.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Place(usize),
}

#[derive(Debug)]
struct Entry {
    path: Vec<Step>,
    line: usize,
    key: Range<usize>,
    value: Range<usize>,
}

/// Every key of a document with the places of its name and its value.
#[derive(Debug, Default)]
struct Entries(Vec<Entry>);

impl Entries {
    fn of(root: &DeTable<'_>, text: &str) -> Self {
        let mut entries = Self::default();
        entries.walk_table(root, &[], text);
        entries
    }

    fn walk_table(&mut self, table: &DeTable<'_>, above: &[Step], text: &str) {
        for (key, value) in table {
            let path = [above, &[Step::Key(key.get_ref().to_string())]].concat();
            self.add(path, key.span(), value.span(), value.get_ref(), text);
        }
    }

    fn add(
        &mut self,
        path: Vec<Step>,
        key: Range<usize>,
        value: Range<usize>,
        inner: &DeValue<'_>,
        text: &str,
    ) {
        self.0.push(Entry { path: path.clone(), line: line_at(text, key.start), key, value });
        match inner {
            DeValue::Table(table) => self.walk_table(table, &path, text),
            DeValue::Array(list) => {
                for (n, item) in list.iter().enumerate() {
                    let path = [path.as_slice(), &[Step::Place(n)]].concat();
                    self.add(path, item.span(), item.span(), item.get_ref(), text);
                }
            }
            _ => {}
        }
    }

    fn lines(&self) -> BTreeMap<String, usize> {
        self.0.iter().map(|e| (dotted(&e.path), e.line)).collect()
    }

    /// The innermost entry whose name or value an error points at.
    fn at(&self, span: &Range<usize>) -> Option<&Entry> {
        self.0.iter().filter(|e| e.key == *span || e.value == *span).max_by_key(|e| e.path.len())
    }
}

/// `stock.listing."a.b".cap`, `shop.locations[1].code`.
fn dotted(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&quoted(key));
            }
            Step::Place(n) => out.push_str(&format!("[{n}]")),
        }
    }
    out
}

/// A key as it has to be written in TOML: bare where that is allowed, else between quotes.
pub(super) fn quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") }
}

fn take_out(table: &mut DeTable<'_>, path: &[Step]) -> bool {
    match path {
        [Step::Key(key)] => table.remove(key.as_str()).is_some(),
        [Step::Key(key), rest @ ..] => {
            table.get_mut(key.as_str()).is_some_and(|v| take_out_of_value(v.get_mut(), rest))
        }
        _ => false,
    }
}

fn take_out_of_value(value: &mut DeValue<'_>, path: &[Step]) -> bool {
    match (value, path) {
        (DeValue::Table(table), _) => take_out(table, path),
        // Taking one item out would move the others; the list is read again without all of them.
        (DeValue::Array(list), [Step::Place(_)]) => {
            *list = DeArray::new();
            true
        }
        (DeValue::Array(list), [Step::Place(n), rest @ ..]) => {
            list.get_mut(*n).is_some_and(|v| take_out_of_value(v.get_mut(), rest))
        }
        _ => false,
    }
}

struct Fault {
    key: String,
    message: String,
    remedy: String,
}

/// Turns serde's words into the merchant's. The value that was found is not repeated: it could be a secret.
fn explain(said: &str, path: &[Step]) -> Fault {
    let key = dotted(path);
    let fault = |message: String, remedy: String| Fault { key: key.clone(), message, remedy };
    let names = ticked(said);
    let (first, others) = names.split_first().map_or(("", &[][..]), |(f, o)| (*f, o));
    if said.starts_with("unknown field") {
        let in_file = format!("{first}_file");
        if others.contains(&in_file.as_str()) {
            return fault(
                "a secret must not stand in the config text".into(),
                format!("write it into a file of mode 600 and name that file: {in_file} = \"…\""),
            );
        }
        let remedy = match nearest(first, others.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if others.is_empty() => String::new(),
            None => format!("known here: {}", others.join(", ")),
        };
        return fault("unknown key".into(), remedy);
    }
    if said.starts_with("unknown variant") {
        return fault(format!("{first:?} is not one of the choices"), suggest(first, others));
    }
    if said.starts_with("missing field") {
        let key = if key.is_empty() { first.to_owned() } else { format!("{key}.{first}") };
        return Fault { key, message: "is missing".into(), remedy: format!("add {first} = …") };
    }
    match said.split_once(", expected ") {
        Some((found, wanted)) if found.starts_with("invalid type: ") => {
            let found = found["invalid type: ".len()..].split([' ', ',']).next().unwrap_or("another type");
            let (noun, remedy) = wanted_words(wanted);
            fault(format!("expected {noun}, found {}", found_word(found)), remedy.into())
        }
        Some((_, wanted)) => {
            fault(format!("out of range: expected {}", wanted_words(wanted).0), String::new())
        }
        None => fault(said.to_owned(), String::new()),
    }
}

/// What stands between back-ticks in one of serde's messages.
fn ticked(said: &str) -> Vec<&str> {
    said.split('`').skip(1).step_by(2).collect()
}

fn wanted_words(wanted: &str) -> (String, &'static str) {
    let number = "write the number without quotes";
    match wanted {
        "u8" => ("a whole number from 0 to 255".into(), number),
        "u16" => ("a whole number from 0 to 65535".into(), number),
        "u32" | "u64" | "usize" => ("a whole number, 0 or more".into(), number),
        "i32" | "i64" => ("a whole number".into(), number),
        "a boolean" => ("true or false".into(), "write true or false without quotes"),
        "a string" | "path string" => ("a text".into(), "write it between double quotes"),
        "a sequence" => ("a list".into(), "write a list: [\"…\", \"…\"]"),
        "a TOML datetime" => ("a date".into(), "write it without quotes: 2026-11-01"),
        w if w.starts_with("struct ") || w == "a map" => {
            ("a section of keys".into(), "write it as a [section]")
        }
        w if w.starts_with("string or table") || w.starts_with("enum ") => ("a text".into(), ""),
        w if w.starts_with("a nonzero ") => ("a whole number, 1 or more".into(), number),
        other => (other.to_owned(), ""),
    }
}

fn found_word(found: &str) -> &str {
    match found {
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with a point",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a section or a date",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Probe {
        #[expect(dead_code, reason = "only its presence is read")]
        kind: String,
        #[serde(default)]
        stock: Stock,
        #[serde(default)]
        places: Vec<Place>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Stock {
        buffer: Option<u32>,
        paused: Option<bool>,
        listing: BTreeMap<String, Stock>,
        password_file: Option<String>,
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Observe,
        Live,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        #[expect(dead_code, reason = "only its presence is read")]
        code: String,
    }

    fn problems_of(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        parse::<Probe>(Path::new("a.toml"), text, &mut problems);
        problems.sort();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_slip_of_a_file_is_found_in_one_go() {
        let text = "\
kind = \"sim\"
colour = 1
places = [{ code = \"a\" }, { cod = \"b\" }]

[stock]
bufer = 3
paused = \"yes\"
mode = \"life\"
password = \"hunter2\"

[stock.listing.\"a.b\"]
buffer = -3
";
        assert_eq!(
            problems_of(text),
            [
                "a.toml:2: colour: unknown key; known here: kind, stock, places",
                "a.toml:3: places[1].cod: unknown key; did you mean \"code\"?",
                "a.toml:3: places[1].code: is missing; add code = …",
                "a.toml:6: stock.bufer: unknown key; did you mean \"buffer\"?",
                "a.toml:7: stock.paused: expected true or false, found a text; write true or false without quotes",
                "a.toml:8: stock.mode: \"life\" is not one of the choices; did you mean \"live\"?",
                "a.toml:9: stock.password: a secret must not stand in the config text; write it into a file of \
                 mode 600 and name that file: password_file = \"…\"",
                "a.toml:12: stock.listing.\"a.b\".buffer: out of range: expected a whole number, 0 or more",
            ]
        );
    }

    #[test]
    fn a_value_is_never_repeated() {
        let said = problems_of("kind = \"sim\"\n[stock]\nbuffer = \"hunter2\"\npassword_file = 5108\n");
        assert_eq!(said.len(), 2);
        assert!(!said.concat().contains("hunter2") && !said.concat().contains("5108"), "{said:?}");
    }

    #[test]
    fn what_is_no_toml_names_its_lines() {
        let said = problems_of("kind = \"sim\"\n\nstock = = 3\nplaces = [\n");
        assert!(said.len() >= 2, "{said:?}");
        assert!(said[0].starts_with("a.toml:3: "), "{said:?}");
    }

    #[test]
    fn a_missing_key_of_the_whole_file_has_no_line() {
        assert_eq!(problems_of("places = []\n"), ["a.toml: kind: is missing; add kind = …"]);
    }

    #[test]
    fn a_sound_file_is_read_and_its_lines_are_known() {
        let mut problems = Vec::new();
        let text = "\u{feff}kind = \"sim\"\n[stock.listing.\"山 1\"]\nbuffer = 3\n";
        let (sheet, probe) = parse::<Probe>(Path::new("a.toml"), text, &mut problems);
        let probe = probe.unwrap();
        assert_eq!(problems, []);
        assert_eq!(probe.stock.listing["山 1"].buffer, Some(3));
        assert!(probe.places.is_empty() && probe.stock.buffer.is_none());
        assert_eq!(sheet.problem("stock.listing.\"山 1\".buffer", "", "").line, Some(3));
        assert_eq!(sheet.problem("stock.listing.\"山 1\".cap", "", "").line, Some(2));
        assert_eq!(sheet.problem("mail.from", "", "").line, None);
        assert!(sheet.has("kind") && !sheet.has("places"));
    }
}
