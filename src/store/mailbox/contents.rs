//! Contents: the bytes behind entries, kept once for however many entries show them.
//!
//! A content has the number of the first message of the mail that it is, or a number of its own with the highest bit set.
//! Its bytes lie in `BODIES` under that number, or in a spool file. They go when no entry shows them and no message was made
//! from them.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::names::{hash, sent_as};
use super::rows::{ContentRow, Entry, sound};
use crate::fault::Fault;
use crate::message::{Id, Message};
use crate::store::indexed::OWN;
use crate::store::schema::Readable;
use crate::store::schema::{self, Tx, TxResult, View, reject};
use crate::store::{Spooled, Store, spool};

/// Most of a header that is read.
pub const HEADER: usize = 256 * 1024;

/// Bytes that somebody put into a folder.
#[derive(Debug, Clone)]
pub enum NewContent {
    /// In memory; at most [`INLINE`](schema::INLINE) of them.
    Bytes(Vec<u8>),
    /// A file in the spool folder, on disk already; the commit decides whether it stays.
    File {
        /// The file that holds all of it.
        file: Arc<Spooled>,
        /// Its beginning, with the whole header.
        head: Vec<u8>,
    },
}

impl NewContent {
    /// The beginning of it, with the header.
    pub fn head(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::File { head, .. } => head,
        }
    }

    /// Gives its size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { file, .. } => file.size,
        }
    }
}

/// The bytes of an entry.
#[derive(Debug)]
pub enum Content {
    /// The bytes, in memory.
    Bytes(Vec<u8>),
    /// In a file, whole and as it was written.
    File(PathBuf),
}

/// Length of the header with the empty line behind it; all of it where there is none.
pub fn header_length(mail: &[u8]) -> u32 {
    let end = match mail.starts_with(b"\r\n") {
        true => 2,
        false => mail.windows(4).position(|window| window == b"\r\n\r\n").map_or(mail.len(), |at| at + 4),
    };
    u32::try_from(end).unwrap_or(u32::MAX)
}

/// Bytes of an entry in which its whole header is.
fn head_length(entry: &Entry) -> usize {
    if entry.header > 0 { entry.header as usize } else { HEADER }
}

