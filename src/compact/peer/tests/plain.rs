//! Messages on a line where time costs more than bytes.

use super::codec::NORMAL;
use super::session::{Pair, message, messages};
use crate::letter::Letter;
use crate::packet::Form;
use crate::packet::fragments::Fragment;
use crate::peer::notes::{Note, unwrap};
use crate::peer::{OutgoingPacket, needs_coder};

fn waiting(count: u64) -> Vec<(u64, Letter)> {
    (1..=count).map(|key| (key, message("a@b.c", &format!("number {key} of them")))).collect()
}

fn is_stored(packet: &OutgoingPacket) -> bool {
    unwrap(&packet.payload).is_some_and(|(_, bundle)| bundle[0] >> 4 == 0b1000)
}

#[test]
fn they_go_as_they_are_and_in_their_order() {
    let mut pair = Pair::acquainted([&[NORMAL], &[NORMAL]]);
    let coded = pair.send(0, &[(99, message("a@b.c", "coded"))]);
    assert!(needs_coder(&coded[0].payload) && !needs_coder(&[0xb1, 1, 2]));
    pair.carry(0, &coded);
    assert!(!needs_coder(b"\x08a classic packet"));
    pair.sides[0].rules.plain = true;
    let packets = pair.send(0, &waiting(40));
    assert!(packets.iter().all(|packet| is_stored(packet) && !needs_coder(&packet.payload)));
    assert!(packets.len() > 40 / 16 && packets.iter().all(|packet| packet.payload.len() <= 192));
    let keys: Vec<u64> = packets.iter().flat_map(|packet| packet.messages.clone()).collect();
    assert_eq!(keys, (1..=40).collect::<Vec<_>>());
    let turns = pair.carry(0, &packets);
    let texts: Vec<String> = messages(&turns).into_iter().map(|letter| letter.text).collect();
    assert_eq!(texts, waiting(40).into_iter().map(|(_, letter)| letter.text).collect::<Vec<_>>());
    // That they are not coded says nothing of what the other box knows.
    let answer = pair.send(1, &[(50, message("x@y.z", "all of them are here"))]);
    let (notes, _) = unwrap(&answer[0].payload).unwrap();
    assert!(!notes.iter().any(|note| matches!(note, Note::Hello(_))), "{notes:?}");
    // The far box takes nothing for news that it has.
    assert_eq!(messages(&pair.carry(0, &packets)).len(), 0);
    pair.sides[0].rules.plain = false;
    assert!(!pair.send(0, &waiting(41)[40..]).iter().any(is_stored), "coded again once bytes count");
}

#[test]
fn a_long_one_goes_in_fragments_as_ever() {
    let mut pair = Pair::acquainted([&[NORMAL], &[NORMAL]]);
    pair.sides[0].rules.plain = true;
    let long = message("a@b.c", &"what is long ".repeat(40));
    let packets = pair.send(0, &[(1, message("a@b.c", "short")), (2, long.clone()), (3, message("a@b.c", "after it"))]);
    assert!(packets.iter().any(|packet| Fragment::parse(unwrap(&packet.payload).unwrap().1).is_some()));
    let found = messages(&pair.carry(0, &packets));
    assert_eq!(found.len(), 3);
    assert!(found.iter().any(|letter| letter.text == long.text));
}

#[test]
fn a_far_box_that_could_not_read_them_as_they_are_gets_them_coded() {
    let mut pair = Pair::acquainted([&[NORMAL], &[NORMAL]]);
    pair.sides[0].rules.plain = true;
    pair.sides[0].peer.agreement.strike(Form::Stored);
    assert!(!pair.sides[0].peer.reads_stored());
    assert!(!pair.send(0, &waiting(3)).iter().any(is_stored));
}
