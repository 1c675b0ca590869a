//! When a line that says nothing is kept alive, and when it counts as dead. Pure.
//!
//! A keep-alive that needs no answer costs 130 bytes, one with an answer 205; networks forget a silent connection after
//! some minutes to some hours. So the wait grows as long as the line lasts, and is halved when the line died in silence.
//! Only who dialled keeps alive; every seventh time it asks for an answer, as a path can swallow what it acknowledges.

use std::time::{Duration, Instant};

/// Wait between two signs of life on a network that is not known yet.
const START: Duration = Duration::from_secs(240);
/// Shortest wait between two signs of life.
const LEAST: Duration = Duration::from_secs(60);
/// Longest wait between two signs of life.
pub const MOST: Duration = Duration::from_secs(25 * 60);
/// After so long without a break the wait grows by a half.
const GROWS: Duration = Duration::from_secs(3600);
/// Each so many of them asks for an answer.
const ASKS: u32 = 7;
/// An answer is waited for so long, and twice the time of the way there and back besides.
const ANSWER: Duration = Duration::from_secs(30);

/// How long a silent line may be left alone, as learned on this network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(START)
    }
}

impl Patience {
    /// The line died in silence.
    pub fn died(self) -> Self {
        Self((self.0 / 2).max(LEAST))
    }

    fn grown(self) -> Self {
        Self((self.0 + self.0 / 2).min(MOST))
    }
}

/// What the silence of a line calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A sign of life that needs no answer.
    SignOfLife,
    /// A sign of life that has to be answered.
    Ping,
    /// Nothing more: the far box does not answer.
    Dead,
}

/// The times of one connection.
#[derive(Debug)]
pub struct KeepAlive {
    patience: Patience,
    /// This side keeps alive.
    dialled: bool,
    /// The wait last grew then, or the connection began.
    grown: Instant,
    written: Instant,
    heard: Instant,
    /// Since when an answer is waited for: a receipt, or a pong.
    unanswered: Option<Instant>,
    /// Signs of life in a row.
    count: u32,
    /// The way there and back, as far as known.
    round_trip: Duration,
}

impl KeepAlive {
    /// Of a connection that was made now, by this side if `dialled`.
    pub fn new(patience: Patience, dialled: bool, round_trip: Duration, now: Instant) -> Self {
        let (grown, written, heard, unanswered) = (now, now, now, None);
        Self { patience, dialled, grown, written, heard, unanswered, count: 0, round_trip }
    }

    /// Gives the wait that was learned on this network, for the next connection.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// Something was written; `asks` for what must be answered.
    pub fn wrote(&mut self, asks: bool, now: Instant) {
        self.written = now;
        if asks {
            self.unanswered.get_or_insert(now);
        }
    }

    /// Something was heard; `open` when there is still an answer to come.
    pub fn heard(&mut self, open: bool, now: Instant) {
        self.heard = now;
        // A far box that answers, if slowly, is there.
        self.unanswered = open.then_some(now);
    }

    /// Keep-alives wait as long as can be: the budget is short.
    pub fn slow_down(&mut self) {
        self.patience = Patience(MOST);
    }

    /// When [`KeepAlive::due`] is to be asked.
    pub fn next(&self) -> Option<Instant> {
        let dead = self.unanswered.map(|since| since + self.limit());
        let ping = self.dialled.then(|| self.written + self.patience.0);
        dead.into_iter().chain(ping).min()
    }

    fn limit(&self) -> Duration {
        ANSWER + 2 * self.round_trip
    }

    /// What is due now. Whoever asks does it.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        if self.unanswered.is_some_and(|since| now >= since + self.limit()) {
            return Some(Due::Dead);
        }
        if !self.dialled || now < self.written + self.patience.0 {
            return None;
        }
        while now >= self.grown + GROWS {
            (self.grown, self.patience) = (self.grown + GROWS, self.patience.grown());
        }
        self.count += 1;
        Some(if self.count.is_multiple_of(ASKS) { Due::Ping } else { Due::SignOfLife })
    }

    /// True when the line was silent until it was asked for a sign of life: the network forgot it.
    pub fn died_in_silence(&self) -> bool {
        self.count > 0 && self.unanswered.is_some_and(|since| since.duration_since(self.heard) >= LEAST / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::super::traffic;
    use super::*;

    /// Bytes of a line that is idle for `time`, and what it learned.
    fn idle(patience: Patience, time: Duration) -> (u64, Patience) {
        let start = Instant::now();
        let mut keep = KeepAlive::new(patience, true, Duration::from_millis(600), start);
        let record = Frame::Ping.bytes().len() + 22;
        let mut bytes = 0;
        while let Some(now) = keep.next().filter(|now| *now < start + time) {
            let due = keep.due(now).unwrap();
            assert_ne!(due, Due::Dead);
            bytes += traffic::moved(record, false);
            keep.wrote(due == Due::Ping, now);
            if due == Due::Ping {
                // The answer carries the acknowledgement.
                bytes += traffic::moved(record, false) - 52;
                keep.heard(false, now);
            }
        }
        (bytes, keep.patience())
    }

    #[test]
    fn an_idle_hour_is_cheap_and_later_ones_cheaper() {
        let hour = Duration::from_secs(3600);
        let (first, _) = idle(Patience::default(), hour);
        assert!(first < 2000, "{first} bytes");
        let (day, learned) = idle(Patience::default(), 24 * hour);
        assert!(day < 12_000, "{day} bytes");
        assert_eq!(learned, Patience(MOST));
        let (late, _) = idle(learned, hour);
        assert!(late < 400, "{late} bytes");
    }

    #[test]
    fn only_who_dialled_keeps_alive() {
        let now = Instant::now();
        let keep = KeepAlive::new(Patience::default(), false, Duration::ZERO, now);
        assert_eq!(keep.next(), None);
    }

    #[test]
    fn what_is_not_answered_is_dead_after_a_while() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut keep = KeepAlive::new(Patience::default(), false, second, now);
        keep.wrote(true, now);
        assert_eq!(keep.due(now + 31 * second), None);
        // A slow far box that still says something is there.
        keep.heard(true, now + 31 * second);
        assert_eq!(keep.due(now + 62 * second), None);
        assert_eq!(keep.due(now + 63 * second), Some(Due::Dead));
        keep.heard(false, now + 63 * second);
        assert_eq!((keep.next(), keep.due(now + 9999 * second)), (None, None));
    }

    #[test]
    fn a_line_that_died_in_silence_is_left_alone_for_less() {
        let patience = Patience::default();
        assert_eq!(patience.died().0.as_secs(), 120);
        assert_eq!(patience.died().died().died().0, LEAST);
        let now = Instant::now();
        let mut keep = KeepAlive::new(patience, true, Duration::ZERO, now);
        let later = now + START;
        assert!(keep.due(later).is_some());
        keep.wrote(true, later);
        assert!(keep.died_in_silence());
        keep.heard(false, later);
        assert!(!keep.died_in_silence());
    }
}
