//! The desk: everything that the pages and the commands can change, without HTTP and without a terminal.
//!
//! Each change is checked, written in one commit together with its line in the event list, and answered with a
//! sentence. Neither passwords nor their hashes reach an event.

mod claim;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::address::pattern::Pattern;
use crate::address::{DeviceId, Mailbox};
use crate::fault::Fault;
use crate::password;
use crate::people::{Home, Person, Strangers};
use crate::store::{Event, Store, Tx, said};

pub use claim::Claim;
pub use table::{Row, zone};

/// What somebody may do on this box; made anew for each request or command.
pub struct Desk {
    /// The store.
    pub store: Store,
    /// Who asks, for the event list: `anna on the page`, `the command line`.
    pub who: String,
}

/// A person as somebody filled them in. Empty text means nothing was given.
#[derive(Debug, Clone, Default)]
pub struct PersonEdit {
    /// Name in the address; fixed once the person is there.
    pub name: String,
    /// Name for people.
    pub full_name: String,
    /// Reads on their device instead of here.
    pub on_device: bool,
    /// Device id, hex or decimal.
    pub device: String,
    /// Mail address that letters go on to as well.
    pub forward: String,
    /// Packets a letter to them may take.
    pub max_parts: String,
    /// Packets that letters to and from them may take in a month.
    pub budget_packets: String,
    /// Money that these may cost in a month.
    pub budget_money: String,
    /// Who may always write to them over the air.
    pub allow: String,
    /// Who never may.
    pub block: String,
    /// Letters of strangers to them: hold, refuse, allow, or empty for what the box says.
    pub strangers: String,
    /// May change settings and people.
    pub owner: bool,
    /// A new password; empty: none, or the old one.
    pub password: String,
}

impl PersonEdit {
    /// The edit that would change nothing.
    pub fn of(person: &Person) -> Self {
        Self {
            name: person.name.clone(),
            full_name: person.full_name.clone(),
            on_device: person.home == Home::Device,
            device: person.device.map(|device| device.to_string()).unwrap_or_default(),
            forward: person.forward.as_ref().map(ToString::to_string).unwrap_or_default(),
            max_parts: person.max_parts.map(|parts| parts.to_string()).unwrap_or_default(),
            budget_packets: person.budget_packets.map(|packets| packets.to_string()).unwrap_or_default(),
            budget_money: person.budget_money.map(|money| money.to_string()).unwrap_or_default(),
            allow: person.allow.clone(),
            block: person.block.clone(),
            strangers: person.strangers.map(Strangers::word).unwrap_or_default().to_owned(),
            owner: person.owner,
            password: String::new(),
        }
    }

    /// Reads the fields into `person`.
    fn apply(&self, person: &mut Person) -> Result<(), String> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let full_name = self.full_name.trim();
        if full_name.chars().count() > 80 || full_name.chars().any(char::is_control) {
            return Err("the full name is one line of at most 80 characters".to_owned());
        }
        full_name.clone_into(&mut person.full_name);
        person.home = if self.on_device { Home::Device } else { Home::Here };
        person.device = given(&self.device).map(|text| text.parse::<DeviceId>()).transpose()?;
        person.forward = given(&self.forward).map(|text| text.parse::<Mailbox>()).transpose()?;
        person.max_parts = match given(&self.max_parts).map(|text| text.parse::<u16>()) {
            None => None,
            Some(Ok(parts @ 1..=99)) => Some(parts),
            Some(_) => return Err("packets a letter may take: write a number from 1 to 99, or nothing".to_owned()),
        };
        person.budget_packets = match given(&self.budget_packets).map(|text| text.parse::<u64>()) {
            None => None,
            Some(Ok(packets)) => Some(packets),
            Some(Err(_)) => return Err("packets a month: write a number, or nothing".to_owned()),
        };
        person.budget_money = given(&self.budget_money).map(|text| text.parse()).transpose()?;
        person.allow = senders(&self.allow)?;
        person.block = senders(&self.block)?;
        person.strangers = given(&self.strangers).map(|word| word.parse()).transpose()?;
        person.owner = self.owner;
        person.check()
    }
}

/// A list of senders, checked, with one blank between its entries.
fn senders(list: &str) -> Result<String, String> {
    if list.len() > 8000 {
        return Err("a list of senders may have 8000 bytes".to_owned());
    }
    Pattern::list(list)?;
    let entries = list.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|entry| !entry.is_empty());
    Ok(entries.collect::<Vec<_>>().join(" "))
}

impl Desk {
    /// All people, by name.
    pub fn people(&self) -> Vec<Arc<Person>> {
        self.store.people().iter().cloned().collect()
    }

    /// The person of this name.
    ///
    /// # Errors
    /// Permanent when there is none.
    pub fn person(&self, name: &str) -> Result<Arc<Person>, Fault> {
        self.store.people().get(name).cloned().ok_or_else(|| nobody(name))
    }

    /// Adds a person.
    ///
    /// # Errors
    /// Permanent with the sentence that says which field is wrong; otherwise as [`Store::write`].
    pub fn add(&self, edit: &PersonEdit) -> Result<Arc<Person>, Fault> {
        let mut person =
            Person { name: edit.name.trim().to_lowercase(), added: self.store.clock().now(), ..Person::default() };
        edit.apply(&mut person).map_err(Fault::Permanent)?;
        if !edit.password.is_empty() {
            person.password = Some(new_password(&edit.password, &person)?);
        }
        let event = self.event("people", format!("{} was added", person.name));
        let name = person.name.clone();
        self.store.write(move |tx| {
            if tx.person(&person.name)?.is_some() {
                return said(Fault::permanent(format!("there is already somebody named {}", person.name)));
            }
            one_device_one_person(tx, &person)?;
            tx.put_person(&person)?;
            tx.event(&event)
        })?;
        self.person(&name)
    }

