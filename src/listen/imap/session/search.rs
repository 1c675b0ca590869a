//! SEARCH: messages that fit. What stands in the rows of the entries costs nothing; headers and texts are read one by one,
//! within a limit, where the search index says that they may fit.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use imap_codec::imap_types::core::{Charset, Vec1};
use imap_codec::imap_types::datetime::NaiveDate;
use imap_codec::imap_types::search::SearchKey;
use mail_parser::MessageParser;

use super::ImapSession;
use crate::clock::Time;
use crate::listen::imap::answer::{Answer, Try};
use crate::listen::imap::envelope::addresses_of;
use crate::listen::imap::mime::fields;
use crate::listen::imap::replies::Replies;
use crate::listen::imap::searched::{self, decoded, lower};
use crate::listen::imap::selected::{BATCH, Selected};
use crate::store::mailbox::{Content, Entry, Flags, Folder};
use crate::store::search::{LARGEST, Needle};

/// A search in texts ends after this time.
const LIMIT: Duration = Duration::from_secs(5);

/// A message while it is looked at: what was read of it is kept.
struct Candidate<'a> {
    session: &'a ImapSession<'a>,
    selected: &'a Selected,
    folder: &'a Folder,
    entry: &'a Entry,
    needles: &'a mut HashMap<String, Needle>,
    header: Option<Vec<u8>>,
    text: Option<String>,
}

/// The day of a time, as `2026-11-29`.
fn day(at: Time) -> String {
    jiff::Timestamp::from_second(at.seconds()).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

fn day_of(date: &NaiveDate) -> String {
    date.as_ref().to_string()
}

impl Candidate<'_> {
    /// False where the index says that this text is not in the message.
    fn may_hold(&mut self, wanted: &str) -> Try<bool> {
        if !self.needles.contains_key(wanted) {
            self.needles.insert(wanted.to_owned(), Needle::new(wanted));
        }
        let Some(needle) = self.needles.get_mut(wanted) else { return Ok(true) };
        Ok(self.session.services.store.read(|view| view.may_hold(needle, self.entry.content))?)
    }

    fn header(&mut self) -> Try<&[u8]> {
        if self.header.is_none() {
            self.header = Some(self.session.header(self.entry).or_else(|fault| {
                // One that another session removed fits nothing.
                if fault.is_permanent() { Ok(Vec::new()) } else { Err(fault) }
            })?);
        }
        Ok(self.header.as_deref().unwrap_or_default())
    }

    /// The text of all parts that are text.
    fn text(&mut self) -> Try<&str> {
        if self.text.is_none() {
            let content = match self.entry.size > LARGEST {
                true => None,
                false => self.session.services.store.content(self.entry).ok(),
            };
            let bytes = match content {
                Some(Content::Bytes(bytes)) => bytes,
                Some(Content::File(path)) => std::fs::read(path).unwrap_or_default(),
                None => Vec::new(),
            };
            self.text = Some(searched::text(&bytes));
        }
        Ok(self.text.as_deref().unwrap_or_default())
    }

    fn field_has(&mut self, name: &str, wanted: &[u8]) -> Try<bool> {
        let wanted = lower(wanted);
        if !self.may_hold(&wanted)? {
            return Ok(false);
        }
        let header = self.header()?;
        let mut values = fields(header).filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        Ok(values.any(|(_, value)| wanted.is_empty() || decoded(value).contains(&wanted)))
    }

    /// Addresses are compared as ENVELOPE tells them.
    fn address_has(&mut self, name: &str, wanted: &[u8]) -> Try<bool> {
        let wanted = lower(wanted);
        if !self.may_hold(&wanted)? {
            return Ok(false);
        }
        let found = addresses_of(self.header()?, name);
        Ok(found.into_iter().any(|address| searched::address(address).contains(&wanted)))
    }

    fn sent(&mut self) -> Try<Option<String>> {
        let header = self.header()?;
        let date = MessageParser::new().parse_headers(header).and_then(|mail| mail.date().cloned());
        Ok(date.map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)))
    }

    fn keyword(&self, word: &str) -> bool {
        self.entry.keywords & self.folder.bits(&[word.to_owned()]) != 0
    }

    fn fits(&mut self, key: &SearchKey<'_>) -> Try<bool> {
        let flag = |bit: u8| self.entry.flags & bit != 0;
        let recent = self.entry.uid >= self.selected.recent;
        let arrived = || day(self.entry.at());
        Ok(match key {
            SearchKey::And(keys) => {
                for key in keys.as_ref() {
                    if !self.fits(key)? {
                        return Ok(false);
                    }
                }
                true
            }
            SearchKey::Or(one, other) => self.fits(one)? || self.fits(other)?,
            SearchKey::Not(key) => !self.fits(key)?,
            SearchKey::All => true,
            SearchKey::SequenceSet(set) => contains(&self.selected.find(set, false)?, self.entry.uid),
            SearchKey::Uid(set) => contains(&self.selected.find(set, true)?, self.entry.uid),
            SearchKey::Answered => flag(Flags::ANSWERED),
            SearchKey::Deleted => flag(Flags::DELETED),
            SearchKey::Draft => flag(Flags::DRAFT),
            SearchKey::Flagged => flag(Flags::FLAGGED),
            SearchKey::Seen => flag(Flags::SEEN),
            SearchKey::Unanswered => !flag(Flags::ANSWERED),
            SearchKey::Undeleted => !flag(Flags::DELETED),
            SearchKey::Undraft => !flag(Flags::DRAFT),
            SearchKey::Unflagged => !flag(Flags::FLAGGED),
            SearchKey::Unseen => !flag(Flags::SEEN),
            SearchKey::Recent => recent,
            SearchKey::Old => !recent,
            SearchKey::New => recent && !flag(Flags::SEEN),
            SearchKey::Keyword(word) => self.keyword(word.as_ref()),
            SearchKey::Unkeyword(word) => !self.keyword(word.as_ref()),
            SearchKey::Larger(size) => self.entry.size > u64::from(*size),
            SearchKey::Smaller(size) => self.entry.size < u64::from(*size),
            SearchKey::Before(date) => arrived() < day_of(date),
            SearchKey::On(date) => arrived() == day_of(date),
            SearchKey::Since(date) => arrived() >= day_of(date),
            SearchKey::SentBefore(date) => self.sent()?.is_some_and(|sent| sent < day_of(date)),
            SearchKey::SentOn(date) => self.sent()?.is_some_and(|sent| sent == day_of(date)),
            SearchKey::SentSince(date) => self.sent()?.is_some_and(|sent| sent >= day_of(date)),
            SearchKey::From(text) => self.address_has("from", text.as_ref())?,
            SearchKey::To(text) => self.address_has("to", text.as_ref())?,
            SearchKey::Cc(text) => self.address_has("cc", text.as_ref())?,
            SearchKey::Bcc(text) => self.address_has("bcc", text.as_ref())?,
            SearchKey::Subject(text) => self.field_has("subject", text.as_ref())?,
            SearchKey::Header(name, text) => {
                let name = String::from_utf8_lossy(name.as_ref()).into_owned();
                self.field_has(&name, text.as_ref())?
            }
            SearchKey::Body(text) => {
                let wanted = lower(text.as_ref());
                self.may_hold(&wanted)? && self.text()?.contains(&wanted)
            }
            SearchKey::Text(text) => {
                let wanted = lower(text.as_ref());
                self.may_hold(&wanted)?
                    && (fields(self.header()?).any(|(name, value)| searched::field(name, value).contains(&wanted))
                        || self.text()?.contains(&wanted))
            }
            SearchKey::ModSequence { modseq, .. } => self.entry.modseq >= *modseq,
        })
    }
}

