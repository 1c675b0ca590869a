//! Whatever comes in, a peer survives it, stays within its bounds, and can be kept.

use super::codec::{Fake, NORMAL, SMALL};
use testing::Dice;

use super::world::{DAY, HOUR};
use crate::letter::{Kind, Letter, Other};
use crate::peer::{Peer, PeerContext, PeerRules, WaitingMessage};

#[test]
fn noise_does_no_harm() {
    let mut dice = Dice::new(4);
    let (mut codec, mut peers) = (Fake(vec![NORMAL, SMALL], true), [Peer::default(), Peer::default()]);
    let mut known: Vec<Vec<u8>> = vec![vec![0xB0], vec![0xC0, 0x00, 1], vec![0x08, 0x01, 0xC2, 0x3E, 0]];
    let mut now = 1000 * DAY;
    for round in 0..100_000_u64 {
        now += dice.between(0, HOUR);
        let side = dice.index(2);
        let mut context = PeerContext { codec: &mut codec, now, room: 192, step: 0, rules: PeerRules::default() };
        let mut send = Vec::new();
        if dice.chance(3) {
            let text = "x".repeat(dice.index(400));
            let other = Other::Address(format!("{}@example.org", dice.below(300)));
            let message = Letter { kind: Kind::Text, person: None, other, subject: String::new(), text };
            send.extend(
                peers[side]
                    .plan(
                        &mut context,
                        &[WaitingMessage { key: round, message: &message, answers: None, urgent: false }],
                    )
                    .send,
            );
        }
        let packet = noise(&mut dice, &known);
        send.extend(peers[side].receive(&mut context, &packet).send);
        if dice.chance(5) {
            send.extend(peers[side].tick(&mut context).send);
        }
        for packet in send {
            peers[side].sent(packet.ticket, packet.fragment, now);
            let at = dice.index(200);
            if at < known.len() {
                known[at] = packet.payload;
            } else {
                known.push(packet.payload);
            }
        }
        if round % 10_000 == 0 {
            let text = serde_json::to_string(&peers[side]).unwrap();
            assert!(text.len() < 2_000_000, "{}", text.len());
            assert_eq!(serde_json::from_str::<Peer>(&text).unwrap(), peers[side]);
        }
    }
}

/// A packet that was sent, or one like it.
fn noise(dice: &mut Dice, known: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = known[dice.index(known.len())].clone();
    for _ in 0..dice.below(4) {
        let at = dice.below(packet.len() as u64 + 1) as usize;
        match dice.below(4) {
            0 => packet.truncate(at),
            1 => packet.insert(at, dice.any() as u8),
            2 => packet.extend(known[dice.index(known.len())].iter().take(at)),
            _ => packet.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
        }
    }
    packet.truncate(400);
    packet
}
