//! What the link tells besides packets: measured values, its state, lines on the wire. For the pages and their history.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::lines::OnLink;
use crate::address::PeerId;
use crate::clock::Time;
use crate::engine::Context;
use crate::fault::Fault;
use crate::link::{Health, Series};
use crate::links::{LinkBudget, LinkRecord, Standing};
use crate::message::Extent;
use crate::message::events::EventKind;
use crate::status::{ConsoleLine, SilentFarBox};
use crate::store::{Event, PacketQueue};

/// Measured values are collected this long: one write for all of them.
const COLLECT: Duration = Duration::from_secs(60);

/// A place is noted when it is so far from the last one, in degrees: a kilometre.
const MOVED: f64 = 0.01;

/// Measured values that are not written yet, and what of the link's state was noted last.
pub struct Samples {
    values: Vec<(&'static str, Time, f64)>,
    written: Instant,
    standing: Option<(Standing, Time)>,
    place: Option<(f64, f64, Time)>,
}

impl Samples {
    /// Makes an empty collection, whose first values are written after a while.
    pub fn new() -> Self {
        Self { values: Vec::new(), written: Instant::now(), standing: None, place: None }
    }

    /// Collects a value of a series; it is written with others.
    pub fn push(&mut self, series: Series, value: f64, now: Time) {
        self.values.push((series.word(), now, value));
    }

    /// Notes how the link stands, at each change and from time to time, and where its device is.
    pub fn note(&mut self, health: &Health, now: Time) {
        self.note_standing(if health.ready { Standing::Ready } else { Standing::NotReady }, now);
        let Some((latitude, longitude, _)) = health.position.filter(|_| health.ready) else { return };
        let stays = self.place.is_some_and(|(north, east, at)| {
            (north - latitude).abs() < MOVED && (east - longitude).abs() < MOVED && now.since(at) < Standing::NOTED
        });
        if !stays && latitude.is_finite() && longitude.is_finite() {
            self.place = Some((latitude, longitude, now));
            self.push(Series::Latitude, latitude, now);
            self.push(Series::Longitude, longitude, now);
        }
    }

    /// Notes that the link is not driven any more.
    pub fn note_end(&mut self, now: Time) {
        self.note_standing(Standing::Off, now);
    }

    fn note_standing(&mut self, standing: Standing, now: Time) {
        if self.standing.is_none_or(|(known, at)| known != standing || now.since(at) >= Standing::NOTED) {
            self.standing = Some((standing, now));
            self.push(Series::Ready, standing.value(), now);
        }
    }

    /// Writes what was collected, once that is worth a write; `at_once` at the end of the link.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep(&mut self, context: &Context, at_once: bool) -> Result<(), Fault> {
        if !self.values.is_empty() && (at_once || self.written.elapsed() >= COLLECT) {
            let values = std::mem::take(&mut self.values);
            self.written = Instant::now();
            let link = context.link();
            context.store.write(move |tx| tx.samples(link, &values))?;
        }
        Ok(())
    }
}

/// Shows the state of the link; a change between ready and not ready goes to the journal.
///
/// # Errors
/// When the store fails.
pub fn health(context: &Context, was_ready: bool, health: &Health) -> Result<(), Fault> {
    let (at, id) = (context.now(), context.link());
    context.status.set(|facts| {
        if let Some(known) = facts.links.get_mut(&id) {
            known.up.heard(health.ready, at);
            known.health = Some(health.clone());
        }
    });
    if health.ready != was_ready {
        log::info!("link {}: {}", context.store.links().name(id), health.state);
        // What waits may take another link now.
        context.status.wake_other_links(id);
        let kind = EventKind::Link { state: health.state.clone() };
        let event = Event { at, part: "link".to_owned(), link: context.link, kind, alarm: !health.ready };
        context.store.write(move |tx| tx.event(&event))?;
    }
    Ok(())
}

/// Shows the far boxes that take nothing of a link that holds `window` packets for each, while messages (`waiting`, by far
/// box) wait for them.
///
/// # Errors
/// When the store fails.
pub fn silent(
    context: &Context,
    window: usize,
    on_link: &OnLink,
    waiting: &BTreeMap<Option<PeerId>, usize>,
) -> Result<(), Fault> {
    let full: Vec<_> = waiting.iter().filter(|(device, _)| on_link.of(**device) >= window).collect();
    let mut silent = Vec::new();
    if !full.is_empty() {
        let packets = context.store.read(|view| view.open_on(context.link(), PacketQueue::OnLink, Time::NEVER))?;
        let people = context.store.people();
        for (device, waiting) in full {
            let held = packets.iter().flatten().filter(|packet| packet.far_box == *device);
            silent.push(SilentFarBox {
                device: device.and_then(|id| people.far_box(id)).map(|far_box| far_box.handle()).unwrap_or_default(),
                person: device.and_then(|id| people.first_of(id)).map(|person| person.name.clone()),
                on_link: on_link.of(*device),
                waiting: *waiting,
                since: held.map(|packet| packet.at).min(),
            });
        }
    }
    context.status.set(|facts| {
        if let Some(known) = facts.links.get_mut(&context.link()) {
            known.silent = silent;
        }
    });
    Ok(())
}

/// Tells that so much of a budget which the driver counts by itself is used, in hundredths.
///
/// # Errors
/// When the store fails.
pub fn spent(context: &Context, percent: u64) -> Result<(), Fault> {
    let name = context.store.links().name(context.link());
    let kind = EventKind::LinkBudget { name, period: String::new(), percent, reserve: None };
    let event = Event { at: context.now(), part: "budget".to_owned(), link: context.link, kind, alarm: true };
    context.store.write(move |tx| tx.event(&event))
}

/// Charges a session that carried no packet up, at the least price. It has been had: no budget is in its way.
///
/// # Errors
/// When the store fails.
pub fn mailbox(context: &Context) -> Result<(), Fault> {
    let (id, links) = (context.link(), context.store.links());
    let (price, extent, now) =
        (links.get(id).and_then(LinkRecord::price), Extent { bytes: 1, packets: 1 }, context.now());
    context.store.write(move |tx| {
        let Ok(charge) = tx.charge(id, &LinkBudget::default(), (price, extent), (true, now))? else { return Ok(()) };
        tx.spend_own(charge.money)?;
        tx.count_credits(charge.credits)
    })
}

/// Shows a line on the wire.
pub fn line(context: &Context, sent: bool, text: String) {
    context.status.line(ConsoleLine { link: context.link(), at: context.now(), sent, text });
}
