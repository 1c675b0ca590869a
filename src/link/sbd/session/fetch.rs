//! What came down: read from its slot, reported, and deleted once it is kept.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::super::Sbd;
use super::super::wire::Trouble;
use crate::fault::Fault;
use crate::hex;
use crate::link::{Event, Inbound, Token};

/// Reads of one message before it is left for later.
const READS: u32 = 3;
/// A message that arrives damaged is read again after this.
const READ_AGAIN: Duration = Duration::from_secs(10);

impl Sbd {
    /// Reads what came down, and reports it. `mtmsn` is its number, where that is known.
    ///
    /// # Errors
    /// [`Trouble`], which was followed up. What arrives damaged is no error: it is read again later.
    pub(in crate::link::sbd) fn fetch(&mut self, mtmsn: Option<i32>) -> Result<(), Trouble> {
        let limit = self.limits.local;
        for _ in 0..READS {
            let Some(wire) = &mut self.wire else { return Ok(()) };
            match wire.read_slot(limit) {
                Ok(payload) if payload.is_empty() => return Ok(()),
                Ok(payload) => {
                    self.plan.last_token += 1;
                    self.plan.inbound = Some(self.plan.last_token);
                    let imei = self.facts.imei.as_deref().unwrap_or_default();
                    let number = mtmsn.map_or_else(|| "-".to_owned(), |mtmsn| mtmsn.to_string());
                    let hash = hex::encode(&Sha256::digest(&payload)[..8]);
                    let key = format!("sbd:{imei}:{number}:{hash}");
                    let token = Token(self.plan.last_token);
                    self.events.push(Event::Inbound(Inbound {
                        device: None,
                        payload,
                        wholes: Vec::new(),
                        key,
                        received: None,
                        token,
                    }));
                    return Ok(());
                }
                Err(Trouble::Damaged) => {}
                Err(trouble) => {
                    self.plan.unread = Some((mtmsn, Instant::now() + READ_AGAIN));
                    self.on_trouble(&trouble);
                    return Err(trouble);
                }
            }
        }
        log::warn!("sbd: a message in the modem arrives damaged");
        self.plan.unread = Some((mtmsn, Instant::now() + READ_AGAIN));
        Ok(())
    }

    /// See [`crate::link::Link::confirm`].
    pub(in crate::link::sbd) fn delete_inbound(&mut self, token: &Token) -> Result<(), Fault> {
        // An older token is of a message that was read again since.
        if self.plan.inbound.take_if(|known| *known == token.0).is_none() {
            return Ok(());
        }
        // Where that fails the next session overwrites it, and a look before that recognises it.
        self.command("+SBDD1").map(drop).map_err(|trouble| Fault::Temporary(trouble.reason().into()))
    }
}
