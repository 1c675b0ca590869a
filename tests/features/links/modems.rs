//! Modems that are sold today beside a line: what they were given before the line came back is settled with them first. What
//! went on air, and what that costs, is counted by the simulators.

use std::fs;

use serde_json::Value;

use crate::link::sbd::scene::{IMT, LONG, Scene, Service, TERMINAL};
use crate::support::{Program, SOON, Station, ask, has_gone, wait_for};

/// A station with a modem and a line, and its gateway.
struct Modem {
    scene: Scene,
    _line: Program,
    gateway: Station,
    station: Station,
}

impl Modem {
    /// Both boxes run, are connected by the line, and have met. A message waits for no line that is down.
    fn start(scene: Scene, terminal: &str) -> Self {
        let path = |name: &str| scene.folder.path(name).to_str().unwrap().to_owned();
        let mut gateway = scene.gateway();
        gateway.set(&[("ip.listen", "127.0.0.1:0")]);
        gateway.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
        gateway.start();
        let to = gateway.listener("ip").to_string();
        let args = ["simulate", "line", "--to", &to, "--control", &path("line.ctl")];
        let line = Program::start(&args, &scene.folder.path("line.log"));
        let address = wait_for("the line", SOON, || {
            let text = fs::read_to_string(scene.folder.path("line.log")).ok()?;
            text.lines().find_map(|line| Some(line.strip_prefix("line ")?.trim().to_owned()))
        });
        let mut station = scene.station_with(&[("patience.normal", "0")]);
        station.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
        station.start();
        let code = gateway.cli_ok(&["pair", "new"], "");
        station.cli_ok(&["pair", "join", &address, code.trim()], "");
        let key = gateway.json(&["pair", "list"])[0]["key"].as_str().unwrap().to_owned();
        gateway.cli_ok(&["far-box", "set", &format!("imei:{terminal}"), "--add-address", &key], "");
        let modem = Self { scene, _line: line, gateway, station };
        modem.line_is(true);
        modem.sends("First");
        modem.mail("First");
        modem.message("First", |message| message["state"] == "delivered");
        modem
    }

    /// Waits until the line is ready, or not.
    fn line_is(&self, ready: bool) {
        wait_for(&format!("the line to be ready: {ready}"), 4 * SOON, || {
            self.station.status().filter(|status| status["links"]["line"]["ready"] == ready)
        });
    }

    fn line_says(&self, command: &str) {
        let said = ask(&self.scene.folder.path("line.ctl"), command);
        assert!(said[0].starts_with("ok"), "{command}: {said:?}");
    }

    fn line_goes(&self) {
        self.line_says("refuse");
        self.line_says("cut");
        self.line_is(false);
    }

    /// The line is back, and dialled now: when it would be is not what this is about.
    fn line_comes(&self) {
        self.line_says("clear");
        self.station.cli_ok(&["link", "off", "line"], "");
        self.station.cli_ok(&["link", "on", "line"], "");
        self.line_is(true);
    }

    /// Anna writes to Bob.
    fn sends(&self, text: &str) {
        let said = ["send", "--from", "anna", "--subject", text, "--text", text, "bob@world.example"];
        self.station.cli_ok(&said, "");
    }

    /// The message with this subject, once it fits.
    fn message(&self, subject: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut seen = String::new();
        wait_for(&format!("'{subject}' to be as expected"), LONG, || {
            let found = self.station.messages().into_iter().find(|message| message["subject"] == subject)?;
            let message = self.station.json(&["queue", "show", found["id"].as_str()?]);
            let now = format!("{} {} {}", message["state"], message["reason"], message["packets"]);
            if now != seen {
                println!("{subject}: {now}");
                seen = now;
            }
            Some(message).filter(|message| fits(message))
        })
    }

    /// Waits for the mail ashore.
    fn mail(&self, subject: &str) {
        wait_for(&format!("the mail '{subject}'"), LONG, || (self.mails(subject) > 0).then_some(()));
    }

    /// Mails with this subject ashore.
    fn mails(&self, subject: &str) -> usize {
        let line = format!("Subject: {subject}\r\n");
        self.scene.mails().iter().filter(|mail| mail["data"].as_str().unwrap().contains(&line)).count()
    }

    /// Waits until the modem shows this.
    fn modem_is(&self, name: &str, value: &str) {
        wait_for(&format!("{name} to be {value}"), LONG, || (self.scene.shown(name) == value).then_some(()));
    }

