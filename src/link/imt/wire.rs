//! One conversation with a modem. A thread of its own reads the port as long as it is open: the modem keeps nothing that it
//! said, and wants each segment within 300 ms, whatever the engine waits for meanwhile.
//!
//! At most one request is open at a time. Lines of code 299 come between it and its answer, also with the same target; an
//! answer is any other line with that target, or one to a request that the modem could not read.
//!
//! Whether a message was taken is told by the answer that names its hand-over. One that refuses it names none: while an older
//! answer is owed such a one proves nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender, bounded};

use super::feed::Feed;
use super::jspr::{Line, Lines, MALFORMED, UNASKED};
use crate::link::Event;
use crate::link::serial::{self, Port, Unwritten};
use crate::link::turns::Conversation;
use crate::message::reason::{DeviceReason, TransportReason};

/// A write ends within this time.
const WRITE_LIMIT: Duration = Duration::from_secs(1);
/// A segment waits so long for the answer to a request that is open; then it goes all the same.
const POLITE: Duration = Duration::from_millis(100);
/// While an answer is owed nothing is asked before the line was quiet for this long ...
const QUIET: Duration = Duration::from_millis(300);
/// ... or for this long in all.
const QUIET_LIMIT: Duration = Duration::from_secs(2);
/// The answer to a segment comes within this time, or not at all.
const SEGMENT_LIMIT: Duration = Duration::from_secs(1);
/// Lines that may wait for the engine; a modem that floods loses the rest.
const MAX_WAITING: usize = 4000;
/// Segments that may wait to be given: a whole message has hardly more, and what was not given is asked for again.
const MAX_SEGMENTS: usize = 64;
/// Lines for the console are cut after so many characters.
const SHOWN: usize = 200;
/// The thread looks whether it is still wanted this often at least.
const FAR: Duration = Duration::from_secs(3600);
/// What the lines of messages that come down are called, or begin with.
const DOWN: &str = "messageTerminate";
/// What a request about a segment is called.
const SEGMENT: &str = "messageOriginateSegment";
/// ... and one that hands a message over.
const ORIGINATE: &str = "messageOriginate";

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The port was closed by the system, which says why.
    Gone(String),
    /// No answer came within the limit.
    Silent {
        /// The request that was not answered.
        command: String,
        /// How long its answer was waited for.
        waited: Duration,
    },
    /// No version is chosen: the modem has restarted unseen.
    Restarted,
    /// The modem answered with an error.
    Refused {
        /// Target of the request.
        target: String,
        /// Code of the answer, other than 200.
        code: u16,
    },
}

impl Trouble {
    /// The same as a fact.
    pub fn reason(&self) -> crate::message::Reason {
        match self {
            Self::Gone(why) => DeviceReason::PortGone { why: why.clone(), unplugged: false }.into(),
            Self::Silent { command, waited } => {
                let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                DeviceReason::NoAnswer { command: command.clone(), waited }.into()
            }
            Self::Restarted => DeviceReason::Restarts.into(),
            Self::Refused { target, code } => TransportReason::Code { target: target.clone(), code: *code }.into(),
        }
    }
}

/// What both threads know.
#[derive(Default)]
struct State {
    /// The target of the request whose answer is awaited, and since when.
    open: Option<(String, Instant)>,
    answer: Option<Line>,
    feed: Option<Feed>,
    /// Segments that wait for the answer to a request.
    segments: VecDeque<String>,
    heard: VecDeque<Line>,
    shown: Vec<Event>,
    skipped: u64,
    last: Option<Instant>,
    /// An answer may still come that nobody waits for.
    owing: bool,
    /// Targets of the requests whose answers may still come.
    owed: VecDeque<String>,
    gone: Option<String>,
}

