//! Drives the link: hands packets over, hears what became of them, takes in what comes down, and keeps the page told.
//!
//! One thread owns the link. What a crash could make ambiguous is on disk before it happens: a packet is `Handing`
//! before its command leaves, and settled with the link's own evidence before anything else is done with it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use smol::channel::Receiver;

use super::inbound_buffer::{InboundBuffer, Incoming};
use super::schedule::Gathering;
use super::timers::{self, Talks};
use super::{group, reconcile, schedule, submit, track};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::engine::{Context, relay};
use crate::fault::Fault;
use crate::link::{Driver, Event, Health, Link, Series};
use crate::message::{Id, Message, Packet, PacketState, Reference, State, Way};
use crate::settings::{Key, Settings};
use crate::status::ConsoleLine;
use crate::store::{PacketQueue, Queue};

/// Longest sleep inside the link between two turns.
const TURN: Duration = Duration::from_secs(20);
/// Measured values are collected this long: one write for all of them.
const COLLECT: Duration = Duration::from_secs(60);
/// A hand-over whose end is unknown is looked at again after this, later on less often.
const DOUBT: Duration = Duration::from_secs(3);
/// A link that took nothing is asked again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// Messages handed over in one turn; then the link is heard again.
const BATCH: usize = 32;
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
    context.status.wake_for_console(waker.clone());
    // Inside the link this one channel is all that is heard; a change of settings is among what it tells.
    let _ender = context.at_end("link-wake", move || {
        waker.close();
    })?;
    while !context.stopping() {
        let settings = context.store.settings();
        let Some(driver) = crate::link::driver(&settings) else {
            context.status.set(|facts| facts.link = None);
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
pub struct LinkWorker<'c> {
    pub(super) context: &'c Context,
    pub(super) driver: &'static Driver,
    pub(super) link: Box<dyn Link>,
    health: Health,
    /// Packets that the link holds.
    pub(super) outstanding: usize,
    unsaved: InboundBuffer,
    samples: Vec<(&'static str, Time, f64)>,
    collected: Instant,
    /// Ask after all packets on the link: acknowledgements may have been missed.
    ask_all: bool,
    /// When to look at hand-overs that are open, or may be; `None` when there are none.
    recover_at: Option<Time>,
    /// Looks at them that settled nothing, in a row.
    doubts: u32,
    /// The talks with far boxes.
    pub(super) talks: Talks,
    /// Letters that wait for each other.
    pub(super) gathering: Gathering,
    /// The link took nothing a moment ago: not asked again before this, or before it says something new.
    stuck_until: Option<Time>,
}

impl<'c> LinkWorker<'c> {
    fn new(context: &'c Context, driver: &'static Driver, link: Box<dyn Link>) -> Self {
        Self {
            context,
            driver,
            link,
            health: Health::default(),
            outstanding: 0,
            unsaved: InboundBuffer::default(),
            samples: Vec::new(),
            collected: Instant::now(),
            ask_all: true,
            recover_at: Some(context.now()),
            doubts: 0,
            talks: Talks::default(),
            gathering: Gathering::default(),
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
            while let Some(line) = self.context.status.console_take() {
                if let Err(fault) = self.link.console(&line) {
                    self.line(false, format!("({fault})"));
                }
            }
            self.save_incoming();
            self.ask_after()?;
            let more = self.hand_over(BATCH)?;
            self.keep_samples(false)?;
            wait = if more { Duration::ZERO } else { self.next_wait()? };
        }
        self.keep_samples(true)
    }

    fn next_wait(&self) -> Result<Duration, Fault> {
        let now = self.context.now();
        let (ask, letter, outbox) = self.context.store.read(|view| {
            Ok((
                view.next_ask()?,
                view.next_due(Queue::Link)?,
                !view.open(PacketQueue::Outbox, Time::NEVER)?.is_empty(),
            ))
        })?;
        let hand = match letter {
            _ if outbox => self.stuck_for().unwrap_or(TURN),
            Some(at) if self.ready() && at > now => self.context.until(Some(at), TURN).max(Duration::from_millis(200)),
            Some(_) => self.stuck_for().unwrap_or(TURN),
            None => TURN,
        };
        let ask = self.context.until(ask, TURN).max(Duration::from_millis(500));
        let recover = self.recover_at.filter(|_| self.health.ready);
        let talk = [self.talks.next(), self.gathering.until].into_iter().flatten().min().filter(|_| self.ready());
        let others = [recover, self.unsaved.next(now), talk].map(|at| self.context.until(at, TURN));
        Ok(others.into_iter().fold(ask.min(hand), Duration::min))
    }

    /// How long the link is not asked to take anything; `None` when it may be asked now.
    fn stuck_for(&self) -> Option<Duration> {
        let left = self.stuck_until?.since(self.context.now());
        Some(left).filter(|left| !left.is_zero())
    }

    fn count_outstanding(&self) -> Result<usize, Fault> {
        self.context.store.read(|view| view.on_link())
    }

    fn hear(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Inbound(packet) => self.unsaved.push(Incoming::Packet(packet)),
            Event::Poison { bytes, why, token } => self.unsaved.push(Incoming::Poison { bytes, why, token }),
            Event::Sent { reference, note } => self.acknowledged(&reference, &note)?,
            Event::Lost { reference, why } => track::gave_up(self, &reference, &why)?,
            Event::Health(health) => self.healthy(health)?,
            Event::Sample { series, value } => self.sample(series, value),
            Event::Line { sent, text } => self.line(sent, text),
        }
        Ok(())
    }

    fn line(&self, sent: bool, text: String) {
        self.context.status.line(ConsoleLine { at: self.context.now(), sent, text });
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
        self.context.status.set(|facts| facts.link = Some(health.clone()));
        self.health = health;
        Ok(())
    }

    /// True while the link can take packets.
    pub(super) fn ready(&self) -> bool {
        self.health.ready && self.stuck_for().is_none()
    }

    fn sample(&mut self, series: Series, value: f64) {
        if matches!(series, Series::Rssi | Series::Snr) {
            self.gathering.heard_satellite(self.context.now());
        }
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

    /// Keeps what came in.
    fn save_incoming(&mut self) {
        for device in self.unsaved.save(self.context, &mut *self.link) {
            self.talks.touch(device);
        }
    }

    /// A satellite has a packet. A doubled acknowledgement changes nothing.
    fn acknowledged(&mut self, reference: &Reference, note: &str) -> Result<(), Fault> {
        let reference = reference.clone();
        let packet = self.context.store.write(move |tx| tx.packet_at(&reference))?;
        match packet.filter(|packet| matches!(packet.state, PacketState::Held(_))) {
            Some(packet) => self.sent(packet, note),
            None => Ok(()),
        }
    }

    /// A packet that the link held has left.
    pub(super) fn sent(&mut self, packet: Packet, note: &str) -> Result<(), Fault> {
        let (note, now) = (note.to_owned(), self.context.now());
        self.outstanding = self.outstanding.saturating_sub(1);
        self.gathering.heard_satellite(now);
        self.talks.changed(&packet);
        self.context.store.write(move |tx| group::mark_sent(tx, packet.clone(), &note, now))
    }

    /// Marks a packet as sent of which the link was not heard to say so.
    pub(super) fn sent_unseen(&mut self, packet: Packet) -> Result<(), Fault> {
        self.sent(packet, "its acknowledgement was not seen")
    }

    /// Asks after packets whose acknowledgement may have been missed, and withdraws what is not wanted any more.
    fn ask_after(&mut self) -> Result<(), Fault> {
        if !self.health.ready {
            return Ok(());
        }
        let now = self.context.now();
        let limit = if std::mem::take(&mut self.ask_all) { Time::NEVER } else { now };
        let mut later: BTreeMap<Duration, Vec<u64>> = BTreeMap::new();
        for item in self.context.store.read(|view| view.open(PacketQueue::OnLink, limit))? {
            self.process_packet(item, |air, packet| {
                let number = packet.number;
                if let Some(wait) = track::packet(air, packet)? {
                    later.entry(wait).or_default().push(number);
                }
                Ok(())
            })?;
        }
        if later.is_empty() {
            return Ok(());
        }
        self.context
            .store
            .write(move |tx| later.iter().try_for_each(|(wait, numbers)| tx.ask_later(numbers, now + *wait)))
    }

    /// Works on one message. StoreError with its records is its own, not the link's: it goes back to its sender, or is
    /// set aside when not even that can be read.
    pub(super) fn process(
        &mut self,
        item: Result<Message, (Id, String)>,
        work: impl FnOnce(&mut Self, &Message) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let message = match item {
            Ok(message) => message,
            Err((id, why)) => return relay::set_aside(self.context, id, &why),
        };
        match work(self, &message) {
            Err(fault) if fault.is_permanent() => {
                log::error!("{}: {fault}", message.id);
                let given_back = self.context.give_back(&message, State::Returned, fault.why());
                given_back.or_else(|_| relay::set_aside(self.context, message.id, fault.why()))
            }
            done => done,
        }
    }

    /// Works on one packet; if its records are in the way it is set aside, and its letters go back to their senders.
    pub(super) fn process_packet(
        &mut self,
        item: Result<Packet, (u64, String)>,
        work: impl FnOnce(&mut Self, Packet) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (number, why) = match item {
            Err(unreadable) => unreadable,
            Ok(packet) => {
                let number = packet.number;
                match work(self, packet) {
                    Err(fault) if fault.is_permanent() => (number, fault.why().to_owned()),
                    done => return done,
                }
            }
        };
        log::error!("packet {number} is set aside: {why}");
        let (words, now) = (why.clone(), self.context.now());
        let letters = self.context.store.write(move |tx| tx.set_aside_packet(number, &words, now))?;
        self.outstanding = self.count_outstanding()?;
        for letter in letters {
            // One that cannot be read is set aside when it is due.
            if let Ok(Some(message)) = self.context.store.message(letter) {
                self.context.give_back(&message, State::Returned, &why)?;
            }
        }
        Ok(())
    }

    /// Open hand-overs come first: a link may take nothing new before they are settled.
    fn settle_open(&mut self) -> Result<(), Fault> {
        if !self.health.ready || self.recover_at.is_none_or(|at| at > self.context.now()) {
            return Ok(());
        }
        self.recover_at = None;
        reconcile::recover(self)?;
        match self.recover_at {
            Some(_) => self.doubts += 1,
            None => (self.doubts, self.stuck_until) = (0, None),
        }
        Ok(())
    }

    /// A hand-over is open: it is looked at again after a while.
    pub(super) fn reconcile_later(&mut self) {
        let wait = DOUBT * (1 << self.doubts.saturating_sub(2).min(6));
        self.recover_at = Some(self.context.now() + wait);
    }

    /// Hands over what waits; true when there is more that could go at once.
    fn hand_over(&mut self, most: usize) -> Result<bool, Fault> {
        self.settle_open()?;
        if self.takes_more() {
            timers::tend(self)?;
        }
        self.empty_outbox()?;
        if !self.takes_more() {
            return Ok(false);
        }
        let now = self.context.now();
        let (full, due) = self.context.store.read(|view| {
            // Letters that have packets already keep their place, and are passed over.
            let most = most + view.open(PacketQueue::Outbox, Time::NEVER)?.len();
            let due = view.due(Queue::Link, now, most)?;
            Ok((due.len() == most, due))
        })?;
        self.gathering.until = None;
        // The far box of the first letter goes first: of several the one with the most urgent letter.
        let mut ready: Vec<(Option<DeviceId>, Vec<Message>)> = Vec::new();
        for item in due {
            self.process(item, |air, message| {
                if let Some(device) = schedule::ready(air, message)? {
                    match ready.iter_mut().find(|(known, _)| *known == device) {
                        Some((_, letters)) => letters.push(message.clone()),
                        None => ready.push((device, vec![message.clone()])),
                    }
                }
                Ok(())
            })?;
        }
        for (device, letters) in ready {
            let together = schedule::together(self, device)?;
            for some in letters.chunks(together) {
                if !self.takes_more() {
                    return Ok(false);
                }
                self.plan(device, some)?;
            }
        }
        Ok(full && self.gathering.until.is_none())
    }

    /// Plans letters for one far box and hands over what the link takes of them.
    fn plan(&mut self, device: Option<DeviceId>, letters: &[Message]) -> Result<(), Fault> {
        let planned = match schedule::letters(self, device, letters) {
            Err(fault) if fault.is_permanent() => {
                for letter in letters {
                    self.context.give_back(letter, State::Returned, fault.why())?;
                }
                false
            }
            planned => planned?,
        };
        if planned { self.empty_outbox() } else { Ok(()) }
    }

    /// Hands over the packets that are planned, as far as the link takes them.
    pub(super) fn empty_outbox(&mut self) -> Result<(), Fault> {
        if !self.takes_more() {
            return Ok(());
        }
        for item in self.context.store.read(|view| view.open(PacketQueue::Outbox, Time::NEVER))? {
            self.process_packet(item, submit::packet)?;
            if !self.takes_more() {
                break;
            }
        }
        Ok(())
    }

    fn takes_more(&self) -> bool {
        let window = self.context.store.settings().count(Key::M138Window);
        self.ready() && self.outstanding < window && !self.context.stopping()
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