    /// What the station has booked for its modem, in thousandths.
    fn booked(&self) -> u64 {
        crate::link::sbd::scene::bytes(&self.station)
    }

    fn totals_balance(&self) {
        self.station.totals_balance();
        self.gateway.totals_balance();
    }
}

/// The links that packets of a message are, or were, with.
fn went_by(message: &Value) -> Vec<&str> {
    let packets = message["packets"].as_array().into_iter().flatten();
    packets.filter(|packet| packet["state"] != "planned").filter_map(|packet| packet["link"].as_str()).collect()
}

/// Case 4, and case 6 of the line: what is in a session when the line comes back waits for its result. It does not go by the
/// line where that is good, and does where the session failed.
#[test]
fn what_is_in_a_session_waits_for_its_result_when_the_line_is_back() {
    let both = Modem::start(Scene::start(Service::Rockblock, "200000"), TERMINAL);
    both.scene.calls(&both.gateway);
    both.line_goes();
    both.sends("By satellite");
    both.modem_is("mode", "session");
    both.line_comes();
    both.mail("By satellite");
    let message = both.message("By satellite", has_gone);
    assert_eq!(went_by(&message), ["sbd"], "{message:#}");
    let (ups, [up, _, looks], booked) = (both.scene.ups().len(), both.scene.credits(), both.booked());
    assert_eq!((ups, booked), (1, 10 * (up + looks)));

    both.line_goes();
    assert_eq!(both.scene.modem("status 32"), ["ok"]);
    both.sends("By the line");
    both.modem_is("mode", "session");
    both.line_comes();
    both.mail("By the line");
    let message = both.message("By the line", |message| message["state"] == "delivered");
    assert_eq!(went_by(&message).last(), Some(&"line"), "{message:#}");
    assert_eq!((both.scene.ups().len(), both.booked()), (ups, booked), "the failed session costs nothing");
    assert_eq!((both.mails("By satellite"), both.mails("By the line")), (1, 1));
    both.totals_balance();
}

/// Case 6: what an IMT modem holds when the line comes is cancelled there. What was not on air goes by the line; so does, as it
/// costs nothing, what may have been and is not at the far box. The copy that comes late is dropped.
#[test]
fn what_an_imt_modem_holds_is_cancelled_for_the_line() {
    let both = Modem::start(Scene::imt("4000"), IMT);
    both.line_goes();
    assert_eq!(both.scene.modem("held 6000000"), ["ok"]);
    both.sends("Before the air");
    both.modem_is("stage", "held");
    both.message("Before the air", |message| message["state"] == "on the link");
    both.line_comes();
    both.mail("Before the air");
    both.message("Before the air", |message| message["state"] == "delivered");
    assert_eq!((both.scene.ups().len(), both.scene.shown("billed").as_str(), both.booked()), (0, "0", 0));

    // Cancelled on air: nobody knows, and it is not at the far box.
    both.line_goes();
    for command in ["held 0", "transit 6000000"] {
        assert_eq!(both.scene.modem(command), ["ok"]);
    }
    both.sends("On the air");
    both.modem_is("stage", "on-air");
    both.message("On the air", |message| message["state"] == "on the link");
    both.line_comes();
    let message = both.message("On the air", |message| message["state"] == "delivered");
    assert_eq!(went_by(&message).last(), Some(&"line"), "{message:#}");

    // The ground has it although the modem says otherwise, and nobody tells the gateway yet.
    both.line_goes();
    for command in ["transit 4000", "falsefail 1"] {
        assert_eq!(both.scene.modem(command), ["ok"]);
    }
    both.sends("On the ground");
    wait_for("the ground to have it", LONG, || (both.scene.ups().len() == 1).then_some(()));
    both.message("On the ground", |message| message["reason"].as_str().unwrap().contains("not known"));
    both.line_comes();
    let message = both.message("On the ground", |message| message["state"] == "delivered");
    assert_eq!(went_by(&message).last(), Some(&"line"), "{message:#}");
    both.scene.calls(&both.gateway);
    both.scene.service("again");
    wait_for("the copy to be told", LONG, || (both.scene.ups()[0]["told"] == true).then_some(()));
    // Behind it comes another one, so it has been dropped by then.
    both.sends("Last");
    both.mail("Last");
    let mails = ["Before the air", "On the air", "On the ground", "Last"].map(|subject| both.mails(subject));
    assert_eq!(mails, [1; 4]);
    assert_eq!(both.booked().to_string(), both.scene.shown("billed"), "what was on air is paid for, once");
    both.totals_balance();
}
