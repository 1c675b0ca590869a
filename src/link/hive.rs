//! Link to the Swarm Hive.

use crate::clock::Clock;
use crate::link::Link;
use crate::settings::Settings;

/// Makes the link; it opens nothing before the first poll.
pub fn make(_settings: &Settings, _clock: &Clock) -> Box<dyn Link> {
    unimplemented!("written next")
}
