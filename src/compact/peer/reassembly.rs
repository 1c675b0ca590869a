//! Bundles that come in: read once, kept while nobody here can read them, put together from their fragments.

use serde::{Deserialize, Serialize};

use super::memory::{BundleName, HexBytes, Reception, hash, name_of};
use super::notes::{Note, NoteSubject};
use super::owed::ASK_AGAIN;
use super::past::SharedMessage;
use super::turn::{PeerChange, PeerFlaw};
use super::{Peer, PeerContext, PeerTurn};
use crate::letter::Other;
use crate::packet::bundle::{decode, decode_front};
use crate::packet::fragments::Fragment;
use crate::packet::{Form, Unreadable};

/// Bundles kept that cannot be read.
const MOST_PARKED: usize = 64;
/// Bundles of which fragments are kept.
const MOST_SETS: usize = 16;

/// A bundle that could not be read yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedBundle {
    name: BundleName,
    #[serde(rename = "body")]
    bundle: HexBytes,
    /// What the other box is asked.
    question: Note,
    replaces: Vec<BundleName>,
    /// Which of our messages its messages answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Answered>,
    since: i64,
    pub(super) ask_at: i64,
    /// What was here when it was tried last: growth of the book, check of the models.
    tried: (u32, u64),
}

/// Fragments of a bundle whose others are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentSet {
    pub id: u8,
    last: u8,
    #[serde(rename = "pieces")]
    fragments: Vec<Option<HexBytes>>,
    replaces: Vec<BundleName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Answered>,
    /// When a fragment of it came last, in milliseconds since 1970.
    pub(super) heard: i64,
    /// When to ask for the missing ones.
    pub ask_at: i64,
}

impl FragmentSet {
    /// A bit for each fragment that is there, the first in the lowest.
    pub fn there(&self) -> u16 {
        (0..16).zip(&self.fragments).filter(|(_, fragment)| fragment.is_some()).map(|(index, _)| 1 << index).sum()
    }

    fn packets(&self) -> Vec<Vec<u8>> {
        let head = |index: u8| [0xC0 | self.id, index << 4 | self.last];
        let there = (0..).zip(&self.fragments).filter_map(|(index, fragment)| Some((index, fragment.as_ref()?)));
        there.map(|(index, fragment)| [&head(index)[..], &fragment.0].concat()).collect()
    }

    /// What came without a gap from the start.
    fn front(&self) -> Vec<u8> {
        self.fragments.iter().map_while(Option::as_ref).flat_map(|fragment| &fragment.0).copied().collect()
    }
}

/// The place of a message in its bundle, and the number of the message of ours that it answers.
pub type Answered = (u8, u64);

/// A bundle that came in whole, or was put together of fragments.
pub struct ArrivedBundle<'b> {
    pub bundle: &'b [u8],
    /// Bundles whose messages these are.
    pub replaces: Vec<BundleName>,
    /// Which of our messages its messages answer.
    pub answers: Vec<Answered>,
    /// Its fragments: their id and hashes.
    pub fragments: Option<(u8, Vec<u64>)>,
}

impl Peer {
    /// A bundle came, or its last fragment.
    pub(super) fn take(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, arrival: ArrivedBundle<'_>) {
        let hash = hash(arrival.bundle);
        if let Some((name, reception)) = self.taken.find(hash) {
            return self.received_again(name, reception, context.now);
        }
        let name = name_of(hash);
        let hashes = [hash].into_iter().chain(arrival.fragments.iter().flat_map(|(_, hashes)| hashes).copied());
        // Only the name of a bundle that others replaced is known: it comes late.
        let late = self.taken.reception(name) == Some(Reception::Replaced);
        let reception = match self.try_bundle(context, turn, arrival.bundle, name, &arrival.replaces, late) {
            Ok(reception) => {
                turn.answering.extend(arrival.answers.iter().map(|(place, key)| ((name, *place), *key)));
                reception
            }
            Err(Unreadable::Foreign) => {
                return turn.quarantine.push((arrival.bundle.to_vec(), PeerFlaw::NotOurs));
            }
            Err(why) => {
                self.park(context, turn, &arrival, name, why);
                Reception::Parked
            }
        };
        hashes.for_each(|hash| self.taken.add(hash, name, reception, context.now));
        self.retry(context, turn);
    }

    /// What came before comes again: its receipt was lost, or its question.
    pub(super) fn received_again(&mut self, name: BundleName, reception: Reception, now: i64) {
        self.taken.touch(name, now);
        match reception {
            Reception::Delivered => self.owed.receipt(name, now, true),
            Reception::Parked => {
                let parked = self.parked.iter().find(|parked| parked.name == name);
                if let Some(question) = parked.map(|parked| parked.question.clone()) {
                    self.owed.question(question, now);
                }
            }
            Reception::Replaced => {}
        }
    }

