//! A box that ends without being told to is started again by systemd, or by whatever runs containers, for ever. This keeps count,
//! so that one that ends again and again rests longer and longer before it opens its store, and says what happened once it is up.
//!
//! Under systemd the count is in the folder of `RuntimeDirectory=`, which lives as long as the machine runs: nothing is worn by
//! it. A container has nothing that outlives a start but its volume, so there it is in the data folder. Either way a power cut
//! is not counted. A box that is given neither that folder nor `STATE_DIRECTORY` was started by hand, and does not rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::back_off::BackOff;
use crate::clock;
use crate::message::events::EventKind;

/// Name of the file with the count.
const FILE: &str = "starts.json";
/// The same in the data folder: hidden files are no sign that the folder is somebody else's, or was in use.
const IN_DATA: &str = ".starts.json";
/// What the unit's `ExecStopPost=` writes: result, code and status of the process.
const ENDED: &str = "ended";
/// Where the system names the present run of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// A box that was up for so long, without its rest before, had recovered: its next end is the first of a row.
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
    /// Which run of the machine that was.
    #[serde(default)]
    boot: String,
    /// What the present run knows to be wrong.
    why: Option<String>,
    /// How the run before it ended, if nobody asked for it.
    #[serde(default)]
    before: Option<String>,
}

impl Starts {
    /// How long to rest before the store is opened.
    fn rest(&self) -> Duration {
        REST.wait(self.ends.saturating_sub(FREE))
    }

    /// When the present run opens its store, by the time that the machine runs.
    fn opened(&self) -> Duration {
        Duration::from_secs(self.began) + self.rest()
    }

    fn event(&self) -> Option<EventKind> {
        let why = self.before.clone()?;
        Some(EventKind::Restarted { ends: self.ends.max(1), why })
    }
}

/// A run of the machine: its name, and how long it lasts by now.
struct Machine {
    boot: String,
    running: Duration,
}

impl Machine {
    fn now() -> Self {
        // Without a name all runs are one: a power cut is counted then.
        let boot = std::fs::read_to_string(BOOT).unwrap_or_default().trim().to_owned();
        Self { boot, running: clock::running() }
    }
}

/// This start of the box, and those before it.
#[derive(Debug)]
pub struct Restarts {
    file: Option<PathBuf>,
    starts: Starts,
    /// The count is wanted and cannot be written.
    uncounted: bool,
}

impl Restarts {
    /// Looks how the run before this one ended, and notes the present one.
    pub fn begin(data: &Path) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let by_state = set("STATE_DIRECTORY").is_some();
        let in_data = || Some(data.join(IN_DATA)).filter(|_| by_state && data.is_dir());
        let file = set("RUNTIME_DIRECTORY").map(|folder| PathBuf::from(folder).join(FILE)).or_else(in_data);
        // A volume that is not there counts nothing.
        let uncounted = by_state && file.is_none();
        let begun = Self::begin_with(file, Machine::now());
        Self { uncounted: begun.uncounted || uncounted, ..begun }
    }

    fn begin_with(file: Option<PathBuf>, machine: Machine) -> Self {
        let last = file.as_deref().and_then(read);
        let last = last.filter(|last| last.boot == machine.boot);
        let words = file.as_deref().and_then(|file| std::fs::read_to_string(file.with_file_name(ENDED)).ok());
        let before = last.as_ref().map(|last| last.why.clone().unwrap_or_else(|| how(words.as_deref())));
        let began = machine.running.as_secs();
        let ends = match &last {
            None => 0,
            Some(last) if machine.running >= last.opened() + RECOVERED => 1,
            Some(last) => last.ends.saturating_add(1),
        };
        let starts = Starts { ends, began, boot: machine.boot, why: None, before };
        let mut restarts = Self { file, starts, uncounted: false };
        restarts.write();
        restarts
    }

    /// How long to rest before a run ends that knows what is wrong with it, where the next one could not know that.
    pub fn rest_at_end(&self) -> Duration {
        if self.uncounted { REST.wait(1) } else { Duration::ZERO }
    }

    /// How long to rest before the store is opened.
    pub fn rest(&self) -> Duration {
        self.starts.rest()
    }

    /// One sentence on the row of ends, for the page and the owner; `None` where somebody asked for the last of them.
    pub fn event(&self) -> Option<EventKind> {
        self.starts.event()
    }

    /// Notes what is wrong with the present run, which will end for it.
    pub fn because(&mut self, why: &str) {
        self.starts.why = Some(why.to_owned());
        self.write();
    }

    /// The box was told to end: the row is over.
    pub fn over(&self) {
        if let Some(file) = &self.file {
            // Left behind, it would count this end as one that nobody asked for; the rest it leads to is short.
            let _ = std::fs::remove_file(file);
        }
    }

    fn write(&mut self) {
        let Some(file) = &self.file else { return };
        // Numbers and texts always serialise.
        let text = serde_json::to_string(&self.starts).unwrap_or_default();
        if let Err(error) = std::fs::write(file, text) {
            log::warn!("restarts are not counted: {error}");
            self.uncounted = true;
        }
    }
}

