//! As much of GraphQL's language as a client's documents need: operations, fragments, arguments, directives.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A field with what is asked of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    alias: Option<String>,
    pub(super) name: String,
    args: Vec<(String, Arg)>,
    directives: Vec<(String, Vec<(String, Arg)>)>,
    pub(super) selection: Vec<Selected>,
}

/// One entry of a selection set.
#[derive(Clone, Debug)]
pub(super) enum Selected {
    Field(Field),
    /// `... on Type { … }`
    Inline(String, Vec<Selected>),
    /// `...Name`
    Spread(String),
}

#[derive(Clone, Debug)]
enum Arg {
    Value(Value),
    Variable(String),
    List(Vec<Arg>),
    Object(Vec<(String, Arg)>),
}

/// A query or mutation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) mutation: bool,
    /// Name, and whether it must be given.
    variables: Vec<(String, bool)>,
    pub(super) selection: Vec<Selected>,
}

/// A document, and the variables that came with it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
    fragments: BTreeMap<String, (String, Vec<Selected>)>,
    variables: Map<String, Value>,
}

impl Request {
    /// Reads the operation of that name.
    ///
    /// `Err` is GraphQL's message.
    pub(super) fn read(text: &str, name: &str, variables: Value) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let (mut operations, mut fragments) = (Vec::new(), BTreeMap::new());
        while let Some(word) = parser.peek().map(ToOwned::to_owned) {
            match word.as_str() {
                "query" | "mutation" => operations.push(parser.operation()?),
                "fragment" => {
                    let (name, on, selection) = parser.fragment()?;
                    fragments.insert(name, (on, selection));
                }
                other => return Err(format!("syntax error, unexpected {other:?}")),
            }
        }
        let operation = operations
            .into_iter()
            .find(|operation| operation.name == name)
            .ok_or_else(|| format!("No operation named \"{name}\""))?;
        let variables = match variables {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        for (name, needed) in &operation.variables {
            if *needed && variables.get(name).is_none_or(Value::is_null) {
                return Err(format!("Variable ${name} was provided invalid value"));
            }
        }
        let unknown = variables.keys().find(|key| !operation.variables.iter().any(|(name, _)| name == *key));
        match unknown {
            Some(key) => Err(format!("Variable ${key} is not declared by {name}")),
            None => Ok(Self { operation, fragments, variables }),
        }
    }

    /// The fields of a selection on an object of this type, with inline fragments and spreads resolved.
    pub(super) fn fields<'a>(&'a self, selection: &'a [Selected], on: &str) -> Vec<&'a Field> {
        let mut fields = Vec::new();
        for selected in selection {
            match selected {
                Selected::Field(field) => fields.push(field),
                Selected::Inline(name, inner) if name == on => fields.extend(self.fields(inner, on)),
                Selected::Spread(name) => {
                    if let Some((fits, inner)) = self.fragments.get(name)
                        && fits == on
                    {
                        fields.extend(self.fields(inner, on));
                    }
                }
                Selected::Inline(..) => {}
            }
        }
        fields
    }

    /// An argument's value.
    pub(super) fn arg(&self, field: &Field, name: &str) -> Value {
        field.args.iter().find(|(key, _)| key == name).map_or(Value::Null, |(_, arg)| self.value(arg))
    }

    /// The argument of a directive on the field, if the directive is there.
    pub(super) fn directive(&self, field: &Field, name: &str, arg: &str) -> Option<Value> {
        let (_, args) = field.directives.iter().find(|(key, _)| key == name)?;
        args.iter().find(|(key, _)| key == arg).map(|(_, value)| self.value(value))
    }

    fn value(&self, arg: &Arg) -> Value {
        match arg {
            Arg::Value(value) => value.clone(),
            Arg::Variable(name) => self.variables.get(name).cloned().unwrap_or(Value::Null),
            Arg::List(items) => items.iter().map(|item| self.value(item)).collect(),
            Arg::Object(fields) => {
                Value::Object(fields.iter().map(|(key, arg)| (key.clone(), self.value(arg))).collect())
            }
        }
    }

    /// What the operation may cost at most: an object 1, a connection 2 and its page's worth of nodes, a mutation 10.
    pub(super) fn cost(&self) -> i64 {
        match self.operation.mutation {
            true => 10,
            false => self.worth(&self.operation.selection),
        }
    }

    fn worth(&self, selection: &[Selected]) -> i64 {
        let each = |selected: &Selected| match selected {
            Selected::Field(field) => self.worth_of(field),
            Selected::Inline(_, inner) => self.worth(inner),
            Selected::Spread(name) => self.fragments.get(name).map_or(0, |(_, inner)| self.worth(inner)),
        };
        selection.iter().map(each).sum()
    }

    fn worth_of(&self, field: &Field) -> i64 {
        if field.selection.is_empty() || field.name == "pageInfo" {
            return 0;
        }
        let ids = self.arg(field, "ids").as_array().map(|ids| ids.len() as i64);
        let times = self.arg(field, "first").as_i64().or(ids).unwrap_or(1);
        let nodes = field.selection.iter().find_map(|selected| match selected {
            Selected::Field(nodes) if nodes.name == "nodes" => Some(nodes),
            _ => None,
        });
        match nodes {
            Some(nodes) => 2 + times * (1 + self.worth(&nodes.selection)),
            None => times * (1 + self.worth(&field.selection)),
        }
    }
}

