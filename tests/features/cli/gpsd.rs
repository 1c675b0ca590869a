//! A box whose GPS receiver hangs on gpsd: place and time come from there, with their age.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::web::Client;
use crate::support::{Folder, Station, wait_for};

/// The box asks twice a minute.
const LONG: Duration = Duration::from_secs(100);

/// What the daemon says: no receiver, a receiver without a fix, old reports only, a fix.
const SILENT: u8 = 0;
const NO_FIX: u8 = 1;
const OLD: u8 = 2;
const FIX: u8 = 3;

/// Serves a client as gpsd does: it reports while that is wanted.
fn serve(stream: TcpStream, says: &AtomicU8) {
    let mut to = stream.try_clone().unwrap();
    let mut seconds = 0;
    if to.write_all(b"{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n").is_err() {
        return;
    }
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        let _ = to.write_all(b"{\"class\":\"DEVICES\",\"devices\":[]}\r\n{\"class\":\"WATCH\",\"enable\":true}\r\n");
        if !line.contains("\"json\":true") {
            continue;
        }
        for _ in 0..3 {
            seconds += 1;
            let (mode, second) = match says.load(Ordering::Relaxed) {
                SILENT => break,
                NO_FIX => (1, seconds),
                OLD => (3, 0),
                _ => (3, seconds),
            };
            let time = format!("2026-11-23T10:{:02}:{:02}.000Z", second / 60, second % 60);
            let place = "\"lat\":38.531200,\"lon\":-28.624300,\"altHAE\":52.1";
            let report = format!(
                "{{\"class\":\"TPV\",\"device\":\"/dev/ttyACM0\",\"mode\":{mode},\"time\":\"{time}\",{place}}}\r\n"
            );
            // A client that has left is the end of it.
            if to.write_all(report.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn wait_state(station: &Station, words: &Value) -> Value {
    wait_for(&format!("gpsd to be {words}"), LONG, || {
        let gps = station.status()?["gps"].clone();
        (gps["state"] == *words).then_some(gps)
    })
}

#[test]
fn place_and_time_come_from_gpsd_with_their_age() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let says = Arc::new(AtomicU8::new(OLD));
    let said = Arc::clone(&says);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || serve(stream, &said));
        }
    });
    let folder = Folder::new();
    let station = Station::new(&folder, "station", &[("box.domain", "boat.example")], &["anna"]).started();
    let client = Client::logged_in(&station, "anna");
    assert!(client.get("/position").body.contains("gpsd.address"), "nothing is known, and what would tell it is named");
    assert_eq!(station.status().unwrap()["gps"], Value::Null);
    // A report that does not move on may be one that gpsd has kept: neither place nor time is taken from it.
    station.set(&[("gpsd.address", &address)]);
    assert_eq!(wait_state(&station, &"no_fix".into())["place"], Value::Null);
    says.store(FIX, Ordering::Relaxed);
    let place = wait_state(&station, &"fix".into())["place"].clone();
    assert_eq!((place[0].as_f64(), place[1].as_f64()), (Some(38.5312), Some(-28.6243)));
    let page = client.get("/position").body;
    assert!(page.contains("38.5312\u{b0}\u{a0}N") && page.contains("gpsd knows place and time"), "{page}");
    assert!(station.said(&["check"]).out.contains("gpsd knows place and time"));
    // It is kept when the receiver has gone, with the time that it was known.
    says.store(NO_FIX, Ordering::Relaxed);
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
