//! From the bytes of a part to its text: transfer encoding, then charset. Whatever is broken is read as far as it goes.

use std::borrow::Cow;

use super::head::Head;
use super::mime::Part;
use super::{charset, embedded};

/// Encoded bytes of one text part that are read.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The text of a part. At most [`MAX_TEXT`] encoded bytes are read.
pub fn text(part: &Part<'_>) -> String {
    let bytes = bytes(part, MAX_TEXT);
    let named = part.typed.param("charset").map(str::to_owned);
    let named = named.or_else(|| (part.typed.value == "text/html").then(|| meta_charset(&bytes)).flatten());
    charset::decode(&bytes, named.as_deref())
}

/// The bytes of a part without their transfer encoding; at most `cap` encoded bytes are read.
pub fn bytes<'a>(part: &Part<'a>, cap: usize) -> Cow<'a, [u8]> {
    let body = &part.body[..part.body.len().min(cap)];
    match Transfer::of(&part.head) {
        Transfer::Base64 => Cow::Owned(base64(body)),
        Transfer::QuotedPrintable => Cow::Owned(quoted_printable(body)),
        Transfer::Uuencode => embedded::uudecode(body).map_or(Cow::Borrowed(body), Cow::Owned),
        Transfer::Plain => Cow::Borrowed(body),
    }
}

/// Size of a part in bytes once it is decoded; of quoted-printable, as it is encoded.
pub fn size(part: &Part<'_>) -> usize {
    match Transfer::of(&part.head) {
        Transfer::Base64 => {
            part.body.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'=')).count() * 3 / 4
        }
        _ => part.body.len(),
    }
}

/// `Content-Transfer-Encoding` (RFC 2045 section 6), by what its first word begins with: programs add comments,
/// parameters and hyphens of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// `7bit`, `8bit`, `binary`, or what nobody knows.
    Plain,
    /// `base64`.
    Base64,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `x-uuencode`.
    Uuencode,
}

impl Transfer {
    /// Reads the field of a part.
    pub fn of(head: &Head) -> Self {
        let mut name = head.raw("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
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

/// The charset that an HTML page names for itself in its first kilobyte.
fn meta_charset(html: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&html[..html.len().min(1024)]).to_ascii_lowercase();
    let (_, rest) = start.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'']);
    let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    // A page that could be read this far is in no 16-bit set, whatever it claims.
    Some(name).filter(|name| !name.is_empty() && !name.starts_with("utf-16"))
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
