//! Two boxes with engines that do the least, and a channel between them that does its worst.

use std::collections::{BTreeMap, BTreeSet};

use super::codec::Fake;
use crate::letter::Letter;
use crate::peer::gather::{Waits, When, when};
use crate::peer::{Outgoing, Peer, PeerContext, Rules, Turn, Waiting};

mod channel;

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(1) as u64) as i64
    }
}

/// What its sender is told of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    Waiting,
    OnItsWay,
    /// No receipt is expected.
    Sent,
    /// It may have arrived.
    Unconfirmed,
    Refused,
    Expired,
    Delivered,
}

pub struct Accepted {
    pub from: usize,
    pub letter: Letter,
    pub told: Told,
    pub at: i64,
    pub urgent: bool,
}

#[derive(Clone)]
struct Row {
    /// `None`: from an old box, which knows no tickets.
    packet: Outgoing,
    ticketed: bool,
    /// When the link sends it, or gives it up.
    ends: Option<i64>,
    lost: bool,
    /// When the box is told.
    told_at: Option<i64>,
}

struct Flight {
    at: i64,
    to: usize,
    key: u64,
    payload: Vec<u8>,
}

pub struct Post {
    pub peer: Peer,
    pub codec: Fake,
    pub rules: Rules,
    /// The software is an old one, which speaks classic only.
    pub old: bool,
    rows: Vec<Row>,
    keys: BTreeSet<u64>,
    parts: BTreeMap<(String, String), BTreeMap<usize, String>>,
}

impl Post {
    pub fn new(models: &[crate::packet::ModelId], rules: Rules) -> Self {
        Self {
            peer: Peer::default(),
            codec: Fake(models.to_vec()),
            rules,
            old: false,
            rows: Vec::new(),
            keys: BTreeSet::new(),
            parts: BTreeMap::new(),
        }
    }
}

/// How bad the channel is, in per cent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub loss: u64,
    pub double: u64,
    pub crash: u64,
    /// The link gives a packet up before it is sent.
    pub give_up: u64,
    /// Longest way, in milliseconds.
    pub delay: i64,
    /// A doubled classic packet arrives as a new one.
    pub double_classic: bool,
}

pub struct World {
    pub dice: Dice,
    pub now: i64,
    pub room: usize,
    pub timer: i64,
    pub life: i64,
    pub weather: Weather,
    pub boxes: [Post; 2],
    flights: Vec<Flight>,
    pub letters: Vec<Accepted>,
    /// Letters as they were delivered, by the box that sent them.
    pub delivered: BTreeMap<(usize, Letter), usize>,
    /// How often things happened: histories in which nothing happens prove nothing.
    pub seen: BTreeMap<&'static str, usize>,
    next_key: u64,
    /// Tells what happens.
    pub loud: bool,
}

impl World {
    pub fn new(seed: u64, room: usize, weather: Weather, boxes: [Post; 2]) -> Self {
        Self {
            dice: Dice(seed),
            now: 500_000 * HOUR,
            room,
            timer: 2 * HOUR,
            life: 40 * DAY,
            weather,
            boxes,
            flights: Vec::new(),
            letters: Vec::new(),
            delivered: BTreeMap::new(),
            seen: BTreeMap::new(),
            next_key: 0,
            loud: false,
        }
    }

    fn note(&self, words: impl FnOnce() -> String) {
        let at = (self.now - 500_000 * HOUR) as f64 / HOUR as f64;
        if self.loud {
            println!("{at:8.2} {}", words());
        }
    }

    fn saw(&mut self, what: &'static str, times: usize) {
        *self.seen.entry(what).or_default() += times;
    }

    pub fn accept(&mut self, from: usize, letter: Letter, urgent: bool) -> u64 {
        self.note(|| format!("{from} accepts {} {:?}", self.letters.len(), letter));
        self.letters.push(Accepted { from, letter, told: Told::Waiting, at: self.now, urgent });
        self.letters.len() as u64 - 1
    }

    /// Works on the peer. When the power fails, all is as it was kept before.
    fn commit<T>(&mut self, side: usize, work: impl FnOnce(&mut Peer, &mut PeerContext) -> T) -> Option<T> {
        let fails = self.dice.chance(self.weather.crash);
        let post = &mut self.boxes[side];
        let before = fails.then(|| serde_json::to_string(&post.peer).unwrap());
        let mut here = PeerContext { codec: &mut post.codec, now: self.now, room: self.room, rules: post.rules };
        let done = work(&mut post.peer, &mut here);
        let Some(kept) = before else { return Some(done) };
        self.boxes[side].peer = serde_json::from_str(&kept).unwrap();
        self.saw("crashes", 1);
        self.note(|| format!("{side} crashes"));
        None
    }

