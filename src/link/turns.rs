//! The turns of a driver with a modem on a serial line, which are the same for all of them: hear, tell, take one step, sleep
//! until something is due.

use std::time::Instant;

use smol::channel::Receiver;

use super::Event;
use super::serial::{self, Port};

/// An open port with a modem behind it.
pub trait Conversation {
    /// What the modem says without being asked.
    type Heard;
    /// How a command to the modem failed.
    type Trouble;

    /// Takes in what has come, without waiting.
    ///
    /// # Errors
    /// When the port has gone.
    fn pump(&mut self) -> Result<(), Self::Trouble>;

    /// What came unasked, oldest first.
    fn next_heard(&mut self) -> Option<Self::Heard>;

    /// The lines of both directions since the last call, for the console.
    fn take_lines(&mut self) -> Vec<Event>;

    /// Sleeps until something comes in, `wake` has an item (taken; then true), or `until`.
    fn wait(&self, wake: &Receiver<()>, until: Instant) -> bool;
}

/// A driver that steps through the states of its modem.
pub trait Turns {
    /// The open port that it talks by.
    type Wire: Conversation;

    /// The open port, if one is.
    fn wire(&mut self) -> Option<&mut Self::Wire>;

    /// Gives the events that the next poll reports; the driver adds to them.
    fn events(&mut self) -> &mut Vec<Event>;

    /// Turns what came unasked into state and events.
    fn hear(&mut self, heard: <Self::Wire as Conversation>::Heard);

    /// Draws the conclusion from a failure.
    fn failed(&mut self, trouble: &<Self::Wire as Conversation>::Trouble);

    /// Does what is due now.
    fn step(&mut self);

    /// Adds an [`Event::Health`] if there is news; true then.
    fn report(&mut self) -> bool;

    /// When the next step is due.
    fn due(&self) -> Instant;

    /// Reads, and turns what was heard into state and events.
    fn take_in(&mut self) {
        let Some(wire) = self.wire() else { return };
        let pumped = wire.pump();
        while let Some(heard) = self.wire().and_then(Conversation::next_heard) {
            self.hear(heard);
        }
        if let Some(wire) = self.wire() {
            let mut lines = wire.take_lines();
            self.events().append(&mut lines);
        }
        if let Err(trouble) = pumped {
            self.failed(&trouble);
        }
    }

    /// See [`super::Link::poll`].
    fn poll_until(&mut self, wake: &Receiver<()>, until: Instant) -> Vec<Event> {
        loop {
            self.take_in();
            // What the last call found out is told before the next step, which may take seconds.
            if self.report() {
                return std::mem::take(self.events());
            }
            self.step();
            self.take_in();
            self.report();
            if !self.events().is_empty() || Instant::now() >= until {
                return std::mem::take(self.events());
            }
            let next = until.min(self.due());
            let woken = match self.wire() {
                Some(wire) => wire.wait(wake, next),
                None => serial::wait(None::<&Port>, wake, next),
            };
            if woken {
                self.take_in();
                return std::mem::take(self.events());
            }
        }
    }
}
