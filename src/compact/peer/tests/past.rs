//! Messages that come after what both boxes have.

use super::codec::USUAL;
use super::session::{BOTH, Pair, bundle, delivered, message, messages};
use super::world::HOUR;
use crate::letter::Letter;
use crate::peer::turn::ResendCause;
use crate::peer::{OutgoingPacket, Peer, WaitingMessage};

fn news(number: usize) -> Letter {
    message("mum@example.org", &format!("{number}: {USUAL}{USUAL}"))
}

fn comes_after(packet: &OutgoingPacket) -> bool {
    bundle(packet)[0] >> 3 == 0b10101
}

/// One message goes, arrives and is acknowledged.
fn round(pair: &mut Pair, number: usize) -> OutgoingPacket {
    let packets = pair.send(0, &[(number as u64, news(number))]);
    assert_eq!(messages(&pair.carry(0, &packets)), [news(number)], "{number}");
    assert_eq!(delivered(&pair.settle()[0]), [number as u64]);
    packets[0].clone()
}

#[test]
fn what_was_acknowledged_makes_the_next_shorter() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let first = round(&mut pair, 1);
    for number in 2..20 {
        let next = round(&mut pair, number);
        assert!(comes_after(&next) && next.payload.len() + 20 < first.payload.len(), "{number}");
        // It survives the end of the program on both sides.
        for side in &mut pair.sides {
            side.peer = Peer::from_rows(&side.peer.rows()).unwrap();
        }
    }
    let other = pair.send(0, &[(50, message("dad@example.org", &format!("1: {USUAL}")))]);
    assert!(!comes_after(&other[0]), "another correspondence");
    let urgent = news(51);
    let waiting = [WaitingMessage { key: 51, message: &urgent, answers: None, urgent: true }];
    let plan = pair.at(0, |peer, context| peer.plan(context, &waiting));
    assert!(!comes_after(&plan.send[0]));
}

#[test]
fn several_on_their_way_come_after_what_is_known_to_be_there() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    (1..10).for_each(|number| drop(round(&mut pair, number)));
    // None of their receipts is back yet, and they arrive in another order.
    let mut packets: Vec<_> = (10..15).flat_map(|number| pair.send(0, &[(number as u64, news(number))])).collect();
    assert!(packets.iter().all(comes_after));
    packets.reverse();
    let turns = pair.carry(0, &packets);
    assert_eq!(messages(&turns), (10..15).rev().map(news).collect::<Vec<_>>());
    pair.settle();
    assert!(comes_after(&round(&mut pair, 20)));
}

#[test]
fn a_box_that_lost_its_memory_gets_it_without() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    (1..6).for_each(|number| drop(round(&mut pair, number)));
    pair.sides[1].peer.came.clear();
    let packets = pair.send(0, &[(6, news(6))]);
    assert!(comes_after(&packets[0]));
    let turns = pair.carry(0, &packets);
    assert!(messages(&turns).is_empty() && turns[0].quarantine.is_empty());
    pair.now += HOUR;
    let question = pair.tick(1);
    let asked = pair.carry(1, &question.send);
    assert_eq!(asked[0].again, [(6, ResendCause::NoPast)]);
    let again = pair.send(0, &[(6, news(6))]);
    assert!(!comes_after(&again[0]));
    assert_eq!(messages(&pair.carry(0, &again)), [news(6)]);
    assert_eq!(delivered(&pair.settle()[0]), [6]);
    // From there on they have something in common again.
    assert!(comes_after(&round(&mut pair, 7)) && comes_after(&round(&mut pair, 8)));
}

/// An older backup of the sender knows less than the far box, which finds it all the same.
#[test]
fn a_box_of_another_day_is_understood() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    (1..6).for_each(|number| drop(round(&mut pair, number)));
    let there = pair.sides[0].peer.there.clone();
    (6..9).for_each(|number| drop(round(&mut pair, number)));
    pair.sides[0].peer.there = there;
    assert!(comes_after(&round(&mut pair, 9)));
}

#[test]
fn an_erased_person_is_forgotten_here_as_well() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    (1..4).for_each(|number| drop(round(&mut pair, number)));
    for side in 0..2 {
        pair.at(side, |peer, _| peer.erase("carol", &[], &|_| false));
        let rows = pair.sides[side].peer.rows();
        assert!(rows.values().all(|row| !String::from_utf8_lossy(row).contains("all well")), "{rows:?}");
    }
}
