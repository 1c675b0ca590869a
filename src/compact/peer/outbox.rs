//! What went out and may still be asked for, and the notes that ride along.

use serde::{Deserialize, Serialize};

use super::agreement::Hello;
use super::inquiry::Inquiry;
use super::memory::{BundleName, HexBytes};
use super::notes::{Note, append_to_classic, wrap};
use super::past::SharedMessage;
use super::tick::REPEATABLE;
use super::{OutgoingPacket, Peer, PeerContext};
use crate::packet::Form;

/// Bundles that one replaces at most: who puts a bundle together from fragments keeps so many names.
pub(super) const MOST_REPLACED: usize = 16;

/// A bundle that went out, or is with the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxBundle {
    pub ticket: u64,
    /// What its receipt says; `None` when nobody will receipt it.
    pub name: Option<BundleName>,
    /// How its messages are written; `None`: in the classic coding.
    pub form: Option<Form>,
    /// Messages in it that are not known to be delivered; those of a packet of notes: none.
    #[serde(rename = "letters")]
    pub messages: Vec<u64>,
    /// All messages in it, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<u64>,
    /// Fates, and answers about people, that went out with it: told again if it is repeated, replaced or given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fates: Vec<Note>,
    /// Every packet of its messages has a name: their receipts together mean that the messages arrived.
    pub countable: bool,
    /// Receipts are expected, this long after it was sent at most.
    pub wait: Option<i64>,
    /// Bundles whose messages these are: said with the first packet.
    pub replaces: Vec<BundleName>,
    /// What its messages answer: said with its last packet, which has most room, as far as that has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Note>,
    /// Id of its fragments; `None` where it is one packet.
    pub id: Option<u8>,
    /// Its packets without notes. Empty bytes when they are never repeated.
    pub packets: Vec<OutboxFragment>,
    /// Addresses that the far box has when it has this.
    pub addresses: Vec<String>,
    /// Those that stand in it as an index.
    pub indexed: Vec<String>,
    /// What it says, to be remembered when the far box has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<SharedMessage>,
    /// It is coded after messages that the far box has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after: bool,
    /// The hello that rode along when it went out for the first time.
    pub hello: Option<Hello>,
    pub planned: i64,
    /// When the first of the bundles was planned that it replaces: one of them may have arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    pub first_sent: Option<i64>,
    pub last_sent: Option<i64>,
    /// When a link could not tell whether it has, or had, a packet of it ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubted: Option<i64>,
    /// ... and how long after that the packet may come, by that link.
    #[serde(default, skip_serializing_if = "super::past::is_zero")]
    pub transit: i64,
    pub repeats: u8,
    /// Its messages were reported: they may have arrived.
    pub given_up: bool,
    /// Its messages go again in another bundle.
    pub replaced: bool,
    /// The far box is asked whether it has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inquiry: Option<Inquiry>,
}

/// One packet of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutboxFragment {
    pub bytes: HexBytes,
    /// The link has it, and has not said what became of it.
    pub with_link: bool,
    /// The link cannot tell whether it has it, or had it: only the far box can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    pub sent: Option<i64>,
    /// Notes in the copy that the link has: owed again if it does not go.
    pub carries: Vec<Note>,
}

impl OutboxFragment {
    /// It is not with the link, and certainly has not left.
    pub fn waits_for_link(&self) -> bool {
        !self.with_link && !self.unknown && self.sent.is_none()
    }
}

impl OutboxBundle {
    /// A link that takes packets of so many bytes takes all of it.
    pub fn fits(&self, room: usize) -> bool {
        self.packets.iter().all(|packet| packet.bytes.0.len() <= room)
    }

    /// True while the link has some of it.
    pub fn with_link(&self) -> bool {
        self.packets.iter().any(|fragment| fragment.with_link)
    }

    /// True while the link cannot tell of some of it whether it left.
    pub fn is_unknown(&self) -> bool {
        self.packets.iter().any(|fragment| fragment.unknown)
    }

