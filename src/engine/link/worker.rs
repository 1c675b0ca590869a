//! Drives the link: hands packets over, hears what became of them, takes in what comes down, and keeps the page told.
//!
//! One thread owns the link. What a crash could make ambiguous is on disk before it happens: a packet is `Handing`
//! before its command leaves, and settled with the link's own evidence before anything else is done with it.

mod queue;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use smol::channel::Receiver;

use super::equipment::{self, Kept};
use super::inbound_buffer::{InboundBuffer, Incoming};
use super::lines::{Lines, OnLink};
use super::schedule::Gathering;
use super::telemetry::{self, Samples};
use super::timers::Timers;
use super::{explain, fate, inbound, peer};
use crate::address::PeerId;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::{Driver, Event, Health, Link, Series};
use crate::message::{Reason, Way};
use crate::settings::{Key, Settings};

/// Longest sleep inside the link between two turns.
const TURN: Duration = Duration::from_secs(20);
/// The wait before a hand-over whose end is unknown is looked at again.
const DOUBT: BackOff = BackOff::doubling(Duration::from_secs(3), Duration::from_secs(192));
/// One that the link cannot decide is looked at again after this: it may have found out since.
const UNKNOWN: Duration = Duration::from_secs(60);
/// A link that took nothing is asked again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// Messages handed over in one turn; then the link is heard again.
const BATCH: usize = 32;
/// Packets of earlier runs that the link is told about.
const REMEMBERED: usize = 64;
/// Settings that need the link made anew.
const OF_THE_LINK: [Key; 15] = [
    Key::LinkDriver,
    Key::M138Port,
    Key::M138AppId,
    Key::HiveUrl,
    Key::HiveUser,
    Key::HivePassword,
    Key::HiveOrganization,
    Key::HivePoll,
    Key::IpAddress,
    Key::IpKey,
    Key::IpListen,
    Key::IpHold,
    Key::IpMetered,
    Key::IpBudgetDay,
    Key::IpBudgetMonth,
];

/// The worker: returns when the box stops.
///
/// # Errors
/// When the store fails; the supervisor starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (waker, wake) = context.store.wake_on(Way::Link);
    context.status.wake_for_console(waker.clone());
    context.coders.tell(waker.clone());
    // Inside the link this one channel is all that is heard; a change of settings is among what it tells.
    let _ender = context.at_end("link-wake", move || {
        waker.close();
    })?;
    while !context.stopping() {
        let settings = context.store.settings();
        let Some(driver) = crate::link::driver(&settings) else {
            context.status.set(|facts| (facts.link, facts.silent) = (None, Vec::new()));
            explain::without_link(context)?;
            context.rest(&wake, Duration::from_secs(3600));
            continue;
        };
        log::info!("link: {}, {}", driver.name, driver.about);
        let link = (driver.make)(&settings, context.store.clock());
        LinkWorker::new(context, driver, link).drive(&settings, &wake)?;
    }
    Ok(())
}

/// The link at work.
struct LinkWorker<'c> {
    context: &'c Context,
    driver: &'static Driver,
    link: Box<dyn Link>,
    health: Health,
    /// Packets that the link holds.
    outstanding: OnLink,
    /// What came in and is not kept yet.
    inbound: InboundBuffer,
    samples: Samples,
    kept: Kept,
    /// Ask after all packets on the link: acknowledgements may have been missed.
    ask_all: bool,
    /// When to look at hand-overs that are open, or may be; `None` when there are none.
    reconcile_at: Option<Time>,
    /// Looks at them that settled nothing, in a row.
    doubts: u32,
    /// What is due in the sessions with far boxes.
    timers: Timers,
    /// Messages that wait for each other.
    gathering: Gathering,
    /// When messages that wait for others, or for the coder, are looked at again.
    gather_until: Option<Time>,
    /// The link took nothing a moment ago, and why: not asked again before this, or before it says something new.
    paused: Option<(Time, Reason)>,
    /// Messages that wait for the link, and whose turn it is.
    lines: Lines,
    /// Packets that are being taken back by commands of this life.
    taken_back: BTreeSet<u64>,
}

impl<'c> LinkWorker<'c> {
    fn new(context: &'c Context, driver: &'static Driver, link: Box<dyn Link>) -> Self {
        Self {
            context,
            driver,
            link,
            health: Health::default(),
            outstanding: OnLink::default(),
            inbound: InboundBuffer::default(),
            samples: Samples::new(),
            kept: Kept::default(),
            ask_all: true,
            reconcile_at: Some(context.now()),
            doubts: 0,
            timers: Timers::default(),
            gathering: Gathering::default(),
            gather_until: None,
            paused: None,
            lines: Lines::default(),
            taken_back: BTreeSet::new(),
        }
    }