    /// Delivers the messages of a bundle, unless they came in another one.
    fn try_bundle(
        &mut self,
        context: &mut PeerContext,
        turn: &mut PeerTurn,
        bundle: &[u8],
        name: BundleName,
        replaces: &[BundleName],
        late: bool,
    ) -> Result<Reception, Unreadable> {
        if late {
            self.repeats(context, turn, bundle, name);
            return Ok(Reception::Replaced);
        }
        if !replaces.iter().any(|old| self.taken.reception(*old) == Some(Reception::Delivered)) {
            let (messages, past) =
                decode(context.codec, bundle, &|index| self.book.candidates(index), &|mark| self.came.pasts(mark))?;
            if let Some(Form::Model(_)) = form_of(bundle) {
                self.agreement.seems_to_know(&context.codec.models(), &context.rules);
            }
            for old in replaces {
                self.taken.settle(*old, Reception::Replaced, context.now);
                self.unpark(*old);
            }
            for message in &messages {
                if let Other::Address(address) = &message.other {
                    self.book.is_there(address);
                }
            }
            let shared = SharedMessage::of_bundle(&messages, &past, 0);
            shared.into_iter().for_each(|message| self.came.add(message, context.now));
            turn.places.extend((0..messages.len()).map(|place| (name, place as u8)));
            turn.messages.extend(messages);
        } else {
            self.repeats(context, turn, bundle, name);
        }
        (self.alive, self.agreement.understands_notes) = (Some(context.now), true);
        self.owed.receipt(name, context.now, false);
        Ok(Reception::Delivered)
    }

    /// True where a packet of this name came in, by whichever link, within the time of the memory.
    pub fn has_packet(&self, name: u64) -> bool {
        let in_set = |set: &FragmentSet| set.packets().iter().any(|packet| hash(packet) == name);
        self.taken.find(name).is_some() || self.sets.iter().any(in_set)
    }

    /// Says what messages of a bundle came before in another one, as far as it can be read.
    fn repeats(&self, context: &mut PeerContext, turn: &mut PeerTurn, bundle: &[u8], name: BundleName) {
        let messages =
            decode(context.codec, bundle, &|index| self.book.candidates(index), &|mark| self.came.pasts(mark));
        let messages = messages.map(|(messages, _)| messages).unwrap_or_default();
        turn.repeated.extend((0..).map(|place| (name, place)).zip(messages));
    }

    /// Keeps a bundle that cannot be read, and asks about it.
    fn park(
        &mut self,
        context: &mut PeerContext,
        turn: &mut PeerTurn,
        arrival: &ArrivedBundle<'_>,
        name: BundleName,
        why: Unreadable,
    ) {
        let subject =
            arrival.fragments.as_ref().map_or(NoteSubject::Bundle(name), |(id, _)| NoteSubject::Fragments(*id));
        let question = match why {
            Unreadable::Model(model) => Note::NoModel(model, subject),
            _ => Note::BadCheck(subject),
        };
        self.agreement.understands_notes = true;
        if let Unreadable::Model(_) = why {
            // It believes something of us that is not so.
            self.agreement.owed.get_or_insert(context.now);
        }
        self.owed.question(question.clone(), context.now);
        turn.news.push(PeerChange::Unread);
        let tried = (self.book.growth, models_check(context));
        let (bundle, ask_at) = (HexBytes(arrival.bundle.to_vec()), context.now.saturating_add(ASK_AGAIN));
        let (replaces, answers) = (arrival.replaces.clone(), arrival.answers.clone());
        let since = context.now;
        self.parked.push(ParkedBundle { name, bundle, question, replaces, answers, since, ask_at, tried });
        if self.parked.len() > MOST_PARKED {
            self.give_up_parked(0, turn);
        }
    }

    /// Tries again what could not be read, when there is something new to read it with.
    pub(super) fn retry(&mut self, context: &mut PeerContext, turn: &mut PeerTurn) {
        let mut at = 0;
        while let Some(parked) = self.parked.get_mut(at) {
            let tried = (self.book.growth, models_check(context));
            let needless = parked.replaces.iter().any(|old| self.taken.reception(*old) == Some(Reception::Delivered));
            if parked.tried == tried && !needless {
                at += 1;
                continue;
            }
            if matches!(form_of(&parked.bundle.0), Some(Form::Model(model)) if !context.codec.is_settled(model)) {
                turn.waits_for_model = true;
                at += 1;
                continue;
            }
            parked.tried = tried;
            let parked = parked.clone();
            match self.try_bundle(context, turn, &parked.bundle.0, parked.name, &parked.replaces, false) {
                Ok(reception) => {
                    turn.answering.extend(parked.answers.iter().map(|(place, key)| ((parked.name, *place), *key)));
                    self.taken.settle(parked.name, reception, context.now);
                    self.unpark(parked.name);
                    // It may have brought an address that another one waits for.
                    at = 0;
                }
                Err(_) => at += 1,
            }
        }
    }

    fn unpark(&mut self, name: BundleName) {
        for parked in self.parked.iter().filter(|parked| parked.name == name) {
            self.owed.answered(&parked.question);
        }
        self.parked.retain(|parked| parked.name != name);
    }

