//! Puts a backup in place: by command, or when the box starts and its owner left one for it on the page.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::admin::service::{Actor, Service};
use crate::clock::Clock;
use crate::engine::actions::{MessageAction, apply};
use crate::fault::Fault;
use crate::message::State;
use crate::store::work::{Hear, UNHEARD};
use crate::store::{self, Contents, Kept, ListFilter, NotRestored, Store, Wanted};
use crate::sys::notify;

/// Longest time that a backup may take at a start.
const LONGEST: Duration = Duration::from_secs(3600);
/// Starts that may end in the midst of it, as by a lack of memory.
const TRIES: u8 = 2;

/// What a restore put in place, and what it kept.
pub struct Restored {
    /// What the backup holds.
    pub contents: Contents,
    /// Where the store is that was there.
    pub kept: Kept,
    /// How many messages are held, so that nothing goes out twice.
    pub held: usize,
}

/// Puts a backup in the place of the store in `data`, notes that, and holds what waits if `hold` says so.
///
/// # Errors
/// As [`store::restore_and`]: where anything fails, the store that was there is there again.
pub fn put_in_place(
    file: &Path,
    data: &Path,
    (replace, hold): (bool, bool),
    by: &Actor,
    hear: Hear,
) -> Result<Restored, NotRestored> {
    let clock = Clock::system();
    let stamp = clock.now().seconds().to_string();
    let mut held = 0;
    let (contents, kept) = store::restore_and(file, data, replace, &stamp, hear, || {
        let store = Store::open(data, &clock)?;
        let noted = Service::new(&store, by.clone()).restored();
        let done = noted.and_then(|()| if hold { hold_all(&store) } else { Ok(0) });
        store.close();
        held = done?;
        Ok(())
    })?;
    Ok(Restored { contents, kept, held })
}

/// Holds what waits; what a link had a part of already is left, as the link will tell what became of it. Anything else that
/// is not held would go out, and be paid, once more: that is an error.
fn hold_all(store: &Store) -> Result<usize, Fault> {
    let filter = ListFilter { states: vec![State::Queued], limit: usize::MAX, ..ListFilter::default() };
    let mut held = 0;
    for message in store.read(|view| view.list(&filter))? {
        match apply(store, MessageAction::Hold, message.id, "the restore") {
            Ok(_) => held += 1,
            Err(Fault::Permanent(why)) => log::info!("{why}"),
            Err(fault) => return Err(fault),
        }
    }
    Ok(held)
}

/// Puts the backup in place that the owner left for the next start, if there is one; the sentence says how that went. One that
/// is wrong is tried once, one that ends the program [`TRIES`] times: whatever is wrong with it, the box starts.
pub fn at_start(data: &Path) -> Option<String> {
    crate::cli::moved_file::sweep(data);
    let Some(mut wanted) = Wanted::find(data) else {
        Wanted::sweep(data);
        return None;
    };
    if wanted.tries >= TRIES {
        wanted.forget();
        return Some(format!(
            "A backup was to be put in place, and {TRIES} starts of the box ended in the midst of it: it is given up. If mail is \
             missing or goes out again, put a backup in place by 'satpost restore'."
        ));
    }
    if let Err(error) = wanted.count_try() {
        wanted.forget();
        return Some(format!("The backup was not put in place, and everything is as it was: {error}."));
    }
    notify::extend(LONGEST);
    store::wait_until_unused(data, super::STORE_BUSY);
    let by = Actor { name: wanted.by.clone(), ..Actor::command_line(rustix::process::getuid().as_raw()) };
    let done = put_in_place(&wanted.file, data, (true, wanted.hold), &by, UNHEARD);
    if done.as_ref().err().is_none_or(|not| not.as_it_was) {
        wanted.forget();
    }
    Some(match done {
        Ok(done) => {
            let kept = done.kept.map(|kept| format!(" The store that was there is now {}.", kept.display()));
            format!(
                "A backup with {} messages and {} people was put in place; {} messages are held.{}",
                done.contents.messages,
                done.contents.people,
                done.held,
                kept.unwrap_or_default()
            )
        }
        Err(NotRestored { fault, as_it_was: true }) => {
            format!("The backup could not be put in place, and everything is as it was: {fault}.")
        }
        Err(NotRestored { fault, as_it_was: false }) => {
            format!("The backup could not be put in place; it is tried again at the next start: {fault}.")
        }
    })
}

/// Starts this program anew in the same process, for a box that nobody else starts again.
pub fn start_anew() -> std::io::Error {
    use std::os::unix::process::CommandExt;
    let mut arguments = std::env::args_os();
    let _ = arguments.next();
    match std::env::current_exe() {
        Ok(program) => std::process::Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
}

/// True while a backup waits for the next start.
pub fn is_wanted(data: &Path) -> bool {
    fs::exists(data.join(store::WANTED)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    #[test]
    fn a_backup_that_ends_the_program_is_tried_twice_and_leaves_nothing() {
        let folder = Folder::new();
        let (data, backup) = (folder.join("data"), folder.join("backup"));
        let store = Store::open(&data, &Clock::system()).unwrap();
        store.backup(&backup, UNHEARD).unwrap();
        store.close();
        drop(store);
        Wanted::leave(&data, &backup, "anna", true).unwrap();
        for _ in 0..TRIES {
            // The program ends here.
            Wanted::find(&data).unwrap().count_try().unwrap();
        }
        let words = at_start(&data).unwrap();
        assert!(words.contains("it is given up"), "{words}");
        assert!(Wanted::find(&data).is_none() && !data.join("restore.backup").exists());
        assert!(at_start(&data).is_none());
    }

    #[test]
    fn a_backup_that_nobody_asked_for_is_removed_at_the_start() {
        let folder = Folder::new();
        let left = folder.join("restore.backup");
        fs::write(&left, "x").unwrap();
        assert!(at_start(&folder).is_none());
        assert!(!left.exists());
    }
}
