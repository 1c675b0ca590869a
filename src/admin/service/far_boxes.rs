//! Far boxes: added, changed and removed; and which of them a person is at.

use std::sync::Arc;

use super::act::person_within;
use super::{Action, PersonEdit, Service, has_owner, still_owned};
use crate::address::{Address, LinkAddress, PeerId};
use crate::engine::link::relocate;
use crate::engine::{admit, position};
use crate::fault::Fault;
use crate::people::{FarBox, Home, Newcomers, People, Person};
use crate::settings::Key;
use crate::store::{Place, Tx, TxResult, reject};

/// A far box as somebody filled it in. Empty text means nothing was given.
#[derive(Debug, Clone, Default)]
pub struct FarBoxEdit {
    /// What people call it.
    pub name: String,
    /// Its addresses, separated by spaces.
    pub addresses: String,
    /// Whether its people may come by themselves.
    pub newcomers: Newcomers,
}

impl FarBoxEdit {
    /// Makes the edit that would change nothing.
    pub fn of(far_box: &FarBox) -> Self {
        let addresses: Vec<_> = far_box.addresses.iter().map(ToString::to_string).collect();
        Self { name: far_box.name.clone(), addresses: addresses.join(" "), newcomers: far_box.newcomers }
    }

    /// Reads the fields into a record.
    fn apply(&self, far_box: &mut FarBox) -> Result<(), Fault> {
        self.name.trim().clone_into(&mut far_box.name);
        let words = self.addresses.split([' ', ',', ';', '\n', '\r', '\t']).filter(|word| !word.is_empty());
        far_box.addresses = words.map(str::parse).collect::<Result<_, _>>().map_err(Fault::permanent)?;
        let mut seen = Vec::new();
        far_box.addresses.retain(|address| {
            !seen.contains(address) && {
                seen.push(*address);
                true
            }
        });
        far_box.newcomers = self.newcomers;
        far_box.check().map_err(Fault::permanent)
    }
}

impl Service {
    /// Gives all far boxes, in the order in which this box came to know them.
    pub fn far_boxes(&self) -> Vec<Arc<FarBox>> {
        self.store.people().far_boxes().cloned().collect()
    }

    /// Finds the far box that somebody means by its name or by an address of it.
    ///
    /// # Errors
    /// Permanent when there is none.
    pub fn far_box(&self, text: &str) -> Result<Arc<FarBox>, Fault> {
        self.store.people().meant(text).cloned().ok_or_else(|| no_far_box(text))
    }

    /// Adds a far box.
    ///
    /// # Errors
    /// Permanent with the sentence that says which field is wrong.
    pub fn add_far_box(&self, edit: &FarBoxEdit) -> Result<Arc<FarBox>, Fault> {
        let mut far_box = FarBox { id: PeerId(0), addresses: Vec::new(), ..FarBox::unnamed(self.store.clock().now()) };
        edit.apply(&mut far_box)?;
        let words = format!("far box {} was added", far_box.shown());
        let id = self.act(Action::AddFarBox, &far_box.shown(), words, move |tx| {
            alone(tx, &far_box)?;
            tx.put_far_box(&far_box)
        })?;
        self.far_box_of(id)
    }

    /// Changes a far box.
    ///
    /// # Errors
    /// As [`Service::add_far_box`].
    pub fn edit_far_box(&self, id: PeerId, edit: &FarBoxEdit) -> Result<Arc<FarBox>, Fault> {
        let before = self.far_box_of(id)?;
        let mut draft = FarBox::clone(&before);
        edit.apply(&mut draft)?;
        let mut what = Vec::new();
        if draft.name != before.name {
            what.push(format!("name {}", if draft.name.is_empty() { "none" } else { &draft.name }));
        }
        if draft.addresses != before.addresses {
            what.push(format!("addresses {}", FarBoxEdit::of(&draft).addresses));
        }
        if draft.newcomers != before.newcomers {
            what.push(format!("new people {}", draft.newcomers.word()));
        }
        let words = format!(
            "far box {} was changed{}{}",
            before.shown(),
            if what.is_empty() { "" } else { ": " },
            what.join(", ")
        );
        let edit = edit.clone();
        let (domain, now) = (self.store.settings().text(Key::Domain).to_owned(), self.store.clock().now());
        self.act(Action::EditFarBox, &before.shown(), words, move |tx| {
            let Some(mut far_box) = tx.far_box(id)? else { return reject(no_far_box(&id.to_string())) };
            if far_box.moved_out.is_some() {
                return reject(Fault::permanent(format!("{} has moved to another gateway", far_box.shown())));
            }
            edit.apply(&mut far_box).or_else(reject)?;
            alone(tx, &far_box)?;
            tx.put_far_box(&far_box)?;
            // Who asked hears what holds from now on.
            match far_box.newcomers {
                Newcomers::Ask => {}
                Newcomers::Allow => {
                    for name in &far_box.asked {
                        admit::ask(tx, id, name, &domain, now)?;
                    }
                }
                Newcomers::Refuse => far_box.asked.iter().try_for_each(|name| admit::refuse(tx, id, name, now))?,
            }
            Ok(())
        })?;
        self.far_box_of(id)
    }

