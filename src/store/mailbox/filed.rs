//! What a program puts into Sent of a mail that the box has filed there already, when the mail was submitted.
//!
//! The mail is there once. Where both are the same nothing is kept a second time; otherwise the copy of the program, which may
//! have a Bcc field or the text of what was encrypted, takes the place of the filed one under a UID of its own: what a UID
//! was told of is what it shows.

use std::fs::File;
use std::io::{self, Read};

use super::contents::{Content, NewContent};
use super::entries::NewEntry;
use super::flags::{FlagChange, Flags, is_stage};
use super::names::copies_of;
use super::rows::{Entry, Special};
use crate::fault::Fault;
use crate::store::schema::{self, Tx, TxResult, View};
use crate::store::{Store, spool};

/// What is put in front of a mail that is submitted, in bytes at most.
const MOST_TRACE: u64 = 16 * 1024;
/// The fields that are put in front, in lower case.
const TRACE: [&[u8]; 4] = [b"received", b"message-id", b"date", b"from"];
/// Bytes that are compared at once.
const PIECE: usize = 16 * 1024;

/// Those of a mail that somebody here submitted, and not only copies of programs; what is about to be expunged is nobody's copy.
fn of_messages(copies: Vec<Entry>) -> Vec<Entry> {
    copies.into_iter().filter(|entry| entry.message > 0 && entry.flags & Flags::DELETED == 0).collect()
}

impl View {
    /// The entries of Sent of the mails of this name, as [`sent_as`](super::sent_as) gives it, that this person submitted; those
    /// that were not put there before `since` (in seconds).
    pub fn filed(&self, person: &str, name: &str, since: i64) -> TxResult<Vec<Entry>> {
        let (names, entries) = (schema::NAMES.read(&self.0)?, schema::ENTRIES.read(&self.0)?);
        Ok(of_messages(copies_of((&names, &entries, &schema::MARKS.read(&self.0)?), person, name, since)?))
    }
}

impl Tx<'_> {
    /// Puts an entry in the place of one that was filed in Sent: it belongs to the same message and has the flags of both. Gives
    /// its UID; `None` where that one is gone, or about to be.
    pub fn put_in_place(&mut self, person: &str, filed: u32, new: &NewEntry) -> TxResult<Option<u32>> {
        let (sent, mut new) = (Special::Sent.number(), new.clone());
        let Some(filed) = of_messages(self.entry(person, sent, filed)?.into_iter().collect()).pop() else {
            return Ok(None);
        };
        new.message = filed.message;
        new.flags.system |= filed.flags;
        // How far the mail got is known here, whatever the copy says.
        new.flags.keywords.retain(|keyword| !is_stage(keyword));
        new.flags.keywords.extend(self.folder(person, sent)?.words(filed.keywords).map(str::to_owned));
        let uid = self.add_entry(person, sent, &new)?;
        self.remove_entries(person, sent, &[filed.uid])?;
        Ok(Some(uid))
    }

    /// Gives an entry that was filed the flags that come with a copy which is the same; a keyword without a place is left out.
    pub fn flag_filed(&mut self, person: &str, uid: u32, flags: &Flags) -> TxResult<()> {
        let sent = Special::Sent.number();
        let mut folder = self.folder(person, sent)?;
        let bits = folder.learn_what_fits(&flags.keywords);
        let keywords = folder.words(bits).filter(|keyword| !is_stage(keyword)).map(str::to_owned).collect();
        let flags = Flags { system: flags.system & !Flags::DELETED, keywords };
        self.mark(person, sent, &[uid], FlagChange::Add, &flags, None).map(drop)
    }
}

impl Store {
    /// True where a mail is that of an entry which was filed when it was submitted: byte for byte, but for the lines that were put in
    /// front of it then and the line end behind it that every mail has which is submitted.
    ///
    /// # Errors
    /// As [`Store::content`]; one that is damaged is another.
    pub fn is_as_filed(&self, filed: &Entry, new: &NewContent) -> Result<bool, Fault> {
        let Some(more) = filed.size.checked_sub(new.size()).filter(|more| *more <= MOST_TRACE) else {
            return Ok(false);
        };
        let kept = match self.content(filed) {
            Ok(kept) => kept,
            Err(fault) if fault.is_permanent() => return Ok(false),
            Err(fault) => return Err(fault),
        };
        for end in [&b""[..], b"\r\n"] {
            let Some(front) = more.checked_sub(end.len() as u64) else { continue };
            let same = || {
                let mut new: Box<dyn Read> = match new {
                    NewContent::Bytes(bytes) => Box::new(&bytes[..]),
                    NewContent::File { file, .. } => {
                        Box::new(File::open(spool::folder(self.folder()).join(&file.name))?)
                    }
                };
                match &kept {
                    Content::Bytes(kept) => is_same(&mut &kept[..], front, &mut (&mut new).chain(end)),
                    Content::File(path) => is_same(&mut File::open(path)?, front, &mut (&mut new).chain(end)),
                }
            };
            if same().map_err(Fault::temporary)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// True where a mail is `front` bytes of trace and then the other one. Both have to be of the right length.
fn is_same(kept: &mut impl Read, front: u64, other: &mut impl Read) -> io::Result<bool> {
    let mut trace = Vec::new();
    kept.by_ref().take(front).read_to_end(&mut trace)?;
    if !is_trace(&trace) {
        return Ok(false);
    }
    let (mut one, mut two) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
    loop {
        one.clear();
        two.clear();
        kept.by_ref().take(PIECE as u64).read_to_end(&mut one)?;
        other.by_ref().take(PIECE as u64).read_to_end(&mut two)?;
        if one != two || one.is_empty() {
            return Ok(one == two);
        }
    }
}

/// True for whole fields that are put in front of a mail, and for nothing at all.
fn is_trace(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\n") else { return bytes.is_empty() };
    let mut inside = false;
    lines.split(|byte| *byte == b'\n').all(|line| {
        let folded = inside && matches!(line.first(), Some(b' ' | b'\t'));
        let name = line.iter().position(|byte| *byte == b':').map(|at| &line[..at]);
        inside = folded || name.is_some_and(|name| TRACE.iter().any(|field| name.eq_ignore_ascii_case(field)));
        inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_behind_our_trace_is_the_same() {
        let mail = "Subject: a\r\n\r\ntext";
        let trace = "Received: from x\r\n\tby y;\r\n date\r\nMessage-ID: <a@b>\r\n";
        for (front, same) in [
            ("", true),
            (trace, true),
            ("Received: x\r\nBcc: c@d\r\n", false),
            ("Received: x\r\n\r\n", false),
            (" folded\r\n", false),
            ("Received: x", false),
        ] {
            let kept = format!("{front}{mail}");
            let found = is_same(&mut kept.as_bytes(), front.len() as u64, &mut mail.as_bytes()).unwrap();
            assert_eq!(found, same, "{front}");
        }
        let long = "x".repeat(3 * PIECE);
        for (other, same) in [(long.clone(), true), (long.clone() + "y", false), (long[1..].to_owned() + "y", false)] {
            assert_eq!(is_same(&mut long.as_bytes(), 0, &mut other.as_bytes()).unwrap(), same);
        }
    }
}
