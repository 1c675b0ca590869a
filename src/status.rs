//! What is going on right now: live facts that the pages show and nobody needs after a restart.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::ser::SerializeStruct;
use smol::channel::Sender;

use crate::address::PeerId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::Health;
use crate::links::Uptime;
use crate::message::LinkId;
use crate::message::reason::Contact;

/// Lines of the modem console that are kept.
pub const LINES: usize = 500;
/// Lines that wait for one link.
const CONSOLE: usize = 16;

/// Live facts of one box; clones share them.
#[derive(Clone)]
pub struct StatusBoard(Arc<Inner>);

struct Inner {
    facts: Mutex<LiveStatus>,
    /// How often facts were changed.
    changes: AtomicU64,
    /// Lines that the page asked to send, by link.
    console: Mutex<BTreeMap<LinkId, VecDeque<String>>>,
    /// Wakes the threads of the links.
    wakers: Mutex<BTreeMap<LinkId, Sender<()>>>,
}

/// All facts at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LiveStatus {
    /// The links that are driven, by number.
    #[serde(skip)]
    pub links: BTreeMap<LinkId, LinkStatus>,
    /// The relay: ready, or what is wrong.
    pub relay: Option<PartStatus>,
    /// The carrier of text messages: how texts from phones come in, or what is wrong; `None` without a carrier.
    pub texts: Option<PartStatus>,
    /// When the carrier was last heard: it answered a question for texts, or called.
    pub texts_heard: Option<Time>,
    /// A call in the carrier's name that was refused since the last one that was heard, and why.
    pub texts_refused: Option<PartStatus>,
    /// The listeners for mail.
    pub smtp: Option<PartStatus>,
    /// Listeners whose sockets systemd opened: their settings do not count.
    pub given: BTreeSet<&'static str>,
    /// Addresses in use, by listener: `smtp`, `submission`, `web`.
    pub listen: BTreeMap<String, Vec<SocketAddr>>,
    /// What gpsd tells; `None` where it is not asked.
    pub gps: Option<Gps>,
    /// What is at serial ports that no link has, by path.
    pub plugged: BTreeMap<String, Plugged>,
    /// Workers that failed and are started again: name and reason.
    pub failing: BTreeMap<String, String>,
    /// Console lines with a running number, oldest first.
    #[serde(skip)]
    pub lines: VecDeque<(u64, ConsoleLine)>,
    /// The number the next console line gets.
    #[serde(skip)]
    pub next_line: u64,
}

/// What gpsd tells of its receiver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gps {
    /// Whether it knows where it is.
    pub state: GpsState,
    /// Degrees north and east, and when that was; the last one that is known.
    pub place: Option<(f64, f64, Time)>,
}

/// How gpsd, or its receiver, is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GpsState {
    /// It knows place and time.
    Fix,
    /// The receiver knows no place.
    NoFix,
    /// It does not answer, with what the system says.
    Unreachable(String),
}

impl Gps {
    /// The owner's words.
    pub fn words(&self) -> String {
        match &self.state {
            GpsState::Fix => "gpsd knows place and time".to_owned(),
            GpsState::NoFix => "the receiver of gpsd has no fix: it needs a free view of the sky".to_owned(),
            GpsState::Unreachable(why) => {
                format!("gpsd does not answer at {why}: check gpsd.address, and that it runs")
            }
        }
    }
}

/// Something at a serial port that no link has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plugged {
    /// Its name, the one that survives unplugging if there is one.
    pub name: String,
    /// What the adapter says of itself.
    pub about: String,
    /// What it said when it was asked.
    pub contact: Contact,
}

/// How a link that is driven is doing.
#[derive(Debug, Clone)]
pub struct LinkStatus {
    /// What its owner calls it.
    pub name: String,
    /// Name of its driver, as in the table of drivers.
    pub driver: String,
    /// What it says of itself; `None` before its first word.
    pub health: Option<Health>,
    /// How it came and went.
    pub up: Uptime,
    /// How each far box came and went, where a ready link may not reach all of them.
    pub far_boxes: BTreeMap<PeerId, Uptime>,
    /// Far boxes that take nothing while messages wait for them.
    pub silent: Vec<SilentFarBox>,
}

impl LinkStatus {
    /// True while it takes packets.
    pub fn is_ready(&self) -> bool {
        self.health.as_ref().is_some_and(|health| health.ready)
    }
}

/// A far box that takes nothing: the link holds as many packets for it as it may, and more messages wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilentFarBox {
    /// Its device, as `0x001abe`; empty for the far box of a station.
    pub device: String,
    /// The person whose device it is, if it is one of this box.
    pub person: Option<String>,
    /// Packets that the link holds for it.
    pub on_link: usize,
    /// Messages that wait here for it.
    pub waiting: usize,
    /// When the oldest of its packets was taken by the link.
    pub since: Option<Time>,
}

impl SilentFarBox {
    /// The owner's words.
    pub fn words(&self) -> String {
        let whose = self.person.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let who = match self.device.as_str() {
            "" => "no satellite".to_owned(),
            device => format!("device {device}{whose}"),
        };
        let since = self.since.map(|at| format!(" since {at}")).unwrap_or_default();
        let (on_link, waiting) = (self.on_link, self.waiting);
        match self.device.as_str() {
            "" => format!("{who} took one of the {on_link} packets on the link{since}; {waiting} more messages wait"),
            _ => format!("{who} took none of its {on_link} packets{since}; {waiting} more messages wait for it"),
        }
    }
}

