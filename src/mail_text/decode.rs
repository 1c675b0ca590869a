//! From the bytes of a part to its text: transfer encoding, then charset. Whatever is broken is read as far as it goes.

use std::borrow::Cow;

use super::mime::Part;
use super::transfer::{Transfer, base64, base64_text, quoted_printable};
use super::{charset, embedded};

/// Encoded bytes of one text part that are read.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The text of a part. At most [`MAX_TEXT`] encoded bytes are read.
pub fn text(part: &Part<'_>) -> String {
    let bytes = match part.head.transfer() {
        Transfer::Base64 => Cow::Owned(base64_text(&part.body[..part.body.len().min(MAX_TEXT)])),
        _ => bytes(part, MAX_TEXT),
    };
    let named = part.typed.param("charset").map(str::to_owned);
    let named = named.or_else(|| (part.typed.value == "text/html").then(|| meta_charset(&bytes)).flatten());
    charset::decode(&bytes, named.as_deref())
}

/// The bytes of a part without their transfer encoding; at most `cap` encoded bytes are read.
pub fn bytes<'a>(part: &Part<'a>, cap: usize) -> Cow<'a, [u8]> {
    let body = &part.body[..part.body.len().min(cap)];
    match part.head.transfer() {
        Transfer::Base64 => Cow::Owned(base64(body)),
        Transfer::QuotedPrintable => Cow::Owned(quoted_printable(body)),
        Transfer::Uuencode => embedded::uudecode(body).map_or(Cow::Borrowed(body), Cow::Owned),
        Transfer::Plain => Cow::Borrowed(body),
    }
}

/// Size of a part in bytes once it is decoded; of quoted-printable, as it is encoded.
pub fn size(part: &Part<'_>) -> usize {
    match part.head.transfer() {
        Transfer::Base64 => {
            part.body.iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'=')).count() * 3 / 4
        }
        _ => part.body.len(),
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
