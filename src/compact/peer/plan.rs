//! Which letters go in which packets. Letters share a body when that takes fewer packets; among equals, bodies that stand
//! alone go before one that is cut in pieces, as one lost packet then costs only its own letters.

use super::memory::{Bytes, Name, hash, name_of};
use super::notes::{MARK, Note, append_to_classic, find_in_classic, vary_classic, wrap};
use super::outbox::{Body, Part};
use super::tick::REPLACEABLE;
use super::{Here, Outgoing, Peer};
use crate::letter::{Letter, Other};
use crate::packet::Form;
use crate::packet::body::body;
use crate::packet::pieces::{HEAD, IDS, MOST_PIECES, cut};

/// Letters in one body.
const MOST_LETTERS: usize = 16;
/// Variations that are tried for a body whose name is taken.
const MOST_SALTS: u16 = 64;
/// A receipt is not waited for longer, however long the far box keeps it: the far box forgets what it took.
const LONGEST_WAIT: i64 = 12 * 24 * 3_600_000;

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
struct Bundle {
    letters: Vec<usize>,
    /// Bytes of the body.
    size: usize,
}

/// Letters on their way into bodies.
struct Load<'l> {
    form: Form,
    /// Bodies whose letters these are.
    names: Vec<Name>,
    room: usize,
    waiting: Vec<Waiting<'l>>,
    on_air: Vec<Letter>,
    written: Vec<Letter>,
    /// Bytes that each takes alone.
    alone: Vec<usize>,
}

impl Load<'_> {
    fn body(&self, here: &mut Here, letters: &[usize], salt: u16) -> Vec<u8> {
        let some = |all: &[Letter]| letters.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
        body(here.codec, self.form, &some(&self.on_air), &some(&self.written), self.room, salt)
    }

    /// Packets that a body of this size takes.
    fn packets(&self, size: usize) -> usize {
        if size <= self.room { 1 } else { size.div_ceil(self.room.saturating_sub(HEAD).max(1)) }
    }
}

impl Peer {
    /// Packets for all these letters. Those of letters that the far box could not read say so.
    pub fn plan(&mut self, here: &mut Here, waiting: &[Waiting<'_>]) -> Plan {
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
    pub fn measure(&mut self, here: &mut Here, letter: &Letter) -> (usize, usize) {
        let classic = || (0, 0);
        match self.agreement.form(&here.codec.models()) {
            Some(form) => {
                let load = self.clone().load(here, form, &[], &[Waiting { key: 0, letter }]);
                (load.alone[0], load.packets(load.alone[0]))
            }
            None => classic_size(here, letter).unwrap_or_else(classic),
        }
    }

    fn load<'l>(&mut self, here: &mut Here, form: Form, names: &[Name], waiting: &[Waiting<'l>]) -> Load<'l> {
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