/// The port, and what both threads know.
struct Shared {
    port: Port,
    state: Mutex<State>,
    changed: Condvar,
    /// Held while a line is written.
    writing: Mutex<()>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: &str) -> Result<(), Trouble> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        show(&mut self.state(), true, line);
        self.port.write_all(format!("{line}\r").as_bytes(), Instant::now() + WRITE_LIMIT).map_err(|why| match why {
            Unwritten::Gone(gone) => Trouble::Gone(gone.0),
            Unwritten::Stalled => Trouble::Silent { command: line.chars().take(40).collect(), waited: WRITE_LIMIT },
        })
    }
}

impl State {
    /// An answer of this target may still come.
    fn owes(&mut self, target: &str) {
        self.owed.push_back(target.to_owned());
    }

    /// An answer came to a request that waited for it; false when it may be that to an older one. A modem answers one request
    /// after the other: what it did not answer before this it does not answer any more.
    fn answered(&mut self, target: &str, answer: &Line) -> bool {
        let named = answer.target != MALFORMED;
        let older = self.owed.iter().position(|owed| !named || owed == target);
        match older {
            Some(older) => {
                self.owed.drain(..=older);
                self.owed.push_back(target.to_owned());
            }
            None if named => self.owed.clear(),
            None => {}
        }
        older.is_none()
    }

    /// An answer came that nobody waited for.
    fn settled(&mut self, answer: &Line) {
        let older = self.owed.iter().position(|owed| answer.target == MALFORMED || *owed == answer.target);
        if let Some(older) = older {
            self.owed.drain(..=older);
        }
    }
}

fn show(state: &mut State, sent: bool, text: &str) {
    if state.shown.len() < MAX_WAITING {
        let text = text.chars().take(SHOWN).collect();
        state.shown.push(Event::Line { sent, text });
    }
}

/// An open port with a modem behind it.
pub struct Wire {
    shared: Arc<Shared>,
    news: Receiver<()>,
    /// Closed when the thread is to end.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Over an open port; what it still says of earlier times is read until it is quiet, and dropped but for messages that come
    /// down: the modem says them once.
    ///
    /// # Errors
    /// When the port has gone, or no thread is to be had.
    pub fn new(port: Port, feed: Option<Feed>, quiet: Duration, limit: Duration) -> Result<Self, Trouble> {
        let (skipped, lines, heard) = drain(&port, quiet, limit)?;
        let state = Mutex::new(State { feed, skipped, heard, ..State::default() });
        let shared = Arc::new(Shared { port, state, changed: Condvar::new(), writing: Mutex::new(()) });
        let ((bell, news), (stop, stopped)) = (bounded(1), bounded(1));
        let inner = shared.clone();
        let thread = std::thread::Builder::new().name("imt-port".to_owned());
        let thread =
            thread.spawn(move || read(&inner, &bell, &stopped, lines)).map_err(|why| Trouble::Gone(why.to_string()))?;
        Ok(Self { shared, news, stop: Some(stop), thread: Some(thread) })
    }

    /// Gives the port that it talks by.
    pub fn port(&self) -> &Port {
        &self.shared.port
    }

    /// Bytes that were no line.
    pub fn skipped(&self) -> u64 {
        self.shared.state().skipped
    }

    /// When the modem last said something.
    pub fn last_line(&self) -> Option<Instant> {
        self.shared.state().last
    }

    /// The message that segments are asked of.
    pub fn feed(&self, feed: Option<Feed>) {
        self.shared.state().feed = feed;
    }

    /// That message, as far as it got.
    pub fn fed(&self) -> Option<Feed> {
        self.shared.state().feed.clone()
    }

    /// Says a line and waits for nothing.
    ///
    /// # Errors
    /// When the port has gone, or takes nothing.
    pub fn say(&self, line: &str) -> Result<(), Trouble> {
        let mut state = self.shared.state();
        state.owing = true;
        state.owes(line.split_whitespace().nth(1).unwrap_or_default());
        drop(state);
        self.shared.write(line)
    }

