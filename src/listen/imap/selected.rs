//! The open folder as its client knows it: places of messages, and what has happened since it was told.

use std::collections::BTreeSet;
use std::ops::Range;

use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

use super::answer::{Answer, Try};
use super::replies::{Replies, number};

use crate::store::Store;
use crate::store::mailbox::{EntryFlags, Flags, Folder, UidRanges};

/// Entries that are read at once.
pub const BATCH: usize = 500;

/// What an answer to FETCH says of what a message is marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `UID`, its number in the folder.
    Uid,
    /// `FLAGS`: flags and keywords.
    Flags,
    /// The number of the change that gave it these.
    Modseq,
}

/// The folder that a session has open.
#[derive(Debug)]
pub struct Selected {
    /// Number of the folder.
    pub number: u32,
    /// Opened with EXAMINE: nothing in it can be changed.
    pub read_only: bool,
    /// The messages that the client knows, in their places.
    pub uids: UidRanges,
    /// The last change that it was told.
    pub modseq: u64,
    /// The UIDs that are recent in this session: it was the first to hear of them.
    recent: Vec<Range<u32>>,
    /// How many keywords of the folder it was told.
    keywords: usize,
    /// Changes that this session made, which it has told already.
    pub own: BTreeSet<u64>,
}

impl Selected {
    /// A folder that is opened now, with the UIDs that are `recent` in this session.
    pub fn new(folder: &Folder, uids: UidRanges, read_only: bool, recent: Range<u32>) -> Self {
        Self {
            number: folder.number,
            read_only,
            uids,
            modseq: folder.modseq,
            recent: vec![recent],
            keywords: folder.keywords.len(),
            own: BTreeSet::new(),
        }
    }

    /// How many messages are recent in this session.
    pub fn count_recent(&self) -> usize {
        self.recent.iter().map(|new| self.uids.between(new.start, new.end.saturating_sub(1)).count()).sum()
    }

    /// True for a message that is recent in this session.
    pub fn is_recent(&self, uid: u32) -> bool {
        self.recent.iter().any(|new| new.contains(&uid))
    }

    fn add_recent(&mut self, new: Range<u32>) {
        // A session that only looks left them to others, and may still have them.
        let start = self.recent.last().map_or(new.start, |last| new.start.max(last.end));
        match self.recent.last_mut() {
            Some(last) if last.end == start => last.end = new.end.max(start),
            _ => self.recent.push(start..new.end),
        }
    }

    /// The messages of a set, as UIDs that rise.
    pub fn find(&self, set: &SequenceSet, by_uid: bool) -> Try<Vec<u32>> {
        self.resolve(set, by_uid, false)
    }

    /// The messages of a set of places that a search is about. A range up to the last message holds it, also where the other
    /// end lies beyond; a command that changes messages may not mean more than it says.
    pub fn find_to_last(&self, set: &SequenceSet) -> Try<Vec<u32>> {
        self.resolve(set, false, true)
    }

