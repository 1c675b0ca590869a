//! Folders: made, renamed, removed; the five that each mailbox has are there from its first use on.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::rows::{Folder, Special, sound};
use crate::fault::Fault;
use crate::store::schema::Readable;
use crate::store::schema::{Tx, TxResult};

/// Folders of their own that a person can have.
const MAX_FOLDERS: usize = 100;
/// Longest name, in bytes.
const MAX_NAME: usize = 200;
/// Most levels of a name, which `/` separates.
const MAX_LEVELS: usize = 12;
/// Numbers of own folders begin here.
const FIRST_OWN: u32 = 16;

/// Why a folder is not made, renamed or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderError {
    /// There is one of this name.
    Exists,
    /// There is none of this name.
    Missing,
    /// The name is empty, too long or too deep, or has a character that none may have.
    BadName,
    /// It is one of those that each mailbox has.
    Fixed,
    /// The person has as many folders of their own as they may.
    TooMany,
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Exists => "there is a folder of this name",
            Self::Missing => "there is no folder of this name",
            Self::BadName => "a folder cannot have this name",
            Self::Fixed => "each mailbox has this folder",
            Self::TooMany => "a mailbox has at most 100 folders of one's own",
        })
    }
}

/// True for a name that a folder can have.
fn is_name(name: &str) -> bool {
    let levels = name.split('/');
    let fine = |level: &str| !level.is_empty() && level.trim() == level;
    name.len() <= MAX_NAME
        && levels.clone().count() <= MAX_LEVELS
        && levels.clone().all(fine)
        && !name.contains(|c: char| c.is_control() || matches!(c, '*' | '%'))
}

/// A name with its first level as it is written here: INBOX has no case (RFC 3501 section 5.1), and what lies below it lies below
/// one folder.
fn written(name: &str) -> Cow<'_, str> {
    let inbox = Special::Inbox.name();
    let (first, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    match first != inbox && first.eq_ignore_ascii_case(inbox) {
        true => Cow::Owned(format!("{inbox}{rest}")),
        false => Cow::Borrowed(name),
    }
}

impl Folder {
    /// True for a name of this folder.
    fn is_named(&self, name: &str) -> bool {
        written(&self.name) == written(name)
    }

    /// The folder of a name: the one that is stored under it, before one under another case of INBOX. Both may be there from a time
    /// when they were two names.
    pub fn find<'f>(folders: &'f [Self], name: &str) -> Option<&'f Self> {
        let stored = folders.iter().find(|folder| folder.name == name);
        stored.or_else(|| folders.iter().find(|folder| folder.is_named(name)))
    }

    /// What follows in the name of a folder below this one.
    fn below<'b>(&self, folders: &[Self], below: &'b str) -> Option<&'b str> {
        // The case of INBOX changes no length.
        let rest = written(below).strip_prefix(&*written(&self.name))?.len();
        let (above, rest) = below.split_at(below.len() - rest);
        let here = Self::find(folders, above).is_some_and(|folder| folder.number == self.number);
        (rest.starts_with('/') && here).then_some(rest)
    }
}

