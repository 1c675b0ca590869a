//! Bodies that come in: read once, kept while nobody here can read them, put together from their pieces.

use serde::{Deserialize, Serialize};

use super::memory::{Bytes, Fate, Name, hash, name_of};
use super::notes::{Note, Which};
use super::owed::ASK_AGAIN;
use super::{Peer, PeerContext, Turn};
use crate::letter::Other;
use crate::packet::bundle::{front, read};
use crate::packet::fragments::Piece;
use crate::packet::{Form, Unreadable};

/// Bodies kept that cannot be read.
const MOST_PARKED: usize = 64;
/// Bodies of which pieces are kept.
const MOST_SETS: usize = 16;

/// A body that could not be read yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    name: Name,
    body: Bytes,
    /// What the other box is asked.
    question: Note,
    replaces: Vec<Name>,
    since: i64,
    pub(super) ask_at: i64,
    /// What was here when it was tried last: growth of the book, check of the models.
    tried: (u32, u64),
}

/// Pieces of a body whose others are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    pub id: u8,
    last: u8,
    pieces: Vec<Option<Bytes>>,
    replaces: Vec<Name>,
    /// When one came last.
    pub(super) heard: i64,
    /// When to ask for the missing ones.
    pub ask_at: i64,
}

impl Set {
    /// A bit for each piece that is there, the first in the lowest.
    pub fn there(&self) -> u16 {
        (0..16).zip(&self.pieces).filter(|(_, piece)| piece.is_some()).map(|(index, _)| 1 << index).sum()
    }

    fn packets(&self) -> Vec<Vec<u8>> {
        let head = |index: u8| [0xC0 | self.id, index << 4 | self.last];
        let there = (0..).zip(&self.pieces).filter_map(|(index, piece)| Some((index, piece.as_ref()?)));
        there.map(|(index, piece)| [&head(index)[..], &piece.0].concat()).collect()
    }

    /// What came without a gap from the start.
    fn front(&self) -> Vec<u8> {
        self.pieces.iter().map_while(Option::as_ref).flat_map(|piece| &piece.0).copied().collect()
    }
}

/// A body as it came.
pub struct Arrival<'b> {
    pub body: &'b [u8],
    /// Bodies whose letters these are.
    pub replaces: Vec<Name>,
    /// Its pieces: their id and hashes.
    pub pieces: Option<(u8, Vec<u64>)>,
}

impl Peer {
    /// A body came, or its last piece.
    pub(super) fn take(&mut self, here: &mut PeerContext, turn: &mut Turn, arrival: Arrival<'_>) {
        let hash = hash(arrival.body);
        if let Some((name, fate)) = self.taken.find(hash) {
            return self.came_again(name, fate, here.now);
        }
        let name = name_of(hash);
        let hashes = [hash].into_iter().chain(arrival.pieces.iter().flat_map(|(_, hashes)| hashes).copied());
        // Only the name of a body that others replaced is known: it comes late.
        let late = self.taken.fate(name) == Some(Fate::Replaced);
        let fate = match self.try_body(here, turn, arrival.body, name, &arrival.replaces, late) {
            Ok(fate) => fate,
            Err(Unreadable::Foreign) => {
                return turn.aside.push((arrival.body.to_vec(), "it is no packet of ours".into()));
            }
            Err(why) => {
                self.park(here, turn, &arrival, name, why);
                Fate::Parked
            }
        };
        hashes.for_each(|hash| self.taken.add(hash, name, fate, here.now));
        self.retry(here, turn);
    }

    /// What came before comes again: its receipt was lost, or its question.
    pub(super) fn came_again(&mut self, name: Name, fate: Fate, now: i64) {
        self.taken.touch(name, now);
        match fate {
            Fate::Delivered => self.owed.receipt(name, now, true),
            Fate::Parked => {
                let parked = self.parked.iter().find(|parked| parked.name == name);
                if let Some(question) = parked.map(|parked| parked.question.clone()) {
                    self.owed.question(question, now);
                }
            }
            Fate::Replaced => {}
        }
    }

