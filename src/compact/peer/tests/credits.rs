//! Links that charge for steps of bytes: what is begun is used, and no more is begun than is needed.

use super::session::{BOTH, Pair, bundle, delivered, message, messages};
use crate::peer::OutgoingPacket;
use crate::peer::notes::{MARK, find_in_classic, hello_in, unwrap};

fn pair() -> Pair {
    Pair { step: 50, ..Pair::acquainted([BOTH, BOTH]) }
}

/// Text so long that its packet without notes has this size.
fn filling(pair: &mut Pair, side: usize, size: usize) -> crate::letter::Letter {
    let sized = |pair: &mut Pair, text: &str| {
        let message = message("x@y.z", text);
        (pair.at(side, |peer, context| peer.measure(context, &message)).0, message)
    };
    let texts = (1..400).map(|length| "abcdefgh ".repeat(50)[..length].to_owned());
    texts.map(|text| sized(pair, &text)).find(|(found, _)| *found == size).expect("a text of this size").1
}

fn notes(packet: &OutgoingPacket) -> usize {
    unwrap(&packet.payload).unwrap().0.len()
}

#[test]
fn receipts_ride_where_a_step_that_is_begun_has_room_and_begin_none() {
    let mut pair = pair();
    let first = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.carry(0, &first);
    // The receipt takes three bytes.
    let full = filling(&mut pair, 1, 48);
    let without = pair.send(1, &[(2, full)]);
    assert_eq!((without[0].payload.len(), notes(&without[0])), (48, 0));
    let roomy = filling(&mut pair, 1, 47);
    let with = pair.send(1, &[(3, roomy)]);
    assert_eq!((with[0].payload.len(), notes(&with[0])), (50, 1));
    assert_eq!(delivered(&pair.carry(1, &with)), [1]);
    // Where packets have one price it rides with the first one.
    let mut pair = Pair::acquainted([BOTH, BOTH]);
    let first = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.carry(0, &first);
    let full = filling(&mut pair, 1, 48);
    assert_eq!(notes(&pair.send(1, &[(2, full)])[0]), 1);
}

#[test]
fn a_receipt_that_no_packet_had_room_for_leaves_alone_in_its_time() {
    let mut pair = pair();
    let first = pair.send(0, &[(1, message("a@b.c", "one"))]);
    pair.carry(0, &first);
    let full = filling(&mut pair, 1, 100);
    let without = pair.send(1, &[(2, full)]);
    assert_eq!(notes(&without[0]), 0);
    assert_eq!(delivered(&pair.settle()[0]), [1]);
}

#[test]
fn long_messages_are_cut_where_a_step_ends() {
    let mut pair = pair();
    let long = message("a@b.c", &"far too much for one packet ".repeat(20));
    let packets = pair.send(0, &[(1, long.clone())]);
    assert!(packets.len() > 2);
    assert!(packets[..packets.len() - 1].iter().all(|packet| packet.payload.len() == 150), "192 is no multiple of 50");
    assert_eq!(messages(&pair.carry(0, &packets)), [long]);
    // What fits a packet is not cut, as a packet of 192 costs what two of 150 and 46 do.
    let whole = filling(&mut pair, 0, 190);
    assert_eq!(pair.send(0, &[(2, whole)]).len(), 1);
}

/// Messages share packets so that they begin as few steps as are found: never more than each alone.
#[test]
fn messages_share_what_is_begun() {
    let mut pair = pair();
    for sizes in [[20, 24, 30, 40], [100, 96, 30, 14], [140, 150, 60, 46], [180, 190, 30, 20]] {
        let waiting: Vec<_> = (1..).zip(sizes.map(|size| filling(&mut pair, 0, size))).collect();
        let plan = pair.plan(0, &waiting);
        let billed: usize = plan.send.iter().map(|packet| packet.payload.len().div_ceil(50)).sum();
        let alone: usize = sizes.iter().map(|size: &usize| size.div_ceil(50)).sum();
        assert!(billed < alone, "{sizes:?}: {billed} for {alone}");
        assert!(plan.send.iter().all(|packet| !bundle(packet).is_empty()));
    }
}

/// A hello that nobody has answered yet makes the first packet dearer and no other one that day; where there is room it rides.
#[test]
fn a_hello_makes_one_packet_dearer_and_no_other() {
    let new = || Pair { step: 50, ..Pair::new([BOTH, BOTH]) };
    let send = |pair: &mut Pair, key: u64, words: usize| {
        let payload = pair.send(0, &[(key, message("a@b.c", &"word ".repeat(words)))]).remove(0).payload;
        let (plain, notes) = find_in_classic(&payload);
        let said = notes.is_some_and(|notes| hello_in(&notes).is_some());
        (said, payload.len().div_ceil(50) > (plain.len() + MARK).div_ceil(50))
    };
    let firsts: Vec<_> = (1..12).map(|words| send(&mut new(), 0, words)).collect();
    assert!(firsts.iter().all(|(said, _)| *said) && firsts.contains(&(true, true)), "it is said at once: {firsts:?}");
    let mut pair = new();
    send(&mut pair, 0, 1);
    let day: Vec<_> = (1..40).map(|key| send(&mut pair, key, 1 + key as usize % 12)).collect();
    assert!(day.iter().any(|(said, _)| *said) && day.iter().any(|(said, _)| !said), "{day:?}");
    assert!(day.iter().all(|(_, dearer)| !dearer), "{day:?}");
}
