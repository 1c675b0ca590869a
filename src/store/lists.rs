//! Messages found: by number, when due, in a list.

use std::collections::BTreeSet;

use super::queue::{parse, unreadable};
use super::schema::{self, TxResult, View, reject};
use super::search::{Mark, Needle, texts_of};
use super::waiting::Queue;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::reason::Unusable;
use crate::message::{Id, Mail, Message, Origin, Reason, State, Way};
use crate::store::schema::Readable;

/// Messages that one page looks at; reading so many takes less than a second on a small board.
const LOOKED_AT: usize = 10_000;

/// Which messages a list wants.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// In one of these states; empty: any.
    pub states: Vec<State>,
    /// Not final: something can still happen to it.
    pub open: bool,
    /// Sender, recipient, subject or text contain this, in any case.
    pub search: String,
    /// From or to this person only.
    pub person: Option<String>,
    /// The mail domain of the box: says which messages over the link are to the person.
    pub domain: String,
    /// In this queue, or out by this way.
    pub way: Option<Way>,
    /// Came in by this way.
    pub origin: Option<Origin>,
    /// Older than this message.
    pub before: Option<Id>,
    /// Most messages to list.
    pub limit: usize,
}

/// Messages that a list wants.
#[derive(Debug, Default)]
pub struct Page {
    /// Messages that fit, the youngest first.
    pub messages: Vec<Message>,
    /// Where to go on, when so many were looked at that the rest is left for another time.
    pub rest: Option<Id>,
}

/// What a look through the messages found.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// Messages that cannot be read, and why.
    pub messages: Vec<(Id, Reason)>,
    /// Where to go on; `None` at the end.
    pub next: Option<Id>,
}

impl View {
    /// Finds the message of this number; `None` when it never was, or was pruned.
    pub fn message(&self, id: Id) -> TxResult<Option<Message>> {
        self.look_up(id)?.transpose().or_else(reject)
    }

    /// The message of this number; inside, why it cannot be read.
    pub fn look_up(&self, id: Id) -> TxResult<Option<Result<Message, Fault>>> {
        let row = self.messages()?.get(id.0)?.map(|row| parse(row.value()));
        Ok(row.map(|message| message.map_err(|error| Fault::refused(unreadable(id, &error)))))
    }

    /// The message that went outside under this Message-ID; of a mail to several, the one to `recipient`.
    pub fn by_message_id(&self, message_id: &str, recipient: Option<&str>) -> TxResult<Option<Id>> {
        let Some(id) = schema::MESSAGE_IDS.read(&self.0)?.get(message_id)?.map(|row| Id(row.value())) else {
            return Ok(None);
        };
        let mut outside = Vec::new();
        if let Some(mail) = self.message(id)?.and_then(|message| message.mail) {
            for number in mail.first.0..mail.first.0 + u64::from(mail.copies) {
                outside.extend(self.message(Id(number))?.filter(|message| message.way == Way::Relay));
            }
        }
        if outside.len() < 2 {
            return Ok(Some(id));
        }
        let named = |message: &&Message| recipient.is_some_and(|to| message.to.to_string().eq_ignore_ascii_case(to));
        Ok(outside.iter().find(named).map(|message| message.id))
    }

    /// Messages of a queue that are due, earliest first; unreadable ones as `Err` with their number and the reason.
    pub fn due(&self, lane: Queue, now: Time, limit: usize) -> TxResult<Vec<Result<Message, (Id, Reason)>>> {
        let (messages, due) = (self.messages()?, schema::DUE.read(&self.0)?);
        let mut found = Vec::new();
        for part in lane.parts() {
            let code = *part as u8;
            for row in due.range((code, i64::MIN, 0)..=(code, now.0, u64::MAX))?.take(limit - found.len()) {
                let id = row?.0.value().2;
                let message = match messages.get(id)?.map(|bytes| parse(bytes.value())) {
                    Some(message) => message.map_err(|error| unreadable(Id(id), &error).into()),
                    None => Err(Unusable::Nowhere { what: Id(id).to_string() }.into()),
                };
                found.push(message.map_err(|why| (Id(id), why)));
            }
        }
        Ok(found)
    }

