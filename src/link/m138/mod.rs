//! Driver of the Swarm M138 modem.

mod codec;
mod command;
mod errors;
mod sentence;

use crate::clock::Clock;
use crate::link::Link;
use crate::settings::Settings;

/// Makes the link; it opens nothing before the first poll.
pub fn make(_settings: &Settings, _clock: &Clock) -> Box<dyn Link> {
    unimplemented!("written next")
}
