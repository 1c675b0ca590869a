//! Driver of the RockBLOCK 9704, a modem of Iridium's messaging transport (IMT), on a serial port of this machine. After the
//! lines that its seller's library speaks, and what users of units report.
//!
//! The modem takes a message of up to 100,000 bytes, pulls its bytes in segments, and sends it as one, which may take hours: it
//! says at the end, once, how that went. So:
//!
//! * one message is in the modem at a time, so that the choice between links stays open for the others;
//! * no wait of ours is a proof of anything: what counts is the modem's word at the end, and of a withdrawal only
//!   `message_cancelled_pre_transit` says that nothing was on air;
//! * its numbers mean something until it restarts. Each start has a number of ours, which is on disk before a message is handed
//!   over; of one that it got in an earlier life of this program it is asked by a withdrawal, in the same start only.
//!
//! `jspr`, `feed`, `collect` and `ends` are pure, `wire` holds one conversation with a thread that reads; `opening` finds the
//! modem and sets it up, `handover` has what the engine asks for, `run` what is due and what is heard.

mod collect;
mod ends;
mod feed;
mod handover;
mod jspr;
mod opening;
mod run;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use smol::channel::Receiver;

use self::collect::Collect;
use self::handover::{Fate, Offer, Slot};
use self::wire::Wire;
use crate::address::LinkAddress;
use crate::address::link::Imei;
use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::link::contact::{FirstContact, Line};
use crate::link::power::{self, Power};
use crate::link::serial;
use crate::link::turns::Turns;
use crate::link::{Equipment, Event, Health, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict};
use crate::message::reason::{Caution, DeviceReason, TransportReason};
use crate::message::{Intent, Reason, Reference};
use crate::settings::{Key, Settings};

/// The modem gives up what it holds after so long.
pub const TRANSIT: Duration = Duration::from_secs(6 * 3600);
/// Largest payload of one message, in bytes.
pub const MAX_PAYLOAD: usize = 100_000;
/// The speed of the modem.
const BAUD: u32 = 230_400;

/// The times of this driver; tests shorten them.
#[derive(Debug, Clone, Copy)]
struct ImtLimits {
    /// A line that was quiet for so long has nothing left of earlier times; that is waited for ten times as long.
    quiet: Duration,
    /// Requests are answered within this time.
    ask: Duration,
    /// The request that hands a message over is answered within this time.
    offer: Duration,
    /// The end of a message that was handed over in an earlier life is drawn out within this time.
    earlier: Duration,
    /// The end of one that is taken back comes within this time.
    cancel: Duration,
    /// The modem keeps a message no longer than this.
    hold: Duration,
    /// A modem that is idle, or has no topics, is asked this often how it is.
    look: Duration,
    /// A full queue is left alone for this long.
    full: Duration,
    /// The wait before a port is opened again on which nothing answers.
    mute: Duration,
    /// It stays off for so long where it is switched off and on.
    off: Duration,
}

impl ImtLimits {
    const REAL: Self = Self {
        quiet: Duration::from_millis(500),
        ask: Duration::from_secs(2),
        offer: Duration::from_secs(10),
        earlier: Duration::from_secs(10),
        cancel: Duration::from_secs(60),
        hold: Duration::from_secs(6 * 3600 + 600),
        look: Duration::from_secs(60),
        full: Duration::from_secs(30),
        mute: Duration::from_secs(5),
        off: power::REST,
    };
}

/// See [`super::Driver::check`]: the ports that a modem may be on, and the price.
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    let usable = serial::check(settings, Key::ImtPort, BAUD)?;
    power::check(settings, Key::ImtPower, Key::ImtPort, BAUD)?;
    match matches!(settings.text(Key::LinkUnit), "packet" | "credit") {
        true => Err(vec![
            "the network charges for each byte: set link.unit byte (and link.least, if the plan has a least number)"
                .to_owned(),
        ]),
        false => Ok(usable),
    }
}

/// The modem is recognised by its answer to the first question, whatever that is.
pub const CONTACT: FirstContact = FirstContact { baud: BAUD, ask: contact, port: Key::ImtPort };

fn contact(line: &mut Line) -> Option<String> {
    let answer = |said: &str| jspr::Lines::default().feed(format!("{said}\r").as_bytes()).pop();
    // The lone return ends half a line of earlier times.
    line.ask("\rGET apiVersion {}\r", |said| answer(said).filter(|line| line.code != jspr::UNASKED))?;
    let facts = line.ask("GET hwInfo {}\r", |said| answer(said).filter(|line| line.target == "hwInfo"));
    let imei = facts.and_then(|facts| facts.body["imei"].as_str()?.parse::<Imei>().ok());
    let number = imei.map(|imei| format!(", terminal {imei}")).unwrap_or_default();
    Some(format!("RockBLOCK 9704 (Iridium IMT){number}"))
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Imt::new(settings, clock, ImtLimits::REAL))
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
        why: Reason,
    },
    /// It answers, and cannot send yet: set up again then.
    Waiting {
        /// When to set it up again.
        next: Instant,
        /// Why it cannot send yet.
        why: Reason,
    },
    /// It is set up and has topics: messages go.
    Running,
}

/// What outlives the program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Kept {
    /// The modem's number.
    imei: String,
    /// The number of its start.
    boot: u64,
}

