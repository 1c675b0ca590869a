//! The simulated modem as a program of its own, spoken to as any host program for an M138 would: over its port, with
//! sentences and checksums made here, and over its control socket.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Folder;

/// Nothing that is expected takes longer.
const LIMIT: Duration = Duration::from_secs(20);
/// Long enough to say that nothing came.
const SILENCE: Duration = Duration::from_millis(400);

/// A simulator in its own process.
struct Simulator {
    child: Child,
    port: PathBuf,
    control: PathBuf,
}

impl Simulator {
    fn command(folder: &Folder, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_satpost"));
        command.args(["simulate", "modem", "--port"]).arg(folder.path("tty"));
        command.arg("--control").arg(folder.path("control")).arg("--state").arg(folder.path("state"));
        command.args(["--factor", "40"]).args(more).stdout(Stdio::piped());
        command
    }

    /// Starts one and waits until its port is there.
    fn start(folder: &Folder, more: &[&str]) -> Self {
        let mut child = Self::command(folder, more).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("modem 0x001abe on "), "{line}");
        Self { child, port: folder.path("tty"), control: folder.path("control") }
    }

    /// One that runs already and sees no satellite until told so.
    fn quiet(folder: &Folder) -> Self {
        Self::start(folder, &["--start", "running", "--pass-length", "0"])
    }

    /// Gives a control command and returns its answer, without the dot.
    fn ask(&self, line: &str) -> Vec<String> {
        let mut stream = UnixStream::connect(&self.control).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        writeln!(stream, "{line}").unwrap();
        let mut answer = Vec::new();
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            let single = answer.is_empty() && (line.starts_with("ok") || line.starts_with("error"));
            if line != "." {
                answer.push(line.clone());
            }
            if single || line == "." {
                break;
            }
        }
        answer
    }

    fn tell(&self, line: &str) {
        let answer = self.ask(line);
        assert!(answer[0].starts_with("ok"), "{line}: {answer:?}");
    }

    fn signal(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host program with the port open.
struct Host {
    port: File,
    /// Bytes as they come; closed when the port is gone.
    bytes: Receiver<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Host {
    fn open(path: &Path) -> Self {
        let port = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut reading = port.try_clone().unwrap();
        let (sender, bytes) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = reading.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { port, bytes, buffer: Vec::new() }
    }

    fn send(&mut self, body: &str) {
        let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
        self.raw(format!("${body}*{sum:02X}\n").as_bytes());
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.port.write_all(bytes).unwrap();
    }

    /// The next line, without its line feed; `None` when none comes in time.
    fn line(&mut self, limit: Duration) -> Option<String> {
        let end = Instant::now() + limit;
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.buffer.drain(..=at).collect();
                return Some(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            let left = end.saturating_duration_since(Instant::now());
            self.buffer.extend(self.bytes.recv_timeout(left).ok()?);
        }
    }

    /// Waits for a line with this in it.
    fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.line(LIMIT).unwrap_or_else(|| panic!("no '{part}' came; rest: {:?}", self.buffer));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a command and gives the reply between `$` and `*`, whose checksum must be right.
    fn ask(&mut self, body: &str) -> String {
        self.send(body);
        let line = self.line(LIMIT).unwrap_or_else(|| panic!("no reply to {body}"));
        checked(&line).unwrap_or_else(|| panic!("garbled: {line}")).to_owned()
    }

    fn queue(&mut self, args: &str) -> String {
        let reply = self.ask(&format!("TD {args}"));
        reply.strip_prefix("TD OK,").unwrap_or_else(|| panic!("{reply}")).to_owned()
    }
}

fn checked(line: &str) -> Option<&str> {
    let (body, sum) = line.strip_prefix('$')?.rsplit_once('*')?;
    let right = body.bytes().fold(0, |sum, byte| sum ^ byte);
    (format!("{right:02x}") == sum).then_some(body)
}

/// A sky that acknowledges everything, tells what it is asked, and has one packet to give.
fn sky(path: &Path) -> Receiver<serde_json::Value> {
    let listener = UnixListener::bind(path).unwrap();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut packet = Some(serde_json::json!({"packetId": 55, "app": 1000, "data": "CAFE"}));
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|count| count > 0) {
                let ask: serde_json::Value = serde_json::from_str(&line).unwrap();
                let answer = match ask.get("take") {
                    Some(_) => serde_json::json!({ "packet": packet.take() }),
                    None => serde_json::json!({ "ok": true }),
                };
                writeln!(stream.get_mut(), "{answer}").unwrap();
                if sender.send(ask).is_err() {
                    return;
                }
                line.clear();
            }
        }
    });
    asked
}

