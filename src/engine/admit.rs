//! People of a far box who have no address here: whoever owns this box decides, or has decided before, whether they get one.
//!
//! ```text
//!  a far box names somebody      known there ───────────────────────────────────────────> their address
//!  (in a message of theirs,      refused before, or newcomers = refuse ─────────────────> refused
//!   between the messages, or     newcomers = allow ──> name, or name.<far box> if taken ─> their address
//!   when it is paired)
//!                                newcomers = ask ────> the owner's list; messages wait ──> admit or refuse
//! ```
//!
//! The far box hears what was decided with the next packet, and tells them. A name that somebody here has already is not
//! theirs: they get it with the name of their far box behind it, `bob.vela`, and where that is taken too, none.

use std::sync::Arc;

use compact::peer::Answer;

use super::Context;
use super::link::session;
use crate::address::{Mailbox, PeerId};
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::events::EventKind;
use crate::people::{FarBox, Home, Newcomers, People, Person};
use crate::settings::Key;
use crate::store::{Event, Tx, TxResult, reject};

/// People of one far box who may wait for an answer; of more the owner is not asked.
const MOST_ASKED: usize = 32;
/// Names that are remembered as refused.
const MOST_REFUSED: usize = 256;

/// What becomes of somebody whom a far box names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// They have an address here.
    Person(Box<Person>),
    /// The owner is asked; what they write is held until then.
    Asked,
    /// They get no address here, and what they write is not carried.
    Refused,
}

/// What becomes of somebody whom a far box names, as things stand; the owner is asked if that is what is to be done.
///
/// # Errors
/// When the store fails.
pub fn ask(tx: &mut Tx, id: PeerId, name: &str, domain: &str, now: Time) -> TxResult<Admission> {
    if let Some(person) = known(tx, id, name)? {
        return Ok(Admission::Person(Box::new(person)));
    }
    let Some(mut far_box) = tx.far_box(id)? else { return Ok(Admission::Refused) };
    let bad = Person { name: name.to_owned(), ..Person::default() }.check_names().is_err();
    if bad || far_box.refused.iter().any(|refused| refused == name) {
        return Ok(Admission::Refused);
    }
    match far_box.newcomers {
        Newcomers::Refuse => Ok(Admission::Refused),
        Newcomers::Allow => match free_name(tx, &far_box, name)? {
            Some(free) => Ok(Admission::Person(Box::new(add(tx, &mut far_box, name, &free, domain, now)?))),
            None => Ok(Admission::Refused),
        },
        Newcomers::Ask if far_box.asked.iter().any(|asked| asked == name) => Ok(Admission::Asked),
        Newcomers::Ask if far_box.asked.len() >= MOST_ASKED => Ok(Admission::Refused),
        Newcomers::Ask => {
            far_box.asked.push(name.to_owned());
            tx.put_far_box(&far_box)?;
            let kind = EventKind::NewAtSea { name: name.to_owned(), shown: far_box.shown(), here: None };
            tx.event(&Event { at: now, part: "far-box".to_owned(), link: None, kind, alarm: true })?;
            Ok(Admission::Asked)
        }
    }
}

/// Gives somebody of a far box an address here, under this name or one that is free.
///
/// # Errors
/// Permanent, with the reason, when they have one, the name is taken, or the far box has moved. When the store fails.
pub fn admit(tx: &mut Tx, id: PeerId, name: &str, wanted: Option<&str>, domain: &str, now: Time) -> TxResult<Person> {
    if let Some(person) = known(tx, id, name)? {
        return reject(Fault::permanent(format!("{name} is {} here already", person.name)));
    }
    let mut far_box = still_here(tx, id)?;
    let free = match wanted {
        Some(wanted) if is_taken(tx, wanted)? => {
            return reject(Fault::permanent(format!(
                "somebody here is named {wanted} already: give them another name"
            )));
        }
        Some(wanted) => Some(wanted.to_owned()),
        None => free_name(tx, &far_box, name)?,
    };
    let Some(free) = free else {
        return reject(Fault::permanent(format!("somebody here is named {name} already: give them another name")));
    };
    add(tx, &mut far_box, name, &free, domain, now)
}

/// Gives somebody of a far box no address.
///
/// # Errors
/// Permanent when they have one, or the far box has moved. When the store fails.
pub fn refuse(tx: &mut Tx, id: PeerId, name: &str, now: Time) -> TxResult<()> {
    if let Some(person) = known(tx, id, name)? {
        return reject(Fault::permanent(format!("{name} is {} here: remove that person instead", person.name)));
    }
    let mut far_box = still_here(tx, id)?;
    far_box.asked.retain(|asked| asked != name);
    far_box.refused.retain(|refused| refused != name);
    far_box.refused.push(name.to_owned());
    let over = far_box.refused.len().saturating_sub(MOST_REFUSED);
    far_box.refused.drain(..over);
    tx.put_far_box(&far_box)?;
    tell(tx, id, name, &Answer::Refused, now)
}

