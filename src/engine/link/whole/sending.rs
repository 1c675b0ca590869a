//! One whole mail on its way out. Pure: what the far box says in, what to say out.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Time;
use crate::link::whole::{ON_THE_WAY, PIECE, WholeFrame, WholeId};

/// A far box that says nothing for so long is offered the mail anew.
const AGAIN: Duration = Duration::from_secs(120);

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The far box has not all of it.
    UnderWay,
    /// The far box has it.
    There,
    /// The far box will not take it.
    Refused,
}

/// A mail that is sent by one connection.
#[derive(Debug, Clone)]
pub struct Sending {
    /// Name of the mail.
    pub name: WholeId,
    /// The message that was asked for; 0 where it goes along.
    number: u64,
    packed: Arc<[u8]>,
    size: u32,
    /// Bytes that the far box has, once it said so.
    have: Option<u32>,
    /// Bytes that were said.
    sent: u32,
    refused: bool,
    /// When the far box was heard about it last, or it was offered.
    heard: Time,
    /// The offer has been said.
    offered: bool,
}

impl Sending {
    /// A packed mail of `size` bytes.
    pub fn new(packed: Vec<u8>, size: usize, number: u64, now: Time) -> Self {
        Self {
            name: WholeId::of(&packed),
            number,
            packed: packed.into(),
            size: u32::try_from(size).unwrap_or(u32::MAX),
            have: None,
            sent: 0,
            refused: false,
            heard: now,
            offered: false,
        }
    }

    /// Gives the packed size in bytes.
    pub fn length(&self) -> u32 {
        // A mail has at most 100 MB.
        u32::try_from(self.packed.len()).unwrap_or(u32::MAX)
    }

    /// How far it got.
    pub fn progress(&self) -> Progress {
        match self.have {
            _ if self.refused => Progress::Refused,
            Some(have) if have >= self.length() => Progress::There,
            _ => Progress::UnderWay,
        }
    }

    /// The far box has so much of it. Gives how many bytes that is more than before on this connection: they went over it.
    pub fn have(&mut self, got: u32, now: Time) -> u32 {
        if !self.offered {
            // Said on a connection before this one.
            return 0;
        }
        self.heard = now;
        let got = got.min(self.length());
        match self.have.replace(got) {
            Some(before) if got > before => got - before,
            // A small one went with its offer, of which this is the answer.
            None if got == 0 && self.sent > 0 => 0,
            // Where it goes on, as what went with the offer began before that, or begins again because what came was damaged.
            _ => {
                self.sent = got;
                0
            }
        }
    }

    /// It goes along by itself, in one piece.
    fn is_small(&self) -> bool {
        self.number == 0 && self.packed.len() <= PIECE
    }

    /// Packed bytes that the far box does not have yet.
    pub fn left(&self) -> u32 {
        self.length().saturating_sub(self.have.unwrap_or_default())
    }

    /// The far box will not take it.
    pub fn refuse(&mut self) {
        self.refused = true;
    }

    /// What is to be said next; `None` while an answer is waited for, or nothing is left.
    fn next(&self, now: Time) -> Option<WholeFrame> {
        let (name, number) = (self.name, self.number);
        if self.progress() != Progress::UnderWay {
            return None;
        }
        if !self.offered || now >= self.heard + AGAIN {
            return Some(WholeFrame::Offer { name, packed: self.length(), size: self.size, number });
        }
        // A small one does not wait for the answer: it takes no longer than that.
        let have = self.have.or_else(|| self.is_small().then_some(0))?;
        let rest = self.packed.get(usize::try_from(self.sent).ok()?..).filter(|rest| !rest.is_empty())?;
        let bytes = rest[..rest.len().min(PIECE)].to_vec();
        let on_the_way = usize::try_from(self.sent.saturating_sub(have)).unwrap_or(usize::MAX);
        (on_the_way + bytes.len() <= ON_THE_WAY).then_some(WholeFrame::Piece { name, from: self.sent, bytes })
    }

    /// Says all that may be said now, as far as `say` takes it.
    pub fn pump(&mut self, now: Time, mut say: impl FnMut(WholeFrame) -> bool) {
        while let Some(frame) = self.next(now) {
            if !say(frame.clone()) {
                break;
            }
            self.said(&frame, now);
        }
    }

