//! The file and its log on a disk that loses what was not synced, in any order and torn at any sector.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use redb::{BackendError, StorageBackend};
use testing::{Dice, Folder};

use super::*;
use crate::store::commit::make_last;
use crate::store::schema::{BODIES, SEEN};
use crate::store::table::changes::Changes;
use crate::store::table::{Access, Notes};

const SECTOR: usize = 512;

/// The file and the log on that disk, and a power cut that is to come.
#[derive(Debug)]
struct Machine {
    files: [Content; 2],
    dice: Dice,
    /// Writes and syncs until the power goes.
    left: Option<u64>,
    /// What was found then.
    found: Option<[Content; 2]>,
}

/// What was written to a file, what is surely on the disk, and the sectors that were written since.
#[derive(Debug, Clone, Default)]
struct Content {
    written: Vec<u8>,
    synced: Vec<u8>,
    open: BTreeSet<usize>,
}

impl Content {
    fn cut(&self, dice: &mut Dice) -> Self {
        let mut found = self.synced.clone();
        // The length may be the new one or not, as it is a matter of the file system.
        if found.len() < self.written.len() && dice.below(2) == 0 {
            found.resize(self.written.len(), 0);
        }
        let often = dice.below(5);
        for at in self.open.iter().map(|sector| sector * SECTOR) {
            let end = (at + SECTOR).min(self.written.len());
            if end <= found.len() && dice.below(4) < often {
                found[at..end].copy_from_slice(&self.written[at..end]);
            }
        }
        Self { written: found.clone(), synced: found, open: BTreeSet::new() }
    }
}

impl Machine {
    fn new(files: [Content; 2], seed: u64) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self { files, dice: Dice::new(seed), left: None, found: None }))
    }

    fn cut(&mut self) -> [Content; 2] {
        [0, 1].map(|file| self.files[file].cut(&mut self.dice))
    }

    /// Before each write and sync.
    fn step(&mut self) {
        self.left = self.left.and_then(|left| left.checked_sub(1));
        if self.left == Some(0) && self.found.is_none() {
            self.found = Some(self.cut());
        }
    }
}

/// One of the two files.
#[derive(Debug, Clone)]
struct Disk(Arc<Mutex<Machine>>, usize);

