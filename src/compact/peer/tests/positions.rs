//! Where a box is: told to a box that takes it, at the price that the rules of the box have.

use super::session::{BOTH, Pair, message};
use super::world::HOUR;
use crate::peer::notes::{Note, unwrap};
use crate::peer::{OutgoingPacket, Position, PositionRules};

const GATEWAY: PositionRules = PositionRules { known: true, rides: false, answers: false, every: 0 };
const STATION: PositionRules = PositionRules { known: true, rides: true, answers: true, every: 0 };

/// A station (0) and a gateway (1) with these rules, 50 bytes of which are billed together.
fn pair(rules: [PositionRules; 2]) -> Pair {
    let mut pair = Pair { step: 50, ..Pair::new([BOTH, BOTH]) };
    for (side, rules) in pair.sides.iter_mut().zip(rules) {
        side.rules.position = rules;
    }
    let packets = pair.send(0, &[(0, message("a@b.c", "hello"))]);
    pair.carry(0, &packets);
    pair.settle();
    // Each knows that the other has its hello.
    for side in [1, 0] {
        let packets = pair.send(side, &[(90 + side as u64, message("a@b.c", "once more"))]);
        pair.carry(side, &packets);
        pair.settle();
    }
    pair
}

fn here(pair: &mut Pair, north: f64) -> Position {
    let position = Position::new(pair.now, north, 7.5).unwrap();
    pair.at(0, |peer, _| peer.is_here(Some(position)));
    position
}

fn told(packets: &[OutgoingPacket]) -> Vec<Position> {
    let notes = packets.iter().flat_map(|packet| unwrap(&packet.payload).unwrap().0);
    notes.filter_map(|note| if let Note::Position(position) = note { Some(position) } else { None }).collect()
}

#[test]
fn a_position_rides_where_a_step_has_room_and_begins_none() {
    let mut pair = pair([STATION, GATEWAY]);
    let position = here(&mut pair, 43.1);
    let packets = pair.send(0, &[(1, message("a@b.c", "short"))]);
    assert_eq!((told(&packets), packets.len()), (vec![position], 1));
    assert!(packets[0].payload.len() <= 50);
    let turns = pair.carry(0, &packets);
    assert_eq!(turns[0].position, Some((position, pair.now / 60_000 * 60_000)));
    // It is told anew when it has moved, and only then within the hour.
    assert!(told(&pair.send(0, &[(2, message("a@b.c", "again"))])).is_empty());
    here(&mut pair, 43.2);
    // 45 bytes of a message leave no room for it: nobody pays 50 more.
    let full = (1..400).map(|length| message("x@y.z", &"abcdefgh ".repeat(50)[..length]));
    let full = full.into_iter().find(|it| pair.at(0, |peer, context| peer.measure(context, it)).0 == 45).unwrap();
    assert!(told(&pair.send(0, &[(3, full)])).is_empty());
    assert_eq!(told(&pair.send(0, &[(4, message("a@b.c", "third"))])).len(), 1);
    // Nothing of it leaves alone.
    pair.now += 30 * HOUR;
    here(&mut pair, 44.0);
    assert!(told(&pair.tick(0).send).is_empty());
}

#[test]
fn who_asks_is_told_in_twelve_bytes_and_a_box_that_does_not_tell_is_silent() {
    let mut pair = pair([STATION, GATEWAY]);
    let position = here(&mut pair, -12.0);
    pair.at(1, |peer, context| peer.ask_position(context.now));
    pair.now += 10_000;
    let question = pair.tick(1).send;
    assert_eq!((question.len(), question[0].payload.len()), (1, Position::QUESTION));
    assert!(pair.sides[1].peer.asks_position().is_some());
    pair.carry(1, &question);
    pair.now += 10_000;
    let answer = pair.tick(0).send;
    assert_eq!((told(&answer), answer[0].payload.len()), (vec![position], Position::ALONE));
    // It was lost by the link before it left: where the box is by then goes.
    pair.at(0, |peer, context| peer.lost(answer[0].ticket, 0, context.now));
    assert!(told(&pair.tick(0).send).is_empty(), "a packet that was sent is not lost any more");
    assert_eq!(pair.carry(0, &answer)[0].position, Some((position, position.at(pair.now))));
    assert_eq!(pair.sides[1].peer.asks_position(), None);
    pair.sides[0].rules.position.answers = false;
    pair.carry(1, &question);
    pair.now += HOUR;
    here(&mut pair, -13.0);
    assert!(told(&pair.tick(0).send).is_empty());
    // By hand it goes all the same.
    pair.at(0, |peer, context| peer.tell_position(context.now));
    pair.now += 10_000;
    assert_eq!(told(&pair.tick(0).send).len(), 1);
}

