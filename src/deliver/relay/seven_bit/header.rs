//! The header of a mail or of a part, field by field.

use super::Unfit;
use super::parameters::{self, parameter, pieces};
use super::words;

/// What an entity is, as far as a conversion cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, which people may still read in quoted-printable.
    Text,
    /// A whole mail, which may hold no coding of its own (RFC 2046 section 5.2.1).
    Message,
    /// Parts; without a type of their own they are mails if `digest`.
    Multipart {
        /// The `boundary` parameter, which separates the parts.
        boundary: Vec<u8>,
        /// It is a `multipart/digest`.
        digest: bool,
    },
    /// Any other content: it is coded as bytes.
    Binary,
}

/// Fields in their order, each with its line ends.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<Vec<u8>>);

/// Takes the header off; what is left begins with the empty line, if there is one.
pub(super) fn split(mail: &[u8]) -> (Fields, &[u8]) {
    let (mut fields, mut rest) = (Fields::default(), mail);
    while let Some(line) = rest.split_inclusive(|byte| *byte == b'\n').next() {
        match fields.0.last_mut() {
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => field.extend_from_slice(line),
            _ if name(line).is_some() => fields.0.push(line.to_vec()),
            _ => break,
        }
        rest = &rest[line.len()..];
    }
    (fields, rest)
}

/// The name of the field that this line begins, in lower case.
fn name(line: &[u8]) -> Option<String> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic))
        .then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

impl Fields {
    /// True when nothing has to be converted.
    pub(super) fn is_ascii(&self) -> bool {
        self.0.iter().all(|field| field.is_ascii())
    }

    fn position(&self, wanted: &str) -> Option<usize> {
        self.0.iter().position(|field| name(field).is_some_and(|name| name == wanted))
    }

    /// The value of the first field of that name, unfolded.
    fn value(&self, wanted: &str) -> Option<Vec<u8>> {
        self.position(wanted).map(|at| unfolded(&self.0[at]))
    }

    fn set(&mut self, name: &str, value: &str) {
        let field = format!("{name}: {value}\r\n").into_bytes();
        match self.position(&name.to_ascii_lowercase()) {
            Some(at) => self.0[at] = field,
            None => self.0.push(field),
        }
    }

    /// What the entity is by its Content-Type; `default` without one.
    pub(super) fn kind(&self, default: &Kind) -> Kind {
        let Some(value) = self.value("content-type") else { return default.clone() };
        let mut pieces = pieces(&value).into_iter();
        let kind = String::from_utf8_lossy(pieces.next().unwrap_or_default().trim_ascii()).to_ascii_lowercase();
        match kind.split('/').next().unwrap_or_default() {
            "multipart" => {
                let boundary = pieces.find_map(|piece| {
                    let (name, value) = parameter(piece)?;
                    name.eq_ignore_ascii_case("boundary").then_some(value)
                });
                match boundary.filter(|boundary| !boundary.is_empty() && boundary.is_ascii()) {
                    Some(boundary) => Kind::Multipart { boundary, digest: kind == "multipart/digest" },
                    // Nobody can take it apart.
                    None => Kind::Binary,
                }
            }
            "message" if matches!(kind.as_str(), "message/rfc822" | "message/global") => Kind::Message,
            "text" | "message" | "" => Kind::Text,
            _ => Kind::Binary,
        }
    }

    /// The transfer encoding, in lower case.
    pub(super) fn encoding(&self) -> Option<String> {
        let value = self.value("content-transfer-encoding")?;
        Some(String::from_utf8_lossy(value.trim_ascii()).to_ascii_lowercase())
    }

    /// Parts and mails have no coding but that of what they hold.
    pub(super) fn set_composite(&mut self) {
        if self.encoding().is_some_and(|encoding| encoding != "7bit") {
            self.set("Content-Transfer-Encoding", "7bit");
        }
    }

    /// The body is coded so now. Without a type it would be read as ASCII, which it never was.
    pub(super) fn set_leaf(&mut self, encoding: &str, utf8: bool) {
        if self.position("content-type").is_none() {
            let charset = if utf8 { "utf-8" } else { "unknown-8bit" };
            self.set("Content-Type", &format!("text/plain; charset={charset}"));
        }
        self.set("Content-Transfer-Encoding", encoding);
    }

    /// Codings count only in a mail that says that it is of MIME.
    pub(super) fn set_version(&mut self) {
        let coded = ["content-type", "content-transfer-encoding"].iter().any(|name| self.position(name).is_some());
        if coded && self.position("mime-version").is_none() {
            self.set("MIME-Version", "1.0");
        }
    }

    /// Writes them, those beyond ASCII converted.
    ///
    /// # Errors
    /// An address of which the local part is beyond ASCII, in words that go on behind "and".
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Unfit> {
        for field in &self.0 {
            if field.is_ascii() {
                out.extend_from_slice(field);
                continue;
            }
            // `split` keeps only lines with a name as the beginning of a field.
            let colon = field.iter().position(|byte| *byte == b':').unwrap_or_default();
            let label = String::from_utf8_lossy(&field[..colon]).trim_end().to_owned();
            let value = readable(&unfolded(field));
            let lower = label.to_ascii_lowercase();
            let converted = match lower.strip_prefix("resent-").unwrap_or(&lower) {
                "from" | "sender" | "reply-to" | "to" | "cc" | "bcc" | "disposition-notification-to" => {
                    words::addresses(&label, &value)?
                }
                "content-type" | "content-disposition" => parameters::converted(&label, &value),
                // Read by programs only, which find no encoded words there.
                "received" | "return-path" | "message-id" | "in-reply-to" | "references" | "date" => {
                    format!("{label}: {}", value.replace(|c: char| !c.is_ascii(), "?"))
                }
                _ => words::text(&label, &value),
            };
            out.extend_from_slice(converted.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

/// What stands behind the colon, on one line.
fn unfolded(field: &[u8]) -> Vec<u8> {
    let colon = field.iter().position(|byte| *byte == b':').map_or(0, |at| at + 1);
    let line: Vec<u8> = field[colon..].iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    line.trim_ascii().to_vec()
}

/// Raw bytes beyond ASCII are UTF-8, or else what nearly all programs wrote that did not know it.
fn readable(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
    }
}
