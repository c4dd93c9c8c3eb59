//! Reads Rust just well enough to measure it: comments and literals blanked out, functions and test modules found.

use std::ops::Range;

/// A Rust file whose comments, strings and character literals are spaces; line breaks stay where they are.
pub struct Source {
    code: String,
}

/// A function as it stands in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both included.
    pub lines: usize,
}

impl Source {
    /// Blanks `text`; what stands in `#[cfg(test)]` modules stays.
    pub fn new(text: &str) -> Self {
        Self { code: blank(text) }
    }

    /// The same without its `#[cfg(test)]` modules: their lines are empty.
    pub fn without_tests(text: &str) -> Self {
        let mut code = blank(text);
        while let Some(module) = test_module(&code) {
            let kept: String = code[module.clone()].chars().filter(|c| *c == '\n').collect();
            code.replace_range(module, &kept);
        }
        Self { code }
    }

    /// Lines outside `#[cfg(test)]` modules, comments and blank lines included.
    pub fn lines_without_tests(text: &str) -> usize {
        let code = blank(text);
        let mut lines = text.lines().count();
        let mut rest = code.as_str();
        while let Some(module) = test_module(rest) {
            lines -= rest[module.clone()].lines().count();
            rest = &rest[module.end..];
        }
        lines
    }

    /// Every place (line, from 1) where `words` stand: whole words, joined by nothing but themselves.
    pub fn lines_with(&self, words: &str) -> Vec<usize> {
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let (opens, closes) = (word(words.chars().next()), word(words.chars().last()));
        self.code
            .match_indices(words)
            .filter(|(at, _)| !(opens && word(self.code[..*at].chars().next_back())))
            .filter(|(at, _)| !(closes && word(self.code[at + words.len()..].chars().next())))
            .map(|(at, _)| self.line(at))
            .collect()
    }

    /// Every function with a body.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(next) = self.code[at..].find("fn ") {
            let start = at + next;
            at = start + 3;
            let after_word =
                self.code[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
            let name: String =
                self.code[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if after_word || name.is_empty() {
                continue;
            }
            if let Some(end) = body_of(&self.code[at..]) {
                let line = self.line(start);
                found.push(Function { name, line, lines: self.line(at + end) - line + 1 });
            }
        }
        found
    }

    fn line(&self, at: usize) -> usize {
        1 + self.code[..at].matches('\n').count()
    }
}

/// Where the first `#[cfg(test)] mod x { … }` of `code` stands, attribute to closing brace.
fn test_module(code: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let start = from + found;
        let after = start + "#[cfg(test)]".len();
        let item = code[after..].trim_start();
        if let (true, Some(end)) = (item.starts_with("mod "), body_of(&code[after..])) {
            return Some(start..after + end + 1);
        }
        from = after;
    }
    None
}

/// The offset of the brace that closes the item which begins here; `None` if it ends with `;` before any body.
fn body_of(code: &str) -> Option<usize> {
    // A `;` or `{` in brackets belongs to a type: `[u8; 4]`.
    let (mut brackets, mut braces) = (0_i32, 0_i32);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if braces == 0 && brackets == 0 => return None,
            '{' if brackets == 0 || braces > 0 => braces += 1,
            '}' if braces > 0 => {
                braces -= 1;
                if braces == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Comments, strings and character literals as spaces.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let whole_word = !out.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if c == '"' {
            string(rest)
        } else if whole_word && matches!(c, 'r' | 'b' | 'c') && literal_prefix(rest).is_some() {
            literal_prefix(rest).unwrap_or(1)
        } else if c == '\'' {
            character(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.extend(rest[..skip].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skip..];
        }
    }
    out
}

/// Length of the block comment that begins here; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of the string that begins here with its quotation mark.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of `b"…"`, `c"…"`, `r#"…"#`, `br"…"`, `b'…'` if one begins here.
fn literal_prefix(text: &str) -> Option<usize> {
    let letters = text.find(|c| !matches!(c, 'r' | 'b' | 'c'))?;
    let (prefix, rest) = text.split_at(letters);
    if prefix.ends_with('r') && prefix.len() <= 2 {
        let hashes = rest.find(|c| c != '#')?;
        if !rest[hashes..].starts_with('"') {
            return None;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let end = rest[hashes + 1..].find(&close).map_or(rest.len(), |at| hashes + 1 + at + close.len());
        return Some(letters + end);
    }
    match rest.chars().next() {
        Some('"') if prefix.len() == 1 => Some(letters + string(rest)),
        Some('\'') if prefix == "b" => Some(letters + character(rest)).filter(|n| *n > letters),
        _ => None,
    }
}

/// Length of the character literal that begins here; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            // `'\''` and `'\\'` end after the escaped character, `'\u{7f}'` later.
            let after = at + escaped.len_utf8();
            text[after..].find('\'').map_or(0, |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        for (text, code) in [
            ("a // fn {\nb", "a        \nb"),
            ("a /* x /* } */ \n */ b", "a              \n    b"),
            (r#"f("a\"}{", b"{", '{', '\'', '\u{7d}')"#, "f(       ,     ,    ,     ,         )"),
            (r####"x(r#"a " } "#, br"{\", c"{")"####, "x(           ,       ,     )"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("let r = r#type; abr\"x\"", "let r = r#type; abr   "),
            ("\"one\ntwo\" 3", "    \n     3"),
        ] {
            assert_eq!(blank(text), code, "{text}");
        }
    }

    #[test]
    fn functions_are_measured_from_their_name_to_their_brace() {
        let text = "trait T { fn none(&self) -> [u8; 4]; }\nimpl X {\n  async fn two(&self) -> [u8; 2]\n  {\n    \
                    // }\n    if a { b('}') }\n  }\n}\ntype F = fn (u8); const fn one() {}\nfn_ptr fn x() {}";
        let found = Source::new(text).functions();
        let short: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(short, [("two", 3, 5), ("one", 9, 1), ("x", 10, 1)]);
    }

    #[test]
    fn test_modules_do_not_count() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[cfg(test)]\nmod elsewhere;\nfn c() {}\n";
        assert_eq!(Source::lines_without_tests(text), 4);
        let names: Vec<_> =
            Source::without_tests(text).functions().into_iter().map(|f| (f.name, f.line)).collect();
        assert_eq!(names, [("a".to_owned(), 1), ("c".to_owned(), 8)]);
    }

    #[test]
    fn words_are_whole_words_of_the_code() {
        let source = Source::new("use tokio::x; // tokio\nlet my_tokio = \"tokio\";\ntokio_x; a.tokio()");
        assert_eq!(source.lines_with("tokio"), [1, 3]);
        assert_eq!(source.lines_with("tokio::"), [1]);
    }
}
