//! Several links in one box.
//!
//! The cases of `several-links.md` section 4, and what drives each (`worker` is `engine::link::worker::tests`, beside the code):
//!
//! | case | |
//! |---|---|
//! | 1 all by the cheap link | [`choice`] `all_go_by_the_cheap_link_...` |
//! | 2, 3 patience, and back in time | [`cases`] `away::the_line_is_down`, [`choice`] `the_dear_link_takes_over_...`, `worker::several` |
//! | 4 comes back during a session | [`modems`] `what_is_in_a_session_...`, `worker::moves::what_cannot_be_given_back_...` |
//! | 5 killed with a full slot, asked | `link::sbd`, `worker::asked::the_far_box_is_asked_...` |
//! | 6 taken back from a modem | [`modems`] `what_an_imt_modem_holds_...`, [`cases`] `what_waits_on_the_modem_...`, `worker::asked` |
//! | 7 flapping | [`kills`], `links::tests::three_breaks_...`, `worker::several::a_line_that_comes_and_goes_...`, dials: `link::ip::dial` |
//! | 8 a login page | [`cases`] `away::a_login_page_...` |
//! | 9 planned anew for a narrow link | [`cases`] `a_body_of_the_line_...`, `worker::moves::what_was_made_for_a_wide_link_...`, `worker::overtaken` |
//! | 10 budget, 11 no price | [`choice`] `a_budget_...`, `worker::several::a_link_without_a_price_...` |
//! | 12 too large for the satellite | [`cases`] `what_is_too_large_...` |
//! | 13 the same words twice | `worker::moves::the_same_words_...` |
//! | 14 one peer by two ways | [`wholes`], [`gateway`], `worker::asked::a_packet_that_comes_again_...` |
//! | 15 a driver that panics | `supervisor::workers::tests::a_worker_that_panics_in_a_loop_...` |
//! | 16 the clock jumps | [`cases`] `a_clock_that_jumps_...` |
//! | 17 random runs | `engine::link::select::tests::runs`, `compact::peer::tests::histories`, `worker::several` |

mod both;
mod cases;
mod choice;
mod commands;
mod echo;
mod faults;
mod gateway;
mod kills;
mod modems;
mod prices;
mod week;
mod wholes;

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
