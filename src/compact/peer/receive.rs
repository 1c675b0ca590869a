//! What comes from the other box: notes, messages, fragments, classic packets.

use super::inquiry::CROSSING;
use super::memory::{BundleName, Reception, hash, name_of};
use super::notes::{Note, NoteSubject, find_in_classic, unwrap};
use super::outbox::OutboxBundle;
use super::reassembly::{Answered, ArrivedBundle};
use super::turn::{PeerChange, PeerFlaw, ResendCause};
use super::{Peer, PeerContext, PeerTurn, Recode};
use crate::packet::Form;
use crate::packet::fragments::Fragment;

/// An old decoder is only suspected when a packet had more room than this for notes.
const ROOM_FOR_A_MARK: usize = 16;
/// People whom one packet may name.
const MOST_NEWCOMERS: usize = 32;
/// Rounds in which missing fragments are sent again.
pub(super) const MOST_ROUNDS: u8 = 8;

impl Peer {
    /// A packet came in, for the first time or again.
    pub fn receive(&mut self, context: &mut PeerContext, payload: &[u8]) -> PeerTurn {
        let mut turn = PeerTurn::default();
        if payload.first().is_some_and(|first| *first < 0x80) {
            self.receive_classic(context, &mut turn, payload);
        } else if let Some((notes, bundle)) = unwrap(payload) {
            self.receive_compact(context, &mut turn, &notes, bundle);
        } else {
            turn.quarantine.push((payload.to_vec(), PeerFlaw::NotOurs));
        }
        self.sweep();
        turn
    }

    fn receive_classic(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, payload: &[u8]) {
        let (core, notes) = find_in_classic(payload);
        let Some(notes) = notes else {
            // What carries no message says nothing about who wrote it: a link may put packets of its own on air.
            let says = payload.len() + ROOM_FOR_A_MARK <= context.room && context.codec.reads_classic(payload);
            if says && self.agreement.unlearned() {
                turn.news.push(PeerChange::Unlearned);
            }
            turn.classic = Some(core.to_vec());
            return;
        };
        self.receive_notes(context, turn, &notes);
        turn.classic_person =
            notes.iter().find_map(|note| if let Note::Of(name) = note { Some(name.clone()) } else { None });
        self.agreement.seems_deaf(&context.codec.models());
        let hash = hash(core);
        let name = name_of(hash);
        match self.taken.find(hash) {
            Some((name, reception)) => self.received_again(name, reception, context.now),
            None => {
                if context.codec.reads_classic(core) {
                    self.taken.add(hash, name, Reception::Delivered, context.now);
                    self.owed.receipt(name, context.now, false);
                    turn.classic_name = Some(name);
                    let answers = self.hear_answers(&notes, turn);
                    turn.answering.extend(answers.into_iter().map(|(place, key)| ((name, place), key)));
                }
                turn.classic = Some(core.to_vec());
            }
        }
    }

    fn receive_compact(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, notes: &[Note], bundle: &[u8]) {
        self.receive_notes(context, turn, notes);
        if bundle.is_empty() {
            return;
        }
        let replaces: Vec<BundleName> =
            notes.iter().filter_map(|note| if let Note::Replaces(name) = note { Some(*name) } else { None }).collect();
        let answers = self.hear_answers(notes, turn);
        match Fragment::parse(bundle) {
            Some(_) => self.take_fragment(context, turn, bundle, (replaces, answers)),
            None => self.take(context, turn, ArrivedBundle { bundle, replaces, answers, fragments: None }),
        }
    }

    /// Messages of this bundle answer some of ours: the far box has those, whatever became of their receipts.
    fn hear_answers(&mut self, notes: &[Note], turn: &mut PeerTurn) -> Vec<Answered> {
        let mut answers = Vec::new();
        for note in notes {
            let Note::Answers(place, name, ours) = note else { continue };
            self.receipted(*name, turn);
            answers.extend(self.fates.key(*name, *ours).map(|key| (*place, key)));
        }
        answers
    }

    fn receive_notes(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, notes: &[Note]) {
        if !notes.is_empty() {
            (self.alive, self.agreement.understands_notes) = (Some(context.now), true);
        }
        // What it has comes first: a question may be about what it had.
        if let Some(hello) = super::notes::hello_in(notes) {
            let models = context.codec.models();
            if self.agreement.receive(hello, &models, &context.rules, context.now) {
                turn.news.push(match self.agreement.form(&models) {
                    Some(Form::Model(number)) => PeerChange::Reads(number),
                    _ => PeerChange::NoCommonModel,
                });
            }
        }
        let mut newest = None;
        for note in notes {
            match note {
                Note::Receipt(name) => newest = newest.max(self.receipted(*name, turn)),
                Note::NoModel(model, subject) => self.asked(context, turn, *subject, Some(*model)),
                Note::BadCheck(subject) => self.asked(context, turn, *subject, None),
                Note::Fragments(id, there) => self.send_missing(context, turn, *id, *there),
                Note::Fate(name, place, fate) => self.hear_fate(*name, *place, *fate, turn),
                Note::Have(name, id) => self.answer(*name, *id, context.now),
                Note::NotHere(name) => self.not_here(context, turn, *name),
                Note::Name(mark, name) => self.names.passed(*mark, name),
                Note::Position(position) => {
                    let told = (*position, position.at(context.now));
                    turn.position = turn.position.filter(|(_, at)| *at > told.1).or(Some(told));
                }
                Note::WhereAreYou => self.position_asked(&context.rules, context.now),
                Note::Person(name) if turn.newcomers.len() < MOST_NEWCOMERS => turn.newcomers.push(name.clone()),
                Note::Answer(name, answer) if self.hear_answer(name, answer) => {
                    turn.answers.push((name.clone(), answer.clone()));
                }
                Note::Hello(_)
                | Note::Replaces(_)
                | Note::Person(_)
                | Note::Answer(..)
                | Note::Of(_)
                | Note::Answers(..) => {}
            }
        }
        turn.position = turn.position.filter(|(_, at)| self.position_came(*at, context.now));
        if let Some(sent) = newest {
            self.notice_gaps(sent, &context.rules, context.now);
            self.ask_when_many(context.now);
        }
    }