    /// Removes a far box that has no people, and all that the two boxes know of each other; one that went to another gateway with its
    /// people.
    ///
    /// # Errors
    /// Permanent while somebody is at it, or while packets for it are on their way; of one that moved, where messages from there are
    /// held, and where the actor may not remove one of its people, or the box would be left without an owner.
    pub fn remove_far_box(&self, id: PeerId) -> Result<(), Fault> {
        let far_box = self.far_box_of(id)?;
        let (words, by) = (format!("far box {} was removed", far_box.shown()), self.by.role);
        self.act(Action::RemoveFarBox, &far_box.shown(), words, move |tx| {
            let mut people: Vec<_> = tx.everybody()?.into_iter().filter(|person| person.far_box == Some(id)).collect();
            if let Some(moved) = &far_box.moved_out {
                relocate::undecided(tx, &far_box)?;
                let owned = has_owner(tx)?;
                // They have their addresses at the other gateway.
                for person in people.extract_if(.., |person| person.home == Home::FarBox) {
                    person_within(tx, &person.name, by)?;
                    tx.remove_person(&person.name)?;
                }
                still_owned(tx, owned)?;
                relocate::forget(tx, &moved.ticket)?;
            }
            if !people.is_empty() {
                let names: Vec<_> = people.iter().map(|person| person.name.as_str()).collect();
                return reject(Fault::permanent(format!(
                    "{} read or write there: move or remove them first",
                    names.join(", ")
                )));
            }
            if tx.open_packets()?.iter().any(|packet| packet.far_box == Some(id)) {
                return reject(Fault::permanent("packets for it are on their way: cancel their messages first"));
            }
            tx.remove_far_box(id)
        })
    }

    /// Gives somebody of a far box an address here; what they wrote goes on.
    ///
    /// # Errors
    /// Permanent when they have one, or the name is taken.
    pub fn admit(&self, id: PeerId, name: &str, wanted: Option<&str>) -> Result<Arc<Person>, Fault> {
        let far_box = self.far_box_of(id)?;
        let domain = self.store.settings().text(Key::Domain).to_owned();
        let (key, wanted, now) = (name.to_owned(), wanted.map(str::to_lowercase), self.store.clock().now());
        let words = format!("{name} of {} was given an address", far_box.shown());
        let person = self.act(Action::AddPerson, name, words, move |tx| {
            admit::admit(tx, id, &key, wanted.as_deref(), &domain, now)
        })?;
        self.person(&person.name)
    }

    /// Gives somebody of a far box no address; what they wrote is refused.
    ///
    /// # Errors
    /// Permanent when they have one.
    pub fn refuse(&self, id: PeerId, name: &str) -> Result<(), Fault> {
        let far_box = self.far_box_of(id)?;
        let (key, now) = (name.to_owned(), self.store.clock().now());
        let words = format!("{name} of {} was refused an address", far_box.shown());
        self.act(Action::EditFarBox, &far_box.shown(), words, move |tx| admit::refuse(tx, id, &key, now))
    }

    /// Has the box ashore told where this one is, if that is known.
    ///
    /// # Errors
    /// Permanent where it takes no positions, or none is known.
    pub fn tell_position(&self, here: Option<Place>) -> Result<(), Fault> {
        let now = self.store.clock().now();
        self.act(Action::TellPosition, "", "the position of this box was sent", move |tx| position::tell(tx, here, now))
    }

    /// Has a far box asked where it is.
    ///
    /// # Errors
    /// Permanent where it tells no positions.
    pub fn ask_position(&self, id: PeerId) -> Result<(), Fault> {
        let (far_box, now) = (self.far_box_of(id)?, self.store.clock().now());
        let words = format!("{} was asked where it is", far_box.shown());
        self.act(Action::AskPosition, &far_box.shown(), words, move |tx| position::ask(tx, id, now))
    }

    pub(super) fn far_box_of(&self, id: PeerId) -> Result<Arc<FarBox>, Fault> {
        self.store.people().far_box(id).cloned().ok_or_else(|| no_far_box(&id.to_string()))
    }
}

