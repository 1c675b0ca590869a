//! The parts of a mail by their places in its bytes (RFC 2045, RFC 2046): nothing is copied, and nothing fails.

use std::ops::Range;

use memchr::memchr;

/// Multiparts within each other that are looked into.
const DEPTH: usize = 20;
/// Most parts that are looked for in one mail.
const PARTS: usize = 200;
/// Header of a part that is read; the rest is not looked at.
const HEADER: usize = 256 * 1024;

/// A part of a mail: the mail itself, or something in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Its header, with the empty line.
    pub header: Range<usize>,
    /// The body behind the header.
    pub body: Range<usize>,
    /// The type, in lower case: `text/plain` if nothing else is said.
    pub kind: String,
    /// Parameters of the type.
    pub params: Vec<(String, String)>,
    /// What the body holds.
    pub inside: Inside,
}

/// What the body of a part holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Inside {
    /// Text, a picture, a file: nothing that has parts.
    #[default]
    Bytes,
    /// Other parts, at least one.
    Parts(Vec<Part>),
    /// A mail with a header of its own (`message/rfc822`).
    Mail(Box<Part>),
}

/// A field of a header: its name, and its value with line ends.
pub type Field<'a> = (&'a [u8], &'a [u8]);

/// Goes through the fields of a header; lines that are none are passed over.
pub fn fields(header: &[u8]) -> impl Iterator<Item = Field<'_>> {
    raw_fields(header).filter_map(|field| {
        let at = memchr(b':', field)?;
        let name = field[..at].trim_ascii_end();
        let good = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        good.then_some((name, &field[at + 1..]))
    })
}

/// The fields with their folded lines, as they stand; without the empty line at the end.
pub fn raw_fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &header[..header.len().min(HEADER)];
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\r\n") || rest.starts_with(b"\n") {
            return None;
        }
        let mut end = 0;
        loop {
            end += memchr(b'\n', &rest[end..]).map_or(rest.len() - end, |at| at + 1);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (field, behind) = rest.split_at(end);
        rest = behind;
        Some(field)
    })
}

/// The first field of this name, as one line.
pub fn field(header: &[u8], name: &str) -> Option<Vec<u8>> {
    let (_, value) = fields(header).find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))?;
    Some(unfolded(value))
}

/// A value as one line, without the blanks around it.
pub fn unfolded(value: &[u8]) -> Vec<u8> {
    let line: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    line.trim_ascii().to_vec()
}

/// A value with parameters: `text/plain; charset="utf-8"`. Comments are left out.
pub fn with_params(value: &[u8]) -> (String, Vec<(String, String)>) {
    let text = String::from_utf8_lossy(value);
    let mut pieces = split(&text).into_iter();
    let first = pieces.next().unwrap_or_default().trim().to_owned();
    let mut params = Vec::new();
    for piece in pieces {
        let Some((name, value)) = piece.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            continue;
        }
        params.push((name.to_owned(), unquoted(value)));
    }
    (first, params)
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Splits at semicolons outside of quotes and comments.
fn split(text: &str) -> Vec<String> {
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let (mut quoted, mut comment, mut escaped) = (false, 0_usize, false);
    for c in text.chars() {
        let plain = !std::mem::take(&mut escaped);
        match c {
            '\\' if plain && (quoted || comment > 0) => escaped = true,
            '"' if plain && comment == 0 => quoted = !quoted,
            '(' if plain && !quoted => comment += 1,
            ')' if plain && comment > 0 => {
                comment -= 1;
                continue;
            }
            ';' if !quoted && comment == 0 => {
                pieces.push(std::mem::take(&mut piece));
                continue;
            }
            _ => {}
        }
        if comment == 0 {
            piece.push(c);
        }
    }
    pieces.push(piece);
    pieces
}

impl Part {
    /// Finds the parts of a mail.
    pub fn of(mail: &[u8]) -> Self {
        read(mail, 0..mail.len(), "text/plain", DEPTH, &mut PARTS.clone())
    }

    /// The value of a parameter of the type.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The part that numbers such as `2.1` lead to; this is a mail.
    pub fn find(&self, path: &[u32]) -> Option<&Self> {
        let Some((number, rest)) = path.split_first() else { return Some(self) };
        let part = match &self.inside {
            Inside::Parts(parts) => parts.get(usize::try_from(*number).ok()?.checked_sub(1)?)?,
            _ => Some(self).filter(|_| *number == 1)?,
        };
        match (&part.inside, rest) {
            (_, []) => Some(part),
            (Inside::Mail(mail), rest) => mail.find(rest),
            (Inside::Parts(_), rest) => part.find(rest),
            (Inside::Bytes, _) => None,
        }
    }
}

