//! What a transaction put and removed, as bytes: it can be done again in a file that lacks it, by code that knows nothing of
//! the jobs, and as often as one likes.
//!
//! | part of a row | bytes |
//! |---|---|
//! | 1 when it was put, 0 when it was removed | 1 |
//! | form of the keys of the table: 0 numbers, 1 texts, 2 bytes | 1 |
//! | name of the table | 1 for its length, then the name |
//! | key, as redb has it | 4 for its length (little endian), then the key |
//! | value, of one that was put | as the key |

use std::collections::BTreeMap;

use redb::{TableDefinition, WriteTransaction};

use super::Form;

const REMOVED: u8 = 0;
const PUT: u8 = 1;

/// The rows that a transaction put and removed, in its order.
#[derive(Debug)]
pub struct Changes {
    bytes: Vec<u8>,
    most: usize,
    over: bool,
}

impl Changes {
    /// None yet; more bytes than `most` are not kept.
    pub fn up_to(most: usize) -> Self {
        Self { bytes: Vec::new(), most, over: false }
    }

    /// Notes a row that was put.
    pub fn put(&mut self, table: &str, form: Form, key: &[u8], value: &[u8]) {
        if self.row(PUT, table, form, key, value.len()) {
            self.part(value);
        }
    }

    /// Notes a row that was removed, or was not there.
    pub fn remove(&mut self, table: &str, form: Form, key: &[u8]) {
        self.row(REMOVED, table, form, key, 0);
    }

    /// All of them; `None` when they were too many.
    pub fn bytes(&self) -> Option<&[u8]> {
        (!self.over).then_some(&self.bytes)
    }

    fn row(&mut self, kind: u8, table: &str, form: Form, key: &[u8], value: usize) -> bool {
        if self.over || self.bytes.len() + table.len() + key.len() + value + 11 > self.most {
            *self = Self { bytes: Vec::new(), most: self.most, over: true };
            return false;
        }
        // Names of tables are ours, and short.
        self.bytes.extend([kind, form as u8, table.len() as u8]);
        self.bytes.extend(table.as_bytes());
        self.part(key);
        true
    }

    fn part(&mut self, bytes: &[u8]) {
        // Below `most`, which is far below 4 GiB.
        self.bytes.extend((bytes.len() as u32).to_le_bytes());
        self.bytes.extend(bytes);
    }
}

/// One row that was put or removed, as it stands in a batch of changes.
struct Row<'a> {
    name: &'a str,
    form: Form,
    key: &'a [u8],
    /// None of one that was removed.
    value: Option<&'a [u8]>,
}

fn part<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *from = rest;
    Some(part)
}

impl<'a> Row<'a> {
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        let ([kind, form, name], rest) = from.split_first_chunk()?;
        let form = [Form::Numbers, Form::Texts, Form::Bytes].into_iter().find(|known| *known as u8 == *form)?;
        let (name, mut rest) = rest.split_at_checked(usize::from(*name))?;
        let key = part(&mut rest)?;
        let value = match *kind {
            PUT => Some(part(&mut rest)?),
            REMOVED => None,
            _ => return None,
        };
        *from = rest;
        let whole = match form {
            Form::Numbers => key.len() == size_of::<u64>(),
            Form::Texts => std::str::from_utf8(key).is_ok(),
            Form::Bytes => true,
        };
        Some(Self { name: std::str::from_utf8(name).ok()?, form, key, value }).filter(|_| whole)
    }
}

/// A table that was opened by its name.
enum Opened<'t> {
    Numbers(redb::Table<'t, u64, &'static [u8]>),
    Texts(redb::Table<'t, &'static str, &'static [u8]>),
    Bytes(redb::Table<'t, &'static [u8], &'static [u8]>),
}

/// Does changes again, in one transaction. The tables stay open until this goes.
pub struct Again<'t> {
    to: &'t WriteTransaction,
    tables: BTreeMap<String, Opened<'t>>,
}

impl<'t> Again<'t> {
    /// In this transaction; none of its tables may be open.
    pub fn new(to: &'t WriteTransaction) -> Self {
        Self { to, tables: BTreeMap::new() }
    }

    /// Does all of the changes.
    ///
    /// # Errors
    /// Those of redb; `Corrupted` for bytes that are no changes.
    pub fn apply(&mut self, changes: &[u8]) -> Result<(), redb::Error> {
        let no = || redb::Error::Corrupted("a record of the log is none of this program's".to_owned());
        let mut rest = changes;
        while !rest.is_empty() {
            let row = Row::take(&mut rest).ok_or_else(no)?;
            if !self.tables.contains_key(row.name) {
                let opened = match row.form {
                    Form::Numbers => Opened::Numbers(self.to.open_table(TableDefinition::new(row.name))?),
                    Form::Texts => Opened::Texts(self.to.open_table(TableDefinition::new(row.name))?),
                    Form::Bytes => Opened::Bytes(self.to.open_table(TableDefinition::new(row.name))?),
                };
                self.tables.insert(row.name.to_owned(), opened);
            }
            match (self.tables.get_mut(row.name), row.form) {
                (Some(Opened::Numbers(table)), Form::Numbers) => change(table, &row)?,
                (Some(Opened::Texts(table)), Form::Texts) => change(table, &row)?,
                (Some(Opened::Bytes(table)), Form::Bytes) => change(table, &row)?,
                _ => return Err(no()),
            }
        }
        Ok(())
    }
}

