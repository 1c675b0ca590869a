//! What became of messages behind the far box: told with other packets, told again when that packet was lost.

use super::session::{BOTH, Pair, message};
use super::world::DAY;
use crate::peer::notes::{Note, unwrap};
use crate::peer::{Answer, BundleName, Fate, OutgoingPacket, PeerTurn, WaitingMessage};

/// Two messages in one bundle from here to there; where they came.
fn two_messages(pair: &mut Pair) -> Vec<(BundleName, u8)> {
    let packets = pair.send(0, &[(1, message("a@b.c", "one")), (2, message("d@e.f", "two"))]);
    assert_eq!(packets.len(), 1);
    let turns = pair.carry(0, &packets);
    turns[0].places.clone()
}

fn fates(turns: &[PeerTurn]) -> Vec<(u64, Fate)> {
    turns.iter().flat_map(|turn| turn.fates.clone()).collect()
}

fn tells(packets: &[OutgoingPacket]) -> bool {
    let notes = packets.iter().filter_map(|packet| unwrap(&packet.payload)).flat_map(|(notes, _)| notes);
    notes.into_iter().any(|note| matches!(note, Note::Fate(..)))
}

#[test]
fn a_fate_rides_and_means_that_the_bundle_is_there() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let places = two_messages(&mut pair);
    assert_eq!(places.len(), 2);
    for (place, fate) in places.iter().zip([Fate::Delivered, Fate::NoRecipient]) {
        pair.at(1, |peer, context| peer.tell_fate(place.0, place.1, fate, context.now));
    }
    let packets = pair.send(1, &[(9, message("x@y.z", "answer"))]);
    assert!(tells(&packets));
    let turns = pair.carry(1, &packets);
    assert_eq!(fates(&turns), [(2, Fate::NoRecipient), (1, Fate::Delivered)]);
    let mut delivered = turns[0].delivered.clone();
    delivered.sort_unstable();
    assert_eq!(delivered, [1, 2]);
    assert!(!tells(&pair.send(1, &[(10, message("x@y.z", "once more"))])), "it is told once");
}

#[test]
fn a_fate_is_told_again_with_a_bundle_that_is_repeated() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let places = two_messages(&mut pair);
    pair.at(1, |peer, context| peer.tell_fate(places[1].0, places[1].1, Fate::Held, context.now));
    // The packet with the answer and the note is lost on air.
    assert!(tells(&pair.send(1, &[(9, message("x@y.z", "answer"))])));
    let heard = pair.settle();
    let later: Vec<_> = heard[0].iter().flat_map(|turn| turn.fates.clone()).collect();
    assert_eq!(later, [(2, Fate::Held)]);
}

#[test]
fn a_fate_costs_no_packet_unless_notices_may() {
    for alone in [false, true] {
        let mut pair = Pair::acquainted([BOTH, BOTH]);
        pair.sides[1].rules.fates_alone = alone;
        let places = two_messages(&mut pair);
        pair.settle();
        for (place, fate) in places.iter().zip([Fate::Delivered, Fate::Refused]) {
            pair.at(1, |peer, context| peer.tell_fate(place.0, place.1, fate, context.now));
        }
        let heard = pair.settle();
        let fates = fates(&heard[0]);
        match alone {
            // What arrived rides with it.
            true => assert_eq!(fates, [(2, Fate::Refused), (1, Fate::Delivered)]),
            false => assert!(fates.is_empty(), "{fates:?}"),
        }
    }
}