    /// True once the far box may have forgotten that its messages came, in this bundle or in one that it replaces: should they go
    /// again, they would be taken for new ones.
    pub fn is_old(&self, now: i64) -> bool {
        self.since.unwrap_or(self.planned).saturating_add(REPEATABLE) <= now
    }

    /// True while its messages wait for its receipt.
    pub fn awaits(&self) -> bool {
        self.wait.is_some() && !self.replaced && !self.given_up && !self.messages.is_empty()
    }

    /// When silence about it becomes remarkable; `None` while the link has some of it.
    pub fn due(&self) -> Option<i64> {
        if !self.awaits() || self.with_link() {
            return None;
        }
        // A fragment that the link lost goes again at once.
        if self.packets.iter().any(OutboxFragment::waits_for_link) {
            return Some(self.planned);
        }
        Some(self.last_sent.unwrap_or(self.planned).saturating_add(self.wait?))
    }
}

impl Peer {
    /// The link says that a packet was sent: what it carried is said.
    pub fn sent(&mut self, ticket: u64, fragment: u8, now: i64) {
        let Some(bundle) = self.out.iter_mut().find(|bundle| bundle.ticket == ticket) else { return };
        if let Some(packet) = bundle.packets.get_mut(usize::from(fragment)) {
            (packet.with_link, packet.unknown, packet.sent) = (false, false, Some(now));
            let carried = std::mem::take(&mut packet.carries);
            bundle.fates.extend(carried.into_iter().filter(|note| matches!(note, Note::Fate(..) | Note::Answer(..))));
            bundle.first_sent.get_or_insert(now);
            bundle.last_sent = Some(now);
        }
        bundle.settle_inquiry();
        if let Some(name) = bundle.name {
            self.used.add(name, now);
        }
        self.ask_when_many(now);
        self.sweep();
    }

    /// A packet was certainly not sent: what it carried is owed again. Unless other fragments of its bundle went out, the
    /// bundle is forgotten, and its messages are to be planned anew.
    pub fn lost(&mut self, ticket: u64, fragment: u8, now: i64) {
        let Some(at) = self.out.iter().position(|bundle| bundle.ticket == ticket) else { return };
        let Some(packet) = self.out[at].packets.get_mut(usize::from(fragment)) else { return };
        (packet.with_link, packet.unknown) = (false, false);
        let carried = std::mem::take(&mut packet.carries);
        self.notes_lost(carried, now);
        let bundle = &mut self.out[at];
        bundle.settle_inquiry();
        if !bundle.with_link() && !bundle.is_unknown() && bundle.first_sent.is_none() {
            let bundle = self.out.remove(at);
            // One that is replaced has told that already.
            if !bundle.replaces.is_empty() && !bundle.messages.is_empty() && !bundle.replaced {
                self.recode.push(super::Recode {
                    names: bundle.replaces,
                    messages: bundle.messages,
                    at: now,
                    since: bundle.since,
                    wish: false,
                    waits: true,
                });
            } else if bundle.form.is_none() {
                self.lacks_part(&bundle.messages);
            }
        }
        self.sweep();
    }

    /// A classic packet of these messages is not remembered any more: the receipts of the others alone do not mean that they
    /// arrived.
    pub(super) fn lacks_part(&mut self, messages: &[u64]) {
        let of = |other: &&mut OutboxBundle| other.messages.iter().any(|key| messages.contains(key));
        self.out.iter_mut().filter(of).for_each(|other| other.countable = false);
    }

    /// Nothing more is to be done for a message: it was cancelled, or its time is over. What is with the link stays there.
    pub fn forget(&mut self, key: u64) {
        for bundle in &mut self.out {
            bundle.messages.retain(|message| *message != key);
        }
        for group in &mut self.recode {
            group.messages.retain(|message| *message != key);
        }
        self.sweep();
    }