    /// The link took what [`Sending::next`] gave.
    fn said(&mut self, frame: &WholeFrame, now: Time) {
        match frame {
            WholeFrame::Offer { .. } => {
                (self.offered, self.have, self.sent, self.heard) = (true, None, 0, now);
            }
            WholeFrame::Piece { bytes, .. } => self.sent += u32::try_from(bytes.len()).unwrap_or_default(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);

    fn mail(bytes: usize) -> Sending {
        Sending::new((0..bytes).map(|at| (at % 251) as u8).collect(), bytes * 2, 0, NOW)
    }

    /// Says all that may be said now; from where pieces began, and their bytes.
    fn say(sending: &mut Sending, now: Time) -> Vec<(u32, usize)> {
        let mut pieces = Vec::new();
        sending.pump(now, |frame| {
            if let WholeFrame::Piece { from, bytes, .. } = frame {
                pieces.push((from, bytes.len()));
            }
            true
        });
        pieces
    }

    #[test]
    fn it_goes_on_where_the_far_box_says_and_waits_for_it() {
        let mut sending = mail(200_000);
        assert!(matches!(sending.next(NOW), Some(WholeFrame::Offer { packed: 200_000, size: 400_000, .. })));
        assert_eq!(say(&mut sending, NOW), [], "nothing goes before the answer");
        assert_eq!(sending.have(40_000, NOW), 0, "it was there before: nobody pays for it");
        let pieces = say(&mut sending, NOW);
        assert_eq!((pieces[0], pieces.len()), ((40_000, PIECE), 8), "no more than the window");
        assert_eq!(sending.have(72_000, NOW), 32_000);
        let more = say(&mut sending, NOW);
        assert_eq!((more.first(), more.last()), (Some(&(168_000, PIECE)), Some(&(184_000, PIECE))));
        assert_eq!(sending.progress(), Progress::UnderWay);
        assert_eq!(sending.have(200_000, NOW), 128_000);
        assert_eq!((sending.progress(), sending.next(NOW)), (Progress::There, None));
    }

    #[test]
    fn what_was_damaged_begins_again_and_what_is_refused_ends() {
        let mut sending = mail(20_000);
        say(&mut sending, NOW);
        sending.have(0, NOW);
        assert_eq!(say(&mut sending, NOW).len(), 2);
        assert_eq!(sending.have(0, NOW), 0);
        assert_eq!(say(&mut sending, NOW), [(0, PIECE), (16_000, 4_000)]);
        sending.refuse();
        assert_eq!((sending.progress(), sending.next(NOW)), (Progress::Refused, None));
    }

    #[test]
    fn a_small_one_goes_with_its_offer_and_once() {
        let mut sending = mail(2_000);
        assert_eq!(say(&mut sending, NOW), [(0, 2_000)]);
        sending.have(0, NOW);
        assert_eq!(say(&mut sending, NOW), [], "that answers the offer");
        sending.have(0, NOW);
        assert_eq!(say(&mut sending, NOW), [(0, 2_000)], "what came was damaged");
        assert_eq!(say(&mut sending, NOW + AGAIN), [(0, 2_000)], "nothing was heard for long: from the beginning");
        sending.have(2_000, NOW + AGAIN);
        assert_eq!((sending.progress(), sending.left()), (Progress::There, 0));
        let mut there = mail(2_000);
        say(&mut there, NOW);
        there.have(2_000, NOW);
        assert_eq!(there.progress(), Progress::There);
    }

    /// What goes with the offer begins at the beginning, and is dropped where some of it is there.
    #[test]
    fn a_small_one_of_which_a_part_is_there_goes_on() {
        let mut sending = mail(2_000);
        assert_eq!(say(&mut sending, NOW), [(0, 2_000)]);
        sending.have(700, NOW);
        assert_eq!(say(&mut sending, NOW), [(700, 1_300)]);
        sending.have(2_000, NOW);
        assert_eq!(sending.progress(), Progress::There);
    }

    #[test]
    fn a_far_box_that_says_nothing_is_offered_it_anew() {
        let mut sending = mail(20_000);
        say(&mut sending, NOW);
        assert_eq!(sending.next(NOW + AGAIN - Duration::from_secs(1)), None);
        assert!(matches!(sending.next(NOW + AGAIN), Some(WholeFrame::Offer { .. })));
        say(&mut sending, NOW + AGAIN);
        sending.have(16_000, NOW + AGAIN);
        assert_eq!(say(&mut sending, NOW + AGAIN), [(16_000, 4_000)]);
    }
}
