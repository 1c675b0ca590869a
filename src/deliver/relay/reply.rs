//! Replies of a mail server (RFC 5321 section 4.2), read from whatever it sends and within limits.
//!
//! Three digits decide. A reply ends with the first line that has no hyphen behind its code; a line may end with LF
//! alone or with the connection, be longer than we keep, or hold any bytes. Blank lines before it say nothing. What cannot be read as a reply is [`Nonsense`], which says
//! nothing about the message.

use std::fmt;

use crate::deliver::compose::one_line;

/// A line is kept so far, in bytes; the rest is read and dropped.
const MAX_LINE: usize = 512;
/// So many lines of a reply are kept, and its last one.
const MAX_LINES: usize = 200;
/// A reply of more bytes is taken for one without end.
const MAX_REPLY: usize = 1 << 20;
/// Characters of a reply that are shown.
const MAX_SHOWN: usize = 500;

/// An enhanced status code (RFC 3463), such as `5.1.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 2 success, 4 for now, 5 for good.
    pub class: u8,
    /// What it is about: 1 addresses, 2 mailboxes, 3 the system, 4 the network, 5 the protocol, 6 content, 7 rules.
    pub subject: u16,
    /// Which case of that, see RFC 3463.
    pub detail: u16,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// One reply of the relay, with all of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three digits: 200 to 599.
    pub(super) code: u16,
    /// The texts behind them, a line each; what is not UTF-8 is shown by replacement characters.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// True for a code of this hundred.
    pub(super) fn is(&self, class: u16) -> bool {
        self.code / 100 == class
    }

    /// The enhanced status code in front of the text (RFC 2034), if it fits the three digits.
    pub(super) fn status(&self) -> Option<Status> {
        let word = self.lines.iter().find_map(|line| line.split_whitespace().next())?;
        let mut numbers = word.split('.').map(|part| (part.len() <= 3).then(|| part.parse::<u16>().ok()).flatten());
        let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let class = u8::try_from(class).ok().filter(|class| u16::from(*class) == self.code / 100)?;
        numbers.next().is_none().then_some(Status { class, subject, detail })
    }
}

impl fmt::Display for Reply {
    /// Code and text as one line, without control characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = shown(&self.lines.join(" "));
        write!(f, "{}{}{text}", self.code, if text.is_empty() { "" } else { " " })
    }
}

/// What is no reply. The sentences go on behind the relay's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nonsense {
    /// More than [`MAX_REPLY`] bytes, and no end.
    Endless,
    /// It begins without a code between 200 and 599.
    NoReply(String),
    /// Its lines say yes and no at once.
    Contradiction(String),
}

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endless => f.write_str("it sends without end"),
            Self::NoReply(line) => write!(f, "it sent what is no SMTP reply (\"{line}\")"),
            Self::Contradiction(text) => write!(f, "the lines of its reply contradict each other (\"{text}\")"),
        }
    }
}

/// Collects bytes and gives them back as replies.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Bytes that are not part of a whole line yet. The first `scanned` of them hold no line end.
    raw: Vec<u8>,
    scanned: usize,
    /// Bytes of the reply in `lines` so far.
    size: usize,
    /// Codes of the lines that had one.
    codes: Vec<u16>,
    lines: Vec<String>,
}

impl Replies {
    /// Takes bytes in; [`Replies::next`] is to be called after each time, so that they do not pile up.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
    }

    /// True when nothing has come since the last whole reply.
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.size == 0
    }

    /// The next whole reply, if there is one.
    ///
    /// # Errors
    /// What came is no reply; the connection is of no use from then on.
    pub(super) fn next(&mut self) -> Result<Option<Reply>, Nonsense> {
        let mut raw = std::mem::take(&mut self.raw);
        let mut start = 0;
        let result = loop {
            let Some(at) = raw[start + self.scanned..].iter().position(|byte| *byte == b'\n') else {
                self.scanned = raw.len() - start;
                let endless = self.size + self.scanned > MAX_REPLY;
                break if endless { Err(Nonsense::Endless) } else { Ok(None) };
            };
            let end = start + self.scanned + at + 1;
            let line = &raw[start..end];
            (start, self.scanned, self.size) = (end, 0, self.size + line.len());
            match self.line(line.trim_ascii_end()) {
                Ok(true) => break self.complete().map(Some),
                Ok(false) if self.size > MAX_REPLY => break Err(Nonsense::Endless),
                Ok(false) => {}
                Err(nonsense) => break Err(nonsense),
            }
        };
        raw.drain(..start);
        self.raw = raw;
        result
    }

    /// The reply whose last line the end of the connection cut off behind its code.
    pub(super) fn cut_off(&mut self) -> Option<Reply> {
        let line = std::mem::take(&mut self.raw);
        self.scanned = 0;
        code(&line)?;
        let ends = self.line(line.trim_ascii_end()).ok()?;
        ends.then(|| self.complete().ok())?
    }

    /// Takes a line in; true when it is the last one of its reply.
    fn line(&mut self, line: &[u8]) -> Result<bool, Nonsense> {
        let kept = &line[..line.len().min(MAX_LINE)];
        let (text, last) = match code(line) {
            Some(code) => {
                self.codes.push(code);
                (kept.get(4..).unwrap_or_default(), line.get(3) != Some(&b'-'))
            }
            None if self.codes.is_empty() && line.is_empty() => return Ok(false),
            None if self.codes.is_empty() => return Err(Nonsense::NoReply(shown(&String::from_utf8_lossy(kept)))),
            // Within a reply it can only be a text that some program broke in two.
            None => (kept, false),
        };
        // The codes matter only as far as they differ.
        self.codes.dedup();
        self.lines.truncate(MAX_LINES - 1);
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        Ok(last)
    }

    fn complete(&mut self) -> Result<Reply, Nonsense> {
        let (codes, lines) = (std::mem::take(&mut self.codes), std::mem::take(&mut self.lines));
        self.size = 0;
        // `line` reports the last line only after it pushed a code.
        let code = codes.last().copied().unwrap_or_default();
        if codes.iter().any(|other| other / 100 != code / 100) {
            return Err(Nonsense::Contradiction(shown(&lines.join(" / "))));
        }
        Ok(Reply { code, lines })
    }
}