/// Of a bundle that goes once more in another one, or is given up, nobody knows whether its notes arrived.
#[test]
fn a_fate_is_told_again_when_its_bundle_is_replaced_or_given_up() {
    for given_up in [false, true] {
        let mut pair = Pair::acquainted([BOTH, BOTH]);
        let places = two_messages(&mut pair);
        pair.at(1, |peer, context| {
            peer.tell_fate(places[1].0, places[1].1, Fate::NoRecipient, context.now);
            peer.answer_person("carol", Answer::Asked, context.now);
        });
        // Lost on air.
        assert!(tells(&pair.send(1, &[(9, message("x@y.z", "answer"))])));
        pair.at(1, |peer, context| match given_up {
            true => peer.give_up(9, context.now),
            false => assert_eq!(peer.again(9, context.now), [9]),
        });
        let next = if given_up { 10 } else { 9 };
        let packets = pair.send(1, &[(next, message("x@y.z", "answer"))]);
        assert!(tells(&packets));
        let notes: Vec<_> =
            packets.iter().filter_map(|packet| unwrap(&packet.payload)).flat_map(|(notes, _)| notes).collect();
        assert!(notes.contains(&Note::Answer("carol".into(), Answer::Asked)), "{notes:?}");
        let turns = pair.carry(1, &packets);
        assert_eq!(fates(&turns), [(2, Fate::NoRecipient)]);
    }
}

/// The same when the time for receipts is over.
#[test]
fn a_fate_is_told_again_when_nothing_is_heard_of_its_bundle() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let places = two_messages(&mut pair);
    pair.at(1, |peer, context| peer.tell_fate(places[1].0, places[1].1, Fate::Held, context.now));
    assert!(tells(&pair.send(1, &[(9, message("x@y.z", "answer"))])));
    let mut unconfirmed = Vec::new();
    for _ in 0..30 {
        pair.now += DAY;
        // The repeats are lost as well.
        unconfirmed.extend(pair.tick(1).unconfirmed);
    }
    assert_eq!(unconfirmed, [9]);
    assert!(tells(&pair.send(1, &[(10, message("x@y.z", "later"))])));
}

#[test]
fn what_is_owed_leaves_at_once_where_packets_cost_next_to_nothing() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let places = two_messages(&mut pair);
    pair.at(1, |peer, context| peer.tell_fate(places[0].0, places[0].1, Fate::Delivered, context.now));
    let due = |pair: &mut Pair, prompt: bool| {
        pair.sides[1].rules.prompt = prompt;
        pair.at(1, |peer, context| peer.due(&context.rules).map_or(i64::MAX, |due| due - context.now))
    };
    assert!(due(&mut pair, false) > 3_600_000, "a receipt and a delivery wait for a packet to ride with");
    assert!(due(&mut pair, true) <= 1_000);
}

/// Two answers under subjects of their own, in one packet: each is told which message it answers, and a receipt that was
/// lost is made up for.
#[test]
fn an_answer_says_what_it_answers() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let places = two_messages(&mut pair);
    let answers = [message("a@b.c", "to one"), message("d@e.f", "to two"), message("g@h.i", "to nobody")];
    let of = |at: usize| if at < 2 { Some(places[1 - at]) } else { None };
    let waiting: Vec<_> = answers
        .iter()
        .enumerate()
        .map(|(at, message)| WaitingMessage { key: 20 + at as u64, message, answers: of(at), urgent: false })
        .collect();
    let packets = pair.at(1, |peer, context| peer.plan(context, &waiting)).send;
    assert_eq!(packets.len(), 1);
    let turns = pair.carry(1, &packets);
    let name = turns[0].answering[0].0.0;
    assert_eq!(turns[0].answering, [((name, 0), 2), ((name, 1), 1)]);
    assert_eq!(turns[0].places, (0..3).map(|place| (name, place)).collect::<Vec<_>>());
    // It comes a second time: that changes nothing.
    let turns = pair.carry(1, &packets);
    assert!(turns[0].answering.is_empty() && turns[0].places.is_empty());
    // What is named and not known is nothing.
    let unknown = [WaitingMessage { key: 30, message: &answers[0], answers: Some((BundleName(1), 7)), urgent: false }];
    let packets = pair.at(1, |peer, context| peer.plan(context, &unknown)).send;
    assert_eq!(pair.carry(1, &packets)[0].answering, []);
}

