//! A box whose GPS receiver hangs on gpsd: place and time come from there, with their age.

use std::time::Duration;

use serde_json::Value;

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
