//! Commands, and what they said.

use std::io::Write as _;
use std::path::Path;
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

/// A program of other people, with this folder as its home and a minute to live. No name is looked up by DNS: mail programs ask for the
/// machine's own name, and where no name server answers each question takes ten seconds and more. (`attempts:0` has the C
/// library give up before its first question; names in `/etc/hosts` are found.)
pub fn foreign(name: &str, home: &Path) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", "60", name])
        .env("HOME", home)
        .env("RES_OPTIONS", "attempts:0")
        .stdin(Stdio::null());
    command
}

/// Runs a program of other people with this to read.
pub fn client(name: &str, args: &[&str], home: &Path, input: &str) -> Output {
    let mut command = foreign(name, home);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("timeout, a tool of every Debian");
    // A client that was refused does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What a program said that has to end well.
#[track_caller]
pub fn well(output: &Output) -> String {
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} (124: it took too long; 127: tests/run installs it): {words}", output.status);
    words
}

/// The commands that make these settings, where those of the link `first` are among them: `link.driver` adds a link of that
/// driver, named after it, that costs nothing unless `link.price` says otherwise.
pub fn commands<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>, first: &str) -> Vec<Vec<String>> {
    let of_link = |name: &str| {
        !["ip.listen", "directip.listen", "directip.peers", "directip.confirm"].contains(&name)
            && ["link.", "m138.", "sbd.", "imt.", "hive.", "rockblock.", "cloudloop.", "sbdmail.", "directip.", "ip."]
                .iter()
                .any(|group| name.starts_with(group))
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
#[track_caller]
pub fn python(program: &str, input: &str) -> String {
    python_with(program, &[], input)
}

/// As [`python`], with arguments.
#[track_caller]
pub fn python_with(program: &str, arguments: &[&str], input: &str) -> String {
    let output = client("python3", &[&["-c", program], arguments].concat(), &std::env::temp_dir(), input);
    well(&output);
    String::from_utf8(output.stdout).unwrap()
}