fn change<K: redb::Key>(table: &mut redb::Table<K, &'static [u8]>, row: &Row) -> Result<(), redb::Error> {
    match row.value {
        Some(value) => drop(table.insert(K::from_bytes(row.key), value)?),
        None => drop(table.remove(K::from_bytes(row.key))?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::{Database, ReadableDatabase};
    use testing::Folder;

    use super::*;
    use crate::store::schema::{BODIES, CHARGES, EVENTS, Readable, SEEN, SETTINGS};
    use crate::store::table::{Access, Notes};

    /// Every way to change a table, then the same in a second file from the notes alone, twice.
    #[test]
    fn what_was_noted_makes_the_same_rows_again() {
        let folder = Folder::new();
        let new = |name: &str| Database::create(folder.path(name)).unwrap();
        let (first, second) = (new("first"), new("second"));
        let notes = Notes::new(Changes::up_to(10_000));
        let txn = first.begin_write().unwrap();
        {
            let noting = Access { txn: &txn, notes: Some(&notes), at_once: false };
            let mut events = EVENTS.open_by(noting).unwrap();
            for number in 1..6 {
                events.insert(number, b"event").unwrap();
            }
            events.pop_first().unwrap();
            events.remove(4).unwrap();
            let mut seen = SEEN.open_by(noting).unwrap();
            for (key, at) in [("a", 1), ("b", -2), ("c", 3)] {
                seen.insert(key, at).unwrap();
            }
            seen.retain(|_, at| at != 3).unwrap();
            let mut charges = CHARGES.open_by(noting).unwrap();
            charges.insert((1, "2026-11"), (1, 2)).unwrap();
            charges.insert((1, "2026-11"), (3, 4)).unwrap();
            SETTINGS.open_by(noting).unwrap().insert("box.domain", "boat.example").unwrap();
        }
        txn.commit().unwrap();
        let changes = notes.into_inner();
        for _ in 0..2 {
            let txn = second.begin_write().unwrap();
            Again::new(&txn).apply(changes.bytes().unwrap()).unwrap();
            txn.commit().unwrap();
            let rows = |database: &Database| {
                let txn = database.begin_read().unwrap();
                let events: Vec<_> =
                    EVENTS.read(&txn).unwrap().iter().unwrap().map(|row| row.unwrap().0.value()).collect();
                let seen = SEEN.read(&txn).unwrap();
                let charge = CHARGES.read(&txn).unwrap().get((1, "2026-11")).unwrap().unwrap().value();
                let domain = SETTINGS.read(&txn).unwrap().get("box.domain").unwrap().unwrap().value().to_owned();
                (events, seen.len().unwrap(), seen.get("b").unwrap().unwrap().value(), charge, domain)
            };
            assert_eq!(rows(&first), (vec![2, 3, 5], 2, -2, (3, 4), "boat.example".to_owned()));
            assert_eq!(rows(&first), rows(&second));
        }
    }

    #[test]
    fn more_than_is_kept_is_none_at_all() {
        let mut changes = Changes::up_to(100);
        changes.put("bodies", Form::Numbers, &7_u64.to_le_bytes(), b"short");
        assert!(changes.bytes().is_some_and(|bytes| !bytes.is_empty()));
        changes.put("bodies", Form::Numbers, &8_u64.to_le_bytes(), &[0; 200]);
        changes.remove("bodies", Form::Numbers, &9_u64.to_le_bytes());
        assert_eq!(changes.bytes(), None);
    }

    #[test]
    fn bytes_that_are_no_changes_are_an_error_and_no_panic() {
        let folder = Folder::new();
        let database = Database::create(folder.path("file")).unwrap();
        let mut changes = Changes::up_to(1000);
        changes.put("bodies", Form::Numbers, &7_u64.to_le_bytes(), b"a mail");
        changes.put("seen.9", Form::Texts, b"key", &[0; 8]);
        let whole = changes.bytes().unwrap().to_vec();
        for at in 0..whole.len() {
            for bytes in [whole[..at].to_vec(), [&whole[..at], &[0xff], &whole[at + 1..]].concat()] {
                let txn = database.begin_write().unwrap();
                let _ = Again::new(&txn).apply(&bytes);
                txn.abort().unwrap();
            }
        }
        let txn = database.begin_write().unwrap();
        assert!(Again::new(&txn).apply(&[2, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(Again::new(&txn).apply(&whole).is_ok());
        assert_eq!(BODIES.open(&txn).unwrap().get(7).unwrap().unwrap().value(), b"a mail");
    }
}