    /// All that stands in a queue, in order, each with the part of the queue that it stands in.
    pub fn line(&self, lane: Queue) -> TxResult<Vec<(Queue, Id)>> {
        let due = schema::DUE.read(&self.0)?;
        let mut line = Vec::new();
        for part in lane.parts() {
            for row in due.range((*part as u8, i64::MIN, 0)..=(*part as u8, i64::MAX, u64::MAX))? {
                line.push((*part, Id(row?.0.value().2)));
            }
        }
        Ok(line)
    }

    /// When the next message of a queue is due; `None` when nothing waits there.
    pub fn next_due(&self, lane: Queue) -> TxResult<Option<Time>> {
        let due = schema::DUE.read(&self.0)?;
        let mut next = None;
        for part in lane.parts() {
            let code = *part as u8;
            let first = due.range((code, i64::MIN, 0)..=(code, Time::NEVER.0, u64::MAX))?.next().transpose()?;
            let first = first.map(|row| Time(row.0.value().1));
            next = next.into_iter().chain(first).min();
        }
        Ok(next)
    }

    /// How many wait in each queue, and since when the oldest waits.
    pub fn queues(&self) -> TxResult<Vec<(Queue, u64, Option<Time>)>> {
        let due = schema::DUE.read(&self.0)?;
        let mut queues = Vec::new();
        for lane in Queue::ALL {
            let (mut count, mut oldest) = (0, None);
            for part in lane.parts() {
                let mut first = None;
                // The one that is due first need not be the oldest; numbers are given in the order of acceptance.
                for row in due.range((*part as u8, i64::MIN, 0)..=(*part as u8, i64::MAX, u64::MAX))? {
                    let id = row?.0.value().2;
                    (first, count) = (Some(first.map_or(id, |first: u64| first.min(id))), count + 1);
                }
                // An unreadable record is set aside when it is due; until then it only has no time.
                let since = first.and_then(|id| self.message(Id(id)).ok().flatten()).map(|message| message.accepted);
                oldest = oldest.into_iter().chain(since).min();
            }
            queues.push((lane, count, oldest));
        }
        Ok(queues)
    }

    /// Lists messages that fit the filter, newest first.
    pub fn list(&self, filter: &ListFilter) -> TxResult<Vec<Message>> {
        let mut found = Vec::new();
        let mut filter = ListFilter { before: filter.before, ..filter.clone() };
        loop {
            let page = self.page(&filter)?;
            filter.limit -= page.messages.len();
            found.extend(page.messages);
            match page.rest {
                Some(rest) if filter.limit > 0 => filter.before = Some(rest),
                _ => return Ok(found),
            }
        }
    }

    /// Messages, newest first; looks at so many only that nobody waits long.
    pub fn page(&self, filter: &ListFilter) -> TxResult<Page> {
        let messages = self.messages()?;
        let search = filter.search.to_lowercase();
        let last = messages.last()?.map_or(0, |(id, _)| id.value());
        let end = filter.before.map_or(u64::MAX, |id| id.0).min(last + 1);
        let (mut needle, mut asked) = (filter.needle(&search), Needle::default());
        let ids: Box<dyn Iterator<Item = TxResult<u64>>> = if let Some(ids) = self.waiting_before(filter, end)? {
            // These are fewer than what the index names: it is asked for each of them.
            std::mem::swap(&mut asked, &mut needle);
            Box::new(ids.into_iter().map(Ok))
        } else if let Some(ids) = self.ended_before(&filter.states, &mut needle, end)? {
            Box::new(ids)
        } else if needle.is_blank() {
            Box::new(messages.range(..end)?.rev().map(|row| Ok(row?.0.value())))
        } else {
            Box::new(self.may_hold_before(&mut needle, end)?)
        };
        let mut page = Page::default();
        let named = search.parse::<Id>().ok().filter(|id| filter.before.is_none() && id.0 < end);
        if let Some(message) = named.map(|id| self.message(id)).transpose()?.flatten() {
            page.messages.extend(Some(message).filter(|message| filter.wants(message, &search)));
        }
        for (looked, id) in ids.enumerate() {
            let id = id?;
            if named.is_some_and(|named| named.0 == id) {
                continue;
            }
            if page.messages.len() >= filter.limit {
                break;
            }
            if looked == LOOKED_AT {
                page.rest = Some(Id(id + 1));
                break;
            }
            if !self.may_hold(&mut asked, id)? {
                continue;
            }
            if let Some(Ok(message)) = messages.get(id)?.map(|bytes| parse(bytes.value()))
                && filter.wants(&message, &search)
            {
                page.messages.push(message);
            }
        }
        Ok(page)
    }

