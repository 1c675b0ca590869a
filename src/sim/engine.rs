//! A simulated modem at work: one thread joins its machine, which knows the protocol and does no input or output, with the
//! port, the sky and the control socket.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use smol::channel::{Receiver, Sender, bounded};

use super::device::{self, Backing};
use super::lines::Lines;
use super::pty::Port;
use super::sky::{Reply, Sky};
use crate::clock::{Clock, Time};

/// A command has to be carried out within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions to the sky that may wait; one more counts as unheard.
const ASKS: usize = 16;

/// The lines of an answer to a control command, or what is wrong with it.
pub(in crate::sim) type Words = Result<Vec<String>, String>;

/// The modem itself: bytes, answers of the sky and time in; bytes and questions to the sky out.
pub(in crate::sim) trait Machine: Send + Sized + 'static {
    /// What it remembers without power.
    type Memory: Clone + Default + PartialEq + Serialize + DeserializeOwned + Send + 'static;
    /// A question to the sky.
    type Ask: Clone + Debug + Send + 'static;
    /// What the sky says to it.
    type Answer: Send + 'static;

    /// What its threads and its log lines are called.
    const NAME: &'static str;

    /// Its memory now.
    fn memory(&self) -> &Self::Memory;

    /// Takes what the host sends.
    fn hear(&mut self, bytes: &[u8], now: Time);

    /// Does what is due.
    fn tick(&mut self, now: Time);

    /// When the next thing is due.
    fn next(&self) -> Time;

    /// What leaves for the host now.
    fn take_output(&mut self, now: Time) -> Vec<u8>;

    /// The next question to the sky.
    fn next_ask(&mut self) -> Option<Self::Ask>;

    /// Hears the sky.
    fn answer(&mut self, answer: Self::Answer, now: Time);

    /// What the sky of a modem without one says.
    fn alone(&mut self, ask: &Self::Ask) -> Self::Answer;

    /// What a question comes to that nobody heard.
    fn unheard(ask: &Self::Ask) -> Self::Answer;

    /// Asks the sky.
    ///
    /// # Errors
    /// When it is gone, or says what is no answer.
    fn consult(ask: &Self::Ask, sky: &mut Sky) -> io::Result<Self::Answer>;

    /// Carries out a line of the control socket; the port is the only thing outside the machine that one can touch.
    ///
    /// # Errors
    /// What is wrong with it.
    fn command(&mut self, port: &mut Port, line: &str, now: Time) -> Words;
}

/// What the thread waits for, besides the port and time.
enum Event<A> {
    /// A control command and where its answer goes.
    Control(String, Sender<String>),
    /// What the sky said to a question.
    Sky(A),
    /// The simulator ends.
    Stop,
}

/// Where a simulated modem stands, for [`start`].
pub(in crate::sim) struct Places {
    /// The serial port to make.
    pub(in crate::sim) port: PathBuf,
    /// The file of its memory.
    pub(in crate::sim) state: Option<PathBuf>,
    /// The socket of the sky.
    pub(in crate::sim) sky: Option<PathBuf>,
    /// The control socket to make.
    pub(in crate::sim) control: Option<PathBuf>,
}

/// A running modem. Dropping it stops it, and removes its port and socket; what it remembers is in its state file.
pub struct Handle {
    port: PathBuf,
    control: Option<Lines>,
    /// Ends its thread.
    stop: Box<dyn Fn() + Send + Sync>,
    /// Carries out a line of the control socket.
    #[cfg(test)]
    tell: Box<dyn Fn(&str) -> String + Send + Sync>,
    threads: Vec<JoinHandle<()>>,
}

impl Handle {
    /// The path that a host opens.
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// Carries out a line of the control socket.
    #[cfg(test)]
    pub fn command(&self, line: &str) -> String {
        (self.tell)(line)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.control = None;
        (self.stop)();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a thread of a simulated modem panicked");
            }
        }
    }
}

