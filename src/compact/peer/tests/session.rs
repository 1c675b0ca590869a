//! What two boxes say to each other, case by case.

use super::codec::{Fake, NORMAL, SMALL, message_of, read_classic};
use super::world::{DAY, HOUR};
use crate::letter::{Kind, Letter, Other, to_record};
use crate::packet::check::crc16;
use crate::packet::{Form, ModelId};
use crate::peer::book::index_of;
use crate::peer::notes::{Note, unwrap};
use crate::peer::turn::ResendCause;
use crate::peer::{OutgoingPacket, Peer, PeerContext, PeerRules, PeerTurn, SendPlan, WaitingMessage};

pub(super) struct Side {
    pub(super) peer: Peer,
    pub(super) codec: Fake,
    pub(super) rules: PeerRules,
}

/// Two boxes at one time.
pub(super) struct Pair {
    pub(super) sides: [Side; 2],
    pub(super) now: i64,
    /// Bytes that are billed together; 0 for packets.
    pub(super) step: usize,
}

impl Pair {
    pub(super) fn new(models: [&[ModelId]; 2]) -> Self {
        let side = |models: &[ModelId]| Side {
            peer: Peer::default(),
            codec: Fake(models.to_vec(), true),
            rules: PeerRules::default(),
        };
        Self { sides: models.map(side), now: 1000 * DAY, step: 0 }
    }

    /// Both have said hello, and have each other's.
    pub(super) fn acquainted(models: [&[ModelId]; 2]) -> Self {
        let mut pair = Self::new(models);
        let packets = pair.send(0, &[(0, message("a@b.c", "hello"))]);
        pair.carry(0, &packets);
        pair.settle();
        assert!(pair.sides.iter().all(|side| side.peer.is_known()));
        pair
    }

    pub(super) fn at<T>(&mut self, side: usize, work: impl FnOnce(&mut Peer, &mut PeerContext) -> T) -> T {
        let Side { peer, codec, rules } = &mut self.sides[side];
        work(peer, &mut PeerContext { codec, now: self.now, room: 192, step: self.step, rules: *rules })
    }

    pub(super) fn plan(&mut self, side: usize, messages: &[(u64, Letter)]) -> SendPlan {
        let waiting: Vec<_> = messages
            .iter()
            .map(|(key, message)| WaitingMessage { key: *key, message, answers: None, urgent: false })
            .collect();
        self.at(side, |peer, context| peer.plan(context, &waiting))
    }

    pub(super) fn send(&mut self, side: usize, messages: &[(u64, Letter)]) -> Vec<OutgoingPacket> {
        let plan = self.plan(side, messages);
        assert!(plan.refused.is_empty());
        self.went(side, &plan.send);
        plan.send
    }

    pub(super) fn went(&mut self, side: usize, packets: &[OutgoingPacket]) {
        packets
            .iter()
            .for_each(|packet| self.at(side, |peer, context| peer.sent(packet.ticket, packet.fragment, context.now)));
    }

    /// Packets from this side arrive at the other one.
    pub(super) fn carry(&mut self, from: usize, packets: &[OutgoingPacket]) -> Vec<PeerTurn> {
        let mut turns = Vec::new();
        for packet in packets {
            turns.push(self.at(1 - from, |peer, context| peer.receive(context, &packet.payload)));
        }
        turns
    }

    pub(super) fn tick(&mut self, side: usize) -> PeerTurn {
        let turn = self.at(side, |peer, context| peer.tick(context));
        self.went(side, &turn.send);
        turn
    }

    /// Time passes until nobody has anything to say for two days; gives back what each heard.
    pub(super) fn settle(&mut self) -> [Vec<PeerTurn>; 2] {
        let mut heard = [Vec::new(), Vec::new()];
        for _ in 0..96 {
            self.now += HOUR / 2;
            for side in 0..2 {
                let turn = self.tick(side);
                heard[1 - side].extend(self.carry(side, &turn.send));
                heard[side].push(turn);
            }
        }
        heard
    }
}

pub(super) fn message(other: &str, text: &str) -> Letter {
    Letter {
        kind: if other.contains('@') { Kind::Mail } else { Kind::Text },
        person: None,
        other: Other::Address(other.into()),
        subject: String::new(),
        text: text.into(),
    }
}

