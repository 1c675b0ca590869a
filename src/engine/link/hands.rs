//! Whose a packet is by now: between the moment in which a worker reads a packet and that in which it writes what it found out, the
//! packet may have been closed, dropped, or taken over by another link. What is found out then is nobody's.

use crate::message::{Packet, PacketState};
use crate::store::{Tx, TxResult};

/// True while a packet is in the hands of its link, as far as the store knows. Since its worker read it its far box may have moved
/// away, or another link's worker may have closed it, or taken it over.
///
/// # Errors
/// When the store fails.
pub fn in_hands(tx: &Tx, packet: &Packet) -> TxResult<bool> {
    let known = tx.packet(packet.number)?;
    Ok(known.is_some_and(|known| known.is_open() && known.state != PacketState::Planned && known.link == packet.link))
}

/// True for a packet that was closed, dropped or taken over since it was read.
///
/// # Errors
/// When the store fails.
pub fn is_stale(tx: &Tx, packet: &Packet) -> TxResult<bool> {
    let known = tx.packet(packet.number)?;
    Ok(known.is_none_or(|known| known.link != packet.link || (!known.is_open() && known != *packet)))
}

/// True where that is so of one of these.
///
/// # Errors
/// When the store fails.
pub fn any_stale(tx: &Tx, packets: &[Packet]) -> TxResult<bool> {
    packets.iter().try_fold(false, |any, packet| Ok(any || is_stale(tx, packet)?))
}
