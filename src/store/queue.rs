//! Messages: put, moved from state to state, removed. Every change keeps the queue index and the totals true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::schema::{INLINE, StoreError, Tx, TxResult, Unreadable, json, record, reject};
use super::spool::Spooled;
use super::waiting::Queue;
use super::{Committed, Store, spool};
use crate::address::Address;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::events::SetAside;
use crate::message::reason::Unusable;
use crate::message::{Column, Id, Mail, Message, Origin, Reason, State, Step, Way};
use crate::store::schema::Readable;

/// Whoever was written to within this may answer already: no message of theirs is held because nobody wrote.
const OF_LATE: Duration = Duration::from_secs(86_400);

/// A mail as it comes in: its bytes, and a message for each recipient.
#[derive(Debug, Clone)]
pub struct IncomingMail {
    /// Messages without a number.
    pub messages: Vec<Message>,
    /// The mail that the messages were made of, with all of its parts.
    pub body: BodyIn,
}

/// The bytes of a mail that is to be kept.
#[derive(Debug, Clone)]
pub enum BodyIn {
    /// There are none but the text.
    None,
    /// The bytes, in memory.
    Bytes(Vec<u8>),
    /// A file in the spool folder, on disk already. The commit decides whether it stays: whoever waits for that may give up
    /// before it ends.
    File(Arc<Spooled>),
}

/// Reads the record of a message; an error says what is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Message, Unreadable> {
    record(bytes)
}

/// What is said of a record that cannot be read.
pub(super) fn unreadable(id: Id, error: &Unreadable) -> Unusable {
    Unusable::Record { why: format!("message {id} is unreadable: {error}") }
}