    /// Forgets a person of this box, or of the other: their name, these messages of theirs, and addresses that only they
    /// wrote to. A bundle that messages of others are in as well stays until it is receipted.
    pub fn erase(&mut self, name: &str, messages: &[u64], address: &dyn Fn(&str) -> bool) {
        messages.iter().for_each(|key| self.forget(*key));
        self.book.forget(address).iter().for_each(|gone| self.names.forget(gone));
        for bundle in &mut self.out {
            bundle.addresses.retain(|known| !address(known));
            bundle.indexed.retain(|known| !address(known));
            bundle.says.clear();
        }
        // Whose a message was is not always said in it.
        (self.there, self.came) = Default::default();
        self.people.forget(name);
    }

    /// A message has ended for its sender; should it have left, a late receipt still counts.
    pub fn give_up(&mut self, key: u64, now: i64) {
        let mut told = Vec::new();
        for bundle in self.out.iter_mut().filter(|bundle| bundle.messages.contains(&key)) {
            bundle.given_up = true;
            told.append(&mut bundle.fates);
        }
        self.notes_lost(told, now);
    }

    /// A message goes again because its owner wants that: gives back all that go, as they share bundles. Those of compact
    /// bundles replace what they were in; a classic one stands for itself.
    pub fn again(&mut self, key: u64, now: i64) -> Vec<u64> {
        self.goes_again(key, now, |_| true)
    }

    /// The same where nobody asked for it: what has no other coding now waits for one, and never goes as a new message.
    pub fn again_by_itself(&mut self, key: u64, now: i64) -> Vec<u64> {
        self.goes_again(key, now, |_| false)
    }

    /// The same of a bundle that cannot arrive, as some of it certainly never left.
    pub fn again_unsent(&mut self, key: u64, now: i64) -> Vec<u64> {
        self.goes_again(key, now, |bundle| bundle.replaces.is_empty())
    }

    /// True where another bundle may say that it replaces those of a message: there is room for one name more.
    pub fn is_replaceable(&self, key: u64) -> bool {
        let full = |bundle: &OutboxBundle| bundle.replaces.len() >= MOST_REPLACED;
        !self.out.iter().any(|it| !it.replaced && it.messages.contains(&key) && full(it))
    }

    /// True where a message may go again by itself: the far box tells its copies apart, as none of them is classic, and still
    /// knows those that may have come.
    pub fn may_go_by_itself(&self, key: u64, now: i64) -> bool {
        let own = |it: &&OutboxBundle| !it.replaced && it.messages.contains(&key);
        self.is_replaceable(key) && !self.out.iter().filter(own).any(|it| it.form.is_none() || it.is_old(now))
    }

    fn goes_again(&mut self, key: u64, now: i64, wish: impl Fn(&OutboxBundle) -> bool) -> Vec<u64> {
        let (mut keys, mut told) = (vec![key], Vec::new());
        for bundle in self.out.iter_mut().filter(|bundle| !bundle.replaced && bundle.messages.contains(&key)) {
            bundle.packets.iter_mut().for_each(|packet| packet.unknown = false);
            bundle.inquiry = None;
            if bundle.form.is_none() {
                bundle.messages.retain(|message| *message != key);
                continue;
            }
            bundle.replaced = true;
            // It may never have arrived.
            told.append(&mut bundle.fates);
            keys.extend(&bundle.messages);
            let names = bundle.replaces.iter().copied().chain(bundle.name).collect();
            let (wish, since) = (wish(bundle), Some(bundle.since.unwrap_or(bundle.planned)));
            let messages = bundle.messages.clone();
            self.recode.push(super::Recode { names, messages, at: now, since, wish, waits: !wish });
        }
        self.notes_lost(told, now);
        keys.sort_unstable();
        keys.dedup();
        self.sweep();
        keys
    }

    /// The name and the messages, in their order, of a bundle that went out; `None` for one without a name.
    pub fn named(&self, ticket: u64) -> Option<(BundleName, &[u64])> {
        let bundle = self.out.iter().find(|bundle| bundle.ticket == ticket)?;
        Some((bundle.name?, &bundle.keys))
    }

