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
        for command in commands(settings.iter().copied(), &self.first_link()) {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            self.said(&words).ok();
        }
    }

    /// The name of its first link; empty while it has none.
    pub fn first_link(&self) -> String {
        let links = self.json(&["link", "list"]);
        links[0]["name"].as_str().unwrap_or_default().to_owned()
    }

    /// Its process id.
    pub fn pid(&mut self) -> u32 {
        self.program().0.id()
    }
}

/// The commands that make these settings, where those of the link `first` are among them: `link.driver` adds a link of that
/// driver, named after it, that costs nothing unless `link.price` says otherwise.
pub fn commands<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>, first: &str) -> Vec<Vec<String>> {
    let of_link = |name: &str| {
        name != "ip.listen" && ["link.", "m138.", "hive.", "ip."].iter().any(|group| name.starts_with(group))
    };
    let (own, of_box): (Vec<_>, Vec<_>) = settings.partition(|(name, _)| of_link(name));
    let words = |begin: &[&str], pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().flat_map(|(name, value)| [*name, *value]);
        begin.iter().copied().chain(pairs).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    if !of_box.is_empty() {
        all.push(words(&["settings", "set"], &of_box));
    }
    let driver = own.iter().find(|(name, _)| *name == "link.driver").map(|(_, driver)| *driver);
    let rest: Vec<_> = own.into_iter().filter(|(name, _)| *name != "link.driver").collect();
    match driver {
        Some(driver) => {
            let price = rest.iter().any(|(name, _)| *name == "link.price");
            let free = if price { &[][..] } else { &["link.price", "0"][..] };
            all.push(words(&[&["link", "add", driver, driver][..], free].concat(), &rest));
        }
        None if rest.is_empty() => {}
        None => all.push(words(&["link", "set", first], &rest)),
    }
    all
}

/// The first of the links that a status tells of.
pub fn link_of(status: &Value) -> &Value {
    status["links"].as_object().and_then(|links| links.values().next()).unwrap_or(&Value::Null)
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
