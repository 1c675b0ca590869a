//! Cases of `several-links.md` section 4 and `ip-link.md` section 9 with a line beside a satellite. Money is that of the box;
//! what went on air is counted by the simulated modem.

use serde_json::Value;

use super::both::Both;
use crate::support::clock::OwnClock;
use crate::support::{SOON, has_gone, wait_for};

const RUNNING: [&str; 2] = ["--start", "running"];

/// Case 2 and 3: normal mail waits for the line, an urgent one does not; what waited goes by the line that comes back.
/// Case 8: so it is where a login page answers instead of the far box.
fn away(how: &str) {
    let both = Both::start(&RUNNING, &[("patience.normal", "1h"), ("patience.urgent", "1")], &[]);
    both.meet();
    both.line_says(how);
    both.line_says("cut");
    both.ready("line", false);
    let normal = both.sends("Wind 5, all well", &[]);
    let urgent = both.sends("We need a doctor", &["--priority", "urgent"]);
    both.message(&both.gateway, "We need a doctor", |message| message["state"] == "delivered");
    both.says(&normal, "waits for line, which is down");
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (1, "0.07"));
    assert_eq!(both.mails(2).len(), 2);
    both.line_says("clear");
    both.mails(3);
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (1, "0.07"));
    let gone = |id: &str| has_gone(&both.station.json(&["queue", "show", id]));
    wait_for("both to be ashore", 2 * SOON, || (gone(&normal) && gone(&urgent)).then_some(()));
    both.totals_balance();
}

scenes!(away: the_line_is_down("refuse"), a_login_page_answers_instead("portal"));

/// Case 5 of the line: it swallows what is on it. After its patience an urgent message goes by satellite, for once its price;
/// when the line is back there is no second copy, and it is known to be there.
#[test]
fn what_a_silent_line_has_goes_by_satellite_once_its_patience_is_over() {
    let both = Both::start(&RUNNING, &[("patience.normal", "1h"), ("patience.urgent", "1")], &[]);
    both.meet();
    both.line_says("stall");
    let urgent = both.sends("We need a doctor", &["--priority", "urgent"]);
    let normal = both.sends("Wind 5, all well", &[]);
    both.message(&both.gateway, "We need a doctor", |message| message["state"] == "delivered");
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (1, "0.07"));
    let history = both.station.json(&["queue", "show", &urgent])["steps"].to_string();
    assert!(history.contains("has not told whether it arrived: it goes by m138, for 0.07"), "{history}");
    assert_eq!(both.station.json(&["queue", "show", &normal])["state"], "on the link");
    both.line_says("clear");
    both.line_says("cut");
    let mails = both.mails(3);
    let doctors = mails.iter().filter(|mail| mail.contains("We need a doctor")).count();
    assert_eq!((doctors, both.on_air(), both.bill("m138").as_str()), (1, 1, "0.07"));
    both.message(&both.station, "We need a doctor", |message| message["state"] == "delivered");
    both.totals_balance();
}

/// Case 9: a body that was made for the line arrives, and its receipt does not. After its patience it goes in small packets that
/// replace it, and is ashore once.
#[test]
fn a_body_of_the_line_that_arrived_unheard_of_is_not_delivered_again() {
    let both = Both::start(&RUNNING, &[("patience.normal", "2")], &[]);
    both.meet();
    both.line_says("stall down");
    // Words that no coder has seen: they take several packets of the satellite.
    let mut dice = testing::Dice::new(9);
    let words: Vec<String> = (0..40).map(|_| format!("{:016x}", dice.any())).collect();
    both.writes(&format!("Subject: Log\n\n{}\n", words.join("\n")));
    let mails = both.mails(2);
    assert!(mails[1].contains(words.last().unwrap()), "all of it came by the line");
    both.message(&both.station, "Log", |message| message["steps"].to_string().contains("it goes by m138, for"));
    both.message(&both.station, "Log", has_gone);
    let packets = both.on_air();
    assert!(packets > 1, "{packets} packets");
    both.line_says("clear");
    both.line_says("cut");
    both.ready("line", true);
    both.message(&both.station, "Log", |message| message["state"] == "delivered");
    both.writes("Subject: Last\n\nThe last one.\n");
    assert!(both.mails(3)[2].contains("The last one."));
    assert_eq!(both.on_air(), packets);
    both.totals_balance();
}

