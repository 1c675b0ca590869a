//! A station and a gateway with a simulated line between them, and a mail server of the internet.

use std::fs;

use crate::support::command::link_of;
use crate::support::{Folder, Program, SOON, Station, ask, send, wait_for};

/// The two boxes, the line, and the world behind the gateway.
pub struct Sea {
    pub folder: Folder,
    _sink: Program,
    _line: Program,
    pub address: String,
    pub gateway: Station,
    pub station: Station,
}

/// What went over the line so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    pub up: u64,
    pub down: u64,
}

impl Sea {
    /// Both boxes run, and are not paired.
    pub fn strangers(options: &[&str], more: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        let sink = Program::start(
            &["simulate", "sink", "--listen", "127.0.0.1:0", "--control", &path("sink.ctl")],
            &folder.path("sink.log"),
        );
        let sink_address = first_word(&folder, "sink.log", "sink ");
        let sink_port = sink_address.rsplit(':').next().unwrap();
        let settings = [
            ("box.name", "shore"),
            ("box.domain", "shore.example"),
            ("box.reach", "internet"),
            ("link.driver", "ip"),
            ("ip.listen", "127.0.0.1:0"),
            ("relay.host", "localhost"),
            ("relay.port", sink_port),
            ("relay.tls", "none"),
            ("queue.retry_first", "1"),
            ("queue.retry_most", "1"),
            ("air.strangers", "allow"),
        ];
        let gateway = Station::new(&folder, "gateway", &settings, &["olga"]).started();
        let to = gateway.listener("ip").to_string();
        let control = path("line.ctl");
        let usual = ["simulate", "line", "--to", &to, "--control", &control];
        let line = Program::start(&[&usual[..], options].concat(), &folder.path("line.log"));
        let address = first_word(&folder, "line.log", "line ");
        let settings =
            [("box.name", "boat"), ("box.domain", "boat.example"), ("box.reach", "satellite"), ("link.driver", "ip")];
        let station = Station::new(&folder, "station", &[&settings[..], more].concat(), &["anna"]).started();
        Self { folder, _sink: sink, _line: line, address, gateway, station }
    }

    /// Both boxes run, are paired, and connected.
    pub fn paired(options: &[&str], more: &[(&str, &str)]) -> Self {
        let sea = Self::strangers(options, more);
        let code = sea.code();
        sea.station.cli_ok(&["pair", "join", &sea.address, &code], "");
        sea.wait_up();
        sea
    }

    /// A fresh code of the gateway.
    pub fn code(&self) -> String {
        self.gateway.cli_ok(&["pair", "new"], "").trim().to_owned()
    }

    pub fn line_says(&self, command: &str) -> String {
        let said = ask(&self.folder.path("line.ctl"), command);
        assert!(said[0].starts_with("ok"), "{command}: {said:?}");
        said[0].clone()
    }

    pub fn counts(&self) -> Counts {
        let said = self.line_says("counts");
        let numbers: Vec<u64> = said.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
        Counts { connections: numbers[0], up: numbers[1], down: numbers[2] }
    }

    /// The line leads to the gateway as it listens now, after it was started again.
    pub fn lead_to_gateway(&self) {
        self.line_says(&format!("to {}", self.gateway.listener("ip")));
    }

    /// Waits until the station is connected.
    pub fn wait_up(&self) {
        wait_for("the station to be connected", 3 * SOON, || {
            self.station.status().filter(|status| link_of(status)["ready"] == true)
        });
    }

    /// Waits until the station says these words of its link.
    pub fn wait_words(&self, words: &str) {
        wait_for(&format!("the station to say '{words}'"), SOON, || {
            let status = self.station.status()?;
            link_of(&status)["words"].as_str().filter(|said| said.contains(words)).map(|_| ())
        });
    }

    /// Anna writes a message on the boat.
    pub fn send(&self, number: usize) {
        let mail = format!("From: anna@boat.example\nSubject: Number {number}\n\nThis is number {number}.\n");
        let reply =
            send(&self.station, Some("anna"), "anna@boat.example", &format!("bob{number}@world.example"), &mail);
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// Waits until the gateway has taken in the messages with these numbers, each once.
    pub fn wait_taken(&self, numbers: std::ops::Range<usize>) {
        let mut wanted: Vec<String> = numbers.map(|number| format!("bob{number}@world.example")).collect();
        wanted.sort();
        let there = || {
            let mut to: Vec<String> =
                self.gateway.messages().iter().map(|message| message["to"].as_str().unwrap().to_owned()).collect();
            to.sort();
            to
        };
        wait_for(&format!("{} messages at the gateway", wanted.len()), 4 * SOON, || {
            (there().len() >= wanted.len()).then_some(())
        });
        assert_eq!(there(), wanted);
    }
}

fn first_word(folder: &Folder, log: &str, word: &str) -> String {
    wait_for(word, SOON, || {
        let text = fs::read_to_string(folder.path(log)).ok()?;
        text.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
    })
}
