//! A person's data: all of it found, or all of it taken away.

use std::collections::BTreeSet;

use serde_json::Value;

use super::audit::Record;
use super::inbound::{PartIn, Quarantined};
use super::queue::parse;
use super::schema::{Tx, TxResult, View, json, reject};
use crate::address::Address;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::reason::ActionReason;
use crate::message::{Id, Message, Packet, State, Way};
use crate::people::Person;
use crate::store::schema::Readable;

/// Stands where the name of an erased person stood.
const SOMEBODY: &str = "(erased)";

impl View {
    /// The numbers of all messages by a person and to them, oldest first; unreadable ones are left out.
    pub fn messages_of(&self, person: &str, domain: &str) -> TxResult<Vec<Id>> {
        let mut found = Vec::new();
        for row in self.messages()?.iter()? {
            let (id, bytes) = row?;
            let theirs = parse(bytes.value()).is_ok_and(|message| message.concerns(person, domain));
            found.extend(theirs.then(|| Id(id.value())));
        }
        Ok(found)
    }
}

/// What went with a person, for those who keep records of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// Numbers of their messages, which are gone.
    pub messages: Vec<Id>,
    /// Whom they wrote to or heard from and nobody else here did, in the form of [`Address::correspondent`].
    pub correspondents: BTreeSet<String>,
}

