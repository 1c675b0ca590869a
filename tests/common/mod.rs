//! What tests of the real binary share: a box in a folder of its own on free ports, and everything it talks to.
//! Nothing here sleeps for luck: every wait looks at a condition, has a limit, and says what it waited for.
#![allow(dead_code)]

mod coder;
pub mod command;
pub mod shore;
pub mod web;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub const SATPOST: &str = env!("CARGO_BIN_EXE_satpost");
/// Limit for anything that should take a moment.
pub const SOON: Duration = Duration::from_secs(20);
/// Password of every person in tests.
pub const PASSWORD: &str = "a-long-enough-one";

/// A folder of its own, removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("satpost-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Looks until `look` finds something.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        pause();
    }
}

/// The rest between two looks at a condition.
#[allow(clippy::disallowed_methods)]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A child that ends with its owner.
pub struct Program(pub Child);

impl Program {
    pub fn start(args: &[&str], log: &Path) -> Self {
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(SATPOST)
            .args(args)
            .env("RUST_BACKTRACE", "1")
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
            ("web.listen", "127.0.0.1:0"),
            ("store.reserve", "0"),
            // Messages leave when they can; tests of the wait set it.
            ("air.gather", "0"),
        ];
        for (key, value) in usual.iter().chain(settings) {
            station.cli_ok(&["settings", "set", key, value], "");
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
        if self.folder.is_dir() {
            coder::lend(&self.folder);
        }
        let data = self.folder.to_str().unwrap().to_owned();
        self.program = Some(Program::start(&["run", "--data", &data], &self.log));
    }

