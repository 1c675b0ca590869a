//! The session of two boxes under the fuzzer: packets, notes, fragments and letters as strangers may write them. The model
//! is left out: records stand in a packet as they are, so that an input costs microseconds and the fuzzer can write what a
//! packet holds.

use compact::letter::{Kind, Letter, Other};
use compact::packet::{Coding, ModelId};
use compact::peer::{OutgoingPacket, Peer, PeerContext, PeerRules, PeerTurn, WaitingMessage};

use crate::coding::messages::Codec;

/// Longest packet of the link.
const ROOM: usize = 192;
/// Packets that have left, of which one may arrive again.
const MOST_ON_AIR: usize = 64;
/// Steps of one input.
const MOST_STEPS: usize = 256;
const HOUR: i64 = 3_600_000;

/// Records as they are: how many there are, and each with a zero byte behind it.
struct Plain;

impl Coding for Plain {
    fn models(&self) -> Vec<ModelId> {
        vec![ModelId { number: 1, mark: *b"fuzz" }]
    }

    fn is_settled(&self, _: u8) -> bool {
        true
    }

    fn encode(&mut self, model: u8, past: &[Vec<u8>], records: &[Vec<u8>], salt: u16) -> Vec<u8> {
        let mut code = vec![model, records.len() as u8];
        let mut plain: Vec<u8> = records.iter().flat_map(|record| record.iter().copied().chain([0])).collect();
        // Of what was said before only the length is said.
        if let Some(said) = past.first() {
            let same = said.iter().zip(&plain).take(255).take_while(|(said, byte)| said == byte).count();
            code.push(same as u8);
            plain.drain(..same);
        }
        code.extend(plain);
        code.extend((salt > 1).then_some(salt as u8));
        code
    }

    fn decode(&mut self, model: u8, past: &[Vec<u8>], code: &[u8]) -> Option<Vec<Vec<u8>>> {
        let rest = code.strip_prefix(&[model])?;
        let (&count, mut rest) = rest.split_first()?;
        let whole;
        if let Some(said) = past.first() {
            let (&same, new) = rest.split_first()?;
            whole = [said.get(..usize::from(same))?, new].concat();
            rest = &whole;
        }
        let mut parts = rest.split(|byte| *byte == 0);
        let records: Vec<_> = parts.by_ref().take(usize::from(count)).map(<[u8]>::to_vec).collect();
        let end = parts.map(<[u8]>::len).sum::<usize>();
        (count > 0 && records.len() == usize::from(count) && end <= 1).then_some(records)
    }

    fn front(&mut self, _: u8, _: &[Vec<u8>], code: &[u8]) -> Vec<Vec<u8>> {
        let count = code.get(1).copied().unwrap_or_default();
        let rest = code.get(2..).unwrap_or_default();
        rest.split(|byte| *byte == 0).take(usize::from(count)).map(<[u8]>::to_vec).collect()
    }
}

/// Two boxes, the packets between them, and what the input says of both.
struct Session<'d> {
    peers: [Peer; 2],
    air: Vec<OutgoingPacket>,
    planned: u64,
    now: i64,
    input: &'d [u8],
}

/// Plays the input: each step is a byte that says who does what, and what that needs.
pub fn play(data: &[u8]) {
    let peers = [Peer::default(), Peer::default()];
    let mut session = Session { peers, air: Vec::new(), planned: 0, now: 20_000 * 24 * HOUR, input: data };
    for _ in 0..MOST_STEPS {
        let Some(step) = session.byte() else { break };
        session.step(usize::from(step & 1), step >> 1 & 7);
    }
    session.peers.iter().for_each(survives_the_store);
}

