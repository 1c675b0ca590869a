//! The header block of a mail or of one of its parts: where it ends, and what its fields say.
//!
//! Values are read with mail-parser only when somebody asks, so a huge header costs no more than its bytes.

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, HeaderValue};

use super::transfer::Transfer;
use super::{charset, clean, encoded_words};

/// Lines that are neither field nor continuation and are still taken for a badly folded header, per block.
const MAX_STRAYS: usize = 10;
/// How far a stray line may stand before the next known field.
const STRAY_REACH: usize = 8;
/// Longest field name; real ones have at most half of it.
const MAX_NAME: usize = 76;

/// Names that make a block of `Word: rest` lines a header. `x-`, `list-`, `content-`, `resent-`, `arc-` count too.
const KNOWN: [&str; 31] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "sender",
    "reply-to",
    "message-id",
    "in-reply-to",
    "references",
    "received",
    "return-path",
    "mime-version",
    "delivered-to",
    "envelope-to",
    "auto-submitted",
    "precedence",
    "dkim-signature",
    "authentication-results",
    "received-spf",
    "user-agent",
    "importance",
    "priority",
    "organization",
    "thread-topic",
    "thread-index",
    "disposition-notification-to",
    "domainkey-signature",
    "feedback-id",
    "errors-to",
];

/// The fields of a header block: lower-case name, value as written (folded, undecoded).
#[derive(Debug, Default)]
pub struct Head {
    fields: Vec<(String, String)>,
}

/// What stands beside an address, and the address; either may be missing.
pub type NamedAddress = (Option<String>, Option<String>);

/// A type with its parameters, as `Content-Type` and `Content-Disposition` carry them. All but values in lower case.
#[derive(Debug, Default)]
pub struct Typed {
    /// `text/plain`, `attachment`; empty when the field is missing or unreadable.
    pub value: String,
    params: Vec<(String, String)>,
}

impl Typed {
    /// A parameter by its lower-case name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Head {
    /// Reads the header block at the start of `bytes`; gives it and where the body starts.
    ///
    /// A block without any known field name is no header but text, and so is a single line `Date: tomorrow` without
    /// an empty line after it: then the head is empty and the body starts at once. At most `budget` bytes are kept,
    /// and taken from it.
    pub fn read(bytes: &[u8], budget: &mut usize) -> (Self, usize) {
        let block = Block::find(bytes);
        if !block.is_header {
            let blank = line_end(bytes, 0);
            return (Self::default(), if is_blank(&bytes[..blank]) { blank } else { 0 });
        }
        let kept = block.end.min(*budget);
        *budget -= kept;
        (Self::parse(&to_text(&bytes[..kept])), block.body)
    }

    fn parse(block: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in block.split_inclusive('\n') {
            match field_name(line.as_bytes()) {
                Some(name) if !line.starts_with([' ', '\t']) => {
                    let value = line.split_once(':').map_or("", |(_, value)| value);
                    fields.push((name, value.to_owned()));
                }
                _ => {
                    if let Some((_, value)) = fields.last_mut() {
                        if !line.starts_with([' ', '\t']) {
                            value.push(' ');
                        }
                        value.push_str(line);
                    }
                }
            }
        }
        Self { fields }
    }