    /// The next moment at which something happens.
    fn next(&self) -> Option<i64> {
        let flights = self.flights.iter().map(|flight| flight.at);
        let rows = self.boxes.iter().flat_map(|post| {
            post.rows.iter().filter_map(|row| row.ends.or(row.told_at.filter(|_| !post.old || !row.ticketed)))
        });
        let due = self.boxes.iter().filter(|post| !post.old).filter_map(|post| post.peer.due(&post.rules));
        let leave = (0..2).filter_map(|side| self.leave_at(side));
        let ends = self.letters.iter().filter(|letter| letter.told <= Told::OnItsWay).map(|l| l.at + self.life);
        flights.chain(rows).chain(due).chain(leave).chain(ends).min()
    }

    fn waiting(&self, side: usize) -> impl Iterator<Item = (usize, &Accepted)> {
        let all = self.letters.iter().enumerate();
        all.filter(move |(_, letter)| letter.from == side && letter.told == Told::Waiting)
    }

    fn leave_at(&self, side: usize) -> Option<i64> {
        let waits: Vec<_> = self
            .waiting(side)
            .map(|(_, letter)| Waits { since: letter.at, urgent: letter.urgent, bytes: letter.letter.text.len() })
            .collect();
        let timer = if self.boxes[side].old { 0 } else { self.timer };
        match when(&waits, self.room, timer, false, self.now) {
            When::Now(_) => Some(self.now),
            When::At(at) => Some(at),
            When::Never => None,
        }
    }

