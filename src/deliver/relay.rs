//! The way out by a mail relay (smarthost).
//!
//! A failure is judged by the stage it happened at: what the relay says before it hears of a message says nothing
//! about that message, so only a 5xx to MAIL, RCPT, DATA or the text returns it. Each message has one recipient, so
//! that a refused one does not take others with it. A connection is kept for [`IDLE_LIMIT`] and used again.
//!
//! The conversation itself, with a table of its states, is in `session.rs`.

use std::time::{Duration, Instant};

use smol::channel::{Receiver, Sender, bounded};

use crate::address::{Address, Mailbox};
use crate::fault::Fault;
use crate::message::Reporting;

pub use config::{RelayConfig, Tls};
use session::Session;
pub use stage::Failure;
pub use tls::Trust;

mod config;
mod extensions;
mod message;
mod reply;
mod session;
mod seven_bit;
mod stage;
mod stream;
mod tls;

/// An idle connection is closed after this time.
pub const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Messages over one connection; some relays close it after a hundred.
const MAX_MESSAGES: u32 = 80;

/// The client of the relay, owned by one thread.
pub struct Relay {
    kept: Option<Kept>,
    stopper: Sender<()>,
    stop: Receiver<()>,
}

struct Kept {
    config: RelayConfig,
    session: Session,
    used: Instant,
    messages: u32,
}

/// What the relay said to a message that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its answer behind the mail, such as `250 2.0.0 queued as 4F2A`.
    pub reply: String,
    /// It makes the reports that the client asked for (RFC 3461).
    pub reports: bool,
}

/// What [`Relay::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// One sentence for each step that worked.
    pub lines: Vec<String>,
    /// What went wrong after that.
    pub fault: Option<Fault>,
}

impl Relay {
    /// Makes a relay without a connection; the first mail opens one.
    pub fn new() -> Self {
        let (stopper, stop) = bounded(1);
        Self { kept: None, stopper, stop }
    }

    /// Closing this channel ends whatever the relay waits for, now and later, with a temporary fault.
    pub fn stopper(&self) -> Sender<()> {
        self.stopper.clone()
    }

    /// Gives one message to the relay. Blocks at most for the sum of the limits of
    /// its steps: thirteen times [`RelayConfig::timeout`] until the text goes, then five times plus one second for each
    /// 4 KiB.
    ///
    /// # Errors
    /// The fault is `Permanent` when the relay refuses this message, `Operator` when it refuses us, `Temporary` for all
    /// else. `unanswered` says that the relay may have taken it: a repeat has to carry the same Message-ID, and there
    /// must be an end to them.
    pub fn deliver(
        &mut self,
        config: &RelayConfig,
        from: &Address,
        to: &Mailbox,
        mail: &[u8],
        reporting: &Reporting,
    ) -> Result<Taken, Failure> {
        let mut kept = match self.reusable(config) {
            Some(kept) => kept,
            None => {
                let session = Session::open(config, &self.stop, &mut Vec::new())?;
                Kept { config: config.clone(), session, used: Instant::now(), messages: 0 }
            }
        };
        let result = kept.session.message(from, to, mail, reporting);
        kept.used = Instant::now();
        kept.messages += 1;
        if kept.messages >= MAX_MESSAGES {
            kept.session.quit();
        } else if kept.session.usable() {
            self.kept = Some(kept);
        }
        result
    }

    /// The open connection, if it fits these settings and still answers.
    fn reusable(&mut self, config: &RelayConfig) -> Option<Kept> {
        let mut kept = self.kept.take()?;
        if kept.config != *config || kept.used.elapsed() >= IDLE_LIMIT {
            kept.session.quit();
            return None;
        }
        kept.session.reset().then_some(kept)
    }

    /// Closes a connection that has been idle for [`IDLE_LIMIT`]; to be called now and then. Returns when it wants to be
    /// called next, if a connection is open.
    pub fn idle(&mut self) -> Option<Duration> {
        let kept = self.kept.as_ref()?;
        let left = IDLE_LIMIT.saturating_sub(kept.used.elapsed());
        if left.is_zero() {
            self.close();
            return None;
        }
        Some(left)
    }

    /// True while a connection that works is kept: a fault since was about one message, not about the relay.
    pub fn is_open(&self) -> bool {
        self.kept.is_some()
    }

    /// Closes the connection, if there is one.
    pub fn close(&mut self) {
        if let Some(kept) = self.kept.take() {
            kept.session.quit();
        }
    }

    /// Tries everything but a message, on a connection of its own: for the set-up page and `satpost check`.
    pub fn check(&self, config: &RelayConfig) -> Check {
        let mut lines = Vec::new();
        let result = Session::open(config, &self.stop, &mut lines).and_then(|mut session| {
            session.noop()?;
            session.quit();
            Ok(())
        });
        if result.is_ok() {
            lines.push("The relay answers; a message could go now.".to_owned());
        }
        Check { lines, fault: result.err().map(|failure| failure.fault) }
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
