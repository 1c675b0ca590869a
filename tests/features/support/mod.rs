//! What tests of the real binary share: a box in a folder of its own on free ports, and everything it talks to.
//! Nothing here sleeps for luck: every wait looks at a condition, has a limit, and says what it waited for.

mod classic;
pub mod coder;
pub mod command;
pub mod device;
pub mod fake_carrier;
pub mod gpsd;
pub mod ground;
mod imap;
mod program;
pub mod shore;
mod smtp;
mod station;
pub mod terminal;
pub mod web;
mod world;
pub mod writers;

use std::time::Duration;

pub use imap::Imap;
pub use program::{Program, ask};
pub use smtp::{Smtp, read_all, send};
pub use station::{Station, has_gone};
pub use testing::clock;
pub use testing::{Dice, Folder, lasting_port, pause, wait_for};
pub use world::{DEVICE, SECOND_DEVICE, World, gateway_settings};

/// The binary under test.
pub const SATPOST: &str = env!("CARGO_BIN_EXE_satpost");
/// Limit for anything that should take a moment.
pub const SOON: Duration = Duration::from_secs(30);
/// Password of every person in tests.
pub const PASSWORD: &str = "a-long-enough-one";
