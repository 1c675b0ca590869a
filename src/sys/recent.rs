//! The last lines of the log, kept in memory for the page of the box: who looks after a box has no terminal at hand.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use log::Level;

use crate::clock::{Clock, Time};

/// Lines that are kept.
const MOST: usize = 500;
/// Longest text of a line, in bytes.
const LONGEST: usize = 500;

/// A line of the log, as it is kept for the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When the line was written.
    pub at: Time,
    /// How grave it is: error, warning, information or less.
    pub level: Level,
    /// Which part of the program wrote it.
    pub part: String,
    /// What it says, on one line.
    pub text: String,
}

static LINES: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// Keeps a line that was written to the log.
pub fn keep(level: Level, part: &str, text: &str) {
    let text = text[..text.floor_char_boundary(LONGEST)].to_owned();
    let line = Line { at: Clock::system().now(), level, part: part.to_owned(), text };
    // Whole lines only: a panic elsewhere cannot leave one half written.
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() >= MOST {
        lines.pop_front();
    }
    lines.push_back(line);
}

/// Gives the lines that are kept, the oldest first.
pub fn lines() -> Vec<Line> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        for number in 0..MOST + 7 {
            keep(Level::Info, "tests", &format!("{number} {}", "\u{e9}".repeat(LONGEST)));
        }
        let lines = lines();
        assert_eq!(lines.len(), MOST);
        assert!(lines.iter().all(|line| line.text.len() <= LONGEST) && lines.last().unwrap().text.starts_with("506 "));
    }
}
