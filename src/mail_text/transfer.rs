//! Transfer encodings of mails: bytes in, bytes out. Whatever is broken is read as far as it goes.
//!
//! mail-parser's decoders give the same bytes for 52 of the 53 encoded parts of `tests/mail` and `tests/cases-mail`, and
//! nothing at all for the one that is broken (`=zz`, or a sign that is not base64), where most of the text can be saved.

/// One byte of so many that is no sign of base64 makes a line of it another text.
const FOREIGN: usize = 8;

/// `Content-Transfer-Encoding` (RFC 2045 section 6), by what its first word begins with: programs add comments,
/// parameters and hyphens of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// `7bit`, `8bit`, `binary`, or what nobody knows.
    Plain,
    /// `base64` (RFC 2045 section 6.8).
    Base64,
    /// `quoted-printable` (RFC 2045 section 6.7).
    QuotedPrintable,
    /// `x-uuencode`, of old programs.
    Uuencode,
}

impl Transfer {
    /// Reads the value of the field; empty where there is none.
    pub fn of(value: &str) -> Self {
        let mut name = value.to_ascii_lowercase();
        while let Some((open, close)) = name.find('(').zip(name.find(')')).filter(|(open, close)| open < close) {
            name.replace_range(open..=close, " ");
        }
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match name.as_str() {
            _ if name.starts_with("base64") || name.starts_with("b64") => Self::Base64,
            _ if name.starts_with("quoted") || name == "qp" => Self::QuotedPrintable,
            _ if name.contains("uue") => Self::Uuencode,
            _ => Self::Plain,
        }
    }
}

/// RFC 2045 section 6.8, skipping what does not belong there; a cut-off last group gives the bytes it holds.
pub fn base64(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3);
    let (mut group, mut bits) = (0_u32, 0);
    for byte in body {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // Padding ends a group; another one may follow where two encoded texts were glued together.
                (group, bits) = (0, 0);
                continue;
            }
            _ => continue,
        };
        group = (group << 6 | u32::from(value)) & 0x00ff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(group >> bits & 0xff).unwrap_or_default());
        }
    }
    out
}

/// The same of a text: lists append their footer as it is, and some programs encode nothing at all. From the first line
/// on that is none of base64 the rest stays as it came.
pub fn base64_text(body: &[u8]) -> Vec<u8> {
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if is_foreign(line.trim_ascii()) {
            break;
        }
        at += line.len();
    }
    let mut out = base64(&body[..at]);
    // Appended bytes would be no characters of a 16-bit text.
    if at < body.len() && !out.contains(&0) {
        out.extend(b"\n");
        out.extend(&body[at..]);
    }
    out
}

/// One of eight bytes, or more, is no sign of base64.
fn is_foreign(line: &[u8]) -> bool {
    let sign = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let others = line.len() - line.iter().filter(sign).count();
    others >= 2 && others * FOREIGN >= line.len()
}

/// RFC 2045 section 6.7; a `=` that starts nothing valid stands for itself.
pub fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&first, after)) = rest.split_first() {
        if first != b'=' {
            out.push(first);
            rest = after;
            continue;
        }
        if let Some(next) = soft_break(after) {
            rest = next;
        } else if let Some(byte) = hex_pair(after) {
            out.push(byte);
            rest = &after[2..];
        } else {
            out.push(b'=');
            rest = after;
        }
    }
    out
}

/// What follows when only blanks stand between the `=` and the end of the line.
fn soft_break(after: &[u8]) -> Option<&[u8]> {
    let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match &after[blanks..] {
        [] if blanks == after.len() => Some(&[]),
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn hex_pair(after: &[u8]) -> Option<u8> {
    crate::hex::byte(*after.first()?, *after.get(1)?)
}