impl Tx<'_> {
    /// Keeps a mail and gives its messages their numbers.
    pub fn add(&mut self, mail: &IncomingMail) -> TxResult<Vec<Id>> {
        let first = Id(self.ledger.next_message);
        let copies = u32::try_from(mail.messages.len()).unwrap_or(u32::MAX);
        let kept = |size, file, check| Some(Mail { first, copies, size, file, check: Some(check) });
        let body = match &mail.body {
            BodyIn::None => None,
            BodyIn::Bytes(bytes) if bytes.len() <= INLINE => {
                self.bodies.insert(first.0, bytes.as_slice())?;
                kept(bytes.len() as u64, None, crc32fast::hash(bytes))
            }
            BodyIn::Bytes(_) => return reject(Fault::permanent("a large mail has to come as a file")),
            BodyIn::File(file) => {
                self.after.keep.push(Arc::clone(file));
                kept(file.size, Some(file.name.clone()), file.check)
            }
        };
        let mut ids = Vec::with_capacity(mail.messages.len());
        for message in &mail.messages {
            let id = Id(self.ledger.next_message);
            self.ledger.next_message += 1;
            let mut message = Message { id, mail: body.clone(), ..message.clone() };
            if message.mail.is_none() {
                self.find_thread(&mut message)?;
            }
            self.put_conversation(&message)?;
            self.bill_new(&mut message)?;
            if message.steps.is_empty() {
                message.steps.push(Step {
                    at: message.accepted,
                    state: message.state,
                    cause: message.reason.clone(),
                    packets: 0,
                });
            }
            self.ledger.book(message.origin, None, message.column());
            self.count_taken(&message)?;
            if let (Some(author), to @ (Address::Mail(_) | Address::Phone(_))) = (&message.author, &message.to) {
                let key = to.correspondent();
                let before = self.contacts.insert((author.as_str(), key.as_str()), message.accepted.0)?;
                let of_late = before.is_some_and(|at| message.accepted.since(Time(at.value())) < OF_LATE);
                self.after.contacts |= !of_late;
            }
            self.note_fate(&message, None)?;
            self.index(&message, None)?;
            self.note_success(&message)?;
            self.messages.insert(id.0, json(&message).as_slice())?;
            self.follow(&message, None)?;
            ids.push(id);
        }
        if let Some(first) = ids.first() {
            let message = self.message(*first)?;
            self.file_sent(&message)?;
        }
        Ok(ids)
    }

    /// Reads the message of this number; refused when it is not there or cannot be read.
    pub fn message(&self, id: Id) -> TxResult<Message> {
        let row = self.messages.get(id.0)?;
        match row.map(|row| parse(row.value())) {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => reject(Fault::permanent(unreadable(id, &error))),
            None => reject(Fault::permanent(format!("there is no message {id}"))),
        }
    }

    /// The message of this number, if it is there and can be read.
    pub fn find(&self, id: Id) -> TxResult<Option<Message>> {
        let row = self.messages.get(id.0)?;
        Ok(row.and_then(|row| parse(row.value()).ok()))
    }

    /// The message of this number while something can still happen to it. What cannot be read is set aside when it is
    /// due, and does not count here.
    pub fn live(&self, id: Id) -> TxResult<Option<Message>> {
        Ok(self.find(id)?.filter(|message| !message.is_final()))
    }

    /// Changes a message. A new state or reason becomes a step of its time line by [`Tx::step`]; this is the rest.
    pub fn change(&mut self, id: Id, change: impl FnOnce(&mut Message)) -> TxResult<Message> {
        let before = self.message(id)?;
        self.change_from(&before, change)
    }

    /// The same of a message as this transaction has it.
    fn change_from(&mut self, before: &Message, change: impl FnOnce(&mut Message)) -> TxResult<Message> {
        let (id, mut after) = (before.id, before.clone());
        change(&mut after);
        if after.is_final() {
            after.next = Time::NEVER;
        }
        self.settle_bill(&mut after)?;
        if before.column() != after.column() {
            self.ledger.book(after.origin, Some(before.column()), after.column());
            self.count_moved(&after, Some(before.column()), after.column())?;
        }
        self.note_fate(&after, Some(before))?;
        self.index(&after, Some(before))?;
        self.messages.insert(id.0, json(&after).as_slice())?;
        self.follow(&after, Some(before))?;
        self.follow_text(&after, before)?;
        Ok(after)
    }

    /// Moves a message to a state and writes the step into its time line. `packets` are those that the time line says
    /// went on air by it; the box counts them with [`Tx::packet_went`].
    pub fn step(
        &mut self,
        id: Id,
        at: Time,
        state: State,
        reason: impl Into<Reason>,
        packets: u32,
        next: Time,
    ) -> TxResult<Message> {
        let reason = reason.into();
        // A field of a fact that is named like a tag would be lost in the store.
        debug_assert_eq!(record::<Reason>(&json(&reason)).ok().as_ref(), Some(&reason));
        let before = self.message(id)?;
        let message = self.change_from(&before, |message| {
            message.state = state;
            message.reason = reason.clone();
            message.next = next;
            message.steps.push(Step { at, state, cause: reason, packets });
        })?;
        if before.state != state {
            self.note_success(&message)?;
        }
        Ok(message)
    }

    /// Says why a message that stays in its state is there, and when it is looked at next. The time line names each fact
    /// once in a state, however often it comes and goes.
    pub fn explain(&mut self, id: Id, at: Time, reason: &Reason, next: Time) -> TxResult<()> {
        self.change(id, |message| {
            let state = message.state;
            let mut named = message.steps.iter().rev().take_while(|step| step.state == state);
            if message.reason != *reason && named.all(|step| step.cause != *reason) {
                message.steps.push(Step { at, state, cause: reason.clone(), packets: 0 });
            }
            (message.reason, message.next) = (reason.clone(), next);
        })
        .map(drop)
    }

    /// Moves an unreadable record out of the way, with the reason. The totals count it as given back.
    pub fn set_aside_message(&mut self, id: Id, why: Reason, at: Time) -> TxResult<()> {
        self.forget_end(id)?;
        let bytes = self.messages.remove(id.0)?.map(|row| row.value().to_vec()).unwrap_or_default();
        let stale: Vec<_> =
            self.due.iter()?.filter_map(Result::ok).map(|row| row.0.value()).filter(|key| key.2 == id.0).collect();
        for key in &stale {
            self.due.remove(*key)?;
        }
        if !stale.is_empty()
            && let Some(origin) = self.miscounted()?
        {
            self.ledger.book(origin, Some(Column::Waiting), Column::Returned);
            self.count_lost()?;
        }
        self.recount_reserved()?;
        self.set_aside("store", SetAside::Message(id), why, &bytes, at)
    }

    /// The origin whose totals count more waiting messages than there are: an unreadable record does not say by which it
    /// came in.
    fn miscounted(&self) -> TxResult<Option<Origin>> {
        let mut there: BTreeMap<&str, u64> = BTreeMap::new();
        for row in self.due.iter()? {
            let (lane, _, id) = row?.0.value();
            // Those stand in a queue of their own as well.
            if lane == Queue::Timed as u8 {
                continue;
            }
            if let Some(Ok(message)) = self.messages.get(id)?.map(|row| parse(row.value())) {
                *there.entry(message.origin.word()).or_default() += 1;
            }
        }
        let waiting = |origin: &Origin| self.ledger.totals.get(origin.word()).map_or(0, |totals| totals.waiting);
        Ok(Origin::ALL.into_iter().find(|origin| waiting(origin) > there.get(origin.word()).copied().unwrap_or(0)))
    }

    /// Removes finished messages that were accepted before `limit`, with what belongs to them, from a number on. What lies in
    /// a mailbox is its reader's and stays, as does what went along with a far box that moved; the totals keep the rest. Gives how
    /// many went, and where to go on; `None` at the end.
    pub fn prune(&mut self, from: Id, limit: Time, most: usize) -> TxResult<(usize, Option<Id>)> {
        let (mut old, mut next) = (Vec::new(), None);
        let moved = self.moved_out_messages()?;
        for row in self.messages.range(from.0..)? {
            let (id, bytes) = row?;
            match parse(bytes.value()) {
                Ok(message) if message.accepted >= limit => break,
                Ok(message) if old.len() >= most => {
                    next = Some(message.id);
                    break;
                }
                Ok(message) if message.way == Way::Mailbox && self.is_filed(Id(id.value()))? => {}
                Ok(message) if message.is_final() && !moved.contains(&message.id.0) => old.push(message),
                _ => {}
            }
        }
        for message in &old {
            self.remove(message)?;
        }
        Ok((old.len(), next))
    }

    pub(super) fn remove(&mut self, message: &Message) -> TxResult<()> {
        self.messages.remove(message.id.0)?;
        self.text_changed(message.id.0)?;
        self.forget_end(message.id)?;
        if let Some(message_id) = &message.message_id {
            self.message_ids.remove(message_id.as_str())?;
        }
        if let Some(mut bill) = message.bill.clone() {
            self.release(&mut bill);
        }
        self.remove_conversation(message)?;
        self.remove_packets(message.id)?;
        self.remove_text(message.id)?;
        let Some(mail) = &message.mail else { return Ok(()) };
        for id in mail.first.0..mail.first.0 + u64::from(mail.copies) {
            if self.messages.get(id)?.is_some() {
                return Ok(());
            }
        }
        if self.is_shown(mail.first)? {
            return Ok(());
        }
        match &mail.file {
            Some(name) => self.after.unlink.push(name.clone()),
            None => drop(self.bodies.remove(mail.first.0)?),
        }
        Ok(())
    }
}

