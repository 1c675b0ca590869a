//! The world: a sky with the Hive and one modem, and a mail server of the internet.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Folder, Program, SOON, Station, ask, wait_for};

/// The world: a sky with the Hive and one modem, and a mail server of the internet.
pub struct World {
    pub folder: Folder,
    _modem: Program,
    _hive: Program,
    _sink: Program,
    pub hive_url: String,
    pub sink_port: String,
}

/// Device id of the modem of the world.
pub const DEVICE: &str = "0x001abe";
/// Device id of a second modem, which the Hive knows and nobody has plugged in.
pub const SECOND_DEVICE: &str = "0x001abf";

impl World {
    /// Everything outside the boxes, at a pace for tests. `modem` are more options of the simulated modem.
    pub fn start(modem: &[&str]) -> Self {
        Self::start_with(modem, &[])
    }

    /// The same with more in the environment of the modem.
    pub fn start_with(modem: &[&str], environment: &[(&str, &Path)]) -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        let (sky, port) = (path("sky"), path("modem"));
        let (hctl, mctl, sctl) = (path("hive.ctl"), path("modem.ctl"), path("sink.ctl"));
        let (hstate, mstate) = (path("hive.state"), path("modem.state"));
        let hive = Program::start(
            &[
                "simulate",
                "hive",
                "--listen",
                "127.0.0.1:0",
                "--user",
                "u",
                "--password",
                "p",
                "--device",
                DEVICE,
                "--device",
                SECOND_DEVICE,
                "--sky",
                &sky,
                "--control",
                &hctl,
                "--state",
                &hstate,
            ],
            &folder.path("hive.log"),
        );
        let first_word = |log: &str, word: &str| {
            wait_for(word, SOON, || {
                let text = fs::read_to_string(folder.path(log)).ok()?;
                text.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
            })
        };
        let hive_url = first_word("hive.log", "hive ");
        let usual = [
            "simulate",
            "modem",
            "--port",
            &port,
            "--device",
            DEVICE,
            "--sky",
            &sky,
            "--control",
            &mctl,
            "--state",
            &mstate,
        ];
        let default_passes = ["--pass-every", "2", "--pass-length", "1"];
        let passes = if modem.contains(&"--pass-every") { &[][..] } else { &default_passes[..] };
        let factor = if modem.contains(&"--factor") { &[][..] } else { &["--factor", "20"][..] };
        let args: Vec<&str> = usual.iter().chain(factor).chain(passes).chain(modem).copied().collect();
        let modem = Program::start_with(&args, &folder.path("modem.log"), environment);
        let sink_args = ["simulate", "sink", "--listen", "127.0.0.1:0", "--control", &sctl];
        let sink = Program::start(&sink_args, &folder.path("sink.log"));
        let sink_address = first_word("sink.log", "sink ");
        let sink_port = sink_address.rsplit(':').next().unwrap().to_owned();
        Self { folder, _modem: modem, _hive: hive, _sink: sink, hive_url, sink_port }
    }

    /// The station: anna reads and writes here.
    pub fn station(&self) -> Station {
        let port = self.folder.path("modem");
        let settings = [
            ("box.domain", "boat.example"),
            ("box.reach", "satellite"),
            ("link.driver", "m138"),
            ("m138.port", port.to_str().unwrap()),
        ];
        Station::new(&self.folder, "station", &settings, &["anna"])
    }

    /// The gateway: olga owns it, anna's modem is out in the field.
    pub fn gateway(&self) -> Station {
        let settings = gateway_settings(&self.hive_url, &self.sink_port);
        Station::new(&self.folder, "gateway", &settings, &["olga", "anna=0x001abe"])
    }

    pub fn modem_says(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("modem.ctl"), command)
    }

    pub fn hive_says(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("hive.ctl"), command)
    }

    /// Mails that the internet's mail server got.
    pub fn mails(&self) -> Vec<Value> {
        let lines = ask(&self.folder.path("sink.ctl"), "mails");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Payloads that went on air from the modem, with the modem's ids: a repeat by the radio keeps its id.
    pub fn on_air(&self) -> Vec<(String, String)> {
        let entries =
            self.modem_says("journal").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        entries.map(|entry| (entry["id"].to_string(), entry["data"].as_str().unwrap().to_owned())).collect()
    }
}

/// What makes a box a gateway between this Hive and this mail server.
pub fn gateway_settings<'a>(hive_url: &'a str, sink_port: &'a str) -> [(&'static str, &'a str); 11] {
    [
        ("box.domain", "shore.example"),
        ("box.reach", "internet"),
        ("link.driver", "hive"),
        ("hive.url", hive_url),
        ("hive.user", "u"),
        ("hive.password", "p"),
        ("hive.poll", "1"),
        ("relay.host", "localhost"),
        ("relay.port", sink_port),
        ("relay.tls", "none"),
        // Most tests are about what goes on air; `tests/strangers.rs` is about what does not.
        ("air.strangers", "allow"),
    ]
}
