//! Where the boat is, for who owns the gateway: a few bytes that ride for nothing, an answer to a question, and one sent by
//! hand; on the map and in a file, and on both bills.

use serde_json::Value;

use super::scene::{LONG, Scene, Service, TERMINAL, bill};
use super::{answer, wait_in_mailbox, wait_mail, write};
use crate::support::gpsd::{Gpsd, Says};
use crate::support::web::Client;
use crate::support::{Station, wait_for};

/// Waits until the station knows that it is there.
fn sails(station: &Station, gpsd: &Gpsd, north: f64) {
    gpsd.says(Says::Here(north, -28.6243));
    wait_for(&format!("the station to be at {north}"), LONG, || {
        let place = station.status()?["gps"]["place"].clone();
        (place[0].as_f64() == Some(north)).then_some(())
    });
}

/// Waits until the gateway knows the boat there.
fn wait_seen(gateway: &Station, north: f64) {
    wait_for(&format!("the gateway to know of {north}"), LONG, || {
        let shown = gateway.json(&["position", "show"]);
        (shown["far_boxes"][0]["place"]["latitude"].as_f64() == Some(north)).then_some(())
    });
}

/// Waits until both bills are what the service counted; credits up and down.
fn bills(scene: &Scene, station: &Station, gateway: &Station) -> (u64, u64) {
    wait_for("both bills", LONG, || {
        let [up, down, mailbox] = scene.credits();
        (bill(station) == up + mailbox && bill(gateway) == down).then_some((up, down))
    })
}

#[test]
fn a_position_rides_for_nothing_is_asked_for_and_sent_by_hand() {
    let scene = Scene::start(Service::Rockblock, "2000");
    let gpsd = Gpsd::start(Says::NoFix);
    let station = scene.station_with(&[("air.position", "yes"), ("gpsd.address", &gpsd.address)]).started();
    let gateway = scene.gateway().started();
    scene.calls(&gateway);
    // By hand nothing goes to a box that has not said that it takes positions.
    let refused = station.said(&["position", "send"]);
    assert!(refused.code != 0 && refused.err.contains("takes no positions"), "{refused:?}");
    write(&station, "From the boat");
    wait_mail(&scene, "From the boat");
    answer(&gateway, "Re: From the boat");
    wait_in_mailbox(&station, "Re: From the boat");
    // Nor while nobody knows where the boat is: it would leave days later, from another place.
    let refused = station.said(&["position", "send"]);
    assert!(refused.code != 0 && refused.err.contains("not known where this box is"), "{refused:?}");

    // It rides with a message that leaves room in its credits: its bytes are nowhere on the bill.
    sails(&station, &gpsd, 38.5312);
    let (up, down) = bills(&scene, &station, &gateway);
    let text = ["send", "--from", "anna", "--subject", "Second", "--text", "All well.", "bob@world.example"];
    let told = station.json(&[&text[..1], &["--dry-run"], &text[1..]].concat())[0].clone();
    station.cli_ok(&text, "");
    wait_mail(&scene, "Second");
    wait_seen(&gateway, 38.5312);
    let (after, still) = bills(&scene, &station, &gateway);
    assert_eq!((after - up, still), (told["credits"].as_u64().unwrap(), down), "{told}");

    // The owner of the gateway asks: a packet each way.
    sails(&station, &gpsd, 39.25);
    let far_box = format!("imei:{TERMINAL}");
    let said = gateway.cli_ok(&["position", "ask", &far_box], "");
    assert!(said.contains("4 bytes, 1 credit: 0.01 USD"), "{said}");
    wait_seen(&gateway, 39.25);
    assert_eq!(bills(&scene, &station, &gateway), (after + 1, down + 1));

    // By hand, on the page; it says before what that costs.
    sails(&station, &gpsd, 40.5);
    let mut page = Client::logged_in(&station, "anna");
    let shown = page.get("/position").body;
    assert!(shown.contains("12 bytes, 1 credit: 0.01 USD") && shown.contains("39.2500"), "{shown}");
    let token = page.token("/position");
    let answer = page.form("/position/send", &format!("csrf={token}"), &page.own());
    assert_eq!(answer.status, 303, "{answer:?}");
    wait_seen(&gateway, 40.5);
    assert_eq!(bills(&scene, &station, &gateway), (after + 2, down + 1));

    // The track is on a map of the gateway and in a file, for who runs it.
    let number = gateway.json(&["far-box", "list"])[0]["number"].to_string();
    let olga = Client::logged_in(&gateway, "olga");
    let map = olga.get(&format!("/far-boxes/{number}/position")).body;
    assert!(map.contains("<svg class=\"chart map\"") && map.contains("40.5000\u{b0}\u{a0}N"), "{map}");
    let one = olga.get(&format!("/far-boxes/{number}")).body;
    assert!(one.contains("40.5000\u{b0}\u{a0}N") && one.contains("Ask where it is"), "{one}");
    let file = olga.get(&format!("/far-boxes/{number}/track.gpx?days=7")).body;
    // Two that fall into one minute are one place.
    assert!((1..=3).contains(&file.matches("<trkpt lat=").count()), "{file}");
    assert!(file.contains("<trkpt lat=\"40.5000\" lon=\"-28.6243\">"), "{file}");
    let command = gateway.cli_ok(&["position", "track", &far_box, "--gpx"], "");
    assert_eq!(command.trim_end(), file.trim_end());
    let own = station.cli_ok(&["position", "track", "--gpx"], "");
    assert!(own.contains("lat=\"40.5000\""), "{own}");
    let shown: Value = station.json(&["position", "show"]);
    assert_eq!((&shown["told"]["bytes"], &shown["told"]["credits"]), (&12.into(), &1.into()), "{shown}");
    station.totals_balance();
    gateway.totals_balance();
}
