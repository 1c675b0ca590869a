//! What went out and may still be asked for, and the notes that ride along.

use serde::{Deserialize, Serialize};

use super::agreement::Hello;
use super::memory::{Bytes, Name};
use super::notes::{Note, append_to_classic, wrap};
use super::{Outgoing, Peer, PeerContext};
use crate::packet::Form;

/// A body that went out, or is with the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    pub ticket: u64,
    /// What its receipt says; `None` when nobody will receipt it.
    pub name: Option<Name>,
    /// `None`: classic.
    pub form: Option<Form>,
    /// Letters in it that are not known to be delivered; those of a packet of notes: none.
    pub letters: Vec<u64>,
    /// Every packet of its letters has a name: their receipts together mean that the letters arrived.
    pub countable: bool,
    /// Receipts are expected, this long after it was sent at most.
    pub wait: Option<i64>,
    /// Bodies whose letters these are: said with the first packet.
    pub replaces: Vec<Name>,
    /// Id of the pieces.
    pub id: Option<u8>,
    /// Its packets without notes. Empty bytes when they are never repeated.
    pub packets: Vec<Part>,
    /// Addresses that the far box has when it has this.
    pub addresses: Vec<String>,
    /// Those that stand in it as an index.
    pub indexed: Vec<String>,
    /// The hello that rode along when it went out for the first time.
    pub hello: Option<Hello>,
    pub planned: i64,
    pub first_sent: Option<i64>,
    pub last_sent: Option<i64>,
    pub repeats: u8,
    /// Its letters were reported: they may have arrived.
    pub given_up: bool,
    /// Its letters go again in another body.
    pub replaced: bool,
}

/// One packet of a body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Part {
    pub bytes: Bytes,
    /// The link has it, and has not said what became of it.
    pub with_link: bool,
    pub sent: Option<i64>,
    /// Notes in the copy that the link has: owed again if it does not go.
    pub carries: Vec<Note>,
}

impl Body {
    /// True while the link has some of it.
    pub fn with_link(&self) -> bool {
        self.packets.iter().any(|part| part.with_link)
    }

    /// True while its letters wait for its receipt.
    pub fn awaits(&self) -> bool {
        self.wait.is_some() && !self.replaced && !self.given_up && !self.letters.is_empty()
    }

    /// When silence about it becomes remarkable; `None` while the link has some of it.
    pub fn due(&self) -> Option<i64> {
        if !self.awaits() || self.with_link() {
            return None;
        }
        // A piece that the link lost goes again at once.
        if self.packets.iter().any(|part| part.sent.is_none()) {
            return Some(self.planned);
        }
        Some(self.last_sent.unwrap_or(self.planned).saturating_add(self.wait?))
    }
}

impl Peer {
    /// The link says that a packet was sent: what it carried is said.
    pub fn sent(&mut self, ticket: u64, piece: u8, now: i64) {
        let Some(body) = self.out.iter_mut().find(|body| body.ticket == ticket) else { return };
        if let Some(part) = body.packets.get_mut(usize::from(piece)) {
            (part.with_link, part.sent) = (false, Some(now));
            part.carries.clear();
            body.first_sent.get_or_insert(now);
            body.last_sent = Some(now);
        }
        if let Some(name) = body.name {
            self.used.add(name, now);
        }
        self.sweep();
    }

    /// A packet was certainly not sent: what it carried is owed again. Unless other pieces of its body went out, the
    /// body is forgotten, and its letters are to be planned anew.
    pub fn lost(&mut self, ticket: u64, piece: u8, now: i64) {
        let Some(at) = self.out.iter().position(|body| body.ticket == ticket) else { return };
        let Some(part) = self.out[at].packets.get_mut(usize::from(piece)) else { return };
        part.with_link = false;
        let carried = std::mem::take(&mut part.carries);
        self.unsaid(carried, now);
        let body = &self.out[at];
        if !body.with_link() && body.first_sent.is_none() {
            let body = self.out.remove(at);
            if !body.replaces.is_empty() && !body.letters.is_empty() {
                self.recode.push(super::Recode { names: body.replaces, letters: body.letters, at: now });
            } else if body.form.is_none() {
                // The other parts alone are not the letter.
                let others =
                    self.out.iter_mut().filter(|other| other.letters.iter().any(|key| body.letters.contains(key)));
                others.for_each(|other| other.countable = false);
            }
        }
        self.sweep();
    }

    /// Nothing more is to be done for a letter: it was cancelled, or its time is over. What is with the link stays there.
    pub fn forget(&mut self, key: u64) {
        for body in &mut self.out {
            body.letters.retain(|letter| *letter != key);
        }
        for group in &mut self.recode {
            group.letters.retain(|letter| *letter != key);
        }
        self.sweep();
    }

    /// True while a body that is to be there still has this letter in it: it needs no other one.
    pub fn carries(&self, key: u64) -> bool {
        self.out.iter().any(|body| !body.replaced && body.letters.contains(&key))
    }

    /// Drops what nobody waits for.
    pub(super) fn sweep(&mut self) {
        self.out.retain(|body| !body.letters.is_empty() || body.with_link());
        self.recode.retain(|group| !group.letters.is_empty());
    }

    /// A packet of a body for the link, dressed with what is owed. `None` when it does not fit.
    pub(super) fn emit(&mut self, here: &mut PeerContext, ticket: u64, piece: usize) -> Option<Outgoing> {
        let at = self.out.iter().position(|body| body.ticket == ticket)?;
        let body = &self.out[at];
        let core = body.packets.get(piece)?.bytes.0.clone();
        let must: Vec<_> = body.replaces.iter().filter(|_| piece == 0).copied().map(Note::Replaces).collect();
        let (payload, carries) = self.dress(here, &core, must, false)?;
        let body = &mut self.out[at];
        if body.repeats == 0 && body.first_sent.is_none() {
            body.hello = super::agreement::hello_in(&carries).cloned().or(body.hello.take());
        }
        let part = body.packets.get_mut(piece)?;
        let repeat = part.sent.is_some();
        (part.with_link, part.carries) = (true, carries);
        Some(Outgoing {
            ticket,
            piece: piece as u8,
            pieces: body.packets.len() as u8,
            payload,
            letters: body.letters.clone(),
            receipt: body.wait.is_some(),
            repeat,
        })
    }

    /// A packet with as many of the notes that are owed as it has room for; they are not owed any more.
    pub(super) fn dress(
        &mut self,
        here: &mut PeerContext,
        core: &[u8],
        must: Vec<Note>,
        classic: bool,
    ) -> Option<(Vec<u8>, Vec<Note>)> {
        let form = |notes: &[Note]| if classic { append_to_classic(core, notes) } else { wrap(notes, core) };
        let room = here.room;
        let fits = |notes: &[Note]| form(notes).filter(|packet| packet.len() <= room);
        let mut notes = must;
        let mut packet = fits(&notes)?;
        for note in self.owed_notes(here) {
            notes.push(note);
            match fits(&notes) {
                Some(more) => packet = more,
                None => drop(notes.pop()),
            }
        }
        self.said(&notes, here.now);
        Some((packet, notes))
    }

    /// The number of the next body.
    pub(super) fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }
}
