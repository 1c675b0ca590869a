//! A box that ends without being told to is started again by systemd, for ever. This keeps count, so that one that ends again
//! and again rests longer and longer before it opens its store, and says what happened once it is up.
//!
//! The count is in the folder of `RuntimeDirectory=`, which lives as long as the machine runs: a power cut is not counted, and
//! nothing is worn by it. A box without that folder was not started by systemd, and does not rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::back_off::BackOff;
use crate::clock;
use crate::message::events::EventKind;

/// Name of the file with the count.
const FILE: &str = "starts.json";
/// What the unit's `ExecStopPost=` writes: result, code and status of the process.
const ENDED: &str = "ended";
/// A box that was up for so long had recovered: its next end is the first of a row.
const RECOVERED: Duration = Duration::from_secs(600);
/// So many ends in a row are followed by a start at once.
const FREE: u32 = 3;
/// The rest after each further one.
const REST: BackOff = BackOff::doubling(Duration::from_secs(10), Duration::from_secs(900));

/// What is known of the starts of this box since the machine runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Starts {
    /// Ends in a row that nobody asked for.
    ends: u32,
    /// When the present run began, in seconds that the machine runs.
    began: u64,
    /// What the present run knows to be wrong.
    why: Option<String>,
}

/// This start of the box, and those before it.
#[derive(Debug)]
pub struct Restarts {
    folder: Option<PathBuf>,
    starts: Starts,
    /// How the run before this one ended, if nobody asked for it.
    pub before: Option<String>,
}

impl Restarts {
    /// Looks how the run before this one ended, and notes the present one.
    pub fn begin() -> Self {
        let folder = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from);
        Self::begin_in(folder, clock::running())
    }

    fn begin_in(folder: Option<PathBuf>, running: Duration) -> Self {
        let last = folder.as_deref().and_then(|folder| read(&folder.join(FILE)));
        let words = folder.as_deref().and_then(|folder| std::fs::read_to_string(folder.join(ENDED)).ok());
        let before = last.as_ref().map(|last| last.why.clone().unwrap_or_else(|| how(words.as_deref())));
        let ends = match &last {
            None => 0,
            Some(last) if running.as_secs().saturating_sub(last.began) >= RECOVERED.as_secs() => 1,
            Some(last) => last.ends.saturating_add(1),
        };
        let restarts = Self { folder, starts: Starts { ends, began: running.as_secs(), why: None }, before };
        restarts.write();
        restarts
    }

    /// How long to rest before the store is opened.
    pub fn rest(&self) -> Duration {
        REST.wait(self.starts.ends.saturating_sub(FREE))
    }

    /// One sentence on the row of ends, for the page and the owner.
    pub fn event(&self) -> EventKind {
        EventKind::Restarted { ends: self.starts.ends.max(1), why: self.before.clone().unwrap_or_default() }
    }

    /// Notes what is wrong with the present run, which will end for it.
    pub fn because(&mut self, why: &str) {
        self.starts.why = Some(why.to_owned());
        self.write();
    }

    /// The box was told to end: the row is over.
    pub fn over(&self) {
        if let Some(folder) = &self.folder {
            // Left behind, it would count this end as one that nobody asked for; the rest it leads to is short.
            let _ = std::fs::remove_file(folder.join(FILE));
        }
    }

    fn write(&self) {
        let Some(folder) = &self.folder else { return };
        // Two numbers and a text always serialise.
        let text = serde_json::to_string(&self.starts).unwrap_or_default();
        if let Err(error) = std::fs::write(folder.join(FILE), text) {
            log::warn!("restarts are not counted: {error}");
        }
    }
}

fn read(file: &Path) -> Option<Starts> {
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

/// Puts what systemd says of the end of a process into words.
fn how(ended: Option<&str>) -> String {
    let mut words = ended.unwrap_or_default().split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("watchdog"), ..) => "it did not answer the watchdog".to_owned(),
        (Some("oom-kill"), ..) => "the system ended it for want of memory".to_owned(),
        (Some("timeout"), ..) => "it took too long to start or to end".to_owned(),
        (_, Some("exited"), Some(status)) => format!("it ended with status {status}"),
        (_, Some("killed" | "dumped"), Some(signal)) => format!("it was ended by the signal {signal}"),
        _ => "nobody knows how".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    fn begin(folder: &Folder, at: u64) -> Restarts {
        Restarts::begin_in(Some(folder.path("")), Duration::from_secs(at))
    }

    #[test]
    fn rests_grow_with_each_end_and_an_order_ends_the_row() {
        let folder = Folder::new();
        let rests: Vec<_> = (0..14).map(|at| begin(&folder, at).rest().as_secs()).collect();
        assert_eq!(rests, [0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
        std::fs::write(folder.path(ENDED), "core-dump dumped SEGV\n").unwrap();
        let last = begin(&folder, 14);
        assert_eq!(
            last.event().to_string(),
            "the box ended 14 times in a row without being told to, the last time: it was ended by the signal SEGV"
        );
        // Ten minutes later it is the first of a row again.
        let after = begin(&folder, 14 + 600);
        assert_eq!((after.starts.ends, after.rest()), (1, Duration::ZERO));
        after.over();
        let ordered = begin(&folder, 700);
        assert_eq!((ordered.starts.ends, &ordered.before), (0, &None));
    }

    #[test]
    fn what_the_run_knew_itself_is_said_and_nonsense_is_borne() {
        let folder = Folder::new();
        begin(&folder, 1).because("the disk is gone");
        assert_eq!(begin(&folder, 2).before.as_deref(), Some("the disk is gone"));
        std::fs::write(folder.path(FILE), "{").unwrap();
        assert_eq!(begin(&folder, 3).starts.ends, 0);
        assert_eq!(Restarts::begin_in(None, Duration::ZERO).rest(), Duration::ZERO);
        for (words, said) in [
            ("watchdog dumped ABRT", "it did not answer the watchdog"),
            ("oom-kill killed KILL", "the system ended it for want of memory"),
            ("exit-code exited 101", "it ended with status 101"),
            ("", "nobody knows how"),
        ] {
            assert_eq!(how(Some(words)), said);
        }
    }
}
