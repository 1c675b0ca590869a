//! Tables with typed keys and values, over few types of redb: it is compiled anew for each pair of them, some 50 KB of code, and
//! there are forty tables. In the file a key is one of three things, and a value is always bytes:
//!
//! | key | in the file |
//! |---|---|
//! | `u64`, text | as redb has them |
//! | all others | the bytes of their parts, which sort as the parts do |
//!
//! | part | bytes |
//! |---|---|
//! | unsigned number | big endian |
//! | signed number | the same, its sign turned over |
//! | text | UTF-8 and a zero, which no text of ours holds; one within is written as a one |
//! | number with a fraction | its bits; only in values, as they do not sort |
//!
//! Bytes that are no such parts are an error of the page that they were read from, as a panic of redb is.

pub mod changes;
mod parts;

use std::cell::{OnceCell, RefCell};
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use redb::{
    AccessGuard, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableError,
    WriteTransaction,
};

use changes::Changes;
use parts::Bytes;
pub use parts::{Form, Key, Raw, Value};

type Result<T> = std::result::Result<T, redb::Error>;

fn damaged() -> redb::Error {
    redb::Error::Corrupted("a row of it is not what was written".to_owned())
}

/// The name of a table, and what its rows are.
pub struct Definition<K, V> {
    name: &'static str,
    of: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Definition<K, V> {
    pub const fn new(name: &'static str) -> Self {
        Self { name, of: PhantomData }
    }

    /// Describes the table without its types, by its name and the form of its keys.
    pub const fn any(&self) -> AnyTable {
        AnyTable { name: self.name, form: K::FORM, is_row: is_row::<K, V> }
    }

    fn raw(&self) -> TableDefinition<'static, K::Raw, Bytes> {
        TableDefinition::new(self.name)
    }

    /// Opens the table for writing; where it is not there it is made.
    pub fn open<'t>(&self, txn: &'t WriteTransaction) -> Result<Table<'t, K, V>> {
        self.open_by(Access::all(txn))
    }

    /// The same, as this access wants it.
    pub fn open_by<'t>(&self, access: Access<'t>) -> Result<Table<'t, K, V>> {
        let Access { txn, notes, at_once } = access;
        let table = Table { txn, below: OnceCell::new(), name: self.name, notes, of: PhantomData };
        if at_once {
            table.opened()?;
        }
        Ok(table)
    }

    /// Opens the table for reading; an error when the store has no such table.
    pub fn read(&self, txn: &ReadTransaction) -> Result<ReadTable<K, V>> {
        Ok(ReadTable(txn.open_table(self.raw())?, PhantomData))
    }

    /// The same; `None` when the store never needed it.
    pub fn read_if_there(&self, txn: &ReadTransaction) -> Result<Option<ReadTable<K, V>>> {
        Ok(if_there(txn, self.raw())?.map(|table| ReadTable(table, PhantomData)))
    }

    /// Removes the table with all rows; nothing happens when there is none.
    pub fn delete(&self, txn: &WriteTransaction) -> Result<()> {
        txn.delete_table(self.raw())?;
        Ok(())
    }
}

/// A table; `None` when the store never needed it.
pub fn if_there<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    table: TableDefinition<K, V>,
) -> Result<Option<ReadOnlyTable<K, V>>> {
    match from.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is added to the name of a table whose keys or values lie otherwise in the file since version 9.
macro_rules! since_9 {
    ($name:literal) => {
        concat!($name, ".9")
    };
}
pub(super) use since_9;

/// A table of which only the form of the keys is known.
#[derive(Debug, Clone, Copy)]
pub struct AnyTable {
    pub name: &'static str,
    pub form: Form,
    /// True for the bytes of a key and a value of this table. Panics, as redb does, where the key has another form.
    pub is_row: fn(&[u8], &[u8]) -> bool,
}

fn is_row<K: Key, V: Value>(key: &[u8], value: &[u8]) -> bool {
    K::typed(<K::Raw as redb::Value>::from_bytes(key)).is_some() && V::typed(value).is_some()
}

/// Does something with the definition that a table of any form has in redb.
macro_rules! in_redb {
    ($table:expr, $definition:ident => $work:expr) => {
        match $table.form {
            Form::Numbers => {
                let $definition = TableDefinition::<u64, &[u8]>::new($table.name);
                $work
            }
            Form::Texts => {
                let $definition = TableDefinition::<&str, &[u8]>::new($table.name);
                $work
            }
            Form::Bytes => {
                let $definition = TableDefinition::<&[u8], &[u8]>::new($table.name);
                $work
            }
        }
    };
}
pub(super) use in_redb;

/// Where the tables of a transaction note what changes in them.
pub type Notes = RefCell<Changes>;

/// How the tables of a write transaction are used.
#[derive(Clone, Copy)]
pub struct Access<'t> {
    pub txn: &'t WriteTransaction,
    /// Where what is put and removed is noted as well.
    pub notes: Option<&'t Notes>,
    /// Each table is opened now, and made where it is not there; otherwise when something is first asked of it.
    pub at_once: bool,
}

