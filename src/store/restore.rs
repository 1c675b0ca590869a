//! Puts a backup in the place of the store of a data folder; what was there is kept beside.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase};

use super::backup::{CACHE, Contents, contents, copy_all, create, each_piece, open, through};
use super::mailbox::RESTORED;
use super::pieces::Pieces;
use super::work::{Hear, Stage, WATCHED};
use super::{FILE, own_files, replay, schema, spool, wal};
use crate::fault::Fault;

/// Where a restore put the store that was there before.
pub type Kept = Option<PathBuf>;

/// Why a backup is not in its place.
#[derive(Debug)]
pub struct NotRestored {
    /// Why it is not in its place.
    pub fault: Fault,
    /// The store that was there is in its place, as it was; if not, the fault says where it lies.
    pub as_it_was: bool,
}

impl From<Fault> for NotRestored {
    fn from(fault: Fault) -> Self {
        Self { fault, as_it_was: true }
    }
}

impl From<NotRestored> for Fault {
    fn from(not: NotRestored) -> Self {
        not.fault
    }
}

/// Makes the data folder what the backup says. With `replace` a store that is there is kept beside as
/// `satpost.redb.old-...` and `spool.old-...`; `stamp` is the end of those names.
///
/// # Errors
/// `Operator` when there is a store and `replace` is not set, a box runs there, or the backup will not do; then nothing
/// was changed.
pub fn restore(file: &Path, data: &Path, replace: bool, stamp: &str, hear: Hear) -> Result<(Contents, Kept), Fault> {
    Ok(restore_and(file, data, replace, stamp, hear, || Ok(()))?)
}

/// The same; the backup stays in its place only if `then`, which may open the store and has to close it, goes well too.
///
/// # Errors
/// As [`restore`], and those of `then`; they tell whether the store that was there is in its place.
pub fn restore_and(
    file: &Path,
    data: &Path,
    replace: bool,
    stamp: &str,
    hear: Hear,
    then: impl FnOnce() -> Result<(), Fault>,
) -> Result<(Contents, Kept), NotRestored> {
    let found = contents(file, hear)?;
    let source = open(file)?;
    let target = data.join(FILE);
    // Open until the backup is in its place: a box that starts meanwhile finds it in use.
    let mut _ours = None;
    let was = target.exists();
    if was {
        _ours = unused(&target)?;
        if !replace {
            return Err(NotRestored::from(Fault::operator(format!(
                "there is a store in {} already: --replace puts the backup in its place and keeps the old one beside",
                data.display()
            ))));
        }
    }
    spool::may_restore(data)?;
    spool::prepare(data)?;
    let mut places = Places::new(data, stamp);
    places.clear().map_err(|error| disk(data, &error))?;
    let (part, spool_part) = (&places.part, &places.spool_part);
    let filled = fill(&source, part, spool_part, hear).and_then(|()| own_like(data, part, spool_part));
    if let Err(error) = filled {
        let _ = places.clear();
        return Err(disk(data, &error).into());
    }
    let own = || source.begin_read().map_err(redb::Error::from).and_then(|txn| own_files::take(&txn, data));
    let done = places.swap(was).map_err(|error| disk(data, &error)).and_then(|()| then());
    let done = done.and_then(|()| own().map_err(|error| disk(data, &io::Error::other(error))));
    match done {
        Ok(()) => Ok((found, was.then_some(places.aside))),
        Err(fault) => Err(places.swapped_back(fault)),
    }
}

fn disk(data: &Path, error: &io::Error) -> Fault {
    Fault::temporary(format!("the backup cannot be put into {}: {error}", data.display()))
}

/// Waits so long at most for a command that has the store of a data folder open for a moment.
pub fn wait_until_unused(data: &Path, limit: Duration) {
    let (target, end) = (data.join(FILE), Instant::now() + limit);
    let is_used = || {
        let opened = target.exists().then(|| Database::builder().set_cache_size(CACHE).open(&target));
        matches!(opened, Some(Err(DatabaseError::DatabaseAlreadyOpen)))
    };
    while is_used() && Instant::now() < end {
        crate::clock::sleep(Duration::from_millis(20));
    }
}

