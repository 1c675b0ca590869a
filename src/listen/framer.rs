//! A whole SMTP conversation without a socket: bytes in, replies out. Splits the stream into commands and mails.

use std::path::PathBuf;

use super::data::chunks::ChunkReader;
use super::data::{IN_MEMORY, Progress, Reader};
use super::reply::{Next, Part, answer, say};
use super::smtp::{SessionContext, SmtpSession};

/// Longest command line without CR LF, in bytes. RFC 5321 asks for 510 and its extensions for some hundred more; a
/// PLAIN response of a long password fits too.
pub const MAX_LINE: usize = 2046;
/// A line that is longer than this is not even read to its end.
const HOPELESS: usize = 64 * 1024;

/// What the connection does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Send the replies, then read on.
    Read,
    /// Send the replies, then begin TLS. Input behind the command has been thrown away.
    StartTls,
    /// Send the replies, then close.
    Close,
}

/// The state of one conversation.
#[derive(Debug)]
pub struct SmtpFramer {
    session: SmtpSession,
    spool: PathBuf,
    /// The beginning of a command whose end has not come yet.
    line: Vec<u8>,
    /// Bytes of an overlong line that were thrown away.
    wasted: usize,
    mail: Option<Reader>,
    /// A line ended with LF alone, as it may from an old device: the connection ends with the next mail.
    bare: bool,
    /// What came of a mail in chunks; more of it may follow between commands.
    chunks: Option<ChunkReader>,
    /// The chunk that is being read.
    chunk: Option<Chunk>,
    progress: u64,
}

/// A chunk of BDAT that is still to come.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    left: u64,
    last: bool,
    part: Part,
}

impl SmtpFramer {
    /// Begins with the greeting; large mails go into the folder `spool`.
    pub fn new(session: SmtpSession, spool: PathBuf, out: &mut Vec<u8>) -> Self {
        session.greet(out);
        let line = Vec::new();
        Self { session, spool, line, wasted: 0, mail: None, bare: false, chunks: None, chunk: None, progress: 0 }
    }

    /// Gives the session, for what is known of the caller.
    pub fn session(&self) -> &SmtpSession {
        &self.session
    }

    /// Grows with each complete command, each mail, and each 64 KiB of a mail: the signs of life that renew the
    /// client's time.
    pub fn progress(&self) -> u64 {
        let seen = self.mail.as_ref().map(Reader::seen).or(self.chunks.as_ref().map(ChunkReader::seen));
        self.progress + seen.unwrap_or(0) / IN_MEMORY as u64
    }

    /// Notes that the TLS handshake is done.
    pub fn encrypted(&mut self) {
        self.progress += 1;
        self.session.encrypted();
    }

    /// Takes what was read and appends the replies to `out`.
    pub fn take(&mut self, mut input: &[u8], context: SessionContext<'_>, out: &mut Vec<u8>) -> NextStep {
        while !input.is_empty() {
            let (used, next) = match &mut self.mail {
                Some(mail) => match mail.take(input) {
                    Progress::More => return NextStep::Read,
                    Progress::Flood => (input.len(), self.flooded(out)),
                    Progress::End(used, result) => {
                        self.progress += 1 + mail.seen() / IN_MEMORY as u64;
                        let alone = self.bare || mail.is_bare();
                        self.mail = None;
                        let next = self.session.received(result, context, out);
                        (used, if alone { Next::Close } else { next })
                    }
                },
                None => match self.chunk {
                    Some(chunk) => self.in_chunk(chunk, input, context, out),
                    None => self.command(input, context, out),
                },
            };
            input = &input[used..];
            match next {
                Next::Command if !self.session.is_in_mail() => self.chunks = None,
                Next::Command => {}
                Next::Data => {
                    let reader = Reader::new(self.session.max_size(), &self.spool);
                    self.mail = Some(reader.lenient(self.session.is_old_device()));
                }
                Next::Chunk { size, last, part } => {
                    if part == Part::First {
                        self.chunks = Some(ChunkReader::new(self.session.max_size(), &self.spool));
                    }
                    let chunk = Chunk { left: size, last, part };
                    self.chunk = Some(chunk);
                    // An empty chunk is answered even when nothing follows.
                    if size == 0 && self.end_of_chunk(chunk, context, out) == Next::Close {
                        return NextStep::Close;
                    }
                }
                Next::StartTls => return NextStep::StartTls,
                Next::Close => return NextStep::Close,
            }
        }
        NextStep::Read
    }

