//! The signal of the operator (or of systemd) that the box has to end, as something a thread can wait for.

use std::io;

use async_signal::Signal;
use smol::stream::StreamExt;

/// SIGTERM and SIGINT, caught from the moment this is made until it is dropped.
#[derive(Debug)]
pub struct Stop(async_signal::Signals);

impl Stop {
    /// Begins to catch both.
    ///
    /// # Errors
    /// When the system lets no handler be set.
    pub fn catch() -> io::Result<Self> {
        async_signal::Signals::new([Signal::Term, Signal::Int]).map(Self)
    }

    /// Waits for the next one and gives its name. A second one means that somebody is in a hurry.
    pub async fn next(&mut self) -> &'static str {
        match self.0.next().await {
            Some(Ok(Signal::Int)) => "SIGINT",
            Some(Ok(_)) => "SIGTERM",
            // The pipe behind the handler broke: nobody could stop the box any more, so it stops now.
            Some(Err(_)) | None => "a broken signal handler",
        }
    }

    /// The same for a thread that waits for nothing else.
    pub fn wait(&mut self) -> &'static str {
        smol::block_on(self.next())
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn both_signals_are_heard_by_name() {
        let mut stop = Stop::catch().unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        assert_eq!(stop.wait(), "SIGTERM");
        kill_process(getpid(), Signal::INT).unwrap();
        assert_eq!(stop.wait(), "SIGINT");
    }
}
