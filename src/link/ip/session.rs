//! One connection to a far box: bytes, time and what the link wants in, bytes to write and facts out. Pure.
//!
//! ```text
//!   connected ──> greeting ── both said hello ──> up ──┬─ bye, of either side ──────────> closed
//!                    │                                 ├─ no answer in time ────────────> closed
//!                    └─ no hello in 30 s, bye ─────────┴─ no frames of this protocol ───> closed
//! ```
//!
//! What outlives the connection is in [`FarEnd`].

use std::time::{Duration, Instant};

use super::far_end::{FarEnd, Fate};
use super::frame::{Decoder, Frame, FrameError, Hello, MAX_FRAME, MAX_PACKET, Refusal, VERSION};
use super::keep_alive::{Due, KeepAlive, Patience};
use crate::link::whole::{WholeFrame, WholePlace};
use crate::message::reason::ByeReason;

/// The far box has said hello by then.
const GREETING: Duration = Duration::from_secs(30);
/// Bytes of frames that are put together for one write.
const WRITE: usize = 32 * 1024;

/// What a connection tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Both sides have said hello: packets can go.
    Up(Hello),
    /// What became of a packet.
    Told(u32, Fate),
    /// A packet came in; `new` is false when its number was used before.
    Came {
        /// Number of the packet, as the far box counts.
        number: u32,
        /// The bytes of the packet, as the coding made them.
        payload: Vec<u8>,
        /// The whole mails of messages in it, which came before.
        wholes: Vec<WholePlace>,
        /// False when its number was used before: the packet is here already.
        new: bool,
    },
    /// The far box says something of whole mails.
    Whole(WholeFrame),
    /// The far box asks whether packets of these names are committed here.
    Asked(Vec<u64>),
    /// The answer to a question of this box: names, and whether they are there.
    Known(Vec<(u64, bool)>),
    /// The connection is over, for this reason.
    Over(Over),
}

/// Why a session on a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The far box says so.
    Bye(ByeReason),
    /// It did not say hello in time.
    NoHello,
    /// It did not answer in time.
    NoAnswer,
    /// It speaks something else.
    Frames(FrameError),
}

/// What this box says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Name of its store.
    pub epoch: u32,
    /// It pays for its bytes.
    pub metered: bool,
    /// Its budget is used up.
    pub urgent_only: bool,
    /// It takes whole mails.
    pub wholes: bool,
}

/// What one connection has said and heard since it was opened; it does no input or output itself.
#[derive(Debug)]
pub struct Session {
    decoder: Decoder,
    began: Instant,
    greeted: bool,
    heard: Option<Hello>,
    keep: KeepAlive,
    /// Small frames to write.
    out: Vec<u8>,
    over: bool,
    /// The number of the packet that was written last.
    wrote: Option<u32>,
    /// The numbers of the first and of the last packet that came.
    came: Option<(u32, u32)>,
    /// Up to which number the far box was told last what is here.
    told: u32,
}

impl Session {
    /// A connection that was made now, by this side if `dialled`.
    pub fn new(patience: Patience, dialled: bool, round_trip: Duration, now: Instant) -> Self {
        Self {
            decoder: Decoder::new(MAX_FRAME),
            began: now,
            greeted: false,
            heard: None,
            keep: KeepAlive::new(patience, dialled, round_trip, now),
            out: Vec::new(),
            over: false,
            wrote: None,
            came: None,
            told: 0,
        }
    }

    /// The connection, for which hello was written already, is open now; the way there and back takes so long.
    pub fn opened(&mut self, round_trip: Duration, now: Instant) {
        self.began = now;
        self.keep = KeepAlive::new(self.keep.patience(), true, round_trip, now);
    }

    /// True while packets can go.
    pub fn is_up(&self) -> bool {
        self.greeted && self.heard.is_some() && !self.over
    }

    /// What was learned of the network.
    pub fn patience(&self) -> Patience {
        if self.keep.died_in_silence() { self.keep.patience().died() } else { self.keep.patience() }
    }