impl<'t> Access<'t> {
    /// All tables at once, and nothing is noted.
    pub fn all(txn: &'t WriteTransaction) -> Self {
        Self { txn, notes: None, at_once: true }
    }
}

/// A table of a write transaction. To open one and to close it again is as much work as to change a row, and most commits need few
/// of them.
pub struct Table<'t, K: Key, V: Value> {
    txn: &'t WriteTransaction,
    below: OnceCell<redb::Table<'t, K::Raw, Bytes>>,
    name: &'static str,
    notes: Option<&'t Notes>,
    of: PhantomData<fn() -> V>,
}

/// A table of a read transaction.
pub struct ReadTable<K: Key, V: Value>(ReadOnlyTable<K::Raw, Bytes>, PhantomData<fn() -> V>);

/// A key that was read, which the table lends.
pub struct KeyRead<'t, K: Key>(AccessGuard<'t, K::Raw>);

/// A value that was read, which the table lends.
pub struct ValueRead<'t, V>(AccessGuard<'t, Bytes>, PhantomData<fn() -> V>);

impl<'t, K: Key> KeyRead<'t, K> {
    fn new(guard: AccessGuard<'t, K::Raw>) -> Result<Self> {
        K::typed(guard.value()).ok_or_else(damaged)?;
        Ok(Self(guard))
    }

    pub fn value(&self) -> K::Is<'_> {
        // It was when this was made.
        K::typed(self.0.value()).expect("a key of this table")
    }
}

impl<'t, V: Value> ValueRead<'t, V> {
    fn new(guard: AccessGuard<'t, Bytes>) -> Result<Self> {
        V::typed(guard.value()).ok_or_else(damaged)?;
        Ok(Self(guard, PhantomData))
    }

    pub fn value(&self) -> V::Is<'_> {
        // It was when this was made.
        V::typed(self.0.value()).expect("a value of this table")
    }
}

type RowRead<'t, K, V> = (KeyRead<'t, K>, ValueRead<'t, V>);
type Pair<'t, K> = (AccessGuard<'t, <K as Key>::Raw>, AccessGuard<'t, Bytes>);

fn row<'t, K: Key, V: Value>((key, value): Pair<'t, K>) -> Result<RowRead<'t, K, V>> {
    Ok((KeyRead::new(key)?, ValueRead::new(value)?))
}

/// Rows in the order of their keys.
pub struct Rows<'t, K: Key, V: Value>(redb::Range<'t, K::Raw, Bytes>, PhantomData<fn() -> V>);

impl<'t, K: Key, V: Value> Iterator for Rows<'t, K, V> {
    type Item = Result<RowRead<'t, K, V>>;

    fn next(&mut self) -> Option<Self::Item> {
        #[cfg(test)]
        looks::one_more();
        self.0.next().map(|found| row(found?))
    }
}

impl<K: Key, V: Value> DoubleEndedIterator for Rows<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        #[cfg(test)]
        looks::one_more();
        self.0.next_back().map(|found| row(found?))
    }
}

/// What can be read of a table, whichever transaction it belongs to.
pub trait Readable<K: Key, V: Value> {
    /// The table of redb below.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn below(&self) -> Result<&impl ReadableTable<K::Raw, Bytes>>;

    fn get(&self, key: K::Is<'_>) -> Result<Option<ValueRead<'_, V>>> {
        let mut room = Vec::new();
        self.below()?.get(K::raw(key, &mut room))?.map(ValueRead::new).transpose()
    }

    fn range<'k>(&self, range: impl RangeBounds<K::Is<'k>>) -> Result<Rows<'_, K, V>> {
        let (mut low, mut high) = (Vec::new(), Vec::new());
        Ok(Rows(self.below()?.range::<Raw<'_, K>>(bounds::<K>(&range, &mut low, &mut high))?, PhantomData))
    }

    /// Takes the rows of a range one after the other, each read once.
    ///
    /// # Errors
    /// Those of the table, and of `take`, with which this ends.
    fn each<'k, E: From<redb::Error>>(
        &self,
        range: impl RangeBounds<K::Is<'k>>,
        mut take: impl for<'r> FnMut(K::Is<'r>, V::Is<'r>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (mut low, mut high) = (Vec::new(), Vec::new());
        let rows = self.below()?.range::<Raw<'_, K>>(bounds::<K>(&range, &mut low, &mut high));
        for row in rows.map_err(redb::Error::from)? {
            #[cfg(test)]
            looks::one_more();
            let (key, value) = row.map_err(redb::Error::from)?;
            match (K::typed(key.value()), V::typed(value.value())) {
                (Some(key), Some(value)) => take(key, value)?,
                _ => return Err(damaged().into()),
            }
        }
        Ok(())
    }

    fn iter(&self) -> Result<Rows<'_, K, V>> {
        Ok(Rows(self.below()?.iter()?, PhantomData))
    }

    fn first(&self) -> Result<Option<RowRead<'_, K, V>>> {
        self.below()?.first()?.map(row).transpose()
    }

    fn last(&self) -> Result<Option<RowRead<'_, K, V>>> {
        self.below()?.last()?.map(row).transpose()
    }

    fn len(&self) -> Result<u64> {
        Ok(self.below()?.len()?)
    }
}

