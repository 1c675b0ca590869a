//! From link to link: what nobody knows of, what cannot be given back, and what was made for a wider link.

use super::peer::Pair;
use super::several::{MINUTE, Other, down, payloads, two};
use super::*;
use crate::engine::link::commit;
use crate::message::LinkPreference;
use crate::message::reason::LinkReason;
use crate::store::PacketQueue;

fn charged(rig: &Rig) -> u64 {
    rig.context.store.read(|view| view.charged(LinkId(1), "2026-09")).unwrap().packets
}

/// What nobody knows of goes once more by a link that costs nothing, as the far box drops what it has; nobody pays twice.
#[test]
fn what_is_unknown_on_the_dear_link_goes_by_the_free_one_and_no_other() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let rig = &pair.station;
    rig.context.store.set("link.price", "0.07").unwrap();
    let line = Other::new(rig, "line", row("m138"), "0");
    let mut cheap = line.worker();
    rig.turn(&mut cheap);
    let before = charged(rig);
    rig.fake.sky().blind = true;
    rig.fake.sky().ends.push_back(End::LostCommand);
    let id = rig.accept("nobody knows");
    rig.clock.advance(21 * MINUTE);
    for _ in 0..3 {
        rig.turn(&mut workers[0]);
        rig.clock.advance(5 * MINUTE / 60);
    }
    assert!(rig.message(id).reason.may_have_arrived(), "{}", rig.message(id).reason);
    assert_eq!(charged(rig), before + 1, "it may have been paid");
    line.fake.ready();
    for _ in 0..3 {
        rig.turn(&mut cheap);
    }
    let decided = |step: &crate::message::Step| matches!(&step.cause, Reason::Link(LinkReason::FreeWay { .. }));
    assert_eq!(rig.message(id).steps.iter().filter(|step| decided(step)).count(), 1);
    assert_eq!(payloads(&line.fake), 1);
    // The free link gives it back and goes: the dear one does not take it again.
    let number = *line.fake.sky().queue.keys().next().unwrap();
    line.fake.sky().queue.clear();
    let why = Reason::said("it never left");
    line.fake.sky().events.push_back(Event::NotTaken { reference: reference(number), why });
    down(&line.fake);
    rig.turn(&mut cheap);
    let sends = |fake: &Fake| fake.sky().calls.iter().filter(|call| **call == "send").count();
    let sent = sends(&rig.fake);
    for _ in 0..4 {
        rig.clock.advance(30 * MINUTE);
        rig.turn(&mut workers[0]);
    }
    assert_eq!((sends(&rig.fake), charged(rig)), (sent, before + 1), "{}", rig.message(id).reason);
    line.fake.ready();
    rig.turn(&mut cheap);
    rig.turn(&mut cheap);
    assert_eq!(payloads(&line.fake), 1, "{}", rig.message(id).reason);
    rig.books_balance();
}

/// What the dear link has and cannot give back is its own until it says what became of it.
#[test]
fn what_cannot_be_given_back_waits_for_the_word_of_its_link() {
    for sent in [true, false] {
        let (rig, line) = two();
        let (mut dear, mut cheap) = (rig.worker(), line.worker());
        rig.turn(&mut cheap);
        rig.turn(&mut dear);
        let id = rig.accept("hello");
        rig.clock.advance(21 * MINUTE);
        rig.turn(&mut dear);
        assert_eq!(rig.message(id).state, State::OnLink);
        rig.fake.sky().keeps = true;
        line.fake.ready();
        for _ in 0..3 {
            rig.turn(&mut cheap);
            rig.turn(&mut dear);
        }
        assert_eq!(payloads(&line.fake), 0, "{}", rig.message(id).reason);
        if sent {
            rig.fake.sky().pass(true);
        } else {
            let number = *rig.fake.sky().queue.keys().next().unwrap();
            rig.fake.sky().queue.clear();
            let why = Reason::said("the session failed");
            rig.fake.sky().events.push_back(Event::NotTaken { reference: reference(number), why });
        }
        rig.turn(&mut dear);
        rig.turn(&mut cheap);
        rig.turn(&mut cheap);
        assert_eq!((payloads(&rig.fake), payloads(&line.fake)), if sent { (1, 0) } else { (0, 1) });
        assert_eq!(charged(&rig), u64::from(sent));
        rig.books_balance();
    }
}

/// Messages that share a large packet for a wide link, which takes nothing after the plan; their words, and the packets.
fn made_for_a_wide_link(rig: &Rig, line: &Other, wide: &mut LinkWorker) -> (Vec<String>, Vec<Packet>) {
    line.fake.ready();
    line.fake.sky().ends.push_back(End::Busy);
    // Words that no coder has seen.
    let mut dice = testing::Dice::new(3);
    let texts: Vec<String> = (0..6).map(|_| crate::hex::encode(&dice.bytes(40))).collect();
    for text in &texts {
        rig.accept(text);
    }
    rig.turn(wide);
    let outbox = rig.context.store.read(|view| view.open_on(LinkId(2), PacketQueue::Outbox, Time::NEVER)).unwrap();
    (texts, outbox.into_iter().flatten().collect())
}