    /// The far box has a bundle, and answers for it. Gives back when that was sent first.
    pub(super) fn receipted(&mut self, name: BundleName, turn: &mut PeerTurn) -> Option<i64> {
        let bundle = self.out.iter_mut().find(|bundle| bundle.name == Some(name))?;
        let sent = bundle.first_sent;
        self.fates.there(name, &bundle.keys, bundle.last_sent.unwrap_or(bundle.planned));
        turn.arrived.push(bundle.ticket);
        bundle.inquiry = None;
        bundle.packets.iter_mut().for_each(|fragment| fragment.unknown = false);
        let messages = std::mem::take(&mut bundle.messages);
        let at = bundle.last_sent.unwrap_or(bundle.planned);
        std::mem::take(&mut bundle.says).into_iter().for_each(|message| self.there.add(message, at));
        for address in &bundle.addresses {
            self.book.is_there(address);
        }
        if let Some(hello) = bundle.hello.take() {
            self.agreement.has_ours(&hello);
        }
        let (classic, countable) = (bundle.form.is_none(), bundle.countable);
        for key in messages {
            // A classic message may have other parts.
            let parts =
                classic && self.out.iter().any(|bundle| bundle.form.is_none() && bundle.messages.contains(&key));
            if countable && !parts {
                turn.delivered.push(key);
                self.arrived(key, turn);
            }
        }
        sent
    }

    /// A message is there: what still carries it need not go for its sake.
    fn arrived(&mut self, key: u64, turn: &mut PeerTurn) {
        for bundle in &mut self.out {
            let before = bundle.messages.len();
            bundle.messages.retain(|message| *message != key);
            if before > 0 && bundle.messages.is_empty() && bundle.with_link() {
                turn.needless.push(bundle.ticket);
            }
        }
        self.recode.iter_mut().for_each(|group| group.messages.retain(|message| *message != key));
    }

    /// The far box cannot read a bundle: for lack of this model, or because the check is wrong.
    fn asked(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, subject: NoteSubject, model: Option<u8>) {
        let meant = |bundle: &&mut OutboxBundle| match subject {
            NoteSubject::Bundle(name) => bundle.name == Some(name),
            NoteSubject::Fragments(id) => bundle.id == Some(id),
        };
        let mut live = self
            .out
            .iter_mut()
            .filter(|bundle| bundle.form.is_some() && !bundle.replaced && !bundle.messages.is_empty());
        let Some(bundle) = live.find(meant) else { return };
        bundle.replaced = true;
        if bundle.with_link() {
            turn.needless.push(bundle.ticket);
        }
        // What cannot be read has arrived, also where the link could not tell that it left.
        turn.arrived.push(bundle.ticket);
        bundle.packets.iter_mut().for_each(|fragment| fragment.unknown = false);
        let messages = bundle.messages.clone();
        let names = bundle.replaces.iter().copied().chain(bundle.name).collect();
        let (form, since) = (bundle.form, Some(bundle.since.unwrap_or(bundle.planned)));
        // Which of its copies arrived is not known.
        let told = std::mem::take(&mut bundle.fates);
        let why = match model {
            Some(model) => ResendCause::NoModel(model),
            None if bundle.after => ResendCause::NoPast,
            None if bundle.indexed.is_empty() => ResendCause::BadCheck,
            None => ResendCause::UnknownIndex,
        };
        let after = std::mem::take(&mut bundle.after);
        if after {
            // It may have lost them, and then it has lost others as well.
            self.there.clear();
        }
        match model {
            None if !bundle.indexed.is_empty() => {
                let indexed = std::mem::take(&mut bundle.indexed);
                indexed.iter().for_each(|address| self.book.doubt(address));
            }
            Some(model) if form == Some(Form::Model(model)) => self.agreement.strike(Form::Model(model)),
            _ if after => {}
            // It may have been noise: the form is given up when that happens to the same messages twice.
            None if bundle.replaces.is_empty() => {}
            _ => form.into_iter().for_each(|form| self.agreement.strike(form)),
        }
        turn.again.extend(messages.iter().map(|key| (*key, why)));
        self.recode.push(Recode { names, messages, at: context.now, since, wish: false, waits: false });
        self.notes_lost(told, context.now);
    }

    /// The far box waits for fragments.
    fn send_missing(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, id: u8, there: u16) {
        self.settle_fragments(context, turn, id, there);
        let young = |bundle: &OutboxBundle| !bundle.is_old(context.now);
        let live = self.out.iter_mut().filter(|bundle| !bundle.replaced && !bundle.with_link() && young(bundle));
        let Some(bundle) =
            live.filter(|it| it.repeats < MOST_ROUNDS && it.fits(context.room)).find(|it| it.id == Some(id))
        else {
            return;
        };
        let (ticket, count) = (bundle.ticket, bundle.packets.len());
        let crossed = bundle.last_sent.is_some_and(|at| context.now.saturating_sub(at) < CROSSING);
        if crossed || bundle.on_its_way(&context.rules, context.now) {
            return;
        }
        bundle.repeats += 1;
        bundle.last_sent = Some(context.now);
        for fragment in (0..count).filter(|fragment| there >> fragment & 1 == 0) {
            turn.send.extend(self.emit(context, ticket, fragment));
        }
    }
}
