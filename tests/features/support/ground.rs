//! A gateway with a Hive, a mail server of the internet, and a simulated carrier with its phones.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::support::shore::Shore;
use crate::support::{Program, SOON, Station, ask, read_all, send, wait_for};

/// The service number of anna, who reads on the gateway.
pub const ANNA: &str = "+14155550199";
/// The service number of ben, who reads on a device.
pub const BEN: &str = "+14155550188";
/// Mum's phone.
pub const MUM: &str = "+14155550123";
/// The address that the world has for the box.
pub const PUBLIC: &str = "https://box.example.org";

pub struct Ground {
    pub shore: Shore,
    _carrier: Program,
    pub url: String,
    control: PathBuf,
}

impl Ground {
    /// `which` is twilio or bandwidth.
    pub fn start(which: &str) -> Self {
        let shore = Shore::start();
        let control = shore.folder.path("carrier.ctl");
        let log = shore.folder.path("carrier.log");
        let args = ["simulate", "carrier", "--carrier", which, "--account", "AC1", "--token", "secret"];
        let rest = ["--hook-login", "hook:pass", "--control", control.to_str().unwrap()];
        let args: Vec<&str> = args.iter().chain(&rest).copied().collect();
        let carrier = Program::start(&args, &log);
        let url = wait_for("the carrier", SOON, || {
            let text = fs::read_to_string(&log).ok()?;
            text.lines().find_map(|line| Some(line.strip_prefix("carrier ")?.trim().to_owned()))
        });
        Self { shore, _carrier: carrier, url, control }
    }

    /// A gateway where anna reads and ben has a device, not started.
    pub fn gateway(&self, which: &str, more: &[(&str, &str)]) -> Station {
        let api = format!("{}/api/v2", self.url);
        let mut settings = vec![
            ("sms.carrier", which),
            ("sms.poll", "1"),
            ("sms.timeout", "2"),
            ("twilio.url", self.url.as_str()),
            ("twilio.account", "AC1"),
            ("twilio.token", "secret"),
            ("bandwidth.url", api.as_str()),
            ("bandwidth.account", "AC1"),
            ("bandwidth.user", "AC1"),
            ("bandwidth.password", "secret"),
            ("bandwidth.application", "AC1"),
            ("bandwidth.hook_user", "hook"),
            ("bandwidth.hook_password", "pass"),
        ];
        settings.extend(more);
        let gateway = self.shore.gateway(&settings, &["anna", "ben=0x001abe"]);
        gateway.cli_ok(&["people", "number", "anna", ANNA], "");
        gateway.cli_ok(&["people", "number", "ben", BEN], "");
        gateway
    }

    /// Has the carrier call the box from now on.
    pub fn call(&self, gateway: &Station) {
        self.says(&format!("hook http://{} {PUBLIC}", gateway.listener("web")));
    }

    pub fn says(&self, command: &str) -> Vec<String> {
        let said = ask(&self.control, command);
        assert!(!said.first().is_some_and(|line| line.starts_with("error")), "{command}: {said:?}");
        said
    }

    /// A phone texts a service number; the carrier's name for the text.
    pub fn text(&self, from: &str, to: &str, words: &str) -> String {
        self.says(&format!("text {from} {to} {words}"))[0].trim_start_matches("ok ").to_owned()
    }

    /// What went to phones.
    pub fn arrived(&self) -> Vec<Value> {
        let all = self.says("phones").into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        all.filter(|text| text["outbound"] == true).collect()
    }

    /// How often a text with these words went to a phone.
    pub fn times(&self, words: &str) -> usize {
        self.arrived().iter().filter(|text| text["text"] == words).count()
    }

    pub fn wait_arrived(&self, words: &str) -> Value {
        wait_for(&format!("'{words}' at the phone"), 2 * SOON, || {
            self.arrived().into_iter().find(|text| text["text"] == words)
        })
    }

    /// Requests to the carrier that have this in their path or body.
    pub fn asked(&self, method: &str, part: &str) -> usize {
        self.says("journal").iter().filter(|line| line.contains(method) && line.contains(part)).count()
    }
}

/// The message with these words, once it is in this state.
pub fn wait_message(gateway: &Station, words: &str, state: &str) -> Value {
    wait_for(&format!("'{words}' to be {state}"), 2 * SOON, || {
        let all = gateway.messages();
        all.into_iter().find(|message| message["text"] == words && message["state"] == state)
    })
}

/// Anna's mail program texts a phone; the reply of the box.
pub fn mail_to_phone(gateway: &Station, to: &str, subject: &str, words: &str) -> String {
    let mail = format!("From: anna@shore.example\nTo: {to}\nSubject: {subject}\n\n{words}\n");
    send(gateway, Some("anna"), "anna@shore.example", to, &mail)
}

/// A call to a webhook by somebody: status and body.
pub fn post(gateway: &Station, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(gateway.listener("web")).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: box.example.org\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).unwrap();
    let text = read_all(&mut stream);
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

/// That nothing happens cannot be waited for; that the box asked the carrier so often again can.
pub fn polls(ground: &Ground, more: usize) {
    let count = || ground.asked("\"GET\"", "DateSent");
    let before = count();
    wait_for("the box to ask the carrier again", Duration::from_secs(30), || (count() >= before + more).then_some(()));
}