    /// Takes what belongs to a chunk.
    fn in_chunk(
        &mut self,
        chunk: Chunk,
        input: &[u8],
        context: SessionContext<'_>,
        out: &mut Vec<u8>,
    ) -> (usize, Next) {
        let used = usize::try_from(chunk.left).map_or(input.len(), |left| left.min(input.len()));
        let fits = match &mut self.chunks {
            Some(mail) if chunk.part != Part::Refused => mail.take(&input[..used]),
            // What nobody wants is read as far as a mail may be long.
            _ => chunk.left <= self.session.max_size().saturating_mul(2),
        };
        if !fits {
            return (input.len(), self.flooded(out));
        }
        let chunk = Chunk { left: chunk.left - used as u64, ..chunk };
        self.chunk = Some(chunk);
        let next = if chunk.left == 0 { self.end_of_chunk(chunk, context, out) } else { Next::Command };
        (used, next)
    }

    fn end_of_chunk(&mut self, chunk: Chunk, context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        self.chunk = None;
        self.progress += 1;
        let Some(mail) = self.chunks.take().filter(|_| chunk.part != Part::Refused) else {
            return self.session.chunk_refused(out);
        };
        // A mail that cannot be taken any more ends here, so that the client need not send the rest.
        if chunk.last || mail.flaw().is_some() {
            self.progress += mail.seen() / IN_MEMORY as u64;
            return self.session.received(mail.finish(), context, out);
        }
        self.chunks = Some(mail);
        answer(out, 250, "OK, more of it")
    }

    fn flooded(&mut self, out: &mut Vec<u8>) -> Next {
        say(out, 552, "the mail is far too large, closing");
        Next::Close
    }

    /// Reads up to the end of a line, and answers if it came.
    fn command(&mut self, input: &[u8], context: SessionContext<'_>, out: &mut Vec<u8>) -> (usize, Next) {
        let end = input.iter().position(|&byte| byte == b'\n');
        let piece = &input[..end.map_or(input.len(), |end| end + 1)];
        // One byte more than fits, so that a CR LF behind the longest line has its place.
        if self.line.len() + piece.len() > MAX_LINE + 2 {
            self.wasted += self.line.len() + piece.len();
            self.line.clear();
        } else if self.wasted == 0 {
            self.line.extend_from_slice(piece);
        } else {
            self.wasted += piece.len();
        }
        if self.wasted > HOPELESS {
            say(out, 421, "line too long, closing");
            return (piece.len(), Next::Close);
        }
        if end.is_none() {
            return (piece.len(), Next::Command);
        }
        self.progress += 1;
        (piece.len(), self.answer(context, out))
    }

    fn answer(&mut self, context: SessionContext<'_>, out: &mut Vec<u8>) -> Next {
        let line = std::mem::take(&mut self.line);
        let next = if std::mem::take(&mut self.wasted) > 0 {
            self.session.fail(out, 500, "line too long")
        } else {
            let strict = line.strip_suffix(b"\r\n");
            let bare = line.strip_suffix(b"\n").filter(|_| strict.is_none() && self.session.is_old_device());
            self.bare |= bare.is_some();
            match strict.or(bare) {
                Some(command) if !command.contains(&b'\r') => self.session.line(command, context, out),
                _ => self.session.fail(out, 500, "lines end with CR LF, nothing else"),
            }
        };
        self.line = line;
        self.line.clear();
        next
    }
}
