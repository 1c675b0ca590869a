//! What two boxes ask each other over a line: whether packets that another link may have carried are committed. Pure.

use std::collections::VecDeque;

use super::frame::Frame;

/// Questions that wait for their answer, and answers that wait to be written.
const MOST: usize = 16;
/// Most names in one question.
const NAMES: usize = 64;

/// Questions and answers of one connection.
#[derive(Debug, Default)]
pub struct Questions {
    /// Names of packets that the far box is to be asked about.
    to_ask: VecDeque<Vec<u64>>,
    /// What it was asked, in the order in which it answers.
    asked: VecDeque<Vec<u64>>,
    /// Answers to what the far box asked, not written yet.
    answers: VecDeque<Vec<bool>>,
}

impl Questions {
    /// Asks the far box whether it has packets of these names; false while enough questions wait.
    pub fn ask(&mut self, names: &[u64]) -> bool {
        let room = self.to_ask.len() + self.asked.len() < MOST && names.len() <= NAMES;
        if room {
            self.to_ask.push_back(names.to_vec());
        }
        room
    }

    /// Takes the answer to what it asked; false where too many wait: it asks again.
    pub fn answer(&mut self, known: Vec<bool>) -> bool {
        let room = self.answers.len() < MOST;
        if room {
            self.answers.push_back(known);
        }
        room
    }

    /// The next question or answer to write.
    pub fn next(&mut self) -> Option<Frame> {
        if let Some(known) = self.answers.pop_front() {
            return Some(Frame::Know(known));
        }
        let names = self.to_ask.pop_front()?;
        self.asked.push_back(names.clone());
        Some(Frame::Ask(names))
    }

    /// Hears the answer to the oldest question; an answer to no question means nothing.
    pub fn answered(&mut self, known: Vec<bool>) -> Vec<(u64, bool)> {
        self.asked.pop_front().unwrap_or_default().into_iter().zip(known).collect()
    }

    /// True while something of it waits to be written.
    pub fn wait(&self) -> bool {
        !self.to_ask.is_empty() || !self.answers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_belong_to_questions_in_their_order() {
        let (mut here, mut there) = (Questions::default(), Questions::default());
        assert!(here.ask(&[7, u64::MAX]) && here.ask(&[9]) && here.wait());
        for known in [vec![false, true], vec![true]] {
            let Some(Frame::Ask(names)) = here.next() else { panic!("a question") };
            assert!(there.answer(known.iter().copied().take(names.len()).collect()));
        }
        assert!(!here.wait() && here.next().is_none());
        let mut heard = Vec::new();
        while let Some(Frame::Know(mut known)) = there.next() {
            // On the wire they are whole bytes.
            known.resize(8, false);
            heard.extend(here.answered(known));
        }
        assert_eq!(heard, [(7, false), (u64::MAX, true), (9, true)]);
        assert_eq!(here.answered(vec![true; 8]), []);
    }

    #[test]
    fn there_is_an_end_to_questions() {
        let mut here = Questions::default();
        assert!(!here.ask(&[0; NAMES + 1]));
        assert_eq!((0..100).filter(|_| here.ask(&[1])).count(), MOST);
        assert_eq!((0..100).filter(|_| here.answer(vec![true])).count(), MOST);
    }
}
