//! `satpost simulate line`: the line as a program of its own.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::Handle;
use crate::sim::lines::Lines;
use crate::sim::serve::serve;

/// An internet line between two boxes: a station connects to it, and it connects to the gateway. It runs until SIGINT or
/// SIGTERM.
#[derive(ArgsInfo, FromArgs, Debug, Clone)]
#[argh(
    subcommand,
    name = "line",
    note = "Lines on the control socket: 'counts' says how many connections, bytes up, bytes down and pieces there were;
the rest is answered with ok or error:
  delay MS                  each direction takes so long
  rate BITS                 bits in a second in each direction; 0: as many as come
  cut                       reset every connection now
  cut-after up|down N       reset the connection behind the Nth byte from now on in that direction
  refuse                    reset new connections
  stall [up|down]           take bytes and pass none, in both directions or one
  drip                      pass one byte each 20 ms
  portal                    answer new connections with a page of HTML
  keep                      when the far side is gone, do not tell the near side
  to ADDRESS                new connections go there
  clear                     nothing of this any more, but delay, rate and address stay"
)]
pub struct Options {
    /// address to listen on; port 0 takes any free one (default 127.0.0.1:0)
    #[argh(option, default = "SocketAddr::from(([127, 0, 0, 1], 0))")]
    listen: SocketAddr,
    /// address of the gateway
    #[argh(option)]
    to: SocketAddr,
    /// milliseconds that each direction takes (default 0)
    #[argh(option, default = "0")]
    delay: u64,
    /// bits in a second in each direction (default 0: as many as come)
    #[argh(option, default = "0")]
    rate: u64,
    /// unix socket to take commands on
    #[argh(option)]
    control: Option<PathBuf>,
}

/// Runs a line until SIGINT or SIGTERM; its address is the first line on stdout.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options) -> io::Result<()> {
    let started = || {
        let delay = Duration::from_millis(options.delay);
        let started = super::Options { listen: options.listen, to: options.to, delay, rate: options.rate };
        let handle = Arc::new(super::start(started)?);
        let line = Arc::clone(&handle);
        let control = options.control.as_deref();
        let control = control.map(|path| Lines::start(path, "line-control", Box::new(move |words| obey(&line, words))));
        Ok((handle, control.transpose()?))
    };
    serve(started, |(handle, _)| format!("line {}", handle.address))
}

fn obey(line: &Handle, words: &str) -> String {
    if words == "counts" {
        let counts = line.counts();
        return format!("ok {} {} {} {}\n", counts.connections, counts.up, counts.down, counts.pieces);
    }
    match line.tell(words) {
        Ok(()) => "ok\n".to_owned(),
        Err(why) => format!("error {why}\n"),
    }
}
