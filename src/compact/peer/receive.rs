//! What comes from the other box: notes, letters, pieces, classic packets.

use super::memory::{Fate, Name, hash, name_of};
use super::notes::{Note, Which, find_in_classic, unwrap};
use super::outbox::Body;
use super::reassembly::{Arrival, form_of};
use super::tick::REPEATABLE;
use super::{Peer, PeerContext, Recode, Turn};
use crate::packet::Form;
use crate::packet::fragments::Piece;

/// An old decoder is only suspected when a packet had more room than this for notes.
const ROOM_FOR_A_MARK: usize = 16;
/// A piece is not sent again sooner than this after it was sent: the answer crossed it.
const CROSSING: i64 = 3_600_000;
/// Rounds in which missing pieces are sent again.
const MOST_ROUNDS: u8 = 8;

impl Peer {
    /// A packet came in, for the first time or again.
    pub fn heard(&mut self, here: &mut PeerContext, payload: &[u8]) -> Turn {
        let mut turn = Turn::default();
        if payload.first().is_some_and(|first| *first < 0x80) {
            self.hear_classic(here, &mut turn, payload);
        } else if let Some((notes, body)) = unwrap(payload) {
            self.hear_compact(here, &mut turn, &notes, body);
        } else {
            turn.aside.push((payload.to_vec(), "it is no packet of ours".to_owned()));
        }
        self.sweep();
        turn
    }

    fn hear_classic(&mut self, here: &mut PeerContext, turn: &mut Turn, payload: &[u8]) {
        let (core, notes) = find_in_classic(payload);
        let Some(notes) = notes else {
            if payload.len() + ROOM_FOR_A_MARK <= here.room && self.agreement.unlearned() {
                turn.news
                    .push("the far box writes classic packets without a mark: it gets classic ones too".to_owned());
            }
            turn.classic = Some(core.to_vec());
            return;
        };
        self.hear_notes(here, turn, &notes);
        self.agreement.seems_deaf(&here.codec.models());
        let hash = hash(core);
        let name = name_of(hash);
        match self.taken.find(hash) {
            Some((name, fate)) => self.came_again(name, fate, here.now),
            None => {
                if here.codec.reads_classic(core) {
                    self.taken.add(hash, name, Fate::Delivered, here.now);
                    self.owed.receipt(name, here.now, false);
                }
                turn.classic = Some(core.to_vec());
            }
        }
    }

    fn hear_compact(&mut self, here: &mut PeerContext, turn: &mut Turn, notes: &[Note], body: &[u8]) {
        self.hear_notes(here, turn, notes);
        if body.is_empty() {
            return;
        }
        let replaces: Vec<Name> =
            notes.iter().filter_map(|note| if let Note::Replaces(name) = note { Some(*name) } else { None }).collect();
        let form = form_of(body);
        if form == Some(Form::Stored) {
            self.agreement.seems_deaf(&here.codec.models());
        }
        match Piece::parse(body) {
            Some(_) => self.take_piece(here, turn, body, replaces),
            None => self.take(here, turn, Arrival { body, replaces, pieces: None }),
        }
    }

    fn hear_notes(&mut self, here: &mut PeerContext, turn: &mut Turn, notes: &[Note]) {
        if !notes.is_empty() {
            (self.alive, self.agreement.understands_notes) = (Some(here.now), true);
        }
        // What it has comes first: a question may be about what it had.
        if let Some(hello) = super::agreement::hello_in(notes) {
            let models = here.codec.models();
            if self.agreement.heard(hello, &models, here.rules.receipt_hours, here.now) {
                turn.news.push(match self.agreement.form(&models) {
                    Some(Form::Model(number)) => format!("the far box reads the compact coding, model {number}"),
                    _ => "the far box reads the compact coding, but has no model in common with this one".to_owned(),
                });
            }
        }
        for note in notes {
            match note {
                Note::Receipt(name) => self.receipted(*name, turn),
                Note::Lacks(model, which) => self.asked(here, turn, *which, Some(*model)),
                Note::Check(which) => self.asked(here, turn, *which, None),
                Note::Pieces(id, there) => self.send_missing(here, turn, *id, *there),
                Note::Hello(_) | Note::Replaces(_) => {}
            }
        }
    }

