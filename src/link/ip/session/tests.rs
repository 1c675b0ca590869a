//! Two sessions over a pipe that is cut at every place, with boxes that crash: nothing is lost, nothing comes twice.

use std::collections::VecDeque;

use super::super::far_end::Place;
use super::super::frame::{Got, MAX_FIRST};
use super::*;

/// A box: what its store would keep, and the rest, which a crash takes away.
struct Side {
    epoch: u32,
    end: FarEnd,
    session: Option<Session>,
    /// On disk: what is to go, what the link has under which number, what came.
    queue: VecDeque<u8>,
    held: Vec<(u32, u8)>,
    kept: Vec<(u32, u8)>,
    /// Came, and is not committed.
    inbox: VecDeque<(u32, u8)>,
    dialled: bool,
}

impl Side {
    fn new(epoch: u32, packets: std::ops::Range<u8>, dialled: bool) -> Self {
        let (end, session, held, kept, inbox) = (FarEnd::default(), None, Vec::new(), Vec::new(), VecDeque::new());
        Self { epoch, end, session, queue: packets.collect(), held, kept, inbox, dialled }
    }

    fn connect(&mut self, now: Instant) {
        self.session = Some(Session::new(Patience::default(), self.dialled, Duration::ZERO, now));
    }

    /// Killed and started again: only what is on disk is left.
    fn crash(&mut self, far_epoch: u32) {
        let committed = self.kept.iter().map(|(number, _)| *number).max().unwrap_or_default();
        self.end = FarEnd::new(if committed > 0 { far_epoch } else { 0 }, committed);
        self.held.iter().for_each(|(number, _)| self.end.used(*number));
        self.session = None;
        self.inbox.clear();
    }

    fn obey(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            match fact {
                // Before anything new goes, what an earlier life left open is settled.
                Fact::Up(_) => {
                    for (number, packet) in self.held.clone() {
                        match self.end.place(number) {
                            Place::Told(fate) => self.settle(number, packet, fate),
                            Place::Waiting | Place::UnderWay | Place::Settled => {}
                            Place::Unknown => panic!("it was heard"),
                        }
                    }
                    while let Some(packet) = self.queue.pop_front() {
                        let number = self.end.take(vec![packet]);
                        self.held.push((number, packet));
                    }
                }
                Fact::Told(number, fate) => {
                    let packet = self.held.iter().find(|(known, _)| *known == number).expect("it was held").1;
                    self.settle(number, packet, fate);
                }
                Fact::Whole(_) => panic!("nobody sends whole mails"),
                Fact::Came { number, payload, new, .. } => {
                    assert!(new);
                    self.inbox.push_back((number, payload[0]));
                }
                Fact::Asked(_) | Fact::Known(_) => panic!("nobody asks"),
                Fact::Over(_) => self.session = None,
            }
        }
    }

    fn settle(&mut self, number: u32, packet: u8, fate: Fate) {
        self.held.retain(|(known, _)| *known != number);
        match fate {
            Fate::Arrived => {}
            Fate::NotThere => self.queue.push_back(packet),
            Fate::Refused(why) => panic!("{why:?}"),
        }
    }

    fn commit(&mut self) {
        while let Some((number, packet)) = self.inbox.pop_front() {
            self.kept.push((number, packet));
            let epoch = self.end.epoch();
            self.end.commit(epoch, number);
        }
    }

    fn write(&mut self, now: Instant) -> Vec<u8> {
        let own = Own { epoch: self.epoch, metered: false, urgent_only: false, wholes: true };
        let Some(session) = &mut self.session else { return Vec::new() };
        let mut facts = Vec::new();
        let mut out = session.write(&mut self.end, own, &mut facts, now);
        let up = !facts.is_empty();
        self.obey(facts);
        if up && let Some(session) = &mut self.session {
            out.extend(session.write(&mut self.end, own, &mut Vec::new(), now));
        }
        out
    }

    fn read(&mut self, bytes: &[u8], now: Instant) {
        let Some(session) = &mut self.session else { return };
        let facts = session.read(&mut self.end, bytes, now);
        self.obey(facts);
    }

    fn open(&self) -> usize {
        self.queue.len() + self.held.len() + self.inbox.len()
    }
}

