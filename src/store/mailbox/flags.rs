//! Flags and keywords of entries, and how they change.

use super::changes::Run;
use super::marks::page_of;
use super::rows::{EntryFlags, Folder, Special};
use crate::fault::Fault;
use crate::store::schema::{Tx, TxResult, reject};

/// The keywords by which Sent shows how far a mail got.
pub(super) const STAGES: [&str; 4] = ["$Delivered", "$Sent", "$Queued", "$Failed"];
/// True for one of [`STAGES`], in whatever case.
pub(super) fn is_stage(keyword: &str) -> bool {
    STAGES.iter().any(|stage| stage.eq_ignore_ascii_case(keyword))
}

/// Keywords that programs can give one folder. Its entries have bits for four more (see [`EntryFlags::keywords`]): there is always
/// one for each stage that the box itself shows in Sent.
const MAX_KEYWORDS: usize = 64 - STAGES.len();
/// Longest keyword, in bytes.
const MAX_KEYWORD: usize = 64;

/// Flags and keywords by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags {
    /// Bits of the constants.
    pub system: u8,
    /// Keywords as they were written; they are compared without case.
    pub keywords: Vec<String>,
}

impl Flags {
    /// `\Seen`: somebody has read it.
    pub const SEEN: u8 = 1;
    /// `\Answered`: somebody has answered it.
    pub const ANSWERED: u8 = 2;
    /// `\Flagged`: somebody marked it as important.
    pub const FLAGGED: u8 = 4;
    /// Goes at the next EXPUNGE.
    pub const DELETED: u8 = 8;
    /// `\Draft`: it is not finished.
    pub const DRAFT: u8 = 16;

    /// The flags as IMAP names them.
    pub const NAMES: [(u8, &'static str); 5] = [
        (Self::ANSWERED, "\\Answered"),
        (Self::FLAGGED, "\\Flagged"),
        (Self::DELETED, "\\Deleted"),
        (Self::SEEN, "\\Seen"),
        (Self::DRAFT, "\\Draft"),
    ];

    /// These flags and no keyword.
    pub fn of(system: u8) -> Self {
        Self { system, keywords: Vec::new() }
    }
}

/// What is to be done with flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagChange {
    /// These, and no others.
    Replace,
    /// These besides those that are there.
    Add,
    /// Not these; all others stay.
    Remove,
}

/// What a change of flags did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marked {
    /// The folder after the change.
    pub folder: Folder,
    /// The number of the last change before this one.
    pub since: u64,
    /// Entries that are there, with the flags that they have now.
    pub entries: Vec<EntryFlags>,
    /// For each of them, the number of its change before this one.
    pub before: Vec<u64>,
    /// Entries that changed since the number that was given, and were left alone.
    pub modified: Vec<u32>,
}

impl Folder {
    /// The bits of keywords, without those that the folder does not know.
    pub fn bits(&self, keywords: &[String]) -> u64 {
        keywords.iter().filter_map(|word| self.place(word)).fold(0, |bits, place| bits | 1 << place)
    }

    fn place(&self, keyword: &str) -> Option<usize> {
        self.keywords.iter().position(|known| known.eq_ignore_ascii_case(keyword))
    }

    /// The keywords of an entry.
    pub fn words(&self, bits: u64) -> impl Iterator<Item = &str> {
        self.keywords.iter().enumerate().filter(move |(place, _)| bits >> place & 1 == 1).map(|(_, word)| word.as_str())
    }

    /// True while programs can give its entries keywords that it does not know yet.
    pub fn takes_keywords(&self) -> bool {
        self.keywords.len() < MAX_KEYWORDS
    }

    /// True once the keyword is known; one that has no place any more, or is too long, is not.
    fn knows(&mut self, keyword: &str) -> bool {
        if self.place(keyword).is_some() {
            return true;
        }
        let is_stage = is_stage(keyword);
        let fits = keyword.len() <= MAX_KEYWORD && (self.takes_keywords() || is_stage);
        if fits {
            self.keywords.push(keyword.to_owned());
        }
        fits
    }

    /// The bits of keywords; new ones become known.
    ///
    /// # Errors
    /// When one of them has no place any more.
    pub(super) fn learn(&mut self, keywords: &[String]) -> TxResult<u64> {
        if keywords.iter().any(|keyword| !self.knows(keyword)) {
            return reject(Fault::permanent(format!("{}, and {} has them", Self::full_words(), self.shown())));
        }
        Ok(self.bits(keywords))
    }

    /// The bits of keywords of a mail that is put here; new ones become known. The mail counts more than a keyword of it that has
    /// no place any more.
    pub(super) fn learn_what_fits(&mut self, keywords: &[String]) -> u64 {
        for keyword in keywords {
            if !self.knows(keyword) {
                log::warn!("store: a mail has no keyword '{keyword}' in {}: {}", self.name, Self::full_words());
            }
        }
        self.bits(keywords)
    }

    fn full_words() -> String {
        format!("a folder can have {MAX_KEYWORDS} keywords of {MAX_KEYWORD} bytes")
    }

