//! The parts of the demo: started in order, and taken away however it ends.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::air::{Air, Behind};
use super::{NUMBER, PHONE, part, random};
use crate::cli::session::{Failure, Request};
use crate::cli::{parse, reach};
use crate::sim::{carrier, line, sink};

/// A box has to be ready this long after its start.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Why the demo ends where the station takes no notice of the line.
pub const NOT_SEEN: &str = "the station does not see the internet line come or go";
/// A box has to end this long after SIGTERM.
const END_LIMIT: Duration = Duration::from_secs(12);
/// All parts. The order of the fields is the order in which they end: boxes, simulators, folder.
pub struct DemoParts {
    /// The box on the boat.
    pub station: Place,
    /// The box on shore.
    pub gateway: Place,
    /// The mail server of the world.
    pub sink: sink::Handle,
    /// The carrier of text messages, and its phones.
    pub carrier: carrier::Handle,
    line: line::Handle,
    /// What is behind the line.
    pub air: Air,
    /// Password of anna on both boxes.
    pub password: String,
    _folder: Folder,
}

/// A box as a child of this process.
pub struct Place {
    /// What people call it.
    pub name: &'static str,
    /// Its data folder.
    pub data: PathBuf,
    /// Where it listens: smtp, submission, web.
    pub listen: [SocketAddr; 3],
    log: PathBuf,
    child: Child,
}

/// A folder that goes again with all that is in it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            crate::cli::say(&mut io::stderr(), &format!("{} stays behind: {error}\n", self.0.display()));
        }
    }
}

impl DemoParts {
    /// Starts everything and waits until both boxes are ready.
    ///
    /// # Errors
    /// A sentence that names the part that could not start.
    pub fn start(behind: Behind) -> Result<Self, Failure> {
        let folder = folder()?;
        let path = |name: &str| folder.0.join(name);
        let password = format!("demo-{}", random()?);
        let sink_options = sink::Options { listen: ([127, 0, 0, 1], 0).into(), dir: None };
        let sink = sink::start(sink_options).map_err(|error| part("mail server", &error))?;
        let carrier = carrier::Options {
            listen: ([127, 0, 0, 1], 0).into(),
            carrier: "twilio".to_owned(),
            account: "ACdemo".to_owned(),
            token: password.clone(),
            hook_login: String::new(),
            number: Vec::new(),
            control: None,
        };
        let carrier = carrier::start(carrier).map_err(|error| part("carrier", &error))?;
        let air = Air::start(behind, &folder.0, &password)?;
        let free = ["link", "add", "line", "ip", "link.price", "0"].map(str::to_owned);
        let mut set_up = vec![station_settings()];
        set_up.extend(air.of_station());
        set_up.push(free.to_vec());
        let mut station = Place::start("station", &path("station"), &password, &set_up, &air)?;
        let mut set_up = vec![gateway_settings(&password, sink.address, carrier.address())];
        set_up.extend(air.of_gateway());
        set_up.push(free.to_vec());
        let mut gateway = Place::start("gateway", &path("gateway"), &password, &set_up, &air)?;
        for place in [&mut station, &mut gateway] {
            place.wait_ready()?;
        }
        air.calls(gateway.listen[2]);
        let line = internet(&station, &gateway, &air)?;
        let parts = Self { station, gateway, sink, carrier, line, air, password, _folder: folder };
        parts.wait_line(true)?;
        Ok(parts)
    }

    /// Has the internet line between the boxes come or go. The boxes see that later.
    ///
    /// # Errors
    /// When the line cannot be told.
    pub fn turn_line(&self, there: bool) -> Result<(), Failure> {
        for command in if there { &["clear"][..] } else { &["refuse", "cut"] } {
            self.line.tell(command).map_err(Failure::failed)?;
        }
        Ok(())
    }

    /// True when the station sees that the line is there, or that it is not. The gateway listens whether or not somebody calls: it
    /// is the station that sees it.
    ///
    /// # Errors
    /// When the station cannot be asked.
    pub fn sees_line(&self, there: bool) -> Result<bool, Failure> {
        let seen = |status: Value| status["links"]["line"]["ready"] == there;
        Ok(self.station.ask(&["status", "--json"])?.is_some_and(seen))
    }