pub(super) fn delivered(turns: &[PeerTurn]) -> Vec<u64> {
    turns.iter().flat_map(|turn| turn.delivered.clone()).collect()
}

pub(super) fn messages(turns: &[PeerTurn]) -> Vec<Letter> {
    turns.iter().flat_map(|turn| turn.messages.clone()).collect()
}

pub(super) fn bundle(packet: &OutgoingPacket) -> &[u8] {
    unwrap(&packet.payload).unwrap().1
}

pub(super) const BOTH: &[ModelId] = &[NORMAL, SMALL];

#[test]
fn a_first_message_is_classic_and_the_answer_opens_the_compact_coding() {
    let mut pair = Pair::new([BOTH, BOTH]);
    let first = pair.send(0, &[(7, message("mum@example.org", "all well"))]);
    assert_eq!((first.len(), first[0].receipt), (1, false));
    let part = read_classic(&first[0].payload).expect("an old decoder reads it");
    assert_eq!(message_of(&part.text, &part.to), Some(message("mum@example.org", "all well")));
    let turns = pair.carry(0, &first);
    assert!(turns[0].classic.is_some() && turns[0].news.len() == 1);
    pair.now += PeerRules::default().answer_wait;
    let answer = pair.tick(1);
    assert!(matches!(&answer.send[..], [one] if one.messages.is_empty() && bundle(one).is_empty()), "{answer:?}");
    assert_eq!(delivered(&pair.carry(1, &answer.send)), [7], "the receipt rode with the hello");
    for side in [0, 1] {
        let form = pair.at(side, |peer, context| peer.form(context.codec));
        assert_eq!(form, Some(Form::Model(1)));
    }
    let quiet = pair.settle();
    assert!(quiet.iter().flatten().all(|turn| turn.send.is_empty()), "they fall silent");
    let second = pair.send(0, &[(8, message("mum@example.org", "all well"))]);
    assert!(second[0].payload[0] >= 0x80 && second[0].receipt);
    assert_eq!(messages(&pair.carry(0, &second)), [message("mum@example.org", "all well")]);
    assert_eq!(delivered(&pair.settle()[0]), [8]);
    let third = pair.send(0, &[(9, message("mum@example.org", "all well"))]);
    assert!(third[0].payload.len() + 10 < second[0].payload.len(), "the address is one byte by now");
    assert_eq!(messages(&pair.carry(0, &third)), [message("mum@example.org", "all well")]);
}

#[test]
fn receipts_ride_with_messages_and_a_lost_packet_loses_none() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.carry(0, &packets);
    let plan = pair.plan(1, &[(1, message("d@e.f", "two"))]);
    assert_eq!(unwrap(&plan.send[0].payload).unwrap().0.len(), 1);
    assert_eq!(plan.send[0].payload.len(), 3 + bundle(&plan.send[0]).len());
    pair.at(1, |peer, context| peer.lost(plan.send[0].ticket, 0, context.now));
    let again = pair.send(1, &[(1, message("d@e.f", "two"))]);
    assert_eq!(again.len(), 1);
    let turns = pair.carry(1, &again);
    assert_eq!((delivered(&turns), messages(&turns).len()), (vec![1], 1));
}

#[test]
fn the_same_words_twice_are_two_messages_and_the_same_packet_twice_is_one() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets: Vec<_> = (1..6).flat_map(|key| pair.send(0, &[(key, message("a@b.c", "OK"))])).collect();
    let turns = pair.carry(0, &packets);
    assert_eq!(messages(&turns).len(), 5);
    assert_eq!(messages(&pair.carry(0, &packets)).len(), 0);
    assert_eq!(delivered(&pair.settle()[0]), [1, 2, 3, 4, 5]);
}

#[test]
fn silence_brings_two_repeats_and_then_a_report() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("a@b.c", "one"))]);
    for round in 0..2 {
        pair.now += 47 * HOUR;
        assert_eq!(pair.tick(0), PeerTurn::default());
        pair.now += HOUR;
        let turn = pair.tick(0);
        assert!(
            matches!(&turn.send[..], [one] if one.repeat && bundle(one) == bundle(&packets[0])),
            "{round} {turn:?}"
        );
    }
    pair.now += 48 * HOUR;
    let turn = pair.tick(0);
    assert_eq!((turn.unconfirmed, turn.send.len()), (vec![1], 0));
    let late = pair.carry(0, &packets);
    assert_eq!(messages(&late).len(), 1);
    assert_eq!(delivered(&pair.settle()[0]), [1], "it had arrived late");
}

