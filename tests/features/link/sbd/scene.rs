//! A sky of the other network: a simulated SBD or IMT modem under a simulated ground service, and a mail server of the
//! internet.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::clock::OwnClock;
use crate::support::command::commands;
use crate::support::{Folder, Program, SOON, Station, ask, wait_for};

/// Number of the terminal.
pub const TERMINAL: &str = "300234010753370";
/// Number of a terminal of the newer kind, which the service of its maker knows as well.
pub const IMT: &str = "300258060000000";
/// Secret part of the webhook.
pub const PATH: &str = "kJ7dn3Pq81xYwz55";
/// Sessions of the driver lie ten seconds apart.
pub const LONG: Duration = Duration::from_secs(90);

/// A ground service: its name as a driver and as a simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Rockblock,
    Cloudloop,
    Sbdmail,
    Directip,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Rockblock => "rockblock",
            Self::Cloudloop => "cloudloop",
            Self::Sbdmail => "sbdmail",
            Self::Directip => "directip",
        }
    }
}

pub struct Scene {
    pub folder: Folder,
    /// The modem is an IMT one.
    imt: bool,
    modem: Program,
    /// The words that start it.
    modem_words: Vec<String>,
    _service: Program,
    _sink: Program,
    ground: Service,
    url: String,
    key: String,
    sink_port: String,
}

impl Scene {
    /// Everything outside the boxes. A session takes so many milliseconds.
    pub fn start(ground: Service, session: &str) -> Self {
        Self::with(ground, false, session, &[])
    }

    /// The same with an IMT modem. A message is on air for so many milliseconds.
    pub fn imt(transit: &str) -> Self {
        Self::with(Service::Cloudloop, true, transit, &[])
    }

    /// An SBD or an IMT modem and its service by the clock of a test.
    pub fn dated(imt: bool, air: &str, clock: &OwnClock) -> Self {
        Self::with(Service::Cloudloop, imt, air, &clock.environment())
    }

    /// The modem was without power, and has the time of the clock again.
    pub fn modem_restarts(&mut self, clock: &OwnClock) {
        self.modem.kill();
        let words: Vec<&str> = self.modem_words.iter().map(String::as_str).collect();
        self.modem = Program::start_with(&words, &self.folder.path("modem.log"), &clock.environment());
    }

