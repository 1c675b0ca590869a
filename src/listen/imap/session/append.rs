//! APPEND: a mail is put into a folder. It goes nowhere else, whatever the folder.
//!
//! The mail does not pass through the parser: its bytes are spooled as they come, a bare CR or LF becomes a line end, as
//! programs append what their users typed. What the box filed in Sent itself, when the mail was submitted, is not filed again:
//! the same mail stays, and another one of that name takes its place. So does a draft that of its earlier version.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::{Command, CommandBody};

use super::change::flags_of;
use super::folders::name_of;
use super::{ImapSession, Next};
use crate::fault::Fault;
use crate::listen::Body;
use crate::listen::data::Spool;
use crate::listen::imap::answer::{Answer, Try};
use crate::listen::imap::framer::tag;
use crate::listen::imap::replies::Replies;
use crate::settings::Key;
use crate::store::Tx;
use crate::store::mailbox::{
    Flags, Folder, HEADER, NewContent, NewEntry, SAME, Special, has_come, message_id_of, sent_as,
};

/// A mail that is coming in.
pub struct Append {
    tag: String,
    folder: String,
    is_sent: bool,
    flags: Flags,
    /// The INTERNALDATE that the client gave, in seconds since 1970.
    arrived: Option<i64>,
    spool: Spool,
    last: u8,
    flaw: Option<&'static str>,
}

impl Append {
    /// Takes a piece, with its line ends mended.
    fn take(&mut self, piece: &[u8]) {
        let mut mended = Vec::with_capacity(piece.len() + 2);
        for &byte in piece {
            match (self.last, byte) {
                (b'\r', b'\n') => {}
                (b'\r', _) => mended.push(b'\n'),
                (_, b'\n') => mended.push(b'\r'),
                _ => {}
            }
            if byte == 0 {
                self.flaw = Some("a mail holds no NUL");
            }
            mended.push(byte);
            self.last = byte;
        }
        self.keep(&mended);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.flaw.is_none()
            && let Err(error) = self.spool.write(bytes)
        {
            log::warn!("imap: cannot spool a mail: {error}");
            self.flaw = Some("no space to take the mail, try later");
        }
    }
}

