//! Query strings as PHP reads them, and parameters as WordPress checks them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::php;

/// One parameter: `a=1`, or `a[]=1&a[]=2` and `a[k]=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Param {
    /// A text.
    Text(String),
    /// An array: keys and values in the order given.
    Array(Vec<(String, String)>),
}

/// The parameters of one request, by name; the last of a name wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(pub(super) BTreeMap<String, Param>);

impl Query {
    /// Reads a query string (or a form body).
    pub(super) fn parse(text: &str) -> Self {
        let mut params = BTreeMap::new();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name), decode(value));
            match name.split_once('[').and_then(|(n, k)| Some((n, k.strip_suffix(']')?))) {
                Some((name, key)) => {
                    let slot = params.entry(name.to_owned()).or_insert_with(|| Param::Array(Vec::new()));
                    if let Param::Array(items) = slot {
                        let key = if key.is_empty() { items.len().to_string() } else { key.to_owned() };
                        items.push((key, value));
                    }
                }
                None => {
                    params.insert(name, Param::Text(value));
                }
            }
        }
        Self(params)
    }

    /// A parameter that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Param::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A parameter that WordPress reads as a list: an array, or a text with commas or spaces in it.
    pub(super) fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.0.get(name)? {
            Param::Array(items) => Some(items.iter().map(|(_, v)| v.clone()).collect()),
            Param::Text(text) => {
                Some(text.split([',', ' ']).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect())
            }
        }
    }

    /// The parameters as a query string again, with `page` replaced, as in the `Link` header.
    pub(super) fn with_page(&self, page: u64) -> String {
        let mut parts = Vec::new();
        for (name, param) in self.0.iter().filter(|(name, _)| *name != "page") {
            match param {
                Param::Text(value) => parts.push(format!("{}={}", encode(name), encode(value))),
                Param::Array(items) => {
                    for (key, value) in items {
                        parts.push(format!("{}%5B{}%5D={}", encode(name), encode(key), encode(value)));
                    }
                }
            }
        }
        parts.push(format!("page={page}"));
        parts.join("&")
    }
}

/// `urldecode`: `+` is a space; bytes that are no UTF-8 are replaced.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[at], hex) {
            (_, Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', None) => out.push(b' '),
            (byte, None) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `rawurlencode` (RFC 3986).
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// An error as the REST server of WordPress words it.
#[derive(Clone, Debug)]
pub(super) struct WpError {
    /// HTTP status.
    pub(super) status: u16,
    /// The machine's word.
    pub(super) code: String,
    /// The sentence.
    pub(super) message: String,
    /// More, usually `{"status": …}`.
    pub(super) data: Value,
}

impl WpError {
    /// An error whose `data` holds its status and nothing else.
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned(), data: json!({ "status": status }) }
    }

    /// No such route, or not with this verb.
    pub(super) fn no_route() -> Self {
        Self::new(404, "rest_no_route", "No route was found matching the URL and request method.")
    }

    /// As the body of an answer, or under `error` in a batch.
    pub(super) fn body(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "data": self.data })
    }
}

