//! Replies of SMTP, and what follows them.

/// What comes after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another command.
    Command,
    /// The mail itself.
    Data,
    /// A TLS handshake; nothing that was sent before it may be used.
    StartTls,
    /// The end of the connection.
    Close,
}

/// Writes a reply; each line of `text` becomes a line of it.
pub fn say(out: &mut Vec<u8>, code: u16, text: &str) {
    let mut lines = text.lines().peekable();
    if lines.peek().is_none() {
        return out.extend_from_slice(format!("{code}\r\n").as_bytes());
    }
    while let Some(line) = lines.next() {
        let mark = if lines.peek().is_some() { '-' } else { ' ' };
        let line = clip(line).replace(char::is_control, "?");
        out.extend_from_slice(format!("{code}{mark}{line}\r\n").as_bytes());
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
