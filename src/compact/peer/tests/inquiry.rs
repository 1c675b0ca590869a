//! Questions whether the far box has a bundle.

use super::session::{BOTH, Pair, delivered, message, messages};
use super::world::{DAY, HOUR};
use crate::peer::notes::{Note, find_in_classic, unwrap};
use crate::peer::turn::PlanRefusal;
use crate::peer::{OutgoingPacket, Peer, PeerTurn};

const MINUTE: i64 = HOUR / 60;

fn unknown(pair: &mut Pair, side: usize, packet: &OutgoingPacket) {
    pair.at(side, |peer, context| peer.unknown(&context.rules, packet.ticket, packet.fragment, context.now));
}

fn notes(packet: &OutgoingPacket) -> Vec<Note> {
    match packet.payload[0] < 0x80 {
        true => find_in_classic(&packet.payload).1.unwrap_or_default(),
        false => unwrap(&packet.payload).unwrap().0,
    }
}

fn asks(packet: &OutgoingPacket) -> bool {
    notes(packet).iter().any(|note| matches!(note, Note::Have(..)))
}

/// Time passes, with all that is due on its way at once.
fn pass(pair: &mut Pair, time: i64) -> [Vec<PeerTurn>; 2] {
    let mut heard = [Vec::new(), Vec::new()];
    let end = pair.now + time;
    while pair.now < end {
        pair.now += MINUTE / 6;
        for side in 0..2 {
            let turn = pair.tick(side);
            let answers = pair.carry(side, &turn.send);
            heard[side].push(turn);
            for answer in answers {
                pair.went(1 - side, &answer.send);
                heard[side].extend(pair.carry(1 - side, &answer.send));
                heard[1 - side].push(answer);
            }
        }
    }
    heard
}

#[test]
fn what_the_link_cannot_tell_is_asked_soon_and_goes_again_only_when_it_is_not_there() {
    for there in [false, true] {
        let mut pair = Pair::acquainted([BOTH, BOTH]);
        let plan = pair.plan(0, &[(7, message("a@b.c", "did it leave"))]);
        if there {
            pair.carry(0, &plan.send);
        }
        unknown(&mut pair, 0, &plan.send[0]);
        let heard = pass(&mut pair, 2 * MINUTE);
        let asked: Vec<_> = heard[0].iter().flat_map(|turn| &turn.send).filter(|packet| asks(packet)).collect();
        assert_eq!(asked.len(), 1, "one question");
        assert!(heard[0].iter().all(|turn| turn.send.iter().all(|packet| packet.messages.is_empty())), "no repeat");
        let back: Vec<_> = heard[0].iter().flat_map(|turn| turn.not_there.clone()).collect();
        if there {
            assert_eq!((delivered(&heard[0]), back.len()), (vec![7], 0));
            assert!(heard[0].iter().any(|turn| turn.arrived == [plan.send[0].ticket]));
            continue;
        }
        assert_eq!(back, [(plan.send[0].ticket, 0)]);
        // The link has it again, as it was, and sends it.
        let turns = pair.carry(0, &plan.send);
        assert_eq!(messages(&turns).len(), 1);
        pair.went(0, &plan.send);
        assert_eq!(delivered(&pair.settle()[0]), [7]);
    }
}

/// What may be on its way still does not go again because the far box does not have it yet.
#[test]
fn that_it_is_not_there_is_believed_once_it_cannot_be_on_its_way() {
    for comes in [false, true] {
        let mut pair = Pair::acquainted([BOTH, BOTH]);
        pair.sides[0].rules.transit = 6 * HOUR;
        let plan = pair.plan(0, &[(7, message("a@b.c", "did it leave"))]);
        unknown(&mut pair, 0, &plan.send[0]);
        let early = pass(&mut pair, 5 * HOUR);
        let back = |turns: &[PeerTurn]| turns.iter().map(|turn| turn.not_there.len()).sum::<usize>();
        let said = |turns: &[PeerTurn]| turns.iter().flat_map(|turn| &turn.send).flat_map(notes).collect::<Vec<_>>();
        let no = said(&early[1]).iter().filter(|note| matches!(note, Note::NotHere(_))).count();
        assert_eq!((no, back(&early[0])), (1, 0), "it was answered, and that was too early");
        if comes {
            pair.carry(0, &plan.send);
        }
        let late = pass(&mut pair, 2 * HOUR);
        assert_eq!((back(&late[0]), delivered(&late[0]).len()), if comes { (0, 1) } else { (1, 0) });
    }
}