/// A line that is dialled only when there is something to carry, and reaches nobody, is not there: what it was given goes by
/// satellite after the patience.
#[test]
fn a_line_on_demand_that_reaches_nobody_keeps_nothing() {
    let both = Both::start(&RUNNING, &[("patience.normal", "2")], &[]);
    both.meet();
    both.line_says("refuse");
    both.station.cli_ok(&["link", "set", "line", "ip.hold", "no"], "");
    both.sends("Wind 5, all well", &[]);
    both.mails(2);
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (1, "0.07"));
    both.totals_balance();
}

/// Case 6: what waits on the modem when the line comes is deleted there, and goes by the line.
#[test]
fn what_waits_on_the_modem_goes_by_the_line_that_comes() {
    let both = Both::start(&RUNNING, &[("patience.normal", "0")], &[]);
    both.meet();
    both.world.modem_says("pass end");
    both.line_goes();
    let ids: Vec<String> = (0..3).map(|number| both.sends(&format!("number {number}"), &[])).collect();
    wait_for("the modem to have one", 2 * SOON, || (!both.world.modem_says("queue").is_empty()).then_some(()));
    both.line_says("clear");
    both.mails(4);
    for id in &ids {
        wait_for(&format!("{id} to be settled"), 2 * SOON, || {
            let packets = both.station.json(&["queue", "show", id])["packets"].clone();
            let by_line = |packet: &Value| packet["link"] == "line" && packet["state"] != "planned";
            packets.as_array().is_some_and(|all| all.iter().any(by_line)).then_some(())
        });
    }
    wait_for("the modem to be empty", SOON, || both.world.modem_says("queue").is_empty().then_some(()));
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (0, "0.00"));
    both.totals_balance();
}

/// Case 12: what is too large for the satellite, even cut, is not tried there: it waits for the line.
#[test]
fn what_is_too_large_for_the_satellite_waits_for_the_line() {
    let both = Both::start(&RUNNING, &[("patience.normal", "0")], &[]);
    both.meet();
    both.line_goes();
    // Words that no coder has seen.
    let mut dice = testing::Dice::new(5);
    let words: Vec<String> = (0..600).map(|_| format!("{:016x}", dice.any())).collect();
    both.writes(&format!("Subject: Log\n\n{}\n", words.join("\n")));
    both.writes("Subject: Short\n\nWind 5.\n");
    assert!(both.mails(2)[1].contains("Wind 5."));
    let log = both.message(&both.station, "Log", |message| message["state"] == "queued");
    both.says(log["id"].as_str().unwrap(), "line");
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (1, "0.07"));
    both.line_says("clear");
    let mails = both.mails(3);
    assert!(mails[2].contains(words.last().unwrap()), "all of it");
    assert_eq!(both.on_air(), 1);
    both.totals_balance();
}

/// Case 16: a box that wakes in 1986 and learns the time an hour later, as it seems: patience is not over by that.
#[test]
fn a_clock_that_jumps_by_forty_years_ends_no_patience() {
    let mut both = Both::start(&RUNNING, &[("patience.normal", "1h")], &[]);
    both.meet();
    both.line_goes();
    both.station.stop();
    let clock = OwnClock::new(&both.world.folder.path(""));
    clock.behind(40 * 365 * 86_400);
    both.station.start_with(&clock.environment());
    both.ready("m138", true);
    let ids: Vec<String> = (0..3).map(|number| both.sends(&format!("number {number}"), &[])).collect();
    for id in &ids {
        both.says(id, "waits for line, which is down");
    }
    clock.behind(0);
    for id in &ids {
        wait_for(&format!("{id} to have today's times"), 2 * SOON, || {
            let message = both.station.json(&["queue", "show", id]);
            message["accepted"].as_str().filter(|at| *at > "2026").map(|_| ())
        });
        both.says(id, "waits for line, which is down");
    }
    assert_eq!((both.on_air(), both.bill("m138").as_str()), (0, "0.00"));
    both.line_says("clear");
    both.mails(4);
    assert_eq!(both.on_air(), 0);
    both.totals_balance();
}
