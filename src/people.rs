//! The people of a box: who has an address here, and where they read.

mod far_box;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::{self, LinkAddress, Mailbox, PeerId, Phone};
use crate::clock::Time;
use crate::fault::UnknownWord;
use crate::money::Money;
pub use far_box::{FarBox, MovedOut, Newcomers};

/// Where a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Home {
    /// A mailbox on this box.
    #[default]
    Here,
    /// Over the link, at their far box.
    #[serde(rename = "device")]
    FarBox,
}

/// What becomes of a message from somebody who is on no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strangers {
    /// It waits for one tap.
    Hold,
    /// It is not carried.
    Refuse,
    /// It goes on air.
    Allow,
}

impl Strangers {
    /// Gives the word that the settings and pages have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }
}

impl std::str::FromStr for Strangers {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = [Self::Hold, Self::Refuse, Self::Allow].into_iter().find(|choice| choice.word() == word);
        let (what, known) = ("answer to strangers", "hold, refuse or allow");
        found.ok_or_else(|| UnknownWord { what, word: word.to_owned(), known })
    }
}

/// What somebody may do on this box; whoever may more may all that those before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Their own mailbox and what they sent.
    #[default]
    Person,
    /// The messages of all in the queue, and the people.
    Operator,
    /// Everything: settings, secrets, backup, the modem.
    Owner,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 3] = [Self::Person, Self::Operator, Self::Owner];

    /// The word of the pages, the commands and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.into_iter().find(|role| role.word() == word);
        found.ok_or_else(|| UnknownWord { what: "role", word: word.to_owned(), known: "person, operator or owner" })
    }
}

/// Reads a role; records of older versions have a flag that says whether somebody is an owner.
fn role<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Role, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Flag(bool),
        Role(Role),
    }
    Ok(match Stored::deserialize(from)? {
        Stored::Flag(true) => Role::Owner,
        Stored::Flag(false) => Role::Person,
        Stored::Role(role) => role,
    })
}

/// Somebody with an address on this box.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Person {
    /// Name in the address, lower case.
    pub name: String,
    /// Full name, shown beside the address; may be empty.
    #[serde(default)]
    pub full_name: String,
    /// Other names in addresses that are theirs, written as `name` is.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Whether they read on this box or at their far box.
    #[serde(default)]
    pub home: Home,
    /// The far box that they are at: what they write there is theirs.
    #[serde(default)]
    pub far_box: Option<PeerId>,
    /// Their name there; empty: the same as here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sea_name: String,
    /// Their service number: text messages to it are theirs, and theirs come from it.
    #[serde(default)]
    pub number: Option<Phone>,
    /// Password hash in PHC form; `None`: no log-in.
    #[serde(default)]
    pub password: Option<String>,
    /// Mail for a person whose home is here goes on to this address too.
    #[serde(default)]
    pub forward: Option<Mailbox>,
    /// Packets a message to them may take; `None`: what the box allows.
    #[serde(default)]
    pub max_parts: Option<u16>,
    /// Packets that messages to and from them may take in a month.
    #[serde(default)]
    pub budget_packets: Option<u64>,
    /// Money that these may cost in a month.
    #[serde(default)]
    pub budget_money: Option<Money>,
    /// Who may write to them over the air, before what the box says: entries as in `air.allow`.
    #[serde(default)]
    pub allow: String,
    /// Who may not write to them: entries as in `air.block`.
    #[serde(default)]
    pub block: String,
    /// Machines that may write to them over the air: entries as in `air.machines`.
    #[serde(default)]
    pub machines: String,
    /// What becomes of messages of strangers to them; `None`: what the box says.
    #[serde(default)]
    pub strangers: Option<Strangers>,
    /// Disabled: no log-in, no mail in either direction.
    #[serde(default)]
    pub disabled: bool,
    /// What they may do.
    #[serde(default, alias = "owner", deserialize_with = "role")]
    pub role: Role,
    /// When they were added.
    #[serde(default)]
    pub added: Time,
}

impl Person {
    /// Their name at their far box.
    pub fn name_at_sea(&self) -> &str {
        if self.sea_name.is_empty() { &self.name } else { &self.sea_name }
    }

    /// True for somebody who may do everything.
    pub fn is_owner(&self) -> bool {
        self.role == Role::Owner
    }

    /// Checks the names.
    ///
    /// # Errors
    /// Which cannot be.
    pub fn check_names(&self) -> Result<(), PersonError> {
        std::iter::once(&self.name).chain(&self.aliases).try_for_each(|name| check_name(name))
    }
}

