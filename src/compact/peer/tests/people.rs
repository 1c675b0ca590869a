//! Names of people, and what is left of them.

use super::session::{BOTH, Pair, message};
use crate::peer::notes::{Note, unwrap};
use crate::peer::{Answer, OutgoingPacket};

fn notes(packets: &[OutgoingPacket]) -> Vec<Note> {
    packets.iter().filter_map(|packet| unwrap(&packet.payload)).flat_map(|(notes, _)| notes).collect()
}

/// A name is told once, with a packet that goes anyway, and again on another day while there is no answer.
#[test]
fn a_person_is_named_until_the_far_box_answers() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let names = ["carol"];
    let named = |pair: &mut Pair, text: &str| {
        pair.at(0, |peer, _| peer.name_people(names));
        let packets = pair.send(0, &[(text.len() as u64, message("a@b.c", text))]);
        notes(&packets).contains(&Note::Person("carol".into()))
    };
    assert!(named(&mut pair, "one"));
    assert!(!named(&mut pair, "this day"));
    pair.now += super::world::DAY;
    assert!(named(&mut pair, "another"), "the first was lost");
    let answer = Answer::Address("carol@shore.example".into());
    pair.at(1, |peer, context| peer.answer_person("carol", answer.clone(), context.now));
    let packets = pair.send(1, &[(99, message("x@y.z", "answer"))]);
    let turns = pair.carry(1, &packets);
    assert_eq!(turns[0].answers, [("carol".to_owned(), answer.clone())]);
    assert_eq!(pair.sides[0].peer.address_of("carol"), Some(&answer));
    pair.now += 9 * super::world::DAY;
    assert!(!named(&mut pair, "and later"));
}

/// Nothing of an erased person is left: neither the name nor whom only they wrote to.
#[test]
fn an_erased_person_leaves_no_trace() {
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    pair.at(0, |peer, _| peer.name_people(["carol", "bob"]));
    let packets = pair.send(0, &[(7, message("only-hers@x.org", "one")), (8, message("both@x.org", "two"))]);
    pair.carry(0, &packets);
    pair.at(0, |peer, _| peer.erase("carol", &[7], &|address| address == "only-hers@x.org"));
    let record = serde_json::to_string(&pair.sides[0].peer).unwrap();
    assert!(!record.contains("carol") && !record.contains("only-hers"), "{record}");
    assert!(record.contains("bob") && record.contains("both@x.org"), "{record}");
}
