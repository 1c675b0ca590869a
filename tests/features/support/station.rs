//! A box in a folder of its own on free ports.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::command::commands;
use super::{Folder, PASSWORD, Program, SATPOST, SOON, coder, pause, wait_for};

/// A message has left, whatever its far box has said of it by the time of the look.
pub fn has_gone(message: &Value) -> bool {
    ["sent", "at the far box", "delivered"].iter().any(|state| message["state"] == *state)
}

/// A box: its data folder, and its program while it runs.
pub struct Station {
    pub folder: PathBuf,
    pub log: PathBuf,
    program: Option<Program>,
}

impl Station {
    /// Sets a box up with commands only, on free ports of this machine. People: `name` with a log-in, or `name=device`
    /// without one; the first one is the owner.
    pub fn new(folder: &Folder, name: &str, settings: &[(&str, &str)], people: &[&str]) -> Self {
        let station = Self::bare(folder, name);
        let usual = [
            ("smtp.listen", "127.0.0.1:0"),
            ("submission.listen", "127.0.0.1:0"),
            ("submissions.listen", "127.0.0.1:0"),
            ("imap.listen", "127.0.0.1:0"),
            ("imaps.listen", "127.0.0.1:0"),
            ("web.listen", "127.0.0.1:0"),
            ("store.reserve", "0"),
            // Messages leave when they can; tests of the wait set it.
            ("air.gather", "0"),
        ];
        // One command for all of them; of two values for one setting the later one counts.
        let all: BTreeMap<&str, &str> = usual.iter().chain(settings).copied().collect();
        for command in commands(all.into_iter(), "") {
            station.cli_ok(&command.iter().map(String::as_str).collect::<Vec<_>>(), "");
        }
        for (at, person) in people.iter().enumerate() {
            let (name, device) = person.split_once('=').map_or((*person, None), |(name, device)| (name, Some(device)));
            let mut args = vec!["people", "add", name];
            if at == 0 {
                args.extend(["--role", "owner"]);
            }
            if let Some(device) = device {
                args.extend(["--device", device]);
            }
            station.cli_ok(&args, if at == 0 || device.is_none() { PASSWORD } else { "" });
        }
        station
    }

    /// A folder where no box was set up yet.
    pub fn bare(folder: &Folder, name: &str) -> Self {
        Self { folder: folder.path(name), log: folder.path(&format!("{name}.log")), program: None }
    }

    /// Starts the box and waits for nothing.
    pub fn launch(&mut self) {
        self.launch_with(&[]);
    }

    /// The same with more in its environment.
    pub fn launch_with(&mut self, environment: &[(&str, &Path)]) {
        if self.folder.is_dir() {
            coder::lend(&self.folder);
        }
        let data = self.folder.to_str().unwrap().to_owned();
        self.program = Some(Program::start_with(&["run", "--data", &data], &self.log, environment));
    }

    /// Starts the box and waits until it answers.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with more in its environment.
    pub fn start_with(&mut self, environment: &[(&str, &Path)]) {
        self.launch_with(environment);
        let end = Instant::now() + SOON;
        while self.status().is_none() {
            assert!(Instant::now() < end, "the box does not answer; its log:\n{}", self.log_text());
            pause();
        }
    }

    pub fn started(mut self) -> Self {
        self.start();
        self
    }

    pub fn program(&mut self) -> &mut Program {
        self.program.as_mut().expect("the box runs")
    }

    pub fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            program.kill();
        }
    }

    /// Ends the box in order.
    pub fn stop(&mut self) -> i32 {
        self.program.take().map_or(0, |mut program| program.stop(Duration::from_secs(10)))
    }

    pub fn cli(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(SATPOST)
            .args(args)
            .args(["--data", self.folder.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub fn cli_ok(&self, args: &[&str], input: &str) -> String {
        let output = self.cli(args, input);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "satpost {args:?}: {out}{err}");
        out.into_owned()
    }

    /// What a command says as JSON: over the control socket of a box that runs, as a look at a condition is taken many
    /// times and starting a program costs more than its answer.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        let out = match self.asked(&args) {
            Some(answer) if answer["code"] == 0 => answer["out"].as_str().unwrap().to_owned(),
            _ => self.cli_ok(&args, ""),
        };
        serde_json::from_str(&out).unwrap()
    }

    /// The answer of the control socket; `None` where nobody listens or the box ends meanwhile.
    fn asked(&self, args: &[&str]) -> Option<Value> {
        let mut stream = UnixStream::connect(self.folder.join("control.sock")).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        stream.write_all(format!("{}\n", json!({ "args": args })).as_bytes()).ok()?;
        let (mut from, mut before) = (BufReader::new(stream), String::new());
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok()?;
            let mut answer: Value = serde_json::from_str(&line).ok()?;
            before.push_str(answer["out"].as_str()?);
            // A long answer comes in pieces.
            if answer["more"] != true {
                answer["out"] = before.into();
                return Some(answer);
            }
        }
    }

    /// The live facts; `None` while the box does not answer.
    pub fn status(&self) -> Option<Value> {
        let answer = self.asked(&["status", "--json"])?;
        serde_json::from_str(answer["out"].as_str().filter(|_| answer["code"] == 0)?).ok()
    }

    /// Where a listener listens: `smtp`, `submission` or `web`.
    pub fn listener(&self, name: &str) -> SocketAddr {
        wait_for(name, SOON, || self.status()?["listen"][name][0].as_str()?.parse().ok())
    }

    /// Messages that are not final.
    pub fn waiting(&self) -> Vec<Value> {
        self.json(&["queue", "list", "--limit", "10000"]).as_array().unwrap().clone()
    }

    /// All messages, oldest first.
    pub fn messages(&self) -> Vec<Value> {
        let mut all = self.json(&["queue", "list", "--all", "--limit", "10000"]).as_array().unwrap().clone();
        all.reverse();
        all
    }

    /// Waits until a message that fits is in this state.
    pub fn wait_state(&self, limit: Duration, to: &str, state: &str) -> Value {
        wait_for(&format!("a message to {to} to be {state}"), limit, || {
            self.messages().into_iter().find(|m| m["to"] == to && m["state"] == state)
        })
    }

    /// Waits until a message has left. What became of it ashore may be told a moment later, so none stays *sent* where that
    /// costs nothing.
    pub fn wait_gone(&self, limit: Duration, to: &str) -> Value {
        wait_for(&format!("a message to {to} to leave"), limit, || {
            self.messages().into_iter().find(|m| m["to"] == to && has_gone(m))
        })
    }

    /// Promise 7, per listener.
    pub fn totals_balance(&self) {
        let status = self.json(&["status"]);
        let totals = status["totals"].as_object().unwrap();
        for (listener, totals) in totals {
            let count = |name: &str| totals[name].as_u64().unwrap();
            let sum = count("waiting") + count("delivered") + count("returned") + count("refused");
            assert_eq!(count("accepted"), sum, "{listener}: {totals}");
        }
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}
