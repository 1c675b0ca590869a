//! Backups: one redb file that holds the tables of the store and, in a table of their own, the spool files.
//!
//! A backup is taken from one read transaction, so it shows the store at one moment while the box goes on. Log-ins of
//! browsers are left out. It holds passwords, hashed, and the secrets of the settings as they are: mode 0600. It ends
//! with a hash of all it holds: a damaged one is never restored.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, TableError,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::old_tables::OldTable;
use super::pieces::Pieces;
use super::schema::{self, KEPT, VERSION};
use super::table::{AnyTable, Form, if_there, in_redb};
use super::work::{Hear, PIECE, Stage, WATCHED, Watch, Work};
use super::{Ledger, Store, own_files, spool};
use crate::fault::Fault;

/// (spool file, piece) -> its bytes.
const SPOOL: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("spool");
/// 0 -> SHA-256 over all other tables: bytes that a stick lost are noticed before anything is restored.
const SEAL: TableDefinition<u8, &[u8]> = TableDefinition::new("seal");
/// redb's page cache while copying, which reads and writes each page once.
pub(super) const CACHE: usize = 1024 * 1024;

/// What a backup holds, counted in the file itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Messages in all states.
    pub messages: u64,
    /// People, disabled ones as well.
    pub people: u64,
    /// Settings that were set.
    pub settings: u64,
    /// Rows of all tables but the spool.
    pub rows: u64,
    /// Mails too large for the store itself.
    pub files: u64,
    /// Bytes of these files.
    pub file_bytes: u64,
}

impl Store {
    /// Writes a backup to a new file and reads it back.
    ///
    /// # Errors
    /// When the file is there already, the disk is full or fails, what was read back is not what was written, or it is not to go
    /// on. The file is removed then.
    pub fn backup(&self, to: &Path, hear: Hear) -> Result<Contents, Fault> {
        let new = File::options().read(true).write(true).create_new(true).mode(0o600).open(to);
        let new = new.map_err(|error| Fault::temporary(format!("{} cannot be made: {error}", to.display())))?;
        let made = self.write_backup(new, hear).and_then(|wrote| {
            let found = contents(to, hear).map_err(|fault| format!("it cannot be read back: {fault}"))?;
            match found == wrote {
                true => Ok(found),
                false => Err(format!("it holds {found:?} and not {wrote:?}")),
            }
        });
        crate::sys::memory::give_back();
        made.map_err(|why| {
            let _ = fs::remove_file(to);
            Fault::temporary(format!("the backup failed: {why}"))
        })
    }

