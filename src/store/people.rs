//! People, settings and web sessions: small tables with a snapshot in memory.

use std::sync::{Arc, PoisonError};

use super::Store;
use super::queue::parse;
use super::schema::{self, Tx, TxResult, View, json};
use crate::address::Address;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::{Id, Message, State};
use crate::people::{People, Person};
use crate::settings::Settings;
use crate::store::schema::Readable;

/// Start of the names of notes about messages whose arrival is to be reported.
const REPORT: &str = "report:";

impl Tx<'_> {
    /// Gives the box its random name on the first use.
    pub(super) fn first_use(&mut self) -> TxResult<()> {
        if self.ledger.box_token.is_empty() {
            let mut random = [0; 5];
            getrandom::fill(&mut random)
                .or_else(|error| super::reject(Fault::operator(format!("no random numbers: {error}"))))?;
            self.ledger.box_token = crate::hex::encode(&random);
        }
        self.recount_reserved()
    }

    /// Writes a person. Somebody new has no part in what belonged to an earlier person of the same name.
    pub fn put_person(&mut self, person: &Person) -> TxResult<()> {
        if self.people.get(person.name.as_str())?.is_none() {
            self.disown(&person.name)?;
        }
        self.people.insert(person.name.as_str(), json(person).as_slice())?;
        self.after.people = true;
        Ok(())
    }

    /// What was of a person of this name is nobody's: their messages stay in the lists of who looks after the box.
    fn disown(&mut self, name: &str) -> TxResult<()> {
        let mut theirs = Vec::new();
        for row in self.messages.iter()? {
            // What cannot be read is shown to nobody.
            let found = parse(row?.1.value()).ok();
            theirs.extend(found.filter(|message| message.concerns(name, &self.domain)));
        }
        for mut message in theirs {
            message.former.push(name.to_owned());
            self.messages.insert(message.id.0, json(&message).as_slice())?;
        }
        self.remove_mailbox(name)?;
        self.contacts.retain(|(author, _), _| author != name)?;
        self.threads.retain(|(person, _), _| person != name)?;
        Ok(())
    }

    /// The person of this name, as of this transaction.
    pub fn person(&self, name: &str) -> TxResult<Option<Person>> {
        let row = self.people.get(name)?;
        Ok(row.and_then(|row| super::schema::record(row.value()).ok()))
    }

    /// All people, as of this transaction.
    pub fn everybody(&self) -> TxResult<Vec<Person>> {
        let mut all = Vec::new();
        for row in self.people.iter()? {
            all.extend(super::schema::record::<Person>(row?.1.value()));
        }
        Ok(all)
    }

    /// Removes a person; their messages stay.
    pub fn remove_person(&mut self, name: &str) -> TxResult<()> {
        self.people.remove(name)?;
        self.after.people = true;
        Ok(())
    }

    /// Stores a checked value.
    pub fn put_setting(&mut self, name: &str, value: &str) -> TxResult<()> {
        self.settings.insert(name, value)?;
        self.after.settings = true;
        Ok(())
    }

    /// Stores a web session (JSON of the page's own) under the hash of its token; `None` removes it.
    pub fn put_session(&mut self, hash: &str, session: Option<&[u8]>) -> TxResult<()> {
        if let Some(bytes) = session {
            self.sessions.insert(hash, bytes)?;
        } else {
            self.sessions.remove(hash)?;
        }
        Ok(())
    }

    /// A small value of another part of the program (the claim code, for instance); `None` removes it.
    pub fn put_note(&mut self, name: &str, value: Option<&[u8]>) -> TxResult<()> {
        let name = format!("note:{name}");
        if let Some(bytes) = value {
            self.meta.insert(name.as_str(), bytes)?;
        } else {
            self.meta.remove(name.as_str())?;
        }
        Ok(())
    }

    /// Notes that the sender of a message wants to hear when it has arrived, and that it may have.
    pub(super) fn note_success(&mut self, message: &Message) -> TxResult<()> {
        let arrived = matches!(message.state, State::Sent | State::Delivered);
        match arrived && message.reporting.events().success && !message.reporting.passed_on {
            true => self.put_note(&format!("{REPORT}{:020}", message.id.0), Some(&[])),
            false => Ok(()),
        }
    }

    /// Takes that note away; false when it is not there, as somebody told them before.
    pub fn reported(&mut self, id: Id) -> TxResult<bool> {
        let name = format!("note:{REPORT}{:020}", id.0);
        Ok(self.meta.remove(name.as_str())?.is_some())
    }

    /// A value stored with [`Tx::put_note`], as of this transaction.
    pub fn note(&self, name: &str) -> TxResult<Option<Vec<u8>>> {
        Ok(self.meta.get(format!("note:{name}").as_str())?.map(|row| row.value().to_vec()))
    }
}

