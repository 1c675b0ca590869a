//! Several links in one box.

mod choice;
mod commands;
mod faults;
mod gateway;

use serde_json::Value;

use crate::support::{Program, SECOND_DEVICE, SOON, Station, World, ask, wait_for};

/// A station with two modems: *one* is dear, *two* costs nothing.
pub struct TwoModems {
    pub world: World,
    pub station: Station,
    _second: Program,
}

impl TwoModems {
    /// Both run; `more` settings of the box.
    pub fn start(more: &[(&str, &str)]) -> Self {
        let world = World::start(&["--start", "running"]);
        let path = |name: &str| world.folder.path(name).to_str().unwrap().to_owned();
        let (port, sky, control) = (path("second"), path("sky"), path("second.ctl"));
        let args =
            ["simulate", "modem", "--port", &port, "--device", SECOND_DEVICE, "--sky", &sky, "--control", &control];
        let pace = ["--factor", "20", "--pass-every", "2", "--pass-length", "1", "--seed", "2", "--start", "running"];
        let args: Vec<&str> = args.iter().chain(&pace).copied().collect();
        let second = Program::start(&args, &world.folder.path("second.log"));
        let settings = [&[("box.domain", "boat.example"), ("air.compact", "off")], more].concat();
        let station = Station::new(&world.folder, "station", &settings, &["anna"]);
        let first = path("modem");
        station.cli_ok(&["link", "add", "one", "m138", "link.price", "0.07", "m138.port", &first], "");
        station.cli_ok(&["link", "add", "two", "m138", "link.price", "0", "m138.port", &port], "");
        Self { world, station: station.started(), _second: second }
    }

    pub fn second_says(&self, command: &str) -> Vec<String> {
        ask(&self.world.folder.path("second.ctl"), command)
    }

    /// Payloads that went on air from the second modem.
    pub fn second_on_air(&self) -> usize {
        let entries = self.second_says("journal");
        entries.iter().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count()
    }

    /// Waits until a link is ready, or not.
    pub fn ready(&self, link: &str, wanted: bool) {
        wait_for(&format!("link {link} to be ready: {wanted}"), 4 * SOON, || {
            self.station.status().filter(|status| status["links"][link]["ready"] == wanted)
        });
    }

    pub fn write(&self, words: &str, more: &[&str]) -> String {
        let args = [&["send", "--from", "anna", "--text", words, "--json"], more, &["bob@world.example"]].concat();
        let said = self.station.cli_ok(&args, "");
        serde_json::from_str::<Value>(&said).unwrap()[0]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a message is in a state.
    pub fn state(&self, id: &str, state: &str) -> Value {
        wait_for(&format!("{id} to be {state}"), 4 * SOON, || {
            Some(self.station.json(&["queue", "show", id])).filter(|message| message["state"] == state)
        })
    }

    /// Money that was booked on a link this month.
    pub fn bill(&self, link: &str) -> String {
        self.station.json(&["link", "show", link])["month"]["money"].as_str().unwrap().to_owned()
    }
}