    /// Waits until the station sees it.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_line(&self, there: bool) -> Result<(), Failure> {
        let until = Instant::now() + READY_LIMIT;
        while !self.sees_line(there)? {
            if Instant::now() > until {
                return Err(self.failure(NOT_SEEN));
            }
            crate::clock::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Gives a sentence when a box has ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        let ended = |place: &mut Place| matches!(place.child.try_wait(), Ok(Some(_))).then_some(place.name);
        let name = ended(&mut self.station).or_else(|| ended(&mut self.gateway))?;
        Some(format!("the {name} ended by itself"))
    }

    /// Gives a failure with the last lines of both logs.
    pub fn failure(&self, why: &str) -> Failure {
        Failure::failed(format!("{why}\n{}{}", self.station.last_words(), self.gateway.last_words()))
    }
}

/// Start of the name of the demo's folder; the process id and something random follow.
const FOLDER: &str = "satpost-demo-";

fn folder() -> Result<Folder, Failure> {
    clear_up();
    let path = std::env::temp_dir().join(format!("{FOLDER}{}-{}", std::process::id(), random()?));
    let made = DirBuilder::new().mode(0o700).create(&path);
    made.map_err(|error| Failure::failed(format!("{} cannot be made: {error}", path.display())))?;
    Ok(Folder(path))
}

/// Removes what demos left that were killed: folders of ours whose process is gone.
fn clear_up() {
    let me = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(FOLDER).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        let ours = entry.metadata().is_ok_and(|folder| folder.is_dir() && folder.uid() == me);
        if ours && pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            // What cannot be removed does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A line from the station to the gateway, and both paired over it by the commands that anybody would use.
fn internet(station: &Place, gateway: &Place, air: &Air) -> Result<line::Handle, Failure> {
    let status = gateway.ask(&["status", "--json"])?.unwrap_or_default();
    let to = status["listen"]["ip"][0].as_str().and_then(|address| address.parse().ok());
    let to = to.ok_or_else(|| Failure::failed("the gateway does not listen for the station"))?;
    let options = line::Options { listen: ([127, 0, 0, 1], 0).into(), to, delay: Duration::from_millis(50), rate: 0 };
    let line = line::start(options).map_err(|error| part("line", &error))?;
    let code = gateway.tell(&["pair", "new"])?;
    station.tell(&["pair", "join", &line.address.to_string(), code.trim()])?;
    let paired = gateway.ask(&["pair", "list", "--json"])?.unwrap_or_default();
    let key = paired[0]["key"].as_str().unwrap_or_default();
    gateway.tell(&["far-box", "set", &air.far_box(), "--add-address", key])?;
    Ok(line)
}

fn station_settings() -> Vec<String> {
    words(&[("box.name", "station"), ("box.domain", "boat.example"), ("box.reach", "satellite")])
}

fn gateway_settings(password: &str, relay: SocketAddr, carrier: SocketAddr) -> Vec<String> {
    let (host, port) = (relay.ip().to_string(), relay.port().to_string());
    let carrier = format!("http://{carrier}");
    words(&[
        ("box.name", "gateway"),
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("ip.listen", "127.0.0.1:0"),
        ("relay.host", &host),
        ("relay.port", &port),
        ("relay.tls", "none"),
        ("sms.carrier", "twilio"),
        ("sms.poll", "1"),
        ("twilio.url", &carrier),
        ("twilio.account", "ACdemo"),
        ("twilio.token", password),
        // Of a stranger the box would hold a text for the boat.
        ("air.allow", PHONE),
    ])
}

/// Gives the settings that differ, with those that both boxes share.
fn words(pairs: &[(&str, &str)]) -> Vec<String> {
    let any = "127.0.0.1:0";
    let names = ["smtp", "submission", "submissions", "imap", "imaps", "web"].map(|name| format!("{name}.listen"));
    let shared = names.each_ref().map(|name| (name.as_str(), any));
    // Nobody who watches waits for 20 minutes, for other messages to share a packet, or for the large coder to be ready.
    let patience =
        [("patience.normal", "5s"), ("patience.urgent", "1s"), ("air.gather", "0"), ("air.compact", "small")];
    let pairs =
        shared.iter().chain(&patience).chain(pairs).flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]);
    ["settings", "set"].iter().map(ToString::to_string).chain(pairs).collect()
}

