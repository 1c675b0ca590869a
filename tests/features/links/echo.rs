//! A box that has a modem and, besides, the account ashore that hears this modem: what it sent comes back to it, and is left
//! out. Taken for a packet of a far box it would be sent on, come back, and be sent on again. Once the modem is elsewhere, what
//! comes from it is somebody else's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::both::Both;
use crate::link::sbd::scene::{IMT, LONG, Scene, Service, TERMINAL};
use crate::support::shore::{classic, hex};
use crate::support::web::Client;
use crate::support::{DEVICE, SECOND_DEVICE, SOON, Station, World, has_gone, wait_for};

/// Gives a box the account of the Hive besides its modem.
fn add_hive(world: &World, station: &Station) {
    let hive = ["link", "add", "hive", "hive", "link.price", "0", "hive.url", &world.hive_url, "hive.user", "u"];
    station.cli_ok(&[&hive[..], &["hive.password", "p", "hive.poll", "1"]].concat(), "");
}

/// Packets that the Hive has from devices.
fn uplinks(world: &World) -> Vec<Value> {
    let all = world.hive_says("messages").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    all.filter(|packet| packet["direction"] == 1).collect()
}

/// Waits until the box has taken all packets of the Hive, of which there are at least so many.
fn taken_from_hive(world: &World, least: usize) {
    wait_for("the packets of the Hive to be taken", 4 * SOON, || {
        let all = uplinks(world);
        (all.len() >= least && all.iter().all(|packet| packet["status"] == 2)).then_some(())
    });
}

/// That nothing more happens cannot be waited for; that the box asked the Hive so often again can.
fn asks_again(world: &World, more: usize) {
    let asked = || world.hive_says("journal").iter().filter(|line| line.contains("GET")).count();
    let before = asked();
    wait_for("the Hive to be asked again", 2 * SOON, || (asked() >= before + more).then_some(()));
}

fn writes(station: &Station, text: &str) {
    station.cli_ok(&["send", "--from", "anna", "--text", text, "bob@world.example"], "");
}

/// Packets that the box took in.
fn packets_in(station: &Station) -> u64 {
    station.json(&["status"])["packets_in"].as_u64().unwrap()
}

/// The owner is told, where they look, that a link hears this modem.
fn owner_is_told(station: &Station, link: &str, modem: &str) {
    let check = station.said(&["check"]);
    let words = format!("link {link} hears this box's own modem ({modem})");
    assert!(check.out.contains(&words) && check.out.contains(&format!("satpost link off {link}")), "{}", check.out);
    assert!(station.log_text().contains(&words), "{}", station.log_text());
    let client = Client::logged_in(station, "anna");
    for path in [format!("/links/{link}"), "/".to_owned()] {
        let page = client.get(&path).body;
        assert!(page.contains(&format!("Link {link} hears this box&#x27;s own modem ({modem})")), "{path}: {page}");
    }
    assert_eq!(client.get("/").body.matches(&words.replace('\'', "&#x27;")).count(), 1, "it is an event, once");
}

/// The kill comes when the packet has left and nobody has heard of it. What other modems send is taken, and so is what another
/// box sends by this one.
#[test]
fn what_a_box_hears_of_its_own_modem_in_the_hive_is_left_out() {
    let world = World::start(&["--start", "running"]);
    let mut station = world.station();
    add_hive(&world, &station);
    station.cli_ok(&["link", "off", "hive"], "");
    station.start();
    writes(&station, "hello");
    wait_for("the message to leave", 4 * SOON, || (!world.on_air().is_empty()).then_some(()));
    station.kill();
    station.cli_ok(&["link", "on", "hive"], "");
    station.start();
    taken_from_hive(&world, 1);
    writes(&station, "hello again");
    taken_from_hive(&world, 2);
    asks_again(&world, 4);
    assert_eq!((world.on_air().len(), uplinks(&world).len()), (2, 2), "each packet went once");
    assert_eq!(station.messages().len(), 2, "{:#?}", station.messages());
    assert_eq!(station.json(&["far-box", "list"]), serde_json::json!([]), "there is no far box");
    assert_eq!(packets_in(&station), 0);
    wait_for("both to be known as sent", 4 * SOON, || station.messages().iter().all(has_gone).then_some(()));
    station.totals_balance();
    owner_is_told(&station, "hive", &format!("device {DEVICE}"));

    // The same bytes by another modem, and other bytes by this one, are somebody else's.
    station.cli_ok(&["settings", "set", "air.strangers", "hold"], "");
    let sent = STANDARD.decode(uplinks(&world)[0]["data"].as_str().unwrap()).unwrap();
    let other = classic(true, "bob@world.example", "of another box");
    for (device, payload, known) in [(SECOND_DEVICE, &sent, 1), (DEVICE, &other, 2)] {
        let said = world.hive_says(&format!("uplink {device} {}", hex(payload)));
        assert!(said[0].starts_with("ok"), "{said:?}");
        wait_for("it to be taken", 2 * SOON, || (packets_in(&station) == known).then_some(()));
    }
    let texts: Vec<_> = station.messages().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
    for (text, times) in [("hello", 2), ("of another box", 1)] {
        assert_eq!(texts.iter().filter(|known| *known == text).count(), times, "{texts:?}");
    }

    // The modem goes to another box, which sends the very same bytes: a packet of this kind has no number and no time.
    station.cli_ok(&["link", "off", "m138"], "");
    wait_for("the modem to be let go", SOON, || {
        station.status().filter(|status| status["links"]["m138"]["ready"] != true)
    });
    let said = world.hive_says(&format!("uplink {DEVICE} {}", hex(&sent)));
    assert!(said[0].starts_with("ok"), "{said:?}");
    wait_for("it to be taken", 2 * SOON, || (packets_in(&station) == 3).then_some(()));
    assert_eq!(station.messages().iter().filter(|message| message["text"] == "hello").count(), 3);
    // There is nothing left to do about it.
    let check = station.said(&["check"]).out;
    assert!(!check.contains("hears this box's own modem"), "{check}");
    let page = Client::logged_in(&station, "anna").get("/").body;
    assert!(!page.contains("Link hive hears this box"), "{page}");
}

