//! The set-up says what is still missing, and calls nothing done that was not proven.

use crate::support::web::Client;
use crate::support::{Folder, SOON, Station, wait_for};

/// A gateway chooses a service that it has no log-in for: the step stays open and says what to set, and the link is not ready.
#[test]
fn a_link_that_lacks_its_settings_is_no_step_that_is_done() {
    let folder = Folder::new();
    let station =
        Station::new(&folder, "shore", &[("box.reach", "internet"), ("box.domain", "shore.example")], &["anna"]);
    station.cli_ok(&["people", "edit", "anna", "--role", "owner"], "");
    let station = station.started();
    let mut anna = Client::logged_in(&station, "anna");
    let first = anna.get("/setup/link").body;
    assert!(first.contains("value=\"rockblock\" selected"), "what a gateway can have is offered: {first}");
    assert!(!first.contains("First link<span class=sr>, done"), "{first}");

    let answer = anna.post("/setup/link", "driver=rockblock&do=choose");
    assert_eq!((answer.status, answer.header("location")), (303, "/setup/link?test=1"));
    let page = wait_for("what is missing", SOON, || {
        let page = anna.get("/setup/link?test=1").body;
        (page.contains("not ready") && page.contains("no RockBLOCK user is set")).then_some(page)
    });
    for words in ["set rockblock.path", "set sms.public_url", "until it has a price", "First link<span class=sr>, open"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Serial ports of this machine"), "it has none");
    let link = station.json(&["link", "show", "rockblock"]);
    assert_eq!((&link["settings"]["link.unit"], &link["ready"]), (&"credit".into(), &false.into()), "{link}");

    let all = ["rockblock.user", "u", "rockblock.path", "0123456789abcdef", "link.price", "0.12"];
    station.cli_ok(&[&["link", "set", "rockblock"], &all[..]].concat(), "");
    station.cli_ok(&["link", "set", "rockblock", "rockblock.password"], "p");
    station.cli_ok(&["settings", "set", "sms.public_url", "https://box.example.net"], "");
    wait_for("the step to be done", SOON, || {
        anna.get("/setup/link").body.contains("First link<span class=sr>, done").then_some(())
    });
}

/// What is plugged in later, or chosen by name, begins with what its network charges for.
#[test]
fn a_new_link_charges_as_its_network_does() {
    let folder = Folder::new();
    let station = Station::new(&folder, "boat", &[("box.domain", "boat.example")], &["anna"]);
    for (driver, unit) in [("sbd", "credit"), ("imt", "byte"), ("cloudloop", "credit"), ("m138", "packet")] {
        station.cli_ok(&["link", "add", driver, driver, "link.price", "0.1"], "");
        assert_eq!(station.json(&["link", "show", driver])["settings"]["link.unit"], unit, "{driver}");
    }
    station.cli_ok(&["link", "add", "other", "cloudloop", "link.unit", "byte"], "");
    assert_eq!(station.json(&["link", "show", "other"])["settings"]["link.unit"], "byte");
}
