//! Of what another link cannot tell, the far box is asked over a line: what it has is settled, what it does not have may go
//! once more where that costs nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::LinkWorker;
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::engine::link::{commit, peer};
use crate::fault::Fault;
use crate::message::reason::Acknowledged;
use crate::message::{Packet, PacketState};

/// A question that was not answered by then was lost, or the far box does not know such questions.
const ANSWERED: Duration = Duration::from_secs(30);
/// What was not there may have come after this.
const AGAIN: Duration = Duration::from_secs(600);

/// Packets of which far boxes were asked, by far box and name.
#[derive(Default)]
pub(super) struct Questions(BTreeMap<(Option<PeerId>, u64), Asked>);

/// How far the question after one packet is.
enum Asked {
    /// At this time; no answer came yet.
    At(Time),
    /// It was answered then: the packet is not there.
    NotThere(Time),
}

impl Questions {
    /// The connection is another one: what was asked on the one before may never be answered.
    pub(super) fn lost(&mut self) {
        self.0.retain(|_, asked| matches!(asked, Asked::NotThere(_)));
    }

    fn forget_before(&mut self, now: Time) {
        self.0.retain(|_, asked| match asked {
            Asked::At(at) => now < *at + AGAIN,
            Asked::NotThere(at) => now < *at + AGAIN,
        });
    }
}

impl LinkWorker<'_> {
    /// True while the far box is asked about a packet of which its link cannot tell.
    pub(super) fn awaits_answer(&mut self, packet: &Packet) -> Result<bool, Fault> {
        let (now, far_box) = (self.context.now(), packet.far_box);
        let Some(place) = &packet.peer else { return Ok(false) };
        let Some(name) = self.context.peer(far_box)?.packet_name(place.ticket, place.fragment) else {
            return Ok(false);
        };
        self.questions.forget_before(now);
        match self.questions.0.get(&(far_box, name)) {
            Some(Asked::At(at)) => Ok(now < *at + ANSWERED),
            Some(Asked::NotThere(_)) => Ok(false),
            None => {
                let address = self.address(far_box);
                let asked = (far_box.is_none() || address.is_some()) && self.link.ask(address, &[name]);
                if asked {
                    log::debug!("link: the far box is asked whether it has packet {}", packet.number);
                    self.questions.0.insert((far_box, name), Asked::At(now));
                }
                Ok(asked)
            }
        }
    }

    /// A far box asks whether packets are here.
    pub(super) fn hear_question(&mut self, device: Option<LinkAddress>, names: &[u64]) -> Result<(), Fault> {
        let peer = self.context.peer(self.context.far_box_at(device)?)?;
        let known = names.iter().map(|name| peer.has_packet(*name)).collect();
        self.link.answer(device, known);
        Ok(())
    }

    /// A far box answers: what it has has arrived, whatever link carried it.
    pub(super) fn hear_answers(&mut self, device: Option<LinkAddress>, known: &[(u64, bool)]) -> Result<(), Fault> {
        let (far_box, now) = (self.context.far_box_at(device)?, self.context.now());
        let there: Vec<u64> = known.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        for (name, there) in known {
            match there {
                true => drop(self.questions.0.remove(&(far_box, *name))),
                false => drop(self.questions.0.insert((far_box, *name), Asked::NotThere(now))),
            }
        }
        if there.is_empty() {
            return Ok(());
        }
        let peer = self.context.peer(far_box)?;
        self.timers.touch(far_box);
        self.context.store.write(move |tx| {
            for packet in tx.open_packets()? {
                let unknown = packet.far_box == far_box && matches!(packet.state, PacketState::Unknown(_));
                let place = packet.peer.as_ref().filter(|_| unknown);
                // Of a repeat nothing is known: the first copy may be the one that arrived.
                let name = place.filter(|place| !place.repeat);
                let name = name.and_then(|place| peer.packet_name(place.ticket, place.fragment));
                if name.is_some_and(|name| there.contains(&name)) {
                    let held = Packet { state: PacketState::Held(peer::confirmed(&packet)), ..packet };
                    commit::mark_sent(tx, held, &Acknowledged::Arrived, now)?;
                }
            }
            Ok(())
        })
    }
}
