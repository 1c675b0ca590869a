//! `satpost simulate`: the simulators as programs of their own.

use argh::FromArgs;

use crate::sim::modem;

/// Runs a simulator of something that a box talks to.
#[derive(FromArgs)]
#[argh(subcommand, name = "simulate")]
pub struct Simulate {
    #[argh(subcommand)]
    what: What,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum What {
    Modem(modem::Options),
}

impl Simulate {
    /// Runs until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// A sentence for the operator when the simulator cannot start.
    pub fn run(self) -> Result<(), String> {
        match self.what {
            What::Modem(options) => modem::run(options).map_err(|error| format!("the modem cannot start: {error}")),
        }
    }
}