/// Makes sure that no other far box has this name, or one of these addresses.
fn alone(tx: &mut Tx, far_box: &FarBox) -> TxResult<()> {
    for address in &far_box.addresses {
        tx.not_moved_out(*address)?;
        if let Some(owner) = tx.give_away(*address, far_box.id)? {
            return reject(Fault::permanent(format!(
                "{address} is an address of {}: an address belongs to one far box, take it away there first",
                owner.shown()
            )));
        }
    }
    let named = |other: &FarBox| other.id != far_box.id && other.name.to_lowercase() == far_box.name.to_lowercase();
    match tx.all_far_boxes()?.into_iter().find(named).filter(|_| !far_box.name.is_empty()) {
        Some(other) => reject(Fault::permanent(format!("there is already a far box named {}", other.name))),
        None => Ok(()),
    }
}

/// What names the far box of a person in a form: its address, or else its name; empty without one.
pub fn named(people: &People, person: &Person) -> String {
    people.far_box_of(person).map(|far_box| far_box.handle()).unwrap_or_default()
}

/// A far box as it was written into a form, in the one form that it has.
pub fn tidy(text: &str) -> String {
    text.parse::<LinkAddress>().map_or_else(|_| text.trim().to_owned(), |address| Address::Device(address).to_string())
}

/// Puts a person at the far box that was written into a form, by an address or by its name, and gives it a new name if one
/// was given. An address that nobody has makes a far box. One with other people is joined only where that is meant.
pub fn place(tx: &mut Tx, person: &mut Person, edit: &PersonEdit) -> TxResult<()> {
    let (text, name, before) = (edit.device.trim(), edit.device_name.trim(), person.far_box);
    person.far_box = None;
    if text.is_empty() {
        return Ok(());
    }
    let far_boxes = tx.all_far_boxes()?;
    let id = match text.parse::<LinkAddress>() {
        Ok(address) => {
            let known = far_boxes.iter().find(|far_box| far_box.addresses.contains(&address));
            let id = known.map(|far_box| far_box.id);
            let others = tx.everybody()?;
            let other = others.iter().find(|other| other.name != person.name && id.is_some() && other.far_box == id);
            if let (Some(other), true) = (other, id != before && !edit.joins) {
                let (shown, whose) = (address.shown(), &other.name);
                return reject(Fault::permanent(format!(
                    "{shown} belongs to {whose}: take it away there first, or say that both are at that far box (--far-box)"
                )));
            }
            match id {
                Some(id) => id,
                None => tx.far_box_at(address, person.added)?,
            }
        }
        Err(why) => match far_boxes.iter().find(|far_box| far_box.name.to_lowercase() == text.to_lowercase()) {
            Some(far_box) => far_box.id,
            None if text.contains(':') || text.starts_with(|c: char| c.is_ascii_digit()) => {
                return reject(Fault::permanent(why));
            }
            None => return reject(no_far_box(text)),
        },
    };
    person.far_box = Some(id);
    let Some(mut far_box) = tx.far_box(id)? else { return reject(no_far_box(text)) };
    let left = before.filter(|before| *before != id).map(|before| tx.far_box(before)).transpose()?.flatten();
    // The name in the form is still that of the one they were at.
    let old = left.is_some_and(|left| left.name == name);
    if far_box.name != name && !old && (!name.is_empty() || before == Some(id)) {
        name.clone_into(&mut far_box.name);
        far_box.check().map_err(Fault::permanent).or_else(reject)?;
        alone(tx, &far_box)?;
        tx.put_far_box(&far_box)?;
    }
    if before != Some(id) { is_first(tx, person, far_box) } else { Ok(()) }
}

/// Whoever is put first at a far box is the one whom it means where it names nobody, whatever they are called there.
fn is_first(tx: &mut Tx, person: &mut Person, mut far_box: FarBox) -> TxResult<()> {
    let at_sea = person.name_at_sea().to_owned();
    let others = tx.everybody()?;
    let alone = !others.iter().any(|other| other.name != person.name && other.far_box == Some(far_box.id));
    if alone && !far_box.first.is_empty() && at_sea != far_box.first {
        person.sea_name.clone_from(&far_box.first);
    }
    let waiting = far_box.asked.len();
    far_box.asked.retain(|asked| asked != person.name_at_sea());
    if far_box.asked.len() != waiting { tx.put_far_box(&far_box).map(drop) } else { Ok(()) }
}

fn no_far_box(text: &str) -> Fault {
    Fault::permanent(format!("there is no far box '{}'", text.escape_debug()))
}
