//! Somebody plugs something in: a modem is named and its link offered, anything else is told apart, and who would take the port
//! away is named with the cure. A folder of the test stands for `/dev` and `/sys`, pseudo-terminals for the adapters.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pty::OpenptFlags;
use serde_json::Value;

use crate::support::command::link_of;
use crate::support::web::{Client, hidden};
use crate::support::{Folder, Program, SATPOST, SOON, Station, wait_for};

/// Several ports are asked one after the other, for up to nine seconds each.
const LONG: Duration = Duration::from_secs(120);
/// The ids of common adapters.
const FTDI: (&str, &str) = ("0403", "6001");
const CH340: (&str, &str) = ("1a86", "7523");
const CP210X: (&str, &str) = ("10c4", "ea60");

/// A machine with USB sockets.
struct Machine {
    folder: Folder,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: Folder::new() };
        for part in ["root/dev/serial/by-id", "root/sys/class/tty", "root/sys/devices"] {
            fs::create_dir_all(machine.folder.path(part)).unwrap();
        }
        machine
    }

    fn root(&self) -> PathBuf {
        self.folder.path("root")
    }

    /// Plugs an adapter in, as the kernel and udev show it; where its device has to be.
    fn plug(&self, name: &str, ids: (&str, &str), product: &str) -> PathBuf {
        self.kernel_shows(name, ids, product);
        self.udev_names(name, product);
        self.root().join("dev").join(name)
    }

    fn kernel_shows(&self, name: &str, ids: (&str, &str), product: &str) {
        let root = self.root();
        let usb = root.join(format!("sys/devices/{name}"));
        fs::create_dir_all(usb.join(format!("1.0/{name}"))).unwrap();
        for (file, text) in [("idVendor", ids.0), ("idProduct", ids.1), ("product", product)] {
            fs::write(usb.join(file), format!("{text}\n")).unwrap();
        }
        let class = root.join("sys/class/tty").join(name);
        fs::create_dir_all(&class).unwrap();
        symlink(usb.join(format!("1.0/{name}")), class.join("device")).unwrap();
    }

    /// Where the name is that udev makes, which survives unplugging.
    fn stable(&self, name: &str, product: &str) -> PathBuf {
        self.root().join(format!("dev/serial/by-id/usb-{product}-{name}"))
    }

    fn udev_names(&self, name: &str, product: &str) {
        symlink(format!("../../{name}"), self.stable(name, product)).unwrap();
    }

    fn unplug(&self, name: &str, product: &str) {
        fs::remove_dir_all(self.root().join("sys/class/tty").join(name)).unwrap();
        fs::remove_file(self.stable(name, product)).unwrap();
        // A simulated modem that has ended took its own away.
        let _ = fs::remove_file(self.root().join("dev").join(name));
    }

    /// A program of this unit runs.
    fn runs(&self, unit: &str) {
        fs::create_dir_all(self.root().join("sys/fs/cgroup/system.slice").join(unit)).unwrap();
    }

    fn simulated(&self, which: &str, name: &str, ids: (&str, &str), more: &[&str]) -> Program {
        let place = self.plug(name, ids, which);
        self.simulates(which, name, &place, more)
    }

    fn simulates(&self, which: &str, name: &str, place: &Path, more: &[&str]) -> Program {
        let control = self.folder.path(&format!("{name}.ctl"));
        let args = ["simulate", which, "--port", place.to_str().unwrap(), "--control", control.to_str().unwrap()];
        Program::start(&[&args[..], more].concat(), &self.folder.path(&format!("{name}.log")))
    }

    fn station(&self) -> Station {
        let settings = [("box.domain", "boat.example"), ("box.reach", "satellite")];
        let mut station = Station::new(&self.folder, "station", &settings, &["anna"]);
        station.start_with(&[("SATPOST_DEVICES", &self.root())]);
        station
    }
}

/// Something on a line that is no satellite modem: it answers, and tells something by itself.
struct Speaker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Keeps the line open from the other side, as a driver of the kernel does.
    _held: File,
}