/// What is wrong with the record of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonError {
    /// Such a name cannot be.
    Name(String),
    /// Such a name cannot stand in a mail address.
    MailName(String),
    /// The name belongs to whoever owns the box.
    Postmaster,
    /// This person reads at a far box that is not known.
    NoFarBox(String),
}

impl std::fmt::Display for PersonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "'{}' cannot be a name: write 1 to 32 of a-z, 0-9, dot, hyphen, underscore",
                name.escape_debug()
            ),
            Self::MailName(name) => write!(f, "'{name}' cannot be the name in a mail address"),
            Self::Postmaster => f.write_str("postmaster is always the owner of the box: choose another name"),
            Self::NoFarBox(name) => {
                write!(f, "{name} reads on a device, so the device id, or the far box, has to be given")
            }
        }
    }
}

fn check_name(name: &str) -> Result<(), PersonError> {
    let name_ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    if name.is_empty() || name.len() > 32 || !name.chars().all(name_ok) {
        return Err(PersonError::Name(name.to_owned()));
    }
    if !address::is_dot_string(name) {
        return Err(PersonError::MailName(name.to_owned()));
    }
    match name {
        "postmaster" => Err(PersonError::Postmaster),
        _ => Ok(()),
    }
}

/// All people: a snapshot that is replaced as a whole when one changes.
#[derive(Debug, Clone, Default)]
pub struct People {
    people: BTreeMap<String, Arc<Person>>,
    far_boxes: BTreeMap<PeerId, Arc<FarBox>>,
}

impl People {
    /// Puts together the people of these records, without far boxes.
    pub fn new(people: impl IntoIterator<Item = Person>) -> Self {
        let people = people.into_iter().map(|person| (person.name.clone(), Arc::new(person))).collect();
        Self { people, far_boxes: BTreeMap::new() }
    }

    /// Finds a person by name, in any case.
    pub fn get(&self, name: &str) -> Option<&Arc<Person>> {
        self.people.get(&name.to_lowercase())
    }

    /// Adds these far boxes, in the place of those that were there.
    pub fn with_far_boxes(mut self, far_boxes: impl IntoIterator<Item = FarBox>) -> Self {
        self.far_boxes = far_boxes.into_iter().map(|far_box| (far_box.id, Arc::new(far_box))).collect();
        self
    }

    /// Lists all far boxes, by number.
    pub fn far_boxes(&self) -> impl Iterator<Item = &Arc<FarBox>> {
        self.far_boxes.values()
    }

    /// The far box of this number.
    pub fn far_box(&self, id: PeerId) -> Option<&Arc<FarBox>> {
        self.far_boxes.get(&id)
    }

    /// Finds the far box that a person is at; `None` for somebody who is at none.
    pub fn far_box_of(&self, person: &Person) -> Option<&Arc<FarBox>> {
        self.far_box(person.far_box?)
    }

    /// Finds the far box that has this address.
    pub fn at(&self, address: LinkAddress) -> Option<&Arc<FarBox>> {
        self.far_boxes().find(|far_box| far_box.addresses.contains(&address))
    }

    /// The far box that had this address here, and went to another gateway.
    pub fn moved_out(&self, address: LinkAddress) -> Option<&Arc<FarBox>> {
        self.far_boxes().find(|far_box| far_box.moved_out.as_ref().is_some_and(|it| it.addresses.contains(&address)))
    }

    /// True for somebody who reads at a far box that went to another gateway, and has their address there now.
    pub fn has_moved_out(&self, person: &Person) -> bool {
        person.home == Home::FarBox && self.far_box_of(person).is_some_and(|far_box| far_box.moved_out.is_some())
    }

    /// The far box that somebody means by its name, in any case, or by an address that it has or had.
    pub fn meant(&self, text: &str) -> Option<&Arc<FarBox>> {
        let name = text.trim().to_lowercase();
        let named = || self.far_boxes().find(|far_box| !name.is_empty() && far_box.name.to_lowercase() == name);
        let at = |address| self.at(address).or_else(|| self.moved_out(address));
        text.parse().ok().and_then(at).or_else(named)
    }

    /// The people of a far box.
    pub fn of_far_box(&self, id: PeerId) -> impl Iterator<Item = &Arc<Person>> {
        self.iter().filter(move |person| person.far_box == Some(id))
    }

    /// Who is meant where a far box names nobody: the one whom it told when it was paired, or else the one of its people that
    /// was there first.
    pub fn first_of(&self, id: PeerId) -> Option<&Arc<Person>> {
        let told = self.far_box(id).filter(|far_box| !far_box.first.is_empty());
        let told = told.and_then(|far_box| self.at_sea(id, &far_box.first));
        told.or_else(|| self.of_far_box(id).min_by_key(|person| person.added))
    }