/// Asks for those who are meant where a far box names nobody, as it said when it was paired, and who have no address here yet.
///
/// # Errors
/// When the store fails.
pub fn ask_for_first(context: &Context, people: &People) -> Result<(), Fault> {
    let missing = |far_box: &&Arc<FarBox>| !far_box.first.is_empty() && people.first_of(far_box.id).is_none();
    let known =
        |far_box: &&Arc<FarBox>| [&far_box.asked, &far_box.refused].iter().any(|list| list.contains(&far_box.first));
    let open = |far_box: &&Arc<FarBox>| far_box.moved_out.is_none() && far_box.newcomers != Newcomers::Refuse;
    let wanted = people.far_boxes().filter(open).filter(missing).filter(|far_box| !known(far_box));
    let wanted: Vec<_> = wanted.map(|far_box| (far_box.id, far_box.first.clone())).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let (domain, now) = (context.store.settings().text(Key::Domain).to_owned(), context.now());
    context.store.write(move |tx| wanted.iter().try_for_each(|(id, name)| ask(tx, *id, name, &domain, now).map(drop)))
}

/// Tells a far box, with the next packet, what became of somebody there; also of the one whom it means where it names nobody: who
/// that is changes there without a word.
///
/// # Errors
/// When the store fails.
pub fn tell(tx: &mut Tx, id: PeerId, name: &str, answer: &Answer, now: Time) -> TxResult<()> {
    tx.wake(crate::message::Way::Link);
    session::change(tx, Some(id), |peer| peer.answer_person(name, answer.clone(), now.0))
}

/// What a far box hears of an admission.
pub fn answer(admission: &Admission, domain: &str) -> Answer {
    match admission {
        Admission::Person(person) => address(person, domain),
        Admission::Asked => Answer::Asked,
        Admission::Refused => Answer::Refused,
    }
}

/// The far box; who is at one that moved is for the gateway that has it now.
fn still_here(tx: &Tx, id: PeerId) -> TxResult<FarBox> {
    match tx.far_box(id)? {
        None => reject(Fault::permanent("there is no such far box any more")),
        Some(far_box) if far_box.moved_out.is_some() => {
            reject(Fault::permanent(format!("{} has moved to another gateway: decide that there", far_box.shown())))
        }
        Some(far_box) => Ok(far_box),
    }
}

fn address(person: &Person, domain: &str) -> Answer {
    Answer::Address(Mailbox::new(&person.name, domain).map_or(person.name.clone(), |mailbox| mailbox.to_string()))
}

fn known(tx: &Tx, id: PeerId, name: &str) -> TxResult<Option<Person>> {
    let there = |person: &Person| person.far_box == Some(id) && person.name_at_sea() == name;
    Ok(tx.everybody()?.into_iter().find(there))
}

fn is_taken(tx: &Tx, name: &str) -> TxResult<bool> {
    let has = |person: &Person| person.name == name || person.aliases.iter().any(|alias| alias == name);
    Ok(name == "abuse" || tx.everybody()?.iter().any(has))
}

fn free_name(tx: &Tx, far_box: &FarBox, name: &str) -> TxResult<Option<String>> {
    for free in [name.to_owned(), format!("{name}.{}", far_box.suffix())] {
        let good = Person { name: free.clone(), ..Person::default() }.check_names().is_ok();
        if good && !is_taken(tx, &free)? {
            return Ok(Some(free));
        }
    }
    Ok(None)
}

fn add(tx: &mut Tx, far_box: &mut FarBox, name: &str, free: &str, domain: &str, now: Time) -> TxResult<Person> {
    let sea_name = if free == name { String::new() } else { name.to_owned() };
    let person = Person {
        name: free.to_owned(),
        sea_name,
        home: Home::FarBox,
        far_box: Some(far_box.id),
        added: now,
        ..Person::default()
    };
    person.check_names().map_err(Fault::permanent).or_else(reject)?;
    tx.put_person(&person)?;
    far_box.asked.retain(|asked| asked != name);
    far_box.refused.retain(|refused| refused != name);
    tx.put_far_box(far_box)?;
    let kind = EventKind::NewAtSea { name: name.to_owned(), shown: far_box.shown(), here: Some(free.to_owned()) };
    tx.event(&Event { at: now, part: "far-box".to_owned(), link: None, kind, alarm: false })?;
    tell(tx, far_box.id, name, &address(&person, domain), now)?;
    Ok(person)
}
