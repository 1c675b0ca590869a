//! A gateway with what is around it on the ground: a simulated Hive and a mail server of the internet, but no modem.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

pub use super::classic::{as_classic, classic, hex, unhex};
use super::command::link_of;
use super::{Folder, Program, SOON, Smtp, Station, ask, wait_for};

/// The ground.
pub struct Shore {
    pub folder: Folder,
    _hive: Program,
    _sink: Program,
    pub hive_url: String,
    pub sink_port: String,
}

impl Shore {
    pub fn start() -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        let (hctl, sctl, state, sky) = (path("hive.ctl"), path("sink.ctl"), path("hive.state"), path("sky"));
        let fixed = ["simulate", "hive", "--listen", "127.0.0.1:0", "--user", "u", "--password", "p"];
        let rest = ["--device", "0x001abe", "--device", "7", "--sky", &sky, "--control", &hctl, "--state", &state];
        let args: Vec<&str> = fixed.iter().chain(&rest).copied().collect();
        let hive = Program::start(&args, &folder.path("hive.log"));
        let args = ["simulate", "sink", "--listen", "127.0.0.1:0", "--control", &sctl];
        let sink = Program::start(&args, &folder.path("sink.log"));
        let first_word = |log: &str, word: &str| {
            wait_for(word, SOON, || {
                let text = fs::read_to_string(folder.path(log)).ok()?;
                text.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
            })
        };
        let (hive_url, sink_address) = (first_word("hive.log", "hive "), first_word("sink.log", "sink "));
        let sink_port = sink_address.rsplit(':').next().unwrap().to_owned();
        Self { folder, _hive: hive, _sink: sink, hive_url, sink_port }
    }

    /// A gateway on this shore with these people, not started; `more` settings come last and win.
    pub fn gateway(&self, more: &[(&str, &str)], people: &[&str]) -> Station {
        let mut settings = super::gateway_settings(&self.hive_url, &self.sink_port).to_vec();
        settings.extend([("queue.retry_first", "1"), ("queue.retry_most", "1")]);
        settings.extend(more);
        Station::new(&self.folder, "gateway", &settings, people)
    }

    pub fn hive_says(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("hive.ctl"), command)
    }

    /// Takes the link of this gateway away: it was up, so that nothing of its start is on the way, and is known to be down.
    pub fn leaves(&self, gateway: &Station) {
        let ready = |wanted: bool| gateway.status().filter(|status| link_of(status)["ready"] == wanted);
        wait_for("the link to be up", SOON, || ready(true));
        self.hive_says("down on");
        wait_for("the link to be down", SOON, || ready(false));
    }

    pub fn sink_says(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("sink.ctl"), command)
    }

    /// Mails that the internet's mail server got.
    pub fn mails(&self) -> Vec<Value> {
        self.sink_says("mails").iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until the internet's mail server has so many mails.
    pub fn wait_mails(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} mails at the internet's server"), SOON, || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
    }

    /// All packets in the Hive.
    pub fn packets(&self) -> Vec<Value> {
        self.hive_says("messages").iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Payloads that this gateway sent toward a device, as a classic one reads them.
    pub fn to_device(&self, device: u64) -> Vec<Vec<u8>> {
        let toward = |packet: &&Value| packet["direction"] == 2 && packet["deviceId"] == device;
        self.packets()
            .iter()
            .filter(toward)
            .map(|packet| as_classic(&STANDARD.decode(packet["data"].as_str().unwrap()).unwrap()))
            .collect()
    }

    /// A packet comes in from a device; its number in the Hive.
    pub fn uplink(&self, device: &str, payload: &[u8], message: Option<u64>) -> u64 {
        let message = message.map(|id| format!(" {id}")).unwrap_or_default();
        let said = self.hive_says(&format!("uplink {device} {}{message}", hex(payload)));
        said[0].strip_prefix("ok ").unwrap_or_else(|| panic!("{said:?}")).parse().unwrap()
    }

    /// Waits until the Hive has an acknowledgement of this packet.
    pub fn wait_acknowledged(&self, packet: u64) {
        wait_for(&format!("packet {packet} to be acknowledged"), SOON, || {
            self.packets().into_iter().find(|known| known["packetId"] == packet && known["status"] == 2)
        });
    }
}

/// A mail of one paragraph, of whoever hands it in.
pub fn message(subject: &str, text: &str) -> String {
    format!("Subject: {subject}\n\n{text}\n")
}

/// A stranger's mail to the box; the reply.
pub fn from_outside(station: &Station, to: &str, mail: &str) -> String {
    Smtp::connect(station.listener("smtp")).mail("bob@world.example", to, mail)
}

/// That nothing happens cannot be waited for; that so many turns of the worker passed without it can.
pub fn polls_of(shore: &Shore) -> usize {
    shore.hive_says("journal").iter().filter(|line| line.contains("GET")).count()
}

/// Waits until the box asked the Hive `more` times again.
pub fn wait_polls(shore: &Shore, more: usize) {
    let before = polls_of(shore);
    wait_for("the box to ask the Hive again", Duration::from_secs(30), || {
        (polls_of(shore) >= before + more).then_some(())
    });
}
