//! The service: everything that the pages and the commands can change, without HTTP and without a terminal.
//!
//! Each change is checked against the role of the one who wants it, written in one commit together with its line in the
//! audit log and in the event list, and answered with a sentence. Neither passwords nor their hashes nor secrets reach
//! those.

mod act;
mod action;
mod claim;
mod data;
mod far_boxes;
mod import;
mod links;
mod maildir;
mod pairing;
mod problems;
mod relocation;
mod table;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use crate::address::pattern::Pattern;
use crate::address::{Mailbox, Phone};
use crate::fault::Fault;
use crate::password;
use crate::people::{Home, People, Person, PersonError, Role, Strangers};
use crate::settings::Key;
use crate::store::{Store, Tx, reject};

use act::person_within;
pub use action::{Action, Actor};
pub use claim::Claim;
pub use far_boxes::FarBoxEdit;
pub use links::link_settings;
pub use table::{REHEARSED, Row, zone};

/// What somebody may do on this box; made anew for each request or command.
pub struct Service {
    /// The store of the box.
    pub store: Store,
    /// Who asks, for the rights and the audit.
    pub by: Actor,
}

/// A person as somebody filled them in. Empty text means nothing was given.
#[derive(Debug, Clone, Default)]
pub struct PersonEdit {
    /// Name in the address; fixed once the person is there.
    pub name: String,
    /// Full name, shown beside the address.
    pub full_name: String,
    /// Reads at their far box instead of here.
    pub on_device: bool,
    /// Their far box: an address of it, such as the id of a device, or its name.
    pub device: String,
    /// Others may be at that far box already.
    pub joins: bool,
    /// What people call that far box.
    pub device_name: String,
    /// Other names in addresses, separated by spaces.
    pub aliases: String,
    /// Mail address that messages go on to as well.
    pub forward: String,
    /// Packets a message to them may take.
    pub max_parts: String,
    /// Packets that messages to and from them may take in a month.
    pub budget_packets: String,
    /// Money that these may cost in a month.
    pub budget_money: String,
    /// Senders who may always write to them over the air.
    pub allow: String,
    /// Senders who may not write to them, over what the box allows.
    pub block: String,
    /// Machines that may write to them over the air.
    pub machines: String,
    /// Messages of strangers to them: hold, refuse, allow, or empty for the default of the box.
    pub strangers: String,
    /// Service number for text messages, in the local form or with its plus.
    pub number: String,
    /// What they may do.
    pub role: Role,
    /// A new password; empty: none, or the old one.
    pub password: String,
}

impl PersonEdit {
    /// Makes the edit that would change nothing.
    pub fn of(person: &Person, people: &People) -> Self {
        Self {
            name: person.name.clone(),
            full_name: person.full_name.clone(),
            on_device: person.home == Home::FarBox,
            aliases: person.aliases.join(" "),
            device: far_boxes::named(people, person),
            joins: false,
            device_name: people.far_box_of(person).map(|far_box| far_box.name.clone()).unwrap_or_default(),
            forward: person.forward.as_ref().map(ToString::to_string).unwrap_or_default(),
            max_parts: person.max_parts.map(|parts| parts.to_string()).unwrap_or_default(),
            budget_packets: person.budget_packets.map(|packets| packets.to_string()).unwrap_or_default(),
            budget_money: person.budget_money.map(|money| money.to_string()).unwrap_or_default(),
            allow: person.allow.clone(),
            block: person.block.clone(),
            machines: person.machines.clone(),
            strangers: person.strangers.map(Strangers::word).unwrap_or_default().to_owned(),
            number: person.number.map(|number| number.to_string()).unwrap_or_default(),
            role: person.role,
            password: String::new(),
        }
    }

    /// Gives the same edit with the number in its international form.
    fn in_country(&self, country: &str) -> Result<Self, Fault> {
        let mut edit = self.clone();
        if !edit.number.trim().is_empty() {
            edit.number = Phone::local(&edit.number, country).map_err(Fault::permanent)?.to_string();
        }
        Ok(edit)
    }

