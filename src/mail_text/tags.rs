//! Tags, attributes and entities of HTML, as far as text needs them.

use mail_parser::decoders::html::add_html_token;

use super::{charset, hidden, marks};

/// Bytes of a tag that are looked at; longer ones carry pictures inside.
const MAX_TAG: usize = 2 * 1024;
/// Bytes of a page in which style sheets are looked for.
const MAX_STYLES: usize = 128 * 1024;
/// Bytes of an element that are looked at for the size of its text.
const MAX_LOOK: usize = 4 * 1024;
/// Hidden classes that are remembered.
const MAX_CLASSES: usize = 64;
/// Longest entity name of HTML is 31 letters.
const MAX_ENTITY: usize = 33;

/// Largest width or height of an icon, in pixels.
const MAX_ICON: u32 = 40;

/// Elements whose content is not for reading.
const SILENT: [&str; 12] =
    ["style", "script", "title", "template", "xml", "object", "svg", "noframes", "iframe", "math", "audio", "datalist"];

/// Names of elements with which the history begins: Outlook, its new kind, Yahoo, Zimbra, Zoho, Outlook of old, NetEase.
const HISTORY: [&str; 8] = [
    "divrplyfwdmsg",
    "mail-editor-reference-message",
    "yahoo_quoted",
    "zwchr",
    "zmail_extra",
    "outlookmessageheader",
    "isreplycontent",
    "replysplit",
];
/// Names of elements that say whose words are quoted below: Gmail, Thunderbird, Proton, Roundcube.
const ATTRIBUTION: [&str; 4] = ["gmail_attr", "moz-cite-prefix", "protonmail_quote", "reply-intro"];
/// Words of a picture's text that describe the picture rather than say something, in lower case.
const DESCRIBING: [&str; 12] = [
    "logo",
    "icon",
    "image",
    "picture",
    "photo",
    "banner",
    "avatar",
    "generated",
    "facebook",
    "linkedin",
    "instagram",
    "twitter",
];
/// The same in a label of at most [`MAX_NAMING`] words: longer ones say something with them.
const NAMING: [&str; 10] =
    ["youtube", "whatsapp", "telegram", "tiktok", "pinterest", "xing", "spacer", "separator", "divider", "emoji"];
/// Most words of a label that names a service or an ornament.
const MAX_NAMING: usize = 3;

/// What an element is to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing that matters here.
    None,
    /// What is in it is a signature.
    Signature,
    /// What comes from it on is history.
    History,
    /// Its first line says whose words are quoted below.
    Attribution,
}

/// True when a picture's text says something: a sentence, no name of a file, no description.
pub fn is_sentence(alt: &str, least: usize) -> bool {
    let lower = alt.to_lowercase();
    let is_file = lower.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "png" | "jpg" | "jpeg" | "gif" | "svg"));
    let wide = lower.chars().filter(|c| *c > '\u{2e80}' && c.is_alphabetic()).count();
    let words = lower.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
    let has = |known: &[&str]| lower.split(|c: char| !c.is_alphanumeric()).any(|own| known.contains(&own));
    let naming = lower.split_whitespace().count() <= MAX_NAMING && has(&NAMING);
    (words >= least || wide >= least * 2) && !is_file && !has(&DESCRIBING) && !naming
}

/// Classes and names (`.preview`, `#preview`, `td.preview`) that the style sheet of a page hides or strikes out, outside
/// of rules for some screens only: element (empty for any), and name with its mark.
#[derive(Debug, Default)]
pub struct HiddenClasses(Vec<(String, String)>);

impl HiddenClasses {
    /// Reads the style sheets of a page.
    pub fn read(html: &str) -> Self {
        let mut found = Vec::new();
        let mut rest = &html[..html.floor_char_boundary(MAX_STYLES)];
        while let Some(at) = rest.find("<style") {
            rest = &rest[at..];
            let end = rest.find("</style").unwrap_or(rest.len());
            let (head, sheet) = rest[..end].split_once('>').unwrap_or_default();
            let media = head.split_once("media").map_or("all", |(_, media)| media);
            if !media.contains('(') && ["all", "screen"].iter().any(|own| media.contains(own)) {
                Self::read_sheet(sheet, &mut found);
            }
            rest = &rest[end..];
            if rest.is_empty() {
                break;
            }
            rest = rest.get(2..).unwrap_or("");
        }
        Self(found)
    }

    fn read_sheet(sheet: &str, found: &mut Vec<(String, String)>) {
        let mut depth = 0_usize;
        let mut selector = "";
        let mut start = 0;
        for (at, byte) in sheet.bytes().enumerate() {
            match byte {
                b'{' => {
                    if depth == 0 {
                        selector = sheet[start..at].trim();
                    }
                    depth += 1;
                    start = at + 1;
                }
                b'}' => {
                    let body: String = sheet[start..at].chars().filter(|c| !c.is_whitespace()).collect();
                    let body = body.to_ascii_lowercase();
                    let unseen = body.contains("display:none") || body.contains("line-through");
                    if depth == 1 && !selector.contains('@') && unseen {
                        let room = MAX_CLASSES.saturating_sub(found.len());
                        found.extend(selector.split(',').filter_map(selected).take(room));
                    }
                    depth = depth.saturating_sub(1);
                    start = at + 1;
                }
                _ => (),
            }
        }
    }