    /// Lets things happen until this time.
    pub fn run_until(&mut self, end: i64) {
        let mut turns = 0;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            turns += 1;
            assert!(turns < 20_000, "the boxes keep each other busy");
            self.now = self.now.max(next);
            self.step();
        }
        self.now = self.now.max(end);
    }

    fn step(&mut self) {
        for side in 0..2 {
            self.link(side);
            if self.leave_at(side).is_some_and(|at| at <= self.now) {
                self.leave(side);
            }
        }
        while let Some(at) = self.flights.iter().position(|flight| flight.at <= self.now) {
            let flight = self.flights.swap_remove(at);
            self.arrive(flight);
        }
        for side in 0..2 {
            let post = &self.boxes[side];
            if !post.old && post.peer.due(&post.rules).is_some_and(|due| due <= self.now) {
                self.tick(side);
            }
        }
        self.expire();
    }

    pub fn tick(&mut self, side: usize) {
        if let Some(turn) = self.commit(side, |peer, here| peer.tick(here)) {
            self.note(|| format!("{side} ticks: {}", short(&turn)));
            self.saw("letters read late", turn.letters.len());
            self.apply(side, turn);
        }
    }

    fn leave(&mut self, side: usize) {
        let some: Vec<_> = self.waiting(side).map(|(key, letter)| (key as u64, letter.letter.clone())).collect();
        if self.boxes[side].old {
            return self.leave_as_old(side, &some);
        }
        let plan = self.commit(side, |peer, here| {
            let waiting: Vec<_> = some.iter().map(|(key, letter)| Waiting { key: *key, letter }).collect();
            peer.plan(here, &waiting)
        });
        let Some(plan) = plan else { return };
        let planned: BTreeSet<u64> = plan.send.iter().flat_map(|packet| packet.letters.clone()).collect();
        let refused: BTreeSet<u64> = plan.refused.iter().map(|(key, _)| *key).collect();
        assert!(
            planned.union(&refused).copied().eq(some.iter().map(|(key, _)| *key)),
            "every letter goes or is refused"
        );
        assert_eq!(plan.accounts.len(), planned.len());
        self.note(|| format!("{side} plans {:?}, refuses {refused:?}", plan.accounts));
        planned.iter().for_each(|key| self.letters[*key as usize].told = Told::OnItsWay);
        refused.iter().for_each(|key| self.letters[*key as usize].told = Told::Refused);
        plan.send.into_iter().for_each(|packet| self.hand(side, packet, true));
    }

    fn leave_as_old(&mut self, side: usize, some: &[(u64, Letter)]) {
        for (key, letter) in some {
            let room = self.room;
            for payload in crate::peer::Codec::classic(&mut self.boxes[side].codec, letter, room).unwrap() {
                let letters = vec![*key];
                let packet =
                    Outgoing { ticket: 0, piece: 0, pieces: 1, payload, letters, receipt: false, repeat: false };
                self.hand(side, packet, false);
            }
            self.letters[*key as usize].told = Told::OnItsWay;
        }
    }

    fn hand(&mut self, side: usize, packet: Outgoing, ticketed: bool) {
        assert!(packet.payload.len() <= self.room && !packet.payload.is_empty());
        if let Some((notes, body)) = crate::peer::notes::unwrap(&packet.payload) {
            let first = body.first().copied().unwrap_or(0);
            self.saw("packets with an index", usize::from(first >> 4 == 0b1010 && packet.pieces == 1));
            self.saw("pieces", usize::from(first >= 0xC0));
            self.saw("notes alone", usize::from(body.is_empty()));
            let replaces = notes.iter().filter(|note| matches!(note, crate::peer::notes::Note::Replaces(_))).count();
            self.saw("packets that replace", replaces.min(1));
            self.saw("bundles", usize::from(packet.letters.len() > 1));
        }
        self.saw("repeats", usize::from(packet.repeat));
        let ends = Some(self.now + self.dice.between(HOUR / 60, 8 * HOUR));
        let lost = self.dice.chance(self.weather.give_up);
        self.note(|| format!("{side} hands {}/{} of {:?} lost {lost}", packet.ticket, packet.piece, packet.letters));
        self.boxes[side].rows.push(Row { packet, ticketed, ends, lost, told_at: None });
    }

    /// The link sends, or gives up, and tells so later.
    fn link(&mut self, side: usize) {
        let (now, delay) = (self.now, if self.dice.chance(50) { 0 } else { 3 * HOUR });
        let mut flying = Vec::new();
        for row in self.boxes[side].rows.iter_mut().filter(|row| row.ends.is_some_and(|at| at <= now)) {
            (row.ends, row.told_at) = (None, Some(now + delay));
            if !row.lost {
                flying.push(row.packet.payload.clone());
            }
        }
        flying.into_iter().for_each(|payload| self.fly(1 - side, payload));
        let old = self.boxes[side].old;
        let told = |row: &Row| row.told_at.is_some_and(|at| at <= now) && (!old || !row.ticketed);
        while let Some(at) = self.boxes[side].rows.iter().position(told) {
            let row = self.boxes[side].rows[at].clone();
            let (ticket, piece) = (row.packet.ticket, row.packet.piece);
            if row.ticketed {
                let done = self.commit(side, |peer, here| match row.lost {
                    true => peer.lost(ticket, piece, here.now),
                    false => peer.sent(ticket, piece, here.now),
                });
                if done.is_none() {
                    // It asks the link once more.
                    self.boxes[side].rows[at].told_at = Some(now + HOUR);
                    continue;
                }
            }
            self.boxes[side].rows.remove(at);
            self.settle(side, &row);
        }
    }

    /// What became of a packet, for its letters.
    fn settle(&mut self, side: usize, row: &Row) {
        self.note(|| format!("{side}: {}/{} lost {}", row.packet.ticket, row.packet.piece, row.lost));
        for key in &row.packet.letters {
            if self.letters[*key as usize].told != Told::OnItsWay {
                continue;
            }
            let carries = |other: &Row| other.packet.letters.contains(key);
            let others = self.boxes[side].rows.iter().filter(|other| carries(other)).count();
            // A lost piece is sent again by the peer; a letter of which nothing left waits again.
            let alone = row.packet.pieces == 1 && others == 0 && !self.partly_left(side, *key);
            let told = match (row.lost, row.packet.receipt) {
                (true, _) if !row.ticketed => Told::Expired,
                (true, _) if row.packet.repeat => continue,
                (true, _) if alone || !self.boxes[side].peer.out.iter().any(|body| body.letters.contains(key)) => {
                    if row.packet.pieces == 1 && !alone { Told::Expired } else { Told::Waiting }
                }
                (true, _) if row.packet.pieces > 1 => continue,
                (true, _) => Told::Expired,
                (false, false) if others == 0 && row.packet.pieces == 1 => Told::Sent,
                _ => continue,
            };
            self.letters[*key as usize].told = told;
            if told == Told::Expired {
                self.boxes[side].peer.forget(*key);
            }
        }
    }

    /// Other packets of the letter went out.
    fn partly_left(&self, side: usize, key: u64) -> bool {
        let peer = &self.boxes[side].peer;
        peer.out.iter().any(|body| body.form.is_none() && body.letters.contains(&key))
    }

    fn expire(&mut self) {
        for key in 0..self.letters.len() {
            let letter = &mut self.letters[key];
            if letter.told <= Told::OnItsWay && letter.at + self.life <= self.now {
                letter.told = Told::Expired;
                let side = letter.from;
                self.boxes[side].peer.forget(key as u64);
            }
        }
    }

    /// Whether everything adds up at the end.
    pub fn balance(&self) -> Result<(), String> {
        for (key, letter) in self.letters.iter().enumerate() {
            if letter.told <= Told::OnItsWay {
                return Err(format!("nobody says what became of letter {key}, {:?}", letter.told));
            }
            let there = self.delivered.get(&(letter.from, letter.letter.clone())).copied().unwrap_or(0);
            if letter.told == Told::Delivered && there == 0 {
                return Err(format!("letter {key} is said to be delivered, and is not"));
            }
        }
        Ok(())
    }

    pub fn count(&self, told: Told) -> usize {
        self.letters.iter().filter(|letter| letter.told == told).count()
    }
}

fn short(turn: &Turn) -> String {
    format!(
        "letters {} classic {} delivered {:?} again {:?} unconfirmed {:?} send {} needless {:?} aside {} news {:?}",
        turn.letters.len(),
        turn.classic.is_some(),
        turn.delivered,
        turn.again,
        turn.unconfirmed,
        turn.send.len(),
        turn.needless,
        turn.aside.len(),
        turn.news
    )
}
