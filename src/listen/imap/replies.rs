//! What a server says: bytes on their way to the client, sent in pieces, and values as IMAP writes them.

use std::io;

use crate::clock::Time;

/// Replies are sent when so many bytes have gathered.
const PIECE: usize = 64 * 1024;
/// The first ones sooner: the client has something to read while the rest is found.
const FIRST: usize = 4 * 1024;
/// Longest string that is written in quotes.
const QUOTED: usize = 512;

/// Takes what has gathered and sends it.
pub type Send<'a> = dyn FnMut(&mut Vec<u8>) -> io::Result<()> + 'a;

/// Replies on their way. After a failure nothing more is sent, and it is told at the end.
pub struct Replies<'a> {
    gathered: Vec<u8>,
    piece: usize,
    send: &'a mut Send<'a>,
    failure: Option<io::Error>,
}

impl<'a> Replies<'a> {
    /// Makes replies that go out by `send`.
    pub fn new(send: &'a mut Send<'a>) -> Self {
        Self { gathered: Vec::new(), piece: FIRST, send, failure: None }
    }

    /// Appends bytes as they are; long replies are sent piece by piece.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.gathered.extend_from_slice(bytes);
        // The last byte of a body stays for the end of its reply: a client that waits for the one gets both at once.
        if self.gathered.len() > self.piece {
            let whole = (self.gathered.len() - 1) / self.piece * self.piece;
            let rest = self.gathered[whole..].to_vec();
            self.gathered.truncate(whole);
            self.flush();
            self.gathered.extend(rest);
            self.piece = PIECE.min(self.piece * 2);
        }
        self
    }

    /// Appends a text as it is, without quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a line with its end.
    pub fn line(&mut self, text: &str) {
        self.text(text).bytes(b"\r\n");
    }

    /// Sends what has gathered.
    pub fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = (self.send)(&mut self.gathered).err();
        }
        self.gathered.clear();
    }

    /// True when the client is gone, or does not take its replies.
    pub fn broken(&self) -> bool {
        self.failure.is_some()
    }

    /// Notes that something went wrong in the middle of a reply, which cannot be taken back: the connection ends.
    pub fn fail(&mut self, error: io::Error) {
        self.failure.get_or_insert(error);
    }

    /// Sends the rest.
    ///
    /// # Errors
    /// What went wrong since the beginning.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.failure.map_or(Ok(()), Err)
    }
}

/// Appends a number in decimal digits.
pub fn number(out: &mut Vec<u8>, number: u64) {
    let (mut digits, mut at, mut left) = ([0; 20], 20, number);
    loop {
        at -= 1;
        // A digit.
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a string: in quotes where it can be, else as a literal.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte);
    if text.len() <= QUOTED && text.iter().all(plain) {
        out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            out.extend_from_slice(&rest[..at]);
            out.extend([b'\\', rest[at]]);
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        out.push(b'"');
    } else {
        out.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
        // A literal may hold anything but NUL.
        out.extend(text.iter().map(|byte| if *byte == 0 { b'?' } else { *byte }));
    }
}

/// Writes a string, or NIL.
pub fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// The date and time of INTERNALDATE, with its quotes.
pub fn date_time(at: Time) -> String {
    let at = jiff::Timestamp::from_second(at.seconds()).unwrap_or_default();
    at.strftime("\"%e-%b-%Y %H:%M:%S +0000\"").to_string()
}

/// Numbers as a set: `1:3,5`. They have to rise.
pub fn set(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let range = |(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first}:{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

/// A name of a folder in modified UTF-7 (RFC 3501 section 5.1.3).
pub fn to_utf7(name: &str) -> String {
    use base64::Engine as _;
    let mut out = String::new();
    let mut wide: Vec<u8> = Vec::new();
    let flush = |wide: &mut Vec<u8>, out: &mut String| {
        if !wide.is_empty() {
            let coded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&*wide);
            out.push('&');
            out.push_str(&coded.replace('/', ","));
            out.push('-');
            wide.clear();
        }
    };
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut wide, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            wide.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut wide, &mut out);
    out
}

/// The name that is written so in modified UTF-7; `None` when nothing is, or not in the one right way.
pub fn from_utf7(bytes: &[u8]) -> Option<String> {
    use base64::Engine as _;
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let (coded, after) = behind.split_once('-')?;
        rest = after;
        if coded.is_empty() {
            out.push('&');
            continue;
        }
        let wide = base64::engine::general_purpose::STANDARD_NO_PAD.decode(coded.replace(',', "/")).ok()?;
        let units: Vec<u16> =
            wide.chunks(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte))).collect();
        out.push_str(&String::from_utf16(&units).ok()?);
    }
    out.push_str(rest);
    // One folder has one name on the wire.
    (to_utf7(&out) == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// iOS asks for 393,216 bytes of a part and waits.
    #[test]
    fn the_end_of_a_body_and_of_its_reply_leave_together() {
        for size in [1, FIRST - 1, FIRST, FIRST + 1, PIECE - 1, PIECE, PIECE + 1, 393_216, 400_000] {
            let mut sent: Vec<Vec<u8>> = Vec::new();
            let mut send = |gathered: &mut Vec<u8>| {
                sent.push(std::mem::take(gathered));
                Ok(())
            };
            let mut replies = Replies::new(&mut send);
            replies.text("* 1 FETCH (BODY[1]<0> {..}\r\n").bytes(&vec![b'x'; size]).line(")");
            replies.line("t1 OK done");
            replies.finish().unwrap();
            let last = sent.last().unwrap();
            assert!(last.ends_with(b"x)\r\nt1 OK done\r\n"), "{size}");
            assert_eq!(sent.concat().iter().filter(|byte| **byte == b'x').count(), size);
        }
    }

    #[test]
    fn strings_are_quoted_where_they_can_be() {
        for (text, written) in [
            (&b"a \"b\" \\"[..], &b"\"a \\\"b\\\" \\\\\""[..]),
            (b"", b"\"\""),
            (b"a\r\nb", b"{4}\r\na\r\nb"),
            ("ö".as_bytes(), b"{2}\r\n\xc3\xb6"),
            (b"a\0", b"{2}\r\na?"),
        ] {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(out, written);
        }
        for (written, text) in [(0, "0"), (9, "9"), (1_234_567_890, "1234567890"), (u64::MAX, "18446744073709551615")] {
            let mut out = b"x".to_vec();
            number(&mut out, written);
            assert_eq!(out, format!("x{text}").as_bytes());
        }
        assert_eq!(set([1, 2, 3, 5, 9, 10]), "1:3,5,9:10");
        assert_eq!(date_time(Time::from_seconds(1_790_000_000)), "\"21-Sep-2026 14:13:20 +0000\"");
        assert_eq!(date_time(Time::from_seconds(1_788_220_800)), "\" 1-Sep-2026 00:00:00 +0000\"");
    }

    #[test]
    fn names_of_folders_have_one_form() {
        for (name, wire) in [
            ("Gesendet", "Gesendet"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("台北/日本語", "&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
        ] {
            assert_eq!(to_utf7(name), wire);
            assert_eq!(from_utf7(wire.as_bytes()).as_deref(), Some(name));
        }
        for bad in [&b"&"[..], b"&AGE-", b"&APw", b"Entw\xc3\xbcrfe", b"&2D0-", b"&A-", b"&APw-&APw-"] {
            assert_eq!(from_utf7(bad), None, "{bad:?}");
        }
    }
}