    /// The far box has a body, and answers for it.
    fn receipted(&mut self, name: Name, turn: &mut Turn) {
        let Some(body) = self.out.iter_mut().find(|body| body.name == Some(name)) else { return };
        let letters = std::mem::take(&mut body.letters);
        for address in &body.addresses {
            self.book.is_there(address);
        }
        if let Some(hello) = body.hello.take() {
            self.agreement.has_ours(&hello);
        }
        let (classic, countable) = (body.form.is_none(), body.countable);
        for key in letters {
            // A classic letter may have other parts.
            let parts = classic && self.out.iter().any(|body| body.form.is_none() && body.letters.contains(&key));
            if countable && !parts {
                turn.delivered.push(key);
                self.arrived(key, turn);
            }
        }
    }

    /// A letter is there: what still carries it need not go for its sake.
    fn arrived(&mut self, key: u64, turn: &mut Turn) {
        for body in &mut self.out {
            let before = body.letters.len();
            body.letters.retain(|letter| *letter != key);
            if before > 0 && body.letters.is_empty() && body.with_link() {
                turn.needless.push(body.ticket);
            }
        }
        self.recode.iter_mut().for_each(|group| group.letters.retain(|letter| *letter != key));
    }

    /// The far box cannot read a body: for lack of this model, or because the check is wrong.
    fn asked(&mut self, here: &mut PeerContext, turn: &mut Turn, which: Which, model: Option<u8>) {
        let meant = |body: &&mut Body| match which {
            Which::Body(name) => body.name == Some(name),
            Which::Pieces(id) => body.id == Some(id),
        };
        let mut live =
            self.out.iter_mut().filter(|body| body.form.is_some() && !body.replaced && !body.letters.is_empty());
        let Some(body) = live.find(meant) else { return };
        body.replaced = true;
        if body.with_link() {
            turn.needless.push(body.ticket);
        }
        let letters = body.letters.clone();
        let names = body.replaces.iter().copied().chain(body.name).collect();
        let form = body.form;
        let why = match model {
            Some(model) => format!("the far box has no model {model}: it goes in another coding"),
            None if body.indexed.is_empty() => "its check was wrong at the far box: it goes once more".to_owned(),
            None => "the far box did not know an address by its index: it is written out".to_owned(),
        };
        match model {
            None if !body.indexed.is_empty() => {
                let indexed = std::mem::take(&mut body.indexed);
                indexed.iter().for_each(|address| self.book.doubt(address));
            }
            Some(model) if form == Some(Form::Model(model)) => self.agreement.strike(Form::Model(model)),
            // It may have been noise: the form is given up when that happens to the same letters twice.
            None if body.replaces.is_empty() => {}
            _ => form.into_iter().for_each(|form| self.agreement.strike(form)),
        }
        turn.again.extend(letters.iter().map(|key| (*key, why.clone())));
        self.recode.push(Recode { names, letters, at: here.now });
    }

    /// The far box waits for pieces.
    fn send_missing(&mut self, here: &mut PeerContext, turn: &mut Turn, id: u8, there: u16) {
        let young = |body: &Body| body.planned.saturating_add(REPEATABLE) > here.now;
        let live = self.out.iter_mut().filter(|body| !body.replaced && !body.with_link() && young(body));
        let Some(body) = live.filter(|body| body.repeats < MOST_ROUNDS).find(|body| body.id == Some(id)) else {
            return;
        };
        let (ticket, count) = (body.ticket, body.packets.len());
        if body.last_sent.is_some_and(|at| here.now.saturating_sub(at) < CROSSING) {
            return;
        }
        body.repeats += 1;
        body.last_sent = Some(here.now);
        for piece in (0..count).filter(|piece| there >> piece & 1 == 0) {
            turn.send.extend(self.emit(here, ticket, piece));
        }
    }
}