#[test]
fn it_boots_and_introduces_itself() {
    let folder = Folder::new();
    let simulator = Simulator::start(&folder, &["--start", "off"]);
    let mut host = Host::open(&simulator.port);
    host.send("CS");
    assert_eq!(host.line(SILENCE), None, "a modem without power is silent");
    simulator.tell("power on");
    host.until("Swarm ");
    host.until("$M138 BOOT,RUNNING*2a");
    let (one, two) = (host.until("$M138 "), host.until("$M138 "));
    let mut gps = [one.as_str(), two.as_str()];
    gps.sort_unstable();
    assert_eq!(gps, ["$M138 DATETIME*56", "$M138 POSITION*4e"]);
    assert_eq!(host.ask("CS"), "CS DI=0x001abe,DN=M138");
    assert!(host.ask("DT @").ends_with(",V"));
    host.send("RS");
    host.until("$RS OK*25");
    host.until("$M138 BOOT,RESTART*3a");
    host.until("$M138 BOOT,RUNNING*2a");
}

#[test]
fn another_programs_serial_library_can_use_it() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let mut port = serialport::new(simulator.port.to_str().unwrap(), 115_200).timeout(LIMIT).open_native().unwrap();
    port.write_all(b"$FV*10\n").unwrap();
    let mut line = String::new();
    BufReader::new(port).read_line(&mut line).unwrap();
    assert_eq!(line, "$FV 2022-10-18T22:38:36,v3.0.1*08\n");
}

#[test]
fn packets_go_up_to_the_sky_and_come_down_from_it() {
    let folder = Folder::new();
    let asked = sky(&folder.path("sky"));
    let path = folder.path("sky");
    let more = ["--start", "running", "--pass-length", "0", "--sky", path.to_str().unwrap()];
    let simulator = Simulator::start(&folder, &more);
    let mut host = Host::open(&simulator.port);
    assert_eq!(host.ask("MM N=E"), "MM OK");
    let id = host.queue("AI=1000,HD=3600,\"hello\"");
    simulator.tell("pass begin");
    let sent = host.until("$TD SENT,RSSI=-");
    assert!(checked(&sent).unwrap().ends_with(&format!(",{id}")));
    host.until("$RD AI=1000,RSSI=-");
    assert_eq!(host.ask("MM C=U"), "MM 1");
    assert!(host.ask("MM R=O").starts_with("MM AI=1000,cafe,"));
    let up = asked.iter().find(|ask| ask.get("up").is_some()).unwrap();
    let id: u64 = id.parse().unwrap();
    assert_eq!(up, serde_json::json!({"up": {"device": 6846, "app": 1000, "data": "68656c6c6f", "id": id}}));
    assert!(asked.iter().any(|ask| ask == serde_json::json!({"arrived": 55})));
}

