//! Just enough GraphQL: a document is read, its variables are put in, and what a resolver returns is cut down to what
//! was selected. A field that the resolver does not have is refused, as a schema would.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A field with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    alias: String,
    pub(super) args: Map<String, Value>,
    selection: Vec<Selected>,
}

#[derive(Clone, Debug)]
enum Selected {
    Field(Field),
    /// A fragment's type condition and what it selects.
    On(String, Vec<Selected>),
    Spread(String),
}

/// Why a value cannot be cut down to a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The document does not fit the schema: the sentence about it.
    NoField(String),
    /// What is there has no parts, as when a relation leads to nothing: the path to it, last step first.
    Unresolved(Vec<Value>),
}

impl Cut {
    fn below(self, step: Value) -> Self {
        match self {
            Self::Unresolved(mut path) => {
                path.push(step);
                Self::Unresolved(path)
            }
            other => other,
        }
    }
}

/// A document with one operation.
#[derive(Debug)]
pub(super) struct Document {
    roots: Vec<Selected>,
    fragments: BTreeMap<String, (String, Vec<Selected>)>,
}

impl Document {
    /// Reads a document.
    ///
    /// `Err` holds the sentence of a syntax error.
    pub(super) fn parse(text: &str, variables: &Value) -> Result<Self, String> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0, variables };
        let mut document = Self { roots: Vec::new(), fragments: BTreeMap::new() };
        while let Some(word) = reader.next() {
            match word.as_str() {
                "query" | "mutation" => {
                    reader.skip_head()?;
                    document.roots = reader.selection()?;
                }
                "{" => {
                    reader.at -= 1;
                    document.roots = reader.selection()?;
                }
                "fragment" => {
                    let name = reader.expect_any()?;
                    reader.demand("on")?;
                    let of = reader.expect_any()?;
                    document.fragments.insert(name, (of, reader.selection()?));
                }
                other => return Err(format!("Syntax Error: Unexpected Name \"{other}\".")),
            }
        }
        Ok(document)
    }

    /// The fields at the top, in order.
    pub(super) fn roots(&self) -> Vec<&Field> {
        let fields = self.roots.iter().filter_map(|selected| match selected {
            Selected::Field(field) => Some(field),
            _ => None,
        });
        fields.collect()
    }

    /// Puts the resolved value of a field at the top into the answer, as far as it was selected.
    pub(super) fn put(&self, field: &Field, value: Value, into: &mut Map<String, Value>) -> Result<(), Cut> {
        into.insert(field.alias.clone(), self.cut(&value, &field.selection)?);
        Ok(())
    }

    fn cut(&self, value: &Value, selection: &[Selected]) -> Result<Value, Cut> {
        match value {
            Value::Array(rows) => {
                let row = |(at, row)| self.cut(row, selection).map_err(|e| e.below(json!(at)));
                rows.iter().enumerate().map(row).collect()
            }
            Value::Object(whole) if !selection.is_empty() => {
                let mut kept = Map::new();
                self.keep(whole, selection, &mut kept)?;
                Ok(Value::Object(kept))
            }
            Value::Null => Ok(Value::Null),
            _ if !selection.is_empty() => Err(Cut::Unresolved(Vec::new())),
            other => Ok(other.clone()),
        }
    }

    fn keep(
        &self,
        whole: &Map<String, Value>,
        selection: &[Selected],
        kept: &mut Map<String, Value>,
    ) -> Result<(), Cut> {
        let own = whole.get("__typename").and_then(Value::as_str).unwrap_or_default();
        // Parts without a name of their own are what the document takes them for.
        let fits = |of: &str| {
            own.is_empty() || own == of || (of == "ErrorResult" && whole.contains_key("errorCode"))
        };
        for selected in selection {
            match selected {
                Selected::Field(field) => {
                    let found = whole.get(&field.name).ok_or_else(|| {
                        Cut::NoField(format!("Cannot query field \"{}\" on type \"{own}\".", field.name))
                    })?;
                    let part = self.cut(found, &field.selection).map_err(|e| e.below(json!(field.alias)))?;
                    kept.insert(field.alias.clone(), part);
                }
                Selected::On(of, inner) if fits(of) => self.keep(whole, inner, kept)?,
                Selected::On(..) => {}
                Selected::Spread(name) => {
                    let (of, inner) = self
                        .fragments
                        .get(name)
                        .ok_or_else(|| Cut::NoField(format!("Unknown fragment \"{name}\".")))?;
                    if fits(of) {
                        self.keep(whole, inner, kept)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Words, punctuation, numbers and strings (these with their quotes).
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => 2 + rest.get(1..).and_then(|r| r.find('"')).ok_or("Syntax Error: Unterminated string.")?,
            '.' if rest.starts_with("...") => 3,
            c if c == '_' || c == '-' || c.is_ascii_alphanumeric() => {
                rest.find(|c: char| c != '_' && c != '-' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !(first.is_whitespace() || first == ',' || first == '#' || first == '\u{feff}') {
            out.push(token.to_owned());
        }
        rest = after;
    }
    Ok(out)
}

struct Reader<'a> {
    tokens: Vec<String>,
    at: usize,
    variables: &'a Value,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn expect_any(&mut self) -> Result<String, String> {
        self.next().ok_or_else(|| "Syntax Error: Unexpected <EOF>.".to_owned())
    }

    fn demand(&mut self, token: &str) -> Result<(), String> {
        match self.expect_any()? {
            found if found == token => Ok(()),
            found => Err(format!("Syntax Error: Expected \"{token}\", found \"{found}\".")),
        }
    }

    /// The operation's name and the declaration of its variables.
    fn skip_head(&mut self) -> Result<(), String> {
        while self.peek() != "{" {
            self.expect_any()?;
        }
        Ok(())
    }

    fn selection(&mut self) -> Result<Vec<Selected>, String> {
        self.demand("{")?;
        let mut out = Vec::new();
        while self.peek() != "}" {
            if self.peek() != "..." {
                out.push(Selected::Field(self.field()?));
                continue;
            }
            self.at += 1;
            let word = self.expect_any()?;
            out.push(match word.as_str() {
                "on" => Selected::On(self.expect_any()?, self.selection()?),
                _ => Selected::Spread(word),
            });
        }
        self.at += 1;
        Ok(out)
    }

    fn field(&mut self) -> Result<Field, String> {
        let alias = self.expect_any()?;
        let name = match self.peek() {
            ":" => {
                self.at += 1;
                self.expect_any()?
            }
            _ => alias.clone(),
        };
        let args = match self.peek() {
            "(" => {
                self.at += 1;
                self.members(")")?
            }
            _ => Map::new(),
        };
        let selection = if self.peek() == "{" { self.selection()? } else { Vec::new() };
        Ok(Field { name, alias, args, selection })
    }

    fn members(&mut self, end: &str) -> Result<Map<String, Value>, String> {
        let mut out = Map::new();
        while self.peek() != end {
            let name = self.expect_any()?;
            self.demand(":")?;
            out.insert(name, self.value()?);
        }
        self.at += 1;
        Ok(out)
    }

    fn value(&mut self) -> Result<Value, String> {
        let token = self.expect_any()?;
        Ok(match token.as_str() {
            "{" => Value::Object(self.members("}")?),
            "[" => {
                let mut rows = Vec::new();
                while self.peek() != "]" {
                    rows.push(self.value()?);
                }
                self.at += 1;
                Value::Array(rows)
            }
            "$" => {
                let name = self.expect_any()?;
                self.variables.get(&name).cloned().unwrap_or(Value::Null)
            }
            text if text.starts_with('"') => Value::String(text.trim_matches('"').to_owned()),
            other => serde_json::from_str(other).unwrap_or_else(|_| Value::String(other.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_document_selects_what_it_names() {
        let text = "query Q($ids: [String!]!) { a: things(filter: { id: { in: $ids }, sort: ASC }, take: 2) {
            id # a comment
            ...Part ... on Odd { odd } } }
            fragment Part on Thing { inner { x } }";
        let document = Document::parse(text, &json!({"ids": ["1"]})).unwrap();
        let root = document.roots()[0];
        assert_eq!(root.name, "things");
        assert_eq!(
            Value::Object(root.args.clone()),
            json!({"filter": {"id": {"in": ["1"]}, "sort": "ASC"}, "take": 2})
        );
        let value = json!([{"__typename": "Thing", "id": 1, "inner": {"x": 1, "y": 2}, "odd": 3}]);
        let mut out = Map::new();
        document.put(root, value, &mut out).unwrap();
        assert_eq!(Value::Object(out), json!({"a": [{"id": 1, "inner": {"x": 1}}]}));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let document = Document::parse("{ a { nope } }", &Value::Null).unwrap();
        let refused = document.put(document.roots()[0], json!({"id": 1}), &mut Map::new());
        assert_eq!(refused, Err(Cut::NoField("Cannot query field \"nope\" on type \"\".".to_owned())));
        let document = Document::parse("{ a { b { c } } }", &Value::Null).unwrap();
        let broken = document.put(document.roots()[0], json!([{"b": {"c": 1}}, {"b": 7}]), &mut Map::new());
        assert_eq!(broken, Err(Cut::Unresolved(vec![json!("b"), json!(1)])));
        assert!(Document::parse("{ a", &Value::Null).is_err());
        assert!(Document::parse("query { a(b: \"c) { d } }", &Value::Null).is_err());
    }
}
