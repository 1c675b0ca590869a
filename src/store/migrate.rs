//! Brings a file of an older version to the tables of today, in one commit.

use std::collections::BTreeMap;

use redb::{Database, ReadableTable, WriteTransaction};
use serde::Deserialize;

use super::schema::{PACKETS_1, REFERENCES_1, Tx, TxResult, VERSION};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::message::{Id, Packet, PacketState};

/// Migrates a file of this version; one that is up to date is left alone.
pub fn migrate(database: &Database, version: u64) -> TxResult<()> {
    if version >= VERSION {
        return Ok(());
    }
    let txn = database.begin_write()?;
    let old = old_packets(&txn)?;
    let mut tx = Tx::open(&txn)?;
    for (message, rows) in old {
        packets_of_one(&mut tx, Id(message), &rows)?;
    }
    // Up to version 3 what waits for the link stood in order of the next look at it.
    tx.refile()?;
    tx.ledger.version = VERSION;
    tx.close()?;
    txn.delete_table(PACKETS_1)?;
    txn.delete_table(REFERENCES_1)?;
    txn.commit()?;
    log::info!("store: brought from version {version} to {VERSION}");
    Ok(())
}

/// A packet of version 1, which belonged to one message.
#[derive(Deserialize)]
struct Packet1 {
    part: u16,
    parts: u16,
    #[serde(default)]
    device: Option<DeviceId>,
    payload: Vec<u8>,
    state: PacketState,
    at: Time,
    #[serde(default)]
    note: String,
}

fn old_packets(txn: &WriteTransaction) -> TxResult<BTreeMap<u64, Vec<Vec<u8>>>> {
    let mut old: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
    for row in txn.open_table(PACKETS_1)?.iter()? {
        let (key, bytes) = row?;
        old.entry(key.value().0).or_default().push(bytes.value().to_vec());
    }
    Ok(old)
}

/// A plan of which nothing has left is made anew; anything else keeps its packets.
fn packets_of_one(tx: &mut Tx, message: Id, rows: &[Vec<u8>]) -> TxResult<()> {
    let mut packets = Vec::new();
    for bytes in rows {
        match serde_json::from_slice::<Packet1>(bytes) {
            Ok(old) => packets.push(Packet {
                number: 0,
                messages: vec![message],
                group: 0,
                part: old.part,
                parts: old.parts,
                device: old.device,
                payload: old.payload,
                state: old.state,
                at: old.at,
                note: old.note,
                ask: Time(0),
                peer: None,
            }),
            Err(_) => tx.keep_unreadable(message, bytes)?,
        }
    }
    if packets.iter().any(|packet| packet.state != PacketState::Planned) {
        tx.add_packets(&packets)?;
    }
    Ok(())
}
