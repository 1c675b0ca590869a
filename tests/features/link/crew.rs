//! Several people behind one modem: each of them writes and reads as themselves, ashore and at sea.

use serde_json::Value;

use crate::support::{SOON, Station, World, send, wait_for};

struct Scene {
    world: World,
    station: Station,
    gateway: Station,
}

impl Scene {
    /// A station with anna and bob, and a gateway that knows anna's modem; both have met.
    fn start(newcomers: &str) -> Self {
        let world = World::start(&[]);
        let (station, gateway) = (world.station(), world.gateway());
        station.cli_ok(&["people", "add", "bob"], "");
        gateway.cli_ok(&["far-box", "set", "0x001abe", "--name", "Vela", "--newcomers", newcomers], "");
        let scene = Self { world, station: station.started(), gateway: gateway.started() };
        scene.write("anna", "bob@world.example", "First");
        scene.mail_with("First");
        scene.answer("anna", "Hello");
        scene
    }

    fn write(&self, who: &str, to: &str, text: &str) -> String {
        let sent = self.station.json(&["send", "--from", who, "--subject", "Boat", "--text", text, to]);
        sent[0]["id"].as_str().unwrap().to_owned()
    }

    /// The mail with this text at the server of the internet.
    fn mail_with(&self, text: &str) -> Value {
        wait_for(&format!("the mail '{text}'"), 4 * SOON, || {
            self.world.mails().into_iter().find(|mail| mail["data"].as_str().unwrap().contains(text))
        })
    }

    /// Somebody writes from ashore, and it arrives at sea.
    fn answer(&self, name: &str, text: &str) -> Value {
        self.write_ashore(name, text);
        wait_for(&format!("'{text}' at sea"), 4 * SOON, || {
            self.station.messages().into_iter().find(|m| m["body"] == text && m["state"] == "delivered")
        })
    }

    fn write_ashore(&self, name: &str, text: &str) {
        let (from, to) = ("mum@world.example", format!("{name}@shore.example"));
        let mail = format!("From: {from}\nSubject: Re: Boat\n\n{text}\n");
        let reply = send(&self.gateway, None, from, &to, &mail);
        assert!(reply.starts_with("250"), "{reply}");
    }

    fn at_sea(&self, id: &str, state: &str) -> Value {
        wait_for(&format!("{id} to be {state} at sea"), 4 * SOON, || {
            Some(self.station.json(&["queue", "show", id])).filter(|message| message["state"] == state)
        })
    }

    fn balanced(&self) {
        self.station.totals_balance();
        self.gateway.totals_balance();
    }
}

