//! A box whose clock is wrong when it starts and is set later, as a board without a battery has it.

use std::process::Command;

use serde_json::Value;

use crate::support::clock::OwnClock;
use crate::support::shore::Shore;
use crate::support::{SOON, Station, wait_for};

/// The message is seconds old when the clock jumps by twenty days: it waits on, for as long as it would have.
#[test]
fn what_was_sent_before_the_clock_was_set_does_not_expire() {
    let shore = Shore::start();
    // Nobody listens there.
    let more = [("relay.port", "1"), ("queue.lifetime", "86400")];
    let mut gateway = shore.gateway(&more, &["olga"]);
    let clock = OwnClock::new(&shore.folder.path(""));
    clock.ahead(0);
    gateway.start_with(&clock.environment());
    gateway.cli_ok(&["send", "--from", "olga", "--text", "before the jump", "bob@world.example"], "");
    let before = gateway.messages().remove(0);
    // What was true until now was twenty days behind.
    clock.ahead(1_728_000);
    wait_for("the clock to be followed", SOON + SOON, || {
        gateway.log_text().contains("the clock was set ahead by 20 days").then_some(())
    });
    let after = gateway.messages().remove(0);
    assert_eq!(after["state"], "queued", "{after}");
    for time in ["accepted", "deadline"] {
        assert_ne!(before[time], after[time], "{time} moved with the clock");
    }
    gateway.totals_balance();
}

/// A clock that is years ahead when the box starts, and a gateway that runs by it: the file that moves it, and the box.
fn nine_years_ahead(shore: &Shore) -> (OwnClock, Station) {
    // Nobody listens there yet.
    let more = [("relay.port", "1"), ("queue.lifetime", "86400")];
    let gateway = shore.gateway(&more, &["olga"]);
    let clock = OwnClock::new(&shore.folder.path(""));
    clock.ahead(AHEAD);
    (clock, gateway)
}

const AHEAD: u64 = 9 * 365 * 86_400;

/// The year of a time as the box prints it.
fn year(message: &Value, time: &str) -> i32 {
    message[time].as_str().and_then(|time| time[..4].parse().ok()).unwrap_or_else(|| panic!("no {time} in {message}"))
}

fn right_year() -> i32 {
    let year = Command::new("date").args(["-u", "+%Y"]).output().unwrap();
    String::from_utf8(year.stdout).unwrap().trim().parse().unwrap()
}

fn wait_followed(gateway: &Station) {
    wait_for("the clock to be followed", SOON + SOON, || {
        gateway.log_text().contains("the clock was set back by 3285 days").then_some(())
    });
}

/// The clock was ahead by years and is set right while the box runs: what waits goes on as if nothing had been, and what was dated wrong
/// is dated right.
#[test]
fn what_was_sent_under_a_clock_that_was_ahead_is_dated_right_and_goes_on() {
    let shore = Shore::start();
    let (clock, mut gateway) = nine_years_ahead(&shore);
    gateway.start_with(&clock.environment());
    gateway.cli_ok(&["send", "--from", "olga", "--text", "from another time", "bob@world.example"], "");
    gateway.cli_ok(&["send", "--from", "olga", "--text", "to myself", "olga@example.net"], "");
    let (now, wrong) = (right_year(), gateway.messages());
    assert!(wrong.iter().all(|message| year(message, "accepted") > now + 7), "{wrong:?}");
    clock.ahead(0);
    wait_followed(&gateway);
    for message in gateway.messages() {
        assert!((now..=now + 1).contains(&year(&message, "accepted")), "{message}");
        assert!((now..=now + 1).contains(&year(&message, "deadline")), "{message}");
    }
    let page: Value = serde_json::from_str(&gateway.cli_ok(&["queue", "show", "m1", "--json"], "")).unwrap();
    assert!(!page.to_string().contains(&format!("\"{}-", year(&wrong[0], "accepted"))), "{page}");
    // It is tried again soon, and not in nine years.
    gateway.cli_ok(&["settings", "set", "relay.port", &shore.sink_port], "");
    shore.wait_mails(1);
    gateway.totals_balance();
    // And it stays so.
    gateway.stop();
    gateway.start_with(&clock.environment());
    gateway.cli_ok(&["send", "--from", "olga", "--text", "now", "olga@example.net"], "");
    assert!(gateway.messages().iter().all(|message| year(message, "accepted") <= now + 1));
    assert!(gateway.cli_ok(&["clock"], "").contains("the box holds its time for right"));
}

/// The same when the clock was set right while the box was off: it cannot know, until somebody says so.
#[test]
fn a_box_that_remembers_a_later_time_follows_its_owner_back() {
    let shore = Shore::start();
    let (clock, mut gateway) = nine_years_ahead(&shore);
    gateway.start_with(&clock.environment());
    gateway.cli_ok(&["send", "--from", "olga", "--text", "from another time", "bob@world.example"], "");
    gateway.stop();
    clock.ahead(0);
    gateway.start_with(&clock.environment());
    let now = right_year();
    assert!(gateway.cli_ok(&["clock"], "").contains("not known to be right"));
    assert!(String::from_utf8_lossy(&gateway.cli(&["check"], "").stdout).contains("satpost clock --right"));
    gateway.cli_ok(&["clock", "--right"], "");
    wait_followed(&gateway);
    assert!(gateway.messages().iter().all(|message| year(message, "accepted") <= now + 1));
    assert!(gateway.cli_ok(&["clock"], "").contains("the box holds its time for right"));
}
