//! The conversation with the modem: one command at a time, its answer told by shape, everything else kept in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use smol::channel::Receiver;

use super::codec::{Codec, Frame, printable, sentence};
use super::command::Command;
use super::errors;
use super::sentence::{Sentence, Tag, parse};
use crate::fault::Fault;
use crate::link::Event;
use crate::link::foreign::{self, Foreign};
use crate::link::serial::{self, Port, Unwritten};
use crate::link::turns::Conversation;
use crate::message::reason::DeviceReason;

/// How long a command may take to leave.
const WRITE_LIMIT: Duration = Duration::from_secs(1);
/// After a time-out nothing is asked before the line was quiet for this long ...
const QUIET: Duration = Duration::from_millis(300);
/// ... or for this long in all, as a noisy line is never quiet.
const QUIET_LIMIT: Duration = Duration::from_secs(2);
/// After `$CMD? ERR` the true answer gets this much more.
const AFTER_BAD_LINE: Duration = Duration::from_millis(500);
/// A modem that said nothing at all for this long is not waited for any longer, so that it shows within 5 s ...
const DEAD_AFTER: Duration = Duration::from_millis(4200);
/// ... but any command gets this much: real modems were seen to take over a second for a short answer.
const LEAST_LIMIT: Duration = Duration::from_millis(1500);
/// A modem is given at most this time to answer, however slow it was before.
const MAX_PATIENCE: Duration = Duration::from_secs(40);
/// Sentences and console lines that may wait; a modem that floods loses the rest.
const MAX_WAITING: usize = 2000;
/// Asked to see that nothing older is answered any more: no modem says these unasked.
const BETWEEN: [&str; 2] = ["CS", "FV"];
/// Bytes taken in at a stretch.
const GULP: usize = 4096;

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortError {
    /// The port was closed by the system, which says why.
    Gone(String),
    /// No port is open.
    Closed,
    /// No answer within the limit.
    Silent {
        /// Name of the command that was not answered.
        command: String,
        /// How long its answer was waited for.
        waited: Duration,
    },
    /// The port takes no bytes.
    Stalled,
    /// The modem restarts: whatever was asked may or may not have been done.
    Rebooted,
    /// The modem refused, with its word.
    Refused(String),
    /// Something had to be asked before, and went wrong: this was not asked at all.
    NotAsked(Box<PortError>),
}

impl PortError {
    /// What it says of the modem.
    pub fn reason(&self) -> DeviceReason {
        match self {
            Self::Gone(why) => DeviceReason::PortGone { why: why.clone(), unplugged: false },
            Self::Closed => DeviceReason::NoPort,
            Self::Silent { command, waited } => {
                let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                DeviceReason::NoAnswer { command: command.clone(), waited }
            }
            Self::Stalled => DeviceReason::Stalled { seconds: WRITE_LIMIT.as_secs() },
            Self::Rebooted => DeviceReason::Restarts,
            Self::Refused(word) => DeviceReason::Refused { word: word.clone() },
            Self::NotAsked(why) => why.reason(),
        }
    }

    /// What went wrong, be it before anything was asked.
    pub fn cause(&self) -> &Self {
        match self {
            Self::NotAsked(why) => why.cause(),
            why => why,
        }
    }

    /// The same, of a question that was not asked for it.
    fn before(self) -> Self {
        Self::NotAsked(Box::new(self))
    }

    /// The same as a fault that may pass.
    pub fn fault(&self) -> Fault {
        Fault::Temporary(self.reason().into())
    }
}

/// An open port with a modem on it, or something that should be one.
pub struct Wire {
    port: Port,
    codec: Codec,
    heard: VecDeque<Sentence>,
    lines: Vec<Event>,
    /// When the last right sentence came.
    last_sentence: Instant,
    /// When the last byte came, of whatever line.
    last_byte: Option<Instant>,
    /// An answer may still come that nobody waits for.
    owing: bool,
    /// Kinds of the questions whose answers may still come, in the order in which they were asked. A modem works off one
    /// command after the other: the answer to a later question of another kind shows that none of these comes any more.
    owed: VecDeque<Tag>,
    /// When the oldest question was asked whose answer did not come in time and may still come.
    unanswered: Option<Instant>,
    /// A modem that answered late is given this much time from then on.
    patience: Duration,
    /// What was said last to the other side, without its frame.
    said: String,
    /// The other side looks like something else.
    foreign: Option<Foreign>,
}

impl Wire {
    /// Over an open port.
    pub fn new(port: Port) -> Self {
        Self {
            port,
            codec: Codec::default(),
            heard: VecDeque::new(),
            lines: Vec::new(),
            last_sentence: Instant::now(),
            last_byte: None,
            owing: false,
            owed: VecDeque::new(),
            unanswered: None,
            patience: Duration::ZERO,
            said: String::new(),
            foreign: None,
        }
    }

