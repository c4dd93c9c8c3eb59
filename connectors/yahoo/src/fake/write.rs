//! Reading requests and writing answers, by hand: the connector's XML code is not used.

/// The text of the first element of this name; requests hold no CDATA and no attributes.
pub(super) fn tag(document: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inside =
        document.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map(|(text, _)| text);
    inside.unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Whether an element of this name is there.
pub(super) fn has_tag(document: &str, name: &str) -> bool {
    document.contains(&format!("<{name}>"))
}

/// A value of a form or query.
pub(super) fn value(form: &str, name: &str) -> String {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| plain(value)).unwrap_or_default()
}

fn plain(escaped: &str) -> String {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An element as the mall writes it: words in CDATA, everything else as it is.
pub(super) fn written(name: &str, text: &str) -> String {
    let bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+:_.".contains(&b));
    match bare {
        true => format!("<{name}>{text}</{name}>"),
        false => format!("<{name}><![CDATA[{}]]></{name}>", text.replace("]]>", "]]]]><![CDATA[>")),
    }
}

/// The refusal of any API.
pub(super) fn error(code: &str, message: &str) -> String {
    format!("<Error>\n  <Message>{message}</Message>\n  <Code>{code}</Code>\n</Error>")
}
