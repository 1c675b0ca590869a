//! Tags, attributes and entities of HTML, as far as text needs them.

use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::add_html_token;

/// Bytes of a tag that are looked at; longer ones carry pictures inside.
const MAX_TAG: usize = 2 * 1024;
/// Longest entity name of HTML is 31 letters.
const MAX_ENTITY: usize = 33;

/// Elements whose content is not for reading.
const SILENT: [&str; 13] = [
    "style", "script", "title", "template", "xml", "object", "svg", "select", "textarea", "noframes", "iframe", "math",
    "audio",
];

/// One tag.
#[derive(Debug)]
pub struct Tag<'a> {
    /// In lower case, without the slash; empty for comments and declarations.
    pub name: String,
    /// `</name>`.
    pub closes: bool,
    /// Everything after the name.
    inner: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag at the start of `html`, and what follows it; `None` when the `<` is only a character.
    pub fn read(html: &'a str) -> Option<(Self, &'a str)> {
        let inner = html.strip_prefix('<')?;
        let nothing = |rest| Some((Tag { name: String::new(), closes: true, inner: "" }, rest));
        if let Some(comment) = inner.strip_prefix("!--") {
            return nothing(comment.find("-->").map_or("", |end| &comment[end + 3..]));
        }
        if inner.starts_with(['!', '?']) {
            return nothing(inner.find('>').map_or("", |end| &inner[end + 1..]));
        }
        let (closes, inner) = match inner.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, inner),
        };
        if !inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let name_end =
            inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-')).unwrap_or(inner.len());
        let (name, rest) = inner.split_at(name_end);
        let end = tag_end(rest);
        let tag = Tag { name: name.to_ascii_lowercase(), closes, inner: &rest[..end] };
        Some((tag, rest.get(end + 1..).unwrap_or("")))
    }

    /// The decoded value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = &self.inner[..self.inner.floor_char_boundary(MAX_TAG)];
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/' || c == '=');
            if rest.is_empty() {
                return None;
            }
            let key_end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
            let (key, after) = rest.split_at(key_end);
            let (value, after) = match after.trim_start().strip_prefix('=') {
                Some(value) => split_value(value.trim_start()),
                None => ("", after),
            };
            if key.eq_ignore_ascii_case(name) {
                return Some(decode_entities(value).trim().to_owned());
            }
            rest = after;
        }
    }

    /// True when the content of the element is never for reading.
    pub fn is_silent(&self) -> bool {
        SILENT.contains(&self.name.as_str())
    }

    /// True when a style hides the element: previews that mail programs show in their lists, tracking boxes.
    pub fn is_hidden(&self) -> bool {
        if !matches!(self.name.as_str(), "div" | "span" | "td" | "tr" | "table" | "p" | "font" | "center") {
            return false;
        }
        let style = self.style();
        ["display:none", "visibility:hidden", "mso-hide:all", "max-height:0", "font-size:0;", "font-size:0px"]
            .iter()
            .any(|way| style.contains(way))
            && !style.contains("max-height:0.")
    }

    /// True for a paragraph without distance to its neighbours.
    pub fn is_tight(&self) -> bool {
        let class = self.attribute("class").unwrap_or_default();
        let style = self.style();
        class.contains("MsoNormal")
            || class.contains("MsoListParagraph")
            || style.contains("margin:0")
            || style.contains("margin-bottom:0") && (style.contains("margin-top:0") || style.contains("margin:"))
    }

    /// True for a `blockquote` that quotes nothing.
    pub fn only_indents(&self) -> bool {
        self.attribute("class").is_some_and(|class| class.contains("indent")) || self.style().contains("border:none")
    }

    fn style(&self) -> String {
        let mut style = self.attribute("style").unwrap_or_default().to_ascii_lowercase();
        style.retain(|c| !c.is_whitespace());
        style
    }
}

/// True for elements that stand apart from their neighbours by a blank line.
pub fn is_paragraph(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "dl" | "fieldset" | "figure")
}

/// True for elements that start on a line of their own.
pub fn is_block(name: &str) -> bool {
    matches!(
        name,
        "div"
            | "tr"
            | "body"
            | "section"
            | "article"
            | "header"
            | "footer"
            | "main"
            | "aside"
            | "nav"
            | "center"
            | "address"
            | "dt"
            | "dd"
            | "form"
            | "legend"
            | "caption"
            | "figcaption"
            | "li"
            | "option"
            | "details"
            | "summary"
            | "tbody"
            | "thead"
            | "tfoot"
            | "html"
            | "head"
    )
}

/// What follows the element that `tag` has just opened, nested elements of its name included; `None` when it never
/// ends.
pub fn after_end<'a>(rest: &'a str, tag: &Tag<'_>) -> Option<&'a str> {
    if tag.inner.ends_with('/') {
        return Some(rest);
    }
    let mut depth = 1_usize;
    let mut left = rest;
    while let Some(at) = left.find('<') {
        let here = &left[at..];
        let Some((next, after)) = Tag::read(here) else {
            left = &here[1..];
            continue;
        };
        // What stands in a script is not markup: only its end counts.
        let raw = matches!(tag.name.as_str(), "script" | "style" | "textarea" | "title" | "xml");
        if raw && next.name != tag.name {
            left = &here[1..];
            continue;
        }
        left = after;
        if next.name == tag.name {
            match next.closes {
                true => depth -= 1,
                false if !raw => depth += 1,
                false => (),
            }
            if depth == 0 {
                return Some(left);
            }
        }
    }
    None
}

/// Decodes character references; what is none stays as it is.
pub fn decode_entities(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = decode_one(rest, &mut out);
        if length == 0 {
            out.push('&');
        }
        rest = &rest[length.max(1)..];
    }
    out.push_str(rest);
    out
}

/// Decodes the reference at the start of `rest` into `out`; its length, or 0 when there is none.
fn decode_one(rest: &str, out: &mut String) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
    let name = rest.bytes().skip(1).take(MAX_ENTITY).take_while(is_part).count();
    let token = &rest[..=name];
    if let Some(number) = token.strip_prefix("&#") {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        let Ok(code) = code else { return 0 };
        out.push(numbered(code));
        return name + 1 + usize::from(rest[name + 1..].starts_with(';'));
    }
    if rest[name + 1..].starts_with(';') {
        let whole = &rest[..name + 2];
        let before = out.len();
        add_html_token(out, whole.as_bytes(), false);
        if &out[before..] != whole {
            return name + 2;
        }
        out.truncate(before);
    }
    // The few that old pages write without the semicolon.
    for (word, decoded) in [("&nbsp", '\u{a0}'), ("&amp", '&'), ("&lt", '<'), ("&gt", '>'), ("&quot", '"')] {
        if token.starts_with(word) {
            out.push(decoded);
            return word.len();
        }
    }
    0
}

/// The character of a numeric reference; 128 to 159 mean the Windows set, as browsers have it.
fn numbered(code: u32) -> char {
    if let (Ok(byte @ 0x80..=0x9f), Some(decode)) = (u8::try_from(code), charset_decoder(b"windows-1252")) {
        return decode(&[byte]).chars().next().unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Where the tag ends: the first `>` outside of quotes, or the first one at all when the quotes do not match.
fn tag_end(rest: &str) -> usize {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate().take(MAX_TAG) {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') if rest[..at].ends_with('=') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => (),
        }
    }
    rest.find('>').unwrap_or(rest.len())
}

fn split_value(value: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    value.split_at(value.find(char::is_whitespace).unwrap_or(value.len()))
}
