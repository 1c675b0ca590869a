//! What becomes of packets under way, connection by connection.

use super::*;
use crate::link::whole::WholeId;

fn hello(epoch: u32, upto: u32) -> Hello {
    let got = Got { upto, behind: 0 };
    Hello {
        version: 1,
        metered: false,
        urgent_only: false,
        full: false,
        wholes: true,
        brief: true,
        epoch,
        got,
        max_packet: 60_000,
    }
}

fn take(end: &mut FarEnd, count: usize, bytes: usize) {
    for _ in 0..count {
        end.take(vec![0; bytes]);
    }
}

fn written(end: &mut FarEnd) -> Vec<u32> {
    std::iter::from_fn(|| end.next_to_write()).map(|(number, _)| number).collect()
}

#[test]
fn receipts_settle_what_was_written() {
    let mut end = FarEnd::default();
    assert!(end.greeted(&hello(9, 0)).is_empty());
    for number in 1..=3 {
        assert_eq!(end.take(vec![0; 80]), number);
    }
    assert_eq!(end.place(2), Place::Waiting);
    assert_eq!(written(&mut end), [1, 2, 3]);
    assert_eq!(end.place(2), Place::UnderWay);
    assert_eq!(end.receipt(Got { upto: 2, behind: 0 }), [1, 2]);
    assert_eq!(end.place(2), Place::Settled);
    assert_eq!(end.receipt(Got { upto: 2, behind: 0 }), [] as [u32; 0]);
    end.take(vec![0; 80]);
    let refused = (3, Fate::Refused(Refusal::TooLarge));
    assert_eq!(
        end.refused(3, Refusal::TooLarge),
        [refused, (4, Fate::NotThere)],
        "nothing goes before that is on disk"
    );
    assert!(end.refused(3, Refusal::TooLarge).is_empty() && !end.is_busy());
}

#[test]
fn the_next_hello_tells_of_all_that_was_under_way() {
    let mut end = FarEnd::default();
    end.greeted(&hello(9, 0));
    take(&mut end, 4, 80);
    assert_eq!(written(&mut end), [1, 2, 3, 4]);
    end.take(vec![0; 80]);
    let told = end.greeted(&hello(9, 2));
    let (there, not) = (Fate::Arrived, Fate::NotThere);
    // What had not been written goes under a new number, once it is on disk that others before it are not there.
    assert_eq!(told, [(1, there), (2, there), (3, not), (4, not), (5, not)]);
    take(&mut end, 2, 80);
    assert_eq!(written(&mut end), [6, 7]);
    // Without a gap it is written now.
    end.take(vec![0; 80]);
    assert_eq!(end.greeted(&hello(9, 7)), [(6, there), (7, there)]);
    assert_eq!(written(&mut end), [8]);
}

#[test]
fn a_packet_of_an_earlier_life_is_judged_by_the_first_hello() {
    let mut end = FarEnd::default();
    assert_eq!(end.place(7), Place::Unknown);
    end.used(7);
    end.greeted(&hello(9, 6));
    assert_eq!(end.place(6), Place::Told(Fate::Arrived));
    assert_eq!(end.place(7), Place::Told(Fate::NotThere));
    assert_eq!(end.take(vec![1]), 8);
    written(&mut end);
    assert_eq!(end.receipt(Got { upto: 8, behind: 0 }), [8]);
    // The gap at 7 is none that anybody waits for, and 7 did not arrive by it.
    assert_eq!(end.place(7), Place::Told(Fate::NotThere));
}

#[test]
fn a_box_that_was_put_back_uses_no_number_twice() {
    let mut end = FarEnd::default();
    end.used(20);
    end.greeted(&hello(9, 50));
    assert_eq!(end.take(vec![1]), 51);
    // The far box was put back: what it has is below what this box remembers.
    written(&mut end);
    assert_eq!(end.greeted(&hello(9, 30)), [(51, Fate::NotThere)]);
    assert_eq!(end.take(vec![1]), 52);
}

#[test]
fn numbers_that_another_life_used_are_given_back() {
    let mut end = FarEnd::default();
    end.used(20);
    assert_eq!((end.take(vec![1]), end.take(vec![2])), (21, 22));
    assert_eq!(end.greeted(&hello(9, 21)), [(21, Fate::NotThere)]);
    assert_eq!((end.place(21), end.place(22), end.take(vec![1])), (Place::Settled, Place::Waiting, 23));
}

