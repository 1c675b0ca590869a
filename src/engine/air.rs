//! Drives the link: hands packets over, hears what became of them, takes in what comes down, and keeps the page told.
//!
//! One thread owns the link. What a crash could make ambiguous is on disk before it happens: a packet is `Handing`
//! before its command leaves, and settled with the link's own evidence before anything else is done with it.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender};
use smol::future::or;

use super::{Context, handing, inbound, post, recover};
use crate::clock::Time;
use crate::fault::Fault;
use crate::link::{Driver, Event, Health, Inbound, Link, Series, Token};
use crate::message::{Id, Message, Packet, PacketState, Reference, State, Way};
use crate::pulse::ConsoleLine;
use crate::settings::{Key, Settings};
use crate::store::Lane;

/// Longest sleep inside the link between two turns.
const TURN: Duration = Duration::from_secs(20);
/// Measured values are collected this long: one write for all of them.
const COLLECT: Duration = Duration::from_secs(60);
/// A packet on the link is asked after this often.
const ASK_AFTER: Duration = Duration::from_secs(60);
/// A hand-over whose end is unknown is looked at again after this, later on less often.
const DOUBT: Duration = Duration::from_secs(3);
/// A link that took nothing is asked again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// Messages handed over in one turn; then the link is heard again.
const BATCH: usize = 16;
/// Settings that need the link made anew.
const OF_THE_LINK: [Key; 8] = [
    Key::LinkDriver,
    Key::M138Port,
    Key::M138AppId,
    Key::HiveUrl,
    Key::HiveUser,
    Key::HivePassword,
    Key::HiveOrganization,
    Key::HivePoll,
];

/// The worker: returns when the box stops.
///
/// # Errors
/// When the store fails; the house starts it again.
pub fn run(context: &Context) -> Result<(), Fault> {
    let (waker, wake) = context.store.wake_on(Way::Link);
    context.pulse.wake_for_console(waker.clone());
    wake_too(context, waker)?;
    while !context.stopping() {
        let settings = context.store.settings();
        let Some(driver) = crate::link::driver(&settings) else {
            context.pulse.set(|facts| facts.link = None);
            context.rest(&wake, Duration::from_secs(3600));
            continue;
        };
        log::info!("link: {}, {}", driver.name, driver.about);
        let link = (driver.make)(&settings, context.store.clock());
        Air::new(context, driver, link).drive(&settings, &wake)?;
    }
    Ok(())
}

/// Wakes the link's thread when the settings change, and for good when the box stops: inside the link it hears only
/// this one channel.
fn wake_too(context: &Context, waker: Sender<()>) -> Result<(), Fault> {
    let (stop, changed) = (context.stop.clone(), context.store.settings_changed());
    let work = move || {
        loop {
            let stopped = async {
                // Nothing is ever sent on this channel: it ends when the box stops.
                let _ = stop.recv().await;
                true
            };
            let settings = async { changed.recv().await.is_err() };
            if smol::block_on(or(stopped, settings)) || waker.is_closed() {
                waker.close();
                return;
            }
            // Full means that it is woken anyway.
            let _ = waker.try_send(());
        }
    };
    std::thread::Builder::new().name("air-wake".to_owned()).spawn(work).map(drop).map_err(Fault::temporary)
}

/// The link at work.
pub struct Air<'c> {
    pub(super) context: &'c Context,
    pub(super) driver: &'static Driver,
    pub(super) link: Box<dyn Link>,
    health: Health,
    /// Packets that the link holds.
    pub(super) outstanding: usize,
    /// Came in and could not be kept yet: offered to the store again each turn, as the link offers them only once.
    unsaved: Vec<Incoming>,
    samples: Vec<(&'static str, Time, f64)>,
    collected: Instant,
    /// Ask after all packets on the link: acknowledgements may have been missed.
    ask_all: bool,
    /// When to look at hand-overs that are open, or may be; `None` when there are none.
    recover_at: Option<Time>,
    /// Looks at them that settled nothing, in a row.
    doubts: u32,
    /// The link took nothing a moment ago: not asked again before this, or before it says something new.
    stuck_until: Option<Time>,
}

enum Incoming {
    Packet(Inbound),
    Poison { bytes: Vec<u8>, why: String, token: Token },
}

impl<'c> Air<'c> {
    fn new(context: &'c Context, driver: &'static Driver, link: Box<dyn Link>) -> Self {
        Self {
            context,
            driver,
            link,
            health: Health::default(),
            outstanding: 0,
            unsaved: Vec::new(),
            samples: Vec::new(),
            collected: Instant::now(),
            ask_all: true,
            recover_at: Some(context.now()),
            doubts: 0,
            stuck_until: None,
        }
    }

