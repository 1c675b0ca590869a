//! What became of a message ashore: its writer at sea hears of it by a note that rides with other packets, and nothing is
//! called delivered before.

use serde_json::Value;

use crate::support::{Program, SOON, Smtp, Station, World, ask, wait_for};

/// Two boxes with a link between them, which read each other's compact coding.
struct Scene {
    world: World,
    station: Station,
    gateway: Station,
    /// Answers that bob sent.
    answers: u32,
}

impl Scene {
    fn start(settings: &[(&str, &str)]) -> Self {
        let world = World::start(&[]);
        let (station, gateway) = (world.station(), world.gateway());
        if !settings.is_empty() {
            gateway.set(settings);
        }
        let mut scene = Self { world, station: station.started(), gateway: gateway.started(), answers: 0 };
        scene.write("bob@world.example", "First");
        wait_for("the first mail ashore", 4 * SOON, || scene.world.mails().into_iter().next());
        scene.answer();
        scene
    }

    fn write(&self, to: &str, text: &str) -> String {
        let sent = self.station.json(&["send", "--from", "anna", "--subject", "Boat", "--text", text, to]);
        sent[0]["id"].as_str().unwrap().to_owned()
    }

    /// Bob writes to anna: a packet that notes may ride with.
    fn answer(&mut self) {
        self.answers += 1;
        let text = format!("Answer {}.", self.answers);
        let mail = format!("From: bob@world.example\nSubject: Re: Boat\n\n{text}\n");
        let reply = Smtp::connect(self.gateway.listener("smtp")).mail("bob@world.example", "anna@shore.example", &mail);
        assert!(reply.starts_with("250"), "{reply}");
        wait_for("the answer on board", 4 * SOON, || self.station.messages().into_iter().find(|m| m["body"] == text));
    }

    /// The message of this text on the gateway, once it is in this state.
    fn ashore(&self, text: &str, state: &str) -> Value {
        wait_for(&format!("'{text}' to be {state} ashore"), 4 * SOON, || {
            let found = |m: &Value| m["origin"] == "link" && m["text"].as_str().unwrap().ends_with(text);
            self.gateway.messages().into_iter().find(|m| found(m) && m["state"] == state)
        })
    }

    fn shown(&self, id: &str) -> Value {
        self.station.json(&["queue", "show", id])
    }

    fn at_sea(&self, id: &str, state: &str) -> Value {
        wait_for(&format!("{id} to be {state}"), 4 * SOON, || {
            Some(self.shown(id)).filter(|message| message["state"] == state)
        })
    }

    /// Packets toward the station.
    fn down(&self) -> usize {
        let packets = self.world.hive_says("messages");
        packets
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|p| p["direction"] == 2)
            .count()
    }

    /// The notice about a message in anna's own mailbox.
    fn notice(&self, id: &str) -> Value {
        let all = self.station.messages();
        let found = all.iter().find(|m| m["about"] == id).unwrap_or_else(|| panic!("no notice about {id}: {all:?}"));
        assert_eq!((&found["to"], &found["state"]), (&"anna@boat.example".into(), &"delivered".into()));
        found.clone()
    }
}

fn sink(world: &World, command: &str) {
    ask(&world.folder.path("sink.ctl"), command);
}

#[test]
fn a_mail_that_the_relay_took_is_delivered_ashore_and_one_that_it_refused_comes_back() {
    let mut scene = Scene::start(&[]);
    let good = scene.write("bob@world.example", "Well.");
    scene.ashore("Well.", "delivered");
    sink(&scene.world, "code RCPT 550 5.1.1 no such person");
    let bad = scene.write("gone@world.example", "Are you there?");
    scene.ashore("Are you there?", "returned");
    for id in [&good, &bad] {
        let shown = scene.at_sea(id, "sent");
        assert_ne!(shown["ashore"], "delivered", "{shown}");
    }
    let before = scene.down();
    scene.answer();
    assert_eq!(scene.down(), before + 1, "the notes ride with the answer");
    let delivered = scene.at_sea(&good, "delivered");
    assert_eq!((&delivered["code"], &delivered["ashore"]), (&"far_box.ashore".into(), &"delivered".into()));
    let returned = scene.at_sea(&bad, "returned");
    assert_eq!((&returned["code"], &returned["ashore"]), (&"far_box.no_recipient".into(), &"failed".into()));
    assert!(scene.notice(&bad)["body"].as_str().unwrap().contains("there is no such recipient"));
    assert!(!scene.station.messages().iter().any(|m| m["about"] == good.as_str()));
    for station in [&scene.station, &scene.gateway] {
        station.totals_balance();
    }
}