    /// Turns until the box stops or the link's settings change.
    fn drive(mut self, made_with: &Settings, wake: &Receiver<()>) -> Result<(), Fault> {
        self.outstanding = OnLink::count(self.context)?;
        self.link.equip(&equipment::of(self.context, self.driver)?);
        self.link.remember(&self.context.store.read(|view| view.last_references(REMEMBERED))?);
        let mut wait = Duration::ZERO;
        while !self.context.stopping() {
            let settings = self.context.store.settings();
            if OF_THE_LINK.iter().any(|key| settings.text(*key) != made_with.text(*key)) {
                break;
            }
            for event in self.link.poll(wake, wait) {
                self.hear(event)?;
            }
            while let Some(line) = self.context.status.console_take() {
                if let Err(fault) = self.link.console(&line) {
                    telemetry::line(self.context, false, format!("({fault})"));
                }
            }
            let more = self.turn()?;
            self.samples.keep(self.context, false)?;
            self.kept.write(self.context, self.driver, &mut *self.link, false)?;
            wait = if more { Duration::ZERO } else { self.next_wait()? };
        }
        self.kept.write(self.context, self.driver, &mut *self.link, true)?;
        self.samples.keep(self.context, true)
    }

    /// Does all that is due now but hearing the link; true when there is more that could go at once.
    fn turn(&mut self) -> Result<bool, Fault> {
        self.keep_inbound();
        self.track()?;
        self.collect_fates()?;
        // Open hand-overs come before anything new: a link may take nothing new before they are settled.
        self.reconcile()?;
        self.tend_sessions()?;
        self.empty_outbox()?;
        self.schedule()
    }

    fn next_wait(&self) -> Result<Duration, Fault> {
        let now = self.context.now();
        let ask = self.context.store.read(|view| view.next_ask())?;
        let ask = self.context.until(ask, TURN).max(Duration::from_millis(500));
        let reconcile = self.reconcile_at.filter(|_| self.health.ready);
        let rest = self.paused.as_ref().map(|(until, _)| *until).into_iter().chain(self.lines.rested(now)).min();
        let session = [self.timers.next(), self.gather_until].into_iter().flatten().min().filter(|_| self.ready());
        let others = [reconcile, self.inbound.next(now), session, rest].map(|at| self.context.until(at, TURN));
        Ok(others.into_iter().fold(ask, Duration::min))
    }

    /// Why the link is not asked to take anything; `None` when it may be asked now.
    fn paused(&self) -> Option<&Reason> {
        self.paused.as_ref().filter(|(until, _)| self.context.now() < *until).map(|(_, why)| why)
    }

    fn hear(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Inbound(packet) => self.inbound.push(Incoming::Packet(packet)),
            Event::Poison { bytes, why, token } => self.inbound.push(Incoming::Poison { bytes, why, token }),
            Event::Sent { reference, how } => self.acknowledged(&reference, how)?,
            Event::Lost { reference, why } => self.gave_up(&reference, why)?,
            Event::NotTaken { reference, why } => self.not_taken(&reference, why)?,
            Event::Evidence => {
                self.ask_all = true;
                (self.reconcile_at, self.doubts) = (Some(self.context.now()), 0);
            }
            Event::Health(health) => self.healthy(health)?,
            Event::Sample { series, value } => {
                if matches!(series, Series::Rssi | Series::Snr) {
                    self.gathering.heard_satellite(self.context.now());
                }
                self.samples.push(series, value, self.context.now());
            }
            Event::Line { sent, text } => telemetry::line(self.context, sent, text),
        }
        Ok(())
    }

    fn healthy(&mut self, health: Health) -> Result<(), Fault> {
        self.paused = None;
        if health.ready && !self.health.ready {
            self.ask_all = true;
            (self.reconcile_at, self.doubts) = (Some(self.context.now()), 0);
        }
        telemetry::health(self.context, self.health.ready, &health)?;
        self.health = health;
        Ok(())
    }

    /// True while the link can take packets.
    fn ready(&self) -> bool {
        self.health.ready && self.paused().is_none()
    }

    /// True while the link can take a packet for this far box. Where packets cannot be taken back to let an urgent one go
    /// first, those may exceed the window.
    fn takes_more(&self, device: Option<PeerId>, urgent: bool) -> bool {
        let window = (self.driver.window)(&self.context.store.settings());
        let window = if urgent && !self.driver.withdraws { window * 2 } else { window };
        let room = self.ready() && self.outstanding.of(device) < window && !self.context.stopping();
        room && self.reaches(device, urgent).is_ok()
    }

    /// Keeps what came in.
    fn keep_inbound(&mut self) {
        for device in self.inbound.keep_all(self.context, &mut *self.link) {
            self.timers.touch(device);
        }
    }

    /// What became of messages of far boxes is noted for them.
    fn collect_fates(&mut self) -> Result<(), Fault> {
        if self.context.speaks_compact() {
            fate::collect(self.context)?.into_iter().for_each(|device| self.timers.touch(device));
        }
        Ok(())
    }

    /// Does what is due in the sessions with far boxes. What they want to say waits in the outbox then.
    fn tend_sessions(&mut self) -> Result<(), Fault> {
        if !self.ready() {
            return Ok(());
        }
        if !self.context.speaks_compact() {
            self.timers.clear();
            return Ok(());
        }
        let now = self.context.now();
        if self.timers.begins() {
            for name in self.context.store.read(|view| view.session_names())? {
                self.timers.set(peer::far_box(&name), Some(now), now, false);
            }
        }
        for device in self.timers.take_stale() {
            self.timers.set(device, peer::due(self.context, device)?, now, false);
        }
        for device in self.timers.due(now) {
            inbound::tick(self.context, device)?;
            self.timers.set(device, peer::due(self.context, device)?, now, true);
        }
        Ok(())
    }
}