/// What is known of the modem.
#[derive(Debug, Default)]
struct Facts {
    imei: Option<String>,
    firmware: Option<String>,
    topics: Vec<u16>,
    bars: Option<u8>,
    /// Its state, if that is not `active`.
    inactive: Option<(String, u64)>,
    last_satellite: Option<Time>,
    skipped_before: u64,
    opened: u64,
    /// Openings without an answer, in a row.
    mute: u32,
    /// Looks at an idle modem without an answer, in a row.
    unanswered: u32,
}

/// The driver's state.
struct Imt {
    clock: Clock,
    limits: ImtLimits,
    named_port: String,
    topic: u16,
    wire: Option<Wire>,
    power: Power,
    phase: Phase,
    facts: Facts,
    events: Vec<Event>,
    reported: Option<Health>,
    /// What is on disk, as far as known, and what is to be.
    kept: Kept,
    boot: Kept,
    /// The message in the modem.
    slot: Option<Slot>,
    /// The message that may be in the modem, or not.
    offer: Option<Offer>,
    /// What became of hand-overs.
    fates: VecDeque<(u64, Fate)>,
    /// The last number that a hand-over got, and that a request got.
    last_number: u64,
    last_request: u8,
    collect: Collect,
    last_token: u64,
    /// Why nothing is taken, and until when; how often in a row.
    blocked: Option<(Reason, Instant)>,
    too_early: u32,
    /// Messages in a row that the modem found wrong.
    found_wrong: u32,
    look_at: Instant,
}

impl Imt {
    fn new(settings: &Settings, clock: &Clock, limits: ImtLimits) -> Self {
        Self {
            clock: clock.clone(),
            limits,
            named_port: settings.text(Key::ImtPort).trim().to_owned(),
            topic: u16::try_from(settings.number(Key::ImtTopic)).unwrap_or_default(),
            wire: None,
            power: Power::of(settings, Key::ImtPower),
            phase: Phase::Closed { next: Instant::now(), tries: 0, why: DeviceReason::Looking.into() },
            facts: Facts::default(),
            events: Vec::new(),
            reported: None,
            kept: Kept::default(),
            boot: Kept::default(),
            slot: None,
            offer: None,
            fates: VecDeque::new(),
            last_number: 0,
            last_request: 0,
            collect: Collect::default(),
            last_token: 0,
            blocked: None,
            too_early: 0,
            found_wrong: 0,
            look_at: Instant::now(),
        }
    }

    /// Why nothing is taken at present.
    fn blocked(&self) -> Option<&Reason> {
        self.blocked.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(why, _)| why)
    }

    fn is_ready(&self) -> bool {
        self.phase == Phase::Running && self.facts.inactive.is_none() && self.blocked().is_none()
    }

    /// Gives the sentence that the page shows for the modem.
    fn state(&self) -> Reason {
        match &self.phase {
            Phase::Closed { why, .. } | Phase::Waiting { why, .. } => why.clone(),
            Phase::Running => match (&self.facts.inactive, self.blocked()) {
                (Some((state, reason)), _) => {
                    TransportReason::Inactive { state: state.clone(), reason: *reason }.into()
                }
                (None, Some(why)) => why.clone(),
                (None, None) => match self.power.fault() {
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
        let health = Health {
            ready: self.is_ready(),
            state: self.state(),
            port: self.wire.as_ref().map(|wire| wire.port().path().display().to_string()),
            terminal: self.facts.imei.as_ref().and_then(|imei| imei.parse().ok()).map(LinkAddress::Imei),
            firmware: Some(named.join(", ")).filter(|named| !named.is_empty()),
            last_satellite: self.facts.last_satellite,
            bars: self.facts.bars,
            registered: self.wire.as_ref().map(|_| !self.facts.topics.is_empty()),
            waiting: Some(u64::from(self.slot.is_some())),
            garbled: self.facts.skipped_before + self.wire.as_ref().map_or(0, Wire::skipped),
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

impl Link for Imt {
    fn equip(&mut self, equipment: &Equipment) {
        // What cannot be read is no knowledge: the next start of the modem has a number that is on disk again.
        self.kept = serde_json::from_slice(&equipment.kept).unwrap_or_default();
        self.boot = self.kept.clone();
    }

    fn keep(&mut self) -> Option<Vec<u8>> {
        if self.kept == self.boot {
            return None;
        }
        self.kept = self.boot.clone();
        serde_json::to_vec(&self.kept).ok()
    }

    fn encloses(&self, _device: Option<LinkAddress>) -> usize {
        MAX_PAYLOAD
    }

    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        self.poll_until(wake, Instant::now() + wait)
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

    fn confirm(&mut self, _token: &Token) -> Result<(), Fault> {
        // The modem keeps nothing that it could forget.
        Ok(())
    }

    fn console(&mut self, line: &str) -> Result<(), Fault> {
        self.say(line)
    }
}

/// Hears these bytes on the serial line, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let (mut collect, mut feed) = (Collect::default(), feed::Feed::new(244, 1, b"hello"));
    for line in jspr::Lines::default().feed(bytes) {
        let _ = (jspr::newest(&line.body), jspr::topics(&line.body), feed.segment(&line.body));
        collect.begin(&line.body, Instant::now());
        collect.segment(&line.body, Instant::now());
        let _ = collect.end(&line.body);
    }
}