/// The lock of the file tells whether a box has it; what else is wrong with it does not matter any more. What its log has and it
/// lacks goes into it, so that it is whole when it is put aside.
fn unused(target: &Path) -> Result<Option<Database>, Fault> {
    match Database::builder().set_cache_size(CACHE).open(target) {
        Err(DatabaseError::DatabaseAlreadyOpen) => {
            Err(Fault::operator(format!("{} is in use: stop the box first", target.display())))
        }
        opened => {
            let opened = opened.ok();
            if let Some(database) = &opened
                && let Err(error) = schema::guarded(|| replay::replay(database, target))
            {
                log::warn!("{} is put aside as it is: {error:?}", target.display());
            } else if opened.is_some() {
                let _ = fs::remove_file(wal::path(target));
            }
            Ok(opened)
        }
    }
}

fn fill(source: &ReadOnlyDatabase, part: &Path, spool_part: &Path, hear: Hear) -> io::Result<()> {
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(part)?;
    fs::DirBuilder::new().mode(0o700).create(spool_part)?;
    let copied = || -> Result<(), redb::Error> {
        let from = source.begin_read()?;
        let database = create(file)?;
        let mut to = Pieces::new(&database);
        let work = through(hear, Stage::Restoring, &from)?;
        copy_all(&from, &mut to, &|rows| work.step(rows))?;
        // Mail programs may know UIDs that were given after the backup was made.
        schema::META.open(to.txn()?)?.insert(format!("note:{RESTORED}").as_str(), &[][..])?;
        to.end()?;
        each_piece(&from, |name, number, piece| {
            take_file(spool_part, name, number, piece)?;
            work.step(WATCHED as u64)
        })
    };
    copied().map_err(io::Error::other)?;
    for entry in fs::read_dir(spool_part)? {
        File::open(entry?.path())?.sync_all()?;
    }
    crate::sys::disk::sync_folder(spool_part)
}

fn take_file(folder: &Path, name: &str, number: u32, piece: &[u8]) -> Result<(), redb::Error> {
    // Our own names are hex digits; anything else in a backup was put there by somebody.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(redb::Error::Corrupted(format!("'{}' is no name of a spool file", name.escape_debug())));
    }
    let mut options = File::options();
    options.mode(0o600);
    let options = if number == 0 { options.write(true).create_new(true) } else { options.append(true) };
    options.open(folder.join(name))?.write_all(piece)?;
    Ok(())
}

/// Root restores for the user of the box.
fn own_like(data: &Path, part: &Path, spool_part: &Path) -> io::Result<()> {
    let folder = fs::metadata(data)?;
    if !rustix::process::geteuid().is_root() || folder.uid() == 0 {
        return Ok(());
    }
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(folder.uid()), Some(folder.gid()));
    give(part)?;
    give(spool_part)?;
    give(&spool::folder(data))?;
    fs::read_dir(spool_part)?.try_for_each(|entry| give(&entry?.path()))
}

/// Where things lie while a backup takes the place of a store.
struct Places {
    data: PathBuf,
    target: PathBuf,
    spool: PathBuf,
    /// The new store, and its spool.
    part: PathBuf,
    spool_part: PathBuf,
    /// The old ones, once they are out of the way.
    aside: PathBuf,
    spool_aside: PathBuf,
    /// Renamed so far: from, to.
    steps: Vec<(PathBuf, PathBuf)>,
}

impl Places {
    fn new(data: &Path, stamp: &str) -> Self {
        Self {
            target: data.join(FILE),
            spool: spool::folder(data),
            part: data.join("restore.part"),
            spool_part: data.join("spool.part"),
            aside: data.join(format!("{FILE}.old-{stamp}")),
            spool_aside: data.join(format!("spool.old-{stamp}")),
            data: data.to_owned(),
            steps: Vec::new(),
        }
    }

    /// Removes what is new and not in its place.
    fn clear(&self) -> io::Result<()> {
        if_there(fs::remove_file(&self.part))?;
        if_there(fs::remove_dir_all(&self.spool_part))
    }