fn bounds<'a, 'k: 'a, K: Key>(
    range: &impl RangeBounds<K::Is<'k>>,
    low: &'a mut Vec<u8>,
    high: &'a mut Vec<u8>,
) -> (Bound<Raw<'a, K>>, Bound<Raw<'a, K>>) {
    (range.start_bound().map(|key| K::raw(*key, low)), range.end_bound().map(|key| K::raw(*key, high)))
}

impl<K: Key, V: Value> Readable<K, V> for Table<'_, K, V> {
    fn below(&self) -> Result<&impl ReadableTable<K::Raw, Bytes>> {
        self.opened()
    }
}

impl<K: Key, V: Value> Readable<K, V> for ReadTable<K, V> {
    fn below(&self) -> Result<&impl ReadableTable<K::Raw, Bytes>> {
        #[cfg(test)]
        looks::one_more();
        Ok(&self.0)
    }
}

impl<'t, K: Key, V: Value> Table<'t, K, V> {
    fn opened(&self) -> Result<&redb::Table<'t, K::Raw, Bytes>> {
        if let Some(table) = self.below.get() {
            return Ok(table);
        }
        let table = self.txn.open_table(TableDefinition::new(self.name))?;
        Ok(self.below.get_or_init(|| table))
    }

    fn for_change(&mut self) -> Result<&mut redb::Table<'t, K::Raw, Bytes>> {
        self.opened()?;
        // It was opened just now.
        Ok(self.below.get_mut().expect("an open table"))
    }

    /// Puts a row, in the place of one of the same key, which is given back.
    pub fn insert(&mut self, key: K::Is<'_>, value: V::Is<'_>) -> Result<Option<ValueRead<'_, V>>> {
        let (mut key_room, mut room) = (Vec::new(), Vec::new());
        let (key, value) = (K::raw(key, &mut key_room), V::bytes(value, &mut room));
        if let Some(notes) = self.notes {
            notes.borrow_mut().put(self.name, K::FORM, <K::Raw as redb::Value>::as_bytes(&key).as_ref(), value);
        }
        let before = self.for_change()?.insert(key, value)?;
        before.map(ValueRead::new).transpose()
    }

    /// Takes a row out, and gives it back.
    pub fn remove(&mut self, key: K::Is<'_>) -> Result<Option<ValueRead<'_, V>>> {
        let mut room = Vec::new();
        let key = K::raw(key, &mut room);
        if let Some(notes) = self.notes {
            notes.borrow_mut().remove(self.name, K::FORM, <K::Raw as redb::Value>::as_bytes(&key).as_ref());
        }
        self.for_change()?.remove(key)?.map(ValueRead::new).transpose()
    }

    /// Takes the first row out.
    pub fn pop_first(&mut self) -> Result<()> {
        let (notes, name) = (self.notes, self.name);
        let first = self.for_change()?.pop_first()?;
        if let (Some(notes), Some((key, _))) = (notes, first) {
            notes.borrow_mut().remove(name, K::FORM, <K::Raw as redb::Value>::as_bytes(&key.value()).as_ref());
        }
        Ok(())
    }

    /// Takes out the rows for which `keep` is false. One that is not what was written stays, for whoever reads it.
    pub fn retain(&mut self, keep: impl for<'r> FnMut(K::Is<'r>, V::Is<'r>) -> bool) -> Result<()> {
        self.retain_in(.., keep)
    }

    /// The same within a range.
    pub fn retain_in<'k>(
        &mut self,
        range: impl RangeBounds<K::Is<'k>>,
        mut keep: impl for<'r> FnMut(K::Is<'r>, V::Is<'r>) -> bool,
    ) -> Result<()> {
        let (mut low, mut high) = (Vec::new(), Vec::new());
        let (notes, name) = (self.notes, self.name);
        // Called through a pointer: redb would be compiled anew for each `keep`.
        let keep: &mut dyn for<'r> FnMut(Raw<'r, K>, &'r [u8]) -> bool = &mut |key, value| {
            let bytes = notes.map(|_| <K::Raw as redb::Value>::as_bytes(&key).as_ref().to_vec());
            let stays = match (K::typed(key), V::typed(value)) {
                (Some(key), Some(value)) => keep(key, value),
                _ => true,
            };
            if let (Some(notes), Some(key), false) = (notes, bytes, stays) {
                notes.borrow_mut().remove(name, K::FORM, &key);
            }
            stays
        };
        Ok(self.for_change()?.retain_in::<Raw<'_, K>, _>(bounds::<K>(&range, &mut low, &mut high), keep)?)
    }
}

/// Counts how often this thread asked a table that it reads, or went on to the next row, so that a test can say what work was done.
#[cfg(test)]
pub mod looks {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn one_more() {
        COUNT.set(COUNT.get() + 1);
    }

    /// What `work` gives, and how many looks it took.
    pub fn of<T>(work: impl FnOnce() -> T) -> (T, u64) {
        let before = COUNT.get();
        let done = work();
        (done, COUNT.get() - before)
    }
}

#[cfg(test)]
mod tests;
