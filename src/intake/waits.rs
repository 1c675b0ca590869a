//! Word to a stranger whose message waits.

use super::Intake;
use crate::message::Id;

impl Intake {
    /// Tells a stranger that their message waits, the first time that one does. Where this fails, housekeeping does it.
    pub(super) fn tell_that_it_waits(&self, id: Id) {
        let told = self.context.store.message(id).and_then(|message| match message {
            Some(message) => self.context.wait_on(&message, message.reason.clone()),
            None => Ok(()),
        });
        if let Err(fault) = told {
            log::warn!("{id}: its sender is told later that it waits: {fault}");
        }
    }
}
