//! Entries of Sent and Drafts by Message-ID: a mail that left is in Sent once, and a draft that is saved each minute is in
//! Drafts once.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::flags::Flags;
use super::marks::EntryReader;
use super::rows::{Entry, Special};
use crate::fault::Fault;
use crate::message::{Id, Message};
use crate::store::schema::{self, Readable, Tx, TxResult, View, reject};

/// So long before or after a mail was submitted a copy of it in Sent, put there by a program, is the same mail.
pub const SAME: Duration = Duration::from_secs(7 * 86_400);

/// Folders whose entries are found by name.
fn is_named(folder: u32) -> bool {
    [Special::Sent, Special::Drafts].iter().any(|special| special.number() == folder)
}

/// Gives the lines of the header of a mail, without their line feeds.
fn header_lines(mail: &[u8]) -> impl Iterator<Item = &[u8]> {
    let header = &mail[..usize::try_from(super::header_length(mail)).unwrap_or(0).min(mail.len())];
    header.split(|byte| *byte == b'\n')
}

/// The value of the first Message-ID field of a mail, without what folds it.
pub fn message_id_of(mail: &[u8]) -> Option<String> {
    value_of(mail, b"message-id")
}

/// The Message-ID by which a copy of a mail is found in Sent. A mail that was sent on as it is (RFC 5322 section 3.6.6) has that of
/// the one that it was before: it has its Resent-Message-ID, or none.
pub fn sent_as(mail: &[u8]) -> Option<String> {
    value_of(mail, if is_resent(mail) { b"resent-message-id" } else { b"message-id" })
}

/// True for a mail that came, by a mailing list for instance: no program writes these fields into what it sends.
pub fn has_come(mail: &[u8]) -> bool {
    value_of(mail, b"received").is_some() || value_of(mail, b"list-id").is_some()
}

fn is_resent(mail: &[u8]) -> bool {
    let begin = b"resent-";
    header_lines(mail).any(|line| line.get(..begin.len()).is_some_and(|name| name.eq_ignore_ascii_case(begin)))
}

fn value_of(mail: &[u8], field: &[u8]) -> Option<String> {
    let mut lines = header_lines(mail).peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.iter().position(|byte| *byte == b':').map(|at| line.split_at(at)) else {
            continue;
        };
        if !name.trim_ascii_end().eq_ignore_ascii_case(field) {
            continue;
        }
        let mut value = value[1..].to_vec();
        while let Some(folded) = lines.next_if(|next| matches!(next.first(), Some(b' ' | b'\t'))) {
            value.extend_from_slice(folded);
        }
        let value = String::from_utf8_lossy(&value).trim().to_owned();
        return (!value.is_empty()).then_some(value);
    }
    None
}

/// The name of a Message-ID in rows; 0 for none.
pub(super) fn hash(message_id: Option<&str>) -> u64 {
    let Some(message_id) = message_id else { return 0 };
    let bare = message_id.trim().trim_matches(['<', '>']);
    let digest = Sha256::digest(bare.as_bytes());
    digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte)).max(1)
}

