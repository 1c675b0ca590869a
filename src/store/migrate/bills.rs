//! Bills up to version 3, which were in the accounts of their month from the beginning.

use serde::Deserialize;

use crate::message::{Id, Message, Packet, State};
use crate::money::{Bill, Money, Use};
use crate::store::schema::Readable;
use crate::store::schema::{self, Tx, TxResult};

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
pub fn bills(tx: &mut Tx) -> TxResult<()> {
    let rows = tx.messages.iter()?.map(|row| row.map(|(id, bytes)| (Id(id.value()), bytes.value().to_vec())));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    for (id, bytes) in rows {
        let old = schema::record::<Billed3>(&bytes).ok().and_then(|message| message.bill);
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
            tx.messages.insert(id.0, schema::json(&message).as_slice())?;
        }
    }
    for packet in tx.open_packets()? {
        let row = tx.packets.get(packet.number)?.map(|row| row.value().to_vec()).unwrap_or_default();
        let old = schema::record::<serde_json::Value>(&row).ok();
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
