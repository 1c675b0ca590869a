//! `satpost simulate sink`: the mail server as a program of its own.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use argh::{ArgsInfo, FromArgs};

use super::{Handle, Mail};
use crate::sim::lines::Lines;
use crate::sim::serve::serve;

/// A mail server that takes every mail and keeps it. It runs until SIGINT or SIGTERM.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(
    subcommand,
    name = "sink",
    note = "Lines on the control socket: 'mails' lists what arrived, one line of JSON each, ended by a line with a dot;
'count' says how many; 'commands' lists the commands that were heard, without their arguments; 'connections' says how
many there were; the rest is answered with ok or error:
  code COMMAND NNN [text]   answer that command so (GREETING and END count as commands)
  drop-after-dot N          keep N mails and close without an answer
  close                     close each new connection at once
  slow [MS]                 one byte each MS milliseconds
  hide EXTENSION            do not offer it
  clear                     nothing of this any more"
)]
pub struct Options {
    /// address to listen on; port 0 takes any free one (default 127.0.0.1:0)
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    listen: SocketAddr,
    /// folder to keep mails in, as 0001.eml and so on
    #[argh(option)]
    dir: Option<PathBuf>,
    /// unix socket to take commands on
    #[argh(option)]
    control: Option<PathBuf>,
}

/// Runs a sink until SIGINT or SIGTERM; its address is the first line on stdout.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    let started = || {
        let handle = Arc::new(super::start(super::Options { listen: options.listen, dir: options.dir })?);
        let sink = Arc::clone(&handle);
        let control = options.control.as_deref();
        let control = control.map(|path| Lines::start(path, "sink-control", Box::new(move |line| obey(&sink, line))));
        Ok((handle, control.transpose()?))
    };
    serve(started, |(handle, _)| format!("sink {}", handle.address))
}

fn obey(sink: &Handle, line: &str) -> String {
    match line {
        "mails" => listed(sink.mails().iter().map(shown)),
        "count" => format!("ok {}\n", sink.mails().len()),
        "commands" => listed(sink.commands().into_iter()),
        "connections" => format!("ok {}\n", sink.connections()),
        line => match sink.fault(line) {
            Ok(()) => "ok\n".to_owned(),
            Err(why) => format!("error {why}\n"),
        },
    }
}

fn listed(lines: impl Iterator<Item = String>) -> String {
    lines.chain([".".to_owned()]).map(|line| line + "\n").collect()
}

fn shown(mail: &Mail) -> String {
    let text = String::from_utf8_lossy(&mail.data);
    serde_json::json!({"from": mail.from, "to": mail.to, "data": text}).to_string()
}
