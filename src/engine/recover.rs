//! What an earlier life, or a link that was away, left half done. All of it is looked at before anything new is handed
//! over: the evidence of how a hand-over ended gets weaker with each packet that follows it.

use super::air::Air;
use super::handing;
use crate::fault::Fault;
use crate::message::Message;

/// Settles open hand-overs, and asks after the packets of letters that are only partly on the link.
///
/// # Errors
/// As the store.
pub fn recover(air: &mut Air) -> Result<(), Fault> {
    for message in air.context.store.read(|view| view.half_handed())? {
        air.attend(Ok(message), recover_one)?;
    }
    Ok(())
}

fn recover_one(air: &mut Air, message: &Message) -> Result<(), Fault> {
    // In the queue of the link the next look is also the place in the line, which it keeps.
    handing::ask(air, message, message.next)?;
    for mut packet in air.packets(message)? {
        handing::settle(air, message, &mut packet)?;
    }
    Ok(())
}
