//! Salvage: a store that is damaged is read row by row into a new file, and what cannot be read is named.
//!
//! 1. The file is copied, and only the copy is opened, in the first way of [`opening`] in which its messages can be found.
//! 2. Each table is read from its beginning and, where a page is bad, from its end; what lies between in a table with
//!    numbers is asked for one by one. redb panics on some bad pages, so each step is caught.
//! 3. What is whole in the write-ahead log is done again, and what is not is named.
//! 4. Messages and people whose checksum is wrong are left out and named. The queues are built again from the messages,
//!    and the totals counted anew.
//! 5. The new file takes the place of the damaged one, which is kept beside.

mod opening;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, Key, ReadTransaction, ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};
use serde::Serialize;

use opening::{Source, WAYS, Way};

use super::backup::{create, through};
use super::old_tables::OldTable;
use super::schema::{self, Readable, Tx, TxResult, guarded};
use super::table::{Access, AnyTable, Definition, Form, if_there, in_redb};
use super::work::{self, Hear, Stage, WATCHED, Work};
use super::{FILE, Ledger, StoreError, on_disk, queue, replay};
use crate::fault::Fault;
use crate::message::{Id, Message};
use crate::people::Person;

/// Numbers asked for one by one in the gap that a bad page leaves.
const GAP: u64 = 1_000_000;

/// What a repair found and lost.
#[derive(Debug, Default, Serialize)]
pub struct Repaired {
    /// Rows of all tables that are in the new file.
    pub rows: u64,
    /// Rows that a table said it had and that could not be read.
    pub lost_rows: u64,
    /// Messages in the new file.
    pub messages: u64,
    /// What is lost of messages and people, a line each.
    pub lost: Vec<String>,
    /// Where the damaged file is kept.
    pub kept: PathBuf,
}

/// Makes a new store of what can be read of the one in `data`. `stamp` is the end of the name of the one that is kept.
///
/// # Errors
/// `Operator` when a box runs there, there is no store, or nothing of it can be opened; temporary for a full disk. Then the
/// store is as it was.
pub fn repair(data: &Path, stamp: &str, hear: Hear) -> Result<Repaired, Fault> {
    let target = data.join(FILE);
    if !target.exists() {
        return Err(Fault::operator(format!("there is no store in {}", data.display())));
    }
    // Read-only: the damaged file is not touched. What is wrong with it does not matter here, only whether it is in use.
    if let Ok(Err(DatabaseError::DatabaseAlreadyOpen)) = catch_unwind(|| on_disk::look_at(&target)) {
        return Err(Fault::operator(format!("{} is in use: stop the box first", target.display())));
    }
    let (copy, part) = (data.join("repair.copy"), data.join("repair.part"));
    let clear = || [&copy, &part].into_iter().for_each(|file| drop(fs::remove_file(file)));
    clear();
    let kept = data.join(format!("{FILE}.damaged-{stamp}"));
    let made = salvage(&target, &copy, &part, hear).and_then(|repaired| {
        // Root repairs for the user of the box.
        let like = fs::metadata(&target).and_then(|old| chown(&part, Some(old.uid()), Some(old.gid())));
        like.map_err(|error| disk(&target, &error))?;
        let aside = fs::rename(&target, &kept).and_then(|()| replay::put_aside(&target, &kept));
        let swapped = aside.and_then(|()| fs::rename(&part, &target));
        swapped.and_then(|()| crate::sys::disk::sync_folder(data)).map_err(|error| disk(&target, &error))?;
        Ok(Repaired { kept, ..repaired })
    });
    clear();
    made
}

fn disk(file: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::temporary(format!("{} cannot be repaired: {error}", file.display()))
}

fn salvage(target: &Path, copy: &Path, part: &Path, hear: Hear) -> Result<Repaired, Fault> {
    let new = |path: &Path| File::options().read(true).write(true).create_new(true).mode(0o600).open(path);
    let copied = new(copy).and_then(|mut file| {
        let mut damaged = File::open(target)?;
        let length = damaged.metadata()?.len();
        work::copy(&mut damaged, &mut file, (hear, Stage::Copying, length))
    });
    copied.map_err(|error| disk(target, &error))?;
    let to = new(part)
        .map_err(|error| disk(target, &error))
        .and_then(|file| create(file).map_err(|error| disk(target, &error)))?;
    let Some((from, way)) = WAYS.into_iter().find_map(|way| Some((open(copy, part, way)?, way))) else {
        return Err(Fault::operator(format!(
            "nothing of {} can be opened: restore a backup with 'satpost restore'",
            target.display()
        )));
    };
    let before = way == Way::Before;
    let result = fill(&from, target, &to, before, hear).map_err(|trouble| match trouble {
        StoreError::Rejected(fault) => fault,
        StoreError::Storage(error) => disk(target, &error),
    });
    // A handle over a bad file may panic when it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(from)));
    let mut repaired = result?;
    if before {
        let words =
            "what was written last, which may be many changes: the store is as it was before, with what its log has";
        repaired.lost.push(words.to_owned());
    }
    Ok(repaired)
}