/// Moves bytes between two sides until nothing moves; ends the connection when so many bytes have been passed in all.
fn run(a: &mut Side, b: &mut Side, mut left: usize, lazy: bool, now: Instant) -> usize {
    a.connect(now);
    b.connect(now);
    let mut passed = 0;
    loop {
        let mut moved = false;
        for turn in 0..2 {
            let (from, to) = if turn == 0 { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
            let bytes = from.write(now);
            let bytes = &bytes[..bytes.len().min(left)];
            left -= bytes.len();
            passed += bytes.len();
            moved |= !bytes.is_empty();
            // In small pieces, so that a piece ends in the middle of each frame once.
            for piece in bytes.chunks(5) {
                to.read(piece, now);
                // A lazy box commits only once all has come.
                if !lazy {
                    to.commit();
                }
            }
            if lazy && left > 0 {
                to.commit();
            }
        }
        if !moved || left == 0 {
            a.session = None;
            b.session = None;
            return passed;
        }
    }
}

fn everything_once(a: &Side, b: &Side) {
    for (side, other, name) in [(a, 0..3_u8, "a"), (b, 10..13, "b")] {
        let (from, to) = if name == "a" { (b, side) } else { (a, side) };
        let expected: Vec<u8> = if name == "a" { (10..13).collect() } else { (0..3).collect() };
        let mut came: Vec<u8> = to.kept.iter().map(|(_, packet)| *packet).collect();
        came.sort_unstable();
        assert_eq!(came, expected, "at {name}, which sent {other:?}");
        assert_eq!(from.open(), 0);
    }
}

/// `ip-link.md` section 9, case 4: a cut at every byte of an exchange of three packets each way, and then a crash of
/// neither, of either, or of both.
#[test]
fn a_cut_at_any_byte_loses_nothing_and_doubles_nothing() {
    let now = Instant::now();
    let whole = {
        let (mut a, mut b) = (Side::new(1, 0..3, true), Side::new(2, 10..13, false));
        let passed = run(&mut a, &mut b, usize::MAX, false, now);
        everything_once(&a, &b);
        passed
    };
    assert!(whole > 70, "{whole}");
    for lazy in [false, true] {
        for crash in 0..4 {
            for at in 0..=whole {
                let (mut a, mut b) = (Side::new(1, 0..3, true), Side::new(2, 10..13, false));
                run(&mut a, &mut b, at, lazy, now);
                if crash & 1 == 1 {
                    a.crash(2);
                }
                if crash & 2 == 2 {
                    b.crash(1);
                }
                // What came before the cut is committed at last, or went with the crash.
                a.commit();
                b.commit();
                // A second cut, then a whole connection.
                run(&mut a, &mut b, at / 2 + 30, lazy, now);
                a.commit();
                b.commit();
                run(&mut a, &mut b, usize::MAX, lazy, now);
                everything_once(&a, &b);
            }
        }
    }
}

/// A box that has not committed yet what came by the connection before says nothing of itself until it has.
#[test]
fn hello_waits_until_what_came_is_committed() {
    let now = Instant::now();
    let (mut a, mut b) = (Side::new(1, 0..1, true), Side::new(2, 10..10, false));
    a.connect(now);
    b.connect(now);
    for _ in 0..3 {
        let bytes = a.write(now);
        b.read(&bytes, now);
        let bytes = b.write(now);
        a.read(&bytes, now);
    }
    assert_eq!(b.inbox.len(), 1);
    a.connect(now);
    b.connect(now);
    let bytes = a.write(now);
    b.read(&bytes, now);
    assert_eq!(b.write(now), b"");
    b.commit();
    let bytes = b.write(now);
    a.read(&bytes, now);
    assert_eq!((a.open(), b.kept.len()), (0, 1));
}

#[test]
fn a_far_box_that_says_nothing_or_something_else_is_left() {
    let now = Instant::now();
    let mut end = FarEnd::default();
    let new = || Session::new(Patience::default(), true, Duration::ZERO, now);
    let mut session = new();
    assert_eq!(session.next(), Some(now + GREETING));
    assert_eq!(session.tick(now + GREETING), [Fact::Over(Over::NoHello)]);
    let mut session = new();
    assert!(matches!(session.read(&mut end, b"HTTP/1.1 302 Found\r\n", now)[..], [] | [Fact::Over(_)]));
    let mut session = new();
    let early = Frame::Packet { number: 1, payload: vec![1], wholes: Vec::new() }.bytes();
    assert_eq!(session.read(&mut end, &early, now), [Fact::Over(Over::NoHello)]);
    let mut session = new();
    let bye = Frame::Bye(ByeReason::NotPaired).bytes();
    assert_eq!(session.read(&mut end, &bye, now), [Fact::Over(Over::Bye(ByeReason::NotPaired))]);
    assert!(Frame::Bye(ByeReason::NotPaired).bytes().len() < MAX_FIRST);
}

/// Both have said hello.
fn met(a: &mut Side, b: &mut Side, now: Instant) {
    a.connect(now);
    b.connect(now);
    for _ in 0..2 {
        let bytes = a.write(now);
        b.read(&bytes, now);
        let bytes = b.write(now);
        a.read(&bytes, now);
    }
}

/// A refusal is told, or lost with the connection, or with the box that heard it: never does the packet count as arrived, and
/// what was behind it goes again.
#[test]
fn a_refused_packet_never_counts_as_arrived() {
    let now = Instant::now();
    for heard in [true, false] {
        let (mut a, mut b) = (Side::new(1, 0..0, true), Side::new(2, 10..10, false));
        met(&mut a, &mut b, now);
        let refused = a.end.take(Vec::new());
        let behind = a.end.take(vec![7]);
        let bytes = a.write(now);
        let session = b.session.as_mut().unwrap();
        let facts = session.read(&mut b.end, &bytes, now);
        assert_eq!(facts, [Fact::Over(Over::Bye(ByeReason::Stop))], "nothing behind it is taken");
        let refusal = session.last_words();
        if heard {
            let facts = a.session.as_mut().unwrap().read(&mut a.end, &refusal, now);
            let told = Fact::Told(refused, Fate::Refused(Refusal::Unreadable));
            assert_eq!(facts, [told, Fact::Over(Over::Bye(ByeReason::Stop))]);
        }
        // What the box heard is not on disk when it is killed.
        a.held = vec![(refused, 0), (behind, 7)];
        a.crash(2);
        met(&mut a, &mut b, now);
        assert_eq!(a.end.place(refused), Place::Told(Fate::NotThere), "heard: {heard}");
        assert_eq!(a.end.place(behind), Place::Told(Fate::NotThere));
    }
}

/// What both ends know is left out, unless the far box is one of before.
#[test]
fn frames_say_no_more_than_the_far_box_needs() {
    let now = Instant::now();
    let own = Own { epoch: 1, metered: false, urgent_only: false, wholes: true };
    for brief in [true, false] {
        let (mut end, mut session) = (FarEnd::default(), Session::new(Patience::default(), true, Duration::ZERO, now));
        session.write(&mut end, own, &mut Vec::new(), now);
        let hello = Hello {
            version: VERSION,
            metered: false,
            urgent_only: false,
            full: false,
            wholes: true,
            brief,
            epoch: 2,
            got: Got::default(),
            max_packet: 60_000,
        };
        let hear = |end: &mut FarEnd, session: &mut Session, frames: &[Frame]| {
            let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
            session.read(end, &bytes, now)
        };
        hear(&mut end, &mut session, &[Frame::Hello(hello)]);
        for byte in 1..=3 {
            end.take(vec![byte; 80]);
        }
        let bytes = session.write(&mut end, own, &mut Vec::new(), now).len();
        assert_eq!(bytes, if brief { 7 + 80 + 2 * (3 + 80) } else { 3 * (7 + 80) }, "brief: {brief}");
        // Two arrived, by either form of receipt.
        let two = if brief { Frame::UpTo(2) } else { Frame::Receipt(Got { upto: 2, behind: 0 }) };
        let told = hear(&mut end, &mut session, &[two]);
        assert_eq!(told, [Fact::Told(1, Fate::Arrived), Fact::Told(2, Fate::Arrived)]);
        // Packets of the far box, the second under the number behind the first.
        let packet = Frame::Packet { number: 7, payload: vec![1], wholes: Vec::new() };
        let came = hear(&mut end, &mut session, &[packet, Frame::Next(vec![2])]);
        assert!(matches!(came[..], [Fact::Came { number: 7, .. }, Fact::Came { number: 8, .. }]), "{came:?}");
        end.commit(2, 7);
        end.commit(2, 8);
        let receipt = session.write(&mut end, own, &mut Vec::new(), now);
        let whole = Frame::Receipt(Got { upto: 8, behind: 0 }).bytes();
        assert_eq!(receipt, if brief { Frame::UpTo(8).bytes() } else { whole.clone() });
        // The same said once more is said in full: its last byte could be that of another one by now.
        hear(&mut end, &mut session, &[Frame::Packet { number: 8, payload: vec![2], wholes: Vec::new() }]);
        end.commit(2, 8);
        assert_eq!(session.write(&mut end, own, &mut Vec::new(), now), whole);
    }
}

/// A packet that names no number must follow one.
#[test]
fn the_first_packet_of_a_connection_says_its_number() {
    let now = Instant::now();
    let (mut a, mut b) = (Side::new(1, 0..0, true), Side::new(2, 10..10, false));
    met(&mut a, &mut b, now);
    let facts = b.session.as_mut().unwrap().read(&mut b.end, &Frame::Next(vec![1]).bytes(), now);
    assert_eq!(facts, [Fact::Over(Over::Frames(FrameError::Body(0x0d)))]);
}
