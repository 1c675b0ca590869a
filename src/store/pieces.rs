//! A new file that is written in several transactions: redb keeps a list of the pages that one wrote, which would grow with the
//! file. Nobody takes it for whole before it is sealed, or has its name.

use redb::{Database, ReadTransaction, TableDefinition, WriteTransaction};

use super::old_tables::OldRows;
use super::table::if_there;
use super::work::{WATCHED, Watch};

/// Bytes of rows, keys with them, after which a transaction ends; less in tests, so that all that copy come to the next one.
const TOGETHER: usize = if cfg!(test) { 16 * 1024 } else { 32 * 1024 * 1024 };

/// The copy, as far as it is written.
pub struct Pieces<'d> {
    to: &'d Database,
    open: Option<WriteTransaction>,
    /// Bytes of rows that this transaction wrote so far: less than are enough for one.
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
        let mut rows = source.range::<K::SelfType<'_>>(..)?;
        self.fill(table, watch, |to| {
            let Some((key, value)) = rows.next().transpose()? else { return Ok(None) };
            to.insert(key.value(), value.value())?;
            Ok(Some(K::as_bytes(&key.value()).as_ref().len() + value.value().len()))
        })
    }

    /// Copies a table of an older version to where its rows belong now, in the same way.
    ///
    /// # Errors
    /// As [`Pieces::copy`].
    pub fn bring<K: redb::Key>(
        &mut self,
        mut from: OldRows,
        table: TableDefinition<K, &'static [u8]>,
        watch: Watch,
    ) -> Result<u64, redb::Error> {
        self.fill(table, watch, |to| from.put_next(to))
    }

    /// Fills a table: `put` puts the next row there and gives its bytes, or `None` where there is no more.
    fn fill<K: redb::Key>(
        &mut self,
        table: TableDefinition<K, &'static [u8]>,
        watch: Watch,
        mut put: impl FnMut(&mut redb::Table<K, &'static [u8]>) -> Result<Option<usize>, redb::Error>,
    ) -> Result<u64, redb::Error> {
        let (mut rows, mut more) = (0, true);
        while more {
            let (mut bytes, room) = (0, TOGETHER - self.bytes);
            let mut target = self.txn()?.open_table(table)?;
            while more && bytes < room {
                match put(&mut target)? {
                    Some(row) => (bytes, rows) = (bytes + row, rows + 1),
                    None => more = false,
                }
                if more && rows % WATCHED as u64 == 0 {
                    watch(WATCHED as u64)?;
                }
            }
            drop(target);
            self.wrote(bytes)?;
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
    use testing::Folder;

    use super::super::old_tables::OldRow;
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

    #[test]
    fn a_transaction_counts_what_all_tables_wrote_in_it() {
        const NEXT: TableDefinition<u64, &[u8]> = TableDefinition::new("next");
        const OLD: TableDefinition<u64, &[u8]> = TableDefinition::new("old");
        let folder = Folder::new();
        let (one, other) = (Database::create(folder.path("one")), Database::create(folder.path("other")));
        let (one, other) = (one.unwrap(), other.unwrap());
        // Three quarters of what is enough for one transaction.
        let count = TOGETHER as u64 * 3 / 4 / 108;
        let txn = one.begin_write().unwrap();
        for table in [ROWS, NEXT] {
            let mut table = txn.open_table(table).unwrap();
            (0..count).for_each(|number| drop(table.insert(number, &[7; 100][..]).unwrap()));
        }
        txn.commit().unwrap();
        let from = one.begin_read().unwrap();
        let mut copy = Pieces::new(&other);
        let there =
            |table| if_there(&other.begin_read().unwrap(), table).unwrap().map_or(0, |table| table.len().unwrap());
        assert_eq!(copy.copy(&from, ROWS, &|_| Ok(())).unwrap(), count);
        assert_eq!(there(ROWS), 0);
        assert_eq!(copy.copy(&from, NEXT, &|_| Ok(())).unwrap(), count);
        assert_eq!(there(ROWS), count);
        assert!((count / 4..count / 2).contains(&there(NEXT)), "{}", there(NEXT));
        let row = |number: u64| (number.to_le_bytes().to_vec(), vec![7; 100]);
        let rows = (0..count).map(move |number| Ok(OldRow { before: row(number), now: row(number) }));
        let old = OldRows { count, rows: Box::new(rows.collect::<Vec<_>>().into_iter()) };
        assert_eq!(copy.bring(old, OLD, &|_| Ok(())).unwrap(), count);
        assert!((count / 4..count).contains(&there(OLD)), "{}", there(OLD));
        copy.end().unwrap();
        assert_eq!((there(NEXT), there(OLD)), (count, count));
    }
}