    /// What the other side looks like, if that is no M138.
    pub fn foreign(&self) -> Option<Foreign> {
        self.foreign
    }

    /// It has answered like an M138: whatever else was heard was noise.
    pub fn is_no_foreign(&mut self) {
        self.foreign = None;
    }

    /// True when bytes came since the port was opened.
    pub fn heard_anything(&self) -> bool {
        self.last_byte.is_some()
    }

    /// The time that a slow modem is given for each answer; zero for one that answers in time.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// An answer came that nobody waits for any more. True when it shows that the modem is slow, not silent.
    pub fn late_answer(&mut self) -> bool {
        let Some(asked) = self.unanswered.take() else { return false };
        self.patience = self.patience.max(asked.elapsed() * 3 / 2 + LEAST_LIMIT).min(MAX_PATIENCE);
        true
    }

    /// Lines with bytes that no sentence has.
    pub fn noisy_lines(&self) -> u64 {
        self.codec.noisy()
    }

    /// Gives the port that it talks by.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Garbled lines so far.
    pub fn garbled(&self) -> u64 {
        self.codec.garbled()
    }

    /// Time since the last right sentence.
    pub fn silence(&self) -> Duration {
        self.last_sentence.elapsed()
    }

    /// True when bytes come in that are no sentences.
    pub fn is_noisy(&self) -> bool {
        self.last_byte.is_some_and(|at| at > self.last_sentence && at.elapsed() < Duration::from_secs(6))
    }

    /// Asks, and waits for the first sentence that `fits`; others stay in order for [`Wire::next_heard`]. The answer is never
    /// that to an earlier question of the same kind.
    ///
    /// # Errors
    /// [`PortError`]; the limit is the command's own.
    pub fn ask<T>(&mut self, command: &Command, fits: impl FnMut(&Sentence) -> Option<T>) -> Result<T, PortError> {
        if self.owed.contains(&command.tag) && !BETWEEN.contains(&command.body.as_str()) {
            self.catch_up(command.tag).map_err(PortError::before)?;
        }
        self.question(command, fits)
    }

    /// Asks something else until an answer shows that nothing of this kind is owed any more.
    fn catch_up(&mut self, kind: Tag) -> Result<(), PortError> {
        let asked = Instant::now();
        let body = BETWEEN.into_iter().find(|body| !self.owed.contains(&Command::new(*body).tag));
        let between = Command::new(body.unwrap_or(BETWEEN[0]));
        let answers =
            |heard: &Sentence| matches!(heard, Sentence::Identity { .. } | Sentence::Firmware(_)).then_some(());
        match self.question(&between, answers) {
            Ok(()) | Err(PortError::Refused(_)) => {}
            Err(trouble) => return Err(trouble),
        }
        match self.owed.contains(&kind) {
            true => Err(PortError::Silent { command: between.name(), waited: asked.elapsed() }),
            false => Ok(()),
        }
    }

    fn question<T>(&mut self, command: &Command, mut fits: impl FnMut(&Sentence) -> Option<T>) -> Result<T, PortError> {
        self.settle().map_err(PortError::before)?;
        let mut next = self.heard.len();
        self.said.clone_from(&command.body);
        self.write(&sentence(&command.body))?;
        let asked = Instant::now();
        let mut limit = asked + command.limit.max(self.patience);
        loop {
            while let Some(heard) = self.heard.get(next) {
                if let Some(answer) = fits(heard) {
                    self.heard.remove(next);
                    self.answered_after(asked.elapsed());
                    self.answered(command.tag);
                    return Ok(answer);
                }
                match heard {
                    Sentence::Boot { .. } => {
                        self.owed.clear();
                        return Err(PortError::Rebooted);
                    }
                    Sentence::Error { tag, word, id } if *tag == command.tag && !is_notice(word, *id) => {
                        let word = word.clone();
                        self.heard.remove(next);
                        self.answered(command.tag);
                        return Err(PortError::Refused(word));
                    }
                    Sentence::BadLine(_) => limit = limit.min(Instant::now() + AFTER_BAD_LINE),
                    _ => {}
                }
                next += 1;
            }
            let until = limit.min((self.last_sentence + DEAD_AFTER).max(asked + LEAST_LIMIT.max(self.patience)));
            if Instant::now() >= until {
                self.owing = true;
                self.owes(command.tag);
                self.unanswered.get_or_insert(asked);
                let command = command.name().to_owned();
                return Err(PortError::Silent { command, waited: asked.elapsed() });
            }
            if next >= MAX_WAITING {
                // a flood that is not looked at may hide the answer: make room, the end of the wait is near anyway
                self.heard.clear();
                next = 0;
            }
            self.port.wait_readable(until);
            self.pump()?;
        }
    }

    /// An answer of this kind may still come: the place of the first that was asked is kept.
    fn owes(&mut self, kind: Tag) {
        if !self.owed.contains(&kind) {
            self.owed.push_back(kind);
        }
    }

