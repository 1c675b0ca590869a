//! The write-ahead log beside the file: opened with it, done again after an unclean end, read once more by a repair.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::Ledger;
use super::on_disk::{self, OnDisk};
use super::schema::{META, REMEDIES, Readable, TxResult, WAL, guarded, reject};
use super::table::changes::Again;
use super::wal::{self, End, Records, Wal, path};
use crate::fault::Fault;
use crate::sys::disk;

const ROW: &str = "generation";

/// The log of a store on disk.
pub type Log = Wal<OnDisk>;

/// Opens the log of a file, and makes it where there is none. `None` where that fails: the store works as well without.
pub fn open_log(file: &Path) -> Option<Log> {
    let path = path(file);
    let open = || {
        let mut log = Wal::new(on_disk::open(&path, &path)?)?;
        // One that was copied may have holes, and a start that was cut off may have left its name unsynced.
        if fs::metadata(&path)?.blocks() * 512 < wal::LENGTH {
            log.clear()?;
        }
        if let Some(folder) = path.parent() {
            disk::sync_folder(folder)?;
        }
        Ok(log)
    };
    let opened: io::Result<Log> = open();
    opened.inspect_err(|error| log::warn!("store: no write-ahead log in {}: {error}", path.display())).ok()
}

/// Writes the generation of the log into the file, or that it has none.
pub fn put_generation(txn: &WriteTransaction, generation: Option<u64>) -> Result<(), redb::Error> {
    let mut table = WAL.open(txn)?;
    match generation {
        Some(generation) => drop(table.insert(ROW, (generation, wal::LENGTH, check(generation, wal::LENGTH)))?),
        None => drop(table.remove(ROW)?),
    }
    Ok(())
}

fn check(generation: u64, length: u64) -> u32 {
    crc32fast::hash(&[generation.to_le_bytes(), length.to_le_bytes()].concat())
}

/// Generation and length of the log that the file relies on.
fn generation(txn: &ReadTransaction) -> Result<Option<(u64, u64)>, redb::Error> {
    let Some(table) = WAL.read_if_there(txn)? else { return Ok(None) };
    let Some(row) = table.get(ROW)? else { return Ok(None) };
    let (generation, length, sum) = row.value();
    if sum != check(generation, length) {
        return Err(redb::Error::Corrupted("which log belongs to it is unreadable".to_owned()));
    }
    Ok(Some((generation, length)))
}

/// Does again what the log has and the file lacks. The file relies on no log then.
///
/// # Errors
/// `Operator` when the log is missing, damaged or another one; those of the disk.
pub fn replay(database: &Database, file: &Path) -> TxResult<()> {
    let path = path(file);
    let no = |what: &str| {
        reject(Fault::operator(format!(
            "{} {what}, and what was taken in last is in it. Put it back if you have it; otherwise, with the box stopped, {REMEDIES}",
            path.display()
        )))
    };
    match replay_from(database, || contents(&path))? {
        Replayed::Nothing => {}
        Replayed::Commits(done, end) => {
            if end == End::Torn {
                log::warn!("store: the last record of {} is not whole: it was being written", path.display());
            }
            log::info!("store: {done} commits are taken from {}", path.display());
        }
        Replayed::No(what) => return no(what),
    }
    Ok(())
}

/// What there was to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replayed {
    /// The file relies on no log.
    Nothing,
    /// So many commits, and what was behind them.
    Commits(u64, End),
    /// The log will not do; what is wrong with it.
    No(&'static str),
}