    /// Keep-alives wait as long as can be.
    pub fn slow_down(&mut self) {
        self.keep.slow_down();
    }

    /// Closes the connection on purpose.
    pub fn say_bye(&mut self, why: ByeReason) {
        if !self.over {
            Frame::Bye(why).write(&mut self.out);
            self.over = true;
        }
    }

    /// Takes what was read, and tells what it means.
    pub fn read(&mut self, end: &mut FarEnd, bytes: &[u8], now: Instant) -> Vec<Fact> {
        self.decoder.push(bytes);
        let mut facts = Vec::new();
        while !self.over {
            match self.decoder.next() {
                Ok(Some(frame)) => self.take(end, frame, &mut facts),
                Ok(None) => break,
                Err(why) => self.end(Over::Frames(why), &mut facts),
            }
        }
        self.keep.heard(end.awaits_receipt(), now);
        facts
    }

    fn end(&mut self, why: Over, facts: &mut Vec<Fact>) {
        self.over = true;
        facts.push(Fact::Over(why));
    }

    /// Refuses a packet, and takes nothing behind it: what came later would say that this one had come as well.
    fn refuse(&mut self, number: u32, why: Refusal, facts: &mut Vec<Fact>) {
        Frame::Refuse { number, why }.write(&mut self.out);
        self.say_bye(ByeReason::Stop);
        facts.push(Fact::Over(Over::Bye(ByeReason::Stop)));
    }

    fn take(&mut self, end: &mut FarEnd, frame: Frame, facts: &mut Vec<Fact>) {
        match frame {
            Frame::Hello(hello) if hello.version != VERSION => {
                self.say_bye(ByeReason::Version);
                facts.push(Fact::Over(Over::Bye(ByeReason::Version)));
            }
            Frame::Hello(hello) => {
                if self.heard.replace(hello).is_none() {
                    facts.extend(end.greeted(&hello).into_iter().map(|(number, fate)| Fact::Told(number, fate)));
                    if self.greeted {
                        facts.push(Fact::Up(hello));
                    }
                }
            }
            Frame::Packet { number, payload, wholes } if self.is_up() => {
                self.take_packet(end, number, (payload, wholes), facts)
            }
            Frame::Next(payload) if self.is_up() => match self.came.and_then(|(_, last)| last.checked_add(1)) {
                Some(number) => self.take_packet(end, number, (payload, Vec::new()), facts),
                None => self.end(Over::Frames(FrameError::Body(0x0d)), facts),
            },
            // Before the hello of both sides nobody may send one.
            Frame::Packet { .. } | Frame::Next(_) => self.end(Over::NoHello, facts),
            Frame::Whole(frame) => {
                end.heard_of_wholes();
                facts.push(Fact::Whole(frame));
            }
            Frame::Receipt(got) => {
                facts.extend(end.receipt(got).into_iter().map(|number| Fact::Told(number, Fate::Arrived)));
            }
            Frame::UpTo(last) => {
                facts.extend(end.receipt_up_to(last).into_iter().map(|number| Fact::Told(number, Fate::Arrived)));
            }
            Frame::Refuse { number, why } => {
                facts.extend(end.refused(number, why).into_iter().map(|(number, fate)| Fact::Told(number, fate)));
            }
            Frame::Bye(why) => self.end(Over::Bye(why), facts),
            Frame::Ping => Frame::Pong.write(&mut self.out),
            Frame::Ask(names) => facts.push(Fact::Asked(names)),
            Frame::Know(known) => facts.push(Fact::Known(end.questions.answered(known))),
            Frame::Pong | Frame::Pair(_) | Frame::Unknown(_) => {}
        }
    }