    /// True when the field is there, whatever it says.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    /// How often a field is there.
    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(key, _)| key == name).count()
    }

    /// The first field of this name, on one line, not decoded.
    pub fn raw(&self, name: &str) -> Option<String> {
        self.value(name).map(clean::one_line)
    }

    /// How the bytes of the part are encoded.
    pub fn transfer(&self) -> Transfer {
        Transfer::of(&self.raw("content-transfer-encoding").unwrap_or_default())
    }

    /// All fields of this name, topmost first, on one line each, not decoded.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.fields.iter().filter(|(key, _)| key == name).map(|(_, value)| clean::one_line(value)).collect()
    }

    /// The first field of this name, decoded (RFC 2047), on one line.
    pub fn text(&self, name: &str) -> Option<String> {
        let unfolded = clean::one_line(self.value(name)?);
        Some(clean::one_line(&encoded_words::decode_text(&unfolded)))
    }

    /// Message ids of a field, with their angle brackets.
    pub fn ids(&self, name: &str) -> Vec<String> {
        let bare = match self.stream(name).map(|mut stream| stream.parse_id()) {
            Some(HeaderValue::Text(id)) => vec![id.into_owned()],
            Some(HeaderValue::TextList(ids)) => ids.into_iter().map(std::borrow::Cow::into_owned).collect(),
            _ => Vec::new(),
        };
        let sound = |id: &String| !id.is_empty() && id.len() <= 900 && id.chars().all(|c| c.is_ascii_graphic());
        bare.into_iter().filter(sound).map(|id| format!("<{id}>")).collect()
    }

    /// Name and address of the first mailbox in an address field.
    pub fn mailbox(&self, name: &str) -> Option<NamedAddress> {
        self.mailboxes(name, 1).pop()
    }

    /// Name and address of each mailbox in the first address field of this name, those in groups too, up to `most`.
    pub fn mailboxes(&self, name: &str, most: usize) -> Vec<NamedAddress> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let sound = encoded_words::normalize(value);
        let value = MessageStream::new(sound.as_bytes()).parse_address();
        let tidy = |text: &std::borrow::Cow<'_, str>| Some(clean::one_line(text)).filter(|text| !text.is_empty());
        let named =
            |one: &Addr<'_>| whole(&sound, one.name.as_ref().and_then(tidy), one.address.as_ref().and_then(tidy));
        value.as_address().map(|all| all.iter().take(most).map(named).collect()).unwrap_or_default()
    }

    /// A field of the shape `type; name=value`.
    pub fn typed(&self, name: &str) -> Typed {
        let sound = encoded_words::normalize(self.value(name).unwrap_or_default());
        let HeaderValue::ContentType(parsed) = MessageStream::new(sound.as_bytes()).parse_content_type() else {
            return Typed::default();
        };
        let value = match parsed.subtype() {
            Some(subtype) => format!("{}/{}", parsed.ctype(), subtype),
            None => parsed.ctype().to_owned(),
        };
        let params = parsed.attributes().unwrap_or_default();
        Typed {
            value: value.to_ascii_lowercase(),
            params: params.iter().map(|a| (a.name.to_ascii_lowercase(), a.value.to_string())).collect(),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn stream(&self, name: &str) -> Option<MessageStream<'_>> {
        self.value(name).map(|value| MessageStream::new(value.as_bytes()))
    }
}

struct Block {
    is_header: bool,
    end: usize,
    body: usize,
}

impl Block {
    fn find(bytes: &[u8]) -> Self {
        let mut pos = 0;
        // The envelope line of an mbox file, with or without the mark of a quoted one.
        if bytes.starts_with(b"From ") || bytes.starts_with(b">From ") {
            pos = line_end(bytes, 0);
        }
        let (mut fields, mut known, mut strays, mut closed) = (0_usize, false, 0, false);
        let mut subject = false;
        while pos < bytes.len() {
            let end = line_end(bytes, pos);
            let line = &bytes[pos..end];
            if is_blank(line) {
                closed = true;
                break;
            }
            if let Some(name) = field_name(line) {
                fields += 1;
                known |= is_known(&name);
                subject |= name == "subject";
            } else if fields == 0 || !matches!(line[0], b' ' | b'\t') {
                if fields == 0 || strays == MAX_STRAYS || !known_field_near(bytes, end) {
                    break;
                }
                strays += 1;
            }
            pos = end;
        }
        let is_header = known && (closed || fields > 1 || subject);
        let body = if closed { line_end(bytes, pos) } else { pos };
        Self { is_header, end: pos, body }
    }
}