/// Says why the box of this folder rests before its next try, and how long from now; `None` when it does not, as far as that is
/// known outside of it.
pub fn resting(data: &Path) -> Option<String> {
    resting_at(data, &Machine::now())
}

fn resting_at(data: &Path, machine: &Machine) -> Option<String> {
    let starts = read(&data.join(IN_DATA)).filter(|starts| starts.boot == machine.boot)?;
    let left = starts.opened().checked_sub(machine.running).filter(|left| !left.is_zero())?;
    Some(format!("{}; it is tried again in {} s", starts.event()?, left.as_secs().max(1)))
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

    fn machine(boot: &str, at: u64) -> Machine {
        Machine { boot: boot.to_owned(), running: Duration::from_secs(at) }
    }

    fn begin(folder: &Folder, at: u64) -> Restarts {
        Restarts::begin_with(Some(folder.path(IN_DATA)), machine("a", at))
    }

    #[test]
    fn rests_grow_with_each_end_and_an_order_ends_the_row() {
        let folder = Folder::new();
        let mut at = 0;
        let mut ends_a_moment_later = || {
            let rest = begin(&folder, at).rest().as_secs();
            at += rest + 1;
            rest
        };
        let rests: Vec<_> = (0..14).map(|_| ends_a_moment_later()).collect();
        assert_eq!(rests, [0, 0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
        std::fs::write(folder.path(ENDED), "core-dump dumped SEGV\n").unwrap();
        let last = begin(&folder, at);
        assert_eq!(
            last.event().unwrap().to_string(),
            "the box ended 14 times in a row without being told to, the last time: it was ended by the signal SEGV"
        );
        // Ten minutes after its rest it is the first of a row again.
        let after = begin(&folder, at + last.rest().as_secs() + 600);
        assert_eq!((after.starts.ends, after.rest()), (1, Duration::ZERO));
        after.over();
        let ordered = begin(&folder, at + 2000);
        assert_eq!((ordered.starts.ends, ordered.event()), (0, None));
    }

    #[test]
    fn who_asks_hears_of_the_rest_and_a_power_cut_is_no_end() {
        let folder = Folder::new();
        (0..6).for_each(|at| begin(&folder, at).because("the disk is gone"));
        let said = |boot, at| resting_at(&folder.path(""), &machine(boot, at));
        let words = "the box ended 5 times in a row without being told to, the last time: the disk is gone; it is tried again in 5 s";
        assert_eq!(said("a", 20).as_deref(), Some(words));
        assert_eq!((said("a", 25), said("b", 20)), (None, None));
        let after = Restarts::begin_with(Some(folder.path(IN_DATA)), machine("b", 3));
        assert_eq!((after.starts.ends, after.event()), (0, None));
    }

    #[test]
    fn a_run_that_cannot_be_counted_rests_at_its_end() {
        let folder = Folder::new();
        assert_eq!(begin(&folder, 1).rest_at_end(), Duration::ZERO);
        let gone = Restarts::begin_with(Some(folder.path("gone").join(FILE)), machine("a", 1));
        assert_eq!((gone.rest(), gone.rest_at_end()), (Duration::ZERO, Duration::from_secs(10)));
        assert_eq!(Restarts::begin_with(None, machine("a", 1)).rest_at_end(), Duration::ZERO);
    }

    #[test]
    fn what_the_run_knew_itself_is_said_and_nonsense_is_borne() {
        let folder = Folder::new();
        begin(&folder, 1).because("the disk is gone");
        assert_eq!(begin(&folder, 2).starts.before.as_deref(), Some("the disk is gone"));
        std::fs::write(folder.path(IN_DATA), "{").unwrap();
        assert_eq!(begin(&folder, 3).starts.ends, 0);
        assert_eq!(Restarts::begin_with(None, machine("a", 0)).rest(), Duration::ZERO);
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