    fn take_packet(
        &mut self,
        end: &mut FarEnd,
        number: u32,
        (payload, wholes): (Vec<u8>, Vec<WholePlace>),
        facts: &mut Vec<Fact>,
    ) {
        match payload.len() {
            0 => self.refuse(number, Refusal::Unreadable, facts),
            length if length > MAX_PACKET => self.refuse(number, Refusal::TooLarge, facts),
            _ => {
                self.came = Some((self.came.map_or(number, |(first, _)| first), number));
                let new = end.came(number);
                facts.push(Fact::Came { number, payload, wholes, new });
            }
        }
    }

    /// True where the far box knows the frames that leave out what both ends know.
    fn is_brief(&self) -> bool {
        self.heard.is_some_and(|hello| hello.brief)
    }

    /// What is committed here, in as few bytes as the far box understands.
    fn receipt(&mut self, end: &mut FarEnd) -> Frame {
        let got = end.receipted();
        let came = self.came.is_some_and(|(first, _)| got.upto >= first);
        let news = got.upto > std::mem::replace(&mut self.told, got.upto);
        match self.is_brief() && came && news && got.behind == 0 {
            true => Frame::UpTo(got.upto.to_be_bytes()[3]),
            false => Frame::Receipt(got),
        }
    }

    fn packet(&mut self, end: &mut FarEnd, number: u32, payload: Vec<u8>) -> Frame {
        let wholes = end.wholes_of(number);
        let next = self.wrote.replace(number).is_some_and(|last| last.checked_add(1) == Some(number));
        match next && wholes.is_empty() && self.is_brief() {
            true => Frame::Next(payload),
            false => Frame::Packet { number, payload, wholes },
        }
    }

    /// What is to be written now, in one piece; empty when nothing is.
    pub fn write(&mut self, end: &mut FarEnd, own: Own, facts: &mut Vec<Fact>, now: Instant) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.over && !self.greeted && end.may_greet() {
            let hello = Hello {
                version: VERSION,
                metered: own.metered,
                urgent_only: own.urgent_only,
                full: false,
                wholes: own.wholes,
                brief: true,
                epoch: own.epoch,
                got: end.receipted(),
                max_packet: u16::try_from(MAX_PACKET).unwrap_or(u16::MAX),
            };
            Frame::Hello(hello).write(&mut out);
            (self.greeted, self.told) = (true, hello.got.upto);
            facts.extend(self.heard.map(Fact::Up));
        }
        out.append(&mut self.out);
        if self.is_up() && end.owes_receipt() {
            self.receipt(end).write(&mut out);
        }
        while self.is_up()
            && out.len() < WRITE
            && let Some(frame) = end.questions.next()
        {
            frame.write(&mut out);
        }
        let mut asks = false;
        while self.is_up()
            && out.len() < WRITE
            && let Some((number, payload)) = end.next_to_write()
        {
            self.packet(end, number, payload).write(&mut out);
            asks = true;
        }
        while self.is_up()
            && out.len() < WRITE
            && let Some(frame) = end.next_said()
        {
            asks |= frame.asks();
            Frame::Whole(frame).write(&mut out);
        }
        if !out.is_empty() {
            self.keep.wrote(asks, now);
        }
        out
    }

    /// What is left to be said at the end.
    pub fn last_words(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// When [`Session::tick`] is to be called.
    pub fn next(&self) -> Option<Instant> {
        match self.is_up() {
            true => self.keep.next(),
            false => Some(self.began + GREETING),
        }
    }

    /// Does what time asks for.
    pub fn tick(&mut self, now: Instant) -> Vec<Fact> {
        let mut facts = Vec::new();
        if !self.is_up() {
            if now >= self.began + GREETING && !self.over {
                self.end(Over::NoHello, &mut facts);
            }
            return facts;
        }
        match self.keep.due(now) {
            Some(Due::Dead) => self.end(Over::NoAnswer, &mut facts),
            Some(Due::Ping) => {
                Frame::Ping.write(&mut self.out);
                self.keep.wrote(true, now);
            }
            Some(Due::SignOfLife) => Frame::Pong.write(&mut self.out),
            None => {}
        }
        facts
    }
}

#[cfg(test)]
mod tests;
