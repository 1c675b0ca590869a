//! Splits what a client sends into commands: lines, and literals within them (RFC 3501 section 4.3, LITERAL+ of RFC 7888).
//!
//! Nothing here knows a command but APPEND, whose last literal is a mail: it never passes through the parser, and is not held
//! in memory. A command is given out once it is whole, so that it is parsed once. No length that a client names is allocated
//! before the bytes come.

/// Longest line of a client that has not logged in, in bytes.
const LINE_BEFORE: usize = 8 * 1024;
/// Longest line of one that has.
const LINE_AFTER: usize = 64 * 1024;
/// Largest literal before a log-in, and after it.
const LITERAL_BEFORE: u64 = 1024;
const LITERAL_AFTER: u64 = 64 * 1024;
/// Most literals in one command.
const LITERALS: u32 = 32;
/// All lines and literals of one command.
const COMMAND: usize = 256 * 1024;
/// A literal that is not wanted and comes all the same is read away up to this size.
pub const SKIP: u64 = 64 * 1024 * 1024;

/// What the bytes that came make.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing that is whole yet.
    More,
    /// A whole command, or a line while lines are asked for; with its literals, without the last line end.
    Command(Vec<u8>),
    /// The client waits for a go-ahead before it sends a literal.
    GoAhead,
    /// A mail of so many bytes is announced by this APPEND, whose literal is not part of the text. Say with
    /// [`Framer::take_mail`] or [`Framer::skip_mail`] what becomes of it.
    Append {
        /// The command up to the literal.
        command: Vec<u8>,
        /// Bytes of the mail.
        size: u64,
        /// The client waits for a go-ahead.
        waits: bool,
    },
    /// Some bytes of that mail.
    Mail(Vec<u8>),
    /// The mail is whole, and so is the command; false when more stood behind it than an end of line.
    MailEnd(bool),
    /// The command is not taken; it has this tag.
    Refused {
        /// Tag of the command; `*` where none could be read.
        tag: String,
        /// What is wrong, as the answer says it.
        why: &'static str,
        /// A literal was too big: the answer stands in place of the go-ahead.
        too_big: bool,
    },
    /// What comes is no IMAP any more.
    Hopeless(&'static str),
}

/// What the next byte belongs to.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// A line of a command.
    Line,
    /// In a literal with so many bytes to come.
    Literal(u64),
    /// Before the decision about a mail.
    Asked(u64),
    /// In a mail with so many bytes to come.
    Mail(u64),
    /// Behind a mail, where only the line end may come.
    Behind,
    /// In a literal that nobody wants.
    Skip(u64),
    /// In the rest of a command that nobody wants.
    Rest,
}

/// The state of one conversation.
#[derive(Debug)]
pub struct Framer {
    at: At,
    command: Vec<u8>,
    /// Where the present line begins in the command.
    line: usize,
    literals: u32,
    logged_in: bool,
    /// Lines are given out as they are: an exchange of AUTHENTICATE or IDLE.
    pub raw: bool,
}

/// The tag at the start of a line, if it is one.
pub fn tag(line: &[u8]) -> Option<String> {
    let word = line.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).next()?;
    let fine = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\+".contains(byte);
    let good = !word.is_empty() && word.len() <= 64 && word.iter().all(fine);
    good.then(|| String::from_utf8_lossy(word).into_owned())
}

/// A literal that a line announces at its end: its size, and whether the client waits.
fn literal(line: &[u8]) -> Option<Result<(u64, bool), ()>> {
    let open = line.strip_suffix(b"}")?;
    let at = open.iter().rposition(|byte| *byte == b'{')?;
    let inner = &open[at + 1..];
    let (digits, waits) = match inner.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (inner, true),
    };
    // A text that ends with a brace and is no literal cannot be a command either: quoted strings end with a quote.
    let number = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    Some(number.and_then(|text| text.parse::<u32>().ok()).map(|size| (size.into(), waits)).ok_or(()))
}

/// True for an APPEND whose next literal is the mail, and not the name of the folder.
fn is_append(command: &[u8]) -> bool {
    let mut words = command.splitn(3, |byte| *byte == b' ');
    let (Some(_), Some(verb), Some(rest)) = (words.next(), words.next(), words.next()) else { return false };
    verb.eq_ignore_ascii_case(b"APPEND") && !rest.is_empty()
}

impl Framer {
    /// Before the first command.
    pub fn new() -> Self {
        Self { at: At::Line, command: Vec::new(), line: 0, literals: 0, logged_in: false, raw: false }
    }

    /// Notes that the client has logged in: larger commands, and mails, are taken.
    pub fn logged_in(&mut self) {
        self.logged_in = true;
    }