impl Tx<'_> {
    /// Reads the folder of this number; refused when there is none.
    pub(super) fn folder(&self, person: &str, number: u32) -> TxResult<Folder> {
        let row = self.folders.get((person, number))?;
        let Some(row) = row else {
            return crate::store::reject(Fault::permanent(FolderError::Missing));
        };
        sound(Folder::read(number, row.value()), "a folder")
    }

    pub(super) fn put_folder(&mut self, person: &str, folder: &Folder) -> TxResult<()> {
        let row = folder.row();
        let same = self.folders.get((person, folder.number))?.is_some_and(|old| old.value() == row);
        if !same {
            self.folders.insert((person, folder.number), row.as_slice())?;
            self.after.mailboxes.insert(person.to_owned());
        }
        Ok(())
    }

    /// Lists all folders of a person, by number.
    pub fn all_folders(&self, person: &str) -> TxResult<Vec<Folder>> {
        let mut found = Vec::new();
        for row in self.folders.range((person, 0)..=(person, u32::MAX))? {
            let (key, row) = row?;
            found.push(sound(Folder::read(key.value().1, row.value()), "a folder")?);
        }
        Ok(found)
    }

    /// Makes the folders that each mailbox has, if they are not there.
    pub fn open_mailbox(&mut self, person: &str) -> TxResult<()> {
        if self.folders.get((person, Special::Inbox.number()))?.is_some() {
            return Ok(());
        }
        for special in Special::ALL {
            let folder = self.blank(special.number(), special.name());
            self.put_folder(person, &folder)?;
        }
        Ok(())
    }

    /// An empty folder, with a UIDVALIDITY that no folder ever had: the seconds of the clock, or one more than the last.
    fn blank(&mut self, number: u32, name: &str) -> Folder {
        let validity = self.next_validity();
        // Which others are shown is for their programs to say (RFC 3501 section 6.3.6).
        let (name, subscribed) = (name.to_owned(), number < FIRST_OWN);
        Folder { number, name, validity, next: 1, recent: 1, modseq: 1, subscribed, ..Folder::default() }
    }

    pub(super) fn next_validity(&mut self) -> u32 {
        let seconds = u32::try_from(self.ledger.last_time.seconds()).unwrap_or(0);
        self.ledger.uid_validity = seconds.max(self.ledger.uid_validity.saturating_add(1)).max(1);
        self.ledger.uid_validity
    }

    /// Makes a folder, and those above it.
    ///
    /// # Errors
    /// The inner one says why it is not made.
    pub fn create_folder(&mut self, person: &str, name: &str) -> TxResult<Result<Folder, FolderError>> {
        let name = &*written(name.strip_suffix('/').unwrap_or(name));
        if !is_name(name) {
            return Ok(Err(FolderError::BadName));
        }
        let mut folders = self.all_folders(person)?;
        if folders.iter().any(|folder| folder.is_named(name)) {
            return Ok(Err(FolderError::Exists));
        }
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        let missing: Vec<_> =
            ends.map(|end| &name[..end]).filter(|part| !folders.iter().any(|folder| folder.is_named(part))).collect();
        let own = folders.iter().filter(|folder| folder.special().is_none()).count();
        if own + missing.len() > MAX_FOLDERS {
            return Ok(Err(FolderError::TooMany));
        }
        for part in missing {
            // No folder ever had this number: a session that has a removed one open cannot come upon another.
            let number = self.next_validity().max(FIRST_OWN);
            let folder = self.blank(number, part);
            self.put_folder(person, &folder)?;
            folders.push(folder);
        }
        Ok(folders.pop().ok_or(FolderError::BadName))
    }

    /// Removes a folder with its entries. Folders below it stay.
    ///
    /// # Errors
    /// The inner one says why it stays.
    pub fn delete_folder(&mut self, person: &str, name: &str) -> TxResult<Result<(), FolderError>> {
        let folders = self.all_folders(person)?;
        let Some(folder) = Folder::find(&folders, name) else { return Ok(Err(FolderError::Missing)) };
        if folder.special().is_some() {
            return Ok(Err(FolderError::Fixed));
        }
        self.drop_folder(person, folder)?;
        Ok(Ok(()))
    }

    pub(super) fn drop_folder(&mut self, person: &str, folder: &Folder) -> TxResult<()> {
        let uids = self.all_uids(person, folder.number)?;
        self.remove_entries(person, folder.number, &uids)?;
        let keys = (person, folder.number, 0)..=(person, folder.number, u64::MAX);
        self.changes.retain_in(keys, |_, _| false)?;
        self.marks.retain_in((person, folder.number, 0)..=(person, folder.number, u32::MAX), |_, _| false)?;
        self.folders.remove((person, folder.number))?;
        self.after.mailboxes.insert(person.to_owned());
        Ok(())
    }

    /// Gives a folder, and those below it, another name. INBOX stays, and what is in it moves (RFC 3501 section 6.3.5).
    ///
    /// # Errors
    /// The inner one says why it keeps its name.
    pub fn rename_folder(&mut self, person: &str, from: &str, to: &str) -> TxResult<Result<(), FolderError>> {
        let (folders, to) = (self.all_folders(person)?, &*written(to));
        let Some(folder) = Folder::find(&folders, from) else { return Ok(Err(FolderError::Missing)) };
        let inbox = folder.number == Special::Inbox.number();
        if folder.special().is_some() && !inbox {
            return Ok(Err(FolderError::Fixed));
        }
        // Below itself it would be nowhere.
        if !inbox && to.strip_prefix(&*written(&folder.name)).is_some_and(|rest| rest.starts_with('/')) {
            return Ok(Err(FolderError::BadName));
        }
        let below = folders.iter().filter_map(|below| Some((below, folder.below(&folders, &below.name)?)));
        let all = std::iter::once((folder, "")).chain(below).filter(|_| !inbox);
        let moved: Vec<_> = all.map(|(folder, rest)| (folder.clone(), format!("{to}{rest}"))).collect();
        let taken = |name: &str| folders.iter().any(|known| known.is_named(name));
        let names: BTreeSet<_> = moved.iter().map(|(_, name)| name).collect();
        if names.len() < moved.len() || names.into_iter().any(|name| taken(name)) || taken(to) {
            return Ok(Err(FolderError::Exists));
        }
        if !is_name(to) || moved.iter().any(|(_, name)| !is_name(name)) {
            return Ok(Err(FolderError::BadName));
        }
        // Makes those above it as well.
        let new = match self.create_folder(person, to)? {
            Ok(new) => new,
            Err(why) => return Ok(Err(why)),
        };
        if inbox {
            let uids = self.all_uids(person, folder.number)?;
            self.move_entries(person, folder.number, &uids, new.number)?;
            return Ok(Ok(()));
        }
        self.drop_folder(person, &new)?;
        for (mut folder, name) in moved {
            // Under a name that another folder may have had the numbers mean something else.
            folder.validity = self.next_validity();
            folder.name = name;
            self.put_folder(person, &folder)?;
        }
        Ok(Ok(()))
    }

    /// Says whether mail programs shall show a folder.
    ///
    /// # Errors
    /// The inner one says that there is none of this name.
    pub fn subscribe(&mut self, person: &str, name: &str, wanted: bool) -> TxResult<Result<(), FolderError>> {
        let folders = self.all_folders(person)?;
        let Some(folder) = Folder::find(&folders, name) else { return Ok(Err(FolderError::Missing)) };
        self.put_folder(person, &Folder { subscribed: wanted, ..folder.clone() })?;
        Ok(Ok(()))
    }

    /// The entries up to now were seen by a session: none of them is recent for the next one. Gives the UIDs
    /// that were.
    pub fn take_recent(&mut self, person: &str, number: u32) -> TxResult<Range<u32>> {
        let mut folder = self.folder(person, number)?;
        let first = std::mem::replace(&mut folder.recent, folder.next);
        self.put_folder(person, &folder)?;
        Ok(first..folder.next)
    }
}