    /// Starts the box and waits until it answers.
    pub fn start(&mut self) {
        self.launch();
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

    pub fn json(&self, args: &[&str]) -> Value {
        let mut args = args.to_vec();
        args.push("--json");
        serde_json::from_str(&self.cli_ok(&args, "")).unwrap()
    }

    /// The live facts; `None` while the box does not answer.
    pub fn status(&self) -> Option<Value> {
        let output = self.cli(&["status", "--json"], "");
        output.status.success().then(|| serde_json::from_slice(&output.stdout).ok()).flatten()
    }

    /// Where a door listens: `smtp`, `submission` or `web`.
    pub fn door(&self, name: &str) -> SocketAddr {
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

    /// Promise 7, per door.
    pub fn books_balance(&self) {
        let status = self.json(&["status"]);
        let books = status["totals"].as_object().unwrap();
        for (door, books) in books {
            let count = |name: &str| books[name].as_u64().unwrap();
            let sum = count("waiting") + count("delivered") + count("returned") + count("refused");
            assert_eq!(count("accepted"), sum, "{door}: {books}");
        }
    }

    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A plain SMTP client that says what it is told to say.
pub struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("a greeting and an answer to EHLO")
    }

    /// As [`Smtp::connect`], of a server that may be killed at any moment.
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        let mut smtp = Self { stream: BufReader::new(stream) };
        let greeted = smtp.reply().starts_with("220") && smtp.say("EHLO client.example").starts_with("250");
        greeted.then_some(smtp)
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// One whole reply, lines joined by LF; empty when the server is gone.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) | Err(_) => return reply,
                Ok(_) => reply.push_str(&line),
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    pub fn say(&mut self, line: &str) -> String {
        let _ = self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    pub fn login(&mut self, name: &str) {
        assert!(self.try_login(name), "{name} is not let in");
    }

    /// False when the server says no, or is gone.
    pub fn try_login(&mut self, name: &str) -> bool {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0{name}\0{PASSWORD}"));
        self.say(&format!("AUTH PLAIN {secret}")).starts_with("235")
    }

    /// One mail; the reply to it, or to the command that was refused.
    pub fn mail(&mut self, from: &str, to: &str, mail: &str) -> String {
        for line in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
            let reply = self.say(&line);
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        let stuffed = mail.replace('\n', "\r\n").replace("\r\n.", "\r\n..");
        let _ = self.stream.get_mut().write_all(stuffed.as_bytes());
        self.say("\r\n.")
    }
}

/// Sends one mail as a logged-in person of the box, or as anybody.
pub fn send(station: &Station, person: Option<&str>, from: &str, to: &str, mail: &str) -> String {
    let mut smtp = Smtp::connect(station.door("smtp"));
    if let Some(person) = person {
        smtp.login(person);
    }
    smtp.mail(from, to, mail)
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

/// The world: a sky with the Hive and one modem, and a mail server of the internet.
pub struct World {
    pub folder: Folder,
    pub modem: Program,
    pub hive: Program,
    pub sink: Program,
    pub hive_url: String,
    pub sink_port: String,
}

/// Device id of the modem of the world.
pub const DEVICE: &str = "0x001abe";
/// Device id of a second modem, which the Hive knows and nobody has plugged in.
pub const SECOND_DEVICE: &str = "0x001abf";

impl World {
    /// Everything outside the boxes, at a pace for tests. `modem` are more options of the simulated modem.
    pub fn start(modem: &[&str]) -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        let (sky, port) = (path("sky"), path("modem"));
        let (hctl, mctl, sctl) = (path("hive.ctl"), path("modem.ctl"), path("sink.ctl"));
        let (hstate, mstate) = (path("hive.state"), path("modem.state"));
        let hive = Program::start(
            &[
                "simulate",
                "hive",
                "--listen",
                "127.0.0.1:0",
                "--user",
                "u",
                "--password",
                "p",
                "--device",
                DEVICE,
                "--device",
                SECOND_DEVICE,
                "--sky",
                &sky,
                "--control",
                &hctl,
                "--state",
                &hstate,
            ],
            &folder.path("hive.log"),
        );
        let first_word = |log: &str, word: &str| {
            wait_for(word, SOON, || {
                let text = fs::read_to_string(folder.path(log)).ok()?;
                text.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
            })
        };
        let hive_url = first_word("hive.log", "hive ");
        let usual = [
            "simulate",
            "modem",
            "--port",
            &port,
            "--device",
            DEVICE,
            "--sky",
            &sky,
            "--control",
            &mctl,
            "--state",
            &mstate,
        ];
        let default_passes = ["--pass-every", "2", "--pass-length", "1"];
        let passes = if modem.contains(&"--pass-every") { &[][..] } else { &default_passes[..] };
        let factor = if modem.contains(&"--factor") { &[][..] } else { &["--factor", "20"][..] };
        let args: Vec<&str> = usual.iter().chain(factor).chain(passes).chain(modem).copied().collect();
        let modem = Program::start(&args, &folder.path("modem.log"));
        let sink_args = ["simulate", "sink", "--listen", "127.0.0.1:0", "--control", &sctl];
        let sink = Program::start(&sink_args, &folder.path("sink.log"));
        let sink_address = first_word("sink.log", "sink ");
        let sink_port = sink_address.rsplit(':').next().unwrap().to_owned();
        Self { folder, modem, hive, sink, hive_url, sink_port }
    }

    /// The station: anna reads and writes here.
    pub fn station(&self) -> Station {
        let port = self.folder.path("modem");
        let settings = [
            ("box.domain", "boat.example"),
            ("box.reach", "satellite"),
            ("link.driver", "m138"),
            ("m138.port", port.to_str().unwrap()),
        ];
        Station::new(&self.folder, "station", &settings, &["anna"])
    }

    /// The gateway: olga owns it, anna's modem is out in the field.
    pub fn gateway(&self) -> Station {
        let settings = gateway_settings(&self.hive_url, &self.sink_port);
        Station::new(&self.folder, "gateway", &settings, &["olga", "anna=0x001abe"])
    }

    pub fn modem_says(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("modem.ctl"), command)
    }

    pub fn hive_says(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("hive.ctl"), command)
    }

    /// Mails that the internet's mail server got.
    pub fn mails(&self) -> Vec<Value> {
        let lines = ask(&self.folder.path("sink.ctl"), "mails");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Payloads that went on air from the modem, with the modem's ids: a repeat by the radio keeps its id.
    pub fn on_air(&self) -> Vec<(String, String)> {
        let entries =
            self.modem_says("journal").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        entries.map(|entry| (entry["id"].to_string(), entry["data"].as_str().unwrap().to_owned())).collect()
    }
}

/// What makes a box a gateway between this Hive and this mail server.
pub fn gateway_settings<'a>(hive_url: &'a str, sink_port: &'a str) -> [(&'static str, &'a str); 11] {
    [
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("link.driver", "hive"),
        ("hive.url", hive_url),
        ("hive.user", "u"),
        ("hive.password", "p"),
        ("hive.poll", "1"),
        ("relay.host", "localhost"),
        ("relay.port", sink_port),
        ("relay.tls", "none"),
        // Most tests are about what goes on air; `tests/strangers.rs` is about what does not.
        ("air.strangers", "allow"),
    ]
}

/// Everything a connection has to say until it closes.
pub fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
