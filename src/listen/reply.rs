//! Replies of SMTP, and what follows them.

/// What comes after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next command.
    Command,
    /// The lines of a mail up to the dot (DATA).
    Data,
    /// So many bytes of a mail, without an end to look for (BDAT).
    Chunk {
        /// How many bytes follow, as BDAT says.
        size: u64,
        /// They are the last of the mail.
        last: bool,
        /// To what mail they belong.
        part: Part,
    },
    /// A TLS handshake; nothing that was sent before it may be used.
    StartTls,
    /// The end of the connection.
    Close,
}

/// To what mail a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The beginning of a mail.
    First,
    /// More of the mail that a chunk before began.
    More,
    /// Nothing: there is no mail that it could belong to. It has to be read all the same, for no byte of it is a command.
    Refused,
}

/// Writes a reply with the enhanced status code that its code stands for (RFC 2034).
pub fn say(out: &mut Vec<u8>, code: u16, text: &str) {
    say_with(out, code, status(code), text);
}

/// Writes a reply with an enhanced status code; each line of `text` becomes a line of it. Without one in the greeting, in
/// the answer to EHLO, and where the client has to go on (RFC 2034 section 4).
pub fn say_with(out: &mut Vec<u8>, code: u16, status: &str, text: &str) {
    let mut lines = text.lines().peekable();
    let gap = if status.is_empty() { "" } else { " " };
    if lines.peek().is_none() {
        return out.extend_from_slice(format!("{code}{gap}{status}\r\n").as_bytes());
    }
    while let Some(line) = lines.next() {
        let mark = if lines.peek().is_some() { '-' } else { ' ' };
        let line = clip(line).replace(char::is_control, "?");
        out.extend_from_slice(format!("{code}{mark}{status}{gap}{line}\r\n").as_bytes());
    }
}

/// The enhanced status code of a reply that says no more than its code (RFC 3463).
fn status(code: u16) -> &'static str {
    match code {
        235 => "2.7.0",
        421 => "4.3.2",
        450 | 454 => "4.7.0",
        452 => "4.3.1",
        500 => "5.5.2",
        501 | 504 | 555 => "5.5.4",
        502 | 503 => "5.5.1",
        530 => "5.7.0",
        535 => "5.7.8",
        538 => "5.7.11",
        552 => "5.3.4",
        553 => "5.1.3",
        554 => "5.6.0",
        _ => match code / 100 {
            2 => "2.0.0",
            4 => "4.3.0",
            5 => "5.0.0",
            _ => "",
        },
    }
}

/// Writes a reply after which the session goes on.
pub fn answer(out: &mut Vec<u8>, code: u16, text: &str) -> Next {
    say(out, code, text);
    Next::Command
}

/// Gives the part of `text` that fits: a reply line has at most 512 bytes with code and line end (RFC 5321 section
/// 4.5.3.1.5).
pub fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(500)]
}
