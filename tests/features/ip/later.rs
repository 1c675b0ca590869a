//! The rest of a mail that went as text: told, offered with its price, asked for by page, command or the box itself.

use serde_json::Value;

use super::{Sea, mail, on_the_wire};
use crate::support::web::Client;
use crate::support::{DEVICE, Imap, SOON, Station, World, send, wait_for};

/// The message at sea with this subject, once it knows that there is more.
fn told(station: &Station, subject: &str) -> Value {
    wait_for("the box at sea to be told of the rest", 4 * SOON, || {
        let shown = |message: Value| station.json(&["queue", "show", message["id"].as_str().unwrap()]);
        let found = station.messages().into_iter().find(|message| message["subject"] == subject).map(shown);
        found.filter(|message| message["whole"]["state"]["is"] == "there")
    })
}

fn mails(station: &Station) -> Vec<String> {
    let mut imap = Imap::open(station.listener("imap"), "anna", "INBOX");
    let uids = imap.uids();
    uids.iter().map(|uid| String::from_utf8(imap.fetch(*uid, "")).unwrap()).collect()
}

fn wait_two(station: &Station) -> Vec<String> {
    let all = wait_for("the whole mail at sea", 6 * SOON, || Some(mails(station)).filter(|all| all.len() >= 2));
    assert_eq!(all.len(), 2);
    all
}

impl Sea {
    /// The gateway's link is set, and the line is there again.
    fn set_ashore(&self, key: &str, value: &str) {
        let (before, name) = (self.counts().connections, link_name(&self.gateway));
        self.gateway.cli_ok(&["link", "set", &name, key, value], "");
        wait_for("the line to be there again", 2 * SOON, || (self.counts().connections > before).then_some(()));
        self.wait_up();
    }
}

fn link_name(station: &Station) -> String {
    station.json(&["link", "list"])[0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_larger_than_the_limit_comes_when_it_is_asked_for() {
    let mut sea = Sea::with_anna(&["--rate", "4000000"], &[]);
    sea.set_ashore("ip.whole", "50");
    let written = sea.world_writes("large", 200_000);
    let text = told(&sea.station, "large");
    let before = mails(&sea.station);
    assert!(before.len() == 1 && before[0].contains("Look at this.") && !before[0].contains("image/jpeg"));
    let id = text["id"].as_str().unwrap().to_owned();
    let offer = sea.station.cli_ok(&["queue", "whole", &id, "--dry-run"], "");
    assert!(offer.contains("kB on the line") && offer.contains("for 0.00 USD"), "{offer}");
    assert_eq!(mails(&sea.station).len(), 1);
    let down = sea.counts().down;
    sea.station.cli_ok(&["queue", "whole", &id], "");
    // Both boxes are killed while it comes.
    let more = |sea: &Sea, bytes: u64| {
        wait_for("some of it to come", 2 * SOON, || (sea.counts().down > down + bytes).then_some(()));
    };
    more(&sea, 40_000);
    sea.station.kill();
    sea.station.start();
    more(&sea, 100_000);
    sea.gateway.kill();
    sea.gateway.start();
    sea.lead_to_gateway();
    let all = wait_two(&sea.station);
    assert_eq!(all[0], before[0], "what a mail program was shown does not change");
    assert!(all[1].contains(&written));
    let came = sea.counts().down - down;
    assert!(came < 200_000 + 2 * 128_000 + 80_000, "{came} bytes");
    let again = sea.station.cli(&["queue", "whole", &id], "");
    assert!(!again.status.success());
    sea.station.totals_balance();
    sea.gateway.totals_balance();
}

/// The satellite carries the text; when the two meet over the internet the box at sea is told of the rest, and its reader
/// gets it on the page of the message, where the price stands.
#[test]
fn what_went_by_satellite_comes_whole_over_a_line_when_its_reader_asks() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway());
    gateway.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
    gateway.cli_ok(&["settings", "set", "ip.listen", "127.0.0.1:0"], "");
    let gateway = gateway.started();
    let written = mail("mum@example.org", "anna@shore.example", "sky", 30_000);
    let reply = send(&gateway, None, "mum@example.org", "anna@shore.example", &written);
    assert!(reply.starts_with("250"), "{reply}");
    wait_for("the text at sea", 6 * SOON, || (mails(&station).len() == 1).then_some(()));
    station.cli_ok(&["link", "add", "line", "ip", "link.price", "0.000001", "link.unit", "byte"], "");
    let code = gateway.cli_ok(&["pair", "new"], "");
    station.cli_ok(&["pair", "join", &gateway.listener("ip").to_string(), code.trim()], "");
    let key = gateway.json(&["pair", "list"])[0]["key"].as_str().unwrap().to_owned();
    gateway.cli_ok(&["far-box", "set", DEVICE, "--add-address", &key], "");
    let id = told(&station, "sky")["id"].as_str().unwrap().to_owned();
    let mut anna = Client::logged_in(&station, "anna");
    let page = anna.get(&format!("/mailbox/{id}"));
    assert!(page.body.contains("Get the whole mail") && page.body.contains("line brings it now, for 0.0"), "{page:?}");
    let answer = anna.post(&format!("/mailbox/{id}"), "");
    assert_ne!(answer.status, 303, "only its own button asks");
    let token = anna.token(&format!("/mailbox/{id}"));
    let own = anna.own();
    assert_eq!(anna.form(&format!("/messages/{id}/whole"), &format!("csrf={token}"), &own).status, 303);
    let all = wait_two(&station);
    assert!(all[1].contains(&on_the_wire(&written)));
    // What came is booked on the link that brought it.
    let spent = station.json(&["link", "show", "line"]);
    assert!(spent.to_string().contains("0.02") || spent.to_string().contains("0.03"), "{spent}");
    station.totals_balance();
    gateway.totals_balance();
}

#[test]
fn a_free_line_brings_the_rest_by_itself_where_that_is_switched_on() {
    let sea = Sea::with_anna(&[], &[("air.get_whole", "yes")]);
    sea.set_ashore("ip.whole", "20");
    let written = sea.world_writes("itself", 60_000);
    let all = wait_two(&sea.station);
    assert!(all[1].contains(&written));
    sea.station.totals_balance();
}

/// A mail that is removed before it is asked for is said to be gone.
#[test]
fn what_is_not_there_any_more_is_told() {
    let sea = Sea::with_anna(&[], &[]);
    sea.set_ashore("ip.whole", "20");
    sea.world_writes("removed", 60_000);
    let id = told(&sea.station, "removed")["id"].as_str().unwrap().to_owned();
    sea.gateway.cli_ok(&["people", "erase", "anna"], "");
    sea.station.cli_ok(&["queue", "whole", &id], "");
    wait_for("it to be gone", 3 * SOON, || {
        let shown = sea.station.json(&["queue", "show", &id]);
        (shown["whole"]["state"]["is"] == "gone").then_some(())
    });
}
