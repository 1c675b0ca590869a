//! Up to version 7 a box had one link, in its settings: it becomes the first of the links, and what it was given is its.

use std::collections::BTreeMap;

use crate::links::LinkRecord;
use crate::message::{LinkId, Packet, PacketState};
use crate::settings::{self, Setting};
use crate::store::schema::Readable;
use crate::store::schema::{StoreError, Tx, TxResult};

/// Makes the link of the settings a record, and moves what is filed by link.
pub fn links(tx: &mut Tx) -> TxResult<()> {
    let all: BTreeMap<String, String> = tx
        .settings
        .iter()?
        .map(|row| row.map(|(name, value)| (name.value().to_owned(), value.value().to_owned())))
        .collect::<Result<_, _>>()?;
    let packets = packets(tx)?;
    if let Some(link) = link(&all, &packets) {
        let kept = format!("link:{}", link.driver);
        if let Some(bytes) = tx.note(&kept)? {
            tx.put_note(&kept, None)?;
            tx.put_note(&format!("link:{}", link.id), Some(&bytes))?;
        }
        tx.put_link(&LinkRecord { added: tx.ledger.last_time, ..link })?;
    }
    // No other link gets the number of packets that were there.
    tx.ledger.next_link = 2;
    let moved = |name: &str| settings::MOVED.iter().any(|(moved, _)| *moved == name);
    for name in all.keys().filter(|name| moved(name) || settings::find(name).is_ok_and(Setting::is_of_links)) {
        tx.settings.remove(name.as_str())?;
    }
    references(tx, &packets)?;
    samples(tx)
}

/// The link that the settings named; one that was switched off, if it was given anything.
fn link(all: &BTreeMap<String, String>, packets: &[Packet]) -> Option<LinkRecord> {
    let named = all.get("link.driver").map(String::as_str).filter(|driver| *driver != "none");
    let held = || packets.iter().rev().find_map(Packet::reference).map(|reference| reference.holder.as_str());
    let before =
        || held().map(|holder| holder.split(':').next().unwrap_or_default()).filter(|name| *name != "confirmed");
    let driver = named.or_else(before)?;
    let mut values: BTreeMap<_, _> = all
        .iter()
        .filter(|(name, _)| settings::find(name).is_ok_and(Setting::is_of_links))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // What cost nothing known went out all the same.
    let price = all.get("price.packet").map_or("0", String::as_str);
    values.insert("link.price".to_owned(), price.to_owned());
    let (name, on) = (driver.to_owned(), named.is_some());
    Some(LinkRecord { id: LinkId::FIRST, driver: name.clone(), name, on, added: Default::default(), values })
}

/// All packets that can be read.
fn packets(tx: &Tx) -> TxResult<Vec<Packet>> {
    let numbers: Vec<_> =
        tx.packets.iter()?.map(|row| row.map(|(number, _)| number.value())).collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for number in numbers {
        match tx.packet(number) {
            // It is set aside by who works on it.
            Err(StoreError::Rejected(_)) => {}
            packet => found.extend(packet?),
        }
    }
    Ok(found)
}

/// References are filed by link now.
fn references(tx: &mut Tx, packets: &[Packet]) -> TxResult<()> {
    tx.references.retain(|_, _| false)?;
    for packet in packets {
        if let PacketState::Held(reference) | PacketState::Sent(reference) = &packet.state {
            let holder = super::super::packets::holder(packet.link, reference);
            tx.references.insert((holder.as_str(), reference.number), packet.number)?;
        }
    }
    Ok(())
}

/// And so are measured values.
fn samples(tx: &mut Tx) -> TxResult<()> {
    let rows = tx
        .samples
        .iter()?
        .map(|row| row.map(|(key, value)| ((key.value().0.to_owned(), key.value().1), value.value())));
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    tx.samples.retain(|_, _| false)?;
    for ((series, at), value) in rows {
        tx.samples.insert((super::super::journal::series(LinkId::FIRST, &series).as_str(), at), value)?;
    }
    Ok(())
}
