//! Long work of a command: a bar on a terminal, a line now and then where standard error is something else; and Ctrl-C, which ends
//! the work in order instead of the program at once.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::store::work::Stage;
use crate::sys::signals::Stop;

/// What takes less than this needs no bar, and less than the second no line.
const SOON: Duration = Duration::from_millis(300);
const LINE: Duration = Duration::from_secs(5);
/// A bar moves this often at most.
const MOVE: Duration = Duration::from_millis(100);
/// Cells of a bar.
const CELLS: u64 = 30;

/// Somebody wants it to end.
static STOPPED: AtomicBool = AtomicBool::new(false);

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
            signals.wait();
            STOPPED.store(true, Ordering::SeqCst);
            signals.wait();
            std::process::exit(130);
        };
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
    });
}

/// True once somebody wants the work to end.
pub fn is_stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

/// Shows how far a work is. What it showed goes with it.
pub struct Bar(RefCell<Shown>);

struct Shown {
    terminal: bool,
    began: Instant,
    last: Option<Instant>,
    stage: Option<Stage>,
}

impl Bar {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        catch();
        let terminal = io::stderr().is_terminal();
        Self(RefCell::new(Shown { terminal, began: Instant::now(), last: None, stage: None }))
    }

    /// So much is done; says whether it goes on.
    pub fn at(&self, stage: Stage, done: u64, total: u64) -> bool {
        self.0.borrow_mut().show(Step { stage, done, total });
        !is_stopped()
    }
}

impl Shown {
    fn show(&mut self, step: Step) {
        let wait = match (self.terminal, self.last) {
            (true, None) => SOON.saturating_sub(self.began.elapsed()),
            (true, Some(last)) if self.stage == Some(step.stage) && step.done < step.total => {
                MOVE.saturating_sub(last.elapsed())
            }
            (true, Some(_)) => Duration::ZERO,
            (false, last) => LINE.saturating_sub(last.unwrap_or(self.began).elapsed()),
        };
        if !wait.is_zero() {
            return;
        }
        (self.last, self.stage) = (Some(Instant::now()), Some(step.stage));
        let text = match self.terminal {
            true => format!("\r\x1b[K{}", step.bar()),
            false => format!("satpost: {}\n", step.words()),
        };
        super::say(&mut io::stderr(), &text);
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
}