#[test]
fn a_lost_acknowledgement_reaches_the_sky_twice_and_the_journal_tells() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let mut host = Host::open(&simulator.port);
    let id = host.queue("cafe");
    simulator.tell("ackloss 1");
    simulator.tell("dupsent 1");
    simulator.tell("pass begin");
    assert_eq!(host.until("$TD SENT"), host.until("$TD SENT"));
    let second = host.queue("beef");
    host.until(&second);
    let journal: Vec<serde_json::Value> =
        simulator.ask("journal").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = journal.iter().map(|entry| entry["id"].to_string()).collect();
    assert_eq!(ids, [id.clone(), id, second]);
    assert_eq!((&journal[0]["data"], &journal[0]["device"]), (&"cafe".into(), &6846.into()));
    simulator.tell("nosent 1");
    let third = host.queue("01");
    let end = Instant::now() + LIMIT;
    while host.ask("MT C=U") != "MT 0" {
        assert!(Instant::now() < end, "{third} never left");
    }
}

#[test]
fn its_memory_survives_a_kill() {
    let folder = Folder::new();
    let mut simulator = Simulator::quiet(&folder);
    let mut host = Host::open(&simulator.port);
    simulator.tell("pass begin");
    let sent = host.queue("00");
    host.until(&sent);
    simulator.tell("pass end");
    let id = host.queue("AI=7,cafe");
    assert_eq!(host.ask("GS 3600"), "GS OK");
    assert_eq!(host.ask("GP 10"), "GP OK");
    simulator.signal(Signal::KILL);

    let simulator = Simulator::quiet(&folder);
    let mut host = Host::open(&simulator.port);
    assert_eq!(host.ask("GS ?"), "GS 3600");
    assert_eq!(host.ask("GP ?"), "GP 10");
    assert_eq!(host.ask("MT C=U"), "MT 1");
    assert!(host.ask(&format!("MT L={id}")).starts_with(&format!("MT AI=7,cafe,{id},")));
    assert!(host.queue("01").parse::<u64>().unwrap() > id.parse().unwrap(), "the counter goes on");
    assert_eq!(simulator.ask("journal").len(), 1, "the proof of the first transmission is still there");
}

#[test]
fn a_pulled_plug_is_felt_and_a_new_one_works() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let mut host = Host::open(&simulator.port);
    let id = host.queue("00");
    let before = fs::read_link(&simulator.port).unwrap();
    simulator.tell("unplug");
    assert!(fs::symlink_metadata(&simulator.port).is_err());
    assert_eq!(host.bytes.recv_timeout(LIMIT), Err(mpsc::RecvTimeoutError::Disconnected));
    assert!(simulator.ask("unplug")[0].starts_with("error"));
    // The old terminal is still held open here, so the new one has another name.
    simulator.tell("plug");
    assert_ne!(fs::read_link(&simulator.port).unwrap(), before);
    let mut host = Host::open(&simulator.port);
    assert!(host.ask(&format!("MT L={id}")).contains(&id));
}

#[test]
fn another_program_can_hold_the_port() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let open = || serialport::new(simulator.port.to_str().unwrap(), 115_200).open_native();
    simulator.tell("lock on");
    assert!(open().is_err());
    simulator.tell("lock off");
    let held = open().unwrap();
    assert!(simulator.ask("lock on")[0].starts_with("error"));
    drop(held);
}

#[test]
fn the_line_can_be_bad() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let mut host = Host::open(&simulator.port);
    simulator.tell("corrupt 1");
    host.send("FV");
    assert_eq!(checked(&host.line(LIMIT).unwrap()), None);
    simulator.tell("glue 1");
    host.send("FV");
    assert_eq!(host.line(SILENCE), None);
    assert!(host.buffer.is_empty());
    host.send("DT ?");
    assert!(host.line(LIMIT).unwrap().ends_with("v3.0.1*08$DT 0*00"));
    simulator.tell("droplf 1");
    host.send("DT ?");
    assert_eq!(host.line(SILENCE), None);
    assert_eq!(host.buffer, b"$DT 0*00");
    host.send("DT ?");
    assert_eq!(host.line(LIMIT).unwrap(), "$DT 0*00$DT 0*00");
    simulator.tell("silent on");
    host.send("CS");
    assert_eq!(host.line(SILENCE), None);
    simulator.tell("silent off");
    simulator.tell("noise on");
    assert!(host.bytes.recv_timeout(LIMIT).is_ok());
    simulator.tell("noise off");
}

