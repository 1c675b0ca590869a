use super::*;
use crate::link::whole::WholeId;
use crate::message::reason::PairFailure;

fn hello() -> Hello {
    let got = Got { upto: 7, behind: 5 };
    let (metered, urgent_only, full, wholes, brief) = (true, false, true, true, true);
    Hello { version: 1, metered, urgent_only, full, wholes, brief, epoch: 0xdead_beef, got, max_packet: 60_000 }
}

fn all() -> Vec<Frame> {
    let introduction = Introduction {
        token: 0x0f_ffff,
        name: "boat".to_owned(),
        domain: "boat.example".to_owned(),
        person: "anna".to_owned(),
    };
    let place = |place| WholePlace { bundle: 0xbeef, place, name: WholeId([7; 16]) };
    vec![
        Frame::Hello(hello()),
        Frame::Packet { number: 8, payload: vec![9; 80], wholes: Vec::new() },
        Frame::Receipt(Got { upto: 8, behind: 0 }),
        Frame::Refuse { number: 3, why: Refusal::TooLarge },
        Frame::Ask(vec![1, u64::MAX]),
        Frame::Know(vec![true, false, false, false, false, false, false, true]),
        Frame::Ping,
        Frame::Pong,
        Frame::Pair(introduction),
        Frame::Bye(ByeReason::Newer),
        Frame::Bye(ByeReason::Pairing(PairFailure::Expired)),
        Frame::Unknown(0x70),
        Frame::Packet { number: 9, payload: vec![9; 80], wholes: vec![place(0), place(3)] },
        Frame::Whole(WholeFrame::Have { name: WholeId([7; 16]), got: 70_000 }),
        Frame::Whole(WholeFrame::Piece { name: WholeId([7; 16]), from: 16_000, bytes: vec![1; 100] }),
        Frame::Next(vec![9; 80]),
        Frame::UpTo(0xff),
    ]
}

#[test]
fn frames_are_read_as_they_were_written_in_any_pieces() {
    let bytes: Vec<u8> = all().iter().flat_map(Frame::bytes).collect();
    for piece in [1, 2, 3, 7, bytes.len()] {
        let mut decoder = Decoder::new(MAX_FRAME);
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            decoder.push(piece);
            while let Some(frame) = decoder.next().unwrap() {
                found.push(frame);
            }
        }
        assert_eq!(found, all(), "in pieces of {piece}");
    }
}

#[test]
fn frames_have_the_sizes_that_the_costs_are_computed_from() {
    let sizes: Vec<_> = all().iter().map(|frame| frame.bytes().len()).collect();
    assert_eq!(sizes[..8], [19, 7 + 80, 11, 8, 3 + 16, 4, 3, 3]);
    assert_eq!(sizes[9], 4);
    assert_eq!(sizes[12..], [8 + 2 * 19 + 80, 24, 24 + 100, 3 + 80, 4]);
    let largest = Frame::Packet { number: 1, payload: vec![0; MAX_PACKET], wholes: Vec::new() }.bytes();
    assert!(largest.len() - 2 <= MAX_FRAME);
}

#[test]
fn the_bitmap_names_what_is_there_behind_a_gap() {
    let got = Got { upto: 7, behind: 1 << 31 | 1 };
    let has: Vec<u32> = (0..50).filter(|number| got.has(*number)).collect();
    assert_eq!(has, [0, 1, 2, 3, 4, 5, 6, 7, 9, 40]);
    assert!(!Got { upto: 0, behind: 0 }.has(u32::MAX) && Got { upto: u32::MAX, behind: 0 }.has(u32::MAX));
}

#[test]
fn a_stranger_is_read_no_further_than_allowed() {
    let mut decoder = Decoder::new(MAX_FIRST);
    decoder.push(&[0xff, 0xff]);
    assert_eq!(decoder.next(), Err(FrameError::TooLong(65_535)));
}

#[test]
fn what_is_no_frame_is_an_error_and_what_is_new_is_skipped() {
    let next = |bytes: &[u8]| {
        let mut decoder = Decoder::new(MAX_FRAME);
        decoder.push(bytes);
        decoder.next()
    };
    assert_eq!(next(&[0, 0]), Err(FrameError::Empty));
    assert_eq!(next(&[0, 1, 0x81]), Err(FrameError::Type(0x81)));
    assert_eq!(next(&[0, 3, 0x0f, 1, 2]), Ok(Some(Frame::Unknown(0x0f))));
    assert_eq!(next(&[0, 5, 1, 1, 0, 0, 0]), Err(FrameError::Body(1)));
    assert_eq!(next(&[0, 3, 2, 0, 0]), Err(FrameError::Body(2)));
    assert_eq!(next(&[0, 4, 5, 0, 0, 0]), Err(FrameError::Body(5)));
    assert_eq!(next(&[0, 3, 0x0b, 0x7f, 2]), Ok(Some(Frame::Unknown(0x0b))));
    assert_eq!(next(&[0, 6, 0x0c, 0, 0, 0, 1, 1]), Err(FrameError::Body(0x0c)));
    assert_eq!(next(&[0, 1, 0x0e]), Err(FrameError::Body(0x0e)));
    // A later version may say more at the end of a body.
    assert_eq!(next(&[0, 3, 0x0a, 1, 99]), Ok(Some(Frame::Bye(ByeReason::Stop))));
}