/// A station with a modem of the other network and the account of its service.
fn hears_itself(scene: &Scene, service: &str, terminal: &str) {
    let mut station = scene.station();
    scene.add_account(&station);
    station.start();
    scene.calls(&station);
    for (texts, text) in ["hello", "hello again", "and again"].into_iter().enumerate() {
        writes(&station, text);
        wait_for("it to have left and been told", 2 * LONG, || {
            let told = scene.service("messages").iter().filter(|line| line.contains("\"told\":true")).count();
            (told > texts && scene.ups().len() == told && station.messages().iter().all(has_gone)).then_some(())
        });
        // The service may tell everything once more: this comes before what is told next.
        assert_eq!(scene.service("again"), ["ok"]);
    }
    assert_eq!(scene.ups().len(), 3, "each packet went once");
    assert_eq!(station.messages().len(), 3, "{:#?}", station.messages());
    assert_eq!(packets_in(&station), 0);
    assert_eq!(station.json(&["far-box", "list"]), serde_json::json!([]), "there is no far box");
    station.totals_balance();
    owner_is_told(&station, service, &format!("terminal {terminal}"));
}

#[test]
fn what_a_box_hears_of_its_own_sbd_modem_by_a_webhook_is_left_out() {
    hears_itself(&Scene::start(Service::Rockblock, "200"), "rockblock", TERMINAL);
}

#[test]
fn what_a_box_hears_of_its_own_sbd_modem_by_directip_is_left_out() {
    hears_itself(&Scene::start(Service::Directip, "200"), "directip", TERMINAL);
}

#[test]
fn what_a_box_hears_of_its_own_imt_modem_is_left_out() {
    hears_itself(&Scene::imt("200"), "cloudloop", IMT);
}

/// The far box of a gateway has the number of a modem that is plugged into the gateway: nothing is queued there for money.
#[test]
fn what_would_come_back_by_the_boxs_own_modem_is_not_sent() {
    let scene = Scene::start(Service::Rockblock, "200");
    let mut gateway = scene.gateway();
    let port = scene.folder.path("modem");
    gateway.cli_ok(&["link", "add", "boat", "sbd", "link.price", "0.01", "sbd.port", port.to_str().unwrap()], "");
    gateway.start();
    wait_for("the modem", LONG, || gateway.status().filter(|status| status["links"]["boat"]["ready"] == true));
    gateway.cli_ok(&["send", "--from", "olga", "--text", "hello", "anna@shore.example"], "");
    wait_for("the reason", LONG, || {
        let message = &gateway.messages()[0];
        let why = message["reason"].as_str().is_some_and(|why| why.contains("leads back to a modem of this box"));
        (message["state"] == "queued" && why).then_some(())
    });
    assert_eq!(scene.credits()[1], 0, "nothing was queued for it");
    // The modem is taken away, to be where the far box is.
    gateway.cli_ok(&["link", "remove", "boat"], "");
    wait_for("the message to go", LONG, || has_gone(&gateway.messages()[0]).then_some(()));
    assert!(scene.credits()[1] > 0);
}

/// The same where the far box has another way, that costs more: it is taken, also while the modem here sees no sky.
#[test]
fn a_far_box_with_the_number_of_a_modem_here_is_reached_by_its_other_way() {
    let both = Both::start(&["--start", "running"], &[], &[("patience.normal", "1")]);
    let gateway = &both.gateway;
    for (link, price) in [("hive", "0.01"), ("line", "0.07")] {
        gateway.cli_ok(&["link", "set", link, "link.price", price], "");
    }
    both.station.cli_ok(&["link", "off", "m138"], "");
    both.let_go("m138");
    let port = both.world.folder.path("modem");
    gateway.cli_ok(&["link", "add", "bench", "m138", "link.price", "0.07", "m138.port", port.to_str().unwrap()], "");
    let bench = |wanted: bool| {
        let is = |status: &Value| status["links"]["bench"]["ready"] == wanted;
        wait_for(&format!("the modem to be ready: {wanted}"), 4 * SOON, || gateway.status().filter(is));
    };
    bench(true);
    both.world.modem_says("notime on");
    bench(false);
    let send = |text: &str| {
        gateway.cli_ok(&["send", "--from", "olga", "--subject", text, "--text", text, "anna@shore.example"], "");
    };
    let by_hive = || {
        let all =
            both.world.hive_says("messages").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        all.filter(|packet| packet["direction"] != 1).count()
    };
    send("by the line");
    both.message(&both.station, "by the line", |message| message["state"] == "delivered");
    assert_eq!(by_hive(), 0);
    gateway.cli_ok(&["link", "off", "line"], "");
    send("waits");
    let waits = |message: &Value| {
        let why = message["reason"].as_str().is_some_and(|why| why.contains("leads back to a modem of this box"));
        message["state"] == "queued" && why
    };
    both.message(gateway, "waits", waits);
    assert_eq!(by_hive(), 0);
    gateway.cli_ok(&["link", "off", "bench"], "");
    both.message(gateway, "waits", |message| message["state"] != "queued");
    assert!(by_hive() > 0);
}