    /// The person whom a far box means by this name.
    pub fn at_sea(&self, id: PeerId, name: &str) -> Option<&Arc<Person>> {
        self.of_far_box(id).find(|person| person.name_at_sea() == name)
    }

    /// Whose service number this is.
    pub fn by_number(&self, number: Phone) -> Option<&Arc<Person>> {
        self.iter().find(|person| person.number == Some(number))
    }

    /// The person an address of this box names, by name or by alias: `+tag` cut. `postmaster` is the owner, and so is
    /// `abuse` (RFC 2142) unless somebody has that name.
    pub fn addressed(&self, mailbox: &Mailbox) -> Option<&Arc<Person>> {
        match mailbox.person().as_str() {
            "postmaster" => self.owner(),
            name => {
                let abuse = || self.owner().filter(|_| name == "abuse");
                self.get(name).or_else(|| self.by_alias(name)).or_else(abuse)
            }
        }
    }

    /// Whose alias this is, in any case.
    pub fn by_alias(&self, name: &str) -> Option<&Arc<Person>> {
        let name = name.to_lowercase();
        self.iter().find(|person| person.aliases.contains(&name))
    }

    /// Finds the owner who was added first and is not disabled.
    pub fn owner(&self) -> Option<&Arc<Person>> {
        self.iter().filter(|person| person.is_owner() && !person.disabled).min_by_key(|person| person.added)
    }

    /// Who gets what the air brings without a name: the named one, or else the first who reads here.
    pub fn default_person(&self, named: &str) -> Option<&Arc<Person>> {
        let first = || self.iter().filter(|p| !p.disabled && p.home == Home::Here).min_by_key(|p| p.added);
        self.get(named).filter(|person| !person.disabled).or_else(first)
    }

    /// Lists all people, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Person>> {
        self.people.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Person {
        Person { name: name.to_owned(), ..Person::default() }
    }

    #[test]
    fn names_are_checked() {
        for bad in ["", "Anna", "a b", "postmaster", ".a", "a..b", "ä", "a@b"] {
            assert!(person(bad).check_names().is_err(), "{bad}");
        }
        assert!(person("anna.b-2").check_names().is_ok());
    }

    #[test]
    fn roles_of_older_records_are_understood() {
        let role = |json: &str| serde_json::from_str::<Person>(json).map(|person| person.role).ok();
        assert_eq!(role(r#"{"name":"a","owner":true}"#), Some(Role::Owner));
        assert_eq!(role(r#"{"name":"a","owner":false}"#), Some(Role::Person));
        assert_eq!(role(r#"{"name":"a"}"#), Some(Role::Person));
        assert_eq!(role(r#"{"name":"a","role":"operator"}"#), Some(Role::Operator));
        assert_eq!(role(r#"{"name":"a","role":"king"}"#), None);
        for role in Role::ALL {
            let stored = serde_json::to_string(&Person { role, ..person("a") }).unwrap();
            assert_eq!(serde_json::from_str::<Person>(&stored).unwrap().role, role);
            assert_eq!(role.word().parse(), Ok(role));
        }
    }

    #[test]
    fn postmaster_is_the_owner_and_tags_are_cut() {
        let people = People::new([Person { role: Role::Owner, ..person("anna") }, person("ben")]);
        let named = |text: &str| people.addressed(&text.parse().unwrap()).map(|p| p.name.clone());
        assert_eq!(named("PostMaster@x.org").as_deref(), Some("anna"));
        assert_eq!(named("Abuse@x.org").as_deref(), Some("anna"));
        let people = People::new([Person { role: Role::Owner, ..person("anna") }, person("abuse")]);
        assert_eq!(people.addressed(&"abuse@x.org".parse().unwrap()).unwrap().name, "abuse");
        let people = People::new([Person { role: Role::Owner, ..person("anna") }, person("ben")]);
        let named = |text: &str| people.addressed(&text.parse().unwrap()).map(|p| p.name.clone());
        assert_eq!(named("BEN+boat@x.org").as_deref(), Some("ben"));
        assert_eq!(named("carl@x.org"), None);
        let people = People::new([Person { aliases: vec!["skipper".into()], ..person("anna") }]);
        assert_eq!(people.addressed(&"Skipper+x@x.org".parse().unwrap()).unwrap().name, "anna");
        assert!(Person { aliases: vec!["Skip per".into()], ..person("anna") }.check_names().is_err());
    }
}
