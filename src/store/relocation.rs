//! What the store knows of a far box and its people besides messages, packets and the talk: it goes along when the far box moves
//! to another gateway.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::inbound::PartIn;
use super::schema::{self, Tx, TxResult, View, json};
use super::texts::{OptOut, Thread};
use crate::address::PeerId;
use crate::clock::Time;
use crate::message::Id;
use crate::people::{FarBox, Person};
use crate::store::schema::Readable;

/// What the store has of a far box besides its record, its people and its messages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Belongings {
    /// Whom its people wrote to, and when: those may answer.
    pub contacts: Vec<(String, String, Time)>,
    /// The last mail between one of its people and a phone.
    pub threads: Vec<(String, String, Thread)>,
    /// Phones that want no texts from a number of its people.
    pub opt_outs: Vec<(String, String, OptOut)>,
    /// Keys of packets from there that were taken.
    pub seen: Vec<(String, Time)>,
    /// Parts of messages from there that wait for the rest: set, number, part.
    pub parts: Vec<(String, u16, PartIn)>,
}

/// Begins the names of the notes of what went along with far boxes; the ticket of the move follows.
pub const MOVED_OUT: &str = "moved-out:";

/// What this file reads of such a note.
#[derive(Deserialize)]
struct Noted {
    messages: Vec<NotedMessage>,
}

#[derive(Deserialize)]
struct NotedMessage {
    id: Id,
}

impl Tx<'_> {
    /// The numbers of messages that went along with far boxes which are neither back nor forgotten: their mails may have to be written
    /// out once more.
    pub(super) fn moved_out_messages(&self) -> TxResult<BTreeSet<u64>> {
        let mut found = BTreeSet::new();
        for moved in self.all_far_boxes()?.into_iter().filter_map(|far_box| far_box.moved_out) {
            let note = self.note(&format!("{MOVED_OUT}{}", moved.ticket))?;
            let noted = note.and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
            found.extend(noted.into_iter().flat_map(|noted| noted.messages).map(|message| message.id.0));
        }
        Ok(found)
    }

    /// The numbers of all messages that wait for something.
    pub fn waiting(&self) -> TxResult<Vec<Id>> {
        let mut found = Vec::new();
        for row in self.due.iter()? {
            found.push(Id(row?.0.value().2));
        }
        Ok(found)
    }

    /// What is known of a far box and of people of these names.
    pub fn belongings(&self, far_box: &FarBox, people: &[Person]) -> TxResult<Belongings> {
        let mut all = Belongings::default();
        for person in people {
            let name = person.name.as_str();
            for row in self.contacts.range((name, "")..)? {
                let (key, at) = row?;
                if key.value().0 != name {
                    break;
                }
                all.contacts.push((name.to_owned(), key.value().1.to_owned(), Time(at.value())));
            }
            for row in self.threads.range((name, "")..)? {
                let (key, bytes) = row?;
                if key.value().0 != name {
                    break;
                }
                let thread = schema::record(bytes.value()).ok();
                all.threads.extend(thread.map(|thread| (name.to_owned(), key.value().1.to_owned(), thread)));
            }
            let Some(number) = person.number.map(|number| number.to_string()) else { continue };
            for row in self.opt_outs.range((number.as_str(), "")..)? {
                let (key, bytes) = row?;
                if key.value().0 != number {
                    break;
                }
                let out = schema::record(bytes.value()).ok();
                all.opt_outs.extend(out.map(|out| (number.clone(), key.value().1.to_owned(), out)));
            }
        }
        for address in &far_box.addresses {
            let begin = format!("{address}:");
            for row in self.seen.range(begin.as_str()..)? {
                let (key, at) = row?;
                if !key.value().starts_with(&begin) {
                    break;
                }
                all.seen.push((key.value().to_owned(), Time(at.value())));
            }
        }
        let own = far_box.id.to_string();
        for row in self.parts.iter()? {
            let (key, bytes) = row?;
            let part = schema::record::<PartIn>(bytes.value()).ok().filter(|part| part.device == own);
            all.parts.extend(part.map(|part| (key.value().0.to_owned(), key.value().1, part)));
        }
        Ok(all)
    }

    /// Forgets what a box that has moved out does not need any more: the talk, and parts of messages from there.
    pub fn move_out_belongings(&mut self, far_box: PeerId) -> TxResult<()> {
        let own = far_box.to_string();
        self.put_session_rows(&own, &super::SessionRows::new())?;
        let of_it = |bytes: &[u8]| schema::record::<PartIn>(bytes).is_ok_and(|part| part.device == own);
        self.parts.retain(|_, bytes| !of_it(bytes))?;
        Ok(())
    }

    /// Takes over what another gateway knew of a far box, which has this number here. What is known here already stays.
    pub fn move_in_belongings(&mut self, all: &Belongings, far_box: PeerId) -> TxResult<()> {
        for (name, other, at) in &all.contacts {
            let key = (name.as_str(), other.as_str());
            if self.contacts.get(key)?.is_none_or(|known| known.value() < at.0) {
                self.contacts.insert(key, at.0)?;
            }
        }
        self.after.contacts |= !all.contacts.is_empty();
        for (name, phone, thread) in &all.threads {
            self.threads.insert((name.as_str(), phone.as_str()), json(thread).as_slice())?;
        }
        for (number, phone, out) in &all.opt_outs {
            self.opt_outs.insert((number.as_str(), phone.as_str()), json(out).as_slice())?;
        }
        for (key, at) in &all.seen {
            self.once(key, *at)?;
        }
        let own = far_box.to_string();
        for (set, number, part) in &all.parts {
            // The set is named after the far box first.
            let set = set.split_once('|').map_or(set.clone(), |(_, rest)| format!("{own}|{rest}"));
            self.put_part(&set, *number, &PartIn { device: own.clone(), answers: None, ..part.clone() })?;
        }
        Ok(())
    }
}

impl View {
    /// True for the key of a packet that was taken.
    pub fn was_taken(&self, key: &str) -> TxResult<bool> {
        Ok(schema::SEEN.read(&self.0)?.get(key)?.is_some())
    }
}
