//! What a file says of a far box is held to the rules of pages and commands, and to itself: it brings that far box and its people,
//! and nothing of anybody else.

use std::collections::BTreeSet;

use super::Relocation;
use crate::address::LinkAddress;
use crate::address::pattern::Pattern;
use crate::fault::Fault;
use crate::message::Way;
use crate::people::{FarBox, Home, Person};
use crate::store::Belongings;

/// Checks what came along.
///
/// # Errors
/// Permanent, with what is wrong.
pub fn check(all: &Relocation) -> Result<(), Fault> {
    let wrong = |why: String| Err(Fault::permanent(format!("this is no far box as a gateway writes it: {why}")));
    let far_box = FarBox { moved_out: None, ..all.far_box.clone() };
    far_box.check().map_err(Fault::permanent)?;
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for person in &all.people {
        of_person(person)?;
        if let Some(name) = names_of(person).find(|name| !names.insert((*name).clone())) {
            return wrong(format!("two people have the name {name}"));
        }
        if let Some(number) = person.number.filter(|number| !numbers.insert(number.to_string())) {
            return wrong(format!("two people have the number {number}"));
        }
        if person.home != Home::FarBox {
            return wrong(format!("{} does not read there", person.name));
        }
    }
    let addresses: BTreeSet<_> = far_box.addresses.iter().map(LinkAddress::to_string).collect();
    if addresses.len() < far_box.addresses.len() {
        return wrong("it has one address twice".to_owned());
    }
    if let Some(paired) =
        all.paired.iter().find(|paired| paired.dialled || !far_box.addresses.contains(&paired.address))
    {
        return wrong(format!("{} is paired and not this far box", paired.address));
    }
    let mut ids = BTreeSet::new();
    if let Some(message) = all.messages.iter().find(|message| message.way != Way::Link || !ids.insert(message.id)) {
        return wrong(format!("{} is no message for it, or is there twice", message.id));
    }
    Ok(())
}

/// What is known of the far box, of its people and their numbers, and of nobody else.
pub fn own(all: &Relocation) -> Belongings {
    let names: BTreeSet<_> = all.people.iter().map(|person| person.name.as_str()).collect();
    let numbers: BTreeSet<_> = all.people.iter().filter_map(|person| person.number).map(|it| it.to_string()).collect();
    let begins: Vec<_> = all.far_box.addresses.iter().map(|address| format!("{address}:")).collect();
    let mut own = all.belongings.clone();
    own.contacts.retain(|(name, ..)| names.contains(name.as_str()));
    own.threads.retain(|(name, ..)| names.contains(name.as_str()));
    own.opt_outs.retain(|(number, ..)| numbers.contains(number));
    own.seen.retain(|(key, _)| begins.iter().any(|begin| key.starts_with(begin)));
    // The name of a set begins with that of the far box.
    own.parts.retain(|(set, ..)| set.contains('|'));
    own
}

/// All names of a person.
pub fn names_of(person: &Person) -> impl Iterator<Item = &String> {
    std::iter::once(&person.name).chain(&person.aliases)
}

fn of_person(person: &Person) -> Result<(), Fault> {
    person.check_names().map_err(Fault::permanent)?;
    if !person.sea_name.is_empty() {
        let there = Person { name: person.sea_name.clone(), ..Person::default() };
        there.check_names().map_err(Fault::permanent)?;
    }
    for list in [&person.allow, &person.block, &person.machines] {
        Pattern::list(list).map_err(Fault::permanent)?;
    }
    Ok(())
}
