//! Drives the link: hands packets over, hears what became of them, takes in what comes down, and keeps the page told.
//!
//! One thread owns the link. What a crash could make ambiguous is on disk before it happens: a packet is `Handing`
//! before its command leaves, and settled with the link's own evidence before anything else is done with it.

mod moves;
mod overtake;
mod questions;
mod queue;
mod steps;
#[cfg(test)]
mod tests;
mod wholes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use smol::channel::Receiver;

use super::equipment::{self, Kept};
use super::inbound_buffer::{InboundBuffer, Incoming};
use super::lines::{Lines, OnLink};
use super::market::Market;
use super::schedule::Gathering;
use super::select::LinkState;
use super::telemetry::{self, Samples};
use super::timers::{PAUSE, SHORT_PAUSE, Timers};
use super::whole::Wholes;
use super::{fate, inbound, peer, removed};
use crate::address::PeerId;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::{Driver, Event, Health, Link, Series};
use crate::links::{LinkRecord, Uptime};
use crate::message::{Id, LinkId, Reason, Way};
use crate::people::People;
use crate::settings::Settings;
use crate::status::LinkStatus;

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
/// The same for a far box to which they go as they are: there may be thousands, and each turn looks at all that wait.
const WIDE_BATCH: usize = 256;
/// So many bytes keep a line at work: a second of 0.5 Mbit/s, that is the way there and back, and the commit at its end.
const AT_WORK: usize = 64_000;
/// Packets of earlier runs that the link is told about.
const REMEMBERED: usize = 64;
/// Where there are several links, all sessions are looked at this often: another link may have changed what is due.
const SESSIONS: Duration = Duration::from_secs(20);

/// The worker of one link: returns when the box stops, or the link is not used any more.
///
/// # Errors
/// When the store fails, or this version has no driver for the link; the supervisor starts it again.
pub fn run(context: &Context, id: LinkId) -> Result<(), Fault> {
    let context = &Context { link: Some(id), ..context.clone() };
    let (waker, wake) = context.store.wake_on(Way::Link);
    context.status.wake_for_console(id, waker.clone());
    context.coders.tell(waker.clone());
    // Inside the link this one channel is all that is heard; a change of settings is among what it tells.
    let _ender = context.at_end("link-wake", move || {
        waker.close();
    })?;
    let mut known: Option<(String, &Driver)> = None;
    let mut driven = Ok(());
    while driven.is_ok() && !context.stopping() {
        let links = context.store.links();
        let Some(record) = links.get(id).filter(|record| record.on) else { break };
        let driver = crate::link::driver(&record.driver).ok_or_else(|| {
            Fault::operator(format!("link {}: this version has no driver '{}'", record.name, record.driver))
        })?;
        log::info!("link {}: {}, {}", record.name, driver.name, driver.about);
        known = Some((record.name.clone(), driver));
        let _shown = Shown::new(context, record);
        let link = (driver.make)(&record.settings(&context.store.settings()), context.store.clock());
        driven = LinkWorker::new(context, driver, link).drive(record, &wake);
    }
    if let Some((name, driver)) = known.filter(|_| context.store.links().get(id).is_none()) {
        // A hand-over may have ended a moment after the link was removed, also where its worker failed.
        let (settings, now) = (context.store.settings(), context.now());
        context.store.write(move |tx| removed::let_go(tx, (id, &name), Some(driver), &settings, now))?;
    }
    driven?;
    context.status.set(|facts| drop(facts.links.remove(&id)));
    Ok(())
}

/// Shows a link among those that are driven; one that is not driven any more, for whatever reason, is not ready.
struct Shown<'c>(&'c Context);

impl<'c> Shown<'c> {
    fn new(context: &'c Context, record: &LinkRecord) -> Self {
        let (name, driver, up) = (record.name.clone(), record.driver.clone(), Uptime::new(context.now()));
        context.status.set(|facts| {
            let known = facts.links.remove(&record.id).map_or(up, |known| known.up);
            let shown =
                LinkStatus { name, driver, health: None, up: known, far_boxes: BTreeMap::new(), silent: Vec::new() };
            facts.links.insert(record.id, shown);
        });
        Self(context)
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        let (id, now) = (self.0.link(), self.0.now());
        self.0.status.set(|facts| {
            if let Some(known) = facts.links.get_mut(&id) {
                known.health = None;
                known.up.ended(now);
            }
        });
        self.0.status.wake_other_links(id);
    }
}

