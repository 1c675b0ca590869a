//! Driver of Iridium SBD modems (9602, 9603, RockBLOCK), on a serial port of this machine. After Iridium's AT command
//! reference (MAN0009); what only some firmware or a clone knows is done without where it is refused.
//!
//! The modem has two slots, one message each way, and no queue. A session sends what is in the one slot, every time it
//! runs, and fetches at most one message into the other, where the next session overwrites it. So:
//!
//! * the slot of what goes up is emptied on proof, before any other session;
//! * no session begins while a message that came down is not kept here;
//! * the modem's counter of sessions, before and after, tells what became of a hand-over that a crash cut.
//!
//! `codec`, `status` and `time` are pure, `wire` holds one conversation; `adopt` finds the modem, `slot` has what the engine
//! asks for, `session` what is due, `mailbox` what came down.

mod adopt;
mod codec;
mod known;
mod mailbox;
mod session;
mod slot;
mod status;
mod time;
mod wire;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use smol::channel::Receiver;

use self::known::Known;
use self::session::Plan;
use self::slot::{Fate, Slot};
use self::wire::Wire;
use crate::address::LinkAddress;
use crate::clock::Clock;
use crate::fault::Fault;
use crate::link::contact::{FirstContact, Line};
use crate::link::power::{self, Power};
use crate::link::serial;
use crate::link::turns::Turns;
use crate::link::{Equipment, Event, Health, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict};
use crate::message::reason::{Caution, DeviceReason, SessionReason};
use crate::message::{Intent, Reason, Reference};
use crate::settings::{Key, Settings};

/// Largest payload that goes up in one message, in bytes.
pub const MAX_PAYLOAD: usize = 340;
/// The speed of all these modems.
const BAUD: u32 = 19_200;

/// The times of this driver; tests shorten them.
#[derive(Debug, Clone, Copy)]
struct SbdLimits {
    /// A modem that is there answers `AT` within this time.
    ask: Duration,
    /// Commands that need no network end within this time.
    local: Duration,
    /// Sessions end within this time: the modem's own limit, and what it may take to tell.
    session: Duration,
    /// Between the end of a session and the next one: the supply has to recover.
    rest: Duration,
    /// A modem that is idle is asked this often how it is, which costs nothing.
    look: Duration,
    /// A modem that said nothing for so long is in no session any more: it is switched off and on, where that is wired.
    silent: Duration,
    /// It stays off for so long.
    off: Duration,
}

impl SbdLimits {
    const REAL: Self = Self {
        ask: Duration::from_millis(1500),
        local: Duration::from_secs(5),
        session: Duration::from_secs(105),
        rest: Duration::from_secs(10),
        look: Duration::from_secs(60),
        silent: Duration::from_secs(120),
        off: power::REST,
    };
}

/// See [`super::Driver::check`]: the ports that a modem may be on, and the price.
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let usable = serial::check(settings, Key::SbdPort, BAUD)?;
    power::check(settings, Key::SbdPower, Key::SbdPort, BAUD)?;
    match settings.text(Key::LinkUnit) == "packet" {
        true => Err(vec!["the network charges for each 50 bytes that were begun: set link.unit credit".to_owned()]),
        false => Ok(usable),
    }
}

/// The modem is recognised by what only such a modem can be asked: what is in its slots.
pub const CONTACT: FirstContact = FirstContact { baud: BAUD, ask: contact, port: Key::SbdPort };

fn contact(line: &mut Line) -> Option<String> {
    // Digits stand for words in a modem that was told so.
    line.ask("AT\r", |said| matches!(said.trim(), "OK" | "0" | "ERROR" | "4").then_some(()))?;
    // One that says OK to everything has no slots.
    let slots = |said: &str| match said.trim() {
        "ERROR" | "4" => Some(false),
        said => said.starts_with("+SBDS:").then_some(true),
    };
    line.ask("AT+SBDS\r", slots)?.then_some(())?;
    let imei = line.ask("AT+CGSN\r", |said| codec::imei(said).map(str::to_owned));
    let number = imei.map(|imei| format!(", terminal {imei}")).unwrap_or_default();
    Some(format!("Iridium SBD (9602, 9603, RockBLOCK){number}"))
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Sbd::new(settings, clock, SbdLimits::REAL))
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
    Silent {
        /// How often it was asked.
        tries: u32,
        /// When to ask again.
        next: Instant,
    },
    /// It answers and has our settings.
    Running,
}

/// What is known of the modem.
#[derive(Debug, Default)]
struct Facts {
    imei: Option<String>,
    firmware: Option<String>,
    /// It knows `+SBDSX`; a clone may not.
    tells_slots: bool,
    bars: Option<u8>,
    service: Option<bool>,
    antenna_fault: bool,
    /// The network knows the modem: it says so, or a session was good since it was found.
    registered: Option<bool>,
    /// Number of the next session, where it is known.
    momsn: Option<u16>,
    /// What that was when the modem was first found in this life, and whose it is: the evidence for earlier lives.
    found: Option<(String, Option<u16>)>,
    last_satellite: Option<crate::clock::Time>,
    /// When the network was last asked for the time.
    asked_time: Option<Instant>,
    noise_before: u64,
    opened: u64,
}