#[test]
fn on_a_schedule_it_leaves_alone_once_in_its_time() {
    let mut pair = pair([PositionRules { every: 6 * HOUR, ..STATION }, GATEWAY]);
    let mut sent = 0;
    for hour in 0..24 {
        here(&mut pair, 10.0 + f64::from(hour));
        sent += told(&pair.tick(0).send).len();
        pair.now += HOUR;
    }
    assert_eq!(sent, 4);
    // A packet that goes anyway takes the place of one that would have gone alone.
    here(&mut pair, 50.0);
    assert_eq!(told(&pair.send(0, &[(9, message("a@b.c", "well"))])).len(), 1);
    pair.now += 5 * HOUR;
    here(&mut pair, 51.0);
    assert!(told(&pair.tick(0).send).is_empty());
    pair.now += HOUR;
    assert_eq!(told(&pair.tick(0).send).len(), 1);
}

/// A box of before says nothing of positions: it is told none, and asked for none.
#[test]
fn a_box_that_does_not_know_positions_gets_none() {
    let mut pair = pair([PositionRules { every: HOUR, ..STATION }, PositionRules::default()]);
    here(&mut pair, 43.1);
    assert!(!pair.sides[0].peer.knows_positions() && pair.sides[1].peer.knows_positions());
    pair.at(0, |peer, context| peer.tell_position(context.now));
    assert!(told(&pair.send(0, &[(1, message("a@b.c", "short"))])).is_empty());
    pair.now += 9 * HOUR;
    assert!(told(&pair.tick(0).send).is_empty());
    assert_eq!(pair.at(0, |peer, context| peer.due(&context.rules)).filter(|due| *due <= pair.now), None);
}

/// An owner who says that nothing is told any more is believed from then on, whatever was asked before.
#[test]
fn a_question_from_before_it_was_switched_off_is_not_answered() {
    let mut pair = pair([STATION, GATEWAY]);
    pair.at(1, |peer, context| peer.ask_position(context.now));
    pair.now += 10_000;
    let question = pair.tick(1).send;
    pair.carry(1, &question);
    pair.sides[0].rules.position = PositionRules::default();
    here(&mut pair, -12.0);
    pair.now += 10_000;
    assert!(told(&pair.tick(0).send).is_empty());
    assert!(told(&pair.send(0, &[(1, message("a@b.c", "short"))])).is_empty());
    // Nor later, when it is on again.
    pair.sides[0].rules.position = PositionRules { rides: false, ..STATION };
    pair.now += 10_000;
    assert!(told(&pair.tick(0).send).is_empty());
}

/// Who asks again and again has the box pay for an answer once in ten minutes.
#[test]
fn two_answers_have_ten_minutes_between_them() {
    let mut pair = pair([PositionRules { rides: false, ..STATION }, GATEWAY]);
    let (mut answers, begun) = (0, pair.now);
    while pair.now < begun + HOUR {
        pair.at(1, |peer, context| peer.ask_position(context.now));
        pair.now += 10_000;
        let question = pair.tick(1).send;
        pair.carry(1, &question);
        pair.now += 10_000;
        let north = (pair.now - begun) as f64 / HOUR as f64;
        here(&mut pair, north);
        let answer = pair.tick(0).send;
        answers += told(&answer).len();
        pair.carry(0, &answer);
    }
    assert!((5..=6).contains(&answers), "{answers}");
}

/// Of many places in one packet the newest is the one that counts.
#[test]
fn a_packet_tells_one_place() {
    let mut pair = pair([STATION, GATEWAY]);
    let now = pair.now;
    let place = |minutes: i64| Position::new(now - minutes * 60_000, 1.0, 2.0).unwrap();
    let notes = [5, 2, 9].map(|minutes| Note::Position(place(minutes)));
    let newest = place(2);
    let packet = crate::peer::notes::wrap(&notes, &[]).unwrap();
    let turn = pair.at(1, |peer, context| peer.receive(context, &packet));
    assert_eq!(turn.position, Some((newest, newest.at(now))));
}