/// Opens the copy in this way, if its messages can be found then.
fn open(copy: &Path, fresh: &Path, way: Way) -> Option<Source> {
    let opened = guarded(|| {
        let source = Source::open(copy, fresh, way)?;
        // One without this table is no store of ours; of one whose root is bad nothing can be found in it.
        let messages = schema::MESSAGES.read_if_there(&source.begin_read()?)?;
        let found = messages.map(|table| table.first().map(drop)).transpose()?;
        Ok(found.map(|()| source))
    });
    opened.inspect_err(|error| log::debug!("repair: {way:?}: {error:?}")).ok().flatten()
}

fn fill(from: &Source, file: &Path, to: &Database, before: bool, hear: Hear) -> TxResult<Repaired> {
    let source = from.begin_read()?;
    let txn = to.begin_write()?;
    let mut repaired = Repaired::default();
    let counted = catch_unwind(AssertUnwindSafe(|| through(hear, Stage::Rescuing, &source)));
    let work = counted.ok().and_then(Result::ok).unwrap_or_else(|| Work::new(hear, Stage::Rescuing, 0));
    for table in &schema::KEPT {
        repaired.rows += rescue(&source, &txn, (&mut repaired, &work), table)?;
    }
    for (numbers, name) in [(schema::MESSAGES, "message"), (schema::BODIES, "mail"), (schema::PACKETS, "packet")] {
        let found = fill_gap(&source, &txn, &numbers)?;
        if found > 0 {
            repaired.rows += found;
            repaired.lost_rows = repaired.lost_rows.saturating_sub(found);
            log::info!("repair: {found} more of the table of each {name}");
        }
    }
    repaired.lost.extend(replay::salvage(&source, file, &txn, before)?);
    drop_damaged(&txn, &mut repaired)?;
    rebuild(&txn, &mut repaired)?;
    txn.commit()?;
    Ok(repaired)
}

/// Copies the rows of a table that can be read from either end; those of an older version become those of today.
fn rescue(
    from: &ReadTransaction,
    to: &WriteTransaction,
    (repaired, work): (&mut Repaired, &Work),
    table: &AnyTable,
) -> TxResult<u64> {
    let old = OldTable::of(table).map(|old| catch_unwind(AssertUnwindSafe(|| old.rows(from))));
    match old {
        Some(Ok(Ok(Some(old)))) => {
            let rows = old.rows.map(|row| row.map(|row| row.now));
            in_redb!(table, definition => put(rows, Some(old.count), table, &mut to.open_table(definition)?, (repaired, work)))
        }
        _ => in_redb!(table, definition => rescue_as_it_is(from, to, (repaired, work), (table, definition))),
    }
}

