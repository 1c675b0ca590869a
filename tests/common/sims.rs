//! Simulators as programs of their own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Folder, LIMIT, until};

/// A running simulator.
pub struct Sim {
    child: Child,
    control: PathBuf,
    /// The first line that it printed.
    pub line: String,
}

impl Sim {
    /// `satpost simulate WHAT` with a control socket in the folder. `more` are further words of the command line.
    #[track_caller]
    pub fn start(folder: &Folder, what: &str, more: &[&str]) -> Self {
        let control = folder.path(&format!("{what}.control"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_satpost"));
        command.args(["simulate", what]).arg("--control").arg(&control).args(more);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the simulated {what} did not start");
        Self { child, control, line: line.trim().to_owned() }
    }

    /// A Hive with a sky at `sky` in the folder, for one device.
    pub fn hive(folder: &Folder, device: &str) -> Self {
        Self::start(folder, "hive", &["--sky", folder.path("sky").to_str().unwrap(), "--device", device])
    }

    /// A modem at `modem` in the folder, under the sky of [`Sim::hive`].
    pub fn modem(folder: &Folder, more: &[&str]) -> Self {
        let (port, sky) = (folder.path("modem"), folder.path("sky"));
        let words = ["--port", port.to_str().unwrap(), "--sky", sky.to_str().unwrap(), "--factor", "20"];
        Self::start(folder, "modem", &[&words, more].concat())
    }

    /// A mail server.
    pub fn sink(folder: &Folder) -> Self {
        Self::start(folder, "sink", &[])
    }

    /// The last word of its first line: the address of a Hive or of a mail server, the port of a modem.
    pub fn address(&self) -> &str {
        self.line.split_whitespace().last().unwrap_or_default()
    }

    /// The port number in [`Sim::address`].
    pub fn port(&self) -> &str {
        self.address().rsplit(':').next().unwrap_or_default()
    }

    /// Gives a control command; the lines of its answer, without the dot.
    #[track_caller]
    pub fn ask(&self, line: &str) -> Vec<String> {
        let mut stream = UnixStream::connect(&self.control).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        writeln!(stream, "{line}").unwrap();
        let mut answer = Vec::new();
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            if line == "." {
                break;
            }
            let single = answer.is_empty() && (line.starts_with("ok") || line.starts_with("error"));
            answer.push(line);
            if single {
                break;
            }
        }
        answer
    }

    /// Gives a control command that has to be obeyed.
    #[track_caller]
    pub fn tell(&self, line: &str) {
        let answer = self.ask(line);
        assert!(answer.first().is_some_and(|first| first.starts_with("ok")), "{line}: {answer:?}");
    }

    /// The mails of a mail server.
    #[track_caller]
    pub fn mails(&self) -> Vec<Value> {
        self.ask("mails").iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until a mail server has so many.
    #[track_caller]
    pub fn wait_mails(&self, count: usize) -> Vec<Value> {
        until(LIMIT, "the mails arrive", || Some(self.mails()).filter(|mails| mails.len() >= count))
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