/// The three digits in front of a line: 200 to 599, and no fourth one behind.
fn code(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || line.get(3).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    (200..=599).contains(&code).then_some(code)
}

fn shown(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Reply>, Nonsense> {
        let mut replies = Replies::default();
        // However the bytes are cut, the reply is the same.
        for cut in [1, 2, 3, 7, 16 * 1024].into_iter().filter(|cut| bytes.len() / cut < 10_000) {
            let mut pieces = Replies::default();
            let mut found = Ok(None);
            for piece in bytes.chunks(cut) {
                pieces.push(piece);
                found = pieces.next();
                if !matches!(found, Ok(None)) {
                    break;
                }
            }
            let mut whole = Replies::default();
            whole.push(bytes);
            assert_eq!(found, whole.next(), "cut each {cut}");
        }
        replies.push(bytes);
        replies.next()
    }

    fn said(bytes: &[u8]) -> String {
        read(bytes).unwrap().unwrap().to_string()
    }

    #[test]
    fn three_digits_are_a_reply() {
        assert_eq!(said(b"250 2.0.0 kept\r\n"), "250 2.0.0 kept");
        for bare in [&b"250\r\n"[..], b"250\n", b"250 \r\n", b"250\r\r\n", b"250-\r\n250\r\n"] {
            assert_eq!(said(bare), "250");
        }
        assert_eq!(said(b"250\tok\n"), "250 ok");
        assert_eq!(said(b"250-a\n\n251 b\r\n"), "251 a b");
        assert_eq!(said(b"550 f\xfcr \x00\x1b[2J\r\n"), "550 f\u{fffd}r [2J");
        assert_eq!(said(&[b"250 ", &b"x".repeat(200_000)[..], b"\n"].concat()).len(), 507);
        assert_eq!(read(b"250-a\r\n250-b\r\n").unwrap(), None);
        assert_eq!(read(b"25").unwrap(), None);
    }

    #[test]
    fn the_last_line_counts_however_many_there_are() {
        let many = "250-x\r\n".repeat(5000) + "250 SIZE 5\r\n";
        let reply = read(many.as_bytes()).unwrap().unwrap();
        assert_eq!((reply.lines.len(), reply.lines.last().unwrap().as_str()), (MAX_LINES, "SIZE 5"));
    }

    #[test]
    fn what_is_no_reply_is_said_so() {
        for bad in ["hello\r\n", "25\r\n", "2500 ok\r\n", "199 x\r\n", "600 x\r\n", "000\r\n", "+OK\r\n"] {
            assert!(matches!(read(bad.as_bytes()), Err(Nonsense::NoReply(_))), "{bad:?}");
        }
        // A line without anything is none yet.
        assert_eq!(read(b"\r\n").unwrap(), None);
        let both = read(b"250-ok\r\n550 no\r\n").unwrap_err().to_string();
        assert_eq!(both, "the lines of its reply contradict each other (\"ok / no\")");
        assert_eq!(read(&b"x".repeat(MAX_REPLY + 1)), Err(Nonsense::Endless));
        assert_eq!(read(&b"250-x\r\n".repeat(MAX_REPLY / 7 + 1)), Err(Nonsense::Endless));
    }

    #[test]
    fn two_replies_in_one_piece_stay_two() {
        let mut replies = Replies::default();
        replies.push(b"250 one\r\n550 two\r\n2");
        assert_eq!(replies.next().unwrap().unwrap().code, 250);
        assert_eq!(replies.next().unwrap().unwrap().code, 550);
        assert_eq!(replies.next(), Ok(None));
        assert!(!replies.is_empty());
    }

    #[test]
    fn enhanced_codes_are_read_where_they_fit() {
        let status = |line: &str| read(line.as_bytes()).unwrap().unwrap().status().map(|status| status.to_string());
        assert_eq!(status("550 5.1.1 no such user\r\n").as_deref(), Some("5.1.1"));
        assert_eq!(status("451-4.7.100 wait\r\n451 4.7.100 longer\r\n").as_deref(), Some("4.7.100"));
        for none in
            ["550 4.1.1 x\r\n", "550 5.1 x\r\n", "550 5.1.1.1\r\n", "550 5.1.1000\r\n", "550 no 5.1.1\r\n", "550\r\n"]
        {
            assert_eq!(status(none), None, "{none}");
        }
    }
}