fn read(mail: &[u8], whole: Range<usize>, default: &str, depth: usize, left: &mut usize) -> Part {
    *left = left.saturating_sub(1);
    let bytes = &mail[whole.clone()];
    let end = header_end(bytes);
    let header = whole.start..whole.start + end;
    let body = whole.start + end..whole.end;
    let (kind, params) = match field(&mail[header.clone()], "content-type") {
        Some(value) => with_params(&value),
        None => (default.to_owned(), Vec::new()),
    };
    let kind = kind.to_ascii_lowercase();
    let token = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte))
    };
    let (kind, params) = match kind.split_once('/') {
        Some((main, sub)) if token(main) && token(sub) => (kind, params),
        _ => ("text/plain".to_owned(), Vec::new()),
    };
    let mut part = Part { header, body, kind, params, inside: Inside::Bytes };
    if depth == 0 || *left == 0 {
        part.flatten();
        return part;
    }
    if part.kind == "message/rfc822" {
        part.inside = Inside::Mail(Box::new(read(mail, part.body.clone(), "text/plain", depth - 1, left)));
    } else if part.kind.starts_with("multipart/") {
        let default = if part.kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let boundary = part.param("boundary").unwrap_or_default().to_owned();
        let places = delimited(&mail[part.body.clone()], boundary.as_bytes(), *left);
        let start = part.body.start;
        let parts: Vec<_> = places
            .into_iter()
            .map(|place| read(mail, start + place.start..start + place.end, default, depth - 1, left))
            .collect();
        match parts.is_empty() {
            true => part.flatten(),
            false => part.inside = Inside::Parts(parts),
        }
    }
    part
}

impl Part {
    /// A multipart without a part, or too deep, cannot be written in the grammar of a structure: it is shown as text.
    fn flatten(&mut self) {
        if self.kind.starts_with("multipart/") || self.kind == "message/rfc822" {
            (self.kind, self.params) = ("text/plain".to_owned(), Vec::new());
        }
    }
}

/// Length of a header with its empty line.
pub fn header_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let line = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
        if matches!(&bytes[at..line], b"\r\n" | b"\n") {
            return line;
        }
        at = line;
    }
    bytes.len()
}

/// What stands between the lines of a boundary.
fn delimited(body: &[u8], boundary: &[u8], most: usize) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    if boundary.is_empty() {
        return places;
    }
    let (mut at, mut open) = (0, None);
    while at < body.len() {
        let end = body[at..].iter().position(|byte| *byte == b'\n').map_or(body.len(), |end| at + end + 1);
        let line = body[at..end].strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let Some(behind) = line.map(|line| line.trim_ascii_end())
            && (behind.is_empty() || behind == b"--")
        {
            if let Some(start) = open {
                // The line end before a boundary belongs to the boundary.
                let before = &body[..at];
                let cut = if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
                places.push(start..(at - cut).max(start));
            }
            open = (behind.is_empty() && places.len() < most).then_some(end);
            if open.is_none() {
                return places;
            }
        }
        at = end;
    }
    if let Some(start) = open {
        places.push(start..body.len());
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "Subject: x\r\nContent-Type: multipart/mixed; (a comment) boundary=\"b;1\"\r\n\r\npreamble\r\n--b;1\r\n\
        \r\nfirst\r\n--b;1\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative;\r\n\
        \tboundary=in\r\n\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>\r\n--in--\r\nrest\r\n--b;1--\r\nepilogue\r\n";

    fn text<'a>(mail: &'a str, part: &Part) -> &'a str {
        &mail[part.body.clone()]
    }

    #[test]
    fn parts_are_found_by_their_numbers() {
        let mail = Part::of(MIXED.as_bytes());
        assert_eq!(mail.param("BOUNDARY"), Some("b;1"));
        assert_eq!(text(MIXED, mail.find(&[1]).unwrap()), "first");
        let enclosed = mail.find(&[2]).unwrap();
        assert_eq!(enclosed.kind, "message/rfc822");
        assert!(text(MIXED, enclosed).starts_with("Subject: inner\r\n"));
        assert_eq!(text(MIXED, mail.find(&[2, 1]).unwrap()), "<p>");
        for missing in [&[3][..], &[0], &[1, 1], &[2, 2], &[2, 1, 1]] {
            assert_eq!(mail.find(missing), None, "{missing:?}");
        }
        let plain = Part::of(b"Subject: x\r\n\r\nhello");
        assert_eq!(plain.find(&[1]).unwrap().body, 14..19);
        assert_eq!(plain.find(&[2]), None);
        let outer = "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n";
        let mail = Part::of(outer.as_bytes());
        assert_eq!(text(outer, mail.find(&[1]).unwrap()), "Subject: y\r\n\r\nz\r\n");
        assert_eq!(text(outer, mail.find(&[1, 1]).unwrap()), "z\r\n");
    }

    #[test]
    fn what_is_no_multipart_is_text() {
        for mail in [
            "Content-Type: multipart/mixed\r\n\r\nx",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n--c\r\n",
            "Content-Type: nonsense\r\n\r\nx",
            "Content-Type: /\r\n\r\nx",
            "",
        ] {
            let part = Part::of(mail.as_bytes());
            assert_eq!((part.kind.as_str(), part.inside), ("text/plain", Inside::Bytes), "{mail:?}");
        }
    }

    #[test]
    fn deep_and_many_parts_have_limits() {
        let mut deep = String::new();
        for level in 0..200 {
            deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
        }
        let mut part = &Part::of(deep.as_bytes());
        let mut levels = 0;
        while let Inside::Parts(parts) = &part.inside {
            part = &parts[0];
            levels += 1;
        }
        assert_eq!((levels, part.kind.as_str()), (DEPTH, "text/plain"));
        let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(5000));
        let Inside::Parts(parts) = Part::of(many.as_bytes()).inside else { panic!("parts") };
        assert!(parts.len() <= PARTS);
    }
}
