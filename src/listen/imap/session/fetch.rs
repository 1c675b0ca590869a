//! FETCH: what is wanted of which messages, found and written message by message. No more than one mail is in memory at a
//! time, and a large one is read from its file in pieces while it is sent.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use imap_codec::imap_types::command::FetchModifier;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName};
use imap_codec::imap_types::sequence::SequenceSet;

use super::ImapSession;
use super::value::{Mail, Values, label};
use crate::fault::Fault;
use crate::listen::imap::answer::{Answer, Try};
use crate::listen::imap::mime::{self, Part};
use crate::listen::imap::replies::Replies;
use crate::listen::imap::section;
use crate::listen::imap::selected::{BATCH, Mark};
use crate::store::mailbox::{Content, Entry, FlagChange, Flags, Folder};

/// Bytes of small mails, or of headers, that are read at once.
const AHEAD: u64 = 256 * 1024;
/// Some of the messages are not there any more, because of another session (RFC 5530).
const GONE: &str = "[EXPUNGEISSUED] some of these messages were removed meanwhile";
/// Large mails are taken apart one at a time, however many sessions want them.
static LARGE: Mutex<()> = Mutex::new(());

/// The parts of the last large mail: programs fetch such a mail in many pieces.
#[derive(Debug, Default)]
pub struct Cache(Option<(u64, PathBuf, Part)>);

/// How much of a mail is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Nothing,
    Header,
    Whole,
}

fn need_of(item: &MessageDataItemName<'_>) -> Need {
    match item {
        MessageDataItemName::Envelope | MessageDataItemName::Rfc822Header => Need::Header,
        MessageDataItemName::BodyExt { section: Some(section), .. } if section::is_of_header(section) => Need::Header,
        MessageDataItemName::BodyExt { .. }
        | MessageDataItemName::Body
        | MessageDataItemName::BodyStructure
        | MessageDataItemName::Rfc822
        | MessageDataItemName::Rfc822Text => Need::Whole,
        _ => Need::Nothing,
    }
}

/// The item as one of what a message is marked with; `None` for any other.
fn mark_of(item: &MessageDataItemName<'_>) -> Option<Mark> {
    match item {
        MessageDataItemName::Uid => Some(Mark::Uid),
        MessageDataItemName::Flags => Some(Mark::Flags),
        MessageDataItemName::ModSeq => Some(Mark::Modseq),
        _ => None,
    }
}

/// How FETCH ends when nothing was in its way.
fn all_there(all: bool) -> Answer {
    if all { Answer::done() } else { Answer::Ok(GONE.to_owned()) }
}

fn reads(item: &MessageDataItemName<'_>) -> bool {
    match item {
        MessageDataItemName::BodyExt { peek, .. } => !peek,
        MessageDataItemName::Rfc822 | MessageDataItemName::Rfc822Text => true,
        _ => false,
    }
}

impl Need {
    /// How many of the first entries are read at once: at least one.
    fn together(self, entries: &[&Entry]) -> usize {
        let mut bytes = 0;
        let fit = entries.iter().take_while(|entry| {
            bytes += match self {
                Self::Nothing => 0,
                Self::Header if entry.header > 0 => u64::from(entry.header),
                Self::Header | Self::Whole => entry.size.min(AHEAD),
            };
            bytes <= AHEAD
        });
        fit.count().max(1)
    }
}

