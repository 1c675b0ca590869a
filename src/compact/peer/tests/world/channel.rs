//! The way between the boxes, and what comes of it at its end.

use std::collections::BTreeSet;

use super::{Flight, HOUR, Row, Told, World, short};
use crate::letter::Letter;
use crate::peer::PeerTurn;
use crate::peer::tests::codec::{message_of, read_classic, tag_of};
use crate::peer::turn::ResendCause;

/// How often a far box could not read messages because it lacked those that they came after.
pub const WITHOUT: &str = "messages sent again without a past";

impl World {
    pub(super) fn fly(&mut self, to: usize, payload: Vec<u8>) {
        self.saw("packets", 1);
        self.next_key += 1;
        let classic = payload[0] < 0x80;
        let mut key = self.next_key;
        for copy in 0..3 {
            if copy > 0 && !self.dice.chance(self.weather.double) {
                break;
            }
            if copy > 0 && self.dice.chance(50) && (!classic || self.weather.double_classic && marked(&payload)) {
                self.next_key += 1;
                key = self.next_key;
            }
            if !self.dice.chance(self.weather.loss) {
                let at = self.now + self.dice.between(HOUR / 60, self.weather.delay.max(HOUR));
                self.flights.push(Flight { at, to, key, payload: payload.clone() });
            }
        }
    }

    pub(super) fn arrive(&mut self, flight: Flight) {
        let side = flight.to;
        if self.boxes[side].keys.contains(&flight.key) {
            return;
        }
        if self.boxes[side].old {
            self.boxes[side].keys.insert(flight.key);
            if flight.payload[0] < 0x80 {
                self.read_classic(side, &flight.payload);
            }
            return;
        }
        match self.commit(side, |peer, context| peer.receive(context, &flight.payload)) {
            Some(turn) => {
                self.note(|| {
                    format!("{side} hears {:02x?}: {}", &flight.payload[..4.min(flight.payload.len())], short(&turn))
                });
                self.boxes[side].keys.insert(flight.key);
                self.apply(side, turn);
            }
            // The link offers it again.
            None => self.flights.push(Flight { at: self.now + HOUR, ..flight }),
        }
    }

    /// What a link has that is away is not waited for any more.
    pub(super) fn is_left_behind(&mut self, side: usize, row: &Row) -> bool {
        let talks = row.ticketed && row.packet.payload[0] >= 0x80 && self.boxes[side].peer.is_known();
        let once = talks && !row.unknown && !row.packet.repeat && !row.packet.messages.is_empty();
        let may = |key: &u64| self.boxes[side].peer.may_go_by_itself(*key, self.now);
        once && row.packet.messages.iter().all(may)
            && self.weather.overtaken > 0
            && self.dice.chance(self.weather.overtaken)
    }

    /// The messages of a bundle go in another one, which replaces it. What the link has of it may arrive all the same.
    pub(super) fn overtake(&mut self, side: usize, ticket: u64) {
        let of = |row: &Row| row.ticketed && row.packet.ticket == ticket;
        let fragments: Vec<u8> =
            self.boxes[side].rows.iter().filter(|row| of(row)).map(|row| row.packet.fragment).collect();
        let messages: BTreeSet<u64> =
            self.boxes[side].rows.iter().filter(|row| of(row)).flat_map(|row| row.packet.messages.clone()).collect();
        let all = self.commit(side, |peer, context| {
            for fragment in fragments {
                peer.unknown(&context.rules, ticket, fragment, context.now);
            }
            messages.iter().flat_map(|key| peer.again_by_itself(*key, context.now)).collect::<BTreeSet<u64>>()
        });
        let (now, rows) = (self.now, std::mem::take(&mut self.boxes[side].rows));
        let (mut gone, mut rest): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(of);
        let Some(all) = all else {
            // It finds that out once more.
            gone.iter_mut().filter(|row| row.told_at.is_some()).for_each(|row| row.told_at = Some(now + HOUR));
            rest.append(&mut gone);
            self.boxes[side].rows = rest;
            return;
        };
        self.boxes[side].rows = rest;
        self.saw("bundles that were overtaken", 1);
        self.note(|| format!("{side}: {ticket} is overtaken, {all:?} go again"));
        // What was not sent yet is sent when the link is back.
        gone.into_iter()
            .filter(|row| row.ends.is_some() && !row.lost)
            .for_each(|row| self.fly(1 - side, row.packet.payload));
        for key in all {
            let message = &mut self.messages[key as usize];
            match message.told {
                Told::OnItsWay | Told::Sent | Told::Unconfirmed => message.told = Told::Waiting,
                // The far box said so a moment before.
                Told::Waiting => {}
                _ => self.boxes[side].peer.forget(key),
            }
        }
    }

