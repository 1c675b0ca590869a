//! 8-bit mail for a relay that takes seven: bodies in quoted-printable or base64 (RFC 2045), header texts as encoded
//! words (RFC 2047) and parameters (RFC 2231).
//!
//! Only what holds a byte beyond ASCII is rewritten; all else passes byte for byte. A digital signature over a part
//! that is rewritten no longer fits, which is still more than no message at all.

use encodify::{base64, qp};

use header::Kind;

use std::fmt;

use crate::address::idn::IdnError;

mod header;
mod parameters;
mod words;

/// Parts within parts within parts; more are hardly a mail.
const MAX_DEPTH: usize = 40;

/// What of a mail cannot be converted; the words go on behind "and".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its parts lie deeper within each other than is looked for.
    TooDeep,
    /// A part has bytes beyond ASCII in a coding that does not have them.
    Coding(String),
    /// An address in its header has a local part beyond ASCII.
    Address(String),
    /// An address in its header has a domain without an ASCII form.
    Domain(IdnError),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => f.write_str("its parts lie too deep within each other to be converted"),
            Self::Coding(coding) => write!(f, "a part of it has bytes beyond ASCII in the coding '{coding}'"),
            Self::Address(address) => write!(f, "{address} in its header goes only where SMTPUTF8 is spoken"),
            Self::Domain(why) => why.fmt(f),
        }
    }
}

/// The mail as a relay takes it that offers these; `None` when it may go as it is. Lines end with CRLF, before and
/// after.
///
/// A header beyond ASCII needs SMTPUTF8, a body only 8BITMIME. Where the header cannot be converted (an address whose
/// local part is beyond ASCII) but a body may be, it goes as it is: most such relays pass it on.
///
/// # Errors
/// What cannot be converted, in words that go on behind "and".
pub(super) fn fitted(mail: &[u8], eight_bit: bool, utf8: bool) -> Result<Option<Vec<u8>>, Unfit> {
    if mail.is_ascii() || (eight_bit && utf8) {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 4);
    if !eight_bit {
        entity(mail, &Kind::Text, true, 0, &mut out)?;
        if !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        return Ok(Some(out));
    }
    let (fields, rest) = header::split(mail);
    if fields.is_ascii() {
        return Ok(None);
    }
    if fields.write(&mut out).is_err() {
        return Ok(None);
    }
    out.extend_from_slice(rest);
    Ok(Some(out))
}

/// A whole mail, or a part of one. `default` is what it is without a Content-Type.
fn entity(bytes: &[u8], default: &Kind, whole: bool, depth: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if bytes.is_ascii() {
        out.extend_from_slice(bytes);
        return Ok(());
    }
    if depth > MAX_DEPTH {
        return Err(Unfit::TooDeep);
    }
    let (mut fields, rest) = header::split(bytes);
    // A body without a header begins at once; the empty line in front of any other belongs to neither.
    let body = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    let mut coded = Vec::new();
    match fields.kind(default) {
        Kind::Multipart { boundary, digest } => {
            fields.set_composite();
            let part = if digest { Kind::Message } else { Kind::Text };
            multipart(body, &boundary, &part, depth, &mut coded)?;
        }
        Kind::Message => {
            fields.set_composite();
            entity(body, &Kind::Text, true, depth + 1, &mut coded)?;
        }
        kind if !body.is_ascii() => {
            let encoding = match fields.encoding().as_deref() {
                None | Some("7bit" | "8bit" | "binary") if kind == Kind::Text => text(body, &mut coded),
                None | Some("7bit" | "8bit" | "binary") => binary(body, &mut coded),
                Some("quoted-printable") => strays(body, &mut coded),
                // A decoder skips them anyway.
                Some("base64") => {
                    coded.extend(body.iter().filter(|byte| byte.is_ascii()));
                    "base64"
                }
                Some(other) => return Err(Unfit::Coding(other.to_owned())),
            };
            fields.set_leaf(encoding, std::str::from_utf8(body).is_ok());
        }
        _ => coded.extend_from_slice(body),
    }
    if whole {
        fields.set_version();
    }
    fields.write(out)?;
    out.extend_from_slice(b"\r\n");
    out.append(&mut coded);
    Ok(())
}

/// Quoted-printable, which can be read without a decoder, or base64 where most letters are beyond ASCII.
fn text(body: &[u8], out: &mut Vec<u8>) -> &'static str {
    if body.iter().filter(|byte| !byte.is_ascii()).count() > body.len() / 3 {
        return binary(body, out);
    }
    qp::BODY.encode_append(body, out);
    "quoted-printable"
}

fn binary(body: &[u8], out: &mut Vec<u8>) -> &'static str {
    out.extend_from_slice(base64::MIME.encode(body).as_bytes());
    "base64"
}

/// What is quoted-printable already, but for some bytes.
fn strays(body: &[u8], out: &mut Vec<u8>) -> &'static str {
    for &byte in body {
        match byte {
            0..=0x7f => out.push(byte),
            _ => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
    }
    "quoted-printable"
}

/// The parts between the lines that begin with two hyphens and the boundary (RFC 2046 section 5.1.1).
fn multipart(body: &[u8], boundary: &[u8], part: &Kind, depth: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let delimiter = [b"--", boundary].concat();
    // What stands before the first part and behind the last one is shown to nobody.
    let unseen =
        |bytes: &[u8], out: &mut Vec<u8>| out.extend(bytes.iter().map(|b| if b.is_ascii() { *b } else { b'?' }));
    // The line, where the part began that it stands in, and whether it is one: not so before the first one and behind
    // the last one.
    let (mut at, mut from, mut within) = (0, 0, false);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let end = at + line.len();
        if let Some(after) = line.strip_prefix(delimiter.as_slice()) {
            let after = after.trim_ascii_end();
            let last = after == b"--";
            if after.is_empty() || last {
                let inner = &body[from..at];
                if within {
                    // The line end in front of a delimiter belongs to it.
                    entity(inner.strip_suffix(b"\r\n").unwrap_or(inner), part, false, depth + 1, out)?;
                    out.extend_from_slice(if inner.is_empty() { b"" } else { b"\r\n" });
                } else {
                    unseen(inner, out);
                }
                out.extend_from_slice(line);
                (from, within) = (end, !last);
            }
        }
        at = end;
    }
    if within {
        // Cut off: the last delimiter is missing.
        return entity(&body[from..], part, false, depth + 1, out);
    }
    unseen(&body[from..], out);
    Ok(())
}

#[cfg(test)]
mod tests;
