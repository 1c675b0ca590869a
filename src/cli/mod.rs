//! The command line.

mod simulate;

use std::process::ExitCode;

use argh::FromArgs;

/// A satellite post office in one binary.
#[derive(FromArgs)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Simulate(simulate::Simulate),
}

/// Reads the command line and carries it out.
pub fn run() -> ExitCode {
    let arguments: Arguments = argh::from_env();
    let done = match arguments.command {
        Command::Simulate(simulate) => simulate.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("satpost: {why}");
            ExitCode::FAILURE
        }
    }
}