#[test]
fn a_new_store_at_the_far_end_begins_anew() {
    let mut end = FarEnd::new(9, 40);
    assert_eq!(end.got().upto, 40);
    end.greeted(&hello(10, 0));
    assert_eq!((end.epoch(), end.got().upto), (10, 0));
    assert!(end.came(1));
    // A commit of what came from the old one changes nothing.
    end.commit(9, 41);
    assert_eq!(end.got().upto, 0);
}

#[test]
fn the_window_holds_back_what_is_too_much() {
    let mut end = FarEnd::default();
    take(&mut end, 80, 10);
    assert_eq!(written(&mut end).len(), 64);
    assert_eq!(end.receipt(Got { upto: 5, behind: 0 }).len(), 5);
    assert_eq!(written(&mut end).len(), 5);
    let mut end = FarEnd::default();
    take(&mut end, 5, 60_000);
    assert_eq!(written(&mut end).len(), 3);
}

#[test]
fn only_what_was_not_written_is_taken_back() {
    let mut end = FarEnd::default();
    take(&mut end, 2, 10);
    end.next_to_write();
    assert!(!end.withdraw(1) && end.withdraw(2) && !end.withdraw(2));
}

#[test]
fn pieces_of_whole_mails_go_behind_packets_and_end_with_the_connection() {
    let name = WholeId([1; 16]);
    let piece = |from| WholeFrame::Piece { name, from, bytes: vec![0; 60_000] };
    let mut end = FarEnd::default();
    end.greeted(&hello(9, 0));
    assert!(end.say(piece(0)) && end.say(piece(60_000)) && !end.say(piece(120_000)));
    let number = end.take(vec![1]);
    let place = WholePlace { bundle: 7, place: 0, name };
    end.carry(number, vec![place]);
    assert!(end.say(WholeFrame::Have { name, got: 5 }));
    assert_eq!(end.next_said(), Some(WholeFrame::Have { name, got: 5 }));
    assert_eq!(end.next_said(), None, "a packet goes first");
    assert_eq!(written(&mut end), [number]);
    assert_eq!(end.wholes_of(number), [place]);
    assert!(end.next_said().is_some() && end.awaits_receipt());
    end.receipt(Got { upto: number, behind: 0 });
    end.heard_of_wholes();
    assert!(!end.awaits_receipt() && end.is_busy());
    // The next connection begins with what both have; an older box gets no names.
    let number = end.take(vec![2]);
    end.carry(number, vec![place]);
    end.greeted(&Hello { wholes: false, ..hello(9, 1) });
    assert_eq!(end.next_said(), None);
    assert_eq!((written(&mut end), end.wholes_of(number)), (vec![number], Vec::new()));
}

#[test]
fn hello_waits_for_what_came_before() {
    let mut end = FarEnd::default();
    end.greeted(&hello(9, 0));
    assert!(end.came(1) && end.came(2) && !end.may_greet());
    end.commit(9, 1);
    assert!(!end.owes_receipt() && !end.may_greet());
    end.commit(9, 2);
    assert!(end.owes_receipt() && end.may_greet());
    assert_eq!(end.receipted().upto, 2);
    assert!(!end.owes_receipt());
    assert!(!end.came(2), "a number that was used before");
    for _ in 0..UNCOMMITTED {
        end.came(3);
    }
    assert!(!end.may_read());
}

/// The last byte of its number tells what is under way apart.
#[test]
fn what_is_under_way_lies_within_256_numbers() {
    let mut end = FarEnd::default();
    end.greeted(&hello(9, 0));
    assert_eq!(end.take(vec![1]), 1);
    assert!(end.next_to_write().is_some());
    end.used(256);
    assert_eq!(end.take(vec![2]), 257);
    assert_eq!(end.next_to_write(), None, "257 ends as 1 does");
    assert_eq!(end.receipt_up_to(1), [1]);
    assert_eq!(end.next_to_write(), Some((257, vec![2])));
    assert_eq!((end.receipt_up_to(2), end.receipt_up_to(1)), (vec![], vec![257]));
}