/// A link, with all that its thread keeps between two turns.
struct LinkWorker<'c> {
    context: &'c Context,
    /// Number of the link.
    id: LinkId,
    driver: &'static Driver,
    /// Packets that it may hold for one far box.
    window: usize,
    /// How far boxes came and went, where a ready link may not reach all of them.
    far_boxes: BTreeMap<PeerId, Uptime>,
    /// All links of the box, as they were when this turn began.
    market: Market,
    /// When a message is next that waits for another link now.
    choose_at: Option<Time>,
    /// When the patience of a message is over that this link holds while its far box is away.
    overtake_at: Option<Time>,
    /// Packet groups that no budget lets go another way, until they are looked at again: with other settings, or at the time.
    resting: BTreeMap<u64, (Time, Arc<Settings>)>,
    /// When all sessions are looked at again.
    sessions_at: Time,
    /// The last call to look at them that was followed, and the settings of that look.
    looks: u64,
    settings: Arc<Settings>,
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
    /// As they were in the last turn: when they change, a reader may have moved to another far box.
    people: Arc<People>,
    /// What far boxes were asked of packets that another link cannot tell of.
    questions: questions::Questions,
    /// Whole mails on their way.
    wholes: Wholes,
    /// Largest that goes along, packed.
    whole_most: usize,
    /// Largest that goes in one payload with its packet, packed.
    enclosed_most: usize,
    /// Messages that wait until theirs is at the far box.
    waits_whole: BTreeSet<Id>,
    /// Far boxes for which more waited than one packet holds, and not all of that has gone.
    floods: BTreeSet<Option<PeerId>>,
}

impl<'c> LinkWorker<'c> {
    fn new(context: &'c Context, driver: &'static Driver, link: Box<dyn Link>) -> Self {
        Self {
            context,
            id: context.link(),
            driver,
            window: 0,
            far_boxes: BTreeMap::new(),
            market: Market::default(),
            choose_at: None,
            overtake_at: None,
            resting: BTreeMap::new(),
            sessions_at: Time(0),
            looks: 0,
            settings: context.store.settings(),
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
            people: context.store.people(),
            questions: questions::Questions::default(),
            wholes: Wholes::default(),
            whole_most: 0,
            enclosed_most: 0,
            waits_whole: BTreeSet::new(),
            floods: BTreeSet::new(),
        }
    }

    /// Turns until the box stops, the link's settings change, or it is not used any more.
    fn drive(mut self, made_with: &LinkRecord, wake: &Receiver<()>) -> Result<(), Fault> {
        self.outstanding = OnLink::count(self.context)?;
        self.link.equip(&equipment::of(self.context, self.driver)?);
        self.link.remember(&self.context.store.read(|view| view.last_references(self.id, REMEMBERED))?);
        let mut wait = Duration::ZERO;
        while !self.context.stopping() {
            if !self.is_made_with(made_with) {
                break;
            }
            let events = self.link.poll(wake, wait);
            self.hear_all(events)?;
            while let Some(line) = self.context.status.console_take(self.id) {
                if let Err(fault) = self.link.console(&line) {
                    telemetry::line(self.context, false, format!("({fault})"));
                }
            }
            let more = self.turn()?;
            self.samples.note(&self.health, self.context.now());
            self.samples.keep(self.context, false)?;
            self.kept.write(self.context, &mut *self.link, false)?;
            wait = if more { Duration::ZERO } else { self.next_wait()? };
        }
        self.kept.write(self.context, &mut *self.link, true)?;
        self.samples.note_end(self.context.now());
        self.samples.keep(self.context, true)
    }

    /// True while the link is used, with these settings of its driver.
    fn is_made_with(&self, made_with: &LinkRecord) -> bool {
        let links = self.context.store.links();
        let Some(record) = links.get(self.id).filter(|record| record.on && record.driver == made_with.driver) else {
            return false;
        };
        let value = |record: &LinkRecord, key| record.values.get(crate::settings::row(key).name).cloned();
        self.driver.settings.iter().all(|key| value(record, *key) == value(made_with, *key))
    }