    /// Nobody here will read it: the box keeps the bytes, and if it comes once more it is new.
    fn give_up_parked(&mut self, at: usize, turn: &mut PeerTurn) {
        let parked = self.parked.remove(at);
        self.owed.answered(&parked.question);
        self.taken.forget(parked.name);
        let why = match parked.question {
            Note::NoModel(model, _) => PeerFlaw::NoModel(model),
            _ => PeerFlaw::BadCheck,
        };
        turn.quarantine.push((parked.bundle.0, why));
    }

    /// Takes in a fragment; with the last one of its bundle, the bundle.
    pub(super) fn take_fragment(
        &mut self,
        context: &mut PeerContext,
        turn: &mut PeerTurn,
        packet: &[u8],
        (replaces, answers): (Vec<BundleName>, Vec<Answered>),
    ) {
        let Some(fragment) = Fragment::parse(packet) else {
            return turn.quarantine.push((packet.to_vec(), PeerFlaw::NotOurs));
        };
        if let Some((name, reception)) = self.taken.find(hash(packet)) {
            return self.received_again(name, reception, context.now);
        }
        let index = usize::from(fragment.index);
        let other = |set: &FragmentSet| {
            set.last != fragment.last || set.fragments[index].as_ref().is_some_and(|known| known.0 != fragment.bytes)
        };
        // A newer bundle has this id.
        if let Some(at) = self.sets.iter().position(|set| set.id == fragment.id && other(set)) {
            self.give_up_set(context, turn, at);
        }
        let at = self.sets.iter().position(|set| set.id == fragment.id).unwrap_or_else(|| {
            let fragments = vec![None; usize::from(fragment.last) + 1];
            let set = FragmentSet {
                id: fragment.id,
                last: fragment.last,
                fragments,
                replaces: Vec::new(),
                answers: Vec::new(),
                heard: 0,
                ask_at: 0,
            };
            self.sets.push(set);
            self.sets.len() - 1
        });
        let set = &mut self.sets[at];
        set.fragments[index] = Some(HexBytes(fragment.bytes.to_vec()));
        set.replaces.extend(replaces);
        set.replaces.sort();
        set.replaces.dedup();
        set.replaces.truncate(16);
        set.answers.extend(answers);
        set.answers.truncate(16);
        (set.heard, set.ask_at) = (context.now, context.now.saturating_add(context.rules.fragments_wait));
        self.agreement.understands_notes = true;
        if self.sets[at].fragments.iter().all(Option::is_some) {
            let set = self.sets.remove(at);
            let hashes = set.packets().iter().map(|packet| hash(packet)).collect();
            let bundle = &set.front();
            let (replaces, answers, fragments) = (set.replaces, set.answers, Some((set.id, hashes)));
            let arrival = ArrivedBundle { bundle, replaces, answers, fragments };
            self.take(context, turn, arrival);
        } else if self.sets.len() > MOST_SETS {
            let oldest = (0..self.sets.len()).min_by_key(|at| self.sets[*at].heard).unwrap_or(0);
            self.give_up_set(context, turn, oldest);
        }
    }

    /// Its other fragments will not come: what can be read of it, and its packets, are all there is.
    fn give_up_set(&mut self, context: &mut PeerContext, turn: &mut PeerTurn, at: usize) {
        let set = self.sets.remove(at);
        // Another bundle may have brought it whole.
        let beginnings = decode_front(context.codec, &set.front());
        let (count, near) = (beginnings.len(), (set.heard, context.rules.parts_wait));
        let beginnings = beginnings.into_iter().zip(1..);
        let missing = beginnings.filter(|(one, at)| !self.came.has_whole(one, *at < count, near));
        turn.truncated.extend(missing.map(|(one, _)| one));
        let total = usize::from(set.last) + 1;
        for packet in set.packets() {
            turn.quarantine.push((packet, PeerFlaw::LoneFragment(total)));
        }
    }

    /// Gives up what has waited too long, and asks again about the rest.
    pub(super) fn age_intake(&mut self, context: &mut PeerContext, turn: &mut PeerTurn) {
        let limit = context.now.saturating_sub(context.rules.parts_wait);
        while let Some(at) = self.sets.iter().position(|set| set.heard <= limit) {
            self.give_up_set(context, turn, at);
        }
        while let Some(at) = self.parked.iter().position(|parked| parked.since <= limit) {
            self.give_up_parked(at, turn);
        }
        for parked in self.parked.iter_mut().filter(|parked| parked.ask_at <= context.now) {
            parked.ask_at = context.now.saturating_add(ASK_AGAIN);
            self.owed.question(parked.question.clone(), context.now);
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
fn models_check(context: &mut PeerContext) -> u64 {
    let models = context.codec.models();
    hash(&models.iter().flat_map(|model| [&[model.number], &model.mark[..]].concat()).collect::<Vec<_>>())
}

/// The form of a bundle that came in, if it is one.
pub fn form_of(bundle: &[u8]) -> Option<Form> {
    let first = *bundle.first()?;
    match (first >> 6, first >> 4 & 3) {
        (0b10, 0) => Some(Form::Stored),
        (0b10, 1) => Some(Form::Model(first & 15)),
        // The bit above says that it comes after a past.
        (0b10, 2) => Some(Form::Model(first & 7)),
        _ => None,
    }
}