    fn write_backup(&self, file: File, hear: Hear) -> Result<Contents, String> {
        let database = create(file).map_err(|error| error.to_string())?;
        let mut copy = Pieces::new(&database);
        let copied = self.read(|view| {
            let work = through(hear, Stage::Writing, &view.0)?;
            let rows = copy_all(&view.0, &mut copy, &|rows| work.step(rows))?;
            Ok(Contents { rows, ..count(&view.0)? })
        });
        let mut wrote = copied.map_err(|fault| fault.to_string())?;
        for name in spool::names(self.folder()).map_err(|error| error.to_string())? {
            let path = spool::folder(self.folder()).join(&name);
            match put_file(&mut copy, &name, &path) {
                Ok(bytes) => {
                    wrote.files += 1;
                    wrote.file_bytes += bytes;
                }
                // Its message was finished and old, and went with it a moment ago.
                Err(Copy::Disk(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{}: {}", path.display(), error.why())),
            }
        }
        let mut rest = || -> Result<(), redb::Error> {
            own_files::put(copy.txn()?, self.folder())?;
            // Opened here too, so that a backup without large mails is still told apart from a bare store.
            copy.txn()?.open_table(SPOOL)?;
            copy.end()
        };
        rest().map_err(|error| error.to_string())?;
        seal(&database, hear).map_err(|error| error.to_string())?;
        Ok(wrote)
    }
}

/// What went wrong while bytes went from a file to a table or back.
enum Copy {
    Disk(io::Error),
    Table(redb::Error),
}

impl Copy {
    fn why(&self) -> String {
        match self {
            Self::Disk(error) => error.to_string(),
            Self::Table(error) => error.to_string(),
        }
    }
}

impl From<io::Error> for Copy {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

pub(super) fn create(file: File) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE).create_with_backend(FileBackend::new(file)?)
}

/// Copies all tables; those of an older version become those of today. Gives the number of their rows.
pub(super) fn copy_all(from: &ReadTransaction, to: &mut Pieces, watch: Watch) -> Result<u64, redb::Error> {
    let mut rows = 0;
    for table in &KEPT {
        rows += match OldTable::of(table).map(|old| old.rows(from)).transpose()?.flatten() {
            Some(old) => in_redb!(table, definition => to.bring(old, definition, watch))?,
            None => in_redb!(table, definition => to.copy(from, definition, watch))?,
        };
    }
    Ok(rows)
}

/// Closes a backup with the hash of what it holds.
fn seal(database: &Database, hear: Hear) -> Result<(), redb::Error> {
    let mut hash = Sha256::new();
    let sealed = database.begin_read()?;
    read_all(&sealed, &mut hash, &through(hear, Stage::Sealing, &sealed)?)?;
    let txn = database.begin_write()?;
    txn.open_table(SEAL)?.insert(0, hash.finalize().as_slice())?;
    Ok(txn.commit()?)
}

/// Reads everything but the seal, so that a page that cannot be read shows now and not on the day of the restore: what it
/// holds, and its hash.
fn read_all(txn: &ReadTransaction, hash: &mut Sha256, work: &Work) -> Result<Contents, redb::Error> {
    let mut found = count(txn)?;
    for table in &KEPT {
        found.rows += match OldTable::of(table).map(|old| old.rows(txn)).transpose()?.flatten() {
            Some(old) => {
                for row in old.rows {
                    let (key, value) = row?.before;
                    hash.update(key);
                    hash.update(value);
                }
                old.count
            }
            None => in_redb!(table, definition => read_through(txn, hash, definition, work))?,
        };
    }
    each_piece(txn, |name, number, piece| {
        hash.update(name);
        hash.update(number.to_be_bytes());
        hash.update(piece);
        found.files += u64::from(number == 0);
        found.file_bytes += piece.len() as u64;
        work.step(WATCHED as u64)
    })?;
    Ok(found)
}

fn read_through<K: redb::Key>(
    from: &ReadTransaction,
    hash: &mut Sha256,
    table: TableDefinition<K, &'static [u8]>,
    work: &Work,
) -> Result<u64, redb::Error> {
    let Some(source) = if_there(from, table)? else { return Ok(0) };
    let mut rows = 0;
    for row in source.range::<K::SelfType<'_>>(..)? {
        let (key, value) = row?;
        hash.update(K::as_bytes(&key.value()));
        hash.update(value.value());
        rows += 1;
        if rows % WATCHED as u64 == 0 {
            work.step(WATCHED as u64)?;
        }
    }
    Ok(rows)
}

/// The counts that people know, from the lengths of the tables.
fn count(from: &ReadTransaction) -> Result<Contents, redb::Error> {
    let length = |table: &AnyTable| match OldTable::of(table).map(|old| old.rows(from)).transpose()?.flatten() {
        Some(old) => Ok::<_, redb::Error>(old.count),
        None => in_redb!(table, definition => match if_there(from, definition)? {
            Some(table) => Ok(table.len()?),
            None => Ok(0),
        }),
    };
    Ok(Contents {
        messages: length(&schema::MESSAGES.any())?,
        people: length(&schema::PEOPLE.any())?,
        settings: length(&schema::SETTINGS.any())?,
        ..Contents::default()
    })
}

fn put_file(to: &mut Pieces, name: &str, path: &Path) -> Result<u64, Copy> {
    let mut file = File::open(path)?;
    let (mut bytes, mut number) = (0, 0);
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.is_empty() && number > 0 {
            return Ok(bytes);
        }
        let mut put = || {
            to.txn()?.open_table(SPOOL)?.insert((name, number), piece.as_slice())?;
            to.wrote(piece.len())
        };
        put().map_err(Copy::Table)?;
        bytes += piece.len() as u64;
        number += 1;
    }
}

