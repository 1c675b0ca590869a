//! Commands that change messages: STORE, COPY, MOVE, EXPUNGE.

use imap_codec::imap_types::command::StoreModifier;
use imap_codec::imap_types::flag::{Flag, StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::sequence::SequenceSet;

use super::ImapSession;
use crate::listen::imap::answer::{Answer, Try};
use crate::listen::imap::replies::{Replies, set};
use crate::listen::imap::selected::{BATCH, Mark};
use crate::settings::Key;
use crate::store::Tx;
use crate::store::mailbox::{Copied, FlagChange, Flags, Folder, Special};

/// Messages that are moved or removed in one commit: others write between two of them.
const TOGETHER: usize = 250;

/// Flags as the store has them.
pub fn flags_of(flags: &[Flag<'_>]) -> Try<Flags> {
    let mut found = Flags::default();
    for flag in flags {
        match flag {
            Flag::Seen => found.system |= Flags::SEEN,
            Flag::Answered => found.system |= Flags::ANSWERED,
            Flag::Flagged => found.system |= Flags::FLAGGED,
            Flag::Deleted => found.system |= Flags::DELETED,
            Flag::Draft => found.system |= Flags::DRAFT,
            Flag::Keyword(word) => found.keywords.push(word.as_ref().to_owned()),
            Flag::Extension(_) => return Err(Answer::Bad(format!("the flag {flag} cannot be set"))),
        }
    }
    Ok(found)
}

/// The code of COPYUID; nothing where nothing was copied.
fn copyuid(target: &Folder, copied: &Copied) -> String {
    if copied.is_empty() {
        return String::new();
    }
    let (from, to) = (set(copied.iter().map(|pair| pair.0)), set(copied.iter().map(|pair| pair.1)));
    format!("[COPYUID {} {from} {to}] ", target.validity)
}

/// A folder has all the keywords that it can have (RFC 5530).
fn no_place(so: &str) -> Answer {
    Answer::No(format!("[LIMIT] this folder has all the keywords that it can have: {so}"))
}

impl ImapSession<'_> {
    /// Bytes that a person may still put into their mailbox.
    pub(super) fn room(&self) -> Try<u64> {
        let person = self.person()?;
        let quota = u64::try_from(self.settings.number(Key::MailboxQuota)).unwrap_or(0).saturating_mul(1_000_000);
        if quota == 0 {
            return Ok(u64::MAX);
        }
        let used = self.services.store.read(|view| view.mailbox_bytes(person))?;
        Ok(quota.saturating_sub(used))
    }

    pub(super) fn store(
        &mut self,
        set_of: &SequenceSet,
        (kind, response): (StoreType, StoreResponse),
        flags: &[Flag<'_>],
        by_uid: bool,
        modifiers: &[StoreModifier],
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        self.writable()?;
        let unchanged = modifiers.first().map(|StoreModifier::UnchangedSince(modseq)| *modseq);
        if unchanged.is_some() {
            self.enable_condstore(out);
        }
        let selected = self.writable()?;
        let (person, number) = (self.person()?.to_owned(), selected.number);
        let uids = selected.find(set_of, by_uid)?;
        let flags = flags_of(flags)?;
        let change = match kind {
            StoreType::Replace => FlagChange::Replace,
            StoreType::Add => FlagChange::Add,
            StoreType::Remove => FlagChange::Remove,
        };
        if change != FlagChange::Remove && !flags.keywords.is_empty() {
            let folder = self.services.store.read(|view| view.folder(&person, number))?;
            if folder.is_some_and(|folder| !folder.has_places(flags.keywords.iter().map(String::as_str))) {
                return Err(no_place("nothing was changed"));
            }
        }
        let job = move |tx: &mut Tx| tx.mark(&person, number, &uids, change, &flags, unchanged);
        let marked = self.services.store.write(job)?;
        let folder = &marked.folder;
        let condstore = self.condstore;
        let Some(selected) = &mut self.selected else { return Ok(Answer::done()) };
        selected.tell_keywords(folder, out);
        // What others did to it before, and was not told, the client would never hear of.
        let known = |before: &u64| *before <= selected.modseq || selected.own.contains(before);
        let known: Vec<bool> = marked.before.iter().map(known).collect();
        if selected.modseq == marked.since {
            // Nobody else changed anything since the client was told last.
            selected.modseq = folder.modseq;
        } else {
            selected.own.extend(marked.made());
        }
        let (mut line, mut items) = (Vec::new(), Vec::new());
        for (entry, known) in marked.entries.iter().zip(known) {
            let silent = response == StoreResponse::Silent && known;
            if silent && !condstore {
                continue;
            }
            items.clear();
            // With the mod-sequence comes the UID (RFC 7162 section 3.1).
            items.extend((by_uid || condstore).then_some(Mark::Uid));
            items.extend((!silent).then_some(Mark::Flags));
            items.extend(condstore.then_some(Mark::Modseq));
            line.clear();
            selected.write_marks(&mut line, folder, entry, &items);
            out.bytes(&line);
        }
        if marked.modified.is_empty() {
            return Ok(Answer::done());
        }
        let places = marked.modified.iter().filter_map(|uid| selected.uids.place(*uid));
        let list = if by_uid { set(marked.modified.iter().copied()) } else { set(places) };
        Ok(Answer::Ok(format!("[MODIFIED {list}] the others were changed")))
    }

    /// The folder that COPY and MOVE name.
    fn target(&self, mailbox: &Mailbox<'_>) -> Try<Folder> {
        let found = self.folder(mailbox)?;
        found.ok_or_else(|| Answer::No("[TRYCREATE] there is no folder of this name".to_owned()))
    }

    /// Looks whether a folder has a place for each keyword of messages before any of them goes there.
    fn may_come(&self, uids: &[u32], from: u32, target: &Folder, so: &str) -> Try<()> {
        let (person, store) = (self.person()?, &self.services.store);
        let Some(source) = store.read(|view| view.folder(person, from))? else { return Ok(()) };
        if target.special() == Some(Special::Trash) || target.has_places(source.words(u64::MAX)) {
            return Ok(());
        }
        let flags = store.read(|view| view.flags(person, from, uids))?;
        let bits = flags.iter().fold(0, |bits, entry| bits | entry.keywords);
        match target.has_places(source.words(bits)) {
            true => Ok(()),
            false => Err(no_place(so)),
        }
    }

    pub(super) fn copy(&mut self, set_of: &SequenceSet, mailbox: &Mailbox<'_>, by_uid: bool) -> Try<Answer> {
        let selected = self.open()?;
        let (person, number) = (self.person()?.to_owned(), selected.number);
        let uids = selected.find(set_of, by_uid)?;
        let target = self.target(mailbox)?;
        self.may_come(&uids, number, &target, "nothing was copied")?;
        let room = self.room()?;
        let (to, whose, which) = (target.number, person.clone(), uids.clone());
        let entries = self.services.store.read(|view| view.entries(&whose, number, &which))?;
        let lost = entries.iter().filter(|entry| entry.is_lost()).map(|entry| entry.uid).collect::<Vec<_>>();
        if !lost.is_empty() {
            // All of them or none (RFC 3501 section 6.4.7).
            return Err(Answer::damaged(lost, "nothing was copied"));
        }
        if entries.iter().map(|entry| entry.size).sum::<u64>() > room {
            return Err(Answer::No("[OVERQUOTA] this mailbox is full".to_owned()));
        }
        let copied = self.services.store.write(move |tx: &mut Tx| tx.copy_entries(&person, number, &uids, to))?;
        Ok(Answer::Ok(format!("{}copied", copyuid(&target, &copied))))
    }

    pub(super) fn move_to(
        &mut self,
        set_of: &SequenceSet,
        mailbox: &Mailbox<'_>,
        by_uid: bool,
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        let selected = self.writable()?;
        let (person, number) = (self.person()?.to_owned(), selected.number);
        let mut uids = selected.find(set_of, by_uid)?;
        let target = self.target(mailbox)?;
        self.may_come(&uids, number, &target, "nothing was moved")?;
        let to = target.number;
        let mut moved = Copied::new();
        let mut all = Ok(());
        for some in uids.chunks(TOGETHER) {
            let (person, some) = (person.clone(), some.to_vec());
            match self.services.store.write(move |tx: &mut Tx| tx.move_entries(&person, number, &some, to)) {
                Ok(more) => moved.extend(more),
                Err(fault) => {
                    all = Err(fault);
                    break;
                }
            }
        }
        // Before the places change (RFC 6851 section 4.3).
        if !moved.is_empty() {
            out.line(&format!("* OK {}moved", copyuid(&target, &moved)));
        }
        all?;
        if moved.len() < uids.len() {
            uids.retain(|uid| moved.binary_search_by_key(uid, |(old, _)| *old).is_err());
            let left = self.services.store.read(|view| view.entries(&person, number, &uids))?;
            let lost = left.iter().filter(|entry| entry.is_lost()).map(|entry| entry.uid).collect::<Vec<_>>();
            if !lost.is_empty() {
                return Err(Answer::damaged(lost, "all others were moved"));
            }
        }
        Ok(Answer::done())
    }

    /// Removes what is marked as deleted; of these messages only, if some are given.
    pub(super) fn expunge(&mut self, set_of: Option<&SequenceSet>) -> Try<Answer> {
        let selected = self.writable()?;
        let uids = set_of.map(|set_of| selected.find(set_of, true)).transpose()?;
        self.remove_deleted(uids)?;
        Ok(Answer::done())
    }

    /// Removes what is marked as deleted in the open folder, of these messages or of all.
    pub(super) fn remove_deleted(&self, uids: Option<Vec<u32>>) -> Try<()> {
        let (person, number, store) = (self.person()?, self.open()?.number, &self.services.store);
        let Some(folder) = store.read(|view| view.folder(person, number))? else { return Ok(()) };
        let uids = match uids {
            Some(uids) => uids,
            None => store.read(|view| view.uids(person, &folder))?.iter().collect(),
        };
        for batch in uids.chunks(BATCH) {
            let entries = store.read(|view| view.flags(person, number, batch))?;
            let deleted = entries.iter().filter(|entry| entry.flags & Flags::DELETED != 0);
            let deleted: Vec<_> = deleted.map(|entry| entry.uid).collect();
            for some in deleted.chunks(TOGETHER) {
                let (person, some) = (person.to_owned(), some.to_vec());
                store.write(move |tx: &mut Tx| tx.expunge(&person, number, &some))?;
            }
        }
        Ok(())
    }
}
