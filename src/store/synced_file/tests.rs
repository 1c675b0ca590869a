//! Against a disk that lies as Linux does: after a failed sync its pages are clean, and shown, and not on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use redb::{Database, ReadableDatabase, TableDefinition};

use super::*;

const PAGE: u64 = 4096;
const ROWS: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");

/// A disk with a page cache before it.
#[derive(Debug, Clone, Default)]
struct LyingDisk(Arc<Mutex<Pages>>, Arc<AtomicU32>);

#[derive(Debug, Default)]
struct Pages {
    len: u64,
    disk: BTreeMap<u64, Vec<u8>>,
    cached: BTreeMap<u64, Vec<u8>>,
    dirty: BTreeSet<u64>,
    /// New blocks whose sync failed while cached: written again they stay zeros.
    lost: BTreeSet<u64>,
}

impl LyingDisk {
    /// So many syncs fail from now on.
    fn fail(&self, syncs: u32) {
        self.1.store(syncs, Ordering::Relaxed);
    }

    /// The machine loses its power.
    fn cut(&self) -> Self {
        let pages = self.0.lock().unwrap();
        let after = Pages { len: pages.len, disk: pages.disk.clone(), ..Pages::default() };
        Self(Arc::new(Mutex::new(after)), Arc::default())
    }
}

impl Pages {
    fn page(&self, at: u64) -> Vec<u8> {
        let known = self.cached.get(&at).or_else(|| self.disk.get(&at));
        known.cloned().unwrap_or_else(|| vec![0; PAGE as usize])
    }
}

impl StorageBackend for LyingDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let pages = self.0.lock().unwrap();
        for (index, byte) in out.iter_mut().enumerate() {
            let at = offset + index as u64;
            *byte = match pages.cached.get(&(at / PAGE)).or_else(|| pages.disk.get(&(at / PAGE))) {
                Some(page) => page[(at % PAGE) as usize],
                None => 0,
            };
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut pages = self.0.lock().unwrap();
        let fails = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        for at in std::mem::take(&mut pages.dirty) {
            match fails {
                true if !pages.disk.contains_key(&at) => drop(pages.lost.insert(at)),
                true => {}
                false if pages.lost.contains(&at) => {}
                false => {
                    let page = pages.page(at);
                    pages.disk.insert(at, page);
                }
            }
        }
        if fails { Err(io::Error::other("the medium failed")) } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut pages = self.0.lock().unwrap();
        for (index, byte) in data.iter().enumerate() {
            let at = offset + index as u64;
            if !pages.cached.contains_key(&(at / PAGE)) {
                let page = pages.page(at / PAGE);
                pages.cached.insert(at / PAGE, page);
            }
            pages.cached.get_mut(&(at / PAGE)).unwrap()[(at % PAGE) as usize] = *byte;
            pages.dirty.insert(at / PAGE);
        }
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

impl Cache for LyingDisk {
    fn forget(&self) -> io::Result<()> {
        let mut pages = self.0.lock().unwrap();
        let dirty = pages.dirty.clone();
        pages.cached.retain(|at, _| dirty.contains(at));
        pages.lost.retain(|at| dirty.contains(at));
        Ok(())
    }

    fn read_through(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let pages = self.0.lock().unwrap();
        for (index, byte) in out.iter_mut().enumerate() {
            let at = offset + index as u64;
            *byte = pages.disk.get(&(at / PAGE)).map_or(0, |page| page[(at % PAGE) as usize]);
        }
        Ok(())
    }
}

fn open(disk: &LyingDisk, patience: Duration) -> Database {
    let file = SyncedFile::new(disk.clone(), disk.clone(), patience).unwrap();
    Database::builder().set_cache_size(1 << 20).create_with_backend(file).unwrap()
}

fn put(database: &Database, row: u64) -> Result<(), redb::Error> {
    let txn = database.begin_write()?;
    txn.open_table(ROWS)?.insert(row, [row as u8; 3000].as_slice())?;
    txn.commit()?;
    Ok(())
}

fn has(database: &Database, row: u64) -> bool {
    let table = database.begin_read().unwrap().open_table(ROWS).unwrap();
    table.get(row).unwrap().is_some_and(|value| value.value() == [row as u8; 3000])
}

#[test]
fn a_sync_that_failed_is_made_good_and_nothing_is_lost() {
    let disk = LyingDisk::default();
    let database = open(&disk, Duration::from_millis(500));
    for row in 0..40 {
        if row % 7 == 3 {
            disk.fail(1 + row as u32 % 3);
        }
        put(&database, row).unwrap();
    }
    let after = open(&disk.cut(), Duration::ZERO);
    assert!((0..40).all(|row| has(&after, row)));
}

#[test]
fn the_disk_of_this_test_loses_what_a_plain_sync_calls_kept() {
    // Without the file under test the second sync says yes, and the power cut shows that it was none.
    let disk = LyingDisk::default();
    disk.write(0, b"kept").unwrap();
    disk.fail(1);
    assert!(disk.sync_data().is_err() && disk.sync_data().is_ok());
    let mut found = [0; 4];
    disk.read(0, &mut found).unwrap();
    assert_eq!(&found, b"kept");
    disk.cut().read(0, &mut found).unwrap();
    assert_eq!(found, [0; 4]);
}

#[test]
fn an_error_that_lasts_is_given_out_and_what_was_kept_before_is_there() {
    let disk = LyingDisk::default();
    let database = open(&disk, Duration::from_millis(100));
    put(&database, 1).unwrap();
    disk.fail(u32::MAX);
    assert!(put(&database, 2).is_err());
    drop(database);
    disk.fail(0);
    let again = open(&disk, Duration::ZERO);
    assert!(has(&again, 1));
    put(&again, 3).unwrap();
    let after = open(&disk.cut(), Duration::ZERO);
    assert!(has(&after, 1) && has(&after, 3));
    assert_eq!(has(&again, 2), has(&after, 2), "what is shown is what is kept");
}

#[test]
fn what_is_written_last_is_what_is_kept_of_a_range() {
    let mut unsynced = Unsynced::default();
    unsynced.write(0, &[1; 100]);
    unsynced.write(40, &[2; 20]);
    unsynced.write(90, &[3; 20]);
    unsynced.cut(105, u64::MAX);
    let pieces: Vec<_> = unsynced.pieces.iter().map(|(at, piece)| (*at, piece[0], piece.len())).collect();
    assert_eq!(pieces, [(0, 1, 40), (40, 2, 20), (60, 1, 30), (90, 3, 15)]);
    assert_eq!(unsynced.bytes, 105);
    unsynced.write(0, &vec![0; KEPT + 1]);
    assert!(unsynced.overflow && unsynced.pieces.is_empty());
}