/// The driver's state.
struct Sbd {
    clock: Clock,
    limits: SbdLimits,
    named_port: String,
    wire: Option<Wire>,
    power: Power,
    /// Since when it answers nothing, or was switched off and on last.
    silent_since: Option<Instant>,
    phase: Phase,
    facts: Facts,
    events: Vec<Event>,
    reported: Option<Health>,
    /// The message in the slot of what goes up.
    slot: Option<Slot>,
    /// That slot is known to hold nothing else.
    slot_clear: bool,
    /// What became of hand-overs of this life, by their numbers.
    fates: VecDeque<(u64, Fate)>,
    /// The last number that a hand-over got.
    last_number: u64,
    plan: Plan,
    known: Known,
}

impl Sbd {
    fn new(settings: &Settings, clock: &Clock, limits: SbdLimits) -> Self {
        Self {
            clock: clock.clone(),
            limits,
            named_port: settings.text(Key::SbdPort).trim().to_owned(),
            wire: None,
            power: Power::of(settings, Key::SbdPower),
            silent_since: None,
            phase: Phase::Closed { next: Instant::now(), tries: 0, why: DeviceReason::Looking },
            facts: Facts::default(),
            events: Vec::new(),
            reported: None,
            slot: None,
            slot_clear: false,
            fates: VecDeque::new(),
            last_number: 0,
            plan: Plan::new(settings.on(Key::SbdRing), settings.span(Key::SbdCheck)),
            known: Known::default(),
        }
    }

    /// It takes a message now, or will once the session that runs is over.
    fn is_ready(&self) -> bool {
        self.phase == Phase::Running && !self.facts.antenna_fault && self.plan.blocked().is_none()
    }

    /// Gives the sentence that the page shows for the modem.
    fn state(&self) -> Reason {
        let port = self.wire.as_ref().map(|wire| wire.port().path().display().to_string()).unwrap_or_default();
        match &self.phase {
            Phase::Closed { why, .. } => why.clone().into(),
            Phase::Silent { tries, .. } => {
                DeviceReason::Silent { port, next: adopt::remedy(*tries, self.power.is_wired()) }.into()
            }
            Phase::Running if self.facts.antenna_fault => {
                SessionReason::NeedsOwner { status: 33, firmware: None }.into()
            }
            Phase::Running => match self.plan.blocked() {
                Some(why) => why.clone(),
                None if self.plan.is_short() || (!self.plan.may_look && self.register_due().is_some()) => {
                    SessionReason::NoBudget.into()
                }
                None if self.plan.too_large => SessionReason::TooLargeWaits.into(),
                None => match self.power.fault() {
                    Some(why) => DeviceReason::ReadyBut { but: Caution::NoControlLines(why.to_owned()) }.into(),
                    None => DeviceReason::Ready.into(),
                },
            },
        }
    }

    /// Adds an [`Event::Health`] if there is news; true then.
    fn report_health(&mut self) -> bool {
        let imei = self.facts.imei.as_ref().map(|imei| format!("terminal {imei}"));
        let named: Vec<_> = self.facts.firmware.clone().into_iter().chain(imei).collect();
        let noise = self.wire.as_ref().map_or(0, |wire| wire.noise);
        let health = Health {
            ready: self.is_ready(),
            state: self.state(),
            port: self.wire.as_ref().map(|wire| wire.port().path().display().to_string()),
            terminal: self.facts.imei.as_ref().and_then(|imei| imei.parse().ok()).map(LinkAddress::Imei),
            firmware: Some(named.join(", ")).filter(|named| !named.is_empty()),
            last_satellite: self.facts.last_satellite,
            bars: self.facts.bars,
            registered: self.facts.registered,
            waiting: Some(u64::from(self.slot.is_some())),
            garbled: self.facts.noise_before + noise,
            reopened: self.facts.opened.saturating_sub(1),
            ..Health::default()
        };
        if self.reported.as_ref() == Some(&health) {
            return false;
        }
        self.reported = Some(health.clone());
        self.events.push(Event::Health(health));
        true
    }
}

impl Link for Sbd {
    fn equip(&mut self, equipment: &Equipment) {
        self.known.equip(&equipment.kept);
    }

    fn keep(&mut self) -> Option<Vec<u8>> {
        self.known.keep()
    }

    fn may_look(&mut self, may: bool) {
        self.plan.may_look = may;
    }

    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        self.poll_until(wake, Instant::now() + wait)
    }

    fn relieve(&mut self, relieved: bool) {
        self.plan.relieve(relieved);
    }

    fn prepare(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        self.take_in();
        self.prepare_message(packet)
    }

    fn send(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        self.take_in();
        self.hand_over(packet, intent)
    }

    fn reconcile(&mut self, _packet: &LinkPacket, intent: &Intent) -> Verdict {
        self.take_in();
        self.find_out(intent)
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
    for line in String::from_utf8_lossy(bytes).lines() {
        let _ = (codec::line(line), codec::slots(line), time::read(line, None));
    }
}

#[cfg(test)]
mod tests;