/// No packet more for it, and it goes again with a repeat.
#[test]
fn what_is_answered_is_told_for_free() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let places = two_messages(&mut pair);
    for length in 1..400_usize {
        let text: String = (0..length).map(|n| char::from(b'a' + (n * n * 31 % 26) as u8)).collect();
        let message = message("a@b.c", &text);
        let plan = |pair: &mut Pair, answers| {
            let mut peer = pair.sides[1].peer.clone();
            let waiting = [WaitingMessage { key: 20, message: &message, answers, urgent: false }];
            pair.at(1, |_, context| peer.plan(context, &waiting)).send
        };
        let (with, without) = (plan(&mut pair, Some(places[0])), plan(&mut pair, None));
        assert_eq!(with.len(), without.len(), "{length}");
        assert!(with.iter().all(|packet| packet.payload.len() <= 192));
    }
    let answer = message("a@b.c", "lost at first");
    let waiting = [WaitingMessage { key: 20, message: &answer, answers: Some(places[0]), urgent: false }];
    let packets = pair.at(1, |peer, context| peer.plan(context, &waiting)).send;
    pair.went(1, &packets);
    let heard = pair.settle();
    let told: Vec<_> = heard[0].iter().flat_map(|turn| turn.answering.clone()).collect();
    assert_eq!(told.iter().map(|(_, key)| *key).collect::<Vec<_>>(), [1]);
}

/// A long answer goes in fragments, which come in any order, and the last of them may be lost at first: what it answers is told with it.
#[test]
fn a_long_answer_says_what_it_answers() {
    let text = (0..90_u64).map(|n| format!("{} ", n * n * 7919 % 10_007)).collect::<String>();
    for lost in [false, true] {
        let mut pair = Pair::acquainted([BOTH, BOTH]);
        let places = two_messages(&mut pair);
        let answer = message("a@b.c", &text);
        let waiting = [WaitingMessage { key: 20, message: &answer, answers: Some(places[1]), urgent: false }];
        let packets = pair.at(1, |peer, context| peer.plan(context, &waiting)).send;
        assert!(packets.len() >= 3 && packets.iter().all(|packet| packet.payload.len() <= 192));
        let (last, others) = packets.split_last().unwrap();
        let mut turns = if lost { Vec::new() } else { pair.carry(1, std::slice::from_ref(last)) };
        turns.extend(pair.carry(1, others));
        pair.went(1, &packets);
        let heard = pair.settle();
        // What the far box sends again because it was asked for it.
        let again: Vec<_> = heard[1].iter().flat_map(|turn| turn.send.clone()).filter(|packet| packet.repeat).collect();
        turns.extend(pair.carry(1, &again));
        let told: Vec<_> = turns.iter().flat_map(|turn| turn.answering.clone()).collect();
        let came: Vec<_> = turns.iter().flat_map(|turn| turn.places.clone()).collect();
        assert_eq!((came.len(), told), (1, vec![(came[0], 2)]), "lost at first: {lost}");
    }
}

/// Nothing is pushed out while who notes them asks before.
#[test]
fn many_fates_are_told_to_be_many_before_one_is_lost() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let mut noted = 0;
    while !pair.sides[1].peer.owes_many_fates() {
        for _ in 0..100 {
            let name = BundleName(noted);
            noted += 1;
            pair.at(1, |peer, context| peer.tell_fate(name, 0, Fate::Delivered, context.now));
        }
    }
    let packets = pair.send(1, &[(9, message("x@y.z", "answer"))]);
    let first = packets.iter().filter_map(|packet| unwrap(&packet.payload)).flat_map(|(notes, _)| notes);
    let told = first.filter(|note| matches!(note, Note::Fate(..))).count();
    let owed = pair.sides[1].peer.fates.notes().count();
    assert_eq!(told + owed, usize::from(noted), "none was pushed out");
}
