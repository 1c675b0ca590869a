//! Mails from elsewhere are put into a person's folders. They are kept, and go nowhere.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use super::{Action, Service};
use crate::deliver::compose::crlf;
use crate::fault::Fault;
use crate::store::mailbox::{Flags, Folder, FolderError, NewContent, NewEntry};
use crate::store::running::Job;
use crate::store::work::{Hear, Stage, Work};
use crate::store::{INLINE, Tx, TxResult, reject};

/// Mails of one commit.
const BATCH: usize = 50;
/// Longest line that describes a mail.
const LINE: u64 = 4096;

/// A mail on its way: a line `seconds flags size folder` and its bytes. Seconds are 0 where nothing is known, flags are the
/// letters of a Maildir or `-`.
struct Parcel {
    folder: String,
    flags: u8,
    arrived: i64,
    content: NewContent,
}

/// Folder, flags, time and bytes of a mail.
type Mail = (String, u8, i64, Vec<u8>);

/// Reads the next one; `None` at the end.
fn next(from: &mut impl BufRead, most: u64) -> Result<Option<Mail>, String> {
    let mut line = String::new();
    if from.by_ref().take(LINE).read_line(&mut line).map_err(|error| error.to_string())? == 0 {
        return Ok(None);
    }
    let mut words = line.trim_end_matches('\n').splitn(4, ' ');
    let mut word = || words.next().ok_or("it is damaged");
    let (arrived, letters, size, folder) = (word()?, word()?, word()?, word()?);
    let size: u64 = size.parse().map_err(|_| "it is damaged")?;
    if size > most {
        return Err(format!("a mail for {folder} has {size} bytes, and this box takes {most} (smtp.max_size)"));
    }
    let mut bytes = Vec::new();
    from.by_ref().take(size).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let has = |letter: char, bit: u8| if letters.contains(letter) { bit } else { 0 };
    let flags = has('S', Flags::SEEN) | has('R', Flags::ANSWERED) | has('F', Flags::FLAGGED) | has('D', Flags::DRAFT);
    Ok(Some((folder.to_owned(), flags, arrived.parse().map_err(|_| "it is damaged")?, bytes)))
}

impl Service {
    /// Puts the mails of a file into the folders that it names, which are made where they are missing; gives how many there
    /// were. What was put there before a fault stays; where it is not to go on, all of it is taken out again.
    ///
    /// # Errors
    /// Permanent when it may not be or the file is not right; temporary when something cannot be read or written, or it is not to
    /// go on.
    pub fn import(&self, name: &str, file: &Path, hear: Hear) -> Result<usize, Fault> {
        self.may(Action::ImportMails)?;
        let person = self.person(name)?.name.clone();
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Fault::permanent("there is nothing to import"),
            _ => Fault::temporary(format!("what is to be imported cannot be read: {error}")),
        };
        let file = File::open(file).map_err(unreadable)?;
        let running = self.store.works().begin(Job::Import(person.clone()));
        let hear: Hear = &|stage, done, total| running.at(stage, done, total) & hear(stage, done, total);
        let work = Work::new(hear, Stage::Importing, file.metadata().map_or(0, |data| data.len()));
        let mut from = BufReader::new(file);
        let most = u64::try_from(self.store.settings().number(crate::settings::Key::SmtpMaxSize)).unwrap_or(0);
        let now = self.store.clock().now().seconds();
        let (mut batch, mut done) = (Vec::new(), Imported::default());
        loop {
            let found = next(&mut from, most)
                .map_err(|why| Fault::permanent(format!("{} mails are in; then: {why}", done.entries.len())))?;
            let end = found.is_none();
            let goes_on = match &found {
                Some((.., bytes)) => work.step(bytes.len() as u64).is_ok(),
                None => running.commits(),
            };
            if !goes_on {
                let person = person.clone();
                self.store.write(move |tx| done.take_back(tx, &person))?;
                return Err(Fault::temporary("it was stopped, and nothing of it is in the folders"));
            }
            if let Some((folder, flags, arrived, bytes)) = found {
                let mail = crlf(&bytes);
                if mail.is_empty() || mail.contains(&0) {
                    log::warn!("import: a mail is empty or holds NUL bytes, and is left out");
                    continue;
                }
                let content = self.content(mail)?;
                let arrived = if arrived > 0 { arrived } else { now };
                batch.push(Parcel { folder, flags, arrived, content });
            }
            if batch.len() >= BATCH || (end && !batch.is_empty()) {
                let (parcels, person) = (std::mem::take(&mut batch), person.clone());
                let put = self.store.write(move |tx| {
                    let mut put = Imported::default();
                    parcels.iter().try_for_each(|parcel| put_in(tx, &person, parcel, &mut put)).map(|()| put)
                })?;
                done.entries.extend(put.entries);
                done.folders.extend(put.folders);
            }
            if end {
                break;
            }
        }
        let count = done.entries.len();
        self.act(Action::ImportMails, &person, format!("{count} mails were imported"), |_| Ok(()))?;
        Ok(count)
    }

    fn content(&self, mail: Vec<u8>) -> Result<NewContent, Fault> {
        if mail.len() <= INLINE {
            return Ok(NewContent::Bytes(mail));
        }
        let file = self.store.spool_bytes(&mail).map_err(Fault::temporary)?;
        Ok(NewContent::File { file: Arc::new(file), head: mail })
    }
}

/// What an import has put into a mailbox so far.
#[derive(Debug, Clone, Default)]
struct Imported {
    /// Folder and UID of each mail.
    entries: Vec<(u32, u32)>,
    /// Folders that were not there before.
    folders: Vec<String>,
}

impl Imported {
    fn take_back(&self, tx: &mut Tx, person: &str) -> TxResult<()> {
        for some in self.entries.chunk_by(|one, next| one.0 == next.0) {
            let uids: Vec<u32> = some.iter().map(|(_, uid)| *uid).collect();
            tx.remove_entries(person, some[0].0, &uids)?;
        }
        for name in self.folders.iter().rev() {
            // Somebody may use it by now.
            if Folder::find(&tx.all_folders(person)?, name).is_some_and(|folder| folder.total == 0) {
                tx.delete_folder(person, name)?.ok();
            }
        }
        Ok(())
    }
}

fn put_in(tx: &mut Tx, person: &str, parcel: &Parcel, put: &mut Imported) -> TxResult<()> {
    tx.open_mailbox(person)?;
    let named = |tx: &Tx| -> TxResult<Option<u32>> {
        Ok(Folder::find(&tx.all_folders(person)?, &parcel.folder).map(|folder| folder.number))
    };
    let folder = match named(tx)? {
        Some(folder) => folder,
        None => match tx.create_folder(person, &parcel.folder)? {
            Ok(folder) => {
                // Who brings mails wants to see them, in every program.
                tx.subscribe(person, &parcel.folder, true)?.ok();
                put.folders.push(parcel.folder.clone());
                folder.number
            }
            Err(why @ (FolderError::BadName | FolderError::TooMany | FolderError::Exists)) => {
                return reject(Fault::permanent(format!("{}: {why}", parcel.folder)));
            }
            Err(why) => return reject(Fault::permanent(why)),
        },
    };
    let content = tx.add_content(&parcel.content)?;
    let entry = NewEntry { content, flags: Flags::of(parcel.flags), arrived: parcel.arrived, ..NewEntry::default() };
    put.entries.push((folder, tx.add_entry(person, folder, &entry)?));
    Ok(())
}