    /// Changes a person; the name stays. A password in the edit becomes theirs.
    ///
    /// # Errors
    /// As [`Desk::add`]; also when it would leave the box without an owner.
    pub fn edit(&self, name: &str, edit: &PersonEdit) -> Result<Arc<Person>, Fault> {
        let before = self.person(name)?;
        let mut draft = Person::clone(&before);
        edit.apply(&mut draft).map_err(Fault::Permanent)?;
        if draft.owner && !before.owner && edit.password.is_empty() && before.password.is_none() {
            let why = "an owner needs a password: give one together with the right";
            return Err(Fault::permanent(why));
        }
        let hash = match edit.password.as_str() {
            "" => None,
            password => Some(new_password(password, &draft)?),
        };
        let (edit, event) = (edit.clone(), self.event("people", format!("{} was changed", before.name)));
        self.change(&before.name, event, move |person| {
            edit.apply(person)?;
            if hash.is_some() {
                person.password.clone_from(&hash);
            }
            Ok(())
        })
    }

    /// Gives a person a password; an empty one takes the log-in away.
    ///
    /// # Errors
    /// Permanent when the password is too weak or the person unknown.
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), Fault> {
        let person = self.person(name)?;
        let hash = match password {
            "" if person.owner => {
                return Err(Fault::permanent("an owner cannot be without a password"));
            }
            "" => None,
            password => Some(new_password(password, &person)?),
        };
        let what = if hash.is_some() { "has a new password" } else { "has no log-in any more" };
        let event = self.event("people", format!("{} {what}", person.name));
        self.change(&person.name, event, move |person| {
            person.password.clone_from(&hash);
            Ok(())
        })
        .map(drop)
    }

    /// True when this is the password of somebody who may log in. Takes as long for an unknown name as for a known
    /// one, and waits for its turn: one hash at a time.
    pub fn verify_password(&self, name: &str, password: &str) -> bool {
        let people = self.store.people();
        password::verify(people.get(name.trim()).map(|person| &**person), password)
    }

    /// Takes log-in and mail away from a person, or gives them back.
    ///
    /// # Errors
    /// Permanent when nobody has this name, or the box would be left without an owner.
    pub fn disable(&self, name: &str, disabled: bool) -> Result<(), Fault> {
        let person = self.person(name)?;
        let what = if disabled { "was disabled" } else { "was enabled" };
        let event = self.event("people", format!("{} {what}", person.name));
        self.change(&person.name, event, move |person| {
            person.disabled = disabled;
            Ok(())
        })
        .map(drop)
    }

    /// Removes a person. Their letters stay in the books and in the list.
    ///
    /// # Errors
    /// Permanent when nobody has this name, or they are the last owner.
    pub fn remove(&self, name: &str) -> Result<(), Fault> {
        let name = self.person(name)?.name.clone();
        let event = self.event("people", format!("{name} was removed"));
        self.store.write(move |tx| {
            let owned = has_owner(tx)?;
            tx.remove_person(&name)?;
            still_owned(tx, owned)?;
            tx.event(&event)
        })
    }

    /// Changes the person as they are in the store at that moment.
    fn change(
        &self,
        name: &str,
        event: Event,
        mut change: impl FnMut(&mut Person) -> Result<(), String> + Send + 'static,
    ) -> Result<Arc<Person>, Fault> {
        let key = name.to_owned();
        self.store.write(move |tx| {
            let Some(mut person) = tx.person(&key)? else { return said(nobody(&key)) };
            if let Err(why) = change(&mut person) {
                return said(Fault::Permanent(why));
            }
            let owned = has_owner(tx)?;
            one_device_one_person(tx, &person)?;
            tx.put_person(&person)?;
            still_owned(tx, owned)?;
            tx.event(&event)
        })?;
        self.person(name)
    }

    /// A line for the event list, signed.
    fn event(&self, part: &str, words: String) -> Event {
        let words = format!("{words}, by {}", self.who);
        Event { at: self.store.clock().now(), part: part.to_owned(), words, alarm: false }
    }
}

fn nobody(name: &str) -> Fault {
    Fault::permanent(format!("there is nobody named '{}'", name.escape_debug()))
}

fn new_password(password: &str, person: &Person) -> Result<String, Fault> {
    password::judge(password, &person.name, person.owner).map_err(Fault::Permanent)?;
    password::hash(password).map_err(Fault::Operator)
}

fn one_device_one_person(tx: &Tx, person: &Person) -> crate::store::Outcome<()> {
    let Some(device) = person.device else { return Ok(()) };
    match tx.everybody()?.iter().find(|other| other.device == Some(device) && other.name != person.name) {
        Some(other) => said(Fault::permanent(format!(
            "device {device} belongs to {}: a device belongs to one person at a time, take it away there first",
            other.name
        ))),
        None => Ok(()),
    }
}

/// True when somebody can log in and mend things.
fn has_owner(tx: &Tx) -> crate::store::Outcome<bool> {
    let able = |person: &Person| person.owner && !person.disabled && person.password.is_some();
    Ok(tx.everybody()?.iter().any(able))
}

/// A box that had an owner before a change has one after it.
fn still_owned(tx: &Tx, before: bool) -> crate::store::Outcome<()> {
    if before && !has_owner(tx)? {
        let why = "that would leave the box without an owner who can log in: make somebody else owner first";
        return said(Fault::permanent(why));
    }
    Ok(())
}