    /// The name under which the far box knows a packet of a bundle; `None` for one that is not kept.
    pub fn packet_name(&self, ticket: u64, fragment: u8) -> Option<u64> {
        let bundle = self.out.iter().find(|bundle| bundle.ticket == ticket)?;
        let packet = bundle.packets.get(usize::from(fragment)).filter(|packet| !packet.bytes.0.is_empty())?;
        Some(super::memory::hash(&packet.bytes.0))
    }

    /// True while a bundle that is to be there still has this message in it: it needs no other one.
    pub fn carries(&self, key: u64) -> bool {
        self.out.iter().any(|bundle| !bundle.replaced && bundle.messages.contains(&key))
    }

    /// Drops what nobody waits for.
    pub(super) fn sweep(&mut self) {
        self.out.retain(|bundle| !bundle.messages.is_empty() || bundle.with_link());
        self.recode.retain(|group| !group.messages.is_empty());
    }

    /// A packet of a bundle for the link, dressed with what is owed. `None` when it does not fit.
    pub(super) fn emit(&mut self, context: &mut PeerContext, ticket: u64, fragment: usize) -> Option<OutgoingPacket> {
        let at = self.out.iter().position(|bundle| bundle.ticket == ticket)?;
        let bundle = &self.out[at];
        let core = bundle.packets.get(fragment)?.bytes.0.clone();
        let must: Vec<_> = bundle.replaces.iter().filter(|_| fragment == 0).copied().map(Note::Replaces).collect();
        let classic = bundle.form.is_none() && bundle.name.is_some();
        let wish = if fragment + 1 == bundle.packets.len() { bundle.answers.clone() } else { Vec::new() };
        let (payload, carries) = self.add_notes(context, &core, (must, wish), classic)?;
        let bundle = &mut self.out[at];
        if bundle.repeats == 0 && bundle.first_sent.is_none() {
            bundle.hello = super::notes::hello_in(&carries).cloned().or(bundle.hello.take());
        }
        let packet = bundle.packets.get_mut(fragment)?;
        let repeat = packet.sent.is_some() || packet.unknown;
        (packet.with_link, packet.unknown, packet.carries) = (true, false, carries);
        Some(OutgoingPacket {
            ticket,
            fragment: fragment as u8,
            fragments: bundle.packets.len() as u8,
            payload,
            messages: bundle.messages.clone(),
            receipt: bundle.wait.is_some(),
            repeat,
        })
    }

    /// A packet with notes that it must have, and with as many of those that are wished or owed as it has room for; they are
    /// not owed any more. Those that can wait take no step of the bill more than the packet takes without them.
    pub(super) fn add_notes(
        &mut self,
        context: &mut PeerContext,
        core: &[u8],
        (must, wish): (Vec<Note>, Vec<Note>),
        classic: bool,
    ) -> Option<(Vec<u8>, Vec<Note>)> {
        let form = |notes: &[Note]| if classic { append_to_classic(core, notes) } else { wrap(notes, core) };
        let fits = |notes: &[Note], room: usize| form(notes).filter(|packet| packet.len() <= room);
        let mut notes = must;
        let mut packet = fits(&notes, context.room)?;
        for note in wish.into_iter().chain(self.owed_notes(context)) {
            let begun = packet.len().checked_next_multiple_of(context.step).unwrap_or(context.room).min(context.room);
            let waits = match note {
                Note::Hello(_) => !self.agreement.may_cost(context.now),
                _ => note.can_wait(),
            };
            // A packet of notes alone is there for their sake.
            let room = if waits && !core.is_empty() { begun } else { context.room };
            notes.push(note);
            match fits(&notes, room) {
                Some(more) => packet = more,
                None => drop(notes.pop()),
            }
        }
        self.notes_sent(&notes, context.now);
        Some((packet, notes))
    }

    /// The number of the next bundle.
    pub(super) fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }
}
