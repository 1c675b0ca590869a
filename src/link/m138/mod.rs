//! Driver of the Swarm M138 modem, on a serial port of this machine.
//!
//! `codec`, `sentence`, `errors`, `command` and `ledger` are pure. `wire` holds one conversation with a modem; the
//! state that outlives it is [`M138`], whose parts stand by theme: `session` (what is due when), `escalation`
//! (finding, opening, adopting, resetting), `unsolicited`, `inbound` and `id_search`, `queue`, `handover` and `reconcile`.

mod codec;
mod command;
mod errors;
mod escalation;
mod handover;
mod id_search;
mod inbound;
mod ledger;
mod queue;
mod reconcile;
mod report;
mod sentence;
mod session;
mod unsolicited;
mod wire;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use smol::channel::Receiver;

use self::command::Dialect;
use self::handover::Unsettled;
use self::ledger::Ledger;
use self::wire::Wire;
use crate::address::DeviceId;
use crate::clock::Clock;
use crate::fault::Fault;
use crate::link::contact::{FirstContact, Line};
use crate::link::serial;
use crate::link::turns::Turns;
use crate::link::{Event, Health, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict};
use crate::message::reason::{DeviceReason, GpsFix};
use crate::message::{Intent, Reference};
use crate::settings::{Key, Settings};
use crate::sys::process;

/// Largest payload of one packet, in bytes.
const MAX_PAYLOAD: usize = 192;

/// See [`super::Driver::check`]: the ports that a modem may be on.
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    serial::check(settings, Key::M138Port, escalation::BAUD)
}

/// The modem is recognised by its answer to the question for its number.
pub const CONTACT: FirstContact = FirstContact { baud: escalation::BAUD, ask: contact, port: Key::M138Port };

fn contact(line: &mut Line) -> Option<String> {
    line.ask("$CS*10\n", identity).map(|number| format!("Swarm M138, device 0x{number:06x}"))
}

/// The number in a line that says whose modem it is.
fn identity(said: &str) -> Option<u64> {
    let mut frames = Vec::new();
    codec::Codec::default().feed(format!("{said}\n").as_bytes(), &mut frames);
    frames.into_iter().find_map(|frame| match frame {
        codec::Frame::Body(body) => match sentence::parse(&body) {
            sentence::Sentence::Identity { device, .. } => Some(device),
            _ => None,
        },
        codec::Frame::Junk(_) => None,
    })
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(M138::new(settings, clock))
}

/// Where the driver stands with its modem.
#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// No port is open.
    Closed {
        /// When to look again.
        next: Instant,
        /// How often a port was looked for so far.
        tries: u32,
        /// Why no port is open.
        why: DeviceReason,
    },
    /// A port is open and the modem does not answer (yet).
    Unresponsive {
        /// The next step of the escalation.
        step: u32,
        /// When the next step is taken.
        next: Instant,
    },
    /// Boot lines were heard, `BOOT,RUNNING` was not.
    Starting {
        /// When to ask it: at once after `BOOT,RUNNING`, else when its start takes too long.
        ask: Instant,
        /// The step of the escalation to take then.
        step: u32,
    },
    /// `BOOT,SHUTDOWN` was heard: only a power cycle revives it.
    Off {
        /// When to ask all the same.
        next: Instant,
    },
    /// It answers and has our settings.
    Running,
}

/// The driver's state.
pub struct M138 {
    clock: Clock,
    named_port: String,
    app: u32,
    window: u64,
    wire: Option<Wire>,
    phase: Phase,
    events: Vec<Event>,
    /// What the last [`Event::Health`] said, and when.
    reported: Option<(Health, Instant)>,
    facts: Facts,
    /// Questions without an answer, in a row.
    unanswered: u32,
    /// Until when a late answer is waited for.
    listening: Option<Instant>,
    /// When the modem was last told to restart.
    restarted: Option<Instant>,
    ledger: Ledger,
    /// Changes whenever the driver may have missed something the modem said.
    epoch: u64,
    /// Changes likewise, but for restarts of the modem: those lose what it was about to say, and no more.
    line_epoch: u64,
    /// Random name of the ledger: moments of another one mean nothing here.
    life: u64,
    /// Packets that modems took in earlier runs, the newest first; true: it has left.
    earlier: Vec<(Reference, bool)>,
    unsettled: Vec<Unsettled>,
    /// Hand-overs (by their memo) and the ids they got.
    claims: VecDeque<(String, u64)>,
    /// Packets whose withdrawal was asked for and not answered.
    withdrawing: Vec<u64>,
    inbound: inbound::Store,
    agenda: session::Agenda,
}

