//! Letters that wait for the link become packets when the link can take them: until then people and rules may change.
//!
//! Letters for a far box that reads the compact coding wait a moment for each other (`air.gather`): a packet that is
//! full, a satellite in view, or a letter that cannot wait ends that. Others leave one by one, in their order.

use std::collections::HashMap;
use std::time::Duration;

use compact::packet::Form;
use compact::peer::{SendPlan, WaitingMessage, gather};

use super::peer;
use super::worker::LinkWorker;
use crate::address::DeviceId;
use crate::clock::Time;
use crate::engine::{max_payload, outcome};
use crate::fault::Fault;
use crate::message::{Account, Id, Message, Packet, PacketState, Priority, State};
use crate::route::choose::Route;
use crate::route::plan;
use crate::settings::Key;

/// The coder is looked for again after this, while it is made ready.
const CODER: Duration = Duration::from_millis(300);
/// A satellite that was heard is in view for so long.
const IN_VIEW: Duration = Duration::from_secs(60);
/// Letters planned at once.
const TOGETHER: usize = 16;

/// What is known about waiting letters between two turns.
#[derive(Default)]
pub struct Gathering {
    /// When one of them has waited long enough.
    pub until: Option<Time>,
    /// Bytes that each takes alone.
    sizes: HashMap<Id, usize>,
    /// When a satellite was heard last.
    satellite: Option<Time>,
}

impl Gathering {
    /// A satellite is in view now.
    pub fn heard_satellite(&mut self, now: Time) {
        self.satellite = Some(now);
    }

    fn in_view(&self, now: Time) -> bool {
        self.satellite.is_some_and(|at| now < at + IN_VIEW)
    }
}

/// The device that a waiting letter goes to, if it goes to one. `None` when it has packets already, or goes no further
/// on this way: it is given back, held, or stands in another queue now.
pub fn ready(air: &LinkWorker, message: &Message) -> Result<Option<Option<DeviceId>>, Fault> {
    if air.context.store.read(|view| view.packets_of(message.id))?.iter().any(Packet::is_open) {
        return Ok(None);
    }
    still_goes(air, message)
}

/// Plans letters that are ready for one far box; false when they wait on, or were decided otherwise a moment ago.
pub fn letters(air: &mut LinkWorker, device: Option<DeviceId>, letters: &[Message]) -> Result<bool, Fault> {
    if !air.context.talks() {
        let mut any = false;
        for message in letters {
            any |= classic(air, message, device)?;
        }
        return Ok(any);
    }
    let mut peer = air.context.peer(device)?;
    if let Some(form) = air.context.form(&peer, device) {
        let now = air.context.now();
        if matches!(form, Form::Model(number) if !air.context.voice().has(number)) {
            air.gathering.until = Some(now + CODER);
            return Ok(false);
        }
        if let Some(until) = gather(air, &mut peer, device, letters) {
            air.gathering.until = Some(air.gathering.until.map_or(until, |known| known.min(until)));
            return Ok(false);
        }
    }
    let written: Vec<_> = letters.iter().map(|message| air.context.on_air(message, device)).collect();
    let waiting: Vec<_> = letters
        .iter()
        .zip(&written)
        .map(|(message, letter)| WaitingMessage { key: message.id.0, message: letter })
        .collect();
    let plan = air.context.here(device, |here| peer.plan(here, &waiting));
    plan.refused.iter().for_each(|(key, _)| peer.forget(*key));
    keep(air, device, letters, peer, plan)
}

/// How many letters for one far box are planned at once: those of a classic one share nothing.
pub fn together(air: &LinkWorker, device: Option<DeviceId>) -> Result<usize, Fault> {
    let shares = air.context.talks() && air.context.form(&air.context.peer(device)?, device).is_some();
    Ok(if shares { TOGETHER } else { 1 })
}

/// Until when the letters wait for others; `None` when they leave now.
fn gather(
    air: &mut LinkWorker,
    peer: &mut compact::peer::Peer,
    device: Option<DeviceId>,
    letters: &[Message],
) -> Option<Time> {
    let (now, settings) = (air.context.now(), air.context.store.settings());
    let timer = i64::try_from(settings.span(Key::AirGather).as_millis()).unwrap_or(i64::MAX);
    let mut waits = Vec::new();
    for message in letters {
        let context = air.context;
        let bytes = *air.gathering.sizes.entry(message.id).or_insert_with(|| {
            let letter = context.on_air(message, device);
            context.here(device, |here| peer.measure(here, &letter)).0
        });
        let urgent = message.pressed || message.terms.priority == Priority::Urgent;
        waits.push(gather::GatheredMessage { since: message.accepted.0, urgent, bytes });
    }
    match gather::departure(&waits, max_payload(&settings), timer, air.gathering.in_view(now), now.0) {
        gather::Departure::At(at) => Some(Time(at)),
        gather::Departure::Now(_) | gather::Departure::Never => None,
    }
}