/// An address in one of the older ways to write one (RFC 5322 section 4.4), of which the parser makes something else: its
/// name in quotes or before a blank, blanks around its signs, a route in front of it.
fn whole(value: &str, name: Option<String>, address: Option<String>) -> NamedAddress {
    let Some(address) = address else { return (name, None) };
    let mut quoted = false;
    let kept = |c: &char| {
        quoted ^= *c == '"';
        quoted || !c.is_whitespace()
    };
    let bare: String = address.chars().filter(kept).collect();
    let bare = bare.strip_prefix('@').and_then(|rest| rest.split_once(':')).map_or(bare.as_str(), |(_, one)| one);
    match (bare.strip_prefix('@'), &name) {
        (Some(domain), Some(local)) if !local.contains(['@', ' ']) => (None, Some(format!("{local}@{domain}"))),
        (Some(domain), Some(local)) if value.contains(&format!("\"{local}\"")) => {
            (None, Some(format!("\"{local}\"@{domain}")))
        }
        _ => (name, Some(unquoted(bare))),
    }
}

/// An address without quotes that its local part does not need.
fn unquoted(address: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let parts = address.rsplit_once('@').and_then(|(local, domain)| {
        let inner = local.strip_prefix('"')?.strip_suffix('"')?;
        let atoms = inner.split('.').all(|atom| !atom.is_empty()) && inner.chars().all(plain);
        atoms.then(|| format!("{inner}@{domain}"))
    });
    parts.unwrap_or_else(|| address.to_owned())
}

fn known_field_near(bytes: &[u8], mut pos: usize) -> bool {
    for _ in 0..STRAY_REACH {
        let end = line_end(bytes, pos);
        let line = &bytes[pos..end];
        if is_blank(line) || line.starts_with(b"--") {
            return false;
        }
        if field_name(line).is_some_and(|name| is_known(&name)) {
            return true;
        }
        pos = end;
    }
    false
}

/// The lower-case name when the line is `Name: value`.
fn field_name(line: &[u8]) -> Option<String> {
    let colon = line.iter().take(MAX_NAME).position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let sound = name.first()?.is_ascii_alphabetic() && name.iter().all(u8::is_ascii_graphic);
    sound.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || ["x-", "list-", "content-", "resent-", "arc-"].iter().any(|start| name.starts_with(start))
}

/// Raw 8-bit headers of old programs: read in the charset that the body names, or as their bytes say.
fn to_text(block: &[u8]) -> String {
    match std::str::from_utf8(block) {
        Ok(text) if !text.contains("\x1b$") => text.to_owned(),
        _ => charset::decode(block, named_charset(block).filter(|name| charset::keeps_ascii(name)).as_deref()),
    }
}

fn named_charset(block: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(block).to_ascii_lowercase();
    let (_, rest) = text.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'']);
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
}

/// Where the line that starts at `pos` ends, its line feed included.
pub fn line_end(bytes: &[u8], pos: usize) -> usize {
    bytes[pos..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| pos + at + 1)
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_the_older_ways_too() {
        for from in [
            "b@spam.example",
            "\"b\"@spam.example",
            "b @ spam.example",
            "b@spam .example",
            "<\"b\"@spam.example>",
            "< b @ spam.example >",
            "<@route.example:b@spam.example>",
            "<@one.example,@two.example:b@spam.example>",
            "b@spam.example (a@good.example)",
            "(a@good.example) b@spam.example",
            "group: b@spam.example;",
        ] {
            let (_, address) = Head::parse(&format!("From: {from}\n")).mailbox("from").unwrap();
            assert_eq!(address.as_deref(), Some("b@spam.example"), "{from}");
        }
        // A blank within quotes belongs to the name.
        for from in ["John <\"john doe\"@x.org>", "<\"john doe\" @ x.org>", "\"john doe\"@x.org"] {
            let (_, address) = Head::parse(&format!("From: {from}\n")).mailbox("from").unwrap();
            assert_eq!(address.as_deref(), Some("\"john doe\"@x.org"), "{from}");
        }
    }
}