    /// True while a command has begun and is not whole.
    pub fn is_inside(&self) -> bool {
        self.at != At::Line || !self.command.is_empty()
    }

    /// The mail that was announced is wanted.
    pub fn take_mail(&mut self) {
        if let At::Asked(size) = self.at {
            self.at = At::Mail(size);
        }
    }

    /// It is not wanted; `comes` when the client sends it without being asked.
    pub fn skip_mail(&mut self, comes: bool) {
        if let At::Asked(size) = self.at {
            self.at = if comes { At::Skip(size) } else { At::Line };
        }
    }

    /// Takes what is at the start of `input`, which is shortened by it.
    pub fn next(&mut self, input: &mut &[u8]) -> Event {
        loop {
            match self.at {
                At::Asked(_) => return Event::More,
                At::Mail(0) => self.at = At::Behind,
                At::Literal(0) => {
                    self.at = At::Line;
                    self.line = self.command.len();
                }
                At::Skip(0) => self.at = At::Rest,
                _ if input.is_empty() => return Event::More,
                At::Literal(left) => {
                    let piece = cut(input, left);
                    self.command.extend_from_slice(piece);
                    self.at = At::Literal(left - piece.len() as u64);
                }
                At::Mail(left) => {
                    let piece = cut(input, left);
                    self.at = At::Mail(left - piece.len() as u64);
                    return Event::Mail(piece.to_vec());
                }
                At::Skip(left) => {
                    let piece = cut(input, left);
                    self.at = At::Skip(left - piece.len() as u64);
                }
                At::Line | At::Rest | At::Behind => {
                    if let Some(event) = self.piece(input) {
                        return event;
                    }
                }
            }
        }
    }

    /// Takes up to the end of a line.
    fn piece(&mut self, input: &mut &[u8]) -> Option<Event> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let piece = cut(input, end.map_or(input.len(), |end| end + 1) as u64);
        let most = if self.logged_in { LINE_AFTER } else { LINE_BEFORE };
        if self.command.len() - self.line + piece.len() > most {
            return Some(Event::Hopeless("line too long"));
        }
        self.command.extend_from_slice(piece);
        end?;
        while matches!(self.command.last(), Some(b'\n' | b'\r')) && self.command.len() > self.line {
            self.command.pop();
        }
        match self.at {
            At::Line => self.whole_line(),
            // A rest may announce one more literal that nobody wants.
            At::Rest => match literal(&self.command[self.line..]) {
                Some(Ok((size, false))) if size <= SKIP => {
                    self.begin_anew();
                    self.at = At::Skip(size);
                    None
                }
                _ => {
                    self.begin_anew();
                    None
                }
            },
            _ => {
                let only_end = self.command.is_empty();
                self.begin_anew();
                Some(Event::MailEnd(only_end))
            }
        }
    }

    fn begin_anew(&mut self) {
        self.at = At::Line;
        self.command.clear();
        (self.line, self.literals) = (0, 0);
    }

    fn whole_line(&mut self) -> Option<Event> {
        let announced = if self.raw { None } else { literal(&self.command[self.line..]) };
        let Some(announced) = announced else {
            let command = std::mem::take(&mut self.command);
            self.begin_anew();
            return Some(Event::Command(command));
        };
        let tag = tag(&self.command).unwrap_or_else(|| "*".to_owned());
        let refused = |why, too_big| Some(Event::Refused { tag, why, too_big });
        let Ok((size, waits)) = announced else {
            self.begin_anew();
            return refused("the size of the literal cannot be read", false);
        };
        let at = self.command[self.line..].iter().rposition(|byte| *byte == b'{').unwrap_or(0) + self.line;
        if self.logged_in && is_append(&self.command[..at]) {
            let command = self.command[..at].to_vec();
            self.command.clear();
            self.line = 0;
            self.at = At::Asked(size);
            return Some(Event::Append { command, size, waits });
        }
        let most = if self.logged_in { LITERAL_AFTER } else { LITERAL_BEFORE };
        self.literals += 1;
        let whole = self.command.len() + usize::try_from(size).unwrap_or(usize::MAX);
        if size > most || self.literals > LITERALS || whole > COMMAND {
            if !waits && size > SKIP {
                return Some(Event::Hopeless("this literal is too big"));
            }
            self.begin_anew();
            if !waits {
                self.at = At::Skip(size);
            }
            return refused("this literal is too big, or there are too many", true);
        }
        self.command.extend_from_slice(b"\r\n");
        self.at = At::Literal(size);
        waits.then_some(Event::GoAhead)
    }
}

