//! Which letters go in which packets. Letters share a body when that takes fewer packets; among equals, bodies that stand
//! alone go before one that is cut in pieces, as one lost packet then costs only its own letters.

use super::classic;
use super::memory::Name;
use super::notes::{Note, wrap};
use super::tick::REPLACEABLE;
use super::{Outgoing, Peer, PeerContext};
use crate::letter::{Letter, Other};
use crate::packet::Form;
use crate::packet::bundle::body;
use crate::packet::fragments::{HEAD, MOST_PIECES};

/// Letters in one body.
const MOST_LETTERS: usize = 16;
/// A waiting letter.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'l> {
    /// Its number on this box.
    pub key: u64,
    /// What it says; `other` is written out.
    pub letter: &'l Letter,
}

/// What [`Peer::plan`] made of the waiting letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The packets.
    pub send: Vec<Outgoing>,
    /// What each letter takes.
    pub accounts: Vec<Account>,
    /// Letters that cannot go, and why.
    pub refused: Vec<(u64, String)>,
}

/// What one letter takes on air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub key: u64,
    /// Bytes and packets in the classic coding; zero when it cannot be said classically.
    pub classic: (usize, usize),
    /// Packets that it would have taken alone.
    pub alone: usize,
    /// Its share of the bytes that go.
    pub bytes: usize,
    /// Packets of the body it travels in.
    pub packets: usize,
    /// Letters in that body.
    pub letters: usize,
}

/// Letters that go in one body.
pub struct Bundle {
    /// Places in the load.
    pub letters: Vec<usize>,
    /// Bytes of the body.
    size: usize,
}

/// Letters on their way into bodies.
pub struct Load<'l> {
    pub form: Form,
    /// Bodies whose letters these are.
    pub names: Vec<Name>,
    /// What a packet holds beside the notes that say so.
    pub room: usize,
    pub waiting: Vec<Waiting<'l>>,
    /// The letters, with an index where the far box knows it.
    pub on_air: Vec<Letter>,
    /// The same, written out.
    pub written: Vec<Letter>,
    /// Bytes that each takes alone.
    pub alone: Vec<usize>,
}

impl Load<'_> {
    /// The body of some of the letters.
    pub fn body(&self, here: &mut PeerContext, letters: &[usize], salt: u16) -> Vec<u8> {
        let some = |all: &[Letter]| letters.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
        body(here.codec, self.form, &some(&self.on_air), &some(&self.written), self.room, salt)
    }

    /// Packets that a body of this size takes.
    pub fn packets(&self, size: usize) -> usize {
        if size <= self.room { 1 } else { size.div_ceil(self.room.saturating_sub(HEAD).max(1)) }
    }
}