/// Reads a backup through and counts what it holds.
///
/// # Errors
/// `Operator` when it is no backup, was made by a newer satpost, or cannot be read; temporary when it is not to go on.
pub fn contents(file: &Path, hear: Hear) -> Result<Contents, Fault> {
    // Lost bytes may make redb stop while it opens, reads or closes a file.
    let looked = catch_unwind(AssertUnwindSafe(|| {
        let source = open(file)?;
        // Caught apart: the file is not closed while the stack unwinds.
        Ok(catch_unwind(AssertUnwindSafe(|| sealed(&source, hear))))
    }));
    let shown = file.display();
    match looked {
        Ok(Err(fault)) => Err(fault),
        Ok(Ok(Ok(Ok((found, true))))) => Ok(found),
        Ok(Ok(Ok(Err(redb::Error::Io(error))))) if error.kind() == io::ErrorKind::Interrupted => {
            Err(Fault::temporary(error))
        }
        Ok(Ok(Ok(Err(error)))) => Err(Fault::operator(format!("{shown} cannot be read: {error}"))),
        _ => Err(Fault::operator(format!("{shown} is damaged or was not finished: use another backup"))),
    }
}

/// What a backup holds, and whether its seal is that of what it holds.
fn sealed(source: &ReadOnlyDatabase, hear: Hear) -> Result<(Contents, bool), redb::Error> {
    let txn = source.begin_read()?;
    let mut hash = Sha256::new();
    let found = read_all(&txn, &mut hash, &through(hear, Stage::Checking, &txn)?)?;
    let seal = match txn.open_table(SEAL) {
        Ok(table) => table.get(0)?.map(|seal| seal.value().to_vec()),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok((found, seal.as_deref() == Some(hash.finalize().as_slice())))
}

pub(super) fn open(file: &Path) -> Result<ReadOnlyDatabase, Fault> {
    let shown = file.display();
    // redb would say only that the file is too short.
    File::open(file).map_err(|error| Fault::operator(format!("{shown} cannot be read: {error}")))?;
    let no_backup =
        |error: &dyn std::fmt::Display| Fault::operator(format!("{shown} is no backup of satpost: {error}"));
    let source = super::on_disk::look_at(file).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => Fault::operator(format!("{shown} is in use by a running box")),
        error => no_backup(&error),
    })?;
    let txn = source.begin_read().map_err(|error| no_backup(&error))?;
    let meta = schema::META.read(&txn).map_err(|error| no_backup(&error))?;
    let ledger = Ledger::load(&meta).map_err(|error| no_backup(&error))?;
    if ledger.version > VERSION {
        return Err(Fault::operator(format!("{shown} was written by a newer satpost: install that one")));
    }
    Ok(source)
}

/// A stage that goes through all tables of a file, and its large mails if it is a backup.
pub(super) fn through<'a>(hear: Hear<'a>, stage: Stage, txn: &ReadTransaction) -> Result<Work<'a>, redb::Error> {
    let mut total = pieces(txn)? * WATCHED as u64;
    for table in &KEPT {
        total += in_redb!(table, definition => match if_there(txn, definition)? {
            Some(table) => table.len()?,
            None => 0,
        });
    }
    let work = Work::new(hear, stage, total);
    // Of a few rows nobody would hear otherwise.
    work.step(0)?;
    Ok(work)
}

/// How many pieces of large mails a backup holds; none for a store.
fn pieces(txn: &ReadTransaction) -> Result<u64, redb::Error> {
    match txn.open_table(SPOOL) {
        Ok(table) => Ok(table.len()?),
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn each_piece(
    txn: &ReadTransaction,
    mut take: impl FnMut(&str, u32, &[u8]) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let table = match txn.open_table(SPOOL) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for row in table.iter()? {
        let (key, piece) = row?;
        let (name, number) = key.value();
        take(name, number, piece.value())?;
    }
    Ok(())
}

/// A backup of a file as it is, without large mails.
#[cfg(test)]
pub(super) fn backup_of(database: &Database, to: &Path) -> Result<(), redb::Error> {
    let copy = create(File::options().read(true).write(true).create_new(true).open(to)?)?;
    let mut to = Pieces::new(&copy);
    copy_all(&database.begin_read()?, &mut to, &|_| Ok(()))?;
    to.txn()?.open_table(SPOOL)?;
    to.end()?;
    seal(&copy, super::work::UNHEARD)
}