/// It is not counted before it can leave.
/// Of a message in many classic packets some are forgotten before a receipt came: the receipts of the others alone never mean that
/// it is there, and one that is remembered whole is confirmed late.
#[test]
fn a_message_of_which_a_part_is_forgotten_is_not_said_to_be_there() {
    const REMEMBERED: usize = 64;
    let mut pair = Pair::acquainted([&[NORMAL], &[NORMAL]]);
    let long = |number: usize| message("a@b.c", &format!("{number} {}", "all of it ".repeat(600)));
    let (first, second) = (pair.send(0, &[(1, long(1))]), pair.send(0, &[(2, long(2))]));
    let forgotten = first.len() + second.len() - REMEMBERED;
    assert!(second.len() <= REMEMBERED && (1..first.len()).contains(&forgotten), "{}, {}", first.len(), second.len());
    pair.now += 3 * DAY;
    assert_eq!(pair.tick(0).unconfirmed, [1, 2]);
    pair.carry(0, &first[forgotten..]);
    pair.carry(0, &second);
    assert_eq!(delivered(&pair.settle()[0]), [2]);
}

#[test]
fn what_the_link_of_now_has_no_room_for_is_repeated_by_the_next_one() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.now += 48 * HOUR;
    for _ in 0..4 {
        let turn = pair.at(0, |peer, context| {
            context.room = 4;
            peer.tick(context)
        });
        assert_eq!(turn, PeerTurn::default());
    }
    let turn = pair.tick(0);
    assert!(matches!(&turn.send[..], [one] if one.repeat && bundle(one) == bundle(&packets[0])), "{turn:?}");
}

#[test]
fn a_box_that_never_answers_gets_classic_packets_again() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    for key in 1..4 {
        pair.send(0, &[(key, message("a@b.c", &format!("message {key}")))]);
    }
    pair.now += 72 * HOUR;
    assert_eq!(pair.tick(0).news.len(), 1);
    let next = pair.send(0, &[(4, message("a@b.c", "anybody there?"))]);
    assert!(read_classic(&next[0].payload).is_some());
    pair.carry(0, &next);
    pair.settle();
    assert!(pair.sides[0].peer.is_known(), "its hello brought them together again");
}

#[test]
fn a_box_that_became_an_old_one_gets_classic_packets() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let mut plain = |text: &str| crate::peer::Codec::classic(&mut pair.sides[1].codec, &message("a@b.c", text), 192);
    let (full, short) = (plain(&"x".repeat(160)).unwrap(), plain("short").unwrap());
    let turn = pair.at(0, |peer, context| peer.receive(context, &full[0]));
    assert!(turn.classic.is_some() && turn.news.is_empty(), "there was no room for a mark");
    for _ in 0..2 {
        let turn = pair.at(0, |peer, context| peer.receive(context, &short[0]));
        assert_eq!(turn.classic.as_deref(), Some(&short[0][..]), "twice the same words are two messages");
    }
    assert!(!pair.sides[0].peer.is_known());
    let next = pair.send(0, &[(1, message("a@b.c", "one"))]);
    assert!(read_classic(&next[0].payload).is_some());
}

#[test]
fn a_packet_in_a_missing_model_is_asked_about_and_its_messages_arrive_once() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("a@b.c", "one")), (2, message("d@e.f", "two"))]);
    pair.sides[1].codec.0 = vec![SMALL];
    assert_eq!(messages(&pair.carry(0, &packets)).len(), 0);
    pair.now += HOUR;
    let question = pair.tick(1);
    let turn = pair.carry(1, &question.send).remove(0);
    assert_eq!(turn.again.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 2]);
    // One of them was cancelled meanwhile.
    pair.at(0, |peer, _| peer.forget(1));
    let again = pair.send(0, &[(2, message("d@e.f", "two"))]);
    assert!(unwrap(&again[0].payload).unwrap().0.iter().any(|note| matches!(note, Note::Replaces(_))));
    assert_eq!(bundle(&again[0])[0], 0x92);
    assert_eq!(messages(&pair.carry(0, &again)), [message("d@e.f", "two")]);
    pair.sides[1].codec.0 = BOTH.to_vec();
    assert_eq!(messages(&[pair.tick(1)]).len(), 0, "the first packet is not read any more");
    assert_eq!(messages(&pair.carry(0, &packets)).len(), 0);
    assert_eq!(delivered(&pair.settle()[0]), [2]);
}