    /// Turns until the box stops or the link's settings change.
    fn drive(mut self, made_with: &Settings, wake: &Receiver<()>) -> Result<(), Fault> {
        self.outstanding = self.count_outstanding()?;
        let mut wait = Duration::ZERO;
        while !self.context.stopping() {
            let settings = self.context.store.settings();
            if OF_THE_LINK.iter().any(|key| settings.text(*key) != made_with.text(*key)) {
                break;
            }
            for event in self.link.poll(wake, wait) {
                self.hear(event)?;
            }
            while let Some(line) = self.context.pulse.console_take() {
                if let Err(fault) = self.link.console(&line) {
                    self.line(false, format!("({fault})"));
                }
            }
            self.save_incoming();
            let more = self.hand_over(BATCH)?;
            self.ask_after()?;
            self.keep_samples(false)?;
            wait = if more { Duration::ZERO } else { self.next_wait()? };
        }
        self.keep_samples(true)
    }

    fn next_wait(&self) -> Result<Duration, Fault> {
        if !self.unsaved.is_empty() {
            return Ok(Duration::from_secs(1));
        }
        let (on_modem, doubtful) =
            self.context.store.read(|view| Ok((view.next_due(Lane::OnModem)?, view.next_due(Lane::Link)?)))?;
        let ask = self.context.until(on_modem, TURN).max(Duration::from_millis(500));
        let hand = match doubtful {
            Some(at) if self.ready() && at > self.context.now() => {
                self.context.until(Some(at), TURN).max(Duration::from_millis(200))
            }
            Some(_) => self.stuck_for().unwrap_or(TURN),
            None => TURN,
        };
        let recover = self.recover_at.filter(|_| self.health.ready);
        Ok(ask.min(hand).min(self.context.until(recover, TURN)))
    }

    /// How long the link is not asked to take anything; `None` when it may be asked now.
    fn stuck_for(&self) -> Option<Duration> {
        let left = self.stuck_until?.since(self.context.now());
        Some(left).filter(|left| !left.is_zero())
    }

    fn count_outstanding(&self) -> Result<usize, Fault> {
        self.context.store.read(|view| {
            let on_link = view.due(Lane::OnModem, Time::NEVER, 2000)?.into_iter().flatten();
            let partly = view.half_handed()?;
            let packets = on_link.chain(partly).filter_map(|message| view.packets_of(message.id).ok()).flatten();
            Ok(packets.filter(|packet| matches!(packet.state, PacketState::Held(_))).count())
        })
    }

