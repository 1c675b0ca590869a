//! Programs that a test starts, and what their control sockets answer.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{SATPOST, SOON, wait_for};

/// A child that ends with its owner.
pub struct Program(pub Child);

impl Program {
    pub fn start(args: &[&str], log: &Path) -> Self {
        Self::start_with(args, log, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(args: &[&str], log: &Path, environment: &[(&str, &Path)]) -> Self {
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(SATPOST)
            .args(args)
            .env("RUST_BACKTRACE", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }

    /// SIGKILL: no code of the program runs any more.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self, limit: Duration) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        wait_for("the program to end", limit, || self.0.try_wait().unwrap()).code().unwrap_or(-1)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks a control socket of a simulator; lines without the final dot.
pub fn ask(socket: &Path, command: &str) -> Vec<String> {
    let mut stream = wait_for("the control socket", SOON, || UnixStream::connect(socket).ok());
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(format!("{command}\n").as_bytes()).unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        match line.as_str() {
            "." => break,
            first if lines.is_empty() && (first.starts_with("ok") || first.starts_with("error")) => return vec![line],
            _ => lines.push(line),
        }
    }
    lines
}