impl Speaker {
    fn new(place: &PathBuf, tells: &'static [u8], answers: fn(&[u8]) -> Option<&'static [u8]>) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let held = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        symlink(name.to_str().unwrap(), place).unwrap();
        let (mut master, stop) = (File::from(master), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let speak = move || {
            let mut told = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                let tick = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
                let heard = rustix::event::poll(&mut [PollFd::new(&master, PollFlags::IN)], Some(&tick));
                let mut buffer = [0; 512];
                let heard = if heard == Ok(1) { master.read(&mut buffer).unwrap_or(0) } else { 0 };
                // A line that nobody reads is full at some time, and then what is told is lost.
                match answers(&buffer[..heard]) {
                    Some(answer) => drop(master.write_all(answer)),
                    None if !tells.is_empty() && told.elapsed() > Duration::from_millis(500) => {
                        told = Instant::now();
                        drop(master.write_all(tells));
                    }
                    None => {}
                }
            }
        };
        Self { stop, thread: Some(std::thread::spawn(speak)), _held: held }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Waits until what is at a port is known; what was found.
fn wait_found(station: &Station, name: &str) -> Value {
    wait_for(&format!("what is at {name} to be known"), LONG, || {
        let status = station.status()?;
        let (_, plugged) = status["plugged"].as_object()?.iter().find(|(path, _)| path.ends_with(name))?;
        (!["asking", "silent"].contains(&plugged["contact"]["what"].as_str()?)).then(|| plugged.clone())
    })
}

/// How often the box asked what is at a port.
fn asked(station: &Station, name: &str) -> usize {
    station.log_text().lines().filter(|line| line.contains("first contact: ") && line.contains(name)).count()
}

/// Waits until nobody offers a port any more.
fn wait_gone(station: &Station, name: &str) {
    wait_for(&format!("{name} to be gone"), SOON, || {
        let status = station.status()?;
        status["plugged"].as_object()?.keys().all(|path| !path.ends_with(name)).then_some(())
    });
}

fn page(client: &Client, path: &str) -> String {
    client.get(path).body.replace("&#x2f;", "/")
}

#[test]
fn a_modem_that_is_plugged_in_is_named_and_its_link_is_offered_and_tested() {
    let machine = Machine::new();
    let station = machine.station();
    let mut client = Client::logged_in(&station, "anna");
    let (sbd, imt, swarm) = (
        machine.simulated("sbd", "ttyUSB0", FTDI, &["--factor", "20"]),
        machine.simulated("imt", "ttyUSB1", ("0403", "6015"), &["--factor", "20"]),
        machine.simulated("modem", "ttyUSB2", CH340, &[]),
    );
    for (name, driver, model) in
        [("ttyUSB0", "sbd", "Iridium SBD"), ("ttyUSB1", "imt", "RockBLOCK 9704"), ("ttyUSB2", "m138", "Swarm M138")]
    {
        let contact = wait_found(&station, name)["contact"].clone();
        assert_eq!(contact["driver"], driver, "{contact}");
        assert!(contact["model"].as_str().unwrap().contains(model), "{contact}");
        assert!(page(&client, "/links").contains(model));
    }
    // Before there is a link the set-up offers the same, and the command line says what to type.
    let port = machine.root().join("dev/ttyUSB0").display().to_string();
    let stable = machine.stable("ttyUSB0", "sbd").display().to_string();
    assert!(page(&client, "/setup/link").contains("Add a link with it"));
    let checked = station.said(&["check"]).out;
    let command = format!("satpost link add sbd sbd sbd.port {stable} link.price PRICE");
    assert!(checked.contains(&command), "{checked}");
    let answer = client.post("/links", &format!("port={}", port.replace('/', "%2F")));
    assert_eq!((answer.status, answer.header("location")), (303, "/links/sbd"));
    let again = client.post("/links", &format!("port={}", port.replace('/', "%2F")));
    assert_eq!(again.status, 409, "the button was pressed twice");
    wait_gone(&station, "ttyUSB0");
    let link = station.json(&["link", "show", "sbd"]);
    assert_eq!((&link["settings"]["sbd.port"], &link["settings"]["link.unit"]), (&stable.into(), &"credit".into()));
    assert_eq!(client.post("/links", &format!("port={}", port.replace('/', "%2F"))).status, 409, "it has a link");
    // The test: what costs nothing first, then one message with its price.
    station.cli_ok(&["link", "set", "sbd", "link.price", "0.12"], "");
    wait_for("what costs nothing", LONG, || {
        let shown = page(&client, "/links/sbd");
        let free = ["answers: ", "of 5 bars", "its network"].iter().all(|words| shown.contains(words));
        free.then_some(())
    });
    let tested = station.said(&["link", "test", "sbd"]).out;
    assert!(tested.contains("of 5 bars") && tested.contains("--dry-run"), "{tested}");
    assert!(!page(&client, "/links/sbd").contains("Send it"), "nothing is paid unasked");
    let offered = page(&client, "/links/sbd?test=bob%40world.example");
    assert!(offered.contains("Send it for") && offered.contains("0.12"), "{offered}");
    let form: String = ["csrf", "once", "to", "subject", "text"]
        .iter()
        .map(|name| (name, if *name == "subject" { "Test".to_owned() } else { hidden(&offered, name) }))
        .map(|(name, value)| format!("{name}={}&", value.replace(' ', "+").replace('@', "%40")))
        .collect();
    assert_eq!(client.form("/compose", &format!("{form}do=send"), &client.own()).status, 303);
    assert_eq!(station.messages().len(), 1);
    drop((sbd, imt, swarm));
}

#[test]
fn a_link_has_its_modem_back_before_anybody_asks_what_it_is() {
    let machine = Machine::new();
    let gps = b"$GPRMC,092750.000,A,5321.6802,N,00630.3372,W,0.02,31.66,280511,,,A*43\r\n";
    let _gps = Speaker::new(&machine.plug("ttyUSB1", CP210X, "gps"), gps, |_| None);
    let modem = machine.simulated("sbd", "ttyUSB0", FTDI, &["--factor", "20"]);
    let station = machine.station();
    wait_found(&station, "ttyUSB0");
    let stable = machine.stable("ttyUSB0", "sbd").display().to_string();
    station.cli_ok(&["link", "add", "sbd", "sbd", "sbd.port", &stable, "link.unit", "credit", "link.price", "1"], "");
    let wait_ready = |ready: bool| {
        wait_for(&format!("ready to be {ready}"), LONG, || {
            (link_of(&station.status()?)["ready"] == ready).then_some(())
        });
    };
    wait_ready(true);
    wait_found(&station, "ttyUSB1");
    let before = asked(&station, "ttyUSB0");
    drop(modem);
    machine.unplug("ttyUSB0", "sbd");
    wait_ready(false);
    // The kernel is faster than udev; that the other one is gone shows that the box has looked since.
    machine.kernel_shows("ttyUSB0", FTDI, "sbd");
    let place = machine.root().join("dev/ttyUSB0");
    let _modem = machine.simulates("sbd", "ttyUSB0", &place, &["--factor", "20"]);
    wait_for("the port", SOON, || place.exists().then_some(()));
    machine.unplug("ttyUSB1", "gps");
    wait_gone(&station, "ttyUSB1");
    machine.udev_names("ttyUSB0", "sbd");
    wait_ready(true);
    assert_eq!(asked(&station, "ttyUSB0"), before, "{}", station.log_text());
}

#[test]
fn what_is_no_modem_is_told_apart_and_who_takes_ports_is_named() {
    let machine = Machine::new();
    let station = machine.station();
    let client = Client::logged_in(&station, "anna");
    let silent = |_: &[u8]| None;
    let phone: fn(&[u8]) -> Option<&'static [u8]> = |heard| match heard.strip_prefix(b"AT") {
        Some(b"\r") => Some(b"\r\nOK\r\n"),
        Some(_) => Some(b"\r\nERROR\r\n"),
        None => None,
    };
    let stick: fn(&[u8]) -> Option<&'static [u8]> =
        |heard| heard.starts_with(&[0xfe, 0x00, 0x21]).then_some(&[0xfe, 0x02, 0x61, 0x01, 0x79, 0x07, 0x1c]);
    let gps = b"$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76\r\n";
    let ais = b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n";
    let _all = [
        Speaker::new(&machine.plug("ttyUSB0", CP210X, "gps"), gps, silent),
        Speaker::new(&machine.plug("ttyUSB1", FTDI, "ais"), ais, silent),
        Speaker::new(&machine.plug("ttyUSB2", CH340, "phone"), b"", phone),
        Speaker::new(&machine.plug("ttyUSB3", CP210X, "stick"), b"", stick),
    ];
    // One that no modem hangs on is not asked.
    let other = machine.plug("ttyACM0", ("2341", "0043"), "board");
    let _other = Speaker::new(&other, b"", silent);
    for (name, looks_like, words) in [
        ("ttyUSB0", "gps", "a GPS receiver"),
        ("ttyUSB1", "ais", "an AIS receiver"),
        ("ttyUSB2", "at_modem", "a modem with AT commands"),
        ("ttyUSB3", "zigbee", "a Zigbee stick"),
    ] {
        let contact = wait_found(&station, name)["contact"].clone();
        assert_eq!((&contact["what"], &contact["looks_like"]), (&"other".into(), &looks_like.into()), "{contact}");
        assert!(page(&client, "/links").contains(words), "{words}");
        let checked = station.said(&["check"]).out;
        assert!(checked.contains(words), "{checked}");
    }
    assert!(!page(&client, "/links").contains("ttyACM0"));
    machine.unplug("ttyUSB3", "stick");
    wait_gone(&station, "ttyUSB3");
    // Who takes such ports away is named with the cure, on the page and by the check.
    for (unit, cure) in [
        ("brltty.service", "sudo apt remove brltty"),
        ("ModemManager.service", "sudo systemctl disable --now ModemManager"),
    ] {
        assert!(!page(&client, "/links").contains(cure), "{cure}");
        machine.runs(unit);
        assert!(page(&client, "/links").contains(cure), "{cure}");
        let checked = station.said(&["check"]).out;
        assert!(checked.contains(cure), "{checked}");
    }
}

