//! `satpost simulate`: runs the simulators as programs of their own.

use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};

use super::session::Failure;
use crate::sim::{carrier, cloudloop, directip, hive, imt, line, modem, rockblock, sbd, sbdmail, sink};

/// Run a simulator of something that a box talks to, until SIGINT or SIGTERM.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "simulate",
    example = "A modem and the Hive under one sky:

  satpost simulate hive --sky /tmp/sky --device 0x001abe &
  satpost simulate modem --port /tmp/modem --sky /tmp/sky"
)]
pub struct Simulate {
    #[argh(subcommand)]
    what: What,
}

#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand)]
enum What {
    Modem(modem::Options),
    Hive(hive::Options),
    Sbd(sbd::Options),
    Imt(imt::Options),
    Rockblock(rockblock::Options),
    Cloudloop(cloudloop::Options),
    Sbdmail(sbdmail::Options),
    Directip(directip::Options),
    Sink(sink::Program),
    Carrier(carrier::Options),
    Line(line::Program),
}

impl Simulate {
    pub(super) fn go(self) -> Result<ExitCode, Failure> {
        let (what, ended) = match self.what {
            What::Modem(options) => ("modem", modem::run(options)),
            What::Hive(options) => ("Hive", hive::run(options)),
            What::Sbd(options) => ("SBD modem", sbd::run(options)),
            What::Imt(options) => ("IMT modem", imt::run(options)),
            What::Rockblock(options) => ("RockBLOCK service", rockblock::run(options)),
            What::Cloudloop(options) => ("Cloudloop service", cloudloop::run(options)),
            What::Sbdmail(options) => ("service of SBD by e-mail", sbdmail::run(options)),
            What::Directip(options) => ("DirectIP gateway", directip::run(options)),
            What::Sink(options) => ("mail server", sink::run(options)),
            What::Carrier(options) => ("carrier", carrier::run(options)),
            What::Line(options) => ("line", line::run(options)),
        };
        match ended {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(Failure::failed(format!("the simulated {what} cannot run: {error}"))),
        }
    }
}