/// The far box has it, and has not said more: that is no delivery.
#[test]
fn a_message_that_waits_ashore_is_at_the_far_box() {
    let mut scene = Scene::start(&[]);
    sink(&scene.world, "code RCPT 451 4.2.0 later");
    let id = scene.write("bob@world.example", "Later.");
    scene.ashore("Later.", "queued");
    scene.answer();
    let shown = scene.at_sea(&id, "at the far box");
    assert_eq!((&shown["ashore"], &shown["reason"]), (&"waiting".into(), &"the far box has it".into()));
    let listed = scene.station.json(&["queue", "list", "--state", "at-the-far-box"]);
    assert_eq!(listed[0]["id"], id.as_str(), "{listed}");
    let held = scene.ashore("Later.", "queued")["id"].as_str().unwrap().to_owned();
    scene.gateway.cli_ok(&["queue", "hold", &held], "");
    scene.answer();
    wait_for("the hold to be known at sea", 4 * SOON, || (scene.shown(&id)["ashore"] == "held").then_some(()));
    sink(&scene.world, "clear");
    scene.gateway.cli_ok(&["queue", "release", &held], "");
    scene.ashore("Later.", "delivered");
    scene.answer();
    scene.at_sea(&id, "delivered");
}

/// The relay took it, and the internet gave it back later.
#[test]
fn a_bounce_that_comes_later_is_heard_at_sea() {
    let mut scene = Scene::start(&[]);
    let id = scene.write("bob@world.example", "Well.");
    scene.ashore("Well.", "delivered");
    scene.answer();
    scene.at_sea(&id, "delivered");
    let mails = scene.world.mails();
    let data = mails.iter().map(|mail| mail["data"].as_str().unwrap()).find(|data| data.contains("Well.")).unwrap();
    let message_id = data.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
    let report = format!(
        "From: mailer-daemon@world.example\nTo: anna@shore.example\nSubject: Undelivered\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nIt failed.\n--b\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; world.example\n\n\
         Final-Recipient: rfc822; bob@world.example\nAction: failed\nStatus: 5.7.1\n\n--b\n\
         Content-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\nSubject: Boat\n\n--b--\n"
    );
    let reply = Smtp::connect(scene.gateway.listener("smtp")).mail("", "anna@shore.example", &report);
    assert!(reply.starts_with("250"), "{reply}");
    scene.ashore("Well.", "returned");
    scene.answer();
    assert_eq!(scene.at_sea(&id, "returned")["code"], "far_box.refused");
    scene.notice(&id);
}

#[test]
fn what_a_carrier_reports_of_a_text_is_heard_at_sea() {
    let folder = crate::support::Folder::new();
    let (control, log) = (folder.path("carrier.ctl"), folder.path("carrier.log"));
    let args = ["simulate", "carrier", "--carrier", "twilio", "--account", "AC1", "--token", "secret"];
    let args: Vec<&str> = args.into_iter().chain(["--control", control.to_str().unwrap()]).collect();
    let _carrier = Program::start(&args, &log);
    let url = wait_for("the carrier", SOON, || {
        let text = std::fs::read_to_string(&log).ok()?;
        text.lines().find_map(|line| Some(line.strip_prefix("carrier ")?.trim().to_owned()))
    });
    let (good, bad) = ("+14155550123", "+14155550124");
    let mut scene = Scene::start(&[
        ("sms.carrier", "twilio"),
        ("sms.poll", "1"),
        ("twilio.url", url.as_str()),
        ("twilio.account", "AC1"),
        ("twilio.token", "secret"),
    ]);
    scene.gateway.cli_ok(&["people", "number", "anna", "+14155550199"], "");
    ask(&control, &format!("reject {bad} 30005"));
    let (one, two) = (scene.write(good, "Well."), scene.write(bad, "Well?"));
    scene.ashore("Well.", "delivered");
    scene.ashore("Well?", "returned");
    scene.answer();
    assert_eq!(scene.at_sea(&one, "delivered")["code"], "far_box.ashore");
    let returned = scene.at_sea(&two, "returned");
    assert_eq!(returned["ashore"], "failed", "{returned}");
    assert!(scene.notice(&two)["body"].as_str().unwrap().contains(bad));
}

/// The classic coding has no receipts, and no notes about what came later.
#[test]
fn on_a_classic_link_what_became_of_it_ashore_is_unknown() {
    let mut scene = Scene::start(&[("air.compact", "off")]);
    let id = scene.write("bob@world.example", "Well.");
    scene.ashore("Well.", "delivered");
    scene.answer();
    let shown = scene.at_sea(&id, "sent");
    assert_eq!((&shown["ashore"], &shown["final"]), (&"unknown".into(), &true.into()), "{shown}");
    assert!(scene.station.cli_ok(&["queue", "show", &id], "").contains("ashore   unknown"));
}

/// The owner of the gateway pays for notices: then a failure needs no other packet. What arrived is never told alone.
#[test]
fn a_failure_leaves_alone_where_notices_may() {
    let scene = Scene::start(&[("air.notices", "yes")]);
    sink(&scene.world, "code RCPT 550 5.1.1 no such person");
    let bad = scene.write("gone@world.example", "Are you there?");
    scene.ashore("Are you there?", "returned");
    let noticed = scene.gateway.messages().into_iter().find(|m| m["about"].is_string()).unwrap();
    assert_eq!(noticed["way"], "mailbox", "the note says it all: {noticed}");
    assert_eq!(scene.shown(&bad)["state"], "sent");
}
