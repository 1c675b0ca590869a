//! Encoded words in header fields (RFC 2047), as careless programs write them: without padding, split within a
//! character, in sets with odd or false names.

use super::{charset, transfer};

/// Longest text of one word that is read, in bytes: RFC 2047 allows 75 for the whole word.
const MAX_PAYLOAD: usize = 4 * 1024;

/// Decodes the encoded words of an unstructured field; the rest stays as it is. What is an encoded word again was
/// encoded twice.
pub fn decode_text(value: &str) -> String {
    let once = replace(value, |text| text);
    if once.starts_with("=?") && once.ends_with("?=") && once != value { replace(&once, |text| text) } else { once }
}

/// Writes every encoded word anew, as sound UTF-8: for a parser of structured fields, which decodes them itself.
pub fn normalize(value: &str) -> String {
    replace(value, |text| {
        let bytes: String = text.bytes().map(|byte| format!("={byte:02X}")).collect();
        format!("=?utf-8?Q?{bytes}?=")
    })
}

/// One encoded word: `=?charset?encoding?payload?=`.
struct Word<'a> {
    charset: &'a str,
    is_base64: bool,
    payload: &'a str,
    after: &'a str,
}

impl<'a> Word<'a> {
    /// Reads the word at the start of `text`, which begins with `=?`.
    fn read(text: &'a str) -> Option<Self> {
        let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
        let is_base64 = match rest.as_bytes() {
            [b'b' | b'B', b'?', ..] => true,
            [b'q' | b'Q', b'?', ..] => false,
            _ => return None,
        };
        // A field that was cut short may have no end of its last word.
        let rest = &rest[2..];
        let cut = || (rest.len() <= MAX_PAYLOAD && !rest.contains([' ', '?'])).then_some((rest, ""));
        let window = &rest[..rest.floor_char_boundary(MAX_PAYLOAD)];
        let ended = || window.find("?=").map(|end| (&rest[..end], &rest[end + 2..]));
        let (payload, after) = ended().or_else(cut)?;
        // RFC 2231 section 5 puts a language behind a star.
        let charset = charset.split('*').next().unwrap_or_default();
        let sound = charset.len() <= 60 && !charset.contains(char::is_whitespace) && !payload.contains("=?");
        sound.then_some(Self { charset, is_base64, payload, after })
    }

    fn bytes(&self, payload: &str) -> Vec<u8> {
        if self.is_base64 {
            transfer::base64(payload.as_bytes())
        } else {
            transfer::quoted_printable(payload.replace('_', " ").as_bytes())
        }
    }
}

/// Puts `write` of each decoded run of words in its place. Words of one set that stand beside each other are one text.
fn replace(value: &str, write: impl Fn(String) -> String) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("=?") {
        let (before, text) = rest.split_at(at);
        out.push_str(before);
        let Some(word) = Word::read(text) else {
            out.push_str("=?");
            rest = &text[2..];
            continue;
        };
        let (mut bytes, mut payload, mut after) = (Vec::new(), word.payload.to_owned(), word.after);
        let mut apart = word.bytes(word.payload);
        while let Some(next) = Word::read(after.trim_start())
            .filter(|next| next.charset.eq_ignore_ascii_case(word.charset) && next.is_base64 == word.is_base64)
        {
            // Padding ends a base64 text; without it the next word may go on in the middle of a group.
            if !word.is_base64 || payload.ends_with('=') {
                bytes.extend(word.bytes(&payload));
                payload.clear();
            }
            apart.extend(next.bytes(next.payload));
            payload.push_str(next.payload);
            after = next.after;
        }
        bytes.extend(word.bytes(&payload));
        // Words that lost their padding look like one that goes on: only what they say tells.
        if std::str::from_utf8(&bytes).is_err() && std::str::from_utf8(&apart).is_ok() {
            bytes = apart;
        }
        out.push_str(&write(charset::decode(&bytes, Some(word.charset))));
        rest = after;
        // Blanks between two words are no part of the text.
        if after.trim_start().starts_with("=?") && Word::read(after.trim_start()).is_some() {
            rest = after.trim_start();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_however_they_were_cut() {
        assert_eq!(decode_text("=?utf-8?B?QsO2ZW4?="), "Böen");
        assert_eq!(decode_text("a =?utf-8?q?B=C3?= =?utf-8?q?=B6en?= b"), "a Böen b");
        assert_eq!(decode_text("=?utf-8?B?QsO?= =?utf-8?B?2ZW4=?="), "Böen");
        assert_eq!(decode_text("=?utf-8?B?QsM?= =?utf-8?B?tmVu?="), "Böen");
        assert_eq!(decode_text("=?iso-8859-1?Q?B=C3=B6en?="), "Böen");
        assert_eq!(decode_text("=?utf-8*de?Q?B=F6en_x?="), "Böen x");
        assert_eq!(decode_text("=?utf-8?q?B=C3=B6en??="), "Böen?");
        assert_eq!(decode_text("=?utf-8?q?B=C3=B6en"), "Böen");
        assert_eq!(decode_text("=?utf-8?Q?=3D=3Futf-8=3FQ=3FB=3DC3=3DB6en=3F=3D?="), "Böen");
        assert_eq!(decode_text("=?a?b =?x?z?y?= 1=?2"), "=?a?b =?x?z?y?= 1=?2");
        assert_eq!(normalize("\"=?latin1?q?J=F6?=\" <j@x>"), "\"=?utf-8?Q?=4A=C3=B6?=\" <j@x>");
    }
}
