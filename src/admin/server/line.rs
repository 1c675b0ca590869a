//! The line of requests before the workers: whoever asks for much waits for themselves, and others do not wait for them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Requests of which each knows whose it is.
pub struct Line<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// Most requests of one visitor that are worked on at once.
    most: usize,
}

struct State<T> {
    waiting: VecDeque<(String, T)>,
    at_work: Vec<String>,
    over: bool,
}

/// The turn of a request; it is over when this is dropped.
pub struct Turn<'l, T> {
    line: &'l Line<T>,
    whose: String,
}

impl<T> Line<T> {
    /// Makes an empty one that lets so many requests of one visitor through at once.
    pub fn new(most: usize) -> Self {
        let state = State { waiting: VecDeque::new(), at_work: Vec::new(), over: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), most }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request of a visitor at the end.
    pub fn put(&self, whose: String, request: T) {
        let mut state = self.state();
        if state.over {
            // Dropping it may write to its connection.
            drop(state);
            return drop(request);
        }
        state.waiting.push_back((whose, request));
        self.changed.notify_one();
    }

    /// Takes the first request of whoever has the fewest at work, and waits for one; `None` when the line is closed.
    pub fn take(&self) -> Option<(Turn<'_, T>, T)> {
        let mut state = self.state();
        while !state.over {
            let of = |whose: &String| state.at_work.iter().filter(|other| *other == whose).count();
            let all = state.waiting.iter().enumerate().map(|(at, (whose, _))| (of(whose), at));
            let next = all.filter(|(at_work, _)| *at_work < self.most).min().map(|(_, at)| at);
            if let Some((whose, request)) = next.and_then(|next| state.waiting.remove(next)) {
                state.at_work.push(whose.clone());
                return Some((Turn { line: self, whose }, request));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Ends the line: what still waits is dropped.
    pub fn close(&self) {
        let mut state = self.state();
        state.over = true;
        let waiting = std::mem::take(&mut state.waiting);
        self.changed.notify_all();
        drop(state);
        // Dropping a request may write to its connection.
        drop(waiting);
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut state = self.line.state();
        if let Some(at) = state.at_work.iter().position(|whose| *whose == self.whose) {
            state.at_work.swap_remove(at);
        }
        // One whose turn was not yet may go on now.
        self.line.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_asks_for_much_waits_and_others_go_on() {
        let line = Line::new(2);
        (1..8).for_each(|number| line.put("ben".to_owned(), number));
        line.put("eve".to_owned(), 8);
        let (first, number) = line.take().unwrap();
        assert_eq!(number, 1);
        let (eves, number) = line.take().unwrap();
        assert_eq!(number, 8, "six of the one who has one at work wait before it");
        let (_second, number) = line.take().unwrap();
        assert_eq!(number, 2);
        drop(eves);
        drop(first);
        let (_third, number) = line.take().unwrap();
        assert_eq!(number, 3);
        // Nobody's turn: whoever waits here hears of the next one, and of the end.
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| line.take().map(|(_, number)| number));
            line.put("eve".to_owned(), 9);
            assert_eq!(waits.join().unwrap(), Some(9));
            let waits = scope.spawn(|| line.take().is_none());
            line.close();
            assert!(waits.join().unwrap());
        });
        let late = std::sync::Arc::new(());
        let line = Line::new(2);
        line.put("eve".to_owned(), std::sync::Arc::clone(&late));
        line.close();
        line.put("eve".to_owned(), std::sync::Arc::clone(&late));
        assert_eq!(std::sync::Arc::strong_count(&late), 1, "nothing waits behind the end");
    }
}