/// What is known of the modem.
#[derive(Debug, Default)]
struct Facts {
    device: Option<DeviceId>,
    /// The modem named an id that cannot be one.
    bad_device: Option<u64>,
    firmware: Option<String>,
    dialect: Option<Dialect>,
    /// GPS time is valid; `None` before anything was heard about it.
    time_valid: Option<bool>,
    /// The modem's own clock, when it was last heard and valid.
    clock: Option<crate::clock::Time>,
    position: Option<(f64, f64, f64)>,
    fix: Option<GpsFix>,
    last_satellite: Option<crate::clock::Time>,
    waiting: Option<u64>,
    /// When the modem said that its queue is full.
    full: Option<Instant>,
    /// Mean background noise, dBm.
    noise: Option<f64>,
    /// When a sample of the noise was last reported.
    noise_reported: Option<Instant>,
    /// Garbled lines of earlier openings.
    garbled_before: u64,
    opened: u64,
    /// This modem answered on this path: it may be restarted there.
    proven: Option<std::path::PathBuf>,
    /// Garbled lines, and when they were last compared.
    garbled_mark: Option<(u64, Instant)>,
    garbles: bool,
    /// All of the garbled lines lately were only cut short: bytes get lost, or go to somebody else.
    cut_short: bool,
    noisy_mark: u64,
    /// Another program that has the port open, and when it was last looked for.
    other_reader: Option<process::Holder>,
    looked_for_readers: Option<Instant>,
    /// `brltty` runs, which takes adapters of this kind away from the system.
    brltty: bool,
}

impl M138 {
    /// From the settings; opens nothing.
    pub fn new(settings: &Settings, clock: &Clock) -> Self {
        let number = |key| u64::try_from(settings.number(key)).unwrap_or_default();
        Self {
            clock: clock.clone(),
            named_port: settings.text(Key::M138Port).trim().to_owned(),
            app: u32::try_from(number(Key::M138AppId)).unwrap_or_default(),
            window: number(Key::M138Window),
            wire: None,
            phase: Phase::Closed { next: Instant::now(), tries: 0, why: DeviceReason::Looking },
            events: Vec::new(),
            reported: None,
            facts: Facts::default(),
            unanswered: 0,
            listening: None,
            restarted: None,
            ledger: Ledger::default(),
            epoch: fresh(),
            line_epoch: fresh(),
            life: fresh(),
            earlier: Vec::new(),
            unsettled: Vec::new(),
            claims: VecDeque::new(),
            withdrawing: Vec::new(),
            inbound: inbound::Store::default(),
            agenda: session::Agenda::default(),
        }
    }

    /// Starts a new epoch: something may have been missed.
    fn gap(&mut self) {
        (self.epoch, self.line_epoch) = (fresh(), fresh());
    }

    /// The name under which packets are held by this modem.
    fn reference(&self, id: u64) -> Option<Reference> {
        let device = self.facts.device?;
        Some(Reference { holder: format!("m138:{device}"), number: id })
    }

    fn dialect(&self) -> Dialect {
        self.facts.dialect.unwrap_or_else(|| Dialect::of(""))
    }
}

/// A number that no earlier run of the program had.
fn fresh() -> u64 {
    // without random numbers two runs could only agree by chance in the addresses and times that this hash is made of
    getrandom::u64().unwrap_or_else(|_| {
        use std::hash::{BuildHasher, Hasher};
        std::hash::RandomState::new().build_hasher().finish()
    })
}

impl Link for M138 {
    fn remember(&mut self, taken: &[(Reference, bool)]) {
        self.earlier = taken.to_vec();
    }

    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        self.poll_until(wake, Instant::now() + wait)
    }

    fn prepare(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        self.take_in();
        self.prepare_packet(packet)
    }

    fn send(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        self.take_in();
        self.hand_over(packet, intent)
    }

    fn reconcile(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict {
        self.take_in();
        self.find_out(packet, intent)
    }

    fn exclude_match(&mut self, reference: &Reference) {
        self.exclude(reference.number);
    }

    fn still_held(&mut self, reference: &Reference) -> PacketStatus {
        self.take_in();
        self.ask_after(reference)
    }

    fn cancel(&mut self, reference: &Reference) -> PacketStatus {
        self.take_in();
        self.withdraw(reference)
    }

    fn confirm(&mut self, token: &Token) -> Result<(), Fault> {
        self.take_in();
        self.delete_inbound(token)
    }

    fn console(&mut self, line: &str) -> Result<(), Fault> {
        self.say(line)
    }
}

/// Hears these bytes on the serial line, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let mut frames = Vec::new();
    codec::Codec::default().feed(bytes, &mut frames);
    for frame in frames {
        match frame {
            codec::Frame::Body(body) => drop(sentence::parse(&body)),
            codec::Frame::Junk(_) => {}
        }
    }
    if let Ok(body) = std::str::from_utf8(bytes) {
        drop(sentence::parse(body));
    }
}

#[cfg(test)]
mod tests;