impl Place {
    /// Sets a box up by the commands that anybody would use, and starts it.
    fn start(
        name: &'static str,
        data: &Path,
        password: &str,
        set_up: &[Vec<String>],
        air: &Air,
    ) -> Result<Self, Failure> {
        set_up.iter().try_for_each(|words| command(data, words, None))?;
        let mut add: Vec<_> =
            ["people", "add", "anna", "--full-name", "Anna", "--role", "owner"].map(str::to_owned).into();
        if name == "gateway" {
            add.extend(["--device".to_owned(), air.far_box()]);
        }
        command(data, &add, Some(password.to_owned()))?;
        if name == "gateway" {
            let number = ["people", "number", "anna", NUMBER].map(str::to_owned);
            command(data, &number, None)?;
        }
        let failed = |error: io::Error| Failure::failed(format!("the {name} cannot start: {error}"));
        let log = data.with_extension("log");
        let stderr = File::create(&log).map_err(failed)?;
        let mut child = Process::new(std::env::current_exe().map_err(failed)?);
        child.arg("run").arg("--data").arg(data).arg("--parent").arg(std::process::id().to_string());
        // What systemd or a terminal told this process is not meant for its children.
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "STATE_DIRECTORY"] {
            child.env_remove(variable);
        }
        let child = child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().map_err(failed)?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(Self { name, data: data.to_owned(), listen: [nowhere; 3], log, child })
    }

    fn wait_ready(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + READY_LIMIT;
        loop {
            if matches!(self.child.try_wait(), Ok(Some(_))) || Instant::now() > until {
                return Err(Failure::failed(format!("the {} does not start\n{}", self.name, self.last_words())));
            }
            if let Some(listen) = self.ask(&["status", "--json"])?.as_ref().and_then(addresses) {
                self.listen = listen;
                return Ok(());
            }
            crate::clock::sleep(Duration::from_millis(50));
        }
    }

    /// Has the box carry a command out that answers in JSON; `None` while it does not answer yet.
    ///
    /// # Errors
    /// When it hangs.
    pub fn ask(&self, words: &[&str]) -> Result<Option<Value>, Failure> {
        let request = Request { args: words.iter().map(ToString::to_string).collect(), input: None };
        let answer = reach::ask_box(&self.data, &request, Duration::from_secs(10))?;
        Ok(answer.and_then(|answer| serde_json::from_str(&answer.out).ok()))
    }

    /// Has the box carry a command out, with all the time that it takes.
    fn tell(&self, words: &[&str]) -> Result<String, Failure> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let command = parse(&words).map_err(|exit| Failure::failed(exit.output))?;
        let answer = reach::ask(&self.data, &Request { args: words, input: None }, &command)?;
        if answer.code == 0 { Ok(answer.out) } else { Err(Failure::failed(answer.err)) }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(12)..];
        last.iter().map(|line| format!("  {}: {line}\n", self.name)).collect()
    }
}

/// Reads the first address of each listener, once all are open.
fn addresses(status: &Value) -> Option<[SocketAddr; 3]> {
    let first = |listener: &str| status["listen"][listener][0].as_str()?.parse().ok();
    Some([first("smtp")?, first("submission")?, first("web")?])
}

/// Runs a command on the store of a box that does not run yet.
fn command(data: &Path, words: &[String], input: Option<String>) -> Result<(), Failure> {
    let command = parse(words).map_err(|exit| Failure::failed(exit.output))?;
    let answer = reach::ask(data, &Request { args: words.to_vec(), input }, &command)?;
    if answer.code == 0 { Ok(()) } else { Err(Failure::failed(answer.err)) }
}

impl Drop for Place {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // The child was not waited for, so its number is still its own; one that ended already is not signalled.
        if let Some(pid) = pid
            && matches!(self.child.try_wait(), Ok(None))
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let until = Instant::now() + END_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            crate::clock::sleep(Duration::from_millis(20));
        }
    }
}