/// Keeps a plan with all that hangs on it, unless the owner of one of the letters decided otherwise a moment ago.
fn keep(
    air: &mut LinkWorker,
    device: Option<DeviceId>,
    letters: &[Message],
    peer: compact::peer::Peer,
    plan: SendPlan,
) -> Result<bool, Fault> {
    let now = air.context.now();
    let message = |key: u64| letters.iter().find(|message| message.id.0 == key);
    let refused = plan.refused.iter().filter_map(|(key, why)| message(*key).map(|message| (message, why)));
    let endings: Vec<_> = refused.map(|(message, why)| air.context.ending(message, State::Returned, why)).collect();
    let (ids, bodies): (Vec<_>, _) = (letters.iter().map(|m| m.id).collect(), peer::bodies(&plan.send, device, now));
    for id in &ids {
        air.gathering.sizes.remove(id);
    }
    air.talks.touch(device);
    air.context.store.write(move |tx| {
        for id in &ids {
            if tx.live(*id)?.is_none_or(|live| live.state != State::Queued || live.recall) {
                return Ok(false);
            }
        }
        for packets in &bodies {
            tx.add_packets(packets)?;
        }
        for account in &plan.uses {
            let known = Account {
                classic_bytes: account.classic.0,
                classic_packets: account.classic.1,
                alone: account.alone,
                bytes: account.bytes,
                packets: account.packets,
                messages: account.messages,
            };
            tx.change(Id(account.key), |message| message.account = Some(known))?;
        }
        peer::put(tx, device, &peer)?;
        endings.iter().try_for_each(|ending| ending.apply(tx, now))?;
        Ok(true)
    })
}

/// Plans a letter for a far box with which there is no talk.
fn classic(air: &LinkWorker, message: &Message, device: Option<DeviceId>) -> Result<bool, Fault> {
    let context = air.context;
    let payloads = match plan::packets(message, device.is_some(), air.driver.max_payload) {
        Ok(payloads) => payloads,
        Err(why) => return context.give_back(message, State::Returned, &why).map(|()| false),
    };
    let parts = u16::try_from(payloads.len()).unwrap_or(u16::MAX);
    let packets: Vec<Packet> =
        (1..=parts).zip(payloads).map(|(part, payload)| planned(message, part, parts, device, payload)).collect();
    let id = message.id;
    context.store.write(move |tx| {
        if tx.live(id)?.is_none_or(|live| live.state != State::Queued || live.recall) {
            return Ok(false);
        }
        tx.add_packets(&packets).map(|_| true)
    })
}

fn still_goes(air: &LinkWorker, message: &Message) -> Result<Option<Option<DeviceId>>, Fault> {
    let context = air.context;
    let policy = context.policy();
    if context.now() >= message.deadline {
        return context.give_back(message, State::Expired, &message.reason).map(|()| None);
    }
    let device = match (outcome::moved(&policy, message), policy.choose(&message.to)) {
        (Some(Err(why)), _) => return context.give_back(message, State::Returned, &why).map(|()| None),
        (Some(Ok(way)), _) => return crate::engine::relay::reroute(context, message, way).map(|()| None),
        (None, Route::Link(device)) => device,
        (None, _) => None,
    };
    let (state, reason) = policy.on_air(message, device.is_some(), max_payload(&policy.settings));
    if state != State::Queued {
        return air.step(message, state, &reason, message.deadline).map(|()| None);
    }
    if device.is_some() && !air.driver.many_devices {
        let why = format!("the link {} reaches one far box, not a device of its own", air.driver.name);
        return context.give_back(message, State::Returned, &why).map(|()| None);
    }
    Ok(Some(device))
}

fn planned(message: &Message, part: u16, parts: u16, device: Option<DeviceId>, payload: Vec<u8>) -> Packet {
    Packet {
        number: 0,
        messages: vec![message.id],
        body: 0,
        part,
        parts,
        device,
        payload,
        state: PacketState::Planned,
        at: message.accepted,
        note: String::new(),
        ask: Time(0),
        talk: None,
    }
}
