//! What is said while the store opens: a file of an older version is copied and migrated, and one that was not closed in order
//! may have to be checked as a whole. Both take longer the larger it is.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Builder;
use std::time::{Duration, Instant};

use super::work::Stage;
use crate::sys::notify;

/// A start that takes no longer than this is not worth a word.
const QUIET: Duration = Duration::from_secs(2);
/// Time between two words.
const EVERY: Duration = Duration::from_secs(5);
/// How long systemd waits for the next word before it ends the start: the check would begin from nothing then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shows how far an opening is, and says whether it goes on.
pub type Show = Box<dyn Fn(Stage, u64, u64) -> bool>;

/// Makes what shows an opening on a terminal, in the program of a command.
static SHOWN: OnceLock<fn() -> Show> = OnceLock::new();

/// Has openings shown by this instead of in the log, from now on.
pub fn show_by(make: fn() -> Show) {
    // Whoever was first is heard.
    let _ = SHOWN.set(make);
}

/// An opening under way; it is over when this is dropped.
pub struct Opening {
    percent: Arc<AtomicU8>,
    show: Option<Show>,
    _open: Sender<()>,
}

impl Opening {
    /// Says, from now on, that the store in `path` is being checked: in the log, and to systemd, which then waits longer.
    pub fn check(path: &Path) -> Self {
        Self::begin(format!("{} was not closed in order and is being checked", path.display()))
    }

    /// The same of one that an older version wrote; on the terminal of a command as a bar.
    pub fn migration(path: &Path) -> Self {
        if let Some(make) = SHOWN.get() {
            return Self { percent: Arc::default(), show: Some(make()), _open: channel().0 };
        }
        Self::begin(format!("{} was written by an older satpost and is being made that of this one", path.display()))
    }

    /// So much of a stage of a migration is done; says whether it goes on.
    pub fn at(&self, stage: Stage, done: u64, total: u64) -> bool {
        // Most of it are the rows; what is left then is to write them down.
        let (from, share) = if stage == Stage::Copying { (0, 20) } else { (20, 70) };
        let percent = from + (done.min(total) * share).checked_div(total).unwrap_or(0);
        self.percent.store(u8::try_from(percent).unwrap_or(u8::MAX), Ordering::Relaxed);
        self.show.as_ref().is_none_or(|show| show(stage, done, total))
    }

    fn begin(what: String) -> Self {
        Self::begin_with(QUIET, EVERY, move |since, percent| {
            let done = if percent > 0 { format!(", {percent} % done") } else { String::new() };
            let words = format!("{what}, {} s so far{done}", since.as_secs());
            log::warn!("store: {words}");
            notify::status(&words);
            notify::extend(PATIENCE);
        })
    }

    fn begin_with(quiet: Duration, every: Duration, say: impl Fn(Duration, u8) + Send + 'static) -> Self {
        let (open, over) = channel::<()>();
        let percent = Arc::new(AtomicU8::new(0));
        let (known, began) = (Arc::clone(&percent), Instant::now());
        let work = move || {
            let mut wait = quiet;
            while over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                say(began.elapsed(), known.load(Ordering::Relaxed));
                wait = every;
            }
        };
        // Without this thread the store opens as well, and nobody hears how far it is.
        let _ = Builder::new().name("opening".to_owned()).spawn(work);
        Self { percent, show: None, _open: open }
    }

    /// Where to write how far the check is, in percent.
    pub fn percent(&self) -> Arc<AtomicU8> {
        Arc::clone(&self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_opening_is_told_again_and_again_and_ends() {
        let (tell, told) = channel();
        let opening = Opening::begin_with(Duration::ZERO, Duration::from_millis(1), move |_, percent| {
            let _ = tell.send(percent);
        });
        assert_eq!(told.recv(), Ok(0));
        opening.percent().store(60, Ordering::Relaxed);
        assert!(told.iter().any(|percent| percent == 60));
        drop(opening);
        // The sender of the words is gone with the thread.
        while told.recv().is_ok() {}
    }

    #[test]
    fn a_migration_says_how_far_it_is() {
        let opening = Opening::begin_with(Duration::from_secs(3600), EVERY, |_, _| ());
        let at = |stage, done| {
            assert!(opening.at(stage, done, 100));
            opening.percent().load(Ordering::Relaxed)
        };
        assert_eq!([at(Stage::Copying, 50), at(Stage::Migrating, 0), at(Stage::Migrating, 100)], [10, 20, 90]);
        assert!(opening.at(Stage::Migrating, 0, 0), "of an empty file, too");
    }

    #[test]
    fn a_quick_opening_says_nothing() {
        let (tell, told) = channel();
        drop(Opening::begin_with(Duration::from_secs(3600), EVERY, move |_, percent| tell.send(percent).unwrap()));
        assert!(told.recv().is_err());
    }
}
