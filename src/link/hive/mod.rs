//! Link to the Swarm Hive: reaches every modem of the account over HTTPS.
//!
//! Interface after the vendor's OpenAPI file ("Hive Service REST API", v1). The Hive is asked, it never calls: each
//! round lists what is new (`inbox`) and looks after what waits for its device (`outbox`).

mod api;
mod error;
mod inbox;
mod item;
mod outbox;
mod poll_timer;
mod watch;

use std::time::{Duration, Instant};

use smol::channel::Receiver;

use self::api::Api;
use self::error::HiveError;
use self::inbox::{Foreign, Shown};
use self::poll_timer::PollTimer;
use self::watch::Watch;
use crate::clock::Clock;
use crate::fault::Fault;
use crate::link::{Event, Health, Link, LinkPacket, PacketStatus, PairedWith, SubmitResult, Token, Verdict};
use crate::message::reason::{DeviceReason, TrackingReason};
use crate::message::{Intent, Reason, Reference};
use crate::settings::{Key, Settings};

/// Whose number a [`Reference`] of this link is.
const HOLDER: &str = "hive";
/// What people call the service.
fn service() -> String {
    "the Hive".to_owned()
}

/// Largest payload of a packet, in bytes.
const MAX_PAYLOAD: usize = 192;
/// Packets that may wait in the Hive for one device. They cannot be taken back: beyond this they wait here, where they can
/// be cancelled.
pub const WINDOW: usize = 64;

/// See [`super::Driver::check`].
pub fn check(settings: &Settings, _: &[PairedWith]) -> Result<String, Vec<String>> {
    match (settings.text(Key::HiveUser), settings.text(Key::HivePassword)) {
        ("", _) => Err(vec!["no log-in for the Hive: set hive.user".to_owned()]),
        (_, "") => Err(vec!["no password for the Hive: set hive.password".to_owned()]),
        (user, _) => Ok(format!("the Hive is asked as {user} once the box runs; check again then")),
    }
}

/// The times of this link; tests shorten them.
#[derive(Debug, Clone, Copy)]
struct HiveLimits {
    /// Each call ends within this time.
    call: Duration,
    /// Wait after the first failure; doubled after each further one.
    first: Duration,
    /// Longest wait between tries.
    most: Duration,
    /// A packet that is not listed this long after its hand-over ended was not taken.
    settle: Duration,
    /// An item that was reported and neither confirmed nor refused is reported again after this time.
    remind: Duration,
}

impl HiveLimits {
    const REAL: Self = Self {
        call: Duration::from_secs(15),
        first: Duration::from_secs(2),
        most: Duration::from_secs(300),
        settle: Duration::from_secs(10),
        remind: Duration::from_secs(300),
    };
}

/// Makes the link; it opens nothing before the first poll.
pub fn make(settings: &Settings, clock: &Clock) -> Box<dyn Link> {
    Box::new(Hive::new(settings, clock, HiveLimits::REAL))
}

struct Hive {
    api: Api,
    clock: Clock,
    limits: HiveLimits,
    /// Application id of our packets.
    app: u16,
    /// Organization that sends; 0 leaves it out.
    organization: u32,
    timer: PollTimer,
    /// Why calls are not tried before the next round; `None` while the Hive works.
    trouble: Option<Fault>,
    shown: Shown,
    foreign: Foreign,
    watch: Watch,
    /// When the last hand-over ended without a clear answer.
    doubt: Option<Instant>,
    health: Health,
    /// What the next poll reports.
    events: Vec<Event>,
}

impl Hive {
    fn new(settings: &Settings, clock: &Clock, limits: HiveLimits) -> Self {
        let every = settings.span(Key::HivePoll);
        let api = Api::new(settings, limits.call);
        Self {
            health: Health { port: Some(api.base().to_owned()), ..Health::default() },
            api,
            clock: clock.clone(),
            limits,
            // The table of settings keeps both in range.
            app: u16::try_from(settings.number(Key::M138AppId)).unwrap_or_default(),
            organization: u32::try_from(settings.number(Key::HiveOrganization)).unwrap_or_default(),
            timer: PollTimer::new(every, limits.first, limits.most),
            trouble: None,
            shown: Shown::new(limits.remind),
            foreign: Foreign::default(),
            watch: Watch::new(every),
            doubt: None,
            events: Vec::new(),
        }
    }