    /// True where entries can have all of these keywords here.
    pub fn has_places<'w>(&self, mut keywords: impl Iterator<Item = &'w str>) -> bool {
        let mut then = self.clone();
        keywords.all(|keyword| then.knows(keyword))
    }

    /// The keywords of entries that come here from another folder: for each bit there the one here. New ones become known.
    ///
    /// # Errors
    /// When one of them has no place: what people have marked goes nowhere without its mark. Into Trash it does, as a mail that
    /// could not be deleted would be worse.
    pub(super) fn learn_from(&mut self, other: &Self, bits: u64) -> TxResult<Vec<(u64, u64)>> {
        let mut learned = Vec::new();
        for (place, word) in other.keywords.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1) {
            let word = std::slice::from_ref(word);
            let here = match self.special() {
                Some(Special::Trash) => self.learn_what_fits(word),
                _ => self.learn(word)?,
            };
            learned.push((1 << place, here));
        }
        Ok(learned)
    }
}

impl Marked {
    /// The numbers of the changes that were made, rising: an entry that had the flags already keeps its number, which is
    /// somebody else's.
    pub fn made(&self) -> Vec<u64> {
        let both = self.entries.iter().zip(&self.before);
        let mut made: Vec<_> = both.filter(|(now, before)| now.modseq != **before).map(|(now, _)| now.modseq).collect();
        made.dedup();
        made
    }
}

impl Tx<'_> {
    /// Changes the flags of entries; of those that did not change after `unchanged_since`, if that is given. UIDs without an
    /// entry are passed over.
    pub fn mark(
        &mut self,
        person: &str,
        number: u32,
        uids: &[u32],
        change: FlagChange,
        flags: &Flags,
        unchanged_since: Option<u64>,
    ) -> TxResult<Marked> {
        let mut folder = self.folder(person, number)?;
        let keywords = match change {
            FlagChange::Remove => folder.bits(&flags.keywords),
            _ => folder.learn(&flags.keywords)?,
        };
        let mut uids = uids.to_vec();
        uids.sort_unstable();
        uids.dedup();
        let (mut marked, mut over) = (Marked { since: folder.modseq, ..Marked::default() }, Vec::new());
        let (mut written, mut runs) = (Vec::new(), Vec::<Run>::new());
        for some in uids.chunk_by(|one, next| page_of(*one) == page_of(*next)) {
            let (page, was) = (page_of(some[0]), folder.modseq);
            let mut marks = self.marks_in(person, &mut folder, page)?;
            if folder.modseq != was {
                // What was done about damage is a change of its own.
                marked.since = folder.modseq;
            }
            let mut run = runs.last().copied().filter(|run| run.modseq == folder.modseq);
            if !run.as_mut().is_some_and(|run| run.take(page)) {
                run = None;
            }
            let run = run.unwrap_or_else(|| Run::new(folder.modseq + 1, page));
            let before = over.len();
            for entry in self.flags_in((person, number), &marks, some)? {
                if unchanged_since.is_some_and(|limit| entry.modseq > limit) {
                    marked.modified.push(entry.uid);
                    continue;
                }
                let (system, words) = match change {
                    FlagChange::Replace => (flags.system, keywords),
                    FlagChange::Add => (entry.flags | flags.system, entry.keywords | keywords),
                    FlagChange::Remove => (entry.flags & !flags.system, entry.keywords & !keywords),
                };
                let mut now = EntryFlags { flags: system, keywords: words, ..entry };
                if now != entry {
                    let unseen = |flags: u8| u32::from(flags & Flags::SEEN == 0);
                    folder.unseen = (folder.unseen + unseen(system)).saturating_sub(unseen(entry.flags));
                    now.modseq = run.modseq;
                    marks.keep(&now);
                    over.push(self.last_change((person, number), &entry)?);
                }
                marked.before.push(entry.modseq);
                marked.entries.push(now);
            }
            if over.len() == before {
                continue;
            }
            match runs.last_mut() {
                Some(last) if last.modseq == run.modseq => *last = run,
                _ => runs.push(run),
            }
            folder.modseq = run.modseq;
            self.put_marks(person, number, &marks)?;
            let mut left = over.split_off(before);
            left.sort_unstable();
            left.dedup();
            left.retain(|modseq| marks.changed_by(*modseq).next().is_none());
            over.append(&mut left);
            written.push(marks);
        }
        for run in runs {
            self.note_run(person, number, run)?;
        }
        self.forget_changes(person, number, over, &written)?;
        self.put_folder(person, &folder)?;
        marked.folder = folder;
        Ok(marked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_folder_has_a_place_for_each_stage() {
        let mut folder = Folder::default();
        let words: Vec<_> = (0..70).map(|n| format!("word{n}")).collect();
        assert!(folder.learn(&words).is_err());
        assert_eq!(folder.learn_what_fits(&words).count_ones(), 60);
        assert!(!folder.takes_keywords() && folder.learn(&words[..60]).is_ok());
        let stages = STAGES.map(str::to_owned);
        assert_eq!(folder.learn(&stages).map_err(|_| "no place"), Ok(0xf << 60));
        assert_eq!((folder.learn_what_fits(&words[60..]), folder.keywords.len()), (0, 64));
        assert!(
            folder.has_places(["WORD7", "$sent"].into_iter()) && !folder.has_places(["word7", "word60"].into_iter())
        );
        assert_eq!(folder.words(1 << 63 | 1).collect::<Vec<_>>(), ["word0", "$Failed"]);
    }
}
