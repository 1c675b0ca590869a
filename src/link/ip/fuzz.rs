//! What a far box says, whatever that is.

use std::time::Duration;

use super::far_end::FarEnd;
use super::frame::{Decoder, Frame, FrameError, MAX_FIRST, MAX_FRAME};
use super::pairing::PairingCode;
use super::session::{Own, Session};

/// Frames come the same in pieces of any size, and are written as they were read; no session fails by what it hears.
pub fn fuzz(data: &[u8]) {
    let Some((size, said)) = data.split_first() else { return };
    let read = |piece: usize, most: usize| -> (Vec<Frame>, Option<FrameError>) {
        let (mut decoder, mut frames) = (Decoder::new(most), Vec::new());
        for piece in said.chunks(piece.max(1)) {
            decoder.push(piece);
            loop {
                match decoder.next() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(why) => return (frames, Some(why)),
                }
            }
        }
        (frames, None)
    };
    let whole = read(said.len(), MAX_FRAME);
    assert!(whole == read(usize::from(*size), MAX_FRAME), "other frames in other pieces");
    for frame in whole.0.iter().filter(|frame| !matches!(frame, Frame::Unknown(_))) {
        let mut decoder = Decoder::new(MAX_FRAME);
        decoder.push(&frame.bytes());
        assert_eq!(decoder.next(), Ok(Some(frame.clone())));
    }
    let _ = read(usize::from(*size), MAX_FIRST);
    let now = std::time::Instant::now();
    let own = Own { epoch: 1, metered: false, urgent_only: false, wholes: true };
    let mut session = Session::new(Default::default(), true, Duration::ZERO, now);
    let mut end = FarEnd::default();
    let mut facts = Vec::new();
    session.write(&mut end, own, &mut facts, now);
    for piece in said.chunks(usize::from(*size).max(1)) {
        facts.extend(session.read(&mut end, piece, now));
        session.write(&mut end, own, &mut facts, now);
    }
    let _ = String::from_utf8_lossy(said).parse::<PairingCode>();
}