    /// Waits until the line is quiet, if an answer is owed, so that it is not taken for the answer to something else.
    fn settle(&self) {
        let (begun, mut state) = (Instant::now(), self.shared.state());
        if !std::mem::take(&mut state.owing) {
            return;
        }
        loop {
            let quiet = state.last.map_or(begun, |last| last.max(begun)) + QUIET;
            let left = quiet.min(begun + QUIET_LIMIT).saturating_duration_since(Instant::now());
            if left.is_zero() || state.gone.is_some() {
                return;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`Trouble`]. That something is so already (402) is no error.
    pub fn ask(&self, verb: &str, target: &str, body: &str, limit: Duration) -> Result<Line, Trouble> {
        self.settle();
        let line = format!("{verb} {target} {body}");
        let mut state =
            self.wait_for(self.shared.state(), Instant::now() + SEGMENT_LIMIT, |state| state.open.is_none());
        (state.open, state.answer) = (Some((target.to_owned(), Instant::now())), None);
        drop(state);
        let written = self.shared.write(&line);
        let mut state = self.shared.state();
        if written.is_ok() {
            state = self.wait_for(state, Instant::now() + limit, |state| state.answer.is_some());
        }
        state.open = None;
        let (answer, gone) = (state.answer.take(), state.gone.clone());
        state.owing = answer.is_none();
        let sure = match &answer {
            Some(answer) => state.answered(target, answer),
            None => {
                state.owes(target);
                true
            }
        };
        drop(state);
        written?;
        match (answer, gone) {
            // It may be the answer to another request, and a message that was taken must not go twice.
            (Some(Line { code, .. }), _) if !sure && target == ORIGINATE && !matches!(code, 200 | 402) => {
                Err(Trouble::Silent { command: format!("{verb} {target}"), waited: limit })
            }
            (Some(Line { code: 400, .. }), _) => Err(Trouble::Restarted),
            (Some(answer @ Line { code: 200 | 402, .. }), _) => Ok(answer),
            (Some(Line { code, .. }), _) => Err(Trouble::Refused { target: target.to_owned(), code }),
            (None, Some(why)) => Err(Trouble::Gone(why)),
            (None, None) => Err(Trouble::Silent { command: format!("{verb} {target}"), waited: limit }),
        }
    }

    /// Waits until something holds, the port has gone, or `until`.
    fn wait_for<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        until: Instant,
        holds: impl Fn(&State) -> bool,
    ) -> MutexGuard<'s, State> {
        while !holds(&state) && state.gone.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("imt: the thread of the port panicked");
        }
    }
}

impl Conversation for Wire {
    type Heard = Line;
    type Trouble = Trouble;

    /// The thread does that; here it tells whether it can no more.
    fn pump(&mut self) -> Result<(), Trouble> {
        let state = self.shared.state();
        match state.gone.clone().filter(|_| state.heard.is_empty()) {
            Some(why) => Err(Trouble::Gone(why)),
            None => Ok(()),
        }
    }

    fn next_heard(&mut self) -> Option<Line> {
        self.shared.state().heard.pop_front()
    }

    fn take_lines(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.shared.state().shown)
    }

    fn wait(&self, wake: &Receiver<()>, until: Instant) -> bool {
        serial::wait_for_news(&self.news, wake, until)
    }
}

/// Reads until the line was quiet for a while, or the limit; a modem may chatter without end. Gives how many bytes came, the
/// reader that has the rest of them, and the lines of messages that come down.
fn drain(port: &Port, quiet: Duration, limit: Duration) -> Result<(u64, Lines, VecDeque<Line>), Trouble> {
    let (begun, mut heard, mut skipped) = (Instant::now(), Instant::now(), 0);
    let (mut lines, mut down) = (Lines::default(), VecDeque::new());
    let mut chunk = [0; 4096];
    while heard.elapsed() < quiet && begun.elapsed() < limit {
        port.wait_readable(Instant::now() + quiet.saturating_sub(heard.elapsed()));
        let count = port.read(&mut chunk).map_err(|gone| Trouble::Gone(gone.0))?;
        if count > 0 {
            (heard, skipped) = (Instant::now(), skipped + count as u64);
            let said = lines.feed(chunk.get(..count).unwrap_or_default());
            down.extend(said.into_iter().filter(|line| line.code == UNASKED && line.target.starts_with(DOWN)));
        }
    }
    lines.skipped = 0;
    Ok((skipped, lines, down))
}

