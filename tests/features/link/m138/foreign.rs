//! Something else than a modem at the port: it is named, and gets nothing but the question who it is.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::support::command::link_of;
use crate::support::{Folder, SOON, Station, pause, wait_for};

/// A device that says one line again and again; gives its port, and what it was told.
fn device(line: &'static str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    // A device does not hear what it says itself, as a terminal would.
    let mut terminal = tcgetattr(&master).unwrap();
    terminal.make_raw();
    tcsetattr(&master, OptionalActions::Now, &terminal).unwrap();
    let port = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    // Lives as long as the test program, which is short.
    thread::spawn(move || {
        let mut line_ends = File::from(master);
        loop {
            let mut piece = [0; 256];
            match line_ends.read(&mut piece) {
                Ok(length) => heard.lock().unwrap().extend_from_slice(&piece[..length]),
                // EIO: nobody has the port open at present.
                Err(error) => assert!(error.kind() != ErrorKind::InvalidInput, "{error}"),
            }
            let _ = line_ends.write_all(line.as_bytes());
            pause();
        }
    });
    (port, told)
}

fn is_named_and_left_alone(line: &'static str, name: &str) {
    let (port, told) = device(line);
    let folder = Folder::new();
    let settings = [
        ("box.domain", "boat.example"),
        ("box.reach", "satellite"),
        ("link.driver", "m138"),
        ("m138.port", port.as_str()),
    ];
    let station = Station::new(&folder, "station", &settings, &["anna"]).started();
    let words = wait_for("the device to be named", SOON, || {
        let words = link_of(&station.status()?)["words"].as_str()?.to_owned();
        words.contains(name).then_some(words)
    });
    assert!(words.contains("not like the modem of this link"), "{words}");
    let told = String::from_utf8_lossy(&told.lock().unwrap()).into_owned();
    let lines: Vec<_> = told.split(['\r', '\n']).filter(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.starts_with("$CS*")), "{lines:?}");
}

scenes!(is_named_and_left_alone:
    gps("$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76\r\n", "a GPS receiver"),
    ais("!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n", "an AIS receiver"),
    console("\r\ndebian login: ", "a serial console"),
);