    /// True when the element is of such a class, or has such a name.
    pub fn holds(&self, tag: &Tag<'_>) -> bool {
        let of = |element: &str| element.is_empty() || element == tag.name;
        let is = |mark: char, name: &str| {
            self.0.iter().any(|(element, own)| own.strip_prefix(mark) == Some(name) && of(element))
        };
        let names = |key: &str| tag.attribute(key).unwrap_or_default();
        !self.0.is_empty() && (names("class").split_whitespace().any(|name| is('.', name)) || is('#', &names("id")))
    }
}

/// Element and name of a selector that ends with one class or name: `table td.preview`.
fn selected(selector: &str) -> Option<(String, String)> {
    let (before, name) = selector.trim().split_at(selector.trim().find(['.', '#'])?);
    let element = before.rsplit([' ', '>', '+', '~', '*']).next().unwrap_or_default();
    let simple = name[1..].chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    simple.then(|| (element.to_ascii_lowercase(), name.to_owned()))
}

/// One tag of HTML, as it was found.
#[derive(Debug)]
pub struct Tag<'a> {
    /// In lower case, without the slash; empty for comments and declarations.
    pub name: String,
    /// It is an end tag: `</name>`.
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

    /// True for elements that never hold anything.
    pub fn is_void(&self) -> bool {
        matches!(
            self.name.as_str(),
            "br" | "hr" | "img" | "input" | "meta" | "link" | "area" | "base" | "col" | "embed" | "source" | "wbr"
        ) || self.inner.trim_end().ends_with('/') && matches!(self.name.as_str(), "o:p" | "span" | "div")
    }

    /// True when the page hides the element: previews that mail programs show in their lists, tracking boxes.
    pub fn is_hidden(&self) -> bool {
        if matches!(self.name.as_str(), "" | "html" | "body" | "head") {
            return false;
        }
        self.has_flag("hidden") || hidden::hides(&self.style())
    }

    /// True when nobody can read letters of the size that the element sets.
    pub fn is_unreadable(&self) -> bool {
        hidden::is_unreadable(&self.style())
    }

    /// True for words that are struck out.
    pub fn is_struck(&self) -> bool {
        matches!(self.name.as_str(), "s" | "strike" | "del") || self.style().contains("line-through")
    }

    /// True for a picture of one pixel, which counts readers.
    pub fn is_pixel(&self) -> bool {
        let small =
            |name: &str| self.attribute(name).is_some_and(|size| matches!(size.trim_end_matches("px"), "0" | "1"));
        small("width") || small("height")
    }

    /// True for a picture of the size of the signs that lead to pages of other services.
    pub fn is_icon(&self) -> bool {
        let size = |name: &str| self.attribute(name)?.trim_end_matches("px").parse::<u32>().ok();
        ["width", "height"].iter().filter_map(|name| size(name)).any(|size| size <= MAX_ICON)
            && !["width", "height"].iter().filter_map(|name| size(name)).any(|size| size >= 2 * MAX_ICON)
    }

    /// What the element is to the text around it, by the names that mail programs give.
    pub fn role(&self) -> Role {
        let names = ["id", "class", "name", "data-smartmail"].map(|name| self.attribute(name).unwrap_or_default());
        let names: Vec<String> =
            names.iter().flat_map(|value| value.split_whitespace()).map(str::to_ascii_lowercase).collect();
        // Outlook puts `x_` before the names of a mail that it quotes.
        if names.iter().any(|name| {
            matches!(name.as_str(), "mb_sig" | "zm-_id_-sgn" | "zm-_id_-sgn1")
                || name.contains("signature") && !name.starts_with("x_")
        }) {
            return Role::Signature;
        }
        let is = |own: &[&str]| names.iter().any(|name| own.iter().any(|start| name.starts_with(start)));
        if is(&HISTORY) {
            Role::History
        } else if is(&ATTRIBUTION) {
            Role::Attribution
        } else {
            Role::None
        }
    }

    /// An attribute without a value, or with any.
    fn has_flag(&self, name: &str) -> bool {
        self.inner.len() < MAX_TAG && self.inner.contains(name) && self.attribute(name).is_some()
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
            | "textarea"
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

/// True when the element that `tag` has just opened holds text of a size of its own.
pub fn sizes_inside(rest: &str, tag: &Tag<'_>) -> bool {
    let window = &rest[..rest.floor_char_boundary(MAX_LOOK)];
    let inside = after_end(window, tag).map_or(window, |after| &window[..window.len() - after.len()]);
    inside.match_indices("font-size").any(|(at, name)| {
        let value = inside[at + name.len()..].split([';', '"', '\'', '>', '}']).next().unwrap_or_default();
        let style: String = format!("{name}{value}").chars().filter(|c| !c.is_whitespace()).collect();
        style.contains(':') && !hidden::is_unreadable(&style)
    })
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
    if (0x80..=0x9f).contains(&code) {
        return charset::as_windows(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    char::from_u32(code).filter(|c| !marks::is_mark(*c)).unwrap_or(char::REPLACEMENT_CHARACTER)
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
