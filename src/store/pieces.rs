//! A new file that is written in several transactions: redb keeps a list of the pages that one wrote, which would grow with the
//! file. Nobody takes it for whole before it is sealed, or has its name.

use redb::{Database, ReadTransaction, ReadableTableMetadata, TableDefinition, WriteTransaction};

use super::table::if_there;
use super::work::{WATCHED, Watch};

/// Bytes of rows that one transaction holds; less in tests, so that all that copy come to the next one.
const TOGETHER: usize = if cfg!(test) { 16 * 1024 } else { 32 * 1024 * 1024 };

/// The copy, as far as it is written.
pub struct Pieces<'d> {
    to: &'d Database,
    open: Option<WriteTransaction>,
    /// Bytes of rows that this transaction wrote so far.
    bytes: usize,
}

impl<'d> Pieces<'d> {
    /// Into this file, to which nobody else writes.
    pub fn new(to: &'d Database) -> Self {
        Self { to, open: None, bytes: 0 }
    }

    /// The transaction of now.
    ///
    /// # Errors
    /// Those of redb.
    pub fn txn(&mut self) -> Result<&WriteTransaction, redb::Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.to.begin_write()?,
        };
        Ok(self.open.insert(open))
    }

    /// Notes that so many bytes more were written; what comes next goes into the next transaction where that is enough for one.
    ///
    /// # Errors
    /// Those of redb.
    pub fn wrote(&mut self, bytes: usize) -> Result<(), redb::Error> {
        self.bytes += bytes;
        if self.bytes >= TOGETHER { self.end() } else { Ok(()) }
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// Those of redb.
    pub fn end(&mut self) -> Result<(), redb::Error> {
        self.bytes = 0;
        Ok(self.open.take().map_or(Ok(()), WriteTransaction::commit)?)
    }

    /// Copies a table; asks `watch` now and then whether to go on. Gives the number of its rows.
    ///
    /// # Errors
    /// Those of redb, and what `watch` says.
    pub fn copy<K: redb::Key>(
        &mut self,
        from: &ReadTransaction,
        table: TableDefinition<K, &'static [u8]>,
        watch: Watch,
    ) -> Result<u64, redb::Error> {
        let Some(source) = if_there(from, table)? else { return Ok(0) };
        let mut rows = source.range::<K::SelfType<'_>>(..)?.enumerate();
        loop {
            let (mut bytes, mut more) = (0, false);
            let mut target = self.txn()?.open_table(table)?;
            for (number, row) in rows.by_ref() {
                if number % WATCHED == WATCHED - 1 {
                    watch(WATCHED as u64)?;
                }
                let (key, value) = row?;
                target.insert(key.value(), value.value())?;
                bytes += K::as_bytes(&key.value()).as_ref().len() + value.value().len();
                more = bytes >= TOGETHER;
                if more {
                    break;
                }
            }
            let length = target.len()?;
            drop(target);
            self.wrote(bytes)?;
            if !more {
                return Ok(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase, ReadableTable};
    use testing::Folder;

    use super::*;

    const ROWS: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");

    #[test]
    fn a_copy_in_pieces_has_all_rows_once() {
        let folder = Folder::new();
        let (one, other) = (Database::create(folder.path("one")), Database::create(folder.path("other")));
        let (one, other) = (one.unwrap(), other.unwrap());
        let row = |number: u64| vec![number as u8; 100 + (number % 400) as usize];
        let txn = one.begin_write().unwrap();
        (0..1000)
            .for_each(|number| drop(txn.open_table(ROWS).unwrap().insert(number, row(number).as_slice()).unwrap()));
        txn.commit().unwrap();
        let mut copy = Pieces::new(&other);
        assert_eq!(copy.copy(&one.begin_read().unwrap(), ROWS, &|_| Ok(())).unwrap(), 1000);
        let rows = || {
            let table = other.begin_read().unwrap().open_table(ROWS).unwrap();
            table
                .iter()
                .unwrap()
                .map(|found| found.map(|(key, value)| (key.value(), value.value().to_vec())).unwrap())
                .collect()
        };
        let before: Vec<(u64, Vec<u8>)> = rows();
        assert!((900..1000).contains(&before.len()), "{} rows are written before the end", before.len());
        copy.end().unwrap();
        assert_eq!(rows(), (0..1000).map(|number| (number, row(number))).collect::<Vec<_>>());
    }
}