    /// Delivers the letters of a body, unless they came in another one.
    fn try_body(
        &mut self,
        here: &mut PeerContext,
        turn: &mut Turn,
        body: &[u8],
        name: Name,
        replaces: &[Name],
        late: bool,
    ) -> Result<Fate, Unreadable> {
        if late {
            return Ok(Fate::Replaced);
        }
        if !replaces.iter().any(|old| self.taken.fate(*old) == Some(Fate::Delivered)) {
            let letters = read(here.codec, body, &|index| self.book.candidates(index))?;
            if let Some(Form::Model(_)) = form_of(body) {
                self.agreement.seems_to_know(&here.codec.models(), here.rules.receipt_hours);
            }
            for old in replaces {
                self.taken.settle(*old, Fate::Replaced, here.now);
                self.unpark(*old);
            }
            for letter in &letters {
                if let Other::Address(address) = &letter.other {
                    self.book.is_there(address);
                }
            }
            turn.letters.extend(letters);
        }
        (self.alive, self.agreement.understands_notes) = (Some(here.now), true);
        self.owed.receipt(name, here.now, false);
        Ok(Fate::Delivered)
    }

    /// Keeps a body that cannot be read, and asks about it.
    fn park(&mut self, here: &mut PeerContext, turn: &mut Turn, arrival: &Arrival<'_>, name: Name, why: Unreadable) {
        let which = arrival.pieces.as_ref().map_or(Which::Body(name), |(id, _)| Which::Pieces(*id));
        let question = match why {
            Unreadable::Model(model) => Note::Lacks(model, which),
            _ => Note::Check(which),
        };
        self.agreement.understands_notes = true;
        if let Unreadable::Model(_) = why {
            // It believes something of us that is not so.
            self.agreement.owed.get_or_insert(here.now);
        }
        self.owed.question(question.clone(), here.now);
        turn.news.push("a packet that cannot be read here is kept, and the far box is asked about it".to_owned());
        let tried = (self.book.growth, models_check(here));
        let (body, ask_at) = (Bytes(arrival.body.to_vec()), here.now.saturating_add(ASK_AGAIN));
        let replaces = arrival.replaces.clone();
        self.parked.push(Parked { name, body, question, replaces, since: here.now, ask_at, tried });
        if self.parked.len() > MOST_PARKED {
            self.give_up_parked(0, turn);
        }
    }

    /// Tries again what could not be read, when there is something new to read it with.
    pub(super) fn retry(&mut self, here: &mut PeerContext, turn: &mut Turn) {
        let mut at = 0;
        while let Some(parked) = self.parked.get_mut(at) {
            let tried = (self.book.growth, models_check(here));
            let same = std::mem::replace(&mut parked.tried, tried) == tried;
            let needless = parked.replaces.iter().any(|old| self.taken.fate(*old) == Some(Fate::Delivered));
            if same && !needless {
                at += 1;
                continue;
            }
            let parked = parked.clone();
            match self.try_body(here, turn, &parked.body.0, parked.name, &parked.replaces, false) {
                Ok(fate) => {
                    self.taken.settle(parked.name, fate, here.now);
                    self.unpark(parked.name);
                    // It may have brought an address that another one waits for.
                    at = 0;
                }
                Err(_) => at += 1,
            }
        }
    }

    fn unpark(&mut self, name: Name) {
        for parked in self.parked.iter().filter(|parked| parked.name == name) {
            self.owed.answered(&parked.question);
        }
        self.parked.retain(|parked| parked.name != name);
    }

    /// Nobody here will read it: the box keeps the bytes, and if it comes once more it is new.
    fn give_up_parked(&mut self, at: usize, turn: &mut Turn) {
        let parked = self.parked.remove(at);
        self.owed.answered(&parked.question);
        self.taken.forget(parked.name);
        let why = match parked.question {
            Note::Lacks(model, _) => format!("it needs the model {model}, which is not here"),
            _ => "its check is wrong: noise, or the boxes know different addresses".to_owned(),
        };
        turn.aside.push((parked.body.0, why));
    }