/// Messages that share a large packet for a wide link go in small ones when that is gone; all arrive once, also when the large
/// one arrives after all.
#[test]
fn what_was_made_for_a_wide_link_is_planned_anew_for_a_narrow_one() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let rig = &pair.station;
    rig.context.store.set("link.price", "0.07").unwrap();
    let line = Other::new(rig, "line", row("ip"), "0");
    let mut wide = line.worker();
    let (texts, packets) = made_for_a_wide_link(rig, &line, &mut wide);
    let large = packets.iter().filter(|packet| packet.payload.len() > 192);
    let tickets: Vec<u64> = large.filter_map(|packet| packet.peer.as_ref()).map(|it| it.ticket).collect();
    let old: Vec<Vec<u8>> = packets.into_iter().map(|packet| packet.payload).collect();
    assert!(old.iter().any(|payload| payload.len() > 192), "{:?}", old.iter().map(Vec::len).collect::<Vec<_>>());
    down(&line.fake);
    rig.turn(&mut wide);
    pair.advance(21 * MINUTE);
    for _ in 0..6 {
        pair.pass(&mut workers);
        pair.advance(MINUTE);
    }
    assert!(rig.fake.sky().on_air.iter().all(|payload| payload.len() <= 192));
    let once = || texts.iter().all(|text| pair.arrived_ashore().iter().filter(|found| *found == text).count() == 1);
    assert!(once(), "{:?}", pair.arrived_ashore());
    let peer = rig.context.peer(None).unwrap();
    let kept = tickets.iter().filter(|ticket| peer.packet_name(**ticket, 0).is_some()).count();
    assert_eq!((tickets.is_empty(), kept), (false, 0), "no bundle stays with the link for ever");
    for (number, payload) in old.into_iter().enumerate() {
        pair.gateway.inbound(&format!("late:{number}"), payload, Some(6846));
    }
    pair.gateway.turn(&mut workers[1]);
    assert!(once(), "{:?}", pair.arrived_ashore());
    rig.books_balance();
}

/// Nothing plans the messages of a repeat anew.
#[test]
fn a_repeat_that_does_not_fit_a_narrow_link_stays_with_its_own() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let rig = &pair.station;
    rig.context.store.set("link.price", "0.07").unwrap();
    let line = Other::new(rig, "line", row("ip"), "0");
    let mut wide = line.worker();
    let (_, packets) = made_for_a_wide_link(rig, &line, &mut wide);
    let large = |packets: &[Packet]| packets.iter().filter(|packet| packet.payload.len() > 192).count();
    let before = large(&packets);
    for mut packet in packets {
        if let Some(place) = &mut packet.peer {
            place.repeat = true;
        }
        commit::put(&rig.context, &packet).unwrap();
    }
    down(&line.fake);
    rig.turn(&mut wide);
    pair.advance(21 * MINUTE);
    rig.turn(&mut workers[0]);
    let waiting = rig.context.store.read(|view| view.open_on(LinkId(2), PacketQueue::Outbox, Time::NEVER)).unwrap();
    let waiting: Vec<Packet> = waiting.into_iter().flatten().collect();
    assert!(before > 0);
    assert_eq!(large(&waiting), before);
    assert!(waiting.iter().all(|packet| packet.state == PacketState::Planned), "{waiting:?}");
    assert!(rig.fake.sky().on_air.iter().all(|payload| payload.len() <= 192));
}

/// The same words twice are two messages, by whatever links they come.
#[test]
fn the_same_words_by_two_links_are_two_messages() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let rig = &pair.station;
    rig.context.store.set("link.price", "0.07").unwrap();
    let line = Other::new(rig, "line", row("m138"), "0");
    let mut cheap = line.worker();
    rig.turn(&mut cheap);
    let first = rig.accept("ok");
    rig.context.store.write(move |tx| tx.change(first, |it| it.terms.links = LinkPreference::Now)).unwrap();
    pair.pass(&mut workers);
    line.fake.ready();
    rig.turn(&mut cheap);
    rig.accept("ok");
    rig.turn(&mut cheap);
    line.fake.sky().pass(true);
    let payloads = line.fake.sky().on_air.clone();
    assert!(!payloads.is_empty());
    for (number, payload) in payloads.into_iter().enumerate() {
        pair.gateway.inbound(&format!("line:{number}"), payload, Some(6846));
    }
    pair.gateway.turn(&mut workers[1]);
    assert_eq!(pair.arrived_ashore().iter().filter(|text| *text == "ok").count(), 2);
}
