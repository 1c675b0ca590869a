//! Commands, and what they said.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{SATPOST, Station};

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    /// The output of a command that has to end well.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// The complaint of a command that has to end with this code.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        self.err
    }
}

/// Runs the program with these words and nothing to read.
pub fn satpost(words: &[&str]) -> Said {
    Command::new(SATPOST).args(words).stdin(Stdio::null()).output().unwrap().into()
}

impl Station {
    /// A command for this box, whether it runs or not.
    pub fn said(&self, words: &[&str]) -> Said {
        self.cli(words, "").into()
    }

    /// A command that reads something.
    pub fn said_with(&self, words: &[&str], input: &str) -> Said {
        self.cli(words, input).into()
    }

    /// Changes settings.
    #[track_caller]
    pub fn set(&self, settings: &[(&str, &str)]) {
        let words = settings.iter().flat_map(|(name, value)| [*name, *value]);
        self.said(&["settings", "set"].into_iter().chain(words).collect::<Vec<_>>()).ok();
    }

    /// Its process id.
    pub fn pid(&mut self) -> u32 {
        self.program().0.id()
    }
}

/// Runs a Python program with this input; its output.
pub fn python(program: &str, input: &str) -> String {
    python_with(program, &[], input)
}

/// As [`python`], with arguments.
pub fn python_with(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-c", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which tests/run installs");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}