/// True when something comes within this time; it is not read.
pub fn speaks(port: &Port, within: Duration) -> bool {
    let begun = Instant::now();
    port.wait_readable(begun + within);
    begun.elapsed() < within
}

/// Reads the port until it is gone, or nobody wants it any more.
fn read(shared: &Shared, bell: &Sender<()>, stopped: &Receiver<()>, mut lines: Lines) {
    let mut chunk = [0; 4096];
    let drained = shared.state().skipped;
    loop {
        let segments = !shared.state().segments.is_empty();
        let until = Instant::now() + if segments { POLITE / 4 } else { FAR };
        if serial::wait(Some(&shared.port), stopped, until) {
            return;
        }
        match shared.port.read(&mut chunk) {
            Ok(count) => {
                for line in lines.feed(chunk.get(..count).unwrap_or_default()) {
                    hear(shared, line);
                }
                shared.state().skipped = drained + lines.skipped;
            }
            Err(gone) => shared.state().gone = Some(gone.0),
        }
        supply(shared);
        shared.changed.notify_all();
        // Full means that it rings already.
        let _ = bell.try_send(());
        if shared.state().gone.is_some() {
            return;
        }
    }
}

/// Takes a line to where it belongs.
fn hear(shared: &Shared, line: Line) {
    let mut state = shared.state();
    state.last = Some(Instant::now());
    show(&mut state, false, &format!("{} {} {}", line.code, line.target, line.body));
    if line.code == UNASKED {
        let segment = state.feed.as_mut().filter(|_| line.target == SEGMENT).and_then(|feed| feed.segment(&line.body));
        match segment {
            Some(segment) if state.segments.len() < MAX_SEGMENTS => state.segments.push_back(segment),
            Some(_) => {}
            None if state.heard.len() < MAX_WAITING => state.heard.push_back(line),
            None => {}
        }
        return;
    }
    // Questions for segments may stand right behind this answer, and it may come when nobody waits for it any more.
    let mut ours = true;
    if line.target == ORIGINATE
        && line.code == 200
        && let Some(feed) = &mut state.feed
    {
        feed.accepted(&line.body);
        ours = feed.is_of(&line.body);
    }
    let answers = |(target, _): &(String, Instant)| ours && (line.target == *target || line.target == MALFORMED);
    let Some((target, _)) = state.open.take_if(|open| answers(open)) else { return state.settled(&line) };
    if target != SEGMENT {
        state.answer = Some(line);
    }
}

/// Gives the modem the segments that it asked for. One waits a little for the answer to a request that is open.
fn supply(shared: &Shared) {
    loop {
        let mut state = shared.state();
        if state.open.as_ref().is_some_and(|(target, since)| target == SEGMENT && since.elapsed() >= SEGMENT_LIMIT) {
            state.open = None;
        }
        let busy = state.open.as_ref().is_some_and(|(_, since)| since.elapsed() < POLITE);
        let Some(segment) = state.segments.pop_front_if(|_| !busy) else { return };
        if state.open.is_none() {
            state.open = Some((SEGMENT.to_owned(), Instant::now()));
        }
        drop(state);
        if let Err(Trouble::Gone(why)) = shared.write(&format!("PUT {SEGMENT} {segment}")) {
            shared.state().gone = Some(why);
        }
    }
}

#[cfg(test)]
mod tests;
