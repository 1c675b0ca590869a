//! Tables as they were up to version 8, when each had types of redb of its own. They are only read: their rows move to the tables
//! that [`table`](super::table) describes.

use redb::{ReadTransaction, ReadableTableMetadata, TableDefinition, WriteTransaction};

use super::schema;
use super::table::{AnyTable, Definition, Form, Key, Value, if_there, in_redb, since_9};
use super::work::{Hear, Stage, WATCHED, Watch, Work};

/// A row of an old table.
pub struct OldRow {
    /// Its key and its value as they were: the seal of an old backup is over these.
    pub before: (Vec<u8>, Vec<u8>),
    /// The key and the value as this version writes them.
    pub now: (Vec<u8>, Vec<u8>),
}

/// All rows of an old table.
pub struct OldRows {
    pub count: u64,
    pub rows: Box<dyn DoubleEndedIterator<Item = Result<OldRow, redb::Error>>>,
}

/// Where the rows of an old table are to be found.
pub struct OldTable {
    name: &'static str,
    /// Where they belong now.
    pub new: AnyTable,
    rows: fn(&ReadTransaction, &str) -> Result<Option<OldRows>, redb::Error>,
}

impl OldTable {
    /// The rows; `None` when the store has no such table.
    pub fn rows(&self, txn: &ReadTransaction) -> Result<Option<OldRows>, redb::Error> {
        (self.rows)(txn, self.name)
    }

    /// The old form of a table, if it had another one.
    pub fn of(table: &AnyTable) -> Option<&'static Self> {
        OLD.iter().find(|old| old.new.name == table.name)
    }
}

const fn old<K, V>(new: &Definition<K, V>) -> OldTable
where
    K: Key + redb::Key + for<'a> redb::Value<SelfType<'a> = <K as Key>::Is<'a>>,
    V: Value + for<'a> redb::Value<SelfType<'a> = <V as Value>::Is<'a>>,
{
    let new = new.any();
    let (name, _) = new.name.split_at(new.name.len() - since_9!("").len());
    OldTable { name, new, rows: rows_of::<K, V> }
}

fn rows_of<K, V>(txn: &ReadTransaction, name: &str) -> Result<Option<OldRows>, redb::Error>
where
    K: Key + redb::Key + for<'a> redb::Value<SelfType<'a> = <K as Key>::Is<'a>>,
    V: Value + for<'a> redb::Value<SelfType<'a> = <V as Value>::Is<'a>>,
{
    let Some(table) = if_there(txn, TableDefinition::<K, V>::new(name))? else { return Ok(None) };
    let rows = table.range::<<K as Key>::Is<'_>>(..)?.map(|row| {
        let (key, value) = row?;
        let (key, value) = (key.value(), value.value());
        let before = (K::as_bytes(&key).as_ref().to_vec(), V::as_bytes(&value).as_ref().to_vec());
        let (mut key_room, mut room) = (Vec::new(), Vec::new());
        let raw = K::raw(key, &mut key_room);
        let key = <K::Raw as redb::Value>::as_bytes(&raw).as_ref().to_vec();
        Ok(OldRow { before, now: (key, V::bytes(value, &mut room).to_vec()) })
    });
    Ok(Some(OldRows { count: table.len()?, rows: Box::new(rows) }))
}

impl OldRows {
    /// Puts the rows where they belong now; gives their number.
    pub fn put_into<K: redb::Key>(
        mut self,
        to: &mut redb::Table<K, &'static [u8]>,
        watch: Watch,
    ) -> Result<u64, redb::Error> {
        let mut rows = 0;
        while self.put_next(to)?.is_some() {
            rows += 1;
            if rows % WATCHED as u64 == 0 {
                watch(WATCHED as u64)?;
            }
        }
        Ok(rows)
    }

    /// Puts the next row where it belongs now; gives its bytes, or `None` where there is no more.
    pub fn put_next<K: redb::Key>(
        &mut self,
        to: &mut redb::Table<K, &'static [u8]>,
    ) -> Result<Option<usize>, redb::Error> {
        let Some(row) = self.rows.next().transpose()? else { return Ok(None) };
        let (key, value) = row.now;
        to.insert(K::from_bytes(&key), value.as_slice())?;
        Ok(Some(key.len() + value.len()))
    }
}

/// Moves the rows of all old tables of a file to those of today.
///
/// # Errors
/// Those of redb, and when it is not to go on.
pub fn bring(from: &ReadTransaction, to: &WriteTransaction, hear: Hear) -> Result<(), redb::Error> {
    let mut total = 0;
    for old in &OLD {
        total += old.rows(from)?.map_or(0, |rows| rows.count);
    }
    let work = Work::new(hear, Stage::Migrating, total);
    work.step(0)?;
    for old in &OLD {
        if let Some(rows) = old.rows(from)? {
            in_redb!(old.new, definition => rows.put_into(&mut to.open_table(definition)?, &|rows| work.step(rows)))?;
            to.delete_table(TableDefinition::<u64, &[u8]>::new(old.name))?;
        }
    }
    Ok(())
}

const OLD: [OldTable; 31] = [
    old(&schema::DUE),
    old(&schema::FOLDERS),
    old(&schema::ENTRIES),
    old(&schema::CHANGES),
    old(&schema::PLACES),
    old(&schema::NAMES),
    old(&schema::SEARCH_ROWS),
    old(&schema::SEARCH_LOOSE),
    old(&schema::MAILBOX),
    old(&schema::CARRIED),
    old(&schema::OPEN),
    old(&schema::REFERENCES),
    old(&schema::FAR_BOXES),
    old(&schema::PACKETS_1),
    old(&schema::REFERENCES_1),
    old(&schema::SEEN),
    old(&schema::PARTS),
    old(&schema::MESSAGE_IDS),
    old(&schema::CONTACTS),
    old(&schema::TEXT_IDS),
    old(&schema::TEXT_DUE),
    old(&schema::OPT_OUTS),
    old(&schema::THREADS),
    old(&schema::FATES),
    old(&schema::CONVERSATIONS),
    old(&schema::SPENT),
    old(&schema::LINKS),
    old(&schema::CHARGES),
    old(&schema::SETTINGS),
    old(&schema::USAGE),
    old(&schema::SAMPLES),
];