/// Reads and checks the parameters of one request; what is wrong is answered in one error, as WordPress does.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    query: &'a Query,
    utc_offset_secs: i64,
    wrong: Map<String, Value>,
    details: Map<String, Value>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(query: &'a Query, utc_offset_secs: i64) -> Self {
        Self { query, utc_offset_secs, wrong: Map::new(), details: Map::new() }
    }

    fn refuse(&mut self, name: &str, code: &str, message: String) {
        self.details.insert(name.to_owned(), json!({ "code": code, "message": message, "data": null }));
        self.wrong.insert(name.to_owned(), Value::from(message));
    }

    /// A whole number within bounds.
    pub(super) fn int(&mut self, name: &str, default: i64, least: i64, most: Option<i64>) -> i64 {
        match self.query.0.get(name) {
            None => default,
            Some(Param::Text(text)) => match text.trim().parse::<i64>() {
                Ok(n) if n >= least && most.is_none_or(|m| n <= m) => n,
                Ok(_) => {
                    let message = match most {
                        Some(most) => {
                            format!("{name} must be between {least} (inclusive) and {most} (inclusive)")
                        }
                        None => format!("{name} must be greater than or equal to {least}"),
                    };
                    self.refuse(name, "rest_out_of_bounds", message);
                    default
                }
                Err(_) => {
                    self.refuse(name, "rest_invalid_type", format!("{name} is not of type integer."));
                    default
                }
            },
            Some(Param::Array(_)) => {
                self.refuse(name, "rest_invalid_type", format!("{name} is not of type integer."));
                default
            }
        }
    }

    /// A truth value: `true`, `1`, `false`, `0`.
    pub(super) fn boolean(&mut self, name: &str, default: bool) -> bool {
        match self.query.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("true" | "1") => true,
            Some("false" | "0" | "") => false,
            Some(_) => {
                self.refuse(name, "rest_invalid_type", format!("{name} is not of type boolean."));
                default
            }
        }
    }

    /// One word of a list.
    pub(super) fn one_of(&mut self, name: &str, default: &str, allowed: &[&str]) -> String {
        let given = self.query.text(name).unwrap_or(default);
        if allowed.contains(&given) {
            return given.to_owned();
        }
        self.refuse(name, "rest_not_in_enum", format!("{name} is not one of {}.", spoken(allowed)));
        default.to_owned()
    }

    /// Several words of a list; `None` if the parameter is not given.
    pub(super) fn some_of(&mut self, name: &str, allowed: &[&str]) -> Option<Vec<String>> {
        let given = self.query.list(name)?;
        for (at, word) in given.iter().enumerate() {
            if !allowed.contains(&word.as_str()) {
                let message = format!("{name}[{at}] is not one of {}.", spoken(allowed));
                self.refuse(name, "rest_not_in_enum", message);
                break;
            }
        }
        Some(given)
    }

    /// A list of whole numbers; empty if not given.
    pub(super) fn ints(&mut self, name: &str) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (at, text) in self.query.list(name).unwrap_or_default().iter().enumerate() {
            match text.parse() {
                Ok(n) => numbers.push(n),
                Err(_) => {
                    let message = format!("{name}[{at}] is not of type integer.");
                    self.refuse(name, "rest_invalid_type", message);
                }
            }
        }
        numbers
    }

    /// A date, see [`php::parse_date`].
    pub(super) fn date(&mut self, name: &str) -> Option<i64> {
        let text = self.query.text(name)?;
        let secs = php::parse_date(text, self.utc_offset_secs);
        if secs.is_none() {
            self.refuse(name, "rest_invalid_date", "Invalid date.".to_owned());
        }
        secs
    }

    /// All is well, or one 400 that names every parameter that is wrong.
    pub(super) fn done(self) -> Result<(), WpError> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.wrong.keys().map(String::as_str).collect();
        Err(WpError {
            status: 400,
            code: "rest_invalid_param".to_owned(),
            message: format!("Invalid parameter(s): {}", names.join(", ")),
            data: json!({ "status": 400, "params": self.wrong, "details": self.details }),
        })
    }
}

/// `a, b, and c`, as `wp_sprintf( '%l' )` joins.
fn spoken(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_and_escapes_are_read_as_php_reads_them() {
        let query = Query::parse("a=1&a=2&status[]=x&status%5B%5D=y+z&k[q]=%E9%AB%99&bare");
        assert_eq!(query.text("a"), Some("2"));
        assert_eq!(query.list("status"), Some(vec!["x".to_owned(), "y z".to_owned()]));
        assert_eq!(query.0.get("k"), Some(&Param::Array(vec![("q".to_owned(), "髙".to_owned())])));
        assert_eq!(query.text("bare"), Some(""));
        assert_eq!(
            query.with_page(2),
            "a=2&bare=&k%5Bq%5D=%E9%AB%99&status%5B0%5D=x&status%5B1%5D=y%20z&page=2"
        );
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let query = Query::parse("per_page=101&page=0&orderby=size&after=soon&include=1,x");
        let mut args = Checked::new(&query, 0);
        args.int("per_page", 10, 1, Some(100));
        args.int("page", 1, 1, None);
        args.one_of("orderby", "date", &["date", "id", "modified"]);
        args.date("after");
        args.ints("include");
        let error = args.done().err().map(|e| (e.status, e.message, e.data));
        let Some((400, message, data)) = error else { unreachable!("must be refused: {error:?}") };
        assert_eq!(message, "Invalid parameter(s): after, include, orderby, page, per_page");
        let params = &data["params"];
        assert_eq!(params["per_page"], "per_page must be between 1 (inclusive) and 100 (inclusive)");
        assert_eq!(params["page"], "page must be greater than or equal to 1");
        assert_eq!(params["orderby"], "orderby is not one of date, id, and modified.");
        assert_eq!(params["after"], "Invalid date.");
        assert_eq!(params["include"], "include[1] is not of type integer.");
    }
}