impl ImapSession<'_> {
    /// A mail is announced. True when it is wanted; otherwise the command has been answered.
    pub fn begin_append(&mut self, command: &[u8], size: u64, out: &mut Replies<'_>) -> (bool, Next) {
        match self.announced(command, size) {
            Ok(append) => {
                self.append = Some(append);
                (true, Next::Command)
            }
            Err(answer) => {
                let tag = tag(command).unwrap_or_else(|| "*".to_owned());
                (false, self.end(&tag, answer, out))
            }
        }
    }

    fn announced(&mut self, command: &[u8], size: u64) -> Try<Append> {
        // The parser sees an empty literal in place of the mail.
        let whole = [command, b"{0}\r\n\r\n"].concat();
        let Ok((b"", Command { tag, body: CommandBody::Append { mailbox, flags, date, .. } })) =
            CommandCodec::default().decode(&whole)
        else {
            return Err(Answer::Bad("APPEND is: folder, flags in parentheses, date in quotes, mail".to_owned()));
        };
        self.person()?;
        let flags = flags_of(&flags)?;
        if size > u64::try_from(self.settings.number(Key::SmtpMaxSize)).unwrap_or(0) {
            return Err(Answer::No("[TOOBIG] this mail is too large for this box".to_owned()));
        }
        if size == 0 {
            return Err(Answer::No("[CANNOT] this mail is empty".to_owned()));
        }
        let Some(folder) = self.folder(&mailbox)? else {
            return Err(Answer::No("[TRYCREATE] there is no folder of this name".to_owned()));
        };
        if size > self.room()? {
            return Err(Answer::No("[OVERQUOTA] this mailbox is full".to_owned()));
        }
        if self.services.store.disk_room().is_ok_and(|room| room.is_short()) {
            return Err(Answer::No("[UNAVAILABLE] too little room on disk, try later".to_owned()));
        }
        Ok(Append {
            tag: tag.inner().to_owned(),
            folder: name_of(&mailbox)?,
            is_sent: folder.special() == Some(Special::Sent),
            flags,
            arrived: date.map(|date| date.as_ref().timestamp()),
            spool: Spool::new(&self.services.spool),
            last: 0,
            flaw: None,
        })
    }

    /// Takes some bytes of the mail.
    pub fn append_piece(&mut self, piece: &[u8]) {
        if let Some(append) = &mut self.append {
            append.take(piece);
        }
    }

    /// The mail is whole; `clean` when nothing stood behind it.
    pub fn end_append(&mut self, clean: bool, out: &mut Replies<'_>) -> Next {
        let Some(mut append) = self.append.take() else { return Next::Command };
        let tag = std::mem::take(&mut append.tag);
        let done = match clean {
            true => self.keep(append),
            false => Err(Answer::Bad("nothing stands behind the mail of APPEND".to_owned())),
        };
        let told = self.tell_news(true, out);
        self.end(&tag, told.err().unwrap_or_else(|| done.unwrap_or_else(|answer| answer)), out)
    }

    fn keep(&mut self, mut append: Append) -> Try<Answer> {
        if append.last == b'\r' {
            append.keep(b"\n");
        }
        if let Some(flaw) = append.flaw {
            return Err(Answer::No(format!("[CANNOT] {flaw}")));
        }
        let store = &self.services.store;
        let body = append.spool.finish().map_err(Fault::temporary)?;
        let new = content(store, body)?;
        let (message_id, sent_as) = (message_id_of(new.head()), sent_as(new.head()).filter(|_| append.is_sent));
        let now = store.clock().now();
        let arrived = append.arrived.unwrap_or_else(|| now.seconds());
        let since = (now - SAME).seconds();
        let (person, name, flags) = (self.person()?.to_owned(), append.folder, append.flags);
        let filed = match sent_as.map(|name| self.filed(&new, &flags, &name, since)).transpose()? {
            Some(Filed::Same(answer)) => return Ok(answer),
            Some(Filed::Other(uid)) => Some(uid),
            Some(Filed::No) | None => None,
        };
        let (validity, uid) = store.write(move |tx: &mut Tx| {
            let folders = tx.all_folders(&person)?;
            let Some(folder) = Folder::find(&folders, &name) else {
                return crate::store::reject(Fault::permanent("there is no folder of this name any more"));
            };
            let content = tx.add_content(&new)?;
            let entry = NewEntry { content, flags: flags.clone(), arrived, ..NewEntry::default() };
            let placed = filed.map(|uid| tx.put_in_place(&person, uid, &entry)).transpose()?;
            if let Some(uid) = placed.flatten() {
                return Ok((folder.validity, uid));
            }
            let uid = tx.add_entry(&person, folder.number, &entry)?;
            if folder.special() == Some(Special::Drafts)
                && flags.system & Flags::DRAFT != 0
                && let Some(message_id) = &message_id
            {
                tx.drop_drafts(&person, message_id, Some(uid))?;
            }
            Ok((folder.validity, uid))
        })?;
        Ok(kept(validity, uid))
    }

    /// Whether the box has filed this mail, which is called so in Sent, not before `since` (in seconds); if so, that gets these
    /// flags too.
    fn filed(&self, new: &NewContent, flags: &Flags, name: &str, since: i64) -> Try<Filed> {
        let (person, store) = (self.person()?, &self.services.store);
        let (filed, sent) =
            store.read(|view| Ok((view.filed(person, name, since)?, view.folder(person, Special::Sent.number())?)))?;
        let mut other = None;
        for entry in filed {
            if store.is_as_filed(&entry, new)? {
                let (person, flags) = (person.to_owned(), flags.clone());
                if flags != Flags::default() {
                    store.write(move |tx: &mut Tx| tx.flag_filed(&person, entry.uid, &flags))?;
                }
                return Ok(sent.map_or(Filed::No, |sent| Filed::Same(kept(sent.validity, entry.uid))));
            }
            // What the box filed has its trace in front, what a program put here has none: only the first gives way. What a list
            // sent back is another mail than the one that was submitted.
            match store.content_head(&entry) {
                Ok(head) if has_come(&head) && !has_come(new.head()) => other = Some(entry.uid),
                Err(fault) if !fault.is_permanent() => return Err(fault.into()),
                _ => {}
            }
        }
        Ok(other.map_or(Filed::No, Filed::Other))
    }
}

/// What Sent has of a mail that is put there.
enum Filed {
    /// The same, byte for byte; this is the answer.
    Same(Answer),
    /// Another copy, which the box filed, under this UID.
    Other(u32),
    /// None that the box filed.
    No,
}

fn kept(validity: u32, uid: u32) -> Answer {
    Answer::Ok(format!("[APPENDUID {validity} {uid}] kept"))
}

/// A mail as the store takes it.
fn content(store: &crate::store::Store, body: Body) -> Result<NewContent, Fault> {
    match body {
        Body::Memory(bytes) => Ok(NewContent::Bytes(bytes)),
        Body::File(file) => {
            let mut head = Vec::new();
            let read = File::open(file.path()).and_then(|file| file.take(HEADER as u64).read_to_end(&mut head));
            read.map_err(Fault::temporary)?;
            let file = store.spool(&[], file.path()).map_err(Fault::temporary)?;
            Ok(NewContent::File { file: Arc::new(file), head })
        }
    }
}