    fn resolve(&self, set: &SequenceSet, by_uid: bool, to_last: bool) -> Try<Vec<u32>> {
        let count = self.uids.len();
        let end = if by_uid { self.uids.last().unwrap_or(0) } else { count };
        let number = |at: &SeqOrUid| match at {
            SeqOrUid::Value(number) => number.get(),
            SeqOrUid::Asterisk => end,
        };
        let mut found = Vec::new();
        for sequence in set.0.as_ref() {
            let (one, other) = match sequence {
                Sequence::Single(at) => (number(at), number(at)),
                Sequence::Range(from, to) => (number(from), number(to)),
            };
            let (mut from, mut to) = (one.min(other), one.max(other));
            if by_uid {
                found.extend(self.uids.between(from, to));
                continue;
            }
            let open = matches!(sequence, Sequence::Range(from, to) if [from, to].contains(&&SeqOrUid::Asterisk));
            if open && count == 0 {
                continue;
            }
            if open && to_last {
                (from, to) = (from.min(count), to.min(count));
            }
            let (Some(first), Some(last)) = (self.uids.at(from), self.uids.at(to)) else {
                return Err(Answer::Bad("there is no message of this number".to_owned()));
            };
            found.extend(self.uids.between(first, last));
        }
        if !found.is_sorted_by(|one, other| one < other) {
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }

    /// Writes the flags of an entry as a list in parentheses.
    pub fn write_flags(&self, out: &mut Vec<u8>, folder: &Folder, entry: &EntryFlags) {
        out.push(b'(');
        let begin = out.len();
        let mut add = |word: &str| {
            if out.len() > begin {
                out.push(b' ');
            }
            out.extend_from_slice(word.as_bytes());
        };
        Flags::NAMES.iter().filter(|(bit, _)| entry.flags & bit != 0).for_each(|(_, name)| add(name));
        if self.is_recent(entry.uid) {
            add("\\Recent");
        }
        if entry.keywords != 0 {
            folder.words(entry.keywords).for_each(add);
        }
        out.push(b')');
    }

    /// Writes what was marked of a message, as an answer to FETCH has it: the items are UID, FLAGS and MODSEQ or some of them. Nothing
    /// for a message that this session does not know.
    pub fn write_marks(&self, out: &mut Vec<u8>, folder: &Folder, entry: &EntryFlags, items: &[Mark]) {
        let Some(place) = self.uids.place(entry.uid) else { return };
        out.extend_from_slice(b"* ");
        number(out, place.into());
        out.extend_from_slice(b" FETCH ");
        for (at, item) in items.iter().enumerate() {
            out.push(if at == 0 { b'(' } else { b' ' });
            match item {
                Mark::Uid => {
                    out.extend_from_slice(b"UID ");
                    number(out, entry.uid.into());
                }
                Mark::Flags => {
                    out.extend_from_slice(b"FLAGS ");
                    self.write_flags(out, folder, entry);
                }
                Mark::Modseq => {
                    out.extend_from_slice(b"MODSEQ (");
                    number(out, entry.modseq);
                    out.push(b')');
                }
            }
        }
        out.extend_from_slice(b")\r\n");
    }

    /// Tells new keywords, before something shows them.
    pub fn tell_keywords(&mut self, folder: &Folder, out: &mut Replies<'_>) {
        if folder.keywords.len() != self.keywords {
            self.keywords = folder.keywords.len();
            out.line(&format!("* FLAGS {}", all_flags(folder)));
        }
    }

    /// Tells what happened since the client was told last; false when the folder is gone. Without `removals` nothing is told
    /// from the first removal on.
    pub fn follow(
        &mut self,
        store: &Store,
        person: &str,
        removals: bool,
        condstore: bool,
        out: &mut Replies<'_>,
    ) -> Try<bool> {
        let (number, since, own) = (self.number, self.modseq, &self.own);
        let changes = store.read(|view| view.changes_of_others(person, number, since, own))?;
        let Some(changes) = changes else { return Ok(false) };
        let folder = changes.folder;
        if folder.modseq == self.modseq || (changes.behind && !removals) {
            return Ok(true);
        }
        let known = self.uids.last().unwrap_or(0);
        let first_removal = changes.list.iter().find(|change| change.removed && self.uids.place(change.uid).is_some());
        let until = match first_removal {
            Some(removal) if !removals => {
                // With a new message held back as well, none is left out whose flags changed behind the removal.
                let new = changes.list.iter().find(|change| !change.removed && change.uid > known);
                removal.modseq.min(new.map_or(u64::MAX, |new| new.modseq)) - 1
            }
            _ => folder.modseq,
        };
        let (mut changed, mut new, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for change in changes.list.iter().filter(|change| change.modseq <= until) {
            match change.uid {
                uid if change.removed => gone.push(uid),
                uid if uid > known => new.push(uid),
                uid => changed.push(uid),
            }
        }
        if changes.behind {
            let now: BTreeSet<u32> = store.read(|view| view.uids(person, &folder))?.iter().collect();
            gone = self.uids.iter().filter(|uid| !now.contains(uid)).collect();
            new = now.iter().copied().filter(|uid| *uid > known).collect();
        }
        self.own.retain(|modseq| *modseq > until);
        self.modseq = until;
        self.tell_keywords(&folder, out);
        // Places change with each one that goes.
        for uid in gone {
            if let Some(place) = self.uids.remove(uid) {
                out.line(&format!("* {place} EXPUNGE"));
            }
        }
        new.sort_unstable();
        if !new.is_empty() {
            new.iter().for_each(|uid| self.uids.push(*uid));
            if folder.recent < folder.next {
                self.add_recent(take_recent(store, person, &folder, self.read_only)?);
            }
            out.line(&format!("* {} EXISTS", self.uids.len()));
            out.line(&format!("* {} RECENT", self.count_recent()));
        }
        changed.sort_unstable();
        let items: &[Mark] =
            if condstore { &[Mark::Uid, Mark::Flags, Mark::Modseq] } else { &[Mark::Uid, Mark::Flags] };
        let mut line = Vec::new();
        for batch in changed.chunks(BATCH) {
            let entries = store.read(|view| view.flags(person, self.number, batch))?;
            for entry in entries.iter().filter(|entry| entry.modseq <= until) {
                line.clear();
                self.write_marks(&mut line, &folder, entry, items);
                out.bytes(&line);
            }
        }
        Ok(true)
    }
}

/// The UIDs that no session had as recent. Whoever hears of them first has them, and nobody after; a session that only looks
/// leaves them to the next.
pub fn take_recent(store: &Store, person: &str, folder: &Folder, read_only: bool) -> Try<Range<u32>> {
    if read_only || folder.recent >= folder.next {
        return Ok(folder.recent..folder.next);
    }
    let (person, number) = (person.to_owned(), folder.number);
    Ok(store.write(move |tx| tx.take_recent(&person, number))?)
}

/// The flags that messages of a folder can have.
pub fn all_flags(folder: &Folder) -> String {
    let names = Flags::NAMES.iter().map(|(_, name)| *name).chain(folder.keywords.iter().map(String::as_str));
    format!("({})", names.collect::<Vec<_>>().join(" "))
}