#[test]
fn a_parked_packet_that_is_read_after_all_makes_its_successor_needless() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.sides[1].codec.0 = vec![SMALL];
    pair.carry(0, &packets);
    pair.now += HOUR;
    let question = pair.tick(1);
    pair.carry(1, &question.send);
    assert!(pair.sides[0].peer.is_planned_anew(1) && !pair.sides[0].peer.is_planned_anew(2));
    let again = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.sides[1].codec = Fake(BOTH.to_vec(), false);
    let turn = pair.tick(1);
    assert!(turn.waits_for_model && turn.messages.is_empty(), "nothing waits for the model here: {turn:?}");
    pair.sides[1].codec.1 = true;
    let turn = pair.tick(1);
    assert!(!turn.waits_for_model);
    assert_eq!(messages(&[turn]).len(), 1);
    assert_eq!(messages(&pair.carry(0, &again)).len(), 0);
    assert_eq!(delivered(&pair.settle()[0]), [1]);
}

#[test]
fn a_wrong_address_book_delivers_to_nobody_else() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("mum@example.org", "one"))]);
    pair.carry(0, &packets);
    pair.settle();
    pair.sides[1].peer.book = crate::peer::book::AddressBook::default();
    let index = crate::peer::book::index_of("mum@example.org");
    let twin = (0..).map(|n| format!("{n}@b.c")).find(|twin| crate::peer::book::index_of(twin) == index).unwrap();
    pair.sides[1].peer.book.is_there(&twin);
    let packets = pair.send(0, &[(2, message("mum@example.org", "two"))]);
    assert_eq!(bundle(&packets[0])[0] >> 4, 0b1010);
    assert_eq!(messages(&pair.carry(0, &packets)).len(), 0);
    pair.now += HOUR;
    let question = pair.tick(1);
    assert_eq!(pair.carry(1, &question.send)[0].again.len(), 1);
    let again = pair.send(0, &[(2, message("mum@example.org", "two"))]);
    assert_eq!(bundle(&again[0])[0], 0x91);
    assert_eq!(messages(&pair.carry(0, &again)), [message("mum@example.org", "two")]);
    assert_eq!(delivered(&pair.settle()[0]), [2]);
}

/// The far box has one address for the index that comes, and the check fits it by chance: but a text goes to a number.
#[test]
fn a_text_never_becomes_a_mail_to_an_address_that_fits() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let number = "+14155550123";
    let text = |what: &str| message(number, what);
    let first = pair.send(0, &[(1, text("first"))]);
    pair.carry(0, &first);
    pair.settle();
    let check = |other: &str| {
        let other = Other::Address(other.to_owned());
        crc16(&[to_record(&Letter { other, ..text("at camp") }).unwrap(), vec![0]].concat())
    };
    let fits = |mail: &String| index_of(mail) == index_of(number) && check(mail) == check(number);
    let mail = (0..).map(|n| format!("crew{n}@example.org")).find(fits).unwrap();
    pair.sides[1].peer.book = crate::peer::book::AddressBook::default();
    pair.sides[1].peer.book.is_there(&mail);
    let packets = pair.send(0, &[(2, text("at camp"))]);
    assert!(bundle(&packets[0])[0] >> 4 == 0b1010, "with an index");
    let turns = pair.carry(0, &packets);
    assert!(messages(&turns).is_empty(), "{mail}");
    let asked = pair.settle();
    assert!(asked[0].iter().any(|turn| turn.again == [(2, ResendCause::UnknownIndex)]));
    let again = pair.send(0, &[(2, text("at camp"))]);
    assert_eq!(messages(&pair.carry(0, &again)), [text("at camp")]);
}

