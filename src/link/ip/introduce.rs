//! A station is introduced to a gateway with a code: once, before the two know each other.

use std::time::{Duration, Instant};

use super::connect;
use super::dial::DialError;
use super::frame::{Decoder, Frame, MAX_FRAME};
use super::key::{BoxKey, Pin};
use super::pairing::{Introduction, PairingCode};
use super::session::Over;
use super::wire::{WireError, Woken};
use crate::address::KeyId;

/// The gateway has answered by then.
const ANSWER: Duration = Duration::from_secs(15);

/// Introduces this box to the gateway at `host:port` and waits for the answer: the gateway's key, and what it says of itself.
///
/// # Errors
/// What was in the way, or why the gateway says no.
pub fn introduce(
    key: &BoxKey,
    address: &str,
    code: PairingCode,
    own: Introduction,
) -> Result<(KeyId, Introduction), DialError> {
    smol::block_on(async {
        let own = Introduction { token: code.token, ..own };
        let first = Frame::Pair(own).bytes();
        let (mut wire, _) = connect::connect(key, Pin::Code(code), address, &first, |_| ()).await?;
        let far = wire.far_key().ok_or(DialError::Slow)?;
        let (_never, silent) = smol::channel::bounded(1);
        let (mut decoder, until) = (Decoder::new(MAX_FRAME), Instant::now() + ANSWER);
        loop {
            wire.flush().map_err(DialError::Wire)?;
            match decoder.next() {
                Ok(Some(Frame::Pair(answer))) => {
                    wire.close(&[]);
                    return Ok((far, answer));
                }
                Ok(Some(Frame::Bye(why))) => return Err(DialError::Over(Over::Bye(why))),
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(why) => return Err(DialError::Over(Over::Frames(why))),
            }
            if wire.wait(&silent, Some(until), true).await == Woken::Time {
                return Err(DialError::Over(Over::NoAnswer));
            }
            match wire.pull() {
                Ok(bytes) => decoder.push(&bytes),
                Err(WireError::Closed) => return Err(DialError::Over(Over::NoAnswer)),
                Err(error) => return Err(DialError::Wire(error)),
            }
        }
    })
}
