//! Notes as bytes, and back.

use super::*;

fn all() -> Vec<Note> {
    let models = vec![ModelId { number: 1, mark: *b"mark" }, ModelId { number: 2, mark: *b"more" }];
    vec![
        Note::Replaces(BundleName(1)),
        Note::Replaces(BundleName(0xffff)),
        Note::Hello(Hello { hours: 24, echo: 7, models }),
        Note::NoModel(3, NoteSubject::Bundle(BundleName(4))),
        Note::NoModel(15, NoteSubject::Fragments(63)),
        Note::BadCheck(NoteSubject::Bundle(BundleName(5))),
        Note::BadCheck(NoteSubject::Fragments(6)),
        Note::Fragments(7, 0b1011),
        Note::Fate(BundleName(13), 15, Fate::Failed),
        Note::Fate(BundleName(13), 0, Fate::Delivered),
        Note::Person("carol".into()),
        Note::Answer("carol".into(), Answer::Address("carol@shore.example".into())),
        Note::Answer("dora".into(), Answer::Asked),
        Note::Answer("eve".into(), Answer::Refused),
        Note::Of("bob".into()),
        Note::Have(BundleName(9), None),
        Note::Have(BundleName(10), Some(11)),
        Note::NotHere(BundleName(12)),
        Note::Receipt(BundleName(8)),
        Note::Name([1, 2, 3], "Mary Müller".into()),
        Note::Fate(BundleName(14), 1, Fate::Held),
        Note::Answers(0, BundleName(15), 3),
        Note::Answers(15, BundleName(16), 0),
        Note::Position(Position::new(0, -38.5312, 28.6243).unwrap()),
        Note::WhereAreYou,
    ]
}

#[test]
fn notes_come_back_before_and_in_a_packet() {
    for bundle in [&b""[..], b"\x91xyz"] {
        for notes in all().chunks(10) {
            let packet = wrap(notes, bundle).unwrap();
            assert_eq!(unwrap(&packet), Some((notes.to_vec(), bundle)));
        }
        for count in 1..=40 {
            let receipts: Vec<_> = (0..count).map(|n| Note::Receipt(BundleName(n))).collect();
            let packet = wrap(&receipts, bundle).unwrap();
            let head = if count <= 15 { 1 } else { 2 + usize::from(count.div_ceil(15)) };
            assert_eq!(packet.len(), head + 2 * usize::from(count) + bundle.len());
            assert_eq!(unwrap(&packet), Some((receipts, bundle)));
        }
    }
    let many: Vec<_> = (0..100).map(|n| Note::Receipt(BundleName(n))).collect();
    assert!(wrap(&many, b"").is_none() && append_to_classic(b"", &many).is_none());
}

#[test]
fn a_classic_packet_carries_notes_where_old_decoders_do_not_look() {
    let packet = b"\x08\x01\x12\x05hello\x18\x01";
    for notes in all().chunks(10).chain([&[][..]]) {
        let core = vary_classic(packet, 300);
        let marked = append_to_classic(&core, notes).unwrap();
        assert_eq!(find_in_classic(&marked), (&core[..], Some(notes.to_vec())));
    }
    assert_eq!(find_in_classic(packet), (&packet[..], None));
    let foreign = [packet, &NOTES[..], &[1, 0x10], &packet[..]].concat();
    assert_eq!(find_in_classic(&foreign), (&foreign[..], None));
    assert_eq!(vary_classic(b"", 5), [0xC8, 0x3E, 5]);
}

#[test]
fn what_a_later_version_says_is_passed_over() {
    let block = [0xF0, 2, 9, 9, 0xA0, 4, 0, 1, 0x0F, 7, 0x70, 1, 0, 2];
    assert_eq!(read(&block), [Note::Fragments(1, 2)]);
    assert_eq!(read(&[0x70, 1]), []);
    assert_eq!(unwrap(&[0xB3, 1, 2]), None);
    assert_eq!(unwrap(&[0xB0, 9, 1]), None);
    assert_eq!(unwrap(&[]), None);
}

#[test]
fn a_fate_or_an_answer_takes_five_bytes_and_each_more_three() {
    let fate = |place| Note::Fate(BundleName(7), place, Fate::NoRecipient);
    assert_eq!(write(&[fate(1)]), [0xA0, 3, 0, 7, 0x12]);
    assert_eq!(write(&[fate(1), fate(2)]).len(), 8);
    let answers = |place| Note::Answers(place, BundleName(7), 2);
    assert_eq!(write(&[answers(1)]), [0xD0, 3, 0x12, 0, 7]);
    assert_eq!(write(&[answers(1), answers(2)]).len(), 8);
}
