use std::ops::Bound;
use std::sync::{Arc, Mutex};

use redb::BackendError;

use super::*;
use crate::store::table::Form;

/// A disk that keeps what was synced, and of the rest what the test says.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl Disk {
    fn synced(&self) -> Vec<u8> {
        self.0.lock().unwrap().1.clone()
    }

    fn written(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().0.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.0.lock().unwrap().0[at..at + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().0.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.1 = disk.0.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        self.0.lock().unwrap().0[at..at + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

fn changes(number: u64, length: usize) -> Changes {
    let mut dice = testing::Dice::new(number);
    let mut changes = Changes::up_to(LARGEST);
    changes.put("bodies", Form::Numbers, &number.to_le_bytes(), &dice.bytes(length));
    changes
}

/// A log with records of these lengths, numbered from 1.
fn filled(generation: u64, lengths: &[usize]) -> (Disk, Wal<Disk>) {
    let disk = Disk::default();
    let mut wal = Wal::new(disk.clone()).unwrap();
    assert!(!wal.append(1, &changes(1, 10)).unwrap(), "no generation yet");
    wal.begin(generation);
    for (number, length) in (1..).zip(lengths) {
        assert!(wal.append(number, &changes(number, *length)).unwrap());
    }
    (disk, wal)
}

fn numbers(log: &[u8], generation: u64) -> (Vec<u64>, End) {
    let mut records = Records::new(log, generation);
    let found = records.by_ref().map(|(number, rows)| {
        let length = rows.len() - "bodies".len() - 19;
        assert_eq!(rows, changes(number, length).bytes().unwrap(), "record {number} is not what was written");
        number
    });
    (found.collect(), records.end())
}

#[test]
fn records_come_back_in_their_order_and_no_others_do() {
    let (disk, mut wal) = filled(7, &[10, 5000, 0, 20_000]);
    assert_eq!(disk.synced(), disk.written(), "each was synced");
    assert_eq!(numbers(&disk.synced(), 7), (vec![1, 2, 3, 4], End::Whole));
    assert_eq!(numbers(&disk.synced(), 8), (vec![], End::Whole), "of another file");
    // The next generation covers the first ones; what lies behind it is of the one before.
    wal.begin(9);
    assert!(wal.append(5, &changes(5, 100)).unwrap());
    assert_eq!(numbers(&disk.synced(), 9), (vec![5], End::Whole));
    assert_eq!(first_generation(&disk.synced()), Some(9));
    wal.clear().unwrap();
    assert!(disk.synced()[BLOCK..].iter().all(|byte| *byte == 0));
    assert_eq!(first_generation(&disk.synced()), None);
}

/// What fits in one block is kept as it is, and from there on deflated; both come back.
#[test]
fn a_record_of_one_block_is_not_deflated() {
    // Beside the text there are 25 bytes of its row.
    let most = BLOCK - HEAD - STORED - 25;
    let (disk, wal) = filled(7, &[most, most + 1, most - 1]);
    assert_eq!(wal.at, 5 * BLOCK as u64);
    assert_eq!(numbers(&disk.synced(), 7), (vec![1, 2, 3], End::Whole));
    let kept = changes(1, most);
    assert_eq!(disk.synced()[BLOCK + HEAD + STORED..2 * BLOCK], *kept.bytes().unwrap());
}

/// A generation is of the log as it was opened last, and of no other.
#[test]
fn a_log_knows_its_own_generations() {
    let disk = Disk::default();
    let mut wal = Wal::new(disk.clone()).unwrap();
    let (first, second) = (wal.next(), wal.next());
    assert_ne!(first, second);
    let log = disk.synced();
    assert!(belongs(&log, first) && belongs(&log, second));
    wal.begin(second);
    wal.clear().unwrap();
    assert!(!wal.is_begun(), "the file has to know the new log first");
    assert!(!belongs(&disk.synced(), first));
    let mut again = Wal::new(disk.clone()).unwrap();
    let third = again.next();
    assert!(belongs(&disk.synced(), third) && !belongs(&log, third));
    let mut damaged = disk.synced();
    damaged[5] ^= 1;
    assert!(!belongs(&damaged, third));
    assert!(!belongs(&vec![0; damaged.len()], 0) && !belongs(&[], 0));
}

#[test]
fn a_full_log_and_a_large_commit_are_left_to_the_file() {
    let (disk, mut wal) = filled(7, &[]);
    let too_many = changes(1, LARGEST);
    assert_eq!(too_many.bytes(), None);
    assert!(!wal.append(1, &too_many).unwrap());
    let fit = (1..).take_while(|number| wal.append(*number, &changes(*number, 100_000)).unwrap()).count();
    assert_eq!(fit, 10);
    assert_eq!(numbers(&disk.synced(), 7).0.len(), fit);
    assert!(wal.append(fit as u64 + 1, &changes(1, 100)).unwrap(), "a smaller one has room yet");
}

/// The power goes while the last record is being written: any of its sectors is new or old. It is there whole, or not at all.
#[test]
fn a_torn_record_is_never_believed() {
    let (disk, mut wal) = filled(7, &[3000, 9000]);
    let before = disk.synced();
    assert!(wal.append(3, &changes(3, 14_000)).unwrap());
    let after = disk.synced();
    let mut dice = testing::Dice::new(20);
    let (mut kept, mut torn) = (0, 0);
    for _ in 0..300 {
        let mut log = before.clone();
        let often = 1 + dice.below(40);
        for at in (0..log.len()).step_by(512) {
            if dice.below(often + 1) > 0 {
                log[at..at + 512].copy_from_slice(&after[at..at + 512]);
            }
        }
        match numbers(&log, 7) {
            (found, End::Whole) if found == [1, 2, 3] => kept += 1,
            (found, End::Torn | End::Whole) if found == [1, 2] => torn += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(kept > 0 && torn > 0, "{kept} {torn}");
}

/// Each flipped bit in a record that has others behind it is damage, and one in the last record ends the log before it.
#[test]
fn damage_between_records_is_told_from_an_end() {
    let (disk, _wal) = filled(7, &[300, 5000, 40]);
    let log = disk.synced();
    let used = 4096 + 2 * 4096 + 4096;
    let mut dice = testing::Dice::new(4);
    for _ in 0..400 {
        let mut damaged = log.clone();
        let at = dice.index(used);
        damaged[BLOCK + at] ^= 1 << dice.below(8);
        let (found, end) = numbers(&damaged, 7);
        let padding = found == [1, 2, 3] && end == End::Whole;
        match (at / 4096, found.len()) {
            _ if padding => {}
            (0, 0) | (1 | 2, 1) => assert_eq!(end, End::Damaged, "at {at}"),
            // The few bytes that say whose it is cannot say any more that it was one.
            (3, 2) => assert!(end == End::Torn || (at % 4096) < 16, "at {at}"),
            other => panic!("at {at}: {other:?} {found:?}"),
        }
        let mut records = Records::new(&damaged, 7);
        let mut rest: Vec<_> = records.by_ref().map(|record| record.0).collect();
        while records.pass_over() {
            rest.extend(records.by_ref().map(|record| record.0));
        }
        assert!(rest.len() >= 2, "the others can be saved: {rest:?}");
    }
}