    fn hear(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Inbound(packet) => self.unsaved.push(Incoming::Packet(packet)),
            Event::Poison { bytes, why, token } => self.unsaved.push(Incoming::Poison { bytes, why, token }),
            Event::Sent { reference, note } => self.sent(&reference, &note)?,
            Event::Lost { reference, why } => handing::gave_up(self, &reference, &why)?,
            Event::Health(health) => self.healthy(health)?,
            Event::Sample { series, value } => self.sample(series, value),
            Event::Line { sent, text } => self.line(sent, text),
        }
        Ok(())
    }

    fn line(&self, sent: bool, text: String) {
        self.context.pulse.line(ConsoleLine { at: self.context.now(), sent, text });
    }

    fn healthy(&mut self, health: Health) -> Result<(), Fault> {
        self.stuck_until = None;
        if health.ready && !self.health.ready {
            self.ask_all = true;
            (self.recover_at, self.doubts) = (Some(self.context.now()), 0);
        }
        if health.ready != self.health.ready {
            let (at, words, alarm) = (self.context.now(), health.words.clone(), !health.ready);
            log::info!("link: {words}");
            self.context.store.write(move |tx| {
                tx.event(&crate::store::Event { at, part: "link".to_owned(), words: words.clone(), alarm })
            })?;
        }
        self.context.pulse.set(|facts| facts.link = Some(health.clone()));
        self.health = health;
        Ok(())
    }

    /// True while the link can take packets.
    pub(super) fn ready(&self) -> bool {
        self.health.ready && self.stuck_for().is_none()
    }

    fn sample(&mut self, series: Series, value: f64) {
        let name = series.word();
        self.samples.push((name, self.context.now(), value));
    }

    fn keep_samples(&mut self, now: bool) -> Result<(), Fault> {
        if !self.samples.is_empty() && (now || self.collected.elapsed() >= COLLECT) {
            let samples = std::mem::take(&mut self.samples);
            self.collected = Instant::now();
            self.context.store.write(move |tx| tx.samples(&samples))?;
        }
        Ok(())
    }

    /// Keeps what came in, and only then lets the other side forget it (promise 1).
    fn save_incoming(&mut self) {
        if self.unsaved.is_empty() || !self.disk_has_room() {
            return;
        }
        for incoming in std::mem::take(&mut self.unsaved) {
            let (kept, token) = match &incoming {
                Incoming::Packet(packet) => (inbound::take(self.context, packet).map(drop), &packet.token),
                Incoming::Poison { bytes, why, token } => (inbound::poison(self.context, bytes, why), token),
            };
            match kept {
                Ok(()) => {
                    if let Err(fault) = self.link.confirm(token) {
                        log::warn!("link: a packet is kept here and not confirmed yet: {fault}");
                    }
                }
                Err(fault) => {
                    log::warn!("link: a packet waits outside: {fault}");
                    self.unsaved.push(incoming);
                }
            }
        }
    }

    fn disk_has_room(&self) -> bool {
        let reserve = u64::try_from(self.context.store.settings().number(Key::DiskReserve)).unwrap_or(0) * 1_000_000;
        match self.context.store.free_disk() {
            Ok(free) if free < reserve => {
                log::warn!(
                    "link: {} MB are free on disk, less than store.reserve: packets stay outside",
                    free / 1_000_000
                );
                false
            }
            _ => true,
        }
    }

    /// A satellite has a packet.
    fn sent(&mut self, reference: &Reference, note: &str) -> Result<(), Fault> {
        let (reference, note, now) = (reference.clone(), note.to_owned(), self.context.now());
        let was_held = self.context.store.write(move |tx| {
            let Some(packet) = tx.packet_at(&reference)? else { return Ok(false) };
            // A doubled acknowledgement changes nothing.
            if !matches!(packet.state, PacketState::Held(_)) {
                return Ok(false);
            }
            handing::mark_sent(tx, packet, &note, now).map(|()| true)
        })?;
        self.outstanding = self.outstanding.saturating_sub(usize::from(was_held));
        Ok(())
    }

    /// Asks after packets whose acknowledgement may have been missed, and withdraws what its owner wants back.
    fn ask_after(&mut self) -> Result<(), Fault> {
        if !self.health.ready {
            return Ok(());
        }
        let limit = if std::mem::take(&mut self.ask_all) { Time::NEVER } else { self.context.now() };
        for item in self.context.store.read(|view| view.due(Lane::OnModem, limit, 1000))? {
            self.attend(item, |air, message| handing::ask(air, message, air.context.now() + ASK_AFTER))?;
        }
        Ok(())
    }

    /// Works on one message. Trouble with its records is its own, not the link's: it goes back to its sender, or is
    /// set aside when not even that can be read.
    pub(super) fn attend(
        &mut self,
        item: Result<Message, (Id, String)>,
        work: impl FnOnce(&mut Self, &Message) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let message = match item {
            Ok(message) => message,
            Err((id, why)) => return post::set_aside(self.context, id, &why),
        };
        match work(self, &message) {
            Err(fault) if fault.is_permanent() => {
                log::error!("{}: {fault}", message.id);
                let given_back = self.context.give_back(&message, State::Returned, fault.why());
                given_back.or_else(|_| post::set_aside(self.context, message.id, fault.why()))
            }
            done => done,
        }
    }

    /// Open hand-overs come first: a link may take nothing new before they are settled.
    fn settle_open(&mut self) -> Result<(), Fault> {
        if !self.health.ready || self.recover_at.is_none_or(|at| at > self.context.now()) {
            return Ok(());
        }
        self.recover_at = None;
        recover::recover(self)?;
        match self.recover_at {
            Some(_) => self.doubts += 1,
            None => (self.doubts, self.stuck_until) = (0, None),
        }
        Ok(())
    }

    /// A hand-over is open; gives back how long to wait before the next look at it.
    pub(super) fn doubt(&mut self) -> Duration {
        let wait = DOUBT * (1 << self.doubts.saturating_sub(2).min(6));
        self.recover_at = Some(self.context.now() + wait);
        wait
    }

    /// Hands over what waits; true when there is more that could go at once.
    fn hand_over(&mut self, most: usize) -> Result<bool, Fault> {
        let window = self.context.store.settings().count(Key::M138Window);
        self.settle_open()?;
        if !self.ready() {
            return Ok(false);
        }
        let now = self.context.now();
        let due = self.context.store.read(|view| view.due(Lane::Link, now, most))?;
        let full = due.len() == most;
        for item in due {
            self.attend(item, |air, message| handing::message(air, message, window))?;
            if !self.ready() || self.context.stopping() || self.outstanding >= window {
                return Ok(false);
            }
        }
        Ok(full)
    }

    /// The packets of a message as the store knows them.
    pub(super) fn packets(&self, message: &Message) -> Result<Vec<Packet>, Fault> {
        self.context.store.read(|view| view.packets_of(message.id))
    }

    /// The link takes nothing now: the rest of the queue need not find that out again.
    pub(super) fn stop_for(&mut self, fault: &Fault) {
        log::debug!("link: {fault}");
        self.stuck_until = Some(self.context.now() + AGAIN);
    }

    /// Writes one packet.
    pub(super) fn put(&self, packet: &Packet) -> Result<(), Fault> {
        let packet = packet.clone();
        self.context.store.write(move |tx| tx.put_packet(&packet))
    }

    /// Moves a message on, with a step in its time line.
    pub(super) fn step(&self, message: &Message, state: State, cause: &str, next: Time) -> Result<(), Fault> {
        let (id, cause, now) = (message.id, cause.to_owned(), self.context.now());
        let known = message.state;
        // What its owner decided meanwhile stands.
        self.context.store.write(move |tx| match tx.live(id)?.filter(|live| live.state == known) {
            Some(_) => tx.step(id, now, state, &cause, 0, next).map(drop),
            None => Ok(()),
        })
    }
}