fn contains(uids: &[u32], uid: u32) -> bool {
    uids.binary_search(&uid).is_ok()
}

/// True for a search that reads mod-sequences, which are then told.
fn asks_modseq(key: &SearchKey<'_>) -> bool {
    match key {
        SearchKey::ModSequence { .. } => true,
        SearchKey::And(keys) => keys.as_ref().iter().any(asks_modseq),
        SearchKey::Or(one, other) => asks_modseq(one) || asks_modseq(other),
        SearchKey::Not(key) => asks_modseq(key),
        _ => false,
    }
}

impl ImapSession<'_> {
    pub(super) fn search(
        &mut self,
        charset: Option<Charset<'_>>,
        criteria: &Vec1<SearchKey<'_>>,
        by_uid: bool,
        out: &mut Replies<'_>,
    ) -> Try<Answer> {
        let selected = self.open()?;
        let named = charset.map(|charset| charset.as_ref().to_ascii_uppercase());
        if named.is_some_and(|name| name != "UTF-8" && name != "US-ASCII") {
            return Err(Answer::No("[BADCHARSET (US-ASCII UTF-8)] search in UTF-8".to_owned()));
        }
        let key = SearchKey::And(criteria.clone());
        let modseq = asks_modseq(&key);
        let (person, number, start) = (self.person()?, selected.number, Instant::now());
        let (mut found, mut last, mut needles) = (Vec::new(), 0, HashMap::new());
        let all: Vec<u32> = selected.uids.iter().collect();
        for batch in all.chunks(BATCH) {
            let (folder, entries) = self.services.store.read(|view| {
                Ok((view.folder(person, number)?.unwrap_or_default(), view.entries(person, number, batch)?))
            })?;
            for entry in &entries {
                let needles = &mut needles;
                let mut candidate =
                    Candidate { session: self, selected, folder: &folder, entry, needles, header: None, text: None };
                if candidate.fits(&key)? {
                    last = last.max(entry.modseq);
                    found.extend(if by_uid { Some(entry.uid) } else { selected.uids.place(entry.uid) });
                }
                if start.elapsed() > LIMIT {
                    return Err(Answer::No("[LIMIT] this search takes too long: search in fewer messages".to_owned()));
                }
            }
        }
        out.text("* SEARCH");
        for number in &found {
            out.text(&format!(" {number}"));
        }
        if modseq && !found.is_empty() {
            out.text(&format!(" (MODSEQ {last})"));
        }
        out.line("");
        self.condstore |= modseq;
        Ok(Answer::done())
    }
}