    /// What the box and its owner say at the beginning of a turn.
    fn look_around(&mut self) -> Result<(), Fault> {
        let (settings, links) = (self.context.store.settings(), self.context.store.links());
        let record = links.get(self.id);
        let settings = record.map_or_else(|| Settings::clone(&settings), |record| record.settings(&settings));
        self.window = (self.driver.window)(&settings);
        self.whole_most = (self.driver.whole)(&settings);
        self.enclosed_most = self.driver.encloses.map_or(0, |most| most(&settings));
        let free = record.and_then(LinkRecord::price).is_some_and(|price| price.is_nothing());
        self.gathering.prompt = free && (self.driver.prompt)(&settings);
        if self.driver.paired {
            self.look_for_far_boxes();
        }
        self.market = Market::now(self.context)?;
        self.link.relieve(self.market.relieves(self.id));
        // A link without a price is not used: nobody could tell what is left of the budget.
        let has_room = |link: &LinkState| link.terms.price.is_some_and(|price| link.has_room(price.of(1)));
        self.link.may_look(self.market.links().find(|link| link.terms.id == self.id).is_none_or(has_room));
        let people = self.context.store.people();
        if !Arc::ptr_eq(&people, &self.people) {
            (self.people, self.ask_all) = (people, true);
        }
        Ok(())
    }

    /// Tells the other links which far boxes this one reaches: each may be away while the link is ready.
    fn look_for_far_boxes(&mut self) {
        let (people, now) = (self.context.store.people(), self.context.now());
        let mut news = false;
        for far_box in people.far_boxes() {
            let Some(address) = self.driver.reach.address(&far_box.addresses) else { continue };
            let there = self.health.ready && self.link.reaches(Some(address), false).is_ok();
            let known = self.far_boxes.entry(far_box.id).or_insert_with(|| {
                news = true;
                Uptime::new(now)
            });
            news |= known.ready != there;
            known.heard(there, now);
        }
        if news {
            let (id, far_boxes) = (self.id, self.far_boxes.clone());
            self.context.status.set(|facts| {
                if let Some(link) = facts.links.get_mut(&id) {
                    link.far_boxes = far_boxes;
                }
            });
            self.context.status.wake_other_links(id);
        }
    }

    /// Does all that is due now but hearing the link; true when there is more that could go at once.
    fn turn(&mut self) -> Result<bool, Fault> {
        self.look_around()?;
        self.keep_inbound();
        self.tend_wholes()?;
        self.track()?;
        self.give_way()?;
        self.let_overtake()?;
        self.collect_fates()?;
        // Open hand-overs come before anything new: a link may take nothing new before they are settled.
        self.reconcile()?;
        self.tend_sessions()?;
        self.adopt()?;
        self.empty_outbox()?;
        self.schedule()
    }

    fn next_wait(&self) -> Result<Duration, Fault> {
        let now = self.context.now();
        let ask = self.context.store.read(|view| view.next_ask(self.id))?;
        let ask = self.context.until(ask, TURN).max(Duration::from_millis(500));
        let reconcile = self.reconcile_at.filter(|_| self.health.ready);
        let rest = self.paused.as_ref().map(|(until, _)| *until).into_iter().chain(self.lines.rested(now)).min();
        let session = [self.timers.next(), self.gather_until, self.choose_at]
            .into_iter()
            .flatten()
            .min()
            .filter(|_| self.ready());
        let others =
            [reconcile, self.inbound.next(now), session, rest, self.overtake_at].map(|at| self.context.until(at, TURN));
        Ok(others.into_iter().fold(ask, Duration::min))
    }

    /// Why the link is not asked to take anything; `None` when it may be asked now.
    fn paused(&self) -> Option<&Reason> {
        self.paused.as_ref().filter(|(until, _)| self.context.now() < *until).map(|(_, why)| why)
    }