/// Says what could not be made.
pub(in crate::sim) fn about(what: &str, path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

/// Starts a modem in threads of its own. When this returns, its port and its control socket are there.
///
/// # Errors
/// When the port, the control socket, the state file or a thread cannot be made; the sentence says which.
pub(in crate::sim) fn start<M: Machine>(
    places: Places,
    machine: impl FnOnce(M::Memory, Time) -> M,
) -> io::Result<Handle> {
    let state = places.state.clone().unwrap_or_default();
    let (backing, memory) = Backing::open(places.state).map_err(|error| about("state file", &state, error))?;
    let port = Port::new(&places.port).map_err(|error| about("port", &places.port, error))?;
    let clock = Clock::system();
    let machine = machine(memory, clock.now());
    let (events, inbox) = bounded(64);
    let ender = events.clone();
    #[cfg(test)]
    let teller = events.clone();
    let mut handle = Handle {
        port: places.port,
        control: None,
        // Fails only when the thread has ended already.
        stop: Box::new(move || drop(ender.send_blocking(Event::Stop))),
        #[cfg(test)]
        tell: Box::new(move |line| answer::<M>(&teller, line)),
        threads: Vec::new(),
    };
    let mut spawn = |name: String, work: Box<dyn FnOnce() + Send>| -> io::Result<()> {
        handle.threads.push(thread::Builder::new().name(name).spawn(work)?);
        Ok(())
    };
    let sky = match places.sky {
        None => None,
        Some(path) => {
            let (asks, asked) = bounded(ASKS);
            let events = events.clone();
            spawn(format!("{}-sky", M::NAME), Box::new(move || carry::<M>(&path, &asked, &events)))?;
            Some(asks)
        }
    };
    let engine = Engine { clock, machine, backing, port, inbox, sky };
    spawn(M::NAME.to_owned(), Box::new(move || engine.run()))?;
    if let Some(path) = &places.control {
        let name = format!("{}-control", M::NAME);
        let lines = Lines::start(path, &name, Box::new(move |line| answer::<M>(&events, line) + "\n"));
        handle.control = Some(lines.map_err(|error| about("control socket", path, error))?);
    }
    Ok(handle)
}

/// Has the modem's thread carry a command out.
fn answer<M: Machine>(events: &Sender<Event<M::Answer>>, line: &str) -> String {
    let (answer, answered) = bounded(1);
    let gone = || "error the simulator ends".to_owned();
    if events.send_blocking(Event::Control(line.to_owned(), answer)).is_err() {
        return gone();
    }
    let patience = async {
        smol::Timer::after(PATIENCE).await;
        None
    };
    smol::block_on(smol::future::or(async { answered.recv().await.ok() }, patience)).unwrap_or_else(gone)
}

/// Carries questions to the sky, one at a time, until their channel closes.
fn carry<M: Machine>(path: &Path, asks: &Receiver<M::Ask>, events: &Sender<Event<M::Answer>>) {
    let mut sky = None;
    let mut reachable = true;
    while let Ok(ask) = asks.recv_blocking() {
        let said = consult::<M>(&mut sky, path, &ask);
        if let Err(error) = &said
            && reachable
        {
            log::warn!("{}: the sky at {} does not answer: {error}", M::NAME, path.display());
        }
        reachable = said.is_ok();
        // Fails only when the modem has stopped; then its questions end too.
        let _ = events.send_blocking(Event::Sky(said.unwrap_or_else(|_| M::unheard(&ask))));
    }
}

/// Asks over the connection that there is, or a new one; it is kept only after an answer that was understood.
fn consult<M: Machine>(sky: &mut Option<Sky>, path: &Path, ask: &M::Ask) -> io::Result<M::Answer> {
    let mut open = match sky.take() {
        Some(open) => open,
        None => Sky::connect(path)?,
    };
    let answer = M::consult(ask, &mut open)?;
    *sky = Some(open);
    Ok(answer)
}

/// The modem's own thread.
struct Engine<M: Machine> {
    clock: Clock,
    machine: M,
    backing: Backing<M::Memory>,
    port: Port,
    inbox: Receiver<Event<M::Answer>>,
    /// Questions to the sky; `None` where there is none.
    sky: Option<Sender<M::Ask>>,
}

impl<M: Machine> Engine<M> {
    /// Runs until [`Event::Stop`].
    fn run(mut self) {
        loop {
            self.turn();
            let due = self.machine.next().since(self.clock.now());
            let event = smol::block_on(device::wait(&self.inbox, &self.port, due));
            let now = self.clock.now();
            match event {
                None => {}
                Some(Event::Stop) => break,
                Some(Event::Sky(answer)) => self.machine.answer(answer, now),
                Some(Event::Control(line, answer)) => {
                    // What the host sent before the command was given counts as before it.
                    self.turn();
                    let said = self.machine.command(&mut self.port, &line, now);
                    self.turn();
                    let text = said.map_or_else(|why| format!("error {why}"), |lines| lines.join("\n"));
                    // Nobody waits for the answer of a command that took too long.
                    let _ = answer.try_send(text);
                }
            }
        }
        self.save();
    }

    /// One turn: hear, do what is due, remember it, and only then speak.
    fn turn(&mut self) {
        let heard = self.port.read();
        let now = self.clock.now();
        if !heard.is_empty() {
            self.machine.hear(&heard, now);
        }
        self.machine.tick(now);
        while let Some(ask) = self.machine.next_ask() {
            let answer = match &self.sky {
                None => self.machine.alone(&ask),
                Some(sky) if sky.try_send(ask.clone()).is_ok() => continue,
                Some(_) => M::unheard(&ask),
            };
            self.machine.answer(answer, now);
        }
        self.save();
        let out = self.machine.take_output(now);
        if !out.is_empty() {
            self.port.write(&out);
        }
    }

    fn save(&mut self) {
        if let Err(error) = self.backing.save(self.machine.memory()) {
            log::error!("{}: its memory cannot be saved: {error}", M::NAME);
        }
    }
}

/// Lines of an answer that ends with a dot.
pub(in crate::sim) fn dotted(mut lines: Vec<String>) -> Vec<String> {
    lines.push(".".to_owned());
    lines
}

/// What the commands that every modem has do: the cable and its lock. `None` for any other.
pub(in crate::sim) fn cable(port: &mut Port, words: &[&str]) -> Option<Result<(), String>> {
    let failed = |error: io::Error| error.to_string();
    Some(match words {
        ["unplug"] => port.unplug().map_err(failed),
        ["plug"] => port.plug().map_err(failed),
        ["lock", word] => device::switch(word).and_then(|on| port.lock(on).map_err(failed)),
        _ => return None,
    })
}

/// The data of a packet on its way down.
///
/// # Errors
/// When it is not hex.
pub(in crate::sim) fn data(packet: &super::sky::Down) -> io::Result<Vec<u8>> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the data of a packet is not hex");
    crate::hex::decode(packet.data.as_bytes()).ok_or_else(wrong)
}

/// True for an answer that says yes.
pub(in crate::sim) fn is_yes(reply: &Reply) -> bool {
    reply.error.is_none() && reply.ok == Some(true)
}