    /// Asks the Hive for all that is due.
    fn round(&mut self) {
        let done = self.collect().and_then(|()| self.look_after());
        match done {
            Ok(()) => {
                self.timer.good();
                if self.trouble.take().is_some() {
                    log::info!("hive: it answers again");
                }
                let user = self.api.user().to_owned();
                let others = self.foreign.example().map(|app| (app, self.app));
                self.say(true, DeviceReason::Answers { service: service(), user, others }.into());
            }
            Err(trouble) => self.back_off(&trouble),
        }
    }

    /// Stops calling until the next round, which comes the later the longer this lasts.
    fn back_off(&mut self, trouble: &HiveError) {
        let fault = trouble.fault();
        let wait = self.timer.failed();
        log::warn!("hive: {fault}; next try in {} s", wait.as_secs());
        self.say(false, fault.reason().clone());
        self.trouble = Some(fault);
    }

    /// A call outside of a round; not even tried while the Hive is in trouble.
    fn guarded<T>(&mut self, call: impl FnOnce(&mut Self) -> Result<T, HiveError>) -> Result<T, HiveError> {
        if let Some(fault) = &self.trouble {
            return Err(HiveError::Barred(fault.clone()));
        }
        let done = call(self);
        if let Err(trouble) = &done
            && trouble.is_general()
        {
            self.back_off(trouble);
        }
        done
    }

    /// When a piece of work of several calls has to begin its last one, so that a slow Hive holds up nobody for long.
    fn budget(&self) -> Instant {
        Instant::now() + self.limits.call * 2
    }

    /// Reports the state of the link when it changed.
    fn say(&mut self, ready: bool, state: Reason) {
        let waiting = Some(self.watch.len());
        let new = Health { ready, state, waiting, ..self.health.clone() };
        if new != self.health {
            self.health = new;
            self.events.push(Event::Health(self.health.clone()));
        }
    }
}

impl Link for Hive {
    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event> {
        let until = Instant::now() + wait.min(poll_timer::DAY);
        loop {
            if self.timer.due() <= Instant::now() {
                self.round();
            }
            if !self.events.is_empty() {
                return std::mem::take(&mut self.events);
            }
            let next = until.min(self.timer.due());
            if woken(wake, next) || Instant::now() >= until {
                return Vec::new();
            }
        }
    }

    fn prepare(&mut self, packet: &LinkPacket) -> Result<Intent, Fault> {
        match &self.trouble {
            Some(fault) => Err(fault.clone()),
            None if !self.health.ready => Err(Fault::Temporary(DeviceReason::NotAsked { service: service() }.into())),
            None => self.intend(packet),
        }
    }

    fn send(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult {
        self.hand_over(packet, intent)
    }

    fn reconcile(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict {
        self.find_out(packet, intent)
    }

    fn exclude_match(&mut self, reference: &Reference) {
        self.watch.exclude_match(reference.number);
    }

    fn still_held(&mut self, reference: &Reference) -> PacketStatus {
        self.packet_status(reference)
    }

    fn cancel(&mut self, _reference: &Reference) -> PacketStatus {
        PacketStatus::Unknown(TrackingReason::NoWithdrawal { service: service() }.into())
    }

    fn confirm(&mut self, token: &Token) -> Result<(), Fault> {
        let done = self.guarded(|hive| hive.api.acknowledge(token.0));
        // Either way it may be reported again: after a failure that is wanted, after success it is no longer listed.
        self.shown.forget(token.0);
        done.map_err(|trouble| trouble.fault())
    }

    fn console(&mut self, _line: &str) -> Result<(), Fault> {
        Err(Fault::permanent("the Hive has no console"))
    }
}

/// Waits until `next`; true when `wake` had an item (or is closed) before.
fn woken(wake: &Receiver<()>, next: Instant) -> bool {
    smol::block_on(smol::future::or(
        async {
            let _ = wake.recv().await;
            true
        },
        async {
            smol::Timer::at(next).await;
            false
        },
    ))
}

/// Reads this as each answer that the Hive may give, for the fuzzers.
#[cfg(fuzzing)]
pub fn fuzz(body: &[u8]) {
    let _ = (item::page(body), item::attempts(body), item::receipt(body));
}

#[cfg(test)]
mod tests;
