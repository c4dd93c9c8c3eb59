//! XML, read into a small tree and written as text.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One element. Yahoo! uses no namespaces and no mixed content.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    text: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}

/// What an element that is not there looks like.
static NOTHING: Node =
    Node { name: String::new(), text: String::new(), attributes: Vec::new(), children: Vec::new() };

/// Deeper than any answer is nested.
const DEPTH_MAX: usize = 32;

impl Node {
    /// Reads a document and returns its root. Document types are refused, so nothing can be expanded.
    ///
    /// Errors: what is wrong, in plain words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|e| format!("it is not well-formed XML: {e}"))? {
                Event::Start(tag) if open.len() <= DEPTH_MAX => open.push(Self::begin(&tag)),
                Event::Start(_) => return Err("it is nested too deeply".to_owned()),
                Event::Empty(tag) => put(&mut open, Self::begin(&tag)),
                Event::End(_) => {
                    if let Some(done) = open.pop() {
                        put(&mut open, done);
                    }
                }
                Event::Text(text) => say(&mut open, &text.xml10_content()),
                Event::CData(text) => say(&mut open, &text.xml10_content()),
                Event::GeneralRef(entity) => {
                    let name = entity.xml10_content();
                    let letter = entity.resolve_char_ref().ok().flatten().or_else(|| predefined(&name));
                    let letter = letter.ok_or_else(|| format!("it has an unknown entity &{name};"))?;
                    say(&mut open, letter.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) => return Err("it has a document type".to_owned()),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        let whole = open.len() == 1;
        let root = open.pop().and_then(|mut document| document.children.pop());
        root.filter(|_| whole).ok_or_else(|| "it breaks off".to_owned())
    }

    fn begin(tag: &BytesStart<'_>) -> Self {
        let pair = |a: quick_xml::events::attributes::Attribute<'_>| {
            (a.key.as_ref().to_owned(), a.value.clone().into_owned())
        };
        Self {
            name: tag.name().as_ref().to_owned(),
            attributes: tag.attributes().flatten().map(pair).collect(),
            ..Self::default()
        }
    }

    /// The first child of this name, or an empty element.
    pub(crate) fn at(&self, name: &str) -> &Self {
        self.children.iter().find(|child| child.name == name).unwrap_or(&NOTHING)
    }

    /// Every child of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(crate) fn children(&self) -> &[Self] {
        &self.children
    }

    /// The text of the child of this name without white space around it; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.at(name).content()
    }

    /// This element's own text.
    pub(crate) fn content(&self) -> &str {
        self.text.trim()
    }

    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

fn put(open: &mut [Node], done: Node) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
}

fn say(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// An element with text, escaped; characters that XML 1.0 cannot hold are left out.
pub(crate) fn element(name: &str, text: &str) -> String {
    let mut out = format!("<{name}>");
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\r' => out.push(letter),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if letter.is_control() => {}
            _ => out.push(letter),
        }
    }
    out + &format!("</{name}>")
}

/// An element around elements.
pub(crate) fn group(name: &str, parts: &[String]) -> String {
    format!("<{name}>{}</{name}>", parts.concat())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn text_comes_from_plain_text_cdata_and_entities() {
        let text =
            "<?xml version='1.0'?><R n=\"2\"><A> x &amp; <![CDATA[<髙>]]>&#128512; </A><A>2</A><B/></R>";
        let root = Node::parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.attribute("n")), ("R", "2"));
        assert_eq!(root.text("A"), "x & <髙>😀");
        assert_eq!(root.all("A").count(), 2);
        assert_eq!((root.text("B"), root.at("C").text("D")), ("", ""));
    }

    #[test]
    fn what_is_no_whole_document_is_refused() {
        for text in ["", "<A>", "<A></B>", "<A>&unknown;</A>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"] {
            assert!(Node::parse(text).is_err(), "{text}");
        }
        assert!(Node::parse(&"<a>".repeat(40)).is_err());
    }

    #[test]
    fn written_text_is_read_back() {
        let text = group("R", &[element("A", "a<b>&\u{7}c 髙①")]);
        assert_eq!(Node::parse(&text).unwrap().text("A"), "a<b>&c 髙①");
    }
}
