//! What a command works with: the store with its live facts, its input, and its output.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::progress::{Bar, Step, is_stopped};
use super::{FAILED, INTERRUPTED, NOT_FOUND, USAGE};
use crate::admin::service::{Actor, Service};
use crate::engine::Context;
use crate::fault::Fault;
use crate::store::work::Hear;

/// A command as it goes to the box: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The words of the command line behind `satpost`.
    pub args: Vec<String>,
    /// What the command reads, if it reads something.
    #[serde(default)]
    pub input: Option<String>,
}

/// The answer of the box: one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Exit code.
    pub code: u8,
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
    /// Bytes for standard output behind `out`, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    /// A file in the data folder whose content follows on standard output: a large mail does not go through JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// How far a long work is: there is nothing else in the piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// A piece: the rest comes in a line of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// A long answer goes out in pieces of about so many bytes: nobody has it in memory as a whole.
const PIECE: usize = 64 * 1024;
/// What takes longer says so far what it did after this: whoever waits sees it work.
const SIGN: Duration = Duration::from_secs(2);
/// How far a long work is goes out so often at most.
const MOVE: Duration = Duration::from_millis(100);

/// Takes a piece of an answer to whoever asked; false when they are gone.
pub type Pieces<'a> = &'a mut dyn FnMut(Answer) -> bool;

/// A command that did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// One sentence.
    pub why: String,
}

/// The end of a command.
pub type Done = Result<(), Failure>;

impl Failure {
    /// Says that something did not work.
    pub fn failed(why: impl std::fmt::Display) -> Self {
        Self { code: FAILED, why: why.to_string() }
    }

    /// Says that the command line is wrong.
    pub fn usage(why: impl std::fmt::Display) -> Self {
        Self { code: USAGE, why: why.to_string() }
    }

    /// Says that there is no such thing.
    pub fn not_found(why: impl std::fmt::Display) -> Self {
        Self { code: NOT_FOUND, why: why.to_string() }
    }

    /// Turns a fault into a failure; a permanent one means that the request itself is wrong.
    pub fn of_request(fault: Fault) -> Self {
        if fault.is_permanent() { Self::usage(fault.why()) } else { fault.into() }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::failed(fault.why())
    }
}

/// One command at work.
pub struct Session<'a> {
    /// The box, or its store alone.
    pub context: &'a Context,
    /// True inside a running box: its live facts mean something.
    pub live: bool,
    /// Number of the user who gave the command.
    pub uid: u32,
    /// What the command was given to read.
    pub input: Option<String>,
    /// What goes to standard output.
    pub out: String,
    /// What goes to standard error.
    pub err: String,
    /// Bytes that follow `out`.
    pub bytes: Option<Vec<u8>>,
    /// A file whose content follows `out`.
    pub file: Option<PathBuf>,
    /// Where pieces of a long answer go.
    pub pieces: Pieces<'a>,
    /// When the last one went.
    pub passed: Instant,
}

impl Session<'_> {
    /// Gives the service, in the name of root or the user of the box.
    pub fn service(&self) -> Service {
        Service::new(&self.context.store, Actor::command_line(self.uid))
    }

    /// Passes on what was said so far, when that is much or nothing was passed on for a while.
    ///
    /// # Errors
    /// When nobody listens any more. An action that was asked for is carried out all the same.
    pub fn pass_on(&mut self) -> Done {
        if self.out.len() + self.err.len() < PIECE && self.passed.elapsed() < SIGN {
            return Ok(());
        }
        self.passed = Instant::now();
        let (out, err) = (std::mem::take(&mut self.out), std::mem::take(&mut self.err));
        match (self.pieces)(Answer { out, err, more: true, ..Answer::default() }) {
            true => Ok(()),
            false => Err(Failure::failed("nobody reads the answer any more")),
        }
    }

    /// Carries a long work out; whoever asked hears how far it is. It ends where they went away.
    pub fn long<T>(&mut self, work: impl FnOnce(Hear) -> T) -> T {
        let (pieces, passed) = (RefCell::new(&mut *self.pieces), Cell::new(None::<Instant>));
        work(&|stage, done, total| {
            if passed.get().is_some_and(|last| last.elapsed() < MOVE) {
                return true;
            }
            passed.set(Some(Instant::now()));
            let step = Some(Step { stage, done, total });
            (pieces.borrow_mut())(Answer { step, more: true, ..Answer::default() })
        })
    }

    /// Adds a line for people.
    pub fn line(&mut self, text: impl std::fmt::Display) {
        self.out.push_str(&format!("{text}\n"));
    }

    /// Adds items of a JSON array that is not in memory as a whole; it reads as the whole would.
    pub fn json_part(&mut self, items: &[impl Serialize], first: bool, last: bool) {
        // As in `json`.
        let text = serde_json::to_string_pretty(items).expect("output of commands serialises");
        let inner = text.trim_start_matches('[').trim_end_matches(']').trim_end_matches('\n');
        match (first, last) {
            (true, true) => return self.line(text),
            (true, false) => self.out.push('['),
            (false, _) if !items.is_empty() => self.out.push(','),
            (false, _) => {}
        }
        self.out.push_str(inner);
        if last {
            self.out.push_str("\n]\n");
        }
    }

    /// Adds JSON for scripts.
    pub fn json(&mut self, value: &impl Serialize) {
        // What commands print holds strings, numbers and lists: serialisation to memory cannot fail.
        let text = serde_json::to_string_pretty(value).expect("output of commands serialises");
        self.line(text);
    }
}

