//! What is said while the store opens: a file of an older version is copied and migrated, and one that was not closed in order
//! may have to be checked as a whole. Both take longer the larger it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use crate::sys::notify;

/// A start that takes no longer than this is not worth a word.
const QUIET: Duration = Duration::from_secs(2);
/// Time between two words.
const EVERY: Duration = Duration::from_secs(5);
/// How long systemd waits for the next word before it ends the start: the check would begin from nothing then.
const PATIENCE: Duration = Duration::from_secs(60);

/// An opening under way; it is over when this is dropped.
pub struct Opening {
    percent: Arc<AtomicU8>,
    _open: Sender<()>,
}

impl Opening {
    /// Says, from now on, that the store in `path` is being checked: in the log, and to systemd, which then waits longer.
    pub fn check(path: &Path) -> Self {
        Self::begin(format!("{} was not closed in order and is being checked", path.display()))
    }

    /// The same of one that an older version wrote. How far that is nobody knows.
    pub fn migration(path: &Path) -> Self {
        Self::begin(format!("{} was written by an older satpost and is being made that of this one", path.display()))
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
        Self { percent, _open: open }
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
    fn a_quick_opening_says_nothing() {
        let (tell, told) = channel();
        drop(Opening::begin_with(Duration::from_secs(3600), EVERY, move |_, percent| tell.send(percent).unwrap()));
        assert!(told.recv().is_err());
    }
}