    /// Numbers of all messages before one that wait, the youngest first, where no others are wanted.
    fn waiting_before(&self, filter: &ListFilter, before: u64) -> TxResult<Option<Vec<u64>>> {
        let waits = |state: &State| matches!(state, State::Held | State::Queued | State::OnLink);
        if !filter.open && (filter.states.is_empty() || !filter.states.iter().all(waits)) {
            return Ok(None);
        }
        let mut ids = BTreeSet::new();
        for row in schema::DUE.read(&self.0)?.iter()? {
            ids.insert(row?.0.value().2);
        }
        Ok(Some(ids.into_iter().rev().filter(|id| *id < before).collect()))
    }

    /// The last `most` messages, oldest first; unreadable ones are left out.
    pub fn past(&self, most: usize) -> TxResult<Vec<Message>> {
        let mut found = Vec::new();
        self.each_past(most, |message| found.push(message))?;
        found.reverse();
        Ok(found)
    }

    /// Takes the last `most` messages one by one, the youngest first: together they may be some megabytes.
    pub fn each_past(&self, most: usize, mut take: impl FnMut(Message)) -> TxResult<()> {
        for row in self.messages()?.iter()?.rev().take(most) {
            let (_, bytes) = row?;
            if let Ok(message) = parse(bytes.value()) {
                take(message);
            }
        }
        Ok(())
    }

    /// Looks through `most` messages from a number on.
    pub fn unreadable(&self, from: Id, most: usize) -> TxResult<Unreadable> {
        let mut found = Unreadable::default();
        for (count, row) in self.messages()?.range(from.0..)?.enumerate() {
            let (id, bytes) = row?;
            if count == most {
                found.next = Some(Id(id.value()));
                break;
            }
            let id = Id(id.value());
            found.messages.extend(parse(bytes.value()).err().map(|error| (id, unreadable(id, &error).into())));
        }
        Ok(found)
    }

    /// The bytes of a mail that are not in a file.
    pub(super) fn body(&self, mail: &Mail) -> TxResult<Option<Vec<u8>>> {
        Ok(schema::BODIES.read(&self.0)?.get(mail.first.0)?.map(|row| row.value().to_vec()))
    }
}

impl ListFilter {
    /// What the index is asked for.
    fn needle(&self, search: &str) -> Needle {
        let person = self.person.as_deref().map(Mark::Person);
        let marks = [person, self.way.map(Mark::Way), self.origin.map(Mark::Origin)];
        let marks: Vec<_> = marks.into_iter().flatten().map(Mark::words).collect();
        Needle::with_marks(search, &marks)
    }

    fn wants(&self, message: &Message, search: &str) -> bool {
        let involves = |person: &String| message.concerns(person, &self.domain);
        (self.states.is_empty() || self.states.contains(&message.state))
            && !(self.open && message.is_final())
            && self.way.is_none_or(|way| way == message.way)
            && self.origin.is_none_or(|origin| origin == message.origin)
            && self.person.as_ref().is_none_or(involves)
            && (search.is_empty()
                || texts_of(message).iter().any(|text| text.contains(search))
                || message.id.to_string() == search)
    }
}