    /// Reads the fields into `person`; their far box is looked up in the transaction ([`far_boxes::place`]).
    fn apply(&self, person: &mut Person) -> Result<(), Fault> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let full_name = self.full_name.trim();
        if full_name.chars().count() > 80 || full_name.chars().any(char::is_control) {
            return Err(Fault::permanent("the full name is one line of at most 80 characters"));
        }
        full_name.clone_into(&mut person.full_name);
        person.home = if self.on_device { Home::FarBox } else { Home::Here };
        let aliases = self.aliases.to_lowercase();
        person.aliases =
            aliases.split([' ', ',', ';', '\n', '\r', '\t']).filter(|a| !a.is_empty()).map(str::to_owned).collect();
        person.aliases.dedup();
        if person.aliases.len() > 20 {
            return Err(Fault::permanent("a person may have 20 other names"));
        }
        if self.on_device && given(&self.device).is_none() {
            return Err(Fault::permanent(PersonError::NoFarBox(person.name.clone())));
        }
        person.forward =
            given(&self.forward).map(|text| text.parse::<Mailbox>()).transpose().map_err(Fault::permanent)?;
        person.max_parts = match given(&self.max_parts).map(|text| text.parse::<u16>()) {
            None => None,
            Some(Ok(parts @ 1..=99)) => Some(parts),
            Some(_) => {
                return Err(Fault::permanent("packets a message may take: write a number from 1 to 99, or nothing"));
            }
        };
        person.number = given(&self.number).map(|text| text.parse()).transpose().map_err(Fault::permanent)?;
        person.budget_packets = match given(&self.budget_packets).map(|text| text.parse::<u64>()) {
            None => None,
            Some(Ok(packets)) => Some(packets),
            Some(Err(_)) => return Err(Fault::permanent("packets a month: write a number, or nothing")),
        };
        person.budget_money =
            given(&self.budget_money).map(|text| text.parse()).transpose().map_err(Fault::permanent)?;
        person.allow = senders(&self.allow)?;
        person.block = senders(&self.block)?;
        person.machines = senders(&self.machines)?;
        person.strangers = given(&self.strangers).map(|word| word.parse()).transpose().map_err(Fault::permanent)?;
        person.role = self.role;
        person.check_names().map_err(Fault::permanent)
    }

    /// Puts the person at the far box of the edit.
    fn place(&self, tx: &mut Tx, person: &mut Person) -> crate::store::TxResult<()> {
        far_boxes::place(tx, person, self)
    }
}

/// Checks and tidies a list of senders.
fn senders(list: &str) -> Result<String, Fault> {
    if list.len() > 8000 {
        return Err(Fault::permanent("a list of senders may have 8000 bytes"));
    }
    Pattern::list(list).map_err(Fault::permanent)?;
    Ok(Pattern::tidy(list))
}

impl Service {
    /// Gives all people, by name.
    pub fn people(&self) -> Vec<Arc<Person>> {
        self.store.people().iter().cloned().collect()
    }