    /// Old things aside, new things in; the store last, as it is what makes the folder a box.
    fn swap(&mut self, was: bool) -> io::Result<()> {
        let [target, spool] = [self.target.clone(), self.spool.clone()];
        if was {
            let aside = self.aside.clone();
            let (log, log_aside) = (wal::path(&target), wal::path(&aside));
            self.step(target.clone(), aside)?;
            if log.exists() {
                self.step(log, log_aside)?;
            }
            self.step(spool.clone(), self.spool_aside.clone())?;
        } else {
            // Files without a store belong to nobody.
            fs::remove_dir_all(&spool)?;
        }
        self.step(self.spool_part.clone(), spool)?;
        self.step(self.part.clone(), target)?;
        crate::sys::disk::sync_folder(&self.data)
    }

    fn step(&mut self, from: PathBuf, to: PathBuf) -> io::Result<()> {
        fs::rename(&from, &to)?;
        self.steps.push((from, to));
        Ok(())
    }

    /// The same backwards, from wherever it came to.
    fn swap_back(&mut self) -> io::Result<()> {
        while let Some((from, to)) = self.steps.pop() {
            fs::rename(&to, &from)?;
            if from == self.part {
                // What was written to the new store.
                if_there(fs::remove_file(wal::path(&self.target)))?;
            }
        }
        self.clear()?;
        crate::sys::disk::sync_folder(&self.data)
    }

    fn swapped_back(&mut self, fault: Fault) -> NotRestored {
        match self.swap_back() {
            Ok(()) => fault.into(),
            Err(error) => NotRestored {
                fault: Fault::operator(format!(
                    "{fault}; and the store that was there could not be put back ({error}): it lies in {} as {}",
                    self.data.display(),
                    self.aside.file_name().unwrap_or_default().display()
                )),
                as_it_was: false,
            },
        }
    }
}

fn if_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;
    use crate::clock::Clock;
    use crate::store::Store;
    use crate::store::work::UNHEARD;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        // The log of a store that was closed holds nothing, and goes when the store is looked into.
        names.retain(|name| !name.ends_with(".wal"));
        names.sort();
        names
    }

    #[test]
    fn a_backup_whose_last_step_fails_gives_the_place_back() {
        let folder = Folder::new();
        let (data, backup) = (folder.join("data"), folder.join("backup"));
        let store = Store::open(&data, &Clock::system()).unwrap();
        store.backup(&backup, UNHEARD).unwrap();
        let large = store.spool_bytes(b"Subject: large\r\n\r\nx\r\n").unwrap();
        store.close();
        drop(store);
        let before = (names(&data), fs::metadata(data.join(FILE)).unwrap().ino());
        let then = || {
            assert_ne!(fs::metadata(data.join(FILE)).unwrap().ino(), before.1);
            let opened = Store::open(&data, &Clock::system())?;
            opened.close();
            Err(Fault::temporary("the disk is full"))
        };
        let not = restore_and(&backup, &data, true, "1", UNHEARD, then).unwrap_err();
        assert!(not.as_it_was && not.fault.why().contains("the disk is full"), "{not:?}");
        assert_eq!((names(&data), fs::metadata(data.join(FILE)).unwrap().ino()), before);
        assert!(names(&spool::folder(&data)).contains(&large.name));
        Store::open(&data, &Clock::system()).unwrap().close();
    }

    #[test]
    fn a_swap_that_stops_half_way_is_undone() {
        let folder = Folder::new();
        let (data, backup) = (folder.join("data"), folder.join("backup"));
        let store = Store::open(&data, &Clock::system()).unwrap();
        store.backup(&backup, UNHEARD).unwrap();
        store.close();
        drop(store);
        let before = names(&data);
        // Nothing can be renamed to where a folder with something in it is.
        let taken = data.join("spool.old-1");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("mine"), "x").unwrap();
        let not = restore_and(&backup, &data, true, "1", UNHEARD, || Ok(())).unwrap_err();
        fs::remove_dir_all(&taken).ok();
        assert!(not.as_it_was, "{not:?}");
        assert_eq!(names(&data), before);
    }
}
