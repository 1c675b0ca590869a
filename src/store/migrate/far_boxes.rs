//! Up to version 4 a far box was the device of one person. Each device that a record names becomes a far box of that
//! address; what two boxes know of each other is kept whole under its number.

use serde_json::Value;

use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::store::SessionRows;
use crate::store::inbound::PartIn;
use crate::store::schema::Readable;
use crate::store::schema::{self, Tx, TxResult, json};

/// Gives every record that names a device the far box of it.
pub fn far_boxes(tx: &mut Tx) -> TxResult<()> {
    people(tx)?;
    sessions(tx)?;
    packets(tx)?;
    messages(tx)?;
    fates(tx)?;
    parts(tx)
}

/// The far box of an address as it stood in a record; `None` where there was none.
fn far_box_of(tx: &mut Tx, device: &Value) -> TxResult<Option<PeerId>> {
    match serde_json::from_value::<LinkAddress>(device.clone()) {
        Ok(address) => tx.far_box_at(address, Time(0)).map(Some),
        Err(_) => Ok(None),
    }
}

fn people(tx: &mut Tx) -> TxResult<()> {
    let mut rows = Vec::new();
    for row in tx.people.iter()? {
        let (name, bytes) = row?;
        rows.extend(schema::record::<Value>(bytes.value()).map(|person| (name.value().to_owned(), person)));
    }
    // The one that was there first gets the lower number.
    rows.sort_by_key(|(_, person)| person["added"].as_i64());
    for (name, mut person) in rows {
        let Some(id) = far_box_of(tx, &person["device"])? else { continue };
        if let Some(mut far_box) = tx.far_box(id)? {
            far_box.added = serde_json::from_value(person["added"].clone()).unwrap_or_default();
            person["device_name"].as_str().unwrap_or_default().clone_into(&mut far_box.name);
            if far_box.check().is_err() || is_taken(tx, &far_box.name, id)? {
                far_box.name = String::new();
            }
            tx.put_far_box(&far_box)?;
        }
        person["far_box"] = id.0.into();
        tx.people.insert(name.as_str(), json(&person).as_slice())?;
    }
    Ok(())
}

fn is_taken(tx: &Tx, name: &str, id: PeerId) -> TxResult<bool> {
    let name = name.to_lowercase();
    Ok(tx.all_far_boxes()?.iter().any(|other| other.id != id && other.name.to_lowercase() == name))
}

/// Keys of tables that were named after a device.
fn named(tx: &mut Tx, device: &str) -> TxResult<Option<String>> {
    Ok(far_box_of(tx, &device.into())?.map(|id| id.to_string()))
}

fn sessions(tx: &mut Tx) -> TxResult<()> {
    for name in tx.session_names()? {
        if let Some(new) = named(tx, &name)? {
            let rows = tx.session_rows(&name)?;
            tx.put_session_rows(&name, &SessionRows::new())?;
            tx.put_session_rows(&new, &rows)?;
        }
    }
    Ok(())
}

fn packets(tx: &mut Tx) -> TxResult<()> {
    let mut rows = Vec::new();
    for row in tx.packets.iter()? {
        let (number, bytes) = row?;
        let packet = schema::record::<Value>(bytes.value()).ok().filter(|packet| !packet["device"].is_null());
        rows.extend(packet.map(|packet| (number.value(), packet)));
    }
    for (number, mut packet) in rows {
        if let Some(id) = far_box_of(tx, &packet["device"])? {
            packet["far_box"] = id.0.into();
            tx.packets.insert(number, json(&packet).as_slice())?;
        }
    }
    Ok(())
}

fn messages(tx: &mut Tx) -> TxResult<()> {
    let mut rows = Vec::new();
    for row in tx.messages.iter()? {
        let (number, bytes) = row?;
        let message = schema::record::<Value>(bytes.value()).ok();
        let message = message.filter(|message| !message["came_in"]["device"].is_null());
        rows.extend(message.map(|message| (number.value(), message)));
    }
    for (number, mut message) in rows {
        if let Some(id) = far_box_of(tx, &message["came_in"]["device"])? {
            message["came_in"]["far_box"] = id.0.into();
            tx.messages.insert(number, json(&message).as_slice())?;
        }
    }
    Ok(())
}

fn fates(tx: &mut Tx) -> TxResult<()> {
    let rows = tx.fates.iter()?.map(|row| row.map(|(key, _)| (key.value().0.to_owned(), key.value().1)));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    for (device, id) in rows {
        if let Some(new) = named(tx, &device)? {
            tx.fates.remove((device.as_str(), id))?;
            tx.fates.insert((new.as_str(), id), ())?;
        }
    }
    Ok(())
}

fn parts(tx: &mut Tx) -> TxResult<()> {
    let mut rows = Vec::new();
    for row in tx.parts.iter()? {
        let (key, bytes) = row?;
        let (set, number) = key.value();
        rows.extend(schema::record::<PartIn>(bytes.value()).map(|part| (set.to_owned(), number, part)));
    }
    for (set, number, part) in rows {
        let Some(new) = named(tx, &part.device)? else { continue };
        tx.parts.remove((set.as_str(), number))?;
        let rest = set.strip_prefix(&part.device).unwrap_or(&set);
        let set = format!("{new}{rest}");
        tx.parts.insert((set.as_str(), number), json(&PartIn { device: new, ..part }).as_slice())?;
    }
    Ok(())
}