    fn plan_compact(&mut self, here: &mut Here, form: Form, names: &[Name], waiting: &[Waiting<'_>], plan: &mut Plan) {
        for some in waiting.chunks(MOST_LETTERS) {
            let load = self.load(here, form, names, some);
            let fits = |at: &usize| load.packets(load.alone[*at]) <= MOST_PIECES;
            let (fitting, long): (Vec<_>, Vec<_>) = (0..some.len()).partition(|at| fits(at));
            for bundle in bundles(here, &load, &fitting) {
                self.seal(here, &load, &bundle, plan);
            }
            for at in long {
                match names {
                    [] => self.plan_classic(here, some[at], plan),
                    _ => plan.refused.push((some[at].key, "it takes more than 16 packets".to_owned())),
                }
            }
        }
    }

    /// Makes the body of a bundle, one whose name the far box does not know, and its packets.
    fn seal(&mut self, here: &mut Here, load: &Load<'_>, bundle: &Bundle, plan: &mut Plan) {
        let sealed = (1..MOST_SALTS).find_map(|salt| {
            let body = load.body(here, &bundle.letters, salt);
            let (id, packets) = self.name_freely(&body, load.room)?;
            Some((body, id, packets))
        });
        let keys: Vec<u64> = bundle.letters.iter().map(|at| load.waiting[*at].key).collect();
        let Some((body, id, packets)) = sealed else {
            return plan.refused.extend(keys.iter().map(|key| (*key, "it takes more than 16 packets".to_owned())));
        };
        let of = |all: &[Letter], index: bool| -> Vec<String> {
            let some = bundle.letters.iter().filter(|at| !index || matches!(all[**at].other, Other::Index(_)));
            some.filter_map(|at| {
                if let Other::Address(address) = &load.written[*at].other { Some(address.clone()) } else { None }
            })
            .collect()
        };
        let name = name_of(hash(&body));
        packets.iter().for_each(|packet| self.used.add(name_of(hash(packet)), here.now));
        self.used.add(name, here.now);
        // A stored body has no index in it.
        let indexed = if body[0] >> 4 == 0b1010 { of(&load.on_air, true) } else { Vec::new() };
        let (ticket, count) = (self.next_ticket(), packets.len());
        let mut record = self.record(here, ticket, keys);
        (record.name, record.form, record.id) = (Some(name), Some(load.form), id);
        (record.replaces, record.indexed, record.addresses) = (load.names.clone(), indexed, of(&load.written, false));
        record.packets =
            packets.iter().map(|packet| Part { bytes: Bytes(packet.clone()), ..Part::default() }).collect();
        self.out.push(record);
        for piece in 0..count {
            plan.send.extend(self.emit(here, ticket, piece));
        }
        let bytes = packets.iter().map(Vec::len).sum();
        account(here, load, bundle, bytes, count, plan);
    }

    fn record(&self, here: &Here, ticket: u64, letters: Vec<u64>) -> Body {
        let hours = self.agreement.receipt_hours().map(|hours| i64::from(hours) * 3_600_000);
        Body {
            ticket,
            name: None,
            form: None,
            letters,
            countable: true,
            wait: hours.map(|hours| hours.saturating_add(here.rules.patience).min(LONGEST_WAIT)),
            replaces: Vec::new(),
            id: None,
            packets: Vec::new(),
            addresses: Vec::new(),
            indexed: Vec::new(),
            hello: None,
            planned: here.now,
            first_sent: None,
            last_sent: None,
            repeats: 0,
            given_up: false,
            replaced: false,
        }
    }

    /// The packets of a body, when neither it nor any of its pieces has a name that was used.
    fn name_freely(&mut self, body: &[u8], room: usize) -> Option<(Option<u8>, Vec<Vec<u8>>)> {
        let free = |bytes: &[u8]| !self.used.has(name_of(hash(bytes)));
        if !free(body) {
            return None;
        }
        if body.len() <= room {
            return Some((None, vec![body.to_vec()]));
        }
        let busy = |id: u8| self.out.iter().any(|body| body.id == Some(id) && !body.letters.is_empty());
        let ids = (1..=IDS).map(|step| (self.ids + step) % IDS);
        // When all are in use, which takes more bodies than wait for receipts, the one used longest ago has to do.
        let (unused, used): (Vec<u8>, Vec<u8>) = ids.partition(|id| !busy(*id));
        let found = unused.into_iter().chain(used).find_map(|id| {
            let packets = cut(body, id, room)?;
            packets.iter().all(|packet| free(packet)).then_some((id, packets))
        });
        let (id, packets) = found?;
        self.ids = id;
        Some((Some(id), packets))
    }

    /// A letter in classic packets, with a mark and a hello where these take no packet more.
    fn plan_classic(&mut self, here: &mut Here, waiting: Waiting<'_>, plan: &mut Plan) {
        let room = here.room;
        let Some(plain) = here.codec.classic(waiting.letter, room) else {
            return plan.refused.push((waiting.key, "it cannot be written in the classic coding".to_owned()));
        };
        let hello = self.agreement.hello(&here.codec.models(), here.rules.receipt_hours, here.now).map(Note::Hello);
        let head = |note: &Note| append_to_classic(&[], std::slice::from_ref(note)).map_or(MARK, |head| head.len());
        let known = self.agreement.knows_us();
        let spares = [hello.as_ref().map_or(MARK, head), MARK];
        let packets = spares.into_iter().find_map(|spare| {
            let packets = here.codec.classic(waiting.letter, room.saturating_sub(spare))?;
            (packets.len() == plain.len() || known && spare == MARK).then_some(packets)
        });
        let packets = packets.unwrap_or_else(|| plain.clone());
        let bytes = packets.iter().map(Vec::len).sum();
        let (count, classic) = (packets.len(), (plain.iter().map(Vec::len).sum(), plain.len()));
        let all = self.classic_packets(here, waiting.key, packets);
        plan.send.extend(all);
        plan.accounts.push(Account { key: waiting.key, classic, alone: count, bytes, packets: count, letters: 1 });
    }

    fn classic_packets(&mut self, here: &mut Here, key: u64, packets: Vec<Vec<u8>>) -> Vec<Outgoing> {
        let cores: Vec<_> = packets.into_iter().map(|packet| self.mark(here, packet)).collect();
        let countable = cores.iter().all(|(_, name)| name.is_some());
        let mut all = Vec::new();
        for (core, name) in cores {
            let ticket = self.next_ticket();
            let mut record = self.record(here, ticket, vec![key]);
            (record.name, record.countable, record.packets) = (name, countable, vec![Part::default()]);
            record.wait = record.wait.filter(|_| countable);
            let dressed = name.and_then(|_| self.dress(here, &core, Vec::new(), true));
            let (payload, carries) = dressed.unwrap_or((core, Vec::new()));
            record.hello = super::agreement::hello_in(&carries).cloned();
            record.packets[0] = Part { with_link: true, carries, ..Part::default() };
            let receipt = record.wait.is_some();
            self.out.push(record);
            all.push(Outgoing { ticket, piece: 0, pieces: 1, payload, letters: vec![key], receipt, repeat: false });
        }
        all
    }

    /// A classic packet with a name of its own, if it has room for the mark.
    fn mark(&mut self, here: &Here, packet: Vec<u8>) -> (Vec<u8>, Option<Name>) {
        let salted = |salt: u16| if salt == 0 { packet.clone() } else { vary_classic(&packet, salt) };
        let marked = (0..MOST_SALTS).map(salted).take_while(|core| core.len() + MARK <= here.room);
        let named = marked
            .map(|core| (name_of(hash(&core)), core))
            .find(|(name, core)| !self.used.has(*name) && find_in_classic(core).1.is_none());
        match named {
            Some((name, core)) => {
                self.used.add(name, here.now);
                (core, Some(name))
            }
            None => (packet, None),
        }
    }
}

/// The letters in as few packets as are found.
fn bundles(here: &mut Here, load: &Load<'_>, letters: &[usize]) -> Vec<Bundle> {
    let mut standing: Vec<Bundle> = Vec::new();
    for &at in letters {
        let size = load.alone[at];
        let place = standing.iter_mut().find_map(|bundle| {
            // A bundle rarely takes less than this: then there is no need to code it.
            if bundle.size > load.room || bundle.size + size * 3 / 4 > load.room + 8 {
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
    if standing.len() > 1 {
        let size = load.body(here, letters, 1).len();
        let packets = load.packets(size);
        let apart: usize = standing.iter().map(|bundle| load.packets(bundle.size)).sum();
        if packets < apart && packets <= MOST_PIECES {
            return vec![Bundle { letters: letters.to_vec(), size }];
        }
    }
    standing
}

fn account(here: &mut Here, load: &Load<'_>, bundle: &Bundle, bytes: usize, packets: usize, plan: &mut Plan) {
    let whole: usize = bundle.letters.iter().map(|at| load.alone[*at]).sum();
    let mut left = bytes;
    for (nth, &at) in bundle.letters.iter().enumerate() {
        let last = nth + 1 == bundle.letters.len();
        let share = if last { left } else { (bytes * load.alone[at] / whole.max(1)).min(left) };
        left -= share;
        let Waiting { key, letter } = load.waiting[at];
        plan.accounts.push(Account {
            key,
            classic: classic_size(here, letter).unwrap_or_default(),
            alone: load.packets(load.alone[at]),
            bytes: share,
            packets,
            letters: bundle.letters.len(),
        });
    }
}

fn classic_size(here: &mut Here, letter: &Letter) -> Option<(usize, usize)> {
    let packets = here.codec.classic(letter, here.room)?;
    Some((packets.iter().map(Vec::len).sum(), packets.len()))
}