#[test]
fn a_gap_in_a_command_drops_it() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let mut host = Host::open(&simulator.port);
    host.raw(b"$CS");
    assert_eq!(host.line(SILENCE), None);
    host.raw(b"*10\n");
    assert_eq!(host.line(SILENCE), None);
    host.raw(b"$CS*11\n");
    assert_eq!(host.line(LIMIT).unwrap(), "$CMD? ERR,CMD_NMEACHECKSUMFAIL*21");
    host.raw(b"\n$CS*10\r\n");
    assert_eq!(host.line(LIMIT).unwrap(), "$CS DI=0x001abe,DN=M138*73");
}

#[test]
fn a_closed_port_keeps_nothing() {
    let folder = Folder::new();
    let simulator = Simulator::quiet(&folder);
    let mut port = OpenOptions::new().read(true).write(true).open(&simulator.port).unwrap();
    // What is written before the simulator has seen the port open is dropped, as by a modem that starts.
    let end = Instant::now() + LIMIT;
    while !simulator.ask("status").iter().any(|line| line.trim() == "port open") {
        assert!(Instant::now() < end, "the open port is not seen");
    }
    port.write_all(b"$CS*10\n").unwrap();
    let mut first = [0; 1];
    port.read_exact(&mut first).unwrap();
    drop(port);
    simulator.tell("noise on");
    let end = Instant::now() + SILENCE;
    while Instant::now() < end {
        simulator.ask("status");
    }
    simulator.tell("noise off");
    let mut host = Host::open(&simulator.port);
    assert_eq!(host.line(SILENCE), None);
    assert!(host.buffer.is_empty());
    assert_eq!(host.ask("DT ?"), "DT 0");
}

#[test]
fn it_leaves_nothing_behind_and_two_do_not_share_a_socket() {
    let folder = Folder::new();
    let mut simulator = Simulator::quiet(&folder);
    let second = Simulator::command(&folder, &[]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("choose another path"));
    assert_eq!(simulator.signal(Signal::TERM), Some(0));
    assert!(fs::symlink_metadata(&simulator.port).is_err());
    assert!(fs::symlink_metadata(&simulator.control).is_err());
}

#[test]
fn every_control_word_of_the_help_is_known() {
    let folder = Folder::new();
    let simulator = Simulator::start(&folder, &["--start", "off"]);
    assert!(simulator.ask("reboot")[0].starts_with("error"), "nothing runs without power");
    let binary = Command::new(env!("CARGO_BIN_EXE_satpost")).args(["simulate", "modem", "--help"]).output().unwrap();
    let help = String::from_utf8(binary.stdout).unwrap();
    for line in [
        "silent off",
        "noise off",
        "ignore 0",
        "noreply off",
        "late 5",
        "late 5 0",
        "interleave 0",
        "corrupt 0",
        "droplf 0",
        "glue 0",
        "nosent on",
        "dupsent 0",
        "ackloss 0",
        "loss 0",
        "brownout 0",
        "full off",
        "notime off",
        "nofix off",
        "pin high",
        "power on",
        "reboot",
        "abort",
        "power off",
        "pass auto",
        "unplug",
        "plug",
        "lock off",
        "variant noids on",
        "down 7 cafe",
        "expire",
    ] {
        simulator.tell(line);
        assert!(help.contains(line.split(' ').next().unwrap()), "{line}");
    }
    for line in ["status", "queue", "inbox", "journal"] {
        assert!(!simulator.ask(line).iter().any(|line| line.starts_with("error")));
    }
    for line in ["", "x", "late", "ignore x", "loss 101", "down 7", "down 7 caf", "down 70000 00", "variant x on"] {
        assert!(simulator.ask(line)[0].starts_with("error"), "{line}");
    }
}