impl Session<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.input.split_first()?;
        self.input = rest;
        Some(first)
    }

    /// As many bytes as the next one says.
    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte().unwrap_or_default()).min(self.input.len());
        let (bytes, rest) = self.input.split_at(length);
        self.input = rest;
        bytes.to_vec()
    }

    fn step(&mut self, side: usize, what: u8) {
        match what {
            0 => self.plan(side),
            1 => {
                let packet = self.bytes();
                self.receive(side, &packet);
            }
            2 | 3 => {
                let at = usize::from(self.byte().unwrap_or_default());
                let Some(packet) = self.air.get(at % self.air.len().max(1)) else { return };
                let mut payload = packet.payload.clone();
                if what == 3 {
                    let place = usize::from(self.byte().unwrap_or_default()) % payload.len().max(1);
                    let change = self.byte().unwrap_or_default();
                    payload.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= change);
                }
                self.receive(side, &payload);
            }
            4 => {
                let turn = with(&mut self.peers[side], side, self.now, |peer, context| peer.tick(context));
                self.heard(side, turn);
            }
            5 => self.now += i64::from(self.byte().unwrap_or_default()) * HOUR / 4,
            6 => {
                let at = usize::from(self.byte().unwrap_or_default());
                let Some(packet) = self.air.get(at % self.air.len().max(1)) else { return };
                let (ticket, fragment) = (packet.ticket, packet.fragment);
                match at >> 6 {
                    0 => self.peers[side].sent(ticket, fragment, self.now),
                    1 => self.peers[side].lost(ticket, fragment, self.now),
                    2 => self.peers[side].unknown(&PeerRules::default(), ticket, fragment, self.now),
                    _ => drop(self.peers[side].returned(ticket, fragment)),
                }
            }
            _ => survives_the_store(&self.peers[side]),
        }
    }

    fn plan(&mut self, side: usize) {
        let text = String::from_utf8_lossy(&self.bytes()).into_owned();
        let other = self.byte().unwrap_or_default();
        let (kind, other) = match other & 1 {
            0 => (Kind::Mail, format!("a{other}@example.org")),
            _ => (Kind::Text, format!("+1415555{other:04}")),
        };
        let message = Letter { kind, person: None, other: Other::Address(other), subject: String::new(), text };
        let key = self.planned;
        self.planned += 1;
        let plan = with(&mut self.peers[side], side, self.now, |peer, context| {
            peer.plan(context, &[WaitingMessage { key, message: &message, answers: None, urgent: false }])
        });
        self.leaves(plan.send);
    }

    fn receive(&mut self, side: usize, packet: &[u8]) {
        let turn = with(&mut self.peers[side], side, self.now, |peer, context| peer.receive(context, packet));
        self.heard(side, turn);
    }

    /// What a turn brought is about messages that there are.
    fn heard(&mut self, _: usize, turn: PeerTurn) {
        let again = turn.again.iter().map(|(key, _)| *key);
        let keys = turn.delivered.iter().chain(&turn.unconfirmed).copied().chain(again);
        assert!(keys.into_iter().all(|key| key < self.planned), "news of a message that never was");
        assert!(turn.messages.len() == turn.places.len(), "each message has its place");
        self.leaves(turn.send);
    }

    fn leaves(&mut self, send: Vec<OutgoingPacket>) {
        for packet in send {
            assert!(!packet.payload.is_empty() && packet.payload.len() <= ROOM, "{} bytes", packet.payload.len());
            assert!(packet.fragment < packet.fragments);
            if self.air.len() < MOST_ON_AIR {
                self.air.push(packet);
            }
        }
    }
}

fn with<T>(peer: &mut Peer, side: usize, now: i64, work: impl FnOnce(&mut Peer, &mut PeerContext) -> T) -> T {
    let mut plain = Plain;
    let mut codec = Codec { coding: &mut plain, from_device: side == 1 };
    work(peer, &mut PeerContext { codec: &mut codec, now, room: ROOM, step: 0, rules: PeerRules::default() })
}

/// What is kept of a peer is read back as it was.
fn survives_the_store(peer: &Peer) {
    let kept = serde_json::to_string(peer).expect("a peer is plain data");
    assert!(kept.len() < 2_000_000, "{} bytes", kept.len());
    assert!(serde_json::from_str::<Peer>(&kept).is_ok_and(|read| read == *peer), "a peer changed in the store");
}
