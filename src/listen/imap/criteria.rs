//! What SEARCH looks for, made ready once for all messages: sets are resolved, texts in small letters, and of several
//! conditions the cheap ones come first.

use std::cell::RefCell;
use std::cmp::Ordering;

use imap_codec::imap_types::datetime::NaiveDate;
use imap_codec::imap_types::search::SearchKey;

use super::answer::Try;
use super::searched::lower;
use super::selected::Selected;
use crate::store::mailbox::Flags;
use crate::store::search::Needle;

/// A text that is looked for.
#[derive(Debug)]
pub struct Text {
    /// The text in lower case.
    pub wanted: String,
    /// What the search index says of it.
    pub needle: RefCell<Needle>,
}

/// A condition of SEARCH that a message fits or not.
#[derive(Debug)]
pub enum Criterion {
    /// Each of them; the cheapest stands first. None: any message.
    All(Vec<Self>),
    /// It fits the one or the other.
    Or(Box<[Self; 2]>),
    /// It does not fit this one.
    Not(Box<Self>),
    /// One of these UIDs, which rise.
    Uids(Vec<u32>),
    /// It has this bit of [`Flags`].
    Flag(u8),
    /// It is recent in this session.
    Recent,
    /// It has this keyword, whatever its case.
    Keyword([String; 1]),
    /// Its size in bytes compares so.
    Size(Ordering, u64),
    /// The day of its arrival compares so, or is that day: `2026-11-29`.
    Arrived(Compared, String),
    /// Changed at this modification sequence or later.
    Changed(u64),
    /// The day of its Date field compares so.
    Sent(Compared, String),
    /// This field of the header holds a text.
    Field(String, Text),
    /// An address of this field does, as ENVELOPE tells it.
    Address(&'static str, Text),
    /// Its body holds a text.
    Body(Text),
    /// Its header or its text does.
    Anywhere(Text),
}

/// How the day of a message has to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Before that day.
    Before,
    /// On that day.
    On,
    /// It was on that day or later.
    Since,
}

impl Compared {
    /// True when a day compares so with the one that is wanted.
    pub fn holds(self, day: &str, wanted: &str) -> bool {
        match self {
            Self::Before => day < wanted,
            Self::On => day == wanted,
            Self::Since => day >= wanted,
        }
    }
}

impl Text {
    fn new(text: &[u8]) -> Self {
        let wanted = lower(text);
        Self { needle: RefCell::new(Needle::new(&wanted)), wanted }
    }
}

fn day_of(date: &NaiveDate) -> String {
    date.as_ref().to_string()
}

