//! A station and a gateway with two ways between them: an internet line that costs nothing, and a satellite that does.

use std::fs;

use serde_json::Value;

use crate::support::{DEVICE, Program, SOON, Station, World, ask, send, wait_for};

/// The two boxes, the sky, the line, and the world behind the gateway.
pub struct Both {
    pub world: World,
    _line: Program,
    pub gateway: Station,
    pub station: Station,
}

impl Both {
    /// Both run, are paired, and connected. `modem`: more options of the simulated modem; then more settings of station and
    /// gateway.
    pub fn start(modem: &[&str], station: &[(&str, &str)], gateway: &[(&str, &str)]) -> Self {
        Self::start_in(World::start(modem), station, gateway)
    }

    pub fn start_in(world: World, of_station: &[(&str, &str)], of_gateway: &[(&str, &str)]) -> Self {
        let mut gateway = world.gateway();
        gateway.set(&[("ip.listen", "127.0.0.1:0"), ("queue.retry_first", "1"), ("queue.retry_most", "1")]);
        gateway.set(of_gateway);
        gateway.cli_ok(&["link", "set", "hive", "link.price", "0.07"], "");
        gateway.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
        gateway.start();
        let path = |name: &str| world.folder.path(name).to_str().unwrap().to_owned();
        let to = gateway.listener("ip").to_string();
        let args = ["simulate", "line", "--to", &to, "--control", &path("line.ctl")];
        let line = Program::start(&args, &world.folder.path("line.log"));
        let address = wait_for("the line", SOON, || {
            let text = fs::read_to_string(world.folder.path("line.log")).ok()?;
            text.lines().find_map(|line| Some(line.strip_prefix("line ")?.trim().to_owned()))
        });
        let mut station = world.station();
        station.set(of_station);
        station.cli_ok(&["link", "set", "m138", "link.price", "0.07"], "");
        station.cli_ok(&["link", "add", "line", "ip", "link.price", "0"], "");
        station.start();
        let code = gateway.cli_ok(&["pair", "new"], "");
        station.cli_ok(&["pair", "join", &address, code.trim()], "");
        let key = gateway.json(&["pair", "list"])[0]["key"].as_str().unwrap().to_owned();
        gateway.cli_ok(&["far-box", "set", DEVICE, "--add-address", &key], "");
        let both = Self { world, _line: line, gateway, station };
        both.ready("line", true);
        both
    }

    pub fn line_says(&self, command: &str) {
        let said = ask(&self.world.folder.path("line.ctl"), command);
        assert!(said[0].starts_with("ok"), "{command}: {said:?}");
    }

    /// The line leads to the gateway as it listens now, after it was started again.
    pub fn lead_to_gateway(&self) {
        self.line_says(&format!("to {}", self.gateway.listener("ip")));
    }

    /// The line is gone, and the station knows.
    pub fn line_goes(&self) {
        self.line_says("refuse");
        self.line_says("cut");
        self.ready("line", false);
    }

    /// Waits until a link of the station is ready, or not.
    pub fn ready(&self, link: &str, wanted: bool) {
        wait_for(&format!("link {link} to be ready: {wanted}"), 4 * SOON, || {
            self.station.status().filter(|status| status["links"][link]["ready"] == wanted)
        });
    }

    /// Waits until a link of the station that was switched off has let its modem go.
    pub fn let_go(&self, link: &str) {
        let free = |status: &Value| status["links"][link]["ready"] != true;
        wait_for(&format!("link {link} to be gone"), SOON, || self.station.status().filter(free));
    }

    /// Anna writes to Bob at sea.
    pub fn writes(&self, mail: &str) {
        let reply = send(&self.station, Some("anna"), "anna@boat.example", "bob@world.example", mail);
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// The two boxes have met: a first mail is ashore, and its news are at sea.
    pub fn meet(&self) {
        self.writes("Subject: First\n\nFirst of all.\n");
        self.mails(1);
        self.message(&self.station, "First", |message| message["state"] == "delivered");
    }

    /// Waits until the world has so many mails, and gives them.
    pub fn mails(&self, count: usize) -> Vec<String> {
        let mails = wait_for(&format!("{count} mails at the relay"), 6 * SOON, || {
            Some(self.world.mails()).filter(|mails| mails.len() >= count)
        });
        assert_eq!(mails.len(), count);
        mails.iter().map(|mail| mail["data"].as_str().unwrap().to_owned()).collect()
    }

    /// The message with this subject on a box, as `queue show` has it, once it fits.
    pub fn message(&self, station: &Station, subject: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut seen = String::new();
        wait_for(&format!("the message '{subject}' to be as expected"), 4 * SOON, || {
            let found = station.messages().into_iter().find(|message| message["subject"] == subject)?;
            let message = station.json(&["queue", "show", found["id"].as_str()?]);
            let now = format!("{} {} {}", message["state"], message["reason"], message["packets"]);
            if now != seen {
                println!("{subject}: {now}");
                seen = now;
            }
            Some(message).filter(|message| fits(message))
        })
    }

    /// Anna writes by command; the number of the message.
    pub fn sends(&self, text: &str, more: &[&str]) -> String {
        let said = ["send", "--from", "anna", "--subject", text, "--text", text, "--json"];
        let args = [&said[..], more, &["bob@world.example"]].concat();
        let said = self.station.cli_ok(&args, "");
        serde_json::from_str::<Value>(&said).unwrap()[0]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a message of the station says this of itself.
    pub fn says(&self, id: &str, words: &str) {
        wait_for(&format!("{id} to say '{words}'"), 4 * SOON, || {
            let message = self.station.json(&["queue", "show", id]);
            message["reason"].as_str().filter(|reason| reason.contains(words)).map(|_| ())
        });
    }

    /// Money that was booked on a link of the station in this month.
    pub fn bill(&self, link: &str) -> String {
        self.station.json(&["link", "show", link])["month"]["money"].as_str().unwrap().to_owned()
    }

    /// Different packets that went on air from the station.
    pub fn on_air(&self) -> usize {
        let ids: std::collections::BTreeSet<_> = self.world.on_air().into_iter().map(|(id, _)| id).collect();
        ids.len()
    }

    pub fn totals_balance(&self) {
        self.station.totals_balance();
        self.gateway.totals_balance();
    }
}
