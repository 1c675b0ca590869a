//! What tests of the real program share: boxes, simulators and mails, each in a folder of its own.
//!
//! ```text
//! let folder = Folder::new();
//! let mut post = SatBox::new(&folder, "station").set(&[("box.domain", "boat.example")]).person("anna", "sunny day").run();
//! smtp::give(post.address("submission"), Some(("anna", "sunny day")), "anna@boat.example", &["b@x.org"], "Hi\r\n");
//! post.kill9();
//! let post = post.run();
//! ```

#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod sims;
pub mod smtp;

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Nothing that is expected takes longer, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one; its path is short, as sockets will lie in it.
    pub fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("satpost-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
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

/// Runs the program with these words and this standard input.
pub fn satpost(words: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_satpost"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that wants no input does not read it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let ended = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Said { code: ended.status.code().unwrap_or(-1), out: text(&ended.stdout), err: text(&ended.stderr) }
}

/// Tries until something is there.
///
/// # Panics
/// With the name of what was waited for, after `limit`.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "looks again; nothing here depends on how long it sleeps")]
pub fn until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not in {} s: {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A box: its data folder, and the process while it runs.
pub struct SatBox {
    data: PathBuf,
    child: Option<Child>,
    listen: Value,
}

impl SatBox {
    /// One that does not run yet, with free ports and no link.
    pub fn new(folder: &Folder, name: &str) -> Self {
        let post = Self { data: folder.path(name), child: None, listen: Value::Null };
        let any = "127.0.0.1:0";
        post.set(&[("box.name", name), ("smtp.listen", any), ("submission.listen", any), ("web.listen", any)])
    }

    /// Changes settings.
    #[track_caller]
    pub fn set(self, settings: &[(&str, &str)]) -> Self {
        let words = settings.iter().flat_map(|(name, value)| [*name, *value]);
        self.cli(&["settings", "set"].into_iter().chain(words).collect::<Vec<_>>()).ok();
        self
    }

    /// Adds somebody who reads here; an empty password: no log-in.
    #[track_caller]
    pub fn person(self, name: &str, password: &str) -> Self {
        self.cli_with(&["people", "add", name], password.as_bytes()).ok();
        self
    }

    /// Starts it and waits until its doors are open.
    #[track_caller]
    pub fn run(mut self) -> Self {
        self.start();
        self
    }

    /// The same for one that ran before.
    #[track_caller]
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_satpost"));
        command.arg("run").arg("--data").arg(&self.data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        self.listen = until(LIMIT, "the doors are open", || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "it ended: {}", self.log_text());
            let status = self.cli(&["status", "--json"]);
            let status: Value = serde_json::from_str(&status.out).ok().filter(|_| status.code == 0)?;
            let listen = status["listen"].as_object()?;
            let open = |door: &str| listen[door].as_array().is_some_and(|addresses| !addresses.is_empty());
            (listen.len() == 3 && listen.keys().all(|door| open(door))).then(|| status["listen"].clone())
        });
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where a door is: `smtp`, `submission` or `web`.
    #[track_caller]
    pub fn address(&self, door: &str) -> SocketAddr {
        self.listen[door][0].as_str().unwrap().parse().unwrap()
    }

    /// A command for it, whether it runs or not.
    pub fn cli(&self, words: &[&str]) -> Said {
        self.cli_with(words, b"")
    }

    /// A command that reads something.
    pub fn cli_with(&self, words: &[&str], input: &[u8]) -> Said {
        let data = self.data.to_str().unwrap();
        satpost(&[&["--data", data], words].concat(), input)
    }

    /// What it says of itself.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.cli(&["status", "--json"]).json()
    }

    /// All its messages, newest first.
    #[track_caller]
    pub fn messages(&self) -> Vec<Value> {
        let all = self.cli(&["queue", "list", "--all", "--limit", "1000000", "--json"]).json();
        all.as_array().unwrap().clone()
    }

    /// Waits for a message that fits.
    #[track_caller]
    pub fn message(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(LIMIT, what, || self.messages().into_iter().find(&fits))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Ends it as a power cut would.
    pub fn kill9(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends it as systemd would, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        until(LIMIT, "it ends after SIGTERM", || child.try_wait().unwrap())
    }

    fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// What it logged since the first start.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for SatBox {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("log of {}:\n{}", self.data.display(), self.log_text());
        }
    }
}