/// How one part of the box is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartStatus {
    /// What it does, or what is wrong.
    pub state: PartState,
    /// When it entered this state.
    pub at: Time,
}

/// What a part does, or what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartState {
    /// Takes mail: the listener is open, or the relay answers.
    TakesMail,
    /// Asks a carrier for texts from phones.
    Polls {
        /// The carrier's name for people.
        carrier: &'static str,
        /// How often, as it was set.
        every: String,
    },
    /// Is called by a carrier when a text came from a phone.
    Called {
        /// The carrier's name for people.
        carrier: &'static str,
        /// The address that it calls.
        hook: String,
        /// It is asked besides, for what a call may have lost.
        polls: bool,
    },
    /// Would be called by a carrier that cannot be asked, and has no address for that.
    Unreachable {
        /// The carrier's name for people.
        carrier: &'static str,
    },
    /// Refused a call in a carrier's name.
    RefusedCall {
        /// The carrier's name for people.
        carrier: &'static str,
        /// What was wrong with the call.
        why: String,
    },
    /// Listeners that could not be opened.
    Closed(Vec<String>),
    /// Refuses mail until there is more room on the disk.
    DiskShort {
        /// Bytes that may still be written.
        free: u64,
        /// Bytes that `store.reserve` keeps free.
        reserve: u64,
    },
    /// Does not work, for this reason.
    Faulty(Fault),
}

impl PartStatus {
    /// True while it works.
    pub fn is_ok(&self) -> bool {
        match self.state {
            PartState::TakesMail | PartState::Polls { .. } | PartState::Called { .. } => true,
            // Texts go out all the same, and the set-up page asks for what is missing.
            PartState::Unreachable { .. } => true,
            PartState::RefusedCall { .. }
            | PartState::Closed(_)
            | PartState::DiskShort { .. }
            | PartState::Faulty(_) => false,
        }
    }

    /// The owner's words.
    pub fn words(&self) -> String {
        match &self.state {
            PartState::TakesMail => "takes mail".to_owned(),
            PartState::Polls { carrier, every } => format!("polling: {carrier} is asked for texts every {every}"),
            PartState::Called { carrier, hook, polls } => {
                let also = if *polls { ", and is asked every 15 minutes for what a call may have lost" } else { "" };
                format!("webhook: {carrier} calls {hook}{also}")
            }
            PartState::Unreachable { carrier } => {
                format!("{carrier} cannot be asked for texts: none come in until sms.public_url is set")
            }
            PartState::RefusedCall { carrier, why } => format!("A call in the name of {carrier} was refused: {why}."),
            PartState::Closed(why) => why.join("; "),
            PartState::DiskShort { free, reserve } => format!(
                "takes no mail: {} MB are free on the disk and store.reserve keeps {}",
                free / 1_000_000,
                reserve / 1_000_000
            ),
            PartState::Faulty(fault) => fault.to_string(),
        }
    }
}

impl Serialize for PartStatus {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut shown = to.serialize_struct("PartStatus", 3)?;
        shown.serialize_field("ok", &self.is_ok())?;
        shown.serialize_field("words", &self.words())?;
        shown.serialize_field("at", &self.at)?;
        shown.end()
    }
}

/// A line between box and modem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsoleLine {
    /// Number of the link whose modem it is.
    pub link: LinkId,
    /// When it was written or read.
    pub at: Time,
    /// The box said it to the modem; else the modem to the box.
    pub sent: bool,
    /// The line without its end, made printable.
    pub text: String,
}

impl Default for StatusBoard {
    fn default() -> Self {
        Self(Arc::new(Inner {
            facts: Mutex::default(),
            changes: AtomicU64::new(0),
            console: Mutex::default(),
            wakers: Mutex::default(),
        }))
    }
}

impl StatusBoard {
    /// Gives a copy of all facts.
    pub fn facts(&self) -> LiveStatus {
        self.0.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads some of the facts.
    pub fn with<T>(&self, read: impl FnOnce(&LiveStatus) -> T) -> T {
        read(&self.0.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes facts, and counts that as one change.
    pub fn set(&self, change: impl FnOnce(&mut LiveStatus)) {
        change(&mut self.0.facts.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// How often facts were changed since the start: whoever shows them looks again when this is another number.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Adds a line to the console; the oldest go.
    pub fn line(&self, line: ConsoleLine) {
        self.set(|facts| {
            facts.lines.push_back((facts.next_line, line));
            facts.next_line += 1;
            if facts.lines.len() > LINES {
                facts.lines.pop_front();
            }
        });
    }

    /// Asks the thread of a link to send a line to its modem; false when sixteen wait already.
    pub fn console_send(&self, link: LinkId, line: String) -> bool {
        let mut console = self.0.console.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = console.entry(link).or_default();
        let sent = waiting.len() < CONSOLE;
        if sent {
            waiting.push_back(line);
        }
        drop(console);
        if let Some(waker) = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).get(&link) {
            // Full means that the link's thread is woken anyway.
            let _ = waker.try_send(());
        }
        sent
    }

    /// What wakes the thread of a link for a console line.
    pub fn wake_for_console(&self, link: LinkId, waker: Sender<()>) {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).insert(link, waker);
    }

    /// Wakes the threads of all links but one: what that one does may concern them.
    pub fn wake_other_links(&self, link: LinkId) {
        let wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, waker) in wakers.iter().filter(|(other, _)| **other != link) {
            let _ = waker.try_send(());
        }
    }

    /// A line that the page asked to send on a link, if any; for its thread.
    pub fn console_take(&self, link: LinkId) -> Option<String> {
        self.0.console.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&link)?.pop_front()
    }
}
