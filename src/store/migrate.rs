//! Brings a file of an older version to the tables of today, in one commit.

mod bills;
mod far_boxes;
mod links;
mod mailboxes;
mod sessions;

use std::collections::BTreeMap;

use redb::{Database, ReadableDatabase, WriteTransaction};
use serde::Deserialize;

use super::old_tables;
use super::queue::parse;
use super::schema::{MAILBOX, PACKETS_1, PEERS, REFERENCES_1, Readable, Tx, TxResult, VERSION, json};
use super::table::Access;
use super::work::{Hear, Stage, Work};
use crate::address::LinkAddress;
use crate::clock::Time;
use crate::message::title::{MAX_TITLE, first_line};
use crate::message::{Id, LinkId, Message, Origin, Packet, PacketState, Reason};
use crate::settings::{Key, row};

/// Migrates a file of this version, which is as it was when it is not to go on; one that is up to date is left alone.
pub fn migrate(database: &Database, version: u64, hear: Hear) -> TxResult<()> {
    if version >= VERSION {
        return Ok(());
    }
    let work = Work::new(hear, Stage::Migrating, 1);
    work.step(0)?;
    let txn = database.begin_write()?;
    if version < 9 {
        old_tables::bring(&database.begin_read()?, &txn, hear)?;
    }
    let old = old_packets(&txn)?;
    let mut tx = Tx::open(Access::all(&txn), None)?;
    if version < 9 {
        sessions::rows(&mut tx, &txn)?;
    }
    if version < 5 {
        // Before a record is written anew without what only the old form says.
        far_boxes::far_boxes(&mut tx)?;
    }
    for (message, rows) in old {
        packets_of_one(&mut tx, Id(message), &rows)?;
    }
    // Up to version 3 what waits for the link stood in order of the next look at it.
    tx.refile()?;
    if version < 4 {
        bills::bills(&mut tx)?;
        subjects_apart(&mut tx)?;
    }
    if version < 7 {
        // Addresses in the mails that are composed now have it.
        tx.domain = tx.settings.get(row(Key::Domain).name)?.map(|value| value.value().to_owned()).unwrap_or_default();
        mailboxes::file(&mut tx, &old_mailboxes(&txn)?)?;
    }
    if version < 8 {
        links::links(&mut tx)?;
    }
    // Up to version 12 there was no table of messages neither open nor delivered, and places were those of messages only.
    tx.fall_behind()?;
    tx.ledger.version = VERSION;
    tx.close()?;
    MAILBOX.delete(&txn)?;
    PEERS.delete(&txn)?;
    PACKETS_1.delete(&txn)?;
    REFERENCES_1.delete(&txn)?;
    // The last moment at which it is as it was.
    work.step(1)?;
    txn.commit()?;
    log::info!("store: brought from version {version} to {VERSION}");
    Ok(())
}

/// Up to version 3 a text began with its subject, and a message without a subject had the first line of its text as one.
fn subjects_apart(tx: &mut Tx) -> TxResult<()> {
    let mut messages = Vec::new();
    for row in tx.messages.iter()? {
        // What cannot be read is set aside by whoever comes upon it.
        messages.extend(parse(row?.1.value()));
    }
    for mut message in messages {
        take_apart(&mut message);
        tx.messages.insert(message.id.0, json(&message).as_slice())?;
        tx.put_conversation(&message)?;
    }
    Ok(())
}

fn take_apart(message: &mut Message) {
    let made_up = matches!(message.origin, Origin::Link | Origin::Sms);
    let (subject, text) = (std::mem::take(&mut message.subject), std::mem::take(&mut message.text));
    let rest = text.strip_prefix(subject.as_str()).filter(|_| !subject.is_empty());
    let behind = rest.and_then(|rest| rest.strip_prefix('\n'));
    (message.subject, message.text) = match (rest, behind) {
        // A text message has no subject.
        _ if made_up && message.from.phone().is_some() => (String::new(), text),
        (Some(""), _) if made_up => (String::new(), text),
        (Some(""), _) => (subject, String::new()),
        (_, Some(behind)) => (subject, behind.to_owned()),
        _ if made_up && subject == first_line(&text, MAX_TITLE) => (String::new(), text),
        _ => (subject, text),
    };
}

/// A packet of version 1, which belonged to one message.
#[derive(Deserialize)]
struct Packet1 {
    part: u16,
    parts: u16,
    #[serde(default)]
    device: Option<LinkAddress>,
    payload: Vec<u8>,
    state: PacketState,
    at: Time,
    #[serde(default)]
    note: Reason,
}