    /// Hears events in their order; acknowledgements that follow one another are written in one commit.
    fn hear_all(&mut self, events: Vec<Event>) -> Result<(), Fault> {
        let mut sent = Vec::new();
        for event in events {
            match event {
                Event::Sent { reference, how } => sent.push((reference, how)),
                other => {
                    self.acknowledged(std::mem::take(&mut sent))?;
                    self.hear(other)?;
                }
            }
        }
        self.acknowledged(sent)
    }

    fn hear(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Inbound(packet) => self.inbound.push(Incoming::Packet(packet)),
            Event::Whole { device, frame } => self.hear_whole(device, frame)?,
            Event::Asked { device, names } => self.hear_question(device, &names)?,
            Event::Known { device, known } => self.hear_answers(device, &known)?,
            Event::Spent(percent) => telemetry::spent(self.context, percent)?,
            Event::Poison { bytes, why, token } => self.inbound.push(Incoming::Poison { bytes, why, token }),
            Event::Sent { reference, how } => self.acknowledged(vec![(reference, how)])?,
            Event::Lost { reference, why } => self.gave_up(&reference, why)?,
            Event::NotTaken { reference, why } => self.not_taken(&reference, why)?,
            Event::Evidence => {
                self.ask_all = true;
                self.questions.lost();
                (self.reconcile_at, self.doubts) = (Some(self.context.now()), 0);
            }
            Event::Keep => self.kept.write(self.context, &mut *self.link, true)?,
            Event::Mailbox => telemetry::mailbox(self.context)?,
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
        if self.health.position.is_none() && health.position.is_some() {
            // Who wanted to know where this box is can be told now.
            self.timers.touch(None);
        }
        self.health = health;
        Ok(())
    }

    /// True while the link can take packets.
    fn ready(&self) -> bool {
        self.health.ready && self.paused().is_none()
    }

    /// True while the link can take a packet for this far box. Where packets cannot be taken back to let an urgent one go
    /// first, those may exceed the window.
    fn takes_more(&self, far_box: Option<PeerId>, urgent: bool) -> bool {
        let window = if urgent && !self.driver.withdraws { self.window * 2 } else { self.window };
        let room = self.ready() && self.outstanding.of(far_box) < window && !self.context.stopping();
        room && self.reaches(far_box, urgent).is_ok()
    }

    /// Keeps the packets that came in, as far as they can be kept now.
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

    /// True where a packet for this far box costs next to nothing now: what is owed to it need not wait.
    fn is_prompt(&self, far_box: Option<PeerId>) -> bool {
        let free = self.gathering.prompt && !self.link.far_box_pays(self.address(far_box));
        free && self.market.leads(self.id, far_box) && self.reaches(far_box, false).is_ok()
    }

    /// True where bytes for this far box cost nothing, and the link holds less for it than keeps it at work.
    fn is_idle(&self, far_box: Option<PeerId>) -> bool {
        let held = self.link.bytes_held(self.address(far_box));
        let few = held.map_or_else(|| self.outstanding.of(far_box) < self.window / 4 * 3, |bytes| bytes < AT_WORK);
        self.is_prompt(far_box) && few
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
        let (looks, settings) = (self.context.store.read(|view| view.session_looks())?, self.context.store.settings());
        let called = looks != self.looks || !Arc::ptr_eq(&settings, &self.settings);
        (self.looks, self.settings) = (looks, settings);
        let again = called || (self.market.links().count() > 1 && now >= self.sessions_at);
        if self.timers.begins() || again {
            self.sessions_at = now + SESSIONS;
            for name in self.context.store.read(|view| view.session_names())? {
                self.timers.set(peer::far_box(&name), Some(now), now);
            }
        }
        for device in self.timers.take_stale() {
            self.timers.set(device, peer::due(self.context, device, self.is_prompt(device))?, now);
        }
        for device in self.timers.due(now) {
            // One link does what is due: another one would find nothing left to do, or do it by a dearer way.
            let waits =
                self.market.leads(self.id, device) && inbound::tick(self.context, device, self.is_prompt(device))?;
            let pause = if self.is_prompt(device) { SHORT_PAUSE } else { PAUSE };
            let due = peer::due(self.context, device, self.is_prompt(device))?;
            self.timers.set(device, if waits { Some(now) } else { due }, now + pause);
        }
        Ok(())
    }
}