pub(super) fn replay_from(
    database: &Database,
    contents: impl FnOnce() -> io::Result<Option<Vec<u8>>>,
) -> TxResult<Replayed> {
    let read = database.begin_read()?;
    let Some((generation, length)) = generation(&read)? else { return Ok(Replayed::Nothing) };
    let kept = Ledger::load(&META.read(&read)?)?.commits;
    drop(read);
    let log = match contents()? {
        Some(log) if log.len() as u64 >= length && !wal::belongs(&log, generation) => {
            return Ok(Replayed::No("is that of another store, or an old copy"));
        }
        Some(log) if log.len() as u64 >= length => log,
        Some(_) => return Ok(Replayed::No("is too short")),
        None => return Ok(Replayed::No("is missing")),
    };
    let mut txn = database.begin_write()?;
    txn.set_quick_repair(true);
    let (mut records, mut done, mut again) = (Records::new(&log, generation), 0, Again::new(&txn));
    for (number, rows) in records.by_ref().filter(|(number, _)| *number > kept) {
        if number != kept + done + 1 {
            return Ok(Replayed::No("is damaged"));
        }
        again.apply(&rows)?;
        done += 1;
    }
    drop(again);
    let end = records.end();
    if end == End::Damaged {
        return Ok(Replayed::No("is damaged"));
    }
    put_generation(&txn, None)?;
    txn.commit()?;
    Ok(Replayed::Commits(done, end))
}

/// The bytes of a log on the disk; `None` where there is none.
fn contents(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = opened(path)? else { return Ok(None) };
    // What an earlier process failed to sync is in memory, and not on the disk.
    disk::forget_pages(&file)?;
    let mut log = Vec::new();
    file.take(4 * wal::LENGTH).read_to_end(&mut log)?;
    Ok(Some(log))
}

fn opened(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// The bytes of a log on a disk that fails, with zeros for each block that cannot be read.
fn readable(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = opened(path)? else { return Ok(None) };
    if let Err(error) = disk::forget_pages(&file) {
        log::warn!("repair: {}: {error}", path.display());
    }
    let length = file.metadata()?.len().min(4 * wal::LENGTH);
    let mut log = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    for (block, at) in log.chunks_mut(wal::BLOCK).zip((0..).step_by(wal::BLOCK)) {
        if let Err(error) = file.read_exact_at(block, at) {
            log::warn!("repair: {} from byte {at}: {error}", path.display());
            block.fill(0);
        }
    }
    Ok(Some(log))
}

/// Does again all that is whole in the log of a damaged file: `from` is a look at that file, `to` the new one. `before` says
/// that the look is at the state before the last commit. Says what is lost.
///
/// # Errors
/// Those of the new file.
pub fn salvage(from: &ReadTransaction, file: &Path, to: &WriteTransaction, before: bool) -> TxResult<Option<String>> {
    let path = path(file);
    let gone = |what: &str| Ok(Some(format!("what was taken in last: {} {what}", path.display())));
    let known = guarded(|| Ok(generation(from)?));
    let kept = guarded(|| Ok(META.read_if_there(from)?.map(|meta| Ledger::load(&meta)).transpose()?)).ok().flatten();
    let kept = kept.map(|ledger| ledger.commits);
    // The state before the last commit may know no log although that commit began one.
    if !before && matches!(known, Ok(None)) {
        return Ok(None);
    }
    let log = match readable(&path) {
        Ok(Some(log)) => log,
        Ok(None) => return gone("is missing"),
        Err(error) => return gone(&format!("cannot be read: {error}")),
    };
    let known = known.ok().flatten().map(|known| known.0);
    let first = wal::first_generation(&log).filter(|_| kept.is_some());
    // What the file says is right, unless the log has begun again since. The numbers of its commits tell what the file has.
    let generation = if before { first.or(known) } else { known.or(first) };
    let other = before && known.is_some_and(|known| !wal::belongs(&log, known));
    let Some(generation) = generation.filter(|_| !other) else { return gone("is not known to belong to it") };
    let mut whole = wal::belongs(&log, generation);
    let (mut records, mut again) = (Records::new(&log, generation), Again::new(to));
    loop {
        for (number, rows) in records.by_ref().filter(|(number, _)| *number > kept.unwrap_or(0)) {
            log::info!("repair: commit {number} is taken from {}", path.display());
            again.apply(&rows)?;
            whole &= known == Some(generation);
        }
        whole &= records.end() == End::Whole;
        if !records.pass_over() {
            return if whole { Ok(None) } else { gone("is not whole; what of it is whole is in the new store") };
        }
    }
}

/// Puts the log aside with a file that was.
pub fn put_aside(file: &Path, aside: &Path) -> io::Result<()> {
    match fs::rename(path(file), path(aside)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