impl Tx<'_> {
    fn content(&self, content: u64) -> TxResult<Option<ContentRow>> {
        let row = self.contents.get(content)?;
        row.map(|row| sound(ContentRow::read(row.value()), "a mail of a folder")).transpose()
    }

    fn put_content(&mut self, content: u64, row: &ContentRow) -> TxResult<()> {
        self.contents.insert(content, row.row().as_slice())?;
        Ok(())
    }

    /// Keeps bytes that are of no message, and gives their number. Only an entry keeps them from here on.
    pub fn add_content(&mut self, new: &NewContent) -> TxResult<u64> {
        self.ledger.next_content += 1;
        let content = OWN | self.ledger.next_content;
        let (header, name) = (header_length(new.head()), hash(sent_as(new.head()).as_deref()));
        let row = ContentRow { size: new.size(), header, name, ..ContentRow::default() };
        match new {
            NewContent::Bytes(bytes) if bytes.len() <= schema::INLINE => {
                self.bodies.insert(content, bytes.as_slice())?;
                self.put_content(content, &ContentRow { check: crc32fast::hash(bytes), ..row })?;
            }
            NewContent::Bytes(_) => return reject(Fault::permanent("a large mail has to come as a file")),
            NewContent::File { file, .. } => {
                self.put_content(content, &ContentRow { check: file.check, file: file.name.clone(), ..row })?;
                self.after.keep.push(Arc::clone(file));
            }
        }
        Ok(content)
    }

    /// The content of a message: its mail, or the mail that is composed of it now and never again.
    pub(super) fn content_of(&mut self, message: &Message) -> TxResult<u64> {
        let content = message.mail.as_ref().map_or(message.id, |mail| mail.first).0;
        if self.contents.get(content)?.is_some() {
            return Ok(content);
        }
        let name = hash(self.sent_name(message)?.as_deref());
        let row = match &message.mail {
            Some(mail) => {
                let body = self.bodies.get(content)?;
                let header = body.as_ref().map_or(0, |body| header_length(body.value()));
                let check = mail.check.or_else(|| body.map(|body| crc32fast::hash(body.value()))).unwrap_or(0);
                let (size, copies, file) = (mail.size, mail.copies, mail.file.clone().unwrap_or_default());
                ContentRow { size, check, header, copies, name, file, ..ContentRow::default() }
            }
            None => {
                let mail = self.composed(message)?;
                self.bodies.insert(content, mail.as_slice())?;
                let (size, check) = (mail.len() as u64, crc32fast::hash(&mail));
                ContentRow { size, check, header: header_length(&mail), name, ..ContentRow::default() }
            }
        };
        self.put_content(content, &row)?;
        self.text_changed(content)?;
        Ok(content)
    }

    /// One more entry shows it.
    pub(super) fn hold_content(&mut self, content: u64) -> TxResult<ContentRow> {
        let Some(mut row) = self.content(content)? else {
            return reject(Fault::permanent("the mail of an entry is not there"));
        };
        row.count += 1;
        self.put_content(content, &row)?;
        Ok(row)
    }

    /// One entry less shows it; the last one takes the bytes along, unless a message was made from them.
    pub(super) fn release_content(&mut self, content: u64) -> TxResult<()> {
        let Some(mut row) = self.content(content)? else { return Ok(()) };
        row.count = row.count.saturating_sub(1);
        if row.count > 0 {
            return self.put_content(content, &row);
        }
        self.contents.remove(content)?;
        self.text_changed(content)?;
        for message in content..content + u64::from(row.copies) {
            if self.messages.get(message)?.is_some() {
                return Ok(());
            }
        }
        match row.file.as_str() {
            "" => drop(self.bodies.remove(content)?),
            file => self.after.unlink.push(file.to_owned()),
        }
        Ok(())
    }

    /// True while an entry shows the mail that begins with this message.
    pub(in crate::store) fn is_shown(&self, first: Id) -> TxResult<bool> {
        Ok(self.contents.get(first.0)?.is_some())
    }
}

impl ContentRow {
    /// True for bytes of this length and checksum, where one was kept.
    fn is_of(&self, size: u64, check: impl FnOnce() -> u32) -> bool {
        size == self.size && (self.check == 0 || check() == self.check)
    }
}

impl View {
    /// Bytes of an entry from the start on, at most so many, where they are in the store itself.
    pub fn content_start(&self, content: u64, most: usize) -> TxResult<Option<Vec<u8>>> {
        let table = schema::BODIES.read(&self.0)?;
        let row = table.get(content)?;
        Ok(row.map(|row| row.value()[..row.value().len().min(most)].to_vec()))
    }

    /// The beginnings of several entries with their headers, as they lie in the store: nobody looked whether they are what was
    /// written. `None` for what lies in a file.
    pub fn heads(&self, entries: &[Entry]) -> TxResult<Vec<Option<Vec<u8>>>> {
        let bodies = schema::BODIES.read(&self.0)?;
        let head = |entry: &Entry| {
            let row = bodies.get(entry.content)?;
            Ok(row.map(|row| row.value()[..row.value().len().min(head_length(entry))].to_vec()))
        };
        entries.iter().map(head).collect()
    }

    fn content_row(&self, content: u64) -> TxResult<Option<ContentRow>> {
        let table = schema::CONTENTS.read(&self.0)?;
        let row = table.get(content)?;
        row.map(|row| sound(ContentRow::read(row.value()), "a mail of a folder")).transpose()
    }

    /// Names of the spool files that entries show.
    pub(in crate::store) fn content_files(&self) -> TxResult<Vec<String>> {
        let mut files = Vec::new();
        for row in schema::CONTENTS.read(&self.0)?.iter()? {
            let row = sound(ContentRow::read(row?.1.value()), "a mail of a folder")?;
            files.extend((!row.file.is_empty()).then_some(row.file));
        }
        Ok(files)
    }
}

