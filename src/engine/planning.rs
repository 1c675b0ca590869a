//! Letters that wait for the link become packets when the link can take them: until then people and rules may change.

use super::air::Air;
use super::{max_payload, settle};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::{Message, Packet, PacketState, State};
use crate::route::choose::Choice;
use crate::route::plan;

/// Makes the packets of a letter that has none; false when it has some, or goes no further on this way.
pub fn letter(air: &Air, message: &Message) -> Result<bool, Fault> {
    let context = air.context;
    if context.store.read(|view| view.packets_of(message.id))?.iter().any(Packet::is_open) {
        return Ok(false);
    }
    let Some(device) = still_goes(air, message)? else { return Ok(false) };
    let payloads = match plan::packets(message, device.is_some(), air.driver.max_payload) {
        Ok(payloads) => payloads,
        Err(why) => return context.give_back(message, State::Returned, &why).map(|()| false),
    };
    let parts = u16::try_from(payloads.len()).unwrap_or(u16::MAX);
    let packets: Vec<Packet> =
        (1..=parts).zip(payloads).map(|(part, payload)| planned(message, part, parts, device, payload)).collect();
    let id = message.id;
    context.store.write(move |tx| {
        // Its owner may have decided otherwise a moment ago.
        if tx.live(id)?.is_none_or(|live| live.state != State::Queued || live.recall) {
            return Ok(false);
        }
        tx.add_packets(&packets).map(|_| true)
    })
}

/// The device that a letter goes to, if it goes to one; `None` when it goes no further on this way: it is given back,
/// held, or stands in another queue now.
fn still_goes(air: &Air, message: &Message) -> Result<Option<Option<DeviceId>>, Fault> {
    let context = air.context;
    let world = context.world();
    if context.now() >= message.deadline {
        return context.give_back(message, State::Expired, &message.reason).map(|()| None);
    }
    let device = match (settle::moved(&world, message), world.choose(&message.to)) {
        (Some(Err(why)), _) => return context.give_back(message, State::Returned, &why).map(|()| None),
        (Some(Ok(way)), _) => return super::post::reroute(context, message, way).map(|()| None),
        (None, Choice::Link(device)) => device,
        (None, _) => None,
    };
    let (state, reason) = world.on_air(message, device.is_some(), max_payload(&world.settings));
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
        letters: vec![message.id],
        body: 0,
        part,
        parts,
        device,
        payload,
        state: PacketState::Planned,
        at: message.accepted,
        note: String::new(),
        ask: Time(0),
    }
}
