//! Parameters of Content-Type and Content-Disposition: read as they are written, and coded where they hold letters beyond
//! ASCII (RFC 2231).

use percent_encoding::percent_encode_byte;

/// Longest piece of a coded parameter; a longer one goes in several.
const MAX_PIECE: usize = 60;

/// A field with parameters: those beyond ASCII are coded.
pub(super) fn converted(label: &str, value: &str) -> String {
    let mut out = format!("{label}:");
    for (at, piece) in pieces(value.as_bytes()).into_iter().enumerate() {
        let text = String::from_utf8_lossy(piece).trim().to_owned();
        let end = if at == 0 { " " } else { ";\r\n\t" };
        match parameter(piece).filter(|_| at > 0 && !text.is_ascii()) {
            Some((name, value)) => out.push_str(&coded(&name, &value)),
            None => {
                out.push_str(end);
                out.push_str(&text.replace(|c: char| !c.is_ascii(), "?"));
            }
        }
    }
    out
}

fn coded(name: &str, value: &[u8]) -> String {
    // With the asterisk it is coded already, but for some bytes.
    let (name, done) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
    let mut pieces = vec![String::new()];
    for &byte in value {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (done && byte.is_ascii());
        let word = if plain { char::from(byte).to_string() } else { percent_encode_byte(byte).to_owned() };
        // There is always one.
        let last = pieces.len() - 1;
        if !done && pieces[last].len() + word.len() > MAX_PIECE {
            pieces.push(word);
        } else {
            pieces[last].push_str(&word);
        }
    }
    let charset = if done { "" } else { "utf-8''" };
    match &pieces[..] {
        [one] => format!(";\r\n\t{name}*={charset}{one}"),
        several => several
            .iter()
            .enumerate()
            .map(|(at, piece)| format!(";\r\n\t{name}*{at}*={}{piece}", if at == 0 { charset } else { "" }))
            .collect(),
    }
}

/// The pieces between semicolons that stand in no quotes.
pub(super) fn pieces(value: &[u8]) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(|byte| {
            let ends = *byte == b';' && !quoted;
            quoted ^= *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && quoted && !escaped;
            ends
        })
        .collect()
}

/// Name and value of `name=value` or `name="value"`.
pub(super) fn parameter(piece: &[u8]) -> Option<(String, Vec<u8>)> {
    let equals = piece.iter().position(|byte| *byte == b'=')?;
    let name = String::from_utf8_lossy(piece[..equals].trim_ascii()).into_owned();
    let value = piece[equals + 1..].trim_ascii();
    let Some(quoted) = value.strip_prefix(b"\"") else { return Some((name, value.to_vec())) };
    let (mut bare, mut escaped) = (Vec::new(), false);
    for &byte in quoted {
        match byte {
            b'"' if !escaped => break,
            b'\\' if !escaped => escaped = true,
            byte => {
                bare.push(byte);
                escaped = false;
            }
        }
    }
    Some((name, bare))
}