    fn read_classic(&mut self, side: usize, packet: &[u8]) {
        let part = read_classic(packet).unwrap();
        if part.total == 1 {
            return self.deliver(side, message_of(&part.text, &part.to).unwrap());
        }
        let set = (part.to.clone(), part.tag.clone());
        let parts = self.boxes[side].parts.entry(set.clone()).or_default();
        parts.insert(part.number, part.text);
        // Of one that was cut up twice, in rooms of two sizes, parts do not fit each other until all of one time are there.
        let text: String = parts.values().map(String::as_str).collect();
        if parts.len() == part.total && part.tag == tag_of(&text, &part.to) {
            self.boxes[side].parts.remove(&set);
            self.deliver(side, message_of(&text, &part.to).unwrap());
        }
    }

    fn deliver(&mut self, side: usize, message: Letter) {
        let count = self.delivered.entry((1 - side, message.clone())).or_default();
        *count += 1;
        let count = *count;
        let accepted = self.messages.iter().filter(|known| known.from != side && known.message == message).count();
        self.note(|| format!("{side} delivers {message:?}"));
        assert!(accepted > 0, "nobody wrote {message:?}");
        assert!(count <= accepted, "delivered {count} times, written {accepted} times: {message:?}");
    }

    pub(super) fn apply(&mut self, side: usize, turn: PeerTurn) {
        self.saw("messages sent again", turn.again.len());
        let without = turn.again.iter().filter(|(_, cause)| *cause == ResendCause::NoPast);
        self.saw(WITHOUT, without.count());
        self.saw("needless packets", turn.needless.len());
        self.saw("bytes set quarantine", turn.quarantine.len());
        self.saw("truncated", turn.truncated.len());
        self.saw("news", turn.news.len());
        turn.messages.into_iter().for_each(|message| self.deliver(side, message));
        if let Some(packet) = turn.classic {
            self.read_classic(side, &packet);
        }
        for key in turn.delivered {
            self.messages[key as usize].told = Told::Delivered;
            let message = &self.messages[key as usize].message;
            let told =
                self.messages.iter().filter(|l| l.message == *message && l.told == Told::Delivered && l.from == side);
            let there = self.delivered.get(&(side, message.clone())).copied().unwrap_or(0);
            assert!(told.count() <= there, "{message:?} is said to be delivered");
        }
        for (key, _) in turn.again {
            let message = &mut self.messages[key as usize];
            match message.told {
                Told::OnItsWay | Told::Sent | Told::Unconfirmed => message.told = Told::Waiting,
                // The far box said so a moment before.
                Told::Waiting => {}
                _ => self.boxes[side].peer.forget(key),
            }
        }
        for key in turn.unconfirmed {
            let message = &mut self.messages[key as usize];
            if message.told == Told::OnItsWay {
                message.told = Told::Unconfirmed;
            }
        }
        self.saw("questions answered with no", turn.not_there.len());
        for (ticket, fragment) in turn.not_there {
            self.hand_again(side, ticket, fragment);
        }
        let there = |row: &Row| {
            let place = (row.packet.ticket, row.packet.fragment);
            row.unknown && (turn.arrived.contains(&place.0) || turn.arrived_fragments.contains(&place))
        };
        let (found, rest) = std::mem::take(&mut self.boxes[side].rows).into_iter().partition(there);
        self.boxes[side].rows = rest;
        self.saw("unknown packets that are there", found.len());
        for row in found {
            self.settle(side, &Row { lost: false, ..row });
        }
        for ticket in turn.needless {
            let (now, withdraws) = (self.now, self.dice.chance(50));
            for row in self.boxes[side].rows.iter_mut().filter(|row| row.packet.ticket == ticket && withdraws) {
                if row.ends.take().is_some() {
                    (row.lost, row.told_at) = (true, Some(now));
                }
            }
        }
        turn.send.into_iter().for_each(|packet| self.hand(side, packet, true));
    }
}

fn marked(payload: &[u8]) -> bool {
    crate::peer::notes::find_in_classic(payload).1.is_some()
}