impl Criterion {
    /// Makes all keys of a search ready.
    ///
    /// # Errors
    /// BAD for a set with a number that no message has.
    pub fn all(keys: &[SearchKey<'_>], selected: &Selected) -> Try<Self> {
        let mut all = keys.iter().map(|key| Self::new(key, selected)).collect::<Try<Vec<_>>>()?;
        all.sort_by_key(Self::cost);
        Ok(Self::All(all))
    }

    fn new(key: &SearchKey<'_>, selected: &Selected) -> Try<Self> {
        let not = |criterion| Self::Not(Box::new(criterion));
        let keyword = |word: &str| Self::Keyword([word.to_owned()]);
        let text = |text: &[u8]| Text::new(text);
        Ok(match key {
            SearchKey::And(keys) => Self::all(keys.as_ref(), selected)?,
            SearchKey::Or(one, other) => Self::Or(Box::new([Self::new(one, selected)?, Self::new(other, selected)?])),
            SearchKey::Not(key) => not(Self::new(key, selected)?),
            SearchKey::All => Self::All(Vec::new()),
            SearchKey::SequenceSet(set) => Self::Uids(selected.find_to_last(set)?),
            SearchKey::Uid(set) => Self::Uids(selected.find(set, true)?),
            SearchKey::Answered => Self::Flag(Flags::ANSWERED),
            SearchKey::Deleted => Self::Flag(Flags::DELETED),
            SearchKey::Draft => Self::Flag(Flags::DRAFT),
            SearchKey::Flagged => Self::Flag(Flags::FLAGGED),
            SearchKey::Seen => Self::Flag(Flags::SEEN),
            SearchKey::Unanswered => not(Self::Flag(Flags::ANSWERED)),
            SearchKey::Undeleted => not(Self::Flag(Flags::DELETED)),
            SearchKey::Undraft => not(Self::Flag(Flags::DRAFT)),
            SearchKey::Unflagged => not(Self::Flag(Flags::FLAGGED)),
            SearchKey::Unseen => not(Self::Flag(Flags::SEEN)),
            SearchKey::Recent => Self::Recent,
            SearchKey::Old => not(Self::Recent),
            SearchKey::New => Self::All(vec![Self::Recent, not(Self::Flag(Flags::SEEN))]),
            SearchKey::Keyword(word) => keyword(word.as_ref()),
            SearchKey::Unkeyword(word) => not(keyword(word.as_ref())),
            SearchKey::Larger(size) => Self::Size(Ordering::Greater, u64::from(*size)),
            SearchKey::Smaller(size) => Self::Size(Ordering::Less, u64::from(*size)),
            SearchKey::Before(date) => Self::Arrived(Compared::Before, day_of(date)),
            SearchKey::On(date) => Self::Arrived(Compared::On, day_of(date)),
            SearchKey::Since(date) => Self::Arrived(Compared::Since, day_of(date)),
            SearchKey::SentBefore(date) => Self::Sent(Compared::Before, day_of(date)),
            SearchKey::SentOn(date) => Self::Sent(Compared::On, day_of(date)),
            SearchKey::SentSince(date) => Self::Sent(Compared::Since, day_of(date)),
            SearchKey::From(value) => Self::Address("from", text(value.as_ref())),
            SearchKey::To(value) => Self::Address("to", text(value.as_ref())),
            SearchKey::Cc(value) => Self::Address("cc", text(value.as_ref())),
            SearchKey::Bcc(value) => Self::Address("bcc", text(value.as_ref())),
            SearchKey::Subject(value) => Self::Field("subject".to_owned(), text(value.as_ref())),
            SearchKey::Header(name, value) => {
                Self::Field(String::from_utf8_lossy(name.as_ref()).into_owned(), text(value.as_ref()))
            }
            SearchKey::Body(value) => Self::Body(text(value.as_ref())),
            SearchKey::Text(value) => Self::Anywhere(text(value.as_ref())),
            SearchKey::ModSequence { modseq, .. } => Self::Changed(*modseq),
        })
    }

    /// What has to be read: nothing but the row, a date that is written out of it, the header, the whole mail.
    fn cost(&self) -> u8 {
        match self {
            Self::All(all) => all.iter().map(Self::cost).max().unwrap_or(0),
            Self::Or(both) => both.iter().map(Self::cost).max().unwrap_or(0),
            Self::Not(one) => one.cost(),
            Self::Uids(_) | Self::Flag(_) | Self::Recent | Self::Size(..) | Self::Changed(_) => 0,
            Self::Keyword(_) | Self::Arrived(..) => 1,
            Self::Field(..) | Self::Address(..) => 2,
            Self::Sent(..) => 3,
            Self::Body(_) | Self::Anywhere(_) => 4,
        }
    }

    /// UIDs outside of which nothing fits; `None` where that is not known beforehand.
    pub fn among(&self) -> Option<&[u32]> {
        match self {
            Self::Uids(uids) => Some(uids),
            Self::All(all) => all.iter().filter_map(Self::among).min_by_key(|uids| uids.len()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use imap_codec::imap_types::core::Vec1;

    use super::*;
    use crate::store::mailbox::{Folder, UidRanges};

    #[test]
    fn what_is_cheap_is_asked_first_and_sets_bound_the_search() {
        let mut uids = UidRanges::default();
        [3, 4, 5, 9].into_iter().for_each(|uid| uids.push(uid));
        let selected = Selected::new(&Folder::default(), uids, true, 0..0);
        let astring = |text: &str| text.to_owned().try_into().unwrap();
        let keys = [
            SearchKey::Body(astring("x")),
            SearchKey::Subject(astring("X")),
            SearchKey::SequenceSet("2:4".try_into().unwrap()),
            SearchKey::Seen,
            SearchKey::Uid("4:5".try_into().unwrap()),
        ];
        let all = Criterion::all(&keys, &selected).unwrap();
        assert_eq!(all.among(), Some(&[4, 5][..]));
        let Criterion::All(list) = &all else { panic!("{all:?}") };
        assert_eq!(list.iter().map(Criterion::cost).collect::<Vec<_>>(), [0, 0, 0, 2, 4]);
        let either = SearchKey::Or(Box::new(keys[2].clone()), Box::new(SearchKey::Seen));
        assert_eq!(Criterion::all(&[either], &selected).unwrap().among(), None);
        let nested =
            SearchKey::And(Vec1::from(SearchKey::Not(Box::new(SearchKey::SequenceSet("9".try_into().unwrap())))));
        assert!(Criterion::all(&[nested], &selected).is_err());
    }
}