    /// Finds the person of this name.
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
        self.may(Action::AddPerson)?;
        self.may_touch(edit.role)?;
        let edit = edit.in_country(self.store.settings().text(Key::SmsCountry))?;
        let mut person =
            Person { name: edit.name.trim().to_lowercase(), added: self.store.clock().now(), ..Person::default() };
        edit.apply(&mut person)?;
        if !edit.password.is_empty() {
            person.password = Some(new_password(&edit.password, &person)?);
        }
        let name = person.name.clone();
        let words = match person.role {
            Role::Person => format!("{name} was added"),
            role => format!("{name} was added as {}", role.word()),
        };
        self.act(Action::AddPerson, &name, words, move |tx| {
            if tx.person(&person.name)?.is_some() {
                return reject(Fault::permanent(format!("there is already somebody named {}", person.name)));
            }
            let mut person = person.clone();
            edit.place(tx, &mut person)?;
            belong_to_one(tx, &person)?;
            tx.put_person(&person)
        })?;
        self.person(&name)
    }

    /// Changes a person; the name stays. A password in the edit becomes theirs.
    ///
    /// # Errors
    /// As [`Service::add`]; also when it would leave the box without an owner.
    pub fn edit(&self, name: &str, edit: &PersonEdit) -> Result<Arc<Person>, Fault> {
        self.may(Action::EditPerson)?;
        let edit = edit.in_country(self.store.settings().text(Key::SmsCountry))?;
        let before = self.person(name)?;
        self.may_touch(before.role.max(edit.role))?;
        let mut draft = Person::clone(&before);
        edit.apply(&mut draft)?;
        if draft.is_owner() && !before.is_owner() && edit.password.is_empty() && before.password.is_none() {
            let why = "an owner needs a password: give one together with the right";
            return Err(Fault::permanent(why));
        }
        let hash = match edit.password.as_str() {
            "" => None,
            password => Some(new_password(password, &draft)?),
        };
        let (was, is) = (PersonEdit::of(&before, &self.store.people()), far_boxes::tidy(&edit.device));
        let mut what = changed(&before, &draft, hash.is_some());
        for (field, was, is) in [("device", &was.device, &is), ("device name", &was.device_name, &edit.device_name)] {
            let none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
            if was != is {
                what.push(format!("{field} {} (was {})", none(is), none(was)));
            }
        }
        let words =
            format!("{} was changed{}{}", before.name, if what.is_empty() { "" } else { ": " }, what.join(", "));
        let edit = edit.clone();
        self.change(Action::EditPerson, &before.name, words, move |tx, person| {
            edit.apply(person).or_else(reject)?;
            edit.place(tx, person)?;
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
        let own = person.name == self.by.name;
        let action = if own { Action::OwnPassword } else { Action::SetPassword };
        self.may(action)?;
        self.may_touch(person.role)?;
        let hash = match password {
            "" if person.is_owner() => {
                return Err(Fault::permanent("an owner cannot be without a password"));
            }
            "" => None,
            password => Some(new_password(password, &person)?),
        };
        let what = if hash.is_some() { "has a new password" } else { "has no log-in any more" };
        self.change(action, &person.name, format!("{} {what}", person.name), move |_, person| {
            person.password.clone_from(&hash);
            Ok(())
        })
        .map(drop)
    }

    /// Takes log-in and mail away from a person, or gives them back.
    ///
    /// # Errors
    /// Permanent when nobody has this name, or the box would be left without an owner.
    pub fn disable(&self, name: &str, disabled: bool) -> Result<(), Fault> {
        let action = if disabled { Action::DisablePerson } else { Action::EnablePerson };
        self.may(action)?;
        let person = self.person(name)?;
        let what = if disabled { "was disabled" } else { "was enabled" };
        self.change(action, &person.name, format!("{} {what}", person.name), move |_, person| {
            person.disabled = disabled;
            Ok(())
        })
        .map(drop)
    }

    /// Removes a person. Their messages stay in the totals and in the list.
    ///
    /// # Errors
    /// Permanent when nobody has this name, or they are the last owner.
    pub fn remove(&self, name: &str) -> Result<(), Fault> {
        self.may(Action::RemovePerson)?;
        let name = self.person(name)?.name.clone();
        let (key, by) = (name.clone(), self.by.role);
        self.act(Action::RemovePerson, &name, format!("{name} was removed"), move |tx| {
            person_within(tx, &key, by)?;
            let owned = has_owner(tx)?;
            tx.remove_person(&key)?;
            still_owned(tx, owned)
        })
    }

    /// Changes the person as they are in the store at that moment.
    fn change(
        &self,
        action: Action,
        name: &str,
        words: String,
        mut change: impl FnMut(&mut Tx, &mut Person) -> crate::store::TxResult<()> + Send + 'static,
    ) -> Result<Arc<Person>, Fault> {
        let (key, by) = (name.to_owned(), self.by.role);
        self.act(action, name, words, move |tx| {
            let mut person = person_within(tx, &key, by)?;
            change(tx, &mut person)?;
            let owned = has_owner(tx)?;
            belong_to_one(tx, &person)?;
            tx.put_person(&person)?;
            still_owned(tx, owned)
        })?;
        self.person(name)
    }
}

/// Tells what is different, in words for the audit log; lists of senders and passwords by name only.
fn changed(before: &Person, after: &Person, password: bool) -> Vec<String> {
    let shown = |field: &Person, name: &str| match name {
        "full name" => field.full_name.clone(),
        "reads" => if field.home == Home::FarBox { "on the device" } else { "here" }.to_owned(),
        "other names" => field.aliases.join(" "),
        "number" => field.number.map_or("none".to_owned(), |number| number.to_string()),
        "role" => field.role.word().to_owned(),
        "packets a message" => field.max_parts.map_or("box default".to_owned(), |parts| parts.to_string()),
        "packets a month" => field.budget_packets.map_or("no limit".to_owned(), |packets| packets.to_string()),
        "money a month" => field.budget_money.map_or("no limit".to_owned(), |money| money.to_string()),
        _ => field.strangers.map_or("box default", Strangers::word).to_owned(),
    };
    let names = [
        "full name",
        "other names",
        "reads",
        "number",
        "role",
        "packets a message",
        "packets a month",
        "money a month",
        "strangers",
    ];
    let mut all: Vec<_> = names
        .into_iter()
        .map(|name| (name, shown(before, name), shown(after, name)))
        .filter(|(_, was, is)| was != is)
        .map(|(name, was, is)| if name == "full name" { name.to_owned() } else { format!("{name} {is} (was {was})") })
        .collect();
    for (name, different) in [
        ("where copies go", before.forward != after.forward),
        ("allowed senders", before.allow != after.allow),
        ("blocked senders", before.block != after.block),
        ("machines that may write", before.machines != after.machines),
        ("password", password),
    ] {
        if different {
            all.push(name.to_owned());
        }
    }
    all
}

fn nobody(name: &str) -> Fault {
    Fault::permanent(format!("there is nobody named '{}'", name.escape_debug()))
}

fn new_password(password: &str, person: &Person) -> Result<String, Fault> {
    password::judge(password, &person.name, person.is_owner()).map_err(Fault::permanent)?;
    password::hash(password).map_err(|error| Fault::operator(format!("the password cannot be hashed: {error}")))
}

/// Makes sure that a service number and a name belong to one person only.
fn belong_to_one(tx: &Tx, person: &Person) -> crate::store::TxResult<()> {
    let taken = |what: String, owner: &Person| {
        let whose = &owner.name;
        reject(Fault::permanent(format!(
            "{what} belongs to {whose}: it belongs to one person at a time, take it away there first"
        )))
    };
    for other in tx.everybody()?.iter().filter(|other| other.name != person.name) {
        let names =
            |of: &Person| std::iter::once(of.name.clone()).chain(of.aliases.iter().cloned()).collect::<Vec<_>>();
        if let Some(name) = names(person).into_iter().find(|name| names(other).contains(name)) {
            return taken(format!("the name {name}"), other);
        }
        if let Some(number) = person.number.filter(|number| other.number == Some(*number)) {
            return taken(format!("number {number}"), other);
        }
    }
    Ok(())
}

/// True when somebody can log in as owner.
fn has_owner(tx: &Tx) -> crate::store::TxResult<bool> {
    let able = |person: &Person| person.is_owner() && !person.disabled && person.password.is_some();
    Ok(tx.everybody()?.iter().any(able))
}

/// Makes sure that a box that had an owner before a change has one after it.
fn still_owned(tx: &Tx, before: bool) -> crate::store::TxResult<()> {
    if before && !has_owner(tx)? {
        let why = "that would leave the box without an owner who can log in: make somebody else owner first";
        return reject(Fault::permanent(why));
    }
    Ok(())
}