impl Tx<'_> {
    /// Removes a person with their messages, but for those that somebody else here wrote or got, the copies and notices that
    /// were made of them, their log-ins, contacts, threads and counts; their name goes from events, audit log and quarantine.
    /// Gives back what went. The totals, the counts and the costs of the box stay.
    pub fn erase_person(&mut self, person: &Person, now: Time) -> TxResult<Erased> {
        let name = person.name.as_str();
        let mut messages = Vec::new();
        for row in self.messages.iter()? {
            let (_, bytes) = row?;
            messages.extend(parse(bytes.value()).ok().filter(|message| message.concerns(name, &self.domain)));
        }
        let (shared, mut own): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| self.is_of_another(message, name).unwrap_or(true));
        if let Some(forward) = &person.forward {
            own.extend(self.older_copies(&own, &Address::Mail(forward.clone()))?);
        }
        let correspondents = self.correspondents_of(name, &own)?;
        self.stop_messages(&own, now)?;
        for message in &own {
            self.remove(message)?;
        }
        self.remove_mailbox(name)?;
        for message in shared {
            self.change(message.id, |message| {
                let named = |field: &Option<String>| field.as_deref() == Some(name);
                message.author = message.author.take().filter(|author| author != name);
                message.on_behalf_of = message.on_behalf_of.take().filter(|person| person != name);
                for whose in message.bill.iter_mut().flat_map(|bill| [&mut bill.person, &mut bill.reader]) {
                    if named(whose) {
                        *whose = None;
                    }
                }
            })?;
        }
        self.sessions
            .retain(|_, bytes| super::schema::record::<Value>(bytes).is_ok_and(|session| session["person"] != name))?;
        self.contacts.retain(|(author, _), _| author != name)?;
        self.threads.retain(|(person, _), _| person != name)?;
        // Until when a stranger is not told again was once kept for each reader.
        let told = format!("told:{}@", name);
        self.seen.retain(|key, _| !key.starts_with(&told))?;
        self.spent.retain(|(_, account), _| account != name)?;
        self.ledger.reserved.remove(name);
        self.usage.retain(|(_, who), _| who != name)?;
        self.ledger.today.people.remove(name);
        let others = self.everybody()?.into_iter().any(|other| other.name != name && other.far_box == person.far_box);
        if let Some(far_box) = person.far_box.filter(|_| !others).map(|id| id.to_string()) {
            self.parts
                .retain(|_, bytes| !super::schema::record::<PartIn>(bytes).is_ok_and(|part| part.device == far_box))?;
        }
        if let Some(mut far_box) = person.far_box.map(|id| self.far_box(id)).transpose()?.flatten() {
            far_box.asked.retain(|asked| asked != person.name_at_sea());
            far_box.refused.retain(|refused| refused != person.name_at_sea());
            self.put_far_box(&far_box)?;
        }
        self.forget_name(name)?;
        self.forget_aside(person, &correspondents)?;
        self.remove_person(name)?;
        self.ledger.erasures += 1;
        Ok(Erased { messages: own.iter().map(|message| message.id).collect(), correspondents })
    }

    /// Whom a person wrote to or heard from and nobody else here did.
    fn correspondents_of(&self, name: &str, own: &[Message]) -> TxResult<BTreeSet<String>> {
        let ends = |message: &Message| [message.from.correspondent(), message.to.correspondent()];
        let mut theirs: BTreeSet<String> = own.iter().flat_map(ends).collect();
        let mut contacts = Vec::new();
        for row in self.contacts.iter()? {
            let key = row?.0;
            let (who, to) = key.value();
            contacts.push((who == name, to.to_owned()));
        }
        theirs.extend(contacts.iter().filter(|(own, _)| *own).map(|(_, to)| to.clone()));
        for (_, to) in contacts.iter().filter(|(own, _)| !own) {
            theirs.remove(to);
        }
        let ids: BTreeSet<_> = own.iter().map(|message| message.id).collect();
        for row in self.messages.iter()? {
            let other = parse(row?.1.value()).ok().filter(|message| !ids.contains(&message.id));
            for end in other.iter().flat_map(ends) {
                theirs.remove(&end);
            }
        }
        Ok(theirs)
    }

    /// Removes what was set aside and names the person, or somebody whom only they wrote to.
    fn forget_aside(&mut self, person: &Person, correspondents: &BTreeSet<String>) -> TxResult<()> {
        let names = [person.name.as_str(), person.name_at_sea()];
        self.quarantine.retain(|_, bytes| {
            let Ok(item) = super::schema::record::<Quarantined>(bytes) else { return true };
            let content = crate::hex::decode(item.bytes.as_bytes()).unwrap_or_default();
            let text = String::from_utf8_lossy(&content).to_lowercase();
            let named = names.iter().any(|name| words_hold(&text, name));
            !named && !correspondents.iter().any(|address| text.contains(address))
        })?;
        Ok(())
    }

    /// Copies to the private address of a person, of mails to them, from a time when a copy did not say whose it is.
    fn older_copies(&self, own: &[Message], forward: &Address) -> TxResult<Vec<Message>> {
        let mut found = Vec::new();
        for mail in own.iter().filter(|message| message.way == Way::Mailbox).filter_map(|message| message.mail.as_ref())
        {
            for id in mail.first.0..mail.first.0 + u64::from(mail.copies) {
                let copy = self.find(Id(id))?.filter(|copy| {
                    let made_here = copy.way == Way::Relay && copy.author.is_none() && copy.on_behalf_of.is_none();
                    made_here && copy.to == *forward
                });
                found.extend(copy);
            }
        }
        Ok(found)
    }

    /// True for a message that somebody else on this box wrote or got.
    fn is_of_another(&self, message: &Message, name: &str) -> TxResult<bool> {
        let reader = message.reader(&self.domain).filter(|_| message.way == Way::Mailbox || message.author.is_none());
        for other in message.author.iter().chain(&reader).filter(|other| *other != name) {
            if self.people.get(other.as_str())?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Cancels what waits; what a link may have a part of has to end first, as it is paid for.
    fn stop_messages(&mut self, messages: &[Message], now: Time) -> TxResult<()> {
        let mut open = Vec::new();
        for message in messages.iter().filter(|message| !message.is_final()) {
            if self.packets_of(message.id)?.iter().any(Packet::is_open) {
                open.push(message.id.to_string());
            } else {
                self.step(message.id, now, State::Cancelled, ActionReason::PersonErased, 0, Time::NEVER)?;
            }
        }
        match open.is_empty() {
            true => Ok(()),
            false => reject(Fault::permanent(format!(
                "the link has a part of {}: cancel these messages first, or let them arrive",
                open.join(", ")
            ))),
        }
    }

    fn forget_name(&mut self, name: &str) -> TxResult<()> {
        self.events.retain(|_, bytes| !words_hold(&String::from_utf8_lossy(bytes), name))?;
        let mut records = Vec::new();
        for row in self.audit.iter()? {
            let (number, bytes) = row?;
            let Ok(record) = super::schema::record::<Record>(bytes.value()) else { continue };
            let named = [&record.who, &record.about].iter().any(|field| *field == name);
            if named || words_hold(&record.words, name) {
                records.push((number.value(), record));
            }
        }
        for (number, mut record) in records {
            for field in [&mut record.who, &mut record.about] {
                if field == name {
                    SOMEBODY.clone_into(field);
                }
            }
            record.from = String::new();
            record.words = String::new();
            self.audit.insert(number, json(&record).as_slice())?;
        }
        Ok(())
    }
}

/// True when a name stands in a text as a word of its own.
fn words_hold(text: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|c| !part_of_name(c));
        let after = text[at + name.len()..].chars().next();
        before && after.is_none_or(|c| !part_of_name(c) || ".".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::words_hold;

    #[test]
    fn names_are_found_as_words() {
        for text in ["ben", "ben was added", "by ben.", "(\"ben\")", "a log-in of ben was ended"] {
            assert!(words_hold(text, "ben"), "{text}");
        }
        for text in ["bench", "ruben", "ben-2", "ben_2", "the bend"] {
            assert!(!words_hold(text, "ben"), "{text}");
        }
    }
}
