//! Long work of a command: a bar on a terminal, a line now and then where standard error is something else; and Ctrl-C, which ends
//! the work in order instead of the program at once.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::store::Show;
use crate::store::work::{self, Stage};
use crate::sys::signals::Stop;

/// What takes less than this needs no bar; [`AFTER`] may say otherwise.
const SOON: Duration = Duration::from_millis(300);
/// What takes less than this needs no line; and the time between two of them.
const LINE: Duration = Duration::from_secs(5);
/// Milliseconds until a bar shows, for tests: a machine of any speed is caught at work.
const AFTER: &str = "SATPOST_BAR_AFTER";
/// A bar moves this often at most.
const MOVE: Duration = Duration::from_millis(100);
/// Cells of a bar.
const CELLS: u64 = 30;

/// Somebody wants it to end.
static STOPPED: AtomicBool = AtomicBool::new(false);
/// The process that does the work for this one: a descriptor of it, so that no other can be meant once it has ended.
static CHILD: OnceLock<OwnedFd> = OnceLock::new();

/// How far a work is, as it goes from the box to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub stage: Stage,
    /// How much of it ...
    pub done: u64,
    /// ... of how much.
    pub total: u64,
}

/// Catches SIGINT and SIGTERM from now on: the first one ends the work in order, a second one the program at once.
pub fn catch() {
    static CAUGHT: Once = Once::new();
    CAUGHT.call_once(|| {
        // Without a handler they end the program, as ever.
        let Ok(mut signals) = Stop::catch() else { return };
        let wait = move || {
            let first = signals.wait();
            STOPPED.store(true, Ordering::SeqCst);
            pass_on(first);
            pass_on(signals.wait());
            std::process::exit(130);
        };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
    });
}

/// Has a child hear of a SIGTERM that comes here, also of what came already. Ctrl-C on a terminal reaches all its processes by
/// itself, and twice would end the work at once.
pub fn pass_on_to(child: &Child) {
    // Before Linux 5.3 there are no such descriptors: it works to its end then.
    if let Ok(child) = pidfd_open(Pid::from_child(child), PidfdFlags::empty())
        && CHILD.set(child).is_ok()
        && is_stopped()
    {
        pass_on("SIGTERM");
    }
}

fn pass_on(signal: &str) {
    if let Some(child) = CHILD.get().filter(|_| signal == "SIGTERM") {
        // One that has ended needs no signal.
        let _ = pidfd_send_signal(child, Signal::TERM);
    }
}

/// True once somebody wants the work to end.
pub fn is_stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

/// Shows how far the opening of a store is that an older version wrote.
pub fn opening() -> Show {
    let bar = Bar::new();
    Box::new(move |stage, done, total| work::waited(stage, &|| bar.at(stage, done, total)))
}

/// Shows how far a work is. What it showed goes with it.
pub struct Bar(RefCell<Shown>);

struct Shown {
    terminal: bool,
    soon: Duration,
    began: Instant,
    last: Option<Instant>,
    stage: Option<Stage>,
}

impl Bar {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        catch();
        Self::alone()
    }

    /// The same for work that Ctrl-C may end at any moment, with the program.
    pub fn alone() -> Self {
        let after = std::env::var(AFTER).ok().and_then(|after| after.parse().ok()).map(Duration::from_millis);
        Self(RefCell::new(Shown::new(io::stderr().is_terminal(), after.unwrap_or(SOON), Instant::now())))
    }

    /// So much is done; says whether it goes on.
    pub fn at(&self, stage: Stage, done: u64, total: u64) -> bool {
        self.0.borrow_mut().show(Step { stage, done, total }, Instant::now(), &mut io::stderr());
        !is_stopped()
    }
}

impl Shown {
    fn new(terminal: bool, soon: Duration, began: Instant) -> Self {
        Self { terminal, soon, began, last: None, stage: None }
    }

