//! SEARCH: messages that fit. What stands in the rows of the entries costs nothing; headers and texts are read one by one,
//! within a limit, where the search index says that they may fit.

use std::time::{Duration, Instant};

use imap_codec::imap_types::core::{Charset, Vec1};
use imap_codec::imap_types::search::SearchKey;
use mail_parser::MessageParser;

use super::ImapSession;
use crate::clock::Time;
use crate::listen::imap::answer::{Answer, Try};
use crate::listen::imap::criteria::{Criterion, Text};
use crate::listen::imap::envelope::addresses_of;
use crate::listen::imap::mime::fields;
use crate::listen::imap::replies::Replies;
use crate::listen::imap::searched::{self, decoded};
use crate::listen::imap::selected::{BATCH, Selected};
use crate::store::mailbox::{Content, Entry, Folder};
use crate::store::search::LARGEST;

/// A search in texts ends after this time.
const LIMIT: Duration = Duration::from_secs(5);

/// A message while it is looked at: what was read of it is kept.
struct Candidate<'a> {
    session: &'a ImapSession<'a>,
    selected: &'a Selected,
    folder: &'a Folder,
    entry: &'a Entry,
    header: Option<Vec<u8>>,
    text: Option<String>,
}

/// The day of a time, as `2026-11-29`.
fn day(at: Time) -> String {
    jiff::Timestamp::from_second(at.seconds()).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

impl Candidate<'_> {
    /// False where the index says that this text is not in the message.
    fn may_hold(&self, text: &Text) -> Try<bool> {
        let mut needle = text.needle.borrow_mut();
        match needle.known(self.entry.content) {
            Some(known) => Ok(known),
            None => Ok(self.session.services.store.read(|view| view.may_hold(&mut needle, self.entry.content))?),
        }
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

    fn field_has(&mut self, name: &str, text: &Text) -> Try<bool> {
        if !self.may_hold(text)? {
            return Ok(false);
        }
        let header = self.header()?;
        let mut values = fields(header).filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        Ok(values.any(|(_, value)| text.wanted.is_empty() || decoded(value).contains(&text.wanted)))
    }

    /// Addresses are compared as ENVELOPE tells them.
    fn address_has(&mut self, name: &str, text: &Text) -> Try<bool> {
        if !self.may_hold(text)? {
            return Ok(false);
        }
        let found = addresses_of(self.header()?, name);
        Ok(found.into_iter().any(|address| searched::address(address).contains(&text.wanted)))
    }

    fn sent(&mut self) -> Try<Option<String>> {
        let header = self.header()?;
        let date = MessageParser::new().parse_headers(header).and_then(|mail| mail.date().cloned());
        Ok(date.map(|date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)))
    }

    fn fits(&mut self, criterion: &Criterion) -> Try<bool> {
        Ok(match criterion {
            Criterion::All(all) => {
                for one in all {
                    if !self.fits(one)? {
                        return Ok(false);
                    }
                }
                true
            }
            Criterion::Or(both) => self.fits(&both[0])? || self.fits(&both[1])?,
            Criterion::Not(one) => !self.fits(one)?,
            Criterion::Uids(uids) => uids.binary_search(&self.entry.uid).is_ok(),
            Criterion::Flag(bit) => self.entry.flags & bit != 0,
            Criterion::Recent => self.selected.is_recent(self.entry.uid),
            Criterion::Keyword(word) => self.entry.keywords & self.folder.bits(word) != 0,
            Criterion::Size(compared, size) => self.entry.size.cmp(size) == *compared,
            Criterion::Arrived(compared, wanted) => compared.holds(&day(self.entry.at()), wanted),
            Criterion::Changed(modseq) => self.entry.modseq >= *modseq,
            Criterion::Sent(compared, wanted) => self.sent()?.is_some_and(|sent| compared.holds(&sent, wanted)),
            Criterion::Field(name, text) => self.field_has(name, text)?,
            Criterion::Address(name, text) => self.address_has(name, text)?,
            Criterion::Body(text) => self.may_hold(text)? && self.text()?.contains(&text.wanted),
            Criterion::Anywhere(text) => {
                self.may_hold(text)?
                    && (fields(self.header()?).any(|(name, value)| searched::field(name, value).contains(&text.wanted))
                        || self.text()?.contains(&text.wanted))
            }
        })
    }
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
        self.open()?;
        let modseq = criteria.as_ref().iter().any(asks_modseq);
        if modseq {
            self.enable_condstore(out);
        }
        let selected = self.open()?;
        let named = charset.map(|charset| charset.as_ref().to_ascii_uppercase());
        if named.is_some_and(|name| name != "UTF-8" && name != "US-ASCII") {
            return Err(Answer::No("[BADCHARSET (US-ASCII UTF-8)] search in UTF-8".to_owned()));
        }
        let wanted = Criterion::all(criteria.as_ref(), selected)?;
        let (person, number, start) = (self.person()?, selected.number, Instant::now());
        let (mut found, mut last) = (Vec::new(), 0);
        let all: Vec<u32> = wanted.among().map_or_else(|| selected.uids.iter().collect(), <[u32]>::to_vec);
        for batch in all.chunks(BATCH) {
            let (folder, entries) = self.services.store.read(|view| {
                Ok((view.folder(person, number)?.unwrap_or_default(), view.entries(person, number, batch)?))
            })?;
            for entry in &entries {
                let mut candidate =
                    Candidate { session: self, selected, folder: &folder, entry, header: None, text: None };
                if candidate.fits(&wanted)? {
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
        Ok(Answer::done())
    }
}
