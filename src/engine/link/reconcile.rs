//! What an earlier life, or a link that was away, left half done. All of it is looked at before anything new is handed
//! over: the evidence of how a hand-over ended gets weaker with each packet that follows it.

use super::submit;
use super::worker::LinkWorker;
use crate::clock::Time;
use crate::fault::Fault;
use crate::message::PacketState;
use crate::store::PacketQueue;

/// Settles open hand-overs.
///
/// # Errors
/// When the store cannot be read or written.
pub fn recover(air: &mut LinkWorker) -> Result<(), Fault> {
    for item in air.context.store.read(|view| view.open(PacketQueue::Outbox, Time::NEVER))? {
        let open = item.as_ref().map_or(true, |packet| matches!(packet.state, PacketState::Handing(_)));
        if open {
            air.process_packet(item, |air, packet| submit::settle(air, packet).map(drop))?;
        }
    }
    Ok(())
}