fn old_packets(txn: &WriteTransaction) -> TxResult<BTreeMap<u64, Vec<Vec<u8>>>> {
    let mut old: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
    for row in PACKETS_1.open(txn)?.iter()? {
        let (key, bytes) = row?;
        old.entry(key.value().0).or_default().push(bytes.value().to_vec());
    }
    Ok(old)
}

/// Up to version 6: whose mailbox, which message, whether it was read.
fn old_mailboxes(txn: &WriteTransaction) -> TxResult<Vec<(String, Id, bool)>> {
    let mut old = Vec::new();
    for row in MAILBOX.open(txn)?.iter()? {
        let (key, read) = row?;
        old.push((key.value().0.to_owned(), Id(key.value().1), read.value() != 0));
    }
    Ok(old)
}

/// A plan of which nothing has left is made anew; anything else keeps its packets.
fn packets_of_one(tx: &mut Tx, message: Id, rows: &[Vec<u8>]) -> TxResult<()> {
    let mut packets = Vec::new();
    for bytes in rows {
        match serde_json::from_slice::<Packet1>(bytes) {
            Ok(old) => {
                let far_box = old.device.map(|address| tx.far_box_at(address, old.at)).transpose()?;
                packets.push(Packet {
                    number: 0,
                    messages: vec![message],
                    group: 0,
                    part: old.part,
                    parts: old.parts,
                    far_box,
                    address: old.device,
                    link: LinkId::FIRST,
                    payload: old.payload,
                    state: old.state,
                    at: old.at,
                    note: old.note,
                    ask: Time(0),
                    taking_back: false,
                    peer: None,
                    charge: None,
                    mails: Vec::new(),
                })
            }
            Err(_) => tx.keep_unreadable(message, bytes)?,
        }
    }
    if packets.iter().any(|packet| packet.state != PacketState::Planned) {
        tx.add_packets(&packets)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use testing::Folder;

    use super::*;

    /// At its start and before its commit, whatever the version; what is stopped is of the version that it was.
    #[test]
    fn a_migration_is_stopped_from_any_version() {
        let folder = Folder::new();
        for version in [1, VERSION - 1] {
            for heard in 0..2 {
                let path = folder.path(&format!("{version}-{heard}"));
                let database = crate::store::file::open(&path).unwrap();
                let txn = database.begin_write().unwrap();
                let mut tx = Tx::open(Access::all(&txn), None).unwrap();
                tx.ledger.version = version;
                tx.close().unwrap();
                txn.commit().unwrap();
                let asked = std::cell::Cell::new(0);
                let stopped = migrate(&database, version, &|_, _, _| asked.replace(asked.get() + 1) < heard);
                assert!(stopped.is_err(), "{version} {heard}");
                assert_eq!(crate::store::file_version::of(&database).unwrap(), version);
            }
        }
    }

    #[test]
    fn a_subject_is_taken_out_of_the_text_that_begins_with_it() {
        let long = "word ".repeat(40);
        let title = first_line(&long, MAX_TITLE);
        let (mail, phone) = ("bob@world.example", "+14155550123");
        for (origin, from, subject, text, apart) in [
            (Origin::Smtp, mail, "Boat", "Boat\nAll well", ("Boat", "All well")),
            (Origin::Web, mail, "Boat", "Boat", ("Boat", "")),
            (Origin::Web, mail, "", "All well", ("", "All well")),
            (Origin::Web, mail, "Re: Boat", "All well", ("Re: Boat", "All well")),
            (Origin::Link, mail, "Boat", "Boat\nAll well", ("Boat", "All well")),
            (Origin::Link, mail, "All well", "All well", ("", "All well")),
            (Origin::Link, mail, title.as_str(), long.as_str(), ("", long.as_str())),
            (Origin::Link, phone, "Home", "Home\nat seven", ("", "Home\nat seven")),
            (Origin::Sms, phone, "Home", "Home\nat seven", ("", "Home\nat seven")),
        ] {
            let from = from.parse().unwrap();
            let mut message = Message { origin, from, subject: subject.into(), text: text.into(), ..Message::sample() };
            take_apart(&mut message);
            assert_eq!((message.subject.as_str(), message.text.as_str()), apart, "{origin:?} {text}");
        }
    }
}