#[test]
fn only_the_missing_fragments_go_again() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let long = message("a@b.c", &"0123456789".repeat(90));
    let packets = pair.send(0, &[(1, long.clone())]);
    assert_eq!(packets.len(), 5);
    // Out of order, doubled, and two of them lost.
    let some: Vec<_> = [4, 0, 0, 2].map(|fragment| packets[fragment].clone()).to_vec();
    assert_eq!(messages(&pair.carry(0, &some)).len(), 0);
    pair.now += 6 * HOUR;
    let question = pair.tick(1);
    let missing = pair.carry(1, &question.send).remove(0).send;
    assert_eq!(missing.iter().map(|packet| packet.fragment).collect::<Vec<_>>(), [1, 3]);
    pair.went(0, &missing);
    assert_eq!(messages(&pair.carry(0, &missing)), [long]);
    assert_eq!(messages(&pair.carry(0, &packets)).len(), 0, "late ones begin nothing new");
    assert_eq!(delivered(&pair.settle()[0]), [1]);
}

#[test]
fn what_came_of_a_message_is_shown_when_the_rest_does_not_come() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let packets = pair.send(0, &[(1, message("a@b.c", &"0123456789".repeat(90)))]);
    pair.carry(0, &packets[..2]);
    pair.now += 14 * DAY;
    let turn = pair.tick(1);
    assert_eq!((turn.truncated.len(), turn.quarantine.len(), turn.messages.len()), (1, 2, 0));
    assert!(turn.truncated[0].text.starts_with("0123456789") && turn.truncated[0].text.len() > 300);
}

/// It came whole in another bundle: its beginning is no message of its own.
#[test]
fn the_beginning_of_what_came_whole_is_not_shown() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let text = message("a@b.c", &"0123456789".repeat(90));
    let packets = pair.send(0, &[(1, text.clone())]);
    pair.carry(0, &packets[..2]);
    pair.at(0, |peer, context| assert_eq!(peer.again_by_itself(1, context.now), [1]));
    let whole = pair.send(0, &[(1, text)]);
    assert_eq!(messages(&pair.carry(0, &whole)).len(), 1);
    pair.now += 14 * DAY;
    let turn = pair.tick(1);
    assert_eq!((turn.truncated.len(), turn.quarantine.len(), turn.messages.len()), (0, 2, 0));
}

#[test]
fn messages_share_packets_when_that_takes_fewer() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let of = |sizes: &[usize]| -> Vec<(u64, Letter)> {
        sizes.iter().zip(1..).map(|(size, key)| (key, message("a@b.c", &"x".repeat(*size)))).collect()
    };
    for (sizes, packets, bundles) in [
        (&[20, 20, 20, 20][..], 1, 1),
        (&[120, 120, 40, 40], 2, 2),
        // Alone they would take two, one and one.
        (&[200, 120, 120], 3, 1),
        (&[100; 3], 2, 1),
        (&[4; 40], 3, 3),
        (&[179, 179], 2, 2),
    ] {
        let plan = pair.plan(0, &of(sizes));
        let tickets: std::collections::BTreeSet<_> = plan.send.iter().map(|packet| packet.ticket).collect();
        assert_eq!((plan.send.len(), tickets.len()), (packets, bundles), "{sizes:?}");
        let bytes: usize = plan.send.iter().map(|packet| bundle(packet).len()).sum();
        assert_eq!(plan.uses.iter().map(|account| account.bytes).sum::<usize>(), bytes);
        assert!(plan.uses.iter().all(|account| account.classic.0 > 0 && account.alone > 0));
        plan.send
            .iter()
            .for_each(|packet| pair.at(0, |peer, context| peer.lost(packet.ticket, packet.fragment, context.now)));
    }
    let endless = message("a@b.c", &"0123456789".repeat(400));
    let plan = pair.plan(0, &[(1, endless)]);
    assert!(
        plan.send.len() > 16 && plan.send.iter().all(|packet| packet.payload[0] == 8),
        "more than 16 fragments: classic"
    );
}

/// A packet without a message, such as a link may put on air by itself, says nothing about the far box.
#[test]
fn what_carries_no_message_does_not_end_the_agreement() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let turn = pair.at(1, |peer, context| peer.receive(context, b"\x08\x01\x18\x01"));
    assert!(turn.news.is_empty() && pair.sides[1].peer.is_known());
}