impl ImapSession<'_> {
    pub(super) fn fetch(
        &mut self,
        set: &SequenceSet,
        items: &MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
        modifiers: &[FetchModifier],
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        let mut uids = self.open()?.find(set, by_uid)?;
        let person = self.person()?.to_owned();
        let mut items = match items {
            MacroOrMessageDataItemNames::Macro(short) => short.expand(),
            MacroOrMessageDataItemNames::MessageDataItemNames(items) => items.clone(),
        };
        if items
            .iter()
            .any(|item| matches!(item, MessageDataItemName::Binary { .. } | MessageDataItemName::BinarySize { .. }))
        {
            return Err(Answer::Bad("BINARY is not offered".to_owned()));
        }
        let mut since = None;
        for modifier in modifiers {
            match modifier {
                FetchModifier::ChangedSince(modseq) => since = Some(modseq.get()),
                FetchModifier::Vanished => return Err(Answer::Bad("VANISHED is not offered".to_owned())),
            }
        }
        let add = |items: &mut Vec<_>, item: MessageDataItemName<'static>, at: usize| {
            if !items.contains(&item) {
                items.insert(at.min(items.len()), item);
            }
        };
        if by_uid {
            add(&mut items, MessageDataItemName::Uid, 0);
        }
        if since.is_some() {
            add(&mut items, MessageDataItemName::ModSeq, usize::MAX);
        }
        if items.contains(&MessageDataItemName::ModSeq) {
            self.enable_condstore(out);
        }
        let selected = self.open()?;
        let number = selected.number;
        if items.iter().any(reads) && !selected.read_only {
            add(&mut items, MessageDataItemName::Flags, usize::MAX);
            if self.condstore {
                add(&mut items, MessageDataItemName::Uid, 0);
                add(&mut items, MessageDataItemName::ModSeq, usize::MAX);
            }
            uids = self.read_them(&person, number, uids)?;
        }
        if since.is_none() && items == [MessageDataItemName::Uid] {
            // Which UID has which place is known here, also of a message that went and was not told yet.
            let selected = self.open()?;
            for (place, uid) in uids.iter().filter_map(|uid| Some((selected.uids.place(*uid)?, uid))) {
                out.line(&format!("* {place} FETCH (UID {uid})"));
            }
            return Ok(Answer::done());
        }
        if let Some(marks) = items.iter().map(mark_of).collect::<Option<Vec<_>>>() {
            return self.fetch_marks(&uids, &marks, since, out);
        }
        let (mut there, mut damaged) = (0, Vec::new());
        let need = items.iter().map(need_of).max().unwrap_or(Need::Nothing);
        let labels: Vec<String> = items.iter().map(label).collect();
        for batch in uids.chunks(BATCH) {
            let (folder, entries) = self
                .services
                .store
                .read(|view| Ok((view.folder(&person, number)?, view.entries(&person, number, batch)?)))?;
            let Some(folder) = folder else { break };
            if let Some(selected) = &mut self.selected {
                selected.tell_keywords(&folder, out);
            }
            there += entries.len();
            let changed = entries.iter().filter(|entry| since.is_none_or(|since| entry.modseq > since));
            let (lost, wanted): (Vec<&Entry>, Vec<&Entry>) = changed.partition(|entry| entry.is_lost());
            for entry in lost {
                log::warn!("imap: {}, UID {} of {person}: its entry is damaged", folder.name, entry.uid);
                damaged.push(entry.uid);
            }
            let mut rest = &wanted[..];
            while !rest.is_empty() {
                let (group, behind) = rest.split_at(need.together(rest));
                rest = behind;
                let ahead = match need {
                    Need::Nothing => vec![None; group.len()],
                    Need::Header => self.services.store.small_heads(group)?,
                    Need::Whole => self.services.store.small_contents(group)?,
                };
                for (entry, ahead) in group.iter().zip(ahead) {
                    match self.values(&folder, entry, &items, need, ahead) {
                        Ok(values) => self.write_one(entry, &labels, values, out),
                        Err(fault) => {
                            log::warn!("imap: {}, UID {} of {person}: {fault}", folder.name, entry.uid);
                            match self.services.store.read(|view| view.entry(&person, number, entry.uid))? {
                                // Out of files, or of a disk that answers: no damage.
                                Some(_) if !fault.is_permanent() => return Err(fault.into()),
                                Some(_) => damaged.push(entry.uid),
                                // Another session removed it meanwhile.
                                None => there -= 1,
                            }
                        }
                    }
                    if out.broken() {
                        return Ok(Answer::done());
                    }
                }
            }
        }
        damaged.sort_unstable();
        match damaged.is_empty() {
            true => Ok(all_there(there == uids.len())),
            false => Ok(Answer::damaged(damaged, "all others were sent")),
        }
    }

    /// Tells of what messages are marked with, which stands in few rows for many of them.
    fn fetch_marks(&mut self, uids: &[u32], items: &[Mark], since: Option<u64>, out: &mut Replies<'_>) -> Try<Answer> {
        let (person, number) = (self.person()?.to_owned(), self.open()?.number);
        let (mut there, mut line) = (0, Vec::new());
        for batch in uids.chunks(BATCH) {
            let store = &self.services.store;
            let (folder, entries) =
                store.read(|view| Ok((view.folder(&person, number)?, view.flags(&person, number, batch)?)))?;
            let (Some(folder), Some(selected)) = (folder, &mut self.selected) else { break };
            selected.tell_keywords(&folder, out);
            there += entries.len();
            for entry in entries.iter().filter(|entry| since.is_none_or(|since| entry.modseq > since)) {
                line.clear();
                selected.write_marks(&mut line, &folder, entry, items);
                out.bytes(&line);
            }
            if out.broken() {
                break;
            }
        }
        Ok(all_there(there == uids.len()))
    }

    /// Marks messages as read, in one commit.
    fn read_them(&mut self, person: &str, number: u32, uids: Vec<u32>) -> Try<Vec<u32>> {
        let mut unread = Vec::new();
        for batch in uids.chunks(BATCH) {
            let entries = self.services.store.read(|view| view.flags(person, number, batch))?;
            unread.extend(entries.iter().filter(|entry| entry.flags & Flags::SEEN == 0).map(|entry| entry.uid));
        }
        if !unread.is_empty() {
            let person = person.to_owned();
            let seen = Flags::of(Flags::SEEN);
            let job = move |tx: &mut crate::store::Tx| tx.mark(&person, number, &unread, FlagChange::Add, &seen, None);
            let marked = self.services.store.write(job)?;
            if let Some(selected) = &mut self.selected {
                selected.own.extend(marked.made());
            }
        }
        Ok(uids)
    }

    /// What is to be written for a message, item by item. Its bytes, or its header, may have been read `ahead`.
    fn values(
        &mut self,
        folder: &Folder,
        entry: &Entry,
        items: &[MessageDataItemName<'_>],
        need: Need,
        ahead: Option<Vec<u8>>,
    ) -> Result<Values, Fault> {
        let (mail, part, _guard);
        let mut bytes: Vec<u8> = Vec::new();
        match need {
            Need::Nothing => (mail, part, _guard) = (None, None, None),
            Need::Header => {
                bytes = match ahead {
                    Some(mut head) => {
                        head.truncate(mime::header_end(&head));
                        head
                    }
                    None => self.header(entry)?,
                };
                (mail, part, _guard) = (None, None, None);
            }
            Need::Whole => {
                let cached = self.cache.0.as_ref().filter(|(content, ..)| *content == entry.content);
                let from_parts = items.iter().all(section::is_from_parts);
                match cached {
                    Some((_, path, known)) if from_parts => {
                        (mail, part, _guard) = (Some(Mail::File(path.clone())), Some(known.clone()), None);
                    }
                    _ => match ahead
                        .map_or_else(|| self.services.store.content(entry), |all| Ok(Content::Bytes(all)))?
                    {
                        Content::Bytes(whole) => {
                            part = items.iter().any(section::needs_parts).then(|| Part::of(&whole));
                            (mail, _guard) = (Some(Mail::Memory(whole)), None);
                        }
                        Content::File(path) => {
                            _guard = Some(LARGE.lock().unwrap_or_else(PoisonError::into_inner));
                            if items.iter().any(|item| section::needs_parts(item) || need_of(item) == Need::Header) {
                                bytes = std::fs::read(&path).map_err(Fault::temporary)?;
                                let known = Part::of(&bytes);
                                self.cache.0 = Some((entry.content, path.clone(), known.clone()));
                                part = Some(known);
                            } else {
                                part = None;
                            }
                            mail = Some(Mail::File(path));
                        }
                    },
                }
            }
        }
        let whole: &[u8] = match &mail {
            Some(Mail::Memory(whole)) => whole,
            _ => &bytes,
        };
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
        let values = items.iter().map(|item| self.value(folder, entry, item, whole, part.as_ref(), size)).collect();
        Ok((mail, values))
    }

    /// The header of a message, without the rest.
    pub(super) fn header(&self, entry: &Entry) -> Result<Vec<u8>, Fault> {
        let mut bytes = self.services.store.content_head(entry)?;
        bytes.truncate(mime::header_end(&bytes));
        Ok(bytes)
    }
}
