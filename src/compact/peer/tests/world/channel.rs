//! The way between the boxes, and what comes of it at its end.

use super::{Flight, HOUR, Told, World, short};
use crate::letter::Letter;
use crate::peer::Turn;
use crate::peer::tests::codec::{letter_of, read_classic};

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
        match self.commit(side, |peer, here| peer.heard(here, &flight.payload)) {
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

    fn read_classic(&mut self, side: usize, packet: &[u8]) {
        let part = read_classic(packet).unwrap();
        if part.total == 1 {
            return self.deliver(side, letter_of(&part.text, &part.to).unwrap());
        }
        let set = (part.to.clone(), part.tag.clone());
        let parts = self.boxes[side].parts.entry(set.clone()).or_default();
        parts.insert(part.number, part.text);
        if parts.len() == part.total {
            let text: String = parts.values().map(String::as_str).collect();
            self.boxes[side].parts.remove(&set);
            self.deliver(side, letter_of(&text, &part.to).unwrap());
        }
    }

    fn deliver(&mut self, side: usize, letter: Letter) {
        let count = self.delivered.entry((1 - side, letter.clone())).or_default();
        *count += 1;
        let count = *count;
        let accepted = self.letters.iter().filter(|known| known.from != side && known.letter == letter).count();
        self.note(|| format!("{side} delivers {letter:?}"));
        assert!(accepted > 0, "nobody wrote {letter:?}");
        assert!(count <= accepted, "delivered {count} times, written {accepted} times: {letter:?}");
    }

    pub(super) fn apply(&mut self, side: usize, turn: Turn) {
        self.saw("letters sent again", turn.again.len());
        self.saw("needless packets", turn.needless.len());
        self.saw("bytes set aside", turn.aside.len());
        self.saw("fronts", turn.fronts.len());
        self.saw("news", turn.news.len());
        turn.letters.into_iter().for_each(|letter| self.deliver(side, letter));
        if let Some(packet) = turn.classic {
            self.read_classic(side, &packet);
        }
        for key in turn.delivered {
            self.letters[key as usize].told = Told::Delivered;
            let letter = &self.letters[key as usize].letter;
            let told =
                self.letters.iter().filter(|l| l.letter == *letter && l.told == Told::Delivered && l.from == side);
            let there = self.delivered.get(&(side, letter.clone())).copied().unwrap_or(0);
            assert!(told.count() <= there, "{letter:?} is said to be delivered");
        }
        for (key, _) in turn.again {
            let letter = &mut self.letters[key as usize];
            if matches!(letter.told, Told::OnItsWay | Told::Sent | Told::Unconfirmed) {
                letter.told = Told::Waiting;
            } else {
                self.boxes[side].peer.forget(key);
            }
        }
        for key in turn.unconfirmed {
            let letter = &mut self.letters[key as usize];
            if letter.told == Told::OnItsWay {
                letter.told = Told::Unconfirmed;
            }
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