fn cut<'a>(input: &mut &'a [u8], most: u64) -> &'a [u8] {
    let count = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    let (piece, rest) = input.split_at(count);
    *input = rest;
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that comes of an input, given in pieces of a size; every mail is taken.
    fn events(logged_in: bool, input: &[u8], size: usize) -> Vec<Event> {
        let mut framer = Framer::new();
        framer.logged_in = logged_in;
        let (mut found, mut mail) = (Vec::new(), Vec::new());
        for mut piece in input.chunks(size) {
            loop {
                match framer.next(&mut piece) {
                    Event::More => break,
                    Event::Mail(bytes) => mail.extend(bytes),
                    Event::MailEnd(clean) => {
                        found.extend([Event::Mail(std::mem::take(&mut mail)), Event::MailEnd(clean)]);
                    }
                    event => {
                        let append = matches!(event, Event::Append { .. });
                        let end = matches!(event, Event::Hopeless(_));
                        found.push(event);
                        if append {
                            framer.take_mail();
                        }
                        if end {
                            return found;
                        }
                    }
                }
            }
        }
        found
    }

    fn command(text: &str) -> Event {
        Event::Command(text.as_bytes().to_vec())
    }

    #[test]
    fn commands_come_whole_however_they_are_cut() {
        let input = b"a NOOP\r\nb LOGIN {3}\r\nben {2+}\r\npw\r\n\r\nc X\n";
        for size in 1..input.len() {
            let found = events(false, input, size);
            let login = command("b LOGIN {3}\r\nben {2+}\r\npw");
            assert_eq!(found, [command("a NOOP"), Event::GoAhead, login, command(""), command("c X")], "{size}");
        }
    }

    #[test]
    fn a_mail_never_becomes_part_of_a_command() {
        let input = b"a APPEND \"Sent\" (\\Seen) {5}\r\nab{9}\r\nb APPEND {4}\r\nSent {2+}\r\nhi\r\nc NOOP\r\n";
        for size in 1..input.len() {
            let found = events(true, input, size);
            assert_eq!(found.len(), 8, "{size}: {found:?}");
            let Event::Append { command: text, size: 5, waits: true } = &found[0] else { panic!("{found:?}") };
            assert_eq!(text, b"a APPEND \"Sent\" (\\Seen) ");
            assert_eq!(found[1..4], [Event::Mail(b"ab{9}".to_vec()), Event::MailEnd(true), Event::GoAhead]);
            let Event::Append { command: text, size: 2, waits: false } = &found[4] else { panic!("{found:?}") };
            assert_eq!(text, b"b APPEND {4}\r\nSent ");
            assert_eq!(found[5..], [Event::Mail(b"hi".to_vec()), Event::MailEnd(true), command("c NOOP")]);
        }
    }

    #[test]
    fn what_is_too_big_is_refused_and_the_session_goes_on() {
        for text in ["{400000000}", "{-1}", "{}", "{9999999999}", "{1e3}"] {
            let found = events(false, format!("a LOGIN {text}\r\nb NOOP\r\n").as_bytes(), 7);
            assert!(matches!(&found[0], Event::Refused { tag, .. } if tag == "a"), "{text}: {found:?}");
            assert_eq!(found[1], command("b NOOP"));
        }
        let mut long = b"a LOGIN {2000+}\r\n".to_vec();
        long.extend([b'x'; 2000]);
        long.extend(b" {3+}\r\nabc\r\nb NOOP\r\n");
        let found = events(false, &long, 100);
        assert!(matches!(&found[0], Event::Refused { too_big: true, .. }), "{found:?}");
        assert_eq!(found[1..], [command("b NOOP")]);
        let many: String = (0..4000).map(|_| " {3+}\r\nabc").collect();
        let found = events(true, format!("a SEARCH{many}\r\nb NOOP\r\n").as_bytes(), 4096);
        assert!(matches!(&found[0], Event::Refused { .. }), "{:?}", found.first());
        assert_eq!(found.last(), Some(&command("b NOOP")));
        assert!(matches!(events(false, &[b'x'; 9000], 1000)[..], [Event::Hopeless(_)]));
        assert!(matches!(events(false, b"a X {99999999+}\r\n", 99)[..], [Event::Hopeless(_)]));
    }

    #[test]
    fn a_tag_is_a_word_that_cannot_forge_a_reply() {
        assert_eq!(tag(b"a1 NOOP").as_deref(), Some("a1"));
        for bad in [&b"* OK"[..], b"+ x", b"", b" x", b"a\\ x", b"a\"b x", &[b'x'; 65]] {
            assert_eq!(tag(bad), None);
        }
    }
}
