//! Puts a backup in place: by command, or when the box starts and its owner left one for it on the page.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::admin::service::{Actor, Service};
use crate::clock::Clock;
use crate::engine::actions::{MessageAction, apply};
use crate::fault::Fault;
use crate::message::State;
use crate::store::{self, Contents, Kept, ListFilter, Store, Wanted};
use crate::sys::notify;

/// Longest time that a backup may take at a start.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a restore did.
pub struct Restored {
    /// What the backup holds.
    pub contents: Contents,
    /// Where the store is that was there.
    pub kept: Kept,
    /// Messages that are held.
    pub held: usize,
}

/// Puts a backup in the place of the store in `data`, notes that, and holds what waits if that is wished.
///
/// # Errors
/// As [`store::restore`]; then nothing was changed.
pub fn put_in_place(file: &Path, data: &Path, replace: bool, hold: bool, by: &Actor) -> Result<Restored, Fault> {
    let clock = Clock::system();
    let stamp = clock.now().seconds().to_string();
    let (contents, kept) = store::restore(file, data, replace, &stamp)?;
    let store = Store::open(data, &clock)?;
    let noted = Service::new(&store, by.clone()).restored();
    let held = noted.and_then(|()| if hold { hold_all(&store) } else { Ok(0) });
    store.close();
    Ok(Restored { contents, kept, held: held? })
}

/// Holds what waits; what a link had a part of already is left, as the link will tell what became of it.
fn hold_all(store: &Store) -> Result<usize, Fault> {
    let filter = ListFilter { states: vec![State::Queued], limit: usize::MAX, ..ListFilter::default() };
    let waiting = store.read(|view| view.list(&filter))?;
    Ok(waiting.iter().filter(|message| apply(store, MessageAction::Hold, message.id, "the restore").is_ok()).count())
}

/// Puts the backup in place that the owner left for the next start, if there is one; the sentence says how that went. It is
/// tried once: whatever is wrong with it, the box starts.
pub fn at_start(data: &Path) -> Option<String> {
    let wanted = Wanted::find(data)?;
    notify::extend(LONGEST);
    let by = Actor { name: wanted.by.clone(), ..Actor::command_line(rustix::process::getuid().as_raw()) };
    let done = put_in_place(&wanted.file, data, true, wanted.hold, &by);
    wanted.forget();
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
        Err(fault) => format!("The backup could not be put in place, and everything is as it was: {fault}."),
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