    fn with(ground: Service, imt: bool, air: &str, environment: &[(&str, &Path)]) -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        let (sky, control) = (path("sky"), path("service.ctl"));
        let word = |log: &str, word: &str| {
            wait_for(word, SOON, || {
                let text = fs::read_to_string(folder.path(log)).ok()?;
                text.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
            })
        };
        let sink = Program::start(
            &["simulate", "sink", "--listen", "127.0.0.1:0", "--control", &path("sink.ctl")],
            &folder.path("sink.log"),
        );
        let sink_port = word("sink.log", "sink ").rsplit(':').next().unwrap().to_owned();
        let onward = format!("127.0.0.1:{sink_port}");
        let own: &[&str] = match ground {
            Service::Rockblock => &["--user", "u", "--password", "p"],
            Service::Cloudloop => &["--token", "t", "--imt", IMT],
            Service::Sbdmail => &["--onward", &onward],
            Service::Directip => &[],
        };
        let place = ["--listen", "127.0.0.1:0", "--terminal", TERMINAL, "--sky", &sky, "--control", &control];
        let words = [&["simulate", ground.name()][..], &place, own].concat();
        let service = Program::start_with(&words, &folder.path("service.log"), environment);
        let url = word("service.log", &format!("{} ", ground.name()));
        // The name of the other terminal is learned from its first message.
        let (line, more) = match ground {
            Service::Rockblock => ("key ".to_owned(), ""),
            Service::Cloudloop => (format!("thing {IMT} "), "/imt"),
            Service::Sbdmail => ("sbdmail ".to_owned(), ""),
            Service::Directip => ("directip ".to_owned(), ""),
        };
        let key = word("service.log", &line) + more;
        let modem_words = [
            "simulate",
            if imt { "imt" } else { "sbd" },
            "--port",
            path("modem").as_str(),
            "--sky",
            path("sky").as_str(),
            "--control",
            path("modem.ctl").as_str(),
            "--state",
            path("modem.state").as_str(),
            "--factor",
            "20",
            if imt { "--transit" } else { "--session" },
            air,
        ]
        .map(str::to_owned)
        .to_vec();
        let words: Vec<&str> = modem_words.iter().map(String::as_str).collect();
        let modem = Program::start_with(&words, &folder.path("modem.log"), environment);
        Self { folder, imt, modem, modem_words, _service: service, _sink: sink, ground, url, key, sink_port }
    }

    /// The station: anna reads and writes here. A credit costs a cent, and a byte a tenth of that.
    pub fn station(&self) -> Station {
        self.station_with(&[])
    }

    /// The same with more settings.
    pub fn station_with(&self, more: &[(&str, &str)]) -> Station {
        let port = self.folder.path("modem");
        let settings = [
            ("box.domain", "boat.example"),
            ("box.reach", "satellite"),
            ("link.driver", if self.imt { "imt" } else { "sbd" }),
            ("link.unit", self.unit().0),
            ("link.price", self.unit().1),
            (if self.imt { "imt.port" } else { "sbd.port" }, port.to_str().unwrap()),
        ];
        Station::new(&self.folder, "station", &[&settings[..], more].concat(), &["anna"])
    }

    /// What is charged for, and how much.
    fn unit(&self) -> (&'static str, &'static str) {
        if self.imt { ("byte", "0.001") } else { ("credit", "0.01") }
    }

    /// The account at the service: settings of its link and, for some, of the box.
    fn account(&self) -> Vec<(&'static str, String)> {
        let things = format!("{IMT}={}", self.key);
        let own: &[(&'static str, &str)] = match self.ground {
            Service::Rockblock => &[
                ("rockblock.url", &self.url),
                ("rockblock.user", "u"),
                ("rockblock.password", "p"),
                ("rockblock.path", PATH),
                ("rockblock.key", &self.key),
            ],
            Service::Cloudloop => &[
                ("cloudloop.url", &self.url),
                ("cloudloop.token", "t"),
                ("cloudloop.path", PATH),
                ("cloudloop.things", &things),
                ("cloudloop.callers", "127.0.0.0/8"),
            ],
            Service::Sbdmail => &[
                ("sbdmail.sender", "sbd@shore.example"),
                ("sbdmail.path", PATH),
                ("sbdmail.peers", "127.0.0.0/8"),
                ("sbdmail.poll", "5"),
                ("sbdmail.to", "data@sbd.example"),
            ],
            Service::Directip => &[
                ("directip.gateway", &self.url),
                ("directip.listen", "127.0.0.1:0"),
                ("directip.peers", "127.0.0.0/8"),
                ("directip.confirm", "yes"),
                ("sms.public_url", ""),
            ],
        };
        own.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    /// Gives a box the account at the service as one more link.
    pub fn add_account(&self, station: &Station) {
        let account = self.account();
        let settings = account.iter().map(|(name, value)| (*name, value.as_str()));
        for words in commands([("link.driver", self.ground.name())].into_iter().chain(settings), "") {
            station.cli_ok(&words.iter().map(String::as_str).collect::<Vec<_>>(), "");
        }
    }

    /// The gateway: olga owns it, anna's terminal is out in the field.
    pub fn gateway(&self) -> Station {
        // Mails for terminals go through the relay: there the service takes what is for it.
        let relay_port = match self.ground {
            Service::Sbdmail => self.key.rsplit(':').next().unwrap_or_default(),
            _ => &self.sink_port,
        };
        let settings = [
            ("box.domain", "shore.example"),
            ("box.reach", "internet"),
            ("link.driver", self.ground.name()),
            ("link.unit", self.unit().0),
            ("link.price", self.unit().1),
            ("relay.host", "localhost"),
            ("relay.port", relay_port),
            ("relay.tls", "none"),
            ("air.strangers", "allow"),
            ("queue.retry_first", "1"),
            ("queue.retry_most", "1"),
        ];
        let account = self.account();
        let own = account.iter().map(|(name, value)| (*name, value.as_str()));
        Station::new(
            &self.folder,
            "gateway",
            &settings.into_iter().chain(own).collect::<Vec<_>>(),
            &["olga", &format!("anna=imei:{}", if self.imt { IMT } else { TERMINAL })],
        )
    }

    /// The service calls this gateway from now on.
    pub fn calls(&self, gateway: &Station) {
        let hook = match self.ground {
            Service::Sbdmail => format!("hook smtp://{}/{PATH}@shore.example", gateway.listener("smtp")),
            Service::Directip => format!("hook tcp://{}", gateway.listener("directip")),
            ground => format!("hook http://{}/hooks/{}/{PATH}", gateway.listener("web"), ground.name()),
        };
        assert_eq!(self.service(&hook), ["ok"]);
    }

    pub fn modem(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("modem.ctl"), command)
    }

    /// What the modem shows of this name.
    pub fn shown(&self, name: &str) -> String {
        let shown = self.modem("show");
        shown.iter().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap_or_default().to_owned()
    }

    pub fn service(&self, command: &str) -> Vec<String> {
        ask(&self.folder.path("service.ctl"), command)
    }

    /// What the service counted: messages up, messages down, looks into the mailbox.
    pub fn credits(&self) -> [u64; 3] {
        let lines = self.service("credits");
        let of = |name: &str| {
            let line = lines.iter().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("{lines:?}")).parse().unwrap()
        };
        [of("mo"), of("mt"), of("mailbox")]
    }

    /// Messages that the service has from the terminal, without looks into the mailbox.
    pub fn ups(&self) -> Vec<Value> {
        let all = self.service("messages").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        all.filter(|up| up["data"] != "").collect()
    }

    /// Mails that the internet's mail server got.
    pub fn mails(&self) -> Vec<Value> {
        let lines = ask(&self.folder.path("sink.ctl"), "mails");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// What the link of a box has cost this month, in credits of a cent.
pub fn bill(station: &Station) -> u64 {
    thousandths(station).div_ceil(10)
}

/// The same in bytes of a tenth of a cent.
pub fn bytes(station: &Station) -> u64 {
    thousandths(station)
}

fn thousandths(station: &Station) -> u64 {
    let link = station.json(&["link", "list"])[0].clone();
    let money: f64 = link["month"]["money"].as_str().unwrap().parse().unwrap();
    (money * 1000.0).round() as u64
}
