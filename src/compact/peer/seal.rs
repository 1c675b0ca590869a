//! Bodies and their packets: named so that the far box takes them for nothing that it had before.

use super::classic::size;
use super::memory::{Bytes, hash, name_of};
use super::outbox::{Body, Part};
use super::plan::{Account, Bundle, Load, Plan, Waiting};
use super::{Peer, PeerContext};
use crate::letter::{Letter, Other};
use crate::packet::fragments::{IDS, cut};

/// Variations that are tried for a body whose name is taken.
pub const MOST_SALTS: u16 = 64;
/// A receipt is not waited for longer, however long the far box keeps it: the far box forgets what it took.
const LONGEST_WAIT: i64 = 12 * 24 * 3_600_000;

impl Peer {
    /// Makes the body of a bundle, one whose name the far box does not know, and its packets.
    pub(super) fn seal(&mut self, here: &mut PeerContext, load: &Load<'_>, bundle: &Bundle, plan: &mut Plan) {
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

    /// A body of these letters of which nothing else is known yet.
    pub(super) fn record(&self, here: &PeerContext, ticket: u64, letters: Vec<u64>) -> Body {
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
}

fn account(here: &mut PeerContext, load: &Load<'_>, bundle: &Bundle, bytes: usize, packets: usize, plan: &mut Plan) {
    let whole: usize = bundle.letters.iter().map(|at| load.alone[*at]).sum();
    let mut left = bytes;
    for (nth, &at) in bundle.letters.iter().enumerate() {
        let last = nth + 1 == bundle.letters.len();
        let share = if last { left } else { (bytes * load.alone[at] / whole.max(1)).min(left) };
        left -= share;
        let Waiting { key, letter } = load.waiting[at];
        plan.accounts.push(Account {
            key,
            classic: size(here, letter).unwrap_or_default(),
            alone: load.packets(load.alone[at]),
            bytes: share,
            packets,
            letters: bundle.letters.len(),
        });
    }
}