/// Carries out a request. Never fails itself: what goes wrong is in the answer.
pub fn carry_out(context: &Context, live: bool, uid: u32, request: Request, pieces: Pieces) -> Answer {
    let command = match super::parse(&request.args) {
        Ok(command) => command,
        Err(exit) if exit.status.is_ok() => return Answer { out: exit.output, ..Answer::default() },
        Err(exit) => return Answer { code: USAGE, err: exit.output, ..Answer::default() },
    };
    let (input, passed) = (request.input, Instant::now());
    let (out, err) = (String::new(), String::new());
    let mut session = Session { context, live, uid, input, out, err, bytes: None, file: None, pieces, passed };
    let done = command.act(&mut session);
    let bytes = session.bytes.map(|bytes| STANDARD.encode(bytes));
    let mut answer = Answer { out: session.out, err: session.err, bytes, file: session.file, ..Answer::default() };
    if let Err(failure) = done {
        answer.code = failure.code;
        answer.err.push_str(&format!("satpost: {}\n", failure.why));
    }
    answer
}

impl Answer {
    /// The end of an answer of which no more was wanted.
    pub fn stopped(code: u8) -> Self {
        let err = if code == INTERRUPTED { "satpost: interrupted\n".to_owned() } else { String::new() };
        Self { code, err, ..Self::default() }
    }

    /// What goes to standard output.
    pub fn out_text(&self) -> String {
        let bytes = self.bytes.as_ref().and_then(|bytes| STANDARD.decode(bytes).ok()).unwrap_or_default();
        format!("{}{}", self.out, String::from_utf8_lossy(&bytes))
    }

    /// Takes away what goes to standard output: somebody printed it in another form.
    pub fn forget_out(&mut self) {
        self.out.clear();
        self.bytes = None;
    }

    /// Prints it all and gives the exit code; that of a failure where standard output could not be written.
    pub fn print(&self) -> u8 {
        let mut code = self.code;
        if let Err(failure) = super::written(self.print_out()) {
            super::say(&mut std::io::stderr(), &format!("satpost: {}\n", failure.why));
            code = code.max(FAILED);
        }
        super::say(&mut std::io::stderr(), &self.err);
        code
    }

    /// Prints a piece of an answer; the exit code where no more of it can be printed, which is no failure when the reader went away.
    /// Ctrl-C is caught from the first step on, and not before: what only prints ends by it at once, as any program does.
    pub fn print_piece(&self, bar: &OnceCell<Bar>) -> Option<u8> {
        if let Some(step) = &self.step {
            return (!bar.get_or_init(Bar::new).at(step.stage, step.done, step.total)).then_some(INTERRUPTED);
        }
        super::say(&mut std::io::stderr(), &self.err);
        match self.print_out() {
            Ok(()) => is_stopped().then_some(INTERRUPTED),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Some(0),
            Err(error) => {
                super::say(&mut std::io::stderr(), &format!("satpost: standard output cannot be written: {error}\n"));
                Some(FAILED)
            }
        }
    }

    fn print_out(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(self.out.as_bytes())?;
        out.write_all(&self.bytes.as_ref().and_then(|bytes| STANDARD.decode(bytes).ok()).unwrap_or_default())?;
        if let Some(file) = &self.file {
            let cannot = |error: std::io::Error| std::io::Error::other(format!("{}: {error}", file.display()));
            std::io::copy(&mut std::fs::File::open(file).map_err(cannot)?, &mut out)?;
        }
        out.flush()
    }
}