    fn show(&mut self, step: Step, now: Instant, to: &mut impl Write) {
        let since = |moment: Instant| now.saturating_duration_since(moment);
        let wait = match (self.terminal, self.last) {
            (true, None) => self.soon.saturating_sub(since(self.began)),
            (true, Some(last)) if self.stage == Some(step.stage) && step.done < step.total => {
                MOVE.saturating_sub(since(last))
            }
            (true, Some(_)) => Duration::ZERO,
            (false, last) => LINE.saturating_sub(since(last.unwrap_or(self.began))),
        };
        if !wait.is_zero() {
            return;
        }
        (self.last, self.stage) = (Some(now), Some(step.stage));
        let text = match self.terminal {
            true => format!("\r\x1b[K{}", step.bar()),
            false => format!("satpost: {}\n", step.words()),
        };
        super::say(to, &text);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let shown = self.0.borrow();
        if shown.terminal && shown.last.is_some() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

impl Step {
    /// `None` where nobody knows how much there is.
    fn percent(self) -> Option<u64> {
        (self.done.min(self.total) * 100).checked_div(self.total)
    }

    fn words(self) -> String {
        let what = words(self.stage);
        self.percent().map_or(what.to_owned(), |percent| format!("{what}, {percent} %"))
    }

    fn bar(self) -> String {
        let what = words(self.stage);
        let Some(percent) = self.percent() else { return format!("{what} ...") };
        let full = usize::try_from(percent * CELLS / 100).unwrap_or_default();
        let cells = CELLS as usize;
        format!("{what:<22} [{:<cells$}] {percent:>3} %", "#".repeat(full))
    }
}

fn words(stage: Stage) -> &'static str {
    match stage {
        Stage::Writing => "writing the backup",
        Stage::Sealing => "sealing the backup",
        Stage::Checking => "reading it back",
        Stage::Copying => "copying the file",
        Stage::Restoring => "restoring",
        Stage::Rescuing => "rescuing what is whole",
        Stage::Gathering => "gathering",
        Stage::Importing => "importing",
        Stage::Rewriting => "writing the file anew",
        Stage::Migrating => "bringing up to date",
        Stage::Priming => "learning the language",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_a_line_says_the_same() {
        let step = |done, total| Step { stage: Stage::Restoring, done, total };
        assert_eq!(step(1, 4).bar(), "restoring              [#######                       ]  25 %");
        assert_eq!(step(4, 4).bar(), format!("restoring              [{}] 100 %", "#".repeat(30)));
        assert_eq!((step(1, 3).words().as_str(), step(0, 0).words().as_str()), ("restoring, 33 %", "restoring"));
        assert_eq!(step(9, 3).percent(), Some(100));
    }

    /// What is shown of a work of so many seconds that says ten times a second how far it is.
    fn shown(terminal: bool, seconds: u64) -> String {
        let (began, mut text) = (Instant::now(), Vec::new());
        let mut shown = Shown::new(terminal, SOON, began);
        for tenth in 0..=seconds * 10 {
            let step = Step { stage: Stage::Restoring, done: tenth, total: seconds * 10 };
            shown.show(step, began + Duration::from_millis(100 * tenth), &mut text);
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn where_standard_error_is_no_terminal_a_line_comes_each_five_seconds() {
        let line = |percent| format!("satpost: restoring, {percent} %\n");
        assert_eq!(shown(false, 16), [31, 62, 93].map(line).concat());
        assert_eq!(shown(false, 4), "", "short work says nothing");
    }

    #[test]
    fn on_a_terminal_the_bar_moves_in_its_place_once_it_takes_a_while() {
        let text = shown(true, 1);
        assert!(text.starts_with("\r\x1b[Krestoring ") && text.contains("] 100 %") && !text.contains('\n'), "{text:?}");
        assert_eq!(text.matches('\r').count(), 8, "from 300 ms to a second, ten times a second");
    }
}