impl Peer {
    /// Packets for all these letters. Those of letters that the far box could not read say so.
    pub fn plan(&mut self, here: &mut PeerContext, waiting: &[Waiting<'_>]) -> Plan {
        let mut plan = Plan::default();
        let form = self.agreement.form(&here.codec.models());
        let group = |key: u64| self.recode.iter().position(|group| group.letters.contains(&key));
        let (again, fresh): (Vec<Waiting>, Vec<Waiting>) =
            waiting.iter().copied().partition(|waiting| group(waiting.key).is_some());
        for mut group in std::mem::take(&mut self.recode) {
            let some: Vec<Waiting> = again.iter().copied().filter(|one| group.letters.contains(&one.key)).collect();
            group.letters.retain(|key| !some.iter().any(|waiting| waiting.key == *key));
            let young = group.at.saturating_add(REPLACEABLE) > here.now;
            match form.filter(|_| young) {
                Some(form) => self.plan_compact(here, form, &group.names, &some, &mut plan),
                // In a classic packet nothing would tell that they replace others.
                None => plan.refused.extend(some.iter().map(|waiting| {
                    (waiting.key, "the far box has it, cannot read it, and reads no other coding now".to_owned())
                })),
            }
            self.recode.push(group);
        }
        match form {
            Some(form) => self.plan_compact(here, form, &[], &fresh, &mut plan),
            None => fresh.iter().for_each(|waiting| self.plan_classic(here, *waiting, &mut plan)),
        }
        self.sweep();
        plan
    }

    /// Bytes and packets that a letter takes alone, as things stand.
    pub fn measure(&self, here: &mut PeerContext, letter: &Letter) -> (usize, usize) {
        match self.agreement.form(&here.codec.models()) {
            Some(form) => {
                let load = self.load(here, form, &[], &[Waiting { key: 0, letter }]);
                (load.alone[0], load.packets(load.alone[0]))
            }
            None => classic::size(here, letter).unwrap_or_default(),
        }
    }

    fn load<'l>(&self, here: &mut PeerContext, form: Form, names: &[Name], waiting: &[Waiting<'l>]) -> Load<'l> {
        let written: Vec<Letter> = waiting.iter().map(|waiting| waiting.letter.clone()).collect();
        let notes: Vec<_> = names.iter().copied().map(Note::Replaces).collect();
        let head = wrap(&notes, &[]).map_or(0, |head| head.len());
        let room = here.room.saturating_sub(head);
        let mut load = Load {
            form,
            names: names.to_vec(),
            room,
            waiting: waiting.to_vec(),
            on_air: written.clone(),
            written,
            alone: Vec::new(),
        };
        for letter in &mut load.on_air {
            let Other::Address(address) = &letter.other else { continue };
            if let Some(index) = self.book.index(address).filter(|_| matches!(form, Form::Model(_))) {
                letter.other = Other::Index(index);
            }
        }
        load.alone = (0..waiting.len()).map(|at| load.body(here, &[at], 1).len()).collect();
        load
    }

    fn plan_compact(
        &mut self,
        here: &mut PeerContext,
        form: Form,
        names: &[Name],
        waiting: &[Waiting<'_>],
        plan: &mut Plan,
    ) {
        let load = self.load(here, form, names, waiting);
        for letter in &load.written {
            if let Other::Address(address) = &letter.other {
                self.book.used(address);
            }
        }
        let (fitting, long): (Vec<_>, Vec<_>) =
            (0..waiting.len()).partition(|at| load.packets(load.alone[*at]) <= MOST_PIECES);
        for bundle in bundles(here, &load, &fitting) {
            self.seal(here, &load, &bundle, plan);
        }
        for at in long {
            match names {
                [] => self.plan_classic(here, waiting[at], plan),
                _ => plan.refused.push((waiting[at].key, "it takes more than 16 packets".to_owned())),
            }
        }
    }
}

/// The letters in as few packets as are found. First-fit: a letter goes to the first body that has room for it.
fn bundles(here: &mut PeerContext, load: &Load<'_>, letters: &[usize]) -> Vec<Bundle> {
    let mut standing: Vec<Bundle> = Vec::new();
    for &at in letters {
        let size = load.alone[at];
        let place = standing.iter_mut().find_map(|bundle| {
            // A bundle rarely takes less than this: then there is no need to code it.
            let full = bundle.letters.len() == MOST_LETTERS;
            if full || bundle.size > load.room || bundle.size + size * 3 / 4 > load.room + 8 {
                return None;
            }
            let together = [&bundle.letters[..], &[at]].concat();
            let size = load.body(here, &together, 1).len();
            (size <= load.room).then(|| (bundle.letters, bundle.size) = (together, size))
        });
        if place.is_none() {
            standing.push(Bundle { letters: vec![at], size });
        }
    }
    if standing.len() > 1 && letters.len() <= MOST_LETTERS {
        let size = load.body(here, letters, 1).len();
        let packets = load.packets(size);
        let apart: usize = standing.iter().map(|bundle| load.packets(bundle.size)).sum();
        if packets < apart && packets <= MOST_PIECES {
            return vec![Bundle { letters: letters.to_vec(), size }];
        }
    }
    standing
}