impl Field {
    /// The name that it is answered under.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

/// Names, punctuation, numbers, and strings with their quotes.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    while let Some(&c) = chars.get(at) {
        let begun = at;
        match c {
            _ if c.is_whitespace() || c == ',' => {
                at += 1;
                continue;
            }
            '"' => {
                at += 1;
                while chars.get(at).is_some_and(|c| *c != '"') {
                    at += if chars[at] == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            '.' => at += 3,
            _ if is_word(c) => {
                while chars.get(at).is_some_and(|c| is_word(*c)) {
                    at += 1;
                }
            }
            '{' | '}' | '(' | ')' | '[' | ']' | ':' | '!' | '$' | '=' | '@' => at += 1,
            other => return Err(format!("syntax error, unexpected character {other:?}")),
        }
        tokens.push(chars.get(begun..at).ok_or("syntax error, unexpected end of file")?.iter().collect());
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn take(&mut self) -> Result<String, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("syntax error, unexpected end of file")?;
        self.at += 1;
        Ok(token)
    }

    fn accept(&mut self, token: &str) -> bool {
        let there = self.peek() == Some(token);
        self.at += usize::from(there);
        there
    }

    fn demand(&mut self, token: &str) -> Result<(), String> {
        match self.take()? {
            found if found == token => Ok(()),
            found => Err(format!("syntax error, expected {token:?}, found {found:?}")),
        }
    }

    fn operation(&mut self) -> Result<Operation, String> {
        let mutation = self.take()? == "mutation";
        let name = self.take()?;
        let mut variables = Vec::new();
        if self.accept("(") {
            while !self.accept(")") {
                self.demand("$")?;
                let name = self.take()?;
                self.demand(":")?;
                variables.push((name, self.kind()?));
            }
        }
        Ok(Operation { name, mutation, variables, selection: self.selection()? })
    }

    /// A type; whether it may not be null.
    fn kind(&mut self) -> Result<bool, String> {
        if self.accept("[") {
            self.kind()?;
            self.demand("]")?;
        } else {
            self.take()?;
        }
        Ok(self.accept("!"))
    }

    fn fragment(&mut self) -> Result<(String, String, Vec<Selected>), String> {
        self.demand("fragment")?;
        let name = self.take()?;
        self.demand("on")?;
        Ok((name, self.take()?, self.selection()?))
    }

    fn selection(&mut self) -> Result<Vec<Selected>, String> {
        self.demand("{")?;
        let mut selected = Vec::new();
        while !self.accept("}") {
            if !self.accept("...") {
                selected.push(Selected::Field(self.field()?));
            } else if self.accept("on") {
                selected.push(Selected::Inline(self.take()?, self.selection()?));
            } else {
                selected.push(Selected::Spread(self.take()?));
            }
        }
        Ok(selected)
    }

    fn field(&mut self) -> Result<Field, String> {
        let mut field = Field { name: self.take()?, ..Field::default() };
        if self.accept(":") {
            field.alias = Some(std::mem::replace(&mut field.name, self.take()?));
        }
        field.args = self.args()?;
        while self.accept("@") {
            field.directives.push((self.take()?, self.args()?));
        }
        if self.peek() == Some("{") {
            field.selection = self.selection()?;
        }
        Ok(field)
    }

    fn args(&mut self) -> Result<Vec<(String, Arg)>, String> {
        match self.accept("(") {
            true => self.pairs(")"),
            false => Ok(Vec::new()),
        }
    }

    fn pairs(&mut self, end: &str) -> Result<Vec<(String, Arg)>, String> {
        let mut pairs = Vec::new();
        while !self.accept(end) {
            let name = self.take()?;
            self.demand(":")?;
            pairs.push((name, self.arg()?));
        }
        Ok(pairs)
    }

    fn arg(&mut self) -> Result<Arg, String> {
        let token = self.take()?;
        Ok(match token.as_str() {
            "$" => Arg::Variable(self.take()?),
            "{" => Arg::Object(self.pairs("}")?),
            "[" => {
                let mut items = Vec::new();
                while !self.accept("]") {
                    items.push(self.arg()?);
                }
                Arg::List(items)
            }
            // Numbers, strings, true, false and null are written as in JSON; anything else is an enum's word.
            other => Arg::Value(serde_json::from_str(other).unwrap_or_else(|_| Value::String(token.clone()))),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_and_priced() {
        let text = "query Q($n: Int!, $s: [ID!]) { orders(first: $n, sortKey: UPDATED_AT, query: \"a:'b \\\"c\\\"'\") { \
                    nodes { ...F } pageInfo { hasNextPage } } nodes(ids: $s) { ... on Order { x: id } } } \
                    fragment F on Order { id total { shop { amount } } }";
        let request = Request::read(text, "Q", json!({ "n": 5, "s": ["1", "2"] }));
        assert!(request.is_ok(), "{request:?}");
        if let Ok(request) = request {
            // 2 + 5 × (1 + 1 + 1), and 2 × 1.
            assert_eq!(request.cost(), 19);
            let fields = request.fields(&request.operation.selection, "QueryRoot");
            assert_eq!(request.arg(fields[0], "query"), json!("a:'b \"c\"'"));
            assert_eq!(request.arg(fields[0], "sortKey"), json!("UPDATED_AT"));
            let inner = request.fields(&fields[1].selection, "Order");
            assert_eq!((inner[0].key(), inner[0].name.as_str()), ("x", "id"));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let read = |text, variables| Request::read(text, "Q", variables).err().unwrap_or_default();
        assert!(read("query Q($n: Int!) { a }", json!({})).contains("$n"));
        assert!(read("query Q { a }", json!({ "n": 1 })).contains("$n"));
        assert!(read("query R { a }", json!({})).contains("Q"));
        assert!(read("query Q { a", json!({})).contains("end of file"));
        assert!(read("query Q { a % }", json!({})).contains('%'));
    }
}