/// The same of what was sent: a later bundle may have taken a shorter way.
#[test]
fn a_gap_is_asked_about_once_it_cannot_be_on_its_way() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    pair.sides[0].rules.transit = 12 * HOUR;
    pair.send(0, &[(1, message("a@b.c", "lost beyond the satellite"))]);
    pair.now += 2 * HOUR;
    let next = pair.send(0, &[(2, message("a@b.c", "and one that is not"))]);
    pair.carry(0, &next);
    let answer = pair.send(1, &[(3, message("a@b.c", "heard"))]);
    pair.carry(1, &answer);
    let repeats = |heard: &[PeerTurn]| heard.iter().flat_map(|turn| &turn.send).filter(|packet| packet.repeat).count();
    assert_eq!(repeats(&pass(&mut pair, 9 * HOUR)[0]), 0);
    assert_eq!(repeats(&pass(&mut pair, 3 * HOUR)[0]), 1);
}

#[test]
fn the_question_rides_with_the_next_message_and_its_answer_too() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let first = pair.plan(0, &[(1, message("a@b.c", "one"))]).send;
    unknown(&mut pair, 0, &first[0]);
    let second = pair.send(0, &[(2, message("a@b.c", "two"))]);
    assert!(asks(&second[0]));
    pair.carry(0, &second);
    let answer = pair.send(1, &[(3, message("a@b.c", "three"))]);
    assert!(notes(&answer[0]).iter().any(|note| matches!(note, Note::NotHere(_))));
    let turns = pair.carry(1, &answer);
    assert_eq!((delivered(&turns), turns[0].not_there.clone()), (vec![2], vec![(first[0].ticket, 0)]));
    // A second no, to nothing that was asked, changes nothing.
    assert!(pair.carry(1, &answer)[0].not_there.is_empty());
}

#[test]
fn a_classic_first_message_is_asked_about_and_goes_again_as_it_was() {
    let mut pair = Pair::new([BOTH, BOTH]);
    let first = pair.plan(0, &[(1, message("a@b.c", "one"))]).send;
    unknown(&mut pair, 0, &first[0]);
    let second = pair.send(0, &[(2, message("a@b.c", "two"))]);
    assert!(second[0].payload[0] < 0x80 && asks(&second[0]));
    pair.carry(0, &second);
    let heard = pass(&mut pair, HOUR);
    let back: Vec<_> = heard[0].iter().flat_map(|turn| turn.not_there.clone()).collect();
    assert_eq!(back, [(first[0].ticket, 0)]);
    assert!(pair.carry(0, &first)[0].classic.is_some());
    pair.went(0, &first);
    // What was thought lost comes after all: it is known.
    assert!(pair.carry(0, &first)[0].classic.is_none());
}

#[test]
fn a_gap_is_news() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let lost = pair.send(0, &[(1, message("a@b.c", "lost beyond the satellite"))]);
    pair.now += 2 * HOUR;
    let next = pair.send(0, &[(2, message("a@b.c", "and one that is not"))]);
    pair.carry(0, &next);
    let answer = pair.send(1, &[(3, message("a@b.c", "heard"))]);
    pair.carry(1, &answer);
    let heard = pass(&mut pair, HOUR);
    let again: Vec<_> = heard[0].iter().flat_map(|turn| &turn.send).filter(|packet| packet.repeat).collect();
    assert_eq!((again.len(), again[0].messages.clone(), again[0].ticket), (1, vec![1], lost[0].ticket));
    assert_eq!(messages(&heard[1]).len(), 1);
    assert_eq!(delivered(&pair.settle()[0]), [1]);
}

#[test]
fn fragments_are_asked_about_by_their_id() {
    let text = (0..90_u64).map(|n| format!("{} ", n * n * 7919 % 10_007)).collect::<String>();
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let all = pair.plan(0, &[(1, message("a@b.c", &text))]).send;
    assert!(all.len() >= 3);
    // The first arrives, of the second nobody can tell, and it did not leave.
    pair.carry(0, &all[..1]);
    pair.carry(0, &all[2..]);
    pair.went(0, &[&all[..1], &all[2..]].concat());
    unknown(&mut pair, 0, &all[1]);
    let heard = pass(&mut pair, 5 * MINUTE);
    let back: Vec<_> = heard[0].iter().flat_map(|turn| turn.not_there.clone()).collect();
    assert_eq!(back, [(all[1].ticket, 1)]);
    assert_eq!(messages(&pair.carry(0, &all[1..2])).len(), 1);
}

#[test]
fn a_question_whose_packet_did_not_go_is_asked_again_and_one_without_answer_rarely() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let first = pair.plan(0, &[(1, message("a@b.c", "one"))]).send;
    unknown(&mut pair, 0, &first[0]);
    pair.now += MINUTE;
    let turn = pair.at(0, |peer, context| peer.tick(context));
    assert!(asks(&turn.send[0]));
    let ticket = turn.send[0].ticket;
    pair.at(0, |peer, context| peer.lost(ticket, 0, context.now));
    pair.now += MINUTE;
    let mut times = 0;
    for _ in 0..4 * 40 {
        times += pair.tick(0).send.iter().filter(|packet| asks(packet)).count();
        pair.now += 6 * HOUR;
    }
    assert!((2..=5).contains(&times), "asked {times} times in {} days", 40 * DAY / DAY);
}