#[test]
fn each_of_a_crew_has_an_address_and_a_mailbox() {
    let scene = Scene::start("allow");
    let written = scene.write("bob", "mum@world.example", "Bob at sea");
    assert_eq!(scene.mail_with("Bob at sea")["from"], "bob@shore.example");
    assert_eq!(scene.mail_with("First")["from"], "anna@shore.example");
    let answer = scene.answer("bob", "For bob alone");
    assert_eq!(answer["to"], "bob@boat.example");
    assert_eq!(scene.answer("anna", "For anna alone")["to"], "anna@boat.example");
    scene.at_sea(&written, "delivered");

    // What fails ashore comes back to who wrote it.
    let failed = scene.write("bob", "nobody@shore.example", "Is anybody there");
    wait_for("the message ashore", 4 * SOON, || {
        scene.gateway.messages().into_iter().find(|m| m["body"] == "Is anybody there")
    });
    scene.answer("anna", "Something to ride with");
    scene.at_sea(&failed, "returned");
    let notices: Vec<_> = scene.station.messages().into_iter().filter(|m| m["about"] == failed.as_str()).collect();
    assert_eq!(notices.iter().map(|m| m["to"].clone()).collect::<Vec<_>>(), ["bob@boat.example"]);

    // Somebody new at sea writes at once, without anybody's visit ashore, and across a restart of both boxes.
    scene.station.cli_ok(&["people", "add", "carol"], "");
    let Scene { world, mut station, mut gateway } = scene;
    assert_eq!((station.stop(), gateway.stop()), (0, 0));
    let scene = Scene { world, station: station.started(), gateway: gateway.started() };
    scene.write("carol", "mum@world.example", "Carol is on board");
    assert_eq!(scene.mail_with("Carol is on board")["from"], "carol@shore.example");
    assert_eq!(scene.answer("carol", "Welcome, carol")["to"], "carol@boat.example");
    let shown = scene.gateway.json(&["far-box", "show", "vela"]);
    let names: Vec<_> = shown["people"].as_array().unwrap().iter().map(|person| person["name"].clone()).collect();
    assert_eq!((names, &shown["name"]), (vec!["anna".into(), "bob".into(), "carol".into()], &"Vela".into()));

    // Who has left the boat gets nothing any more: the sender hears it, and nobody else reads it.
    scene.station.cli_ok(&["people", "remove", "carol"], "");
    scene.write_ashore("carol", "Are you still there");
    wait_for("the boat to refuse it", 4 * SOON, || {
        let all = scene.station.messages();
        all.into_iter().find(|m| m["body"] == "Are you still there" && m["state"] == "refused")
    });
    scene.write("anna", "mum@world.example", "Something to ride with too");
    let returned = wait_for("it to come back", 4 * SOON, || {
        let all = scene.gateway.messages();
        all.into_iter().find(|m| m["body"] == "Are you still there" && m["state"] == "returned")
    });
    assert!(returned["reason"].as_str().unwrap().contains("no such recipient"), "{returned}");
    scene.balanced();
}

#[test]
fn the_owner_of_the_gateway_gives_addresses_and_refuses_them() {
    let scene = Scene::start("ask");
    let waiting = scene.write("bob", "mum@world.example", "May I");
    let held = wait_for("it to be held", 4 * SOON, || {
        scene.gateway.messages().into_iter().find(|m| m["body"] == "May I" && m["state"] == "held")
    });
    assert!(held["reason"].as_str().unwrap().contains("bob of Vela has no address here yet"), "{held}");
    assert_eq!(scene.gateway.json(&["far-box", "show", "vela"])["asked"], serde_json::json!(["bob"]));
    let words = scene.gateway.cli_ok(&["far-box", "admit", "vela", "bob", "--address-name", "bob.b"], "");
    assert!(words.contains("bob of Vela is bob.b@shore.example here"), "{words}");
    assert_eq!(scene.mail_with("May I")["from"], "bob.b@shore.example");
    assert_eq!(scene.answer("bob.b", "You may")["to"], "bob@boat.example");
    scene.at_sea(&waiting, "delivered");
    let told = |name: &str, words: &str| {
        wait_for(&format!("{name} to hear '{words}'"), 4 * SOON, || {
            let to = format!("{name}@boat.example");
            let has = |m: &Value| m["to"] == to && m["body"].as_str().unwrap_or_default().contains(words);
            scene.station.messages().into_iter().find(has)
        })
    };
    told("bob", "bob.b@shore.example");

    scene.station.cli_ok(&["people", "add", "dora"], "");
    let refused = scene.write("dora", "mum@world.example", "And I");
    wait_for("it to be held", 4 * SOON, || {
        scene.gateway.messages().into_iter().find(|m| m["body"] == "And I" && m["state"] == "held")
    });
    scene.gateway.cli_ok(&["far-box", "refuse", "vela", "dora"], "");
    wait_for("it to be refused", SOON, || {
        scene.gateway.messages().into_iter().find(|m| m["body"] == "And I" && m["state"] == "refused")
    });
    scene.answer("anna", "Something to ride with");
    scene.at_sea(&refused, "returned");
    told("dora", "gives you no address");
    assert!(!scene.world.mails().iter().any(|mail| mail["data"].as_str().unwrap().contains("And I")));
    scene.balanced();
}
