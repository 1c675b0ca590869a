//! Brings a file of an older version to the tables of today, in one commit.

use std::collections::BTreeMap;

use redb::{Database, ReadableTable, WriteTransaction};
use serde::Deserialize;

use super::schema::{PACKETS_1, REFERENCES_1, Tx, TxResult, VERSION};
use crate::address::DeviceId;
use crate::clock::Time;
use crate::message::{Id, Message, Packet, PacketState, State};
use crate::money::{Bill, Money, Use};

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
    if version < 4 {
        bills(&mut tx)?;
    }
    tx.ledger.version = VERSION;
    tx.close()?;
    txn.delete_table(PACKETS_1)?;
    txn.delete_table(REFERENCES_1)?;
    txn.commit()?;
    log::info!("store: brought from version {version} to {VERSION}");
    Ok(())
}

/// A bill up to version 3: `wanted` was in the account of its month from the beginning.
#[derive(Deserialize)]
struct Bill3 {
    month: String,
    wanted: Use,
    #[serde(default)]
    charged: bool,
    #[serde(default)]
    begun: usize,
}

#[derive(Deserialize)]
struct Billed3 {
    bill: Option<Bill3>,
}

/// What was charged for messages that have not left becomes a reservation; what was charged for others is spent.
fn bills(tx: &mut Tx) -> TxResult<()> {
    let rows = tx.messages.iter()?.map(|row| row.map(|(id, bytes)| (Id(id.value()), bytes.value().to_vec())));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    for (id, bytes) in rows {
        let old = super::schema::record::<Billed3>(&bytes).ok().and_then(|message| message.bill);
        let Some(old) = old.filter(|bill| bill.charged) else { continue };
        let Some(message) = tx.find(id)? else { continue };
        let steps = message.steps.get(old.begun..).unwrap_or_default();
        let waits = matches!(message.state, State::Queued | State::OnLink);
        let left: u64 = steps.iter().map(|step| u64::from(step.packets)).sum();
        let each = old.wanted.money.0 / i64::try_from(old.wanted.packets).unwrap_or(i64::MAX).max(1);
        let gone = steps.iter().any(|step| step.state == State::Sent);
        let used = match waits && !gone {
            true => Use::of_packets(left.min(old.wanted.packets), Money(each)),
            false => old.wanted,
        };
        let reserved = old.wanted.minus(used);
        if let Some(mut bill) = message.bill {
            (bill.spent, bill.reserved) = (bill.spent.plus(used), reserved);
            take_out(tx, &old.month, &bill, reserved)?;
            let message = Message { bill: Some(bill), ..tx.message(id)? };
            tx.messages.insert(id.0, super::schema::json(&message).as_slice())?;
        }
    }
    for packet in tx.open_packets()? {
        let row = tx.packets.get(packet.number)?.map(|row| row.value().to_vec()).unwrap_or_default();
        let old = super::schema::record::<serde_json::Value>(&row).ok();
        let old = old.and_then(|packet| serde_json::from_value::<Billed3>(packet["talk"].clone()).ok()?.bill);
        if let (Some(old), Some(mut place)) = (old.filter(|bill| bill.charged), packet.peer.clone())
            && let Some(bill) = place.bill.as_mut()
        {
            bill.reserved = old.wanted;
            take_out(tx, &old.month, bill, old.wanted)?;
            tx.put_packet(&Packet { peer: Some(place), ..packet })?;
        }
    }
    tx.recount_reserved()
}

fn take_out(tx: &mut Tx, month: &str, bill: &Bill, reserved: Use) -> TxResult<()> {
    for account in bill.accounts() {
        let left = tx.spent_in(month, account)?.minus(reserved);
        tx.put_spent(month, account, left)?;
    }
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
