//! A gateway with two ways to one far box: the internet while the station calls, the satellite while it does not.

use serde_json::Value;

use crate::support::shore::Shore;
use crate::support::web::Client;
use crate::support::{DEVICE, SOON, Station, wait_for};

/// Writes to the far box; the names of the links that took it, once it has left.
fn sent(gateway: &Station, words: &str) -> Value {
    let said = gateway.cli_ok(&["send", "--from", "olga", "--text", words, "--json", "anna@shore.example"], "");
    let id = serde_json::from_str::<Value>(&said).unwrap()[0]["id"].as_str().unwrap().to_owned();
    wait_for(&format!("{words} to be on its way"), 2 * SOON, || {
        let packets = gateway.json(&["queue", "show", &id])["packets"].clone();
        let left = |packet: &Value| packet["state"].as_str().is_some_and(|state| state != "planned");
        packets
            .as_array()
            .is_some_and(|all| !all.is_empty() && all.iter().all(left))
            .then(|| packets[0]["link"].clone())
    })
}

#[test]
fn a_station_that_is_away_is_reached_by_satellite() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[("patience.normal", "1")], &["olga", &format!("anna={DEVICE}")]);
    gateway.cli_ok(&["link", "set", "hive", "link.price", "0.07"], "");
    gateway.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
    gateway.cli_ok(&["settings", "set", "ip.listen", "127.0.0.1:0"], "");
    let gateway = gateway.started();
    let settings =
        [("box.name", "boat"), ("box.domain", "boat.example"), ("box.reach", "satellite"), ("link.driver", "ip")];
    let mut station = Station::new(&shore.folder, "station", &settings, &["ben"]).started();
    let code = gateway.cli_ok(&["pair", "new"], "");
    station.cli_ok(&["pair", "join", &gateway.listener("ip").to_string(), code.trim()], "");
    let key = gateway.json(&["pair", "list"])[0]["key"].as_str().unwrap().to_owned();
    gateway.cli_ok(&["far-box", "set", DEVICE, "--add-address", &key], "");
    let connected = |wanted: &str| {
        wait_for(&format!("the gateway to say {wanted}"), 2 * SOON, || {
            let status = gateway.status()?;
            status["links"]["line"]["words"].as_str().filter(|words| words.starts_with(wanted)).map(|_| ())
        });
    };
    connected("1 of 1");
    assert_eq!(sent(&gateway, "while it calls"), "line");
    station.stop();
    connected("0 of 1");
    assert_eq!(sent(&gateway, "while it is away"), "hive");
    wait_for("the packet at the Hive", SOON, || (shore.to_device(6846).len() == 1).then_some(()));
    station.launch();
    connected("1 of 1");
    assert_eq!(sent(&gateway, "while it calls again"), "line");
    assert_eq!(shore.to_device(6846).len(), 1);
    gateway.totals_balance();
}

/// A station that is known by its modem is paired: it is one far box with two ways, and the link that it calls is there.
#[test]
fn a_pairing_adds_a_way_to_the_far_box_that_it_is_for() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", &format!("anna={DEVICE}")]);
    gateway.cli_ok(&["link", "set", "hive", "link.price", "0.07"], "");
    gateway.cli_ok(&["settings", "set", "ip.listen", "127.0.0.1:0"], "");
    let gateway = gateway.started();
    let settings = [("box.name", "boat"), ("box.domain", "boat.example"), ("link.driver", "ip")];
    let station = Station::new(&shore.folder, "station", &settings, &["ben"]).started();
    let wrong = gateway.said(&["pair", "new", "--far-box", "nobody"]);
    assert!(wrong.err.contains("there is no far box 'nobody'"), "{}", wrong.err);
    let said = gateway.said(&["pair", "new", "--far-box", DEVICE]);
    assert!(said.err.contains("Its line is a link of this box"), "{}", said.err);
    station.cli_ok(&["pair", "join", &gateway.listener("ip").to_string(), said.out.trim()], "");

    let far_boxes = gateway.json(&["far-box", "list"]);
    let far_boxes = far_boxes.as_array().unwrap();
    assert_eq!(far_boxes.len(), 1, "{far_boxes:?}");
    let key = gateway.json(&["pair", "list"])[0]["key"].clone();
    assert!(far_boxes[0]["addresses"].as_array().unwrap().contains(&key), "{far_boxes:?}");
    let again = gateway.said(&["pair", "new"]);
    assert!(again.err.contains("satpost link set ip link.price 0"), "{}", again.err);
    gateway.cli_ok(&["link", "set", "ip", "link.price", "0"], "");
    wait_for("the station to call", 2 * SOON, || {
        let status = gateway.status()?;
        status["links"]["ip"]["words"].as_str().filter(|words| words.starts_with("1 of 1")).map(|_| ())
    });
    assert_eq!(sent(&gateway, "by the line"), "ip");
    // The page offers what no line leads to yet.
    let page = Client::logged_in(&gateway, "olga").get("/pair").body;
    assert!(!page.contains("name=far_box"), "{page}");
}