fn named<N>(names: &N, person: &str, name: u64, folder: Special) -> TxResult<Vec<u32>>
where
    N: Readable<(&'static str, u64, u32, u32), ()>,
{
    if name == 0 {
        return Ok(Vec::new());
    }
    let range = (person, name, folder.number(), 0)..=(person, name, folder.number(), u32::MAX);
    names.range(range)?.map(|row| Ok(row?.0.value().3)).collect()
}

/// The entries of Sent of this name, by the tables of names, entries and marks, that were not put there before `since` (in
/// seconds). Damaged ones are passed over.
pub(super) fn copies_of<N, T>(
    (names, entries, marks): (&N, &T, &T),
    person: &str,
    name: &str,
    since: i64,
) -> TxResult<Vec<Entry>>
where
    N: Readable<(&'static str, u64, u32, u32), ()>,
    T: Readable<(&'static str, u32, u32), &'static [u8]>,
{
    let (mut found, sent) = (Vec::new(), Special::Sent.number());
    for uid in named(names, person, hash(Some(name)), Special::Sent)? {
        let Some(row) = entries.get((person, sent, uid))? else { continue };
        let entry = EntryReader::new(marks, person, sent).read(uid, row.value())?;
        found.extend(Some(entry).filter(|entry| !entry.is_lost() && entry.saved >= since));
    }
    Ok(found)
}

impl Tx<'_> {
    pub(super) fn put_name(&mut self, person: &str, folder: u32, entry: &Entry) -> TxResult<()> {
        if entry.name > 0 && is_named(folder) {
            self.names.insert((person, entry.name, folder, entry.uid), ())?;
        }
        Ok(())
    }

    pub(super) fn remove_name(&mut self, person: &str, folder: u32, entry: &Entry) -> TxResult<()> {
        if entry.name > 0 && is_named(folder) {
            self.names.remove((person, entry.name, folder, entry.uid))?;
        }
        Ok(())
    }

    /// The name by which copies of a message are found in Sent, as [`sent_as`] gives it for its mail.
    pub(super) fn sent_name(&self, message: &Message) -> TxResult<Option<String>> {
        let of = |head: &[u8]| match is_resent(head) {
            true => sent_as(head),
            false => message.message_id.clone(),
        };
        let Some(mail) = &message.mail else { return Ok(message.message_id.clone()) };
        let Some(file) = &mail.file else {
            return Ok(of(self.bodies.get(mail.first.0)?.as_ref().map_or(&[], |body| body.value())));
        };
        // The file of a mail that comes in with this commit.
        match self.after.keep.iter().find(|kept| kept.name == *file) {
            Some(kept) => {
                kept.start(super::HEADER).map(|head| of(&head)).or_else(|error| reject(Fault::temporary(error)))
            }
            None => Ok(message.message_id.clone()),
        }
    }

    /// Makes the copy that a program put into Sent, not before `since` (in seconds), the entry of the message of this name that is
    /// submitted only now, and gives its UID. It stays as it is: it may hold what the submitted mail does not, a Bcc field or the
    /// text of what was encrypted.
    pub(super) fn adopt(&mut self, person: &str, name: &str, since: i64, message: Id) -> TxResult<Option<u32>> {
        let is_copy = |entry: &&Entry| entry.message == 0 && entry.flags & (Flags::DELETED | Flags::DRAFT) == 0;
        let copies = copies_of((&self.names, &self.entries, &self.marks), person, name, since)?;
        let Some(uid) = copies.iter().rfind(is_copy).map(|entry| entry.uid) else { return Ok(None) };
        let key = (person, Special::Sent.number(), uid);
        // Its flags stay those that it came with.
        let entry = self.entries.get(key)?.and_then(|row| Entry::read(uid, row.value()));
        let Some(entry) = entry else { return Ok(None) };
        self.entries.insert(key, Entry { message: message.0, ..entry }.row().as_slice())?;
        self.places.insert((message.0, key.0, key.1, uid), ())?;
        Ok(Some(uid))
    }

    /// Removes the earlier versions of a draft: the entries of Drafts with this Message-ID that are marked as drafts.
    pub fn drop_drafts(&mut self, person: &str, message_id: &str, but: Option<u32>) -> TxResult<()> {
        let mut old = Vec::new();
        for uid in named(&self.names, person, hash(Some(message_id)), Special::Drafts)? {
            let entry = self.entry(person, Special::Drafts.number(), uid)?;
            let is_draft = entry.is_some_and(|entry| entry.flags & Flags::DRAFT != 0);
            old.extend((is_draft && Some(uid) != but).then_some(uid));
        }
        if old.is_empty() {
            return Ok(());
        }
        self.remove_entries(person, Special::Drafts.number(), &old).map(drop)
    }

    /// The UID of the last draft of this person with this Message-ID, as of this transaction.
    pub fn last_draft(&self, person: &str, message_id: &str) -> TxResult<Option<u32>> {
        Ok(named(&self.names, person, hash(Some(message_id)), Special::Drafts)?.pop())
    }
}

impl View {
    /// The last draft of this person with this Message-ID.
    pub fn draft(&self, person: &str, message_id: &str) -> TxResult<Option<Entry>> {
        let (names, name) = (schema::NAMES.read(&self.0)?, hash(Some(message_id)));
        let drafts = Special::Drafts.number();
        let last =
            names.range((person, name, drafts, 0)..=(person, name, drafts, u32::MAX))?.next_back().transpose()?;
        let uid = last.map(|row| row.0.value().3);
        uid.map_or(Ok(None), |uid| self.entry(person, drafts, uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_named_by_its_message_id() {
        for (mail, name) in [
            ("Message-ID: <a@b>\r\n\r\n", Some("<a@b>")),
            ("Subject: x\r\nmessage-id :\r\n <a@b>\r\nTo: c\r\n\r\n", Some("<a@b>")),
            ("Subject: x\r\n\r\nMessage-ID: <a@b>\r\n", None),
            ("Message-ID:\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(message_id_of(mail.as_bytes()).as_deref(), name, "{mail:?}");
        }
        for (mail, name) in [
            ("Message-ID: <a@b>\r\n\r\nResent-To: c\r\n", Some("<a@b>")),
            ("Resent-To: c\r\nResent-Message-ID: <r@b>\r\nMessage-ID: <a@b>\r\n\r\n", Some("<r@b>")),
            ("Received: x\r\nresent-to: c\r\nMessage-ID: <a@b>\r\n\r\n", None),
        ] {
            assert_eq!(sent_as(mail.as_bytes()).as_deref(), name, "{mail:?}");
        }
        assert_eq!(hash(Some("<a@b>")), hash(Some(" a@b ")));
        assert_ne!(hash(Some("a@b")), hash(Some("a@c")));
        assert_eq!(hash(None), 0);
    }
}
