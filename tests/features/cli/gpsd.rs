//! A box whose GPS receiver hangs on gpsd: place and time come from there, with their age.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use testing::Guest;

use crate::support::gpsd::{Gpsd, Says};
use crate::support::web::Client;
use crate::support::{Folder, Station, wait_for};

/// The box asks twice a minute.
const LONG: Duration = Duration::from_secs(100);

fn wait_state(station: &Station, words: &Value) -> Value {
    wait_for(&format!("gpsd to be {words}"), LONG, || {
        let gps = station.status()?["gps"].clone();
        (gps["state"] == *words).then_some(gps)
    })
}

#[test]
fn place_and_time_come_from_gpsd_with_their_age() {
    let gpsd = Gpsd::start(Says::Old);
    let folder = Folder::new();
    let station = Station::new(&folder, "station", &[("box.domain", "boat.example")], &["anna"]).started();
    let client = Client::logged_in(&station, "anna");
    assert!(
        client.get("/position").body.contains("a GPS receiver at this box"),
        "nothing is known, and what would tell it is named"
    );
    assert_eq!(station.status().unwrap()["gps"], Value::Null);
    // A report that does not move on may be one that gpsd has kept: neither place nor time is taken from it.
    station.set(&[("gpsd.address", &gpsd.address)]);
    assert_eq!(wait_state(&station, &"no_fix".into())["place"], Value::Null);
    gpsd.says(Says::Fix);
    let place = wait_state(&station, &"fix".into())["place"].clone();
    assert_eq!((place[0].as_f64(), place[1].as_f64()), (Some(38.5312), Some(-28.6243)));
    let page = client.get("/position").body;
    assert!(page.contains("38.5312\u{b0}\u{a0}N") && page.contains("gpsd knows place and time"), "{page}");
    assert!(station.said(&["check"]).out.contains("gpsd knows place and time"));
    // It is kept when the receiver has gone, with the time that it was known.
    gpsd.says(Says::NoFix);
    assert_eq!(wait_state(&station, &"no_fix".into())["place"], place);
    assert!(client.get("/position").body.contains("38.5312\u{b0}\u{a0}N"));
    station.set(&[("gpsd.address", "127.0.0.1:1")]);
    wait_for("that nobody answers", LONG, || {
        let status = station.status()?;
        status["gps"]["state"]["unreachable"].as_str().filter(|why| why.contains("127.0.0.1:1")).map(|_| ())
    });
    let says = station.said(&["check"]).out;
    assert!(says.contains("check gpsd.address"), "{says}");
    station.set(&[("gpsd.address", "")]);
    wait_for("it to be asked no more", LONG, || (station.status()?["gps"] == Value::Null).then_some(()));
}

/// Starts a program of others.
fn other(program: &str, words: &[&str]) -> Guest {
    let child =
        Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Guest(child.unwrap())
}

/// A sentence of NMEA 0183 with its sum.
fn sentence(words: &str) -> String {
    format!("${words}*{:02X}\r\n", words.bytes().fold(0, |sum, byte| sum ^ byte))
}

/// A receiver at the Azores, as it reports each second.
fn receiver() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accepting = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        let (_clock, ticks) = std::sync::mpsc::channel::<()>();
        for mut line in accepting.incoming().flatten() {
            loop {
                let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
                let (time, day) = (now.strftime("%H%M%S.00"), now.strftime("%d%m%y"));
                let place = "3831.8720,N,02837.4580,W";
                let said = [
                    sentence(&format!("GPGGA,{time},{place},1,08,0.9,52.1,M,46.9,M,,")),
                    sentence("GPGSA,A,3,04,05,09,12,24,25,29,31,,,,,1.8,0.9,1.5"),
                    sentence(&format!("GPRMC,{time},A,{place},000.5,054.7,{day},,,A")),
                ];
                if line.write_all(said.concat().as_bytes()).is_err() {
                    break;
                }
                let _ = ticks.recv_timeout(Duration::from_secs(1));
            }
        }
    });
    listener
}

/// The daemon itself, with a receiver on a serial line: it opens that when the box asks, which takes seconds, and without one it
/// says so at once.
#[test]
#[ignore = "needs gpsd and socat, which tests/run installs"]
fn the_daemon_itself_tells_place_and_time() {
    let (receiver, folder) = (receiver(), Folder::new());
    let (tty, line) = (folder.path("tty"), format!("tcp:{}", receiver.local_addr().unwrap()));
    let pty = format!("pty,raw,echo=0,mode=666,link={}", tty.display());
    let _line = other("socat", &[&pty, &line]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let device = wait_for("the serial line", LONG, || std::fs::canonicalize(&tty).ok());
    // It gives up its rights, and the folder of a test is nobody else's.
    let daemon = other("gpsd", &["-N", "-S", &port, device.to_str().unwrap()]);
    let station = Station::new(&folder, "station", &[("box.domain", "boat.example")], &["anna"]).started();
    let address = format!("127.0.0.1:{port}");
    wait_for("the daemon to listen", LONG, || std::net::TcpStream::connect(&address).ok());
    station.set(&[("gpsd.address", &address)]);
    // The first look waits until the line is open.
    let first =
        wait_for("the first look", LONG, || Some(station.status()?["gps"].clone()).filter(|gps| !gps.is_null()));
    assert_eq!(first["state"], "fix", "{first}");
    let (north, east) = (first["place"][0].as_f64().unwrap(), first["place"][1].as_f64().unwrap());
    assert!((north - 38.5312).abs() < 1e-4 && (east + 28.6243).abs() < 1e-4, "{first}");
    assert!(station.said(&["check"]).out.contains("gpsd knows place and time"));
    drop(daemon);
    let _daemon = other("gpsd", &["-N", "-S", &port, "/dev/nothing"]);
    wait_for("that there is no receiver", LONG, || {
        let gps = station.status()?["gps"].clone();
        gps["state"]["unreachable"].as_str().filter(|why| why.contains("no receiver is attached")).map(|_| ())
    });
}