    /// The modem has started anew: it answers nothing from before.
    pub fn restarted(&mut self) {
        self.owed.clear();
    }

    /// An answer of this kind came: it is that to the first question of its kind that is open, and all before that are over.
    fn answered(&mut self, kind: Tag) {
        match self.owed.iter().position(|owed| *owed == kind) {
            Some(first) => {
                self.owed.drain(..=first);
                self.owed.push_back(kind);
            }
            None => self.owed.clear(),
        }
    }

    /// A modem that answers in time again is soon given no more than that.
    fn answered_after(&mut self, time: Duration) {
        self.unanswered = None;
        self.patience = match time < LEAST_LIMIT {
            true if self.patience > LEAST_LIMIT * 2 => self.patience / 2,
            true => Duration::ZERO,
            false => self.patience.max(time * 2).min(MAX_PATIENCE),
        };
    }

    fn suspect(&mut self, what: Option<Foreign>) {
        self.foreign = self.foreign.max(what);
    }

    /// Writes a line whose answer nobody waits for.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn say(&mut self, line: &str) -> Result<(), PortError> {
        self.owing = true;
        let word = line.trim_start_matches('$').split([' ', '*']).next().unwrap_or_default();
        self.owes(Command::new(word).tag);
        self.write(line)
    }

    /// A lone line feed: ends a half-received command, and wakes a modem that sleeps.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn nudge(&mut self) -> Result<(), PortError> {
        self.owing = true;
        self.write_bytes("\n")
    }

    /// Forgets all that is under way on the line.
    pub fn flush(&mut self) {
        self.port.flush();
        self.codec.reset();
    }

    /// Reads until the line is quiet, if an answer is owed, so that it is not taken for the answer to something else;
    /// and refuses while a restart was heard that nobody has looked at yet.
    fn settle(&mut self) -> Result<(), PortError> {
        self.pump()?;
        if std::mem::take(&mut self.owing) {
            let limit = Instant::now() + QUIET_LIMIT;
            let mut quiet_at = Instant::now() + QUIET;
            while Instant::now() < quiet_at.min(limit) {
                let before = self.last_byte;
                self.port.wait_readable(quiet_at.min(limit));
                self.pump()?;
                if self.last_byte != before {
                    quiet_at = Instant::now() + QUIET;
                }
            }
        }
        match self.heard.iter().any(|heard| matches!(heard, Sentence::Boot { .. })) {
            true => Err(PortError::Rebooted),
            false => Ok(()),
        }
    }

    fn write(&mut self, line: &str) -> Result<(), PortError> {
        self.note(true, printable(line.trim_end().as_bytes()));
        self.write_bytes(line)
    }

    fn write_bytes(&mut self, line: &str) -> Result<(), PortError> {
        self.port.write_all(line.as_bytes(), Instant::now() + WRITE_LIMIT).map_err(|why| match why {
            Unwritten::Gone(gone) => PortError::Gone(gone.0),
            Unwritten::Stalled => PortError::Stalled,
        })
    }

    fn note(&mut self, sent: bool, text: String) {
        if self.lines.len() < MAX_WAITING {
            self.lines.push(Event::Line { sent, text });
        }
    }
}

impl Conversation for Wire {
    type Heard = Sentence;
    type Trouble = PortError;

    fn pump(&mut self) -> Result<(), PortError> {
        let mut buffer = [0; GULP];
        let count = self.port.read(&mut buffer).map_err(|gone| PortError::Gone(gone.0))?;
        if count == 0 {
            return Ok(());
        }
        self.last_byte = Some(Instant::now());
        let mut frames = Vec::new();
        self.codec.feed(buffer.get(..count).unwrap_or_default(), &mut frames);
        for frame in frames {
            let text = match frame {
                Frame::Body(body) if body == "CS" && body == self.said => {
                    self.suspect(Some(Foreign::Echo));
                    sentence(&body).trim_end().to_owned()
                }
                Frame::Body(body) => {
                    self.suspect(foreign::recognise(&format!("${body}")));
                    self.last_sentence = Instant::now();
                    if self.heard.len() < MAX_WAITING {
                        self.heard.push_back(parse(&body));
                    }
                    sentence(&body).trim_end().to_owned()
                }
                Frame::Junk(text) => {
                    self.suspect(foreign::recognise(&text));
                    text
                }
            };
            self.note(false, text);
        }
        self.suspect(foreign::recognise(&self.codec.begun()));
        Ok(())
    }

    fn next_heard(&mut self) -> Option<Sentence> {
        self.heard.pop_front()
    }

    fn take_lines(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.lines)
    }

    fn wait(&self, wake: &Receiver<()>, until: Instant) -> bool {
        serial::wait(Some(&self.port), wake, until)
    }
}

/// An error that is no answer: a message that expired some time after it was taken.
fn is_notice(word: &str, id: Option<u64>) -> bool {
    errors::expired(word) && id.is_some()
}