impl View {
    /// When a person last wrote to this correspondent, under whichever of their addresses.
    pub fn written_to(&self, person: &str, to: &Address) -> TxResult<Option<Time>> {
        let contacts = schema::CONTACTS.read(&self.0)?;
        let when = |key: String| Ok(contacts.get((person, key.as_str()))?.map(|row| row.value()));
        // Older versions kept each address as it was written.
        let (now, before): (TxResult<_>, TxResult<_>) = (when(to.correspondent()), when(to.to_string().to_lowercase()));
        Ok(now?.max(before?).map(Time))
    }

    /// Whom a person wrote to, and when last; by address.
    pub fn contacts(&self, person: &str) -> TxResult<Vec<(String, Time)>> {
        let mut all = Vec::new();
        let contacts = schema::CONTACTS.read(&self.0)?;
        for row in contacts.range((person, "")..)? {
            let (key, at) = row?;
            let (author, to) = key.value();
            if author != person {
                break;
            }
            all.push((to.to_owned(), Time(at.value())));
        }
        Ok(all)
    }

    /// Messages whose senders want to hear that they have arrived.
    pub fn to_report(&self, most: usize) -> TxResult<Vec<Id>> {
        let (begin, end) = (format!("note:{REPORT}"), format!("note:{REPORT}~"));
        let mut found = Vec::new();
        for row in schema::META.read(&self.0)?.range(begin.as_str()..end.as_str())?.take(most) {
            found.extend(row?.0.value()[begin.len()..].parse().map(Id));
        }
        Ok(found)
    }

    /// All web sessions: hash of the token and JSON.
    pub fn sessions(&self) -> TxResult<Vec<(String, Vec<u8>)>> {
        let mut all = Vec::new();
        for row in schema::SESSIONS.read(&self.0)?.iter()? {
            let (hash, bytes) = row?;
            all.push((hash.value().to_owned(), bytes.value().to_vec()));
        }
        Ok(all)
    }

    /// A value stored with [`Tx::put_note`].
    pub fn note(&self, name: &str) -> TxResult<Option<Vec<u8>>> {
        let table = schema::META.read(&self.0)?;
        let row = table.get(format!("note:{name}").as_str())?;
        Ok(row.map(|row| row.value().to_vec()))
    }
}

impl Store {
    pub(super) fn reload_people(&self) -> Result<(), Fault> {
        let people = self.read(|view| {
            let mut people = Vec::new();
            for row in schema::PEOPLE.read(&view.0)?.iter()? {
                let (name, bytes) = row?;
                match super::schema::record::<Person>(bytes.value()) {
                    Ok(person) => people.push(person),
                    Err(error) => log::error!("person '{}' is unreadable and left out: {error}", name.value()),
                }
            }
            Ok(People::new(people).with_far_boxes(view.far_boxes()?))
        })?;
        *self.0.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(people);
        Ok(())
    }

    pub(super) fn reload_settings(&self) -> Result<(), Fault> {
        let stored = self.read(|view| {
            let mut stored = Vec::new();
            for row in schema::SETTINGS.read(&view.0)?.iter()? {
                let (name, value) = row?;
                stored.push((name.value().to_owned(), value.value().to_owned()));
            }
            Ok(stored)
        })?;
        let settings = Settings::from_stored(stored.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        Ok(())
    }
}
