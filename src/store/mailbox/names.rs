//! Entries of Sent and Drafts by Message-ID: a mail that left is in Sent once, and a draft that is saved each minute is in
//! Drafts once.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::flags::Flags;
use super::rows::{Entry, Special};
use crate::store::schema::{self, Readable, Tx, TxResult, View};

/// So long before or after a mail was submitted a copy of it in Sent, put there by a program, is the same mail.
pub const SAME: Duration = Duration::from_secs(7 * 86_400);

/// Folders whose entries are found by name.
fn is_named(folder: u32) -> bool {
    [Special::Sent, Special::Drafts].iter().any(|special| special.number() == folder)
}

/// The value of the first Message-ID field of a mail, without what folds it.
pub fn message_id_of(mail: &[u8]) -> Option<String> {
    let header = &mail[..usize::try_from(super::header_length(mail)).unwrap_or(0).min(mail.len())];
    let mut lines = header.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.iter().position(|byte| *byte == b':').map(|at| line.split_at(at)) else {
            continue;
        };
        if !name.trim_ascii_end().eq_ignore_ascii_case(b"message-id") {
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

    fn named(&self, person: &str, name: u64, folder: Special) -> TxResult<Vec<u32>> {
        if name == 0 {
            return Ok(Vec::new());
        }
        let range = (person, name, folder.number(), 0)..=(person, name, folder.number(), u32::MAX);
        self.names.range(range)?.map(|row| Ok(row?.0.value().3)).collect()
    }

    /// The entry of Sent that the box filed when this person submitted a mail with this Message-ID, not before `since` (in
    /// seconds).
    pub fn filed(&self, person: &str, message_id: &str, since: i64) -> TxResult<Option<u32>> {
        for uid in self.named(person, hash(Some(message_id)), Special::Sent)? {
            let entry = self.entry(person, Special::Sent.number(), uid)?;
            if entry.is_some_and(|entry| entry.message > 0 && entry.saved >= since) {
                return Ok(Some(uid));
            }
        }
        Ok(None)
    }

    /// Removes what a program put into Sent of a mail that is submitted only now: entries with this Message-ID that belong to no
    /// message of this box, not put there before `since` (in seconds).
    pub(super) fn drop_copies(&mut self, person: &str, message_id: &str, since: i64) -> TxResult<()> {
        let mut copies = Vec::new();
        for uid in self.named(person, hash(Some(message_id)), Special::Sent)? {
            let entry = self.entry(person, Special::Sent.number(), uid)?;
            copies.extend(entry.filter(|entry| entry.message == 0 && entry.saved >= since).map(|entry| entry.uid));
        }
        if copies.is_empty() {
            return Ok(());
        }
        self.remove_entries(person, Special::Sent.number(), &copies).map(drop)
    }

    /// Removes the earlier versions of a draft: the entries of Drafts with this Message-ID that are marked as drafts.
    pub fn drop_drafts(&mut self, person: &str, message_id: &str, but: Option<u32>) -> TxResult<()> {
        let mut old = Vec::new();
        for uid in self.named(person, hash(Some(message_id)), Special::Drafts)? {
            let entry = self.entry(person, Special::Drafts.number(), uid)?;
            let is_draft = entry.is_some_and(|entry| entry.flags & Flags::DRAFT != 0);
            old.extend((is_draft && Some(uid) != but).then_some(uid));
        }
        if old.is_empty() {
            return Ok(());
        }
        self.remove_entries(person, Special::Drafts.number(), &old).map(drop)
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
        assert_eq!(hash(Some("<a@b>")), hash(Some(" a@b ")));
        assert_ne!(hash(Some("a@b")), hash(Some("a@c")));
        assert_eq!(hash(None), 0);
    }
}
