//! Two boxes with engines that do the least, and a channel between them that does its worst.

use std::collections::{BTreeMap, BTreeSet};

use testing::Dice;

use super::codec::Fake;
use crate::letter::Letter;
use crate::packet::Coding;
use crate::peer::gather::{Departure, GatheredMessage, departure};
use crate::peer::{OutgoingPacket, Peer, PeerContext, PeerRules, PeerTurn, WaitingMessage};

pub mod channel;

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// What its sender is told of a message.
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
    pub message: Letter,
    pub told: Told,
    pub at: i64,
    pub urgent: bool,
}

#[derive(Clone)]
struct Row {
    /// `None`: from an old box, which knows no tickets.
    packet: OutgoingPacket,
    ticketed: bool,
    /// When the link sends it, or gives it up.
    ends: Option<i64>,
    lost: bool,
    /// When the box is told.
    told_at: Option<i64>,
    /// The box was told that the link cannot tell.
    unknown: bool,
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
    pub rules: PeerRules,
    /// The software is an old one, which speaks classic only.
    pub old: bool,
    rows: Vec<Row>,
    keys: BTreeSet<u64>,
    parts: BTreeMap<(String, String), BTreeMap<usize, String>>,
}

impl Post {
    pub fn new(models: &[crate::packet::ModelId], rules: PeerRules) -> Self {
        Self {
            peer: Peer::default(),
            codec: Fake(models.to_vec(), true),
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
    /// The link cannot tell whether it sent a packet.
    pub unknown: u64,
    /// The link has been silent for too long: what it has goes another way, whatever came of it.
    pub overtaken: u64,
    /// Longest way, in milliseconds.
    pub delay: i64,
    /// A doubled classic packet arrives as a new one.
    pub double_classic: bool,
}

pub struct World {
    pub dice: Dice,
    pub now: i64,
    pub room: usize,
    /// Bytes that are billed together; 0 for packets.
    pub step: usize,
    pub timer: i64,
    pub life: i64,
    pub weather: Weather,
    pub boxes: [Post; 2],
    flights: Vec<Flight>,
    pub messages: Vec<Accepted>,
    /// Messages as they were delivered, by the box that sent them.
    pub delivered: BTreeMap<(usize, Letter), usize>,
    /// How often things happened: histories in which nothing happens prove nothing.
    pub seen: BTreeMap<&'static str, usize>,
    next_key: u64,
    commits: u64,
    /// Tells what happens.
    pub loud: bool,
}

impl World {
    pub fn new(seed: u64, room: usize, weather: Weather, boxes: [Post; 2]) -> Self {
        Self {
            dice: Dice::new(seed),
            now: 500_000 * HOUR,
            room,
            step: 0,
            timer: 2 * HOUR,
            life: 40 * DAY,
            weather,
            boxes,
            flights: Vec::new(),
            messages: Vec::new(),
            delivered: BTreeMap::new(),
            seen: BTreeMap::new(),
            next_key: 0,
            commits: 0,
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

    pub fn accept(&mut self, from: usize, message: Letter, urgent: bool) -> u64 {
        self.note(|| format!("{from} accepts {} {:?}", self.messages.len(), message));
        self.messages.push(Accepted { from, message, told: Told::Waiting, at: self.now, urgent });
        self.messages.len() as u64 - 1
    }

    /// Works on the peer. When the power fails, all is as it was kept before.
    fn commit<T>(&mut self, side: usize, work: impl FnOnce(&mut Peer, &mut PeerContext) -> T) -> Option<T> {
        let fails = self.dice.chance(self.weather.crash);
        let post = &mut self.boxes[side];
        self.commits += 1;
        // What changes is written, and has to be all that changes; looked at now and then, as it takes time.
        let known = self.commits.is_multiple_of(16).then(|| post.peer.clone());
        let before = fails.then(|| post.peer.rows());
        let mut context =
            PeerContext { codec: &mut post.codec, now: self.now, room: self.room, step: self.step, rules: post.rules };
        let done = work(&mut post.peer, &mut context);
        if let Some(known) = known {
            let mut rows = known.rows();
            for (key, row) in post.peer.changes(&known) {
                match row {
                    Some(row) => drop(rows.insert(key, row)),
                    None => drop(rows.remove(&key)),
                }
            }
            assert!(rows == post.peer.rows(), "the rows that changed are those that differ");
        }
        let Some(kept) = before else { return Some(done) };
        self.boxes[side].peer = Peer::from_rows(&kept).unwrap();
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
        let ends = self.messages.iter().filter(|message| message.told <= Told::OnItsWay).map(|l| l.at + self.life);
        flights.chain(rows).chain(due).chain(leave).chain(ends).min()
    }

    /// What can leave a box: not what may have arrived while there is no coding in which it can be said that it replaces that.
    fn waiting(&self, side: usize) -> impl Iterator<Item = (usize, &Accepted)> {
        let post = &self.boxes[side];
        let classic = post.peer.agreement.form(&Coding::models(&post.codec)).is_none();
        let stays = move |key: &usize| classic && post.peer.replaces_by_itself(*key as u64, self.now);
        let own = move |message: &Accepted| message.from == side && message.told == Told::Waiting;
        self.messages.iter().enumerate().filter(move |(key, message)| own(message) && !stays(key))
    }

    fn leave_at(&self, side: usize) -> Option<i64> {
        let waits: Vec<_> = self
            .waiting(side)
            .map(|(_, message)| GatheredMessage {
                since: message.at,
                urgent: message.urgent,
                bytes: message.message.text.len(),
            })
            .collect();
        let timer = if self.boxes[side].old { 0 } else { self.timer };
        match departure(&waits, self.room, timer, false, self.now) {
            Departure::Now(_) => Some(self.now),
            Departure::At(at) => Some(at),
            Departure::Never => None,
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
        if let Some(turn) = self.commit(side, |peer, context| peer.tick(context)) {
            self.note(|| format!("{side} ticks: {}", short(&turn)));
            self.saw("messages read late", turn.messages.len());
            self.apply(side, turn);
        }
    }

    fn leave(&mut self, side: usize) {
        let some: Vec<_> = self.waiting(side).map(|(key, message)| (key as u64, message.message.clone())).collect();
        if self.boxes[side].old {
            return self.leave_as_old(side, &some);
        }
        let plan = self.commit(side, |peer, context| {
            let waiting: Vec<_> = some
                .iter()
                .map(|(key, message)| WaitingMessage { key: *key, message, answers: None, urgent: false })
                .collect();
            peer.plan(context, &waiting)
        });
        let Some(plan) = plan else { return };
        let planned: BTreeSet<u64> = plan.send.iter().flat_map(|packet| packet.messages.clone()).collect();
        let refused: BTreeSet<u64> = plan.refused.iter().map(|(key, _)| *key).collect();
        assert!(
            planned.union(&refused).copied().eq(some.iter().map(|(key, _)| *key)),
            "every message goes or is refused"
        );
        assert_eq!(plan.uses.len(), planned.len());
        self.note(|| format!("{side} plans {:?}, refuses {refused:?}", plan.uses));
        planned.iter().for_each(|key| self.messages[*key as usize].told = Told::OnItsWay);
        refused.iter().for_each(|key| self.messages[*key as usize].told = Told::Refused);
        plan.send.into_iter().for_each(|packet| self.hand(side, packet, true));
    }

    fn leave_as_old(&mut self, side: usize, some: &[(u64, Letter)]) {
        for (key, message) in some {
            let room = self.room;
            for payload in crate::peer::Codec::classic(&mut self.boxes[side].codec, message, room).unwrap() {
                let messages = vec![*key];
                let packet = OutgoingPacket {
                    ticket: 0,
                    fragment: 0,
                    fragments: 1,
                    payload,
                    messages,
                    receipt: false,
                    repeat: false,
                };
                self.hand(side, packet, false);
            }
            self.messages[*key as usize].told = Told::OnItsWay;
        }
    }

    fn hand(&mut self, side: usize, packet: OutgoingPacket, ticketed: bool) {
        assert!(packet.payload.len() <= self.room && !packet.payload.is_empty());
        if let Some((notes, bundle)) = crate::peer::notes::unwrap(&packet.payload) {
            let first = bundle.first().copied().unwrap_or(0);
            self.saw("packets with an index", usize::from(first >> 4 == 0b1010 && packet.fragments == 1));
            self.saw("packets that come after others", usize::from(first >> 3 == 0b10101 && packet.fragments == 1));
            self.saw("fragments", usize::from(first >= 0xC0));
            self.saw("notes alone", usize::from(bundle.is_empty()));
            let replaces = notes.iter().filter(|note| matches!(note, crate::peer::notes::Note::Replaces(_))).count();
            self.saw("packets that replace", replaces.min(1));
            self.saw("bundles", usize::from(packet.messages.len() > 1));
        }
        self.saw("repeats", usize::from(packet.repeat));
        let ends = Some(self.now + self.dice.between(HOUR / 60, 8 * HOUR));
        let lost = self.dice.chance(self.weather.give_up);
        self.note(|| {
            format!("{side} hands {}/{} of {:?} lost {lost}", packet.ticket, packet.fragment, packet.messages)
        });
        self.boxes[side].rows.push(Row { packet, ticketed, ends, lost, told_at: None, unknown: false });
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
            let (ticket, fragment) = (row.packet.ticket, row.packet.fragment);
            if self.is_left_behind(side, &row) {
                self.overtake(side, ticket);
                continue;
            }
            if row.ticketed {
                // An old box would take a classic packet that comes once more for another message.
                let known = row.packet.payload[0] >= 0x80 || self.weather.double_classic;
                let blind = !row.unknown && known && self.dice.chance(self.weather.unknown);
                let mut again = false;
                let done = self.commit(side, |peer, context| match (row.lost, row.unknown) {
                    _ if blind => peer.unknown(&context.rules, ticket, fragment, context.now),
                    (true, true) => again = peer.returned(ticket, fragment),
                    (true, false) => peer.lost(ticket, fragment, context.now),
                    (false, _) => peer.sent(ticket, fragment, context.now),
                });
                if done.is_none() {
                    // It asks the link once more.
                    self.boxes[side].rows[at].told_at = Some(now + HOUR);
                    continue;
                }
                if blind {
                    self.saw("packets of which the link cannot tell", 1);
                    self.note(|| format!("{side}: unknown {ticket}/{fragment} lost {}", row.lost));
                    let later = self.dice.chance(30).then(|| now + self.dice.between(HOUR, 3 * DAY));
                    let row = &mut self.boxes[side].rows[at];
                    (row.unknown, row.told_at) = (true, later);
                    continue;
                }
                if row.lost && row.unknown {
                    match again {
                        true => self.hand_again(side, ticket, fragment),
                        false => drop(self.boxes[side].rows.remove(at)),
                    }
                    continue;
                }
            }
            self.boxes[side].rows.remove(at);
            self.settle(side, &row);
        }
    }

    /// A packet that was unknown goes to the link again, as it is.
    fn hand_again(&mut self, side: usize, ticket: u64, fragment: u8) {
        let ends = Some(self.now + self.dice.between(HOUR / 60, 8 * HOUR));
        let lost = self.dice.chance(self.weather.give_up);
        let is = |row: &&mut Row| row.unknown && (row.packet.ticket, row.packet.fragment) == (ticket, fragment);
        let row = self.boxes[side].rows.iter_mut().find(is).expect("only what is unknown comes back");
        (row.ends, row.lost, row.told_at, row.unknown) = (ends, lost, None, false);
    }

    /// What became of a packet, for its messages.
    fn settle(&mut self, side: usize, row: &Row) {
        self.note(|| format!("{side}: {}/{} lost {}", row.packet.ticket, row.packet.fragment, row.lost));
        for key in &row.packet.messages {
            if self.messages[*key as usize].told != Told::OnItsWay {
                continue;
            }
            let carries = |other: &Row| other.packet.messages.contains(key);
            let others = self.boxes[side].rows.iter().filter(|other| carries(other)).count();
            // A lost fragment is sent again by the peer; a message of which nothing left waits again.
            let alone = row.packet.fragments == 1 && others == 0 && !self.partly_left(side, *key);
            let told = match (row.lost, row.packet.receipt) {
                (true, _) if !row.ticketed => Told::Expired,
                (true, _) if row.packet.repeat || self.may_have_left(side, row.packet.ticket) => continue,
                (true, _) if alone || !self.boxes[side].peer.out.iter().any(|bundle| bundle.messages.contains(key)) => {
                    if row.packet.fragments == 1 && !alone {
                        Told::Expired
                    } else {
                        Told::Waiting
                    }
                }
                (true, _) if row.packet.fragments > 1 => continue,
                (true, _) => Told::Expired,
                (false, false) if others == 0 && row.packet.fragments == 1 => Told::Sent,
                _ => continue,
            };
            self.messages[*key as usize].told = told;
            if told == Told::Expired {
                self.boxes[side].peer.forget(*key);
            }
        }
    }

    /// The peer sends it again by itself.
    fn may_have_left(&self, side: usize, ticket: u64) -> bool {
        let mut bundles = self.boxes[side].peer.out.iter();
        bundles.any(|bundle| bundle.ticket == ticket && bundle.form.is_some() && bundle.packets.len() == 1)
    }

    /// Other packets of the message went out.
    fn partly_left(&self, side: usize, key: u64) -> bool {
        let peer = &self.boxes[side].peer;
        peer.out.iter().any(|bundle| bundle.form.is_none() && bundle.messages.contains(&key))
    }

    fn expire(&mut self) {
        for key in 0..self.messages.len() {
            let message = &mut self.messages[key];
            if message.told <= Told::OnItsWay && message.at + self.life <= self.now {
                message.told = Told::Expired;
                let side = message.from;
                self.boxes[side].peer.forget(key as u64);
            }
        }
    }

    /// Whether everything adds up at the end.
    pub fn balance(&self) -> Result<(), String> {
        for (key, message) in self.messages.iter().enumerate() {
            if message.told <= Told::OnItsWay {
                return Err(format!("nobody says what became of message {key}, {:?}", message.told));
            }
            let there = self.delivered.get(&(message.from, message.message.clone())).copied().unwrap_or(0);
            if message.told == Told::Delivered && there == 0 {
                return Err(format!("message {key} is said to be delivered, and is not"));
            }
        }
        Ok(())
    }

    pub fn count(&self, told: Told) -> usize {
        self.messages.iter().filter(|message| message.told == told).count()
    }
}

fn short(turn: &PeerTurn) -> String {
    format!(
        "messages {} classic {} delivered {:?} again {:?} unconfirmed {:?} send {} needless {:?} quarantine {} news {:?}",
        turn.messages.len(),
        turn.classic.is_some(),
        turn.delivered,
        turn.again,
        turn.unconfirmed,
        turn.send.len(),
        turn.needless,
        turn.quarantine.len(),
        turn.news
    )
}