impl Disk {
    fn with<T>(&self, work: impl FnOnce(&mut Content) -> T) -> T {
        work(&mut self.0.lock().unwrap().files[self.1])
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|content| content.written.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        self.with(|content| out.copy_from_slice(&content.written[at..at + out.len()]));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|content| content.written.resize(usize::try_from(len).unwrap(), 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.lock().unwrap().step();
        self.with(|content| {
            content.synced.clone_from(&content.written);
            content.open.clear();
        });
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().step();
        let at = usize::try_from(offset).unwrap();
        self.with(|content| {
            content.written[at..at + data.len()].copy_from_slice(data);
            content.open.extend(at / SECTOR..(at + data.len()).div_ceil(SECTOR));
        });
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

fn open(file: &Disk) -> Database {
    Database::builder().set_cache_size(1 << 20).create_with_backend(file.clone()).unwrap()
}

/// A mail of its own for each number; some are long, a few too long for the log.
fn mail(number: u64) -> Vec<u8> {
    let mut dice = Dice::new(number);
    let length = match number % 40 {
        0 => 300_000,
        1..10 => dice.index(30_000),
        _ => dice.index(3000),
    };
    dice.bytes(length)
}

/// One commit, as the writer makes it; every third one also takes an older row out.
fn commit(database: &Database, log: &mut Wal<Disk>, roomy: bool) -> u64 {
    let txn = database.begin_write().unwrap();
    let notes = Notes::new(Changes::up_to(wal::LARGEST));
    let number = {
        let noting = Access { txn: &txn, notes: Some(&notes), at_once: false };
        let mut meta = META.open_by(noting).unwrap();
        let mut ledger = Ledger::load(&meta).unwrap();
        ledger.commits += 1;
        ledger.save(&mut meta).unwrap();
        let number = ledger.commits;
        BODIES.open_by(noting).unwrap().insert(number, &mail(number)).unwrap();
        let mut seen = SEEN.open_by(noting).unwrap();
        seen.insert(&format!("key {number}"), number.cast_signed()).unwrap();
        if number.is_multiple_of(3) {
            seen.remove(&format!("key {}", number / 2)).unwrap();
        }
        number
    };
    make_last(Some(log), roomy, txn, number, &notes.into_inner()).unwrap();
    number
}

/// Everything up to the last yes is there as it was written; one more may be, whole.
fn holds(database: &Database, yes: u64) -> u64 {
    let txn = database.begin_read().unwrap();
    let Some(meta) = META.read_if_there(&txn).unwrap() else {
        assert_eq!(yes, 0, "all is gone");
        return 0;
    };
    let there = Ledger::load(&meta).unwrap().commits;
    assert!((yes..=yes + 1).contains(&there), "{yes} got their yes, {there} are there");
    if there > 0 {
        let (bodies, seen) = (BODIES.read(&txn).unwrap(), SEEN.read(&txn).unwrap());
        assert_eq!(bodies.len().unwrap(), there);
        for number in 1..=there {
            assert!(bodies.get(number).unwrap().unwrap().value() == mail(number), "mail {number}");
            let removed = (number * 2..=number * 2 + 1).any(|by| by.is_multiple_of(3) && by <= there);
            assert_eq!(seen.get(&format!("key {number}")).unwrap().is_none(), removed, "key {number} of {there}");
        }
    }
    there
}

/// The power goes before any write and any sync: amid commits to the log and to the file, and amid the start after another cut.
#[test]
fn no_power_cut_loses_what_got_its_yes() {
    let mut dice = Dice::new(20_261_129);
    let (mut cuts, mut replayed, mut torn) = (0, 0, 0);
    for _ in 0..6 * testing::soak() {
        let (mut files, mut yes) = ([Content::default(), Content::default()], 0);
        for _ in 0..8 {
            let machine = Machine::new(files, dice.below(u64::MAX));
            let (file, log_file) = (Disk(Arc::clone(&machine), 0), Disk(Arc::clone(&machine), 1));
            // A file that is not a store yet is another matter.
            if yes > 0 {
                machine.lock().unwrap().left = Some(1 + dice.below(700));
            }
            let database = open(&file);
            let bytes = log_file.with(|content| content.written.clone());
            match replay_from(&database, || Ok(Some(bytes))).unwrap() {
                Replayed::Commits(done, end) => {
                    replayed += done;
                    torn += u32::from(end == End::Torn);
                }
                Replayed::Nothing => {}
                Replayed::No(what) => panic!("after {yes}: the log {what}"),
            }
            yes = holds(&database, yes);
            let mut log = Wal::new(log_file).unwrap();
            for number in 0..60 {
                let next = commit(&database, &mut log, number % 17 != 16);
                if machine.lock().unwrap().found.is_some() {
                    break;
                }
                yes = next;
            }
            let mut machine = machine.lock().unwrap();
            files = match machine.found.take() {
                Some(found) => found,
                None => machine.cut(),
            };
            cuts += 1;
        }
    }
    println!("{cuts} cuts, {replayed} commits from the log, {torn} torn records");
    assert!(replayed > 100);
}

/// Nothing is missing or damaged without a word; a log of another file is not taken.
#[test]
fn a_log_that_will_not_do_is_named() {
    let machine = |files| Machine::new(files, 1);
    let first = machine(Default::default());
    let database = open(&Disk(Arc::clone(&first), 0));
    let mut log = Wal::new(Disk(Arc::clone(&first), 1)).unwrap();
    for _ in 0..6 {
        commit(&database, &mut log, true);
    }
    let found = first.lock().unwrap().cut();
    let whole = found[1].synced.clone();
    let replayed = |bytes: Option<Vec<u8>>| {
        let copy = open(&Disk(machine(found.clone()), 0));
        let done = replay_from(&copy, || Ok(bytes)).unwrap();
        if let Replayed::Commits(..) = done {
            holds(&copy, 6);
            // A second time there is nothing left to do.
            assert_eq!(replay_from(&copy, || Ok(None)).unwrap(), Replayed::Nothing);
        }
        done
    };
    assert_eq!(replayed(Some(whole.clone())), Replayed::Commits(5, End::Whole));
    assert_eq!(replayed(None), Replayed::No("is missing"));
    assert_eq!(replayed(Some(whole[..8192].to_vec())), Replayed::No("is too short"));
    let mut damaged = whole.clone();
    damaged[wal::BLOCK + 40] ^= 1;
    assert_eq!(replayed(Some(damaged)), Replayed::No("is damaged"));
    let foreign = Replayed::No("is that of another store, or an old copy");
    assert_eq!(replayed(Some(vec![0; whole.len()])), foreign);
    let second = machine(Default::default());
    let stranger = open(&Disk(Arc::clone(&second), 0));
    let mut log = Wal::new(Disk(Arc::clone(&second), 1)).unwrap();
    for _ in 0..6 {
        commit(&stranger, &mut log, true);
    }
    assert_eq!(replayed(Some(second.lock().unwrap().cut()[1].synced.clone())), foreign);
    assert_eq!(replayed(Some(whole.clone())), Replayed::Commits(5, End::Whole), "it is as good as before");
    // The same box after its next start has an old copy of its log.
    let third = machine(found.clone());
    let later = open(&Disk(Arc::clone(&third), 0));
    replay_from(&later, || Ok(Some(whole.clone()))).unwrap();
    let mut log = Wal::new(Disk(Arc::clone(&third), 1)).unwrap();
    commit(&later, &mut log, true);
    commit(&later, &mut log, true);
    let cut = third.lock().unwrap().cut();
    let copy = open(&Disk(machine(cut.clone()), 0));
    assert_eq!(replay_from(&copy, || Ok(Some(whole.clone()))).unwrap(), foreign);
    assert_eq!(replay_from(&copy, || Ok(Some(cut[1].synced.clone()))).unwrap(), Replayed::Commits(1, End::Whole));
    // A file that was put in the place of another one does not know the log that lies there.
    let other = open(&Disk(machine(Default::default()), 0));
    assert_eq!(replay_from(&other, || Ok(Some(whole))).unwrap(), Replayed::Nothing);
}

/// What a repair takes from a log: that of its own generation, and after a lost commit also what that began.
#[test]
fn a_repair_takes_the_log_that_belongs_to_the_file() {
    let folder = Folder::new();
    let file = folder.path("satpost.redb");
    let disks = Machine::new(Default::default(), 1);
    let database = open(&Disk(Arc::clone(&disks), 0));
    let mut log = Wal::new(Disk(Arc::clone(&disks), 1)).unwrap();
    // As the file is at its first commit, which began no log.
    commit(&database, &mut log, false);
    let state = |disks: &Arc<Mutex<Machine>>| disks.lock().unwrap().cut();
    let none = state(&disks);
    for _ in 0..5 {
        commit(&database, &mut log, true);
    }
    let begun = state(&disks);
    let salvaged = |state: &[Content; 2], before: bool| {
        let from = open(&Disk(Machine::new(state.clone(), 1), 0));
        let to = open(&Disk(Machine::new(Default::default(), 1), 0));
        let txn = to.begin_write().unwrap();
        let lost = salvage(&from.begin_read().unwrap(), &file, &txn, before).unwrap();
        txn.commit().unwrap();
        let rows = BODIES.read_if_there(&to.begin_read().unwrap()).unwrap().map_or(0, |table| table.len().unwrap());
        (rows, lost.is_some())
    };
    fs::write(path(&file), &begun[1].synced).unwrap();
    assert_eq!(salvaged(&begun, false), (4, false));
    assert_eq!(salvaged(&none, false), (0, false), "it relies on none");
    assert_eq!(salvaged(&none, true), (4, true), "the lost commit began it");
    // That of another store in the place of its own.
    let other = Machine::new(Default::default(), 2);
    let stranger = open(&Disk(Arc::clone(&other), 0));
    let mut log = Wal::new(Disk(Arc::clone(&other), 1)).unwrap();
    for _ in 0..9 {
        commit(&stranger, &mut log, true);
    }
    fs::write(path(&file), &state(&other)[1].synced).unwrap();
    assert_eq!(salvaged(&begun, false), (0, true));
    assert_eq!(salvaged(&begun, true), (0, true));
    fs::write(path(&file), vec![0; begun[1].synced.len()]).unwrap();
    assert_eq!(salvaged(&begun, false), (0, true));
    // One that cannot be read.
    fs::remove_file(path(&file)).unwrap();
    fs::create_dir(path(&file)).unwrap();
    assert_eq!(salvaged(&begun, false), (0, true));
}

/// The log of a store on disk belongs to the box alone, and takes its room once.
#[test]
fn the_log_is_made_with_its_room_and_for_the_box_alone() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let file = folder.path("satpost.redb");
    for _ in 0..2 {
        assert!(open_log(&file).is_some());
        let made = fs::metadata(path(&file)).unwrap();
        assert_eq!((made.len(), made.mode() & 0o777), (wal::LENGTH, 0o600));
        assert!(made.blocks() * 512 >= wal::LENGTH, "its blocks are there");
    }
}
