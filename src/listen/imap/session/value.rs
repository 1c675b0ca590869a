//! What is written for the items of FETCH: their names, their values, and the bytes on the wire.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use imap_codec::imap_types::fetch::{MessageDataItemName, Section};

use super::ImapSession;
use crate::listen::imap::mime::{self, Part};
use crate::listen::imap::replies::{Replies, date_time};
use crate::listen::imap::section::{self, Piece};
use crate::listen::imap::{envelope, structure};
use crate::store::mailbox::{Entry, Folder};

/// Bytes of a file that are sent at once.
const PIECE: usize = 64 * 1024;

/// Bytes that most lists have room in.
const LIST: usize = 512;

/// A value that is written for an item.
pub enum Value {
    /// What stands in the row of the entry.
    Word(String),
    /// A list, ready to be sent.
    List(Vec<u8>),
    /// Bytes to be sent as a literal or a string.
    Bytes(Vec<u8>),
    /// Bytes of the mail.
    Range(Range<usize>),
    /// The mail has nothing of this kind: NIL.
    Nil,
}

/// A mail, or what is needed of it.
pub enum Mail {
    /// The bytes, in memory.
    Memory(Vec<u8>),
    /// Path of the file that holds the mail.
    File(PathBuf),
}

/// What is written for a message: the mail itself where pieces of it are, and the value of each item.
pub type Values = (Option<Mail>, Vec<Value>);

/// The name of an item in a reply.
pub fn label(item: &MessageDataItemName<'_>) -> String {
    let name = match item {
        MessageDataItemName::Flags => "FLAGS",
        MessageDataItemName::Uid => "UID",
        MessageDataItemName::InternalDate => "INTERNALDATE",
        MessageDataItemName::Rfc822Size => "RFC822.SIZE",
        MessageDataItemName::ModSeq => "MODSEQ",
        MessageDataItemName::Envelope => "ENVELOPE",
        MessageDataItemName::Body => "BODY",
        MessageDataItemName::BodyStructure => "BODYSTRUCTURE",
        MessageDataItemName::Rfc822 => "RFC822",
        MessageDataItemName::Rfc822Header => "RFC822.HEADER",
        MessageDataItemName::Rfc822Text => "RFC822.TEXT",
        MessageDataItemName::BodyExt { section, partial, .. } => {
            let begin = partial.map_or_else(String::new, |(from, _)| format!("<{from}>"));
            return section::label(section.as_ref()) + &begin;
        }
        MessageDataItemName::Binary { .. } | MessageDataItemName::BinarySize { .. } => "BINARY",
    };
    name.to_owned()
}

impl ImapSession<'_> {
    /// The value of an item, of the bytes and parts of a mail as far as it needs them.
    pub(super) fn value(
        &self,
        folder: &Folder,
        entry: &Entry,
        item: &MessageDataItemName<'_>,
        mail: &[u8],
        part: Option<&Part>,
        size: usize,
    ) -> Value {
        let list = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::with_capacity(LIST);
            write(&mut out);
            Value::List(out)
        };
        let structured = |extended: bool| match part {
            Some(part) => list(&|out| structure::write(out, mail, part, extended)),
            None => Value::Nil,
        };
        match item {
            MessageDataItemName::Flags => list(&|out| {
                if let Some(selected) = &self.selected {
                    selected.write_flags(out, folder, &entry.into());
                }
            }),
            MessageDataItemName::Uid => Value::Word(entry.uid.to_string()),
            MessageDataItemName::InternalDate => Value::Word(date_time(entry.at())),
            MessageDataItemName::Rfc822Size => Value::Word(entry.size.to_string()),
            MessageDataItemName::ModSeq => Value::Word(format!("({})", entry.modseq)),
            MessageDataItemName::Envelope => {
                let header = &mail[..mime::header_end(mail)];
                list(&|out| envelope::write(out, header))
            }
            MessageDataItemName::Body => structured(false),
            MessageDataItemName::BodyStructure => structured(true),
            MessageDataItemName::Rfc822 => Value::Range(0..size),
            MessageDataItemName::Rfc822Header => Value::Bytes(mail[..mime::header_end(mail)].to_vec()),
            MessageDataItemName::Rfc822Text => {
                Value::from(section::piece(Some(&Section::Text(None)), mail, part, size))
            }
            MessageDataItemName::BodyExt { section, partial, .. } => {
                let value = Value::from(section::piece(section.as_ref(), mail, part, size));
                match partial {
                    Some((from, count)) => value.cut(*from as usize, count.get() as usize),
                    None => value,
                }
            }
            // These are refused before.
            MessageDataItemName::Binary { .. } | MessageDataItemName::BinarySize { .. } => Value::Nil,
        }
    }

    /// Writes the reply about a message.
    pub(super) fn write_one(&self, entry: &Entry, labels: &[String], values: Values, out: &mut Replies<'_>) {
        let Some(place) = self.selected.as_ref().and_then(|selected| selected.uids.place(entry.uid)) else { return };
        let (mail, values) = values;
        out.text(&format!("* {place} FETCH ("));
        for (at, (label, value)) in labels.iter().zip(values).enumerate() {
            out.text(if at > 0 { " " } else { "" }).text(label).text(" ");
            match value {
                Value::Word(word) => drop(out.text(&word)),
                Value::List(list) => drop(out.bytes(&list)),
                Value::Nil => drop(out.text("NIL")),
                Value::Bytes(bytes) => drop(out.text(&format!("{{{}}}\r\n", bytes.len())).bytes(&bytes)),
                Value::Range(range) => {
                    out.text(&format!("{{{}}}\r\n", range.len()));
                    match &mail {
                        Some(Mail::Memory(bytes)) => drop(out.bytes(&bytes[range])),
                        Some(Mail::File(path)) => copy(path, range, out),
                        // Only an empty range comes without a mail.
                        None => {}
                    }
                }
            }
        }
        out.line(")");
    }
}

impl From<Piece> for Value {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Range(range) => Self::Range(range),
            Piece::Bytes(bytes) => Self::Bytes(bytes),
            Piece::Nil => Self::Nil,
        }
    }
}

impl Value {
    /// A part of it: what is asked for beyond its end is not there.
    fn cut(self, from: usize, count: usize) -> Self {
        let clipped = |length: usize| from.min(length)..from.saturating_add(count).min(length);
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes[clipped(bytes.len())].to_vec()),
            Self::Range(range) => {
                let inside = clipped(range.len());
                Self::Range(range.start + inside.start..range.start + inside.end)
            }
            other => other,
        }
    }
}

/// Sends a piece of a file.
fn copy(path: &Path, range: Range<usize>, out: &mut Replies<'_>) {
    let copied = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(range.start as u64))?;
        let mut left = range.len();
        let mut piece = vec![0; PIECE.min(left)];
        while left > 0 && !out.broken() {
            let part = &mut piece[..PIECE.min(left)];
            file.read_exact(part)?;
            left -= part.len();
            out.bytes(part);
        }
        Ok(())
    });
    if let Err(error) = copied {
        out.fail(error);
    }
}