fn rescue_as_it_is<K: Key>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    (repaired, work): (&mut Repaired, &Work),
    (table, definition): (&AnyTable, TableDefinition<K, &'static [u8]>),
) -> TxResult<u64> {
    let Some(Ok(Some(source))) = catch_unwind(AssertUnwindSafe(|| if_there(from, definition))).ok() else {
        return Ok(0);
    };
    let wanted = catch_unwind(AssertUnwindSafe(|| source.len())).ok().and_then(Result::ok);
    let Some(Ok(rows)) = catch_unwind(AssertUnwindSafe(|| source.range::<K::SelfType<'_>>(..))).ok() else {
        return Ok(0);
    };
    let rows = rows.map(|row| {
        let (key, value) = row?;
        Ok((K::as_bytes(&key.value()).as_ref().to_vec(), value.value().to_vec()))
    });
    put(rows, wanted, table, &mut to.open_table(definition)?, (repaired, work))
}

/// Puts rows into a table, from their beginning up to what cannot be read and then from their end.
fn put<K: Key>(
    mut rows: impl DoubleEndedIterator<Item = Result<(Vec<u8>, Vec<u8>), redb::Error>>,
    wanted: Option<u64>,
    table: &AnyTable,
    target: &mut Table<K, &'static [u8]>,
    (repaired, work): (&mut Repaired, &Work),
) -> TxResult<u64> {
    let mut read = 0;
    for backwards in [false, true] {
        loop {
            let step = catch_unwind(AssertUnwindSafe(|| if backwards { rows.next_back() } else { rows.next() }));
            let Ok(Some(Ok((key, value)))) = step else { break };
            read += 1;
            if read % WATCHED == 0 {
                work.step(WATCHED as u64)?;
            }
            if catch_unwind(AssertUnwindSafe(|| (table.is_row)(&key, &value))).unwrap_or(false) {
                target.insert(K::from_bytes(&key), value.as_slice())?;
            }
        }
        if wanted.is_some_and(|wanted| target.len().is_ok_and(|found| found >= wanted)) {
            break;
        }
    }
    let found = target.len()?;
    repaired.lost_rows += wanted.unwrap_or(found).saturating_sub(found);
    Ok(found)
}

/// Asks for the numbers that neither end of a table reached.
fn fill_gap(from: &ReadTransaction, to: &WriteTransaction, table: &Definition<u64, &'static [u8]>) -> TxResult<u64> {
    let Some(Ok(Some(source))) = catch_unwind(AssertUnwindSafe(|| table.read_if_there(from))).ok() else {
        return Ok(0);
    };
    let mut target = table.open(to)?;
    let last = target.last()?.map_or(0, |(key, _)| key.value());
    let mut found = 0;
    for number in 1..last.min(GAP) {
        if target.get(number)?.is_some() {
            continue;
        }
        let value =
            catch_unwind(AssertUnwindSafe(|| source.get(number).ok().flatten().map(|row| row.value().to_vec())));
        if let Ok(Some(value)) = value {
            target.insert(number, value.as_slice())?;
            found += 1;
        }
    }
    Ok(found)
}

/// Takes out the messages and people that are not what was written.
fn drop_damaged(txn: &WriteTransaction, repaired: &mut Repaired) -> TxResult<()> {
    let lost = &mut repaired.lost;
    schema::MESSAGES.open(txn)?.retain(|id, bytes| {
        let why = match queue::parse(bytes) {
            Err(error) => queue::unreadable(Id(id), &error).to_string(),
            // It lies under a damaged key.
            Ok(message) if message.id.0 != id => format!("message {} lies in the place of {}", message.id, Id(id)),
            Ok(_) => return true,
        };
        lost.push(why);
        false
    })?;
    schema::PEOPLE.open(txn)?.retain(|name, bytes| {
        let read = schema::record::<Person>(bytes);
        lost.extend(read.as_ref().err().map(|why| format!("person '{name}' is unreadable: {why}")));
        read.is_ok()
    })?;
    Ok(())
}

/// Builds the queues from the messages, and counts what the totals can be counted from.
fn rebuild(txn: &WriteTransaction, repaired: &mut Repaired) -> TxResult<()> {
    let damaged = Ledger::load(&schema::META.open(txn)?).is_err();
    if damaged {
        repaired.lost.push("the counters: those of the months before are lost".to_owned());
        schema::META.open(txn)?.remove("ledger")?;
    }
    let mut tx = Tx::open(Access::all(txn), None)?;
    tx.due.retain(|_, ()| false)?;
    let ids: Vec<u64> = tx.messages.iter()?.filter_map(Result::ok).map(|(id, _)| id.value()).collect();
    tx.ledger.totals.values_mut().for_each(|totals| totals.waiting = 0);
    for id in &ids {
        let message: Message = tx.message(Id(*id))?;
        tx.index(&message, None)?;
        if damaged {
            tx.ledger.book(message.origin, None, message.column());
        } else if message.column() == crate::message::Column::Waiting {
            tx.ledger.totals.entry(message.origin.word().to_owned()).or_default().waiting += 1;
        }
    }
    for totals in tx.ledger.totals.values_mut() {
        // Of a message that is lost nobody knows the column: it is no longer counted as taken.
        totals.accepted = totals.waiting + totals.delivered + totals.returned + totals.refused;
    }
    tx.rebuild_mailboxes()?;
    tx.forget_index()?;
    let next = ids.last().map_or(1, |last| last + 1);
    tx.ledger.next_message = tx.ledger.next_message.max(next);
    repaired.messages = ids.len() as u64;
    tx.close()?;
    Ok(())
}

#[cfg(test)]
mod tests;