#[test]
fn what_its_owner_sends_again_goes_though_the_far_box_is_silent() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let text = message("a@b.c", "do you hear me");
    pair.send(0, &[(1, text.clone())]);
    pair.at(0, |peer, context| {
        assert_eq!(peer.again(1, context.now), [1]);
        peer.agreement.unlearned();
    });
    let plan = pair.plan(0, &[(1, text)]);
    assert!(plan.refused.is_empty() && plan.send.len() == 1, "{plan:?}");
}

/// Nobody asked for it, and in a classic packet nothing would tell that it is the same message: it waits, as long as it takes.
#[test]
fn what_goes_again_by_itself_never_goes_as_a_new_message() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let text = message("a@b.c", "do you hear me");
    pair.send(0, &[(1, text.clone())]);
    let agreement = pair.sides[0].peer.agreement.clone();
    pair.at(0, |peer, context| {
        assert_eq!(peer.again_by_itself(1, context.now), [1]);
        peer.agreement.unlearned();
        assert!(peer.replaces_by_itself(1, context.now));
    });
    let plan = pair.plan(0, &[(1, text.clone())]);
    assert!(plan.refused.is_empty() && plan.send.is_empty(), "{plan:?}");
    pair.sides[0].peer.agreement = agreement;
    let plan = pair.plan(0, &[(1, text)]);
    assert!(notes(&plan.send[0]).iter().any(|note| matches!(note, Note::Replaces(_))), "{plan:?}");
    // Planned, and not sent: the next one replaces the first as well.
    pair.at(0, |peer, context| {
        peer.lost(plan.send[0].ticket, 0, context.now);
        assert!(peer.replaces_by_itself(1, context.now));
    });
}

/// The far box forgets what it took: however often the message went since, what counts is when its first copy did.
#[test]
fn what_the_far_box_may_have_forgotten_does_not_go_again_by_itself() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let text = message("a@b.c", "do you hear me");
    pair.send(0, &[(1, text.clone())]);
    pair.now += 10 * DAY;
    pair.at(0, |peer, context| {
        assert!(peer.may_go_by_itself(1, context.now));
        peer.again_by_itself(1, context.now);
    });
    pair.send(0, &[(1, text)]);
    pair.now += 10 * DAY - HOUR;
    pair.at(0, |peer, context| assert!(peer.may_go_by_itself(1, context.now)));
    pair.now += HOUR;
    pair.at(0, |peer, context| assert!(!peer.may_go_by_itself(1, context.now)));
    // Nor does it after the next start.
    let kept = Peer::from_rows(&pair.sides[0].peer.rows()).unwrap();
    assert!(!kept.may_go_by_itself(1, pair.now));
}

/// A bundle says as many names as the far box keeps, and what would replace more is refused: it would be another message there.
#[test]
fn a_bundle_replaces_so_many_others_at_most() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let text = message("a@b.c", "do you hear me");
    pair.send(0, &[(1, text.clone())]);
    for times in 1..=16 {
        pair.at(0, |peer, context| {
            assert!(peer.is_replaceable(1));
            peer.again_by_itself(1, context.now);
        });
        let sent = pair.send(0, &[(1, text.clone())]);
        let names = notes(&sent[0]).into_iter().filter(|note| matches!(note, Note::Replaces(_)));
        assert_eq!(names.count(), times);
    }
    pair.at(0, |peer, context| {
        assert!(!peer.is_replaceable(1));
        peer.again(1, context.now);
    });
    let plan = pair.plan(0, &[(1, text)]);
    assert_eq!((plan.send.len(), plan.refused), (0, vec![(1, PlanRefusal::TooLong)]));
}

/// A question that was asked too early may be answered late: that answer is as old as the question.
#[test]
fn a_no_to_a_question_that_was_asked_too_early_is_not_believed() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    pair.sides[0].rules.transit = 6 * HOUR;
    let plan = pair.plan(0, &[(7, message("a@b.c", "did it leave"))]);
    unknown(&mut pair, 0, &plan.send[0]);
    pair.now += MINUTE;
    let question = pair.tick(0).send;
    assert!(asks(&question[0]));
    pair.carry(0, &question);
    pair.now += MINUTE;
    let no = pair.tick(1).send;
    assert!(no.iter().flat_map(notes).any(|note| matches!(note, Note::NotHere(_))));
    pair.now += 6 * HOUR;
    // The other links that lead there are fast now: the doubt keeps the time of its own.
    pair.sides[0].rules.transit = 0;
    let early = pair.carry(1, &no);
    assert!(early.iter().all(|turn| turn.not_there.is_empty()), "{early:?}");
    let heard = pass(&mut pair, 10 * MINUTE);
    let back: Vec<_> = heard[0].iter().flat_map(|turn| turn.not_there.clone()).collect();
    assert_eq!(back, [(plan.send[0].ticket, 0)], "it was asked anew");
}