    /// A piece came.
    pub(super) fn take_piece(&mut self, here: &mut PeerContext, turn: &mut Turn, packet: &[u8], replaces: Vec<Name>) {
        let Some(piece) = Piece::parse(packet) else {
            return turn.aside.push((packet.to_vec(), "it is no packet of ours".to_owned()));
        };
        if let Some((name, fate)) = self.taken.find(hash(packet)) {
            return self.came_again(name, fate, here.now);
        }
        let index = usize::from(piece.index);
        let other = |set: &Set| {
            set.last != piece.last || set.pieces[index].as_ref().is_some_and(|known| known.0 != piece.bytes)
        };
        // A newer body has this id.
        if let Some(at) = self.sets.iter().position(|set| set.id == piece.id && other(set)) {
            self.give_up_set(here, turn, at);
        }
        let at = self.sets.iter().position(|set| set.id == piece.id).unwrap_or_else(|| {
            let pieces = vec![None; usize::from(piece.last) + 1];
            let set = Set { id: piece.id, last: piece.last, pieces, replaces: Vec::new(), heard: 0, ask_at: 0 };
            self.sets.push(set);
            self.sets.len() - 1
        });
        let set = &mut self.sets[at];
        set.pieces[index] = Some(Bytes(piece.bytes.to_vec()));
        set.replaces.extend(replaces);
        set.replaces.sort();
        set.replaces.dedup();
        set.replaces.truncate(16);
        (set.heard, set.ask_at) = (here.now, here.now.saturating_add(here.rules.pieces_wait));
        self.agreement.understands_notes = true;
        if self.sets[at].pieces.iter().all(Option::is_some) {
            let set = self.sets.remove(at);
            let hashes = set.packets().iter().map(|packet| hash(packet)).collect();
            let arrival = Arrival { body: &set.front(), replaces: set.replaces, pieces: Some((set.id, hashes)) };
            self.take(here, turn, arrival);
        } else if self.sets.len() > MOST_SETS {
            let oldest = (0..self.sets.len()).min_by_key(|at| self.sets[*at].heard).unwrap_or(0);
            self.give_up_set(here, turn, oldest);
        }
    }

    /// Its other pieces will not come: what can be read of it, and its packets, are all there is.
    fn give_up_set(&mut self, here: &mut PeerContext, turn: &mut Turn, at: usize) {
        let set = self.sets.remove(at);
        turn.fronts.extend(front(here.codec, &set.front()));
        let total = usize::from(set.last) + 1;
        for packet in set.packets() {
            turn.aside.push((packet, format!("a piece of {total} whose others did not come")));
        }
    }

    /// Gives up what has waited too long, and asks again about the rest.
    pub(super) fn age_intake(&mut self, here: &mut PeerContext, turn: &mut Turn) {
        let limit = here.now.saturating_sub(here.rules.parts_wait);
        while let Some(at) = self.sets.iter().position(|set| set.heard <= limit) {
            self.give_up_set(here, turn, at);
        }
        while let Some(at) = self.parked.iter().position(|parked| parked.since <= limit) {
            self.give_up_parked(at, turn);
        }
        for parked in self.parked.iter_mut().filter(|parked| parked.ask_at <= here.now) {
            parked.ask_at = here.now.saturating_add(ASK_AGAIN);
            self.owed.question(parked.question.clone(), here.now);
        }
    }

    /// When something that came in has waited too long.
    pub(super) fn intake_due(&self, parts_wait: i64) -> Option<i64> {
        let sets = self.sets.iter().map(|set| set.heard.saturating_add(parts_wait));
        let parked = self.parked.iter().map(|parked| parked.ask_at.min(parked.since.saturating_add(parts_wait)));
        sets.chain(parked).min()
    }
}

/// Changes when the models here change.
fn models_check(here: &mut PeerContext) -> u64 {
    let models = here.codec.models();
    hash(&models.iter().flat_map(|model| [&[model.number], &model.mark[..]].concat()).collect::<Vec<_>>())
}

/// The form of a body that came in, if it is one.
pub fn form_of(body: &[u8]) -> Option<Form> {
    let first = *body.first()?;
    match (first >> 6, first >> 4 & 3) {
        (0b10, 0) => Some(Form::Stored),
        (0b10, 1 | 2) => Some(Form::Model(first & 15)),
        _ => None,
    }
}