impl Store {
    /// Keeps a message (promise 1): the only way in for messages.
    ///
    /// # Errors
    /// Temporary when the disk is in the way; nothing was kept then.
    pub fn put(&self, mail: IncomingMail) -> Result<Committed, Fault> {
        let ids = self.write(move |tx| tx.add(&mail))?;
        Ok(Committed { ids })
    }

    /// Runs a job that takes something in and proves that it is on disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn commit_in<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Tx) -> TxResult<(Vec<Id>, T)> + Send + 'static,
    ) -> Result<(Committed, T), Fault> {
        let (ids, value) = self.write(job)?;
        Ok((Committed { ids }, value))
    }

    /// The bytes of the mail a message was made from.
    ///
    /// # Errors
    /// As [`Store::read`]; temporary when the spool file cannot be read.
    pub fn raw(&self, message: &Message) -> Result<Option<Vec<u8>>, Fault> {
        let Some(mail) = &message.mail else { return Ok(None) };
        let bytes = match &mail.file {
            Some(name) => spool::read(self.folder(), name)
                .map(Some)
                .map_err(|error| Fault::temporary(format!("the mail of {} cannot be read: {error}", message.id)))?,
            None => self.read(|view| view.body(mail))?,
        };
        let damaged = |bytes: &Vec<u8>| mail.check.is_some_and(|check| check != crc32fast::hash(bytes));
        match bytes {
            Some(bytes) if bytes.len() as u64 != mail.size || damaged(&bytes) => {
                Err(Fault::permanent(format!("the mail of {} is damaged on the disk of this box", message.id)))
            }
            bytes => Ok(bytes),
        }
    }

    /// The file of a large mail, after a look that it is whole.
    ///
    /// # Errors
    /// When it cannot be read; permanent when it is not what was written.
    pub fn spool_file(&self, mail: &Mail) -> Result<Option<std::path::PathBuf>, Fault> {
        let Some(name) = &mail.file else { return Ok(None) };
        let path = spool::folder(self.folder()).join(name);
        let found = spool::check(&path).map_err(|error| Fault::temporary(format!("{}: {error}", path.display())))?;
        match found.0 == mail.size && mail.check.is_none_or(|check| check == found.1) {
            true => Ok(Some(path)),
            false => Err(Fault::permanent(format!("{} is damaged: it is not what was written", path.display()))),
        }
    }

    /// Removes spool files that no message refers to; the few large mails are looked up one by one. While a record cannot
    /// be read nothing is removed: the file may be the last copy of what it speaks of.
    pub(super) fn sweep_spool(&self) -> Result<(), Fault> {
        let found = spool::names(self.folder()).map_err(Fault::operator)?;
        if found.is_empty() {
            return Ok(());
        }
        let known = self.read(|view| {
            let stay = |why: &dyn std::fmt::Display| log::error!("store: {why}; spool files without a message stay");
            let mut known: std::collections::HashSet<_> = match view.content_files() {
                Ok(files) => files.into_iter().collect(),
                Err(StoreError::Rejected(why)) => {
                    stay(&why);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            for row in view.messages()?.iter()? {
                let (id, bytes) = row?;
                match parse(bytes.value()) {
                    Ok(message) => known.extend(message.mail.and_then(|mail| mail.file)),
                    Err(error) => {
                        stay(&unreadable(Id(id.value()), &error));
                        return Ok(None);
                    }
                }
            }
            Ok(Some(known))
        })?;
        let Some(known) = known else { return Ok(()) };
        for name in found.iter().filter(|name| !known.contains(*name)) {
            log::warn!("store: spool file {name} belongs to no message and goes");
            spool::remove(self.folder(), name).map_err(Fault::operator)?;
        }
        Ok(())
    }

    /// The message of this number.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn message(&self, id: Id) -> Result<Option<Message>, Fault> {
        self.read(|view| view.message(id))
    }
}