impl Store {
    /// The bytes of an entry, which are those that were written.
    ///
    /// # Errors
    /// As [`Store::read`]; permanent when they are not what was written.
    pub fn content(&self, entry: &Entry) -> Result<Content, Fault> {
        self.content_of_number(entry.content)
    }

    /// The same in memory.
    ///
    /// # Errors
    /// As [`Store::content`].
    pub fn content_bytes(&self, entry: &Entry) -> Result<Vec<u8>, Fault> {
        match self.content(entry)? {
            Content::Bytes(bytes) => Ok(bytes),
            Content::File(path) => std::fs::read(path).map_err(Fault::temporary),
        }
    }

    /// The beginning of the bytes of an entry with the whole header, of up to [`HEADER`] bytes.
    ///
    /// # Errors
    /// As [`Store::content`].
    pub fn content_head(&self, entry: &Entry) -> Result<Vec<u8>, Fault> {
        if let Some(Some(bytes)) = self.small_heads(&[entry])?.pop() {
            return Ok(bytes);
        }
        match self.content(entry)? {
            Content::Bytes(bytes) => Ok(bytes),
            Content::File(path) => {
                let mut start = Vec::new();
                let read =
                    File::open(path).and_then(|file| file.take(head_length(entry) as u64).read_to_end(&mut start));
                read.map(|_| start).map_err(Fault::temporary)
            }
        }
    }

    /// The beginnings of several entries as [`Store::content_head`] gives them, read at once; `None` for each that has to be
    /// asked for by itself.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn small_heads(&self, entries: &[&Entry]) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        self.small_starts(entries, head_length)
    }

    /// The bytes of several entries as [`Store::content`] gives them, read at once; `None` for each that has to be asked for
    /// by itself: it lies in a file, or is not what was written.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn small_contents(&self, entries: &[&Entry]) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        self.small_starts(entries, |_| usize::MAX)
    }

    /// So many bytes of each entry, of those which are what was written: of less than all of them nobody knows that.
    fn small_starts(&self, entries: &[&Entry], most: fn(&Entry) -> usize) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        self.read(|view| {
            let (rows, bodies) = (schema::CONTENTS.read(&view.0)?, schema::BODIES.read(&view.0)?);
            let small = |entry: &&Entry| {
                let row = rows.get(entry.content)?.and_then(|row| ContentRow::read(row.value()));
                let Some(row) = row.filter(|row| row.file.is_empty()) else { return Ok(None) };
                let Some(bytes) = bodies.get(entry.content)? else { return Ok(None) };
                let bytes = bytes.value();
                let whole = row.is_of(bytes.len() as u64, || crc32fast::hash(bytes));
                Ok(whole.then(|| bytes[..bytes.len().min(most(entry))].to_vec()))
            };
            entries.iter().map(small).collect()
        })
    }

    /// The bytes of the content of this number.
    pub(in crate::store) fn content_of_number(&self, content: u64) -> Result<Content, Fault> {
        let damaged = || Fault::permanent("this mail is damaged on the disk of this box");
        if content == 0 {
            // That of an entry of which nothing is left.
            return Err(damaged());
        }
        let (row, bytes) = self.read(|view| {
            let row = view.content_row(content)?;
            let bytes = match &row {
                Some(row) if row.file.is_empty() => view.content_start(content, usize::MAX)?,
                _ => None,
            };
            Ok((row, bytes))
        })?;
        // It may have been removed by another session.
        let row = row.ok_or_else(|| Fault::permanent("this mail is not there any more"))?;
        match bytes {
            Some(bytes) if row.is_of(bytes.len() as u64, || crc32fast::hash(&bytes)) => Ok(Content::Bytes(bytes)),
            None if !row.file.is_empty() => {
                let path = spool::folder(self.folder()).join(&row.file);
                let (size, check) = spool::check(&path).map_err(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => Fault::permanent("the file of this mail is gone"),
                    _ => Fault::temporary(format!("a mail cannot be read: {error}")),
                })?;
                row.is_of(size, || check).then_some(Content::File(path)).ok_or_else(damaged)
            }
            _ => Err(damaged()),
        }
    }
}