#[test]
fn a_port_that_another_program_has_is_left_alone_and_without_a_box_the_check_asks() {
    let machine = Machine::new();
    let place = machine.plug("ttyUSB0", FTDI, "held");
    let gps = b"$GPRMC,092750.000,A,5321.6802,N,00630.3372,W,0.02,31.66,280511,,,A*43\r\n";
    let _speaker = Speaker::new(&place, gps, |_| None);
    let holder = File::options().read(true).write(true).open(&place).unwrap();
    rustix::fs::flock(&holder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut station = machine.station();
    let contact = wait_found(&station, "ttyUSB0")["contact"].clone();
    assert_eq!(contact["what"], "unopened", "{contact}");
    let client = Client::logged_in(&station, "anna");
    assert!(page(&client, "/links").contains("is held by"));
    // Whoever does not want adapters to be asked says so.
    station.set(&[("box.first_contact", "no")]);
    wait_gone(&station, "ttyUSB0");
    assert_eq!(station.stop(), 0);
    drop(holder);
    let check = || {
        let mut check = Command::new(SATPOST);
        check.args(["check", "--data", station.folder.to_str().unwrap()]).env("SATPOST_DEVICES", machine.root());
        String::from_utf8_lossy(&check.output().unwrap().stdout).into_owned()
    };
    let said = check();
    assert!(!said.contains("looks like"), "the owner forbade it: {said}");
    station.set(&[("box.first_contact", "yes")]);
    let said = check();
    assert!(said.contains("looks like a GPS receiver"), "{said}");
}
