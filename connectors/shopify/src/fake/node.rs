//! What the shop could tell, and cutting it down to what was asked.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::graphql::{Field, Request};

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A scalar, a list of them, or null.
    Leaf(Value),
    /// An object and its type.
    Object(&'static str, Vec<(&'static str, Node)>),
    /// A list; `first` cuts it.
    List(Vec<Node>),
    /// A connection; `first` and `after` cut it, by position.
    Pages(Vec<Node>),
    /// A connection that is cut already, with the cursor of its last node if there are more.
    Page(Vec<Node>, Option<String>),
    /// A field whose value depends on one argument: a text, or the JSON of anything else.
    By(&'static str, BTreeMap<String, Node>),
    /// A field that this app may not read.
    Withheld(&'static str),
}

/// An entry of GraphQL's list of errors.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) path: Vec<Value>,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: Vec::new() }
    }

    pub(super) fn json(&self) -> Value {
        let mut fault = json!({ "message": self.message, "extensions": { "code": self.code } });
        if !self.path.is_empty() {
            fault["path"] = Value::Array(self.path.clone());
        }
        fault
    }
}

impl<T: Into<Value>> From<T> for Node {
    fn from(value: T) -> Self {
        Self::Leaf(value.into())
    }
}

/// An object of that type.
pub(super) fn object<const N: usize>(kind: &'static str, fields: [(&'static str, Node); N]) -> Node {
    Node::Object(kind, fields.into())
}

/// Null.
pub(super) const NULL: Node = Node::Leaf(Value::Null);

/// Cuts values down to a selection and gathers what is withheld on the way.
#[derive(Debug)]
pub(super) struct Cutter<'a> {
    pub(super) request: &'a Request,
    pub(super) withheld: Vec<Fault>,
    path: Vec<Value>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(request: &'a Request) -> Self {
        Self { request, withheld: Vec::new(), path: Vec::new() }
    }

    /// What of `node` the field asks for.
    ///
    /// Errors: a field that the type does not have.
    pub(super) fn cut(&mut self, field: &Field, node: &Node) -> Result<Value, Fault> {
        self.path.push(json!(field.key()));
        let value = self.value(field, node);
        self.path.pop();
        value
    }

    fn value(&mut self, field: &Field, node: &Node) -> Result<Value, Fault> {
        let first = self.request.arg(field, "first").as_u64().and_then(|n| usize::try_from(n).ok());
        match node {
            Node::Leaf(value) => Ok(value.clone()),
            Node::Withheld(what) => {
                let message = format!("This app is not approved to use the {what} field.");
                self.withheld.push(Fault { path: self.path.clone(), ..Fault::new("ACCESS_DENIED", message) });
                Ok(Value::Null)
            }
            Node::Object(kind, fields) => self.object(field, kind, fields),
            Node::List(items) => self.list(field, items.iter().take(first.unwrap_or(usize::MAX))),
            Node::By(name, choices) => {
                let wanted = self.request.arg(field, name);
                let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), ToOwned::to_owned);
                match choices.get(&wanted) {
                    Some(chosen) => self.value(field, &chosen.clone()),
                    None => Ok(Value::Null),
                }
            }
            Node::Page(items, next) => self.connection(field, items, next.as_deref()),
            Node::Pages(items) => {
                let after = self.request.arg(field, "after");
                let from = after.as_str().and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
                let first = first.ok_or_else(|| {
                    let what = format!("you must provide one of first or last on {}", field.name);
                    Fault::new("BAD_REQUEST", what)
                })?;
                let to = (from + first).min(items.len());
                let next = (to < items.len()).then(|| to.to_string());
                self.connection(field, items.get(from..to).unwrap_or_default(), next.as_deref())
            }
        }
    }

    fn list<'n>(&mut self, field: &Field, items: impl Iterator<Item = &'n Node>) -> Result<Value, Fault> {
        let mut values = Vec::new();
        for (at, item) in items.enumerate() {
            self.path.push(json!(at));
            let value = self.value(field, item);
            self.path.pop();
            values.push(value?);
        }
        Ok(Value::Array(values))
    }

    fn object(&mut self, field: &Field, kind: &str, fields: &[(&'static str, Node)]) -> Result<Value, Fault> {
        if field.selection.is_empty() {
            let message = format!("Field must have selections (field '{}' returns {kind})", field.name);
            return Err(Fault::new("selectionMismatch", message));
        }
        let request = self.request;
        let mut whole = Map::new();
        for inner in request.fields(&field.selection, kind) {
            let value = match fields.iter().find(|(name, _)| *name == inner.name) {
                Some((_, node)) => self.cut(inner, node)?,
                None if inner.name == "__typename" => json!(kind),
                None => return Err(no_field(&inner.name, kind)),
            };
            whole.insert(inner.key().to_owned(), value);
        }
        Ok(Value::Object(whole))
    }

    fn connection(&mut self, field: &Field, items: &[Node], next: Option<&str>) -> Result<Value, Fault> {
        let page = object(
            "PageInfo",
            [("hasNextPage", next.is_some().into()), ("endCursor", next.map_or(NULL, Node::from))],
        );
        let whole = [("nodes", Node::List(items.to_vec())), ("pageInfo", page)];
        self.object(field, "Connection", &whole)
    }
}

pub(super) fn no_field(name: &str, kind: &str) -> Fault {
    Fault::new("undefinedField", format!("Field '{name}' doesn't exist on type '{kind}'"))
}

/// Objects in an answer, which is what it cost in the end.
pub(super) fn objects(value: &Value) -> i64 {
    match value {
        Value::Array(items) => items.iter().map(objects).sum(),
        Value::Object(fields) => 1 + fields.values().map(objects).sum::<i64>(),
        _ => 0,
    }
}
